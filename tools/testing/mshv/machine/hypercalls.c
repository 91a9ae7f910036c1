// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of hypercalls, and what the convention asks of each.
 *
 * To add a hypercall, write its handler, in the file of what it concerns, and
 * add its row. The convention (sizes, alignment, privileges, elements) is
 * checked here before a handler runs; a handler checks what its input means.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/deposit.h"
#include "../child/direct.h"
#include "../child/dispatch.h"
#include "../child/irq.h"
#include "../child/life.h"
#include "../child/map.h"
#include "../child/memory.h"
#include "../child/port.h"
#include "../child/property.h"
#include "../child/regs_call.h"
#include "../child/state.h"
#include "../child/track.h"
#include "../child/vp_life.h"
#include "../child/wants.h"
#include "../hv/fault.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/names.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "hypercalls.h"
#include "property.h"
#include "stats.h"

#define NO_SELECTOR	0xffff

/**
 * struct row - one hypercall
 * @code: HVCALL_*
 * @privileges: bits of HYPERV_CPUID_FEATURES.EBX that the partition must have
 * @in: bytes of input, without its elements
 * @out: bytes of output, without its elements
 * @rep_in: bytes of one element of input, if it is a rep call
 * @rep_out: bytes of one element of output, likewise
 * @is_rep: it has elements
 * @has_varhead: it may have a variable header
 * @partition: offset of the id of the partition that it is about
 * @selector: offset of the u32 in the input that says what is asked for
 * @is_there: whether this hypervisor has it; NULL: every one has
 * @handler: does it; returns the status
 */
struct row {
	u16 code;
	u32 privileges;
	u16 in;
	u16 out;
	u16 rep_in;
	u16 rep_out;
	bool is_rep;
	bool has_varhead;
	u16 partition;
	u16 selector;
	bool (*is_there)(const struct options *options);
	u16 (*handler)(struct hypercall *call);
};

static bool has_property_ex(const struct options *options)
{
	return options->property_ex;
}

static bool is_root(const struct options *options)
{
	return options->root;
}

static bool has_cpuid_values(const struct options *options)
{
	return !options->no_cpuid_values;
}

static bool is_among(const u64 *pages, unsigned int count, u64 pfn)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (pages[i] == pfn)
			return true;
	return false;
}

/* Whether the hypervisor has a page already, or uses it, or it is its own. */
static bool is_given_away(const struct partition *partition, u64 pfn)
{
	u64 first = partition->reserved_gpa >> HV_HYP_PAGE_SHIFT;
	unsigned int i;

	if (pfn >= first && pfn < first + partition->reserved_pages)
		return true;
	if (is_among(partition->deposited, partition->nr_deposited, pfn))
		return true;
	for (i = 0; i < partition->nr_children; i++)
		if (is_among(partition->children[i]->deposited,
			     partition->children[i]->nr_deposited, pfn))
			return true;
	for (i = 0; i < partition->stats.count; i++)
		if (partition->stats.pages[i].gpfn == pfn)
			return true;
	return false;
}

/* The statuses are those of the WDK's HvDepositMemory. */
static u16 check_deposit(struct hypercall *call, u64 pfn)
{
	struct partition *partition = call->vp->partition;
	unsigned int i;

	if (!partition_page(partition, pfn)) {
		log_violation(call->vp->index, "page 0x%llx is deposited and is not memory",
			      (unsigned long long)pfn);
		return HV_STATUS_OPERATION_DENIED;
	}
	if (is_given_away(partition, pfn)) {
		log_violation(call->vp->index,
			      "page 0x%llx is deposited and is not the guest's to give",
			      (unsigned long long)pfn);
		return HV_STATUS_OPERATION_DENIED;
	}
	for (i = 0; i < partition->nr_children; i++) {
		if (!child_maps(partition->children[i], pfn))
			continue;
		log_violation(call->vp->index,
			      "page 0x%llx is deposited and is mapped into 0x%llx",
			      (unsigned long long)pfn,
			      (unsigned long long)partition->children[i]->id);
		return HV_STATUS_OPERATION_DENIED;
	}
	return HV_STATUS_SUCCESS;
}

