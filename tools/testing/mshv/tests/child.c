// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of children without KVM: life cycle, memory, who is told what under
 * which scheduler.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/deposit.h"
#include "../child/dispatch.h"
#include "../child/intercept.h"
#include "../child/life.h"
#include "../child/map.h"
#include "../child/memory.h"
#include "../child/overlay.h"
#include "../child/property.h"
#include "../child/reftime.h"
#include "../child/run.h"
#include "../child/sched.h"
#include "../child/table.h"
#include "../child/track.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../child/wants.h"
#include "../hv/fault.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "../machine/hypercalls.h"
#include "../machine/property.h"
#include "../machine/stats.h"
#include "../machine/test_port.h"
#include "child_fixture.h"

#define SIMP_GPA	0x10000ULL
#define APIC_SPURIOUS	0x0f0		/* the register in its page */
#define EVERYTHING	(HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE)

static void no_interrupt(struct vp *vp, u8 vector)
{
	(void)vp;
	(void)vector;
}

FIXTURE(children) {
	struct child_fixture fixture;
};

FIXTURE_SETUP(children)
{
	struct child_fixture *fixture = &self->fixture;
	struct vp *parent;

	ASSERT_TRUE(child_setup(fixture, CHILD_FLAGS));
	fixture->options.capability_bits = 0x42;
	fixture->options.integrated = 1;
	fixture->options.slice = 10000;
	fixture->partition->interrupt = no_interrupt;
	parent = &fixture->partition->vps[0];
	synic_write(parent, HV_X64_MSR_SIMP, SIMP_GPA | 1);
	synic_write(parent, HV_X64_MSR_SINT0, 0xf3);
	synic_write(parent, HV_X64_MSR_SCONTROL, 1);
	ASSERT_EQ(0, log_violations());
}

FIXTURE_TEARDOWN(children)
{
	child_teardown(&self->fixture);
}

static struct hv_message *slot_of(struct child_fixture *fixture)
{
	return fixture->ram + SIMP_GPA;
}

/* As the guest does when it has read the message. */
static void take_message(struct child_fixture *fixture)
{
	slot_of(fixture)->header.message_type = HVMSG_NONE;
	synic_write(&fixture->partition->vps[0], HV_X64_MSR_EOM, 0);
}

static u16 make_vp(struct child_fixture *fixture, u32 index)
{
	struct hv_create_vp *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->vp_index = index;
	return child_call(fixture, child_vp_create, 0, 0);
}

static u16 dispatch(struct child_fixture *fixture, u32 index, u32 flags)
{
	struct hv_input_dispatch_vp *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->vp_index = index;
	input->flags = flags;
	return child_call(fixture, child_dispatch, 0, 0);
}

static u16 partition_call(struct child_fixture *fixture, u16 (*handler)(struct hypercall *))
{
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = fixture->child->id;
	return child_call(fixture, handler, 0, 0);
}

static u16 set_property(struct child_fixture *fixture, u32 code, u64 value)
{
	struct hv_input_set_partition_property *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->property_code = code;
	input->property_value = value;
	return child_call(fixture, child_property_set, 0, 0);
}

TEST_F(children, a_vp_needs_memory_and_a_number_of_its_own)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	unsigned int used = child->nr_used;

	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, make_vp(fixture, 0));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, make_vp(fixture, CHILD_VPS_MAX));
	child->nr_deposited = used;
	EXPECT_EQ(HV_STATUS_INSUFFICIENT_MEMORY, make_vp(fixture, 1));
	EXPECT_EQ(NULL, child->vps[1]);
	EXPECT_EQ(used, child->nr_used);
	child->nr_deposited = RAM_PAGES;
	EXPECT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));
	EXPECT_LT(used, child->nr_used);
	child->state = CHILD_CREATED;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, make_vp(fixture, 2));
	EXPECT_EQ(HV_STATUS_INSUFFICIENT_MEMORY,
		  (child->nr_deposited = child->nr_used,
		   partition_call(fixture, child_initialize)));
	child->nr_deposited = RAM_PAGES;
	EXPECT_EQ(HV_STATUS_SUCCESS, partition_call(fixture, child_initialize));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_initialize));
}

TEST_F(children, what_is_in_use_is_not_given_back)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	u16 status;

	child->nr_deposited = child->nr_used + 3;
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = child->id;
	status = child_call(fixture, child_withdraw_memory, 512, 0);
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, status);
	EXPECT_EQ(3, fixture->call.reps_done);
	EXPECT_EQ(child->nr_used, child->nr_deposited);
}

/* WDK, HvWithdrawMemory: "the contents of the withdrawn page are zeroed". */
TEST_F(children, what_is_given_back_is_zeroed)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	const u64 *output = fixture->output;
	u8 *kept = fixture->ram + STATE_GPFN * HV_HYP_PAGE_SIZE;
	u8 *given = kept + HV_HYP_PAGE_SIZE;

	child->nr_deposited = child->nr_used + 1;
	child->deposited[child->nr_used - 1] = STATE_GPFN;
	child->deposited[child->nr_used] = STATE_GPFN + 1;
	memset(kept, 0x5a, 2 * HV_HYP_PAGE_SIZE);
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = child->id;
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, child_call(fixture, child_withdraw_memory, 512, 0));
	EXPECT_EQ(1, fixture->call.reps_done);
	EXPECT_EQ(STATE_GPFN + 1, output[0]);
	EXPECT_EQ(0, given[0]);
	EXPECT_EQ(0, memcmp(given, given + 1, HV_HYP_PAGE_SIZE - 1));
	EXPECT_EQ(0x5a, kept[0]);
	EXPECT_EQ(0x5a, kept[HV_HYP_PAGE_SIZE - 1]);
}

