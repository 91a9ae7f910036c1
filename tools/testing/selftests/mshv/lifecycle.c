// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lives of partitions and VPs: in the right order, in every wrong one, many at a
 * time, again and again.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "harness.h"
#include "vm.h"

/* Tells RBX, then waits for what does not come. */
GUEST64(tells_rbx,
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

/* Adds to the word at RDI, for ever. */
GUEST64(adds,
	"1: incq (%rdi)\n"
	"jmp 1b\n");

/* Tells the word at RDI, and adds to it. */
GUEST64(tells_word,
	"mov (%rdi), %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"incl (%rdi)\n"
	GUEST_REPORT(1));

FIXTURE(order) {
	struct vm vm;
};

FIXTURE_SETUP(order)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vm_create(&self->vm, VM_DEFAULT));
}

FIXTURE_TEARDOWN(order)
{
	vm_stop(&self->vm);
}

/* What vm_start() does, from where the partition is. */
static int run_from(struct vm *vm, bool initialize)
{
	struct vm other;
	struct vp vp;
	u32 value = 0;
	int ret;

	if (initialize) {
		ret = vm_initialize(vm);
		if (ret)
			return ret;
	}
	/* For the contents of its memory. */
	vm_start(&other, VM_DEFAULT);
	vm->ram = other.ram;
	other.ram = NULL;
	vm_stop(&other);
	ret = vm_map(vm, 0, vm->ram, GUEST_RAM_SIZE, MAP_RWX);
	if (ret)
		return ret;
	vp_start(vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &tells_rbx);
	vp_set(&vp, HV_X64_REGISTER_RBX, 31);
	ret = vp_run_to_report(&vp, &value);
	vp_stop(&vp);
	return ret ? ret : value != 31;
}

/* One that has never been initialized goes as well as it came. */
TEST_F(order, never_initialized)
{
	EXPECT_GE(self->vm.fd, 0);
}

TEST_F(order, as_it_should_be)
{
	EXPECT_EQ(0, run_from(&self->vm, true));
}

/* Twice is once. */
TEST_F(order, initialized_twice)
{
	ASSERT_EQ(0, vm_initialize(&self->vm));
	ASSERT_EQ(0, vm_initialize(&self->vm));
	EXPECT_EQ(0, run_from(&self->vm, true));
}

/* A VP before its time is refused, and has not taken the number. */
TEST_F(order, vp_before_initialization)
{
	EXPECT_GT(0, vm_add_vp(&self->vm, 0));
	EXPECT_GT(0, vm_add_vp(&self->vm, 0));
	EXPECT_EQ(0, run_from(&self->vm, true));
}

/* Memory before its time may be refused; then it is not there later. */
TEST_F(order, memory_before_initialization)
{
	void *memory = memory_get(PAGE);
	int early = vm_map(&self->vm, GUEST_FREE, memory, PAGE, MAP_RWX);

	ASSERT_EQ(0, vm_initialize(&self->vm));
	EXPECT_EQ(early ? -ENOENT : 0, vm_unmap(&self->vm, GUEST_FREE, memory, PAGE));
	EXPECT_EQ(0, run_from(&self->vm, false));
}

/* Interrupts and doorbells before their time do no harm. */
TEST_F(order, interrupts_before_initialization)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct mshv_user_irqfd irqfd = { .fd = event, .gsi = 3 };
	struct mshv_user_irq_table none = { .nr = 0 };
	const u64 one = 1;

	ASSERT_GE(event, 0);
	EXPECT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_SET_MSI_ROUTING, &none));
	EXPECT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_IRQFD, &irqfd));
	EXPECT_EQ(sizeof(one), write(event, &one, sizeof(one)));
	vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, 0x40);
	EXPECT_EQ(0, run_from(&self->vm, true));
	close(event);
}

/* Of VPs that do not exist nothing can be read or set. */
TEST_F(order, registers_of_nobody)
{
	const struct hv_register_assoc rip = { .name = HV_X64_REGISTER_RIP };
	const u32 name = HV_X64_REGISTER_RIP;
	/* Its file is the partition's: hypercalls may be made on that, too. */
	struct vp nobody = { .vm = &self->vm, .fd = self->vm.fd, .index = 3 };
	union hv_register_value value;

	ASSERT_EQ(0, vm_initialize(&self->vm));
	EXPECT_GT(0, vp_get_registers(&nobody, &name, &value, 1));
	EXPECT_GT(0, vp_set_registers(&nobody, &rip, 1));
	nobody.index = 0xffffff;
	EXPECT_GT(0, vp_get_registers(&nobody, &name, &value, 1));
	EXPECT_GT(0, vp_set_registers(&nobody, &rip, 1));
	EXPECT_EQ(0, run_from(&self->vm, false));
}

