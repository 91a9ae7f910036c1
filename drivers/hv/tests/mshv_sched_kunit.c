// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched.c: who dispatches VPs, from the hypercall to the log.
 *
 * Two suites. "mshv_sched" tests the steps one by one and can be run again
 * after boot; "mshv_sched_init" runs the whole of mshv_sched_init(), whose
 * result is read-only once the kernel has booted, so it runs at boot alone.
 */

#include <linux/bits.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kmsg_dump.h>
#include <linux/limits.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "test_attr.h"
#include "test_log.h"

#define CAPS		HV_PARTITION_PROPERTY_VMM_CAPABILITIES
#define INTEGRATED	HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED
#define SCHED_TYPE	HV_SYSTEM_PROPERTY_SCHEDULER_TYPE

#define CAPS_INTEGRATED	BIT_ULL(6)	/* vmm_enable_integrated_scheduler */
#define CAPS_OVERLAY	BIT_ULL(1)	/* vmm_can_provide_overlay_gpfn */

static int mshv_sched_test_init(struct kunit *test)
{
	test->priv = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	return 0;
}

/* A hypervisor that has VMM capabilities. */
static void mshv_sched_test_set_caps(struct hv_fake *fake, u16 bank_count,
				     u64 bits)
{
	struct hv_partition_property_vmm_capabilities caps = {
		.bank_count = bank_count,
		.as_uint64[0] = bits,
	};

	hv_fake_set_property(fake, CAPS, &caps, sizeof(caps));
}

static void mshv_sched_test_set_integrated(struct hv_fake *fake, u64 value)
{
	hv_fake_set_property(fake, INTEGRATED, &value, sizeof(value));
}

/* The first call for a property fails with @result. */
static void mshv_sched_test_fail(struct hv_fake *fake, u16 code, u32 property,
				 u64 result)
{
	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = code,
		.property = property,
		.nth = 1,
		.result = result,
	});
}

static unsigned int mshv_sched_test_asked(struct hv_fake *fake, u32 property)
{
	return hv_fake_count(fake, property == SCHED_TYPE ?
			     HVCALL_GET_SYSTEM_PROPERTY :
			     HVCALL_GET_PARTITION_PROPERTY_EX, property);
}

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
 * mshv_sched_discover(): the real marshalling, down to the pages
 */

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
static void mshv_sched_discover_marshals_queries(struct kunit *test)
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
static void mshv_sched_discover_marshals_root_query(struct kunit *test)
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

/*
 * A kind of partition and its capabilities. The capabilities are asked for
 * exactly once; the property exactly once in an L1VH with the bit set, never
 * otherwise; the type exactly once in a root partition, never otherwise.
 */
static void mshv_sched_discover_asks_once(struct kunit *test)
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
static void mshv_sched_discover_caps_not_written(struct kunit *test)
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
static void mshv_sched_discover_property_not_written(struct kunit *test)
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
static void mshv_sched_discover_type_not_written(struct kunit *test)
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
static void mshv_sched_query_keeps_status(struct kunit *test)
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
static void mshv_sched_query_passes_argument(struct kunit *test)
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
	KUNIT_CASE_PARAM(mshv_sched_discover_asks_once, mshv_sched_asks_gen_params),
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

/*
 * mshv_sched_init(): everything, as the driver does it while it loads
 */

/*
 * How many lines of the driver's have been logged since @iter was taken, and
 * in @same how many of them read @want.
 */
static unsigned int mshv_sched_test_log_lines(struct kmsg_dump_iter iter,
					      const char *want,
					      unsigned int *same)
{
	static const char prefix[] = "mshv: ";
	char line[256];
	unsigned int n = 0;
	size_t len;

	*same = 0;
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		char *text;

		line[len] = '\0';
		text = strstr(line, prefix);
		if (!text)
			continue;
		text += strlen(prefix);
		/* There for those who debug the driver, and only then. */
		if (!strncmp(text, "VMM capabilities ", 17))
			continue;
		n++;
		text[strcspn(text, "\n")] = '\0';
		if (!strcmp(text, want))
			(*same)++;
	}

	return n;
}

