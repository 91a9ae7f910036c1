// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synthetic MSRs of a child: what its guest reads and writes, and what its parent
 * does with them as registers.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <asm/kvm_para.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/names.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "kvm_regs.h"
#include "memory.h"
#include "msr.h"
#include "overlay.h"
#include "reftime.h"
#include "stimer.h"
#include "synic.h"
#include "vp.h"

#define PAGE_ENABLE		BIT_ULL(0)
#define CRASH_TEXT_MAX		HV_HYP_PAGE_SIZE
#define TPR_MAX			0xff

/* KVM's documentation (virt/kvm/x86/msr.rst): "Custom MSRs have a range reserved for them" */
#define MSR_KVM_FIRST		0x4b564d00
#define MSR_KVM_LAST		0x4b564dff

/**
 * struct child_msrs - MSRs that all VPs of a child share
 * @guest_os_id: HV_X64_MSR_GUEST_OS_ID
 * @hypercall: HV_X64_MSR_HYPERCALL
 * @reference_tsc: HV_X64_MSR_REFERENCE_TSC
 * @tsc_page: what it has laid over a page of the child's; NULL: nothing
 * @tsc_sequence: the last sequence number of such a page
 * @tsc_invariant: HV_X64_MSR_TSC_INVARIANT_CONTROL
 * @crash: HV_X64_MSR_CRASH_P0 and what follows
 */
struct child_msrs {
	u64 guest_os_id;
	u64 hypercall;
	u64 reference_tsc;
	struct ms_hyperv_tsc_page *tsc_page;
	u32 tsc_sequence;
	u64 tsc_invariant;
	u64 crash[HV_X64_MSR_CRASH_PARAMS];
};

int child_msr_init(struct child *child)
{
	child->msrs = calloc(1, sizeof(*child->msrs));
	return child->msrs ? 0 : -ENOMEM;
}

void child_msr_exit(struct child *child)
{
	free(child->msrs);
	child->msrs = NULL;
}

/* One of those that are only kept; NULL: it is none. */
static u64 *stored(struct child_vp *vp, u32 msr)
{
	struct child_msrs *msrs = vp->child->msrs;

	switch (msr) {
	case HV_X64_MSR_CRASH_P0 ... HV_X64_MSR_CRASH_P4:
		return &msrs->crash[msr - HV_X64_MSR_CRASH_P0];
	default:
		return NULL;
	}
}

/* Whether the guest was given the feature that an MSR belongs to. */
static bool is_granted(const struct child *child, u32 msr)
{
	const union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = child->synthetic_features,
	};

	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
	case HV_X64_MSR_HYPERCALL:
		return features.access_hypercall_regs;
	case HV_X64_MSR_VP_INDEX:
		return features.access_vp_index;
	case HV_X64_MSR_VP_RUNTIME:
		return features.access_vp_run_time_reg;
	case HV_X64_MSR_TIME_REF_COUNT:
		return features.access_partition_reference_counter;
	case HV_X64_MSR_REFERENCE_TSC:
		return features.access_partition_reference_tsc;
	case HV_X64_MSR_TSC_FREQUENCY:
	case HV_X64_MSR_APIC_FREQUENCY:
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		return features.access_frequency_regs;
	case HV_X64_MSR_EOI:
	case HV_X64_MSR_ICR:
	case HV_X64_MSR_TPR:
	case HV_X64_MSR_VP_ASSIST_PAGE:
		return features.access_intr_ctrl_regs;
	case HV_X64_MSR_SCONTROL ... HV_X64_MSR_EOM:
	case HV_X64_MSR_SIRBP:
	case HV_X64_MSR_SINT0 ... HV_X64_MSR_SINT15:
		return features.access_synic_regs;
	case HV_X64_MSR_STIMER0_CONFIG ... HV_X64_MSR_STIMER3_COUNT:
		return features.access_synthetic_timer_regs;
	case HV_X64_MSR_GUEST_IDLE:
		return features.access_guest_idle_reg;
	default:
		/* What tells of crashes is no feature of its own. */
		return true;
	}
}

/*
 * The code that makes a hypercall: not VMCALL, which KVM would take for its own, but a
 * write to a port, which KVM hands on. It is as long as VMCALL: a VMM that makes the
 * call in the hypervisor's place moves RIP on by so much.
 */
static void fill_hypercall_page(struct child_vp *vp, void *page)
{
	static const u8 code[] = {
		0xe6, HVEMU_PORT_HYPERCALL,	/* out %al, $port */
		0x90,				/* nop */
		0xc3,				/* ret */
	};

	(void)vp;
	msr_fill_code(page, code, sizeof(code));
}