/* A VP without any memory: the VMM is told what it misses. */
TEST_F(order, run_without_memory)
{
	struct vp vp;

	ASSERT_EQ(0, vm_initialize(&self->vm));
	vp_start(&self->vm, &vp, 0);
	vp_enter_at(&vp, GUEST_REAL, GUEST_CODE);
	ASSERT_EQ(0, vp_run(&vp));
	EXPECT_EQ(HVMSG_UNMAPPED_GPA, vp.msg.header.message_type);
	EXPECT_EQ(GUEST_CODE, vp_memory(&vp)->guest_physical_address);
	EXPECT_EQ(HV_INTERCEPT_ACCESS_EXECUTE, vp_header(&vp)->intercept_access_type);
	vp_stop(&vp);
}

/* Everything a partition can have, and its file is closed first. */
TEST_F(order, closed_with_everything)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct mshv_user_ioeventfd doorbell = { .fd = event, .addr = GUEST_MMIO, .len = 4 };
	const struct mshv_user_irq_entry entry = vm_route(3, 0, 0x40);
	struct vp vps[3];
	unsigned int i;

	ASSERT_EQ(0, vm_initialize(&self->vm));
	for (i = 0; i < 3; i++)
		vp_start(&self->vm, &vps[i], i);
	ASSERT_EQ(0, vm_set_routes(&self->vm, &entry, 1));
	ASSERT_EQ(0, vm_set_irqfd(&self->vm, event, 3, 0));
	ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &doorbell));
	vm_stop(&self->vm);
	for (i = 0; i < 3; i++)
		vp_stop(&vps[i]);
	close(event);
	EXPECT_EQ(0, vm_works());
}

/* What state a VP is in when all is closed does not matter. */
FIXTURE(left) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(left)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(left)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
	EXPECT_EQ(0, vm_works());
}

TEST_F(left, before_it_ran)
{
	vp_enter(&self->vp, GUEST_LONG, &tells_rbx);
}

TEST_F(left, at_an_intercept)
{
	vp_enter(&self->vp, GUEST_LONG, &tells_rbx);
	EXPECT_EQ(0, vp_run(&self->vp));
}

TEST_F(left, interrupted)
{
	vp_enter(&self->vp, GUEST_LONG, &adds);
	kick_every(10000);
	EXPECT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
}

TEST_F(left, halted)
{
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &tells_rbx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(10000);
	EXPECT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
}

TEST_F(left, with_an_interrupt)
{
	vp_enter(&self->vp, GUEST_LONG, &tells_rbx);
	EXPECT_EQ(0, vp_run(&self->vp));
	EXPECT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, 0x40));
}

/* The files go while a thread runs the VP; it goes on until that comes back. */
TEST_F(left, running)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	struct runner runner = { };
	u64 before;

	vp_enter(&self->vp, GUEST_LONG, &adds);
	runner_start(&runner, &self->vp);
	ASSERT_TRUE(wait_until(READ_ONCE(*word)));
	close(self->vm.fd);
	close(self->vp.fd);
	before = READ_ONCE(*word);
	EXPECT_TRUE(wait_until(READ_ONCE(*word) > before));
	self->vm.fd = -1;
	self->vp.fd = -1;
	runner_stop(&runner);
}

/*
 * A VMM may suspend a VP by a hypercall, while another thread runs it: it stands
 * still, the thread waits, and both go on when it is released.
 */
TEST_F(left, suspended_and_released)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	struct hv_register_assoc suspend = { .name = HV_REGISTER_EXPLICIT_SUSPEND };
	/* Its own file is busy. */
	struct vp outside = { .vm = &self->vm, .fd = self->vm.fd };
	struct runner runner = { };
	unsigned int i;
	u64 before;

	vp_enter(&self->vp, GUEST_LONG, &adds);
	runner_start(&runner, &self->vp);
	for (i = 0; i < 5; i++) {
		before = READ_ONCE(*word);
		ASSERT_TRUE(wait_until(READ_ONCE(*word) > before));
		suspend.value.reg64 = 1;
		ASSERT_EQ(0, vp_set_registers(&outside, &suspend, 1));
		before = READ_ONCE(*word);
		usleep(10000);
		EXPECT_EQ(before, READ_ONCE(*word));
		EXPECT_TRUE(!runner.left);
		suspend.value.reg64 = 0;
		ASSERT_EQ(0, vp_set_registers(&outside, &suspend, 1));
	}
	before = READ_ONCE(*word);
	EXPECT_TRUE(wait_until(READ_ONCE(*word) > before));
	EXPECT_EQ(0, runner_stop(&runner));
}

