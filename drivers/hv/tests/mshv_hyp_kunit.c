// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_hyp.c: VPs that the hypervisor dispatches, through the
 * ioctls of /dev/mshv, on the fake hypervisor.
 */

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <uapi/linux/mshv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_log.h"

struct mshv_hyp_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
};

static int mshv_hyp_test_init(struct kunit *test)
{
	struct mshv_hyp_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_hyp_ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	t->hv = t->vp->hv;
	test->priv = t;
	return 0;
}

static void start_and_wait(struct mshv_hyp_test *t)
{
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_asleep(t->vp));
}

static void expect_intercept(struct mshv_hyp_test *t)
{
	struct hv_message msg = {};

	KUNIT_EXPECT_EQ(t->test, mshv_vmm_join(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(t->test, msg.header.message_type, HVMSG_X64_HALT);
}

/* The first call for a VP's registers, of one kind, fails. */
static void fail_next(struct mshv_hyp_test *t, u16 code)
{
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = code,
		.nth = 1,
		.result = HV_STATUS_INVALID_VP_STATE,
	});
}

/*
 * A run clears the intercept suspension, then the explicit one: the other way
 * round, an intercept that comes in between would be lost. The intercept ends
 * it. No dispatch is made.
 */
static void mshv_hyp_resume_order(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;
	unsigned int run;

	for (run = 0; run < 2; run++) {
		start_and_wait(t);
		KUNIT_ASSERT_EQ(test, hv_fake_vp_sets(t->hv), 2 * (run + 1));
		KUNIT_EXPECT_EQ(test, hv_fake_vp_set(t->hv, 2 * run).name,
				HV_REGISTER_INTERCEPT_SUSPEND);
		KUNIT_EXPECT_EQ(test, hv_fake_vp_set(t->hv, 2 * run).value, 0);
		KUNIT_EXPECT_EQ(test, hv_fake_vp_set(t->hv, 2 * run + 1).name,
				HV_REGISTER_EXPLICIT_SUSPEND);
		KUNIT_EXPECT_EQ(test, hv_fake_vp_set(t->hv, 2 * run + 1).value, 0);

		KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0));
		expect_intercept(t);
	}
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->hv), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_SET_VP_REGISTERS, 0), 2);
}

/* A signal, and nothing on its way: the VP is suspended, and runs again later. */
static void mshv_hyp_signal(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	start_and_wait(t);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->hv));
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* SIGKILL does the same. */
static void mshv_hyp_fatal_signal(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	mshv_vmm_signal(t->vp, SIGKILL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), -EINTR);
}

/*
 * A signal while an intercept's message is on its way: the message is waited
 * for, and the intercept delivered. The next run is not ended by it.
 */
static void mshv_hyp_signal_with_message(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_held(t->hv, HVMSG_X64_HALT, 0));
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(t->fake), 1);
	expect_intercept(t);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/*
 * The message never comes: the wait ends within its bound, the log says so, and
 * the intercept is delivered, as its page was filled before. When the message
 * comes after all, during a later run, it does not end that.
 */
static void mshv_hyp_message_late(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;
	struct kmsg_dump_iter log;

	start_and_wait(t);
	hv_fake_vp_intercept_held(t->hv, HVMSG_X64_HALT, 0);
	test_log_end(&log);
	mshv_vmm_signal(t->vp, SIGUSR1);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "intercept without a message"), 1);

	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(t->fake), 1);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	KUNIT_EXPECT_FALSE(test, mshv_vmm_returned(t->vp));
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);

	/* From then on messages are believed again, without a look. */
	start_and_wait(t);
	fail_next(t, HVCALL_GET_VP_REGISTERS);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* Asked to look, and there is nothing: the thread goes on waiting. */
