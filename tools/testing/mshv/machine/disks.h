/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disks of the partition that Linux boots in. They are the machine's, not the
 * hypervisor's.
 */
#ifndef _HVEMU_DISKS_H
#define _HVEMU_DISKS_H

#include <linux/types.h>

struct partition;

/**
 * disks_open() - make the disks that the options name
 * @partition: whose memory they read and write
 * @vm: KVM's file descriptor of it, for their interrupts
 *
 * Return: 0, or -1 after saying on stderr what is wrong.
 */
int disks_open(struct partition *partition, int vm);

/**
 * disks_access() - the guest reads or writes where there is no memory
 * @gpa: where
 * @data: what it reads or writes
 * @size: how many bytes
 * @write: which of both
 *
 * Return: whether a disk is there.
 */
bool disks_access(u64 gpa, void *data, u32 size, bool write);

/* Have what was written reach the files. */
void disks_flush(void);

#endif /* _HVEMU_DISKS_H */
