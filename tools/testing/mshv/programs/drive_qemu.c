// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps that talk to a QEMU's monitor and to QMP.
 */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drive_qemu.h"
#include "drive_script.h"
#include "drive_vmm.h"

#define POLL_TICKS	25

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

bool do_qmp(char *line)
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

bool do_until(char *line)
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

bool do_event(char *line)
{
	struct vmm *vmm = find(word(&line));
	double until = now() + parse_number(&line);
	char text[80];

	snprintf(text, sizeof(text), "\"event\": \"%s\"", line);
	return vmm && reach_qmp(vmm, until) && await(vmm, QMP, &vmm->events, until, text);
}

bool do_monitor(char *line)
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

bool do_answer(char *line)
{
	return strstr(answered, line) || fail("the answer was: %.300s", answered);
}
