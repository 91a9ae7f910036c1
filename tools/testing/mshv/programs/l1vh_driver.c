// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver: its module, its files, its device.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mshv.h>

#include "ask.h"
#include "l1vh_driver.h"
#include "l1vh_log.h"

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = strlen(text);
	bool ok = fd >= 0 && write(fd, text, size) == size;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
}

/* Returns 0 or a negative errno. */
int load(void)
{
	int fd, ret;

	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

int unload(void)
{
	return syscall(SYS_delete_module, "mshv_root", 0) ? -errno : 0;
}

bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* The last value of a counter in a statistics file, 0 if it has none. */
static unsigned long long read_counter(const char *path, const char *counter, bool *readable)
{
	unsigned long long value = 0;
	char line[256], *colon;
	FILE *file;

	file = fopen(path, "r");
	*readable = file;
	while (file && fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (colon && !strncmp(line, counter, strlen(counter)))
			value = strtoull(colon + 1, NULL, 10);
	}
	if (file) {
		*readable = !ferror(file);
		fclose(file);
	}
	return value;
}

/*
 * Read every file below a folder. Returns in how many a counter is not 0, or -1
 * if something cannot be read.
 */
int count_counters(const char *folder, const char *counter)
{
	struct dirent *entry;
	char path[512];
	bool readable;
	int found = 0;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return -1;
	while (found >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR) {
			int more = count_counters(path, counter);

			found = more < 0 ? -1 : found + more;
		} else {
			found += read_counter(path, counter, &readable) > 0;
			if (!readable)
				found = -1;
		}
	}
	closedir(dir);
	return found;
}

/* The one word in a file of sysfs; empty if there is none. Valid until the next call. */
const char *word_in(const char *path)
{
	static char word[40];
	FILE *file = fopen(path, "re");

	word[0] = '\0';
	if (file) {
		if (fscanf(file, "%39s", word) != 1)
			word[0] = '\0';
		fclose(file);
	}
	return word;
}

void test_unload(void)
{
	const char *quiet;
	int error;

	error = unload();
	read_log();
	quiet = ask("quiet");
	test(!error && is_ok(quiet), "nothing is left after unloading # %s %s",
	     error ? strerror(-error) : "", quiet);
}

/* A child partition, or a negative errno. */
int create_partition(void)
{
	struct mshv_create_partition arguments = {
		.pt_isolation = MSHV_PT_ISOLATION_NONE,
	};
	int device, fd, error;

	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	fd = ioctl(device, MSHV_CREATE_PARTITION, &arguments);
	error = errno;
	close(device);
	return fd < 0 ? -error : fd;
}
