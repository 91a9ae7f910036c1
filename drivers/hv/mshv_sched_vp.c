// SPDX-License-Identifier: GPL-2.0-only
/*
 * What both ways of dispatching do to a VP: its registers, and waiting for it.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

static const union hv_input_vtl mshv_sched_vtl;

/**
 * mshv_vp_sched_init() - scheduling state of a VP that was just created
 * @vp: the VP, zeroed but for its partition and its index
 *
 * The hypervisor reads and writes in the memory of @vp: kmalloc() aligns it as its
 * type is.
 */
void mshv_vp_sched_init(struct mshv_vp *vp)
{
	struct mshv_vp_sched *sched = &vp->sched;
	struct mshv_vp_dispatch *dispatch = &sched->dispatch;
	struct hv_input_set_vp_registers *resume = &sched->resume.input;

	rcuwait_init(&sched->wait);
	atomic64_set(&sched->signal_count, 0);
	sched->attention = BIT(MSHV_VP_NEW);

	/* Without a time slice: until something happens. */
	dispatch->input.partition_id = vp->vp_partition->pt_id;
	dispatch->input.vp_index = vp->vp_index;
	dispatch->input_gpa = virt_to_phys(&dispatch->input);

	/*
	 * Intercept first: once the VP is released from its explicit suspension it
	 * may run into an intercept at any moment, and clearing that afterwards
	 * would lose it. The hypervisor sets registers in the order given.
	 */
	resume->partition_id = vp->vp_partition->pt_id;
	resume->vp_index = vp->vp_index;
	resume->elements[0].name = HV_REGISTER_INTERCEPT_SUSPEND;
	resume->elements[1].name = HV_REGISTER_EXPLICIT_SUSPEND;
}

/**
 * mshv_sched_set_registers() - set registers of a VP, in the order given
 * @vp: the VP
 * @regs: the registers; their values are not kept
 * @count: how many
 *
 * Logs a failure, at a limited rate.
 *
 * Context: Any in which a hypercall is legal. Does not sleep.
 * Return: 0, or a negative errno; those before the one that failed are set then.
 */
int mshv_sched_set_registers(const struct mshv_vp *vp,
			     struct hv_register_assoc *regs, unsigned int count)
{
	int ret = hv_call_set_vp_registers(vp->vp_index, vp->vp_partition->pt_id,
					   count, mshv_sched_vtl, regs);

	if (ret)
		vp_err_ratelimited(vp, "register %#x cannot be set: %d\n",
				   regs->name, ret);

	return ret;
}

/**
 * mshv_sched_set_register() - set one register of a VP
 * @vp: the VP
 * @name: which
 * @value: its value
 *
 * Context: Any in which a hypercall is legal. Does not sleep.
 * Return: 0, or a negative errno, which has been logged.
 */
int mshv_sched_set_register(const struct mshv_vp *vp, u32 name, u64 value)
{
	struct hv_register_assoc reg = { .name = name, .value.reg64 = value };

	return mshv_sched_set_registers(vp, &reg, 1);
}

/**
 * mshv_sched_get_register() - read one register of a VP
 * @vp: the VP
 * @name: which
 * @value: set to its value, untouched on failure
 *
 * Context: Any in which a hypercall is legal. Does not sleep.
 * Return: 0, or a negative errno, which has been logged.
 */
int mshv_sched_get_register(const struct mshv_vp *vp, u32 name, u64 *value)
{
	struct hv_register_assoc reg = { .name = name };
	int ret = hv_call_get_vp_registers(vp->vp_index, vp->vp_partition->pt_id,
					   1, mshv_sched_vtl, &reg);

	if (ret)
		vp_err_ratelimited(vp, "register %#x cannot be read: %d\n", name, ret);
	else
		*value = reg.value.reg64;

	return ret;
}

/**
 * mshv_sched_wake() - wake the thread that sleeps until its VP is kicked
 * @vp: the VP; what the thread waits for has been written
 *
 * The first to do so leaves the time, for the statistics.
 *
 * Context: Any in which a thread can be woken.
 */
void mshv_sched_wake(struct mshv_vp *vp)
{
	if (!READ_ONCE(vp->sched.kicked_at))
		WRITE_ONCE(vp->sched.kicked_at, ktime_get_ns());
	rcuwait_wake_up(&vp->sched.wait);
}

/**
 * mshv_sched_trace_kick() - tell the tracepoint of a kick
 * @vp: the VP
 * @kind: who kicks: "signal", "interrupt" or "look"
 *
 * To be called where the tracepoint is on.
 *
 * Context: Any in which a thread can be woken.
 */
void mshv_sched_trace_kick(struct mshv_vp *vp, const char *kind)
{
	trace_mshv_vp_kick(vp->vp_partition->pt_id, vp->vp_index, kind,
			   rcuwait_active(&vp->sched.wait));
}

/* The thread was asleep, was woken for its VP, and runs: how long has that taken? */
static void mshv_sched_count_wakeup(struct mshv_vp *vp)
{
	u64 kicked_at = READ_ONCE(vp->sched.kicked_at), ns;
	unsigned int bucket;

	/* Nobody has kicked it: what it waited for has come of itself. */
	if (!kicked_at)
		return;

	ns = ktime_get_ns() - kicked_at;
	bucket = min_t(unsigned int, fls64(ns / NSEC_PER_USEC), MSHV_VP_WAKEUP_BUCKETS - 1);
	mshv_count(&vp->sched.stats.wakeups[bucket]);
	if (trace_mshv_vp_wakeup_enabled())
		trace_mshv_vp_wakeup(vp->vp_partition->pt_id, vp->vp_index, ns);
}

/**
 * mshv_sched_wait() - wait for a VP
 * @vp: the VP
 * @done: what for; called without a lock, may be called often, does not sleep.
 *	The wait ends as well when the driver is closed.
 * @timeout: for how long, in jiffies; MAX_SCHEDULE_TIMEOUT for as long as it
 *	takes
 *
 * Context: The thread that runs the VP. Sleeps.
 * Return: 1, or 0 if the time is over and @done still says no; -EINTR for a
 * signal, or what mshv_sched_closed() says.
 */
int mshv_sched_wait(struct mshv_vp *vp, bool (*done)(const struct mshv_vp *vp),
		    long timeout)
{
	int ret;

	WRITE_ONCE(vp->sched.kicked_at, 0);

	/* rcuwait_wait_event_timeout() would look once more, before all this. */
	prepare_to_rcuwait(&vp->sched.wait);
	for (;;) {
		/*
		 * Pairs with the barriers of mshv_sched_kick() and
		 * mshv_root_push_vector(), and with that of rcuwait_wake_up().
		 */
		set_current_state(TASK_INTERRUPTIBLE);
		ret = mshv_sched_closed();
		if (ret)
			break;

		ret = 1;
		if (done(vp))
			break;

		ret = signal_pending(current) ? -EINTR : 0;
		if (ret || !timeout)
			break;

		if (timeout == MAX_SCHEDULE_TIMEOUT)
			schedule();
		else
			timeout = schedule_timeout(timeout);
	}
	finish_rcuwait(&vp->sched.wait);

	if (ret > 0)
		mshv_sched_count_wakeup(vp);
	return ret;
}

/**
 * mshv_sched_kicked() - mshv_vp_kicked(), for mshv_sched_wait()
 * @vp: the VP
 *
 * Return: true from the kick until it is taken.
 */
bool mshv_sched_kicked(const struct mshv_vp *vp)
{
	return mshv_vp_kicked(&vp->sched);
}
