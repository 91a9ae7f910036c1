/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM needs of the Microsoft Hypervisor's interface and the kernel does
 * not, so that include/hyperv lacks it. Include <hyperv/hvhdk.h> before. Each line
 * has its source:
 *   TLFS           Hypervisor Top Level Functional Specification, public
 *   mshv-bindings  crate of rust-vmm, by which VMMs use /dev/mshv, public
 *   hvdef          crate of OpenVMM, public
 *
 * The selftests use it, and so does hvemu in tools/testing/mshv.
 */
#ifndef SELFTESTS_MSHV_HV_VMM_H
#define SELFTESTS_MSHV_HV_VMM_H

#include <linux/bits.h>

/* TLFS, "Virtual Processor Register Names": those that enum hv_register_name lacks */
#define HV_REGISTER_INSTRUCTION_EMULATION_HINTS	0x00000002
#define HV_REGISTER_INTERNAL_ACTIVITY_STATE	0x00000004
#define HV_REGISTER_PROCESSOR_CLOCK_FREQUENCY	0x00000240
#define HV_REGISTER_INTERRUPT_CLOCK_FREQUENCY	0x00000241
#define HV_REGISTER_PENDING_INTERRUPTION	0x00010002
#define HV_REGISTER_INTERRUPT_STATE		0x00010003
#define HV_REGISTER_PENDING_EVENT0		0x00010004
#define HV_REGISTER_PENDING_EVENT1		0x00010005
#define HV_REGISTER_DELIVERABILITY_NOTIFICATIONS	0x00010006
#define HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION	0x00010007
#define HV_X64_REGISTER_RAX			0x00020000
#define HV_X64_REGISTER_RCX			0x00020001
#define HV_X64_REGISTER_RDX			0x00020002
#define HV_X64_REGISTER_RBX			0x00020003
#define HV_X64_REGISTER_RSP			0x00020004
#define HV_X64_REGISTER_RBP			0x00020005
#define HV_X64_REGISTER_RSI			0x00020006
#define HV_X64_REGISTER_RDI			0x00020007
#define HV_X64_REGISTER_R8			0x00020008
#define HV_X64_REGISTER_R15			0x0002000f
#define HV_X64_REGISTER_RIP			0x00020010
#define HV_X64_REGISTER_RFLAGS			0x00020011
#define HV_X64_REGISTER_XMM0			0x00030000
#define HV_X64_REGISTER_XMM15			0x0003000f
#define HV_X64_REGISTER_FP_MMX0			0x00030010
#define HV_X64_REGISTER_FP_MMX7			0x00030017
#define HV_X64_REGISTER_FP_CONTROL_STATUS	0x00030018
#define HV_X64_REGISTER_XMM_CONTROL_STATUS	0x00030019
#define HV_X64_REGISTER_CR0			0x00040000
#define HV_X64_REGISTER_CR2			0x00040001
#define HV_X64_REGISTER_CR3			0x00040002
#define HV_X64_REGISTER_CR4			0x00040003
#define HV_X64_REGISTER_CR8			0x00040004
#define HV_X64_REGISTER_XFEM			0x00040005
#define HV_X64_REGISTER_INTERMEDIATE_CR0	0x00041000
#define HV_X64_REGISTER_INTERMEDIATE_CR3	0x00041002
#define HV_X64_REGISTER_INTERMEDIATE_CR4	0x00041003
#define HV_X64_REGISTER_INTERMEDIATE_CR8	0x00041004
#define HV_X64_REGISTER_ES			0x00060000
#define HV_X64_REGISTER_CS			0x00060001
#define HV_X64_REGISTER_SS			0x00060002
#define HV_X64_REGISTER_DS			0x00060003
#define HV_X64_REGISTER_FS			0x00060004
#define HV_X64_REGISTER_GS			0x00060005
#define HV_X64_REGISTER_LDTR			0x00060006
#define HV_X64_REGISTER_TR			0x00060007
#define HV_X64_REGISTER_IDTR			0x00070000
#define HV_X64_REGISTER_GDTR			0x00070001
#define HV_X64_REGISTER_TSC			0x00080000
#define HV_X64_REGISTER_EFER			0x00080001
#define HV_X64_REGISTER_KERNEL_GS_BASE		0x00080002
#define HV_X64_REGISTER_APIC_BASE		0x00080003
#define HV_X64_REGISTER_PAT			0x00080004
#define HV_X64_REGISTER_SYSENTER_CS		0x00080005
#define HV_X64_REGISTER_SYSENTER_EIP		0x00080006
#define HV_X64_REGISTER_SYSENTER_ESP		0x00080007
#define HV_X64_REGISTER_STAR			0x00080008
#define HV_X64_REGISTER_LSTAR			0x00080009
#define HV_X64_REGISTER_CSTAR			0x0008000a
#define HV_X64_REGISTER_SFMASK			0x0008000b
#define HV_X64_REGISTER_INITIAL_APIC_ID		0x0008000c
#define HV_X64_REGISTER_TSC_AUX			0x0008007b
#define HV_X64_REGISTER_BNDCFGS			0x0008007c
#define HV_X64_REGISTER_DEBUG_CTL		0x0008007d
#define HV_X64_REGISTER_SPEC_CTRL		0x00080084
#define HV_X64_REGISTER_PRED_CMD		0x00080085
#define HV_X64_REGISTER_VIRT_SPEC_CTRL		0x00080086
#define HV_X64_REGISTER_U_XSS			0x0008008b
#define HV_X64_REGISTER_U_CET			0x0008008c
#define HV_X64_REGISTER_S_CET			0x0008008d
#define HV_X64_REGISTER_PL0_SSP			0x0008008f
#define HV_X64_REGISTER_PL3_SSP			0x00080092
#define HV_X64_REGISTER_INTERRUPT_SSP_TABLE	0x00080093
#define HV_X64_REGISTER_TSC_ADJUST		0x00080096
#define HV_X64_REGISTER_MISC_ENABLE		0x000800a0
#define HV_X64_REGISTER_APIC_ID			0x00084802
#define HV_X64_REGISTER_APIC_VERSION		0x00084803
#define HV_X64_REGISTER_HYPERCALL		0x00090001
#define HV_X64_REGISTER_SYNTHETIC_EOI		0x00090010
#define HV_X64_REGISTER_SYNTHETIC_TPR		0x00090012
#define HV_X64_REGISTER_REG_PAGE		0x0009001c
#define HV_REGISTER_STIMER3_COUNT		0x000b0007

