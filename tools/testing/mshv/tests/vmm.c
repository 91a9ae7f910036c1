// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the VMM: instructions that access ports or nothing, its command
 * line, ACPI without interrupt controllers.
 */

#include <getopt.h>
#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../hv/hv_more.h"
#include "../pc/acpi.h"
#include "../pc/guest.h"
#include "../vmm/io.h"
#include "../vmm/mmio.h"
#include "../vmm/options.h"

#define PORT		0x3f8
#define RIP		0xffffffff81000000ULL
#define STRING		0x1000ULL
#define MEMORY_SIZE	0x4000ULL
/* With the size, what emulate() is told of an access. */
#define STRING_OP	0x08
#define REP_PREFIX	0x10
#define REPEATED	(STRING_OP | REP_PREFIX)
#define CLASS_GENERAL	BIT(HV_X64_REGISTER_CLASS_GENERAL)
#define CLASS_IP	BIT(HV_X64_REGISTER_CLASS_IP)

struct io_test {
	struct hv_x64_io_port_intercept_message message;
	struct hv_vp_register_page regs;
	struct io_bus bus;
	u8 memory[MEMORY_SIZE];		/* at linear address 0 */
	u32 next;			/* what the port gives, one more each time */
	u32 written[2 * IO_BURST];
	unsigned int accesses;
	u16 port;
	u8 size;
};

FIXTURE(io)
{
	struct io_test test;
};

static u32 port_in(void *context, u16 port, u8 size)
{
	struct io_test *io = context;

	io->port = port;
	io->size = size;
	io->accesses++;
	return io->next++;
}

static void port_out(void *context, u16 port, u8 size, u32 value)
{
	struct io_test *io = context;

	io->port = port;
	io->size = size;
	io->written[io->accesses++] = value;
}

static u8 *memory(void *context, u64 address, bool write)
{
	struct io_test *io = context;

	(void)write;
	return address < MEMORY_SIZE ? &io->memory[address] : NULL;
}

FIXTURE_SETUP(io)
{
	self->test.bus = (struct io_bus) {
		.in = port_in, .out = port_out, .memory = memory, .context = &self->test,
	};
	self->test.message.header.instruction_length = 2;
	self->test.message.header.rip = RIP;
	self->test.message.header.execution_state.efer_lma = 1;
	self->test.message.header.cs_segment._long = 1;
	self->test.message.port_number = PORT;
	self->test.regs.rip = RIP;
	self->test.regs.isvalid = 1;
	self->test.regs.rax = 0x1122334455667788ULL;
	self->test.next = 0xa1b2c3d4;
}

FIXTURE_TEARDOWN(io)
{
	(void)self;
}

static const char *emulate(struct io_test *io, bool is_in, u8 access)
{
	io->message.header.intercept_access_type =
		is_in ? HV_INTERCEPT_ACCESS_READ : HV_INTERCEPT_ACCESS_WRITE;
	io->message.access_size = access & ~REPEATED;
	io->message.string_op = !!(access & STRING_OP);
	io->message.rep_prefix = !!(access & REP_PREFIX);
	return io_emulate(&io->message, &io->regs, &io->bus);
}

TEST_F(io, in_changes_as_much_of_rax_as_it_reads)
{
	ASSERT_EQ(NULL, emulate(&self->test, true, 1));
	EXPECT_EQ(0x11223344556677d4ULL, self->test.regs.rax);
	EXPECT_EQ(RIP + 2, self->test.regs.rip);
	EXPECT_EQ(CLASS_GENERAL | CLASS_IP, self->test.regs.dirty);
	EXPECT_EQ(PORT, self->test.port);
	ASSERT_EQ(NULL, emulate(&self->test, true, 2));
	EXPECT_EQ(0x112233445566c3d5ULL, self->test.regs.rax);
	ASSERT_EQ(NULL, emulate(&self->test, true, 4));
	EXPECT_EQ(0xa1b2c3d6ULL, self->test.regs.rax);
	EXPECT_EQ(4, self->test.size);
}

TEST_F(io, out_writes_as_much_as_it_says)
{
	ASSERT_EQ(NULL, emulate(&self->test, false, 1));
	ASSERT_EQ(NULL, emulate(&self->test, false, 2));
	ASSERT_EQ(NULL, emulate(&self->test, false, 4));
	EXPECT_EQ(0x88, self->test.written[0]);
	EXPECT_EQ(0x7788, self->test.written[1]);
	EXPECT_EQ(0x55667788, self->test.written[2]);
	EXPECT_EQ(0x1122334455667788ULL, self->test.regs.rax);
	EXPECT_EQ(CLASS_IP, self->test.regs.dirty);
	EXPECT_NE(NULL, emulate(&self->test, false, 3));
	EXPECT_NE(NULL, emulate(&self->test, false, 0));
	EXPECT_EQ(3, self->test.accesses);
}

