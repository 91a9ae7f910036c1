// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a guest by every way of raising them, to VPs that are halted and VPs that
 * run; those that are masked, merged, or for nobody.
 */

#include "harness.h"
#include "machine.h"
#include "vm.h"

GUEST64(with_high_priority,
	GUEST_APIC_ON
	"mov $0xf, %eax\n"
	"mov %rax, %cr8\n"
	"sti\n"
	GUEST_REPORT(READY)
	REPORT_COUNTS
	"mov $5, %eax\n"		/* lets VECTOR_OTHER through, not VECTOR */
	"mov %rax, %cr8\n"
	"nop\n"
	REPORT_COUNTS
	"xor %eax, %eax\n"
	"mov %rax, %cr8\n"
	"nop\n"
	REPORT_COUNTS);

FIXTURE(raise) {
	struct machine machine;
	unsigned int index;
};

/* The ways of raising VECTOR at a VP. @prepare is called once before. */
FIXTURE_VARIANT(raise) {
	int (*prepare)(struct machine *machine, unsigned int index);
	int (*raise)(struct machine *machine, unsigned int index);
	bool needs_end;
	bool halted;
	unsigned int index;
};

static int raise_by_hypercall(struct machine *machine, unsigned int index)
{
	return vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, index, VECTOR);
}

static int prepare_irqfd(struct machine *machine, unsigned int index)
{
	const struct mshv_user_irq_entry entry = vm_route(GSI, index, VECTOR);

	return vm_set_routes(&machine->vm, &entry, 1) ?:
	       set_irqfd(&machine->vm, machine->event, -1, GSI, 0);
}

static int raise_by_irqfd(struct machine *machine, unsigned int index)
{
	signal_event(machine->event);
	return 0;
}

static int prepare_resampled(struct machine *machine, unsigned int index)
{
	const struct mshv_user_irq_entry entry = vm_route(GSI, index, VECTOR | MSI_LEVEL);

	return vm_set_routes(&machine->vm, &entry, 1) ?:
	       set_irqfd(&machine->vm, machine->event, machine->resample, GSI,
			 BIT(MSHV_IRQFD_BIT_RESAMPLE));
}

FIXTURE_VARIANT_ADD(raise, hypercall_halted) {
	.raise = raise_by_hypercall,
	.halted = true,
};

FIXTURE_VARIANT_ADD(raise, hypercall_running) {
	.raise = raise_by_hypercall,
};

FIXTURE_VARIANT_ADD(raise, hypercall_second_vp) {
	.raise = raise_by_hypercall,
	.halted = true,
	.index = 1,
};

FIXTURE_VARIANT_ADD(raise, irqfd_halted) {
	.prepare = prepare_irqfd,
	.raise = raise_by_irqfd,
	.halted = true,
};

FIXTURE_VARIANT_ADD(raise, irqfd_running) {
	.prepare = prepare_irqfd,
	.raise = raise_by_irqfd,
};

FIXTURE_VARIANT_ADD(raise, irqfd_second_vp) {
	.prepare = prepare_irqfd,
	.raise = raise_by_irqfd,
	.index = 1,
};

FIXTURE_VARIANT_ADD(raise, resampled_halted) {
	.prepare = prepare_resampled,
	.raise = raise_by_irqfd,
	.needs_end = true,
	.halted = true,
};

FIXTURE_VARIANT_ADD(raise, resampled_running) {
	.prepare = prepare_resampled,
	.raise = raise_by_irqfd,
	.needs_end = true,
};

FIXTURE_SETUP(raise)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	machine_start(&self->machine);
	if (variant->prepare)
		EXPECT_EQ(0, variant->prepare(&self->machine, variant->index));
}

FIXTURE_TEARDOWN(raise)
{
	machine_stop(&self->machine);
}

/* The end of a level-triggered interrupt is told to the eventfd, or to the VMM. */
static bool end_came(struct machine *machine, unsigned int index, unsigned int times)
{
	if (!wait_until(!event_is_quiet(machine->resample) ||
			machine->runners[index].eois >= times))
		return false;
	if (event_is_quiet(machine->resample))
		return machine->runners[index].eoi_vector == VECTOR;
	return event_came(machine->resample);
}