u64 child_msr_guest_os_id(const struct child *child)
{
	return child->msrs->guest_os_id;
}

bool child_msr_is_kvms(u32 msr)
{
	switch (msr) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_FIRST ... MSR_KVM_LAST:
		return true;
	default:
		return false;
	}
}

bool child_msr_is_idle(const struct child *child, u32 msr)
{
	return msr == HV_X64_MSR_GUEST_IDLE && is_granted(child, msr);
}

bool child_msr_shows_invariant_tsc(const struct child *child)
{
	return child->msrs->tsc_invariant & HV_EXPOSE_INVARIANT_TSC;
}

/*
 * KVM and its selftest hyperv_features: only one bit can be set, and that by the guest
 * only. No public document of the hypervisor says more than Linux does, mshyperv.c.
 */
static bool takes_tsc_invariant(const struct child *child, u64 value)
{
	return !(value & ~HV_EXPOSE_INVARIANT_TSC) &&
	       (value || !child_msr_shows_invariant_tsc(child));
}

bool child_msr_is_hypercall_page(const struct child *child, u64 gpa)
{
	u64 msr = child->msrs->hypercall;

	return msr & PAGE_ENABLE && msr >> HV_HYP_PAGE_SHIFT == gpa >> HV_HYP_PAGE_SHIFT;
}

/*
 * TLFS, "EOI Assist": the hypervisor sets "No EOI required" where an EOI would change
 * nothing but the local APIC. It is never set here: that would only spare the guest a
 * write, and a guest must look at each EOI whether it is set.
 */
static void fill_assist_page(struct child_vp *vp, void *page)
{
	(void)vp;
	memset(page, 0, HV_HYP_PAGE_SIZE);
}

/* A page that says nothing sends the guest to HV_X64_MSR_TIME_REF_COUNT. */
static void fill_tsc_page(struct child_vp *vp, void *page)
{
	struct child_msrs *msrs = vp->child->msrs;
	struct child *child = vp->child;
	u64 ahead;

	msrs->tsc_page = page;
	if (child->time_frozen || !child_kvm_tsc_ahead(vp, &ahead)) {
		child_time_by_clock(child);
		msrs->tsc_page->tsc_sequence = 0;
		return;
	}
	child_time_by_tsc(child, ahead);
	msrs->tsc_sequence = msr_fill_reference_tsc(page, msrs->tsc_sequence, &child->by_tsc);
}

static bool is_elsewhere(u64 one, u64 other)
{
	return one >> HV_HYP_PAGE_SHIFT != other >> HV_HYP_PAGE_SHIFT;
}

/*
 * Write an MSR that lays a page over the guest's memory: *@msr is what it was. The guest
 * may write to the assist page alone. TLFS, "Establishing the Hypercall Interface", has
 * the hypercall page so; OpenVMM makes the reference TSC page one of the same kind
 * (ReadOnlyLockedPage of vm/hv1/hv1_emulator/src/hv.rs).
 * Return: whether there is memory where it shall be; else nothing has changed.
 */
static bool write_overlay(struct child_vp *vp, u64 *msr, u64 value,
			  void (*fill)(struct child_vp *vp, void *page))
{
	struct child *child = vp->child;
	bool was_there = *msr & PAGE_ENABLE;
	bool is_there = value & PAGE_ENABLE;
	bool moves = is_there && (!was_there || is_elsewhere(*msr, value));
	bool read_only = msr != &vp->storage->vp_assist;
	void *page;

	if (moves && child_overlay(child, value >> HV_HYP_PAGE_SHIFT, read_only, &page))
		return false;
	if (was_there && (!is_there || moves))
		child_overlay_remove(child, *msr >> HV_HYP_PAGE_SHIFT);
	if (moves)
		fill(vp, page);
	*msr = value;
	return true;
}

static bool set_guest_os_id(struct child_vp *vp, u64 value)
{
	struct child_msrs *msrs = vp->child->msrs;

	msrs->guest_os_id = value;
	if (value)
		return true;
	/* TLFS: a guest without a name has no page for hypercalls. */
	return write_overlay(vp, &msrs->hypercall, msrs->hypercall & ~PAGE_ENABLE,
			     fill_hypercall_page);
}

