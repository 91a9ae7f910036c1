/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a local APIC, as the SDM has them.
 */
#ifndef _HVEMU_TESTS_APIC_REGS_H
#define _HVEMU_TESTS_APIC_REGS_H

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

#endif /* _HVEMU_TESTS_APIC_REGS_H */
