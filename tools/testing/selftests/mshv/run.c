// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VP does when it runs, and what a VMM is told: ports, memory that is none, HLT, in
 * real, protected and long mode, with a local APIC and without.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "run_fixture.h"
#include "run_steps.h"
#include "state_fixture.h"
#include "vm.h"

/* A port without a meaning, and one that takes two bytes to name. */
#define PORT_TEST	0xe0
#define PORT_FAR	0x5e8

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

/* Before anything is set a VP begins where processors do. */
TEST_F(state, reset_vector)
{
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_EQ(HVMSG_UNMAPPED_GPA, self->vp.msg.header.message_type);
	EXPECT_EQ(0xfffffff0, vp_memory(&self->vp)->guest_physical_address);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_EXECUTE, vp_header(&self->vp)->intercept_access_type);
	EXPECT_EQ(0xfff0, vp_header(&self->vp)->rip);
}

TEST_HARNESS_MAIN
