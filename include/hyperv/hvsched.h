/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What follows from the Microsoft Hypervisor's scheduling ABI, once, for
 * everyone who needs it: the names of the schedulers, what a dispatch can end
 * with, and which VPs a scheduler message names. Pure inline code; it needs
 * nothing but the headers of the ABI.
 */
#ifndef _HV_HVSCHED_H
#define _HV_HVSCHED_H

#include "hvhdk.h"

/**
 * hv_scheduler_name() - the word for a scheduler, in the log, in sysfs and in tests
 * @type: &enum hv_scheduler_type, or whatever a hypervisor sent in its place
 * @l1vh: whether the partition that is spoken of is an L1VH
 *
 * The hypervisor has one code for "the parent dispatches the VPs of its
 * children". In a root partition that is the root scheduler; in an L1VH the
 * hypervisor itself schedules the L1VH's own VPs all the while, and the
 * arrangement is called the integrated scheduler.
 *
 * Return: a constant string, or NULL if @type is no scheduler known here: this
 * table is also the one test of whether a type is known.
 */
static inline const char *hv_scheduler_name(__u32 type, bool l1vh)
{
	static const char * const names[HV_SCHEDULER_TYPE_MAX] = {
		[HV_SCHEDULER_TYPE_LP]		= "classic",
		[HV_SCHEDULER_TYPE_LP_SMT]	= "classic-smt",
		[HV_SCHEDULER_TYPE_CORE_SMT]	= "core",
		[HV_SCHEDULER_TYPE_ROOT]	= "root",
	};

	if (type >= HV_SCHEDULER_TYPE_MAX)
		return NULL;
	if (l1vh && type == HV_SCHEDULER_TYPE_ROOT)
		return "integrated";
	return names[type];
}

/**
 * hv_scheduler_is_parents() - whether the parent's kernel dispatches VPs
 * @type: a known &enum hv_scheduler_type
 *
 * Return: true if VPs run inside HVCALL_DISPATCH_VP, on a CPU that the parent
 * chose (the root path); false if the hypervisor places them (the hypervisor
 * path).
 */
static inline bool hv_scheduler_is_parents(__u32 type)
{
	return type == HV_SCHEDULER_TYPE_ROOT;
}

/**
 * enum hv_dispatch_outcome - what a successful HVCALL_DISPATCH_VP ended with
 * @HV_DISPATCH_UNKNOWN: a state and an event that do not go together, or of
 *	which one is none known here
 * @HV_DISPATCH_READY: the VP may be dispatched again at once
 * @HV_DISPATCH_INTERCEPT: the VP needs its parent: its intercept page is filled
 *	and it is intercept-suspended
 * @HV_DISPATCH_BLOCKED: the VP has nothing to do until it is signalled
 * @HV_DISPATCH_SUSPENDED: the VP is explicitly suspended
 */
enum hv_dispatch_outcome {
	HV_DISPATCH_UNKNOWN,
	HV_DISPATCH_READY,
	HV_DISPATCH_INTERCEPT,
	HV_DISPATCH_BLOCKED,
	HV_DISPATCH_SUSPENDED,
};

/**
 * hv_dispatch_outcome() - make one thing of a dispatch's state and event
 * @output: what the hypervisor wrote; all zero if it wrote nothing
 *
 * The event is what caused the state: a VP is ready because of an intercept,
 * and blocked because of a suspension, or either for no reason that the parent
 * has a part in. A VP that is ready may have been suspended and released
 * meanwhile; if it is suspended still, its next dispatch says so. An intercept
 * does not block.
 *
 * Return: the outcome; HV_DISPATCH_UNKNOWN if it cannot be told.
 */
static inline enum hv_dispatch_outcome
hv_dispatch_outcome(const struct hv_output_dispatch_vp *output)
{
	/* What most dispatches end with comes first. */
	if (output->dispatch_state == HV_VP_DISPATCH_STATE_READY) {
		if (output->dispatch_event == HV_VP_DISPATCH_EVENT_INTERCEPT)
			return HV_DISPATCH_INTERCEPT;
		if (output->dispatch_event == HV_VP_DISPATCH_EVENT_INVALID ||
		    output->dispatch_event == HV_VP_DISPATCH_EVENT_SUSPEND)
			return HV_DISPATCH_READY;
	} else if (output->dispatch_state == HV_VP_DISPATCH_STATE_BLOCKED) {
		if (output->dispatch_event == HV_VP_DISPATCH_EVENT_INVALID)
			return HV_DISPATCH_BLOCKED;
		if (output->dispatch_event == HV_VP_DISPATCH_EVENT_SUSPEND)
			return HV_DISPATCH_SUSPENDED;
	}
	return HV_DISPATCH_UNKNOWN;
}

/**
 * hv_signal_pair_count() - how many pairs of a pair message there can be
 * @vp_count: the count that the message gives, read once
 *
 * Return: @vp_count, but never more than the message has room for.
 */
static inline unsigned int hv_signal_pair_count(unsigned int vp_count)
{
	if (vp_count > HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT)
		return HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT;
	return vp_count;
}

/**
 * struct hv_signal_bitset_walk - where a walk through a bitset message stands
 * @msg: the message
 * @banks: banks that its mask names and the walk has not reached
 * @nr_reached: banks that the walk has reached
 * @vps: VPs of the last of these that the walk has not reached
 * @base: VP index of that bank's bit 0
 */
struct hv_signal_bitset_walk {
	const struct hv_vp_signal_bitset_scheduler_message *msg;
	__u64 banks;
	unsigned int nr_reached;
	__u64 vps;
	__u32 base;
};

/**
 * hv_signal_bitset_begin() - start a walk through the VPs of a bitset message
 * @walk: the walk
 * @msg: the message, of type HVMSG_SCHEDULER_VP_SIGNAL_BITSET
 *
 * Return: whether the message's set has a format that can be walked. An empty
 * set can.
 */
static inline bool
hv_signal_bitset_begin(struct hv_signal_bitset_walk *walk,
		       const struct hv_vp_signal_bitset_scheduler_message *msg)
{
	walk->msg = msg;
	walk->banks = msg->vp_bitset.bitset.valid_bank_mask;
	walk->nr_reached = 0;
	walk->vps = 0;
	walk->base = 0;
	return msg->vp_bitset.bitset.format == HV_GENERIC_SET_SPARSE_4K;
}

/**
 * hv_signal_bitset_next() - go on to the next VP of a bitset message
 * @walk: the walk
 * @vp_index: the VP's index, set if there is one
 *
 * Banks that the mask names and that do not fit in the message are not there.
 *
 * Return: whether there was another VP.
 */
static inline bool hv_signal_bitset_next(struct hv_signal_bitset_walk *walk,
					 __u32 *vp_index)
{
	while (!walk->vps) {
		if (!walk->banks ||
		    walk->nr_reached == HV_SIGNAL_BITSET_MAX_BANK_COUNT)
			return false;
		walk->base = __builtin_ctzll(walk->banks) * 64;
		walk->banks &= walk->banks - 1;
		/* The banks lie behind format and mask, see struct hv_vpset. */
		walk->vps = walk->msg->vp_bitset.bitset_buffer[2 + walk->nr_reached];
		walk->nr_reached++;
	}

	*vp_index = walk->base + __builtin_ctzll(walk->vps);
	walk->vps &= walk->vps - 1;
	return true;
}

#endif /* _HV_HVSCHED_H */
