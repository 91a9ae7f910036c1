// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that KVM is asked for, as it does not share them.
 */

#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "kvm_regs.h"
#include "vp.h"

#define FXSAVE_MXCSR_MASK	28
#define XSTATE_BV		(512 / sizeof(u32))	/* of struct kvm_xsave.region */
#define XSTATE_FP_SSE		3

static bool get_xsave(struct child_vp *vp, struct kvm_xsave *xsave)
{
	return ioctl(vp->fd, KVM_GET_XSAVE, xsave) == 0;
}

bool child_kvm_get_fxsave(struct child_vp *vp, u32 offset, void *piece, size_t size)
{
	struct kvm_xsave xsave;

	if (!get_xsave(vp, &xsave))
		return false;
	memcpy(piece, (u8 *)xsave.region + offset, size);
	return true;
}

bool child_kvm_get_xmm(struct child_vp *vp, void *values, size_t size)
{
	return child_kvm_get_fxsave(vp, FXSAVE_XMM, values, size);
}

bool child_kvm_set_fxsave(struct child_vp *vp, u32 offset, const void *piece, size_t size)
{
	struct kvm_xsave xsave;
	u32 mask;

	if (!get_xsave(vp, &xsave))
		return false;
	memcpy(&mask, (u8 *)xsave.region + FXSAVE_MXCSR_MASK, sizeof(mask));
	memcpy((u8 *)xsave.region + offset, piece, size);
	memcpy((u8 *)xsave.region + FXSAVE_MXCSR_MASK, &mask, sizeof(mask));
	/* KVM would take what is not marked as there for reset. */
	xsave.region[XSTATE_BV] |= XSTATE_FP_SSE;
	return ioctl(vp->fd, KVM_SET_XSAVE, &xsave) == 0;
}

bool child_kvm_set_xmm(struct child_vp *vp, const void *values, size_t size)
{
	return child_kvm_set_fxsave(vp, FXSAVE_XMM, values, size);
}

bool child_kvm_get_xcr0(struct child_vp *vp, u64 *value)
{
	struct kvm_xcrs xcrs = { };
	u32 i;

	if (ioctl(vp->fd, KVM_GET_XCRS, &xcrs) < 0)
		return false;
	for (i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++) {
		if (xcrs.xcrs[i].xcr == 0) {
			*value = xcrs.xcrs[i].value;
			return true;
		}
	}
	return false;
}

/* TLFS: the descriptor's attributes as a descriptor table has them */
struct hv_x64_segment_register child_kvm_segment(const struct kvm_segment *from)
{
	return (struct hv_x64_segment_register) {
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.segment_type = from->type,
		.non_system_segment = from->s,
		.descriptor_privilege_level = from->dpl,
		.present = from->present && !from->unusable,
		.available = from->avl,
		._long = from->l,
		._default = from->db,
		.granularity = from->g,
	};
}

/* One MSR as KVM_GET_MSRS and KVM_SET_MSRS have it. */
struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

bool child_kvm_get_msr(struct child_vp *vp, u32 msr, u64 *value)
{
	struct one_msr one = { .head.nmsrs = 1, .entry.index = msr };

	if (ioctl(vp->fd, KVM_GET_MSRS, &one) != 1)
		return false;
	*value = one.entry.data;
	return true;
}

bool child_kvm_set_msr(struct child_vp *vp, u32 msr, u64 value)
{
	struct one_msr one = {
		.head.nmsrs = 1,
		.entry.index = msr,
		.entry.data = value,
	};

	return ioctl(vp->fd, KVM_SET_MSRS, &one) == 1;
}

bool child_kvm_tsc_ahead(struct child_vp *vp, u64 *ahead)
{
	const struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)ahead,
	};

	return ioctl(vp->fd, KVM_GET_DEVICE_ATTR, &attr) == 0;
}
