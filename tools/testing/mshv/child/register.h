/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a child's VP by their names, HV_REGISTER_* and HV_X64_REGISTER_*.
 * The VP is out of KVM; but see child_register_suspends().
 */
#ifndef _HVEMU_CHILD_REGISTER_H
#define _HVEMU_CHILD_REGISTER_H

#include <linux/kvm.h>
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
 * Whether a register is one that stops the VP and lets it run. While such a one
 * is set nobody must have pulled the VP.
 */
bool child_register_suspends(u32 name);

/* XMM0 and what follows, as many as fit in @size bytes. Return: whether it went. */
bool child_register_get_xmm(struct child_vp *vp, void *values, size_t size);
bool child_register_set_xmm(struct child_vp *vp, const void *values, size_t size);

/* What KVM has as a segment, as the hypervisor has it. */
struct hv_x64_segment_register child_register_segment(const struct kvm_segment *from);

/* An MSR that KVM keeps. Return: false if it does not know it. */
bool child_register_msr(struct child_vp *vp, u32 msr, u64 *value);

/* Likewise tell KVM the value of one. */
bool child_register_put_msr(struct child_vp *vp, u32 msr, u64 value);

/* What the VP's TSC is ahead of that of hvemu. Return: false if KVM does not say so. */
bool child_register_tsc_ahead(struct child_vp *vp, u64 *ahead);

/* Likewise XCR0. */
bool child_register_xcr0(struct child_vp *vp, u64 *value);

#endif /* _HVEMU_CHILD_REGISTER_H */
