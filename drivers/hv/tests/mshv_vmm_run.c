// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the VMM for KUnit runs VPs, in the test's thread or in threads of their
 * own: see mshv_vmm.h.
 */

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <uapi/linux/mshv.h>

#include "../mshv_root.h"
#include "hv_fake.h"
#include "mshv_vmm_internal.h"

/* How long anything may take before the test fails. */
#define MSHV_VMM_TIMEOUT	(10 * HZ)

static struct mshv_vmm_runner *mshv_vmm_runner(struct mshv_vmm_vp *vp)
{
	return container_of(vp, struct mshv_vmm_runner, vp);
}

/* Where a VP's MSHV_RUN_VP puts its message. */
static unsigned long mshv_vmm_msg_address(const struct mshv_vmm_vp *vp)
{
	return vp->vmm->user + MSHV_VMM_ARGS_BYTES +
		vp->index * sizeof(struct hv_message);
}

/* MSHV_RUN_VP, on any thread that has the VMM's user memory. */
static long mshv_vmm_run_vp(struct mshv_vmm_vp *vp, struct hv_message *msg)
{
	unsigned long address = mshv_vmm_msg_address(vp);
	long ret;

	ret = vp->file->f_op->unlocked_ioctl(vp->file, MSHV_RUN_VP, address);
	if (!ret && msg && copy_from_user(msg, (void __user *)address, sizeof(*msg)))
		ret = -EFAULT;

	return ret;
}

/**
 * mshv_vmm_run() - run a VP in the calling thread
 * @vp: the VP
 * @msg: where to put the message of the intercept that it ended with; NULL: it is
 *	left where the driver has put it
 *
 * Context: The test's thread, or that of mshv_vmm_start_body(). Sleeps, for ever
 * if the VP does not stop.
 * Return: what MSHV_RUN_VP returns.
 */
long mshv_vmm_run(struct mshv_vmm_vp *vp, struct hv_message *msg)
{
	return mshv_vmm_run_vp(vp, msg);
}

/**
 * mshv_vmm_run_nowhere() - run a VP without a place for its message
 * @vp: the VP
 *
 * Context: The test's thread. Sleeps, for ever if the VP does not stop.
 * Return: what MSHV_RUN_VP returns.
 */
long mshv_vmm_run_nowhere(struct mshv_vmm_vp *vp)
{
	return vp->file->f_op->unlocked_ioctl(vp->file, MSHV_RUN_VP, 0);
}

/**
 * mshv_vmm_pin() - choose the CPU of a VP's thread
 * @vp: the VP, its thread not started
 * @cpu: the CPU
 */
void mshv_vmm_pin(struct mshv_vmm_vp *vp, unsigned int cpu)
{
	mshv_vmm_runner(vp)->cpu = cpu;
}

static int mshv_vmm_thread(void *data)
{
	struct mshv_vmm_runner *runner = data;
	struct mm_struct *mm = runner->vp.vmm->mm;

	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	complete(&runner->ready);
	kthread_use_mm(mm);

	WRITE_ONCE(runner->in_ioctl, true);
	runner->result = runner->body ?
			 runner->body(&runner->vp, runner->data) :
			 mshv_vmm_run_vp(&runner->vp, &runner->msg);
	WRITE_ONCE(runner->in_ioctl, false);

	kthread_unuse_mm(mm);
	complete(&runner->done);
	return 0;
}

/**
 * mshv_vmm_start() - run a VP in a thread of its own
 * @vp: the VP, not running
 *
 * On arm64 the test is skipped: there the fake is not reached from other
 * threads than the test's.
 *
 * Context: The test's thread. Sleeps.
 */
void mshv_vmm_start(struct mshv_vmm_vp *vp)
{
	mshv_vmm_start_body(vp, NULL, NULL);
}

/**
 * mshv_vmm_start_body() - likewise, and do with the VP what the test wants
 * @vp: the VP, not running
 * @body: what the thread does; it has to return when it finds SIGKILL. NULL: it
 *	runs the VP, once
 * @data: what @body is given
 *
 * What @body returns is what mshv_vmm_join() returns. When this returns, the thread
 * takes signals: a kernel thread ignores them until it has said that it does not.
 *
 * Context: The test's thread. Sleeps.
 */
