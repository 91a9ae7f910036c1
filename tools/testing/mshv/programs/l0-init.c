// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of L0, the Linux that provides KVM where the host has
 * none; and, run as an ordinary program on a host that has KVM, what makes the
 * same boots there.
 *
 *	l0-init [FOLDER]
 *
 * FOLDER (default /boots) has a file for each boot, made in the order of their
 * names: the arguments of hvemu, one a line. For each, the guest's console is
 * shown, its lines after "NAME| ", and a line
 *
 *	@boot NAME exit=STATUS milliseconds=N
 *
 * As PID 1 the console and the event log of each boot go to the host as members
 * NAME.console and NAME.events of a tar archive, through the virtio port
 * /dev/vport0p1, and L0 ends when all is done. Otherwise they are files in the
 * current folder. Either way the exit status is that of the last boot's hvemu.
 *
 * With a line "interactive" before the arguments, hvemu runs on the terminal, and
 * its console is not copied.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/compiler.h>

#define ARGUMENTS_MAX	128
#define BLOCK		512
#define LINE_MAX_SHOWN	16384
#define L0_EXIT_PORT	0xf4
#define PORT_TRIES	1000
#define PORT_WAIT_US	10000

static bool is_init;
static int archive = -1;

static void __noreturn finish(int status)
{
	fflush(stdout);
	if (is_init) {
		/*
		 * QEMU's isa-debug-exit: the quickest end of a machine. QEMU exits
		 * with twice this and one.
		 */
		if (!iopl(3))
			outb(status, L0_EXIT_PORT);
		reboot(RB_AUTOBOOT);
	}
	exit(status);
}

static void __noreturn die(const char *what)
{
	printf("@l0 error: %s: %s\n", what, strerror(errno));
	finish(1);
}

static void write_all(int fd, const void *data, size_t size)
{
	ssize_t n;

	for (; size; data += n, size -= n) {
		n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			die("writing");
	}
}

/* One member of a tar archive: POSIX ustar. */
static void archive_file(const char *name)
{
	char block[BLOCK] = { }, data[16 * BLOCK];
	unsigned int sum = 0, i;
	struct stat status;
	ssize_t size;
	int fd;

	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status))
		die(name);
	snprintf(block, 100, "%s", name);
	strcpy(block + 100, "0000644");
	strcpy(block + 108, "0000000");
	strcpy(block + 116, "0000000");
	snprintf(block + 124, 12, "%011lo", (unsigned long)status.st_size);
	strcpy(block + 136, "00000000000");
	memset(block + 148, ' ', 8);
	block[156] = '0';
	strcpy(block + 257, "ustar");
	memcpy(block + 263, "00", 2);
	for (i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	write_all(archive, block, BLOCK);

	while ((size = read(fd, data, sizeof(data))) > 0) {
		size_t whole = (size + BLOCK - 1) / BLOCK * BLOCK;

		memset(data + size, 0, whole - size);
		write_all(archive, data, whole);
	}
	close(fd);
	unlink(name);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Show what comes, a name before each line, and keep a copy. */
static void copy_console(const char *name, int from, int to)
{
	char data[4096], line[LINE_MAX_SHOWN];
	size_t used = 0;
	ssize_t size, i;

	while ((size = read(from, data, sizeof(data))) > 0) {
		write_all(to, data, size);
		for (i = 0; i < size; i++) {
			if (data[i] == '\n' || used == sizeof(line)) {
				printf("%s| %.*s\n", name, (int)used, line);
				used = 0;
			}
			if (data[i] != '\n')
				line[used++] = data[i];
		}
		fflush(stdout);
	}
	if (used)
		printf("%s| %.*s\n", name, (int)used, line);
}

static int run(const char *name, char **arguments, bool interactive)
{
	char console[NAME_MAX + 16];
	int ends[2], to, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (!interactive) {
			int nothing = open("/dev/null", O_RDWR);

			dup2(nothing, STDIN_FILENO);
			dup2(ends[1], STDOUT_FILENO);
			dup2(ends[1], STDERR_FILENO);
		}
		execv(arguments[0], arguments);
		fprintf(stderr, "%s: %s\n", arguments[0], strerror(errno));
		_exit(1);
	}
	close(ends[1]);
	snprintf(console, sizeof(console), "%s.console", name);
	to = open(console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (to < 0)
		die(console);
	copy_console(name, ends[0], to);
	close(ends[0]);
	close(to);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Returns how hvemu ended. */
static int make_boot(const char *folder, const char *name)
{
	char path[PATH_MAX], events[NAME_MAX + 16], text[8192];
	char *arguments[ARGUMENTS_MAX + 1];
	int count = 0, status, fd;
	bool interactive = false, too_many = false;
	ssize_t size;
	long start;
	char *line;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (size < 0)
		die(path);
	if (size == sizeof(text) - 1) {
		errno = E2BIG;
		die(path);
	}
	close(fd);
	text[size] = '\0';

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!count && !strcmp(line, "interactive"))
			interactive = true;
		else if (count < ARGUMENTS_MAX - 2)
			arguments[count++] = line;
		else
			too_many = true;
	}
	if (too_many) {
		errno = E2BIG;
		die(path);
	}
	snprintf(events, sizeof(events), "%s.events", name);
	arguments[count++] = "--event-log";
	arguments[count++] = events;
	arguments[count] = NULL;

	printf("@boot %s begins\n", name);
	fflush(stdout);
	start = milliseconds();
	status = run(name, arguments, interactive);
	printf("@boot %s exit=%d milliseconds=%ld\n", name, status, milliseconds() - start);
	fflush(stdout);
	if (archive >= 0) {
		snprintf(path, sizeof(path), "%s.console", name);
		archive_file(path);
		if (!access(events, F_OK))
			archive_file(events);
	}
	return status;
}

