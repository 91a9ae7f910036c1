// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls that a guest makes itself: their statuses, an interrupt and a flush that
 * reach another VP, what a VMM does not grant, and what a VMM answers itself.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "vm.h"

#define READY		1
#define DONE		2
#define UNDEFINED	3
#define REFUSED		4
#define VECTOR		0x40
#define VECTOR_LAST	0x30		/* taken when no other is left */
#define VPS		2

/* Where the guest has the page by which it calls, and code for its other VP. */
#define CALL_PAGE	0x30000
#define OTHER_CODE	0x2000
#define INPUT		GUEST_DATA
#define INPUT_SIZE	0x100

#define FAST		HV_HYPERCALL_FAST_BIT
#define REPS(count)	((u64)(count) << HV_HYPERCALL_REP_COMP_OFFSET)
#define FROM(rep)	((u64)(rep) << HV_HYPERCALL_REP_START_OFFSET)
#define BANKS(count)	((u64)(count) << HV_HYPERCALL_VARHEAD_OFFSET)

#define NO_CODE		0x3fff
#define RESERVED_BIT	BIT_ULL(27)

/* Have hypercalls, as any guest does it. Uses EAX, ECX and EDX. */
#define CALLS_ON							\
	"mov $" __stringify(HV_X64_MSR_GUEST_OS_ID) ", %ecx\n"		\
	"mov $0x8100, %eax\n"						\
	"xor %edx, %edx\n"						\
	"wrmsr\n"							\
	"mov $" __stringify(HV_X64_MSR_HYPERCALL) ", %ecx\n"		\
	"mov $" __stringify(CALL_PAGE) " + 1, %eax\n"			\
	"wrmsr\n"							\
	"mov $" __stringify(CALL_PAGE) ", %ebp\n"

/* In 32 and 64 bits the same bytes: call *%ebp and call *%rbp. */
#define CALL		".byte 0xff, 0xd5\n"

/* Makes the call that is in its registers by then, again and again. */
GUESTXX(caller,
	CALLS_ON
	GUEST_REPORT(READY)
"1:	" CALL
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

/* Of real mode: a call of the page at CALL_PAGE, "lcall $0x3000, $0". */
GUESTXX(calls_far,
	CALLS_ON
	".byte 0x9a, 0, 0, 0, 0x30\n"
	GUEST_REPORT(DONE));

GUESTXX(is_undefined,
	GUEST_REPORT(UNDEFINED)
"1:	jmp 1b\n");

GUEST64(writes_to_page,
	CALLS_ON
	"movb $0, (%rbp)\n"
	GUEST_REPORT(DONE));

GUEST64(is_refused,
	GUEST_REPORT(REFUSED)
"1:	jmp 1b\n");

/* CPUID of the leaf in EAX. */
GUESTXX(asks,
	GUEST_REPORT(READY)
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/*
 * Two VPs, and a page of the window that is one of two pages by turns: they hold 0 and 1.
 * VP 0 changes the page table, has VP 1 forget what it knows of it, and then writes the
 * number of the turn to TURN. VP 1 reads the page all the time. Once it has seen TURN
 * change it must find the other page, else it counts a fault.
 */
#define PAGE_EVEN	0x34000
#define PAGE_ODD	0x35000
#define TURN		(GUEST_DATA + INPUT_SIZE)
#define SEEN		(GUEST_DATA + 0x140)
#define FAULTS		(GUEST_DATA + 0x180)
#define TURNS		100
#define WINDOW_ENTRY	(GUEST_WINDOW_TABLES + 0x1000)

GUEST64(remaps,
	CALLS_ON
	"xor %ebx, %ebx\n"
"1:	inc %ebx\n"
	"mov $" __stringify(PAGE_EVEN) " + 3, %eax\n"
	"test $1, %bl\n"
	"jz 2f\n"
	"mov $" __stringify(PAGE_ODD) " + 3, %eax\n"
"2:	mov %rax, " __stringify(WINDOW_ENTRY) "\n"
	/* R15 is the control word, by which the test chooses the call. */
	"mov %r15, %rcx\n"
	"mov $" __stringify(INPUT) ", %edx\n"
	"xor %r8d, %r8d\n"
	CALL
	"test %ax, %ax\n"
	"jnz 4f\n"
	"mov %ebx, " __stringify(TURN) "\n"
"3:	pause\n"
	"cmp " __stringify(SEEN) ", %ebx\n"
	"jne 3b\n"
	"cmp $" __stringify(TURNS) ", %ebx\n"
	"jne 1b\n"
	"xor %eax, %eax\n"
"4:	out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(looks,
	"mov $" __stringify(GUEST_WINDOW) ", %esi\n"
	"xor %ebx, %ebx\n"
	GUEST_REPORT(READY)
"1:	mov (%rsi), %eax\n"
	"mov " __stringify(TURN) ", %ecx\n"
	"cmp %ebx, %ecx\n"
	"je 1b\n"
	"mov %ecx, %ebx\n"
	"mov (%rsi), %eax\n"
	"xor %ecx, %eax\n"
	"and $1, %eax\n"
	"add %eax, " __stringify(FAULTS) "\n"
	"mov %ebx, " __stringify(SEEN) "\n"
	"jmp 1b\n");

static const union hv_partition_synthetic_processor_features bare = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_hypercall_regs = 1,
	.access_vp_index = 1,
};

static const union hv_partition_synthetic_processor_features all = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_hypercall_regs = 1,
	.access_vp_index = 1,
	.extended_processor_masks = 1,
	.tb_flush_hypercalls = 1,
	.synthetic_cluster_ipi = 1,
	.notify_long_spin_wait = 1,
	.signal_events = 1,
};

