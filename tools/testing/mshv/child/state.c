// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a child's VP that is read and written as a whole: local APIC, XSAVE
 * area, SynIC; and the translation of its addresses.
 */

#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/xsave.h"
#include "apic.h"
#include "child.h"
#include "memory.h"
#include "page.h"
#include "sched.h"
#include "state.h"
#include "stimer.h"
#include "synic.h"
#include "vp.h"
#include "walk.h"

/* Offsets in the page of a local APIC. */
#define APIC_ID			0x20
#define APIC_VERSION		0x30

/*
 * Where the state has an NMI that is pending, as a request for vector 2:
 * ApicRegisters::hv_apic_nmi_pending() of OpenVMM.
 */
#define IRR_NMI			BIT(2)

/* As the guest reads it, in the mode that it has chosen. */
static u32 read_apic(struct apic *apic, u32 offset)
{
	u64 value;

	if (apic_msr_read(apic, APIC_X2APIC_MSR + offset / 16, &value))
		return value;
	return apic_read(apic, offset);
}

/* In x2APIC mode there is no DFR; Apic::at_reset() of OpenVMM has 0 there. */
static u32 dfr_of(const struct apic *apic)
{
	return apic->base & APIC_BASE_X2APIC ? 0 : apic->dfr;
}

static void get_lapic(struct child_vp *vp, struct hv_local_interrupt_controller_state *state)
{
	struct apic *apic = &vp->apic;

	*state = (struct hv_local_interrupt_controller_state) {
		.apic_id = read_apic(apic, APIC_ID),
		.apic_version = read_apic(apic, APIC_VERSION),
		.apic_ldr = apic_ldr(apic),
		.apic_dfr = dfr_of(apic),
		.apic_spurious = apic->svr,
		.apic_esr = apic->esr,
		.apic_icr_high = apic->icr >> 32,
		.apic_icr_low = apic->icr,
		.apic_lvt_timer = apic->lvt_timer,
		.apic_lvt_thermal = apic->lvt_thermal,
		.apic_lvt_perfmon = apic->lvt_perf,
		.apic_lvt_lint0 = apic->lvt_lint0,
		.apic_lvt_lint1 = apic->lvt_lint1,
		.apic_lvt_error = apic->lvt_error,
		.apic_error_status = apic->errors,
		.apic_initial_count = apic->initial_count,
		.apic_counter_value = apic_current_count(apic),
		.apic_divide_configuration = apic->divide,
	};
	memcpy(state->apic_isr, apic->isr, sizeof(apic->isr));
	memcpy(state->apic_tmr, apic->tmr, sizeof(apic->tmr));
	memcpy(state->apic_irr, apic->irr, sizeof(apic->irr));
	/* KVM may have been given it, and wait for the end of another one. */
	if (apic->nmi || child_vp_regs(vp)->events.nmi.pending)
		state->apic_irr[0] |= IRR_NMI;
}

static void take_nmi_back(struct child_vp *vp)
{
	struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	events->nmi.pending = 0;
	events->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
}

/* Its id and version stay what they are, and of CMCI it has nothing. */
static void set_lapic(struct child_vp *vp,
		      const struct hv_local_interrupt_controller_state *state)
{
	struct apic *apic = &vp->apic;

	apic->ldr = state->apic_ldr;
	apic->dfr = state->apic_dfr;
	apic->svr = state->apic_spurious;
	memcpy(apic->isr, state->apic_isr, sizeof(apic->isr));
	memcpy(apic->tmr, state->apic_tmr, sizeof(apic->tmr));
	memcpy(apic->irr, state->apic_irr, sizeof(apic->irr));
	apic->irr[0] &= ~IRR_NMI;
	apic->nmi = state->apic_irr[0] & IRR_NMI;
	take_nmi_back(vp);
	apic->esr = state->apic_esr;
	apic->icr = (u64)state->apic_icr_high << 32 | state->apic_icr_low;
	apic->lvt_timer = state->apic_lvt_timer;
	apic->lvt_thermal = state->apic_lvt_thermal;
	apic->lvt_perf = state->apic_lvt_perfmon;
	apic->lvt_lint0 = state->apic_lvt_lint0;
	apic->lvt_lint1 = state->apic_lvt_lint1;
	apic->lvt_error = state->apic_lvt_error;
	apic->errors = state->apic_error_status;
	apic->initial_count = state->apic_initial_count;
	apic->divide = state->apic_divide_configuration;
	apic_start_timer(apic, state->apic_counter_value);
	apic->bus->changed(apic);
}

