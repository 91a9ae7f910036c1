// SPDX-License-Identifier: GPL-2.0-only
/*
 * VPs that this kernel dispatches: root scheduler, integrated scheduler.
 *
 * A VP runs inside HVCALL_DISPATCH_VP, on the CPU and for the account of the
 * thread that called MSHV_RUN_VP. The hypercall returns when the VP needs its
 * parent (an intercept, already in the VP's intercept page), when it has
 * nothing to do (blocked), when somebody has suspended it, or when this CPU is
 * wanted for something else (ready). A blocked VP is not dispatched again until
 * the hypervisor has sent a signal about it, or an interrupt was posted to it.
 *
 * Interrupts stay on during a dispatch, preemption is off: the VP gives way
 * when the hypervisor returns for an interrupt of this CPU.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/cleanup.h>
#include <linux/entry-virt.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/rseq.h>
#include <linux/static_call.h>
#include <linux/timekeeping.h>
#include <linux/vtime.h>
#include <linux/wait.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

/*
 * A VP that was kicked while its counter says "blocked", or while it is suspended,
 * is looked at again after this long. See mshv_root_wait_kicked() and
 * mshv_root_wait_released().
 */
#define MSHV_ROOT_RECHECK	(HZ / 10)

/* How long a partition's destruction waits for signals, all VPs together. */
#define MSHV_ROOT_DRAIN_TIMEOUT	HZ

/* Tries to post an interrupt against a VMM that keeps writing to the page. */
#define MSHV_ROOT_POST_TRIES	8

/* In place of a status: not dispatched, this thread is wanted for something else. */
#define MSHV_ROOT_GAVE_WAY	(U64_MAX - 1)

/*
 * VpRootDispatchThreadBlocked, an index into the counters of a VP's statistics
 * page. The hypervisor clears it before it sends a signal for the VP. No
 * version tells where it is; it has moved before.
 */
#if IS_ENABLED(CONFIG_X86_64)
#define MSHV_ROOT_COUNTER_BLOCKED	202
#else
#define MSHV_ROOT_COUNTER_BLOCKED	95
#endif

#if IS_ENABLED(CONFIG_X86_64)
/* It was at another place in the header once, and nobody noticed. */
static_assert(offsetof(struct hv_vp_register_page, interrupt_vectors) == 688);
#endif

/*
 * Interrupts for a VP, posted in its register page: the hypervisor takes them
 * from there when it is asked to, at the start of a dispatch.
 */
#if IS_ENABLED(CONFIG_X86_64)
static u64 mshv_root_posted(const struct mshv_vp *vp)
{
	if (!vp->vp_register_page)
		return 0;

	return READ_ONCE(vp->vp_register_page->interrupt_vectors.as_uint64);
}

/*
 * Put a vector in the page. The VMM has the page mapped and may write anything
 * at any time, so nothing is read twice and the number of tries is bounded.
 */
static int mshv_root_push_vector(struct mshv_vp *vp, u8 vector)
{
	union hv_vp_register_page_interrupt_vectors old, new;
	u64 *word = &vp->vp_register_page->interrupt_vectors.as_uint64;
	int i, tries;

	old.as_uint64 = READ_ONCE(*word);
	for (tries = 0; tries < MSHV_ROOT_POST_TRIES; tries++) {
		new = old;
		if (old.vector_count > HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT)
			return -EINVAL;

		for (i = 0; i < old.vector_count; i++)
			if (old.vector[i] == vector)
				break;
		if (i == HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT)
			return -ENOSPC;
		if (i == old.vector_count)
			new.vector[new.vector_count++] = vector;

		/*
		 * Written even if the vector is there already: that it still is,
		 * after everything this interrupt tells of, is what counts.
		 */
		if (try_cmpxchg(word, &old.as_uint64, new.as_uint64))
			return 0;
	}

	return -EBUSY;
}

