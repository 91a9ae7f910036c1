/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercalls of the partition that Linux boots in: their table.
 */
#ifndef _HVEMU_MACHINE_HYPERCALLS_H
#define _HVEMU_MACHINE_HYPERCALLS_H

#include <linux/types.h>

struct vp;

/**
 * hypercall() - a guest makes a hypercall
 * @vp: which VP
 * @control: RCX
 * @input: RDX, an address, or 8 bytes of input of a fast call
 * @output: R8, an address, or 8 more bytes
 *
 * Context: the partition's lock is held. It is let go while a fault delays the
 * call.
 * Return: RAX: the status, and how many elements are done.
 */
u64 hypercall(struct vp *vp, u64 control, u64 input, u64 output);

/* How many rows the table has, and the code of each. */
unsigned int hypercall_count(void);
u16 hypercall_code(unsigned int row);

#endif /* _HVEMU_MACHINE_HYPERCALLS_H */
