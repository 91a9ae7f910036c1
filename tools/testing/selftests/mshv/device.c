// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of /dev/mshv and the arguments of their ioctls: what is refused, and
 * how; which file takes which ioctl; what files mean to each other.
 */

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness.h"
#include "vm.h"

/* An address at which there is never anything. */
#define NOWHERE		((void *)1)
#define KERNEL_ADDRESS	0xffff800000000000ULL
#define VPS_MAX		256
#define IRQS_MAX	4096

/* A page, the last one that is mapped there. */
static void *page_before_nothing(void)
{
	char *pages = memory_get(2 * PAGE);

	munmap(pages + PAGE, PAGE);
	return pages;
}

FIXTURE(device) {
	int fd;
};

FIXTURE_SETUP(device)
{
	self->fd = mshv_open();
	if (self->fd < 0)
		SKIP(return, "/dev/mshv: %s", strerror(-self->fd));
}

FIXTURE_TEARDOWN(device)
{
	close(self->fd);
}

/* It can be opened by many at a time. */
TEST_F(device, open_twice)
{
	int fd = mshv_open();

	ASSERT_GE(fd, 0);
	close(fd);
}

/* Numbers that are nobody's, and known ones with another size or direction. */
TEST_F(device, unknown_ioctls)
{
	static const unsigned int directions[] = {
		_IOC_NONE, _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE,
	};
	static const unsigned int sizes[] = {
		0, 4, sizeof(struct mshv_create_partition_v2),
	};
	unsigned int nr, d, s;
	char arg[256] = { };

	for (nr = 0; nr < 256; nr++)
		for (d = 0; d < ARRAY_SIZE(directions); d++)
			for (s = 0; s < ARRAY_SIZE(sizes); s++) {
				ASSERT_EQ(-ENOTTY, mshv_ioctl(self->fd,
							      _IOC(directions[d], MSHV_IOCTL,
								   nr, sizes[s]), arg));
			}
}

/* Those of partitions and VPs are not the device's. */
TEST_F(device, ioctls_of_others)
{
	static const unsigned long requests[] = {
		MSHV_INITIALIZE_PARTITION, MSHV_CREATE_VP, MSHV_SET_GUEST_MEMORY,
		MSHV_IRQFD, MSHV_IOEVENTFD, MSHV_SET_MSI_ROUTING,
		MSHV_GET_GPAP_ACCESS_BITMAP, MSHV_RUN_VP, MSHV_GET_VP_STATE,
		MSHV_SET_VP_STATE,
	};
	char arg[256] = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		EXPECT_EQ(-ENOTTY, mshv_ioctl(self->fd, requests[i], arg));
}

static int create(int dev, u64 flags, u64 isolation)
{
	struct mshv_create_partition args = {
		.pt_flags = flags,
		.pt_isolation = isolation,
	};

	return mshv_ioctl(dev, MSHV_CREATE_PARTITION, &args);
}

/* Each flag that is not defined, each isolation that does not exist. */
TEST_F(device, create_bad_flags)
{
	unsigned int i;

	for (i = MSHV_PT_BIT_COUNT; i < 64; i++) {
		EXPECT_EQ(-EINVAL, create(self->fd, BIT_ULL(i), 0));
		EXPECT_EQ(-EINVAL, create(self->fd, BIT_ULL(i) | VM_DEFAULT, 0));
	}
	EXPECT_EQ(-EINVAL, create(self->fd, 0, MSHV_PT_ISOLATION_COUNT));
	EXPECT_EQ(-EINVAL, create(self->fd, 0, BIT_ULL(32)));
	EXPECT_EQ(-EINVAL, create(self->fd, 0, ~0ULL));
}

TEST_F(device, create_bad_pointer)
{
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, NULL));
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, NOWHERE));
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION,
				      (void *)KERNEL_ADDRESS));
}

/* The flags that every hypervisor has, alone and together. */
TEST_F(device, create_flags)
{
	static const u64 flags[] = {
		0, BIT(MSHV_PT_BIT_LAPIC), BIT(MSHV_PT_BIT_GPA_SUPER_PAGES),
		BIT(MSHV_PT_BIT_LAPIC) | BIT(MSHV_PT_BIT_X2APIC), VM_DEFAULT,
	};
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = create(self->fd, flags[i], MSHV_PT_ISOLATION_NONE);
		EXPECT_GE(fd, 0)
			TH_LOG("flags %#llx", (unsigned long long)flags[i]);
		close(fd);
	}
}

/* The first structure is shorter: what follows it in memory is not read. */
TEST_F(device, create_v1_is_short)
{
	char *page = page_before_nothing();
	struct mshv_create_partition *args =
		(void *)(page + PAGE - sizeof(*args));
	int fd;

	args->pt_flags = VM_DEFAULT;
	fd = mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, args);
	EXPECT_GE(fd, 0);
	close(fd);

	/* With this flag it is the second, which would go on past the page. */
	args->pt_flags |= BIT(MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES);
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, args));
}

static struct mshv_create_partition_v2 create_v2(void)
{
	return (struct mshv_create_partition_v2) {
		.pt_flags = VM_DEFAULT | BIT(MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES),
		.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS,
	};
}

/* The second structure: the count of banks, and each reserved byte. */
TEST_F(device, create_v2_bad)
{
	struct mshv_create_partition_v2 args;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		args = create_v2();
		args.pt_num_cpu_fbanks = i == MSHV_NUM_CPU_FEATURES_BANKS ? 0xffff : i;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args));
	}
	for (i = 0; i < sizeof(args.pt_rsvd); i++) {
		args = create_v2();
		args.pt_rsvd[i] = 1;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args));
	}
	for (i = 0; i < sizeof(args.pt_rsvd1); i++) {
		args = create_v2();
		((u8 *)args.pt_rsvd1)[i] = 0x80;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args));
	}
	args = create_v2();
	args.pt_isolation = MSHV_PT_ISOLATION_COUNT;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args));
	args = create_v2();
	args.pt_flags |= BIT(MSHV_PT_BIT_COUNT);
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args));
}

TEST_F(device, create_v2)
{
	struct mshv_create_partition_v2 args = create_v2();
	int fd = mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args);

	ASSERT_GE(fd, 0);
	close(fd);
}

/*
 * Features without a name: a newer hypervisor takes them, an older one refuses them, and
 * the driver hands either on. hvemu does the one, and with --strict-features the other;
 * the boot "strict" of hvboots/table.py looks for the refusal in the event log.
 */
