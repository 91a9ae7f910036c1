// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space of a child.
 *
 * KVM sees one piece of memory as large as the child's address space, but for
 * the local APIC's page if it has one. Behind it is a range of addresses of this
 * process that userfaultfd watches. A page that the parent maps becomes a mapping
 * of the parent's memory there; all others stay empty. When the guest touches one
 * of those, KVM waits in the fault, and the thread of faults.c learns the address
 * and whether it is a write, and gets the VP out of KVM before the instruction:
 * that is what an intercept needs, and what no exit of KVM's tells.
 *
 * Pages that may be read only, and those whose first access is to be noted, are
 * watched in the same way, by write protection and by not being mapped yet.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <hyperv/hvhdk.h>

#include "../hv/log.h"
#include "../hv/partition.h"
#include "../pc/guest.h"
#include "apic.h"
#include "child.h"
#include "space.h"
#include "table.h"

/* One for all children. */
static int uffd = -1;

/*
 * What is put at an address can be watched only afterwards, and VPs run meanwhile:
 * what one of them read would be another page than the one that comes, and what
 * it wrote would be lost. So pages that will be watched are out of reach at first.
 * KVM_RUN says EFAULT to whoever touches one then, and child_run() tries again.
 */
static int open_up(const struct uffdio_range *range)
{
	void *where = (void *)(uintptr_t)range->start;

	return mprotect(where, range->len, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

/* Every touch of these pages is a fault again. */
static int arm(struct child_memory *memory, u64 gpfn, u64 pages)
{
	u8 *where = memory->host + (gpfn << HV_HYP_PAGE_SHIFT);
	struct uffdio_register range = {
		.range.start = (uintptr_t)where,
		.range.len = pages << HV_HYP_PAGE_SHIFT,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (mmap(where, range.range.len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	if (ioctl(uffd, UFFDIO_REGISTER, &range) < 0)
		return -errno;
	return open_up(&range.range);
}

/* Whoever waits in a fault there tries again. */
void child_space_wake(struct child_memory *memory, u64 gpfn, u64 pages)
{
	struct uffdio_range range = {
		.start = (uintptr_t)memory->host + (gpfn << HV_HYP_PAGE_SHIFT),
		.len = pages << HV_HYP_PAGE_SHIFT,
	};

	ioctl(uffd, UFFDIO_WAKE, &range);
}

/* Writes to these pages are faults; they must be mapped. */
int child_space_protect(struct child_memory *memory, u64 gpfn, u64 pages)
{
	struct uffdio_register watch = {
		.range.start = (uintptr_t)memory->host + (gpfn << HV_HYP_PAGE_SHIFT),
		.range.len = pages << HV_HYP_PAGE_SHIFT,
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect on = {
		.range = watch.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &watch) < 0 ||
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &on) < 0)
		return -errno;
	return open_up(&watch.range);
}

/* Put the parent's pages there. One that is only protected now stays. */
static int place(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	struct child_memory *memory = child->memory;
	u64 parent_gpa = child_entry_gpfn(entry) << HV_HYP_PAGE_SHIFT;
	int rights = entry & ENTRY_PROTECTED ? PROT_NONE : PROT_READ | PROT_WRITE;
	size_t size = pages << HV_HYP_PAGE_SHIFT;
	const struct ram_slot *slot;

	if (!(entry & ENTRY_PLACED) || !(entry & ENTRY_PROTECTED)) {
		slot = partition_slot(child->parent, parent_gpa, size);
		if (!slot || mmap(memory->host + (gpfn << HV_HYP_PAGE_SHIFT), size, rights,
				  MAP_SHARED | MAP_FIXED, child->parent->memfd,
				  slot->offset + parent_gpa - slot->gpa) == MAP_FAILED)
			return -errno;
	}
	return entry & ENTRY_PROTECTED ? child_space_protect(memory, gpfn, pages) : 0;
}

void child_space_mark(struct child_memory *memory, u64 gpfn, bool placed)
{
	u64 *entry = child_entry(memory, gpfn, false);

	if (!entry)
		return;
	*entry &= ~ENTRY_PLACED;
	if (placed)
		*entry |= ENTRY_PLACED;
}

/*
 * Make the address space what the entries of a run say: pages of the same kind
 * whose pages of the parent follow each other.
 */
static int apply_run(struct child *child, u64 gpfn, u64 pages, u64 entry)
{
	struct child_memory *memory = child->memory;
	bool present = entry & ENTRY_PRESENT;
	u64 i;
	int ret;

	if (!memory->host)
		return 0;
	ret = present ? place(child, gpfn, pages, entry) : arm(memory, gpfn, pages);
	for (i = 0; i < pages; i++)
		child_space_mark(memory, gpfn + i, present && !ret);
	child_space_wake(memory, gpfn, pages);
	return ret;
}

static bool follows(u64 entry, u64 last)
{
	const u64 kind = ENTRY_PRESENT | ENTRY_PROTECTED | ENTRY_PLACED;

	if ((entry ^ last) & kind)
		return false;
	return !(entry & ENTRY_PRESENT) || child_entry_gpfn(entry) == child_entry_gpfn(last) + 1;
}

/* A page under an overlay is not there for now. */
int child_space_apply(struct child *child, u64 gpfn, u64 pages)
{
	struct child_memory *memory = child->memory;
	u64 done, length;
	int ret;

	for (done = 0; done < pages; done += length) {
		u64 first = child_entry_value(memory, gpfn + done), last = first;

		length = 1;
		if (child_overlay_at(memory, gpfn + done))
			continue;
		while (done + length < pages &&
		       !child_overlay_at(memory, gpfn + done + length)) {
			u64 next = child_entry_value(memory, gpfn + done + length);

			if (!follows(next, last))
				break;
			last = next;
			length++;
		}
		ret = apply_run(child, gpfn + done, length, first);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * A signal ends the fault of a guest, but not one of KVM itself: where KVM emulates an
 * instruction it copies from memory and to it, and a copy that faults tries again until
 * it is killed. So the page is out of reach until the VP has left KVM. The copy fails
 * then, and KVM says so: KVM_EXIT_MMIO, or EFAULT.
 */
void child_space_reach(struct child *child, u64 gpa, int rights)
{
	u8 *where = child->memory->host + (gpa & ~(u64)(HV_HYP_PAGE_SIZE - 1));

	/* Without it all goes well but for that. */
	if (mprotect(where, HV_HYP_PAGE_SIZE, rights) < 0)
		log_event(LOG_NO_VP, "child-reach", "child=0x%llx gpa=0x%llx error=\"%s\"",
			  (unsigned long long)child->id, (unsigned long long)gpa,
			  strerror(errno));
}

static int add_slot(struct child *child, u32 number, u64 from, u64 to)
{
	struct kvm_userspace_memory_region region = {
		.slot = number,
		.guest_phys_addr = from,
		.memory_size = to - from,
		.userspace_addr = (uintptr_t)child->memory->host + from,
	};

	return ioctl(child->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* All but the page of the local APIC, if there is one: that is hvemu's to emulate. */
int child_space_make(struct child *child)
{
	struct child_memory *memory = child->memory;
	int ret;

	memory->host = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->host == MAP_FAILED) {
		memory->host = NULL;
		return -errno;
	}
	ret = arm(memory, 0, memory->size >> HV_HYP_PAGE_SHIFT);
	if (!ret && !(child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED))
		return add_slot(child, 0, 0, memory->size);
	if (!ret)
		ret = add_slot(child, 0, 0, APIC_GPA);
	if (!ret)
		ret = add_slot(child, 1, APIC_GPA + APIC_SIZE, memory->size);
	return ret;
}

int child_space_open(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		/* GET_USER_PAGES as KVM does it is a fault of the kernel's. */
		.features = UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS |
			    UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	int device, fd, ret;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ret = -errno;
	/* The rights to the device can be given to a user; that system call needs root. */
	if (fd < 0) {
		device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
		if (device >= 0) {
			fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
			close(device);
		}
	}
	if (fd < 0)
		return ret;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int child_space_watch(void)
{
	uffd = child_space_open();
	return uffd;
}