/*
 * XSAVE data is in the compacted format both ways: mshv.h says so, and what is read
 * goes through XRSTORS or XSAVES somewhere. Components that the parent does not name
 * are not told, and not taken.
 */
static u16 get_xsave(struct child_vp *vp, u64 components, void *page)
{
	struct kvm_xsave xsave;

	if (ioctl(vp->fd, KVM_GET_XSAVE, &xsave) < 0)
		return HV_STATUS_INVALID_VP_STATE;
	xsave_compact(&vp->child->processor.layout, components, xsave.region, page);
	return HV_STATUS_SUCCESS;
}

static u16 set_xsave(struct child_vp *vp, u64 components, const void *page)
{
	struct kvm_xsave xsave;

	if (!xsave_expand(&vp->child->processor.layout, components, page, xsave.region))
		return HV_STATUS_INVALID_PARAMETER;
	return ioctl(vp->fd, KVM_SET_XSAVE, &xsave) < 0 ?
		HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
}

/*
 * Every state fits in the first of the pages that the parent gives. Their numbers
 * are the variable header, which begins @offset bytes into the input.
 */
static void *first_page(struct hypercall *call, size_t offset)
{
	unsigned int i, pages = call->varhead_size / sizeof(u64);
	const u64 *pfns = call->in + offset;
	void *page, *first = NULL;

	for (i = 0; i < pages; i++) {
		page = partition_page(call->vp->partition, pfns[i]);
		if (!page) {
			log_violation(call->vp->index,
				      "page 0x%llx for a VP's state is not memory",
				      (unsigned long long)pfns[i]);
			return NULL;
		}
		if (!i)
			first = page;
	}
	return first;
}

