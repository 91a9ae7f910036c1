// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM's own memory becomes by a guest that touches it: which pages are filled
 * in, copied, waited for; and what a page that cannot be had means to others.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include "harness.h"
#include "run_steps.h"
#include "touch.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* As many as the driver looks at together. */
#define CHUNK		512

FIXTURE(pages) {
	struct vm vm;
	struct vp vp;
	int file;
};

FIXTURE_SETUP(pages)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	self->file = memfd_create("mshv", MFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
	ASSERT_EQ(0, ftruncate(self->file, CHUNK * PAGE));
}

FIXTURE_TEARDOWN(pages)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->file);
}

/* Page n of the file begins with @value + n. */
static bool fill(int file, unsigned int pages, u64 value)
{
	unsigned int i;

	for (i = 0; i < pages; i++, value++)
		if (pwrite(file, &value, sizeof(value), i * PAGE) != sizeof(value))
			return false;
	return true;
}

static unsigned char *map_file(int file, unsigned int pages, int prot, int flags)
{
	void *memory = mmap(NULL, pages * PAGE, prot, flags, file, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* How many pages are in the page tables; -1: that cannot be learned. */
static int present(const unsigned char *memory, unsigned int pages)
{
	int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), count = 0;
	unsigned int i;
	u64 entry;

	for (i = 0; i < pages; i++) {
		off_t where = ((uintptr_t)memory / PAGE + i) * sizeof(entry);

		if (pread(file, &entry, sizeof(entry), where) != sizeof(entry)) {
			count = -1;
			break;
		}
		count += entry >> 63;
	}
	if (file >= 0)
		close(file);
	return count;
}

/* The sum of what the guest reads at the beginning of @pages pages. */
static int add_all(struct vp *vp, unsigned int pages, u32 *sum)
{
	begin(vp, &add_pages, AREA, pages, PAGE);
	return vp_run_to_report(vp, sum);
}

static u32 sum_from(u32 value, unsigned int pages)
{
	return value * pages + pages * (pages - 1) / 2;
}

/* A ROM: a file that the VMM itself may only read. */
TEST_F(pages, read_only_mapping)
{
	unsigned char *memory;
	u32 sum;

	ASSERT_TRUE(fill(self->file, PAGES, 100));
	memory = map_file(self->file, PAGES, PROT_READ, MAP_SHARED);
	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGES * PAGE, 0));
	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	EXPECT_EQ(sum_from(100, PAGES), sum);
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA + PAGE));
}

/* The region would allow it, the mapping does not; later both do. */
TEST_F(pages, writable_region_of_read_only_mapping)
{
	unsigned char *memory;
	u32 sum;

	ASSERT_TRUE(fill(self->file, PAGES, 100));
	memory = map_file(self->file, PAGES, PROT_READ, MAP_SHARED);
	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGES * PAGE, MAP_RWX));
	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	EXPECT_EQ(sum_from(100, PAGES), sum);
	begin(&self->vp, &store_rax, AREA + PAGE, 0, 0);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 1);
	ASSERT_TRUE(meets_nothing(&self->vp, AREA + PAGE, HV_INTERCEPT_ACCESS_WRITE));
	EXPECT_EQ(101, *word(memory, 1));
	ASSERT_EQ(0, mprotect(memory, PAGES * PAGE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(1, *word(memory, 1));
}

FIXTURE(copies) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	int file;
};

FIXTURE_VARIANT(copies) {
	u8 flags;
};

FIXTURE_VARIANT_ADD(copies, read_only) { };
FIXTURE_VARIANT_ADD(copies, writable) { .flags = MAP_RWX, };

/* Memory whose pages belong to a file until somebody writes to them. */
FIXTURE_SETUP(copies)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->file = memfd_create("mshv", MFD_CLOEXEC);
	ASSERT_TRUE(self->file >= 0 && fill(self->file, PAGES, 100));
	self->memory = map_file(self->file, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	ASSERT_NE(NULL, self->memory);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, variant->flags));
}

FIXTURE_TEARDOWN(copies)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->file);
}

