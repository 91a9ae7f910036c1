// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases about what the driver finds, chooses and says when it is loaded.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "l1vh_decide.h"
#include "l1vh_driver.h"
#include "l1vh_log.h"

#define AUTOLOAD	"/sys/devices/platform/mshv_root/modalias"
#define ALIAS		"platform:mshv_root"

bool decision_begins_like(const char *expect)
{
	const char *text = strstr(decision, "mshv: ");

	text = text ? text + strlen("mshv: ") : decision;
	return !strncmp(text, expect, strlen(expect));
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

void do_decide(const char *expect, const char *statistics)
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

/*
 * A driver that refuses must not have shown its device: whoever opened it would
 * hold on to a module that goes away.
 */
void do_race(bool device_comes)
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
