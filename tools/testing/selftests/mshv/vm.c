// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small VMM for tests of /dev/mshv, see vm.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <termios.h>
#include <time.h>

#include "kselftest.h"
#include "vm.h"

#define CR0_PE		BIT_ULL(0)
#define CR0_MP		BIT_ULL(1)
#define CR0_ET		BIT_ULL(4)
#define CR0_NE		BIT_ULL(5)
#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PAE		BIT_ULL(5)
#define CR4_OSFXSR	BIT_ULL(9)
#define CR4_OSXMMEXCPT	BIT_ULL(10)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)
#define RFLAGS_FIXED	BIT_ULL(1)

/* Selectors, each of the descriptor beside it. */
#define SELECTOR_CODE64	0x08
#define SELECTOR_CODE32	0x10
#define SELECTOR_DATA	0x18

static const u64 gdt[] = {
	0,
	0x00af9b000000ffff,
	0x00cf9b000000ffff,
	0x00cf93000000ffff,
};

/* Attributes of a segment: those of its descriptor. */
#define SEGMENT_CODE64	0xa09b
#define SEGMENT_CODE32	0xc09b
#define SEGMENT_DATA32	0xc093
#define SEGMENT_CODE16	0x009b
#define SEGMENT_DATA16	0x0093
#define SEGMENT_TSS	0x008b
#define SEGMENT_LDT	0x0082

#define GATE_PRESENT	0x80
#define GATE_INTERRUPT	0x0e

#define STACK_SIZE	0x400
#define STACKS		64

#define LARGE_PAGES_GIB	512
#define TABLE_ENTRIES	512

/*
 * What vm_take_interrupts() puts at GUEST_STUBS: 256 times 16 bytes, by which
 * the vector gets into AL, and what they have in common.
 */
GUEST64(stubs,
	".set vector, 0\n"
	".rept 256\n"
	".balign 16\n"
	"push %rax\n"
	".byte 0xb0, vector\n"			/* mov $vector, %al */
	"jmp 1f\n"
	".set vector, vector + 1\n"
	".endr\n"
	".balign 16\n"
"1:	push %rcx\n"
	"movzbl %al, %ecx\n"
	"lock incl " __stringify(GUEST_COUNTS) "(,%rcx,4)\n"
	"out %al, $" __stringify(PORT_IRQ) "\n"
	"cmp $2, %al\n"
	"je 2f\n"
	"mov $" __stringify(APIC_BASE) " + " __stringify(APIC_EOI) ", %ecx\n"
	"movl $0, (%rcx)\n"
"2:	pop %rcx\n"
	"pop %rax\n"
	"iretq\n");
#define STUB_SIZE	16

GUEST64_SHARED(guest_hello, GUEST_REPORT(0x600d));

GUEST64_SHARED(guest_rests, GUEST_APIC_ON GUEST_REPORT(1)
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

GUEST64_SHARED(guest_counts, GUEST_REPORT(1)
	"1: incq (%rdi)\n"
	"jmp 1b\n");

static void die(const char *what, long error)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(error < 0 ? -error : error));
	abort();
}

/* Of the functions below that return nothing. */
static int must(int ret, const char *what)
{
	if (ret < 0)
		die(what, ret);
	return ret;
}

int mshv_open(void)
{
	int fd = open("/dev/mshv", O_RDWR | O_CLOEXEC);
	int ret = fd < 0 ? -errno : fd;

	/* Let a console show the test's name before what others say of the test. */
	tcdrain(STDOUT_FILENO);
	return ret;
}

const char *mshv_missing(void)
{
	static char why[80];
	int fd = mshv_open();

	if (fd >= 0) {
		close(fd);
		return NULL;
	}
	snprintf(why, sizeof(why), "/dev/mshv: %s", strerror(-fd));
	return why;
}