TEST_F(io, outs_repeats)
{
	memcpy(self->test.memory + STRING, "hello", 5);
	self->test.regs.rsi = STRING;
	self->test.regs.rcx = 5;
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | REPEATED));
	ASSERT_EQ(5, self->test.accesses);
	EXPECT_EQ('h', self->test.written[0]);
	EXPECT_EQ('o', self->test.written[4]);
	EXPECT_EQ(STRING + 5, self->test.regs.rsi);
	EXPECT_EQ(0, self->test.regs.rcx);
	EXPECT_EQ(RIP + 2, self->test.regs.rip);
	EXPECT_EQ(CLASS_GENERAL | CLASS_IP, self->test.regs.dirty);

	/* Without the prefix RCX does not matter. */
	self->test.regs.rcx = 7;
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | STRING_OP));
	EXPECT_EQ(6, self->test.accesses);
	EXPECT_EQ(7, self->test.regs.rcx);

	/* Nothing to do is done, too. */
	self->test.regs.rcx = 0;
	self->test.regs.rip = RIP;
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | REPEATED));
	EXPECT_EQ(6, self->test.accesses);
	EXPECT_EQ(RIP + 2, self->test.regs.rip);
}

TEST_F(io, ins_goes_backwards)
{
	const u8 expected[] = { 0xd5, 0xc3, 0xd4, 0xc3 };

	self->test.regs.rdi = STRING + 2;
	self->test.regs.rcx = 2;
	self->test.message.header.rflags = BIT(10);
	/* In 64-bit mode the segment has no base. */
	self->test.message.es_segment.base = 0x100000;
	ASSERT_EQ(NULL, emulate(&self->test, true, 2 | REPEATED));
	EXPECT_EQ(0, memcmp(expected, self->test.memory + STRING, sizeof(expected)));
	EXPECT_EQ(STRING - 2, self->test.regs.rdi);
}

TEST_F(io, a_long_string_comes_in_pieces)
{
	self->test.regs.rsi = 0;
	self->test.regs.rcx = IO_BURST + 3;
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | REPEATED));
	EXPECT_EQ(IO_BURST, self->test.accesses);
	EXPECT_EQ(3, self->test.regs.rcx);
	EXPECT_EQ(RIP, self->test.regs.rip);
	EXPECT_EQ(CLASS_GENERAL, self->test.regs.dirty);
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | REPEATED));
	EXPECT_EQ(IO_BURST + 3, self->test.accesses);
	EXPECT_EQ(RIP + 2, self->test.regs.rip);
}

TEST_F(io, a_string_that_leaves_memory_stops_there)
{
	self->test.regs.rsi = MEMORY_SIZE - 6;
	self->test.regs.rcx = 3;
	EXPECT_NE(NULL, emulate(&self->test, false, 4 | REPEATED));
	EXPECT_EQ(1, self->test.accesses);
	EXPECT_EQ(2, self->test.regs.rcx);
	EXPECT_EQ(MEMORY_SIZE - 2, self->test.regs.rsi);
	EXPECT_EQ(RIP, self->test.regs.rip);
}

TEST_F(io, addresses_are_as_long_as_mode_and_prefixes_say)
{
	/* 67 f3 6e: rep outsb with ESI */
	memcpy(self->test.message.instruction_bytes, "\x67\xf3\x6e", 3);
	self->test.message.instruction_byte_count = 3;
	self->test.regs.rsi = 0xf00000000ULL + STRING;
	self->test.regs.rcx = 0xf00000001ULL;
	ASSERT_EQ(NULL, emulate(&self->test, false, 1 | REPEATED));
	EXPECT_EQ(1, self->test.accesses);
	EXPECT_EQ(STRING + 1, self->test.regs.rsi);
	EXPECT_EQ(0, self->test.regs.rcx);

	/* 16-bit code: SI comes round, and the segment counts. */
	self->test.message.instruction_byte_count = 0;
	self->test.message.header.cs_segment._long = 0;
	self->test.message.header.rip = 0xfffe;
	self->test.message.ds_segment.base = 0x10;
	self->test.regs.rsi = 0x1ffff;
	self->test.regs.rcx = 2;
	EXPECT_NE(NULL, emulate(&self->test, false, 1 | REPEATED));
	self->test.regs.rsi = 0x1fff0;
	self->test.message.ds_segment.base = -0xfff0ULL & 0xffffffff;
	self->test.memory[0] = 'x';
	EXPECT_EQ(NULL, emulate(&self->test, false, 1 | STRING_OP));
	EXPECT_EQ('x', self->test.written[self->test.accesses - 1]);
	EXPECT_EQ(0x1fff1, self->test.regs.rsi);

	/* 64 6e: outsb from FS, whose base nobody tells. */
	memcpy(self->test.message.instruction_bytes, "\x64\x6e", 2);
	self->test.message.instruction_byte_count = 2;
	EXPECT_NE(NULL, emulate(&self->test, false, 1 | STRING_OP));
	/* To INS it means nothing. */
	self->test.message.es_segment.base = 0;
	self->test.regs.rdi = STRING;
	EXPECT_EQ(NULL, emulate(&self->test, true, 1 | STRING_OP));
}

