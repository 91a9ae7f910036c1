// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a guest of every kind that a VMM can have, and what the VMM does to it in its
 * own address space: dropped, replaced, forked, taken away.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "run_steps.h"
#include "touch.h"
#include "vm.h"

/* What the guest of backing.dropped_while_running follows. */
#define FLAG		GUEST_DATA

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/* Again and again what FLAG holds, into all pages. */
GUEST64(follow_flag,
	"2: mov " __stringify(FLAG) ", %eax\n"
	"mov $" __stringify(AREA) ", %esi\n"
	"mov $" __stringify(PAGES) ", %ecx\n"
"1:	mov %eax, (%rsi)\n"
	"add $0x1000, %rsi\n"
	"dec %ecx\n"
	"jnz 1b\n"
	"jmp 2b\n");

/* What a guest's memory may be made of, and how to drop a piece of it. */
FIXTURE(backing) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	size_t size;
	int file;
};

FIXTURE_VARIANT(backing) {
	int flags;		/* of mmap() */
	bool file;
	bool large;		/* large pages, if the system has any */
	int advice;		/* by which a piece goes */
};

FIXTURE_VARIANT_ADD(backing, private) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.advice = MADV_DONTNEED,
};

FIXTURE_VARIANT_ADD(backing, locked) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
	.advice = MADV_DONTNEED_LOCKED,
};

FIXTURE_VARIANT_ADD(backing, shared) {
	.flags = MAP_SHARED | MAP_ANONYMOUS,
	.advice = MADV_REMOVE,
};

FIXTURE_VARIANT_ADD(backing, file) {
	.flags = MAP_SHARED,
	.file = true,
	.advice = MADV_REMOVE,
};

FIXTURE_VARIANT_ADD(backing, transparent_huge) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	.large = true,
	.advice = MADV_DONTNEED,
};

FIXTURE_VARIANT_ADD(backing, huge) {
	.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	.large = true,
	.advice = MADV_DONTNEED,
};

/* How much of all memory is in transparent huge pages, in KiB. */
static unsigned long huge_kilobytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kilobytes = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %lu", &kilobytes) == 1)
			break;
	if (file)
		fclose(file);
	return kilobytes;
}

/* Memory at a multiple of the size of large pages. */
static unsigned char *aligned(size_t size)
{
	uintptr_t memory = (uintptr_t)memory_get(size + LARGE_PAGE);

	return (unsigned char *)((memory + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1));
}

FIXTURE_SETUP(backing)
{
	const char *why = mshv_missing();
	int flags = variant->flags;
	unsigned long before;
	void *place;

	if (why)
		SKIP(return, "%s", why);
	self->size = variant->large ? 2 * LARGE_PAGE : PAGES * PAGE;
	self->file = -1;
	if (variant->file) {
		self->file = memfd_create("mshv", MFD_CLOEXEC);
		ASSERT_GE(self->file, 0);
		ASSERT_EQ(0, ftruncate(self->file, self->size));
	}
	place = aligned(self->size);
	self->memory = mmap(place, self->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			    self->file, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no memory of this kind (vm.nr_hugepages, ulimit -l): %s",
		     strerror(errno));
	if (variant->large && !(flags & MAP_HUGETLB)) {
		before = huge_kilobytes();
		madvise(self->memory, self->size, MADV_HUGEPAGE);
		memset(self->memory, 0, self->size);
		/* Where they are not given of themselves. */
		madvise(self->memory, self->size, MADV_COLLAPSE);
		if (huge_kilobytes() < before + LARGE_PAGE / 1024)
			SKIP(return, "no transparent huge pages");
	}
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, self->size, MAP_RWX));
}

FIXTURE_TEARDOWN(backing)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	if (self->file >= 0)
		close(self->file);
}

/* The sum of the first words of all pages, as the guest sees them. */
static int add_all(struct vp *vp, size_t size, u32 *sum)
{
	begin(vp, &add_pages, AREA, size / PAGE, PAGE);
	return vp_run_to_report(vp, sum);
}

/* Guest and VMM see what the other has written. */
TEST_F(backing, both_see_it)
{
	unsigned int i, pages = self->size / PAGE;
	u32 sum;

	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	for (i = 0; i < pages; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(self->memory, i));
	for (i = 0; i < pages; i++)
		*word(self->memory, i) = i;
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	EXPECT_EQ(pages * (pages - 1) / 2, sum);
}

/* A piece that the VMM drops is empty, for the guest, too; the rest stays. */
TEST_F(backing, dropped)
{
	unsigned int i, pages = self->size / PAGE, first = 3, count = 2;
	u32 sum, expected = 0;

	if (variant->flags & MAP_HUGETLB) {
		first = 0;
		count = LARGE_PAGE / PAGE;
	}
	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	if (madvise(self->memory + first * PAGE, count * PAGE, variant->advice))
		SKIP(return, "memory of this kind cannot be dropped: %s", strerror(errno));
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	for (i = 0; i < pages; i++)
		if (i < first || i >= first + count)
			expected += AREA + i * PAGE;
	EXPECT_EQ(expected, sum);
	/* Written to again it is memory again. */
	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	for (i = 0; i < pages; i++)
		EXPECT_EQ(AREA + i * PAGE, *word(self->memory, i));
}

