// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives VMMs in an L1VH, as scripts say, and says what became of each script.
 *
 *	drive SCRIPT...
 *
 * A script is a file of lines, a step each. TEXT is the rest of the line; NAME is a
 * VMM's in the script. A step that waits has so many SECONDS.
 *
 *	mount DEVICE FOLDER	an ext4 file system, only to be read
 *	file PATH BYTES		a file of so many bytes, sparse
 *	start NAME PATH WORD...	start a program: its console is NAME's from now on. A word
 *				with blanks stands in "quotes"
 *	see NAME SECONDS TEXT	wait until its console says TEXT, after what was seen before
 *	silent NAME SECONDS	its console says nothing for so long
 *	say NAME TEXT		a line for its console
 *	qmp NAME SECONDS JSON	a command for /tmp/NAME.qmp; an error fails
 *	until NAME SECONDS TEXT JSON	ask again and again, until the answer has TEXT (one
 *				word)
 *	event NAME SECONDS EVENT	wait for an event, of those since the start or the
 *				last one waited for
 *	monitor NAME SECONDS TEXT	a line for /tmp/NAME.monitor, and its prompt after it
 *	answer TEXT		what the monitor or QMP said last has TEXT
 *	signal NAME NUMBER	send it a signal
 *	end NAME SECONDS STATUS	wait for its end; 128 + N if signal N has ended it
 *	partitions SECONDS NUMBER	so many of the driver's partitions there are, soon
 *	copy FROM TO		a file, with its size before it where TO is a device, and
 *				from a device that has it so
 *	holds PATH SECONDS TEXT	wait until a file has TEXT somewhere
 *	wait MILLISECONDS
 *	reload			unload the driver and load it again
 *
 * A VMM that lost a signal for one of its threads waits for what that was to bring about.
 * Where it does not say or answer something in time, or end, and not a while later either,
 * its threads are sent SIGUSR1, by which QEMU calls a VP back; it is said if that helps.
 *
 * Whatever a script has started is ended after it, files in /tmp are removed, and then
 * nothing may be left: no partition, no memory, no violation of the hypervisor's
 * protocol.
 *
 * Each step is marked in hvemu's event log before it is done: "step" and the line, as far as
 * MARK_MAX, with ' for ". What the log has until the next mark comes of that step.
 *
 * What is said is what kselftest_harness.h would say; before what a VMM's console or
 * monitor says, there is "# NAME| ".
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "ask.h"
#include "drive_files.h"
#include "drive_qemu.h"
#include "drive_script.h"
#include "drive_vmm.h"

#define MODULE		"/mshv_root.ko"
#define PARTITIONS	"/sys/kernel/debug/mshv/partition"

#define LINE_MAX	4096
#define LEFT_SECONDS	5
/* What may be gone that is not a VMM's: caches, and what the kernel frees late. */
#define MEMORY_MAX_KIB	(24 << 10)
/* Of a line, in a mark. */
#define MARK_MAX	160

static bool do_see(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);

	return vmm && await(vmm, CONSOLE, &vmm->end[CONSOLE].seen, until, line);
}

static bool do_silent(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	size_t size;

	if (!vmm)
		return false;
	/* What was on its way. */
	turn(TICK_MS);
	size = vmm->end[CONSOLE].size;
	while (now() < until) {
		turn(TICK_MS);
		if (vmm->end[CONSOLE].size > size)
			return fail("it says: %s", last_line(&vmm->end[CONSOLE]));
	}
	return !vmm->ended || fail("it ended with status %d", vmm->status);
}

static bool do_say(char *line)
{
	struct vmm *vmm = find(word(&line));

	return vmm && write_all(vmm->input, line, strlen(line)) &&
	       write_all(vmm->input, "\n", 1);
}

static bool do_signal(char *line)
{
	struct vmm *vmm = find(word(&line));
	int signal = parse_number(&line);

	return vmm && (!kill(vmm->pid, signal) || fail("%s", strerror(errno)));
}

static bool do_end(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	int status = parse_number(&line);
	enum patience patience = IN_TIME;

	if (!vmm)
		return false;
	while (!vmm->ended && patience != OVER) {
		turn(TICK_MS);
		patience = wait_on(vmm, patience, &until);
		/* One that is killed needs no other signal. */
		if (patience != IN_TIME && status >= 128)
			break;
	}
	/* What it said last. */
	turn(0);
	if (vmm->ended && patience != IN_TIME && vmm->status == status)
		return fail_late(patience, "it does not end");
	if (!vmm->ended)
		return fail("it does not end; its last words: %s", last_line(&vmm->end[CONSOLE]));
	return vmm->status == status ||
	       fail("status %d; its last words: %s", vmm->status, last_line(&vmm->end[CONSOLE]));
}

static int count_partitions(void)
{
	DIR *dir = opendir(PARTITIONS);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(dir)))
		count += isdigit((unsigned char)entry->d_name[0]);
	closedir(dir);
	return count;
}

