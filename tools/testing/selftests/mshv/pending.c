// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VP has pending and cannot take yet: NMIs, interrupts in a shadow or of a VP that
 * cannot run, and those of an old interrupt controller.
 */

#include <string.h>

#include "harness.h"
#include "machine.h"
#include "vm.h"

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

TEST_HARNESS_MAIN
