// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VP does when it runs, and what a VMM is told: ports, memory that is
 * none, HLT, CPUID, MSRs, exceptions, in real, protected and long mode; its state
 * as a whole, and a VP that goes on in another partition.
 */

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "vm.h"

/* A port without a meaning, and one that takes two bytes to name. */
#define PORT_TEST	0xe0
#define PORT_FAR	0x5e8

/* No processor has it, and no hypervisor. */
#define MSR_NOBODYS	0xbad5
#define MSR_SYSENTER_CS	0x174

#define VALUE		0x12345678
#define MMIO_OFFSET	0x128

GUESTXX(out_each_size,
	"mov $" __stringify(VALUE) ", %eax\n"
	"out %al, $" __stringify(PORT_TEST) "\n"
	"out %ax, $" __stringify(PORT_TEST) "\n"
	"out %eax, $" __stringify(PORT_TEST) "\n"
	"mov $" __stringify(PORT_FAR) ", %dx\n"
	"out %al, %dx\n"
	"out %ax, %dx\n"
	"out %eax, %dx\n");

GUESTXX(in_each_size,
	"mov $" __stringify(PORT_FAR) ", %dx\n"
	"mov $0xffffffff, %eax\n"
	"in %dx, %al\n"
	"mov %eax, %es:(%edi)\n"
	"mov $0xffffffff, %eax\n"
	"in %dx, %ax\n"
	"mov %eax, %es:4(%edi)\n"
	"mov $0xffffffff, %eax\n"
	"in %dx, %eax\n"
	"mov %eax, %es:8(%edi)\n"
	GUEST_REPORT(1));

GUESTXX(string_out,
	"mov $" __stringify(PORT_FAR) ", %dx\n"
	"mov $" __stringify(GUEST_DATA) ", %esi\n"
	"mov $5, %ecx\n"
	"cld\n"
	"rep outsb (%esi), %dx\n"
	GUEST_REPORT(1));

GUESTXX(string_in,
	"mov $" __stringify(PORT_FAR) ", %dx\n"
	"mov $" __stringify(GUEST_DATA) ", %edi\n"
	"mov $3, %ecx\n"
	"cld\n"
	"rep insw %dx, %es:(%edi)\n"
	GUEST_REPORT(1));

GUESTXX(memory_each_size,
	"mov $" __stringify(VALUE) ", %eax\n"
	"mov %al, (%esi)\n"
	"mov %ax, (%esi)\n"
	"mov %eax, (%esi)\n"
	"mov (%esi), %al\n"
	"mov %eax, %es:(%edi)\n"
	"mov $" __stringify(VALUE) ", %eax\n"
	"mov (%esi), %ax\n"
	"mov %eax, %es:4(%edi)\n"
	"mov (%esi), %eax\n"
	"mov %eax, %es:8(%edi)\n"
	GUEST_REPORT(1));

GUESTXX(halt,
	GUEST_REPORT(1)
	"hlt\n"
	GUEST_REPORT(2));

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

GUESTXX(spin, "1: jmp 1b\n");

GUESTXX(three_nops, "nop\nnop\nnop\n1: jmp 1b\n");

GUESTXX(count, "1: inc %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

static const u32 modes_cs_attributes[] = {
	[GUEST_REAL] = 0x009b,
	[GUEST_PROTECTED] = 0xc09b,
	[GUEST_LONG] = 0xa09b,
};

FIXTURE(run) {
	struct vm vm;
	struct vp vp;
	struct hv_vp_register_page *page;
};

FIXTURE_VARIANT(run) {
	enum guest_mode mode;
	bool by_page;
};

FIXTURE_VARIANT_ADD(run, real_hypercalls) { .mode = GUEST_REAL, };
FIXTURE_VARIANT_ADD(run, real_page) { .mode = GUEST_REAL, .by_page = true, };
FIXTURE_VARIANT_ADD(run, protected_hypercalls) { .mode = GUEST_PROTECTED, };
FIXTURE_VARIANT_ADD(run, protected_page) { .mode = GUEST_PROTECTED, .by_page = true, };
FIXTURE_VARIANT_ADD(run, long_hypercalls) { .mode = GUEST_LONG, };
FIXTURE_VARIANT_ADD(run, long_page) { .mode = GUEST_LONG, .by_page = true, };

FIXTURE_SETUP(run)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	self->page = self->vp.page;
	if (!variant->by_page)
		self->vp.page = NULL;
}

