// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of hv_call_map_gpa_pages() and hv_call_unmap_gpa_pages(), by which guests get
 * memory and lose it, on the fake hypervisor.
 */

#include <linux/mm.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

/* How many pages a test maps, small or large, and how many of them before it fails. */
#define UNITS		4
#define DONE		2
#define LARGE_PAGES	512

struct mshv_memory_test {
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	u64 partition;
	struct page **pages;
};

static int mshv_memory_test_init(struct kunit *test)
{
	struct mshv_memory_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_root_ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->partition = mshv_vmm_partition_id(t->vmm);

	/* Which page it is, is all the same to the fake. */
	t->pages = kunit_kcalloc(test, UNITS * LARGE_PAGES, sizeof(*t->pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->pages);
	for (i = 0; i < UNITS * LARGE_PAGES; i++)
		t->pages[i] = ZERO_PAGE(0);
	test->priv = t;
	return 0;
}

static const struct mshv_memory_case {
	const char *name;
	bool large;
	/* It fails when it is asked for the rest, not at once. */
	bool second;
} mshv_memory_cases[] = {
	{ "small", .large = false, .second = false },
	{ "small, second call", .large = false, .second = true },
	{ "large", .large = true, .second = false },
	{ "large, second call", .large = true, .second = true },
};

KUNIT_ARRAY_PARAM_DESC(mshv_memory, mshv_memory_cases, name);

static int map(struct mshv_memory_test *t, const struct mshv_memory_case *c)
{
	u32 flags = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE;

	if (c->large)
		flags |= HV_MAP_GPA_LARGE_PAGE;

	return hv_call_map_gpa_pages(t->partition, 0,
				     UNITS * (c->large ? LARGE_PAGES : 1), flags,
				     t->pages);
}

/* The fake counts as the tests below believe. */
static void mshv_memory_map_unmap(struct kunit *test)
{
	const struct mshv_memory_case *c = test->param_value;
	const unsigned int count = UNITS * (c->large ? LARGE_PAGES : 1);
	struct mshv_memory_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, map(t, c), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_given(t->fake, t->partition), count);
	KUNIT_EXPECT_EQ(test, 0, hv_call_unmap_gpa_pages(t->partition, 0, count,
							 c->large ? HV_UNMAP_GPA_LARGE_PAGE : 0));
	KUNIT_EXPECT_EQ(test, hv_fake_given(t->fake, t->partition), 0);
}

/*
 * Mapping fails after the hypervisor has mapped some, by the call that fails or by one
 * before that asked for memory: nothing stays mapped.
 */
static void mshv_memory_map_fails(struct kunit *test)
{
	const struct mshv_memory_case *c = test->param_value;
	struct mshv_memory_test *t = test->priv;

	if (c->second)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_MAP_GPA_PAGES,
			.nth = 1,
			.reps = DONE,
			.result = HV_STATUS_INSUFFICIENT_MEMORY,
		});
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_MAP_GPA_PAGES,
		.nth = c->second ? 2 : 1,
		.reps = c->second ? 0 : DONE,
		.result = HV_STATUS_INVALID_PARAMETER,
	});

	KUNIT_EXPECT_EQ(test, map(t, c), hv_result_to_errno(HV_STATUS_INVALID_PARAMETER));
	KUNIT_EXPECT_EQ(test, hv_fake_given(t->fake, t->partition), 0);
}

static struct kunit_case mshv_memory_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_memory_map_unmap, mshv_memory_gen_params),
	KUNIT_CASE_PARAM(mshv_memory_map_fails, mshv_memory_gen_params),
	{}
};

static struct kunit_suite mshv_memory_test_suite = {
	.name = "mshv_memory",
	.init = mshv_memory_test_init,
	.test_cases = mshv_memory_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_memory_test_suite);
