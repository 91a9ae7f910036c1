// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what a child's VP sees of the hypervisor: synthetic MSRs, CPUID.
 */

#include <fcntl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/memory.h"
#include "../child/msr.h"
#include "../child/overlay.h"
#include "../child/property.h"
#include "../child/reftime.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../hv/cpuid.h"
#include "../hv/cpuid_view.h"
#include "../hv/hv_more.h"
#include "../hv/msr.h"
#include "child_fixture.h"
#include "child_msrs.h"

#define ENABLE		1ULL
#define OVERLAY_GPA	0x12000ULL
#define TSC_GPA		0x13000ULL
#define OTHER_GPA	0x14000ULL

FIXTURE(view)
{
	struct child_fixture f;
};

FIXTURE_SETUP(view)
{
	ASSERT_TRUE(child_setup(&self->f, CHILD_FLAGS));
	self->f.child->synthetic_features = child_assignable_features();
}

FIXTURE_TEARDOWN(view)
{
	child_teardown(&self->f);
}

TEST_F(view, msrs_that_say_what_is)
{
	struct child_fixture *f = &self->f;
	u64 before;

	EXPECT_EQ(0, rdmsr(f, HV_X64_MSR_VP_INDEX));
	EXPECT_EQ(TSC_HZ, rdmsr(f, HV_X64_MSR_TSC_FREQUENCY));
	EXPECT_EQ(APIC_TIMER_HZ, rdmsr(f, HV_X64_MSR_APIC_FREQUENCY));
	EXPECT_EQ(1, rdmsr(f, HV_X64_MSR_SVERSION));
	f->vp->run_time = 77;
	EXPECT_EQ(77, rdmsr(f, HV_X64_MSR_VP_RUNTIME));
	before = child_time(f->child);
	EXPECT_LE(before, rdmsr(f, HV_X64_MSR_TIME_REF_COUNT));
	f->child->time_frozen = true;
	f->child->time_offset = 1234;
	EXPECT_EQ(1234, rdmsr(f, HV_X64_MSR_TIME_REF_COUNT));

	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_VP_INDEX, 1));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_TIME_REF_COUNT, 1));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_TSC_FREQUENCY, 1));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_SVERSION, 1));
}

TEST_F(view, msrs_that_are_not_there)
{
	struct child_fixture *f = &self->f;
	u64 value = 5;

	EXPECT_FALSE(child_msr_read(f->vp, HV_X64_MSR_RESET, &value));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_RESET, 1));
	EXPECT_FALSE(child_msr_read(f->vp, 0x40001fff, &value));
	f->child->ignores_msrs = true;
	value = 5;
	EXPECT_TRUE(child_msr_read(f->vp, HV_X64_MSR_RESET, &value));
	EXPECT_EQ(0, value);
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_RESET, 1));
	/* One that is there and does not take it is another matter. */
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_VP_INDEX, 1));
}

/* Those that KVM has for guests of its own, and what stands beside them. */
TEST(msrs_of_kvm)
{
	EXPECT_TRUE(child_msr_is_kvms(0x11));
	EXPECT_TRUE(child_msr_is_kvms(0x12));
	EXPECT_TRUE(child_msr_is_kvms(0x4b564d00));
	EXPECT_TRUE(child_msr_is_kvms(0x4b564d08));
	EXPECT_FALSE(child_msr_is_kvms(0x10));
	EXPECT_FALSE(child_msr_is_kvms(0x13));
	EXPECT_FALSE(child_msr_is_kvms(0x4b564cff));
	EXPECT_FALSE(child_msr_is_kvms(HV_X64_MSR_GUEST_OS_ID));
}

