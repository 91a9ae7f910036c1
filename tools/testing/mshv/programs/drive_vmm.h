/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMMs that a script has started: what they say, and waiting for it.
 */
#ifndef _HVEMU_DRIVE_VMM_H
#define _HVEMU_DRIVE_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TICK_MS		20

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

/* Without what would make a terminal of it. */
void show(const struct vmm *vmm, const char *text, size_t size, char sign);

/* Hear everybody, and see who has ended. */
void turn(int milliseconds);

struct vmm *find(const char *name);

/* The last line that is not blank, for whoever asks what went on. */
const char *last_line(const struct end *end);

/* Time is over: first it is only waited on, then there are signals, then it has failed. */
enum patience {
	IN_TIME,
	LATE,
	NUDGED,
	OVER
};

enum patience wait_on(const struct vmm *vmm, enum patience so_far, double *until);

/* It came after all. */
bool fail_late(enum patience patience, const char *what);

/* Wait until an end says a text. Where it stands, or NULL. */
char *await(struct vmm *vmm, enum channel channel, size_t *from, double until,
	    const char *text);

bool write_all(int fd, const char *text, size_t size);

/* Start a program, as a line says. */
bool do_start(char *line);

/* End whoever is there still. */
void end_all(void);

#endif /* _HVEMU_DRIVE_VMM_H */
