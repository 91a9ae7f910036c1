// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of partitions and VPs: which takes which ioctl, and the arguments that are
 * refused.
 */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bad_arguments.h"
#include "files_fixture.h"
#include "harness.h"
#include "vm.h"

#define VPS_MAX		256
#define IRQS_MAX	4096

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

TEST_HARNESS_MAIN
