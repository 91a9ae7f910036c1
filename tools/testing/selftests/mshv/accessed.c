// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a guest were accessed and written.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "run_steps.h"
#include "touch.h"
#include "vm.h"

static int access_bitmap(struct vm *vm, u8 type, u8 op, u64 *bitmap)
{
	struct mshv_gpap_access_bitmap args = {
		.access_type = type,
		.access_op = op,
		.page_count = PAGES,
		.gpap_base = AREA / PAGE,
		.bitmap_ptr = (uintptr_t)bitmap,
	};

	int ret;

	*bitmap = ~0ULL;
	ret = mshv_ioctl(vm->fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args);
	/* What is beyond the pages is not written. */
	if (!ret && *bitmap >> PAGES != ~0ULL >> PAGES)
		return -EPROTO;
	*bitmap &= BIT_ULL(PAGES) - 1;
	return ret;
}

FIXTURE(accessed) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
};

/* All pages are there, and none is accessed or dirty. */
FIXTURE_SETUP(accessed)
{
	const char *why = mshv_missing();
	u64 bitmap;
	u16 status;
	int ret;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	ret = hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
			      1, &status);
	if (hv_lacks(status))
		SKIP(return, "the hypervisor does not track accesses: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_start(&self->vm, &self->vp, 0);
	self->memory = memory_get(PAGES * PAGE);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, AREA, PAGES, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
}

FIXTURE_TEARDOWN(accessed)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Reading the dirty bits and clearing them in one go, as migration does. */
TEST_F(accessed, dirty)
{
	u64 bitmap;
	u32 value;

	ASSERT_EQ(0, store(&self->vp, AREA + 2 * PAGE, 1));
	ASSERT_EQ(0, store(&self->vp, AREA + 39 * PAGE, 1));
	ASSERT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(2) | BIT_ULL(39), bitmap);
	ASSERT_EQ(0, store(&self->vp, AREA + 3 * PAGE, 1));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(3), bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(0, bitmap);
}

/* Pages that were read count as accessed, those that were written as well. */
TEST_F(accessed, accessed)
{
	u64 bitmap;
	u32 value;

	ASSERT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	ASSERT_EQ(0, store(&self->vp, AREA + 7 * PAGE, 1));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(5) | BIT_ULL(7), bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(0, bitmap);
}

/* Looking changes nothing, unless it is asked to. */
TEST_F(accessed, only_looked_at)
{
	unsigned int i;
	u64 bitmap;

	ASSERT_EQ(0, store(&self->vp, AREA + 2 * PAGE, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
					   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
		EXPECT_EQ(BIT_ULL(2), bitmap);
		ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_ACCESSED,
					   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
		EXPECT_EQ(BIT_ULL(2), bitmap);
	}
}

/* More than can be counted, and more than there is memory to tell of: an errno says so. */
TEST_F(accessed, too_many)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.gpap_base = AREA / PAGE,
	};
	char text[8192];
	ssize_t length;
	void *bits;

	/* Where a kernel that is told of so many would write to. */
	bits = mmap(NULL, 1UL << 27, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, bits);
	args.bitmap_ptr = (uintptr_t)bits;
	if (log >= 0)
		lseek(log, 0, SEEK_END);

	args.page_count = (1ULL << 32) + 1;
	EXPECT_EQ(-E2BIG, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.page_count = 1ULL << 30;
	EXPECT_GT(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));

	while (log >= 0 && (length = read(log, text, sizeof(text) - 1)) > 0) {
		text[length] = 0;
		EXPECT_EQ(NULL, strstr(text, "Call Trace"))
			TH_LOG("in the kernel's log: %s", text);
	}
	if (log >= 0)
		close(log);
	munmap(bits, 1UL << 27);
	EXPECT_EQ(0, vm_works());
}

/* Whose dirty bits were cleared: they are set before nobody notes them any more. */
TEST_F(accessed, no_longer)
{
	const u32 tracking = HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING;
	u64 bitmap;
	u16 status;

	EXPECT_GT(0, hv_set_property(self->vm.fd, tracking, 0, &status));
	TH_LOG("ended too early: status %#x", status);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_SET, &bitmap));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, tracking, 0, NULL));
	EXPECT_EQ(0, store(&self->vp, AREA + PAGE, 1));
}

TEST_F(accessed, set)
{
	u64 bitmap;

	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_SET, &bitmap));
	EXPECT_EQ(0, bitmap);
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_CLEAR, &bitmap));
	EXPECT_EQ(BIT_ULL(PAGES) - 1, bitmap);
}

/*
 * More pages than the hypervisor tells of at a time, and not as many as fill the
 * last byte: each bit has its page, and bits that have none are 0.
 */
#define MANY_AREA	0x2000000ULL
#define MANY_PAGES	(4096 + 13)
TEST_F(accessed, many)
{
	static const unsigned int dirty[] = {
		0, 3, 63, 64, 4093, 4094, 4095, 4096, 4097, 4103, MANY_PAGES - 1,
	};
	const size_t bytes = (MANY_PAGES + 7) / 8;
	u8 *expected = memory_get(PAGE), *bitmap = memory_get(PAGE);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.access_op = MSHV_GPAP_ACCESS_OP_CLEAR,
		.page_count = MANY_PAGES,
		.gpap_base = MANY_AREA / PAGE,
		.bitmap_ptr = (uintptr_t)bitmap,
	};
	unsigned int i;

	ASSERT_EQ(0, vm_map(&self->vm, MANY_AREA, memory_get(MANY_PAGES * PAGE),
			    MANY_PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, MANY_AREA, MANY_PAGES, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	memset(bitmap, 0xff, PAGE);
	memset(expected, 0xff, PAGE);
	expected[bytes - 1] = BIT(MANY_PAGES % 8) - 1;
	ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	EXPECT_EQ(0, memcmp(expected, bitmap, PAGE));

	memset(bitmap, 0xff, PAGE);
	memset(expected, 0, bytes);
	for (i = 0; i < ARRAY_SIZE(dirty); i++) {
		ASSERT_EQ(0, store(&self->vp, MANY_AREA + dirty[i] * PAGE, 1));
		expected[dirty[i] / 8] |= BIT(dirty[i] % 8);
	}
	ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	EXPECT_EQ(0, memcmp(expected, bitmap, PAGE));
}

/* A bitmap that cannot be delivered, from its beginning or from somewhere on. */
TEST_F(accessed, undeliverable)
{
	char *pages = memory_get(2 * PAGE);
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.access_op = MSHV_GPAP_ACCESS_OP_NOOP,
		.page_count = PAGES,
		.gpap_base = AREA / PAGE,
	};
	u64 bitmap;

	munmap(pages + PAGE, PAGE);
	args.bitmap_ptr = 1;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.bitmap_ptr = 0xffff800000000000;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	args.bitmap_ptr = (uintptr_t)pages + PAGE - 1;
	EXPECT_EQ(-EFAULT, mshv_ioctl(self->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args));
	ASSERT_EQ(0, access_bitmap(&self->vm, MSHV_GPAP_ACCESS_TYPE_DIRTY,
				   MSHV_GPAP_ACCESS_OP_NOOP, &bitmap));
	EXPECT_EQ(0, bitmap);
}

TEST_HARNESS_MAIN
