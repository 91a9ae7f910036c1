/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps that talk to a QEMU's monitor and to QMP.
 */
#ifndef _HVEMU_DRIVE_QEMU_H
#define _HVEMU_DRIVE_QEMU_H

#include <stdbool.h>

bool do_qmp(char *line);
bool do_until(char *line);
bool do_event(char *line);
bool do_monitor(char *line);
bool do_answer(char *line);

#endif /* _HVEMU_DRIVE_QEMU_H */
