/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results of tests, and what the kernel has logged meanwhile.
 */
#ifndef _HVEMU_L1VH_LOG_H
#define _HVEMU_L1VH_LOG_H

#include <stdbool.h>

#include <linux/compiler.h>

/* How many tests there were, and how many of them have failed. */
extern int tests, failures;

/* The kernel's log. */
extern int kmsg;

/*
 * What the kernel's log has had since a case began: the last decision, how many
 * there were, and the first complaint; how many lines the driver had, how many at
 * least as warnings, and how many as errors about the scheduler.
 */
extern char decision[256];
extern char complaint[256];
extern int decisions;
extern int driver_lines;
extern char driver_line[256];	/* the last of them */
extern int driver_warnings;
extern int scheduler_errors;

void begin_case(void);

void __printf(2, 3) test(bool ok, const char *fmt, ...);

/* Read on in the kernel's log, and show what the driver said there. */
void read_log(void);

#endif /* _HVEMU_L1VH_LOG_H */
