/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of a child are accessed and written to.
 */
#ifndef _HVEMU_CHILD_TRACK_H
#define _HVEMU_CHILD_TRACK_H

#include <linux/types.h>

struct child;
struct hypercall;

u16 child_access_states(struct hypercall *call); /* HVCALL_GET_GPA_PAGES_ACCESS_STATES */

/*
 * Note accesses from now on, or no longer. Return: false if it cannot end yet, as the
 * parent has cleared dirty states and has not set them again.
 */
bool child_track(struct child *child, bool on);

/* Note the next access, or the next write; @entry is changed. */
void child_track_watch(u64 *entry);

/*
 * An access that was only to be noted: the page is there now. Return: whether
 * that was all.
 */
bool child_track_note(struct child *child, u64 gpfn, bool write);

#endif /* _HVEMU_CHILD_TRACK_H */
