// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the fake hypervisor itself: that it answers, that it fails when it
 * is told to, and that it sees each thing a caller can do wrong. The tests
 * that rely on the fake are worth what these are worth.
 */

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "hv_fake.h"

#define TEST_PROPERTY	HV_PARTITION_PROPERTY_VMM_CAPABILITIES
#define TEST_VALUE	0x1122334455667788ULL

/*
 * A hypercall's arguments, legal until a test spoils them: a query of
 * TEST_PROPERTY in pages that are not the per-CPU ones.
 */
struct hv_fake_test_args {
	struct hv_input_get_partition_property_ex *in;
	u64 *out;
};

static int hv_fake_test_init(struct kunit *test)
{
	struct hv_fake *fake = hv_fake_install(test, HV_PARTITION_TYPE_ROOT);
	u64 value = TEST_VALUE;

	test->priv = fake;
	hv_fake_set_property(fake, TEST_PROPERTY, &value, sizeof(value));
	return 0;
}

static void hv_fake_test_query(struct hv_input_get_partition_property_ex *in)
{
	*in = (struct hv_input_get_partition_property_ex) {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = TEST_PROPERTY,
	};
}

static void hv_fake_test_args(struct kunit *test, struct hv_fake_test_args *args)
{
	/* Twice a page: whole pages of memory somewhere inside. */
	char *in = kunit_kzalloc(test, 2 * HV_HYP_PAGE_SIZE, GFP_KERNEL);
	char *out = kunit_kzalloc(test, 2 * HV_HYP_PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, in);
	KUNIT_ASSERT_NOT_NULL(test, out);
	args->in = PTR_ALIGN((void *)in, HV_HYP_PAGE_SIZE);
	args->out = PTR_ALIGN((void *)out, HV_HYP_PAGE_SIZE);
	hv_fake_test_query(args->in);
}

static u64 hv_fake_test_call(const struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX, args->in,
			       args->out);
}

/*
 * A property is set and asked for in a legal way. The value arrives, the call
 * is recorded as it was made, and no violation is counted.
 */
static void hv_fake_answers_legal_call(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;
	const struct hv_fake_call *call;

	hv_fake_test_args(test, &args);

	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, *args.out, TEST_VALUE);

	KUNIT_EXPECT_EQ(test, hv_fake_count(fake, HVCALL_GET_PARTITION_PROPERTY_EX, 0), 1);
	call = hv_fake_call(fake, 0);
	KUNIT_EXPECT_EQ(test, call->control, HVCALL_GET_PARTITION_PROPERTY_EX);
	KUNIT_EXPECT_EQ(test, call->input_gpa, virt_to_phys(args.in));
	KUNIT_EXPECT_EQ(test, call->output_gpa, virt_to_phys(args.out));
	KUNIT_EXPECT_EQ(test, call->result, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_TRUE(test, call->irqs_on);
	KUNIT_EXPECT_MEMEQ(test, call->input, args.in, sizeof(*args.in));
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * A property that no one has set, and a partition that is not there, are asked
 * for. The fake answers as a hypervisor does, and that is no violation.
 */
static void hv_fake_answers_unknown(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;

	hv_fake_test_args(test, &args);

	args.in->property_code = HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS;
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_UNKNOWN_PROPERTY);

	args.in->property_code = TEST_PROPERTY;
	args.in->partition_id = 17;
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_INVALID_PARTITION_ID);

	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * One call is told to fail, at the second time only. The first and the third
 * succeed, the second has the status asked for and writes nothing.
 */
static void hv_fake_fails_nth_call(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;

	hv_fake_test_args(test, &args);
	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.nth = 2,
		.result = HV_STATUS_TIME_OUT,
	});

	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_SUCCESS);
	*args.out = 0;
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_TIME_OUT);
	KUNIT_EXPECT_EQ(test, *args.out, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_SUCCESS);
	KUNIT_EXPECT_EQ(test, *args.out, TEST_VALUE);
}

/*
 * Every call for one property is told to fail, with the result of a hypercall
 * that cannot be made at all. Calls for another property are left alone.
 */
static void hv_fake_fails_one_property(struct kunit *test)
{
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;

	hv_fake_test_args(test, &args);
	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.property = TEST_PROPERTY,
		.result = U64_MAX,
	});

	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), U64_MAX);
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), U64_MAX);
	args.in->property_code = HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS;
	KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), HV_STATUS_UNKNOWN_PROPERTY);
	KUNIT_EXPECT_EQ(test, hv_fake_count(fake, HVCALL_GET_PARTITION_PROPERTY_EX,
					    TEST_PROPERTY), 2);
}