TEST(reads_of_nothing_give_ones)
{
	static const struct {
		const char *code;
		unsigned int size;
		unsigned int reg;
		u64 value;		/* of one that was 0x1111111111111111 */
	} cases[] = {
		{ "\x8b\x07", 2, 0, 0xffffffff },			/* mov (%rdi), %eax */
		{ "\x48\x8b\x0f", 3, 1, ~0ULL },			/* mov (%rdi), %rcx */
		{ "\x4c\x8b\x5f\x10", 4, 11, ~0ULL },			/* mov 0x10(%rdi), %r11 */
		{ "\x66\x8b\x17", 3, 2, 0x111111111111ffffULL },	/* mov (%rdi), %dx */
		{ "\x8a\x1f", 2, 3, 0x11111111111111ffULL },		/* mov (%rdi), %bl */
		{ "\x8a\x3f", 2, 3, 0x111111111111ff11ULL },		/* mov (%rdi), %bh */
		{ "\x40\x8a\x3f", 3, 7, 0x11111111111111ffULL },	/* mov (%rdi), %dil */
		{ "\x0f\xb6\x07", 3, 0, 0xff },				/* movzbl (%rdi), %eax */
		{ "\x0f\xb7\x07", 3, 0, 0xffff },			/* movzwl (%rdi), %eax */
		{ "\x66\x0f\xb6\x07", 4, 0, 0x11111111111100ffULL },	/* movzbw (%rdi), %ax */
		{ "\x48\x0f\xbe\x07", 4, 0, ~0ULL },			/* movsbq (%rdi), %rax */
		{ "\xa1\0\0\0\xc0\0\0\0\0", 9, 0, 0xffffffff },		/* mov 0xc0000000, %eax */
		{ "\x89\x07", 2, 0, 0x1111111111111111ULL },		/* mov %eax, (%rdi) */
		{ "\xc7\x07\1\2\3\4", 6, 0, 0x1111111111111111ULL },	/* movl $n, (%rdi) */
		{ "\xc6\x07\1", 3, 0, 0x1111111111111111ULL },		/* movb $n, (%rdi) */
	};
	struct hv_vp_register_page regs;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 code[MMIO_CODE_MAX] = { };

		memcpy(code, cases[i].code, cases[i].size);
		memset(&regs, 0, sizeof(regs));
		for (j = 0; j < 16; j++)
			regs.gp_registers[j] = 0x1111111111111111ULL;
		regs.rip = RIP;
		EXPECT_TRUE(mmio_emulate(&regs, true, code, sizeof(code)))
			TH_LOG("number %u", i);
		EXPECT_EQ(RIP + cases[i].size, regs.rip) TH_LOG("number %u", i);
		for (j = 0; j < 16; j++) {
			u64 expected = 0x1111111111111111ULL;

			if (j == cases[i].reg)
				expected = cases[i].value;
			EXPECT_EQ(expected, regs.gp_registers[j]) TH_LOG("number %u", i);
		}
		EXPECT_NE(0, regs.dirty & CLASS_IP);
		/* Whole, or not at all. */
		regs.rip = RIP;
		EXPECT_FALSE(mmio_emulate(&regs, true, code, cases[i].size - 1));
		EXPECT_EQ(RIP, regs.rip);
	}
}

