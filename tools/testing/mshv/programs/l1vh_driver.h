/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver: its module, its files, its device.
 */
#ifndef _HVEMU_L1VH_DRIVER_H
#define _HVEMU_L1VH_DRIVER_H

#include <stdbool.h>

#define MODULE		"/mshv_root.ko"
#define DEVICE		"/dev/mshv"
#define STATISTICS	"/sys/kernel/debug/mshv"
#define ATTRIBUTES	"/sys/class/misc/mshv/"

bool exists(const char *path);

/* With errno where it cannot. */
bool write_file(const char *path, const char *text);

/* The one word in a file of sysfs; empty if there is none. Valid until the next call. */
const char *word_in(const char *path);

/* These two return 0 or a negative errno. */
int load(void);
int unload(void);

/* Unload it; nothing of it may be left. */
void test_unload(void);

/*
 * Read every file below a folder. Returns in how many a counter is not 0, or -1
 * if something cannot be read.
 */
int count_counters(const char *folder, const char *counter);

/* A child partition, or a negative errno. */
int create_partition(void);

#endif /* _HVEMU_L1VH_DRIVER_H */