/* Pages that the guest gives away, for itself or for a child. */
static u16 deposit_memory(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_deposit_memory *input = call->in;
	unsigned int *count = &partition->nr_deposited, spare = partition->stats.count;
	u64 **pages = &partition->deposited, *grown;
	struct child *child;
	u16 status;

	if (input->partition_id != partition->id) {
		child = child_find(partition, input->partition_id);
		if (!child)
			return HV_STATUS_INVALID_PARTITION_ID;
		pages = &child->deposited;
		count = &child->nr_deposited;
		spare = child_pages_out(child);
	}

	/* Room for those in use too, so that giving one back cannot fail. */
	grown = realloc(*pages, (*count + spare + call->rep_count) * sizeof(*grown));
	if (!grown)
		return HV_STATUS_NO_RESOURCES;
	*pages = grown;

	for (; call->reps_done < call->rep_count; call->reps_done++) {
		status = check_deposit(call, input->gpa_page_list[call->reps_done]);
		if (status != HV_STATUS_SUCCESS)
			return status;
		grown[(*count)++] = input->gpa_page_list[call->reps_done];
	}
	return HV_STATUS_SUCCESS;
}

/* How a root partition powers off; an L1VH has ACPI for that. */
static u16 enter_sleep_state(struct hypercall *call)
{
	const struct hv_input_enter_sleep_state *input = call->in;

	if (input->sleep_state != HV_SLEEP_STATE_S5)
		return HV_STATUS_INVALID_PARAMETER;
	call->vp->partition->powered_off = true;
	return HV_STATUS_SUCCESS;
}

