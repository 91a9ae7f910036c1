// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer asks of /dev/mshv.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/kernel.h>

#include "fuzz.h"
#include "guests.h"

#define STATISTICS	"/sys/kernel/debug/mshv"
#define PARAMETERS	"/sys/module/mshv_root/parameters/"
#define ROUTES_MAX	8
#define GSI_MAX		8
#define POLL_MAX_NS	2000000
#define BITMAP_PAGES	2048
#define FORK_MS		10

/* Memory that an argument may point to, but for what is odd. */
static __thread unsigned char scratch[2 * PAGE] __aligned(PAGE);

static struct fuzz_partition *some_partition(void)
{
	/* The first is the one that has got furthest. */
	return &world.partitions[chance(3) ? 0 : chance(PARTITIONS)];
}

static struct fuzz_vp *some_vp(void)
{
	return &world.vps[chance(3) ? chance(3) : chance(VPS)];
}

/* An ioctl, with its arguments where they are, or somewhere else. */
static int ask_driver(enum fuzz_call call, int fd, unsigned long request, void *args, size_t size,
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

static u64 some_features(void)
{
	/* Few at a time, or no guest gets anywhere. */
	return chance(2) ? 0 : 1ULL << chance(64) | 1ULL << chance(64);
}

static void create_partition(void)
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

static void initialize(void)
{
	ask_driver(CALL_INITIALIZE_PARTITION, some_partition()->fd, MSHV_INITIALIZE_PARTITION,
		   scratch, 0, "");
}

static void create_vp(void)
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

/* Where guests look for memory, or beside it. */
static u64 some_gfn(void)
{
	static const u64 gfns[] = { 0, 0x40, GUEST_FREE / PAGE, 0x200, 0x400, 0xfee00, 0x100000 };

	if (fuzz_odd())
		return fuzz_odd_number();
	return gfns[chance(ARRAY_SIZE(gfns))] + (chance(2) ? 0 : chance(16));
}

static void map(void)
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

static void unmap(void)
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

static void irqfd(void)
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

static void ioeventfd(void)
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

static void route(void)
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

static void access_bitmap(void)
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

/* Registers, some of which suspend and release VPs, or say what waits for them. */
static const u32 registers[] = {
	HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_EXPLICIT_SUSPEND,
	HV_REGISTER_INTERCEPT_SUSPEND, HV_REGISTER_DISPATCH_SUSPEND,
	HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_PENDING_EVENT0, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	HV_REGISTER_VP_ROOT_SIGNAL_COUNT, HV_REGISTER_HYPERVISOR_VERSION,
	HV_REGISTER_VP_RUNTIME, HV_REGISTER_VP_INDEX, HV_REGISTER_SINT0, HV_REGISTER_SINT2,
	HV_REGISTER_SCONTROL, HV_REGISTER_SIEFP, HV_REGISTER_SIMP, HV_REGISTER_EOM,
	HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER0_COUNT,
	HV_X64_REGISTER_RIP, HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4, HV_X64_REGISTER_EFER, HV_X64_REGISTER_CS,
	HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_TSC, HV_X64_REGISTER_XMM0,
};

static u32 some_register(void)
{
	return fuzz_odd() ? fuzz_odd_number() : registers[chance(ARRAY_SIZE(registers))];
}

static u32 some_property(void)
{
	static const u32 properties[] = {
		HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS,
		HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
		HV_PARTITION_PROPERTY_CPU_WEIGHT, HV_PARTITION_PROPERTY_CPU_CAP,
		HV_PARTITION_PROPERTY_TIME_FREEZE, HV_PARTITION_PROPERTY_REFERENCE_TIME,
		HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
		HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
		HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
		HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET, HV_PARTITION_PROPERTY_XSAVE_STATES,
		HV_PARTITION_PROPERTY_MAX_XSAVE_DATA_SIZE, HV_PARTITION_PROPERTY_PROCESSOR_VENDOR,
		HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH,
		HV_PARTITION_PROPERTY_VMM_CAPABILITIES,
	};

	return fuzz_odd() ? fuzz_odd_number() : properties[chance(ARRAY_SIZE(properties))];
}

/* What a hypercall takes, in about the right places. Returns how long it is. */
static size_t fill_input(u16 code, unsigned char *input, u16 *reps)
{
	struct hv_input_get_vp_registers *get = (void *)input;
	struct hv_input_set_vp_registers *set = (void *)input;
	u32 *words = (void *)input;
	u64 *quads = (void *)input;
	unsigned int i;

	memset(input, 0, PAGE);
	words[2] = chance(4);	/* a VP's index, in most of them */
	switch (code) {
	case HVCALL_GET_PARTITION_PROPERTY:
	case HVCALL_GET_PARTITION_PROPERTY_EX:
		words[2] = some_property();
		return 16 + (code == HVCALL_GET_PARTITION_PROPERTY_EX ? chance(64) * 8 : 0);
	case HVCALL_SET_PARTITION_PROPERTY:
		words[2] = some_property();
		quads[2] = chance(2) ? chance(2) : fuzz_odd_number();
		return 24;
	case HVCALL_INSTALL_INTERCEPT:
		words[2] = chance(8);
		words[3] = chance(20);
		quads[2] = chance(2) ? chance(32) : fuzz_odd_number();
		return sizeof(struct hv_input_install_intercept);
	case HVCALL_GET_VP_REGISTERS:
		*reps = 1 + chance(12);
		for (i = 0; i < *reps; i++)
			get->names[i] = some_register();
		return sizeof(*get) + *reps * sizeof(get->names[0]);
	case HVCALL_SET_VP_REGISTERS:
		*reps = 1 + chance(6);
		for (i = 0; i < *reps; i++) {
			set->elements[i].name = some_register();
			set->elements[i].value.reg64 = chance(2) ? chance(2) : fuzz_odd_number();
		}
		return sizeof(*set) + *reps * sizeof(set->elements[0]);
	case HVCALL_TRANSLATE_VIRTUAL_ADDRESS:
		quads[2] = 1 + chance(7);
		quads[3] = chance(2) ? chance(0x100) : fuzz_odd_number();
		return sizeof(struct hv_input_translate_virtual_address);
	case HVCALL_ASSERT_VIRTUAL_INTERRUPT:
		quads[1] = chance(2) ? 0 : fuzz_odd() ? fuzz_odd_number() : chance(12);
		quads[2] = chance(4);
		words[6] = 32 + chance(224);
		return sizeof(struct hv_input_assert_virtual_interrupt);
	case HVCALL_GET_GPA_PAGES_ACCESS_STATES:
		*reps = 1 + chance(256);
		quads[1] = chance(16);
		quads[2] = some_gfn();
		return sizeof(struct hv_input_get_gpa_pages_access_state);
	case HVCALL_SIGNAL_EVENT_DIRECT:
		words[3] = chance(2048) << 16 | chance(16) << 8;
		return 16;
	case HVCALL_POST_MESSAGE_DIRECT:
		words[4] = chance(16);
		words[5] = 1 + chance(4);
		words[6] = chance(240);
		return sizeof(struct hv_input_post_message_direct);
	case HVCALL_GET_VP_CPUID_VALUES:
		*reps = 1 + chance(8);
		words[3] = chance(4);
		for (i = 0; i < *reps; i++)
			quads[3 + 3 * i] = chance(2) ? chance(32) : 0x40000000 + chance(8);
		return 24 + 24 * *reps;
	case HVCALL_REGISTER_INTERCEPT_RESULT:
		words[3] = chance(8);
		words[4] = chance(32);
		return sizeof(struct hv_input_register_intercept_result);
	default:
		return 8;
	}
}

static u16 some_code(void)
{
	static const u16 codes[] = {
		HVCALL_GET_PARTITION_PROPERTY, HVCALL_GET_PARTITION_PROPERTY_EX,
		HVCALL_SET_PARTITION_PROPERTY, HVCALL_INSTALL_INTERCEPT, HVCALL_GET_VP_REGISTERS,
		HVCALL_SET_VP_REGISTERS, HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		HVCALL_CLEAR_VIRTUAL_INTERRUPT, HVCALL_REGISTER_INTERCEPT_RESULT,
		HVCALL_ASSERT_VIRTUAL_INTERRUPT, HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		HVCALL_GET_GPA_PAGES_ACCESS_STATES, HVCALL_SIGNAL_EVENT_DIRECT,
		HVCALL_POST_MESSAGE_DIRECT, HVCALL_GET_VP_CPUID_VALUES,
	};

	return fuzz_odd() ? fuzz_odd_number() : codes[chance(ARRAY_SIZE(codes))];
}

static void hypercall(void)
{
	static __thread unsigned char input[PAGE] __aligned(8);
	struct mshv_root_hvcall args = {
		.code = some_code(),
		.in_ptr = (uintptr_t)input,
		.out_ptr = (uintptr_t)scratch,
		.out_sz = chance(2) ? PAGE : 8 + chance(256) * 8,
	};
	enum fuzz_call call = CALL_HVCALL_PARTITION;
	int fd = some_partition()->fd;
	char words[80];
	unsigned int i;

	args.in_sz = fill_input(args.code, input, &args.reps);
	if (!chance(3)) {
		call = CALL_HVCALL_VP;
		fd = some_vp()->fd;
	} else if (fuzz_odd()) {
		call = CALL_HVCALL_DEVICE;
		fd = world.device;
	}
	if (fuzz_odd()) {
		switch (chance(9)) {
		case 0:
			args.reps = fuzz_odd_number();
			break;
		case 1:
			args.in_sz = fuzz_odd_number();
			break;
		case 2:
			args.out_sz = fuzz_odd_number();
			break;
		case 3:
			args.in_ptr = chance(2) ? fuzz_odd_number() : fuzz_place();
			break;
		case 4:
			args.out_ptr = chance(2) ? 0 : fuzz_place();
			break;
		case 5:
			args.status = 1;
			break;
		case 6:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		case 7:
			for (i = 8; i < 64; i++)
				input[i] = chance(256);
			break;
		case 8:
			/* As many as fit, or as there may be at all. */
			args.reps = chance(2) ? 4095 : 255;
			args.in_sz = PAGE;
			break;
		}
	}
	snprintf(words, sizeof(words), ", code %#x, %u repetitions, input %u, output %u",
		 args.code, args.reps, args.in_sz, args.out_sz);
	ask_driver(call, fd, MSHV_ROOT_HVCALL, &args, sizeof(args), words);
}

/* A write that the VMM is told of is over, or it is told of nothing else. */
static void go_past(int fd, u32 index, const struct hv_message *message)
{
	const struct hv_x64_intercept_message_header *header = (const void *)message->u.payload;
	struct vp vp = { .fd = fd, .index = index };
	struct hv_register_assoc rip = {
		.name = HV_X64_REGISTER_RIP,
		.value.reg64 = header->rip + header->instruction_length,
	};

	if (message->header.message_type == HVMSG_X64_IO_PORT_INTERCEPT)
		vp_set_registers(&vp, &rip, 1);
}

static void run(void)
{
	struct fuzz_vp *vp = some_vp();
	union {
		struct mshv_run_vp run;
		struct hv_message message;
	} args = { };
	u32 index = vp->index;
	int fd = vp->fd, ret;

	ret = ask_driver(CALL_RUN_VP, fd, MSHV_RUN_VP, &args, sizeof(args), "");
	if (!ret && chance(4))
		go_past(fd, index, &args.message);
}

static void state(void)
{
	struct mshv_get_set_vp_state args = {
		.type = chance(MSHV_VP_STATE_COUNT),
		.buf_sz = (1 + chance(3)) * PAGE,
		.buf_ptr = chance(2) ? fuzz_place() : (uintptr_t)scratch,
	};
	bool set = chance(2);
	char words[60];

	if (args.buf_ptr == (uintptr_t)scratch)
		args.buf_sz = (1 + chance(2)) * PAGE;
	if (fuzz_odd()) {
		switch (chance(4)) {
		case 0:
			args.type = fuzz_odd_number();
			break;
		case 1:
			args.buf_sz = fuzz_odd_number();
			args.buf_ptr = fuzz_place();
			break;
		case 2:
			args.buf_ptr = fuzz_odd_number();
			break;
		case 3:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		}
	}
	snprintf(words, sizeof(words), ", type %u, %u bytes at %#llx", args.type, args.buf_sz,
		 args.buf_ptr);
	ask_driver(set ? CALL_SET_VP_STATE : CALL_GET_VP_STATE, some_vp()->fd,
		   set ? MSHV_SET_VP_STATE : MSHV_GET_VP_STATE, &args, sizeof(args), words);
}

/* One more VP that does something. */
static void enter(void)
{
	struct fuzz_vp *slot = some_vp();
	struct vp vp = { .fd = slot->fd, .index = slot->index };

	fuzz_tried(CALL_ENTER_GUEST, guest_enter(&vp, false), "%d", vp.fd);
}

static void map_page(void)
{
	unsigned int number = fuzz_odd() ? (u32)fuzz_odd_number() :
			      chance(MSHV_VP_MMAP_OFFSET_COUNT + 1);
	size_t size = fuzz_odd() ? 2 * PAGE : PAGE;
	struct fuzz_vp *vp = some_vp();
	int flags = fuzz_odd() ? MAP_PRIVATE : MAP_SHARED;
	int prot = fuzz_odd() ? chance(8) : PROT_READ | PROT_WRITE, fd = vp->fd;
	void *page;

	page = mmap(NULL, size, prot, flags, fd, (off_t)number * PAGE);
	fuzz_tried(CALL_VP_MMAP, page == MAP_FAILED ? -errno : 0, "%d, offset %#x, %zu bytes", fd,
		   number, size);
	if (page == MAP_FAILED)
		return;
	page = __atomic_exchange_n(&vp->pages[number % VP_PAGES], page, __ATOMIC_SEQ_CST);
	if (page)
		munmap(page, size);
}

static void unmap_page(void)
{
	void **place = &some_vp()->pages[chance(VP_PAGES)];
	void *page = __atomic_exchange_n(place, NULL, __ATOMIC_SEQ_CST);

	if (page)
		fuzz_tried(CALL_VP_MUNMAP, fuzz_errno(munmap(page, PAGE)), "%p", page);
}

/* Write to a register page, with its dirty bits and vectors, or to a run page. */
static void write_page(void)
{
	unsigned int number = chance(VP_PAGES);
	u64 value = chance(2) ? chance(2) : fuzz_odd_number();
	const u64 offset = chance(2) ? chance(4) * 8 : chance(PAGE / 8) * 8;
	struct iovec own = { &value, sizeof(value) };
	struct iovec there = { .iov_len = sizeof(value) };
	char *page = some_vp()->pages[number];

	if (!page)
		return;

	there.iov_base = page + offset;
	fuzz_tried(CALL_VP_PAGE, fuzz_errno(process_vm_writev(getpid(), &own, 1, &there, 1, 0)),
		   "page %u + %#lx: %#lx", number, (unsigned long)offset, value);
}

static int some_fd(void)
{
	switch (chance(4)) {
	case 0:
		return some_vp()->fd;
	case 1:
		return fuzz_event();
	case 2:
		return world.device;
	default:
		return some_partition()->fd;
	}
}

static void other_ioctl(void)
{
	unsigned long request = chance(2) ? fuzz_odd_number() :
				_IOC(chance(4), MSHV_IOCTL, chance(0x40), chance(512));

	/* Not of a terminal, nor of anything else that this process has by chance. */
	if (chance(4))
		request = (request & ~0xff00UL) | MSHV_IOCTL << 8;
	ask_driver(CALL_OTHER_IOCTL, some_partition()->fd, request, scratch, sizeof(scratch), "");
}

/* What can be read while that of which it tells goes. */
static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	while ((ret = read(fd, scratch, sizeof(scratch))) > 0)
		;
	ret = fuzz_errno(ret);
	close(fd);
	return ret;
}

