// SPDX-License-Identifier: GPL-2.0-only
/*
 * Partitions at random: created, run, killed and destroyed by several VMMs at a
 * time, while hypercalls fail, take long or end oddly, and scheduler messages are
 * lost, doubled, late or malformed.
 *
 *	soak SECONDS SEED
 *
 * Runs in an L1VH under hvemu, whose test port takes the faults. Ends with figures:
 *
 *	# soak: partitions=N vps=N ... statistics=N fallen=N
 *
 * Exit status: 0 if every VMM could be ended, none crashed, enough of them did
 * something, no statistics went backwards, and a partition works when all is over.
 * What the kernel has to say is for others to look at.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <linux/compiler.h>
#include <linux/kernel.h>

#include "ask.h"
#include "chance.h"
#include "guests.h"
#include "vm.h"

#define WORKERS		3
#define WORK_MAX_MS	400
#define VPS_MAX		8
#define OPERATIONS_MAX	40
#define PAUSE_MAX_US	10000
#define EXTRA_SIZE	LARGE_PAGE
#define IRQ_VECTOR	0x41

/* Between two looks at the VMMs; and how often one of them adds a fault. */
#define TICK_US		2000
#define FAULT_ODDS	25

/* Some time without faults in each round, so that things go well now and then. */
#define ROUND_MS	4000
#define CALM_MS		1000

/* Fewer partitions in a time, and it has tried nothing. Ten times as many is usual. */
#define SECONDS_PER_PARTITION	10
#define LONG_SECONDS		300

/* Ten times as long as VPs are polled for where that pays. */
#define POLL_MAX_NS	2000000

/* Between two looks at the statistics of all VMMs, each of which reads many files. */
#define WATCH_US	10000

/* Files of a VMM that are looked at, by number; numbers in the fdinfo of one. */
#define WATCH_FILES	64
#define WATCH_VALUES	128
#define WATCH_TEXT	8192

/* A VMM that is still there so long after SIGKILL stays for good. */
#define STUCK_SECONDS	60

/* What VMMs count, in memory that all share. */
static struct counts {
	atomic_ulong partitions;
	atomic_ulong vps;
	atomic_ulong runs;
	atomic_ulong orderly;

	/* Files whose statistics were read, and numbers that were less than before. */
	atomic_ulong statistics;
	atomic_ulong fallen;

	/*
	 * The VMMs that run, of which @started is never the same twice: a process ID
	 * may be. Written by the main program, read by the one that watches.
	 */
	struct {
		atomic_ulong started;
		atomic_int pid;
	} vmms[WORKERS];
} *counts;

/* A VMM and all it has. */
static struct vmm {
	struct vm vm;
	struct vp vps[VPS_MAX];
	struct runner runners[VPS_MAX];
	u32 nr_vps;
	unsigned char *extra;
	bool mapped;
	bool enlightened;
	int event;
} vmm;

/* Memory that is not there is tried again: it may come. */
static int again(struct runner *runner)
{
	counts->runs++;
	if (!vp_met_memory(runner->vp))
		return -EPROTO;
	usleep(100);
	return 0;
}

static void start_vp(u32 index)
{
	struct vp *vp = &vmm.vps[index];
	struct runner *runner = &vmm.runners[index];

	vp_start(&vmm.vm, vp, index);
	if (guest_enter(vp, vmm.enlightened))
		abort();
	counts->vps++;
	runner->exit = again;
	runner_start(runner, vp);
}

static void start_vmm(void)
{
	unsigned int count = chance(8) ? 1 + chance(3) : VPS_MAX;

	vmm.enlightened = chance(2) && !vm_start_enlightened(&vmm.vm, granted.as_uint64[0]);
	if (!vmm.enlightened)
		vm_start(&vmm.vm, VM_DEFAULT);
	counts->partitions++;
	vmm.extra = memory_get(EXTRA_SIZE);
	vmm.event = -1;
	guests_load(&vmm.vm);
	for (; vmm.nr_vps < count; vmm.nr_vps++)
		start_vp(vmm.nr_vps);
}

