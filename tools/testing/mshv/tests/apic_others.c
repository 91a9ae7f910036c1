// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC and others: INIT and start-up, the pins, and the commands
 * that it sends.
 */

#include <linux/bits.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_fixture.h"
#include "apic_regs.h"

TEST_F(apic, init_and_startup)
{
	struct apic *apic = &self->apic;

	/* It runs: a start-up IPI alone does nothing. */
	apic_deliver(apic, APIC_STARTUP, 0x9a, false);
	EXPECT_FALSE(apic->sipi);
	EXPECT_EQ(0, changes);

	apic_write(apic, LVT_LINT1, DM_NMI);
	apic_write(apic, TPR, 0x20);
	apic_request(apic, 0x42, true);
	apic_deliver(apic, APIC_NMI, 0, false);
	apic_deliver(apic, APIC_EXTINT, 0x21, false);
	changes = 0;
	apic_deliver(apic, APIC_INIT, 0, false);
	EXPECT_TRUE(apic->init);
	/* Both may come before anybody looks. */
	apic_deliver(apic, APIC_STARTUP, 0x9a, false);
	EXPECT_TRUE(apic->sipi);
	EXPECT_EQ(2, changes);

	apic_reset(apic);
	EXPECT_FALSE(apic->init);
	EXPECT_FALSE(apic->nmi);
	EXPECT_FALSE(apic->extint);
	EXPECT_TRUE(apic->wait_for_sipi);
	EXPECT_TRUE(apic->sipi);
	EXPECT_EQ(0x9a, apic->sipi_vector);
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(0, apic->tpr);
	EXPECT_EQ(2U << 24, apic_read(apic, ID));
	EXPECT_EQ(MASKED, apic_read(apic, LVT_LINT1));
	EXPECT_EQ(0, apic_read(apic, TMR + 0x20));

	/* A later INIT undoes a start-up IPI that nobody has looked at. */
	apic_deliver(apic, APIC_INIT, 0, false);
	EXPECT_FALSE(apic->sipi);
	apic_reset(apic);

	/* The second of two is lost on a VP that the first has started. */
	apic_deliver(apic, APIC_STARTUP, 0x9b, false);
	EXPECT_TRUE(apic->sipi);
	apic->sipi = false;
	apic->wait_for_sipi = false;
	apic_deliver(apic, APIC_STARTUP, 0x9c, false);
	EXPECT_FALSE(apic->sipi);
}

TEST_F(apic, init_clears_all)
{
	struct apic *apic = &self->apic;
	struct apic fresh;
	u32 offset;

	apic_init(&fresh, 2, &bus);
	for (offset = LVT_TIMER; offset <= LVT_ERROR; offset += 16)
		apic_write(apic, offset, 0x31);
	apic_write(apic, LVT_TIMER, PERIODIC | 0x31);
	apic_write(apic, DIVIDE, DIVIDE_16);
	apic_write(apic, INITIAL, 1000);
	apic_write(apic, ICR_HIGH, 0x05000000);
	apic_write(apic, ICR, 0x31);
	apic_write(apic, TPR, 0x20);
	apic_write(apic, LDR, 0x04000000);
	apic_write(apic, DFR, 0);
	apic_request(apic, 1, false);
	apic_write(apic, ESR, 0);
	apic_request(apic, 1, false);
	apic_request(apic, 0xf1, true);
	take(apic);
	apic_request(apic, 0xe1, true);

	apic_reset(apic);
	EXPECT_EQ(0, apic->errors);
	EXPECT_EQ(0, apic->deadline);
	EXPECT_EQ(0, apic->period);
	for (offset = ID; offset <= DIVIDE; offset += 16)
		EXPECT_EQ(apic_read(&fresh, offset), apic_read(apic, offset))
			TH_LOG("register 0x%x", offset);
}

/* It starts at the reset vector and waits for nobody. */
TEST_F(apic, init_of_the_bsp)
{
	struct apic *apic = &self->apic;

	apic_init(apic, 0, &bus);
	apic_deliver(apic, APIC_INIT, 0, false);
	apic_deliver(apic, APIC_STARTUP, 0x9a, false);
	EXPECT_FALSE(apic->sipi);
	apic_reset(apic);
	EXPECT_FALSE(apic->wait_for_sipi);
	EXPECT_EQ(APIC_GPA | BASE_ENABLE | BASE_BSP, apic->base);
}

/* INIT does not leave x2APIC mode, and the LDR of it is made anew. */
TEST_F(apic, init_in_x2apic_mode)
{
	struct apic *apic = &self->apic;

	to_x2apic(apic);
	apic_reset(apic);
	EXPECT_EQ(BASE_X2APIC, apic->base);
	EXPECT_EQ(2, rdmsr(apic, ID));
	EXPECT_EQ(BIT(2), rdmsr(apic, LDR));
}

