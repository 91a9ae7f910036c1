/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of the Microsoft Hypervisor as a VMM uses it: the kernel's own
 * headers, and what those lack because the kernel has no use for it. The numbers
 * and layouts of the latter stand in the Hypervisor Top Level Functional
 * Specification and in the public mshv-bindings crate, under these names.
 */
#ifndef SELFTESTS_MSHV_HV_H
#define SELFTESTS_MSHV_HV_H

#include <stddef.h>

#include <linux/kconfig.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* What include/hyperv expects of the kernel's stddef.h. */
#define DECLARE_FLEX_ARRAY(type, name)	__DECLARE_FLEX_ARRAY(type, name)
#define __TRAILING_OVERLAP(type, name, fam, attrs, members)		\
	union {								\
		type name;						\
		struct {						\
			unsigned char before[offsetof(type, fam)];	\
			members						\
		} attrs;						\
	}

#include "../../../../include/hyperv/hvhdk.h"

#include <linux/mshv.h>

/* Registers; enum hv_register_name has those that the kernel uses. */
#define HV_REGISTER_INTERNAL_ACTIVITY_STATE	0x00000004
#define HV_REGISTER_PENDING_INTERRUPTION	0x00010002
#define HV_REGISTER_INTERRUPT_STATE		0x00010003
#define HV_REGISTER_PENDING_EVENT0		0x00010004
#define HV_REGISTER_PENDING_EVENT1		0x00010005
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
#define HV_X64_REGISTER_CR0			0x00040000
#define HV_X64_REGISTER_CR2			0x00040001
#define HV_X64_REGISTER_CR3			0x00040002
#define HV_X64_REGISTER_CR4			0x00040003
#define HV_X64_REGISTER_CR8			0x00040004
#define HV_X64_REGISTER_XFEM			0x00040005
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

/* Properties; enum hv_partition_property_code has those that the kernel uses. */
#define HV_PARTITION_PROPERTY_TIME_FREEZE		0x00030003
#define HV_PARTITION_PROPERTY_REFERENCE_TIME		0x00030005
#define HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0	0x0006000a

#define HV_INTERCEPT_ACCESS_MASK_READ		0x1
#define HV_INTERCEPT_ACCESS_MASK_WRITE		0x2
#define HV_INTERCEPT_ACCESS_MASK_EXECUTE	0x4

/* As in intercept_access_type of hv_x64_intercept_message_header. */
#define HV_INTERCEPT_ACCESS_READ	0
#define HV_INTERCEPT_ACCESS_WRITE	1
#define HV_INTERCEPT_ACCESS_EXECUTE	2

/* HVMSG_X64_IO_PORT_INTERCEPT */
struct hv_x64_io_port_intercept_message {
	struct hv_x64_intercept_message_header header;
	u16 port_number;
	u8 access_size : 3;
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

/* HVMSG_X64_MSR_INTERCEPT */
struct hv_x64_msr_intercept_message {
	struct hv_x64_intercept_message_header header;
	u32 msr_number;
	u32 reserved;
	u64 rdx;
	u64 rax;
} __packed;
static_assert(sizeof(struct hv_x64_msr_intercept_message) == 64);

/* HVMSG_X64_CPUID_INTERCEPT */
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

/* HVMSG_X64_EXCEPTION_INTERCEPT, the part that every exception has */
struct hv_x64_exception_intercept_message {
	struct hv_x64_intercept_message_header header;
	u16 exception_vector;
	u8 error_code_valid : 1;
	u8 software_exception : 1;
	u8 reserved0 : 6;
	u8 instruction_byte_count;
	u32 error_code;
	u64 exception_parameter;
} __packed;

/* HVCALL_INSTALL_INTERCEPT */
struct hv_input_install_intercept {
	u64 partition_id;
	u32 access_type;	/* HV_INTERCEPT_ACCESS_MASK_* */
	u32 intercept_type;	/* enum hv_intercept_type */
	union hv_intercept_parameters parameter;
} __packed;

/* HVCALL_REGISTER_INTERCEPT_RESULT, of CPUID */
struct hv_cpuid_register {
	u32 value;
	u32 mask;
} __packed;

struct hv_input_register_cpuid_result {
	u64 partition_id;
	u32 vp_index;
	u32 intercept_type;
	u32 eax;
	u32 ecx;
	u8 subleaf_specific;
	u8 always_override;
	u16 padding;
	struct hv_cpuid_register result_eax;
	struct hv_cpuid_register result_ebx;
	struct hv_cpuid_register result_ecx;
	struct hv_cpuid_register result_edx;
} __packed;
static_assert(sizeof(struct hv_input_register_cpuid_result) == 60);

/* HVCALL_GET_VP_CPUID_VALUES: a header, then a leaf for each repetition */
struct hv_cpuid_leaf {
	u32 eax;
	u32 ecx;
	u64 xfem;
	u64 xss;
} __packed;

struct hv_input_get_vp_cpuid_values {
	u64 partition_id;
	u32 vp_index;
	u32 flags;
	u64 reserved;
	struct hv_cpuid_leaf leaves[];
} __packed;

#define HV_CPUID_APPLY_REGISTERED	0x2

struct hv_cpuid_values {
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
} __packed;

/* HVCALL_TRANSLATE_VIRTUAL_ADDRESS */
struct hv_input_translate_virtual_address {
	u64 partition_id;
	u32 vp_index;
	u32 padding;
	u64 control_flags;
	u64 gva_page;
} __packed;

#define HV_TRANSLATE_GVA_VALIDATE_READ		0x1
#define HV_TRANSLATE_GVA_VALIDATE_WRITE		0x2
#define HV_TRANSLATE_GVA_VALIDATE_EXECUTE	0x4

struct hv_output_translate_virtual_address {
	u32 result_code;
	u8 cache_type;
	u8 overlay_page : 1;
	u8 reserved0 : 7;
	u16 reserved1;
	u64 gpa_page;
} __packed;

#define HV_TRANSLATE_GVA_SUCCESS		0
#define HV_TRANSLATE_GVA_PAGE_NOT_PRESENT	1
#define HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION	2

/* MSHV_VP_STATE_LAPIC */
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

#endif /* SELFTESTS_MSHV_HV_H */
