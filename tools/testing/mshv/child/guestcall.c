// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls that the guest of a child makes: TLFS, "Hypercall Interface". What they
 * do is few lines each, and here; the parent's are in machine/hypercalls.c.
 *
 * To add one, write its handler and add its row.
 */

#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/names.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "guestcall.h"
#include "kvm_regs.h"
#include "memory.h"
#include "msr.h"
#include "vp.h"
#include "walk.h"
#include "wants.h"

/* What a fast call has: two registers, and six of XMM. */
#define FAST_REGISTERS		(2 * sizeof(u64))
#define FAST_SIZE		(FAST_REGISTERS + 6 * sizeof(struct hv_u128))

#define CR0_PE			BIT(0)

#define BANKS			(CHILD_VPS_MAX / 64)
#define BANK_BITS		64

/**
 * struct guestcall - a call of a guest's
 * @vp: who makes it
 * @hypercall: decoded
 * @in: its input; the variable header follows the row's size, elements follow that
 */
struct guestcall {
	struct child_vp *vp;
	struct hypercall hypercall;
	u64 in[HV_HYP_PAGE_SIZE / sizeof(u64)];
};

/**
 * struct row - one hypercall
 * @code: HVCALL_*
 * @in: bytes of input, without its elements
 * @rep_in: bytes of one element, if it is a rep call
 * @has_varhead: it may have a variable header
 * @granted: whether the guest may make it
 * @handler: does it; returns the status
 */
struct row {
	u16 code;
	u16 in;
	u16 rep_in;
	bool has_varhead;
	bool (*granted)(const union hv_partition_synthetic_processor_features *features);
	u16 (*handler)(struct guestcall *call);
};

static bool may_flush(const union hv_partition_synthetic_processor_features *features)
{
	return features->tb_flush_hypercalls;
}

static bool may_flush_ex(const union hv_partition_synthetic_processor_features *features)
{
	return features->tb_flush_hypercalls && features->extended_processor_masks;
}

static bool may_interrupt(const union hv_partition_synthetic_processor_features *features)
{
	return features->synthetic_cluster_ipi;
}

static bool may_interrupt_ex(const union hv_partition_synthetic_processor_features *features)
{
	return features->synthetic_cluster_ipi && features->extended_processor_masks;
}

static bool may_spin(const union hv_partition_synthetic_processor_features *features)
{
	return features->notify_long_spin_wait;
}

static bool may_signal(const union hv_partition_synthetic_processor_features *features)
{
	return features->signal_events;
}

/* VPs that a call is for: a bit for each. */
struct targets {
	u64 banks[BANKS];
};

static bool is_target(const struct targets *targets, u32 index)
{
	return targets->banks[index / BANK_BITS] & BIT_ULL(index % BANK_BITS);
}

/* A set of the Ex calls; its banks are the variable header. Return: the status. */
static u16 read_set(const struct guestcall *call, const struct hv_vpset *set,
		    struct targets *targets)
{
	unsigned int banks = call->hypercall.varhead_size / sizeof(u64), bank, used = 0;

	*targets = (struct targets) { };
	if (set->format == HV_GENERIC_SET_ALL) {
		memset(targets, 0xff, sizeof(*targets));
		return HV_STATUS_SUCCESS;
	}
	if (set->format != HV_GENERIC_SET_SPARSE_4K)
		return HV_STATUS_INVALID_PARAMETER;
	if ((unsigned int)__builtin_popcountll(set->valid_bank_mask) != banks)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	for (bank = 0; bank < BANK_BITS; bank++) {
		if (!(set->valid_bank_mask & BIT_ULL(bank)))
			continue;
		if (bank < BANKS)
			targets->banks[bank] = set->bank_contents[used];
		used++;
	}
	return HV_STATUS_SUCCESS;
}

/* All of it is forgotten, as KVM tells apart neither address spaces nor addresses. */
static u16 flush(struct guestcall *call, const struct targets *targets)
{
	struct child *child = call->vp->child;
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && is_target(targets, i))
			child->vps[i]->flush_owed = true;
	call->hypercall.reps_done = call->hypercall.rep_count;
	return HV_STATUS_SUCCESS;
}

