// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of /dev/mshv: the arguments of its ioctls, what is refused, and how; the
 * partitions and hypercalls that it takes.
 */

#include <errno.h>
#include <fcntl.h>

#include "bad_arguments.h"
#include "device_fixture.h"
#include "harness.h"
#include "vm.h"

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

TEST_HARNESS_MAIN
