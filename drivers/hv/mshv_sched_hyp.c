// SPDX-License-Identifier: GPL-2.0-only
/*
 * VPs that the hypervisor dispatches: classic scheduler, core scheduler.
 *
 * A VP runs while neither of its two suspend registers is set:
 *
 *   HV_REGISTER_EXPLICIT_SUSPEND   set and cleared by the parent
 *   HV_REGISTER_INTERCEPT_SUSPEND  set by the hypervisor when the VP needs its
 *                                  parent, cleared by the parent
 *
 * MSHV_RUN_VP clears both, and the thread sleeps. Where and when the VP runs is
 * up to the hypervisor. When the VP needs the parent, the hypervisor sets the
 * second register, fills the VP's intercept page and only then sends a message,
 * which wakes the thread. When a signal wakes it instead, the VP is explicitly
 * suspended, and an intercept that was faster is delivered first.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/rcuwait.h>
#include <linux/wait.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

/* How long a message may take that the hypervisor must have sent already. */
#define MSHV_HYP_MESSAGE_TIMEOUT	HZ

/*
 * The hypervisor has not set both registers. The first one, once cleared, is not cleared
 * again: a VP that was not explicitly suspended runs since, and may have run into an
 * intercept, which that would lose.
 */
static noinline int mshv_hyp_resume_rest(struct mshv_vp *vp, u64 status)
{
	const unsigned int done = hv_repcomp(status);
	int ret;

	if (hv_result_success(status)) {
		ret = mshv_sched_set_registers(vp, vp->sched.resume.input.elements + done,
					       MSHV_VP_RESUME_REGS - done);
	} else {
		vp_err_ratelimited(vp, "cannot be resumed: %s\n",
				   hv_result_to_string(status));
		ret = hv_result_to_errno(status);
	}

	vp->sched.unstopped = ret && done;
	return ret;
}

/*
 * Let the VP run. Its arguments are the same each time, and are the VP's own, see
 * mshv_vp_sched_init(): nothing has to be copied, nor interrupts to be off.
 */
static int mshv_hyp_resume(struct mshv_vp *vp)
{
	const u64 control = HVCALL_SET_VP_REGISTERS |
		(u64)MSHV_VP_RESUME_REGS << HV_HYPERCALL_REP_COMP_OFFSET;
	struct mshv_vp_resume *resume = &vp->sched.resume;
	u64 status = hv_do_hypercall(control, &resume->input, NULL);

	if (likely(hv_result_success(status) && hv_repcomp(status) == MSHV_VP_RESUME_REGS))
		return 0;

	return mshv_hyp_resume_rest(vp, status);
}

/* Whether the VP waits for its parent; its intercept page is filled then. */
static int mshv_hyp_intercepted(const struct mshv_vp *vp, u64 *intercepted)
{
	return mshv_sched_get_register(vp, HV_REGISTER_INTERCEPT_SUSPEND,
				       intercepted);
}

/*
 * Take the message of an intercept that the register has told of. A VP that is
 * explicitly suspended runs into no intercept, so there are two cases only: the
 * message has come already, or it is on its way. Left alone, it would end the
 * next run before its time.
 *
 * The intercept page is filled before the message is sent. So if it does not
 * come, nothing is missing but the wake-up; the next one is not believed
 * without a look, for it may be this one.
 */
static void mshv_hyp_take_message(struct mshv_vp *vp)
{
	if (!rcuwait_wait_event_timeout(&vp->sched.wait,
					READ_ONCE(vp->sched.kick) == MSHV_KICK_SIGNAL,
					TASK_UNINTERRUPTIBLE, MSHV_HYP_MESSAGE_TIMEOUT)) {
		vp_warn_ratelimited(vp, "intercept without a message\n");
		vp->sched.distrust = true;
	}
	WRITE_ONCE(vp->sched.kick, MSHV_KICK_NONE);
}

/*
 * Stop the VP, and lose no intercept: 1 if it has one, whose message has been taken
 * then; 0 if not. If it cannot be stopped, or it cannot be told whether it has one,
 * that is left for the next run, see mshv_hyp_run().
 */
static int mshv_hyp_stop(struct mshv_vp *vp)
{
	u64 intercepted;
	int ret;

	vp->sched.unstopped = true;
	ret = mshv_sched_set_register(vp, HV_REGISTER_EXPLICIT_SUSPEND, 1);
	if (ret)
		return ret;

	/* Only now: before, the VP could still run into one. */
	ret = mshv_hyp_intercepted(vp, &intercepted);
	if (ret)
		return ret;

	vp->sched.unstopped = false;
	if (!intercepted)
		return 0;

	mshv_hyp_take_message(vp);
	return 1;
}

/* The run has to end by an error, unless the VP has an intercept. */
static int mshv_hyp_interrupted(struct mshv_vp *vp, int err)
{
	int ret = mshv_hyp_stop(vp);

	return ret ? min(ret, 0) : err;
}

/* See &mshv_sched_ops.run. */
static int mshv_hyp_run(struct mshv_vp *vp)
{
	u64 intercepted = 0;
	int kick, ret;

	/* mshv_pm_stop_partitions() relies on it: nothing is resumed then. */
	ret = mshv_sched_closed();
	if (ret)
		return ret;

	/* Resumed, it would lose the intercept that it may have from the last run. */
	if (unlikely(vp->sched.unstopped)) {
		ret = mshv_hyp_stop(vp);
		if (ret)
			return min(ret, 0);
	}

	/* Whatever this is about, it is not about the run that begins now. */
	WRITE_ONCE(vp->sched.kick, MSHV_KICK_NONE);

	ret = mshv_hyp_resume(vp);
	if (ret)
		return vp->sched.unstopped ? mshv_hyp_interrupted(vp, ret) : ret;

	do {
		if (!mshv_vp_kicked(&vp->sched)) {
			ret = mshv_sched_wait(vp, mshv_sched_kicked,
					      MAX_SCHEDULE_TIMEOUT);
			if (ret < 0)
				return mshv_hyp_interrupted(vp, ret);
		}

		/* Taken before the look: a kick that comes now is not lost. */
		kick = xchg(&vp->sched.kick, MSHV_KICK_NONE);
		if (kick == MSHV_KICK_SIGNAL && !vp->sched.distrust)
			return 0;

		ret = mshv_hyp_intercepted(vp, &intercepted);
		if (ret) {
			/* If it was about an intercept, that is not to be waited for. */
			cmpxchg(&vp->sched.kick, MSHV_KICK_NONE, kick);
			return mshv_hyp_interrupted(vp, ret);
		}

		/*
		 * An intercept without a message: that may still be to come. A
		 * message without an intercept: there it is.
		 */
		if (intercepted && kick == MSHV_KICK_LOOK)
			vp->sched.distrust = true;
		else if (!intercepted && kick == MSHV_KICK_SIGNAL)
			vp->sched.distrust = false;
	} while (!intercepted);

	return 0;
}

const struct mshv_sched_ops mshv_sched_hyp_ops = {
	.dispatcher = "hypervisor",
	.run = mshv_hyp_run,
};
