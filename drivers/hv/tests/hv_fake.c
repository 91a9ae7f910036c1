// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fake Microsoft Hypervisor for KUnit: see hv_fake.h.
 *
 * A hypercall passes hv_fake_answer(): checks first, in the order of the
 * statuses they lead to, then faults, then the call's handler in
 * hv_fake_ops[], hv_fake_vp_ops[] or hv_fake_port_ops[]. To model another
 * hypercall, add its handler and a row there.
 */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "hv_fake_internal.h"

/* The one in the hypervisor's place, if any. */
static struct hv_fake *hv_fake_installed;

static const char * const hv_fake_violation_names[HV_FAKE_NR_VIOLATIONS] = {
	[HV_FAKE_UNKNOWN_CALL]	= "call code not modelled",
	[HV_FAKE_CONTROL]	= "illegal control word",
	[HV_FAKE_INPUT]		= "illegal input address",
	[HV_FAKE_OUTPUT]	= "illegal output address",
	[HV_FAKE_OVERLAP]	= "input and output share a page",
	[HV_FAKE_INTERRUPTIBLE]	= "argument page used with interrupts on",
	[HV_FAKE_OTHER_CPU]	= "another CPU's argument page used",
	[HV_FAKE_RESERVED]	= "reserved field not zero",
	[HV_FAKE_PRIVILEGE]	= "call without the privilege for it",
	[HV_FAKE_PAGE]		= "page given that is not the caller's",
	[HV_FAKE_MAPPED]	= "mapped, and mapped again",
	[HV_FAKE_NOT_MAPPED]	= "unmapped what is not mapped",
	[HV_FAKE_LEFT_MAPPED]	= "deleted with overlay pages mapped",
	[HV_FAKE_LEFT_DEPOSITED] = "deleted with deposited pages left",
	[HV_FAKE_DISPATCH_FLAGS] = "dispatch with an unknown flag",
	[HV_FAKE_DISPATCH_TIME_SLICE] = "dispatch with a time slice",
	[HV_FAKE_DISPATCH_SPEC_CTRL] = "dispatch with a SPEC_CTRL value",
	[HV_FAKE_DISPATCH_PREEMPTIBLE] = "dispatch with preemption on",
	[HV_FAKE_DISPATCH_TWICE] = "dispatch of a VP that is being dispatched",
	[HV_FAKE_DISPATCH_DISABLED] = "dispatch after it was disabled",
	[HV_FAKE_DISPATCH_INTERCEPTED] = "dispatch while intercept-suspended",
	[HV_FAKE_DISPATCH_SUSPENDED] = "dispatch while explicitly suspended",
	[HV_FAKE_DISPATCH_BLOCKED] = "dispatch while blocked",
	[HV_FAKE_MESSAGE]	= "message not acknowledged",
};

/*
 * HVCALL_GET_PARTITION_PROPERTY_EX
 */

static u32 hv_fake_property_ex_code(const void *input)
{
	const struct hv_input_get_partition_property_ex *in = input;

	return in->property_code;
}

static bool hv_fake_property_ex_reserved_clear(const void *input)
{
	const struct hv_input_get_partition_property_ex *in = input;

	return !in->padding;
}

static u64 hv_fake_get_property_ex(struct hv_fake *fake,
				   const struct hv_fake_request *rq)
{
	const struct hv_input_get_partition_property_ex *in = rq->input;
	unsigned int i;

	if (in->partition_id != HV_PARTITION_ID_SELF)
		return HV_STATUS_INVALID_PARTITION_ID;

	for (i = 0; i < fake->nr_properties; i++) {
		const struct hv_fake_property *p = &fake->properties[i];

		if (p->code == in->property_code) {
			memcpy(rq->output, p->value, p->size);
			return HV_STATUS_SUCCESS;
		}
	}

	return HV_STATUS_UNKNOWN_PROPERTY;
}

/*
 * HVCALL_GET_SYSTEM_PROPERTY
 */

static u32 hv_fake_system_property_id(const void *input)
{
	const struct hv_input_get_system_property *in = input;

	return in->property_id;
}

