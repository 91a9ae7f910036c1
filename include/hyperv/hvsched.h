/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What follows from the Microsoft Hypervisor's scheduling ABI, once, for
 * everyone who needs it. Pure inline code; it needs nothing but the headers of
 * the ABI.
 */
#ifndef _HV_HVSCHED_H
#define _HV_HVSCHED_H

#include "hvhdk_mini.h"

/**
 * hv_scheduler_name() - the words for a scheduler, in logs and in tests
 * @type: &enum hv_scheduler_type, or whatever a hypervisor sent in its place
 * @l1vh: whether the partition that is spoken of is an L1VH
 *
 * The hypervisor has one code for "the parent dispatches the VPs of its
 * children". In a root partition that is the root scheduler; in an L1VH the
 * hypervisor itself schedules the L1VH's own VPs all the while, and the
 * arrangement is called the integrated scheduler.
 *
 * Return: a constant string, or NULL if @type is no scheduler known here: this
 * table is also the one test of whether a type is known.
 */
static inline const char *hv_scheduler_name(__u32 type, bool l1vh)
{
	static const char * const names[HV_SCHEDULER_TYPE_MAX] = {
		[HV_SCHEDULER_TYPE_LP]		= "classic scheduler without SMT",
		[HV_SCHEDULER_TYPE_LP_SMT]	= "classic scheduler with SMT",
		[HV_SCHEDULER_TYPE_CORE_SMT]	= "core scheduler",
		[HV_SCHEDULER_TYPE_ROOT]	= "root scheduler",
	};

	if (type >= HV_SCHEDULER_TYPE_MAX)
		return NULL;
	if (l1vh && type == HV_SCHEDULER_TYPE_ROOT)
		return "integrated scheduler";
	return names[type];
}

/**
 * hv_scheduler_is_parents() - whether the parent's kernel dispatches VPs
 * @type: a known &enum hv_scheduler_type
 *
 * Return: true if VPs run inside HVCALL_DISPATCH_VP, on a CPU that the parent
 * chose (the root path); false if the hypervisor places them (the hypervisor
 * path).
 */
static inline bool hv_scheduler_is_parents(__u32 type)
{
	return type == HV_SCHEDULER_TYPE_ROOT;
}

#endif /* _HV_HVSCHED_H */
