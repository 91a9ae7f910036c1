// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_stats.c: what the fdinfo of VPs and partitions tells, in numbers,
 * under both ways of dispatching VPs, on the fake hypervisor.
 */

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

#define FDINFO_SIZE	(2 * PAGE_SIZE)

/* As the hypervisor counts run time: an index, and a unit in ns. */
#define RUN_TIME	1
#define RUN_TIME_UNIT	100

struct mshv_stats_test {
	const struct mshv_sched_ops *ops;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	char *text;
};

static int setup(struct kunit *test, const struct mshv_sched_ops *ops)
{
	struct mshv_stats_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->text = kunit_kzalloc(test, FDINFO_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->text);
	t->ops = ops;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	hv_fake_vp_start(t->vp->hv);
	test->priv = t;
	return 0;
}

static int mshv_stats_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_root_ops);
}

static int mshv_stats_hyp_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_hyp_ops);
}

static bool root_path(const struct mshv_stats_test *t)
{
	return t->ops == &mshv_sched_root_ops;
}

/* The value of a line of a file's fdinfo, as text, with its end cut off. */
static char *line_of(struct kunit *test, struct file *file, const char *name)
{
	struct mshv_stats_test *t = test->priv;
	struct seq_file m = { .buf = t->text, .size = FDINFO_SIZE - 1 };
	char *line, *end;

	memset(t->text, 0, FDINFO_SIZE);
	file->f_op->show_fdinfo(&m, file);
	KUNIT_ASSERT_FALSE_MSG(test, seq_has_overflowed(&m), "fdinfo is too long");

	for (line = t->text; (end = strchr(line, '\n')); line = end + 1) {
		size_t len = strlen(name);

		*end = '\0';
		if (!strncmp(line, name, len) && !strncmp(line + len, ":\t", 2))
			return line + len + 2;
	}
	KUNIT_FAIL_AND_ABORT(test, "no line %s", name);
	return NULL;
}

static u64 value_of(struct kunit *test, struct file *file, const char *name)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ_MSG(test, kstrtou64(line_of(test, file, name), 10, &value), 0,
			    "%s is no number", name);
	return value;
}

static u64 vp_value(struct kunit *test, const char *name)
{
	struct mshv_stats_test *t = test->priv;

	return value_of(test, t->vp->file, name);
}

/* The sum of a VP's histogram of wake-ups. */
static u64 wakeups(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;
	char *rest = line_of(test, t->vp->file, "mshv-wakeup-us-histogram"), *word;
	u64 value, sum = 0;
	unsigned int n = 0;

	while ((word = strsep(&rest, " "))) {
		KUNIT_EXPECT_EQ(test, kstrtou64(word, 10, &value), 0);
		sum += value;
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, MSHV_VP_WAKEUP_BUCKETS);
	return sum;
}

/* One run that ends with an intercept of @type; before it, the VP halts if @halts. */
static void run_once(struct kunit *test, struct mshv_vmm_vp *vp, u32 type, bool halts)
{
	struct mshv_stats_test *t = test->priv;
	const struct hv_fake_outcome halted = { .state = HV_VP_DISPATCH_STATE_BLOCKED };
	const struct hv_fake_outcome intercept = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		.message_type = type,
	};
	struct hv_message msg = { };

	if (root_path(t)) {
		if (halts)
			hv_fake_vp_script(vp->hv, &halted, 1);
		hv_fake_vp_script(vp->hv, &intercept, 1);
	}
	mshv_vmm_start(vp);
	if (!root_path(t)) {
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(vp));
		hv_fake_vp_intercept(vp->hv, type, 0);
	} else if (halts) {
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(vp));
		hv_fake_vp_kick(vp->hv);
	}
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, type);
}

static void mshv_stats_nothing_yet(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-vp-index"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-partition-id"),
			mshv_vmm_partition_id(t->vmm));
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-dispatches"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-kicks"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-run-time-ns"), 0);
	KUNIT_EXPECT_EQ(test, wakeups(test), 0);
}

