// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_root.c: VPs that this kernel dispatches, through the
 * ioctls of /dev/mshv, on the fake hypervisor.
 *
 * The fake checks at every dispatch that the VP may be dispatched, and at every
 * signal that it is counted; see hv_fake.h.
 *
 * This file has what dispatches come to, and the kicks that a halted VP waits
 * for. Runs that are interrupted or suspended are in mshv_root_suspend_kunit.c,
 * the end of VPs is in mshv_root_destroy_kunit.c; both are of the same suite.
 */

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_root_test.h"
#include "mshv_vmm.h"
#include "test_log.h"

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
	KUNIT_CASE_PARAM(mshv_root_suspended_anew_and_ended, mshv_root_anew_params),
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
	KUNIT_CASE_PARAM(mshv_root_drain, mshv_root_drain_params),
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
