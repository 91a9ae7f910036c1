// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of the kernel under test, inside the emulated partition.
 *
 * Looks at what the driver did and reports it on the console in KTAP, then
 * powers off. The kernel command line says what to do:
 *
 *	do=decide	what did the driver find and choose? (default)
 *	do=reload	load and unload the module, COUNT times
 *	do=faults	load and unload it with each of FAULTS failing, with each
 *			status there is; FAULTS is a list "CODE:SELECTOR@N,..."
 *	do=messages	make the SynIC deliver messages and doorbells
 *	do=race		open the device again and again while the module is loaded,
 *			which must fail, unless device=comes
 *	do=shell	a shell, if the initramfs has one
 *	do=violate	break the protocol; do=leave: leave a SynIC enabled; do=panic,
 *			do=hang: for tests of hvemu itself
 *
 *	expect=WORD	the decision line must begin like this; "none": there must
 *			be no /dev/mshv; absent: anything goes
 *	cpus=N		so many CPUs must be online
 *	x2apic_mode=N	the local APIC must be (1) or not be (0) in x2APIC mode
 *
 * With a module in the initramfs (/mshv_root.ko), that is loaded; else the
 * driver is built in.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <hyperv/hvgdk_mini.h>

#include "hv_more.h"
#include "names.h"

#define MODULE		"/mshv_root.ko"
#define DEVICE		"/dev/mshv"
#define STATISTICS	"/sys/kernel/debug/mshv"
#define NO_MSR		0x40000fff
#define DOORBELLS	200
#define APIC_BASE	0x1b
#define APIC_BASE_X2APIC	BIT(10)

static int tests, failures;
static int kmsg = -1;

/*
 * What the kernel's log has had since a case began: the last decision, how many
 * there were, and the first complaint.
 */
static char decision[256];
static char complaint[256];
static int decisions;

static void begin_case(void)
{
	decisions = 0;
	decision[0] = '\0';
	complaint[0] = '\0';
}

