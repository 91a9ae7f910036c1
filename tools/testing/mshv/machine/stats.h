/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics pages: the hypercalls that map them, and what they say.
 */
#ifndef _HVEMU_MACHINE_STATS_H
#define _HVEMU_MACHINE_STATS_H

#include <linux/types.h>

struct hypercall;
struct partition;

/* The hypercalls; see hv/hypercall.h for what a handler is. */
u16 stats_map(struct hypercall *call);		/* HVCALL_MAP_STATS_PAGE */
u16 stats_map_overlay(struct hypercall *call);	/* HVCALL_MAP_STATS_PAGE2 */
u16 stats_unmap(struct hypercall *call);	/* HVCALL_UNMAP_STATS_PAGE */

/* Bring what the mapped pages say up to date. */
void stats_refresh(struct partition *partition);

#endif /* _HVEMU_MACHINE_STATS_H */