static bool hv_fake_system_property_reserved_clear(const void *input)
{
	const struct hv_input_get_system_property *in = input;

	return !in->reserved && !in->as_uint64;
}

static u64 hv_fake_get_system_property(struct hv_fake *fake,
				       const struct hv_fake_request *rq)
{
	const struct hv_input_get_system_property *in = rq->input;
	struct hv_output_get_system_property *out = rq->output;

	if (in->property_id != HV_SYSTEM_PROPERTY_SCHEDULER_TYPE)
		return HV_STATUS_UNKNOWN_PROPERTY;

	if (fake->scheduler_type_set)
		out->scheduler_type = fake->scheduler_type;
	return HV_STATUS_SUCCESS;
}

static const struct hv_fake_op hv_fake_ops[] = {
	{
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.target = HV_FAKE_PARTITION,
		.input_size = sizeof(struct hv_input_get_partition_property_ex),
		.output_size = HV_FAKE_PROPERTY_BYTES,
		.property = hv_fake_property_ex_code,
		.reserved_clear = hv_fake_property_ex_reserved_clear,
		.answer = hv_fake_get_property_ex,
	},
	{
		.code = HVCALL_GET_SYSTEM_PROPERTY,
		.input_size = sizeof(struct hv_input_get_system_property),
		.output_size = sizeof(struct hv_output_get_system_property),
		.root_only = true,
		.property = hv_fake_system_property_id,
		.reserved_clear = hv_fake_system_property_reserved_clear,
		.answer = hv_fake_get_system_property,
	},
	{}
};

static u16 hv_fake_code(u64 control)
{
	return control & 0xffff;
}

static u32 hv_fake_property_of(const struct hv_fake_op *op, const void *input)
{
	return op && op->property ? op->property(input) : 0;
}

static const struct hv_fake_op *hv_fake_find_op(u16 code)
{
	const struct hv_fake_op *op;

	for (op = hv_fake_ops; op->answer; op++)
		if (op->code == code)
			return op;
	for (op = hv_fake_vp_ops; op->answer; op++)
		if (op->code == code)
			return op;
	for (op = hv_fake_port_ops; op->answer; op++)
		if (op->code == code)
			return op;

	return NULL;
}

/* Whether a call is about the partition or VP that a fault is for. */
static bool hv_fake_fault_matches(const struct hv_fake_fault *fault,
				  const struct hv_fake_request *rq)
{
	const struct hv_input_unmap_stats_page *stats = rq->input;
	const struct hv_create_vp *any = rq->input;
	u64 partition;
	u32 vp;

	if (fault->property &&
	    fault->property != hv_fake_property_of(rq->op, rq->input))
		return false;
	if (!fault->partition && !fault->one_vp)
		return true;
	if (!rq->op)
		return false;

	switch (rq->op->target) {
	case HV_FAKE_PARTITION:
		if (fault->one_vp)
			return false;
		return any->partition_id == fault->partition;
	case HV_FAKE_PARTITION_AND_VP:
		partition = any->partition_id;
		vp = any->vp_index;
		break;
	case HV_FAKE_STATS_OBJECT:
		if (fault->one_vp && stats->type != HV_STATS_OBJECT_VP)
			return false;
		partition = stats->identity.vp.partition_id;
		vp = stats->identity.vp.vp_index;
		break;
	default:
		return false;
	}

	return (!fault->partition || partition == fault->partition) &&
		(!fault->one_vp || vp == fault->vp);
}

/*
 * Checks. Each counts the violation and returns the hypervisor's answer to it.
 */

/**
 * hv_fake_violated() - count a violation
 * @fake: the fake, its lock held
 * @what: what was violated
 * @status: the hypervisor's answer to that
 *
 * Return: @status.
 */
u64 hv_fake_violated(struct hv_fake *fake, enum hv_fake_violation what,
		     u64 status)
{
	fake->violations[what]++;
	return status;
}

