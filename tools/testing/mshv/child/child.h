/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child partitions: what the partition that Linux boots in makes out of its own
 * memory, and whose VPs it runs.
 *
 *   child.c          life cycle, memory that is deposited, properties
 *   memory.c         guest physical memory: mapped, not mapped, not accessible
 *   vp.c             VPs, their state pages, stopping them
 *   run.c            one VP runs until somebody must look
 *   intercept.c      what the parent is told then
 *   sched.c          who runs it: the hypervisor, or the parent by dispatches
 *   regs.c           registers by hypercall and by register page
 *   state.c          local APIC, XSAVE and SynIC state as a whole
 *   cpuid.c, msr.c   what a VP sees of the hypervisor
 *   synic.c          messages and event flags that it is sent
 *   stimer.c         its synthetic timers
 *   guestcall.c      its hypercalls
 *   irq.c, apic.c    interrupts
 *   port.c           doorbells
 *
 * A child is a KVM virtual machine beside the parent's, without KVM's interrupt
 * controller: hvemu must see every interrupt and every HLT, as the schedulers
 * are made of them.
 *
 * One lock covers all of it, the parent partition's. It is let go only while a
 * VP is in KVM, and where a function says so.
 */
#ifndef _HVEMU_CHILD_H
#define _HVEMU_CHILD_H

#include <pthread.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/msr.h"
#include "../hv/processor.h"
#include "apic.h"

struct child_stimer;
struct child_synic;
struct hypercall;
struct partition;
struct vp;

#define CHILD_VPS_MAX		256	/* MSHV_MAX_VPS of mshv_root.h */

/*
 * What KVM does unlike a processor, and a child must not see: OUT to port 0x7e would be
 * done before its exit, like no other; and KVM would patch this processor's hypercall over
 * the other vendor's, which hardware answers with #UD.
 */
#define CHILD_NO_QUIRKS		(KVM_X86_QUIRK_OUT_7E_INC_RIP | \
				 KVM_X86_QUIRK_FIX_HYPERCALL_INSN)

/* Gets a thread out of KVM; its handler does nothing. */
#define CHILD_KICK_SIGNAL	SIGUSR1

enum child_state {
	CHILD_CREATED,
	CHILD_INITIALIZED,
	CHILD_FINALIZING,	/* its VPs are being stopped, and the lock is let go */
	CHILD_FINALIZED,
};

/* Why a VP has come out of KVM for good, and why a dispatch ends. */
enum child_stop {
	CHILD_STOP_INTERCEPT,	/* child_vp.message says what the parent must do */
	CHILD_STOP_HALT,	/* nothing to do before an interrupt comes */
	CHILD_STOP_KICK,	/* somebody wants it to stop */
};

/* What the parent wants to be told of, HVCALL_INSTALL_INTERCEPT. */
struct child_intercept {
	u32 type;		/* enum hv_intercept_type */
	u32 access;		/* HV_INTERCEPT_ACCESS_MASK_* */
	u64 parameter;		/* port, MSR, leaf or vector, as the type has it */
};

/* Of MSRs, KVM_X86_SET_MSR_FILTER takes so many at a time... */
#define CHILD_MSR_RANGE		(KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8)
/* ...and so often, without the range of the hypervisor's. */
#define CHILD_MSR_RANGES	(KVM_MSR_FILTER_MAX_RANGES - 1)

/* MSRs that lie near each other, and of which the same accesses are wanted. */
struct child_msr_range {
	u32 access;		/* HV_INTERCEPT_ACCESS_MASK_* */
	u32 first;
	u32 count;
	u8 allowed[KVM_MSR_FILTER_MAX_BITMAP_SIZE];	/* bit 0: @first; not wanted */
};

/* HVCALL_REGISTER_INTERCEPT_RESULT: a CPUID leaf as the parent wants it. */
struct child_cpuid_result {
	u32 function;
	u32 index;
	bool any_index;
	bool always;
	u32 value[4];		/* EAX, EBX, ECX, EDX... */
	u32 mask[4];		/* ...and which of their bits count */
};

struct child_cpuid_results {
	struct child_cpuid_result *list;
	unsigned int count;
};

