// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the tracepoints of a VP's way: what each tells, in numbers, and that it is
 * told as often as the statistics count it. That of the decision is tested with the
 * decision, in mshv_sched_init_kunit.c.
 */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

#define VP		3
#define VECTOR		0x41

/* For how long a VP runs, is watched, and is not woken, in this order. */
#define RUN_US		300
#define WINDOW_NS	200000
#define HALT_MS		20

/* What is kept of each event; a test makes fewer. */
#define MAX_EVENTS	16

struct mshv_trace_dispatch {
	u32 flags;
	u32 state;
	u32 event;
	u64 posted;
	u64 status;
	u64 duration_ns;
};

struct mshv_trace_kick {
	const char *kind;
	bool asleep;
};

struct mshv_trace_poll {
	bool success;
	u64 polled_ns;
	u64 halt_ns;
	u32 window;
	u32 new_window;
};

struct mshv_trace_test {
	const struct mshv_sched_ops *ops;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct mshv_poll_params saved;
	u64 partition;
	/* Events of another partition or VP. */
	atomic_t strange;
	/* Kicks come from interrupts. */
	atomic_t kicks;
	struct mshv_trace_kick kick[MAX_EVENTS];
	/* The others are the one thread's that runs the VP. */
	unsigned int dispatches;
	struct mshv_trace_dispatch dispatch[MAX_EVENTS];
	unsigned int blocks;
	unsigned int wakeups;
	u64 wakeup_ns[MAX_EVENTS];
	unsigned int polls;
	struct mshv_trace_poll poll[MAX_EVENTS];
};

/* Whether an event is about the VP, and finds room. */
static bool ours(struct mshv_trace_test *t, u64 partition, u32 vp, unsigned int count)
{
	if (partition == t->partition && vp == VP && count < MAX_EVENTS)
		return true;
	atomic_inc(&t->strange);
	return false;
}

static void dispatch_probe(void *data, u64 partition, u32 vp, u32 flags, u32 state,
			   u32 event, u64 posted, u64 status, u64 duration_ns)
{
	struct mshv_trace_test *t = data;

	if (ours(t, partition, vp, t->dispatches))
		t->dispatch[t->dispatches++] = (struct mshv_trace_dispatch) {
			flags, state, event, posted, status, duration_ns
		};
}

static void block_probe(void *data, u64 partition, u32 vp)
{
	struct mshv_trace_test *t = data;

	if (ours(t, partition, vp, t->blocks))
		t->blocks++;
}

static void kick_probe(void *data, u64 partition, u32 vp, const char *kind, bool asleep)
{
	struct mshv_trace_test *t = data;
	unsigned int i = atomic_inc_return(&t->kicks) - 1;

	if (ours(t, partition, vp, i))
		t->kick[i] = (struct mshv_trace_kick) { kind, asleep };
}

static void wakeup_probe(void *data, u64 partition, u32 vp, u64 latency_ns)
{
	struct mshv_trace_test *t = data;

	if (ours(t, partition, vp, t->wakeups))
		t->wakeup_ns[t->wakeups++] = latency_ns;
}

static void poll_probe(void *data, u64 partition, u32 vp, bool success, u64 polled_ns,
		       u64 halt_ns, u32 window, u32 new_window)
{
	struct mshv_trace_test *t = data;

	if (ours(t, partition, vp, t->polls))
		t->poll[t->polls++] = (struct mshv_trace_poll) {
			success, polled_ns, halt_ns, window, new_window
		};
}

static void unregister_probes(void *data)
{
	unregister_trace_mshv_hvcall_dispatch_vp(dispatch_probe, data);
	unregister_trace_mshv_vp_block(block_probe, data);
	unregister_trace_mshv_vp_kick(kick_probe, data);
	unregister_trace_mshv_vp_wakeup(wakeup_probe, data);
	unregister_trace_mshv_vp_halt_poll(poll_probe, data);
	tracepoint_synchronize_unregister();
}

static int setup(struct kunit *test, const struct mshv_sched_ops *ops)
{
	struct mshv_trace_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has no tracepoints");

	t->ops = ops;
	t->saved = mshv_poll_params;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	mshv_vmm_set_ext_features(t->vmm, MSHV_SCHED_TAKES_INTERRUPTS);
	t->vp = mshv_vmm_create_vp(t->vmm, VP);
	hv_fake_vp_start(t->vp->hv);
	t->partition = mshv_vmm_partition_id(t->vmm);
	test->priv = t;

	KUNIT_ASSERT_EQ(test, register_trace_mshv_hvcall_dispatch_vp(dispatch_probe, t), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mshv_vp_block(block_probe, t), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mshv_vp_kick(kick_probe, t), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mshv_vp_wakeup(wakeup_probe, t), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mshv_vp_halt_poll(poll_probe, t), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister_probes, t), 0);
	return 0;
}

static int mshv_trace_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_root_ops);
}

