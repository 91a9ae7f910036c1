// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the statistics of children, without KVM: how long VPs have run, what
 * they wait for, and the pages that have it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/intercept.h"
#include "../child/sched.h"
#include "../child/vp.h"
#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../machine/stats.h"
#include "../machine/test_port.h"
#include "child_fixture.h"
#include "children_fixture.h"

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

TEST_HARNESS_MAIN
