// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a child's VP, by hypercall and by register page; what INIT and a
 * start-up IPI make of them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/partition.h"
#include "child.h"
#include "register.h"
#include "regs.h"
#include "walk.h"

#define CR0_ET			BIT_ULL(4)
#define CR0_NW			BIT_ULL(29)
#define CR0_CD			BIT_ULL(30)
#define RFLAGS_FIXED		BIT_ULL(1)
#define DR6_RESET		0xffff0ff0ULL
#define DR7_RESET		0x400ULL
#define RIP_RESET		0xfff0
#define LEAF_SIGNATURE		0x1
#define APIC_BASE_ENABLE	BIT_ULL(11)

/* The VP is out of KVM, and what the parent wrote to its page is in force. */
static void begin(struct child_vp *vp, bool *begun)
{
	if (*begun)
		return;
	child_vp_pull(vp);
	child_regs_absorb(vp);
	*begun = true;
}

static void finish(struct child_vp *vp, bool *begun)
{
	if (!*begun)
		return;
	child_regs_refresh(vp);
	child_vp_release(vp);
	*begun = false;
}

/* The VP runs next, with what its parent has written to its page. */
static void take_page(struct child_vp *vp)
{
	child_vp_pull(vp);
	child_regs_absorb(vp);
	child_vp_release(vp);
}

u16 child_regs_vp(struct hypercall *call, u64 id, u32 index, struct child_vp **vp)
{
	struct partition *partition = call->vp->partition;

	if (!child_find(partition, id))
		return HV_STATUS_INVALID_PARTITION_ID;
	*vp = child_find_vp(partition, id, index);
	return *vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

u16 child_regs_get(struct hypercall *call)
{
	const struct hv_input_get_vp_registers *input = call->in;
	union hv_register_value *values = call->out;
	struct child_vp *vp;
	bool begun = false;
	u16 status;

	status = child_regs_vp(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* A child has no other level of trust than its lowest. */
	if (input->input_vtl.target_vtl != HV_NORMAL_VTL)
		return HV_STATUS_INVALID_PARAMETER;

	begin(vp, &begun);
	for (; call->reps_done < call->rep_count; call->reps_done++) {
		union hv_register_value value;

		status = child_register_get(vp, input->names[call->reps_done], &value);
		if (status != HV_STATUS_SUCCESS)
			break;
		values[call->reps_done] = value;
	}
	finish(vp, &begun);
	return status;
}

u16 child_regs_set(struct hypercall *call)
{
	const struct hv_input_set_vp_registers *input = call->in;
	const struct hv_register_assoc *element;
	struct child_vp *vp;
	bool begun = false, changed = false, suspends;
	u16 status;

	status = child_regs_vp(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	/* A child has no other level of trust than its lowest. */
	if (input->input_vtl.target_vtl != HV_NORMAL_VTL)
		return HV_STATUS_INVALID_PARAMETER;

	for (; call->reps_done < call->rep_count; call->reps_done++) {
		union hv_register_value value;

		element = &input->elements[call->reps_done];
		value = element->value;
		suspends = child_register_suspends(element->name);
		if (suspends) {
			finish(vp, &begun);
			if (!value.explicit_suspend.suspended)
				take_page(vp);
		} else {
			begin(vp, &begun);
		}
		status = child_register_set(vp, element->name, &value);
		if (status != HV_STATUS_SUCCESS)
			break;
		/* Who stops it looks at its page next. */
		if (suspends && value.explicit_suspend.suspended)
			begin(vp, &begun);
		changed |= !suspends;
	}
	finish(vp, &begun);
	if (changed)
		child_sched_runnable(vp);
	return status;
}

static struct hv_vp_register_page *register_page(const struct child_vp *vp)
{
	if (vp->register_gpfn == ~0ULL)
		return NULL;
	return partition_page(vp->child->parent, vp->register_gpfn);
}

static void absorb_general(struct child_vp *vp, const struct hv_vp_register_page *page,
			   u32 first, u32 last)
{
	union hv_register_value value;
	u32 name;

	for (name = first; name <= last; name++) {
		value.reg64 = page->registers[name - HV_X64_REGISTER_RAX];
		child_register_set(vp, name, &value);
	}
}

static void absorb_segments(struct child_vp *vp, const struct hv_vp_register_page *page)
{
	union hv_register_value value;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(page->segment_registers); i++) {
		value.segment = page->segment_registers[i];
		child_register_set(vp, HV_X64_REGISTER_ES + i, &value);
	}
}

void child_regs_absorb(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);
	u32 dirty;

	if (!page)
		return;
	/* The parent's programs can write it at any time: look once. */
	dirty = __atomic_exchange_n(&page->dirty, 0, __ATOMIC_ACQUIRE);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_GENERAL))
		absorb_general(vp, page, HV_X64_REGISTER_RAX, HV_X64_REGISTER_R15);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_IP))
		absorb_general(vp, page, HV_X64_REGISTER_RIP, HV_X64_REGISTER_RIP);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_FLAGS))
		absorb_general(vp, page, HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_RFLAGS);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_XMM))
		child_register_set_xmm(vp, page->xmm_registers, sizeof(page->xmm_registers));
	if (dirty & BIT(HV_X64_REGISTER_CLASS_SEGMENT))
		absorb_segments(vp, page);
}

