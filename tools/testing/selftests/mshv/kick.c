// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run page of a VP: a kick that comes between two runs ends the second. What the
 * page is, what the flag means for a VP in each state it can be in, and kicks at random
 * instants, of which none is lost and none is invented.
 *
 * MSHV_KICKS=100000 in the environment is how many; without it there are fewer, as many
 * as an emulated machine does in a few seconds. MSHV_SEED draws other instants.
 */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "vm.h"

#define VECTOR		0x40
#define VECTOR_TIMER	0x50

#define KICKS_DEFAULT	200
#define KICKS_WITHOUT	20
/* A kick comes up to so long after the last was answered, by when the VP may run. */
#define KICK_MAX_US	600
/* And the VP's thread spends up to so long in user space between two runs. */
#define USER_MAX_US	300
/* A kick that can be lost is, if it is not answered within this. */
#define LOST_MS		200

GUEST64(counts_aloud,
	"1: inc %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

/* Halts, and is woken by its timer now and then. */
GUEST64(naps,
	GUEST_APIC_ON
	GUEST_REPORT(1)
	"mov $" __stringify(APIC_BASE) ", %ecx\n"
	"movl $0xb, " __stringify(APIC_DIVIDE) "(%rcx)\n"
	"movl $0x20000 + " __stringify(VECTOR_TIMER) ", " __stringify(APIC_LVT_TIMER) "(%rcx)\n"
	"movl $5000000, " __stringify(APIC_INITIAL_COUNT) "(%rcx)\n"
	"sti\n"
"1:	hlt\n"
	"jmp 1b\n");

static u64 microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

/* Be in user space for so long. */
static void dawdle(unsigned int us)
{
	u64 end = microseconds() + us;

	while (microseconds() < end)
		;
}

FIXTURE(run_page) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(run_page)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	vm_take_interrupts(&self->vm);
	ASSERT_NE(NULL, self->vp.run)
		TH_LOG("this kernel has no run page: a kick that comes before MSHV_RUN_VP is lost");
}

FIXTURE_TEARDOWN(run_page)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

static void *map(int fd, size_t size, int protection, int flags, unsigned int page)
{
	return mmap(NULL, size, protection, flags, fd, page * PAGE);
}

static bool all_zero(const void *from, size_t size)
{
	const unsigned char *byte = from;

	while (size && !*byte) {
		byte++;
		size--;
	}
	return !size;
}

TEST_F(run_page, mapping)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct mshv_vp_run_page *again;

	EXPECT_EQ(PAGE, sizeof(struct mshv_vp_run_page));
	EXPECT_TRUE(all_zero(self->vp.run, PAGE));

	/* Nothing but one page, and that page alone. */
	EXPECT_EQ(MAP_FAILED, map(self->vp.fd, 2 * PAGE, rw, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->vp.fd, PAGE, rw, MAP_SHARED, MSHV_VP_MMAP_OFFSET_COUNT));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->vm.fd, PAGE, rw, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN));
	/* What is written to a private copy nobody would see. */
	EXPECT_EQ(MAP_FAILED, map(self->vp.fd, PAGE, rw, MAP_PRIVATE, MSHV_VP_MMAP_OFFSET_RUN));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(self->vp.fd, PAGE, PROT_READ, MAP_PRIVATE,
				  MSHV_VP_MMAP_OFFSET_RUN));
	EXPECT_EQ(MAP_FAILED, mremap(self->vp.run, PAGE, 2 * PAGE, MREMAP_MAYMOVE));

	/* Mapped again it is the same; mapped nowhere, too. */
	again = map(self->vp.fd, PAGE, rw, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN);
	ASSERT_NE(MAP_FAILED, again);
	self->vp.run->immediate_exit = 1;
	EXPECT_EQ(1, READ_ONCE(again->immediate_exit));
	munmap(self->vp.run, PAGE);
	munmap(again, PAGE);
	EXPECT_EQ(-EINTR, mshv_ioctl(self->vp.fd, MSHV_RUN_VP, &self->vp.msg));
	self->vp.run = map(self->vp.fd, PAGE, rw, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN);
	ASSERT_NE(MAP_FAILED, self->vp.run);
	EXPECT_EQ(1, READ_ONCE(self->vp.run->immediate_exit));

	again = map(self->vp.fd, PAGE, PROT_READ, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_EQ(1, READ_ONCE(again->immediate_exit));
	munmap(again, PAGE);
}

