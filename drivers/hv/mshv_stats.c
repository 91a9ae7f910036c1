// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics of VPs and partitions, for operators: the fdinfo of their files.
 *
 * A VMM that wants to know counts for itself. Who asks is somebody else, on a
 * kernel without debugfs: so the numbers stand where /proc has them for every
 * process that may be traced, as text with names.
 * Documentation/virt/hyperv/mshv/operating.rst lists the names, which are uapi:
 * none changes its meaning, more may come.
 *
 * All counters are plain words of a VP's, written by the one thread that runs it.
 * Sums are made when somebody reads.
 */

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"
#include "mshv_stats.h"

/*
 * VpTotalRunTime, in units of 100 ns, in a VP's statistics page: the same index in
 * mshv_debugfs_counters.c, for x86-64 and arm64.
 */
#define MSHV_STATS_COUNTER_RUN_TIME	1
#define MSHV_STATS_RUN_TIME_UNIT_NS	100

static const char * const mshv_stats_exit_names[MSHV_VP_EXIT_COUNT] = {
#if IS_ENABLED(CONFIG_X86_64)
	[MSHV_VP_EXIT_IO_PORT]			= "io-port",
	[MSHV_VP_EXIT_MSR]			= "msr",
	[MSHV_VP_EXIT_CPUID]			= "cpuid",
	[MSHV_VP_EXIT_EXCEPTION]		= "exception",
	[MSHV_VP_EXIT_APIC_EOI]			= "apic-eoi",
	[MSHV_VP_EXIT_LEGACY_FP_ERROR]		= "legacy-fp-error",
	[MSHV_VP_EXIT_IOMMU_PRQ]		= "iommu-prq",
	[MSHV_VP_EXIT_HALT]			= "halt",
	[MSHV_VP_EXIT_INTERRUPTION_DELIVERABLE]	= "interruption-deliverable",
	[MSHV_VP_EXIT_SIPI]			= "sipi",
#endif
	[MSHV_VP_EXIT_UNMAPPED_GPA]		= "unmapped-gpa",
	[MSHV_VP_EXIT_GPA_INTERCEPT]		= "gpa-intercept",
	[MSHV_VP_EXIT_INVALID_REGISTER]		= "invalid-vp-register-value",
	[MSHV_VP_EXIT_UNRECOVERABLE]		= "unrecoverable-exception",
	[MSHV_VP_EXIT_UNSUPPORTED]		= "unsupported-feature",
	[MSHV_VP_EXIT_HYPERCALL]		= "hypercall",
	[MSHV_VP_EXIT_SYNIC_EVENT]		= "synic-event",
	[MSHV_VP_EXIT_SYNIC_SINT]		= "synic-sint",
	[MSHV_VP_EXIT_SINT_DELIVERABLE]		= "sint-deliverable",
	[MSHV_VP_EXIT_OTHER]			= "other",
};

static noinline enum mshv_vp_exit mshv_stats_search_exit(u32 type)
{
	switch (type) {
	case HVMSG_UNMAPPED_GPA:
		return MSHV_VP_EXIT_UNMAPPED_GPA;
	case HVMSG_GPA_INTERCEPT:
		return MSHV_VP_EXIT_GPA_INTERCEPT;
	case HVMSG_INVALID_VP_REGISTER_VALUE:
		return MSHV_VP_EXIT_INVALID_REGISTER;
	case HVMSG_UNRECOVERABLE_EXCEPTION:
		return MSHV_VP_EXIT_UNRECOVERABLE;
	case HVMSG_UNSUPPORTED_FEATURE:
		return MSHV_VP_EXIT_UNSUPPORTED;
	case HVMSG_HYPERCALL_INTERCEPT:
		return MSHV_VP_EXIT_HYPERCALL;
	case HVMSG_SYNIC_EVENT_INTERCEPT:
		return MSHV_VP_EXIT_SYNIC_EVENT;
	case HVMSG_SYNIC_SINT_INTERCEPT:
		return MSHV_VP_EXIT_SYNIC_SINT;
	case HVMSG_SYNIC_SINT_DELIVERABLE:
		return MSHV_VP_EXIT_SINT_DELIVERABLE;
	default:
		return MSHV_VP_EXIT_OTHER;
	}
}