/*
 * The fake is removed in the middle of a test. Hypercalls are impossible
 * again, as on any machine that is no Hyper-V, and the argument pages and the
 * kind of partition are what they were.
 */
static void hv_fake_remove_restores(struct kunit *test)
{
	struct hv_fake_test_args args;

	hv_fake_test_args(test, &args);
	hv_fake_remove(test->priv);

	/* arm64 cannot try: off Hyper-V its hypercall instruction is illegal. */
	if (IS_ENABLED(CONFIG_X86_64))
		KUNIT_EXPECT_EQ(test, hv_fake_test_call(&args), U64_MAX);
	KUNIT_EXPECT_TRUE(test, !hyperv_pcpu_input_arg);
	KUNIT_EXPECT_TRUE(test, !hyperv_pcpu_output_arg);
	KUNIT_EXPECT_EQ(test, hv_curr_partition_type, HV_PARTITION_TYPE_GUEST);
}

/*
 * A hypercall that the fake does not model is told to fail. It does, and is no
 * violation then.
 */
static void hv_fake_fails_call_not_modelled(struct kunit *test)
{
	struct hv_fake *fake = test->priv;

	hv_fake_fail(fake, &(struct hv_fake_fault) {
		.code = HVCALL_NOTIFY_PORT_RING_EMPTY,
		.result = HV_STATUS_INVALID_PARTITION_STATE,
	});

	KUNIT_EXPECT_EQ(test, hv_do_fast_hypercall8(HVCALL_NOTIFY_PORT_RING_EMPTY, 0),
			HV_STATUS_INVALID_PARTITION_STATE);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

/*
 * A test within the test makes an illegal call and ends without having taken
 * the violation. It has failed; one that makes a legal call has not.
 */
static void hv_fake_violation_fails_test(struct kunit *test)
{
	struct hv_fake_test_args args;
	struct kunit *inner;
	unsigned int i;

	hv_fake_test_args(test, &args);
	hv_fake_remove(test->priv);
	inner = kunit_kzalloc(test, sizeof(*inner), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, inner);

	for (i = 0; i < 2; i++) {
		kunit_init_test(inner, "inner", NULL);
		/* arm64's redirection looks for the test that is running. */
		current->kunit_test = inner;
		hv_fake_install(inner, HV_PARTITION_TYPE_ROOT);
		args.in->padding = i;
		hv_fake_test_call(&args);
		kunit_cleanup(inner);
		current->kunit_test = test;

		KUNIT_EXPECT_EQ(test, inner->status,
				i ? KUNIT_FAILURE : KUNIT_SUCCESS);
	}
}

/* A hypercall made on behalf of a test, somewhere else. */
struct hv_fake_elsewhere {
	struct work_struct work;
	struct irq_work irq_work;
	const struct hv_fake_test_args *args;
	bool hard_irq;
	u64 result;
};

static void hv_fake_call_in_worker(struct work_struct *work)
{
	struct hv_fake_elsewhere *e =
		container_of(work, struct hv_fake_elsewhere, work);

	e->result = hv_fake_test_call(e->args);
}

static void hv_fake_call_in_irq(struct irq_work *irq_work)
{
	struct hv_fake_elsewhere *e =
		container_of(irq_work, struct hv_fake_elsewhere, irq_work);

	e->hard_irq = in_hardirq();
	e->result = hv_fake_test_call(e->args);
}

/*
 * A hypercall is made by a worker, and another by a hard interrupt handler.
 * Both arrive at the fake, the second with interrupts off.
 */
static void hv_fake_answers_any_context(struct kunit *test)
{
	struct hv_fake_elsewhere e = { .result = U64_MAX };
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;

	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "the redirection acts on the test's own thread only");

	hv_fake_test_args(test, &args);
	e.args = &args;

	INIT_WORK_ONSTACK(&e.work, hv_fake_call_in_worker);
	schedule_work(&e.work);
	flush_work(&e.work);
	destroy_work_on_stack(&e.work);
	KUNIT_EXPECT_EQ(test, e.result, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_TRUE(test, hv_fake_call(fake, 0)->irqs_on);

	e.result = U64_MAX;
	e.irq_work = IRQ_WORK_INIT_HARD(hv_fake_call_in_irq);
	irq_work_queue(&e.irq_work);
	irq_work_sync(&e.irq_work);
	KUNIT_EXPECT_TRUE(test, e.hard_irq);
	KUNIT_EXPECT_EQ(test, e.result, HV_STATUS_SUCCESS);
	KUNIT_EXPECT_FALSE(test, hv_fake_call(fake, 1)->irqs_on);
}

/*
 * Ways to do wrong: each spoils a legal call and makes it.
 */

static u64 hv_fake_spoil_code(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(0xfff, args->in, args->out);
}

static u64 hv_fake_spoil_reserved_bit(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX | BIT_ULL(44),
			       args->in, args->out);
}

