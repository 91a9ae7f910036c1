// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VP that goes on in another partition, with its registers, its local APIC and its memory.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "run_steps.h"
#include "state_fixture.h"
#include "vm.h"

/*
 * Counts in RBX, XMM0 and memory, until memory says that it shall tell; then
 * reports whether all three agree. TICKS counts the timer's interrupts.
 */
#define FLAG		(GUEST_DATA + 0x200)
#define TICKS		(GUEST_COUNTS + 4 * 0x50)
GUEST64(travels,
	GUEST_APIC_ON
	"mov $" __stringify(APIC_BASE) " + " __stringify(APIC_DIVIDE) ", %ecx\n"
	"movl $0xb, (%rcx)\n"				/* by 1 */
	"mov $" __stringify(APIC_BASE) " + " __stringify(APIC_LVT_TIMER) ", %ecx\n"
	"movl $0x20050, (%rcx)\n"			/* periodic, vector 0x50 */
	"mov $" __stringify(APIC_BASE) " + " __stringify(APIC_INITIAL_COUNT) ", %ecx\n"
	"movl $20000000, (%rcx)\n"
	"pxor %xmm0, %xmm0\n"
	"mov $1, %eax\n"
	"movq %rax, %xmm1\n"
	"xor %ebx, %ebx\n"
	"sti\n"
"1:	inc %rbx\n"
	"paddq %xmm1, %xmm0\n"
	"mov %rbx, (%rdi)\n"
	"cmpl $0, " __stringify(FLAG) "\n"
	"je 1b\n"
	"cli\n"
	"movq %xmm0, %rax\n"
	"xor %rbx, %rax\n"
	"xor (%rdi), %rbx\n"
	"or %rbx, %rax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* Says when an interrupt has woken it. */
GUEST64(sleeps,
	GUEST_APIC_ON
	GUEST_REPORT(1)
	"sti\n"
	"hlt\n"
	GUEST_REPORT(2));

/* What a VP is made of, as far as this guest knows. */
static const u32 traveller[] = {
	HV_X64_REGISTER_RAX, HV_X64_REGISTER_RCX, HV_X64_REGISTER_RDX,
	HV_X64_REGISTER_RBX, HV_X64_REGISTER_RSP, HV_X64_REGISTER_RBP,
	HV_X64_REGISTER_RSI, HV_X64_REGISTER_RDI, HV_X64_REGISTER_R8,
	HV_X64_REGISTER_R8 + 1, HV_X64_REGISTER_R8 + 2, HV_X64_REGISTER_R8 + 3,
	HV_X64_REGISTER_R8 + 4, HV_X64_REGISTER_R8 + 5, HV_X64_REGISTER_R8 + 6,
	HV_X64_REGISTER_R15, HV_X64_REGISTER_RIP,
	HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_CS, HV_X64_REGISTER_SS,
	HV_X64_REGISTER_DS, HV_X64_REGISTER_ES, HV_X64_REGISTER_FS,
	HV_X64_REGISTER_GS, HV_X64_REGISTER_TR, HV_X64_REGISTER_LDTR,
	HV_X64_REGISTER_GDTR, HV_X64_REGISTER_IDTR, HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_CR2, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4,
	HV_X64_REGISTER_CR8, HV_X64_REGISTER_XFEM, HV_X64_REGISTER_EFER,
	HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_PAT, HV_X64_REGISTER_KERNEL_GS_BASE,
	HV_X64_REGISTER_STAR, HV_X64_REGISTER_LSTAR,
	HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_INTERRUPT_STATE, HV_REGISTER_PENDING_EVENT0,
};

/* What the guest does not touch: set once, and there at the end of the journey. */
static const struct {
	u32 name;
	u64 value;
} souvenirs[] = {
	{ HV_X64_REGISTER_R8, 0x0808080808080808 },
	{ HV_X64_REGISTER_R8 + 1, 0x0909090909090909 },
	{ HV_X64_REGISTER_R8 + 2, 0x1010101010101010 },
	{ HV_X64_REGISTER_R8 + 3, 0x1111111111111111 },
	{ HV_X64_REGISTER_R8 + 4, 0x1212121212121212 },
	{ HV_X64_REGISTER_R8 + 5, 0x1313131313131313 },
	{ HV_X64_REGISTER_R8 + 6, 0x1414141414141414 },
	{ HV_X64_REGISTER_R15, 0x1515151515151515 },
	{ HV_X64_REGISTER_PAT, 0x0606060606060606 },
	{ HV_X64_REGISTER_KERNEL_GS_BASE, 0x765432100000 },
	{ HV_X64_REGISTER_STAR, 0x0018000800000000 },
	{ HV_X64_REGISTER_LSTAR, 0x123456789abc },
};

struct luggage {
	union hv_register_value values[ARRAY_SIZE(traveller)];
	void *xsave, *lapic, *ram;
};

static int pack(struct vp *vp, struct luggage *luggage)
{
	luggage->xsave = memory_get(vp_state_size(vp, MSHV_VP_STATE_XSAVE));
	luggage->lapic = memory_get(PAGE);
	luggage->ram = memory_get(GUEST_RAM_SIZE);
	memcpy(luggage->ram, vp->vm->ram, GUEST_RAM_SIZE);
	return vp_get_registers(vp, traveller, luggage->values, ARRAY_SIZE(traveller)) ?:
	       vp_get_state(vp, MSHV_VP_STATE_XSAVE, luggage->xsave) ?:
	       vp_get_state(vp, MSHV_VP_STATE_LAPIC, luggage->lapic);
}

static int unpack(struct vp *vp, const struct luggage *luggage)
{
	struct hv_register_assoc registers[ARRAY_SIZE(traveller)] = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(traveller); i++) {
		registers[i].name = traveller[i];
		registers[i].value = luggage->values[i];
	}
	memcpy(vp->vm->ram, luggage->ram, GUEST_RAM_SIZE);
	return vp_set_registers(vp, registers, ARRAY_SIZE(traveller)) ?:
	       vp_set_state(vp, MSHV_VP_STATE_XSAVE, luggage->xsave) ?:
	       vp_set_state(vp, MSHV_VP_STATE_LAPIC, luggage->lapic);
}