TEST_F(view, one_storage_for_msrs_and_registers)
{
	static const struct {
		u32 msr;
		u32 name;
	} both[] = {
		{ HV_X64_MSR_SCONTROL, HV_REGISTER_SCONTROL },
		{ HV_X64_MSR_SIEFP, HV_REGISTER_SIEFP },
		{ HV_X64_MSR_SIMP, HV_REGISTER_SIMP },
		{ HV_X64_MSR_SIRBP, HV_REGISTER_SIRBP },
		{ HV_X64_MSR_SINT0, HV_REGISTER_SINT0 },
		{ HV_X64_MSR_SINT15, HV_REGISTER_SINT15 },
		{ HV_X64_MSR_STIMER0_CONFIG, HV_REGISTER_STIMER0_CONFIG },
		{ HV_X64_MSR_STIMER3_COUNT, HV_REGISTER_STIMER3_COUNT },
		{ HV_X64_MSR_VP_ASSIST_PAGE, HV_REGISTER_VP_ASSIST_PAGE },
		{ HV_X64_MSR_GUEST_OS_ID, HV_REGISTER_GUEST_OS_ID },
		{ HV_X64_MSR_CRASH_P0, HV_REGISTER_GUEST_CRASH_P0 },
		{ HV_X64_MSR_CRASH_P4, HV_REGISTER_GUEST_CRASH_P4 },
	};
	struct child_fixture *f = &self->f;
	unsigned int i;

	EXPECT_EQ(HV_SYNIC_SINT_MASKED, rdmsr(f, HV_X64_MSR_SINT5));
	/* What a guest writes to a SINT must be masked, or have a vector from 16 on. */
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		EXPECT_TRUE(child_msr_write(f->vp, both[i].msr, 0x11000 + i));
		EXPECT_EQ(0x11000 + i, child_get64(f, both[i].name));
		EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(f, both[i].name, 0x12000 + i));
		EXPECT_EQ(0x12000 + i, rdmsr(f, both[i].msr));
	}
	for (i = 0; i < ARRAY_SIZE(both); i++)
		EXPECT_EQ(0x12000 + i, rdmsr(f, both[i].msr));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_EOM, 1));
	EXPECT_EQ(0, child_get64(f, HV_REGISTER_EOM));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 3));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 0));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
	/* There is no way back. */
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 0));
	EXPECT_EQ(1, rdmsr(f, HV_X64_MSR_TSC_INVARIANT_CONTROL));
}

TEST_F(view, hypercall_page)
{
	static const u8 code[] = { 0xe6, 0xea, 0x90, 0xc3, 0xcc };
	struct child_fixture *f = &self->f;
	u8 *below = child_at(f, OVERLAY_GPA);

	memset(below, 0x77, HV_HYP_PAGE_SIZE);
	/* Not before the guest has a name. */
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OVERLAY_GPA | ENABLE));
	EXPECT_EQ(OVERLAY_GPA, rdmsr(f, HV_X64_MSR_HYPERCALL));
	EXPECT_EQ(below, child_memory(f->child, OVERLAY_GPA, 1));

	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 0x8100));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OVERLAY_GPA | ENABLE));
	EXPECT_EQ(OVERLAY_GPA | ENABLE, rdmsr(f, HV_X64_MSR_HYPERCALL));
	EXPECT_TRUE(child_overlay_is_read_only(f->child, OVERLAY_GPA));
	EXPECT_EQ(0, memcmp(child_memory(f->child, OVERLAY_GPA, sizeof(code)),
			    code, sizeof(code)));
	EXPECT_EQ(0x77, below[0]);

	/* It can be moved; what was below it comes up again. */
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OTHER_GPA | ENABLE));
	EXPECT_EQ(below, child_memory(f->child, OVERLAY_GPA, 1));
	EXPECT_EQ(0, memcmp(child_memory(f->child, OTHER_GPA, sizeof(code)),
			    code, sizeof(code)));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 0));
	EXPECT_EQ(OTHER_GPA, rdmsr(f, HV_X64_MSR_HYPERCALL));
	EXPECT_EQ(child_at(f, OTHER_GPA), child_memory(f->child, OTHER_GPA, 1));

	/* Outside of its address space. */
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 1));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, 1ULL << 60 | ENABLE));
	EXPECT_EQ(OTHER_GPA, rdmsr(f, HV_X64_MSR_HYPERCALL));
	/* Who gets #GP has the page where it was. */
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OTHER_GPA | ENABLE));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, 1ULL << 60 | ENABLE));
	EXPECT_EQ(OTHER_GPA | ENABLE, rdmsr(f, HV_X64_MSR_HYPERCALL));
	EXPECT_EQ(0, memcmp(child_memory(f->child, OTHER_GPA, sizeof(code)),
			    code, sizeof(code)));

	/* A parent that restores a state does so in any order. */
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(f, HV_X64_REGISTER_HYPERCALL, OVERLAY_GPA | ENABLE));
	EXPECT_NE(below, child_memory(f->child, OVERLAY_GPA, 1));
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(f, HV_X64_REGISTER_HYPERCALL, 1ULL << 60 | ENABLE));
}

