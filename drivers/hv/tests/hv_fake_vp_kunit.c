// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the fake hypervisor's partitions and VPs: their life, memory,
 * registers and interrupts, and hypercalls that fail.
 *
 * The suite "hv_fake_vp" makes the hypercalls itself, as the driver makes them:
 * each thing that the model does, and each that a caller can do wrong. Its cases
 * about dispatches are in hv_fake_vp_dispatch_kunit.c, and what a caller can do
 * wrong is in hv_fake_vp_violation_kunit.c.
 */

#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "hv_fake_vp_test.h"

static int hv_fake_vp_test_init(struct kunit *test)
{
	struct hv_fake_vp_test *t = vp_test_new(test);

	test->priv = t;
	vp_test_set_up(t);
	return 0;
}

/*
 * Partitions and memory
 */

/*
 * The life of a partition with a VP, every call legal. No violation, nothing
 * left, and the ids of two partitions are not the same.
 */
static void hv_fake_vp_life(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	u64 first = t->partition;

	KUNIT_EXPECT_EQ(test, hv_fake_partitions(t->fake), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_partition_id(t->fake, 0), first);
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(t->fake, first), 4);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->vp));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_intercept_suspend(t->vp));
	vp_test_tear_down(t);
	KUNIT_EXPECT_EQ(test, hv_fake_partitions(t->fake), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(t->fake, first), 0);

	vp_test_set_up(t);
	KUNIT_EXPECT_NE(test, t->partition, first);
	KUNIT_EXPECT_EQ(test, hv_fake_partition_id(t->fake, 1), t->partition);
	vp_test_tear_down(t);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * Calls for what is not there, or in the wrong state. The statuses say so, and
 * none is a violation: a driver may ask.
 */
static void hv_fake_vp_states(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	u64 id = t->partition;

	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_INITIALIZE_PARTITION, id),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION, id),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION, 17),
			HV_STATUS_INVALID_PARTITION_ID);
	KUNIT_EXPECT_EQ(test, vp_test_create_vp(t, TEST_VP),
			HV_STATUS_INVALID_VP_INDEX);

	KUNIT_EXPECT_EQ(test, vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = id,
		.vp_index = TEST_VP + 1,
	}), HV_STATUS_INVALID_VP_INDEX);
	KUNIT_EXPECT_EQ(test, vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = 17,
		.vp_index = TEST_VP,
	}), HV_STATUS_INVALID_PARTITION_ID);

	/* One that is not initialized. */
	KUNIT_EXPECT_EQ(test, vp_test_create_partition(t), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, vp_test_create_vp(t, TEST_VP),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, vp_test_dispatch(t, 0),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_FINALIZE_PARTITION,
						    t->partition),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * Three pages are deposited, and withdrawn in two calls. The first call gives
 * back two, the second the third and then that there are no more: each page
 * once. While the partition may run it gives back none.
 */
static void hv_fake_vp_withdraw(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	u64 pfns[3], back[3];
	u64 *out = t->out;
	unsigned int i, j;
	u64 status;

	vp_test_tear_down(t);
	KUNIT_ASSERT_EQ(test, vp_test_create_partition(t), HV_STATUS_SUCCESS);
	for (i = 0; i < 3; i++)
		pfns[i] = page_to_pfn(t->pages[i]);

	status = vp_test_deposit(t, pfns, 3);
	KUNIT_EXPECT_TRUE(test, hv_result_success(status));
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 3);
	KUNIT_EXPECT_EQ(test, hv_fake_deposited(t->fake, t->partition), 3);

	hv_do_fast_hypercall8(HVCALL_INITIALIZE_PARTITION, t->partition);
	status = vp_test_withdraw(t, 2);
	KUNIT_EXPECT_EQ(test, hv_result(status), HV_STATUS_NO_RESOURCES);
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 0);
	hv_do_fast_hypercall8(HVCALL_FINALIZE_PARTITION, t->partition);

	status = vp_test_withdraw(t, 2);
	KUNIT_EXPECT_TRUE(test, hv_result_success(status));
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 2);
	memcpy(back, out, 2 * sizeof(*out));
	status = vp_test_withdraw(t, 2);
	KUNIT_EXPECT_EQ(test, hv_result(status), HV_STATUS_NO_RESOURCES);
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 1);
	back[2] = out[0];

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3 && back[j] != pfns[i]; j++)
			;
		KUNIT_EXPECT_LT_MSG(test, j, 3, "page %u did not come back", i);
	}
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * Registers
 */

/*
 * The suspend registers are set in pairs, read back, and set to values they
 * cannot have. Order and values are recorded, and the signal count is read
 * only.
 */
