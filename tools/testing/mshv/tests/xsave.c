// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the two formats of XSAVE's area. Where components are in the compacted
 * one is that of the SDM, volume 1, 13.4.3.
 */

#include "kselftest_harness.h"

#include "../hv/cpuid.h"
#include "../hv/xsave.h"

#define AVX		BIT_ULL(2)
#define OPMASK		BIT_ULL(5)
#define PKRU		BIT_ULL(9)
#define CET_U		BIT_ULL(11)
#define TILE_DATA	BIT_ULL(18)
#define SSE		BIT_ULL(1)

/* Where the standard format has them; the compacted one has them side by side. */
#define AVX_AT		576
#define OPMASK_AT	1088
#define PKRU_AT		2688

FIXTURE(xsave) {
	struct cpuid cpuid;
	struct xsave_layout layout;
	u8 standard[XSAVE_AREA_MAX];
	u8 compacted[XSAVE_AREA_MAX];
	u8 back[XSAVE_AREA_MAX];
};

FIXTURE_SETUP(xsave)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0xd, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x227, .ebx = 576, .ecx = 2696 },
		{ .function = 0xd, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0xf },
		{ .function = 0xd, .index = 2, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 256, .ebx = AVX_AT },
		{ .function = 0xd, .index = 5, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 72, .ebx = OPMASK_AT },
		{ .function = 0xd, .index = 9, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 8, .ebx = PKRU_AT, .ecx = 2 },
		/* The supervisor's: CET_U. */
		{ .function = 0xd, .index = 11, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 16, .ecx = 1 },
	};

	memcpy(self->cpuid.entries, leaves, sizeof(leaves));
	self->cpuid.head.nent = ARRAY_SIZE(leaves);
	xsave_layout(&self->cpuid, &self->layout);
	memset(self->standard, 0x11, XSAVE_HEADER);
	memset(self->standard + AVX_AT, 0x22, 256);
	memset(self->standard + OPMASK_AT, 0x55, 72);
	memset(self->standard + PKRU_AT, 0x99, 8);
	/* What was there before must not be seen. */
	memset(self->compacted, 0xa5, sizeof(self->compacted));
	memset(self->back, 0xa5, sizeof(self->back));
}

FIXTURE_TEARDOWN(xsave)
{
}

static struct xsave_header *header_of(u8 *area)
{
	return (void *)(area + XSAVE_HEADER);
}

static bool is_all(const u8 *bytes, u8 value, unsigned int count)
{
	while (count--)
		if (*bytes++ != value)
			return false;
	return true;
}

TEST_F(xsave, sizes)
{
	EXPECT_EQ(0x227, self->layout.components);
	EXPECT_EQ(576, xsave_size(&self->layout, 0, true));
	EXPECT_EQ(576, xsave_size(&self->layout, 3, false));
	EXPECT_EQ(832, xsave_size(&self->layout, 7, false));
	EXPECT_EQ(2696, xsave_size(&self->layout, 0x203, false));
	EXPECT_EQ(832, xsave_size(&self->layout, 7, true));
	EXPECT_EQ(584, xsave_size(&self->layout, 0x203, true));
	/* 576 + 256 + 72, and then on the next 64 bytes. */
	EXPECT_EQ(968, xsave_size(&self->layout, 0x227, true));
	EXPECT_EQ(984, xsave_size(&self->layout, 0xa27, true));
}

TEST_F(xsave, a_processor_without_it)
{
	self->cpuid.head.nent = 0;
	xsave_layout(&self->cpuid, &self->layout);
	EXPECT_EQ(XSAVE_LEGACY, self->layout.components);
	EXPECT_EQ(576, xsave_size(&self->layout, ~0ULL, true));
}

