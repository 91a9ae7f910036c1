/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accesses to guest physical addresses at which there is nothing.
 */
#ifndef _VMM_MMIO_H
#define _VMM_MMIO_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

#define MMIO_CODE_MAX	15	/* no instruction is longer */

/**
 * mmio_emulate() - do what an instruction does that reads or writes nothing
 * @regs: the VP's register page; changed, RIP included
 * @is_long: the VP is in 64-bit mode
 * @code: the instruction
 * @size: how many bytes of it and of what follows there are
 *
 * What is read has all bits set, as where nobody drives the lines; what is written
 * is lost.
 *
 * Return: whether that has been done. Only moves are known, as kernels access
 * devices by them.
 */
bool mmio_emulate(struct hv_vp_register_page *regs, bool is_long, const u8 *code,
		  unsigned int size);

#endif /* _VMM_MMIO_H */
