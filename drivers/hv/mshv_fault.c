// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest gets when it touches memory of a movable region.
 *
 * The page that it touched is faulted in as if the VMM had touched it, by the same
 * kind of access. The pages around it are taken along where that costs nothing
 * that the VMM could see: those that are in its page tables already, with the
 * rights that they have there. So nothing is copied because a guest has read, a
 * page that cannot be had takes no other with it, and what the VMM or the guest
 * has given back stays given back until it is touched itself.
 *
 * These are two steps, as no lock can be held over both: mshv_fault_in(), which
 * may sleep for as long as somebody behind userfaultfd likes; then, when HMM has
 * told what is in the page tables and with the region's mutex held,
 * mshv_fault_map(). If the page has gone again meanwhile, both are made anew.
 */

#include <linux/align.h>
#include <linux/hmm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <asm/mshyperv.h>

#include "mshv_root.h"

/**
 * mshv_fault_in() - have a page of the VMM's in its page tables
 * @mm: the VMM's memory, which the caller keeps from going away
 * @uaddr: where
 * @how: MSHV_FAULT_*: by which access, and whether any signal may end the wait
 *
 * A fatal signal ends the wait in any case.
 *
 * Context: Process context. Sleeps.
 * Return: 0, and it was there then; -EINTR, or another negative errno if the VMM
 * itself could not touch it so.
 */
int mshv_fault_in(struct mm_struct *mm, unsigned long uaddr, unsigned int how)
{
	/* What HMM takes for absent has to be faulted in. */
	unsigned int flags = FOLL_HONOR_NUMA_FAULT;
	int locked = 1;
	long ret;

	if (how & MSHV_FAULT_WRITE)
		flags |= FOLL_WRITE;
	if (how & MSHV_FAULT_INTERRUPTIBLE)
		flags |= FOLL_INTERRUPTIBLE;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	ret = get_user_pages_remote(mm, uaddr, 1, flags, NULL, &locked);
	if (locked)
		mmap_read_unlock(mm);

	return min(ret, 0);
}

/**
 * struct mshv_fault_window - a page that a guest has touched, and what is around
 * @region: the region, its mutex held
 * @pfns: the page tables' entries, as HMM tells them
 * @offset: where in the region the window begins, in pages
 * @count: how many pages it has
 * @wanted: which of them the guest has touched
 * @write: it was to write there
 * @large: all of them are one large page, with the same rights
 */
struct mshv_fault_window {
	struct mshv_mem_region *region;
	const unsigned long *pfns;
	u64 offset;
	u64 count;
	u64 wanted;
	bool write;
	bool large;
};

static bool mshv_fault_is_large(const struct mshv_fault_window *window)
{
	const unsigned long *pfns = window->pfns;
	u64 i;

	if (window->count != PTRS_PER_PMD ||
	    !IS_ALIGNED(window->region->start_gfn + window->offset, PTRS_PER_PMD) ||
	    !(pfns[0] & HMM_PFN_VALID) ||
	    !IS_ALIGNED(hmm_pfn_to_phys(pfns[0]), PMD_SIZE))
		return false;

	/* The flags stand above the number, and are to be the same. */
	for (i = 1; i < window->count; i++)
		if (pfns[i] != pfns[0] + i)
			return false;

	return folio_order(page_folio(hmm_pfn_to_page(pfns[0]))) >= PMD_ORDER;
}

/* Memory that may be thrown away for as long as nobody writes to it: MADV_FREE. */
static bool mshv_fault_is_lazyfree(unsigned long pfn)
{
	const struct folio *folio = page_folio(hmm_pfn_to_page(pfn));

	return folio_test_anon(folio) && !folio_test_swapbacked(folio);
}

/* How page @i of a window is to be mapped: flags of the hypercall; 0: not at all. */
static u32 mshv_fault_flags(const struct mshv_fault_window *window, u64 i)
{
	const struct mshv_mem_region *region = window->region;
	const unsigned long pfn = window->pfns[i];
	const bool asked_for = window->large || i == window->wanted;

	if (!(pfn & HMM_PFN_VALID))
		return 0;
	/*
	 * To map again what the guest has might cost the hypervisor what it knows
	 * of accesses there.
	 */
	if (!asked_for && region->mreg_pages[window->offset + i])
		return 0;
	if (!(pfn & HMM_PFN_WRITE))
		return region->hv_map_flags & ~HV_MAP_GPA_WRITABLE;
	/* To make it writable is to mark it dirty, and to keep it. */
	if (!(asked_for && window->write) && mshv_fault_is_lazyfree(pfn))
		return region->hv_map_flags & ~HV_MAP_GPA_WRITABLE;

	return region->hv_map_flags;
}