int mshv_ioctl(int fd, unsigned long request, const void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* @args is of whichever of the ioctl's two forms its flags say. */
static int create(struct vm *vm, const void *args)
{
	int dev = mshv_open();

	memset(vm, 0, sizeof(*vm));
	vm->fd = -1;
	if (dev < 0)
		return dev;
	vm->fd = mshv_ioctl(dev, MSHV_CREATE_PARTITION, args);
	close(dev);
	return vm->fd < 0 ? vm->fd : 0;
}

int vm_create(struct vm *vm, u64 flags)
{
	const struct mshv_create_partition args = { .pt_flags = flags };

	return create(vm, &args);
}

int vm_initialize(struct vm *vm)
{
	return mshv_ioctl(vm->fd, MSHV_INITIALIZE_PARTITION, NULL);
}

static int set_memory(struct vm *vm, u64 gpa, void *memory, size_t size, u8 flags)
{
	struct mshv_user_mem_region region = {
		.size = size,
		.guest_pfn = gpa / PAGE,
		.userspace_addr = (uintptr_t)memory,
		.flags = flags,
	};

	return mshv_ioctl(vm->fd, MSHV_SET_GUEST_MEMORY, &region);
}

int vm_map(struct vm *vm, u64 gpa, void *memory, size_t size, u8 flags)
{
	return set_memory(vm, gpa, memory, size, flags);
}

int vm_unmap(struct vm *vm, u64 gpa, void *memory, size_t size)
{
	return set_memory(vm, gpa, memory, size, BIT(MSHV_SET_MEM_BIT_UNMAP));
}

int vm_add_vp(struct vm *vm, u32 index)
{
	struct mshv_create_vp args = { .vp_index = index };

	return mshv_ioctl(vm->fd, MSHV_CREATE_VP, &args);
}

void *memory_get(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("memory", errno);
	return memory;
}

static void write_tables(struct vm *vm)
{
	u64 *root = (u64 *)(vm->ram + GUEST_TABLES);
	u64 *gibs = root + TABLE_ENTRIES;
	u64 *low = gibs + TABLE_ENTRIES;
	u64 *high = low + TABLE_ENTRIES;
	u64 flags = PTE_PRESENT | PTE_WRITABLE;
	u64 i;

	root[0] = (GUEST_TABLES + PAGE) | flags;
	gibs[0] = (GUEST_TABLES + 2 * PAGE) | flags;
	gibs[3] = (GUEST_TABLES + 3 * PAGE) | flags;
	for (i = 0; i < LARGE_PAGES_GIB; i++) {
		low[i] = i * LARGE_PAGE | flags | PTE_LARGE;
		high[i] = (3 * LARGE_PAGES_GIB + i) * LARGE_PAGE | flags |
			  PTE_LARGE | PTE_UNCACHED;
	}
	memcpy(vm->ram + GUEST_GDT, gdt, sizeof(gdt));
}

void vm_map_window(struct vm *vm, unsigned int number, u64 gpa, u64 flags)
{
	u64 *gibs = (u64 *)(vm->ram + GUEST_TABLES + PAGE);
	u64 *middle = (u64 *)(vm->ram + GUEST_WINDOW_TABLES);
	u64 *last = middle + TABLE_ENTRIES;

	gibs[GUEST_WINDOW >> 30] = GUEST_WINDOW_TABLES | PTE_PRESENT | PTE_WRITABLE;
	middle[0] = (GUEST_WINDOW_TABLES + PAGE) | PTE_PRESENT | PTE_WRITABLE;
	last[number] = gpa | flags;
}

static void furnish(struct vm *vm)
{
	must(vm_initialize(vm), "initialize");
	vm->ram = memory_get(GUEST_RAM_SIZE);
	write_tables(vm);
	must(vm_map(vm, 0, vm->ram, GUEST_RAM_SIZE, MAP_RWX), "guest memory");
}

void vm_start(struct vm *vm, u64 flags)
{
	must(vm_create(vm, flags), "partition");
	furnish(vm);
}

int vm_start_enlightened(struct vm *vm, u64 features)
{
	int ret;

	vm->ram = NULL;
	must(vm_create(vm, VM_DEFAULT), "partition");
	ret = hv_set_property(vm->fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, features,
			      NULL);
	if (ret)
		vm_stop(vm);
	else
		furnish(vm);
	return ret;
}

void vm_start_without(struct vm *vm, const struct mshv_create_partition_v2 *args)
{
	must(create(vm, args), "partition");
	furnish(vm);
}

void vm_stop(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	if (vm->ram)
		munmap(vm->ram, GUEST_RAM_SIZE);
	vm->ram = NULL;
}

/* The VP that this thread has run last. For the handler of signals. */
static __thread struct vp *own_vp;

void vp_start(struct vm *vm, struct vp *vp, u32 index)
{
	memset(vp, 0, sizeof(*vp));
	vp->vm = vm;
	vp->index = index;
	vp->fd = must(vm_add_vp(vm, index), "VP");
	vp->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
			MSHV_VP_MMAP_OFFSET_REGISTERS * PAGE);
	if (vp->page == MAP_FAILED)
		die("register page", errno);
	vp->run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd,
		       MSHV_VP_MMAP_OFFSET_RUN * PAGE);
	if (vp->run == MAP_FAILED && errno != EINVAL)
		die("run page", errno);
	if (vp->run == MAP_FAILED)
		vp->run = NULL;
}

