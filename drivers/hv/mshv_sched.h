/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who dispatches the VPs of child partitions: this kernel or the hypervisor.
 *
 * Three steps, and no function does two of them:
 *
 *   mshv_sched_discover()  asks the hypervisor, judges nothing
 *   mshv_sched_choose()    judges what was learned, asks nothing
 *   mshv_sched_init()      calls both, reports, and keeps the result
 *
 * The choice is made once, while the driver loads, and is read-only after
 * that. Taking the wrong path hangs guests, so an answer that cannot be
 * understood stops the driver from loading: nothing here guesses.
 *
 * See Documentation/virt/hyperv/mshv.rst for the schedulers and the decision
 * table.
 */
#ifndef _MSHV_SCHED_H_
#define _MSHV_SCHED_H_

#include <linux/types.h>
#include <hyperv/hvhdk.h>
#include <hyperv/hvsched.h>

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

/* Not for use but by the accessors below. */
extern enum hv_scheduler_type mshv_sched_in_force;

/**
 * mshv_sched_is_root_path() - whether this kernel dispatches VPs
 *
 * Inline, as every irqfd signal and every run of a VP asks.
 *
 * Context: Any, after mshv_sched_init().
 * Return: true if VPs run inside HVCALL_DISPATCH_VP (root scheduler, integrated
 * scheduler); false if the hypervisor places them (classic, core).
 */
static inline bool mshv_sched_is_root_path(void)
{
	return hv_scheduler_is_parents(mshv_sched_in_force);
}

#endif /* _MSHV_SCHED_H_ */
