// SPDX-License-Identifier: GPL-2.0-only
/*
 * One VP of a child runs until somebody must look.
 *
 * KVM holds no interrupt controller of the child's: before each entry what its
 * local APIC has for it is put into the state that KVM takes over with the
 * entry, and HLT is an exit.
 */

#include <errno.h>
#include <string.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "debug.h"
#include "enter.h"
#include "exits.h"
#include "intercept.h"
#include "outcome.h"
#include "run.h"
#include "stimer.h"
#include "synic.h"
#include "take.h"
#include "vp.h"

#define CR4_PGE			BIT_ULL(7)
#define RFLAGS_IF		BIT_ULL(9)

bool child_run_has_work(struct child_vp *vp)
{
	const struct apic *apic = &vp->apic;

	if (!apic->wait_for_sipi && is_interrupted(vp))
		return true;
	/* The parent waits to be told of a slot, whatever the VP does. */
	if (child_synic_deliverable(vp) || deliverable(vp) >= 0)
		return true;
	if (!child_vp_has_interrupt(vp))
		return false;
	return apic->init || apic->sipi || apic->nmi || vp->idle ||
	       child_vp_regs(vp)->regs.rflags & RFLAGS_IF;
}

/* Called away; or, EFAULT, a page was not in reach yet: see space.c. */
static bool is_again(int error)
{
	return error == -EINTR || error == -EAGAIN || error == -EFAULT;
}

/*
 * Have the guest find no translation that it had. KVM has no call for that, but does
 * it where CR4 changes: it is set to something else now, and back with the entry. KVM
 * looks at a PAE guest's memory when it takes CR4 over, so this is call_kvm()'s.
 */
static enum outcome flush_translations(struct child_vp *vp)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	int ret;

	vp->flush_owed = false;
	regs->sregs.cr4 ^= CR4_PGE;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	ret = settle(vp);
	/* Whether it has taken it or not, it is there. */
	regs->sregs.cr4 ^= CR4_PGE;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	if (!ret)
		return handle_exit(vp);
	if (!is_again(ret))
		return refuse(vp, strerror(-ret), 0);
	return vp->fault.valid ? handle_memory_fault(vp, NULL) : GO_ON;
}

static enum outcome step(struct child_vp *vp)
{
	bool steps = wants_steps(vp);
	struct kvm_guest_debug debug;
	int ret;

	if (steps && vp->unfinished)
		return finish(vp);
	/* What comes meanwhile has to be looked at before the guest is entered. */
	if (vp->flush_owed)
		return flush_translations(vp);
	debug = wanted_debug(vp, steps);
	/* KVM steps from where RIP was when it was told to: each time. */
	if (steps || memcmp(&debug, &vp->debug, sizeof(debug))) {
		/* It must have the registers by then. */
		if (vp->run->kvm_dirty_regs) {
			ret = settle(vp);
			if (!ret)
				return handle_exit(vp);
			if (!is_again(ret))
				return refuse(vp, strerror(-ret), 0);
			return vp->fault.valid ? handle_memory_fault(vp, NULL) : GO_ON;
		}
		set_debug(vp, &debug);
	}
	if (steps && intercept_next(vp))
		return INTERCEPTED;
	ret = enter(vp);
	if (!ret)
		return handle_exit(vp);
	if (is_again(ret))
		return vp->fault.valid ? handle_memory_fault(vp, NULL) : GO_ON;
	return refuse(vp, strerror(-ret), 0);
}

/* Whether the state is about to be looked at or changed. */
static bool state_is_wanted(struct child_vp *vp)
{
	return vp->pullers || vp->eoi_owed || must_stop(vp) || child_vp_has_interrupt(vp) ||
	       child_synic_deliverable(vp) || deliverable(vp) >= 0 || vp->flush_owed;
}

/* Whoever pulls it reads and writes KVM's state of it meanwhile. */
static void wait_for_pullers(struct child_vp *vp)
{
	while (vp->pullers)
		pthread_cond_wait(&vp->changed, &vp->child->parent->lock);
}

/*
 * On SVM KVM has put a VP that shut down into the state of a reset. It must not begin
 * there because its parent does not look at what it is told.
 */
static bool stays_shut_down(struct child_vp *vp)
{
	if (vp->run->kvm_dirty_regs & KVM_SYNC_X86_REGS)
		vp->shut_down = false;
	return vp->shut_down;
}

enum child_stop child_run(struct child_vp *vp)
{
	enum outcome outcome;
	u16 sints;
	int type;

	/* Timers that were put off until the VP runs. */
	child_stimer_look(vp);
	for (;;) {
		if (vp->unfinished && state_is_wanted(vp)) {
			outcome = finish(vp);
			if (outcome == GO_ON)
				continue;
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
		if (vp->eoi_owed) {
			vp->eoi_owed = false;
			child_intercept_eoi(vp, vp->eoi_vector);
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
		wait_for_pullers(vp);
		if (must_stop(vp))
			return CHILD_STOP_KICK;
		sints = child_synic_deliverable(vp);
		if (sints) {
			vp->synic->notify &= ~sints;
			child_intercept_sints(vp, sints);
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
		take_init(vp);
		if (vp->apic.wait_for_sipi)
			return CHILD_STOP_HALT;
		if (stays_shut_down(vp)) {
			child_intercept_unrecoverable(vp);
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
		type = deliverable(vp);
		if (type >= 0) {
			/* Once: it is asked for anew each time, as SINTs are. */
			if (type == HV_INTERRUPTION_TYPE_NMI) {
				vp->notify_nmi = false;
			} else {
				vp->notify_interrupt = false;
				vp->notify_priority = 0;
			}
			child_intercept_deliverable(vp, type);
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
		take_interrupts(vp);
		if (vp->halted || vp->idle)
			return CHILD_STOP_HALT;

		outcome = step(vp);
		if (outcome == INTERCEPTED) {
			vp->intercepts++;
			return CHILD_STOP_INTERCEPT;
		}
	}
}
