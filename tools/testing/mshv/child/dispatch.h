/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dispatches: the parent has a VP of its child run on a thread of its own.
 */
#ifndef _HVEMU_CHILD_DISPATCH_H
#define _HVEMU_CHILD_DISPATCH_H

#include <linux/types.h>

struct hypercall;

u16 child_dispatch(struct hypercall *call);	/* HVCALL_DISPATCH_VP */

#endif /* _HVEMU_CHILD_DISPATCH_H */
