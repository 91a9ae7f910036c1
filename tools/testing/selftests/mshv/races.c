// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that do to one partition at the same time what does not go together.
 * Nobody can say who wins; what must hold is that each gets an answer it could
 * have got alone, and that all works afterwards. Much of what could go wrong is
 * seen by the kernel's own checks only: run these with lockdep and KASAN.
 */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "harness.h"
#include "vm.h"

#define VECTOR		0x40
#define VECTOR_OTHER	0x60
#define GSI		5
#define ROUNDS		30

/* Writes its count to a page that comes and goes. */
#define AREA		0x400000
GUEST64(touches,
	GUEST_REPORT(1)
"1:	inc %rbx\n"
	"mov %rbx, " __stringify(AREA) "\n"
	"jmp 1b\n");

/* A write to where there may be a doorbell, and a report, each once a round. */
GUEST64(rings,
	"1: mov %eax, (%rsi)\n"
	GUEST_REPORT(1)
	"jmp 1b\n");
#define RING_LENGTH	2

/* A thread that does something again and again until it is told to stop. */
struct racer {
	int (*act)(struct racer *racer);	/* 0, or what ends it */
	struct vm *vm;
	struct vp *vp;
	int fd;
	void *memory;
	atomic_bool stop;
	atomic_uint rounds;
	atomic_uint successes;
	atomic_int result;
	pthread_t thread;
};

static void *racer_main(void *argument)
{
	struct racer *racer = argument;

	while (!racer->stop && !racer->result) {
		racer->result = racer->act(racer);
		racer->rounds++;
	}
	return NULL;
}

static void racer_start(struct racer *racer)
{
	kick_setup();
	if (pthread_create(&racer->thread, NULL, racer_main, racer))
		abort();
}

static int racer_stop(struct racer *racer)
{
	racer->stop = true;
	pthread_join(racer->thread, NULL);
	return racer->result;
}

FIXTURE(races) {
	struct vm vm;
	struct vp vps[2];
	int event;
};

FIXTURE_SETUP(races)
{
	const char *why = mshv_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vm_take_interrupts(&self->vm);
	for (i = 0; i < 2; i++)
		vp_start(&self->vm, &self->vps[i], i);
	self->event = eventfd(0, EFD_CLOEXEC);
}

FIXTURE_TEARDOWN(races)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
	close(self->event);
	EXPECT_EQ(0, vm_works());
}

/* Have a runner run @guest on a VP, until its first report. */
static bool run(struct runner *runner, struct vp *vp, const struct guest *guest)
{
	vm_load(vp->vm, GUEST_CODE + 0x400 * vp->index, GUEST_LONG, guest);
	vp_enter_at(vp, GUEST_LONG, GUEST_CODE + 0x400 * vp->index);
	runner_start(runner, vp);
	return wait_until(runner->reports || runner->left) && runner->reports;
}

/*
 * Three threads run one VP: one does, the others wait. Signals end the runs of all
 * of them, in turn, and the VP goes on all the same.
 */
TEST_F(races, run_and_run)
{
	u64 *word = (u64 *)(self->vm.ram + GUEST_DATA);
	struct runner runners[3] = { };
	unsigned int i;
	u64 before;

	ASSERT_TRUE(run(&runners[0], &self->vps[0], &guest_counts));
	runner_start(&runners[1], &self->vps[0]);
	runner_start(&runners[2], &self->vps[0]);
	for (i = 0; i < ROUNDS; i++) {
		before = READ_ONCE(*word);
		ASSERT_TRUE(wait_until(READ_ONCE(*word) > before));
		pthread_kill(runners[i % 3].thread, KICK_SIGNAL);
	}
	/* The first that is stopped may be one that waits for another. */
	for (i = 0; i < 3; i++)
		runners[i].stop = true;
	for (i = 0; i < 3; i++) {
		while (!runners[i].left) {
			pthread_kill(runners[0].thread, KICK_SIGNAL);
			pthread_kill(runners[1].thread, KICK_SIGNAL);
			pthread_kill(runners[2].thread, KICK_SIGNAL);
			usleep(1000);
		}
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, runner_stop(&runners[i]));
}

