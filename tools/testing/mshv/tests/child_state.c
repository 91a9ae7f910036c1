// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of a child's state that goes as a whole, and of the walk through its
 * page tables.
 */

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/state.h"
#include "../child/track.h"
#include "../child/vp.h"
#include "../child/walk.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "child_fixture.h"

#define P		0x001ULL
#define W		0x002ULL
#define U		0x004ULL
#define A		0x020ULL
#define D		0x040ULL
#define PS		0x080ULL
#define NX		BIT_ULL(63)

#define CR0_PAGING	0x80010001ULL	/* with WP */
#define CR4_PSE		BIT(4)
#define CR4_PAE		BIT(5)
#define CR4_LA57	BIT(12)
#define CR4_SMEP	BIT(20)
#define CR4_SMAP	BIT(21)
#define EFER_LONG	0xd00ULL	/* LME, LMA, NXE */
#define RFLAGS_AC	BIT(18)

#define READ		HV_TRANSLATE_GVA_VALIDATE_READ
#define WRITE		HV_TRANSLATE_GVA_VALIDATE_WRITE
#define EXECUTE		HV_TRANSLATE_GVA_VALIDATE_EXECUTE

/* Tables, one a level; what they lead to need not be memory. */
#define TABLE5		0x5000ULL
#define TABLE4		0x4000ULL
#define TABLE3		0x3000ULL
#define TABLE2		0x2000ULL
#define TABLE1		0x1000ULL
#define NOWHERE		0x7000000ULL

FIXTURE(state)
{
	struct child_fixture f;
	struct kvm_sync_regs *sync;
};

FIXTURE_SETUP(state)
{
	ASSERT_TRUE(child_setup(&self->f, CHILD_FLAGS));
	self->sync = child_vp_regs(self->f.vp);
}

FIXTURE_TEARDOWN(state)
{
	child_teardown(&self->f);
}

static u64 *entry(struct child_fixture *f, u64 table, u64 index)
{
	return (u64 *)child_at(f, table) + index;
}

static u32 *entry32(struct child_fixture *f, u64 table, u64 index)
{
	return (u32 *)child_at(f, table) + index;
}

/* 4 levels, of which each grants everything, to 0x12345 at 0x40201000 and after. */
static void long_mode(struct child_fixture *f)
{
	struct kvm_sync_regs *sync = child_vp_regs(f->vp);

	sync->sregs.cr0 = CR0_PAGING;
	sync->sregs.cr4 = CR4_PAE;
	sync->sregs.efer = EFER_LONG;
	sync->sregs.cr3 = TABLE4;
	sync->sregs.ss.dpl = 0;
	*entry(f, TABLE4, 0) = TABLE3 | P | W | U;
	*entry(f, TABLE3, 1) = TABLE2 | P | W | U;
	*entry(f, TABLE2, 1) = TABLE1 | P | W | U;
	*entry(f, TABLE1, 1) = 0x12345000ULL | P | W | U;
}

#define GVA	0x40201678ULL

/* Where @gva is, or the result less 100 if nowhere. */
static u64 walk(struct child_fixture *f, u64 gva, u64 flags)
{
	u64 gpa = 0;
	int result = child_walk(f->vp, gva, flags, &gpa);

	return result == HV_TRANSLATE_GVA_SUCCESS ? gpa : (u64)(result - 100);
}

#define NOT_PRESENT	((u64)(HV_TRANSLATE_GVA_PAGE_NOT_PRESENT - 100))
#define DENIED		((u64)(HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION - 100))
#define RESERVED	((u64)(HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS - 100))
#define NO_READ		((u64)(HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS - 100))
#define UNMAPPED	((u64)(HV_TRANSLATE_GVA_GPA_UNMAPPED - 100))

TEST_F(state, without_paging)
{
	EXPECT_EQ(0x12345, walk(&self->f, 0x12345, READ));
	EXPECT_EQ(0x12345, walk(&self->f, 0x100012345, WRITE));
}

