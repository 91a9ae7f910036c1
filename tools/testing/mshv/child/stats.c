// SPDX-License-Identifier: GPL-2.0-only
/*
 * What statistics pages say of a child's VP.
 */

#include "../hv/hv_more.h"
#include "../hv/partition.h"
#include "../hv/stats.h"
#include "stats.h"
#include "vp.h"

void child_stats_fill(const struct child_vp *vp, struct hv_stats_page *counters)
{
	counters->data[HV_VP_COUNTER_TOTAL_RUN_TIME] = child_vp_run_time(vp);
	counters->data[HV_VP_COUNTER_IO_MESSAGES] = vp->io_intercepts;
	counters->data[HV_VP_COUNTER_MEMORY_MESSAGES] = vp->memory_intercepts;
	counters->data[HV_VP_COUNTER_OTHER_MESSAGES] =
		vp->intercepts - vp->io_intercepts - vp->memory_intercepts;
	counters->data[HV_VP_COUNTER_DISPATCHES] = vp->dispatches;
}

void child_stats_refresh(const struct child_vp *vp)
{
	struct partition *partition = vp->child->parent;
	struct stats *stats = &partition->stats;
	struct stats_page *page;

	for (page = stats->pages; page < stats->pages + stats->count; page++)
		if (page->type == HV_STATS_OBJECT_VP && !page->scribbled &&
		    page->identity.vp.partition_id == vp->child->id &&
		    page->identity.vp.vp_index == vp->index)
			child_stats_fill(vp, partition_page(partition, page->gpfn));
}
