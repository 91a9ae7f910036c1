/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's hypervisor headers lack, beside what every VMM needs, which
 * is in hv_vmm.h of the selftests. Each line has its source:
 *   TLFS    Hypervisor Top Level Functional Specification, public
 *   driver  drivers/hv, as the number stands in its code
 *   hvdef   crate of OpenVMM, public; mshv-bindings: of rust-vmm, likewise
 *   hvemu   chosen here; no public source says
 */
#ifndef _HVEMU_HV_MORE_H
#define _HVEMU_HV_MORE_H

#include <linux/bits.h>
#include <hyperv/hvhdk.h>

#include "hv_vmm.h"
#include "ports.h"

/* driver: MSHV_HV_MIN_VERSION of mshv_root.h, the first it calls validated */
#define HV_BUILD_VALIDATED		27744

/* TLFS, "Hypercall Interface": input and output start on this many bytes */
#define HV_HYPERCALL_ALIGNMENT		8

/* TLFS, "HvRegisterSint": lower vectors are the processor's own */
#define HV_SINT_VECTOR_MIN		16

/* TLFS, "Partition Reference TSC": as of hv_reference_tsc_msr */
#define HV_REFERENCE_TIME_HZ		10000000ULL

/* TLFS, "Feature and Interface Discovery": hardware features in use */
#define HYPERV_CPUID_HARDWARE_FEATURES		0x40000006

/* TLFS, "Feature and Interface Discovery": EDX of the features, a guest idle state */
#define HV_GUEST_IDLE_STATE_AVAILABLE		BIT(5)

/* TLFS, "Feature and Interface Discovery": EDX of the features, two more */
#define HV_SINT_POLLING_MODE_AVAILABLE		BIT(17)
#define HV_HYPERCALL_MSR_LOCK_AVAILABLE		BIT(18)

/* TLFS, "Establishing the Hypercall Interface": the MSR cannot be changed any more */
#define HV_HYPERCALL_MSR_LOCKED			BIT_ULL(1)

/* TLFS, "Feature and Interface Discovery": EAX of HYPERV_CPUID_INTERFACE, "Hv#1" */
#define HV_INTERFACE_SIGNATURE			0x31237648

/* TLFS, "SVERSION Register" */
#define HV_SYNIC_VERSION		1

/*
 * driver: indices of counters in a statistics page, mshv_debugfs_counters.c
 */
#define HV_VP_COUNTER_TOTAL_RUN_TIME	1
#define HV_VP_COUNTER_HYPERCALLS	7
#define HV_HYPERVISOR_COUNTER_LPS	1

/* driver: VpRootDispatchThreadBlocked, mshv_root_counter_blocked() */
#define HV_VP_COUNTER_DISPATCH_THREAD_BLOCKED	202

/* driver: of a child and of the partition itself, mshv_debugfs_counters.c */
#define HV_PARTITION_COUNTER_VPS		1
#define HV_PARTITION_COUNTER_DEPOSITED		5
#define HV_PARTITION_COUNTER_ID			26
#define HV_PARTITION_COUNTER_CHILDREN		46
#define HV_VP_COUNTER_IO_MESSAGES		40
#define HV_VP_COUNTER_MEMORY_MESSAGES		41
#define HV_VP_COUNTER_OTHER_MESSAGES		43
#define HV_VP_COUNTER_DISPATCHES		74

/*
 * TLFS, "Hypercall Status Codes", and enum HvError of mshv-bindings: what the kernel
 * lacks. Each has a name in the log by this.
 */
#define HV_STATUS_PARTITION_TOO_DEEP		0xc
#define HV_STATUS_INVALID_SAVE_RESTORE_STATE	0x17
#define HV_STATUS_INVALID_SYNIC_STATE		0x18
#define HV_STATUS_OBJECT_IN_USE			0x19
#define HV_STATUS_INVALID_PROXIMITY_DOMAIN_INFO	0x1a
#define HV_STATUS_NO_DATA			0x1b
#define HV_STATUS_INACTIVE			0x1c
#define HV_STATUS_FEATURE_UNAVAILABLE		0x1e
#define HV_STATUS_PARTIAL_PACKET		0x1f
#define HV_STATUS_CACHE_LINE_SIZE_INCOMPATIBLE	0x30
#define HV_STATUS_INSUFFICIENT_BUFFER		0x33
#define HV_STATUS_INCOMPATIBLE_PROCESSOR	0x37
#define HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS	0x38
#define HV_STATUS_CPUID_FEATURE_VALIDATION	0x3c
#define HV_STATUS_CPUID_XSAVE_VALIDATION	0x3d
#define HV_STATUS_PROCESSOR_STARTUP_TIMEOUT	0x3e
#define HV_STATUS_SMX_ENABLED			0x3f
#define HV_STATUS_INVALID_VTL_STATE		0x51
#define HV_STATUS_NX_NOT_DETECTED		0x55
#define HV_STATUS_INVALID_DEVICE_ID		0x57
#define HV_STATUS_INVALID_DEVICE_STATE		0x58
#define HV_STATUS_PENDING_PAGE_REQUESTS		0x59
#define HV_STATUS_PAGE_REQUEST_INVALID		0x60
#define HV_STATUS_KEY_ALREADY_EXISTS		0x65
#define HV_STATUS_DEVICE_ALREADY_IN_DOMAIN	0x66
#define HV_STATUS_INVALID_CPU_GROUP_ID		0x6f
#define HV_STATUS_INVALID_CPU_GROUP_STATE	0x70
#define HV_STATUS_NOT_ALLOWED_WITH_NESTED_VIRT	0x72
#define HV_STATUS_EVENT_BUFFER_ALREADY_FREED	0x74

