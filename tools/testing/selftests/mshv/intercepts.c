// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM may ask to be told of a VP, or to answer for it: CPUID, MSRs, exceptions; and
 * triple faults.
 */

#include <cpuid.h>
#include <string.h>

#include "harness.h"
#include "run_fixture.h"
#include "run_steps.h"
#include "state_fixture.h"
#include "vm.h"

/* No processor has it, and no hypervisor. */
#define MSR_NOBODYS	0xbad5
#define MSR_SYSENTER_CS	0x174

GUESTXX(cpuid,
	"xor %ecx, %ecx\n"
	"cpuid\n"
	"mov %eax, %es:(%edi)\n"
	"mov %ebx, %es:4(%edi)\n"
	"mov %ecx, %es:8(%edi)\n"
	"mov %edx, %es:12(%edi)\n"
	GUEST_REPORT(1));

/* MSRs that processors have: written, and read again. ECX, EDX:EAX are set. */
GUESTXX(write_msr,
	"wrmsr\n"
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"rdmsr\n"
	"mov %eax, %es:(%edi)\n"
	"mov %edx, %es:4(%edi)\n"
	GUEST_REPORT(1));

GUESTXX(three_nops, "nop\nnop\nnop\n1: jmp 1b\n");

static int install_intercept(struct vm *vm, u32 type, u32 access, u64 parameter, u16 *status)
{
	struct hv_input_install_intercept in = {
		.access_type = access,
		.intercept_type = type,
		.parameter.as_uint64 = parameter,
	};

	return hv_call(vm->fd, HVCALL_INSTALL_INTERCEPT, &in, sizeof(in), NULL, 0, status);
}

/* A leaf that the VMM has asked for is the VMM's to answer. */
TEST_F(run, cpuid_intercept)
{
	const struct hv_x64_cpuid_intercept_message *message =
		(const void *)self->vp.msg.u.payload;
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	u16 status;
	int ret;

	ret = install_intercept(&self->vm, HV_INTERCEPT_TYPE_X64_CPUID,
				HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0x40001234, &status);
	if (hv_lacks(status))
		SKIP(return, "CPUID cannot be intercepted: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, variant->mode, &cpuid);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 0x40001234);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_CPUID_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_TRUE(header_fits(&self->vp, variant->mode));
	EXPECT_EQ(0x40001234, (u32)message->rax);
	EXPECT_EQ(0, (u32)message->rcx);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 1);
	vp_set(&self->vp, HV_X64_REGISTER_RBX, 2);
	vp_set(&self->vp, HV_X64_REGISTER_RCX, 3);
	vp_set(&self->vp, HV_X64_REGISTER_RDX, 4);
	skip_instruction(&self->vp, 2);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(1, seen[0]);
	EXPECT_EQ(2, seen[1]);
	EXPECT_EQ(3, seen[2]);
	EXPECT_EQ(4, seen[3]);

	/* Other leaves are not the VMM's. */
	vp_enter(&self->vp, variant->mode, &cpuid);
	EXPECT_EQ(0, run_to_end(&self->vp));
}

