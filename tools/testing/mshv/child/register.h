/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a child's VP by their names, HV_REGISTER_* and HV_X64_REGISTER_*.
 * The VP is out of KVM; but see child_register_suspends().
 */
#ifndef _HVEMU_CHILD_REGISTER_H
#define _HVEMU_CHILD_REGISTER_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child_vp;

/**
 * child_register_get() - read a register
 * @vp: whose
 * @name: which
 * @value: set on success, with zeroes behind what is shorter
 *
 * Return: HV_STATUS_*.
 */
u16 child_register_get(struct child_vp *vp, u32 name, union hv_register_value *value);

/* Likewise write one. */
u16 child_register_set(struct child_vp *vp, u32 name, const union hv_register_value *value);

/*
 * Whether a register is one that stops the VP and lets it run. Such a one can only be
 * read here: the schedulers write it, and nobody must have pulled the VP meanwhile.
 */
bool child_register_suspends(u32 name);

#endif /* _HVEMU_CHILD_REGISTER_H */