/* Run it until a signal comes and it has counted, and its timer has ticked. */
static int run_a_while(struct vp *vp, u32 ticks)
{
	const u64 *counter = (u64 *)(vp->vm->ram + GUEST_DATA);
	const u32 *ticked = (u32 *)(vp->vm->ram + TICKS);
	u64 from = READ_ONCE(*counter), end = milliseconds() + WAIT_SECONDS * 1000;
	u32 value;
	int ret;

	kick_every(20000);
	do {
		ret = vp_run_to_port(vp, PORT_IRQ, &value);
		if (ret == -EINTR && READ_ONCE(*counter) > from && READ_ONCE(*ticked) >= ticks)
			break;
		if (milliseconds() >= end)
			ret = -ETIMEDOUT;
	} while (!ret || ret == -EINTR);
	kick_every(0);
	return ret == -EINTR ? 0 : ret;
}

/* Run it to a port, but not for ever if nothing wakes it. */
static int run_awake(struct vp *vp, u16 port, u32 *value)
{
	u64 end = milliseconds() + WAIT_SECONDS * 1000;
	int ret;

	kick_every(20000);
	do {
		ret = vp_run_to_port(vp, port, value);
	} while (ret == -EINTR && milliseconds() < end);
	kick_every(0);
	return ret;
}

/* Save a VP and its memory, and have it go on in a new partition. */
static int move(struct vm *vm, struct vp *vp)
{
	struct luggage luggage;
	int ret = pack(vp, &luggage);

	if (ret)
		return ret;
	vp_stop(vp);
	vm_stop(vm);

	vm_start(vm, VM_DEFAULT);
	vp_start(vm, vp, 0);
	return unpack(vp, &luggage);
}

