// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMMs that a script has started: what they say, and waiting for it.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drive_script.h"
#include "drive_vmm.h"

#define VMMS_MAX	4
#define WORDS_MAX	96
#define HEARD_MAX	0x100000
/* More of a line is not shown. */
#define SHOWN_MAX	400
#define KILL_SECONDS	20
#define LATE_SECONDS	10
/* A guest may have to boot meanwhile. */
#define NUDGE_SECONDS	30

static struct vmm vmms[VMMS_MAX];
static int nr_vmms;

/* Without what would make a terminal of it. */
void show(const struct vmm *vmm, const char *text, size_t size, char sign)
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
void turn(int milliseconds)
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

struct vmm *find(const char *name)
{
	int i;

	for (i = 0; name && i < nr_vmms; i++)
		if (!strcmp(vmms[i].name, name))
			return &vmms[i];
	fail("there is no VMM %s", name ?: "without a name");
	return NULL;
}

/* The last line that is not blank, for whoever asks what went on. */
const char *last_line(const struct end *end)
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

enum patience wait_on(const struct vmm *vmm, enum patience so_far, double *until)
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
bool fail_late(enum patience patience, const char *what)
{
	if (patience == LATE)
		return fail("%s, and then it did: it is only slow", what);
	return fail("%s, but once its threads had more signals", what);
}

/* Wait until an end says a text. Where it stands, or NULL. */
char *await(struct vmm *vmm, enum channel channel, size_t *from, double until,
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

bool write_all(int fd, const char *text, size_t size)
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

bool do_start(char *line)
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

/* End whoever is there still. */
void end_all(void)
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
