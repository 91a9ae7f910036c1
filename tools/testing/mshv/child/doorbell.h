/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP that stores to a doorbell.
 */
#ifndef _HVEMU_CHILD_DOORBELL_H
#define _HVEMU_CHILD_DOORBELL_H

#include <linux/types.h>

struct child_vp;

/**
 * doorbell_store() - a VP has an instruction that writes to a page without memory
 * @vp: which; out of KVM, RIP at the instruction
 * @gpa: an address in that page
 *
 * The instruction rings a doorbell if it stores a register or a constant, as drivers
 * do, and begins and ends in the page. Nobody is told but who waits for the doorbell,
 * and the guest goes on behind the instruction.
 *
 * A store that crosses a page's end rings nothing, whether the doorbell lies where it
 * begins or in the second page. Its parent is told, and makes all of the store.
 *
 * Return: whether it has rung.
 */
bool doorbell_store(struct child_vp *vp, u64 gpa);

#endif /* _HVEMU_CHILD_DOORBELL_H */
