// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VP's synthetic interrupt controller.
 *
 * Which VP's registers and pages these are is decided by the caller; all of it
 * runs under the partition's lock. The guest's side of the pages has no lock:
 * see synic_write_slot().
 */

#include <string.h>

#include "hv_more.h"
#include "log.h"
#include "names.h"
#include "options.h"
#include "partition.h"
#include "synic.h"
#include "synic_state.h"

/* A page that a register names; NULL while it is disabled. */
static void *synic_page(struct vp *vp, bool enabled, u64 gpfn)
{
	return enabled ? partition_page(vp->partition, gpfn) : NULL;
}

/* Where messages for a SINT go: a struct hv_message, aligned as the page is. */
static void *synic_slot(struct vp *vp, u32 sint)
{
	void *page;

	if (!vp->synic.scontrol.enable ||
	    (vp->synic.sint[sint].masked && !vp->partition->options->fills_masked))
		return NULL;
	page = synic_page(vp, vp->synic.simp.simp_enabled,
			  vp->synic.simp.base_simp_gpa);
	return page ? page + sint * sizeof(struct hv_message) : NULL;
}

/*
 * Write the oldest message that waits into its slot, if that is free. The
 * interrupt is the caller's.
 *
 * The guest frees a slot by writing its type 0, and then looks at msg_pending.
 * Here the flag is set first and then the type is looked at again; one of the
 * two sees the other. Pairs with the mb() of mshv_isr().
 */
static bool synic_write_slot(struct vp *vp, u32 sint)
{
	struct synic_queue *queue = &vp->synic.queue[sint];
	void *slot = synic_slot(vp, sint);
	struct hv_message_header *header = slot;
	struct hv_message message;
	u32 *type = slot;	/* it comes first */

	if (!slot || !queue->count)
		return false;

	if (__atomic_load_n(type, __ATOMIC_ACQUIRE) != HVMSG_NONE) {
		__atomic_fetch_or(&header->message_flags.asu8, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(type, __ATOMIC_SEQ_CST) != HVMSG_NONE)
			return false;
	}

	message = queue->messages[0];
	queue->count--;
	memmove(queue->messages, queue->messages + 1,
		queue->count * sizeof(queue->messages[0]));

	message.header.message_flags.msg_pending = queue->count > 0;
	/* All but the type, which tells the guest that the rest is there. */
	memcpy(type + 1, (void *)&message + sizeof(*type), sizeof(message) - sizeof(*type));
	__atomic_store_n(type, message.header.message_type, __ATOMIC_RELEASE);

	log_event(vp->index, "message", "sint=%u type=0x%x waiting=%u", sint,
		  message.header.message_type, queue->count);
	return true;
}

static bool synic_fill_slot(struct vp *vp, u32 sint)
{
	if (!synic_write_slot(vp, sint))
		return false;
	if (!vp->synic.sint[sint].masked)
		vp->partition->interrupt(vp, vp->synic.sint[sint].vector);
	return true;
}

bool synic_post(struct vp *vp, u32 sint, const struct hv_message *message)
{
	struct synic_queue *queue = &vp->synic.queue[sint];

	if (queue->count == SYNIC_QUEUE_MAX)
		return false;
	queue->messages[queue->count++] = *message;
	if (!synic_fill_slot(vp, sint))
		log_event(vp->index, "message-waits", "sint=%u type=0x%x waiting=%u",
			  sint, message->header.message_type, queue->count);
	return true;
}

