// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake hypervisor's child partitions and their VPs: see hv_fake.h.
 *
 * Nothing is allocated here while a hypercall is carried out: it holds a raw
 * spinlock. What the model is made of comes from lists that are filled before.
 *
 * A deleted partition and its VPs stay until the test ends, so that a test can
 * see what became of them.
 */

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake_internal.h"

/* No number that a driver could take for an index, and more than 32 bits. */
#define HV_FAKE_FIRST_PARTITION_ID	0x100000101ULL

/* The word of a statistics page that says "wait for the signal". */
#ifdef CONFIG_X86_64
#define HV_FAKE_COUNTER_WORD	202
#else
#define HV_FAKE_COUNTER_WORD	95
#endif

#define HV_FAKE_DISPATCH_FLAGS_ALL				\
	(HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND |		\
	 HV_DISPATCH_VP_FLAG_ENABLE_CALLER_INTERRUPTS |		\
	 HV_DISPATCH_VP_FLAG_SET_CALLER_SPEC_CTRL |		\
	 HV_DISPATCH_VP_FLAG_SKIP_VP_SPEC_FLUSH |		\
	 HV_DISPATCH_VP_FLAG_SKIP_CALLER_SPEC_FLUSH |		\
	 HV_DISPATCH_VP_FLAG_SKIP_CALLER_USER_SPEC_FLUSH |	\
	 HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)

/*
 * Pages that the hypervisor has from its caller. Each is a whole page of the
 * page allocator's, whose ->private and ->lru no one else uses; ->private says
 * what the page is here for.
 */

static const char hv_fake_deposit_tag, hv_fake_overlay_tag;

static bool hv_fake_page_has(const struct page *page, const char *tag)
{
	return page_private(page) == (unsigned long)tag;
}

static struct page *hv_fake_page_take(struct hv_fake *fake, u64 pfn,
				      const char *tag)
{
	struct page *page = pfn && pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;

	if (!page || PageSlab(page) || PageReserved(page) || !page_count(page) ||
	    hv_fake_page_has(page, &hv_fake_deposit_tag) ||
	    hv_fake_page_has(page, &hv_fake_overlay_tag)) {
		hv_fake_violated(fake, HV_FAKE_PAGE, 0);
		return NULL;
	}

	set_page_private(page, (unsigned long)tag);
	return page;
}

static void hv_fake_page_give_back(struct page *page)
{
	set_page_private(page, 0);
}

