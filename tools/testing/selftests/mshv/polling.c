// SPDX-License-Identifier: GPL-2.0-only
/*
 * Halt polling: whatever its parameters are, and whenever they change, no VP that halts
 * misses what wakes it. Tells what it is worth, too, on the machine at hand: round trips
 * of two VPs that wake each other, and the CPU time that an idle VP takes. Under a
 * scheduler of the hypervisor's own the parameters have no effect.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "vm.h"

#define PARAMETERS	"/sys/module/mshv_root/parameters/"
#define POLL_NS		200000

#define VECTOR		0x41
#define HANDLER		(GUEST_CODE + 0x400)
#define COUNTER		GUEST_DATA

#define SLICE_MS	500
#define SLICES		3
#define IDLE_MS		1000

/* Sends @VECTOR to the VP whose APIC ID is in the highest byte of EBX. Uses ECX. */
#define SEND								\
	"mov $" __stringify(APIC_BASE) ", %ecx\n"			\
	"mov %ebx, " __stringify(APIC_ICR_HIGH) "(%rcx)\n"		\
	"movl $0x4000 + " __stringify(VECTOR) ", " __stringify(APIC_ICR_LOW) "(%rcx)\n"

/* Takes the interrupt of the other VP, counts, and sends it one. */
GUEST64(returns,
	"lock incq " __stringify(COUNTER) "\n"
	"mov $" __stringify(APIC_BASE) ", %ecx\n"
	"movl $0, " __stringify(APIC_EOI) "(%rcx)\n"
	SEND
	"iretq\n");

/* Halts but for that. */
GUEST64(receives,
	GUEST_APIC_ON
	GUEST_REPORT(1)
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

/* Likewise, and sends the first. */
GUEST64(serves,
	GUEST_APIC_ON
	GUEST_REPORT(1)
	SEND
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

static const char * const names[] = {
	"halt_poll_ns", "halt_poll_ns_grow", "halt_poll_ns_grow_start", "halt_poll_ns_shrink",
};

static int get_parameter(const char *name, unsigned int *value)
{
	char path[100];
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	ret = fscanf(file, "%u", value) == 1 ? 0 : -EIO;
	fclose(file);
	return ret;
}

static int set_parameter(const char *name, unsigned int value)
{
	char path[100];
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	ret = fprintf(file, "%u", value) < 0;
	ret |= fclose(file);
	return ret ? -errno : 0;
}

FIXTURE(polling) {
	struct vm vm;
	struct vp vps[2];
	struct runner runners[2];
	unsigned int saved[ARRAY_SIZE(names)];
};

FIXTURE_SETUP(polling)
{
	const char *why = mshv_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	if (access(PARAMETERS, F_OK))
		SKIP(return, "the parameters of mshv_root cannot be seen");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_EQ(0, get_parameter(names[i], &self->saved[i]))
			TH_LOG("this kernel does no halt polling");
	vm_start(&self->vm, VM_DEFAULT);
	vm_take_interrupts(&self->vm);
	for (i = 0; i < 2; i++)
		vp_start(&self->vm, &self->vps[i], i);
}

FIXTURE_TEARDOWN(polling)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(0, set_parameter(names[i], self->saved[i]));
	for (i = 0; i < 2; i++)
		vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
}

TEST_F(polling, parameters)
{
	unsigned int i, value;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(0, set_parameter(names[i], 1234567));
		EXPECT_EQ(0, get_parameter(names[i], &value));
		EXPECT_EQ(1234567, value);
	}
}

static u64 rounds(struct vm *vm)
{
	return READ_ONCE(*(u64 *)(vm->ram + COUNTER)) / 2;
}

/* Two VPs that wake each other, for ever. */
static bool start_ping_pong(struct vm *vm, struct vp *vps, struct runner *runners)
{
	struct hv_register_assoc peer = { .name = HV_X64_REGISTER_RBX };
	unsigned int i;

	vm_load(vm, HANDLER, GUEST_LONG, &returns);
	vm_set_gate(vm, VECTOR, HANDLER);
	vm_load(vm, GUEST_CODE, GUEST_LONG, &serves);
	vm_load(vm, GUEST_CODE + 0x200, GUEST_LONG, &receives);
	/* The one that receives first: nothing is sent to a local APIC that is off. */
	for (i = 1; i < 2; i--) {
		vp_enter_at(&vps[i], GUEST_LONG, GUEST_CODE + 0x200 * i);
		peer.value.reg64 = (u64)!i << 24;
		if (vp_set_registers(&vps[i], &peer, 1))
			return false;
		runner_start(&runners[i], &vps[i]);
		if (!wait_until(runners[i].reports))
			return false;
	}
	return wait_until(rounds(vm) > 10);
}