/* Two VPs of the parent's end the same thing: one of them does it. */
TEST_F(children, what_is_going_is_not_ended_twice)
{
	union hv_input_delete_vp *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;

	ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));
	fixture->child->vps[1]->dying = true;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_finalize));
	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, child_call(fixture, child_vp_delete, 0, 0));
	EXPECT_EQ(0, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, dispatch(fixture, 1, 0));
	EXPECT_EQ(1, log_violations());
	fixture->child->vps[1]->dying = false;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, child_vp_delete, 0, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));

	fixture->child->state = CHILD_FINALIZING;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_finalize));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_delete));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, make_vp(fixture, 2));
	fixture->child->state = CHILD_INITIALIZED;
}

TEST_F(children, the_end_of_it_is_looked_at)
{
	struct child_fixture *fixture = &self->fixture;
	unsigned int violations = log_violations();

	/* It must be finalized first. */
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_delete));
	EXPECT_EQ(violations + 1, log_violations());
	/* No state page may be mapped then. */
	fixture->vp->intercept_gpfn = STATE_GPFN;
	EXPECT_EQ(HV_STATUS_SUCCESS, partition_call(fixture, child_finalize));
	EXPECT_EQ(violations + 2, log_violations());
	EXPECT_EQ(0, fixture->child->nr_vps);
	EXPECT_EQ(0, fixture->child->nr_used);
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, partition_call(fixture, child_finalize));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  child_map(fixture, 0, CHILD_SOURCE, 1, EVERYTHING));
	/* All that was deposited must have been withdrawn. */
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, partition_call(fixture, child_delete));
	EXPECT_EQ(violations + 3, log_violations());
	EXPECT_EQ(1, fixture->partition->nr_children);
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = fixture->child->id;
	while (child_call(fixture, child_withdraw_memory, 512, 0) == HV_STATUS_SUCCESS)
		;
	EXPECT_EQ(HV_STATUS_SUCCESS, partition_call(fixture, child_delete));
	EXPECT_EQ(violations + 3, log_violations());
	/* For the teardown. */
	ASSERT_EQ(0, fixture->partition->nr_children);
	fixture->vp = NULL;
	free(fixture->partition->deposited);
	free(fixture->partition);
	free(fixture->ram);
	ASSERT_TRUE(child_setup(fixture, CHILD_FLAGS));
}

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

/* Whether a line of a file has both, in this order. */
static bool has_line(FILE *file, const char *one, const char *other)
{
	char line[256];

	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		const char *found = strstr(line, one);

		if (found && strstr(found, other))
			return true;
	}
	return false;
}

static void use_cpu(u64 units)
{
	u64 begin = log_cpu_time();

	while (log_cpu_time() - begin < units)
		;
}

TEST_F(children, how_long_a_vp_has_run)
{
	struct child_fixture *fixture = &self->fixture;
	struct vp *parent = &fixture->partition->vps[0];
	char path[] = "/tmp/hvemu-times-XXXXXX";
	const char *text = "times here 1\n";
	struct child_vp *vp = fixture->vp;
	FILE *file;
	u64 run;
	int fd;

	vp->run_time = 77;
	use_cpu(10000);
	EXPECT_EQ(77, child_vp_run_time(vp));

	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, log_open(path));
	while (*text)
		test_port_write(parent, *text++);
	log_flush();
	file = fdopen(fd, "r");
	ASSERT_NE(NULL, file);
	EXPECT_TRUE(has_line(file, " mark ", "text=\"here 1\"\n"));
	EXPECT_TRUE(has_line(file, " child-time ", "index=0 run=77 place=none\n"));

	/* In the guest since a moment, on a thread of its own, and on a VP of its parent's. */
	vp->thread = pthread_self();
	vp->tid = gettid();
	vp->entered_cpu = log_cpu_time();
	vp->in_guest = true;
	use_cpu(10000);
	run = child_vp_run_time(vp);
	EXPECT_LE(10077, run);
	EXPECT_GE(77 + log_cpu_time() - vp->entered_cpu, run);
	vp->has_thread = true;
	child_vp_log_times(fixture->partition);
	vp->has_thread = false;
	vp->dispatcher = parent;
	child_vp_log_times(fixture->partition);
	log_flush();
	EXPECT_TRUE(has_line(file, " child-time ", " place=cpu"));
	EXPECT_FALSE(has_line(file, " child-time ", " place=cpu-"));
	EXPECT_TRUE(has_line(file, " child-time ", " place=vp0\n"));
	vp->dispatcher = NULL;
	vp->in_guest = false;
	fclose(file);
	unlink(path);
}

