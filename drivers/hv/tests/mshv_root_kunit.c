// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_root.c: VPs that this kernel dispatches, through the
 * ioctls of /dev/mshv, on the fake hypervisor.
 *
 * The fake checks at every dispatch that the VP may be dispatched, and at every
 * signal that it is counted; see hv_fake.h.
 */

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_log.h"

#define VECTOR		0x41
#define GSI		7

/* Longer than the driver waits before it looks again at a VP that was kicked. */
#define RECHECK_MS	400

/* What the tests use all the time. */
struct mshv_root_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
	/* For outcomes that call back. */
	unsigned int called;
	bool flag;
	struct eventfd_ctx *eventfd;
};

static const struct hv_fake_outcome ready = {
	.state = HV_VP_DISPATCH_STATE_READY,
};

static const struct hv_fake_outcome halted = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
};

static const struct hv_fake_outcome suspended = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
	.event = HV_VP_DISPATCH_EVENT_SUSPEND,
};

static const struct hv_fake_outcome intercept = {
	.state = HV_VP_DISPATCH_STATE_READY,
	.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
	.message_type = HVMSG_X64_HALT,
};

static int mshv_root_test_init(struct kunit *test)
{
	struct mshv_root_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_root_ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	t->hv = t->vp->hv;
	test->priv = t;
	return 0;
}

static void script(struct mshv_root_test *t, const struct hv_fake_outcome *outcome)
{
	hv_fake_vp_script(t->hv, outcome, 1);
}

/* The run that is under way, or was, ends with the intercept of the script. */
static void expect_intercept(struct mshv_root_test *t)
{
	struct hv_message msg = {};

	KUNIT_EXPECT_EQ(t->test, mshv_vmm_join(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(t->test, msg.header.message_type, HVMSG_X64_HALT);
}

static void start_and_wait(struct mshv_root_test *t)
{
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_asleep(t->vp));
}

/*
 * A VP is created suspended. Its first dispatch says so, the driver releases it,
 * the hypervisor signals it, and it is dispatched again: once each.
 */
static void mshv_root_first_run(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_set set;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);

	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
	KUNIT_ASSERT_EQ(test, hv_fake_vp_sets(t->hv), 1);
	set = hv_fake_vp_set(t->hv, 0);
	KUNIT_EXPECT_EQ(test, set.name, HV_REGISTER_EXPLICIT_SUSPEND);
	KUNIT_EXPECT_EQ(test, set.value, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(t->hv), 1);
}

/*
 * Every state with every event, and numbers that are neither. A VP that is
 * ready is dispatched again; one that is blocked when it is kicked; one that is
 * suspended when it is released; an intercept ends the run. What makes no sense
 * ends it with an error after that one dispatch, and the next run goes on.
 */
static const struct mshv_root_outcome_case {
	const char *name;
	u32 state;
	u32 event;
	enum hv_dispatch_outcome outcome;
} mshv_root_outcome_cases[] = {
	{ "invalid, no event", 0, 0, HV_DISPATCH_UNKNOWN },
	{ "invalid, suspend", 0, 1, HV_DISPATCH_UNKNOWN },
	{ "invalid, intercept", 0, 2, HV_DISPATCH_UNKNOWN },
	{ "invalid, unknown event", 0, 3, HV_DISPATCH_UNKNOWN },
	{ "blocked, no event", 1, 0, HV_DISPATCH_BLOCKED },
	{ "blocked, suspend", 1, 1, HV_DISPATCH_SUSPENDED },
	{ "blocked, intercept", 1, 2, HV_DISPATCH_UNKNOWN },
	{ "blocked, unknown event", 1, 3, HV_DISPATCH_UNKNOWN },
	{ "ready, no event", 2, 0, HV_DISPATCH_READY },
	{ "ready, suspend", 2, 1, HV_DISPATCH_READY },
	{ "ready, intercept", 2, 2, HV_DISPATCH_INTERCEPT },
	{ "ready, unknown event", 2, 3, HV_DISPATCH_UNKNOWN },
	{ "unknown state, no event", 3, 0, HV_DISPATCH_UNKNOWN },
	{ "unknown state, suspend", 3, 1, HV_DISPATCH_UNKNOWN },
	{ "unknown state, intercept", 3, 2, HV_DISPATCH_UNKNOWN },
	{ "unknown state, unknown event", 3, 3, HV_DISPATCH_UNKNOWN },
	{ "all ones", ~0u, ~0u, HV_DISPATCH_UNKNOWN },
};