/* What the hypervisor says a VP sees is what it sees. */
TEST_F(run, cpuid_values)
{
	static const u32 leaves[] = { 0, 1, 0x40000000, 0x80000000, 0x80000001 };
	union {
		struct hv_input_get_vp_cpuid_values input;
		u8 bytes[sizeof(struct hv_input_get_vp_cpuid_values) +
			 ARRAY_SIZE(leaves) * sizeof(struct hv_cpuid_leaf_info)];
	} in = { };
	struct hv_cpuid_values out[ARRAY_SIZE(leaves)] = { };
	struct mshv_root_hvcall call = {
		.code = HVCALL_GET_VP_CPUID_VALUES,
		.reps = ARRAY_SIZE(leaves),
		.in_sz = sizeof(in),
		.in_ptr = (uintptr_t)&in,
		.out_sz = sizeof(out),
		.out_ptr = (uintptr_t)out,
	};
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	unsigned int i;
	int ret;

	in.input.flags = HV_GET_VP_CPUID_VALUES_APPLY_REGISTERED;
	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		in.input.leaves[i].eax = leaves[i];
	ret = mshv_ioctl(self->vp.fd, MSHV_ROOT_HVCALL, &call);
	if (hv_lacks(call.status))
		SKIP(return, "no CPUID values: status %#x", call.status);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(ARRAY_SIZE(leaves), call.reps);
	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		vp_enter(&self->vp, variant->mode, &cpuid);
		vp_set(&self->vp, HV_X64_REGISTER_RAX, leaves[i]);
		ASSERT_EQ(0, run_to_end(&self->vp));
		EXPECT_EQ(out[i].eax, seen[0])
			TH_LOG("leaf %#x", leaves[i]);
		EXPECT_EQ(out[i].ebx, seen[1]);
		/* Leaf 1 mirrors CR4, which the question is not about. */
		EXPECT_EQ(out[i].ecx | bit_OSXSAVE, seen[2] | bit_OSXSAVE);
		EXPECT_EQ(out[i].edx, seen[3]);
	}
}

/* Bits of a leaf that the VMM has registered are as it has said. */
TEST_F(run, cpuid_result)
{
	struct hv_input_register_intercept_result in = {
		.intercept_type = HV_INTERCEPT_TYPE_X64_CPUID,
		.eax = 1,
		/* The number of the local APIC, and of those in the package. */
		.result[1] = { .value = 0x5a050000, .mask = 0xffff0000 },
	};
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	u16 status;
	int ret;

	ret = hv_call(self->vp.fd, HVCALL_REGISTER_INTERCEPT_RESULT, &in, sizeof(in),
		      NULL, 0, &status);
	if (hv_lacks(status))
		SKIP(return, "no CPUID results: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, variant->mode, &cpuid);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 1);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0x5a050000, seen[1] & 0xffff0000);
}

/* An MSR that the VMM has asked for is the VMM's. */
TEST_F(run, msr_intercept)
{
	const struct hv_x64_msr_intercept_message *message =
		(const void *)self->vp.msg.u.payload;
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	/* One that nobody has, and one that every processor has. */
	const u32 msrs[] = { MSR_NOBODYS, MSR_SYSENTER_CS };
	unsigned int i;
	u16 status;
	int ret;

	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		ret = install_intercept(&self->vm, HV_INTERCEPT_TYPE_X64_MSR_INDEX,
					HV_INTERCEPT_ACCESS_MASK_READ |
					HV_INTERCEPT_ACCESS_MASK_WRITE, msrs[i], &status);
		if (hv_lacks(status))
			SKIP(return, "MSRs cannot be intercepted: status %#x", status);
		ASSERT_EQ(0, ret);
		vp_enter(&self->vp, variant->mode, &write_msr);
		vp_set(&self->vp, HV_X64_REGISTER_RCX, msrs[i]);
		vp_set(&self->vp, HV_X64_REGISTER_RAX, 0x11111111);
		vp_set(&self->vp, HV_X64_REGISTER_RDX, 0x22222222);

		ASSERT_EQ(0, vp_run(&self->vp));
		ASSERT_EQ(HVMSG_X64_MSR_INTERCEPT, self->vp.msg.header.message_type);
		EXPECT_EQ(HV_INTERCEPT_ACCESS_WRITE, message->header.intercept_access_type);
		EXPECT_EQ(msrs[i], message->msr_number);
		EXPECT_EQ(0x11111111, (u32)message->rax);
		EXPECT_EQ(0x22222222, (u32)message->rdx);
		EXPECT_TRUE(header_fits(&self->vp, variant->mode));
		skip_instruction(&self->vp, 2);

		ASSERT_EQ(0, vp_run(&self->vp));
		ASSERT_EQ(HVMSG_X64_MSR_INTERCEPT, self->vp.msg.header.message_type);
		EXPECT_EQ(HV_INTERCEPT_ACCESS_READ, message->header.intercept_access_type);
		EXPECT_EQ(msrs[i], message->msr_number);
		vp_set(&self->vp, HV_X64_REGISTER_RAX, 0x33333333);
		vp_set(&self->vp, HV_X64_REGISTER_RDX, 0x44444444);
		skip_instruction(&self->vp, 2);
		ASSERT_EQ(0, run_to_end(&self->vp));
		EXPECT_EQ(0x33333333, seen[0]);
		EXPECT_EQ(0x44444444, seen[1]);
	}
}

