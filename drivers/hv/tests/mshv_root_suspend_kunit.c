// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of runs that end before the VP does: a signal for the VMM's thread, a VP
 * that the VMM suspends, a register that cannot be set.
 *
 * They are cases of the suite in mshv_root_kunit.c.
 */

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/thread_info.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_root_test.h"
#include "mshv_vmm.h"

static const struct hv_fake_outcome suspended = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
	.event = HV_VP_DISPATCH_EVENT_SUSPEND,
};

static void signal_self(struct hv_fake *fake, void *data)
{
	struct mshv_root_test *t = data;

	t->called++;
	/* As good as a signal to those who look, and no lock is taken. */
	set_thread_flag(TIF_SIGPENDING);
}

/* An intercept is delivered even if a signal came during its dispatch. */
void mshv_root_intercept_with_signal(struct kunit *test)
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
void mshv_root_signal_while_ready(struct kunit *test)
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
void mshv_root_signal_while_blocked(struct kunit *test)
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
void mshv_root_fatal_signal(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &halted);
	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGKILL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
}

/* A signal before the first dispatch: nothing to suspend, nothing dispatched. */
void mshv_root_signal_before_start(struct kunit *test)
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
void mshv_root_suspend_refused(struct kunit *test)
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
void mshv_root_release_refused(struct kunit *test)
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
void mshv_root_suspended_by_vmm(struct kunit *test)
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
void mshv_root_suspended_anew(struct kunit *test)
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

const void *mshv_root_anew_params(struct kunit *test, const void *prev, char *desc)
{
	return mshv_root_anew_gen_params(test, prev, desc);
}

void mshv_root_suspended_anew_and_ended(struct kunit *test)
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
void mshv_root_suspended_between_runs(struct kunit *test)
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
void mshv_root_suspended_between_runs_refused(struct kunit *test)
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
void mshv_root_released_before_first_run(struct kunit *test)
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
void mshv_root_suspended_in_first_dispatch(struct kunit *test)
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
void mshv_root_signal_after_intercept(struct kunit *test)
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
void mshv_root_suspended_by_vmm_and_interrupted(struct kunit *test)
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
