// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the fake hypervisor's child partitions: what is deposited for one,
 * and what its guest can get at.
 */

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

u64 hv_fake_deposit_memory(struct hv_fake *fake,
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

u64 hv_fake_withdraw_memory(struct hv_fake *fake,
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

/* Have the pages of one repetition mapped, with access or without, or not at all. */
static bool hv_fake_set_gpa(struct hv_fake_partition *partition, u64 gfn,
			    bool large, bool given, bool withheld)
{
	const unsigned int pages = large ? HV_FAKE_LARGE_PAGES : 1;

	if (!IS_ALIGNED(gfn, pages) || gfn > HV_FAKE_GFNS - pages)
		return false;

	bitmap_clear(partition->given, gfn, pages);
	bitmap_clear(partition->withheld, gfn, pages);
	if (given)
		bitmap_set(partition->given, gfn, pages);
	if (withheld)
		bitmap_set(partition->withheld, gfn, pages);

	return true;
}

u64 hv_fake_map_gpa_pages(struct hv_fake *fake,
			  const struct hv_fake_request *rq)
{
	const struct hv_input_map_gpa_pages *in = rq->input;
	const bool large = in->map_flags & HV_MAP_GPA_LARGE_PAGE;
	const bool withheld = in->map_flags & HV_MAP_GPA_NO_ACCESS;
	const unsigned int stride = large ? HV_FAKE_LARGE_PAGES : 1;
	struct hv_fake_partition *partition;
	unsigned int i;

	partition = hv_fake_find(fake, in->target_partition_id);
	if (!partition)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = rq->start; i < rq->end; i++)
		if (!hv_fake_set_gpa(partition, in->target_gpa_base + i * stride,
				     large, !withheld, withheld))
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

u64 hv_fake_unmap_gpa_pages(struct hv_fake *fake,
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
				     large, false, false))
			return hv_fake_reps(HV_STATUS_INVALID_PARAMETER, i);

	return hv_fake_reps(HV_STATUS_SUCCESS, i);
}

/*
 * What tests do
 */

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
 * hv_fake_given() - how much memory a guest can get at
 * @fake: the fake
 * @partition_id: of which partition
 *
 * Return: pages of 4 KiB, of the first HV_FAKE_GFNS.
 */
unsigned int hv_fake_given(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return bitmap_weight(hv_fake_known(fake, partition_id)->given, HV_FAKE_GFNS);
}

/**
 * hv_fake_withheld() - how much memory is mapped without access
 * @fake: the fake
 * @partition_id: of which partition
 *
 * What the guest touches of it is an intercept of HVMSG_GPA_INTERCEPT, and
 * elsewhere one of HVMSG_UNMAPPED_GPA.
 *
 * Return: pages of 4 KiB, of the first HV_FAKE_GFNS.
 */
unsigned int hv_fake_withheld(struct hv_fake *fake, u64 partition_id)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	return bitmap_weight(hv_fake_known(fake, partition_id)->withheld, HV_FAKE_GFNS);
}
