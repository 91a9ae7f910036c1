// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who runs the VPs of a child.
 *
 * Under the core scheduler the hypervisor does: each VP has a thread of its own,
 * its suspend registers start and stop it, and the parent learns of an intercept
 * by a message. Under the integrated scheduler, as under a root's, the parent
 * does: a VP runs only inside a dispatch, on the thread of the parent's VP that
 * has asked for it, and when one that had nothing to do can run again the parent
 * learns it by a message. That is called a signal here, and a kick in the driver.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/fault.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/stats_page.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "child.h"
#include "regs.h"
#include "stimer.h"

#define DISPATCH_FLAGS	(HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND | \
			 HV_DISPATCH_VP_FLAG_ENABLE_CALLER_INTERRUPTS | \
			 HV_DISPATCH_VP_FLAG_SET_CALLER_SPEC_CTRL | \
			 HV_DISPATCH_VP_FLAG_SKIP_VP_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SKIP_CALLER_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SKIP_CALLER_USER_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)

/* From so many VPs of one child on, a set of bits says it shorter. */
#define BITSET_WORTHWHILE	3

#define NS_PER_UNIT		100	/* of the reference time */

bool child_sched_is_suspended(const struct child_vp *vp)
{
	return vp->explicit_suspend || vp->intercept_suspend || vp->dispatch_suspend;
}

bool child_sched_can_run(struct child_vp *vp)
{
	if (child_sched_is_suspended(vp) || vp->dying)
		return false;
	return !(vp->halted || vp->idle || vp->apic.wait_for_sipi) || child_run_has_work(vp);
}

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

bool child_sched_post(struct child *child, const struct hv_message *message)
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

static bool post_intercept(struct child_vp *vp)
{
	struct hv_message message = {
		.header.message_type = HVMSG_OPAQUE_INTERCEPT,
		.header.payload_size = sizeof(struct hv_opaque_intercept_message),
		.header.sender = vp->child->id,
	};
	struct hv_opaque_intercept_message *payload = (void *)message.u.payload;

	payload->vp_index = vp->index;
	return child_sched_post(vp->child, &message);
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
				vp->message_owed = !post_intercept(vp);
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
void child_sched_pump(struct partition *partition)
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

void child_sched_forget(struct child *child)
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
	child_sched_pump(partition);
}

static void unmark_blocked(struct child_vp *vp)
{
	vp->blocked = false;
	stats_set_blocked(vp->child->parent, vp->child->id, vp->index, false);
}

/* The parent is owed a signal: the VP had nothing to do, and now it has. */
static void unblock(struct child_vp *vp)
{
	unmark_blocked(vp);
	/* Its parent counts no more of them. */
	if (vp->dispatch_suspend)
		return;
	vp->signal_owed = true;
	child_sched_pump(vp->child->parent);
}

static void block(struct child_vp *vp)
{
	vp->blocked = true;
	stats_set_blocked(vp->child->parent, vp->child->id, vp->index, true);
}

void child_sched_runnable(struct child_vp *vp)
{
	child_vp_kick(vp);
	if (vp->blocked && child_sched_can_run(vp))
		unblock(vp);
}

static void stop_now(struct child_vp *vp)
{
	child_vp_pull(vp);
	child_vp_release(vp);
}

void child_sched_suspend(struct child_vp *vp, u32 name, bool suspend)
{
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		vp->explicit_suspend = suspend;
		break;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		vp->intercept_suspend = suspend;
		vp->intercepted &= suspend;
		break;
	case HV_REGISTER_DISPATCH_SUSPEND:
		vp->dispatch_suspend = suspend;
		if (suspend)
			vp->signal_owed = false;
		break;
	}
	if (suspend) {
		stop_now(vp);
		return;
	}
	/* One that has halted does not run before a timer that was put off wakes it. */
	child_stimer_look(vp);
	/* Whoever waits for the end of a suspension is told, come what may. */
	if (vp->blocked && name == HV_REGISTER_EXPLICIT_SUSPEND)
		unblock(vp);
	child_sched_runnable(vp);
}

