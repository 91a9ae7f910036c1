// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on demand.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

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

/* Whole of @text is a number; where it ends otherwise is left in @end. */
static bool parse_value(const char *text, char **end, u32 max, u32 *value)
{
	unsigned long number = strtoul(text, end, 0);

	*value = number;
	return *end != text && *text != '-' && number <= max;
}

static const char *fault_parse_outcome(struct fault *fault, const char *text)
{
	u32 state, event;
	char *end;

	if (!parse_value(text, &end, UINT16_MAX, &state) || *end != '/' ||
	    !parse_value(end + 1, &end, UINT16_MAX, &event) || *end)
		return "after outcome: comes STATE/EVENT, two numbers";
	fault->value = state | event << 16;
	return NULL;
}

/* What does not fail a call but twists it. */
static const struct {
	const char *name;
	enum fault_kind kind;
	u16 code;		/* which it is for; 0: any hypercall */
	bool microseconds;
} kinds[] = {
	{ "delay:", FAULT_DELAY, 0, true },
	{ "outcome:", FAULT_OUTCOME, HVCALL_DISPATCH_VP, false },
	{ "hog:", FAULT_HOG, HVCALL_DISPATCH_VP, true },
	{ "lose", FAULT_LOSE, FAULT_SIGNAL, false },
	{ "twice", FAULT_TWICE, FAULT_SIGNAL, false },
	{ "late:", FAULT_LATE, FAULT_SIGNAL, true },
	{ "malformed", FAULT_MALFORMED, FAULT_SIGNAL, false },
};

static const char *fault_parse_result(struct fault *fault, const char *text)
{
	unsigned int i;
	u32 status;
	char *end;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].name);
		const char *rest = text + length;

		if (strncmp(text, kinds[i].name, length))
			continue;
		if (kinds[i].code ? kinds[i].code != fault->code : fault->code == FAULT_SIGNAL)
			return "such a result is for something else, see --help";
		fault->kind = kinds[i].kind;
		if (kinds[i].kind == FAULT_OUTCOME)
			return fault_parse_outcome(fault, rest);
		if (!kinds[i].microseconds)
			return *rest ? "nothing follows such a result but @N" : NULL;
		if (!parse_value(rest, &end, UINT32_MAX, &fault->value) || *end)
			return "after the colon comes a number of microseconds";
		return NULL;
	}

	if (fault->code == FAULT_SIGNAL)
		return "a signal can be lost, sent twice, late or malformed, see --help";
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

	if (!strcmp(copy, "signal"))
		code = FAULT_SIGNAL;
	else if (!number_of(hypercall_names, "HVCALL_", copy, &code) ||
		 code >= FAULT_SIGNAL)
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

/* Whether it is this one's turn. */
static bool is_due(struct fault *fault)
{
	fault->seen++;
	if (fault->nth && fault->seen != fault->nth &&
	    !(fault->onwards && fault->seen > fault->nth))
		return false;
	fault->applied++;
	return true;
}

bool fault_apply(struct faults *faults, u16 code, u32 selector, u16 *status,
		 u32 *delay_us)
{
	struct fault *fault;
	bool fails = false;

	*delay_us = 0;
	for (fault = faults->list; fault < faults->list + faults->count; fault++) {
		if (fault->code != code || fault->kind > FAULT_DELAY ||
		    (!fault->any_selector && fault->selector != selector))
			continue;
		if (!is_due(fault))
			continue;
		if (fault->kind == FAULT_DELAY) {
			*delay_us += fault->value;
		} else if (!fails) {
			*status = fault->status;
			fails = true;
		}
	}
	return fails;
}

enum fault_kind fault_twist(struct faults *faults, u16 code, u32 *value)
{
	enum fault_kind kind = FAULT_STATUS;
	struct fault *fault;

	for (fault = faults->list; fault < faults->list + faults->count; fault++) {
		if (fault->code != code || fault->kind <= FAULT_DELAY || !is_due(fault) ||
		    kind != FAULT_STATUS)
			continue;
		kind = fault->kind;
		*value = fault->value;
	}
	return kind;
}