FIXTURE_TEARDOWN(run)
{
	self->vp.page = self->page;
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* What a VP reports at its end: it has got there. */
static int run_to_end(struct vp *vp)
{
	u32 value = 0;
	int ret = vp_run_to_report(vp, &value);

	return ret ? ret : value != 1;
}

static void skip_instruction(struct vp *vp, unsigned int length)
{
	vp_set(vp, HV_X64_REGISTER_RIP, vp_header(vp)->rip + length);
}

/* Where the VP is: what the header of every intercept says. */
static bool header_fits(struct vp *vp, enum guest_mode mode)
{
	const struct hv_x64_intercept_message_header *header = vp_header(vp);

	return header->vp_index == vp->index &&
	       header->cs_segment.base == 0 &&
	       header->cs_segment.attributes == modes_cs_attributes[mode] &&
	       header->execution_state.cpl == 0 &&
	       header->execution_state.cr0_pe == (mode != GUEST_REAL) &&
	       header->execution_state.efer_lma == (mode == GUEST_LONG) &&
	       header->rip == vp_get(vp, HV_X64_REGISTER_RIP) &&
	       header->rflags == vp_get(vp, HV_X64_REGISTER_RFLAGS);
}

/* What the bit fields of an access to a port say. */
struct io_kind {
	unsigned int size, string, rep, length;
};

static struct io_kind io_kind(const struct vp *vp)
{
	const struct hv_x64_io_port_intercept_message *io = vp_io(vp);

	return (struct io_kind) {
		.size = io->access_size,
		.string = io->string_op,
		.rep = io->rep_prefix,
		.length = io->header.instruction_length,
	};
}

/* Each OUT arrives once, with its port, size, value, place and length. */
TEST_F(run, out)
{
	static const struct {
		u16 port;
		u8 size, length[GUEST_LONG + 1];
	} expected[] = {
		{ PORT_TEST, 1, { 2, 2, 2 } }, { PORT_TEST, 2, { 2, 3, 3 } },
		{ PORT_TEST, 4, { 3, 2, 2 } }, { PORT_FAR, 1, { 1, 1, 1 } },
		{ PORT_FAR, 2, { 1, 2, 2 } }, { PORT_FAR, 4, { 2, 1, 1 } },
	};
	const struct hv_x64_io_port_intercept_message *io = vp_io(&self->vp);
	u64 mask;
	unsigned int i;

	vp_enter(&self->vp, variant->mode, &out_each_size);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		ASSERT_EQ(0, vp_run(&self->vp));
		ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
		EXPECT_EQ(HV_INTERCEPT_ACCESS_WRITE, io->header.intercept_access_type);
		EXPECT_EQ(expected[i].port, io->port_number);
		EXPECT_EQ(expected[i].size, io_kind(&self->vp).size);
		EXPECT_EQ(expected[i].length[variant->mode], io_kind(&self->vp).length);
		EXPECT_EQ(0, io_kind(&self->vp).string);
		EXPECT_EQ(0, io_kind(&self->vp).rep);
		mask = (1ULL << expected[i].size * 8) - 1;
		EXPECT_EQ(VALUE & mask, io->rax & mask);
		EXPECT_TRUE(header_fits(&self->vp, variant->mode));
		skip_instruction(&self->vp, io->header.instruction_length);
	}
}

/* A VMM that changes nothing gets the same intercept again. */
TEST_F(run, intercept_again)
{
	struct hv_message first;
	unsigned int i;

	vp_enter(&self->vp, variant->mode, &out_each_size);
	ASSERT_EQ(0, vp_run(&self->vp));
	first = self->vp.msg;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vp_run(&self->vp));
		EXPECT_EQ(0, memcmp(&first, &self->vp.msg, sizeof(first)));
	}
}