static int read_state(struct racer *racer)
{
	return vp_get_state(racer->vp, MSHV_VP_STATE_LAPIC, racer->memory);
}

/* Reading a VP's state waits until nobody runs it. */
TEST_F(races, run_and_state)
{
	struct racer racer = {
		.act = read_state,
		.vp = &self->vps[0],
		.memory = memory_get(PAGE),
	};
	struct runner runner = { };

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	racer_start(&racer);
	EXPECT_TRUE(wait_until((pthread_kill(runner.thread, KICK_SIGNAL),
				racer.rounds >= ROUNDS)));
	/* It may be waiting once more. */
	racer.stop = true;
	EXPECT_EQ(0, runner_stop(&runner));
	EXPECT_EQ(0, racer_stop(&racer));
}

/* Does guest_counts count, from now on? */
static bool goes_on(struct vm *vm)
{
	u64 *word = (u64 *)(vm->ram + GUEST_DATA);
	u64 before = READ_ONCE(*word);

	return wait_until(READ_ONCE(*word) > before);
}

/* A hypervisor may refuse to read the registers of a VP that runs. */
static int read_register(struct racer *racer)
{
	const u32 name = HV_X64_REGISTER_RIP;
	struct vp outside = { .vm = racer->vm, .fd = racer->vm->fd };
	union hv_register_value value = { };
	int ret = vp_get_registers(&outside, &name, &value, 1);

	if (ret)
		return 0;
	racer->successes++;
	return value.reg64 >= GUEST_CODE && value.reg64 < GUEST_CODE + 0x100 ? 0 : -EPROTO;
}

/* Nor does reading registers by the partition's file disturb the VP. */
TEST_F(races, run_and_registers)
{
	struct racer racer = { .act = read_register, .vm = &self->vm };
	struct runner runner = { };
	unsigned int i;

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	racer_start(&racer);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(goes_on(&self->vm));
		pthread_kill(runner.thread, KICK_SIGNAL);
	}
	EXPECT_EQ(0, racer_stop(&racer));
	EXPECT_EQ(0, runner_stop(&runner));
	if (!racer.successes)
		SKIP(return, "the hypervisor does not tell of registers of a VP that runs");
}

/* Suspend or release the first VP, as a VMM does it beside the thread that runs it. */
static int set_suspended(struct vm *vm, bool suspended)
{
	struct hv_register_assoc suspend = {
		.name = HV_REGISTER_EXPLICIT_SUSPEND,
		.value.reg64 = suspended,
	};
	struct vp outside = { .vm = vm, .fd = vm->fd };

	return vp_set_registers(&outside, &suspend, 1);
}

static int toggle_suspension(struct racer *racer)
{
	const bool suspended = racer->rounds % 2;

	/* What is released gets somewhere, now and then. */
	if (suspended)
		usleep(500);
	return set_suspended(racer->vm, suspended);
}

/* A VP is suspended and released at any moment, and interrupted, and rerun. */
TEST_F(races, run_and_suspend)
{
	struct racer racer = { .act = toggle_suspension, .vm = &self->vm };
	struct runner runner = { };
	unsigned int i;

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	racer_start(&racer);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(goes_on(&self->vm));
		pthread_kill(runner.thread, KICK_SIGNAL);
	}
	EXPECT_EQ(0, racer_stop(&racer));
	/* Released, whatever was last. */
	racer.rounds = 0;
	EXPECT_EQ(0, toggle_suspension(&racer));
	EXPECT_TRUE(goes_on(&self->vm));
	EXPECT_EQ(0, runner_stop(&runner));
}

/* Suspend the first VP, release it, and suspend it anew before its thread can look. */
static int suspend_anew(struct vm *vm)
{
	int ret = set_suspended(vm, true);

	/* The thread has noticed. */
	usleep(50 * 1000);
	ret = ret ?: set_suspended(vm, false);
	ret = ret ?: set_suspended(vm, true);
	/* The thread has looked. */
	usleep(50 * 1000);
	return ret;
}