/* What is only read is not copied: it goes on following the file. */
TEST_F(copies, none_for_reading)
{
	unsigned int i;
	u32 sum;

	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	EXPECT_EQ(sum_from(100, PAGES), sum);
	ASSERT_TRUE(fill(self->file, PAGES, 200));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(200 + i, *word(self->memory, i));
	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	EXPECT_EQ(sum_from(200, PAGES), sum);
}

/* Of what is written, that page, and not the file's. */
TEST_F(copies, one_for_writing)
{
	unsigned int i;
	u64 value;
	u32 sum;

	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	if (!(variant->flags & BIT(MSHV_SET_MEM_BIT_WRITABLE))) {
		EXPECT_TRUE(store_meets_nothing(&self->vp, AREA + 5 * PAGE));
		return;
	}
	ASSERT_EQ(0, store(&self->vp, AREA + 5 * PAGE, 1));
	ASSERT_TRUE(fill(self->file, PAGES, 200));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(i == 5 ? 1 : 200 + i, *word(self->memory, i));
	ASSERT_EQ(0, add_all(&self->vp, PAGES, &sum));
	EXPECT_EQ(sum_from(200, PAGES) - 205 + 1, sum);
	ASSERT_EQ(sizeof(value), pread(self->file, &value, sizeof(value), 5 * PAGE));
	EXPECT_EQ(205, value);
}

FIXTURE(hole) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	int file;
};

FIXTURE_VARIANT(hole) {
	int prot;
	bool unmap;
	bool truncate;
	bool readable;
};

FIXTURE_VARIANT_ADD(hole, unmapped) { .unmap = true, };
FIXTURE_VARIANT_ADD(hole, no_access) { .prot = PROT_NONE, };
FIXTURE_VARIANT_ADD(hole, read_only) { .prot = PROT_READ, .readable = true, };
FIXTURE_VARIANT_ADD(hole, truncated) { .truncate = true, };

#define HOLE	(PAGES - 1)

FIXTURE_SETUP(hole)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->file = memfd_create("mshv", MFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
	ASSERT_EQ(0, ftruncate(self->file, PAGES * PAGE));
	self->memory = map_file(self->file, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_NE(NULL, self->memory);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
}

FIXTURE_TEARDOWN(hole)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->file);
}

static int make_hole(unsigned char *memory, int file,
		     const FIXTURE_VARIANT(hole) * variant)
{
	if (variant->unmap)
		return munmap(memory + HOLE * PAGE, PAGE);
	if (variant->truncate)
		return ftruncate(file, HOLE * PAGE);
	return mprotect(memory + HOLE * PAGE, PAGE, variant->prot);
}

/* The VMM hears of an access to it; the pages beside it are none of its concern. */
TEST_F(hole, beside)
{
	u32 value;

	ASSERT_EQ(0, make_hole(self->memory, self->file, variant));
	begin(&self->vp, &write_pages, AREA, HOLE, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(AREA + (HOLE - 1) * PAGE, *word(self->memory, HOLE - 1));
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA + HOLE * PAGE));
	if (variant->readable) {
		EXPECT_EQ(0, load(&self->vp, AREA + HOLE * PAGE, &value));
		EXPECT_EQ(0, value);
	} else {
		EXPECT_TRUE(load_meets_nothing(&self->vp, AREA + HOLE * PAGE));
	}
	EXPECT_EQ(0, store(&self->vp, AREA, 1));
}

/* Likewise where the guest had all of it before. */
TEST_F(hole, made_later)
{
	begin(&self->vp, &write_pages, AREA, PAGES, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, make_hole(self->memory, self->file, variant));
	EXPECT_TRUE(store_meets_nothing(&self->vp, AREA + HOLE * PAGE));
	begin(&self->vp, &write_pages, AREA, HOLE, PAGE);
	EXPECT_EQ(0, run_to_end(&self->vp));
}

