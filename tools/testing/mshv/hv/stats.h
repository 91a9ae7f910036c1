/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics pages: which are mapped where, and what they say.
 */
#ifndef _HVEMU_STATS_H
#define _HVEMU_STATS_H

#include <hyperv/hvhdk.h>

struct child_vp;
struct hypercall;
struct partition;

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

/* The hypercalls; see hypercall.h for what a handler is. */
u16 stats_map(struct hypercall *call);		/* HVCALL_MAP_STATS_PAGE */
u16 stats_map_overlay(struct hypercall *call);	/* HVCALL_MAP_STATS_PAGE2 */
u16 stats_unmap(struct hypercall *call);	/* HVCALL_UNMAP_STATS_PAGE */

/* Bring what the mapped pages say up to date. */
void stats_refresh(struct partition *partition);

/* Likewise those of one VP of a child's, between two hypercalls. */
void stats_refresh_child_vp(const struct child_vp *vp);

/* Say in both statistics pages of a child's VP whether it is blocked. */
void stats_set_blocked(struct partition *partition, u64 child, u32 vp, bool blocked);

/**
 * stats_are_mapped_of() - whether a child has pages mapped
 * @partition: whose child
 * @child: its id
 * @what: says in words what is mapped
 * @size: of @what
 *
 * Return: whether it has.
 */
bool stats_are_mapped_of(const struct partition *partition, u64 child, char *what,
			 size_t size);

/**
 * stats_are_unmapped() - whether no page is mapped
 * @stats: of a partition
 * @why: names one if one is
 * @size: of @why
 *
 * Return: whether none is.
 */
bool stats_are_unmapped(const struct stats *stats, char *why, size_t size);

/* Fill every mapped page with HVEMU_SCRIBBLE: who else uses it will see. */
void stats_scribble(struct partition *partition);

/**
 * stats_are_scribbled() - whether nobody else has written to the mapped pages
 * @partition: whose; stats_scribble() was called
 * @why: names a page that was written to
 * @size: of @why
 *
 * Return: whether each page still holds what was written there.
 */
bool stats_are_scribbled(struct partition *partition, char *why, size_t size);

#endif /* _HVEMU_STATS_H */
