/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a driver has left everything as it was.
 */
#ifndef _HVEMU_MACHINE_QUIET_H
#define _HVEMU_MACHINE_QUIET_H

#include <linux/types.h>

struct partition;

/**
 * partition_is_quiet() - whether nothing of the driver's is left
 * @partition: the partition
 * @why: said in words if something is
 * @size: of @why
 *
 * Return: whether no SynIC is enabled, no message lies in a slot, no page of the
 * guest is in use and no child partition is left.
 */
bool partition_is_quiet(struct partition *partition, char *why, size_t size);

#endif /* _HVEMU_MACHINE_QUIET_H */