/* One for each time it is raised, however often. */
TEST_F(raise, one_by_one)
{
	struct machine *machine = &self->machine;
	unsigned int i;

	ASSERT_TRUE(machine_run(machine, variant->index,
				variant->halted ? &guest_rests : &running));
	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(0, variant->raise(machine, variant->index));
		ASSERT_TRUE(took(machine, variant->index, VECTOR, i))
			TH_LOG("interrupt %u", i);
		if (variant->needs_end)
			EXPECT_TRUE(end_came(machine, variant->index, i));
	}
	/* Nor does one come twice: what was behind them would come after it. */
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, variant->index,
			       VECTOR_LAST));
	EXPECT_TRUE(took(machine, variant->index, VECTOR_LAST, 1));
	EXPECT_EQ(0, machine_halt(machine, variant->index));
	EXPECT_EQ(20, atomic_load(&machine->runners[variant->index].irqs[VECTOR]));
}

/* Raised before the VP runs for the first time: it is there when it does. */
TEST_F(raise, before_the_first_run)
{
	struct machine *machine = &self->machine;
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	struct vp *vp = &machine->vps[variant->index];

	/* A local APIC that is off takes nothing; the guest has not run yet. */
	ASSERT_EQ(0, vp_get_state(vp, MSHV_VP_STATE_LAPIC, apic));
	apic->apic_spurious = 0x1ff;
	ASSERT_EQ(0, vp_set_state(vp, MSHV_VP_STATE_LAPIC, apic));
	ASSERT_EQ(0, variant->raise(machine, variant->index));
	ASSERT_TRUE(machine_run(machine, variant->index,
				variant->halted ? &guest_rests : &running));
	EXPECT_TRUE(took(machine, variant->index, VECTOR, 1));
	EXPECT_EQ(0, machine_halt(machine, variant->index));
}

/* Raised while the VP is between two runs. */
TEST_F(raise, between_runs)
{
	struct machine *machine = &self->machine;
	unsigned int i;

	ASSERT_TRUE(machine_run(machine, variant->index,
				variant->halted ? &guest_rests : &running));
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, machine_halt(machine, variant->index));
		ASSERT_EQ(0, variant->raise(machine, variant->index));
		runner_start(&machine->runners[variant->index],
			     &machine->vps[variant->index]);
		ASSERT_TRUE(took(machine, variant->index, VECTOR, i));
		if (variant->needs_end)
			EXPECT_TRUE(end_came(machine, variant->index, i));
	}
	EXPECT_EQ(0, machine_halt(machine, variant->index));
}

/* Interrupts that are off come later, the more important one first. */
TEST_F(interrupts, masked_by_flag)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &with_interrupts_off);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR_OTHER));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR_OTHER, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x101, value);
}

/* The task priority holds back what is not more important. */
TEST_F(interrupts, masked_by_priority)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &with_high_priority);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR_OTHER));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR_OTHER, value);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x101, value);
}

/* One that is raised twice before it is taken is taken once. */
TEST_F(interrupts, merged)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &with_interrupts_off);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x100, value);
}

/* To a VP that does not exist: refused or lost, and nobody gets it. */
TEST_F(interrupts, to_nobody)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 200, VECTOR);

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 200, VECTOR);
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	signal_event(machine->event);
	/* One that comes, behind them. */
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR_OTHER));
	EXPECT_TRUE(took(machine, 0, VECTOR_OTHER, 1));
	EXPECT_EQ(0, atomic_load(&machine->runners[0].irqs[VECTOR]));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* Two partitions have the same VPs, vectors and routes, and each its own interrupts. */
TEST_F(interrupts, two_partitions)
{
	struct machine *machine = &self->machine, *other = memory_get(sizeof(*other));
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR);
	unsigned int i;

	machine_start(other);
	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	ASSERT_TRUE(machine_run(other, 0, &guest_rests));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, vm_set_routes(&other->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	ASSERT_EQ(0, set_irqfd(&other->vm, other->event, -1, GSI, 0));
	for (i = 1; i <= 5; i++) {
		signal_event(machine->event);
		ASSERT_TRUE(took(machine, 0, VECTOR, 2 * i - 1));
		ASSERT_EQ(0, raise_by_hypercall(machine, 0));
		ASSERT_TRUE(took(machine, 0, VECTOR, 2 * i));
	}
	/* What comes behind shows that none of these came. */
	ASSERT_EQ(0, vm_assert(&other->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR_LAST));
	EXPECT_TRUE(took(other, 0, VECTOR_LAST, 1));
	EXPECT_EQ(0, atomic_load(&other->runners[0].irqs[VECTOR]));
	EXPECT_EQ(0, atomic_load(&machine->runners[0].irqs[VECTOR_LAST]));
	signal_event(other->event);
	EXPECT_TRUE(took(other, 0, VECTOR, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
	EXPECT_EQ(0, machine_halt(other, 0));
	machine_stop(other);
}

TEST_HARNESS_MAIN