/* Kernel address of a legal argument of @size bytes, NULL for any other. */
static void *hv_fake_argument(u64 gpa, size_t size)
{
	if (!gpa || !pfn_valid(PHYS_PFN(gpa)) || !IS_ALIGNED(gpa, 8) ||
	    offset_in_page(gpa) + size > HV_HYP_PAGE_SIZE)
		return NULL;

	return phys_to_virt(gpa);
}

/*
 * The per-CPU argument pages are this CPU's only while interrupts are off. A
 * hypervisor cannot see that, but callers who forget it break each other.
 */
static void hv_fake_check_page(struct hv_fake *fake, void * __percpu *args,
			       u64 gpa, bool irqs_on)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (virt_to_phys(*per_cpu_ptr(args, cpu)) >> HV_HYP_PAGE_SHIFT !=
		    gpa >> HV_HYP_PAGE_SHIFT)
			continue;
		if (irqs_on)
			fake->violations[HV_FAKE_INTERRUPTIBLE]++;
		else if (cpu != smp_processor_id())
			fake->violations[HV_FAKE_OTHER_CPU]++;
	}
}

/* The failure that a test wants, NULL if it wants none. */
static const struct hv_fake_fault *
hv_fake_fault_due(struct hv_fake *fake, const struct hv_fake_request *rq)
{
	const struct hv_fake_fault *due = NULL;
	unsigned int i;

	for (i = 0; i < fake->nr_faults; i++) {
		struct hv_fake_armed_fault *armed = &fake->faults[i];
		const struct hv_fake_fault *fault = &armed->fault;

		if (fault->code != hv_fake_code(rq->control))
			continue;
		if (!hv_fake_fault_matches(fault, rq))
			continue;
		armed->seen++;
		if (due || (fault->nth && fault->nth != armed->seen))
			continue;
		due = fault;
	}

	return due;
}

/* Whether a control word has what the call has, and nothing else. */
static bool hv_fake_control_legal(struct hv_fake_request *rq)
{
	u64 reps = FIELD_GET(HV_HYPERCALL_REP_COMP_MASK, rq->control);
	u64 start = FIELD_GET(HV_HYPERCALL_REP_START_MASK, rq->control);
	u64 legal = rq->op->code;

	if (rq->op->fast)
		legal |= HV_HYPERCALL_FAST_BIT;
	if (!rq->op->rep)
		return rq->control == legal;

	rq->start = start;
	rq->end = reps;
	legal |= FIELD_PREP(HV_HYPERCALL_REP_COMP_MASK, reps) |
		 FIELD_PREP(HV_HYPERCALL_REP_START_MASK, start);
	return rq->control == legal && start < reps;
}

/* The bytes of an argument, header and elements. */
static size_t hv_fake_input_size(const struct hv_fake_request *rq)
{
	return rq->op->input_size + rq->end * rq->op->rep_input;
}

static size_t hv_fake_output_size(const struct hv_fake_request *rq)
{
	return rq->op->output_size + rq->end * rq->op->rep_output;
}

/* The arguments of a call that is not fast. */
static u64 hv_fake_check_arguments(struct hv_fake *fake,
				   struct hv_fake_request *rq,
				   struct hv_fake_call *call)
{
	const size_t input_size = hv_fake_input_size(rq);
	const size_t output_size = hv_fake_output_size(rq);
	const u64 input_gpa = call->input_gpa, output_gpa = call->output_gpa;
	bool overlap;

	rq->input = hv_fake_argument(input_gpa, input_size);
	if (!rq->input)
		return hv_fake_violated(fake, HV_FAKE_INPUT,
					HV_STATUS_INVALID_ALIGNMENT);
	memcpy(call->input, rq->input, min(input_size, sizeof(call->input)));
	hv_fake_check_page(fake, hyperv_pcpu_input_arg, input_gpa,
			   call->irqs_on);
	if (!output_size)
		return HV_STATUS_SUCCESS;

	rq->output = hv_fake_argument(output_gpa, output_size);
	if (!rq->output)
		return hv_fake_violated(fake, HV_FAKE_OUTPUT,
					HV_STATUS_INVALID_ALIGNMENT);

