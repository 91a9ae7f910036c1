// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's end of the test port.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>

#include "../hv/hv_more.h"
#include "ask.h"

const char *ask(const char *fmt, ...)
{
	static char answer[8192];
	char line[512];
	va_list args;
	size_t used = 0;
	int length;
	char byte;

	va_start(args, fmt);
	length = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (length >= (int)sizeof(line) - 1)
		return "error too long";
	line[length++] = '\n';

	/* glibc's outsb() does not tell the compiler that it reads memory. */
	__asm__ __volatile__("" : : : "memory");
	outsb(HVEMU_PORT_TEST, line, length);
	do {
		byte = inb(HVEMU_PORT_TEST);
		answer[used++] = byte;
	} while (byte && used < sizeof(answer) - 1);
	answer[used] = '\0';
	return answer;
}

bool is_ok(const char *answer)
{
	return !strcmp(answer, "ok") || !strncmp(answer, "ok ", 3);
}
