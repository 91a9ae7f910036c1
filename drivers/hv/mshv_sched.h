/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduling path: who dispatches the VPs of child partitions, and how.
 *
 *   mshv_sched.c         finds out who dispatches VPs, once, and keeps it
 *   mshv_sched_root.c    this kernel does (root scheduler, integrated scheduler)
 *   mshv_sched_hyp.c     the hypervisor does (classic, core)
 *   mshv_sched_signal.c  kicks: what the hypervisor's messages ask for
 *   mshv_sched_vp.c      what both ways do to a VP: registers, waiting
 *   mshv_sched_poll.c    halt polling, of which the root path makes use
 *
 * The driver calls in through &struct mshv_sched_ops, of which each of the two
 * paths has one. Taking the wrong path hangs guests, so an answer that cannot
 * be understood stops the driver from loading: nothing here guesses.
 *
 * See Documentation/virt/hyperv/mshv/internals.rst for the decision table and the
 * way a VP runs.
 */
#ifndef _MSHV_SCHED_H_
#define _MSHV_SCHED_H_

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/overflow.h>
#include <linux/rcuwait.h>
#include <linux/static_call_types.h>
#include <linux/types.h>
#include <asm/mshyperv.h>
#include <hyperv/hvhdk.h>
#include <hyperv/hvsched.h>

struct hv_message;
struct mshv_partition;
struct mshv_vp;
struct work_struct;

/**
 * enum mshv_kick - why a thread that waits for its VP was woken
 * @MSHV_KICK_NONE: it was not
 * @MSHV_KICK_LOOK: something may have been lost: the state of the VP has to be
 *	asked for
 * @MSHV_KICK_SIGNAL: the hypervisor sent a message about this VP
 */
enum mshv_kick {
	MSHV_KICK_NONE,
	MSHV_KICK_LOOK,
	MSHV_KICK_SIGNAL,
};

/**
 * enum mshv_vp_exit - why a run has ended with an intercept: its message's type
 *
 * Those of x86 come first, in the order of their numbers, see mshv_stats_count_run().
 * On arm64 there are none of them: the numbers may mean something else there.
 *
 * @MSHV_VP_EXIT_IO_PORT: HVMSG_X64_IO_PORT_INTERCEPT
 * @MSHV_VP_EXIT_MSR: HVMSG_X64_MSR_INTERCEPT
 * @MSHV_VP_EXIT_CPUID: HVMSG_X64_CPUID_INTERCEPT
 * @MSHV_VP_EXIT_EXCEPTION: HVMSG_X64_EXCEPTION_INTERCEPT
 * @MSHV_VP_EXIT_APIC_EOI: HVMSG_X64_APIC_EOI
 * @MSHV_VP_EXIT_LEGACY_FP_ERROR: HVMSG_X64_LEGACY_FP_ERROR
 * @MSHV_VP_EXIT_IOMMU_PRQ: HVMSG_X64_IOMMU_PRQ
 * @MSHV_VP_EXIT_HALT: HVMSG_X64_HALT
 * @MSHV_VP_EXIT_INTERRUPTION_DELIVERABLE: HVMSG_X64_INTERRUPTION_DELIVERABLE
 * @MSHV_VP_EXIT_SIPI: HVMSG_X64_SIPI_INTERCEPT
 * @MSHV_VP_EXIT_UNMAPPED_GPA: HVMSG_UNMAPPED_GPA
 * @MSHV_VP_EXIT_GPA_INTERCEPT: HVMSG_GPA_INTERCEPT
 * @MSHV_VP_EXIT_INVALID_REGISTER: HVMSG_INVALID_VP_REGISTER_VALUE
 * @MSHV_VP_EXIT_UNRECOVERABLE: HVMSG_UNRECOVERABLE_EXCEPTION
 * @MSHV_VP_EXIT_UNSUPPORTED: HVMSG_UNSUPPORTED_FEATURE
 * @MSHV_VP_EXIT_HYPERCALL: HVMSG_HYPERCALL_INTERCEPT
 * @MSHV_VP_EXIT_SYNIC_EVENT: HVMSG_SYNIC_EVENT_INTERCEPT
 * @MSHV_VP_EXIT_SYNIC_SINT: HVMSG_SYNIC_SINT_INTERCEPT
 * @MSHV_VP_EXIT_SINT_DELIVERABLE: HVMSG_SYNIC_SINT_DELIVERABLE
 * @MSHV_VP_EXIT_OTHER: any other
 * @MSHV_VP_EXIT_COUNT: how many there are
 */