static void map_or_unmap(void)
{
	int ret = vmm.mapped ?
		vm_unmap(&vmm.vm, GUEST_FREE, vmm.extra, EXTRA_SIZE) :
		vm_map(&vmm.vm, GUEST_FREE, vmm.extra, EXTRA_SIZE, MAP_RWX);

	if (!ret)
		vmm.mapped = !vmm.mapped;
}

/* An eventfd that raises an interrupt at VP 0. */
static void add_irqfd(void)
{
	struct {
		struct mshv_user_irq_table head;
		struct mshv_user_irq_entry entry;
	} table = {
		.head.nr = 1,
		.entry = { .gsi = 0, .address_lo = APIC_BASE, .data = IRQ_VECTOR },
	};
	struct mshv_user_irqfd irqfd = { .gsi = 0 };

	vmm.event = eventfd(0, EFD_CLOEXEC);
	irqfd.fd = vmm.event;
	mshv_ioctl(vmm.vm.fd, MSHV_SET_MSI_ROUTING, &table);
	mshv_ioctl(vmm.vm.fd, MSHV_IRQFD, &irqfd);
}

/* How long threads of halted VPs poll, of all VMMs; a driver that does not is none. */
static void set_polling(void)
{
	FILE *file = fopen("/sys/module/mshv_root/parameters/halt_poll_ns", "we");

	if (!file)
		return;
	fprintf(file, "%u", chance(2) ? chance(POLL_MAX_NS) : 0);
	fclose(file);
}

static void operate(void)
{
	u64 value = 1, one = 1;
	u16 status;

	switch (chance(10)) {
	case 0:
	case 1:
		vm_assert(&vmm.vm, HV_X64_INTERRUPT_TYPE_FIXED, chance(vmm.nr_vps),
			  32 + chance(224));
		break;
	case 2:
		pthread_kill(vmm.runners[chance(vmm.nr_vps)].thread, KICK_SIGNAL);
		break;
	case 3:
	case 4:
		map_or_unmap();
		break;
	case 5:
		madvise(vmm.extra, EXTRA_SIZE, MADV_DONTNEED);
		break;
	case 6:
		if (vmm.event < 0)
			add_irqfd();
		else if (write(vmm.event, &one, sizeof(one)) < 0)
			abort();
		break;
	case 7:
		hv_get_property(vmm.vm.fd, HV_PARTITION_PROPERTY_REFERENCE_TIME, &value,
				&status);
		break;
	case 8:
		if (vmm.nr_vps < VPS_MAX)
			start_vp(vmm.nr_vps++);
		break;
	case 9:
		set_polling();
		break;
	}
}

static void end_orderly(bool partition_first)
{
	u32 i;

	if (partition_first) {
		close(vmm.vm.fd);
		vmm.vm.fd = -1;
	}
	for (i = 0; i < vmm.nr_vps; i++) {
		runner_stop(&vmm.runners[i]);
		counts->runs += vmm.runners[i].reports + vmm.runners[i].signals;
		vp_stop(&vmm.vps[i]);
	}
	vm_stop(&vmm.vm);
	counts->orderly++;
	_exit(0);
}

/*
 * What fails for a fault ends the VMM by SIGABRT, wherever it has got to: one more
 * way for a VMM to die.
 */
static void __noreturn work(u32 seed)
{
	const struct rlimit no_core = { };
	u32 operations;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	/* What failed is of no interest: it was made to. */
	if (!freopen("/dev/null", "w", stderr))
		abort();
	chance_begin(seed);
	start_vmm();
	for (operations = chance(OPERATIONS_MAX); operations; operations--) {
		operate();
		usleep(chance(PAUSE_MAX_US));
	}
	switch (chance(4)) {
	case 0:
		/* With VPs that run. */
		_exit(0);
	case 1:
		raise(SIGKILL);
		break;
	default:
		end_orderly(chance(2));
	}
	abort();
}

