// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a guest: what is given to it and taken away, by MSHV_SET_GUEST_MEMORY
 * and by what the VMM does to its own address space; accesses that meet nothing;
 * faults half way through an instruction; which pages were accessed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "touch.h"

/* What the guest of backing.dropped_while_running follows. */
#define FLAG		GUEST_DATA

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/* Again and again what FLAG holds, into all pages. */
GUEST64(follow_flag,
	"2: mov " __stringify(FLAG) ", %eax\n"
	"mov $" __stringify(AREA) ", %esi\n"
	"mov $" __stringify(PAGES) ", %ecx\n"
"1:	mov %eax, (%rsi)\n"
	"add $0x1000, %rsi\n"
	"dec %ecx\n"
	"jnz 1b\n"
	"jmp 2b\n");

GUEST64(copy_bytes,
	"cld\n"
	"rep movsb\n"
	GUEST_REPORT(1));

GUEST64(jump,
	"jmp *%rsi\n");

GUEST64(interrupt,
	"int $0x40\n"
	GUEST_REPORT(2));

GUEST64(on_interrupt,
	GUEST_REPORT(1)
	"iretq\n");

FIXTURE(memory) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(memory)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(memory)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Whatever shares a page with what is there is refused; neighbours are not. */
TEST_F(memory, overlap)
{
	unsigned char *memory = memory_get(8 * PAGE);
	static const struct {
		int page, count, ret;
	} cases[] = {
		{ 0, 4, -EEXIST }, { 1, 2, -EEXIST }, { 0, 1, -EEXIST }, { 3, 1, -EEXIST },
		{ -1, 2, -EEXIST }, { 3, 4, -EEXIST }, { -2, 8, -EEXIST },
		{ 4, 2, 0 }, { -2, 2, 0 },
	};
	unsigned int i;

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, 4 * PAGE, MAP_RWX));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].ret, vm_map(&self->vm, AREA + cases[i].page * PAGE,
					       memory, cases[i].count * PAGE, MAP_RWX))
			TH_LOG("case %u", i);
	}
	EXPECT_EQ(0, store(&self->vp, AREA + 3 * PAGE, 1));
}

/* Where no processor can reach. */
TEST_F(memory, out_of_reach)
{
	void *memory = memory_get(PAGE);

	EXPECT_GT(0, vm_map(&self->vm, 1ULL << 52, memory, PAGE, MAP_RWX));
	EXPECT_GT(0, vm_map(&self->vm, ~0ULL & ~(PAGE - 1), memory, PAGE, MAP_RWX));
}

/* A page is there, then it is not, then something else is. */
TEST_F(memory, unmap)
{
	unsigned char *memory = memory_get(2 * PAGE);
	u32 value;

	EXPECT_TRUE(load_meets_nothing(&self->vp, AREA));
	EXPECT_EQ(HVMSG_UNMAPPED_GPA, self->vp.msg.header.message_type);
	*word(memory, 0) = 17;
	*word(memory, 1) = 18;
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, MAP_RWX));
	ASSERT_EQ(0, load(&self->vp, AREA, &value));
	EXPECT_EQ(17, value);
	ASSERT_EQ(0, vm_unmap(&self->vm, AREA, memory, PAGE));
	EXPECT_TRUE(load_meets_nothing(&self->vp, AREA));
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA));
	EXPECT_EQ(17, *word(memory, 0));
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory + PAGE, PAGE, MAP_RWX));
	ASSERT_EQ(0, load(&self->vp, AREA, &value));
	EXPECT_EQ(18, value);
	/* The same once more, and in two places. */
	ASSERT_EQ(0, vm_map(&self->vm, AREA + PAGE, memory + PAGE, PAGE, MAP_RWX));
	ASSERT_EQ(0, store(&self->vp, AREA, 19));
	ASSERT_EQ(0, load(&self->vp, AREA + PAGE, &value));
	EXPECT_EQ(19, value);
}