	if (rq->op->one_page)
		overlap = input_gpa + input_size > output_gpa &&
			  output_gpa + output_size > input_gpa;
	else
		overlap = PHYS_PFN(input_gpa) == PHYS_PFN(output_gpa);
	if (overlap)
		return hv_fake_violated(fake, HV_FAKE_OVERLAP,
					HV_STATUS_INVALID_ALIGNMENT);

	hv_fake_check_page(fake, hyperv_pcpu_output_arg, output_gpa,
			   call->irqs_on);
	return HV_STATUS_SUCCESS;
}

/*
 * Whether a call is to be carried out; if not, @result is what it returns. Of a
 * repetition call that fails half way, @rq is cut short and @result is its
 * status.
 */
static bool hv_fake_check(struct hv_fake *fake, struct hv_fake_request *rq,
			  struct hv_fake_call *call, u64 *result)
{
	const struct hv_fake_op *op = rq->op;
	const struct hv_fake_fault *fault;

	if (!op) {
		/* A test may well ask for the failure of such a call. */
		fault = hv_fake_fault_due(fake, rq);
		*result = fault ? fault->result :
			hv_fake_violated(fake, HV_FAKE_UNKNOWN_CALL,
					 HV_STATUS_INVALID_HYPERCALL_CODE);
		return false;
	}

	if (!hv_fake_control_legal(rq)) {
		*result = hv_fake_violated(fake, HV_FAKE_CONTROL,
					   HV_STATUS_INVALID_HYPERCALL_INPUT);
		return false;
	}

	if (op->fast) {
		rq->input = rq->fast;
		memcpy(call->input, rq->fast, op->input_size);
	} else {
		*result = hv_fake_check_arguments(fake, rq, call);
		if (*result)
			return false;
	}

	if (op->root_only && !hv_root_partition()) {
		*result = hv_fake_violated(fake, HV_FAKE_PRIVILEGE,
					   HV_STATUS_ACCESS_DENIED);
		return false;
	}

	if (op->reserved_clear && !op->reserved_clear(rq->input)) {
		*result = hv_fake_violated(fake, HV_FAKE_RESERVED,
					   HV_STATUS_INVALID_PARAMETER);
		return false;
	}

	*result = HV_STATUS_SUCCESS;
	fault = hv_fake_fault_due(fake, rq);
	if (!fault)
		return true;

	*result = fault->result;
	if (!op->rep || rq->start + fault->reps >= rq->end)
		return false;
	rq->end = rq->start + fault->reps;
	*result = hv_fake_reps(*result, rq->end);
	return fault->reps;
}

/* Where every hypercall lands while a fake is installed. */
static u64 hv_fake_hypercall(u64 control, u64 input_gpa, u64 output_gpa)
{
	const u16 code = hv_fake_code(control);
	struct hv_fake *fake = hv_fake_installed;
	struct hv_fake_request rq = {
		.op = hv_fake_find_op(code),
		.control = control,
		.fast = { input_gpa, output_gpa },
		.preemptible = preemptible(),
	};
	bool irqs_on = !irqs_disabled();
	struct hv_fake_call *call;
	bool carry_out, unlocked;
	unsigned long flags;
	unsigned int n;
	u64 result;

	raw_spin_lock_irqsave(&fake->lock, flags);

	/* Of more than can be kept, the oldest are overwritten. */
	n = fake->nr_calls++;
	fake->code_calls[min(code, HV_FAKE_NR_CODES - 1)]++;
	call = &fake->calls[n % HV_FAKE_MAX_CALLS];
	*call = (struct hv_fake_call) {
		.control = control,
		.input_gpa = input_gpa,
		.output_gpa = output_gpa,
		.irqs_on = irqs_on,
	};

	carry_out = hv_fake_check(fake, &rq, call, &result);
	unlocked = carry_out && rq.op->unlocked;
	if (unlocked)
		raw_spin_unlock_irqrestore(&fake->lock, flags);
	if (carry_out) {
		u64 answer = rq.op->answer(fake, &rq);

		/* A failure that the test wants comes after what succeeds. */
		if (!result || !hv_result_success(answer))
			result = answer;
	}
	if (unlocked) {
		raw_spin_lock_irqsave(&fake->lock, flags);
		/* Many calls may have been made from within this one. */
		if (fake->nr_calls - n > HV_FAKE_MAX_CALLS)
			call = NULL;
	}
	if (call)
		call->result = result;

	raw_spin_unlock_irqrestore(&fake->lock, flags);
	return result;
}

