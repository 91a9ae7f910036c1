// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of a child partition that vmm boots: says what it sees, offers
 * a shell line, and powers off.
 *
 *	# child: 2 CPUs, clock tsc, timer Hyper-V clockevent, kernel 7.3.4
 *	child# uname			(what is read, and what comes of it)
 *	# child: the line ended with status 0
 *
 * With /bin/busybox in the initramfs its shell does the line; without, the line is
 * only repeated: "# child: read: LINE". What vmm is given to type must wait for the
 * prompt: vmm --prompt 'child# '.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
#define TIMER		"/sys/devices/system/clockevents/clockevent0/current_device"
#define CONSOLE		"/dev/ttyS0"
#define CONSOLE_DEVICE	makedev(4, 64)
#define PAGE		4096
#define TURNS		50

/* What the thread on another processor sees. */
struct shared {
	atomic_char *kept;
	atomic_uint turns;
	atomic_bool stop;
};

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

static void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		snprintf(line, size, "unknown");
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

/*
 * Another processor goes on with memory that is taken away here: the kernel must have
 * that one forget each page before it can give the page to somebody else.
 */
static void *touch(void *argument)
{
	struct shared *shared = argument;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(1, &one);
	sched_setaffinity(0, sizeof(one), &one);
	while (!atomic_load(&shared->stop)) {
		atomic_fetch_add(&shared->turns, 1);
		atomic_store(shared->kept, 1);
	}
	return NULL;
}

static void share_memory(int cpus)
{
	struct shared shared = { };
	char *page, *own;
	pthread_t thread;
	int i, wrong = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	shared.kept = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared.kept == MAP_FAILED || pthread_create(&thread, NULL, touch, &shared)) {
		printf("# child: no thread on another processor\n");
		return;
	}
	while (!atomic_load(&shared.turns))
		;
	for (i = 0; i < TURNS; i++) {
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			break;
		*page = 1;
		munmap(page, PAGE);
		own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (own == MAP_FAILED)
			break;
		wrong += *own != 0;
		munmap(own, PAGE);
	}
	atomic_store(&shared.stop, true);
	pthread_join(thread, NULL);
	printf("# child: %d of %d processors share memory: %d pages went, %d wrong\n", 2, cpus, i,
	       wrong);
}

static void introduce(void)
{
	struct utsname name;
	char clock[64], timer[64];
	cpu_set_t cpus;

	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	read_line(CLOCK, clock, sizeof(clock));
	read_line(TIMER, timer, sizeof(timer));
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	uname(&name);
	printf("# child: %d CPUs, clock %s, timer %s, kernel %s\n", CPU_COUNT(&cpus), clock, timer,
	       name.release);
	if (CPU_COUNT(&cpus) > 1)
		share_memory(CPU_COUNT(&cpus));
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
