/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is deposited for a child.
 */
#ifndef _HVEMU_CHILD_DEPOSIT_H
#define _HVEMU_CHILD_DEPOSIT_H

#include <linux/types.h>

struct child;
struct hypercall;

/**
 * child_use() - take some of the memory that was deposited for a child
 * @child: which
 * @pages: how many
 *
 * Return: false if it has not so many: HV_STATUS_INSUFFICIENT_MEMORY is due.
 */
bool child_use(struct child *child, unsigned int pages);

/* How many deposited pages of a child may come back that are somewhere else now. */
unsigned int child_pages_out(const struct child *child);

u16 child_withdraw_memory(struct hypercall *call); /* HVCALL_WITHDRAW_MEMORY */

#endif /* _HVEMU_CHILD_DEPOSIT_H */