/* To KVM the first vCPU is the one that boots; INIT must stop all others. */
TEST_F(children, who_boots)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;

	ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));
	EXPECT_EQ(0xfee00900, child_vp_regs(child->vps[0])->sregs.apic_base);
	EXPECT_EQ(0xfee00800, child_vp_regs(child->vps[1])->sregs.apic_base);
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

TEST_F(children, properties_have_their_time)
{
	struct child_fixture *fixture = &self->fixture;
	u64 value;

	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, 0));
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, set_property(fixture, 0x12345678, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  set_property(fixture, HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION, 2));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  set_property(fixture, HV_PARTITION_PROPERTY_REFERENCE_TIME, 123));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_TIME_FREEZE, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_REFERENCE_TIME, 123));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_property_get(fixture->child, HV_PARTITION_PROPERTY_REFERENCE_TIME, &value));
	EXPECT_EQ(123, value);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_TIME_FREEZE, 0));
	EXPECT_LE(123, child_time(fixture->child));
}

/* The value of a property, or ~0 less its status. */
static u64 get_property(struct child_fixture *fixture, u32 code)
{
	u64 value;
	u16 status = child_property_get(fixture->child, code, &value);

	return status == HV_STATUS_SUCCESS ? value : ~(u64)status;
}

/* TLFS, HV_PARTITION_PROPERTY_CODE, "Early Properties" */
TEST_F(children, width_of_addresses)
{
	const u32 width = HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH;
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	const u64 most = fixture->partition->physical_bits;

	EXPECT_EQ(most, get_property(fixture, width));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, set_property(fixture, width, most));
	child->state = CHILD_CREATED;
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, width, most + 1));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, width, 31));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, width, 32));
	child->state = CHILD_INITIALIZED;
	EXPECT_EQ(32, get_property(fixture, width));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 0xfffff, CHILD_SOURCE, 1, EVERYTHING));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_map(fixture, 0xfffff, CHILD_SOURCE, 2, EVERYTHING));
}

TEST_F(children, name_of_the_guest)
{
	struct child_fixture *fixture = &self->fixture;

	EXPECT_EQ(0, get_property(fixture, HV_PARTITION_PROPERTY_GUEST_OS_ID));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, HV_REGISTER_GUEST_OS_ID, 0x8100));
	EXPECT_EQ(0x8100, get_property(fixture, HV_PARTITION_PROPERTY_GUEST_OS_ID));
}

/* By mshv-ioctls a VMM can ask for these of a child, too. */
TEST_F(children, extended_properties)
{
	struct hv_input_get_partition_property_ex *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;
	const struct hv_partition_property_vmm_capabilities *caps = (void *)fixture->output;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->property_code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, property_get_ex, 0, 0));
	EXPECT_EQ(1, caps->bank_count);
	EXPECT_EQ(0, caps->as_uint64[0]);
	input->property_code = HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, property_get_ex, 0, 0));
	EXPECT_EQ(child_assignable_features(), fixture->output[1]);
	input->property_code = HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED;
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, child_call(fixture, property_get_ex, 0, 0));
	input->partition_id++;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(fixture, property_get_ex, 0, 0));
}

TEST_F(children, what_vmms_assign_is_assignable)
{
	/* What all of them do, and then what only some do: QEMU 11.1, mshv-ioctls, OpenVMM. */
#define COMMON									\
	.hypervisor_present = 1, .hv1 = 1, .access_partition_reference_counter = 1,	\
	.access_synic_regs = 1, .access_synthetic_timer_regs = 1,		\
	.access_intr_ctrl_regs = 1, .access_hypercall_regs = 1, .access_vp_index = 1,	\
	.access_partition_reference_tsc = 1, .access_guest_idle_reg = 1,		\
	.access_frequency_regs = 1, .direct_synthetic_timers = 1,		\
	.tb_flush_hypercalls = 1, .synthetic_cluster_ipi = 1
	const union hv_partition_synthetic_processor_features common = { COMMON }, openvmm = {
		COMMON,
		.access_vp_run_time_reg = 1,
		.enable_extended_gva_ranges_for_flush_virtual_address_list = 1,
		.fast_hypercall_output = 1,
		.extended_processor_masks = 1,
		.notify_long_spin_wait = 1,
		.query_numa_distance = 1,
		.signal_events = 1,
		.retarget_device_interrupt = 1,
	};
#undef COMMON
	const u64 all[] = {
		common.as_uint64[0],
		common.as_uint64[0] | HV_SYNTHETIC_FEATURE_ACCESS_VP_REGS |
			HV_SYNTHETIC_FEATURE_FLUSH_GPA_SPACE,
		openvmm.as_uint64[0],
	};
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	unsigned int i;

	child->state = CHILD_CREATED;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				       all[i]));
		EXPECT_EQ(all[i],
			  get_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES));
		EXPECT_EQ(all[i], all[i] & child_assignable_features());
	}
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
			       BIT_ULL(63)));
	/* Its privileges are those that CPUID tells it. */
	EXPECT_EQ(child_cpuid_features(all[i - 1]),
		  get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS));
	EXPECT_TRUE(get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS) &
		    HV_MSR_HYPERCALL_AVAILABLE);
	child->synthetic_features = 0;
	EXPECT_EQ(0, get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS));
	child->state = CHILD_INITIALIZED;
}

