/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event log: what the hypervisor saw and did, a line an event. Tests read
 * it, people can too. Its grammar is in the README.
 */
#ifndef _HVEMU_LOG_H
#define _HVEMU_LOG_H

#include <pthread.h>

#include <linux/compiler.h>
#include <linux/types.h>

/* Who an event is about, where that is no VP. */
#define LOG_NO_VP	(-1)

/**
 * log_open() - start the log, and the partition's clock
 * @path: where to write it; NULL for nowhere
 *
 * Return: 0 or a negative errno.
 */
int log_open(const char *path);

/**
 * log_time() - the partition's reference time
 *
 * It begins with log_open(). The guest reads the same clock in
 * HV_X64_MSR_TIME_REF_COUNT.
 *
 * Return: units of 100 ns.
 */
u64 log_time(void);

/**
 * log_cpu_time() - how long the calling thread has had a CPU, guest code included
 *
 * Return: units of 100 ns.
 */
u64 log_cpu_time(void);

/* Likewise another thread, which has not ended. */
u64 log_cpu_time_of(pthread_t thread);

/**
 * log_event() - write one event
 * @vp: index of the VP it is about, or LOG_NO_VP
 * @event: its name, one word
 * @fmt: what follows, as key=value pairs; "" for nothing
 *
 * Context: any thread.
 */
void log_event(int vp, const char *event, const char *fmt, ...)
	__printf(3, 4);

/**
 * log_violation() - write that the guest broke the protocol, and count it
 * @vp: index of the VP that did it, or LOG_NO_VP
 * @fmt: what it did, in words
 *
 * Said on stderr too, so that it is seen when no log is kept.
 *
 * Context: any thread.
 */
void log_violation(int vp, const char *fmt, ...)
	__printf(2, 3);

/* Violations are counted and logged, and no longer said on stderr. */
void log_be_silent(void);

/* How many violations there have been. */
unsigned int log_violations(void);

/* Write out what is buffered. */
void log_flush(void);

#endif /* _HVEMU_LOG_H */
