// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of struct mshv_vp_run_page: a kick that comes before MSHV_RUN_VP ends it;
 * and of the kinds of kicks. Each under both ways of dispatching VPs, on the fake
 * hypervisor.
 */

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <uapi/linux/mshv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

/* How many kicks; the delays before them are the same in every run. */
#define KICKS		300
#define SEED		20261127
#define DELAY_MAX_US	40
#define USER_MAX_LOOPS	200

/* A kick that is not answered within this is lost. */
#define LOST		(10 * HZ)

enum mshv_kick_guest {
	/* Nothing to do, ever. */
	MSHV_KICK_HALTED,
	/* Busy, until it is interrupted. */
	MSHV_KICK_RUNNING,
	/* Needs its VMM again and again. */
	MSHV_KICK_TALKING,
};

struct mshv_kick_test {
	struct kunit *test;
	const struct mshv_sched_ops *ops;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
	struct mshv_vp_run_page __user *page;

	/* Of mshv_kick_none_lost(). */
	enum mshv_kick_guest guest;
	struct completion answered;
	atomic_t answers;
	atomic_t intercepts;
	bool stop;
};

static const struct hv_fake_outcome intercept = {
	.state = HV_VP_DISPATCH_STATE_READY,
	.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
	.message_type = HVMSG_X64_HALT,
};

static int setup(struct kunit *test, const struct mshv_sched_ops *ops)
{
	struct mshv_kick_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->ops = ops;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	t->hv = t->vp->hv;
	test->priv = t;
	return 0;
}

static int mshv_kick_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_root_ops);
}

static int mshv_kick_hyp_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_hyp_ops);
}

static struct mshv_vp_run_page __user *map(struct mshv_kick_test *t)
{
	unsigned long address = mshv_vmm_mmap(t->vp, MSHV_VP_MMAP_OFFSET_RUN, 1,
					      MAP_SHARED);

	KUNIT_ASSERT_FALSE(t->test, IS_ERR_VALUE(address));
	return (struct mshv_vp_run_page __user *)address;
}

/* What a signal handler does, or the VMM after EINTR. */
static void set_flag(struct mshv_kick_test *t, u8 value)
{
	KUNIT_EXPECT_EQ(t->test, put_user(value, &t->page->immediate_exit), 0);
}

static unsigned int hypercalls(struct mshv_kick_test *t)
{
	return hv_fake_count(t->fake, HVCALL_DISPATCH_VP, 0) +
	       hv_fake_count(t->fake, HVCALL_SET_VP_REGISTERS, 0) +
	       hv_fake_count(t->fake, HVCALL_GET_VP_REGISTERS, 0) +
	       hv_fake_count(t->fake, HVCALL_GET_VP_INDEX_FROM_APIC_ID, 0);
}

static bool root_path(const struct mshv_kick_test *t)
{
	return t->ops == &mshv_sched_root_ops;
}

static void start_and_wait(struct mshv_kick_test *t)
{
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_asleep(t->vp));
}

/* The VP has work, until it needs its VMM; a run that is under way ends with that. */
static void give_intercept(struct mshv_kick_test *t)
{
	if (root_path(t)) {
		hv_fake_vp_script(t->hv, &intercept, 1);
		hv_fake_vp_kick(t->hv);
	} else {
		hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	}
}

