/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Synthetic MSRs.
 */
#ifndef _HVEMU_MSR_H
#define _HVEMU_MSR_H

#include <linux/types.h>

struct vp;

/* Where the hypervisor's MSRs are; those in it that do not exist give #GP. */
#define MSR_SYNTHETIC_FIRST	0x40000000
#define MSR_SYNTHETIC_COUNT	0x2000

/**
 * msr_read() - a guest executes RDMSR
 * @vp: which VP
 * @msr: one of the synthetic range
 * @value: where to put it
 *
 * Context: the partition's lock is held.
 * Return: false if the guest is to get #GP.
 */
bool msr_read(struct vp *vp, u32 msr, u64 *value);

/**
 * msr_write() - a guest executes WRMSR
 * @vp: which VP
 * @msr: one of the synthetic range
 * @value: what it writes
 *
 * Context: the partition's lock is held.
 * Return: false if the guest is to get #GP.
 */
bool msr_write(struct vp *vp, u32 msr, u64 value);

#endif /* _HVEMU_MSR_H */
