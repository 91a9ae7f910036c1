/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers that KVM is asked for, as it does not share them. The VP is out of KVM.
 */
#ifndef _HVEMU_CHILD_KVM_REGS_H
#define _HVEMU_CHILD_KVM_REGS_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child_vp;

/* In the area that FXSAVE writes, with which an XSAVE area begins. */
#define FXSAVE_CONTROL		0	/* as HV_X64_REGISTER_FP_CONTROL_STATUS */
#define FXSAVE_XMM_CONTROL	16	/* as HV_X64_REGISTER_XMM_CONTROL_STATUS */
#define FXSAVE_ST		32
#define FXSAVE_XMM		160
#define FXSAVE_STEP		16

/* A piece of that area. Return: whether it went. */
bool child_kvm_get_fxsave(struct child_vp *vp, u32 offset, void *piece, size_t size);
bool child_kvm_set_fxsave(struct child_vp *vp, u32 offset, const void *piece, size_t size);

/* XMM0 and what follows, as many as fit in @size bytes. Return: whether it went. */
bool child_kvm_get_xmm(struct child_vp *vp, void *values, size_t size);
bool child_kvm_set_xmm(struct child_vp *vp, const void *values, size_t size);

/* What KVM has as a segment, as the hypervisor has it. */
struct hv_x64_segment_register child_kvm_segment(const struct kvm_segment *from);

/* An MSR that KVM keeps. Return: false if it does not know it. */
bool child_kvm_get_msr(struct child_vp *vp, u32 msr, u64 *value);

/* Likewise tell KVM the value of one. */
bool child_kvm_set_msr(struct child_vp *vp, u32 msr, u64 value);

/* What the VP's TSC is ahead of that of hvemu. Return: false if KVM does not say so. */
bool child_kvm_tsc_ahead(struct child_vp *vp, u64 *ahead);

/* Likewise XCR0. */
bool child_kvm_get_xcr0(struct child_vp *vp, u64 *value);

#endif /* _HVEMU_CHILD_KVM_REGS_H */
