// SPDX-License-Identifier: GPL-2.0-only
/*
 * What controls of CPU time do to VMs in an L1VH, and to processes beside them.
 *
 *	experiment SECONDS [-m spin|timer] [CONTROL]...
 *
 * For each control, all of them by default, there are four windows of so many seconds
 * each, or two with -m: two processes, then two VMMs with a VP each; of both kinds two
 * that spin, and then one that answers a timer beside one that spins. The two are called
 * "a" and "b": the control is for "a", or treats both alike, or sets both in proportion.
 *
 * Who answers the timer is woken every 10 ms and works for about 4 ms then: the same loop
 * in a guest and in a process.
 *
 * What a VP got is in hvemu's event log, where the line "times" of the test port puts it,
 * a number of times in each window. What Linux says of each process is said here:
 *
 *	# sample CONTROL KIND MODE NUMBER ROLE name=value...
 *	# answers CONTROL KIND MODE ROLE count=N expiries=N p50=US p95=US max=US
 *	# grace CONTROL KIND MODE N MICROSECONDS...
 *	# skip CONTROL REASON
 *
 * "grace" is how long a grace period of RCU lasted, some times, after the last sample.
 *
 * Exit status: 0 if every window was made, or its control skipped.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/membarrier.h>

#include "ask.h"
#include "vm.h"

#define CGROUPS		"/sys/fs/cgroup"
#define PERIOD_NS	10000000LL
#define WORK_NS		4000000LL
#define SAMPLES		10
#define GRACES		5
#define SETTLE_US	500000
#define READY_SECONDS	30
#define ANSWERS_MAX	8192
#define TIMER_VECTOR	0x51
/* The CPU that both are on, where the control is one of who gets how much of it. */
#define THE_CPU		1
#define OUR_CPU		0

enum { A, B, ROLES };
static const char * const role_names[] = { "a", "b" };
enum { PROCESS, GUEST, KINDS };
static const char * const kind_names[] = { "process", "guest" };
enum { SPIN, TIMER, MODES };
static const char * const mode_names[] = { "spin", "timer" };

/* What a subject and we both see. */
struct shared {
	atomic_bool ready;
	int error;		/* why the control could not be set */
	int vp_fd;
	u64 expiries;
	u64 answers;
	u64 late_ns[ANSWERS_MAX];
};

static struct shared *shared;	/* of each role */
static pid_t pids[ROLES];
static u32 rounds;		/* of the loop, for the work of a tick */
static bool has_cgroups;

struct control {
	const char *name;
	int (*set)(int role);	/* in the subject itself; NULL: nothing to do */
	bool free;		/* both are on any CPU */
	const char *file;	/* of the cgroup of each, and what is written to it */
	const char *values[ROLES];
};

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int set_nice(int role)
{
	errno = 0;
	if (role == A && nice(5) == -1 && errno)
		return -errno;
	return 0;
}

static int set_policy(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &param) ? -errno : 0;
}

static int set_idle(int role)
{
	return role == A ? set_policy(SCHED_IDLE, 0) : 0;
}

static int set_fifo(int role)
{
	return role == A ? set_policy(SCHED_FIFO, 1) : 0;
}

static int set_rr(int role)
{
	(void)role;
	return set_policy(SCHED_RR, 1);
}

/* Each a cookie of its own: they trust nobody on the same core. */
static int set_cookie(int role)
{
	(void)role;
	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0,
		     PR_SCHED_CORE_SCOPE_THREAD_GROUP, 0) ? -errno : 0;
}

static const struct control controls[] = {
	{ .name = "none", .free = true },
	{ .name = "cpu.max", .file = "cpu.max", .values = { "25000 100000", "max 100000" } },
	{ .name = "cpu.weight", .file = "cpu.weight", .values = { "25", "100" } },
	{ .name = "cpuset", .free = true, .file = "cpuset.cpus",
	  .values = { __stringify(THE_CPU), __stringify(THE_CPU) } },
	{ .name = "affinity" },
	{ .name = "nice", .set = set_nice },
	{ .name = "SCHED_IDLE", .set = set_idle },
	{ .name = "SCHED_FIFO", .set = set_fifo },
	{ .name = "SCHED_RR", .set = set_rr },
	{ .name = "core-cookie", .set = set_cookie, .free = true },
};

static u64 now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* The loop that the guests have, too. */
static void work(u32 count)
{
	asm volatile("1: dec %0\n"
		     "jnz 1b\n" : "+r" (count));
}