/* Bits of CPUID that stand for the above. */
#define PRIVILEGES	(HV_POST_MESSAGES | HV_SIGNAL_EVENTS)
#define HINTS		(HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED |		\
			 HV_X64_CLUSTER_IPI_RECOMMENDED |		\
			 HV_X64_EX_PROCESSOR_MASKS_RECOMMENDED)

/* A partition of two VPs, whose guest has @features. Return: NULL, or why there is none. */
static const char *start(struct vm *vm, struct vp *vps, u64 features)
{
	const char *why = mshv_missing();
	u32 i;

	vm->fd = -1;
	for (i = 0; i < VPS; i++)
		vps[i].fd = -1;
	if (why)
		return why;
	if (vm_start_enlightened(vm, features))
		return "the hypervisor does not grant features that these tests need";
	for (i = 0; i < VPS; i++)
		vp_start(vm, &vps[i], i);
	return NULL;
}

static void stop(struct vm *vm, struct vp *vps)
{
	u32 i;

	for (i = 0; i < VPS; i++)
		if (vps[i].fd >= 0)
			vp_stop(&vps[i]);
	vm_stop(vm);
}

FIXTURE(calls) {
	struct vm vm;
	struct vp vps[VPS];
};

FIXTURE_VARIANT(calls) {
	enum guest_mode mode;
	bool granted;
};

FIXTURE_VARIANT_ADD(calls, protected_bare) { .mode = GUEST_PROTECTED, };
FIXTURE_VARIANT_ADD(calls, protected_all) { .mode = GUEST_PROTECTED, .granted = true, };
FIXTURE_VARIANT_ADD(calls, long_bare) { .mode = GUEST_LONG, };
FIXTURE_VARIANT_ADD(calls, long_all) { .mode = GUEST_LONG, .granted = true, };