/*
 * Getting between the kernel and the hypervisor, and out again.
 *
 * x86-64 makes every hypercall through one static call, which can be updated:
 * nothing in the kernel knows of it, and it holds for every thread and context.
 *
 * arm64 makes them in functions of its own, which have a KUnit redirection. It
 * holds for the test's own thread only. Its access to SynIC registers, a
 * hypercall too there, does not come this way.
 */
#ifdef CONFIG_X86_64
static void hv_fake_restore_call(void *data)
{
	struct hv_fake *fake = data;

	static_call_update(hv_hypercall, fake->saved_hypercall);
}

static void hv_fake_attach(struct hv_fake *fake)
{
	fake->saved_hypercall = static_call_query(hv_hypercall);
	static_call_update(hv_hypercall, hv_fake_hypercall);
	KUNIT_ASSERT_EQ(fake->test, 0,
			kunit_add_action_or_reset(fake->test,
						  hv_fake_restore_call, fake));
}

static void hv_fake_detach(struct hv_fake *fake)
{
	kunit_release_action(fake->test, hv_fake_restore_call, fake);
}
#else
static u64 hv_fake_slow(u64 control, void *input, void *output)
{
	return hv_fake_hypercall(control, input ? virt_to_phys(input) : 0,
				 output ? virt_to_phys(output) : 0);
}

static u64 hv_fake_fast8(u16 code, u64 input)
{
	return hv_fake_hypercall(code | HV_HYPERCALL_FAST_BIT, input, 0);
}

static u64 hv_fake_fast16(u16 code, u64 input1, u64 input2)
{
	return hv_fake_hypercall(code | HV_HYPERCALL_FAST_BIT, input1, input2);
}

/* KUnit itself deactivates them when the test ends. */
static void hv_fake_attach(struct hv_fake *fake)
{
	kunit_activate_static_stub(fake->test, hv_do_hypercall, hv_fake_slow);
	kunit_activate_static_stub(fake->test, hv_do_fast_hypercall8, hv_fake_fast8);
	kunit_activate_static_stub(fake->test, hv_do_fast_hypercall16, hv_fake_fast16);
}

static void hv_fake_detach(struct hv_fake *fake)
{
	kunit_deactivate_static_stub(fake->test, hv_do_hypercall);
	kunit_deactivate_static_stub(fake->test, hv_do_fast_hypercall8);
	kunit_deactivate_static_stub(fake->test, hv_do_fast_hypercall16);
}
#endif

static void hv_fake_free_pages(void * __percpu *pages)
{
	unsigned int cpu;

	if (!pages)
		return;

	for_each_possible_cpu(cpu)
		free_page((unsigned long)*per_cpu_ptr(pages, cpu));
	free_percpu(pages);
}

static void hv_fake_free_args(void)
{
	hv_fake_free_pages(hyperv_pcpu_input_arg);
	hv_fake_free_pages(hyperv_pcpu_output_arg);
	hyperv_pcpu_input_arg = NULL;
	hyperv_pcpu_output_arg = NULL;
}

/* One argument page for every CPU, as hv_common_cpu_init() provides them. */
static void * __percpu *hv_fake_alloc_pages(void)
{
	void * __percpu *pages = alloc_percpu(void *);
	unsigned int cpu;
	void *page;

	if (!pages)
		return NULL;

	for_each_possible_cpu(cpu) {
		page = (void *)__get_free_page(GFP_KERNEL);
		*per_cpu_ptr(pages, cpu) = page;
		if (!page) {
			hv_fake_free_pages(pages);
			return NULL;
		}
		memset(page, HV_FAKE_POISON, HV_HYP_PAGE_SIZE);
	}

	return pages;
}

