// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC: interrupts that come, are held back and end, and what its
 * registers can be.
 */

#include <linux/bits.h>
#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_fixture.h"
#include "apic_regs.h"

TEST(as_after_reset)
{
	struct apic apic;
	u32 offset;

	apic_init(&apic, 5, &bus);
	EXPECT_TRUE(apic.wait_for_sipi);
	EXPECT_EQ(APIC_GPA | BASE_ENABLE, apic.base);
	EXPECT_EQ(5U << 24, apic_read(&apic, ID));
	EXPECT_EQ(0x50014, apic_read(&apic, VERSION));
	EXPECT_EQ(0xff, apic_read(&apic, SVR));
	EXPECT_EQ(~0U, apic_read(&apic, DFR));
	EXPECT_EQ(0, apic_read(&apic, LDR));
	for (offset = LVT_TIMER; offset <= LVT_ERROR; offset += 16)
		EXPECT_EQ(MASKED, apic_read(&apic, offset));
	EXPECT_FALSE(apic_is_enabled(&apic));
	EXPECT_EQ(-1, apic_pending(&apic));
	EXPECT_EQ(0, apic_read(&apic, ICR));
	EXPECT_EQ(0, apic_read(&apic, INITIAL));
	EXPECT_EQ(0, apic_read(&apic, CURRENT));
	EXPECT_EQ(0, apic_read(&apic, DIVIDE));
	EXPECT_EQ(0, apic_read(&apic, APR));
	EXPECT_EQ(0, apic_read(&apic, RRD));
	/* All of those exist. */
	EXPECT_EQ(0, apic.errors);

	apic_init(&apic, 0, &bus);
	EXPECT_FALSE(apic.wait_for_sipi);
	EXPECT_EQ(APIC_GPA | BASE_ENABLE | BASE_BSP, apic.base);
}

TEST_F(apic, one_interrupt)
{
	apic_request(&self->apic, 0x31, false);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(0x31, apic_pending(&self->apic));
	EXPECT_EQ(BIT(0x11), apic_read(&self->apic, IRR + 0x10));
	EXPECT_EQ(0, apic_read(&self->apic, ISR + 0x10));

	apic_accept(&self->apic, 0x31);
	EXPECT_EQ(0, apic_read(&self->apic, IRR + 0x10));
	EXPECT_EQ(BIT(0x11), apic_read(&self->apic, ISR + 0x10));
	EXPECT_EQ(0x30, apic_read(&self->apic, PPR));
	EXPECT_EQ(-1, apic_pending(&self->apic));

	apic_write(&self->apic, EOI, 0);
	EXPECT_EQ(0, apic_read(&self->apic, ISR + 0x10));
	EXPECT_EQ(0, apic_read(&self->apic, PPR));
	/* It was an edge: nobody else wants to know. */
	EXPECT_EQ(0, ended.count);
	EXPECT_EQ(1, changes);

	/* One too many. */
	apic_write(&self->apic, EOI, 0);
	EXPECT_EQ(0, ended.count);
}

TEST_F(apic, every_vector_has_its_bit)
{
	int vector;

	for (vector = APIC_VECTOR_MIN; vector < 256; vector++) {
		apic_request(&self->apic, vector, true);
		EXPECT_EQ(BIT(vector % 32), apic_read(&self->apic, IRR + vector / 32 * 16));
		ASSERT_EQ(vector, take(&self->apic));
		EXPECT_EQ(BIT(vector % 32), apic_read(&self->apic, ISR + vector / 32 * 16));
		apic_write(&self->apic, EOI, 0);
		EXPECT_EQ(vector, ended.vector);
	}
	EXPECT_EQ(256 - APIC_VECTOR_MIN, ended.count);
}

