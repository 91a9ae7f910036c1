/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of VPs that this kernel dispatches use all the time: a VMM with
 * a VP, outcomes of its dispatches, and the end of a run. The files of the suite
 * "mshv_root" share it.
 */
#ifndef _MSHV_ROOT_TEST_H_
#define _MSHV_ROOT_TEST_H_

#include <linux/types.h>
#include <kunit/test.h>
#include <hyperv/hvhdk.h>

#include "hv_fake.h"
#include "mshv_vmm.h"

/* Longer than the driver waits before it looks again at a VP that was kicked. */
#define RECHECK_MS	400

/* What the tests use all the time. */
struct mshv_root_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
	/* For outcomes that call back. */
	unsigned int called;
	bool flag;
};

static const struct hv_fake_outcome ready __maybe_unused = {
	.state = HV_VP_DISPATCH_STATE_READY,
};

static const struct hv_fake_outcome halted = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
};

static const struct hv_fake_outcome intercept = {
	.state = HV_VP_DISPATCH_STATE_READY,
	.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
	.message_type = HVMSG_X64_HALT,
};

static inline void script(struct mshv_root_test *t, const struct hv_fake_outcome *outcome)
{
	hv_fake_vp_script(t->hv, outcome, 1);
}

/* The run that is under way, or was, ends with the intercept of the script. */
static inline void expect_intercept(struct mshv_root_test *t)
{
	struct hv_message msg = {};

	KUNIT_EXPECT_EQ(t->test, mshv_vmm_join(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(t->test, msg.header.message_type, HVMSG_X64_HALT);
}

static inline void start_and_wait(struct mshv_root_test *t)
{
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(t->test, mshv_vmm_wait_asleep(t->vp));
}

/* Cases that the list of the suite has from its other files. */
void mshv_root_intercept_with_signal(struct kunit *test);
void mshv_root_signal_while_ready(struct kunit *test);
void mshv_root_signal_while_blocked(struct kunit *test);
void mshv_root_fatal_signal(struct kunit *test);
void mshv_root_signal_before_start(struct kunit *test);
void mshv_root_suspend_refused(struct kunit *test);
void mshv_root_release_refused(struct kunit *test);
void mshv_root_suspended_by_vmm(struct kunit *test);
void mshv_root_suspended_anew(struct kunit *test);
const void *mshv_root_anew_params(struct kunit *test, const void *prev, char *desc);
void mshv_root_suspended_anew_and_ended(struct kunit *test);
void mshv_root_suspended_between_runs(struct kunit *test);
void mshv_root_suspended_between_runs_refused(struct kunit *test);
void mshv_root_released_before_first_run(struct kunit *test);
void mshv_root_suspended_in_first_dispatch(struct kunit *test);
void mshv_root_signal_after_intercept(struct kunit *test);
void mshv_root_suspended_by_vmm_and_interrupted(struct kunit *test);
const void *mshv_root_drain_params(struct kunit *test, const void *prev,
				   char *desc);
void mshv_root_drain(struct kunit *test);
void mshv_root_drain_many(struct kunit *test);
void mshv_root_signal_after_destroy(struct kunit *test);
void mshv_root_destroy_while_kicked(struct kunit *test);

#endif /* _MSHV_ROOT_TEST_H_ */