/* One that the guest has never touched goes as well. */
TEST_F(memory, unmap_untouched)
{
	unsigned char *memory = memory_get(PAGE);

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, MAP_RWX));
	ASSERT_EQ(0, vm_unmap(&self->vm, AREA, memory, PAGE));
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA));
	EXPECT_EQ(HVMSG_UNMAPPED_GPA, self->vp.msg.header.message_type);
	EXPECT_EQ(0, *word(memory, 0));
	EXPECT_EQ(-ENOENT, vm_unmap(&self->vm, AREA, memory, PAGE));
}

/* What does not name a region as it was given unmaps nothing. */
TEST_F(memory, unmap_wrong)
{
	unsigned char *memory = memory_get(4 * PAGE);

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, 4 * PAGE, MAP_RWX));
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE, 1));
	EXPECT_EQ(-ENOENT, vm_unmap(&self->vm, AREA + 4 * PAGE, memory, 4 * PAGE));
	EXPECT_EQ(-ENOENT, vm_unmap(&self->vm, AREA - PAGE, memory, 4 * PAGE));
	EXPECT_EQ(-EINVAL, vm_unmap(&self->vm, AREA, memory, 2 * PAGE));
	EXPECT_EQ(-EINVAL, vm_unmap(&self->vm, AREA, memory, 5 * PAGE));
	EXPECT_EQ(-EINVAL, vm_unmap(&self->vm, AREA, memory + PAGE, 4 * PAGE));
	EXPECT_EQ(-EINVAL, vm_unmap(&self->vm, AREA + PAGE, memory + PAGE, 3 * PAGE));
	EXPECT_EQ(0, store(&self->vp, AREA + PAGE, 2));
	EXPECT_EQ(2, *word(memory, 1));
}

/* Without the right to write: reads go through, writes are the VMM's. */
TEST_F(memory, read_only)
{
	unsigned char *memory = memory_get(PAGE);
	u32 value;

	*word(memory, 0) = 23;
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, 0));
	ASSERT_EQ(0, load(&self->vp, AREA, &value));
	EXPECT_EQ(23, value);
	begin(&self->vp, &store_rax, AREA, 0, 0);
	ASSERT_TRUE(meets_nothing(&self->vp, AREA, HV_INTERCEPT_ACCESS_WRITE));
	EXPECT_EQ(HVMSG_GPA_INTERCEPT, self->vp.msg.header.message_type);
	EXPECT_EQ(23, *word(memory, 0));
	/* The VMM takes it for a device, and goes on. */
	vp_set(&self->vp, HV_X64_REGISTER_RIP, vp_header(&self->vp)->rip + WRITE_LENGTH);
	EXPECT_EQ(0, finish(&self->vp));
}

/* The first access of all is a write to where there is only reading. */
TEST_F(memory, read_only_written_first)
{
	unsigned char *memory = memory_get(PAGE);

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, 0));
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA));
	EXPECT_EQ(0, *word(memory, 0));
}

/*
 * Without the right to execute. As it is the first access, this is the driver's to
 * find out where the hypervisor cannot.
 */
TEST_F(memory, no_execute)
{
	unsigned char *memory = memory_get(PAGE);

	memcpy(memory, on_interrupt.code[GUEST_LONG].begin,
	       on_interrupt.code[GUEST_LONG].end - on_interrupt.code[GUEST_LONG].begin);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, BIT(MSHV_SET_MEM_BIT_WRITABLE)));
	begin(&self->vp, &jump, AREA, 0, 0);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp))
		vp_print_message(&self->vp);
	EXPECT_EQ(AREA, vp_memory(&self->vp)->guest_physical_address);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_EXECUTE,
		  vp_header(&self->vp)->intercept_access_type);
}

