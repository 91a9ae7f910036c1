/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Synthetic MSRs.
 */
#ifndef _HVEMU_MSR_H
#define _HVEMU_MSR_H

#include <linux/types.h>

struct ms_hyperv_tsc_page;
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

/**
 * msr_fill_code() - fill a page that holds the code of a hypercall
 * @page: where
 * @code: what is called, at the page's start; all else traps
 * @size: bytes of it
 */
void msr_fill_code(void *page, const u8 *code, size_t size);

/**
 * struct reference_tsc - how a reference time is made of a TSC
 * @scale: how much of it passes with each count, in 2^-64 units of 100 ns; 0: unknown
 * @offset: the time when the TSC was 0
 *
 * TLFS, "Partition Reference TSC Mechanism": t = ((tsc * scale) >> 64) + offset.
 */
struct reference_tsc {
	u64 scale;
	u64 offset;
};

/* A TSC of @tsc_hz was @tsc when the time was @time. */
struct reference_tsc msr_reference_tsc(u64 tsc_hz, u64 tsc, u64 time);

/* The time when the TSC is @tsc. */
u64 msr_reference_time(const struct reference_tsc *reference, u64 tsc);

/**
 * msr_fill_reference_tsc() - fill a reference TSC page
 * @page: where
 * @sequence: its sequence number the last time
 * @reference: what it is to say
 *
 * Return: its sequence number now.
 */
u32 msr_fill_reference_tsc(struct ms_hyperv_tsc_page *page, u32 sequence,
			   const struct reference_tsc *reference);

#endif /* _HVEMU_MSR_H */
