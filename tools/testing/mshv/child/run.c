// SPDX-License-Identifier: GPL-2.0-only
/*
 * One VP of a child runs until somebody must look.
 *
 * KVM holds no interrupt controller of the child's: before each entry what its
 * local APIC has for it is put into the state that KVM takes over with the
 * entry, and HLT is an exit.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "doorbell.h"
#include "faults.h"
#include "guestcall.h"
#include "intercept.h"
#include "msr.h"
#include "overlay.h"
#include "page.h"
#include "regs.h"
#include "run.h"
#include "stimer.h"
#include "synic.h"
#include "vp.h"
#include "walk.h"
#include "wants.h"

#define CR0_PG			BIT_ULL(31)
#define CR4_PAE			BIT_ULL(5)
#define CR4_PGE			BIT_ULL(7)
#define EFER_LMA		BIT_ULL(10)
#define RFLAGS_IF		BIT_ULL(9)
#define DR6_REASONS		0xe00fULL	/* breakpoints, steps and the like */
#define DR6_STEP		BIT_ULL(14)
#define DR7_ENABLE		3		/* local and global, of the first one */
#define DR7_ENABLE_BITS		2
#define BREAKPOINTS		4
#define HLT_LENGTH		1
#define OPCODE_INT3		0xcc
#define OPCODE_TWO_BYTES	0x0f
#define OPCODE_CPUID		0xa2

/* What handle_exit() and its like have to say. */
enum outcome {
	GO_ON,
	INTERCEPTED,
	HALTED,
};

/* The shared page of the VP that this thread runs; NULL: none. */
static __thread struct kvm_run *running;

/* It may come between the last look at what is wanted and KVM_RUN. */
static void on_kick(int signal)
{
	(void)signal;
	if (running)
		running->immediate_exit = 1;
}

int child_run_setup(void)
{
	struct sigaction action = { .sa_handler = on_kick };

	return sigaction(CHILD_KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

static bool takes_interrupts(struct child_vp *vp)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);

	return regs->regs.rflags & RFLAGS_IF && !regs->events.interrupt.shadow &&
	       !regs->events.interrupt.injected && !regs->events.exception.injected &&
	       !regs->events.exception.pending && !regs->events.nmi.injected;
}

/* Whether KVM has been given, or has made, what ends a HLT. */
static bool is_interrupted(struct child_vp *vp)
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
static int deliverable(struct child_vp *vp)
{
	if (vp->apic.wait_for_sipi)
		return -1;
	if (vp->notify_nmi && takes_nmis(vp))
		return HV_INTERRUPTION_TYPE_NMI;
	if (vp->notify_interrupt && takes_interrupts(vp) && lets_through(vp))
		return HV_INTERRUPTION_TYPE_INTERRUPT;
	return -1;
}

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

/* INIT and start-up IPIs, in the order in which they count. */
static void take_init(struct child_vp *vp)
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
static void take_interrupts(struct child_vp *vp)
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

/*
 * Of a guest with PAE, KVM reads the four entries that CR3 points to when it takes
 * CR3 over, and on VMX the processor goes by what was read then. Whether they could be
 * read KVM does not say.
 */
static bool has_pdptrs(const struct kvm_sregs *sregs)
{
	return sregs->cr0 & CR0_PG && sregs->cr4 & CR4_PAE && !(sregs->efer & EFER_LMA);
}

static bool must_stop(const struct child_vp *vp)
{
	if (child_vp_is_suspended(vp) || vp->dying)
		return true;
	return vp->dispatcher && (vp->stop_dispatch || log_time() >= vp->slice_end);
}

/*
 * Whatever KVM_RUN does may fault in the child's memory, also where it does not
 * enter the guest. The fault thread needs the lock then, and has to know who
 * waits. Return: 0 or a negative errno.
 */
