// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the parent is told when a VP of its child needs it: the message in the
 * VP's intercept page. Of the instruction nothing has been done then.
 */

#include <string.h>

#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/names.h"
#include "../hv/partition.h"
#include "cpuid.h"
#include "insn.h"
#include "intercept.h"
#include "kvm_regs.h"
#include "memory.h"
#include "page.h"
#include "stats.h"
#include "vp.h"
#include "walk.h"

#define CR0_PE			BIT(0)
#define CR0_AM			BIT(18)
#define EFER_LMA		BIT(10)
#define RFLAGS_DF		BIT(10)
#define PREFIX_SIZE		0x66
#define PREFIX_REPNE		0xf2
#define PREFIX_REP		0xf3

/* Of instructions that have one form each */
#define LENGTH_HLT		1
#define LENGTH_CPUID		2
#define LENGTH_MSR		2
#define LENGTH_HYPERCALL	3	/* see msr.c */

static u16 execution_state(const struct kvm_sync_regs *regs)
{
	const struct kvm_vcpu_events *events = &regs->events;
	union hv_x64_vp_execution_state state = {
		.cpl = regs->sregs.ss.dpl,
		.cr0_pe = !!(regs->sregs.cr0 & CR0_PE),
		.cr0_am = !!(regs->sregs.cr0 & CR0_AM),
		.efer_lma = !!(regs->sregs.efer & EFER_LMA),
		.interruption_pending = events->interrupt.injected ||
			events->exception.injected || events->nmi.injected,
		.interrupt_shadow = !!events->interrupt.shadow,
	};

	return state.as_uint16;
}

/* A message of @type with a payload of @size bytes; its header, to go on with. */
static void *begin(struct child_vp *vp, u32 type, size_t size)
{
	memset(&vp->message, 0, sizeof(vp->message));
	vp->message.header.message_type = type;
	vp->message.header.payload_size = size;
	vp->message.header.sender = vp->child->id;
	return vp->message.u.payload;
}

static void fill_header(struct child_vp *vp, struct hv_x64_intercept_message_header *header,
			const struct kvm_sync_regs *regs, u8 length, u8 access)
{
	header->vp_index = vp->index;
	header->instruction_length = length;
	header->cr8 = vp->apic.tpr >> 4;
	header->intercept_access_type = access;
	header->execution_state.as_uint16 = execution_state(regs);
	header->cs_segment = child_kvm_segment(&regs->sregs.cs);
	header->rip = regs->regs.rip;
	header->rflags = regs->regs.rflags;
}

static u64 masked(u64 value, u8 bytes)
{
	return bytes == 8 ? value : value & ((1ULL << bytes * 8) - 1);
}

/* Write the low @bytes; in 64 bit mode 4 of them clear the rest. */
static void set_low(u64 *reg, u64 value, u8 bytes)
{
	if (bytes == 2)
		*reg = (*reg & ~0xffffULL) | (value & 0xffff);
	else
		*reg = masked(value, bytes);
}

/*
 * KVM comes out after the first element of a string that goes to a port, and has
 * moved on by then. If another follows, RIP stands on the instruction. Else it is
 * behind it, and the bytes before RIP say where it began: the opcode, the prefix
 * for its size if that is not the usual one, the one that repeats it if the count
 * has come to 0. Other prefixes are not looked for.
 */
static void undo_output(struct child_vp *vp, const struct child_io *io)
{
	struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;
	u8 address = sregs->cs.l ? 8 : sregs->cs.db ? 4 : 2;
	bool needs_size = io->size == (!sregs->cs.l && !sregs->cs.db ? 4 : 2);
	s64 step = regs->rflags & RFLAGS_DF ? -io->size : io->size;
	struct child_insn insn;
	bool rep = false;
	u8 byte;

	if (!child_insn_decode(vp, &insn) || !insn.rep || !insn.is_outs ||
	    !masked(regs->rcx, address)) {
		regs->rip--;
		while (child_insn_byte(vp, regs->rip - 1, &byte)) {
			if (byte == PREFIX_SIZE && needs_size)
				needs_size = false;
			else if ((byte == PREFIX_REP || byte == PREFIX_REPNE) && !rep &&
				 !masked(regs->rcx, address))
				rep = true;
			else
				break;
			regs->rip--;
		}
	} else {
		rep = true;
	}
	if (rep)
		set_low((u64 *)&regs->rcx, regs->rcx + 1, address);
	set_low((u64 *)&regs->rsi, regs->rsi - step, address);
}