/* What the VMM puts into RAX is what IN has read. */
TEST_F(run, in)
{
	static const u32 reads[] = { 0xffffff5a, 0xffff5a5a, 0x5a5a5a5a };
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	unsigned int i;

	vp_enter(&self->vp, variant->mode, &in_each_size);
	for (i = 0; i < ARRAY_SIZE(reads); i++) {
		ASSERT_EQ(0, vp_run(&self->vp));
		ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
		EXPECT_EQ(HV_INTERCEPT_ACCESS_READ, vp_header(&self->vp)->intercept_access_type);
		EXPECT_EQ(PORT_FAR, vp_io(&self->vp)->port_number);
		EXPECT_EQ(1 << i, io_kind(&self->vp).size);
		EXPECT_TRUE(header_fits(&self->vp, variant->mode));
		vp_set(&self->vp, HV_X64_REGISTER_RAX, reads[i]);
		skip_instruction(&self->vp, vp_header(&self->vp)->instruction_length);
	}
	ASSERT_EQ(0, run_to_end(&self->vp));
	for (i = 0; i < ARRAY_SIZE(reads); i++)
		EXPECT_EQ(reads[i], seen[i]);
}

/*
 * String forms: the VMM does all that is left of the repetitions, as the message
 * says where they have got to.
 */
TEST_F(run, string_out)
{
	const struct hv_x64_io_port_intercept_message *io = vp_io(&self->vp);
	struct hv_register_assoc ds = { .name = HV_X64_REGISTER_DS };
	const u32 es = HV_X64_REGISTER_ES;
	char written[8] = { };

	memcpy(self->vm.ram + GUEST_DATA, "hello", 5);
	vp_enter(&self->vp, variant->mode, &string_out);
	/* In real mode DS is elsewhere. */
	ASSERT_EQ(0, vp_get_registers(&self->vp, &es, &ds.value, 1));
	ASSERT_EQ(0, vp_set_registers(&self->vp, &ds, 1));
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(PORT_FAR, io->port_number);
	EXPECT_EQ(1, io_kind(&self->vp).size);
	EXPECT_EQ(1, io_kind(&self->vp).string);
	EXPECT_EQ(1, io_kind(&self->vp).rep);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_WRITE, io->header.intercept_access_type);
	ASSERT_EQ(5, io->rcx);
	ASSERT_EQ(GUEST_DATA, io->rsi);
	EXPECT_EQ(0, io->ds_segment.base);

	memcpy(written, self->vm.ram + io->rsi, io->rcx);
	EXPECT_STREQ("hello", written);
	vp_set(&self->vp, HV_X64_REGISTER_RSI, io->rsi + io->rcx);
	vp_set(&self->vp, HV_X64_REGISTER_RCX, 0);
	skip_instruction(&self->vp, io->header.instruction_length);
	EXPECT_EQ(0, run_to_end(&self->vp));
}

TEST_F(run, string_in)
{
	const struct hv_x64_io_port_intercept_message *io = vp_io(&self->vp);

	vp_enter(&self->vp, variant->mode, &string_in);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(2, io_kind(&self->vp).size);
	EXPECT_EQ(1, io_kind(&self->vp).string);
	EXPECT_EQ(1, io_kind(&self->vp).rep);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_READ, io->header.intercept_access_type);
	ASSERT_EQ(3, io->rcx);
	ASSERT_EQ(GUEST_DATA, io->rdi);
	EXPECT_EQ(0, io->es_segment.base);

	memcpy(self->vm.ram + io->rdi, "abcdef", 6);
	vp_set(&self->vp, HV_X64_REGISTER_RDI, io->rdi + 6);
	vp_set(&self->vp, HV_X64_REGISTER_RCX, 0);
	skip_instruction(&self->vp, io->header.instruction_length);
	EXPECT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0, memcmp("abcdef", self->vm.ram + GUEST_DATA, 6));
}

/* How long a MOV between a register and memory without displacement is. */
static unsigned int mov_length(const u8 *code)
{
	unsigned int prefixes = 0;

	while (code[prefixes] == 0x26 || code[prefixes] == 0x66 || code[prefixes] == 0x67)
		prefixes++;
	return prefixes + 2;
}

