// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the lives of children and their VPs without KVM: what they need, how they
 * end, and what is then given back.
 */

#include <stdlib.h>
#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/deposit.h"
#include "../child/life.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "child_fixture.h"
#include "children_fixture.h"

static u16 partition_call(struct child_fixture *fixture, u16 (*handler)(struct hypercall *))
{
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = fixture->child->id;
	return child_call(fixture, handler, 0, 0);
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

/* To KVM the first vCPU is the one that boots; INIT must stop all others. */
TEST_F(children, who_boots)
{
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;

	ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 1));
	EXPECT_EQ(0xfee00900, child_vp_regs(child->vps[0])->sregs.apic_base);
	EXPECT_EQ(0xfee00800, child_vp_regs(child->vps[1])->sregs.apic_base);
}

TEST_HARNESS_MAIN
