// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what becomes of VPs and partitions when they are taken down: by the
 * VMM, where the hypervisor does not let go of a page, and by a reboot or kexec,
 * with the VMM still there; and of the question that is asked after resume.
 */

#include <linux/cpumask.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_log.h"

#define CAPS		HV_PARTITION_PROPERTY_VMM_CAPABILITIES
#define INTEGRATED	HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED

struct mshv_pm_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
};

static void mshv_pm_setup(struct kunit *test, const struct mshv_sched_ops *ops)
{
	struct mshv_pm_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	test->priv = t;
}

static int mshv_pm_test_init(struct kunit *test)
{
	mshv_pm_setup(test, &mshv_sched_root_ops);
	return 0;
}

static int mshv_pm_hyp_test_init(struct kunit *test)
{
	mshv_pm_setup(test, &mshv_sched_hyp_ops);
	return 0;
}

/*
 * The hypervisor does not let go of a page: it writes to it, so it must not be
 * given to anybody else. It is lost, and the log says so.
 */
static const struct mshv_pm_unmap_case {
	const char *name;
	u16 code;
} mshv_pm_unmap_cases[] = {
	{ "state page", HVCALL_UNMAP_VP_STATE_PAGE },
	{ "statistics page", HVCALL_UNMAP_STATS_PAGE },
};

KUNIT_ARRAY_PARAM_DESC(mshv_pm_unmap, mshv_pm_unmap_cases, name);

static void mshv_vp_unmap_refused(struct kunit *test)
{
	const struct mshv_pm_unmap_case *c = test->param_value;
	struct mshv_pm_test *t = test->priv;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = c->code,
		.one_vp = true,
		.vp = 0,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	/* The fake knows its pages, and sees whether one has been freed. */
	mshv_vmm_destroy(t->vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_take_violations(t->fake, HV_FAKE_LEFT_MAPPED), 1);
}

/*
 * Reboot or kexec with a VM that runs: the thread that runs the VP returns, the
 * VP is stopped, and the hypervisor is left without a page of this kernel's.
 * Nothing can be done with the partition any more but to close it.
 */
static void mshv_pm_stops_partitions(struct kunit *test)
{
	struct mshv_create_vp args = { .vp_index = 1 };
	struct mshv_pm_test *t = test->priv;
	const struct mshv_vp *vp = t->vp->file->private_data;
	struct page *pages[] = {
		virt_to_page(vp->vp_register_page),
		virt_to_page(vp->vp_intercept_msg_page),
		virt_to_page(vp->vp_stats_pages[HV_STATS_AREA_SELF]),
	};
	struct hv_message msg;
	u64 id = mshv_vmm_partition_id(t->vmm);
	unsigned int i;

	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));

	mshv_pm_stop_partitions();

	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -ESHUTDOWN);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->vp->hv));
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(t->fake, id), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_deposited(t->fake, id), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(t->fake), 0);

	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, mshv_vmm_partition_ioctl(t->vmm, MSHV_CREATE_VP,
						       &args, sizeof(args)),
			-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, mshv_vmm_try_create(t->vmm), -ESHUTDOWN);

	/* The VMM may have them mapped: nobody else gets them. */
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		KUNIT_EXPECT_EQ(test, page_count(pages[i]), 1);

	/* The first reason stays. */
	mshv_sched_close(-ENODEV);
	KUNIT_EXPECT_EQ(test, mshv_sched_closed(), -ESHUTDOWN);

	/* What is left goes when it is closed, without a word to anybody. */
	mshv_vmm_destroy(t->vmm);
}

/* A VP that goes on until it is stopped, as VPs do; or the test has failed. */
static void wait_for_stop(struct hv_fake *fake, void *data)
{
	unsigned long end = jiffies + 10 * HZ;

	while (!hv_fake_vp_explicit_suspend(data) && time_before(jiffies, end))
		cpu_relax();
}

/* Run the VP where this thread is not, until it is inside its dispatch. */
static void start_on_another_cpu(struct mshv_pm_test *t,
				 const struct hv_fake_outcome *outcome)
{
	if (num_online_cpus() < 2)
		kunit_skip(t->test, "needs two CPUs");

	set_cpus_allowed_ptr(current, cpumask_of(0));
	hv_fake_vp_start(t->vp->hv);
	hv_fake_vp_script(t->vp->hv, outcome, 1);
	mshv_vmm_pin(t->vp, 1);
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_dispatching(t->vp));
}

/* The same with the VP inside a dispatch, on another CPU. */
static void mshv_pm_stops_dispatched_vp(struct kunit *test)
{
	struct mshv_pm_test *t = test->priv;
	struct hv_fake_outcome outcome = {
		.state = HV_VP_DISPATCH_STATE_BLOCKED,
		.event = HV_VP_DISPATCH_EVENT_SUSPEND,
		.running = wait_for_stop,
		.data = t->vp->hv,
	};

	start_on_another_cpu(t, &outcome);

	mshv_pm_stop_partitions();

	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test,
			hv_fake_mapped(t->fake, mshv_vmm_partition_id(t->vmm)), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(t->fake), 0);
}

