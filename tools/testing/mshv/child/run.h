/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One VP of a child runs until somebody must look.
 */
#ifndef _HVEMU_CHILD_RUN_H
#define _HVEMU_CHILD_RUN_H

#include <linux/types.h>

struct child_vp;

/* Why a VP has come out of KVM for good, and why a dispatch ends. */
enum child_stop {
	CHILD_STOP_INTERCEPT,	/* child_vp.message says what the parent must do */
	CHILD_STOP_HALT,	/* nothing to do before an interrupt comes */
	CHILD_STOP_KICK,	/* somebody wants it to stop */
};

/**
 * child_run() - run a VP until somebody must look
 * @vp: which; not suspended, and pulled by nobody
 *
 * Context: the lock is held, and let go while the guest runs.
 * Return: why it has come out.
 */
enum child_stop child_run(struct child_vp *vp);

/* Whether a VP that waits for an interrupt has one. */
bool child_run_has_work(struct child_vp *vp);

#endif /* _HVEMU_CHILD_RUN_H */
