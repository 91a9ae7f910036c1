// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disks of the partition that Linux boots in.
 */

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "../hv/options.h"
#include "../hv/partition.h"
#include "../pc/virtio_blk.h"
#include "../pc/virtio_mmio.h"
#include "disks.h"

static struct virtio_blk disks[VIRTIO_MMIO_MAX];
static unsigned int count;
static int vm;

static void set_irq(void *unused, unsigned int irq, bool level)
{
	struct kvm_irq_level line = { .irq = irq, .level = level };

	(void)unused;
	ioctl(vm, KVM_IRQ_LINE, &line);
}

int disks_open(struct partition *partition, int vm_fd)
{
	const struct options *options = partition->options;
	int error;

	vm = vm_fd;
	for (count = 0; count < options->nr_disks; count++) {
		const struct disk_option *option = &options->disks[count];
		struct virtio_blk *disk = &disks[count];

		disk->device.ram = partition->ram;
		disk->device.ram_slots = partition->ram_slots;
		disk->device.number = count;
		disk->device.set_irq = set_irq;
		error = virtio_blk_open(disk, option->file, option->read_only);
		if (error) {
			fprintf(stderr, "hvemu: %s: %s\n", option->file, strerror(-error));
			return -1;
		}
		error = virtio_blk_start(disk);
		if (error) {
			fprintf(stderr, "hvemu: no thread for a disk: %s\n", strerror(-error));
			return -1;
		}
	}
	return 0;
}

bool disks_access(u64 gpa, void *data, u32 size, bool write)
{
	u64 offset = gpa - VIRTIO_MMIO_BASE;
	struct virtio_device *device;

	if (gpa < VIRTIO_MMIO_BASE || offset >= count * VIRTIO_MMIO_SIZE)
		return false;
	device = &disks[offset / VIRTIO_MMIO_SIZE].device;
	offset %= VIRTIO_MMIO_SIZE;
	if (write)
		virtio_write(device, offset, data, size);
	else
		virtio_read(device, offset, data, size);
	return true;
}

void disks_flush(void)
{
	unsigned int i;
	int error;

	for (i = 0; i < count; i++) {
		error = disks[i].read_only ? 0 : virtio_blk_flush(&disks[i]);
		if (error)
			fprintf(stderr, "hvemu: disk %u: what was written is lost: %s\n", i,
				strerror(-error));
	}
}