static int mshv_trace_hyp_test_init(struct kunit *test)
{
	return setup(test, &mshv_sched_hyp_ops);
}

static void mshv_trace_test_exit(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;

	if (!t)
		return;
	mshv_poll_params = t->saved;
	KUNIT_EXPECT_EQ(test, atomic_read(&t->strange), 0);
}

static struct mshv_vp *driver_vp(const struct mshv_trace_test *t)
{
	return t->vp->file->private_data;
}

/* The VP runs for a while: no delay of the fake's is in a test by chance. */
static void run_a_while(struct hv_fake *fake, void *data)
{
	udelay(RUN_US);
}

/* Start a run that halts once, and then ends with an intercept. */
static void start_and_halt(struct mshv_trace_test *t)
{
	const struct hv_fake_outcome outcomes[] = {
		{ .state = HV_VP_DISPATCH_STATE_BLOCKED },
		{
			.state = HV_VP_DISPATCH_STATE_READY,
			.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
			.message_type = HVMSG_HYPERCALL_INTERCEPT,
			.running = run_a_while,
		},
	};

	hv_fake_vp_script(t->vp->hv, outcomes, ARRAY_SIZE(outcomes));
	mshv_vmm_start(t->vp);
}

/* A run with two dispatches: the VP halts, sleeps, is kicked, and needs its VMM. */
static void mshv_trace_halt(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;
	const struct mshv_vp_stats *stats = &driver_vp(t)->sched.stats;
	u64 began, took;

	start_and_halt(t);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	began = ktime_get_ns();
	KUNIT_ASSERT_TRUE(test, hv_fake_vp_kick(t->vp->hv));
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
	took = ktime_get_ns() - began;

	KUNIT_EXPECT_EQ(test, t->dispatches, 2);
	KUNIT_EXPECT_EQ(test, t->dispatches, stats->dispatches);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].state, HV_VP_DISPATCH_STATE_BLOCKED);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].event, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_EQ(test, t->dispatch[1].state, HV_VP_DISPATCH_STATE_READY);
	KUNIT_EXPECT_EQ(test, t->dispatch[1].event, HV_VP_DISPATCH_EVENT_INTERCEPT);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].flags | t->dispatch[1].flags, 0);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].status | t->dispatch[1].status, 0);
	/* udelay() and ktime go by two clocks, which an emulator keeps apart. */
	KUNIT_EXPECT_GE(test, t->dispatch[1].duration_ns, RUN_US * NSEC_PER_USEC / 2);
	KUNIT_EXPECT_LT(test, t->dispatch[1].duration_ns, took);

	KUNIT_EXPECT_EQ(test, t->blocks, 1);
	KUNIT_EXPECT_EQ(test, t->blocks, stats->blocks);

	KUNIT_EXPECT_EQ(test, atomic_read(&t->kicks), 1);
	KUNIT_EXPECT_STREQ(test, t->kick[0].kind, "signal");
	KUNIT_EXPECT_TRUE(test, t->kick[0].asleep);

	KUNIT_EXPECT_EQ(test, t->wakeups, 1);
	KUNIT_EXPECT_GT(test, t->wakeup_ns[0], 0);
	KUNIT_EXPECT_LT(test, t->wakeup_ns[0] + t->dispatch[1].duration_ns, took);
	KUNIT_EXPECT_EQ(test, t->polls, 0);
}

/* The dispatch after an intercept has a flag, and one that fails has a status. */
static void mshv_trace_dispatch(struct kunit *test)
{
	const struct hv_fake_outcome outcomes[] = {
		{
			.state = HV_VP_DISPATCH_STATE_READY,
			.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		},
		{ .status = HV_STATUS_INVALID_VP_STATE },
	};
	struct mshv_trace_test *t = test->priv;
	struct hv_message msg;

	hv_fake_vp_script(t->vp->hv, outcomes, ARRAY_SIZE(outcomes));
	KUNIT_ASSERT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_EXPECT_LT(test, mshv_vmm_run(t->vp, &msg), 0);

	KUNIT_ASSERT_EQ(test, t->dispatches, 2);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].flags, 0);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].status, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, t->dispatch[1].flags,
			HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND);
	KUNIT_EXPECT_EQ(test, t->dispatch[1].status, HV_STATUS_INVALID_VP_STATE);
	/* What failed is counted as no dispatch. */
	KUNIT_EXPECT_EQ(test, driver_vp(t)->sched.stats.dispatches, 1);
	KUNIT_EXPECT_EQ(test, t->blocks, 0);
}

