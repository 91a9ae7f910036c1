/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One entry into a VP: KVM_RUN, and the kick that ends it.
 */
#ifndef _HVEMU_CHILD_ENTER_H
#define _HVEMU_CHILD_ENTER_H

#include <stdbool.h>

#include <linux/types.h>

struct child_vp;
struct kvm_sync_regs;

/* Signal set-up, once. Return: 0 or a negative errno. */
int child_run_setup(void);

/* Whether the VP must not go on in the guest. */
bool must_stop(const struct child_vp *vp);

/* Run the guest. Return: 0 or a negative errno. */
int enter(struct child_vp *vp);

/*
 * Have KVM take over the registers that were changed and finish what it has
 * handed over, without entering the guest. Return: as KVM_RUN; 0: what it handed over
 * comes in more pieces.
 */
int settle(struct child_vp *vp);

/*
 * Have KVM finish what it has handed over, and undo it. Return: where RIP was when KVM
 * had finished.
 */
u64 retire(struct child_vp *vp, const struct kvm_sync_regs *state);

#endif /* _HVEMU_CHILD_ENTER_H */
