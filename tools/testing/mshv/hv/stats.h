/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a partition keeps of its statistics pages, see stats_page.h.
 */
#ifndef _HVEMU_STATS_H
#define _HVEMU_STATS_H

#include <hyperv/hvhdk.h>

struct stats_page {
	u32 type;		/* enum hv_stats_object_type */
	union hv_stats_object_identity identity;
	u64 gpfn;
	bool deposited;		/* a page that the guest had deposited */
	bool scribbled;		/* holds a pattern and no counters any more */
};

struct stats {
	unsigned int count;
	struct stats_page *pages;
};

#endif /* _HVEMU_STATS_H */
