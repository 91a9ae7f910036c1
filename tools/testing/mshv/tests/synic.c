// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the SynIC of the partition that Linux boots in: messages, the event
 * ring, registers.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "../machine/quiet.h"
#include "partition_fixture.h"

TEST_F(partition, messages_wait_for_their_slot)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	struct hv_message_page *page;
	struct hv_message *slot;
	struct vp *vp = self->vp;
	u64 i;

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	slot = &page->sint_message[0];
	message.u.payload[0] = 1;
	message.header.payload_size = 8;

	/* Nowhere to go yet. */
	EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_EQ(0, interrupts[0]);
	enable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
	EXPECT_EQ(1, slot->u.payload[0]);
	EXPECT_EQ(8, slot->header.payload_size);
	EXPECT_FALSE(!!slot->header.message_flags.msg_pending);

	/* The slot is taken: the flag is set, nothing else changes. */
	message.u.payload[0] = 2;
	EXPECT_TRUE(synic_post(vp, 0, &message));
	message.u.payload[0] = 3;
	EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_TRUE(!!slot->header.message_flags.msg_pending);
	EXPECT_EQ(1, slot->u.payload[0]);

	/* EOM while the slot is not free changes nothing. */
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(1, slot->u.payload[0]);
	slot->header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(2, interrupts[0]);
	EXPECT_EQ(2, slot->u.payload[0]);
	EXPECT_TRUE(!!slot->header.message_flags.msg_pending);
	slot->header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(3, slot->u.payload[0]);
	EXPECT_FALSE(!!slot->header.message_flags.msg_pending);

	/* The queue has an end. */
	for (i = 0; i < SYNIC_QUEUE_MAX; i++)
		EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_FALSE(synic_post(vp, 0, &message));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, a_masked_sint_holds_its_messages)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };
	const union hv_synic_sint open = { .vector = VECTOR };
	struct vp *vp = self->vp;

	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	synic_post(vp, 0, &message);
	EXPECT_EQ(0, interrupts[0]);
	msr_write(vp, HV_X64_MSR_SINT0, open.as_uint64);
	EXPECT_EQ(1, interrupts[0]);
}

TEST_F(partition, a_masked_sint_may_get_its_messages)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };
	struct hv_message_page *page;
	struct vp *vp = self->vp;

	self->options.fills_masked = true;
	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	synic_post(vp, 0, &message);
	synic_post(vp, 0, &message);
	EXPECT_EQ(1, synic_waiting(&vp->synic));
	page->sint_message[0].header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, page->sint_message[0].header.message_type);
	EXPECT_EQ(0, synic_waiting(&vp->synic));
	EXPECT_EQ(0, interrupts[0]);
}

TEST_F(partition, the_event_ring)
{
	struct hv_synic_event_ring_page *page;
	struct hv_synic_event_ring *ring;
	struct vp *vp = self->vp;
	u32 i;

	page = partition_memory(self->partition, SIRBP_GPA, sizeof(*page));
	ring = &page->sint_event_ring[HV_SYNIC_DOORBELL_SINT_INDEX];
	EXPECT_FALSE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 1));
	enable_synic(vp);

	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 11));
	EXPECT_EQ(11, ring->data[0]);
	EXPECT_EQ(1, ring->signal_masked);
	EXPECT_EQ(1, interrupts[0]);
	/* No second message while the first masks it. */
	for (i = 1; i < HV_SYNIC_EVENT_RING_MESSAGE_COUNT; i++)
		EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 11 + i));
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_EQ(0, ring->ring_full);
	EXPECT_FALSE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 99));
	EXPECT_EQ(1, ring->ring_full);

	/* It goes on where it was, round the end. */
	ring->data[0] = 0;
	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 100));
	EXPECT_EQ(100, ring->data[0]);
	/* And from the start when the VP has been offline. */
	memset(ring, 0, sizeof(*ring));
	msr_write(vp, HV_X64_MSR_VP_ASSIST_PAGE, 0);
	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 101));
	EXPECT_EQ(101, ring->data[0]);
}

TEST_F(partition, synic_registers_that_are_wrong)
{
	const union hv_synic_sint low = { .vector = 5 };
	const union hv_synic_sint auto_eoi = { .vector = VECTOR, .auto_eoi = 1 };
	const union hv_synic_sint reserved = { .vector = VECTOR, .reserved2 = 1 };
	struct vp *vp = self->vp;
	u64 value;

	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, low.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, auto_eoi.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, reserved.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIMP, RAM_SIZE | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIRBP, RAM_SIZE | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIMP, (1ULL << 52) | SIMP_GPA << 12 | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SCONTROL, 3));
	EXPECT_EQ(7, log_violations());
	/* Not the page that the hypervisor has provided. */
	vp->synic.provided_simp = (SIMP_GPA >> HV_HYP_PAGE_SHIFT) + 1;
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA | 1));
	EXPECT_EQ(8, log_violations());
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_SIMP, 0));
	EXPECT_EQ(NULL, synic_busy(&vp->synic));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SIMP, &value));
	EXPECT_EQ(0, value);
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SVERSION, &value));
	EXPECT_EQ(HV_SYNIC_VERSION, value);
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SINT15, &value));
	EXPECT_NE(0, value);
}

TEST_F(partition, each_part_of_a_synic_makes_it_busy)
{
	struct vp *vp = &self->partition->vps[1];
	static const u32 pages[] = {
		HV_X64_MSR_SIMP, HV_X64_MSR_SIEFP, HV_X64_MSR_SIRBP,
	};
	char why[128];
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(msr_write(vp, pages[i], PAGE_GPA | 1));
		EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
		EXPECT_TRUE(msr_write(vp, pages[i], PAGE_GPA));
		EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	}
	msr_write(vp, HV_X64_MSR_SCONTROL, 1);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	msr_write(vp, HV_X64_MSR_SCONTROL, 0);
	msr_write(vp, HV_X64_MSR_SINT0, VECTOR);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
}

TEST_HARNESS_MAIN
