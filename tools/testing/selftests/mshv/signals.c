// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals to a VMM, and its death: at every point of a partition's life, and of a
 * VP's run. Whatever comes, no intercept is lost or told twice, the VP goes on
 * where it was, and what a dead VMM leaves behind is taken away.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"
#include "vm.h"

#define VECTOR		0x40

/* So many must have ended a run before a test has seen enough. */
#define SIGNALS_MIN	20

/* "At once" is sooner than this, even where all is slow. */
#define DEATH_SECONDS	20

/* Counts, and tells each number. */
GUEST64(counts_aloud,
	"1: inc %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

/* Adds what it is given, from a port and from no memory, and tells the sum. */
GUEST64(adds_input,
	"1: in $0xe0, %eax\n"
	"add %eax, %ebx\n"
	"mov (%rsi), %eax\n"
	"add %eax, %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");
#define IN_LENGTH	2
#define LOAD_LENGTH	2

/* Over AREA, again and again. */
#define AREA		0x400000
#define AREA_SIZE	0x400000
GUEST64(wanders,
	GUEST_REPORT(1)
	"2: mov $" __stringify(AREA) ", %esi\n"
	"mov $" __stringify(AREA_SIZE) " / 4096, %ecx\n"
"1:	incq (%rsi)\n"
	"add $0x1000, %rsi\n"
	"dec %ecx\n"
	"jnz 1b\n"
	"jmp 2b\n");

/* Rings at a doorbell, for ever. */
GUEST64(rings,
	GUEST_REPORT(1)
"1:	mov %eax, (%rsi)\n"
	"jmp 1b\n");

FIXTURE(signals) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(signals)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	vm_take_interrupts(&self->vm);
}

FIXTURE_TEARDOWN(signals)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* A VP that is busy: each run ends with the signal, the next one goes on. */
TEST_F(signals, running)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	unsigned int i;
	u64 before;
	u32 value;
	int ret;

	vp_enter(&self->vp, GUEST_LONG, &guest_counts);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(5000);
	for (i = 0; i < 20; i++) {
		before = READ_ONCE(*word);
		do {
			ret = vp_run(&self->vp);
		} while (ret == -EINTR && READ_ONCE(*word) == before);
		ASSERT_EQ(-EINTR, ret);
		/* It stands still meanwhile. */
		before = READ_ONCE(*word);
		usleep(100);
		EXPECT_EQ(before, READ_ONCE(*word));
	}
	kick_every(0);
}

/* A VP that has nothing to do: it is not lost over it. */
TEST_F(signals, halted)
{
	struct runner runner = { };
	unsigned int i;
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &guest_rests);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(5000);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);

	runner_start(&runner, &self->vp);
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	EXPECT_TRUE(wait_until(runner.irqs[VECTOR] == 1));
	EXPECT_EQ(0, runner_stop(&runner));
}

/* An interrupt that comes between a signal and the next run wakes the VP. */
TEST_F(signals, halted_and_interrupted)
{
	unsigned int i;
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &guest_rests);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	for (i = 0; i < 10; i++) {
		kick_every(5000);
		ASSERT_EQ(-EINTR, vp_run(&self->vp));
		kick_every(0);
		ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
		ASSERT_EQ(0, vp_run_to_port(&self->vp, PORT_IRQ, &value));
		EXPECT_EQ(VECTOR, value);
	}
}