/* Many small ones, each with its own fault; half of them go again. */
TEST_F(memory, many_regions)
{
	const unsigned int regions = 64;
	unsigned char *memory = memory_get(regions * PAGE);
	unsigned int i;

	for (i = 0; i < regions; i++) {
		ASSERT_EQ(0, vm_map(&self->vm, AREA + 2 * i * PAGE, word(memory, i), PAGE,
				    MAP_RWX));
	}
	begin(&self->vp, &write_pages, AREA, regions, 2 * PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	for (i = 0; i < regions; i++)
		EXPECT_EQ(AREA + 2 * i * PAGE, *word(memory, i));

	for (i = 0; i < regions; i += 2)
		EXPECT_EQ(0, vm_unmap(&self->vm, AREA + 2 * i * PAGE, word(memory, i), PAGE));
	memset(memory, 0, regions * PAGE);
	begin(&self->vp, &write_pages, AREA, regions, 2 * PAGE);
	for (i = 0; i < regions; i += 2) {
		ASSERT_TRUE(meets_nothing(&self->vp, AREA + 2 * i * PAGE,
					  HV_INTERCEPT_ACCESS_WRITE))
			TH_LOG("region %u", i);
		vp_set(&self->vp, HV_X64_REGISTER_RIP,
		       vp_header(&self->vp)->rip + WRITE_LENGTH);
	}
	ASSERT_EQ(0, finish(&self->vp));
	for (i = 0; i < regions; i++)
		EXPECT_EQ(i % 2 ? AREA + 2 * i * PAGE : 0, *word(memory, i));
}

/*
 * An instruction of which the first bytes are in a page that was just mapped,
 * and the others in one that is not yet.
 */
TEST_F(memory, instruction_across)
{
	/* mov $0x11223344, %eax; out %eax, $PORT_REPORT */
	static const u8 code[] = { 0xb8, 0x44, 0x33, 0x22, 0x11, 0xe7, PORT_REPORT };
	unsigned char *first = memory_get(PAGE), *second = memory_get(PAGE);
	unsigned int split;
	u32 value;

	for (split = 1; split < 5; split++) {
		memcpy(first + PAGE - split, code, split);
		memcpy(second, code + split, sizeof(code) - split);
		ASSERT_EQ(0, vm_map(&self->vm, AREA, first, PAGE, MAP_RWX));
		ASSERT_EQ(0, vm_map(&self->vm, AREA + PAGE, second, PAGE, MAP_RWX));
		vp_enter_at(&self->vp, GUEST_LONG, AREA + PAGE - split);
		ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
		EXPECT_EQ(0x11223344, value);
		ASSERT_EQ(0, vm_unmap(&self->vm, AREA, first, PAGE));
		ASSERT_EQ(0, vm_unmap(&self->vm, AREA + PAGE, second, PAGE));
	}
}

/* Likewise data, stored and copied. */
TEST_F(memory, data_across)
{
	unsigned char *pages[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		pages[i] = memory_get(PAGE);
		ASSERT_EQ(0, vm_map(&self->vm, AREA + i * PAGE, pages[i], PAGE, MAP_RWX));
	}
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE - 3, 0x1122334455667788));
	EXPECT_EQ(0, memcmp(pages[0] + PAGE - 3, "\x88\x77\x66", 3));
	EXPECT_EQ(0, memcmp(pages[1], "\x55\x44\x33\x22\x11", 5));

	/* From there to the next two, by a string instruction of 100 bytes. */
	memset(pages[0] + PAGE - 50, 1, 50);
	memset(pages[1], 2, 50);
	begin(&self->vp, &copy_bytes, AREA + PAGE - 50, 100, 0);
	vp_set(&self->vp, HV_X64_REGISTER_RDI, AREA + 3 * PAGE - 20);
	ASSERT_EQ(0, finish(&self->vp));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(i < 50 ? 1 : 2, i < 20 ? pages[2][PAGE - 20 + i] : pages[3][i - 20]);
}