TEST_F(device, create_v2_unknown_feature)
{
	struct mshv_create_partition_v2 args = create_v2();
	int fd;

	args.pt_cpu_fbanks[1] = BIT_ULL(63);
	fd = mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args);
	if (fd >= 0)
		close(fd);
	EXPECT_TRUE(fd >= 0 || fd == -EINVAL)
		TH_LOG("%d", fd);
}

GUEST64(cpuid_1_ecx,
	"mov $1, %eax\n"
	"cpuid\n"
	"mov %ecx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(cpuid_7_ebx,
	"mov $7, %eax\n"
	"xor %ecx, %ecx\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

FIXTURE(features) {
	struct mshv_create_partition_v2 args;
};

/*
 * The property that names a feature, and its bit there; who reads a register of CPUID,
 * the feature's bit in that, and the bits of what needs it.
 */
FIXTURE_VARIANT(features) {
	u32 property;
	union hv_partition_processor_features cpu;
	union hv_partition_processor_xsave_features xsave;
	const struct guest *guest;
	u32 bit;
	u32 dependents;
};

FIXTURE_VARIANT_ADD(features, popcnt) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0,
	.cpu.pop_cnt_support = 1,
	.guest = &cpuid_1_ecx,
	.bit = bit_POPCNT,
};

FIXTURE_VARIANT_ADD(features, tsc_adjust) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1,
	.cpu.tsc_adjust_support = 1,
	.guest = &cpuid_7_ebx,
	.bit = BIT(1),
};

FIXTURE_VARIANT_ADD(features, xsave) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_XSAVE_FEATURES,
	.xsave.xsave_support = 1,
	.guest = &cpuid_1_ecx,
	.bit = bit_XSAVE,
	.dependents = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C,
};

FIXTURE_SETUP(features)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->args = create_v2();
}

FIXTURE_TEARDOWN(features)
{
}

/* What a property of a new partition says, and CPUID to its guest. */
static int look(const struct mshv_create_partition_v2 *args, u32 code,
		const struct guest *guest, u64 *property, u32 *cpuid, u16 *status)
{
	struct vm vm;
	struct vp vp;
	int ret;

	vm_start_without(&vm, args);
	ret = hv_get_property(vm.fd, code, property, status);
	if (!ret) {
		vp_start(&vm, &vp, 0);
		vp_enter(&vp, GUEST_LONG, guest);
		ret = vp_run_to_report(&vp, cpuid);
		vp_stop(&vp);
	}
	vm_stop(&vm);
	return ret;
}

/* A feature that is disabled is one that the partition and its guest do not have. */
TEST_F(features, disabled)
{
	const u64 in[] = { variant->cpu.as_uint64[0], variant->cpu.as_uint64[1],
			   variant->xsave.as_uint64 };
	const u64 bit = in[0] | in[1] | in[2];
	u64 with, without;
	u32 had, has;
	u16 status;
	int ret;

	ret = look(&self->args, variant->property, variant->guest, &with, &had, &status);
	if (hv_lacks(status))
		SKIP(return, "no features of a partition: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(!!(with & bit), !!(had & variant->bit));
	if (!(with & bit))
		SKIP(return, "this processor has no such feature");

	self->args.pt_cpu_fbanks[0] = in[0];
	self->args.pt_cpu_fbanks[1] = in[1];
	self->args.pt_disabled_xsave = in[2];
	ASSERT_EQ(0, look(&self->args, variant->property, variant->guest, &without, &has,
			  &status));
	/* There is nothing of XSAVE's without XSAVE. */
	EXPECT_EQ(in[2] ? 0 : with & ~bit, without);
	EXPECT_EQ(had & ~variant->bit, has | (had & variant->dependents));
	EXPECT_EQ(0, has & variant->dependents);
}

/* None of the files goes to a program that is started. */
TEST_F(device, close_on_exec)
{
	struct vm vm;
	int vp;

	ASSERT_EQ(0, vm_create(&vm, VM_DEFAULT));
	ASSERT_EQ(0, vm_initialize(&vm));
	vp = vm_add_vp(&vm, 0);
	ASSERT_GE(vp, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(vm.fd, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(vp, F_GETFD));
	close(vp);
	vm_stop(&vm);
}

/*
 * Whether it was the driver that refused a hypercall. The hypervisor may say EINVAL
 * as well, but then the driver has written back with which status it did.
 */
static bool refused(int fd, u16 code, const void *in, size_t in_size, void *out, size_t out_size)
{
	u16 status;

	return hv_call(fd, code, in, in_size, out, out_size, &status) == -EINVAL &&
	       status == HV_STATUS_SUCCESS;
}

/*
 * Of all hypercalls the device itself lets two through. One that gets through
 * ends it: what the others would do to the partition this runs in is not to be
 * found out.
 */
TEST_F(device, hypercalls_of_the_device)
{
	u64 in[8] = { }, out[8] = { };
	unsigned int code;

	for (code = 0; code < 0x200; code++) {
		if (code == HVCALL_GET_PARTITION_PROPERTY ||
		    code == HVCALL_GET_PARTITION_PROPERTY_EX)
			continue;
		ASSERT_TRUE(refused(self->fd, code, in, sizeof(in), out, sizeof(out)))
			TH_LOG("hypercall %#x", code);
	}
}

/* What the driver itself asked while it loaded, an L1VH may ask again. */
TEST_F(device, property_ex)
{
	struct hv_input_get_partition_property_ex in = {
		.property_code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES,
	};
	struct hv_partition_property_vmm_capabilities out = { };
	u16 status = 0xffff;
	int ret;

	ret = hv_call(self->fd, HVCALL_GET_PARTITION_PROPERTY_EX, &in, sizeof(in),
		      &out, sizeof(out), &status);
	if (hv_lacks(status))
		SKIP(return, "the hypervisor has no VMM capabilities");
	EXPECT_EQ(0, ret);
	EXPECT_EQ(HV_STATUS_SUCCESS, status);
}

/* A property that does not exist: an errno, and the status that says which. */
TEST_F(device, property_unknown)
{
	u16 status = 0;
	u64 value;

	/* Which errno is another matter: kernels differ. */
	EXPECT_GT(0, hv_get_property(self->fd, 0xdeadbeef, &value, &status));
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, status);
}

/*
 * The caller's partition id does not count: it is that of the file. A property
 * of the machine is the same whatever id the caller made up.
 */
TEST_F(device, partition_id_is_the_kernels)
{
	struct hv_input_get_partition_property in = {
		.property_code = HV_PARTITION_PROPERTY_PROCESSOR_CLOCK_FREQUENCY,
	};
	u64 mine, theirs;
	u16 status;
	int ret;

	ret = hv_call(self->fd, HVCALL_GET_PARTITION_PROPERTY, &in, sizeof(in),
		      &mine, sizeof(mine), &status);
	if (hv_lacks(status))
		SKIP(return, "no clock frequency: status %#x", status);
	ASSERT_EQ(0, ret);
	in.partition_id = 0x123456789abcdef;
	EXPECT_EQ(0, hv_call(self->fd, HVCALL_GET_PARTITION_PROPERTY, &in, sizeof(in),
			     &theirs, sizeof(theirs), &status));
	EXPECT_EQ(mine, theirs);
	EXPECT_EQ(0x123456789abcdef, in.partition_id);
}

/* Like refused(), for a call of which the status was 0 before. */
static bool refuses(int fd, struct mshv_root_hvcall *call)
{
	return mshv_ioctl(fd, MSHV_ROOT_HVCALL, call) == -EINVAL &&
	       call->status == HV_STATUS_SUCCESS;
}

/* Every field of MSHV_ROOT_HVCALL that can be wrong. */
TEST_F(device, root_hvcall_bad_arguments)
{
	struct hv_input_get_partition_property in = {
		.property_code = HV_PARTITION_PROPERTY_PROCESSOR_CLOCK_FREQUENCY,
	};
	u64 out;
	const struct mshv_root_hvcall good = {
		.code = HVCALL_GET_PARTITION_PROPERTY,
		.in_sz = sizeof(in),
		.in_ptr = (uintptr_t)&in,
		.out_sz = sizeof(out),
		.out_ptr = (uintptr_t)&out,
	};
	struct mshv_root_hvcall call;
	unsigned int i;

	/* Otherwise none of the below is the driver's refusal. */
	call = good;
	if (mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call) && hv_lacks(call.status))
		SKIP(return, "no clock frequency: status %#x", call.status);
	ASSERT_EQ(HV_STATUS_SUCCESS, call.status);
	out = 0;
	ASSERT_EQ(0, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &good));
	ASSERT_NE(0, out);

	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, NULL));
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, NOWHERE));

	call = good;
	call.status = 1;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call));
	for (i = 0; i < sizeof(call.rsvd); i++) {
		call = good;
		call.rsvd[i] = 1;
		EXPECT_TRUE(refuses(self->fd, &call));
	}
	/* There is always a partition id in the input, and it fits in a page. */
	for (i = 0; i < sizeof(u64); i++) {
		call = good;
		call.in_sz = i;
		EXPECT_TRUE(refuses(self->fd, &call));
	}
	call = good;
	call.in_sz = PAGE + 1;
	EXPECT_TRUE(refuses(self->fd, &call));
	call = good;
	call.in_ptr = 0;
	EXPECT_TRUE(refuses(self->fd, &call));
	call = good;
	call.in_ptr = (uintptr_t)NOWHERE;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call));
	call = good;
	call.in_ptr = KERNEL_ADDRESS;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call));
	call = good;
	call.out_sz = 0;
	EXPECT_TRUE(refuses(self->fd, &call));
	call = good;
	call.out_sz = PAGE + 1;
	EXPECT_TRUE(refuses(self->fd, &call));
	/* What has worked cannot be delivered. */
	call = good;
	call.out_ptr = (uintptr_t)NOWHERE;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call));
}