static const struct row rows[] = {
	{
		.code = HVCALL_GET_PARTITION_PROPERTY,
		.in = sizeof(struct hv_input_get_partition_property),
		.out = sizeof(struct hv_output_get_partition_property),
		.selector = offsetof(struct hv_input_get_partition_property, property_code),
		.handler = property_get,
	}, {
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.in = sizeof(struct hv_input_get_partition_property_ex),
		/* The longest property there is here. */
		.out = sizeof(struct hv_partition_property_vmm_capabilities),
		.selector = offsetof(struct hv_input_get_partition_property_ex, property_code),
		.is_there = has_property_ex,
		.handler = property_get_ex,
	}, {
		.code = HVCALL_GET_SYSTEM_PROPERTY,
		.privileges = HV_CPU_MANAGEMENT,
		.in = sizeof(struct hv_input_get_system_property),
		.out = sizeof(struct hv_output_get_system_property),
		.selector = offsetof(struct hv_input_get_system_property, property_id),
		.is_there = is_root,
		.handler = property_get_system,
	}, {
		.code = HVCALL_SET_SYSTEM_PROPERTY,
		.privileges = HV_CPU_MANAGEMENT,
		.in = sizeof(struct hv_input_set_system_property),
		.selector = offsetof(struct hv_input_set_system_property, property_id),
		.is_there = is_root,
		.handler = property_set_system,
	}, {
		.code = HVCALL_ENTER_SLEEP_STATE,
		.privileges = HV_CPU_MANAGEMENT,
		.in = sizeof(struct hv_input_enter_sleep_state),
		.selector = offsetof(struct hv_input_enter_sleep_state, sleep_state),
		.is_there = is_root,
		.handler = enter_sleep_state,
	}, {
		.code = HVCALL_CREATE_PARTITION,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_create_partition),
		.out = sizeof(struct hv_output_create_partition),
		.selector = NO_SELECTOR,
		.handler = child_create,
	}, {
		.code = HVCALL_INITIALIZE_PARTITION,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_initialize_partition),
		.selector = NO_SELECTOR,
		.handler = child_initialize,
	}, {
		.code = HVCALL_FINALIZE_PARTITION,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_finalize_partition),
		.selector = NO_SELECTOR,
		.handler = child_finalize,
	}, {
		.code = HVCALL_SET_PARTITION_PROPERTY,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_set_partition_property),
		.selector = offsetof(struct hv_input_set_partition_property, property_code),
		.handler = child_property_set,
	}, {
		.code = HVCALL_INSTALL_INTERCEPT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_install_intercept),
		.selector = offsetof(struct hv_input_install_intercept, intercept_type),
		.handler = child_install_intercept,
	}, {
		.code = HVCALL_MAP_GPA_PAGES,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_map_gpa_pages),
		.rep_in = sizeof(u64),
		.is_rep = true,
		.selector = offsetof(struct hv_input_map_gpa_pages, map_flags),
		.handler = child_map_gpa,
	}, {
		.code = HVCALL_UNMAP_GPA_PAGES,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_unmap_gpa_pages),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = child_unmap_gpa,
	}, {
		.code = HVCALL_GET_GPA_PAGES_ACCESS_STATES,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_get_gpa_pages_access_state),
		.rep_out = sizeof(union hv_gpa_page_access_state),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = child_access_states,
	}, {
		.code = HVCALL_CREATE_VP,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_create_vp),
		.selector = NO_SELECTOR,
		.handler = child_vp_create,
	}, {
		.code = HVCALL_DELETE_VP,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(union hv_input_delete_vp),
		.selector = NO_SELECTOR,
		.handler = child_vp_delete,
	}, {
		.code = HVCALL_MAP_VP_STATE_PAGE,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_map_vp_state_page),
		.out = sizeof(struct hv_output_map_vp_state_page),
		.selector = NO_SELECTOR,
		.handler = child_vp_map_page,
	}, {
		.code = HVCALL_UNMAP_VP_STATE_PAGE,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_unmap_vp_state_page),
		.selector = NO_SELECTOR,
		.handler = child_vp_unmap_page,
	}, {
		.code = HVCALL_DISPATCH_VP,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_dispatch_vp),
		.out = sizeof(struct hv_output_dispatch_vp),
		.selector = NO_SELECTOR,
		.handler = child_dispatch,
	}, {
		.code = HVCALL_GET_VP_REGISTERS,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_get_vp_registers),
		.rep_in = sizeof(u32),
		.rep_out = sizeof(union hv_register_value),
		.is_rep = true,
		.selector = offsetof(struct hv_input_get_vp_registers, names),
		.handler = child_regs_get,
	}, {
		.code = HVCALL_SET_VP_REGISTERS,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_set_vp_registers),
		.rep_in = sizeof(struct hv_register_assoc),
		.is_rep = true,
		.selector = offsetof(struct hv_input_set_vp_registers, elements),
		.handler = child_regs_set,
	}, {
		.code = HVCALL_GET_VP_STATE,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_get_vp_state),
		.out = sizeof(union hv_output_get_vp_state),
		.has_varhead = true,
		.selector = offsetof(struct hv_input_get_vp_state, state_data),
		.handler = child_state_get,
	}, {
		.code = HVCALL_SET_VP_STATE,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_set_vp_state),
		.has_varhead = true,
		.selector = offsetof(struct hv_input_set_vp_state, state_data),
		.handler = child_state_set,
	}, {
		.code = HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_translate_virtual_address),
		.out = sizeof(struct hv_output_translate_virtual_address),
		.selector = NO_SELECTOR,
		.handler = child_translate,
	}, {
		.code = HVCALL_REGISTER_INTERCEPT_RESULT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_register_intercept_result),
		.selector = NO_SELECTOR,
		.handler = child_cpuid_register,
	}, {
		.code = HVCALL_GET_VP_CPUID_VALUES,
		.is_there = has_cpuid_values,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_get_vp_cpuid_values),
		.rep_in = sizeof(struct hv_cpuid_leaf_info),
		.rep_out = sizeof(struct hv_cpuid_values),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = child_cpuid_values,
	}, {
		.code = HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_assert_virtual_interrupt),
		.selector = offsetof(struct hv_input_assert_virtual_interrupt, control),
		.handler = child_irq_assert,
	}, {
		.code = HVCALL_CLEAR_VIRTUAL_INTERRUPT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_clear_virtual_interrupt),
		.selector = NO_SELECTOR,
		.handler = child_irq_clear,
	}, {
		.code = HVCALL_GET_VP_INDEX_FROM_APIC_ID,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_get_vp_from_apic_id_in),
		.rep_in = sizeof(u32),
		.rep_out = sizeof(u32),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = child_irq_vp_index,
	}, {
		.code = HVCALL_CREATE_PORT,
		.privileges = HV_CREATE_PORT,
		.in = sizeof(struct hv_input_create_port),
		.selector = NO_SELECTOR,
		.handler = port_create,
	}, {
		.code = HVCALL_DELETE_PORT,
		.privileges = HV_CREATE_PORT,
		.in = sizeof(union hv_input_delete_port),
		.selector = NO_SELECTOR,
		.handler = port_delete,
	}, {
		.code = HVCALL_CONNECT_PORT,
		.privileges = HV_CONNECT_PORT,
		.in = sizeof(struct hv_input_connect_port),
		.selector = NO_SELECTOR,
		.handler = port_connect,
	}, {
		.code = HVCALL_DISCONNECT_PORT,
		.privileges = HV_CONNECT_PORT,
		.in = sizeof(union hv_input_disconnect_port),
		.selector = NO_SELECTOR,
		.handler = port_disconnect,
	}, {
		.code = HVCALL_NOTIFY_PORT_RING_EMPTY,
		.in = sizeof(union hv_input_notify_port_ring_empty),
		.selector = NO_SELECTOR,
		.handler = port_notify_ring_empty,
	}, {
		.code = HVCALL_POST_MESSAGE_DIRECT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_post_message_direct),
		.selector = NO_SELECTOR,
		.handler = direct_post_message,
	}, {
		.code = HVCALL_SIGNAL_EVENT_DIRECT,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_signal_event_direct),
		.out = sizeof(struct hv_output_signal_event_direct),
		.selector = NO_SELECTOR,
		.handler = direct_signal_event,
	}, {
		.code = HVCALL_DELETE_PARTITION,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_delete_partition),
		.selector = NO_SELECTOR,
		.handler = child_delete,
	}, {
		.code = HVCALL_WITHDRAW_MEMORY,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_input_withdraw_memory),
		.rep_out = sizeof(u64),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = child_withdraw_memory,
	}, {
		.code = HVCALL_DEPOSIT_MEMORY,
		.privileges = HV_CREATE_PARTITIONS,
		.in = sizeof(struct hv_deposit_memory),
		.rep_in = sizeof(u64),
		.is_rep = true,
		.selector = NO_SELECTOR,
		.handler = deposit_memory,
	}, {
		.code = HVCALL_MAP_STATS_PAGE,
		.privileges = HV_ACCESS_STATS,
		.in = sizeof(struct hv_input_map_stats_page),
		.out = sizeof(struct hv_output_map_stats_page),
		.partition = offsetof(struct hv_input_map_stats_page, identity),
		.selector = offsetof(struct hv_input_map_stats_page, type),
		.handler = stats_map,
	}, {
		.code = HVCALL_MAP_STATS_PAGE2,
		.privileges = HV_ACCESS_STATS,
		.in = sizeof(struct hv_input_map_stats_page2),
		.partition = offsetof(struct hv_input_map_stats_page2, identity),
		.selector = offsetof(struct hv_input_map_stats_page2, type),
		.handler = stats_map_overlay,
	}, {
		.code = HVCALL_UNMAP_STATS_PAGE,
		.privileges = HV_ACCESS_STATS,
		.in = sizeof(struct hv_input_unmap_stats_page),
		.partition = offsetof(struct hv_input_unmap_stats_page, identity),
		.selector = offsetof(struct hv_input_unmap_stats_page, type),
		.handler = stats_unmap,
	},
};

