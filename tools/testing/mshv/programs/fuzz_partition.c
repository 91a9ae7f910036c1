// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer asks of a partition: to be made and initialized, VPs, memory, eventfds.
 */

#include <stdio.h>
#include <sys/mman.h>

#include <linux/kernel.h>

#include "fuzz.h"
#include "fuzz_vmm.h"

#define ROUTES_MAX	8
#define GSI_MAX		8
#define BITMAP_PAGES	2048

static u64 some_features(void)
{
	/* Few at a time, or no guest gets anywhere. */
	return chance(2) ? 0 : 1ULL << chance(64) | 1ULL << chance(64);
}

void create_partition(void)
{
	struct fuzz_partition *partition = &world.partitions[chance(PARTITIONS)];
	struct mshv_create_partition_v2 args = {
		.pt_flags = chance(3) ? VM_DEFAULT : chance(1 << MSHV_PT_BIT_COUNT),
		.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS,
		.pt_cpu_fbanks = { some_features(), some_features() },
		.pt_disabled_xsave = some_features(),
	};
	char words[80];
	int fd;

	if (chance(2))
		args.pt_flags |= BIT(MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES);
	if (fuzz_odd()) {
		switch (chance(5)) {
		case 0:
			args.pt_flags = fuzz_odd_number();
			break;
		case 1:
			args.pt_isolation = fuzz_odd_number();
			break;
		case 2:
			args.pt_num_cpu_fbanks = fuzz_odd_number();
			break;
		case 3:
			args.pt_rsvd[chance(sizeof(args.pt_rsvd))] = 1;
			break;
		case 4:
			args.pt_rsvd1[chance(2)] = fuzz_odd_number();
			break;
		}
	}
	snprintf(words, sizeof(words), ", flags %#llx", args.pt_flags);
	fd = ask_driver(CALL_CREATE_PARTITION, world.device, MSHV_CREATE_PARTITION, &args,
			sizeof(args), words);
	fuzz_keep(&partition->fd, fd);
}

void initialize(void)
{
	ask_driver(CALL_INITIALIZE_PARTITION, some_partition()->fd, MSHV_INITIALIZE_PARTITION,
		   scratch, 0, "");
}

void create_vp(void)
{
	struct fuzz_vp *vp = &world.vps[chance(VPS)];
	struct mshv_create_vp args = {
		.vp_index = fuzz_odd() ? fuzz_odd_number() : chance(2) ? chance(8) : chance(256),
	};
	char words[40];
	int fd;

	snprintf(words, sizeof(words), ", index %u", args.vp_index);
	fd = ask_driver(CALL_CREATE_VP, some_partition()->fd, MSHV_CREATE_VP, &args, sizeof(args),
			words);
	if (fd < 0)
		return;
	vp->index = args.vp_index;
	fuzz_keep(&vp->fd, fd);
}

void map(void)
{
	struct fuzz_partition *partition = some_partition();
	struct mshv_user_mem_region args = {
		.size = fuzz_size(),
		.guest_pfn = some_gfn(),
		.userspace_addr = fuzz_place(),
		.flags = chance(2) ? MAP_RWX : chance(4),
	};
	char words[120];
	int ret;

	if (fuzz_odd()) {
		switch (chance(6)) {
		case 0:
			args.size = fuzz_odd_number();
			break;
		case 1:
			args.size += chance(PAGE);
			break;
		case 2:
			args.userspace_addr += chance(PAGE);
			break;
		case 3:
			args.userspace_addr = fuzz_odd_number();
			break;
		case 4:
			args.flags = fuzz_odd_number();
			break;
		case 5:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		}
	}
	/* The pages of a region are an array: not of all memory that this machine has. */
	if (args.size > 1ULL << 30 && args.size < 1ULL << 44)
		args.size &= (1 << 30) - 1;
	snprintf(words, sizeof(words), ", page %#llx, size %#llx, at %#llx, flags %#x",
		 args.guest_pfn, args.size, args.userspace_addr, args.flags);
	ret = ask_driver(CALL_MAP_MEMORY, partition->fd, MSHV_SET_GUEST_MEMORY, &args,
			 sizeof(args), words);
	if (!ret)
		partition->mappings[chance(MAPPINGS)] = (struct fuzz_mapping) {
			args.guest_pfn, args.size, args.userspace_addr
		};
}

void unmap(void)
{
	struct fuzz_partition *partition = some_partition();
	const struct fuzz_mapping known = partition->mappings[chance(MAPPINGS)];
	struct mshv_user_mem_region args = {
		.size = known.size,
		.guest_pfn = known.gfn,
		.userspace_addr = known.uaddr,
		.flags = BIT(MSHV_SET_MEM_BIT_UNMAP),
	};
	char words[80];

	if (fuzz_odd()) {
		switch (chance(4)) {
		case 0:
			args.size = fuzz_odd_number();
			break;
		case 1:
			args.guest_pfn += chance(4);
			break;
		case 2:
			args.userspace_addr = fuzz_place();
			break;
		case 3:
			args.flags = chance(256);
			break;
		}
	}
	snprintf(words, sizeof(words), ", page %#llx, size %#llx, at %#llx", args.guest_pfn,
		 args.size, args.userspace_addr);
	ask_driver(CALL_UNMAP_MEMORY, partition->fd, MSHV_SET_GUEST_MEMORY, &args, sizeof(args),
		   words);
}

