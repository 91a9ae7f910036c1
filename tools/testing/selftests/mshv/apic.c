// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the local APICs of VPs do by themselves: timers, and IPIs to few and to many.
 */

#include "harness.h"
#include "machine.h"
#include "vm.h"

#define APIC_WRITE(offset, value)					\
	"mov $" __stringify(APIC_BASE) " + " __stringify(offset) ", %ecx\n" \
	"movl $" __stringify(value) ", (%rcx)\n"

/* The timer once, and again and again. */
GUEST64(timer_once,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	APIC_WRITE(APIC_DIVIDE, 0xb)
	APIC_WRITE(APIC_LVT_TIMER, VECTOR_TIMER)
	APIC_WRITE(APIC_INITIAL_COUNT, 1000000)
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

GUEST64(timer_again,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	APIC_WRITE(APIC_DIVIDE, 0xb)
	APIC_WRITE(APIC_LVT_TIMER, 0x20000 + VECTOR_TIMER)
	APIC_WRITE(APIC_INITIAL_COUNT, 10000000)
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

GUEST64(timer_again_running,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	APIC_WRITE(APIC_DIVIDE, 0xb)
	APIC_WRITE(APIC_LVT_TIMER, 0x20000 + VECTOR_TIMER)
	APIC_WRITE(APIC_INITIAL_COUNT, 10000000)
	"sti\n"
	SPIN);

/* To the local APIC of VP 1: a vector, an NMI, and what starts a processor. */
GUEST64(sends_ipi,
	GUEST_APIC_ON
	APIC_WRITE(APIC_ICR_HIGH, 0x01000000)
	APIC_WRITE(APIC_ICR_LOW, 0x4000 + VECTOR_IPI)
	GUEST_REPORT(READY)
	SPIN);

GUEST64(sends_nmi,
	GUEST_APIC_ON
	APIC_WRITE(APIC_ICR_HIGH, 0x01000000)
	APIC_WRITE(APIC_ICR_LOW, 0x4400)
	GUEST_REPORT(READY)
	SPIN);

/* To all others, each time that an interrupt wakes it. */
GUEST64(sends_ipis,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
"1:	sti\n"
	"hlt\n"
	"cli\n"
	APIC_WRITE(APIC_ICR_LOW, 0xc4000 + VECTOR_IPI)
	GUEST_REPORT(READY)
	"jmp 1b\n");

#define START_CODE	0x6000		/* where VP 1 starts in real mode */
GUEST64(starts_vp_1,
	GUEST_APIC_ON
	APIC_WRITE(APIC_ICR_HIGH, 0x01000000)
	APIC_WRITE(APIC_ICR_LOW, 0x4500)		/* INIT */
	APIC_WRITE(APIC_ICR_HIGH, 0x01000000)
	APIC_WRITE(APIC_ICR_LOW, 0x4606)		/* start-up, page 6 */
	GUEST_REPORT(READY)
	SPIN);

GUESTXX(started,
	GUEST_REPORT(0x5151)
	SPIN);

/* The timer of the local APIC wakes a VP that is halted. */
TEST_F(interrupts, timer_once)
{
	ASSERT_TRUE(machine_run(&self->machine, 0, &timer_once));
	EXPECT_TRUE(took(&self->machine, 0, VECTOR_TIMER, 1));
	/* Time for another, if there were to be any. */
	usleep(20000);
	EXPECT_EQ(0, machine_halt(&self->machine, 0));
	EXPECT_EQ(1, atomic_load(&self->machine.runners[0].irqs[VECTOR_TIMER]));
}

TEST_F(interrupts, timer_again)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 0, &timer_again));
	EXPECT_TRUE(wait_until(machine->runners[0].irqs[VECTOR_TIMER] >= 5));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* And interrupts one that never rests. */
TEST_F(interrupts, timer_again_running)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 0, &timer_again_running));
	EXPECT_TRUE(wait_until(machine->runners[0].irqs[VECTOR_TIMER] >= 5));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* From VP to VP, to one that is halted and one that is not. */