/*
 * A count of repetitions belongs to calls that have any, as the hypervisor says;
 * that it has twelve bits the driver says, before a thirteenth becomes another
 * field of the hypercall.
 */
TEST_F(device, root_hvcall_bad_repetitions)
{
	struct hv_input_get_partition_property in = {
		.property_code = HV_PARTITION_PROPERTY_PROCESSOR_CLOCK_FREQUENCY,
	};
	u64 out;
	struct mshv_root_hvcall call = {
		.code = HVCALL_GET_PARTITION_PROPERTY,
		.reps = 1,
		.in_sz = sizeof(in),
		.in_ptr = (uintptr_t)&in,
		.out_sz = sizeof(out),
		.out_ptr = (uintptr_t)&out,
	}, good = call;

	good.reps = 0;
	if (mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &good) && hv_lacks(good.status))
		SKIP(return, "no clock frequency: status %#x", good.status);
	ASSERT_EQ(HV_STATUS_SUCCESS, good.status);

	EXPECT_EQ(-EINVAL, mshv_ioctl(self->fd, MSHV_ROOT_HVCALL, &call));
	EXPECT_NE(HV_STATUS_SUCCESS, call.status);
	call.status = 0;
	call.reps = 0x1000;
	EXPECT_TRUE(refuses(self->fd, &call));
	EXPECT_EQ(0x1000, call.reps);
	call.reps = 0xffff;
	EXPECT_TRUE(refuses(self->fd, &call));
}

static int run_to_hello(struct vp *vp)
{
	u32 value = 0;
	int ret;

	vp_enter(vp, GUEST_LONG, &guest_hello);
	ret = vp_run_to_report(vp, &value);
	return ret ? ret : value != 0x600d;
}

/* A partition with one VP, for what their files take. */
FIXTURE(files) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(files)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(files)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Neither takes what is the device's, the other's or nobody's. */
TEST_F(files, ioctls_of_others)
{
	static const unsigned long not_partition[] = {
		MSHV_CREATE_PARTITION, MSHV_RUN_VP, MSHV_GET_VP_STATE, MSHV_SET_VP_STATE,
		_IO(MSHV_IOCTL, 0x08), _IO(MSHV_IOCTL, 0xff),
		_IOW(MSHV_IOCTL, 0x02, struct mshv_create_vp),
	};
	static const unsigned long not_vp[] = {
		MSHV_CREATE_PARTITION, MSHV_INITIALIZE_PARTITION, MSHV_CREATE_VP,
		MSHV_SET_GUEST_MEMORY, MSHV_IRQFD, MSHV_IOEVENTFD,
		MSHV_SET_MSI_ROUTING, MSHV_GET_GPAP_ACCESS_BITMAP,
		_IO(MSHV_IOCTL, 0x03), _IO(MSHV_IOCTL, 0xff),
	};
	char arg[512] = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(not_partition); i++)
		EXPECT_EQ(-ENOTTY, mshv_ioctl(self->vm.fd, not_partition[i], arg));
	for (i = 0; i < ARRAY_SIZE(not_vp); i++)
		EXPECT_EQ(-ENOTTY, mshv_ioctl(self->vp.fd, not_vp[i], arg));
}

