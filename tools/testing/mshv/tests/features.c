// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the processor's features.
 */

#include "kselftest_harness.h"
#include "../hv/cpuid.h"
#include "../hv/features.h"

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
		  .eax = ~0U },
		{ .function = 0xd, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x2e7, .ebx = 576, .ecx = 2696 },
		{ .function = 0xd, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0xf },
		{ .function = 0xd, .index = 2, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 256, .ebx = 576 },
		{ .function = 0xd, .index = 9, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 8, .ebx = 2688 },
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
	EXPECT_EQ(0xf, *reg(cpuid, 0xd, 1, EAX));
}

/* The area of XSAVE is as long as the states that are left need. */
TEST_F(features, without_avx_less_is_saved)
{
	const struct features disabled = { .xsave.avx_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	struct processor processor;

	*reg(cpuid, 0xd, 0, EAX) = 7;
	*reg(cpuid, 0xd, 0, ECX) = 832;
	processor = cpuid_processor(cpuid);
	EXPECT_EQ(7, processor.xsave_states);
	EXPECT_EQ(832, processor.xsave_size);
	features_disable(cpuid, &disabled);
	processor = cpuid_processor(cpuid);
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
	processor = cpuid_processor(cpuid);
	EXPECT_EQ(0, processor.features.xsave.as_uint64);
	EXPECT_EQ(0, processor.xsave_states);
	EXPECT_EQ(0, processor.xsave_size);
}

TEST_HARNESS_MAIN
