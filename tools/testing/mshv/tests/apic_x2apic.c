// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC in x2APIC mode.
 */

#include <linux/bits.h>
#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_fixture.h"
#include "apic_regs.h"

TEST_F(apic, x2apic_registers)
{
	static const u32 read_only[] = { ID, VERSION, PPR, LDR, ISR, TMR + 0x70,
					 IRR + 0x30, CURRENT };
	static const u32 none[] = { 0x000, 0x010, 0x040, APR, RRD, DFR, 0x290, LVT_CMCI,
				    ICR_HIGH, 0x3a0, 0x3d0, 0x400, 0xff0 };
	struct apic *apic = &self->apic;
	unsigned int i;

	/* In xAPIC mode there is none of them. */
	EXPECT_EQ(NOTHING, rdmsr(apic, ID));
	EXPECT_FALSE(wrmsr(apic, TPR, 0));

	to_x2apic(apic);
	/* And the page is gone. */
	EXPECT_EQ(~0U, apic_read(apic, VERSION));
	apic_write(apic, TPR, 0x20);
	EXPECT_EQ(0, rdmsr(apic, TPR));

	EXPECT_EQ(2, rdmsr(apic, ID));
	EXPECT_EQ(0x50014, rdmsr(apic, VERSION));
	for (i = 0; i < ARRAY_SIZE(read_only); i++) {
		EXPECT_NE(NOTHING, rdmsr(apic, read_only[i]));
		EXPECT_FALSE(wrmsr(apic, read_only[i], 0));
	}
	for (i = 0; i < ARRAY_SIZE(none); i++) {
		EXPECT_EQ(NOTHING, rdmsr(apic, none[i]));
		EXPECT_FALSE(wrmsr(apic, none[i], 0));
	}
	/* Those that are only written, and what may be written there. */
	EXPECT_EQ(NOTHING, rdmsr(apic, EOI));
	EXPECT_EQ(NOTHING, rdmsr(apic, SELF_IPI));
	EXPECT_TRUE(wrmsr(apic, EOI, 0));
	EXPECT_FALSE(wrmsr(apic, EOI, 1));
	EXPECT_TRUE(wrmsr(apic, ESR, 0));
	EXPECT_FALSE(wrmsr(apic, ESR, 1));
	/* No error: #GP says it. */
	EXPECT_EQ(0, apic->errors);
}

TEST_F(apic, x2apic_reserved_bits)
{
	static const struct {
		u32 offset;
		u64 most;
	} table[] = {
		{ TPR, 0xff }, { SVR, 0x3ff },
		{ LVT_TIMER, 0x310ff }, { LVT_THERMAL, 0x117ff },
		{ LVT_PERF, 0x117ff }, { LVT_LINT0, 0x1f7ff },
		{ LVT_LINT1, 0x1f7ff }, { LVT_ERROR, 0x110ff },
		{ INITIAL, 0xffffffff }, { DIVIDE, 0xb },
		{ ICR, 0xffffffff000cdfff }, { SELF_IPI, 0xff },
	};
	struct apic *apic = &self->apic;
	unsigned int i, bit;

	to_x2apic(apic);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		EXPECT_TRUE(wrmsr(apic, table[i].offset, table[i].most))
			TH_LOG("register 0x%x", table[i].offset);
		for (bit = 0; bit < 64; bit++)
			if (!(table[i].most & BIT_ULL(bit)))
				EXPECT_FALSE(wrmsr(apic, table[i].offset, BIT_ULL(bit)))
					TH_LOG("register 0x%x, bit %u", table[i].offset, bit);
	}
}

TEST_F(apic, x2apic_commands)
{
	struct apic *apic = &self->apic;

	to_x2apic(apic);
	EXPECT_TRUE(wrmsr(apic, ICR, 0x12345678ULL << 32 | BIT(11) | 0xfd));
	EXPECT_EQ(1, sent.count);
	EXPECT_EQ(0x12345678, sent.dest);
	EXPECT_TRUE(sent.logical);
	EXPECT_EQ(0xfd, sent.vector);
	EXPECT_EQ(0x12345678ULL << 32 | BIT(11) | 0xfd, rdmsr(apic, ICR));

	EXPECT_TRUE(wrmsr(apic, SELF_IPI, 0xf6));
	EXPECT_EQ(2, sent.count);
	EXPECT_EQ(APIC_SELF, sent.shorthand);
	EXPECT_EQ(APIC_FIXED, sent.mode);
	EXPECT_EQ(0xf6, sent.vector);
	EXPECT_TRUE(wrmsr(apic, SELF_IPI, APIC_VECTOR_MIN));
	EXPECT_EQ(3, sent.count);
	EXPECT_EQ(0, apic->errors);
	EXPECT_TRUE(wrmsr(apic, SELF_IPI, 3));
	EXPECT_EQ(3, sent.count);
	EXPECT_TRUE(wrmsr(apic, ESR, 0));
	EXPECT_EQ(0x20, rdmsr(apic, ESR));
}

TEST_F(apic, x2apic_interrupts)
{
	struct apic *apic = &self->apic;

	to_x2apic(apic);
	apic_request(apic, 0x61, true);
	EXPECT_EQ(0x61, take(apic));
	EXPECT_EQ(BIT(1), rdmsr(apic, ISR + 0x30));
	EXPECT_TRUE(wrmsr(apic, EOI, 0));
	EXPECT_EQ(1, ended.count);
	EXPECT_EQ(0x61, ended.vector);

	EXPECT_TRUE(wrmsr(apic, LVT_TIMER, PERIODIC | 0xec));
	EXPECT_TRUE(wrmsr(apic, DIVIDE, DIVIDE_1));
	EXPECT_TRUE(wrmsr(apic, INITIAL, 500));
	time_now += 501;
	EXPECT_EQ(499, rdmsr(apic, CURRENT));
	EXPECT_EQ(0xec, apic_pending(apic));
}

TEST_HARNESS_MAIN
