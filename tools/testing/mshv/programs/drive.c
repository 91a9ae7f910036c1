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
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>

#include "ask.h"

#define MODULE		"/mshv_root.ko"
#define PARTITIONS	"/sys/kernel/debug/mshv/partition"

#define VMMS_MAX	4
#define WORDS_MAX	96
#define HEARD_MAX	0x100000
#define LINE_MAX	4096
#define CHUNK		65536
/* More of a line is not shown. */
#define SHOWN_MAX	400
#define KILL_SECONDS	20
#define LATE_SECONDS	10
/* A guest may have to boot meanwhile. */
#define NUDGE_SECONDS	30
#define LEFT_SECONDS	5
/* What may be gone that is not a VMM's: caches, and what the kernel frees late. */
#define MEMORY_MAX_KIB	(24 << 10)
#define TICK_MS		20
/* Of a line, in a mark. */
#define MARK_MAX	160
#define POLL_TICKS	25

enum channel {
	CONSOLE,
	QMP,
	MONITOR,
	CHANNELS
};

/* What comes from one of a VMM's ends. */
struct end {
	int fd;			/* -1: there is none */
	char *heard;
	size_t size;
	size_t seen;		/* what was waited for lies before */
	size_t shown;
};

struct vmm {
	char name[16];
	pid_t pid;
	bool ended;
	int status;
	int input;
	struct end end[CHANNELS];
	size_t events;		/* where the next event is looked for */
};

static struct vmm vmms[VMMS_MAX];
static int nr_vmms;
static char reason[1024];

static bool __printf(1, 2) fail(const char *fmt, ...)
{
	va_list args;

	if (reason[0])
		return false;
	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return false;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Without what would make a terminal of it. */
static void show(const struct vmm *vmm, const char *text, size_t size, char sign)
{
	size_t i;

	printf("# %s%c ", vmm->name, sign);
	for (i = 0; i < size && i < SHOWN_MAX; i++)
		if (text[i] != '\r')
			putchar(isprint((unsigned char)text[i]) ? text[i] : '.');
	puts(i < size ? " ..." : "");
	fflush(stdout);
}

static void show_lines(const struct vmm *vmm, struct end *end, bool all)
{
	static const char signs[CHANNELS] = "|<)";
	char *line, *stop;

	while (end->shown < end->size) {
		line = end->heard + end->shown;
		stop = memchr(line, '\n', end->size - end->shown);
		if (!stop && !all)
			return;
		if (!stop)
			stop = end->heard + end->size;
		show(vmm, line, stop - line, signs[end - vmm->end]);
		end->shown = stop - end->heard + 1;
	}
	if (end->shown > end->size)
		end->shown = end->size;
}

/* One read of what is there. */
static void hear(struct vmm *vmm, struct end *end)
{
	char data[4096];
	ssize_t size = read(end->fd, data, sizeof(data));

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		close(end->fd);
		end->fd = -1;
		show_lines(vmm, end, true);
		return;
	}
	if (end->size + size > HEARD_MAX) {
		fail("%s says more than can be kept", vmm->name);
		return;
	}
	/* Text is looked for with strstr(). */
	for (ssize_t i = 0; i < size; i++)
		end->heard[end->size++] = data[i] ?: ' ';
	end->heard[end->size] = '\0';
	show_lines(vmm, end, false);
}

static void reap(void)
{
	int i, status;

	for (i = 0; i < nr_vmms; i++)
		if (!vmms[i].ended && waitpid(vmms[i].pid, &status, WNOHANG) == vmms[i].pid) {
			vmms[i].ended = true;
			vmms[i].status = WIFEXITED(status) ? WEXITSTATUS(status)
							   : 128 + WTERMSIG(status);
		}
}

/* Hear everybody, and see who has ended. */
static void turn(int milliseconds)
{
	struct pollfd polls[VMMS_MAX * CHANNELS];
	int i, channel;

	for (i = 0; i < nr_vmms; i++)
		for (channel = 0; channel < CHANNELS; channel++)
			polls[i * CHANNELS + channel] = (struct pollfd) {
				.fd = vmms[i].end[channel].fd,
				.events = POLLIN,
			};
	if (poll(polls, nr_vmms * CHANNELS, milliseconds) > 0)
		for (i = 0; i < nr_vmms * CHANNELS; i++)
			if (polls[i].revents)
				hear(&vmms[i / CHANNELS], &vmms[i / CHANNELS].end[i % CHANNELS]);
	reap();
}