/* A halted VP is watched in vain, and then its thread sleeps until it is woken. */
static void mshv_trace_poll(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;
	struct mshv_vp_sched *sched = &driver_vp(t)->sched;

	mshv_poll_params = (struct mshv_poll_params) {
		.max_ns = WINDOW_NS,
		.grow = 2,
		.grow_start_ns = 1000,
		.shrink = 4,
	};
	sched->halt_poll_window = WINDOW_NS;
	start_and_halt(t);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	msleep(HALT_MS);
	KUNIT_ASSERT_TRUE(test, hv_fake_vp_kick(t->vp->hv));
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);

	KUNIT_ASSERT_EQ(test, t->polls, 1);
	KUNIT_EXPECT_FALSE(test, t->poll[0].success);
	KUNIT_EXPECT_EQ(test, sched->halt_poll_fail, 1);
	KUNIT_EXPECT_EQ(test, t->poll[0].polled_ns, sched->halt_poll_fail_ns);
	KUNIT_EXPECT_GE(test, t->poll[0].halt_ns, HALT_MS * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, t->poll[0].window, WINDOW_NS);
	KUNIT_EXPECT_EQ(test, t->poll[0].new_window, WINDOW_NS / 4);
	KUNIT_EXPECT_EQ(test, t->wakeups, 1);
}

/* Who waits is told to look: no signal, and nothing that is counted as one. */
static void mshv_trace_look(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;

	start_and_halt(t);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_ASSERT_TRUE(test, hv_fake_vp_kick_lost(t->vp->hv));
	mshv_sched_look_all();
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);

	KUNIT_EXPECT_EQ(test, atomic_read(&t->kicks), 1);
	KUNIT_EXPECT_STREQ(test, t->kick[0].kind, "look");
	KUNIT_EXPECT_TRUE(test, t->kick[0].asleep);
	KUNIT_EXPECT_EQ(test, mshv_vmm_kicks(t->vp), 0);
	KUNIT_EXPECT_EQ(test, t->wakeups, 1);
}

/* An interrupt that is posted is a kick, too, and the next dispatch takes it. */
static void mshv_trace_interrupt(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;

	if (!mshv_sched_posts_interrupts())
		kunit_skip(test, "interrupts are posted on x86-64 only");

	start_and_halt(t);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_ASSERT_EQ(test, t->ops->post_interrupt(driver_vp(t), VECTOR), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);

	KUNIT_EXPECT_EQ(test, atomic_read(&t->kicks), 1);
	KUNIT_EXPECT_STREQ(test, t->kick[0].kind, "interrupt");
	KUNIT_EXPECT_TRUE(test, t->kick[0].asleep);
	KUNIT_EXPECT_EQ(test, t->wakeups, 1);
	KUNIT_ASSERT_EQ(test, t->dispatches, 2);
	KUNIT_EXPECT_EQ(test, t->dispatch[0].posted, 0);
	KUNIT_EXPECT_NE(test, t->dispatch[1].posted, 0);
	KUNIT_EXPECT_EQ(test, t->dispatch[1].flags,
			HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION);
}

/* Where the hypervisor dispatches VPs, each intercept is a signal and a wake-up. */
static void mshv_trace_message(struct kunit *test)
{
	struct mshv_trace_test *t = test->priv;
	u64 began, took;

	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	began = ktime_get_ns();
	KUNIT_ASSERT_TRUE(test, hv_fake_vp_intercept(t->vp->hv, HVMSG_HYPERCALL_INTERCEPT, 0));
	KUNIT_ASSERT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
	took = ktime_get_ns() - began;

	KUNIT_EXPECT_EQ(test, atomic_read(&t->kicks), 1);
	KUNIT_EXPECT_STREQ(test, t->kick[0].kind, "signal");
	KUNIT_EXPECT_TRUE(test, t->kick[0].asleep);
	KUNIT_ASSERT_EQ(test, t->wakeups, 1);
	KUNIT_EXPECT_GT(test, t->wakeup_ns[0], 0);
	KUNIT_EXPECT_LT(test, t->wakeup_ns[0], took);
	KUNIT_EXPECT_EQ(test, t->dispatches, 0);
	KUNIT_EXPECT_EQ(test, t->blocks, 0);
	KUNIT_EXPECT_EQ(test, t->polls, 0);
}

static struct kunit_case mshv_trace_test_cases[] = {
	KUNIT_CASE(mshv_trace_halt),
	KUNIT_CASE(mshv_trace_dispatch),
	KUNIT_CASE(mshv_trace_poll),
	KUNIT_CASE(mshv_trace_look),
	KUNIT_CASE(mshv_trace_interrupt),
	{}
};

static struct kunit_suite mshv_trace_test_suite = {
	.name = "mshv_trace",
	.init = mshv_trace_test_init,
	.exit = mshv_trace_test_exit,
	.test_cases = mshv_trace_test_cases,
};

static struct kunit_case mshv_trace_hyp_test_cases[] = {
	KUNIT_CASE(mshv_trace_message),
	{}
};

static struct kunit_suite mshv_trace_hyp_test_suite = {
	.name = "mshv_trace_hyp",
	.init = mshv_trace_hyp_test_init,
	.exit = mshv_trace_test_exit,
	.test_cases = mshv_trace_hyp_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_trace_test_suite, &mshv_trace_hyp_test_suite);
