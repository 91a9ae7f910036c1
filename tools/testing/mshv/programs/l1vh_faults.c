// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases in which something fails while the driver comes or goes: hypercalls, memory.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "../hv/hv_more.h"
#include "../hv/names.h"
#include "ask.h"
#include "l1vh_decide.h"
#include "l1vh_driver.h"
#include "l1vh_faults.h"
#include "l1vh_log.h"

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

void do_faults(char *targets, const char *expect)
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

void do_fail_load(void)
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

/*
 * A page that could not be unmapped is the hypervisor's still, and must not be
 * given to anybody else. All the memory there is goes to this program, and then
 * the hypervisor writes to its pages: neither must see what the other writes.
 */
void do_unmap(void)
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
