// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM for KUnit: see mshv_vmm.h.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kunit/resource.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <asm/ptrace.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <uapi/linux/mshv.h>

#include "../mshv_eventfd.h"
#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "mshv_vmm.h"

/* How long anything may take before the test fails. */
#define MSHV_VMM_TIMEOUT	(10 * HZ)

#define MSHV_VMM_ROUTES		16
#define MSHV_VMM_EVENTFDS	16
#define MSHV_VMM_MAPPINGS	16

/* The VMM's user memory: arguments of ioctls, then a message for each VP. */
#define MSHV_VMM_ARGS_BYTES	PAGE_SIZE
#define MSHV_VMM_USER_BYTES \
	(MSHV_VMM_ARGS_BYTES + MSHV_MAX_VPS * sizeof(struct hv_message))

struct mshv_vmm_runner {
	struct mshv_vmm_vp vp;
	int cpu;
	/* What its thread does; NULL: it runs the VP, once. */
	long (*body)(struct mshv_vmm_vp *vp, void *data);
	void *data;
	/* Its thread takes signals; one that came before would be ignored. */
	struct completion ready;
	struct completion done;
	bool in_ioctl;
	long result;
	struct hv_message msg;
};

struct mshv_vmm {
	struct kunit *test;
	struct hv_fake *fake;
	struct mm_struct *mm;
	unsigned long user;
	u64 partition_id;
	/* NULL when closed. */
	struct file *file;
	struct mshv_vmm_runner *vps[MSHV_MAX_VPS];
	u32 saved_ext_features;

	struct mshv_user_irq_entry routes[MSHV_VMM_ROUTES];
	unsigned int nr_routes;
	int eventfds[MSHV_VMM_EVENTFDS];
	struct eventfd_ctx *eventfd_ctxs[MSHV_VMM_EVENTFDS];
	unsigned int nr_eventfds;
	/* A page each, of a VP's file. */
	unsigned long mappings[MSHV_VMM_MAPPINGS];
	unsigned int nr_mappings;
	bool destroyed;
};

/*
 * What the driver's init leaves behind, which does not run off Hyper-V. The
 * first VMM of a test sets it up, the last one takes it down.
 */
static unsigned int mshv_vmm_users;
static struct device *mshv_vmm_device;
static struct hv_partition_property_vmm_capabilities mshv_vmm_saved_caps;

static int mshv_vmm_get_driver(void)
{
	int ret;

	if (mshv_vmm_users++)
		return 0;

	mshv_vmm_device = root_device_register("mshv_vmm");
	if (IS_ERR(mshv_vmm_device)) {
		ret = PTR_ERR(mshv_vmm_device);
		goto put_user;
	}

	ret = mshv_irqfd_wq_init();
	if (ret)
		goto unregister_device;

	spin_lock_init(&mshv_root.pt_ht_lock);
	hash_init(mshv_root.pt_htable);
	mshv_vmm_saved_caps = mshv_root.vmm_caps;
	mshv_root.vmm_caps.vmm_can_provide_overlay_gpfn = 1;
	return 0;

unregister_device:
	root_device_unregister(mshv_vmm_device);
put_user:
	mshv_vmm_users--;
	return ret;
}

static void mshv_vmm_put_driver(void)
{
	if (--mshv_vmm_users)
		return;

	/* A test may have closed the driver for good. */
	WRITE_ONCE(mshv_sched_closed_err, 0);
	mshv_root.vmm_caps = mshv_vmm_saved_caps;
	mshv_irqfd_wq_cleanup();
	root_device_unregister(mshv_vmm_device);
}

/* What mshv_vmm_use() has put aside. */
struct mshv_vmm_ops {
	const struct mshv_sched_ops *saved;
};

static void mshv_vmm_unuse(void *data)
{
	struct mshv_vmm_ops *ops = data;

	mshv_sched_signal_stop();
	mshv_sched_use(ops->saved);
}

