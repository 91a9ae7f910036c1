// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the VMM that tests use on top of the fake hypervisor, and of the driver
 * between the two.
 *
 * The driver makes the hypercalls, where the hypervisor schedules VPs if not said
 * otherwise; see mshv_vmm_use() for when it can.
 */

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/processor.h>
#include <linux/sched/signal.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "hv_fake_vp_test.h"
#include "mshv_vmm.h"

static int mshv_vmm_test_init(struct kunit *test)
{
	test->priv = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, &mshv_sched_hyp_ops);
	return 0;
}

/*
 * A partition and two VPs are created and destroyed again. The hypervisor has
 * nothing left of them: no page, no partition.
 */
static void mshv_vmm_life(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	u64 id = mshv_vmm_partition_id(vmm);

	KUNIT_EXPECT_GT(test, hv_fake_deposited(fake, id), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(fake, id), 0);
	mshv_vmm_create_vp(vmm, 0);
	mshv_vmm_create_vp(vmm, 7);
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(fake, id), 8);
	KUNIT_EXPECT_NOT_NULL(test, hv_fake_vp(fake, id, 7));

	mshv_vmm_destroy(vmm);
	mshv_vmm_destroy(vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(fake), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/* The same for two partitions at once, left for the end of the test to destroy. */
static void mshv_vmm_two_partitions(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *a = mshv_vmm_create(test, fake);
	struct mshv_vmm *b = mshv_vmm_create(test, fake);

	KUNIT_EXPECT_NE(test, mshv_vmm_partition_id(a), mshv_vmm_partition_id(b));
	KUNIT_EXPECT_PTR_NE(test, mshv_vmm_create_vp(a, 0)->hv,
			    mshv_vmm_create_vp(b, 0)->hv);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(fake), 2);
}

/*
 * A VP runs in a thread of its own until it hits an intercept. The ioctl returns
 * its message; the VP was resumed by clearing the two suspend registers in the
 * order that the hypervisor asks for.
 */
static void mshv_vmm_intercept(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, 1);
	struct hv_message msg = {};

	mshv_vmm_start(vp);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	KUNIT_EXPECT_FALSE(test, mshv_vmm_returned(vp));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(vp->hv));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept(vp->hv, HVMSG_UNMAPPED_GPA,
						     TEST_GPA));

	KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_UNMAPPED_GPA);
	KUNIT_EXPECT_EQ(test, msg.header.sender, mshv_vmm_partition_id(vmm));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(vp->hv));
	/* A suspended VP cannot hit another. */
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_intercept(vp->hv, 0, 0));

	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(vp->hv), 2);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_set(vp->hv, 0).name,
			HV_REGISTER_INTERCEPT_SUSPEND);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_set(vp->hv, 1).name,
			HV_REGISTER_EXPLICIT_SUSPEND);

	mshv_vmm_destroy(vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * A running VP's thread gets a signal. The ioctl returns, and the VP is
 * suspended.
 */
static void mshv_vmm_interrupted(struct kunit *test)
{
	struct mshv_vmm *vmm = mshv_vmm_create(test, test->priv);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, 0);

	mshv_vmm_start(vp);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	mshv_vmm_signal(vp, SIGUSR1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, NULL), -EINTR);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(vp->hv));
}

/*
 * The same, but the VP has run into an intercept whose message is on its way.
 * The ioctl waits for it, and returns it.
 */
static void mshv_vmm_interrupted_by_both(struct kunit *test)
{
	struct mshv_vmm *vmm = mshv_vmm_create(test, test->priv);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, 0);
	struct hv_message msg = {};

	mshv_vmm_start(vp);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_held(vp->hv, 0, TEST_GPA));
	KUNIT_EXPECT_FALSE(test, mshv_vmm_returned(vp));
	mshv_vmm_signal(vp, SIGUSR1);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(test->priv), 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_UNMAPPED_GPA);
}

/*
 * A VP of this kernel's runs in the test's own thread. Its first dispatch ends
 * in an intercept, so that there is nothing to wait for.
 */
static void mshv_vmm_runs_here(struct kunit *test)
{
	static const struct hv_fake_outcome intercept = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		.message_type = HVMSG_GPA_INTERCEPT,
		.gpa = TEST_GPA,
	};
	struct hv_message msg = {};
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;

	mshv_vmm_use(test, &mshv_sched_root_ops);
	vmm = mshv_vmm_create(test, test->priv);
	vp = mshv_vmm_create_vp(vmm, 0);
	hv_fake_vp_start(vp->hv);
	hv_fake_vp_script(vp->hv, &intercept, 1);

	KUNIT_EXPECT_EQ(test, mshv_vmm_run(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_GPA_INTERCEPT);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_dispatches(vp->hv), 1);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(vp->hv));
	mshv_vmm_destroy(vmm);
}