static const struct mshv_stats_exit_case {
	u32 type;
	const char *name;
} mshv_stats_exit_cases[] = {
	{ HVMSG_UNMAPPED_GPA, "mshv-exits-unmapped-gpa" },
	{ HVMSG_GPA_INTERCEPT, "mshv-exits-gpa-intercept" },
	{ HVMSG_INVALID_VP_REGISTER_VALUE, "mshv-exits-invalid-vp-register-value" },
	{ HVMSG_UNRECOVERABLE_EXCEPTION, "mshv-exits-unrecoverable-exception" },
	{ HVMSG_UNSUPPORTED_FEATURE, "mshv-exits-unsupported-feature" },
	{ HVMSG_HYPERCALL_INTERCEPT, "mshv-exits-hypercall" },
	{ HVMSG_SYNIC_EVENT_INTERCEPT, "mshv-exits-synic-event" },
	{ HVMSG_SYNIC_SINT_INTERCEPT, "mshv-exits-synic-sint" },
	{ HVMSG_SYNIC_SINT_DELIVERABLE, "mshv-exits-sint-deliverable" },
#if IS_ENABLED(CONFIG_X86_64)
	{ HVMSG_X64_IO_PORT_INTERCEPT, "mshv-exits-io-port" },
	{ HVMSG_X64_MSR_INTERCEPT, "mshv-exits-msr" },
	{ HVMSG_X64_CPUID_INTERCEPT, "mshv-exits-cpuid" },
	{ HVMSG_X64_EXCEPTION_INTERCEPT, "mshv-exits-exception" },
	{ HVMSG_X64_APIC_EOI, "mshv-exits-apic-eoi" },
	{ HVMSG_X64_LEGACY_FP_ERROR, "mshv-exits-legacy-fp-error" },
	{ HVMSG_X64_IOMMU_PRQ, "mshv-exits-iommu-prq" },
	{ HVMSG_X64_HALT, "mshv-exits-halt" },
	{ HVMSG_X64_INTERRUPTION_DELIVERABLE, "mshv-exits-interruption-deliverable" },
	{ HVMSG_X64_SIPI_INTERCEPT, "mshv-exits-sipi" },
#endif
	{ 0x8001ffff, "mshv-exits-other" },
};

static void mshv_stats_exit_desc(const struct mshv_stats_exit_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mshv_stats_exit, mshv_stats_exit_cases, mshv_stats_exit_desc);

/* Each kind of intercept is counted under its own name, and under no other. */
static void mshv_stats_exits(struct kunit *test)
{
	const struct mshv_stats_exit_case *c = test->param_value;
	struct mshv_stats_test *t = test->priv;
	unsigned int i;

	run_once(test, t->vp, c->type, false);
	run_once(test, t->vp, c->type, false);
	for (i = 0; i < ARRAY_SIZE(mshv_stats_exit_cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, vp_value(test, mshv_stats_exit_cases[i].name),
				    &mshv_stats_exit_cases[i] == c ? 2 : 0, "%s",
				    mshv_stats_exit_cases[i].name);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 2);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-interrupted"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-memory-faults"), 0);
}

/* Three runs, of which the second is two dispatches: the VP halts, and is kicked. */
static void mshv_stats_of_dispatches(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;
	const bool root = root_path(t);

	run_once(test, t->vp, HVMSG_HYPERCALL_INTERCEPT, false);
	run_once(test, t->vp, HVMSG_HYPERCALL_INTERCEPT, true);
	run_once(test, t->vp, HVMSG_HYPERCALL_INTERCEPT, false);

	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 3);
	/* Its first dispatch tells that it was created suspended. */
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-dispatches"),
			root ? hv_fake_vp_dispatches(t->vp->hv) : 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-blocks"), root ? 1 : 0);
	/* The hypervisor path is kicked for each intercept. */
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-kicks"), root ? 1 : 3);
	KUNIT_EXPECT_EQ(test, wakeups(test), root ? 1 : 3);
}

static void mshv_stats_interrupted(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;

	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);

	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-interrupted"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-exits-hypercall"), 0);
	/* Nobody has kicked it. */
	KUNIT_EXPECT_EQ(test, wakeups(test), 0);
}

/*
 * Kicked, but not to run: the thread sleeps until its VP can, and is kicked again
 * meanwhile. What ends that sleep is the time or a signal, and no wake-up. Of the root
 * path alone: each kick is what the other one waits for, without a limit.
 */