/* Half of the data is nowhere. The VMM puts memory there; it is made anew. */
TEST_F(memory, data_across_into_nothing)
{
	unsigned char *first = memory_get(PAGE), *second = memory_get(PAGE);

	ASSERT_EQ(0, vm_map(&self->vm, AREA, first, PAGE, MAP_RWX));
	begin(&self->vp, &store_rax, AREA + PAGE - 3, 0, 0);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 0x1122334455667788);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ((AREA + PAGE) / PAGE, vp_memory(&self->vp)->guest_physical_address / PAGE);
	/* Here each linear address is the physical one. */
	if (vp_memory(&self->vp)->memory_access_info.gva_gpa_valid)
		EXPECT_EQ(vp_memory(&self->vp)->guest_physical_address,
			  vp_memory(&self->vp)->guest_virtual_address);
	ASSERT_EQ(0, vm_map(&self->vm, AREA + PAGE, second, PAGE, MAP_RWX));
	ASSERT_EQ(0, finish(&self->vp));
	EXPECT_EQ(0, memcmp(first + PAGE - 3, "\x88\x77\x66", 3));
	EXPECT_EQ(0, memcmp(second, "\x55\x44\x33\x22\x11", 5));
}

/* Page tables and what they lead to, each in a page that is not there yet. */
TEST_F(memory, page_walk)
{
	u64 *gibs = (u64 *)(self->vm.ram + GUEST_TABLES + PAGE);
	const u64 flags = PTE_PRESENT | PTE_WRITABLE;
	unsigned char *pages[3];
	unsigned int i;
	u32 value;

	for (i = 0; i < 3; i++) {
		pages[i] = memory_get(PAGE);
		ASSERT_EQ(0, vm_map(&self->vm, AREA + i * PAGE, pages[i], PAGE, MAP_RWX));
	}
	gibs[GUEST_WINDOW >> 30] = AREA | flags;
	word(pages[0], 0)[0] = (AREA + PAGE) | flags;
	word(pages[1], 0)[7] = (AREA + 2 * PAGE) | flags;
	*word(pages[2], 0) = 29;
	ASSERT_EQ(0, load(&self->vp, GUEST_WINDOW + 7 * PAGE, &value));
	EXPECT_EQ(29, value);
}

/*
 * A page table is nowhere: the message has the table's address, and must not say that it
 * is that of the data (gva_gpa_valid), which a VMM would believe. The VMM puts it there.
 */
TEST_F(memory, page_walk_into_nothing)
{
	u64 *gibs = (u64 *)(self->vm.ram + GUEST_TABLES + PAGE);
	unsigned char *table = memory_get(PAGE);
	u32 value;

	gibs[GUEST_WINDOW >> 30] = AREA | PTE_PRESENT | PTE_WRITABLE;
	*word(table, 0) = PTE_PRESENT | PTE_WRITABLE | PTE_LARGE;
	*(u32 *)(self->vm.ram + GUEST_DATA) = 29;
	begin(&self->vp, &load_eax, GUEST_WINDOW + GUEST_DATA, 0, 0);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ(AREA / PAGE, vp_memory(&self->vp)->guest_physical_address / PAGE);
	EXPECT_EQ(0, 0U + vp_memory(&self->vp)->memory_access_info.gva_gpa_valid);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, table, PAGE, MAP_RWX));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(29, value);
}

/* The interrupt table and the stack are not there yet when they are needed. */
TEST_F(memory, interrupt_delivery)
{
	struct hv_register_assoc idtr = { .name = HV_X64_REGISTER_IDTR };
	unsigned char *table = memory_get(PAGE), *stack = memory_get(PAGE);
	u32 value;

	vm_load(&self->vm, GUEST_CODE + 0x100, GUEST_LONG, &on_interrupt);
	vm_set_gate(&self->vm, 0x40, GUEST_CODE + 0x100);
	memcpy(table, self->vm.ram + GUEST_IDT, PAGE);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, table, PAGE, MAP_RWX));
	ASSERT_EQ(0, vm_map(&self->vm, AREA + PAGE, stack, PAGE, MAP_RWX));
	vp_enter(&self->vp, GUEST_LONG, &interrupt);
	idtr.value.table.base = AREA;
	idtr.value.table.limit = PAGE - 1;
	ASSERT_EQ(0, vp_set_registers(&self->vp, &idtr, 1));
	vp_set(&self->vp, HV_X64_REGISTER_RSP, AREA + 2 * PAGE);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

