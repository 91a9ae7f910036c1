/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel prints when something is wrong.
 */
#ifndef _HVEMU_COMPLAINT_H
#define _HVEMU_COMPLAINT_H

#include <stdbool.h>

/* Whether a line of the kernel's log says so. */
bool is_complaint(const char *line);

/* Look at the kernel's log, from its end on. Return: 0, or -1 with errno. */
int complaint_open(void);

/* The first complaint since the last call, or NULL. Valid until the next call. */
const char *complaint_new(void);

#endif /* _HVEMU_COMPLAINT_H */