/* MSRs of the processor are the guest's own, and are registers to the VMM. */
TEST_F(run, msrs_are_registers)
{
	static const struct {
		u32 msr, name;
		u64 value;
	} msrs[] = {
		{ 0x174, HV_X64_REGISTER_SYSENTER_CS, 0x1234 },
		{ 0x175, HV_X64_REGISTER_SYSENTER_ESP, 0x5678abcd },
		{ 0x176, HV_X64_REGISTER_SYSENTER_EIP, 0x1a2b3c4d },
		{ 0x277, HV_X64_REGISTER_PAT, 0x0606060606060606 },
		{ 0xc0000081, HV_X64_REGISTER_STAR, 0x0018000800000000 },
		{ 0xc0000082, HV_X64_REGISTER_LSTAR, 0x123456789abc },
		{ 0xc0000084, HV_X64_REGISTER_SFMASK, 0x4700 },
		{ 0xc0000102, HV_X64_REGISTER_KERNEL_GS_BASE, 0x765432100000 },
	};
	u64 *seen = (u64 *)(self->vm.ram + GUEST_DATA);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		vp_enter(&self->vp, variant->mode, &write_msr);
		vp_set(&self->vp, HV_X64_REGISTER_RCX, msrs[i].msr);
		vp_set(&self->vp, HV_X64_REGISTER_RAX, (u32)msrs[i].value);
		vp_set(&self->vp, HV_X64_REGISTER_RDX, msrs[i].value >> 32);
		ASSERT_EQ(0, run_to_end(&self->vp))
			TH_LOG("MSR %#x", msrs[i].msr);
		EXPECT_EQ(msrs[i].value, *seen);
		EXPECT_EQ(msrs[i].value, vp_get(&self->vp, msrs[i].name));
	}
}

/* An exception without a way to handle it, nor that: the VMM may reset the VP. */
TEST_F(run, triple_fault)
{
	struct hv_register_assoc idtr = { .name = HV_X64_REGISTER_IDTR };

	vp_enter(&self->vp, variant->mode, &spin);
	/* UD2, and a table without an entry. */
	memcpy(self->vm.ram + GUEST_CODE, "\x0f\x0b", 2);
	ASSERT_EQ(0, vp_set_registers(&self->vp, &idtr, 1));
	ASSERT_EQ(0, vp_run(&self->vp));
	EXPECT_EQ(HVMSG_UNRECOVERABLE_EXCEPTION, self->vp.msg.header.message_type)
		vp_print_message(&self->vp);

	/* A VMM that does not look at it does not get a guest that begins anew. */
	ASSERT_EQ(0, vp_run(&self->vp));
	EXPECT_EQ(HVMSG_UNRECOVERABLE_EXCEPTION, self->vp.msg.header.message_type)
		vp_print_message(&self->vp);

	/* OUT to a port, in a VP that was set up anew. */
	vp_enter(&self->vp, variant->mode, &spin);
	memcpy(self->vm.ram + GUEST_CODE, "\xe6\x80", 2);
	ASSERT_EQ(0, vp_run(&self->vp));
	EXPECT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type)
		vp_print_message(&self->vp);
}