/* mshv-bindings: what a VMM asks of a child beside what the kernel does */
#define HV_PARTITION_PROPERTY_CPU_RESERVE	0x00020001
#define HV_PARTITION_PROPERTY_CPU_CAP		0x00020002
#define HV_PARTITION_PROPERTY_CPU_WEIGHT	0x00020003
#define HV_PARTITION_PROPERTY_CPU_GROUP_ID	0x00020004
#define HV_PARTITION_PROPERTY_TIME_FREEZE	0x00030003
#define HV_PARTITION_PROPERTY_REFERENCE_TIME	0x00030005
#define HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET 0x00050003
#define HV_PARTITION_PROPERTY_PROCESSOR_VENDOR	0x00060000
#define HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH 0x00060006
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0 0x0006000a
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1 0x0006000b
#define HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES 0x00090009

/*
 * mshv-bindings: union hv_partition_synthetic_processor_features, bits that the kernel
 * has as reserved
 */
#define HV_SYNTHETIC_FEATURE_ACCESS_VP_REGS	BIT_ULL(38)
#define HV_SYNTHETIC_FEATURE_FLUSH_GPA_SPACE	BIT_ULL(53)

/* TLFS, HvCallInstallIntercept */
struct hv_input_install_intercept {
	u64 partition_id;
	u32 access_type;	/* HV_INTERCEPT_ACCESS_MASK_* */
	u32 intercept_type;	/* enum hv_intercept_type */
	union hv_intercept_parameters parameter;
} __packed;

/* hvdef, crate of OpenVMM: what enum hv_intercept_type lacks */
#define HV_INTERCEPT_TYPE_UNKNOWN_SYNIC_CONNECTION	0x0000000d
#define HV_INTERCEPT_TYPE_RETARGET_UNKNOWN_DEVICE	0x0000000f

#define HV_INTERCEPT_ACCESS_MASK_READ		0x1
#define HV_INTERCEPT_ACCESS_MASK_WRITE		0x2
#define HV_INTERCEPT_ACCESS_MASK_EXECUTE	0x4

/*
 * mshv-bindings (and TLFS, "Intercepts"): payloads that a VMM takes apart
 */
