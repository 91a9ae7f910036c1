// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that KVM has as registers.
 *
 * Most are in what KVM shares with us (struct kvm_sync_regs): KVM takes that over
 * as a set at the next entry, which is what control registers need, as a VMM
 * changes them one at a time. For the rest KVM is asked.
 */

#include <string.h>
#include <sys/ioctl.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "kvm_regs.h"
#include "reg.h"
#include "register_state.h"
#include "vp.h"

#define RFLAGS_FIXED		BIT_ULL(1)
#define CR8_MAX			15

static struct kvm_sregs *dirty_sregs(struct child_vp *vp)
{
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	return &child_vp_regs(vp)->sregs;
}

/* In the order of names, which is that of the register page too. */
static __u64 *general(struct child_vp *vp, u32 number)
{
	struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	__u64 *const all[] = {
		&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp,
		&regs->rsi, &regs->rdi, &regs->r8, &regs->r9, &regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15, &regs->rip, &regs->rflags,
	};

	return all[number];
}

static u16 get_general(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	value->reg64 = *general(vp, where);
	return HV_STATUS_SUCCESS;
}

static u16 set_general(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	*general(vp, where) = value->reg64;
	child_vp_regs(vp)->regs.rflags |= RFLAGS_FIXED;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	return HV_STATUS_SUCCESS;
}

static u16 get_fpu(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	return child_kvm_get_fxsave(vp, where, value, sizeof(*value)) ?
		HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_STATE;
}

static u16 set_fpu(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	return child_kvm_set_fxsave(vp, where, value, sizeof(*value)) ?
		HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

/* @where is an offset in struct kvm_sregs. */
static u16 get_sreg(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	memcpy(&value->reg64, (u8 *)&child_vp_regs(vp)->sregs + where, sizeof(u64));
	return HV_STATUS_SUCCESS;
}

static u16 set_sreg(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	memcpy((u8 *)dirty_sregs(vp) + where, &value->reg64, sizeof(u64));
	return HV_STATUS_SUCCESS;
}

/* The guest changes it by CR8 and by its local APIC's page; the latter has it. */
static u16 get_cr8(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = vp->apic.tpr >> 4;
	return HV_STATUS_SUCCESS;
}

static u16 set_cr8(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)where;
	if (value->reg64 > CR8_MAX)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->apic.tpr = value->reg64 << 4;
	vp->run->cr8 = value->reg64;
	dirty_sregs(vp)->cr8 = value->reg64;
	return HV_STATUS_SUCCESS;
}

static u16 set_apic_base(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	vp->apic.base = value->reg64;
	return set_sreg(vp, where, value);
}

static u16 get_xfem(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	u64 xcr0;

	(void)where;
	if (!child_kvm_get_xcr0(vp, &xcr0))
		return HV_STATUS_INVALID_PARAMETER;
	value->reg64 = xcr0;
	return HV_STATUS_SUCCESS;
}

static u16 set_xfem(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value->reg64 };

	(void)where;
	return ioctl(vp->fd, KVM_SET_XCRS, &xcrs) < 0 ?
		HV_STATUS_INVALID_REGISTER_VALUE : HV_STATUS_SUCCESS;
}

/* DR0 to DR3, DR6 and DR7, in the order of names. */
static __u64 *debug_register(struct kvm_debugregs *regs, u32 number)
{
	if (number < ARRAY_SIZE(regs->db))
		return &regs->db[number];
	return number == ARRAY_SIZE(regs->db) ? &regs->dr6 : &regs->dr7;
}

static u16 get_debug(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	struct kvm_debugregs regs;

	if (ioctl(vp->fd, KVM_GET_DEBUGREGS, &regs) < 0)
		return HV_STATUS_INVALID_VP_STATE;
	value->reg64 = *debug_register(&regs, where);
	return HV_STATUS_SUCCESS;
}

static u16 set_debug(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	struct kvm_debugregs regs;

	if (ioctl(vp->fd, KVM_GET_DEBUGREGS, &regs) < 0)
		return HV_STATUS_INVALID_VP_STATE;
	*debug_register(&regs, where) = value->reg64;
	return ioctl(vp->fd, KVM_SET_DEBUGREGS, &regs) < 0 ?
		HV_STATUS_INVALID_REGISTER_VALUE : HV_STATUS_SUCCESS;
}

