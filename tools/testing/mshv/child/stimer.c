// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthetic timers of a child's VP: TLFS, "Timers", "Synthetic Timers".
 *
 * They go by the child's reference time: while that stands still, they do. Whoever
 * changes it has the clock's thread look again, child_clock_wake_within().
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/log.h"
#include "apic.h"
#include "clock.h"
#include "reftime.h"
#include "stimer.h"
#include "synic.h"
#include "vp.h"

/*
 * TLFS: what was missed is caught up with by shorter periods, unless it is "a
 * significant number". No public source says how many, or how much shorter.
 */
#define CATCH_UP_PERIODS	8
#define CATCH_UP_DIVISOR	2

/* TLFS: a lazy timer is not signalled "shortly before the next timer is due". */
#define LAZY_DIVISOR		8

int child_stimer_init(struct child_vp *vp)
{
	vp->stimers = calloc(HV_SYNIC_STIMER_COUNT, sizeof(*vp->stimers));
	return vp->stimers ? 0 : -ENOMEM;
}

void child_stimer_exit(struct child_vp *vp)
{
	free(vp->stimers);
	vp->stimers = NULL;
}

/* Which timer has an MSR; NULL: none. The odd ones are counts. */
static struct child_stimer *timer_of(const struct child_vp *vp, u32 msr)
{
	if (msr < HV_X64_MSR_STIMER0_CONFIG || msr > HV_X64_MSR_STIMER3_COUNT)
		return NULL;
	return &vp->stimers[(msr - HV_X64_MSR_STIMER0_CONFIG) / 2];
}

static bool is_count(u32 msr)
{
	return (msr - HV_X64_MSR_STIMER0_CONFIG) % 2;
}

bool child_stimer_get(const struct child_vp *vp, u32 msr, u64 *value)
{
	const struct child_stimer *timer = timer_of(vp, msr);

	if (timer)
		*value = is_count(msr) ? timer->count : timer->config.as_uint64;
	return timer;
}

static u64 after(u64 time, u64 units)
{
	return time + units < time ? ~0ULL : time + units;
}

static bool send_message(struct child_vp *vp, struct child_stimer *timer, u64 now)
{
	struct hv_message message = {
		.header.message_type = HVMSG_TIMER_EXPIRED,
		.header.payload_size = sizeof(struct hv_timer_message_payload),
	};
	struct hv_timer_message_payload *payload = (void *)message.u.payload;

	payload->timer_index = timer - vp->stimers;
	payload->expiration_time = timer->expired_at;
	payload->delivery_time = now;
	return child_synic_post(vp, timer->config.sintx, &message) == HV_STATUS_SUCCESS;
}

/* One that has expired tells its guest. */
static void notify(struct child_vp *vp, struct child_stimer *timer, u64 now)
{
	const union hv_stimer_config config = timer->config;

	if (config.direct_mode) {
		apic_request(&vp->apic, config.apic_vector, false);
	} else {
		/* There is room for one message of each: it tells of the first. */
		if (!timer->undelivered)
			timer->expired_at = timer->late;
		timer->undelivered = !send_message(vp, timer, now);
	}
	log_event(LOG_NO_VP, "child-timer",
		  "child=0x%llx index=%u timer=%u mode=%s target=%u late=%llu delivered=%s",
		  (unsigned long long)vp->child->id, vp->index, (u32)(timer - vp->stimers),
		  config.direct_mode ? "direct" : "message",
		  (u32)(config.direct_mode ? config.apic_vector : config.sintx),
		  (unsigned long long)(now - timer->late), timer->undelivered ? "no" : "yes");
}

/* When a periodic timer that expires now is due again. */
static void start_next_period(struct child_stimer *timer, u64 now)
{
	u64 period = timer->count, missed = (now - timer->late) / period;

	if (timer->config.lazy || missed > CATCH_UP_PERIODS)
		timer->late += missed * period;
	timer->late = after(timer->late, period);
	timer->due = timer->late;
	if (timer->due <= now)
		timer->due = after(now, period / CATCH_UP_DIVISOR ?: 1);
}

static void expire(struct child_vp *vp, struct child_stimer *timer, u64 now)
{
	u64 period = timer->count, late = now - timer->late;

	if (!timer->config.periodic) {
		/* TLFS: it is "automatically marked as disabled". */
		timer->config.enable = 0;
		timer->due = 0;
		notify(vp, timer, now);
		return;
	}
	if (!timer->config.lazy || late < period ||
	    period - late % period > period / LAZY_DIVISOR)
		notify(vp, timer, now);
	start_next_period(timer, now);
}

