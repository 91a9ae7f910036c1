// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child partitions.
 *
 * So far a child is an id: enough for the driver to create one, hold it open and
 * close it. It has no VPs, no memory, and nothing is deposited for it.
 */

#include <hyperv/hvhdk.h>

#include "child.h"
#include "hypercall.h"
#include "log.h"
#include "partition.h"

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
