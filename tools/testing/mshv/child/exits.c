// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM comes out of a VP with: IO, memory, MSRs, HLT and the like.
 */

#include <string.h>

#include <linux/compiler.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "debug.h"
#include "doorbell.h"
#include "enter.h"
#include "exits.h"
#include "guestcall.h"
#include "intercept.h"
#include "msr.h"
#include "outcome.h"
#include "overlay.h"
#include "take.h"
#include "vp.h"
#include "wants.h"

#define HLT_LENGTH		1

/* A fault of the instruction at RIP; an error code, if there is one, is 0. */
static void make_fault(struct child_vp *vp, u8 vector, bool has_error_code)
{
	struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	events->exception.pending = 1;
	events->exception.nr = vector;
	events->exception.has_error_code = has_error_code;
	events->exception.error_code = 0;
	events->exception_has_payload = 0;
	events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
}

/* KVM finishes the write to the port; the call begins where its page does. */
static enum outcome handle_hypercall(struct child_vp *vp)
{
	struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	u64 gpa;

	while (!settle(vp))
		;
	/* In real mode a segment begins anywhere. */
	regs->rip -= (regs->rip + child_vp_regs(vp)->sregs.cs.base) % HV_HYP_PAGE_SIZE;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	switch (child_guestcall(vp, &gpa)) {
	case CHILD_GUESTCALL_DONE:
		regs->rip += CHILD_GUESTCALL_LENGTH;
		child_guestcall_settle(vp);
		return GO_ON;
	case CHILD_GUESTCALL_UNDEFINED:
		make_fault(vp, UD_VECTOR, false);
		return GO_ON;
	case CHILD_GUESTCALL_MISSING:
		/* It is made anew when its memory is there. */
		child_intercept_gpa(vp, gpa, false);
		return INTERCEPTED;
	default:
		child_intercept_hypercall(vp);
		return INTERCEPTED;
	}
}

static enum outcome handle_io(struct child_vp *vp)
{
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs state = *child_vp_regs(vp);
	struct child_io io = {
		.port = run->io.port,
		.size = run->io.size,
		.write = run->io.direction == KVM_EXIT_IO_OUT,
	};

	/* A string that comes from a port is written, with what nobody has read. */
	if (!io.write)
		memset((u8 *)run + run->io.data_offset, 0, (size_t)io.size * run->io.count);
	else if (io.port == HVEMU_PORT_HYPERCALL && child_guestcall_is_one(vp))
		return handle_hypercall(vp);
	io.moved = retire(vp, &state) != state.regs.rip;
	child_intercept_io(vp, &io);
	return INTERCEPTED;
}

static bool is_x2apic_msr(u32 msr)
{
	return msr >= APIC_X2APIC_MSR && msr < APIC_X2APIC_MSR + APIC_X2APIC_MSRS;
}

/* Whether there is none of this number, for KVM and for hvemu. */
static bool is_unknown_msr(const struct child_vp *vp, u32 msr)
{
	if (child_msr_is_kvms(msr))
		return true;
	return vp->run->msr.reason == KVM_MSR_EXIT_REASON_UNKNOWN && !is_x2apic_msr(msr);
}

/* WDK ff540082: one, or all that the hypervisor does not virtualize. */
static bool wants_msr(const struct child_vp *vp, u32 msr, u32 access)
{
	if (child_wants(vp->child, HV_INTERCEPT_TYPE_X64_MSR_INDEX, access, msr))
		return true;
	return is_unknown_msr(vp, msr) &&
	       child_wants(vp->child, HV_INTERCEPT_TYPE_X64_MSR, access, 0);
}

static enum outcome handle_msr(struct child_vp *vp, bool write)
{
	struct kvm_run *run = vp->run;
	struct child *child = vp->child;
	u32 msr = run->msr.index;
	u64 value = write ? run->msr.data : 0;
	u32 access = write ? HV_INTERCEPT_ACCESS_MASK_WRITE : HV_INTERCEPT_ACCESS_MASK_READ;
	struct kvm_sync_regs state = *child_vp_regs(vp);
	bool done;

	if (wants_msr(vp, msr, access)) {
		child_intercept_msr(vp, msr, write, value);
		retire(vp, &state);
		return INTERCEPTED;
	}
	if (is_x2apic_msr(msr))
		done = write ? apic_msr_write(&vp->apic, msr, value) :
			       apic_msr_read(&vp->apic, msr, &value);
	else if (msr >= MSR_SYNTHETIC_FIRST && msr < MSR_SYNTHETIC_FIRST + MSR_SYNTHETIC_COUNT)
		done = write ? child_msr_write(vp, msr, value) :
			       child_msr_read(vp, msr, &value);
	else
		/* One that exists and does not take the value is none of these. */
		done = child->ignores_msrs && is_unknown_msr(vp, msr);
	run->msr.error = !done;
	if (!write)
		run->msr.data = value;
	vp->unfinished = true;
	if (!write && child_msr_is_idle(vp->child, msr)) {
		/* It waits behind the instruction. */
		vp->idle = true;
		return finish(vp);
	}
	return GO_ON;
}

