/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Synthetic MSRs of a child.
 */
#ifndef _HVEMU_CHILD_MSR_H
#define _HVEMU_CHILD_MSR_H

#include <linux/types.h>

struct child;
struct child_vp;

/* For the guest; false: #GP is due, as child.ignores_msrs says. */
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

#endif /* _HVEMU_CHILD_MSR_H */