/* Memory that is none: where, what kind of access, and by which instruction. */
TEST_F(run, mmio)
{
	static const u32 reads[] = { 0x12345611, 0x12342222, 0x33333333 };
	const struct hv_x64_memory_intercept_message *memory = vp_memory(&self->vp);
	u32 *seen = (u32 *)(self->vm.ram + GUEST_DATA);
	const u8 *code;
	unsigned int i;

	vp_enter(&self->vp, variant->mode, &memory_each_size);
	/* Not at the beginning of a page. */
	vp_set(&self->vp, HV_X64_REGISTER_RSI,
	       vp_get(&self->vp, HV_X64_REGISTER_RSI) + MMIO_OFFSET);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, vp_run(&self->vp));
		ASSERT_EQ(HVMSG_UNMAPPED_GPA, self->vp.msg.header.message_type);
		EXPECT_EQ(GUEST_MMIO + MMIO_OFFSET, memory->guest_physical_address);
		EXPECT_EQ(i < 3 ? HV_INTERCEPT_ACCESS_WRITE : HV_INTERCEPT_ACCESS_READ,
			  memory->header.intercept_access_type);
		EXPECT_TRUE(header_fits(&self->vp, variant->mode));
		if (memory->memory_access_info.gva_valid)
			EXPECT_EQ(GUEST_MMIO + MMIO_OFFSET, memory->guest_virtual_address);
		code = self->vm.ram + memory->header.rip;
		/* There may be none; then VMMs fetch them. */
		if (memory->instruction_byte_count) {
			EXPECT_EQ(0, memcmp(code, memory->instruction_bytes,
					    mov_length(code)));
		}
		EXPECT_TRUE(i >= 3 || (u32)vp_get(&self->vp, HV_X64_REGISTER_RAX) == VALUE);
		if (i >= 3)
			vp_set(&self->vp, HV_X64_REGISTER_RAX, reads[i - 3]);
		skip_instruction(&self->vp, mov_length(code));
	}
	ASSERT_EQ(0, run_to_end(&self->vp));
	for (i = 0; i < ARRAY_SIZE(reads); i++)
		EXPECT_EQ(reads[i], seen[i]);
}

/* Whether the hypervisor has it wait for what ends HLT. */
static bool is_halted(struct vp *vp)
{
	return vp_get(vp, HV_REGISTER_INTERNAL_ACTIVITY_STATE) & HV_ACTIVITY_HALT_SUSPEND;
}

/*
 * With interrupts off a VP never wakes by itself. The VMM is told, and has it go
 * on; a hypervisor may also have the VP wait for an NMI or INIT.
 */
TEST_F(run, halt_with_interrupts_off)
{
	u32 value;
	int ret;

	vp_enter(&self->vp, variant->mode, &halt);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(900000);
	ret = vp_run(&self->vp);
	kick_every(0);
	if (ret == -EINTR && is_halted(&self->vp))
		SKIP(return, "the hypervisor does not tell of HLT, it waits");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(HVMSG_X64_HALT, self->vp.msg.header.message_type);
	EXPECT_TRUE(header_fits(&self->vp, variant->mode));
	skip_instruction(&self->vp, 1);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

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

/* General registers, RIP, RFLAGS and segments: set one way, seen the other. */
TEST_F(run, registers_both_ways)
{
	u32 names[18];
	union hv_register_value values[ARRAY_SIZE(names)];
	struct hv_vp_register_page *page = self->page;
	unsigned int i;
	u32 value;

	vp_enter(&self->vp, variant->mode, &count);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = HV_X64_REGISTER_RAX + i;
	/* All but the stack, RIP and RFLAGS, and R8 and up in long mode only. */
	for (i = 0; i < 8; i++)
		if (names[i] != HV_X64_REGISTER_RSP)
			vp_set(&self->vp, names[i], 0x1000 + i);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	/* RBX, counted once. */
	EXPECT_EQ(0x1000 + 3 + 1, value);

	self->vp.page = NULL;
	ASSERT_EQ(0, vp_get_registers(&self->vp, names, values, ARRAY_SIZE(names)));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(values[i].reg64, page->registers[i])
			TH_LOG("register %#x", HV_X64_REGISTER_RAX + i);
	}
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR0), page->cr0);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR3), page->cr3);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR4), page->cr4);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_EFER), page->efer);
	for (i = 0; i < 6; i++) {
		names[0] = HV_X64_REGISTER_ES + i;
		ASSERT_EQ(0, vp_get_registers(&self->vp, names, values, 1));
		EXPECT_EQ(0, memcmp(&values[0].segment, &page->segment_registers[i],
				    sizeof(values[0].segment)))
			TH_LOG("segment %u", i);
	}
}