/* 0 where this processor has no such register, or there is no KVM. */
static union hv_register_value read_register(struct child_vp *vp, u32 name)
{
	union hv_register_value value;

	if (child_register_get(vp, name, &value) != HV_STATUS_SUCCESS)
		value = (union hv_register_value) { };
	return value;
}

void child_regs_refresh(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);
	u32 i;

	if (!page)
		return;
	for (i = 0; i < ARRAY_SIZE(page->registers); i++)
		page->registers[i] = read_register(vp, HV_X64_REGISTER_RAX + i).reg64;
	for (i = 0; i < ARRAY_SIZE(page->segment_registers); i++)
		page->segment_registers[i] = read_register(vp, HV_X64_REGISTER_ES + i).segment;
	child_register_get_xmm(vp, page->xmm_registers, sizeof(page->xmm_registers));

	/* What can be read there, and is set by hypercall only. */
	page->cr0 = read_register(vp, HV_X64_REGISTER_CR0).reg64;
	page->cr3 = read_register(vp, HV_X64_REGISTER_CR3).reg64;
	page->cr4 = read_register(vp, HV_X64_REGISTER_CR4).reg64;
	page->cr8 = read_register(vp, HV_X64_REGISTER_CR8).reg64;
	page->efer = read_register(vp, HV_X64_REGISTER_EFER).reg64;
	page->dr7 = read_register(vp, HV_X64_REGISTER_DR7).reg64;
	page->pending_interruption.as_uint64 =
		read_register(vp, HV_REGISTER_PENDING_INTERRUPTION).reg64;
	page->interrupt_state.as_uint64 = read_register(vp, HV_REGISTER_INTERRUPT_STATE).reg64;
	page->instruction_emulation_hints = 0;
	page->xfem = read_register(vp, HV_X64_REGISTER_XFEM).reg64;

	page->version = HV_VP_REGISTER_PAGE_VERSION_1;
	page->dirty = 0;
	__atomic_store_n(&page->isvalid, 1, __ATOMIC_RELEASE);
}

void child_regs_hide(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);

	if (page)
		__atomic_store_n(&page->isvalid, 0, __ATOMIC_RELEASE);
}