/* Map an overlay page: the object's content is in the caller's page now. */
static u64 hv_fake_map(struct hv_fake *fake, struct page **slot, u64 pfn)
{
	struct page *page;

	if (*slot)
		return hv_fake_violated(fake, HV_FAKE_MAPPED,
					HV_STATUS_OPERATION_DENIED);

	page = hv_fake_page_take(fake, pfn, &hv_fake_overlay_tag);
	if (!page)
		return HV_STATUS_INVALID_PARAMETER;

	memset(page_address(page), 0, HV_HYP_PAGE_SIZE);
	*slot = page;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_unmap(struct hv_fake *fake, struct page **slot)
{
	struct page *page = *slot;

	*slot = NULL;
	if (!page)
		return hv_fake_violated(fake, HV_FAKE_NOT_MAPPED,
					HV_STATUS_OPERATION_DENIED);

	/* It is the caller's again, and must not have been before. */
	if (!page_count(page) || !hv_fake_page_has(page, &hv_fake_overlay_tag))
		hv_fake_violated(fake, HV_FAKE_NOT_MAPPED, 0);
	else
		hv_fake_page_give_back(page);

	return HV_STATUS_SUCCESS;
}

static unsigned int hv_fake_count_pages(struct page * const *slots,
					unsigned int n)
{
	unsigned int mapped = 0;

	while (n--)
		mapped += !!slots[n];

	return mapped;
}

static unsigned int hv_fake_vp_mapped(const struct hv_fake_vp *vp)
{
	return hv_fake_count_pages(vp->state_pages, ARRAY_SIZE(vp->state_pages)) +
		hv_fake_count_pages(vp->stats_pages, ARRAY_SIZE(vp->stats_pages));
}

static unsigned int
hv_fake_partition_mapped(const struct hv_fake_partition *partition)
{
	unsigned int i, mapped;

	mapped = hv_fake_count_pages(partition->stats_pages,
				     ARRAY_SIZE(partition->stats_pages));
	for (i = 0; i < HV_FAKE_PARTITION_VPS; i++)
		if (partition->vps[i])
			mapped += hv_fake_vp_mapped(partition->vps[i]);

	return mapped;
}

static void hv_fake_forget_pages(struct hv_fake *fake, struct page **slots,
				 unsigned int n)
{
	while (n--) {
		struct page *page = slots[n];

		slots[n] = NULL;
		if (!page)
			continue;
		/* Never unmapped, and somebody else's by now? */
		if (!page_count(page) || !hv_fake_page_has(page, &hv_fake_overlay_tag))
			hv_fake_violated(fake, HV_FAKE_NOT_MAPPED, 0);
		else
			hv_fake_page_give_back(page);
	}
}

static void hv_fake_vp_forget(struct hv_fake *fake, struct hv_fake_vp *vp)
{
	hv_fake_forget_pages(fake, vp->state_pages, ARRAY_SIZE(vp->state_pages));
	hv_fake_forget_pages(fake, vp->stats_pages, ARRAY_SIZE(vp->stats_pages));
}

/* What is left when a partition goes away becomes ordinary memory again. */
static void hv_fake_partition_forget(struct hv_fake *fake,
				     struct hv_fake_partition *partition)
{
	struct page *page, *next;
	unsigned int i;

	hv_fake_forget_pages(fake, partition->stats_pages,
			     ARRAY_SIZE(partition->stats_pages));
	for (i = 0; i < HV_FAKE_PARTITION_VPS; i++)
		if (partition->vps[i])
			hv_fake_vp_forget(fake, partition->vps[i]);

	list_for_each_entry_safe(page, next, &partition->deposited, lru) {
		list_del(&page->lru);
		hv_fake_page_give_back(page);
	}
	partition->nr_deposited = 0;
}

/*
 * Finding partitions and VPs
 */

static struct hv_fake_partition *hv_fake_find(struct hv_fake *fake, u64 id)
{
	struct hv_fake_partition *partition;

	list_for_each_entry(partition, &fake->partitions, node)
		if (partition->id == id && partition->state != HV_FAKE_DELETED)
			return partition;

	return NULL;
}

static struct hv_fake_vp *hv_fake_vp_of(const struct hv_fake_partition *partition,
					u32 index)
{
	return index < HV_FAKE_PARTITION_VPS ? partition->vps[index] : NULL;
}

/* A VP that can be worked with, or the status that says why there is none. */
static u64 hv_fake_find_vp(struct hv_fake *fake, u64 id, u32 index,
			   struct hv_fake_vp **vp)
{
	struct hv_fake_partition *partition = hv_fake_find(fake, id);

	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	*vp = hv_fake_vp_of(partition, index);
	return *vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

/*
 * Partitions
 */

static bool hv_fake_create_partition_reserved_clear(const void *input)
{
	const struct hv_input_create_partition *in = input;

	return !in->padding;
}

static u64 hv_fake_create_partition(struct hv_fake *fake,
				    const struct hv_fake_request *rq)
{
	struct hv_output_create_partition *out = rq->output;
	struct hv_fake_partition *partition;

	partition = list_first_entry_or_null(&fake->free_partitions,
					     struct hv_fake_partition, node);
	/* The driver cannot help here: see hv_fake_reserve(). */
	if (!partition)
		return HV_STATUS_NO_RESOURCES;

	list_move_tail(&partition->node, &fake->partitions);
	partition->id = HV_FAKE_FIRST_PARTITION_ID + fake->nr_partitions++;
	partition->state = HV_FAKE_CREATED;
	out->partition_id = partition->id;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_initialize_partition(struct hv_fake *fake,
					const struct hv_fake_request *rq)
{
	struct hv_fake_partition *partition = hv_fake_find(fake, rq->fast[0]);

	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	partition->state = HV_FAKE_INITIALIZED;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_finalize_partition(struct hv_fake *fake,
				      const struct hv_fake_request *rq)
{
	struct hv_fake_partition *partition = hv_fake_find(fake, rq->fast[0]);

	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	partition->state = HV_FAKE_FINALIZED;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_delete_partition(struct hv_fake *fake,
				    const struct hv_fake_request *rq)
{
	struct hv_fake_partition *partition = hv_fake_find(fake, rq->fast[0]);

	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state == HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	if (hv_fake_partition_mapped(partition))
		hv_fake_violated(fake, HV_FAKE_LEFT_MAPPED, 0);
	if (partition->nr_deposited) {
		hv_fake_violated(fake, HV_FAKE_LEFT_DEPOSITED, 0);
		return HV_STATUS_OPERATION_DENIED;
	}
	hv_fake_partition_forget(fake, partition);
	partition->state = HV_FAKE_DELETED;
	return HV_STATUS_SUCCESS;
}

/*
 * Memory
 */

static u64 hv_fake_deposit_memory(struct hv_fake *fake,
				  const struct hv_fake_request *rq)
{
	const struct hv_deposit_memory *in = rq->input;
	struct hv_fake_partition *partition;
	unsigned int i;

	partition = in->partition_id == HV_PARTITION_ID_SELF ?
		&fake->self : hv_fake_find(fake, in->partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = rq->start; i < rq->end; i++) {
		struct page *page =
			hv_fake_page_take(fake, in->gpa_page_list[i],
					  &hv_fake_deposit_tag);

		if (!page)
			return hv_fake_reps(HV_STATUS_OPERATION_DENIED, i);
		list_add_tail(&page->lru, &partition->deposited);
		partition->nr_deposited++;
	}

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

static u64 hv_fake_withdraw_memory(struct hv_fake *fake,
				   const struct hv_fake_request *rq)
{
	const struct hv_input_withdraw_memory *in = rq->input;
	struct hv_output_withdraw_memory *out = rq->output;
	struct hv_fake_partition *partition;
	unsigned int i;

	partition = hv_fake_find(fake, in->partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = rq->start; i < rq->end; i++) {
		struct page *page;

		/* A partition that may run is using all it has. */
		if (!partition->nr_deposited ||
		    partition->state == HV_FAKE_INITIALIZED)
			return hv_fake_reps(HV_STATUS_NO_RESOURCES, i);

		page = list_first_entry(&partition->deposited, struct page, lru);
		list_del(&page->lru);
		hv_fake_page_give_back(page);
		partition->nr_deposited--;
		out->gpa_page_list[i] = page_to_pfn(page);
	}

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/* Give the guest, or take from it, the pages of one repetition. */
static bool hv_fake_set_gpa(struct hv_fake_partition *partition, u64 gfn,
			    bool large, bool given)
{
	const unsigned int pages = large ? HV_FAKE_LARGE_PAGES : 1;

	if (!IS_ALIGNED(gfn, pages) || gfn > HV_FAKE_GFNS - pages)
		return false;

	if (given)
		bitmap_set(partition->gpa, gfn, pages);
	else
		bitmap_clear(partition->gpa, gfn, pages);

	return true;
}

static u64 hv_fake_map_gpa_pages(struct hv_fake *fake,
				 const struct hv_fake_request *rq)
{
	const struct hv_input_map_gpa_pages *in = rq->input;
	const bool large = in->map_flags & HV_MAP_GPA_LARGE_PAGE;
	const bool given = !(in->map_flags & HV_MAP_GPA_NO_ACCESS);
	const unsigned int stride = large ? HV_FAKE_LARGE_PAGES : 1;
	struct hv_fake_partition *partition;
	unsigned int i;

	partition = hv_fake_find(fake, in->target_partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = rq->start; i < rq->end; i++)
		if (!hv_fake_set_gpa(partition, in->target_gpa_base + i * stride,
				     large, given))
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

static u64 hv_fake_unmap_gpa_pages(struct hv_fake *fake,
				   const struct hv_fake_request *rq)
{
	const struct hv_input_unmap_gpa_pages *in = rq->input;
	const bool large = in->unmap_flags & HV_UNMAP_GPA_LARGE_PAGE;
	const unsigned int stride = large ? HV_FAKE_LARGE_PAGES : 1;
	struct hv_fake_partition *partition;
	unsigned int i;

	partition = hv_fake_find(fake, in->target_partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = rq->start; i < rq->end; i++)
		if (!hv_fake_set_gpa(partition, in->target_gpa_base + i * stride,
				     large, false))
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/*
 * VPs
 */

static u64 hv_fake_create_vp(struct hv_fake *fake,
			     const struct hv_fake_request *rq)
{
	const struct hv_create_vp *in = rq->input;
	struct hv_fake_partition *partition;
	struct hv_fake_vp *vp;

	partition = hv_fake_find(fake, in->partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (in->vp_index >= HV_FAKE_PARTITION_VPS || partition->vps[in->vp_index])
		return HV_STATUS_INVALID_VP_INDEX;

	vp = list_first_entry_or_null(&fake->free_vps, struct hv_fake_vp, node);
	if (!vp)
		return HV_STATUS_NO_RESOURCES;

	list_del_init(&vp->node);
	vp->fake = fake;
	vp->partition = partition;
	vp->index = in->vp_index;
	vp->apic_id = in->vp_index;
	vp->explicit_suspend = true;
	partition->vps[vp->index] = vp;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_delete_vp(struct hv_fake *fake,
			     const struct hv_fake_request *rq)
{
	const union hv_input_delete_vp *in = rq->input;
	struct hv_fake_vp *vp;
	u64 status;

	status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &vp);
	if (status)
		return status;

	if (hv_fake_vp_mapped(vp))
		hv_fake_violated(fake, HV_FAKE_LEFT_MAPPED, 0);
	hv_fake_vp_forget(fake, vp);
	vp->partition->vps[vp->index] = NULL;
	return HV_STATUS_SUCCESS;
}

static bool hv_fake_delete_vp_reserved_clear(const void *input)
{
	const union hv_input_delete_vp *in = input;

	return !memchr_inv(in->reserved, 0, sizeof(in->reserved));
}

/*
 * Pages of VPs and partitions, in the caller's memory: overlay pages. Where the
 * caller provides no page, the hypervisor would have to; this one does not.
 */

static bool hv_fake_map_state_reserved_clear(const void *input)
{
	const struct hv_input_map_vp_state_page *in = input;

	return !in->flags.reserved && !in->input_vtl.reserved_z;
}

static u64 hv_fake_map_vp_state_page(struct hv_fake *fake,
				     const struct hv_fake_request *rq)
{
	const struct hv_input_map_vp_state_page *in = rq->input;
	struct hv_output_map_vp_state_page *out = rq->output;
	struct hv_vp_register_page *regs;
	struct hv_fake_vp *vp;
	u64 status;

	status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &vp);
	if (status)
		return status;
	if (in->type >= HV_VP_STATE_PAGE_COUNT || !in->flags.map_location_provided)
		return HV_STATUS_INVALID_PARAMETER;

	status = hv_fake_map(fake, &vp->state_pages[in->type],
			     in->requested_map_location);
	if (status)
		return status;

	if (in->type == HV_VP_STATE_PAGE_REGISTERS) {
		regs = page_address(vp->state_pages[in->type]);
		regs->version = HV_VP_REGISTER_PAGE_VERSION_1;
		regs->isvalid = 1;
	}
	/* Callers read the location even if it is their own. */
	out->map_location = in->requested_map_location;
	return HV_STATUS_SUCCESS;
}

static bool hv_fake_unmap_state_reserved_clear(const void *input)
{
	const struct hv_input_unmap_vp_state_page *in = input;

	return !in->reserved0 && !in->input_vtl.reserved_z;
}

static u64 hv_fake_unmap_vp_state_page(struct hv_fake *fake,
				       const struct hv_fake_request *rq)
{
	const struct hv_input_unmap_vp_state_page *in = rq->input;
	struct hv_fake_vp *vp;
	u64 status;

	status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &vp);
	if (status)
		return status;
	if (in->type >= HV_VP_STATE_PAGE_COUNT)
		return HV_STATUS_INVALID_PARAMETER;

	return hv_fake_unmap(fake, &vp->state_pages[in->type]);
}

/* Both calls begin with the same: a type, padding, an identity. */
static bool hv_fake_stats_reserved_clear(const void *input)
{
	const struct hv_input_unmap_stats_page *in = input;

	if (in->padding)
		return false;

	switch (in->type) {
	case HV_STATS_OBJECT_PARTITION:
		return !memchr_inv(in->identity.partition.reserved, 0,
				   sizeof(in->identity.partition.reserved));
	case HV_STATS_OBJECT_VP:
		return !in->identity.vp.flags && !in->identity.vp.reserved;
	default:
		return true;
	}
}

static u64 hv_fake_stats_slot(struct hv_fake *fake, u32 type,
			      const union hv_stats_object_identity *identity,
			      struct page ***slot)
{
	struct hv_fake_partition *partition;
	struct hv_fake_vp *vp;
	u64 status;

	/* The area is at the same place in all of them. */
	if (identity->vp.stats_area_type > HV_STATS_AREA_PARENT)
		return HV_STATUS_INVALID_PARAMETER;

	switch (type) {
	case HV_STATS_OBJECT_PARTITION:
		partition = hv_fake_find(fake, identity->partition.partition_id);
		if (!partition)
			return HV_STATUS_INVALID_PARTITION_ID;
		if (partition->state != HV_FAKE_INITIALIZED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		*slot = &partition->stats_pages[identity->partition.stats_area_type];
		return HV_STATUS_SUCCESS;
	case HV_STATS_OBJECT_VP:
		status = hv_fake_find_vp(fake, identity->vp.partition_id,
					 identity->vp.vp_index, &vp);
		if (status)
			return status;
		*slot = &vp->stats_pages[identity->vp.stats_area_type];
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

static u64 hv_fake_map_stats_page2(struct hv_fake *fake,
				   const struct hv_fake_request *rq)
{
	const struct hv_input_map_stats_page2 *in = rq->input;
	struct page **slot;
	u64 status;

	status = hv_fake_stats_slot(fake, in->type, &in->identity, &slot);
	if (status)
		return status;

	return hv_fake_map(fake, slot, in->map_location);
}

static u64 hv_fake_unmap_stats_page(struct hv_fake *fake,
				    const struct hv_fake_request *rq)
{
	const struct hv_input_unmap_stats_page *in = rq->input;
	struct page **slot;
	u64 status;

	status = hv_fake_stats_slot(fake, in->type, &in->identity, &slot);
	if (status)
		return status;

	return hv_fake_unmap(fake, slot);
}

static u64 hv_fake_counter_word(const struct hv_fake_vp *vp)
{
	unsigned int area;
	u64 value = 0;

	for (area = 0; area < ARRAY_SIZE(vp->stats_pages); area++) {
		struct hv_stats_page *stats;

		if (!vp->stats_pages[area])
			continue;
		stats = page_address(vp->stats_pages[area]);
		value |= READ_ONCE(stats->data[HV_FAKE_COUNTER_WORD]);
	}

	return value;
}

static void hv_fake_write_counter_word(struct hv_fake_vp *vp, u64 value)
{
	unsigned int area;

	for (area = 0; area < ARRAY_SIZE(vp->stats_pages); area++) {
		struct hv_stats_page *stats;

		if (!vp->stats_pages[area])
			continue;
		stats = page_address(vp->stats_pages[area]);
		WRITE_ONCE(stats->data[HV_FAKE_COUNTER_WORD], value);
	}
}

static void hv_fake_block(struct hv_fake_vp *vp)
{
	vp->blocked = true;
	vp->signals = 0;
	hv_fake_write_counter_word(vp, 1);
}

static void hv_fake_unblock(struct hv_fake_vp *vp)
{
	vp->blocked = false;
	hv_fake_write_counter_word(vp, 0);
}

/*
 * Signals: the hypervisor tells its parent that VPs have become runnable.
 */

static void hv_fake_signal_message(struct hv_message *msg,
				   struct hv_fake_vp * const *vps,
				   unsigned int n, bool bitset)
{
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)msg->u.payload;
	struct hv_vp_signal_bitset_scheduler_message *set = (void *)msg->u.payload;
	u64 *banks = set->vp_bitset.bitset_buffer + 2;
	unsigned int i, bank;

	*msg = (struct hv_message) {};
	if (!bitset) {
		msg->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR;
		msg->header.payload_size = sizeof(*pair);
		pair->vp_count = n;
		for (i = 0; i < n; i++) {
			pair->partition_ids[i] = vps[i]->partition->id;
			pair->vp_indexes[i] = vps[i]->index;
		}
		return;
	}

	msg->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_BITSET;
	msg->header.payload_size = sizeof(*set);
	set->partition_id = vps[0]->partition->id;
	set->vp_count = n;
	set->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	/* Banks without a VP are left out: only those that are there count. */
	for (bank = 0; bank < HV_FAKE_PARTITION_VPS / 64; bank++) {
		u64 bits = 0;

		for (i = 0; i < n; i++)
			if (vps[i]->index / 64 == bank)
				bits |= BIT_ULL(vps[i]->index % 64);
		if (!bits)
			continue;
		set->vp_bitset.bitset.valid_bank_mask |= BIT_ULL(bank);
		*banks++ = bits;
	}
}

/* False if no signal may be sent any more. */
static bool hv_fake_count_signal(struct hv_fake_vp *vp, unsigned int how)
{
	if (vp->dispatch_suspend)
		return false;

	vp->signals++;
	vp->signals_sent++;
	if (how & HV_FAKE_KICK_UNCOUNTED)
		vp->signals_uncounted++;
	else
		vp->signal_count++;
	if (!(how & HV_FAKE_KICK_EARLY))
		hv_fake_unblock(vp);
	vp->suspend_reported = false;

	return true;
}

/**
 * hv_fake_signal() - tell the driver of VPs that have become runnable
 * @vps: the VPs, each once; of one partition if by a bitset
 * @n: how many, at most what one message can hold
 * @how: 0, or HV_FAKE_KICK_* flags
 *
 * The VPs are runnable, their counter words zero, their signal counts one more
 * each, and then the message arrives. A VP with DISPATCH_SUSPEND set gets no
 * signal any more.
 *
 * Context: Any with interrupts on. Does not sleep.
 * Return: true if the message was acknowledged, lost or held back; false if it
 * was not acknowledged, or no VP could be signalled.
 */
bool hv_fake_signal(struct hv_fake_vp * const *vps, unsigned int n,
		    unsigned int how)
{
	struct hv_fake *fake = vps[0]->fake;
	struct hv_fake_vp *sent[HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT];
	unsigned int i, nr_sent = 0;
	bool consistent = true;
	struct hv_message msg;

	if (n > ARRAY_SIZE(sent)) {
		KUNIT_FAIL(fake->test, "too many VPs for one message");
		return false;
	}

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		for (i = 0; i < n; i++) {
			if (!hv_fake_count_signal(vps[i], how))
				continue;
			sent[nr_sent++] = vps[i];
			if (vps[i]->signal_count + vps[i]->signals_uncounted !=
			    vps[i]->signals_sent)
				consistent = false;
		}
	}
	KUNIT_EXPECT_TRUE_MSG(fake->test, consistent,
			      "the model has lost count of its signals");
	if (!nr_sent)
		return false;

	hv_fake_signal_message(&msg, sent, nr_sent, how & HV_FAKE_KICK_BITSET);
	if (how & HV_FAKE_KICK_LOST)
		return true;
	if (how & HV_FAKE_KICK_HELD) {
		hv_fake_hold(fake, &msg);
		return true;
	}
	return hv_fake_deliver(fake, &msg);
}

/**
 * hv_fake_vp_kick() - signal one VP, as the hypervisor does
 * @vp: the VP
 *
 * Context: As hv_fake_signal().
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, 0);
}

/**
 * hv_fake_vp_kick_lost() - signal one VP by a message that never arrives
 * @vp: the VP
 *
 * Context: Any.
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick_lost(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, HV_FAKE_KICK_LOST);
}

/**
 * hv_fake_vp_kick_uncounted() - signal one VP, without counting it
 * @vp: the VP
 *
 * Context: As hv_fake_signal().
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick_uncounted(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, HV_FAKE_KICK_UNCOUNTED);
}

/*
 * Registers
 */

static bool hv_fake_get_regs_reserved_clear(const void *input)
{
	const struct hv_input_get_vp_registers *in = input;

	return !in->rsvd_z8 && !in->rsvd_z16;
}

/* The beginning is that of the input of HVCALL_GET_VP_REGISTERS. */
static bool hv_fake_set_regs_reserved_clear(const void *input)
{
	const struct hv_input_set_vp_registers *in = input;

	return !in->rsvd_z8 && !in->rsvd_z16;
}

static u64 hv_fake_get_vp_registers(struct hv_fake *fake,
				    const struct hv_fake_request *rq)
{
	const struct hv_input_get_vp_registers *in = rq->input;
	union hv_register_value *out = rq->output;
	struct hv_fake_vp *vp;
	unsigned int i;
	u64 status;

	status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &vp);
	if (status)
		return status;

	for (i = rq->start; i < rq->end; i++) {
		u64 value;

		switch (in->names[i]) {
		case HV_REGISTER_EXPLICIT_SUSPEND:
			value = vp->explicit_suspend;
			break;
		case HV_REGISTER_INTERCEPT_SUSPEND:
			value = vp->intercept_suspend;
			break;
		case HV_REGISTER_DISPATCH_SUSPEND:
			value = vp->dispatch_suspend;
			break;
		case HV_REGISTER_VP_ROOT_SIGNAL_COUNT:
			value = vp->signal_count;
			break;
		default:
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);
		}
		out[i] = (union hv_register_value) { .reg64 = value };
	}

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/* A VP whose suspension a dispatch has reported becomes runnable. */
static void hv_fake_resume(struct hv_fake *fake, struct hv_fake_vp *vp)
{
	struct hv_message msg;

	if (!vp->suspend_reported || fake->no_signal_on_resume)
		return;
	if (!hv_fake_count_signal(vp, 0))
		return;

	hv_fake_signal_message(&msg, &vp, 1, false);
	hv_fake_post(fake, &msg);
}

/* The message that an intercept leaves in the VP's page. */
static void hv_fake_fill_intercept(struct hv_fake_vp *vp, u32 type, u64 gpa)
{
	struct page *page = vp->state_pages[HV_VP_STATE_PAGE_INTERCEPT_MESSAGE];
	struct hv_message msg = {
		.header.message_type = type ?: HVMSG_UNMAPPED_GPA,
		.header.sender = vp->partition->id,
	};
#ifdef CONFIG_X86_64
	struct hv_x64_memory_intercept_message *memory = (void *)msg.u.payload;
#else
	struct hv_arm64_memory_intercept_message *memory = (void *)msg.u.payload;
#endif

	switch (msg.header.message_type) {
	case HVMSG_UNMAPPED_GPA:
	case HVMSG_GPA_INTERCEPT:
		memory->guest_physical_address = gpa;
		msg.header.payload_size = sizeof(*memory);
		break;
	default:
		msg.header.payload_size = sizeof(memory->header);
	}
	/* All of them begin alike. */
	memory->header.vp_index = vp->index;

	vp->intercept_suspend = true;
	if (page)
		memcpy(page_address(page), &msg, sizeof(msg));
}

/* The SynIC message that tells of it. */
static void hv_fake_intercept_message(struct hv_message *msg, const struct hv_fake_vp *vp)
{
	*msg = (struct hv_message) {
		.header.message_type = HVMSG_OPAQUE_INTERCEPT,
		.header.payload_size = sizeof(struct hv_opaque_intercept_message),
		.header.sender = vp->partition->id,
		.u.payload[0] = vp->index,
	};
}

/* Whether a VP runs, where the hypervisor schedules VPs. */
static bool hv_fake_runs(const struct hv_fake_vp *vp)
{
	return !vp->explicit_suspend && !vp->intercept_suspend;
}

static u64 hv_fake_set_register(struct hv_fake *fake, struct hv_fake_vp *vp,
				u32 name, u64 value)
{
	struct hv_message msg;
	bool *suspend;

	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		suspend = &vp->explicit_suspend;
		break;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		suspend = &vp->intercept_suspend;
		break;
	case HV_REGISTER_DISPATCH_SUSPEND:
		suspend = &vp->dispatch_suspend;
		break;
	default:
		/* Also of one that can only be read. */
		return HV_STATUS_INVALID_PARAMETER;
	}

	if (value > 1)
		return HV_STATUS_INVALID_REGISTER_VALUE;

	vp->sets[vp->nr_sets++ % HV_FAKE_MAX_SETS] = (struct hv_fake_set) {
		.name = name,
		.value = value,
	};
	*suspend = value;
	if (name == HV_REGISTER_EXPLICIT_SUSPEND && !value)
		hv_fake_resume(fake, vp);
	if (vp->touches && hv_fake_runs(vp)) {
		hv_fake_fill_intercept(vp, --vp->touches ? HVMSG_GPA_INTERCEPT : HVMSG_X64_HALT,
				       vp->touched_gpa);
		hv_fake_intercept_message(&msg, vp);
		hv_fake_post(fake, &msg);
	}

	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_set_vp_registers(struct hv_fake *fake,
				    const struct hv_fake_request *rq)
{
	const struct hv_input_set_vp_registers *in = rq->input;
	struct hv_fake_vp *vp;
	unsigned int i;
	u64 status;

	status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &vp);
	if (status)
		return status;

	for (i = rq->start; i < rq->end; i++) {
		const struct hv_register_assoc *reg = &in->elements[i];

		if (reg->reserved1 || reg->reserved2)
			status = hv_fake_violated(fake, HV_FAKE_RESERVED,
						  HV_STATUS_INVALID_PARAMETER);
		else
			status = hv_fake_set_register(fake, vp, reg->name,
						      reg->value.reg64);
		if (status)
			return hv_fake_reps(status, i);
	}

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/*
 * Interrupts
 */

static bool hv_fake_assert_reserved_clear(const void *input)
{
	const struct hv_input_assert_virtual_interrupt *in = input;

#ifdef CONFIG_X86_64
	if (in->control.rsvd)
		return false;
#else
	if (in->control.rsvd1 || in->control.rsvd2)
		return false;
#endif
	return !in->rsvd_z0 && !in->rsvd_z1;
}

static u64 hv_fake_assert_virtual_interrupt(struct hv_fake *fake,
					    const struct hv_fake_request *rq)
{
	const struct hv_input_assert_virtual_interrupt *in = rq->input;
	struct hv_fake_partition *partition;

	partition = hv_fake_find(fake, in->partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	partition->nr_asserts++;
	partition->last_assert = *in;
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_clear_virtual_interrupt(struct hv_fake *fake,
					   const struct hv_fake_request *rq)
{
	struct hv_fake_partition *partition = hv_fake_find(fake, rq->fast[0]);

	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (partition->state != HV_FAKE_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;

	partition->nr_clears++;
	return HV_STATUS_SUCCESS;
}

static bool hv_fake_apic_id_reserved_clear(const void *input)
{
	const struct hv_get_vp_from_apic_id_in *in = input;

	return !memchr_inv(in->res, 0, sizeof(in->res));
}

static u64 hv_fake_get_vp_from_apic_id(struct hv_fake *fake,
				       const struct hv_fake_request *rq)
{
	const struct hv_get_vp_from_apic_id_in *in = rq->input;
	struct hv_fake_partition *partition = NULL;
	u32 *out = rq->output;
	unsigned int i, vp;

	if (in->partition_id != HV_PARTITION_ID_SELF) {
		partition = hv_fake_find(fake, in->partition_id);
		if (!partition)
			return HV_STATUS_INVALID_PARTITION_ID;
	}

	for (i = rq->start; i < rq->end; i++) {
		u32 apic_id = in->apic_ids[i];

		/* Of this partition's own VPs the model knows nothing. */
		if (!partition) {
			out[i] = apic_id;
			continue;
		}
		for (vp = 0; vp < HV_FAKE_PARTITION_VPS; vp++)
			if (partition->vps[vp] &&
			    partition->vps[vp]->apic_id == apic_id)
				break;
		if (vp == HV_FAKE_PARTITION_VPS)
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);
		out[i] = vp;
	}

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/*
 * Dispatch
 */

#ifdef CONFIG_X86_64
static u64 *hv_fake_vectors(struct hv_fake_vp *vp)
{
	struct page *page = vp->state_pages[HV_VP_STATE_PAGE_REGISTERS];
	struct hv_vp_register_page *regs = page ? page_address(page) : NULL;

	return regs ? &regs->interrupt_vectors.as_uint64 : NULL;
}

static bool hv_fake_vectors_pending(struct hv_fake_vp *vp)
{
	u64 *vectors = hv_fake_vectors(vp);

	return vectors && READ_ONCE(*vectors);
}

/* Take all vectors at once, as others may be added at any time. */
static void hv_fake_inject(struct hv_fake_vp *vp)
{
	union hv_vp_register_page_interrupt_vectors taken;
	u64 *vectors = hv_fake_vectors(vp);
	unsigned int i;

	if (!vectors)
		return;

	taken.as_uint64 = xchg(vectors, 0);
	for (i = 0; i < min(taken.vector_count, HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT); i++)
		vp->injected[taken.vector[i]]++;
}
#else
/* The register page of arm64 has no vectors. */
static bool hv_fake_vectors_pending(struct hv_fake_vp *vp)
{
	return false;
}

static void hv_fake_inject(struct hv_fake_vp *vp)
{
}
#endif

/* What a dispatch comes to, and what is left to do when it is over. */
struct hv_fake_dispatch {
	struct hv_fake_vp *vp;
	u32 flags;
	/* The outcome is the script's. */
	bool scripted;
	/* The VP could not run: it stays as it is. */
	bool still_blocked;
	struct hv_fake_outcome outcome;
};

/* The status, if a dispatch cannot begin. */
static u64 hv_fake_dispatch_refuse(struct hv_fake *fake,
				   const struct hv_input_dispatch_vp *in,
				   const struct hv_fake_request *rq,
				   const struct hv_fake_vp *vp)
{
	if (in->flags & ~HV_FAKE_DISPATCH_FLAGS_ALL)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_FLAGS,
					HV_STATUS_INVALID_PARAMETER);
	if (in->time_slice)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_TIME_SLICE,
					HV_STATUS_INVALID_PARAMETER);
	if (in->spec_ctrl)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_SPEC_CTRL,
					HV_STATUS_INVALID_PARAMETER);

	/* Which a hypervisor cannot see. */
	if (rq->preemptible)
		hv_fake_violated(fake, HV_FAKE_DISPATCH_PREEMPTIBLE, 0);

	if (vp->dispatching)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_TWICE,
					HV_STATUS_INVALID_VP_STATE);
	if (vp->dispatch_suspend)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_DISABLED,
					HV_STATUS_INVALID_VP_STATE);
	if (vp->intercept_suspend &&
	    !(in->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND))
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_INTERCEPTED,
					HV_STATUS_INVALID_VP_STATE);

	return HV_STATUS_SUCCESS;
}

static void hv_fake_dispatch_outcome(struct hv_fake *fake,
				     struct hv_fake_dispatch *d)
{
	const bool scan = d->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION;
	struct hv_fake_vp *vp = d->vp;
	struct hv_fake_step *step;

	d->outcome = (struct hv_fake_outcome) {
		.state = HV_VP_DISPATCH_STATE_BLOCKED,
	};

	if (vp->explicit_suspend) {
		/* It may be the VMM's doing; but who was told must not ask. */
		if (vp->suspend_reported)
			hv_fake_violated(fake, HV_FAKE_DISPATCH_SUSPENDED, 0);
		d->outcome.event = HV_VP_DISPATCH_EVENT_SUSPEND;
		return;
	}

	if (vp->blocked && !(scan && hv_fake_vectors_pending(vp))) {
		/* A look at a VP that was announced as runnable is allowed. */
		if (vp->signals)
			vp->rechecks++;
		else
			hv_fake_violated(fake, HV_FAKE_DISPATCH_BLOCKED, 0);
		d->still_blocked = true;
		return;
	}
	if (vp->signals && hv_fake_counter_word(vp))
		vp->rechecks++;

	step = list_first_entry_or_null(&vp->script, struct hv_fake_step, node);
	if (step) {
		d->scripted = true;
		d->outcome = step->outcome;
		list_move(&step->node, &fake->free_steps);
	}
}

/* The VP's new state; what a caller wants beyond that comes with the flags. */
static void hv_fake_dispatch_enforce(struct hv_fake_dispatch *d)
{
	const struct hv_fake_outcome *outcome = &d->outcome;
	struct hv_fake_vp *vp = d->vp;

	if (d->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND)
		vp->intercept_suspend = false;
	if (d->still_blocked)
		return;
	if (d->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)
		hv_fake_inject(vp);

	switch (outcome->state) {
	case HV_VP_DISPATCH_STATE_BLOCKED:
		if (outcome->event == HV_VP_DISPATCH_EVENT_SUSPEND) {
			vp->explicit_suspend |= d->scripted;
			vp->suspend_reported = true;
		}
		hv_fake_block(vp);
		break;
	case HV_VP_DISPATCH_STATE_READY:
		hv_fake_unblock(vp);
		if (outcome->event == HV_VP_DISPATCH_EVENT_INTERCEPT)
			hv_fake_fill_intercept(vp, outcome->message_type,
					       outcome->gpa);
		break;
	default:
		/* Whatever a test makes of it. */
		break;
	}
}

static u64 hv_fake_dispatch_vp(struct hv_fake *fake,
			       const struct hv_fake_request *rq)
{
	const struct hv_input_dispatch_vp *in = rq->input;
	struct hv_output_dispatch_vp *out = rq->output;
	struct hv_fake_dispatch d = { .flags = in->flags };
	u64 status;

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &d.vp);
		if (status)
			return status;

		d.vp->dispatches++;
		status = hv_fake_dispatch_refuse(fake, in, rq, d.vp);
		if (status)
			return status;

		d.vp->dispatching = true;
		hv_fake_dispatch_outcome(fake, &d);
		d.vp->started = true;
	}

	if (d.outcome.running)
		d.outcome.running(fake, d.outcome.data);

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		if (!d.outcome.status)
			hv_fake_dispatch_enforce(&d);
	}

	if (d.outcome.meanwhile)
		d.outcome.meanwhile(fake, d.outcome.data);

	scoped_guard(raw_spinlock_irqsave, &fake->lock)
		d.vp->dispatching = false;

	if (d.outcome.status)
		return d.outcome.status;

	out->dispatch_state = d.outcome.state;
	out->dispatch_event = d.outcome.event;
	return HV_STATUS_SUCCESS;
}

const struct hv_fake_op hv_fake_vp_ops[] = {
	{
		.code = HVCALL_CREATE_PARTITION,
		.input_size = sizeof(struct hv_input_create_partition),
		.output_size = sizeof(struct hv_output_create_partition),
		.reserved_clear = hv_fake_create_partition_reserved_clear,
		.answer = hv_fake_create_partition,
	},
	{
		.code = HVCALL_INITIALIZE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_initialize_partition),
		.answer = hv_fake_initialize_partition,
	},
	{
		.code = HVCALL_FINALIZE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_finalize_partition),
		.answer = hv_fake_finalize_partition,
	},
	{
		.code = HVCALL_DELETE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_delete_partition),
		.answer = hv_fake_delete_partition,
	},
	{
		.code = HVCALL_DEPOSIT_MEMORY,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_deposit_memory),
		.rep_input = sizeof(u64),
		.answer = hv_fake_deposit_memory,
	},
	{
		.code = HVCALL_WITHDRAW_MEMORY,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_withdraw_memory),
		.rep_output = sizeof(u64),
		.answer = hv_fake_withdraw_memory,
	},
	{
		.code = HVCALL_MAP_GPA_PAGES,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_map_gpa_pages),
		.rep_input = sizeof(u64),
		.answer = hv_fake_map_gpa_pages,
	},
	{
		.code = HVCALL_UNMAP_GPA_PAGES,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_unmap_gpa_pages),
		.answer = hv_fake_unmap_gpa_pages,
	},
	{
		.code = HVCALL_CREATE_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_create_vp),
		.answer = hv_fake_create_vp,
	},
	{
		.code = HVCALL_DELETE_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.fast = true,
		.input_size = sizeof(union hv_input_delete_vp),
		.reserved_clear = hv_fake_delete_vp_reserved_clear,
		.answer = hv_fake_delete_vp,
	},
	{
		.code = HVCALL_GET_VP_REGISTERS,
		.target = HV_FAKE_PARTITION_AND_VP,
		.rep = true,
		.input_size = sizeof(struct hv_input_get_vp_registers),
		.rep_input = sizeof(u32),
		.rep_output = sizeof(union hv_register_value),
		.reserved_clear = hv_fake_get_regs_reserved_clear,
		.answer = hv_fake_get_vp_registers,
	},
	{
		.code = HVCALL_SET_VP_REGISTERS,
		.target = HV_FAKE_PARTITION_AND_VP,
		.rep = true,
		.input_size = sizeof(struct hv_input_set_vp_registers),
		.rep_input = sizeof(struct hv_register_assoc),
		.reserved_clear = hv_fake_set_regs_reserved_clear,
		.answer = hv_fake_set_vp_registers,
	},
	{
		.code = HVCALL_MAP_VP_STATE_PAGE,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_input_map_vp_state_page),
		.output_size = sizeof(struct hv_output_map_vp_state_page),
		.reserved_clear = hv_fake_map_state_reserved_clear,
		.answer = hv_fake_map_vp_state_page,
	},
	{
		.code = HVCALL_UNMAP_VP_STATE_PAGE,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_input_unmap_vp_state_page),
		.reserved_clear = hv_fake_unmap_state_reserved_clear,
		.answer = hv_fake_unmap_vp_state_page,
	},
	{
		.code = HVCALL_MAP_STATS_PAGE2,
		.target = HV_FAKE_STATS_OBJECT,
		.input_size = sizeof(struct hv_input_map_stats_page2),
		.reserved_clear = hv_fake_stats_reserved_clear,
		.answer = hv_fake_map_stats_page2,
	},
	{
		.code = HVCALL_UNMAP_STATS_PAGE,
		.target = HV_FAKE_STATS_OBJECT,
		.input_size = sizeof(struct hv_input_unmap_stats_page),
		.reserved_clear = hv_fake_stats_reserved_clear,
		.answer = hv_fake_unmap_stats_page,
	},
	{
		.code = HVCALL_DISPATCH_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.unlocked = true,
		.one_page = true,
		.input_size = sizeof(struct hv_input_dispatch_vp),
		.output_size = sizeof(struct hv_output_dispatch_vp),
		.answer = hv_fake_dispatch_vp,
	},
	{
		.code = HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		.target = HV_FAKE_PARTITION,
		.input_size = sizeof(struct hv_input_assert_virtual_interrupt),
		.reserved_clear = hv_fake_assert_reserved_clear,
		.answer = hv_fake_assert_virtual_interrupt,
	},
	{
		.code = HVCALL_CLEAR_VIRTUAL_INTERRUPT,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(u64),
		.answer = hv_fake_clear_virtual_interrupt,
	},
	{
		/* The kernel's own caller has both arguments in one page. */
		.code = HVCALL_GET_VP_INDEX_FROM_APIC_ID,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.one_page = true,
		.input_size = sizeof(struct hv_get_vp_from_apic_id_in),
		.rep_input = sizeof(u32),
		.rep_output = sizeof(u32),
		.reserved_clear = hv_fake_apic_id_reserved_clear,
		.answer = hv_fake_get_vp_from_apic_id,
	},
	{}
};

