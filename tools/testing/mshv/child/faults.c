// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread that learns of accesses that a child's memory does not take.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <hyperv/hvhdk.h>

#include "../hv/partition.h"
#include "child.h"
#include "faults.h"
#include "space.h"
#include "table.h"
#include "track.h"
#include "vp.h"

/* What tells of them. */
static int uffd = -1;

/* Whose address space an address is in. */
static struct child *child_at(struct partition *partition, const u8 *address, u64 *gpa)
{
	unsigned int i;

	for (i = 0; i < partition->nr_children; i++) {
		struct child *child = partition->children[i];
		struct child_memory *memory = child->memory;

		if (!memory || !memory->host || address < memory->host ||
		    address >= memory->host + memory->size)
			continue;
		*gpa = address - memory->host;
		return child;
	}
	return NULL;
}

static struct child_vp *vp_of_thread(struct child *child, pid_t tid)
{
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->in_kvm && child->vps[i]->tid == tid)
			return child->vps[i];
	return NULL;
}

void child_faults_left(struct child_vp *vp)
{
	if (vp->fault.valid && vp->child->memory)
		child_space_reach(vp->child, vp->fault.gpa, PROT_READ | PROT_WRITE);
}

static void handle_fault(struct partition *partition, const struct uffd_msg *message)
{
	const u8 *address = (const u8 *)(uintptr_t)message->arg.pagefault.address;
	bool write = message->arg.pagefault.flags &
		(UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	struct child *child;
	struct child_vp *vp;
	u64 gpa;

	child = child_at(partition, address, &gpa);
	if (!child || child_track_note(child, gpa >> HV_HYP_PAGE_SHIFT, write))
		return;
	vp = vp_of_thread(child, message->arg.pagefault.feat.ptid);
	if (!vp)
		return;
	vp->fault = (struct child_fault) {
		.valid = true,
		.gpa = gpa,
		.write = write,
	};
	child_space_reach(child, gpa, PROT_NONE);
	child_vp_kick(vp);
}

/*
 * The lock is taken before the event is read: a VP that has left its fault by
 * itself has taken the event with it, and one that has not cannot enter KVM
 * again before it has seen what is noted here.
 */
static void *fault_thread(void *argument)
{
	struct partition *partition = argument;
	struct pollfd wait = { .fd = uffd, .events = POLLIN };
	struct uffd_msg message;

	for (;;) {
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return NULL;
		pthread_mutex_lock(&partition->lock);
		while (read(uffd, &message, sizeof(message)) == sizeof(message))
			if (message.event == UFFD_EVENT_PAGEFAULT)
				handle_fault(partition, &message);
		pthread_mutex_unlock(&partition->lock);
	}
}

int child_faults_setup(struct partition *partition)
{
	pthread_t thread;

	uffd = child_space_watch();
	if (uffd < 0)
		return uffd;
	return -pthread_create(&thread, NULL, fault_thread, partition);
}