TEST_F(apic, priorities_nest)
{
	struct apic *apic = &self->apic;

	apic_request(apic, 0x41, false);
	apic_request(apic, 0x35, false);
	apic_request(apic, 0x48, false);
	EXPECT_EQ(0x48, take(apic));
	/* Of the same class, so it waits; lower ones do anyway. */
	EXPECT_EQ(-1, apic_pending(apic));

	apic_request(apic, 0xf1, false);
	EXPECT_EQ(0xf1, take(apic));
	EXPECT_EQ(0xf0, apic_read(apic, PPR));
	changes = 0;
	apic_write(apic, EOI, 0);
	/* 0x48 is in service still, and nothing above its class waits. */
	EXPECT_EQ(0, changes);
	EXPECT_EQ(0x40, apic_read(apic, PPR));
	EXPECT_EQ(-1, apic_pending(apic));

	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(0x41, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(0x35, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(-1, apic_pending(apic));
}

TEST_F(apic, task_priority)
{
	struct apic *apic = &self->apic;

	apic_write(apic, TPR, 0x45);
	EXPECT_EQ(0x45, apic->tpr);
	EXPECT_EQ(0x45, apic_read(apic, PPR));
	apic_request(apic, 0x4f, false);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_request(apic, 0x50, false);
	EXPECT_EQ(0x50, take(apic));
	EXPECT_EQ(0x50, apic_read(apic, PPR));
	/* Of the same class: the TPR's own lower half is seen. */
	apic_write(apic, TPR, 0x53);
	EXPECT_EQ(0x53, apic_read(apic, PPR));

	/* What is in service counts more than a lower TPR. */
	changes = 0;
	apic_write(apic, TPR, 0);
	EXPECT_EQ(0, changes);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(0x4f, take(apic));
	apic_write(apic, EOI, 0);

	/* CR8, which the caller keeps. */
	apic->tpr = 0xf0;
	apic_request(apic, 0xff, false);
	EXPECT_EQ(-1, apic_pending(apic));
	changes = 0;
	apic_write(apic, TPR, 0xe0);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(0xff, apic_pending(apic));
}

TEST_F(apic, cr8_clears_what_it_lacks)
{
	struct apic *apic = &self->apic;

	apic_write(apic, TPR, 0x37);
	apic_follow_cr8(apic, 3);
	EXPECT_EQ(0x37, apic_read(apic, TPR));
	apic_follow_cr8(apic, 5);
	EXPECT_EQ(0x50, apic_read(apic, TPR));
	apic_write(apic, TPR, 0x57);
	apic_follow_cr8(apic, 0);
	EXPECT_EQ(0, apic_read(apic, TPR));
}

TEST_F(apic, level_is_ended)
{
	struct apic *apic = &self->apic;

	apic_request(apic, 0x61, true);
	apic_request(apic, 0x72, false);
	EXPECT_EQ(BIT(1), apic_read(apic, TMR + 0x30));
	EXPECT_EQ(0x72, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(0, ended.count);
	EXPECT_EQ(0x61, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, ended.count);
	EXPECT_EQ(0x61, ended.vector);

	/* The trigger mode is that of the last one. */
	apic_request(apic, 0x61, false);
	EXPECT_EQ(0, apic_read(apic, TMR + 0x30));
	EXPECT_EQ(0x61, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, ended.count);
}

/* The line is still up when it is ended: the controller sends it again. */
TEST_F(apic, level_comes_again)
{
	struct apic *apic = &self->apic;

	apic_request(apic, 0x61, true);
	EXPECT_EQ(0x61, take(apic));
	apic_request(apic, 0x61, true);
	EXPECT_EQ(-1, apic_pending(apic));
	changes = 0;
	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, ended.count);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(0x61, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(2, ended.count);
	EXPECT_EQ(-1, apic_pending(apic));
}

TEST_F(apic, disabled_by_software)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LVT_LINT0, 0x33);
	apic_write(apic, LVT_ERROR, 0xfe);
	apic_request(apic, 0x42, false);
	apic_write(apic, SVR, 0xff);
	EXPECT_FALSE(apic_is_enabled(apic));
	EXPECT_EQ(MASKED | 0x33, apic_read(apic, LVT_LINT0));
	EXPECT_EQ(MASKED | 0xfe, apic_read(apic, LVT_ERROR));

	/* Nothing new, but what is there stays. */
	apic_request(apic, 0x50, false);
	EXPECT_EQ(0x42, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(-1, apic_pending(apic));

	/* No entry can be unmasked. */
	apic_write(apic, LVT_LINT1, DM_NMI);
	EXPECT_EQ(MASKED | DM_NMI, apic_read(apic, LVT_LINT1));
	apic_lint(apic, 1, 0);
	EXPECT_FALSE(apic->nmi);

	/* Messages that are not fixed come through. */
	apic_deliver(apic, APIC_NMI, 0, false);
	EXPECT_TRUE(apic->nmi);
	apic_deliver(apic, APIC_INIT, 0, false);
	EXPECT_TRUE(apic->init);

	/* Enabled again, entries stay masked. */
	apic_write(apic, SVR, ENABLED | 0xff);
	EXPECT_EQ(MASKED | 0x33, apic_read(apic, LVT_LINT0));
}

TEST_F(apic, disabled_by_hardware)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LDR, 0x04000000);
	apic_request(apic, 0x42, false);
	ASSERT_TRUE(apic_set_base(apic, APIC_GPA));
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(~0U, apic_read(apic, VERSION));
	apic_write(apic, SVR, ENABLED | 0xff);
	apic_request(apic, 0x42, false);
	EXPECT_EQ(-1, apic_pending(apic));

	/* The pins are those of a processor without an APIC. */
	apic_lint(apic, 0, 0x20);
	EXPECT_EQ(0x20, take(apic));
	apic_lint(apic, 1, 0);
	EXPECT_TRUE(apic->nmi);

	/* It comes back as after reset. */
	ASSERT_TRUE(apic_set_base(apic, APIC_GPA | BASE_ENABLE));
	EXPECT_EQ(0xff, apic_read(apic, SVR));
	EXPECT_EQ(0, apic_read(apic, LDR));
	EXPECT_EQ(-1, apic_pending(apic));
}