/* An access that the memory of the child does not take; memory.c. */
struct child_fault {
	bool valid;
	u64 gpa;
	bool write;
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
 * @storage: registers that are only kept, see regs.c
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
 * struct child - a child partition
 * @parent: whose
 * @id: its name in hypercalls
 * @state: how far it has come
 * @flags: HV_PARTITION_CREATION_FLAG_*
 * @vm: KVM's virtual machine; -1 in unit tests
 * @nr_vcpus: how many vCPUs it has had: KVM keeps them as long as the machine
 * @memory: its guest physical memory, memory.c's
 * @deposited: pages of the parent's that were given to it, as PFNs
 * @nr_deposited: how many
 * @nr_used: how many of those it needs for what it has
 * @vps: by index; NULL: there is none
 * @nr_vps: how many there are
 * @intercepts: what the parent has asked to be told of
 * @nr_intercepts: how many
 * @cpuid_results: CPUID leaves that the parent has changed for all of its VPs
 * @disabled: features of the processor that it was created without
 * @processor: what is left
 * @synthetic_features: HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES
 * @per_socket: HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET: what its VPs' CPUID tells
 * @physical_bits: HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH: of its addresses
 * @cpu_reserve: HV_PARTITION_PROPERTY_CPU_RESERVE, as the following only kept
 * @cpu_cap: HV_PARTITION_PROPERTY_CPU_CAP
 * @cpu_weight: HV_PARTITION_PROPERTY_CPU_WEIGHT
 * @ignores_msrs: HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION: ones that do
 *	not exist read 0 and take everything; else they give #GP
 * @tracks_access: HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING
 * @time_frozen: HV_PARTITION_PROPERTY_TIME_FREEZE
 * @time_offset: its reference time less log_time(), units of 100 ns; while it
 *	is frozen, the time itself
 * @by_tsc: while its guest has a page that says so: its reference time by its TSC
 * @tsc_ahead: likewise, what the TSC of its VPs is ahead of hvemu's own
 * @msrs: its synthetic MSRs, msr.c's
 */
struct child {
	struct partition *parent;
	u64 id;
	enum child_state state;
	u64 flags;
	int vm;
	unsigned int nr_vcpus;
	struct child_memory *memory;

	u64 *deposited;
	unsigned int nr_deposited;
	unsigned int nr_used;

	struct child_vp *vps[CHILD_VPS_MAX];
	unsigned int nr_vps;

	struct child_intercept *intercepts;
	unsigned int nr_intercepts;
	struct child_cpuid_results cpuid_results;