/* Hypercalls that can wait are the partition's alone; others, everybody's. */
TEST_F(files, hypercalls)
{
	static const u16 nobodys[] = {
		HVCALL_DEPOSIT_MEMORY, HVCALL_WITHDRAW_MEMORY, HVCALL_MAP_GPA_PAGES,
		HVCALL_UNMAP_GPA_PAGES, HVCALL_CREATE_VP, HVCALL_DELETE_VP,
		HVCALL_DISPATCH_VP,
	};
	u64 in[8] = { }, value;
	unsigned int code, i;
	u16 status;

	EXPECT_EQ(-EINVAL, hv_set_property(self->vp.fd,
					   HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
					   1, &status));
	EXPECT_EQ(HV_STATUS_SUCCESS, status);
	/* Life and death of partitions are the kernel's. */
	for (code = HVCALL_CREATE_PARTITION; code <= HVCALL_DELETE_PARTITION; code++) {
		EXPECT_TRUE(refused(self->vm.fd, code, in, sizeof(in), NULL, 0));
		EXPECT_TRUE(refused(self->vp.fd, code, in, sizeof(in), NULL, 0));
	}
	for (i = 0; i < ARRAY_SIZE(nobodys); i++) {
		EXPECT_TRUE(refused(self->vm.fd, nobodys[i], in, sizeof(in), NULL, 0))
			TH_LOG("hypercall %#x", nobodys[i]);
		EXPECT_TRUE(refused(self->vp.fd, nobodys[i], in, sizeof(in), NULL, 0));
	}
	EXPECT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE,
				     0, NULL));
	EXPECT_EQ(0, hv_get_property(self->vp.fd, HV_PARTITION_PROPERTY_TIME_FREEZE,
				     &value, NULL));
}

/* What QEMU, Cloud Hypervisor and OpenVMM all give to their guests. */
static const union hv_partition_synthetic_processor_features wanted = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_partition_reference_counter = 1,
	.access_synic_regs = 1,
	.access_synthetic_timer_regs = 1,
	.access_intr_ctrl_regs = 1,
	.access_hypercall_regs = 1,
	.access_vp_index = 1,
	.access_partition_reference_tsc = 1,
	.access_guest_idle_reg = 1,
	.access_frequency_regs = 1,
	.direct_synthetic_timers = 1,
	.tb_flush_hypercalls = 1,
	.synthetic_cluster_ipi = 1,
};

TEST_F(device, synthetic_features)
{
	const struct hv_input_get_partition_property_ex in = {
		.property_code = HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES,
	};
	u64 out[2] = { }, value;
	struct vm vm;
	u16 status;
	int ret;

	ret = hv_call(self->fd, HVCALL_GET_PARTITION_PROPERTY_EX, &in, sizeof(in), out,
		      sizeof(out), &status);
	EXPECT_TRUE(ret ? hv_lacks(status) : !(wanted.as_uint64[0] & ~out[1]));

	ASSERT_EQ(0, vm_create(&vm, VM_DEFAULT));
	EXPECT_EQ(0, hv_set_property(vm.fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				     wanted.as_uint64[0], &status))
		TH_LOG("status %#x", status);
	EXPECT_EQ(0, hv_get_property(vm.fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				     &value, NULL));
	EXPECT_EQ(wanted.as_uint64[0], value);
	close(vm.fd);
}

/* VMMs look here for what the hypervisor can do, as the kernel does by CPUID. */
TEST_F(device, synthetic_features_of_the_host)
{
	union hv_partition_synthetic_processor_features own;
	u32 eax, ebx, ecx, edx;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, &value,
			      &status);
	if (hv_lacks(status))
		SKIP(return, "the host does not tell its features: status %#x", status);
	ASSERT_EQ(0, ret);
	own.as_uint64[0] = value;
	__cpuid(HYPERV_CPUID_FEATURES, eax, ebx, ecx, edx);
	EXPECT_EQ(1, 0U + own.hypervisor_present);
	EXPECT_EQ(!!(eax & HV_MSR_HYPERCALL_AVAILABLE), 0U + own.access_hypercall_regs);
	EXPECT_EQ(!!(eax & HV_MSR_VP_INDEX_AVAILABLE), 0U + own.access_vp_index);
	EXPECT_EQ(!!(eax & HV_MSR_SYNIC_AVAILABLE), 0U + own.access_synic_regs);
}

GUEST64(cpuid_features,
	"mov $" __stringify(HYPERV_CPUID_FEATURES) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* TLFS: a partition's privileges are what that leaf tells it in EAX and EBX. */
TEST_F(device, privilege_flags)
{
	struct vm vm;
	struct vp vp;
	u64 value;
	u32 seen;
	u16 status;
	int ret;

	ASSERT_EQ(0, vm_start_enlightened(&vm, wanted.as_uint64[0]));
	ret = hv_get_property(vm.fd, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "privileges cannot be read: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &cpuid_features);
	ASSERT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_EQ(seen | vp_get(&vp, HV_X64_REGISTER_RBX) << 32, value);
	EXPECT_TRUE(value & HV_MSR_HYPERCALL_AVAILABLE);
	vp_stop(&vp);
	vm_stop(&vm);
}

#define STATISTICS	"/sys/kernel/debug/mshv/partition"

/* The newest partition that has statistics; 0: none has. */
static u64 newest_statistics(void)
{
	DIR *dir = opendir(STATISTICS);
	struct dirent *entry;
	u64 id, newest = 0;

	while (dir && (entry = readdir(dir))) {
		id = strtoull(entry->d_name, NULL, 10);
		if (id > newest)
			newest = id;
	}
	if (dir)
		closedir(dir);
	return newest;
}

/* A counter of a partition, or of its VP if @vp says so; ~0: there is none. */
static u64 counter(u64 partition, const char *vp, const char *name)
{
	char path[128], line[128];
	u64 value = ~0ULL;
	FILE *file;

	snprintf(path, sizeof(path), STATISTICS "/%llu%s/stats",
		 (unsigned long long)partition, vp);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = strtoull(strchr(line, ':') + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* What debugfs shows of a partition is of that partition, not what memory held before. */
TEST_F(files, statistics)
{
	u64 id = newest_statistics();

	if (!id)
		SKIP(return, "no statistics: debugfs, or the hypervisor, has none");
	EXPECT_EQ(1, counter(id, "", "PtVirtualProcessors"));
	ASSERT_EQ(0, run_to_hello(&self->vp));
	EXPECT_LT(0, counter(id, "/vp/0", "VpTotalRunTime"));
	/* Far less than what a kernel's address would be. */
	EXPECT_GT(1ULL << 48, counter(id, "/vp/0", "VpTotalRunTime"));
	EXPECT_LE(1, counter(id, "/vp/0", "VpIoInterceptMessages"));
	EXPECT_GT(100, counter(id, "/vp/0", "VpIoInterceptMessages"));
}

/* Time can be set while it is frozen, and goes on from there. */
TEST_F(files, reference_time)
{
	const u32 code = HV_PARTITION_PROPERTY_REFERENCE_TIME;
	u64 value;
	u16 status;

	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 0, NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, code, 12345678, &status));
	if (hv_lacks(status))
		SKIP(return, "no reference time: status %#x", status);
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, status);
	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 1, NULL));
	ASSERT_EQ(0, hv_set_property(self->vm.fd, code, 12345678, NULL));
	usleep(1000);
	ASSERT_EQ(0, hv_get_property(self->vm.fd, code, &value, NULL));
	EXPECT_EQ(12345678, value);
	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 0, NULL));
	usleep(1000);
	ASSERT_EQ(0, hv_get_property(self->vm.fd, code, &value, NULL));
	EXPECT_LT(12345678, value);
}