/* The VMM has asked to see a breakpoint before the guest does. */
TEST_F(run, exception_intercept)
{
	const struct hv_x64_exception_intercept_message *message =
		(const void *)self->vp.msg.u.payload;
	u16 status;
	int ret;

	ret = install_intercept(&self->vm, HV_INTERCEPT_TYPE_EXCEPTION,
				HV_INTERCEPT_ACCESS_MASK_EXECUTE, 3, &status);
	if (hv_lacks(status))
		SKIP(return, "exceptions cannot be intercepted: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, variant->mode, &spin);
	/* INT3, and a table without an entry. */
	self->vm.ram[GUEST_CODE] = 0xcc;
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_EXCEPTION_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(3, message->exception_vector);
	EXPECT_TRUE(!message->error_code_valid);
	EXPECT_EQ(GUEST_CODE, message->header.rip);
}

/* The same of a single step and of a breakpoint register, told by DR6. */
TEST_F(run, debug_intercept)
{
	const struct hv_x64_exception_intercept_message *message =
		(const void *)self->vp.msg.u.payload;
	u16 status;
	int ret;

	ret = install_intercept(&self->vm, HV_INTERCEPT_TYPE_EXCEPTION,
				HV_INTERCEPT_ACCESS_MASK_EXECUTE, 1, &status);
	if (hv_lacks(status))
		SKIP(return, "exceptions cannot be intercepted: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, variant->mode, &three_nops);
	vp_set(&self->vp, HV_X64_REGISTER_RFLAGS, BIT(8) | BIT(1));
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_EXCEPTION_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(1, message->exception_vector);
	EXPECT_EQ(BIT(14), message->exception_parameter);
	EXPECT_EQ(GUEST_CODE + 1, message->header.rip);

	vp_enter(&self->vp, variant->mode, &three_nops);
	vp_set(&self->vp, HV_X64_REGISTER_DR0, GUEST_CODE + 2);
	vp_set(&self->vp, HV_X64_REGISTER_DR7, BIT(10) | BIT(0));
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_EXCEPTION_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(1, message->exception_vector);
	EXPECT_EQ(BIT(0), message->exception_parameter);
	EXPECT_EQ(GUEST_CODE + 2, message->header.rip);
}

/* An MSR that nobody has: #GP, or zero. */
GUEST64(read_nobodys,
	"mov $" __stringify(MSR_NOBODYS) ", %ecx\n"
	"mov $-1, %rax\n"
	"rdmsr\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* Those that KVM has for its guests, and the hypervisor has not. */
#define MSR_KVM_SYSTEM_TIME_OLD	0x12
#define MSR_KVM_STEAL_TIME	0x4b564d03

GUEST64(read_system_time,
	"mov $" __stringify(MSR_KVM_SYSTEM_TIME_OLD) ", %ecx\n"
	"mov $-1, %rax\n"
	"rdmsr\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(read_steal_time,
	"mov $" __stringify(MSR_KVM_STEAL_TIME) ", %ecx\n"
	"mov $-1, %rax\n"
	"rdmsr\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(on_protection,
	"mov $0x13, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* What an access to an MSR that does not exist does is the VMM's choice. */
TEST_F(state, msr_nobodys)
{
	const struct guest *const guests[] = {
		&read_nobodys, &read_system_time, &read_steal_time,
	};
	unsigned int i;
	u16 status;
	u32 value;
	int ret;

	ret = hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
			      1, &status);
	if (hv_lacks(status))
		SKIP(return, "no choice of what MSRs do: status %#x", status);
	ASSERT_EQ(0, ret);
	vm_load(&self->vm, GUEST_CODE + 0x100, GUEST_LONG, &on_protection);
	vm_set_gate(&self->vm, 13, GUEST_CODE + 0x100);

	for (i = 0; i < ARRAY_SIZE(guests); i++) {
		vp_enter(&self->vp, GUEST_LONG, guests[i]);
		ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
		EXPECT_EQ(0, value)
			TH_LOG("number %u", i);
	}

	ASSERT_EQ(0, hv_set_property(self->vm.fd,
				     HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
				     0, NULL));
	for (i = 0; i < ARRAY_SIZE(guests); i++) {
		vp_enter(&self->vp, GUEST_LONG, guests[i]);
		ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
		EXPECT_EQ(0x13, value)
			TH_LOG("number %u", i);
	}
}

TEST_HARNESS_MAIN
