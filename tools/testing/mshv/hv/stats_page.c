// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics pages: which are mapped where.
 */

#include <stdio.h>
#include <string.h>

#include "hv_more.h"
#include "partition.h"
#include "stats.h"
#include "stats_page.h"

struct stats_page *stats_find(struct stats *stats, u32 type,
			      const union hv_stats_object_identity *identity)
{
	struct stats_page *page;

	for (page = stats->pages; page < stats->pages + stats->count; page++)
		if (page->type == type &&
		    !memcmp(&page->identity, identity, sizeof(*identity)))
			return page;
	return NULL;
}

void stats_set_blocked(struct partition *partition, u64 child, u32 vp, bool blocked)
{
	struct stats *stats = &partition->stats;
	struct stats_page *page;

	for (page = stats->pages; page < stats->pages + stats->count; page++) {
		struct hv_stats_page *counters;

		if (page->type != HV_STATS_OBJECT_VP || page->scribbled ||
		    page->identity.vp.partition_id != child || page->identity.vp.vp_index != vp)
			continue;
		counters = partition_page(partition, page->gpfn);
		__atomic_store_n(&counters->data[HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED],
				 blocked, __ATOMIC_RELEASE);
	}
}

bool stats_are_mapped_of(const struct partition *partition, u64 child, char *what,
			 size_t size)
{
	const struct stats *stats = &partition->stats;
	const struct stats_page *page;

	for (page = stats->pages; page < stats->pages + stats->count; page++) {
		if (page->identity.partition.partition_id != child ||
		    (page->type != HV_STATS_OBJECT_PARTITION && page->type != HV_STATS_OBJECT_VP))
			continue;
		snprintf(what, size, "a statistics page mapped at page 0x%llx",
			 (unsigned long long)page->gpfn);
		return true;
	}
	return false;
}

bool stats_are_unmapped(const struct stats *stats, char *why, size_t size)
{
	if (!stats->count)
		return true;
	snprintf(why, size, "%u statistics pages are mapped, the first at page 0x%llx",
		 stats->count, (unsigned long long)stats->pages[0].gpfn);
	return false;
}

void stats_scribble(struct partition *partition)
{
	struct stats *stats = &partition->stats;
	struct stats_page *page;
	unsigned int i;

	for (page = stats->pages; page < stats->pages + stats->count; page++) {
		u64 *words = partition_page(partition, page->gpfn);

		page->scribbled = true;
		for (i = 0; i < HV_HYP_PAGE_SIZE / sizeof(*words); i++)
			words[i] = HVEMU_SCRIBBLE;
	}
}

bool stats_are_scribbled(struct partition *partition, char *why, size_t size)
{
	struct stats *stats = &partition->stats;
	struct stats_page *page;
	unsigned int i;

	for (page = stats->pages; page < stats->pages + stats->count; page++) {
		const u64 *words = partition_page(partition, page->gpfn);

		for (i = 0; i < HV_HYP_PAGE_SIZE / sizeof(*words); i++) {
			if (words[i] == HVEMU_SCRIBBLE)
				continue;
			snprintf(why, size, "page 0x%llx is mapped, and somebody else writes to it",
				 (unsigned long long)page->gpfn);
			return false;
		}
	}
	return true;
}
