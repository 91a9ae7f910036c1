/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The synthetic timers of a child's VP.
 */
#ifndef _HVEMU_CHILD_STIMER_H
#define _HVEMU_CHILD_STIMER_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child_vp;

/**
 * struct child_stimer - a synthetic timer
 * @config: its configuration register
 * @count: its count register: when it expires, or its period
 * @due: when it expires next, of the child's reference time; 0: it does not run
 * @late: when it was to expire: a periodic timer that was held up expires more often
 *	than its period says until it has caught up
 * @undelivered: it has expired, and its message is still to be sent
 * @expired_at: when that was
 */
struct child_stimer {
	union hv_stimer_config config;
	u64 count;
	u64 due;
	u64 late;
	bool undelivered;
	u64 expired_at;
};

/* A VP gets its timers, or loses them. Return: 0 or a negative errno. */
int child_stimer_init(struct child_vp *vp);
void child_stimer_exit(struct child_vp *vp);

/* Registers by their MSRs. Return: whether there is a timer that has such one. */
bool child_stimer_get(const struct child_vp *vp, u32 msr, u64 *value);

/* The guest writes one: the rules of the TLFS. Return: false: #GP is due. */
bool child_stimer_write(struct child_vp *vp, u32 msr, u64 value);

/* Likewise the parent: as it is. What it has already goes on undisturbed. */
bool child_stimer_set(struct child_vp *vp, u32 msr, u64 value);

/**
 * child_stimer_tick() - have all timers of a VP expire that are due
 * @vp: whose
 *
 * Return: after how many units of 100 ns the next one is due; ~0: none is.
 */
u64 child_stimer_tick(struct child_vp *vp);

/*
 * Likewise, for whoever is not the clock's thread: that learns when to look next. It
 * does not know of timers that were put off.
 */
void child_stimer_look(struct child_vp *vp);

/* Messages may have room now: those that were not sent go. */
void child_stimer_retry(struct child_vp *vp);

/* HV_GET_SET_VP_STATE_SYNTHETIC_TIMERS. */
void child_stimer_save(const struct child_vp *vp, struct hv_synthetic_timers_state *state);
void child_stimer_restore(struct child_vp *vp,
			  const struct hv_synthetic_timers_state *state);

#endif /* _HVEMU_CHILD_STIMER_H */
