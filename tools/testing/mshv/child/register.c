// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a child's VP by their names: which there are, and where they are.
 *
 * Most are in what KVM shares with us (struct kvm_sync_regs): KVM takes that over
 * as a set at the next entry, which is what control registers need, as a VMM
 * changes them one at a time. For the rest KVM is asked.
 */

#include <string.h>
#include <sys/ioctl.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <asm/msr-index.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "apic.h"
#include "cpuid.h"
#include "kvm_regs.h"
#include "msr.h"
#include "register.h"
#include "synic.h"
#include "vp.h"

#define RFLAGS_FIXED		BIT_ULL(1)
#define CR8_MAX			15

#define NMI_VECTOR		2
#define EXCEPTIONS		32

#define MSR_MTRR_CAPABILITIES	0xfe
#define MSR_MTRR_BASE0		0x200
#define MSR_MTRR_MASK0		0x201
#define MSR_MTRR_FIX64K		0x250
#define MSR_MTRR_FIX16K		0x258
#define MSR_MTRR_FIX4K		0x268
#define MSR_MTRR_DEFAULT	0x2ff

/* By the crate hvdef of OpenVMM; the headers of the kernel have no names for these. */
#define HV_X64_REGISTER_TSX_CTRL		0x00080088
#define HV_X64_REGISTER_UMWAIT_CONTROL		0x00080098
#define HV_X64_REGISTER_XFD			0x00080099
#define HV_X64_REGISTER_XFD_ERR			0x0008009a

/**
 * struct reg - how registers of consecutive names are reached
 * @first: the first name
 * @last: the last name
 * @where: where the first is, as @get and @set understand it
 * @step: how much farther the next is
 * @get: reads one
 * @set: writes one; NULL: it can only be read
 */
struct reg {
	u32 first;
	u32 last;
	u32 where;
	u32 step;
	u16 (*get)(struct child_vp *vp, u32 where, union hv_register_value *value);
	u16 (*set)(struct child_vp *vp, u32 where, const union hv_register_value *value);
};

static struct kvm_sregs *dirty_sregs(struct child_vp *vp)
{
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	return &child_vp_regs(vp)->sregs;
}

static struct kvm_vcpu_events *dirty_events(struct child_vp *vp)
{
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	return &child_vp_regs(vp)->events;
}

static u16 get_suspend(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	switch (where) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
		value->explicit_suspend.suspended = vp->explicit_suspend;
		break;
	case HV_REGISTER_INTERCEPT_SUSPEND:
		value->intercept_suspend.suspended = vp->intercept_suspend;
		break;
	default:
		value->dispatch_suspend.suspended = vp->dispatch_suspend;
		break;
	}
	return HV_STATUS_SUCCESS;
}

static u16 get_activity(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	if (vp->apic.wait_for_sipi)
		value->reg64 |= HV_ACTIVITY_STARTUP_SUSPEND;
	if (vp->halted)
		value->reg64 |= HV_ACTIVITY_HALT_SUSPEND;
	if (vp->idle)
		value->reg64 |= HV_ACTIVITY_IDLE_SUSPEND;
	return HV_STATUS_SUCCESS;
}

static u16 set_activity(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)where;
	if (value->reg64 & ~(HV_ACTIVITY_STARTUP_SUSPEND | HV_ACTIVITY_HALT_SUSPEND |
			     HV_ACTIVITY_IDLE_SUSPEND))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	vp->apic.wait_for_sipi = value->reg64 & HV_ACTIVITY_STARTUP_SUSPEND;
	vp->halted = value->reg64 & HV_ACTIVITY_HALT_SUSPEND;
	vp->idle = value->reg64 & HV_ACTIVITY_IDLE_SUSPEND;
	/* The line of the call has the first of its registers only. */
	log_event(LOG_NO_VP, "child-activity", "child=0x%llx index=%u value=0x%llx",
		  (unsigned long long)vp->child->id, vp->index,
		  (unsigned long long)value->reg64);
	return HV_STATUS_SUCCESS;
}

