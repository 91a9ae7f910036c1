/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A local APIC, xAPIC and x2APIC. Knows nothing of KVM and of VPs: what it wants
 * of others it asks through struct apic_bus.
 */
#ifndef _HVEMU_APIC_H
#define _HVEMU_APIC_H

#include <linux/bits.h>
#include <linux/types.h>

#define APIC_GPA		0xfee00000ULL
#define APIC_SIZE		0x1000
#define APIC_X2APIC_MSR		0x800
#define APIC_X2APIC_MSRS	0x100

/*
 * What it says of itself: an integrated APIC whose last LVT entry is number 5, LINT1.
 * The hypervisor's has none for CMCI: OpenVMM checks that a partition of the Windows
 * Hypervisor Platform that was just made has this version, and 0 where the state has
 * that entry (vmm_core/virt_whp, validate_is_reset(); vmm_core/virt, Apic::at_reset()).
 */
#define APIC_VERSION_TOLD	(0x14 | 5 << 16)

/* The highest ids: the one after is everybody. */
#define APIC_ID_MAX		0xfe
#define APIC_ID_MAX_X2APIC	0xfffffffe

/* IA32_APIC_BASE: bits that asm/msr-index.h lacks. */
#define APIC_BASE_X2APIC	BIT(10)

/* Lower vectors are the processor's own exceptions. */
#define APIC_VECTOR_MIN		16

/* Delivery modes: ICR bits 10:8, likewise an LVT entry's. */
enum apic_mode {
	APIC_FIXED	= 0,
	APIC_LOWEST	= 1,
	APIC_SMI	= 2,
	APIC_NMI	= 4,
	APIC_INIT	= 5,
	APIC_STARTUP	= 6,
	APIC_EXTINT	= 7,
};

/* ICR bits 19:18: whom it is for, beside the destination. */
enum apic_shorthand {
	APIC_DEST	= 0,
	APIC_SELF	= 1,
	APIC_ALL	= 2,
	APIC_OTHERS	= 3,
};

struct apic;

/**
 * struct apic_bus - what a local APIC asks of the machine around it
 * @now: time, in ns
 * @send: an interrupt command: a message to others, or to itself. @mode is its
 *	enum apic_mode; @logical its destination mode; @dest the destination
 *	(0xff, or ~0 in x2APIC mode: all); @shorthand enum apic_shorthand. Such a
 *	message is edge triggered
 * @eoi: the guest has ended a level-triggered interrupt
 * @ended: the guest has ended an interrupt, of whichever trigger mode
 * @changed: something of this APIC's is pending now, or its timer was set
 */
struct apic_bus {
	u64 (*now)(struct apic *apic);
	void (*send)(struct apic *apic, u8 vector, u8 mode, bool logical,
		     u32 dest, u8 shorthand);
	void (*eoi)(struct apic *apic, u8 vector);
	void (*ended)(struct apic *apic);
	void (*changed)(struct apic *apic);
};

/* Its timer counts at this rate, divided as the guest says. */
#define APIC_TIMER_HZ		1000000000ULL

/**
 * struct apic - a local APIC
 * @bus: the machine around it
 * @id: its number
 * @base: MSR IA32_APIC_BASE
 * @tpr: task priority; the caller keeps it beside CR8
 * @ldr: logical destination. In x2APIC mode it is made of the id, and this one is
 *	not looked at: see apic_ldr()
 * @dfr: destination format
 * @svr: spurious interrupt vector, and whether it is enabled by software
 * @isr: in service
 * @tmr: trigger modes
 * @irr: requested
 * @esr: error status, as it was when it was written last
 * @icr: the last interrupt command
 * @lvt_timer: local vector table: the timer
 * @lvt_thermal: the thermal sensor
 * @lvt_perf: performance counters
 * @lvt_lint0: pin LINT0
 * @lvt_lint1: pin LINT1
 * @lvt_error: errors
 * @initial_count: of the timer
 * @divide: divide configuration of the timer
 * @errors: what has gone wrong since ESR was written
 * @nmi: an NMI is pending; whoever injects it clears this, and INIT does
 * @init: an INIT is pending; apic_reset() clears this
 * @wait_for_sipi: does nothing before a start-up IPI; whoever starts the VP
 *	clears this. apic_reset() sets it, but for the BSP
 * @sipi: one is pending, with vector @sipi_vector: whoever starts the VP clears
 *	this, and a later INIT does. One that comes while @init is pending is
 *	kept for afterwards, so an INIT is looked at first
 * @sipi_vector: see @sipi
 * @extint: an interrupt of the legacy controller is pending, with vector
 *	@extint_vector; apic_accept() clears this, and the controller may
 * @extint_vector: see @extint
 * @extint_taken: the VP has taken one, and the controller has not looked yet
 * @deadline: when the timer fires next, as of @bus->now; 0: it is off
 * @period: of a periodic timer, ns; 0: it fires once
 */