static bool await_partitions(double seconds, int wanted)
{
	double until = now() + seconds;

	while (count_partitions() != wanted && now() < until)
		turn(TICK_MS);
	return count_partitions() == wanted ||
	       fail("%d partitions are there, not %d", count_partitions(), wanted);
}

static bool do_partitions(char *line)
{
	double seconds = parse_number(&line);

	return await_partitions(seconds, parse_number(&line));
}

static bool do_wait(char *line)
{
	double until = now() + parse_number(&line) / 1000;

	while (now() < until)
		turn(TICK_MS);
	return !reason[0];
}

static bool do_reload(char *line)
{
	int fd;

	if (*line)
		return fail("nothing may follow");
	if (syscall(SYS_delete_module, "mshv_root", 0))
		return fail("unloading: %s", strerror(errno));
	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		return fail("loading: %s", strerror(errno));
	close(fd);
	return true;
}

static const struct step {
	const char *name;
	bool (*run)(char *line);
} steps[] = {
	{ "mount", do_mount },
	{ "file", do_file },
	{ "start", do_start },
	{ "see", do_see },
	{ "silent", do_silent },
	{ "say", do_say },
	{ "qmp", do_qmp },
	{ "until", do_until },
	{ "event", do_event },
	{ "monitor", do_monitor },
	{ "answer", do_answer },
	{ "signal", do_signal },
	{ "end", do_end },
	{ "partitions", do_partitions },
	{ "copy", do_copy },
	{ "holds", do_holds },
	{ "wait", do_wait },
	{ "reload", do_reload },
};

static bool run_step(char *line)
{
	char *name = word(&line);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!strcmp(steps[i].name, name))
			return steps[i].run(line) && !reason[0];
	return fail("there is no such step");
}

static void remove_files(void)
{
	DIR *dir = opendir("/tmp");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/* Without what is there for speed only: pages of the disk that QEMU is on. */
static long read_available(void)
{
	char line[128];
	long value = -1;
	FILE *file;
	int fd;

	fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "3", 1) != 1)
		fail("caches cannot be dropped: %s", strerror(errno));
	close(fd);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "MemAvailable:", 13))
			value = atol(line + 13);
	if (file)
		fclose(file);
	return value;
}

static bool memory_is_back(long before)
{
	double until = now() + LEFT_SECONDS;
	long left;

	/* What is freed after a grace period is freed late. */
	do {
		left = before - read_available();
		if (left <= MEMORY_MAX_KIB)
			return true;
		turn(TICK_MS);
	} while (now() < until);
	return fail("afterwards %ld KiB of memory are gone", left);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool mark_step(const char *line)
{
	char text[MARK_MAX + 1], *quote;
	const char *answer;

	snprintf(text, sizeof(text), "%.*s", MARK_MAX, line);
	for (quote = text; (quote = strchr(quote, '"')); )
		*quote = '\'';
	answer = ask("mark step %s", text);
	return is_ok(answer) || fail("hvemu does not take a mark: %s", answer);
}

/* Read a script and do it. */
static bool run_script(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX], copy[LINE_MAX];
	int count = 0;
	bool ok = true;

	if (!file)
		return fail("%s: %s", path, strerror(errno));
	while (ok && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		count++;
		if (!line[0])
			continue;
		memcpy(copy, line, sizeof(copy));
		ok = mark_step(line) && run_step(line);
		if (!ok) {
			char why[sizeof(reason)];

			memcpy(why, reason, sizeof(why));
			reason[0] = '\0';
			fail("%.120s: %s", copy, why);
		}
	}
	fclose(file);
	return ok;
}

static bool drive(const char *path, int number)
{
	const char *name = base_name(path);
	static char became[sizeof(reason)];
	char violations[64];
	double start = now();
	long memory;

	printf("#  RUN           %s ...\n", name);
	fflush(stdout);
	reason[0] = '\0';
	ask("mark %s", name);
	snprintf(violations, sizeof(violations), "%s", ask("violations"));
	memory = read_available();

	run_script(path);
	end_all();
	remove_files();
	/* Whatever became of the script itself. */
	memcpy(became, reason, sizeof(became));
	reason[0] = '\0';
	await_partitions(LEFT_SECONDS, 0);
	if (!reason[0])
		memory_is_back(memory);
	if (!reason[0] && strcmp(violations, ask("violations")))
		fail("the driver breaks the hypervisor's protocol: %s", ask("violations"));
	if (became[0]) {
		if (reason[0])
			printf("# afterwards: %s\n", reason);
		memcpy(reason, became, sizeof(reason));
	}
	printf("#  TIME          %s %.1f\n", name, now() - start);
	printf("%sok %d %s%s%s\n", reason[0] ? "not " : "", number, name,
	       reason[0] ? " # " : "", reason);
	fflush(stdout);
	return !reason[0];
}

int main(int argc, char **argv)
{
	int i, failed = 0;

	signal(SIGPIPE, SIG_IGN);
	if (iopl(3)) {
		perror("iopl");
		return 1;
	}
	printf("TAP version 13\n1..%d\n", argc - 1);
	for (i = 1; i < argc; i++)
		failed += !drive(argv[i], i);
	return failed > 0;
}
