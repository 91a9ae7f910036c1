/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio device with one queue, at the registers of virtio-mmio, version 2
 * (Virtual I/O Device Version 1.2, sections 2.7 and 4.2). The machine has no PCI.
 *
 * Nothing of what the guest writes is believed: a queue, a chain of descriptors or
 * an address that cannot be makes the device ask for a reset, and do nothing more.
 */
#ifndef _HVEMU_VIRTIO_MMIO_H
#define _HVEMU_VIRTIO_MMIO_H

#include <pthread.h>
#include <sys/uio.h>

#include <linux/types.h>

#include "guest.h"

/* Where the registers of device number N are, and what its interrupt line is. */
#define VIRTIO_MMIO_BASE	0xd0000000ULL
#define VIRTIO_MMIO_SIZE	0x200
#define VIRTIO_MMIO_IRQ		16
#define VIRTIO_MMIO_MAX		8	/* lines 16 to 23 of the I/O APIC */

#define VIRTIO_QUEUE_MAX	256	/* entries */

/**
 * struct virtio_chain - a buffer of the driver's
 * @head: names it
 * @nr: how many pieces
 * @readable: how many of them, the first ones, the device reads; it writes the others
 * @pieces: where they are here
 */
struct virtio_chain {
	u16 head;
	unsigned int nr;
	unsigned int readable;
	struct iovec pieces[VIRTIO_QUEUE_MAX];
};

/**
 * struct virtio_device - a device
 * @id: what kind
 * @features: what it offers, but for what any device here does
 * @config: its configuration space
 * @config_size: of @config
 * @ram: the guest's memory
 * @ram_slots: pieces of @ram
 * @number: which it is
 * @set_irq: drives its interrupt line
 * @context: of @set_irq
 */
struct virtio_device {
	u32 id;
	u64 features;
	const void *config;
	size_t config_size;
	const struct ram_slot *ram;
	unsigned int ram_slots;
	unsigned int number;
	void (*set_irq)(void *context, unsigned int irq, bool level);
	void *context;

	/* private: the transport's */
	pthread_mutex_t lock;
	pthread_cond_t notified;	/* there may be something in the queue */
	pthread_cond_t idle;		/* the device does nothing */
	bool has_work;
	bool busy;

	u8 status;
	u32 interrupts;
	u32 features_page, driver_page;
	u64 driver_features;
	u32 queue_select;
	struct {
		u32 size;
		bool ready;
		u64 table, available, used;
		u16 seen;		/* of the available ring */
		u16 done;		/* of the used ring */
	} queue;
};

/* A device that no driver has found yet. What is the caller's is set already. */
void virtio_init(struct virtio_device *device);

/**
 * virtio_read() - the guest reads a register
 * @device: whose
 * @offset: of the register
 * @data: what it gets
 * @size: how many bytes: 1, 2, 4 or 8
 */
void virtio_read(struct virtio_device *device, u64 offset, void *data, u32 size);

/**
 * virtio_write() - the guest writes a register
 * @device: whose
 * @offset: of the register
 * @data: what it writes
 * @size: how many bytes: 1, 2, 4 or 8
 *
 * A reset waits until the device has done what it is doing: then the guest's memory
 * is the guest's again.
 */
void virtio_write(struct virtio_device *device, u64 offset, const void *data, u32 size);

/**
 * virtio_wait() - wait for work
 * @device: whose
 *
 * The device is busy then, until it calls this again.
 */
void virtio_wait(struct virtio_device *device);

/**
 * virtio_pop() - the next buffer of the driver's
 * @device: whose
 * @chain: filled in
 *
 * Return: whether there is one.
 */
bool virtio_pop(struct virtio_device *device, struct virtio_chain *chain);

/**
 * virtio_push() - a buffer is done
 * @device: whose
 * @chain: which
 * @written: how many bytes were written into it, from its beginning on
 */
void virtio_push(struct virtio_device *device, const struct virtio_chain *chain, u32 written);

/* The driver is wrong in a way that cannot be told otherwise. */
void virtio_break(struct virtio_device *device);

#endif /* _HVEMU_VIRTIO_MMIO_H */
