// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on demand.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "names.h"

/* "@N" or "@N+", the end of a fault. */
static const char *fault_parse_when(struct fault *fault, const char *text)
{
	unsigned long nth;
	char *end;

	nth = strtoul(text, &end, 10);
	if (end == text || !nth || nth > UINT32_MAX)
		return "after @ comes the number of a call, from 1";
	fault->nth = nth;
	fault->onwards = *end == '+';
	if (end[fault->onwards])
		return "after @N only + may follow";
	return NULL;
}

static const char *fault_parse_result(struct fault *fault, const char *text)
{
	unsigned long delay;
	u32 status;
	char *end;

	if (!strncmp(text, "delay:", 6)) {
		delay = strtoul(text + 6, &end, 10);
		if (end == text + 6 || *end || delay > UINT32_MAX)
			return "after delay: comes a number of microseconds";
		fault->is_delay = true;
		fault->delay_us = delay;
		return NULL;
	}

	if (!number_of(status_names, "HV_STATUS_", text, &status) ||
	    status > UINT16_MAX)
		return "the result is neither a status nor delay:MICROSECONDS";
	fault->status = status;
	return NULL;
}

/* Cut @text at the last @mark; what follows it, or NULL. */
static char *cut(char *text, char mark)
{
	char *at = strrchr(text, mark);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

const char *fault_parse(struct fault *fault, const char *text)
{
	char *when, *result, *selector;
	const char *wrong;
	char copy[128];
	u32 code;

	*fault = (struct fault) { .any_selector = true };
	if (strlen(text) >= sizeof(copy))
		return "too long";
	strcpy(copy, text);

	when = cut(copy, '@');
	result = strchr(copy, '=');
	if (!result)
		return "it must be CODE[:SELECTOR]=RESULT[@N[+]]";
	*result++ = '\0';
	selector = cut(copy, ':');

	if (!number_of(hypercall_names, "HVCALL_", copy, &code) ||
	    code > UINT16_MAX)
		return "no such hypercall";
	fault->code = code;
	if (selector) {
		fault->any_selector = false;
		if (!number_of(property_names, "HV_PARTITION_PROPERTY_",
			       selector, &fault->selector))
			return "no such property";
	}

	wrong = fault_parse_result(fault, result);
	if (!wrong && when)
		wrong = fault_parse_when(fault, when);
	return wrong;
}

const char *fault_add(struct faults *faults, const char *text)
{
	struct fault fault;
	const char *wrong;

	wrong = fault_parse(&fault, text);
	if (wrong)
		return wrong;
	if (faults->count == FAULTS_MAX)
		return "there are too many faults";
	faults->list[faults->count++] = fault;
	return NULL;
}

bool fault_apply(struct faults *faults, u16 code, u32 selector, u16 *status,
		 u32 *delay_us)
{
	struct fault *fault;
	bool fails = false;

	*delay_us = 0;
	for (fault = faults->list; fault < faults->list + faults->count; fault++) {
		if (fault->code != code ||
		    (!fault->any_selector && fault->selector != selector))
			continue;

		fault->seen++;
		if (fault->nth && fault->seen != fault->nth &&
		    !(fault->onwards && fault->seen > fault->nth))
			continue;

		fault->applied++;
		if (fault->is_delay) {
			*delay_us += fault->delay_us;
		} else if (!fails) {
			*status = fault->status;
			fails = true;
		}
	}
	return fails;
}
