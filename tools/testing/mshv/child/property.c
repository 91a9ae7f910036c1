// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties of child partitions.
 */

#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/property.h"
#include "child.h"
#include "cpuid.h"
#include "message.h"
#include "msr.h"
#include "property.h"
#include "reftime.h"
#include "track.h"

/* Hypervisor documentation, "CPU Reserve" and "CPU Cap": fractions of a processor */
#define CPU_ALL			0x10000
/* No public source says; Hyper-V's management has these. */
#define CPU_WEIGHT_DEFAULT	100
#define CPU_WEIGHT_MAX		10000

/* Fewer no processor has that runs 64-bit code. */
#define PHYSICAL_BITS_MIN	32

u64 child_assignable_features(void)
{
	/*
	 * What VMMs assign: QEMU 11.1 (accel/mshv), mshv-ioctls of rust-vmm, and with
	 * it Cloud Hypervisor (make_default_synthetic_features_mask()), and OpenVMM
	 * (common_synthetic_features() of vmm_core/virt_mshv), which asks nobody what
	 * can be assigned.
	 */
	const union hv_partition_synthetic_processor_features features = {
		.hypervisor_present = 1,
		.hv1 = 1,
		.access_vp_run_time_reg = 1,
		.access_partition_reference_counter = 1,
		.access_synic_regs = 1,
		.access_synthetic_timer_regs = 1,
		.access_intr_ctrl_regs = 1,
		.access_hypercall_regs = 1,
		.access_vp_index = 1,
		.access_partition_reference_tsc = 1,
		.access_guest_idle_reg = 1,
		.access_frequency_regs = 1,
		.enable_extended_gva_ranges_for_flush_virtual_address_list = 1,
		.fast_hypercall_output = 1,
		.direct_synthetic_timers = 1,
		.extended_processor_masks = 1,
		.tb_flush_hypercalls = 1,
		.synthetic_cluster_ipi = 1,
		.notify_long_spin_wait = 1,
		.query_numa_distance = 1,
		.signal_events = 1,
		.retarget_device_interrupt = 1,
	};

	return features.as_uint64[0] | HV_SYNTHETIC_FEATURE_ACCESS_VP_REGS |
	       HV_SYNTHETIC_FEATURE_FLUSH_GPA_SPACE;
}

void child_property_init(struct child *child)
{
	child->per_socket = 1;
	child->physical_bits = child->parent->physical_bits;
	child->cpu_cap = CPU_ALL;
	child->cpu_weight = CPU_WEIGHT_DEFAULT;
}

u16 child_property_get(struct child *child, u32 code, u64 *value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS:
		/* EAX and EBX of its CPUID. */
		*value = child_cpuid_features(child->synthetic_features);
		break;
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		*value = child->synthetic_features;
		break;
	case HV_PARTITION_PROPERTY_CPU_RESERVE:
		*value = child->cpu_reserve;
		break;
	case HV_PARTITION_PROPERTY_CPU_CAP:
		*value = child->cpu_cap;
		break;
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
		*value = child->cpu_weight;
		break;
	case HV_PARTITION_PROPERTY_CPU_GROUP_ID:
		*value = 0;
		break;
	case HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET:
		*value = child->per_socket;
		break;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		*value = child->time_frozen;
		break;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		*value = child_time(child);
		break;
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		*value = child->tracks_access;
		break;
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		*value = child->ignores_msrs;
		break;
	case HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH:
		*value = child->physical_bits;
		break;
	case HV_PARTITION_PROPERTY_GUEST_OS_ID:
		*value = child_msr_guest_os_id(child);
		break;
	default:
		return property_of_processor(child->parent, &child->processor, code, value);
	}
	return HV_STATUS_SUCCESS;
}

static u16 set_per_socket(struct child *child, u64 value)
{
	u32 before = child->per_socket;

	if (!value || value > CHILD_VPS_MAX)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	if (value == before)
		return HV_STATUS_SUCCESS;
	if (child_has_run(child))
		return HV_STATUS_INVALID_PARTITION_STATE;
	child->per_socket = value;
	if (!child_cpuid_init_all(child))
		return HV_STATUS_SUCCESS;
	child->per_socket = before;
	child_cpuid_init_all(child);
	return HV_STATUS_NO_RESOURCES;
}

/* Hypervisor documentation: a reserve cannot be greater than the cap. */
static u16 set_cpu(u64 *where, u64 value, u64 min, u64 max)
{
	if (value < min || value > max)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	*where = value;
	return HV_STATUS_SUCCESS;
}

/* TLFS, HV_PARTITION_PROPERTY_CODE: before the partition is initialized. */
static u16 set_physical_bits(struct child *child, u64 value)
{
	if (child->state != CHILD_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (value < PHYSICAL_BITS_MIN || value > child->parent->physical_bits)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	child->physical_bits = value;
	return HV_STATUS_SUCCESS;
}

static u16 child_set(struct child *child, u32 code, u64 value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS:
		/* An L1VH grants none. */
		if (child->state != CHILD_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		return value ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		if (child->state != CHILD_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		if (value & ~child_assignable_features())
			return HV_STATUS_INVALID_PARAMETER;
		child->synthetic_features = value;
		break;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		child_time_freeze(child, value);
		child_msr_retime(child);
		break;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		/* OpenVMM, pull request 3313 */
		if (!child->time_frozen)
			return HV_STATUS_INVALID_PARTITION_STATE;
		child->time_offset = value;
		child_msr_retime(child);
		break;
	case HV_PARTITION_PROPERTY_CPU_RESERVE:
		return set_cpu(&child->cpu_reserve, value, 0, child->cpu_cap);
	case HV_PARTITION_PROPERTY_CPU_CAP:
		return set_cpu(&child->cpu_cap, value, child->cpu_reserve, CPU_ALL);
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
		return set_cpu(&child->cpu_weight, value, 1, CPU_WEIGHT_MAX);
	case HV_PARTITION_PROPERTY_CPU_GROUP_ID:
		/* No other is made: that takes hypercalls which nobody here makes. */
		return value ? HV_STATUS_INVALID_CPU_GROUP_ID : HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET:
		return set_per_socket(child, value);
	case HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH:
		return set_physical_bits(child, value);
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		if (!child_track(child, value))
			return HV_STATUS_OPERATION_DENIED;
		break;
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		if (value > 1)
			return HV_STATUS_INVALID_PARAMETER;
		child->ignores_msrs = value;
		break;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
	return HV_STATUS_SUCCESS;
}

/*
 * With --slow-properties the answer comes later, as a message. What it says is
 * what the call would have said.
 */
u16 child_property_set(struct hypercall *call)
{
	const struct hv_input_set_partition_property *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	struct hv_message message = {
		.header.message_type = HVMSG_ASYNC_CALL_COMPLETION,
		.header.payload_size = sizeof(struct hv_async_completion_message_payload),
	};
	struct hv_async_completion_message_payload *payload = (void *)message.u.payload;
	u16 status;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	status = child_set(child, input->property_code, input->property_value);
	if (!call->vp->partition->options->slow_properties)
		return status;

	message.header.sender = child->id;
	payload->partition_id = child->id;
	payload->status = status;
	payload->completion_count = 1;
	if (!child_message_post(child, &message))
		return status;
	return HV_STATUS_CALL_PENDING;
}
