/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a VP. KVM answers by itself; it is told once.
 */
#ifndef _HVEMU_CPUID_H
#define _HVEMU_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "features.h"
#include "xsave.h"

struct partition;
struct vp;

#define CPUID_ENTRIES_MAX	256

/* TLFS: how often a lock is looked at before HvNotifyLongSpinWait is called */
#define CPUID_NEVER_NOTIFY	~0U

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES_MAX];
};

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

/* What KVM can do. Return: 0, or a negative errno: then @cpuid is empty. */
int cpuid_supported(int kvm, struct cpuid *cpuid);

/**
 * cpuid_fit() - what a VP is to see
 * @cpuid: in: what KVM can do; out: for the VP
 * @view: what kind of VP it is
 */
void cpuid_fit(struct cpuid *cpuid, const struct cpuid_view *view);

/* A leaf, or NULL: there is none. */
struct kvm_cpuid_entry2 *cpuid_find(struct cpuid *cpuid, u32 function, u32 index);

/**
 * cpuid_make() - what one VP of the partition is to see
 * @cpuid: in: what KVM can do (KVM_GET_SUPPORTED_CPUID); out: for the VP
 * @vp: which VP
 */
void cpuid_make(struct cpuid *cpuid, const struct vp *vp);

/**
 * struct processor - what properties tell of a partition's processors
 * @features: what they have
 * @vendor: HV_PROCESSOR_VENDOR_*
 * @layout: of its XSAVE areas
 * @xsave_states: what XSAVE can save, as in XCR0
 * @xsave_size: how much memory that takes, compacted
 */
struct processor {
	struct features features;
	u32 vendor;
	struct xsave_layout layout;
	u64 xsave_states;
	u64 xsave_size;
};

/* The same of a partition whose VPs see @cpuid. */
struct processor cpuid_processor(struct cpuid *cpuid);

/**
 * cpuid_tell() - what properties and children need to know of the processor
 * @cpuid: what KVM can do
 * @partition: its processor and physical_bits are filled in
 */
void cpuid_tell(struct cpuid *cpuid, struct partition *partition);

#endif /* _HVEMU_CPUID_H */