void vp_stop(struct vp *vp)
{
	if (own_vp == vp)
		own_vp = NULL;
	if (vp->run)
		munmap(vp->run, PAGE);
	vp->run = NULL;
	if (vp->page)
		munmap(vp->page, PAGE);
	vp->page = NULL;
	if (vp->fd >= 0)
		close(vp->fd);
	vp->fd = -1;
}

size_t vm_load(struct vm *vm, u64 gpa, enum guest_mode mode, const struct guest *guest)
{
	size_t size = guest->code[mode].end - guest->code[mode].begin;

	memcpy(vm->ram + gpa, guest->code[mode].begin, size);
	return size;
}

static struct hv_register_assoc segment(u32 name, u64 base, u16 selector,
					u16 attributes)
{
	struct hv_register_assoc reg = { .name = name };

	reg.value.segment.base = base;
	reg.value.segment.selector = selector;
	reg.value.segment.attributes = attributes;
	/* The granularity bit: of pages, or of bytes. */
	reg.value.segment.limit = attributes & 0x8000 ? 0xffffffff : 0xffff;
	return reg;
}

static struct hv_register_assoc table(u32 name, u64 base, u16 limit)
{
	struct hv_register_assoc reg = { .name = name };

	reg.value.table.base = base;
	reg.value.table.limit = limit;
	return reg;
}

static struct hv_register_assoc value(u32 name, u64 value)
{
	struct hv_register_assoc reg = { .name = name };

	reg.value.reg64 = value;
	return reg;
}