/*
 * TLFS, HvCallFlushVirtualAddressSpace and HvCallFlushVirtualAddressList: what a flag
 * means for one of the two alone is not taken by the other. Ranges of the extended
 * format are a feature of their own ("Feature and Interface Discovery").
 */
static bool flags_are_right(const struct guestcall *call, u64 flags)
{
	const union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = call->vp->child->synthetic_features,
	};
	u64 known = HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES;

	if (!call->hypercall.rep_count)
		known |= HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY;
	else if (features.enable_extended_gva_ranges_for_flush_virtual_address_list)
		known |= HV_FLUSH_USE_EXTENDED_RANGE_FORMAT;
	return !(flags & ~known);
}

/* With a list, or the whole of an address space. */
static u16 flush_addresses(struct guestcall *call)
{
	const struct hv_tlb_flush *input = (void *)call->in;
	struct targets targets = { .banks[0] = input->processor_mask };

	if (!flags_are_right(call, input->flags))
		return HV_STATUS_INVALID_PARAMETER;
	/* kvm_hv_flush_tlb(): Windows Server 2012 means all by none, and crashes otherwise. */
	if (input->flags & HV_FLUSH_ALL_PROCESSORS || !input->processor_mask)
		memset(&targets, 0xff, sizeof(targets));
	return flush(call, &targets);
}

static u16 flush_addresses_ex(struct guestcall *call)
{
	const struct hv_tlb_flush_ex *input = (void *)call->in;
	struct targets targets;
	u16 status;

	if (!flags_are_right(call, input->flags))
		return HV_STATUS_INVALID_PARAMETER;
	status = read_set(call, &input->hv_vp_set, &targets);
	if (input->flags & HV_FLUSH_ALL_PROCESSORS)
		memset(&targets, 0xff, sizeof(targets));
	return status == HV_STATUS_SUCCESS ? flush(call, &targets) : status;
}

static u16 interrupt(struct guestcall *call, u32 vector, u32 reserved,
		     const struct targets *targets)
{
	struct child *child = call->vp->child;
	u32 i;

	if (vector < APIC_VECTOR_MIN || vector > 0xff || reserved)
		return HV_STATUS_INVALID_PARAMETER;
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && is_target(targets, i))
			apic_request(&child->vps[i]->apic, vector, false);
	return HV_STATUS_SUCCESS;
}

static u16 send_ipi(struct guestcall *call)
{
	const struct hv_send_ipi *input = (void *)call->in;
	const struct targets targets = { .banks[0] = input->cpu_mask };

	return interrupt(call, input->vector, input->reserved, &targets);
}

static u16 send_ipi_ex(struct guestcall *call)
{
	const struct hv_send_ipi_ex *input = (void *)call->in;
	struct targets targets;
	u16 status = read_set(call, &input->vp_set, &targets);

	if (status != HV_STATUS_SUCCESS)
		return status;
	return interrupt(call, input->vector, input->reserved, &targets);
}

/* Whom it waits for may need this CPU: whoever dispatches VPs can give it to him. */
static u16 spin(struct guestcall *call)
{
	call->vp->stop_dispatch = true;
	return HV_STATUS_SUCCESS;
}

/* Ports of children are doorbells: no child has a connection by which it could send. */
static u16 use_connection(struct guestcall *call)
{
	(void)call;
	return HV_STATUS_INVALID_CONNECTION_ID;
}

/* TLFS, HvCallPostMessage and HvCallSignalEvent */
#define POST_MESSAGE_SIZE	(2 * sizeof(u64) + HV_MESSAGE_PAYLOAD_BYTE_COUNT)
#define SIGNAL_EVENT_SIZE	sizeof(u64)
#define LONG_SPIN_SIZE		sizeof(u64)

