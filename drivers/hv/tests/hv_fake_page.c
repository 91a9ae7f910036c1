// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that the fake hypervisor has from its caller: deposited memory, and
 * overlay pages of VPs and partitions.
 *
 * Each is a whole page of the page allocator's, whose ->private and ->lru no
 * one else uses; ->private says what the page is here for.
 */

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

/* What ->private says; only the addresses count. */
const char hv_fake_deposit_tag;
static const char hv_fake_overlay_tag;

static bool hv_fake_page_has(const struct page *page, const char *tag)
{
	return page_private(page) == (unsigned long)tag;
}

struct page *hv_fake_page_take(struct hv_fake *fake, u64 pfn,
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

void hv_fake_page_give_back(struct page *page)
{
	set_page_private(page, 0);
}

/* Map an overlay page: the object's content is in the caller's page now. */
u64 hv_fake_map(struct hv_fake *fake, struct page **slot, u64 pfn)
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

u64 hv_fake_unmap(struct hv_fake *fake, struct page **slot)
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

unsigned int hv_fake_vp_mapped(const struct hv_fake_vp *vp)
{
	return hv_fake_count_pages(vp->state_pages, ARRAY_SIZE(vp->state_pages)) +
		hv_fake_count_pages(vp->stats_pages, ARRAY_SIZE(vp->stats_pages));
}

unsigned int
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

void hv_fake_vp_forget(struct hv_fake *fake, struct hv_fake_vp *vp)
{
	hv_fake_forget_pages(fake, vp->state_pages, ARRAY_SIZE(vp->state_pages));
	hv_fake_forget_pages(fake, vp->stats_pages, ARRAY_SIZE(vp->stats_pages));
}

/* What is left when a partition goes away becomes ordinary memory again. */
void hv_fake_partition_forget(struct hv_fake *fake,
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
