// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC, after the Intel SDM's chapter "Advanced Programmable Interrupt
 * Controller", with xAPIC and x2APIC mode.
 *
 * What it has not: a TSC deadline timer, directed EOI, an APIC page that can be
 * moved, an id that the guest can change.
 */

#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <asm/msr-index.h>

#include "apic.h"

/* Registers: offsets in the page / 16, and MSR numbers less APIC_X2APIC_MSR. */
enum {
	REG_ID		= 0x02,
	REG_VERSION	= 0x03,
	REG_TPR		= 0x08,
	REG_APR		= 0x09,
	REG_PPR		= 0x0a,
	REG_EOI		= 0x0b,
	REG_RRD		= 0x0c,
	REG_LDR		= 0x0d,
	REG_DFR		= 0x0e,
	REG_SVR		= 0x0f,
	REG_ISR		= 0x10,
	REG_TMR		= 0x18,
	REG_IRR		= 0x20,
	REG_ESR		= 0x28,
	REG_ICR		= 0x30,
	REG_ICR_HIGH	= 0x31,
	REG_LVT_TIMER	= 0x32,
	REG_LVT_THERMAL	= 0x33,
	REG_LVT_PERF	= 0x34,
	REG_LVT_LINT0	= 0x35,
	REG_LVT_LINT1	= 0x36,
	REG_LVT_ERROR	= 0x37,
	REG_INITIAL	= 0x38,
	REG_CURRENT	= 0x39,
	REG_DIVIDE	= 0x3e,
	REG_SELF_IPI	= 0x3f,
};

#define SVR_ENABLED		BIT(8)
#define SVR_BITS		GENMASK(9, 0)

#define ESR_SEND_VECTOR		BIT(5)
#define ESR_RECEIVE_VECTOR	BIT(6)
#define ESR_REGISTER		BIT(7)

#define LVT_VECTOR		GENMASK(7, 0)
#define LVT_MODE		GENMASK(10, 8)
#define LVT_STATUS		BIT(12)
#define LVT_POLARITY		BIT(13)
#define LVT_REMOTE_IRR		BIT(14)
#define LVT_LEVEL		BIT(15)
#define LVT_MASKED		BIT(16)
#define LVT_PERIODIC		BIT(17)
#define LVT_READ_ONLY		(LVT_STATUS | LVT_REMOTE_IRR)

#define ICR_VECTOR		GENMASK(7, 0)
#define ICR_LOGICAL		BIT(11)
#define ICR_ASSERT		BIT(14)
#define ICR_LEVEL		BIT(15)
#define ICR_LOW_BITS		(GENMASK(11, 0) | ICR_ASSERT | ICR_LEVEL | GENMASK(19, 18))

#define XAPIC_DEST_SHIFT	24
#define XAPIC_DEST_ALL		0xff
#define X2APIC_DEST_ALL		(~0U)
#define DFR_FIXED_BITS		GENMASK(27, 0)
#define DFR_MODEL_SHIFT		28
#define DFR_FLAT		0xf

#define PRIORITY_CLASS		0xf0
#define DIVIDE_BITS		(BIT(0) | BIT(1) | BIT(3))
#define NS_PER_COUNT		(1000000000ULL / APIC_TIMER_HZ)

static bool is_on(const struct apic *apic)
{
	return apic->base & MSR_IA32_APICBASE_ENABLE;
}

static bool is_x2apic(const struct apic *apic)
{
	return is_on(apic) && apic->base & APIC_BASE_X2APIC;
}

bool apic_is_enabled(const struct apic *apic)
{
	return is_on(apic) && apic->svr & SVR_ENABLED;
}

/* At the same place in the ICR and in an LVT entry. */
static enum apic_mode mode_of(u32 value)
{
	return (value & LVT_MODE) >> 8;
}

static bool vector_is_set(const u32 *bits, u8 vector)
{
	return bits[vector / 32] & BIT(vector % 32);
}