TEST_F(apic, order_of_modes)
{
	const u64 off = APIC_GPA, xapic = APIC_GPA | BASE_ENABLE;
	const u64 x2apic = BASE_X2APIC, wrong = APIC_GPA | APIC_BASE_X2APIC;
	static const struct {
		int from, to;
		bool right;
	} moves[] = {
		{ 0, 0, true }, { 0, 1, true }, { 0, 2, false }, { 0, 3, false },
		{ 1, 0, true }, { 1, 1, true }, { 1, 2, true }, { 1, 3, false },
		{ 2, 0, true }, { 2, 1, false }, { 2, 2, true }, { 2, 3, false },
	};
	const u64 modes[] = { off, xapic, x2apic, wrong };
	struct apic *apic = &self->apic;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		apic->base = modes[moves[i].from];
		EXPECT_EQ(moves[i].right, apic_set_base(apic, modes[moves[i].to]))
			TH_LOG("from %d to %d", moves[i].from, moves[i].to);
		EXPECT_EQ(modes[moves[i].right ? moves[i].to : moves[i].from], apic->base);
	}

	apic->base = xapic;
	EXPECT_FALSE(apic_set_base(apic, xapic | 1));
	EXPECT_FALSE(apic_set_base(apic, xapic + 0x1000));
	EXPECT_FALSE(apic_set_base(apic, xapic | 1ULL << 52));
	EXPECT_EQ(xapic, apic->base);
}

TEST_F(apic, errors)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LVT_ERROR, 0xfe);
	apic_request(apic, 15, false);
	EXPECT_EQ(0, apic_read(apic, IRR));
	EXPECT_EQ(0xfe, take(apic));
	/* The register says so once it is written. */
	EXPECT_EQ(0, apic_read(apic, ESR));
	apic_write(apic, EOI, 0);

	/* No second interrupt before that. */
	apic_write(apic, ICR, 15);
	EXPECT_EQ(0, sent.count);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0x60, apic_read(apic, ESR));
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0, apic_read(apic, ESR));

	EXPECT_EQ(0, apic_read(apic, 0x3f0));
	EXPECT_EQ(0xfe, take(apic));
	apic_write(apic, EOI, 0);
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0x80, apic_read(apic, ESR));
	apic_write(apic, 0x040, 1);
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0x80, apic_read(apic, ESR));

	/* Its LVT ends with number 5. */
	EXPECT_EQ(0, apic_read(apic, LVT_CMCI));
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0x80, apic_read(apic, ESR));

	/* An error about the error's own vector does not go round for ever. */
	apic_write(apic, ESR, 0);
	take(apic);
	apic_write(apic, EOI, 0);
	apic_write(apic, LVT_ERROR, 3);
	apic_request(apic, 1, false);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_write(apic, ESR, 0);
	EXPECT_EQ(0x40, apic_read(apic, ESR));
}

TEST_F(apic, what_a_guest_cannot_write)
{
	static const u32 read_only[] = { ID, VERSION, PPR, ISR + 0x20, TMR + 0x20,
					 IRR + 0x20, CURRENT, APR, RRD };
	static const struct {
		u32 reg;
		u32 value;
		u32 kept;
	} writes[] = {
		{ LVT_TIMER, ~0U, 0x300ff },
		{ LVT_THERMAL, ~0U, 0x107ff },
		{ LVT_PERF, ~0U, 0x107ff },
		{ LVT_LINT0, ~0U, 0x1a7ff },
		{ LVT_LINT1, ~0U, 0x1a7ff },
		{ LVT_ERROR, ~0U, 0x100ff },
		{ DIVIDE, ~0U, 0xb },
		{ TPR, ~0U, 0xff },
		{ SVR, ~0U, 0x3ff },
		{ LDR, ~0U, 0xff000000 },
		{ DFR, 0, 0x0fffffff },
		{ ICR_HIGH, ~0U, 0xff000000 },
		/* "Sending" is not there to be seen: it never takes time. */
		{ ICR, ~0U, 0xccfff },
	};
	struct apic *apic = &self->apic;
	unsigned int i;
	u32 before;

	for (i = 0; i < ARRAY_SIZE(read_only); i++) {
		before = apic_read(apic, read_only[i]);
		apic_write(apic, read_only[i], ~before);
		EXPECT_EQ(before, apic_read(apic, read_only[i]));
	}
	EXPECT_EQ(0, apic->errors);

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		apic_write(apic, writes[i].reg, writes[i].value);
		EXPECT_EQ(writes[i].kept, apic_read(apic, writes[i].reg))
			TH_LOG("register %#x", writes[i].reg);
	}

	/* Only the first of a register's four words is one. */
	apic_write(apic, TPR + 4, 0);
	EXPECT_EQ(0xff, apic_read(apic, TPR));
	EXPECT_EQ(0, apic_read(apic, TPR + 4));
}

TEST_HARNESS_MAIN
