// SPDX-License-Identifier: GPL-2.0-only
/*
 * The area of XSAVE, in its two formats.
 */

#include <string.h>

#include <linux/kernel.h>

#include "cpuid.h"
#include "xsave.h"

#define LEAF_XSAVE		0xd
#define LEAF_XSAVE_ALIGNED	BIT(1)	/* ECX of a component's subleaf */
#define FIRST_PART		2	/* the first two are in XSAVE_LEGACY */

void xsave_layout(struct cpuid *cpuid, struct xsave_layout *layout)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, LEAF_XSAVE, 0);
	u32 i;

	*layout = (struct xsave_layout) { .components = XSAVE_LEGACY };
	if (!entry)
		return;
	layout->components |= entry->eax | (u64)entry->edx << 32;
	entry = cpuid_find(cpuid, LEAF_XSAVE, 1);
	if (entry)
		layout->supervisor = entry->ecx | (u64)entry->edx << 32;
	for (i = FIRST_PART; i < XSAVE_COMPONENTS; i++) {
		entry = cpuid_find(cpuid, LEAF_XSAVE, i);
		if (!entry || !entry->eax) {
			layout->components &= ~BIT_ULL(i);
			layout->supervisor &= ~BIT_ULL(i);
			continue;
		}
		layout->part[i] = (struct xsave_part) {
			.size = entry->eax,
			.offset = entry->ebx,
			.aligned = entry->ecx & LEAF_XSAVE_ALIGNED,
		};
	}
}

/* Where a component is that follows what is @end bytes long. */
static u32 place(const struct xsave_part *part, u32 end, bool compacted)
{
	if (!compacted)
		return part->offset;
	return part->aligned ? (end + 63) & ~63U : end;
}

u32 xsave_size(const struct xsave_layout *layout, u64 components, bool compacted)
{
	u32 size = XSAVE_AREA_MIN, end, i;

	for (i = FIRST_PART; i < XSAVE_COMPONENTS; i++) {
		const struct xsave_part *part = &layout->part[i];

		if (!(components & BIT_ULL(i)) || !part->size)
			continue;
		end = place(part, size, compacted) + part->size;
		if (end > size)
			size = end;
	}
	return size;
}

/* Those components that are there, from one area to another. */
static void copy_parts(const struct xsave_layout *layout, u64 placed, u64 there,
		       const void *from, bool from_compacted, void *to)
{
	u32 end = XSAVE_AREA_MIN, packed, i;

	for (i = FIRST_PART; i < XSAVE_COMPONENTS; i++) {
		const struct xsave_part *part = &layout->part[i];

		if (!(placed & BIT_ULL(i)))
			continue;
		packed = place(part, end, true);
		end = packed + part->size;
		if (!(there & BIT_ULL(i)) || end > XSAVE_AREA_MAX ||
		    part->offset + part->size > XSAVE_AREA_MAX)
			continue;
		if (from_compacted)
			memcpy(to + part->offset, from + packed, part->size);
		else
			memcpy(to + packed, from + part->offset, part->size);
	}
}

void xsave_compact(const struct xsave_layout *layout, u64 components, const void *from,
		   void *to)
{
	u64 placed = components & layout->components;
	struct xsave_header header;

	memcpy(&header, from + XSAVE_HEADER, sizeof(header));
	header = (struct xsave_header) {
		.xstate_bv = header.xstate_bv & placed,
		.xcomp_bv = placed | XSAVE_COMPACTED,
	};
	memset(to, 0, XSAVE_AREA_MAX);
	memcpy(to, from, XSAVE_HEADER);
	memcpy(to + XSAVE_HEADER, &header, sizeof(header));
	copy_parts(layout, placed, header.xstate_bv, from, false, to);
}

bool xsave_expand(const struct xsave_layout *layout, u64 components, const void *from,
		  void *to)
{
	struct xsave_header header;
	static const typeof(header.reserved) zero;
	u64 placed;

	memcpy(&header, from + XSAVE_HEADER, sizeof(header));
	placed = header.xcomp_bv & ~XSAVE_COMPACTED;
	if (!(header.xcomp_bv & XSAVE_COMPACTED) ||
	    placed & ~(layout->components | layout->supervisor) ||
	    header.xstate_bv & ~placed || memcmp(header.reserved, zero, sizeof(zero)))
		return false;

	header = (struct xsave_header) {
		.xstate_bv = header.xstate_bv & components & layout->components,
	};
	memset(to, 0, XSAVE_AREA_MAX);
	memcpy(to, from, XSAVE_HEADER);
	memcpy(to + XSAVE_HEADER, &header, sizeof(header));
	copy_parts(layout, placed, header.xstate_bv, from, true, to);
	return true;
}