/* Suspended between two runs: to run it is to release it. */
TEST_F(left, suspended_between_runs)
{
	struct hv_register_assoc suspend = {
		.name = HV_REGISTER_EXPLICIT_SUSPEND,
		.value.reg64 = 1,
	};
	unsigned int i;
	u32 value;

	for (i = 0; i < 3; i++) {
		vp_enter(&self->vp, GUEST_LONG, &tells_rbx);
		vp_set(&self->vp, HV_X64_REGISTER_RBX, i);
		ASSERT_EQ(0, vp_set_registers(&self->vp, &suspend, 1));
		ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
		EXPECT_EQ(i, value);
	}
}

/* One, some and many VPs. */
#define VPS_MOST	64

FIXTURE(vps) {
	struct vm vm;
	struct vp vps[VPS_MOST];
};

FIXTURE_VARIANT(vps) {
	unsigned int count;
};

FIXTURE_VARIANT_ADD(vps, 1) { .count = 1, };
FIXTURE_VARIANT_ADD(vps, 8) { .count = 8, };
FIXTURE_VARIANT_ADD(vps, 64) { .count = 64, };

FIXTURE_SETUP(vps)
{
	const char *why = mshv_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vm_load(&self->vm, GUEST_CODE, GUEST_LONG, &tells_rbx);
	/* The last one first: no order is prescribed. */
	for (i = variant->count; i-- > 0;)
		vp_start(&self->vm, &self->vps[i], i);
	for (i = 0; i < variant->count; i++) {
		vp_enter_at(&self->vps[i], GUEST_LONG, GUEST_CODE);
		vp_set(&self->vps[i], HV_X64_REGISTER_RBX, 1000 + i);
	}
}

/* They are closed in any order, the partition's file among them. */
FIXTURE_TEARDOWN(vps)
{
	unsigned int i;

	for (i = 0; i < variant->count; i += 2)
		vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
	for (i = 1; i < variant->count; i += 2)
		vp_stop(&self->vps[i]);
}

/* Each is itself. */
TEST_F(vps, one_after_the_other)
{
	unsigned int i;
	u32 value;

	for (i = 0; i < variant->count; i++) {
		ASSERT_EQ(0, vp_run_to_report(&self->vps[i], &value))
			TH_LOG("VP %u", i);
		EXPECT_EQ(1000 + i, value);
	}
}

/* All at once, each by a thread of its own; then they wait, all at once. */
TEST_F(vps, at_once)
{
	struct runner *runners = memory_get(VPS_MOST * sizeof(*runners));
	unsigned int i;

	for (i = 0; i < variant->count; i++)
		runner_start(&runners[i], &self->vps[i]);
	for (i = 0; i < variant->count; i++) {
		ASSERT_TRUE(wait_until(runners[i].reports || runners[i].left))
			TH_LOG("VP %u", i);
		EXPECT_EQ(1000 + i, atomic_load(&runners[i].report));
	}
	for (i = 0; i < variant->count; i++) {
		EXPECT_EQ(0, runner_stop(&runners[i]));
		EXPECT_EQ(1, atomic_load(&runners[i].reports));
	}
}

FIXTURE(partitions) {
};

FIXTURE_SETUP(partitions)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(partitions)
{
}

