// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the fake hypervisor's partitions and VPs, and of the VMM that tests
 * use on top of it.
 *
 * Two suites. "hv_fake_vp" makes the hypercalls itself, as the driver makes
 * them: each thing that the model does, and each that a caller can do wrong.
 * "mshv_vmm" has the driver make them, where the hypervisor schedules VPs if
 * not said otherwise; see mshv_vmm_use() for when it can.
 */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <uapi/linux/mshv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

#define TEST_VP		3
#define TEST_VECTOR	0x51
#define TEST_GPA	0x123456000ULL
#define TEST_STATUS	HV_STATUS_OPERATION_DENIED

#ifdef CONFIG_X86_64
#define TEST_COUNTER_WORD	202
#else
#define TEST_COUNTER_WORD	95
#endif

/* A partition with one VP, all of whose pages are mapped. */
struct hv_fake_vp_test {
	struct kunit *test;
	struct hv_fake *fake;
	/* Arguments of hypercalls: not the per-CPU ones. */
	void *in;
	void *out;
	u64 partition;
	struct hv_fake_vp *vp;
	/* Intercept message, registers, statistics of both areas. */
	struct page *pages[4];
	/* What a hook has seen. */
	unsigned int hooks;
	bool hook_preemptible;
	bool hook_irqs_on;
	bool hook_dispatching;
	bool hook_blocked;
	u64 hook_result;
};

/*
 * Hypercalls as the driver makes them, with the arguments in pages of our own.
 */

static u64 vp_test_create_partition(struct hv_fake_vp_test *t)
{
	struct hv_input_create_partition *in = t->in;
	struct hv_output_create_partition *out = t->out;
	u64 status;

	memset(in, 0, sizeof(*in));
	status = hv_do_hypercall(HVCALL_CREATE_PARTITION, in, out);
	t->partition = out->partition_id;
	return status;
}

static u64 vp_test_deposit(struct hv_fake_vp_test *t, const u64 *pfns,
			   unsigned int n)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	memcpy(in->gpa_page_list, pfns, n * sizeof(*pfns));
	return hv_do_rep_hypercall(HVCALL_DEPOSIT_MEMORY, n, 0, in, NULL);
}

static u64 vp_test_withdraw(struct hv_fake_vp_test *t, unsigned int n)
{
	struct hv_input_withdraw_memory *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	return hv_do_rep_hypercall(HVCALL_WITHDRAW_MEMORY, n, 0, in, t->out);
}

static u64 vp_test_create_vp(struct hv_fake_vp_test *t, u32 index)
{
	struct hv_create_vp *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = index;
	return hv_do_hypercall(HVCALL_CREATE_VP, in, NULL);
}

static u64 vp_test_map_state(struct hv_fake_vp_test *t, u16 type, u64 pfn)
{
	struct hv_input_map_vp_state_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->type = type;
	in->flags.map_location_provided = !!pfn;
	in->requested_map_location = pfn;
	return hv_do_hypercall(HVCALL_MAP_VP_STATE_PAGE, in, t->out);
}

static u64 vp_test_unmap_state(struct hv_fake_vp_test *t, u16 type)
{
	struct hv_input_unmap_vp_state_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->type = type;
	return hv_do_hypercall(HVCALL_UNMAP_VP_STATE_PAGE, in, NULL);
}

static u64 vp_test_map_stats(struct hv_fake_vp_test *t, u8 area, u64 pfn)
{
	struct hv_input_map_stats_page2 *in = t->in;

	memset(in, 0, sizeof(*in));
	in->type = HV_STATS_OBJECT_VP;
	in->identity.vp.partition_id = t->partition;
	in->identity.vp.vp_index = TEST_VP;
	in->identity.vp.stats_area_type = area;
	in->map_location = pfn;
	return hv_do_hypercall(HVCALL_MAP_STATS_PAGE2, in, NULL);
}

