// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child partitions: created, initialized, finalized, deleted.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/stats_page.h"
#include "child.h"
#include "cpuid.h"
#include "deposit.h"
#include "life.h"
#include "memory.h"
#include "message.h"
#include "msr.h"
#include "port.h"
#include "property.h"
#include "vp.h"
#include "vp_life.h"
#include "wants.h"

/* No small number, so that none is taken for an index. */
#define CHILD_FIRST_ID		0x100

/* What a real hypervisor needs is not known; some, so that it is accounted for. */
#define CHILD_PAGES_INITIALIZED	64

#define CHILD_FLAGS	(HV_PARTITION_CREATION_FLAG_SMT_ENABLED_GUEST | \
			 HV_PARTITION_CREATION_FLAG_NESTED_VIRTUALIZATION_CAPABLE | \
			 HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_EXO_PARTITION | \
			 HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE)

/* KVM's side of it. Unit tests have none. */
static int child_make_vm(struct child *child)
{
	/* Exceptions that have a parameter are taken over with it, register_events.c. */
	struct kvm_enable_cap payload = {
		.cap = KVM_CAP_EXCEPTION_PAYLOAD,
		.args[0] = 1,
	};
	struct kvm_enable_cap msrs = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args[0] = KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN |
			   KVM_MSR_EXIT_REASON_INVAL,
	};
	struct kvm_enable_cap no_quirk = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args[0] = CHILD_NO_QUIRKS,
	};
	int kvm = child->parent->kvm;

	child->vm = -1;
	if (kvm < 0)
		return 0;
	do {
		child->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	} while (child->vm < 0 && errno == EINTR);
	if (child->vm < 0 || ioctl(child->vm, KVM_ENABLE_CAP, &payload) < 0 ||
	    ioctl(child->vm, KVM_ENABLE_CAP, &msrs) < 0 ||
	    ioctl(child->vm, KVM_ENABLE_CAP, &no_quirk) < 0)
		return -errno;
	return child_filter_msrs(child);
}

static void child_free(struct child *child)
{
	child_msr_exit(child);
	child_memory_exit(child);
	if (child->vm >= 0)
		close(child->vm);
	free(child->cpuid_results.list);
	free(child->intercepts);
	free(child->deposited);
	free(child);
}

/* An older hypervisor takes only bits that have a name. */
static bool names_unknown_features(const struct hv_partition_creation_properties *without)
{
	const union hv_partition_processor_features cpu = without->disabled_processor_features;

	return cpu.reserved_bank0 || cpu.reserved_bank1 ||
	       without->disabled_processor_xsave_features.as_uint64 & ~HV_XSAVE_FEATURES_NAMED;
}

u16 child_create(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_create_partition *input = call->in;
	const struct hv_partition_creation_properties *without =
		&input->partition_creation_properties;
	struct hv_output_create_partition *output = call->out;
	struct child **children;
	struct child *child;
	int ret;

	if (input->padding)
		log_violation(call->vp->index, "padding of a new partition is not zero");
	if (input->flags & ~(u64)CHILD_FLAGS || input->isolation_properties.as_uint64)
		return HV_STATUS_INVALID_PARAMETER;
	if (partition->options->strict_features && names_unknown_features(without))
		return HV_STATUS_INVALID_PARAMETER;
	children = reallocarray(partition->children, partition->nr_children + 1,
				sizeof(struct child *));
	if (!children)
		return HV_STATUS_NO_RESOURCES;
	partition->children = children;

	child = calloc(1, sizeof(*child));
	if (!child)
		return HV_STATUS_NO_RESOURCES;
	child->parent = partition;
	child->flags = input->flags;
	child_property_init(child);
	child->disabled.cpu = without->disabled_processor_features;
	child->disabled.xsave = without->disabled_processor_xsave_features;
	child_cpuid_processor(child);
	child->vm = -1;
	ret = child_make_vm(child);
	if (!ret)
		ret = child_memory_init(child);
	if (!ret)
		ret = child_msr_init(child);
	if (ret) {
		log_event(call->vp->index, "child-fails", "error=\"%s\"", strerror(-ret));
		child_free(child);
		return HV_STATUS_NO_RESOURCES;
	}

	/* An id is not used again: who holds on to an old one is told so. */
	child->id = partition->last_child ? partition->last_child + 1 : CHILD_FIRST_ID;
	child->time_offset = -log_time();
	partition->last_child = child->id;
	partition->children[partition->nr_children++] = child;
	output->partition_id = child->id;
	log_event(call->vp->index, "child", "id=0x%llx created=yes flags=0x%llx",
		  (unsigned long long)child->id, (unsigned long long)child->flags);
	return HV_STATUS_SUCCESS;
}

