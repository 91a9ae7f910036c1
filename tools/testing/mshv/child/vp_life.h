/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VPs of a child: created and deleted, their state pages.
 */
#ifndef _HVEMU_CHILD_VP_LIFE_H
#define _HVEMU_CHILD_VP_LIFE_H

#include <linux/types.h>

struct child_vp;
struct hypercall;

u16 child_vp_create(struct hypercall *call);	/* HVCALL_CREATE_VP */
u16 child_vp_delete(struct hypercall *call);	/* HVCALL_DELETE_VP */
u16 child_vp_map_page(struct hypercall *call);	/* HVCALL_MAP_VP_STATE_PAGE */
u16 child_vp_unmap_page(struct hypercall *call); /* HVCALL_UNMAP_VP_STATE_PAGE */

/* Stop and free a VP that is not @dying yet. The lock is let go meanwhile. */
void child_vp_destroy(struct child_vp *vp);

#endif /* _HVEMU_CHILD_VP_LIFE_H */
