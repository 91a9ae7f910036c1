// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics pages.
 *
 * Where a page lies is settled in one of two ways. With the VMM capability
 * "overlay GPFN" the guest provides it (MAP_STATS_PAGE2). Without, the
 * hypervisor does (MAP_STATS_PAGE); hvemu takes one of those that the guest has
 * deposited, and asks for a deposit while there is none. No public source says
 * where a real hypervisor takes them from.
 */

#include <stdlib.h>
#include <string.h>

#include "../child/child.h"
#include "../child/stats.h"
#include "../child/vp.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/stats.h"
#include "../hv/stats_page.h"
#include "stats.h"

static u8 stats_area(u32 type, const union hv_stats_object_identity *identity)
{
	/* The same byte in all of them. */
	return type == HV_STATS_OBJECT_HYPERVISOR ?
		identity->hv.stats_area_type : identity->vp.stats_area_type;
}

/* Of its children a partition sees both areas. */
static u16 stats_check_child(struct partition *partition, u32 type,
			     const union hv_stats_object_identity *identity)
{
	u64 id = identity->partition.partition_id;

	if (!child_find(partition, id))
		return HV_STATUS_INVALID_PARTITION_ID;
	if (type == HV_STATS_OBJECT_VP && !child_find_vp(partition, id, identity->vp.vp_index))
		return HV_STATUS_INVALID_VP_INDEX;
	if (stats_area(type, identity) > HV_STATS_AREA_PARENT)
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

/* Whether there is such an object, and this partition may look at it. */
static u16 stats_check(struct hypercall *call, u32 type,
		       const union hv_stats_object_identity *identity)
{
	struct partition *partition = call->vp->partition;

	switch (type) {
	case HV_STATS_OBJECT_HYPERVISOR:
	case HV_STATS_OBJECT_LOGICAL_PROCESSOR:
		if (!partition->options->root) {
			log_violation(call->vp->index, "an L1VH asks for the machine's statistics");
			return HV_STATUS_ACCESS_DENIED;
		}
		if (type == HV_STATS_OBJECT_LOGICAL_PROCESSOR &&
		    identity->lp.lp_index >= partition->nr_vps)
			return HV_STATUS_INVALID_PARAMETER;
		break;
	case HV_STATS_OBJECT_PARTITION:
	case HV_STATS_OBJECT_VP:
		if (identity->partition.partition_id != partition->id)
			return stats_check_child(partition, type, identity);
		if (type == HV_STATS_OBJECT_VP &&
		    identity->vp.vp_index >= partition->nr_vps)
			return HV_STATUS_INVALID_VP_INDEX;
		break;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}

	/* Its own parent's view is not a partition's to see. */
	if (stats_area(type, identity) != HV_STATS_AREA_SELF)
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_SUCCESS;
}

static u16 stats_add(struct hypercall *call, u32 type,
		     const union hv_stats_object_identity *identity, u64 gpfn,
		     bool deposited)
{
	struct partition *partition = call->vp->partition;
	struct stats *stats = &partition->stats;
	struct stats_page *pages;

	pages = reallocarray(stats->pages, stats->count + 1, sizeof(*pages));
	if (!pages)
		return HV_STATUS_NO_RESOURCES;
	stats->pages = pages;
	/* Nothing of whose it was before shows. */
	memset(partition_page(partition, gpfn), 0, HV_HYP_PAGE_SIZE);
	stats->pages[stats->count++] = (struct stats_page) {
		.type = type,
		.identity = *identity,
		.gpfn = gpfn,
		.deposited = deposited,
	};
	stats_refresh(partition);
	return HV_STATUS_SUCCESS;
}

/* What both ways of mapping have in common. */
static u16 stats_may_map(struct hypercall *call, u32 type, u32 padding,
			 const union hv_stats_object_identity *identity)
{
	u16 status;

	if (padding)
		log_violation(call->vp->index, "padding of a statistics request is not zero");
	status = stats_check(call, type, identity);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (stats_find(&call->vp->partition->stats, type, identity)) {
		log_violation(call->vp->index, "a statistics page is mapped twice");
		return HV_STATUS_OPERATION_DENIED;
	}
	return HV_STATUS_SUCCESS;
}

u16 stats_map_overlay(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_map_stats_page2 *input = call->in;
	u16 status;

	if (!partition_provides_pages(partition)) {
		log_violation(call->vp->index, "overlay page provided without the capability");
		return HV_STATUS_OPERATION_DENIED;
	}
	status = stats_may_map(call, input->type, input->padding, &input->identity);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!partition_page(partition, input->map_location)) {
		log_violation(call->vp->index, "overlay page 0x%llx is not memory",
			      (unsigned long long)input->map_location);
		return HV_STATUS_INVALID_PARAMETER;
	}
	return stats_add(call, input->type, &input->identity, input->map_location,
			 false);
}

