/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What properties tell of a processor.
 */
#ifndef _HVEMU_PROCESSOR_H
#define _HVEMU_PROCESSOR_H

#include <linux/types.h>

#include "features.h"
#include "xsave.h"

struct cpuid;

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
struct processor processor_of(struct cpuid *cpuid);

#endif /* _HVEMU_PROCESSOR_H */
