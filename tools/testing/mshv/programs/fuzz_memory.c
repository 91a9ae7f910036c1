// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer does to memory of the VMM's, and to eventfds.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/kernel.h>
#include <linux/userfaultfd.h>

#include "fuzz.h"

/* What older headers lack. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

u64 fuzz_odd_number(void)
{
	static const u64 numbers[] = {
		0, 1, 2, 3, 7, 8, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xffffffffff,
		0x10000000000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff,
	};

	if (chance(2))
		return numbers[chance(ARRAY_SIZE(numbers))];
	return (u64)chance(UINT32_MAX) << chance(33) | chance(UINT32_MAX);
}

unsigned long fuzz_place(void)
{
	unsigned long offset = chance(2) ? 0 : chance(AREA_SIZE / PAGE) * PAGE;

	/* A large page, now and then. */
	if (!chance(4))
		offset = LARGE_PAGE;
	return fuzz_area_at(chance(AREAS)) + offset;
}

u64 fuzz_size(void)
{
	switch (chance(4)) {
	case 0:
		return PAGE;
	case 1:
		return (1 + chance(16)) * PAGE;
	case 2:
		return LARGE_PAGE;
	default:
		return (1 + chance(AREA_SIZE / PAGE)) * PAGE;
	}
}

void fuzz_keep(atomic_int *place, int fd)
{
	int old;

	if (fd < 0)
		return;
	old = atomic_exchange(place, fd);
	if (old >= 0)
		close(old);
}

int fuzz_event(void)
{
	if (fuzz_odd())
		return chance(2) ? world.device : (int)fuzz_odd_number();
	return world.events[chance(EVENTS)];
}

/* Memory of each kind there is, in the place of what an area has had. */
static void new_area(void)
{
	static const char * const kinds[] = {
		"anonymous", "shared", "memfd", "memfd, private", "huge pages", "read-only",
		"without rights", "memfd of huge pages",
	};
	unsigned int number = chance(AREAS), kind = chance(ARRAY_SIZE(kinds));
	void *place = (void *)fuzz_area_at(number), *got;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_FIXED, file = -1;

	switch (kind) {
	case 0:
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		break;
	case 1:
		flags |= MAP_SHARED | MAP_ANONYMOUS;
		break;
	case 2:
	case 3:
	case 7:
		file = memfd_create("fuzz", MFD_CLOEXEC | (kind == 7 ? MFD_HUGETLB : 0));
		if (file < 0 || ftruncate(file, AREA_SIZE))
			break;
		flags |= kind == 3 ? MAP_PRIVATE : MAP_SHARED;
		break;
	case 4:
		flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
		break;
	case 5:
		prot = PROT_READ;
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		break;
	case 6:
		prot = PROT_NONE;
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		break;
	}
	got = mmap(place, AREA_SIZE, prot, flags, file, 0);
	fuzz_tried(CALL_AREA, got == MAP_FAILED ? -errno : 0, "area %u: %s", number, kinds[kind]);
	if (file >= 0)
		fuzz_keep(&world.areas[number].file, file);
}

static void unmap(void)
{
	unsigned long place = fuzz_place();
	u64 size = fuzz_size();

	fuzz_tried(CALL_MUNMAP, fuzz_errno(munmap((void *)place, size)), "%#lx, %#lx", place, size);
}

static void protect(void)
{
	unsigned long place = fuzz_place();
	u64 size = fuzz_size();
	int prot = chance(8);

	fuzz_tried(CALL_MPROTECT, fuzz_errno(mprotect((void *)place, size, prot)),
		   "%#lx, %#lx, %d", place, size, prot);
}

static void advise(void)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_FREE, MADV_REMOVE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_COLLAPSE, MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE,
		MADV_UNMERGEABLE, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTFORK,
		MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_WILLNEED,
	};
	int advice = advices[chance(ARRAY_SIZE(advices))];
	unsigned long place = fuzz_place();
	u64 size = fuzz_size();

	fuzz_tried(CALL_MADVISE, fuzz_errno(madvise((void *)place, size, advice)),
		   "%#lx, %#lx, %d", place, size, advice);
}

static void move(void)
{
	unsigned long from = fuzz_place(), to = fuzz_place();
	u64 size = fuzz_size(), new_size = chance(2) ? size : fuzz_size();
	int flags = chance(2) ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;
	void *got;

	/* Where the kernel chooses, it might choose what is none of the areas. */
	if (flags && !chance(4) && size == new_size)
		flags |= MREMAP_DONTUNMAP;
	got = mremap((void *)from, size, new_size, flags, (void *)to);
	fuzz_tried(CALL_MREMAP, got == MAP_FAILED ? -errno : 0, "%#lx, %#lx to %#lx, %#lx, %d",
		   from, size, to, new_size, flags);
}