static u64 vp_test_unmap_stats(struct hv_fake_vp_test *t, u8 area)
{
	struct hv_input_unmap_stats_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->type = HV_STATS_OBJECT_VP;
	in->identity.vp.partition_id = t->partition;
	in->identity.vp.vp_index = TEST_VP;
	in->identity.vp.stats_area_type = area;
	return hv_do_hypercall(HVCALL_UNMAP_STATS_PAGE, in, NULL);
}

static u64 vp_test_get_reg(struct hv_fake_vp_test *t, u32 name, u64 *value)
{
	struct hv_input_get_vp_registers *in = t->in;
	union hv_register_value *out = t->out;
	u64 status;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->names[0] = name;
	status = hv_do_rep_hypercall(HVCALL_GET_VP_REGISTERS, 1, 0, in, out);
	*value = out->reg64;
	return hv_result(status);
}

/* Two registers by one call, as the driver resumes a VP. */
static u64 vp_test_set_regs(struct hv_fake_vp_test *t, u32 name1, u64 value1,
			    u32 name2, u64 value2)
{
	struct hv_input_set_vp_registers *in = t->in;

	memset(in, 0, sizeof(*in) + 2 * sizeof(in->elements[0]));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->elements[0].name = name1;
	in->elements[0].value.reg64 = value1;
	in->elements[1].name = name2;
	in->elements[1].value.reg64 = value2;
	return hv_do_rep_hypercall(HVCALL_SET_VP_REGISTERS, 2, 0, in, NULL);
}

static u64 vp_test_set_reg(struct hv_fake_vp_test *t, u32 name, u64 value)
{
	struct hv_input_set_vp_registers *in = t->in;

	memset(in, 0, sizeof(*in) + sizeof(in->elements[0]));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->elements[0].name = name;
	in->elements[0].value.reg64 = value;
	return hv_result(hv_do_rep_hypercall(HVCALL_SET_VP_REGISTERS, 1, 0, in, NULL));
}

/* Dispatch, with the input that the test has made of it. */
static u64 vp_test_dispatch_as(struct hv_fake_vp_test *t,
			       const struct hv_input_dispatch_vp *how)
{
	struct hv_input_dispatch_vp *in = t->in;
	u64 status;

	preempt_disable();
	*in = *how;
	memset(t->out, HV_FAKE_POISON, sizeof(struct hv_output_dispatch_vp));
	status = hv_do_hypercall(HVCALL_DISPATCH_VP, in, t->out);
	preempt_enable();

	return status;
}

static u64 vp_test_dispatch(struct hv_fake_vp_test *t, u32 flags)
{
	return vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
		.flags = flags,
	});
}

static void vp_test_expect(struct hv_fake_vp_test *t, u32 state, u32 event)
{
	const struct hv_output_dispatch_vp *out = t->out;

	KUNIT_EXPECT_EQ(t->test, out->dispatch_state, state);
	KUNIT_EXPECT_EQ(t->test, out->dispatch_event, event);
}

/* Exactly this was done wrong, once. */
static void vp_test_violated(struct hv_fake_vp_test *t,
			     enum hv_fake_violation violation)
{
	KUNIT_EXPECT_EQ(t->test, hv_fake_violations(t->fake), 1);
	KUNIT_EXPECT_EQ(t->test, hv_fake_take_violations(t->fake, violation), 1);
}

static void vp_test_free_pages(void *data)
{
	struct hv_fake_vp_test *t = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t->pages); i++)
		if (t->pages[i])
			__free_page(t->pages[i]);
	free_page((unsigned long)t->in);
	free_page((unsigned long)t->out);
}

/* A fake, and pages; no partition yet. */
static struct hv_fake_vp_test *vp_test_new(struct kunit *test)
{
	struct hv_fake_vp_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action(test, vp_test_free_pages, t));
	t->in = (void *)get_zeroed_page(GFP_KERNEL);
	t->out = (void *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->in);
	KUNIT_ASSERT_NOT_NULL(test, t->out);
	for (i = 0; i < ARRAY_SIZE(t->pages); i++) {
		t->pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->pages[i]);
	}
	/* After our pages, so that it lets go of them first. */
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);

	return t;
}

