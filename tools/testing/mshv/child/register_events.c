// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of what stops a VP, and of what is about to happen to it.
 */

#include <string.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "apic.h"
#include "reg.h"
#include "register_events.h"
#include "synic.h"
#include "vp.h"

#define NMI_VECTOR		2
#define EXCEPTIONS		32

static struct kvm_vcpu_events *dirty_events(struct child_vp *vp)
{
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	return &child_vp_regs(vp)->events;
}

static u16 get_suspend(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	switch (where) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		value->explicit_suspend.suspended = vp->explicit_suspend;
		break;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		value->intercept_suspend.suspended = vp->intercept_suspend;
		break;
	default:
		value->dispatch_suspend.suspended = vp->dispatch_suspend;
		break;
	}
	return HV_STATUS_SUCCESS;
}

static u16 get_activity(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	if (vp->apic.wait_for_sipi)
		value->reg64 |= HV_ACTIVITY_STARTUP_SUSPEND;
	if (vp->halted)
		value->reg64 |= HV_ACTIVITY_HALT_SUSPEND;
	if (vp->idle)
		value->reg64 |= HV_ACTIVITY_IDLE_SUSPEND;
	return HV_STATUS_SUCCESS;
}

static u16 set_activity(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)where;
	if (value->reg64 & ~(HV_ACTIVITY_STARTUP_SUSPEND | HV_ACTIVITY_HALT_SUSPEND |
			     HV_ACTIVITY_IDLE_SUSPEND))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->apic.wait_for_sipi = value->reg64 & HV_ACTIVITY_STARTUP_SUSPEND;
	vp->halted = value->reg64 & HV_ACTIVITY_HALT_SUSPEND;
	vp->idle = value->reg64 & HV_ACTIVITY_IDLE_SUSPEND;
	/* The line of the call has the first of its registers only. */
	log_event(LOG_NO_VP, "child-activity", "child=0x%llx index=%u value=0x%llx",
		  (unsigned long long)vp->child->id, vp->index,
		  (unsigned long long)value->reg64);
	return HV_STATUS_SUCCESS;
}

static u16 get_interruption(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;
	union hv_x64_pending_interruption_register pending = { .interruption_pending = 1 };

	(void)where;
	if (events->exception.injected) {
		pending.interruption_type = HV_INTERRUPTION_TYPE_EXCEPTION;
		pending.deliver_error_code = events->exception.has_error_code;
		pending.interruption_vector = events->exception.nr;
		pending.error_code = events->exception.error_code;
	} else if (events->nmi.injected) {
		pending.interruption_type = HV_INTERRUPTION_TYPE_NMI;
		pending.interruption_vector = NMI_VECTOR;
	} else if (events->interrupt.injected) {
		pending.interruption_type = events->interrupt.soft ?
			HV_INTERRUPTION_TYPE_SOFTWARE : HV_INTERRUPTION_TYPE_INTERRUPT;
		pending.interruption_vector = events->interrupt.nr;
	} else {
		return HV_STATUS_SUCCESS;
	}
	value->pending_interruption = pending;
	return HV_STATUS_SUCCESS;
}

/* What KVM can inject as an exception. */
static bool is_exception(u32 vector)
{
	return vector < EXCEPTIONS && vector != NMI_VECTOR;
}

static u16 set_interruption(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	union hv_x64_pending_interruption_register pending = value->pending_interruption;
	u32 vector = pending.interruption_vector;
	struct kvm_vcpu_events *events;

	(void)where;
	if (pending.interruption_pending) {
		switch (pending.interruption_type) {
		case HV_INTERRUPTION_TYPE_INTERRUPT:
			if (vector > 0xff)
				return HV_STATUS_INVALID_REGISTER_VALUE;
			break;
		case HV_INTERRUPTION_TYPE_NMI:
			break;
		case HV_INTERRUPTION_TYPE_EXCEPTION:
			if (is_exception(vector))
				break;
			fallthrough;
		default:
			/* Of software interrupts KVM does not take the length. */
			return HV_STATUS_INVALID_REGISTER_VALUE;
		}
	}

	events = dirty_events(vp);
	events->exception.injected = 0;
	events->nmi.injected = 0;
	events->interrupt.injected = 0;
	if (!pending.interruption_pending)
		return HV_STATUS_SUCCESS;

	if (pending.interruption_type == HV_INTERRUPTION_TYPE_EXCEPTION) {
		events->exception.injected = 1;
		events->exception.pending = 0;
		events->exception.nr = vector;
		events->exception.has_error_code = pending.deliver_error_code;
		events->exception.error_code = pending.error_code;
	} else if (pending.interruption_type == HV_INTERRUPTION_TYPE_NMI) {
		events->nmi.injected = 1;
	} else {
		events->interrupt.injected = 1;
		events->interrupt.nr = vector;
		events->interrupt.soft = 0;
	}
	return HV_STATUS_SUCCESS;
}

