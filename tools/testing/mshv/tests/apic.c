// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the local APIC, against a clock and a machine that are not there.
 */

#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../child/apic.h"

/* Offsets in the page, as the SDM has them; MSRs follow from them. */
#define ID		0x020
#define VERSION		0x030
#define TPR		0x080
#define APR		0x090
#define PPR		0x0a0
#define EOI		0x0b0
#define RRD		0x0c0
#define LDR		0x0d0
#define DFR		0x0e0
#define SVR		0x0f0
#define ISR		0x100
#define TMR		0x180
#define IRR		0x200
#define ESR		0x280
#define LVT_CMCI	0x2f0
#define ICR		0x300
#define ICR_HIGH	0x310
#define LVT_TIMER	0x320
#define LVT_THERMAL	0x330
#define LVT_PERF	0x340
#define LVT_LINT0	0x350
#define LVT_LINT1	0x360
#define LVT_ERROR	0x370
#define INITIAL		0x380
#define CURRENT		0x390
#define DIVIDE		0x3e0
#define SELF_IPI	0x3f0

#define ENABLED		0x100
#define MASKED		BIT(16)
#define PERIODIC	BIT(17)
#define LEVEL		BIT(15)
#define REMOTE_IRR	BIT(14)
#define ASSERT		BIT(14)
#define DM_NMI		0x400
#define DM_INIT		0x500
#define DM_STARTUP	0x600
#define DM_EXTINT	0x700
#define DIVIDE_1	0xb
#define DIVIDE_16	0x3

#define BASE_BSP	BIT(8)
#define BASE_ENABLE	BIT(11)

#define BASE_X2APIC	(APIC_GPA | BASE_ENABLE | APIC_BASE_X2APIC)

static u64 time_now;

/* What the APIC has asked of its machine. */
static struct {
	unsigned int count;
	u8 vector;
	u8 mode;
	bool logical;
	u32 dest;
	u8 shorthand;
} sent;

static struct {
	unsigned int count;
	u8 vector;
} ended;

/* Interrupts of any kind. */
static unsigned int ends;

static unsigned int changes;

static u64 bus_now(struct apic *apic)
{
	(void)apic;
	return time_now;
}

static void bus_send(struct apic *apic, u8 vector, u8 mode, bool logical,
		     u32 dest, u8 shorthand)
{
	(void)apic;
	sent.count++;
	sent.vector = vector;
	sent.mode = mode;
	sent.logical = logical;
	sent.dest = dest;
	sent.shorthand = shorthand;
}

static void bus_eoi(struct apic *apic, u8 vector)
{
	(void)apic;
	ended.count++;
	ended.vector = vector;
}

static void bus_changed(struct apic *apic)
{
	(void)apic;
	changes++;
}

static void bus_ended(struct apic *apic)
{
	(void)apic;
	ends++;
}

static const struct apic_bus bus = {
	.now = bus_now,
	.send = bus_send,
	.eoi = bus_eoi,
	.ended = bus_ended,
	.changed = bus_changed,
};

static bool wrmsr(struct apic *apic, u32 offset, u64 value)
{
	return apic_msr_write(apic, APIC_X2APIC_MSR + offset / 16, value);
}

/* A value that no register has: it could not be read. */
#define NOTHING		0xdeaddeaddeaddeadULL

static u64 rdmsr(struct apic *apic, u32 offset)
{
	u64 value = 0;
	bool readable = apic_msr_read(apic, APIC_X2APIC_MSR + offset / 16, &value);

	return readable ? value : NOTHING;
}

FIXTURE(apic)
{
	struct apic apic;
};

/* One that is enabled, number 2, with nothing pending. */
FIXTURE_SETUP(apic)
{
	time_now = 1000000;
	memset(&sent, 0, sizeof(sent));
	memset(&ended, 0, sizeof(ended));
	apic_init(&self->apic, 2, &bus);
	apic_write(&self->apic, SVR, ENABLED | 0xff);
	self->apic.wait_for_sipi = false;
	changes = 0;
}

FIXTURE_TEARDOWN(apic)
{
}

/* Take what is pending, as a VP does; returns the vector or -1. */
static int take(struct apic *apic)
{
	int vector = apic_pending(apic);

	if (vector >= 0)
		apic_accept(apic, vector);
	return vector;
}

static void to_x2apic(struct apic *apic)
{
	apic_set_base(apic, BASE_X2APIC | (apic->base & BASE_BSP));
}

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
