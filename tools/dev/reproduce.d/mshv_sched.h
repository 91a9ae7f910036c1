/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tools/dev/reproduce only: what the KUnit tests know of the scheduling path
 * (drivers/hv/mshv_sched.h of the series), on top of a driver that has
 * the fixes alone. The two ways of dispatching are the old ones, chosen by
 * hv_scheduler_type; mshv_reproduce.h has the code.
 *
 * Tests of what the old driver cannot do compile with this, and fail.
 */
#ifndef _MSHV_SCHED_H_
#define _MSHV_SCHED_H_

#include <linux/init.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <hyperv/hvhdk.h>

/* In hvhdk.h since fixes-rest/message-bounds.patch. */
#ifndef HV_SIGNAL_BITSET_MAX_BANK_COUNT
#define HV_SIGNAL_BITSET_MAX_BANK_COUNT \
	(HV_ROOT_SCHEDULER_MAX_VPS_PER_CHILD_PARTITION / 64)
#endif

/* Names of the outcomes of a dispatch. */
#include <hyperv/hvsched.h>

/* sched/property-name.patch gives the property its full name. */
#define HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED \
	HV_PARTITION_PROPERTY_INTEGRATED_SCHEDULER_ENABLED

/* All that there is to one of the old driver's two paths. */
struct mshv_sched_ops {
	enum hv_scheduler_type type;
};

extern const struct mshv_sched_ops mshv_sched_root_ops;
extern const struct mshv_sched_ops mshv_sched_hyp_ops;
extern const struct mshv_sched_ops *mshv_sched_ops;

/* Bring a path up and down, as the driver's init and exit do. */
void mshv_sched_use(const struct mshv_sched_ops *ops);
void mshv_sched_signal_stop(void);

/*
 * What the old driver cannot do: be closed, be made to look, ask again, refuse to
 * sleep. Nothing happens, whatever the arguments.
 */
extern int mshv_sched_closed_err;
#define mshv_sched_closed()		(0)
#define mshv_sched_close(...)		do { } while (0)
#define mshv_sched_look_all()		do { } while (0)
#define mshv_sched_init(...)		(-EOPNOTSUPP)
#define mshv_sched_resume(...)		do { } while (0)
#define mshv_pm_stop_partitions(...)	do { } while (0)
#define mshv_pm_begin()			do { } while (0)
#define mshv_pm_end()			do { } while (0)
#define mshv_pm_notify(...)		(0)
#define mshv_pm_suspend(...)		(0)

/* The old driver's messages begin no work, and its SynIC cannot be left. */
static int __maybe_unused synic_cpuhp_online;
static struct work_struct __maybe_unused mshv_sched_look_all_work;
#define mshv_synic_stop()		do { } while (0)

#endif /* _MSHV_SCHED_H_ */
