// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/property.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/property.h"
#include "property.h"

/* Synthetic features of the partition itself: those by which it may do what it may. */
static u64 own_features(const struct partition *partition)
{
	union hv_partition_synthetic_processor_features own = {
		.hypervisor_present = 1,
		.hv1 = 1,
	};
	u32 eax;
	int i;

	for (i = 0; i < 64; i++) {
		eax = child_cpuid_features(BIT_ULL(i));
		if (eax && !(eax & ~partition_features(partition)))
			own.as_uint64[0] |= BIT_ULL(i);
	}
	return own.as_uint64[0];
}

u16 property_get(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_get_partition_property *input = call->in;
	struct hv_output_get_partition_property *output = call->out;
	struct child *child;
	u64 value = 0;
	u16 status;

	if (input->partition_id != partition->id) {
		child = child_find(partition, input->partition_id);
		if (!child)
			return HV_STATUS_INVALID_PARTITION_ID;
		status = child_property_get(child, input->property_code, &value);
	} else if (input->property_code == HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS) {
		value = partition_features(partition) |
			(u64)partition_privileges(partition) << 32;
		status = HV_STATUS_SUCCESS;
	} else if (input->property_code == HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES) {
		value = own_features(partition);
		status = HV_STATUS_SUCCESS;
	} else {
		status = property_of_processor(partition, &partition->processor,
					       input->property_code, &value);
	}
	if (status == HV_STATUS_SUCCESS)
		output->property_value = value;
	return status;
}

static u16 get_capabilities(struct hypercall *call)
{
	const struct options *options = call->vp->partition->options;
	const struct hv_partition_property_vmm_capabilities caps = {
		.bank_count = options->bank_count,
		.as_uint64[0] = options->capability_bits,
	};

	if (!options->capabilities)
		return HV_STATUS_UNKNOWN_PROPERTY;
	memcpy(call->out, &caps, sizeof(caps));
	return HV_STATUS_SUCCESS;
}

static u16 get_integrated(struct hypercall *call)
{
	const struct options *options = call->vp->partition->options;
	const struct hv_partition_property_vmm_capabilities caps = {
		.as_uint64[0] = options->capability_bits,
	};

	/* Whoever does not have the feature does not know its property. */
	if (options->root || !caps.vmm_enable_integrated_scheduler)
		return HV_STATUS_UNKNOWN_PROPERTY;
	memcpy(call->out, &options->integrated, sizeof(options->integrated));
	return HV_STATUS_SUCCESS;
}

/* How many banks follow, and what a child can be given. */
static u16 get_assignable(struct hypercall *call)
{
	const u64 answer[2] = { 1, child_assignable_features() };

	memcpy(call->out, answer, sizeof(answer));
	return HV_STATUS_SUCCESS;
}

/* A child can have none of what these are about, and be given what any can. */
static u16 get_ex_of_child(struct hypercall *call, u32 code)
{
	const struct hv_partition_property_vmm_capabilities none = {
		.bank_count = call->vp->partition->options->bank_count,
	};

	switch (code) {
	case HV_PARTITION_PROPERTY_VMM_CAPABILITIES:
		memcpy(call->out, &none, sizeof(none));
		return HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES:
		return get_assignable(call);
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}

u16 property_get_ex(struct hypercall *call)
{
	const struct hv_input_get_partition_property_ex *input = call->in;
	struct partition *partition = call->vp->partition;

	/* The VMM's input: the driver hands it on. */
	if (input->padding)
		log_event(call->vp->index, "wrong-padding", "value=0x%x", (u32)input->padding);
	if (input->partition_id != partition->id)
		return child_find(partition, input->partition_id) ?
			get_ex_of_child(call, input->property_code) :
			HV_STATUS_INVALID_PARTITION_ID;

	switch (input->property_code) {
	case HV_PARTITION_PROPERTY_VMM_CAPABILITIES:
		return get_capabilities(call);
	case HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED:
		return get_integrated(call);
	case HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES:
		return get_assignable(call);
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}

u16 property_get_system(struct hypercall *call)
{
	const struct hv_input_get_system_property *input = call->in;
	struct hv_output_get_system_property *output = call->out;

	if (input->reserved)
		log_violation(call->vp->index, "reserved field of a property request is not zero");

	switch (input->property_id) {
	case HV_SYSTEM_PROPERTY_SCHEDULER_TYPE:
		output->scheduler_type = call->vp->partition->options->scheduler;
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
}

/* What a root partition tells of ACPI's sleep states; S5 needs none of it. */
u16 property_set_system(struct hypercall *call)
{
	const struct hv_input_set_system_property *input = call->in;

	if (input->property_id != HV_SYSTEM_PROPERTY_SLEEP_STATE)
		return HV_STATUS_UNKNOWN_PROPERTY;
	return HV_STATUS_SUCCESS;
}
