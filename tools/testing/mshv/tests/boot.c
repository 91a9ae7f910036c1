// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of how a kernel is loaded: vmlinux and bzImage, and the ACPI tables that it
 * is given.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asm/bootparam.h>
#include <linux/elf.h>

#include "kselftest_harness.h"

#include "../hv/options.h"
#include "../hv/partition.h"
#include "../pc/acpi.h"
#include "../pc/boot.h"
#include "../pc/guest.h"
#include "partition_fixture.h"

/* As machine.c has it. */
static int load_guest(struct boot *boot, struct partition *partition)
{
	struct guest guest;

	partition_guest(partition, &guest);
	return boot_load(boot, &guest);
}

/* A file of which boot_load() is to boot. */
static void write_kernel(struct options *options, const void *data, size_t size)
{
	static char name[32];
	int fd;

	strcpy(name, "/tmp/hvemu-unit-XXXXXX");
	fd = mkstemp(name);
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	options->kernel = name;
}

TEST_F(partition, a_vmlinux_is_loaded_where_it_says)
{
	struct {
		struct elf64_hdr elf;
		struct elf64_phdr segment;
		char text[16];
	} file = {
		.elf.e_ident = ELFMAG "\2\1\1", .elf.e_machine = EM_X86_64,
		.elf.e_entry = 0x200008, .elf.e_phoff = sizeof(struct elf64_hdr), .elf.e_phnum = 1,
		.segment.p_type = PT_LOAD, .segment.p_paddr = 0x200000,
		.segment.p_offset = sizeof(struct elf64_hdr) + sizeof(struct elf64_phdr),
		.segment.p_filesz = 16, .segment.p_memsz = 0x1000,
		.text = "the kernel",
	};
	const struct boot_params *params;
	struct kvm_sregs sregs = { };
	struct kvm_regs regs;
	struct boot boot;

	strcpy(self->options.append, "a command line");
	write_kernel(&self->options, &file, sizeof(file));
	ASSERT_EQ(0, load_guest(&boot, self->partition));
	EXPECT_STREQ("the kernel", partition_memory(self->partition, 0x200000, 16));
	boot_registers(&boot, &regs, &sregs);
	EXPECT_EQ(0x200008, regs.rip);
	params = partition_memory(self->partition, regs.rsi, sizeof(*params));
	EXPECT_STREQ("a command line",
		     partition_memory(self->partition, params->hdr.cmd_line_ptr, 16));
	EXPECT_EQ(0, memcmp("RSD PTR ", partition_memory(self->partition,
							 params->acpi_rsdp_addr, 8), 8));
	EXPECT_LE(4, params->e820_entries);
	unlink(self->options.kernel);

	/* A segment where there is no memory; one that the file does not have. */
	file.segment.p_paddr = RAM_SIZE - 8;
	write_kernel(&self->options, &file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
	file.segment.p_paddr = 0x200000;
	file.segment.p_filesz = 4096;
	write_kernel(&self->options, &file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

TEST_F(partition, a_bzimage_is_loaded_where_it_wants)
{
	static u8 file[0x3000];
	struct setup_header *header = (void *)file + offsetof(struct boot_params, hdr);
	struct boot boot;

	header->setup_sects = 3;
	memcpy(&header->header, "HdrS", 4);
	header->version = 0x20f;
	header->jump = 0x6aeb;
	header->xloadflags = XLF_KERNEL_64;
	header->pref_address = 0x100000;
	header->init_size = 0x10000;
	file[4 * 512] = 0x55;
	write_kernel(&self->options, file, sizeof(file));
	ASSERT_EQ(0, load_guest(&boot, self->partition));
	EXPECT_EQ(0x100200, boot.entry);
	EXPECT_EQ(0x55, *(u8 *)partition_memory(self->partition, 0x100000, 1));
	unlink(self->options.kernel);

	header->version = 0x20b;
	write_kernel(&self->options, file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

TEST_F(partition, what_is_no_kernel_is_refused)
{
	struct boot boot;

	self->options.kernel = "/nonexistent";
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	write_kernel(&self->options, "hello", 5);
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

/* Every table of ACPI adds up to 0. */
TEST_F(partition, acpi_tables_add_up)
{
	const struct { char signature[4]; u32 length; } *table;
	struct guest guest;
	const u8 *rsdp;
	u64 xsdt, entry;
	u32 i, j;
	u8 sum = 0;

	partition_guest(self->partition, &guest);
	rsdp = partition_memory(self->partition, acpi_write_tables(&guest), 36);
	for (i = 0; i < 36; i++)
		sum += rsdp[i];
	EXPECT_EQ(0, sum);
	memcpy(&xsdt, rsdp + 24, 8);
	for (i = 0; i < 3; i++) {
		entry = xsdt;
		if (i)
			memcpy(&entry, partition_memory(self->partition,
							xsdt + 36 + (i - 1) * 8, 8), 8);
		table = partition_memory(self->partition, entry, 8);
		ASSERT_NE(NULL, table);
		for (sum = 0, j = 0; j < table->length; j++)
			sum += ((const u8 *)table)[j];
		EXPECT_EQ(0, sum) TH_LOG("%.4s", table->signature);
	}
	EXPECT_EQ(ACPI_POWER_OFF, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 5 << 10));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 4, 5 << 10));
	/* Hibernation ends the same way; no other state does. */
	EXPECT_EQ(ACPI_POWER_OFF, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 4 << 10));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 3 << 10));
}

TEST_HARNESS_MAIN
