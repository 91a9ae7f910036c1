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
 *	do=fail-load	load it while each of the allocations of that fails once, and
 *			unload it likewise: those of the loading thread, and those of the
 *			kernel's threads that bring CPUs online
 *	do=messages	make the SynIC deliver messages and doorbells
 *	do=unclaimed	the same with messages that nobody waits for
 *	do=hotplug	CPU 1 comes online or goes offline while the driver is loaded,
 *			as cpu=online or cpu=offline says
 *	do=cycle	CPU 1 goes offline and comes back while messages are sent to it
 *	do=unmap	unload while no statistics page can be unmapped
 *	do=hibernate	hibernate, but for the image; with open=partition while a
 *			child partition is there; with changed=FAULT while the
 *			hypervisor's answers about the scheduler change
 *	do=race		open the device again and again while the module is loaded,
 *			which must fail, unless device=comes
 *	do=program	run program=PATH with arguments=WORDS, and show what it says; it
 *			is told answer=WORDS when it prompts
 *	do=soak		run program=PATH twice, for warm=SECONDS with seed=N and for
 *			seconds=N with the next seed: no memory may be lost meanwhile
 *	do=shell	a shell, if the initramfs has one, or shell=PATH
 *	do=lab		a system to work in: of the disk lab_root=DEVICE, or with busybox;
 *			with a folder from lab_files=DEVICE and one for lab_results=DEVICE.
 *			It runs /command of the initramfs, for lab_limit=SECONDS at most,
 *			between two lines that have lab_token=WORD, or a shell
 *	do=violate	break the protocol; do=leave: leave a SynIC enabled; do=panic,
 *			do=hang: for tests of hvemu itself
 *
 *	expect=WORD	the decision line must begin like this; "none": there must
 *			be no /dev/mshv; "silence": nor a line about it; absent:
 *			anything goes
 *	statistics=off	there is no debugfs: the driver must say so in one line, and
 *			go on; statistics=refused: likewise, in one or more
 *	sent=N		do=hotplug, do=cycle, do=hibernate: so many messages come when
 *			a CPU masks its SINT0
 *	late=1		do=hotplug, do=cycle: and an interrupt when it has disabled its
 *			SynIC
 *	all=1		do=cycle: those messages are in the CPU's reach, so none may
 *			wait when it is offline
 *	end=HOW		what do=hotplug ends with: reboot (default) or unload; with
 *			open=partition while a child partition is there
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
#include <termios.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/mshv.h>
#include <hyperv/hvgdk_mini.h>

#include "../hv/hv_more.h"
#include "../hv/names.h"
#include "ask.h"
#include "complaint.h"
#include "lab.h"
#include "program.h"

#define MODULE		"/mshv_root.ko"
#define DEVICE		"/dev/mshv"
#define STATISTICS	"/sys/kernel/debug/mshv"
#define ATTRIBUTES	"/sys/class/misc/mshv/"
#define AUTOLOAD	"/sys/devices/platform/mshv_root/modalias"
#define ALIAS		"platform:mshv_root"
#define NO_MSR		0x40000fff
#define DOORBELLS	200
#define SETTLING_SECONDS	7
#define ORPHAN_US	100000
/* What may stay that does not stay for each partition. */
#define GROWTH_MAX_KIB	16384
#define GROWTH_MAX_CALLS	200
#define APIC_BASE	0x1b
#define APIC_BASE_X2APIC	BIT(10)

static int tests, failures;
static int kmsg = -1;
static int how_to_end = RB_POWER_OFF;

/*
 * What the kernel's log has had since a case began: the last decision, how many
 * there were, and the first complaint; how many lines the driver had, how many at
 * least as warnings, and how many as errors about the scheduler.
 */
static char decision[256];
static char complaint[256];
static int decisions;
static int driver_lines;
static char driver_line[256];	/* the last of them */
static int driver_warnings;
static int scheduler_errors;

#define LEVEL_ERROR	3
#define LEVEL_WARNING	4
#define LEVEL_MASK	7

