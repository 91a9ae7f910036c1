/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processor's features as the hypervisor names them, and as CPUID does.
 */
#ifndef _HVEMU_FEATURES_H
#define _HVEMU_FEATURES_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct cpuid;

/**
 * struct features - some features
 * @cpu: HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0 and 1
 * @xsave: HV_PARTITION_PROPERTY_PROCESSOR_XSAVE_FEATURES
 */
struct features {
	union hv_partition_processor_features cpu;
	union hv_partition_processor_xsave_features xsave;
};

/**
 * features_of() - what a processor has
 * @cpuid: of it
 *
 * Return: those that both CPUID and the hypervisor name. Bits of MSRs are none of
 * them (IA32_ARCH_CAPABILITIES), nor is what only the hypervisor knows (NPIEP, MBEC).
 */
struct features features_of(struct cpuid *cpuid);

/**
 * features_disable() - take away what a partition was created without
 * @cpuid: of its VPs
 * @disabled: what is not to be there; what is not there anyway does not matter
 *
 * What needs XSAVE, its supervisor's part, AVX, AVX-512 or AMX goes with them. Nothing
 * else is followed.
 */
void features_disable(struct cpuid *cpuid, const struct features *disabled);

#endif /* _HVEMU_FEATURES_H */