unsigned int hypercall_count(void)
{
	return ARRAY_SIZE(rows);
}

u16 hypercall_code(unsigned int row)
{
	return rows[row].code;
}

static const struct row *find_row(const struct options *options, u16 code)
{
	const struct row *row;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++)
		if (row->code == code && (!row->is_there || row->is_there(options)))
			return row;
	return NULL;
}

/*
 * Find one side's parameters: NULL in *@where if there are none. Only memory
 * that does not cross a page is taken.
 */
static u16 find_parameters(struct hypercall *call, u64 gpa, size_t size,
			   const char *side, void **where)
{
	*where = NULL;
	if (!size)
		return HV_STATUS_SUCCESS;

	/* How many elements is the VMM's to say, where the driver hands a call on. */
	if (call->rep_count && size > HV_HYP_PAGE_SIZE) {
		log_event(call->vp->index, "wrong-elements", "code=0x%x reps=%u header=%u",
			  call->code, call->rep_count, call->varhead_size);
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	if (gpa % HV_HYPERCALL_ALIGNMENT ||
	    gpa % HV_HYP_PAGE_SIZE + size > HV_HYP_PAGE_SIZE) {
		log_violation(call->vp->index,
			      "%s of call 0x%x at 0x%llx, %zu bytes: not aligned, or over a page's end",
			      side, call->code, (unsigned long long)gpa, size);
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	*where = partition_memory(call->vp->partition, gpa, size);
	if (!*where) {
		log_violation(call->vp->index, "%s of call 0x%x at 0x%llx is not memory",
			      side, call->code, (unsigned long long)gpa);
		return HV_STATUS_INVALID_ALIGNMENT;
	}
	return HV_STATUS_SUCCESS;
}

/* All that the convention asks, before a handler sees the call. */
static u16 check(struct hypercall *call, const struct row *row, u64 input,
		 u64 output, u64 *copy)
{
	struct partition *partition = call->vp->partition;
	size_t in = row->in + call->varhead_size + (size_t)row->rep_in * call->rep_count;
	size_t out = row->out + (size_t)row->rep_out * call->rep_count;
	void *where;
	u16 status;

	if (row->privileges & ~partition_privileges(partition)) {
		log_violation(call->vp->index, "call 0x%x without its privilege",
			      call->code);
		return HV_STATUS_ACCESS_DENIED;
	}
	if (row->is_rep != !!call->rep_count || (call->varhead_size && !row->has_varhead)) {
		/* A VMM may have asked for it: MSHV_ROOT_HVCALL hands it on. */
		log_event(call->vp->index, "wrong-elements", "code=0x%x reps=%u header=%u",
			  call->code, call->rep_count, call->varhead_size);
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}

	if (call->fast) {
		/* Two registers, and nowhere to put an output. */
		if (in > 2 * sizeof(u64) || out) {
			log_violation(call->vp->index, "call 0x%x cannot be fast",
				      call->code);
			return HV_STATUS_INVALID_HYPERCALL_INPUT;
		}
		copy[0] = input;
		copy[1] = output;
		status = HV_STATUS_SUCCESS;
	} else {
		status = find_parameters(call, input, in, "input", &where);
		/* What is checked must not change under the check. */
		if (status == HV_STATUS_SUCCESS && where)
			memcpy(copy, where, in);
		if (status == HV_STATUS_SUCCESS)
			status = find_parameters(call, output, out, "output", &call->out);
	}
	call->in = copy;

	if (status == HV_STATUS_SUCCESS && row->selector != NO_SELECTOR)
		memcpy(&call->selector, call->in + row->selector, sizeof(u32));
	return status;
}

/* The child that a call is about; 0: none, or it is not there. */
static u64 child_of(const struct hypercall *call, const struct row *row)
{
	u64 id = 0;

	if (row->in >= row->partition + sizeof(id))
		memcpy(&id, call->in + row->partition, sizeof(id));
	return child_find(call->vp->partition, id) ? id : 0;
}

u64 hypercall(struct vp *vp, u64 control, u64 input, u64 output)
{
	struct partition *partition = vp->partition;
	const struct row *row;
	struct hypercall call;
	u64 copy[HV_HYP_PAGE_SIZE / sizeof(u64)];
	bool fault = false;
	u32 delay_us = 0;
	u64 about = 0;
	u16 status;

	vp->hypercalls++;
	if (!(partition->hypercall_msr & HV_X64_MSR_HYPERCALL_ENABLE)) {
		log_violation(vp->index, "a call while the page for calls is disabled");
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	}
	status = hypercall_decode(&call, control);
	call.vp = vp;
	row = find_row(partition->options, call.code);
	if (status != HV_STATUS_SUCCESS)
		log_violation(vp->index, "control word 0x%llx",
			      (unsigned long long)control);
	else if (!row)
		status = HV_STATUS_INVALID_HYPERCALL_CODE;
	else
		status = check(&call, row, input, output, copy);
	/* Whom it is about: there is no such child later, if it ends. */
	if (status == HV_STATUS_SUCCESS)
		about = child_of(&call, row);

	if (status == HV_STATUS_SUCCESS)
		fault = fault_apply(&partition->faults, call.code, call.selector,
				    &status, &delay_us);
	if (delay_us) {
		pthread_mutex_unlock(&partition->lock);
		usleep(delay_us);
		pthread_mutex_lock(&partition->lock);
	}
	/*
	 * A fault of status SUCCESS is a success that did nothing; of all its
	 * elements, or the guest would ask again for ever.
	 */
	if (status == HV_STATUS_SUCCESS && !fault)
		status = row->handler(&call);
	else if (fault && status == HV_STATUS_SUCCESS)
		call.reps_done = call.rep_count;

	log_event(vp->index, row ? "hypercall" : "hypercall-unknown",
		  "code=0x%x name=%s child=0x%llx selector=0x%x reps=%u/%u status=0x%x status-name=%s fault=%s delay-us=%u",
		  call.code, name_of(hypercall_names, call.code),
		  (unsigned long long)about, call.selector, call.reps_done, call.rep_count, status,
		  status_name(status), fault ? "yes" : "no", delay_us);
	stats_refresh(partition);
	return status | ((u64)call.reps_done << HV_HYPERCALL_REP_COMP_OFFSET);
}
