/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases in which CPUs, or the whole machine, go away and come back.
 */
#ifndef _HVEMU_L1VH_POWER_H
#define _HVEMU_L1VH_POWER_H

#include <stdbool.h>

/* For reboot(2), when all is done. */
extern int how_to_end;

void do_hotplug(const char *cpu, int sent, bool late, bool partition_open,
		const char *end);
void do_cycle(int sent, bool late, bool all);
void do_hibernate(bool partition_open, const char *changed, int sent);

#endif /* _HVEMU_L1VH_POWER_H */
