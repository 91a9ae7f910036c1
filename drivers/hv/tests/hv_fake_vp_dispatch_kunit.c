// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the fake hypervisor's dispatches of VPs, and of the signals that end
 * a VP's wait.
 *
 * They are cases of the suite in hv_fake_vp_kunit.c.
 */

#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "hv_fake_vp_test.h"

#ifdef CONFIG_X86_64
#define TEST_COUNTER_WORD	202
#else
#define TEST_COUNTER_WORD	95
#endif

/* The "thread blocked" words of both areas. */
static u64 vp_test_word(struct hv_fake_vp_test *t, unsigned int area)
{
	struct hv_stats_page *stats = page_address(t->pages[2 + area]);

	return stats->data[TEST_COUNTER_WORD];
}

/*
 * A VP is dispatched as the driver does it: explicitly suspended first; then
 * its script, an entry after the other, and a halt behind its end.
 */
void hv_fake_vp_script_runs(struct kunit *test)
{
	static const struct hv_fake_outcome outcomes[] = {
		{ .state = HV_VP_DISPATCH_STATE_READY },
		{
			.state = HV_VP_DISPATCH_STATE_READY,
			.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
			.message_type = HVMSG_GPA_INTERCEPT,
			.gpa = TEST_GPA,
		},
		{ .state = HV_VP_DISPATCH_STATE_BLOCKED },
		{ .status = TEST_STATUS },
	};
	struct hv_fake_vp_test *t = test->priv;
	struct hv_message *msg = page_address(t->pages[0]);

	hv_fake_vp_script(t->vp, outcomes, ARRAY_SIZE(outcomes));
	hv_fake_signal_on_resume(t->fake, false);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_SUSPEND);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_script_left(t->vp), 4);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_blocked(t->vp));
	vp_test_set_reg(t, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_lost(t->vp));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_blocked(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(t->vp), 1);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_READY, HV_VP_DISPATCH_EVENT_INVALID);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_READY, HV_VP_DISPATCH_EVENT_INTERCEPT);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->vp));
	KUNIT_EXPECT_EQ(test, msg->header.message_type, HVMSG_GPA_INTERCEPT);
	KUNIT_EXPECT_EQ(test, msg->header.sender, t->partition);
	KUNIT_EXPECT_PTR_EQ(test, msg, hv_fake_vp_intercept_page(t->vp));

	KUNIT_EXPECT_EQ(test,
			vp_test_dispatch(t, HV_DISPATCH_VP_FLAG_CLEAR_INTERCEPT_SUSPEND),
			HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_intercept_suspend(t->vp));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_blocked(t->vp));
	KUNIT_EXPECT_EQ(test, vp_test_word(t, HV_STATS_AREA_SELF), 1);
	KUNIT_EXPECT_EQ(test, vp_test_word(t, HV_STATS_AREA_PARENT), 1);

	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_lost(t->vp));
	KUNIT_EXPECT_EQ(test, vp_test_word(t, HV_STATS_AREA_SELF), 0);
	KUNIT_EXPECT_EQ(test, vp_test_word(t, HV_STATS_AREA_PARENT), 0);
	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), TEST_STATUS);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_script_left(t->vp), 0);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(t->vp), 6);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->vp), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * A blocked VP is announced as runnable too early, and dispatched: it is still
 * blocked. That is a re-check, no violation, and so is a dispatch of a runnable
 * VP whose counter word is late. Neither costs an outcome it should not.
 */
void hv_fake_vp_rechecks_counted(struct kunit *test)
{
	static const struct hv_fake_outcome outcomes[] = {
		{ .state = HV_VP_DISPATCH_STATE_BLOCKED },
		{ .state = HV_VP_DISPATCH_STATE_READY },
	};
	struct hv_fake_vp_test *t = test->priv;

	hv_fake_vp_start(t->vp);
	hv_fake_vp_script(t->vp, outcomes, ARRAY_SIZE(outcomes));
	vp_test_dispatch(t, 0);
	KUNIT_EXPECT_TRUE(test, hv_fake_signal(&t->vp, 1, HV_FAKE_KICK_LOST |
					       HV_FAKE_KICK_EARLY));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_blocked(t->vp));
	KUNIT_EXPECT_EQ(test, vp_test_word(t, HV_STATS_AREA_SELF), 1);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->vp), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_script_left(t->vp), 1);

	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_lost(t->vp));
	hv_fake_vp_set_counter_word(t->vp, 1);
	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_READY, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_rechecks(t->vp), 2);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(t->vp), 2);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * Vectors are in the register page of a blocked VP. Dispatched with the flag to
 * scan, it takes all of them at once and runs; without the flag it takes none.
 */