KUNIT_ARRAY_PARAM_DESC(mshv_root_outcome, mshv_root_outcome_cases, name);

static void mshv_root_outcomes(struct kunit *test)
{
	const struct mshv_root_outcome_case *c = test->param_value;
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = {
		.state = c->state,
		.event = c->event,
		.message_type = HVMSG_X64_HALT,
	};
	unsigned int before;

	/* Not the very first dispatch, which has an outcome of its own. */
	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	before = hv_fake_vp_dispatches(t->hv);

	script(t, &outcome);
	script(t, &intercept);
	mshv_vmm_start(t->vp);

	switch (c->outcome) {
	case HV_DISPATCH_UNKNOWN:
		KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EIO);
		KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), before + 1);
		/* Such an outcome may have left anything behind. */
		hv_fake_vp_start(t->hv);
		mshv_vmm_start(t->vp);
		break;
	case HV_DISPATCH_SUSPENDED:
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
		KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), before + 1);
		hv_fake_vp_set_explicit_suspend(t->hv, false);
		hv_fake_vp_kick(t->hv);
		break;
	case HV_DISPATCH_BLOCKED:
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
		KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), before + 1);
		hv_fake_vp_kick(t->hv);
		break;
	case HV_DISPATCH_READY:
	case HV_DISPATCH_INTERCEPT:
		break;
	}
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv),
			before + (c->outcome == HV_DISPATCH_INTERCEPT ? 1 : 2));
}

/* A halted VP sleeps until it is kicked, and is not dispatched before. */
static void mshv_root_blocked_then_kicked(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	hv_fake_vp_start(t->hv);
	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 1);

	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick(t->hv));
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
}

static void kick_back(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->called++;
	KUNIT_EXPECT_TRUE(t->test, hv_fake_vp_kick(t->hv));
}

/*
 * The kick comes before the driver has learned that the VP is blocked: it is not
 * lost, and there is nothing to wait for.
 */
static void mshv_root_kicked_before_blocked(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = halted;

	outcome.meanwhile = kick_back;
	outcome.data = t;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, t->called, 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->hv), 0);
}

/*
 * An old kick: it came while the VP ran, which then blocked. The counter says
 * so. The VP is not dispatched at once; after a while it is, and the log tells;
 * the hypervisor finds it blocked, and the next wait is for a new kick.
 */
static void mshv_root_old_kick(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = halted;
	struct kmsg_dump_iter log;

	outcome.running = kick_back;
	outcome.data = t;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	script(t, &intercept);
	test_log_end(&log);
	mshv_vmm_start(t->vp);
	msleep(RECHECK_MS);
	KUNIT_EXPECT_FALSE(test, mshv_vmm_returned(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
	/* The look that the fake cannot tell from an error; it was reported. */
	KUNIT_EXPECT_EQ(test, hv_fake_take_violations(t->fake, HV_FAKE_DISPATCH_BLOCKED), 1);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "its counter says blocked"), 1);

	hv_fake_vp_kick(t->hv);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 3);
}

/*
 * The counter is not where it is thought to be: it never says anything but
 * "blocked". A kicked VP runs all the same, a little later, and the log tells.
 */
