/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fake Microsoft Hypervisor for KUnit, at the hypercall boundary.
 *
 * hv_fake_install() takes the hypervisor's place: hv_do_hypercall() and its
 * siblings arrive here, and everything in the driver down to the marshalling of
 * input pages runs for real. On x86-64 that holds for any thread and context,
 * and the kernel has no hook for it; on arm64 it holds for the test's own thread
 * only, by a KUnit redirection. When the test ends, all is as it was.
 *
 * The fake is a small model, not a list of canned answers. It models the
 * properties of the partition it runs in and of the system (hv_fake.c), child
 * partitions, their memory and their VPs (a file for each concern, from
 * hv_fake_partition.c to hv_fake_dispatch.c), and the messages that tell of
 * them, and doorbells (hv_fake_synic.c). At every call it checks what a hypervisor insists on
 * (see &enum hv_fake_violation) and records the call. A test can make any call
 * fail, one that is not modelled too, see &struct hv_fake_fault.
 *
 * A violation that no test has taken with hv_fake_take_violations() fails the
 * test when it ends.
 *
 * There is no test case in hv_fake.[ch] and its parts; hv_fake_kunit.c and
 * hv_fake_vp_kunit.c test the fake itself.
 */
#ifndef _HV_FAKE_H_
#define _HV_FAKE_H_

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/mshyperv.h>
#include <hyperv/hvhdk.h>

struct kunit;

/* What is kept of a call's input; more than any input modelled so far needs. */
#define HV_FAKE_INPUT_BYTES	96

/* Calls that are kept; of more than that, the newest. */
#define HV_FAKE_MAX_CALLS	4096
#define HV_FAKE_MAX_FAULTS	32
#define HV_FAKE_MAX_PROPERTIES	8

/* How many there can be in one test, deleted ones too; see hv_fake_reserve(). */
#define HV_FAKE_PARTITIONS	8
#define HV_FAKE_VPS		32
/* Outcomes of dispatches that are waiting their turn, of all VPs together. */
#define HV_FAKE_OUTCOMES	1024

/* The memory of a guest that is modelled: pages of 4 KiB, from address 0 on. */
#define HV_FAKE_GFNS		4096

/* Registers set that are kept for each VP; of more than that, the newest. */
#define HV_FAKE_MAX_SETS	16

/* Bytes of the largest property value that a test can set. */
#define HV_FAKE_PROPERTY_BYTES	32

/* What fills the output page before a test: an earlier call's remains. */
#define HV_FAKE_POISON		0xa5