/* Pages of which the guest has only read have nothing in them, and cost little. */
TEST_F(memory, untouched_is_zero)
{
	unsigned char *memory = memory_get(PAGES * PAGE);
	u32 value = 1;

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &add_pages, AREA, PAGES, PAGE);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0, value);
}

static int access_bitmap(struct vm *vm, u8 type, u8 op, u64 *bitmap)
{
	struct mshv_gpap_access_bitmap args = {
		.access_type = type,
		.access_op = op,
		.page_count = PAGES,
		.gpap_base = AREA / PAGE,
		.bitmap_ptr = (uintptr_t)bitmap,
	};

	int ret;

	*bitmap = ~0ULL;
	ret = mshv_ioctl(vm->fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args);
	/* What is beyond the pages is not written. */
	if (!ret && *bitmap >> PAGES != ~0ULL >> PAGES)
		return -EPROTO;
	*bitmap &= BIT_ULL(PAGES) - 1;
	return ret;
}

FIXTURE(accessed) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
};

/* All pages are there, and none is accessed or dirty. */
FIXTURE_SETUP(accessed)
{
	const char *why = mshv_missing();
	u64 bitmap;
	u16 status;
	int ret;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	ret = hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
			      1, &status);
	if (hv_lacks(status))
		SKIP(return, "the hypervisor does not track accesses: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_start(&self->vm, &self->vp, 0);
	self->memory = memory_get(PAGES * PAGE);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, AREA, PAGES, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
}

FIXTURE_TEARDOWN(accessed)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Reading the dirty bits and clearing them in one go, as migration does. */
TEST_F(accessed, dirty)
{
	u64 bitmap;
	u32 value;

	ASSERT_EQ(0, store(&self->vp, AREA + 2 * PAGE, 1));
	ASSERT_EQ(0, store(&self->vp, AREA + 39 * PAGE, 1));
	ASSERT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(2) | BIT_ULL(39), bitmap);
	ASSERT_EQ(0, store(&self->vp, AREA + 3 * PAGE, 1));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(3), bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(0, bitmap);
}

/* Pages that were read count as accessed, those that were written as well. */
TEST_F(accessed, accessed)
{
	u64 bitmap;
	u32 value;

	ASSERT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	ASSERT_EQ(0, store(&self->vp, AREA + 7 * PAGE, 1));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(5) | BIT_ULL(7), bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(0, bitmap);
}

/* Looking changes nothing, unless it is asked to. */
TEST_F(accessed, only_looked_at)
{
	unsigned int i;
	u64 bitmap;

	ASSERT_EQ(0, store(&self->vp, AREA + 2 * PAGE, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
					   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
		EXPECT_EQ(BIT_ULL(2), bitmap);
		ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
					   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
		EXPECT_EQ(BIT_ULL(2), bitmap);
	}
}

/* More than can be counted, and more than there is memory to tell of: an errno says so. */
TEST_F(accessed, too_many)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.gpap_base = AREA / PAGE,
	};
	char text[8192];
	ssize_t length;
	void *bits;

	/* Where a kernel that is told of so many would write to. */
	bits = mmap(NULL, 1UL << 27, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, bits);
	args.bitmap_ptr = (uintptr_t)bits;
	if (log >= 0)
		lseek(log, 0, SEEK_END);

	args.page_count = (1ULL << 32) + 1;
	EXPECT_EQ(-E2BIG, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.page_count = 1ULL << 30;
	EXPECT_GT(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));

	while (log >= 0 && (length = read(log, text, sizeof(text) - 1)) > 0) {
		text[length] = 0;
		EXPECT_EQ(NULL, strstr(text, "Call Trace"))
			TH_LOG("in the kernel's log: %s", text);
	}
	if (log >= 0)
		close(log);
	munmap(bits, 1UL << 27);
	EXPECT_EQ(0, vm_works());
}

