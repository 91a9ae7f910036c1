// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk: virtio-blk on a file or a block device.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/virtio_ids.h>

#include "virtio_blk.h"

#define SECTOR		512ULL

/* Beside its data a request has its head and its status, each in one piece. */
#define SEGMENTS	(VIRTIO_QUEUE_MAX - 2)

int virtio_blk_open(struct virtio_blk *disk, const char *path, bool read_only)
{
	off_t size;
	int error;

	disk->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (disk->fd < 0)
		return -errno;
	size = lseek(disk->fd, 0, SEEK_END);
	if (size < 0) {
		error = errno;
		close(disk->fd);
		return -error;
	}
	disk->read_only = read_only;
	disk->sectors = size / SECTOR;
	disk->config = (struct virtio_blk_config) {
		.capacity = disk->sectors,
		.seg_max = SEGMENTS,
	};
	snprintf(disk->name, sizeof(disk->name), "hvemu-%u", disk->device.number);
	disk->device.id = VIRTIO_ID_BLOCK;
	disk->device.features = BIT_ULL(VIRTIO_BLK_F_FLUSH) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX);
	if (read_only)
		disk->device.features |= BIT_ULL(VIRTIO_BLK_F_RO);
	disk->device.config = &disk->config;
	disk->device.config_size = sizeof(disk->config);
	virtio_init(&disk->device);
	return 0;
}

int virtio_blk_flush(struct virtio_blk *disk)
{
	return fdatasync(disk->fd) ? -errno : 0;
}

/* The last byte that the device writes is the status. NULL if there is none. */
static u8 *take_status(struct iovec *pieces, unsigned int *nr)
{
	struct iovec *last = &pieces[*nr - 1];

	if (!*nr)
		return NULL;
	last->iov_len--;
	if (!last->iov_len)
		(*nr)--;
	return last->iov_base + last->iov_len;
}

/* Take bytes off the beginning, and copy them. False if there are not so many. */
static bool take_first(struct iovec **pieces, unsigned int *nr, void *data, size_t size)
{
	size_t part;

	while (size && *nr) {
		part = min(size, (*pieces)->iov_len);
		memcpy(data, (*pieces)->iov_base, part);
		(*pieces)->iov_base += part;
		(*pieces)->iov_len -= part;
		data += part;
		size -= part;
		if (!(*pieces)->iov_len) {
			(*pieces)++;
			(*nr)--;
		}
	}
	return !size;
}

static u64 length(const struct iovec *pieces, unsigned int nr)
{
	u64 sum = 0;

	while (nr--)
		sum += pieces[nr].iov_len;
	return sum;
}

/* All of it, or an error. */
static u8 transfer(struct virtio_blk *disk, u64 sector, struct iovec *pieces,
		   unsigned int nr, bool write)
{
	u64 size = length(pieces, nr);
	off_t at = sector * SECTOR;
	ssize_t done;

	if (size % SECTOR || sector > disk->sectors || size / SECTOR > disk->sectors - sector)
		return VIRTIO_BLK_S_IOERR;
	while (nr) {
		done = write ? pwritev(disk->fd, pieces, nr, at) :
			       preadv(disk->fd, pieces, nr, at);
		if (done < 0 && errno == EINTR)
			continue;
		/* A file that became shorter ends early. */
		if (done <= 0)
			return VIRTIO_BLK_S_IOERR;
		at += done;
		for (; nr && (size_t)done >= pieces->iov_len; nr--, pieces++)
			done -= pieces->iov_len;
		if (done) {
			pieces->iov_base += done;
			pieces->iov_len -= done;
		}
	}
	return VIRTIO_BLK_S_OK;
}

static u8 get_id(struct virtio_blk *disk, struct iovec *pieces, unsigned int nr,
		 u32 *written)
{
	size_t done = 0, part;

	for (; nr && done < sizeof(disk->name); nr--, pieces++) {
		part = min(pieces->iov_len, sizeof(disk->name) - done);
		memcpy(pieces->iov_base, disk->name + done, part);
		done += part;
	}
	*written = done;
	return VIRTIO_BLK_S_OK;
}

/* One request. Without a place for its status it cannot even be refused. */
static void serve(struct virtio_blk *disk, struct virtio_chain *chain)
{
	struct iovec *out = chain->pieces, *in = chain->pieces + chain->readable;
	unsigned int nr_out = chain->readable, nr_in = chain->nr - chain->readable;
	struct virtio_blk_outhdr head;
	u8 *status = take_status(in, &nr_in);
	u32 written = 0;
	u64 size;

	if (!status || !take_first(&out, &nr_out, &head, sizeof(head))) {
		virtio_break(&disk->device);
		return;
	}
	switch (head.type) {
	case VIRTIO_BLK_T_IN:
		size = length(in, nr_in);
		*status = transfer(disk, head.sector, in, nr_in, false);
		if (*status == VIRTIO_BLK_S_OK)
			written = size;
		break;
	case VIRTIO_BLK_T_OUT:
		*status = disk->read_only ? VIRTIO_BLK_S_IOERR :
			  transfer(disk, head.sector, out, nr_out, true);
		break;
	case VIRTIO_BLK_T_FLUSH:
		*status = !disk->read_only && virtio_blk_flush(disk) ?
			  VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
		break;
	case VIRTIO_BLK_T_GET_ID:
		*status = get_id(disk, in, nr_in, &written);
		break;
	default:
		*status = VIRTIO_BLK_S_UNSUPP;
	}
	virtio_push(&disk->device, chain, written + 1);
}

void virtio_blk_serve(struct virtio_blk *disk)
{
	struct virtio_chain chain;

	while (virtio_pop(&disk->device, &chain))
		serve(disk, &chain);
}

static void *serve_always(void *disk)
{
	for (;;) {
		virtio_wait(&((struct virtio_blk *)disk)->device);
		virtio_blk_serve(disk);
	}
	return NULL;
}

int virtio_blk_start(struct virtio_blk *disk)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, serve_always, disk);
}
