// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to partitions when the machine sleeps, reboots or starts another
 * kernel.
 *
 * Hibernation: partitions live in the hypervisor and are not part of the image,
 * so it is refused while there are any, and none can be created until it is
 * over. The parent's own statistics pages are taken back before, and mapped
 * again after. On resume the SynIC of the boot CPU is programmed again and the
 * hypervisor is asked again who dispatches VPs.
 *
 * Reboot and kexec: neither can be refused here, as the result of a reboot
 * notifier is not looked at. So every VP is stopped, every page that the
 * hypervisor has mapped over is taken back, and with it the memory that was
 * deposited: the next kernel takes all memory for its own. A partition is
 * "gone" after that: its files stay open, and are good for nothing but to be
 * closed.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>
#include <linux/syscore_ops.h>
#include <kunit/visibility.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_eventfd.h"
#include "mshv_root.h"
#include "mshv_sched.h"

/* How long the threads that are at work on partitions have to leave, in all. */
#define MSHV_PM_STOP_TIMEOUT	(2 * HZ)

/* How often it is looked whether they have, in microseconds. */
#define MSHV_PM_POLL_MIN	500
#define MSHV_PM_POLL_MAX	2000

/*
 * Between the first and the last notice of a hibernation. Written under
 * pt_ht_lock, by the notices alone, of which there is one at a time.
 */
static bool mshv_pm_hibernating;

/* Partitions that exist in the hypervisor, and are not, or no more, in the table. */
static atomic_t mshv_pm_unlisted = ATOMIC_INIT(0);

/**
 * mshv_pm_begin() - a partition is about to be created or destroyed
 *
 * A reboot waits until mshv_pm_end(), for a while.
 *
 * Context: Any.
 */
void mshv_pm_begin(void)
{
	atomic_inc(&mshv_pm_unlisted);
}

/**
 * mshv_pm_end() - a partition is in the table, or the hypervisor has it no more
 *
 * Context: Any.
 */
void mshv_pm_end(void)
{
	atomic_dec(&mshv_pm_unlisted);
}

/**
 * mshv_pm_admit() - whether a new partition may come into being
 *
 * Context: mshv_root.pt_ht_lock is held, under which the partition is entered
 * in the table if the answer is yes.
 * Return: 0 or a negative errno.
 */
int mshv_pm_admit(void)
{
	lockdep_assert_held(&mshv_root.pt_ht_lock);

	if (mshv_sched_closed())
		return mshv_sched_closed();

	return mshv_pm_hibernating ? -EBUSY : 0;
}

static unsigned int mshv_pm_count_partitions(void)
{
	struct mshv_partition *partition;
	unsigned int bucket, n = 0;

	hash_for_each(mshv_root.pt_htable, bucket, partition, pt_hnode)
		n++;

	return n;
}

static int mshv_pm_prepare(void)
{
	unsigned int n;

	scoped_guard(spinlock, &mshv_root.pt_ht_lock) {
		n = mshv_pm_count_partitions();
		if (!n)
			mshv_pm_hibernating = true;
	}

	if (n) {
		pr_warn("no hibernation while there are partitions: %u\n", n);
		return -EBUSY;
	}

	/* The next hypervisor will not know of these pages. */
	mshv_debugfs_exit();
	return 0;
}

static void mshv_pm_post(void)
{
	if (!mshv_pm_hibernating)
		return;

	mshv_debugfs_init();

	guard(spinlock)(&mshv_root.pt_ht_lock);
	mshv_pm_hibernating = false;
}

VISIBLE_IF_KUNIT int mshv_pm_notify(struct notifier_block *nb, unsigned long event,
				    void *unused)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(mshv_pm_prepare());
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		mshv_pm_post();
		break;
	}

	return NOTIFY_DONE;
}

static struct notifier_block mshv_pm_nb = {
	.notifier_call = mshv_pm_notify,
};