static void begin_case(void)
{
	decisions = 0;
	decision[0] = '\0';
	complaint[0] = '\0';
	driver_lines = 0;
	driver_warnings = 0;
	scheduler_errors = 0;
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

/* The driver tells who dispatches VPs, or why it will not guess. */
static bool is_decision(const char *text)
{
	/* The last is the base kernel's line. */
	return strstr(text, "dispatches VPs") || strstr(text, "not loading") ||
	       strstr(text, "Hypervisor using");
}

/* What the driver said, and how loud. */
static void note_driver(const char *record, const char *text)
{
	int level = atoi(record) & LEVEL_MASK;

	if (!strstr(text, "mshv"))
		return;
	driver_lines++;
	snprintf(driver_line, sizeof(driver_line), "%s", text);
	driver_warnings += level <= LEVEL_WARNING;
	scheduler_errors += level <= LEVEL_ERROR && strstr(text, "scheduler");
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
		note_driver(record, text);
		if (is_decision(text)) {
			snprintf(decision, sizeof(decision), "%s", text);
			decisions++;
			printf("# decision: %s\n", text);
		} else if (is_complaint(text)) {
			if (!complaint[0])
				snprintf(complaint, sizeof(complaint), "%s", text);
			printf("# complaint: %s\n", text);
		} else if (strstr(text, "mshv") || strstr(text, "Hyper-V")) {
			printf("# kernel: %s\n", text);
		}
	}
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = strlen(text);
	bool ok = fd >= 0 && write(fd, text, size) == size;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
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

/* The one word in a file of sysfs; empty if there is none. Valid until the next call. */
static const char *word_in(const char *path)
{
	static char word[40];
	FILE *file = fopen(path, "re");

	word[0] = '\0';
	if (file) {
		if (fscanf(file, "%39s", word) != 1)
			word[0] = '\0';
		fclose(file);
	}
	return word;
}

/* Whether the device's attributes say what the decision begins with. */
static bool sysfs_agrees(void)
{
	char begin[120];
	size_t length;

	length = snprintf(begin, sizeof(begin), "%s scheduler: ",
			  word_in(ATTRIBUTES "scheduler"));
	snprintf(begin + length, sizeof(begin) - length, "the %s dispatches VPs (",
		 word_in(ATTRIBUTES "dispatcher"));
	return decision_begins_like(begin);
}

static bool module_has(const char *text)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	struct stat about;
	bool found;
	void *file;

	if (fd < 0)
		return false;
	file = fstat(fd, &about) ? MAP_FAILED :
	       mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	/* With the NUL: not the beginning of a longer one. */
	found = memmem(file, about.st_size, text, strlen(text) + 1);
	munmap(file, about.st_size);
	return found;
}

/* Where the module can load there is a device that udev loads it for. */
static void test_autoload(bool parent)
{
	const char *alias = word_in(AUTOLOAD);

	if (parent && exists(MODULE))
		test(!strcmp(alias, ALIAS) && module_has("alias=" ALIAS),
		     "a device has the alias of the module # %s", alias);
	else
		test(!*alias, "no device asks for the module # %s", alias);
}

static void test_decision(const char *expect)
{
	bool silent = !strcmp(expect, "silence");
	bool refuse = silent || !strcmp(expect, "none");

	/* For a look at a kernel of which nothing is expected. */
	if (!*expect)
		return;
	test_autoload(!silent && !strstr(decision, "neither a root partition nor an L1VH"));
	test(exists(DEVICE) == !refuse, "%s is %sthere", DEVICE, refuse ? "not " : "");
	if (silent)
		return test(!driver_lines, "the driver is silent # %s", driver_line);
	test(decisions == 1, "the driver has told its decision once # %d times", decisions);
	if (refuse)
		test(decision_begins_like("not loading"), "the driver refuses, and says why");
	else
		test(decision_begins_like(expect) && sysfs_agrees(),
		     "the decision is, in the log and in sysfs: %s", expect);
}