int vp_try_enter_at(struct vp *vp, enum guest_mode mode, u64 rip)
{
	u16 code = SEGMENT_CODE16, data = SEGMENT_DATA16;
	u16 code_selector = 0, data_selector = 0;
	u64 stack = (vp->index % STACKS + 1) * STACK_SIZE;
	u64 cr0 = CR0_ET, cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT, efer = 0;
	bool real = mode == GUEST_REAL;

	if (mode == GUEST_PROTECTED) {
		code = SEGMENT_CODE32;
		code_selector = SELECTOR_CODE32;
		cr0 |= CR0_PE | CR0_MP | CR0_NE;
	} else if (mode == GUEST_LONG) {
		code = SEGMENT_CODE64;
		code_selector = SELECTOR_CODE64;
		cr0 |= CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG;
		cr4 |= CR4_PAE;
		efer = EFER_LME | EFER_LMA;
	}
	if (!real) {
		data = SEGMENT_DATA32;
		data_selector = SELECTOR_DATA;
	}

	const struct hv_register_assoc registers[] = {
		/* Neither halted nor waiting for a start-up IPI. */
		value(HV_REGISTER_INTERNAL_ACTIVITY_STATE, 0),
		segment(HV_X64_REGISTER_CS, 0, code_selector, code),
		real ? segment(HV_X64_REGISTER_SS, GUEST_STACKS, GUEST_STACKS >> 4, data) :
		       segment(HV_X64_REGISTER_SS, 0, data_selector, data),
		real ? segment(HV_X64_REGISTER_DS, GUEST_MMIO, GUEST_MMIO >> 4, data) :
		       segment(HV_X64_REGISTER_DS, 0, data_selector, data),
		segment(HV_X64_REGISTER_ES, 0, data_selector, data),
		segment(HV_X64_REGISTER_FS, 0, data_selector, data),
		segment(HV_X64_REGISTER_GS, 0, data_selector, data),
		segment(HV_X64_REGISTER_TR, 0, 0, SEGMENT_TSS),
		segment(HV_X64_REGISTER_LDTR, 0, 0, SEGMENT_LDT),
		table(HV_X64_REGISTER_GDTR, GUEST_GDT, sizeof(gdt) - 1),
		real ? table(HV_X64_REGISTER_IDTR, 0, 0x3ff) :
		       table(HV_X64_REGISTER_IDTR, GUEST_IDT, PAGE - 1),
		value(HV_X64_REGISTER_CR0, cr0),
		value(HV_X64_REGISTER_CR3, mode == GUEST_LONG ? GUEST_TABLES : 0),
		value(HV_X64_REGISTER_CR4, cr4),
		value(HV_X64_REGISTER_EFER, efer),
		value(HV_X64_REGISTER_RIP, rip),
		value(HV_X64_REGISTER_RFLAGS, RFLAGS_FIXED),
		value(HV_X64_REGISTER_RSP, real ? stack : GUEST_STACKS + stack),
		value(HV_X64_REGISTER_RSI, real ? 0 : GUEST_MMIO),
		value(HV_X64_REGISTER_RDI, GUEST_DATA),
		value(HV_X64_REGISTER_RAX, 0),
		value(HV_X64_REGISTER_RBX, 0),
		value(HV_X64_REGISTER_RCX, 0),
		value(HV_X64_REGISTER_RDX, 0),
		value(HV_X64_REGISTER_RBP, 0),
	};

	return vp_set_registers(vp, registers, ARRAY_SIZE(registers));
}

void vp_enter_at(struct vp *vp, enum guest_mode mode, u64 rip)
{
	must(vp_try_enter_at(vp, mode, rip), "registers");
}

void vp_enter(struct vp *vp, enum guest_mode mode, const struct guest *guest)
{
	vm_load(vp->vm, GUEST_CODE, mode, guest);
	vp_enter_at(vp, mode, GUEST_CODE);
}

void vm_set_gate(struct vm *vm, u8 vector, u64 gpa)
{
	u32 *gate = (u32 *)(vm->ram + GUEST_IDT + 16 * vector);

	gate[0] = SELECTOR_CODE64 << 16 | (gpa & 0xffff);
	gate[1] = (gpa & 0xffff0000) | (GATE_PRESENT | GATE_INTERRUPT) << 8;
	gate[2] = 0;
	gate[3] = 0;
}

void vm_take_interrupts(struct vm *vm)
{
	unsigned int vector;

	vm_load(vm, GUEST_STUBS, GUEST_LONG, &stubs);
	vm_set_gate(vm, 2, GUEST_STUBS + 2 * STUB_SIZE);
	for (vector = 32; vector < 256; vector++)
		vm_set_gate(vm, vector, GUEST_STUBS + vector * STUB_SIZE);
}

void vp_own(struct vp *vp)
{
	own_vp = vp;
}

int vp_run(struct vp *vp)
{
	struct mshv_run_vp run;
	int ret;

	vp_own(vp);
	/* So that a message which is not copied is none. */
	memset(&run, 0xa5, sizeof(run));
	ret = mshv_ioctl(vp->fd, MSHV_RUN_VP, &run);
	if (!ret)
		memcpy(&vp->msg, run.msg_buf, sizeof(vp->msg));
	if (ret == -EINTR && vp->run)
		WRITE_ONCE(vp->run->immediate_exit, 0);
	return ret;
}