/**
 * enum hv_fake_violation - what a caller can do wrong
 * @HV_FAKE_UNKNOWN_CALL: a call code that the fake does not model
 * @HV_FAKE_CONTROL: control word with a reserved bit set, or with fast, nested,
 *	variable header or repetitions on a call that has none
 * @HV_FAKE_INPUT: input missing, not in RAM, not 8-byte aligned, or crossing a
 *	page
 * @HV_FAKE_OUTPUT: the same of the output
 * @HV_FAKE_OVERLAP: input and output share a page
 * @HV_FAKE_INTERRUPTIBLE: a per-CPU argument page used with interrupts on, so
 *	that an interrupt handler's hypercall may overwrite it
 * @HV_FAKE_OTHER_CPU: another CPU's argument page used
 * @HV_FAKE_RESERVED: a reserved field of the input not zero
 * @HV_FAKE_PRIVILEGE: a call that this kind of partition may not make
 * @HV_FAKE_PAGE: a page given that the caller cannot give: no RAM, not a whole
 *	page of its own, or given already, as deposit or overlay
 * @HV_FAKE_MAPPED: an object mapped that is mapped already
 * @HV_FAKE_NOT_MAPPED: an object unmapped that is not mapped, or whose page was
 *	freed too early
 * @HV_FAKE_LEFT_MAPPED: a partition or VP deleted with overlay pages mapped:
 *	the hypervisor would go on writing to them
 * @HV_FAKE_LEFT_DEPOSITED: a partition deleted before all its deposited pages
 *	were withdrawn
 * @HV_FAKE_DISPATCH_FLAGS: a dispatch with a flag that does not exist
 * @HV_FAKE_DISPATCH_TIME_SLICE: one with a time slice
 * @HV_FAKE_DISPATCH_SPEC_CTRL: one with a value for SPEC_CTRL
 * @HV_FAKE_DISPATCH_PREEMPTIBLE: one made with preemption on: the thread could
 *	be moved to another CPU, whose argument page is another
 * @HV_FAKE_DISPATCH_TWICE: of a VP that is being dispatched already
 * @HV_FAKE_DISPATCH_DISABLED: of a VP with DISPATCH_SUSPEND set
 * @HV_FAKE_DISPATCH_INTERCEPTED: of a VP with INTERCEPT_SUSPEND set, without
 *	the flag that clears it
 * @HV_FAKE_DISPATCH_SUSPENDED: of a VP with EXPLICIT_SUSPEND set, after a
 *	dispatch that said so
 * @HV_FAKE_DISPATCH_BLOCKED: of a blocked VP, with no signal sent since and no
 *	vector to be scanned
 * @HV_FAKE_MESSAGE: a message of the model's own accord that the handler did
 *	not acknowledge
 * @HV_FAKE_NR_VIOLATIONS: how many there are
 */
enum hv_fake_violation {
	HV_FAKE_UNKNOWN_CALL,
	HV_FAKE_CONTROL,
	HV_FAKE_INPUT,
	HV_FAKE_OUTPUT,
	HV_FAKE_OVERLAP,
	HV_FAKE_INTERRUPTIBLE,
	HV_FAKE_OTHER_CPU,
	HV_FAKE_RESERVED,
	HV_FAKE_PRIVILEGE,
	HV_FAKE_PAGE,
	HV_FAKE_MAPPED,
	HV_FAKE_NOT_MAPPED,
	HV_FAKE_LEFT_MAPPED,
	HV_FAKE_LEFT_DEPOSITED,
	HV_FAKE_DISPATCH_FLAGS,
	HV_FAKE_DISPATCH_TIME_SLICE,
	HV_FAKE_DISPATCH_SPEC_CTRL,
	HV_FAKE_DISPATCH_PREEMPTIBLE,
	HV_FAKE_DISPATCH_TWICE,
	HV_FAKE_DISPATCH_DISABLED,
	HV_FAKE_DISPATCH_INTERCEPTED,
	HV_FAKE_DISPATCH_SUSPENDED,
	HV_FAKE_DISPATCH_BLOCKED,
	HV_FAKE_MESSAGE,
	HV_FAKE_NR_VIOLATIONS
};

/**
 * struct hv_fake_call - one hypercall, as the hypervisor saw it
 */
struct hv_fake_call {
	/** @control: the control word, the call code in its low 16 bits */
	u64 control;
	/** @input_gpa: guest physical address of the input */
	u64 input_gpa;
	/** @output_gpa: guest physical address of the output */
	u64 output_gpa;
	/** @result: what the caller was told */
	u64 result;
	/** @irqs_on: whether interrupts were on when it was made */
	bool irqs_on;
	/**
	 * @input: the start of the input, zero if it could not be read; of a
	 * fast call, its one or two parameters
	 */
	u8 input[HV_FAKE_INPUT_BYTES];
};

/**
 * struct hv_fake_fault - a hypercall that fails
 *
 * The call is checked and recorded as ever, has no effect, and writes nothing.
 * One that is refused for a violation does not count towards @nth.
 */
