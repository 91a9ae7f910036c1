// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of children's memory without KVM: mappings, which pages were accessed and
 * written, overlays.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/map.h"
#include "../child/memory.h"
#include "../child/overlay.h"
#include "../child/table.h"
#include "../child/track.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"
#include "child_fixture.h"
#include "children_fixture.h"

TEST_F(children, pages_are_what_they_were_mapped_as)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	struct child_page page;

	page = child_page(child, 5);
	EXPECT_TRUE(page.mapped);
	EXPECT_EQ(CHILD_SOURCE + 5, page.parent_gpfn);
	EXPECT_EQ(EVERYTHING, page.flags);
	EXPECT_EQ(child_at(fixture, 0x5123), child_memory(child, 0x5123, 4));
	/* Not over the end of a page. */
	EXPECT_EQ(NULL, child_memory(child, 0x5ffd, 4));

	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, 0, 2, HV_MAP_GPA_NO_ACCESS));
	page = child_page(child, 6);
	EXPECT_FALSE(page.mapped);
	EXPECT_TRUE(page.no_access);
	EXPECT_EQ(NULL, child_memory(child, 0x6000, 1));
	page = child_page(child, CHILD_PAGES);
	EXPECT_FALSE(page.mapped || page.no_access);

	/* A page that is no memory of the parent's, and one beyond any address. */
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_map(fixture, 5, RAM_PAGES - 1, 2, EVERYTHING));
	EXPECT_EQ(1, fixture->call.reps_done);
	EXPECT_EQ(1, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_map(fixture, ~0ULL, 0, 1, EVERYTHING));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_map(fixture, 1, 0, 1, EVERYTHING | HV_MAP_GPA_LARGE_PAGE));
	EXPECT_EQ(2, log_violations());
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_map(fixture, 512, 0, 1, EVERYTHING | HV_MAP_GPA_LARGE_PAGE));
	EXPECT_EQ(511, child_page(child, 1023).parent_gpfn);
}

/* Give the hypervisor a page of the parent's, for the parent itself. */
static u64 deposit(struct child_fixture *fixture, u64 gpfn)
{
	struct hv_deposit_memory *input = fixture->ram;

	input->partition_id = fixture->partition->id;
	input->gpa_page_list[0] = gpfn;
	return hypercall(&fixture->partition->vps[0],
			 HVCALL_DEPOSIT_MEMORY | HV_HYPERCALL_REP_COMP_1, 0, 0);
}

TEST_F(children, what_is_mapped_cannot_be_deposited)
{
	struct child_fixture *fixture = &self->fixture;
	const u64 page = CHILD_SOURCE + 5;

	fixture->partition->hypercall_msr = HV_X64_MSR_HYPERCALL_ENABLE;
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, deposit(fixture, page));
	EXPECT_EQ(1, log_violations());

	/* A page may be in two places, and is free when it is in neither. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, CHILD_PAGES, page, 1, EVERYTHING));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, page + 1, 1, EVERYTHING));
	EXPECT_TRUE(child_maps(fixture->child, page));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, CHILD_PAGES, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_FALSE(child_maps(fixture->child, page));
	EXPECT_EQ(HV_STATUS_SUCCESS | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET,
		  deposit(fixture, page));
	EXPECT_EQ(1, log_violations());
}

/* Of a call that goes on, the address of what is next may come round. */
TEST_F(children, an_unmapping_that_goes_too_far)
{
	struct hv_input_unmap_gpa_pages *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->target_partition_id = fixture->child->id;
	input->target_gpa_base = ~0ULL;
	fixture->call = (struct hypercall) {
		.vp = &fixture->partition->vps[0],
		.rep_start = 1,
		.reps_done = 1,
		.rep_count = 2,
		.in = fixture->input,
	};
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_unmap_gpa(&fixture->call));
	EXPECT_TRUE(child_page(fixture->child, 0).mapped);
	input->target_gpa_base = 0;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_unmap_gpa(&fixture->call));
	EXPECT_TRUE(child_page(fixture->child, 0).mapped);
	EXPECT_FALSE(child_page(fixture->child, 1).mapped);
}

