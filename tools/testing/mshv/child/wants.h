/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parent wants to be told of.
 */
#ifndef _HVEMU_CHILD_WANTS_H
#define _HVEMU_CHILD_WANTS_H

#include <linux/kvm.h>
#include <linux/types.h>

struct child;
struct hypercall;

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

u16 child_install_intercept(struct hypercall *call); /* HVCALL_INSTALL_INTERCEPT */

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

/* Have KVM hand over the MSRs that are wanted now. Return: 0 or a negative errno. */
int child_filter_msrs(struct child *child);

#endif /* _HVEMU_CHILD_WANTS_H */
