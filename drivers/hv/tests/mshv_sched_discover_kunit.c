// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_discover(): what the hypervisor is asked, by the real
 * marshalling, down to the pages, and what its answers are taken for.
 *
 * They are cases of the suite in mshv_sched_kunit.c.
 */

#include <linux/io.h>
#include <linux/percpu.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_sched_test.h"

/* Whether an address is the start of one of the per-CPU argument pages. */
static bool mshv_sched_test_is_arg_page(void * __percpu *args, u64 gpa)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (virt_to_phys(*per_cpu_ptr(args, cpu)) == gpa)
			return true;

	return false;
}

/*
 * An L1VH with the bit set. The hypervisor sees two queries, in this order,
 * each for partition SELF, with the property's code, no argument, reserved
 * fields zero, in this kernel's argument pages with interrupts off; and what
 * it wrote into the output page is what the facts hold.
 */
void mshv_sched_discover_marshals_queries(struct kunit *test)
{
	static const u32 codes[] = { CAPS, INTEGRATED };
	struct hv_fake *fake = test->priv;
	struct mshv_sched_facts facts;
	unsigned int i;

	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED | CAPS_OVERLAY);
	mshv_sched_test_set_integrated(fake, 0x8877665544332211ULL);

	mshv_sched_discover(&facts);

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct hv_input_get_partition_property_ex want = {
			.partition_id = HV_PARTITION_ID_SELF,
			.property_code = codes[i],
		};
		const struct hv_fake_call *call = hv_fake_call(fake, i);

		KUNIT_EXPECT_EQ(test, call->control, HVCALL_GET_PARTITION_PROPERTY_EX);
		KUNIT_EXPECT_MEMEQ(test, call->input, &want, sizeof(want));
		KUNIT_EXPECT_FALSE(test, call->irqs_on);
		KUNIT_EXPECT_TRUE(test, mshv_sched_test_is_arg_page(hyperv_pcpu_input_arg,
								    call->input_gpa));
		KUNIT_EXPECT_TRUE(test, mshv_sched_test_is_arg_page(hyperv_pcpu_output_arg,
								    call->output_gpa));
	}
	KUNIT_EXPECT_EQ(test, hv_fake_count(fake, HVCALL_GET_PARTITION_PROPERTY_EX, 0), 2);

	KUNIT_EXPECT_TRUE(test, facts.l1vh);
	KUNIT_EXPECT_EQ(test, facts.caps_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.caps.bank_count, 1);
	KUNIT_EXPECT_EQ(test, facts.caps.as_uint64[0], CAPS_INTEGRATED | CAPS_OVERLAY);
	KUNIT_EXPECT_EQ(test, facts.integrated_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.integrated, 0x8877665544332211ULL);
	KUNIT_EXPECT_EQ(test, facts.type, 0);
}

/*
 * A root partition. The hypervisor sees the query for the capabilities and the
 * one for the scheduler type, whose input is the property and zeroes.
 */
void mshv_sched_discover_marshals_root_query(struct kunit *test)
{
	const struct hv_input_get_system_property want = {
		.property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE,
	};
	struct hv_fake *fake = test->priv;
	const struct hv_fake_call *call;
	struct mshv_sched_facts facts;

	hv_fake_become(fake, HV_PARTITION_TYPE_ROOT);
	mshv_sched_test_set_caps(fake, 1, CAPS_OVERLAY);
	hv_fake_set_scheduler_type(fake, HV_SCHEDULER_TYPE_LP_SMT);

	mshv_sched_discover(&facts);

	call = hv_fake_call(fake, 1);
	KUNIT_EXPECT_EQ(test, call->control, HVCALL_GET_SYSTEM_PROPERTY);
	KUNIT_EXPECT_MEMEQ(test, call->input, &want, sizeof(want));
	KUNIT_EXPECT_FALSE(test, call->irqs_on);
	KUNIT_EXPECT_FALSE(test, facts.l1vh);
	KUNIT_EXPECT_EQ(test, facts.caps.as_uint64[0], CAPS_OVERLAY);
	KUNIT_EXPECT_EQ(test, facts.type_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.type, HV_SCHEDULER_TYPE_LP_SMT);
}

static const struct mshv_sched_asks_case {
	const char *name;
	enum hv_partition_type partition;
	u64 caps_result;
	u64 caps;
	unsigned int integrated;	/* how often each is to be asked */
	unsigned int type;
} mshv_sched_asks_cases[] = {
	{
		.name = "L1VH, bit clear",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps = ~CAPS_INTEGRATED,
	},
	{
		.name = "L1VH, bit set",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps = CAPS_INTEGRATED,
		.integrated = 1,
	},
	{
		.name = "L1VH, capabilities unreadable",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps_result = HV_STATUS_OPERATION_FAILED,
		.caps = CAPS_INTEGRATED,
	},
	{
		.name = "root, bit set",
		.partition = HV_PARTITION_TYPE_ROOT,
		.caps = CAPS_INTEGRATED,
		.type = 1,
	},
	{
		.name = "root, capabilities unreadable",
		.partition = HV_PARTITION_TYPE_ROOT,
		.caps_result = HV_STATUS_OPERATION_FAILED,
		.caps = CAPS_INTEGRATED,
		.type = 1,
	},
};

