/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest, as what puts a kernel and ACPI tables into its memory sees it. hvemu
 * boots a partition so, and vmm/ a child partition.
 */
#ifndef _HVEMU_GUEST_H
#define _HVEMU_GUEST_H

#include <linux/types.h>

#define RAM_SLOTS_MAX	2

/* Guest memory: one piece below 4 GiB, and what does not fit there above. */
struct ram_slot {
	u64 gpa;
	u64 size;
	u64 offset;		/* in the file that all of it is, if it is one */
	void *host;
};

/**
 * struct guest - what is booted, and in what
 * @kernel: name of a file, vmlinux or bzImage
 * @initrd: name of a file; NULL: there is none
 * @append: the kernel's command line
 * @ram: its memory
 * @ram_slots: how many pieces
 * @reserved_gpa: where memory begins that is not the guest's...
 * @reserved_pages: ...and how much; none: the end of the memory, and 0
 * @cpus: how many VPs
 * @disks: how many virtio devices, from VIRTIO_MMIO_BASE on
 * @local_apics_only: there is no other interrupt controller: ACPI in its
 *	"hardware-reduced" form, without SCI
 */
struct guest {
	const char *kernel;
	const char *initrd;
	const char *append;
	const struct ram_slot *ram;
	unsigned int ram_slots;
	u64 reserved_gpa;
	u64 reserved_pages;
	unsigned int cpus;
	unsigned int disks;
	bool local_apics_only;
};

/**
 * ram_at() - where a piece of guest memory is
 * @ram: the memory
 * @slots: how many pieces
 * @gpa: guest physical address
 * @size: bytes
 *
 * Return: the address here, or NULL if not all of it is memory.
 */
void *ram_at(const struct ram_slot *ram, unsigned int slots, u64 gpa, u64 size);

/* Likewise the piece; NULL if none holds all of the range. */
const struct ram_slot *ram_find(const struct ram_slot *ram, unsigned int slots, u64 gpa,
				u64 size);

/* Likewise. */
void *guest_memory(const struct guest *guest, u64 gpa, u64 size);

#endif /* _HVEMU_GUEST_H */
