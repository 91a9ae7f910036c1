// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference time of a child.
 */

#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/partition.h"
#include "child.h"
#include "clock.h"
#include "reftime.h"

/*
 * TLFS, "Partition Reference Time Enlightenment": the page and the counter are the same
 * time. By two clocks they would drift apart, and timers would come too early.
 */
u64 child_time(const struct child *child)
{
	if (child->time_frozen)
		return child->time_offset;
	if (child->by_tsc.scale)
		return msr_reference_time(&child->by_tsc,
					  __builtin_ia32_rdtsc() + child->tsc_ahead);
	return log_time() + child->time_offset;
}

void child_time_by_tsc(struct child *child, u64 ahead)
{
	/* KVM does not scale it: nobody has asked for that. */
	u64 tsc = __builtin_ia32_rdtsc() + ahead, now = child_time(child);

	if (child->time_frozen)
		return;
	child->tsc_ahead = ahead;
	child->by_tsc = msr_reference_tsc(child->parent->tsc_hz, tsc, now);
}

void child_time_by_clock(struct child *child)
{
	u64 clock = log_time(), now = child_time(child);

	if (child->time_frozen)
		return;
	child->by_tsc = (struct reference_tsc) { };
	child->time_offset = now - clock;
}

void child_time_freeze(struct child *child, bool freeze)
{
	u64 now = child_time(child);

	if (child->time_frozen == freeze)
		return;
	child->time_frozen = freeze;
	child->by_tsc = (struct reference_tsc) { };
	child->time_offset = freeze ? now : now - log_time();
	/* Synthetic timers go by it. */
	child_clock_wake_within(0);
}
