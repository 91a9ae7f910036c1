// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what the fake hypervisor sees: each thing that a caller can do wrong
 * with partitions, VPs and their pages, and the status that it gets for it.
 *
 * It is one case of the suite in hv_fake_vp_kunit.c.
 */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"
#include "hv_fake_vp_test.h"

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

/* What the suite's list names is static: the macro makes it so. */
const void *hv_fake_vp_spoil_params(struct kunit *test, const void *prev,
				    char *desc)
{
	return hv_fake_vp_spoil_gen_params(test, prev, desc);
}

/*
 * One thing is done wrong. Exactly that violation is counted, once, and the
 * caller gets the status a hypervisor would give.
 */
void hv_fake_vp_reports_violation(struct kunit *test)
{
	const struct hv_fake_vp_spoil_case *c = test->param_value;
	struct hv_fake_vp_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, c->call(t), c->result);
	vp_test_violated(t, c->violation);
}
