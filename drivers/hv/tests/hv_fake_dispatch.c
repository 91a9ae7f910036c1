// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatches of the fake hypervisor's VPs: whether one may begin, and what it
 * comes to, by the script that a test has written for the VP.
 */

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <kunit/test.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

#define HV_FAKE_DISPATCH_FLAGS_ALL				\
	(HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND |		\
	 HV_DISPATCH_VP_FLAG_ENABLE_CALLER_INTERRUPTS |		\
	 HV_DISPATCH_VP_FLAG_SET_CALLER_SPEC_CTRL |		\
	 HV_DISPATCH_VP_FLAG_SKIP_VP_SPEC_FLUSH |		\
	 HV_DISPATCH_VP_FLAG_SKIP_CALLER_SPEC_FLUSH |		\
	 HV_DISPATCH_VP_FLAG_SKIP_CALLER_USER_SPEC_FLUSH |	\
	 HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)

#ifdef CONFIG_X86_64
static u64 *hv_fake_vectors(struct hv_fake_vp *vp)
{
	struct page *page = vp->state_pages[HV_VP_STATE_PAGE_REGISTERS];
	struct hv_vp_register_page *regs = page ? page_address(page) : NULL;

	return regs ? &regs->interrupt_vectors.as_uint64 : NULL;
}

static bool hv_fake_vectors_pending(struct hv_fake_vp *vp)
{
	u64 *vectors = hv_fake_vectors(vp);

	return vectors && READ_ONCE(*vectors);
}

/* Take all vectors at once, as others may be added at any time. */
static void hv_fake_inject(struct hv_fake_vp *vp)
{
	union hv_vp_register_page_interrupt_vectors taken;
	u64 *vectors = hv_fake_vectors(vp);
	unsigned int i;

	if (!vectors)
		return;

	taken.as_uint64 = xchg(vectors, 0);
	for (i = 0; i < min(taken.vector_count, HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT); i++)
		vp->injected[taken.vector[i]]++;
}
#else
/* The register page of arm64 has no vectors. */
static bool hv_fake_vectors_pending(struct hv_fake_vp *vp)
{
	return false;
}

static void hv_fake_inject(struct hv_fake_vp *vp)
{
}
#endif

/* What a dispatch comes to, and what is left to do when it is over. */
struct hv_fake_dispatch {
	struct hv_fake_vp *vp;
	u32 flags;
	/* The outcome is the script's. */
	bool scripted;
	/* The VP could not run: it stays as it is. */
	bool still_blocked;
	struct hv_fake_outcome outcome;
};

/* The status, if a dispatch cannot begin. */
static u64 hv_fake_dispatch_refuse(struct hv_fake *fake,
				   const struct hv_input_dispatch_vp *in,
				   const struct hv_fake_request *rq,
				   const struct hv_fake_vp *vp)
{
	if (in->flags & ~HV_FAKE_DISPATCH_FLAGS_ALL)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_FLAGS,
					HV_STATUS_INVALID_PARAMETER);
	if (in->time_slice)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_TIME_SLICE,
					HV_STATUS_INVALID_PARAMETER);
	if (in->spec_ctrl)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_SPEC_CTRL,
					HV_STATUS_INVALID_PARAMETER);

	/* Which a hypervisor cannot see. */
	if (rq->preemptible)
		hv_fake_violated(fake, HV_FAKE_DISPATCH_PREEMPTIBLE, 0);

	if (vp->dispatching)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_TWICE,
					HV_STATUS_INVALID_VP_STATE);
	if (vp->dispatch_suspend)
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_DISABLED,
					HV_STATUS_INVALID_VP_STATE);
	if (vp->intercept_suspend &&
	    !(in->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND))
		return hv_fake_violated(fake, HV_FAKE_DISPATCH_INTERCEPTED,
					HV_STATUS_INVALID_VP_STATE);

	return HV_STATUS_SUCCESS;
}

static void hv_fake_dispatch_outcome(struct hv_fake *fake,
				     struct hv_fake_dispatch *d)
{
	const bool scan = d->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION;
	struct hv_fake_vp *vp = d->vp;
	struct hv_fake_step *step;

	d->outcome = (struct hv_fake_outcome) {
		.state = HV_VP_DISPATCH_STATE_BLOCKED,
	};

	if (vp->explicit_suspend) {
		/* It may be the VMM's doing; but who was told must not ask. */
		if (vp->suspend_reported)
			hv_fake_violated(fake, HV_FAKE_DISPATCH_SUSPENDED, 0);
		d->outcome.event = HV_VP_DISPATCH_EVENT_SUSPEND;
		return;
	}

	if (vp->blocked && !(scan && hv_fake_vectors_pending(vp))) {
		/* A look at a VP that was announced as runnable is allowed. */
		if (vp->signals)
			vp->rechecks++;
		else
			hv_fake_violated(fake, HV_FAKE_DISPATCH_BLOCKED, 0);
		d->still_blocked = true;
		return;
	}
	if (vp->signals && hv_fake_counter_word(vp))
		vp->rechecks++;

	step = list_first_entry_or_null(&vp->script, struct hv_fake_step, node);
	if (step) {
		d->scripted = true;
		d->outcome = step->outcome;
		list_move(&step->node, &fake->free_steps);
	}
}

