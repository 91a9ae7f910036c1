// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a VP as they are at first, after INIT, and after a start-up IPI.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/bits.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "cpuid.h"
#include "regs.h"
#include "vp.h"

#define CR0_ET			BIT_ULL(4)
#define CR0_NW			BIT_ULL(29)
#define CR0_CD			BIT_ULL(30)
#define RFLAGS_FIXED		BIT_ULL(1)
#define DR6_RESET		0xffff0ff0ULL
#define DR7_RESET		0x400ULL
#define RIP_RESET		0xfff0
#define LEAF_SIGNATURE		0x1
#define APIC_BASE_ENABLE	BIT_ULL(11)

static void reset_segments(struct kvm_sregs *sregs)
{
	struct kvm_segment data = { .limit = 0xffff, .type = 3, .present = 1, .s = 1 };

	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cs = (struct kvm_segment) {
		.base = 0xffff0000,
		.limit = 0xffff,
		.selector = 0xf000,
		.type = 0xb,
		.present = 1,
		.s = 1,
	};
	sregs->tr = (struct kvm_segment) { .limit = 0xffff, .type = 0xb, .present = 1 };
	sregs->ldt = (struct kvm_segment) { .limit = 0xffff, .type = 2, .present = 1 };
	sregs->gdt = (struct kvm_dtable) { .limit = 0xffff };
	sregs->idt = (struct kvm_dtable) { .limit = 0xffff };
}

static void reset_debug(struct child_vp *vp)
{
	struct kvm_debugregs debug = { .dr6 = DR6_RESET, .dr7 = DR7_RESET };

	if (vp->fd >= 0)
		ioctl(vp->fd, KVM_SET_DEBUGREGS, &debug);
}

/* What INIT leaves alone stays: the FPU, MSRs, how caches work. */
void child_regs_reset(struct child_vp *vp)
{
	struct kvm_sync_regs *sync = child_vp_regs(vp);
	struct kvm_sregs *sregs = &sync->sregs;
	u32 leaf[4];

	/* RDX says which processor this is, as CPUID does. */
	child_cpuid_look_up(vp, LEAF_SIGNATURE, 0, leaf);
	sync->regs = (struct kvm_regs) {
		.rdx = leaf[0],
		.rip = RIP_RESET,
		.rflags = RFLAGS_FIXED,
	};
	reset_segments(sregs);
	sregs->cr0 = CR0_ET | (sregs->cr0 & (CR0_NW | CR0_CD));
	sregs->cr2 = 0;
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer = 0;
	sregs->cr8 = 0;
	vp->run->cr8 = 0;
	vp->apic.tpr = 0;

	/* KVM has said which of these it has. */
	sync->events = (struct kvm_vcpu_events) { .flags = sync->events.flags };
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS |
				   KVM_SYNC_X86_EVENTS;
	reset_debug(vp);
}

void child_regs_start(struct child_vp *vp, u8 vector)
{
	struct kvm_sync_regs *sync = child_vp_regs(vp);

	sync->sregs.cs.selector = vector << 8;
	sync->sregs.cs.base = (u64)vector << 12;
	sync->regs.rip = 0;
	vp->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

int child_regs_init(struct child_vp *vp)
{
	vp->storage = calloc(1, sizeof(*vp->storage));
	if (!vp->storage)
		return -ENOMEM;
	child_regs_reset(vp);
	/* To KVM the first vCPU is the one that boots, whichever VP that is. */
	child_vp_regs(vp)->sregs.apic_base = vp->apic.base;
	/* The processor shows a local APIC as long as this says so. */
	if (!(vp->child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		child_vp_regs(vp)->sregs.apic_base &= ~APIC_BASE_ENABLE;
	return 0;
}

void child_regs_exit(struct child_vp *vp)
{
	free(vp->storage);
	vp->storage = NULL;
}