static void vector_assign(u32 *bits, u8 vector, bool set)
{
	if (set)
		bits[vector / 32] |= BIT(vector % 32);
	else
		bits[vector / 32] &= ~BIT(vector % 32);
}

/* The highest vector, or -1. */
static int vector_highest(const u32 *bits)
{
	int i;

	for (i = 7; i >= 0; i--)
		if (bits[i])
			return i * 32 + 31 - __builtin_clz(bits[i]);
	return -1;
}

u8 apic_ppr(const struct apic *apic)
{
	int in_service = vector_highest(apic->isr);
	u8 class = in_service < 0 ? 0 : in_service & PRIORITY_CLASS;

	return (apic->tpr & PRIORITY_CLASS) >= class ? apic->tpr : class;
}

u32 apic_ldr(const struct apic *apic)
{
	if (is_x2apic(apic))
		return (apic->id >> 4) << 16 | BIT(apic->id & 0xf);
	return apic->ldr;
}

int apic_pending(const struct apic *apic)
{
	int vector;

	if (apic->extint)
		return apic->extint_vector;
	if (!is_on(apic))
		return -1;
	vector = vector_highest(apic->irr);
	if (vector < 0 || (vector & PRIORITY_CLASS) <= (apic_ppr(apic) & PRIORITY_CLASS))
		return -1;
	return vector;
}

/* The way is clear for more, perhaps: EOI, or a lower TPR. */
static void look_again(struct apic *apic)
{
	if (apic_pending(apic) >= 0)
		apic->bus->changed(apic);
}

static void fire(struct apic *apic, u32 *lvt, u8 extint_vector);

/* Only the first error since ESR was written raises an interrupt. */
static void note_error(struct apic *apic, u32 which)
{
	bool armed = !apic->errors;

	apic->errors |= which;
	if (armed)
		fire(apic, &apic->lvt_error, 0);
}

void apic_request(struct apic *apic, u8 vector, bool level)
{
	if (!apic_is_enabled(apic))
		return;
	if (vector < APIC_VECTOR_MIN) {
		note_error(apic, ESR_RECEIVE_VECTOR);
		return;
	}
	vector_assign(apic->tmr, vector, level);
	vector_assign(apic->irr, vector, true);
	apic->bus->changed(apic);
}

void apic_deliver(struct apic *apic, enum apic_mode mode, u8 vector, bool level)
{
	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		apic_request(apic, vector, level);
		return;
	case APIC_SMI:
		return;
	case APIC_NMI:
		apic->nmi = true;
		break;
	case APIC_INIT:
		apic->init = true;
		apic->sipi = false;
		break;
	case APIC_STARTUP:
		/* An INIT that nobody has looked at yet has come before it. */
		if (!apic->wait_for_sipi &&
		    !(apic->init && !(apic->base & MSR_IA32_APICBASE_BSP)))
			return;
		apic->sipi = true;
		apic->sipi_vector = vector;
		break;
	case APIC_EXTINT:
		apic->extint = true;
		apic->extint_vector = vector;
		break;
	}
	apic->bus->changed(apic);
}

/* A source of interrupts of its own has one: what becomes of it says its entry. */
static void fire(struct apic *apic, u32 *lvt, u8 extint_vector)
{
	enum apic_mode mode = mode_of(*lvt);
	u8 vector = *lvt & LVT_VECTOR;

	if (*lvt & LVT_MASKED)
		return;
	if (mode == APIC_FIXED && *lvt & LVT_LEVEL) {
		if (*lvt & LVT_REMOTE_IRR)
			return;
		*lvt |= LVT_REMOTE_IRR;
	}
	apic_deliver(apic, mode, mode == APIC_EXTINT ? extint_vector : vector,
		     *lvt & LVT_LEVEL);
}

void apic_lint(struct apic *apic, unsigned int pin, u8 vector)
{
	if (is_on(apic))
		fire(apic, pin ? &apic->lvt_lint1 : &apic->lvt_lint0, vector);
	else
		apic_deliver(apic, pin ? APIC_NMI : APIC_EXTINT, vector, false);
}

