// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest physical memory of a child: what is where.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hyperv/hvhdk.h>

#include "../hv/partition.h"
#include "child.h"
#include "memory.h"
#include "space.h"
#include "table.h"

struct child_page child_page(struct child *child, u64 gpfn)
{
	u64 *entry = child->memory ? child_entry(child->memory, gpfn, false) : NULL;
	struct child_page page = { };

	if (!entry)
		return page;
	page.parent_gpfn = child_entry_gpfn(*entry);
	page.mapped = *entry & ENTRY_MAPPED;
	page.no_access = *entry & ENTRY_NO_ACCESS;
	if (*entry & ENTRY_READABLE)
		page.flags |= HV_MAP_GPA_READABLE;
	if (*entry & ENTRY_WRITABLE)
		page.flags |= HV_MAP_GPA_WRITABLE;
	if (*entry & ENTRY_EXECUTABLE)
		page.flags |= HV_MAP_GPA_EXECUTABLE;
	return page;
}

bool child_maps(const struct child *child, u64 parent_gpfn)
{
	u64 *uses = child->memory ? child_leaf(child->memory->sources, parent_gpfn, false) : NULL;

	return uses && *uses;
}

void *child_memory(struct child *child, u64 gpa, size_t size)
{
	u64 gpfn = gpa >> HV_HYP_PAGE_SHIFT, offset = gpa % HV_HYP_PAGE_SIZE;
	struct child_overlay *overlay;
	struct child_page page;
	void *parent;

	if (!child->memory || size > HV_HYP_PAGE_SIZE - offset)
		return NULL;
	overlay = child_overlay_at(child->memory, gpfn);
	if (overlay)
		return overlay->page + offset;
	page = child_page(child, gpfn);
	if (!page.mapped)
		return NULL;
	parent = partition_page(child->parent, page.parent_gpfn);
	return parent ? parent + offset : NULL;
}

void child_memory_wrote(struct child *child, u64 gpa)
{
	u64 *entry = child_entry(child->memory, gpa >> HV_HYP_PAGE_SHIFT, false);

	if (child->tracks_access && entry && *entry & ENTRY_MAPPED)
		*entry |= ENTRY_STATES;
}

int child_memory_init(struct child *child)
{
	struct child_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return -ENOMEM;
	child->memory = memory;
	memory->overlay_fd = -1;
	memory->size = 1ULL << child->parent->physical_bits;
	memory->root = calloc(LEVEL_ENTRIES, sizeof(void *));
	memory->sources = calloc(LEVEL_ENTRIES, sizeof(void *));
	if (!memory->root || !memory->sources)
		return -ENOMEM;
	return child->vm < 0 ? 0 : child_space_make(child);
}

void child_memory_exit(struct child *child)
{
	struct child_memory *memory = child->memory;
	unsigned int i;

	if (!memory)
		return;
	for (i = 0; i < memory->nr_overlays; i++)
		if (memory->overlays[i].page)
			munmap(memory->overlays[i].page, HV_HYP_PAGE_SIZE);
	free(memory->overlays);
	if (memory->overlay_fd >= 0)
		close(memory->overlay_fd);
	if (memory->host)
		munmap(memory->host, memory->size);
	child_free_table(memory->root, LEVELS - 1);
	child_free_table(memory->sources, LEVELS - 1);
	free(memory);
	child->memory = NULL;
}