static void mshv_root_wrong_counter(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct kmsg_dump_iter log;
	unsigned long begin;

	hv_fake_vp_start(t->hv);
	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	test_log_end(&log);
	begin = jiffies;
	hv_fake_signal(&t->hv, 1, HV_FAKE_KICK_EARLY);
	/* The VP is runnable from here on, and the word says otherwise. */
	hv_fake_vp_start(t->hv);
	hv_fake_vp_set_counter_word(t->hv, 1);
	expect_intercept(t);
	KUNIT_EXPECT_LT(test, jiffies - begin, 5 * HZ);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->hv), 1);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "its counter says blocked"), 1);
}

/*
 * The counter is cleared a moment after the kick, and nobody wakes the thread
 * for that: it looks again by itself.
 */
static void mshv_root_late_counter(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct kmsg_dump_iter log;

	hv_fake_vp_start(t->hv);
	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	test_log_end(&log);
	hv_fake_signal(&t->hv, 1, HV_FAKE_KICK_EARLY);
	hv_fake_vp_start(t->hv);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "its counter says blocked"), 0);
}

/* A message was lost: whoever is asked to look finds that the VP can run. */
static void mshv_root_lost_signal(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	hv_fake_vp_start(t->hv);
	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	hv_fake_vp_kick_lost(t->hv);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	mshv_sched_look_all();
	expect_intercept(t);
	/* The destruction would wait for the count that is one short. */
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_GET_VP_REGISTERS,
		.result = HV_STATUS_ACCESS_DENIED,
	});
}

static void signal_self(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->called++;
	/* As good as a signal to those who look, and no lock is taken. */
	set_thread_flag(TIF_SIGPENDING);
}

/* An intercept is delivered even if a signal came during its dispatch. */
static void mshv_root_intercept_with_signal(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = intercept;

	outcome.running = signal_self;
	outcome.data = t;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, t->called, 1);

	/* And the VP goes on, with the suspension of the intercept cleared. */
	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

/*
 * A signal ends a run with -EINTR, and leaves the VP explicitly suspended, so
 * that its register page is up to date; the next run releases it first.
 */
static void mshv_root_signal_while_ready(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = ready;
	struct hv_fake_set set;

	/* Through a whole first run: before that a VP is suspended anyway. */
	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);

	outcome.running = signal_self;
	outcome.data = t;
	script(t, &outcome);
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->hv));
	KUNIT_ASSERT_EQ(test, hv_fake_vp_sets(t->hv), 3);
	set = hv_fake_vp_set(t->hv, 2);
	KUNIT_EXPECT_EQ(test, set.name, HV_REGISTER_EXPLICIT_SUSPEND);
	KUNIT_EXPECT_EQ(test, set.value, 0);
}

/* The same while the VP is halted; after the next run it still is. */
static void mshv_root_signal_while_blocked(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->hv));
	hv_fake_vp_kick(t->hv);
	expect_intercept(t);
}

/* SIGKILL ends the wait of a halted VP's thread. */
static void mshv_root_fatal_signal(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &halted);
	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGKILL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
}

/* A signal before the first dispatch: nothing to suspend, nothing dispatched. */
static void mshv_root_signal_before_start(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_message msg;

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), -EINTR);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->hv), 0);

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

/* The VP cannot be suspended after a signal: the VMM learns that, not -EINTR. */
static void mshv_root_suspend_refused(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &halted);
	script(t, &intercept);
	start_and_wait(t);
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));

	start_and_wait(t);
	hv_fake_vp_kick(t->hv);
	expect_intercept(t);
}

/* The VP cannot be released: the run ends, and the next one tries again. */
static void mshv_root_release_refused(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

static void suspend_by_vmm(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	hv_fake_vp_set_explicit_suspend(t->hv, true);
}

/*
 * The VMM suspends a running VP by a hypercall of its own: it stays suspended
 * until the VMM releases it, kicks or not, and the host does not warn.
 */
static void mshv_root_suspended_by_vmm(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = suspended;

	outcome.running = suspend_by_vmm;
	outcome.data = t;
	script(t, &outcome);
	script(t, &intercept);
	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);

	/* A kick about something else does not release it. */
	mshv_sched_look_all();
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);

	/* The VMM releases it: the hypervisor tells. */
	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 0), 0);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 3);
}

