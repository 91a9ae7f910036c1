// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts for the fake hypervisor's partitions, and the APIC ids of their VPs.
 */

#include <linux/cleanup.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

u64 hv_fake_assert_virtual_interrupt(struct hv_fake *fake,
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

u64 hv_fake_clear_virtual_interrupt(struct hv_fake *fake,
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

u64 hv_fake_get_vp_from_apic_id(struct hv_fake *fake,
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
 * What tests do
 */

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
 * hv_fake_vp_set_apic_id() - give a VP an APIC id other than its index
 * @vp: the VP
 * @apic_id: the id that HVCALL_GET_VP_INDEX_FROM_APIC_ID finds it by
 */
void hv_fake_vp_set_apic_id(struct hv_fake_vp *vp, u32 apic_id)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->apic_id = apic_id;
}