/*
 * A VP that is released and suspended anew, before the thread that waits for its release
 * can look, goes on when it is released for good.
 */
TEST_F(races, suspended_anew)
{
	struct runner runner = { };
	unsigned int i;

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(goes_on(&self->vm));
		ASSERT_EQ(0, suspend_anew(&self->vm));
		ASSERT_EQ(0, set_suspended(&self->vm, false));
	}
	EXPECT_TRUE(goes_on(&self->vm));
	EXPECT_EQ(0, runner_stop(&runner));
}

/* Or when it is run again, after a signal has ended the wait for its release. */
TEST_F(races, suspended_anew_and_interrupted)
{
	struct runner runner = { };
	unsigned int i;

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(goes_on(&self->vm));
		ASSERT_EQ(0, suspend_anew(&self->vm));
		pthread_kill(runner.thread, KICK_SIGNAL);
	}
	EXPECT_TRUE(goes_on(&self->vm));
	EXPECT_GE(atomic_load(&runner.signals), 5);
	EXPECT_EQ(0, runner_stop(&runner));
}

/* Memory that is not there at the moment may be there the next time. */
static int try_again(struct runner *runner)
{
	if (vp_met_memory(runner->vp))
		return 0;
	vp_print_message(runner->vp);
	return -EPROTO;
}

/* A region comes and goes under a VP that uses it. */
TEST_F(races, run_and_set_memory)
{
	u64 *page = memory_get(PAGE);
	struct runner runner = { .exit = try_again };
	unsigned int i;
	u64 before;

	ASSERT_TRUE(run(&runner, &self->vps[0], &touches));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, vm_map(&self->vm, AREA, page, PAGE, MAP_RWX));
		before = READ_ONCE(*page);
		ASSERT_TRUE(wait_until(READ_ONCE(*page) > before));
		ASSERT_EQ(0, vm_unmap(&self->vm, AREA, page, PAGE));
		before = READ_ONCE(*page);
		usleep(100);
		EXPECT_EQ(before, READ_ONCE(*page));
	}
	EXPECT_EQ(0, runner_stop(&runner));
}

