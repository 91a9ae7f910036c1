// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kicks: waking the threads that wait for their VPs.
 *
 * The hypervisor tells the parent which VPs it may dispatch again by scheduler
 * messages, each about many VPs; a pair message even about several partitions.
 * They are decoded in <hyperv/hvsched.h>, which never reads beyond a message;
 * here every VP that is named and known is kicked, whatever else the message
 * says. An entry that means nothing here is skipped: a partition that is being
 * destroyed must not silence its neighbours.
 *
 * Everything here finds partitions and VPs under the RCU read lock, and may be
 * called with interrupts off, hard interrupts included, except on PREEMPT_RT:
 * there the message handler runs in a thread, see mshv_isr().
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/rcuwait.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include <asm/mshyperv.h>

#include "mshv_root.h"
#include "mshv_sched.h"

/* See mshv_sched_closed(). Never goes back to zero while the driver is loaded. */
int mshv_sched_closed_err;

/**
 * mshv_sched_kick() - the hypervisor has sent a message about a VP
 * @vp: the VP, kept alive by the caller
 *
 * Counts the signal and wakes the thread that runs the VP. A signal that finds
 * nobody waiting is kept until somebody does.
 *
 * Context: Any in which a thread can be woken.
 */
void mshv_sched_kick(struct mshv_vp *vp)
{
	if (trace_mshv_vp_kick_enabled())
		mshv_sched_trace_kick(vp, "signal");

	/*
	 * Kick before count: when mshv_root_quiesce() sees the count it waits
	 * for, the kick has been given. To return the count is a full barrier,
	 * which orders both before the look at the waiter, and pairs with that
	 * of set_current_state() in rcuwait_wait_event_timeout(). As a rule
	 * nobody waits: the thread is on its way out of the dispatch that ended
	 * with the halt, or it polls.
	 */
	WRITE_ONCE(vp->sched.kick, MSHV_KICK_SIGNAL);
	atomic64_inc_return(&vp->sched.signal_count);
	if (rcuwait_active(&vp->sched.wait))
		mshv_sched_wake(vp);
}

/* Something may have been lost on the way: wake, and do not count. */
static void mshv_sched_look(struct mshv_vp *vp)
{
	if (trace_mshv_vp_kick_enabled())
		mshv_sched_trace_kick(vp, "look");
	/* A signal that has arrived says more. */
	cmpxchg(&vp->sched.kick, MSHV_KICK_NONE, MSHV_KICK_LOOK);
	mshv_sched_wake(vp);
}

/* The VP in a slot, or NULL. The RCU read lock keeps it from being freed. */
static struct mshv_vp *mshv_sched_vp(struct mshv_partition *partition, u32 index)
{
	if (index >= MSHV_MAX_VPS)
		return NULL;

	/* Pairs with smp_store_release() in mshv_partition_ioctl_create_vp(). */
	return smp_load_acquire(&partition->pt_vp_array[index]);
}

static void mshv_sched_look_partition(struct mshv_partition *partition)
{
	struct mshv_vp *vp;
	u32 i;

	for (i = 0; i < MSHV_MAX_VPS; i++) {
		vp = mshv_sched_vp(partition, i);
		if (vp)
			mshv_sched_look(vp);
	}
}

/**
 * mshv_sched_look_all() - have every waiting thread look after its VP
 *
 * To be called when messages of the hypervisor may have been lost: a CPU has
 * gone offline with messages queued for it, or a message says that it could
 * not hold all. Costs a look at each VP there is, and each idle VP under
 * the root path a dispatch that finds it idle.
 *
 * Context: Any in which a thread can be woken; process context where there may
 * be many VPs.
 */
void mshv_sched_look_all(void)
{
	struct mshv_partition *partition;
	int bucket;

	guard(rcu)();
	hash_for_each_rcu(mshv_root.pt_htable, bucket, partition, pt_hnode)
		mshv_sched_look_partition(partition);
}

/**
 * mshv_sched_close() - let no VP run any more
 * @err: the negative errno that MSHV_RUN_VP returns from now on
 *
 * Threads that wait for their VP in MSHV_RUN_VP are woken and return. A VP that is
 * inside a dispatch goes on until that ends; a thread that waits for memory of its
 * guest, until that has come, or a signal. The first caller's @err stays.
 *
 * Context: Any in which a thread can be woken; on resume, with interrupts off,
 * there is no partition whose VPs would have to be woken.
 */