TEST_F(children, shares_of_a_processor)
{
	struct child_fixture *fixture = &self->fixture;
	const u32 reserve = HV_PARTITION_PROPERTY_CPU_RESERVE;
	const u32 cap = HV_PARTITION_PROPERTY_CPU_CAP;
	const u32 weight = HV_PARTITION_PROPERTY_CPU_WEIGHT;
	const u32 group = HV_PARTITION_PROPERTY_CPU_GROUP_ID;

	EXPECT_EQ(0, get_property(fixture, reserve));
	EXPECT_EQ(0x10000, get_property(fixture, cap));
	EXPECT_EQ(100, get_property(fixture, weight));
	EXPECT_EQ(0, get_property(fixture, group));

	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, cap, 0xc000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, reserve, 0xc001));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, reserve, 0xc000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, cap, 0xbfff));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, cap, 0x10001));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, weight, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, weight, 10000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, weight, 10001));
	EXPECT_EQ(HV_STATUS_INVALID_CPU_GROUP_ID, set_property(fixture, group, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, group, 0));
	EXPECT_EQ(0xc000, get_property(fixture, reserve));
	EXPECT_EQ(0xc000, get_property(fixture, cap));
	EXPECT_EQ(10000, get_property(fixture, weight));
}

/* Cores of one socket: what the leaf of topologies tells each of them. */
TEST_F(children, processors_per_socket)
{
	struct child_fixture *fixture = &self->fixture;
	const u32 code = HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET;
	struct child *child = fixture->child;
	u32 leaf[4];

	EXPECT_EQ(1, get_property(fixture, code));
	child_cpuid_look_up(fixture->vp, 0xb, 1, leaf);
	EXPECT_EQ(0, leaf[0] | leaf[1] | leaf[2] | leaf[3]);
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, code, 0));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE,
		  set_property(fixture, code, CHILD_VPS_MAX + 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, code, 6));
	EXPECT_EQ(6, get_property(fixture, code));
	ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 9));
	child_cpuid_look_up(child->vps[9], 0xb, 0, leaf);
	EXPECT_EQ(0, leaf[0]);
	EXPECT_EQ(1, leaf[1]);
	EXPECT_EQ(0x100, leaf[2]);
	EXPECT_EQ(9, leaf[3]);
	child_cpuid_look_up(child->vps[9], 0xb, 1, leaf);
	EXPECT_EQ(3, leaf[0]);
	EXPECT_EQ(6, leaf[1]);
	EXPECT_EQ(0x201, leaf[2]);
	EXPECT_EQ(9, leaf[3]);
	child_cpuid_look_up(child->vps[9], 0xb, 2, leaf);
	EXPECT_EQ(0, leaf[1]);

	/* One of them has seen it. */
	child->vps[9]->ran = true;
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, code, 6));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, set_property(fixture, code, 4));
	EXPECT_EQ(6, get_property(fixture, code));
}

static u16 create_without(struct child_fixture *fixture, u64 bank0, u64 bank1, u64 xsave)
{
	struct hv_input_create_partition *create = (void *)fixture->input;
	struct hv_output_create_partition *created = (void *)fixture->output;
	u16 status;
	u64 id;

	memset(fixture->input, 0, sizeof(fixture->input));
	create->flags = CHILD_FLAGS;
	create->partition_creation_properties.disabled_processor_features.as_uint64[0] = bank0;
	create->partition_creation_properties.disabled_processor_features.as_uint64[1] = bank1;
	create->partition_creation_properties.disabled_processor_xsave_features.as_uint64 =
		xsave;
	status = child_call(fixture, child_create, 0, 0);
	id = created->partition_id;
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = id;
	if (status == HV_STATUS_SUCCESS)
		child_call(fixture, child_delete, 0, 0);
	return status;
}

/* What is disabled for safety's sake, an older hypervisor may have no name for. */
TEST_F(children, features_without_a_name)
{
	struct child_fixture *fixture = &self->fixture;

	EXPECT_EQ(HV_STATUS_SUCCESS, create_without(fixture, ~0ULL, ~0ULL, ~0ULL));
	fixture->options.strict_features = true;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  create_without(fixture, ~BIT_ULL(63), GENMASK_ULL(21, 0), 7));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, BIT_ULL(63), 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, 0, BIT_ULL(22), 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, create_without(fixture, 0, 0, GENMASK_ULL(39, 3)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, 0, 0, BIT_ULL(40)));
}

TEST_F(children, a_slow_property_is_answered_by_a_message)
{
	struct hv_async_completion_message_payload *payload;
	struct child_fixture *fixture = &self->fixture;
	struct hv_message *slot = slot_of(fixture);

	fixture->options.slow_properties = true;
	EXPECT_EQ(HV_STATUS_CALL_PENDING, set_property(fixture, 0x12345678, 0));
	EXPECT_EQ(HVMSG_ASYNC_CALL_COMPLETION, slot->header.message_type);
	payload = (void *)slot->u.payload;
	EXPECT_EQ(fixture->child->id, payload->partition_id);
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, payload->status);
}

