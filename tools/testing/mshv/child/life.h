/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child partitions: created, initialized, finalized, deleted.
 */
#ifndef _HVEMU_CHILD_LIFE_H
#define _HVEMU_CHILD_LIFE_H

#include <linux/kvm.h>
#include <linux/types.h>

struct hypercall;

/*
 * What KVM does unlike a processor, and a child must not see: OUT to port 0x7e would be
 * done before its exit, like no other; and KVM would patch this processor's hypercall over
 * the other vendor's, which hardware answers with #UD.
 */
#define CHILD_NO_QUIRKS		(KVM_X86_QUIRK_OUT_7E_INC_RIP | \
				 KVM_X86_QUIRK_FIX_HYPERCALL_INSN)

u16 child_create(struct hypercall *call);	/* HVCALL_CREATE_PARTITION */
u16 child_initialize(struct hypercall *call);	/* HVCALL_INITIALIZE_PARTITION */
u16 child_finalize(struct hypercall *call);	/* HVCALL_FINALIZE_PARTITION */
u16 child_delete(struct hypercall *call);	/* HVCALL_DELETE_PARTITION */

#endif /* _HVEMU_CHILD_LIFE_H */