/* A share of the machine's processors, for each VP of the partition. */
TEST_F(files, shares_of_processors)
{
	const u32 cap = HV_PARTITION_PROPERTY_CPU_CAP;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->vm.fd, cap, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "no cap on processors: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0x10000, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, cap, 0xc000, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, cap, &value, NULL));
	EXPECT_EQ(0xc000, value);
	/* It is no more than all, and no less than what is reserved. */
	EXPECT_GT(0, hv_set_property(self->vm.fd, cap, 0x10001, NULL));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_RESERVE, 0x4000,
				     NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, cap, 0x3fff, NULL));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_WEIGHT, 200, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_WEIGHT, &value,
				     NULL));
	EXPECT_EQ(200, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, cap, 0x10000, NULL));
	EXPECT_EQ(0, run_to_hello(&self->vp));
}

/* There is one group of processors as long as nobody has made another. */
TEST_F(files, cpu_group)
{
	const u32 group = HV_PARTITION_PROPERTY_CPU_GROUP_ID;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->vm.fd, group, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "no groups of processors: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, group, 0, NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, group, 12345, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, group, &value, NULL));
	EXPECT_EQ(0, value);
}

/* As many leaves of CPUID as VMMs register, for each of two VPs, and for all. */
TEST_F(files, cpuid_results)
{
	struct hv_input_register_intercept_result in = {
		.intercept_type = HV_INTERCEPT_TYPE_X64_CPUID,
		.always_override = 1,
		.result[0] = { .value = 1, .mask = ~0U },
	};
	const unsigned int leaves = 120;
	struct vp second;
	unsigned int i;
	u16 status;
	int ret;

	vp_start(&self->vm, &second, 1);
	for (i = 0; i < 2 * leaves; i++) {
		in.vp_index = i / leaves;
		in.eax = 0x4000f000 + i % leaves;
		ret = hv_call(in.vp_index ? second.fd : self->vp.fd,
			      HVCALL_REGISTER_INTERCEPT_RESULT, &in, sizeof(in), NULL, 0, &status);
		if (hv_lacks(status))
			SKIP(return, "no CPUID results: status %#x", status);
		ASSERT_EQ(0, ret)
			TH_LOG("VP %u, leaf %u: status %#x", in.vp_index, i % leaves, status);
	}
	in.vp_index = HV_ANY_VP;
	EXPECT_EQ(0, hv_call(self->vm.fd, HVCALL_REGISTER_INTERCEPT_RESULT, &in, sizeof(in),
			     NULL, 0, NULL));
	EXPECT_EQ(0, run_to_hello(&self->vp));
	EXPECT_EQ(0, run_to_hello(&second));
	vp_stop(&second);
}

GUEST64(cpuid_b_1_ebx,
	"mov $0xb, %eax\n"
	"mov $1, %ecx\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(cpuid_1_ebx,
	"mov $1, %eax\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* VPs that are cores of one socket see each other there. */
TEST_F(files, processors_per_socket)
{
	u32 seen;
	u16 status;
	int ret;

	ret = hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET, 4,
			      &status);
	if (hv_lacks(status))
		SKIP(return, "no sockets: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, GUEST_LONG, &cpuid_b_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(4, seen & 0xffff);
	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(4, seen >> 16 & 0xff);
}

/* A VMM may give a VP's local APIC a number of its own, before the VP runs. */
TEST_F(files, initial_apic_id)
{
	const struct hv_register_assoc id = {
		.name = HV_X64_REGISTER_INITIAL_APIC_ID,
		.value.reg64 = 6,
	};
	u32 seen;

	ASSERT_EQ(0, vp_set_registers(&self->vp, &id, 1));
	EXPECT_EQ(6, vp_get(&self->vp, HV_X64_REGISTER_INITIAL_APIC_ID));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(6, seen >> 24);
}

GUEST64(cpuid_version,
	"mov $" __stringify(HYPERV_CPUID_VERSION) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* What the guest sees of the hypervisor by CPUID, its VMM reads as a register. */
TEST_F(files, hypervisor_version)
{
	const u32 name = HV_REGISTER_HYPERVISOR_VERSION;
	union hv_register_value value;
	u32 seen;

	ASSERT_EQ(0, vp_get_registers(&self->vp, &name, &value, 1));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_version);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(seen, (u32)value.reg64);
}

GUEST64(cpuid_interface,
	"mov $" __stringify(HYPERV_CPUID_INTERFACE) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* A guest is told of a hypervisor if its VMM has granted that. */
TEST_F(files, hypervisor_as_granted)
{
	const union hv_partition_synthetic_processor_features granted = {
		.hypervisor_present = 1,
		.hv1 = 1,
	};
	struct vm vm;
	struct vp vp;
	u32 seen;

	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ecx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(0, seen & BIT(31));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_interface);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_NE(0x31237648, seen);

	ASSERT_EQ(0, vm_start_enlightened(&vm, granted.as_uint64[0]));
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &cpuid_1_ecx);
	EXPECT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_NE(0, seen & BIT(31));
	/* "Hv#1" */
	vp_enter(&vp, GUEST_LONG, &cpuid_interface);
	EXPECT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_EQ(0x31237648, seen);
	vp_stop(&vp);
	vm_stop(&vm);
}