/* Whose dirty bits were cleared: they are set before nobody notes them any more. */
TEST_F(accessed, no_longer)
{
	const u32 tracking = HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING;
	u64 bitmap;
	u16 status;

	EXPECT_GT(0, hv_set_property(self->vm.fd, tracking, 0, &status));
	TH_LOG("ended too early: status %#x", status);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_SET, &bitmap));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, tracking, 0, NULL));
	EXPECT_EQ(0, store(&self->vp, AREA + PAGE, 1));
}

TEST_F(accessed, set)
{
	u64 bitmap;

	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_SET, &bitmap));
	EXPECT_EQ(0, bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
}

/*
 * More pages than the hypervisor tells of at a time, and not as many as fill the
 * last byte: each bit has its page, and bits that have none are 0.
 */
#define MANY_AREA	0x2000000ULL
#define MANY_PAGES	(4096 + 13)
TEST_F(accessed, many)
{
	static const unsigned int dirty[] = {
		0, 3, 63, 64, 4093, 4094, 4095, 4096, 4097, 4103, MANY_PAGES - 1,
	};
	const size_t bytes = (MANY_PAGES + 7) / 8;
	u8 *expected = memory_get(PAGE), *bitmap = memory_get(PAGE);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.access_op = MSHV_GPAP_ACCESS_OP_CLEAR,
		.page_count = MANY_PAGES,
		.gpap_base = MANY_AREA / PAGE,
		.bitmap_ptr = (uintptr_t)bitmap,
	};
	unsigned int i;

	ASSERT_EQ(0, vm_map(&self->vm, MANY_AREA, memory_get(MANY_PAGES * PAGE),
			    MANY_PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, MANY_AREA, MANY_PAGES, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	memset(bitmap, 0xff, PAGE);
	memset(expected, 0xff, PAGE);
	expected[bytes - 1] = BIT(MANY_PAGES % 8) - 1;
	ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	EXPECT_EQ(0, memcmp(expected, bitmap, PAGE));

	memset(bitmap, 0xff, PAGE);
	memset(expected, 0, bytes);
	for (i = 0; i < ARRAY_SIZE(dirty); i++) {
		ASSERT_EQ(0, store(&self->vp, MANY_AREA + dirty[i] * PAGE, 1));
		expected[dirty[i] / 8] |= BIT(dirty[i] % 8);
	}
	ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	EXPECT_EQ(0, memcmp(expected, bitmap, PAGE));
}

/* A bitmap that cannot be delivered, from its beginning or from somewhere on. */
TEST_F(accessed, undeliverable)
{
	char *pages = memory_get(2 * PAGE);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.access_op = MSHV_GPAP_ACCESS_OP_NOOP,
		.page_count = PAGES,
		.gpap_base = AREA / PAGE,
	};
	u64 bitmap;

	munmap(pages + PAGE, PAGE);
	args.bitmap_ptr = 1;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.bitmap_ptr = 0xffff800000000000;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.bitmap_ptr = (uintptr_t)pages + PAGE - 1;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
	EXPECT_EQ(0, bitmap);
}

/* What a guest's memory may be made of, and how to drop a piece of it. */
FIXTURE(backing) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	size_t size;
	int file;
};

FIXTURE_VARIANT(backing) {
	int flags;		/* of mmap() */
	bool file;
	bool large;		/* large pages, if the system has any */
	int advice;		/* by which a piece goes */
};

FIXTURE_VARIANT_ADD(backing, private) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.advice = MADV_DONTNEED,
};

FIXTURE_VARIANT_ADD(backing, locked) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
	.advice = MADV_DONTNEED_LOCKED,
};

FIXTURE_VARIANT_ADD(backing, shared) {
	.flags = MAP_SHARED | MAP_ANONYMOUS,
	.advice = MADV_REMOVE,
};

FIXTURE_VARIANT_ADD(backing, file) {
	.flags = MAP_SHARED,
	.file = true,
	.advice = MADV_REMOVE,
};

FIXTURE_VARIANT_ADD(backing, transparent_huge) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.large = true,
	.advice = MADV_DONTNEED,
};