static void mshv_hyp_look_in_vain(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	mshv_sched_look_all();
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* A message was lost: whoever is asked to look finds the intercept. */
static void mshv_hyp_lost_message(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	hv_fake_vp_intercept_held(t->hv, HVMSG_X64_HALT, 0);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	mshv_sched_look_all();
	expect_intercept(t);

	/* It was not lost but late. It does not end another run. */
	start_and_wait(t);
	hv_fake_deliver_held(t->fake);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* A kick between two runs, about neither, does not end the second. */
static void mshv_hyp_old_kick(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	hv_fake_vp_kick_uncounted(t->hv);
	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* The VP cannot be resumed; the next run does it. */
static void mshv_hyp_resume_refused(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	fail_next(t, HVCALL_SET_VP_REGISTERS);
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* The VP cannot be suspended after a signal: the VMM learns that, not -EINTR. */
static void mshv_hyp_suspend_refused(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	fail_next(t, HVCALL_SET_VP_REGISTERS);
	/* The call that resumed it was before the fault. */
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
}

/* Whether there is an intercept cannot be read after a signal. */
static void mshv_hyp_state_unreadable(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	fail_next(t, HVCALL_GET_VP_REGISTERS);
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/*
 * A signal, and the VP cannot be stopped, or it cannot be told whether it has an
 * intercept: it has one already, or runs into one later. That is what the next run
 * returns, and it is not resumed before.
 */
static const struct mshv_hyp_unstopped_case {
	const char *name;
	u16 fails;
	bool later;
} mshv_hyp_unstopped_cases[] = {
	{ "not stopped, intercepted before", HVCALL_SET_VP_REGISTERS },
	{ "not stopped, intercepted later", HVCALL_SET_VP_REGISTERS, .later = true },
	{ "stopped, intercepted before", HVCALL_GET_VP_REGISTERS },
};

KUNIT_ARRAY_PARAM_DESC(mshv_hyp_unstopped, mshv_hyp_unstopped_cases, name);

static void mshv_hyp_unstopped_intercept(struct kunit *test)
{
	const struct mshv_hyp_unstopped_case *c = test->param_value;
	struct mshv_hyp_test *t = test->priv;
	struct kmsg_dump_iter log;

	start_and_wait(t);
	fail_next(t, c->fails);
	if (!c->later)
		KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_held(t->hv, HVMSG_X64_HALT, 0));
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	if (c->later)
		KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0));
	else
		KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(t->fake), 1);

	test_log_end(&log);
	mshv_vmm_start(t->vp);
	expect_intercept(t);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->hv));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, test_log_count(log, "intercept without a message"), 0);

	/* And that was all: a run is a run again. */
	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* The next run cannot stop it either: it is the one after that. */
static void mshv_hyp_unstopped_twice(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;
	struct hv_message msg;
	unsigned int i;

	start_and_wait(t);
	for (i = 1; i <= 2; i++)
		hv_fake_fail(t->fake, &(struct hv_fake_fault) {
			.code = HVCALL_SET_VP_REGISTERS,
			.nth = i,
			.result = HV_STATUS_INVALID_VP_STATE,
		});
	mshv_vmm_signal(t->vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	mshv_vmm_start(t->vp);
	expect_intercept(t);
}

/*
 * A message that is not believed without a look, and the look fails: the message was
 * the intercept's, which is found then, and no other one is waited for.
 */
static void mshv_hyp_look_fails(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;
	struct kmsg_dump_iter log;

	/* As in mshv_hyp_lost_message. */
	start_and_wait(t);
	hv_fake_vp_intercept_held(t->hv, HVMSG_X64_HALT, 0);
	mshv_sched_look_all();
	expect_intercept(t);

	start_and_wait(t);
	fail_next(t, HVCALL_GET_VP_REGISTERS);
	test_log_end(&log);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "intercept without a message"), 0);
}

/*
 * The hypervisor clears the intercept suspension, but not yet the explicit one, or
 * refuses that. The first one is not cleared again, as the VP runs already; and where
 * the run ends with an error, the VP does not run on without it.
 */
