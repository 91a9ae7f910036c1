// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the test port: what a test can ask for, and what hvemu does then at the
 * last moment, or too late.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../hv/fault.h"
#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/synic_state.h"
#include "../machine/quiet.h"
#include "../machine/test_port.h"
#include "partition_fixture.h"

/* Say something to the test port; whether the answer begins like this. */
static bool says(struct vp *vp, const char *line, const char *expect)
{
	char answer[512];
	size_t used = 0;

	while (*line)
		test_port_write(vp, *line++);
	test_port_write(vp, '\n');
	do {
		answer[used] = test_port_read(vp);
	} while (answer[used] && ++used < sizeof(answer) - 1);
	answer[used] = '\0';
	return !strncmp(answer, expect, strlen(expect));
}

TEST_F(partition, the_test_port)
{
	struct vp *vp = self->vp;
	char line[2000];

	EXPECT_TRUE(says(vp, "quiet", "ok"));
	EXPECT_TRUE(says(vp, "violations", "ok 0"));
	EXPECT_TRUE(says(vp, "fault 0x101=TIME_OUT", "ok"));
	EXPECT_EQ(1, self->partition->faults.count);
	EXPECT_TRUE(says(vp, "fault nonsense", "error"));
	EXPECT_TRUE(says(vp, "faults clear", "ok"));
	EXPECT_EQ(0, self->partition->faults.count);
	EXPECT_TRUE(says(vp, "faults", "error"));
	EXPECT_TRUE(says(vp, "", "error"));
	EXPECT_TRUE(says(vp, "nonsense", "error"));
	EXPECT_TRUE(says(vp, "message", "error"));
	EXPECT_TRUE(says(vp, "message 2 1", "error"));
	EXPECT_TRUE(says(vp, "message 0", "error"));
	EXPECT_TRUE(says(vp, "message 0 1", "error"));
	EXPECT_TRUE(says(vp, "ring 0 1", "error"));
	enable_synic(vp);
	EXPECT_TRUE(says(vp, "quiet", "error VP 0"));
	EXPECT_TRUE(says(vp, "message 0 4 0x80000101 1 2 3", "ok"));
	EXPECT_TRUE(says(vp, "ring 0 5", "ok"));
	EXPECT_TRUE(says(vp, "synic", "ok vp0 waiting=4 scontrol=0x1"));
	EXPECT_TRUE(says(vp, "message 0 100 1", "error too many"));
	/* Far too long is an error, not an overflow, and not half a command. */
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "mark ", 5);
	line[sizeof(line) - 1] = '\0';
	EXPECT_TRUE(says(vp, line, "error the line is too long"));
	EXPECT_TRUE(says(vp, "quiet", "error VP 0"));
}

TEST_F(partition, a_test_sees_what_is_not_handled)
{
	struct hv_synic_event_ring_page *ring;
	struct hv_message_page *page;
	struct vp *vp = self->vp;

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	ring = partition_memory(self->partition, SIRBP_GPA, sizeof(*ring));
	EXPECT_TRUE(says(vp, "pending 2", "error"));
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	enable_synic(vp);
	says(vp, "message 0 3 0x80000101", "ok");
	says(vp, "ring 0 7", "ok");
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=3 ring=1"));
	ring->sint_event_ring[HV_SYNIC_DOORBELL_SINT_INDEX].data[0] = 0;
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=3 ring=0"));
	EXPECT_TRUE(says(vp, "drop 2", "error"));
	EXPECT_TRUE(says(vp, "drop 0", "ok"));
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	EXPECT_EQ(HVMSG_NONE, page->sint_message[0].header.message_type);
}

/* Switch a VP's SynIC off as the driver does. */
static void disable_synic(struct vp *vp)
{
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };

	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	msr_write(vp, HV_X64_MSR_SINT5, masked.as_uint64);
	msr_write(vp, HV_X64_MSR_SIRBP, 0);
	msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA);
	msr_write(vp, HV_X64_MSR_SCONTROL, 0);
}

TEST_F(partition, messages_that_come_at_the_last_moment)
{
	struct hv_message_page *page;
	struct vp *vp = self->vp;
	char why[128];

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	EXPECT_TRUE(says(vp, "at-mask 2 1 1", "error"));
	EXPECT_TRUE(says(vp, "at-mask 0 1", "error"));
	EXPECT_TRUE(says(vp, "at-mask 0 65 1", "error too many"));
	EXPECT_TRUE(says(vp, "at-mask 0 2 0x80000101 9", "ok"));
	enable_synic(vp);
	EXPECT_EQ(HVMSG_NONE, page->sint_message[0].header.message_type);
	disable_synic(vp);
	EXPECT_EQ(0, interrupts[0]);
	EXPECT_EQ(9, page->sint_message[0].u.payload[0]);
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=1 ring=0"));
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));

	/* The slot is looked at though the page is disabled. */
	says(vp, "drop 0", "ok");
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	page->sint_message[0].header.message_type = HVMSG_NONE;
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));

	/* Once, not each time. */
	enable_synic(vp);
	disable_synic(vp);
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, an_interrupt_that_comes_too_late)
{
	struct vp *vp = self->vp;

	EXPECT_TRUE(says(vp, "late 2", "error"));
	EXPECT_TRUE(says(vp, "late 0", "error"));
	enable_synic(vp);
	EXPECT_TRUE(says(vp, "late 0", "ok"));
	EXPECT_EQ(0, interrupts[0]);
	disable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
	enable_synic(vp);
	disable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
}

TEST_F(partition, a_hibernation_takes_the_synic)
{
	struct vp *vp = self->vp, *other = &self->partition->vps[1];

	vp->synic.provided_simp = SIMP_GPA >> HV_HYP_PAGE_SHIFT;
	self->partition->guest_os_id = 1;
	enable_synic(vp);
	enable_synic(other);
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1);

	EXPECT_TRUE(says(vp, "hibernation", "ok"));
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_EQ(NULL, synic_busy(&vp->synic));
	EXPECT_EQ(NULL, synic_busy(&other->synic));
	EXPECT_EQ(SIMP_GPA, vp->synic.simp.as_uint64);
	EXPECT_EQ(SIMP_GPA >> HV_HYP_PAGE_SHIFT, vp->synic.provided_simp);

	/* The next time is not one. */
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1);
	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, pages_that_somebody_else_writes_to)
{
	u64 *words = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	const struct hv_partition_property_vmm_capabilities overlay = {
		.vmm_can_provide_overlay_gpfn = 1,
	};
	struct vp *vp = self->vp;

	self->options.capability_bits = overlay.as_uint64[0];
	EXPECT_TRUE(says(vp, "scribble", "ok 0"));
	EXPECT_TRUE(says(vp, "scribbled", "ok"));
	stats_request(self->partition, 0);
	ASSERT_EQ(HV_STATUS_SUCCESS, map_stats(vp));
	EXPECT_TRUE(says(vp, "scribbled", "error"));
	EXPECT_TRUE(says(vp, "scribble", "ok 1"));
	EXPECT_EQ(HVEMU_SCRIBBLE, words[0]);
	EXPECT_EQ(HVEMU_SCRIBBLE, words[511]);
	/* Counters leave it alone from now on. */
	ask_property(vp, HV_PARTITION_PROPERTY_VMM_CAPABILITIES);
	EXPECT_TRUE(says(vp, "scribbled", "ok"));
	words[511] = 0;
	EXPECT_TRUE(says(vp, "scribbled", "error page 0x30"));
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
}

TEST_HARNESS_MAIN
