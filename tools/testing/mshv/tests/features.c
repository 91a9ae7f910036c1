// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the processor's features.
 */

#include "kselftest_harness.h"
#include "../hv/cpuid.h"
#include "../hv/features.h"
#include "../hv/hv_more.h"
#include "../hv/processor.h"

/* A processor that has every bit, and XSAVE's states up to AVX-512's and PKRU's. */
FIXTURE(features) {
	struct cpuid cpuid;
};

FIXTURE_SETUP(features)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1, .ecx = ~0U, .edx = ~0U },
		{ .function = 0x6, .ecx = ~0U },
		{ .function = 0x7, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .ebx = ~0U, .ecx = ~0U, .edx = ~0U },
		{ .function = 0x7, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = ~0U, .edx = ~0U },
		{ .function = 0xd, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x2e7, .ebx = 576, .ecx = 2696 },
		{ .function = 0xd, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x1f, .ecx = 0x800 },
		{ .function = 0xd, .index = 2, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 256, .ebx = 576 },
		{ .function = 0xd, .index = 9, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 8, .ebx = 2688 },
		/* The supervisor's: CET_U. */
		{ .function = 0xd, .index = 11, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 16, .ecx = 1 },
		{ .function = 0x80000001, .ecx = ~0U, .edx = ~0U },
		{ .function = 0x80000007, .edx = ~0U },
		{ .function = 0x80000008, .ebx = ~0U },
	};

	memcpy(self->cpuid.entries, leaves, sizeof(leaves));
	self->cpuid.head.nent = ARRAY_SIZE(leaves);
}

FIXTURE_TEARDOWN(features)
{
}

TEST_F(features, a_processor_without_any)
{
	struct cpuid *cpuid = &self->cpuid;
	struct features has;

	cpuid->head.nent = 0;
	has = features_of(cpuid);
	EXPECT_EQ(0, has.cpu.as_uint64[0]);
	EXPECT_EQ(0, has.cpu.as_uint64[1]);
	EXPECT_EQ(0, has.xsave.as_uint64);
}

enum { EAX, EBX, ECX, EDX };

static u32 *reg(struct cpuid *cpuid, u32 function, u32 index, int which)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, function, index);

	return which == EAX ? &entry->eax : which == EBX ? &entry->ebx :
	       which == ECX ? &entry->ecx : &entry->edx;
}

/*
 * Each register of CPUID's: where a feature is in the manuals, by its number, and in
 * the hypervisor's headers.
 */
TEST_F(features, each_is_where_the_manuals_have_it)
{
	static const struct {
		u32 function, index;
		int which;
		unsigned int bit;	/* of CPUID's */
		unsigned int number;	/* of the hypervisor's, 64 and more: bank 1 */
	} known[] = {
		{ 0x1, 0, ECX, 0, 0 },			/* SSE3 */
		{ 0x1, 0, ECX, 23, 7 },			/* POPCNT */
		{ 0x1, 0, ECX, 25, 16 },		/* AES */
		{ 0x1, 0, ECX, 30, 21 },		/* RDRAND */
		{ 0x6, 0, ECX, 0, 64 },			/* APERF and MPERF */
		{ 0x7, 0, EBX, 0, 22 },			/* FSGSBASE */
		{ 0x7, 0, EBX, 1, 64 + 18 },		/* TSC_ADJUST */
		{ 0x7, 0, EBX, 3, 25 },			/* BMI1 */
		{ 0x7, 0, EBX, 7, 23 },			/* SMEP */
		{ 0x7, 0, EBX, 8, 26 },			/* BMI2 */
		{ 0x7, 0, EBX, 20, 35 },		/* SMAP */
		{ 0x7, 0, ECX, 2, 58 },			/* UMIP */
		{ 0x7, 0, ECX, 7, 64 + 8 },		/* CET shadow stacks */
		{ 0x7, 0, ECX, 16, 64 + 4 },		/* LA57 */
		{ 0x7, 0, EDX, 10, 60 },		/* MD_CLEAR */
		{ 0x7, 0, EDX, 26, 44 },		/* IBRS, Intel's */
		{ 0x7, 1, EAX, 10, 64 + 19 },		/* REP MOVSB of nothing */
		{ 0x80000001, 0, ECX, 5, 10 },		/* LZCNT */
		{ 0x80000001, 0, EDX, 26, 15 },		/* pages of 1 GiB */
		{ 0x80000001, 0, EDX, 27, 38 },		/* RDTSCP */
		{ 0x80000007, 0, EDX, 8, 64 + 1 },	/* TSC invariant */
		{ 0x80000008, 0, EBX, 4, 64 + 3 },	/* RDPRU */
		{ 0x80000008, 0, EBX, 14, 44 },		/* IBRS, AMD's */
	};
	struct cpuid *cpuid = &self->cpuid;
	struct features has;
	unsigned int i, bank;
	u32 *where;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		cpuid->entries[0] = (struct kvm_cpuid_entry2) {
			.function = known[i].function,
			.index = known[i].index,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		};
		cpuid->head.nent = 1;
		where = reg(cpuid, known[i].function, known[i].index, known[i].which);
		*where = BIT(known[i].bit);
		has = features_of(cpuid);
		bank = known[i].number / 64;
		EXPECT_EQ(BIT_ULL(known[i].number % 64), has.cpu.as_uint64[bank])
			TH_LOG("leaf %#x, bit %u", known[i].function, known[i].bit);
		EXPECT_EQ(0, has.cpu.as_uint64[!bank]);
		EXPECT_EQ(0, has.xsave.as_uint64);

		*where = ~0U;
		has.cpu.as_uint64[!bank] = 0;
		features_disable(cpuid, &has);
		EXPECT_EQ((u32)~BIT(known[i].bit), *where)
			TH_LOG("leaf %#x, bit %u", known[i].function, known[i].bit);
	}
}