/*
 * What tests do
 */

static void hv_fake_partition_init(struct hv_fake_partition *partition)
{
	INIT_LIST_HEAD(&partition->node);
	INIT_LIST_HEAD(&partition->deposited);
}

struct hv_fake_memory {
	struct list_head node;
	u64 data[];
};

/*
 * Memory that lives as long as the fake. Not the test's: what a test allocates
 * after the fake is freed before it.
 */
static void *hv_fake_alloc(struct hv_fake *fake, size_t size)
{
	struct hv_fake_memory *memory;

	memory = kzalloc(struct_size(memory, data, DIV_ROUND_UP(size, sizeof(u64))),
			 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fake->test, memory);
	list_add_tail(&memory->node, &fake->memory);

	return memory->data;
}

/**
 * hv_fake_reserve() - provide for more partitions and VPs
 * @fake: the fake
 * @partitions: how many more than HV_FAKE_PARTITIONS, in all of the test
 * @vps: how many more than HV_FAKE_VPS
 *
 * Context: A suite's init() or a test. Sleeps.
 */
void hv_fake_reserve(struct hv_fake *fake, unsigned int partitions,
		     unsigned int vps)
{
	while (partitions--) {
		struct hv_fake_partition *p = hv_fake_alloc(fake, sizeof(*p));

		hv_fake_partition_init(p);
		guard(raw_spinlock_irqsave)(&fake->lock);
		list_add_tail(&p->node, &fake->free_partitions);
	}

	while (vps--) {
		struct hv_fake_vp *vp = hv_fake_alloc(fake, sizeof(*vp));

		INIT_LIST_HEAD(&vp->script);
		guard(raw_spinlock_irqsave)(&fake->lock);
		list_add_tail(&vp->node, &fake->free_vps);
	}
}

