// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals of the fake hypervisor's: it tells its parent that VPs have become
 * runnable.
 */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <kunit/test.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

void hv_fake_block(struct hv_fake_vp *vp)
{
	vp->blocked = true;
	vp->signals = 0;
	hv_fake_write_counter_word(vp, 1);
}

void hv_fake_unblock(struct hv_fake_vp *vp)
{
	vp->blocked = false;
	hv_fake_write_counter_word(vp, 0);
}

static void hv_fake_signal_message(struct hv_message *msg,
				   struct hv_fake_vp * const *vps,
				   unsigned int n, bool bitset)
{
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)msg->u.payload;
	struct hv_vp_signal_bitset_scheduler_message *set = (void *)msg->u.payload;
	u64 *banks = set->vp_bitset.bitset_buffer + 2;
	unsigned int i, bank;

	*msg = (struct hv_message) {};
	if (!bitset) {
		msg->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR;
		msg->header.payload_size = sizeof(*pair);
		pair->vp_count = n;
		for (i = 0; i < n; i++) {
			pair->partition_ids[i] = vps[i]->partition->id;
			pair->vp_indexes[i] = vps[i]->index;
		}
		return;
	}

	msg->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_BITSET;
	msg->header.payload_size = sizeof(*set);
	set->partition_id = vps[0]->partition->id;
	set->vp_count = n;
	set->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	/* Banks without a VP are left out: only those that are there count. */
	for (bank = 0; bank < HV_FAKE_PARTITION_VPS / 64; bank++) {
		u64 bits = 0;

		for (i = 0; i < n; i++)
			if (vps[i]->index / 64 == bank)
				bits |= BIT_ULL(vps[i]->index % 64);
		if (!bits)
			continue;
		set->vp_bitset.bitset.valid_bank_mask |= BIT_ULL(bank);
		*banks++ = bits;
	}
}

/* False if no signal may be sent any more. */
static bool hv_fake_count_signal(struct hv_fake_vp *vp, unsigned int how)
{
	if (vp->dispatch_suspend)
		return false;

	vp->signals++;
	vp->signals_sent++;
	if (how & HV_FAKE_KICK_UNCOUNTED)
		vp->signals_uncounted++;
	else
		vp->signal_count++;
	if (!(how & HV_FAKE_KICK_EARLY))
		hv_fake_unblock(vp);
	vp->suspend_reported = false;

	return true;
}

/* A VP whose suspension a dispatch has reported becomes runnable. */
void hv_fake_resume(struct hv_fake *fake, struct hv_fake_vp *vp)
{
	struct hv_message msg;

	if (!vp->suspend_reported || fake->no_signal_on_resume)
		return;
	if (!hv_fake_count_signal(vp, 0))
		return;

	hv_fake_signal_message(&msg, &vp, 1, false);
	hv_fake_post(fake, &msg);
}

/*
 * What tests do
 */

/**
 * hv_fake_signal() - tell the driver of VPs that have become runnable
 * @vps: the VPs, each once; of one partition if by a bitset
 * @n: how many, at most what one message can hold
 * @how: 0, or HV_FAKE_KICK_* flags
 *
 * The VPs are runnable, their counter words zero, their signal counts one more
 * each, and then the message arrives. A VP with DISPATCH_SUSPEND set gets no
 * signal any more.
 *
 * Context: Any with interrupts on. Does not sleep.
 * Return: true if the message was acknowledged, lost or held back; false if it
 * was not acknowledged, or no VP could be signalled.
 */
bool hv_fake_signal(struct hv_fake_vp * const *vps, unsigned int n,
		    unsigned int how)
{
	struct hv_fake *fake = vps[0]->fake;
	struct hv_fake_vp *sent[HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT];
	unsigned int i, nr_sent = 0;
	bool consistent = true;
	struct hv_message msg;

	if (n > ARRAY_SIZE(sent)) {
		KUNIT_FAIL(fake->test, "too many VPs for one message");
		return false;
	}

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		for (i = 0; i < n; i++) {
			if (!hv_fake_count_signal(vps[i], how))
				continue;
			sent[nr_sent++] = vps[i];
			if (vps[i]->signal_count + vps[i]->signals_uncounted !=
			    vps[i]->signals_sent)
				consistent = false;
		}
	}
	KUNIT_EXPECT_TRUE_MSG(fake->test, consistent,
			      "the model has lost count of its signals");
	if (!nr_sent)
		return false;

	hv_fake_signal_message(&msg, sent, nr_sent, how & HV_FAKE_KICK_BITSET);
	if (how & HV_FAKE_KICK_LOST)
		return true;
	if (how & HV_FAKE_KICK_HELD) {
		hv_fake_hold(fake, &msg);
		return true;
	}
	return hv_fake_deliver(fake, &msg);
}

/**
 * hv_fake_vp_kick() - signal one VP, as the hypervisor does
 * @vp: the VP
 *
 * Context: As hv_fake_signal().
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, 0);
}

/**
 * hv_fake_vp_kick_lost() - signal one VP by a message that never arrives
 * @vp: the VP
 *
 * Context: Any.
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick_lost(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, HV_FAKE_KICK_LOST);
}

/**
 * hv_fake_vp_kick_uncounted() - signal one VP, without counting it
 * @vp: the VP
 *
 * Context: As hv_fake_signal().
 * Return: As hv_fake_signal().
 */
bool hv_fake_vp_kick_uncounted(struct hv_fake_vp *vp)
{
	return hv_fake_signal(&vp, 1, HV_FAKE_KICK_UNCOUNTED);
}

/**
 * hv_fake_signal_on_resume() - whether a resumed VP is signalled
 * @fake: the fake
 * @on: true, as it is from the start: clearing EXPLICIT_SUSPEND of a VP whose
 *	dispatch has reported the suspension makes the hypervisor signal it;
 *	false: the test does it
 */
void hv_fake_signal_on_resume(struct hv_fake *fake, bool on)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	fake->no_signal_on_resume = !on;
}

/**
 * hv_fake_vp_signal_count() - HV_REGISTER_VP_ROOT_SIGNAL_COUNT
 * @vp: the VP
 *
 * Return: the register.
 */
u64 hv_fake_vp_signal_count(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->signal_count;
}

/**
 * hv_fake_vp_blocked() - whether a VP waits for something
 * @vp: the VP
 *
 * Return: true if it may not be dispatched before a signal.
 */
bool hv_fake_vp_blocked(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->blocked;
}
