// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's boot protocol: Documentation/arch/x86/boot.rst, "64-bit Boot
 * Protocol", which both a bzImage and a vmlinux take.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asm/bootparam.h>
#include <linux/elf.h>

#include "acpi.h"
#include "boot.h"
#include "guest.h"

#define PAGE		4096ULL
#define GDT_GPA		0x6000
#define PARAMS_GPA	0x7000
#define PAGE_TABLE_GPA	0x9000		/* six pages */
#define COMMAND_LINE_GPA	0x20000
#define LOW_END		0x9fc00		/* conventional memory ends here */
#define BIOS_GPA	0xe0000
#define HIGH_GPA	0x100000

#define IDENTITY_GIB	4		/* mapped one to one at entry */
#define PTE_TABLE	0x3ULL		/* present, writable */
#define PTE_LARGE	0x83ULL		/* and 2 MiB */

/* Selectors that the protocol asks for. */
#define SELECTOR_CODE	0x10
#define SELECTOR_DATA	0x18
#define DESCRIPTOR_CODE	0x00af9b000000ffffULL
#define DESCRIPTOR_DATA	0x00cf93000000ffffULL

#define NO_ROOM		"does not fit into the guest's memory; try a larger --memory"

struct file {
	const char *name;
	void *data;
	size_t size;
};

static int complain(const char *name, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, name, what);
	return -1;
}

static int open_file(struct file *file, const char *name)
{
	struct stat status;
	int fd;

	file->name = name;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(name, strerror(errno));
	if (fstat(fd, &status) || !status.st_size) {
		close(fd);
		return complain(name, "cannot be read, or is empty");
	}
	file->size = status.st_size;
	file->data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file->data == MAP_FAILED)
		return complain(name, strerror(errno));
	return 0;
}

static void close_file(struct file *file)
{
	munmap(file->data, file->size);
}

/* Copy a piece of a file into guest memory. */
static int load(const struct guest *guest, const struct file *file,
		u64 offset, u64 size, u64 gpa)
{
	void *memory = guest_memory(guest, gpa, size);

	if (offset > file->size || size > file->size - offset)
		return complain(file->name, "is shorter than it says");
	if (!memory || gpa < HIGH_GPA)
		return complain(file->name, NO_ROOM);
	memcpy(memory, file->data + offset, size);
	return 0;
}

static int load_vmlinux(struct boot *boot, const struct guest *guest,
			const struct file *file, u64 *end)
{
	const struct elf64_hdr *elf = file->data;
	const struct elf64_phdr *segment;
	unsigned int i;

	if (file->size < sizeof(*elf) || elf->e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->e_machine != EM_X86_64 ||
	    elf->e_phoff > file->size ||
	    (u64)elf->e_phnum * sizeof(*segment) > file->size - elf->e_phoff)
		return complain(file->name, "is no x86-64 kernel");

	segment = file->data + elf->e_phoff;
	for (i = 0; i < elf->e_phnum; i++, segment++) {
		if (segment->p_type != PT_LOAD)
			continue;
		if (load(guest, file, segment->p_offset, segment->p_filesz,
			 segment->p_paddr))
			return -1;
		if (segment->p_memsz > guest->reserved_gpa)
			return complain(file->name, NO_ROOM);
		if (segment->p_paddr + segment->p_memsz > *end)
			*end = segment->p_paddr + segment->p_memsz;
	}
	boot->entry = elf->e_entry;
	return 0;
}

static int load_bzimage(struct boot *boot, const struct guest *guest,
			const struct file *file, struct boot_params *params, u64 *end)
{
	const struct setup_header *header;
	u64 setup_size;
	size_t size;

	header = file->data + offsetof(struct boot_params, hdr);
	if (header->version < 0x20c || !(header->xloadflags & XLF_KERNEL_64))
		return complain(file->name, "has no 64-bit entry point (boot protocol 2.12)");
	setup_size = (header->setup_sects ? header->setup_sects + 1 : 5) * 512;
	if (setup_size > file->size)
		return complain(file->name, "is shorter than it says");

	/* boot.rst: the header ends 0x202 + the byte at 0x201 into the file. */
	size = header->jump >> 8;
	size += offsetof(struct setup_header, header);
	memcpy(&params->hdr, header, size < sizeof(*header) ? size : sizeof(*header));
	if (load(guest, file, setup_size, file->size - setup_size,
		 header->pref_address))
		return -1;
	*end = header->pref_address + header->init_size;
	boot->entry = header->pref_address + 0x200;
	return 0;
}

static bool is_bzimage(const struct file *file)
{
	const struct setup_header *header;

	if (file->size < sizeof(struct boot_params))
		return false;
	header = file->data + offsetof(struct boot_params, hdr);
	return !memcmp(&header->header, "HdrS", 4);
}