/* What a VMM frees while it closes a partition: many pages, one by one. */
#define FREED_PAGES	2048
GUEST64(touches_all,
	"1: mov %rsi, (%rsi)\n"
	"add $0x1000, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	GUEST_REPORT(1));

static int free_pages(struct racer *racer)
{
	unsigned int i;

	for (i = 0; i < FREED_PAGES; i++)
		if (madvise(racer->memory + i * PAGE, PAGE, MADV_DONTNEED))
			return -errno;
	return 0;
}

/* The kernel has nothing to say of memory that goes while its partition does. */
TEST_F(races, close_and_free)
{
	struct racer racer = { .act = free_pages };
	struct vm vm;
	struct vp vp;
	u32 value;

	racer.memory = memory_get(FREED_PAGES * PAGE);
	ASSERT_EQ(0, madvise(racer.memory, FREED_PAGES * PAGE, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, madvise(racer.memory, FREED_PAGES * PAGE, MADV_POPULATE_WRITE));
	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	ASSERT_EQ(0, vm_map(&vm, AREA, racer.memory, FREED_PAGES * PAGE, MAP_RWX));
	vp_enter(&vp, GUEST_LONG, &touches_all);
	vp_set(&vp, HV_X64_REGISTER_RSI, AREA);
	vp_set(&vp, HV_X64_REGISTER_RCX, FREED_PAGES);
	ASSERT_EQ(0, vp_run_to_report(&vp, &value));
	racer_start(&racer);
	vp_stop(&vp);
	vm_stop(&vm);
	EXPECT_EQ(0, racer_stop(&racer));
	munmap(racer.memory, FREED_PAGES * PAGE);
}

/* How many of them have it. */
static atomic_int owners;

static int map_and_unmap(struct racer *racer)
{
	int ret = vm_map(racer->vm, AREA, racer->memory, PAGE, MAP_RWX);
	bool alone;

	if (!ret) {
		alone = ++owners == 1;
		sched_yield();
		alone = alone && owners == 1;
		/* Before it is free for the other one, who then counts itself. */
		owners--;
		ret = vm_unmap(racer->vm, AREA, racer->memory, PAGE);
		racer->successes++;
		/* Let the other one have it, too. */
		usleep(100);
		return ret ?: alone ? 0 : -EPROTO;
	}
	if (ret != -EEXIST)
		return ret;
	/* It is the other one's, or was just now: this one has nothing to take away. */
	ret = vm_unmap(racer->vm, AREA, racer->memory, PAGE);
	return ret == -ENOENT || ret == -EINVAL ? 0 : ret ?: -EPROTO;
}

/* Two want the same place. One gets it at a time, and loses it to nobody. */
TEST_F(races, set_memory_and_set_memory)
{
	struct racer racers[2] = { };
	struct runner runner = { .exit = try_again };
	unsigned int i;

	ASSERT_TRUE(run(&runner, &self->vps[0], &touches));
	for (i = 0; i < 2; i++) {
		racers[i].act = map_and_unmap;
		racers[i].vm = &self->vm;
		racers[i].memory = memory_get(PAGE);
		racer_start(&racers[i]);
	}
	EXPECT_TRUE(wait_until((racers[0].successes >= ROUNDS && racers[1].successes >= ROUNDS) ||
			       racers[0].result || racers[1].result));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, racer_stop(&racers[i]));
	EXPECT_EQ(0, runner_stop(&runner));
}

static int map_page(struct racer *racer)
{
	struct hv_vp_register_page *page;
	bool valid;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, racer->vp->fd,
		    MSHV_VP_MMAP_OFFSET_REGISTERS * PAGE);
	if (page == MAP_FAILED)
		return -errno;
	valid = READ_ONCE(page->version) == HV_VP_REGISTER_PAGE_VERSION_1;
	munmap(page, PAGE);
	return valid ? 0 : -EPROTO;
}

/* The register page is mapped anew while the VP runs. */
TEST_F(races, run_and_mmap)
{
	struct racer racer = { .act = map_page, .vp = &self->vps[0] };
	struct runner runner = { };

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_counts));
	racer_start(&racer);
	EXPECT_TRUE(wait_until((pthread_kill(runner.thread, KICK_SIGNAL),
				racer.rounds >= 10 * ROUNDS)));
	EXPECT_EQ(0, racer_stop(&racer));
	EXPECT_EQ(0, runner_stop(&runner));
}

static int set_route(struct vm *vm, u32 vp_index, u8 vector)
{
	const struct mshv_user_irq_entry entry = vm_route(GSI, vp_index, vector);

	return vm_set_routes(vm, &entry, 1);
}

static int fire(struct racer *racer)
{
	const u64 one = 1;

	return write(racer->fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static bool is_signalled(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };

	return poll(&poll_event, 1, 0) == 1;
}

static void drain(int event)
{
	u64 count;

	while (is_signalled(event))
		if (read(event, &count, sizeof(count)) < 0)
			abort();
}

/* An irqfd is bound and unbound while it fires. */
TEST_F(races, irqfd_and_fire)
{
	struct racer racer = { .act = fire, .fd = self->event };
	struct runner runner = { };
	unsigned int i, before;

	ASSERT_EQ(0, set_route(&self->vm, 0, VECTOR));
	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_rests));
	racer_start(&racer);
	for (i = 0; i < ROUNDS; i++) {
		before = runner.irqs[VECTOR];
		ASSERT_EQ(0, vm_set_irqfd(&self->vm, self->event, GSI, 0));
		ASSERT_TRUE(wait_until(runner.irqs[VECTOR] > before));
		ASSERT_EQ(0, vm_set_irqfd(&self->vm, self->event, GSI,
					  BIT(MSHV_IRQFD_BIT_DEASSIGN)));
	}
	EXPECT_EQ(0, racer_stop(&racer));
	/* Nothing that is on its way is left. */
	drain(self->event);
	ASSERT_EQ(0, vm_set_irqfd(&self->vm, self->event, GSI, 0));
	before = runner.irqs[VECTOR];
	ASSERT_EQ(0, fire(&racer));
	EXPECT_TRUE(wait_until(runner.irqs[VECTOR] > before));
	EXPECT_EQ(0, runner_stop(&runner));
}