/* One page is touched, and one is there; whether it is read or written. */
TEST_F(pages, one_for_each)
{
	unsigned char *memory = memory_get(CHUNK * PAGE);
	u32 value;

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, CHUNK * PAGE, MAP_RWX));
	ASSERT_EQ(0, load(&self->vp, AREA + 3 * PAGE, &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(1, present(memory, CHUNK));
	ASSERT_EQ(0, store(&self->vp, AREA + 17 * PAGE, 1));
	EXPECT_EQ(2, present(memory, CHUNK));
	EXPECT_EQ(1, *word(memory, 17));
	/* The page that was read is written, too, and is memory then. */
	ASSERT_EQ(0, store(&self->vp, AREA + 3 * PAGE, 2));
	EXPECT_EQ(2, present(memory, CHUNK));
	EXPECT_EQ(2, *word(memory, 3));
}

/* What a guest has given back, by a balloon say, stays given back. */
TEST_F(pages, given_back)
{
	unsigned char *memory = memory_get(CHUNK * PAGE);

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, CHUNK * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, AREA, CHUNK, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(CHUNK, present(memory, CHUNK));
	/* Half of it, and then one page of that is wanted again. */
	ASSERT_EQ(0, madvise(memory, CHUNK / 2 * PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, store(&self->vp, AREA + 7 * PAGE, 1));
	EXPECT_EQ(CHUNK / 2 + 1, present(memory, CHUNK));
	EXPECT_EQ(1, *word(memory, 7));
	EXPECT_EQ(AREA + (CHUNK - 1) * PAGE, *word(memory, CHUNK - 1));
}

static long read_number(const char *name)
{
	FILE *file = fopen(name, "re");
	long number = -1;

	if (file) {
		if (fscanf(file, "%ld", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

static bool write_number(const char *name, long number)
{
	FILE *file = fopen(name, "we");
	bool done;

	if (!file)
		return false;
	done = fprintf(file, "%ld", number) > 0;
	return !fclose(file) && done;
}

#define KSM_RUN		"/sys/kernel/mm/ksm/run"

/* How many pages of this process are KSM's at this moment. */
static unsigned long merged_pages(void)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long kilobytes, sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "KSM: %lu kB", &kilobytes) == 1)
			sum += kilobytes;
	if (file)
		fclose(file);
	return sum * 1024 / PAGE;
}

/* Pages that KSM has made one are one until somebody writes to them. */
TEST_F(pages, merged)
{
	const unsigned int pages = CHUNK / 2;
	unsigned char *memory = memory_get(pages * PAGE);
	long run = read_number(KSM_RUN);
	u32 sum;

	if (run < 0)
		SKIP(return, "the kernel has no KSM");
	memset(memory, 1, pages * PAGE);
	ASSERT_EQ(0, madvise(memory, pages * PAGE, MADV_MERGEABLE));
	ASSERT_TRUE(write_number(KSM_RUN, 1));
	EXPECT_TRUE(wait_until(merged_pages() == pages));
	/* No more of them are merged from now on. */
	ASSERT_TRUE(write_number(KSM_RUN, 0));
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, pages * PAGE, MAP_RWX));
	EXPECT_EQ(0, add_all(&self->vp, pages, &sum));
	EXPECT_EQ(0x01010101 * pages, sum);
	EXPECT_EQ(pages, merged_pages());
	ASSERT_EQ(0, store(&self->vp, AREA + 5 * PAGE, 7));
	EXPECT_EQ(pages - 1, merged_pages());
	EXPECT_EQ(7, *word(memory, 5));
	EXPECT_EQ(0x0101010101010101ULL, *word(memory, 6));
	write_number(KSM_RUN, run);
}

/*
 * A page that is clean, and that the VMM may write to without a fault: reclaim would
 * drop it but for what the guest has written.
 */
TEST_F(pages, written_and_reclaimed)
{
	unsigned char *memory;
	unsigned int i;
	u64 sum = 0;

	memory = map_file(self->file, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_NE(NULL, memory);
	for (i = 0; i < PAGES; i++)
		sum += READ_ONCE(*word(memory, i));
	EXPECT_EQ(0, sum);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGES * PAGE, MAP_RWX));
	begin(&self->vp, &write_pages, AREA, PAGES, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	madvise(memory, PAGES * PAGE, MADV_PAGEOUT);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(memory, i));
}

