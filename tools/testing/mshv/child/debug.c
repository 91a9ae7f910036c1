// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VP that is stepped, or has breakpoints, because its parent wants CPUID, INT3 or #DB.
 */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/log.h"
#include "child.h"
#include "debug.h"
#include "intercept.h"
#include "outcome.h"
#include "vp.h"
#include "walk.h"
#include "wants.h"

#define DR6_REASONS		0xe00fULL	/* breakpoints, steps and the like */
#define DR6_STEP		BIT_ULL(14)
#define DR7_ENABLE		3		/* local and global, of the first one */
#define DR7_ENABLE_BITS		2
#define BREAKPOINTS		4
#define OPCODE_INT3		0xcc
#define OPCODE_TWO_BYTES	0x0f
#define OPCODE_CPUID		0xa2

static bool wants_exception(const struct child *child, u8 vector)
{
	return child_wants(child, HV_INTERCEPT_TYPE_EXCEPTION,
			   HV_INTERCEPT_ACCESS_MASK_EXECUTE, vector);
}

/*
 * Whether every instruction has to be looked at. That an NMI can come again KVM tells
 * nobody.
 */
bool wants_steps(const struct child_vp *vp)
{
	const struct child *child = vp->child;
	unsigned int i;

	if (vp->notify_nmi)
		return true;
	for (i = 0; i < child->nr_intercepts; i++)
		if (child->intercepts[i].type == HV_INTERCEPT_TYPE_X64_CPUID)
			return true;
	return wants_exception(child, BP_VECTOR);
}

/*
 * KVM keeps CPUID to itself, and not every machine that it runs on tells it of
 * INT3. So where the parent wants one of them, the VP is stepped, and the next
 * instruction looked at. Return: whether the parent is told of it.
 */
bool intercept_next(struct child_vp *vp)
{
	u8 code[2] = { };

	child_walk_code(vp, code, sizeof(code));
	if (code[0] == OPCODE_INT3 && wants_exception(vp->child, BP_VECTOR)) {
		child_intercept_exception(vp, BP_VECTOR, 0);
		return true;
	}
	if (code[0] == OPCODE_TWO_BYTES && code[1] == OPCODE_CPUID &&
	    child_wants(vp->child, HV_INTERCEPT_TYPE_X64_CPUID,
			HV_INTERCEPT_ACCESS_MASK_EXECUTE,
			(u32)child_vp_regs(vp)->regs.rax)) {
		child_intercept_cpuid(vp);
		return true;
	}
	return false;
}

/*
 * What KVM_SET_GUEST_DEBUG has to be told. Without breakpoints in hardware KVM
 * hands on no #DB; those that it is given are in force instead of the guest's, so
 * it gets the guest's.
 */
struct kvm_guest_debug wanted_debug(struct child_vp *vp, bool steps)
{
	struct kvm_guest_debug debug = { };
	struct kvm_debugregs own;

	if (steps)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (wants_exception(vp->child, DB_VECTOR) &&
	    ioctl(vp->fd, KVM_GET_DEBUGREGS, &own) == 0) {
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		memcpy(debug.arch.debugreg, own.db, sizeof(own.db));
		debug.arch.debugreg[7] = own.dr7;
	}
	return debug;
}

void set_debug(struct child_vp *vp, const struct kvm_guest_debug *debug)
{
	vp->debug = *debug;
	if (ioctl(vp->fd, KVM_SET_GUEST_DEBUG, debug) < 0)
		log_event(LOG_NO_VP, "child-fails", "error=\"%s\"", strerror(errno));
}

/* A #DB that nobody but the guest has asked for, while it is stepped. */
static void give_back_debug(struct child_vp *vp, u64 reasons)
{
	struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	events->exception.pending = 1;
	events->exception.nr = DB_VECTOR;
	events->exception.has_error_code = 0;
	events->exception_has_payload = 1;
	events->exception_payload = reasons;
	events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
}

/* A processor may tell of breakpoints, too, that are not enabled. */
static u64 reasons_for_debug(const struct kvm_debug_exit_arch *debug)
{
	u64 reasons = debug->dr6 & DR6_REASONS;
	unsigned int i;

	for (i = 0; i < BREAKPOINTS; i++)
		if (!(debug->dr7 >> i * DR7_ENABLE_BITS & DR7_ENABLE))
			reasons &= ~BIT_ULL(i);
	return reasons;
}

enum outcome handle_debug(struct child_vp *vp)
{
	const struct kvm_debug_exit_arch *debug = &vp->run->debug.arch;
	u64 reasons = reasons_for_debug(debug);

	if (debug->exception == DB_VECTOR && vp->debug.control & KVM_GUESTDBG_SINGLESTEP) {
		reasons &= ~DR6_STEP;
		if (!reasons)
			return GO_ON;
		if (!wants_exception(vp->child, DB_VECTOR)) {
			give_back_debug(vp, reasons);
			return GO_ON;
		}
	}
	child_intercept_exception(vp, debug->exception, reasons);
	return INTERCEPTED;
}