void apic_accept(struct apic *apic, u8 vector)
{
	if (apic->extint && vector == apic->extint_vector) {
		apic->extint = false;
		apic->extint_taken = true;
		return;
	}
	vector_assign(apic->irr, vector, false);
	vector_assign(apic->isr, vector, true);
}

static void end_local_level(u32 *lvt, u8 vector)
{
	if ((*lvt & LVT_VECTOR) == vector)
		*lvt &= ~LVT_REMOTE_IRR;
}

static void eoi(struct apic *apic)
{
	int vector = vector_highest(apic->isr);

	if (vector < 0)
		return;
	vector_assign(apic->isr, vector, false);
	if (vector_is_set(apic->tmr, vector)) {
		end_local_level(&apic->lvt_lint0, vector);
		end_local_level(&apic->lvt_lint1, vector);
		apic->bus->eoi(apic, vector);
	}
	apic->bus->ended(apic);
	look_again(apic);
}

bool apic_matches(const struct apic *apic, bool logical, u32 dest)
{
	u32 ldr = apic_ldr(apic);

	if (dest == X2APIC_DEST_ALL)
		return true;
	if (is_x2apic(apic))
		return logical ? dest >> 16 == ldr >> 16 && dest & ldr & 0xffff :
				 dest == apic->id;
	if (dest == XAPIC_DEST_ALL)
		return true;
	if (!logical)
		return dest == apic->id;
	if (dest > XAPIC_DEST_ALL)
		return false;
	ldr >>= XAPIC_DEST_SHIFT;
	if (apic->dfr >> DFR_MODEL_SHIFT == DFR_FLAT)
		return dest & ldr;
	return dest >> 4 == ldr >> 4 && dest & ldr & 0xf;
}

/* An interrupt command of the guest's. */
static void send_command(struct apic *apic)
{
	u32 low = apic->icr;
	u32 dest = apic->icr >> 32;
	u8 mode = mode_of(low);
	u8 vector = low & ICR_VECTOR;

	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		if (vector < APIC_VECTOR_MIN) {
			note_error(apic, ESR_SEND_VECTOR);
			return;
		}
		break;
	case APIC_INIT:
		/* A "de-assert", as of APICs that had a bus of their own. */
		if (low & ICR_LEVEL && !(low & ICR_ASSERT))
			return;
		break;
	case APIC_SMI:
	case APIC_NMI:
	case APIC_STARTUP:
		break;
	default:
		return;
	}
	if (!is_x2apic(apic))
		dest >>= XAPIC_DEST_SHIFT;
	apic->bus->send(apic, vector, mode, low & ICR_LOGICAL, dest, low >> 18 & 3);
}

/* How long one count takes, ns. */
static u64 count_ns(const struct apic *apic)
{
	u32 bits = (apic->divide & 3) | (apic->divide & 8) >> 1;

	/* 0 stands for 2, 1 for 4, ... 6 for 128, 7 for 1. */
	return NS_PER_COUNT << ((bits + 1) & 7);
}

/* Have the timer fire if it is due. Later than @now it is due again. */
static void tick(struct apic *apic, u64 now)
{
	u64 late = now - apic->deadline;

	if (!apic->deadline || now < apic->deadline)
		return;
	/* Those that nobody had time for are one. */
	apic->deadline = apic->period ? now + apic->period - late % apic->period : 0;
	fire(apic, &apic->lvt_timer, 0);
}

void apic_tick(struct apic *apic)
{
	tick(apic, apic->bus->now(apic));
}

/* Not 0 while the timer runs. */
u32 apic_current_count(struct apic *apic)
{
	u64 now = apic->bus->now(apic);

	tick(apic, now);
	return apic->deadline ? DIV_ROUND_UP(apic->deadline - now, count_ns(apic)) : 0;
}

void apic_start_timer(struct apic *apic, u32 count)
{
	u64 ns = count_ns(apic);

	apic->period = apic->lvt_timer & LVT_PERIODIC ? apic->initial_count * ns : 0;
	if (apic->period && !count)
		count = apic->initial_count;
	apic->deadline = count ? apic->bus->now(apic) + count * ns : 0;
	if (count)
		apic->bus->changed(apic);
}

