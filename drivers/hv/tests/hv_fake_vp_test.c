// SPDX-License-Identifier: GPL-2.0-only
/*
 * A partition with one VP on the fake hypervisor, and the hypercalls about them:
 * see hv_fake_vp_test.h.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "hv_fake_vp_test.h"

u64 vp_test_create_partition(struct hv_fake_vp_test *t)
{
	struct hv_input_create_partition *in = t->in;
	struct hv_output_create_partition *out = t->out;
	u64 status;

	memset(in, 0, sizeof(*in));
	status = hv_do_hypercall(HVCALL_CREATE_PARTITION, in, out);
	t->partition = out->partition_id;
	return status;
}

u64 vp_test_deposit(struct hv_fake_vp_test *t, const u64 *pfns,
		    unsigned int n)
{
	struct hv_deposit_memory *in = t->in;

	in->partition_id = t->partition;
	memcpy(in->gpa_page_list, pfns, n * sizeof(*pfns));
	return hv_do_rep_hypercall(HVCALL_DEPOSIT_MEMORY, n, 0, in, NULL);
}

u64 vp_test_withdraw(struct hv_fake_vp_test *t, unsigned int n)
{
	struct hv_input_withdraw_memory *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	return hv_do_rep_hypercall(HVCALL_WITHDRAW_MEMORY, n, 0, in, t->out);
}

u64 vp_test_create_vp(struct hv_fake_vp_test *t, u32 index)
{
	struct hv_create_vp *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = index;
	return hv_do_hypercall(HVCALL_CREATE_VP, in, NULL);
}

u64 vp_test_map_state(struct hv_fake_vp_test *t, u16 type, u64 pfn)
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

u64 vp_test_unmap_state(struct hv_fake_vp_test *t, u16 type)
{
	struct hv_input_unmap_vp_state_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->partition_id = t->partition;
	in->vp_index = TEST_VP;
	in->type = type;
	return hv_do_hypercall(HVCALL_UNMAP_VP_STATE_PAGE, in, NULL);
}

u64 vp_test_map_stats(struct hv_fake_vp_test *t, u8 area, u64 pfn)
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

u64 vp_test_unmap_stats(struct hv_fake_vp_test *t, u8 area)
{
	struct hv_input_unmap_stats_page *in = t->in;

	memset(in, 0, sizeof(*in));
	in->type = HV_STATS_OBJECT_VP;
	in->identity.vp.partition_id = t->partition;
	in->identity.vp.vp_index = TEST_VP;
	in->identity.vp.stats_area_type = area;
	return hv_do_hypercall(HVCALL_UNMAP_STATS_PAGE, in, NULL);
}

u64 vp_test_get_reg(struct hv_fake_vp_test *t, u32 name, u64 *value)
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
u64 vp_test_set_regs(struct hv_fake_vp_test *t, u32 name1, u64 value1,
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

u64 vp_test_set_reg(struct hv_fake_vp_test *t, u32 name, u64 value)
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
u64 vp_test_dispatch_as(struct hv_fake_vp_test *t,
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

u64 vp_test_dispatch(struct hv_fake_vp_test *t, u32 flags)
{
	return vp_test_dispatch_as(t, &(struct hv_input_dispatch_vp) {
		.partition_id = t->partition,
		.vp_index = TEST_VP,
		.flags = flags,
	});
}

void vp_test_expect(struct hv_fake_vp_test *t, u32 state, u32 event)
{
	const struct hv_output_dispatch_vp *out = t->out;

	KUNIT_EXPECT_EQ(t->test, out->dispatch_state, state);
	KUNIT_EXPECT_EQ(t->test, out->dispatch_event, event);
}

/* Exactly this was done wrong, once. */
void vp_test_violated(struct hv_fake_vp_test *t,
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
struct hv_fake_vp_test *vp_test_new(struct kunit *test)
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

void vp_test_set_up(struct hv_fake_vp_test *t)
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
void vp_test_tear_down(struct hv_fake_vp_test *t)
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