/**
 * hv_fake_vp_install() - make the model ready
 * @fake: the fake
 *
 * Return: 0, or -ENOMEM.
 */
int hv_fake_vp_install(struct hv_fake *fake)
{
	struct hv_fake_step *steps;
	unsigned int i;

	INIT_LIST_HEAD(&fake->partitions);
	INIT_LIST_HEAD(&fake->free_partitions);
	INIT_LIST_HEAD(&fake->free_vps);
	INIT_LIST_HEAD(&fake->memory);
	INIT_LIST_HEAD(&fake->free_steps);
	hv_fake_partition_init(&fake->self);

	steps = kunit_kcalloc(fake->test, HV_FAKE_OUTCOMES, sizeof(*steps),
			      GFP_KERNEL);
	if (!steps)
		return -ENOMEM;
	for (i = 0; i < HV_FAKE_OUTCOMES; i++)
		list_add_tail(&steps[i].node, &fake->free_steps);

	hv_fake_reserve(fake, HV_FAKE_PARTITIONS, HV_FAKE_VPS);
	return 0;
}

/**
 * hv_fake_vp_remove() - let go of all pages
 * @fake: the fake
 *
 * What was deposited for this partition itself, no one withdraws: it is freed.
 * What was deposited for a child that still exists is left to the test.
 */