/* What is locked only the parent changes: a guest that is reset begins anew. */
TEST_F(view, hypercall_page_that_is_locked)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 0x8100));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OVERLAY_GPA | 3));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OTHER_GPA | ENABLE));
	EXPECT_FALSE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, 0));
	EXPECT_EQ(OVERLAY_GPA | 3, rdmsr(f, HV_X64_MSR_HYPERCALL));
	EXPECT_NE(child_at(f, OVERLAY_GPA), child_memory(f->child, OVERLAY_GPA, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(f, HV_X64_REGISTER_HYPERCALL, 0));
	EXPECT_EQ(child_at(f, OVERLAY_GPA), child_memory(f->child, OVERLAY_GPA, 1));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, OTHER_GPA | ENABLE));
}

TEST_F(view, reference_tsc_page)
{
	struct child_fixture *f = &self->f;
	struct ms_hyperv_tsc_page *page;

	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_REFERENCE_TSC, TSC_GPA | ENABLE));
	page = child_memory(f->child, TSC_GPA, sizeof(*page));
	ASSERT_NE(child_at(f, TSC_GPA), page);
	EXPECT_TRUE(child_overlay_is_read_only(f->child, TSC_GPA));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_VP_ASSIST_PAGE, OTHER_GPA | ENABLE));
	EXPECT_FALSE(child_overlay_is_read_only(f->child, OTHER_GPA));
	/* Nobody knows the TSC without KVM: the guest is to read the MSR. */
	EXPECT_EQ(0, page->tsc_sequence);
	child_msr_retime(f->child);
	EXPECT_EQ(0, page->tsc_sequence);
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_REFERENCE_TSC, TSC_GPA));
	EXPECT_EQ(child_at(f, TSC_GPA), child_memory(f->child, TSC_GPA, 1));
	/* There is none to say it to. */
	child_msr_retime(f->child);
}

TEST(reference_time_by_tsc)
{
	struct reference_tsc reference =
		msr_reference_tsc(TSC_HZ, 3 * TSC_HZ, 70 * 10000000ULL);
	struct ms_hyperv_tsc_page page = { };
	u64 now;

	EXPECT_EQ(6, msr_fill_reference_tsc(&page, 5, &reference));
	EXPECT_EQ(6, page.tsc_sequence);
	now = (u64)(((__int128)(5 * TSC_HZ) * page.tsc_scale) >> 64) + page.tsc_offset;
	/* Two seconds later, but for what rounding takes. */
	EXPECT_GE(1, 72 * 10000000ULL - now);
	reference = msr_reference_tsc(TSC_HZ, 0, 0);
	EXPECT_EQ(1, msr_fill_reference_tsc(&page, 0xfffffffe, &reference));
	EXPECT_EQ(1, msr_fill_reference_tsc(&page, 0xffffffff, &reference));
	EXPECT_EQ(1, page.tsc_sequence);
	EXPECT_EQ(0, page.tsc_offset);
}

#define TSC_AHEAD	0x123456789ULL

/* As a guest reads its page: hvemu's own TSC is not far from the VP's here. */
static u64 time_by_page(const struct ms_hyperv_tsc_page *page)
{
	return (u64)(((__int128)(__builtin_ia32_rdtsc() + TSC_AHEAD) * page->tsc_scale) >> 64) +
	       page->tsc_offset;
}

/* TLFS: the counter is what the page says, and goes on when there is none any more. */
TEST_F(view, reference_time_is_one)
{
	struct ms_hyperv_tsc_page page = { };
	struct child_fixture *f = &self->f;
	u64 before, then, after;
	int i;

	before = child_time(f->child);
	child_time_by_tsc(f->child, TSC_AHEAD);
	msr_fill_reference_tsc(&page, 0, &f->child->by_tsc);
	EXPECT_LE(before, child_time(f->child));
	for (i = 0; i < 1000; i++) {
		before = time_by_page(&page);
		then = rdmsr(f, HV_X64_MSR_TIME_REF_COUNT);
		after = time_by_page(&page);
		ASSERT_LE(before, then);
		ASSERT_LE(then, after);
	}
	child_time_by_clock(f->child);
	EXPECT_LE(after, rdmsr(f, HV_X64_MSR_TIME_REF_COUNT));
	/* Time that stands still does so by whichever clock. */
	f->child->time_frozen = true;
	before = f->child->time_offset;
	child_time_by_tsc(f->child, TSC_AHEAD);
	child_time_by_clock(f->child);
	EXPECT_EQ(before, rdmsr(f, HV_X64_MSR_TIME_REF_COUNT));
}

