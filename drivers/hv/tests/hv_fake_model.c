// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fake hypervisor's partitions and VPs are made of, from its beginning
 * to its end.
 *
 * Nothing is allocated while a hypercall is carried out: it holds a raw
 * spinlock. What the model is made of comes from lists that are filled before.
 */

#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/math.h>
#include <linux/mm_types.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <kunit/test.h>

#include "hv_fake_internal.h"

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
