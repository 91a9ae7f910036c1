// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties that are the same for a partition and its children.
 */

#include <hyperv/hvhdk.h>

#include "hv_more.h"
#include "partition.h"
#include "processor.h"
#include "property.h"

u16 property_of_processor(const struct partition *partition, const struct processor *processor,
			  u32 code, u64 *value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_PROCESSOR_CLOCK_FREQUENCY:
		*value = partition->tsc_hz;
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_VENDOR:
		*value = processor->vendor;
		break;
	case HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH:
		*value = partition->physical_bits;
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_XSAVE_FEATURES:
		*value = processor->features.xsave.as_uint64;
		break;
	case HV_PARTITION_PROPERTY_XSAVE_STATES:
		*value = processor->xsave_states;
		break;
	case HV_PARTITION_PROPERTY_MAX_XSAVE_DATA_SIZE:
		*value = processor->xsave_size;
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0:
		*value = processor->features.cpu.as_uint64[0];
		break;
	case HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1:
		*value = processor->features.cpu.as_uint64[1];
		break;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
	return HV_STATUS_SUCCESS;
}
