// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page in which the parent has registers of a VP, and vectors that it posts.
 */

#include <linux/bits.h>
#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "apic.h"
#include "kvm_regs.h"
#include "page.h"
#include "register.h"
#include "vp.h"

static struct hv_vp_register_page *register_page(const struct child_vp *vp)
{
	if (vp->register_gpfn == ~0ULL)
		return NULL;
	return partition_page(vp->child->parent, vp->register_gpfn);
}

static void absorb_general(struct child_vp *vp, const struct hv_vp_register_page *page,
			   u32 first, u32 last)
{
	union hv_register_value value;
	u32 name;

	for (name = first; name <= last; name++) {
		value.reg64 = page->registers[name - HV_X64_REGISTER_RAX];
		child_register_set(vp, name, &value);
	}
}

static void absorb_segments(struct child_vp *vp, const struct hv_vp_register_page *page)
{
	union hv_register_value value;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(page->segment_registers); i++) {
		value.segment = page->segment_registers[i];
		child_register_set(vp, HV_X64_REGISTER_ES + i, &value);
	}
}

void child_page_absorb(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);
	u32 dirty;

	if (!page)
		return;
	/* The parent's programs can write it at any time: look once. */
	dirty = __atomic_exchange_n(&page->dirty, 0, __ATOMIC_ACQUIRE);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_GENERAL))
		absorb_general(vp, page, HV_X64_REGISTER_RAX, HV_X64_REGISTER_R15);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_IP))
		absorb_general(vp, page, HV_X64_REGISTER_RIP, HV_X64_REGISTER_RIP);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_FLAGS))
		absorb_general(vp, page, HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_RFLAGS);
	if (dirty & BIT(HV_X64_REGISTER_CLASS_XMM))
		child_kvm_set_xmm(vp, page->xmm_registers, sizeof(page->xmm_registers));
	if (dirty & BIT(HV_X64_REGISTER_CLASS_SEGMENT))
		absorb_segments(vp, page);
}

/* 0 where this processor has no such register, or there is no KVM. */
static union hv_register_value read_register(struct child_vp *vp, u32 name)
{
	union hv_register_value value;

	if (child_register_get(vp, name, &value) != HV_STATUS_SUCCESS)
		value = (union hv_register_value) { };
	return value;
}

void child_page_refresh(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);
	u32 i;

	if (!page)
		return;
	for (i = 0; i < ARRAY_SIZE(page->registers); i++)
		page->registers[i] = read_register(vp, HV_X64_REGISTER_RAX + i).reg64;
	for (i = 0; i < ARRAY_SIZE(page->segment_registers); i++)
		page->segment_registers[i] = read_register(vp, HV_X64_REGISTER_ES + i).segment;
	child_kvm_get_xmm(vp, page->xmm_registers, sizeof(page->xmm_registers));

	/* What can be read there, and is set by hypercall only. */
	page->cr0 = read_register(vp, HV_X64_REGISTER_CR0).reg64;
	page->cr3 = read_register(vp, HV_X64_REGISTER_CR3).reg64;
	page->cr4 = read_register(vp, HV_X64_REGISTER_CR4).reg64;
	page->cr8 = read_register(vp, HV_X64_REGISTER_CR8).reg64;
	page->efer = read_register(vp, HV_X64_REGISTER_EFER).reg64;
	page->dr7 = read_register(vp, HV_X64_REGISTER_DR7).reg64;
	page->pending_interruption.as_uint64 =
		read_register(vp, HV_REGISTER_PENDING_INTERRUPTION).reg64;
	page->interrupt_state.as_uint64 = read_register(vp, HV_REGISTER_INTERRUPT_STATE).reg64;
	page->instruction_emulation_hints = 0;
	page->xfem = read_register(vp, HV_X64_REGISTER_XFEM).reg64;

	page->version = HV_VP_REGISTER_PAGE_VERSION_1;
	page->dirty = 0;
	__atomic_store_n(&page->isvalid, 1, __ATOMIC_RELEASE);
}

void child_page_hide(struct child_vp *vp)
{
	struct hv_vp_register_page *page = register_page(vp);

	if (page)
		__atomic_store_n(&page->isvalid, 0, __ATOMIC_RELEASE);
}

void child_page_scan(struct child_vp *vp)
{
	struct hv_vp_register_page *page;
	union hv_vp_register_page_interrupt_vectors posted;
	unsigned int i;

	page = partition_page(vp->child->parent, vp->register_gpfn);
	if (!page)
		return;
	/* Pairs with try_cmpxchg() of mshv_root_push_vector(). */
	posted.as_uint64 = __atomic_exchange_n(&page->interrupt_vectors.as_uint64, 0,
					       __ATOMIC_SEQ_CST);
	if (!posted.as_uint64)
		return;
	log_event(LOG_NO_VP, "posted", "child=0x%llx index=%u vectors=0x%llx",
		  (unsigned long long)vp->child->id, vp->index,
		  (unsigned long long)posted.as_uint64);

	/* No fault of the driver's: a VMM can write anything there. */
	if (posted.vector_count > HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT)
		return;
	for (i = 0; i < posted.vector_count; i++)
		if (posted.vector[i] >= APIC_VECTOR_MIN)
			apic_request(&vp->apic, posted.vector[i], false);
}