/* See &mshv_sched_ops.post_interrupt. */
static int mshv_root_post_interrupt(struct mshv_vp *vp, u8 vector)
{
	int ret;

	if (!vp->vp_register_page || !READ_ONCE(vp->sched.apic_id_is_index))
		return -EOPNOTSUPP;

	/* A VP that is running looks at the page at its next dispatch only. */
	if (READ_ONCE(vp->sched.dispatched))
		return -EBUSY;

	ret = mshv_root_push_vector(vp, vector);
	if (ret)
		return ret;

	/*
	 * try_cmpxchg() above is a full barrier, and pairs with the smp_mb() of
	 * mshv_root_dispatch(): either that sees the vector, or this sees that
	 * the VP is dispatched, perhaps without it. In the latter case the
	 * interrupt is delivered by hypercall, and once more with the next
	 * dispatch: one too many, not one too few.
	 */
	if (READ_ONCE(vp->sched.dispatched))
		return -EBUSY;

	if (trace_mshv_vp_kick_enabled())
		mshv_sched_trace_kick(vp, "interrupt");
	/* By the same barrier, which pairs with that of set_current_state(), too. */
	if (rcuwait_active(&vp->sched.wait))
		mshv_sched_wake(vp);

	return 0;
}

/*
 * Interrupts are routed to APIC IDs, register pages belong to VPs. The two
 * numbers are equal in small guests, and not in all: with a number of VPs per
 * NUMA node that is no power of two, APIC IDs have gaps. Ask about the one that
 * equals the VP's index, once, when the VP first runs: only where the
 * hypervisor confirms it are interrupts posted.
 */
static void mshv_root_ask_apic_id(struct mshv_vp *vp)
{
	const u64 control = HV_HYPERCALL_REP_COMP_1 |
			    HVCALL_GET_VP_INDEX_FROM_APIC_ID;
	struct hv_get_vp_from_apic_id_in *input;
	u32 *output;
	u64 status;

	if (!(ms_hyperv.ext_features & MSHV_SCHED_TAKES_INTERRUPTS))
		return;

	guard(irqsave)();
	input = *this_cpu_ptr(hyperv_pcpu_input_arg);
	output = *this_cpu_ptr(hyperv_pcpu_output_arg);

	memset(input, 0, sizeof(*input));
	input->partition_id = vp->vp_partition->pt_id;
	input->apic_ids[0] = vp->vp_index;
	/* A success that wrote nothing must not read as an index. */
	output[0] = ~vp->vp_index;

	status = hv_do_hypercall(control, input, output);
	WRITE_ONCE(vp->sched.apic_id_is_index,
		   hv_result_success(status) && output[0] == vp->vp_index);
}
#else
static u64 mshv_root_posted(const struct mshv_vp *vp)
{
	return 0;
}

static void mshv_root_ask_apic_id(struct mshv_vp *vp)
{
}
#endif

/* Whether the hypervisor's own counter says that the VP cannot run. */
static bool mshv_root_counter_blocked(const struct mshv_vp *vp)
{
	struct hv_stats_page * const *stats = vp->vp_stats_pages;
	const unsigned int i = MSHV_ROOT_COUNTER_BLOCKED;

	/* Which of the two areas has it depends on what the parent may see. */
	return READ_ONCE(stats[HV_STATS_AREA_PARENT]->data[i]) ||
	       READ_ONCE(stats[HV_STATS_AREA_SELF]->data[i]);
}

/*
 * The explicit suspension. A VP that is not in a dispatch does not run in any
 * case; suspending it makes the hypervisor write its registers to the register
 * page, where the VMM looks for them after -EINTR, and leaves it in the state
 * in which the hypervisor path would.
 */
static int mshv_root_suspend(struct mshv_vp *vp)
{
	int ret = mshv_sched_set_register(vp, HV_REGISTER_EXPLICIT_SUSPEND, 1);

	if (!ret)
		set_bit(MSHV_VP_SUSPENDED, &vp->sched.attention);

	return ret;
}

