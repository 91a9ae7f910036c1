// SPDX-License-Identifier: GPL-2.0-only
/*
 * VPs of a child: created and deleted, their state pages.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "child.h"
#include "cpuid.h"
#include "deposit.h"
#include "irq.h"
#include "msr.h"
#include "page.h"
#include "regs.h"
#include "sched.h"
#include "stimer.h"
#include "synic.h"
#include "vp.h"
#include "vp_life.h"

/* What a real hypervisor needs is not known; some, so that it is accounted for. */
#define CHILD_PAGES_VP		32

#define SYNC_REGS	(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

/* KVM fills in its shared page only when it comes back from a run. */
static int fill_regs(struct child_vp *vp)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);

	if (ioctl(vp->fd, KVM_GET_REGS, &regs->regs) < 0 ||
	    ioctl(vp->fd, KVM_GET_SREGS, &regs->sregs) < 0 ||
	    ioctl(vp->fd, KVM_GET_VCPU_EVENTS, &regs->events) < 0)
		return -errno;
	vp->run->kvm_valid_regs = SYNC_REGS;
	return 0;
}

/*
 * KVM's own MSRs and hypercalls are there for whoever uses them, unless KVM is to look
 * whether CPUID tells of them, which it does to no child.
 */
static int hide_kvm(struct child_vp *vp)
{
	struct kvm_enable_cap as_told = {
		.cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID,
		.args[0] = 1,
	};

	return ioctl(vp->fd, KVM_ENABLE_CAP, &as_told) < 0 ? -errno : 0;
}

/* A test without KVM has the shared page, and nothing behind it. */
static int make_vcpu(struct child_vp *vp)
{
	struct child *child = vp->child;
	int ret;

	vp->fd = -1;
	if (child->vm < 0) {
		vp->run = calloc(1, sizeof(*vp->run));
		return vp->run ? 0 : -ENOMEM;
	}
	/*
	 * KVM does not part with a vCPU before the machine goes, so a VP that was
	 * deleted and comes again is another one. Its number says nothing: KVM has
	 * no local APICs here, and CPUID is hvemu's.
	 */
	vp->fd = ioctl(child->vm, KVM_CREATE_VCPU, child->nr_vcpus);
	if (vp->fd < 0)
		return -errno;
	child->nr_vcpus++;
	vp->run = mmap(NULL, child->parent->run_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED, vp->fd, 0);
	if (vp->run == MAP_FAILED) {
		vp->run = NULL;
		return -errno;
	}
	ret = hide_kvm(vp);
	return ret ? ret : fill_regs(vp);
}

static void free_vp(struct child_vp *vp)
{
	child_msr_leave(vp);
	child_stimer_exit(vp);
	child_synic_exit(vp);
	child_regs_exit(vp);
	free(vp->cpuid_results.list);
	if (vp->run && vp->fd >= 0)
		munmap(vp->run, vp->child->parent->run_size);
	else
		free(vp->run);
	if (vp->fd >= 0)
		close(vp->fd);
	pthread_cond_destroy(&vp->changed);
	free(vp);
}

