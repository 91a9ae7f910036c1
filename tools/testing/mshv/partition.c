// SPDX-License-Identifier: GPL-2.0-only
/*
 * A partition, as the hypervisor sees it, and its children.
 *
 * So far a child is an id: enough for the driver to create one, hold it open and
 * close it. It has no VPs, no memory, and nothing is deposited for it.
 */

#include <stdio.h>

#include <hyperv/hvhdk.h>

#include "hv_more.h"
#include "hypercall.h"
#include "log.h"
#include "partition.h"

void partition_init(struct partition *partition, const struct options *options)
{
	struct vp *vp;
	u32 i;

	*partition = (struct partition) {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.options = options,
		.faults = options->faults,
		.id = HV_PARTITION_ID_SELF,
		.nr_vps = options->cpus,
	};

	for (i = 0; i < partition->nr_vps; i++) {
		vp = &partition->vps[i];
		vp->partition = partition;
		vp->index = i;
		synic_init(&vp->synic);
	}
}

void *partition_memory(struct partition *partition, u64 gpa, u64 size)
{
	struct ram_slot *slot;

	for (slot = partition->ram; slot < partition->ram + partition->ram_slots; slot++) {
		u64 offset = gpa - slot->gpa;

		if (gpa >= slot->gpa && offset < slot->size && size <= slot->size - offset)
			return slot->host + offset;
	}
	return NULL;
}

void *partition_page(struct partition *partition, u64 gpfn)
{
	/* So high a number would come round to a low address. */
	if (gpfn >> (64 - HV_HYP_PAGE_SHIFT))
		return NULL;
	return partition_memory(partition, gpfn << HV_HYP_PAGE_SHIFT, HV_HYP_PAGE_SIZE);
}

/*
 * No more than the driver needs: what is not granted must not be used, and
 * whoever uses it is told so by a #GP and a line in the log.
 */
u32 partition_features(const struct partition *partition)
{
	u32 features = HV_MSR_TIME_REF_COUNT_AVAILABLE | HV_MSR_SYNIC_AVAILABLE |
		       HV_MSR_HYPERCALL_AVAILABLE | HV_MSR_VP_INDEX_AVAILABLE |
		       HV_MSR_REFERENCE_TSC_AVAILABLE | HV_ACCESS_FREQUENCY_MSRS;

	/* A root partition sees the machine's own TSC: mshyperv.c. */
	if (!partition->options->root)
		features |= HV_ACCESS_TSC_INVARIANT;
	return features;
}

/*
 * Not HV_ACCESS_PARTITION_ID: with an id of its own an L1VH does not know
 * itself as one (is_l1vh_parent() of mshv_root.h).
 */
u32 partition_privileges(const struct partition *partition)
{
	u32 privileges = HV_CREATE_PARTITIONS | HV_POST_MESSAGES |
			 HV_SIGNAL_EVENTS | HV_CREATE_PORT | HV_CONNECT_PORT |
			 HV_ACCESS_STATS;

	if (partition->options->root)
		privileges |= HV_CPU_MANAGEMENT;
	return privileges;
}

bool partition_is_quiet(struct partition *partition, char *why, size_t size)
{
	u32 i;

	for (i = 0; i < partition->nr_vps; i++) {
		const char *busy = synic_busy(&partition->vps[i].synic);

		if (busy) {
			snprintf(why, size, "VP %u: %s", i, busy);
			return false;
		}
		if (synic_slot_type(&partition->vps[i], HV_SYNIC_INTERCEPTION_SINT_INDEX)) {
			snprintf(why, size, "VP %u: a message lies in the slot of SINT0", i);
			return false;
		}
	}
	if (partition->nr_children) {
		snprintf(why, size, "%u child partitions are left", partition->nr_children);
		return false;
	}
	return stats_are_unmapped(&partition->stats, why, size);
}

/* No small number, so that none is taken for an index. */
#define CHILD_FIRST_ID	0x100

/* Where the id of a child stands, or NULL if there is no such child. */
static u64 *child_find(struct partition *partition, u64 id)
{
	u64 *child;

	for (child = partition->children;
	     child < partition->children + partition->nr_children; child++)
		if (*child == id)
			return child;
	return NULL;
}

u16 child_create(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_create_partition *input = call->in;
	struct hv_output_create_partition *output = call->out;
	u64 id;

	if (input->padding)
		log_violation(call->vp->index, "padding of a new partition is not zero");
	if (partition->nr_children == CHILDREN_MAX)
		return HV_STATUS_NO_RESOURCES;

	/* An id is not used again: who holds on to an old one is told so. */
	id = partition->last_child ? partition->last_child + 1 : CHILD_FIRST_ID;
	partition->last_child = id;
	partition->children[partition->nr_children++] = id;
	output->partition_id = id;
	log_event(call->vp->index, "child", "id=0x%llx created=yes", (unsigned long long)id);
	return HV_STATUS_SUCCESS;
}

u16 child_delete(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_delete_partition *input = call->in;
	u64 *child = child_find(partition, input->partition_id);

	if (!child) {
		log_violation(call->vp->index, "partition 0x%llx is deleted and is not there",
			      (unsigned long long)input->partition_id);
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	log_event(call->vp->index, "child", "id=0x%llx created=no", (unsigned long long)*child);
	*child = partition->children[--partition->nr_children];
	return HV_STATUS_SUCCESS;
}

/* Nothing was deposited for a child, so there is nothing to give back. */
u16 child_withdraw_memory(struct hypercall *call)
{
	const struct hv_input_withdraw_memory *input = call->in;

	if (!child_find(call->vp->partition, input->partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	return HV_STATUS_NO_RESOURCES;
}
