// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a guest: what is given to it and taken away by MSHV_SET_GUEST_MEMORY, accesses
 * that meet nothing, faults half way through an instruction.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "run_steps.h"
#include "touch.h"
#include "vm.h"

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
	EXPECT_EQ(0, run_to_end(&self->vp));
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
	ASSERT_EQ(0, run_to_end(&self->vp));
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
	ASSERT_EQ(0, run_to_end(&self->vp));
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
	ASSERT_EQ(0, run_to_end(&self->vp));
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
	ASSERT_EQ(0, run_to_end(&self->vp));
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

TEST_HARNESS_MAIN
