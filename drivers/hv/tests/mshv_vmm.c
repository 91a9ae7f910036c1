// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM for KUnit, its partition and VPs and the files that stand for them: see
 * mshv_vmm.h.
 */

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <kunit/resource.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>
#include <uapi/linux/mshv.h>

#include "../mshv_eventfd.h"
#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "mshv_vmm_internal.h"

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
