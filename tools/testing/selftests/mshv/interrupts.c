// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a guest by every way of raising them, to VPs that are halted and
 * VPs that run; and doorbells, which go the other way.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "harness.h"
#include "vm.h"

#define VECTOR		0x40
#define VECTOR_OTHER	0x60
#define VECTOR_TIMER	0x50
#define VECTOR_IPI	0x70
#define VECTOR_LAST	0x30		/* taken when no other is left */
#define GSI		5
#define GSI_OTHER	9
#define MSI_LEVEL	0x8000		/* of an MSI's data */

#define READY		1

#define SPIN		"1: pause\njmp 1b\n"

/* Waits for interrupts as guest_rests does, but is busy. It says so first, too. */
GUEST64(running,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	"sti\n"
	SPIN);

/* Likewise with interrupts off, which NMIs do not mind. */
GUEST64(running_without_interrupts,
	GUEST_REPORT(READY)
	SPIN);

/* Says how often VECTOR and VECTOR_OTHER were taken. */
#define COUNT_OF(vector)	__stringify(GUEST_COUNTS) " + 4 * " __stringify(vector)
#define REPORT_COUNTS							\
	"mov " COUNT_OF(VECTOR) ", %eax\n"				\
	"shl $8, %eax\n"						\
	"or " COUNT_OF(VECTOR_OTHER) ", %eax\n"				\
	"out %eax, $" __stringify(PORT_REPORT) "\n"

/* Reports are moments at which the test raises interrupts: none comes at once. */
GUEST64(with_interrupts_off,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	REPORT_COUNTS
	"sti\n"
	"nop\n"
	"cli\n"
	REPORT_COUNTS);

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

static int set_irqfd(struct vm *vm, int event, int resample, u32 gsi, u32 flags)
{
	struct mshv_user_irqfd args = {
		.fd = event,
		.resamplefd = resample,
		.gsi = gsi,
		.flags = flags,
	};

	return mshv_ioctl(vm->fd, MSHV_IRQFD, &args);
}

static void signal_event(int event)
{
	const u64 one = 1;

	if (write(event, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* Whether an eventfd is signalled, now or before long. Takes the signal. */
static bool event_came(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };
	u64 count;

	return poll(&poll_event, 1, WAIT_SECONDS * 1000) == 1 &&
	       read(event, &count, sizeof(count)) == sizeof(count);
}

static bool event_is_quiet(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };

	return poll(&poll_event, 1, 0) == 0;
}

/* Two VPs with interrupt handlers, each run by a thread once it is started. */
struct machine {
	struct vm vm;
	struct vp vps[2];
	struct runner runners[2];
	int event;
	int resample;
};

static void machine_start(struct machine *machine)
{
	vm_start(&machine->vm, VM_DEFAULT);
	vm_take_interrupts(&machine->vm);
	vp_start(&machine->vm, &machine->vps[0], 0);
	vp_start(&machine->vm, &machine->vps[1], 1);
	machine->event = eventfd(0, EFD_CLOEXEC);
	machine->resample = eventfd(0, EFD_CLOEXEC);
}

/* Have a VP run @guest in long mode, until it says that it is ready. */
static bool machine_run(struct machine *machine, unsigned int index,
			const struct guest *guest)
{
	struct runner *runner = &machine->runners[index];

	/* They do not overwrite each other's code. */
	vm_load(&machine->vm, GUEST_CODE + 0x400 * index, GUEST_LONG, guest);
	vp_enter_at(&machine->vps[index], GUEST_LONG, GUEST_CODE + 0x400 * index);
	runner_start(runner, &machine->vps[index]);
	return wait_until(runner->reports || runner->left) && runner->report == READY;
}

static int machine_halt(struct machine *machine, unsigned int index)
{
	struct runner *runner = &machine->runners[index];

	return runner->thread ? runner_stop(runner) : 0;
}

static void machine_stop(struct machine *machine)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		vp_stop(&machine->vps[i]);
	vm_stop(&machine->vm);
	close(machine->event);
	close(machine->resample);
}

static bool took(struct machine *machine, unsigned int index, u8 vector, unsigned int times)
{
	return wait_until(machine->runners[index].irqs[vector] >= times ||
			  machine->runners[index].left) &&
	       machine->runners[index].irqs[vector] == times;
}

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

FIXTURE(interrupts) {
	struct machine machine;
};

FIXTURE_SETUP(interrupts)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	machine_start(&self->machine);
}

FIXTURE_TEARDOWN(interrupts)
{
	machine_stop(&self->machine);
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

/* An NMI comes whether interrupts are on or off. */
TEST_F(interrupts, nmi)
{
	struct machine *machine = &self->machine;
	unsigned int i;

	ASSERT_TRUE(machine_run(machine, 0, &running_without_interrupts));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_NMI, 0, 0));
		ASSERT_TRUE(took(machine, 0, 2, i));
	}
	EXPECT_EQ(0, machine_halt(machine, 0));
}

