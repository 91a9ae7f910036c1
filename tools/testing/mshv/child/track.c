// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a child are accessed and written to.
 */

#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/partition.h"
#include "child.h"
#include "space.h"
#include "table.h"
#include "track.h"

/* Note the next access, or the next write; @entry is changed. */
void child_track_watch(u64 *entry)
{
	if (!(*entry & ENTRY_ACCESSED))
		*entry &= ~ENTRY_PRESENT;
	if (!(*entry & ENTRY_DIRTY))
		*entry |= ENTRY_PROTECTED;
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
	child_track_watch(entry);
}

u16 child_access_states(struct hypercall *call)
{
	const struct hv_input_get_gpa_pages_access_state *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	union hv_gpa_page_access_state *states = call->out;
	u64 gpfn = input->hv_gpa_page_number;
	u16 status = HV_STATUS_SUCCESS;
	u64 limit, before, *entry;
	bool changed = false;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (!child->memory || !child->tracks_access)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (input->flags.reserved)
		return HV_STATUS_INVALID_PARAMETER;

	limit = child->memory->size >> HV_HYP_PAGE_SHIFT;
	for (; call->reps_done < call->rep_count; call->reps_done++) {
		if (gpfn >= limit || call->reps_done >= limit - gpfn) {
			status = HV_STATUS_INVALID_PARAMETER;
			break;
		}
		states[call->reps_done].as_uint8 = 0;
		/* Where nothing was ever mapped there is nothing to note either. */
		entry = child_entry(child->memory, gpfn + call->reps_done, false);
		if (!entry)
			continue;
		states[call->reps_done].accessed = !!(*entry & ENTRY_ACCESSED);
		states[call->reps_done].dirty = !!(*entry & ENTRY_DIRTY);
		before = *entry;
		change_state(entry, input->flags);
		changed |= *entry & ENTRY_MAPPED && *entry != before;
	}
	if (changed && child_space_apply(child, gpfn + call->rep_start,
					 call->reps_done - call->rep_start))
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
			child_track_watch(entry);
		} else {
			*entry |= ENTRY_STATES;
			if (*entry & ENTRY_RIGHTS)
				*entry |= ENTRY_PRESENT;
			if (*entry & ENTRY_WRITABLE)
				*entry &= ~ENTRY_PROTECTED;
		}
	}
	if (!level)
		child_space_apply(child, gpfn, LEVEL_ENTRIES);
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

bool child_track(struct child *child, bool on)
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

/*
 * An access that was only to be noted: the page is there now. Return: whether
 * that was all.
 */
bool child_track_note(struct child *child, u64 gpfn, bool write)
{
	u64 *entry = child_entry(child->memory, gpfn, false);

	if (!entry || !(*entry & ENTRY_MAPPED) || child_overlay_at(child->memory, gpfn))
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
	return !child_space_apply(child, gpfn, 1);
}