	struct features disabled;
	struct processor processor;
	u64 synthetic_features;
	u32 per_socket;
	unsigned int physical_bits;
	u64 cpu_reserve;
	u64 cpu_cap;
	u64 cpu_weight;
	bool ignores_msrs;
	bool tracks_access;
	bool time_frozen;
	u64 time_offset;
	struct reference_tsc by_tsc;
	u64 tsc_ahead;
	struct child_msrs *msrs;
};

/* child.c */

/**
 * child_find() - the child with an id
 * @partition: whose
 * @id: as a hypercall says it
 *
 * Return: it, or NULL.
 */
struct child *child_find(struct partition *partition, u64 id);

/* Likewise one VP of it; NULL if there is no such child or VP. */
struct child_vp *child_find_vp(struct partition *partition, u64 id, u32 index);

/**
 * child_use() - take some of the memory that was deposited for a child
 * @child: which
 * @pages: how many
 *
 * Return: false if it has not so many: HV_STATUS_INSUFFICIENT_MEMORY is due.
 */
bool child_use(struct child *child, unsigned int pages);

u16 child_create(struct hypercall *call);	/* HVCALL_CREATE_PARTITION */
u16 child_initialize(struct hypercall *call);	/* HVCALL_INITIALIZE_PARTITION */
u16 child_finalize(struct hypercall *call);	/* HVCALL_FINALIZE_PARTITION */
u16 child_delete(struct hypercall *call);	/* HVCALL_DELETE_PARTITION */

/* How many deposited pages of a child may come back that are somewhere else now. */
unsigned int child_pages_out(const struct child *child);

u16 child_withdraw_memory(struct hypercall *call); /* HVCALL_WITHDRAW_MEMORY */
u16 child_install_intercept(struct hypercall *call); /* HVCALL_INSTALL_INTERCEPT */
u16 child_property_get(struct child *child, u32 code, u64 *value);
u16 child_property_set(struct hypercall *call);	/* HVCALL_SET_PARTITION_PROPERTY */

/* What of union hv_partition_synthetic_processor_features a child can be given. */
u64 child_assignable_features(void);

/**
 * child_msr_ranges() - intercepts of MSRs, in the form in which KVM takes them
 * @intercepts: those of them that are of MSRs
 * @count: how many in all
 * @ranges: CHILD_MSR_RANGES of them, filled in
 *
 * Return: how many are filled in; more than CHILD_MSR_RANGES: they do not fit.
 */
unsigned int child_msr_ranges(const struct child_intercept *intercepts, unsigned int count,
			      struct child_msr_range *ranges);

/* The reference time of a child, units of 100 ns. */
u64 child_time(const struct child *child);

/*
 * Have it go on by the TSC of the child's VPs, which is ahead of hvemu's own, or by
 * hvemu's clock again. Neither has it go back, nor changes one that is frozen.
 */
void child_time_by_tsc(struct child *child, u64 ahead);
void child_time_by_clock(struct child *child);

/**
 * child_wants() - whether the parent has asked to be told of something
 * @child: which
 * @type: enum hv_intercept_type
 * @access: HV_INTERCEPT_ACCESS_MASK_*
 * @parameter: port, MSR, leaf or vector
 *
 * Return: whether it has.
 */
bool child_wants(const struct child *child, u32 type, u32 access, u64 parameter);

/* memory.c */

/* Of one page of a child, as HVCALL_MAP_GPA_PAGES has it. */
struct child_page {
	u64 parent_gpfn;
	u32 flags;		/* HV_MAP_GPA_* */
	bool mapped;		/* memory of the parent's */
	bool no_access;		/* part of the child's, and nothing there yet */
};

/* What tells of faults. Return: a file descriptor or a negative errno. */
int child_memory_open(void);

/* The thread that learns of faults, once. Return: 0 or a negative errno. */
int child_memory_setup(struct partition *partition);

/*
 * Note accesses from now on, or no longer. Return: false if it cannot end yet, as the
 * parent has cleared dirty states and has not set them again.
 */
bool child_memory_track(struct child *child, bool on);

int child_memory_init(struct child *child);
void child_memory_exit(struct child *child);
/* The VP has left KVM: what it could not touch can be touched again. */
void child_memory_left(struct child_vp *vp);
u16 child_map_gpa(struct hypercall *call);	/* HVCALL_MAP_GPA_PAGES */
u16 child_unmap_gpa(struct hypercall *call);	/* HVCALL_UNMAP_GPA_PAGES */
u16 child_access_states(struct hypercall *call); /* HVCALL_GET_GPA_PAGES_ACCESS_STATES */

/* What is at a page of a child. Neither mapped nor no_access: nothing. */
struct child_page child_page(struct child *child, u64 gpfn);

/* Whether a page of the parent's, which must be memory, is mapped into a child. */
bool child_maps(const struct child *child, u64 parent_gpfn);

/**
 * child_memory() - where a piece of a child's memory is, as hvemu sees it
 * @child: whose
 * @gpa: guest physical address; the piece must not cross a page
 * @size: bytes
 *
 * Return: the address here, or NULL if it is not mapped.
 */
void *child_memory(struct child *child, u64 gpa, size_t size);

/* The hypervisor has written there for the guest: the page is dirty. */
void child_memory_wrote(struct child *child, u64 gpa);

/**
 * child_overlay() - lay a page of hvemu's over one of a child's
 * @child: whose
 * @gpfn: which page of its
 * @read_only: its guest may not write to it
 * @page: a page of zeroes on return, to be filled; freed with the child
 *
 * Whatever the parent maps there meanwhile comes up again afterwards.
 *
 * Return: 0 or a negative errno.
 */
int child_overlay(struct child *child, u64 gpfn, bool read_only, void **page);
void child_overlay_remove(struct child *child, u64 gpfn);

/* Whether a page is there that the hypervisor has laid there to be read only. */
bool child_overlay_is_read_only(struct child *child, u64 gpa);

/* vp.c */
u16 child_vp_create(struct hypercall *call);	/* HVCALL_CREATE_VP */
u16 child_vp_delete(struct hypercall *call);	/* HVCALL_DELETE_VP */
u16 child_vp_map_page(struct hypercall *call);	/* HVCALL_MAP_VP_STATE_PAGE */
u16 child_vp_unmap_page(struct hypercall *call); /* HVCALL_UNMAP_VP_STATE_PAGE */

/* Stop and free a VP that is not @dying yet. The lock is let go meanwhile. */
void child_vp_destroy(struct child_vp *vp);

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

/* run.c */

/**
 * child_run() - run a VP until somebody must look
 * @vp: which; not suspended, and pulled by nobody
 *
 * Context: the lock is held, and let go while the guest runs.
 * Return: why it has come out.
 */
enum child_stop child_run(struct child_vp *vp);

/* Whether a VP that waits for an interrupt has one. */
bool child_run_has_work(struct child_vp *vp);

/* Signal set-up, once. Return: 0 or a negative errno. */
int child_run_setup(void);

/* intercept.c */

/* Each writes child_vp.message. None moves the VP on. */

/**
 * struct child_io - an access to IO ports, as KVM has handed it over
 * @port: which port
 * @size: bytes
 * @write: to the port
 * @moved: KVM would move RIP on: it still stands on the instruction
 */
struct child_io {
	u16 port;
	u8 size;
	bool write;
	bool moved;
};

/* Sets registers back to before the instruction, where KVM has changed them. */
void child_intercept_io(struct child_vp *vp, const struct child_io *io);
void child_intercept_gpa(struct child_vp *vp, u64 gpa, bool write);
void child_intercept_msr(struct child_vp *vp, u32 msr, bool write, u64 value);
void child_intercept_cpuid(struct child_vp *vp);
void child_intercept_halt(struct child_vp *vp);
void child_intercept_exception(struct child_vp *vp, u8 vector, u64 parameter);
void child_intercept_unrecoverable(struct child_vp *vp);
void child_intercept_eoi(struct child_vp *vp, u8 vector);
void child_intercept_hypercall(struct child_vp *vp);
void child_intercept_sints(struct child_vp *vp, u16 sints);
/* @type: HV_INTERRUPTION_TYPE_* */
void child_intercept_deliverable(struct child_vp *vp, u32 type);
void child_intercept_invalid_register(struct child_vp *vp);

/**
 * child_intercept_publish() - put the message where the parent looks
 * @vp: whose; child_vp.message is to be told
 *
 * Fills the register page first, then the intercept page, and sets
 * HV_REGISTER_INTERCEPT_SUSPEND. Telling the parent is the scheduler's.
 */
void child_intercept_publish(struct child_vp *vp);

/* sched.c */
u16 child_dispatch(struct hypercall *call);	/* HVCALL_DISPATCH_VP */

/* A VP is there, or no more: start or end its thread where it has one. */
int child_sched_start(struct child_vp *vp);
void child_sched_stop(struct child_vp *vp);

/**
 * child_sched_runnable() - a VP may have something to do
 * @vp: which: an interrupt came, it was resumed, its state was changed
 *
 * Wakes its thread, or tells the parent to dispatch it, where one of the two is
 * due; harmless otherwise.
 */
void child_sched_runnable(struct child_vp *vp);

/* Whether one of the suspend registers holds a VP. */
bool child_sched_is_suspended(const struct child_vp *vp);

/* Whether a VP has no reason to wait: not suspended, not halted without work. */
bool child_sched_can_run(struct child_vp *vp);

/* HV_REGISTER_EXPLICIT_SUSPEND and its like are written. The VP has stopped. */
void child_sched_suspend(struct child_vp *vp, u32 name, bool suspend);

/**
 * child_sched_post() - send the parent a message
 * @child: whom it is about
 * @message: is copied; its slot is that of SINT0
 *
 * Goes to a VP of the parent whose SynIC takes messages, if one does.
 *
 * Return: false if no VP has room for it.
 */
bool child_sched_post(struct child *child, const struct hv_message *message);

/* A child is no more: nothing that waits for its slot tells of it any longer. */
void child_sched_forget(struct child *child);

/* A message's slot has room: what the parent is owed goes now. */
void child_sched_pump(struct partition *partition);

/* regs.c */
int child_regs_init(struct child_vp *vp);
void child_regs_exit(struct child_vp *vp);
u16 child_regs_get(struct hypercall *call);	/* HVCALL_GET_VP_REGISTERS */
u16 child_regs_set(struct hypercall *call);	/* HVCALL_SET_VP_REGISTERS */

/* Take over what the parent has changed in the register page. VP out of KVM. */
void child_regs_absorb(struct child_vp *vp);

/* Write the registers into the register page, valid and not dirty. Likewise. */
void child_regs_refresh(struct child_vp *vp);

/*
 * The VP runs, and has other registers than the page shows: not valid. A parent whose
 * VP has stopped for no intercept, and was not suspended, asks for them by hypercall.
 */
void child_regs_hide(struct child_vp *vp);

/* As after INIT, or a start-up IPI: code at vector << 12, in real mode. */
void child_regs_reset(struct child_vp *vp);
void child_regs_start(struct child_vp *vp, u8 vector);

/**
 * child_regs_linear() - where a linear address is
 * @vp: which; out of KVM
 * @linear: the address
 * @gpa: set
 *
 * Return: false if it is not mapped by the guest.
 */
bool child_regs_linear(struct child_vp *vp, u64 linear, u64 *gpa);

/* Fetch the code at RIP: as many bytes of @size as can be read. */
unsigned int child_regs_code(struct child_vp *vp, u8 *code, unsigned int size);

/* state.c */
u16 child_state_get(struct hypercall *call);	/* HVCALL_GET_VP_STATE */
u16 child_state_set(struct hypercall *call);	/* HVCALL_SET_VP_STATE */
u16 child_translate(struct hypercall *call);	/* HVCALL_TRANSLATE_VIRTUAL_ADDRESS */

/* cpuid.c */
void child_cpuid_processor(struct child *child);	/* fills that in */
int child_cpuid_init(struct child_vp *vp);
/* Likewise all VPs of a child. Return: 0 or a negative errno. */
int child_cpuid_init_all(struct child *child);
/* Whether a VP has run, and may have seen CPUID: KVM takes nothing else then. */
bool child_has_run(const struct child *child);
/* EAX and, above it, EBX of HYPERV_CPUID_FEATURES that synthetic features stand for. */
u64 child_cpuid_features(u64 synthetic);
/* What CPUID tells a VP that is out of KVM: EAX, EBX, ECX, EDX. */
void child_cpuid_look_up(struct child_vp *vp, u32 function, u32 index, u32 *result);
u16 child_cpuid_register(struct hypercall *call); /* HVCALL_REGISTER_INTERCEPT_RESULT */
u16 child_cpuid_values(struct hypercall *call);	/* HVCALL_GET_VP_CPUID_VALUES */

/* msr.c: the synthetic ones; false: #GP is due, as child.ignores_msrs says */
int child_msr_init(struct child *child);
void child_msr_exit(struct child *child);
bool child_msr_read(struct child_vp *vp, u32 msr, u64 *value);
bool child_msr_write(struct child_vp *vp, u32 msr, u64 value);

/* Likewise, as the parent reads and sets them by the names of registers. */
bool child_msr_get(struct child_vp *vp, u32 msr, u64 *value);
bool child_msr_set(struct child_vp *vp, u32 msr, u64 value);

/* A VP goes: what it has laid over the child's memory goes too. */
void child_msr_leave(struct child_vp *vp);

/* What the guest calls itself: HV_X64_MSR_GUEST_OS_ID. */
u64 child_msr_guest_os_id(const struct child *child);

/*
 * Whether KVM has an MSR for guests of its own, which a child is not. With
 * KVM_CAP_ENFORCE_PV_FEATURE_CPUID an access exits with KVM_MSR_EXIT_REASON_INVAL and not
 * UNKNOWN, so they have to be known by their numbers.
 */
bool child_msr_is_kvms(u32 msr);

/* Whether to read an MSR means to wait for an interrupt. */
bool child_msr_is_idle(const struct child *child, u32 msr);

/* Whether the guest has asked to be told of an invariant TSC. */
bool child_msr_shows_invariant_tsc(const struct child *child);

/* Whether an address is in the page by which hypercalls are made. */
bool child_msr_is_hypercall_page(const struct child *child, u64 gpa);

/* Its reference time is another now, or a TSC: the guest's page must say so. */
void child_msr_retime(struct child *child);

/* irq.c */

/* Give a VP its local APIC, as after reset. */
void child_irq_init(struct child_vp *vp);
u16 child_irq_assert(struct hypercall *call);	/* HVCALL_ASSERT_VIRTUAL_INTERRUPT */
u16 child_irq_clear(struct hypercall *call);	/* HVCALL_CLEAR_VIRTUAL_INTERRUPT */
u16 child_irq_vp_index(struct hypercall *call);	/* HVCALL_GET_VP_INDEX_FROM_APIC_ID */

/**
 * child_irq_scan() - take the vectors that the parent has posted
 * @vp: whose register page
 *
 * Empties it at once, and requests each vector at the local APIC.
 */
void child_irq_scan(struct child_vp *vp);

/**
 * child_irq_pending() - whether there is something for a VP
 * @vp: which
 *
 * An interrupt that its local APIC would deliver, an NMI, INIT or start-up.
 *
 * Return: whether there is.
 */
bool child_irq_pending(const struct child_vp *vp);

/* The thread that has timers fire. Return: 0 or a negative errno. */
int child_irq_setup(struct partition *partition);

/* It is to look at them again after so many units of 100 ns, at the latest. */
void child_irq_wake_within(u64 units);

#endif /* _HVEMU_CHILD_H */