/* Map pages @begin to @end of a window, all in the same way. */
static int mshv_fault_map_run(const struct mshv_fault_window *window, u64 begin,
			      u64 end, u32 flags)
{
	struct page **pages = &window->region->mreg_pages[window->offset];
	int ret;
	u64 i;

	for (i = begin; i < end; i++) {
		struct folio *folio;

		pages[i] = hmm_pfn_to_page(window->pfns[i]);
		folio = page_folio(pages[i]);
		/*
		 * Nobody else learns of what the guest writes. To take the page
		 * away, or to write it back, is to invalidate the region first.
		 */
		if (flags & HV_MAP_GPA_WRITABLE && !folio_test_dirty(folio))
			folio_mark_dirty(folio);
	}

	ret = mshv_region_remap_pages(window->region, flags,
				      window->offset + begin, end - begin);
	/*
	 * What was mapped of them was unmapped again. To the hypervisor that is no
	 * memory at all, and the VMM's concern: have the guest fault on it once more.
	 */
	if (ret && !mshv_region_remap_pages(window->region, HV_MAP_GPA_NO_ACCESS,
					    window->offset + begin, end - begin))
		memset(pages + begin, 0, (end - begin) * sizeof(*pages));

	return ret;
}

/*
 * Map pages @begin to @end of a window. Only the page that was touched has to be had:
 * it is mapped alone if it cannot be together with others, and others that cannot be
 * mapped are left for when they are touched themselves.
 */
static int mshv_fault_try_run(const struct mshv_fault_window *window, u64 begin,
			      u64 end, u32 flags)
{
	const u64 wanted = window->wanted;
	int ret = mshv_fault_map_run(window, begin, end, flags);

	if (wanted < begin || wanted >= end)
		return 0;
	if (!ret || end - begin == 1)
		return ret;

	return mshv_fault_map_run(window, wanted, wanted + 1, flags);
}

/**
 * mshv_fault_map() - map a page that was faulted in, and what is around it
 * @region: the region, its mutex held
 * @pfns: the page tables' entries of a window of the region, as HMM tells them;
 *	they must hold still, as they do while the mutex is held and
 *	mmu_interval_read_retry() has said so
 * @offset: where in the region the window begins, in pages
 * @count: how many pages it has
 * @wanted: which of them the guest has touched
 * @how: MSHV_FAULT_*: how
 *
 * A large page is mapped as one, all of it, also where the guest has it already
 * and may not write to it. Of other pages those that the guest has are left alone.
 * Pages around the one that was touched that the hypervisor does not take fail nothing.
 *
 * Context: Process context. Sleeps.
 * Return: 0; -EAGAIN if the page is not there, or not for such an access: it was
 * when it was faulted in; or another negative errno.
 */
int mshv_fault_map(struct mshv_mem_region *region, const unsigned long *pfns,
		   u64 offset, u64 count, u64 wanted, unsigned int how)
{
	struct mshv_fault_window window = {
		.region = region,
		.pfns = pfns,
		.offset = offset,
		.count = count,
		.wanted = wanted,
		.write = how & MSHV_FAULT_WRITE,
	};
	u64 begin, end;
	u32 flags;
	int ret;

	/* No fault makes it one that can be mapped. */
	if (pfns[wanted] & HMM_PFN_ERROR)
		return -EFAULT;
	if (!(pfns[wanted] & HMM_PFN_VALID) ||
	    (window.write && !(pfns[wanted] & HMM_PFN_WRITE)))
		return -EAGAIN;

	window.large = mshv_fault_is_large(&window);

	for (begin = 0; begin < count; begin = end) {
		flags = mshv_fault_flags(&window, begin);
		end = begin + 1;
		while (end < count && mshv_fault_flags(&window, end) == flags)
			end++;
		if (!flags)
			continue;

		ret = mshv_fault_try_run(&window, begin, end, flags);
		if (ret)
			return ret;
	}

	return 0;
}
