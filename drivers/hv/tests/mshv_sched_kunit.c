// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched.c: who dispatches VPs, from the facts to the choice.
 *
 * The suite "mshv_sched" tests the steps one by one and can be run again after
 * boot. Its cases about discovery alone are in mshv_sched_discover_kunit.c; the
 * whole of mshv_sched_init() is the suite of mshv_sched_init_kunit.c.
 */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_sched_test.h"

/*
 * Every HV_STATUS_* of include/hyperv/hvgdk_mini.h but success; "make check"
 * holds this list against the header. "not known" are those by which an old
 * hypervisor says that it has no VMM capabilities.
 */
#define STATUS(code)		{ .name = #code, .status = HV_STATUS_##code }
#define STATUS_NOT_KNOWN(code) \
	{ .name = #code, .status = HV_STATUS_##code, .not_known = true }

static const struct mshv_sched_status_case {
	const char *name;
	u64 status;
	bool not_known;
} mshv_sched_status_cases[] = {
	STATUS_NOT_KNOWN(INVALID_HYPERCALL_CODE),
	STATUS(INVALID_HYPERCALL_INPUT),
	STATUS(INVALID_ALIGNMENT),
	STATUS(INVALID_PARAMETER),
	STATUS(ACCESS_DENIED),
	STATUS(INVALID_PARTITION_STATE),
	STATUS(OPERATION_DENIED),
	STATUS_NOT_KNOWN(UNKNOWN_PROPERTY),
	STATUS(PROPERTY_VALUE_OUT_OF_RANGE),
	STATUS(INSUFFICIENT_MEMORY),
	STATUS(INVALID_PARTITION_ID),
	STATUS(INVALID_VP_INDEX),
	STATUS(NOT_FOUND),
	STATUS(INVALID_PORT_ID),
	STATUS(INVALID_CONNECTION_ID),
	STATUS(INSUFFICIENT_BUFFERS),
	STATUS(NOT_ACKNOWLEDGED),
	STATUS(INVALID_VP_STATE),
	STATUS(NO_RESOURCES),
	STATUS(PROCESSOR_FEATURE_NOT_SUPPORTED),
	STATUS(INVALID_LP_INDEX),
	STATUS(INVALID_REGISTER_VALUE),
	STATUS(OPERATION_FAILED),
	STATUS(INSUFFICIENT_ROOT_MEMORY),
	STATUS(INSUFFICIENT_CONTIGUOUS_MEMORY),
	STATUS(TIME_OUT),
	STATUS(CALL_PENDING),
	STATUS(INSUFFICIENT_CONTIGUOUS_ROOT_MEMORY),
	STATUS(VTL_ALREADY_ENABLED),
	{ .name = "a status that no header names", .status = 0xeeee },
	{ .name = "no hypercall possible", .status = U64_MAX },
};

KUNIT_ARRAY_PARAM_DESC(mshv_sched_status, mshv_sched_status_cases, name);

/*
 * mshv_sched_choose(): facts made by hand, no hypercall
 */

static const struct mshv_sched_choose_case {
	const char *name;
	struct mshv_sched_facts facts;
	/* Zero in a refusal. */
	enum hv_scheduler_type type;
	enum mshv_sched_reason reason;
	/* The status that @reason rests on; its errno is that of a refusal. */
	u64 status;
} mshv_sched_choose_cases[] = {
	{
		.name = "root, classic without SMT",
		.facts = { .type = HV_SCHEDULER_TYPE_LP },
		.type = HV_SCHEDULER_TYPE_LP,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, classic with SMT",
		.facts = { .type = HV_SCHEDULER_TYPE_LP_SMT },
		.type = HV_SCHEDULER_TYPE_LP_SMT,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, core",
		.facts = { .type = HV_SCHEDULER_TYPE_CORE_SMT },
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, root",
		.facts = { .type = HV_SCHEDULER_TYPE_ROOT },
		.type = HV_SCHEDULER_TYPE_ROOT,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, capabilities unreadable",
		.facts = {
			.caps_status = HV_STATUS_OPERATION_FAILED,
			.type = HV_SCHEDULER_TYPE_ROOT,
		},
		.type = HV_SCHEDULER_TYPE_ROOT,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, core, integrated bit set",
		.facts = {
			.caps.as_uint64[0] = CAPS_INTEGRATED,
			.type = HV_SCHEDULER_TYPE_CORE_SMT,
		},
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_REPORTED,
	},
	{
		.name = "root, type 0",
		.facts = { .type = 0 },
		.reason = MSHV_SCHED_TYPE_UNKNOWN,
	},
	{
		.name = "root, first type beyond those known",
		.facts = { .type = HV_SCHEDULER_TYPE_ROOT + 1 },
		.reason = MSHV_SCHED_TYPE_UNKNOWN,
	},
	{
		.name = "root, type U32_MAX",
		.facts = { .type = U32_MAX },
		.reason = MSHV_SCHED_TYPE_UNKNOWN,
	},
	{
		.name = "root, type unreadable",
		.facts = { .type_status = HV_STATUS_ACCESS_DENIED },
		.reason = MSHV_SCHED_TYPE_UNREADABLE,
		.status = HV_STATUS_ACCESS_DENIED,
	},
	{
		.name = "L1VH, bit clear",
		.facts = { .l1vh = true },
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_NOT_OFFERED,
	},
	{
		.name = "L1VH, every other bit set",
		.facts = {
			.l1vh = true,
			.caps.as_uint64[0] = ~CAPS_INTEGRATED,
		},
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_NOT_OFFERED,
	},
	{
		.name = "L1VH, bit set, property 0",
		.facts = {
			.l1vh = true,
			.caps.as_uint64[0] = CAPS_INTEGRATED,
		},
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_NOT_ENABLED,
	},
	{
		.name = "L1VH, bit set, property 1",
		.facts = {
			.l1vh = true,
			.caps.as_uint64[0] = CAPS_INTEGRATED,
			.integrated = 1,
		},
		.type = HV_SCHEDULER_TYPE_ROOT,
		.reason = MSHV_SCHED_INTEGRATED,
	},
	{
		.name = "L1VH, bit set, property unreadable",
		.facts = {
			.l1vh = true,
			.caps.as_uint64[0] = CAPS_INTEGRATED,
			.integrated_status = HV_STATUS_INVALID_PARAMETER,
		},
		.reason = MSHV_SCHED_INTEGRATED_UNREADABLE,
		.status = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "L1VH, bit set, property not known",
		.facts = {
			.l1vh = true,
			.caps.as_uint64[0] = CAPS_INTEGRATED,
			.integrated_status = HV_STATUS_INVALID_HYPERCALL_CODE,
		},
		.reason = MSHV_SCHED_INTEGRATED_UNREADABLE,
		.status = HV_STATUS_INVALID_HYPERCALL_CODE,
	},
	{
		.name = "L1VH, capabilities not known: property",
		.facts = {
			.l1vh = true,
			.caps_status = HV_STATUS_UNKNOWN_PROPERTY,
		},
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_NO_CAPS,
		.status = HV_STATUS_UNKNOWN_PROPERTY,
	},
	{
		.name = "L1VH, capabilities not known: hypercall",
		.facts = {
			.l1vh = true,
			.caps_status = HV_STATUS_INVALID_HYPERCALL_CODE,
		},
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.reason = MSHV_SCHED_NO_CAPS,
		.status = HV_STATUS_INVALID_HYPERCALL_CODE,
	},
	{
		.name = "L1VH, capabilities unreadable",
		.facts = {
			.l1vh = true,
			.caps_status = HV_STATUS_INVALID_PARAMETER,
		},
		.reason = MSHV_SCHED_CAPS_UNREADABLE,
		.status = HV_STATUS_INVALID_PARAMETER,
	},
};

KUNIT_ARRAY_PARAM_DESC(mshv_sched_choose, mshv_sched_choose_cases, name);

/*
 * One row of the decision table, as facts. The scheduler, the reason and the
 * status it rests on are those of the table; a refusal names no scheduler and
 * has the errno of that status.
 */
static void mshv_sched_choose_row(struct kunit *test)
{
	const struct mshv_sched_choose_case *c = test->param_value;
	struct mshv_sched_choice choice;
	int err = 0;

	if (!c->type)
		err = c->status ? hv_result_to_errno(c->status) : -EOPNOTSUPP;

	KUNIT_EXPECT_EQ(test, mshv_sched_choose(&c->facts, &choice), err);
	KUNIT_EXPECT_EQ(test, choice.reason, c->reason);
	KUNIT_EXPECT_EQ(test, choice.type, c->type);
	KUNIT_EXPECT_EQ(test, choice.status, c->status);
}

/*
 * Every status that 16 bits can hold, for each of the three queries, with and
 * without a count of repetitions above it. Two of them lead an L1VH without
 * capabilities to the core scheduler; every other failure is refused, with its
 * errno.
 */
static void mshv_sched_choose_every_status(struct kunit *test)
{
	static const u64 above[] = { 0, HV_HYPERCALL_REP_COMP_1 };
	struct mshv_sched_choice choice;
	unsigned int i, cores = 0;
	u64 status;
	u32 code;

	for (i = 0; i < ARRAY_SIZE(above); i++) {
		for (code = 1; code <= U16_MAX; code++) {
			struct mshv_sched_facts facts = { .l1vh = true };

			status = code | above[i];

			facts.caps_status = status;
			if (!mshv_sched_choose(&facts, &choice)) {
				KUNIT_EXPECT_TRUE(test, code == HV_STATUS_UNKNOWN_PROPERTY ||
						  code == HV_STATUS_INVALID_HYPERCALL_CODE);
				KUNIT_EXPECT_EQ(test, choice.type, HV_SCHEDULER_TYPE_CORE_SMT);
				cores++;
			} else if (mshv_sched_choose(&facts, &choice) !=
				   hv_result_to_errno(status)) {
				KUNIT_FAIL(test, "capabilities, 0x%llx: errno", status);
			}

			facts.caps_status = 0;
			facts.caps.as_uint64[0] = CAPS_INTEGRATED;
			facts.integrated_status = status;
			/* Left over from somewhere: must not count. */
			facts.integrated = 1;
			if (mshv_sched_choose(&facts, &choice) !=
			    hv_result_to_errno(status))
				KUNIT_FAIL(test, "property, 0x%llx: errno", status);

			facts = (struct mshv_sched_facts) {
				.type_status = status,
				.type = HV_SCHEDULER_TYPE_ROOT,
			};
			if (mshv_sched_choose(&facts, &choice) !=
			    hv_result_to_errno(status))
				KUNIT_FAIL(test, "type, 0x%llx: errno", status);
		}
	}

	KUNIT_EXPECT_EQ(test, cores, 2 * ARRAY_SIZE(above));
}

/*
 * Discovery and choice together
 */

static int mshv_sched_test_decide(struct mshv_sched_choice *choice)
{
	struct mshv_sched_facts facts;

	mshv_sched_discover(&facts);
	return mshv_sched_choose(&facts, choice);
}

/*
 * An L1VH whose query for the capabilities fails, with one status a row. Those
 * that mean "not known" lead to the core scheduler; all others to a refusal
 * with the status kept and its errno. The property is never asked.
 */
static void mshv_sched_decide_caps_fail(struct kunit *test)
{
	const struct mshv_sched_status_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_choice choice;
	int ret;

	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED);
	mshv_sched_test_set_integrated(fake, 1);
	mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX, CAPS,
			     c->status);

	ret = mshv_sched_test_decide(&choice);

	if (c->not_known) {
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, choice.type, HV_SCHEDULER_TYPE_CORE_SMT);
		KUNIT_EXPECT_EQ(test, choice.reason, MSHV_SCHED_NO_CAPS);
	} else {
		KUNIT_EXPECT_LT(test, ret, 0);
		KUNIT_EXPECT_EQ(test, ret, hv_result_to_errno(c->status));
		KUNIT_EXPECT_EQ(test, choice.reason, MSHV_SCHED_CAPS_UNREADABLE);
	}
	KUNIT_EXPECT_EQ(test, choice.status, c->status);
	KUNIT_EXPECT_EQ(test, mshv_sched_test_asked(fake, INTEGRATED), 0);
}