/* Under a hail of signals each intercept is told once, in order. */
TEST_F(signals, no_intercept_is_lost)
{
	unsigned int expected = 1, signals = 0;
	u64 end = milliseconds() + WAIT_SECONDS * 1000;
	u32 value;
	int ret;

	vp_enter(&self->vp, GUEST_LONG, &counts_aloud);
	kick_every(1000);
	while (expected <= 200 || (signals < SIGNALS_MIN && milliseconds() < end)) {
		ret = vp_run_to_report(&self->vp, &value);
		if (ret == -EINTR) {
			signals++;
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(expected, value);
		expected++;
	}
	kick_every(0);
	EXPECT_GE(signals, SIGNALS_MIN);
}

/* And what the VMM answers arrives once. */
TEST_F(signals, no_input_is_lost)
{
	unsigned int given = 0, sum = 0, reports = 0, signals = 0;
	u64 end = milliseconds() + WAIT_SECONDS * 1000;
	const struct hv_x64_intercept_message_header *header = vp_header(&self->vp);
	int ret;

	vp_enter(&self->vp, GUEST_LONG, &adds_input);
	kick_every(1000);
	for (;;) {
		ret = vp_run(&self->vp);
		if (ret == -EINTR) {
			signals++;
			continue;
		}
		ASSERT_EQ(0, ret);
		if (self->vp.msg.header.message_type == HVMSG_X64_IO_PORT_INTERCEPT &&
		    vp_io(&self->vp)->port_number == PORT_REPORT) {
			ASSERT_EQ(sum, (u32)vp_io(&self->vp)->rax);
			vp_set(&self->vp, HV_X64_REGISTER_RIP,
			       header->rip + header->instruction_length);
			reports++;
			if (reports >= 100 && (signals >= SIGNALS_MIN || milliseconds() >= end))
				break;
			continue;
		}
		given++;
		sum += given;
		vp_set(&self->vp, HV_X64_REGISTER_RAX, given);
		vp_set(&self->vp, HV_X64_REGISTER_RIP,
		       header->rip + (vp_met_memory(&self->vp) ? LOAD_LENGTH : IN_LENGTH));
	}
	kick_every(0);
	EXPECT_EQ(2 * reports, given);
	EXPECT_GE(signals, SIGNALS_MIN);
}

/* A VMM that is to be killed tells its parent how far it is, and stays there. */
struct victim {
	pid_t pid;
	int progress;
};

static void tell_parent(int progress)
{
	if (write(progress, "", 1) != 1)
		_exit(1);
}

static void stay(int progress)
{
	tell_parent(progress);
	for (;;)
		pause();
}

/* A thread runs the VP, and has got somewhere. */
static void victim_runs(struct vp *vp)
{
	struct runner *runner = memory_get(sizeof(*runner));

	runner_start(runner, vp);
	if (!wait_until(runner->reports))
		_exit(1);
}

static void run_until_killed(struct vp *vp, int progress)
{
	victim_runs(vp);
	stay(progress);
}

static void victim_begin(struct vm *vm, struct vp *vp, const struct guest *guest)
{
	vm_start(vm, VM_DEFAULT);
	vp_start(vm, vp, 0);
	vm_take_interrupts(vm);
	vp_enter(vp, GUEST_LONG, guest);
}

static void die_open(int progress)
{
	if (mshv_open() < 0)
		_exit(1);
	stay(progress);
}

static void die_created(int progress)
{
	struct vm vm;

	if (vm_create(&vm, VM_DEFAULT))
		_exit(1);
	stay(progress);
}

static void die_initialized(int progress)
{
	struct vm vm;

	if (vm_create(&vm, VM_DEFAULT) || vm_initialize(&vm))
		_exit(1);
	stay(progress);
}

static void die_with_memory(int progress)
{
	struct vm vm;

	vm_start(&vm, VM_DEFAULT);
	stay(progress);
}

static void die_with_vp(int progress)
{
	struct vm vm;
	struct vp vp;

	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	stay(progress);
}

static void die_with_registers(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_rests);
	stay(progress);
}

static void die_at_intercept(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_rests);
	if (vp_run(&vp))
		_exit(1);
	stay(progress);
}

static void die_interrupted(int progress)
{
	struct vm vm;
	struct vp vp;
	u32 value;

	victim_begin(&vm, &vp, &guest_counts);
	kick_every(10000);
	while (vp_run_to_report(&vp, &value) != -EINTR)
		;
	kick_every(0);
	stay(progress);
}

static void die_running(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_counts);
	run_until_killed(&vp, progress);
}

static void die_halted(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_rests);
	run_until_killed(&vp, progress);
}

static void die_talking(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &counts_aloud);
	run_until_killed(&vp, progress);
}

/* The main thread drops memory which the guest asks for. */
static void die_faulting(int progress)
{
	unsigned char *area = memory_get(AREA_SIZE);
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &wanders);
	if (vm_map(&vm, AREA, area, AREA_SIZE, MAP_RWX))
		_exit(1);
	victim_runs(&vp);
	tell_parent(progress);
	for (;;)
		madvise(area, AREA_SIZE, MADV_DONTNEED);
}

/* Interrupts come all the time, by hypercall and by eventfd. */
static void die_interrupting(int progress)
{
	int event = eventfd(0, EFD_CLOEXEC);
	const struct mshv_user_irq_entry entry = vm_route(0, 0, VECTOR);
	const u64 one = 1;
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_rests);
	if (vm_set_routes(&vm, &entry, 1) || vm_set_irqfd(&vm, event, 0, 0))
		_exit(1);
	victim_runs(&vp);
	tell_parent(progress);
	for (;;) {
		if (write(event, &one, sizeof(one)) < 0)
			_exit(1);
		vm_assert(&vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR + 1);
	}
}