static void vp_test_set_up(struct hv_fake_vp_test *t)
{
	struct kunit *test = t->test;

	KUNIT_ASSERT_EQ(test, vp_test_create_partition(t), HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test, hv_do_fast_hypercall8(HVCALL_INITIALIZE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test, vp_test_create_vp(t, TEST_VP), HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test,
			vp_test_map_state(t, HV_VP_STATE_PAGE_INTERCEPT_MESSAGE,
					  page_to_pfn(t->pages[0])),
			HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test,
			vp_test_map_state(t, HV_VP_STATE_PAGE_REGISTERS,
					  page_to_pfn(t->pages[1])),
			HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test,
			vp_test_map_stats(t, HV_STATS_AREA_SELF,
					  page_to_pfn(t->pages[2])),
			HV_STATUS_SUCCESS);
	KUNIT_ASSERT_EQ(test,
			vp_test_map_stats(t, HV_STATS_AREA_PARENT,
					  page_to_pfn(t->pages[3])),
			HV_STATUS_SUCCESS);
	t->vp = hv_fake_vp(t->fake, t->partition, TEST_VP);
	KUNIT_ASSERT_NOT_NULL(test, t->vp);
}

/* As the driver takes a partition down; nothing may be wrong with it. */
static void vp_test_tear_down(struct hv_fake_vp_test *t)
{
	struct kunit *test = t->test;

	KUNIT_EXPECT_EQ(test, vp_test_unmap_stats(t, HV_STATS_AREA_SELF),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, vp_test_unmap_stats(t, HV_STATS_AREA_PARENT),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, vp_test_unmap_state(t, HV_VP_STATE_PAGE_REGISTERS),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test,
			vp_test_unmap_state(t, HV_VP_STATE_PAGE_INTERCEPT_MESSAGE),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_FINALIZE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, hv_result(vp_test_withdraw(t, 512)),
			HV_STATUS_NO_RESOURCES);
	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION,
						    t->partition),
			HV_STATUS_SUCCESS);
}

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
 * What a caller can do wrong with pages. Each case spoils what
 * hv_fake_vp_test_init() has set up.
 */

static u64 vp_spoil_deposit_twice(struct hv_fake_vp_test *t)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u64 pfn, status;

	KUNIT_ASSERT_NOT_NULL(t->test, page);
	pfn = page_to_pfn(page);
	KUNIT_EXPECT_TRUE(t->test, hv_result_success(vp_test_deposit(t, &pfn, 1)));
	status = vp_test_deposit(t, &pfn, 1);

	/* What it has is withdrawn, so that this is all there is to see. */
	vp_test_tear_down(t);
	__free_page(page);
	return hv_result(status);
}

static u64 vp_spoil_deposit_overlay(struct hv_fake_vp_test *t)
{
	u64 pfn = page_to_pfn(t->pages[0]);

	return hv_result(vp_test_deposit(t, &pfn, 1));
}

static u64 vp_spoil_deposit_no_ram(struct hv_fake_vp_test *t)
{
	u64 pfn = BIT_ULL(51) >> HV_HYP_PAGE_SHIFT;

	return hv_result(vp_test_deposit(t, &pfn, 1));
}