static struct vmm *find(const char *name)
{
	int i;

	for (i = 0; name && i < nr_vmms; i++)
		if (!strcmp(vmms[i].name, name))
			return &vmms[i];
	fail("there is no VMM %s", name ?: "without a name");
	return NULL;
}

/* The next word of a line, or NULL. One with blanks stands in quotes. */
static char *word(char **line)
{
	char *start = *line + strspn(*line, " ");
	const char *stop = " ";

	if (*start == '"') {
		start++;
		stop = "\"";
	}
	*line = start + strcspn(start, stop);
	if (**line)
		*(*line)++ = '\0';
	return *start ? start : NULL;
}

static double parse_number(char **line)
{
	char *text = word(line), *end;
	double value;

	if (!text) {
		fail("a number is missing");
		return 0;
	}
	value = strtod(text, &end);
	if (*end)
		fail("%s is no number", text);
	return value;
}

/* The last line that is not blank, for whoever asks what went on. */
static const char *last_line(const struct end *end)
{
	static char line[200];
	size_t stop = end->size, start;

	do {
		while (stop && isspace((unsigned char)end->heard[stop - 1]))
			stop--;
		for (start = stop; start && end->heard[start - 1] != '\n'; start--)
			;
	} while (start == stop && stop);
	snprintf(line, sizeof(line), "%.*s", (int)(stop - start), end->heard + start);
	for (start = 0; line[start]; start++)
		if (!isprint((unsigned char)line[start]))
			line[start] = '.';
	return line;
}

/* Whether a process has a handler for a signal, which would end it otherwise. */
static bool handles(pid_t pid, int number)
{
	unsigned long long caught = 0;
	char path[32], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SigCgt: %llx", &caught) == 1)
			break;
	fclose(file);
	return caught >> (number - 1) & 1;
}

/* More signals, for each of its threads; those that do not use them have them blocked. */
static void nudge(const struct vmm *vmm)
{
	struct dirent *entry;
	char path[32];
	DIR *dir;

	if (!handles(vmm->pid, SIGUSR1))
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", vmm->pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			syscall(SYS_tgkill, vmm->pid, atoi(entry->d_name), SIGUSR1);
	closedir(dir);
}

/* Time is over: first it is only waited on, then there are signals, then it has failed. */
enum patience {
	IN_TIME,
	LATE,
	NUDGED,
	OVER
};

static enum patience wait_on(const struct vmm *vmm, enum patience so_far, double *until)
{
	if (now() > *until && so_far < OVER) {
		so_far++;
		*until = now() + (so_far == LATE ? LATE_SECONDS : NUDGE_SECONDS);
	}
	if (so_far == NUDGED)
		nudge(vmm);
	return so_far;
}

/* It came after all. */
static bool fail_late(enum patience patience, const char *what)
{
	if (patience == LATE)
		return fail("%s, and then it did: it is only slow", what);
	return fail("%s, but once its threads had more signals", what);
}

/* Wait until an end says a text. Where it stands, or NULL. */
static char *await(struct vmm *vmm, enum channel channel, size_t *from, double until,
		   const char *text)
{
	struct end *end = &vmm->end[channel];
	enum patience patience = IN_TIME;
	char *found;

	for (;;) {
		bool over = vmm->ended;

		found = strstr(end->heard + *from, text);
		if (found && patience != IN_TIME) {
			fail_late(patience, "not in time");
			return NULL;
		}
		if (found) {
			*from = found - end->heard + strlen(text);
			return found;
		}
		if (over && end->fd < 0) {
			fail("it ended with status %d; its last words: %s", vmm->status,
			     last_line(&vmm->end[CONSOLE]));
			return NULL;
		}
		patience = wait_on(vmm, patience, &until);
		if (patience == OVER) {
			fail("not in time; last: %s", last_line(end));
			return NULL;
		}
		turn(TICK_MS);
		if (reason[0])
			return NULL;
	}
}

static bool do_mount(char *line)
{
	const char *device = word(&line), *folder = word(&line);

	return !mount(device, folder, "ext4", MS_RDONLY, NULL) || fail("%s", strerror(errno));
}