void hv_fake_vp_scans_vectors(struct kunit *test)
{
#ifdef CONFIG_X86_64
	static const struct hv_fake_outcome ready = {
		.state = HV_VP_DISPATCH_STATE_READY,
	};
	struct hv_fake_vp_test *t = test->priv;
	struct hv_vp_register_page *regs = hv_fake_vp_register_page(t->vp);

	KUNIT_ASSERT_NOT_NULL(test, regs);
	KUNIT_EXPECT_EQ(test, regs->isvalid, 1);
	hv_fake_vp_start(t->vp);
	vp_test_dispatch(t, 0);

	regs->interrupt_vectors.vector_count = 2;
	regs->interrupt_vectors.vector[0] = TEST_VECTOR;
	regs->interrupt_vectors.vector[1] = TEST_VECTOR + 1;
	hv_fake_vp_script(t->vp, &ready, 1);
	KUNIT_EXPECT_EQ(test,
			vp_test_dispatch(t, HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION),
			HV_STATUS_SUCCESS);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_READY, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_EQ(test, regs->interrupt_vectors.as_uint64, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->vp, TEST_VECTOR), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->vp, TEST_VECTOR + 1), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);

	vp_test_dispatch(t, 0);
	regs->interrupt_vectors.vector_count = 1;
	regs->interrupt_vectors.vector[0] = TEST_VECTOR;
	vp_test_dispatch(t, 0);
	KUNIT_EXPECT_NE(test, regs->interrupt_vectors.as_uint64, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->vp, TEST_VECTOR), 1);
	vp_test_violated(t, HV_FAKE_DISPATCH_BLOCKED);
#else
	kunit_skip(test, "the register page has no vectors");
#endif
}

static void vp_test_hook(struct hv_fake *fake, void *data)
{
	struct hv_fake_vp_test *t = data;

	t->hooks++;
	t->hook_preemptible = preemptible();
	t->hook_irqs_on = !irqs_disabled();
	t->hook_dispatching = hv_fake_vp_dispatching(t->vp);
	t->hook_blocked = hv_fake_vp_blocked(t->vp);
	t->hook_result = hv_do_fast_hypercall8(HVCALL_CLEAR_VIRTUAL_INTERRUPT,
					       t->partition);
	hv_fake_vp_kick_lost(t->vp);
}

/*
 * The hooks of an outcome run during the dispatch, with preemption off and
 * interrupts on, before and after the VP is blocked, and can make hypercalls of
 * their own. A kick in the last moment counts: the VP is not blocked any more
 * when the caller learns that it was.
 */
void hv_fake_vp_hooks(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	struct hv_fake_outcome outcome = {
		.state = HV_VP_DISPATCH_STATE_BLOCKED,
		.running = vp_test_hook,
		.data = t,
	};

	hv_fake_vp_start(t->vp);
	hv_fake_vp_script(t->vp, &outcome, 1);
	vp_test_dispatch(t, 0);
	KUNIT_EXPECT_EQ(test, t->hooks, 1);
	KUNIT_EXPECT_FALSE(test, t->hook_preemptible);
	KUNIT_EXPECT_TRUE(test, t->hook_irqs_on);
	KUNIT_EXPECT_TRUE(test, t->hook_dispatching);
	KUNIT_EXPECT_FALSE(test, t->hook_blocked);
	KUNIT_EXPECT_EQ(test, t->hook_result, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_blocked(t->vp));

	hv_fake_vp_kick_lost(t->vp);
	outcome.running = NULL;
	outcome.meanwhile = vp_test_hook;
	hv_fake_vp_script(t->vp, &outcome, 1);
	vp_test_dispatch(t, 0);
	KUNIT_EXPECT_EQ(test, t->hooks, 2);
	KUNIT_EXPECT_FALSE(test, t->hook_preemptible);
	KUNIT_EXPECT_TRUE(test, t->hook_irqs_on);
	KUNIT_EXPECT_TRUE(test, t->hook_dispatching);
	KUNIT_EXPECT_TRUE(test, t->hook_blocked);
	vp_test_expect(t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_INVALID);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_blocked(t->vp));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_dispatching(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * A VP whose dispatch is disabled is kicked. No signal is sent, and its count
 * stays for the driver to read.
 */
void hv_fake_vp_no_signal_when_disabled(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	u64 value;

	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_lost(t->vp));
	vp_test_set_reg(t, HV_REGISTER_DISPATCH_SUSPEND, 1);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_kick_lost(t->vp));
	KUNIT_EXPECT_EQ(test, vp_test_get_reg(t, HV_REGISTER_VP_ROOT_SIGNAL_COUNT, &value),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(t->vp), 1);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_dispatch_suspend(t->vp));
}