/* More than the kernel has memory to keep book of: that is said by an errno alone. */
TEST_F(pages, too_large)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret;
	const size_t size = 1UL << 38;
	/* So low that all of it would be user space. */
	void *memory = mmap((void *)(1UL << 40), PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[8192];
	ssize_t length;

	ASSERT_EQ((void *)(1UL << 40), memory);
	if (log >= 0)
		lseek(log, 0, SEEK_END);
	ret = vm_map(&self->vm, 1ULL << 32, memory, size, MAP_RWX);
	if (!ret)
		ret = vm_unmap(&self->vm, 1ULL << 32, memory, size);
	EXPECT_TRUE(!ret || ret == -ENOMEM)
		TH_LOG("errno %d", -ret);
	while (log >= 0 && (length = read(log, text, sizeof(text) - 1)) > 0) {
		text[length] = 0;
		EXPECT_EQ(NULL, strstr(text, "Call Trace"))
			TH_LOG("in the kernel's log: %s", text);
	}
	if (log >= 0)
		close(log);
	EXPECT_EQ(0, vm_works());
}

/* Memory that somebody fills in when it is touched: as a migration does. */
FIXTURE(userfault) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	int fd;
	pthread_t vp_thread;
	unsigned int asked;
	atomic_bool returned;
};

FIXTURE_SETUP(userfault)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = PAGES * PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->fd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(self->fd, UFFDIO_API, &api));
	self->memory = memory_get(PAGES * PAGE);
	range.range.start = (uintptr_t)self->memory;
	ASSERT_EQ(0, ioctl(self->fd, UFFDIO_REGISTER, &range));
	self->vp_thread = pthread_self();
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
}

FIXTURE_TEARDOWN(userfault)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->fd);
}

#define FILLED	0x11223344

static void fill_in(int fd, u64 address)
{
	u64 *page = memory_get(PAGE);
	struct uffdio_copy copy = {
		.dst = address & ~(PAGE - 1),
		.src = (uintptr_t)page,
		.len = PAGE,
	};

	*page = FILLED;
	ioctl(fd, UFFDIO_COPY, &copy);
	munmap(page, PAGE);
}

/* Answer each fault; leave when there is none for a second after the run. */
static void *answer(void *arg)
{
	FIXTURE_DATA(userfault) * self = arg;
	struct pollfd wait = { .fd = self->fd, .events = POLLIN };
	struct uffd_msg message;

	while (!atomic_load(&self->returned) || poll(&wait, 1, 1000) > 0) {
		if (poll(&wait, 1, 10) <= 0 ||
		    read(self->fd, &message, sizeof(message)) != sizeof(message))
			continue;
		self->asked++;
		fill_in(self->fd, message.arg.pagefault.address);
	}
	return NULL;
}

/* One access waits for one page. */
TEST_F(userfault, one_page)
{
	pthread_t thread;
	u32 value;

	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, self));
	EXPECT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	EXPECT_EQ(FILLED, value);
	atomic_store(&self->returned, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(1, self->asked);
	EXPECT_EQ(1, present(self->memory, PAGES));
}

/* When the run waits for memory, send it a signal. If that is for nothing, end it. */
static void *interrupt_it(void *arg)
{
	FIXTURE_DATA(userfault) * self = arg;
	struct pollfd wait = { .fd = self->fd, .events = POLLIN };

	if (poll(&wait, 1, WAIT_SECONDS * 1000) <= 0)
		return NULL;
	pthread_kill(self->vp_thread, KICK_SIGNAL);
	if (!wait_seconds_until(10, atomic_load(&self->returned)))
		fill_in(self->fd, (uintptr_t)self->memory + 5 * PAGE);
	return NULL;
}

/* A signal ends the wait. The access is made again then, and not lost. */
TEST_F(userfault, signal)
{
	unsigned int i;
	pthread_t thread;
	u32 value;

	kick_setup();
	begin(&self->vp, &load_eax, AREA + 5 * PAGE, 0, 0);
	for (i = 0; i < 3; i++) {
		atomic_store(&self->returned, false);
		ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt_it, self));
		EXPECT_EQ(-EINTR, vp_run(&self->vp));
		atomic_store(&self->returned, true);
		pthread_join(thread, NULL);
	}
	fill_in(self->fd, (uintptr_t)self->memory + 5 * PAGE);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(FILLED, value);
}