TEST_F(view, crash)
{
	struct child_fixture *f = &self->f;
	u32 i;

	for (i = 0; i < 5; i++)
		EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_P0 + i, i));
	EXPECT_EQ(HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG,
		  rdmsr(f, HV_X64_MSR_CRASH_CTL));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_CTL, HV_CRASH_CTL_CRASH_NOTIFY));
	/* A text that ends outside of its memory, and no text at all. */
	strcpy(child_at(f, CHILD_PAGES * HV_HYP_PAGE_SIZE - 4), "# x");
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_P3,
				    CHILD_PAGES * HV_HYP_PAGE_SIZE - 4));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_P4, ~0ULL));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_CTL,
				    HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_P3, ~0ULL));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_CRASH_CTL,
				    HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG));
}

/* What hvemu makes of a processor for a child. */
TEST(leaves_that_are_cut)
{
	static struct cpuid cpuid = {
		.head.nent = 3,
		.entries = {
			{ .function = 0x1, .ebx = 0x12345678, .ecx = ~0U, .edx = ~0U },
			{ .function = 0x80000008, .eax = 0x303934, .ecx = 0x7007 },
			{ .function = 0x40000001, .eax = 1 },
		},
	};
	struct cpuid_view view = {
		.index = 3, .no_apic = true, .no_deadline = true, .physical_bits = 40,
		.features = HV_MSR_HYPERCALL_AVAILABLE,
	};
	struct cpuid again = cpuid;
	const struct kvm_cpuid_entry2 *entry;

	cpuid_fit(&cpuid, &view);
	entry = cpuid_find(&cpuid, 0x1, 0);
	ASSERT_NE(NULL, entry);
	EXPECT_EQ(0x03015600, entry->ebx);
	EXPECT_EQ(0xffffffff & ~(BIT(5) | BIT(21) | BIT(24)), entry->ecx);
	EXPECT_EQ(0xffffffff & ~(BIT(9) | BIT(28)), entry->edx);
	EXPECT_EQ(0x003928, cpuid_find(&cpuid, 0x80000008, 0)->eax);
	EXPECT_EQ(0, cpuid_find(&cpuid, 0x80000008, 0)->ecx);
	EXPECT_EQ(0, cpuid_find(&cpuid, HYPERV_CPUID_FEATURES, 0)->ebx);
	EXPECT_EQ(HV_MSR_HYPERCALL_AVAILABLE,
		  cpuid_find(&cpuid, HYPERV_CPUID_FEATURES, 0)->eax);
	EXPECT_EQ(NULL, cpuid_find(&cpuid, 0x2, 0));

	view = (struct cpuid_view) { .x2apic = true };
	cpuid_fit(&again, &view);
	entry = cpuid_find(&again, 0x1, 0);
	EXPECT_TRUE(entry->ecx & BIT(21));
	EXPECT_TRUE(entry->ecx & BIT(24));
	EXPECT_TRUE(entry->edx & BIT(9));
	EXPECT_EQ(0x303934, cpuid_find(&again, 0x80000008, 0)->eax);

	view = (struct cpuid_view) { .no_hypervisor = true };
	cpuid_fit(&again, &view);
	EXPECT_FALSE(cpuid_find(&again, 0x1, 0)->ecx & BIT(31));
	view = (struct cpuid_view) { .no_hv1 = true };
	cpuid_fit(&again, &view);
	EXPECT_TRUE(cpuid_find(&again, 0x1, 0)->ecx & BIT(31));
}

/* @index less than 0: whatever it is. EAX and EBX are made @value. */
static u16 register_leaf(struct child_fixture *f, u32 function, int index, bool always,
			 u32 value, u32 mask)
{
	struct hv_input_register_intercept_result *input = (void *)f->input;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->intercept_type = HV_INTERCEPT_TYPE_X64_CPUID;
	input->eax = function;
	input->subleaf_specific = index >= 0;
	input->ecx = index >= 0 ? index : 0;
	input->always_override = always;
	input->result[0].value = value;
	input->result[0].mask = mask;
	input->result[1].value = value;
	input->result[1].mask = mask;
	return child_call(f, child_cpuid_register, 0, 0);
}

