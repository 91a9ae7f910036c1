// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's features as the hypervisor names them, and as CPUID does.
 *
 * Where CPUID has each: AMD64 Architecture Programmer's Manual, volume 3, appendix
 * E, and Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * CPUID.
 */

#include <linux/kernel.h>

#include "cpuid.h"
#include "features.h"

#define LEAF_XSAVE		0xd
#define AVX_STATES		(BIT(2) | BIT(5) | BIT(6) | BIT(7))

enum cpuid_register { EAX, EBX, ECX, EDX };

/* A bit of CPUID, and the feature that it is, or that it needs. */
struct feature {
	struct features name;
	u32 function;
	u32 index;
	enum cpuid_register in;
	unsigned int bit;
};

#define CPU(field, ...)		{ { .cpu.field = 1 }, __VA_ARGS__ }
#define XSAVE(field, ...)	{ { .xsave.field = 1 }, __VA_ARGS__ }

static const struct feature features[] = {
	CPU(sse3_support, 0x1, 0, ECX, 0),
	CPU(pclmulqdq_support, 0x1, 0, ECX, 1),
	CPU(ssse3_support, 0x1, 0, ECX, 9),
	CPU(cmpxchg16b_support, 0x1, 0, ECX, 13),
	CPU(pcid_support, 0x1, 0, ECX, 17),
	CPU(sse4_1_support, 0x1, 0, ECX, 19),
	CPU(sse4_2_support, 0x1, 0, ECX, 20),
	CPU(movbe_support, 0x1, 0, ECX, 22),
	CPU(pop_cnt_support, 0x1, 0, ECX, 23),
	CPU(aes_support, 0x1, 0, ECX, 25),
	CPU(f16c_support, 0x1, 0, ECX, 29),
	CPU(rd_rand_support, 0x1, 0, ECX, 30),

	CPU(rd_wr_fs_gs_support, 0x7, 0, EBX, 0),
	CPU(tsc_adjust_support, 0x7, 0, EBX, 1),
	CPU(bmi1_support, 0x7, 0, EBX, 3),
	CPU(hle_support, 0x7, 0, EBX, 4),
	CPU(smep_support, 0x7, 0, EBX, 7),
	CPU(bmi2_support, 0x7, 0, EBX, 8),
	CPU(enhanced_fast_string_support, 0x7, 0, EBX, 9),
	CPU(invpcid_support, 0x7, 0, EBX, 10),
	CPU(rtm_support, 0x7, 0, EBX, 11),
	CPU(rd_seed_support, 0x7, 0, EBX, 18),
	CPU(adx_support, 0x7, 0, EBX, 19),
	CPU(smap_support, 0x7, 0, EBX, 20),
	CPU(clflushopt_support, 0x7, 0, EBX, 23),
	CPU(clwb_support, 0x7, 0, EBX, 24),
	CPU(sha_support, 0x7, 0, EBX, 29),
	CPU(umip_support, 0x7, 0, ECX, 2),
	CPU(umwait_tpause_support, 0x7, 0, ECX, 5),
	CPU(la57_support, 0x7, 0, ECX, 16),
	CPU(rd_pid_support, 0x7, 0, ECX, 22),
	CPU(cldemote_support, 0x7, 0, ECX, 25),
	CPU(movdiri_support, 0x7, 0, ECX, 27),
	CPU(movdir64b_support, 0x7, 0, ECX, 28),
	CPU(fast_short_rep_mov_support, 0x7, 0, EDX, 4),
	CPU(serialize_support, 0x7, 0, EDX, 14),
	CPU(fzlrep_movsb, 0x7, 1, EAX, 10),
	CPU(fsrep_stosb, 0x7, 1, EAX, 11),
	CPU(fsrep_cmpsb, 0x7, 1, EAX, 12),

	CPU(lahf_sahf_support, 0x80000001, 0, ECX, 0),
	CPU(altmovcr8_support, 0x80000001, 0, ECX, 4),
	CPU(lzcnt_support, 0x80000001, 0, ECX, 5),
	CPU(sse4a_support, 0x80000001, 0, ECX, 6),
	CPU(mis_align_sse_support, 0x80000001, 0, ECX, 7),
	CPU(intel_prefetch_support, 0x80000001, 0, ECX, 8),
	CPU(xop_support, 0x80000001, 0, ECX, 11),
	CPU(fma4_support, 0x80000001, 0, ECX, 16),
	CPU(mmx_ext_support, 0x80000001, 0, EDX, 22),
	CPU(page_1gb_support, 0x80000001, 0, EDX, 26),
	CPU(rdtscp_support, 0x80000001, 0, EDX, 27),
	CPU(extended_amd3dnow_support, 0x80000001, 0, EDX, 30),
	CPU(amd3dnow_support, 0x80000001, 0, EDX, 31),
	CPU(tsc_invariant_support, 0x80000007, 0, EDX, 8),
	CPU(cl_zero_support, 0x80000008, 0, EBX, 0),
	CPU(rdpru_support, 0x80000008, 0, EBX, 4),

	XSAVE(xsave_support, 0x1, 0, ECX, 26),
	XSAVE(avx_support, 0x1, 0, ECX, 28),
	XSAVE(xsaveopt_support, LEAF_XSAVE, 1, EAX, 0),
};

