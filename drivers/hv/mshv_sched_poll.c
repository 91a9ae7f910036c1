// SPDX-License-Identifier: GPL-2.0-only
/*
 * Halt polling: before the thread of a halted VP sleeps, it watches for a while
 * whether the VP is woken. If it is, neither a sleep nor a wake-up has to be
 * paid for, which take longer than many a VP halts.
 *
 * The parameters are KVM's, and mean the same:
 * Documentation/virt/hyperv/mshv/operating.rst. How long a VP is watched, its
 * window, follows how long it has halted of late: wider while it would have been
 * woken within halt_poll_ns, narrower when not.
 *
 * What is watched is memory of this kernel and of the VP's statistics page: the
 * hypervisor is asked for nothing.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/entry-virt.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/timekeeping.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

struct mshv_poll_params mshv_poll_params = {
	.max_ns = 0,
	.grow = 2,
	.grow_start_ns = 10000,
	.shrink = 2,
};

module_param_named(halt_poll_ns, mshv_poll_params.max_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns,
		 "How long to poll before a halted VP's thread sleeps, at most, in ns; 0: not at all");
module_param_named(halt_poll_ns_grow, mshv_poll_params.grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "What a VP's window grows by, as a factor; 0: it does not");
module_param_named(halt_poll_ns_grow_start, mshv_poll_params.grow_start_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "What a VP's window grows to at first, in ns");
module_param_named(halt_poll_ns_shrink, mshv_poll_params.shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "What a VP's window is divided by; 0: it is closed");

/**
 * mshv_poll_window() - how long to watch a VP the next time it halts
 * @params: the parameters, which may change any time
 * @window: how long it was watched this time, in ns
 * @halt_ns: how long it was halted, in ns
 *
 * Pure, for the tests.
 *
 * Return: the new window, at most max_ns.
 */
u32 mshv_poll_window(const struct mshv_poll_params *params, u32 window,
		     u64 halt_ns)
{
	u32 max_ns = READ_ONCE(params->max_ns);
	u32 start = READ_ONCE(params->grow_start_ns);
	u32 grow, shrink;

	if (halt_ns > max_ns) {
		/* Not to be waited for: each time, a little less is tried. */
		shrink = READ_ONCE(params->shrink);
		window = shrink ? window / shrink : 0;
		if (window < start)
			window = 0;
	} else if (halt_ns > window) {
		/* Within reach. */
		grow = READ_ONCE(params->grow);
		if (grow)
			window = clamp_t(u64, (u64)window * grow,
					 min(start, max_ns), max_ns);
	}

	return min(window, max_ns);
}

/*
 * Whether this thread has nothing better to do than to watch its VP. Pending work
 * is a signal, or that the scheduler wants this CPU for somebody else.
 */
static bool mshv_poll_may_go_on(void)
{
	return !__xfer_to_guest_mode_work_pending() && single_task_running() &&
	       !mshv_sched_closed();
}

/**
 * mshv_poll_halted() - watch a halted VP for as long as its window is wide
 * @vp: the VP, which was not woken a moment ago
 * @halt: set up for mshv_poll_woken()
 * @done: whether the VP was woken; called without a lock, often, does not sleep
 *
 * Ends when @done says so, when the time is over, or when this thread or this
 * CPU has something else to do. In each case the caller goes on to wait as if
 * this had not been called: a wait for what has come does not sleep.
 *
 * Context: The thread that runs the VP. Preemptible.
 */
void mshv_poll_halted(struct mshv_vp *vp, struct mshv_poll_halt *halt,
		      bool (*done)(const struct mshv_vp *vp))
{
	struct mshv_vp_sched *sched = &vp->sched;
	u32 window = READ_ONCE(mshv_poll_params.max_ns);
	u64 now;

	halt->begin = 0;
	if (!window)
		return;

	window = min(window, sched->halt_poll_window);
	*halt = (struct mshv_poll_halt) { .begin = ktime_get_ns() };
	if (!window)
		return;

	do {
		cpu_relax();
		now = ktime_get_ns();
		halt->success = done(vp);
	} while (!halt->success && now - halt->begin < window &&
		 mshv_poll_may_go_on());

	halt->polled_ns = now - halt->begin;
	if (halt->success) {
		WRITE_ONCE(sched->halt_poll_success, sched->halt_poll_success + 1);
		WRITE_ONCE(sched->halt_poll_success_ns,
			   sched->halt_poll_success_ns + halt->polled_ns);
	} else {
		WRITE_ONCE(sched->halt_poll_fail, sched->halt_poll_fail + 1);
		WRITE_ONCE(sched->halt_poll_fail_ns,
			   sched->halt_poll_fail_ns + halt->polled_ns);
	}
}

/**
 * mshv_poll_woken() - the VP was woken: learn from how long that took
 * @vp: the VP
 * @halt: what mshv_poll_halted() has set up
 *
 * Not to be called where the wait has ended for another reason, which says
 * nothing about the VP.
 *
 * Context: The thread that runs the VP. Preemptible.
 */
void mshv_poll_woken(struct mshv_vp *vp, const struct mshv_poll_halt *halt)
{
	u32 window = vp->sched.halt_poll_window;
	u64 halt_ns;

	if (!halt->begin)
		return;

	halt_ns = ktime_get_ns() - halt->begin;
	vp->sched.halt_poll_window =
		mshv_poll_window(&mshv_poll_params, window, halt_ns);

	trace_mshv_vp_halt_poll(vp->vp_partition->pt_id, vp->vp_index,
				halt->success, halt->polled_ns, halt_ns, window,
				vp->sched.halt_poll_window);
}
