// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake hypervisor's VPs: their life, how they are found, and their registers.
 */

#include <linux/cleanup.h>
#include <linux/list.h>
#include <kunit/test.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

static struct hv_fake_vp *hv_fake_vp_of(const struct hv_fake_partition *partition,
					u32 index)
{
	return index < HV_FAKE_PARTITION_VPS ? partition->vps[index] : NULL;
}

/* A VP that can be worked with, or the status that says why there is none. */
u64 hv_fake_find_vp(struct hv_fake *fake, u64 id, u32 index,
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

u64 hv_fake_create_vp(struct hv_fake *fake,
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

u64 hv_fake_delete_vp(struct hv_fake *fake,
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

/*
 * Registers
 */

u64 hv_fake_get_vp_registers(struct hv_fake *fake,
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

u64 hv_fake_set_vp_registers(struct hv_fake *fake,
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
 * What tests do
 */

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
