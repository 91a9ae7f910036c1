// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the end of VPs that this kernel dispatches: signals that are still to
 * arrive, arrive late, or never stop.
 *
 * They are cases of the suite in mshv_root_kunit.c.
 */

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "mshv_root_test.h"
#include "mshv_vmm.h"
#include "test_log.h"

/*
 * Destruction. The driver stops the hypervisor's signals for each VP and waits
 * for those that were counted; a lost one, a count that cannot be read and a VP
 * that cannot be stopped do not keep it, nor does a signal to the VMM.
 */
static const struct mshv_root_drain_case {
	const char *name;
	bool lost;
	u16 fails;
	bool signal;
	bool waits;
	const char *log;
} mshv_root_drain_cases[] = {
	{ .name = "all arrived" },
	{ .name = "all arrived, signal pending", .signal = true },
	{ .name = "one lost", .lost = true, .waits = true,
	  .log = "with signals for 1 VPs that have not arrived" },
	{ .name = "one lost, signal pending", .lost = true, .signal = true,
	  .waits = true, .log = "with signals for 1 VPs that have not arrived" },
	{ .name = "count unreadable", .lost = true,
	  .fails = HVCALL_GET_VP_REGISTERS,
	  .log = "an unknown number of signals for 1 VPs" },
	{ .name = "cannot be stopped", .lost = true,
	  .fails = HVCALL_SET_VP_REGISTERS,
	  .log = "an unknown number of signals for 1 VPs" },
};

KUNIT_ARRAY_PARAM_DESC(mshv_root_drain, mshv_root_drain_cases, name);

/* What the suite's list names is static: the macro makes it so. */
const void *mshv_root_drain_params(struct kunit *test, const void *prev,
				   char *desc)
{
	return mshv_root_drain_gen_params(test, prev, desc);
}

void mshv_root_drain(struct kunit *test)
{
	const struct mshv_root_drain_case *c = test->param_value;
	struct mshv_root_test *t = test->priv;
	struct kmsg_dump_iter log;
	unsigned long took;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	if (c->lost)
		hv_fake_vp_kick_lost(t->hv);
	if (c->fails)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = c->fails,
			.result = HV_STATUS_ACCESS_DENIED,
		});
	if (c->signal) {
		allow_signal(SIGUSR1);
		send_sig(SIGUSR1, current, 1);
	}

	test_log_end(&log);
	took = jiffies;
	mshv_vmm_destroy(t->vmm);
	took = jiffies - took;

	if (c->signal) {
		flush_signals(current);
		disallow_signal(SIGUSR1);
	}
	if (c->waits)
		KUNIT_EXPECT_GE(test, took, HZ / 2);
	KUNIT_EXPECT_LT(test, took, 5 * HZ);
	if (!c->fails)
		KUNIT_EXPECT_TRUE(test, hv_fake_vp_dispatch_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, test_log_count(log, "destroyed with"), c->log ? 1 : 0);
	if (c->log)
		KUNIT_EXPECT_EQ(test, test_log_count(log, c->log), 1);
}

/* Signals of four VPs are lost: there is one deadline, not one for each. */
void mshv_root_drain_many(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct mshv_vmm_vp *vp;
	unsigned long took;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		vp = i ? mshv_vmm_create_vp(t->vmm, i) : t->vp;
		hv_fake_vp_start(vp->hv);
		hv_fake_vp_script(vp->hv, &halted, 1);
		hv_fake_vp_script(vp->hv, &intercept, 1);
		mshv_vmm_start(vp);
		KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(vp));
		hv_fake_vp_kick(vp->hv);
		KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, NULL), 0);
		hv_fake_vp_kick_lost(vp->hv);
	}

	took = jiffies;
	mshv_vmm_destroy(t->vmm);
	took = jiffies - took;
	KUNIT_EXPECT_GE(test, took, HZ / 2);
	KUNIT_EXPECT_LT(test, took, 3 * HZ);
}

/* A message that was under way when the VP was destroyed finds nobody. */
void mshv_root_signal_after_destroy(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;

	script(t, &intercept);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	hv_fake_signal(&t->hv, 1, HV_FAKE_KICK_HELD);
	mshv_vmm_destroy(t->vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(t->fake), 1);
}

/* Kicks, as fast as they come, from another CPU. */
static int mshv_root_kicker(void *data)
{
	struct mshv_root_test *t = data;

	while (!kthread_should_stop()) {
		hv_fake_vp_kick_uncounted(t->hv);
		WRITE_ONCE(t->called, t->called + 1);
		cond_resched();
	}

	return 0;
}

/*
 * VPs are destroyed while another CPU kicks them: nothing is freed under the
 * message handler. KASAN sees it if it is.
 */
void mshv_root_destroy_while_kicked(struct kunit *test)
{
	struct mshv_root_test *t = test->priv;
	struct task_struct *kicker;
	unsigned int round;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "hypercalls are redirected on the test's own thread only");

	hv_fake_reserve(t->fake, 20, 20);
	for (round = 0; round < 20; round++) {
		kicker = kthread_create(mshv_root_kicker, t, "mshv_root_kicker");
		KUNIT_ASSERT_FALSE(test, IS_ERR(kicker));
		wake_up_process(kicker);
		while (!READ_ONCE(t->called))
			usleep_range(50, 100);
		mshv_vmm_destroy(t->vmm);
		kthread_stop(kicker);

		t->called = 0;
		t->vmm = mshv_vmm_create(test, t->fake);
		t->vp = mshv_vmm_create_vp(t->vmm, 0);
		t->hv = t->vp->hv;
	}
}
