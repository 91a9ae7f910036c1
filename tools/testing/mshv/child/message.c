// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the parent is told by messages of its SynIC.
 *
 * Under the core scheduler it learns of an intercept so. Under the integrated scheduler,
 * as under a root's, it learns so that a VP that had nothing to do can run again. That is
 * called a signal here, and a kick in the driver.
 */

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/fault.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "child.h"
#include "message.h"
#include "vp.h"

/* From so many VPs of one child on, a set of bits says it shorter. */
#define BITSET_WORTHWHILE	3

/* The VP of the parent that is told; NULL: none takes messages now. */
static struct vp *listener(struct partition *partition, u32 preferred)
{
	u32 i;

	for (i = 0; i < partition->nr_vps; i++) {
		struct vp *vp = &partition->vps[(preferred + i) % partition->nr_vps];

		if (synic_takes(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX))
			return vp;
	}
	return NULL;
}

bool child_message_post(struct child *child, const struct hv_message *message)
{
	struct partition *partition = child->parent;
	struct vp *vp = listener(partition, partition->last_listener);
	u32 i;

	for (i = 0; vp && i < partition->nr_vps; i++) {
		if (synic_post(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, message))
			return true;
		vp = listener(partition, vp->index + 1);
	}
	return false;
}

bool child_message_intercept(struct child_vp *vp)
{
	struct hv_message message = {
		.header.message_type = HVMSG_OPAQUE_INTERCEPT,
		.header.payload_size = sizeof(struct hv_opaque_intercept_message),
		.header.sender = vp->child->id,
	};
	struct hv_opaque_intercept_message *payload = (void *)message.u.payload;

	payload->vp_index = vp->index;
	return child_message_post(vp->child, &message);
}

/* Take one VP's signal onto a message that is about to go. */
static void count_signal(struct child_vp *vp)
{
	vp->signal_owed = false;
	vp->signals++;
}

static unsigned int owed_by(const struct child *child)
{
	unsigned int owed = 0;
	u32 i;

	for (i = 0; child->nr_vps && i < CHILD_VPS_MAX; i++)
		owed += child->vps[i] && child->vps[i]->signal_owed;
	return owed;
}

static void fill_bitset(struct child *child, struct hv_message *message)
{
	struct hv_vp_signal_bitset_scheduler_message *payload = (void *)message->u.payload;
	struct hv_vpset *set = &payload->vp_bitset.bitset;
	u64 banks[CHILD_VPS_MAX / 64] = { };
	unsigned int bank, used = 0;
	u32 i;

	message->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_BITSET;
	message->header.payload_size = sizeof(*payload);
	payload->partition_id = child->id;
	set->format = HV_GENERIC_SET_SPARSE_4K;
	for (i = 0; i < CHILD_VPS_MAX; i++) {
		if (!child->vps[i] || !child->vps[i]->signal_owed)
			continue;
		banks[i / 64] |= 1ULL << i % 64;
		payload->vp_count++;
		count_signal(child->vps[i]);
	}
	for (bank = 0; bank < ARRAY_SIZE(banks); bank++) {
		if (!banks[bank])
			continue;
		set->valid_bank_mask |= 1ULL << bank;
		set->bank_contents[used++] = banks[bank];
	}
}

/* As many as there is room for, of all children that have few. */
static void fill_pairs(struct partition *partition, struct hv_message *message)
{
	struct hv_vp_signal_pair_scheduler_message *payload = (void *)message->u.payload;
	unsigned int c;
	u32 i;

	message->header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR;
	message->header.payload_size = sizeof(*payload);
	for (c = 0; c < partition->nr_children; c++) {
		struct child *child = partition->children[c];

		for (i = 0; child->nr_vps && i < CHILD_VPS_MAX; i++) {
			if (!child->vps[i] || !child->vps[i]->signal_owed)
				continue;
			if (payload->vp_count == HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT)
				return;
			payload->partition_ids[payload->vp_count] = child->id;
			payload->vp_indexes[payload->vp_count++] = i;
			count_signal(child->vps[i]);
		}
	}
}

/* What an intercept's message could not be sent for, once there is room. */
static void pump_intercepts(struct partition *partition)
{
	unsigned int c;
	u32 i;

	for (c = 0; c < partition->nr_children; c++) {
		struct child *child = partition->children[c];

		for (i = 0; child->nr_vps && i < CHILD_VPS_MAX; i++) {
			struct child_vp *vp = child->vps[i];

			if (vp && vp->message_owed)
				vp->message_owed = !child_message_intercept(vp);
		}
	}
}

/* What no hypervisor says: more than there is room for, in no known form. */
static void malform(struct hv_message *message)
{
	struct hv_vp_signal_bitset_scheduler_message *bitset = (void *)message->u.payload;
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)message->u.payload;

	if (message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_BITSET)
		bitset->vp_bitset.bitset.valid_bank_mask = ~0ULL;
	else
		pair->vp_count = HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT + 1;
}

struct late_signal {
	struct vp *vp;
	struct hv_message message;
	u32 microseconds;
};

static void *late_thread(void *argument)
{
	struct late_signal *late = argument;
	pthread_mutex_t *lock = &late->vp->partition->lock;

	usleep(late->microseconds);
	pthread_mutex_lock(lock);
	synic_post(late->vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, &late->message);
	pthread_mutex_unlock(lock);
	free(late);
	return NULL;
}

static void send_late(struct vp *vp, const struct hv_message *message, u32 microseconds)
{
	struct late_signal *late = malloc(sizeof(*late));
	pthread_t thread;

	if (!late)
		return;
	*late = (struct late_signal) { vp, *message, microseconds };
	if (pthread_create(&thread, NULL, late_thread, late)) {
		free(late);
		return;
	}
	pthread_detach(thread);
}

