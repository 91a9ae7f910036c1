// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of who is told what of children under which scheduler, without KVM:
 * dispatches, signals, suspended VPs.
 */

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/child.h"
#include "../child/life.h"
#include "../child/run.h"
#include "../child/sched.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../hv/fault.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "apic_regs.h"
#include "child_fixture.h"
#include "children_fixture.h"

/* As the guest does when it has read the message. */
static void take_message(struct child_fixture *fixture)
{
	slot_of(fixture)->header.message_type = HVMSG_NONE;
	synic_write(&fixture->partition->vps[0], HV_X64_MSR_EOM, 0);
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
	apic_write(&vp->apic, SVR, 0x1ff);
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
