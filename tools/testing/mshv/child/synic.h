/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SynIC of a child's VP: its registers, the page of its messages, the page of
 * its event flags. Who sends what is none of its business: timers are in stimer.h,
 * and the parent's hypercalls in direct.c.
 */
#ifndef _HVEMU_CHILD_SYNIC_H
#define _HVEMU_CHILD_SYNIC_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child_vp;

/**
 * struct child_synic - a VP's SynIC
 * @scontrol: the MSR of that name, as are the following
 * @sversion: MSR
 * @siefp: MSR
 * @simp: MSR
 * @sirbp: MSR; nothing is ever put there
 * @sint: MSRs
 * @messages: what SIMP has laid over the guest's memory; NULL: nothing
 * @events: likewise SIEFP
 * @kept_messages: what is in the page of messages while it is nowhere
 * @kept_events: likewise of event flags
 * @notify: SINTs whose slots the parent waits for,
 *	HV_REGISTER_DELIVERABILITY_NOTIFICATIONS
 */
struct child_synic {
	u64 scontrol;
	u64 sversion;
	u64 siefp;
	u64 simp;
	u64 sirbp;
	u64 sint[HV_SYNIC_SINT_COUNT];
	void *messages;
	void *events;
	u8 kept_messages[HV_HYP_PAGE_SIZE];
	u8 kept_events[HV_HYP_PAGE_SIZE];
	u16 notify;
};

/* A VP gets one, as after reset, or loses it. Return: 0 or a negative errno. */
int child_synic_init(struct child_vp *vp);
void child_synic_exit(struct child_vp *vp);

/* Registers by their MSRs. Return: whether the SynIC has such one. */
bool child_synic_get(const struct child_vp *vp, u32 msr, u64 *value);

/**
 * child_synic_set() - write a register
 * @vp: whose
 * @msr: which; see child_synic_get()
 * @value: what
 *
 * Messages that wait are the caller's to send again, as the way may be free now.
 *
 * Return: false if it does not take the value.
 */
bool child_synic_set(struct child_vp *vp, u32 msr, u64 value);

/* Whether the guest may write that: what a parent may restore is more. */
bool child_synic_takes(u32 msr, u64 value);

/**
 * child_synic_post() - send a message
 * @vp: who gets it
 * @sint: in which slot
 * @message: is copied
 *
 * Return: HV_STATUS_SUCCESS; HV_STATUS_INVALID_SYNIC_STATE if there is no slot;
 * HV_STATUS_OBJECT_IN_USE if it is taken: the guest is asked to write EOM then.
 */
u16 child_synic_post(struct child_vp *vp, u32 sint, const struct hv_message *message);

/**
 * child_synic_signal() - set an event flag
 * @vp: whose
 * @sint: in which area
 * @flag: which, less than HV_EVENT_FLAGS_COUNT
 * @newly: set to whether it was clear
 *
 * Return: HV_STATUS_SUCCESS, or HV_STATUS_INVALID_SYNIC_STATE: there are none, or
 * the SINT is masked.
 */
u16 child_synic_signal(struct child_vp *vp, u32 sint, u16 flag, bool *newly);

/* Whether an interrupt of this vector needs no EOI: a SINT of its has auto EOI. */
bool child_synic_ends(const struct child_vp *vp, u8 vector);

/* The parent waits for these SINTs: the guest is asked for EOM where one is taken. */
void child_synic_notify(struct child_vp *vp, u16 sints);

/* Those of them that would take a message now. */
u16 child_synic_deliverable(const struct child_vp *vp);

/* The pages as a whole, wherever they are: HV_HYP_PAGE_SIZE bytes. */
void *child_synic_messages(struct child_vp *vp);
void *child_synic_events(struct child_vp *vp);

#endif /* _HVEMU_CHILD_SYNIC_H */
