// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of hypercalls of the partition that Linux boots in: the convention, what a
 * fault does to it, deposits, children made and deleted.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../hv/fault.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"
#include "../machine/quiet.h"
#include "partition_fixture.h"

TEST(control_words)
{
	struct hypercall call;

	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall_decode(&call, 0x00020005000a0101ULL | 2ULL << 48));
	EXPECT_EQ(0x101, call.code);
	EXPECT_FALSE(call.fast);
	EXPECT_EQ(5 * 8, call.varhead_size);
	EXPECT_EQ(5, call.rep_count);
	EXPECT_EQ(2, call.rep_start);
	EXPECT_EQ(2, call.reps_done);
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall_decode(&call, HV_HYPERCALL_FAST_BIT | 0x41));
	EXPECT_TRUE(call.fast);

	/* Each reserved field, and elements that cannot be. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(27)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(31)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(44)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(60)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall_decode(&call, 0x48 | 3ULL << 32 | 3ULL << 48));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x48 | BIT_ULL(48)));
}

TEST_F(partition, the_convention_is_insisted_on)
{
	const u64 code = HVCALL_GET_PARTITION_PROPERTY_EX;
	struct vp *vp = self->vp;

	property_request(self->partition, HV_PARTITION_PROPERTY_VMM_CAPABILITIES);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, hypercall(vp, 0x7777, 0, 0));
	EXPECT_EQ(0, log_violations());

	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA + 4, OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA + 0xff0, OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA, OUTPUT_GPA + 0xff8));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA, RAM_SIZE));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | HV_HYPERCALL_FAST_BIT, 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT & 0xffff,
		  hypercall(vp, code | HV_HYPERCALL_REP_COMP_1, INPUT_GPA, OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | BIT_ULL(HV_HYPERCALL_VARHEAD_OFFSET), INPUT_GPA,
			    OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | BIT_ULL(63), INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(6, log_violations());

	/* The last byte of a page will do. */
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall(vp, code, INPUT_GPA, OUTPUT_GPA + 0xff0));
}

/* More of them than a page holds: MSHV_ROOT_HVCALL hands on what a VMM says. */
TEST_F(partition, elements_are_the_vmms_to_count)
{
	const u64 many = HV_HYPERCALL_REP_COMP_MASK;

	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS | many, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS |
			    257ULL << HV_HYPERCALL_REP_COMP_OFFSET, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(0, log_violations());
	/* As many as it holds, of a partition that is not there. */
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS |
			    256ULL << HV_HYPERCALL_REP_COMP_OFFSET, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
}

/* The driver hands it on: what is in it is no fault of its. */
TEST_F(partition, padding_is_the_vmms)
{
	property_request(self->partition, HV_PARTITION_PROPERTY_VMM_CAPABILITIES)->padding = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY_EX,
					       INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, another_partition_is_not_there)
{
	property_request(self->partition,
			 HV_PARTITION_PROPERTY_VMM_CAPABILITIES)->partition_id = 7;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY_EX, INPUT_GPA, OUTPUT_GPA));
}

TEST_F(partition, a_fault_takes_the_place_of_the_answer)
{
	u64 *value = partition_memory(self->partition, OUTPUT_GPA, sizeof(*value));
	const u32 code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;

	*value = 42;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x101:0x90007=TIME_OUT@1"));
	EXPECT_EQ(HV_STATUS_TIME_OUT, ask_property(self->vp, code));
	EXPECT_EQ(42, *value);
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_NE(42, *value);

	*value = 42;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x101:0x90007=SUCCESS"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(42, *value);
}

/* To refuse a guest its memory, and not to keep a page that is taken from it. */
TEST_F(partition, a_fault_tells_access_from_none)
{
	const u64 code = HVCALL_MAP_GPA_PAGES | HV_HYPERCALL_REP_COMP_1;
	struct hv_input_map_gpa_pages *input;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_map_gpa_pages) { .target_partition_id = 7 };
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "MAP_GPA_PAGES:0x800f=TIME_OUT"));

	input->map_flags = HV_MAP_GPA_NO_ACCESS;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, hypercall(self->vp, code, INPUT_GPA, 0));
	input->map_flags = HV_MAP_GPA_PERMISSIONS_MASK | HV_MAP_GPA_ADJUSTABLE;
	EXPECT_EQ(HV_STATUS_TIME_OUT, hypercall(self->vp, code, INPUT_GPA, 0));
}