TEST_F(state, four_levels)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	EXPECT_EQ(0x12345678, walk(f, GVA, 0));
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | WRITE | EXECUTE));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA + 0x1000, READ));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA + (1ULL << 39), READ));
	/* Not canonical. */
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA | 1ULL << 48, READ));
	/* The upper half, by an entry of its own. */
	*entry(f, TABLE4, 511) = TABLE3 | P;
	EXPECT_EQ(0x12345678, walk(f, 0xffffff8000000000ULL | GVA, READ));

	*entry(f, TABLE4, 0) = NOWHERE | P | W | U;
	EXPECT_EQ(UNMAPPED, walk(f, GVA, 0));
	self->sync->sregs.cr3 = NOWHERE;
	EXPECT_EQ(UNMAPPED, walk(f, GVA, 0));
}

/* Tables in memory that its parent has yet to fill in are there, and unreadable. */
TEST_F(state, tables_without_access)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  child_map(f, TABLE2 >> 12, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(NO_READ, walk(f, GVA, 0));
	EXPECT_EQ(NO_READ, walk(f, GVA, READ | WRITE));
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  child_map(f, TABLE4 >> 12, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(NO_READ, walk(f, GVA, 0));
}

TEST_F(state, large_pages_of_four_levels)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	*entry(f, TABLE2, 1) = 0x200600000ULL | P | W | PS;
	EXPECT_EQ(0x200601678, walk(f, GVA, WRITE));
	/* Bit 12 is PAT, those above it must be 0. */
	*entry(f, TABLE2, 1) |= 0x1000;
	EXPECT_EQ(0x200601678, walk(f, GVA, WRITE));
	*entry(f, TABLE2, 1) |= 0x2000;
	EXPECT_EQ(RESERVED, walk(f, GVA, WRITE));

	*entry(f, TABLE3, 1) = 0x280000000ULL | P | W | PS;
	EXPECT_EQ(0x280201678, walk(f, GVA, WRITE));
	*entry(f, TABLE3, 1) |= 0x20000000;
	EXPECT_EQ(RESERVED, walk(f, GVA, WRITE));
	*entry(f, TABLE4, 0) |= PS;
	EXPECT_EQ(RESERVED, walk(f, GVA, 0));
}

TEST_F(state, five_levels)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	self->sync->sregs.cr4 |= CR4_LA57;
	self->sync->sregs.cr3 = TABLE5;
	*entry(f, TABLE5, 3) = TABLE4 | P | W | U;
	EXPECT_EQ(0x12345678, walk(f, GVA | 3ULL << 48, READ));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA, READ));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA | 1ULL << 57, READ));
}

TEST_F(state, rights)
{
	struct child_fixture *f = &self->f;
	struct kvm_sregs *sregs = &self->sync->sregs;

	long_mode(f);
	/* One level that does not grant it is enough. */
	*entry(f, TABLE3, 1) &= ~W;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | EXECUTE));
	EXPECT_EQ(DENIED, walk(f, GVA, WRITE));
	EXPECT_EQ(0x12345678, walk(f, GVA, 0));
	sregs->cr0 &= ~BIT_ULL(16);
	EXPECT_EQ(0x12345678, walk(f, GVA, WRITE));
	EXPECT_EQ(DENIED, walk(f, GVA, WRITE | HV_TRANSLATE_GVA_USER_ACCESS));

	long_mode(f);
	*entry(f, TABLE2, 1) |= NX;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | WRITE));
	EXPECT_EQ(DENIED, walk(f, GVA, EXECUTE));
	sregs->efer &= ~BIT_ULL(11);
	EXPECT_EQ(RESERVED, walk(f, GVA, READ));

	/* A user, by its CPL or because the caller says so. */
	long_mode(f);
	sregs->ss.dpl = 3;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | WRITE | EXECUTE));
	*entry(f, TABLE4, 0) &= ~U;
	EXPECT_EQ(DENIED, walk(f, GVA, READ));
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT));
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | HV_TRANSLATE_GVA_SUPERVISOR_ACCESS));
	sregs->ss.dpl = 0;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ));
	EXPECT_EQ(DENIED, walk(f, GVA, READ | HV_TRANSLATE_GVA_USER_ACCESS));
}