/*
 * A route changes both of its halves while interrupts take it: VP 0 gets one
 * vector and VP 1 the other, and neither gets what was never its own.
 */
TEST_F(races, route_and_fire)
{
	struct racer racer = { .act = fire, .fd = self->event };
	struct runner runners[2] = { };
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_TRUE(run(&runners[i], &self->vps[i], &guest_rests));
	ASSERT_EQ(0, set_route(&self->vm, 0, VECTOR));
	ASSERT_EQ(0, vm_set_irqfd(&self->vm, self->event, GSI, 0));
	racer_start(&racer);
	for (i = 0; i < 4 * ROUNDS; i++) {
		ASSERT_EQ(0, i % 2 ? set_route(&self->vm, 0, VECTOR) :
				     set_route(&self->vm, 1, VECTOR_OTHER));
	}
	EXPECT_TRUE(wait_until(runners[0].irqs[VECTOR]));
	ASSERT_EQ(0, set_route(&self->vm, 1, VECTOR_OTHER));
	EXPECT_TRUE(wait_until(runners[1].irqs[VECTOR_OTHER]));
	EXPECT_EQ(0, racer_stop(&racer));
	EXPECT_EQ(0, atomic_load(&runners[0].irqs[VECTOR_OTHER]));
	EXPECT_EQ(0, atomic_load(&runners[1].irqs[VECTOR]));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, runner_stop(&runners[i]));
}

/* Many threads raise interrupts at a VP that goes to sleep in between. */
static int assert_vector(struct racer *racer)
{
	return vm_assert(racer->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, racer->fd);
}

TEST_F(races, interrupts_and_halt)
{
	struct racer racers[3] = { };
	struct runner runner = { };
	unsigned int i, before;

	ASSERT_TRUE(run(&runner, &self->vps[0], &guest_rests));
	for (i = 0; i < 3; i++) {
		racers[i].act = assert_vector;
		racers[i].vm = &self->vm;
		racers[i].fd = 0x80 + 0x10 * i;
		racer_start(&racers[i]);
	}
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(wait_until(runner.irqs[racers[i].fd] >= ROUNDS));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, racer_stop(&racers[i]));
	/* The last ones of all are not lost in the bustle. */
	before = runner.irqs[VECTOR];
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	EXPECT_TRUE(wait_until(runner.irqs[VECTOR] == before + 1));
	EXPECT_EQ(0, runner_stop(&runner));
}

static int go_past_write(struct runner *runner)
{
	unsigned int *intercepts = runner->arg;
	struct vp *vp = runner->vp;

	if (!vp_met_memory(vp)) {
		vp_print_message(vp);
		return -EPROTO;
	}
	(*intercepts)++;
	vp_set(vp, HV_X64_REGISTER_RIP, vp_header(vp)->rip + RING_LENGTH);
	return 0;
}

/*
 * A doorbell comes and goes: each write is the VMM's or rings, none is both, and none
 * is neither. Several writes may be one signal. So what holds of an eventfd that was
 * read is that it is signalled when the doorbell has gone, if the guest has written
 * since; the driver signals it in any case.
 */