/* What has no name there, and needs one that has. */
static const struct feature nameless[] = {
	XSAVE(avx_support, 0x1, 0, ECX, 12),	/* FMA */
	XSAVE(avx_support, 0x7, 0, EBX, 5),	/* AVX2 */
	XSAVE(avx_support, 0x7, 0, EBX, 16),	/* AVX-512 */
	XSAVE(xsave_support, LEAF_XSAVE, 1, EAX, 1),	/* XSAVEC */
};

/* Where CPUID has a feature; NULL: it has no such leaf. */
static u32 *find(struct cpuid *cpuid, const struct feature *feature)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, feature->function, feature->index);

	if (!entry)
		return NULL;
	switch (feature->in) {
	case EAX:
		return &entry->eax;
	case EBX:
		return &entry->ebx;
	case ECX:
		return &entry->ecx;
	default:
		return &entry->edx;
	}
}

static void add(struct features *to, const struct features *name)
{
	unsigned int i;

	for (i = 0; i < HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++)
		to->cpu.as_uint64[i] |=
			name->cpu.as_uint64[i];
	to->xsave.as_uint64 |=
		name->xsave.as_uint64;
}

static bool has(const struct features *among, const struct features *name)
{
	unsigned int i;

	for (i = 0; i < HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++)
		if (among->cpu.as_uint64[i] &
		    name->cpu.as_uint64[i])
			return true;
	return among->xsave.as_uint64 &
	       name->xsave.as_uint64;
}

struct features features_of(struct cpuid *cpuid)
{
	struct features found = { };
	const struct feature *feature;
	const u32 *where;

	for (feature = features; feature < features + ARRAY_SIZE(features); feature++) {
		where = find(cpuid, feature);
		if (where && *where & BIT(feature->bit))
			add(&found, &feature->name);
	}
	return found;
}

static void clear(struct cpuid *cpuid, const struct feature *feature)
{
	u32 *where = find(cpuid, feature);

	if (where)
		*where &= ~BIT(feature->bit);
}

/* The leaf of what XSAVE saves: nothing, or nothing of AVX's. */
static void fit_xsave(struct cpuid *cpuid,
		      union hv_partition_processor_xsave_features disabled)
{
	struct kvm_cpuid_entry2 *entry;

	for (entry = cpuid->entries; entry < cpuid->entries + cpuid->head.nent; entry++) {
		if (entry->function != LEAF_XSAVE)
			continue;
		if (disabled.xsave_support ||
		    (disabled.avx_support && entry->index < 32 &&
		     AVX_STATES & BIT(entry->index))) {
			entry->eax = 0;
			entry->ebx = 0;
			entry->ecx = 0;
			entry->edx = 0;
		}
		if (disabled.avx_support && !entry->index)
			entry->eax &= ~AVX_STATES;
	}
}

/* What is disabled, and what needs it. */
static struct features all_of(const struct features *disabled)
{
	struct features all = *disabled;

	if (all.xsave.xsave_support) {
		all.xsave.xsaveopt_support = 1;
		all.xsave.avx_support = 1;
	}
	if (all.xsave.avx_support) {
		all.cpu.f16c_support = 1;
		all.cpu.xop_support = 1;
		all.cpu.fma4_support = 1;
	}
	return all;
}

struct features features_without(struct features features, const struct features *disabled)
{
	const struct features all = all_of(disabled);
	unsigned int i;

	for (i = 0; i < HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++)
		features.cpu.as_uint64[i] &= ~all.cpu.as_uint64[i];
	features.xsave.as_uint64 &= ~all.xsave.as_uint64;
	return features;
}

void features_disable(struct cpuid *cpuid, const struct features *disabled)
{
	const struct features all = all_of(disabled);
	const struct feature *feature;

	for (feature = features; feature < features + ARRAY_SIZE(features); feature++)
		if (has(&all, &feature->name))
			clear(cpuid, feature);
	for (feature = nameless; feature < nameless + ARRAY_SIZE(nameless); feature++)
		if (has(&all, &feature->name))
			clear(cpuid, feature);
	fit_xsave(cpuid, all.xsave);
}
