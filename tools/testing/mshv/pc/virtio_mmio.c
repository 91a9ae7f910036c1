// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtio device with one queue, at the registers of virtio-mmio.
 */

#include <string.h>

#include <linux/bits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "virtio_mmio.h"

#define MAGIC		0x74726976	/* "virt" */
#define VERSION		2
#define VENDOR		0x554d4548	/* "HEMU" */

/* What every device here offers. */
#define FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))

/* Descriptors, and rings with and without their events. */
#define DESC_ALIGN	16
#define AVAIL_ALIGN	2
#define USED_ALIGN	4
#define AVAIL_SIZE(n)	(sizeof(struct vring_avail) + 2ULL * (n))
#define USED_SIZE(n)	(sizeof(struct vring_used) + sizeof(struct vring_used_elem) * (n))

void virtio_init(struct virtio_device *device)
{
	pthread_mutex_init(&device->lock, NULL);
	pthread_cond_init(&device->notified, NULL);
	pthread_cond_init(&device->idle, NULL);
	device->queue.size = VIRTIO_QUEUE_MAX;
}

static void *memory(const struct virtio_device *device, u64 gpa, u64 size)
{
	return ram_at(device->ram, device->ram_slots, gpa, size);
}

static void update_irq(struct virtio_device *device)
{
	device->set_irq(device->context, VIRTIO_MMIO_IRQ + device->number,
			device->interrupts != 0);
}

static void break_locked(struct virtio_device *device)
{
	device->queue.ready = false;
	if (device->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		device->interrupts |= VIRTIO_MMIO_INT_CONFIG;
		update_irq(device);
	}
}

void virtio_break(struct virtio_device *device)
{
	pthread_mutex_lock(&device->lock);
	break_locked(device);
	pthread_mutex_unlock(&device->lock);
}

static struct vring_avail *available(struct virtio_device *device)
{
	return memory(device, device->queue.available, AVAIL_SIZE(device->queue.size));
}

static struct vring_used *used(struct virtio_device *device)
{
	return memory(device, device->queue.used, USED_SIZE(device->queue.size));
}

/* The driver says that its queue is there. It must be. */
static void start_queue(struct virtio_device *device)
{
	u64 table_size = sizeof(struct vring_desc) * device->queue.size;

	if (device->queue.table % DESC_ALIGN || device->queue.available % AVAIL_ALIGN ||
	    device->queue.used % USED_ALIGN ||
	    !memory(device, device->queue.table, table_size) ||
	    !available(device) || !used(device)) {
		break_locked(device);
		return;
	}
	device->queue.seen = 0;
	device->queue.done = 0;
	device->queue.ready = true;
}

static void reset(struct virtio_device *device)
{
	device->queue.ready = false;
	while (device->busy)
		pthread_cond_wait(&device->idle, &device->lock);
	memset(&device->queue, 0, sizeof(device->queue));
	device->queue.size = VIRTIO_QUEUE_MAX;
	device->queue_select = 0;
	device->features_page = 0;
	device->driver_page = 0;
	device->driver_features = 0;
	device->has_work = false;
	device->status = 0;
	device->interrupts = 0;
	update_irq(device);
}

static u64 offered(const struct virtio_device *device)
{
	return device->features | FEATURES;
}

static void set_status(struct virtio_device *device, u32 value)
{
	if (!value)
		return reset(device);
	/* What the device has said of itself stays. */
	value |= device->status & VIRTIO_CONFIG_S_NEEDS_RESET;
	if ((value & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    ((device->driver_features & ~offered(device)) ||
	     !(device->driver_features & BIT_ULL(VIRTIO_F_VERSION_1))))
		value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	device->status = value;
}

static u32 read_register(struct virtio_device *device, u64 offset)
{
	bool selected = !device->queue_select;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return device->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return device->features_page > 1 ? 0 :
			(u32)(offered(device) >> (32 * device->features_page));
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return selected ? VIRTIO_QUEUE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return selected && device->queue.ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return device->interrupts;
	case VIRTIO_MMIO_STATUS:
		return device->status;
	default:
		return 0;
	}
}

static void set_low(u64 *address, u32 value)
{
	*address = (*address & ~0xffffffffULL) | value;
}

static void set_high(u64 *address, u32 value)
{
	*address = (*address & 0xffffffffULL) | (u64)value << 32;
}