TEST_F(state, supervisors_that_are_guarded)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	self->sync->sregs.cr4 |= CR4_SMEP | CR4_SMAP;
	EXPECT_EQ(DENIED, walk(f, GVA, EXECUTE));
	EXPECT_EQ(0x12345678, walk(f, GVA, EXECUTE | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT));
	EXPECT_EQ(0x12345678, walk(f, GVA, EXECUTE | HV_TRANSLATE_GVA_USER_ACCESS));
	/* SMAP only where the caller wants it to count. */
	EXPECT_EQ(0x12345678, walk(f, GVA, READ));
	EXPECT_EQ(DENIED, walk(f, GVA, READ | HV_TRANSLATE_GVA_ENFORCE_SMAP));
	self->sync->regs.rflags |= RFLAGS_AC;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | HV_TRANSLATE_GVA_ENFORCE_SMAP));
	self->sync->regs.rflags &= ~(u64)RFLAGS_AC;
	*entry(f, TABLE1, 1) &= ~U;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | HV_TRANSLATE_GVA_ENFORCE_SMAP));
	EXPECT_EQ(0x12345678, walk(f, GVA, EXECUTE));
}

TEST_F(state, bits_that_the_walk_sets)
{
	struct child_fixture *f = &self->f;

	long_mode(f);
	walk(f, GVA, WRITE);
	EXPECT_EQ(0, *entry(f, TABLE4, 0) & A);
	walk(f, GVA, READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS);
	EXPECT_EQ(A, *entry(f, TABLE4, 0) & (A | D));
	EXPECT_EQ(A, *entry(f, TABLE3, 1) & (A | D));
	EXPECT_EQ(A, *entry(f, TABLE2, 1) & (A | D));
	EXPECT_EQ(A, *entry(f, TABLE1, 1) & (A | D));
	walk(f, GVA, WRITE | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS);
	EXPECT_EQ(A, *entry(f, TABLE2, 1) & (A | D));
	EXPECT_EQ(A | D, *entry(f, TABLE1, 1) & (A | D));
}

/* Who migrates the guest must see what was written for it. */
TEST_F(state, tables_that_the_walk_has_written)
{
	struct hv_input_get_gpa_pages_access_state *input = (void *)self->f.input;
	struct child_fixture *f = &self->f;
	const u8 *states = (u8 *)f->output;

	long_mode(f);
	child_track(f->child, true);
	*entry(f, TABLE1, 1) |= A;
	walk(f, GVA, READ);
	walk(f, GVA, READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS);
	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->hv_gpa_page_number = TABLE1 >> HV_HYP_PAGE_SHIFT;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_access_states, 2, 0));
	EXPECT_EQ(0, states[0]);
	EXPECT_EQ(3, states[1]);
}

/* A table that the guest may read only, and in which a bit is to be set. */
TEST_F(state, tables_to_be_read_only)
{
	struct child_fixture *f = &self->f;
	const u64 gpfn = TABLE2 / HV_HYP_PAGE_SIZE;
	u64 *where, gpa = 0;

	long_mode(f);
	where = entry(f, TABLE2, 1);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(f, gpfn, CHILD_SOURCE + gpfn, 1,
					       HV_MAP_GPA_READABLE));
	EXPECT_EQ(0x12345678, walk(f, GVA, WRITE));
	EXPECT_EQ(HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS,
		  child_walk(f->vp, GVA, READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS, &gpa));
	EXPECT_EQ(TABLE2, gpa);
	EXPECT_EQ(0, *where & A);
	/* Nothing has to be written. */
	*where |= A;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS));
}