static u16 get_state(struct hypercall *call, struct child_vp *vp)
{
	const struct hv_input_get_vp_state *input = call->in;
	void *page = NULL;

	if (input->state_data.type & HV_GET_SET_VP_STATE_TYPE_PFN) {
		page = first_page(call, offsetof(struct hv_input_get_vp_state, output_data_pfns));
		if (!page)
			return HV_STATUS_INVALID_PARAMETER;
	}
	switch (input->state_data.type) {
	case HV_GET_SET_VP_STATE_LAPIC_STATE:
		memset(page, 0, HV_HYP_PAGE_SIZE);
		get_lapic(vp, page);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_XSAVE:
		return get_xsave(vp, input->state_data.xsave.states.as_uint64, page);
	case HV_GET_SET_VP_STATE_SIM_PAGE:
		memcpy(page, child_synic_messages(vp), HV_HYP_PAGE_SIZE);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_SIEF_PAGE:
		memcpy(page, child_synic_events(vp), HV_HYP_PAGE_SIZE);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_SYNTHETIC_TIMERS:
		child_stimer_save(vp, call->out);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

static u16 set_state(struct hypercall *call, struct child_vp *vp)
{
	const struct hv_input_set_vp_state *input = call->in;
	const void *page = NULL;

	if (input->state_data.type & HV_GET_SET_VP_STATE_TYPE_PFN) {
		page = first_page(call, offsetof(struct hv_input_set_vp_state, data));
		if (!page)
			return HV_STATUS_INVALID_PARAMETER;
	}
	switch (input->state_data.type) {
	case HV_GET_SET_VP_STATE_LAPIC_STATE:
		set_lapic(vp, page);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_XSAVE:
		return set_xsave(vp, input->state_data.xsave.states.as_uint64, page);
	case HV_GET_SET_VP_STATE_SIM_PAGE:
		memcpy(child_synic_messages(vp), page, HV_HYP_PAGE_SIZE);
		child_stimer_retry(vp);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_SIEF_PAGE:
		memcpy(child_synic_events(vp), page, HV_HYP_PAGE_SIZE);
		return HV_STATUS_SUCCESS;
	case HV_GET_SET_VP_STATE_SYNTHETIC_TIMERS:
		if (call->varhead_size < sizeof(struct hv_synthetic_timers_state))
			return HV_STATUS_INVALID_PARAMETER;
		child_stimer_restore(vp, (const void *)input->data);
		return HV_STATUS_SUCCESS;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}
}

u16 child_state_get(struct hypercall *call)
{
	const struct hv_input_get_vp_state *input = call->in;
	struct child_vp *vp;
	u16 status = child_vp_of(call, input->partition_id, input->vp_index, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	child_vp_pull(vp);
	child_page_absorb(vp);
	status = get_state(call, vp);
	child_vp_release(vp);
	return status;
}

u16 child_state_set(struct hypercall *call)
{
	const struct hv_input_set_vp_state *input = call->in;
	struct child_vp *vp;
	u16 status = child_vp_of(call, input->partition_id, input->vp_index, &vp);

	if (status != HV_STATUS_SUCCESS)
		return status;
	child_vp_pull(vp);
	child_page_absorb(vp);
	status = set_state(call, vp);
	child_page_refresh(vp);
	child_vp_release(vp);
	child_sched_runnable(vp);
	return status;
}

/*
 * What is behind a page of the guest's. One that is a child's and not there yet is
 * the parent's to fill in at the first access, so whoever asks can get at it.
 */
static enum hv_translate_gva_result check_page(struct child *child, u64 gpa, u64 flags)
{
	struct child_page page = child_page(child, gpa >> HV_HYP_PAGE_SHIFT);

	if (page.no_access)
		return HV_TRANSLATE_GVA_SUCCESS;
	if (!page.mapped)
		return HV_TRANSLATE_GVA_GPA_UNMAPPED;
	if (flags & HV_TRANSLATE_GVA_VALIDATE_READ && !(page.flags & HV_MAP_GPA_READABLE))
		return HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS;
	if (flags & HV_TRANSLATE_GVA_VALIDATE_WRITE && !(page.flags & HV_MAP_GPA_WRITABLE))
		return HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS;
	return HV_TRANSLATE_GVA_SUCCESS;
}

u16 child_translate(struct hypercall *call)
{
	const struct hv_input_translate_virtual_address *input = call->in;
	struct hv_output_translate_virtual_address *output = call->out;
	enum hv_translate_gva_result result;
	struct child_vp *vp;
	u16 status;
	u64 gpa;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* WDK, HvTranslateVirtualAddress: an access, and nothing unknown of it. */
	if (!(input->control_flags & HV_TRANSLATE_GVA_VALIDATE) ||
	    input->control_flags & ~(u64)HV_TRANSLATE_GVA_KNOWN)
		return HV_STATUS_INVALID_PARAMETER;

	child_vp_pull(vp);
	child_page_absorb(vp);
	result = child_walk(vp, input->gva_page << HV_HYP_PAGE_SHIFT, input->control_flags, &gpa);
	*output = (struct hv_output_translate_virtual_address) { };
	if (result == HV_TRANSLATE_GVA_SUCCESS) {
		output->cache_type = HV_CACHE_TYPE_WRITE_BACK;
		output->gpa_page = gpa >> HV_HYP_PAGE_SHIFT;
		result = check_page(vp->child, gpa, input->control_flags);
	} else if (result >= HV_TRANSLATE_GVA_GPA_UNMAPPED) {
		/* WDK: the page that could not be read. */
		output->gpa_page = gpa >> HV_HYP_PAGE_SHIFT;
	}
	output->result_code = result;
	child_vp_release(vp);
	return HV_STATUS_SUCCESS;
}