/* What a fake's test ends with: everything as it was, and a verdict. */
static void hv_fake_put_back(void *data)
{
	struct hv_fake *fake = data;
	unsigned int i;

	hv_curr_partition_type = fake->saved_type;
	hv_fake_synic_remove(fake);
	hv_fake_vp_remove(fake);
	hv_fake_free_args();
	hv_fake_installed = NULL;

	for (i = 0; i < HV_FAKE_NR_VIOLATIONS; i++)
		KUNIT_EXPECT_EQ_MSG(fake->test, fake->violations[i], 0, "%s",
				    hv_fake_violation_names[i]);
	vfree(fake->calls);
}

/**
 * hv_fake_install() - take the hypervisor's place
 * @test: the test that talks to the fake; skipped on a real Hyper-V
 * @type: the kind of partition that the test runs in
 *
 * The fake starts with no partition property set, and reports success without
 * writing anything for the scheduler type. It goes away with the test: then
 * all is put back as it was, and every kind of violation that the test did not
 * take fails it.
 *
 * Context: A suite's init() or a test. Sleeps. One fake at a time.
 * Return: the fake, owned by @test. Does not return on failure: the test fails.
 */
struct hv_fake *hv_fake_install(struct kunit *test,
				enum hv_partition_type type)
{
	struct hv_fake *fake;

	if (hv_is_hyperv_initialized())
		kunit_skip(test, "runs on a real Hyper-V, whose hypercalls must not be taken");

	KUNIT_ASSERT_NULL(test, hv_fake_installed);
	KUNIT_ASSERT_TRUE(test, !hyperv_pcpu_input_arg && !hyperv_pcpu_output_arg);
	KUNIT_ASSERT_TRUE(test, !synic_pages);

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);

	fake->test = test;
	raw_spin_lock_init(&fake->lock);
	fake->saved_type = hv_curr_partition_type;

	KUNIT_ASSERT_EQ(test, 0, hv_fake_vp_install(fake));

	fake->calls = vcalloc(HV_FAKE_MAX_CALLS, sizeof(*fake->calls));
	hyperv_pcpu_input_arg = hv_fake_alloc_pages();
	hyperv_pcpu_output_arg = hv_fake_alloc_pages();
	if (!fake->calls || !hyperv_pcpu_input_arg || !hyperv_pcpu_output_arg ||
	    hv_fake_synic_install(fake)) {
		hv_fake_synic_remove(fake);
		hv_fake_free_args();
		vfree(fake->calls);
		KUNIT_FAIL_AND_ABORT(test, "no memory for the fake hypervisor");
	}

	hv_curr_partition_type = type;
	hv_fake_installed = fake;
	/* First in, last out: hypercalls are taken back before the pages go. */
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, hv_fake_put_back, fake));
	hv_fake_attach(fake);

	return fake;
}

/**
 * hv_fake_remove() - put back what was there before the test ends
 * @fake: the fake; not to be used after this
 *
 * Context: A test. Sleeps. No hypercall may be under way.
 */
void hv_fake_remove(struct hv_fake *fake)
{
	hv_fake_detach(fake);
	kunit_release_action(fake->test, hv_fake_put_back, fake);
}

/**
 * hv_fake_become() - change the kind of partition the test runs in
 * @fake: the fake
 * @type: the kind
 */
void hv_fake_become(struct hv_fake *fake, enum hv_partition_type type)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	hv_curr_partition_type = type;
}

/**
 * hv_fake_set_property() - give the partition an extended property
 * @fake: the fake
 * @property: an &enum hv_partition_property_code
 * @value: its value, copied
 * @size: bytes of it that the hypervisor writes; 0 for a hypervisor that
 *	reports success and writes nothing
 *
 * A property that was never set is not known: HV_STATUS_UNKNOWN_PROPERTY. One
 * that was set is set anew.
 */
