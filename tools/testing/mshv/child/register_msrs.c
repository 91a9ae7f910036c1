// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that are MSRs, leaves of CPUID, or the local APIC's.
 */

#include <string.h>
#include <sys/ioctl.h>

#include <linux/kernel.h>
#include <linux/kvm.h>
#include <asm/msr-index.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "apic.h"
#include "cpuid.h"
#include "kvm_regs.h"
#include "msr.h"
#include "reg.h"
#include "register_msrs.h"
#include "vp.h"

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

static const struct child_reg regs[] = {
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
	{ HV_X64_REGISTER_TSC, HV_X64_REGISTER_TSC, MSR_IA32_TSC, 0, get_msr, set_tsc },
	MSR_AT(KERNEL_GS_BASE, MSR_KERNEL_GS_BASE),
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
	SYNTHETIC(HV_REGISTER_REFERENCE_TSC, HV_REGISTER_REFERENCE_TSC,
		  HV_X64_MSR_REFERENCE_TSC),
	SYNTHETIC(HV_REGISTER_SINT0, HV_REGISTER_SINT15, HV_X64_MSR_SINT0),
	SYNTHETIC(HV_REGISTER_SCONTROL, HV_REGISTER_SIRBP, HV_X64_MSR_SCONTROL),
	SYNTHETIC(HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER3_COUNT,
		  HV_X64_MSR_STIMER0_CONFIG),
};

const struct child_reg_table child_reg_msrs = { regs, ARRAY_SIZE(regs) };