/*
 * A VP that cannot be stopped, and whose thread therefore does not leave, does
 * not keep the machine from rebooting: its pages are taken away, and the log
 * says that.
 */
static void mshv_pm_vp_does_not_stop(struct kunit *test)
{
	struct mshv_pm_test *t = test->priv;
	struct hv_fake_outcome outcome = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.running = wait_for_stop,
		.data = t->vp->hv,
	};
	struct kmsg_dump_iter log;
	unsigned long took;

	start_on_another_cpu(t, &outcome);
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_SET_VP_REGISTERS,
		.result = HV_STATUS_INVALID_VP_STATE,
	});

	test_log_end(&log);
	took = jiffies;
	mshv_pm_stop_partitions();
	took = jiffies - took;
	KUNIT_EXPECT_GE(test, took, HZ);
	KUNIT_EXPECT_LT(test, took, 5 * HZ);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "1 VPs could not be stopped"), 1);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "still in use, its pages are taken away"), 1);
	KUNIT_EXPECT_EQ(test,
			hv_fake_mapped(t->fake, mshv_vmm_partition_id(t->vmm)), 0);

	/* In the end it does come out, and finds the door closed. */
	hv_fake_vp_set_explicit_suspend(t->vp->hv, true);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -ESHUTDOWN);
}

/* How long the partitions take to be stopped, in jiffies. */
static unsigned long stop_partitions(void)
{
	unsigned long begin = jiffies;

	mshv_pm_stop_partitions();
	return jiffies - begin;
}

/*
 * Three partitions on which threads are at work that do not leave: there is one
 * deadline, not one for each.
 */
static void mshv_pm_one_deadline(struct kunit *test)
{
	struct mshv_pm_test *t = test->priv;
	struct mshv_partition *partitions[3];
	unsigned long took;
	unsigned int i;

	partitions[0] = mshv_vmm_file(t->vmm)->private_data;
	for (i = 1; i < ARRAY_SIZE(partitions); i++)
		partitions[i] = mshv_vmm_file(mshv_vmm_create(test, t->fake))->private_data;
	for (i = 0; i < ARRAY_SIZE(partitions); i++)
		mutex_lock_nested(&partitions[i]->pt_mutex, i);
	took = stop_partitions();
	while (i--)
		mutex_unlock(&partitions[i]->pt_mutex);

	KUNIT_EXPECT_GE(test, took, 2 * HZ - 1);
	KUNIT_EXPECT_LT(test, took, 5 * HZ);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(t->fake), 0);
}

static void end_others(struct work_struct *work)
{
	mshv_pm_end();
}

static DECLARE_DELAYED_WORK(others_end, end_others);

/*
 * A partition that another thread is creating, or destroying, is not in the table,
 * and is waited for. One whose creation has failed is not.
 */
static void mshv_pm_waits_for_others(struct kunit *test)
{
	struct mshv_pm_test *t = test->priv;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_CREATE_PARTITION,
		.nth = 1,
		.result = HV_STATUS_ACCESS_DENIED,
	});
	KUNIT_EXPECT_LT(test, mshv_vmm_try_create(t->vmm), 0);
	KUNIT_EXPECT_LT(test, stop_partitions(), 3 * HZ / 2);

	mshv_pm_begin();
	schedule_delayed_work(&others_end, HZ / 4);
	mshv_pm_stop_partitions();
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&others_end));
	flush_delayed_work(&others_end);
}

/*
 * No hibernation while there are partitions, neither of this kernel nor of one
 * that is about to be replaced by an image; and no partition until it is over.
 */
static const struct mshv_pm_sleep_case {
	const char *name;
	unsigned long prepare;
	unsigned long post;
} mshv_pm_sleep_cases[] = {
	{ "hibernation", PM_HIBERNATION_PREPARE, PM_POST_HIBERNATION },
	{ "restore", PM_RESTORE_PREPARE, PM_POST_RESTORE },
};

KUNIT_ARRAY_PARAM_DESC(mshv_pm_sleep, mshv_pm_sleep_cases, name);

static int notify(unsigned long event)
{
	return notifier_to_errno(mshv_pm_notify(NULL, event, NULL));
}

static void mshv_pm_sleeps(struct kunit *test)
{
	const struct mshv_pm_sleep_case *c = test->param_value;
	struct mshv_pm_test *t = test->priv;
	int fd;

	KUNIT_EXPECT_EQ(test, notify(c->prepare), -EBUSY);
	/* As sleep does that asks nobody before. */
	KUNIT_EXPECT_EQ(test, mshv_pm_suspend(NULL), -EBUSY);
	KUNIT_EXPECT_EQ(test, notify(c->post), 0);

	mshv_vmm_close_vp(t->vp);
	mshv_vmm_close_partition(t->vmm);
	KUNIT_EXPECT_EQ(test, notify(c->prepare), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_try_create(t->vmm), -EBUSY);
	KUNIT_EXPECT_EQ(test, notify(c->post), 0);

	fd = mshv_vmm_try_create(t->vmm);
	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	flush_delayed_fput();
	mshv_debugfs_exit();
}

