// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of children's properties: when they can be set, what they can be, and with
 * which features a child is created.
 */

#include <string.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/life.h"
#include "../child/property.h"
#include "../child/reftime.h"
#include "../hv/hv_more.h"
#include "../hv/partition.h"
#include "../machine/property.h"
#include "child_fixture.h"
#include "children_fixture.h"

TEST_F(children, properties_have_their_time)
{
	struct child_fixture *fixture = &self->fixture;
	u64 value;

	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, 0));
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, set_property(fixture, 0x12345678, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  set_property(fixture, HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION, 2));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE,
		  set_property(fixture, HV_PARTITION_PROPERTY_REFERENCE_TIME, 123));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_TIME_FREEZE, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_REFERENCE_TIME, 123));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_property_get(fixture->child, HV_PARTITION_PROPERTY_REFERENCE_TIME, &value));
	EXPECT_EQ(123, value);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  set_property(fixture, HV_PARTITION_PROPERTY_TIME_FREEZE, 0));
	EXPECT_LE(123, child_time(fixture->child));
}

/* The value of a property, or ~0 less its status. */
static u64 get_property(struct child_fixture *fixture, u32 code)
{
	u64 value;
	u16 status = child_property_get(fixture->child, code, &value);

	return status == HV_STATUS_SUCCESS ? value : ~(u64)status;
}

/* TLFS, HV_PARTITION_PROPERTY_CODE, "Early Properties" */
TEST_F(children, width_of_addresses)
{
	const u32 width = HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH;
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	const u64 most = fixture->partition->physical_bits;

	EXPECT_EQ(most, get_property(fixture, width));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, set_property(fixture, width, most));
	child->state = CHILD_CREATED;
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, width, most + 1));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, width, 31));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, width, 32));
	child->state = CHILD_INITIALIZED;
	EXPECT_EQ(32, get_property(fixture, width));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_map(fixture, 0xfffff, CHILD_SOURCE, 1, EVERYTHING));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_map(fixture, 0xfffff, CHILD_SOURCE, 2, EVERYTHING));
}

TEST_F(children, name_of_the_guest)
{
	struct child_fixture *fixture = &self->fixture;

	EXPECT_EQ(0, get_property(fixture, HV_PARTITION_PROPERTY_GUEST_OS_ID));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(fixture, HV_REGISTER_GUEST_OS_ID, 0x8100));
	EXPECT_EQ(0x8100, get_property(fixture, HV_PARTITION_PROPERTY_GUEST_OS_ID));
}

/* By mshv-ioctls a VMM can ask for these of a child, too. */
TEST_F(children, extended_properties)
{
	struct hv_input_get_partition_property_ex *input = (void *)self->fixture.input;
	struct child_fixture *fixture = &self->fixture;
	const struct hv_partition_property_vmm_capabilities *caps = (void *)fixture->output;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->property_code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, property_get_ex, 0, 0));
	EXPECT_EQ(1, caps->bank_count);
	EXPECT_EQ(0, caps->as_uint64[0]);
	input->property_code = HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(fixture, property_get_ex, 0, 0));
	EXPECT_EQ(child_assignable_features(), fixture->output[1]);
	input->property_code = HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED;
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, child_call(fixture, property_get_ex, 0, 0));
	input->partition_id++;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(fixture, property_get_ex, 0, 0));
}

TEST_F(children, what_vmms_assign_is_assignable)
{
	/* What all of them do, and then what only some do: QEMU 11.1, mshv-ioctls, OpenVMM. */
#define COMMON									\
	.hypervisor_present = 1, .hv1 = 1, .access_partition_reference_counter = 1,	\
	.access_synic_regs = 1, .access_synthetic_timer_regs = 1,		\
	.access_intr_ctrl_regs = 1, .access_hypercall_regs = 1, .access_vp_index = 1,	\
	.access_partition_reference_tsc = 1, .access_guest_idle_reg = 1,		\
	.access_frequency_regs = 1, .direct_synthetic_timers = 1,		\
	.tb_flush_hypercalls = 1, .synthetic_cluster_ipi = 1
	const union hv_partition_synthetic_processor_features common = { COMMON }, openvmm = {
		COMMON,
		.access_vp_run_time_reg = 1,
		.enable_extended_gva_ranges_for_flush_virtual_address_list = 1,
		.fast_hypercall_output = 1,
		.extended_processor_masks = 1,
		.notify_long_spin_wait = 1,
		.query_numa_distance = 1,
		.signal_events = 1,
		.retarget_device_interrupt = 1,
	};
#undef COMMON
	const u64 all[] = {
		common.as_uint64[0],
		common.as_uint64[0] | HV_SYNTHETIC_FEATURE_ACCESS_VP_REGS |
			HV_SYNTHETIC_FEATURE_FLUSH_GPA_SPACE,
		openvmm.as_uint64[0],
	};
	struct child_fixture *fixture = &self->fixture;
	struct child *child = fixture->child;
	unsigned int i;

	child->state = CHILD_CREATED;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				       all[i]));
		EXPECT_EQ(all[i],
			  get_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES));
		EXPECT_EQ(all[i], all[i] & child_assignable_features());
	}
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  set_property(fixture, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
			       BIT_ULL(63)));
	/* Its privileges are those that CPUID tells it. */
	EXPECT_EQ(child_cpuid_features(all[i - 1]),
		  get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS));
	EXPECT_TRUE(get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS) &
		    HV_MSR_HYPERCALL_AVAILABLE);
	child->synthetic_features = 0;
	EXPECT_EQ(0, get_property(fixture, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS));
	child->state = CHILD_INITIALIZED;
}

