// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of the ABI's numbers.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "names.h"

const char *name_of(const struct name *names, u32 number)
{
	/* Some of them, as more than one may stand in a line. */
	static __thread char raw[4][16];
	static __thread unsigned int next;
	char *text;

	for (; names->name; names++)
		if (names->number == number)
			return names->name;
	text = raw[next++ % ARRAY_SIZE(raw)];
	snprintf(text, sizeof(raw[0]), "0x%x", number);
	return text;
}

const char *status_name(u32 status)
{
	const struct name *names;

	for (names = status_names; names->name; names++)
		if (names->number == status)
			return names->name;
	return name_of(more_status_names, status);
}

bool number_of(const struct name *names, const char *prefix, const char *text,
	       u32 *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (end != text && !*end && *text != '-') {
		*number = value;
		return !errno && value <= UINT32_MAX;
	}

	if (!strncmp(text, prefix, strlen(prefix)))
		text += strlen(prefix);
	for (; names->name; names++) {
		if (!strcmp(names->name, text)) {
			*number = names->number;
			return true;
		}
	}
	return false;
}
