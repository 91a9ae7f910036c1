// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers and faults by chance.
 */

#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>

#include "chance.h"

#define DELAY_MAX_US	5000
#define HOG_MAX_US	20000
#define NTH_MAX		6

static __thread u64 state;

void chance_begin(u64 seed)
{
	state = seed;
}

/* splitmix64: seeds that are neighbours have nothing else in common. */
u32 chance(u32 below)
{
	u64 z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (u32)(z >> 33) % below;
}

/* To read, write and execute, as the driver asks for it. */
#define MAP_ALL		"MAP_GPA_PAGES:0x800f"

/* Hypercalls after whose failure nothing may be left. */
static const char * const fallible[] = {
	"CREATE_PARTITION", "INITIALIZE_PARTITION", "SET_PARTITION_PROPERTY",
	"GET_PARTITION_PROPERTY", "DEPOSIT_MEMORY", "CREATE_VP", "MAP_VP_STATE_PAGE",
	"0x131", MAP_ALL, "GET_VP_REGISTERS", "SET_VP_REGISTERS",
	"INSTALL_INTERCEPT", "ASSERT_VIRTUAL_INTERRUPT", "GET_VP_INDEX_FROM_APIC_ID",
	"DISPATCH_VP", "CREATE_PORT", "CONNECT_PORT",
};

/* Those that may only be slow; MAP_GPA_PAGES takes access away, too. */
static const char * const infallible[] = {
	"FINALIZE_PARTITION", "DELETE_PARTITION", "DELETE_VP", "UNMAP_GPA_PAGES",
	"MAP_GPA_PAGES",
	"UNMAP_VP_STATE_PAGE", "0x6d", "WITHDRAW_MEMORY", "DELETE_PORT",
	"DISCONNECT_PORT",
};

static const char * const statuses[] = {
	"ACCESS_DENIED", "INVALID_PARAMETER", "OPERATION_DENIED", "INSUFFICIENT_MEMORY",
	"INVALID_PARTITION_STATE", "INVALID_VP_STATE", "NO_RESOURCES", "TIME_OUT",
	"INSUFFICIENT_CONTIGUOUS_MEMORY", "UNKNOWN_PROPERTY", "0x7fff",
};

void chance_fault(char *text, size_t size)
{
	const char *call;

	switch (chance(9)) {
	case 0:
		snprintf(text, size, "signal=lose");
		break;
	case 1:
		snprintf(text, size, "signal=twice");
		break;
	case 2:
		snprintf(text, size, "signal=late:%u", chance(DELAY_MAX_US));
		break;
	case 3:
		snprintf(text, size, "signal=malformed");
		break;
	case 4:
		snprintf(text, size, "DISPATCH_VP=outcome:%u/%u", chance(4), chance(4));
		break;
	case 5:
		snprintf(text, size, "DISPATCH_VP=hog:%u", chance(HOG_MAX_US));
		break;
	case 6:
		call = chance(2) ? fallible[chance(ARRAY_SIZE(fallible))] :
				 infallible[chance(ARRAY_SIZE(infallible))];
		snprintf(text, size, "%s=delay:%u", call, chance(DELAY_MAX_US));
		break;
	default:
		snprintf(text, size, "%s=%s", fallible[chance(ARRAY_SIZE(fallible))],
			 statuses[chance(ARRAY_SIZE(statuses))]);
	}
	snprintf(text + strlen(text), size - strlen(text), "@%u", 1 + chance(NTH_MAX));
}