static void read_fdinfo(void)
{
	char path[40];
	int fd = some_fd();

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	fuzz_tried(CALL_FDINFO, read_file(path), "%d", fd);
}

static void read_statistics(void)
{
	char path[300] = STATISTICS;
	struct dirent *entry, *chosen;
	size_t used;
	int depth;
	DIR *dir;

	for (depth = 0; depth < 8; depth++) {
		unsigned int seen = 0;
		char name[256] = "";

		dir = opendir(path);
		if (!dir)
			break;
		while ((entry = readdir(dir))) {
			chosen = entry->d_name[0] == '.' || chance(++seen) ? NULL : entry;
			if (chosen)
				snprintf(name, sizeof(name), "%s", chosen->d_name);
		}
		closedir(dir);
		used = strlen(path);
		if (!*name || used + strlen(name) + 2 > sizeof(path))
			return;
		path[used] = '/';
		strcpy(path + used + 1, name);
	}
	fuzz_tried(CALL_DEBUGFS, read_file(path), "%s", path);
}

static void set_polling(void)
{
	int fd = open(PARAMETERS "halt_poll_ns", O_WRONLY | O_CLOEXEC);
	char text[12];
	int size = snprintf(text, sizeof(text), "%u", chance(2) ? chance(POLL_MAX_NS) : 0);

	if (fd < 0)
		return;
	fuzz_tried(CALL_PARAMETER, fuzz_errno(write(fd, text, size)), "%s", text);
	close(fd);
}

static void close_something(void)
{
	atomic_int *place = chance(2) ? &some_vp()->fd : &some_partition()->fd;
	int fd;

	/* The first partition lasts a while, or there is little to do. */
	if (place == &world.partitions[0].fd && chance(4))
		return;
	fd = atomic_exchange(place, -1);
	if (fd >= 0)
		fuzz_tried(CALL_CLOSE, fuzz_errno(close(fd)), "%d", fd);
}

/* Another process has all of it, too, and its own memory: it runs a VP, and ends. */
static void share(void)
{
	struct mshv_run_vp args;
	int fd = some_vp()->fd;
	pid_t pid = fork();

	if (!pid) {
		struct timespec pause = { .tv_nsec = FORK_MS * 1000000 };

		if (chance(2))
			mshv_ioctl(fd, MSHV_RUN_VP, &args);
		else
			nanosleep(&pause, NULL);
		_exit(0);
	}
	fuzz_tried(CALL_FORK, fuzz_errno(pid), "of %d", fd);
	if (pid < 0)
		return;
	usleep(FORK_MS * 1000);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
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
