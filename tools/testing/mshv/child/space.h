/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address space of a child: what KVM finds at each of its pages.
 */
#ifndef _HVEMU_CHILD_SPACE_H
#define _HVEMU_CHILD_SPACE_H

#include <linux/types.h>

struct child;
struct child_memory;

/* What tells of faults. Return: a file descriptor or a negative errno. */
int child_space_open(void);

/* Likewise of those of all children from now on, once. */
int child_space_watch(void);

/* All but the page of the local APIC, if there is one. Return: 0 or a negative errno. */
int child_space_make(struct child *child);

/* Have pages be as the table says. One under an overlay is not there for now. */
int child_space_apply(struct child *child, u64 gpfn, u64 pages);

/* Note whether the parent's page is there. */
void child_space_mark(struct child_memory *memory, u64 gpfn, bool placed);

/* Writes to these pages are faults; they must be mapped. */
int child_space_protect(struct child_memory *memory, u64 gpfn, u64 pages);

/* Whoever waits in a fault there tries again. */
void child_space_wake(struct child_memory *memory, u64 gpfn, u64 pages);

/* Have a page be in reach, or not: PROT_*. */
void child_space_reach(struct child *child, u64 gpa, int rights);

#endif /* _HVEMU_CHILD_SPACE_H */