static void die_ringing(int progress)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct mshv_user_ioeventfd doorbell = { .fd = event, .addr = GUEST_MMIO, .len = 4 };
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &rings);
	if (mshv_ioctl(vm.fd, MSHV_IOEVENTFD, &doorbell))
		_exit(1);
	run_until_killed(&vp, progress);
}

/* Eight VPs: half of them busy, half of them at rest. */
static void die_with_many(int progress)
{
	struct runner *runners = memory_get(8 * sizeof(*runners));
	struct vp *vps = memory_get(8 * sizeof(*vps));
	unsigned int i;
	struct vm vm;

	vm_start(&vm, VM_DEFAULT);
	vm_load(&vm, GUEST_CODE, GUEST_LONG, &guest_counts);
	vm_load(&vm, GUEST_CODE + 0x100, GUEST_LONG, &guest_rests);
	for (i = 0; i < 8; i++) {
		vp_start(&vm, &vps[i], i);
		vp_enter_at(&vps[i], GUEST_LONG, GUEST_CODE + i % 2 * 0x100);
		runner_start(&runners[i], &vps[i]);
	}
	for (i = 0; i < 8; i++)
		if (!wait_until(runners[i].reports))
			_exit(1);
	stay(progress);
}

/* One thread in the VP, and others that wait for it. */
static void die_waiting(int progress)
{
	struct runner *runners = memory_get(3 * sizeof(*runners));
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_counts);
	runner_start(&runners[0], &vp);
	if (!wait_until(runners[0].reports))
		_exit(1);
	runner_start(&runners[1], &vp);
	runner_start(&runners[2], &vp);
	stay(progress);
}

/* Everything, from the beginning to the end, again and again. */
static void die_somewhere(int progress)
{
	struct vm vm;
	struct vp vps[2];
	u32 value;

	tell_parent(progress);
	for (;;) {
		vm_start(&vm, VM_DEFAULT);
		vp_start(&vm, &vps[0], 0);
		vp_start(&vm, &vps[1], 1);
		vp_enter(&vps[0], GUEST_LONG, &counts_aloud);
		while (vp_run_to_report(&vps[0], &value) == 0 && value < 10)
			;
		vp_stop(&vps[0]);
		vm_stop(&vm);
		vp_stop(&vps[1]);
	}
}

static void victim_start(struct victim *victim, void (*act)(int progress))
{
	int ends[2];

	if (pipe(ends))
		abort();
	victim->pid = fork();
	if (!victim->pid) {
		/* Nor does it outlive a test that fails. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		act(ends[1]);
		_exit(1);
	}
	close(ends[1]);
	victim->progress = ends[0];
}

static bool victim_is_ready(struct victim *victim)
{
	char byte;

	return read(victim->progress, &byte, 1) == 1;
}

/* How it ended, as waitpid() says; -1: it does not end. */
static int victim_end(struct victim *victim)
{
	int status = -1;

	if (!wait_seconds_until(DEATH_SECONDS,
				waitpid(victim->pid, &status, WNOHANG) == victim->pid))
		return -1;
	close(victim->progress);
	return status;
}

FIXTURE(killed) {
};

FIXTURE_VARIANT(killed) {
	void (*act)(int progress);
	unsigned int times;
	unsigned int delay;	/* at most, in microseconds */
};

FIXTURE_VARIANT_ADD(killed, open) { .act = die_open, .times = 1, };
FIXTURE_VARIANT_ADD(killed, created) { .act = die_created, .times = 1, };
FIXTURE_VARIANT_ADD(killed, initialized) { .act = die_initialized, .times = 1, };
FIXTURE_VARIANT_ADD(killed, with_memory) { .act = die_with_memory, .times = 1, };
FIXTURE_VARIANT_ADD(killed, with_vp) { .act = die_with_vp, .times = 1, };
FIXTURE_VARIANT_ADD(killed, with_registers) { .act = die_with_registers, .times = 1, };
FIXTURE_VARIANT_ADD(killed, at_intercept) { .act = die_at_intercept, .times = 1, };
FIXTURE_VARIANT_ADD(killed, interrupted) { .act = die_interrupted, .times = 1, };
FIXTURE_VARIANT_ADD(killed, running) { .act = die_running, .times = 3, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, halted) { .act = die_halted, .times = 3, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, talking) { .act = die_talking, .times = 3, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, faulting) { .act = die_faulting, .times = 3, .delay = 20000, };
FIXTURE_VARIANT_ADD(killed, interrupting) {
	.act = die_interrupting,
	.times = 3,
	.delay = 5000,
};

FIXTURE_VARIANT_ADD(killed, ringing) { .act = die_ringing, .times = 3, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, with_many) { .act = die_with_many, .times = 2, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, waiting) { .act = die_waiting, .times = 3, .delay = 5000, };
FIXTURE_VARIANT_ADD(killed, somewhere) { .act = die_somewhere, .times = 20, .delay = 150000, };

FIXTURE_SETUP(killed)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(killed)
{
}

/* It dies at once, and others can do all that it did. */
TEST_F(killed, and_gone)
{
	struct victim victim;
	unsigned int i;
	int status;

	for (i = 0; i < variant->times; i++) {
		victim_start(&victim, variant->act);
		ASSERT_TRUE(victim_is_ready(&victim));
		if (variant->delay)
			usleep(random_number() % variant->delay);
		ASSERT_EQ(0, kill(victim.pid, SIGKILL));
		status = victim_end(&victim);
		ASSERT_NE(-1, status);
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(SIGKILL, WTERMSIG(status));
	}
	EXPECT_EQ(0, vm_works());
}

/* Other ways of dying, with a VP running in another thread. */
static void exits(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_counts);
	victim_runs(&vp);
	tell_parent(progress);
	_exit(42);
}

static void crashes(int progress)
{
	const struct rlimit none = { };
	struct vm vm;
	struct vp vp;

	setrlimit(RLIMIT_CORE, &none);
	victim_begin(&vm, &vp, &guest_counts);
	victim_runs(&vp);
	tell_parent(progress);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

/* Becomes another program, which says that it was asked for help. */
static void execs(int progress)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_counts);
	victim_runs(&vp);
	tell_parent(progress);
	dup2(nowhere, 1);
	dup2(nowhere, 2);
	execl("/proc/self/exe", "signals", "-h", NULL);
}

