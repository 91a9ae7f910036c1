/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition that can have children.
 */
#ifndef _HVEMU_CHILD_PARENT_H
#define _HVEMU_CHILD_PARENT_H

struct partition;

/* What a SynIC of the partition's must tell of from now on: that it has room. */
void child_parent_init(struct partition *partition);

#endif /* _HVEMU_CHILD_PARENT_H */
