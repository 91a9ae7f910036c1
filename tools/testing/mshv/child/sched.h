/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs the VPs of a child: the hypervisor, or the parent.
 */
#ifndef _HVEMU_CHILD_SCHED_H
#define _HVEMU_CHILD_SCHED_H

#include <linux/types.h>

struct child_vp;

/* A VP is there, or no more: start or end its thread where it has one. */
int child_sched_start(struct child_vp *vp);
void child_sched_stop(struct child_vp *vp);

/**
 * child_sched_runnable() - a VP may have something to do
 * @vp: which: an interrupt came, it was resumed, its state was changed
 *
 * Wakes its thread, or tells the parent to dispatch it, where one of the two is
 * due; harmless otherwise.
 */
void child_sched_runnable(struct child_vp *vp);

/* Whether a VP has no reason to wait: not suspended, not halted without work. */
bool child_sched_can_run(struct child_vp *vp);

/* It has nothing to do: a signal is due when it has. */
void child_sched_block(struct child_vp *vp);

/* It is dispatched, or about to be: nobody waits for a signal. */
void child_sched_unmark(struct child_vp *vp);

/* HV_REGISTER_EXPLICIT_SUSPEND and its like are written. The VP has stopped. */
void child_sched_suspend(struct child_vp *vp, u32 name, bool suspend);

#endif /* _HVEMU_CHILD_SCHED_H */
