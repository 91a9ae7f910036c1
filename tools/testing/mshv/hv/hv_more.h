/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's hypervisor headers lack, beside what every VMM needs, which
 * is in hv_vmm.h of the selftests. Each line has its source:
 *   TLFS    Hypervisor Top Level Functional Specification, public
 *   driver  drivers/hv, as the number stands in its code
 *   hvemu   chosen here; no public source says
 */
#ifndef _HVEMU_HV_MORE_H
#define _HVEMU_HV_MORE_H

#include <linux/bits.h>
#include <hyperv/hvhdk.h>

#include "hv_vmm.h"

/* driver: MSHV_HV_MIN_VERSION of mshv_root.h, the first it calls validated */
#define HV_BUILD_VALIDATED		27744

/* TLFS, "Hypercall Interface": input and output start on this many bytes */
#define HV_HYPERCALL_ALIGNMENT		8

/* TLFS, "HvRegisterSint": lower vectors are the processor's own */
#define HV_SINT_VECTOR_MIN		16

/* TLFS, "Partition Reference TSC": as of hv_reference_tsc_msr */
#define HV_REFERENCE_TIME_HZ		10000000ULL

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

/* TLFS, "Hypercall Status Codes" */
#define HV_STATUS_ACKNOWLEDGED			0x16
#define HV_STATUS_INVALID_SYNIC_STATE		0x18

/* TLFS: types of union hv_x64_pending_interruption_register */
#define HV_INTERRUPTION_TYPE_SOFTWARE		4

/* hvemu: ports of the emulator's own. No PC has devices there. */
#define HVEMU_PORT_HYPERCALL		0xea	/* what the hypercall page writes to */
#define HVEMU_PORT_TEST			0x5e0	/* the test port, see test_port.h */

/* hvemu: what a page is filled with to see who else uses it; "scribble" */
#define HVEMU_SCRIBBLE			0x656c626269726373ULL

#endif /* _HVEMU_HV_MORE_H */
