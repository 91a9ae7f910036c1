// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_poll.c: halt polling, by VPs that run on the fake hypervisor.
 */

#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

#define VECTOR		0x41
#define GSI		7

/* A window that no test waits for, and a VP that slept would be slower than half. */
#define WIDE_NS		4000000000u
#define AT_ONCE_NS	(WIDE_NS / 2)

/* Tries until nothing else has wanted the CPU of the thread that polls. */
#define TRIES		50

/* The CPU of the VP's thread where there may be others. */
#define VP_CPU		1

struct mshv_poll_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
	/* The driver's own, which shows nowhere else yet. */
	struct mshv_vp_sched *sched;
	struct mshv_poll_params saved;
};

static const struct hv_fake_outcome halted = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
};

static const struct hv_fake_outcome intercept = {
	.state = HV_VP_DISPATCH_STATE_READY,
	.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
	.message_type = HVMSG_X64_HALT,
};

static int mshv_poll_test_init(struct kunit *test)
{
	struct mshv_poll_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct mshv_vp *vp;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->saved = mshv_poll_params;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_root_ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	mshv_vmm_set_ext_features(t->vmm, MSHV_SCHED_TAKES_INTERRUPTS);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	t->hv = t->vp->hv;
	vp = t->vp->file->private_data;
	t->sched = &vp->sched;
	hv_fake_vp_start(t->hv);
	test->priv = t;
	return 0;
}

static void mshv_poll_test_exit(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	if (t)
		mshv_poll_params = t->saved;
}

/* Every halt is watched for as long as a test can take. */
static void poll_always(struct mshv_poll_test *t)
{
	mshv_poll_params = (struct mshv_poll_params) {
		.max_ns = WIDE_NS,
		.grow = 2,
		.grow_start_ns = WIDE_NS,
		.shrink = 2,
	};
	t->sched->halt_poll_window = WIDE_NS;
}

/* The VP halts, in a thread of its own; when it is woken its run ends. */
static void halt_vp(struct mshv_poll_test *t)
{
	unsigned long end = jiffies + 10 * HZ;

	hv_fake_vp_script(t->hv, &halted, 1);
	hv_fake_vp_script(t->hv, &intercept, 1);
	mshv_vmm_start(t->vp);
	while (!hv_fake_vp_blocked(t->hv) && time_before(jiffies, end))
		cpu_relax();
	KUNIT_ASSERT_TRUE(t->test, hv_fake_vp_blocked(t->hv));
}

static void kick_and_join(struct mshv_poll_test *t)
{
	hv_fake_vp_kick(t->hv);
	KUNIT_EXPECT_EQ(t->test, mshv_vmm_join(t->vp, NULL), 0);
}

static void wait_asleep(struct mshv_poll_test *t)
{
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_asleep(t->vp));
}

/* What becomes of a window, with any parameters. */
static const struct mshv_poll_window_case {
	const char *name;
	struct mshv_poll_params params;
	u32 window;
	u64 halt_ns;
	u32 then;
} mshv_poll_window_cases[] = {
	{ "opens", { 1000, 2, 100, 2 }, 0, 50, 100 },
	{ "opens at the limit", { 1000, 2, 100, 2 }, 0, 1000, 100 },
	{ "grows", { 1000, 2, 100, 2 }, 100, 101, 200 },
	{ "grows up to the limit", { 1000, 2, 100, 2 }, 600, 700, 1000 },
	{ "grows by three", { 1000, 3, 100, 2 }, 100, 200, 300 },
	{ "grows to its start at least", { 1000, 2, 100, 2 }, 10, 20, 100 },
	{ "starts at the limit", { 1000, 2, 5000, 2 }, 0, 50, 1000 },
	{ "was wide enough", { 1000, 2, 100, 2 }, 400, 400, 400 },
	{ "is at the limit", { 1000, 2, 100, 2 }, 1000, 1000, 1000 },
	{ "shrinks", { 1000, 2, 100, 2 }, 800, 1001, 400 },
	{ "shrinks by four", { 1000, 2, 100, 4 }, 800, 5000, 200 },
	{ "closes", { 1000, 2, 100, 2 }, 199, 5000, 0 },
	{ "closes at once", { 1000, 2, 100, 0 }, 1000, 5000, 0 },
	{ "stays closed", { 1000, 2, 100, 2 }, 0, 5000, 0 },
	{ "may not grow", { 1000, 0, 100, 2 }, 100, 200, 100 },
	{ "may not open", { 1000, 0, 100, 2 }, 0, 50, 0 },
	{ "has no start", { 1000, 2, 0, 2 }, 0, 50, 0 },
	{ "limit was lowered", { 50, 2, 10, 2 }, 800, 40, 50 },
	{ "limit was taken away", { 0, 2, 100, 2 }, 800, 40, 0 },
	{ "no overflow", { ~0u, ~0u, 1, 2 }, ~0u - 1, ~0u, ~0u },
	{ "halted for years", { ~0u, 2, 1, 2 }, ~0u, ~0ull, ~0u / 2 },
};

