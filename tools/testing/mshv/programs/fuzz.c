// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations by chance on /dev/mshv, on the memory behind it, and on the hypervisor's
 * faults, by several threads at a time.
 *
 *	fuzz SECONDS SEED [FIRST[-LAST] [OPERATIONS]]
 *
 * Runs in an L1VH under hvemu. One episode follows another: a process with partitions
 * that work, and threads in it that do one operation after the other. What an operation
 * is, and what with, follows from the seed, the number of the episode and its own
 * number, and from nothing else. So operations can be left away, and the others stay
 * what they are. Only when each of them is done is left to chance, as the threads are
 * not held back.
 *
 * With FIRST, and LAST, it makes these episodes, again and again until the time is over,
 * and shows each operation; with OPERATIONS, a list like 3,64-70,130, those alone.
 * Operations of thread T have the numbers from 64 * T on; thread 0 is the one that asks
 * hvemu for faults, and takes a CPU away now and then.
 *
 * Ends with what was done, and what came of it:
 *
 *	# fuzz: MSHV_RUN_VP calls=N ok=N EINTR=N ...
 *	# fuzz: seed=N episodes=N operations=N ended=N killed=N failed=N crashed=N
 *
 * Exit status: 0; 1 if hardly anything was done; 3 if the kernel complained, the
 * hypervisor saw a violation, or a process could not be ended, with a line
 *
 *	# fuzz: failure seed=N episode=N: TEXT
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <linux/kernel.h>

#include "ask.h"
#include "complaint.h"
#include "fuzz.h"

#define THREADS		3
#define OPERATIONS	64
#define NUMBERS		((THREADS + 1) * OPERATIONS)

/*
 * An episode is over when its threads are, or when none of them gets any further, or in the
 * middle of it all. How fast they are says nothing: the machine may be a slow one.
 */
#define STANDSTILL_MS	3000
#define FURNISH_MS	120000
#define TICK_US		1500
#define KICK_US		2000

/* A process that is still there so long after SIGKILL stays for good. */
#define STUCK_SECONDS	100

/* What a process leaves is taken away by others, some of which wait. */
#define SETTLING_SECONDS	20

#define FAILED		3

struct fuzz_world world;

#define ERRNOS		134

static const char * const names[CALLS] = {
	[CALL_CREATE_PARTITION]	= "MSHV_CREATE_PARTITION",
	[CALL_INITIALIZE_PARTITION] = "MSHV_INITIALIZE_PARTITION",
	[CALL_CREATE_VP]	= "MSHV_CREATE_VP",
	[CALL_MAP_MEMORY]	= "MSHV_SET_GUEST_MEMORY(map)",
	[CALL_UNMAP_MEMORY]	= "MSHV_SET_GUEST_MEMORY(unmap)",
	[CALL_IRQFD]		= "MSHV_IRQFD",
	[CALL_IOEVENTFD]	= "MSHV_IOEVENTFD",
	[CALL_SET_MSI_ROUTING]	= "MSHV_SET_MSI_ROUTING",
	[CALL_ACCESS_BITMAP]	= "MSHV_GET_GPAP_ACCESS_BITMAP",
	[CALL_HVCALL_DEVICE]	= "MSHV_ROOT_HVCALL(device)",
	[CALL_HVCALL_PARTITION]	= "MSHV_ROOT_HVCALL(partition)",
	[CALL_HVCALL_VP]	= "MSHV_ROOT_HVCALL(vp)",
	[CALL_RUN_VP]		= "MSHV_RUN_VP",
	[CALL_GET_VP_STATE]	= "MSHV_GET_VP_STATE",
	[CALL_SET_VP_STATE]	= "MSHV_SET_VP_STATE",
	[CALL_ENTER_GUEST]	= "registers",
	[CALL_OTHER_IOCTL]	= "ioctl",
	[CALL_VP_MMAP]		= "mmap(vp)",
	[CALL_VP_MUNMAP]	= "munmap(vp)",
	[CALL_VP_PAGE]		= "write(vp-page)",
	[CALL_FDINFO]		= "fdinfo",
	[CALL_DEBUGFS]		= "debugfs",
	[CALL_PARAMETER]	= "halt_poll_ns",
	[CALL_CLOSE]		= "close",
	[CALL_EVENT]		= "eventfd",
	[CALL_AREA]		= "mmap",
	[CALL_MUNMAP]		= "munmap",
	[CALL_MPROTECT]		= "mprotect",
	[CALL_MADVISE]		= "madvise",
	[CALL_MREMAP]		= "mremap",
	[CALL_TOUCH]		= "touch",
	[CALL_FILE]		= "memfd",
	[CALL_USERFAULTFD]	= "userfaultfd",
	[CALL_FORK]		= "fork",
	[CALL_AFFINITY]		= "sched_setaffinity",
	[CALL_KICK]		= "kick",
	[CALL_FAULT]		= "fault",
	[CALL_HOTPLUG]		= "hotplug",
};