struct apic {
	const struct apic_bus *bus;
	u32 id;
	u64 base;
	u8 tpr;
	u32 ldr;
	u32 dfr;
	u32 svr;
	u32 isr[8];
	u32 tmr[8];
	u32 irr[8];
	u32 esr;
	u32 errors;
	u64 icr;
	u32 lvt_timer;
	u32 lvt_thermal;
	u32 lvt_perf;
	u32 lvt_lint0;
	u32 lvt_lint1;
	u32 lvt_error;
	u32 initial_count;
	u32 divide;
	bool nmi;
	bool init;
	bool wait_for_sipi;
	bool sipi;
	u8 sipi_vector;
	bool extint;
	u8 extint_vector;
	bool extint_taken;
	u64 deadline;
	u64 period;
};

/* As after reset. All but the BSP (@id 0) wait for a start-up IPI. */
void apic_init(struct apic *apic, u32 id, const struct apic_bus *bus);

/*
 * As after INIT: registers go, id, base and a start-up IPI that came meanwhile
 * stay. The TPR is 0 then, and CR8 the caller's.
 */
void apic_reset(struct apic *apic);

/**
 * apic_set_base() - the guest writes IA32_APIC_BASE
 * @apic: whose
 * @value: what it writes
 *
 * Checks what the processor does: reserved bits, and the order of modes. The
 * APIC cannot be moved. Who restores a state may write @base itself.
 *
 * Return: false: #GP is due, and nothing has changed.
 */
bool apic_set_base(struct apic *apic, u64 value);

/* Whether it takes fixed interrupts, in hardware and by its SVR. */
bool apic_is_enabled(const struct apic *apic);

/* Registers that are made of others. */
u32 apic_ldr(const struct apic *apic);
u8 apic_ppr(const struct apic *apic);
u32 apic_current_count(struct apic *apic);

/**
 * apic_start_timer() - have the timer count, after a state was restored
 * @apic: whose; @initial_count, @divide and @lvt_timer are set
 * @count: from where; 0: it has run out, and stands still if it fires once
 */
void apic_start_timer(struct apic *apic, u32 count);

/* The guest's accesses; @offset in the page, of a register of 4 bytes. */
u32 apic_read(struct apic *apic, u32 offset);
void apic_write(struct apic *apic, u32 offset, u32 value);

/* Likewise in x2APIC mode; false: #GP is due. */
bool apic_msr_read(struct apic *apic, u32 msr, u64 *value);
bool apic_msr_write(struct apic *apic, u32 msr, u64 value);

/**
 * apic_request() - an interrupt arrives
 * @apic: where
 * @vector: its number, 16 or more
 * @level: its trigger mode
 */
void apic_request(struct apic *apic, u8 vector, bool level);

/**
 * apic_deliver() - a message of some delivery mode arrives
 * @apic: where
 * @mode: enum apic_mode; an SMI is lost, there is no system management mode
 * @vector: of a fixed one, a start-up IPI, or the legacy controller
 * @level: trigger mode of a fixed one
 */
void apic_deliver(struct apic *apic, enum apic_mode mode, u8 vector, bool level);

/**
 * apic_lint() - a LINT pin goes up
 * @apic: whose
 * @pin: 0 or 1
 * @vector: what a legacy controller behind it answers when it is asked
 *
 * What becomes of it says the LVT entry; while the APIC is disabled in hardware
 * the pins are the processor's INTR and NMI.
 */
void apic_lint(struct apic *apic, unsigned int pin, u8 vector);

/*
 * The vector that it would deliver now, its priority being high enough; or -1.
 * The legacy controller knows no priorities, and comes first.
 */
int apic_pending(const struct apic *apic);

/* The VP takes @vector, which apic_pending() has said. */
void apic_accept(struct apic *apic, u8 vector);

/* It needs no EOI: it has ended already. */
void apic_forgive(struct apic *apic, u8 vector);

/*
 * The same registers whatever the mode: what a hypervisor's own MSRs access. An ICR
 * has the destination as the mode has it; to write it sends the command.
 */
void apic_end(struct apic *apic);
void apic_set_tpr(struct apic *apic, u8 tpr);

/* The guest has this in CR8 now; the same as before: it has not written to it. */
void apic_follow_cr8(struct apic *apic, u8 cr8);

void apic_command(struct apic *apic, u64 icr);

/* Whether a destination is this APIC's; see @send of struct apic_bus. */
bool apic_matches(const struct apic *apic, bool logical, u32 dest);

/* Have the timer fire if it is due. */
void apic_tick(struct apic *apic);

#endif /* _HVEMU_APIC_H */