FIXTURE_SETUP(calls)
{
	const char *why = start(&self->vm, self->vps, (variant->granted ? all : bare).as_uint64[0]);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(calls)
{
	stop(&self->vm, self->vps);
}

static void set_call(struct vp *vp, enum guest_mode mode, u64 control, u64 input, u64 output)
{
	if (mode == GUEST_LONG) {
		vp_set(vp, HV_X64_REGISTER_RCX, control);
		vp_set(vp, HV_X64_REGISTER_RDX, input);
		vp_set(vp, HV_X64_REGISTER_R8, output);
		return;
	}
	vp_set(vp, HV_X64_REGISTER_RDX, control >> 32);
	vp_set(vp, HV_X64_REGISTER_RAX, (u32)control);
	vp_set(vp, HV_X64_REGISTER_RBX, input >> 32);
	vp_set(vp, HV_X64_REGISTER_RCX, (u32)input);
	vp_set(vp, HV_X64_REGISTER_RDI, output >> 32);
	vp_set(vp, HV_X64_REGISTER_RSI, (u32)output);
}

static u64 result_of(struct vp *vp, enum guest_mode mode)
{
	u64 result = vp_get(vp, HV_X64_REGISTER_RAX);

	return mode == GUEST_LONG ? result :
	       (u32)result | vp_get(vp, HV_X64_REGISTER_RDX) << 32;
}

#define NO_RESULT	0xffffffffffffffffULL

/* A call of VP 0, which runs caller. Return: the result value, or NO_RESULT. */
static u64 call_from(FIXTURE_DATA(calls) * self, enum guest_mode mode, u64 control, u64 input,
		     u64 output)
{
	struct vp *vp = &self->vps[0];
	u32 unused;

	set_call(vp, mode, control, input, output);
	return vp_run_to_report(vp, &unused) ? NO_RESULT : result_of(vp, mode);
}

/* The words from INPUT on; the rest of what a call may look at is zero. */
#define SET_INPUT(...)							\
	do {								\
		const u64 words[] = { __VA_ARGS__ };			\
									\
		memset(self->vm.ram + INPUT, 0, INPUT_SIZE);		\
		memcpy(self->vm.ram + INPUT, words, sizeof(words));	\
	} while (0)

#define CALL_WITH(control, ...)						\
({									\
	SET_INPUT(__VA_ARGS__);						\
	call_from(self, variant->mode, control, INPUT, 0);		\
})

static int enter(FIXTURE_DATA(calls) * self, enum guest_mode mode)
{
	u32 value = 0;
	int ret;

	vp_enter(&self->vps[0], mode, &caller);
	ret = vp_run_to_report(&self->vps[0], &value);
	return ret ? ret : value != READY;
}

TEST_F(calls, what_cpuid_says)
{
	static const u32 leaves[] = { HYPERV_CPUID_FEATURES, HYPERV_CPUID_ENLIGHTMENT_INFO };
	u32 privileges = 0, hints = 0, spins = 0, value;
	struct vp *vp = &self->vps[0];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		vp_enter(vp, variant->mode, &asks);
		ASSERT_EQ(0, vp_run_to_report(vp, &value));
		vp_set(vp, HV_X64_REGISTER_RAX, leaves[i]);
		ASSERT_EQ(0, vp_run_to_report(vp, &value));
		if (!i)
			privileges = vp_get(vp, HV_X64_REGISTER_RBX);
		else
			hints = value;
	}
	spins = vp_get(vp, HV_X64_REGISTER_RBX);
	EXPECT_EQ(variant->granted ? PRIVILEGES : 0, privileges & PRIVILEGES);
	EXPECT_EQ(variant->granted ? HINTS : 0, hints & HINTS);
	/* TLFS: ~0 is never. */
	EXPECT_EQ(variant->granted, spins != 0xffffffff);
}