struct hv_fake_fault {
	/** @code: the call code */
	u16 code;
	/**
	 * @property: if not 0, only calls that name this property, of a
	 * partition or of the system
	 */
	u32 property;
	/** @partition: if not 0, only calls that name this partition */
	u64 partition;
	/** @one_vp: only calls that name the VP @vp */
	bool one_vp;
	/** @vp: VP index, if @one_vp */
	u32 vp;
	/** @nth: the call that fails, counted from 1; 0 for every one */
	unsigned int nth;
	/**
	 * @reps: of a repetition call, how many repetitions are carried out
	 * and reported before it fails
	 */
	u16 reps;
	/** @result: what the call returns; U64_MAX for "no hypercall possible" */
	u64 result;
};

/* The hypervisor that a test talks to; see the functions below. */
struct hv_fake;

struct hv_fake *hv_fake_install(struct kunit *test,
				enum hv_partition_type type);
void hv_fake_remove(struct hv_fake *fake);

void hv_fake_become(struct hv_fake *fake, enum hv_partition_type type);
void hv_fake_set_property(struct hv_fake *fake, u32 property,
			  const void *value, size_t size);
void hv_fake_set_scheduler_type(struct hv_fake *fake, u32 type);
void hv_fake_fail(struct hv_fake *fake, const struct hv_fake_fault *fault);

unsigned int hv_fake_count(const struct hv_fake *fake, u16 code, u32 property);
const struct hv_fake_call *hv_fake_call(const struct hv_fake *fake,
					unsigned int n);
unsigned int hv_fake_take_violations(struct hv_fake *fake,
				     enum hv_fake_violation violation);
unsigned int hv_fake_violations(const struct hv_fake *fake);

/*
 * Child partitions and their VPs
 */

/* A VP of the model: see hv_fake_vp(). Valid until the test ends. */
struct hv_fake_vp;

/**
 * struct hv_fake_outcome - what one dispatch of a VP comes to
 *
 * The first dispatch of a VP finds it explicitly suspended and takes none of
 * these, see hv_fake_vp_start().
 *
 * The two hooks run on the dispatching thread, with no lock held: preemption
 * off, interrupts as the caller has them, which is on. They must not sleep.
 */
struct hv_fake_outcome {
	/** @state: an &enum hv_vp_dispatch_state */
	u32 state;
	/** @event: an &enum hv_vp_dispatch_event */
	u32 event;
	/**
	 * @status: if not a success, the hypercall returns it and has no
	 * effect; the hooks are called all the same
	 */
	u64 status;
	/**
	 * @message_type: of the message in the intercept page if the VP is
	 * ready with an intercept; 0 for HVMSG_UNMAPPED_GPA
	 */
	u32 message_type;
	/** @gpa: the address, in a message about one */
	u64 gpa;
	/**
	 * @running: called while the VP runs, before there is an outcome; NULL
	 * for none
	 */
	void (*running)(struct hv_fake *fake, void *data);
	/**
	 * @meanwhile: called when the outcome is in force, the VP blocked or
	 * suspended, and the caller has yet to learn of it; NULL for none
	 */
	void (*meanwhile)(struct hv_fake *fake, void *data);
	/** @data: what both hooks are given */
	void *data;
};

/**
 * struct hv_fake_set - a register that was set, by SET_VP_REGISTERS
 */
struct hv_fake_set {
	/** @name: which register */
	u32 name;
	/** @value: its value; all that are modelled have 64 bits */
	u64 value;
};

/* How a VP is signalled; 0 is how the hypervisor does it. */
#define HV_FAKE_KICK_LOST	BIT(0)	/* the message is never delivered */
#define HV_FAKE_KICK_HELD	BIT(1)	/* not before hv_fake_deliver_held() */
#define HV_FAKE_KICK_UNCOUNTED	BIT(2)	/* the VP's signal count stays */
#define HV_FAKE_KICK_EARLY	BIT(3)	/* the VP stays blocked for now */
#define HV_FAKE_KICK_BITSET	BIT(4)	/* by a bitset message, not a pair */

void hv_fake_reserve(struct hv_fake *fake, unsigned int partitions,
		     unsigned int vps);