GUEST64(spin, "1: jmp 1b\n");

#define WRMSR(msr, value)						\
	"mov $" __stringify(msr) ", %ecx\n"				\
	"mov $" __stringify(value) ", %eax\n"				\
	"xor %edx, %edx\n"						\
	"wrmsr\n"

/* RBX: how much to work. What the interrupt does first is to say that it was taken. */
GUEST64(answer, GUEST_APIC_ON
	WRMSR(0x40000000, 0x100)	/* HV_X64_MSR_GUEST_OS_ID */
	WRMSR(0x400000b1, 100000)	/* HV_X64_MSR_STIMER0_COUNT, units of 100 ns */
	WRMSR(0x400000b0, 0x1003 + (TIMER_VECTOR << 4))
	"1: sti\n"
	"hlt\n"
	"cli\n"
	"mov %ebx, %ecx\n"
	"2: dec %ecx\n"
	"jnz 2b\n"
	"jmp 1b\n");

static const union hv_partition_synthetic_processor_features granted = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_synic_regs = 1,
	.access_synthetic_timer_regs = 1,
	.access_hypercall_regs = 1,
	.direct_synthetic_timers = 1,
};

static void __noreturn run_guest(struct shared *mine, int mode)
{
	static struct vm vm;
	static struct vp vp;
	u32 vector;
	int ret;

	if (vm_start_enlightened(&vm, granted.as_uint64[0]))
		_exit(2);
	vp_start(&vm, &vp, 0);
	vm_take_interrupts(&vm);
	vp_enter(&vp, GUEST_LONG, mode == TIMER ? &answer : &spin);
	vp_set(&vp, HV_X64_REGISTER_RBX, rounds);
	mine->vp_fd = vp.fd;
	mine->ready = true;
	for (;;) {
		ret = vp_run_to_port(&vp, PORT_IRQ, &vector);
		if (ret && ret != -EINTR)
			_exit(3);
	}
}

static void __noreturn run_process(struct shared *mine, int mode)
{
	struct itimerspec when = { .it_interval.tv_nsec = PERIOD_NS };
	u64 begin, due = 1, ticks;
	int fd;

	if (mode == SPIN) {
		mine->ready = true;
		for (;;)
			work(1 << 20);
	}
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	begin = now_ns(CLOCK_MONOTONIC);
	when.it_value.tv_sec = (begin + PERIOD_NS) / 1000000000;
	when.it_value.tv_nsec = (begin + PERIOD_NS) % 1000000000;
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL))
		_exit(2);
	mine->ready = true;
	for (;;) {
		if (read(fd, &ticks, sizeof(ticks)) != sizeof(ticks))
			_exit(3);
		/* Late by the first of those that it answers. */
		if (mine->answers < ANSWERS_MAX)
			mine->late_ns[mine->answers] = now_ns(CLOCK_MONOTONIC) - begin -
						       due * PERIOD_NS;
		due += ticks;
		mine->expiries += ticks;
		mine->answers++;
		work(rounds);
	}
}