bool synic_ring(struct vp *vp, u32 sint, u32 port)
{
	struct hv_notification_message_payload *payload;
	struct hv_synic_event_ring_page *page;
	struct hv_synic_event_ring *ring;
	struct hv_message message = {
		.header.message_type = HVMSG_SYNIC_SINT_INTERCEPT,
		.header.payload_size = sizeof(*payload),
	};
	u8 *head = &vp->synic.ring_head[sint];
	/* The message goes where intercepts go, as_intercept says. */
	u32 target = vp->synic.sint[sint].as_intercept ? HV_SYNIC_INTERCEPTION_SINT_INDEX : sint;

	page = synic_page(vp, vp->synic.sirbp.sirbp_enabled,
			  vp->synic.sirbp.base_sirbp_gpa);
	/* Without room for the message nobody would look at the ring. */
	if (!page || vp->synic.queue[target].count == SYNIC_QUEUE_MAX)
		return false;

	ring = &page->sint_event_ring[sint];
	if (__atomic_load_n(&ring->data[*head], __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&ring->ring_full, 1, __ATOMIC_RELEASE);
		log_event(vp->index, "ring-full", "sint=%u port=%u", sint, port);
		return false;
	}
	__atomic_store_n(&ring->data[*head], port, __ATOMIC_RELEASE);
	*head = (*head + 1) % HV_SYNIC_EVENT_RING_MESSAGE_COUNT;
	log_event(vp->index, "ring", "sint=%u port=%u", sint, port);

	/* Pairs with the mb() of synic_event_ring_get_queued_port(). */
	if (__atomic_exchange_n(&ring->signal_masked, 1, __ATOMIC_SEQ_CST))
		return true;

	payload = (void *)message.u.payload;
	payload->sint_index = sint;
	return synic_post(vp, target, &message);
}

bool synic_read(struct vp *vp, u32 msr, u64 *value)
{
	struct synic *synic = &vp->synic;

	switch (msr) {
	case HV_X64_MSR_SCONTROL:
		*value = synic->scontrol.as_uint64;
		return true;
	case HV_X64_MSR_SVERSION:
		*value = HV_SYNIC_VERSION;
		return true;
	case HV_X64_MSR_SIEFP:
		*value = synic->siefp.as_uint64;
		return true;
	case HV_X64_MSR_SIMP:
		*value = synic->simp.as_uint64;
		return true;
	case HV_X64_MSR_EOM:
		*value = 0;
		return true;
	case HV_X64_MSR_SIRBP:
		*value = synic->sirbp.as_uint64;
		return true;
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		*value = synic->sint[msr - HV_X64_MSR_SINT0].as_uint64;
		return true;
	default:
		return false;
	}
}

/*
 * A page register must name a page of memory when it is enabled; and the one
 * that the hypervisor provides, if it does.
 */
static bool synic_page_is_right(struct vp *vp, u32 msr, u64 value, u64 provided)
{
	u64 gpfn = value >> HV_HYP_PAGE_SHIFT;

	if (!(value & 1))
		return true;
	if (provided && gpfn != provided)
		log_violation(vp->index, "%s enabled with page 0x%llx, not the one provided",
			      name_of(msr_names, msr), (unsigned long long)gpfn);
	if (synic_page(vp, true, gpfn))
		return true;
	log_violation(vp->index, "%s enabled with page 0x%llx, which is not memory",
		      name_of(msr_names, msr), (unsigned long long)gpfn);
	return false;
}

/* What waited while a slot was out of reach can go now. */
static void synic_retry(struct vp *vp)
{
	u32 i;

	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		synic_fill_slot(vp, i);
	if (vp->partition->pump)
		vp->partition->pump(vp->partition);
}

/*
 * What a test wants to come at the last moment. No interrupt: the SINT is masked
 * before one could be raised.
 */
static void synic_before_mask(struct vp *vp)
{
	const u32 sint = HV_SYNIC_INTERCEPTION_SINT_INDEX;
	struct synic_queue *coming = &vp->synic.at_mask;
	struct synic_queue *queue = &vp->synic.queue[sint];
	unsigned int i;

	for (i = 0; i < coming->count && queue->count < SYNIC_QUEUE_MAX; i++) {
		queue->messages[queue->count++] = coming->messages[i];
		if (!synic_write_slot(vp, sint))
			log_event(vp->index, "message-waits", "sint=%u type=0x%x waiting=%u",
				  sint, coming->messages[i].header.message_type,
				  queue->count);
	}
	coming->count = 0;
}

