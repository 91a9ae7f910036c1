// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer asks of /dev/mshv, how often, and what it begins with.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <linux/kernel.h>

#include "fuzz.h"
#include "fuzz_vmm.h"
#include "guests.h"

__thread unsigned char scratch[2 * PAGE] __aligned(PAGE);

struct fuzz_partition *some_partition(void)
{
	/* The first is the one that has got furthest. */
	return &world.partitions[chance(3) ? 0 : chance(PARTITIONS)];
}

struct fuzz_vp *some_vp(void)
{
	return &world.vps[chance(3) ? chance(3) : chance(VPS)];
}

/* An ioctl, with its arguments where they are, or somewhere else. */
int ask_driver(enum fuzz_call call, int fd, unsigned long request, void *args, size_t size,
	       const char *words)
{
	const void *at = args;
	int ret;

	switch (chance(40)) {
	case 0:
		at = (void *)fuzz_odd_number();
		break;
	case 1:
		/* The last of it is beyond the end of an area. */
		at = (void *)(fuzz_area_at(chance(AREAS)) + AREA_SIZE - chance(size + 1));
		break;
	case 2:
		at = (void *)fuzz_place();
		break;
	case 3:
		if (!chance(4))
			fd = chance(2) ? world.device : fuzz_event();
		break;
	}
	ret = mshv_ioctl(fd, request, at);
	return fuzz_tried(call, ret, "%d%s%s", fd, at == args ? "" : " (elsewhere)", words);
}

/* Where guests look for memory, or beside it. */
u64 some_gfn(void)
{
	static const u64 gfns[] = { 0, 0x40, GUEST_FREE / PAGE, 0x200, 0x400, 0xfee00, 0x100000 };

	if (fuzz_odd())
		return fuzz_odd_number();
	return gfns[chance(ARRAY_SIZE(gfns))] + (chance(2) ? 0 : chance(16));
}

const struct fuzz_operation fuzz_vmm_operations[] = {
	{ 4, create_partition },
	{ 4, initialize },
	{ 8, create_vp },
	{ 14, map },
	{ 8, unmap },
	{ 8, irqfd },
	{ 6, ioeventfd },
	{ 5, route },
	{ 5, access_bitmap },
	{ 24, hypercall },
	{ 30, run },
	{ 8, state },
	{ 6, enter },
	{ 5, map_page },
	{ 2, unmap_page },
	{ 5, write_page },
	{ 3, other_ioctl },
	{ 2, read_fdinfo },
	{ 1, read_statistics },
	{ 1, set_polling },
	{ 4, close_something },
	{ 1, share },
	{ }
};

/* Where something fails, threads have to make do with what there is. */
static void furnish_partition(struct fuzz_partition *slot, struct fuzz_vp *vps, unsigned int count)
{
	bool is_enlightened = chance(2);
	struct vm vm = { .fd = -1 };
	unsigned int i;

	if (!is_enlightened || vm_start_enlightened(&vm, granted.as_uint64[0]))
		vm_start(&vm, chance(4) ? VM_DEFAULT : chance(1 << 3));
	slot->fd = vm.fd;
	slot->mappings[0] = (struct fuzz_mapping) { 0, GUEST_RAM_SIZE, (uintptr_t)vm.ram };
	guests_load(&vm);
	for (i = 0; i < count; i++) {
		struct vp vp = { };

		vp_start(&vm, &vp, i);
		guest_enter(&vp, is_enlightened);
		vps[i].fd = vp.fd;
		vps[i].index = i;
		vps[i].pages[MSHV_VP_MMAP_OFFSET_REGISTERS] = vp.page;
		vps[i].pages[MSHV_VP_MMAP_OFFSET_RUN] = vp.run;
	}
}

void fuzz_furnish(void)
{
	unsigned int i;

	world.device = mshv_open();
	world.userfaultfd = -1;
	for (i = 0; i < PARTITIONS; i++)
		world.partitions[i].fd = -1;
	for (i = 0; i < VPS; i++)
		world.vps[i].fd = -1;
	for (i = 0; i < AREAS; i++) {
		world.areas[i].file = -1;
		if (mmap((void *)fuzz_area_at(i), AREA_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			abort();
	}
	for (i = 0; i < EVENTS; i++)
		world.events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	furnish_partition(&world.partitions[0], &world.vps[0], 1 + chance(3));
	if (!chance(3))
		furnish_partition(&world.partitions[1], &world.vps[4], 1);
}