struct hv_x64_io_port_intercept_message {
	struct hv_x64_intercept_message_header header;
	u16 port_number;
	u8 access_size : 3;	/* 1, 2 or 4 */
	u8 string_op : 1;
	u8 rep_prefix : 1;
	u8 reserved0 : 3;
	u8 instruction_byte_count;
	u32 reserved1;
	u64 rax;
	u8 instruction_bytes[16];
	struct hv_x64_segment_register ds_segment;
	struct hv_x64_segment_register es_segment;
	u64 rcx;
	u64 rsi;
	u64 rdi;
} __packed;
static_assert(sizeof(struct hv_x64_io_port_intercept_message) == 128);

struct hv_x64_cpuid_intercept_message {
	struct hv_x64_intercept_message_header header;
	u64 rax;
	u64 rcx;
	u64 rdx;
	u64 rbx;
	u64 default_result_rax;
	u64 default_result_rcx;
	u64 default_result_rdx;
	u64 default_result_rbx;
} __packed;
static_assert(sizeof(struct hv_x64_cpuid_intercept_message) == 104);

struct hv_x64_msr_intercept_message {
	struct hv_x64_intercept_message_header header;
	u32 msr_number;
	u32 reserved;
	u64 rdx;
	u64 rax;
} __packed;
static_assert(sizeof(struct hv_x64_msr_intercept_message) == 64);

struct hv_x64_exception_intercept_message {
	struct hv_x64_intercept_message_header header;
	u16 exception_vector;
	u8 error_code_valid : 1;
	u8 software_exception : 1;
	u8 reserved0 : 6;
	u8 instruction_byte_count;
	u32 error_code;
	u64 exception_parameter;
	u64 reserved1;
	u8 instruction_bytes[16];
	struct hv_x64_segment_register ds_segment;
	struct hv_x64_segment_register ss_segment;
	u64 gprs[16];		/* RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15 */
} __packed;

/* TLFS, "Virtual Processor Registers": HV_REGISTER_INTERNAL_ACTIVITY_STATE */
#define HV_ACTIVITY_STARTUP_SUSPEND		BIT_ULL(0)
#define HV_ACTIVITY_HALT_SUSPEND		BIT_ULL(1)
#define HV_ACTIVITY_IDLE_SUSPEND		BIT_ULL(2)

/* TLFS: types of union hv_x64_pending_interruption_register */
#define HV_INTERRUPTION_TYPE_INTERRUPT		0
#define HV_INTERRUPTION_TYPE_NMI		2
#define HV_INTERRUPTION_TYPE_EXCEPTION		3

/* TLFS: HV_REGISTER_PENDING_EVENT0; type 0 is an exception */
struct hv_x64_pending_exception_event {
	u32 event_pending : 1;
	u32 event_type : 3;
	u32 reserved0 : 4;
	u32 deliver_error_code : 1;
	u32 reserved1 : 7;
	u32 vector : 16;
	u32 error_code;
	u64 exception_parameter;
} __packed;

/* OpenVMM, hvdef, HvX64PendingExtIntEvent: the same register, of another type */
#define HV_X64_PENDING_EVENT_EXT_INT		5

struct hv_x64_pending_ext_int_event {
	u32 event_pending : 1;
	u32 event_type : 3;
	u32 reserved0 : 4;
	u32 vector : 8;
	u32 reserved1 : 16;
	u32 reserved2[3];
} __packed;

/* mshv-bindings: HV_GET_SET_VP_STATE_LAPIC_STATE */
struct hv_local_interrupt_controller_state {
	u32 apic_id;
	u32 apic_version;
	u32 apic_ldr;
	u32 apic_dfr;
	u32 apic_spurious;
	u32 apic_isr[8];
	u32 apic_tmr[8];
	u32 apic_irr[8];
	u32 apic_esr;
	u32 apic_icr_high;
	u32 apic_icr_low;
	u32 apic_lvt_timer;
	u32 apic_lvt_thermal;
	u32 apic_lvt_perfmon;
	u32 apic_lvt_lint0;
	u32 apic_lvt_lint1;
	u32 apic_lvt_error;
	u32 apic_lvt_cmci;
	u32 apic_error_status;
	u32 apic_initial_count;
	u32 apic_counter_value;
	u32 apic_divide_configuration;
	u32 apic_remote_read;
} __packed;
static_assert(sizeof(struct hv_local_interrupt_controller_state) == 176);

/* TLFS: HV_CACHE_TYPE_X64_WB */
#define HV_CACHE_TYPE_WRITE_BACK		6

