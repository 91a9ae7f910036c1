/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases about memory: what the driver, or a program that uses it, must not lose.
 */
#ifndef _HVEMU_L1VH_MEMORY_H
#define _HVEMU_L1VH_MEMORY_H

void do_reload(int count);
void do_program(const char *path, const char *arguments, const char *answer);
void do_soak(const char *path, const char *warm, const char *seconds,
	     unsigned int seed);

#endif /* _HVEMU_L1VH_MEMORY_H */