TEST_F(children, accesses_are_noted_while_asked_for)
{
	struct hv_input_get_gpa_pages_access_state *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;
	u8 *states = (u8 *)fixture->output;
	struct child *child = fixture->child;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = child->id;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  child_call(fixture, child_access_states, 2, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING, 1));

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = child->id;
	input->flags.set_dirty = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, child_access_states, 2, 0));
	EXPECT_EQ(2, fixture->call.reps_done);
	/* As it was; the change is seen the next time. */
	EXPECT_EQ(0, states[0]);
	input->flags.as_uint64 = 0;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, child_access_states, 3, 0));
	EXPECT_EQ(2, states[1]);
	EXPECT_EQ(0, states[2]);
	input->flags.reserved = 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(fixture, child_access_states, 1, 0));
	/* The last page there is, and one behind it. */
	input->flags.as_uint64 = 0;
	input->hv_gpa_page_number =
		(1ULL << (fixture->partition->physical_bits - HV_HYP_PAGE_SHIFT)) - 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(fixture, child_access_states, 2, 0));
	EXPECT_EQ(1, fixture->call.reps_done);
	input->hv_gpa_page_number = ~0ULL;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(fixture, child_access_states, 2, 0));
	EXPECT_EQ(0, fixture->call.reps_done);
}

/* States of pages from @gpfn on. Return: those of the first two, a byte each. */
static u16 states_of(struct child_fixture *fixture, u64 gpfn,
		     union hv_gpa_page_access_state_flags flags)
{
	struct hv_input_get_gpa_pages_access_state *input = (void *)fixture->input;
	const u8 *states = (u8 *)fixture->output;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->hv_gpa_page_number = gpfn;
	input->flags = flags;
	if (child_call(fixture, child_access_states, 2, 0) != HV_STATUS_SUCCESS)
		return 0xffff;
	return states[0] | states[1] << 8;
}

/* How many tables there are, of the child's addresses and of its parent's. */
static unsigned int tables(void **table, int level)
{
	unsigned int i, sum = 1;

	for (i = 0; level && i < LEVEL_ENTRIES; i++)
		if (table[i])
			sum += tables(table[i], level - 1);
	return sum;
}

static unsigned int tables_of(const struct child *child)
{
	return tables(child->memory->root, LEVELS - 1) +
	       tables(child->memory->sources, LEVELS - 1);
}

/*
 * A VMM may ask for all addresses there are, and take memory away that it never gave:
 * that takes none of the host's.
 */
TEST_F(children, addresses_without_memory)
{
	const union hv_gpa_page_access_state_flags look = { };
	const union hv_gpa_page_access_state_flags forget = { .clear_accessed = 1,
							      .clear_dirty = 1 };
	struct hv_input_unmap_gpa_pages *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	unsigned int before = tables_of(child);
	const u64 limit = 1ULL << (fixture->partition->physical_bits - HV_HYP_PAGE_SHIFT);
	u64 gpfn;

	ASSERT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING, 1));
	for (gpfn = LEVEL_ENTRIES; gpfn < limit; gpfn <<= 1) {
		EXPECT_EQ(0, states_of(fixture, gpfn, look));
		EXPECT_EQ(0, states_of(fixture, gpfn, forget));
		memset(fixture->input, 0, sizeof(fixture->input));
		input->target_partition_id = child->id;
		input->target_gpa_base = gpfn;
		EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, child_unmap_gpa, 2, 0));
		EXPECT_EQ(2, fixture->call.reps_done);
	}
	/* Partly where there is memory. */
	EXPECT_EQ(0, states_of(fixture, LEVEL_ENTRIES - 1, look));
	EXPECT_EQ(before, tables_of(child));

	/* The table of the addresses there, and of those above; none of the parent's. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, limit / 2, 0, 2, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(before + LEVELS - 1, tables_of(child));
	EXPECT_TRUE(child_page(child, limit / 2 + 1).no_access);
}

/*
 * To handle one fault the driver maps what lies around it anew, and a page that moves
 * is out of reach for a while. What the guest had written before is dirty all the same.
 */