/* In the order of names; the register page has the first six. */
static struct kvm_segment *segment(struct child_vp *vp, u32 number)
{
	struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;
	struct kvm_segment *const all[] = {
		&sregs->es, &sregs->cs, &sregs->ss, &sregs->ds, &sregs->fs, &sregs->gs,
		&sregs->ldt, &sregs->tr,
	};

	return all[number];
}

static u16 get_segment(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	value->segment = child_kvm_segment(segment(vp, where));
	return HV_STATUS_SUCCESS;
}

static u16 set_segment(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	const struct hv_x64_segment_register *from = &value->segment;

	dirty_sregs(vp);
	*segment(vp, where) = (struct kvm_segment) {
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = from->segment_type,
		.s = from->non_system_segment,
		.dpl = from->descriptor_privilege_level,
		.present = from->present,
		.avl = from->available,
		.l = from->_long,
		.db = from->_default,
		.g = from->granularity,
		.unusable = !from->present,
	};
	return HV_STATUS_SUCCESS;
}

/* @where is an offset in struct kvm_sregs. */
static u16 get_table(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	struct kvm_dtable table;

	memcpy(&table, (u8 *)&child_vp_regs(vp)->sregs + where, sizeof(table));
	value->table.base = table.base;
	value->table.limit = table.limit;
	return HV_STATUS_SUCCESS;
}

static u16 set_table(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	struct kvm_dtable table = {
		.base = value->table.base,
		.limit = value->table.limit,
	};

	memcpy((u8 *)dirty_sregs(vp) + where, &table, sizeof(table));
	return HV_STATUS_SUCCESS;
}

#define SREG(name)	((u32)offsetof(struct kvm_sregs, name))
#define SREG_AT(name, sreg) \
	{ HV_X64_REGISTER_##name, HV_X64_REGISTER_##name, SREG(sreg), 0, get_sreg, set_sreg }

static const struct child_reg regs[] = {
	{ HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS, 0, 1, get_general, set_general },
	{ HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM15,
	  FXSAVE_XMM, FXSAVE_STEP, get_fpu, set_fpu },
	{ HV_X64_REGISTER_FP_MMX0, HV_X64_REGISTER_FP_MMX7,
	  FXSAVE_ST, FXSAVE_STEP, get_fpu, set_fpu },
	{ HV_X64_REGISTER_FP_CONTROL_STATUS, HV_X64_REGISTER_FP_CONTROL_STATUS,
	  FXSAVE_CONTROL, 0, get_fpu, set_fpu },
	{ HV_X64_REGISTER_XMM_CONTROL_STATUS, HV_X64_REGISTER_XMM_CONTROL_STATUS,
	  FXSAVE_XMM_CONTROL, 0, get_fpu, set_fpu },
	SREG_AT(CR0, cr0),
	SREG_AT(CR2, cr2),
	SREG_AT(CR3, cr3),
	SREG_AT(CR4, cr4),
	{ HV_X64_REGISTER_CR8, HV_X64_REGISTER_CR8, 0, 0, get_cr8, set_cr8 },
	{ HV_X64_REGISTER_XFEM, HV_X64_REGISTER_XFEM, 0, 0, get_xfem, set_xfem },
	SREG_AT(INTERMEDIATE_CR0, cr0),
	SREG_AT(INTERMEDIATE_CR3, cr3),
	SREG_AT(INTERMEDIATE_CR4, cr4),
	{ HV_X64_REGISTER_INTERMEDIATE_CR8, HV_X64_REGISTER_INTERMEDIATE_CR8,
	  0, 0, get_cr8, set_cr8 },
	{ HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR7, 0, 1, get_debug, set_debug },
	{ HV_X64_REGISTER_ES, HV_X64_REGISTER_TR, 0, 1, get_segment, set_segment },
	{ HV_X64_REGISTER_IDTR, HV_X64_REGISTER_IDTR, SREG(idt), 0, get_table, set_table },
	{ HV_X64_REGISTER_GDTR, HV_X64_REGISTER_GDTR, SREG(gdt), 0, get_table, set_table },
	SREG_AT(EFER, efer),
	{ HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_APIC_BASE,
	  SREG(apic_base), 0, get_sreg, set_apic_base },
};

const struct child_reg_table child_reg_state = { regs, ARRAY_SIZE(regs) };