TEST_F(state, pae)
{
	struct child_fixture *f = &self->f;

	self->sync->sregs.cr0 = CR0_PAGING;
	self->sync->sregs.cr4 = CR4_PAE;
	self->sync->sregs.efer = BIT(11);
	/* The root is 32 bytes, anywhere. */
	self->sync->sregs.cr3 = TABLE3 + 0x20;
	*entry(f, TABLE3, 4 + 1) = TABLE2 | P;
	*entry(f, TABLE2, 1) = TABLE1 | P | W | U;
	*entry(f, TABLE1, 1) = 0x312345000ULL | P | W | U;
	EXPECT_EQ(0x312345678, walk(f, GVA, READ | WRITE | HV_TRANSLATE_GVA_USER_ACCESS));
	/* Addresses have 32 bits. */
	EXPECT_EQ(0x312345678, walk(f, GVA | 5ULL << 32, READ));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA | 1ULL << 31, READ));
	*entry(f, TABLE2, 1) = 0x400600000ULL | P | W | PS | NX;
	EXPECT_EQ(0x400601678, walk(f, GVA, READ));
	EXPECT_EQ(DENIED, walk(f, GVA, EXECUTE));
	walk(f, GVA, READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS);
	EXPECT_EQ(0, *entry(f, TABLE3, 4 + 1) & A);
	*entry(f, TABLE3, 4 + 1) |= NX;
	EXPECT_EQ(RESERVED, walk(f, GVA, READ));
}

TEST_F(state, two_levels)
{
	struct child_fixture *f = &self->f;

	self->sync->sregs.cr0 = CR0_PAGING;
	self->sync->sregs.cr3 = TABLE2;
	*entry32(f, TABLE2, 0x100) = TABLE1 | P | W;
	*entry32(f, TABLE1, 0x201) = 0x12345000 | P | W | U;
	EXPECT_EQ(0x12345678, walk(f, GVA, READ | WRITE | EXECUTE));
	EXPECT_EQ(DENIED, walk(f, GVA, READ | HV_TRANSLATE_GVA_USER_ACCESS));
	EXPECT_EQ(NOT_PRESENT, walk(f, GVA + 0x1000, READ));
	/* A page of 4 MiB, above 4 GiB; without PSE it is a table. */
	*entry32(f, TABLE2, 0x100) = 0x00c00000 | 3 << 13 | P | W | U | PS;
	self->sync->sregs.cr4 = CR4_PSE;
	EXPECT_EQ(0x300e01678, walk(f, GVA, READ | HV_TRANSLATE_GVA_USER_ACCESS));
	self->sync->sregs.cr4 = 0;
	EXPECT_EQ(UNMAPPED, walk(f, GVA, READ));
}

/* What the parent is told. */
static u32 translate(struct child_fixture *f, u64 gva_page, u64 flags)
{
	struct hv_input_translate_virtual_address *input = (void *)f->input;
	struct hv_output_translate_virtual_address *output = (void *)f->output;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->control_flags = flags;
	input->gva_page = gva_page;
	if (child_call(f, child_translate, 0, 0) != HV_STATUS_SUCCESS)
		return ~0U;
	return output->result_code;
}

