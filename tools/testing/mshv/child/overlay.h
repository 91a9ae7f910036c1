/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of hvemu's that lie over a child's.
 */
#ifndef _HVEMU_CHILD_OVERLAY_H
#define _HVEMU_CHILD_OVERLAY_H

#include <linux/types.h>

struct child;

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

#endif /* _HVEMU_CHILD_OVERLAY_H */
