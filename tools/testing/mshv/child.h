/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child partitions: made, and deleted. Nothing runs in them yet.
 */
#ifndef _HVEMU_CHILD_H
#define _HVEMU_CHILD_H

#include <linux/types.h>

struct hypercall;

/* Handlers of hypercalls; each returns a status. */
u16 child_create(struct hypercall *call);
u16 child_delete(struct hypercall *call);
u16 child_withdraw_memory(struct hypercall *call);

#endif /* _HVEMU_CHILD_H */
