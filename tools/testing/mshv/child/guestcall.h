/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls that the guest of a child makes.
 */
#ifndef _HVEMU_CHILD_GUESTCALL_H
#define _HVEMU_CHILD_GUESTCALL_H

#include <linux/types.h>

struct child_vp;

/* Of the instruction by which a call is made: as long as VMCALL, see msr.c. */
#define CHILD_GUESTCALL_LENGTH	3

enum child_guestcall {
	CHILD_GUESTCALL_DONE,		/* the guest has its status */
	CHILD_GUESTCALL_MISSING,	/* memory of its is not there */
	CHILD_GUESTCALL_PARENT,		/* the parent makes it */
	CHILD_GUESTCALL_UNDEFINED,	/* none may be made now: #UD is due */
};

/* Whether a VP that writes to HVEMU_PORT_HYPERCALL makes a hypercall by that. */
bool child_guestcall_is_one(struct child_vp *vp);

/**
 * child_guestcall() - the guest makes a hypercall
 * @vp: which; out of KVM, and KVM has nothing to finish
 * @gpa: set where memory is missing
 *
 * RIP stays where it is.
 *
 * Return: what is to be done.
 */
enum child_guestcall child_guestcall(struct child_vp *vp, u64 *gpa);

/**
 * child_guestcall_settle() - wait until what a call has asked for is so
 * @vp: whose call is done; its registers say so
 *
 * When a flush is over, no VP may use a translation that it had. One that is in KVM
 * has to come out for that.
 *
 * Context: the lock is let go meanwhile.
 */
void child_guestcall_settle(struct child_vp *vp);

#endif /* _HVEMU_CHILD_GUESTCALL_H */