/* A property that belongs before initialization is refused after it. */
TEST_F(files, early_property_late)
{
	u16 status = 0;

	EXPECT_NE(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS,
				     0, &status));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, status);
}

TEST_F(files, create_vp_bad)
{
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_CREATE_VP, NOWHERE));
	EXPECT_EQ(-EEXIST, vm_add_vp(&self->vm, 0));
	EXPECT_EQ(-EINVAL, vm_add_vp(&self->vm, VPS_MAX));
	EXPECT_EQ(-EINVAL, vm_add_vp(&self->vm, 0x80000000));
	EXPECT_EQ(-EINVAL, vm_add_vp(&self->vm, 0xffffffff));
}

/* No number is left for the VP's file: there is no VP, and there may be one later. */
TEST_F(files, create_vp_without_file)
{
	struct rlimit limit, full;
	int next = dup(0);

	ASSERT_GE(next, 0);
	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	full = limit;
	full.rlim_cur = next;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &full));
	EXPECT_EQ(-EMFILE, vm_add_vp(&self->vm, 1));
	EXPECT_EQ(-EMFILE, vm_add_vp(&self->vm, 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));

	vp_stop(&self->vp);
	vp_start(&self->vm, &self->vp, 1);
	EXPECT_EQ(0, run_to_hello(&self->vp));
}

/*
 * What the hypervisor has not written of a hypercall's output is 0, not what the
 * kernel's memory held before: here, another hypercall's output.
 */
TEST_F(files, root_hvcall_output_is_zeroed)
{
	struct hv_input_get_partition_property in = {
		.property_code = HV_PARTITION_PROPERTY_TIME_FREEZE,
	};
	const unsigned int count = 200;
	union hv_register_value values[count];
	u8 *out = memory_get(PAGE);
	unsigned int i, round, stale = 0;
	u32 names[count];

	for (i = 0; i < count; i++)
		names[i] = HV_X64_REGISTER_R8;
	vp_set(&self->vp, HV_X64_REGISTER_R8, 0xa5a5a5a5a5a5a5a5);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, vp_get_registers(&self->vp, names, values, count));
		memset(out, 0xff, PAGE);
		ASSERT_EQ(0, hv_call(self->vp.fd, HVCALL_GET_PARTITION_PROPERTY, &in,
				     sizeof(in), out, PAGE, NULL));
		for (i = sizeof(struct hv_output_get_partition_property); i < PAGE; i++)
			stale += out[i] != 0;
	}
	EXPECT_EQ(0, stale);
}

TEST_F(files, run_bad_pointer)
{
	vp_enter(&self->vp, GUEST_LONG, &guest_hello);
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vp.fd, MSHV_RUN_VP, NOWHERE));
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vp.fd, MSHV_RUN_VP, (void *)KERNEL_ADDRESS));
}

TEST_F(files, set_memory_bad)
{
	const struct mshv_user_mem_region good = {
		.size = PAGE,
		.guest_pfn = GUEST_FREE / PAGE,
		.userspace_addr = (uintptr_t)memory_get(PAGE),
		.flags = MAP_RWX,
	};
	struct mshv_user_mem_region region;
	unsigned int i;

	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, NOWHERE));
	for (i = 0; i < sizeof(region.rsvd); i++) {
		region = good;
		region.rsvd[i] = 1;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	}
	for (i = MSHV_SET_MEM_BIT_COUNT; i < 8; i++) {
		region = good;
		region.flags |= BIT(i);
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	}
	region = good;
	region.size = 0;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	region = good;
	region.size = PAGE - 1;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	region = good;
	region.size = ~0ULL & ~(PAGE - 1);
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	region = good;
	region.userspace_addr++;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	region = good;
	region.userspace_addr = KERNEL_ADDRESS;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &region));
	/* Nothing is mapped at its beginning. */
	munmap((void *)good.userspace_addr, PAGE);
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_SET_GUEST_MEMORY, &good));
}

TEST_F(files, irqfd_bad)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct mshv_user_irqfd args = { .fd = event };
	unsigned int i;

	ASSERT_GE(event, 0);
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_IRQFD, NOWHERE));
	for (i = MSHV_IRQFD_BIT_COUNT; i < 32; i++) {
		args.flags = BIT(i);
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	}
	args.flags = 0;
	args.fd = -1;
	EXPECT_EQ(-EBADF, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	args.fd = self->vm.fd;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	args.flags = BIT(MSHV_IRQFD_BIT_DEASSIGN);
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	args.fd = -1;
	EXPECT_EQ(-EBADF, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	args.fd = event;
	args.flags = BIT(MSHV_IRQFD_BIT_RESAMPLE);
	args.resamplefd = -1;
	EXPECT_EQ(-EBADF, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	/* None of these has left the eventfd in use. */
	args.flags = 0;
	EXPECT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	EXPECT_EQ(-EBUSY, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &args));
	close(event);
}

TEST_F(files, ioeventfd_bad)
{
	int event = eventfd(0, EFD_CLOEXEC);
	const struct mshv_user_ioeventfd good = {
		.fd = event,
		.addr = GUEST_MMIO,
		.len = 4,
	};
	static const u32 lengths[] = { 3, 5, 7, 9, 16, 0xffffffff };
	struct mshv_user_ioeventfd args;
	unsigned int i;

	ASSERT_GE(event, 0);
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, NOWHERE));
	for (i = 0; i < sizeof(args.rsvd); i++) {
		args = good;
		args.rsvd[i] = 1;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	}
	for (i = MSHV_IOEVENTFD_BIT_COUNT; i < 32; i++) {
		args = good;
		args.flags = BIT(i);
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	}
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		args = good;
		args.len = lengths[i];
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	}
	args = good;
	args.addr = ~0ULL;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	args = good;
	args.flags = BIT(MSHV_IOEVENTFD_BIT_PIO);
	EXPECT_EQ(-EOPNOTSUPP, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	args = good;
	args.fd = -1;
	EXPECT_EQ(-EBADF, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	args.fd = self->vm.fd;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	args = good;
	args.flags = BIT(MSHV_IOEVENTFD_BIT_DEASSIGN);
	EXPECT_EQ(-ENOENT, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
	close(event);
}

/* An MSI table with room for entries. */
static int set_routes(struct vm *vm, u32 nr, const struct mshv_user_irq_entry *entries,
		      unsigned int count, u32 reserved)
{
	union {
		struct mshv_user_irq_table table;
		u8 bytes[sizeof(struct mshv_user_irq_table) +
			 4 * sizeof(struct mshv_user_irq_entry)];
	} args = { .table = { .nr = nr, .rsvd = reserved } };

	memcpy(args.table.entries, entries, count * sizeof(*entries));
	return mshv_ioctl(vm->fd, MSHV_SET_MSI_ROUTING, &args);
}

TEST_F(files, msi_routing_bad)
{
	struct mshv_user_irq_entry entries[2] = {
		{ .gsi = 1, .address_lo = APIC_BASE, .data = 0x40 },
		{ .gsi = 2, .address_lo = APIC_BASE, .data = 0x41 },
	};

	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_SET_MSI_ROUTING, NOWHERE));
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, 2, entries, 2, 1));
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, IRQS_MAX + 1, entries, 2, 0));
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, 0xffffffff, entries, 2, 0));
	entries[1].gsi = 1;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, 2, entries, 2, 0));
	entries[1].gsi = IRQS_MAX;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, 2, entries, 2, 0));
	entries[1].gsi = 2;
	entries[1].address_hi = 1;
	EXPECT_EQ(-EINVAL, set_routes(&self->vm, 2, entries, 2, 0));
	entries[1].address_hi = 0;
	EXPECT_EQ(0, set_routes(&self->vm, 2, entries, 2, 0));
	/* None. */
	EXPECT_EQ(0, set_routes(&self->vm, 0, entries, 0, 0));
}