FIXTURE_VARIANT_ADD(backing, huge) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	.large = true,
	.advice = MADV_DONTNEED,
};

/* How much of all memory is in transparent huge pages, in KiB. */
static unsigned long huge_kilobytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kilobytes = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %lu", &kilobytes) == 1)
			break;
	if (file)
		fclose(file);
	return kilobytes;
}

/* Memory at a multiple of the size of large pages. */
static unsigned char *aligned(size_t size)
{
	uintptr_t memory = (uintptr_t)memory_get(size + LARGE_PAGE);

	return (unsigned char *)((memory + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1));
}

FIXTURE_SETUP(backing)
{
	const char *why = mshv_missing();
	int flags = variant->flags;
	unsigned long before;
	void *place;

	if (why)
		SKIP(return, "%s", why);
	self->size = variant->large ? 2 * LARGE_PAGE : PAGES * PAGE;
	self->file = -1;
	if (variant->file) {
		self->file = memfd_create("mshv", MFD_CLOEXEC);
		ASSERT_GE(self->file, 0);
		ASSERT_EQ(0, ftruncate(self->file, self->size));
	}
	place = aligned(self->size);
	self->memory = mmap(place, self->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			    self->file, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no memory of this kind (vm.nr_hugepages, ulimit -l): %s",
		     strerror(errno));
	if (variant->large && !(flags & MAP_HUGETLB)) {
		before = huge_kilobytes();
		madvise(self->memory, self->size, MADV_HUGEPAGE);
		memset(self->memory, 0, self->size);
		/* Where they are not given of themselves. */
		madvise(self->memory, self->size, MADV_COLLAPSE);
		if (huge_kilobytes() < before + LARGE_PAGE / 1024)
			SKIP(return, "no transparent huge pages");
	}
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, self->size, MAP_RWX));
}

FIXTURE_TEARDOWN(backing)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	if (self->file >= 0)
		close(self->file);
}

/* The sum of the first words of all pages, as the guest sees them. */
static int add_all(struct vp *vp, size_t size, u32 *sum)
{
	begin(vp, &add_pages, AREA, size / PAGE, PAGE);
	return vp_run_to_report(vp, sum);
}

/* Guest and VMM see what the other has written. */
TEST_F(backing, both_see_it)
{
	unsigned int i, pages = self->size / PAGE;
	u32 sum;

	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	for (i = 0; i < pages; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(self->memory, i));
	for (i = 0; i < pages; i++)
		*word(self->memory, i) = i;
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	EXPECT_EQ(pages * (pages - 1) / 2, sum);
}

/* A piece that the VMM drops is empty, for the guest, too; the rest stays. */
TEST_F(backing, dropped)
{
	unsigned int i, pages = self->size / PAGE, first = 3, count = 2;
	u32 sum, expected = 0;

	if (variant->flags & MAP_HUGETLB) {
		first = 0;
		count = LARGE_PAGE / PAGE;
	}
	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	if (madvise(self->memory + first * PAGE, count * PAGE, variant->advice))
		SKIP(return, "memory of this kind cannot be dropped: %s", strerror(errno));
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	for (i = 0; i < pages; i++)
		if (i < first || i >= first + count)
			expected += AREA + i * PAGE;
	EXPECT_EQ(expected, sum);
	/* Written to again it is memory again. */
	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	for (i = 0; i < pages; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(self->memory, i));
}