TEST_F(partition, a_success_that_did_nothing_has_no_end_to_wait_for)
{
	struct hv_deposit_memory *deposit;

	deposit = partition_memory(self->partition, INPUT_GPA, HV_HYP_PAGE_SIZE);
	deposit->partition_id = HV_PARTITION_ID_SELF;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x48=SUCCESS"));
	EXPECT_EQ(2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
		  hypercall(self->vp, HVCALL_DEPOSIT_MEMORY | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(0, self->partition->nr_deposited);
}

TEST_F(partition, no_call_while_the_page_is_disabled)
{
	self->partition->hypercall_msr = 0;
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  ask_property(self->vp, HV_PARTITION_PROPERTY_VMM_CAPABILITIES));
	EXPECT_EQ(1, log_violations());
}

TEST_F(partition, memory_ends_where_it_ends)
{
	struct partition *partition = self->partition;

	EXPECT_EQ(self->ram, partition_memory(partition, 0, RAM_SIZE));
	EXPECT_EQ(NULL, partition_memory(partition, 0, RAM_SIZE + 1));
	EXPECT_NE(NULL, partition_memory(partition, RAM_SIZE - 1, 1));
	EXPECT_EQ(NULL, partition_memory(partition, RAM_SIZE - 1, 2));
	EXPECT_EQ(NULL, partition_memory(partition, RAM_SIZE, 1));
	EXPECT_EQ(NULL, partition_memory(partition, ~0ULL, 1));
	EXPECT_EQ(NULL, partition_memory(partition, 8, ~0ULL));
}

/* Each line about a child says whose it is; a status has a name or its number. */
TEST_F(partition, the_log_says_whom_a_call_is_about)
{
	struct hv_input_get_partition_property *input;
	char path[] = "/tmp/hvemu-log-XXXXXX", line[512];
	int fd = mkstemp(path), seen = 0;
	struct fault fault;
	FILE *file;

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, log_open(path));
	memset(partition_memory(self->partition, INPUT_GPA, 512), 0, 512);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	input->partition_id = self->partition->children[0]->id;
	input->property_code = HV_PARTITION_PROPERTY_TIME_FREEZE;
	ASSERT_EQ(NULL, fault_parse(&fault, "GET_PARTITION_PROPERTY=0x1234@2"));
	ASSERT_EQ(NULL, fault_add(&self->partition->faults,
				  "GET_PARTITION_PROPERTY=0x1234@2"));
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	input->partition_id = HV_PARTITION_ID_SELF;
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	log_flush();

	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "name=GET_PARTITION_PROPERTY "))
			continue;
		seen++;
		EXPECT_NE(NULL, strstr(line, seen < 3 ? "child=0x100 " : "child=0x0 "));
		EXPECT_NE(NULL, strstr(line, seen == 1 ? "status-name=SUCCESS" :
				       seen == 2 ? "status-name=0x1234 " :
				       "status-name=UNKNOWN_PROPERTY"));
	}
	EXPECT_EQ(3, seen);
	fclose(file);
	unlink(path);
	self->options.capabilities = true;
	input->partition_id = self->partition->children[0]->id;
	hypercall(self->vp, HVCALL_DELETE_PARTITION, INPUT_GPA, OUTPUT_GPA);
}

static u64 delete_child(struct vp *vp, u64 id)
{
	return hypercall(vp, HVCALL_DELETE_PARTITION | HV_HYPERCALL_FAST_BIT, id, 0);
}

static u64 withdraw_from(struct vp *vp, u64 id)
{
	struct hv_input_withdraw_memory *input;

	input = partition_memory(vp->partition, INPUT_GPA, sizeof(*input));
	memset(input, 0, sizeof(*input));
	input->partition_id = id;
	return hypercall(vp, HVCALL_WITHDRAW_MEMORY | 512ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			 INPUT_GPA, OUTPUT_GPA);
}

TEST_F(partition, children_come_and_go)
{
	struct hv_output_create_partition *output;
	struct hv_input_create_partition *input;
	struct vp *vp = self->vp;
	char why[128];
	u64 first;
	int i;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	first = output->partition_id;
	EXPECT_NE(0, first);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, withdraw_from(vp, first));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, withdraw_from(vp, first + 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first));
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, withdraw_from(vp, first));
	EXPECT_EQ(0, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, delete_child(vp, first));
	EXPECT_EQ(1, log_violations());

	/* No id comes again, however many there are. */
	memset(input, 0, sizeof(*input));
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
		EXPECT_EQ(first + 1 + i, output->partition_id);
	}
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first + 3));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, delete_child(vp, first + 3));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first + 40));

	input->padding = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(3, log_violations());
}

TEST_HARNESS_MAIN
