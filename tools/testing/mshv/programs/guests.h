/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that keep a partition busy, for programs that do things to it by chance.
 */
#ifndef _HVEMU_GUESTS_H
#define _HVEMU_GUESTS_H

#include <linux/kernel.h>

#include "chance.h"
#include "vm.h"

GUESTXX(spin, "1: jmp 1b\n");

GUESTXX(report, "1: inc %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

/* Writes to each page of the extra memory, which is there or not. */
GUESTXX(sweep, "1: mov $" __stringify(GUEST_FREE) ", %ebx\n"
	"mov $256, %ecx\n"
	"2: incl %es:(%ebx)\n"
	"add $0x1000, %ebx\n"
	"dec %ecx\n"
	"jnz 2b\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

GUEST64(rest, GUEST_APIC_ON
	"sti\n"
	"1: hlt\n"
	"jmp 1b\n");

/*
 * Of an enlightened partition: a periodic synthetic timer wakes it, and each time all
 * VPs forget their translations. What is not granted is a fault.
 */
#define TIMER_VECTOR	0x51
#define CALL_PAGE	0x32000
#define CALL_INPUT	0x33000
#define WRMSR(msr, value)						\
	"mov $" __stringify(msr) ", %ecx\n"				\
	"mov $" __stringify(value) ", %eax\n"				\
	"xor %edx, %edx\n"						\
	"wrmsr\n"

GUEST64(enlightened, GUEST_APIC_ON
	WRMSR(0x40000000, 0x100)		/* HV_X64_MSR_GUEST_OS_ID */
	WRMSR(0x40000001, CALL_PAGE + 1)	/* HV_X64_MSR_HYPERCALL */
	WRMSR(0x400000b1, 20000)		/* HV_X64_MSR_STIMER0_COUNT */
	WRMSR(0x400000b0, 0x1003 + (TIMER_VECTOR << 4))
	"mov $" __stringify(CALL_INPUT) ", %ebx\n"
	"movq $0, (%rbx)\n"
	"movq $3, 8(%rbx)\n"			/* all VPs, all address spaces */
	"movq $0, 16(%rbx)\n"
	"1: sti\n"
	"hlt\n"
	"cli\n"
	"mov $2, %ecx\n"			/* HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE */
	"mov %rbx, %rdx\n"
	"xor %r8, %r8\n"
	"mov $" __stringify(CALL_PAGE) ", %eax\n"
	"call *%rax\n"
	"jmp 1b\n");

static const union hv_partition_synthetic_processor_features granted = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_synic_regs = 1,
	.access_synthetic_timer_regs = 1,
	.access_hypercall_regs = 1,
	.direct_synthetic_timers = 1,
	.tb_flush_hypercalls = 1,
};

/* The last one is for enlightened partitions. */
static const struct guest * const guests[] = { &spin, &report, &sweep, &rest, &enlightened };
#define MODES	(GUEST_LONG + 1)

#define CODE_SIZE	0x100

static inline u64 guest_at(unsigned int kind, enum guest_mode mode)
{
	return GUEST_CODE + (kind * MODES + mode) * CODE_SIZE;
}

/* Copy all of them to the memory of a partition, with what takes interrupts. */
static inline void guests_load(struct vm *vm)
{
	unsigned int kind;
	enum guest_mode mode;

	for (kind = 0; kind < ARRAY_SIZE(guests); kind++)
		for (mode = GUEST_REAL; mode < MODES; mode++)
			if (guests[kind]->code[mode].begin)
				vm_load(vm, guest_at(kind, mode), mode, guests[kind]);
	vm_take_interrupts(vm);
}

/* Have a VP begin with one of them. Return: 0 or -errno. */
static inline int guest_enter(struct vp *vp, bool is_enlightened)
{
	unsigned int kind = chance(ARRAY_SIZE(guests) - !is_enlightened);
	bool is_long = guests[kind] == &rest || guests[kind] == &enlightened;
	enum guest_mode mode = is_long ? GUEST_LONG : chance(MODES);

	return vp_try_enter_at(vp, mode, guest_at(kind, mode));
}

#endif /* _HVEMU_GUESTS_H */
