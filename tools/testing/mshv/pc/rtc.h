/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real-time clock: an MC146818 that can be read.
 */
#ifndef _HVEMU_RTC_H
#define _HVEMU_RTC_H

#include <linux/types.h>

#define RTC_INDEX_PORT	0x70
#define RTC_DATA_PORT	0x71

/* The guest chooses a register, and reads it. */
void rtc_select(u8 reg);
u8 rtc_read(void);

#endif /* _HVEMU_RTC_H */