/* Two with the same VPs and addresses have nothing in common. */
TEST_F(partitions, two)
{
	struct vm vms[2];
	struct vp vps[2];
	unsigned int i, round;
	u32 value;

	for (i = 0; i < 2; i++) {
		vm_start(&vms[i], VM_DEFAULT);
		vp_start(&vms[i], &vps[i], 0);
		vm_load(&vms[i], GUEST_CODE, GUEST_LONG, &tells_word);
		*(u32 *)(vms[i].ram + GUEST_DATA) = 100 * i;
	}
	/* Each goes one step at a time, while the other stands still. */
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 2; i++) {
			vp_enter_at(&vps[i], GUEST_LONG, GUEST_CODE);
			ASSERT_EQ(0, vp_run_to_report(&vps[i], &value));
			EXPECT_EQ(100 * i + round, value);
			(*(u32 *)(vms[i].ram + GUEST_DATA))++;
		}
	}
	/* One goes; the other stays. */
	vp_stop(&vps[0]);
	vm_stop(&vms[0]);
	vp_enter_at(&vps[1], GUEST_LONG, GUEST_CODE);
	ASSERT_EQ(0, vp_run_to_report(&vps[1], &value));
	EXPECT_EQ(104, value);
	vp_stop(&vps[1]);
	vm_stop(&vms[1]);
}

/* Two that run at the same time. */
TEST_F(partitions, two_at_once)
{
	struct runner runners[2] = { };
	struct vm vms[2];
	struct vp vps[2];
	u64 *words[2];
	unsigned int i;
	u64 before;

	for (i = 0; i < 2; i++) {
		vm_start(&vms[i], VM_DEFAULT);
		vp_start(&vms[i], &vps[i], 0);
		vp_enter(&vps[i], GUEST_LONG, &adds);
		words[i] = (u64 *)(vms[i].ram + GUEST_DATA);
		runner_start(&runners[i], &vps[i]);
	}
	for (i = 0; i < 2; i++) {
		before = READ_ONCE(*words[i]);
		EXPECT_TRUE(wait_until(READ_ONCE(*words[i]) > before));
	}
	EXPECT_EQ(0, runner_stop(&runners[0]));
	vp_stop(&vps[0]);
	vm_stop(&vms[0]);
	before = READ_ONCE(*words[1]);
	EXPECT_TRUE(wait_until(READ_ONCE(*words[1]) > before));
	EXPECT_EQ(0, runner_stop(&runners[1]));
	vp_stop(&vps[1]);
	vm_stop(&vms[1]);
}

/* One memory for both: what one writes the other reads. */
TEST_F(partitions, common_memory)
{
	struct vm vms[2];
	struct vp vps[2];
	u32 *shared = memory_get(PAGE);
	unsigned int i;
	u32 value;

	for (i = 0; i < 2; i++) {
		vm_start(&vms[i], VM_DEFAULT);
		vp_start(&vms[i], &vps[i], 0);
		ASSERT_EQ(0, vm_map(&vms[i], GUEST_FREE, shared, PAGE, MAP_RWX));
		vp_enter(&vps[i], GUEST_LONG, &tells_word);
		vp_set(&vps[i], HV_X64_REGISTER_RDI, GUEST_FREE);
	}
	*shared = 5;
	ASSERT_EQ(0, vp_run_to_report(&vps[0], &value));
	EXPECT_EQ(5, value);
	ASSERT_EQ(0, vp_run_to_report(&vps[0], &value));
	ASSERT_EQ(0, vp_run_to_report(&vps[1], &value));
	EXPECT_EQ(6, value);
	for (i = 0; i < 2; i++) {
		vp_stop(&vps[i]);
		vm_stop(&vms[i]);
	}
}

/* Some more than two, each with a VP that has run. */
TEST_F(partitions, ten)
{
	struct vm vms[10];
	struct vp vps[10];
	unsigned int i;
	u32 value;

	for (i = 0; i < 10; i++) {
		vm_start(&vms[i], VM_DEFAULT);
		vp_start(&vms[i], &vps[i], 0);
		vp_enter(&vps[i], GUEST_LONG, &tells_rbx);
		vp_set(&vps[i], HV_X64_REGISTER_RBX, i);
	}
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, vp_run_to_report(&vps[i], &value));
		EXPECT_EQ(i, value);
	}
	/* Not in the order in which they came. */
	for (i = 0; i < 10; i++) {
		vp_stop(&vps[i * 7 % 10]);
		vm_stop(&vms[i * 7 % 10]);
	}
}

/* Again and again, and no file is left behind. */
TEST_F(partitions, again_and_again)
{
	int first = fcntl(0, F_DUPFD, 0), last;
	unsigned int i;

	close(first);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vm_works())
			TH_LOG("round %u", i);
	}
	last = fcntl(0, F_DUPFD, 0);
	close(last);
	EXPECT_EQ(first, last);
}

TEST_HARNESS_MAIN