/*
 * An L1VH with the bit set whose query for the property fails, with one status
 * a row. All of them lead to a refusal: the bit says that the hypervisor knows
 * the property, so "not known" is no answer here.
 */
static void mshv_sched_decide_property_fail(struct kunit *test)
{
	const struct mshv_sched_status_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_choice choice;
	int ret;

	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED);
	mshv_sched_test_set_integrated(fake, 1);
	mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX, INTEGRATED,
			     c->status);

	ret = mshv_sched_test_decide(&choice);

	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_EQ(test, ret, hv_result_to_errno(c->status));
	KUNIT_EXPECT_EQ(test, choice.reason, MSHV_SCHED_INTEGRATED_UNREADABLE);
	KUNIT_EXPECT_EQ(test, choice.status, c->status);
}

/*
 * A root partition whose query for the scheduler type fails, with one status a
 * row, though the hypervisor would report the root scheduler. All of them lead
 * to a refusal.
 */
static void mshv_sched_decide_type_fail(struct kunit *test)
{
	const struct mshv_sched_status_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_choice choice;
	int ret;

	hv_fake_become(fake, HV_PARTITION_TYPE_ROOT);
	mshv_sched_test_set_caps(fake, 1, 0);
	hv_fake_set_scheduler_type(fake, HV_SCHEDULER_TYPE_ROOT);
	mshv_sched_test_fail(fake, HVCALL_GET_SYSTEM_PROPERTY, SCHED_TYPE,
			     c->status);

	ret = mshv_sched_test_decide(&choice);

	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_EQ(test, ret, hv_result_to_errno(c->status));
	KUNIT_EXPECT_EQ(test, choice.reason, MSHV_SCHED_TYPE_UNREADABLE);
	KUNIT_EXPECT_EQ(test, choice.status, c->status);
}

