// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake hypervisor's child partitions: their life, and how they are found.
 *
 * A deleted partition and its VPs stay until the test ends, so that a test can
 * see what became of them.
 */

#include <linux/cleanup.h>
#include <linux/list.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

/* No number that a driver could take for an index, and more than 32 bits. */
#define HV_FAKE_FIRST_PARTITION_ID	0x100000101ULL

struct hv_fake_partition *hv_fake_find(struct hv_fake *fake, u64 id)
{
	struct hv_fake_partition *partition;

	list_for_each_entry(partition, &fake->partitions, node)
		if (partition->id == id && partition->state != HV_FAKE_DELETED)
			return partition;

	return NULL;
}

/* One that a test knows of, deleted or not. */
struct hv_fake_partition *hv_fake_known(struct hv_fake *fake, u64 id)
{
	struct hv_fake_partition *partition;

	list_for_each_entry(partition, &fake->partitions, node)
		if (partition->id == id)
			return partition;

	return &fake->self;
}

u64 hv_fake_create_partition(struct hv_fake *fake,
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

u64 hv_fake_initialize_partition(struct hv_fake *fake,
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

u64 hv_fake_finalize_partition(struct hv_fake *fake,
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

u64 hv_fake_delete_partition(struct hv_fake *fake,
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
 * What tests do
 */

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
