// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall convention, as far as it is the same for all who call.
 */

#include <hyperv/hvhdk.h>

#include "hypercall.h"

u16 hypercall_decode(struct hypercall *call, u64 control)
{
	*call = (struct hypercall) {
		.code = control & HV_HYPERCALL_RESULT_MASK,
		.fast = control & HV_HYPERCALL_FAST_BIT,
		.varhead_size = ((control & HV_HYPERCALL_VARHEAD_MASK) >>
				 HV_HYPERCALL_VARHEAD_OFFSET) * sizeof(u64),
		.rep_count = (control & HV_HYPERCALL_REP_COMP_MASK) >>
			     HV_HYPERCALL_REP_COMP_OFFSET,
		.rep_start = (control & HV_HYPERCALL_REP_START_MASK) >>
			     HV_HYPERCALL_REP_START_OFFSET,
	};
	call->reps_done = call->rep_start;

	/* There is no nested hypervisor here, so its bit is reserved too. */
	if (control & HV_HYPERCALL_RSVD_MASK)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (call->rep_start && call->rep_start >= call->rep_count)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	return HV_STATUS_SUCCESS;
}
