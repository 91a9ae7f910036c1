/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tools/dev/reproduce only: the old driver's root scheduler, as the KUnit
 * tests call for it. Included at the end of mshv_root_main.c, whose static
 * functions these are; see mshv_sched.h.
 */
#include "mshv_sched.h"

const struct mshv_sched_ops mshv_sched_root_ops = {
	.type = HV_SCHEDULER_TYPE_ROOT,
};

const struct mshv_sched_ops mshv_sched_hyp_ops = {
	.type = HV_SCHEDULER_TYPE_CORE_SMT,
};

const struct mshv_sched_ops *mshv_sched_ops;
int mshv_sched_closed_err;

void mshv_sched_use(const struct mshv_sched_ops *ops)
{
	mshv_sched_ops = ops;
	if (!ops)
		return;
	hv_scheduler_type = ops->type;
	WARN_ON(root_scheduler_init());
}

void mshv_sched_signal_stop(void)
{
	root_scheduler_deinit();
	hv_scheduler_type = 0;
}