TEST_F(apic, legacy_interrupts)
{
	struct apic *apic = &self->apic;

	/* No priority holds one back, nor is it in service. */
	apic_write(apic, TPR, 0xf0);
	apic_request(apic, 0x42, false);
	apic_deliver(apic, APIC_EXTINT, 0x08, false);
	EXPECT_EQ(0x08, take(apic));
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(0, apic_read(apic, ISR));
	EXPECT_EQ(BIT(2), apic_read(apic, IRR + 0x20));

	/* Through the pin, only if its entry says so. */
	apic_lint(apic, 0, 0x30);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_write(apic, LVT_LINT0, DM_EXTINT);
	apic_lint(apic, 0, 0x30);
	EXPECT_EQ(0x30, take(apic));
	EXPECT_FALSE(apic->extint);

	/* It comes as the VP takes another. */
	apic_write(apic, TPR, 0);
	EXPECT_EQ(0x42, apic_pending(apic));
	apic_lint(apic, 0, 0x30);
	apic_accept(apic, 0x42);
	EXPECT_EQ(BIT(2), apic_read(apic, ISR + 0x20));
	EXPECT_EQ(0x30, take(apic));
}

TEST_F(apic, pins)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LVT_LINT1, DM_NMI | MASKED);
	apic_lint(apic, 1, 0);
	EXPECT_FALSE(apic->nmi);
	apic_write(apic, LVT_LINT1, DM_NMI);
	apic_lint(apic, 0, 0);
	EXPECT_FALSE(apic->nmi);
	apic_lint(apic, 1, 0);
	EXPECT_TRUE(apic->nmi);

	apic_write(apic, LVT_LINT0, DM_INIT);
	apic_lint(apic, 0, 0);
	EXPECT_TRUE(apic->init);

	/* The entry's vector, not that of a legacy controller. */
	apic_write(apic, LVT_LINT0, 0x55);
	apic_lint(apic, 0, 0x30);
	EXPECT_EQ(0x55, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(0, ended.count);
}

TEST_F(apic, level_at_a_pin)
{
	struct apic *apic = &self->apic;

	/* What the guest writes to the read-only bit is nothing. */
	apic_write(apic, LVT_LINT0, LEVEL | REMOTE_IRR | 0x55);
	EXPECT_EQ(LEVEL | 0x55, apic_read(apic, LVT_LINT0));
	apic_lint(apic, 0, 0);
	EXPECT_EQ(LEVEL | REMOTE_IRR | 0x55, apic_read(apic, LVT_LINT0));
	EXPECT_EQ(0x55, take(apic));
	/* Not again before it is ended; nor does a write change that. */
	apic_write(apic, LVT_LINT0, LEVEL | 0x55);
	apic_lint(apic, 0, 0);
	EXPECT_EQ(0, apic_read(apic, IRR + 0x20));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(1, ended.count);
	EXPECT_EQ(LEVEL | 0x55, apic_read(apic, LVT_LINT0));
	apic_lint(apic, 0, 0);
	EXPECT_EQ(0x55, take(apic));
	apic_write(apic, EOI, 0);

	apic_write(apic, LVT_LINT1, LEVEL | 0x66);
	apic_lint(apic, 1, 0);
	EXPECT_EQ(0x66, take(apic));
	EXPECT_EQ(LEVEL | REMOTE_IRR | 0x66, apic_read(apic, LVT_LINT1));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(LEVEL | 0x66, apic_read(apic, LVT_LINT1));

	/* An edge has no such bit, nor has what is no interrupt. */
	apic_lint(apic, 0, 0);
	EXPECT_EQ(LEVEL | REMOTE_IRR | 0x55, apic_read(apic, LVT_LINT0));
	apic_write(apic, LVT_LINT0, LEVEL | DM_NMI);
	EXPECT_EQ(LEVEL | DM_NMI, apic_read(apic, LVT_LINT0));
	apic_write(apic, LVT_LINT0, LEVEL | 0x55);
	apic_lint(apic, 0, 0);
	apic_write(apic, LVT_LINT0, 0x55);
	EXPECT_EQ(0x55, apic_read(apic, LVT_LINT0));
}

