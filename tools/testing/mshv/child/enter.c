// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry into a VP: KVM_RUN, and the kick that ends it.
 */

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "../hv/log.h"
#include "../hv/partition.h"
#include "apic.h"
#include "child.h"
#include "enter.h"
#include "faults.h"
#include "page.h"
#include "vp.h"

#define CR0_PG			BIT_ULL(31)
#define CR4_PAE			BIT_ULL(5)
#define EFER_LMA		BIT_ULL(10)

/* The shared page of the VP that this thread runs; NULL: none. */
static __thread struct kvm_run *running;

/* It may come between the last look at what is wanted and KVM_RUN. */
static void on_kick(int signal)
{
	(void)signal;
	if (running)
		running->immediate_exit = 1;
}

int child_run_setup(void)
{
	struct sigaction action = { .sa_handler = on_kick };

	return sigaction(CHILD_KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

/*
 * Of a guest with PAE, KVM reads the four entries that CR3 points to when it takes
 * CR3 over, and on VMX the processor goes by what was read then. Whether they could be
 * read KVM does not say.
 */
static bool has_pdptrs(const struct kvm_sregs *sregs)
{
	return sregs->cr0 & CR0_PG && sregs->cr4 & CR4_PAE && !(sregs->efer & EFER_LMA);
}

bool must_stop(const struct child_vp *vp)
{
	if (child_vp_is_suspended(vp) || vp->dying)
		return true;
	return vp->dispatcher && (vp->stop_dispatch || log_time() >= vp->slice_end);
}

/*
 * Whatever KVM_RUN does may fault in the child's memory, also where it does not
 * enter the guest. The fault thread needs the lock then, and has to know who
 * waits. Return: 0 or a negative errno.
 */
static int call_kvm(struct child_vp *vp)
{
	pthread_mutex_t *lock = &vp->child->parent->lock;
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs given;
	u64 dirty;
	int ret;

	/*
	 * To set other registers KVM forgets a pending exception, or queues once
	 * more an interrupt that was being delivered at some time: what the events
	 * say comes last, and counts.
	 */
	if (run->kvm_dirty_regs)
		run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
	dirty = run->kvm_dirty_regs;
	if (dirty)
		given = *regs;

	vp->unfinished = false;
	vp->fault.valid = false;
	vp->thread = pthread_self();
	vp->tid = gettid();
	vp->in_kvm = true;
	pthread_mutex_unlock(lock);

	ret = ioctl(vp->fd, KVM_RUN, 0) < 0 ? -errno : 0;

	pthread_mutex_lock(lock);
	vp->in_kvm = false;
	child_faults_left(vp);
	/* Of registers that it does not take KVM keeps none, and shows its own. */
	if (ret == -EINVAL && dirty) {
		*regs = given;
		run->kvm_dirty_regs = dirty;
	}
	if (dirty & KVM_SYNC_X86_SREGS && vp->fault.valid && has_pdptrs(&regs->sregs))
		run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	pthread_cond_broadcast(&vp->changed);
	return ret;
}

int enter(struct child_vp *vp)
{
	struct kvm_run *run = vp->run;
	int ret;

	child_page_hide(vp);
	run->cr8 = vp->apic.tpr >> 4;
	/*
	 * A kick that comes from here on is seen by on_kick(). One that came
	 * before may have been missed by it, so what it is for is looked at again.
	 */
	running = run;
	run->immediate_exit = 0;
	if (must_stop(vp))
		run->immediate_exit = 1;
	vp->ran = true;
	vp->entered_cpu = log_cpu_time();
	vp->in_guest = true;
	ret = call_kvm(vp);
	running = NULL;
	vp->run_time += log_cpu_time() - vp->entered_cpu;
	vp->in_guest = false;
	if (ret == -EINVAL)
		return ret;
	apic_follow_cr8(&vp->apic, run->cr8);
	apic_set_base(&vp->apic, run->apic_base);
	return ret;
}

/*
 * Have KVM take over the registers that were changed and finish what it has
 * handed over, without entering the guest. A kick meanwhile has no effect: what
 * it is for has to be looked at before the guest is entered. Return: as KVM_RUN;
 * 0: what it handed over comes in more pieces.
 */
int settle(struct child_vp *vp)
{
	vp->run->immediate_exit = 1;
	return call_kvm(vp);
}

/*
 * KVM finishes with the next entry what it has handed over: it moves the guest
 * on. Where the parent is to do that, have it finish now, and undo it. Return:
 * where RIP was when KVM had finished.
 */
u64 retire(struct child_vp *vp, const struct kvm_sync_regs *state)
{
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	struct kvm_run *run = vp->run;
	struct kvm_sync_regs keep = *state;
	u64 rip;

	while (!settle(vp))
		;
	rip = regs->regs.rip;
	*regs = keep;
	run->kvm_dirty_regs |= run->kvm_valid_regs;
	return rip;
}