static u64 hv_fake_spoil_fast(struct hv_fake_test_args *args)
{
	return hv_do_fast_hypercall16(HVCALL_GET_PARTITION_PROPERTY_EX,
				      HV_PARTITION_ID_SELF, TEST_PROPERTY);
}

static u64 hv_fake_spoil_reps(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX |
			       HV_HYPERCALL_REP_COMP_1, args->in, args->out);
}

static u64 hv_fake_spoil_no_input(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX, NULL, args->out);
}

static u64 hv_fake_spoil_input_alignment(struct hv_fake_test_args *args)
{
	args->in = (void *)args->in + 4;
	hv_fake_test_query(args->in);
	return hv_fake_test_call(args);
}

static u64 hv_fake_spoil_input_crossing(struct hv_fake_test_args *args)
{
	args->in = (void *)args->in + HV_HYP_PAGE_SIZE - 8;
	hv_fake_test_query(args->in);
	return hv_fake_test_call(args);
}

/* Far above any RAM. */
static u64 hv_fake_spoil_input_not_ram(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX,
			       phys_to_virt(BIT_ULL(51)), args->out);
}

static u64 hv_fake_spoil_output_not_ram(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX, args->in,
			       phys_to_virt(BIT_ULL(51)));
}

static u64 hv_fake_spoil_output_crossing(struct hv_fake_test_args *args)
{
	args->out = (void *)args->out + HV_HYP_PAGE_SIZE - 8;
	return hv_fake_test_call(args);
}

static u64 hv_fake_spoil_no_output(struct hv_fake_test_args *args)
{
	return hv_do_hypercall(HVCALL_GET_PARTITION_PROPERTY_EX, args->in, NULL);
}

static u64 hv_fake_spoil_output_alignment(struct hv_fake_test_args *args)
{
	args->out = (void *)args->out + 4;
	return hv_fake_test_call(args);
}

static u64 hv_fake_spoil_overlap(struct hv_fake_test_args *args)
{
	args->out = (void *)args->in + HV_HYP_PAGE_SIZE / 2;
	return hv_fake_test_call(args);
}

static u64 hv_fake_spoil_interrupts(struct hv_fake_test_args *args)
{
	u64 result;

	/* Off by preemption only, so that the page is this CPU's. */
	preempt_disable();
	args->in = *this_cpu_ptr(hyperv_pcpu_input_arg);
	hv_fake_test_query(args->in);
	result = hv_fake_test_call(args);
	preempt_enable();

	return result;
}

/* Not at the start of the page: any part of it is the CPU's. */
static u64 hv_fake_spoil_interrupts_output(struct hv_fake_test_args *args)
{
	u64 result;

	preempt_disable();
	args->out = *this_cpu_ptr(hyperv_pcpu_output_arg) + 64;
	result = hv_fake_test_call(args);
	preempt_enable();

	return result;
}

static u64 hv_fake_spoil_cpu(struct hv_fake_test_args *args)
{
	unsigned int cpu;
	u64 result;

	guard(irqsave)();
	for_each_possible_cpu(cpu)
		if (cpu != smp_processor_id())
			break;
	args->in = *per_cpu_ptr(hyperv_pcpu_input_arg, cpu);
	hv_fake_test_query(args->in);
	result = hv_fake_test_call(args);

	return result;
}

static u64 hv_fake_spoil_reserved_field(struct hv_fake_test_args *args)
{
	args->in->padding = 1;
	return hv_fake_test_call(args);
}

static u64 hv_fake_spoil_system_reserved_field(struct hv_fake_test_args *args)
{
	struct hv_input_get_system_property *in = (void *)args->in;

	*in = (struct hv_input_get_system_property) {
		.property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE,
		.as_uint64 = 1,
	};
	return hv_do_hypercall(HVCALL_GET_SYSTEM_PROPERTY, in, args->out);
}

static u64 hv_fake_spoil_privilege(struct hv_fake_test_args *args)
{
	struct hv_input_get_system_property *in = (void *)args->in;

	*in = (struct hv_input_get_system_property) {
		.property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE,
	};
	hv_curr_partition_type = HV_PARTITION_TYPE_L1VH;
	return hv_do_hypercall(HVCALL_GET_SYSTEM_PROPERTY, in, args->out);
}