void mshv_vmm_start_body(struct mshv_vmm_vp *vp,
			 long (*body)(struct mshv_vmm_vp *vp, void *data),
			 void *data)
{
	struct mshv_vmm_runner *runner = mshv_vmm_runner(vp);
	struct kunit *test = vp->vmm->test;
	struct task_struct *task;

	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "hypercalls are redirected on the test's own thread only");

	KUNIT_ASSERT_NULL(test, vp->task);
	reinit_completion(&runner->ready);
	reinit_completion(&runner->done);
	runner->body = body;
	runner->data = data;
	runner->result = -EINPROGRESS;
	task = kthread_create(mshv_vmm_thread, runner, "mshv_vmm/%u", vp->index);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	if (runner->cpu >= 0)
		kthread_bind(task, runner->cpu);
	vp->task = get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&runner->ready);
}

/**
 * mshv_vmm_wait_asleep() - wait until a VP's thread waits in its ioctl
 * @vp: the VP, started
 *
 * Context: A test. Sleeps.
 * Return: false if that takes too long, or the ioctl has returned.
 */
bool mshv_vmm_wait_asleep(struct mshv_vmm_vp *vp)
{
	struct mshv_vmm_runner *runner = mshv_vmm_runner(vp);
	unsigned long end = jiffies + MSHV_VMM_TIMEOUT;

	while (time_before(jiffies, end) && !completion_done(&runner->done)) {
		/* Off its CPU, and not just about to leave it. */
		if (READ_ONCE(runner->in_ioctl) &&
		    wait_task_inactive(vp->task, TASK_NORMAL))
			return READ_ONCE(runner->in_ioctl);
		usleep_range(100, 200);
	}

	return false;
}

/**
 * mshv_vmm_wait_dispatching() - wait until a VP is being dispatched
 * @vp: the VP, started
 *
 * Context: A test. Sleeps.
 * Return: false if that takes too long.
 */
bool mshv_vmm_wait_dispatching(struct mshv_vmm_vp *vp)
{
	unsigned long end = jiffies + MSHV_VMM_TIMEOUT;

	while (time_before(jiffies, end)) {
		if (hv_fake_vp_dispatching(vp->hv))
			return true;
		usleep_range(100, 200);
	}

	return false;
}

/**
 * mshv_vmm_returned() - whether the ioctl of a VP's thread has returned
 * @vp: the VP, started and not joined
 *
 * Return: true if mshv_vmm_join() would not wait.
 */
bool mshv_vmm_returned(struct mshv_vmm_vp *vp)
{
	return completion_done(&mshv_vmm_runner(vp)->done);
}

/**
 * mshv_vmm_signal() - send a signal to a VP's thread
 * @vp: the VP, started
 * @sig: SIGUSR1 or SIGKILL
 */
void mshv_vmm_signal(struct mshv_vmm_vp *vp, int sig)
{
	send_sig(sig, vp->task, 1);
}

/**
 * mshv_vmm_join() - wait until the ioctl of a VP's thread returns
 * @vp: the VP, started
 * @msg: where to put the message; NULL to ignore it
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_RUN_VP returned. Fails the test, and does not return, if
 * that takes more than ten seconds.
 */
long mshv_vmm_join(struct mshv_vmm_vp *vp, struct hv_message *msg)
{
	struct mshv_vmm_runner *runner = mshv_vmm_runner(vp);
	struct kunit *test = vp->vmm->test;

	KUNIT_ASSERT_NOT_NULL(test, vp->task);
	KUNIT_ASSERT_TRUE_MSG(test,
			      wait_for_completion_timeout(&runner->done,
							  MSHV_VMM_TIMEOUT),
			      "MSHV_RUN_VP of VP %u does not return", vp->index);
	kthread_stop_put(vp->task);
	vp->task = NULL;
	if (msg)
		*msg = runner->msg;

	return runner->result;
}

/* Stop a VP's thread, whatever it is doing. */
bool mshv_vmm_stop(struct mshv_vmm_runner *runner)
{
	if (!runner->vp.task)
		return true;

	if (!completion_done(&runner->done))
		send_sig(SIGKILL, runner->vp.task, 1);
	if (!wait_for_completion_timeout(&runner->done, MSHV_VMM_TIMEOUT))
		return false;

	kthread_stop_put(runner->vp.task);
	runner->vp.task = NULL;
	return true;
}

/**
 * mshv_vmm_kicks() - how often a VP was kicked by a message
 * @vp: the VP
 *
 * The one look behind the ioctls: a kick that nobody waits for shows nowhere.
 *
 * Return: the driver's own count.
 */
u64 mshv_vmm_kicks(const struct mshv_vmm_vp *vp)
{
	const struct mshv_vp *driver_vp = vp->file->private_data;

	return atomic64_read(&driver_vp->sched.signal_count);
}
