// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a test finds in the kernel's log: see test_log.h.
 */

#include <linux/kmsg_dump.h>
#include <linux/string.h>

#include "test_log.h"

/**
 * test_log_count() - count lines that have been logged
 * @iter: since when, from test_log_end(); stays as it is
 * @text: what a line must contain to count
 *
 * Return: the number of lines.
 */
unsigned int test_log_count(struct kmsg_dump_iter iter, const char *text)
{
	char line[256];
	unsigned int n = 0;
	size_t len;

	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		n += !!strstr(line, text);
	}

	return n;
}
