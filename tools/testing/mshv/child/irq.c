// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of child partitions: what the parent and the VPs send to local
 * APICs, their clock, and what the parent is told of.
 */

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "clock.h"
#include "intercept.h"
#include "irq.h"
#include "message.h"
#include "sched.h"
#include "stimer.h"
#include "vp.h"

/* An interrupt on its way, and to whom. */
struct irq {
	struct child_vp *sender;	/* NULL: the parent */
	u32 type;			/* enum hv_interrupt_type */
	u8 vector;
	bool level;
	bool logical;
	u32 dest;
	u8 shorthand;			/* enum apic_shorthand */
};

static struct child_vp *vp_of(struct apic *apic)
{
	return container_of(apic, struct child_vp, apic);
}

static u64 irq_now(struct apic *apic)
{
	(void)apic;
	return child_clock_now();
}

static void irq_changed(struct apic *apic)
{
	if (apic->deadline)
		child_clock_wake_by(apic->deadline);
	if (child_vp_has_interrupt(vp_of(apic)))
		child_sched_runnable(vp_of(apic));
}

/*
 * No public source says how a parent learns of it. As an intercept it reaches the
 * VMM, which a VMM with interrupt controllers of its own needs; as a message of
 * the SynIC it reaches a resampling irqfd of the driver's, or nobody, and the VP
 * goes on. --eoi chooses.
 */
static void irq_eoi(struct apic *apic, u8 vector)
{
	struct child_vp *vp = vp_of(apic);
	bool posted;

	if (!vp->child->parent->options->eoi_messages) {
		vp->eoi_owed = true;
		vp->eoi_vector = vector;
		return;
	}
	child_intercept_eoi(vp, vector);
	posted = child_message_post(vp->child, &vp->message);
	log_event(LOG_NO_VP, "eoi", "child=0x%llx index=%u vector=0x%x posted=%s",
		  (unsigned long long)vp->child->id, vp->index, vector,
		  posted ? "yes" : "no");
}

/* TLFS: the end of an interrupt has messages sent that wait, as EOM has. */
static void irq_ended(struct apic *apic)
{
	child_stimer_retry(vp_of(apic));
}

static bool irq_is_for(const struct irq *irq, const struct child_vp *vp)
{
	switch (irq->shorthand) {
	case APIC_SELF:
		return vp == irq->sender;
	case APIC_ALL:
		return true;
	case APIC_OTHERS:
		return vp != irq->sender;
	default:
		return apic_matches(&vp->apic, irq->logical, irq->dest);
	}
}

static void irq_arrive(const struct irq *irq, struct child_vp *vp)
{
	switch (irq->type) {
	case HV_X64_INTERRUPT_TYPE_LOCALINT0:
	case HV_X64_INTERRUPT_TYPE_LOCALINT1:
		apic_lint(&vp->apic, irq->type - HV_X64_INTERRUPT_TYPE_LOCALINT0,
			  irq->vector);
		break;
	default:
		/* The numbers are those of delivery modes. */
		apic_deliver(&vp->apic, irq->type, irq->vector, irq->level);
	}
}

/* Of two that would take it, which one is less busy: the first one at a draw. */
static struct child_vp *less_busy(struct child_vp *one, struct child_vp *other)
{
	if (!apic_is_enabled(&other->apic))
		return one;
	return !one || apic_ppr(&other->apic) < apic_ppr(&one->apic) ? other : one;
}

/* Returns how many VPs it selects; one whose local APIC is off gets nothing. */
static unsigned int irq_route(struct child *child, const struct irq *irq)
{
	struct child_vp *lowest = NULL;
	unsigned int targets = 0;
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++) {
		struct child_vp *vp = child->vps[i];

		if (!vp || !irq_is_for(irq, vp))
			continue;
		targets++;
		if (irq->type == HV_X64_INTERRUPT_TYPE_LOWESTPRIORITY)
			lowest = less_busy(lowest, vp);
		else
			irq_arrive(irq, vp);
	}
	if (lowest)
		irq_arrive(irq, lowest);
	return targets;
}

static void irq_send(struct apic *apic, u8 vector, u8 mode, bool logical, u32 dest,
		     u8 shorthand)
{
	const struct irq irq = {
		.sender = vp_of(apic),
		.type = mode,
		.vector = vector,
		.logical = logical,
		.dest = dest,
		.shorthand = shorthand,
	};

	irq_route(vp_of(apic)->child, &irq);
}

static const struct apic_bus irq_bus = {
	.now = irq_now,
	.send = irq_send,
	.eoi = irq_eoi,
	.ended = irq_ended,
	.changed = irq_changed,
};

void child_irq_init(struct child_vp *vp)
{
	apic_init(&vp->apic, vp->index, &irq_bus);
}