static void __printf(2, 3) test(bool ok, const char *fmt, ...)
{
	va_list args;

	tests++;
	failures += !ok;
	printf("%sok %d ", ok ? "" : "not ", tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* The hypervisor's answer to a line written to the test port. */
__printf(1, 2)
static const char *ask(const char *fmt, ...)
{
	static char answer[8192];
	char line[512];
	va_list args;
	size_t used = 0;
	int length;
	char byte;

	va_start(args, fmt);
	length = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (length >= (int)sizeof(line) - 1)
		return "error too long";
	line[length++] = '\n';

	/* glibc's outsb() does not tell the compiler that it reads memory. */
	__asm__ __volatile__("" : : : "memory");
	outsb(HVEMU_PORT_TEST, line, length);
	do {
		byte = inb(HVEMU_PORT_TEST);
		answer[used++] = byte;
	} while (byte && used < sizeof(answer) - 1);
	answer[used] = '\0';
	return answer;
}

static bool is_ok(const char *answer)
{
	return !strcmp(answer, "ok") || !strncmp(answer, "ok ", 3);
}

/* What a kernel prints when something is wrong. */
static bool complains(const char *line)
{
	static const char * const words[] = {
		"BUG: ", "WARNING: ", "Oops", "general protection fault",
		"Kernel panic", "INFO: ", "unchecked MSR", "UBSAN: ", "KASAN: ",
		"KCSAN: ", "detected stall", "at module unload", "refcount_t: ",
		NULL,
	};
	const char * const *word;

	for (word = words; *word; word++)
		if (strstr(line, *word))
			return true;
	return false;
}

/* The driver tells who dispatches VPs, or why it will not guess. */
static bool is_decision(const char *text)
{
	/* The last is the base kernel's line. */
	return strstr(text, "dispatches VPs") || strstr(text, "not loading") ||
	       strstr(text, "Hypervisor using");
}

/* Read on in the kernel's log, and show what the driver said there. */
static void read_log(void)
{
	char record[8192], *text, *end;
	ssize_t size;

	while ((size = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (size <= 0)
			continue;
		record[size] = '\0';
		text = strchr(record, ';');
		if (!text++)
			continue;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (is_decision(text)) {
			snprintf(decision, sizeof(decision), "%s", text);
			decisions++;
			printf("# decision: %s\n", text);
		} else if (complains(text)) {
			if (!complaint[0])
				snprintf(complaint, sizeof(complaint), "%s", text);
			printf("# complaint: %s\n", text);
		} else if (strstr(text, "mshv") || strstr(text, "Hyper-V")) {
			printf("# kernel: %s\n", text);
		}
	}
}

/* Returns 0 or a negative errno. */
static int load(void)
{
	int fd, ret;

	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "mshv_root", 0) ? -errno : 0;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* The last value of a counter in a statistics file, 0 if it has none. */
static unsigned long long read_counter(const char *path, const char *counter, bool *readable)
{
	unsigned long long value = 0;
	char line[256], *colon;
	FILE *file;

	file = fopen(path, "r");
	*readable = file;
	while (file && fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (colon && !strncmp(line, counter, strlen(counter)))
			value = strtoull(colon + 1, NULL, 10);
	}
	if (file) {
		*readable = !ferror(file);
		fclose(file);
	}
	return value;
}

/*
 * Read every file below a folder. Returns in how many a counter is not 0, or -1
 * if something cannot be read.
 */
static int count_counters(const char *folder, const char *counter)
{
	struct dirent *entry;
	char path[512];
	bool readable;
	int found = 0;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return -1;
	while (found >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR) {
			int more = count_counters(path, counter);

			found = more < 0 ? -1 : found + more;
		} else {
			found += read_counter(path, counter, &readable) > 0;
			if (!readable)
				found = -1;
		}
	}
	closedir(dir);
	return found;
}

static bool decision_begins_like(const char *expect)
{
	const char *text = strstr(decision, "mshv: ");

	text = text ? text + strlen("mshv: ") : decision;
	return !strncmp(text, expect, strlen(expect));
}

static void test_decision(const char *expect)
{
	bool refuse = !strcmp(expect, "none");

	/* For a look at a kernel of which nothing is expected. */
	if (!*expect)
		return;
	test(decisions == 1, "the driver has told its decision once # %d times", decisions);
	test(exists(DEVICE) == !refuse, "%s is %sthere", DEVICE, refuse ? "not " : "");
	if (refuse)
		test(decision_begins_like("not loading"), "the driver refuses, and says why");
	else
		test(decision_begins_like(expect), "the decision is: %s", expect);
}

static void do_decide(const char *expect)
{
	int error = 0, counted;

	if (exists(MODULE))
		error = load();
	read_log();
	if (error)
		printf("# load: %s\n", strerror(-error));
	printf("# device: %s\n", exists(DEVICE) ? "yes" : "no");
	test_decision(expect);
	if (exists(DEVICE)) {
		int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

		test(fd >= 0, "%s can be opened", DEVICE);
		if (fd >= 0)
			close(fd);
		/* Calls were made, so hvemu has counted some on one VP at least. */
		counted = count_counters(STATISTICS, "VpHypercallsCount");
		test(counted > 0, "statistics are what the hypervisor has counted # %d VPs",
		     counted);
	} else {
		const char *quiet = ask("quiet");

		test(is_ok(quiet), "nothing of the driver is left # %s", quiet);
	}
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

#define SITES_MAX	4096

/* How much each call site of the kernel holds. */
struct sites {
	int count;
	struct {
		char name[160];
		unsigned long calls;
	} site[SITES_MAX];
};

/* Their memory must be there beforehand, or it would be seen as lost. */
static struct sites before, after;

static void read_sites(struct sites *sites)
{
	unsigned long bytes;
	char line[512];
	FILE *file;

	memset(sites, 0, sizeof(*sites));
	file = fopen("/proc/allocinfo", "r");
	while (file && fgets(line, sizeof(line), file) && sites->count < SITES_MAX) {
		/* Pages of the allocator, whose objects are counted elsewhere. */
		if (strstr(line, "accurate:no"))
			continue;
		if (sscanf(line, "%lu %lu %159[^\n]", &bytes,
			   &sites->site[sites->count].calls,
			   sites->site[sites->count].name) == 3)
			sites->count++;
	}
	if (file)
		fclose(file);
}

/* Whether there is anything to compare: all of it, and counted. */
static bool sites_are_good(const struct sites *sites)
{
	unsigned long calls = 0;
	int i;

	for (i = 0; i < sites->count; i++)
		calls += sites->site[i].calls;
	return calls && sites->count < SITES_MAX;
}

/* How many sites hold so many allocations more. Names each. */
static int grown(unsigned long by)
{
	int i, j, found = 0;

	for (i = 0; i < after.count; i++) {
		for (j = 0; j < before.count; j++)
			if (!strcmp(before.site[j].name, after.site[i].name))
				break;
		if (j == before.count || after.site[i].calls < before.site[j].calls + by)
			continue;
		printf("# leak: %s: %lu allocations, then %lu\n", after.site[i].name,
		       before.site[j].calls, after.site[i].calls);
		found++;
	}
	return found;
}

static void do_reload(int count)
{
	char synic[8192];
	int i, error;

	memset(&before, 1, sizeof(before));
	memset(&after, 1, sizeof(after));
	snprintf(synic, sizeof(synic), "%s", ask("synic"));
	for (i = 1; i <= count; i++) {
		bool loaded, same, quiet;

		begin_case();
		ask("mark load %d", i);
		error = load();
		loaded = !error && exists(DEVICE);
		ask("mark unload %d", i);
		error = error ?: unload();
		read_log();
		same = !strcmp(synic, ask("synic"));
		quiet = is_ok(ask("quiet"));
		test(loaded && !error && same && quiet && !complaint[0],
		     "load and unload %d # %s%s%s%s%s", i,
		     loaded ? "" : "no device; ", error ? strerror(-error) : "",
		     same ? "" : "; SynIC state not put back",
		     quiet ? "" : "; the hypervisor is not quiet", complaint);
		/* The first rounds may leave caches behind. */
		if (i == 2)
			read_sites(&before);
	}
	/* What is freed after a grace period is freed by then. */
	sleep(1);
	read_sites(&after);
	test(count > 3 && sites_are_good(&before) && sites_are_good(&after),
	     "memory is accounted for # %d call sites", after.count);
	test(!grown(count - 2), "no memory is lost");
}

/* The two statuses by which an old hypervisor has no capabilities. */
static bool means_not_known(const char *target, const char *status)
{
	return strstr(target, "0x101:0x90007@") &&
	       (!strcmp(status, "INVALID_HYPERCALL_CODE") ||
		!strcmp(status, "UNKNOWN_PROPERTY"));
}

/*
 * Whether the driver must come up although one call failed: where the failure
 * has a meaning (no capabilities), where it is to deposit memory and ask again,
 * and where it is already going down.
 */
static bool must_load(const char *target, const char *status)
{
	bool memory = !strcmp(status, "INSUFFICIENT_MEMORY") ||
		      !strcmp(status, "INSUFFICIENT_CONTIGUOUS_MEMORY");

	if (!strncmp(target, "0x6d:", 5) || means_not_known(target, status))
		return true;
	return memory && (!strncmp(target, "0x131:", 6) || !strncmp(target, "0x6c:", 5));
}

/* What is wrong with how the driver came up, or did not; "" if nothing is. */
static const char *judge_load(const char *target, const char *status,
			      const char *expect, bool loaded)
{
	if (loaded != exists(DEVICE))
		return "module and device do not agree";
	if (loaded != must_load(target, status))
		return loaded ? "it must refuse" : "it must load";
	if (means_not_known(target, status))
		expect = "core scheduler";
	if (loaded && !decision_begins_like(expect))
		return "the decision is wrong";
	/* A question that was not answered leaves no decision, and says so. */
	if (!loaded && !strncmp(target, "0x101:", 6) && !decision_begins_like("not loading"))
		return "it does not say why";
	return "";
}

/*
 * One target failing with one status, in one load and unload. Nothing of the
 * driver's may be left, but for the page whose unmapping has failed: about that
 * nothing can be done.
 */
static void fail_once(const char *target, const struct name *status, const char *expect)
{
	bool loaded, page_stays = !strncmp(target, "0x6d:", 5);
	const char *at = strchr(target, '@');
	const char *wrong, *quiet;

	begin_case();
	ask("mark %s %s", target, status->name);
	if (!is_ok(ask("fault %.*s=0x%x%s", (int)(at - target), target,
		       status->number, at)))
		test(false, "the fault %s is taken", target);
	loaded = !load();
	read_log();
	wrong = judge_load(target, status->name, expect, loaded);
	if (loaded && unload() && !*wrong)
		wrong = "it cannot be unloaded";
	read_log();

	quiet = ask("quiet");
	if (!*wrong && page_stays && !strstr(quiet, "error 1 statistics pages are mapped"))
		wrong = "not just one page is left";
	if (!*wrong && !page_stays && !is_ok(quiet))
		wrong = "the hypervisor is not quiet";
	/* From the start again, deposits included. */
	ask("forget");
	if (!is_ok(ask("quiet")) && !*wrong)
		wrong = "the SynIC is not put back";
	if (!strcmp(ask("faults clear"), "ok 0"))
		wrong = "the call was not made";
	test(!*wrong && !complaint[0], "%s %s: %s # %s %s", target, status->name,
	     loaded ? "loads" : "refuses", wrong, complaint);
}

static void do_faults(char *targets, const char *expect)
{
	const struct name *status;
	char *target;

	for (target = strtok(targets, ","); target; target = strtok(NULL, ","))
		for (status = status_names; status->name; status++)
			if (status->number)
				fail_once(target, status, expect);
}

static unsigned long count_interrupts(void)
{
	unsigned long sum = 0, value;
	char line[1024], *at, *end;
	FILE *file;

	file = fopen("/proc/interrupts", "r");
	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, "HYP:");
		if (!at)
			continue;
		for (at += 4; ; at = end) {
			value = strtoul(at, &end, 10);
			if (end == at)
				break;
			sum += value;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

/* How many messages wait for a slot of VP 0. */
static int count_waiting(void)
{
	const char *text = strstr(ask("synic"), "waiting=");

	return text ? atoi(text + strlen("waiting=")) : -1;
}

/*
 * Nothing here has partitions yet, so the driver looks for one that is not
 * there, and must free the slot for the next message, and the ring for the next
 * doorbell.
 */
static void do_messages(void)
{
	unsigned long before, taken;
	int i;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);

	/* Five at once: the first takes the slot, the others wait for EOM. */
	before = count_interrupts();
	taken = is_ok(ask("message 0 5 0x80000101 0x100000000 42"));
	usleep(200000);
	test(taken && !count_waiting() && count_interrupts() >= before + 5,
	     "five scheduler messages, each delivered # %d wait, %lu interrupts",
	     count_waiting(), count_interrupts() - before);

	/* More than a ring holds, so that it must be drained. */
	before = count_interrupts();
	for (taken = 0, i = 0; i < DOORBELLS; i++) {
		taken += is_ok(ask("ring 0 %d", i + 1));
		if (i % 20 == 19)
			usleep(20000);
	}
	test(taken == DOORBELLS && count_interrupts() > before,
	     "%d doorbells, none finds the ring full # %lu", DOORBELLS, taken);

	test(!unload() && is_ok(ask("quiet")), "nothing waits after unloading");
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * A driver that refuses must not have shown its device: whoever opened it would
 * hold on to a module that goes away.
 */
static void do_race(bool device_comes)
{
	unsigned int *tries, before;
	int ends[2], opened, error;
	char seen = 0;
	pid_t child;

	tries = mmap(NULL, sizeof(*tries), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tries == MAP_FAILED || pipe2(ends, O_NONBLOCK))
		return test(false, "memory and a pipe");
	child = fork();
	if (child < 0)
		return test(false, "a second process");
	if (!child) {
		do {
			opened = open(DEVICE, O_RDWR);
			(*tries)++;
		} while (opened < 0);
		if (write(ends[1], "!", 1) != 1)
			_exit(1);
		/* Long enough for the module to be gone. */
		sleep(2);
		close(opened);
		_exit(0);
	}
	usleep(50000);
	before = *tries;
	error = load();
	usleep(100000);
	test(*tries > before, "it was tried all the while # %u times", *tries - before);
	if (read(ends[0], &seen, 1) < 0)
		seen = 0;
	read_log();
	if (device_comes) {
		test(!error && seen, "the driver loads, and the device is opened");
	} else {
		test(error && decision_begins_like("not loading"), "the driver refuses to load");
		test(!seen, "nobody could open %s meanwhile", DEVICE);
	}
	if (!seen)
		kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

static bool read_msr(unsigned int msr, unsigned long long *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, value, sizeof(*value), msr) == sizeof(*value);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_msr(unsigned int msr, unsigned long long value)
{
	int fd = open("/dev/cpu/0/msr", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pwrite(fd, &value, sizeof(value), msr) == sizeof(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void do_violate(void)
{
	test(!write_msr(NO_MSR, 1), "an MSR that does not exist gives #GP");
	test(!strcmp(ask("violations"), "ok 1"), "hvemu has noticed");
}

static void do_leave(void)
{
	test(write_msr(HV_X64_MSR_SCONTROL, 1), "a SynIC is enabled");
}

static void do_panic(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	write(fd, "c", 1);
	test(false, "the kernel panics");
}

static void do_shell(void)
{
	if (exists(MODULE))
		load();
	read_log();
	printf("# a shell; \"exit\" powers off\n");
	fflush(stdout);
	if (!fork()) {
		/* A terminal of its own, so that Ctrl-C reaches what it runs. */
		int terminal;

		setsid();
		terminal = open("/dev/ttyS0", O_RDWR);
		ioctl(terminal, TIOCSCTTY, 0);
		dup2(terminal, STDIN_FILENO);
		dup2(terminal, STDOUT_FILENO);
		dup2(terminal, STDERR_FILENO);
		execl("/bin/busybox", "sh", "-l", NULL);
		printf("# there is no shell in this initramfs\n");
		exit(1);
	}
	while (wait(NULL) < 0 && errno == EINTR)
		;
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

int main(void)
{
	const char *what, *expect, *mode;
	unsigned long long apic;
	int cpus;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || iopl(3)) {
		printf("Bail out! no kernel log, or no ports\n");
		reboot(RB_AUTOBOOT);
	}

	what = setting("do", "decide");
	expect = setting("expect", "");
	cpus = atoi(setting("cpus", "0"));
	printf("KTAP version 1\n");
	if (cpus)
		test(sysconf(_SC_NPROCESSORS_ONLN) == cpus, "%d CPUs are online", cpus);

	mode = setting("x2apic_mode", "");
	if (*mode)
		test(read_msr(APIC_BASE, &apic) && !!(apic & APIC_BASE_X2APIC) == atoi(mode),
		     "the APIC is in %s mode", atoi(mode) ? "x2APIC" : "xAPIC");

	if (!strcmp(what, "decide"))
		do_decide(expect);
	else if (!strcmp(what, "race"))
		do_race(!strcmp(setting("device", ""), "comes"));
	else if (!strcmp(what, "violate"))
		do_violate();
	else if (!strcmp(what, "leave"))
		do_leave();
	else if (!strcmp(what, "panic"))
		do_panic();
	else if (!strcmp(what, "hang"))
		pause();
	else if (!strcmp(what, "reload"))
		do_reload(atoi(setting("count", "10")));
	else if (!strcmp(what, "faults"))
		do_faults(strdup(setting("faults", "")), expect);
	else if (!strcmp(what, "messages"))
		do_messages();
	else if (!strcmp(what, "shell"))
		do_shell();
	else
		test(false, "there is no do=%s", what);

	/* The plan comes last: how many faults there are is not known before. */
	printf("1..%d\n", tests);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return failures > 0;
}