KUNIT_ARRAY_PARAM_DESC(mshv_poll_window, mshv_poll_window_cases, name);

static void mshv_poll_windows(struct kunit *test)
{
	const struct mshv_poll_window_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, c->then,
			mshv_poll_window(&c->params, c->window, c->halt_ns));
}

/* Off: the thread sleeps at once, whatever a window was before. */
static void mshv_poll_off(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	poll_always(t);
	mshv_poll_params.max_ns = 0;
	halt_vp(t);
	wait_asleep(t);
	kick_and_join(t);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success_ns, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail_ns, 0);
}

/* Woken while it is watched; the hypervisor is asked for nothing meanwhile. */
static void mshv_poll_success(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	unsigned int try;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");

	for (try = 1; try <= TRIES && !t->sched->halt_poll_success; try++) {
		poll_always(t);
		halt_vp(t);
		kick_and_join(t);
		KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2 * try);
	}
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 1);
	KUNIT_EXPECT_GT(test, t->sched->halt_poll_success_ns, 0);
	KUNIT_EXPECT_LT(test, t->sched->halt_poll_success_ns, AT_ONCE_NS);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_window, WIDE_NS);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_GET_VP_REGISTERS, 0), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->hv), 0);
}

/* The same by an interrupt that is posted. */
static void mshv_poll_posted(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	struct eventfd_ctx *eventfd;
	struct hv_message msg;
	unsigned int try;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "nothing is posted");

	/* By then the driver knows the VP's APIC ID. */
	hv_fake_vp_script(t->hv, &intercept, 1);
	KUNIT_ASSERT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, VECTOR), 0);
	eventfd = mshv_vmm_irqfd(t->vmm, GSI);

	for (try = 0; try < TRIES && !t->sched->halt_poll_success; try++) {
		poll_always(t);
		halt_vp(t);
		/* The VP is blocked; the driver may yet have to learn of it. */
		while (READ_ONCE(t->sched->dispatched))
			cpu_relax();
		eventfd_signal(eventfd);
		KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
	}
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->hv, VECTOR), try);
}

/* In vain: the time is over, and the thread sleeps; next time it is longer. */
static void mshv_poll_too_short(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	poll_always(t);
	mshv_poll_params.grow_start_ns = 10000;
	t->sched->halt_poll_window = 10000;
	halt_vp(t);
	wait_asleep(t);
	kick_and_join(t);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 1);
	KUNIT_EXPECT_GT(test, t->sched->halt_poll_fail_ns, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_window, 20000);
}

/* A VP that is not watched yet, and halts for a short time, will be. */
static void mshv_poll_opens(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	poll_always(t);
	mshv_poll_params.grow_start_ns = 10000;
	t->sched->halt_poll_window = 0;
	halt_vp(t);
	wait_asleep(t);
	kick_and_join(t);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_window, 10000);
}

/* A VP that halts for long is watched less and less. */
static void mshv_poll_closes(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	unsigned int round;

	mshv_poll_params = (struct mshv_poll_params) {
		.max_ns = 40000,
		.grow = 2,
		.grow_start_ns = 20000,
		.shrink = 2,
	};
	t->sched->halt_poll_window = 40000;
	for (round = 0; round < 3; round++) {
		KUNIT_EXPECT_EQ(test, t->sched->halt_poll_window,
				round == 0 ? 40000 : round == 1 ? 20000 : 0);
		halt_vp(t);
		wait_asleep(t);
		usleep_range(1000, 2000);
		kick_and_join(t);
	}
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 2);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
}

