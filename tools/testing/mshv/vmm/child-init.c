// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of a child partition that vmm boots: says what it sees, offers
 * a shell line, and powers off.
 *
 *	# child: 2 CPUs, clock tsc, kernel 7.3.4
 *	child# uname			(what is read, and what comes of it)
 *	# child: the line ended with status 0
 *
 * With /bin/busybox in the initramfs its shell does the line; without, the line is
 * only repeated: "# child: read: LINE". What vmm is given to type must wait for the
 * prompt: vmm --prompt 'child# '.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/serial.h>

#define BUSYBOX		"/bin/busybox"
#define CLOCK		"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CONSOLE		"/dev/ttyS0"
#define CONSOLE_DEVICE	makedev(4, 64)

/*
 * The port has no interrupt. The kernel expects one, and starts the port in vain; it
 * polls if told that there is none, when the port is opened the next time.
 */
static void set_polling(void)
{
	struct serial_struct serial;
	int fd = open(CONSOLE, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!ioctl(fd, TIOCGSERIAL, &serial) && serial.irq) {
		serial.irq = 0;
		ioctl(fd, TIOCSSERIAL, &serial);
	}
	close(fd);
}

/* Nothing else may have the port open when it is told. */
static void open_console(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	mkdir("/dev", 0755);
	mknod(CONSOLE, S_IFCHR | 0600, CONSOLE_DEVICE);
	set_polling();
	setsid();
	fd = open(CONSOLE, O_RDWR);
	if (fd == STDIN_FILENO) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
}

static void read_word(const char *path, char *word, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(word, size, file))
		snprintf(word, size, "unknown");
	word[strcspn(word, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void introduce(void)
{
	struct utsname name;
	char clock[64];
	cpu_set_t cpus;

	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	read_word(CLOCK, clock, sizeof(clock));
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	uname(&name);
	printf("# child: %d CPUs, clock %s, kernel %s\n", CPU_COUNT(&cpus), clock, name.release);
}

/* Returns the status of the line, as a shell has it. */
static int do_line(char *line)
{
	char *const arguments[] = { "busybox", "sh", "-c", line, NULL };
	int status = 0;
	pid_t pid;

	if (access(BUSYBOX, X_OK)) {
		printf("# child: read: %s\n", line);
		return 0;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execv(BUSYBOX, arguments);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	char line[1024];

	open_console();
	introduce();
	printf("child# ");
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("# child: the line ended with status %d\n", do_line(line));
	} else {
		printf("# child: no line: %s\n", strerror(errno));
	}
	fflush(stdout);
	/* Powering off does not wait for what the port has not sent. */
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	return 1;
}