static const struct mshv_sched_init_case {
	const char *name;
	enum hv_partition_type partition;
	/* A result that is not zero takes the place of the answer. */
	u64 caps_result;
	u64 caps;
	u16 bank_count;
	u64 integrated_result;
	u64 integrated;
	u64 type_result;
	u32 type;
	/* What must come of it; @err is used where no result tells the errno. */
	bool refused;
	int err;
	bool root_path;
	const char *log;
	const char *notice;
} mshv_sched_init_cases[] = {
	{
		.name = "root: reports classic without SMT",
		.partition = HV_PARTITION_TYPE_ROOT,
		.bank_count = 1,
		.type = HV_SCHEDULER_TYPE_LP,
		.log =
			"classic scheduler: the hypervisor dispatches VPs (reported by hypervisor)",
	},
	{
		.name = "root: reports classic with SMT",
		.partition = HV_PARTITION_TYPE_ROOT,
		.bank_count = 1,
		.type = HV_SCHEDULER_TYPE_LP_SMT,
		.log =
			"classic-smt scheduler: the hypervisor dispatches VPs (reported by hypervisor)",
	},
	{
		.name = "root: reports core, capabilities unreadable",
		.partition = HV_PARTITION_TYPE_ROOT,
		.caps_result = HV_STATUS_OPERATION_FAILED,
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.log =
			"core scheduler: the hypervisor dispatches VPs (reported by hypervisor)",
	},
	{
		.name = "root: reports core, bit set, bank_count 0",
		.partition = HV_PARTITION_TYPE_ROOT,
		.caps = CAPS_INTEGRATED,
		.integrated = 1,
		.type = HV_SCHEDULER_TYPE_CORE_SMT,
		.log =
			"core scheduler: the hypervisor dispatches VPs (reported by hypervisor)",
	},
	{
		.name = "root: reports root",
		.partition = HV_PARTITION_TYPE_ROOT,
		.bank_count = 1,
		.type = HV_SCHEDULER_TYPE_ROOT,
		.root_path = true,
		.log =
			"root scheduler: the kernel dispatches VPs (reported by hypervisor)",
	},
	{
		.name = "root: reports a type that is not known",
		.partition = HV_PARTITION_TYPE_ROOT,
		.bank_count = 1,
		.type = HV_SCHEDULER_TYPE_ROOT + 1,
		.refused = true,
		.err = -EOPNOTSUPP,
		.log =
			"not loading, as a guess may hang guests: scheduler type: unknown (0x5)",
	},
	{
		.name = "root: type unreadable",
		.partition = HV_PARTITION_TYPE_ROOT,
		.bank_count = 1,
		.type_result = HV_STATUS_ACCESS_DENIED,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: scheduler type: HV_STATUS_ACCESS_DENIED (0x6)",
	},
	{
		.name = "L1VH: bit clear",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_OVERLAY,
		.integrated = 1,
		.log =
			"core scheduler: the hypervisor dispatches VPs (integrated scheduler not offered)",
	},
	{
		.name = "L1VH: bit set, property 1",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_INTEGRATED | CAPS_OVERLAY,
		.integrated = 1,
		.root_path = true,
		.log =
			"integrated scheduler: the kernel dispatches VPs (enabled for this partition)",
	},
	{
		.name = "L1VH: bit set, property 0",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_INTEGRATED | CAPS_OVERLAY,
		.integrated = 0,
		.log =
			"core scheduler: the hypervisor dispatches VPs (integrated scheduler not enabled)",
	},
	{
		.name = "L1VH: bit set, property U64_MAX",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_INTEGRATED,
		.integrated = U64_MAX,
		.root_path = true,
		.log =
			"integrated scheduler: the kernel dispatches VPs (enabled for this partition)",
	},
	{
		.name = "L1VH: bit set, property unreadable",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_INTEGRATED,
		.integrated_result = HV_STATUS_INVALID_PARAMETER,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: integrated scheduler state: HV_STATUS_INVALID_PARAMETER (0x5)",
	},
	{
		.name = "L1VH: bit set, property not known",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 1,
		.caps = CAPS_INTEGRATED,
		.integrated_result = HV_STATUS_UNKNOWN_PROPERTY,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: integrated scheduler state: HV_STATUS_UNKNOWN_PROPERTY (0x9)",
	},
	{
		.name = "L1VH: capabilities not known (property)",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps_result = HV_STATUS_UNKNOWN_PROPERTY,
		.log =
			"core scheduler: the hypervisor dispatches VPs (no VMM capabilities)",
	},
	{
		.name = "L1VH: capabilities not known (hypercall)",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps_result = HV_STATUS_INVALID_HYPERCALL_CODE,
		.log =
			"core scheduler: the hypervisor dispatches VPs (no VMM capabilities)",
	},
	{
		.name = "L1VH: capabilities unreadable (INVALID_PARAMETER)",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps_result = HV_STATUS_INVALID_PARAMETER,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: VMM capabilities: HV_STATUS_INVALID_PARAMETER (0x5)",
	},
	{
		.name = "L1VH: hypercalls impossible",
		.partition = HV_PARTITION_TYPE_L1VH,
		.caps_result = U64_MAX,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: VMM capabilities: Hypercall page missing! (0xffff)",
	},
	{
		.name = "L1VH: bit set, property 1, bank_count 0",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 0,
		.caps = CAPS_INTEGRATED,
		.integrated = 1,
		.root_path = true,
		.log =
			"integrated scheduler: the kernel dispatches VPs (enabled for this partition)",
		.notice =
			"bank_count is 0, the integrated scheduler bit counts",
	},
	{
		.name = "L1VH: bit set, property unreadable, bank_count 0",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 0,
		.caps = CAPS_INTEGRATED,
		.integrated_result = HV_STATUS_TIME_OUT,
		.refused = true,
		.log =
			"not loading, as a guess may hang guests: integrated scheduler state: HV_STATUS_TIME_OUT (0x78)",
		.notice =
			"bank_count is 0, the integrated scheduler bit counts",
	},
	{
		.name = "L1VH: bit clear, bank_count 0",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 0,
		.caps = ~CAPS_INTEGRATED,
		.integrated = 1,
		.log =
			"core scheduler: the hypervisor dispatches VPs (integrated scheduler not offered)",
	},
	{
		.name = "L1VH: bit set, property 1, bank_count 2",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 2,
		.caps = CAPS_INTEGRATED,
		.integrated = 1,
		.root_path = true,
		.log =
			"integrated scheduler: the kernel dispatches VPs (enabled for this partition)",
	},
	{
		.name = "L1VH: bit set, property 0, bank_count 65535",
		.partition = HV_PARTITION_TYPE_L1VH,
		.bank_count = 65535,
		.caps = CAPS_INTEGRATED,
		.integrated = 0,
		.log =
			"core scheduler: the hypervisor dispatches VPs (integrated scheduler not enabled)",
	},
};