/* Memory of kmalloc(), which is not the caller's alone. */
static u64 vp_spoil_map_slab(struct hv_fake_vp_test *t)
{
	void *memory = kunit_kzalloc(t->test, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(t->test, memory);
	vp_test_unmap_stats(t, HV_STATS_AREA_SELF);
	return vp_test_map_stats(t, HV_STATS_AREA_SELF,
				 virt_to_phys(memory) >> HV_HYP_PAGE_SHIFT);
}

/* The same page for two objects. */
static u64 vp_spoil_map_page_twice(struct hv_fake_vp_test *t)
{
	vp_test_unmap_stats(t, HV_STATS_AREA_SELF);
	return vp_test_map_stats(t, HV_STATS_AREA_SELF, page_to_pfn(t->pages[0]));
}

static u64 vp_spoil_map_state_twice(struct hv_fake_vp_test *t)
{
	return vp_test_map_state(t, HV_VP_STATE_PAGE_REGISTERS,
				 page_to_pfn(t->pages[1]));
}

static u64 vp_spoil_map_stats_twice(struct hv_fake_vp_test *t)
{
	return vp_test_map_stats(t, HV_STATS_AREA_PARENT, page_to_pfn(t->pages[3]));
}

static u64 vp_spoil_unmap_state_twice(struct hv_fake_vp_test *t)
{
	vp_test_unmap_state(t, HV_VP_STATE_PAGE_REGISTERS);
	return vp_test_unmap_state(t, HV_VP_STATE_PAGE_REGISTERS);
}

static u64 vp_spoil_unmap_stats_twice(struct hv_fake_vp_test *t)
{
	vp_test_unmap_stats(t, HV_STATS_AREA_SELF);
	return vp_test_unmap_stats(t, HV_STATS_AREA_SELF);
}

/* A driver that frees a page first has it given to someone else. */
static u64 vp_spoil_freed_before_unmap(struct hv_fake_vp_test *t)
{
	set_page_private(t->pages[1], 0);
	return vp_test_unmap_state(t, HV_VP_STATE_PAGE_REGISTERS);
}

static u64 vp_spoil_delete_mapped(struct hv_fake_vp_test *t)
{
	hv_do_fast_hypercall8(HVCALL_FINALIZE_PARTITION, t->partition);
	return hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION, t->partition);
}

static u64 vp_spoil_delete_vp_mapped(struct hv_fake_vp_test *t)
{
	union hv_input_delete_vp in = {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
	};

	return hv_do_fast_hypercall16(HVCALL_DELETE_VP, in.as_uint64[0],
				      in.as_uint64[1]);
}

static u64 vp_spoil_delete_deposited(struct hv_fake_vp_test *t)
{
	u64 pfn, status;

	vp_test_tear_down(t);
	KUNIT_ASSERT_EQ(t->test, vp_test_create_partition(t), HV_STATUS_SUCCESS);
	pfn = page_to_pfn(t->pages[0]);
	vp_test_deposit(t, &pfn, 1);
	status = hv_do_fast_hypercall8(HVCALL_DELETE_PARTITION, t->partition);
	return status;
}

/*
 * What a caller can do wrong with the form of these calls.
 */

static u64 vp_spoil_no_reps(struct hv_fake_vp_test *t)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	return hv_do_hypercall(HVCALL_DEPOSIT_MEMORY, in, NULL);
}

/* It would start behind the end. */
static u64 vp_spoil_rep_start(struct hv_fake_vp_test *t)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	return hv_do_hypercall(HVCALL_DEPOSIT_MEMORY |
			       FIELD_PREP(HV_HYPERCALL_REP_COMP_MASK, 1) |
			       FIELD_PREP(HV_HYPERCALL_REP_START_MASK, 1),
			       in, NULL);
}

static u64 vp_spoil_varhead(struct hv_fake_vp_test *t)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	return hv_do_hypercall(HVCALL_DEPOSIT_MEMORY | HV_HYPERCALL_REP_COMP_1 |
			       FIELD_PREP(HV_HYPERCALL_VARHEAD_MASK, 1),
			       in, NULL);
}

static u64 vp_spoil_slow(struct hv_fake_vp_test *t)
{
	*(u64 *)t->in = t->partition;
	return hv_do_hypercall(HVCALL_FINALIZE_PARTITION, t->in, NULL);
}

/* One repetition more than the page has room for. */
static u64 vp_spoil_too_many_reps(struct hv_fake_vp_test *t)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	return hv_do_hypercall(HVCALL_DEPOSIT_MEMORY |
			       FIELD_PREP(HV_HYPERCALL_REP_COMP_MASK, 512),
			       in, NULL);
}

