// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's features as the hypervisor names them, and as CPUID does.
 *
 * Where CPUID has each is the kernel's to say: cpufeatures.h. What needs AVX or
 * XSAVE is as in cpuid_deps[] of arch/x86/kernel/cpu/cpuid-deps.c.
 */

#include <linux/kernel.h>
#include <asm/cpufeatures.h>

#include "cpuid.h"
#include "features.h"
#include "hv_more.h"
#include "xsave.h"

#define LEAF_XSAVE		0xd
#define LEAF_XSAVE_SUPERVISOR	BIT(0)	/* ECX of a component's subleaf */

/* Components of XSAVE, by the bits of XCR0. */
#define AVX_STATES		(BIT(2) | AVX512_STATES)
#define MPX_STATES		(BIT(3) | BIT(4))
#define AVX512_STATES		(BIT(5) | BIT(6) | BIT(7))
#define AMX_STATES		(BIT(17) | BIT(18))

enum cpuid_register { EAX, EBX, ECX, EDX };

/* Registers that are no word of the kernel's; KVM has the third one (reverse_cpuid.h). */
#define WORD_POWER		NCAPINTS
#define WORD_THERMAL		(NCAPINTS + 1)
#define WORD_EXTENDED_1		(NCAPINTS + 2)
#define FEATURE_TSC_INVARIANT	(WORD_POWER * 32 + 8)
#define FEATURE_APERFMPERF	(WORD_THERMAL * 32 + 0)
#define FEATURE_AVX_VNNI_INT8	(WORD_EXTENDED_1 * 32 + 4)
#define FEATURE_AVX_NE_CONVERT	(WORD_EXTENDED_1 * 32 + 5)
#define FEATURE_AMX_COMPLEX	(WORD_EXTENDED_1 * 32 + 8)
#define FEATURE_AVX_VNNI_INT16	(WORD_EXTENDED_1 * 32 + 10)

/* Where CPUID has the words of cpufeatures.h; others are the kernel's alone. */
static const struct word {
	u32 function;
	u32 index;
	enum cpuid_register in;
} words[] = {
	[0] = { 0x1, 0, EDX },
	[1] = { 0x80000001, 0, EDX },
	[4] = { 0x1, 0, ECX },
	[6] = { 0x80000001, 0, ECX },
	[9] = { 0x7, 0, EBX },
	[10] = { LEAF_XSAVE, 1, EAX },
	[12] = { 0x7, 1, EAX },
	[13] = { 0x80000008, 0, EBX },
	[16] = { 0x7, 0, ECX },
	[18] = { 0x7, 0, EDX },
	[WORD_POWER] = { 0x80000007, 0, EDX },
	[WORD_THERMAL] = { 0x6, 0, ECX },
	[WORD_EXTENDED_1] = { 0x7, 1, EDX },
};

/* A feature of CPUID's, and what it is, or needs, by the hypervisor's name. */
struct feature {
	struct features name;
	unsigned int number;	/* X86_FEATURE_* */
};

#define CPU(field, number)	{ { .cpu.field = 1 }, number }
#define XSAVE(field, number)	{ { .xsave.field = 1 }, number }
#define MORE(name, number)	{ { .xsave.as_uint64 = HV_XSAVE_FEATURE_##name }, number }