KUNIT_ARRAY_PARAM_DESC(mshv_sched_asks, mshv_sched_asks_cases, name);

/* What the suite's list names is static: the macro makes it so. */
const void *mshv_sched_asks_params(struct kunit *test, const void *prev,
				   char *desc)
{
	return mshv_sched_asks_gen_params(test, prev, desc);
}

/*
 * A kind of partition and its capabilities. The capabilities are asked for
 * exactly once; the property exactly once in an L1VH with the bit set, never
 * otherwise; the type exactly once in a root partition, never otherwise.
 */
void mshv_sched_discover_asks_once(struct kunit *test)
{
	const struct mshv_sched_asks_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_facts facts;

	hv_fake_become(fake, c->partition);
	mshv_sched_test_set_caps(fake, 1, c->caps);
	mshv_sched_test_set_integrated(fake, 1);
	if (c->caps_result)
		mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX,
				     CAPS, c->caps_result);

	mshv_sched_discover(&facts);

	KUNIT_EXPECT_EQ(test, mshv_sched_test_asked(fake, CAPS), 1);
	KUNIT_EXPECT_EQ(test, mshv_sched_test_asked(fake, INTEGRATED), c->integrated);
	KUNIT_EXPECT_EQ(test, mshv_sched_test_asked(fake, SCHED_TYPE), c->type);
}

/*
 * The hypervisor reports success for the capabilities and writes nothing, while
 * the output page still holds what an earlier call left there. They read as
 * zero: no bit.
 */
void mshv_sched_discover_caps_not_written(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_sched_facts facts;

	hv_fake_set_property(fake, CAPS, NULL, 0);

	mshv_sched_discover(&facts);

	KUNIT_EXPECT_EQ(test, facts.caps_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.caps.bank_count, 0);
	KUNIT_EXPECT_EQ(test, facts.caps.as_uint64[0], 0);
}

/*
 * The hypervisor sets the bit and then answers the query for the property with
 * success and nothing written. It reads as "not enabled".
 */
void mshv_sched_discover_property_not_written(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_sched_facts facts;

	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED);
	hv_fake_set_property(fake, INTEGRATED, NULL, 0);

	mshv_sched_discover(&facts);

	KUNIT_EXPECT_EQ(test, facts.integrated_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.integrated, 0);
}

/*
 * The same of the scheduler type in a root partition, where the answer before
 * it, the capabilities, began with a number that is a scheduler. It reads as
 * zero, which is none.
 */
void mshv_sched_discover_type_not_written(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_sched_facts facts;

	hv_fake_become(fake, HV_PARTITION_TYPE_ROOT);
	mshv_sched_test_set_caps(fake, HV_SCHEDULER_TYPE_ROOT, 0);

	mshv_sched_discover(&facts);

	KUNIT_EXPECT_EQ(test, facts.type_status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, facts.type, 0);
}

/*
 * hv_query_partition_property_ex() fails. It returns the status whole and
 * leaves the caller's value alone; the errno version does the same with the
 * errno of that status.
 */
void mshv_sched_query_keeps_status(struct kunit *test)
{
	const u64 result = HV_HYPERCALL_REP_COMP_1 | HV_STATUS_INVALID_PARTITION_STATE;
	struct hv_fake *fake = test->priv;
	u64 value = 0x55;

	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.result = result,
	});

	KUNIT_EXPECT_EQ(test, hv_query_partition_property_ex(HV_PARTITION_ID_SELF,
							     CAPS, 0, &value,
							     sizeof(value)), result);
	KUNIT_EXPECT_EQ(test, value, 0x55);

	KUNIT_EXPECT_EQ(test, hv_call_get_partition_property_ex(HV_PARTITION_ID_SELF,
								CAPS, 0, &value,
								sizeof(value)),
			hv_result_to_errno(result));
	KUNIT_EXPECT_EQ(test, value, 0x55);
}

/*
 * A property is asked for with an argument. The argument is in the input, the
 * value in the caller's buffer, and the errno version returns 0.
 */
void mshv_sched_query_passes_argument(struct kunit *test)
{
	const struct hv_input_get_partition_property_ex want = {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = INTEGRATED,
		.arg = 0x0102030405060708ULL,
	};
	struct hv_fake *fake = test->priv;
	u64 value = 0;

	mshv_sched_test_set_integrated(fake, 0x99);

	KUNIT_EXPECT_EQ(test, hv_call_get_partition_property_ex(HV_PARTITION_ID_SELF,
								INTEGRATED, want.arg,
								&value,
								sizeof(value)), 0);
	KUNIT_EXPECT_EQ(test, value, 0x99);
	KUNIT_EXPECT_MEMEQ(test, hv_fake_call(fake, 0)->input, &want, sizeof(want));
}