static int is_boot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/*
 * A device of the virtio console. The kernel is told of its ports while programs
 * run already.
 */
static int open_port(const char *path, int flags)
{
	int fd, tries;

	for (tries = 0; tries < PORT_TRIES; tries++) {
		fd = open(path, flags);
		if (fd >= 0)
			return fd;
		usleep(PORT_WAIT_US);
	}
	return fd;
}

/*
 * The kernel has opened /dev/console for this program, if that led anywhere at
 * the time.
 */
static void open_console(void)
{
	int fd = open_port("/dev/hvc0", O_RDWR), i;

	for (i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
		if (i != fd)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Each page of a child whose neighbour is not the parent's neighbour is one. */
static void allow_many_mappings(void)
{
	static const char count[] = "1000000";
	int fd = open("/proc/sys/vm/max_map_count", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, count, sizeof(count) - 1) < 0)
		printf("@l0 error: the number of mappings cannot be raised\n");
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/boots";
	char end[2 * BLOCK] = { };
	struct dirent **boots;
	int count, i, status = 0;

	is_init = getpid() == 1;
	if (is_init) {
		folder = "/boots";
		mount("proc", "/proc", "proc", 0, NULL);
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
		mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
		allow_many_mappings();
		chdir("/tmp");
		open_console();
		if (access("/dev/kvm", R_OK | W_OK)) {
			printf("@l0 error: this L0 has no /dev/kvm: QEMU does not emulate SVM\n");
			finish(1);
		}
		archive = open_port("/dev/vport0p1", O_WRONLY | O_CLOEXEC);
		if (archive < 0)
			die("/dev/vport0p1");
	}

	count = scandir(folder, &boots, is_boot, alphasort);
	if (count < 0)
		die(folder);
	for (i = 0; i < count; i++)
		status = make_boot(folder, boots[i]->d_name);
	if (archive >= 0)
		write_all(archive, end, sizeof(end));
	printf("@l0 done\n");
	finish(status);
}
