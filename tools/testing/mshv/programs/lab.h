/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab: somebody's command, in a folder of theirs or in a Debian of theirs.
 */
#ifndef _HVEMU_LAB_H
#define _HVEMU_LAB_H

#include <linux/compiler.h>

/**
 * lab() - make a system of what there is, and run what is asked for in it
 *
 * The kernel's command line says what there is (l1vh-init.c). The driver is loaded
 * already. Powers off at the end; of a Debian, its systemd does.
 */
void __noreturn lab(void);

/**
 * lab_end() - the command in a Debian has ended
 * @status: how, as a shell has it
 *
 * Tells hvemu. systemd has started this, and powers off next.
 *
 * Return: 0, or 1 if hvemu cannot be told.
 */
int lab_end(const char *status);

#endif /* _HVEMU_LAB_H */
