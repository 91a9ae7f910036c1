// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_fault_map(), which gives a guest the page that it has touched and what
 * is there around it, on the fake hypervisor.
 */

#include <linux/fs.h>
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/vmalloc.h>
#include <kunit/test.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

/* A window of a movable region: the page that was touched, and one on each side. */
#define WINDOW		3
#define WANTED		1

struct mshv_fault_test {
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
};

static int mshv_fault_test_init(struct kunit *test)
{
	struct mshv_fault_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_root_ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	test->priv = t;
	return 0;
}

/* Which mapping of a window fails, and what the guest has then. */
static const struct mshv_fault_case {
	const char *name;
	/* Pages that the VMM may write to: each has rights of its own, or all the same. */
	bool writable[WINDOW];
	/*
	 * How many calls fail, from which on: every other one, as after each the
	 * driver takes away what it may have mapped.
	 */
	unsigned int nth;
	unsigned int times;
	/* How many pages such a call maps before it fails. */
	u16 reps;
	bool fails;
	unsigned int given;
} mshv_fault_cases[] = {
	{ "none fails", { 0, 1, 0 }, .times = 0, .given = 3 },
	{ "the page before", { 0, 1, 0 }, .nth = 1, .times = 1, .given = 2 },
	{ "the page after", { 0, 1, 0 }, .nth = 3, .times = 1, .given = 2 },
	{ "the page itself", { 0, 1, 0 }, .nth = 2, .times = 1, .fails = true, .given = 1 },
	{ "all at once, then alone", { 1, 1, 1 }, .nth = 1, .times = 1, .given = 1 },
	{ "all at once, alone, too", { 1, 1, 1 }, .nth = 1, .times = 2, .fails = true },
	{ "half way, then alone", { 1, 1, 1 }, .nth = 1, .times = 1, .reps = 2, .given = 1 },
	{ "half way, alone, too", { 1, 1, 1 }, .nth = 1, .times = 2, .reps = 2, .fails = true },
};

KUNIT_ARRAY_PARAM_DESC(mshv_fault, mshv_fault_cases, name);

/* What is around the page that a guest has touched fails nothing. */
static void mshv_fault_window(struct kunit *test)
{
	const struct mshv_fault_case *c = test->param_value;
	struct mshv_fault_test *t = test->priv;
	unsigned long pfns[WINDOW];
	struct mshv_mem_region *region;
	unsigned int i, pages_held = 0;
	void *pages;
	int ret;

	pages = alloc_pages_exact(WINDOW * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	region = mshv_region_create(0, WINDOW, 0, BIT(MSHV_SET_MEM_BIT_WRITABLE));
	KUNIT_ASSERT_FALSE(test, IS_ERR(region));
	region->partition = mshv_vmm_file(t->vmm)->private_data;
	for (i = 0; i < WINDOW; i++)
		pfns[i] = page_to_pfn(virt_to_page(pages + i * PAGE_SIZE)) |
			  HMM_PFN_VALID | (c->writable[i] ? HMM_PFN_WRITE : 0);

	KUNIT_ASSERT_EQ(test, hv_call_map_gpa_pages(region->partition->pt_id, 0, WINDOW,
						    HV_MAP_GPA_NO_ACCESS, NULL), 0);

	for (i = 0; i < c->times; i++)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_MAP_GPA_PAGES,
			.nth = c->nth + 2 * i,
			.reps = c->reps,
			.result = HV_STATUS_ACCESS_DENIED,
		});

	mutex_lock(&region->mreg_mutex);
	ret = mshv_fault_map(region, pfns, 0, WINDOW, WANTED, MSHV_FAULT_WRITE);
	mutex_unlock(&region->mreg_mutex);

	KUNIT_EXPECT_EQ(test, ret,
			c->fails ? hv_result_to_errno(HV_STATUS_ACCESS_DENIED) : 0);
	KUNIT_EXPECT_EQ(test, hv_fake_given(t->fake, mshv_vmm_partition_id(t->vmm)), c->given);
	/* No page is out of the driver's reach, and its books are right. */
	KUNIT_EXPECT_EQ(test, hv_fake_withheld(t->fake, mshv_vmm_partition_id(t->vmm)),
			WINDOW - c->given);
	for (i = 0; i < WINDOW; i++)
		pages_held += !!region->mreg_pages[i];
	KUNIT_EXPECT_EQ(test, pages_held, c->given);

	hv_call_unmap_gpa_pages(mshv_vmm_partition_id(t->vmm), 0, WINDOW, 0);
	vfree(region);
	free_pages_exact(pages, WINDOW * PAGE_SIZE);
}

static struct kunit_case mshv_fault_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_fault_window, mshv_fault_gen_params),
	{}
};

static struct kunit_suite mshv_fault_test_suite = {
	.name = "mshv_fault",
	.init = mshv_fault_test_init,
	.test_cases = mshv_fault_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_fault_test_suite);