TEST(exit_while_running)
{
	const char *why = mshv_missing();
	struct victim victim;
	int status;

	if (why)
		SKIP(return, "%s", why);
	victim_start(&victim, exits);
	EXPECT_TRUE(victim_is_ready(&victim));
	status = victim_end(&victim);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(42, WEXITSTATUS(status));
	EXPECT_EQ(0, vm_works());
}

TEST(crash_while_running)
{
	const char *why = mshv_missing();
	struct victim victim;
	int status;

	if (why)
		SKIP(return, "%s", why);
	victim_start(&victim, crashes);
	EXPECT_TRUE(victim_is_ready(&victim));
	status = victim_end(&victim);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
	EXPECT_EQ(0, vm_works());
}

TEST(exec_while_running)
{
	const char *why = mshv_missing();
	struct victim victim;
	int status;

	if (why)
		SKIP(return, "%s", why);
	if (access("/proc/self/exe", X_OK))
		SKIP(return, "no /proc");
	victim_start(&victim, execs);
	EXPECT_TRUE(victim_is_ready(&victim));
	status = victim_end(&victim);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(KSFT_SKIP, WEXITSTATUS(status));
	EXPECT_EQ(0, vm_works());
}

/* What a stopped VMM's guest counts in, in memory of both VMM and test. */
static u64 *common_counter;

static void counts_in_common(int progress)
{
	struct vm vm;
	struct vp vp;

	victim_begin(&vm, &vp, &guest_counts);
	if (vm_map(&vm, GUEST_FREE, common_counter, PAGE, MAP_RWX))
		_exit(1);
	vp_set(&vp, HV_X64_REGISTER_RDI, GUEST_FREE);
	run_until_killed(&vp, progress);
}

static bool it_counts(void)
{
	u64 before = READ_ONCE(*common_counter);

	return wait_until(READ_ONCE(*common_counter) > before);
}

/* A VMM that is stopped stands still with its VP, and goes on. */
TEST(stop_and_continue)
{
	const char *why = mshv_missing();
	struct victim victim;
	unsigned int i;
	u64 before;
	int status;

	if (why)
		SKIP(return, "%s", why);
	common_counter = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	ASSERT_NE(MAP_FAILED, common_counter);
	victim_start(&victim, counts_in_common);
	ASSERT_TRUE(victim_is_ready(&victim));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(it_counts());
		ASSERT_EQ(0, kill(victim.pid, SIGSTOP));
		ASSERT_EQ(victim.pid, waitpid(victim.pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		before = READ_ONCE(*common_counter);
		usleep(20000);
		EXPECT_EQ(before, READ_ONCE(*common_counter));
		ASSERT_EQ(0, kill(victim.pid, SIGCONT));
	}
	ASSERT_TRUE(it_counts());
	/* Nor does it have to go on before it can die. */
	ASSERT_EQ(0, kill(victim.pid, SIGSTOP));
	ASSERT_EQ(0, kill(victim.pid, SIGKILL));
	status = victim_end(&victim);
	ASSERT_NE(-1, status);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(0, vm_works());
}

TEST_HARNESS_MAIN