void hv_fake_vp_remove(struct hv_fake *fake)
{
	struct hv_fake_memory *memory, *more;
	struct hv_fake_partition *partition;
	struct page *page, *next;

	list_for_each_entry(partition, &fake->partitions, node)
		hv_fake_partition_forget(fake, partition);

	list_for_each_entry_safe(page, next, &fake->self.deposited, lru) {
		list_del(&page->lru);
		hv_fake_page_give_back(page);
		__free_page(page);
	}
	fake->self.nr_deposited = 0;

	list_for_each_entry_safe(memory, more, &fake->memory, node)
		kfree(memory);
}

/**
 * hv_fake_partitions() - how many partitions there are
 * @fake: the fake
 *
 * Return: those created and not deleted.
 */
unsigned int hv_fake_partitions(struct hv_fake *fake)
{
	struct hv_fake_partition *partition;
	unsigned int n = 0;

	guard(raw_spinlock_irqsave)(&fake->lock);
	list_for_each_entry(partition, &fake->partitions, node)
		n += partition->state != HV_FAKE_DELETED;

	return n;
}

/**
 * hv_fake_partition_id() - the id of one of the partitions
 * @fake: the fake
 * @n: which, from 0 in the order of creation, deleted ones included
 *
 * Return: its id; 0, which none has, if there were not that many.
 */