static u64 vp_spoil_rep_output(struct hv_fake_vp_test *t)
{
	struct hv_input_withdraw_memory *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	return hv_do_hypercall(HVCALL_WITHDRAW_MEMORY |
			       FIELD_PREP(HV_HYPERCALL_REP_COMP_MASK, 513),
			       in, t->out);
}

static u64 vp_spoil_reserved_regs(struct hv_fake_vp_test *t)
{
	struct hv_input_set_vp_registers *in = t->in;

	memset(in, 0, sizeof(*in) + sizeof(in->elements[0]));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->rsvd_z16 = 1;
	return hv_result(hv_do_rep_hypercall(HVCALL_SET_VP_REGISTERS, 1, 0, in, NULL));
}

static u64 vp_spoil_reserved_reg(struct hv_fake_vp_test *t)
{
	struct hv_input_set_vp_registers *in = t->in;

	memset(in, 0, sizeof(*in) + sizeof(in->elements[0]));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->elements[0].reserved2 = 1;
	return hv_result(hv_do_rep_hypercall(HVCALL_SET_VP_REGISTERS, 1, 0, in, NULL));
}

static u64 vp_spoil_reserved_map(struct hv_fake_vp_test *t)
{
	struct hv_input_map_vp_state_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->flags.reserved = 1;
	return hv_do_hypercall(HVCALL_MAP_VP_STATE_PAGE, in, t->out);
}

static u64 vp_spoil_reserved_stats(struct hv_fake_vp_test *t)
{
	struct hv_input_unmap_stats_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->type = HV_STATS_OBJECT_VP;
	in->identity.vp.partition_id = t->partition;
	in->identity.vp.vp_index = TEST_VP;
	in->identity.vp.flags = 1;
	return hv_do_hypercall(HVCALL_UNMAP_STATS_PAGE, in, NULL);
}

static u64 vp_spoil_reserved_assert(struct hv_fake_vp_test *t)
{
	struct hv_input_assert_virtual_interrupt *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->rsvd_z1 = 1;
	return hv_do_hypercall(HVCALL_ASSERT_VIRTUAL_INTERRUPT, in, NULL);
}

/*
 * What a caller can do wrong with dispatches. The VP is one that can run.
 */

static u64 vp_spoil_dispatch_flags(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	return vp_test_dispatch(t, BIT(7));
}

static u64 vp_spoil_dispatch_time_slice(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	return vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
		.time_slice = 1,
	});
}

static u64 vp_spoil_dispatch_spec_ctrl(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	return vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
		.spec_ctrl = 1,
	});
}

static u64 vp_spoil_dispatch_preemptible(struct hv_fake_vp_test *t)
{
	struct hv_input_dispatch_vp *in = t->in;

	hv_fake_vp_start(t->vp);
	*in = (struct hv_input_dispatch_vp) {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
	};
	return hv_do_hypercall(HVCALL_DISPATCH_VP, in, t->out);
}

/* From within a dispatch, as another CPU would. */
static void vp_spoil_dispatch_again(struct hv_fake *fake, void *data)
{
	struct hv_fake_vp_test *t = data;
	struct hv_input_dispatch_vp *in = t->in;

	t->hook_result = hv_do_hypercall(HVCALL_DISPATCH_VP, in, t->out);
}

static u64 vp_spoil_dispatch_twice(struct hv_fake_vp_test *t)
{
	struct hv_fake_outcome outcome = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.running = vp_spoil_dispatch_again,
		.data = t,
	};

	hv_fake_vp_start(t->vp);
	hv_fake_vp_script(t->vp, &outcome, 1);
	KUNIT_EXPECT_EQ(t->test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	return t->hook_result;
}

static u64 vp_spoil_dispatch_disabled(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	vp_test_set_reg(t, HV_REGISTER_DISPATCH_SUSPEND, 1);
	return vp_test_dispatch(t, 0);
}

static u64 vp_spoil_dispatch_intercepted(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	vp_test_set_reg(t, HV_REGISTER_INTERCEPT_SUSPEND, 1);
	return vp_test_dispatch(t, 0);
}