static int mshv_root_release(struct mshv_vp *vp)
{
	int ret = mshv_sched_set_register(vp, HV_REGISTER_EXPLICIT_SUSPEND, 0);

	trace_mshv_vp_clear_explicit_suspend(vp->vp_partition->pt_id,
					     vp->vp_index, ret);

	if (!ret) {
		clear_bit(MSHV_VP_SUSPENDED, &vp->sched.attention);
		vp->sched.released = true;
	}

	return ret;
}

/*
 * Wait until a VP that the VMM has suspended, by a hypercall of its own, is
 * released in the same way. The hypervisor sends a signal then; what counts is
 * the register.
 *
 * The VMM may have suspended it anew before this thread could look. No document
 * says that a VP that was not dispatched since its last signal gets another one
 * when it is released again, so after the first look the register is read from
 * time to time.
 */
static noinline int mshv_root_wait_released(struct mshv_vp *vp)
{
	long timeout = MAX_SCHEDULE_TIMEOUT;
	u64 suspended;
	int ret;

	do {
		ret = mshv_sched_wait(vp, mshv_sched_kicked, timeout);
		if (ret < 0)
			goto unfinished;

		/* Taken before the look: a kick that comes now is not lost. */
		xchg(&vp->sched.kick, MSHV_KICK_NONE);
		timeout = MSHV_ROOT_RECHECK;
		ret = mshv_sched_get_register(vp, HV_REGISTER_EXPLICIT_SUSPEND,
					      &suspended);
		if (ret)
			goto unfinished;
	} while (suspended);

	clear_bit(MSHV_VP_SUSPENDED, &vp->sched.attention);
	return 0;

unfinished:
	/*
	 * The next run releases the VP, and waits for the signal. If one was taken
	 * here that may have been the last, so that run is not to rely on another.
	 */
	if (timeout == MSHV_ROOT_RECHECK)
		cmpxchg(&vp->sched.kick, MSHV_KICK_NONE, MSHV_KICK_LOOK);
	set_bit(MSHV_VP_BLOCKED, &vp->sched.attention);
	return ret;
}

static bool mshv_root_kicked_or_posted(const struct mshv_vp *vp)
{
	return mshv_sched_kicked(vp) || mshv_root_posted(vp);
}

static bool mshv_root_runnable(const struct mshv_vp *vp)
{
	return !mshv_root_counter_blocked(vp) || mshv_root_posted(vp);
}

/* What a kick or an interrupt for the VP changes, with nothing to be waited for. */
static bool mshv_root_woken(const struct mshv_vp *vp)
{
	return mshv_root_posted(vp) ||
	       (mshv_vp_kicked(&vp->sched) && !mshv_root_counter_blocked(vp));
}

/*
 * Wait until a blocked VP can be dispatched: kicked, and not blocked any more;
 * or there is an interrupt for it.
 *
 * A kick alone is not enough, it may be an old one. The counter tells, and the
 * hypervisor clears it before it sends a signal. But it is found by an index
 * that nothing vouches for, so it is not trusted with a VP's life: if it still
 * says "blocked" after a kick, it is read again later, as nobody else will wake
 * us, and then the VP is dispatched all the same. The hypervisor answers
 * "blocked" if it is.
 */
