// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel prints when something is wrong.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complaint.h"

static int log_file = -1;

bool is_complaint(const char *line)
{
	static const char * const words[] = {
		"BUG: ", "WARNING: ", "Oops", "general protection fault",
		"Kernel panic", "INFO: ", "unchecked MSR", "UBSAN: ", "KASAN: ",
		"KCSAN: ", "detected stall", "at module unload", "refcount_t: ",
		NULL,
	};
	const char * const *word;

	for (word = words; *word; word++)
		if (strstr(line, *word))
			return true;
	return false;
}

int complaint_open(void)
{
	log_file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_file < 0)
		return -1;
	return lseek(log_file, 0, SEEK_END) < 0 ? -1 : 0;
}

const char *complaint_new(void)
{
	static char first[256];
	char record[8192], *text;
	ssize_t size;

	first[0] = '\0';
	while ((size = read(log_file, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (size <= 0)
			continue;
		record[size] = '\0';
		text = strchr(record, ';');
		if (!text++ || first[0])
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (is_complaint(text))
			snprintf(first, sizeof(first), "%s", text);
	}
	return first[0] ? first : NULL;
}