static u16 get_interruption(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;
	union hv_x64_pending_interruption_register pending = { .interruption_pending = 1 };

	(void)where;
	if (events->exception.injected) {
		pending.interruption_type = HV_INTERRUPTION_TYPE_EXCEPTION;
		pending.deliver_error_code = events->exception.has_error_code;
		pending.interruption_vector = events->exception.nr;
		pending.error_code = events->exception.error_code;
	} else if (events->nmi.injected) {
		pending.interruption_type = HV_INTERRUPTION_TYPE_NMI;
		pending.interruption_vector = NMI_VECTOR;
	} else if (events->interrupt.injected) {
		pending.interruption_type = events->interrupt.soft ?
			HV_INTERRUPTION_TYPE_SOFTWARE : HV_INTERRUPTION_TYPE_INTERRUPT;
		pending.interruption_vector = events->interrupt.nr;
	} else {
		return HV_STATUS_SUCCESS;
	}
	value->pending_interruption = pending;
	return HV_STATUS_SUCCESS;
}

/* What KVM can inject as an exception. */
static bool is_exception(u32 vector)
{
	return vector < EXCEPTIONS && vector != NMI_VECTOR;
}

static u16 set_interruption(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	union hv_x64_pending_interruption_register pending = value->pending_interruption;
	u32 vector = pending.interruption_vector;
	struct kvm_vcpu_events *events;

	(void)where;
	if (pending.interruption_pending) {
		switch (pending.interruption_type) {
		case HV_INTERRUPTION_TYPE_INTERRUPT:
			if (vector > 0xff)
				return HV_STATUS_INVALID_REGISTER_VALUE;
			break;
		case HV_INTERRUPTION_TYPE_NMI:
			break;
		case HV_INTERRUPTION_TYPE_EXCEPTION:
			if (is_exception(vector))
				break;
			fallthrough;
		default:
			/* Of software interrupts KVM does not take the length. */
			return HV_STATUS_INVALID_REGISTER_VALUE;
		}
	}

	events = dirty_events(vp);
	events->exception.injected = 0;
	events->nmi.injected = 0;
	events->interrupt.injected = 0;
	if (!pending.interruption_pending)
		return HV_STATUS_SUCCESS;

	if (pending.interruption_type == HV_INTERRUPTION_TYPE_EXCEPTION) {
		events->exception.injected = 1;
		events->exception.pending = 0;
		events->exception.nr = vector;
		events->exception.has_error_code = pending.deliver_error_code;
		events->exception.error_code = pending.error_code;
	} else if (pending.interruption_type == HV_INTERRUPTION_TYPE_NMI) {
		events->nmi.injected = 1;
	} else {
		events->interrupt.injected = 1;
		events->interrupt.nr = vector;
		events->interrupt.soft = 0;
	}
	return HV_STATUS_SUCCESS;
}

static u16 get_interrupt_state(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;

	(void)where;
	value->interrupt_state.interrupt_shadow = !!events->interrupt.shadow;
	value->interrupt_state.nmi_masked = !!events->nmi.masked;
	return HV_STATUS_SUCCESS;
}

static u16 set_interrupt_state(struct child_vp *vp, u32 where,
			       const union hv_register_value *value)
{
	struct kvm_vcpu_events *events = dirty_events(vp);

	(void)where;
	/* KVM knows two kinds of shadow. One that is there already stays as it is. */
	if (!value->interrupt_state.interrupt_shadow)
		events->interrupt.shadow = 0;
	else if (!events->interrupt.shadow)
		events->interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	events->flags |= KVM_VCPUEVENT_VALID_SHADOW;
	events->nmi.masked = value->interrupt_state.nmi_masked;
	return HV_STATUS_SUCCESS;
}

/* One of the legacy controller's, which no state of the local APIC has. */
static void get_ext_int(struct child_vp *vp, union hv_register_value *value)
{
	const struct hv_x64_pending_ext_int_event event = {
		.event_pending = 1,
		.event_type = HV_X64_PENDING_EVENT_EXT_INT,
		.vector = vp->apic.extint_vector,
	};

	memcpy(value, &event, sizeof(event));
}