/*
 * A test ends with a VP running and nothing closed. Its thread is killed and
 * all is closed, which this test sees from within by doing so itself.
 */
static void mshv_vmm_destroyed_running(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, 0);

	mshv_vmm_start(vp);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	mshv_vmm_destroy(vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(fake), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * The hypervisor wants more memory, for a partition and for a VP. The driver
 * deposits a page each and tries again; all of it comes back.
 */
static void mshv_vmm_more_memory(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm;
	unsigned int pages;

	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_CREATE_PARTITION,
		.nth = 1,
		.result = HV_STATUS_INSUFFICIENT_MEMORY,
	});
	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_MAP_VP_STATE_PAGE,
		.nth = 1,
		.result = HV_STATUS_INSUFFICIENT_MEMORY,
	});
	vmm = mshv_vmm_create(test, fake);
	KUNIT_EXPECT_EQ(test, hv_fake_deposited(fake, HV_PARTITION_ID_SELF), 1);

	mshv_vmm_create_vp(vmm, 0);
	pages = hv_fake_deposited(fake, mshv_vmm_partition_id(vmm));
	mshv_vmm_create_vp(vmm, 1);
	/* The first VP has taken one more than the second. */
	KUNIT_EXPECT_EQ(test, hv_fake_deposited(fake, mshv_vmm_partition_id(vmm)) - pages,
			90);
	mshv_vmm_destroy(vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * An eventfd is connected to a line that is routed to a VP, and signalled. The
 * driver asserts the interrupt.
 */
static void mshv_vmm_irqfd_asserts(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct hv_input_assert_virtual_interrupt last;
	struct eventfd_ctx *eventfd;
	u64 id = mshv_vmm_partition_id(vmm);

	mshv_vmm_create_vp(vmm, 2);
	KUNIT_ASSERT_EQ(test, mshv_vmm_route(vmm, 5, 2, TEST_VECTOR), 0);
	eventfd = mshv_vmm_irqfd(vmm, 5);
	KUNIT_EXPECT_EQ(test, hv_fake_asserted(fake, id, NULL), 0);
	eventfd_signal(eventfd);
	KUNIT_EXPECT_EQ(test, hv_fake_asserted(fake, id, &last), 1);
	KUNIT_EXPECT_EQ(test, last.vector, TEST_VECTOR);
	if (IS_ENABLED(CONFIG_X86_64))
		KUNIT_EXPECT_EQ(test, last.dest_addr, 2);
}

/*
 * Signals, one VP and several, pair and bitset, arrive in hard interrupt
 * context and are acknowledged. The driver has counted as many as the VP has,
 * which is what it compares when the partition goes away.
 */
static void mshv_vmm_signals(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct mshv_partition *partition = mshv_vmm_file(vmm)->private_data;
	struct hv_fake_vp *vps[2] = {
		mshv_vmm_create_vp(vmm, 0)->hv,
		mshv_vmm_create_vp(vmm, 65)->hv,
	};
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick(vps[0]));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick(vps[1]));
	KUNIT_EXPECT_TRUE(test, hv_fake_signal(vps, 2, 0));
	KUNIT_EXPECT_TRUE(test, hv_fake_signal(vps, 2, HV_FAKE_KICK_BITSET));
	KUNIT_EXPECT_TRUE(test, hv_fake_signal(vps, 2, HV_FAKE_KICK_HELD));
	KUNIT_EXPECT_EQ(test, hv_fake_deliver_held(fake), 1);
	for (i = 0; i < 2; i++) {
		struct mshv_vp *vp = partition->pt_vp_array[i * 65];

		KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vps[i]), 4);
		KUNIT_EXPECT_EQ(test, atomic64_read(&vp->sched.signal_count), 4);
	}

	/* And the ways in which the two part. */
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_lost(vps[0]));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vps[0]), 5);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick_uncounted(vps[1]));
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vps[1]), 4);
	KUNIT_EXPECT_EQ(test,
			atomic64_read(&partition->pt_vp_array[65]->sched.signal_count),
			5);
}

/*
 * A message that no one knows is delivered. The driver takes it off the slot,
 * and the next one arrives.
 */
static void mshv_vmm_unknown_message(struct kunit *test)
{
	struct hv_message msg = { .header.message_type = 0x7fffffff };
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, 0);

	KUNIT_EXPECT_TRUE(test, hv_fake_deliver(fake, &msg));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_kick(vp->hv));
}