static bool set_reference_tsc(struct child_vp *vp, u64 value)
{
	struct child_msrs *msrs = vp->child->msrs;
	bool taken;

	taken = write_overlay(vp, &msrs->reference_tsc, value, fill_tsc_page);
	if (!(msrs->reference_tsc & PAGE_ENABLE)) {
		msrs->tsc_page = NULL;
		child_time_by_clock(vp->child);
	}
	return taken;
}

/* What a guest that panics has to say lies in its memory. */
static void print_crash_text(struct child *child, u64 gpa, u64 size)
{
	u64 done, piece;
	const char *text;

	if (size > CRASH_TEXT_MAX)
		size = CRASH_TEXT_MAX;
	for (done = 0; done < size; done += piece) {
		piece = HV_HYP_PAGE_SIZE - (gpa + done) % HV_HYP_PAGE_SIZE;
		if (piece > size - done)
			piece = size - done;
		text = child_memory(child, gpa + done, piece);
		if (!text)
			return;
		fwrite(text, 1, strnlen(text, piece), stderr);
	}
}

static void report_crash(struct child_vp *vp, u64 value)
{
	struct child *child = vp->child;
	const u64 *p = child->msrs->crash;

	if (!(value & HV_CRASH_CTL_CRASH_NOTIFY))
		return;
	log_event(LOG_NO_VP, "child-crash",
		  "child=0x%llx index=%u p0=0x%llx p1=0x%llx p2=0x%llx p3=0x%llx p4=0x%llx",
		  (unsigned long long)child->id, vp->index, (unsigned long long)p[0],
		  (unsigned long long)p[1], (unsigned long long)p[2],
		  (unsigned long long)p[3], (unsigned long long)p[4]);
	if (value & HV_CRASH_CTL_CRASH_NOTIFY_MSG)
		print_crash_text(child, p[3], p[4]);
}

/* Whatever it was: messages that wait may have a way now. */
static bool set_synic(struct child_vp *vp, u32 msr, u64 value)
{
	bool taken = child_synic_set(vp, msr, value);

	child_stimer_retry(vp);
	return taken;
}

bool child_msr_get(struct child_vp *vp, u32 msr, u64 *value)
{
	struct child *child = vp->child;
	const u64 *kept;

	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
		*value = child->msrs->guest_os_id;
		return true;
	case HV_X64_MSR_HYPERCALL:
		*value = child->msrs->hypercall;
		return true;
	case HV_X64_MSR_VP_INDEX:
		*value = vp->index;
		return true;
	case HV_X64_MSR_VP_RUNTIME:
		*value = vp->run_time;
		return true;
	case HV_X64_MSR_TIME_REF_COUNT:
		*value = child_time(child);
		return true;
	case HV_X64_MSR_REFERENCE_TSC:
		*value = child->msrs->reference_tsc;
		return true;
	case HV_X64_MSR_TSC_FREQUENCY:
		*value = child->parent->tsc_hz;
		return true;
	case HV_X64_MSR_APIC_FREQUENCY:
		*value = APIC_TIMER_HZ;
		return true;
	case HV_X64_MSR_CRASH_CTL:
		*value = HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG;
		return true;
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		*value = child->msrs->tsc_invariant;
		return true;
	case HV_X64_MSR_EOI:
	case HV_X64_MSR_GUEST_IDLE:
		*value = 0;
		return true;
	case HV_X64_MSR_ICR:
		*value = vp->apic.icr;
		return true;
	case HV_X64_MSR_TPR:
		*value = vp->apic.tpr;
		return true;
	case HV_X64_MSR_VP_ASSIST_PAGE:
		*value = vp->storage->vp_assist;
		return true;
	default:
		if (child_synic_get(vp, msr, value) || child_stimer_get(vp, msr, value))
			return true;
		kept = stored(vp, msr);
		if (kept)
			*value = *kept;
		return kept;
	}
}

bool child_msr_set(struct child_vp *vp, u32 msr, u64 value)
{
	u64 unused, *kept;

	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
		return set_guest_os_id(vp, value);
	case HV_X64_MSR_HYPERCALL:
		return write_overlay(vp, &vp->child->msrs->hypercall, value,
				     fill_hypercall_page);
	case HV_X64_MSR_REFERENCE_TSC:
		return set_reference_tsc(vp, value);
	case HV_X64_MSR_VP_ASSIST_PAGE:
		return write_overlay(vp, &vp->storage->vp_assist, value, fill_assist_page);
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		vp->child->msrs->tsc_invariant = value;
		/* It has CPUID follow, if it has code for that. */
		child_kvm_set_msr(vp, msr, value);
		return true;
	case HV_X64_MSR_CRASH_CTL:
	case HV_X64_MSR_EOI:
		return true;
	case HV_X64_MSR_ICR:
		vp->apic.icr = value;
		return true;
	case HV_X64_MSR_TPR:
		if (value > TPR_MAX)
			return false;
		apic_set_tpr(&vp->apic, value);
		return true;
	default:
		if (child_synic_get(vp, msr, &unused))
			return set_synic(vp, msr, value);
		if (child_stimer_get(vp, msr, &unused))
			return child_stimer_set(vp, msr, value);
		kept = stored(vp, msr);
		if (kept)
			*kept = value;
		return kept;
	}
}