enum mshv_vp_exit {
#if IS_ENABLED(CONFIG_X86_64)
	MSHV_VP_EXIT_IO_PORT,
	MSHV_VP_EXIT_MSR,
	MSHV_VP_EXIT_CPUID,
	MSHV_VP_EXIT_EXCEPTION,
	MSHV_VP_EXIT_APIC_EOI,
	MSHV_VP_EXIT_LEGACY_FP_ERROR,
	MSHV_VP_EXIT_IOMMU_PRQ,
	MSHV_VP_EXIT_HALT,
	MSHV_VP_EXIT_INTERRUPTION_DELIVERABLE,
	MSHV_VP_EXIT_SIPI,
#endif
	MSHV_VP_EXIT_UNMAPPED_GPA,
	MSHV_VP_EXIT_GPA_INTERCEPT,
	MSHV_VP_EXIT_INVALID_REGISTER,
	MSHV_VP_EXIT_UNRECOVERABLE,
	MSHV_VP_EXIT_UNSUPPORTED,
	MSHV_VP_EXIT_HYPERCALL,
	MSHV_VP_EXIT_SYNIC_EVENT,
	MSHV_VP_EXIT_SYNIC_SINT,
	MSHV_VP_EXIT_SINT_DELIVERABLE,
	MSHV_VP_EXIT_OTHER,
	MSHV_VP_EXIT_COUNT,
};

/* Buckets of a histogram of wake-ups; bucket i is for less than 2^i microseconds. */
#define MSHV_VP_WAKEUP_BUCKETS	16

/**
 * struct mshv_vp_stats - what has happened to a VP since it was created
 *
 * Each is written by the thread that runs the VP, and read by anybody.
 */
struct mshv_vp_stats {
	/** @exits: runs that have ended with an intercept, by &enum mshv_vp_exit */
	u64 exits[MSHV_VP_EXIT_COUNT];

	/** @interrupted: runs that a signal has ended, or an immediate exit */
	u64 interrupted;

	/** @failed: runs that have ended with another errno */
	u64 failed;

	/** @memory_faults: intercepts that were no exit: memory has come */
	u64 memory_faults;

	/** @dispatches: how often the VP was dispatched by this kernel */
	u64 dispatches;

	/** @blocks: how many of these ended as the VP had nothing to do */
	u64 blocks;

	/**
	 * @wakeups: how often the thread was woken from sleep, by the time from
	 * the kick until it ran
	 */
	u64 wakeups[MSHV_VP_WAKEUP_BUCKETS];
};

/* Counts one more. Only the thread that runs the VP does. */
static inline void mshv_count(u64 *counter)
{
	/* One instruction on x86-64; who reads meanwhile sees either value. */
	data_race((*counter)++);
}

/**
 * enum mshv_vp_attention - what the next run of a VP has to see to first
 *
 * Bits of &mshv_vp_sched.attention: as a rule there is none, which is one look.
 *
 * @MSHV_VP_NEW: its APIC ID has not been asked about
 * @MSHV_VP_SUSPENDED: it is explicitly suspended, as far as is known
 * @MSHV_VP_VMM_SUSPENDS: the VMM has written to its explicit suspension since the
 *	last run began. Set by any thread of the VMM
 * @MSHV_VP_BLOCKED: it has nothing to do until it is kicked, and the run that has
 *	learned so ended
 */
