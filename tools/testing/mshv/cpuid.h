/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a VP. KVM answers by itself; it is told once.
 */
#ifndef _HVEMU_CPUID_H
#define _HVEMU_CPUID_H

#include <linux/kvm.h>

struct vp;

#define CPUID_ENTRIES_MAX	256

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES_MAX];
};

/**
 * cpuid_make() - what one VP is to see
 * @cpuid: in: what KVM can do (KVM_GET_SUPPORTED_CPUID); out: for the VP
 * @vp: which VP
 */
void cpuid_make(struct cpuid *cpuid, const struct vp *vp);

#endif /* _HVEMU_CPUID_H */