/**
 * mshv_vmm_use() - choose who dispatches VPs
 * @test: the test; when it ends, all is as it was
 * @ops: the scheduler to be in force
 *
 * The choice is read-only once the kernel has booted: a test that is run after
 * that is skipped.
 *
 * Context: A suite's init() or a test, when there is no partition. Sleeps.
 */
void mshv_vmm_use(struct kunit *test, const struct mshv_sched_ops *ops)
{
	struct mshv_vmm_ops *saved;

	if (system_state >= SYSTEM_FREEING_INITMEM)
		kunit_skip(test, "the scheduler cannot be chosen after boot");

	saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	saved->saved = mshv_sched_ops;
	mshv_sched_use(ops);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mshv_vmm_unuse, saved));
}

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

/* An ioctl of the test's thread, its arguments there and back again. */
static long mshv_vmm_ioctl(struct mshv_vmm *vmm, struct file *file,
			   const struct file_operations *fops, unsigned int cmd,
			   void *args, size_t size)
{
	void __user *user = (void __user *)vmm->user;
	long ret;

	KUNIT_ASSERT_LE(vmm->test, size, MSHV_VMM_ARGS_BYTES);
	if (size)
		KUNIT_ASSERT_EQ(vmm->test, 0, copy_to_user(user, args, size));

	ret = fops->unlocked_ioctl(file, cmd, (unsigned long)user);

	if (size)
		KUNIT_ASSERT_EQ(vmm->test, 0, copy_from_user(args, user, size));

	return ret;
}

/* Take the file over from the fd, so that putting it is closing it. */
static struct file *mshv_vmm_take_fd(struct kunit *test, int fd)
{
	struct file *file = fget(fd);

	KUNIT_ASSERT_NOT_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, close_fd(fd));
	/* A kernel thread's fput() is made by a worker. */
	flush_delayed_fput();

	return file;
}

/* Stop a VP's thread, whatever it is doing. */
static bool mshv_vmm_stop(struct mshv_vmm_runner *runner)
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

/* Take the mappings away, which hold the files of VPs. */
static void mshv_vmm_unmap(struct mshv_vmm *vmm)
{
	/* The thread that cleans up after a test is not the test's. */
	bool other = current->mm != vmm->mm;
	unsigned int i;

	if (!vmm->nr_mappings)
		return;

	if (other)
		kthread_use_mm(vmm->mm);
	for (i = 0; i < vmm->nr_mappings; i++)
		vm_munmap(vmm->mappings[i], PAGE_SIZE);
	if (other)
		kthread_unuse_mm(vmm->mm);
	vmm->nr_mappings = 0;
	flush_delayed_fput();
}

static void mshv_vmm_destroy_action(void *data)
{
	struct mshv_vmm *vmm = data;
	bool stopped = true;
	unsigned int i;

	for (i = 0; i < MSHV_MAX_VPS; i++)
		if (vmm->vps[i])
			stopped &= mshv_vmm_stop(vmm->vps[i]);
	if (!stopped) {
		/* Its files, memory and driver are in use, and remain so. */
		KUNIT_FAIL(vmm->test, "a VP's thread cannot be stopped");
		return;
	}

	mshv_vmm_unmap(vmm);
	mshv_vmm_close_partition(vmm);
	for (i = 0; i < MSHV_MAX_VPS; i++)
		if (vmm->vps[i])
			mshv_vmm_close_vp(&vmm->vps[i]->vp);

	KUNIT_EXPECT_EQ(vmm->test, 0, hv_fake_deposited(vmm->fake, vmm->partition_id));
	KUNIT_EXPECT_EQ(vmm->test, 0, hv_fake_mapped(vmm->fake, vmm->partition_id));

	for (i = 0; i < vmm->nr_eventfds; i++) {
		eventfd_ctx_put(vmm->eventfd_ctxs[i]);
		close_fd(vmm->eventfds[i]);
	}
	flush_delayed_fput();

	for (i = 0; i < MSHV_MAX_VPS; i++)
		kfree(vmm->vps[i]);
	if (vmm->mm)
		mmput(vmm->mm);
	ms_hyperv.ext_features = vmm->saved_ext_features;
	mshv_vmm_put_driver();
	vmm->destroyed = true;
}