/*
 * The statistics of the VMMs, read as an operator's tool does it: from /proc, by
 * another process, while VPs come, run and go. None may ever become less.
 */
static struct watched {
	unsigned long started;
	struct watched_file {
		unsigned long long values[WATCH_VALUES];
		unsigned int count;
	} files[WATCH_FILES];
} watched[WORKERS];

/* The numbers of all lines that are the driver's, in order; how many there are. */
static unsigned int read_values(const char *text, unsigned long long *values)
{
	unsigned int count = 0;
	const char *line;
	char *end;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "mshv-", 5))
			continue;
		line += strcspn(line, ":\n");
		for (; *line && *line != '\n' && count < WATCH_VALUES; line = end) {
			while (*line == ':' || isblank(*line))
				line++;
			if (!isdigit(*line))
				break;
			values[count++] = strtoull(line, &end, 10);
		}
	}
	return count;
}

static bool read_text(int folder, const char *name, char *text, size_t size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while ((got = read(fd, text + len, size - 1 - len)) > 0)
		len += got;
	close(fd);
	text[len] = '\0';
	return !got;
}

/* The first number is the partition's: with another one, this is another file. */
static void watch_file(struct watched_file *file, int folder, const char *name)
{
	char text[WATCH_TEXT];
	unsigned long long values[WATCH_VALUES];
	unsigned int count, i;

	/* The VMM may close it at any time, or end. */
	if (!read_text(folder, name, text, sizeof(text)))
		return;
	count = read_values(text, values);
	if (!count)
		return;
	counts->statistics++;
	if (count == file->count && values[0] == file->values[0])
		for (i = 0; i < count; i++) {
			if (values[i] >= file->values[i])
				continue;
			counts->fallen++;
			dprintf(STDOUT_FILENO,
				"# soak: file %s: number %u was %llu and is %llu\n%s", name,
				i, file->values[i], values[i], text);
		}
	file->count = count;
	memcpy(file->values, values, sizeof(values));
}

static void watch_vmm(struct watched *vmm, int pid)
{
	const struct dirent *entry;
	unsigned long number;
	char path[40];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		number = strtoul(entry->d_name, NULL, 10);
		if (isdigit(entry->d_name[0]) && number < WATCH_FILES)
			watch_file(&vmm->files[number], dirfd(folder), entry->d_name);
	}
	closedir(folder);
}

/* A process of its own. */
static void __noreturn watch(void)
{
	unsigned long started;
	unsigned int i;
	int pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; usleep(WATCH_US))
		for (i = 0; i < WORKERS; i++) {
			pid = counts->vmms[i].pid;
			started = counts->vmms[i].started;
			if (!pid)
				continue;
			if (watched[i].started != started)
				watched[i] = (struct watched) { .started = started };
			watch_vmm(&watched[i], pid);
		}
}

static unsigned long faults, applied;

static void clear_faults(void)
{
	const char *answer = ask("faults clear");

	if (is_ok(answer))
		applied += strtoul(answer + 3, NULL, 10);
}

static void add_fault(void)
{
	const char *answer;
	char text[80];

	chance_fault(text, sizeof(text));
	answer = ask("fault %s", text);
	if (is_ok(answer)) {
		faults++;
	} else if (strstr(answer, "too many")) {
		clear_faults();
	} else {
		printf("# soak: fault %s: %s\n", text, answer);
		exit(1);
	}
}

static struct worker {
	pid_t pid;
	u64 killed;		/* when; 0: it was not */
	u64 kill_at;
} workers[WORKERS];

static unsigned long ended, killed, failed, crashed;

static void start_worker(struct worker *worker, u64 now)
{
	u32 seed = 1 + chance(UINT32_MAX - 1);

	*worker = (struct worker) { .kill_at = now + chance(WORK_MAX_MS) };
	/* Half of them may come to their own end, if they do. */
	if (chance(2))
		worker->kill_at += STUCK_SECONDS * 1000 / 4;
	fflush(stdout);
	worker->pid = fork();
	if (worker->pid < 0) {
		perror("# soak: fork");
		exit(1);
	}
	if (!worker->pid)
		work(seed);
	counts->vmms[worker - workers].started++;
	counts->vmms[worker - workers].pid = worker->pid;
}