/**
 * mshv_stats_count_other() - count a run that mshv_stats_count_run() does not
 * @vp: the VP
 * @ret: what the run has returned: 0 or a negative errno
 * @type: the type of the message in the VP's intercept page
 *
 * Context: The thread that runs the VP, vp_mutex held.
 */
void mshv_stats_count_other(struct mshv_vp *vp, int ret, u32 type)
{
	struct mshv_vp_stats *stats = &vp->sched.stats;

	if (!ret)
		mshv_count(&stats->exits[mshv_stats_search_exit(type)]);
	else
		mshv_count(ret == -EINTR ? &stats->interrupted : &stats->failed);
}

/*
 * struct mshv_stats - the statistics of a VP, or the sum of those of several
 *
 * Nothing but u64: they are added up as an array.
 */
struct mshv_stats {
	u64 run_time_ns;
	u64 kicks;
	u64 poll_success;
	u64 poll_fail;
	u64 poll_success_ns;
	u64 poll_fail_ns;
	struct mshv_vp_stats counted;
};

static_assert(sizeof(struct mshv_vp_stats) % sizeof(u64) == 0);

/* Add up @count words that others may be writing to. */
static void mshv_stats_add_words(void *sum, const void *more, unsigned int count)
{
	const u64 *from = more;
	u64 *to = sum;
	unsigned int i;

	for (i = 0; i < count; i++)
		to[i] += READ_ONCE(from[i]);
}

/*
 * For the statistics pages of VPs, which somebody may read while a reboot gives
 * them back to the hypervisor.
 */
static DEFINE_SPINLOCK(mshv_stats_lock);

static u64 mshv_stats_run_time(const struct mshv_vp *vp)
{
	struct hv_stats_page * const *pages = vp->vp_stats_pages;
	const unsigned int i = MSHV_STATS_COUNTER_RUN_TIME;

	lockdep_assert_held(&mshv_stats_lock);
	if (vp->sched.run_time_kept)
		return vp->sched.run_time;

	/* Which of the two areas has it depends on what the parent may see. */
	return READ_ONCE(pages[HV_STATS_AREA_PARENT]->data[i]) ?:
	       READ_ONCE(pages[HV_STATS_AREA_SELF]->data[i]);
}

/**
 * mshv_stats_keep() - the statistics page of a VP is about to be unmapped
 * @vp: the VP, whose file may be open still
 *
 * The hypervisor's memory may not be read any more when it is unmapped, and where
 * it lay over memory of this kernel, something else is there. What the page says
 * now stays the VP's run time.
 *
 * Context: Process context.
 */
void mshv_stats_keep(struct mshv_vp *vp)
{
	guard(spinlock)(&mshv_stats_lock);
	vp->sched.run_time = mshv_stats_run_time(vp);
	vp->sched.run_time_kept = true;
}

static u64 mshv_stats_run_time_ns(const struct mshv_vp *vp)
{
	guard(spinlock)(&mshv_stats_lock);
	return mshv_stats_run_time(vp) * MSHV_STATS_RUN_TIME_UNIT_NS;
}

static void mshv_stats_add_vp(struct mshv_stats *sum, const struct mshv_vp *vp)
{
	const struct mshv_vp_sched *sched = &vp->sched;

	sum->run_time_ns += mshv_stats_run_time_ns(vp);
	sum->kicks += atomic64_read(&sched->signal_count);
	sum->poll_success += READ_ONCE(sched->halt_poll_success);
	sum->poll_fail += READ_ONCE(sched->halt_poll_fail);
	sum->poll_success_ns += READ_ONCE(sched->halt_poll_success_ns);
	sum->poll_fail_ns += READ_ONCE(sched->halt_poll_fail_ns);
	mshv_stats_add_words(&sum->counted, &sched->stats,
			     sizeof(sched->stats) / sizeof(u64));
}