static void mshv_hyp_half_resumed(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;
	struct hv_fake_fault half = {
		.code = HVCALL_SET_VP_REGISTERS,
		.nth = 1,
		.reps = 1,
	};

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
	KUNIT_ASSERT_EQ(test, hv_fake_vp_sets(t->hv), 2);

	hv_fake_fail(t->fake, &half);
	start_and_wait(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->hv), 4);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);

	half.result = HV_STATUS_INVALID_VP_STATE;
	hv_fake_fail(t->fake, &half);
	mshv_vmm_start(t->vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL),
			hv_result_to_errno(HV_STATUS_INVALID_VP_STATE));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_intercept_suspend(t->hv));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->hv));

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
}

/* Pages of the guest; and how often it touches one, before it does something else. */
#define TOUCHED_PFN	16
#define TOUCHES		8

/*
 * The guest touches its memory as soon as it runs, again and again: a signal ends the
 * run all the same. Nothing is lost by that, the guest goes on with the next run.
 */
static void mshv_hyp_signal_while_faulting(struct kunit *test)
{
	struct mshv_user_mem_region memory = {
		.size = PAGE_SIZE,
		.guest_pfn = TOUCHED_PFN,
		.flags = BIT(MSHV_SET_MEM_BIT_WRITABLE),
	};
	struct mshv_hyp_test *t = test->priv;
	struct hv_message msg = {};
	long ret;

	memory.userspace_addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					      MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE((unsigned long)memory.userspace_addr));
	KUNIT_ASSERT_EQ(test, 0, mshv_vmm_partition_ioctl(t->vmm, MSHV_SET_GUEST_MEMORY,
							  &memory, sizeof(memory)));
	hv_fake_vp_touch(t->hv, (u64)TOUCHED_PFN << HV_HYP_PAGE_SHIFT, TOUCHES);

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
	ret = mshv_vmm_run(t->vp, &msg);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	/* Otherwise it has used up all of them, and the next run would not end. */
	KUNIT_ASSERT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->hv), 2);

	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_X64_HALT);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->hv), 2 * TOUCHES);
	mshv_vmm_destroy(t->vmm);
}

/* Nothing is drained when such VPs are destroyed: there are no signals. */
static void mshv_hyp_destroy(struct kunit *test)
{
	struct mshv_hyp_test *t = test->priv;

	start_and_wait(t);
	hv_fake_vp_intercept(t->hv, HVMSG_X64_HALT, 0);
	expect_intercept(t);
	mshv_vmm_destroy(t->vmm);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_dispatch_suspend(t->hv));
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_GET_VP_REGISTERS, 0), 0);
}

static struct kunit_case mshv_hyp_test_cases[] = {
	KUNIT_CASE(mshv_hyp_resume_order),
	KUNIT_CASE(mshv_hyp_signal),
	KUNIT_CASE(mshv_hyp_fatal_signal),
	KUNIT_CASE(mshv_hyp_signal_with_message),
	KUNIT_CASE(mshv_hyp_message_late),
	KUNIT_CASE(mshv_hyp_look_in_vain),
	KUNIT_CASE(mshv_hyp_lost_message),
	KUNIT_CASE(mshv_hyp_old_kick),
	KUNIT_CASE(mshv_hyp_resume_refused),
	KUNIT_CASE(mshv_hyp_suspend_refused),
	KUNIT_CASE(mshv_hyp_state_unreadable),
	KUNIT_CASE_PARAM(mshv_hyp_unstopped_intercept, mshv_hyp_unstopped_gen_params),
	KUNIT_CASE(mshv_hyp_unstopped_twice),
	KUNIT_CASE(mshv_hyp_look_fails),
	KUNIT_CASE(mshv_hyp_half_resumed),
	KUNIT_CASE(mshv_hyp_signal_while_faulting),
	KUNIT_CASE(mshv_hyp_destroy),
	{}
};

static struct kunit_suite mshv_hyp_test_suite = {
	.name = "mshv_hyp",
	.init = mshv_hyp_test_init,
	.test_cases = mshv_hyp_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_hyp_test_suite);
