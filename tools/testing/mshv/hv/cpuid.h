/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID as KVM has it: leaves, and what the processor can do.
 */
#ifndef _HVEMU_CPUID_H
#define _HVEMU_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>

#define CPUID_ENTRIES_MAX	256

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES_MAX];
};

/* What KVM can do. Return: 0, or a negative errno: then @cpuid is empty. */
int cpuid_supported(int kvm, struct cpuid *cpuid);

/* A leaf, or NULL: there is none. */
struct kvm_cpuid_entry2 *cpuid_find(struct cpuid *cpuid, u32 function, u32 index);

#endif /* _HVEMU_CPUID_H */
