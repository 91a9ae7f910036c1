/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases in which something fails while the driver comes or goes: hypercalls, memory.
 */
#ifndef _HVEMU_L1VH_FAULTS_H
#define _HVEMU_L1VH_FAULTS_H

void do_faults(char *targets, const char *expect);
void do_fail_load(void);
void do_unmap(void);

#endif /* _HVEMU_L1VH_FAULTS_H */
