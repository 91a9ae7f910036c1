/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each step of a script needs: its words, the time, a reason where it fails.
 */
#ifndef _HVEMU_DRIVE_SCRIPT_H
#define _HVEMU_DRIVE_SCRIPT_H

#include <stdbool.h>

#include <linux/compiler.h>

/* Why the script has failed; empty: it has not. */
extern char reason[1024];

/* Keep the first reason that there is. Return: false. */
bool __printf(1, 2) fail(const char *fmt, ...);

/* Seconds, of a clock that only goes on. */
double now(void);

/* The next word of a line, or NULL. One with blanks stands in quotes. */
char *word(char **line);

/* The next word, as a number. */
double parse_number(char **line);

#endif /* _HVEMU_DRIVE_SCRIPT_H */