/* Each at its place, and what XCOMP_BV has no place for is not there. */
TEST_F(xsave, compacted)
{
	header_of(self->standard)->xstate_bv = XSAVE_LEGACY | AVX | OPMASK | PKRU;
	xsave_compact(&self->layout, ~0ULL, self->standard, self->compacted);
	EXPECT_EQ(XSAVE_COMPACTED | 0x227, header_of(self->compacted)->xcomp_bv);
	EXPECT_EQ(0x227, header_of(self->compacted)->xstate_bv);
	EXPECT_TRUE(is_all(self->compacted, 0x11, 512));
	EXPECT_TRUE(is_all(self->compacted + 528, 0, 48));
	EXPECT_TRUE(is_all(self->compacted + 576, 0x22, 256));
	EXPECT_TRUE(is_all(self->compacted + 832, 0x55, 72));
	EXPECT_TRUE(is_all(self->compacted + 904, 0, 56));
	EXPECT_TRUE(is_all(self->compacted + 960, 0x99, 8));
	EXPECT_TRUE(is_all(self->compacted + 968, 0, XSAVE_AREA_MAX - 968));

	xsave_compact(&self->layout, XSAVE_LEGACY | PKRU, self->standard, self->compacted);
	EXPECT_EQ(XSAVE_COMPACTED | 0x203, header_of(self->compacted)->xcomp_bv);
	EXPECT_EQ(0x203, header_of(self->compacted)->xstate_bv);
	EXPECT_TRUE(is_all(self->compacted + 576, 0x99, 8));
	EXPECT_TRUE(is_all(self->compacted + 584, 0, XSAVE_AREA_MAX - 584));
}

/* A component in its initial state keeps its place, with nothing in it. */
TEST_F(xsave, initial_states)
{
	header_of(self->standard)->xstate_bv = SSE | PKRU;
	xsave_compact(&self->layout, ~0ULL, self->standard, self->compacted);
	EXPECT_EQ(XSAVE_COMPACTED | 0x227, header_of(self->compacted)->xcomp_bv);
	EXPECT_EQ(SSE | PKRU, header_of(self->compacted)->xstate_bv);
	EXPECT_TRUE(is_all(self->compacted + 576, 0, 256 + 72));
	EXPECT_TRUE(is_all(self->compacted + 960, 0x99, 8));
}

TEST_F(xsave, there_and_back)
{
	static const u64 some[] = { 0, SSE, AVX, PKRU, XSAVE_LEGACY | OPMASK, 0x227 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		for (j = 0; j < ARRAY_SIZE(some); j++) {
			u64 there = some[i] & some[j];

			header_of(self->standard)->xstate_bv = some[i];
			xsave_compact(&self->layout, some[j], self->standard, self->compacted);
			ASSERT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted,
						 self->back));
			EXPECT_EQ(there, header_of(self->back)->xstate_bv);
			EXPECT_EQ(0, header_of(self->back)->xcomp_bv);
			EXPECT_TRUE(is_all(self->back, 0x11, 512));
			EXPECT_TRUE(is_all(self->back + AVX_AT, there & AVX ? 0x22 : 0, 256));
			EXPECT_TRUE(is_all(self->back + OPMASK_AT, there & OPMASK ? 0x55 : 0,
					   72));
			EXPECT_TRUE(is_all(self->back + PKRU_AT, there & PKRU ? 0x99 : 0, 8));
		}
	}
}

/* Another hypervisor places less: its XCOMP_BV says where things are. */
TEST_F(xsave, as_xcomp_bv_has_it)
{
	struct xsave_header *header = header_of(self->compacted);

	memset(self->compacted, 0, sizeof(self->compacted));
	header->xcomp_bv = XSAVE_COMPACTED | XSAVE_LEGACY | PKRU;
	header->xstate_bv = PKRU;
	memset(self->compacted + 576, 0x77, 8);
	ASSERT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	EXPECT_EQ(PKRU, header_of(self->back)->xstate_bv);
	EXPECT_TRUE(is_all(self->back + PKRU_AT, 0x77, 8));
	EXPECT_TRUE(is_all(self->back + AVX_AT, 0, 256));

	/* What is not named is not taken. */
	ASSERT_TRUE(xsave_expand(&self->layout, XSAVE_LEGACY, self->compacted, self->back));
	EXPECT_EQ(0, header_of(self->back)->xstate_bv);
	EXPECT_TRUE(is_all(self->back + PKRU_AT, 0, 8));
}

