// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SynIC of a child's VP.
 *
 * Its rules are those of the TLFS, "Virtual Interrupt Controller" and
 * "Inter-Partition Communication". The guest may run meanwhile: a slot is its own
 * from the moment on at which its type is written.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/names.h"
#include "apic.h"
#include "overlay.h"
#include "synic.h"
#include "vp.h"

#define PAGE_ENABLE	BIT_ULL(0)

int child_synic_init(struct child_vp *vp)
{
	struct child_synic *synic = calloc(1, sizeof(*synic));
	u32 i;

	if (!synic)
		return -ENOMEM;
	synic->sversion = HV_SYNIC_VERSION;
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		synic->sint[i] = HV_SYNIC_SINT_MASKED;
	vp->synic = synic;
	return 0;
}

void child_synic_exit(struct child_vp *vp)
{
	struct child_synic *synic = vp->synic;

	if (!synic)
		return;
	if (synic->messages)
		child_overlay_remove(vp->child, synic->simp >> HV_HYP_PAGE_SHIFT);
	if (synic->events)
		child_overlay_remove(vp->child, synic->siefp >> HV_HYP_PAGE_SHIFT);
	free(synic);
	vp->synic = NULL;
}

bool child_synic_get(const struct child_vp *vp, u32 msr, u64 *value)
{
	const struct child_synic *synic = vp->synic;

	switch (msr) {
	case HV_X64_MSR_SCONTROL:
		*value = synic->scontrol;
		return true;
	case HV_X64_MSR_SVERSION:
		*value = synic->sversion;
		return true;
	case HV_X64_MSR_SIEFP:
		*value = synic->siefp;
		return true;
	case HV_X64_MSR_SIMP:
		*value = synic->simp;
		return true;
	case HV_X64_MSR_SIRBP:
		*value = synic->sirbp;
		return true;
	case HV_X64_MSR_EOM:
		*value = 0;
		return true;
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		*value = synic->sint[msr - HV_X64_MSR_SINT0];
		return true;
	default:
		return false;
	}
}

bool child_synic_takes(u32 msr, u64 value)
{
	const union hv_synic_sint sint = { .as_uint64 = value };

	switch (msr) {
	case HV_X64_MSR_SVERSION:
		return false;
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		return sint.masked || sint.vector >= HV_SINT_VECTOR_MIN;
	default:
		return true;
	}
}

/*
 * Write a register that lays a page over the guest's memory. What is in the page
 * stays in it, whether it is moved or is nowhere for some time.
 * Return: whether there is memory where it shall be; else nothing has changed.
 */
static bool move_page(struct child_vp *vp, u64 *reg, u64 value, void **page, void *kept)
{
	bool is_elsewhere = *reg >> HV_HYP_PAGE_SHIFT != value >> HV_HYP_PAGE_SHIFT;
	bool is_there = value & PAGE_ENABLE;
	bool moves = is_there && (!*page || is_elsewhere);
	void *new = NULL;

	if (moves && child_overlay(vp->child, value >> HV_HYP_PAGE_SHIFT, false, &new))
		return false;
	if (*page && (!is_there || moves)) {
		memcpy(kept, *page, HV_HYP_PAGE_SIZE);
		child_overlay_remove(vp->child, *reg >> HV_HYP_PAGE_SHIFT);
		*page = NULL;
	}
	if (moves) {
		memcpy(new, kept, HV_HYP_PAGE_SIZE);
		*page = new;
	}
	*reg = value;
	return true;
}

bool child_synic_set(struct child_vp *vp, u32 msr, u64 value)
{
	struct child_synic *synic = vp->synic;

	switch (msr) {
	case HV_X64_MSR_SCONTROL:
		synic->scontrol = value;
		return true;
	case HV_X64_MSR_SVERSION:
		synic->sversion = value;
		return true;
	case HV_X64_MSR_SIEFP:
		return move_page(vp, &synic->siefp, value, &synic->events, synic->kept_events);
	case HV_X64_MSR_SIMP:
		return move_page(vp, &synic->simp, value, &synic->messages,
				 synic->kept_messages);
	case HV_X64_MSR_SIRBP:
		synic->sirbp = value;
		return true;
	case HV_X64_MSR_EOM:
		return true;
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		synic->sint[msr - HV_X64_MSR_SINT0] = value;
		return true;
	default:
		return false;
	}
}

/* Where messages of a SINT go; NULL: nowhere now. */
static void *slot_of(const struct child_vp *vp, u32 sint)
{
	const struct child_synic *synic = vp->synic;

	if (!(synic->scontrol & HV_SYNIC_CONTROL_ENABLE) || !synic->messages)
		return NULL;
	return synic->messages + sint * sizeof(struct hv_message);
}