/*
 * A root partition whose query for the capabilities fails, with one status a
 * row. It has none, then, and the scheduler is the one reported.
 */
static void mshv_sched_decide_root_caps_fail(struct kunit *test)
{
	const struct mshv_sched_status_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_choice choice;

	hv_fake_become(fake, HV_PARTITION_TYPE_ROOT);
	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED);
	hv_fake_set_scheduler_type(fake, HV_SCHEDULER_TYPE_CORE_SMT);
	mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX, CAPS,
			     c->status);

	KUNIT_EXPECT_EQ(test, mshv_sched_test_decide(&choice), 0);
	KUNIT_EXPECT_EQ(test, choice.type, HV_SCHEDULER_TYPE_CORE_SMT);
	KUNIT_EXPECT_EQ(test, choice.reason, MSHV_SCHED_REPORTED);
}

static const struct mshv_sched_value_case {
	const char *name;
	u64 value;
	enum hv_scheduler_type type;
} mshv_sched_value_cases[] = {
	{ "0", 0, HV_SCHEDULER_TYPE_CORE_SMT },
	{ "1", 1, HV_SCHEDULER_TYPE_ROOT },
	{ "2", 2, HV_SCHEDULER_TYPE_ROOT },
	{ "bit 32 alone", BIT_ULL(32), HV_SCHEDULER_TYPE_ROOT },
	{ "bit 63 alone", BIT_ULL(63), HV_SCHEDULER_TYPE_ROOT },
	{ "U64_MAX", U64_MAX, HV_SCHEDULER_TYPE_ROOT },
};

