// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VP of a child: kept out of KVM, its times.
 */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../hv/log.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "vp.h"

bool child_vp_is_suspended(const struct child_vp *vp)
{
	return vp->explicit_suspend || vp->intercept_suspend || vp->dispatch_suspend;
}

bool child_vp_has_interrupt(const struct child_vp *vp)
{
	const struct apic *apic = &vp->apic;

	if (apic->init || apic->sipi)
		return true;
	return !apic->wait_for_sipi && (apic->nmi || apic_pending(apic) >= 0);
}

void child_vp_kick(struct child_vp *vp)
{
	pthread_cond_broadcast(&vp->changed);
	if (vp->in_kvm) {
		/* Whether or not it has got that far: it comes out at once. */
		vp->run->immediate_exit = 1;
		pthread_kill(vp->thread, CHILD_KICK_SIGNAL);
	}
}

void child_vp_pull(struct child_vp *vp)
{
	vp->pullers++;
	while (vp->in_kvm) {
		child_vp_kick(vp);
		pthread_cond_wait(&vp->changed, &vp->child->parent->lock);
	}
}

void child_vp_release(struct child_vp *vp)
{
	vp->pullers--;
	pthread_cond_broadcast(&vp->changed);
}

u64 child_vp_run_time(const struct child_vp *vp)
{
	/* Its thread is in KVM, or waits for the lock to say that it no longer is. */
	return vp->run_time + (vp->in_guest ?
			       log_cpu_time_of(vp->thread) - vp->entered_cpu : 0);
}

/* The CPU that a thread is on, or was on last; -1: it cannot be told. */
static int cpu_of(pid_t tid)
{
	char path[64], line[512] = "";
	const char *field;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	/* Field 39; the second may have blanks, and ends with the last bracket. */
	field = strrchr(line, ')');
	for (i = 2; field && i < 39; i++)
		field = strchr(field + 1, ' ');
	return field ? atoi(field) : -1;
}

static void log_times(const struct child_vp *vp)
{
	char place[32] = "none";

	if (vp->has_thread && vp->in_guest)
		snprintf(place, sizeof(place), "cpu%d", cpu_of(vp->tid));
	else if (vp->dispatcher)
		snprintf(place, sizeof(place), "vp%u", vp->dispatcher->index);
	log_event(LOG_NO_VP, "child-time", "child=0x%llx index=%u run=%llu place=%s",
		  (unsigned long long)vp->child->id, vp->index,
		  (unsigned long long)child_vp_run_time(vp), place);
}

void child_vp_log_times(const struct partition *partition)
{
	unsigned int c, i;

	for (c = 0; c < partition->nr_children; c++) {
		const struct child *child = partition->children[c];

		for (i = 0; child->nr_vps && i < CHILD_VPS_MAX; i++)
			if (child->vps[i])
				log_times(child->vps[i]);
	}
}
