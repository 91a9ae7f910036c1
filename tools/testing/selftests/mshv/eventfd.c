// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that raise interrupts, and doorbells, by which a guest signals them.
 */

#include <errno.h>
#include <sys/eventfd.h>

#include "harness.h"
#include "machine.h"
#include "vm.h"

/* Writes each size to nowhere and says so, in this order. */
GUEST64(rings,
	"mov $" __stringify(GUEST_MMIO) ", %esi\n"
"1:	mov $0x77, %eax\n"
	"mov %eax, (%rsi)\n"
	GUEST_REPORT(1)
	"mov $0x78, %eax\n"
	"mov %eax, (%rsi)\n"
	GUEST_REPORT(2)
	"mov $0x77, %eax\n"
	"mov %ax, (%rsi)\n"
	GUEST_REPORT(3)
	"mov $0x77, %eax\n"
	"mov %al, (%rsi)\n"
	GUEST_REPORT(4)
	"mov $0x77, %eax\n"
	"mov %rax, (%rsi)\n"
	GUEST_REPORT(5)
	"jmp 1b\n");

/* An irqfd goes where the table says now, and nowhere without one. */
TEST_F(interrupts, routes_change)
{
	struct machine *machine = &self->machine;
	struct runner *runner = &machine->runners[0];
	struct mshv_user_irq_entry entries[2] = {
		vm_route(GSI, 0, VECTOR),
		vm_route(GSI_OTHER, 0, 0x90),
	};

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	/* Before there is any table. */
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	signal_event(machine->event);
	ASSERT_EQ(0, vm_set_routes(&machine->vm, entries, 2));
	signal_event(machine->event);
	ASSERT_TRUE(took(machine, 0, VECTOR, 1));

	entries[0] = vm_route(GSI, 0, VECTOR_OTHER);
	ASSERT_EQ(0, vm_set_routes(&machine->vm, entries, 2));
	signal_event(machine->event);
	ASSERT_TRUE(took(machine, 0, VECTOR_OTHER, 1));

	/* A table without it, and none. What comes behind shows that it is lost. */
	ASSERT_EQ(0, vm_set_routes(&machine->vm, entries + 1, 1));
	signal_event(machine->event);
	ASSERT_EQ(0, vm_set_routes(&machine->vm, NULL, 0));
	signal_event(machine->event);
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, 0xa0));
	ASSERT_TRUE(took(machine, 0, 0xa0, 1));
	EXPECT_EQ(1, atomic_load(&runner->irqs[VECTOR]));
	EXPECT_EQ(1, atomic_load(&runner->irqs[VECTOR_OTHER]));
	EXPECT_EQ(0, atomic_load(&runner->irqs[0x90]));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* What was signalled before it was bound is not lost. */
TEST_F(interrupts, irqfd_signalled_before)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR);

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	signal_event(machine->event);
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	EXPECT_TRUE(took(machine, 0, VECTOR, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* One that is unbound raises nothing, and can be bound again. */
TEST_F(interrupts, irqfd_unbound)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entries[2] = {
		vm_route(GSI, 0, VECTOR), vm_route(GSI_OTHER, 0, VECTOR_OTHER),
	};

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, entries, 2));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	/* Of another number: nothing is unbound. */
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI_OTHER,
			       BIT(MSHV_IRQFD_BIT_DEASSIGN)));
	signal_event(machine->event);
	ASSERT_TRUE(took(machine, 0, VECTOR, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI,
			       BIT(MSHV_IRQFD_BIT_DEASSIGN)));
	signal_event(machine->event);
	/* It is an eventfd as any other again. */
	EXPECT_TRUE(event_came(machine->event));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI_OTHER, 0));
	signal_event(machine->event);
	EXPECT_TRUE(took(machine, 0, VECTOR_OTHER, 1));
	EXPECT_EQ(1, atomic_load(&machine->runners[0].irqs[VECTOR]));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/*
 * Closing one of an eventfd's numbers changes nothing, closing the last one unbinds
 * it; the interrupt is free for another.
 */
TEST_F(interrupts, irqfd_closed)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR);
	int same = dup(machine->event);

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	ASSERT_GE(same, 0);
	close(machine->event);
	EXPECT_EQ(-EBUSY, set_irqfd(&machine->vm, same, -1, GSI, 0));
	signal_event(same);
	ASSERT_TRUE(took(machine, 0, VECTOR, 1));
	close(same);
	machine->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(machine->event, 0);
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	signal_event(machine->event);
	EXPECT_TRUE(took(machine, 0, VECTOR, 2));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* An eventfd raises an interrupt in one partition; the other VMM is told. */
