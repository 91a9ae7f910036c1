// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest physical memory of a child.
 *
 * KVM sees one piece of memory as large as the child's address space, but for
 * the local APIC's page if it has one. Behind it is a range of addresses of this
 * process that userfaultfd watches. A page that the parent maps becomes a mapping
 * of the parent's memory there; all others stay empty. When the guest touches one
 * of those, KVM waits in the fault, and the fault thread here learns the address
 * and whether it is a write, and gets the VP out of KVM before the instruction:
 * that is what an intercept needs, and what no exit of KVM's tells.
 *
 * Pages that may be read only, and those whose first access is to be noted, are
 * watched in the same way, by write protection and by not being mapped yet.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../pc/guest.h"
#include "apic.h"
#include "child.h"
#include "memory.h"
#include "vp.h"

/*
 * A table of four levels with 512 entries each, like the processor's own: it has
 * room for every address a processor of today can have.
 */
#define LEVELS			4
#define LEVEL_BITS		9
#define LEVEL_ENTRIES		512

#define LARGE_PAGES		512	/* of 4 KiB in one of 2 MiB */

/* The parent's page number stands above the flags. */
#define ENTRY_MAPPED		0x0001ULL
#define ENTRY_NO_ACCESS		0x0002ULL
#define ENTRY_READABLE		0x0004ULL
#define ENTRY_WRITABLE		0x0008ULL
#define ENTRY_EXECUTABLE	0x0010ULL
#define ENTRY_ACCESSED		0x0020ULL
#define ENTRY_DIRTY		0x0040ULL
#define ENTRY_PRESENT		0x0080ULL	/* the guest gets at it without a fault */
#define ENTRY_PROTECTED		0x0100ULL	/* but for writing */
#define ENTRY_PLACED		0x0200ULL	/* the parent's page is at its address here */
#define ENTRY_CLEARED		0x0400ULL	/* the parent has cleared ENTRY_DIRTY once */
#define ENTRY_RIGHTS		(ENTRY_READABLE | ENTRY_WRITABLE | ENTRY_EXECUTABLE)
#define ENTRY_STATES		(ENTRY_ACCESSED | ENTRY_DIRTY)
#define ENTRY_GPFN_SHIFT	12

struct overlay {
	u64 gpfn;
	bool read_only;
	void *page;		/* NULL: it is free, and so is its place in the file */
};

/**
 * struct child_memory - guest physical memory of a child
 * @host: where it begins here; NULL in unit tests
 * @size: bytes of address space
 * @root: the table, by the child's page numbers
 * @sources: another, by the parent's: how often a page is mapped here
 * @overlays: pages of hvemu's that lie over the parent's
 * @nr_overlays: how many
 * @overlay_fd: what they are made of
 */
struct child_memory {
	u8 *host;
	u64 size;
	void **root;
	void **sources;
	struct overlay *overlays;
	unsigned int nr_overlays;
	int overlay_fd;
};

/* One for all children. */
static int uffd = -1;

static u64 *leaf_of(void **table, u64 gpfn, bool make)
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

static u64 *entry_of(struct child_memory *memory, u64 gpfn, bool make)
{
	if (gpfn >= memory->size >> HV_HYP_PAGE_SHIFT)
		return NULL;
	return leaf_of(memory->root, gpfn, make);
}

static void free_table(void **table, int level)
{
	int i;

	if (!table)
		return;
	for (i = 0; level > 0 && i < LEVEL_ENTRIES; i++)
		free_table(table[i], level - 1);
	free(table);
}

static u64 entry_gpfn(u64 entry)
{
	return entry >> ENTRY_GPFN_SHIFT;
}

static struct overlay *overlay_at(struct child_memory *memory, u64 gpfn)
{
	struct overlay *overlay;

	for (overlay = memory->overlays;
	     overlay < memory->overlays + memory->nr_overlays; overlay++)
		if (overlay->gpfn == gpfn)
			return overlay;
	return NULL;
}

/*
 * What is put at an address can be watched only afterwards, and VPs run meanwhile:
 * what one of them read would be another page than the one that comes, and what
 * it wrote would be lost. So pages that will be watched are out of reach at first.
 * KVM_RUN says EFAULT to whoever touches one then, and child_run() tries again.
 */