/* The guest has what is at the address now, not what was when it was given. */
TEST_F(backing, replaced)
{
	unsigned int i, pages = self->size / PAGE;
	u32 sum;

	begin(&self->vp, &write_pages, AREA, pages, PAGE);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(self->memory, mmap(self->memory, self->size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (i = 0; i < pages; i++)
		*word(self->memory, i) = 3;
	ASSERT_EQ(0, add_all(&self->vp, self->size, &sum));
	EXPECT_EQ(3 * pages, sum);
}

/* Pages come and go under a guest that never stops, and it misses none. */
TEST_F(backing, dropped_while_running)
{
	u32 *flag = (u32 *)(self->vm.ram + FLAG);
	unsigned int generation, i, size = PAGE;
	struct runner runner = { };
	u64 offset;

	if (variant->flags & MAP_HUGETLB)
		size = LARGE_PAGE;
	/* Later there is a thread that would have to be stopped first. */
	if (madvise(self->memory, size, variant->advice))
		SKIP(return, "memory of this kind cannot be dropped: %s", strerror(errno));
	vp_enter(&self->vp, GUEST_LONG, &follow_flag);
	runner_start(&runner, &self->vp);
	for (generation = 1; generation <= 10; generation++) {
		WRITE_ONCE(*flag, generation);
		for (i = 0; i < 3; i++) {
			offset = random_number() % PAGES * PAGE / size * size;
			ASSERT_EQ(0, madvise(self->memory + offset, size, variant->advice));
		}
		for (i = 0; i < PAGES; i++) {
			ASSERT_TRUE(wait_until(READ_ONCE(*word(self->memory, i)) ==
					       generation))
				TH_LOG("page %u", i);
		}
	}
	EXPECT_EQ(0, runner_stop(&runner));
}

/* After fork() it is the parent whose memory the guest writes. */
TEST_F(backing, forked)
{
	int go[2], status;
	pid_t child;
	u32 value;

	if (!(variant->flags & MAP_PRIVATE))
		SKIP(return, "memory of this kind is shared with children");
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE, 1));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		close(go[1]);
		/* Until the guest has written. */
		if (read(go[0], &status, 1))
			_exit(1);
		_exit(*word(self->memory, 1) == 1 ? 0 : 2);
	}
	close(go[0]);
	EXPECT_EQ(0, store(&self->vp, AREA + PAGE, 2));
	EXPECT_EQ(2, *word(self->memory, 1));
	/* And the VMM writes what the guest reads. */
	*word(self->memory, 1) = 3;
	EXPECT_EQ(0, load(&self->vp, AREA + PAGE, &value));
	EXPECT_EQ(3, value);
	close(go[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* What the VMM can do to its own memory so that a guest cannot have it. */
FIXTURE(taken) {
	struct vm vm;
	struct vp vp;
	unsigned char *memory;
	int file;
};

FIXTURE_VARIANT(taken) {
	bool protect;
	bool truncate;
};

FIXTURE_VARIANT_ADD(taken, unmapped) { };
FIXTURE_VARIANT_ADD(taken, protected) { .protect = true, };
FIXTURE_VARIANT_ADD(taken, truncated) { .truncate = true, };

FIXTURE_SETUP(taken)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	self->file = memfd_create("mshv", MFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
	ASSERT_EQ(0, ftruncate(self->file, PAGES * PAGE));
	self->memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->file, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, vm_map(&self->vm, AREA, self->memory, PAGES * PAGE, MAP_RWX));
}

FIXTURE_TEARDOWN(taken)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	close(self->file);
}

static int take(unsigned char *memory, int file, bool protect, bool truncate)
{
	if (protect)
		return mprotect(memory, PAGES * PAGE, PROT_READ);
	if (truncate)
		return ftruncate(file, 0);
	return munmap(memory, PAGES * PAGE);
}

static int give_back(unsigned char *memory, int file, bool protect, bool truncate)
{
	void *place;

	if (protect)
		return mprotect(memory, PAGES * PAGE, PROT_READ | PROT_WRITE);
	if (truncate)
		return ftruncate(file, PAGES * PAGE);
	place = mmap(memory, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     file, 0);
	return place == memory ? 0 : -1;
}

/* The VMM is told where the guest cannot go on; with memory back, it goes on. */
TEST_F(taken, and_given_back)
{
	ASSERT_EQ(0, store(&self->vp, AREA + PAGE, 1));
	ASSERT_EQ(0, take(self->memory, self->file, variant->protect, variant->truncate));
	begin(&self->vp, &store_rax, AREA + PAGE, 0, 0);
	vp_set(&self->vp, HV_X64_REGISTER_RAX, 2);
	ASSERT_TRUE(meets_nothing(&self->vp, AREA + PAGE, HV_INTERCEPT_ACCESS_WRITE));
	ASSERT_EQ(0, give_back(self->memory, self->file, variant->protect,
			       variant->truncate));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(2, *word(self->memory, 1));
}

TEST_HARNESS_MAIN