/* The entries reach past what is mapped. */
TEST_F(files, msi_routing_entries_missing)
{
	char *page = page_before_nothing();
	struct mshv_user_irq_table *table = (void *)(page + PAGE - sizeof(*table));

	table->nr = 1;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_SET_MSI_ROUTING, table));
}

TEST_F(files, access_bitmap_bad)
{
	u64 bitmap = 0;
	const struct mshv_gpap_access_bitmap good = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.access_op = MSHV_GPAP_ACCESS_OP_NOOP,
		.page_count = GUEST_RAM_SIZE / PAGE,
		.bitmap_ptr = (uintptr_t)&bitmap,
	};
	struct mshv_gpap_access_bitmap args;
	unsigned int i;

	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, NOWHERE));
	for (i = 0; i < sizeof(args.rsvd); i++) {
		args = good;
		args.rsvd[i] = 1;
		EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP,
					      &args));
	}
	args = good;
	args.access_type = MSHV_GPAP_ACCESS_TYPE_COUNT;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args = good;
	args.access_op = MSHV_GPAP_ACCESS_OP_COUNT;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args = good;
	args.page_count = 0;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args = good;
	args.bitmap_ptr = 0;
	EXPECT_EQ(-EINVAL, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
}

TEST_F(files, vp_state_bad)
{
	char *page = memory_get(2 * PAGE);
	const struct mshv_get_set_vp_state good = {
		.type = MSHV_VP_STATE_LAPIC,
		.buf_sz = PAGE,
		.buf_ptr = (uintptr_t)page,
	};
	static const unsigned long requests[] = { MSHV_GET_VP_STATE, MSHV_SET_VP_STATE };
	struct mshv_get_set_vp_state args;
	unsigned int i, r;
	int fd = self->vp.fd;

	for (r = 0; r < ARRAY_SIZE(requests); r++) {
		EXPECT_EQ(-EFAULT, mshv_ioctl(fd, requests[r], NOWHERE));
		for (i = 0; i < sizeof(args.rsvd); i++) {
			args = good;
			args.rsvd[i] = 1;
			EXPECT_EQ(-EINVAL, mshv_ioctl(fd, requests[r], &args));
		}
		args = good;
		args.type = MSHV_VP_STATE_COUNT;
		EXPECT_EQ(-EINVAL, mshv_ioctl(fd, requests[r], &args));
		args = good;
		args.buf_sz = 0;
		EXPECT_EQ(-EINVAL, mshv_ioctl(fd, requests[r], &args));
		args = good;
		args.buf_sz = PAGE - 1;
		EXPECT_EQ(-EINVAL, mshv_ioctl(fd, requests[r], &args));
		args = good;
		args.buf_ptr++;
		EXPECT_EQ(-EINVAL, mshv_ioctl(fd, requests[r], &args));
		args = good;
		args.buf_ptr = KERNEL_ADDRESS;
		EXPECT_EQ(-EFAULT, mshv_ioctl(fd, requests[r], &args));
	}
	/* The size that is needed is said even where the rest goes wrong. */
	munmap(page, 2 * PAGE);
	args = good;
	args.buf_sz = 2 * PAGE;
	EXPECT_EQ(-EFAULT, mshv_ioctl(fd, MSHV_GET_VP_STATE, &args));
	EXPECT_EQ(PAGE, args.buf_sz);
}

/*
 * A VMM that gets EINVAL looks at the size: where it is more than the buffer had,
 * that was too small, and one of that size will do. Otherwise it is what the state
 * needs.
 */
TEST_F(files, vp_state_size)
{
	static const u8 types[] = {
		MSHV_VP_STATE_LAPIC, MSHV_VP_STATE_XSAVE, MSHV_VP_STATE_SIMP,
		MSHV_VP_STATE_SIEFP, MSHV_VP_STATE_SYNTHETIC_TIMERS,
	};
	struct mshv_get_set_vp_state args;
	unsigned int i;
	size_t size;
	int ret;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		args = (struct mshv_get_set_vp_state) {
			.type = types[i],
			.buf_sz = PAGE,
			.buf_ptr = (uintptr_t)memory_get(PAGE),
		};
		ret = mshv_ioctl(self->vp.fd, MSHV_GET_VP_STATE, &args);
		EXPECT_EQ(args.buf_sz > PAGE ? -EINVAL : 0, ret)
			TH_LOG("type %u", types[i]);
		EXPECT_GT(args.buf_sz, 0);
		size = (args.buf_sz + 2 * PAGE - 1) & ~(PAGE - 1);
		args.buf_sz = size;
		args.buf_ptr = (uintptr_t)memory_get(size);
		EXPECT_EQ(0, mshv_ioctl(self->vp.fd, MSHV_GET_VP_STATE, &args))
			TH_LOG("type %u, %zu bytes", types[i], size);
		EXPECT_LT(args.buf_sz, size);
	}
}

