// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VP's synthetic interrupt controller has: registers, and messages that wait.
 */

#include <string.h>

#include "synic_state.h"

void synic_init(struct synic *synic)
{
	u32 i;

	memset(synic, 0, sizeof(*synic));
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		synic->sint[i].masked = 1;
}

void synic_reset(struct synic *synic)
{
	u64 simp = synic->provided_simp;
	u64 siefp = synic->provided_siefp;

	synic_init(synic);
	synic->provided_simp = simp;
	synic->simp.base_simp_gpa = simp;
	synic->provided_siefp = siefp;
	synic->siefp.base_siefp_gpa = siefp;
}

unsigned int synic_waiting(const struct synic *synic)
{
	unsigned int sum = 0;
	u32 i;

	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		sum += synic->queue[i].count;
	return sum;
}

const char *synic_busy(const struct synic *synic)
{
	u32 i;

	if (synic->scontrol.enable)
		return "SCONTROL is enabled";
	if (synic->simp.simp_enabled)
		return "SIMP is enabled";
	if (synic->siefp.siefp_enabled)
		return "SIEFP is enabled";
	if (synic->sirbp.sirbp_enabled)
		return "SIRBP is enabled";
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
		if (!synic->sint[i].masked)
			return "a SINT is unmasked";
		if (synic->queue[i].count)
			return "a message waits";
	}
	return NULL;
}