/* The VP's new state; what a caller wants beyond that comes with the flags. */
static void hv_fake_dispatch_enforce(struct hv_fake_dispatch *d)
{
	const struct hv_fake_outcome *outcome = &d->outcome;
	struct hv_fake_vp *vp = d->vp;

	if (d->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND)
		vp->intercept_suspend = false;
	if (d->still_blocked)
		return;
	if (d->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)
		hv_fake_inject(vp);

	switch (outcome->state) {
	case HV_VP_DISPATCH_STATE_BLOCKED:
		if (outcome->event == HV_VP_DISPATCH_EVENT_SUSPEND) {
			vp->explicit_suspend |= d->scripted;
			vp->suspend_reported = true;
		}
		hv_fake_block(vp);
		break;
	case HV_VP_DISPATCH_STATE_READY:
		hv_fake_unblock(vp);
		if (outcome->event == HV_VP_DISPATCH_EVENT_INTERCEPT)
			hv_fake_fill_intercept(vp, outcome->message_type,
					       outcome->gpa);
		break;
	default:
		/* Whatever a test makes of it. */
		break;
	}
}

u64 hv_fake_dispatch_vp(struct hv_fake *fake,
			const struct hv_fake_request *rq)
{
	const struct hv_input_dispatch_vp *in = rq->input;
	struct hv_output_dispatch_vp *out = rq->output;
	struct hv_fake_dispatch d = { .flags = in->flags };
	u64 status;

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		status = hv_fake_find_vp(fake, in->partition_id, in->vp_index, &d.vp);
		if (status)
			return status;

		d.vp->dispatches++;
		status = hv_fake_dispatch_refuse(fake, in, rq, d.vp);
		if (status)
			return status;

		d.vp->dispatching = true;
		hv_fake_dispatch_outcome(fake, &d);
		d.vp->started = true;
	}

	if (d.outcome.running)
		d.outcome.running(fake, d.outcome.data);

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		if (!d.outcome.status)
			hv_fake_dispatch_enforce(&d);
	}

	if (d.outcome.meanwhile)
		d.outcome.meanwhile(fake, d.outcome.data);

	scoped_guard(raw_spinlock_irqsave, &fake->lock)
		d.vp->dispatching = false;

	if (d.outcome.status)
		return d.outcome.status;

	out->dispatch_state = d.outcome.state;
	out->dispatch_event = d.outcome.event;
	return HV_STATUS_SUCCESS;
}

/*
 * What tests do
 */

/**
 * hv_fake_vp_start() - skip a VP's explicit suspension
 * @vp: the VP; its next dispatch takes the first outcome of its script
 */
void hv_fake_vp_start(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	vp->explicit_suspend = false;
	vp->started = true;
	hv_fake_unblock(vp);
}

/**
 * hv_fake_vp_script() - say what the next dispatches of a VP come to
 * @vp: the VP
 * @outcomes: the outcomes, copied; they follow those that are there already
 * @n: how many
 *
 * After the last one the VP halts: it is blocked, without an event. The script
 * may be extended at any time, by the outcomes' own hooks too.
 *
 * Context: Any.
 */
void hv_fake_vp_script(struct hv_fake_vp *vp,
		       const struct hv_fake_outcome *outcomes, unsigned int n)
{
	struct hv_fake *fake = vp->fake;
	unsigned int i;

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		for (i = 0; i < n; i++) {
			struct hv_fake_step *step =
				list_first_entry_or_null(&fake->free_steps,
							 struct hv_fake_step,
							 node);

			if (!step)
				break;
			step->outcome = outcomes[i];
			list_move_tail(&step->node, &vp->script);
		}
	}

	KUNIT_EXPECT_EQ_MSG(fake->test, i, n, "too many outcomes");
}

/**
 * hv_fake_vp_script_left() - how many outcomes have not been used
 * @vp: the VP
 *
 * Return: the number of outcomes that wait for a dispatch.
 */
unsigned int hv_fake_vp_script_left(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return list_count_nodes(&vp->script);
}

/**
 * hv_fake_vp_dispatches() - how often a VP was dispatched
 * @vp: the VP
 *
 * Return: the number of calls, refused ones included.
 */
unsigned int hv_fake_vp_dispatches(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->dispatches;
}

/**
 * hv_fake_vp_rechecks() - how often a VP was looked at by dispatching it
 * @vp: the VP
 *
 * Return: dispatches after a signal, with the VP still blocked or its counter
 * word not yet zero.
 */
unsigned int hv_fake_vp_rechecks(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->rechecks;
}

/**
 * hv_fake_vp_dispatching() - whether a VP is being dispatched right now
 * @vp: the VP
 *
 * Return: true from the call to its return, hooks included.
 */
bool hv_fake_vp_dispatching(struct hv_fake_vp *vp)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->dispatching;
}

/**
 * hv_fake_vp_injected() - how often a vector was taken from the register page
 * @vp: the VP
 * @vector: the vector
 *
 * Return: the number of times.
 */
unsigned int hv_fake_vp_injected(struct hv_fake_vp *vp, u8 vector)
{
	guard(raw_spinlock_irqsave)(&vp->fake->lock);
	return vp->injected[vector];
}