enum mshv_vp_attention {
	MSHV_VP_NEW,
	MSHV_VP_SUSPENDED,
	MSHV_VP_VMM_SUSPENDS,
	MSHV_VP_BLOCKED,
};

/**
 * struct mshv_vp_dispatch - arguments of HVCALL_DISPATCH_VP for a VP
 *
 * Of each VP, not of each CPU: nearly all of it is the same each time, and is
 * written once. Used by the thread that runs the VP.
 */
struct mshv_vp_dispatch {
	/** @input: what the hypervisor reads */
	struct hv_input_dispatch_vp input;

	/** @output: what it writes */
	struct hv_output_dispatch_vp output;

	/** @input_gpa: where @input is, physically */
	u64 input_gpa;
};

/* The registers that have to be cleared for a VP to run, on the hypervisor path. */
#define MSHV_VP_RESUME_REGS	2

/**
 * struct mshv_vp_resume - argument of HVCALL_SET_VP_REGISTERS that resumes a VP
 *
 * Written once.
 */
struct mshv_vp_resume {
	union {
		/** @input: what the hypervisor reads */
		struct hv_input_set_vp_registers input;

		/** @room: for its registers */
		u8 room[struct_size_t(struct hv_input_set_vp_registers, elements,
				      MSHV_VP_RESUME_REGS)];
	};
};

/*
 * None of these arguments may cross a page: kmalloc() aligns a struct mshv_vp by
 * the largest power of two that divides its size, so at least by these.
 */
#define MSHV_VP_DISPATCH_ALIGN	64
static_assert(sizeof(struct mshv_vp_dispatch) <= MSHV_VP_DISPATCH_ALIGN);
#define MSHV_VP_RESUME_ALIGN	128
static_assert(sizeof(struct mshv_vp_resume) <= MSHV_VP_RESUME_ALIGN);

/**
 * struct mshv_vp_sched - the scheduling state of a VP
 *
 * Whoever has vp_mutex, which is whoever runs the VP, owns the plain fields.
 * The others are written from other threads and from interrupt handlers, each
 * as its comment says.
 */
struct mshv_vp_sched {
	/**
	 * @wait: where the thread that runs the VP sleeps, or the one that
	 * destroys its partition: never more than one
	 */
	struct rcuwait wait;

	/**
	 * @signal_count: signals of the hypervisor that have arrived. It must
	 * reach the hypervisor's own count before the VP is destroyed.
	 * Written by the message handler.
	 */
	atomic64_t signal_count;

	/**
	 * @kicked_at: when the thread that sleeps was kicked first, by
	 * ktime_get_ns(); 0: it was not. Written by whoever kicks; the thread
	 * clears it before it sleeps.
	 */
	u64 kicked_at;

	/**
	 * @kick: an &enum mshv_kick. Raised by mshv_sched_kick() in any context,
	 * taken by the thread that runs the VP.
	 */
	int kick;

	/**
	 * @dispatched: the VP is inside HVCALL_DISPATCH_VP, or as good as.
	 * Written by the thread that runs it, read by who posts interrupts;
	 * see mshv_root_dispatch() for the order.
	 */
	bool dispatched;

	/**
	 * @apic_id_is_index: the hypervisor has said that the APIC ID which
	 * equals this VP's index is this VP's. Written by the thread that runs
	 * it, read by who posts interrupts. A hint: when it is false the
	 * interrupt takes the long way.
	 */
	bool apic_id_is_index;

	/**
	 * @attention: bits of &enum mshv_vp_attention, of the root path. Changed
	 * by atomic operations.
	 */
	unsigned long attention;

	/** @resume: argument of the hypercall, of the hypervisor path */
	struct mshv_vp_resume resume __aligned(MSHV_VP_RESUME_ALIGN);

	/** @dispatch: arguments of the hypercall, of the root path */
	struct mshv_vp_dispatch dispatch __aligned(MSHV_VP_DISPATCH_ALIGN);