/* One register by the page and another by hypercall: both count. */
TEST_F(run, registers_mixed)
{
	struct hv_register_assoc rip = { .name = HV_X64_REGISTER_RIP };
	struct hv_vp_register_page *page = self->page;
	u32 value;

	vp_enter(&self->vp, variant->mode, &count);
	ASSERT_EQ(0, vp_run(&self->vp));
	page->rbx = 0x4000;
	page->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
	rip.value.reg64 = GUEST_CODE;
	ASSERT_EQ(0, vp_set_registers(&self->vp, &rip, 1));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0x4001, value);
	EXPECT_EQ(1, page->isvalid);
}

/* A run that a signal ends leaves the registers where they can be read. */
TEST_F(run, registers_after_signal)
{
	vp_enter(&self->vp, variant->mode, &spin);
	kick_every(20000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
	EXPECT_EQ(GUEST_CODE, vp_get(&self->vp, HV_X64_REGISTER_RIP));
	/* On to something else from there. */
	vm_load(&self->vm, GUEST_CODE + 0x100, variant->mode, &count);
	vp_set(&self->vp, HV_X64_REGISTER_RIP, GUEST_CODE + 0x100);
	vp_set(&self->vp, HV_X64_REGISTER_RBX, 0);
	EXPECT_EQ(0, run_to_end(&self->vp));
}

static int translate(struct vp *vp, u64 linear, u64 flags,
		     struct hv_output_translate_virtual_address *out)
{
	struct hv_input_translate_virtual_address in = {
		.vp_index = vp->index,
		.control_flags = flags,
		.gva_page = linear / PAGE,
	};

	memset(out, 0xff, sizeof(*out));
	return hv_call(vp->fd, HVCALL_TRANSLATE_VIRTUAL_ADDRESS, &in, sizeof(in),
		       out, sizeof(*out), NULL);
}

/* Where a linear address leads, as the mode has it. */
TEST_F(run, translate)
{
	struct hv_output_translate_virtual_address out;

	vm_map_window(&self->vm, 3, GUEST_DATA, PTE_PRESENT | PTE_WRITABLE);
	vm_map_window(&self->vm, 4, GUEST_DATA, PTE_PRESENT);
	vp_enter(&self->vp, variant->mode, &count);
	ASSERT_EQ(0, run_to_end(&self->vp));

	ASSERT_EQ(0, translate(&self->vp, GUEST_CODE, HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_CODE / PAGE, out.gpa_page);
	if (variant->mode != GUEST_LONG)
		return;

	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 3 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE,
			       &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_DATA / PAGE, out.gpa_page);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 4 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 4 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_WRITE, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION, out.result_code);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 5 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_PAGE_NOT_PRESENT, out.result_code);
}

/* 64-bit operands: what there is in long mode alone. */
GUEST64(wide,
	"movabs $0x1122334455667788, %rax\n"
	"mov %rax, (%rsi)\n"
	"mov (%rsi), %rax\n"
	"mov %rax, (%rdi)\n"
	GUEST_REPORT(1));

/* The stack of XMM0 and XMM1 is of no interest, but what is in them is. */
GUEST64(load_xmm,
	"movdqu (%rdi), %xmm0\n"
	"movdqu 16(%rdi), %xmm15\n"
	GUEST_REPORT(1)
	"movdqu %xmm0, 32(%rdi)\n"
	"movdqu %xmm15, 48(%rdi)\n"
	GUEST_REPORT(1));