TEST_F(children, the_first_dispatch_finds_it_suspended)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_output_dispatch_vp *output = (void *)fixture->output;
	struct hv_vp_signal_pair_scheduler_message *pair;
	struct hv_message *slot = slot_of(fixture);

	EXPECT_EQ(HV_STATUS_SUCCESS, dispatch(fixture, 0, 0));
	EXPECT_EQ(HV_VP_DISPATCH_STATE_BLOCKED, output->dispatch_state);
	EXPECT_EQ(HV_VP_DISPATCH_EVENT_SUSPEND, output->dispatch_event);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);

	/* The end of the suspension is told, and counted. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, HV_REGISTER_EXPLICIT_SUSPEND, 0));
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
	pair = (void *)slot->u.payload;
	EXPECT_EQ(1, pair->vp_count);
	EXPECT_EQ(fixture->child->id, pair->partition_ids[0]);
	EXPECT_EQ(0, pair->vp_indexes[0]);
	EXPECT_EQ(1, child_get64(fixture, HV_REGISTER_VP_ROOT_SIGNAL_COUNT));
	EXPECT_EQ(0, log_violations());
}

/* Whoever posts an interrupt and dispatches the VP for it needs no signal. */
TEST_F(children, a_posted_interrupt_is_not_signalled)
{
	struct hv_vp_register_page *page = self->fixture.ram + REGISTER_GPFN * HV_HYP_PAGE_SIZE;
	struct child_fixture *fixture = &self->fixture;
	struct child_vp *vp = fixture->vp;

	vp->register_gpfn = REGISTER_GPFN;
	/* So that the dispatch ends before KVM is asked to run it. */
	ASSERT_EQ(NULL, fault_add(&fixture->partition->faults, "DISPATCH_VP=outcome:2/0"));
	apic_write(&vp->apic, APIC_SPURIOUS, 0x1ff);
	vp->apic.wait_for_sipi = false;
	vp->explicit_suspend = false;
	vp->halted = true;
	vp->blocked = true;
	vp->run->s.regs.regs.rflags = BIT(9);
	page->interrupt_vectors.vector_count = 1;
	page->interrupt_vectors.vector[0] = 0x41;

	EXPECT_EQ(HV_STATUS_SUCCESS,
		  dispatch(fixture, 0, HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION));
	EXPECT_EQ(0, page->interrupt_vectors.as_uint64);
	EXPECT_EQ(0x41, apic_pending(&vp->apic));
	EXPECT_FALSE(vp->blocked);
	EXPECT_EQ(0, vp->signals);
	EXPECT_EQ(HVMSG_NONE, slot_of(fixture)->header.message_type);
}

TEST_F(children, signals_that_wait_go_together)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_vp_signal_bitset_scheduler_message *bitset;
	struct hv_message *slot = slot_of(fixture);
	u32 i;

	for (i = 1; i < 6; i++)
		ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, i == 5 ? 100 : i));
	for (i = 0; i < 6; i++) {
		struct child_vp *vp = fixture->child->vps[i == 5 ? 100 : i];

		ASSERT_EQ(HV_STATUS_SUCCESS, dispatch(fixture, vp->index, 0));
		child_sched_suspend(vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	}
	/* One lies in the slot, one waits, and the others go with the next. */
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
	take_message(fixture);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
	take_message(fixture);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_BITSET, slot->header.message_type);
	bitset = (void *)slot->u.payload;
	EXPECT_EQ(4, bitset->vp_count);
	EXPECT_EQ(0x3, bitset->vp_bitset.bitset.valid_bank_mask);
	EXPECT_EQ(0x1c, bitset->vp_bitset.bitset.bank_contents[0]);
	EXPECT_EQ(1ULL << 36, bitset->vp_bitset.bitset.bank_contents[1]);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(1, fixture->child->vps[i]->signals);
	take_message(fixture);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);
}

/* Another one, with a VP. */
static struct child *make_child(struct child_fixture *fixture)
{
	struct hv_input_create_partition *create = (void *)fixture->input;
	struct hv_output_create_partition *created = (void *)fixture->output;
	struct hv_create_vp *create_vp = (void *)fixture->input;
	struct child *child;

	memset(fixture->input, 0, sizeof(fixture->input));
	create->flags = CHILD_FLAGS;
	child_call(fixture, child_create, 0, 0);
	child = child_find(fixture->partition, created->partition_id);
	child->state = CHILD_INITIALIZED;
	child->deposited = calloc(RAM_PAGES, sizeof(u64));
	child->nr_deposited = RAM_PAGES;
	memset(fixture->input, 0, sizeof(fixture->input));
	create_vp->partition_id = child->id;
	child_call(fixture, child_vp_create, 0, 0);
	return child;
}

static void end_child(struct child_fixture *fixture, struct child *child)
{
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = child->id;
	child_call(fixture, child_finalize, 0, 0);
	child->nr_deposited = 0;
	child_call(fixture, child_delete, 0, 0);
}

/*
 * Whoever has read a message behind which nothing waits does not say so: nothing
 * may be owed then. And of a child that is no more nothing is told.
 */