static void *vp_thread(void *argument)
{
	struct child_vp *vp = argument;
	pthread_mutex_t *lock = &vp->child->parent->lock;

	pthread_mutex_lock(lock);
	while (!vp->dying) {
		if (!child_sched_can_run(vp)) {
			pthread_cond_wait(&vp->changed, lock);
			continue;
		}
		if (child_run(vp) != CHILD_STOP_INTERCEPT)
			continue;
		child_intercept_publish(vp);
		vp->message_owed = !post_intercept(vp);
	}
	pthread_mutex_unlock(lock);
	return NULL;
}

int child_sched_start(struct child_vp *vp)
{
	if (vp->fd < 0 || partition_dispatches(vp->child->parent))
		return 0;
	vp->has_thread = true;
	return -pthread_create(&vp->own_thread, NULL, vp_thread, vp);
}

void child_sched_stop(struct child_vp *vp)
{
	pthread_mutex_t *lock = &vp->child->parent->lock;

	vp->dying = true;
	if (vp->dispatcher)
		log_violation(LOG_NO_VP, "VP %u of 0x%llx is destroyed while it is dispatched",
			      vp->index, (unsigned long long)vp->child->id);
	if (vp->has_thread) {
		child_vp_kick(vp);
		pthread_mutex_unlock(lock);
		pthread_join(vp->own_thread, NULL);
		pthread_mutex_lock(lock);
		vp->has_thread = false;
	}
	/* Last, as somebody may have begun while the lock was free. */
	while (vp->dispatcher || vp->in_kvm || vp->pullers) {
		child_vp_kick(vp);
		pthread_cond_wait(&vp->changed, lock);
	}
}

static __thread timer_t slice_timer;
static __thread bool has_slice_timer;

/* A late tick would disturb whatever this thread does next. */
static void end_slice(void)
{
	const struct itimerspec never = { };

	if (has_slice_timer)
		timer_settime(slice_timer, 0, &never, NULL);
}

/*
 * The parent's VP waits in its hypercall while the child's runs. Nobody tells
 * hvemu when an interrupt of the parent's own is pending there, KVM's timer for
 * one, so a dispatch is never longer than --slice.
 */
static void start_slice(struct child_vp *vp, u64 asked)
{
	u64 length = vp->child->parent->options->slice;
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = CHILD_KICK_SIGNAL,
	};
	struct itimerspec when = { };

	if (!has_slice_timer) {
		event._sigev_un._tid = gettid();
		has_slice_timer = !timer_create(CLOCK_MONOTONIC, &event, &slice_timer);
	}
	if (asked && asked < length)
		length = asked;
	vp->slice_end = log_time() + length;
	when.it_value.tv_sec = length * NS_PER_UNIT / 1000000000;
	when.it_value.tv_nsec = length * NS_PER_UNIT % 1000000000;
	if (has_slice_timer)
		timer_settime(slice_timer, 0, &when, NULL);
}

static void end_dispatch(const struct child_vp *vp, struct hv_output_dispatch_vp *output,
			 u32 state, u32 event)
{
	output->dispatch_state = state;
	output->dispatch_event = event;
	log_event(vp->dispatcher->index, "dispatched",
		  "child=0x%llx index=%u state=%u event=%u length=%llu cpu=%llu",
		  (unsigned long long)vp->child->id, vp->index, state, event,
		  (unsigned long long)(log_time() - vp->dispatched_at),
		  (unsigned long long)(log_cpu_time() - vp->dispatched_cpu));
}

static void run_dispatched(struct child_vp *vp, struct hv_output_dispatch_vp *output)
{
	switch (child_run(vp)) {
	case CHILD_STOP_INTERCEPT:
		child_intercept_publish(vp);
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_READY,
			     HV_VP_DISPATCH_EVENT_INTERCEPT);
		break;
	case CHILD_STOP_HALT:
		block(vp);
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_BLOCKED,
			     HV_VP_DISPATCH_EVENT_INVALID);
		break;
	case CHILD_STOP_KICK:
		if (child_sched_is_suspended(vp)) {
			block(vp);
			end_dispatch(vp, output, HV_VP_DISPATCH_STATE_BLOCKED,
				     HV_VP_DISPATCH_EVENT_SUSPEND);
			break;
		}
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_READY,
			     HV_VP_DISPATCH_EVENT_INVALID);
		break;
	}
}

