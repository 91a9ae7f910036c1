/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a child's VP.
 */
#ifndef _HVEMU_CHILD_CPUID_H
#define _HVEMU_CHILD_CPUID_H

#include <linux/types.h>

struct child;
struct child_vp;
struct hypercall;

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

#endif /* _HVEMU_CHILD_CPUID_H */