/* Whether the parent may send such one. */
static bool irq_is_right(const struct hv_input_assert_virtual_interrupt *input)
{
	if (input->target_vtl || input->rsvd_z0 || input->rsvd_z1 || input->control.rsvd ||
	    input->dest_addr >> 32 || input->vector >> 8)
		return false;

	switch (input->control.interrupt_type) {
	case HV_X64_INTERRUPT_TYPE_FIXED:
	case HV_X64_INTERRUPT_TYPE_LOWESTPRIORITY:
		return input->vector >= APIC_VECTOR_MIN;
	case HV_X64_INTERRUPT_TYPE_NMI:
	case HV_X64_INTERRUPT_TYPE_INIT:
		/* TLFS, HvAssertVirtualInterrupt: zero where there is no vector. */
		return !input->vector;
	case HV_X64_INTERRUPT_TYPE_EXTINT:
		/* In real mode a legacy controller's begin at 8; mshv-ioctls tests 0. */
	case HV_X64_INTERRUPT_TYPE_SIPI:
	case HV_X64_INTERRUPT_TYPE_LOCALINT0:
	case HV_X64_INTERRUPT_TYPE_LOCALINT1:
		return true;
	default:
		return false;
	}
}

/* Whether a VP has taken one of the legacy controller's, and that was not cleared. */
static bool has_acknowledged(const struct child *child)
{
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->apic.extint_taken)
			return true;
	return false;
}

u16 child_irq_assert(struct hypercall *call)
{
	const struct hv_input_assert_virtual_interrupt *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	struct irq irq = {
		.type = input->control.interrupt_type,
		.vector = input->vector,
		.level = input->control.level_triggered,
		.logical = input->control.logical_dest_mode,
		.dest = input->dest_addr,
	};
	unsigned int targets;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!irq_is_right(input))
		return HV_STATUS_INVALID_PARAMETER;
	if (irq.type == HV_X64_INTERRUPT_TYPE_EXTINT) {
		/* TLFS, HvAssertVirtualInterrupt: it goes to VP 0, and has no destination. */
		if (irq.dest || !child->vps[0])
			return HV_STATUS_INVALID_VP_INDEX;
		/*
		 * TLFS, "Hypercall Status Codes": one that was acknowledged must be
		 * cleared first. One that was not is asserted anew.
		 */
		if (has_acknowledged(child))
			return HV_STATUS_ACKNOWLEDGED;
		irq.sender = child->vps[0];
		irq.shorthand = APIC_SELF;
	}

	targets = irq_route(child, &irq);
	log_event(call->vp->index, "assert",
		  "child=0x%llx type=%u vector=0x%x dest=0x%x logical=%u level=%u targets=%u",
		  (unsigned long long)child->id, irq.type, irq.vector, irq.dest,
		  irq.logical, irq.level, targets);
	/* TLFS: the VP that the destination selects is not valid. */
	return targets ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

u16 child_irq_clear(struct hypercall *call)
{
	const struct hv_input_clear_virtual_interrupt *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	u32 i;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	/* It allows the next one. One that is pending stays so. */
	if (!has_acknowledged(child))
		return HV_STATUS_NOT_ACKNOWLEDGED;
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i])
			child->vps[i]->apic.extint_taken = false;
	return HV_STATUS_SUCCESS;
}

/* A local APIC's id is its VP's number, unless its parent has set another. */
static bool find_apic(const struct child *child, u32 id, u32 *index)
{
	for (*index = 0; *index < CHILD_VPS_MAX; ++*index)
		if (child->vps[*index] && child->vps[*index]->apic.id == id)
			return true;
	return false;
}

u16 child_irq_vp_index(struct hypercall *call)
{
	const struct hv_get_vp_from_apic_id_in *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	u32 *output = call->out;
	u32 index;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (input->target_vtl.as_uint8)
		return HV_STATUS_INVALID_PARAMETER;
	for (; call->reps_done < call->rep_count; call->reps_done++) {
		if (!find_apic(child, input->apic_ids[call->reps_done], &index))
			return HV_STATUS_INVALID_PARAMETER;
		output[call->reps_done] = index;
	}
	return HV_STATUS_SUCCESS;
}

/* When so many units have passed; ~0: never. */
static u64 ns_after(u64 units)
{
	return units > ~0ULL / NS_PER_UNIT / 2 ? ~0ULL : child_clock_now() + units * NS_PER_UNIT;
}

/* Have all timers fire that are due. Returns when the next one is, ~0: never. */
static u64 tick(struct partition *partition)
{
	u64 next = ~0ULL, when;
	unsigned int c;
	u32 i;

	for (c = 0; c < partition->nr_children; c++) {
		for (i = 0; i < CHILD_VPS_MAX; i++) {
			struct child_vp *vp = partition->children[c]->vps[i];

			if (!vp)
				continue;
			apic_tick(&vp->apic);
			if (vp->apic.deadline && vp->apic.deadline < next)
				next = vp->apic.deadline;
			when = ns_after(child_stimer_tick(vp));
			if (when < next)
				next = when;
		}
	}
	return next;
}

int child_irq_setup(struct partition *partition)
{
	return child_clock_setup(partition, tick);
}