static void kick_in_vain(struct kunit *test, unsigned int times)
{
	struct mshv_stats_test *t = test->priv;

	while (times--) {
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
		KUNIT_ASSERT_TRUE(test, hv_fake_signal(&t->vp->hv, 1, HV_FAKE_KICK_EARLY));
	}
}

static void mshv_stats_timed_out(struct kunit *test)
{
	const struct hv_fake_outcome outcomes[] = {
		{ .state = HV_VP_DISPATCH_STATE_BLOCKED },
		{
			.state = HV_VP_DISPATCH_STATE_READY,
			.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
			.message_type = HVMSG_HYPERCALL_INTERCEPT,
		},
	};
	struct mshv_stats_test *t = test->priv;
	unsigned long end;

	hv_fake_vp_script(t->vp->hv, outcomes, ARRAY_SIZE(outcomes));
	mshv_vmm_start(t->vp);
	kick_in_vain(test, 2);
	/* The time is over when the VP has been dispatched, and found blocked. */
	end = jiffies + 10 * HZ;
	while (!hv_fake_vp_rechecks(t->vp->hv) && time_before(jiffies, end))
		msleep(20);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->vp->hv), 1);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	hv_fake_vp_kick(t->vp->hv);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-kicks"), 3);
	/* The first has ended the wait for a kick; and the last, for good. */
	KUNIT_EXPECT_EQ(test, wakeups(test), 2);
}

static void mshv_stats_signalled(struct kunit *test)
{
	const struct hv_fake_outcome halted = { .state = HV_VP_DISPATCH_STATE_BLOCKED };
	struct mshv_stats_test *t = test->priv;

	hv_fake_vp_script(t->vp->hv, &halted, 1);
	mshv_vmm_start(t->vp);
	kick_in_vain(test, 2);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-kicks"), 2);
	KUNIT_EXPECT_EQ(test, wakeups(test), 1);
}

/* The thread is woken, for good: no wake-up of the VP's. */
static void mshv_stats_closed(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;

	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	mshv_sched_close(-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, wakeups(test), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-failed"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-interrupted"), 0);
}

/*
 * A reboot gives the statistics pages back to the hypervisor, with the VMM still
 * there, whose files can be read. What is in the pages then is not the VP's.
 */
static void mshv_stats_after_reboot(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;
	struct mshv_vp *vp = t->vp->file->private_data;
	struct file *partition = mshv_vmm_file(t->vmm);

	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 70000;
	run_once(test, t->vp, HVMSG_UNMAPPED_GPA, false);
	mshv_pm_stop_partitions();

	/* Each is allocated still, see mshv_pm_hold_page(). */
	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 80000;
	vp->vp_stats_pages[HV_STATS_AREA_SELF]->data[RUN_TIME] = 80000;
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-run-time-ns"), 70000 * RUN_TIME_UNIT);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 1);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-run-time-ns"),
			70000 * RUN_TIME_UNIT);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-vps"), 1);
}

/* A run that the hypervisor refuses. */
static void mshv_stats_failed(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = root_path(t) ? HVCALL_DISPATCH_VP : HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_LT(test, mshv_vmm_join(t->vp, NULL), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-failed"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-interrupted"), 0);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-dispatches"), 0);
}

/* The VMM has no place for the message: it was told of no intercept. */
static void mshv_stats_nowhere(struct kunit *test)
{
	const struct hv_fake_outcome intercept = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		.message_type = HVMSG_UNMAPPED_GPA,
	};
	struct mshv_stats_test *t = test->priv;

	hv_fake_vp_script(t->vp->hv, &intercept, 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run_nowhere(t->vp), -EFAULT);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-runs"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-failed"), 1);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-exits-unmapped-gpa"), 0);
}