u64 hv_fake_partition_id(struct hv_fake *fake, unsigned int n)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return n < fake->nr_partitions ? HV_FAKE_FIRST_PARTITION_ID + n : 0;
}

/* One that a test knows of, deleted or not. */
static struct hv_fake_partition *hv_fake_known(struct hv_fake *fake, u64 id)
{
	struct hv_fake_partition *partition;

	list_for_each_entry(partition, &fake->partitions, node)
		if (partition->id == id)
			return partition;

	return &fake->self;
}

/**
 * hv_fake_deposited() - how much memory was deposited
 * @fake: the fake
 * @partition_id: for which partition, or HV_PARTITION_ID_SELF
 *
 * Return: pages deposited and not withdrawn.
 */
unsigned int hv_fake_deposited(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return hv_fake_known(fake, partition_id)->nr_deposited;
}

/**
 * hv_fake_mapped() - how many overlay pages are mapped
 * @fake: the fake
 * @partition_id: of which partition
 *
 * Return: pages of the partition and of its VPs.
 */
unsigned int hv_fake_mapped(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return hv_fake_partition_mapped(hv_fake_known(fake, partition_id));
}

/**
 * hv_fake_given() - how much memory a guest can get at
 * @fake: the fake
 * @partition_id: of which partition
 *
 * Return: pages of 4 KiB, of the first HV_FAKE_GFNS.
 */
