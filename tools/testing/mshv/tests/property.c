// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what the partition that Linux boots in is told of itself: capabilities,
 * privileges, features, its scheduler.
 */

#include <hyperv/hvhdk.h>
#include <hyperv/hvsched.h>

#include "kselftest_harness.h"

#include "../child/cpuid.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"
#include "partition_fixture.h"

TEST_F(partition, capabilities_are_as_the_options_say)
{
	struct hv_partition_property_vmm_capabilities *caps;
	const u32 code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;

	caps = partition_memory(self->partition, OUTPUT_GPA, sizeof(*caps));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(1, caps->bank_count);
	EXPECT_FALSE(!!caps->vmm_enable_integrated_scheduler);

	ASSERT_TRUE(options_preset(&self->options, "bank-count-0"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0, caps->bank_count);
	EXPECT_TRUE(!!caps->vmm_enable_integrated_scheduler);

	ASSERT_TRUE(options_preset(&self->options, "reserved-bits"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(~0ULL, caps->as_uint64[0]);

	ASSERT_TRUE(options_preset(&self->options, "no-capabilities"));
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, ask_property(self->vp, code));
	ASSERT_TRUE(options_preset(&self->options, "no-property-ex"));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, ask_property(self->vp, code));
	EXPECT_EQ(0, log_violations());
}

/* A plain guest is told that it cannot create partitions, and is held to that. */
TEST_F(partition, plain_guest_has_no_children)
{
	EXPECT_TRUE(partition_privileges(self->partition) & HV_CREATE_PARTITIONS);
	ASSERT_TRUE(options_preset(&self->options, "plain-guest"));
	EXPECT_FALSE(partition_privileges(self->partition) & HV_CREATE_PARTITIONS);
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  hypercall(self->vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(1, log_violations());
}

/* Its own synthetic features, where VMMs were asked to look. */
TEST_F(partition, what_it_can_do_itself)
{
	struct hv_output_get_partition_property *output;
	union hv_partition_synthetic_processor_features own;
	struct hv_input_get_partition_property *input;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	*input = (struct hv_input_get_partition_property) {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
	};
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	own.as_uint64[0] = output->property_value;
	EXPECT_TRUE(!!own.hypervisor_present);
	EXPECT_TRUE(!!own.access_hypercall_regs);
	EXPECT_TRUE(!!own.access_vp_index);
	EXPECT_EQ(0, child_cpuid_features(output->property_value) &
		     ~partition_features(self->partition));
	input->property_code = HV_PARTITION_PROPERTY_PROCESSOR_VENDOR;
	self->partition->processor.vendor = HV_PROCESSOR_VENDOR_HYGON;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(HV_PROCESSOR_VENDOR_HYGON, output->property_value);
}

/* Hosts that do not tell a child's CPUID lack the hypercall. */
TEST_F(partition, cpuid_may_be_nobodys_business)
{
	const u64 one = HVCALL_GET_VP_CPUID_VALUES | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET;

	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, one, INPUT_GPA, OUTPUT_GPA) & HV_HYPERCALL_RESULT_MASK);
	self->options.no_cpuid_values = true;
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  hypercall(self->vp, one, INPUT_GPA, OUTPUT_GPA) & HV_HYPERCALL_RESULT_MASK);
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, the_integrated_scheduler_has_a_property_if_it_is_offered)
{
	const u32 code = HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED;
	u64 *value = partition_memory(self->partition, OUTPUT_GPA, sizeof(*value));

	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, ask_property(self->vp, code));
	ASSERT_TRUE(options_preset(&self->options, "integrated-on"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(1, *value);
	ASSERT_TRUE(options_preset(&self->options, "integrated-odd"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0x100000000ULL, *value);
	ASSERT_TRUE(options_preset(&self->options, "integrated-off"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0, *value);
}

TEST_F(partition, a_root_partition_is_told_its_scheduler)
{
	struct hv_input_get_system_property *input;
	struct hv_output_get_system_property *output;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	input->property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE;

	/* An L1VH has no such hypercall. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	ASSERT_TRUE(options_preset(&self->options, "root-core"));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(HV_SCHEDULER_TYPE_CORE_SMT, output->scheduler_type);
	ASSERT_TRUE(options_preset(&self->options, "root-unknown"));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(NULL, hv_scheduler_name(output->scheduler_type, false));
}

TEST_HARNESS_MAIN