TEST_F(interrupts, irqfd_of_two_partitions)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR);
	struct vm other;

	vm_start(&other, VM_DEFAULT);
	ASSERT_EQ(0, vm_set_routes(&other, &entry, 1));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&other, machine->event, -1, GSI, 0));
	EXPECT_EQ(-EBUSY, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	/* That of a partition that has gone is free. */
	vm_stop(&other);
	EXPECT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	signal_event(machine->event);
	EXPECT_TRUE(took(machine, 0, VECTOR, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* A resampled irqfd is for what is level-triggered. */
TEST_F(interrupts, resampled_needs_level)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR);

	EXPECT_EQ(-EINVAL, set_irqfd(&machine->vm, machine->event, machine->resample, GSI,
				     BIT(MSHV_IRQFD_BIT_RESAMPLE)));
	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	EXPECT_EQ(-EINVAL, set_irqfd(&machine->vm, machine->event, machine->resample, GSI,
				     BIT(MSHV_IRQFD_BIT_RESAMPLE)));
}

/* Two on one line are both told of its end. */
TEST_F(interrupts, resampled_by_two)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 0, VECTOR | MSI_LEVEL);
	int event = eventfd(0, EFD_CLOEXEC), resample = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, machine->resample, GSI,
			       BIT(MSHV_IRQFD_BIT_RESAMPLE)));
	ASSERT_EQ(0, set_irqfd(&machine->vm, event, resample, GSI,
			       BIT(MSHV_IRQFD_BIT_RESAMPLE)));
	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	signal_event(event);
	ASSERT_TRUE(took(machine, 0, VECTOR, 1));
	ASSERT_TRUE(wait_until(machine->runners[0].eois ||
			       !event_is_quiet(machine->resample)));
	if (machine->runners[0].eois)
		SKIP(return, "the hypervisor tells the VMM of EOIs, not the kernel");
	EXPECT_TRUE(event_came(machine->resample));
	EXPECT_TRUE(event_came(resample));
	EXPECT_EQ(0, machine_halt(machine, 0));
	close(event);
	close(resample);
}

static int set_doorbell(struct vm *vm, int event, u32 length, u64 match, u32 flags)
{
	struct mshv_user_ioeventfd args = {
		.fd = event,
		.addr = GUEST_MMIO,
		.len = length,
		.datamatch = match,
		.flags = flags,
	};

	return mshv_ioctl(vm->fd, MSHV_IOEVENTFD, &args);
}

/* What does not name a doorbell as it was set takes none away. */
TEST_F(interrupts, doorbell_of_another)
{
	struct machine *machine = &self->machine;
	const u32 match = BIT(MSHV_IOEVENTFD_BIT_DATAMATCH);
	const u32 gone = BIT(MSHV_IOEVENTFD_BIT_DEASSIGN);
	u32 value;

	ASSERT_EQ(0, set_doorbell(&machine->vm, machine->event, 4, 0x77, match));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->event, 2, 0x77, match | gone));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->event, 0, 0x77, match | gone));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->event, 4, 0x78, match | gone));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->event, 4, 0x77, gone));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->resample, 4, 0x77, match | gone));
	vp_enter(&machine->vps[0], GUEST_LONG, &rings);
	ASSERT_EQ(0, vp_run_to_report(&machine->vps[0], &value));
	EXPECT_EQ(1, value);
	EXPECT_TRUE(event_came(machine->event));
	EXPECT_EQ(0, set_doorbell(&machine->vm, machine->event, 4, 0x77, match | gone));
}

/* How long the instructions are by which "rings" writes. */
static const u8 writes[] = { 2, 2, 3, 2, 3 };

/*
 * Run through all writes: those in @expected go to the doorbell and the VMM does
 * not see them, the others it sees, and finishes.
 */
static bool writes_reach(struct vp *vp, int event, u32 expected)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		if (vp_run(vp))
			return false;
		if (!(expected & BIT(i))) {
			if (!vp_met_memory(vp) ||
			    vp_memory(vp)->guest_physical_address != GUEST_MMIO ||
			    !event_is_quiet(event))
				return false;
			vp_set(vp, HV_X64_REGISTER_RIP,
			       vp_header(vp)->rip + writes[i]);
			if (vp_run(vp))
				return false;
		}
		if (vp->msg.header.message_type != HVMSG_X64_IO_PORT_INTERCEPT ||
		    (u32)vp_io(vp)->rax != i + 1)
			return false;
		vp_set(vp, HV_X64_REGISTER_RIP,
		       vp_header(vp)->rip + vp_header(vp)->instruction_length);
		if (expected & BIT(i) && !event_came(event))
			return false;
	}
	return true;
}

FIXTURE(doorbell) {
	struct machine machine;
};