/* Everything that a guest which may call gets done, as often as it likes. */
TEST_F(calls, what_is_granted)
{
	const u64 list = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST;
	const u64 list_ex = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX;
	const u64 no = HV_STATUS_ACCESS_DENIED;
	const bool may = variant->granted;

	ASSERT_EQ(0, enter(self, variant->mode));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, 0,
					  HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES, 3));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, GUEST_TABLES, 0, 1));
	EXPECT_EQ(may ? REPS(2) : no, CALL_WITH(list | REPS(2), GUEST_TABLES, 0, 3,
						GUEST_DATA, GUEST_CODE | 2));
	EXPECT_EQ(may ? REPS(2) : no | REPS(1),
		  CALL_WITH(list | REPS(2) | FROM(1), GUEST_TABLES, 0, 3, GUEST_DATA, GUEST_CODE));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX | BANKS(1), 0,
					  HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES,
					  HV_GENERIC_SET_SPARSE_4K, 1, 3));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, GUEST_TABLES, 0,
					  HV_GENERIC_SET_ALL, 0));
	EXPECT_EQ(may ? REPS(1) : no, CALL_WITH(list_ex | REPS(1) | BANKS(1), GUEST_TABLES, 0,
						HV_GENERIC_SET_SPARSE_4K, 1, 3, GUEST_DATA));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_SEND_IPI, VECTOR, 1));
	EXPECT_EQ(may ? 0 : no, CALL_WITH(HVCALL_SEND_IPI_EX, VECTOR, HV_GENERIC_SET_ALL, 0));
	EXPECT_EQ(may ? 0 : no, call_from(self, variant->mode,
					  HVCALL_NOTIFY_LONG_SPIN_WAIT | FAST, 4095, 0));
	/* It has none of the connections that a VMBus would make. */
	EXPECT_EQ(may ? HV_STATUS_INVALID_CONNECTION_ID : no,
		  call_from(self, variant->mode, HVCALL_SIGNAL_EVENT | FAST, 1, 0));
	EXPECT_EQ(may ? HV_STATUS_INVALID_CONNECTION_ID : no,
		  CALL_WITH(HVCALL_POST_MESSAGE, 1, 1));
}

/* TLFS, "Hypercall Interface" */
TEST_F(calls, what_is_wrong)
{
	const u64 list = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST;
	const u64 space_ex = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX;

	ASSERT_EQ(0, enter(self, variant->mode));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, CALL_WITH(NO_CODE, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  CALL_WITH(HVCALL_SEND_IPI | RESERVED_BIT, VECTOR, 0));
	if (!variant->granted)
		return;
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  CALL_WITH(HVCALL_SEND_IPI | REPS(1), VECTOR, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  CALL_WITH(HVCALL_SEND_IPI | BANKS(1), VECTOR, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, CALL_WITH(list, 0, 0, 1));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  (u16)CALL_WITH(list | REPS(1) | FROM(1), 0, 0, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, CALL_WITH(HVCALL_SEND_IPI, 0xf, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, CALL_WITH(HVCALL_SEND_IPI, 0x100, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  CALL_WITH(HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, 0, BIT_ULL(63), 1));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  CALL_WITH(space_ex | BANKS(1), 0, 0, HV_GENERIC_SET_ALL + 1, 1, 1));
	/* Not 8 bytes, and over the end of a page. */
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  call_from(self, variant->mode, HVCALL_SEND_IPI, INPUT + 4, 0));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  call_from(self, variant->mode, HVCALL_SEND_IPI, INPUT + PAGE - 8, 0));
}

/* TLFS, "Legal Hypercall Environments": none of them in real mode. */
TEST(real_mode)
{
	static const u16 ud_vector = 6;
	struct vp vps[VPS];
	struct vm vm;
	const char *why = start(&vm, vps, bare.as_uint64[0]);
	u32 value = 0;

	if (why)
		SKIP(return, "%s", why);
	vm_load(&vm, OTHER_CODE, GUEST_REAL, &is_undefined);
	((u32 *)vm.ram)[ud_vector] = OTHER_CODE;
	vp_enter(&vps[0], GUEST_REAL, &calls_far);
	ASSERT_EQ(0, vp_run_to_report(&vps[0], &value));
	EXPECT_EQ(UNDEFINED, value);
	stop(&vm, vps);
}

