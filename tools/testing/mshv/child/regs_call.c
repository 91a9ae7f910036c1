// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a child's VP by hypercall.
 */

#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "child.h"
#include "page.h"
#include "register.h"
#include "regs_call.h"
#include "sched.h"
#include "vp.h"

/* The VP is out of KVM, and what the parent wrote to its page is in force. */
static void begin(struct child_vp *vp, bool *begun)
{
	if (*begun)
		return;
	child_vp_pull(vp);
	child_page_absorb(vp);
	*begun = true;
}

static void finish(struct child_vp *vp, bool *begun)
{
	if (!*begun)
		return;
	child_page_refresh(vp);
	child_vp_release(vp);
	*begun = false;
}

/* The VP runs next, with what its parent has written to its page. */
static void take_page(struct child_vp *vp)
{
	child_vp_pull(vp);
	child_page_absorb(vp);
	child_vp_release(vp);
}

u16 child_regs_get(struct hypercall *call)
{
	const struct hv_input_get_vp_registers *input = call->in;
	union hv_register_value *values = call->out;
	struct child_vp *vp;
	bool begun = false;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* A child has no other level of trust than its lowest. */
	if (input->input_vtl.target_vtl != HV_NORMAL_VTL)
		return HV_STATUS_INVALID_PARAMETER;

	begin(vp, &begun);
	for (; call->reps_done < call->rep_count; call->reps_done++) {
		union hv_register_value value;

		status = child_register_get(vp, input->names[call->reps_done], &value);
		if (status != HV_STATUS_SUCCESS)
			break;
		values[call->reps_done] = value;
	}
	finish(vp, &begun);
	return status;
}

u16 child_regs_set(struct hypercall *call)
{
	const struct hv_input_set_vp_registers *input = call->in;
	const struct hv_register_assoc *element;
	struct child_vp *vp;
	bool begun = false, changed = false, suspends;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* A child has no other level of trust than its lowest. */
	if (input->input_vtl.target_vtl != HV_NORMAL_VTL)
		return HV_STATUS_INVALID_PARAMETER;

	for (; call->reps_done < call->rep_count; call->reps_done++) {
		union hv_register_value value;

		element = &input->elements[call->reps_done];
		value = element->value;
		suspends = child_register_suspends(element->name);
		if (suspends) {
			finish(vp, &begun);
			if (!value.explicit_suspend.suspended)
				take_page(vp);
		} else {
			begin(vp, &begun);
		}
		if (suspends)
			child_sched_suspend(vp, element->name,
					    value.explicit_suspend.suspended);
		else
			status = child_register_set(vp, element->name, &value);
		if (status != HV_STATUS_SUCCESS)
			break;
		/* Who stops it looks at its page next. */
		if (suspends && value.explicit_suspend.suspended)
			begin(vp, &begun);
		changed |= !suspends;
	}
	finish(vp, &begun);
	if (changed)
		child_sched_runnable(vp);
	return status;
}
