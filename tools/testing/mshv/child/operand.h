/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many bytes the memory operand of an instruction has.
 */
#ifndef _HVEMU_CHILD_OPERAND_H
#define _HVEMU_CHILD_OPERAND_H

#include <linux/types.h>

struct child_vp;
struct insn;

/**
 * child_operand_bytes() - how long the memory operands of an instruction are
 * @vp: whose; an area of XSAVE is as long as its state
 * @insn: decoded
 *
 * Return: 0 for an instruction that names an address and does not access it, as LEA.
 */
unsigned int child_operand_bytes(struct child_vp *vp, struct insn *insn);

/* Whether an instruction has a legacy prefix. */
bool child_operand_has_prefix(const struct insn *insn, u8 wanted);

#endif /* _HVEMU_CHILD_OPERAND_H */
