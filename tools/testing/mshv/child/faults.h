/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread that learns of accesses that a child's memory does not take.
 */
#ifndef _HVEMU_CHILD_FAULTS_H
#define _HVEMU_CHILD_FAULTS_H

struct child_vp;
struct partition;

/* The thread that learns of faults, once. Return: 0 or a negative errno. */
int child_faults_setup(struct partition *partition);

/* The VP has left KVM: what it could not touch can be touched again. */
void child_faults_left(struct child_vp *vp);

#endif /* _HVEMU_CHILD_FAULTS_H */
