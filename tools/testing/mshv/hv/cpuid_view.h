/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a VP: the machine's own leaves, cut to its topology, and the
 * hypervisor's.
 */
#ifndef _HVEMU_CPUID_VIEW_H
#define _HVEMU_CPUID_VIEW_H

#include <linux/types.h>

struct cpuid;

/* TLFS: how often a lock is looked at before HvNotifyLongSpinWait is called */
#define CPUID_NEVER_NOTIFY	~0U

/**
 * struct cpuid_view - in what VPs differ
 * @index: its number, and its local APIC's
 * @per_socket: how many of them are cores of one socket; 0 and 1: each is a socket
 * @smt: of one socket, two and two of them are the threads of a core
 * @x2apic: its local APIC can do that
 * @no_apic: it has no local APIC
 * @no_deadline: its local APIC's timer has no TSC deadline mode
 * @physical_bits: how long its addresses are; 0: as this machine's
 * @no_hypervisor: it is not told that there is one
 * @no_hv1: it is told that there is one, and nothing of it
 * @interface: EAX of HYPERV_CPUID_INTERFACE
 * @build: the hypervisor's, HYPERV_CPUID_VERSION
 * @features: EAX of HYPERV_CPUID_FEATURES
 * @privileges: EBX of that
 * @extended: ECX of that
 * @abilities: EDX of that
 * @hints: EAX of HYPERV_CPUID_ENLIGHTMENT_INFO
 * @spins: EBX of that; CPUID_NEVER_NOTIFY: never
 * @vps_max: how many VPs a partition can have
 */
struct cpuid_view {
	u32 index;
	u32 per_socket;
	bool smt;
	bool x2apic;
	bool no_apic;
	bool no_deadline;
	unsigned int physical_bits;
	bool no_hypervisor;
	bool no_hv1;
	u32 interface;
	u32 build;
	u32 features;
	u32 privileges;
	u32 extended;
	u32 abilities;
	u32 hints;
	u32 spins;
	u32 vps_max;
};

/**
 * cpuid_fit() - what a VP is to see
 * @cpuid: in: what KVM can do; out: for the VP
 * @view: what kind of VP it is
 */
void cpuid_fit(struct cpuid *cpuid, const struct cpuid_view *view);

#endif /* _HVEMU_CPUID_VIEW_H */