/*
 * The VMM releases a VP and suspends it anew before the driver can look. Where the
 * hypervisor does not tell of the next release, as it has told of one since the last
 * dispatch, the VP is dispatched all the same.
 */
static void mshv_root_suspended_anew(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = suspended;

	outcome.running = suspend_by_vmm;
	outcome.data = t;
	script(t, &outcome);
	script(t, &intercept);
	start_and_wait(t);

	KUNIT_ASSERT_TRUE(test, hv_fake_vp_kick(t->hv));
	msleep(RECHECK_MS);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);

	hv_fake_vp_set_explicit_suspend(t->hv, false);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 3);
}

/*
 * The same, and what ends the wait after the driver has looked is not the release:
 * of the kick that it has taken there is none more. The next run does without.
 */
static const struct mshv_root_anew_case {
	const char *name;
	u64 result;
} mshv_root_anew_cases[] = {
	{ "a signal" },
	{ "the register cannot be read", HV_STATUS_INVALID_VP_STATE },
};

KUNIT_ARRAY_PARAM_DESC(mshv_root_anew, mshv_root_anew_cases, name);

static void mshv_root_suspended_anew_and_ended(struct kunit *test)
{
	const struct mshv_root_anew_case *c = test->param_value;
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = suspended;

	outcome.running = suspend_by_vmm;
	outcome.data = t;
	script(t, &outcome);
	script(t, &intercept);
	start_and_wait(t);

	if (c->result)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_GET_VP_REGISTERS,
			.nth = 1,
			.result = c->result,
		});
	KUNIT_ASSERT_TRUE(test, hv_fake_vp_kick(t->hv));
	if (!c->result) {
		msleep(RECHECK_MS);
		mshv_vmm_signal(t->vp, SIGUSR1);
	}
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			c->result ? hv_result_to_errno(c->result) : -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);

	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 3);
}

/* The VMM suspends a VP between two runs: to run it is to release it. */
static void mshv_root_suspended_between_runs(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 1), 0);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->hv));
}

/* The same, and the first run after that cannot release it: the next one does. */
static void mshv_root_suspended_between_runs_refused(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 1), 0);

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	script(t, &intercept);
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));

	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->hv));
}

/*
 * The VMM releases a VP by itself before the first run, as after a restore: when
 * a signal ends that run, the VP is suspended like any other, and a suspension
 * by the VMM later on is not taken for the one that VPs are created with.
 */
static void mshv_root_released_before_first_run(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = ready;

	outcome.running = signal_self;
	outcome.data = t;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

/*
 * The VMM releases a VP by itself, and suspends it again while it is dispatched for the
 * first time: that is not the suspension that VPs are created with.
 */
static void mshv_root_suspended_in_first_dispatch(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = suspended;

	outcome.running = suspend_by_vmm;
	outcome.data = t;
	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 0), 0);
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	script(t, &intercept);
	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 1);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 0), 0);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2);
}

/*
 * A signal is pending when the VMM runs a VP on after an intercept: the VMM may
 * have changed registers in the page, so nothing is done to the VP.
 */
static void mshv_root_signal_after_intercept(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_message msg;
	unsigned int sets, dispatches;

	hv_fake_vp_start(t->hv);
	script(t, &intercept);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	sets = hv_fake_vp_sets(t->hv);
	dispatches = hv_fake_vp_dispatches(t->hv);

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), -EINTR);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->hv), sets);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), dispatches);

	script(t, &intercept);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
}