GUEST64(set_apic,
	GUEST_APIC_ON
	"mov $" __stringify(APIC_BASE) " + 0x80, %ecx\n"	/* task priority */
	"movl $0x20, (%rcx)\n"
	"mov $" __stringify(APIC_BASE) " + 0x350, %ecx\n"	/* LINT0: ExtINT */
	"movl $0x700, (%rcx)\n"
	"mov $" __stringify(APIC_BASE) " + 0x360, %ecx\n"	/* LINT1: NMI */
	"movl $0x400, (%rcx)\n"
	GUEST_REPORT(1)
	"mov $" __stringify(APIC_BASE) " + 0x350, %ecx\n"
	"mov (%rcx), %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

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

FIXTURE(state) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(state)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(state)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Eight bytes at a time, where there is no memory. */
TEST_F(state, mmio_of_8_bytes)
{
	u64 *seen = (u64 *)(self->vm.ram + GUEST_DATA);

	vp_enter(&self->vp, GUEST_LONG, &wide);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ(0x1122334455667788, vp_get(&self->vp, HV_X64_REGISTER_RAX));
	skip_instruction(&self->vp, 3);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 0x99aabbccddeeff00);
	skip_instruction(&self->vp, 3);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0x99aabbccddeeff00, *seen);
}

/* KVM, for one, has a port of its own: not here. */
GUEST64(writes_to_7e,
	"mov $0x5a, %eax\n"
	"out %al, $0x7e\n"
	GUEST_REPORT(2));

TEST_F(state, port_7e)
{
	const struct hv_x64_io_port_intercept_message *io = vp_io(&self->vp);
	u32 value;
	u64 rsi;

	vp_enter(&self->vp, GUEST_LONG, &writes_to_7e);
	rsi = vp_get(&self->vp, HV_X64_REGISTER_RSI);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_X64_IO_PORT_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(0x7e, io->port_number);
	EXPECT_EQ(2, io_kind(&self->vp).length);
	EXPECT_EQ(0, io_kind(&self->vp).string);
	EXPECT_EQ(rsi, vp_get(&self->vp, HV_X64_REGISTER_RSI));
	skip_instruction(&self->vp, 2);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

/* A partition without local APICs. */
FIXTURE(without_apic) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(without_apic)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, 0);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(without_apic)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* There is nothing that could wake it: the VMM is told. */
TEST_F(without_apic, halt)
{
	u32 value;
	int ret;

	vp_enter(&self->vp, GUEST_LONG, &halt);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(900000);
	ret = vp_run(&self->vp);
	kick_every(0);
	if (ret == -EINTR && is_halted(&self->vp))
		SKIP(return, "the hypervisor does not tell of HLT, it waits");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(HVMSG_X64_HALT, self->vp.msg.header.message_type);
	skip_instruction(&self->vp, 1);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

/* Writes where a local APIC would be, and goes on. */
GUEST64(writes_to_apic, GUEST_APIC_ON GUEST_REPORT(2));
#define LENGTH_OF_WRITE		6	/* mov imm32, (%rcx) */
#define OPCODE_OF_WRITE		0xc7

/* The page of one is like any other. */
TEST_F(without_apic, page)
{
	const struct hv_x64_memory_intercept_message *memory = vp_memory(&self->vp);
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &writes_to_apic);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ(APIC_BASE + APIC_SVR, memory->guest_physical_address);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_WRITE, memory->header.intercept_access_type);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_RIP), memory->header.rip);
	ASSERT_LE(LENGTH_OF_WRITE, memory->instruction_byte_count);
	EXPECT_EQ(OPCODE_OF_WRITE, memory->instruction_bytes[0]);
	skip_instruction(&self->vp, LENGTH_OF_WRITE);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

/*
 * Page tables in memory that the guest has not touched yet: the driver has it brought
 * in, or the hypervisor says that it cannot be read. It is not missing.
 */