/* TLFS: a lazy one is deferred until the VP is available. */
static bool is_deferred(const struct child_vp *vp, const struct child_stimer *timer)
{
	return timer->config.lazy && child_vp_is_suspended(vp);
}

u64 child_stimer_tick(struct child_vp *vp)
{
	u64 now = child_time(vp->child), next = ~0ULL;
	struct child_stimer *timer;

	for (timer = vp->stimers; timer < vp->stimers + HV_SYNIC_STIMER_COUNT; timer++) {
		if (!timer->due || is_deferred(vp, timer))
			continue;
		if (timer->due <= now)
			expire(vp, timer, now);
		if (timer->due && timer->due - now < next)
			next = timer->due - now;
	}
	return vp->child->time_frozen ? ~0ULL : next;
}

void child_stimer_retry(struct child_vp *vp)
{
	u64 now = child_time(vp->child);
	struct child_stimer *timer;

	for (timer = vp->stimers; timer < vp->stimers + HV_SYNIC_STIMER_COUNT; timer++)
		if (timer->undelivered)
			timer->undelivered = !send_message(vp, timer, now);
}

void child_stimer_look(struct child_vp *vp)
{
	u64 next = child_stimer_tick(vp);

	if (next != ~0ULL)
		child_clock_wake_within(next);
}

/* Begin anew with what its registers say. */
static void start(struct child_vp *vp, struct child_stimer *timer)
{
	u64 now = child_time(vp->child);

	/* TLFS: a timer that sends messages cannot be enabled with SINT0. */
	if (!timer->config.direct_mode && !timer->config.sintx)
		timer->config.enable = 0;
	timer->due = 0;
	if (!timer->config.enable || !timer->count)
		return;
	timer->due = timer->config.periodic ? after(now, timer->count) : timer->count;
	timer->late = timer->due;
	child_stimer_look(vp);
}

bool child_stimer_write(struct child_vp *vp, u32 msr, u64 value)
{
	const union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = vp->child->synthetic_features,
	};
	const union hv_stimer_config config = { .as_uint64 = value };
	struct child_stimer *timer = timer_of(vp, msr);

	if (!timer)
		return false;
	if (is_count(msr)) {
		timer->count = value;
		/* TLFS: a count of 0 stops it, whether or not it enables itself. */
		if (!value)
			timer->config.enable = 0;
		else if (timer->config.auto_enable)
			timer->config.enable = 1;
	} else {
		if (config.direct_mode && !features.direct_synthetic_timers)
			return false;
		timer->config = config;
	}
	timer->undelivered = false;
	start(vp, timer);
	return true;
}

bool child_stimer_set(struct child_vp *vp, u32 msr, u64 value)
{
	struct child_stimer *timer = timer_of(vp, msr);
	u64 before = 0;

	if (!timer)
		return false;
	child_stimer_get(vp, msr, &before);
	/* Whoever restores registers after the state must not begin it anew. */
	if (value == before)
		return true;
	if (is_count(msr))
		timer->count = value;
	else
		timer->config.as_uint64 = value;
	timer->undelivered = false;
	start(vp, timer);
	return true;
}

/*
 * What "adjustment" means no public source says. Here it is when a periodic timer is
 * to expire next, without which that could not be restored.
 */
void child_stimer_save(const struct child_vp *vp, struct hv_synthetic_timers_state *state)
{
	u32 i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < HV_SYNIC_STIMER_COUNT; i++) {
		const struct child_stimer *timer = &vp->stimers[i];
		struct hv_stimer_state *saved = &state->timers[i];

		saved->flags.undelivered_msg_pending = timer->undelivered;
		saved->config = timer->config.as_uint64;
		saved->count = timer->count;
		saved->adjustment = timer->config.periodic && timer->due ? timer->late : 0;
		saved->undelivered_exp_time = timer->expired_at;
	}
}

void child_stimer_restore(struct child_vp *vp,
			  const struct hv_synthetic_timers_state *state)
{
	u32 i;

	for (i = 0; i < HV_SYNIC_STIMER_COUNT; i++) {
		const struct hv_stimer_state *saved = &state->timers[i];
		struct child_stimer *timer = &vp->stimers[i];

		*timer = (struct child_stimer) {
			.config.as_uint64 = saved->config,
			.count = saved->count,
			.undelivered = saved->flags.undelivered_msg_pending,
			.expired_at = saved->undelivered_exp_time,
		};
		if (!timer->config.enable || !timer->count)
			continue;
		if (!timer->config.periodic)
			timer->due = timer->count;
		else
			timer->due = saved->adjustment ?:
				     after(child_time(vp->child), timer->count);
		timer->late = timer->due;
	}
	child_stimer_retry(vp);
	child_clock_wake_within(0);
}