TEST_F(children, shares_of_a_processor)
{
	struct child_fixture *fixture = &self->fixture;
	const u32 reserve = HV_PARTITION_PROPERTY_CPU_RESERVE;
	const u32 cap = HV_PARTITION_PROPERTY_CPU_CAP;
	const u32 weight = HV_PARTITION_PROPERTY_CPU_WEIGHT;
	const u32 group = HV_PARTITION_PROPERTY_CPU_GROUP_ID;

	EXPECT_EQ(0, get_property(fixture, reserve));
	EXPECT_EQ(0x10000, get_property(fixture, cap));
	EXPECT_EQ(100, get_property(fixture, weight));
	EXPECT_EQ(0, get_property(fixture, group));

	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, cap, 0xc000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, reserve, 0xc001));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, reserve, 0xc000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, cap, 0xbfff));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, cap, 0x10001));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, weight, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, weight, 10000));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, weight, 10001));
	EXPECT_EQ(HV_STATUS_INVALID_CPU_GROUP_ID, set_property(fixture, group, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, group, 0));
	EXPECT_EQ(0xc000, get_property(fixture, reserve));
	EXPECT_EQ(0xc000, get_property(fixture, cap));
	EXPECT_EQ(10000, get_property(fixture, weight));
}

/* Cores of one socket: what the leaf of topologies tells each of them. */
TEST_F(children, processors_per_socket)
{
	struct child_fixture *fixture = &self->fixture;
	const u32 code = HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET;
	struct child *child = fixture->child;
	u32 leaf[4];

	EXPECT_EQ(1, get_property(fixture, code));
	child_cpuid_look_up(fixture->vp, 0xb, 1, leaf);
	EXPECT_EQ(0, leaf[0] | leaf[1] | leaf[2] | leaf[3]);
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE, set_property(fixture, code, 0));
	EXPECT_EQ(HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE,
		  set_property(fixture, code, CHILD_VPS_MAX + 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, code, 6));
	EXPECT_EQ(6, get_property(fixture, code));
	ASSERT_EQ(HV_STATUS_SUCCESS, make_vp(fixture, 9));
	child_cpuid_look_up(child->vps[9], 0xb, 0, leaf);
	EXPECT_EQ(0, leaf[0]);
	EXPECT_EQ(1, leaf[1]);
	EXPECT_EQ(0x100, leaf[2]);
	EXPECT_EQ(9, leaf[3]);
	child_cpuid_look_up(child->vps[9], 0xb, 1, leaf);
	EXPECT_EQ(3, leaf[0]);
	EXPECT_EQ(6, leaf[1]);
	EXPECT_EQ(0x201, leaf[2]);
	EXPECT_EQ(9, leaf[3]);
	child_cpuid_look_up(child->vps[9], 0xb, 2, leaf);
	EXPECT_EQ(0, leaf[1]);

	/* One of them has seen it. */
	child->vps[9]->ran = true;
	EXPECT_EQ(HV_STATUS_SUCCESS, set_property(fixture, code, 6));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, set_property(fixture, code, 4));
	EXPECT_EQ(6, get_property(fixture, code));
}

static u16 create_without(struct child_fixture *fixture, u64 bank0, u64 bank1, u64 xsave)
{
	struct hv_input_create_partition *create = (void *)fixture->input;
	struct hv_output_create_partition *created = (void *)fixture->output;
	u16 status;
	u64 id;

	memset(fixture->input, 0, sizeof(fixture->input));
	create->flags = CHILD_FLAGS;
	create->partition_creation_properties.disabled_processor_features.as_uint64[0] = bank0;
	create->partition_creation_properties.disabled_processor_features.as_uint64[1] = bank1;
	create->partition_creation_properties.disabled_processor_xsave_features.as_uint64 =
		xsave;
	status = child_call(fixture, child_create, 0, 0);
	id = created->partition_id;
	memset(fixture->input, 0, sizeof(fixture->input));
	fixture->input[0] = id;
	if (status == HV_STATUS_SUCCESS)
		child_call(fixture, child_delete, 0, 0);
	return status;
}

/* What is disabled for safety's sake, an older hypervisor may have no name for. */
TEST_F(children, features_without_a_name)
{
	struct child_fixture *fixture = &self->fixture;

	EXPECT_EQ(HV_STATUS_SUCCESS, create_without(fixture, ~0ULL, ~0ULL, ~0ULL));
	fixture->options.strict_features = true;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  create_without(fixture, ~BIT_ULL(63), GENMASK_ULL(21, 0), 7));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, BIT_ULL(63), 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, 0, BIT_ULL(22), 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, create_without(fixture, 0, 0, GENMASK_ULL(39, 3)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, create_without(fixture, 0, 0, BIT_ULL(40)));
}

TEST_F(children, a_slow_property_is_answered_by_a_message)
{
	struct hv_async_completion_message_payload *payload;
	struct child_fixture *fixture = &self->fixture;
	struct hv_message *slot = slot_of(fixture);

	fixture->options.slow_properties = true;
	EXPECT_EQ(HV_STATUS_CALL_PENDING, set_property(fixture, 0x12345678, 0));
	EXPECT_EQ(HVMSG_ASYNC_CALL_COMPLETION, slot->header.message_type);
	payload = (void *)slot->u.payload;
	EXPECT_EQ(fixture->child->id, payload->partition_id);
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, payload->status);
}

TEST_HARNESS_MAIN
