// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who dispatches the VPs of child partitions: discover, choose, keep.
 *
 *   mshv_sched_discover()  asks the hypervisor, judges nothing
 *   mshv_sched_choose()    judges what was learned, asks nothing
 *   mshv_sched_init()      calls both, reports, and keeps the result
 *   mshv_sched_resume()    calls both again, as the hypervisor may be another
 *
 * No function does two of the first three steps. This is the one place that
 * knows which scheduler is in force; everyone else calls mshv_sched_ops.
 *
 * See Documentation/virt/hyperv/mshv/internals.rst for the decision table.
 */

#define pr_fmt(fmt) "mshv: " fmt

#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/static_call.h>
#include <asm/mshyperv.h>

#include "mshv_root.h"
#include "mshv_sched.h"

const struct mshv_sched_ops *mshv_sched_ops __ro_after_init;

/* mshv_sched_ops->run, for which each exit of each VP would pay an indirect call. */
DEFINE_STATIC_CALL_NULL(mshv_sched_run, *((struct mshv_sched_ops *)0)->run);

/* Zero, which is no scheduler, until mshv_sched_init() has succeeded. */
static enum hv_scheduler_type mshv_sched_in_force __ro_after_init;

/*
 * The scheduler that a root partition's hypervisor reports. Interrupts are off
 * while this CPU's argument pages are in use: an interrupt handler may make a
 * hypercall of its own.
 */
static u64 mshv_sched_query_type(u32 *type)
{
	struct hv_output_get_system_property *answer;
	struct hv_input_get_system_property *query;
	u64 status;

	guard(irqsave)();
	query = *this_cpu_ptr(hyperv_pcpu_input_arg);
	answer = *this_cpu_ptr(hyperv_pcpu_output_arg);

	*query = (struct hv_input_get_system_property) {
		.property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE,
	};
	/* A success that wrote nothing must not read as an older answer. */
	answer->scheduler_type = 0;

	status = hv_do_hypercall(HVCALL_GET_SYSTEM_PROPERTY, query, answer);
	if (hv_result_success(status))
		*type = answer->scheduler_type;

	return status;
}

/**
 * mshv_sched_discover() - ask the hypervisor all that the choice depends on
 * @facts: filled in, whatever the hypervisor answers
 *
 * Asks for the VMM capabilities; then in an L1VH, if they offer the integrated
 * scheduler, whether it is enabled; or in a root partition for the scheduler
 * type. Each question is asked once. Failures are facts, not errors.
 *
 * Context: Any in which a hypercall is legal. Does not sleep.
 */
void mshv_sched_discover(struct mshv_sched_facts *facts)
{
	const u64 caps = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;
	const u64 integrated =
		HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED;

	*facts = (struct mshv_sched_facts) { .l1vh = hv_l1vh_partition() };

	facts->caps_status =
		hv_query_partition_property_ex(HV_PARTITION_ID_SELF, caps, 0,
					       &facts->caps,
					       sizeof(facts->caps));

	if (!facts->l1vh) {
		facts->type_status = mshv_sched_query_type(&facts->type);
		return;
	}

	/* Without the bit the hypervisor need not know the property. */
	if (!facts->caps.vmm_enable_integrated_scheduler)
		return;

	facts->integrated_status =
		hv_query_partition_property_ex(HV_PARTITION_ID_SELF, integrated,
					       0, &facts->integrated,
					       sizeof(facts->integrated));
}

/*
 * The two ways in which a hypervisor older than the VMM capabilities says so.
 * No other status counts, and no errno can: several statuses share one.
 */
static bool mshv_sched_caps_not_known(u64 status)
{
	return hv_result(status) == HV_STATUS_INVALID_HYPERCALL_CODE ||
	       hv_result(status) == HV_STATUS_UNKNOWN_PROPERTY;
}

static int mshv_sched_choose_root(const struct mshv_sched_facts *facts,
				  struct mshv_sched_choice *choice)
{
	if (!hv_result_success(facts->type_status)) {
		choice->reason = MSHV_SCHED_TYPE_UNREADABLE;
		choice->status = facts->type_status;
		return hv_result_to_errno(facts->type_status);
	}

	if (!hv_scheduler_name(facts->type, false)) {
		choice->reason = MSHV_SCHED_TYPE_UNKNOWN;
		return -EOPNOTSUPP;
	}

	choice->reason = MSHV_SCHED_REPORTED;
	choice->type = facts->type;
	return 0;
}