/* Likewise what the hypervisor counts among the features of XSAVE. */
TEST_F(features, of_xsave)
{
	static const struct {
		u32 function, index;
		int which;
		unsigned int bit;
		unsigned int number;
	} known[] = {
		{ 0x1, 0, ECX, 26, 0 },			/* XSAVE */
		{ 0xd, 1, EAX, 0, 1 },			/* XSAVEOPT */
		{ 0x1, 0, ECX, 28, 2 },			/* AVX */
		{ 0x7, 0, EBX, 5, 3 },			/* AVX2 */
		{ 0x1, 0, ECX, 12, 4 },			/* FMA */
		{ 0x7, 0, EBX, 14, 5 },			/* MPX */
		{ 0x7, 0, EBX, 16, 6 },			/* AVX-512: F, DQ, CD, BW, VL */
		{ 0x7, 0, EBX, 17, 7 },
		{ 0x7, 0, EBX, 28, 8 },
		{ 0x7, 0, EBX, 30, 9 },
		{ 0x7, 0, EBX, 31, 10 },
		{ 0xd, 1, EAX, 1, 11 },			/* XSAVEC */
		{ 0xd, 1, EAX, 3, 12 },			/* XSAVES */
		{ 0xd, 1, EAX, 2, 13 },			/* XGETBV of 1 */
		{ 0x7, 0, ECX, 12, 14 },		/* BITALG, IFMA, VBMI, VBMI2, VNNI */
		{ 0x7, 0, EBX, 21, 15 },
		{ 0x7, 0, ECX, 1, 16 },
		{ 0x7, 0, ECX, 6, 17 },
		{ 0x7, 0, ECX, 11, 18 },
		{ 0x7, 0, ECX, 8, 19 },			/* GFNI */
		{ 0x7, 0, ECX, 9, 20 },			/* VAES */
		{ 0x7, 0, ECX, 14, 21 },		/* VPOPCNTDQ */
		{ 0x7, 0, ECX, 10, 22 },		/* VPCLMULQDQ */
		{ 0x7, 1, EAX, 5, 23 },			/* BF16, VP2INTERSECT, FP16 */
		{ 0x7, 0, EDX, 8, 24 },
		{ 0x7, 0, EDX, 23, 25 },
		{ 0xd, 1, EAX, 4, 26 },			/* XFD */
		{ 0x7, 0, EDX, 24, 27 },		/* AMX: TILE, BF16, INT8 */
		{ 0x7, 0, EDX, 22, 28 },
		{ 0x7, 0, EDX, 25, 29 },
		{ 0x7, 1, EAX, 4, 30 },			/* AVX VNNI, IFMA, NE_CONVERT */
		{ 0x7, 1, EAX, 23, 31 },
		{ 0x7, 1, EDX, 5, 32 },
		{ 0x7, 1, EDX, 4, 33 },			/* AVX VNNI INT8, INT16 */
		{ 0x7, 1, EDX, 10, 34 },
		{ 0x7, 1, EAX, 21, 37 },		/* AMX FP16 */
	};
	struct cpuid *cpuid = &self->cpuid;
	const struct cpuid all = *cpuid;
	struct features has;
	unsigned int i;
	u32 *where;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		cpuid->entries[0] = (struct kvm_cpuid_entry2) {
			.function = known[i].function,
			.index = known[i].index,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		};
		cpuid->head.nent = 1;
		where = reg(cpuid, known[i].function, known[i].index, known[i].which);
		*where = BIT(known[i].bit);
		has = features_of(cpuid);
		EXPECT_EQ(BIT_ULL(known[i].number), has.xsave.as_uint64)
			TH_LOG("leaf %#x, bit %u", known[i].function, known[i].bit);

		*cpuid = all;
		has = (struct features) { .xsave.as_uint64 = BIT_ULL(known[i].number) };
		features_disable(cpuid, &has);
		EXPECT_FALSE(features_of(cpuid).xsave.as_uint64 & BIT_ULL(known[i].number))
			TH_LOG("feature %u", known[i].number);
	}
}