static void kick_back(struct hv_fake *fake, void *data)
{
	struct mshv_poll_test *t = data;

	hv_fake_vp_kick(t->hv);
}

/* A kick from before the VP has halted is no success: its counter says "blocked". */
static void mshv_poll_old_kick(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	struct hv_fake_outcome outcome = halted;

	poll_always(t);
	t->sched->halt_poll_window = 1000000;
	outcome.running = kick_back;
	outcome.data = t;
	hv_fake_vp_script(t->hv, &outcome, 1);
	hv_fake_vp_script(t->hv, &intercept, 1);
	mshv_vmm_start(t->vp);
	wait_asleep(t);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 1);
	kick_and_join(t);
	/* After a tenth of a second the driver looks, see mshv_root_old_kick(). */
	hv_fake_take_violations(t->fake, HV_FAKE_DISPATCH_BLOCKED);
}

/* A signal ends it at once, says nothing of the VP, and leaves the window alone. */
static void mshv_poll_signal(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	poll_always(t);
	halt_vp(t);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 1);
	KUNIT_EXPECT_LT(test, t->sched->halt_poll_fail_ns, AT_ONCE_NS);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_window, WIDE_NS);
}

/* So does the end of all VPs. */
static void mshv_poll_closed(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;

	poll_always(t);
	halt_vp(t);
	mshv_sched_close(-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -ESHUTDOWN);
	KUNIT_EXPECT_LT(test, t->sched->halt_poll_fail_ns, AT_ONCE_NS);
}

static int be_busy(void *data)
{
	while (!kthread_should_stop()) {
		cpu_relax();
		cond_resched();
	}

	return 0;
}

/* There is something else to do on that CPU: the thread sleeps. */
static void mshv_poll_other_work(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	struct task_struct *other;

	if (!cpu_online(VP_CPU))
		kunit_skip(test, "needs two CPUs");

	poll_always(t);
	other = kthread_create(be_busy, NULL, "mshv_poll_other");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	kthread_bind(other, VP_CPU);
	wake_up_process(other);

	mshv_vmm_pin(t->vp, VP_CPU);
	halt_vp(t);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	kthread_stop(other);
	kick_and_join(t);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_success, 0);
	KUNIT_EXPECT_EQ(test, t->sched->halt_poll_fail, 1);
	KUNIT_EXPECT_LT(test, t->sched->halt_poll_fail_ns, AT_ONCE_NS);
}

/* Kicks at all instants, before, during and after a poll: none is lost. */
static void mshv_poll_many_kicks(struct kunit *test)
{
	struct mshv_poll_test *t = test->priv;
	unsigned int round;

	poll_always(t);
	mshv_poll_params.max_ns = 50000;
	mshv_poll_params.grow_start_ns = 10000;
	for (round = 0; round < 200; round++) {
		halt_vp(t);
		udelay(round % 100);
		kick_and_join(t);
	}
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 2 * 200);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->hv), 0);
}

static struct kunit_case mshv_poll_test_cases[] = {
	KUNIT_CASE_PARAM(mshv_poll_windows, mshv_poll_window_gen_params),
	KUNIT_CASE(mshv_poll_off),
	KUNIT_CASE(mshv_poll_success),
	KUNIT_CASE(mshv_poll_posted),
	KUNIT_CASE(mshv_poll_too_short),
	KUNIT_CASE(mshv_poll_opens),
	KUNIT_CASE(mshv_poll_closes),
	KUNIT_CASE(mshv_poll_old_kick),
	KUNIT_CASE(mshv_poll_signal),
	KUNIT_CASE(mshv_poll_closed),
	KUNIT_CASE(mshv_poll_other_work),
	KUNIT_CASE_SLOW(mshv_poll_many_kicks),
	{}
};

static struct kunit_suite mshv_poll_test_suite = {
	.name = "mshv_poll",
	.init = mshv_poll_test_init,
	.exit = mshv_poll_test_exit,
	.test_cases = mshv_poll_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_poll_test_suite);