/* A buffer of almost 4 GiB is more than any state has, and no reason to panic. */
TEST_F(files, vp_state_huge_buffer)
{
	struct mshv_get_set_vp_state args = {
		.type = MSHV_VP_STATE_LAPIC,
		.buf_sz = 0xffffffff & ~(PAGE - 1),
		.buf_ptr = (uintptr_t)memory_get(PAGE),
	};

	EXPECT_GT(0, mshv_ioctl(self->vp.fd, MSHV_GET_VP_STATE, &args));
}

/* Two of the pages are there, and no more. */
TEST_F(files, mmap_bad)
{
	static const unsigned int missing[] = {
		MSHV_VP_MMAP_OFFSET_COUNT, MSHV_VP_MMAP_OFFSET_COUNT + 1, 0x100000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
					   missing[i] * PAGE));
		EXPECT_EQ(EINVAL, errno);
	}
	/* Partitions whose memory is encrypted have it. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
				   MSHV_VP_MMAP_OFFSET_GHCB * PAGE));
	EXPECT_EQ(ENODEV, errno);
	/* Partitions have nothing to map. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vm.fd, 0));
}

TEST_F(files, mmap_both_pages)
{
	const struct hv_message *message;
	u32 value;

	message = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
		       MSHV_VP_MMAP_OFFSET_INTERCEPT_MESSAGE * PAGE);
	ASSERT_NE(MAP_FAILED, message);
	vp_enter(&self->vp, GUEST_LONG, &guest_hello);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0, memcmp(message, &self->vp.msg, sizeof(*message)));
	EXPECT_EQ(1, self->vp.page->isvalid);
	EXPECT_EQ(HV_VP_REGISTER_PAGE_VERSION_1, self->vp.page->version);
}

/*
 * A mapping longer than a page may be refused. If it is not, what is left of it
 * when its first pages go must be one of the pages or SIGBUS.
 */
static void touch_what_is_left(int fd)
{
	const size_t size = (MSHV_VP_MMAP_OFFSET_COUNT + 1) * PAGE;
	unsigned char *pages;
	unsigned int i;

	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		_exit(0);
	for (i = 1; i <= MSHV_VP_MMAP_OFFSET_COUNT; i++) {
		munmap(pages + (i - 1) * PAGE, PAGE);
		READ_ONCE(pages[i * PAGE]);
	}
	_exit(0);
}

TEST_F(files, mmap_too_long)
{
	pid_t child = fork();
	int status;

	ASSERT_GE(child, 0);
	if (!child)
		touch_what_is_left(self->vp.fd);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS));
}

/* A VP keeps what it needs alive: it runs on when the other files are closed. */
TEST_F(files, vp_outlives_partition_file)
{
	close(self->vm.fd);
	self->vm.fd = -1;
	EXPECT_EQ(0, run_to_hello(&self->vp));
}

/* So does its register page, when no file is left. */
TEST_F(files, page_outlives_files)
{
	struct hv_vp_register_page *page = self->vp.page;

	ASSERT_EQ(0, run_to_hello(&self->vp));
	close(self->vp.fd);
	self->vp.fd = -1;
	close(self->vm.fd);
	self->vm.fd = -1;
	EXPECT_EQ(0x600d, READ_ONCE(page->rax));
	WRITE_ONCE(page->rbx, 1);
	EXPECT_EQ(1, READ_ONCE(page->rbx));
}

/* A VP whose file is closed is still there, and its number is taken. */
TEST_F(files, vp_outlives_its_file)
{
	vp_stop(&self->vp);
	EXPECT_EQ(-EEXIST, vm_add_vp(&self->vm, 0));
}

/* Take two files out of another process, which has written their numbers. */
static int take_files(pid_t from, int numbers, struct vm *vm, struct vp *vp)
{
	int pidfd = syscall(SYS_pidfd_open, from, 0);
	int fds[2];

	if (pidfd < 0 || read(numbers, fds, sizeof(fds)) != sizeof(fds))
		return -EPROTO;
	memset(vm, 0, sizeof(*vm));
	memset(vp, 0, sizeof(*vp));
	vm->fd = syscall(SYS_pidfd_getfd, pidfd, fds[0], 0);
	vp->fd = syscall(SYS_pidfd_getfd, pidfd, fds[1], 0);
	vp->vm = vm;
	close(pidfd);
	return vm->fd < 0 || vp->fd < 0 ? -errno : 0;
}

/* Have another process make a partition, take its files, and let it exit. */
static int inherit(struct vm *vm, struct vp *vp, bool with_memory)
{
	int numbers[2], go[2], ret, status;
	pid_t child;

	if (pipe(numbers) || pipe(go))
		return -errno;
	child = fork();
	if (!child) {
		close(go[1]);
		if (with_memory)
			vm_start(vm, VM_DEFAULT);
		else if (vm_create(vm, VM_DEFAULT) || vm_initialize(vm))
			_exit(1);
		vp_start(vm, vp, 0);
		if (with_memory)
			vp_enter(vp, GUEST_LONG, &guest_hello);
		if (write(numbers[1], (int []) { vm->fd, vp->fd }, 2 * sizeof(int)) < 0)
			_exit(1);
		/* Ends when the other side has taken them. */
		_exit(read(go[0], &status, 1) != 0);
	}
	close(numbers[1]);
	ret = take_files(child, numbers[0], vm, vp);
	close(numbers[0]);
	close(go[0]);
	close(go[1]);
	if (waitpid(child, &status, 0) != child || status)
		return -EPROTO;
	return ret;
}

/* A partition can be sent to another process, whose memory is its memory then. */
TEST(sent_to_another_process)
{
	const char *why = mshv_missing();
	struct vm vm, mine;
	struct vp vp;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, inherit(&vm, &vp, false));
	/* For its contents; its own partition is of no interest. */
	vm_start(&mine, VM_DEFAULT);
	vm.ram = mine.ram;
	ASSERT_EQ(0, vm_map(&vm, 0, vm.ram, GUEST_RAM_SIZE, MAP_RWX));
	EXPECT_EQ(0, run_to_hello(&vp));
	vp_stop(&vp);
	close(vm.fd);
	vm_stop(&mine);
}

/*
 * The memory of a process goes with it. Whoever has the VP is told that it got
 * nowhere, as of any access to memory that is not there.
 */
TEST(memory_went_with_another_process)
{
	const char *why = mshv_missing();
	struct vm vm;
	struct vp vp;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, inherit(&vm, &vp, true));
	ASSERT_EQ(0, vp_run(&vp));
	EXPECT_TRUE(vp_met_memory(&vp))
		vp_print_message(&vp);
	vp_stop(&vp);
	vm_stop(&vm);
}

TEST_HARNESS_MAIN