TEST_F(state, translate_untouched)
{
	struct hv_output_translate_virtual_address out;

	vp_enter(&self->vp, GUEST_LONG, &count);
	ASSERT_EQ(0, translate(&self->vp, GUEST_CODE, HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	if (out.result_code == HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS)
		return;
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_CODE / PAGE, out.gpa_page);
}

/* Where the message says that its two addresses are of the same place, they are. */
TEST_F(state, memory_gva_and_gpa)
{
	const struct hv_x64_memory_intercept_message *memory = vp_memory(&self->vp);
	struct hv_output_translate_virtual_address out;

	vm_map_window(&self->vm, 7, GUEST_MMIO + 3 * PAGE, PTE_PRESENT | PTE_WRITABLE);
	vp_enter(&self->vp, GUEST_LONG, &wide);
	vp_set(&self->vp, HV_X64_REGISTER_RSI, GUEST_WINDOW + 7 * PAGE + 0x123);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ(GUEST_MMIO + 3 * PAGE + 0x123, memory->guest_physical_address);
	if (!memory->memory_access_info.gva_gpa_valid)
		SKIP(return, "the message says nothing of linear addresses");
	EXPECT_EQ(GUEST_WINDOW + 7 * PAGE + 0x123, memory->guest_virtual_address);
	/* A translation is for an access: this one was a write. */
	ASSERT_EQ(0, translate(&self->vp, memory->guest_virtual_address,
			       HV_TRANSLATE_GVA_VALIDATE_WRITE, &out));
	EXPECT_EQ(memory->guest_physical_address / PAGE, out.gpa_page);
}

/* Before anything is set a VP begins where processors do. */
TEST_F(state, reset_vector)
{
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_UNMAPPED_GPA, self->vp.msg.header.message_type);
	EXPECT_EQ(0xfffffff0, vp_memory(&self->vp)->guest_physical_address);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_EXECUTE, vp_header(&self->vp)->intercept_access_type);
	EXPECT_EQ(0xfff0, vp_header(&self->vp)->rip);
}

/* What VMMs read by name and every processor has: from one to another. */
static const u32 registers_of_all[][2] = {
	{ HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND },
	{ HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_INTERNAL_ACTIVITY_STATE },
	{ HV_REGISTER_HYPERVISOR_VERSION, HV_REGISTER_HYPERVISOR_VERSION },
	{ HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, HV_REGISTER_HARDWARE_FEATURES_INFO },
	{ HV_REGISTER_PENDING_INTERRUPTION, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION },
	{ HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS },
	{ HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM_CONTROL_STATUS },
	{ HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR8 },
	{ HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR7 },
	{ HV_X64_REGISTER_ES, HV_X64_REGISTER_TR },
	{ HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR },
	{ HV_X64_REGISTER_TSC, HV_X64_REGISTER_INITIAL_APIC_ID },
	{ HV_X64_REGISTER_APIC_ID, HV_X64_REGISTER_APIC_VERSION },
};