static const struct feature features[] = {
	CPU(sse3_support, X86_FEATURE_XMM3),
	CPU(lahf_sahf_support, X86_FEATURE_LAHF_LM),
	CPU(ssse3_support, X86_FEATURE_SSSE3),
	CPU(sse4_1_support, X86_FEATURE_XMM4_1),
	CPU(sse4_2_support, X86_FEATURE_XMM4_2),
	CPU(sse4a_support, X86_FEATURE_SSE4A),
	CPU(xop_support, X86_FEATURE_XOP),
	CPU(pop_cnt_support, X86_FEATURE_POPCNT),
	CPU(cmpxchg16b_support, X86_FEATURE_CX16),
	CPU(altmovcr8_support, X86_FEATURE_CR8_LEGACY),
	CPU(lzcnt_support, X86_FEATURE_ABM),
	CPU(mis_align_sse_support, X86_FEATURE_MISALIGNSSE),
	CPU(mmx_ext_support, X86_FEATURE_MMXEXT),
	CPU(amd3dnow_support, X86_FEATURE_3DNOW),
	CPU(extended_amd3dnow_support, X86_FEATURE_3DNOWEXT),
	CPU(page_1gb_support, X86_FEATURE_GBPAGES),
	CPU(aes_support, X86_FEATURE_AES),
	CPU(pclmulqdq_support, X86_FEATURE_PCLMULQDQ),
	CPU(pcid_support, X86_FEATURE_PCID),
	CPU(fma4_support, X86_FEATURE_FMA4),
	CPU(f16c_support, X86_FEATURE_F16C),
	CPU(rd_rand_support, X86_FEATURE_RDRAND),
	CPU(rd_wr_fs_gs_support, X86_FEATURE_FSGSBASE),
	CPU(smep_support, X86_FEATURE_SMEP),
	CPU(enhanced_fast_string_support, X86_FEATURE_ERMS),
	CPU(bmi1_support, X86_FEATURE_BMI1),
	CPU(bmi2_support, X86_FEATURE_BMI2),
	CPU(movbe_support, X86_FEATURE_MOVBE),
	CPU(rd_seed_support, X86_FEATURE_RDSEED),
	CPU(adx_support, X86_FEATURE_ADX),
	CPU(intel_prefetch_support, X86_FEATURE_3DNOWPREFETCH),
	CPU(smap_support, X86_FEATURE_SMAP),
	CPU(hle_support, X86_FEATURE_HLE),
	CPU(rtm_support, X86_FEATURE_RTM),
	CPU(rdtscp_support, X86_FEATURE_RDTSCP),
	CPU(clflushopt_support, X86_FEATURE_CLFLUSHOPT),
	CPU(clwb_support, X86_FEATURE_CLWB),
	CPU(sha_support, X86_FEATURE_SHA_NI),
	CPU(invpcid_support, X86_FEATURE_INVPCID),
	/* Intel's and AMD's. */
	CPU(ibrs_support, X86_FEATURE_SPEC_CTRL),
	CPU(ibrs_support, X86_FEATURE_AMD_IBRS),
	CPU(stibp_support, X86_FEATURE_INTEL_STIBP),
	CPU(stibp_support, X86_FEATURE_AMD_STIBP),
	CPU(ibpb_support, X86_FEATURE_AMD_IBPB),
	CPU(fast_short_rep_mov_support, X86_FEATURE_FSRM),
	CPU(l1dcache_flush_support, X86_FEATURE_FLUSH_L1D),
	CPU(ssb_no_support, X86_FEATURE_AMD_SSB_NO),
	CPU(virt_spec_ctrl_support, X86_FEATURE_VIRT_SSBD),
	CPU(rd_pid_support, X86_FEATURE_RDPID),
	CPU(umip_support, X86_FEATURE_UMIP),
	CPU(mb_clear_support, X86_FEATURE_MD_CLEAR),

	CPU(acount_mcount_support, FEATURE_APERFMPERF),
	CPU(tsc_invariant_support, FEATURE_TSC_INVARIANT),
	CPU(cl_zero_support, X86_FEATURE_CLZERO),
	CPU(rdpru_support, X86_FEATURE_RDPRU),
	CPU(la57_support, X86_FEATURE_LA57),
	CPU(psfd_support, X86_FEATURE_AMD_PSFD),
	CPU(cet_ss_support, X86_FEATURE_SHSTK),
	CPU(cet_ibt_support, X86_FEATURE_IBT),
	CPU(enqcmd_support, X86_FEATURE_ENQCMD),
	CPU(umwait_tpause_support, X86_FEATURE_WAITPKG),
	CPU(movdiri_support, X86_FEATURE_MOVDIRI),
	CPU(movdir64b_support, X86_FEATURE_MOVDIR64B),
	CPU(cldemote_support, X86_FEATURE_CLDEMOTE),
	CPU(serialize_support, X86_FEATURE_SERIALIZE),
	CPU(tsc_deadline_tmr_support, X86_FEATURE_TSC_DEADLINE_TIMER),
	CPU(tsc_adjust_support, X86_FEATURE_TSC_ADJUST),
	CPU(fzlrep_movsb, X86_FEATURE_FZRM),
	CPU(fsrep_stosb, X86_FEATURE_FSRS),
	CPU(fsrep_cmpsb, X86_FEATURE_FSRC),

	XSAVE(xsave_support, X86_FEATURE_XSAVE),
	XSAVE(xsaveopt_support, X86_FEATURE_XSAVEOPT),
	XSAVE(avx_support, X86_FEATURE_AVX),
	MORE(AVX2, X86_FEATURE_AVX2),
	MORE(FMA, X86_FEATURE_FMA),
	MORE(MPX, X86_FEATURE_MPX),
	MORE(AVX512, X86_FEATURE_AVX512F),
	MORE(AVX512_DQ, X86_FEATURE_AVX512DQ),
	MORE(AVX512_CD, X86_FEATURE_AVX512CD),
	MORE(AVX512_BW, X86_FEATURE_AVX512BW),
	MORE(AVX512_VL, X86_FEATURE_AVX512VL),
	MORE(COMPACTED, X86_FEATURE_XSAVEC),
	MORE(SUPERVISOR, X86_FEATURE_XSAVES),
	MORE(XCR1, X86_FEATURE_XGETBV1),
	MORE(AVX512_BITALG, X86_FEATURE_AVX512_BITALG),
	MORE(AVX512_IFMA, X86_FEATURE_AVX512IFMA),
	MORE(AVX512_VBMI, X86_FEATURE_AVX512VBMI),
	MORE(AVX512_VBMI2, X86_FEATURE_AVX512_VBMI2),
	MORE(AVX512_VNNI, X86_FEATURE_AVX512_VNNI),
	MORE(GFNI, X86_FEATURE_GFNI),
	MORE(VAES, X86_FEATURE_VAES),
	MORE(AVX512_VPOPCNTDQ, X86_FEATURE_AVX512_VPOPCNTDQ),
	MORE(VPCLMULQDQ, X86_FEATURE_VPCLMULQDQ),
	MORE(AVX512_BF16, X86_FEATURE_AVX512_BF16),
	MORE(AVX512_VP2INTERSECT, X86_FEATURE_AVX512_VP2INTERSECT),
	MORE(AVX512_FP16, X86_FEATURE_AVX512_FP16),
	MORE(XFD, X86_FEATURE_XFD),
	MORE(AMX_TILE, X86_FEATURE_AMX_TILE),
	MORE(AMX_BF16, X86_FEATURE_AMX_BF16),
	MORE(AMX_INT8, X86_FEATURE_AMX_INT8),
	MORE(AVX_VNNI, X86_FEATURE_AVX_VNNI),
	MORE(AVX_IFMA, X86_FEATURE_AVX_IFMA),
	MORE(AVX_NE_CONVERT, FEATURE_AVX_NE_CONVERT),
	MORE(AVX_VNNI_INT8, FEATURE_AVX_VNNI_INT8),
	MORE(AVX_VNNI_INT16, FEATURE_AVX_VNNI_INT16),
	MORE(AMX_FP16, X86_FEATURE_AMX_FP16),
};