TEST_F(children, all_that_is_owed_is_sent)
{
	struct child_fixture *fixture = &self->fixture;
	struct vp *parent = &fixture->partition->vps[0];
	struct hv_message *slot = slot_of(fixture), other = { };
	struct hv_vp_signal_bitset_scheduler_message *bitset = (void *)slot->u.payload;
	struct hv_vp_signal_pair_scheduler_message *pair;
	struct child *second, *third;
	u32 i;

	second = make_child(fixture);
	third = make_child(fixture);
	ASSERT_NE(NULL, second->vps[0]);
	ASSERT_NE(NULL, third->vps[0]);
	for (i = 1; i < 4; i++)
		ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, i));
	/* A message for a SINT that is masked is in nobody's way. */
	other.header.message_type = 1;
	EXPECT_TRUE(synic_post(parent, 5, &other));
	synic_write(parent, HV_X64_MSR_SINT0, 1 << 16);
	for (i = 0; i < 4; i++) {
		fixture->child->vps[i]->blocked = true;
		child_sched_suspend(fixture->child->vps[i], HV_REGISTER_EXPLICIT_SUSPEND, false);
	}
	second->vps[0]->blocked = true;
	child_sched_suspend(second->vps[0], HV_REGISTER_EXPLICIT_SUSPEND, false);
	third->vps[0]->blocked = true;
	child_sched_suspend(third->vps[0], HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);

	synic_write(parent, HV_X64_MSR_SINT0, 0xf3);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_BITSET, slot->header.message_type);
	EXPECT_EQ(4, bitset->vp_count);
	EXPECT_EQ(1, slot->header.message_flags.asu8);
	ASSERT_EQ(1, parent->synic.queue[0].count);
	pair = (void *)parent->synic.queue[0].messages[0].u.payload;
	EXPECT_EQ(2, pair->vp_count);

	end_child(fixture, second);
	ASSERT_EQ(1, parent->synic.queue[0].count);
	EXPECT_EQ(1, pair->vp_count);
	EXPECT_EQ(third->id, pair->partition_ids[0]);
	end_child(fixture, third);
	EXPECT_EQ(0, parent->synic.queue[0].count);
	EXPECT_EQ(0, log_violations());
	take_message(fixture);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);
}

/* Each of the registers takes it out of where it runs. */
TEST_F(children, a_suspended_vp_stops)
{
	static const u32 names[] = { HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND,
				     HV_REGISTER_DISPATCH_SUSPEND };
	struct child_fixture *fixture = &self->fixture;
	u32 i;

	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	fixture->vp->halted = true;
	EXPECT_EQ(CHILD_STOP_HALT, child_run(fixture->vp));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, names[i], 1));
		EXPECT_EQ(CHILD_STOP_KICK, child_run(fixture->vp));
		EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, names[i], 0));
		EXPECT_EQ(CHILD_STOP_HALT, child_run(fixture->vp));
	}
}

TEST_F(children, no_signal_is_counted_once_dispatching_has_ended)
{
	struct child_fixture *fixture = &self->fixture;

	ASSERT_EQ(HV_STATUS_SUCCESS, dispatch(fixture, 0, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, HV_REGISTER_DISPATCH_SUSPEND, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, HV_REGISTER_EXPLICIT_SUSPEND, 0));
	EXPECT_EQ(HVMSG_NONE, slot_of(fixture)->header.message_type);
	EXPECT_EQ(0, fixture->vp->signals);
	EXPECT_EQ(0, log_violations());
}

static u16 install(struct child_fixture *fixture, u32 type, u32 access, u64 parameter)
{
	struct hv_input_install_intercept *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->access_type = access;
	input->intercept_type = type;
	input->parameter.as_uint64 = parameter;
	return child_call(fixture, child_install_intercept, 0, 0);
}

TEST_F(children, exceptions_are_told_with_their_reason)
{
	struct child_vp *vp = self->fixture.vp;
	struct hv_x64_exception_intercept_message *message = (void *)vp->message.u.payload;

	child_intercept_exception(vp, DB_VECTOR, 0x4001);
	EXPECT_EQ(HVMSG_X64_EXCEPTION_INTERCEPT, vp->message.header.message_type);
	EXPECT_EQ(DB_VECTOR, message->exception_vector);
	EXPECT_EQ(0x4001, message->exception_parameter);
	EXPECT_TRUE(!message->software_exception);
	child_intercept_exception(vp, BP_VECTOR, 0);
	EXPECT_FALSE(!message->software_exception);
}

