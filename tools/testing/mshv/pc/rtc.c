// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real-time clock. It says what time it is here; it cannot be set, has no
 * alarm, and is never in the middle of an update. A kernel that finds no clock
 * looks for one for three seconds.
 */

#include <time.h>

#include "rtc.h"

/* Registers and bits of the MC146818. */
#define REG_SECONDS	0
#define REG_MINUTES	2
#define REG_HOURS	4
#define REG_WEEKDAY	6
#define REG_DAY		7
#define REG_MONTH	8
#define REG_YEAR	9
#define REG_A		10
#define REG_B		11
#define REG_D		13
#define A_32768_HZ	0x26
#define B_24_HOURS	0x02
#define B_BINARY	0x04
#define D_VALID		0x80

static u8 selected;

void rtc_select(u8 reg)
{
	selected = reg & 0x7f;
}

u8 rtc_read(void)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (selected) {
	case REG_SECONDS:
		return tm.tm_sec;
	case REG_MINUTES:
		return tm.tm_min;
	case REG_HOURS:
		return tm.tm_hour;
	case REG_WEEKDAY:
		return tm.tm_wday + 1;
	case REG_DAY:
		return tm.tm_mday;
	case REG_MONTH:
		return tm.tm_mon + 1;
	case REG_YEAR:
		return tm.tm_year % 100;
	case REG_A:
		return A_32768_HZ;
	case REG_B:
		return B_24_HOURS | B_BINARY;
	case REG_D:
		return D_VALID;
	default:
		return 0;
	}
}
