/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How registers are reached: shared by register.c and the files that have them,
 * register_*.c.
 */
#ifndef _HVEMU_CHILD_REG_H
#define _HVEMU_CHILD_REG_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child_vp;

/**
 * struct child_reg - how registers of consecutive names are reached
 * @first: the first name
 * @last: the last name
 * @where: where the first is, as @get and @set understand it
 * @step: how much farther the next is
 * @get: reads one
 * @set: writes one; NULL: it can only be read
 */
struct child_reg {
	u32 first;
	u32 last;
	u32 where;
	u32 step;
	u16 (*get)(struct child_vp *vp, u32 where, union hv_register_value *value);
	u16 (*set)(struct child_vp *vp, u32 where, const union hv_register_value *value);
};

/* What a file has of them. No two have the same. */
struct child_reg_table {
	const struct child_reg *regs;
	unsigned int count;
};

#endif /* _HVEMU_CHILD_REG_H */