/* What needs a feature that may be disabled, and goes with it. */
static const struct feature dependents[] = {
	XSAVE(avx_support, X86_FEATURE_FMA),
	XSAVE(avx_support, X86_FEATURE_F16C),
	XSAVE(avx_support, X86_FEATURE_XOP),
	XSAVE(avx_support, X86_FEATURE_FMA4),
	XSAVE(avx_support, X86_FEATURE_AVX2),
	XSAVE(avx_support, X86_FEATURE_AVX_VNNI),
	XSAVE(avx_support, X86_FEATURE_AVX_IFMA),
	XSAVE(avx_support, X86_FEATURE_VAES),
	XSAVE(avx_support, X86_FEATURE_VPCLMULQDQ),
	XSAVE(avx_support, X86_FEATURE_AVX512F),
	XSAVE(avx_support, X86_FEATURE_AVX512DQ),
	XSAVE(avx_support, X86_FEATURE_AVX512IFMA),
	XSAVE(avx_support, X86_FEATURE_AVX512PF),
	XSAVE(avx_support, X86_FEATURE_AVX512ER),
	XSAVE(avx_support, X86_FEATURE_AVX512CD),
	XSAVE(avx_support, X86_FEATURE_AVX512BW),
	XSAVE(avx_support, X86_FEATURE_AVX512VL),
	XSAVE(avx_support, X86_FEATURE_AVX512VBMI),
	XSAVE(avx_support, X86_FEATURE_AVX512_VBMI2),
	XSAVE(avx_support, X86_FEATURE_AVX512_VNNI),
	XSAVE(avx_support, X86_FEATURE_AVX512_BITALG),
	XSAVE(avx_support, X86_FEATURE_AVX512_VPOPCNTDQ),
	XSAVE(avx_support, X86_FEATURE_AVX512_4VNNIW),
	XSAVE(avx_support, X86_FEATURE_AVX512_4FMAPS),
	XSAVE(avx_support, X86_FEATURE_AVX512_VP2INTERSECT),
	XSAVE(avx_support, X86_FEATURE_AVX512_FP16),
	XSAVE(avx_support, X86_FEATURE_AVX512_BF16),
	XSAVE(avx_support, FEATURE_AVX_NE_CONVERT),
	XSAVE(avx_support, FEATURE_AVX_VNNI_INT8),
	XSAVE(avx_support, FEATURE_AVX_VNNI_INT16),
	MORE(AVX512, X86_FEATURE_AVX512DQ),
	MORE(AVX512, X86_FEATURE_AVX512IFMA),
	MORE(AVX512, X86_FEATURE_AVX512PF),
	MORE(AVX512, X86_FEATURE_AVX512ER),
	MORE(AVX512, X86_FEATURE_AVX512CD),
	MORE(AVX512, X86_FEATURE_AVX512BW),
	MORE(AVX512, X86_FEATURE_AVX512VL),
	MORE(AVX512, X86_FEATURE_AVX512VBMI),
	MORE(AVX512, X86_FEATURE_AVX512_VBMI2),
	MORE(AVX512, X86_FEATURE_AVX512_VNNI),
	MORE(AVX512, X86_FEATURE_AVX512_BITALG),
	MORE(AVX512, X86_FEATURE_AVX512_VPOPCNTDQ),
	MORE(AVX512, X86_FEATURE_AVX512_4VNNIW),
	MORE(AVX512, X86_FEATURE_AVX512_4FMAPS),
	MORE(AVX512, X86_FEATURE_AVX512_VP2INTERSECT),
	MORE(AVX512, X86_FEATURE_AVX512_FP16),
	MORE(AVX512, X86_FEATURE_AVX512_BF16),
	MORE(AMX_TILE, X86_FEATURE_AMX_BF16),
	MORE(AMX_TILE, X86_FEATURE_AMX_INT8),
	MORE(AMX_TILE, X86_FEATURE_AMX_FP16),
	MORE(AMX_TILE, FEATURE_AMX_COMPLEX),
	MORE(SUPERVISOR, X86_FEATURE_SHSTK),
	XSAVE(xsave_support, X86_FEATURE_AVX),
	XSAVE(xsave_support, X86_FEATURE_PKU),
	XSAVE(xsave_support, X86_FEATURE_MPX),
	XSAVE(xsave_support, X86_FEATURE_SHSTK),
	XSAVE(xsave_support, X86_FEATURE_AMX_TILE),
	XSAVE(xsave_support, X86_FEATURE_AMX_BF16),
	XSAVE(xsave_support, X86_FEATURE_AMX_INT8),
	XSAVE(xsave_support, X86_FEATURE_AMX_FP16),
	XSAVE(xsave_support, FEATURE_AMX_COMPLEX),
};