/* Something of a timer that may be running is another now. */
static void change_timer(struct apic *apic, u32 *reg, u32 value)
{
	u32 count = apic_current_count(apic);

	*reg = value;
	if (count)
		apic_start_timer(apic, count);
}

static u32 *lvt_of(struct apic *apic, u32 reg)
{
	switch (reg) {
	case REG_LVT_TIMER:
		return &apic->lvt_timer;
	case REG_LVT_THERMAL:
		return &apic->lvt_thermal;
	case REG_LVT_PERF:
		return &apic->lvt_perf;
	case REG_LVT_LINT0:
		return &apic->lvt_lint0;
	case REG_LVT_LINT1:
		return &apic->lvt_lint1;
	case REG_LVT_ERROR:
		return &apic->lvt_error;
	default:
		return NULL;
	}
}

static void write_lvt(struct apic *apic, u32 reg, u32 value)
{
	u32 *lvt = lvt_of(apic, reg);

	value = (value & ~LVT_READ_ONLY) | (*lvt & LVT_READ_ONLY);
	/* It was for a level that is none any more. */
	if (!(value & LVT_LEVEL) || value & LVT_MODE)
		value &= ~LVT_REMOTE_IRR;
	if (!(apic->svr & SVR_ENABLED))
		value |= LVT_MASKED;
	if (reg == REG_LVT_TIMER)
		change_timer(apic, lvt, value);
	else
		*lvt = value;
}

static void write_svr(struct apic *apic, u32 value)
{
	u32 reg;

	apic->svr = value;
	if (value & SVR_ENABLED)
		return;
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++)
		*lvt_of(apic, reg) |= LVT_MASKED;
}

/* Whether there is such a register in this mode. */
static bool is_register(const struct apic *apic, u32 reg)
{
	switch (reg) {
	case REG_ID:
	case REG_VERSION:
	case REG_TPR:
	case REG_PPR:
	case REG_EOI:
	case REG_LDR:
	case REG_SVR:
	case REG_ISR ... REG_ESR:
	case REG_ICR:
	case REG_LVT_TIMER ... REG_CURRENT:
	case REG_DIVIDE:
		return true;
	case REG_APR:
	case REG_RRD:
	case REG_DFR:
	case REG_ICR_HIGH:
		return !is_x2apic(apic);
	case REG_SELF_IPI:
		return is_x2apic(apic);
	default:
		return false;
	}
}

/* One that exists. */
static u32 get(struct apic *apic, u32 reg)
{
	switch (reg) {
	case REG_ID:
		return is_x2apic(apic) ? apic->id : apic->id << XAPIC_DEST_SHIFT;
	case REG_VERSION:
		return APIC_VERSION_TOLD;
	case REG_TPR:
		return apic->tpr;
	case REG_PPR:
		return apic_ppr(apic);
	case REG_LDR:
		return apic_ldr(apic);
	case REG_DFR:
		return apic->dfr;
	case REG_SVR:
		return apic->svr;
	case REG_ISR ... REG_ISR + 7:
		return apic->isr[reg - REG_ISR];
	case REG_TMR ... REG_TMR + 7:
		return apic->tmr[reg - REG_TMR];
	case REG_IRR ... REG_IRR + 7:
		return apic->irr[reg - REG_IRR];
	case REG_ESR:
		return apic->esr;
	case REG_ICR:
		return apic->icr;
	case REG_ICR_HIGH:
		return apic->icr >> 32;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		return *lvt_of(apic, reg);
	case REG_INITIAL:
		return apic->initial_count;
	case REG_CURRENT:
		return apic_current_count(apic);
	case REG_DIVIDE:
		return apic->divide;
	default:
		/* APR, RRD, EOI: nothing is kept there. */
		return 0;
	}
}