TEST_F(state, translation_for_the_parent)
{
	struct hv_input_translate_virtual_address *input = (void *)self->f.input;
	struct hv_output_translate_virtual_address *output = (void *)self->f.output;

	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, translate(&self->f, 0x12, READ | WRITE));
	EXPECT_EQ(0x12, output->gpa_page);
	EXPECT_EQ(HV_CACHE_TYPE_WRITE_BACK, output->cache_type);
	EXPECT_EQ(HV_TRANSLATE_GVA_GPA_UNMAPPED, translate(&self->f, CHILD_PAGES, READ));
	EXPECT_EQ(CHILD_PAGES, output->gpa_page);

	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(&self->f, 0x12, CHILD_SOURCE, 1,
					       HV_MAP_GPA_READABLE));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, translate(&self->f, 0x12, READ));
	EXPECT_EQ(HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS, translate(&self->f, 0x12, WRITE));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(&self->f, 0x12, CHILD_SOURCE, 1,
					       HV_MAP_GPA_EXECUTABLE));
	EXPECT_EQ(HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS, translate(&self->f, 0x12, READ));
	/* The parent has it, and has not put it there yet. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(&self->f, 0x12, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, translate(&self->f, 0x12, READ | WRITE));

	long_mode(&self->f);
	*entry(&self->f, TABLE1, 2) = 0x20000 | P;
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, translate(&self->f, 0x40202, READ));
	EXPECT_EQ(0x20, output->gpa_page);
	EXPECT_EQ(HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION, translate(&self->f, 0x40202, WRITE));
	EXPECT_EQ(HV_TRANSLATE_GVA_PAGE_NOT_PRESENT, translate(&self->f, 0x40203, READ));
	EXPECT_EQ(0, output->gpa_page);

	/* A table that cannot be read is named. */
	*entry(&self->f, TABLE2, 2) = 0x12345000 | P;
	EXPECT_EQ(HV_TRANSLATE_GVA_GPA_UNMAPPED, translate(&self->f, 0x40400, READ));
	EXPECT_EQ(0x12345, output->gpa_page);

	/* An access of no kind, of a kind that nobody knows, in a VTL. */
	EXPECT_EQ(~0U, translate(&self->f, 0x40202, 0));
	EXPECT_EQ(~0U, translate(&self->f, 0x40202, HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT));
	EXPECT_EQ(~0U, translate(&self->f, 0x40202, READ | BIT_ULL(11)));
	EXPECT_EQ(~0U, translate(&self->f, 0x40202, READ | BIT_ULL(56)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_translate, 0, 0));

	input->vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(&self->f, child_translate, 0, 0));
	input->partition_id++;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(&self->f, child_translate, 0, 0));
}

/* GET or SET, with @pages pages of the parent's from @gpfn on. */
static u16 transfer(struct child_fixture *f, u16 (*handler)(struct hypercall *), u32 type,
		    u64 gpfn, u16 pages)
{
	struct hv_input_get_vp_state *input = (void *)f->input;
	u16 i;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->state_data.type = type;
	for (i = 0; i < pages; i++)
		input->output_data_pfns[i] = gpfn + i;
	return child_call(f, handler, 0, pages * sizeof(u64));
}

