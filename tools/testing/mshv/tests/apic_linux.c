// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC as Linux sets it up and uses it, in both modes.
 */

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_fixture.h"
#include "apic_regs.h"

/*
 * What Linux does to an APIC, in its order: setup_local_APIC(), LVT0 and LVT1,
 * lapic_setup_esr(), then calibration and the clock event device. One register
 * at a time through the page or through MSRs.
 */
struct access {
	struct apic *apic;
	bool x2apic;
	unsigned int refused;
};

static void set(struct access *access, u32 offset, u64 value)
{
	if (!access->x2apic)
		apic_write(access->apic, offset, value);
	else if (!wrmsr(access->apic, offset, value))
		access->refused++;
}

static u32 read_back(struct access *access, u32 offset)
{
	u64 value;

	if (!access->x2apic)
		return apic_read(access->apic, offset);
	value = rdmsr(access->apic, offset);
	access->refused += value == NOTHING;
	return value;
}

static void clear_lvts(struct access *access)
{
	u32 offset;

	set(access, LVT_ERROR, 0xfe | MASKED);
	for (offset = LVT_TIMER; offset <= LVT_ERROR; offset += 16)
		set(access, offset, read_back(access, offset) | MASKED);
	for (offset = LVT_TIMER; offset <= LVT_ERROR; offset += 16)
		set(access, offset, MASKED);
	set(access, ESR, 0);
	read_back(access, ESR);
}

static void linux_sets_up(struct access *access, bool bsp)
{
	int i;

	clear_lvts(access);
	for (i = 0; i < 4; i++)
		set(access, ESR, 0);
	if (!access->x2apic) {
		set(access, DFR, ~0U);
		set(access, LDR, (read_back(access, LDR) & 0xffffff) | 0x01000000);
	}
	set(access, TPR, 0x10);
	for (i = 7; i >= 0; i--) {
		read_back(access, IRR + i * 16);
		read_back(access, ISR + i * 16);
	}
	set(access, SVR, (read_back(access, SVR) & ~0xffU) | ENABLED | 0xff);
	set(access, LVT_LINT0, DM_EXTINT | (bsp ? 0 : MASKED));
	set(access, LVT_LINT1, DM_NMI | (bsp ? 0 : MASKED));

	set(access, ESR, 0);
	read_back(access, ESR);
	set(access, LVT_ERROR, 0xfe);
	set(access, ESR, 0);
	read_back(access, ESR);

	set(access, LVT_TIMER, PERIODIC | MASKED | 0xec);
	set(access, DIVIDE, DIVIDE_16);
	set(access, INITIAL, ~0U / 16);
}

static void linux_starts(struct __test_metadata *_metadata, struct access *access, bool bsp)
{
	struct apic *apic = access->apic;
	u32 before;

	linux_sets_up(access, bsp);
	EXPECT_EQ(0, access->refused);
	EXPECT_EQ(0, apic->esr);
	EXPECT_EQ(0, apic->errors);
	EXPECT_TRUE(apic_is_enabled(apic));

	/* Calibration: so many counts in so much time. */
	before = read_back(access, CURRENT);
	time_now += 1600000;
	EXPECT_EQ(100000, before - read_back(access, CURRENT));

	/* One shot, as the tick without high resolution timers and with. */
	set(access, LVT_TIMER, 0xec);
	set(access, INITIAL, 62500);
	time_now += 1000000;
	apic_tick(apic);
	EXPECT_EQ(0xec, take(apic));
	set(access, EOI, 0);

	/* TPR 0x10 holds back what is an exception's vector, and nothing else. */
	apic_request(apic, 0x1f, false);
	EXPECT_EQ(-1, apic_pending(apic));
	apic_request(apic, 0x20, false);
	EXPECT_EQ(0x20, take(apic));
	set(access, EOI, 0);

	/* The PIC, the NMI button: at the BSP only. */
	apic_lint(apic, 0, 0x30);
	EXPECT_EQ(bsp ? 0x30 : -1, take(apic));
	apic_lint(apic, 1, 0);
	EXPECT_EQ(bsp, apic->nmi);
}

TEST_F(apic, linux_in_xapic_mode)
{
	struct access access = { .apic = &self->apic };

	apic_init(&self->apic, 0, &bus);
	linux_starts(_metadata, &access, true);
	EXPECT_EQ(0x01000000, apic_read(&self->apic, LDR));
}

TEST_F(apic, linux_in_x2apic_mode)
{
	struct access access = { .apic = &self->apic, .x2apic = true };

	apic_init(&self->apic, 3, &bus);
	self->apic.wait_for_sipi = false;
	to_x2apic(&self->apic);
	linux_starts(_metadata, &access, false);
}

TEST_HARNESS_MAIN
