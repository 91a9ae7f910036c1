// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translations of guest addresses for a VMM, in memory that the guest has not yet.
 *
 * The hypervisor walks the guest's page tables for HVCALL_TRANSLATE_VIRTUAL_ADDRESS.
 * If it cannot get at a page on the way, it says so in the result, of a hypercall
 * that has succeeded, and names the page. Were it the guest that walks there, the
 * driver would have the page brought in, so it does here.
 */

#include <asm/mshyperv.h>
#include <hyperv/hvhdk.h>

#include "mshv_root.h"

/**
 * mshv_translate_again() - bring in what a translation has not got at
 * @partition: whose VP it was about
 * @output: what came of it
 *
 * The wait for the page is ended by a fatal signal only: for others a VMM that is
 * emulating an instruction has no use.
 *
 * Context: Process context. Sleeps.
 * Return: whether there is something new, so that to ask again makes sense.
 */
bool mshv_translate_again(struct mshv_partition *partition,
			  const struct hv_output_translate_virtual_address *output)
{
	struct mshv_mem_region *region;
	unsigned int how = 0;
	bool again = false;

	switch (output->result_code) {
	/* A page without access is either: it depends on the hypervisor. */
	case HV_TRANSLATE_GVA_GPA_UNMAPPED:
	case HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS:
		break;
	case HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS:
		how = MSHV_FAULT_WRITE;
		break;
	default:
		return false;
	}

	region = mshv_partition_region_by_gfn_get(partition, output->gpa_page);
	if (!region)
		return false;

	if (region->mreg_type == MSHV_REGION_TYPE_MEM_MOVABLE &&
	    (!(how & MSHV_FAULT_WRITE) || region->hv_map_flags & HV_MAP_GPA_WRITABLE))
		again = !mshv_region_handle_gfn_fault(region, output->gpa_page, how);

	mshv_region_put(region);

	return again;
}