/* As the VMM touches its memory, but for the signal where there is none. */
static void touch(void)
{
	unsigned long place = fuzz_place();
	char bytes[64] = { };
	struct iovec own = { bytes, sizeof(bytes) };
	struct iovec there = { (void *)place, sizeof(bytes) };
	bool write = chance(2);

	fuzz_tried(CALL_TOUCH, fuzz_errno(write ?
		   process_vm_writev(getpid(), &own, 1, &there, 1, 0) :
		   process_vm_readv(getpid(), &own, 1, &there, 1, 0)),
		   "%s %#lx", write ? "write" : "read", place);
}

/* The file behind an area becomes another one below it. */
static void change_file(void)
{
	int fd = world.areas[chance(AREAS)].file;
	off_t offset = chance(AREA_SIZE / PAGE) * PAGE, size = fuzz_size();

	switch (chance(3)) {
	case 0:
		fuzz_tried(CALL_FILE, fuzz_errno(ftruncate(fd, offset)), "%d to %#lx", fd, offset);
		break;
	case 1:
		fuzz_tried(CALL_FILE, fuzz_errno(ftruncate(fd, AREA_SIZE)), "%d to its size", fd);
		break;
	case 2:
		fuzz_tried(CALL_FILE,
			   fuzz_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						offset, size)),
			   "%d, a hole at %#lx, %#lx", fd, offset, size);
		break;
	}
}

static int new_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -EINVAL;
	}
	fuzz_keep(&world.userfaultfd, fd);
	return 0;
}

/*
 * Faults that wait until somebody has memory for them: who touches such memory waits for a
 * signal, as a rule.
 */
static void userfault(void)
{
	unsigned long place = fuzz_place();
	u64 size = fuzz_size();
	struct uffdio_register asked = {
		.range = { place, size },
		.mode = 1 + chance(3),	/* missing, write-protected */
	};
	struct uffdio_zeropage zero = { .range = { place, size } };
	int fd = world.userfaultfd;

	if (fd < 0) {
		fuzz_tried(CALL_USERFAULTFD, new_userfaultfd(), "new");
		return;
	}
	switch (chance(5)) {
	case 0:
		fuzz_tried(CALL_USERFAULTFD, fuzz_errno(ioctl(fd, UFFDIO_REGISTER, &asked)),
			   "register %#lx, %#lx, %llu", place, size, asked.mode);
		break;
	case 1:
		fuzz_tried(CALL_USERFAULTFD, fuzz_errno(ioctl(fd, UFFDIO_ZEROPAGE, &zero)),
			   "zero %#lx, %#lx", place, size);
		break;
	case 2:
		fuzz_tried(CALL_USERFAULTFD, fuzz_errno(ioctl(fd, UFFDIO_WAKE, &asked.range)),
			   "wake %#lx, %#lx", place, size);
		break;
	case 3:
		fuzz_tried(CALL_USERFAULTFD, fuzz_errno(ioctl(fd, UFFDIO_UNREGISTER, &asked.range)),
			   "unregister %#lx, %#lx", place, size);
		break;
	case 4:
		/* Who waits goes on. */
		fd = atomic_exchange(&world.userfaultfd, -1);
		fuzz_tried(CALL_USERFAULTFD, fuzz_errno(close(fd)), "close");
		break;
	}
}

static void event(void)
{
	unsigned int number = chance(EVENTS);
	int fd = world.events[number];
	u64 value = 1 + chance(3);

	switch (chance(8)) {
	case 0:
		fd = eventfd(chance(2),
			     EFD_CLOEXEC | EFD_NONBLOCK | (chance(2) ? EFD_SEMAPHORE : 0));
		fuzz_tried(CALL_EVENT, fd, "new %u", number);
		fuzz_keep(&world.events[number], fd);
		break;
	case 1:
		fuzz_tried(CALL_EVENT, fuzz_errno(read(fd, &value, sizeof(value))), "read %u",
			   number);
		break;
	case 2:
		fd = atomic_exchange(&world.events[number], -1);
		fuzz_tried(CALL_EVENT, fuzz_errno(close(fd)), "close %u", number);
		break;
	default:
		fuzz_tried(CALL_EVENT, fuzz_errno(write(fd, &value, sizeof(value))), "write %u",
			   number);
	}
}

static void affinity(void)
{
	unsigned int cpu = chance(3);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % 2, &set);
	if (cpu == 2)
		CPU_SET(1, &set);
	fuzz_tried(CALL_AFFINITY, fuzz_errno(sched_setaffinity(0, sizeof(set), &set)), "%u", cpu);
}

const struct fuzz_operation fuzz_memory_operations[] = {
	{ 6, new_area },
	{ 4, unmap },
	{ 5, protect },
	{ 10, advise },
	{ 4, move },
	{ 6, touch },
	{ 3, change_file },
	{ 4, userfault },
	{ 12, event },
	{ 1, affinity },
	{ }
};
