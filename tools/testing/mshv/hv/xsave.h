/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The area of XSAVE, in its two formats. KVM has the standard one, in which each
 * component has a place of its own. The hypervisor has the compacted one, in which
 * those that are there follow each other (SDM, volume 1, 13.4).
 */
#ifndef _HVEMU_XSAVE_H
#define _HVEMU_XSAVE_H

#include <linux/bits.h>
#include <linux/types.h>

struct cpuid;

#define XSAVE_COMPONENTS	63
#define XSAVE_LEGACY		3ULL	/* x87 and SSE: what FXSAVE writes */
#define XSAVE_COMPACTED		BIT_ULL(63)	/* of XCOMP_BV */

/* The area begins with that of FXSAVE and a header. */
#define XSAVE_HEADER		512
#define XSAVE_AREA_MIN		(XSAVE_HEADER + 64)

/* As KVM_GET_XSAVE has it; all that it hands out fits in there. */
#define XSAVE_AREA_MAX		4096

struct xsave_header {
	u64 xstate_bv;		/* components that are not in their initial state */
	u64 xcomp_bv;		/* those that have a place, and XSAVE_COMPACTED */
	u64 reserved[6];
};

/**
 * struct xsave_layout - where components are
 * @components: those that there are, as in XCR0
 * @supervisor: likewise as in IA32_XSS. KVM hands them on as MSRs, not in its area
 * @part: of each that XSAVE_LEGACY does not have: how long it is, where it is in the
 *	standard format, and whether it begins on 64 bytes in the compacted one
 */
struct xsave_layout {
	u64 components;
	u64 supervisor;
	struct xsave_part {
		u32 size;
		u32 offset;
		bool aligned;
	} part[XSAVE_COMPONENTS];
};

/* What a processor has. */
void xsave_layout(struct cpuid *cpuid, struct xsave_layout *layout);

/* How long an area with some components is, in one format or the other. */
u32 xsave_size(const struct xsave_layout *layout, u64 components, bool compacted);

/**
 * xsave_compact() - from the standard format to the compacted one
 * @layout: of the processor
 * @components: which are told; those that there are not do not matter
 * @from: XSAVE_AREA_MAX bytes
 * @to: likewise, set
 *
 * What is not told, or is in its initial state, is zero.
 */
void xsave_compact(const struct xsave_layout *layout, u64 components, const void *from,
		   void *to);

/**
 * xsave_expand() - from the compacted format to the standard one
 * @layout: of the processor
 * @components: which are taken; the others go to their initial state
 * @from: XSAVE_AREA_MAX bytes
 * @to: likewise, set
 *
 * Return: false if XRSTORS would not take it either: it is not in that format, has
 * components that there are not, or that have no place, or a header that is not
 * zero where it must be. Those of the supervisor may have a place, and what is there is
 * not taken.
 */
bool xsave_expand(const struct xsave_layout *layout, u64 components, const void *from,
		  void *to);

#endif /* _HVEMU_XSAVE_H */