static void start(const struct control *control, int kind, int mode, int role)
{
	struct shared *mine = &shared[role];
	cpu_set_t cpus;
	char path[64];

	memset(mine, 0, sizeof(*mine));
	mine->vp_fd = -1;
	pids[role] = fork();
	if (pids[role])
		return;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(THE_CPU, &cpus);
	if (control->free)
		CPU_SET(OUR_CPU, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		mine->error = -errno;
	/* Under the other controls both are tasks of one group: who is what counts there. */
	if (!mine->error && has_cgroups && (!control->set || control->free)) {
		snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", role_names[role]);
		mine->error = write_text(path, "0");
	}
	if (!mine->error && control->set)
		mine->error = control->set(role);
	if (mine->error) {
		mine->ready = true;
		_exit(1);
	}
	/* Of two the other spins. */
	if (role == B)
		mode = SPIN;
	if (kind == GUEST)
		run_guest(mine, mode);
	run_process(mine, mode);
}

static void stop(int role)
{
	if (pids[role] <= 0)
		return;
	kill(pids[role], SIGKILL);
	waitpid(pids[role], NULL, 0);
	pids[role] = 0;
}

/* Whether it has ended by itself, which none should. */
static bool has_ended(int role)
{
	if (pids[role] > 0 && waitpid(pids[role], NULL, WNOHANG) > 0)
		pids[role] = 0;
	return pids[role] <= 0;
}

static bool set_files(const struct control *control)
{
	char path[64];
	int role, ret;

	for (role = A; control->file && role < ROLES; role++) {
		snprintf(path, sizeof(path), CGROUPS "/%s/%s", role_names[role], control->file);
		ret = write_text(path, control->values[role]);
		if (ret) {
			printf("# failed %s: %s: %s\n", control->name, path, strerror(-ret));
			return false;
		}
	}
	return true;
}

/* A word of a file that follows another, as a number; 0: there is none. */
static unsigned long long number_after(const char *path, const char *name)
{
	char word[256];
	unsigned long long value = 0;
	FILE *file = fopen(path, "r");

	while (file && fscanf(file, "%255s", word) == 1)
		if (!strcmp(word, name) && fscanf(file, "%llu", &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

/* Field N of /proc/PID/stat, of those after the name. */
static unsigned long long stat_field(pid_t pid, int n)
{
	char path[64], line[1024] = "";
	const char *field;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	field = strrchr(line, ')');
	for (i = 2; field && i < n; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

/* All guests of this machine, clock ticks: fields 9 and 10 of the line "cpu". */
static unsigned long long stat_guests(void)
{
	unsigned long long values[10] = { };
	FILE *file = fopen("/proc/stat", "r");
	int i;

	if (!file)
		return 0;
	if (fscanf(file, "cpu") == EOF)
		values[0] = 0;
	for (i = 0; i < 10 && fscanf(file, "%llu", &values[i]) == 1; i++)
		;
	fclose(file);
	return values[8] + values[9];
}

static void take_sample(const char *what, int number)
{
	unsigned long long cpu;
	clockid_t clock;
	char path[64];
	int role;

	for (role = A; role < ROLES; role++) {
		pid_t pid = pids[role];

		cpu = clock_getcpuclockid(pid, &clock) ? 0 : now_ns(clock);
		printf("# sample %s %d %s", what, number, role_names[role]);
		printf(" clock=%llu cpu=%llu user=%llu system=%llu guest=%llu on=%llu",
		       (unsigned long long)now_ns(CLOCK_MONOTONIC), cpu, stat_field(pid, 14),
		       stat_field(pid, 15), stat_field(pid, 43), stat_field(pid, 39));
		snprintf(path, sizeof(path), CGROUPS "/%s/cpu.stat", role_names[role]);
		printf(" usage=%llu users=%llu", number_after(path, "usage_usec"),
		       number_after(path, "user_usec"));
		if (shared[role].vp_fd >= 0) {
			snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid,
				 shared[role].vp_fd);
			printf(" run=%llu all=%llu", number_after(path, "mshv-run-time-ns:"),
			       stat_guests());
		}
		printf("\n");
	}
}

/* membarrier() waits for a grace period in its slow form. */
static void show_grace(const char *what)
{
	u64 begin;
	int i;

	printf("# grace %s %d", what, GRACES);
	for (i = 0; i < GRACES; i++) {
		begin = now_ns(CLOCK_MONOTONIC);
		if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
			break;
		printf(" %llu", (unsigned long long)(now_ns(CLOCK_MONOTONIC) - begin) / 1000);
	}
	printf("\n");
}

static int compare(const void *one, const void *other)
{
	const u64 *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void show_answers(const char *what, const struct shared *mine, u64 answers, u64 expiries)
{
	static u64 late[ANSWERS_MAX];
	u64 last = min_t(u64, mine->answers, ANSWERS_MAX), count;

	count = last > answers ? last - answers : 0;
	memcpy(late, mine->late_ns + answers, count * sizeof(late[0]));
	qsort(late, count, sizeof(late[0]), compare);
	printf("# answers %s a count=%llu expiries=%llu", what, (unsigned long long)count,
	       (unsigned long long)(mine->expiries - expiries));
	if (count)
		printf(" p50=%llu p95=%llu max=%llu",
		       (unsigned long long)late[count / 2] / 1000,
		       (unsigned long long)late[count * 95 / 100] / 1000,
		       (unsigned long long)late[count - 1] / 1000);
	printf("\n");
}

/* Return: 0, or why there is no such window; 1: it failed, and that was said. */
static int make_window(const struct control *control, int kind, int mode, unsigned int seconds)
{
	u64 answers, expiries;
	char what[64];
	int role, i, ret = 0;

	snprintf(what, sizeof(what), "%s %s %s", control->name, kind_names[kind],
		 mode_names[mode]);
	for (role = A; role < ROLES && !ret; role++) {
		start(control, kind, mode, role);
		wait_seconds_until(READY_SECONDS, shared[role].ready || has_ended(role));
		if (!shared[role].ready) {
			printf("# failed %s: %s does not begin\n", what, role_names[role]);
			ret = 1;
		}
		ret = ret ?: shared[role].error;
	}
	if (!ret) {
		usleep(SETTLE_US);
		answers = shared[A].answers;
		expiries = shared[A].expiries;
		for (i = 0; i <= SAMPLES; i++) {
			if (i)
				usleep(seconds * 1000000ULL / SAMPLES);
			ask("times %s %d", what, i);
			take_sample(what, i);
		}
		show_grace(what);
		for (role = A; role < ROLES; role++) {
			if (!has_ended(role))
				continue;
			printf("# failed %s: %s has ended\n", what, role_names[role]);
			ret = 1;
		}
		if (kind == PROCESS && mode == TIMER)
			show_answers(what, &shared[A], answers, expiries);
	}
	for (role = A; role < ROLES; role++)
		stop(role);
	fflush(stdout);
	return ret;
}

/* The subjects of each control get groups of their own, as they were made. */
static bool make_groups(void)
{
	char path[64];
	int role, ret;

	for (role = A; has_cgroups && role < ROLES; role++) {
		snprintf(path, sizeof(path), CGROUPS "/%s", role_names[role]);
		rmdir(path);
		ret = mkdir(path, 0755) ? -errno : 0;
		if (ret) {
			printf("# failed: %s: %s\n", path, strerror(-ret));
			return false;
		}
	}
	return true;
}

static bool prepare(void)
{
	cpu_set_t cpus;
	u64 begin;
	int ret;

	if (!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) || errno == EBUSY) {
		ret = write_text(CGROUPS "/cgroup.subtree_control", "+cpu +cpuset");
		if (ret) {
			printf("# failed: no controllers: %s\n", strerror(-ret));
			return false;
		}
		has_cgroups = true;
	}
	shared = mmap(NULL, ROLES * sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;

	CPU_ZERO(&cpus);
	CPU_SET(OUR_CPU, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		printf("# failed: CPU 0: %s\n", strerror(errno));
		return false;
	}
	rounds = 1 << 16;
	do {
		rounds *= 2;
		begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
		work(rounds);
		begin = now_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
	} while (begin < WORK_NS && rounds < 1U << 30);
	rounds = rounds * WORK_NS / begin;
	printf("# work: %u rounds\n", rounds);
	return true;
}

/* Whether a list has a name; one that is empty has all. */
static bool has(char **list, const char *name)
{
	char **word;

	for (word = list; *word; word++)
		if (!strcmp(*word, name))
			return true;
	return !*list;
}

/* Return: whether all went well. */
static bool try_control(const struct control *control, unsigned int seconds, const char *only)
{
	int kind, mode, ret;

	if (control->file && !has_cgroups) {
		printf("# skip %s this kernel has no cgroups\n", control->name);
		return true;
	}
	if (!make_groups() || !set_files(control))
		return false;
	for (kind = PROCESS; kind < KINDS; kind++) {
		for (mode = SPIN; mode < MODES; mode++) {
			if (only && strcmp(only, mode_names[mode]))
				continue;
			ret = make_window(control, kind, mode, seconds);
			/* A machine without threads of cores has no such control. */
			if (ret == -ENODEV || ret == -EINVAL) {
				printf("# skip %s %s\n", control->name, strerror(-ret));
				return true;
			}
			if (ret < 0)
				printf("# failed %s: %s\n", control->name, strerror(-ret));
			if (ret)
				return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	unsigned int seconds, i;
	bool good = true;
	char **names;

	if (argc < 2 || iopl(3)) {
		fprintf(stderr, "usage: experiment SECONDS [CONTROL]..., as root\n");
		return 2;
	}
	seconds = strtoul(argv[1], NULL, 10);
	names = argv + 2;
	if (argc > 3 && !strcmp(argv[2], "-m")) {
		only = argv[3];
		names += 2;
	}
	if (!seconds || !is_ok(ask("mark experiment"))) {
		fprintf(stderr, "experiment: no time, or not under hvemu\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (!prepare())
		return 1;
	fflush(stdout);
	for (i = 0; i < ARRAY_SIZE(controls) && good; i++)
		if (has(names, controls[i].name))
			good = try_control(&controls[i], seconds, only);
	fflush(stdout);
	return !good;
}