KUNIT_ARRAY_PARAM_DESC(mshv_sched_init, mshv_sched_init_cases, name);

/* The attributes of the mshv device say what the log says, in the same words. */
static void mshv_sched_test_attrs(struct kunit *test, const char *log,
				  bool root_path)
{
	const bool posts = root_path && IS_ENABLED(CONFIG_X86_64);
	const u32 saved = ms_hyperv.ext_features;
	char begin[80];

	snprintf(begin, sizeof(begin), "%s scheduler: the %s dispatches VPs (",
		 test_attr(test, "scheduler"),
		 test_attr(test, "dispatcher"));
	KUNIT_EXPECT_TRUE_MSG(test, str_has_prefix(log, begin), "%s", begin);
	KUNIT_EXPECT_STREQ(test, test_attr(test, "max_vps"), "256");
	KUNIT_EXPECT_STREQ(test, test_attr(test, "state"), "open");

	ms_hyperv.ext_features = MSHV_SCHED_TAKES_INTERRUPTS;
	KUNIT_EXPECT_STREQ(test, test_attr(test, "interrupt_posting"),
			   posts ? "1" : "0");
	ms_hyperv.ext_features = saved;
}

/* What the tracepoint of the decision has told: how often, and what last. */
struct mshv_sched_test_decision {
	unsigned int count;
	const char *scheduler;
	const char *reason;
	int ret;
	struct mshv_sched_facts facts;
};

static void mshv_sched_test_decision_probe(void *data, const char *scheduler,
					   const char *reason, int ret, bool l1vh,
					   u64 caps_status, u64 caps,
					   u64 integrated_status, u64 integrated,
					   u64 type_status, u32 type)
{
	struct mshv_sched_test_decision *told = data;

	*told = (struct mshv_sched_test_decision) {
		.count = told->count + 1,
		.scheduler = scheduler,
		.reason = reason,
		.ret = ret,
		.facts = {
			.l1vh = l1vh,
			.caps_status = caps_status,
			.caps.as_uint64[0] = caps,
			.integrated_status = integrated_status,
			.integrated = integrated,
			.type_status = type_status,
			.type = type,
		},
	};
}