TEST_F(state, registers_that_vmms_read)
{
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	union hv_register_value value;
	struct vp second;
	unsigned int i;
	u32 name;
	int ret;

	for (i = 0; i < ARRAY_SIZE(registers_of_all); i++) {
		for (name = registers_of_all[i][0]; name <= registers_of_all[i][1]; name++) {
			ret = vp_get_registers(&self->vp, &name, &value, 1);
			if (ret == -EINVAL)
				SKIP(return, "the hypervisor lacks register %#x", name);
			ASSERT_EQ(0, ret)
				TH_LOG("register %#x", name);
		}
	}
	EXPECT_EQ(0, vp_get(&self->vp, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	EXPECT_EQ(apic->apic_version, vp_get(&self->vp, HV_X64_REGISTER_APIC_VERSION));

	/* Until a VMM says otherwise, the number of the local APIC is the VP's. */
	vp_start(&self->vm, &second, 1);
	EXPECT_EQ(1, vp_get(&second, HV_X64_REGISTER_APIC_ID));
	EXPECT_EQ(1, vp_get(&second, HV_X64_REGISTER_INITIAL_APIC_ID));
	vp_stop(&second);
}

/* Registers of SSE: in XSAVE's image where it has them, and back from it. */
TEST_F(state, xsave)
{
	u8 *image = memory_get(vp_state_size(&self->vp, MSHV_VP_STATE_XSAVE));
	u8 *data = self->vm.ram + GUEST_DATA;
	unsigned int i;

	for (i = 0; i < 32; i++)
		data[i] = i + 1;
	vp_enter(&self->vp, GUEST_LONG, &load_xmm);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	/* XMM0 is at 160, each has 16 bytes. */
	EXPECT_EQ(0, memcmp(data, image + 160, 16));
	EXPECT_EQ(0, memcmp(data + 16, image + 160 + 15 * 16, 16));

	memset(image + 160, 0xa5, 16);
	memset(image + 160 + 15 * 16, 0x5a, 16);
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0, memcmp(data + 32, image + 160, 16));
	EXPECT_EQ(0, memcmp(data + 48, image + 160 + 15 * 16, 16));
}

#define XSAVE_XSTATE_BV	512
#define XSAVE_XCOMP_BV	520

/* XSAVE's image is in the compacted format: it says so, and what has a place. */
TEST_F(state, xsave_compacted)
{
	u8 *image = memory_get(vp_state_size(&self->vp, MSHV_VP_STATE_XSAVE));
	u64 present, placed;

	vp_enter(&self->vp, GUEST_LONG, &load_xmm);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	memcpy(&present, image + XSAVE_XSTATE_BV, sizeof(present));
	memcpy(&placed, image + XSAVE_XCOMP_BV, sizeof(placed));
	EXPECT_TRUE(placed & BIT_ULL(63));
	EXPECT_EQ(3, placed & 3);
	EXPECT_EQ(0, present & ~placed);
	EXPECT_EQ(2, present & 2);
	/* A VMM that has emptied it sets only what it has. */
	present = 2;
	placed = BIT_ULL(63) | 3;
	memcpy(image + XSAVE_XSTATE_BV, &present, sizeof(present));
	memcpy(image + XSAVE_XCOMP_BV, &placed, sizeof(placed));
	memset(image + 160, 0xa5, 16);
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0, memcmp(self->vm.ram + GUEST_DATA + 32, image + 160, 16));
}

/* The local APIC as the guest has set it, and as the VMM sets it then. */
TEST_F(state, lapic)
{
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &set_apic);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	EXPECT_EQ(0x1ff, apic->apic_spurious);
	EXPECT_EQ(0x700, apic->apic_lvt_lint0);
	EXPECT_EQ(0x400, apic->apic_lvt_lint1);
	EXPECT_EQ(2, vp_get(&self->vp, HV_X64_REGISTER_CR8));

	apic->apic_lvt_lint0 = 0x10700;
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0x10700, value);
}

/* States of the synthetic interrupt controller can be read and written back. */
TEST_F(state, synic)
{
	static const u8 types[] = {
		MSHV_VP_STATE_SIMP, MSHV_VP_STATE_SIEFP, MSHV_VP_STATE_SYNTHETIC_TIMERS,
	};
	u8 *page = memory_get(PAGE), *again = memory_get(PAGE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		/* What is not written shows. */
		memset(page, 0xa5, PAGE);
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], page))
			TH_LOG("type %u", types[i]);
		EXPECT_NE(0xa5, page[0]);
		memset(again, 0x5a, PAGE);
		EXPECT_EQ(0, vp_set_state(&self->vp, types[i], page));
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], again));
		EXPECT_NE(0x5a, again[0]);
		if (types[i] == MSHV_VP_STATE_SYNTHETIC_TIMERS)
			continue;
		/* The pages are the guest's to fill: all of them goes in and out. */
		EXPECT_EQ(0, memcmp(page, again, PAGE));
		memset(page, 0x11 * (i + 1), PAGE);
		EXPECT_EQ(0, vp_set_state(&self->vp, types[i], page));
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], again));
		EXPECT_EQ(0, memcmp(page, again, PAGE))
			TH_LOG("type %u is not as it was set", types[i]);
	}
}

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