static u16 set_ext_int(struct child_vp *vp, const union hv_register_value *value)
{
	struct hv_x64_pending_ext_int_event event;

	memcpy(&event, value, sizeof(event));
	dirty_events(vp)->exception.pending = 0;
	apic_deliver(&vp->apic, APIC_EXTINT, event.vector, false);
	return HV_STATUS_SUCCESS;
}

static u16 get_event0(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_vcpu_events *events = &child_vp_regs(vp)->events;
	struct hv_x64_pending_exception_event event = { };

	(void)where;
	/* There is one register for both. The exception comes first, to the guest as well. */
	if (vp->apic.extint && !events->exception.pending) {
		get_ext_int(vp, value);
		return HV_STATUS_SUCCESS;
	}
	if (events->exception.pending) {
		event.event_pending = 1;
		event.deliver_error_code = events->exception.has_error_code;
		event.vector = events->exception.nr;
		event.error_code = events->exception.error_code;
		if (events->exception_has_payload)
			event.exception_parameter = events->exception_payload;
	}
	memcpy(value, &event, sizeof(event));
	return HV_STATUS_SUCCESS;
}

/*
 * Only these two: KVM keeps no other event apart from those being delivered. An exception
 * takes no interrupt away: who injects one may not know of that.
 */
static u16 set_event0(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	struct hv_x64_pending_exception_event event;
	struct kvm_vcpu_events *events;

	(void)where;
	memcpy(&event, value, sizeof(event));
	if (event.event_pending && event.event_type == HV_X64_PENDING_EVENT_EXT_INT)
		return set_ext_int(vp, value);
	if (event.event_pending && (event.event_type || !is_exception(event.vector)))
		return HV_STATUS_INVALID_REGISTER_VALUE;

	events = dirty_events(vp);
	events->exception.pending = event.event_pending;
	events->exception_has_payload = 0;
	if (!event.event_pending) {
		vp->apic.extint = false;
		return HV_STATUS_SUCCESS;
	}
	events->exception.injected = 0;
	events->exception.nr = event.vector;
	events->exception.has_error_code = event.deliver_error_code;
	events->exception.error_code = event.error_code;
	/* What becomes CR2 or part of DR6 when the exception is delivered. */
	events->exception_has_payload = event.vector == PF_VECTOR || event.vector == DB_VECTOR;
	events->exception_payload = event.exception_parameter;
	events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	return HV_STATUS_SUCCESS;
}

static u16 get_event1(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg128 = vp->storage->pending_event1;
	return HV_STATUS_SUCCESS;
}

static u16 set_event1(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)where;
	vp->storage->pending_event1 = value->reg128;
	return HV_STATUS_SUCCESS;
}

static u16 get_deliverability(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = (u64)vp->synic->notify << HV_DELIVERABILITY_SINTS_SHIFT |
		       (u64)vp->notify_priority << HV_DELIVERABILITY_PRIORITY_SHIFT;
	if (vp->notify_nmi)
		value->reg64 |= HV_DELIVERABILITY_NMI;
	if (vp->notify_interrupt)
		value->reg64 |= HV_DELIVERABILITY_INTERRUPT;
	return HV_STATUS_SUCCESS;
}

/*
 * Where the hypervisor has the local APIC, NMIs and priorities are its own: to ask for
 * an NMI is INVALID_PARAMETER (rust-vmm, test_register_deliverabilty_notifications()),
 * and so is all but SINTs and an interrupt (OpenVMM, vmm_core/virt_whp/src/hypercalls.rs).
 * A VMM with local APICs of its own asks for all of them (the same, apic.rs).
 */
