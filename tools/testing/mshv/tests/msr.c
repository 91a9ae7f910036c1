// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the other MSRs of the partition that Linux boots in: the hypercall page,
 * the reference TSC page, crashes.
 */

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "partition_fixture.h"

TEST_F(partition, msrs_that_do_not_exist)
{
	struct vp *vp = self->vp;
	u64 value;

	EXPECT_FALSE(msr_read(vp, 0x40000fff, &value));
	EXPECT_FALSE(msr_write(vp, 0x40000fff, 1));
	/* Not granted: no such feature bit. */
	EXPECT_FALSE(msr_read(vp, HV_X64_MSR_STIMER0_CONFIG, &value));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_EOI, 0));
	/* Read-only. */
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_VP_INDEX, 3));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_TSC_FREQUENCY, 3));
	EXPECT_EQ(6, log_violations());
	/* A root partition has no control over the TSC. */
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
	self->options.root = true;
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
}

TEST_F(partition, the_hypercall_page)
{
	const u8 *page = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	struct vp *vp = self->vp;
	u64 value;

	/* Not before the guest has a name. */
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(0, value & 1);
	EXPECT_EQ(1, log_violations());

	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 0x8100000000000000ULL));
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(PAGE_GPA | 1, value);
	EXPECT_EQ(0xe6, page[0]);
	EXPECT_EQ(HVEMU_PORT_HYPERCALL, page[1]);
	EXPECT_EQ(0xc3, page[2]);
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_HYPERCALL, RAM_SIZE | 1));

	/* A root partition's is the hypervisor's own. */
	self->options.root = true;
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(self->partition->reserved_gpa | 1, value);

	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 0));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(0, value & 1);
}

TEST_F(partition, the_reference_tsc_page)
{
	struct ms_hyperv_tsc_page *page;
	u64 ticks, value;

	page = partition_memory(self->partition, PAGE_GPA, sizeof(*page));
	EXPECT_TRUE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, PAGE_GPA | 1));
	EXPECT_EQ(1, page->tsc_sequence);
	/* A second of TSC is a second of reference time. */
	ticks = ((__int128)self->partition->tsc_hz * page->tsc_scale) >> 64;
	EXPECT_LE(HV_REFERENCE_TIME_HZ - 1, ticks);
	EXPECT_GE(HV_REFERENCE_TIME_HZ, ticks);

	/* What is refused changes nothing. */
	EXPECT_FALSE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, RAM_SIZE | 1));
	EXPECT_TRUE(msr_read(self->vp, HV_X64_MSR_REFERENCE_TSC, &value));
	EXPECT_EQ(PAGE_GPA | 1, value);

	/* A root partition's page is the hypervisor's own. */
	self->options.root = true;
	EXPECT_TRUE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, 1));
	EXPECT_TRUE(msr_read(self->vp, HV_X64_MSR_REFERENCE_TSC, &value));
	EXPECT_EQ((self->partition->reserved_gpa + HV_HYP_PAGE_SIZE) | 1, value);
}

TEST_F(partition, a_crash_is_noticed)
{
	msr_write(self->vp, HV_X64_MSR_CRASH_P0, 7);
	EXPECT_FALSE(self->partition->crashed);
	/* With a text that is not in memory, which must not be read. */
	msr_write(self->vp, HV_X64_MSR_CRASH_P3, RAM_SIZE - 1);
	msr_write(self->vp, HV_X64_MSR_CRASH_P4, 4096);
	msr_write(self->vp, HV_X64_MSR_CRASH_CTL,
		  HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG);
	EXPECT_TRUE(self->partition->crashed);
}

TEST_HARNESS_MAIN
