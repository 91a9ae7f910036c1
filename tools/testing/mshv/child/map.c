// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parent maps memory of its own into a child.
 */

#include <errno.h>

#include <linux/bits.h>
#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "child.h"
#include "map.h"
#include "space.h"
#include "table.h"
#include "track.h"

#define LARGE_PAGES		512	/* of 4 KiB in one of 2 MiB */

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
		child_track_watch(&entry);
	return entry;
}

static int set_entries(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	void **sources = child->memory->sources;
	u64 i, *where, *uses;

	for (i = 0; i < pages; i++) {
		/* Nothing to take away needs no place. */
		where = child_entry(child->memory, gpfn + i, !!entry);
		if (!where && !entry)
			continue;
		uses = entry & ENTRY_MAPPED ?
			child_leaf(sources, child_entry_gpfn(entry), true) : NULL;
		if (!where || (entry & ENTRY_MAPPED && !uses))
			return -ENOMEM;
		if (*where & ENTRY_MAPPED)
			--*child_leaf(sources, child_entry_gpfn(*where), false);
		*where = with_states(child, entry, *where);
		if (uses) {
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
	if (child_space_apply(child, gpfn, each * (call->reps_done - call->rep_start)))
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
	if (set_entries(child, first, pages, 0) || child_space_apply(child, first, pages)) {
		call->reps_done = call->rep_start;
		return HV_STATUS_NO_RESOURCES;
	}
	return HV_STATUS_SUCCESS;
}