TEST_F(children, a_new_mapping_forgets_no_access)
{
	const union hv_gpa_page_access_state_flags look = { };
	const union hv_gpa_page_access_state_flags touch = { .set_accessed = 1, .set_dirty = 1 };
	const union hv_gpa_page_access_state_flags clean = { .clear_dirty = 1 };
	const union hv_gpa_page_access_state_flags forget = { .clear_accessed = 1,
							      .clear_dirty = 1 };
	struct child_fixture *fixture = &self->fixture;
	const u32 tracking = HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING;

	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	EXPECT_EQ(0, states_of(fixture, 5, touch));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, CHILD_SOURCE + 5, 2, EVERYTHING));
	EXPECT_EQ(0x303, states_of(fixture, 5, look));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, CHILD_SOURCE + 7, 1, EVERYTHING));
	EXPECT_EQ(0x303, states_of(fixture, 5, look));

	/* Out of reach: told, and forgotten when it is to be, and nothing sets them. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(0x303, states_of(fixture, 5, clean));
	EXPECT_EQ(0x101, states_of(fixture, 5, forget));
	EXPECT_EQ(0, states_of(fixture, 5, touch));
	EXPECT_EQ(0x300, states_of(fixture, 5, touch));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 6, 0, 1, HV_MAP_GPA_NO_ACCESS));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, CHILD_SOURCE + 5, 2, EVERYTHING));
	EXPECT_EQ(0x300, states_of(fixture, 5, look));

	/* Where nothing is any more, nothing is kept; nor from one time to the next. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 6, 0, 1, HV_MAP_GPA_NO_ACCESS));
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 0));
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	EXPECT_EQ(0, states_of(fixture, 5, look));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 6, CHILD_SOURCE + 6, 1, EVERYTHING));
	EXPECT_EQ(0, states_of(fixture, 5, look));
}

/* Who has cleared dirty states sets them before nobody notes them any more. */
TEST_F(children, what_was_cleared_is_set_at_the_end)
{
	const union hv_gpa_page_access_state_flags clean = { .clear_dirty = 1 };
	const union hv_gpa_page_access_state_flags touch = { .set_dirty = 1 };
	struct child_fixture *fixture = &self->fixture;
	const u32 tracking = HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING;

	/* Nothing was cleared. */
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 0));

	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	EXPECT_EQ(0, states_of(fixture, 5, clean));
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, set_property(fixture, tracking, 0));
	EXPECT_EQ(0, states_of(fixture, 6, touch));
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, set_property(fixture, tracking, 0));
	/* Written by the guest, or for it: as good as set. */
	child_memory_wrote(fixture->child, 0x5000);
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 0));

	/* Nor does that which is not there any more count. */
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	EXPECT_EQ(0, states_of(fixture, 5, clean));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, 0, 2, HV_MAP_GPA_NO_ACCESS));
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 0));

	/* What was out of reach when all was set, and comes back, is no reason either. */
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 1));
	EXPECT_EQ(0, states_of(fixture, 5, clean));
	EXPECT_EQ(0, states_of(fixture, 5, touch));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 5, CHILD_SOURCE + 5, 2, EVERYTHING));
	ASSERT_EQ(HV_STATUS_SUCCESS, set_property(fixture, tracking, 0));
}

TEST_F(children, an_overlay_hides_what_is_below)
{
	struct child *child = self->fixture.child;
	void *page;

	*(u32 *)child_at(&self->fixture, 0x7000) = 77;
	ASSERT_EQ(0, child_overlay(child, 7, false, &page));
	EXPECT_EQ(page, child_memory(child, 0x7000, 4));
	EXPECT_EQ(0, *(u32 *)page);
	EXPECT_NE(0, child_overlay(child, 7, false, &page));
	child_overlay_remove(child, 7);
	EXPECT_EQ(77, *(u32 *)child_memory(child, 0x7000, 4));
}

/* The guest writes to no code and no clock of the hypervisor's. */
TEST_F(children, overlays_to_be_read)
{
	struct child *child = self->fixture.child;
	void *page;

	EXPECT_FALSE(child_overlay_is_read_only(child, 0x7000));
	ASSERT_EQ(0, child_overlay(child, 7, true, &page));
	EXPECT_TRUE(child_overlay_is_read_only(child, 0x7008));
	EXPECT_FALSE(child_overlay_is_read_only(child, 0x8000));
	child_overlay_remove(child, 7);
	EXPECT_FALSE(child_overlay_is_read_only(child, 0x7000));
	ASSERT_EQ(0, child_overlay(child, 7, false, &page));
	EXPECT_FALSE(child_overlay_is_read_only(child, 0x7000));
}

/* A guest that moves one as often as it likes, and one with many VPs. */
TEST_F(children, overlays_are_as_many_as_there_are)
{
	struct child *child = self->fixture.child;
	void *page, *first;
	u64 i;

	ASSERT_EQ(0, child_overlay(child, 0, false, &first));
	*(u32 *)first = 1234;
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, child_overlay(child, 1 + i % 200, false, &page));
		EXPECT_EQ(0, *(u32 *)page);
		*(u32 *)page = i;
		child_overlay_remove(child, 1 + i % 200);
	}
	for (i = 1; i < 200; i++) {
		ASSERT_EQ(0, child_overlay(child, i, false, &page));
		*(u32 *)page = i;
	}
	for (i = 1; i < 200; i++)
		EXPECT_EQ(i, *(u32 *)child_memory(child, i * 0x1000, 4));
	EXPECT_EQ(1234, *(u32 *)child_memory(child, 0, 4));
}

TEST_HARNESS_MAIN