void vp_print_message(const struct vp *vp)
{
	fprintf(stderr, "# VP %u: message %#x, rip %#llx", vp->index,
		vp->msg.header.message_type,
		(unsigned long long)vp_header(vp)->rip);
	if (vp_met_memory(vp))
		fprintf(stderr, ", access %u to %#llx",
			vp_header(vp)->intercept_access_type,
			(unsigned long long)vp_memory(vp)->guest_physical_address);
	if (vp->msg.header.message_type == HVMSG_X64_IO_PORT_INTERCEPT)
		fprintf(stderr, ", access %u to port %#x",
			vp_header(vp)->intercept_access_type, vp_io(vp)->port_number);
	fprintf(stderr, "\n");
}

/* A write to @port is in vp->msg: go past it, and say what was written. */
static bool finish_write(struct vp *vp, u16 port, u32 *value)
{
	const struct hv_x64_io_port_intercept_message *io = vp_io(vp);

	if (vp->msg.header.message_type != HVMSG_X64_IO_PORT_INTERCEPT ||
	    io->port_number != port || io->string_op ||
	    io->header.intercept_access_type != HV_INTERCEPT_ACCESS_WRITE)
		return false;
	*value = io->access_size < 4 ? io->rax & ((1U << io->access_size * 8) - 1) :
				       io->rax;
	vp_set(vp, HV_X64_REGISTER_RIP, io->header.rip + io->header.instruction_length);
	return true;
}

int vp_run_to_port(struct vp *vp, u16 port, u32 *value)
{
	int ret = vp_run(vp);

	if (ret)
		return ret;
	if (finish_write(vp, port, value))
		return 0;
	vp_print_message(vp);
	return -EPROTO;
}

int vp_run_to_report(struct vp *vp, u32 *value)
{
	return vp_run_to_port(vp, PORT_REPORT, value);
}

/* Where the register page has a register; the order is the same. */
static bool in_page(const struct vp *vp, u32 name)
{
	return vp->page && name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_RFLAGS;
}

u64 vp_get(struct vp *vp, u32 name)
{
	union hv_register_value value;

	if (in_page(vp, name))
		return vp->page->registers[name - HV_X64_REGISTER_RAX];
	must(vp_get_registers(vp, &name, &value, 1), "register");
	return value.reg64;
}

void vp_set(struct vp *vp, u32 name, u64 to)
{
	const struct hv_register_assoc reg = value(name, to);

	if (!in_page(vp, name)) {
		must(vp_set_registers(vp, &reg, 1), "register");
		return;
	}
	vp->page->registers[name - HV_X64_REGISTER_RAX] = to;
	if (name == HV_X64_REGISTER_RIP)
		vp->page->dirty |= BIT(HV_X64_REGISTER_CLASS_IP);
	else if (name == HV_X64_REGISTER_RFLAGS)
		vp->page->dirty |= BIT(HV_X64_REGISTER_CLASS_FLAGS);
	else
		vp->page->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
}

int vp_get_registers(struct vp *vp, const u32 *names,
		     union hv_register_value *values, unsigned int count)
{
	union {
		struct hv_input_get_vp_registers input;
		u8 bytes[PAGE];
	} in = { .input.vp_index = vp->index };
	struct mshv_root_hvcall call = {
		.code = HVCALL_GET_VP_REGISTERS,
		.reps = count,
		.in_sz = sizeof(in.input) + count * sizeof(*names),
		.in_ptr = (uintptr_t)&in,
		.out_sz = count * sizeof(*values),
		.out_ptr = (uintptr_t)values,
	};

	memcpy(in.input.names, names, count * sizeof(*names));
	return mshv_ioctl(vp->fd, MSHV_ROOT_HVCALL, &call);
}

int vp_set_registers(struct vp *vp, const struct hv_register_assoc *registers,
		     unsigned int count)
{
	union {
		struct hv_input_set_vp_registers input;
		u8 bytes[PAGE];
	} in = { .input.vp_index = vp->index };
	struct mshv_root_hvcall call = {
		.code = HVCALL_SET_VP_REGISTERS,
		.reps = count,
		.in_sz = sizeof(in.input) + count * sizeof(*registers),
		.in_ptr = (uintptr_t)&in,
	};

	memcpy(in.input.elements, registers, count * sizeof(*registers));
	return mshv_ioctl(vp->fd, MSHV_ROOT_HVCALL, &call);
}

