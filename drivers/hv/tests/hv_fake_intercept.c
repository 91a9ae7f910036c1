// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intercepts of the fake hypervisor's VPs: the message in a VP's page, and the
 * message of the SynIC where the hypervisor schedules VPs.
 */

#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

/* The message that an intercept leaves in the VP's page. */
void hv_fake_fill_intercept(struct hv_fake_vp *vp, u32 type, u64 gpa)
{
	struct page *page = vp->state_pages[HV_VP_STATE_PAGE_INTERCEPT_MESSAGE];
	struct hv_message msg = {
		.header.message_type = type ?: HVMSG_UNMAPPED_GPA,
		.header.sender = vp->partition->id,
	};
#ifdef CONFIG_X86_64
	struct hv_x64_memory_intercept_message *memory = (void *)msg.u.payload;
#else
	struct hv_arm64_memory_intercept_message *memory = (void *)msg.u.payload;
#endif

	switch (msg.header.message_type) {
	case HVMSG_UNMAPPED_GPA:
	case HVMSG_GPA_INTERCEPT:
		memory->guest_physical_address = gpa;
		msg.header.payload_size = sizeof(*memory);
		break;
	default:
		msg.header.payload_size = sizeof(memory->header);
	}
	/* All of them begin alike. */
	memory->header.vp_index = vp->index;

	vp->intercept_suspend = true;
	if (page)
		memcpy(page_address(page), &msg, sizeof(msg));
}

/*
 * What tests do
 */

/* The SynIC message that tells of it. */
void hv_fake_intercept_message(struct hv_message *msg, const struct hv_fake_vp *vp)
{
	*msg = (struct hv_message) {
		.header.message_type = HVMSG_OPAQUE_INTERCEPT,
		.header.payload_size = sizeof(struct hv_opaque_intercept_message),
		.header.sender = vp->partition->id,
		.u.payload[0] = vp->index,
	};
}

static bool hv_fake_vp_do_intercept(struct hv_fake_vp *vp, u32 message_type,
				    u64 gpa, bool held)
{
	struct hv_fake *fake = vp->fake;
	struct hv_message msg;
	bool running = false;

	hv_fake_intercept_message(&msg, vp);
	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		running = hv_fake_runs(vp);
		if (running)
			hv_fake_fill_intercept(vp, message_type, gpa);
	}
	if (!running)
		return false;

	if (held) {
		hv_fake_hold(fake, &msg);
		return true;
	}
	return hv_fake_deliver(fake, &msg);
}

/**
 * hv_fake_vp_intercept() - have a VP stopped by an intercept, where the
 *	hypervisor schedules VPs
 * @vp: the VP, running
 * @message_type: of the message in its intercept page, see &struct
 *	hv_fake_outcome
 * @gpa: the address, in a message about one
 *
 * INTERCEPT_SUSPEND is set, the message is in the page, and a SynIC message
 * says so.
 *
 * Context: As hv_fake_deliver().
 * Return: whether the SynIC message was acknowledged; false also if the VP was
 * suspended, so that it could not run into anything: nothing is done then.
 */
bool hv_fake_vp_intercept(struct hv_fake_vp *vp, u32 message_type, u64 gpa)
{
	return hv_fake_vp_do_intercept(vp, message_type, gpa, false);
}

/**
 * hv_fake_vp_intercept_held() - the same, but the SynIC message comes late
 * @vp: the VP, running
 * @message_type: of the message in its intercept page
 * @gpa: the address, in a message about one
 *
 * Context: Any.
 * Return: false if the VP was suspended: nothing is done then. Otherwise the
 * SynIC message waits for hv_fake_deliver_held().
 */
bool hv_fake_vp_intercept_held(struct hv_fake_vp *vp, u32 message_type, u64 gpa)
{
	return hv_fake_vp_do_intercept(vp, message_type, gpa, true);
}

/**
 * hv_fake_vp_intercept_page() - a VP's intercept message page
 * @vp: the VP
 *
 * Return: the message in it; NULL if it is not mapped.
 */
struct hv_message *hv_fake_vp_intercept_page(struct hv_fake_vp *vp)
{
	struct page *page;

	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	page = vp->state_pages[HV_VP_STATE_PAGE_INTERCEPT_MESSAGE];
	return page ? page_address(page) : NULL;
}

/**
 * hv_fake_vp_touch() - have a VP touch memory as soon as it runs, where the
 *	hypervisor schedules VPs
 * @vp: the VP
 * @gpa: where
 * @times: how often it is resumed until it needs no more of that: the last of
 *	these ends in a halt, the others in a GPA intercept
 *
 * The SynIC message comes as soon as interrupts are on after the hypercall that
 * has resumed the VP.
 */
void hv_fake_vp_touch(struct hv_fake_vp *vp, u64 gpa, unsigned int times)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->touches = times;
	vp->touched_gpa = gpa;
}