/* TLFS, "Establishing the Hypercall Interface": who writes to the page gets #GP. */
TEST(page_is_read_only)
{
	static const u8 gp_vector = 13;
	struct vp vps[VPS];
	struct vm vm;
	const char *why = start(&vm, vps, bare.as_uint64[0]);
	u32 value = 0;

	if (why)
		SKIP(return, "%s", why);
	vm_load(&vm, OTHER_CODE, GUEST_LONG, &is_refused);
	vm_set_gate(&vm, gp_vector, OTHER_CODE);
	vp_enter(&vps[0], GUEST_LONG, &writes_to_page);
	ASSERT_EQ(0, vp_run_to_report(&vps[0], &value));
	EXPECT_EQ(REFUSED, value);
	stop(&vm, vps);
}

/*
 * An interrupt of the caller's arrives at VP 1, whichever way it was asked for; and none
 * does from a guest that may not send any.
 */
TEST_F(calls, ipi)
{
	const u64 status = variant->granted ? 0 : HV_STATUS_ACCESS_DENIED;
	struct hv_register_assoc xmm = { .name = HV_X64_REGISTER_XMM0 };
	const u64 bank = BIT_ULL(1);
	struct runner runner = { };
	unsigned int i;

	vm_take_interrupts(&self->vm);
	vm_load(&self->vm, OTHER_CODE, GUEST_LONG, &guest_rests);
	vp_enter_at(&self->vps[1], GUEST_LONG, OTHER_CODE);
	runner_start(&runner, &self->vps[1]);
	EXPECT_TRUE(wait_until(runner.reports));
	ASSERT_EQ(0, enter(self, variant->mode));

	EXPECT_EQ(status, CALL_WITH(HVCALL_SEND_IPI, VECTOR, bank));
	EXPECT_EQ(status, call_from(self, variant->mode, HVCALL_SEND_IPI | FAST, VECTOR + 1, bank));
	EXPECT_EQ(status, CALL_WITH(HVCALL_SEND_IPI_EX | BANKS(1), VECTOR + 2,
				    HV_GENERIC_SET_SPARSE_4K, 1, bank));
	EXPECT_EQ(status, CALL_WITH(HVCALL_SEND_IPI_EX, VECTOR + 3, HV_GENERIC_SET_ALL, 0));
	/* One whose set is in an XMM register. */
	xmm.value.reg128.low_part = 1;
	xmm.value.reg128.high_part = bank;
	ASSERT_EQ(0, vp_set_registers(&self->vps[0], &xmm, 1));
	EXPECT_EQ(status, call_from(self, variant->mode, HVCALL_SEND_IPI_EX | FAST | BANKS(1),
				    VECTOR + 4, HV_GENERIC_SET_SPARSE_4K));
	/* Not to VP 1. */
	EXPECT_EQ(status, CALL_WITH(HVCALL_SEND_IPI, VECTOR + 5, BIT_ULL(0)));
	/* Whatever the others do, this one comes: so they have come, or never will. */
	EXPECT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 1, VECTOR_LAST));
	EXPECT_TRUE(wait_until(runner.irqs[VECTOR_LAST] == 1));

	EXPECT_EQ(0, runner_stop(&runner));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(variant->granted, runner.irqs[VECTOR + i]);
	EXPECT_EQ(0, runner.irqs[VECTOR + 5]);
}

