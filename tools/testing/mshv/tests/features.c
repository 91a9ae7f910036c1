// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the processor's features.
 */

#include "kselftest_harness.h"
#include "../hv/cpuid.h"
#include "../hv/features.h"

#define XSAVE_AND_AVX	(BIT(26) | BIT(28))

/* A processor that has every bit, and XSAVE's states up to AVX-512's and PKRU's. */
FIXTURE(features) {
	struct cpuid cpuid;
};

FIXTURE_SETUP(features)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1, .ecx = ~0U, .edx = ~0U },
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

/* By the numbers of both manuals and of the hypervisor's headers, not by the table. */
TEST_F(features, each_is_where_cpuid_has_it)
{
	static const struct {
		u32 function, ecx, edx;
		unsigned int bit;
	} known[] = {
		{ 0x1, BIT(0), 0, 0 },			/* SSE3 */
		{ 0x1, BIT(23), 0, 7 },			/* POPCNT */
		{ 0x1, BIT(25), 0, 16 },		/* AES */
		{ 0x1, BIT(30), 0, 21 },		/* RDRAND */
		{ 0x80000001, BIT(5), 0, 10 },		/* LZCNT */
		{ 0x80000001, 0, BIT(26), 15 },		/* pages of 1 GiB */
		{ 0x80000001, 0, BIT(27), 38 },		/* RDTSCP */
	};
	struct cpuid *cpuid = &self->cpuid;
	unsigned int i;

	cpuid->head.nent = 1;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		cpuid->entries[0] = (struct kvm_cpuid_entry2) {
			.function = known[i].function,
			.ecx = known[i].ecx,
			.edx = known[i].edx,
		};
		EXPECT_EQ(BIT_ULL(known[i].bit), features_of(cpuid).cpu.as_uint64[0]);
	}
}

/* Of all that there are, each goes alone, but for what needs it. */
TEST_F(features, what_is_disabled_is_gone)
{
	const struct features all = features_of(&self->cpuid);
	struct features disabled, left;
	struct cpuid cpuid;
	unsigned int i, bank, tried = 0;

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
		left = features_without(all, &disabled);
		EXPECT_EQ(all.cpu.as_uint64[bank] & ~BIT_ULL(i % 64),
			  left.cpu.as_uint64[bank]);
		tried++;
	}
	EXPECT_LT(50, tried);
}

TEST_F(features, avx_takes_what_needs_it)
{
	const struct features disabled = { .xsave.avx_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	struct features all = features_of(cpuid), left;

	EXPECT_TRUE(all.xsave.avx_support && all.cpu.f16c_support && all.cpu.xop_support);
	features_disable(cpuid, &disabled);
	left = features_of(cpuid);
	EXPECT_FALSE(left.xsave.avx_support || left.cpu.f16c_support || left.cpu.xop_support);
	EXPECT_TRUE(left.xsave.xsave_support && left.xsave.xsaveopt_support);
	EXPECT_EQ(BIT(26), cpuid_find(cpuid, 0x1, 0)->ecx & XSAVE_AND_AVX);
	/* AVX2, and AVX-512's first. */
	EXPECT_EQ(0, cpuid_find(cpuid, 0x7, 0)->ebx & (BIT(5) | BIT(16)));
	/* x87's, SSE's and PKRU's states stay. */
	EXPECT_EQ(0x203, cpuid_find(cpuid, 0xd, 0)->eax);
	EXPECT_EQ(0, cpuid_find(cpuid, 0xd, 2)->eax);
	EXPECT_EQ(8, cpuid_find(cpuid, 0xd, 9)->eax);
	all = features_without(all, &disabled);
	EXPECT_EQ(all.cpu.as_uint64[0], left.cpu.as_uint64[0]);
	EXPECT_EQ(all.xsave.as_uint64, left.xsave.as_uint64);
}

TEST_F(features, without_xsave_there_is_no_avx)
{
	const struct features disabled = { .xsave.xsave_support = 1 };
	struct cpuid *cpuid = &self->cpuid;
	struct features left;

	features_disable(cpuid, &disabled);
	left = features_of(cpuid);
	EXPECT_EQ(0, left.xsave.as_uint64);
	EXPECT_FALSE(!!left.cpu.f16c_support);
	EXPECT_EQ(0, cpuid_find(cpuid, 0x1, 0)->ecx & XSAVE_AND_AVX);
	EXPECT_EQ(0, cpuid_find(cpuid, 0xd, 0)->eax);
	EXPECT_EQ(0, cpuid_find(cpuid, 0xd, 1)->eax);
	EXPECT_EQ(0, cpuid_find(cpuid, 0xd, 9)->eax);
}

TEST_HARNESS_MAIN
