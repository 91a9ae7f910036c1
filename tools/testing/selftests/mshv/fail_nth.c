// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation in the life of a partition fails once: what was asked for is refused, or
 * it is done in another way. Nothing is lost by that: when asked again, the kernel does it,
 * and all the rest of the life is as it should be.
 *
 * A kernel that cannot make allocations fail has none of this: see CONFIG_FAULT_INJECTION
 * and Documentation/fault-injection/fault-injection.rst, /proc/self/fail-nth. What becomes
 * of pages that the hypervisor has is its own affair to tell.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "harness.h"
#include "vm.h"

#define EXTRA		GUEST_FREE
#define EXTRA_SIZE	(16 * PAGE)
#define READY		0x600d
#define FAILURES_MAX	2000

/* Touches memory that is not there yet, and says so. */
GUESTXX(touches, "mov %eax, %es:(%edi)\n"
	GUEST_REPORT(READY)
	"1: jmp 1b\n");

/* All that a partition has in its life. */
struct life {
	struct vm vm;
	struct vp vp;
	unsigned char *extra;
	int event, resample, level;
};

static int create(struct life *life)
{
	return vm_create(&life->vm, VM_DEFAULT);
}

static int initialize(struct life *life)
{
	return vm_initialize(&life->vm);
}

static int map(struct life *life)
{
	return vm_map(&life->vm, 0, life->vm.ram, GUEST_RAM_SIZE, MAP_RWX);
}

static int map_more(struct life *life)
{
	return vm_map(&life->vm, EXTRA, life->extra, EXTRA_SIZE, MAP_RWX);
}

static int add_vp(struct life *life)
{
	life->vp = (struct vp) { .vm = &life->vm };
	life->vp.fd = vm_add_vp(&life->vm, 0);
	return life->vp.fd < 0 ? life->vp.fd : 0;
}

static int map_pages(struct life *life)
{
	struct vp *vp = &life->vp;

	if (!vp->page) {
		vp->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
				MSHV_VP_MMAP_OFFSET_REGISTERS * PAGE);
		if (vp->page == MAP_FAILED) {
			vp->page = NULL;
			return -errno;
		}
	}
	vp->run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
		       MSHV_VP_MMAP_OFFSET_RUN * PAGE);
	if (vp->run == MAP_FAILED) {
		vp->run = NULL;
		return errno == EINVAL ? 0 : -errno;
	}
	return 0;
}

static int enter(struct life *life)
{
	vm_load(&life->vm, GUEST_CODE, GUEST_PROTECTED, &touches);
	return vp_try_enter_at(&life->vp, GUEST_PROTECTED, GUEST_CODE);
}

/* Where there is no memory for the kernel, the VMM is told of the access, and tries again. */
static int run(struct life *life)
{
	u32 value = 0;
	int ret = vp_run(&life->vp);

	if (ret)
		return ret;
	if (vp_met_memory(&life->vp))
		return -ENOMEM;
	value = vp_io(&life->vp)->rax;
	return life->vp.msg.header.message_type == HVMSG_X64_IO_PORT_INTERCEPT &&
	       value == READY ? 0 : -EPROTO;
}

static int routes(struct life *life)
{
	const struct mshv_user_irq_entry entries[] = {
		vm_route(0, 0, 0x40),
		vm_route(1, 0, 0x41 | BIT(15)),		/* level triggered */
	};

	return vm_set_routes(&life->vm, entries, ARRAY_SIZE(entries));
}

static int irqfd(struct life *life)
{
	return vm_set_irqfd(&life->vm, life->event, 0, 0);
}

static int resampler(struct life *life)
{
	struct mshv_user_irqfd args = {
		.fd = life->level,
		.resamplefd = life->resample,
		.gsi = 1,
		.flags = BIT(MSHV_IRQFD_BIT_RESAMPLE),
	};

	return mshv_ioctl(life->vm.fd, MSHV_IRQFD, &args);
}

static int raise_it(struct life *life)
{
	const u64 one = 1;

	return write(life->event, &one, sizeof(one)) < 0 ||
	       write(life->level, &one, sizeof(one)) < 0 ? -errno : 0;
}

