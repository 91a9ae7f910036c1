// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages and events that the parent sends to VPs of its children.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "child.h"
#include "direct.h"
#include "synic.h"
#include "vp.h"

/* What is the same for both: whom it is for. */
static u16 find_target(struct hypercall *call, u64 partition_id, u32 vp_index, u8 vtl,
		       u32 sint, struct child_vp **vp)
{
	u16 status = child_vp_of(call, partition_id, vp_index, vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	return vtl || sint >= HV_SYNIC_SINT_COUNT ? HV_STATUS_INVALID_PARAMETER :
						    HV_STATUS_SUCCESS;
}

u16 direct_post_message(struct hypercall *call)
{
	const struct hv_input_post_message_direct *input = call->in;
	struct hv_message message;
	struct child_vp *vp;
	u16 status;

	status = find_target(call, input->partition_id, input->vp_index, input->vtl,
			     input->sint_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	memcpy(&message, input->message, sizeof(message));
	/* Type 0 is that of a free slot. */
	if (message.header.message_type == HVMSG_NONE ||
	    message.header.payload_size > HV_MESSAGE_PAYLOAD_BYTE_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	return child_synic_post(vp, input->sint_index, &message);
}

u16 direct_signal_event(struct hypercall *call)
{
	const struct hv_input_signal_event_direct *input = call->in;
	struct hv_output_signal_event_direct *output = call->out;
	struct child_vp *vp;
	bool newly;
	u16 status;

	status = find_target(call, input->partition_id, input->vp_index, input->vtl,
			     input->sint, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (input->flag_number >= HV_EVENT_FLAGS_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	status = child_synic_signal(vp, input->sint, input->flag_number, &newly);
	if (status == HV_STATUS_SUCCESS)
		*output = (struct hv_output_signal_event_direct) { .newly_signaled = newly };
	return status;
}