static void reset_segments(struct kvm_sregs *sregs)
{
	struct kvm_segment data = { .limit = 0xffff, .type = 3, .present = 1, .s = 1 };

	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cs = (struct kvm_segment) {
		.base = 0xffff0000,
		.limit = 0xffff,
		.selector = 0xf000,
		.type = 0xb,
		.present = 1,
		.s = 1,
	};
	sregs->tr = (struct kvm_segment) { .limit = 0xffff, .type = 0xb, .present = 1 };
	sregs->ldt = (struct kvm_segment) { .limit = 0xffff, .type = 2, .present = 1 };
	sregs->gdt = (struct kvm_dtable) { .limit = 0xffff };
	sregs->idt = (struct kvm_dtable) { .limit = 0xffff };
}

static void reset_debug(struct child_vp *vp)
{
	struct kvm_debugregs debug = { .dr6 = DR6_RESET, .dr7 = DR7_RESET };

	if (vp->fd >= 0)
		ioctl(vp->fd, KVM_SET_DEBUGREGS, &debug);
}

/* What INIT leaves alone stays: the FPU, MSRs, how caches work. */
void child_regs_reset(struct child_vp *vp)
{
	struct kvm_sync_regs *sync = child_vp_regs(vp);
	struct kvm_sregs *sregs = &sync->sregs;
	u32 leaf[4];

	/* RDX says which processor this is, as CPUID does. */
	child_cpuid_look_up(vp, LEAF_SIGNATURE, 0, leaf);
	sync->regs = (struct kvm_regs) {
		.rdx = leaf[0],
		.rip = RIP_RESET,
		.rflags = RFLAGS_FIXED,
	};
	reset_segments(sregs);
	sregs->cr0 = CR0_ET | (sregs->cr0 & (CR0_NW | CR0_CD));
	sregs->cr2 = 0;
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer = 0;
	sregs->cr8 = 0;
	vp->run->cr8 = 0;
	vp->apic.tpr = 0;

	/* KVM has said which of these it has. */
	sync->events = (struct kvm_vcpu_events) { .flags = sync->events.flags };
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS |
				   KVM_SYNC_X86_EVENTS;
	reset_debug(vp);
}

void child_regs_start(struct child_vp *vp, u8 vector)
{
	struct kvm_sync_regs *sync = child_vp_regs(vp);

	sync->sregs.cs.selector = vector << 8;
	sync->sregs.cs.base = (u64)vector << 12;
	sync->regs.rip = 0;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

int child_regs_init(struct child_vp *vp)
{
	vp->storage = calloc(1, sizeof(*vp->storage));
	if (!vp->storage)
		return -ENOMEM;
	child_regs_reset(vp);
	/* To KVM the first vCPU is the one that boots, whichever VP that is. */
	child_vp_regs(vp)->sregs.apic_base = vp->apic.base;
	/* The processor shows a local APIC as long as this says so. */
	if (!(vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		child_vp_regs(vp)->sregs.apic_base &= ~APIC_BASE_ENABLE;
	return 0;
}

void child_regs_exit(struct child_vp *vp)
{
	free(vp->storage);
	vp->storage = NULL;
}

bool child_regs_linear(struct child_vp *vp, u64 linear, u64 *gpa)
{
	return child_walk(vp, linear, 0, gpa) == HV_TRANSLATE_GVA_SUCCESS;
}

unsigned int child_regs_code(struct child_vp *vp, u8 *code, unsigned int size)
{
	const struct kvm_sync_regs *sync = child_vp_regs(vp);
	u64 linear = sync->sregs.cs.base + sync->regs.rip;
	unsigned int done = 0, piece;
	void *memory;
	u64 gpa;

	/* Only 64-bit code has addresses above 4 GiB. */
	if (!sync->sregs.cs.l)
		linear = (u32)linear;
	while (done < size) {
		piece = HV_HYP_PAGE_SIZE - (linear + done) % HV_HYP_PAGE_SIZE;
		if (piece > size - done)
			piece = size - done;
		if (!child_regs_linear(vp, linear + done, &gpa))
			break;
		memory = child_memory(vp->child, gpa, piece);
		if (!memory)
			break;
		memcpy(code + done, memory, piece);
		done += piece;
	}
	return done;
}