unsigned int hv_fake_given(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return bitmap_weight(hv_fake_known(fake, partition_id)->gpa, HV_FAKE_GFNS);
}

/**
 * hv_fake_asserted() - how often an interrupt was asserted by hypercall
 * @fake: the fake
 * @partition_id: for which partition
 * @last: where to put the last call's input; NULL to ignore it
 *
 * Return: the number of calls that succeeded.
 */
unsigned int hv_fake_asserted(struct hv_fake *fake, u64 partition_id,
			      struct hv_input_assert_virtual_interrupt *last)
{
	struct hv_fake_partition *partition;

	guard(raw_spinlock_irqsave)(&fake->lock);
	partition = hv_fake_known(fake, partition_id);
	if (last)
		*last = partition->last_assert;
	return partition->nr_asserts;
}

/**
 * hv_fake_cleared() - how often an interrupt was cleared by hypercall
 * @fake: the fake
 * @partition_id: for which partition
 *
 * Return: the number of calls that succeeded.
 */
unsigned int hv_fake_cleared(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return hv_fake_known(fake, partition_id)->nr_clears;
}

/**
 * hv_fake_vp() - a VP of the model
 * @fake: the fake
 * @partition_id: its partition, which may be deleted by now
 * @vp_index: its index
 *
 * Return: the VP, valid until the test ends; NULL if there is none.
 */
struct hv_fake_vp *hv_fake_vp(struct hv_fake *fake, u64 partition_id,
			      u32 vp_index)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return hv_fake_vp_of(hv_fake_known(fake, partition_id), vp_index);
}

/**
 * hv_fake_vp_start() - skip a VP's explicit suspension
 * @vp: the VP; its next dispatch takes the first outcome of its script
 */
void hv_fake_vp_start(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->explicit_suspend = false;
	vp->started = true;
	hv_fake_unblock(vp);
}

/**
 * hv_fake_vp_script() - say what the next dispatches of a VP come to
 * @vp: the VP
 * @outcomes: the outcomes, copied; they follow those that are there already
 * @n: how many
 *
 * After the last one the VP halts: it is blocked, without an event. The script
 * may be extended at any time, by the outcomes' own hooks too.
 *
 * Context: Any.
 */
void hv_fake_vp_script(struct hv_fake_vp *vp,
		       const struct hv_fake_outcome *outcomes, unsigned int n)
{
	struct hv_fake *fake = vp->fake;
	unsigned int i;

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		for (i = 0; i < n; i++) {
			struct hv_fake_step *step =
				list_first_entry_or_null(&fake->free_steps,
							 struct hv_fake_step,
							 node);

			if (!step)
				break;
			step->outcome = outcomes[i];
			list_move_tail(&step->node, &vp->script);
		}
	}

	KUNIT_EXPECT_EQ_MSG(fake->test, i, n, "too many outcomes");
}

/**
 * hv_fake_vp_script_left() - how many outcomes have not been used
 * @vp: the VP
 *
 * Return: the number of outcomes that wait for a dispatch.
 */
unsigned int hv_fake_vp_script_left(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return list_count_nodes(&vp->script);
}

/**
 * hv_fake_signal_on_resume() - whether a resumed VP is signalled
 * @fake: the fake
 * @on: true, as it is from the start: clearing EXPLICIT_SUSPEND of a VP whose
 *	dispatch has reported the suspension makes the hypervisor signal it;
 *	false: the test does it
 */
void hv_fake_signal_on_resume(struct hv_fake *fake, bool on)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	fake->no_signal_on_resume = !on;
}