/* What the memory has that takes the place of a region which is removed. */
#define REPLACED	0x55667788

struct replacement {
	struct vm *vm;
	int fd;			/* of userfaultfd */
	unsigned char *before;
	unsigned char *after;
	int result;
};

/* While the VP waits for a page: its region goes, and another one comes. */
static void *replace(void *arg)
{
	struct replacement *it = arg;
	struct pollfd wait = { .fd = it->fd, .events = POLLIN };

	if (poll(&wait, 1, WAIT_SECONDS * 1000) <= 0) {
		it->result = -ETIMEDOUT;
		return NULL;
	}
	it->result = vm_unmap(it->vm, AREA, it->before, PAGES * PAGE) ?:
		     vm_map(it->vm, AREA, it->after, PAGES * PAGE, MAP_RWX);
	fill_in(it->fd, (uintptr_t)it->before + 5 * PAGE);
	return NULL;
}

/*
 * A page that comes when its region has been removed is not the guest's any more:
 * the guest gets what is there now, and keeps it.
 */
TEST_F(userfault, removed)
{
	struct replacement it = {
		.vm = &self->vm,
		.fd = self->fd,
		.before = self->memory,
		.after = memory_get(PAGES * PAGE),
	};
	unsigned int i;
	pthread_t thread;
	u32 value;

	for (i = 0; i < PAGES; i++)
		*(u32 *)(it.after + i * PAGE) = REPLACED + i;
	ASSERT_EQ(0, pthread_create(&thread, NULL, replace, &it));
	EXPECT_EQ(0, load(&self->vp, AREA + 5 * PAGE, &value));
	EXPECT_EQ(REPLACED + 5, value);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, it.result);
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(0, load(&self->vp, AREA + i * PAGE, &value));
		EXPECT_EQ(REPLACED + i, value);
	}
}

/*
 * Page tables that the guest does not have at the moment: the driver brings them in,
 * or a VMM that emulates an instruction could not go on.
 */