static bool do_file(char *line)
{
	char *path = word(&line);
	double size = parse_number(&line);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		return fail("%s: %s", path, strerror(errno));
	close(fd);
	return true;
}

static bool do_start(char *line)
{
	char *words[WORDS_MAX + 1], *name = word(&line);
	struct vmm *vmm = &vmms[nr_vmms];
	int in[2], out[2], count = 0, channel;

	if (nr_vmms == VMMS_MAX)
		return fail("more than %d VMMs", VMMS_MAX);
	while (count < WORDS_MAX && (words[count] = word(&line)))
		count++;
	words[count] = NULL;
	if (!count || count == WORDS_MAX)
		return fail("nothing to start, or too many words");

	memset(vmm, 0, sizeof(*vmm));
	snprintf(vmm->name, sizeof(vmm->name), "%s", name);
	for (channel = 0; channel < CHANNELS; channel++) {
		vmm->end[channel].fd = -1;
		vmm->end[channel].heard = calloc(1, HEARD_MAX + 1);
	}
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return fail("pipe: %s", strerror(errno));
	fflush(stdout);
	vmm->pid = fork();
	if (!vmm->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		setsid();
		execv(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	vmm->input = in[1];
	vmm->end[CONSOLE].fd = out[0];
	nr_vmms++;
	return vmm->pid > 0 || fail("fork: %s", strerror(errno));
}

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

static bool write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t written = write(fd, text, size);

		if (written < 0)
			return fail("writing: %s", strerror(errno));
		text += written;
		size -= written;
	}
	return true;
}

static bool do_say(char *line)
{
	struct vmm *vmm = find(word(&line));

	return vmm && write_all(vmm->input, line, strlen(line)) &&
	       write_all(vmm->input, "\n", 1);
}

/* Connect to a socket of a VMM's that may not be there yet. */
static bool reach(struct vmm *vmm, enum channel channel, double until, const char *greeting)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct end *end = &vmm->end[channel];

	if (end->fd >= 0)
		return true;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/%s.%s", vmm->name,
		 channel == QMP ? "qmp" : "monitor");
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return fail("socket: %s", strerror(errno));
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address))) {
			end->fd = fd;
			break;
		}
		close(fd);
		turn(TICK_MS);
		if (vmm->ended)
			return fail("it ended with status %d; its last words: %s", vmm->status,
				    last_line(&vmm->end[CONSOLE]));
		if (now() > until)
			return fail("%s: %s", address.sun_path, strerror(errno));
	}
	return await(vmm, channel, &end->seen, until, greeting);
}

/* Send a command, and wait for what is not an event. */
static char *command(struct vmm *vmm, double until, const char *json)
{
	struct end *end = &vmm->end[QMP];
	char *line, *stop;

	show(vmm, json, strlen(json), '>');
	if (!write_all(end->fd, json, strlen(json)) || !write_all(end->fd, "\n", 1))
		return NULL;
	for (;;) {
		size_t start = end->seen;

		if (!await(vmm, QMP, &end->seen, until, "\n"))
			return NULL;
		line = end->heard + start;
		line += strspn(line, "\r\n ");
		if (!strncmp(line, "{\"return\"", 9))
			return line;
		if (!strncmp(line, "{\"error\"", 8)) {
			stop = strpbrk(line, "\r\n");
			fail("%.*s", (int)(stop - line), line);
			return NULL;
		}
	}
}

static bool reach_qmp(struct vmm *vmm, double until)
{
	if (vmm->end[QMP].fd >= 0)
		return true;
	if (!reach(vmm, QMP, until, "{\"QMP\""))
		return false;
	return await(vmm, QMP, &vmm->end[QMP].seen, until, "\n") &&
	       command(vmm, until, "{\"execute\": \"qmp_capabilities\"}");
}

/* What a line of the monitor's or of QMP's was answered with. */
static char answered[65536];

static bool do_qmp(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	char *reply;

	if (!vmm || !reach_qmp(vmm, until))
		return false;
	reply = command(vmm, until, line);
	if (!reply)
		return false;
	snprintf(answered, sizeof(answered), "%.*s", (int)strcspn(reply, "\r\n"), reply);
	return true;
}