/*
 * A VP that a signal has stopped anywhere is saved, and goes on in a partition
 * of its own, twice: registers, SSE, the local APIC and its timer, memory.
 */
TEST_F(state, goes_on_in_another_partition)
{
	u64 counted;
	u32 ticks, value;
	unsigned int trip, i;

	vm_take_interrupts(&self->vm);
	vp_enter(&self->vp, GUEST_LONG, &travels);
	for (i = 0; i < ARRAY_SIZE(souvenirs); i++)
		vp_set(&self->vp, souvenirs[i].name, souvenirs[i].value);
	ASSERT_EQ(0, run_a_while(&self->vp, 1));

	for (trip = 0; trip < 2; trip++) {
		counted = *(u64 *)(self->vm.ram + GUEST_DATA);
		ticks = *(u32 *)(self->vm.ram + TICKS);
		ASSERT_EQ(0, move(&self->vm, &self->vp));
		ASSERT_EQ(0, run_a_while(&self->vp, ticks + 2));
		EXPECT_GT(*(u64 *)(self->vm.ram + GUEST_DATA), counted);
	}

	WRITE_ONCE(*(u32 *)(self->vm.ram + FLAG), 1);
	while (vp_run(&self->vp) == 0 && vp_io(&self->vp)->port_number == PORT_IRQ)
		skip_instruction(&self->vp, vp_header(&self->vp)->instruction_length);
	ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
	ASSERT_EQ(PORT_REPORT, vp_io(&self->vp)->port_number);
	value = vp_io(&self->vp)->rax;
	EXPECT_EQ(0, value);
	for (i = 0; i < ARRAY_SIZE(souvenirs); i++) {
		EXPECT_EQ(souvenirs[i].value, vp_get(&self->vp, souvenirs[i].name))
			TH_LOG("register %#x", souvenirs[i].name);
	}
}

/* One that is halted is halted in the other partition, and wakes there. */
TEST_F(state, sleeps_on_in_another_partition)
{
	u32 value;

	vm_take_interrupts(&self->vm);
	vp_enter(&self->vp, GUEST_LONG, &sleeps);
	ASSERT_EQ(0, run_to_end(&self->vp));
	kick_every(20000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);

	ASSERT_EQ(0, move(&self->vm, &self->vp));
	kick_every(20000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, 0x40));
	ASSERT_EQ(0, run_awake(&self->vp, PORT_IRQ, &value));
	EXPECT_EQ(0x40, value);
	ASSERT_EQ(0, run_awake(&self->vp, PORT_REPORT, &value));
	EXPECT_EQ(2, value);
}

/* An interrupt that was raised here, and could not be taken, is taken there. */
TEST_F(state, interrupted_in_another_partition)
{
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	struct hv_register_assoc rip = { .name = HV_X64_REGISTER_RIP };
	u32 value;

	vm_take_interrupts(&self->vm);
	vp_enter(&self->vp, GUEST_LONG, &sleeps);
	ASSERT_EQ(0, run_to_end(&self->vp));
	/* What the register page has would count from the next run on. */
	rip.value.reg64 = vp_get(&self->vp, HV_X64_REGISTER_RIP);
	ASSERT_EQ(0, vp_set_registers(&self->vp, &rip, 1));
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, 0x41));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	EXPECT_EQ(BIT(1), apic->apic_irr[0x41 / 32]);

	ASSERT_EQ(0, move(&self->vm, &self->vp));
	ASSERT_EQ(0, run_awake(&self->vp, PORT_IRQ, &value));
	EXPECT_EQ(0x41, value);
	ASSERT_EQ(0, run_awake(&self->vp, PORT_REPORT, &value));
	EXPECT_EQ(2, value);
}

TEST_HARNESS_MAIN