TEST_F(interrupts, nmi_to_halted)
{
	struct machine *machine = &self->machine;

	ASSERT_TRUE(machine_run(machine, 0, &guest_rests));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_NMI, 0, 0));
	EXPECT_TRUE(took(machine, 0, 2, 1));
	EXPECT_EQ(0, machine_halt(machine, 0));
}

/* Halts next when it has said that it is there. */
GUEST64(halts,
	GUEST_APIC_ON
	"sti\n"
	GUEST_REPORT(READY)
	"1: hlt\n"
	"jmp 1b\n");

static int set_interrupt_state(struct vp *vp, union hv_x64_interrupt_state_register state)
{
	struct hv_register_assoc reg = {
		.name = HV_REGISTER_INTERRUPT_STATE,
		.value.interrupt_state = state,
	};

	return vp_set_registers(vp, &reg, 1);
}

/* STI holds it back until HLT, which ends at once then. */
TEST_F(interrupts, nmi_in_a_shadow)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &halts);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, set_interrupt_state(vp, (union hv_x64_interrupt_state_register) {
		.interrupt_shadow = 1,
	}));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_NMI, 0, 0));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(2, value);
}

/* In the handler of another one, it comes when that has returned. */
TEST_F(interrupts, nmi_while_masked)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &halts);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, set_interrupt_state(vp, (union hv_x64_interrupt_state_register) {
		.nmi_masked = 1,
	}));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_NMI, 0, 0));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(2, value);
}

#define RFLAGS_TF	0x100

/* Says that it was stepped, by way of the interrupt table. */
GUEST64(on_step, GUEST_REPORT(0x1234) "1: jmp 1b\n");

/* A step over HLT is no rest. */
TEST_F(interrupts, stepped_over_halt)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u32 value;

	vm_load(&machine->vm, GUEST_CODE + 0x400, GUEST_LONG, &on_step);
	vm_set_gate(&machine->vm, 1, GUEST_CODE + 0x400);
	vp_enter(vp, GUEST_LONG, &halts);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	vp_set(vp, HV_X64_REGISTER_RFLAGS, vp_get(vp, HV_X64_REGISTER_RFLAGS) | RFLAGS_TF);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x1234, value);
}

/* Needs its VMM when interrupts are off again. */
GUEST64(on_and_off,
	GUEST_APIC_ON
	"sti\n"
	GUEST_REPORT(READY)
	"cli\n"
	"mov %eax, (%rsi)\n"
	GUEST_REPORT(2));
#define LENGTH_OF_MOV	2

/* What was taken does not come again, whatever else of the VP is set. */
TEST_F(interrupts, taken_before_registers_are_set)
{
	struct hv_input_install_intercept in = {
		.access_type = HV_INTERCEPT_ACCESS_MASK_EXECUTE,
		.intercept_type = HV_INTERCEPT_TYPE_X64_CPUID,
		.parameter.cpuid_index = 0x40001234,
	};
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u16 status;
	u32 value;
	int ret;

	/* For its sake a hypervisor may look at each instruction. */
	ret = hv_call(machine->vm.fd, HVCALL_INSTALL_INTERCEPT, &in, sizeof(in), NULL, 0,
		      &status);
	if (!hv_lacks(status))
		ASSERT_EQ(0, ret);
	vp_enter(vp, GUEST_LONG, &on_and_off);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	ASSERT_EQ(0, vp_run(vp));
	ASSERT_TRUE(vp_met_memory(vp));
	vp_set(vp, HV_X64_REGISTER_CR4, vp_get(vp, HV_X64_REGISTER_CR4));
	vp_set(vp, HV_X64_REGISTER_RIP, vp_get(vp, HV_X64_REGISTER_RIP) + LENGTH_OF_MOV);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(2, value);
}

/* A VP that cannot run keeps what is pending, until it can. */
TEST_F(interrupts, kept_by_an_invalid_vp)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u64 cr4;
	u32 value;

	vp_enter(vp, GUEST_LONG, &halts);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	cr4 = vp_get(vp, HV_X64_REGISTER_CR4);
	vp_set(vp, HV_X64_REGISTER_CR4, cr4 | BIT_ULL(63));
	vp_set(vp, HV_X64_REGISTER_CR3, vp_get(vp, HV_X64_REGISTER_CR3));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run(vp));
	if (vp->msg.header.message_type != HVMSG_INVALID_VP_REGISTER_VALUE)
		SKIP(return, "the hypervisor ends a VP with an invalid register: message %#x",
		     vp->msg.header.message_type);
	vp_set(vp, HV_X64_REGISTER_CR4, cr4);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
}

/* L and D/B of a code segment: 64-bit code whose operands are of 32 bits otherwise. */
#define SEGMENT_LONG_AND_32	0xe09b

