/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM does between two runs of a VP.
 */
#ifndef SELFTESTS_MSHV_RUN_STEPS_H
#define SELFTESTS_MSHV_RUN_STEPS_H

#include <string.h>

#include "vm.h"

/* What a VP reports at its end: it has got there. */
static inline int run_to_end(struct vp *vp)
{
	u32 value = 0;
	int ret = vp_run_to_report(vp, &value);

	return ret ? ret : value != 1;
}

static inline void skip_instruction(struct vp *vp, unsigned int length)
{
	vp_set(vp, HV_X64_REGISTER_RIP, vp_header(vp)->rip + length);
}

/* Where a linear address leads, as the hypervisor has it. */
static inline int translate(struct vp *vp, u64 linear, u64 flags,
			    struct hv_output_translate_virtual_address *out)
{
	struct hv_input_translate_virtual_address in = {
		.vp_index = vp->index,
		.control_flags = flags,
		.gva_page = linear / PAGE,
	};

	memset(out, 0xff, sizeof(*out));
	return hv_call(vp->fd, HVCALL_TRANSLATE_VIRTUAL_ADDRESS, &in, sizeof(in),
		       out, sizeof(*out), NULL);
}

#endif /* SELFTESTS_MSHV_RUN_STEPS_H */
