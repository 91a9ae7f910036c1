// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VP takes before it goes on: interrupts, INIT and start-up IPIs.
 */

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "apic.h"
#include "regs.h"
#include "synic.h"
#include "take.h"
#include "vp.h"

#define RFLAGS_IF		BIT_ULL(9)

static bool takes_interrupts(struct child_vp *vp)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);

	return regs->regs.rflags & RFLAGS_IF && !regs->events.interrupt.shadow &&
	       !regs->events.interrupt.injected && !regs->events.exception.injected &&
	       !regs->events.exception.pending && !regs->events.nmi.injected;
}

/* Whether KVM has been given, or has made, what ends a HLT. */
bool is_interrupted(struct child_vp *vp)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	return events->interrupt.injected || events->exception.injected ||
	       events->exception.pending || events->nmi.injected ||
	       (events->nmi.pending && !events->nmi.masked);
}

/* Likewise one that cannot be masked. */
static bool takes_nmis(struct child_vp *vp)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	return !is_interrupted(vp) && !events->nmi.masked && !events->nmi.pending &&
	       !events->interrupt.shadow && !vp->apic.nmi;
}

/* Whether its TPR lets that through which the parent has; it has 0 for any. */
static bool lets_through(const struct child_vp *vp)
{
	return !vp->notify_priority || vp->notify_priority > apic_ppr(&vp->apic) >> 4;
}

/*
 * What the parent waits for and the VP would take now, HV_INTERRUPTION_TYPE_*; -1:
 * nothing. Halted or not: it is the parent's to wake it.
 */
int deliverable(struct child_vp *vp)
{
	if (vp->apic.wait_for_sipi)
		return -1;
	if (vp->notify_nmi && takes_nmis(vp))
		return HV_INTERRUPTION_TYPE_NMI;
	if (vp->notify_interrupt && takes_interrupts(vp) && lets_through(vp))
		return HV_INTERRUPTION_TYPE_INTERRUPT;
	return -1;
}

/* INIT and start-up IPIs, in the order in which they count. */
void take_init(struct child_vp *vp)
{
	struct apic *apic = &vp->apic;

	if (apic->init) {
		apic->init = false;
		apic_reset(apic);
		vp->halted = false;
		vp->idle = false;
		child_regs_reset(vp);
	}
	if (apic->sipi && apic->wait_for_sipi) {
		apic->wait_for_sipi = false;
		vp->halted = false;
		vp->idle = false;
		child_regs_start(vp, apic->sipi_vector);
	}
	apic->sipi = false;
}

/*
 * KVM is given an interrupt as one that is being delivered: it goes in at the
 * next entry, and stays in the state if that does not come to pass.
 */
void take_interrupts(struct child_vp *vp)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	int vector;

	if (vp->apic.nmi) {
		vp->apic.nmi = false;
		regs->events.nmi.pending = 1;
		regs->events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
		vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	}
	if (is_interrupted(vp)) {
		vp->halted = false;
		vp->idle = false;
	}
	vector = apic_pending(&vp->apic);
	/* Where the TPR holds it back, KVM comes out when the guest has a lower one. */
	vp->run->request_interrupt_window = vp->notify_interrupt && lets_through(vp);
	if (vector < 0)
		return;
	vp->idle = false;
	if (regs->regs.rflags & RFLAGS_IF)
		vp->halted = false;
	if (!takes_interrupts(vp)) {
		vp->run->request_interrupt_window = 1;
		return;
	}
	apic_accept(&vp->apic, vector);
	if (child_synic_ends(vp, vector))
		apic_forgive(&vp->apic, vector);
	regs->events.interrupt.injected = 1;
	regs->events.interrupt.nr = vector;
	regs->events.interrupt.soft = 0;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	vp->run->request_interrupt_window = apic_pending(&vp->apic) >= 0 ||
					    (vp->notify_interrupt && lets_through(vp));
}