static int ioeventfd(struct life *life)
{
	struct mshv_user_ioeventfd args = {
		.addr = GUEST_MMIO,
		.len = 4,
		.fd = life->event,
	};

	return mshv_ioctl(life->vm.fd, MSHV_IOEVENTFD, &args);
}

static int track(struct life *life)
{
	return hv_set_property(life->vm.fd, HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING, 1,
			       NULL);
}

static int bitmap(struct life *life)
{
	unsigned char bits[GUEST_RAM_SIZE / PAGE / 8];
	struct mshv_gpap_access_bitmap args = {
		.access_type = MSHV_GPAP_ACCESS_TYPE_DIRTY,
		.page_count = GUEST_RAM_SIZE / PAGE,
		.bitmap_ptr = (uintptr_t)bits,
	};

	return mshv_ioctl(life->vm.fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args);
}

static int state(struct life *life)
{
	int ret = vp_get_state(&life->vp, MSHV_VP_STATE_LAPIC, life->vm.ram);

	return ret ? ret : vp_get_state(&life->vp, MSHV_VP_STATE_XSAVE, life->extra);
}

/* Memory that goes away, and comes back as the guest touches it. */
static int give_back(struct life *life)
{
	return madvise(life->vm.ram + GUEST_DATA, PAGE, MADV_DONTNEED) ? -errno : 0;
}

static int statistics(struct life *life)
{
	char path[40], text[4096];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", life->vp.fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read(fd, text, sizeof(text));
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int unmap(struct life *life)
{
	return vm_unmap(&life->vm, EXTRA, life->extra, EXTRA_SIZE);
}

static int no_irqfd(struct life *life)
{
	return vm_set_irqfd(&life->vm, life->event, 0, BIT(MSHV_IRQFD_BIT_DEASSIGN));
}

static int no_vp(struct life *life)
{
	/* The pages hold the file. */
	vp_stop(&life->vp);
	return 0;
}

static int no_partition(struct life *life)
{
	if (life->vm.fd >= 0)
		close(life->vm.fd);
	life->vm.fd = -1;
	return 0;
}

/* In this order. */
static int (* const steps[])(struct life *life) = {
	create, initialize, map, map_more, add_vp, map_pages, enter, run, routes, irqfd, resampler,
	raise_it, ioeventfd, track, bitmap, state, give_back, enter, run, statistics, unmap,
	no_irqfd, no_vp, no_partition,
};

static void begin_life(struct life *life)
{
	*life = (struct life) { .vm.fd = -1, .vp.fd = -1 };
	life->extra = memory_get(EXTRA_SIZE);
	life->event = eventfd(0, EFD_CLOEXEC);
	life->level = eventfd(0, EFD_CLOEXEC);
	life->resample = eventfd(0, EFD_CLOEXEC);
}

static void end_life(struct life *life)
{
	no_vp(life);
	vm_stop(&life->vm);
	munmap(life->extra, EXTRA_SIZE);
	close(life->event);
	close(life->level);
	close(life->resample);
}

/* Which of this thread's allocations is to fail from now on; 0: none. */
static int fail_nth(int fd, unsigned int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fd, text, size, 0) == size ? 0 : -errno;
}

/* Whether it has not come to that. */
static bool is_left(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) <= 0 || atoi(text);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Any allocation may fail, those that may sleep, too; and the log is not filled with it. */
static bool can_fail(void)
{
	static const char folder[] = "/sys/kernel/debug/";
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	bool can = true;
	char path[80];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "%s%s/ignore-gfp-wait", folder, kinds[i]);
		can &= write_text(path, "N");
		snprintf(path, sizeof(path), "%s%s/verbose", folder, kinds[i]);
		can &= write_text(path, "0");
	}
	snprintf(path, sizeof(path), "%sfail_page_alloc/ignore-gfp-highmem", folder);
	can &= write_text(path, "N");
	snprintf(path, sizeof(path), "%sfail_page_alloc/min-order", folder);
	return write_text(path, "0") && can;
}

FIXTURE(fail_nth) {
	int nth;
};

FIXTURE_VARIANT(fail_nth) {
	unsigned int step;
};

