/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of all children: a thread that has their timers fire.
 */
#ifndef _HVEMU_CHILD_CLOCK_H
#define _HVEMU_CHILD_CLOCK_H

#include <linux/types.h>

struct partition;

#define NS_PER_UNIT		100	/* of the reference time */

/* CLOCK_MONOTONIC, ns. */
u64 child_clock_now(void);

/**
 * child_clock_setup() - start the thread
 * @partition: whose children; its lock is held while @tick runs
 * @tick: has all timers fire that are due, and says when the next one is, in ns;
 *	~0: never
 *
 * Return: 0 or a negative errno.
 */
int child_clock_setup(struct partition *partition, u64 (*tick)(struct partition *partition));

/* It is to look at the timers again at that time, at the latest. */
void child_clock_wake_by(u64 ns);

/* Likewise after so many units of 100 ns, at the latest. */
void child_clock_wake_within(u64 units);

#endif /* _HVEMU_CHILD_CLOCK_H */
