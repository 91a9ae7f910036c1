// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event log.
 */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

static FILE *log_file;
static u64 log_start;
static atomic_uint log_violation_count;
static bool log_silent;

static u64 read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (u64)now.tv_sec * 10000000 + (u64)now.tv_nsec / 100;
}

int log_open(const char *path)
{
	log_start = read_clock(CLOCK_MONOTONIC);
	atomic_store(&log_violation_count, 0);
	if (!path)
		return 0;

	log_file = fopen(path, "w");
	if (!log_file)
		return -errno;
	return 0;
}

u64 log_time(void)
{
	return read_clock(CLOCK_MONOTONIC) - log_start;
}

u64 log_cpu_time(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

u64 log_cpu_time_of(pthread_t thread)
{
	clockid_t clock;

	return pthread_getcpuclockid(thread, &clock) ? 0 : read_clock(clock);
}

/* One line, whole: other threads write too. */
static void log_line(int vp, const char *event, const char *fmt, va_list args)
{
	char who[16] = "-";

	if (vp != LOG_NO_VP)
		snprintf(who, sizeof(who), "vp%d", vp);

	flockfile(log_file);
	fprintf(log_file, "%llu %s %s", (unsigned long long)log_time(), who, event);
	if (*fmt) {
		putc_unlocked(' ', log_file);
		vfprintf(log_file, fmt, args);
	}
	putc_unlocked('\n', log_file);
	funlockfile(log_file);
}

void log_event(int vp, const char *event, const char *fmt, ...)
{
	va_list args;

	if (!log_file)
		return;

	va_start(args, fmt);
	log_line(vp, event, fmt, args);
	va_end(args);
}

void log_violation(int vp, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	atomic_fetch_add(&log_violation_count, 1);
	log_event(vp, "violation", "text=\"%s\"", text);
	if (!log_silent)
		fprintf(stderr, "hvemu: violation: %s\n", text);
}

void log_be_silent(void)
{
	log_silent = true;
}

unsigned int log_violations(void)
{
	return atomic_load(&log_violation_count);
}

void log_flush(void)
{
	if (log_file)
		fflush(log_file);
}