/* A fault may have it end otherwise. Return: whether it did. */
static bool twist(struct child_vp *vp, struct hv_output_dispatch_vp *output)
{
	struct partition *partition = vp->child->parent;
	u32 value = 0;

	switch (fault_twist(&partition->faults, HVCALL_DISPATCH_VP, &value)) {
	case FAULT_OUTCOME:
		end_dispatch(vp, output, value & 0xffff, value >> 16);
		return true;
	case FAULT_HOG:
		pthread_mutex_unlock(&partition->lock);
		usleep(value);
		pthread_mutex_lock(&partition->lock);
		return false;
	default:
		return false;
	}
}

/* What the parent must not do. */
static u16 check_dispatch(struct hypercall *call, struct child_vp *vp)
{
	const struct hv_input_dispatch_vp *input = call->in;
	u32 me = call->vp->index;

	if (!partition_dispatches(call->vp->partition)) {
		log_violation(me, "VP %u is dispatched, and the hypervisor schedules it",
			      vp->index);
		return HV_STATUS_OPERATION_DENIED;
	}
	if (input->flags & ~DISPATCH_FLAGS) {
		log_violation(me, "VP %u is dispatched with flags 0x%x", vp->index, input->flags);
		return HV_STATUS_INVALID_PARAMETER;
	}
	if (vp->dispatcher) {
		log_violation(me, "VP %u is dispatched twice at a time", vp->index);
		return HV_STATUS_INVALID_VP_STATE;
	}
	if (vp->dying) {
		log_violation(me, "VP %u is dispatched while it is destroyed", vp->index);
		return HV_STATUS_INVALID_VP_STATE;
	}
	if (vp->dispatch_suspend) {
		log_violation(me, "VP %u is dispatched after its dispatching was ended", vp->index);
		return HV_STATUS_INVALID_VP_STATE;
	}
	if (!vp->intercept_suspend || input->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND)
		return HV_STATUS_SUCCESS;
	if (vp->intercepted) {
		log_violation(me, "VP %u is dispatched with an intercept pending", vp->index);
	} else {
		/* A VMM has set the register, of which the driver does not know. */
		log_event(me, "dispatch-refused", "child=0x%llx index=%u",
			  (unsigned long long)vp->child->id, vp->index);
	}
	return HV_STATUS_INVALID_VP_STATE;
}

u16 child_dispatch(struct hypercall *call)
{
	const struct hv_input_dispatch_vp *input = call->in;
	struct hv_output_dispatch_vp *output = call->out;
	struct partition *partition = call->vp->partition;
	struct child_vp *vp;
	u16 status;

	status = child_regs_vp(call, input->partition_id, input->vp_index, &vp);
	if (status == HV_STATUS_SUCCESS)
		status = check_dispatch(call, vp);
	if (status != HV_STATUS_SUCCESS)
		return status;

	vp->dispatches++;
	vp->dispatched_at = log_time();
	vp->dispatched_cpu = log_cpu_time();
	vp->dispatcher = call->vp;
	call->vp->dispatching = vp;
	partition->last_listener = call->vp->index;
	vp->stop_dispatch = false;
	if (input->flags & HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND) {
		vp->intercept_suspend = false;
		vp->intercepted = false;
	}
	child_regs_absorb(vp);
	if (input->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION) {
		/* Who brings the interrupt is not told that there is one. */
		unmark_blocked(vp);
		child_irq_scan(vp);
	}

	if (vp->explicit_suspend) {
		block(vp);
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_BLOCKED,
			     HV_VP_DISPATCH_EVENT_SUSPEND);
	} else {
		/* It may be dispatched to see whether it is blocked. */
		if (vp->blocked)
			log_event(call->vp->index, "recheck", "child=0x%llx index=%u",
				  (unsigned long long)vp->child->id, vp->index);
		unmark_blocked(vp);
		if (!twist(vp, output)) {
			start_slice(vp, input->time_slice);
			run_dispatched(vp, output);
			end_slice();
		}
	}
	call->vp->dispatching = NULL;
	vp->dispatcher = NULL;
	pthread_cond_broadcast(&vp->changed);
	return HV_STATUS_SUCCESS;
}
