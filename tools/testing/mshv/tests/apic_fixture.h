/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A local APIC, and a clock and a machine that are not there, for its unit tests.
 */
#ifndef _HVEMU_TESTS_APIC_FIXTURE_H
#define _HVEMU_TESTS_APIC_FIXTURE_H

#include <string.h>

#include <linux/bits.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "apic_regs.h"

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

static inline u64 bus_now(struct apic *apic)
{
	(void)apic;
	return time_now;
}

static inline void bus_send(struct apic *apic, u8 vector, u8 mode, bool logical,
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

static inline void bus_eoi(struct apic *apic, u8 vector)
{
	(void)apic;
	ended.count++;
	ended.vector = vector;
}

static inline void bus_changed(struct apic *apic)
{
	(void)apic;
	changes++;
}

static inline void bus_ended(struct apic *apic)
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

static inline bool wrmsr(struct apic *apic, u32 offset, u64 value)
{
	return apic_msr_write(apic, APIC_X2APIC_MSR + offset / 16, value);
}

/* A value that no register has: it could not be read. */
#define NOTHING		0xdeaddeaddeaddeadULL

static inline u64 rdmsr(struct apic *apic, u32 offset)
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
static inline int take(struct apic *apic)
{
	int vector = apic_pending(apic);

	if (vector >= 0)
		apic_accept(apic, vector);
	return vector;
}

static inline void to_x2apic(struct apic *apic)
{
	apic_set_base(apic, BASE_X2APIC | (apic->base & BASE_BSP));
}

#endif /* _HVEMU_TESTS_APIC_FIXTURE_H */