static int make_vp(struct child *child, u32 index)
{
	struct child_vp *vp = calloc(1, sizeof(*vp));
	int ret;

	if (!vp)
		return -ENOMEM;
	pthread_cond_init(&vp->changed, NULL);
	vp->child = child;
	vp->index = index;
	vp->register_gpfn = ~0ULL;
	vp->intercept_gpfn = ~0ULL;
	/* It waits for its parent's word. */
	vp->explicit_suspend = true;

	child_irq_init(vp);
	ret = make_vcpu(vp);
	if (!ret)
		ret = child_regs_init(vp);
	if (!ret)
		ret = child_synic_init(vp);
	if (!ret)
		ret = child_stimer_init(vp);
	/* Without a local APIC nobody could send it a start-up IPI. */
	if (!(child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		vp->apic.wait_for_sipi = false;
	if (!ret)
		ret = child_cpuid_init(vp);
	if (!ret)
		ret = child_sched_start(vp);
	if (ret) {
		free_vp(vp);
		return ret;
	}
	child->vps[index] = vp;
	child->nr_vps++;
	return 0;
}

u16 child_vp_create(struct hypercall *call)
{
	const struct hv_create_vp *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	int ret;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (input->vp_index >= CHILD_VPS_MAX || child->vps[input->vp_index])
		return HV_STATUS_INVALID_VP_INDEX;
	if (!child_use(child, CHILD_PAGES_VP))
		return HV_STATUS_INSUFFICIENT_MEMORY;

	ret = make_vp(child, input->vp_index);
	if (ret) {
		log_event(call->vp->index, "child-fails", "error=\"%s\"", strerror(-ret));
		child->nr_used -= CHILD_PAGES_VP;
		return HV_STATUS_NO_RESOURCES;
	}
	log_event(call->vp->index, "child-vp", "child=0x%llx index=%u created=yes",
		  (unsigned long long)child->id, input->vp_index);
	return HV_STATUS_SUCCESS;
}

void child_vp_destroy(struct child_vp *vp)
{
	struct child *child = vp->child;

	child_sched_stop(vp);
	log_event(LOG_NO_VP, "child-vp",
		  "child=0x%llx index=%u created=no dispatches=%llu intercepts=%llu signals=%llu run-time=%llu",
		  (unsigned long long)child->id, vp->index,
		  (unsigned long long)vp->dispatches, (unsigned long long)vp->intercepts,
		  (unsigned long long)vp->signals, (unsigned long long)vp->run_time);
	child->vps[vp->index] = NULL;
	child->nr_vps--;
	child->nr_used -= CHILD_PAGES_VP;
	free_vp(vp);
}

u16 child_vp_delete(struct hypercall *call)
{
	const union hv_input_delete_vp *input = call->in;
	struct child_vp *vp;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* Another VP of the parent's is at it. */
	if (vp->dying || vp->child->state == CHILD_FINALIZING)
		return HV_STATUS_INVALID_VP_STATE;
	child_vp_destroy(vp);
	return HV_STATUS_SUCCESS;
}

/* Where it is kept which page of the parent's holds a kind of state. */
static u64 *page_of_type(struct child_vp *vp, u16 type)
{
	switch (type) {
	case HV_VP_STATE_PAGE_REGISTERS:
		return &vp->register_gpfn;
	case HV_VP_STATE_PAGE_INTERCEPT_MESSAGE:
		return &vp->intercept_gpfn;
	default:
		return NULL;
	}
}

/*
 * Where it lies is the parent's choice or the hypervisor's, as with statistics;
 * hvemu takes what was deposited for the child.
 */
static u16 choose_page(struct hypercall *call, struct child *child, u64 *gpfn)
{
	const struct hv_input_map_vp_state_page *input = call->in;
	struct partition *partition = call->vp->partition;

	if (!input->flags.map_location_provided) {
		if (!child_use(child, 1))
			return HV_STATUS_INSUFFICIENT_MEMORY;
		child->nr_used--;
		*gpfn = child->deposited[--child->nr_deposited];
		return HV_STATUS_SUCCESS;
	}
	*gpfn = input->requested_map_location;
	if (!partition_provides_pages(partition)) {
		log_violation(call->vp->index, "state page provided without the capability");
		return HV_STATUS_OPERATION_DENIED;
	}
	if (!partition_page(partition, *gpfn)) {
		log_violation(call->vp->index, "state page 0x%llx is not memory",
			      (unsigned long long)*gpfn);
		return HV_STATUS_INVALID_PARAMETER;
	}
	return HV_STATUS_SUCCESS;
}

u16 child_vp_map_page(struct hypercall *call)
{
	const struct hv_input_map_vp_state_page *input = call->in;
	struct hv_output_map_vp_state_page *output = call->out;
	struct partition *partition = call->vp->partition;
	struct child_vp *vp;
	u64 *page, gpfn;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	page = page_of_type(vp, input->type);
	if (!page)
		return HV_STATUS_INVALID_PARAMETER;
	if (*page != ~0ULL) {
		log_violation(call->vp->index, "a state page of VP %u is mapped twice",
			      vp->index);
		return HV_STATUS_OPERATION_DENIED;
	}
	status = choose_page(call, vp->child, &gpfn);
	if (status != HV_STATUS_SUCCESS)
		return status;

	*page = gpfn;
	if (input->flags.map_location_provided)
		vp->overlay |= 1U << input->type;
	memset(partition_page(partition, gpfn), 0, HV_HYP_PAGE_SIZE);
	output->map_location = gpfn;
	if (input->type == HV_VP_STATE_PAGE_REGISTERS) {
		child_vp_pull(vp);
		child_page_refresh(vp);
		child_vp_release(vp);
	}
	return HV_STATUS_SUCCESS;
}

u16 child_vp_unmap_page(struct hypercall *call)
{
	const struct hv_input_unmap_vp_state_page *input = call->in;
	struct child_vp *vp;
	u64 *page;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	page = page_of_type(vp, input->type);
	if (!page)
		return HV_STATUS_INVALID_PARAMETER;
	if (*page == ~0ULL) {
		log_violation(call->vp->index,
			      "a state page of VP %u that is not mapped is unmapped",
			      vp->index);
		return HV_STATUS_OPERATION_DENIED;
	}
	if (!(vp->overlay & 1U << input->type))
		vp->child->deposited[vp->child->nr_deposited++] = *page;
	vp->overlay &= ~(1U << input->type);
	*page = ~0ULL;
	return HV_STATUS_SUCCESS;
}
