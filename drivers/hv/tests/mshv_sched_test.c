// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests of mshv_sched.c tell the hypervisor to answer: see mshv_sched_test.h.
 */

#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "mshv_sched_test.h"

int mshv_sched_test_init(struct kunit *test)
{
	test->priv = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	return 0;
}

/* A hypervisor that has VMM capabilities. */
void mshv_sched_test_set_caps(struct hv_fake *fake, u16 bank_count,
			      u64 bits)
{
	struct hv_partition_property_vmm_capabilities caps = {
		.bank_count = bank_count,
		.as_uint64[0] = bits,
	};

	hv_fake_set_property(fake, CAPS, &caps, sizeof(caps));
}

void mshv_sched_test_set_integrated(struct hv_fake *fake, u64 value)
{
	hv_fake_set_property(fake, INTEGRATED, &value, sizeof(value));
}

/* The first call for a property fails with @result. */
void mshv_sched_test_fail(struct hv_fake *fake, u16 code, u32 property,
			  u64 result)
{
	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = code,
		.property = property,
		.nth = 1,
		.result = result,
	});
}

unsigned int mshv_sched_test_asked(struct hv_fake *fake, u32 property)
{
	return hv_fake_count(fake, property == SCHED_TYPE ?
			     HVCALL_GET_SYSTEM_PROPERTY :
			     HVCALL_GET_PARTITION_PROPERTY_EX, property);
}