	/** @intercepted: the next dispatch must clear the intercept suspension */
	bool intercepted;

	/** @released: a run has released it, from the suspension it was created with */
	bool released;

	/** @distrust: a message about this VP was late; look before believing */
	bool distrust;

	/**
	 * @unstopped: the last run may have left it running, or with an intercept
	 * that nobody has seen
	 */
	bool unstopped;

	/** @halt_poll_window: how long the VP is watched when it halts, in ns */
	u32 halt_poll_window;

	/**
	 * @halt_poll_success: how often it was woken within that time. This and
	 * the next three are written by the thread that runs the VP, and read by
	 * anybody.
	 */
	u64 halt_poll_success;

	/** @halt_poll_fail: how often it was watched in vain */
	u64 halt_poll_fail;

	/** @halt_poll_success_ns: time spent watching, of the former */
	u64 halt_poll_success_ns;

	/** @halt_poll_fail_ns: and of the latter */
	u64 halt_poll_fail_ns;

	/** @stats: what it has done */
	struct mshv_vp_stats stats;

	/**
	 * @run_time: what its statistics page has said last of the time that it
	 * has run, in the page's units. Written by mshv_stats_keep().
	 */
	u64 run_time;

	/** @run_time_kept: the page is not there any more; likewise */
	bool run_time_kept;
};

/**
 * mshv_vp_kicked() - whether a VP was kicked
 * @sched: the VP's scheduling state
 *
 * Return: true from the kick until it is taken.
 */
static inline bool mshv_vp_kicked(const struct mshv_vp_sched *sched)
{
	return READ_ONCE(sched->kick) != MSHV_KICK_NONE;
}

void mshv_vp_sched_init(struct mshv_vp *vp);
int mshv_sched_set_registers(const struct mshv_vp *vp,
			     struct hv_register_assoc *regs, unsigned int count);
int mshv_sched_set_register(const struct mshv_vp *vp, u32 name, u64 value);
int mshv_sched_get_register(const struct mshv_vp *vp, u32 name, u64 *value);
int mshv_sched_wait(struct mshv_vp *vp, bool (*done)(const struct mshv_vp *vp),
		    long timeout);
bool mshv_sched_kicked(const struct mshv_vp *vp);
void mshv_sched_wake(struct mshv_vp *vp);
void mshv_sched_trace_kick(struct mshv_vp *vp, const char *kind);

/**
 * struct mshv_poll_params - the module parameters of halt polling
 *
 * Written by sysfs at any time.
 */
struct mshv_poll_params {
	/** @max_ns: halt_poll_ns: no window is wider; 0: no polling */
	unsigned int max_ns;

	/** @grow: halt_poll_ns_grow: what a window grows by, as a factor */
	unsigned int grow;

	/** @grow_start_ns: halt_poll_ns_grow_start: its first width */
	unsigned int grow_start_ns;

	/** @shrink: halt_poll_ns_shrink: what it is divided by; 0: closed */
	unsigned int shrink;
};

extern struct mshv_poll_params mshv_poll_params;

/**
 * struct mshv_poll_halt - what is known about one halt of a VP
 */
struct mshv_poll_halt {
	/** @begin: when it began, by ktime_get_ns(); 0: it is of no interest */
	u64 begin;

	/** @polled_ns: for how long the VP was watched */
	u64 polled_ns;

	/** @success: it was woken meanwhile */
	bool success;
};

u32 mshv_poll_window(const struct mshv_poll_params *params, u32 window,
		     u64 halt_ns);
void mshv_poll_halted(struct mshv_vp *vp, struct mshv_poll_halt *halt,
		      bool (*done)(const struct mshv_vp *vp));
void mshv_poll_woken(struct mshv_vp *vp, const struct mshv_poll_halt *halt);

/**
 * struct mshv_sched_ops - a way in which VPs are dispatched
 *
 * Chosen once, while the driver loads, and constant from then on.
 */