FIXTURE_VARIANT_ADD(fail_nth, create) {
	.step = 0,
};

FIXTURE_VARIANT_ADD(fail_nth, initialize) {
	.step = 1,
};

FIXTURE_VARIANT_ADD(fail_nth, map) {
	.step = 2,
};

FIXTURE_VARIANT_ADD(fail_nth, map_more) {
	.step = 3,
};

FIXTURE_VARIANT_ADD(fail_nth, add_vp) {
	.step = 4,
};

FIXTURE_VARIANT_ADD(fail_nth, map_pages) {
	.step = 5,
};

FIXTURE_VARIANT_ADD(fail_nth, enter) {
	.step = 6,
};

FIXTURE_VARIANT_ADD(fail_nth, run) {
	.step = 7,
};

FIXTURE_VARIANT_ADD(fail_nth, routes) {
	.step = 8,
};

FIXTURE_VARIANT_ADD(fail_nth, irqfd) {
	.step = 9,
};

FIXTURE_VARIANT_ADD(fail_nth, resampler) {
	.step = 10,
};

FIXTURE_VARIANT_ADD(fail_nth, raise_it) {
	.step = 11,
};

FIXTURE_VARIANT_ADD(fail_nth, ioeventfd) {
	.step = 12,
};

FIXTURE_VARIANT_ADD(fail_nth, track) {
	.step = 13,
};

FIXTURE_VARIANT_ADD(fail_nth, bitmap) {
	.step = 14,
};

FIXTURE_VARIANT_ADD(fail_nth, state) {
	.step = 15,
};

FIXTURE_VARIANT_ADD(fail_nth, give_back) {
	.step = 16,
};

FIXTURE_VARIANT_ADD(fail_nth, enter_again) {
	.step = 17,
};

FIXTURE_VARIANT_ADD(fail_nth, run_again) {
	.step = 18,
};

FIXTURE_VARIANT_ADD(fail_nth, statistics) {
	.step = 19,
};

FIXTURE_VARIANT_ADD(fail_nth, unmap) {
	.step = 20,
};

FIXTURE_VARIANT_ADD(fail_nth, no_irqfd) {
	.step = 21,
};

FIXTURE_VARIANT_ADD(fail_nth, no_vp) {
	.step = 22,
};

FIXTURE_VARIANT_ADD(fail_nth, no_partition) {
	.step = 23,
};

FIXTURE_SETUP(fail_nth)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0 || !can_fail())
		SKIP(return, "this kernel cannot make allocations fail");
}

FIXTURE_TEARDOWN(fail_nth)
{
	close(self->nth);
}

TEST_F_TIMEOUT(fail_nth, each_allocation, 1800)
{
	unsigned int nth, i, refused = 0;
	struct life life;
	bool left = false;
	int ret;

	/* The page in which the guest is to be is there, the others are not. */
	for (nth = 1; !left && nth < FAILURES_MAX; nth++) {
		begin_life(&life);
		life.vm.ram = NULL;
		for (i = 0; i < ARRAY_SIZE(steps); i++) {
			if (i == variant->step) {
				ASSERT_EQ(0, fail_nth(self->nth, nth));
				ret = steps[i](&life);
				left = is_left(self->nth);
				ASSERT_EQ(0, fail_nth(self->nth, 0));
				/* Without a failure there must be none. */
				if (left)
					ASSERT_EQ(0, ret);
				refused += !!ret;
			} else {
				ret = steps[i](&life);
				ASSERT_EQ(0, ret) {
					TH_LOG("step %u, after failure %u", i, nth);
				}
			}
			if (i == variant->step && ret)
				ASSERT_EQ(0, steps[i](&life)) {
					TH_LOG("again, after failure %u with %d", nth, ret);
				}
			/* vm_create() has forgotten it. */
			if (!life.vm.ram)
				life.vm.ram = memory_get(GUEST_RAM_SIZE);
		}
		end_life(&life);
	}
	EXPECT_TRUE(left);
	TH_LOG("%u allocations have failed, with which %u calls were refused", nth - 2, refused);
}

TEST_HARNESS_MAIN
