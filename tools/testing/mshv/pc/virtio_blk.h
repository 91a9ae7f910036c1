/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk: virtio-blk on a file or a block device (Virtual I/O Device Version 1.2,
 * section 5.2).
 */
#ifndef _HVEMU_VIRTIO_BLK_H
#define _HVEMU_VIRTIO_BLK_H

#include <linux/virtio_blk.h>

#include "virtio_mmio.h"

/**
 * struct virtio_blk - a disk
 * @device: what the guest sees; its memory, number and interrupt are the caller's to set
 * @config: its configuration space
 * @name: what GET_ID says, padded with zeroes
 * @fd: the file
 * @sectors: of 512 bytes, as many as the file has as a whole
 * @read_only: the guest may not write to it
 */
struct virtio_blk {
	struct virtio_device device;
	struct virtio_blk_config config;
	char name[VIRTIO_BLK_ID_BYTES];
	int fd;
	u64 sectors;
	bool read_only;
};

/**
 * virtio_blk_open() - make a disk of a file
 * @disk: filled in, but for what is the caller's
 * @path: the file
 * @read_only: whether the guest may not write to it
 *
 * Return: 0 or a negative errno.
 */
int virtio_blk_open(struct virtio_blk *disk, const char *path, bool read_only);

/* Do all that the driver has asked for. */
void virtio_blk_serve(struct virtio_blk *disk);

/**
 * virtio_blk_start() - serve whenever the driver asks, in a thread
 * @disk: the disk
 *
 * Return: 0 or a negative errno.
 */
int virtio_blk_start(struct virtio_blk *disk);

/* Have what was written reach the file's own storage. */
int virtio_blk_flush(struct virtio_blk *disk);

#endif /* _HVEMU_VIRTIO_BLK_H */