static const struct row rows[] = {
	{
		.code = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE,
		.in = sizeof(struct hv_tlb_flush),
		.granted = may_flush,
		.handler = flush_addresses,
	}, {
		.code = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST,
		.in = sizeof(struct hv_tlb_flush),
		.rep_in = sizeof(u64),
		.granted = may_flush,
		.handler = flush_addresses,
	}, {
		.code = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX,
		.in = sizeof(struct hv_tlb_flush_ex),
		.has_varhead = true,
		.granted = may_flush_ex,
		.handler = flush_addresses_ex,
	}, {
		.code = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX,
		.in = sizeof(struct hv_tlb_flush_ex),
		.rep_in = sizeof(u64),
		.has_varhead = true,
		.granted = may_flush_ex,
		.handler = flush_addresses_ex,
	}, {
		.code = HVCALL_SEND_IPI,
		.in = sizeof(struct hv_send_ipi),
		.granted = may_interrupt,
		.handler = send_ipi,
	}, {
		.code = HVCALL_SEND_IPI_EX,
		.in = sizeof(struct hv_send_ipi_ex),
		.has_varhead = true,
		.granted = may_interrupt_ex,
		.handler = send_ipi_ex,
	}, {
		.code = HVCALL_NOTIFY_LONG_SPIN_WAIT,
		.in = LONG_SPIN_SIZE,
		.granted = may_spin,
		.handler = spin,
	}, {
		.code = HVCALL_POST_MESSAGE,
		.in = POST_MESSAGE_SIZE,
		.granted = may_signal,
		.handler = use_connection,
	}, {
		.code = HVCALL_SIGNAL_EVENT,
		.in = SIGNAL_EVENT_SIZE,
		.granted = may_signal,
		.handler = use_connection,
	},
};

static const struct row *find_row(u16 code)
{
	const struct row *row;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++)
		if (row->code == code)
			return row;
	return NULL;
}

bool child_guestcall_is_one(struct child_vp *vp)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	u64 linear = regs->regs.rip + regs->sregs.cs.base, gpa;

	if (!regs->sregs.cs.l)
		linear = (u32)linear;
	return child_walk_linear(vp, linear, &gpa) &&
	       child_msr_is_hypercall_page(vp->child, gpa);
}

/* TLFS, "Legal Hypercall Environments": protected mode, with a CPL of 0. */
static bool may_call(struct child_vp *vp)
{
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;

	return sregs->cr0 & CR0_PE && !sregs->ss.dpl;
}

/* Where a call has its control word and its parameters, in either mode. */
static void get_registers(struct child_vp *vp, u64 *control, u64 *input, u64 *output)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);

	if (regs->sregs.cs.l) {
		*control = regs->regs.rcx;
		*input = regs->regs.rdx;
		*output = regs->regs.r8;
		return;
	}
	*control = regs->regs.rdx << 32 | (u32)regs->regs.rax;
	*input = regs->regs.rbx << 32 | (u32)regs->regs.rcx;
	*output = regs->regs.rdi << 32 | (u32)regs->regs.rsi;
}

static void set_result(struct child_vp *vp, u64 result)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);

	if (regs->sregs.cs.l) {
		regs->regs.rax = result;
	} else {
		regs->regs.rax = (u32)result;
		regs->regs.rdx = result >> 32;
	}
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

/* A fast call's input. Return: the status. */
static u16 read_registers(struct guestcall *call, size_t size, u64 input, u64 output)
{
	if (size > FAST_SIZE)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	call->in[0] = input;
	call->in[1] = output;
	if (size > FAST_REGISTERS &&
	    !child_kvm_get_xmm(call->vp, call->in + 2, FAST_SIZE - FAST_REGISTERS))
		return HV_STATUS_INVALID_VP_STATE;
	return HV_STATUS_SUCCESS;
}

