// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of the ABI's numbers.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

const char *name_of(const struct name *names, u32 number)
{
	for (; names->name; names++)
		if (names->number == number)
			return names->name;
	return "?";
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
