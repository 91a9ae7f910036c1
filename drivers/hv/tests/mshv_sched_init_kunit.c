// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_init(): everything, as the driver does it while it loads,
 * from the hypercalls to the line in the log.
 *
 * Its result is read-only once the kernel has booted, so the suite
 * "mshv_sched_init" runs at boot alone.
 */

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kmsg_dump.h>
#include <linux/limits.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_sched_test.h"
#include "test_attr.h"
#include "test_log.h"

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
