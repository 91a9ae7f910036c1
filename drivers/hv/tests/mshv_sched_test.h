/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of mshv_sched.c tell the hypervisor to answer. The suites
 * "mshv_sched" and "mshv_sched_init" share it.
 *
 * There is no test case in mshv_sched_test.[ch].
 */
#ifndef _MSHV_SCHED_TEST_H_
#define _MSHV_SCHED_TEST_H_

#include <linux/bits.h>
#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct hv_fake;
struct kunit;

#define CAPS		HV_PARTITION_PROPERTY_VMM_CAPABILITIES
#define INTEGRATED	HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED
#define SCHED_TYPE	HV_SYSTEM_PROPERTY_SCHEDULER_TYPE

#define CAPS_INTEGRATED	BIT_ULL(6)	/* vmm_enable_integrated_scheduler */
#define CAPS_OVERLAY	BIT_ULL(1)	/* vmm_can_provide_overlay_gpfn */

/* What both suites begin a case with: a fake, of an L1VH. */
int mshv_sched_test_init(struct kunit *test);

/* The hypervisor's answers, or a failure. */
void mshv_sched_test_set_caps(struct hv_fake *fake, u16 bank_count,
			      u64 bits);
void mshv_sched_test_set_integrated(struct hv_fake *fake, u64 value);
void mshv_sched_test_fail(struct hv_fake *fake, u16 code, u32 property,
			  u64 result);

/* How often a property was asked for. */
unsigned int mshv_sched_test_asked(struct hv_fake *fake, u32 property);

/* Cases that the list of the suite "mshv_sched" has from its other file. */
const void *mshv_sched_asks_params(struct kunit *test, const void *prev,
				   char *desc);
void mshv_sched_discover_marshals_queries(struct kunit *test);
void mshv_sched_discover_marshals_root_query(struct kunit *test);
void mshv_sched_discover_asks_once(struct kunit *test);
void mshv_sched_discover_caps_not_written(struct kunit *test);
void mshv_sched_discover_property_not_written(struct kunit *test);
void mshv_sched_discover_type_not_written(struct kunit *test);
void mshv_sched_query_keeps_status(struct kunit *test);
void mshv_sched_query_passes_argument(struct kunit *test);

#endif /* _MSHV_SCHED_TEST_H_ */
