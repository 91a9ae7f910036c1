// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of statistics pages: on a page of the partition that Linux boots in, or on
 * one that it has deposited.
 */

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"
#include "../machine/quiet.h"
#include "partition_fixture.h"

TEST_F(partition, statistics_on_a_page_of_the_guests)
{
	u64 *counters = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	const struct hv_partition_property_vmm_capabilities overlay = {
		.vmm_can_provide_overlay_gpfn = 1,
	};
	struct vp *vp = self->vp;
	char why[128];

	/* Not without the capability. */
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, map_stats(vp));
	EXPECT_EQ(1, log_violations());

	self->options.capability_bits = overlay.as_uint64[0];
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_SUCCESS, map_stats(vp));
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(2, counters[HV_VP_COUNTER_HYPERCALLS]);

	/* Neither twice, nor of a VP that is not there, nor outside memory. */
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, map_stats(vp));
	EXPECT_EQ(2, log_violations());
	stats_request(self->partition, 2);
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, map_stats(vp));
	stats_request(self->partition, 1)->map_location = RAM_SIZE >> HV_HYP_PAGE_SHIFT;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, map_stats(vp));
	/* The parent's area of one's own statistics is the parent's. */
	stats_request(self->partition, 1)->identity.vp.stats_area_type = HV_STATS_AREA_PARENT;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, map_stats(vp));
	stats_request(self->partition, 0)->type = HV_STATS_OBJECT_HYPERVISOR;
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED, map_stats(vp));

	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, unmap_stats(vp));
}

TEST_F(partition, statistics_on_a_page_that_was_deposited)
{
	struct hv_output_map_stats_page *output;
	struct hv_deposit_memory *deposit;
	struct vp *vp = self->vp;

	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_INSUFFICIENT_MEMORY,
		  hypercall(vp, HVCALL_MAP_STATS_PAGE, INPUT_GPA, OUTPUT_GPA));

	deposit = partition_memory(self->partition, INPUT_GPA, HV_HYP_PAGE_SIZE);
	deposit->partition_id = HV_PARTITION_ID_SELF;
	deposit->gpa_page_list[0] = PAGE_GPA >> HV_HYP_PAGE_SHIFT;
	deposit->gpa_page_list[1] = RAM_SIZE >> HV_HYP_PAGE_SHIFT;
	/* The second is not memory: one element is done. */
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED | BIT_ULL(HV_HYPERCALL_REP_COMP_OFFSET),
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(1, log_violations());

	/* Nor can a page be given twice, nor the hypervisor's own. */
	deposit->gpa_page_list[1] = self->partition->reserved_gpa >> HV_HYP_PAGE_SHIFT;
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	deposit->gpa_page_list[0] = deposit->gpa_page_list[1];
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(3, log_violations());

	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_MAP_STATS_PAGE, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(PAGE_GPA >> HV_HYP_PAGE_SHIFT, output->map_location);
	EXPECT_EQ(0, self->partition->nr_deposited);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
	EXPECT_EQ(1, self->partition->nr_deposited);
}

TEST_HARNESS_MAIN
