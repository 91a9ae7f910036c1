// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells the partition that Linux boots in.
 */

#include <hyperv/hvhdk.h>

#include "../hv/cpuid.h"
#include "../hv/cpuid_view.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/processor.h"
#include "cpuid.h"

#define LEAF_ADDRESS_SIZES	0x80000008

/* Each child takes so much of hvemu's own address space. */
#define PHYSICAL_BITS_MAX	40

void cpuid_make(struct cpuid *cpuid, const struct vp *vp)
{
	const struct partition *partition = vp->partition;
	struct cpuid_view view = {
		.index = vp->index,
		.per_socket = partition->options->smt ? partition->nr_vps : 0,
		.smt = partition->options->smt,
		.x2apic = partition->options->x2apic,
		/*
		 * No .interface: "Hv#1" would turn on KVM's own Hyper-V code, beside
		 * KVM's own local APIC. Linux looks at the vendor.
		 */
		/* VMMs take it for their guests': see PHYSICAL_BITS_MAX. */
		.physical_bits = partition->physical_bits,
		.build = partition->options->build,
		.features = partition_features(partition),
		.privileges = partition_privileges(partition),
		.extended = partition_extended_features(partition),
		.abilities = HV_FEATURE_FREQUENCY_MSRS_AVAILABLE |
			     HV_FEATURE_GUEST_CRASH_MSR_AVAILABLE,
		/* Without the EOI hint a SINT would need auto EOI, see hv/synic.c. */
		.hints = HV_X64_RELAXED_TIMING_RECOMMENDED | HV_DEPRECATING_AEOI_RECOMMENDED,
		.vps_max = VPS_MAX,
	};

	cpuid_fit(cpuid, &view);
}

void cpuid_tell(struct cpuid *cpuid, struct partition *partition)
{
	const struct kvm_cpuid_entry2 *sizes = cpuid_find(cpuid, LEAF_ADDRESS_SIZES, 0);

	partition->processor = processor_of(cpuid);
	if (sizes)
		partition->physical_bits = sizes->eax & 0xff;
	if (partition->physical_bits > PHYSICAL_BITS_MAX)
		partition->physical_bits = PHYSICAL_BITS_MAX;
}
