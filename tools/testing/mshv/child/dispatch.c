// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatches: the parent has a VP of its child run on a thread of its own.
 */

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <hyperv/hvhdk.h>

#include "../hv/fault.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "child.h"
#include "clock.h"
#include "dispatch.h"
#include "intercept.h"
#include "page.h"
#include "run.h"
#include "sched.h"
#include "vp.h"

#define DISPATCH_FLAGS	(HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND | \
			 HV_DISPATCH_VP_FLAG_ENABLE_CALLER_INTERRUPTS | \
			 HV_DISPATCH_VP_FLAG_SET_CALLER_SPEC_CTRL | \
			 HV_DISPATCH_VP_FLAG_SKIP_VP_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SKIP_CALLER_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SKIP_CALLER_USER_SPEC_FLUSH | \
			 HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION)

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
		child_sched_block(vp);
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_BLOCKED,
			     HV_VP_DISPATCH_EVENT_INVALID);
		break;
	case CHILD_STOP_KICK:
		if (child_vp_is_suspended(vp)) {
			child_sched_block(vp);
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

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
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
	child_page_absorb(vp);
	if (input->flags & HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION) {
		/* Who brings the interrupt is not told that there is one. */
		child_sched_unmark(vp);
		child_page_scan(vp);
	}

	if (vp->explicit_suspend) {
		child_sched_block(vp);
		end_dispatch(vp, output, HV_VP_DISPATCH_STATE_BLOCKED,
			     HV_VP_DISPATCH_EVENT_SUSPEND);
	} else {
		/* It may be dispatched to see whether it is blocked. */
		if (vp->blocked)
			log_event(call->vp->index, "recheck", "child=0x%llx index=%u",
				  (unsigned long long)vp->child->id, vp->index);
		child_sched_unmark(vp);
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
