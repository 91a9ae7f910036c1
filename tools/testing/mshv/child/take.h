/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VP takes before it goes on: interrupts, INIT and start-up IPIs.
 */
#ifndef _HVEMU_CHILD_TAKE_H
#define _HVEMU_CHILD_TAKE_H

#include <stdbool.h>

struct child_vp;

/* Whether KVM has been given, or has made, what ends a HLT. */
bool is_interrupted(struct child_vp *vp);

/*
 * What the parent waits for and the VP would take now, HV_INTERRUPTION_TYPE_*; -1:
 * nothing. Halted or not: it is the parent's to wake it.
 */
int deliverable(struct child_vp *vp);

/* INIT and start-up IPIs, in the order in which they count. */
void take_init(struct child_vp *vp);

/* Give KVM the interrupts that the VP would take with its next entry. */
void take_interrupts(struct child_vp *vp);

#endif /* _HVEMU_CHILD_TAKE_H */
