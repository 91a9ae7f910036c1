/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest physical memory of a child.
 */
#ifndef _HVEMU_CHILD_MEMORY_H
#define _HVEMU_CHILD_MEMORY_H

#include <linux/types.h>

struct child;

/* Of one page of a child, as HVCALL_MAP_GPA_PAGES has it. */
struct child_page {
	u64 parent_gpfn;
	u32 flags;		/* HV_MAP_GPA_* */
	bool mapped;		/* memory of the parent's */
	bool no_access;		/* part of the child's, and nothing there yet */
};

int child_memory_init(struct child *child);
void child_memory_exit(struct child *child);

/* What is at a page of a child. Neither mapped nor no_access: nothing. */
struct child_page child_page(struct child *child, u64 gpfn);

/* Whether a page of the parent's, which must be memory, is mapped into a child. */
bool child_maps(const struct child *child, u64 parent_gpfn);

/**
 * child_memory() - where a piece of a child's memory is, as hvemu sees it
 * @child: whose
 * @gpa: guest physical address; the piece must not cross a page
 * @size: bytes
 *
 * Return: the address here, or NULL if it is not mapped.
 */
void *child_memory(struct child *child, u64 gpa, size_t size);

/* The hypervisor has written there for the guest: the page is dirty. */
void child_memory_wrote(struct child *child, u64 gpa);

#endif /* _HVEMU_CHILD_MEMORY_H */