TEST(only_moves_are_known)
{
	static const struct {
		const char *code;
		unsigned int size;
	} cases[] = {
		{ "\x01\x07", 2 },		/* add %eax, (%rdi) */
		{ "\x85\x07", 2 },		/* test %eax, (%rdi) */
		{ "\x0f\xba\x27\x01", 4 },	/* btl $1, (%rdi) */
		{ "\xa5", 1 },			/* movsl */
		{ "\xc5\xf9\x6f\x07", 4 },	/* vmovdqa (%rdi), %xmm0 */
		{ "", 0 },
	};
	struct hv_vp_register_page regs = { .rip = RIP };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_FALSE(mmio_emulate(&regs, true, (const u8 *)cases[i].code, cases[i].size))
			TH_LOG("number %u", i);
	EXPECT_EQ(RIP, regs.rip);
	EXPECT_EQ(0, regs.dirty);
}

static int parse(struct vmm_options *options, const char *const *words)
{
	const char *argv[16] = { "vmm" };
	int argc = 1;

	while (*words)
		argv[argc++] = *words++;
	optind = 0;
	return vmm_options_parse(options, argc, (char **)argv);
}

TEST(options)
{
	static const char * const few[] = { "--kernel", "K", NULL };
	static const char * const many[] = {
		"--kernel", "K", "--initrd", "I", "--append", "a", "--append", "b",
		"--cpus=255", "--memory=2048", "--xapic", "--timeout=7", "--stats", NULL,
	};
	static const char * const wrong[][4] = {
		{ NULL }, { "--kernel", "K", "more" }, { "--kernel", "K", "--cpus=0" },
		{ "--kernel", "K", "--cpus=256" }, { "--kernel", "K", "--memory=2049" },
		{ "--kernel", "K", "--memory=x" }, { "--kernel", "K", "--timeout=-1" },
		{ "--kernel", "K", "--what" },
	};
	struct vmm_options options;
	unsigned int i;

	ASSERT_EQ(0, parse(&options, few));
	EXPECT_STREQ("K", options.kernel);
	EXPECT_EQ(NULL, options.initrd);
	EXPECT_EQ(1, options.cpus);
	EXPECT_EQ(128ULL << 20, options.memory);
	EXPECT_TRUE(options.x2apic);
	EXPECT_EQ(0, options.timeout);

	ASSERT_EQ(0, parse(&options, many));
	EXPECT_STREQ("I", options.initrd);
	EXPECT_STREQ("a b", options.append);
	EXPECT_EQ(255, options.cpus);
	EXPECT_EQ(2048ULL << 20, options.memory);
	EXPECT_FALSE(options.x2apic);
	EXPECT_EQ(7, options.timeout);
	EXPECT_TRUE(options.stats);

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(-1, parse(&options, wrong[i])) TH_LOG("number %u", i);
}

/* The table of @guest with such a signature. */
static const u8 *find_table(const struct guest *guest, u64 rsdp, const char *signature)
{
	const u8 *table;
	u64 xsdt, entry;
	unsigned int i;

	memcpy(&xsdt, guest_memory(guest, rsdp + 24, 8), 8);
	for (i = 0; i < 2; i++) {
		memcpy(&entry, guest_memory(guest, xsdt + 36 + 8 * i, 8), 8);
		table = guest_memory(guest, entry, 36);
		if (!memcmp(table, signature, 4))
			return table;
	}
	return NULL;
}

TEST(acpi_without_interrupt_controllers)
{
	static u8 host[1 << 20];
	const struct ram_slot ram = { .size = sizeof(host), .host = host };
	struct guest guest = { .ram = &ram, .ram_slots = 1, .cpus = 3 };
	const u8 *table;
	u32 length, flags;
	u64 rsdp;

	/* In front of the entries of the MADT there are 44 bytes, each of a VP has 8. */
	rsdp = acpi_write_tables(&guest);
	table = find_table(&guest, rsdp, "APIC");
	ASSERT_NE(NULL, table);
	memcpy(&length, table + 4, 4);
	EXPECT_EQ(44 + 3 * 8 + 12 + 2 * 10, length);

	memset(host, 0, sizeof(host));
	guest.local_apics_only = true;
	rsdp = acpi_write_tables(&guest);
	table = find_table(&guest, rsdp, "APIC");
	ASSERT_NE(NULL, table);
	memcpy(&length, table + 4, 4);
	EXPECT_EQ(44 + 3 * 8, length);
	table = find_table(&guest, rsdp, "FACP");
	ASSERT_NE(NULL, table);
	memcpy(&flags, table + 112, 4);
	EXPECT_NE(0, flags & BIT(20));

	/* Sleep control register: type in bits 4:2, enabled by bit 5. */
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 6, 5 << 2));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 6, BIT(5) | 3 << 2));
	EXPECT_EQ(ACPI_POWER_OFF, acpi_write(ACPI_PM_PORT + 6, BIT(5) | 5 << 2));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 7, 0x80));
}

TEST_HARNESS_MAIN