TEST_F(apic, commands)
{
	struct apic *apic = &self->apic;

	apic_write(apic, ICR_HIGH, 0x05000000);
	EXPECT_EQ(0, sent.count);
	apic_write(apic, ICR, 0xfd);
	EXPECT_EQ(1, sent.count);
	EXPECT_EQ(0xfd, sent.vector);
	EXPECT_EQ(APIC_FIXED, sent.mode);
	EXPECT_EQ(5, sent.dest);
	EXPECT_FALSE(sent.logical);
	EXPECT_EQ(APIC_DEST, sent.shorthand);
	EXPECT_EQ(0xfd, apic_read(apic, ICR));

	apic_write(apic, ICR, BIT(11) | 0x100 | 0x31);
	EXPECT_EQ(APIC_LOWEST, sent.mode);
	EXPECT_TRUE(sent.logical);

	apic_write(apic, ICR, 1U << 18 | 0x31);
	EXPECT_EQ(APIC_SELF, sent.shorthand);
	apic_write(apic, ICR, 2U << 18 | 0x31);
	EXPECT_EQ(APIC_ALL, sent.shorthand);
	apic_write(apic, ICR, 3U << 18 | DM_NMI);
	EXPECT_EQ(APIC_OTHERS, sent.shorthand);
	EXPECT_EQ(APIC_NMI, sent.mode);
	EXPECT_EQ(5, sent.count);

	apic_write(apic, ICR, DM_INIT | LEVEL | ASSERT);
	EXPECT_EQ(6, sent.count);
	EXPECT_EQ(APIC_INIT, sent.mode);
	apic_write(apic, ICR, DM_INIT);
	EXPECT_EQ(7, sent.count);
	/* The end of an INIT that was a level once. */
	apic_write(apic, ICR, DM_INIT | LEVEL);
	EXPECT_EQ(7, sent.count);
	apic_write(apic, ICR, DM_STARTUP | 0x9a);
	EXPECT_EQ(8, sent.count);
	EXPECT_EQ(APIC_STARTUP, sent.mode);
	EXPECT_EQ(0x9a, sent.vector);

	/* Modes that no command has. */
	apic_write(apic, ICR, DM_EXTINT | 0x31);
	apic_write(apic, ICR, 0x300 | 0x31);
	EXPECT_EQ(8, sent.count);
	/* The lowest vector that one has. */
	apic_write(apic, ICR, APIC_VECTOR_MIN);
	EXPECT_EQ(9, sent.count);
	EXPECT_EQ(0, apic->errors);
}

TEST_F(apic, destinations)
{
	struct apic *apic = &self->apic;

	EXPECT_TRUE(apic_matches(apic, false, 2));
	EXPECT_FALSE(apic_matches(apic, false, 3));
	EXPECT_TRUE(apic_matches(apic, false, 0xff));
	EXPECT_TRUE(apic_matches(apic, false, ~0U));
	EXPECT_FALSE(apic_matches(apic, false, 0x102));

	/* Flat: a bit for each. */
	EXPECT_FALSE(apic_matches(apic, true, 0x04));
	apic_write(apic, LDR, 0x04000000);
	EXPECT_TRUE(apic_matches(apic, true, 0x04));
	EXPECT_TRUE(apic_matches(apic, true, 0x0f));
	EXPECT_FALSE(apic_matches(apic, true, 0x0b));
	EXPECT_TRUE(apic_matches(apic, true, 0xff));
	EXPECT_FALSE(apic_matches(apic, true, 0x104));

	/* Cluster: its number, and a bit for each. */
	apic_write(apic, DFR, 0x0fffffff);
	apic_write(apic, LDR, 0x34000000);
	EXPECT_TRUE(apic_matches(apic, true, 0x34));
	EXPECT_TRUE(apic_matches(apic, true, 0x3c));
	EXPECT_FALSE(apic_matches(apic, true, 0x38));
	EXPECT_FALSE(apic_matches(apic, true, 0x24));
	EXPECT_FALSE(apic_matches(apic, true, 0x74));
	EXPECT_TRUE(apic_matches(apic, true, 0xff));
}

TEST_F(apic, destinations_in_x2apic_mode)
{
	struct apic *apic = &self->apic;

	apic_init(apic, 0x25, &bus);
	to_x2apic(apic);
	EXPECT_EQ(0x00020020, rdmsr(apic, LDR));
	EXPECT_TRUE(apic_matches(apic, false, 0x25));
	EXPECT_FALSE(apic_matches(apic, false, 0xff));
	EXPECT_TRUE(apic_matches(apic, false, ~0U));
	EXPECT_TRUE(apic_matches(apic, true, 0x00020020));
	EXPECT_TRUE(apic_matches(apic, true, 0x0002ffff));
	EXPECT_FALSE(apic_matches(apic, true, 0x0002ffdf));
	EXPECT_FALSE(apic_matches(apic, true, 0x00010020));
	EXPECT_TRUE(apic_matches(apic, true, ~0U));
}

TEST_HARNESS_MAIN