/* What lies above the parameter of a type means nothing. */
TEST_F(children, intercepts_that_are_wanted)
{
	const u32 msr = HV_INTERCEPT_TYPE_X64_MSR_INDEX, read = HV_INTERCEPT_ACCESS_MASK_READ;
	const u32 write = HV_INTERCEPT_ACCESS_MASK_WRITE;
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	u32 i;

	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, read, 0x5a5a5a5a00000010));
	EXPECT_TRUE(child_wants(child, msr, read, 0x10));
	EXPECT_FALSE(child_wants(child, msr, HV_INTERCEPT_ACCESS_MASK_WRITE, 0x10));
	/* All MSRs that the hypervisor does not know: no parameter. */
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, HV_INTERCEPT_TYPE_X64_MSR, read, 0x10));
	EXPECT_TRUE(child_wants(child, HV_INTERCEPT_TYPE_X64_MSR, read, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, HV_INTERCEPT_TYPE_X64_MSR, 0, 0));
	EXPECT_FALSE(child_wants(child, HV_INTERCEPT_TYPE_X64_MSR, read, 0));
	EXPECT_EQ(2, child->nr_intercepts);
	child->nr_intercepts--;
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, HV_INTERCEPT_TYPE_EXCEPTION,
					     HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0x5a5a0003));
	EXPECT_TRUE(child_wants(child, HV_INTERCEPT_TYPE_EXCEPTION,
				HV_INTERCEPT_ACCESS_MASK_EXECUTE, 3));
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, read, 0x10));
	EXPECT_EQ(2, child->nr_intercepts);
	for (i = 0; i < 1000; i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, read, 0x100 + i));
		EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, write, 0xc0000000 + i));
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  install(fixture, HV_INTERCEPT_TYPE_X64_IO_PORT, read, i));
	}
	EXPECT_EQ(3002, child->nr_intercepts);
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, 0, 0x10));
	EXPECT_FALSE(child_wants(child, msr, read, 0x10));

	/* KVM takes so many ranges of MSRs that are far from each other; two are used. */
	for (i = 2; i < CHILD_MSR_RANGES; i++)
		EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, read, i << 16));
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, install(fixture, msr, read, i << 16));
	EXPECT_FALSE(child_wants(child, msr, read, i << 16));
	EXPECT_EQ(HV_STATUS_SUCCESS, install(fixture, msr, read, 0x11));
}

/* KVM has ranges of MSRs, and in each a bit for every one that is not handed on. */
TEST(msrs_in_ranges)
{
	const u32 read = HV_INTERCEPT_ACCESS_MASK_READ, write = HV_INTERCEPT_ACCESS_MASK_WRITE;
	const u32 msr = HV_INTERCEPT_TYPE_X64_MSR_INDEX;
	const struct child_intercept wanted[] = {
		{ msr, read, 0x179 },
		{ msr, read | write, 0xc0000080 },
		{ HV_INTERCEPT_TYPE_X64_CPUID, read, 0x1 },
		{ msr, read | write, 0xc0000103 },
		{ msr, 0, 0x17a },
		{ msr, read | HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0x10 },
		{ msr, write, 0x10a },
		{ msr, read, 0x10 + CHILD_MSR_RANGE },
	};
	struct child_msr_range ranges[CHILD_MSR_RANGES];
	u32 i;

	ASSERT_EQ(4, child_msr_ranges(wanted, ARRAY_SIZE(wanted), ranges));
	EXPECT_EQ(read, ranges[0].access);
	EXPECT_EQ(0x10, ranges[0].first);
	EXPECT_EQ(0x16a, ranges[0].count);
	EXPECT_EQ(0x10 + CHILD_MSR_RANGE, ranges[1].first);
	EXPECT_EQ(1, ranges[1].count);
	EXPECT_EQ(write, ranges[2].access);
	EXPECT_EQ(0x10a, ranges[2].first);
	EXPECT_EQ(read | write, ranges[3].access);
	EXPECT_EQ(0xc0000080, ranges[3].first);
	EXPECT_EQ(0x84, ranges[3].count);
	for (i = 0; i < 0x84; i++)
		EXPECT_EQ(i != 0 && i != 0x83, ranges[3].allowed[i / 8] >> i % 8 & 1);
	EXPECT_EQ(0, child_msr_ranges(NULL, 0, ranges));
}

TEST_F(children, dispatches_that_are_wrong)
{
	struct child_fixture *fixture = &self->fixture;

	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, dispatch(fixture, 1, 0));
	EXPECT_EQ(0, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, dispatch(fixture, 0, 0x80));
	EXPECT_EQ(1, log_violations());
	/* A VMM may have set it, of which the driver does not know. */
	fixture->vp->intercept_suspend = true;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, dispatch(fixture, 0, 0));
	EXPECT_EQ(1, log_violations());
	fixture->vp->intercepted = true;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, dispatch(fixture, 0, 0));
	EXPECT_EQ(2, log_violations());
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  dispatch(fixture, 0, HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND));
	EXPECT_FALSE(fixture->vp->intercept_suspend);
	fixture->vp->dispatch_suspend = true;
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE, dispatch(fixture, 0, 0));
	EXPECT_EQ(3, log_violations());
	fixture->vp->dispatch_suspend = false;
	fixture->options.integrated = 0;
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, dispatch(fixture, 0, 0));
	EXPECT_EQ(4, log_violations());
}

TEST_F(children, a_blocked_vp_says_so_in_its_statistics)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_input_map_stats_page2 *input = (void *)fixture->input;
	struct hv_stats_page *page = fixture->ram + 0x20000;
	u32 area;

	for (area = HV_STATS_AREA_SELF; area <= HV_STATS_AREA_PARENT; area++) {
		memset(fixture->input, 0, sizeof(fixture->input));
		input->type = HV_STATS_OBJECT_VP;
		input->identity.vp.partition_id = fixture->child->id;
		input->identity.vp.stats_area_type = area;
		input->map_location = 0x20 + area;
		EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, stats_map_overlay, 0, 0));
	}
	EXPECT_EQ(HV_STATUS_SUCCESS, dispatch(fixture, 0, 0));
	EXPECT_EQ(1, page[0].data[HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED]);
	EXPECT_EQ(1, page[1].data[HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED]);
	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(0, page[0].data[HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED]);
	EXPECT_EQ(0, page[1].data[HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED]);
	EXPECT_EQ(0, log_violations());
	free(fixture->partition->stats.pages);
	fixture->partition->stats.count = 0;
}

