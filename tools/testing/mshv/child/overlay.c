// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of hvemu's that lie over a child's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hyperv/hvhdk.h>

#include "child.h"
#include "overlay.h"
#include "space.h"
#include "table.h"

/* A free one, with room in the file; NULL: there is no memory for it. */
static struct child_overlay *new_overlay(struct child_memory *memory)
{
	struct child_overlay *overlays;
	unsigned int i;

	for (i = 0; i < memory->nr_overlays; i++)
		if (!memory->overlays[i].page)
			return &memory->overlays[i];
	if (memory->overlay_fd < 0)
		memory->overlay_fd = memfd_create("overlay pages", MFD_CLOEXEC);
	overlays = reallocarray(memory->overlays, i + 1, sizeof(*overlays));
	if (!overlays)
		return NULL;
	memory->overlays = overlays;
	if (memory->overlay_fd < 0 ||
	    ftruncate(memory->overlay_fd, (off_t)(i + 1) * HV_HYP_PAGE_SIZE))
		return NULL;
	overlays[i] = (struct child_overlay) { .gpfn = ~0ULL };
	memory->nr_overlays++;
	return &overlays[i];
}

/* Have the guest find a page of the overlays' file. */
static int place_overlay(struct child_memory *memory, u64 gpfn, off_t offset, bool read_only)
{
	/* As in open_up(): it is out of reach until it is watched. */
	int rights = read_only ? PROT_NONE : PROT_READ | PROT_WRITE;

	if (!memory->host)
		return 0;
	if (mmap(memory->host + (gpfn << HV_HYP_PAGE_SHIFT), HV_HYP_PAGE_SIZE, rights,
		 MAP_SHARED | MAP_FIXED, memory->overlay_fd, offset) == MAP_FAILED)
		return -errno;
	return read_only ? child_space_protect(memory, gpfn, 1) : 0;
}

int child_overlay(struct child *child, u64 gpfn, bool read_only, void **page)
{
	struct child_memory *memory = child->memory;
	struct child_overlay *overlay;
	off_t offset;
	void *here;
	int ret;

	if (gpfn >= memory->size >> HV_HYP_PAGE_SHIFT)
		return -EINVAL;
	if (child_overlay_at(memory, gpfn))
		return -EBUSY;
	overlay = new_overlay(memory);
	if (!overlay)
		return -ENOMEM;
	offset = (off_t)(overlay - memory->overlays) * HV_HYP_PAGE_SIZE;
	here = mmap(NULL, HV_HYP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    memory->overlay_fd, offset);
	if (here == MAP_FAILED)
		return -errno;
	child_space_mark(memory, gpfn, false);
	ret = place_overlay(memory, gpfn, offset, read_only);
	if (ret) {
		munmap(here, HV_HYP_PAGE_SIZE);
		/* What was there comes up again, if it can. */
		child_space_apply(child, gpfn, 1);
		return ret;
	}
	memset(here, 0, HV_HYP_PAGE_SIZE);
	overlay->gpfn = gpfn;
	overlay->read_only = read_only;
	overlay->page = here;
	*page = here;
	if (memory->host)
		child_space_wake(memory, gpfn, 1);
	return 0;
}

void child_overlay_remove(struct child *child, u64 gpfn)
{
	struct child_overlay *overlay = child_overlay_at(child->memory, gpfn);

	if (!overlay)
		return;
	munmap(overlay->page, HV_HYP_PAGE_SIZE);
	overlay->gpfn = ~0ULL;
	overlay->page = NULL;
	child_space_apply(child, gpfn, 1);
}

bool child_overlay_is_read_only(struct child *child, u64 gpa)
{
	const struct child_overlay *overlay =
		child->memory ? child_overlay_at(child->memory, gpa >> HV_HYP_PAGE_SHIFT) : NULL;

	return overlay && overlay->read_only;
}