/* The initramfs goes as high as it can, out of the kernel's way. */
static int load_initrd(const struct guest *guest, struct boot_params *params,
		       u64 kernel_end)
{
	const struct ram_slot *low = &guest->ram[0];
	u64 limit = low->gpa + low->size;
	struct file file;
	int ret = -1;
	u64 gpa;

	if (guest->reserved_gpa < limit)
		limit = guest->reserved_gpa;
	if (params->hdr.initrd_addr_max && limit > params->hdr.initrd_addr_max + 1ULL)
		limit = params->hdr.initrd_addr_max + 1ULL;

	if (open_file(&file, guest->initrd))
		return -1;
	gpa = (limit - file.size) & ~(PAGE - 1);
	if (file.size > limit || gpa < kernel_end)
		complain(file.name, NO_ROOM);
	else
		ret = load(guest, &file, 0, file.size, gpa);
	params->hdr.ramdisk_image = gpa;
	params->hdr.ramdisk_size = file.size;
	close_file(&file);
	return ret;
}

static void add_memory(struct boot_params *params, u64 from, u64 to, u32 type)
{
	struct boot_e820_entry *entry;

	if (from >= to)
		return;
	entry = &params->e820_table[params->e820_entries++];
	entry->addr = from;
	entry->size = to - from;
	entry->type = type;
}

static void write_memory_map(const struct guest *guest, struct boot_params *params)
{
	enum { RAM = 1, RESERVED = 2 };
	u64 reserved = guest->reserved_gpa;
	u64 reserved_end = reserved + guest->reserved_pages * PAGE;
	unsigned int i;

	add_memory(params, 0, LOW_END, RAM);
	add_memory(params, BIOS_GPA, HIGH_GPA, RESERVED);
	for (i = 0; i < guest->ram_slots; i++) {
		u64 from = guest->ram[i].gpa ?: HIGH_GPA;
		u64 to = guest->ram[i].gpa + guest->ram[i].size;

		if (reserved >= from && reserved < to) {
			add_memory(params, from, reserved, RAM);
			add_memory(params, reserved, reserved_end, RESERVED);
			add_memory(params, reserved_end, to, RAM);
		} else {
			add_memory(params, from, to, RAM);
		}
	}
}

static void write_page_tables(const struct guest *guest)
{
	u64 *table = guest_memory(guest, PAGE_TABLE_GPA, (2 + IDENTITY_GIB) * PAGE);
	u64 *pdpt = table + 512, *pd = table + 1024;
	u64 i;

	table[0] = (PAGE_TABLE_GPA + PAGE) | PTE_TABLE;
	for (i = 0; i < IDENTITY_GIB; i++)
		pdpt[i] = (PAGE_TABLE_GPA + (2 + i) * PAGE) | PTE_TABLE;
	for (i = 0; i < IDENTITY_GIB * 512; i++)
		pd[i] = i << 21 | PTE_LARGE;
}

static void write_gdt(const struct guest *guest)
{
	u64 *gdt = guest_memory(guest, GDT_GPA, PAGE);

	gdt[SELECTOR_CODE / 8] = DESCRIPTOR_CODE;
	gdt[SELECTOR_DATA / 8] = DESCRIPTOR_DATA;
}

int boot_load(struct boot *boot, const struct guest *guest)
{
	struct boot_params *params;
	struct file kernel;
	u64 end = HIGH_GPA;
	char *command_line;
	int ret;

	params = guest_memory(guest, PARAMS_GPA, sizeof(*params));
	command_line = guest_memory(guest, COMMAND_LINE_GPA, strlen(guest->append) + 1);
	if (open_file(&kernel, guest->kernel))
		return -1;

	if (is_bzimage(&kernel)) {
		ret = load_bzimage(boot, guest, &kernel, params, &end);
	} else if (kernel.size > SELFMAG && !memcmp(kernel.data, ELFMAG, SELFMAG)) {
		ret = load_vmlinux(boot, guest, &kernel, &end);
		params->hdr.boot_flag = 0xaa55;
		memcpy(&params->hdr.header, "HdrS", 4);
		params->hdr.version = 0x20f;
	} else {
		ret = complain(kernel.name, "is neither a bzImage nor a vmlinux");
	}
	if (!ret && end > guest->reserved_gpa)
		ret = complain(kernel.name, NO_ROOM);
	close_file(&kernel);
	if (!ret && guest->initrd)
		ret = load_initrd(guest, params, end);
	if (ret)
		return ret;

	strcpy(command_line, guest->append);
	params->hdr.type_of_loader = 0xff;	/* undefined */
	params->hdr.cmd_line_ptr = COMMAND_LINE_GPA;
	params->acpi_rsdp_addr = acpi_write_tables(guest);
	write_memory_map(guest, params);
	write_page_tables(guest);
	write_gdt(guest);
	return 0;
}

void boot_registers(const struct boot *boot, struct kvm_regs *regs,
		    struct kvm_sregs *sregs)
{
	const struct kvm_segment code = {
		.limit = 0xffffffff, .selector = SELECTOR_CODE, .type = 0xb,
		.present = 1, .l = 1, .s = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.limit = 0xffffffff, .selector = SELECTOR_DATA, .type = 0x3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};

	*regs = (struct kvm_regs) {
		.rip = boot->entry,
		.rsi = PARAMS_GPA,
		.rflags = 0x2,
	};
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->ss = data;
	sregs->gdt.base = GDT_GPA;
	sregs->gdt.limit = SELECTOR_DATA + 7;
	sregs->cr0 = 0x80050033;		/* PG AM WP NE ET MP PE */
	sregs->cr3 = PAGE_TABLE_GPA;
	sregs->cr4 = 0x20;			/* PAE */
	sregs->efer = 0x500;			/* LMA LME */
}