static void mshv_stats_show(struct seq_file *m, const struct mshv_stats *stats)
{
	u64 runs = stats->counted.interrupted + stats->counted.failed;
	unsigned int i;

	for (i = 0; i < MSHV_VP_EXIT_COUNT; i++)
		runs += stats->counted.exits[i];

	seq_printf(m, "mshv-run-time-ns:\t%llu\n", stats->run_time_ns);
	seq_printf(m, "mshv-runs:\t%llu\n", runs);
	seq_printf(m, "mshv-interrupted:\t%llu\n", stats->counted.interrupted);
	seq_printf(m, "mshv-failed:\t%llu\n", stats->counted.failed);
	seq_printf(m, "mshv-memory-faults:\t%llu\n", stats->counted.memory_faults);
	for (i = 0; i < MSHV_VP_EXIT_COUNT; i++)
		seq_printf(m, "mshv-exits-%s:\t%llu\n", mshv_stats_exit_names[i],
			   stats->counted.exits[i]);
	seq_printf(m, "mshv-dispatches:\t%llu\n", stats->counted.dispatches);
	seq_printf(m, "mshv-blocks:\t%llu\n", stats->counted.blocks);
	seq_printf(m, "mshv-kicks:\t%llu\n", stats->kicks);
	seq_printf(m, "mshv-halt-poll-success:\t%llu\n", stats->poll_success);
	seq_printf(m, "mshv-halt-poll-fail:\t%llu\n", stats->poll_fail);
	seq_printf(m, "mshv-halt-poll-success-ns:\t%llu\n", stats->poll_success_ns);
	seq_printf(m, "mshv-halt-poll-fail-ns:\t%llu\n", stats->poll_fail_ns);
	seq_puts(m, "mshv-wakeup-us-histogram:\t");
	for (i = 0; i < MSHV_VP_WAKEUP_BUCKETS; i++)
		seq_printf(m, "%s%llu", i ? " " : "", stats->counted.wakeups[i]);
	seq_puts(m, "\n");
}

/**
 * mshv_vp_show_fdinfo() - what /proc/PID/fdinfo has of a VP's file
 * @m: where to
 * @file: the VP's file, which keeps the VP
 *
 * Context: Process context, of any process that may look. No VP waits for it.
 */
void mshv_vp_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct mshv_vp *vp = file->private_data;
	struct mshv_stats stats = { };

	mshv_stats_add_vp(&stats, vp);
	seq_printf(m, "mshv-partition-id:\t%llu\n", vp->vp_partition->pt_id);
	seq_printf(m, "mshv-vp-index:\t%u\n", vp->vp_index);
	mshv_stats_show(m, &stats);
}

/**
 * mshv_partition_show_fdinfo() - what /proc/PID/fdinfo has of a partition's file
 * @m: where to
 * @file: the partition's file, which keeps the partition and its VPs
 *
 * The sums over the partition's VPs.
 *
 * Context: Process context, of any process that may look. No VP waits for it.
 */
void mshv_partition_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct mshv_partition *partition = file->private_data;
	struct mshv_stats stats = { };
	unsigned int i, vps = 0;

	for (i = 0; i < MSHV_MAX_VPS; i++) {
		/* Pairs with smp_store_release() in mshv_partition_ioctl_create_vp(). */
		const struct mshv_vp *vp = smp_load_acquire(&partition->pt_vp_array[i]);

		if (!vp)
			continue;
		vps++;
		mshv_stats_add_vp(&stats, vp);
	}

	seq_printf(m, "mshv-partition-id:\t%llu\n", partition->pt_id);
	seq_printf(m, "mshv-vps:\t%u\n", vps);
	mshv_stats_show(m, &stats);
}