/* Where the queue is: not while the device uses it. */
static void write_queue(struct virtio_device *device, u64 offset, u32 value)
{
	if (device->queue_select)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY && !value)
		device->queue.ready = false;
	if (device->queue.ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		if (!value || value > VIRTIO_QUEUE_MAX || value & (value - 1))
			break_locked(device);
		else
			device->queue.size = value;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		if (value)
			start_queue(device);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_low(&device->queue.table, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_high(&device->queue.table, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_low(&device->queue.available, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_high(&device->queue.available, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		set_low(&device->queue.used, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_high(&device->queue.used, value);
		break;
	}
}

static void write_register(struct virtio_device *device, u64 offset, u32 value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		device->features_page = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		device->driver_page = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (device->status & VIRTIO_CONFIG_S_FEATURES_OK)
			break;
		if (device->driver_page == 0)
			set_low(&device->driver_features, value);
		else if (device->driver_page == 1)
			set_high(&device->driver_features, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		device->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value)
			break;
		device->has_work = true;
		pthread_cond_signal(&device->notified);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		device->interrupts &= ~value;
		update_irq(device);
		break;
	case VIRTIO_MMIO_STATUS:
		set_status(device, value);
		break;
	default:
		write_queue(device, offset, value);
	}
}

void virtio_read(struct virtio_device *device, u64 offset, void *data, u32 size)
{
	u32 value;

	memset(data, 0, size);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		offset -= VIRTIO_MMIO_CONFIG;
		if (offset < device->config_size && size <= device->config_size - offset)
			memcpy(data, device->config + offset, size);
		return;
	}
	if (size != sizeof(value))
		return;
	pthread_mutex_lock(&device->lock);
	value = read_register(device, offset);
	pthread_mutex_unlock(&device->lock);
	memcpy(data, &value, sizeof(value));
}

void virtio_write(struct virtio_device *device, u64 offset, const void *data, u32 size)
{
	u32 value;

	if (size != sizeof(value) || offset >= VIRTIO_MMIO_CONFIG)
		return;
	memcpy(&value, data, sizeof(value));
	pthread_mutex_lock(&device->lock);
	write_register(device, offset, value);
	pthread_mutex_unlock(&device->lock);
}

void virtio_wait(struct virtio_device *device)
{
	pthread_mutex_lock(&device->lock);
	device->busy = false;
	pthread_cond_broadcast(&device->idle);
	while (!device->has_work)
		pthread_cond_wait(&device->notified, &device->lock);
	device->has_work = false;
	device->busy = true;
	pthread_mutex_unlock(&device->lock);
}

/*
 * One descriptor becomes one piece, a table of them several. No chain is longer than
 * the queue: one that is has a loop.
 */
static bool add_piece(struct virtio_device *device, struct virtio_chain *chain,
		      const struct vring_desc *desc)
{
	struct iovec *piece = &chain->pieces[chain->nr];
	bool writable = desc->flags & VRING_DESC_F_WRITE;

	if (chain->nr == device->queue.size)
		return false;
	piece->iov_base = memory(device, desc->addr, desc->len);
	piece->iov_len = desc->len;
	if (!piece->iov_base || !desc->len)
		return false;
	/* All that the device reads comes before all that it writes. */
	if (!writable && chain->readable < chain->nr)
		return false;
	chain->readable += !writable;
	chain->nr++;
	return true;
}

/* Each descriptor is read once: the guest may change it any time. */
static bool read_desc(const struct vring_desc *table, u32 entries, u16 index,
		      struct vring_desc *desc)
{
	if (index >= entries)
		return false;
	memcpy(desc, table + index, sizeof(*desc));
	return true;
}

static bool read_indirect(struct virtio_device *device, struct virtio_chain *chain,
			  const struct vring_desc *where)
{
	const struct vring_desc *table = memory(device, where->addr, where->len);
	u32 entries = where->len / sizeof(*table);
	struct vring_desc desc;
	u16 index = 0;

	if (!table || !entries || where->len % sizeof(*table) ||
	    where->flags & VRING_DESC_F_NEXT)
		return false;
	do {
		if (!read_desc(table, entries, index, &desc) ||
		    desc.flags & VRING_DESC_F_INDIRECT || !add_piece(device, chain, &desc))
			return false;
		index = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return true;
}

static bool read_chain(struct virtio_device *device, struct virtio_chain *chain)
{
	const struct vring_desc *table = memory(device, device->queue.table,
						sizeof(*table) * device->queue.size);
	u16 index = chain->head;
	struct vring_desc desc;

	chain->nr = 0;
	chain->readable = 0;
	do {
		if (!read_desc(table, device->queue.size, index, &desc))
			return false;
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return device->driver_features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) &&
			       read_indirect(device, chain, &desc);
		if (!add_piece(device, chain, &desc))
			return false;
		index = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return true;
}

static bool pop_locked(struct virtio_device *device, struct virtio_chain *chain)
{
	struct vring_avail *ring = available(device);
	u16 ahead;

	ahead = __atomic_load_n(&ring->idx, __ATOMIC_ACQUIRE) - device->queue.seen;
	if (!ahead)
		return false;
	chain->head = ring->ring[device->queue.seen % device->queue.size];
	if (ahead > device->queue.size || !read_chain(device, chain)) {
		break_locked(device);
		return false;
	}
	device->queue.seen++;
	return true;
}

bool virtio_pop(struct virtio_device *device, struct virtio_chain *chain)
{
	bool found;

	pthread_mutex_lock(&device->lock);
	found = device->queue.ready && device->status & VIRTIO_CONFIG_S_DRIVER_OK &&
		pop_locked(device, chain);
	pthread_mutex_unlock(&device->lock);
	return found;
}

void virtio_push(struct virtio_device *device, const struct virtio_chain *chain, u32 written)
{
	struct vring_used_elem *element;
	struct vring_used *ring;

	pthread_mutex_lock(&device->lock);
	if (device->queue.ready) {
		ring = used(device);
		element = &ring->ring[device->queue.done % device->queue.size];
		element->id = chain->head;
		element->len = written;
		device->queue.done++;
		__atomic_store_n(&ring->idx, device->queue.done, __ATOMIC_SEQ_CST);
		if (!(__atomic_load_n(&available(device)->flags, __ATOMIC_SEQ_CST) &
		      VRING_AVAIL_F_NO_INTERRUPT)) {
			device->interrupts |= VIRTIO_MMIO_INT_VRING;
			update_irq(device);
		}
	}
	pthread_mutex_unlock(&device->lock);
}