static int call_kvm(struct child_vp *vp)
{
	pthread_mutex_t *lock = &vp->child->parent->lock;
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs given;
	u64 dirty;
	int ret;

	/*
	 * To set other registers KVM forgets a pending exception, or queues once
	 * more an interrupt that was being delivered at some time: what the events
	 * say comes last, and counts.
	 */
	if (run->kvm_dirty_regs)
		run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	dirty = run->kvm_dirty_regs;
	if (dirty)
		given = *regs;

	vp->unfinished = false;
	vp->fault.valid = false;
	vp->thread = pthread_self();
	vp->tid = gettid();
	vp->in_kvm = true;
	pthread_mutex_unlock(lock);

	ret = ioctl(vp->fd, KVM_RUN, 0) < 0 ? -errno : 0;

	pthread_mutex_lock(lock);
	vp->in_kvm = false;
	child_faults_left(vp);
	/* Of registers that it does not take KVM keeps none, and shows its own. */
	if (ret == -EINVAL && dirty) {
		*regs = given;
		run->kvm_dirty_regs = dirty;
	}
	if (dirty & KVM_SYNC_X86_SREGS && vp->fault.valid && has_pdptrs(&regs->sregs))
		run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	pthread_cond_broadcast(&vp->changed);
	return ret;
}

static int enter(struct child_vp *vp)
{
	struct kvm_run *run = vp->run;
	int ret;

	child_page_hide(vp);
	run->cr8 = vp->apic.tpr >> 4;
	/*
	 * A kick that comes from here on is seen by on_kick(). One that came
	 * before may have been missed by it, so what it is for is looked at again.
	 */
	running = run;
	run->immediate_exit = 0;
	if (must_stop(vp))
		run->immediate_exit = 1;
	vp->ran = true;
	vp->entered_cpu = log_cpu_time();
	vp->in_guest = true;
	ret = call_kvm(vp);
	running = NULL;
	vp->run_time += log_cpu_time() - vp->entered_cpu;
	vp->in_guest = false;
	if (ret == -EINVAL)
		return ret;
	apic_follow_cr8(&vp->apic, run->cr8);
	apic_set_base(&vp->apic, run->apic_base);
	return ret;
}

/*
 * Have KVM take over the registers that were changed and finish what it has
 * handed over, without entering the guest. A kick meanwhile has no effect: what
 * it is for has to be looked at before the guest is entered. Return: as KVM_RUN;
 * 0: what it handed over comes in more pieces.
 */
static int settle(struct child_vp *vp)
{
	vp->run->immediate_exit = 1;
	return call_kvm(vp);
}

/*
 * KVM finishes with the next entry what it has handed over: it moves the guest
 * on. Where the parent is to do that, have it finish now, and undo it. Return:
 * where RIP was when KVM had finished.
 */
static u64 retire(struct child_vp *vp, const struct kvm_sync_regs *state)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs keep = *state;
	u64 rip;

	while (!settle(vp))
		;
	rip = regs->regs.rip;
	*regs = keep;
	run->kvm_dirty_regs |= run->kvm_valid_regs;
	return rip;
}

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

static enum outcome finish(struct child_vp *vp);

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

static enum outcome handle_memory_fault(struct child_vp *vp, const struct kvm_sync_regs *state)
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

static bool wants_exception(const struct child *child, u8 vector)
{
	return child_wants(child, HV_INTERCEPT_TYPE_EXCEPTION,
			   HV_INTERCEPT_ACCESS_MASK_EXECUTE, vector);
}

/*
 * Whether every instruction has to be looked at. That an NMI can come again KVM tells
 * nobody.
 */
static bool wants_steps(const struct child_vp *vp)
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
static bool intercept_next(struct child_vp *vp)
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
static struct kvm_guest_debug wanted_debug(struct child_vp *vp, bool steps)
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

static void set_debug(struct child_vp *vp, const struct kvm_guest_debug *debug)
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

static enum outcome handle_debug(struct child_vp *vp)
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

/* Registers that no processor takes; the parent may mend one and go on. */
static enum outcome refuse(struct child_vp *vp, const char *why, u64 detail)
{
	log_event(LOG_NO_VP, "child-refused", "child=0x%llx index=%u error=\"%s\" detail=0x%llx",
		  (unsigned long long)vp->child->id, vp->index, why,
		  (unsigned long long)detail);
	child_intercept_invalid_register(vp);
	return INTERCEPTED;
}

static enum outcome handle_exit(struct child_vp *vp)
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
static enum outcome finish(struct child_vp *vp)
{
	/* An access in two pieces asks for the second. */
	return settle(vp) == 0 ? handle_exit(vp) : GO_ON;
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
