/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases about messages and doorbells that the SynIC delivers.
 */
#ifndef _HVEMU_L1VH_MESSAGES_H
#define _HVEMU_L1VH_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether nothing of what was sent to a VP is left; says what is. */
bool handled(int vp, char *pending, size_t size);

/* A message and a doorbell, as they come every day. */
void test_deliveries(int vp, const char *when);

void do_messages(void);
void do_unclaimed(void);

#endif /* _HVEMU_L1VH_MESSAGES_H */
