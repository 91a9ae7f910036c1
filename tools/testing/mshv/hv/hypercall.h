/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall convention.
 */
#ifndef _HVEMU_HYPERCALL_H
#define _HVEMU_HYPERCALL_H

#include <linux/types.h>

struct vp;

/**
 * struct hypercall - one call, decoded
 * @vp: who makes it
 * @code: HVCALL_*
 * @fast: its input came in registers
 * @varhead_size: bytes of variable header
 * @rep_count: how many elements; 0 if it is no rep call
 * @rep_start: which is the first
 * @reps_done: for the handler to set: which element comes next, counted from
 *	the first, so that it never is less than @rep_start
 * @in: its input, at least as long as its table row says; never NULL then
 * @out: its output, likewise
 * @selector: what it asks for, 0 if its row has no selector
 */
struct hypercall {
	struct vp *vp;
	u16 code;
	bool fast;
	u16 varhead_size;
	u16 rep_count;
	u16 rep_start;
	u16 reps_done;
	const void *in;
	void *out;
	u32 selector;
};

/**
 * hypercall_decode() - take a control word apart
 * @call: filled in
 * @control: the word
 *
 * Return: HV_STATUS_SUCCESS, or HV_STATUS_INVALID_HYPERCALL_INPUT if reserved
 * bits are set or the elements make no sense.
 */
u16 hypercall_decode(struct hypercall *call, u64 control);

#endif /* _HVEMU_HYPERCALL_H */
