// SPDX-License-Identifier: GPL-2.0-only
/*
 * Results of tests, and what the kernel has logged meanwhile.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/compiler.h>

#include "complaint.h"
#include "l1vh_log.h"

int tests, failures;
int kmsg = -1;

char decision[256];
char complaint[256];
int decisions;
int driver_lines;
char driver_line[256];
int driver_warnings;
int scheduler_errors;

#define LEVEL_ERROR	3
#define LEVEL_WARNING	4
#define LEVEL_MASK	7

void begin_case(void)
{
	decisions = 0;
	decision[0] = '\0';
	complaint[0] = '\0';
	driver_lines = 0;
	driver_warnings = 0;
	scheduler_errors = 0;
}

void __printf(2, 3) test(bool ok, const char *fmt, ...)
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
void read_log(void)
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
