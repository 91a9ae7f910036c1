// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is deposited for a child.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/partition.h"
#include "child.h"
#include "deposit.h"

bool child_use(struct child *child, unsigned int pages)
{
	if (child->nr_deposited - child->nr_used < pages)
		return false;
	child->nr_used += pages;
	return true;
}

unsigned int child_pages_out(const struct child *child)
{
	/* State pages where hvemu places them; it has taken two for each VP at most. */
	return 2 * child->nr_vps;
}

/*
 * Whatever is not in use goes back, zeroed (WDK, HvWithdrawMemory). The end of it is
 * NO_RESOURCES: that is how the parent knows.
 */
u16 child_withdraw_memory(struct hypercall *call)
{
	const struct hv_input_withdraw_memory *input = call->in;
	struct hv_output_withdraw_memory *output = call->out;
	struct partition *partition = call->vp->partition;
	struct child *child = child_find(partition, input->partition_id);
	u64 gpfn;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	while (call->reps_done < call->rep_count) {
		if (child->nr_deposited == child->nr_used)
			return HV_STATUS_NO_RESOURCES;
		gpfn = child->deposited[--child->nr_deposited];
		memset(partition_page(partition, gpfn), 0, HV_HYP_PAGE_SIZE);
		output->gpa_page_list[call->reps_done++] = gpfn;
	}
	return HV_STATUS_SUCCESS;
}
