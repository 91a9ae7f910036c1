/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of the test port, see machine/test_port.h.
 */
#ifndef _HVEMU_ASK_H
#define _HVEMU_ASK_H

#include <stdbool.h>

#include <linux/compiler.h>

/**
 * ask() - what hvemu answers to a line
 * @fmt: the line
 *
 * One thread of one process at a time, which has called iopl().
 *
 * Return: the answer, up to the next call.
 */
const char *ask(const char *fmt, ...)
	__printf(1, 2);

/* Whether an answer says that all is well. */
bool is_ok(const char *answer);

#endif /* _HVEMU_ASK_H */
