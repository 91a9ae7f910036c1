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
 * The fake is a small model, not a list of canned answers. So far it models the
 * properties of the partition it runs in and of the system, no partitions or
 * VPs. At every call it checks what a hypervisor insists on (see &enum
 * hv_fake_violation) and records the call. A test can make any call fail, one
 * that is not modelled too, see &struct hv_fake_fault.
 *
 * A violation that no test has taken with hv_fake_take_violations() fails the
 * test when it ends.
 *
 * There is no test case in hv_fake.[ch]; hv_fake_kunit.c tests the fake itself.
 */
#ifndef _HV_FAKE_H_
#define _HV_FAKE_H_

#include <linux/types.h>
#include <asm/mshyperv.h>
#include <hyperv/hvhdk.h>

struct kunit;

/* What is kept of a call's input; more than any input modelled so far needs. */
#define HV_FAKE_INPUT_BYTES	64

#define HV_FAKE_MAX_CALLS	32
#define HV_FAKE_MAX_FAULTS	8
#define HV_FAKE_MAX_PROPERTIES	8

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
	/** @input: the start of the input, zero if it could not be read */
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
	/** @nth: the call that fails, counted from 1; 0 for every one */
	unsigned int nth;
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

#endif /* _HV_FAKE_H_ */