/* The VMM suspends a VP and interrupts its thread: the next run releases it. */
static void mshv_root_suspended_by_vmm_and_interrupted(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = suspended;

	outcome.running = suspend_by_vmm;
	outcome.data = t;
	script(t, &outcome);
	script(t, &intercept);
	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

/*
 * A dispatch fails, with each status there is: the run ends with its errno, and
 * the next one goes on. Where memory is what is missing, it is deposited and the
 * dispatch made again, unless it is memory that an L1VH cannot give.
 */
static void mshv_root_dispatch_fails(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_message msg;
	u64 status;

	hv_fake_vp_start(t->hv);
	for (status = 1; status < 0x100; status++) {
		unsigned int before = hv_fake_vp_dispatches(t->hv);
		struct hv_fake_outcome outcome = { .status = status };
		bool memory = status == HV_STATUS_INSUFFICIENT_MEMORY ||
			      status == HV_STATUS_INSUFFICIENT_CONTIGUOUS_MEMORY;
		unsigned int deposited =
			hv_fake_deposited(t->fake, mshv_vmm_partition_id(t->vmm));
		long ret;

		script(t, &outcome);
		script(t, &intercept);
		ret = mshv_vmm_run(t->vp, &msg);
		if (memory) {
			KUNIT_EXPECT_EQ(test, ret, 0);
			KUNIT_EXPECT_GT(test,
					hv_fake_deposited(t->fake,
							  mshv_vmm_partition_id(t->vmm)),
					deposited);
		} else {
			KUNIT_EXPECT_EQ_MSG(test, ret,
					    hv_result_needs_memory(status) ?
					    -ENOMEM : hv_result_to_errno(status),
					    "status 0x%llx", status);
			KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), before + 1);
			KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
		}
		KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), before + 2);
	}
}

/* What the hypervisor is not told because a dispatch failed, it is told again. */
static void mshv_root_dispatch_fails_after_intercept(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome fails = { .status = HV_STATUS_TIME_OUT };
	struct hv_message msg;

	hv_fake_vp_start(t->hv);
	script(t, &intercept);
	script(t, &fails);
	script(t, &intercept);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->hv));
	KUNIT_EXPECT_NE(test, mshv_vmm_run(t->vp, &msg), 0);
	/* The fake insists on the flag as long as the suspension is there. */
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
}

static void ask_for_cpu(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->called++;
	set_tsk_need_resched(current);
	set_preempt_need_resched();
}

static void is_cpu_asked_for(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->flag = tif_need_resched();
}

/* A thread that is to leave its CPU does so before the next dispatch. */
static void mshv_root_need_resched(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = ready, end = intercept;

	outcome.meanwhile = ask_for_cpu;
	outcome.data = t;
	end.running = is_cpu_asked_for;
	end.data = t;
	t->flag = true;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	script(t, &end);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, t->called, 1);
	KUNIT_EXPECT_FALSE(test, t->flag);
}

static void is_guest_time(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->called++;
	t->flag = current->flags & PF_VCPU;
}

/* Time in a dispatch is guest time, time outside is not. */
static void mshv_root_guest_time(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct hv_fake_outcome outcome = intercept;
	struct hv_message msg;

	outcome.running = is_guest_time;
	outcome.data = t;
	hv_fake_vp_start(t->hv);
	script(t, &outcome);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, t->called, 1);
	KUNIT_EXPECT_TRUE(test, t->flag);
	KUNIT_EXPECT_FALSE(test, current->flags & PF_VCPU);
}

/*
 * Destruction. The driver stops the hypervisor's signals for each VP and waits
 * for those that were counted; a lost one, a count that cannot be read and a VP
 * that cannot be stopped do not keep it, nor does a signal to the VMM.
 */