static const u32 *look_up(struct child_fixture *f, u32 flags, u32 function, u32 index,
			  u64 xfem)
{
	struct hv_input_get_vp_cpuid_values *input = (void *)f->input;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->flags = flags;
	input->leaves[1].eax = function;
	input->leaves[1].ecx = index;
	input->leaves[1].xfem = xfem;
	if (child_call(f, child_cpuid_values, 2, 0) != HV_STATUS_SUCCESS ||
	    f->call.reps_done != 2)
		return NULL;
	return (const u32 *)f->output + 4;
}

#define APPLY	HV_GET_VP_CPUID_VALUES_APPLY_REGISTERED

TEST_F(view, results_for_cpuid)
{
	struct child_fixture *f = &self->f;
	u32 result[4], before;

	/* What the parent has not given, a child does not see. */
	EXPECT_EQ(0x31237648, look_up(f, APPLY, HYPERV_CPUID_INTERFACE, 0, 0)[0]);
	f->child->synthetic_features = 0;
	EXPECT_EQ(0, look_up(f, APPLY, HYPERV_CPUID_INTERFACE, 0, 0)[0]);
	EXPECT_EQ(0, look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[0]);
	EXPECT_EQ(0, look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[1]);
	f->child->synthetic_features = child_assignable_features();
	before = look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[0];
	EXPECT_TRUE(before & HV_MSR_HYPERCALL_AVAILABLE);
	EXPECT_EQ(HV_POST_MESSAGES | HV_SIGNAL_EVENTS,
		  look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[1]);

	/* Bits of a leaf that there is, whatever ECX is. */
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  register_leaf(f, HYPERV_CPUID_FEATURES, -1, false, 0x80000001, 0xc0000001));
	EXPECT_EQ((before & ~0xc0000001) | 0x80000001,
		  look_up(f, APPLY, HYPERV_CPUID_FEATURES, 9, 0)[0]);
	EXPECT_EQ(0x80000001 | HV_POST_MESSAGES | HV_SIGNAL_EVENTS,
		  look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[1]);
	EXPECT_EQ(before, look_up(f, 0, HYPERV_CPUID_FEATURES, 0, 0)[0]);
	child_cpuid_look_up(f->vp, HYPERV_CPUID_FEATURES, 0, result);
	EXPECT_EQ(0x80000001 | HV_POST_MESSAGES | HV_SIGNAL_EVENTS, result[1]);

	/* The last word counts. */
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  register_leaf(f, HYPERV_CPUID_FEATURES, -1, false, 2, 2));
	EXPECT_EQ(before | BIT(1), look_up(f, APPLY, HYPERV_CPUID_FEATURES, 0, 0)[0]);
	EXPECT_EQ(1, f->vp->cpuid_results.count);

	/* One that there is not, if it is to be. */
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000000, -1, false, 5, ~0U));
	EXPECT_EQ(0, look_up(f, APPLY, 0x50000000, 0, 0)[0]);
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000000, -1, true, 5, ~0U));
	EXPECT_EQ(5, look_up(f, APPLY, 0x50000000, 7, 0)[0]);

	/* Subleaves have each its own. */
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0xb, 0, true, 6, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0xb, 1, true, 7, ~0U));
	EXPECT_EQ(6, look_up(f, APPLY, 0xb, 0, 0)[0]);
	EXPECT_EQ(7, look_up(f, APPLY, 0xb, 1, 0)[1]);
	EXPECT_EQ(0, look_up(f, APPLY, 0xb, 2, 0)[0]);
}

