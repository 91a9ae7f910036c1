// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer does to the driver's files: it reads, closes and shares them.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz_vmm.h"

#define STATISTICS	"/sys/kernel/debug/mshv"
#define PARAMETERS	"/sys/module/mshv_root/parameters/"
#define POLL_MAX_NS	2000000
#define FORK_MS		10

static int some_fd(void)
{
	switch (chance(4)) {
	case 0:
		return some_vp()->fd;
	case 1:
		return fuzz_event();
	case 2:
		return world.device;
	default:
		return some_partition()->fd;
	}
}

void other_ioctl(void)
{
	unsigned long request = chance(2) ? fuzz_odd_number() :
				_IOC(chance(4), MSHV_IOCTL, chance(0x40), chance(512));

	/* Not of a terminal, nor of anything else that this process has by chance. */
	if (chance(4))
		request = (request & ~0xff00UL) | MSHV_IOCTL << 8;
	ask_driver(CALL_OTHER_IOCTL, some_partition()->fd, request, scratch, sizeof(scratch), "");
}

/* What can be read while that of which it tells goes. */
static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	while ((ret = read(fd, scratch, sizeof(scratch))) > 0)
		;
	ret = fuzz_errno(ret);
	close(fd);
	return ret;
}

void read_fdinfo(void)
{
	char path[40];
	int fd = some_fd();

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	fuzz_tried(CALL_FDINFO, read_file(path), "%d", fd);
}

void read_statistics(void)
{
	char path[300] = STATISTICS;
	struct dirent *entry, *chosen;
	size_t used;
	int depth;
	DIR *dir;

	for (depth = 0; depth < 8; depth++) {
		unsigned int seen = 0;
		char name[256] = "";

		dir = opendir(path);
		if (!dir)
			break;
		while ((entry = readdir(dir))) {
			chosen = entry->d_name[0] == '.' || chance(++seen) ? NULL : entry;
			if (chosen)
				snprintf(name, sizeof(name), "%s", chosen->d_name);
		}
		closedir(dir);
		used = strlen(path);
		if (!*name || used + strlen(name) + 2 > sizeof(path))
			return;
		path[used] = '/';
		strcpy(path + used + 1, name);
	}
	fuzz_tried(CALL_DEBUGFS, read_file(path), "%s", path);
}

void set_polling(void)
{
	int fd = open(PARAMETERS "halt_poll_ns", O_WRONLY | O_CLOEXEC);
	char text[12];
	int size = snprintf(text, sizeof(text), "%u", chance(2) ? chance(POLL_MAX_NS) : 0);

	if (fd < 0)
		return;
	fuzz_tried(CALL_PARAMETER, fuzz_errno(write(fd, text, size)), "%s", text);
	close(fd);
}

void close_something(void)
{
	atomic_int *place = chance(2) ? &some_vp()->fd : &some_partition()->fd;
	int fd;

	/* The first partition lasts a while, or there is little to do. */
	if (place == &world.partitions[0].fd && chance(4))
		return;
	fd = atomic_exchange(place, -1);
	if (fd >= 0)
		fuzz_tried(CALL_CLOSE, fuzz_errno(close(fd)), "%d", fd);
}

/* Another process has all of it, too, and its own memory: it runs a VP, and ends. */
void share(void)
{
	struct mshv_run_vp args;
	int fd = some_vp()->fd;
	pid_t pid = fork();

	if (!pid) {
		struct timespec pause = { .tv_nsec = FORK_MS * 1000000 };

		if (chance(2))
			mshv_ioctl(fd, MSHV_RUN_VP, &args);
		else
			nanosleep(&pause, NULL);
		_exit(0);
	}
	fuzz_tried(CALL_FORK, fuzz_errno(pid), "of %d", fd);
	if (pid < 0)
		return;
	usleep(FORK_MS * 1000);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