u16 stats_map(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_map_stats_page *input = call->in;
	struct hv_output_map_stats_page *output = call->out;
	u64 gpfn;
	u16 status;

	status = stats_may_map(call, input->type, input->padding, &input->identity);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (!partition->nr_deposited)
		return HV_STATUS_INSUFFICIENT_MEMORY;

	gpfn = partition->deposited[partition->nr_deposited - 1];
	status = stats_add(call, input->type, &input->identity, gpfn, true);
	if (status != HV_STATUS_SUCCESS)
		return status;
	partition->nr_deposited--;
	output->map_location = gpfn;
	return HV_STATUS_SUCCESS;
}

u16 stats_unmap(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_unmap_stats_page *input = call->in;
	struct stats *stats = &partition->stats;
	struct stats_page *page;

	page = stats_find(stats, input->type, &input->identity);
	if (!page) {
		log_violation(call->vp->index, "a statistics page that is not mapped is unmapped");
		return HV_STATUS_OPERATION_DENIED;
	}
	if (page->deposited)
		partition->deposited[partition->nr_deposited++] = page->gpfn;
	*page = stats->pages[--stats->count];
	if (!stats->count) {
		free(stats->pages);
		stats->pages = NULL;
	}
	return HV_STATUS_SUCCESS;
}

static void refresh_partition(struct partition *partition, const struct stats_page *page,
			      struct hv_stats_page *counters)
{
	u64 id = page->identity.partition.partition_id;
	struct child *child = child_find(partition, id);

	counters->data[HV_PARTITION_COUNTER_ID] = id;
	if (id == partition->id) {
		counters->data[HV_PARTITION_COUNTER_VPS] = partition->nr_vps;
		counters->data[HV_PARTITION_COUNTER_DEPOSITED] = partition->nr_deposited;
		counters->data[HV_PARTITION_COUNTER_CHILDREN] = partition->nr_children;
	} else if (child) {
		counters->data[HV_PARTITION_COUNTER_VPS] = child->nr_vps;
		counters->data[HV_PARTITION_COUNTER_DEPOSITED] = child->nr_deposited;
	}
}

void stats_refresh(struct partition *partition)
{
	struct stats *stats = &partition->stats;
	struct stats_page *page;

	for (page = stats->pages; page < stats->pages + stats->count; page++) {
		struct hv_stats_page *counters;
		struct child_vp *vp;

		if (page->scribbled)
			continue;
		counters = partition_page(partition, page->gpfn);
		switch (page->type) {
		case HV_STATS_OBJECT_HYPERVISOR:
			counters->data[HV_HYPERVISOR_COUNTER_LPS] = partition->nr_vps;
			break;
		case HV_STATS_OBJECT_PARTITION:
			refresh_partition(partition, page, counters);
			break;
		case HV_STATS_OBJECT_VP:
			if (page->identity.vp.partition_id != partition->id) {
				vp = child_find_vp(partition, page->identity.vp.partition_id,
						   page->identity.vp.vp_index);
				if (vp)
					child_stats_fill(vp, counters);
				break;
			}
			counters->data[HV_VP_COUNTER_TOTAL_RUN_TIME] = log_time();
			counters->data[HV_VP_COUNTER_HYPERCALLS] =
				partition->vps[page->identity.vp.vp_index].hypercalls;
			break;
		}
	}
}
