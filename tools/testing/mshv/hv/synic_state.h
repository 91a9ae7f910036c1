/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VP's synthetic interrupt controller has: registers, and messages that wait.
 */
#ifndef _HVEMU_SYNIC_STATE_H
#define _HVEMU_SYNIC_STATE_H

#include <hyperv/hvhdk.h>

#define SYNIC_QUEUE_MAX	64

/* Messages that wait for their slot, oldest first. */
struct synic_queue {
	unsigned int count;
	struct hv_message messages[SYNIC_QUEUE_MAX];
};

struct synic {
	union hv_synic_scontrol scontrol;
	union hv_synic_siefp siefp;
	union hv_synic_simp simp;
	union hv_synic_sirbp sirbp;
	union hv_synic_sint sint[HV_SYNIC_SINT_COUNT];
	struct synic_queue queue[HV_SYNIC_SINT_COUNT];
	u8 ring_head[HV_SYNIC_SINT_COUNT];
	u64 provided_simp;	/* GPFNs that the guest must keep; 0: none */
	u64 provided_siefp;

	/* What a test has arranged, see test_port.h. */
	struct synic_queue at_mask;	/* comes just before SINT0 is masked */
	u8 late_vector;		/* is raised just after SCONTROL is disabled; 0: none */
};

/* As of a new VP. Pages are the hypervisor's to provide. */
void synic_init(struct synic *synic);

/* As after a reset of the VP: the pages that were provided stay. */
void synic_reset(struct synic *synic);

/* How many messages wait, in all queues. */
unsigned int synic_waiting(const struct synic *synic);

/**
 * synic_busy() - what of a SynIC is enabled
 * @synic: which
 *
 * Return: the first such thing in words, or NULL: it is as after a reset.
 */
const char *synic_busy(const struct synic *synic);

#endif /* _HVEMU_SYNIC_STATE_H */