TEST_F(interrupts, ipi)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 1, &guest_rests));
	ASSERT_TRUE(machine_run(machine, 0, &sends_ipi));
	EXPECT_TRUE(took(machine, 1, VECTOR_IPI, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
	EXPECT_EQ(0, machine_halt(machine, 1));
}

TEST_F(interrupts, ipi_to_running)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 1, &running));
	ASSERT_TRUE(machine_run(machine, 0, &sends_ipi));
	EXPECT_TRUE(took(machine, 1, VECTOR_IPI, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
	EXPECT_EQ(0, machine_halt(machine, 1));
}

TEST_F(interrupts, ipi_nmi)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 1, &running_without_interrupts));
	ASSERT_TRUE(machine_run(machine, 0, &sends_nmi));
	EXPECT_TRUE(took(machine, 1, 2, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
	EXPECT_EQ(0, machine_halt(machine, 1));
}

/*
 * All VPs but the first wait for the others to start them; meanwhile they are
 * run all the same, and have nothing to do.
 */
TEST_F(interrupts, start_up)
{
	struct machine *machine = &self->machine;
	struct runner *second = &machine->runners[1];

	vm_load(&machine->vm, START_CODE, GUEST_REAL, &started);
	runner_start(second, &machine->vps[1]);
	ASSERT_TRUE(machine_run(machine, 0, &starts_vp_1));
	ASSERT_TRUE(wait_until(second->reports || second->left));
	EXPECT_EQ(1, atomic_load(&second->reports));
	EXPECT_EQ(0x5151, atomic_load(&second->report));
	EXPECT_EQ(0, machine_halt(machine, 0));
	EXPECT_EQ(0, machine_halt(machine, 1));
}

/*
 * Many halted VPs that an IPI of VP 0, or the VMM, wakes all at once. What tells the
 * driver that VPs may run again names many of them then.
 */
#define CROWD_MOST	64

FIXTURE(crowd) {
	struct vm vm;
	struct vp vps[CROWD_MOST];
	struct runner *runners;
};

FIXTURE_VARIANT(crowd) {
	unsigned int count;
};

FIXTURE_VARIANT_ADD(crowd, 9) { .count = 9, };
FIXTURE_VARIANT_ADD(crowd, 64) { .count = 64, };

FIXTURE_SETUP(crowd)
{
	const char *why = mshv_missing();
	u64 code = GUEST_CODE;
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	self->runners = memory_get(CROWD_MOST * sizeof(*self->runners));
	vm_start(&self->vm, VM_DEFAULT);
	vm_take_interrupts(&self->vm);
	vm_load(&self->vm, GUEST_CODE, GUEST_LONG, &sends_ipis);
	vm_load(&self->vm, GUEST_CODE + 0x400, GUEST_LONG, &guest_rests);
	for (i = 0; i < variant->count; i++) {
		vp_start(&self->vm, &self->vps[i], i);
		vp_enter_at(&self->vps[i], GUEST_LONG, code);
		code = GUEST_CODE + 0x400;
		runner_start(&self->runners[i], &self->vps[i]);
	}
	for (i = 0; i < variant->count; i++) {
		ASSERT_TRUE(wait_until(self->runners[i].reports || self->runners[i].left))
			TH_LOG("VP %u", i);
	}
}

FIXTURE_TEARDOWN(crowd)
{
	unsigned int i;

	for (i = 0; i < variant->count; i++)
		vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
}

TEST_F(crowd, woken_by_ipi)
{
	unsigned int i, round;

	for (round = 1; round <= 3; round++) {
		ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
		for (i = 1; i < variant->count; i++) {
			ASSERT_TRUE(wait_until(self->runners[i].irqs[VECTOR_IPI] >= round))
				TH_LOG("VP %u, round %u", i, round);
		}
		/* It rests before it is asked again. */
		ASSERT_TRUE(wait_until(self->runners[0].reports == round + 1));
	}
	for (i = 0; i < variant->count; i++) {
		EXPECT_EQ(0, runner_stop(&self->runners[i]));
		EXPECT_EQ(i ? 3 : 0, atomic_load(&self->runners[i].irqs[VECTOR_IPI]));
	}
}

TEST_F(crowd, woken_by_vmm)
{
	unsigned int i, round;

	for (round = 1; round <= 3; round++) {
		for (i = 1; i < variant->count; i++)
			ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, i, VECTOR));
		for (i = 1; i < variant->count; i++) {
			ASSERT_TRUE(wait_until(self->runners[i].irqs[VECTOR] >= round))
				TH_LOG("VP %u, round %u", i, round);
		}
	}
	for (i = 0; i < variant->count; i++) {
		EXPECT_EQ(0, runner_stop(&self->runners[i]));
		EXPECT_EQ(i ? 3 : 0, atomic_load(&self->runners[i].irqs[VECTOR]));
	}
}

TEST_HARNESS_MAIN
