/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VP has done, counted and told: &struct mshv_vp_stats.
 */
#ifndef _MSHV_STATS_H_
#define _MSHV_STATS_H_

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <hyperv/hvhdk.h>

#include "mshv_root.h"
#include "mshv_sched.h"

struct file;
struct seq_file;

void mshv_stats_count_other(struct mshv_vp *vp, int ret, u32 type);
void mshv_stats_keep(struct mshv_vp *vp);
void mshv_vp_show_fdinfo(struct seq_file *m, struct file *file);
void mshv_partition_show_fdinfo(struct seq_file *m, struct file *file);

#if IS_ENABLED(CONFIG_X86_64)
/* What most runs end with is found without a search. */
static_assert(HVMSG_X64_SIPI_INTERCEPT - HVMSG_X64_IO_PORT_INTERCEPT ==
	      MSHV_VP_EXIT_SIPI);

static inline bool mshv_stats_quick_exit(u32 type, u32 *index)
{
	*index = type - HVMSG_X64_IO_PORT_INTERCEPT;

	return *index <= MSHV_VP_EXIT_SIPI;
}
#else
static inline bool mshv_stats_quick_exit(u32 type, u32 *index)
{
	return false;
}
#endif

/**
 * mshv_stats_count_run() - count a run that has ended
 * @vp: the VP
 * @ret: what the run has returned: 0 with an intercept in the VP's page, or a
 *	negative errno
 * @type: the type of the message in that page
 *
 * Context: The thread that runs the VP, vp_mutex held.
 */
static inline void mshv_stats_count_run(struct mshv_vp *vp, int ret, u32 type)
{
	u32 index;

	if (likely(!ret && mshv_stats_quick_exit(type, &index)))
		mshv_count(&vp->sched.stats.exits[index]);
	else
		mshv_stats_count_other(vp, ret, type);
}

#endif /* _MSHV_STATS_H_ */
