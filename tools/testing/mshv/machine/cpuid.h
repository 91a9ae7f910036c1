/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells the partition that Linux boots in. KVM answers by itself; it is told once.
 */
#ifndef _HVEMU_MACHINE_CPUID_H
#define _HVEMU_MACHINE_CPUID_H

struct cpuid;
struct partition;
struct vp;

/**
 * cpuid_make() - what one VP of the partition is to see
 * @cpuid: in: what KVM can do (KVM_GET_SUPPORTED_CPUID); out: for the VP
 * @vp: which VP
 */
void cpuid_make(struct cpuid *cpuid, const struct vp *vp);

/**
 * cpuid_tell() - what properties and children need to know of the processor
 * @cpuid: what KVM can do
 * @partition: its processor and physical_bits are filled in
 */
void cpuid_tell(struct cpuid *cpuid, struct partition *partition);

#endif /* _HVEMU_MACHINE_CPUID_H */