static void expect_intercept(struct mshv_kick_test *t)
{
	struct hv_message msg = {};

	KUNIT_EXPECT_EQ(t->test, mshv_vmm_join(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(t->test, msg.header.message_type, HVMSG_X64_HALT);
}

static void run_to_intercept(struct mshv_kick_test *t)
{
	start_and_wait(t);
	give_intercept(t);
	expect_intercept(t);
}

/* The flag ends a run at once, again and again, and the VP does not notice. */
static void expect_immediate_exit(struct mshv_kick_test *t)
{
	bool suspended = hv_fake_vp_explicit_suspend(t->hv);
	bool intercepted = hv_fake_vp_intercept_suspend(t->hv);
	unsigned int before = hypercalls(t);
	struct hv_message msg;
	u8 flag;

	set_flag(t, 1);
	KUNIT_EXPECT_EQ(t->test, mshv_vmm_run(t->vp, &msg), -EINTR);
	KUNIT_EXPECT_EQ(t->test, mshv_vmm_run(t->vp, &msg), -EINTR);
	KUNIT_EXPECT_EQ(t->test, hypercalls(t), before);
	KUNIT_EXPECT_EQ(t->test, hv_fake_vp_explicit_suspend(t->hv), suspended);
	KUNIT_EXPECT_EQ(t->test, hv_fake_vp_intercept_suspend(t->hv), intercepted);
	KUNIT_EXPECT_EQ(t->test, get_user(flag, &t->page->immediate_exit), 0);
	KUNIT_EXPECT_EQ(t->test, flag, 1);
	set_flag(t, 0);
}

/* The page is one page, shared, zeroed, and the same one each time it is mapped. */
static void mshv_kick_mapping(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;
	struct mshv_vp_run_page __user *again;
	u8 *copy = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	u8 flag;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_EQ(test, mshv_vmm_mmap(t->vp, MSHV_VP_MMAP_OFFSET_RUN, 1, MAP_PRIVATE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_mmap(t->vp, MSHV_VP_MMAP_OFFSET_RUN, 2, MAP_SHARED),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_mmap(t->vp, MSHV_VP_MMAP_OFFSET_COUNT, 1, MAP_SHARED),
			-EINVAL);

	t->page = map(t);
	KUNIT_ASSERT_EQ(test, copy_from_user(copy, t->page, PAGE_SIZE), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(copy, 0, PAGE_SIZE));

	again = map(t);
	KUNIT_EXPECT_TRUE(test, again != t->page);
	set_flag(t, 1);
	KUNIT_EXPECT_EQ(test, get_user(flag, &again->immediate_exit), 0);
	KUNIT_EXPECT_EQ(test, flag, 1);
}

/* Each VP has one of its own. */
static void mshv_kick_other_vp(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;
	struct mshv_vmm_vp *other = mshv_vmm_create_vp(t->vmm, 1);
	unsigned long address;

	t->page = map(t);
	address = mshv_vmm_mmap(other, MSHV_VP_MMAP_OFFSET_RUN, 1, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(address));
	KUNIT_EXPECT_EQ(test, put_user(1, (u8 __user *)address), 0);

	run_to_intercept(t);
}

static void mshv_kick_never_run(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	expect_immediate_exit(t);
	run_to_intercept(t);
}

static void mshv_kick_intercept_pending(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	run_to_intercept(t);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->hv));
	expect_immediate_exit(t);
	run_to_intercept(t);
}

/* A VP that is halted, or runs, is suspended by a signal, and stays so. */
static void mshv_kick_suspended(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));
	expect_immediate_exit(t);
	run_to_intercept(t);
}

static void mshv_kick_suspended_by_vmm(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	run_to_intercept(t);
	KUNIT_EXPECT_EQ(test, mshv_vmm_set_register(t->vp, HV_REGISTER_EXPLICIT_SUSPEND, 1), 0);
	expect_immediate_exit(t);
	run_to_intercept(t);
}

/* A run that failed: the flag leaves the VP as that has. */
static void mshv_kick_after_error(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = root_path(t) ? HVCALL_DISPATCH_VP : HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	expect_immediate_exit(t);
	run_to_intercept(t);
}

/* No VP runs any more: that is what the VMM is told, flag or not. */
static void mshv_kick_closed(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;
	struct hv_message msg;

	t->page = map(t);
	set_flag(t, 1);
	mshv_sched_close(-ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), -ESHUTDOWN);
}

/* Only the first byte counts; and that is looked at when a run begins, not later. */
static void mshv_kick_not_asked(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;

	t->page = map(t);
	KUNIT_EXPECT_EQ(test, put_user(1, &t->page->rsvd[0]), 0);
	KUNIT_EXPECT_EQ(test, put_user(1, &t->page->rsvd[MSHV_HV_PAGE_SIZE - 2]), 0);
	start_and_wait(t);
	set_flag(t, 1);
	KUNIT_EXPECT_FALSE(test, mshv_vmm_returned(t->vp));
	give_intercept(t);
	expect_intercept(t);
	/* Nor is it forgotten. */
	expect_immediate_exit(t);
}

/*
 * The way back to user space, where signals are handled. Returns false when the
 * test wants no more.
 */
static bool handle_signals(struct mshv_kick_test *t)
{
	while (signal_pending(current)) {
		if (fatal_signal_pending(current))
			return false;
		flush_signals(current);
		/* The handler. */
		if (put_user(1, &t->page->immediate_exit))
			return false;
	}

	return true;
}

/* A VMM's thread: it runs its VP, and answers kicks. */
static long answer_kicks(struct mshv_vmm_vp *vp, void *data)
{
	struct mshv_kick_test *t = data;
	struct rnd_state rnd;
	struct hv_message msg;
	u32 loops;
	long ret;

	prandom_seed_state(&rnd, SEED);
	while (!READ_ONCE(t->stop)) {
		/* Some time in user space, and a signal that comes meanwhile. */
		for (loops = prandom_u32_state(&rnd) % USER_MAX_LOOPS; loops; loops--)
			cpu_relax();
		if (!handle_signals(t))
			return -EINTR;

		ret = mshv_vmm_run(vp, &msg);
		if (!handle_signals(t))
			return -EINTR;

		if (!ret) {
			atomic_inc(&t->intercepts);
			/* At once, if the guest has one that needs it all the time. */
			if (t->guest == MSHV_KICK_TALKING)
				hv_fake_vp_script(t->hv, &intercept, 1);
			continue;
		}
		if (ret != -EINTR)
			return ret;
		if (put_user(0, &t->page->immediate_exit))
			return -EFAULT;
		atomic_inc(&t->answers);
		complete(&t->answered);
	}

	return 0;
}