static int open_up(const struct uffdio_range *range)
{
	void *where = (void *)(uintptr_t)range->start;

	return mprotect(where, range->len, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

/* Every touch of these pages is a fault again. */
static int arm(struct child_memory *memory, u64 gpfn, u64 pages)
{
	u8 *where = memory->host + (gpfn << HV_HYP_PAGE_SHIFT);
	struct uffdio_register range = {
		.range.start = (uintptr_t)where,
		.range.len = pages << HV_HYP_PAGE_SHIFT,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (mmap(where, range.range.len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	if (ioctl(uffd, UFFDIO_REGISTER, &range) < 0)
		return -errno;
	return open_up(&range.range);
}

/* Whoever waits in a fault there tries again. */
static void wake(struct child_memory *memory, u64 gpfn, u64 pages)
{
	struct uffdio_range range = {
		.start = (uintptr_t)memory->host + (gpfn << HV_HYP_PAGE_SHIFT),
		.len = pages << HV_HYP_PAGE_SHIFT,
	};

	ioctl(uffd, UFFDIO_WAKE, &range);
}

/* Writes to these pages are faults; they must be mapped. */
static int protect(struct child_memory *memory, u64 gpfn, u64 pages)
{
	struct uffdio_register watch = {
		.range.start = (uintptr_t)memory->host + (gpfn << HV_HYP_PAGE_SHIFT),
		.range.len = pages << HV_HYP_PAGE_SHIFT,
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect on = {
		.range = watch.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &watch) < 0 ||
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &on) < 0)
		return -errno;
	return open_up(&watch.range);
}

/* Put the parent's pages there. One that is only protected now stays. */
static int place(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	struct child_memory *memory = child->memory;
	u64 parent_gpa = entry_gpfn(entry) << HV_HYP_PAGE_SHIFT;
	int rights = entry & ENTRY_PROTECTED ? PROT_NONE : PROT_READ | PROT_WRITE;
	size_t size = pages << HV_HYP_PAGE_SHIFT;
	const struct ram_slot *slot;

	if (!(entry & ENTRY_PLACED) || !(entry & ENTRY_PROTECTED)) {
		slot = partition_slot(child->parent, parent_gpa, size);
		if (!slot || mmap(memory->host + (gpfn << HV_HYP_PAGE_SHIFT), size, rights,
				  MAP_SHARED | MAP_FIXED, child->parent->memfd,
				  slot->offset + parent_gpa - slot->gpa) == MAP_FAILED)
			return -errno;
	}
	return entry & ENTRY_PROTECTED ? protect(memory, gpfn, pages) : 0;
}

static void mark_placed(struct child_memory *memory, u64 gpfn, bool placed)
{
	u64 *entry = entry_of(memory, gpfn, false);

	if (!entry)
		return;
	*entry &= ~ENTRY_PLACED;
	if (placed)
		*entry |= ENTRY_PLACED;
}

/*
 * Make the address space what the entries of a run say: pages of the same kind
 * whose pages of the parent follow each other.
 */
static int apply_run(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	struct child_memory *memory = child->memory;
	bool present = entry & ENTRY_PRESENT;
	u64 i;
	int ret;

	if (!memory->host)
		return 0;
	ret = present ? place(child, gpfn, pages, entry) : arm(memory, gpfn, pages);
	for (i = 0; i < pages; i++)
		mark_placed(memory, gpfn + i, present && !ret);
	wake(memory, gpfn, pages);
	return ret;
}

static bool follows(u64 entry, u64 last)
{
	const u64 kind = ENTRY_PRESENT | ENTRY_PROTECTED | ENTRY_PLACED;

	if ((entry ^ last) & kind)
		return false;
	return !(entry & ENTRY_PRESENT) || entry_gpfn(entry) == entry_gpfn(last) + 1;
}

/* A page under an overlay is not there for now. */
static int apply(struct child *child, u64 gpfn, u64 pages)
{
	struct child_memory *memory = child->memory;
	u64 done, length;
	int ret;

	for (done = 0; done < pages; done += length) {
		u64 first = *entry_of(memory, gpfn + done, true), last = first;

		length = 1;
		if (overlay_at(memory, gpfn + done))
			continue;
		while (done + length < pages &&
		       !overlay_at(memory, gpfn + done + length)) {
			u64 next = *entry_of(memory, gpfn + done + length, true);

			if (!follows(next, last))
				break;
			last = next;
			length++;
		}
		ret = apply_run(child, gpfn + done, length, first);
		if (ret)
			return ret;
	}
	return 0;
}

/* How the guest gets at a page that was mapped just now. */
static u64 fresh_entry(u64 parent_gpfn, u32 flags)
{
	u64 entry = parent_gpfn << ENTRY_GPFN_SHIFT | ENTRY_MAPPED;

	if (flags & HV_MAP_GPA_READABLE)
		entry |= ENTRY_READABLE;
	if (flags & HV_MAP_GPA_WRITABLE)
		entry |= ENTRY_WRITABLE;
	if (flags & HV_MAP_GPA_EXECUTABLE)
		entry |= ENTRY_EXECUTABLE;
	/* KVM knows no page that can be written and not read. */
	if (entry & ENTRY_RIGHTS)
		entry |= ENTRY_PRESENT;
	if (!(entry & ENTRY_WRITABLE))
		entry |= ENTRY_PROTECTED;
	return entry;
}

/* Note the next access, or the next write; @entry is changed. */
static void watch(u64 *entry)
{
	if (!(*entry & ENTRY_ACCESSED))
		*entry &= ~ENTRY_PRESENT;
	if (!(*entry & ENTRY_DIRTY))
		*entry |= ENTRY_PROTECTED;
}

/*
 * TLFS, HV_MAP_GPA_FLAGS: states change where the flags of a mapping say so, by bits
 * that the driver does not use. So they stay, also while the page cannot be accessed:
 * the driver maps all of a chunk anew when the guest touches one page of it, and what
 * was written before would not be migrated.
 */
static u64 with_states(const struct child *child, u64 entry, u64 before)
{
	if (!child->tracks_access)
		return entry & ENTRY_MAPPED ? entry | ENTRY_STATES : entry;
	if (!(entry & (ENTRY_MAPPED | ENTRY_NO_ACCESS)))
		return entry;
	entry |= before & (ENTRY_STATES | ENTRY_CLEARED);
	if (entry & ENTRY_MAPPED)
		watch(&entry);
	return entry;
}

static int set_entries(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	void **sources = child->memory->sources;
	u64 i, *where, *uses;

	for (i = 0; i < pages; i++) {
		where = entry_of(child->memory, gpfn + i, true);
		uses = leaf_of(sources, entry_gpfn(entry), true);
		if (!where || !uses)
			return -ENOMEM;
		if (*where & ENTRY_MAPPED)
			--*leaf_of(sources, entry_gpfn(*where), false);
		*where = with_states(child, entry, *where);
		if (entry & ENTRY_MAPPED) {
			++*uses;
			entry += 1ULL << ENTRY_GPFN_SHIFT;
		}
	}
	return 0;
}

static u16 check_map(struct hypercall *call, const struct child *child,
		     const struct hv_input_map_gpa_pages *input, u64 pages)
{
	u64 gpfn = input->target_gpa_base;
	u64 limit;

	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	limit = BIT_ULL(child->physical_bits - HV_HYP_PAGE_SHIFT);
	if (gpfn >= limit || pages > limit - gpfn)
		return HV_STATUS_INVALID_PARAMETER;
	if (input->map_flags & HV_MAP_GPA_LARGE_PAGE && gpfn % LARGE_PAGES) {
		log_violation(call->vp->index, "large pages are mapped at page 0x%llx",
			      (unsigned long long)gpfn);
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

/* The entry of the next element, or of the first page of it if it is large. */
static u16 make_entry(struct hypercall *call, const struct child *child, u64 each, u64 *entry)
{
	const struct hv_input_map_gpa_pages *input = call->in;
	u64 source = input->source_gpa_page_list[call->reps_done];

	if (input->map_flags & HV_MAP_GPA_NO_ACCESS) {
		*entry = ENTRY_NO_ACCESS;
		return HV_STATUS_SUCCESS;
	}
	if (source % each || !partition_slot(child->parent, source << HV_HYP_PAGE_SHIFT,
					     each << HV_HYP_PAGE_SHIFT)) {
		log_violation(call->vp->index,
			      "page 0x%llx is mapped into 0x%llx and is not memory",
			      (unsigned long long)source, (unsigned long long)child->id);
		return HV_STATUS_INVALID_PARAMETER;
	}
	*entry = fresh_entry(source, input->map_flags);
	return HV_STATUS_SUCCESS;
}

u16 child_map_gpa(struct hypercall *call)
{
	const struct hv_input_map_gpa_pages *input = call->in;
	struct child *child = child_find(call->vp->partition, input->target_partition_id);
	u64 each = input->map_flags & HV_MAP_GPA_LARGE_PAGE ? LARGE_PAGES : 1;
	u64 gpfn, entry;
	u16 status;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	status = check_map(call, child, input, each * call->rep_count);
	if (status != HV_STATUS_SUCCESS)
		return status;

	for (; call->reps_done < call->rep_count; call->reps_done++) {
		status = make_entry(call, child, each, &entry);
		if (status != HV_STATUS_SUCCESS)
			break;
		gpfn = input->target_gpa_base + each * call->reps_done;
		if (set_entries(child, gpfn, each, entry)) {
			status = HV_STATUS_NO_RESOURCES;
			break;
		}
	}
	gpfn = input->target_gpa_base + each * call->rep_start;
	if (apply(child, gpfn, each * (call->reps_done - call->rep_start)))
		return HV_STATUS_NO_RESOURCES;
	return status;
}

u16 child_unmap_gpa(struct hypercall *call)
{
	const struct hv_input_unmap_gpa_pages *input = call->in;
	struct child *child = child_find(call->vp->partition, input->target_partition_id);
	u64 each = input->unmap_flags & HV_UNMAP_GPA_LARGE_PAGE ? LARGE_PAGES : 1;
	u64 first = input->target_gpa_base + each * call->rep_start;
	u64 pages = each * (call->rep_count - call->rep_start);
	u64 limit;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	call->reps_done = call->rep_count;
	/* The driver unmaps after it has finalized; there is nothing left then. */
	if (!child->memory)
		return HV_STATUS_SUCCESS;
	limit = child->memory->size >> HV_HYP_PAGE_SHIFT;
	/* The first of a call that goes on comes from adding, and may have come round. */
	if (input->target_gpa_base >= limit || first >= limit || pages > limit - first) {
		call->reps_done = call->rep_start;
		return HV_STATUS_INVALID_PARAMETER;
	}
	if (set_entries(child, first, pages, 0) || apply(child, first, pages)) {
		call->reps_done = call->rep_start;
		return HV_STATUS_NO_RESOURCES;
	}
	return HV_STATUS_SUCCESS;
}

/* Of a page that is not there now, states can be forgotten; nothing sets them. */
static void change_state(u64 *entry, union hv_gpa_page_access_state_flags flags)
{
	if (flags.clear_accessed)
		*entry &= ~ENTRY_ACCESSED;
	if (flags.clear_dirty)
		*entry = (*entry & ~ENTRY_DIRTY) | ENTRY_CLEARED;
	/* Nothing more can be asked of a parent whose page is out of reach just now. */
	if (flags.set_dirty)
		*entry &= ~ENTRY_CLEARED;
	if (!(*entry & ENTRY_MAPPED))
		return;
	if (flags.set_accessed)
		*entry |= ENTRY_ACCESSED;
	if (flags.set_dirty)
		*entry |= ENTRY_DIRTY;
	watch(entry);
}

u16 child_access_states(struct hypercall *call)
{
	const struct hv_input_get_gpa_pages_access_state *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	union hv_gpa_page_access_state *states = call->out;
	u64 gpfn = input->hv_gpa_page_number;
	u16 status = HV_STATUS_SUCCESS;
	bool changed = false;
	u64 *entry, before;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (!child->memory || !child->tracks_access)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (input->flags.reserved)
		return HV_STATUS_INVALID_PARAMETER;

	for (; call->reps_done < call->rep_count; call->reps_done++) {
		entry = gpfn < child->memory->size >> HV_HYP_PAGE_SHIFT ?
			entry_of(child->memory, gpfn + call->reps_done, true) : NULL;
		if (!entry) {
			status = HV_STATUS_INVALID_PARAMETER;
			break;
		}
		states[call->reps_done].as_uint8 = 0;
		states[call->reps_done].accessed = !!(*entry & ENTRY_ACCESSED);
		states[call->reps_done].dirty = !!(*entry & ENTRY_DIRTY);
		before = *entry;
		change_state(entry, input->flags);
		changed |= *entry & ENTRY_MAPPED && *entry != before;
	}
	if (changed && apply(child, gpfn + call->rep_start, call->reps_done - call->rep_start))
		return HV_STATUS_NO_RESOURCES;
	return status;
}

/* Walk the table, and start to note accesses of what is mapped, or stop it. */
static void track(struct child *child, void **table, int level, u64 gpfn)
{
	bool on = child->tracks_access;
	int i;

	for (i = 0; i < LEVEL_ENTRIES; i++) {
		u64 here = gpfn + ((u64)i << (level * LEVEL_BITS));
		u64 *entry = (u64 *)table + i;

		if (level) {
			if (table[i])
				track(child, table[i], level - 1, here);
			continue;
		}
		*entry &= ~ENTRY_CLEARED;
		if (!(*entry & ENTRY_MAPPED)) {
			*entry &= ~ENTRY_STATES;
			continue;
		}
		if (on) {
			*entry &= ~ENTRY_STATES;
			watch(entry);
		} else {
			*entry |= ENTRY_STATES;
			if (*entry & ENTRY_RIGHTS)
				*entry |= ENTRY_PRESENT;
			if (*entry & ENTRY_WRITABLE)
				*entry &= ~ENTRY_PROTECTED;
		}
	}
	if (!level)
		apply(child, gpfn, LEVEL_ENTRIES);
}

/* Whether a page that is mapped is not dirty because the parent has cleared that. */
static bool is_any_cleared(void **table, int level)
{
	const u64 mask = ENTRY_MAPPED | ENTRY_CLEARED | ENTRY_DIRTY;
	int i;

	for (i = 0; i < LEVEL_ENTRIES; i++) {
		if (level && table[i] && is_any_cleared(table[i], level - 1))
			return true;
		if (!level && (((u64 *)table)[i] & mask) == (ENTRY_MAPPED | ENTRY_CLEARED))
			return true;
	}
	return false;
}

bool child_memory_track(struct child *child, bool on)
{
	if (child->tracks_access == on)
		return true;
	/*
	 * rust-vmm, disable_dirty_page_tracking() of mshv-ioctls/src/ioctls/vm.rs: dirty
	 * bits that were cleared must be set first, "otherwise this hypercall will be
	 * failed". Cloud Hypervisor's stop_dirty_log() says the same, and does so.
	 */
	if (!on && child->memory && is_any_cleared(child->memory->root, LEVELS - 1))
		return false;
	child->tracks_access = on;
	if (child->memory)
		track(child, child->memory->root, LEVELS - 1, 0);
	return true;
}

struct child_page child_page(struct child *child, u64 gpfn)
{
	u64 *entry = child->memory ? entry_of(child->memory, gpfn, false) : NULL;
	struct child_page page = { };

	if (!entry)
		return page;
	page.parent_gpfn = entry_gpfn(*entry);
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
	u64 *uses = child->memory ? leaf_of(child->memory->sources, parent_gpfn, false) : NULL;

	return uses && *uses;
}

void *child_memory(struct child *child, u64 gpa, size_t size)
{
	u64 gpfn = gpa >> HV_HYP_PAGE_SHIFT, offset = gpa % HV_HYP_PAGE_SIZE;
	struct overlay *overlay;
	struct child_page page;
	void *parent;

	if (!child->memory || size > HV_HYP_PAGE_SIZE - offset)
		return NULL;
	overlay = overlay_at(child->memory, gpfn);
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
	u64 *entry = entry_of(child->memory, gpa >> HV_HYP_PAGE_SHIFT, false);

	if (child->tracks_access && entry && *entry & ENTRY_MAPPED)
		*entry |= ENTRY_STATES;
}

/* A free one, with room in the file; NULL: there is no memory for it. */
static struct overlay *new_overlay(struct child_memory *memory)
{
	struct overlay *overlays;
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
	overlays[i] = (struct overlay) { .gpfn = ~0ULL };
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
	return read_only ? protect(memory, gpfn, 1) : 0;
}

int child_overlay(struct child *child, u64 gpfn, bool read_only, void **page)
{
	struct child_memory *memory = child->memory;
	struct overlay *overlay;
	off_t offset;
	void *here;
	int ret;

	if (gpfn >= memory->size >> HV_HYP_PAGE_SHIFT)
		return -EINVAL;
	if (overlay_at(memory, gpfn))
		return -EBUSY;
	overlay = new_overlay(memory);
	if (!overlay)
		return -ENOMEM;
	offset = (off_t)(overlay - memory->overlays) * HV_HYP_PAGE_SIZE;
	here = mmap(NULL, HV_HYP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    memory->overlay_fd, offset);
	if (here == MAP_FAILED)
		return -errno;
	mark_placed(memory, gpfn, false);
	ret = place_overlay(memory, gpfn, offset, read_only);
	if (ret) {
		munmap(here, HV_HYP_PAGE_SIZE);
		/* What was there comes up again, if it can. */
		if (entry_of(memory, gpfn, true))
			apply(child, gpfn, 1);
		return ret;
	}
	memset(here, 0, HV_HYP_PAGE_SIZE);
	overlay->gpfn = gpfn;
	overlay->read_only = read_only;
	overlay->page = here;
	*page = here;
	if (memory->host)
		wake(memory, gpfn, 1);
	return 0;
}

void child_overlay_remove(struct child *child, u64 gpfn)
{
	struct overlay *overlay = overlay_at(child->memory, gpfn);

	if (!overlay)
		return;
	munmap(overlay->page, HV_HYP_PAGE_SIZE);
	overlay->gpfn = ~0ULL;
	overlay->page = NULL;
	if (entry_of(child->memory, gpfn, true))
		apply(child, gpfn, 1);
}

bool child_overlay_is_read_only(struct child *child, u64 gpa)
{
	const struct overlay *overlay =
		child->memory ? overlay_at(child->memory, gpa >> HV_HYP_PAGE_SHIFT) : NULL;

	return overlay && overlay->read_only;
}

static int add_slot(struct child *child, u32 number, u64 from, u64 to)
{
	struct kvm_userspace_memory_region region = {
		.slot = number,
		.guest_phys_addr = from,
		.memory_size = to - from,
		.userspace_addr = (uintptr_t)child->memory->host + from,
	};

	return ioctl(child->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* All but the page of the local APIC, if there is one: that is hvemu's to emulate. */
static int make_address_space(struct child *child)
{
	struct child_memory *memory = child->memory;
	int ret;

	memory->host = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->host == MAP_FAILED) {
		memory->host = NULL;
		return -errno;
	}
	ret = arm(memory, 0, memory->size >> HV_HYP_PAGE_SHIFT);
	if (!ret && !(child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		return add_slot(child, 0, 0, memory->size);
	if (!ret)
		ret = add_slot(child, 0, 0, APIC_GPA);
	if (!ret)
		ret = add_slot(child, 1, APIC_GPA + APIC_SIZE, memory->size);
	return ret;
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
	return child->vm < 0 ? 0 : make_address_space(child);
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
	free_table(memory->root, LEVELS - 1);
	free_table(memory->sources, LEVELS - 1);
	free(memory);
	child->memory = NULL;
}

/* Whose address space an address is in. */
static struct child *child_at(struct partition *partition, const u8 *address, u64 *gpa)
{
	unsigned int i;

	for (i = 0; i < partition->nr_children; i++) {
		struct child *child = partition->children[i];
		struct child_memory *memory = child->memory;

		if (!memory || !memory->host || address < memory->host ||
		    address >= memory->host + memory->size)
			continue;
		*gpa = address - memory->host;
		return child;
	}
	return NULL;
}

static struct child_vp *vp_of_thread(struct child *child, pid_t tid)
{
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->in_kvm && child->vps[i]->tid == tid)
			return child->vps[i];
	return NULL;
}

/*
 * An access that was only to be noted: the page is there now. Return: whether
 * that was all.
 */
static bool note_access(struct child *child, u64 gpfn, bool write)
{
	u64 *entry = entry_of(child->memory, gpfn, false);

	if (!entry || !(*entry & ENTRY_MAPPED) || overlay_at(child->memory, gpfn))
		return false;
	if (write && !(*entry & ENTRY_WRITABLE))
		return false;
	if (!(*entry & ENTRY_RIGHTS))
		return false;
	*entry |= ENTRY_ACCESSED | ENTRY_PRESENT;
	if (write) {
		*entry |= ENTRY_DIRTY;
		*entry &= ~ENTRY_PROTECTED;
	}
	return !apply(child, gpfn, 1);
}

/*
 * A signal ends the fault of a guest, but not one of KVM itself: where KVM emulates an
 * instruction it copies from memory and to it, and a copy that faults tries again until
 * it is killed. So the page is out of reach until the VP has left KVM. The copy fails
 * then, and KVM says so: KVM_EXIT_MMIO, or EFAULT.
 */
static void set_reach(struct child *child, u64 gpa, int rights)
{
	u8 *where = child->memory->host + (gpa & ~(u64)(HV_HYP_PAGE_SIZE - 1));

	/* Without it all goes well but for that. */
	if (mprotect(where, HV_HYP_PAGE_SIZE, rights) < 0)
		log_event(LOG_NO_VP, "child-reach", "child=0x%llx gpa=0x%llx error=\"%s\"",
			  (unsigned long long)child->id, (unsigned long long)gpa,
			  strerror(errno));
}

void child_memory_left(struct child_vp *vp)
{
	if (vp->fault.valid && vp->child->memory)
		set_reach(vp->child, vp->fault.gpa, PROT_READ | PROT_WRITE);
}

static void handle_fault(struct partition *partition, const struct uffd_msg *message)
{
	const u8 *address = (const u8 *)(uintptr_t)message->arg.pagefault.address;
	bool write = message->arg.pagefault.flags &
		(UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	struct child *child;
	struct child_vp *vp;
	u64 gpa;

	child = child_at(partition, address, &gpa);
	if (!child || note_access(child, gpa >> HV_HYP_PAGE_SHIFT, write))
		return;
	vp = vp_of_thread(child, message->arg.pagefault.feat.ptid);
	if (!vp)
		return;
	vp->fault = (struct child_fault) {
		.valid = true,
		.gpa = gpa,
		.write = write,
	};
	set_reach(child, gpa, PROT_NONE);
	child_vp_kick(vp);
}

/*
 * The lock is taken before the event is read: a VP that has left its fault by
 * itself has taken the event with it, and one that has not cannot enter KVM
 * again before it has seen what is noted here.
 */
static void *fault_thread(void *argument)
{
	struct partition *partition = argument;
	struct pollfd wait = { .fd = uffd, .events = POLLIN };
	struct uffd_msg message;

	for (;;) {
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return NULL;
		pthread_mutex_lock(&partition->lock);
		while (read(uffd, &message, sizeof(message)) == sizeof(message))
			if (message.event == UFFD_EVENT_PAGEFAULT)
				handle_fault(partition, &message);
		pthread_mutex_unlock(&partition->lock);
	}
}

int child_memory_open(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		/* GET_USER_PAGES as KVM does it is a fault of the kernel's. */
		.features = UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS |
			    UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	int device, fd, ret;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ret = -errno;
	/* The rights to the device can be given to a user; that system call needs root. */
	if (fd < 0) {
		device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
		if (device >= 0) {
			fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
			close(device);
		}
	}
	if (fd < 0)
		return ret;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int child_memory_setup(struct partition *partition)
{
	pthread_t thread;

	uffd = child_memory_open();
	if (uffd < 0)
		return uffd;
	return -pthread_create(&thread, NULL, fault_thread, partition);
}