/* As mshv-ioctls creates a partition: what it does not name the guest does not have. */
TEST_F(features, as_mshv_ioctls_leaves_them)
{
	const u64 wanted = HV_XSAVE_FEATURE_AVX2 | HV_XSAVE_FEATURE_FMA |
			   HV_XSAVE_FEATURE_COMPACTED | HV_XSAVE_FEATURE_SUPERVISOR | 7;
	const struct features disabled = { .xsave.as_uint64 = ~wanted };
	struct cpuid *cpuid = &self->cpuid;

	features_disable(cpuid, &disabled);
	EXPECT_EQ(wanted, features_of(cpuid).xsave.as_uint64);
	EXPECT_EQ(0x207, *reg(cpuid, 0xd, 0, EAX));
	EXPECT_EQ(0xb, *reg(cpuid, 0xd, 1, EAX));
	EXPECT_EQ(0x800, *reg(cpuid, 0xd, 1, ECX));
	EXPECT_EQ(16, *reg(cpuid, 0xd, 11, EAX));
}

TEST_F(features, what_the_supervisor_saves)
{
	const struct features disabled = { .xsave.as_uint64 = HV_XSAVE_FEATURE_SUPERVISOR };
	struct cpuid *cpuid = &self->cpuid;

	features_disable(cpuid, &disabled);
	EXPECT_EQ(0x17, *reg(cpuid, 0xd, 1, EAX));
	EXPECT_EQ(0, *reg(cpuid, 0xd, 1, ECX));
	EXPECT_EQ(0, *reg(cpuid, 0xd, 11, EAX));
	EXPECT_EQ(8, *reg(cpuid, 0xd, 9, EAX));
	/* Shadow stacks need it. */
	EXPECT_EQ((u32)~BIT(7), *reg(cpuid, 0x7, 0, ECX));
}

/* Each takes nothing else with it; that there are 68 keeps one from being dropped. */
TEST_F(features, what_is_disabled_is_gone)
{
	const struct features all = features_of(&self->cpuid);
	unsigned int i, bank, tried = 0;
	struct features disabled, left;
	struct cpuid cpuid;

	for (i = 0; i < 64 * HV_PARTITION_PROCESSOR_FEATURES_BANKS; i++) {
		bank = i / 64;
		if (!(all.cpu.as_uint64[bank] & BIT_ULL(i % 64)))
			continue;
		disabled = (struct features) { };
		disabled.cpu.as_uint64[bank] = BIT_ULL(i % 64);
		cpuid = self->cpuid;
		features_disable(&cpuid, &disabled);
		left = features_of(&cpuid);
		EXPECT_EQ(all.cpu.as_uint64[bank] & ~BIT_ULL(i % 64),
			  left.cpu.as_uint64[bank]);
		EXPECT_EQ(all.cpu.as_uint64[!bank], left.cpu.as_uint64[!bank]);
		EXPECT_EQ(all.xsave.as_uint64, left.xsave.as_uint64);
		tried++;
	}
	EXPECT_EQ(68, tried);
}

struct cleared {
	u32 function, index;
	int which;
	u32 bits;
};