struct mshv_sched_ops {
	/** @dispatcher: who dispatches VPs, in a word for the log and for sysfs */
	const char *dispatcher;

	/**
	 * @run: run a VP until user space must look at an intercept. Called
	 * with vp_mutex held, in a thread of the VMM, preemptible; sleeps.
	 * Returns 0 with the intercept in the VP's intercept page; -EINTR if a
	 * signal is pending, the VP then explicitly suspended, unless it has not
	 * run since its last intercept or since it was created; or another
	 * negative errno. In every case the VP is stopped when this returns, or
	 * the hypervisor has refused to stop it and the errno says so.
	 */
	int (*run)(struct mshv_vp *vp);

	/**
	 * @quiesce: make sure that the hypervisor sends nothing more about the
	 * VPs of a partition that is being destroyed, as far as it can be
	 * made sure. May sleep, for a bounded time. No VP of it runs. NULL if
	 * there is nothing to do.
	 */
	void (*quiesce)(struct mshv_partition *partition);

	/**
	 * @registers_set: the VMM has set registers of a VP by a hypercall of
	 * its own: @input as the hypervisor got it, of which it has carried out
	 * the first @count. Process context; the VP may be running. NULL if
	 * that is of no interest.
	 */
	void (*registers_set)(struct mshv_partition *partition,
			      const struct hv_input_set_vp_registers *input,
			      unsigned int count);

	/**
	 * @post_interrupt: hand a fixed, edge-triggered interrupt to the VP
	 * through its register page. Any context, interrupts off. Returns 0 if
	 * the VP will see it; anything else means that it must be delivered by
	 * hypercall. NULL if VPs do not look there.
	 */
	int (*post_interrupt)(struct mshv_vp *vp, u8 vector);
};

extern const struct mshv_sched_ops mshv_sched_root_ops;
extern const struct mshv_sched_ops mshv_sched_hyp_ops;

/* The way in force; NULL until mshv_sched_init() has succeeded. */
extern const struct mshv_sched_ops *mshv_sched_ops;
DECLARE_STATIC_CALL(mshv_sched_run, *((struct mshv_sched_ops *)0)->run);
void mshv_sched_use(const struct mshv_sched_ops *ops);

/*
 * The flag of ms_hyperv.ext_features by which the hypervisor says that it takes
 * interrupts from register pages. On arm64 there is none.
 */
#if IS_ENABLED(CONFIG_X86_64)
#define MSHV_SCHED_TAKES_INTERRUPTS	HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE
#else
#define MSHV_SCHED_TAKES_INTERRUPTS	0
#endif

/**
 * mshv_sched_posts_interrupts() - whether interrupts are posted at all
 *
 * Which interrupts, and to which VPs, is for the caller and for
 * &mshv_sched_ops.post_interrupt to say.
 *
 * Context: Any, after mshv_sched_init() has succeeded.
 * Return: true if the way in force has VPs look at their register pages, and
 * the hypervisor takes interrupts from there.
 */
static inline bool mshv_sched_posts_interrupts(void)
{
	return mshv_sched_ops->post_interrupt &&
	       (ms_hyperv.ext_features & MSHV_SCHED_TAKES_INTERRUPTS);
}

/**
 * struct mshv_sched_facts - what the hypervisor says about scheduling
 *
 * A status is what the hypercall returned, whole: its low 16 bits are an
 * HV_STATUS code, and U64_MAX means that no hypercall could be made. A value
 * is zero unless its status is a success. A question that was not asked has a
 * status and a value of zero.
 */
struct mshv_sched_facts {
	/** @l1vh: this partition is an L1VH; if false, it is the root */
	bool l1vh;

	/** @caps_status: status of the query for @caps; always asked */
	u64 caps_status;

	/**
	 * @caps: HV_PARTITION_PROPERTY_VMM_CAPABILITIES of this partition.
	 * Its bank_count is not to be trusted either way: machines in use are
	 * run by drivers that never read it.
	 */
	struct hv_partition_property_vmm_capabilities caps;