TEST_F(pages, translation)
{
	const u64 linear = GUEST_WINDOW + 7 * PAGE, flags = PTE_PRESENT | PTE_WRITABLE;
	u64 *gibs = (u64 *)(self->vm.ram + GUEST_TABLES + PAGE);
	unsigned char *memory = memory_get(3 * PAGE);
	struct hv_output_translate_virtual_address out;
	unsigned int i;
	u32 value;

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, 3 * PAGE, MAP_RWX));
	gibs[GUEST_WINDOW >> 30] = AREA | flags;
	word(memory, 0)[0] = (AREA + PAGE) | flags;
	word(memory, 1)[7] = (AREA + 2 * PAGE) | flags;
	vp_enter(&self->vp, GUEST_LONG, &load_eax);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, translate(&self->vp, linear,
				       HV_TRANSLATE_GVA_VALIDATE_READ |
				       HV_TRANSLATE_GVA_VALIDATE_WRITE |
				       HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS, &out));
		EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
		EXPECT_EQ((AREA + 2 * PAGE) / PAGE, out.gpa_page);
		/* They go, and may be had again. */
		ASSERT_EQ(0, mprotect(memory, 3 * PAGE, i ? PROT_NONE : PROT_READ));
		ASSERT_EQ(0, mprotect(memory, 3 * PAGE, PROT_READ | PROT_WRITE));
	}
	EXPECT_EQ(0, load(&self->vp, linear, &value));

	/* Tables that cannot be had by anybody. */
	ASSERT_EQ(0, mprotect(memory, 3 * PAGE, PROT_NONE));
	ASSERT_EQ(0, translate(&self->vp, linear, HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_TRUE(out.result_code == HV_TRANSLATE_GVA_GPA_UNMAPPED ||
		    out.result_code == HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS)
		TH_LOG("result %u", out.result_code);
}

/* A page that the guest has read, and that it may write to as soon as it does. */
TEST_F(pages, translation_for_writing)
{
	struct hv_output_translate_virtual_address out;
	unsigned char *memory = memory_get(PAGE);
	u32 value;

	ASSERT_EQ(0, vm_map(&self->vm, AREA, memory, PAGE, MAP_RWX));
	ASSERT_EQ(0, load(&self->vp, AREA, &value));
	ASSERT_EQ(0, translate(&self->vp, AREA, HV_TRANSLATE_GVA_VALIDATE_WRITE, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(AREA / PAGE, out.gpa_page);
}

FIXTURE(large) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
};

FIXTURE_VARIANT(large) {
	int flags;
};

FIXTURE_VARIANT_ADD(large, transparent) { };
FIXTURE_VARIANT_ADD(large, hugetlb) { .flags = MAP_HUGETLB, };

FIXTURE_SETUP(large)
{
	const char *why = mshv_missing();
	uintptr_t place;

	if (why)
		SKIP(return, "%s", why);
	place = (uintptr_t)memory_get(3 * LARGE_PAGE);
	place = (place + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	self->memory = mmap((void *)place, 2 * LARGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | variant->flags, -1, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no memory of this kind (vm.nr_hugepages): %s",
		     strerror(errno));
	if (!variant->flags)
		madvise(self->memory, 2 * LARGE_PAGE, MADV_HUGEPAGE);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, 2 * LARGE_PAGE, MAP_RWX));
}

FIXTURE_TEARDOWN(large)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* Read first, which may give less than is needed for what follows: writes, all over. */
TEST_F(large, read_then_written)
{
	unsigned int i;
	u32 sum;

	ASSERT_EQ(0, add_all(&self->vp, 2 * CHUNK, &sum));
	EXPECT_EQ(0, sum);
	begin(&self->vp, &write_pages, AREA, 2 * CHUNK, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	for (i = 0; i < 2 * CHUNK; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(self->memory, i));
	ASSERT_EQ(0, add_all(&self->vp, 2 * CHUNK, &sum));
	EXPECT_EQ((u32)(AREA * 2 * CHUNK + PAGE * sum_from(0, 2 * CHUNK)), sum);
}

/*
 * Memory that is touched once, all of it, in order. How much, MSHV_TOUCH_MIB says in the
 * environment. What it takes, the hypervisor can count: intercepts and hypercalls.
 */
FIXTURE(touches) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	unsigned int pages;
};

FIXTURE_VARIANT(touches) {
	int flags;
	int advice;
	bool populated;
};

FIXTURE_VARIANT_ADD(touches, small) { .advice = MADV_NOHUGEPAGE, };
FIXTURE_VARIANT_ADD(touches, populated) { .advice = MADV_NOHUGEPAGE, .populated = true, };
FIXTURE_VARIANT_ADD(touches, transparent) { .advice = MADV_HUGEPAGE, };
FIXTURE_VARIANT_ADD(touches, hugetlb) { .flags = MAP_HUGETLB, };

FIXTURE_SETUP(touches)
{
	const char *text = getenv("MSHV_TOUCH_MIB"), *why = mshv_missing();
	const size_t size = (text ? strtoul(text, NULL, 0) : 4) << 20;
	uintptr_t place;

	if (why)
		SKIP(return, "%s", why);
	place = (uintptr_t)memory_get(size + LARGE_PAGE);
	place = (place + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	self->memory = mmap((void *)place, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | variant->flags, -1, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no memory of this kind (vm.nr_hugepages): %s",
		     strerror(errno));
	/* A kernel that has no large pages has no advice for them. */
	if (variant->advice)
		madvise(self->memory, size, variant->advice);
	if (variant->populated)
		ASSERT_EQ(0, madvise(self->memory, size, MADV_POPULATE_WRITE));
	self->pages = size / PAGE;
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, size, MAP_RWX));
}

FIXTURE_TEARDOWN(touches)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

TEST_F_TIMEOUT(touches, all, 1800)
{
	begin(&self->vp, &write_pages, AREA, self->pages, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(AREA, *word(self->memory, 0));
	EXPECT_EQ(AREA + (self->pages - 1) * PAGE, *word(self->memory, self->pages - 1));
	EXPECT_EQ(self->pages, present(self->memory, self->pages));
}

TEST_HARNESS_MAIN