u16 child_initialize(struct hypercall *call)
{
	const struct hv_input_initialize_partition *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (child->state != CHILD_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!child_use(child, CHILD_PAGES_INITIALIZED))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	child->state = CHILD_INITIALIZED;
	return HV_STATUS_SUCCESS;
}

u16 child_finalize(struct hypercall *call)
{
	const struct hv_input_finalize_partition *input = call->in;
	struct partition *partition = call->vp->partition;
	struct child *child = child_find(partition, input->partition_id);
	char why[128];
	u32 i;

	if (!child) {
		log_violation(call->vp->index, "partition 0x%llx is finalized and is not there",
			      (unsigned long long)input->partition_id);
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	/* Another VP of the parent's is at it, and will still need the child. */
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->dying)
			return HV_STATUS_INVALID_PARTITION_STATE;

	/* Its parent frees the pages next, and must have taken them back. */
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] &&
		    (child->vps[i]->register_gpfn != ~0ULL ||
		     child->vps[i]->intercept_gpfn != ~0ULL))
			log_violation(call->vp->index,
				      "VP %u of 0x%llx goes with a state page mapped",
				      i, (unsigned long long)child->id);
	if (stats_are_mapped_of(partition, child->id, why, sizeof(why)))
		log_violation(call->vp->index, "0x%llx goes with %s",
			      (unsigned long long)child->id, why);

	/* Nobody adds a VP, takes one away or frees the child while they stop. */
	child->state = CHILD_FINALIZING;
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i])
			child_vp_destroy(child->vps[i]);
	child->state = CHILD_FINALIZED;
	child_memory_exit(child);
	ports_close(partition, child);
	child_message_forget(child);
	child->nr_used = 0;
	log_event(call->vp->index, "child", "id=0x%llx finalized=yes",
		  (unsigned long long)child->id);
	return HV_STATUS_SUCCESS;
}

u16 child_delete(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_delete_partition *input = call->in;
	struct child *child = child_find(partition, input->partition_id);
	unsigned int i;

	if (!child) {
		log_violation(call->vp->index, "partition 0x%llx is deleted and is not there",
			      (unsigned long long)input->partition_id);
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	if (child->state == CHILD_INITIALIZED || child->state == CHILD_FINALIZING) {
		log_violation(call->vp->index, "partition 0x%llx is deleted and was not finalized",
			      (unsigned long long)child->id);
		return HV_STATUS_INVALID_PARTITION_STATE;
	}
	if (child->nr_deposited) {
		log_violation(call->vp->index,
			      "partition 0x%llx is deleted with %u pages that were deposited: leaked",
			      (unsigned long long)child->id, child->nr_deposited);
		return HV_STATUS_OPERATION_DENIED;
	}

	log_event(call->vp->index, "child", "id=0x%llx created=no", (unsigned long long)child->id);
	for (i = 0; partition->children[i] != child; i++)
		;
	partition->children[i] = partition->children[--partition->nr_children];
	if (!partition->nr_children) {
		free(partition->children);
		partition->children = NULL;
	}
	child_free(child);
	return HV_STATUS_SUCCESS;
}