/* A VMM that grants nothing has a guest that sees no hypervisor. */
TEST_F(view, no_hypervisor)
{
	union hv_partition_synthetic_processor_features features = { };
	struct child_fixture *f = &self->f;
	u32 leaf;

	/* Without KVM there is no leaf 1 but the parent's. */
	f->child->synthetic_features = 0;
	for (leaf = HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS;
	     leaf <= HYPERV_CPUID_NESTED_FEATURES; leaf++) {
		EXPECT_EQ(0, look_up(f, APPLY, leaf, 0, 0)[0]);
		EXPECT_EQ(0, look_up(f, APPLY, leaf, 0, 0)[1]);
		EXPECT_EQ(0, look_up(f, APPLY, leaf, 0, 0)[2]);
		EXPECT_EQ(0, look_up(f, APPLY, leaf, 0, 0)[3]);
	}
	/* One that its VMM makes itself it does see. */
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  register_leaf(f, HYPERV_CPUID_VERSION, -1, false, 7, ~0U));
	EXPECT_EQ(7, look_up(f, APPLY, HYPERV_CPUID_VERSION, 0, 0)[0]);

	/* That there is one, but not which. */
	features.hypervisor_present = 1;
	f->child->synthetic_features = features.as_uint64[0];
	EXPECT_EQ(HYPERV_CPUID_INTERFACE,
		  look_up(f, 0, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS, 0, 0)[0]);
	EXPECT_EQ(0x7263694d, look_up(f, 0, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS, 0, 0)[1]);
	EXPECT_EQ(0, look_up(f, 0, HYPERV_CPUID_INTERFACE, 0, 0)[0]);
	EXPECT_EQ(0, look_up(f, 0, HYPERV_CPUID_VERSION, 0, 0)[0]);
	EXPECT_EQ(0, look_up(f, 0, HYPERV_CPUID_IMPLEMENT_LIMITS, 0, 0)[0]);

	features.hv1 = 1;
	f->child->synthetic_features = features.as_uint64[0];
	EXPECT_LE(HYPERV_CPUID_MIN,
		  look_up(f, 0, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS, 0, 0)[0]);
	EXPECT_EQ(0x31237648, look_up(f, 0, HYPERV_CPUID_INTERFACE, 0, 0)[0]);
	EXPECT_EQ(CHILD_VPS_MAX, look_up(f, 0, HYPERV_CPUID_IMPLEMENT_LIMITS, 0, 0)[0]);
}

TEST_F(view, results_that_cannot_be)
{
	struct hv_input_register_intercept_result *input = (void *)self->f.input;
	struct child_fixture *f = &self->f;
	u32 i, count;

	/* What a VMM registers, and then more leaves than KVM takes. */
	for (i = 0; i < 200; i++)
		EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000000 + i, -1, true, i, ~0U));
	for (; i < 1000; i++)
		if (register_leaf(f, 0x50000000 + i, -1, true, i, ~0U) != HV_STATUS_SUCCESS)
			break;
	count = f->vp->cpuid_results.count;
	EXPECT_EQ(i, count);
	EXPECT_GT(1000, count);
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, register_leaf(f, 0x60000000, -1, true, 0, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000001, -1, true, 0, ~0U));
	/* Leaves that there are need no room. */
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  register_leaf(f, HYPERV_CPUID_VERSION, -1, true, 0x1234, ~0U));
	EXPECT_EQ(0x1234, look_up(f, APPLY, HYPERV_CPUID_VERSION, 0, 0)[0]);

	f->vp->ran = true;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, register_leaf(f, 0x50000001, -1, true, 1, ~0U));
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, register_leaf(f, 0x50000001, -1, false, 0, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000001, -1, true, 0, ~0U));
	f->vp->ran = false;
	EXPECT_EQ(0, look_up(f, APPLY, 0x50000001, 0, 0)[0]);
	/* What KVM does not take is not registered. */
	count = 10;
	f->vp->cpuid_results.count = count;
	f->vp->fd = open("/dev/null", O_RDWR);
	ASSERT_LE(0, f->vp->fd);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, register_leaf(f, 0x50000001, -1, true, 1, ~0U));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, register_leaf(f, 0x60000000, -1, true, 1, ~0U));
	close(f->vp->fd);
	f->vp->fd = -1;
	EXPECT_EQ(count, f->vp->cpuid_results.count);
	EXPECT_EQ(0, look_up(f, APPLY, 0x50000001, 0, 0)[0]);

	input->partition_id = f->child->id;
	input->vp_index = 0;
	input->intercept_type = HV_INTERCEPT_TYPE_X64_MSR_INDEX;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(f, child_cpuid_register, 0, 0));
	input->vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(f, child_cpuid_register, 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(f, child_cpuid_values, 1, 0));
	EXPECT_EQ(0, f->call.reps_done);
	input->partition_id++;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(f, child_cpuid_register, 0, 0));
}

/* QEMU with "-cpu host" hands on what the L1VH has; KVM drops a deadline that is set. */
TEST_F(view, no_result_gives_a_tsc_deadline)
{
	struct hv_input_register_intercept_result *input = (void *)self->f.input;
	struct child_fixture *f = &self->f;

	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x1, -1, true, 0, ~0U));
	input->result[2].value = ~0U;
	input->result[2].mask = ~0U;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_cpuid_register, 0, 0));
	EXPECT_EQ((u32)~(BIT(24) | BIT(27)), look_up(f, APPLY, 0x1, 0, 0)[2]);
}