/* hvdef, crate of OpenVMM: HV_PARTITION_PROPERTY_PROCESSOR_VENDOR */
#define HV_PROCESSOR_VENDOR_AMD			0
#define HV_PROCESSOR_VENDOR_INTEL		1
#define HV_PROCESSOR_VENDOR_HYGON		2

/* TLFS, HV_PARTITION_PROPERTY_CODE */
#define HV_PARTITION_PROPERTY_GUEST_OS_ID	0x00070000

/*
 * mshv-bindings: union hv_partition_processor_xsave_features, bits that the kernel has
 * as reserved
 */
#define HV_XSAVE_FEATURE_AVX2			BIT_ULL(3)
#define HV_XSAVE_FEATURE_FMA			BIT_ULL(4)
#define HV_XSAVE_FEATURE_MPX			BIT_ULL(5)
#define HV_XSAVE_FEATURE_AVX512			BIT_ULL(6)
#define HV_XSAVE_FEATURE_AVX512_DQ		BIT_ULL(7)
#define HV_XSAVE_FEATURE_AVX512_CD		BIT_ULL(8)
#define HV_XSAVE_FEATURE_AVX512_BW		BIT_ULL(9)
#define HV_XSAVE_FEATURE_AVX512_VL		BIT_ULL(10)
#define HV_XSAVE_FEATURE_COMPACTED		BIT_ULL(11)
#define HV_XSAVE_FEATURE_SUPERVISOR		BIT_ULL(12)
#define HV_XSAVE_FEATURE_XCR1			BIT_ULL(13)
#define HV_XSAVE_FEATURE_AVX512_BITALG		BIT_ULL(14)
#define HV_XSAVE_FEATURE_AVX512_IFMA		BIT_ULL(15)
#define HV_XSAVE_FEATURE_AVX512_VBMI		BIT_ULL(16)
#define HV_XSAVE_FEATURE_AVX512_VBMI2		BIT_ULL(17)
#define HV_XSAVE_FEATURE_AVX512_VNNI		BIT_ULL(18)
#define HV_XSAVE_FEATURE_GFNI			BIT_ULL(19)
#define HV_XSAVE_FEATURE_VAES			BIT_ULL(20)
#define HV_XSAVE_FEATURE_AVX512_VPOPCNTDQ	BIT_ULL(21)
#define HV_XSAVE_FEATURE_VPCLMULQDQ		BIT_ULL(22)
#define HV_XSAVE_FEATURE_AVX512_BF16		BIT_ULL(23)
#define HV_XSAVE_FEATURE_AVX512_VP2INTERSECT	BIT_ULL(24)
#define HV_XSAVE_FEATURE_AVX512_FP16		BIT_ULL(25)
#define HV_XSAVE_FEATURE_XFD			BIT_ULL(26)
#define HV_XSAVE_FEATURE_AMX_TILE		BIT_ULL(27)
#define HV_XSAVE_FEATURE_AMX_BF16		BIT_ULL(28)
#define HV_XSAVE_FEATURE_AMX_INT8		BIT_ULL(29)
#define HV_XSAVE_FEATURE_AVX_VNNI		BIT_ULL(30)
#define HV_XSAVE_FEATURE_AVX_IFMA		BIT_ULL(31)
#define HV_XSAVE_FEATURE_AVX_NE_CONVERT		BIT_ULL(32)
#define HV_XSAVE_FEATURE_AVX_VNNI_INT8		BIT_ULL(33)
#define HV_XSAVE_FEATURE_AVX_VNNI_INT16		BIT_ULL(34)
#define HV_XSAVE_FEATURE_AMX_FP16		BIT_ULL(37)
/* All that have a name there: AVX10 and APX, too. */
#define HV_XSAVE_FEATURES_NAMED			GENMASK_ULL(39, 0)

/* mshv-bindings: enum hv_register_name */
#define HV_X64_REGISTER_SSP			0x0008008e

/* TLFS: types of union hv_x64_pending_interruption_register */
#define HV_INTERRUPTION_TYPE_SOFTWARE		4

/* hvemu: what a page is filled with to see who else uses it; "scribble" */
#define HVEMU_SCRIBBLE			0x656c626269726373ULL

#endif /* _HVEMU_HV_MORE_H */
