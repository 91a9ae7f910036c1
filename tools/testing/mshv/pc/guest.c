// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory.
 */

#include <stddef.h>

#include "guest.h"

const struct ram_slot *ram_find(const struct ram_slot *ram, unsigned int slots, u64 gpa,
				u64 size)
{
	const struct ram_slot *slot;

	for (slot = ram; slot < ram + slots; slot++) {
		u64 offset = gpa - slot->gpa;

		if (gpa >= slot->gpa && offset < slot->size && size <= slot->size - offset)
			return slot;
	}
	return NULL;
}

void *ram_at(const struct ram_slot *ram, unsigned int slots, u64 gpa, u64 size)
{
	const struct ram_slot *slot = ram_find(ram, slots, gpa, size);

	return slot ? slot->host + (gpa - slot->gpa) : NULL;
}

void *guest_memory(const struct guest *guest, u64 gpa, u64 size)
{
	return ram_at(guest->ram, guest->ram_slots, gpa, size);
}