/* Polls are another's counters, and run time is the hypervisor's. */
static void mshv_stats_of_others(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;
	struct mshv_vp *vp = t->vp->file->private_data;

	vp->sched.halt_poll_success = 3;
	vp->sched.halt_poll_fail = 4;
	vp->sched.halt_poll_success_ns = 5000;
	vp->sched.halt_poll_fail_ns = 6000;
	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 70000;
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-halt-poll-success"), 3);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-halt-poll-fail"), 4);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-halt-poll-success-ns"), 5000);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-halt-poll-fail-ns"), 6000);
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-run-time-ns"), 70000 * RUN_TIME_UNIT);

	/* A parent that may not see the one area has it in the other. */
	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 0;
	vp->vp_stats_pages[HV_STATS_AREA_SELF]->data[RUN_TIME] = 80000;
	KUNIT_EXPECT_EQ(test, vp_value(test, "mshv-run-time-ns"), 80000 * RUN_TIME_UNIT);
}

/* A partition's file has the sums. */
static void mshv_stats_sums(struct kunit *test)
{
	struct mshv_stats_test *t = test->priv;
	struct file *partition = mshv_vmm_file(t->vmm);
	struct mshv_vmm_vp *other = mshv_vmm_create_vp(t->vmm, 5);
	struct mshv_vp *vp = t->vp->file->private_data;

	hv_fake_vp_start(other->hv);
	run_once(test, t->vp, HVMSG_HYPERCALL_INTERCEPT, false);
	run_once(test, other, HVMSG_HYPERCALL_INTERCEPT, false);
	run_once(test, other, HVMSG_UNSUPPORTED_FEATURE, true);
	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 10;
	vp = other->file->private_data;
	vp->vp_stats_pages[HV_STATS_AREA_PARENT]->data[RUN_TIME] = 20;

	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-partition-id"),
			mshv_vmm_partition_id(t->vmm));
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-vps"), 2);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-runs"), 3);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-exits-hypercall"), 2);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-exits-unsupported-feature"), 1);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-run-time-ns"),
			30 * RUN_TIME_UNIT);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-dispatches"),
			root_path(t) ? hv_fake_vp_dispatches(t->vp->hv) +
				       hv_fake_vp_dispatches(other->hv) : 0);

	/* A VP whose file is closed is one of the partition's still. */
	mshv_vmm_close_vp(other);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-vps"), 2);
	KUNIT_EXPECT_EQ(test, value_of(test, partition, "mshv-runs"), 3);
}

static struct kunit_case mshv_stats_test_cases[] = {
	KUNIT_CASE(mshv_stats_nothing_yet),
	KUNIT_CASE_PARAM(mshv_stats_exits, mshv_stats_exit_gen_params),
	KUNIT_CASE(mshv_stats_of_dispatches),
	KUNIT_CASE(mshv_stats_interrupted),
	KUNIT_CASE(mshv_stats_timed_out),
	KUNIT_CASE(mshv_stats_signalled),
	KUNIT_CASE(mshv_stats_closed),
	KUNIT_CASE(mshv_stats_after_reboot),
	KUNIT_CASE(mshv_stats_failed),
	KUNIT_CASE(mshv_stats_nowhere),
	KUNIT_CASE(mshv_stats_of_others),
	KUNIT_CASE(mshv_stats_sums),
	{}
};

static struct kunit_suite mshv_stats_test_suite = {
	.name = "mshv_stats",
	.init = mshv_stats_test_init,
	.test_cases = mshv_stats_test_cases,
};

static struct kunit_case mshv_stats_hyp_test_cases[] = {
	KUNIT_CASE(mshv_stats_nothing_yet),
	KUNIT_CASE_PARAM(mshv_stats_exits, mshv_stats_exit_gen_params),
	KUNIT_CASE(mshv_stats_of_dispatches),
	KUNIT_CASE(mshv_stats_interrupted),
	KUNIT_CASE(mshv_stats_closed),
	KUNIT_CASE(mshv_stats_after_reboot),
	KUNIT_CASE(mshv_stats_failed),
	KUNIT_CASE(mshv_stats_of_others),
	KUNIT_CASE(mshv_stats_sums),
	{}
};

static struct kunit_suite mshv_stats_hyp_test_suite = {
	.name = "mshv_stats_hyp",
	.init = mshv_stats_hyp_test_init,
	.test_cases = mshv_stats_hyp_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_stats_test_suite,
			       &mshv_stats_hyp_test_suite);