TEST_F(polling, ping_pong)
{
	unsigned int slice, on, r;
	u64 begin, cpu, count[2] = { }, used[2] = { };

	ASSERT_TRUE(start_ping_pong(&self->vm, self->vps, self->runners));
	/* In turns: the machine may be busy with something else for a while. */
	for (slice = 0; slice < 2 * SLICES; slice++) {
		on = slice % 2;
		ASSERT_EQ(0, set_parameter("halt_poll_ns", on ? POLL_NS : 0));
		begin = rounds(&self->vm);
		cpu = runner_cpu_ns(&self->runners[0]) + runner_cpu_ns(&self->runners[1]);
		usleep(SLICE_MS * 1000);
		r = rounds(&self->vm) - begin;
		cpu = runner_cpu_ns(&self->runners[0]) + runner_cpu_ns(&self->runners[1]) - cpu;
		fprintf(stderr, "# ping-pong, halt_poll_ns %u: %u round trips, %llu us of CPU\n",
			on ? POLL_NS : 0, r, (unsigned long long)cpu / 1000);
		EXPECT_LT(0, r);
		count[on] += r;
		used[on] += cpu;
	}
	fprintf(stderr, "# ping-pong: %llu %% of the round trips, %llu %% of the CPU time\n",
		(unsigned long long)(count[1] * 100 / (count[0] ?: 1)),
		(unsigned long long)(used[1] * 100 / (used[0] ?: 1)));
	EXPECT_EQ(0, runner_stop(&self->runners[0]));
	EXPECT_EQ(0, runner_stop(&self->runners[1]));
}

/* The parameters change all the time, and VPs go on. */
TEST_F(polling, changes)
{
	u64 before, end = milliseconds() + 2 * SLICE_MS;
	unsigned int i;

	ASSERT_TRUE(start_ping_pong(&self->vm, self->vps, self->runners));
	do {
		before = rounds(&self->vm);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			ASSERT_EQ(0, set_parameter(names[i], random_number() % 4 ?
						   random_number() % POLL_NS : 0));
		ASSERT_TRUE(wait_until(rounds(&self->vm) > before));
	} while (milliseconds() < end);
	EXPECT_EQ(0, runner_stop(&self->runners[0]));
	EXPECT_EQ(0, runner_stop(&self->runners[1]));
}

/* A VP that idles takes next to nothing, and wakes up all the same. */
TEST_F(polling, idle)
{
	struct runner *runner = &self->runners[0];
	unsigned int on;
	u64 cpu;

	vp_enter(&self->vps[0], GUEST_LONG, &guest_rests);
	runner_start(runner, &self->vps[0]);
	ASSERT_TRUE(wait_until(runner->reports));
	for (on = 0; on < 2; on++) {
		ASSERT_EQ(0, set_parameter("halt_poll_ns", on ? POLL_NS : 0));
		ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
		ASSERT_TRUE(wait_until(runner->irqs[VECTOR] == 2 * on + 1));
		cpu = runner_cpu_ns(runner);
		usleep(IDLE_MS * 1000);
		cpu = runner_cpu_ns(runner) - cpu;
		fprintf(stderr, "# idle for %u ms, halt_poll_ns %u: %llu us of CPU\n",
			IDLE_MS, on ? POLL_NS : 0, (unsigned long long)cpu / 1000);
		/* Not for ever, by any means. */
		EXPECT_LT(cpu, IDLE_MS * 1000000ULL / 4);
		ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
		ASSERT_TRUE(wait_until(runner->irqs[VECTOR] == 2 * on + 2));
	}
	EXPECT_EQ(0, runner_stop(runner));
}

TEST_HARNESS_MAIN
