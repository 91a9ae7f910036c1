// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VP that stores to a doorbell.
 */

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "doorbell.h"
#include "insn.h"
#include "port.h"
#include "vp.h"

bool doorbell_store(struct child_vp *vp, u64 gpa)
{
	struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	struct child_insn insn;
	u64 value, linear;

	if (!port_covers(vp->child, gpa >> HV_HYP_PAGE_SHIFT) ||
	    !child_insn_decode(vp, &insn) || !insn.is_store ||
	    !child_insn_touches(vp, &insn, gpa, true, &linear, &gpa))
		return false;
	/* One that begins in the page before is no write at this place. */
	if (linear != insn.operands[0])
		return false;
	/* What it has for the next page would be lost. */
	if (port_crosses_page(linear, insn.size))
		return false;
	value = insn.has_immediate ? insn.immediate :
		*child_insn_register(vp, insn.reg) >> (insn.high_byte ? 8 : 0);
	if (insn.size < 8)
		value &= (1ULL << insn.size * 8) - 1;
	if (!port_write(vp->child, gpa, value, insn.size))
		return false;
	regs->rip += insn.length;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	return true;
}
