// SPDX-License-Identifier: GPL-2.0-only
/*
 * What properties tell of a processor.
 */

#include <hyperv/hvhdk.h>

#include "cpuid.h"
#include "features.h"
#include "hv_more.h"
#include "processor.h"
#include "xsave.h"

#define LEAF_VENDOR		0x0
#define LEAF_XSAVE		0xd

/* Of "GenuineIntel" and "HygonGenuine", EBX; the others are AMD's. */
#define VENDOR_EBX_INTEL	0x756e6547
#define VENDOR_EBX_HYGON	0x6f677948

struct processor processor_of(struct cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *vendor = cpuid_find(cpuid, LEAF_VENDOR, 0);
	struct processor processor = { .features = features_of(cpuid) };

	processor.vendor = HV_PROCESSOR_VENDOR_AMD;
	if (vendor && vendor->ebx == VENDOR_EBX_INTEL)
		processor.vendor = HV_PROCESSOR_VENDOR_INTEL;
	else if (vendor && vendor->ebx == VENDOR_EBX_HYGON)
		processor.vendor = HV_PROCESSOR_VENDOR_HYGON;
	if (!cpuid_find(cpuid, LEAF_XSAVE, 0))
		return processor;
	xsave_layout(cpuid, &processor.layout);
	processor.xsave_states = processor.layout.components;
	processor.xsave_size = xsave_size(&processor.layout, processor.xsave_states, true);
	return processor;
}