/* The tracepoint tells of the row what the log does, and all that was answered. */
static void mshv_sched_test_decision(struct kunit *test,
				     const struct mshv_sched_init_case *c,
				     const struct mshv_sched_test_decision *told, int err)
{
	const bool l1vh = c->partition == HV_PARTITION_TYPE_L1VH;
	const u64 caps = c->caps_result ? 0 : c->caps;
	const bool asks = l1vh && (caps & CAPS_INTEGRATED);
	char begin[40];

	KUNIT_ASSERT_EQ(test, told->count, 1);
	KUNIT_EXPECT_EQ(test, told->ret, err);
	if (c->refused) {
		KUNIT_EXPECT_STREQ(test, told->scheduler, "no");
	} else {
		snprintf(begin, sizeof(begin), "%s scheduler: ", told->scheduler);
		KUNIT_EXPECT_TRUE_MSG(test, strstarts(c->log, begin), "%s", begin);
	}
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(c->log, told->reason), "%s", told->reason);
	KUNIT_EXPECT_EQ(test, told->facts.l1vh, l1vh);
	KUNIT_EXPECT_EQ(test, told->facts.caps_status, c->caps_result);
	KUNIT_EXPECT_EQ(test, told->facts.caps.as_uint64[0], caps);
	KUNIT_EXPECT_EQ(test, told->facts.integrated_status, asks ? c->integrated_result : 0);
	KUNIT_EXPECT_EQ(test, told->facts.integrated,
			asks && !c->integrated_result ? c->integrated : 0);
	KUNIT_EXPECT_EQ(test, told->facts.type_status, l1vh ? 0 : c->type_result);
	KUNIT_EXPECT_EQ(test, told->facts.type, l1vh || c->type_result ? 0 : c->type);
}

/*
 * One row of the decision table, as a hypervisor. The driver's init succeeds
 * or is refused; exactly one line in the log says who dispatches VPs and why,
 * or why the driver does not load, with one more about a bank_count of 0; the
 * accessor tells the path, sysfs and the tracepoint say the same, and the
 * capabilities are handed out if, and only if, the driver may load.
 */
static void __init mshv_sched_init_row(struct kunit *test)
{
	const struct mshv_sched_init_case *c = test->param_value;
	struct hv_partition_property_vmm_capabilities caps;
	struct hv_fake *fake = test->priv;
	struct kmsg_dump_iter log;
	struct mshv_sched_test_decision told = { };
	unsigned int lines, same;
	int ret, err = 0, traced;

	hv_fake_become(fake, c->partition);
	mshv_sched_test_set_caps(fake, c->bank_count, c->caps);
	mshv_sched_test_set_integrated(fake, c->integrated);
	hv_fake_set_scheduler_type(fake, c->type);
	if (c->caps_result)
		mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX,
				     CAPS, c->caps_result);
	if (c->integrated_result)
		mshv_sched_test_fail(fake, HVCALL_GET_PARTITION_PROPERTY_EX,
				     INTEGRATED, c->integrated_result);
	if (c->type_result)
		mshv_sched_test_fail(fake, HVCALL_GET_SYSTEM_PROPERTY,
				     SCHED_TYPE, c->type_result);
	memset(&caps, HV_FAKE_POISON, sizeof(caps));
	test_log_end(&log);

	traced = register_trace_mshv_sched_decision(mshv_sched_test_decision_probe, &told);
	ret = mshv_sched_init(&caps);
	if (!traced)
		unregister_trace_mshv_sched_decision(mshv_sched_test_decision_probe, &told);

	/* At most one of the three is set in a row that is refused. */
	if (c->refused)
		err = c->err ?: hv_result_to_errno(c->caps_result |
						   c->integrated_result |
						   c->type_result);
	KUNIT_EXPECT_EQ(test, ret, err);
	if (IS_ENABLED(CONFIG_TRACEPOINTS)) {
		KUNIT_EXPECT_EQ(test, traced, 0);
		mshv_sched_test_decision(test, c, &told, err);
	}

	lines = mshv_sched_test_log_lines(log, c->log, &same);
	KUNIT_EXPECT_EQ(test, lines, c->notice ? 2 : 1);
	KUNIT_EXPECT_EQ_MSG(test, same, 1, "not in the log, once: %s", c->log);
	if (c->notice) {
		mshv_sched_test_log_lines(log, c->notice, &same);
		KUNIT_EXPECT_EQ(test, same, 1);
	}

	if (c->refused) {
		KUNIT_EXPECT_EQ(test, caps.as_uint64[0],
				0x0101010101010101ULL * HV_FAKE_POISON);
		return;
	}
	KUNIT_EXPECT_PTR_EQ(test, mshv_sched_ops,
			    c->root_path ? &mshv_sched_root_ops : &mshv_sched_hyp_ops);
	KUNIT_EXPECT_EQ(test, caps.as_uint64[0], c->caps_result ? 0 : c->caps);
	mshv_sched_test_attrs(test, c->log, c->root_path);
}

static struct kunit_case __refdata mshv_sched_init_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_sched_init_row, mshv_sched_init_gen_params),
	{}
};

static struct kunit_suite mshv_sched_init_test_suite = {
	.name = "mshv_sched_init",
	.init = mshv_sched_test_init,
	.test_cases = mshv_sched_init_test_cases,
};

kunit_test_init_section_suites(&mshv_sched_init_test_suite);