/*
 * A VP that was dispatched is resumed by hypercall. The hypervisor signals it
 * of its own accord, once; a VP that was not dispatched gets no signal.
 */
static void mshv_vmm_signal_on_resume(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm = mshv_vmm_create(test, fake);
	struct mshv_vmm_vp *vp = mshv_vmm_create_vp(vmm, TEST_VP);
	struct mshv_partition *partition = mshv_vmm_file(vmm)->private_data;
	struct hv_fake_vp_test t = {
		.test = test,
		.fake = fake,
		.partition = mshv_vmm_partition_id(vmm),
		.in = (void *)get_zeroed_page(GFP_KERNEL),
		.out = (void *)get_zeroed_page(GFP_KERNEL),
	};
	unsigned long end = jiffies + HZ;
	atomic64_t *signaled =
		&partition->pt_vp_array[TEST_VP]->sched.signal_count;

	vp_test_set_reg(&t, HV_REGISTER_EXPLICIT_SUSPEND, 1);
	vp_test_set_reg(&t, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vp->hv), 0);

	vp_test_set_reg(&t, HV_REGISTER_EXPLICIT_SUSPEND, 1);
	KUNIT_EXPECT_EQ(test, vp_test_dispatch(&t, 0), HV_STATUS_SUCCESS);
	vp_test_expect(&t, HV_VP_DISPATCH_STATE_BLOCKED, HV_VP_DISPATCH_EVENT_SUSPEND);
	vp_test_set_reg(&t, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	while (!atomic64_read(signaled) && time_before(jiffies, end))
		cpu_relax();
	vp_test_set_reg(&t, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(signaled), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vp->hv), 1);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_blocked(vp->hv));

	free_page((unsigned long)t.in);
	free_page((unsigned long)t.out);
}

/*
 * Where this kernel dispatches VPs: the same VMM, a VP that halts, is kicked in
 * the moment in which it blocks, and runs into an intercept.
 */
static void mshv_vmm_kick_while_blocking(struct hv_fake *fake, void *data)
{
	hv_fake_vp_kick(*(struct hv_fake_vp **)data);
}

static void mshv_vmm_root_path(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_message msg = {};
	struct hv_fake_outcome outcomes[] = {
		{ .state = HV_VP_DISPATCH_STATE_READY },
		{
			.state = HV_VP_DISPATCH_STATE_BLOCKED,
			.meanwhile = mshv_vmm_kick_while_blocking,
		},
		{
			.state = HV_VP_DISPATCH_STATE_READY,
			.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		},
	};

	mshv_vmm_use(test, &mshv_sched_root_ops);
	vmm = mshv_vmm_create(test, fake);
	vp = mshv_vmm_create_vp(vmm, 0);
	outcomes[1].data = &vp->hv;
	hv_fake_vp_script(vp->hv, outcomes, ARRAY_SIZE(outcomes));

	mshv_vmm_start(vp);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_UNMAPPED_GPA);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_script_left(vp->hv), 0);
	/* The resumption's, and ours. */
	KUNIT_EXPECT_EQ(test, hv_fake_vp_signal_count(vp->hv), 2);

	/* And one that halts until its test ends. */
	mshv_vmm_start(vp);
	KUNIT_EXPECT_TRUE(test, mshv_vmm_wait_asleep(vp));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_blocked(vp->hv));
	mshv_vmm_destroy(vmm);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(fake), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

static struct kunit_case mshv_vmm_test_cases[] = {
	KUNIT_CASE(mshv_vmm_life),
	KUNIT_CASE(mshv_vmm_two_partitions),
	KUNIT_CASE(mshv_vmm_intercept),
	KUNIT_CASE(mshv_vmm_interrupted),
	KUNIT_CASE(mshv_vmm_interrupted_by_both),
	KUNIT_CASE(mshv_vmm_runs_here),
	KUNIT_CASE(mshv_vmm_destroyed_running),
	KUNIT_CASE(mshv_vmm_more_memory),
	KUNIT_CASE(mshv_vmm_irqfd_asserts),
	KUNIT_CASE(mshv_vmm_signals),
	KUNIT_CASE(mshv_vmm_unknown_message),
	KUNIT_CASE(mshv_vmm_signal_on_resume),
	KUNIT_CASE(mshv_vmm_root_path),
	{}
};

static struct kunit_suite mshv_vmm_test_suite = {
	.name = "mshv_vmm",
	.init = mshv_vmm_test_init,
	.test_cases = mshv_vmm_test_cases,
};

kunit_test_suite(mshv_vmm_test_suite);
