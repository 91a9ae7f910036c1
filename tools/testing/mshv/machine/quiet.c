// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a driver has left everything as it was.
 */

#include <stdio.h>

#include <hyperv/hvhdk.h>

#include "../child/port.h"
#include "../hv/partition.h"
#include "../hv/stats_page.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "quiet.h"

bool partition_is_quiet(struct partition *partition, char *why, size_t size)
{
	u32 i;

	for (i = 0; i < partition->nr_vps; i++) {
		const char *busy = synic_busy(&partition->vps[i].synic);

		if (busy) {
			snprintf(why, size, "VP %u: %s", i, busy);
			return false;
		}
		if (synic_slot_type(&partition->vps[i], HV_SYNIC_INTERCEPTION_SINT_INDEX)) {
			snprintf(why, size, "VP %u: a message lies in the slot of SINT0", i);
			return false;
		}
	}
	if (partition->nr_children) {
		snprintf(why, size, "%u child partitions are left", partition->nr_children);
		return false;
	}
	if (!ports_are_closed(&partition->ports, why, size))
		return false;
	return stats_are_unmapped(&partition->stats, why, size);
}