static u16 get_interrupt_state(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	(void)where;
	value->interrupt_state.interrupt_shadow = !!events->interrupt.shadow;
	value->interrupt_state.nmi_masked = !!events->nmi.masked;
	return HV_STATUS_SUCCESS;
}

static u16 set_interrupt_state(struct child_vp *vp, u32 where,
			       const union hv_register_value *value)
{
	struct kvm_vcpu_events *events = dirty_events(vp);

	(void)where;
	/* KVM knows two kinds of shadow. One that is there already stays as it is. */
	if (!value->interrupt_state.interrupt_shadow)
		events->interrupt.shadow = 0;
	else if (!events->interrupt.shadow)
		events->interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	events->flags |= KVM_VCPUEVENT_VALID_SHADOW;
	events->nmi.masked = value->interrupt_state.nmi_masked;
	return HV_STATUS_SUCCESS;
}

/* One of the legacy controller's, which no state of the local APIC has. */
static void get_ext_int(struct child_vp *vp, union hv_register_value *value)
{
	const struct hv_x64_pending_ext_int_event event = {
		.event_pending = 1,
		.event_type = HV_X64_PENDING_EVENT_EXT_INT,
		.vector = vp->apic.extint_vector,
	};

	memcpy(value, &event, sizeof(event));
}

static u16 set_ext_int(struct child_vp *vp, const union hv_register_value *value)
{
	struct hv_x64_pending_ext_int_event event;

	memcpy(&event, value, sizeof(event));
	dirty_events(vp)->exception.pending = 0;
	apic_deliver(&vp->apic, APIC_EXTINT, event.vector, false);
	return HV_STATUS_SUCCESS;
}

static u16 get_event0(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;
	struct hv_x64_pending_exception_event event = { };

	(void)where;
	/* There is one register for both. The exception comes first, to the guest as well. */
	if (vp->apic.extint && !events->exception.pending) {
		get_ext_int(vp, value);
		return HV_STATUS_SUCCESS;
	}
	if (events->exception.pending) {
		event.event_pending = 1;
		event.deliver_error_code = events->exception.has_error_code;
		event.vector = events->exception.nr;
		event.error_code = events->exception.error_code;
		if (events->exception_has_payload)
			event.exception_parameter = events->exception_payload;
	}
	memcpy(value, &event, sizeof(event));
	return HV_STATUS_SUCCESS;
}

/*
 * Only these two: KVM keeps no other event apart from those being delivered. An exception
 * takes no interrupt away: who injects one may not know of that.
 */
static u16 set_event0(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	struct hv_x64_pending_exception_event event;
	struct kvm_vcpu_events *events;

	(void)where;
	memcpy(&event, value, sizeof(event));
	if (event.event_pending && event.event_type == HV_X64_PENDING_EVENT_EXT_INT)
		return set_ext_int(vp, value);
	if (event.event_pending && (event.event_type || !is_exception(event.vector)))
		return HV_STATUS_INVALID_REGISTER_VALUE;

	events = dirty_events(vp);
	events->exception.pending = event.event_pending;
	events->exception_has_payload = 0;
	if (!event.event_pending) {
		vp->apic.extint = false;
		return HV_STATUS_SUCCESS;
	}
	events->exception.injected = 0;
	events->exception.nr = event.vector;
	events->exception.has_error_code = event.deliver_error_code;
	events->exception.error_code = event.error_code;
	/* What becomes CR2 or part of DR6 when the exception is delivered. */
	events->exception_has_payload = event.vector == PF_VECTOR || event.vector == DB_VECTOR;
	events->exception_payload = event.exception_parameter;
	events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	return HV_STATUS_SUCCESS;
}

static u16 get_event1(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg128 = vp->storage->pending_event1;
	return HV_STATUS_SUCCESS;
}