/* mshv-bindings, HVCALL_REGISTER_INTERCEPT_RESULT for a CPUID leaf */
struct hv_input_register_intercept_result {
	u64 partition_id;
	u32 vp_index;
	u32 intercept_type;	/* HV_INTERCEPT_TYPE_X64_CPUID */
	u32 eax;
	u32 ecx;
	u8 subleaf_specific;
	u8 always_override;
	u16 padding;
	struct {
		u32 value;
		u32 mask;
	} __packed result[4];	/* EAX, EBX, ECX, EDX */
} __packed;
static_assert(sizeof(struct hv_input_register_intercept_result) == 60);

/* mshv-bindings, HVCALL_GET_VP_CPUID_VALUES */
struct hv_cpuid_leaf_info {
	u32 eax;
	u32 ecx;
	u64 xfem;
	u64 xss;
} __packed;

struct hv_input_get_vp_cpuid_values {
	u64 partition_id;
	u32 vp_index;
	u32 flags;		/* HV_GET_VP_CPUID_VALUES_* */
	u64 reserved;
	struct hv_cpuid_leaf_info leaves[];
} __packed;

#define HV_GET_VP_CPUID_VALUES_USE_VP_XFEM_XSS	BIT(0)
#define HV_GET_VP_CPUID_VALUES_APPLY_REGISTERED	BIT(1)

/* For each leaf. */
struct hv_cpuid_values {
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
} __packed;

/* TLFS, "Hypercall Status Codes": the last external interrupt was not cleared */
#define HV_STATUS_ACKNOWLEDGED			0x16

/*
 * hvdef: HV_REGISTER_DELIVERABILITY_NOTIFICATIONS. A priority is four bits; from bit 48
 * on there is one for each SINT.
 */
#define HV_DELIVERABILITY_NMI			BIT_ULL(0)
#define HV_DELIVERABILITY_INTERRUPT		BIT_ULL(1)
#define HV_DELIVERABILITY_PRIORITY_SHIFT	2
#define HV_DELIVERABILITY_PRIORITY_MAX		15
#define HV_DELIVERABILITY_SINTS_SHIFT		48

/* mshv-bindings: HVMSG_X64_INTERRUPTION_DELIVERABLE */
struct hv_x64_interruption_deliverable_message {
	struct hv_x64_intercept_message_header header;
	u32 deliverable_type;	/* HV_INTERRUPTION_TYPE_* */
	u32 reserved;
} __packed;
static_assert(sizeof(struct hv_x64_interruption_deliverable_message) == 48);

/* hvdef: HVMSG_SYNIC_SINT_DELIVERABLE */
struct hv_x64_sint_deliverable_message {
	struct hv_x64_intercept_message_header header;
	u16 deliverable_sints;
	u16 reserved1;
	u32 reserved2;
} __packed;
static_assert(sizeof(struct hv_x64_sint_deliverable_message) == 48);

/*
 * hvdef: HVMSG_HYPERCALL_INTERCEPT. RIP stands on the instruction, whose length VMMs
 * take for 3, that of VMCALL.
 */
struct hv_x64_hypercall_intercept_message {
	struct hv_x64_intercept_message_header header;
	u64 rax;
	u64 rbx;
	u64 rcx;
	u64 rdx;
	u64 r8;
	u64 rsi;
	u64 rdi;
	struct hv_u128 xmm[6];
	u32 flags;
	u32 reserved[3];
} __packed;
static_assert(sizeof(struct hv_x64_hypercall_intercept_message) == 208);

/* TLFS, HvCallClearVirtualInterrupt */
struct hv_input_clear_virtual_interrupt {
	u64 partition_id;
} __packed;

/* mshv-bindings, HVCALL_SIGNAL_EVENT_DIRECT */
struct hv_input_signal_event_direct {
	u64 partition_id;
	u32 vp_index;
	u8 vtl;
	u8 sint;
	u16 flag_number;
} __packed;

struct hv_output_signal_event_direct {
	u8 newly_signaled;
	u8 reserved[7];
} __packed;

/* mshv-bindings, HVCALL_POST_MESSAGE_DIRECT */
struct hv_input_post_message_direct {
	u64 partition_id;
	u32 vp_index;
	u8 vtl;
	u8 padding[3];
	u32 sint_index;
	u8 message[HV_MESSAGE_SIZE];
	u32 padding2;
} __packed;

#endif /* SELFTESTS_MSHV_HV_VMM_H */
