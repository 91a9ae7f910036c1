// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the fake hypervisor's VPs and partitions, in the caller's memory:
 * overlay pages. Where the caller provides no page, the hypervisor would have
 * to; this one does not.
 */

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/mm.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

/* The word of a statistics page that says "wait for the signal". */
#ifdef CONFIG_X86_64
#define HV_FAKE_COUNTER_WORD	202
#else
#define HV_FAKE_COUNTER_WORD	95
#endif

u64 hv_fake_map_vp_state_page(struct hv_fake *fake,
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

u64 hv_fake_unmap_vp_state_page(struct hv_fake *fake,
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

u64 hv_fake_map_stats_page2(struct hv_fake *fake,
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

u64 hv_fake_unmap_stats_page(struct hv_fake *fake,
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

u64 hv_fake_counter_word(const struct hv_fake_vp *vp)
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

void hv_fake_write_counter_word(struct hv_fake_vp *vp, u64 value)
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

/*
 * What tests do
 */

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
 * hv_fake_vp_set_counter_word() - write the word that says "thread blocked"
 * @vp: the VP
 * @value: the value for both of its statistics pages, where they are mapped
 */
void hv_fake_vp_set_counter_word(struct hv_fake_vp *vp, u64 value)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	hv_fake_write_counter_word(vp, value);
}