void child_intercept_io(struct child_vp *vp, const struct child_io *io)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_io_port_intercept_message *message;
	struct child_insn insn;

	if (io->write && !io->moved)
		undo_output(vp, io);
	child_insn_decode(vp, &insn);

	message = begin(vp, HVMSG_X64_IO_PORT_INTERCEPT, sizeof(*message));
	fill_header(vp, &message->header, regs, insn.length,
		    io->write ? HV_INTERCEPT_ACCESS_WRITE : HV_INTERCEPT_ACCESS_READ);
	message->port_number = io->port;
	message->access_size = io->size;
	message->string_op = insn.is_outs || insn.is_ins;
	message->rep_prefix = message->string_op && insn.rep;
	message->instruction_byte_count = insn.fetched;
	memcpy(message->instruction_bytes, insn.bytes, insn.fetched);
	message->rax = regs->regs.rax;
	message->ds_segment = child_kvm_segment(&regs->sregs.ds);
	message->es_segment = child_kvm_segment(&regs->sregs.es);
	message->rcx = regs->regs.rcx;
	message->rsi = regs->regs.rsi;
	message->rdi = regs->regs.rdi;
}

/*
 * A read that is missing may be the fetch of the instruction. That is so if the
 * page is that of RIP, or the one behind it while the instruction is not whole.
 */
static bool is_fetch(struct child_vp *vp, u64 gpa, const struct child_insn *insn, bool whole)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	u64 linear = regs->regs.rip + regs->sregs.cs.base;
	u64 code;

	if (!regs->sregs.cs.l)
		linear = (u32)linear;
	if (!child_walk_linear(vp, linear, &code))
		return false;
	if (code >> HV_HYP_PAGE_SHIFT == gpa >> HV_HYP_PAGE_SHIFT && !insn->fetched)
		return true;
	if (whole || !child_walk_linear(vp, linear + insn->fetched, &code))
		return false;
	return code >> HV_HYP_PAGE_SHIFT == gpa >> HV_HYP_PAGE_SHIFT;
}

void child_intercept_gpa(struct child_vp *vp, u64 gpa, bool write)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_memory_intercept_message *message;
	struct child_page page = child_page(vp->child, gpa >> HV_HYP_PAGE_SHIFT);
	u8 access = write ? HV_INTERCEPT_ACCESS_WRITE : HV_INTERCEPT_ACCESS_READ;
	struct child_insn insn;
	bool whole, exact;
	u64 linear, at;

	/* KVM asks for whole pages: where in it is seen from the instruction. */
	whole = child_insn_decode(vp, &insn);
	if (!write && is_fetch(vp, gpa, &insn, whole)) {
		access = HV_INTERCEPT_ACCESS_EXECUTE;
		linear = regs->regs.rip + regs->sregs.cs.base + insn.fetched;
		exact = child_walk_linear(vp, linear, &at);
	} else {
		exact = child_insn_touches(vp, &insn, gpa, write, &linear, &at);
	}

	message = begin(vp, page.mapped || page.no_access ? HVMSG_GPA_INTERCEPT :
			HVMSG_UNMAPPED_GPA, sizeof(*message));
	fill_header(vp, &message->header, regs, whole ? insn.length : 0, access);
	message->cache_type = HV_CACHE_TYPE_WRITE_BACK;
	message->instruction_byte_count = insn.fetched;
	memcpy(message->instruction_bytes, insn.bytes, insn.fetched);
	message->tpr_priority = vp->apic.tpr >> 4;
	message->guest_physical_address = exact ? at : gpa;
	if (exact) {
		message->guest_virtual_address = linear;
		message->memory_access_info.gva_valid = 1;
		message->memory_access_info.gva_gpa_valid = 1;
	}
}

void child_intercept_msr(struct child_vp *vp, u32 msr, bool write, u64 value)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_msr_intercept_message *message;

	message = begin(vp, HVMSG_X64_MSR_INTERCEPT, sizeof(*message));
	fill_header(vp, &message->header, regs, LENGTH_MSR,
		    write ? HV_INTERCEPT_ACCESS_WRITE : HV_INTERCEPT_ACCESS_READ);
	message->msr_number = msr;
	message->rdx = write ? value >> 32 : regs->regs.rdx;
	message->rax = write ? (u32)value : regs->regs.rax;
}

void child_intercept_cpuid(struct child_vp *vp)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_cpuid_intercept_message *message;
	u32 result[4];

	child_cpuid_look_up(vp, regs->regs.rax, regs->regs.rcx, result);
	message = begin(vp, HVMSG_X64_CPUID_INTERCEPT, sizeof(*message));
	fill_header(vp, &message->header, regs, LENGTH_CPUID, HV_INTERCEPT_ACCESS_EXECUTE);
	message->rax = regs->regs.rax;
	message->rcx = regs->regs.rcx;
	message->rdx = regs->regs.rdx;
	message->rbx = regs->regs.rbx;
	message->default_result_rax = result[0];
	message->default_result_rbx = result[1];
	message->default_result_rcx = result[2];
	message->default_result_rdx = result[3];
}

void child_intercept_halt(struct child_vp *vp)
{
	struct hv_x64_intercept_message_header *header;

	header = begin(vp, HVMSG_X64_HALT, sizeof(*header));
	fill_header(vp, header, child_vp_regs(vp), LENGTH_HLT, HV_INTERCEPT_ACCESS_EXECUTE);
}

