/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of a VP as they are at first, after INIT, and after a start-up IPI.
 */
#ifndef _HVEMU_CHILD_REGS_H
#define _HVEMU_CHILD_REGS_H

#include <linux/types.h>

struct child_vp;

int child_regs_init(struct child_vp *vp);
void child_regs_exit(struct child_vp *vp);

/* As after INIT, or a start-up IPI: code at vector << 12, in real mode. */
void child_regs_reset(struct child_vp *vp);
void child_regs_start(struct child_vp *vp, u8 vector);

#endif /* _HVEMU_CHILD_REGS_H */