static noinline int mshv_root_wait_kicked(struct mshv_vp *vp)
{
	int ret;

	ret = mshv_sched_wait(vp, mshv_root_kicked_or_posted, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		goto unfinished;

	if (!mshv_root_runnable(vp)) {
		ret = mshv_sched_wait(vp, mshv_root_runnable, MSHV_ROOT_RECHECK);
		if (ret < 0)
			goto unfinished;
	}

	/* One that was asked to look did not expect anything. */
	if (!ret && READ_ONCE(vp->sched.kick) == MSHV_KICK_SIGNAL)
		vp_notice_ratelimited(vp, "kicked, but its counter says blocked; dispatched to see\n");

	return 0;

unfinished:
	/* The next run has to go on with it. */
	set_bit(MSHV_VP_BLOCKED, &vp->sched.attention);
	return ret;
}

/* The same, but first the VP is watched for a while. */
static noinline int mshv_root_poll_kicked(struct mshv_vp *vp)
{
	struct mshv_poll_halt halt;
	int ret;

	mshv_poll_halted(vp, &halt, mshv_root_woken);
	ret = mshv_root_wait_kicked(vp);
	if (!ret)
		mshv_poll_woken(vp, &halt);

	return ret;
}

static __always_inline void mshv_root_trace_wait(const struct mshv_vp *vp)
{
	/* The arguments would be read whether or not anybody traces. */
	if (trace_mshv_vp_wait_for_hv_kick_enabled())
		trace_mshv_vp_wait_for_hv_kick(vp->vp_partition->pt_id, vp->vp_index,
					       READ_ONCE(vp->sched.kick),
					       mshv_root_counter_blocked(vp),
					       mshv_root_posted(vp));
}

/* Wait until a VP that is blocked need not be so any more. */
static noinline int mshv_root_wait(struct mshv_vp *vp)
{
	int ret;

	/* It may have been woken before this thread could notice that it is blocked. */
	if (!mshv_root_woken(vp)) {
		ret = READ_ONCE(mshv_poll_params.max_ns) ? mshv_root_poll_kicked(vp) :
							   mshv_root_wait_kicked(vp);
		if (ret)
			return ret;
	}

	mshv_root_trace_wait(vp);
	return 0;
}

/*
 * Guest time begins and ends. Interrupts must be off only where this CPU accounts
 * for time by the clock, in seqcount sections that interrupts enter too. Elsewhere
 * it takes a flag of this thread, which nobody else writes.
 */
static __always_inline void mshv_root_guest_enter(void)
{
	if (vtime_accounting_enabled_this_cpu()) {
		guard(irq)();
		vtime_account_guest_enter();
	} else {
		vtime_account_guest_enter();
	}
}

static __always_inline void mshv_root_guest_exit(void)
{
	if (vtime_accounting_enabled_this_cpu()) {
		guard(irq)();
		vtime_account_guest_exit();
	} else {
		vtime_account_guest_exit();
	}
}

/*
 * The hypercall. As hv_do_hypercall(), which on x86 would work the two addresses out
 * each time: a tenth of the instructions of a run.
 */
static __always_inline u64 mshv_root_hypercall(struct mshv_vp_dispatch *args)
{
#if IS_ENABLED(CONFIG_X86_64)
	const u64 output_gpa = args->input_gpa + offsetof(typeof(*args), output);

	return static_call_mod(hv_hypercall)(HVCALL_DISPATCH_VP, args->input_gpa,
					     output_gpa);
#else
	return hv_do_hypercall(HVCALL_DISPATCH_VP, &args->input, &args->output);
#endif
}

/*
 * The hypercall, and what the tracepoint tells of it. Apart, so that a dispatch does
 * nothing for the tracepoint when that is off.
 */
static noinline u64 mshv_root_traced_hypercall(struct mshv_vp_dispatch *args, u64 posted)
{
	u64 begin = ktime_get_ns();
	u64 status = mshv_root_hypercall(args);

	trace_mshv_hvcall_dispatch_vp(args->input.partition_id, args->input.vp_index,
				      args->input.flags, args->output.dispatch_state,
				      args->output.dispatch_event, posted, status,
				      ktime_get_ns() - begin);

	return status;
}

/*
 * Dispatch the VP once, unless this thread has something else to do first.
 *
 * Returns the hypercall's status, or MSHV_ROOT_GAVE_WAY if none was made for that
 * reason. The outcome is in the VP's arguments.
 */
static __always_inline u64 mshv_root_dispatch(struct mshv_vp *vp)
{
	struct mshv_vp_dispatch *args = &vp->sched.dispatch;
	u64 posted, status;
	u32 flags = 0;

	guard(preempt)();

	/*
	 * Kicks so far are answered by this dispatch, or by the next one if there
	 * is none now: whoever gives way below dispatches before it waits. Later
	 * ones are not.
	 */
	WRITE_ONCE(vp->sched.kick, MSHV_KICK_NONE);
	WRITE_ONCE(vp->sched.dispatched, true);
	/*
	 * Pairs with try_cmpxchg() in mshv_root_push_vector(): who posts a vector
	 * after the look at the page sees that the VP is dispatched.
	 */
	smp_mb();

	/*
	 * Looked at on the CPU that the VP will run on, with no way off it any
	 * more. Interrupts are on, so one that asks this thread to do something
	 * can still come between here and the hypercall. It is noticed at the
	 * next interrupt that ends the dispatch, with the tick at the latest,
	 * and on a CPU without a tick when the VP itself comes back.
	 */
	if (__xfer_to_guest_mode_work_pending() || mshv_sched_closed()) {
		WRITE_ONCE(vp->sched.dispatched, false);
		return MSHV_ROOT_GAVE_WAY;
	}

	if (vp->sched.intercepted)
		flags |= HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND;
	posted = mshv_root_posted(vp);
	if (posted)
		flags |= HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION;

	/* The rest of it is the same each time, see mshv_vp_sched_init(). */
	args->input.flags = flags;
	/* A success that wrote nothing must not read as an older outcome. */
	args->output = (struct hv_output_dispatch_vp) { };

	mshv_root_guest_enter();
	if (trace_mshv_hvcall_dispatch_vp_enabled())
		status = mshv_root_traced_hypercall(args, posted);
	else
		status = mshv_root_hypercall(args);
	mshv_root_guest_exit();

	WRITE_ONCE(vp->sched.dispatched, false);

	return status;
}

/*
 * Handle what this thread was asked to do: -EINTR if that is a signal, or rather what
 * mshv_sched_closed() says.
 */
static noinline int mshv_root_handle_work(const struct mshv_vp *vp)
{
	int ret = 0;

	if (__xfer_to_guest_mode_work_pending()) {
		ret = xfer_to_guest_mode_handle_work();
		trace_mshv_xfer_to_guest_mode_work(vp->vp_partition->pt_id,
						   vp->vp_index,
						   read_thread_flags(), ret);
	}

	return mshv_sched_closed() ?: ret;
}

/*
 * What a dispatch that was none means for the run, or one with an outcome that is not
 * known: 0 if it may be tried again.
 */
static noinline int mshv_root_not_dispatched(const struct mshv_vp *vp, u64 status)
{
	const struct hv_output_dispatch_vp *output = &vp->sched.dispatch.output;

	if (status == MSHV_ROOT_GAVE_WAY)
		return mshv_root_handle_work(vp);

	if (hv_result_success(status)) {
		vp_err_ratelimited(vp, "dispatch ended in state %u by event %u\n",
				   output->dispatch_state, output->dispatch_event);
		return -EIO;
	}

	if (hv_result_needs_memory(status))
		return hv_deposit_memory(vp->vp_partition->pt_id, status);

	vp_err_ratelimited(vp, "cannot be dispatched: %s\n",
			   hv_result_to_string(status));

	return hv_result_to_errno(status);
}

/*
 * A dispatch has found the VP suspended.
 *
 * A VP is created suspended, and its first dispatch says so, unless it was released
 * before. Any other suspension is the VMM's doing, and stays until the VMM, or the
 * next run, releases it.
 */
static noinline int mshv_root_suspended(struct mshv_vp *vp)
{
	const bool fresh = vp->sched.stats.dispatches == 1 && !vp->sched.released;
	int ret;

	set_bit(MSHV_VP_SUSPENDED, &vp->sched.attention);
	if (fresh) {
		ret = mshv_root_release(vp);
		return ret ?: mshv_root_wait(vp);
	}

	ret = mshv_root_wait_released(vp);
	if (!ret)
		mshv_root_trace_wait(vp);

	return ret;
}

/* Dispatch until there is an intercept. Returns 0 then, else a negative errno. */
static __always_inline int mshv_root_run_until_intercept(struct mshv_vp *vp)
{
	struct mshv_vp_sched *sched = &vp->sched;
	u64 status;
	int ret;

	do {
		status = mshv_root_dispatch(vp);
		if (unlikely(!hv_result_success(status))) {
			ret = mshv_root_not_dispatched(vp, status);
			continue;
		}

		mshv_count(&sched->stats.dispatches);

		switch (hv_dispatch_outcome(&sched->dispatch.output)) {
		case HV_DISPATCH_INTERCEPT:
			sched->intercepted = true;
			return 0;
		case HV_DISPATCH_READY:
			sched->intercepted = false;
			ret = 0;
			break;
		case HV_DISPATCH_BLOCKED:
			sched->intercepted = false;
			mshv_count(&sched->stats.blocks);
			if (trace_mshv_vp_block_enabled())
				trace_mshv_vp_block(vp->vp_partition->pt_id, vp->vp_index);
			ret = mshv_root_wait(vp);
			break;
		case HV_DISPATCH_SUSPENDED:
			sched->intercepted = false;
			ret = mshv_root_suspended(vp);
			break;
		case HV_DISPATCH_UNKNOWN:
			sched->intercepted = false;
			ret = mshv_root_not_dispatched(vp, status);
			break;
		}
	} while (!ret);

	return ret;
}

/* See to what has to be done before the VP can be dispatched. */
static noinline int mshv_root_attend(struct mshv_vp *vp)
{
	unsigned long *attention = &vp->sched.attention;
	int ret;

	/*
	 * A signal that is pending comes first: nothing needs be undone then.
	 * mshv_pm_stop_partitions() relies on it that nothing is released when no
	 * VP may run any more.
	 */
	ret = mshv_root_handle_work(vp);
	if (ret)
		return ret;

	if (test_and_clear_bit(MSHV_VP_NEW, attention))
		mshv_root_ask_apic_id(vp);

	/*
	 * To run a VP is to release it, whoever has suspended it before. What the
	 * VMM has done is kept as what is known of the VP, in case it cannot be
	 * released: a dispatch would take it for a suspension of this run.
	 */
	if (test_and_clear_bit(MSHV_VP_VMM_SUSPENDS, attention))
		set_bit(MSHV_VP_SUSPENDED, attention);
	if (test_bit(MSHV_VP_SUSPENDED, attention)) {
		ret = mshv_root_release(vp);
		if (ret)
			return ret;
	}

	return test_and_clear_bit(MSHV_VP_BLOCKED, attention) ?
		mshv_root_wait(vp) : 0;
}

/* A run ends without an intercept; returns what it is to return. */
static noinline int mshv_root_ended(struct mshv_vp *vp, int ret)
{
	int err;

	/*
	 * Before its first dispatch a VP is as suspended as it can be. One that
	 * has not run since its intercept has its registers in the page, and
	 * the VMM may have changed them there: nobody may write them now.
	 */
	if (ret == -EINTR && vp->sched.stats.dispatches &&
	    !test_bit(MSHV_VP_SUSPENDED, &vp->sched.attention) &&
	    !vp->sched.intercepted) {
		err = mshv_root_suspend(vp);
		if (err)
			ret = err;
	}

	return ret;
}

/* See &mshv_sched_ops.run. */
static int mshv_root_run(struct mshv_vp *vp)
{
	int ret = 0;

	if (unlikely(READ_ONCE(vp->sched.attention)))
		ret = mshv_root_attend(vp);
	if (likely(!ret))
		ret = mshv_root_run_until_intercept(vp);

	/* Scheduled out meanwhile, perhaps: the thread may be elsewhere now. */
	rseq_virt_userspace_exit();

	return likely(!ret) ? 0 : mshv_root_ended(vp, ret);
}

/*
 * See &mshv_sched_ops.registers_set.
 *
 * A VP that the VMM has suspended between two runs must be released by the next
 * one. That cannot be told from a suspension during the run, which must not be
 * undone, when a dispatch reports it.
 */
static void mshv_root_registers_set(struct mshv_partition *partition,
				    const struct hv_input_set_vp_registers *input,
				    unsigned int count)
{
	const unsigned int max = (HV_HYP_PAGE_SIZE - sizeof(*input)) /
				 sizeof(input->elements[0]);
	struct mshv_vp *vp;
	unsigned int i;

	guard(rcu)();
	if (input->vp_index >= MSHV_MAX_VPS)
		return;
	/* Pairs with smp_store_release() in mshv_partition_ioctl_create_vp(). */
	vp = smp_load_acquire(&partition->pt_vp_array[input->vp_index]);
	if (!vp)
		return;

	for (i = 0; i < min(count, max); i++)
		if (input->elements[i].name == HV_REGISTER_EXPLICIT_SUSPEND)
			set_bit(MSHV_VP_VMM_SUSPENDS, &vp->sched.attention);
}

/* Stop the hypervisor's signals for a VP, and learn how many there were. */
static int mshv_root_end_signals(const struct mshv_vp *vp, u64 *count)
{
	int ret;

	ret = mshv_sched_set_register(vp, HV_REGISTER_DISPATCH_SUSPEND, 1);

	trace_mshv_disable_vp_dispatch(vp->vp_partition->pt_id, vp->vp_index,
				       ret);

	/* From here on the hypervisor's count stays as it is. */
	if (!ret)
		ret = mshv_sched_get_register(vp, HV_REGISTER_VP_ROOT_SIGNAL_COUNT,
					      count);

	return ret;
}

/*
 * See &mshv_sched_ops.quiesce.
 *
 * Every signal that the hypervisor has counted should have arrived before the
 * VP goes. That is a courtesy: one that is late finds no VP and is dropped, and
 * the memory of the VP stays until no handler can be at work on it. So the wait
 * ends after a while, and is not begun where the number is not known; no signal
 * interrupts it, for it is a dying VMM that comes here as a rule.
 */
static void mshv_root_quiesce(struct mshv_partition *partition)
{
	unsigned long deadline = jiffies + MSHV_ROOT_DRAIN_TIMEOUT;
	unsigned int i, unknown = 0, lost = 0;
	struct mshv_vp *vp;
	u64 count;
	long left;

	for (i = 0; i < MSHV_MAX_VPS; i++) {
		/* No ioctl can be under way, so that no slot changes. */
		vp = partition->pt_vp_array[i];
		if (!vp)
			continue;

		if (mshv_root_end_signals(vp, &count)) {
			unknown++;
			continue;
		}

		left = max_t(long, deadline - jiffies, 0);
		if (!rcuwait_wait_event_timeout(&vp->sched.wait,
						atomic64_read_acquire(&vp->sched.signal_count) >=
						count, TASK_UNINTERRUPTIBLE, left))
			lost++;

		trace_mshv_drain_vp_signals(partition->pt_id, vp->vp_index);
	}

	if (unknown)
		pt_warn(partition, "destroyed with an unknown number of signals for %u VPs\n",
			unknown);
	if (lost)
		pt_warn(partition, "destroyed with signals for %u VPs that have not arrived\n",
			lost);
}

const struct mshv_sched_ops mshv_sched_root_ops = {
	.dispatcher = "kernel",
	.run = mshv_root_run,
	.quiesce = mshv_root_quiesce,
	.registers_set = mshv_root_registers_set,
#if IS_ENABLED(CONFIG_X86_64)
	.post_interrupt = mshv_root_post_interrupt,
#endif
};