/*
 * After resume: the same answer as before changes nothing and is not worth a
 * line; another one, and one that cannot be had, close the driver.
 */
static const struct mshv_pm_resume_case {
	const char *name;
	u64 caps;
	u64 integrated;
	u64 caps_result;
	u64 integrated_result;
	const char *log;
} mshv_pm_resume_cases[] = {
	{ .name = "as before" },
	{
		.name = "as before, with other capabilities",
		.caps = BIT_ULL(0) | BIT_ULL(2),
	},
	{
		.name = "as before, for another reason",
		.caps_result = HV_STATUS_UNKNOWN_PROPERTY,
	},
	{
		.name = "integrated now",
		.caps = BIT_ULL(6),
		.integrated = 1,
		.log =
			"mshv: scheduler changed by resume: integrated scheduler now, core before; load the driver anew",
	},
	{
		.name = "capabilities unreadable",
		.caps_result = HV_STATUS_ACCESS_DENIED,
		.log =
			"mshv: scheduler unknown after resume: VMM capabilities: HV_STATUS_ACCESS_DENIED (0x6); load the driver anew",
	},
	{
		.name = "property unreadable",
		.caps = BIT_ULL(6),
		.integrated_result = HV_STATUS_TIME_OUT,
		.log =
			"mshv: scheduler unknown after resume: integrated scheduler state: HV_STATUS_TIME_OUT (0x78); load the driver anew",
	},
};

KUNIT_ARRAY_PARAM_DESC(mshv_pm_resume, mshv_pm_resume_cases, name);

static void __init mshv_pm_resume(struct kunit *test)
{
	const struct mshv_pm_resume_case *c = test->param_value;
	struct hv_partition_property_vmm_capabilities caps = {
		.bank_count = 1,
		.as_uint64[0] = c->caps,
	}, none = {};
	struct mshv_pm_test *t = test->priv;
	struct kmsg_dump_iter log;
	struct hv_message msg;

	/* What was in force before: core, as nothing is offered. */
	hv_fake_set_property(t->fake, CAPS, &none, sizeof(none));
	KUNIT_ASSERT_EQ(test, 0, mshv_sched_init(&none));

	hv_fake_set_property(t->fake, CAPS, &caps, sizeof(caps));
	hv_fake_set_property(t->fake, INTEGRATED, &c->integrated, sizeof(c->integrated));
	if (c->caps_result)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_GET_PARTITION_PROPERTY_EX,
			.property = CAPS,
			.result = c->caps_result,
		});
	if (c->integrated_result)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_GET_PARTITION_PROPERTY_EX,
			.property = INTEGRATED,
			.result = c->integrated_result,
		});

	test_log_end(&log);
	/*
	 * As on a resume; but that finds no VP, and this does, whose wait queue
	 * has a lock that sleeps on PREEMPT_RT.
	 */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_disable();
	mshv_sched_resume(&mshv_root.vmm_caps);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_enable();

	if (!c->log) {
		KUNIT_EXPECT_EQ(test, test_log_count(log, "resume"), 0);
		KUNIT_EXPECT_EQ(test, mshv_sched_closed(), 0);
		KUNIT_EXPECT_EQ(test, mshv_root.vmm_caps.as_uint64[0], c->caps);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, test_log_count(log, c->log), 1, "%s", c->log);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), -ENODEV);
	KUNIT_EXPECT_EQ(test, mshv_vmm_try_create(t->vmm), -ENODEV);
}

static struct kunit_case mshv_pm_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_vp_unmap_refused, mshv_pm_unmap_gen_params),
	KUNIT_CASE(mshv_pm_stops_partitions),
	KUNIT_CASE(mshv_pm_stops_dispatched_vp),
	KUNIT_CASE_SLOW(mshv_pm_vp_does_not_stop),
	KUNIT_CASE_SLOW(mshv_pm_one_deadline),
	KUNIT_CASE(mshv_pm_waits_for_others),
	KUNIT_CASE_PARAM(mshv_pm_sleeps, mshv_pm_sleep_gen_params),
	{}
};

static struct kunit_suite mshv_pm_test_suite = {
	.name = "mshv_pm",
	.init = mshv_pm_test_init,
	.test_cases = mshv_pm_test_cases,
};

static struct kunit_case __refdata mshv_pm_hyp_test_cases[] = {
	KUNIT_CASE(mshv_pm_stops_partitions),
	KUNIT_CASE_PARAM(mshv_pm_resume, mshv_pm_resume_gen_params),
	{}
};

static struct kunit_suite mshv_pm_hyp_test_suite = {
	.name = "mshv_pm_hyp",
	.init = mshv_pm_hyp_test_init,
	.test_cases = mshv_pm_hyp_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_pm_test_suite, &mshv_pm_hyp_test_suite);