static int mshv_sched_choose_l1vh(const struct mshv_sched_facts *facts,
				  struct mshv_sched_choice *choice)
{
	if (!hv_result_success(facts->caps_status)) {
		choice->status = facts->caps_status;
		if (mshv_sched_caps_not_known(facts->caps_status)) {
			choice->type = HV_SCHEDULER_TYPE_CORE_SMT;
			choice->reason = MSHV_SCHED_NO_CAPS;
			return 0;
		}
		choice->reason = MSHV_SCHED_CAPS_UNREADABLE;
		return hv_result_to_errno(facts->caps_status);
	}

	if (!facts->caps.vmm_enable_integrated_scheduler) {
		choice->type = HV_SCHEDULER_TYPE_CORE_SMT;
		choice->reason = MSHV_SCHED_NOT_OFFERED;
		return 0;
	}

	if (!hv_result_success(facts->integrated_status)) {
		choice->status = facts->integrated_status;
		choice->reason = MSHV_SCHED_INTEGRATED_UNREADABLE;
		return hv_result_to_errno(facts->integrated_status);
	}

	if (!facts->integrated) {
		choice->type = HV_SCHEDULER_TYPE_CORE_SMT;
		choice->reason = MSHV_SCHED_NOT_ENABLED;
		return 0;
	}

	choice->type = HV_SCHEDULER_TYPE_ROOT;
	choice->reason = MSHV_SCHED_INTEGRATED;
	return 0;
}

/**
 * mshv_sched_choose() - tell which scheduler is in force
 * @facts: what the hypervisor said
 * @choice: filled in, in a refusal too
 *
 * Pure: the same @facts give the same answer, and nothing is asked or logged.
 *
 * Return: 0, or a negative errno if the facts do not tell and the driver must
 * not run: what hv_result_to_errno() makes of the hypervisor's status, or
 * -EOPNOTSUPP for a scheduler that is not known here.
 */
int mshv_sched_choose(const struct mshv_sched_facts *facts,
		      struct mshv_sched_choice *choice)
{
	*choice = (struct mshv_sched_choice) { };

	if (facts->l1vh)
		return mshv_sched_choose_l1vh(facts, choice);

	return mshv_sched_choose_root(facts, choice);
}

/* For words before "scheduler": the name of one that may be none. */
static const char *mshv_sched_name(enum hv_scheduler_type type, bool l1vh)
{
	return hv_scheduler_name(type, l1vh) ?: "no";
}

static const struct mshv_sched_ops *mshv_sched_ops_of(enum hv_scheduler_type type)
{
	return hv_scheduler_is_parents(type) ? &mshv_sched_root_ops :
					       &mshv_sched_hyp_ops;
}

/* Why this scheduler, or in a refusal what could not be learned. */
static const char *mshv_sched_why(enum mshv_sched_reason reason)
{
	switch (reason) {
	case MSHV_SCHED_REPORTED:
		return "reported by hypervisor";
	case MSHV_SCHED_INTEGRATED:
		return "enabled for this partition";
	case MSHV_SCHED_NOT_ENABLED:
		return "integrated scheduler not enabled";
	case MSHV_SCHED_NOT_OFFERED:
		return "integrated scheduler not offered";
	case MSHV_SCHED_NO_CAPS:
		return "no VMM capabilities";
	case MSHV_SCHED_CAPS_UNREADABLE:
		return "VMM capabilities";
	case MSHV_SCHED_INTEGRATED_UNREADABLE:
		return "integrated scheduler state";
	case MSHV_SCHED_TYPE_UNREADABLE:
	case MSHV_SCHED_TYPE_UNKNOWN:
		return "scheduler type";
	}
	return "";
}

/* What the hypervisor said that is the reason of a refusal: words, number. */
static const char *mshv_sched_answer(const struct mshv_sched_choice *choice)
{
	return choice->reason == MSHV_SCHED_TYPE_UNKNOWN ?
		"unknown" : hv_result_to_string(choice->status);
}

static unsigned int mshv_sched_answer_code(const struct mshv_sched_facts *facts,
					   const struct mshv_sched_choice *choice)
{
	return choice->reason == MSHV_SCHED_TYPE_UNKNOWN ?
		facts->type : hv_result(choice->status);
}

