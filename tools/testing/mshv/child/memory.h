/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest physical memory of a child.
 */
#ifndef _HVEMU_CHILD_MEMORY_H
#define _HVEMU_CHILD_MEMORY_H

#include <linux/types.h>

struct child;
struct child_vp;
struct hypercall;
struct partition;

/* Of one page of a child, as HVCALL_MAP_GPA_PAGES has it. */
struct child_page {
	u64 parent_gpfn;
	u32 flags;		/* HV_MAP_GPA_* */
	bool mapped;		/* memory of the parent's */
	bool no_access;		/* part of the child's, and nothing there yet */
};

/* What tells of faults. Return: a file descriptor or a negative errno. */
int child_memory_open(void);

/* The thread that learns of faults, once. Return: 0 or a negative errno. */
int child_memory_setup(struct partition *partition);

/*
 * Note accesses from now on, or no longer. Return: false if it cannot end yet, as the
 * parent has cleared dirty states and has not set them again.
 */
bool child_memory_track(struct child *child, bool on);

int child_memory_init(struct child *child);
void child_memory_exit(struct child *child);
/* The VP has left KVM: what it could not touch can be touched again. */
void child_memory_left(struct child_vp *vp);
u16 child_map_gpa(struct hypercall *call);	/* HVCALL_MAP_GPA_PAGES */
u16 child_unmap_gpa(struct hypercall *call);	/* HVCALL_UNMAP_GPA_PAGES */
u16 child_access_states(struct hypercall *call); /* HVCALL_GET_GPA_PAGES_ACCESS_STATES */

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

/**
 * child_overlay() - lay a page of hvemu's over one of a child's
 * @child: whose
 * @gpfn: which page of its
 * @read_only: its guest may not write to it
 * @page: a page of zeroes on return, to be filled; freed with the child
 *
 * Whatever the parent maps there meanwhile comes up again afterwards.
 *
 * Return: 0 or a negative errno.
 */
int child_overlay(struct child *child, u64 gpfn, bool read_only, void **page);
void child_overlay_remove(struct child *child, u64 gpfn);

/* Whether a page is there that the hypervisor has laid there to be read only. */
bool child_overlay_is_read_only(struct child *child, u64 gpa);

#endif /* _HVEMU_CHILD_MEMORY_H */