/* Nothing of what the page held before, and what is known of the child. */
TEST_F(children, statistics_of_a_child)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_input_map_stats_page2 *input = (void *)fixture->input;
	struct hv_stats_page *page = fixture->ram + 0x20000;
	struct child_vp *vp = fixture->vp;
	unsigned int i, others = 0;

	memset(page, 0xa5, 2 * HV_HYP_PAGE_SIZE);
	for (i = 0; i < 2; i++) {
		memset(fixture->input, 0, sizeof(fixture->input));
		input->type = i ? HV_STATS_OBJECT_VP : HV_STATS_OBJECT_PARTITION;
		input->identity.partition.partition_id = fixture->child->id;
		input->map_location = 0x20 + i;
		EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, stats_map_overlay, 0, 0));
	}
	EXPECT_EQ(1, page[0].data[HV_PARTITION_COUNTER_VPS]);
	EXPECT_EQ(fixture->child->id, page[0].data[HV_PARTITION_COUNTER_ID]);
	EXPECT_EQ(fixture->child->nr_deposited, page[0].data[HV_PARTITION_COUNTER_DEPOSITED]);
	for (i = 0; i < ARRAY_SIZE(page->data); i++)
		others += !!page[0].data[i] + !!page[1].data[i];
	EXPECT_EQ(3, others);

	EXPECT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));
	vp->message.header.message_type = HVMSG_X64_IO_PORT_INTERCEPT;
	vp->intercepts = 1;
	child_intercept_publish(vp);
	EXPECT_EQ(1, page[1].data[HV_VP_COUNTER_IO_MESSAGES]);
	child_intercept_publish(vp);
	vp->message.header.message_type = HVMSG_UNMAPPED_GPA;
	child_intercept_publish(vp);
	vp->message.header.message_type = HVMSG_X64_HALT;
	child_intercept_publish(vp);
	vp->intercepts = 4;
	vp->dispatches = 7;
	stats_refresh(fixture->partition);
	EXPECT_EQ(2, page[0].data[HV_PARTITION_COUNTER_VPS]);
	EXPECT_EQ(2, page[1].data[HV_VP_COUNTER_IO_MESSAGES]);
	EXPECT_EQ(1, page[1].data[HV_VP_COUNTER_MEMORY_MESSAGES]);
	EXPECT_EQ(1, page[1].data[HV_VP_COUNTER_OTHER_MESSAGES]);
	EXPECT_EQ(7, page[1].data[HV_VP_COUNTER_DISPATCHES]);
	free(fixture->partition->stats.pages);
	fixture->partition->stats.count = 0;
}

TEST_F(children, faults_of_signals)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_message *slot = slot_of(fixture);
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)slot->u.payload;
	struct faults *faults = &fixture->partition->faults;

	ASSERT_EQ(NULL, fault_add(faults, "signal=lose@1"));
	ASSERT_EQ(NULL, fault_add(faults, "signal=malformed@2"));
	ASSERT_EQ(NULL, fault_add(faults, "signal=twice@3"));

	dispatch(fixture, 0, 0);
	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);
	EXPECT_EQ(1, fixture->vp->signals);

	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, true);
	dispatch(fixture, 0, 0);
	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT + 1, pair->vp_count);
	EXPECT_EQ(1, pair->overflow_count);
	take_message(fixture);

	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, true);
	dispatch(fixture, 0, 0);
	child_sched_suspend(fixture->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(1, pair->vp_count);
	EXPECT_EQ(2, pair->overflow_count);
	take_message(fixture);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
}

TEST_F(children, a_dispatch_may_end_with_anything)
{
	struct child_fixture *fixture = &self->fixture;
	struct hv_output_dispatch_vp *output = (void *)fixture->output;

	fixture->vp->explicit_suspend = false;
	ASSERT_EQ(NULL, fault_add(&fixture->partition->faults, "DISPATCH_VP=outcome:7/9"));
	EXPECT_EQ(HV_STATUS_SUCCESS, dispatch(fixture, 0, 0));
	EXPECT_EQ(7, output->dispatch_state);
	EXPECT_EQ(9, output->dispatch_event);
	EXPECT_NE(NULL, fault_add(&fixture->partition->faults, "0x101=outcome:1/1"));
	EXPECT_NE(NULL, fault_add(&fixture->partition->faults, "signal=outcome:1/1"));
	EXPECT_NE(NULL, fault_add(&fixture->partition->faults, "signal=TIME_OUT"));
	EXPECT_NE(NULL, fault_add(&fixture->partition->faults, "DISPATCH_VP=lose"));
	EXPECT_NE(NULL, fault_add(&fixture->partition->faults, "DISPATCH_VP=outcome:1"));
	EXPECT_EQ(NULL, fault_add(&fixture->partition->faults, "signal=late:100@1+"));
}

TEST_HARNESS_MAIN