enum outcome handle_memory_fault(struct child_vp *vp, const struct kvm_sync_regs *state)
{
	const struct child_fault fault = vp->fault;

	if (state)
		retire(vp, state);
	vp->fault.valid = false;
	/* TLFS, "Establishing the Hypercall Interface": who writes there gets #GP. */
	if (fault.write && child_overlay_is_read_only(vp->child, fault.gpa)) {
		make_fault(vp, GP_VECTOR, true);
		return GO_ON;
	}
	if (!state && fault.write && doorbell_store(vp, fault.gpa))
		return GO_ON;
	child_intercept_gpa(vp, fault.gpa, fault.write);
	return INTERCEPTED;
}

/* Whether the child has no such address: nothing there can be watched. */
static bool is_beyond(const struct child_vp *vp, u64 gpa)
{
	return gpa >> vp->child->parent->physical_bits;
}

/*
 * A local APIC's page is the only one without memory behind it. KVM reports
 * another where it emulates an instruction and its memory gives no answer, as
 * the VP was called away: then the fault thread has said which.
 */
static enum outcome handle_mmio(struct child_vp *vp)
{
	struct kvm_run *run = vp->run;
	bool has_apic = vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED;
	u64 gpa = run->mmio.phys_addr;
	struct kvm_sync_regs state;
	u32 value = 0;

	if (!has_apic || gpa - APIC_GPA >= APIC_SIZE) {
		state = *child_vp_regs(vp);
		if (vp->fault.valid)
			return handle_memory_fault(vp, &state);
		/* It was called away for something else: the access is made anew. */
		if (!run->mmio.is_write)
			retire(vp, &state);
		if (run->mmio.is_write || !is_beyond(vp, gpa))
			return GO_ON;
		child_intercept_gpa(vp, gpa, false);
		return INTERCEPTED;
	}
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len < 4 ? run->mmio.len : 4);
		apic_write(&vp->apic, gpa - APIC_GPA, value);
	} else {
		value = apic_read(&vp->apic, gpa - APIC_GPA);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		memcpy(run->mmio.data, &value, sizeof(value));
	}
	vp->unfinished = true;
	return GO_ON;
}

/*
 * With a local APIC the hypervisor waits for an interrupt itself. An NMI that KVM
 * has been given, and holds back for an interrupt shadow, has come already; and
 * there may be a #DB, where the guest is stepped.
 */
static enum outcome handle_halt(struct child_vp *vp)
{
	if (is_interrupted(vp))
		return GO_ON;
	if (vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED) {
		vp->halted = true;
		return HALTED;
	}
	/* KVM has moved on already; nothing has happened for the parent. */
	child_vp_regs(vp)->regs.rip -= HLT_LENGTH;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	child_intercept_halt(vp);
	return INTERCEPTED;
}

/* Registers that no processor takes; the parent may mend one and go on. */
enum outcome refuse(struct child_vp *vp, const char *why, u64 detail)
{
	log_event(LOG_NO_VP, "child-refused", "child=0x%llx index=%u error=\"%s\" detail=0x%llx",
		  (unsigned long long)vp->child->id, vp->index, why,
		  (unsigned long long)detail);
	child_intercept_invalid_register(vp);
	return INTERCEPTED;
}

enum outcome handle_exit(struct child_vp *vp)
{
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs state;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io(vp);
	case KVM_EXIT_MMIO:
		return handle_mmio(vp);
	case KVM_EXIT_HLT:
		return handle_halt(vp);
	case KVM_EXIT_X86_RDMSR:
		return handle_msr(vp, false);
	case KVM_EXIT_X86_WRMSR:
		return handle_msr(vp, true);
	case KVM_EXIT_DEBUG:
		return handle_debug(vp);
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_INTR:
		return GO_ON;
	case KVM_EXIT_SHUTDOWN:
		vp->shut_down = true;
		child_intercept_unrecoverable(vp);
		return INTERCEPTED;
	case KVM_EXIT_FAIL_ENTRY:
		/* KVM has found nothing wrong with them; VMX looks at more than SVM. */
		return refuse(vp, "the processor does not enter",
			      run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		state = *child_vp_regs(vp);
		if (vp->fault.valid)
			return handle_memory_fault(vp, &state);
		fallthrough;
	default:
		log_event(LOG_NO_VP, "child-stuck",
			  "child=0x%llx index=%u exit-reason=%u detail=0x%llx rip=0x%llx",
			  (unsigned long long)vp->child->id, vp->index, run->exit_reason,
			  (unsigned long long)run->hw.hardware_exit_reason,
			  (unsigned long long)child_vp_regs(vp)->regs.rip);
		child_intercept_unrecoverable(vp);
		return INTERCEPTED;
	}
}

/*
 * An access that hvemu has answered is finished by KVM with the next entry.
 * Before anybody changes the state it has to be finished now.
 */
enum outcome finish(struct child_vp *vp)
{
	/* An access in two pieces asks for the second. */
	return settle(vp) == 0 ? handle_exit(vp) : GO_ON;
}
