/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State of a child's VP that is read and written as a whole.
 */
#ifndef _HVEMU_CHILD_STATE_H
#define _HVEMU_CHILD_STATE_H

#include <linux/types.h>

struct hypercall;

u16 child_state_get(struct hypercall *call);	/* HVCALL_GET_VP_STATE */
u16 child_state_set(struct hypercall *call);	/* HVCALL_SET_VP_STATE */
u16 child_translate(struct hypercall *call);	/* HVCALL_TRANSLATE_VIRTUAL_ADDRESS */

#endif /* _HVEMU_CHILD_STATE_H */
