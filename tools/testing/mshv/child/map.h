/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent maps memory of its own into a child.
 */
#ifndef _HVEMU_CHILD_MAP_H
#define _HVEMU_CHILD_MAP_H

#include <linux/types.h>

struct hypercall;

u16 child_map_gpa(struct hypercall *call);	/* HVCALL_MAP_GPA_PAGES */
u16 child_unmap_gpa(struct hypercall *call);	/* HVCALL_UNMAP_GPA_PAGES */

#endif /* _HVEMU_CHILD_MAP_H */