/* Where @cpuid has a feature; NULL: it has no such leaf. */
static u32 *find(struct cpuid *cpuid, const struct feature *feature)
{
	const struct word *word = &words[feature->number / 32];
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, word->function, word->index);

	if (!entry)
		return NULL;
	switch (word->in) {
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

static u32 bit_of(const struct feature *feature)
{
	return BIT(feature->number % 32);
}

static void name(struct features *found, const struct feature *feature)
{
	unsigned int i;

	for (i = 0; i < HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++)
		found->cpu.as_uint64[i] |= feature->name.cpu.as_uint64[i];
	found->xsave.as_uint64 |= feature->name.xsave.as_uint64;
}

static bool names(const struct features *some, const struct feature *feature)
{
	unsigned int i;

	for (i = 0; i < HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++)
		if (some->cpu.as_uint64[i] & feature->name.cpu.as_uint64[i])
			return true;
	return some->xsave.as_uint64 & feature->name.xsave.as_uint64;
}

struct features features_of(struct cpuid *cpuid)
{
	struct features found = { };
	const struct feature *feature;
	const u32 *where;

	for (feature = features; feature < features + ARRAY_SIZE(features); feature++) {
		where = find(cpuid, feature);
		if (where && *where & bit_of(feature))
			name(&found, feature);
	}
	return found;
}

static void clear(struct cpuid *cpuid, const struct features *disabled,
		  const struct feature *among, unsigned int count)
{
	const struct feature *feature;
	u32 *where;

	for (feature = among; feature < among + count; feature++) {
		where = names(disabled, feature) ? find(cpuid, feature) : NULL;
		if (where)
			*where &= ~bit_of(feature);
	}
}

static void clear_leaf(struct kvm_cpuid_entry2 *entry)
{
	entry->eax = 0;
	entry->ebx = 0;
	entry->ecx = 0;
	entry->edx = 0;
}

/* Components of XSAVE that go with a feature. */
static u32 states_of(const struct features *disabled)
{
	u64 xsave = disabled->xsave.as_uint64;
	u32 states = 0;

	if (disabled->xsave.avx_support)
		states |= AVX_STATES;
	if (xsave & HV_XSAVE_FEATURE_MPX)
		states |= MPX_STATES;
	if (xsave & HV_XSAVE_FEATURE_AVX512)
		states |= AVX512_STATES;
	if (xsave & HV_XSAVE_FEATURE_AMX_TILE)
		states |= AMX_STATES;
	return states;
}

/* The leaf of what XSAVE saves, without some of it. */
static void drop_states(struct cpuid *cpuid, u32 states)
{
	struct kvm_cpuid_entry2 *entry, *whole = cpuid_find(cpuid, LEAF_XSAVE, 0);
	struct xsave_layout layout;
	u32 i;

	if (!whole)
		return;
	whole->eax &= ~states;
	for (i = 0; i < XSAVE_COMPONENTS; i++) {
		entry = states & BIT_ULL(i) ? cpuid_find(cpuid, LEAF_XSAVE, i) : NULL;
		if (entry)
			clear_leaf(entry);
	}
	xsave_layout(cpuid, &layout);
	whole->ecx = xsave_size(&layout, layout.components, false);
}

/* Likewise without what only the supervisor saves. */
static void drop_supervisor(struct cpuid *cpuid)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, LEAF_XSAVE, 1);
	u32 i;

	if (entry) {
		entry->ecx = 0;
		entry->edx = 0;
	}
	for (i = 2; i < XSAVE_COMPONENTS; i++) {
		entry = cpuid_find(cpuid, LEAF_XSAVE, i);
		if (entry && entry->ecx & LEAF_XSAVE_SUPERVISOR)
			clear_leaf(entry);
	}
}

static void drop_xsave(struct cpuid *cpuid)
{
	u32 i, kept = 0;

	for (i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function != LEAF_XSAVE)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->head.nent = kept;
}

void features_disable(struct cpuid *cpuid, const struct features *disabled)
{
	struct features all = *disabled;

	if (all.xsave.xsave_support)
		all.xsave.avx_support = 1;
	clear(cpuid, &all, features, ARRAY_SIZE(features));
	clear(cpuid, &all, dependents, ARRAY_SIZE(dependents));
	if (states_of(&all))
		drop_states(cpuid, states_of(&all));
	if (all.xsave.as_uint64 & HV_XSAVE_FEATURE_SUPERVISOR)
		drop_supervisor(cpuid);
	if (all.xsave.xsave_support)
		drop_xsave(cpuid);
}