/* What the last ones could not tell; in a place of its own in each of the two. */
static void tell_overflow(struct hv_message *message, u32 overflow)
{
	struct hv_vp_signal_bitset_scheduler_message *bitset = (void *)message->u.payload;
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)message->u.payload;

	if (message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_BITSET)
		bitset->overflow_count = overflow;
	else
		pair->overflow_count = overflow;
}

static u32 vps_in(const struct hv_message *message)
{
	const struct hv_vp_signal_bitset_scheduler_message *bitset =
		(const void *)message->u.payload;
	const struct hv_vp_signal_pair_scheduler_message *pair =
		(const void *)message->u.payload;

	return message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_BITSET ?
		bitset->vp_count : pair->vp_count;
}

/* Send a scheduler message, unless a fault has it go wrong. */
static void send_signal(struct partition *partition, struct vp *vp,
			struct hv_message *message)
{
	u32 value = 0, vps = vps_in(message);
	enum fault_kind kind = fault_twist(&partition->faults, FAULT_SIGNAL, &value);

	tell_overflow(message, partition->overflow);
	log_event(vp->index, "signal", "type=0x%x vps=%u overflow=%u fault=%u",
		  message->header.message_type, vps, partition->overflow, kind);
	switch (kind) {
	case FAULT_LOSE:
		partition->overflow += vps;
		return;
	case FAULT_LATE:
		send_late(vp, message, value);
		return;
	case FAULT_MALFORMED:
		malform(message);
		partition->overflow += vps;
		synic_post(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, message);
		return;
	case FAULT_TWICE:
		synic_post(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, message);
		break;
	default:
		break;
	}
	partition->overflow = 0;
	synic_post(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, message);
}

/* Fill in a message with what is owed. Return: whether anything is. */
static bool fill_signal(struct partition *partition, struct hv_message *message)
{
	unsigned int c, owed = 0, most = 0;
	struct child *child = NULL;

	for (c = 0; c < partition->nr_children; c++) {
		unsigned int here = owed_by(partition->children[c]);

		owed += here;
		if (here > most) {
			most = here;
			child = partition->children[c];
		}
	}
	if (!owed)
		return false;
	*message = (struct hv_message) { };
	if (most >= BITSET_WORTHWHILE)
		fill_bitset(child, message);
	else
		fill_pairs(partition, message);
	return true;
}

/*
 * Signals that come while one waits for its slot go together with the next: the
 * hypervisor has no queue of them, but a bit for each VP. What one message does
 * not hold goes into others at once, until one of them waits: of a message that
 * has gone straight into its slot the guest need not tell that it has read it.
 */
void child_message_pump(struct partition *partition)
{
	const u32 sint = HV_SYNIC_INTERCEPTION_SINT_INDEX;
	struct hv_message message;
	struct vp *vp;

	if (!partition->nr_children)
		return;
	pump_intercepts(partition);
	vp = listener(partition, partition->last_listener);
	while (vp && !vp->synic.queue[sint].count && fill_signal(partition, &message))
		send_signal(partition, vp, &message);
}

static u32 overflow_in(const struct hv_message *message)
{
	const struct hv_vp_signal_bitset_scheduler_message *bitset =
		(const void *)message->u.payload;
	const struct hv_vp_signal_pair_scheduler_message *pair =
		(const void *)message->u.payload;

	return message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_BITSET ?
		bitset->overflow_count : pair->overflow_count;
}

/* Take a child's pairs out. Return: whether none are left. */
static bool forget_pairs(struct hv_message *message, u64 child)
{
	struct hv_vp_signal_pair_scheduler_message *pair = (void *)message->u.payload;
	u8 i, kept = 0;

	/* A fault's has more than it has room for. */
	for (i = 0; i < pair->vp_count && i < HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT; i++) {
		if (pair->partition_ids[i] == child)
			continue;
		pair->partition_ids[kept] = pair->partition_ids[i];
		pair->vp_indexes[kept++] = pair->vp_indexes[i];
	}
	pair->vp_count -= i - kept;
	return !kept;
}

/* Whether a message that waits has nothing to say when a child is no more. */
static bool is_void(struct hv_message *message, const struct child *child)
{
	const struct hv_vp_signal_bitset_scheduler_message *bitset =
		(const void *)message->u.payload;

	switch (message->header.message_type) {
	case HVMSG_SCHEDULER_VP_SIGNAL_BITSET:
		return bitset->partition_id == child->id;
	case HVMSG_SCHEDULER_VP_SIGNAL_PAIR:
		return forget_pairs(message, child->id);
	default:
		return message->header.sender == child->id;
	}
}

static bool is_signal(const struct hv_message *message)
{
	return message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_BITSET ||
	       message->header.message_type == HVMSG_SCHEDULER_VP_SIGNAL_PAIR;
}

void child_message_forget(struct child *child)
{
	struct partition *partition = child->parent;
	unsigned int i, kept;
	u32 v;

	for (v = 0; v < partition->nr_vps; v++) {
		/* Whatever a child sends is for that SINT. */
		struct synic_queue *queue =
			&partition->vps[v].synic.queue[HV_SYNIC_INTERCEPTION_SINT_INDEX];

		for (i = 0, kept = 0; i < queue->count; i++) {
			struct hv_message *message = &queue->messages[i];

			if (!is_void(message, child))
				queue->messages[kept++] = *message;
			else if (is_signal(message))
				partition->overflow += overflow_in(message);
		}
		queue->count = kept;
	}
	child_message_pump(partition);
}
