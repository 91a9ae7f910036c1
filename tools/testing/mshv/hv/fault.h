/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults on demand: which hypercalls fail, take long or end oddly, and when; and
 * what becomes of scheduler messages.
 *
 *	CODE[:SELECTOR]=RESULT[@N[+]]
 *
 * CODE is a hypercall and SELECTOR what it asks for, where it asks for one of
 * several things: a property, a kind of statistics, rights to memory. RESULT is a status, or
 * "delay:MICROSECONDS". Without @N every such call is meant; with @N the Nth
 * since the fault was added; with @N+ that one and all after it. Names stand
 * for numbers, with or without their prefix:
 *
 *	GET_PARTITION_PROPERTY_EX:VMM_CAPABILITIES=ACCESS_DENIED
 *	0x101:0x20005=0x8@2
 *
 * A dispatch can also end with any state and event, the VP not run, or last for
 * so many microseconds more, whatever the parent's VP has to do:
 *
 *	DISPATCH_VP=outcome:STATE/EVENT@5
 *	DISPATCH_VP=hog:MICROSECONDS
 *
 * And "signal" in the place of CODE is the message that tells the parent which
 * VPs can run again. It is not sent, sent twice, sent later, or sent with a count
 * or format that cannot be; the next says by its overflow_count how many VPs were
 * not told of:
 *
 *	signal=lose@3    signal=twice    signal=late:MICROSECONDS    signal=malformed@1+
 */
#ifndef _HVEMU_FAULT_H
#define _HVEMU_FAULT_H

#include <linux/types.h>

#define FAULTS_MAX	64

/* No hypercall: the scheduler messages. */
#define FAULT_SIGNAL	0xffff

enum fault_kind {
	FAULT_STATUS,
	FAULT_DELAY,		/* value: microseconds */
	FAULT_OUTCOME,		/* value: state, and event << 16 */
	FAULT_HOG,		/* value: microseconds */
	FAULT_LOSE,
	FAULT_TWICE,
	FAULT_LATE,		/* value: microseconds */
	FAULT_MALFORMED,
};

struct fault {
	u16 code;
	bool any_selector;
	u32 selector;
	enum fault_kind kind;
	u16 status;
	u32 value;
	u32 nth;		/* 0: every call */
	bool onwards;
	u32 seen;		/* calls that matched since it was added */
	u32 applied;		/* of which so many were made to fail, or delayed */
};

struct faults {
	unsigned int count;
	struct fault list[FAULTS_MAX];
};

/**
 * fault_parse() - read one fault
 * @fault: filled in
 * @text: as above
 *
 * Return: NULL, or in words what is wrong with @text.
 */
const char *fault_parse(struct fault *fault, const char *text);

/**
 * fault_add() - add one fault to those in force
 * @faults: those in force
 * @text: as above
 *
 * Return: NULL, or in words why it was not added.
 */
const char *fault_add(struct faults *faults, const char *text);

/**
 * fault_apply() - see whether a hypercall is to go wrong
 * @faults: those in force; their counts move on
 * @code: the hypercall
 * @selector: what it asks for; 0 where it does not ask
 * @status: set if the call is to fail
 * @delay_us: how long the call is to take, in microseconds
 *
 * Return: whether the call is to fail with @status.
 */
bool fault_apply(struct faults *faults, u16 code, u32 selector, u16 *status,
		 u32 *delay_us);

/**
 * fault_twist() - see whether something is to end oddly
 * @faults: those in force; their counts move on
 * @code: HVCALL_DISPATCH_VP or FAULT_SIGNAL
 * @value: set to the fault's value
 *
 * Return: which kind of fault; FAULT_STATUS if there is none.
 */
enum fault_kind fault_twist(struct faults *faults, u16 code, u32 *value);

#endif /* _HVEMU_FAULT_H */