/* Which bits of a register the guest may set, those included that stay as they are. */
static u32 writable_bits(const struct apic *apic, u32 reg)
{
	switch (reg) {
	case REG_TPR:
	case REG_SELF_IPI:
		return 0xff;
	case REG_LDR:
		return is_x2apic(apic) ? 0 : GENMASK(31, XAPIC_DEST_SHIFT);
	case REG_DFR:
	case REG_INITIAL:
		return ~0U;
	case REG_SVR:
		return SVR_BITS;
	case REG_LVT_THERMAL:
	case REG_LVT_PERF:
		return LVT_VECTOR | LVT_MODE | LVT_STATUS | LVT_MASKED;
	case REG_LVT_LINT0:
	case REG_LVT_LINT1:
		return LVT_VECTOR | LVT_MODE | LVT_READ_ONLY | LVT_POLARITY |
		       LVT_LEVEL | LVT_MASKED;
	case REG_LVT_TIMER:
		return LVT_VECTOR | LVT_STATUS | LVT_MASKED | LVT_PERIODIC;
	case REG_LVT_ERROR:
		return LVT_VECTOR | LVT_STATUS | LVT_MASKED;
	case REG_ICR:
		return ICR_LOW_BITS | LVT_STATUS;
	case REG_ICR_HIGH:
		return GENMASK(31, XAPIC_DEST_SHIFT);
	case REG_DIVIDE:
		return DIVIDE_BITS;
	default:
		return 0;
	}
}

/* One that exists, and bits that it has. Those that are only read stay. */
static void put(struct apic *apic, u32 reg, u32 value)
{
	switch (reg) {
	case REG_TPR:
		apic->tpr = value;
		look_again(apic);
		break;
	case REG_EOI:
		eoi(apic);
		break;
	case REG_LDR:
		apic->ldr = value;
		break;
	case REG_DFR:
		apic->dfr = value | DFR_FIXED_BITS;
		break;
	case REG_SVR:
		write_svr(apic, value);
		break;
	case REG_ESR:
		apic->esr = apic->errors;
		apic->errors = 0;
		break;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		write_lvt(apic, reg, value);
		break;
	case REG_ICR:
		apic->icr = (apic->icr & GENMASK_ULL(63, 32)) | (value & ~LVT_STATUS);
		send_command(apic);
		break;
	case REG_ICR_HIGH:
		apic->icr = (u64)value << 32 | (u32)apic->icr;
		break;
	case REG_INITIAL:
		/* What was due before this is not forgotten. */
		apic_tick(apic);
		apic->initial_count = value;
		apic_start_timer(apic, value);
		break;
	case REG_DIVIDE:
		change_timer(apic, &apic->divide, value);
		break;
	case REG_SELF_IPI:
		if (value < APIC_VECTOR_MIN)
			note_error(apic, ESR_SEND_VECTOR);
		else
			apic->bus->send(apic, value, APIC_FIXED, false, apic->id, APIC_SELF);
		break;
	}
}

void apic_forgive(struct apic *apic, u8 vector)
{
	vector_assign(apic->isr, vector, false);
	look_again(apic);
}

void apic_end(struct apic *apic)
{
	put(apic, REG_EOI, 0);
}

void apic_set_tpr(struct apic *apic, u8 tpr)
{
	put(apic, REG_TPR, tpr);
}

/* SDM, "Task Priority in IA-32e Mode": it writes zeroes to bits 3:0 of the TPR. */
void apic_follow_cr8(struct apic *apic, u8 cr8)
{
	if (cr8 != apic->tpr >> 4)
		apic->tpr = cr8 << 4;
}

void apic_command(struct apic *apic, u64 icr)
{
	apic->icr = icr & GENMASK_ULL(63, 32);
	put(apic, REG_ICR, icr & writable_bits(apic, REG_ICR));
}

/* The page is there in xAPIC mode only. Elsewhere nothing answers. */
static bool has_page(const struct apic *apic)
{
	return is_on(apic) && !is_x2apic(apic);
}

