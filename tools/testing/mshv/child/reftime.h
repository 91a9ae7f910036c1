/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference time of a child.
 */
#ifndef _HVEMU_CHILD_REFTIME_H
#define _HVEMU_CHILD_REFTIME_H

#include <linux/types.h>

struct child;

/* The reference time of a child, units of 100 ns. */
u64 child_time(const struct child *child);

/*
 * Have it go on by the TSC of the child's VPs, which is ahead of hvemu's own, or by
 * hvemu's clock again. Neither has it go back, nor changes one that is frozen.
 */
void child_time_by_tsc(struct child *child, u64 ahead);
void child_time_by_clock(struct child *child);

/* Have it stand still, or go on. */
void child_time_freeze(struct child *child, bool freeze);

#endif /* _HVEMU_CHILD_REFTIME_H */
