/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM does between two runs of a VP.
 */
#ifndef SELFTESTS_MSHV_RUN_STEPS_H
#define SELFTESTS_MSHV_RUN_STEPS_H

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

#endif /* SELFTESTS_MSHV_RUN_STEPS_H */