/* One line for every choice and for every refusal. */
static void __init mshv_sched_report(const struct mshv_sched_facts *facts,
				     const struct mshv_sched_choice *choice,
				     bool refused)
{
	const char *why = mshv_sched_why(choice->reason);

	if (refused)
		pr_err("not loading, as a guess may hang guests: %s: %s (0x%x)\n",
		       why, mshv_sched_answer(choice),
		       mshv_sched_answer_code(facts, choice));
	else
		pr_info("%s scheduler: the %s dispatches VPs (%s)\n",
			mshv_sched_name(choice->type, facts->l1vh),
			mshv_sched_ops_of(choice->type)->dispatcher, why);

	pr_debug("VMM capabilities %#llx, bank_count %u\n",
		 facts->caps.as_uint64[0], facts->caps.bank_count);

	/* Worth knowing when the bit is ever in doubt. It decides, even so. */
	if (facts->l1vh && facts->caps.vmm_enable_integrated_scheduler &&
	    !facts->caps.bank_count)
		pr_notice("bank_count is 0, the integrated scheduler bit counts\n");
}

/* For the log's words see mshv_sched_report(). */
static void mshv_sched_trace(const struct mshv_sched_facts *facts,
			     const struct mshv_sched_choice *choice, int ret)
{
	if (trace_mshv_sched_decision_enabled())
		trace_mshv_sched_decision(mshv_sched_name(choice->type, facts->l1vh),
					  mshv_sched_why(choice->reason), ret,
					  facts->l1vh, facts->caps_status,
					  facts->caps.as_uint64[0],
					  facts->integrated_status, facts->integrated,
					  facts->type_status, facts->type);
}

/**
 * mshv_sched_use() - have VPs dispatched in one of the two ways
 * @ops: the way; NULL, in the tests, for none
 *
 * Context: Process context, while the kernel boots or the module loads, when no VP
 * can run. Sleeps.
 */
void mshv_sched_use(const struct mshv_sched_ops *ops)
{
	mshv_sched_ops = ops;
	static_call_update(mshv_sched_run, ops ? ops->run : NULL);
}

/**
 * mshv_sched_init() - find out who dispatches VPs, say so, and remember it
 * @caps: where to put the VMM capabilities; all zero if there are none
 *
 * Context: Process context, while the driver loads, before any partition can
 * exist.
 * Return: 0, or the negative errno of mshv_sched_choose(), in which case @caps
 * is untouched and the driver must not come up.
 */
int __init mshv_sched_init(struct hv_partition_property_vmm_capabilities *caps)
{
	struct mshv_sched_choice choice;
	struct mshv_sched_facts facts;
	int ret;

	mshv_sched_discover(&facts);
	ret = mshv_sched_choose(&facts, &choice);
	mshv_sched_trace(&facts, &choice, ret);
	mshv_sched_report(&facts, &choice, ret);
	if (ret)
		return ret;

	mshv_sched_in_force = choice.type;
	mshv_sched_use(mshv_sched_ops_of(choice.type));
	*caps = facts.caps;
	return 0;
}

/**
 * mshv_sched_resume() - ask again who dispatches VPs, after hibernation
 * @caps: where to put the VMM capabilities, which may be others too
 *
 * The machine that a partition wakes up on may have another hypervisor than the
 * one it went to sleep on, or another configuration. The ops never change: if
 * the answer is another one now, or cannot be told, nothing runs any more until
 * the driver is loaded anew.
 *
 * Context: Any in which a hypercall is legal; on resume, one CPU online and
 * interrupts off, before any thread of user space can run a VP.
 */
void mshv_sched_resume(struct hv_partition_property_vmm_capabilities *caps)
{
	struct mshv_sched_choice choice;
	struct mshv_sched_facts facts;
	int err;

	mshv_sched_discover(&facts);
	err = mshv_sched_choose(&facts, &choice);
	mshv_sched_trace(&facts, &choice, err);
	if (!err && choice.type == mshv_sched_in_force) {
		*caps = facts.caps;
		return;
	}

	if (err)
		pr_err("scheduler unknown after resume: %s: %s (0x%x); load the driver anew\n",
		       mshv_sched_why(choice.reason), mshv_sched_answer(&choice),
		       mshv_sched_answer_code(&facts, &choice));
	else
		pr_err("scheduler changed by resume: %s scheduler now, %s before; load the driver anew\n",
		       mshv_sched_name(choice.type, facts.l1vh),
		       mshv_sched_name(mshv_sched_in_force, facts.l1vh));
	mshv_sched_close(-ENODEV);
}

/**
 * mshv_sched_in_force_name() - the scheduler that was in force at load time
 *
 * VPs run under this one or, once mshv_sched_resume() has found another, not at
 * all.
 *
 * Context: Any, after mshv_sched_init() has succeeded.
 * Return: what hv_scheduler_name() says, a constant string.
 */
const char *mshv_sched_in_force_name(void)
{
	return mshv_sched_name(mshv_sched_in_force, hv_l1vh_partition());
}