/* OpenVMM: for all VPs, those too that are not there yet. */
TEST_F(view, results_for_all_vps)
{
	struct hv_input_register_intercept_result *input = (void *)self->f.input;
	struct hv_create_vp *create = (void *)self->f.input;
	struct child_fixture *f = &self->f;
	u32 result[4];

	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000000, -1, true, 5, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000001, -1, true, 5, ~0U));
	input->vp_index = HV_ANY_VP;
	input->result[0].value = 6;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_cpuid_register, 0, 0));
	input->eax = 0x50000002;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_cpuid_register, 0, 0));

	memset(f->input, 0, sizeof(f->input));
	create->partition_id = f->child->id;
	create->vp_index = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_vp_create, 0, 0));
	child_cpuid_look_up(f->child->vps[1], 0x50000000, 0, result);
	EXPECT_EQ(0, result[0]);
	child_cpuid_look_up(f->child->vps[1], 0x50000001, 0, result);
	EXPECT_EQ(6, result[0]);
	child_cpuid_look_up(f->child->vps[1], 0x50000002, 0, result);
	EXPECT_EQ(6, result[0]);
	/* Its own counts more. */
	EXPECT_EQ(5, look_up(f, APPLY, 0x50000001, 0, 0)[0]);
	EXPECT_EQ(6, look_up(f, APPLY, 0x50000002, 0, 0)[0]);

	/* One of them has run. */
	f->child->vps[1]->ran = true;
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x50000003, -1, true, 5, ~0U));
	input->vp_index = HV_ANY_VP;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, child_call(f, child_cpuid_register, 0, 0));
}

/* Leaves that follow the state of the VP. */
TEST_F(view, leaves_that_change)
{
	struct kvm_sregs *sregs = &child_vp_regs(self->f.vp)->sregs;
	struct hv_input_register_intercept_result *input = (void *)self->f.input;
	struct child_fixture *f = &self->f;

	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x1, -1, true, 0, ~0U));
	EXPECT_EQ(0, look_up(f, APPLY, 0x1, 0, 0)[2]);
	sregs->cr4 |= BIT(18);
	EXPECT_EQ(BIT(27), look_up(f, APPLY, 0x1, 0, 0)[2]);
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0x7, 0, true, 0, ~0U));
	EXPECT_EQ(0, look_up(f, APPLY, 0x7, 0, 0)[2]);
	sregs->cr4 |= BIT(22);
	EXPECT_EQ(BIT(4), look_up(f, APPLY, 0x7, 0, 0)[2]);

	/* AVX at 576, PKRU farther out; the latter is aligned where it is packed. */
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0xd, 0, true, 0x207, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0xd, 1, true, 0xf, ~0U));
	EXPECT_EQ(HV_STATUS_SUCCESS, register_leaf(f, 0xd, 2, true, 0, 0));
	input->result[0].value = 0x100;
	input->result[0].mask = ~0U;
	input->result[1].value = 576;
	input->result[1].mask = ~0U;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_cpuid_register, 0, 0));
	input->ecx = 9;
	input->result[0].value = 8;
	input->result[1].value = 0xa80;
	input->result[2].value = 2;
	input->result[2].mask = ~0U;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(f, child_cpuid_register, 0, 0));
	EXPECT_EQ(576, look_up(f, APPLY, 0xd, 0, 3)[1]);
	EXPECT_EQ(576 + 0x100, look_up(f, APPLY, 0xd, 0, 7)[1]);
	EXPECT_EQ(0xa88, look_up(f, APPLY, 0xd, 0, 0x207)[1]);
	EXPECT_EQ(0xa88, look_up(f, APPLY, 0xd, 0, 0x203)[1]);
	EXPECT_EQ(576 + 0x108, look_up(f, APPLY, 0xd, 1, 0x207)[1]);
	EXPECT_EQ(576 + 8, look_up(f, APPLY, 0xd, 1, 0x203)[1]);
	/* The VP's own, which nobody knows without KVM. */
	EXPECT_EQ(576, look_up(f, APPLY | HV_GET_VP_CPUID_VALUES_USE_VP_XFEM_XSS,
			       0xd, 0, 0x207)[1]);
}

TEST_HARNESS_MAIN