void irqfd(void)
{
	struct mshv_user_irqfd args = {
		.fd = fuzz_event(),
		.resamplefd = fuzz_event(),
		.gsi = fuzz_odd() ? fuzz_odd_number() : chance(GSI_MAX),
		.flags = fuzz_odd() ? fuzz_odd_number() : chance(1 << MSHV_IRQFD_BIT_COUNT),
	};
	char words[80];

	snprintf(words, sizeof(words), ", fd %d, gsi %u, flags %#x", args.fd, args.gsi, args.flags);
	ask_driver(CALL_IRQFD, some_partition()->fd, MSHV_IRQFD, &args, sizeof(args), words);
}

void ioeventfd(void)
{
	static const u64 places[] = { GUEST_MMIO, GUEST_MMIO + 8, GUEST_FREE, 0xfee00000 };
	struct mshv_user_ioeventfd args = {
		.datamatch = chance(4),
		.addr = places[chance(ARRAY_SIZE(places))],
		.len = 1 << chance(4),
		.fd = fuzz_event(),
		.flags = chance(2) ? BIT(MSHV_IOEVENTFD_BIT_DATAMATCH) : 0,
	};
	char words[80];

	if (!chance(3))
		args.flags |= BIT(MSHV_IOEVENTFD_BIT_DEASSIGN);
	if (fuzz_odd()) {
		switch (chance(5)) {
		case 0:
			args.addr = fuzz_odd_number();
			break;
		case 1:
			args.len = fuzz_odd_number();
			break;
		case 2:
			args.flags = fuzz_odd_number();
			break;
		case 3:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		case 4:
			args.len = 0;
			break;
		}
	}
	snprintf(words, sizeof(words), ", fd %d, address %#llx, length %u, flags %#x", args.fd,
		 args.addr, args.len, args.flags);
	ask_driver(CALL_IOEVENTFD, some_partition()->fd, MSHV_IOEVENTFD, &args, sizeof(args),
		   words);
}

void route(void)
{
	struct {
		struct mshv_user_irq_table head;
		struct mshv_user_irq_entry entries[ROUTES_MAX];
	} args = { .head.nr = chance(ROUTES_MAX + 1) };
	char words[40];
	unsigned int i;

	for (i = 0; i < ROUTES_MAX; i++) {
		args.entries[i] = vm_route(fuzz_odd() ? fuzz_odd_number() : chance(GSI_MAX),
					   chance(4), 32 + chance(224));
		/* Delivery modes, levels; logical destinations. */
		if (!chance(3))
			args.entries[i].data |= chance(8) << 8 | chance(2) << 15;
		if (fuzz_odd())
			args.entries[i].address_lo = fuzz_odd_number();
		if (fuzz_odd())
			args.entries[i].address_hi = fuzz_odd_number();
	}
	if (fuzz_odd()) {
		if (chance(2))
			args.head.nr = fuzz_odd_number();
		else
			args.head.rsvd = 1;
	}
	snprintf(words, sizeof(words), ", %u routes", args.head.nr);
	ask_driver(CALL_SET_MSI_ROUTING, some_partition()->fd, MSHV_SET_MSI_ROUTING, &args,
		   sizeof(args), words);
}

void access_bitmap(void)
{
	struct mshv_gpap_access_bitmap args = {
		.access_type = chance(MSHV_GPAP_ACCESS_TYPE_COUNT),
		.access_op = chance(MSHV_GPAP_ACCESS_OP_COUNT),
		.page_count = 1 + chance(BITMAP_PAGES),
		.gpap_base = some_gfn(),
		.bitmap_ptr = (uintptr_t)scratch,
	};
	char words[80];

	if (fuzz_odd()) {
		switch (chance(5)) {
		case 0:
			args.access_type = fuzz_odd_number();
			break;
		case 1:
			args.access_op = fuzz_odd_number();
			break;
		case 2:
			args.page_count = fuzz_odd_number();
			break;
		case 3:
			args.bitmap_ptr = chance(2) ? fuzz_odd_number() : fuzz_place();
			break;
		case 4:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		}
	}
	/* What comes of it must fit into the scratch memory, where it goes there. */
	if (args.page_count > 8 * sizeof(scratch) && args.bitmap_ptr == (uintptr_t)scratch)
		args.bitmap_ptr = fuzz_place();
	snprintf(words, sizeof(words), ", page %#llx, %#llx pages, type %u, operation %u",
		 args.gpap_base, args.page_count, args.access_type, args.access_op);
	ask_driver(CALL_ACCESS_BITMAP, some_partition()->fd, MSHV_GET_GPAP_ACCESS_BITMAP, &args,
		   sizeof(args), words);
}