/* In memory that all processes share: [0] is success. */
static struct counts {
	atomic_ulong operations;
	atomic_ulong furnished;		/* episodes that have got so far */
	atomic_ulong calls[CALLS][ERRNOS];
} *counts;

static u64 seed;
static unsigned long number;		/* of the episode */
static bool shows;
/* Which operations are made. */
static bool chosen[NUMBERS];
static __thread unsigned int operation;

int fuzz_tried(enum fuzz_call call, int ret, const char *fmt, ...)
{
	int error = ret < 0 ? -ret : 0;
	char words[200];
	va_list args;

	counts->calls[call][error < ERRNOS ? error : ERRNOS - 1]++;
	if (shows) {
		va_start(args, fmt);
		vsnprintf(words, sizeof(words), fmt, args);
		va_end(args);
		printf("# fuzz: %3u %s %s = %s\n", operation, names[call], words,
		       error ? strerrorname_np(error) ?: "?" : "ok");
	}
	return ret;
}

/* What is drawn from here on is that of an operation, or of what the episode begins with. */
#define BEGINNING	NUMBERS

static void chance_for(unsigned int which)
{
	chance_begin(seed << 32 ^ number << 10 ^ which);
}

/* Begin an operation; false if it is none of those that are made. */
static bool begin(unsigned int which)
{
	operation = which;
	chance_for(which);
	if (!chosen[which])
		return false;
	counts->operations++;
	return true;
}

static void choose(const struct fuzz_operation *list, unsigned int total)
{
	unsigned int draw = chance(total);

	for (; list->run; list++) {
		if (draw < list->odds) {
			list->run();
			return;
		}
		draw -= list->odds;
	}
}

static unsigned int total_odds(const struct fuzz_operation *list)
{
	unsigned int total = 0;

	for (; list->run; list++)
		total += list->odds;
	return total;
}

static atomic_uint finished;

static void *work(void *argument)
{
	unsigned int thread = (uintptr_t)argument, i;
	unsigned int vmm = total_odds(fuzz_vmm_operations);
	unsigned int memory = total_odds(fuzz_memory_operations);

	for (i = 0; i < OPERATIONS; i++) {
		if (!begin(thread * OPERATIONS + i))
			continue;
		if (chance(vmm + memory) < vmm)
			choose(fuzz_vmm_operations, vmm);
		else
			choose(fuzz_memory_operations, memory);
	}
	finished++;
	return NULL;
}

static void on_signal(int signal)
{
}

static void __noreturn episode(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct rlimit no_core = { };
	pthread_t threads[THREADS];
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	sigaction(SIGUSR1, &action, NULL);
	/* What libc maps later could come where something else is to be. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	chance_for(BEGINNING);
	fuzz_furnish();
	counts->furnished++;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1)))
			abort();
	chance_for(BEGINNING);
	while (finished < THREADS) {
		usleep(KICK_US);
		pthread_kill(threads[chance(THREADS)], SIGUSR1);
		counts->calls[CALL_KICK][0]++;
	}
	/* All at once, or one after the other, in any order. */
	if (chance(2))
		_exit(0);
	for (i = 0; i < PARTITIONS; i++)
		close(world.partitions[chance(PARTITIONS)].fd);
	for (i = 0; i < VPS; i++)
		close(world.vps[chance(VPS)].fd);
	_exit(0);
}

static unsigned long ended, killed, failed, crashed;

/* Operations of thread 0. */
static void disturb(void)
{
	static const char cpu[] = "/sys/devices/system/cpu/cpu1/online";
	char text[80];
	int fd;

	if (chance(60)) {
		chance_fault(text, sizeof(text));
		fuzz_tried(CALL_FAULT, is_ok(ask("fault %s", text)) ? 0 : -EAGAIN, "%s", text);
		return;
	}
	fd = open(cpu, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	fuzz_tried(CALL_HOTPLUG, fuzz_errno(write(fd, "0", 1)), "offline");
	fuzz_tried(CALL_HOTPLUG, fuzz_errno(write(fd, "1", 1)), "online");
	close(fd);
}

/* What there was before an episode, and when it has got further last. */
static struct progress {
	unsigned long furnished;
	unsigned long begun;
	unsigned long made;
	u64 since;
} progress;

static void begin_progress(void)
{
	progress = (struct progress) {
		.furnished = counts->furnished,
		.begun = counts->operations,
		.made = counts->operations,
		.since = milliseconds(),
	};
}

/*
 * Whether an episode is to be ended now: it stands still, or has made as many operations
 * as it may.
 */
static bool is_over(u64 now, unsigned long most)
{
	if (progress.made != counts->operations) {
		progress.made = counts->operations;
		progress.since = now;
	}
	if (progress.furnished == counts->furnished)
		return now - progress.since > FURNISH_MS;
	return now - progress.since > STANDSTILL_MS || progress.made - progress.begun > most;
}

/* Operations of thread 0, in between. */
static void disturb_now_and_then(void)
{
	static unsigned long number_then = ~0UL;
	static unsigned int next, pause;

	if (number_then != number) {
		number_then = number;
		next = 0;
		pause = 0;
	}
	if (pause) {
		pause--;
	} else if (next < OPERATIONS && begin(next++)) {
		disturb();
		pause = chance(16);
	}
}

static const char *judge_end(int status)
{
	static char why[60];

	if (!WIFSIGNALED(status)) {
		ended++;
		return NULL;
	}
	switch (WTERMSIG(status)) {
	case SIGKILL:
		killed++;
		return NULL;
	case SIGABRT:
		failed++;
		return NULL;
	}
	crashed++;
	snprintf(why, sizeof(why), "a process crashed by signal %d", WTERMSIG(status));
	return why;
}

/* Why it is a failure; NULL if it is none. */
static const char *wait_for(pid_t pid, unsigned long most, bool faults)
{
	u64 kill_time = 0, now;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		now = milliseconds();
		if (!kill_time && is_over(now, most)) {
			kill(pid, SIGKILL);
			kill_time = now;
		}
		if (kill_time && now - kill_time > STUCK_SECONDS * 1000)
			return "a process does not end after SIGKILL";
		if (faults)
			disturb_now_and_then();
		usleep(TICK_US);
	}
	return judge_end(status);
}

