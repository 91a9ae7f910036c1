// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the intercepts that a parent asks for, without KVM.
 */

#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/intercept.h"
#include "../child/vp.h"
#include "../child/wants.h"
#include "../hv/partition.h"
#include "child_fixture.h"
#include "children_fixture.h"

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

TEST_HARNESS_MAIN
