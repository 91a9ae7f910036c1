/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a child's VP by hypercall.
 */
#ifndef _HVEMU_CHILD_REGS_CALL_H
#define _HVEMU_CHILD_REGS_CALL_H

#include <linux/types.h>

struct hypercall;

u16 child_regs_get(struct hypercall *call);	/* HVCALL_GET_VP_REGISTERS */
u16 child_regs_set(struct hypercall *call);	/* HVCALL_SET_VP_REGISTERS */

#endif /* _HVEMU_CHILD_REGS_CALL_H */