TEST_F(races, doorbell_and_ring)
{
	struct mshv_user_ioeventfd args = { .fd = self->event, .addr = GUEST_MMIO, .len = 4 };
	unsigned int intercepts = 0, i, before;
	struct runner runner = { .exit = go_past_write, .arg = &intercepts };
	u64 rings_heard = 0, count;

	ASSERT_TRUE(run(&runner, &self->vps[0], &rings));
	for (i = 0; i < ROUNDS; i++) {
		args.flags = 0;
		ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
		before = runner.reports;
		ASSERT_TRUE(wait_until(runner.reports > before + 1 &&
				       is_signalled(self->event)));
		ASSERT_EQ(sizeof(count), read(self->event, &count, sizeof(count)));
		rings_heard += count;
		args.flags = BIT(MSHV_IOEVENTFD_BIT_DEASSIGN);
		ASSERT_EQ(0, mshv_ioctl(self->vm.fd, MSHV_IOEVENTFD, &args));
		EXPECT_TRUE(is_signalled(self->event));
	}
	EXPECT_EQ(0, runner_stop(&runner));
	ASSERT_EQ(sizeof(count), read(self->event, &count, sizeof(count)));
	rings_heard += count;
	/* Each time that it goes may be one signal more than there were writes. */
	EXPECT_LE(rings_heard + intercepts, atomic_load(&runner.reports) + 1 + ROUNDS);
	EXPECT_GE(rings_heard, 1);
	EXPECT_GE(intercepts, 1);
}

/* VPs are created by two threads, and each of them by one. */
static int create_vps(struct racer *racer)
{
	unsigned int index = 2 + racer->rounds;
	int fd;

	if (index == 10)
		return 1;
	fd = vm_add_vp(racer->vm, index);
	if (fd >= 0) {
		racer->successes++;
		close(fd);
		return 0;
	}
	return fd == -EEXIST ? 0 : fd;
}

TEST_F(races, create_and_create)
{
	struct racer racers[2] = { };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		racers[i].act = create_vps;
		racers[i].vm = &self->vm;
		racer_start(&racers[i]);
	}
	for (i = 0; i < 2; i++) {
		pthread_join(racers[i].thread, NULL);
		EXPECT_EQ(1, racers[i].result);
	}
	EXPECT_EQ(8, racers[0].successes + racers[1].successes);
}

/* Interrupts to VPs that are just coming into being. */
static int assert_at_new(struct racer *racer)
{
	unsigned int index = racer->rounds % 10;

	/* Whether there is one is not known. */
	vm_assert(racer->vm, HV_X64_INTERRUPT_TYPE_FIXED, index, VECTOR);
	return 0;
}

TEST_F(races, create_and_interrupts)
{
	struct racer creates = { .act = create_vps, .vm = &self->vm };
	struct racer asserts = { .act = assert_at_new, .vm = &self->vm };
	struct racer fires = { .act = fire, .fd = self->event };

	ASSERT_EQ(0, set_route(&self->vm, 9, VECTOR));
	ASSERT_EQ(0, vm_set_irqfd(&self->vm, self->event, GSI, 0));
	racer_start(&asserts);
	racer_start(&fires);
	racer_start(&creates);
	pthread_join(creates.thread, NULL);
	EXPECT_EQ(1, creates.result);
	EXPECT_EQ(0, racer_stop(&asserts));
	EXPECT_EQ(0, racer_stop(&fires));
}

/* The partition's file is closed while another thread creates VPs by it. */
TEST_F(races, create_and_close)
{
	unsigned int i, turn;

	for (turn = 0; turn < 5; turn++) {
		struct racer creates = { .act = create_vps };
		struct vm vm;

		vm_start(&vm, VM_DEFAULT);
		creates.vm = &vm;
		racer_start(&creates);
		for (i = random_number() % 20000; i > 0; i--)
			__asm__ volatile("pause");
		/* Its number may be a VP's soon, which takes no such ioctl. */
		vm_stop(&vm);
		pthread_join(creates.thread, NULL);
		EXPECT_TRUE(creates.result == 1 || creates.result == -EBADF ||
			    creates.result == -ENOTTY);
	}
}

/* Four threads, each with partitions of its own. */
static int live_a_life(struct racer *racer)
{
	return vm_works() ?: racer->rounds >= 4;
}

TEST_F(races, partitions)
{
	struct racer racers[4] = { };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		racers[i].act = live_a_life;
		racer_start(&racers[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(racers[i].thread, NULL);
		EXPECT_EQ(1, racers[i].result);
	}
}

TEST_HARNESS_MAIN