/* Each VP has its own. */
TEST_F(run_page, of_two_vps)
{
	struct vp other;
	u32 value;

	vp_start(&self->vm, &other, 1);
	ASSERT_NE(NULL, other.run);
	other.run->immediate_exit = 1;
	EXPECT_EQ(0, READ_ONCE(self->vp.run->immediate_exit));
	vp_enter(&self->vp, GUEST_LONG, &guest_hello);
	EXPECT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(-EINTR, vp_run(&other));
	vp_stop(&other);
}

/* A child shares it, whether or not the parent has mapped it before. */
TEST_F(run_page, after_fork)
{
	pid_t child = fork();
	int status;

	ASSERT_GE(child, 0);
	if (!child) {
		self->vp.run->immediate_exit = 1;
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(1, READ_ONCE(self->vp.run->immediate_exit));
	EXPECT_EQ(-EINTR, vp_run(&self->vp));
}

/* It stays when all files are closed; and what another partition has is another. */
TEST_F(run_page, outlives_files)
{
	struct vm vm;
	struct vp vp;

	close(self->vp.fd);
	close(self->vm.fd);
	self->vp.fd = -1;
	self->vm.fd = -1;
	self->vp.run->immediate_exit = 1;
	EXPECT_EQ(1, READ_ONCE(self->vp.run->immediate_exit));

	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	ASSERT_NE(NULL, vp.run);
	EXPECT_EQ(0, READ_ONCE(vp.run->immediate_exit));
	vp_stop(&vp);
	vm_stop(&vm);
}

/* Two threads map it at the same time. */
static void *map_it(void *argument)
{
	struct vp *vp = argument;

	return map(vp->fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, MSHV_VP_MMAP_OFFSET_RUN);
}

TEST_F(run_page, mapped_by_two)
{
	struct mshv_vp_run_page *pages[2];
	struct vp vp = { .vm = &self->vm };
	pthread_t thread;
	unsigned int i;

	for (i = 1; i < 20; i++) {
		vp.fd = vm_add_vp(&self->vm, i);
		ASSERT_LE(0, vp.fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, map_it, &vp));
		pages[0] = map_it(&vp);
		ASSERT_EQ(0, pthread_join(thread, (void **)&pages[1]));
		ASSERT_NE(MAP_FAILED, pages[0]);
		ASSERT_NE(MAP_FAILED, pages[1]);
		pages[0]->immediate_exit = i;
		EXPECT_EQ(i, READ_ONCE(pages[1]->immediate_exit));
		munmap(pages[0], PAGE);
		munmap(pages[1], PAGE);
		close(vp.fd);
	}
}

/* The flag ends a run at once, and again, and is not taken back by the kernel. */
static bool exits_at_once(struct vp *vp)
{
	struct mshv_run_vp run;
	unsigned int i;

	WRITE_ONCE(vp->run->immediate_exit, 1);
	for (i = 0; i < 3; i++)
		if (mshv_ioctl(vp->fd, MSHV_RUN_VP, &run) != -EINTR ||
		    READ_ONCE(vp->run->immediate_exit) != 1)
			return false;
	WRITE_ONCE(vp->run->immediate_exit, 0);
	return true;
}

TEST_F(run_page, never_run)
{
	u32 value;

	EXPECT_TRUE(exits_at_once(&self->vp));
	vp_enter(&self->vp, GUEST_LONG, &guest_hello);
	EXPECT_TRUE(exits_at_once(&self->vp));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0x600d, value);
}

/* It does not get anywhere, and any value but zero will do. */
TEST_F(run_page, running)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	struct mshv_run_vp run;
	unsigned int i;
	u64 before;
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &guest_counts);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	before = READ_ONCE(*word);
	for (i = 1; i < 256; i += 2) {
		self->vp.run->immediate_exit = i;
		ASSERT_EQ(-EINTR, mshv_ioctl(self->vp.fd, MSHV_RUN_VP, &run));
	}
	self->vp.run->immediate_exit = 0;
	usleep(1000);
	EXPECT_EQ(before, READ_ONCE(*word));
	/* The rest of the page means nothing yet. */
	memset(self->vp.run->rsvd, 0xff, sizeof(self->vp.run->rsvd));
	do {
		kick_every(5000);
		EXPECT_EQ(-EINTR, vp_run(&self->vp));
	} while (READ_ONCE(*word) == before);
	kick_every(0);
}