/**
 * mshv_vmm_try_create() - create another partition, which may fail
 * @vmm: the VMM, whose own partition it does not become
 *
 * Context: The test's thread. Sleeps.
 * Return: the fd of the partition, or what MSHV_CREATE_PARTITION returns.
 */
int mshv_vmm_try_create(struct mshv_vmm *vmm)
{
	struct mshv_create_partition args = {
		.pt_flags = BIT_ULL(MSHV_PT_BIT_LAPIC) | BIT_ULL(MSHV_PT_BIT_X2APIC),
	};
	struct miscdevice *misc;
	struct file *dev;

	/* All that the driver looks at of an open /dev/mshv. */
	misc = kunit_kzalloc(vmm->test, sizeof(*misc), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(vmm->test, misc);
	misc->this_device = mshv_vmm_device;
	dev = kunit_kzalloc(vmm->test, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(vmm->test, dev);
	dev->private_data = misc;

	return mshv_vmm_ioctl(vmm, dev, &mshv_dev_fops, MSHV_CREATE_PARTITION,
			      &args, sizeof(args));
}

/**
 * mshv_vmm_create() - create a partition and initialize it
 * @test: the test
 * @fake: the hypervisor, an L1VH's
 *
 * The driver is told that it may provide overlay pages itself.
 *
 * Context: A test. Sleeps.
 * Return: the VMM, destroyed with the test. Does not return on failure: the
 * test fails.
 */
struct mshv_vmm *mshv_vmm_create(struct kunit *test, struct hv_fake *fake)
{
	unsigned int created;
	struct mshv_vmm *vmm;
	int fd;

	vmm = kunit_kzalloc(test, sizeof(*vmm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vmm);
	vmm->test = test;
	vmm->fake = fake;
	vmm->saved_ext_features = ms_hyperv.ext_features;

	vmm->user = kunit_vm_mmap(test, NULL, 0, MSHV_VMM_USER_BYTES,
				  PROT_READ | PROT_WRITE,
				  MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE_MSG(test, vmm->user, 0, "no user memory");
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(vmm->user));

	KUNIT_ASSERT_EQ(test, 0, mshv_vmm_get_driver());
	vmm->mm = current->mm;
	mmget(vmm->mm);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mshv_vmm_destroy_action,
						  vmm));

	for (created = 0; hv_fake_partition_id(fake, created); created++)
		;
	fd = mshv_vmm_try_create(vmm);
	KUNIT_ASSERT_GE_MSG(test, fd, 0, "MSHV_CREATE_PARTITION");
	vmm->file = mshv_vmm_take_fd(test, fd);
	vmm->partition_id = hv_fake_partition_id(fake, created);
	KUNIT_ASSERT_NE(test, vmm->partition_id, 0);

	KUNIT_ASSERT_EQ_MSG(test, 0,
			    mshv_vmm_partition_ioctl(vmm, MSHV_INITIALIZE_PARTITION,
						     NULL, 0),
			    "MSHV_INITIALIZE_PARTITION");
	return vmm;
}

/**
 * mshv_vmm_destroy() - end the VMM before its test ends
 * @vmm: the VMM; destroying it again does nothing
 *
 * Threads that run VPs are killed, all files are closed. The test fails if the
 * driver then has pages mapped or deposited.
 *
 * Context: A test. Sleeps.
 */
void mshv_vmm_destroy(struct mshv_vmm *vmm)
{
	if (!vmm->destroyed)
		kunit_release_action(vmm->test, mshv_vmm_destroy_action, vmm);
}

/**
 * mshv_vmm_set_ext_features() - set what the hypervisor's CPUID tells
 * @vmm: the VMM; destroying it restores what was there before
 * @ext_features: HV_VP_* flags for ms_hyperv.ext_features
 */
void mshv_vmm_set_ext_features(struct mshv_vmm *vmm, u32 ext_features)
{
	ms_hyperv.ext_features = ext_features;
}

/**
 * mshv_vmm_partition_id() - the id of the VMM's partition
 * @vmm: the VMM
 *
 * Return: the id.
 */
u64 mshv_vmm_partition_id(const struct mshv_vmm *vmm)
{
	return vmm->partition_id;
}

/**
 * mshv_vmm_file() - the partition's file
 * @vmm: the VMM
 *
 * Return: the file, without a reference; NULL if it is closed.
 */
struct file *mshv_vmm_file(const struct mshv_vmm *vmm)
{
	return vmm->file;
}

/**
 * mshv_vmm_partition_ioctl() - an ioctl of the partition
 * @vmm: the VMM
 * @cmd: the command
 * @args: its arguments, in kernel memory: copied to user memory and back
 * @size: their size, at most a page; 0 for none
 *
 * Context: The test's thread. Sleeps.
 * Return: what the ioctl returns.
 */
long mshv_vmm_partition_ioctl(struct mshv_vmm *vmm, unsigned int cmd,
			      void *args, size_t size)
{
	return mshv_vmm_ioctl(vmm, vmm->file, vmm->file->f_op, cmd, args, size);
}

/**
 * mshv_vmm_vp_ioctl() - an ioctl of a VP
 * @vp: the VP
 * @cmd: the command
 * @args: its arguments, in kernel memory: copied to user memory and back
 * @size: their size, at most a page; 0 for none
 *
 * Context: The test's thread. Sleeps.
 * Return: what the ioctl returns.
 */
long mshv_vmm_vp_ioctl(struct mshv_vmm_vp *vp, unsigned int cmd, void *args,
		       size_t size)
{
	return mshv_vmm_ioctl(vp->vmm, vp->file, vp->file->f_op, cmd, args, size);
}

/**
 * mshv_vmm_set_register() - set a register of a VP by MSHV_ROOT_HVCALL
 * @vp: the VP, running or not
 * @name: the register
 * @value: its value
 *
 * Context: The test's thread. Sleeps.
 * Return: what the ioctl returns.
 */
long mshv_vmm_set_register(struct mshv_vmm_vp *vp, u32 name, u64 value)
{
	struct {
		struct hv_input_set_vp_registers header;
		struct hv_register_assoc reg;
	} __packed input = {
		.header.vp_index = vp->index,
		.reg.name = name,
		.reg.value.reg64 = value,
	};
	/* Half way in: the ioctl's own arguments come first. */
	unsigned long user = vp->vmm->user + MSHV_VMM_ARGS_BYTES / 2;
	struct mshv_root_hvcall args = {
		.code = HVCALL_SET_VP_REGISTERS,
		.reps = 1,
		.in_sz = sizeof(input),
		.in_ptr = user,
	};

	KUNIT_ASSERT_EQ(vp->vmm->test, 0,
			copy_to_user((void __user *)user, &input, sizeof(input)));
	return mshv_vmm_partition_ioctl(vp->vmm, MSHV_ROOT_HVCALL, &args, sizeof(args));
}

/**
 * mshv_vmm_try_create_vp() - create a VP, which may fail
 * @vmm: the VMM
 * @index: its index
 * @vp: where to put it
 *
 * Context: The test's thread. Sleeps.
 * Return: 0, or what MSHV_CREATE_VP returns.
 */
long mshv_vmm_try_create_vp(struct mshv_vmm *vmm, u32 index,
			    struct mshv_vmm_vp **vp)
{
	struct mshv_create_vp args = { .vp_index = index };
	struct mshv_vmm_runner *runner;
	long fd;

	fd = mshv_vmm_partition_ioctl(vmm, MSHV_CREATE_VP, &args, sizeof(args));
	if (fd < 0)
		return fd;

	KUNIT_ASSERT_LT(vmm->test, index, MSHV_MAX_VPS);
	runner = kzalloc_obj(*runner);
	KUNIT_ASSERT_NOT_NULL(vmm->test, runner);
	runner->cpu = -1;
	init_completion(&runner->ready);
	init_completion(&runner->done);
	runner->vp.vmm = vmm;
	runner->vp.index = index;
	runner->vp.file = mshv_vmm_take_fd(vmm->test, fd);
	vmm->vps[index] = runner;

	runner->vp.hv = hv_fake_vp(vmm->fake, vmm->partition_id, index);
	KUNIT_ASSERT_NOT_NULL(vmm->test, runner->vp.hv);
	*vp = &runner->vp;
	return 0;
}

/**
 * mshv_vmm_create_vp() - create a VP
 * @vmm: the VMM
 * @index: its index
 *
 * Context: The test's thread. Sleeps.
 * Return: the VP, valid until the VMM is destroyed. Does not return on failure:
 * the test fails.
 */
struct mshv_vmm_vp *mshv_vmm_create_vp(struct mshv_vmm *vmm, u32 index)
{
	struct mshv_vmm_vp *vp = NULL;

	KUNIT_ASSERT_EQ_MSG(vmm->test, 0,
			    mshv_vmm_try_create_vp(vmm, index, &vp),
			    "MSHV_CREATE_VP %u", index);
	return vp;
}

/**
 * mshv_vmm_close_vp() - close a VP's file
 * @vp: the VP; closing it again does nothing
 *
 * The driver keeps a VP until its partition goes away.
 *
 * Context: Any thread. Sleeps. No ioctl of the VP may be under way.
 */
void mshv_vmm_close_vp(struct mshv_vmm_vp *vp)
{
	if (vp->file)
		__fput_sync(vp->file);
	vp->file = NULL;
}

/**
 * mshv_vmm_close_partition() - close the partition's file
 * @vmm: the VMM; closing it again does nothing
 *
 * The partition goes away with the last file, its own or that of a VP.
 *
 * Context: Any thread. Sleeps.
 */
void mshv_vmm_close_partition(struct mshv_vmm *vmm)
{
	if (vmm->file)
		__fput_sync(vmm->file);
	vmm->file = NULL;
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
 * mshv_vmm_mmap() - map a page of a VP's file
 * @vp: the VP
 * @pgoff: which page
 * @pages: how many
 * @flags: MAP_SHARED or MAP_PRIVATE
 *
 * Context: The test's thread. Sleeps.
 * Return: the address, in the VMM's user memory, mapped until the VMM is
 * destroyed; or what mmap() returns.
 */
unsigned long mshv_vmm_mmap(struct mshv_vmm_vp *vp, unsigned long pgoff,
			    unsigned long pages, unsigned long flags)
{
	struct mshv_vmm *vmm = vp->vmm;
	unsigned long address;

	address = vm_mmap(vp->file, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  flags, pgoff * PAGE_SIZE);
	if (IS_ERR_VALUE(address))
		return address;

	KUNIT_ASSERT_EQ(vmm->test, pages, 1);
	KUNIT_ASSERT_LT(vmm->test, vmm->nr_mappings, MSHV_VMM_MAPPINGS);
	vmm->mappings[vmm->nr_mappings++] = address;
	return address;
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

static long mshv_vmm_set_routes(struct mshv_vmm *vmm)
{
	struct mshv_user_irq_table *table;
	size_t size = struct_size(table, entries, vmm->nr_routes);

	table = kunit_kzalloc(vmm->test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(vmm->test, table);
	table->nr = vmm->nr_routes;
	memcpy(table->entries, vmm->routes, vmm->nr_routes * sizeof(vmm->routes[0]));

	return mshv_vmm_partition_ioctl(vmm, MSHV_SET_MSI_ROUTING, table, size);
}

/**
 * mshv_vmm_route_to() - route an interrupt line to any address
 * @vmm: the VMM
 * @gsi: the line; one that was routed before is routed anew
 * @address: address of its MSI
 * @data: data of its MSI, the vector in its low 8 bits
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_route_to(struct mshv_vmm *vmm, u32 gsi, u32 address, u32 data)
{
	struct mshv_user_irq_entry *route;

	for (route = vmm->routes; route < vmm->routes + vmm->nr_routes; route++)
		if (route->gsi == gsi)
			break;
	KUNIT_ASSERT_LT(vmm->test, route - vmm->routes, MSHV_VMM_ROUTES);
	if (route == vmm->routes + vmm->nr_routes)
		vmm->nr_routes++;
	*route = (struct mshv_user_irq_entry) {
		.gsi = gsi,
		.address_lo = address,
		.data = data,
	};

	return mshv_vmm_set_routes(vmm);
}

/**
 * mshv_vmm_route() - route an interrupt line to an APIC ID
 * @vmm: the VMM
 * @gsi: the line; one that was routed before is routed anew
 * @apic_id: destination of its MSI, bits 12-19 of the address
 * @data: data of its MSI, the vector in its low 8 bits
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_route(struct mshv_vmm *vmm, u32 gsi, u32 apic_id, u32 data)
{
	return mshv_vmm_route_to(vmm, gsi, 0xfee00000 | apic_id << 12, data);
}

/**
 * mshv_vmm_unroute() - take all routes away
 * @vmm: the VMM
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_unroute(struct mshv_vmm *vmm)
{
	vmm->nr_routes = 0;
	return mshv_vmm_set_routes(vmm);
}

/* The kernel has no other way to make an eventfd than the system call. */
static int mshv_vmm_eventfd(void)
{
	/* The registers of its arguments, a count and flags: all zero. */
	struct pt_regs regs = {};

	return sys_call_table[__NR_eventfd2](&regs);
}

/* A new eventfd, the VMM's until it is destroyed. */
static struct eventfd_ctx *mshv_vmm_new_eventfd(struct mshv_vmm *vmm, int *fd)
{
	struct eventfd_ctx *ctx;

	KUNIT_ASSERT_LT(vmm->test, vmm->nr_eventfds, MSHV_VMM_EVENTFDS);
	*fd = mshv_vmm_eventfd();
	KUNIT_ASSERT_GE(vmm->test, *fd, 0);
	ctx = eventfd_ctx_fdget(*fd);
	KUNIT_ASSERT_FALSE(vmm->test, IS_ERR(ctx));
	vmm->eventfds[vmm->nr_eventfds] = *fd;
	vmm->eventfd_ctxs[vmm->nr_eventfds++] = ctx;

	return ctx;
}

/**
 * mshv_vmm_irqfd() - connect an eventfd to an interrupt line
 * @vmm: the VMM
 * @gsi: the line
 *
 * Context: The test's thread. Sleeps.
 * Return: the eventfd, to be signalled by eventfd_signal(); valid until the VMM
 * is destroyed. Does not return on failure: the test fails.
 */
struct eventfd_ctx *mshv_vmm_irqfd(struct mshv_vmm *vmm, u32 gsi)
{
	struct mshv_user_irqfd args = { .gsi = gsi };
	struct eventfd_ctx *ctx;

	ctx = mshv_vmm_new_eventfd(vmm, &args.fd);
	KUNIT_ASSERT_EQ_MSG(vmm->test, 0,
			    mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args,
						     sizeof(args)),
			    "MSHV_IRQFD");
	return ctx;
}

/**
 * mshv_vmm_irqfd_resample() - the same with a resamplefd, which may fail
 * @vmm: the VMM
 * @gsi: the line
 * @resample: set to the two eventfds
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_resample(struct mshv_vmm *vmm, u32 gsi,
			     struct mshv_vmm_resample *resample)
{
	struct mshv_user_irqfd args = {
		.gsi = gsi,
		.flags = BIT(MSHV_IRQFD_BIT_RESAMPLE),
	};

	resample->event = mshv_vmm_new_eventfd(vmm, &args.fd);
	resample->resample = mshv_vmm_new_eventfd(vmm, &args.resamplefd);

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/* How often an eventfd was signalled since this was last asked. */
static u64 mshv_vmm_signals(struct eventfd_ctx *ctx)
{
	/* No waiter of anybody's: what is wanted is the count, read and reset. */
	wait_queue_entry_t none = { .entry = LIST_HEAD_INIT(none.entry) };
	u64 n;

	eventfd_ctx_remove_wait_queue(ctx, &none, &n);

	return n;
}

/**
 * mshv_vmm_resampled() - how often a resamplefd was signalled
 * @resample: of which irqfd
 *
 * Return: the number since this was last asked.
 */
u64 mshv_vmm_resampled(const struct mshv_vmm_resample *resample)
{
	return mshv_vmm_signals(resample->resample);
}

/**
 * mshv_vmm_irqfd_shared() - connect an eventfd that another VMM has, which may fail
 * @vmm: the VMM
 * @gsi: the line
 * @other: the other VMM; its newest eventfd is taken
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_shared(struct mshv_vmm *vmm, u32 gsi, const struct mshv_vmm *other)
{
	struct mshv_user_irqfd args = { .gsi = gsi };

	KUNIT_ASSERT_GT(vmm->test, other->nr_eventfds, 0);
	args.fd = other->eventfds[other->nr_eventfds - 1];

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/**
 * mshv_vmm_irqfd_deassign() - disconnect the newest eventfd from an interrupt line
 * @vmm: the VMM
 * @gsi: the line
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_deassign(struct mshv_vmm *vmm, u32 gsi)
{
	struct mshv_user_irqfd args = {
		.gsi = gsi,
		.flags = BIT(MSHV_IRQFD_BIT_DEASSIGN),
	};

	KUNIT_ASSERT_GT(vmm->test, vmm->nr_eventfds, 0);
	args.fd = vmm->eventfds[vmm->nr_eventfds - 1];

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/**
 * mshv_vmm_doorbell() - make a doorbell, which is not connected yet
 * @vmm: the VMM
 * @doorbell: set to a new eventfd, the VMM's until it is destroyed, and @gpa
 * @gpa: the address that is written to, four bytes of any value
 *
 * Context: The test's thread. Sleeps.
 */
void mshv_vmm_doorbell(struct mshv_vmm *vmm, struct mshv_vmm_doorbell *doorbell, u64 gpa)
{
	doorbell->gpa = gpa;
	doorbell->event = mshv_vmm_new_eventfd(vmm, &doorbell->fd);
}

/**
 * mshv_vmm_doorbell_connect() - connect a doorbell, or disconnect it
 * @vmm: the VMM
 * @doorbell: the doorbell
 * @on: which of the two
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IOEVENTFD returns.
 */
long mshv_vmm_doorbell_connect(struct mshv_vmm *vmm,
			       const struct mshv_vmm_doorbell *doorbell, bool on)
{
	struct mshv_user_ioeventfd args = {
		.addr = doorbell->gpa,
		.len = 4,
		.fd = doorbell->fd,
		.flags = on ? 0 : BIT(MSHV_IOEVENTFD_BIT_DEASSIGN),
	};

	return mshv_vmm_partition_ioctl(vmm, MSHV_IOEVENTFD, &args, sizeof(args));
}

/**
 * mshv_vmm_rung() - how often a doorbell's eventfd was signalled
 * @doorbell: the doorbell
 *
 * Return: the number since this was last asked.
 */
u64 mshv_vmm_rung(const struct mshv_vmm_doorbell *doorbell)
{
	return mshv_vmm_signals(doorbell->event);
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