static void hv_fake_vp_registers(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	struct hv_fake_set set;
	u64 status, value;

	status = vp_test_set_regs(t, HV_REGISTER_INTERCEPT_SUSPEND, 1,
				  HV_REGISTER_EXPLICIT_SUSPEND, 0);
	KUNIT_EXPECT_TRUE(test, hv_result_success(status));
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 2);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->vp));
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_explicit_suspend(t->vp));

	KUNIT_EXPECT_EQ(test, hv_fake_vp_sets(t->vp), 2);
	set = hv_fake_vp_set(t->vp, 0);
	KUNIT_EXPECT_EQ(test, set.name, HV_REGISTER_INTERCEPT_SUSPEND);
	KUNIT_EXPECT_EQ(test, set.value, 1);
	set = hv_fake_vp_set(t->vp, 1);
	KUNIT_EXPECT_EQ(test, set.name, HV_REGISTER_EXPLICIT_SUSPEND);
	KUNIT_EXPECT_EQ(test, set.value, 0);

	KUNIT_EXPECT_EQ(test, vp_test_get_reg(t, HV_REGISTER_INTERCEPT_SUSPEND, &value),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 1);
	KUNIT_EXPECT_EQ(test, vp_test_get_reg(t, HV_REGISTER_EXPLICIT_SUSPEND, &value),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, value, 0);

	KUNIT_EXPECT_EQ(test, vp_test_set_reg(t, HV_REGISTER_EXPLICIT_SUSPEND, 2),
			HV_STATUS_INVALID_REGISTER_VALUE);
	KUNIT_EXPECT_EQ(test, vp_test_set_reg(t, HV_REGISTER_VP_ROOT_SIGNAL_COUNT, 0),
			HV_STATUS_INVALID_PARAMETER);
	KUNIT_EXPECT_EQ(test, vp_test_set_reg(t, 0x12345678, 0),
			HV_STATUS_INVALID_PARAMETER);
	KUNIT_EXPECT_EQ(test, vp_test_get_reg(t, 0x12345678, &value),
			HV_STATUS_INVALID_PARAMETER);

	/* The second of two is refused: the first is carried out. */
	status = vp_test_set_regs(t, HV_REGISTER_INTERCEPT_SUSPEND, 0,
				  HV_REGISTER_EXPLICIT_SUSPEND, 2);
	KUNIT_EXPECT_EQ(test, hv_result(status), HV_STATUS_INVALID_REGISTER_VALUE);
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 1);
	KUNIT_EXPECT_FALSE(test, hv_fake_vp_intercept_suspend(t->vp));
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * Faults
 */

/*
 * A repetition call fails after one of two, another fails for one VP only, and
 * a third for lack of memory. What had to succeed has, and no more.
 */
static void hv_fake_vp_faults(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	u64 status;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_SET_VP_REGISTERS,
		.partition = t->partition,
		.one_vp = true,
		.vp = TEST_VP,
		.nth = 1,
		.reps = 1,
		.result = HV_STATUS_TIME_OUT,
	});
	status = vp_test_set_regs(t, HV_REGISTER_INTERCEPT_SUSPEND, 1,
				  HV_REGISTER_EXPLICIT_SUSPEND, 0);
	KUNIT_EXPECT_EQ(test, hv_result(status), HV_STATUS_TIME_OUT);
	KUNIT_EXPECT_EQ(test, hv_repcomp(status), 1);
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_intercept_suspend(t->vp));
	KUNIT_EXPECT_TRUE(test, hv_fake_vp_explicit_suspend(t->vp));
	KUNIT_EXPECT_EQ(test, vp_test_set_reg(t, HV_REGISTER_INTERCEPT_SUSPEND, 0),
			HV_STATUS_SUCCESS);

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_CREATE_VP,
		.one_vp = true,
		.vp = 6,
		.nth = 1,
		.result = HV_STATUS_INSUFFICIENT_MEMORY,
	});
	KUNIT_EXPECT_EQ(test, vp_test_create_vp(t, 5), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, vp_test_create_vp(t, 6), HV_STATUS_INSUFFICIENT_MEMORY);
	KUNIT_EXPECT_NULL(test, hv_fake_vp(t->fake, t->partition, 6));
	KUNIT_EXPECT_EQ(test, vp_test_create_vp(t, 6), HV_STATUS_SUCCESS);

	/* By the identity in a call about statistics. */
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_UNMAP_STATS_PAGE,
		.partition = t->partition,
		.one_vp = true,
		.vp = TEST_VP,
		.result = TEST_STATUS,
	});
	KUNIT_EXPECT_EQ(test, vp_test_unmap_stats(t, HV_STATS_AREA_SELF), TEST_STATUS);
	KUNIT_EXPECT_EQ(test, hv_fake_mapped(t->fake, t->partition), 4);

	/* Of another partition: not meant. */
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_FINALIZE_PARTITION,
		.partition = t->partition + 1,
		.result = TEST_STATUS,
	});
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_FINALIZE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(t->fake), 0);
}