/* What is read or written with each interrupt, or each look at the time. */
static bool is_frequent(u32 msr)
{
	switch (msr) {
	case HV_X64_MSR_TIME_REF_COUNT:
	case HV_X64_MSR_VP_RUNTIME:
	case HV_X64_MSR_EOI:
	case HV_X64_MSR_ICR:
	case HV_X64_MSR_TPR:
	case HV_X64_MSR_EOM:
	case HV_X64_MSR_GUEST_IDLE:
	case HV_X64_MSR_STIMER0_COUNT:
	case HV_X64_MSR_STIMER1_COUNT:
	case HV_X64_MSR_STIMER2_COUNT:
	case HV_X64_MSR_STIMER3_COUNT:
		return true;
	default:
		return false;
	}
}

static void log_access(struct child_vp *vp, const char *event, u32 msr, u64 value)
{
	if (is_frequent(msr))
		return;
	log_event(LOG_NO_VP, event, "child=0x%llx index=%u msr=0x%x name=%s value=0x%llx",
		  (unsigned long long)vp->child->id, vp->index, msr,
		  name_of(msr_names, msr), (unsigned long long)value);
}

/* Whether there is such one for the guest. */
static bool is_there(struct child_vp *vp, u32 msr, u64 *value)
{
	return is_granted(vp->child, msr) && child_msr_get(vp, msr, value);
}

bool child_msr_read(struct child_vp *vp, u32 msr, u64 *value)
{
	*value = 0;
	if (!is_there(vp, msr, value)) {
		*value = 0;
		return vp->child->ignores_msrs;
	}
	log_access(vp, "child-msr-read", msr, *value);
	/* TLFS: it can only be written. */
	return msr != HV_X64_MSR_EOI;
}

bool child_msr_write(struct child_vp *vp, u32 msr, u64 value)
{
	struct child *child = vp->child;
	u64 unused;

	log_access(vp, "child-msr-write", msr, value);
	if (!is_there(vp, msr, &unused))
		return child->ignores_msrs;
	switch (msr) {
	case HV_X64_MSR_HYPERCALL:
		/* TLFS: "immutable". OpenVMM's answer to who tries is #GP. */
		if (child->msrs->hypercall & HV_HYPERCALL_MSR_LOCKED)
			return false;
		/* TLFS: the page is not enabled before the guest has a name. */
		if (!child->msrs->guest_os_id)
			value &= ~PAGE_ENABLE;
		break;
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		if (!takes_tsc_invariant(child, value))
			return false;
		break;
	case HV_X64_MSR_CRASH_CTL:
		report_crash(vp, value);
		break;
	case HV_X64_MSR_EOI:
		apic_end(&vp->apic);
		return true;
	case HV_X64_MSR_ICR:
		apic_command(&vp->apic, value);
		return true;
	case HV_X64_MSR_STIMER0_CONFIG ... HV_X64_MSR_STIMER3_COUNT:
		return child_stimer_write(vp, msr, value);
	default:
		if (!child_synic_takes(msr, value))
			return false;
	}
	return child_msr_set(vp, msr, value);
}

void child_msr_leave(struct child_vp *vp)
{
	if (vp->storage && vp->storage->vp_assist & PAGE_ENABLE)
		child_overlay_remove(vp->child, vp->storage->vp_assist >> HV_HYP_PAGE_SHIFT);
}

void child_msr_retime(struct child *child)
{
	struct child_vp *vp;
	u32 i;

	if (!child->msrs->tsc_page)
		return;
	for (i = 0; i < CHILD_VPS_MAX; i++) {
		vp = child->vps[i];
		if (!vp)
			continue;
		/* Their TSCs are one and the same, as KVM makes them. */
		child_vp_pull(vp);
		if (child->msrs->tsc_page)
			fill_tsc_page(vp, child->msrs->tsc_page);
		child_vp_release(vp);
		return;
	}
}