/* What the VMM has made of the registers since the intercept is kept. */
TEST_F(run_page, intercept_pending)
{
	const struct hv_x64_intercept_message_header *header = vp_header(&self->vp);
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &counts_aloud);
	ASSERT_EQ(0, vp_run(&self->vp));
	EXPECT_TRUE(exits_at_once(&self->vp));
	EXPECT_EQ(header->rip, vp_get(&self->vp, HV_X64_REGISTER_RIP));
	vp_set(&self->vp, HV_X64_REGISTER_RBX, 41);
	EXPECT_TRUE(exits_at_once(&self->vp));
	vp_set(&self->vp, HV_X64_REGISTER_RIP, header->rip + header->instruction_length);
	EXPECT_TRUE(exits_at_once(&self->vp));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(42, value);
}

/* Interrupted before: the registers stay where they can be read and set. */
TEST_F(run_page, suspended)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	u64 rip, before;
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &guest_counts);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(5000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
	rip = vp_get(&self->vp, HV_X64_REGISTER_RIP);
	EXPECT_TRUE(exits_at_once(&self->vp));
	EXPECT_EQ(rip, vp_get(&self->vp, HV_X64_REGISTER_RIP));
	EXPECT_EQ(1, self->vp.page->isvalid);

	vp_set(&self->vp, HV_X64_REGISTER_RDI, GUEST_DATA + 8);
	EXPECT_TRUE(exits_at_once(&self->vp));
	before = READ_ONCE(word[0]);
	kick_every(5000);
	do {
		ASSERT_EQ(-EINTR, vp_run(&self->vp));
	} while (!READ_ONCE(word[1]));
	kick_every(0);
	EXPECT_EQ(before, READ_ONCE(word[0]));
}

/* A VP that waits for an interrupt does so still, and takes it later. */
TEST_F(run_page, halted)
{
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &guest_rests);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	kick_every(5000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
	EXPECT_TRUE(exits_at_once(&self->vp));
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	EXPECT_TRUE(exits_at_once(&self->vp));
	ASSERT_EQ(0, vp_run_to_port(&self->vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value);
}

TEST_F(run_page, suspended_by_vmm)
{
	struct hv_register_assoc suspend = {
		.name = HV_REGISTER_EXPLICIT_SUSPEND,
		.value.reg64 = 1,
	};
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &counts_aloud);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	ASSERT_EQ(0, vp_set_registers(&self->vp, &suspend, 1));
	EXPECT_TRUE(exits_at_once(&self->vp));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(2, value);
}

/* The flag is looked at when a run begins: without a signal it does not end one. */
TEST_F(run_page, flag_alone)
{
	struct runner runner = { };
	u64 before, *word = (u64 *)(self->vm.ram + GUEST_DATA);

	vp_enter(&self->vp, GUEST_LONG, &guest_counts);
	runner_start(&runner, &self->vp);
	ASSERT_TRUE(wait_until(runner.reports));
	before = READ_ONCE(*word);
	ASSERT_TRUE(wait_until(READ_ONCE(*word) > before));
	WRITE_ONCE(self->vp.run->immediate_exit, 1);
	before = READ_ONCE(*word);
	EXPECT_TRUE(wait_until(READ_ONCE(*word) > before));
	EXPECT_EQ(0, runner.signals);
	EXPECT_EQ(0, runner_stop(&runner));
	EXPECT_EQ(1, runner.signals);
}

/*
 * The litmus. One thread runs the VP, and is in user space for a while after each run.
 * Another kicks it at a random instant, waits until a run has ended with EINTR, and
 * kicks it again. Each kick ends one run: as many runs end with EINTR as were kicks.
 */
struct litmus {
	struct vp *vp;
	atomic_uint answered;
	atomic_uint intercepts;
	atomic_bool ready;
	atomic_bool stop;
	int result;
	u32 random;
};

static u32 draw(u32 *state, u32 below)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % below;
}

static void *litmus_main(void *argument)
{
	struct litmus *litmus = argument;
	struct vp *vp = litmus->vp;
	int ret;

	vp_own(vp);
	litmus->ready = true;
	while (!litmus->stop) {
		ret = vp_run(vp);
		if (ret && ret != -EINTR) {
			litmus->result = ret;
			break;
		}
		if (ret) {
			litmus->answered++;
		} else {
			/* A write to a port: past it. */
			litmus->intercepts++;
			vp_set(vp, HV_X64_REGISTER_RIP,
			       vp_header(vp)->rip + vp_header(vp)->instruction_length);
		}
		dawdle(draw(&litmus->random, USER_MAX_US));
	}
	return NULL;
}

