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
};

/* Whether a VP that writes to HVEMU_PORT_HYPERCALL makes a hypercall by that. */
bool child_guestcall_is_one(struct child_vp *vp);

/**
 * child_guestcall() - the guest makes a hypercall
 * @vp: which; out of KVM, and KVM has nothing to finish
 * @gpa: set where memory is missing
 *
 * Context: the lock is let go while other VPs are waited for.
 * Return: what is to be done.
 */
enum child_guestcall child_guestcall(struct child_vp *vp, u64 *gpa);

#endif /* _HVEMU_CHILD_GUESTCALL_H */
