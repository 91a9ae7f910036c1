/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps that are about files and disks.
 */
#ifndef _HVEMU_DRIVE_FILES_H
#define _HVEMU_DRIVE_FILES_H

#include <stdbool.h>

bool do_mount(char *line);
bool do_file(char *line);
bool do_copy(char *line);
bool do_holds(char *line);

#endif /* _HVEMU_DRIVE_FILES_H */