static u16 set_event1(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)where;
	vp->storage->pending_event1 = value->reg128;
	return HV_STATUS_SUCCESS;
}

static u16 get_deliverability(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = (u64)vp->synic->notify << HV_DELIVERABILITY_SINTS_SHIFT |
		       (u64)vp->notify_priority << HV_DELIVERABILITY_PRIORITY_SHIFT;
	if (vp->notify_nmi)
		value->reg64 |= HV_DELIVERABILITY_NMI;
	if (vp->notify_interrupt)
		value->reg64 |= HV_DELIVERABILITY_INTERRUPT;
	return HV_STATUS_SUCCESS;
}

/*
 * Where the hypervisor has the local APIC, NMIs and priorities are its own: to ask for
 * an NMI is INVALID_PARAMETER (rust-vmm, test_register_deliverabilty_notifications()),
 * and so is all but SINTs and an interrupt (OpenVMM, vmm_core/virt_whp/src/hypercalls.rs).
 * A VMM with local APICs of its own asks for all of them (the same, apic.rs).
 */
static u16 set_deliverability(struct child_vp *vp, u32 where,
			      const union hv_register_value *value)
{
	u64 known = HV_DELIVERABILITY_INTERRUPT | ~0ULL << HV_DELIVERABILITY_SINTS_SHIFT;

	(void)where;
	if (!(vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		known |= HV_DELIVERABILITY_NMI | (u64)HV_DELIVERABILITY_PRIORITY_MAX <<
						 HV_DELIVERABILITY_PRIORITY_SHIFT;
	if (value->reg64 & ~known)
		return HV_STATUS_INVALID_PARAMETER;
	vp->notify_nmi = value->reg64 & HV_DELIVERABILITY_NMI;
	vp->notify_interrupt = value->reg64 & HV_DELIVERABILITY_INTERRUPT;
	vp->notify_priority = value->reg64 >> HV_DELIVERABILITY_PRIORITY_SHIFT &
			      HV_DELIVERABILITY_PRIORITY_MAX;
	child_synic_notify(vp, value->reg64 >> HV_DELIVERABILITY_SINTS_SHIFT);
	return HV_STATUS_SUCCESS;
}

/* What hvemu has none of, and KVM has no place for. */
static u16 get_nothing(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)vp;
	(void)where;
	value->reg64 = 0;
	return HV_STATUS_SUCCESS;
}

static u16 set_nothing(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)vp;
	(void)where;
	return value->reg64 ? HV_STATUS_INVALID_REGISTER_VALUE : HV_STATUS_SUCCESS;
}

static u16 get_signals(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = vp->signals;
	return HV_STATUS_SUCCESS;
}

static const struct child_reg regs[] = {
	{ HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND,
	  HV_REGISTER_EXPLICIT_SUSPEND, 1, get_suspend, NULL },
	{ HV_REGISTER_INSTRUCTION_EMULATION_HINTS, HV_REGISTER_INSTRUCTION_EMULATION_HINTS,
	  0, 0, get_nothing, NULL },
	{ HV_REGISTER_DISPATCH_SUSPEND, HV_REGISTER_DISPATCH_SUSPEND,
	  HV_REGISTER_DISPATCH_SUSPEND, 0, get_suspend, NULL },
	{ HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
	  0, 0, get_activity, set_activity },
	{ HV_REGISTER_PENDING_INTERRUPTION, HV_REGISTER_PENDING_INTERRUPTION,
	  0, 0, get_interruption, set_interruption },
	{ HV_REGISTER_INTERRUPT_STATE, HV_REGISTER_INTERRUPT_STATE,
	  0, 0, get_interrupt_state, set_interrupt_state },
	{ HV_REGISTER_PENDING_EVENT0, HV_REGISTER_PENDING_EVENT0,
	  0, 0, get_event0, set_event0 },
	{ HV_REGISTER_PENDING_EVENT1, HV_REGISTER_PENDING_EVENT1,
	  0, 0, get_event1, set_event1 },
	{ HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	  0, 0, get_deliverability, set_deliverability },
	{ HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION,
	  0, 0, get_nothing, set_nothing },
	{ HV_REGISTER_VP_ROOT_SIGNAL_COUNT, HV_REGISTER_VP_ROOT_SIGNAL_COUNT,
	  0, 0, get_signals, NULL },
};

const struct child_reg_table child_reg_events = { regs, ARRAY_SIZE(regs) };