/* Likewise one in memory; *@missing: that is not there now. */
static u16 read_memory(struct guestcall *call, size_t size, u64 gpa, bool *missing)
{
	const void *memory;

	if (gpa % HV_HYPERCALL_ALIGNMENT || gpa % HV_HYP_PAGE_SIZE + size > HV_HYP_PAGE_SIZE)
		return HV_STATUS_INVALID_ALIGNMENT;
	/* TLFS, "Common Hypercall Status Codes": there can be no memory, so none is missing. */
	if (gpa >> call->vp->child->parent->physical_bits)
		return HV_STATUS_INVALID_ALIGNMENT;
	memory = child_memory(call->vp->child, gpa, size);
	*missing = !memory;
	if (memory)
		memcpy(call->in, memory, size);
	return HV_STATUS_SUCCESS;
}

/* All that the convention asks. */
static u16 take(struct guestcall *call, const struct row *row, u64 input, u64 output,
		bool *missing)
{
	const union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = call->vp->child->synthetic_features,
	};
	const struct hypercall *hypercall = &call->hypercall;
	size_t size = row->in + hypercall->varhead_size +
		      (size_t)row->rep_in * hypercall->rep_count;

	if (!row->granted(&features))
		return HV_STATUS_ACCESS_DENIED;
	if (!!row->rep_in != !!hypercall->rep_count ||
	    (hypercall->varhead_size && !row->has_varhead))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (hypercall->fast)
		return read_registers(call, size, input, output);
	return read_memory(call, size, input, missing);
}

/* Whether the parent makes what the hypervisor does not. */
static bool is_for_parent(const struct child *child, u16 code, u16 status)
{
	u32 type;

	if (status == HV_STATUS_INVALID_HYPERCALL_CODE)
		type = code == HVCALL_RETARGET_INTERRUPT ?
		       HV_INTERCEPT_TYPE_RETARGET_UNKNOWN_DEVICE : HV_INTERCEPT_TYPE_HYPERCALL;
	else if (status == HV_STATUS_INVALID_CONNECTION_ID)
		type = HV_INTERCEPT_TYPE_UNKNOWN_SYNIC_CONNECTION;
	else
		return false;
	return child_wants(child, type, HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0);
}

static void log_call(const struct guestcall *call, u16 status, const char *by)
{
	const struct hypercall *hypercall = &call->hypercall;

	log_event(LOG_NO_VP, "child-hypercall",
		  "child=0x%llx index=%u code=0x%x name=%s fast=%s reps=%u/%u status=0x%x status-name=%s by=%s",
		  (unsigned long long)call->vp->child->id, call->vp->index, hypercall->code,
		  name_of(hypercall_names, hypercall->code), hypercall->fast ? "yes" : "no",
		  hypercall->reps_done, hypercall->rep_count, status, status_name(status), by);
}

void child_guestcall_settle(struct child_vp *vp)
{
	struct child *child = vp->child;
	struct child_vp *other;
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++) {
		other = child->vps[i];
		if (!other || other == vp || !other->in_kvm || !other->flush_owed)
			continue;
		child_vp_pull(other);
		child_vp_release(other);
	}
}

enum child_guestcall child_guestcall(struct child_vp *vp, u64 *gpa)
{
	struct guestcall call = { .vp = vp };
	u64 control, input, output;
	bool missing = false;
	const struct row *row;
	u16 status;

	if (!may_call(vp))
		return CHILD_GUESTCALL_UNDEFINED;
	get_registers(vp, &control, &input, &output);
	status = hypercall_decode(&call.hypercall, control);
	row = find_row(call.hypercall.code);
	if (status == HV_STATUS_SUCCESS)
		status = row ? take(&call, row, input, output, &missing) :
			       HV_STATUS_INVALID_HYPERCALL_CODE;
	if (missing) {
		*gpa = input;
		return CHILD_GUESTCALL_MISSING;
	}
	if (status == HV_STATUS_SUCCESS)
		status = row->handler(&call);
	if (is_for_parent(vp->child, call.hypercall.code, status)) {
		log_call(&call, status, "parent");
		return CHILD_GUESTCALL_PARENT;
	}
	log_call(&call, status, "hypervisor");
	set_result(vp, status | (u64)call.hypercall.reps_done << HV_HYPERCALL_REP_COMP_OFFSET);
	return CHILD_GUESTCALL_DONE;
}
