// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who runs the VPs of a child.
 *
 * Under the core scheduler the hypervisor does: each VP has a thread of its own,
 * its suspend registers start and stop it, and the parent learns of an intercept
 * by a message. Under the integrated scheduler, as under a root's, the parent
 * does: a VP runs only inside a dispatch, on the thread of the parent's VP that
 * has asked for it, and when one that had nothing to do can run again the parent
 * learns it by a message. That is called a signal here, and a kick in the driver.
 */

#include <pthread.h>

#include <hyperv/hvhdk.h>

#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/stats_page.h"
#include "intercept.h"
#include "message.h"
#include "run.h"
#include "sched.h"
#include "stimer.h"
#include "vp.h"

bool child_sched_can_run(struct child_vp *vp)
{
	if (child_vp_is_suspended(vp) || vp->dying)
		return false;
	return !(vp->halted || vp->idle || vp->apic.wait_for_sipi) || child_run_has_work(vp);
}

void child_sched_unmark(struct child_vp *vp)
{
	vp->blocked = false;
	stats_set_blocked(vp->child->parent, vp->child->id, vp->index, false);
}

/* The parent is owed a signal: the VP had nothing to do, and now it has. */
static void unblock(struct child_vp *vp)
{
	child_sched_unmark(vp);
	/* Its parent counts no more of them. */
	if (vp->dispatch_suspend)
		return;
	vp->signal_owed = true;
	child_message_pump(vp->child->parent);
}

void child_sched_block(struct child_vp *vp)
{
	vp->blocked = true;
	stats_set_blocked(vp->child->parent, vp->child->id, vp->index, true);
}

void child_sched_runnable(struct child_vp *vp)
{
	child_vp_kick(vp);
	if (vp->blocked && child_sched_can_run(vp))
		unblock(vp);
}

static void stop_now(struct child_vp *vp)
{
	child_vp_pull(vp);
	child_vp_release(vp);
}

void child_sched_suspend(struct child_vp *vp, u32 name, bool suspend)
{
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		vp->explicit_suspend = suspend;
		break;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		vp->intercept_suspend = suspend;
		vp->intercepted &= suspend;
		break;
	case HV_REGISTER_DISPATCH_SUSPEND:
		vp->dispatch_suspend = suspend;
		if (suspend)
			vp->signal_owed = false;
		break;
	}
	if (suspend) {
		stop_now(vp);
		return;
	}
	/* One that has halted does not run before a timer that was put off wakes it. */
	child_stimer_look(vp);
	/* Whoever waits for the end of a suspension is told, come what may. */
	if (vp->blocked && name == HV_REGISTER_EXPLICIT_SUSPEND)
		unblock(vp);
	child_sched_runnable(vp);
}

static void *vp_thread(void *argument)
{
	struct child_vp *vp = argument;
	pthread_mutex_t *lock = &vp->child->parent->lock;

	pthread_mutex_lock(lock);
	while (!vp->dying) {
		if (!child_sched_can_run(vp)) {
			pthread_cond_wait(&vp->changed, lock);
			continue;
		}
		if (child_run(vp) != CHILD_STOP_INTERCEPT)
			continue;
		child_intercept_publish(vp);
		vp->message_owed = !child_message_intercept(vp);
	}
	pthread_mutex_unlock(lock);
	return NULL;
}

int child_sched_start(struct child_vp *vp)
{
	if (vp->fd < 0 || partition_dispatches(vp->child->parent))
		return 0;
	vp->has_thread = true;
	return -pthread_create(&vp->own_thread, NULL, vp_thread, vp);
}

void child_sched_stop(struct child_vp *vp)
{
	pthread_mutex_t *lock = &vp->child->parent->lock;

	vp->dying = true;
	if (vp->dispatcher)
		log_violation(LOG_NO_VP, "VP %u of 0x%llx is destroyed while it is dispatched",
			      vp->index, (unsigned long long)vp->child->id);
	if (vp->has_thread) {
		child_vp_kick(vp);
		pthread_mutex_unlock(lock);
		pthread_join(vp->own_thread, NULL);
		pthread_mutex_lock(lock);
		vp->has_thread = false;
	}
	/* Last, as somebody may have begun while the lock was free. */
	while (vp->dispatcher || vp->in_kvm || vp->pullers) {
		child_vp_kick(vp);
		pthread_cond_wait(&vp->changed, lock);
	}
}