	/**
	 * @integrated_status: status of the query for @integrated; asked in an
	 * L1VH whose @caps have vmm_enable_integrated_scheduler
	 */
	u64 integrated_status;

	/**
	 * @integrated: value of
	 * HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED of
	 * this partition; anything but zero is "enabled"
	 */
	u64 integrated;

	/** @type_status: status of the query for @type; asked in a root */
	u64 type_status;

	/** @type: HV_SYSTEM_PROPERTY_SCHEDULER_TYPE, unchecked */
	u32 type;
};

/**
 * enum mshv_sched_reason - the row of the decision table that was taken
 * @MSHV_SCHED_REPORTED: root: the hypervisor named its scheduler
 * @MSHV_SCHED_INTEGRATED: L1VH: offered, and enabled for this partition
 * @MSHV_SCHED_NOT_ENABLED: L1VH: offered, but not enabled for this partition
 * @MSHV_SCHED_NOT_OFFERED: L1VH: the capability bit is clear
 * @MSHV_SCHED_NO_CAPS: L1VH: the hypervisor has no VMM capabilities, so every
 *	feature that needs one is absent
 * @MSHV_SCHED_CAPS_UNREADABLE: L1VH, refused: the VMM capabilities exist but
 *	could not be read
 * @MSHV_SCHED_INTEGRATED_UNREADABLE: L1VH, refused: offered, but whether it is
 *	enabled could not be read
 * @MSHV_SCHED_TYPE_UNREADABLE: root, refused: the type could not be read
 * @MSHV_SCHED_TYPE_UNKNOWN: root, refused: the type is none of those known
 */
enum mshv_sched_reason {
	MSHV_SCHED_REPORTED,
	MSHV_SCHED_INTEGRATED,
	MSHV_SCHED_NOT_ENABLED,
	MSHV_SCHED_NOT_OFFERED,
	MSHV_SCHED_NO_CAPS,
	MSHV_SCHED_CAPS_UNREADABLE,
	MSHV_SCHED_INTEGRATED_UNREADABLE,
	MSHV_SCHED_TYPE_UNREADABLE,
	MSHV_SCHED_TYPE_UNKNOWN,
};

/**
 * struct mshv_sched_choice - a scheduler, or a refusal, and why
 */
struct mshv_sched_choice {
	/** @type: the scheduler in force; 0, which is none, in a refusal */
	enum hv_scheduler_type type;

	/** @reason: the row of the decision table */
	enum mshv_sched_reason reason;

	/**
	 * @status: the hypervisor's status that @reason rests on; a success
	 * (zero) where it rests on a value
	 */
	u64 status;
};

void mshv_sched_discover(struct mshv_sched_facts *facts);
int mshv_sched_choose(const struct mshv_sched_facts *facts,
		      struct mshv_sched_choice *choice);
int mshv_sched_init(struct hv_partition_property_vmm_capabilities *caps);
void mshv_sched_resume(struct hv_partition_property_vmm_capabilities *caps);
const char *mshv_sched_in_force_name(void);

bool mshv_sched_signal_isr(const struct hv_message *msg);
void mshv_sched_signal_stop(void);
void mshv_sched_kick(struct mshv_vp *vp);
void mshv_sched_look_all(void);
void mshv_sched_close(int err);

#if IS_ENABLED(CONFIG_KUNIT)
extern struct work_struct mshv_sched_look_all_work;
#endif

/* Not for use but by mshv_sched_closed(). */
extern int mshv_sched_closed_err;

/**
 * mshv_sched_closed() - whether no VP may run any more
 *
 * Context: Any.
 * Return: 0, or the negative errno that mshv_sched_close() was told.
 */
static inline int mshv_sched_closed(void)
{
	/* Waiters are woken after the store, see mshv_sched_close(). */
	return READ_ONCE(mshv_sched_closed_err);
}

#endif /* _MSHV_SCHED_H_ */