FIXTURE_VARIANT(doorbell) {
	u32 length;
	bool match;
	u32 reach;		/* a bit for each of the writes */
};

FIXTURE_VARIANT_ADD(doorbell, any_size) { .length = 0, .reach = 0x1f, };
FIXTURE_VARIANT_ADD(doorbell, size_1) { .length = 1, .reach = 0x08, };
FIXTURE_VARIANT_ADD(doorbell, size_2) { .length = 2, .reach = 0x04, };
FIXTURE_VARIANT_ADD(doorbell, size_4) { .length = 4, .reach = 0x03, };
FIXTURE_VARIANT_ADD(doorbell, size_8) { .length = 8, .reach = 0x10, };
FIXTURE_VARIANT_ADD(doorbell, match_4) { .length = 4, .match = true, .reach = 0x01, };
FIXTURE_VARIANT_ADD(doorbell, match_1) { .length = 1, .match = true, .reach = 0x08, };

FIXTURE_SETUP(doorbell)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	machine_start(&self->machine);
}

FIXTURE_TEARDOWN(doorbell)
{
	machine_stop(&self->machine);
}

/* The writes that fit reach the eventfd, the others the VMM; later all do. */
TEST_F(doorbell, writes)
{
	struct machine *machine = &self->machine;
	u32 flags = variant->match ? BIT(MSHV_IOEVENTFD_BIT_DATAMATCH) : 0;

	ASSERT_EQ(0, set_doorbell(&machine->vm, machine->event, variant->length, 0x77, flags));
	EXPECT_EQ(-EEXIST, set_doorbell(&machine->vm, machine->event, variant->length,
					0x77, flags));
	vp_enter(&machine->vps[0], GUEST_LONG, &rings);
	EXPECT_TRUE(writes_reach(&machine->vps[0], machine->event, variant->reach))
		vp_print_message(&machine->vps[0]);
	EXPECT_TRUE(writes_reach(&machine->vps[0], machine->event, variant->reach))
		vp_print_message(&machine->vps[0]);

	flags |= BIT(MSHV_IOEVENTFD_BIT_DEASSIGN);
	ASSERT_EQ(0, set_doorbell(&machine->vm, machine->event, variant->length, 0x77, flags));
	/* This may signal it, so that nothing is lost that the guest writes meanwhile. */
	if (!event_is_quiet(machine->event))
		EXPECT_TRUE(event_came(machine->event));
	EXPECT_EQ(-ENOENT, set_doorbell(&machine->vm, machine->event, variant->length,
					0x77, flags));
	EXPECT_TRUE(writes_reach(&machine->vps[0], machine->event, 0))
		vp_print_message(&machine->vps[0]);
}

/* Two at one address, told apart by what is written. */
TEST_F(interrupts, doorbells_by_value)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	int other = eventfd(0, EFD_CLOEXEC);
	const u32 match = BIT(MSHV_IOEVENTFD_BIT_DATAMATCH);
	u32 value;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, set_doorbell(&machine->vm, machine->event, 4, 0x77, match));
	ASSERT_EQ(0, set_doorbell(&machine->vm, other, 4, 0x78, match));
	vp_enter(vp, GUEST_LONG, &rings);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(1, value);
	EXPECT_TRUE(event_came(machine->event));
	EXPECT_TRUE(event_is_quiet(other));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(2, value);
	EXPECT_TRUE(event_came(other));
	EXPECT_TRUE(event_is_quiet(machine->event));
	close(other);
}

/* An eventfd may be doorbell and irqfd: a VP interrupts another without a VMM. */
TEST_F(interrupts, doorbell_raises_irqfd)
{
	struct machine *machine = &self->machine;
	const struct mshv_user_irq_entry entry = vm_route(GSI, 1, VECTOR);
	u32 value;

	ASSERT_EQ(0, vm_set_routes(&machine->vm, &entry, 1));
	ASSERT_EQ(0, set_irqfd(&machine->vm, machine->event, -1, GSI, 0));
	ASSERT_EQ(0, set_doorbell(&machine->vm, machine->event, 4, 0x77,
				  BIT(MSHV_IOEVENTFD_BIT_DATAMATCH)));
	ASSERT_TRUE(machine_run(machine, 1, &guest_rests));
	vp_enter(&machine->vps[0], GUEST_LONG, &rings);
	/* It would overwrite nothing of VP 1's, which is 0x400 further. */
	ASSERT_EQ(0, vp_run_to_report(&machine->vps[0], &value));
	EXPECT_EQ(1, value);
	EXPECT_TRUE(took(machine, 1, VECTOR, 1));
	EXPECT_EQ(0, machine_halt(machine, 1));
}

TEST_HARNESS_MAIN
