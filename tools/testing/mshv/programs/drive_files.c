// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps that are about files and disks.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drive_files.h"
#include "drive_script.h"
#include "drive_vmm.h"

#define LINE_MAX	4096
#define CHUNK		65536

bool do_mount(char *line)
{
	const char *device = word(&line), *folder = word(&line);

	return !mount(device, folder, "ext4", MS_RDONLY, NULL) || fail("%s", strerror(errno));
}

bool do_file(char *line)
{
	char *path = word(&line);
	double size = parse_number(&line);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		return fail("%s: %s", path, strerror(errno));
	close(fd);
	return true;
}

static bool is_device(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && S_ISBLK(status.st_mode);
}

bool do_copy(char *line)
{
	const char *from = word(&line), *to = word(&line);
	uint64_t size[512 / sizeof(uint64_t)] = { }, left;
	static char data[CHUNK];
	struct stat status;
	int in, out;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &status))
		return fail("%s: %s", from, strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (out < 0)
		return fail("%s: %s", to, strerror(errno));
	size[0] = status.st_size;
	if (is_device(in) && read(in, size, sizeof(size)) != sizeof(size))
		return fail("%s: %s", from, strerror(errno));
	if (is_device(out) && !write_all(out, (char *)size, sizeof(size)))
		return false;
	for (left = size[0]; left; ) {
		ssize_t got = read(in, data, left < sizeof(data) ? left : sizeof(data));

		if (got <= 0)
			return fail("%s has %llu bytes too few", from, (unsigned long long)left);
		if (!write_all(out, data, got))
			return false;
		left -= got;
	}
	if (fsync(out) && errno != EINVAL)
		return fail("%s: %s", to, strerror(errno));
	printf("# copied %llu bytes from %s to %s\n", (unsigned long long)size[0], from, to);
	close(in);
	close(out);
	return true;
}

/* Whether a file has a text, wherever. */
static bool file_has(const char *path, const char *text)
{
	static char data[CHUNK + LINE_MAX];
	size_t length = strlen(text), kept = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found = false;
	ssize_t size;

	while (fd >= 0 && !found && (size = read(fd, data + kept, CHUNK)) > 0) {
		found = memmem(data, kept + size, text, length);
		/* It may begin in this piece and end in the next. */
		size += kept;
		kept = (size_t)size < length ? (size_t)size : length;
		memmove(data, data + size - kept, kept);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

bool do_holds(char *line)
{
	const char *path = word(&line);
	double until = now() + parse_number(&line);

	while (!file_has(path, line)) {
		if (now() > until)
			return fail("not in time");
		turn(TICK_MS);
	}
	return true;
}