void child_intercept_exception(struct child_vp *vp, u8 vector, u64 parameter)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_exception_intercept_message *message;
	struct child_insn insn;
	unsigned int i;

	child_insn_decode(vp, &insn);
	message = begin(vp, HVMSG_X64_EXCEPTION_INTERCEPT, sizeof(*message));
	fill_header(vp, &message->header, regs, insn.length, HV_INTERCEPT_ACCESS_EXECUTE);
	message->exception_vector = vector;
	/* Of those that can be intercepted, INT3 makes the one, the processor the other. */
	message->software_exception = vector == BP_VECTOR;
	message->exception_parameter = parameter;
	message->instruction_byte_count = insn.fetched;
	memcpy(message->instruction_bytes, insn.bytes, insn.fetched);
	message->ds_segment = child_kvm_segment(&regs->sregs.ds);
	message->ss_segment = child_kvm_segment(&regs->sregs.ss);
	for (i = 0; i < ARRAY_SIZE(message->gprs); i++)
		message->gprs[i] = *child_insn_register(vp, i);
}

/* KVM has reset the VP by then: of what it was, only what was kept is told. */
void child_intercept_unrecoverable(struct child_vp *vp)
{
	struct hv_x64_intercept_message_header *header;

	header = begin(vp, HVMSG_UNRECOVERABLE_EXCEPTION, sizeof(*header));
	fill_header(vp, header, child_vp_regs(vp), 0, HV_INTERCEPT_ACCESS_EXECUTE);
}

void child_intercept_eoi(struct child_vp *vp, u8 vector)
{
	struct hv_x64_apic_eoi_message *message;

	message = begin(vp, HVMSG_X64_APIC_EOI, sizeof(*message));
	message->vp_index = vp->index;
	message->interrupt_vector = vector;
}

void child_intercept_hypercall(struct child_vp *vp)
{
	const struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct hv_x64_hypercall_intercept_message *message;

	message = begin(vp, HVMSG_HYPERCALL_INTERCEPT, sizeof(*message));
	fill_header(vp, &message->header, regs, LENGTH_HYPERCALL, HV_INTERCEPT_ACCESS_EXECUTE);
	message->rax = regs->regs.rax;
	message->rbx = regs->regs.rbx;
	message->rcx = regs->regs.rcx;
	message->rdx = regs->regs.rdx;
	message->r8 = regs->regs.r8;
	message->rsi = regs->regs.rsi;
	message->rdi = regs->regs.rdi;
	child_kvm_get_xmm(vp, message->xmm, sizeof(message->xmm));
}

void child_intercept_sints(struct child_vp *vp, u16 sints)
{
	struct hv_x64_sint_deliverable_message *message;

	message = begin(vp, HVMSG_SYNIC_SINT_DELIVERABLE, sizeof(*message));
	fill_header(vp, &message->header, child_vp_regs(vp), 0, HV_INTERCEPT_ACCESS_EXECUTE);
	message->deliverable_sints = sints;
}

void child_intercept_deliverable(struct child_vp *vp, u32 type)
{
	struct hv_x64_interruption_deliverable_message *message;

	message = begin(vp, HVMSG_X64_INTERRUPTION_DELIVERABLE, sizeof(*message));
	fill_header(vp, &message->header, child_vp_regs(vp), 0, HV_INTERCEPT_ACCESS_EXECUTE);
	message->deliverable_type = type;
}

void child_intercept_invalid_register(struct child_vp *vp)
{
	u32 *index = begin(vp, HVMSG_INVALID_VP_REGISTER_VALUE, sizeof(*index));

	*index = vp->index;
}

void child_intercept_publish(struct child_vp *vp)
{
	struct partition *partition = vp->child->parent;
	void *page = partition_page(partition, vp->intercept_gpfn);

	child_page_refresh(vp);
	if (page)
		memcpy(page, &vp->message, sizeof(vp->message));
	vp->intercept_suspend = true;
	vp->intercepted = true;
	switch (vp->message.header.message_type) {
	case HVMSG_X64_IO_PORT_INTERCEPT:
		vp->io_intercepts++;
		break;
	case HVMSG_GPA_INTERCEPT:
	case HVMSG_UNMAPPED_GPA:
		vp->memory_intercepts++;
		break;
	}
	/* Under the hypervisor's scheduler the parent makes no call before it looks. */
	child_stats_refresh(vp);
	log_event(LOG_NO_VP, "intercept", "child=0x%llx index=%u type=0x%x name=%s rip=0x%llx",
		  (unsigned long long)vp->child->id, vp->index,
		  vp->message.header.message_type,
		  name_of(message_names, vp->message.header.message_type),
		  (unsigned long long)child_vp_regs(vp)->regs.rip);
}