static bool answered(struct litmus *litmus, unsigned int kicks, u64 ms)
{
	u64 end = milliseconds() + ms;

	while (litmus->answered < kicks && !litmus->result) {
		if (milliseconds() >= end)
			return false;
		sched_yield();
	}
	return !litmus->result;
}

/*
 * Send @kicks, and say how many were lost: -1 if one that cannot be was. A lost one is
 * made up for by another.
 */
static int litmus_run(struct litmus *litmus, const char *guest, unsigned int kicks)
{
	bool sure = litmus->vp->run;
	u64 begin = microseconds();
	unsigned int i, lost = 0;
	pthread_t thread;

	litmus->answered = 0;
	litmus->ready = false;
	litmus->stop = false;
	litmus->random = random_number();
	if (pthread_create(&thread, NULL, litmus_main, litmus))
		abort();
	while (!litmus->ready)
		sched_yield();
	for (i = 1; i <= kicks; i++) {
		dawdle(random_number() % KICK_MAX_US);
		pthread_kill(thread, KICK_SIGNAL);
		if (answered(litmus, i, sure ? WAIT_SECONDS * 1000 : LOST_MS))
			continue;
		lost++;
		if (sure)
			break;
		do
			pthread_kill(thread, KICK_SIGNAL);
		while (!answered(litmus, i, LOST_MS) && !litmus->result);
	}
	fprintf(stderr, "# %s, %s run page: %u of %u kicks lost, %u intercepts, %llu us a kick\n",
		guest, sure ? "with" : "without", lost, kicks, litmus->intercepts,
		(unsigned long long)(microseconds() - begin) / kicks);

	/* None is invented: no other run ends like that before the next kick. */
	usleep(10000);
	i = litmus->answered;
	litmus->stop = true;
	do {
		pthread_kill(thread, KICK_SIGNAL);
		usleep(1000);
	} while (pthread_tryjoin_np(thread, NULL));
	if (litmus->result || (sure && (lost || i != kicks)))
		return -1;
	return lost;
}

FIXTURE(kicks) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_VARIANT(kicks) {
	const char *name;
	const struct guest *guest;
	bool talks;
};

FIXTURE_VARIANT_ADD(kicks, running) { .name = "running", .guest = &guest_counts, };
FIXTURE_VARIANT_ADD(kicks, blocked) { .name = "blocked", .guest = &guest_rests, };
FIXTURE_VARIANT_ADD(kicks, halting) { .name = "halting", .guest = &naps, .talks = true, };
FIXTURE_VARIANT_ADD(kicks, talking) {
	.name = "talking",
	.guest = &counts_aloud,
	.talks = true,
};

FIXTURE_SETUP(kicks)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	vm_take_interrupts(&self->vm);
	kick_setup();
}

FIXTURE_TEARDOWN(kicks)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/*
 * For comparison the same without the page, where the number is asked for, and on a
 * kernel that has none: there the test ends with that. It takes seconds for each that is
 * lost, as that has to be waited for, and made up for: a few tell enough.
 */
TEST_F_TIMEOUT(kicks, none_lost, 36000)
{
	struct mshv_vp_run_page *page = self->vp.run;
	const char *wanted = getenv("MSHV_KICKS");
	unsigned int kicks = wanted ? strtoul(wanted, NULL, 0) : KICKS_DEFAULT;
	struct litmus litmus = { .vp = &self->vp };
	int lost;

	vp_enter(&self->vp, GUEST_LONG, variant->guest);
	if (wanted || !page) {
		self->vp.run = NULL;
		lost = litmus_run(&litmus, variant->name,
				  kicks < KICKS_WITHOUT ? kicks : KICKS_WITHOUT);
		self->vp.run = page;
		ASSERT_LE(0, lost);
		ASSERT_NE(NULL, page)
			TH_LOG("%d kicks that came before MSHV_RUN_VP were lost", lost);
	}

	litmus.intercepts = 0;
	EXPECT_EQ(0, litmus_run(&litmus, variant->name, kicks));
	if (variant->talks)
		EXPECT_LT(0, litmus.intercepts);
}

TEST_HARNESS_MAIN