/* Whether a slot is free; kills who is due. */
static bool look_after(struct worker *worker, u64 now)
{
	int status;

	if (!worker->pid)
		return true;
	if (waitpid(worker->pid, &status, WNOHANG) == worker->pid) {
		counts->vmms[worker - workers].pid = 0;
		worker->pid = 0;
		if (worker->killed)
			killed++;
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
			failed++;
		else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			crashed++;
		else
			ended++;
		return true;
	}
	if (!worker->killed && now >= worker->kill_at) {
		kill(worker->pid, SIGKILL);
		worker->killed = now;
	}
	if (worker->killed && now - worker->killed > STUCK_SECONDS * 1000) {
		printf("# soak: a VMM does not end, %d seconds after SIGKILL\n", STUCK_SECONDS);
		exit(1);
	}
	return false;
}

static void end_workers(void)
{
	bool all_free;
	u32 i;

	for (i = 0; i < WORKERS; i++)
		workers[i].kill_at = 0;
	do {
		all_free = true;
		for (i = 0; i < WORKERS; i++)
			all_free &= look_after(&workers[i], milliseconds());
		usleep(TICK_US);
	} while (!all_free);
}

/* In a process of its own, which may fail as it likes. */
static bool partition_works(void)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(vm_works() != 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

static pid_t start_watch(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("# soak: fork");
		exit(1);
	}
	if (!pid)
		watch();
	return pid;
}

static void run_soak(long seconds)
{
	u64 start = milliseconds(), now;
	pid_t watcher = start_watch();
	u32 i;

	for (now = start; now < start + seconds * 1000ULL; now = milliseconds()) {
		for (i = 0; i < WORKERS; i++)
			if (look_after(&workers[i], now))
				start_worker(&workers[i], now);
		if ((now - start) % ROUND_MS < CALM_MS)
			clear_faults();
		else if (!chance(FAULT_ODDS))
			add_fault();
		usleep(TICK_US);
	}
	end_workers();
	clear_faults();
	/* It may hold the last reference to a file of a VMM that has ended. */
	kill(watcher, SIGKILL);
	if (waitpid(watcher, NULL, 0) != watcher) {
		perror("# soak: the reader of statistics");
		exit(1);
	}
}

/* Whether partitions came, ran and were watched; in a long time, in every way and with faults. */
static bool was_busy(unsigned long seconds)
{
	if (counts->partitions < seconds / SECONDS_PER_PARTITION ||
	    counts->statistics < seconds / SECONDS_PER_PARTITION ||
	    counts->runs <= counts->partitions || crashed)
		return false;
	return seconds < LONG_SECONDS || (counts->orderly && killed && faults && applied);
}

int main(int argc, char **argv)
{
	bool works, busy;

	if (argc != 3 || iopl(3)) {
		fprintf(stderr, "usage: soak SECONDS SEED (in an L1VH under hvemu)\n");
		return 2;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED) {
		perror("# soak: memory");
		return 1;
	}
	chance_begin(strtoul(argv[2], NULL, 0));
	run_soak(strtol(argv[1], NULL, 0));
	works = partition_works();
	printf("# soak: seed=%s partitions=%lu vps=%lu intercepts=%lu", argv[2],
	       counts->partitions, counts->vps, counts->runs);
	busy = was_busy(strtol(argv[1], NULL, 0));
	printf(" ended=%lu orderly=%lu killed=%lu failed=%lu crashed=%lu", ended,
	       counts->orderly, killed, failed, crashed);
	printf(" faults=%lu applied=%lu works=%s busy=%s", faults, applied,
	       works ? "yes" : "no", busy ? "yes" : "no");
	printf(" statistics=%lu fallen=%lu\n", counts->statistics, counts->fallen);
	return !works || !busy || counts->fallen;
}