/* A guest that is busy until its CPU is interrupted for its thread. */
static void be_busy(struct hv_fake *fake, void *data)
{
	struct mshv_kick_test *t = data;

	while (!test_thread_flag(TIF_SIGPENDING) && !tif_need_resched() &&
	       !READ_ONCE(t->stop))
		cpu_relax();
}

static void give_work(struct mshv_kick_test *t)
{
	const struct hv_fake_outcome busy = {
		.state = HV_VP_DISPATCH_STATE_BLOCKED,
		.running = be_busy,
		.data = t,
	};

	if (!root_path(t)) {
		/* The fake's VP runs whenever it is not suspended. */
		if (t->guest == MSHV_KICK_TALKING)
			hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
		return;
	}
	if (t->guest == MSHV_KICK_RUNNING) {
		hv_fake_vp_script(t->hv, &busy, 1);
		hv_fake_vp_kick(t->hv);
	}
}

/*
 * Kicks at random instants to a thread that is in its ioctl, on the way in, on the
 * way out, or in user space: each ends one run, and one only. It is a signal and
 * nothing else that kicks, and what the handler writes and the kernel reads is the
 * one thing that both sides touch: KCSAN has nothing to say.
 */
static const struct mshv_kick_guest_case {
	const char *name;
	enum mshv_kick_guest guest;
} mshv_kick_guest_cases[] = {
	{ "halted", MSHV_KICK_HALTED },
	{ "running", MSHV_KICK_RUNNING },
	{ "talking", MSHV_KICK_TALKING },
};

KUNIT_ARRAY_PARAM_DESC(mshv_kick_guest, mshv_kick_guest_cases, name);

static void mshv_kick_none_lost(struct kunit *test)
{
	const struct mshv_kick_guest_case *c = test->param_value;
	struct mshv_kick_test *t = test->priv;
	struct rnd_state rnd;
	int kick;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");

	t->page = map(t);
	t->guest = c->guest;
	init_completion(&t->answered);
	prandom_seed_state(&rnd, SEED + 1);
	hv_fake_vp_start(t->hv);
	if (t->guest == MSHV_KICK_TALKING && root_path(t))
		hv_fake_vp_script(t->hv, &intercept, 1);
	mshv_vmm_start_body(t->vp, answer_kicks, t);

	for (kick = 1; kick <= KICKS; kick++) {
		give_work(t);
		udelay(prandom_u32_state(&rnd) % DELAY_MAX_US);
		mshv_vmm_signal(t->vp, SIGUSR1);
		KUNIT_ASSERT_TRUE_MSG(test,
				      wait_for_completion_timeout(&t->answered, LOST),
				      "kick %d is lost", kick);
	}

	/* Each has ended one run, and nothing else has ended any. */
	usleep_range(10000, 20000);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->answers), KICKS);
	if (t->guest == MSHV_KICK_TALKING)
		KUNIT_EXPECT_GT(test, atomic_read(&t->intercepts), 0);
	WRITE_ONCE(t->stop, true);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
}

/*
 * A signal and a look that come together are a signal, in either order: who is
 * asked to look need not find anything, who is signalled does.
 */
static void mshv_kick_signal_and_look(struct kunit *test)
{
	struct mshv_kick_test *t = test->priv;
	struct mshv_vp *vp = t->vp->file->private_data;

	mshv_sched_look_all();
	KUNIT_EXPECT_EQ(test, READ_ONCE(vp->sched.kick), MSHV_KICK_LOOK);
	rcu_read_lock();
	mshv_sched_kick(vp);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, READ_ONCE(vp->sched.kick), MSHV_KICK_SIGNAL);
	mshv_sched_look_all();
	KUNIT_EXPECT_EQ(test, READ_ONCE(vp->sched.kick), MSHV_KICK_SIGNAL);
}

#define SLOW	((struct kunit_attributes) { .speed = KUNIT_SPEED_SLOW })

static struct kunit_case mshv_kick_test_cases[] = {
	KUNIT_CASE(mshv_kick_mapping),
	KUNIT_CASE(mshv_kick_other_vp),
	KUNIT_CASE(mshv_kick_never_run),
	KUNIT_CASE(mshv_kick_intercept_pending),
	KUNIT_CASE(mshv_kick_suspended),
	KUNIT_CASE(mshv_kick_suspended_by_vmm),
	KUNIT_CASE(mshv_kick_after_error),
	KUNIT_CASE(mshv_kick_closed),
	KUNIT_CASE(mshv_kick_not_asked),
	KUNIT_CASE(mshv_kick_signal_and_look),
	KUNIT_CASE_PARAM_ATTR(mshv_kick_none_lost, mshv_kick_guest_gen_params, SLOW),
	{}
};

static struct kunit_suite mshv_kick_test_suite = {
	.name = "mshv_kick",
	.init = mshv_kick_test_init,
	.test_cases = mshv_kick_test_cases,
};

static struct kunit_suite mshv_kick_hyp_test_suite = {
	.name = "mshv_kick_hyp",
	.init = mshv_kick_hyp_test_init,
	.test_cases = mshv_kick_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_kick_test_suite,
			       &mshv_kick_hyp_test_suite);