TEST_F(state, local_apic)
{
	struct hv_local_interrupt_controller_state *state, saved;
	struct apic *apic = &self->f.vp->apic;

	ASSERT_EQ(176, sizeof(*state));
	state = self->f.ram + STATE_GPFN * HV_HYP_PAGE_SIZE;
	memset(state, 0x5a, HV_HYP_PAGE_SIZE);
	apic_write(apic, 0x80, 0x20);
	apic_write(apic, 0xf0, 0x1ff);
	apic_write(apic, 0xd0, 0x04000000);
	apic_write(apic, 0x350, 0x700);
	apic_write(apic, 0x360, 0x400);
	apic_write(apic, 0x3e0, 0xa);		/* by 128: minutes */
	apic_write(apic, 0x320, 0x20040);
	apic_write(apic, 0x380, 0x40000000);
	apic->isr[1] = 0x10;
	apic->tmr[1] = 0x10;
	apic->irr[7] = 0x80000000;
	apic->icr = 0x0200000000004600;
	apic->esr = 0x40;
	apic->errors = 0x20;

	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(apic_read(apic, 0x20), state->apic_id);
	EXPECT_EQ(apic_read(apic, 0x30), state->apic_version);
	EXPECT_EQ(0x04000000, state->apic_ldr);
	EXPECT_EQ(0xffffffff, state->apic_dfr);
	EXPECT_EQ(0x1ff, state->apic_spurious);
	EXPECT_EQ(0x10, state->apic_isr[1]);
	EXPECT_EQ(0x10, state->apic_tmr[1]);
	EXPECT_EQ(0x80000000, state->apic_irr[7]);
	EXPECT_EQ(0x40, state->apic_esr);
	EXPECT_EQ(0x20, state->apic_error_status);
	EXPECT_EQ(0x02000000, state->apic_icr_high);
	EXPECT_EQ(0x4600, state->apic_icr_low);
	EXPECT_EQ(0x20040, state->apic_lvt_timer);
	EXPECT_EQ(0x700, state->apic_lvt_lint0);
	EXPECT_EQ(0x400, state->apic_lvt_lint1);
	EXPECT_EQ(0x40000000, state->apic_initial_count);
	EXPECT_LT(0x38000000, state->apic_counter_value);
	EXPECT_GE(0x40000000, state->apic_counter_value);
	EXPECT_EQ(0xa, state->apic_divide_configuration);
	/* Nothing of what was in the page is left behind it. */
	EXPECT_EQ(0, ((u8 *)state)[sizeof(*state)]);

	/* Back into one that knows nothing. */
	saved = *state;
	saved.apic_counter_value = 0x30000000;
	*state = saved;
	apic_reset(apic);
	apic->wait_for_sipi = false;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(0x10, apic->isr[1]);
	EXPECT_EQ(0x0200000000004600, apic->icr);
	EXPECT_EQ(0x20, apic->errors);
	EXPECT_EQ(0x40000000ULL * 128, apic->period);
	EXPECT_EQ(0xff, apic_pending(apic));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_LT(0x28000000, state->apic_counter_value);
	EXPECT_GE(0x30000000, state->apic_counter_value);
	state->apic_counter_value = saved.apic_counter_value;
	EXPECT_EQ(0, memcmp(&saved, state, sizeof(saved)));
}

/* What OpenVMM finds in the Windows Hypervisor Platform: Apic::at_reset(). */
TEST_F(state, local_apic_after_reset)
{
	struct hv_local_interrupt_controller_state *state, expected = {
		.apic_version = 0x50014,
		.apic_dfr = 0xffffffff,
		.apic_spurious = 0xff,
		.apic_lvt_timer = 0x10000,
		.apic_lvt_thermal = 0x10000,
		.apic_lvt_perfmon = 0x10000,
		.apic_lvt_lint0 = 0x10000,
		.apic_lvt_lint1 = 0x10000,
		.apic_lvt_error = 0x10000,
	};

	state = self->f.ram + STATE_GPFN * HV_HYP_PAGE_SIZE;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(0, memcmp(&expected, state, sizeof(expected)));
	/* From a hypervisor that has an entry for CMCI. */
	state->apic_version = 0x60014;
	state->apic_lvt_cmci = 0x10000;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(0, memcmp(&expected, state, sizeof(expected)));
}

/* An NMI that nobody has taken goes along with it. */
TEST_F(state, local_apic_with_an_nmi)
{
	struct hv_local_interrupt_controller_state *state;
	struct apic *apic = &self->f.vp->apic;

	state = self->f.ram + STATE_GPFN * HV_HYP_PAGE_SIZE;
	apic->nmi = true;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(BIT(2), state->apic_irr[0]);
	apic->nmi = false;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_TRUE(apic->nmi);
	EXPECT_EQ(0, apic->irr[0]);
	state->apic_irr[0] = 0;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_FALSE(apic->nmi);

	/* One that KVM holds back, as the guest handles another. */
	self->sync->events.nmi.pending = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(BIT(2), state->apic_irr[0]);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_TRUE(apic->nmi);
	EXPECT_EQ(0, self->sync->events.nmi.pending);
}

TEST_F(state, local_apic_in_x2apic_mode)
{
	struct hv_local_interrupt_controller_state *state;
	struct apic *apic = &self->f.vp->apic;

	state = self->f.ram + STATE_GPFN * HV_HYP_PAGE_SIZE;
	apic->id = 0x12;
	apic->base |= APIC_BASE_X2APIC | BIT(11);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   STATE_GPFN, 1));
	EXPECT_EQ(0x12, state->apic_id);
	EXPECT_EQ(0x10004, state->apic_ldr);
	EXPECT_EQ(0, state->apic_dfr);
	EXPECT_NE(0xffffffff, state->apic_version);
}