static bool synic_write_sint(struct vp *vp, u32 index, u64 value)
{
	union hv_synic_sint sint = { .as_uint64 = value };

	if (sint.reserved1 || sint.reserved2) {
		log_violation(vp->index, "SINT%u written with reserved bits: 0x%llx",
			      index, (unsigned long long)value);
		return false;
	}
	if (!sint.masked && sint.vector < HV_SINT_VECTOR_MIN) {
		log_violation(vp->index, "SINT%u unmasked with vector 0x%x", index,
			      (u32)sint.vector);
		return false;
	}
	/* The CPUID hint says not to: KVM's APIC would keep the ISR bit set. */
	if (!sint.masked && sint.auto_eoi) {
		log_violation(vp->index, "SINT%u with auto EOI, against the hint", index);
		return false;
	}
	if (index == HV_SYNIC_INTERCEPTION_SINT_INDEX && sint.masked)
		synic_before_mask(vp);
	vp->synic.sint[index] = sint;
	synic_retry(vp);
	return true;
}

static void synic_write_scontrol(struct vp *vp, u64 value)
{
	struct synic *synic = &vp->synic;
	u8 vector = synic->late_vector;
	bool was_enabled = synic->scontrol.enable;

	synic->scontrol.as_uint64 = value;
	synic_retry(vp);
	if (was_enabled && !synic->scontrol.enable && vector) {
		synic->late_vector = 0;
		vp->partition->interrupt(vp, vector);
	}
}

bool synic_write(struct vp *vp, u32 msr, u64 value)
{
	struct synic *synic = &vp->synic;

	switch (msr) {
	case HV_X64_MSR_SCONTROL:
		if (value & ~1ULL) {
			log_violation(vp->index, "SCONTROL written with reserved bits");
			return false;
		}
		synic_write_scontrol(vp, value);
		return true;
	case HV_X64_MSR_SIEFP:
		if (!synic_page_is_right(vp, msr, value, synic->provided_siefp))
			return false;
		synic->siefp.as_uint64 = value;
		return true;
	case HV_X64_MSR_SIMP:
		if (!synic_page_is_right(vp, msr, value, synic->provided_simp))
			return false;
		synic->simp.as_uint64 = value;
		synic_retry(vp);
		return true;
	case HV_X64_MSR_SIRBP:
		if (!synic_page_is_right(vp, msr, value, 0))
			return false;
		synic->sirbp.as_uint64 = value;
		return true;
	case HV_X64_MSR_EOM:
		synic_retry(vp);
		return true;
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		return synic_write_sint(vp, msr - HV_X64_MSR_SINT0, value);
	default:
		return false;
	}
}

bool synic_takes(const struct vp *vp, u32 sint)
{
	return vp->synic.scontrol.enable && vp->synic.simp.simp_enabled &&
	       !vp->synic.sint[sint].masked;
}

u32 synic_slot_type(struct vp *vp, u32 sint)
{
	u64 gpfn = vp->synic.simp.base_simp_gpa;
	void *page = gpfn ? partition_page(vp->partition, gpfn) : NULL;
	u32 *type;

	if (!page)
		return HVMSG_NONE;
	type = page + sint * sizeof(struct hv_message);
	return __atomic_load_n(type, __ATOMIC_ACQUIRE);
}

unsigned int synic_ringing(struct vp *vp, u32 sint)
{
	struct hv_synic_event_ring_page *page;
	unsigned int ringing = 0, i;

	page = synic_page(vp, vp->synic.sirbp.sirbp_enabled,
			  vp->synic.sirbp.base_sirbp_gpa);
	for (i = 0; page && i < HV_SYNIC_EVENT_RING_MESSAGE_COUNT; i++)
		ringing += !!__atomic_load_n(&page->sint_event_ring[sint].data[i],
					     __ATOMIC_ACQUIRE);
	return ringing;
}

void synic_drop(struct vp *vp)
{
	const u32 sint = HV_SYNIC_INTERCEPTION_SINT_INDEX;
	u32 *type = synic_slot(vp, sint);

	vp->synic.queue[sint].count = 0;
	if (type)
		__atomic_store_n(type, HVMSG_NONE, __ATOMIC_RELEASE);
}