static const struct mshv_root_drain_case {
	const char *name;
	bool lost;
	u16 fails;
	bool signal;
	bool waits;
	const char *log;
} mshv_root_drain_cases[] = {
	{ .name = "all arrived" },
	{ .name = "all arrived, signal pending", .signal = true },
	{ .name = "one lost", .lost = true, .waits = true,
	  .log = "with signals for 1 VPs that have not arrived" },
	{ .name = "one lost, signal pending", .lost = true, .signal = true,
	  .waits = true, .log = "with signals for 1 VPs that have not arrived" },
	{ .name = "count unreadable", .lost = true,
	  .fails = HVCALL_GET_VP_REGISTERS,
	  .log = "an unknown number of signals for 1 VPs" },
	{ .name = "cannot be stopped", .lost = true,
	  .fails = HVCALL_SET_VP_REGISTERS,
	  .log = "an unknown number of signals for 1 VPs" },
};

KUNIT_ARRAY_PARAM_DESC(mshv_root_drain, mshv_root_drain_cases, name);

static void mshv_root_drain(struct kunit *test)
{
	const struct mshv_root_drain_case *c = test->param_value;
	struct mshv_root_test *t = test->priv;
	struct kmsg_dump_iter log;
	unsigned long took;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	if (c->lost)
		hv_fake_vp_kick_lost(t->hv);
	if (c->fails)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = c->fails,
			.result = HV_STATUS_ACCESS_DENIED,
		});
	if (c->signal) {
		allow_signal(SIGUSR1);
		send_sig(SIGUSR1, current, 1);
	}

	test_log_end(&log);
	took = jiffies;
	mshv_vmm_destroy(t->vmm);
	took = jiffies - took;

	if (c->signal) {
		flush_signals(current);
		disallow_signal(SIGUSR1);
	}
	if (c->waits)
		KUNIT_EXPECT_GE(test, took, HZ / 2);
	KUNIT_EXPECT_LT(test, took, 5 * HZ);
	if (!c->fails)
		KUNIT_EXPECT_TRUE(test, hv_fake_vp_dispatch_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, test_log_count(log, "destroyed with"), c->log ? 1 : 0);
	if (c->log)
		KUNIT_EXPECT_EQ(test, test_log_count(log, c->log), 1);
}

/* Signals of four VPs are lost: there is one deadline, not one for each. */
static void mshv_root_drain_many(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct mshv_vmm_vp *vp;
	unsigned long took;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		vp = i ? mshv_vmm_create_vp(t->vmm, i) : t->vp;
		hv_fake_vp_start(vp->hv);
		hv_fake_vp_script(vp->hv, &halted, 1);
		hv_fake_vp_script(vp->hv, &intercept, 1);
		mshv_vmm_start(vp);
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(vp));
		hv_fake_vp_kick(vp->hv);
		KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, NULL), 0);
		hv_fake_vp_kick_lost(vp->hv);
	}

	took = jiffies;
	mshv_vmm_destroy(t->vmm);
	took = jiffies - took;
	KUNIT_EXPECT_GE(test, took, HZ / 2);
	KUNIT_EXPECT_LT(test, took, 3 * HZ);
}

/* A message that was under way when the VP was destroyed finds nobody. */
static void mshv_root_signal_after_destroy(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	hv_fake_signal(&t->hv, 1, HV_FAKE_KICK_HELD);
	mshv_vmm_destroy(t->vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(t->fake), 1);
}

/* Kicks, as fast as they come, from another CPU. */
static int mshv_root_kicker(void *data)
{
	struct mshv_root_test *t = data;

	while (!kthread_should_stop()) {
		hv_fake_vp_kick_uncounted(t->hv);
		WRITE_ONCE(t->called, t->called + 1);
		cond_resched();
	}

	return 0;
}

/*
 * VPs are destroyed while another CPU kicks them: nothing is freed under the
 * message handler. KASAN sees it if it is.
 */
static void mshv_root_destroy_while_kicked(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct task_struct *kicker;
	unsigned int round;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "hypercalls are redirected on the test's own thread only");

	hv_fake_reserve(t->fake, 20, 20);
	for (round = 0; round < 20; round++) {
		kicker = kthread_create(mshv_root_kicker, t, "mshv_root_kicker");
		KUNIT_ASSERT_FALSE(test, IS_ERR(kicker));
		wake_up_process(kicker);
		while (!READ_ONCE(t->called))
			usleep_range(50, 100);
		mshv_vmm_destroy(t->vmm);
		kthread_stop(kicker);

		t->called = 0;
		t->vmm = mshv_vmm_create(test, t->fake);
		t->vp = mshv_vmm_create_vp(t->vmm, 0);
		t->hv = t->vp->hv;
	}
}