KUNIT_ARRAY_PARAM_DESC(mshv_sched_value, mshv_sched_value_cases, name);

/*
 * An L1VH with the bit set, and one value of the property a row. Anything but
 * zero means that the integrated scheduler is in force.
 */
static void mshv_sched_decide_property_value(struct kunit *test)
{
	const struct mshv_sched_value_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct mshv_sched_choice choice;

	mshv_sched_test_set_caps(fake, 1, CAPS_INTEGRATED);
	mshv_sched_test_set_integrated(fake, c->value);

	KUNIT_EXPECT_EQ(test, mshv_sched_test_decide(&choice), 0);
	KUNIT_EXPECT_EQ(test, choice.type, c->type);
}

static struct kunit_case mshv_sched_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_sched_choose_row, mshv_sched_choose_gen_params),
	KUNIT_CASE(mshv_sched_choose_every_status),
	KUNIT_CASE(mshv_sched_discover_marshals_queries),
	KUNIT_CASE(mshv_sched_discover_marshals_root_query),
	KUNIT_CASE_PARAM(mshv_sched_discover_asks_once, mshv_sched_asks_params),
	KUNIT_CASE(mshv_sched_discover_caps_not_written),
	KUNIT_CASE(mshv_sched_discover_property_not_written),
	KUNIT_CASE(mshv_sched_discover_type_not_written),
	KUNIT_CASE(mshv_sched_query_keeps_status),
	KUNIT_CASE(mshv_sched_query_passes_argument),
	KUNIT_CASE_PARAM(mshv_sched_decide_caps_fail, mshv_sched_status_gen_params),
	KUNIT_CASE_PARAM(mshv_sched_decide_property_fail, mshv_sched_status_gen_params),
	KUNIT_CASE_PARAM(mshv_sched_decide_type_fail, mshv_sched_status_gen_params),
	KUNIT_CASE_PARAM(mshv_sched_decide_root_caps_fail, mshv_sched_status_gen_params),
	KUNIT_CASE_PARAM(mshv_sched_decide_property_value, mshv_sched_value_gen_params),
	{}
};

static struct kunit_suite mshv_sched_test_suite = {
	.name = "mshv_sched",
	.init = mshv_sched_test_init,
	.test_cases = mshv_sched_test_cases,
};

kunit_test_suite(mshv_sched_test_suite);