/* The first one may find it suspended, the second may not. */
static u64 vp_spoil_dispatch_suspended(struct hv_fake_vp_test *t)
{
	KUNIT_EXPECT_EQ(t->test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(t->test, hv_fake_violations(t->fake), 0);
	return vp_test_dispatch(t, 0);
}

static u64 vp_spoil_dispatch_blocked(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	/* Without a script it halts. */
	KUNIT_EXPECT_EQ(t->test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(t->test, hv_fake_violations(t->fake), 0);
	return vp_test_dispatch(t, 0);
}

/* To be told to look for vectors is no excuse where there are none. */
static u64 vp_spoil_dispatch_blocked_scan(struct hv_fake_vp_test *t)
{
	hv_fake_vp_start(t->vp);
	KUNIT_EXPECT_EQ(t->test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	return vp_test_dispatch(t, HV_DISPATCH_VP_FLAG_SCAN_INTERRUPT_INJECTION);
}

/* Resumed, but not yet announced as runnable: the signal is the test's to send. */
static u64 vp_spoil_dispatch_resume_early(struct hv_fake_vp_test *t)
{
	hv_fake_signal_on_resume(t->fake, false);
	KUNIT_EXPECT_EQ(t->test, vp_test_dispatch(t, 0), HV_STATUS_SUCCESS);
	vp_test_set_reg(t, HV_REGISTER_EXPLICIT_SUSPEND, 0);
	return vp_test_dispatch(t, 0);
}

static const struct hv_fake_vp_spoil_case {
	const char *name;
	u64 (*call)(struct hv_fake_vp_test *t);
	enum hv_fake_violation violation;
	u64 result;
} hv_fake_vp_spoil_cases[] = {
	{
		.name = "page deposited twice",
		.call = vp_spoil_deposit_twice,
		.violation = HV_FAKE_PAGE,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "overlay page deposited",
		.call = vp_spoil_deposit_overlay,
		.violation = HV_FAKE_PAGE,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "page deposited that is no RAM",
		.call = vp_spoil_deposit_no_ram,
		.violation = HV_FAKE_PAGE,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "overlay page from kmalloc",
		.call = vp_spoil_map_slab,
		.violation = HV_FAKE_PAGE,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "overlay page for two objects",
		.call = vp_spoil_map_page_twice,
		.violation = HV_FAKE_PAGE,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "state page mapped twice",
		.call = vp_spoil_map_state_twice,
		.violation = HV_FAKE_MAPPED,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "statistics page mapped twice",
		.call = vp_spoil_map_stats_twice,
		.violation = HV_FAKE_MAPPED,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "state page unmapped twice",
		.call = vp_spoil_unmap_state_twice,
		.violation = HV_FAKE_NOT_MAPPED,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "statistics page unmapped twice",
		.call = vp_spoil_unmap_stats_twice,
		.violation = HV_FAKE_NOT_MAPPED,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "state page freed before it is unmapped",
		.call = vp_spoil_freed_before_unmap,
		.violation = HV_FAKE_NOT_MAPPED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "partition deleted with pages mapped",
		.call = vp_spoil_delete_mapped,
		.violation = HV_FAKE_LEFT_MAPPED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "VP deleted with pages mapped",
		.call = vp_spoil_delete_vp_mapped,
		.violation = HV_FAKE_LEFT_MAPPED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "partition deleted with pages deposited",
		.call = vp_spoil_delete_deposited,
		.violation = HV_FAKE_LEFT_DEPOSITED,
		.result = HV_STATUS_OPERATION_DENIED,
	},
	{
		.name = "repetition call without repetitions",
		.call = vp_spoil_no_reps,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "repetitions that start behind their end",
		.call = vp_spoil_rep_start,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "variable header of a call that has none",
		.call = vp_spoil_varhead,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "slow call of a fast hypercall",
		.call = vp_spoil_slow,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "more repetitions than the input has room for",
		.call = vp_spoil_too_many_reps,
		.violation = HV_FAKE_INPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "more repetitions than the output has room for",
		.call = vp_spoil_rep_output,
		.violation = HV_FAKE_OUTPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "reserved field of registers",
		.call = vp_spoil_reserved_regs,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "reserved field of a register",
		.call = vp_spoil_reserved_reg,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "reserved field of a state page",
		.call = vp_spoil_reserved_map,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "reserved field of a statistics page",
		.call = vp_spoil_reserved_stats,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "reserved field of an interrupt",
		.call = vp_spoil_reserved_assert,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "dispatch with an unknown flag",
		.call = vp_spoil_dispatch_flags,
		.violation = HV_FAKE_DISPATCH_FLAGS,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "dispatch with a time slice",
		.call = vp_spoil_dispatch_time_slice,
		.violation = HV_FAKE_DISPATCH_TIME_SLICE,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "dispatch with SPEC_CTRL",
		.call = vp_spoil_dispatch_spec_ctrl,
		.violation = HV_FAKE_DISPATCH_SPEC_CTRL,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "dispatch with preemption on",
		.call = vp_spoil_dispatch_preemptible,
		.violation = HV_FAKE_DISPATCH_PREEMPTIBLE,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "dispatch during a dispatch",
		.call = vp_spoil_dispatch_twice,
		.violation = HV_FAKE_DISPATCH_TWICE,
		.result = HV_STATUS_INVALID_VP_STATE,
	},
	{
		.name = "dispatch while dispatch-suspended",
		.call = vp_spoil_dispatch_disabled,
		.violation = HV_FAKE_DISPATCH_DISABLED,
		.result = HV_STATUS_INVALID_VP_STATE,
	},
	{
		.name = "dispatch while intercept-suspended",
		.call = vp_spoil_dispatch_intercepted,
		.violation = HV_FAKE_DISPATCH_INTERCEPTED,
		.result = HV_STATUS_INVALID_VP_STATE,
	},
	{
		.name = "dispatch while explicitly suspended",
		.call = vp_spoil_dispatch_suspended,
		.violation = HV_FAKE_DISPATCH_SUSPENDED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "dispatch while blocked",
		.call = vp_spoil_dispatch_blocked,
		.violation = HV_FAKE_DISPATCH_BLOCKED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "dispatch while blocked, no vector to scan",
		.call = vp_spoil_dispatch_blocked_scan,
		.violation = HV_FAKE_DISPATCH_BLOCKED,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "dispatch of a resumed VP before its signal",
		.call = vp_spoil_dispatch_resume_early,
		.violation = HV_FAKE_DISPATCH_BLOCKED,
		.result = HV_STATUS_SUCCESS,
	},
};

KUNIT_ARRAY_PARAM_DESC(hv_fake_vp_spoil, hv_fake_vp_spoil_cases, name);

/*
 * One thing is done wrong. Exactly that violation is counted, once, and the
 * caller gets the status a hypervisor would give.
 */
static void hv_fake_vp_reports_violation(struct kunit *test)
{
	const struct hv_fake_vp_spoil_case *c = test->param_value;
	struct hv_fake_vp_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, c->call(t), c->result);
	vp_test_violated(t, c->violation);
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

/*
 * Dispatches
 */

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
static void hv_fake_vp_script_runs(struct kunit *test)
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
static void hv_fake_vp_rechecks_counted(struct kunit *test)
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
static void hv_fake_vp_scans_vectors(struct kunit *test)
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
static void hv_fake_vp_hooks(struct kunit *test)
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
static void hv_fake_vp_no_signal_when_disabled(struct kunit *test)
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

static struct kunit_case hv_fake_vp_test_cases[] = {
	KUNIT_CASE(hv_fake_vp_life),
	KUNIT_CASE(hv_fake_vp_states),
	KUNIT_CASE(hv_fake_vp_withdraw),
	KUNIT_CASE_PARAM(hv_fake_vp_reports_violation, hv_fake_vp_spoil_gen_params),
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

/*
 * The VMM, and the driver between it and the fake
 */

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

kunit_test_suites(&hv_fake_vp_test_suite, &mshv_vmm_test_suite);
