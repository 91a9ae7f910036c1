// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of a child's memory.
 */

#include <stdlib.h>

#include <hyperv/hvhdk.h>

#include "table.h"

u64 *child_leaf(void **table, u64 gpfn, bool make)
{
	int level;

	for (level = LEVELS - 1; level > 0; level--) {
		void **next = &table[(gpfn >> (level * LEVEL_BITS)) % LEVEL_ENTRIES];

		if (!*next) {
			if (!make)
				return NULL;
			*next = calloc(LEVEL_ENTRIES, sizeof(void *));
			if (!*next)
				return NULL;
		}
		table = *next;
	}
	return (u64 *)table + gpfn % LEVEL_ENTRIES;
}

u64 *child_entry(struct child_memory *memory, u64 gpfn, bool make)
{
	if (gpfn >= memory->size >> HV_HYP_PAGE_SHIFT)
		return NULL;
	return child_leaf(memory->root, gpfn, make);
}

u64 child_entry_value(struct child_memory *memory, u64 gpfn)
{
	const u64 *entry = child_entry(memory, gpfn, false);

	return entry ? *entry : 0;
}

void child_free_table(void **table, int level)
{
	int i;

	if (!table)
		return;
	for (i = 0; level > 0 && i < LEVEL_ENTRIES; i++)
		child_free_table(table[i], level - 1);
	free(table);
}

struct child_overlay *child_overlay_at(struct child_memory *memory, u64 gpfn)
{
	struct child_overlay *overlay;

	for (overlay = memory->overlays;
	     overlay < memory->overlays + memory->nr_overlays; overlay++)
		if (overlay->gpfn == gpfn)
			return overlay;
	return NULL;
}
