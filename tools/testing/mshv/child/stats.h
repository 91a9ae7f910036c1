/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What statistics pages say of a child's VP.
 */
#ifndef _HVEMU_CHILD_STATS_H
#define _HVEMU_CHILD_STATS_H

struct child_vp;
struct hv_stats_page;

/* Write the counters of a VP into a page. */
void child_stats_fill(const struct child_vp *vp, struct hv_stats_page *counters);

/* Bring the pages of one VP up to date, between two hypercalls. */
void child_stats_refresh(const struct child_vp *vp);

#endif /* _HVEMU_CHILD_STATS_H */
