// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child partitions, and who is meant by a number.
 */

#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/partition.h"
#include "child.h"

struct child *child_find(struct partition *partition, u64 id)
{
	unsigned int i;

	for (i = 0; i < partition->nr_children; i++)
		if (partition->children[i]->id == id)
			return partition->children[i];
	return NULL;
}

struct child_vp *child_find_vp(struct partition *partition, u64 id, u32 index)
{
	struct child *child = child_find(partition, id);

	return child && index < CHILD_VPS_MAX ? child->vps[index] : NULL;
}

u16 child_vp_of(struct hypercall *call, u64 id, u32 index, struct child_vp **vp)
{
	struct partition *partition = call->vp->partition;

	if (!child_find(partition, id))
		return HV_STATUS_INVALID_PARTITION_ID;
	*vp = child_find_vp(partition, id, index);
	return *vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}
