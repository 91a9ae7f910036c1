/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tools/dev/reproduce only: what the KUnit tests know of the scheduling path
 * (drivers/hv/mshv_sched.h of the feature series), on top of a driver that has
 * the fixes alone. The two ways of dispatching are the old ones, chosen by
 * hv_scheduler_type; mshv_reproduce.h has the code.
 *
 * Tests of what the old driver cannot do compile with this, and fail.
 */
#ifndef _MSHV_SCHED_H_
#define _MSHV_SCHED_H_

#include <linux/init.h>
#include <linux/types.h>
#include <hyperv/hvhdk.h>

/* The feature series gives the property its full name. */
#define HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED \
	HV_PARTITION_PROPERTY_INTEGRATED_SCHEDULER_ENABLED

/* All that there is to one of the old driver's two paths. */
struct mshv_sched_ops {
	enum hv_scheduler_type type;
};

extern const struct mshv_sched_ops mshv_sched_root_ops;
extern const struct mshv_sched_ops mshv_sched_hyp_ops;
extern const struct mshv_sched_ops *mshv_sched_ops;

/* Bring the path of mshv_sched_ops up and down, as the driver's init does. */
int mshv_sched_start(void);
void mshv_sched_stop(void);

/* The old driver can neither be closed nor made to look: nothing happens. */
extern int mshv_sched_closed_err;

static inline int mshv_sched_closed(void)
{
	return 0;
}

static inline void mshv_sched_close(int err) { }
static inline void mshv_sched_look_all(void) { }
static inline void mshv_sched_resume(void) { }
static inline void mshv_pm_stop_partitions(void) { }

static inline int
mshv_sched_init(struct hv_partition_property_vmm_capabilities *caps)
{
	return -EOPNOTSUPP;
}

#endif /* _MSHV_SCHED_H_ */
