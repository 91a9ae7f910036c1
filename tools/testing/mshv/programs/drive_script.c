// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each step of a script needs: its words, the time, a reason where it fails.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/compiler.h>

#include "drive_script.h"

char reason[1024];

bool __printf(1, 2) fail(const char *fmt, ...)
{
	va_list args;

	if (reason[0])
		return false;
	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	return false;
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* The next word of a line, or NULL. One with blanks stands in quotes. */
char *word(char **line)
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

double parse_number(char **line)
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
