/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM comes out of a VP with: IO, memory, MSRs, HLT and the like.
 */
#ifndef _HVEMU_CHILD_EXITS_H
#define _HVEMU_CHILD_EXITS_H

#include <linux/types.h>

#include "outcome.h"

struct child_vp;
struct kvm_sync_regs;

/* What KVM has come out with now. */
enum outcome handle_exit(struct child_vp *vp);

/* An access to memory that is not there; @state: before KVM has begun with it, or NULL. */
enum outcome handle_memory_fault(struct child_vp *vp, const struct kvm_sync_regs *state);

/* An access that hvemu has answered: have KVM finish it now. */
enum outcome finish(struct child_vp *vp);

/* Registers that no processor takes; the parent may mend one and go on. */
enum outcome refuse(struct child_vp *vp, const char *why, u64 detail);

#endif /* _HVEMU_CHILD_EXITS_H */