static bool do_until(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	const char *text = word(&line);
	char *reply;

	if (!vmm || !reach_qmp(vmm, until))
		return false;
	do {
		reply = command(vmm, until, line);
		if (!reply)
			return false;
		reply[strcspn(reply, "\r\n")] = ' ';
		snprintf(answered, sizeof(answered), "%.*s", (int)strcspn(reply, "\r\n"), reply);
		if (strstr(answered, text))
			return true;
		if (strstr(answered, "\"failed\""))
			return fail("%s", answered);
		for (int i = 0; i < POLL_TICKS; i++)
			turn(TICK_MS);
	} while (now() < until);
	return fail("not in time; last: %s", answered);
}

static bool do_event(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	char text[80];

	snprintf(text, sizeof(text), "\"event\": \"%s\"", line);
	return vmm && reach_qmp(vmm, until) && await(vmm, QMP, &vmm->events, until, text);
}

static bool do_monitor(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	struct end *end;
	size_t start;

	if (!vmm || !reach(vmm, MONITOR, until, "(qemu) "))
		return false;
	end = &vmm->end[MONITOR];
	start = end->seen;
	if (!write_all(end->fd, line, strlen(line)) || !write_all(end->fd, "\n", 1) ||
	    !await(vmm, MONITOR, &end->seen, until, "\n") ||
	    !await(vmm, MONITOR, &end->seen, until, "(qemu) "))
		return false;
	snprintf(answered, sizeof(answered), "%s", end->heard + start);
	return true;
}

static bool do_answer(char *line)
{
	return strstr(answered, line) || fail("the answer was: %.300s", answered);
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

static bool is_device(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && S_ISBLK(status.st_mode);
}

static bool do_copy(char *line)
{
	const char *from = word(&line), *to = word(&line);
	uint64_t size[512 / sizeof(uint64_t)] = { }, left;
	static char data[CHUNK];
	struct stat status;
	int in, out;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &status))
		return fail("%s: %s", from, strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (out < 0)
		return fail("%s: %s", to, strerror(errno));
	size[0] = status.st_size;
	if (is_device(in) && read(in, size, sizeof(size)) != sizeof(size))
		return fail("%s: %s", from, strerror(errno));
	if (is_device(out) && !write_all(out, (char *)size, sizeof(size)))
		return false;
	for (left = size[0]; left; ) {
		ssize_t got = read(in, data, left < sizeof(data) ? left : sizeof(data));

		if (got <= 0)
			return fail("%s has %llu bytes too few", from, (unsigned long long)left);
		if (!write_all(out, data, got))
			return false;
		left -= got;
	}
	if (fsync(out) && errno != EINVAL)
		return fail("%s: %s", to, strerror(errno));
	printf("# copied %llu bytes from %s to %s\n", (unsigned long long)size[0], from, to);
	close(in);
	close(out);
	return true;
}

/* Whether a file has a text, wherever. */
static bool file_has(const char *path, const char *text)
{
	static char data[CHUNK + LINE_MAX];
	size_t length = strlen(text), kept = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found = false;
	ssize_t size;

	while (fd >= 0 && !found && (size = read(fd, data + kept, CHUNK)) > 0) {
		found = memmem(data, kept + size, text, length);
		/* It may begin in this piece and end in the next. */
		size += kept;
		kept = (size_t)size < length ? (size_t)size : length;
		memmove(data, data + size - kept, kept);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

static bool do_holds(char *line)
{
	const char *path = word(&line);
	double until = now() + parse_number(&line);

	while (!file_has(path, line)) {
		if (now() > until)
			return fail("not in time");
		turn(TICK_MS);
	}
	return true;
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

/* End whoever is there still. */
static void end_all(void)
{
	double until = now() + KILL_SECONDS;
	int i, channel, left;

	for (i = 0; i < nr_vmms; i++)
		if (!vmms[i].ended)
			kill(vmms[i].pid, SIGKILL);
	do {
		turn(TICK_MS);
		for (left = 0, i = 0; i < nr_vmms; i++)
			left += !vmms[i].ended;
	} while (left && now() < until);
	if (left)
		fail("%d VMMs cannot be killed", left);
	for (i = 0; i < nr_vmms; i++) {
		close(vmms[i].input);
		for (channel = 0; channel < CHANNELS; channel++) {
			show_lines(&vmms[i], &vmms[i].end[channel], true);
			if (vmms[i].end[channel].fd >= 0)
				close(vmms[i].end[channel].fd);
			free(vmms[i].end[channel].heard);
		}
	}
	nr_vmms = 0;
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