TEST_F(state, pages_of_a_synic)
{
	u8 *page = self->f.ram + STATE_GPFN * HV_HYP_PAGE_SIZE;

	memset(page, 0x11, HV_HYP_PAGE_SIZE);
	EXPECT_EQ(HV_STATUS_SUCCESS, transfer(&self->f, child_state_set,
					      HV_GET_SET_VP_STATE_SIM_PAGE, STATE_GPFN, 1));
	memset(page, 0x22, HV_HYP_PAGE_SIZE);
	EXPECT_EQ(HV_STATUS_SUCCESS, transfer(&self->f, child_state_set,
					      HV_GET_SET_VP_STATE_SIEF_PAGE, STATE_GPFN, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, transfer(&self->f, child_state_get,
					      HV_GET_SET_VP_STATE_SIM_PAGE, STATE_GPFN, 1));
	EXPECT_EQ(0x11, page[0]);
	EXPECT_EQ(0x11, page[HV_HYP_PAGE_SIZE - 1]);
	EXPECT_EQ(HV_STATUS_SUCCESS, transfer(&self->f, child_state_get,
					      HV_GET_SET_VP_STATE_SIEF_PAGE, STATE_GPFN, 1));
	EXPECT_EQ(0x22, page[HV_HYP_PAGE_SIZE - 1]);
}

TEST_F(state, timers_are_registers_too)
{
	struct hv_input_set_vp_state *input = (void *)self->f.input;
	struct hv_synthetic_timers_state state = { }, back;

	state.timers[3].config = 0x1234;
	state.timers[3].count = 0x5678;
	state.timers[0].undelivered_exp_time = 9;
	memset(self->f.input, 0, sizeof(self->f.input));
	input->partition_id = self->f.child->id;
	input->state_data.type = HV_GET_SET_VP_STATE_SYNTHETIC_TIMERS;
	memcpy(input->data, &state, sizeof(state));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_call(&self->f, child_state_set, 0, sizeof(state) - 8));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_state_set, 0, sizeof(state)));
	EXPECT_EQ(0x1234, child_get64(&self->f, HV_REGISTER_STIMER3_COUNT - 1));
	EXPECT_EQ(0x5678, child_get64(&self->f, HV_REGISTER_STIMER3_COUNT));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_STIMER0_CONFIG, 0x20007));
	state.timers[0].config = 0x20007;

	EXPECT_EQ(HV_STATUS_SUCCESS,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_SYNTHETIC_TIMERS, 0, 0));
	memcpy(&back, self->f.output, sizeof(back));
	EXPECT_EQ(0, memcmp(&state, &back, sizeof(state)));
}

TEST_F(state, states_that_cannot_be)
{
	struct hv_input_get_vp_state *input = (void *)self->f.input;
	unsigned int violations = log_violations();

	/* No page, one that is no memory, and one behind one that is. */
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE, 0, 0));
	EXPECT_EQ(violations, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_LAPIC_STATE,
			   RAM_PAGES, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  transfer(&self->f, child_state_set, HV_GET_SET_VP_STATE_SIM_PAGE,
			   RAM_PAGES - 1, 2));
	EXPECT_EQ(violations + 2, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_TYPE_PFN | 5,
			   STATE_GPFN, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, transfer(&self->f, child_state_set, 5, 0, 0));
	/* Without KVM nobody knows. */
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE,
		  transfer(&self->f, child_state_get, HV_GET_SET_VP_STATE_XSAVE, STATE_GPFN, 1));

	input->vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(&self->f, child_state_get, 0, 8));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(&self->f, child_state_set, 0, 8));
	EXPECT_EQ(0, self->f.vp->pullers);
}

TEST_HARNESS_MAIN