void mshv_sched_close(int err)
{
	cmpxchg(&mshv_sched_closed_err, 0, err);
	mshv_sched_look_all();
}

/* Not in the interrupt: it is long where there are many VPs. */
static void mshv_sched_look_all_fn(struct work_struct *work)
{
	mshv_sched_look_all();
}

VISIBLE_IF_KUNIT DECLARE_WORK(mshv_sched_look_all_work, mshv_sched_look_all_fn);

/**
 * mshv_sched_signal_stop() - end what the message handler has begun
 *
 * A CPU handles the messages that it has when it leaves the SynIC, so this is for
 * after that, when the last one has left: mshv_synic_stop().
 *
 * Context: Process context. Sleeps.
 */
void mshv_sched_signal_stop(void)
{
	cancel_work_sync(&mshv_sched_look_all_work);
}

static unsigned int
mshv_sched_signal_bitset(const struct hv_vp_signal_bitset_scheduler_message *msg)
{
	struct hv_signal_bitset_walk walk;
	struct mshv_partition *partition;
	unsigned int kicked = 0;
	struct mshv_vp *vp;
	u32 index;

	partition = mshv_partition_find(msg->partition_id);
	if (!partition || !hv_signal_bitset_begin(&walk, msg))
		return 0;

	while (hv_signal_bitset_next(&walk, &index)) {
		vp = mshv_sched_vp(partition, index);
		if (!vp)
			continue;
		mshv_sched_kick(vp);
		kicked++;
	}

	return kicked;
}

static unsigned int
mshv_sched_signal_pairs(const struct hv_vp_signal_pair_scheduler_message *msg)
{
	unsigned int i, kicked = 0, count;
	struct mshv_partition *partition = NULL;
	struct mshv_vp *vp;

	/* Once: the hypervisor can write to the message. */
	count = hv_signal_pair_count(READ_ONCE(msg->vp_count));

	for (i = 0; i < count; i++) {
		/* As a rule, neighbours are of one partition. */
		if (!partition || partition->pt_id != msg->partition_ids[i])
			partition = mshv_partition_find(msg->partition_ids[i]);
		if (!partition)
			continue;
		vp = mshv_sched_vp(partition, msg->vp_indexes[i]);
		if (!vp)
			continue;
		mshv_sched_kick(vp);
		kicked++;
	}

	return kicked;
}

/**
 * mshv_sched_signal_isr() - handle a message, if it is a scheduler message
 * @msg: the message, in the SynIC message page
 *
 * Context: The message handler, mshv_isr().
 * Return: whether @msg was a scheduler message. One that makes no sense is one
 * all the same, and is acknowledged as any other.
 */
bool mshv_sched_signal_isr(const struct hv_message *msg)
{
	unsigned int asked, kicked, overflow;

	guard(rcu)();

	switch (msg->header.message_type) {
	case HVMSG_SCHEDULER_VP_SIGNAL_BITSET: {
		const struct hv_vp_signal_bitset_scheduler_message *bitset =
			(const void *)msg->u.payload;

		asked = bitset->vp_count;
		overflow = bitset->overflow_count;
		kicked = mshv_sched_signal_bitset(bitset);
		break;
	}
	case HVMSG_SCHEDULER_VP_SIGNAL_PAIR: {
		const struct hv_vp_signal_pair_scheduler_message *pairs =
			(const void *)msg->u.payload;

		asked = pairs->vp_count;
		overflow = pairs->overflow_count;
		kicked = mshv_sched_signal_pairs(pairs);
		break;
	}
	default:
		return false;
	}

	if (kicked != asked)
		pr_debug("scheduler message about %u VPs, %u of them kicked\n",
			 asked, kicked);

	/*
	 * What overflow_count means is not documented. If it counts signals
	 * that did not find room and will not be sent again, VPs sleep for ever
	 * without this; if not, this costs a few needless looks.
	 */
	if (overflow) {
		pr_warn_ratelimited("scheduler message with %u signals too many\n",
				    overflow);
		schedule_work(&mshv_sched_look_all_work);
	}

	return true;
}