/*
 * The last to be told before the machine sleeps, or before the kernel of an
 * image takes its place; the boot CPU is the only one online, and interrupts
 * are off. The hypervisor must write to nothing of this kernel's after that.
 *
 * Sleep other than hibernation does not ask first, and comes here with
 * partitions, which would not survive it.
 */
VISIBLE_IF_KUNIT int mshv_pm_suspend(void *data)
{
	if (!hash_empty(mshv_root.pt_htable))
		return -EBUSY;

	mshv_synic_suspend();
	return 0;
}

/*
 * Again with one CPU and interrupts off. Hypercalls work: hv_resume() of the
 * architecture, registered earlier, has run.
 */
static void mshv_pm_resume(void *data)
{
	mshv_synic_resume();
	mshv_sched_resume(&mshv_root.vmm_caps);
}

static const struct syscore_ops mshv_pm_syscore_ops = {
	.suspend = mshv_pm_suspend,
	.resume = mshv_pm_resume,
};

static struct syscore mshv_pm_syscore = {
	.ops = &mshv_pm_syscore_ops,
};

/* A reference for whoever still follows a pointer to the page. */
static void mshv_pm_hold_page(const void *page)
{
	if (page)
		get_page(virt_to_page(page));
}

/* Take a mutex if that succeeds by @deadline; go on without it if not. */
static bool mshv_pm_lock(struct mutex *mutex, unsigned long deadline)
{
	while (!mutex_trylock(mutex)) {
		if (time_after(jiffies, deadline))
			return false;
		usleep_range(MSHV_PM_POLL_MIN, MSHV_PM_POLL_MAX);
	}

	return true;
}

/*
 * Give a VP's pages back. They stay allocated: the VMM may have them mapped,
 * and a thread that did not leave in time may look at them.
 */
static void mshv_pm_unmap_vp(struct mshv_vp *vp, unsigned long deadline)
{
	bool locked = mshv_pm_lock(&vp->vp_mutex, deadline);

	if (!locked)
		vp_err(vp, "still in use, its pages are taken away\n");

	mshv_pm_hold_page(vp->vp_register_page);
	mshv_pm_hold_page(vp->vp_intercept_msg_page);
	mshv_pm_hold_page(vp->vp_ghcb_page);
	mshv_pm_hold_page(vp->vp_stats_pages[HV_STATS_AREA_SELF]);
	mshv_pm_hold_page(vp->vp_stats_pages[HV_STATS_AREA_PARENT]);

	mshv_debugfs_vp_remove(vp);
	mshv_vp_unmap_pages(vp);

	if (locked)
		mutex_unlock(&vp->vp_mutex);
}

static void mshv_pm_stop_partition(struct mshv_partition *partition,
				   unsigned long deadline)
{
	bool locked = mshv_pm_lock(&partition->pt_mutex, deadline);
	unsigned int i, unstopped = 0;
	struct mshv_vp *vp;

	if (!locked)
		pt_err(partition, "still in use, its memory is taken away\n");

	for (i = 0; i < MSHV_MAX_VPS; i++) {
		vp = partition->pt_vp_array[i];
		/* The hypervisor stops it, wherever it is running. */
		if (vp && mshv_sched_set_register(vp, HV_REGISTER_EXPLICIT_SUSPEND, 1))
			unstopped++;
	}
	if (unstopped)
		pt_err(partition, "%u VPs could not be stopped\n", unstopped);

	for (i = 0; i < MSHV_MAX_VPS; i++) {
		vp = partition->pt_vp_array[i];
		if (vp)
			mshv_pm_unmap_vp(vp, deadline);
	}

	/*
	 * Doorbells are ports of this partition, which outlives its child. Not
	 * worth waiting for an RCU grace period that a VP may hold up.
	 */
	if (locked && !unstopped)
		mshv_eventfd_release(partition);

	if (partition->pt_initialized)
		mshv_debugfs_partition_remove(partition);
	/* Memory that the VMM frees from here on need not be unmapped. */
	WRITE_ONCE(partition->pt_gone, true);
	if (partition->pt_initialized)
		hv_call_finalize_partition(partition->pt_id);
	hv_call_withdraw_memory(U64_MAX, NUMA_NO_NODE, partition->pt_id);
	hv_call_delete_partition(partition->pt_id);

	if (locked)
		mutex_unlock(&partition->pt_mutex);
}