u32 apic_read(struct apic *apic, u32 offset)
{
	u32 reg = offset / 16;

	if (!has_page(apic))
		return ~0U;
	if (!is_register(apic, reg)) {
		note_error(apic, ESR_REGISTER);
		return 0;
	}
	/* The other 12 bytes of it mean nothing. */
	return offset % 16 ? 0 : get(apic, reg);
}

void apic_write(struct apic *apic, u32 offset, u32 value)
{
	u32 reg = offset / 16;

	if (!has_page(apic))
		return;
	if (!is_register(apic, reg))
		note_error(apic, ESR_REGISTER);
	else if (offset % 16 == 0)
		put(apic, reg, value & writable_bits(apic, reg));
}

bool apic_msr_read(struct apic *apic, u32 msr, u64 *value)
{
	u32 reg = msr - APIC_X2APIC_MSR;

	if (!is_x2apic(apic) || !is_register(apic, reg) ||
	    reg == REG_EOI || reg == REG_SELF_IPI)
		return false;
	*value = reg == REG_ICR ? apic->icr : get(apic, reg);
	return true;
}

static bool is_read_only(u32 reg)
{
	switch (reg) {
	case REG_ID:
	case REG_VERSION:
	case REG_PPR:
	case REG_LDR:
	case REG_ISR ... REG_IRR + 7:
	case REG_CURRENT:
		return true;
	default:
		return false;
	}
}

bool apic_msr_write(struct apic *apic, u32 msr, u64 value)
{
	u32 reg = msr - APIC_X2APIC_MSR;
	u64 bits = writable_bits(apic, reg);

	if (reg == REG_ICR)
		bits |= GENMASK_ULL(63, 32);
	if (!is_x2apic(apic) || !is_register(apic, reg) || is_read_only(reg) ||
	    value & ~bits)
		return false;
	if (reg == REG_ICR)
		apic->icr = value & GENMASK_ULL(63, 32);
	put(apic, reg, value);
	return true;
}

/* Registers as after reset. */
static void clear(struct apic *apic)
{
	memset(apic->isr, 0, sizeof(apic->isr));
	memset(apic->tmr, 0, sizeof(apic->tmr));
	memset(apic->irr, 0, sizeof(apic->irr));
	apic->tpr = 0;
	apic->ldr = 0;
	apic->dfr = ~0U;
	apic->esr = 0;
	apic->errors = 0;
	apic->icr = 0;
	apic->lvt_timer = LVT_MASKED;
	apic->initial_count = 0;
	apic->divide = 0;
	apic->deadline = 0;
	apic->period = 0;
	apic->lvt_thermal = LVT_MASKED;
	apic->lvt_perf = LVT_MASKED;
	apic->lvt_lint0 = LVT_MASKED;
	apic->lvt_lint1 = LVT_MASKED;
	apic->lvt_error = LVT_MASKED;
	apic->svr = 0xff;
}

void apic_reset(struct apic *apic)
{
	clear(apic);
	apic->nmi = false;
	apic->extint = false;
	apic->extint_taken = false;
	apic->init = false;
	apic->wait_for_sipi = !(apic->base & MSR_IA32_APICBASE_BSP);
}

void apic_init(struct apic *apic, u32 id, const struct apic_bus *bus)
{
	*apic = (struct apic) {
		.bus = bus,
		.id = id,
		.base = APIC_GPA | MSR_IA32_APICBASE_ENABLE | (id ? 0 : MSR_IA32_APICBASE_BSP),
	};
	apic_reset(apic);
}

bool apic_set_base(struct apic *apic, u64 value)
{
	const u64 modes = MSR_IA32_APICBASE_ENABLE | APIC_BASE_X2APIC;
	u64 from = apic->base & modes;
	u64 to = value & modes;

	if ((value & ~(modes | MSR_IA32_APICBASE_BSP)) != APIC_GPA)
		return false;
	/* x2APIC mode is entered from xAPIC mode, and left by disabling. */
	if (to == APIC_BASE_X2APIC || (to == modes && !from) ||
	    (from == modes && to == MSR_IA32_APICBASE_ENABLE))
		return false;
	if (from && !to)
		clear(apic);
	apic->base = value;
	return true;
}
