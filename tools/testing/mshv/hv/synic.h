/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP's synthetic interrupt controller: what its guest reads and writes, message slots,
 * event ring.
 */
#ifndef _HVEMU_SYNIC_H
#define _HVEMU_SYNIC_H

#include <hyperv/hvhdk.h>

struct vp;

/**
 * synic_read() - a guest reads a SynIC MSR
 * @vp: whose
 * @msr: HV_X64_MSR_*
 * @value: where to put it
 *
 * Return: whether the MSR is one of a SynIC.
 */
bool synic_read(struct vp *vp, u32 msr, u64 *value);

/**
 * synic_write() - a guest writes a SynIC MSR
 * @vp: whose
 * @msr: HV_X64_MSR_*
 * @value: what it writes
 *
 * A write that a hypervisor would answer with #GP changes nothing and is
 * logged as a violation.
 *
 * Return: whether the MSR is one of a SynIC and took the value.
 */
bool synic_write(struct vp *vp, u32 msr, u64 value);

/**
 * synic_post() - send a message to a VP
 * @vp: who gets it
 * @sint: in which slot
 * @message: is copied
 *
 * It is written to the slot if that is free, else it waits: the slot's
 * msg_pending asks the guest to write EOM.
 *
 * Return: false if SYNIC_QUEUE_MAX messages wait already.
 */
bool synic_post(struct vp *vp, u32 sint, const struct hv_message *message);

/**
 * synic_ring() - put a port's number into a VP's event ring
 * @vp: who gets it
 * @sint: which ring
 * @port: the number, not 0
 *
 * The message that makes the guest look follows where it is due.
 *
 * Return: false if the ring is disabled or full, or as many messages wait as can:
 * nothing is in the ring then. A full one is marked so.
 */
bool synic_ring(struct vp *vp, u32 sint, u32 port);

/* Whether messages for a SINT reach their slot now. */
bool synic_takes(const struct vp *vp, u32 sint);

/**
 * synic_slot_type() - what lies in a slot
 * @vp: whose
 * @sint: which slot
 *
 * Looks whether or not the page is enabled: what the guest has left there stays.
 *
 * Return: the type of the message, HVMSG_NONE if there is none, or no page.
 */
u32 synic_slot_type(struct vp *vp, u32 sint);

/* How many ports of a VP's event ring the guest has not taken. */
unsigned int synic_ringing(struct vp *vp, u32 sint);

/* Forget the messages for SINT0 of a VP: the one in the slot, those that wait. */
void synic_drop(struct vp *vp);

#endif /* _HVEMU_SYNIC_H */