/* A partition that is not gone and not on its way, with a reference. */
static struct mshv_partition *mshv_pm_next_partition(void)
{
	struct mshv_partition *partition;
	int bucket;

	guard(rcu)();
	hash_for_each_rcu(mshv_root.pt_htable, bucket, partition, pt_hnode)
		if (!READ_ONCE(partition->pt_gone) && mshv_partition_get(partition))
			return partition;

	return NULL;
}

/*
 * Whether another thread is creating or destroying a partition. One that is
 * about to be destroyed has no reference left, and is in the table until
 * mshv_pm_begin() has counted it.
 */
static bool mshv_pm_others_at_work(void)
{
	struct mshv_partition *partition;
	int bucket;

	guard(rcu)();
	hash_for_each_rcu(mshv_root.pt_htable, bucket, partition, pt_hnode)
		if (!READ_ONCE(partition->pt_gone))
			return true;

	return atomic_read(&mshv_pm_unlisted);
}

/**
 * mshv_pm_stop_partitions() - stop every VP and give every partition back
 *
 * No partition can be created and no VP run from then on; what the programs
 * that have files of partitions get is -ESHUTDOWN. Waits for their threads for two
 * seconds at most, in all. What the hypercalls take comes on top, and for each
 * partition the grace periods of RCU and SRCU, and the work that is queued for its
 * irqfds, that mshv_eventfd_release() waits for.
 *
 * Context: Process context. Sleeps.
 */
void mshv_pm_stop_partitions(void)
{
	unsigned long deadline = jiffies + MSHV_PM_STOP_TIMEOUT;
	struct mshv_partition *partition;

	mshv_sched_close(-ESHUTDOWN);
	/* Who was admitted before that is in the table once the lock is free. */
	spin_lock(&mshv_root.pt_ht_lock);
	spin_unlock(&mshv_root.pt_ht_lock);

	while ((partition = mshv_pm_next_partition())) {
		mshv_pm_stop_partition(partition, deadline);
		mshv_partition_put(partition);
	}

	while (mshv_pm_others_at_work() && time_before(jiffies, deadline))
		usleep_range(MSHV_PM_POLL_MIN, MSHV_PM_POLL_MAX);
}

static int mshv_pm_reboot(struct notifier_block *nb, unsigned long code,
			  void *unused)
{
	mshv_pm_stop_partitions();
	mshv_debugfs_exit();
	mshv_synic_stop();

	return NOTIFY_DONE;
}

static struct notifier_block mshv_pm_reboot_nb = {
	.notifier_call = mshv_pm_reboot,
};

/**
 * mshv_pm_init() - hear of hibernation, resume and reboot
 *
 * Context: Process context, while the driver loads, before any partition can
 * exist.
 * Return: 0 or a negative errno.
 */
int __init mshv_pm_init(void)
{
	int ret;

	ret = register_pm_notifier(&mshv_pm_nb);
	if (ret)
		return ret;

	ret = register_reboot_notifier(&mshv_pm_reboot_nb);
	if (ret) {
		unregister_pm_notifier(&mshv_pm_nb);
		return ret;
	}

	register_syscore(&mshv_pm_syscore);
	return 0;
}

/**
 * mshv_pm_exit() - undo mshv_pm_init()
 *
 * Context: Process context, when no partition exists any more.
 */
void mshv_pm_exit(void)
{
	unregister_syscore(&mshv_pm_syscore);
	unregister_reboot_notifier(&mshv_pm_reboot_nb);
	unregister_pm_notifier(&mshv_pm_nb);
}