void hv_fake_set_property(struct hv_fake *fake, u32 property,
			  const void *value, size_t size)
{
	struct hv_fake_property *p;

	KUNIT_ASSERT_LE(fake->test, size, HV_FAKE_PROPERTY_BYTES);
	KUNIT_ASSERT_LT(fake->test, fake->nr_properties, HV_FAKE_MAX_PROPERTIES);

	guard(raw_spinlock_irqsave)(&fake->lock);
	for (p = fake->properties; p < &fake->properties[fake->nr_properties]; p++)
		if (p->code == property)
			break;
	if (p == &fake->properties[fake->nr_properties])
		fake->nr_properties++;
	p->code = property;
	p->size = size;
	if (size)
		memcpy(p->value, value, size);
}

/**
 * hv_fake_set_scheduler_type() - set what a root partition's hypervisor reports
 * @fake: the fake
 * @type: an &enum hv_scheduler_type, or a number that is none
 */
void hv_fake_set_scheduler_type(struct hv_fake *fake, u32 type)
{
	guard(raw_spinlock_irqsave)(&fake->lock);
	fake->scheduler_type = type;
	fake->scheduler_type_set = true;
}

/**
 * hv_fake_fail() - make a hypercall fail
 * @fake: the fake
 * @fault: which, when and how; copied. Where several are due, the first wins.
 */
void hv_fake_fail(struct hv_fake *fake, const struct hv_fake_fault *fault)
{
	KUNIT_ASSERT_LT(fake->test, fake->nr_faults, HV_FAKE_MAX_FAULTS);

	guard(raw_spinlock_irqsave)(&fake->lock);
	fake->faults[fake->nr_faults++].fault = *fault;
}

/**
 * hv_fake_count() - how often a hypercall was made
 * @fake: the fake
 * @code: the call code
 * @property: if not 0, only calls that name this property
 *
 * Return: the number of calls, legal or not. For one property, fails the test
 * if there were more than the fake can keep.
 */
unsigned int hv_fake_count(const struct hv_fake *fake, u16 code, u32 property)
{
	const struct hv_fake_op *op = hv_fake_find_op(code);
	unsigned int i, n = 0;

	if (!property && code < HV_FAKE_NR_CODES - 1)
		return fake->code_calls[code];

	KUNIT_ASSERT_LE(fake->test, fake->nr_calls, HV_FAKE_MAX_CALLS);

	for (i = 0; i < fake->nr_calls; i++) {
		const struct hv_fake_call *call = &fake->calls[i];

		if (hv_fake_code(call->control) != code)
			continue;
		if (property && hv_fake_property_of(op, call->input) != property)
			continue;
		n++;
	}

	return n;
}

/**
 * hv_fake_call() - one call of those that were made
 * @fake: the fake
 * @n: which, from 0 in the order of arrival
 *
 * Return: the call, valid until HV_FAKE_MAX_CALLS more have been made. Fails
 * the test if it is not kept, or was never made.
 */
const struct hv_fake_call *hv_fake_call(const struct hv_fake *fake,
					unsigned int n)
{
	KUNIT_ASSERT_LT(fake->test, n, fake->nr_calls);
	KUNIT_ASSERT_LE(fake->test, fake->nr_calls - n, HV_FAKE_MAX_CALLS);
	return &fake->calls[n % HV_FAKE_MAX_CALLS];
}

/**
 * hv_fake_take_violations() - see that the caller did wrong, as the test meant
 * @fake: the fake
 * @violation: what it did wrong
 *
 * Return: how often it did. From now on the fake counts anew, so that these
 * do not fail the test.
 */
unsigned int hv_fake_take_violations(struct hv_fake *fake,
				     enum hv_fake_violation violation)
{
	unsigned int n;

	guard(raw_spinlock_irqsave)(&fake->lock);
	n = fake->violations[violation];
	fake->violations[violation] = 0;
	return n;
}

/**
 * hv_fake_violations() - how many violations of any kind were not taken
 * @fake: the fake
 *
 * Return: what would fail the test if it ended now.
 */
unsigned int hv_fake_violations(const struct hv_fake *fake)
{
	unsigned int i, n = 0;

	for (i = 0; i < HV_FAKE_NR_VIOLATIONS; i++)
		n += fake->violations[i];

	return n;
}