size_t vp_state_size(struct vp *vp, u8 type)
{
	void *page = memory_get(PAGE);
	struct mshv_get_set_vp_state args = {
		.type = type,
		.buf_sz = PAGE,
		.buf_ptr = (uintptr_t)page,
	};

	/* Whether a page is too small or not. */
	mshv_ioctl(vp->fd, MSHV_GET_VP_STATE, &args);
	munmap(page, PAGE);
	return (args.buf_sz + PAGE - 1) & ~(PAGE - 1);
}

static int state(struct vp *vp, unsigned long request, u8 type, void *page)
{
	struct mshv_get_set_vp_state args = {
		.type = type,
		.buf_sz = type == MSHV_VP_STATE_XSAVE ? vp_state_size(vp, type) : PAGE,
		.buf_ptr = (uintptr_t)page,
	};

	return mshv_ioctl(vp->fd, request, &args);
}

int vp_get_state(struct vp *vp, u8 type, void *page)
{
	return state(vp, MSHV_GET_VP_STATE, type, page);
}

int vp_set_state(struct vp *vp, u8 type, const void *page)
{
	return state(vp, MSHV_SET_VP_STATE, type, (void *)page);
}

int hv_call(int fd, u16 code, const void *in, size_t in_size,
	    void *out, size_t out_size, u16 *status)
{
	struct mshv_root_hvcall call = {
		.code = code,
		.in_sz = in_size,
		.in_ptr = (uintptr_t)in,
		.out_sz = out_size,
		.out_ptr = (uintptr_t)out,
	};
	int ret = mshv_ioctl(fd, MSHV_ROOT_HVCALL, &call);

	if (status)
		*status = call.status;
	return ret;
}

bool hv_lacks(u16 status)
{
	/* Not those that say that the call was wrong: its arguments pass the driver. */
	switch (status) {
	case HV_STATUS_INVALID_HYPERCALL_CODE:
	case HV_STATUS_ACCESS_DENIED:
	case HV_STATUS_OPERATION_DENIED:
	case HV_STATUS_UNKNOWN_PROPERTY:
	case HV_STATUS_PROCESSOR_FEATURE_NOT_SUPPORTED:
		return true;
	default:
		return false;
	}
}

int hv_get_property(int fd, u32 code, u64 *value, u16 *status)
{
	struct hv_input_get_partition_property in = { .property_code = code };
	struct hv_output_get_partition_property out = { };
	int ret = hv_call(fd, HVCALL_GET_PARTITION_PROPERTY, &in, sizeof(in),
			  &out, sizeof(out), status);

	*value = out.property_value;
	return ret;
}

int hv_set_property(int fd, u32 code, u64 value, u16 *status)
{
	struct hv_input_set_partition_property in = {
		.property_code = code,
		.property_value = value,
	};

	return hv_call(fd, HVCALL_SET_PARTITION_PROPERTY, &in, sizeof(in),
		       NULL, 0, status);
}

int vm_assert(struct vm *vm, u32 type, u32 vp_index, u8 vector)
{
	struct hv_input_assert_virtual_interrupt in = {
		.control.interrupt_type = type,
		.dest_addr = vp_index,
		.vector = vector,
	};

	return hv_call(vm->fd, HVCALL_ASSERT_VIRTUAL_INTERRUPT, &in, sizeof(in),
		       NULL, 0, NULL);
}

struct mshv_user_irq_entry vm_route(u32 gsi, u32 vp_index, u32 data)
{
	return (struct mshv_user_irq_entry) {
		.gsi = gsi,
		.address_lo = APIC_BASE | vp_index << 12,
		.data = data,
	};
}

int vm_set_routes(struct vm *vm, const struct mshv_user_irq_entry *entries, u32 count)
{
	union {
		struct mshv_user_irq_table table;
		u8 bytes[sizeof(struct mshv_user_irq_table) + VM_ROUTES_MAX * sizeof(*entries)];
	} args = { .table.nr = count };

	memcpy(args.table.entries, entries, count * sizeof(*entries));
	return mshv_ioctl(vm->fd, MSHV_SET_MSI_ROUTING, &args);
}

