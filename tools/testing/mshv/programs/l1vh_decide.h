/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases about what the driver finds, chooses and says when it is loaded.
 */
#ifndef _HVEMU_L1VH_DECIDE_H
#define _HVEMU_L1VH_DECIDE_H

#include <stdbool.h>

bool decision_begins_like(const char *expect);

void do_decide(const char *expect, const char *statistics);
void do_race(bool device_comes);

#endif /* _HVEMU_L1VH_DECIDE_H */
