/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a child's VP, as the files share them that keep them: register.c
 * (by name), msr.c (by MSR) and state.c (as a whole).
 */
#ifndef _HVEMU_CHILD_REGS_H
#define _HVEMU_CHILD_REGS_H

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

struct child_vp;
struct hypercall;

/**
 * struct child_regs_storage - what is only kept for a VP
 * @pending_event1: HV_REGISTER_PENDING_EVENT1
 * @vp_assist: MSR
 */
struct child_regs_storage {
	struct hv_u128 pending_event1;
	u64 vp_assist;
};

/* Of struct kvm_xsave.region: components that are there, XSTATE_BV. */
#define CHILD_XSTATE_BV		(512 / sizeof(u32))

/* Whose registers a call is about. Return: its status, if there is no such VP. */
u16 child_regs_vp(struct hypercall *call, u64 id, u32 index, struct child_vp **vp);

#endif /* _HVEMU_CHILD_REGS_H */