static void do_decide(const char *expect, const char *statistics)
{
	bool is_off = !strcmp(statistics, "off");
	int error = 0, counted;

	if (exists(MODULE))
		error = load();
	read_log();
	if (error)
		printf("# load: %s\n", strerror(-error));
	printf("# device: %s\n", exists(DEVICE) ? "yes" : "no");
	test_decision(expect);
	if (*statistics) {
		test(exists(DEVICE), "the driver loads without statistics");
		test(!exists(STATISTICS), "there are none");
		test(driver_warnings == 1 || (driver_warnings && !is_off),
		     "the driver says so%s # %d lines", is_off ? " in one line" : "",
		     driver_warnings);
	} else if (exists(DEVICE)) {
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
		/*
		 * Pages of the allocator, whose objects are counted elsewhere; and
		 * what these counts themselves take, for each page of objects.
		 */
		if (strstr(line, "accurate:no") || strstr(line, "func:alloc_slab_obj_exts"))
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
 * Whether the driver must come up although one call failed: always, but where the
 * call asks about the scheduler and the failure has no meaning.
 */
static bool must_load(const char *target, const char *status)
{
	return strncmp(target, "0x101:", 6) || means_not_known(target, status);
}

/*
 * Whether it must have statistics then: unless a page was refused, or memory for
 * one could not be deposited. Where it is told to deposit memory, it asks again.
 */
static bool must_have_statistics(const char *target, const char *status)
{
	bool memory = !strcmp(status, "INSUFFICIENT_MEMORY") ||
		      !strcmp(status, "INSUFFICIENT_CONTIGUOUS_MEMORY");

	if (!strncmp(target, "0x131:", 6) || !strncmp(target, "0x6c:", 5))
		return memory;
	return strncmp(target, "0x48@", 5);
}

/* What is wrong with how the driver came up, or did not; "" if nothing is. */
static const char *judge_load(const char *target, const char *status,
			      const char *expect, bool loaded)
{
	if (loaded != exists(DEVICE))
		return "module and device do not agree";
	if (loaded != must_load(target, status))
		return loaded ? "it must refuse" : "it must load";
	if (loaded && exists(STATISTICS) != must_have_statistics(target, status))
		return exists(STATISTICS) ? "there are statistics" : "there are no statistics";
	if (loaded && !exists(STATISTICS) && !driver_warnings)
		return "it does not say that there are no statistics";
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

/* More than that, and it does not come to an end. */
#define ALLOCATIONS_MAX	3000

/* The thread of the kernel's that has this name; 0 if there is none. */
static int find_thread(const char *name)
{
	struct dirent *entry;
	char path[280];
	int found = 0;
	DIR *dir = opendir("/proc");

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (atoi(entry->d_name) && !strcmp(word_in(path), name))
			found = atoi(entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* See Documentation/fault-injection/fault-injection.rst. */
static bool set_fail_nth(int fd, int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, size, 0) == size;
}

static bool nth_is_left(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) <= 0 || atoi(text);
}

/* The tracing core warns if it cannot note an event's fields. The driver cannot help it. */
static bool is_of_tracing(const char *text)
{
	return strstr(text, "event_define_fields");
}

/* One allocation of a thread fails while the module is loaded, or unloaded. */
static const char *fail_load(int fd, int nth, bool unloads, bool *left, bool *refused)
{
	int error;

	begin_case();
	if (unloads && load())
		return "it cannot be loaded";
	if (!set_fail_nth(fd, nth))
		return "there is no fail-nth";
	error = unloads ? unload() : load();
	*left = nth_is_left(fd);
	set_fail_nth(fd, 0);
	*refused = error;
	if (*left && error)
		return "it fails without a failure";
	if (!error != exists(DEVICE) && !unloads)
		return "module and device do not agree";
	if (unloads ? error && unload() : !error && unload())
		return "it cannot be unloaded";
	read_log();
	if (complaint[0] && !is_of_tracing(complaint))
		return complaint;
	return is_ok(ask("quiet")) ? "" : "the hypervisor is not quiet";
}

static void fail_each(const char *thread, bool unloads)
{
	const char *what = unloads ? "unloading" : "loading", *wrong = "";
	int nth, refusals = 0, fd, pid = *thread ? find_thread(thread) : getpid();
	bool left = false, refused = false;
	char path[60];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", pid, pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ask("mark %s, failures of %s", what, *thread ? thread : "its own thread");
	for (nth = 1; !left && !*wrong && nth < ALLOCATIONS_MAX; nth++) {
		wrong = fail_load(fd, nth, unloads, &left, &refused);
		refusals += refused;
	}
	if (fd >= 0)
		close(fd);
	printf("# failed: %s, %s: %d allocations, with which it was refused %d times\n", what,
	       *thread ? thread : "its own thread", nth - 2, refusals);
	test(left && !*wrong, "%s goes well whichever allocation of %s fails # %d: %s", what,
	     *thread ? thread : "its own thread", nth - 1, wrong);
}

static void do_fail_load(void)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char path[80], thread[20];
	unsigned int i;
	bool can = true;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait", kinds[i]);
		can &= write_file(path, "N");
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", kinds[i]);
		can &= write_file(path, "0");
	}
	can &= write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	can &= write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	test(can, "this kernel can make allocations fail");
	if (!can)
		return;
	fail_each("", false);
	fail_each("", true);
	for (i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++) {
		snprintf(thread, sizeof(thread), "cpuhp/%u", i);
		fail_each(thread, false);
		fail_each(thread, true);
	}
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

/* How long what hvemu has sent may take to be handled. */
#define HANDLED_US	100000

/* Whether nothing of what was sent to a VP is left; says what is. */
static bool handled(int vp, char *pending, size_t size)
{
	usleep(HANDLED_US);
	snprintf(pending, size, "%s", ask("pending %d", vp));
	return !strcmp(pending, "ok slot=0x0 waiting=0 ring=0");
}

/* A message and a doorbell, as they come every day. */
static void test_deliveries(int vp, const char *when)
{
	char pending[80];
	bool sent;

	sent = is_ok(ask("message %d 3 %#x 0x100000000 42", vp,
			 HVMSG_SCHEDULER_VP_SIGNAL_PAIR));
	test(sent && handled(vp, pending, sizeof(pending)),
	     "VP %d handles messages %s # %s", vp, when, pending);
	sent = is_ok(ask("ring %d 77", vp));
	test(sent && handled(vp, pending, sizeof(pending)),
	     "VP %d handles a doorbell %s # %s", vp, when, pending);
}

static void test_unload(void)
{
	const char *quiet;
	int error;

	error = unload();
	read_log();
	quiet = ask("quiet");
	test(!error && is_ok(quiet), "nothing is left after unloading # %s %s",
	     error ? strerror(-error) : "", quiet);
}

/*
 * Messages that nobody waits for: of a type that nobody knows, or about
 * partitions that are not there. Each must make room for what comes behind it.
 */
static void do_unclaimed(void)
{
	static const struct {
		const char *name;
		unsigned int type;
		const char *payload;
	} cases[] = {
		{ "an unknown type", 0x7fffffff, "1 2 3" },
		{ "a completion for no partition", HVMSG_ASYNC_CALL_COMPLETION, "12345" },
		{ "another SINT's doorbell", HVMSG_SYNIC_SINT_INTERCEPT, "7" },
		{ "an intercept of no partition", HVMSG_OPAQUE_INTERCEPT, "0" },
		{ "an EOI of no partition", HVMSG_X64_APIC_EOI, "0x3000000000" },
		{ "an intercept that comes otherwise", HVMSG_GPA_INTERCEPT, "0" },
	};
	const int burst = 60;
	char pending[80];
	unsigned int i;
	int sent = 0;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	begin_case();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ask("mark %s", cases[i].name);
		ask("message 0 1 %#x %s", cases[i].type, cases[i].payload);
		test(handled(0, pending, sizeof(pending)), "%s: is acknowledged # %s",
		     cases[i].name, pending);
		ask("message 0 2 %#x %s", cases[i].type, cases[i].payload);
		ask("ring 0 77");
		test(handled(0, pending, sizeof(pending)),
		     "%s: two, and the doorbell behind them # %s", cases[i].name, pending);
		sent += 3;
		/* So that each case is judged by itself. */
		ask("drop 0");
	}
	ask("message 0 %d %#x", burst, cases[0].type);
	test(handled(0, pending, sizeof(pending)), "%d at once # %s", burst, pending);
	ask("drop 0");
	sent += burst;
	read_log();
	test(driver_warnings > 0 && driver_warnings < sent,
	     "the driver warns of them, now and then # %d messages, %d warnings", sent,
	     driver_warnings);
	test_deliveries(0, "after all that");
	test_unload();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

static bool set_cpu1(bool online)
{
	return write_file("/sys/devices/system/cpu/cpu1/online", online ? "1" : "0");
}

/* Arrange what comes when a VP's SynIC is taken out of use. */
static void arrange(int vp, int sent, bool late)
{
	if (sent && !is_ok(ask("at-mask %d %d %#x 0x100000000 42", vp, sent,
			       HVMSG_SCHEDULER_VP_SIGNAL_PAIR)))
		test(false, "messages are arranged for VP %d", vp);
	if (late && !is_ok(ask("late %d", vp)))
		test(false, "a late interrupt is arranged for VP %d", vp);
}

/* A child partition, or a negative errno. */
static int create_partition(void)
{
	struct mshv_create_partition arguments = {
		.pt_isolation = MSHV_PT_ISOLATION_NONE,
	};
	int device, fd, error;

	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	fd = ioctl(device, MSHV_CREATE_PARTITION, &arguments);
	error = errno;
	close(device);
	return fd < 0 ? -error : fd;
}

/*
 * Whatever CPUs have come or gone since the module was loaded, it must leave
 * nothing behind, not even a partition that a program has open. At a reboot that
 * is hvemu's to see.
 */
static void do_hotplug(const char *cpu, int sent, bool late, bool partition_open,
		       const char *end)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	if (*cpu) {
		test(set_cpu1(!strcmp(cpu, "online")), "CPU 1 goes %s", cpu);
		test(sysconf(_SC_NPROCESSORS_ONLN) != cpus, "another number of CPUs is online");
	}
	if (partition_open)
		test(create_partition() >= 0, "there is a child partition");
	if (!strcmp(end, "unload")) {
		test_unload();
	} else {
		arrange(0, sent, late);
		if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
			arrange(1, sent, late);
		how_to_end = RB_AUTOBOOT;
	}
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * A CPU that goes offline must leave no message in its slot: when it comes back,
 * nothing would tell it to look there.
 */
static void do_cycle(int sent, bool late, bool all)
{
	char pending[80];
	int round;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	for (round = 1; round <= 2; round++) {
		ask("mark round %d", round);
		arrange(1, sent, late);
		test(set_cpu1(false), "CPU 1 goes offline");
		snprintf(pending, sizeof(pending), "%s", ask("pending 1"));
		printf("# offline: %s\n", pending);
		test(!strncmp(pending, "ok slot=0x0 ", 12), "its slot is empty # %s", pending);
		if (all)
			test(strstr(pending, " waiting=0 "), "nothing waits # %s", pending);
		test(set_cpu1(true), "CPU 1 comes online");
		test(handled(1, pending, sizeof(pending)),
		     "what waited is handled # %s", pending);
		test_deliveries(1, "after coming back");
		test_deliveries(0, "all the same");
		ask("drop 1");
		read_log();
	}
	test_unload();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * A page that could not be unmapped is the hypervisor's still, and must not be
 * given to anybody else. All the memory there is goes to this program, and then
 * the hypervisor writes to its pages: neither must see what the other writes.
 */
static void do_unmap(void)
{
	const size_t reserve = 48 << 20;
	unsigned long found = 0;
	const char *answer;
	size_t size, i;
	unsigned long *memory;
	int pages;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	ask("fault 0x6d=OPERATION_DENIED");
	test(!unload(), "the driver is unloaded");
	pages = strtoul(ask("scribble") + 3, NULL, 10);
	test(pages > 0, "no page could be unmapped # %d pages", pages);

	size = (size_t)sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE) - reserve;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return test(false, "%zu MiB of memory", size >> 20);
	memset(memory, 0x55, size);
	answer = ask("scribbled");
	test(is_ok(answer), "nobody has been given a page of the hypervisor's # %s", answer);
	ask("scribble");
	for (i = 0; i < size / sizeof(*memory); i++)
		found += memory[i] == HVEMU_SCRIBBLE;
	test(!found, "the hypervisor writes to nobody's memory # %lu KiB of %zu MiB",
	     found * sizeof(*memory) >> 10, size >> 20);
	munmap(memory, size);
	ask("faults clear");
	ask("forget");
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * The SynIC registers that the driver must have put back, of all VPs: what is
 * enabled and where, but for the event ring, whose page may be another.
 */
static void read_synic(char *text, size_t size)
{
	char *at, *end;

	snprintf(text, size, "%s", ask("synic"));
	for (at = text; (at = strstr(at, "sirbp=0x")); at++) {
		at += strlen("sirbp=");
		*at = strtoull(at, &end, 16) & 1 ? '1' : '0';
		memmove(at + 1, end, strlen(end) + 1);
	}
}

/* Hibernate up to where the image would be written; 0 or a negative errno. */
static int hibernate(void)
{
	if (!write_file("/sys/power/pm_test", "core"))
		return -errno;
	return write_file("/sys/power/state", "disk") ? 0 : -errno;
}

/* While there is a child partition, whose state would be lost. */
static void test_hibernation_is_refused(void)
{
	int partition, error;

	partition = create_partition();
	test(partition >= 0, "there is a child partition");
	begin_case();
	error = hibernate();
	read_log();
	test(error == -EBUSY, "hibernation is refused # %s",
	     error ? strerror(-error) : "it is not");
	test(driver_lines == 1 &&
	     !strcmp(driver_line, "mshv: no hibernation while there are partitions: 1"),
	     "the driver says so in one line # %d lines, %s", driver_lines, driver_line);
	close(partition);
	error = hibernate();
	test(!error, "it is not when the partition is closed # %s", strerror(-error));
}

/*
 * After a hibernation the hypervisor may be another. How the driver tells that
 * its scheduler is another stands here, and only here.
 */
static void test_changed_scheduler(const char *changed)
{
	int partition;

	read_log();
	test(scheduler_errors == (*changed ? 1 : 0),
	     "the driver logs %s about the scheduler # %d", *changed ? "one error" : "no error",
	     scheduler_errors);
	partition = create_partition();
	if (*changed)
		test(partition == -ENODEV, "no partition can be created # %s",
		     partition < 0 ? strerror(-partition) : "it can");
	else
		test(partition >= 0 && !driver_lines,
		     "a partition can be created, and nothing was logged # %s; %d lines",
		     partition < 0 ? strerror(-partition) : "it can", driver_lines);
	close(partition);
	test(!strcmp(word_in(ATTRIBUTES "state"), *changed ? "closed" : "open"),
	     "sysfs says so, too # %s", word_in(ATTRIBUTES "state"));
	/* What it was loaded under, not what there is now. */
	test(!strcmp(word_in(ATTRIBUTES "scheduler"), "integrated"),
	     "sysfs has the same scheduler # %s", word_in(ATTRIBUTES "scheduler"));
}

static void do_hibernate(bool partition_open, const char *changed, int sent)
{
	char synic[8192], now[8192], pending[80];
	int error, vp;

	if (!write_file("/sys/module/hibernate/parameters/pm_test_delay", "0"))
		printf("# this takes seconds: %s\n", strerror(errno));
	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	if (partition_open)
		test_hibernation_is_refused();

	begin_case();
	read_synic(synic, sizeof(synic));
	for (vp = 0; vp < sysconf(_SC_NPROCESSORS_ONLN); vp++)
		arrange(vp, sent, false);
	ask("hibernation");
	if (*changed)
		ask("fault %s", changed);
	error = hibernate();
	test(!error, "the system hibernates, and comes back # %s", strerror(-error));
	ask("faults clear");
	test_changed_scheduler(changed);
	test(count_counters(STATISTICS, "VpHypercallsCount") > 0,
	     "statistics are what the hypervisor has counted, after hibernation too");

	read_synic(now, sizeof(now));
	test(!strcmp(synic, now), "the SynIC is as it was # %s, now %s", synic, now);
	for (vp = 0; vp < sysconf(_SC_NPROCESSORS_ONLN); vp++) {
		test(handled(vp, pending, sizeof(pending)),
		     "nothing lies in the slot of VP %d # %s", vp, pending);
		test_deliveries(vp, "after hibernation");
	}
	/* Of a base kernel, so that what follows is judged by itself. */
	ask("drop 0");
	test_unload();
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

/* What it prints goes to the console between two lines of ours. */
static int run_program(const char *path, const char *arguments, const char *answer)
{
	int status;

	printf("# program: %s%s%s\n", path, *arguments ? " " : "", arguments);
	status = program_run(path, arguments, answer, kmsg, read_log);
	printf("# exit: %d\n", status);
	return status;
}

/* Where the kernel has that, and was booted with kmemleak=on: there is memory to scan. */
#define LEAKS		"/sys/kernel/debug/kmemleak"
#define LEAK_SECONDS	6

/* What the kernel has lost track of so far is not the driver's. */
static void begin_leaks(void)
{
	if (write_file(LEAKS, "scan"))
		write_file(LEAKS, "clear");
}

/* Show what is lost since then. */
static void test_leaks(void)
{
	char line[256];
	int found = 0;
	FILE *file;

	/* The kernel keeps that word to itself. */
	if (!write_file(LEAKS, "scan"))
		return;
	/* It takes nothing for lost that is younger, nor what is seen once. */
	sleep(LEAK_SECONDS);
	write_file(LEAKS, "scan");
	sleep(LEAK_SECONDS);
	write_file(LEAKS, "scan");
	file = fopen(LEAKS, "re");
	while (file && fgets(line, sizeof(line), file)) {
		found += !strncmp(line, "unreferenced object", 19);
		printf("# leak: %s", line);
	}
	if (file)
		fclose(file);
	test(file && !found, "no object is lost # %d", found);
}

static void do_program(const char *path, const char *arguments, const char *answer)
{
	int status;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	/* Programs expect both; the kernel has none by itself with so little memory. */
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	begin_leaks();
	status = run_program(path, arguments, answer);
	test(!status, "%s ends with status 0 # %d", path, status);
	test_unload();
	test_leaks();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/* A figure of /proc/meminfo, KiB. */
static long read_meminfo(const char *name)
{
	char line[128];
	long value = -1;
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	if (file)
		fclose(file);
	return value;
}

/* What memory there is when nothing happens. */
static void take_stock(struct sites *sites, long *available, const char *when)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	/* What is freed after a grace period is freed late. */
	sleep(SETTLING_SECONDS);
	read_sites(sites);
	*available = read_meminfo("MemAvailable");
	printf("# memory %s: available %ld KiB, slab %ld KiB\n", when, *available,
	       read_meminfo("Slab"));
}

/*
 * The driver loaded, the program run, the driver unloaded. The kernel complains of
 * memory of the driver's that is still there then.
 */
static void run_soak(const char *path, const char *seconds, unsigned int seed)
{
	char arguments[80];
	int status;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	snprintf(arguments, sizeof(arguments), "%s %u", seconds, seed);
	status = run_program(path, arguments, "");
	test(!status, "%s seconds of it # %d", seconds, status);
	test_unload();
}

/*
 * Partitions at random, and faults at random. What stays of the kernel's for each
 * partition is seen by where it was allocated, anything else by its size.
 */
static void do_soak(const char *path, const char *warm, const char *seconds,
		    unsigned int seed)
{
	long available, left;

	memset(&before, 1, sizeof(before));
	memset(&after, 1, sizeof(after));
	run_soak(path, warm, seed);
	take_stock(&before, &available, "when warm");
	run_soak(path, seconds, seed + 1);
	take_stock(&after, &left, "at the end");
	test(sites_are_good(&before) && sites_are_good(&after),
	     "memory is accounted for # %d call sites", after.count);
	test(!grown(GROWTH_MAX_CALLS), "nothing is allocated more often than when warm");
	test(available - left <= GROWTH_MAX_KIB,
	     "no more than %d KiB of memory less # %ld KiB", GROWTH_MAX_KIB, available - left);
	test(!strcmp(ask("violations"), "ok 0"), "the driver keeps to the protocol # %s",
	     ask("violations"));
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * Not the first program: leaves an orphan, which ends first. The first program is then
 * its parent, and must not take its end for that of what it waits for.
 */
static int leave_orphan(void)
{
	int ends[2];
	pid_t middle, orphan = 0;
	bool reaped;

	if (pipe2(ends, O_CLOEXEC))
		return 1;
	middle = fork();
	if (!middle) {
		orphan = fork();
		if (!orphan)
			usleep(ORPHAN_US);
		else if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	if (read(ends[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		return 1;
	usleep(5 * ORPHAN_US);
	reaped = kill(orphan, 0) && errno == ESRCH;
	printf("# the orphan is %s\n", reaped ? "reaped" : "there");
	return !reaped;
}

static void do_shell(const char *shell)
{
	int status;

	if (exists(MODULE))
		load();
	read_log();
	printf("# a shell; \"exit\" powers off\n");
	status = program_wait(program_shell(shell, NULL));
	test(!status, "%s ends with status 0 # %d", shell, status);
}

static void __noreturn do_lab(void)
{
	int error = exists(MODULE) ? load() : 0;

	read_log();
	if (error)
		printf("# load: %s\n", strerror(-error));
	printf("# device: %s\n", exists(DEVICE) ? "yes" : "no");
	lab();
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

int main(int argc, char **argv)
{
	const char *what, *expect, *mode;
	unsigned long long apic;
	int cpus;

	if (getpid() != 1)
		return argc > 2 && !strcmp(argv[1], "lab-end") ? lab_end(argv[2]) :
								  leave_orphan();
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
		do_decide(expect, setting("statistics", ""));
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
	else if (!strcmp(what, "fail-load"))
		do_fail_load();
	else if (!strcmp(what, "messages"))
		do_messages();
	else if (!strcmp(what, "unclaimed"))
		do_unclaimed();
	else if (!strcmp(what, "hotplug"))
		do_hotplug(setting("cpu", ""), atoi(setting("sent", "0")),
			   atoi(setting("late", "0")),
			   !strcmp(setting("open", ""), "partition"),
			   setting("end", "reboot"));
	else if (!strcmp(what, "cycle"))
		do_cycle(atoi(setting("sent", "0")), atoi(setting("late", "0")),
			 atoi(setting("all", "0")));
	else if (!strcmp(what, "unmap"))
		do_unmap();
	else if (!strcmp(what, "hibernate"))
		do_hibernate(!strcmp(setting("open", ""), "partition"), setting("changed", ""),
			     atoi(setting("sent", "0")));
	else if (!strcmp(what, "program"))
		do_program(setting("program", ""), setting("arguments", ""),
			   setting("answer", ""));
	else if (!strcmp(what, "soak"))
		do_soak(setting("program", ""), setting("warm", "1"),
			setting("seconds", "1"), strtoul(setting("seed", "1"), NULL, 0));
	else if (!strcmp(what, "shell"))
		do_shell(setting("shell", "/bin/busybox"));
	else if (!strcmp(what, "lab"))
		do_lab();
	else
		test(false, "there is no do=%s", what);

	/* The plan comes last: how many faults there are is not known before. */
	printf("1..%d\n", tests);
	fflush(stdout);
	/* Or the kernel's last words come in between. */
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(how_to_end);
	return failures > 0;
}