static u16 set_deliverability(struct child_vp *vp, u32 where,
			      const union hv_register_value *value)
{
	u64 known = HV_DELIVERABILITY_INTERRUPT | ~0ULL << HV_DELIVERABILITY_SINTS_SHIFT;

	(void)where;
	if (!(vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		known |= HV_DELIVERABILITY_NMI | (u64)HV_DELIVERABILITY_PRIORITY_MAX <<
						 HV_DELIVERABILITY_PRIORITY_SHIFT;
	if (value->reg64 & ~known)
		return HV_STATUS_INVALID_PARAMETER;
	vp->notify_nmi = value->reg64 & HV_DELIVERABILITY_NMI;
	vp->notify_interrupt = value->reg64 & HV_DELIVERABILITY_INTERRUPT;
	vp->notify_priority = value->reg64 >> HV_DELIVERABILITY_PRIORITY_SHIFT &
			      HV_DELIVERABILITY_PRIORITY_MAX;
	child_synic_notify(vp, value->reg64 >> HV_DELIVERABILITY_SINTS_SHIFT);
	return HV_STATUS_SUCCESS;
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

/* One that this processor does not have is a register that is not there. */
static u16 get_msr(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	u64 msr;

	if (!child_kvm_get_msr(vp, where, &msr))
		return HV_STATUS_INVALID_PARAMETER;
	value->reg64 = msr;
	return HV_STATUS_SUCCESS;
}

static u16 set_msr(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	return child_kvm_set_msr(vp, where, value->reg64) ?
		HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

/* The guest may have a page that says what time it is at which count. */
static u16 set_tsc(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	u16 status = set_msr(vp, where, value);

	if (status == HV_STATUS_SUCCESS)
		child_msr_retime(vp->child);
	return status;
}

/* KVM has the shadow stack's pointer for guests that have such stacks, and not as an MSR. */
static u16 get_ssp(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	const struct kvm_one_reg one = {
		.id = KVM_X86_REG_KVM(KVM_REG_GUEST_SSP),
		.addr = (uintptr_t)&value->reg64,
	};

	(void)where;
	return ioctl(vp->fd, KVM_GET_ONE_REG, &one) < 0 ?
		HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
}

static u16 set_ssp(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	const struct kvm_one_reg one = {
		.id = KVM_X86_REG_KVM(KVM_REG_GUEST_SSP),
		.addr = (uintptr_t)&value->reg64,
	};

	(void)where;
	return ioctl(vp->fd, KVM_SET_ONE_REG, &one) < 0 ?
		HV_STATUS_INVALID_REGISTER_VALUE : HV_STATUS_SUCCESS;
}

static u16 get_apic_id(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = vp->apic.id;
	return HV_STATUS_SUCCESS;
}

/* A VMM whose topology has gaps numbers its VPs' APICs so, before they run. */
static u16 set_apic_id(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	u32 max = vp->child->flags & HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE ?
		  APIC_ID_MAX_X2APIC : APIC_ID_MAX;
	u32 before = vp->apic.id;

	(void)where;
	if (value->reg64 > max)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	if (value->reg64 == before)
		return HV_STATUS_SUCCESS;
	/* CPUID tells it, and KVM takes no other answers then. */
	if (vp->ran)
		return HV_STATUS_INVALID_VP_STATE;
	vp->apic.id = value->reg64;
	if (!child_cpuid_init(vp))
		return HV_STATUS_SUCCESS;
	vp->apic.id = before;
	return HV_STATUS_INVALID_REGISTER_VALUE;
}

static u16 get_apic_version(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)vp;
	(void)where;
	value->reg64 = APIC_VERSION_TOLD;
	return HV_STATUS_SUCCESS;
}

/* @where is a leaf of the hypervisor's, as CPUID tells this VP. */
static u16 get_leaf(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	u32 leaf[4];

	child_cpuid_look_up(vp, where, 0, leaf);
	memcpy(&value->reg128, leaf, sizeof(leaf));
	return HV_STATUS_SUCCESS;
}

/* What hvemu has none of, and KVM has no place for. */
static u16 get_nothing(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)vp;
	(void)where;
	value->reg64 = 0;
	return HV_STATUS_SUCCESS;
}

static u16 set_nothing(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	(void)vp;
	(void)where;
	return value->reg64 ? HV_STATUS_INVALID_REGISTER_VALUE : HV_STATUS_SUCCESS;
}

static u16 get_signals(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	(void)where;
	value->reg64 = vp->signals;
	return HV_STATUS_SUCCESS;
}

/* @where is a synthetic MSR: msr.c has them. */
static u16 get_synthetic(struct child_vp *vp, u32 where, union hv_register_value *value)
{
	u64 msr;

	if (!child_msr_get(vp, where, &msr))
		return HV_STATUS_INVALID_PARAMETER;
	value->reg64 = msr;
	return HV_STATUS_SUCCESS;
}

static u16 set_synthetic(struct child_vp *vp, u32 where, const union hv_register_value *value)
{
	return child_msr_set(vp, where, value->reg64) ?
		HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE;
}

#define SREG(name)	((u32)offsetof(struct kvm_sregs, name))
#define SREG_AT(name, sreg) \
	{ HV_X64_REGISTER_##name, HV_X64_REGISTER_##name, SREG(sreg), 0, get_sreg, set_sreg }
#define MSR_AT(name, msr) \
	{ HV_X64_REGISTER_##name, HV_X64_REGISTER_##name, msr, 0, get_msr, set_msr }
#define MSRS_AT(first, last, msr, step) \
	{ HV_X64_REGISTER_##first, HV_X64_REGISTER_##last, msr, step, get_msr, set_msr }
#define SYNTHETIC(first, last, msr) \
	{ first, last, msr, 1, get_synthetic, set_synthetic }
#define LEAF(name, leaf) \
	{ HV_REGISTER_##name, HV_REGISTER_##name, leaf, 0, get_leaf, NULL }
#define COMPUTED(name, msr) \
	{ HV_REGISTER_##name, HV_REGISTER_##name, msr, 0, get_synthetic, NULL }

static const struct reg regs[] = {
	{ HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND,
	  HV_REGISTER_EXPLICIT_SUSPEND, 1, get_suspend, NULL },
	{ HV_REGISTER_INSTRUCTION_EMULATION_HINTS, HV_REGISTER_INSTRUCTION_EMULATION_HINTS,
	  0, 0, get_nothing, NULL },
	{ HV_REGISTER_DISPATCH_SUSPEND, HV_REGISTER_DISPATCH_SUSPEND,
	  HV_REGISTER_DISPATCH_SUSPEND, 0, get_suspend, NULL },
	{ HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
	  0, 0, get_activity, set_activity },
	{ HV_REGISTER_PENDING_INTERRUPTION, HV_REGISTER_PENDING_INTERRUPTION,
	  0, 0, get_interruption, set_interruption },
	{ HV_REGISTER_INTERRUPT_STATE, HV_REGISTER_INTERRUPT_STATE,
	  0, 0, get_interrupt_state, set_interrupt_state },
	{ HV_REGISTER_PENDING_EVENT0, HV_REGISTER_PENDING_EVENT0,
	  0, 0, get_event0, set_event0 },
	{ HV_REGISTER_PENDING_EVENT1, HV_REGISTER_PENDING_EVENT1,
	  0, 0, get_event1, set_event1 },
	{ HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	  0, 0, get_deliverability, set_deliverability },
	{ HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION,
	  0, 0, get_nothing, set_nothing },

	/* Each as the guest sees it by CPUID: EAX in the lowest place. */
	LEAF(HYPERVISOR_VERSION, HYPERV_CPUID_VERSION),
	LEAF(PRIVILEGES_AND_FEATURES_INFO, HYPERV_CPUID_FEATURES),
	LEAF(FEATURES_INFO, HYPERV_CPUID_ENLIGHTMENT_INFO),
	LEAF(IMPLEMENTATION_LIMITS_INFO, HYPERV_CPUID_IMPLEMENT_LIMITS),
	LEAF(HARDWARE_FEATURES_INFO, HYPERV_CPUID_HARDWARE_FEATURES),
	LEAF(CPU_MANAGEMENT_FEATURES_INFO, HYPERV_CPUID_CPU_MANAGEMENT_FEATURES),
	LEAF(NESTED_VIRT_FEATURES_INFO, HYPERV_CPUID_NESTED_FEATURES),
	COMPUTED(PROCESSOR_CLOCK_FREQUENCY, HV_X64_MSR_TSC_FREQUENCY),
	COMPUTED(INTERRUPT_CLOCK_FREQUENCY, HV_X64_MSR_APIC_FREQUENCY),

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

	{ HV_X64_REGISTER_TSC, HV_X64_REGISTER_TSC, MSR_IA32_TSC, 0, get_msr, set_tsc },
	SREG_AT(EFER, efer),
	MSR_AT(KERNEL_GS_BASE, MSR_KERNEL_GS_BASE),
	{ HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_APIC_BASE,
	  SREG(apic_base), 0, get_sreg, set_apic_base },
	MSR_AT(PAT, MSR_IA32_CR_PAT),
	MSR_AT(SYSENTER_CS, MSR_IA32_SYSENTER_CS),
	MSR_AT(SYSENTER_EIP, MSR_IA32_SYSENTER_EIP),
	MSR_AT(SYSENTER_ESP, MSR_IA32_SYSENTER_ESP),
	MSRS_AT(STAR, SFMASK, MSR_STAR, 1),
	{ HV_X64_REGISTER_INITIAL_APIC_ID, HV_X64_REGISTER_INITIAL_APIC_ID,
	  0, 0, get_apic_id, set_apic_id },
	{ HV_X64_REGISTER_APIC_ID, HV_X64_REGISTER_APIC_ID, 0, 0, get_apic_id, set_apic_id },
	{ HV_X64_REGISTER_APIC_VERSION, HV_X64_REGISTER_APIC_VERSION,
	  0, 0, get_apic_version, NULL },
	{ HV_X64_REGISTER_MSR_MTRR_CAP, HV_X64_REGISTER_MSR_MTRR_CAP,
	  MSR_MTRR_CAPABILITIES, 0, get_msr, NULL },
	MSR_AT(MSR_MTRR_DEF_TYPE, MSR_MTRR_DEFAULT),
	MSRS_AT(MSR_MTRR_PHYS_BASE0, MSR_MTRR_PHYS_BASEF, MSR_MTRR_BASE0, 2),
	MSRS_AT(MSR_MTRR_PHYS_MASK0, MSR_MTRR_PHYS_MASKF, MSR_MTRR_MASK0, 2),
	MSR_AT(MSR_MTRR_FIX64K00000, MSR_MTRR_FIX64K),
	MSRS_AT(MSR_MTRR_FIX16K80000, MSR_MTRR_FIX16KA0000, MSR_MTRR_FIX16K, 1),
	MSRS_AT(MSR_MTRR_FIX4KC0000, MSR_MTRR_FIX4KF8000, MSR_MTRR_FIX4K, 1),
	MSR_AT(TSC_AUX, MSR_TSC_AUX),
	MSR_AT(BNDCFGS, MSR_IA32_BNDCFGS),
	MSR_AT(DEBUG_CTL, MSR_IA32_DEBUGCTLMSR),
	MSR_AT(SPEC_CTRL, MSR_IA32_SPEC_CTRL),
	MSR_AT(PRED_CMD, MSR_IA32_PRED_CMD),
	MSR_AT(VIRT_SPEC_CTRL, MSR_AMD64_VIRT_SPEC_CTRL),
	MSR_AT(U_XSS, MSR_IA32_XSS),
	MSR_AT(U_CET, MSR_IA32_U_CET),
	MSR_AT(S_CET, MSR_IA32_S_CET),
	{ HV_X64_REGISTER_SSP, HV_X64_REGISTER_SSP, 0, 0, get_ssp, set_ssp },
	MSRS_AT(PL0_SSP, PL3_SSP, MSR_IA32_PL0_SSP, 1),
	MSR_AT(INTERRUPT_SSP_TABLE, MSR_IA32_INT_SSP_TAB),
	MSR_AT(TSC_ADJUST, MSR_IA32_TSC_ADJUST),
	MSR_AT(MISC_ENABLE, MSR_IA32_MISC_ENABLE),
	MSR_AT(TSX_CTRL, MSR_IA32_TSX_CTRL),
	MSR_AT(UMWAIT_CONTROL, MSR_IA32_UMWAIT_CONTROL),
	MSR_AT(XFD, MSR_IA32_XFD),
	MSR_AT(XFD_ERR, MSR_IA32_XFD_ERR),

	SYNTHETIC(HV_REGISTER_GUEST_CRASH_P0, HV_REGISTER_GUEST_CRASH_CTL, HV_X64_MSR_CRASH_P0),
	COMPUTED(VP_RUNTIME, HV_X64_MSR_VP_RUNTIME),
	SYNTHETIC(HV_X64_REGISTER_SYNTHETIC_EOI, HV_X64_REGISTER_SYNTHETIC_TPR, HV_X64_MSR_EOI),
	SYNTHETIC(HV_X64_REGISTER_HYPERCALL, HV_X64_REGISTER_HYPERCALL, HV_X64_MSR_HYPERCALL),
	SYNTHETIC(HV_REGISTER_GUEST_OS_ID, HV_REGISTER_GUEST_OS_ID, HV_X64_MSR_GUEST_OS_ID),
	COMPUTED(VP_INDEX, HV_X64_MSR_VP_INDEX),
	COMPUTED(TIME_REF_COUNT, HV_X64_MSR_TIME_REF_COUNT),
	SYNTHETIC(HV_REGISTER_VP_ASSIST_PAGE, HV_REGISTER_VP_ASSIST_PAGE,
		  HV_X64_MSR_VP_ASSIST_PAGE),
	{ HV_REGISTER_VP_ROOT_SIGNAL_COUNT, HV_REGISTER_VP_ROOT_SIGNAL_COUNT,
	  0, 0, get_signals, NULL },
	SYNTHETIC(HV_REGISTER_REFERENCE_TSC, HV_REGISTER_REFERENCE_TSC,
		  HV_X64_MSR_REFERENCE_TSC),
	SYNTHETIC(HV_REGISTER_SINT0, HV_REGISTER_SINT15, HV_X64_MSR_SINT0),
	SYNTHETIC(HV_REGISTER_SCONTROL, HV_REGISTER_SIRBP, HV_X64_MSR_SCONTROL),
	SYNTHETIC(HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER3_COUNT,
		  HV_X64_MSR_STIMER0_CONFIG),
};

static const struct reg *find(u32 name)
{
	const struct reg *reg;

	for (reg = regs; reg < regs + ARRAY_SIZE(regs); reg++)
		if (name >= reg->first && name <= reg->last)
			return reg;
	return NULL;
}

static u32 place_of(const struct reg *reg, u32 name)
{
	return reg->where + (name - reg->first) * reg->step;
}

u16 child_register_get(struct child_vp *vp, u32 name, union hv_register_value *value)
{
	const struct reg *reg = find(name);

	*value = (union hv_register_value) { };
	return reg ? reg->get(vp, place_of(reg, name), value) : HV_STATUS_INVALID_PARAMETER;
}

u16 child_register_set(struct child_vp *vp, u32 name, const union hv_register_value *value)
{
	const struct reg *reg = find(name);

	if (!reg)
		return HV_STATUS_INVALID_PARAMETER;
	/* TLFS: one that can only be read is answered as one that is not there. */
	return reg->set ? reg->set(vp, place_of(reg, name), value) : HV_STATUS_INVALID_PARAMETER;
}

bool child_register_suspends(u32 name)
{
	const struct reg *reg = find(name);

	return reg && reg->get == get_suspend;
}