static const struct hv_fake_spoil_case {
	const char *name;
	u64 (*call)(struct hv_fake_test_args *args);
	enum hv_fake_violation violation;
	u64 result;
} hv_fake_spoil_cases[] = {
	{
		.name = "call code not modelled",
		.call = hv_fake_spoil_code,
		.violation = HV_FAKE_UNKNOWN_CALL,
		.result = HV_STATUS_INVALID_HYPERCALL_CODE,
	},
	{
		.name = "reserved bit in the control word",
		.call = hv_fake_spoil_reserved_bit,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "fast call of a slow hypercall",
		.call = hv_fake_spoil_fast,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "repetitions of a simple hypercall",
		.call = hv_fake_spoil_reps,
		.violation = HV_FAKE_CONTROL,
		.result = HV_STATUS_INVALID_HYPERCALL_INPUT,
	},
	{
		.name = "no input",
		.call = hv_fake_spoil_no_input,
		.violation = HV_FAKE_INPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "input not aligned",
		.call = hv_fake_spoil_input_alignment,
		.violation = HV_FAKE_INPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "input crosses a page",
		.call = hv_fake_spoil_input_crossing,
		.violation = HV_FAKE_INPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "input not in RAM",
		.call = hv_fake_spoil_input_not_ram,
		.violation = HV_FAKE_INPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "no output",
		.call = hv_fake_spoil_no_output,
		.violation = HV_FAKE_OUTPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "output not aligned",
		.call = hv_fake_spoil_output_alignment,
		.violation = HV_FAKE_OUTPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "output crosses a page",
		.call = hv_fake_spoil_output_crossing,
		.violation = HV_FAKE_OUTPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "output not in RAM",
		.call = hv_fake_spoil_output_not_ram,
		.violation = HV_FAKE_OUTPUT,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "output in the page of the input",
		.call = hv_fake_spoil_overlap,
		.violation = HV_FAKE_OVERLAP,
		.result = HV_STATUS_INVALID_ALIGNMENT,
	},
	{
		.name = "argument page with interrupts on",
		.call = hv_fake_spoil_interrupts,
		.violation = HV_FAKE_INTERRUPTIBLE,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "inside an output argument page with interrupts on",
		.call = hv_fake_spoil_interrupts_output,
		.violation = HV_FAKE_INTERRUPTIBLE,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "argument page of another CPU",
		.call = hv_fake_spoil_cpu,
		.violation = HV_FAKE_OTHER_CPU,
		.result = HV_STATUS_SUCCESS,
	},
	{
		.name = "reserved field not zero",
		.call = hv_fake_spoil_reserved_field,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "reserved field of a system property not zero",
		.call = hv_fake_spoil_system_reserved_field,
		.violation = HV_FAKE_RESERVED,
		.result = HV_STATUS_INVALID_PARAMETER,
	},
	{
		.name = "system property asked for by an L1VH",
		.call = hv_fake_spoil_privilege,
		.violation = HV_FAKE_PRIVILEGE,
		.result = HV_STATUS_ACCESS_DENIED,
	},
};

KUNIT_ARRAY_PARAM_DESC(hv_fake_spoil, hv_fake_spoil_cases, name);

/*
 * A legal call is spoiled in one way. Exactly that violation is counted, once,
 * and the caller gets the status a hypervisor would give.
 */
static void hv_fake_reports_violation(struct kunit *test)
{
	const struct hv_fake_spoil_case *c = test->param_value;
	struct hv_fake *fake = test->priv;
	struct hv_fake_test_args args;

	/* The other CPU's page is found on a machine that has one. */
	if (c->violation == HV_FAKE_OTHER_CPU && num_possible_cpus() < 2)
		kunit_skip(test, "needs two CPUs");

	hv_fake_test_args(test, &args);

	KUNIT_EXPECT_EQ(test, c->call(&args), c->result);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_take_violations(fake, c->violation), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_violations(fake), 0);
}

static struct kunit_case hv_fake_test_cases[] = {
	KUNIT_CASE(hv_fake_answers_legal_call),
	KUNIT_CASE(hv_fake_answers_unknown),
	KUNIT_CASE(hv_fake_fails_nth_call),
	KUNIT_CASE(hv_fake_fails_one_property),
	KUNIT_CASE(hv_fake_fails_call_not_modelled),
	KUNIT_CASE(hv_fake_violation_fails_test),
	KUNIT_CASE(hv_fake_answers_any_context),
	KUNIT_CASE(hv_fake_remove_restores),
	KUNIT_CASE_PARAM(hv_fake_reports_violation, hv_fake_spoil_gen_params),
	{}
};

static struct kunit_suite hv_fake_test_suite = {
	.name = "hv_fake",
	.init = hv_fake_test_init,
	.test_cases = hv_fake_test_cases,
};

kunit_test_suite(hv_fake_test_suite);