unsigned int hv_fake_partitions(struct hv_fake *fake);
u64 hv_fake_partition_id(struct hv_fake *fake, unsigned int n);
unsigned int hv_fake_deposited(struct hv_fake *fake, u64 partition_id);
unsigned int hv_fake_mapped(struct hv_fake *fake, u64 partition_id);
unsigned int hv_fake_given(struct hv_fake *fake, u64 partition_id);
unsigned int hv_fake_withheld(struct hv_fake *fake, u64 partition_id);
unsigned int hv_fake_asserted(struct hv_fake *fake, u64 partition_id,
			      struct hv_input_assert_virtual_interrupt *last);
unsigned int hv_fake_cleared(struct hv_fake *fake, u64 partition_id);

struct hv_fake_vp *hv_fake_vp(struct hv_fake *fake, u64 partition_id,
			      u32 vp_index);
void hv_fake_vp_start(struct hv_fake_vp *vp);
void hv_fake_vp_script(struct hv_fake_vp *vp,
		       const struct hv_fake_outcome *outcomes, unsigned int n);
unsigned int hv_fake_vp_script_left(struct hv_fake_vp *vp);
void hv_fake_signal_on_resume(struct hv_fake *fake, bool on);

bool hv_fake_signal(struct hv_fake_vp * const *vps, unsigned int n,
		    unsigned int how);
bool hv_fake_vp_kick(struct hv_fake_vp *vp);
bool hv_fake_vp_kick_lost(struct hv_fake_vp *vp);
bool hv_fake_vp_kick_uncounted(struct hv_fake_vp *vp);
bool hv_fake_vp_intercept(struct hv_fake_vp *vp, u32 message_type, u64 gpa);
bool hv_fake_vp_intercept_held(struct hv_fake_vp *vp, u32 message_type, u64 gpa);
void hv_fake_vp_touch(struct hv_fake_vp *vp, u64 gpa, unsigned int times);

void hv_fake_vp_set_counter_word(struct hv_fake_vp *vp, u64 value);
void hv_fake_vp_set_explicit_suspend(struct hv_fake_vp *vp, bool suspended);
void hv_fake_vp_set_apic_id(struct hv_fake_vp *vp, u32 apic_id);

unsigned int hv_fake_vp_dispatches(struct hv_fake_vp *vp);
unsigned int hv_fake_vp_rechecks(struct hv_fake_vp *vp);
u64 hv_fake_vp_signal_count(struct hv_fake_vp *vp);
bool hv_fake_vp_explicit_suspend(struct hv_fake_vp *vp);
bool hv_fake_vp_intercept_suspend(struct hv_fake_vp *vp);
bool hv_fake_vp_dispatch_suspend(struct hv_fake_vp *vp);
bool hv_fake_vp_blocked(struct hv_fake_vp *vp);
bool hv_fake_vp_dispatching(struct hv_fake_vp *vp);
unsigned int hv_fake_vp_injected(struct hv_fake_vp *vp, u8 vector);
unsigned int hv_fake_vp_sets(struct hv_fake_vp *vp);
struct hv_fake_set hv_fake_vp_set(struct hv_fake_vp *vp, unsigned int n);
struct hv_vp_register_page *hv_fake_vp_register_page(struct hv_fake_vp *vp);
struct hv_message *hv_fake_vp_intercept_page(struct hv_fake_vp *vp);

/*
 * Messages: hv_fake_synic.c
 */

bool hv_fake_deliver(struct hv_fake *fake, const struct hv_message *msg);
void hv_fake_hold(struct hv_fake *fake, const struct hv_message *msg);
unsigned int hv_fake_deliver_held(struct hv_fake *fake);
bool hv_fake_doorbell(struct hv_fake *fake, u32 port);
void hv_fake_ring_during(struct hv_fake *fake, u16 code, bool held);

#endif /* _HV_FAKE_H_ */