/*
 * A guest frees a slot by writing its type 0, and then looks at msg_pending. Here
 * the flag is set first and then the type is looked at again: one of the two sees
 * the other. Return: whether the slot is free.
 */
static bool ask_for_slot(void *slot)
{
	struct hv_message_header *header = slot;
	u32 *type = slot;	/* it comes first */

	if (__atomic_load_n(type, __ATOMIC_ACQUIRE) == HVMSG_NONE)
		return true;
	__atomic_fetch_or(&header->message_flags.asu8, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(type, __ATOMIC_SEQ_CST) == HVMSG_NONE;
}

/* A SINT that is masked, or that its guest polls, raises none. */
static void interrupt(struct child_vp *vp, u32 sint)
{
	const union hv_synic_sint reg = { .as_uint64 = vp->synic->sint[sint] };

	if (!reg.masked && !reg.polling)
		apic_request(&vp->apic, reg.vector, false);
}

u16 child_synic_post(struct child_vp *vp, u32 sint, const struct hv_message *message)
{
	void *slot = slot_of(vp, sint);
	u32 *type = slot;
	struct hv_message copy = *message;
	u16 status = HV_STATUS_SUCCESS;

	if (!slot)
		status = HV_STATUS_INVALID_SYNIC_STATE;
	else if (!ask_for_slot(slot))
		status = HV_STATUS_OBJECT_IN_USE;
	log_event(LOG_NO_VP, "child-message",
		  "child=0x%llx index=%u sint=%u type=0x%x name=%s status=0x%x status-name=%s",
		  (unsigned long long)vp->child->id, vp->index, sint,
		  message->header.message_type,
		  name_of(message_names, message->header.message_type), status,
		  status_name(status));
	if (status != HV_STATUS_SUCCESS)
		return status;

	copy.header.message_flags.asu8 = 0;
	/* All but the type, which tells the guest that the rest is there. */
	memcpy(type + 1, (void *)&copy + sizeof(*type), sizeof(copy) - sizeof(*type));
	__atomic_store_n(type, copy.header.message_type, __ATOMIC_RELEASE);
	interrupt(vp, sint);
	return HV_STATUS_SUCCESS;
}

u16 child_synic_signal(struct child_vp *vp, u32 sint, u16 flag, bool *newly)
{
	const struct child_synic *synic = vp->synic;
	const union hv_synic_sint reg = { .as_uint64 = synic->sint[sint] };
	union hv_synic_event_flags *flags;
	u32 bit = BIT(flag % 32), was;

	/*
	 * TLFS, "Event Flag Delivery": a SINT that is masked has that status, too. It
	 * does not say whether the flag is set then. OpenVMM's own SynIC leaves it
	 * (vm/hv1/hv1_emulator, signal_event()).
	 */
	if (!(synic->scontrol & HV_SYNIC_CONTROL_ENABLE) || !synic->events || reg.masked)
		return HV_STATUS_INVALID_SYNIC_STATE;
	flags = synic->events + sint * sizeof(*flags);
	was = __atomic_fetch_or(&flags->flags32[flag / 32], bit, __ATOMIC_SEQ_CST);
	*newly = !(was & bit);
	log_event(LOG_NO_VP, "child-event", "child=0x%llx index=%u sint=%u flag=%u newly=%s",
		  (unsigned long long)vp->child->id, vp->index, sint, flag,
		  *newly ? "yes" : "no");
	if (*newly)
		interrupt(vp, sint);
	return HV_STATUS_SUCCESS;
}

bool child_synic_ends(const struct child_vp *vp, u8 vector)
{
	u32 i;

	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
		const union hv_synic_sint sint = { .as_uint64 = vp->synic->sint[i] };

		if (!sint.masked && sint.auto_eoi && sint.vector == vector)
			return true;
	}
	return false;
}

void child_synic_notify(struct child_vp *vp, u16 sints)
{
	void *slot;
	u32 i;

	vp->synic->notify = sints;
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
		slot = sints & BIT(i) ? slot_of(vp, i) : NULL;
		if (slot)
			ask_for_slot(slot);
	}
}

u16 child_synic_deliverable(const struct child_vp *vp)
{
	u16 sints = 0;
	u32 i;

	for (i = 0; vp->synic->notify && i < HV_SYNIC_SINT_COUNT; i++) {
		const u32 *type = vp->synic->notify & BIT(i) ? slot_of(vp, i) : NULL;

		if (type && __atomic_load_n(type, __ATOMIC_ACQUIRE) == HVMSG_NONE)
			sints |= BIT(i);
	}
	return sints;
}

void *child_synic_messages(struct child_vp *vp)
{
	return vp->synic->messages ?: vp->synic->kept_messages;
}

void *child_synic_events(struct child_vp *vp)
{
	return vp->synic->events ?: vp->synic->kept_events;
}