/*
 * More calls are made than the fake keeps. All are counted, and the newest are
 * there.
 */
static void hv_fake_vp_many_calls(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	unsigned int i, before = 0;
	u64 value;

	before = hv_fake_count(t->fake, HVCALL_GET_VP_REGISTERS, 0);
	for (i = 0; i < HV_FAKE_MAX_CALLS + 10; i++)
		vp_test_get_reg(t, HV_REGISTER_EXPLICIT_SUSPEND, &value);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_GET_VP_REGISTERS, 0),
			before + HV_FAKE_MAX_CALLS + 10);
	KUNIT_EXPECT_EQ(test, hv_fake_call(t->fake, HV_FAKE_MAX_CALLS)->control & 0xffff,
			HVCALL_GET_VP_REGISTERS);
}

/*
 * Interrupts
 */

/*
 * An interrupt is asserted and another cleared. Both are counted, and the first
 * is kept.
 */
static void hv_fake_vp_interrupts(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	struct hv_input_assert_virtual_interrupt *in = t->in, last;

	KUNIT_EXPECT_EQ(test, hv_fake_asserted(t->fake, t->partition, NULL), 0);
	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vector = TEST_VECTOR;
	in->dest_addr = TEST_VP;
	KUNIT_EXPECT_EQ(test, hv_do_hypercall(HVCALL_ASSERT_VIRTUAL_INTERRUPT, in, NULL),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_fake_asserted(t->fake, t->partition, &last), 1);
	KUNIT_EXPECT_EQ(test, last.vector, TEST_VECTOR);
	KUNIT_EXPECT_EQ(test, last.dest_addr, TEST_VP);

	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_CLEAR_VIRTUAL_INTERRUPT,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_fake_cleared(t->fake, t->partition), 1);
}

/*
 * VPs are asked for by APIC id, the answer in the page of the question, as the
 * kernel's own caller does it. A VP has its index for an id until the test gives
 * it another.
 */
static void hv_fake_vp_apic_ids(struct kunit *test)
{
	struct hv_fake_vp_test *t = test->priv;
	struct hv_get_vp_from_apic_id_in *in = t->in;
	u32 *out = t->in + struct_size(in, apic_ids, 2);
	const u64 control = HVCALL_GET_VP_INDEX_FROM_APIC_ID | HV_HYPERCALL_REP_COMP_1;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->apic_ids[0] = TEST_VP;
	KUNIT_EXPECT_EQ(test, hv_result(hv_do_hypercall(control, in, out)),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, *out, TEST_VP);

	hv_fake_vp_set_apic_id(t->vp, 0x40);
	KUNIT_EXPECT_EQ(test, hv_result(hv_do_hypercall(control, in, out)),
			HV_STATUS_INVALID_PARAMETER);
	in->apic_ids[0] = 0x40;
	KUNIT_EXPECT_EQ(test, hv_result(hv_do_hypercall(control, in, out)),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, *out, TEST_VP);

	/* Not behind the input, but in it. */
	KUNIT_EXPECT_EQ(test, hv_result(hv_do_hypercall(control, in, t->in + 16)),
			HV_STATUS_INVALID_ALIGNMENT);
	vp_test_violated(t, HV_FAKE_OVERLAP);
}

static struct kunit_case hv_fake_vp_test_cases[] = {
	KUNIT_CASE(hv_fake_vp_life),
	KUNIT_CASE(hv_fake_vp_states),
	KUNIT_CASE(hv_fake_vp_withdraw),
	KUNIT_CASE_PARAM(hv_fake_vp_reports_violation, hv_fake_vp_spoil_params),
	KUNIT_CASE(hv_fake_vp_registers),
	KUNIT_CASE(hv_fake_vp_faults),
	KUNIT_CASE(hv_fake_vp_many_calls),
	KUNIT_CASE(hv_fake_vp_interrupts),
	KUNIT_CASE(hv_fake_vp_apic_ids),
	KUNIT_CASE(hv_fake_vp_script_runs),
	KUNIT_CASE(hv_fake_vp_rechecks_counted),
	KUNIT_CASE(hv_fake_vp_scans_vectors),
	KUNIT_CASE(hv_fake_vp_hooks),
	KUNIT_CASE(hv_fake_vp_no_signal_when_disabled),
	{}
};

static struct kunit_suite hv_fake_vp_test_suite = {
	.name = "hv_fake_vp",
	.init = hv_fake_vp_test_init,
	.test_cases = hv_fake_vp_test_cases,
};

kunit_test_suite(hv_fake_vp_test_suite);