int vm_set_irqfd(struct vm *vm, int event, u32 gsi, u32 flags)
{
	struct mshv_user_irqfd args = { .fd = event, .gsi = gsi, .flags = flags };

	return mshv_ioctl(vm->fd, MSHV_IRQFD, &args);
}

/* An intercept of a VP that a runner runs: 0 to go on. */
static int runner_exit(struct runner *runner)
{
	struct vp *vp = runner->vp;
	u32 value;

	if (finish_write(vp, PORT_IRQ, &value)) {
		runner->irqs[value & 0xff]++;
		return 0;
	}
	if (finish_write(vp, PORT_REPORT, &value)) {
		runner->report = value;
		runner->reports++;
		return 0;
	}
	if (vp->msg.header.message_type == HVMSG_X64_APIC_EOI) {
		const struct hv_x64_apic_eoi_message *eoi = (const void *)vp->msg.u.payload;

		/* The VMM goes by these. */
		if (eoi->vp_index != vp->index)
			return -EPROTO;
		runner->eoi_vector = eoi->interrupt_vector;
		runner->eois++;
		return 0;
	}
	if (runner->exit)
		return runner->exit(runner);
	vp_print_message(vp);
	return -EPROTO;
}

static void *runner_main(void *argument)
{
	struct runner *runner = argument;
	int ret = 0;

	/* Before it is looked at whether to stop: a kick that comes after is not lost. */
	vp_own(runner->vp);
	while (!runner->stop) {
		ret = vp_run(runner->vp);
		if (ret == -EINTR) {
			runner->signals++;
			ret = 0;
			continue;
		}
		if (!ret)
			ret = runner_exit(runner);
		if (ret)
			break;
	}
	runner->result = ret;
	runner->left = true;
	return NULL;
}

void runner_start(struct runner *runner, struct vp *vp)
{
	kick_setup();
	runner->vp = vp;
	runner->stop = false;
	runner->left = false;
	if (pthread_create(&runner->thread, NULL, runner_main, runner))
		die("thread", EAGAIN);
}

int runner_stop(struct runner *runner)
{
	runner->stop = true;
	/* One is enough, if it cannot be lost. */
	do {
		pthread_kill(runner->thread, KICK_SIGNAL);
		if (runner->vp->run && !wait_until(runner->left))
			die("a kick is lost", ETIMEDOUT);
		usleep(1000);
	} while (!runner->left);
	pthread_join(runner->thread, NULL);
	return runner->result;
}

u64 runner_cpu_ns(const struct runner *runner)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(runner->thread, &clock) || clock_gettime(clock, &time))
		die("the CPU time of a thread cannot be read", errno);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void on_kick(int number)
{
	if (number == KICK_SIGNAL && own_vp && own_vp->run)
		WRITE_ONCE(own_vp->run->immediate_exit, 1);
}

void kick_setup(void)
{
	/* Without SA_RESTART: system calls end with EINTR. */
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(KICK_SIGNAL, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
}

void kick_every(unsigned int microseconds)
{
	struct itimerval timer = {
		.it_interval.tv_usec = microseconds,
		.it_value.tv_usec = microseconds,
	};

	kick_setup();
	setitimer(ITIMER_REAL, &timer, NULL);
}

u64 milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

u32 random_number(void)
{
	static u32 state;
	const char *seed;

	if (!state) {
		seed = getenv("MSHV_SEED");
		state = seed ? strtoul(seed, NULL, 0) : 1;
		if (!state)
			state = 1;
	}
	/* xorshift32 */
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int vm_works(void)
{
	struct vm vm;
	struct vp vp;
	u32 value = 0;
	int ret;

	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &guest_hello);
	ret = vp_run_to_report(&vp, &value);
	vp_stop(&vp);
	vm_stop(&vm);
	if (ret)
		return ret;
	return value == 0x600d ? 0 : -EPROTO;
}
