/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of child partitions.
 */
#ifndef _HVEMU_CHILD_IRQ_H
#define _HVEMU_CHILD_IRQ_H

#include <linux/types.h>

struct child_vp;
struct hypercall;
struct partition;

/* Give a VP its local APIC, as after reset. */
void child_irq_init(struct child_vp *vp);
u16 child_irq_assert(struct hypercall *call);	/* HVCALL_ASSERT_VIRTUAL_INTERRUPT */
u16 child_irq_clear(struct hypercall *call);	/* HVCALL_CLEAR_VIRTUAL_INTERRUPT */
u16 child_irq_vp_index(struct hypercall *call);	/* HVCALL_GET_VP_INDEX_FROM_APIC_ID */

/* The thread that has timers fire. Return: 0 or a negative errno. */
int child_irq_setup(struct partition *partition);

#endif /* _HVEMU_CHILD_IRQ_H */