/* A call that the hypervisor does not know is the VMM's, which has asked for it. */
TEST_F(calls, of_the_vmm)
{
	const struct hv_input_install_intercept in = {
		.access_type = HV_INTERCEPT_ACCESS_MASK_EXECUTE,
		.intercept_type = HV_INTERCEPT_TYPE_HYPERCALL,
	};
	const struct hv_x64_hypercall_intercept_message *message;
	struct vp *vp = &self->vps[0];
	u16 status;
	u32 value;
	int ret;

	ret = hv_call(self->vm.fd, HVCALL_INSTALL_INTERCEPT, &in, sizeof(in), NULL, 0, &status);
	if (ret && hv_lacks(status))
		SKIP(return, "no intercepts of hypercalls: status %#x", status);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, enter(self, variant->mode));

	set_call(vp, variant->mode, NO_CODE | FAST, 0x123456789abcULL, 0xfedcba987654ULL);
	ASSERT_EQ(0, vp_run(vp));
	ASSERT_EQ(HVMSG_HYPERCALL_INTERCEPT, vp->msg.header.message_type);
	message = (const void *)vp->msg.u.payload;
	EXPECT_EQ(CALL_PAGE, message->header.rip);
	if (variant->mode == GUEST_LONG) {
		EXPECT_EQ(NO_CODE | FAST, message->rcx);
		EXPECT_EQ(0x123456789abcULL, message->rdx);
		EXPECT_EQ(0xfedcba987654ULL, message->r8);
	} else {
		EXPECT_EQ(NO_CODE | FAST, (u32)message->rax);
		EXPECT_EQ(0, message->rdx);
		EXPECT_EQ(0x1234, message->rbx);
		EXPECT_EQ(0x56789abc, message->rcx);
		EXPECT_EQ(0xfedc, message->rdi);
		EXPECT_EQ(0xba987654, message->rsi);
	}
	/* As OpenVMM answers it. */
	vp_set(vp, HV_X64_REGISTER_RAX, 0x77);
	vp_set(vp, HV_X64_REGISTER_RIP, message->header.rip + 3);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x77, value);
	/* One that the hypervisor knows is the hypervisor's still. */
	EXPECT_EQ(variant->granted ? 0 : HV_STATUS_ACCESS_DENIED,
		  call_from(self, variant->mode, HVCALL_SEND_IPI | FAST, VECTOR, 0));
}

FIXTURE(flush) {
	struct vm vm;
	struct vp vps[VPS];
};

FIXTURE_VARIANT(flush) {
	u64 control;
	bool by_set;
};

FIXTURE_VARIANT_ADD(flush, space) { .control = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, };
FIXTURE_VARIANT_ADD(flush, list) { .control = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST | REPS(1), };
FIXTURE_VARIANT_ADD(flush, space_ex) {
	.control = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX | BANKS(1),
	.by_set = true,
};

FIXTURE_VARIANT_ADD(flush, list_ex) {
	.control = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX | BANKS(1) | REPS(1),
	.by_set = true,
};

FIXTURE_SETUP(flush)
{
	const char *why = start(&self->vm, self->vps, all.as_uint64[0]);

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(flush)
{
	stop(&self->vm, self->vps);
}

/*
 * What VP 1 knew of a page is gone when the call is over. A processor that forgets all
 * translations each time it leaves a guest, and leaves it often, shows no fault without
 * a flush either: QEMU TCG is such one.
 */
TEST_F(flush, reaches_another_vp)
{
	struct runner runner = { };
	u32 value = ~0U;

	if (variant->by_set)
		SET_INPUT(GUEST_TABLES, 0, HV_GENERIC_SET_SPARSE_4K, 1, BIT_ULL(1), GUEST_WINDOW);
	else
		SET_INPUT(GUEST_TABLES, 0, BIT_ULL(1), GUEST_WINDOW);
	*(u32 *)(self->vm.ram + PAGE_ODD) = 1;
	vm_map_window(&self->vm, 0, PAGE_EVEN, PTE_PRESENT | PTE_WRITABLE);
	vm_load(&self->vm, OTHER_CODE, GUEST_LONG, &looks);
	vp_enter_at(&self->vps[1], GUEST_LONG, OTHER_CODE);
	vp_enter(&self->vps[0], GUEST_LONG, &remaps);
	vp_set(&self->vps[0], HV_X64_REGISTER_R15, variant->control);
	runner_start(&runner, &self->vps[1]);
	EXPECT_TRUE(wait_until(runner.reports));
	EXPECT_EQ(0, vp_run_to_report(&self->vps[0], &value));
	EXPECT_EQ(0, runner_stop(&runner));
	EXPECT_EQ(0, value) {
		TH_LOG("status %#x", value);
	}
	EXPECT_EQ(TURNS, *(u32 *)(self->vm.ram + SEEN));
	EXPECT_EQ(0, *(u32 *)(self->vm.ram + FAULTS));
}

TEST_HARNESS_MAIN