/* The guest has what is at the address now, not what was when it was given. */
TEST_F(backing, replaced)
{
	unsigned int i, pages = self->size / PAGE;
	u32 sum;

	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, finish(&self->vp));
	ASSERT_EQ(self->memory, mmap(self->memory, self->size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (i = 0; i < pages; i++)
		*word(self->memory, i) = 3;
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	EXPECT_EQ(3 * pages, sum);
}

/* Pages come and go under a guest that never stops, and it misses none. */
TEST_F(backing, dropped_while_running)
{
	u32 *flag = (u32 *)(self->vm.ram + FLAG);
	unsigned int generation, i, size = PAGE;
	struct runner runner = { };
	u64 offset;

	if (variant->flags & MAP_HUGETLB)
		size = LARGE_PAGE;
	/* Later there is a thread that would have to be stopped first. */
	if (madvise(self->memory, size, variant->advice))
		SKIP(return, "memory of this kind cannot be dropped: %s", strerror(errno));
	vp_enter(&self->vp, GUEST_LONG, &follow_flag);
	runner_start(&runner, &self->vp);
	for (generation = 1; generation <= 10; generation++) {
		WRITE_ONCE(*flag, generation);
		for (i = 0; i < 3; i++) {
			offset = random_number() % PAGES * PAGE / size * size;
			ASSERT_EQ(0, madvise(self->memory + offset, size, variant->advice));
		}
		for (i = 0; i < PAGES; i++) {
			ASSERT_TRUE(wait_until(READ_ONCE(*word(self->memory, i)) ==
					       generation))
				TH_LOG("page %u", i);
		}
	}
	EXPECT_EQ(0, runner_stop(&runner));
}

/* After fork() it is the parent whose memory the guest writes. */
TEST_F(backing, forked)
{
	int go[2], status;
	pid_t child;
	u32 value;

	if (!(variant->flags & MAP_PRIVATE))
		SKIP(return, "memory of this kind is shared with children");
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE, 1));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		close(go[1]);
		/* Until the guest has written. */
		if (read(go[0], &status, 1))
			_exit(1);
		_exit(*word(self->memory, 1) == 1 ? 0 : 2);
	}
	close(go[0]);
	EXPECT_EQ(0, store(&self->vp, AREA + PAGE, 2));
	EXPECT_EQ(2, *word(self->memory, 1));
	/* And the VMM writes what the guest reads. */
	*word(self->memory, 1) = 3;
	EXPECT_EQ(0, load(&self->vp, AREA + PAGE, &value));
	EXPECT_EQ(3, value);
	close(go[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* What the VMM can do to its own memory so that a guest cannot have it. */
FIXTURE(taken) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	int file;
};

FIXTURE_VARIANT(taken) {
	bool protect;
	bool truncate;
};

FIXTURE_VARIANT_ADD(taken, unmapped) { };
FIXTURE_VARIANT_ADD(taken, protected) { .protect = true, };
FIXTURE_VARIANT_ADD(taken, truncated) { .truncate = true, };

FIXTURE_SETUP(taken)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	self->file = memfd_create("mshv", MFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
	ASSERT_EQ(0, ftruncate(self->file, PAGES * PAGE));
	self->memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->file, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
}

FIXTURE_TEARDOWN(taken)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->file);
}

static int take(unsigned char *memory, int file, bool protect, bool truncate)
{
	if (protect)
		return mprotect(memory, PAGES * PAGE, PROT_READ);
	if (truncate)
		return ftruncate(file, 0);
	return munmap(memory, PAGES * PAGE);
}

static int give_back(unsigned char *memory, int file, bool protect, bool truncate)
{
	void *place;

	if (protect)
		return mprotect(memory, PAGES * PAGE, PROT_READ | PROT_WRITE);
	if (truncate)
		return ftruncate(file, PAGES * PAGE);
	place = mmap(memory, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     file, 0);
	return place == memory ? 0 : -1;
}

/* The VMM is told where the guest cannot go on; with memory back, it goes on. */
TEST_F(taken, and_given_back)
{
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE, 1));
	ASSERT_EQ(0, take(self->memory, self->file, variant->protect, variant->truncate));
	begin(&self->vp, &store_rax, AREA + PAGE, 0, 0);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 2);
	ASSERT_TRUE(meets_nothing(&self->vp, AREA + PAGE, HV_INTERCEPT_ACCESS_WRITE));
	ASSERT_EQ(0, give_back(self->memory, self->file, variant->protect,
			       variant->truncate));
	ASSERT_EQ(0, finish(&self->vp));
	EXPECT_EQ(2, *word(self->memory, 1));
}

TEST_HARNESS_MAIN