/*
 * Each register is one that a processor has, and together none enters with them. Who
 * has set them is told, and can mend it.
 */
TEST_F(interrupts, kept_where_no_processor_enters)
{
	const u32 name = HV_X64_REGISTER_CS;
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	struct hv_register_assoc code = { .name = name };
	u16 attributes;
	u32 value;

	vp_enter(vp, GUEST_LONG, &halts);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ASSERT_EQ(0, vp_get_registers(vp, &name, &code.value, 1));
	attributes = code.value.segment.attributes;
	code.value.segment.attributes = SEGMENT_LONG_AND_32;
	ASSERT_EQ(0, vp_set_registers(vp, &code, 1));
	ASSERT_EQ(0, vm_assert(&machine->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	ASSERT_EQ(0, vp_run(vp));
	if (vp->msg.header.message_type != HVMSG_INVALID_VP_REGISTER_VALUE)
		SKIP(return, "this processor enters with such a segment: message %#x",
		     vp->msg.header.message_type);
	code.value.segment.attributes = attributes;
	ASSERT_EQ(0, vp_set_registers(vp, &code, 1));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
}

static int assert_extint(struct vm *vm, u8 vector, u16 *status)
{
	struct hv_input_assert_virtual_interrupt in = {
		.control.interrupt_type = HV_X64_INTERRUPT_TYPE_EXTINT,
		.vector = vector,
	};

	return hv_call(vm->fd, HVCALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0, status);
}

static int clear_extint(struct vm *vm, u16 *status)
{
	struct hv_input_clear_virtual_interrupt in = { };

	return hv_call(vm->fd, HVCALL_CLEAR_VIRTUAL_INTERRUPT, &in, sizeof(in), NULL, 0, status);
}

/* Until the VP takes one of an old interrupt controller, it can be another. */
TEST_F(interrupts, extint_again)
{
	struct machine *machine = &self->machine;
	u16 status;
	int ret;

	ret = assert_extint(&machine->vm, 0, &status);
	if (hv_lacks(status))
		SKIP(return, "no external interrupts: status %#x", status);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, assert_extint(&machine->vm, 0, NULL));
	EXPECT_EQ(0, assert_extint(&machine->vm, VECTOR, NULL));
}

/* After the VP has taken one, it must be cleared before the next. */
TEST_F(interrupts, cleared)
{
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u16 status;
	u32 value;
	int ret;

	vp_enter(vp, GUEST_LONG, &with_interrupts_off);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ret = assert_extint(&machine->vm, VECTOR, &status);
	if (hv_lacks(status))
		SKIP(return, "no external interrupts: status %#x", status);
	ASSERT_EQ(0, ret);
	ret = clear_extint(&machine->vm, &status);
	if (hv_lacks(status))
		SKIP(return, "interrupts cannot be cleared: status %#x", status);
	EXPECT_GT(0, ret);
	EXPECT_EQ(HV_STATUS_NOT_ACKNOWLEDGED, status);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);

	EXPECT_GT(0, assert_extint(&machine->vm, VECTOR_OTHER, &status));
	EXPECT_EQ(HV_STATUS_ACKNOWLEDGED, status);
	EXPECT_EQ(0, clear_extint(&machine->vm, NULL));
	EXPECT_GT(0, clear_extint(&machine->vm, &status));
	EXPECT_EQ(HV_STATUS_NOT_ACKNOWLEDGED, status);
	EXPECT_EQ(0, assert_extint(&machine->vm, VECTOR_OTHER, NULL));
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR_OTHER, value);
}

/* One that is pending is part of the VP's state: read, taken away, and put back. */
TEST_F(interrupts, extint_is_state)
{
	const u32 name = HV_REGISTER_PENDING_EVENT0;
	struct hv_register_assoc none = { .name = name }, kept = { .name = name };
	struct hv_x64_pending_ext_int_event event;
	struct machine *machine = &self->machine;
	struct vp *vp = &machine->vps[0];
	u16 status;
	u32 value;
	int ret;

	vp_enter(vp, GUEST_LONG, &with_interrupts_off);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	ret = assert_extint(&machine->vm, VECTOR, &status);
	if (hv_lacks(status))
		SKIP(return, "no external interrupts: status %#x", status);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, vp_get_registers(vp, &name, &kept.value, 1));
	memcpy(&event, &kept.value, sizeof(event));
	EXPECT_TRUE(!!event.event_pending);
	EXPECT_EQ(HV_X64_PENDING_EVENT_EXT_INT, (u32)event.event_type);
	EXPECT_EQ(VECTOR, (u32)event.vector);

	ASSERT_EQ(0, vp_set_registers(vp, &none, 1));
	ASSERT_EQ(0, vp_set_registers(vp, &kept, 1));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
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
