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

/* Where the configuration and the count of a synthetic timer stand, in u64. */
#define CHILD_TIMER_SIZE	(sizeof(struct hv_stimer_state) / sizeof(u64))
#define CHILD_TIMER_CONFIG	(offsetof(struct hv_stimer_state, config) / sizeof(u64))
#define CHILD_TIMER_COUNT	(offsetof(struct hv_stimer_state, count) / sizeof(u64))

/**
 * struct child_regs_storage - what is only kept for a VP
 * @pending_event1: HV_REGISTER_PENDING_EVENT1
 * @vp_assist: MSR
 * @scontrol: the SynIC's MSR of that name, as are the following
 * @sversion: MSR
 * @siefp: MSR
 * @simp: MSR
 * @sirbp: MSR
 * @sint: MSRs
 * @timers: struct hv_synthetic_timers_state
 * @sim: HV_GET_SET_VP_STATE_SIM_PAGE
 * @sief: HV_GET_SET_VP_STATE_SIEF_PAGE
 */
struct child_regs_storage {
	struct hv_u128 pending_event1;
	u64 vp_assist;
	u64 scontrol;
	u64 sversion;
	u64 siefp;
	u64 simp;
	u64 sirbp;
	u64 sint[HV_SYNIC_SINT_COUNT];
	u64 timers[sizeof(struct hv_synthetic_timers_state) / sizeof(u64)];
	u8 sim[HV_HYP_PAGE_SIZE];
	u8 sief[HV_HYP_PAGE_SIZE];
};

/* Of struct kvm_xsave.region: components that are there, XSTATE_BV. */
#define CHILD_XSTATE_BV		(512 / sizeof(u32))

/* Whose registers a call is about. Return: its status, if there is no such VP. */
u16 child_regs_vp(struct hypercall *call, u64 id, u32 index, struct child_vp **vp);

#endif /* _HVEMU_CHILD_REGS_H */