/* Not asleep, so that the kick comes as soon as it can. */
static bool wait_blocked(struct mshv_root_test *t)
{
	unsigned long end = jiffies + 10 * HZ;

	while (!hv_fake_vp_blocked(t->hv) && time_before(jiffies, end))
		cpu_relax();

	return hv_fake_vp_blocked(t->hv);
}

/*
 * Kicks and halts without end from two CPUs: none is lost, and each dispatch is
 * one that the fake allows.
 */
static void mshv_root_many_kicks(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	unsigned int round;

	hv_fake_vp_start(t->hv);
	for (round = 0; round < 200; round++) {
		script(t, &halted);
		script(t, &intercept);
		mshv_vmm_start(t->vp);
		KUNIT_ASSERT_TRUE(test, wait_blocked(t));
		hv_fake_vp_kick(t->hv);
		expect_intercept(t);
	}
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2 * 200);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->hv), 0);
}

static struct kunit_case mshv_root_test_cases[] = {
	KUNIT_CASE(mshv_root_first_run),
	KUNIT_CASE_PARAM(mshv_root_outcomes, mshv_root_outcome_gen_params),
	KUNIT_CASE(mshv_root_blocked_then_kicked),
	KUNIT_CASE(mshv_root_kicked_before_blocked),
	KUNIT_CASE(mshv_root_old_kick),
	KUNIT_CASE(mshv_root_wrong_counter),
	KUNIT_CASE(mshv_root_late_counter),
	KUNIT_CASE(mshv_root_lost_signal),
	KUNIT_CASE(mshv_root_intercept_with_signal),
	KUNIT_CASE(mshv_root_signal_while_ready),
	KUNIT_CASE(mshv_root_signal_while_blocked),
	KUNIT_CASE(mshv_root_fatal_signal),
	KUNIT_CASE(mshv_root_signal_before_start),
	KUNIT_CASE(mshv_root_suspend_refused),
	KUNIT_CASE(mshv_root_release_refused),
	KUNIT_CASE(mshv_root_suspended_by_vmm),
	KUNIT_CASE(mshv_root_suspended_anew),
	KUNIT_CASE_PARAM(mshv_root_suspended_anew_and_ended, mshv_root_anew_gen_params),
	KUNIT_CASE(mshv_root_suspended_by_vmm_and_interrupted),
	KUNIT_CASE(mshv_root_suspended_between_runs),
	KUNIT_CASE(mshv_root_suspended_between_runs_refused),
	KUNIT_CASE(mshv_root_released_before_first_run),
	KUNIT_CASE(mshv_root_suspended_in_first_dispatch),
	KUNIT_CASE(mshv_root_signal_after_intercept),
	KUNIT_CASE(mshv_root_dispatch_fails),
	KUNIT_CASE(mshv_root_dispatch_fails_after_intercept),
	KUNIT_CASE(mshv_root_need_resched),
	KUNIT_CASE(mshv_root_guest_time),
	KUNIT_CASE_PARAM(mshv_root_drain, mshv_root_drain_gen_params),
	KUNIT_CASE_SLOW(mshv_root_drain_many),
	KUNIT_CASE(mshv_root_signal_after_destroy),
	KUNIT_CASE_SLOW(mshv_root_destroy_while_kicked),
	KUNIT_CASE_SLOW(mshv_root_many_kicks),
	{}
};

static struct kunit_suite mshv_root_test_suite = {
	.name = "mshv_root",
	.init = mshv_root_test_init,
	.test_cases = mshv_root_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_root_test_suite);
