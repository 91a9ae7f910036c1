/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP of a child: what all that deal with it share, and how it is kept out of KVM.
 */
#ifndef _HVEMU_CHILD_VP_H
#define _HVEMU_CHILD_VP_H

#include <pthread.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "apic.h"
#include "child.h"

struct child_stimer;
struct child_synic;
struct partition;
struct vp;

/* Gets a thread out of KVM; its handler does nothing. */
#define CHILD_KICK_SIGNAL	SIGUSR1

/* An access that the memory of the child does not take. */
struct child_fault {
	bool valid;
	u64 gpa;
	bool write;
};

/**
 * struct child_regs_storage - what is only kept for a VP
 * @pending_event1: HV_REGISTER_PENDING_EVENT1
 * @vp_assist: MSR
 */
struct child_regs_storage {
	struct hv_u128 pending_event1;
	u64 vp_assist;
};

/**
 * struct child_vp - a VP of a child
 * @child: whose
 * @index: its number, and its local APIC's
 * @fd: KVM's vCPU
 * @run: shared with KVM; registers, SREGS and events are kept in sync by it
 *	(KVM_SYNC_X86_*), see child_vp_regs()
 * @thread: the thread that runs it: its own under the core scheduler, else
 *	whichever dispatches it
 * @tid: of @thread, for the memory faults that it takes
 * @in_kvm: KVM_RUN is being called: nothing of KVM's may be touched
 * @pullers: how many threads want it out of KVM, see child_vp_pull()
 * @unfinished: KVM has still to finish an access that was answered
 * @debug: as KVM_SET_GUEST_DEBUG has set it
 * @changed: signalled when @in_kvm, @pullers or what follows changes
 * @explicit_suspend: HV_REGISTER_EXPLICIT_SUSPEND
 * @intercept_suspend: HV_REGISTER_INTERCEPT_SUSPEND
 * @intercepted: an intercept has set that, and not the parent
 * @dispatch_suspend: HV_REGISTER_DISPATCH_SUSPEND
 * @halted: it has executed HLT
 * @idle: it has read HV_X64_MSR_GUEST_IDLE: any interrupt ends that, also one that is
 *	masked
 * @notify_nmi: the parent waits until it would take an NMI,
 *	HV_REGISTER_DELIVERABILITY_NOTIFICATIONS
 * @notify_interrupt: likewise an interrupt...
 * @notify_priority: ...of that priority; 0: one that does not ask the TPR
 * @shut_down: by a triple fault, and the parent has not set a general register, RIP or
 *	RFLAGS since
 * @flush_owed: it must forget translations before it goes on
 * @ran: it has entered the guest since it was created
 * @dying: it must end, and nothing new may be begun with it
 * @blocked: the last dispatch said BLOCKED: a signal is owed when it can run
 * @signal_owed: one has to be sent, and is not on its way yet
 * @message_owed: likewise the message of an intercept
 * @signals: HV_X64_REGISTER_VP_ROOT_SIGNAL_COUNT: how many were sent
 * @stop_dispatch: whoever dispatches it must come back
 * @dispatched_at: when it was dispatched, as of log_time()
 * @dispatched_cpu: the same, as of the dispatcher's log_cpu_time()
 * @slice_end: when it comes back at the latest
 * @dispatcher: the parent's VP that dispatches it; NULL: none does
 * @has_thread: it has one of its own: the core scheduler
 * @own_thread: that one
 * @apic: its local APIC
 * @eoi_owed: the parent is to be told that @eoi_vector was ended
 * @eoi_vector: see @eoi_owed
 * @fault: the access that its memory did not take
 * @message: what the parent is to be told; payload included
 * @register_gpfn: the parent's page for registers, ~0: not mapped
 * @intercept_gpfn: the parent's page for intercepts, likewise
 * @overlay: bit of HV_VP_STATE_PAGE_*: the parent has provided that page
 * @storage: registers that are only kept, see register_events.c and msr.c
 * @synic: its SynIC, see synic.h
 * @stimers: its synthetic timers, HV_SYNIC_STIMER_COUNT of them, see stimer.h
 * @cpuid_results: CPUID leaves that the parent has changed
 * @dispatches: how often it was dispatched
 * @intercepts: how many the parent was told...
 * @io_intercepts: ...of those, of ports...
 * @memory_intercepts: ...and of memory
 * @run_time: in the guest, units of 100 ns, up to the last exit
 * @in_guest: it is there now...
 * @entered_cpu: ...since @thread had so much time of a CPU, as of log_cpu_time()
 */
struct child_vp {
	struct child *child;
	u32 index;

	int fd;
	struct kvm_run *run;
	pthread_t thread;
	pid_t tid;
	bool in_kvm;
	unsigned int pullers;
	bool unfinished;
	struct kvm_guest_debug debug;
	pthread_cond_t changed;

	bool explicit_suspend;
	bool intercept_suspend;
	bool intercepted;
	bool dispatch_suspend;
	bool halted;
	bool idle;
	bool notify_nmi;
	bool notify_interrupt;
	u8 notify_priority;
	bool shut_down;
	bool flush_owed;
	bool ran;
	bool dying;
	bool blocked;
	bool signal_owed;
	bool message_owed;
	u64 signals;
	bool stop_dispatch;
	u64 dispatched_at;
	u64 dispatched_cpu;
	u64 slice_end;
	struct vp *dispatcher;
	bool has_thread;
	pthread_t own_thread;

	struct apic apic;
	bool eoi_owed;
	u8 eoi_vector;
	struct child_fault fault;
	struct hv_message message;
	u64 register_gpfn;
	u64 intercept_gpfn;
	unsigned int overlay;
	struct child_regs_storage *storage;
	struct child_synic *synic;
	struct child_stimer *stimers;
	struct child_cpuid_results cpuid_results;

	u64 dispatches;
	u64 intercepts;
	u64 io_intercepts;
	u64 memory_intercepts;
	u64 run_time;
	bool in_guest;
	u64 entered_cpu;
};

/**
 * child_vp_pull() - get a VP out of KVM, and keep it out
 * @vp: which
 *
 * The lock is let go while it takes. Until child_vp_release() KVM's state of the
 * VP can be read and written, and the VP does not run. An intercept that it had
 * just met has been reported by then.
 */
void child_vp_pull(struct child_vp *vp);
void child_vp_release(struct child_vp *vp);

/**
 * child_vp_kick() - have a VP look at what has changed for it
 * @vp: which
 *
 * If it is in KVM it comes out, sees what is pending and goes on. Does not wait.
 */
void child_vp_kick(struct child_vp *vp);

/* Whether one of the suspend registers holds a VP. */
bool child_vp_is_suspended(const struct child_vp *vp);

/**
 * child_vp_has_interrupt() - whether there is something for a VP
 * @vp: which
 *
 * An interrupt that its local APIC would deliver, an NMI, INIT or start-up.
 *
 * Return: whether there is.
 */
bool child_vp_has_interrupt(const struct child_vp *vp);

/* How long it has had a CPU in the guest, now, units of 100 ns: child_vp.run_time and more. */
u64 child_vp_run_time(const struct child_vp *vp);

/* Put that into the event log, of every VP of every child, and where each is. */
void child_vp_log_times(const struct partition *partition);

/**
 * child_vp_regs() - the registers KVM has in its shared page
 * @vp: which; it is out of KVM
 *
 * The caller sets run->kvm_dirty_regs for what it changes.
 *
 * Return: them.
 */
static inline struct kvm_sync_regs *child_vp_regs(struct child_vp *vp)
{
	return &vp->run->s.regs;
}

#endif /* _HVEMU_CHILD_VP_H */