/* Between those that are taken the supervisor's have a place, as OpenVMM's reset has it. */
TEST_F(xsave, what_is_the_supervisors)
{
	struct xsave_header *header = header_of(self->compacted);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(&self->cpuid, 0xd, 1);

	leaf->ecx = CET_U;
	cpuid_find(&self->cpuid, 0xd, 0)->eax |= TILE_DATA;
	self->cpuid.entries[self->cpuid.head.nent++] = (struct kvm_cpuid_entry2) {
		.function = 0xd, .index = 18, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = 8, .ebx = 2816,
	};
	xsave_layout(&self->cpuid, &self->layout);
	EXPECT_EQ(CET_U, self->layout.supervisor);
	EXPECT_EQ(0x40227, self->layout.components);

	memset(self->compacted, 0, sizeof(self->compacted));
	header->xcomp_bv = XSAVE_COMPACTED | XSAVE_LEGACY | PKRU | CET_U | TILE_DATA;
	header->xstate_bv = PKRU | CET_U | TILE_DATA;
	memset(self->compacted + 576, 0x77, 8);
	memset(self->compacted + 584, 0xce, 16);
	memset(self->compacted + 600, 0x88, 8);
	ASSERT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	EXPECT_EQ(PKRU | TILE_DATA, header_of(self->back)->xstate_bv);
	EXPECT_TRUE(is_all(self->back, 0, 512));
	EXPECT_TRUE(is_all(self->back + PKRU_AT, 0x77, 8));
	EXPECT_TRUE(is_all(self->back + 2816, 0x88, 8));

	/* Nor are they told. */
	xsave_compact(&self->layout, ~0ULL, self->standard, self->compacted);
	EXPECT_EQ(XSAVE_COMPACTED | 0x40227, header->xcomp_bv);

	leaf->ecx = 0;
	xsave_layout(&self->cpuid, &self->layout);
	header->xcomp_bv |= CET_U;
	EXPECT_FALSE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
}

TEST_F(xsave, what_xrstors_does_not_take)
{
	struct xsave_header *header = header_of(self->compacted);

	header_of(self->standard)->xstate_bv = XSAVE_LEGACY | AVX;
	xsave_compact(&self->layout, ~0ULL, self->standard, self->compacted);
	EXPECT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	/* The standard format. */
	EXPECT_FALSE(xsave_expand(&self->layout, ~0ULL, self->standard, self->back));
	header->xcomp_bv &= ~AVX;
	EXPECT_FALSE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	header->xcomp_bv |= AVX | TILE_DATA;
	EXPECT_FALSE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	header->xcomp_bv &= ~TILE_DATA;
	EXPECT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	header->reserved[5] = 1;
	EXPECT_FALSE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
}

/* No component may lead out of the area, whatever CPUID says. */
TEST_F(xsave, larger_than_the_area)
{
	self->layout.components |= TILE_DATA;
	self->layout.part[18] = (struct xsave_part) { .size = 8192, .offset = 2816 };
	header_of(self->standard)->xstate_bv = AVX | TILE_DATA;
	xsave_compact(&self->layout, ~0ULL, self->standard, self->compacted);
	EXPECT_TRUE(is_all(self->compacted + 576, 0x22, 256));
	EXPECT_TRUE(xsave_expand(&self->layout, ~0ULL, self->compacted, self->back));
	EXPECT_TRUE(is_all(self->back + AVX_AT, 0x22, 256));
}

TEST_HARNESS_MAIN