static const struct cleared of_avx[] = {
	/* FMA, AVX, F16C */
	{ 0x1, 0, ECX, BIT(12) | BIT(28) | BIT(29) },
	/* AVX2; AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL */
	{ 0x7, 0, EBX, BIT(5) | BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) |
		       BIT(30) | BIT(31) },
	/* AVX-512 VBMI, VBMI2; VAES, VPCLMULQDQ; VNNI, BITALG, VPOPCNTDQ */
	{ 0x7, 0, ECX, BIT(1) | BIT(6) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) },
	/* AVX-512 4VNNIW, 4FMAPS, VP2INTERSECT, FP16 */
	{ 0x7, 0, EDX, BIT(2) | BIT(3) | BIT(8) | BIT(23) },
	/* AVX VNNI, AVX-512 BF16, AVX IFMA */
	{ 0x7, 1, EAX, BIT(4) | BIT(5) | BIT(23) },
	/* AVX VNNI INT8, NE_CONVERT, VNNI INT16 */
	{ 0x7, 1, EDX, BIT(4) | BIT(5) | BIT(10) },
	/* XOP, FMA4 */
	{ 0x80000001, 0, ECX, BIT(11) | BIT(16) },
};

TEST_F(features, avx_takes_what_needs_it)
{
	const struct features disabled = { .xsave.avx_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	unsigned int i;

	features_disable(cpuid, &disabled);
	for (i = 0; i < ARRAY_SIZE(of_avx); i++)
		EXPECT_EQ(~of_avx[i].bits, *reg(cpuid, of_avx[i].function, of_avx[i].index,
						of_avx[i].which))
			TH_LOG("leaf %#x", of_avx[i].function);
	/* x87's, SSE's and PKRU's states stay, and so does what tells of XSAVE itself. */
	EXPECT_EQ(0x203, *reg(cpuid, 0xd, 0, EAX));
	EXPECT_EQ(0, *reg(cpuid, 0xd, 2, EAX));
	EXPECT_EQ(8, *reg(cpuid, 0xd, 9, EAX));
	EXPECT_EQ(2696, *reg(cpuid, 0xd, 0, ECX));
	EXPECT_EQ(0x1f, *reg(cpuid, 0xd, 1, EAX));
}

/* The area of XSAVE is as long as the states that are left need. */
TEST_F(features, without_avx_less_is_saved)
{
	const struct features disabled = { .xsave.avx_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	struct processor processor;

	*reg(cpuid, 0xd, 0, EAX) = 7;
	*reg(cpuid, 0xd, 0, ECX) = 832;
	processor = processor_of(cpuid);
	EXPECT_EQ(7, processor.xsave_states);
	EXPECT_EQ(832, processor.xsave_size);
	features_disable(cpuid, &disabled);
	processor = processor_of(cpuid);
	EXPECT_EQ(3, processor.xsave_states);
	EXPECT_EQ(576, processor.xsave_size);
}

TEST_F(features, xsave_takes_what_needs_it)
{
	const struct features disabled = { .xsave.xsave_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	struct processor processor;

	features_disable(cpuid, &disabled);
	EXPECT_EQ((u32)~(BIT(12) | BIT(26) | BIT(28) | BIT(29)), *reg(cpuid, 0x1, 0, ECX));
	/* MPX, AVX2 and AVX-512 */
	EXPECT_EQ((u32)~(BIT(14) | of_avx[1].bits), *reg(cpuid, 0x7, 0, EBX));
	/* PKU, shadow stacks */
	EXPECT_EQ((u32)~(BIT(3) | BIT(7) | of_avx[2].bits), *reg(cpuid, 0x7, 0, ECX));
	/* AMX BF16, TILE, INT8 */
	EXPECT_EQ((u32)~(BIT(22) | BIT(24) | BIT(25) | of_avx[3].bits),
		  *reg(cpuid, 0x7, 0, EDX));
	EXPECT_EQ(NULL, cpuid_find(cpuid, 0xd, 0));
	EXPECT_EQ(NULL, cpuid_find(cpuid, 0xd, 1));
	EXPECT_NE(NULL, cpuid_find(cpuid, 0x80000001, 0));
	processor = processor_of(cpuid);
	/* GFNI can do without. */
	EXPECT_EQ(HV_XSAVE_FEATURE_GFNI, processor.features.xsave.as_uint64);
	EXPECT_EQ(0, processor.xsave_states);
	EXPECT_EQ(0, processor.xsave_size);
}

TEST_HARNESS_MAIN