static const char *make_episode(void)
{
	const char *why, *answer;
	unsigned long most;
	bool faults;
	pid_t pid;

	chance_for(BEGINNING);
	faults = chance(3);
	/* Half of them come to their own end, if they do. */
	most = chance(2) ? ~0UL : chance(NUMBERS);
	printf("# fuzz: episode %lu\n", number);
	ask("mark fuzz episode %lu", number);
	fflush(stdout);
	begin_progress();
	pid = fork();
	if (pid < 0) {
		perror("# fuzz: fork");
		exit(1);
	}
	if (!pid)
		episode();
	why = wait_for(pid, most, faults);
	ask("faults clear");
	if (why)
		return why;
	why = complaint_new();
	if (why)
		return why;
	if (!wait_seconds_until(SETTLING_SECONDS, !strcmp(ask("children"), "ok 0")))
		return "partitions are left that nobody has a file of";
	answer = ask("violations");
	return strcmp(answer, "ok 0") ? "the hypervisor has seen a violation" : NULL;
}

static bool choose_operations(char *list)
{
	unsigned long from, to;
	char *word, *end;

	for (word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		from = strtoul(word, &end, 10);
		to = *end == '-' ? strtoul(end + 1, &end, 10) : from;
		if (*end || to >= NUMBERS || from > to)
			return false;
		while (from <= to)
			chosen[from++] = true;
	}
	return true;
}

static void show_counts(unsigned long episodes)
{
	unsigned int call, error;

	for (call = 0; call < CALLS; call++) {
		unsigned long total = 0;

		for (error = 0; error < ERRNOS; error++)
			total += counts->calls[call][error];
		printf("# fuzz: %s calls=%lu ok=%lu", names[call], total, counts->calls[call][0]);
		for (error = 1; error < ERRNOS; error++)
			if (counts->calls[call][error])
				printf(" %s=%lu", strerrorname_np(error) ?: "other",
				       counts->calls[call][error]);
		putchar('\n');
	}
	printf("# fuzz: seed=%llu episodes=%lu operations=%lu", (unsigned long long)seed,
	       episodes, counts->operations);
	printf(" ended=%lu killed=%lu failed=%lu crashed=%lu\n", ended, killed, failed, crashed);
}

int main(int argc, char **argv)
{
	unsigned long first = 0, last = ~0UL, episodes = 0;
	const char *why = NULL;
	char *end;
	u64 stop;

	if (argc >= 4) {
		first = strtoul(argv[3], &end, 10);
		last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
		shows = true;
	}
	if (argc == 5 ? !choose_operations(argv[4]) : argc < 3 || argc > 5) {
		fprintf(stderr, "usage: fuzz SECONDS SEED [FIRST[-LAST] [OPERATIONS]]\n");
		return 2;
	}
	if (argc < 5)
		memset(chosen, true, sizeof(chosen));
	seed = strtoull(argv[2], NULL, 0);
	if (iopl(3) || complaint_open()) {
		fprintf(stderr, "fuzz: no ports, or no kernel log: %s\n", strerror(errno));
		return 2;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED) {
		perror("# fuzz: memory");
		return 1;
	}
	stop = milliseconds() + strtoul(argv[1], NULL, 0) * 1000;
	for (number = first; milliseconds() < stop; number = number < last ? number + 1 : first) {
		why = make_episode();
		episodes++;
		if (why)
			break;
	}
	if (why)
		printf("# fuzz: failure seed=%llu episode=%lu: %s\n", (unsigned long long)seed,
		       number, why);
	show_counts(episodes);
	if (why)
		return FAILED;
	/* Ten times as many are usual: with fewer, nothing was tried. */
	if (!shows && counts->operations < strtoul(argv[1], NULL, 0)) {
		printf("# fuzz: too few operations\n");
		return 1;
	}
	return 0;
}
