/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics pages: which are mapped where.
 */
#ifndef _HVEMU_STATS_PAGE_H
#define _HVEMU_STATS_PAGE_H

#include <linux/types.h>

struct partition;
struct stats;
struct stats_page;
union hv_stats_object_identity;

/* The page of an object, or NULL: none is mapped. */
struct stats_page *stats_find(struct stats *stats, u32 type,
			      const union hv_stats_object_identity *identity);

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

#endif /* _HVEMU_STATS_PAGE_H */
