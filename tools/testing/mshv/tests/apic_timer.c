// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC's timer.
 */

#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_fixture.h"
#include "apic_regs.h"

TEST_F(apic, timer_once)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LVT_TIMER, 0xec);
	apic_write(apic, DIVIDE, DIVIDE_16);
	apic_write(apic, INITIAL, 1000);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(time_now + 16000, apic->deadline);
	EXPECT_EQ(1000, apic_read(apic, CURRENT));

	time_now += 15;
	EXPECT_EQ(1000, apic_read(apic, CURRENT));
	time_now += 1;
	EXPECT_EQ(999, apic_read(apic, CURRENT));
	time_now += 15983;
	EXPECT_EQ(1, apic_read(apic, CURRENT));
	apic_tick(apic);
	EXPECT_EQ(-1, apic_pending(apic));

	time_now += 1;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	EXPECT_EQ(0, apic_read(apic, CURRENT));
	EXPECT_EQ(1000, apic_read(apic, INITIAL));
	EXPECT_EQ(0, apic->deadline);
	time_now += 100000;
	apic_tick(apic);
	apic_write(apic, EOI, 0);
	EXPECT_EQ(-1, apic_pending(apic));

	/* Who sees it at 0 sees its interrupt too. */
	apic_write(apic, INITIAL, 1);
	time_now += 16;
	EXPECT_EQ(0, apic_read(apic, CURRENT));
	EXPECT_EQ(0xec, take(apic));
	apic_write(apic, EOI, 0);

	/* 0 stops it. */
	apic_write(apic, INITIAL, 1000);
	apic_write(apic, INITIAL, 0);
	EXPECT_EQ(0, apic->deadline);
	time_now += 100000;
	apic_tick(apic);
	EXPECT_EQ(-1, apic_pending(apic));
}

TEST_F(apic, timer_again_and_again)
{
	struct apic *apic = &self->apic;
	u64 start = time_now;
	int i;

	apic_write(apic, LVT_TIMER, PERIODIC | 0xec);
	apic_write(apic, DIVIDE, DIVIDE_1);
	apic_write(apic, INITIAL, 1000);
	for (i = 1; i <= 5; i++) {
		time_now = start + i * 1000 - 1;
		apic_tick(apic);
		EXPECT_EQ(-1, apic_pending(apic));
		/* A little late, which does not add up. */
		time_now = start + i * 1000 + 300;
		EXPECT_EQ(700, apic_read(apic, CURRENT));
		EXPECT_EQ(0xec, take(apic));
		apic_write(apic, EOI, 0);
		EXPECT_EQ(start + (i + 1) * 1000, apic->deadline);
	}

	/* Many that were missed are one, and the rhythm stays. */
	time_now = start + 12500;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(start + 13000, apic->deadline);

	/* On the spot is in time. */
	time_now = start + 13000;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	EXPECT_EQ(start + 14000, apic->deadline);
	EXPECT_EQ(1000, apic_read(apic, CURRENT));
}

TEST_F(apic, timer_divides)
{
	static const struct {
		u32 divide, by;
	} table[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	struct apic *apic = &self->apic;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		apic_write(apic, DIVIDE, table[i].divide);
		apic_write(apic, INITIAL, 10);
		EXPECT_EQ(time_now + 10 * table[i].by, apic->deadline);
		apic_write(apic, INITIAL, 0);
	}
	/* As long as it can take. */
	apic_write(apic, DIVIDE, 0xa);
	apic_write(apic, INITIAL, ~0U);
	EXPECT_EQ(time_now + 128 * 0xffffffffULL, apic->deadline);
	EXPECT_EQ(~0U, apic_read(apic, CURRENT));
}

TEST_F(apic, timer_changes_as_it_runs)
{
	struct apic *apic = &self->apic;

	apic_write(apic, LVT_TIMER, 0xec);
	apic_write(apic, DIVIDE, DIVIDE_16);
	apic_write(apic, INITIAL, 1000);
	time_now += 16 * 400;
	apic_write(apic, DIVIDE, DIVIDE_1);
	EXPECT_EQ(600, apic_read(apic, CURRENT));
	EXPECT_EQ(time_now + 600, apic->deadline);

	apic_write(apic, LVT_TIMER, PERIODIC | 0xec);
	EXPECT_EQ(600, apic_read(apic, CURRENT));
	time_now += 600;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(time_now + 1000, apic->deadline);

	apic_write(apic, LVT_TIMER, 0xec);
	time_now += 1000;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	apic_write(apic, EOI, 0);
	EXPECT_EQ(0, apic->deadline);

	/* It stands: neither of the two has it start. */
	apic_write(apic, LVT_TIMER, PERIODIC | 0xec);
	apic_write(apic, DIVIDE, DIVIDE_16);
	EXPECT_EQ(0, apic->deadline);

	/* Masked it counts, and nobody is told. */
	apic_write(apic, LVT_TIMER, MASKED | 0xec);
	apic_write(apic, INITIAL, 100);
	time_now += 1600;
	apic_tick(apic);
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(0, apic_read(apic, CURRENT));

	/* What was due before it is set again is not lost. */
	apic_write(apic, LVT_TIMER, 0xec);
	apic_write(apic, INITIAL, 100);
	time_now += 1600;
	apic_write(apic, INITIAL, 100);
	EXPECT_EQ(0xec, take(apic));
	EXPECT_EQ(100, apic_read(apic, CURRENT));
}

TEST_F(apic, timer_of_a_restored_state)
{
	struct apic *apic = &self->apic;

	apic->lvt_timer = PERIODIC | 0xec;
	apic->initial_count = 1000;
	apic->divide = DIVIDE_1;
	apic_start_timer(apic, 300);
	EXPECT_EQ(1, changes);
	EXPECT_EQ(300, apic_current_count(apic));
	time_now += 300;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	EXPECT_EQ(time_now + 1000, apic->deadline);

	/* It was saved at the very end of a period. */
	apic_start_timer(apic, 0);
	EXPECT_EQ(1000, apic_current_count(apic));

	apic->lvt_timer = 0xec;
	apic_start_timer(apic, 0);
	EXPECT_EQ(0, apic->deadline);
}

TEST_HARNESS_MAIN
