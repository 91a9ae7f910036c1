/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP that is stepped, or has breakpoints, because its parent wants CPUID, INT3 or #DB.
 */
#ifndef _HVEMU_CHILD_DEBUG_H
#define _HVEMU_CHILD_DEBUG_H

#include <stdbool.h>

#include "outcome.h"

struct child_vp;
struct kvm_guest_debug;

/* Whether every instruction has to be looked at. */
bool wants_steps(const struct child_vp *vp);

/* Look at the next instruction. Return: whether the parent is told of it. */
bool intercept_next(struct child_vp *vp);

/* What KVM_SET_GUEST_DEBUG has to be told. */
struct kvm_guest_debug wanted_debug(struct child_vp *vp, bool steps);
void set_debug(struct child_vp *vp, const struct kvm_guest_debug *debug);

/* KVM has come out with a #DB or #BP. */
enum outcome handle_debug(struct child_vp *vp);

#endif /* _HVEMU_CHILD_DEBUG_H */