static bool hv_fake_vp_do_intercept(struct hv_fake_vp *vp, u32 message_type,
				    u64 gpa, bool held)
{
	struct hv_fake *fake = vp->fake;
	struct hv_message msg;
	bool running = false;

	hv_fake_intercept_message(&msg, vp);
	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		running = hv_fake_runs(vp);
		if (running)
			hv_fake_fill_intercept(vp, message_type, gpa);
	}
	if (!running)
		return false;

	if (held) {
		hv_fake_hold(fake, &msg);
		return true;
	}
	return hv_fake_deliver(fake, &msg);
}

/**
 * hv_fake_vp_intercept() - have a VP stopped by an intercept, where the
 *	hypervisor schedules VPs
 * @vp: the VP, running
 * @message_type: of the message in its intercept page, see &struct
 *	hv_fake_outcome
 * @gpa: the address, in a message about one
 *
 * INTERCEPT_SUSPEND is set, the message is in the page, and a SynIC message
 * says so.
 *
 * Context: As hv_fake_deliver().
 * Return: whether the SynIC message was acknowledged; false also if the VP was
 * suspended, so that it could not run into anything: nothing is done then.
 */
bool hv_fake_vp_intercept(struct hv_fake_vp *vp, u32 message_type, u64 gpa)
{
	return hv_fake_vp_do_intercept(vp, message_type, gpa, false);
}

/**
 * hv_fake_vp_intercept_held() - the same, but the SynIC message comes late
 * @vp: the VP, running
 * @message_type: of the message in its intercept page
 * @gpa: the address, in a message about one
 *
 * Context: Any.
 * Return: false if the VP was suspended: nothing is done then. Otherwise the
 * SynIC message waits for hv_fake_deliver_held().
 */
bool hv_fake_vp_intercept_held(struct hv_fake_vp *vp, u32 message_type, u64 gpa)
{
	return hv_fake_vp_do_intercept(vp, message_type, gpa, true);
}

/**
 * hv_fake_vp_touch() - have a VP touch memory as soon as it runs, where the
 *	hypervisor schedules VPs
 * @vp: the VP
 * @gpa: where
 * @times: how often it is resumed until it needs no more of that: the last of
 *	these ends in a halt, the others in a GPA intercept
 *
 * The SynIC message comes as soon as interrupts are on after the hypercall that
 * has resumed the VP.
 */
void hv_fake_vp_touch(struct hv_fake_vp *vp, u64 gpa, unsigned int times)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->touches = times;
	vp->touched_gpa = gpa;
}

/**
 * hv_fake_vp_set_counter_word() - write the word that says "thread blocked"
 * @vp: the VP
 * @value: the value for both of its statistics pages, where they are mapped
 */
void hv_fake_vp_set_counter_word(struct hv_fake_vp *vp, u64 value)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	hv_fake_write_counter_word(vp, value);
}

/**
 * hv_fake_vp_set_explicit_suspend() - suspend or resume a VP
 * @vp: the VP
 * @suspended: which; there is no signal either way
 */
void hv_fake_vp_set_explicit_suspend(struct hv_fake_vp *vp, bool suspended)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->explicit_suspend = suspended;
}

/**
 * hv_fake_vp_set_apic_id() - give a VP an APIC id other than its index
 * @vp: the VP
 * @apic_id: the id that HVCALL_GET_VP_INDEX_FROM_APIC_ID finds it by
 */
void hv_fake_vp_set_apic_id(struct hv_fake_vp *vp, u32 apic_id)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->apic_id = apic_id;
}

/**
 * hv_fake_vp_dispatches() - how often a VP was dispatched
 * @vp: the VP
 *
 * Return: the number of calls, refused ones included.
 */
unsigned int hv_fake_vp_dispatches(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->dispatches;
}

/**
 * hv_fake_vp_rechecks() - how often a VP was looked at by dispatching it
 * @vp: the VP
 *
 * Return: dispatches after a signal, with the VP still blocked or its counter
 * word not yet zero.
 */
unsigned int hv_fake_vp_rechecks(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->rechecks;
}

/**
 * hv_fake_vp_signal_count() - HV_REGISTER_VP_ROOT_SIGNAL_COUNT
 * @vp: the VP
 *
 * Return: the register.
 */
u64 hv_fake_vp_signal_count(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->signal_count;
}

/**
 * hv_fake_vp_explicit_suspend() - HV_REGISTER_EXPLICIT_SUSPEND
 * @vp: the VP
 *
 * Return: the register.
 */
bool hv_fake_vp_explicit_suspend(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->explicit_suspend;
}

/**
 * hv_fake_vp_intercept_suspend() - HV_REGISTER_INTERCEPT_SUSPEND
 * @vp: the VP
 *
 * Return: the register.
 */
bool hv_fake_vp_intercept_suspend(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->intercept_suspend;
}

/**
 * hv_fake_vp_dispatch_suspend() - HV_REGISTER_DISPATCH_SUSPEND
 * @vp: the VP
 *
 * Return: the register.
 */
bool hv_fake_vp_dispatch_suspend(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->dispatch_suspend;
}

/**
 * hv_fake_vp_blocked() - whether a VP waits for something
 * @vp: the VP
 *
 * Return: true if it may not be dispatched before a signal.
 */
bool hv_fake_vp_blocked(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->blocked;
}

/**
 * hv_fake_vp_dispatching() - whether a VP is being dispatched right now
 * @vp: the VP
 *
 * Return: true from the call to its return, hooks included.
 */
bool hv_fake_vp_dispatching(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->dispatching;
}

/**
 * hv_fake_vp_injected() - how often a vector was taken from the register page
 * @vp: the VP
 * @vector: the vector
 *
 * Return: the number of times.
 */
unsigned int hv_fake_vp_injected(struct hv_fake_vp *vp, u8 vector)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->injected[vector];
}

/**
 * hv_fake_vp_sets() - how many registers of a VP were set
 * @vp: the VP
 *
 * Return: the number of registers, by HVCALL_SET_VP_REGISTERS alone.
 */
unsigned int hv_fake_vp_sets(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->nr_sets;
}

/**
 * hv_fake_vp_set() - one register that was set
 * @vp: the VP
 * @n: which, from 0 in the order in which they were set
 *
 * Return: the register and its value. Fails the test if it is not kept.
 */
struct hv_fake_set hv_fake_vp_set(struct hv_fake_vp *vp, unsigned int n)
{
	struct hv_fake_set set = {};
	bool kept = false;

	scoped_guard(raw_spinlock_irqsave, &vp->fake->lock) {
		kept = n < vp->nr_sets && vp->nr_sets - n <= HV_FAKE_MAX_SETS;
		if (kept)
			set = vp->sets[n % HV_FAKE_MAX_SETS];
	}
	KUNIT_EXPECT_TRUE_MSG(vp->fake->test, kept, "no such register set");

	return set;
}

/**
 * hv_fake_vp_register_page() - a VP's register page
 * @vp: the VP
 *
 * Return: the page, in the caller's memory; NULL if it is not mapped.
 */
struct hv_vp_register_page *hv_fake_vp_register_page(struct hv_fake_vp *vp)
{
	struct page *page;

	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	page = vp->state_pages[HV_VP_STATE_PAGE_REGISTERS];
	return page ? page_address(page) : NULL;
}

/**
 * hv_fake_vp_intercept_page() - a VP's intercept message page
 * @vp: the VP
 *
 * Return: the message in it; NULL if it is not mapped.
 */
struct hv_message *hv_fake_vp_intercept_page(struct hv_fake_vp *vp)
{
	struct page *page;

	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	page = vp->state_pages[HV_VP_STATE_PAGE_INTERCEPT_MESSAGE];
	return page ? page_address(page) : NULL;
}
