// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lab: somebody's command, in a folder of theirs or in a Debian of theirs.
 *
 * The system is a disk, or if there is none, a small one in memory with busybox.
 * Either way it is a root of its own, not the initramfs: that cannot be pivoted away,
 * which what confines VMMs wants to do.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>

#include "ask.h"
#include "lab.h"
#include "program.h"

#define ROOT		"/root"		/* of the initramfs: where the system comes to be */
#define COMMAND		"/command"	/* in the initramfs: what to run */
#define COMMAND_MAX	65536
#define BUSYBOX		"/bin/busybox"
#define OURS		"/run/mshv-lab"	/* in the system */
#define DISK		OURS "/disk"	/* what comes back: results/, dmesg */
#define KERNEL_LOG	DISK "/dmesg"
#define LOG_READ_ALL	3		/* of syslog(2) */
#define LOG_SIZE	10
#define STATUS_LATE	124		/* as timeout(1) has it */
#define STATUS_FAILED	125		/* of the lab itself */
#define END_MS		3000

/* Folders of the user's that stand for the system's own, for a loader and libraries. */
static const char * const linked[] = { "lib", "lib32", "lib64", "usr", "opt", NULL };

static const struct {
	const char *type, *where, *options;
} mounts[] = {
	{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "mqueue", "/dev/mqueue", NULL },
	{ "hugetlbfs", "/dev/hugepages", NULL },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "tmpfs", "/run", "mode=755" },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
	{ "tracefs", "/sys/kernel/tracing", NULL },
};

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void __noreturn power_off(void)
{
	sync();
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void __noreturn __printf(1, 2) fail(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ask("mark lab-failed %s", text);
	power_off();
}

static bool write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	bool good = file && fputs(text, file) >= 0;

	return file && !fclose(file) && good;
}

static bool copy_file(const char *from, const char *to, mode_t mode)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	char data[65536];
	ssize_t size = -1;

	while (in >= 0 && out >= 0 && (size = read(in, data, sizeof(data))) > 0)
		if (write(out, data, size) != size)
			size = -1;
	close(in);
	close(out);
	return !size;
}

static void make_folders(const char *first, ...)
{
	const char *folder;
	va_list args;

	va_start(args, first);
	for (folder = first; folder; folder = va_arg(args, const char *))
		mkdir(folder, 0755);
	va_end(args);
}

/* A disk, or another file system, at a place of its own. */
static void mount_disk(const char *device, const char *where)
{
	mkdir(where, 0755);
	if (mount(device, where, "ext4", 0, NULL))
		fail("%s cannot be mounted at %s: %s", device, where, strerror(errno));
}

/* The system in memory: busybox, and what programs look up. */
static void make_small_system(void)
{
	if (mount("root", ROOT, "tmpfs", 0, "mode=755"))
		fail("no memory for the system: %s", strerror(errno));
	make_folders(ROOT "/bin", ROOT "/dev", ROOT "/etc", ROOT "/mnt", ROOT "/proc",
		     ROOT "/root", ROOT "/run", ROOT "/sys", ROOT "/tmp", ROOT "/var", NULL);
	if (!copy_file(BUSYBOX, ROOT BUSYBOX, 0755))
		fail("no busybox: %s", strerror(errno));
	symlink("/bin", ROOT "/sbin");
	symlink("/run", ROOT "/var/run");
	symlink("/tmp", ROOT "/var/tmp");
	write_text(ROOT "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
				       "nobody:x:65534:65534:nobody:/:/bin/false\n");
	write_text(ROOT "/etc/group", "root:x:0:\ntty:x:5:\nkvm:x:106:\nnogroup:x:65534:\n");
	write_text(ROOT "/etc/hosts", "127.0.0.1 localhost mshv-lab\n");
	write_text(ROOT "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
}

static void mount_more(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].where, 0755);
		/* What this kernel has not will be missed by those who need it. */
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options);
	}
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +cpuset +memory +pids");
	symlink("/proc/self/fd", "/dev/fd");
}

static void start_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &request)) {
		request.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
	sethostname("mshv-lab", strlen("mshv-lab"));
}

static void link_folders(void)
{
	const char * const *name;
	char here[64], there[64];

	for (name = linked; *name; name++) {
		snprintf(there, sizeof(there), "/lab/%s", *name);
		snprintf(here, sizeof(here), "/%s", *name);
		if (!access(there, F_OK))
			symlink(there, here);
	}
}

/* The user's folder, and where the results go. */
static void mount_disks(void)
{
	if (*setting("lab_files"))
		mount_disk(setting("lab_files"), "/lab");
	else
		mkdir("/lab", 0755);
	if (!*setting("lab_results"))
		return;
	mkdir(OURS, 0755);
	mount_disk(setting("lab_results"), DISK);
	mkdir("/results", 0755);
	mkdir(DISK "/results", 0755);
	if (mount(DISK "/results", "/results", NULL, MS_BIND, NULL))
		fail("there is no place for results: %s", strerror(errno));
}

/* What the kernel has said, for who looks for the reason of something. */
static void keep_kernel_log(void)
{
	int size = klogctl(LOG_SIZE, NULL, 0);
	char *log = size > 0 ? malloc(size) : NULL;
	FILE *file;

	if (!log || !*setting("lab_results"))
		return;
	size = klogctl(LOG_READ_ALL, log, size);
	file = fopen(KERNEL_LOG, "we");
	if (file && size > 0)
		fwrite(log, size, 1, file);
	if (file)
		fclose(file);
	free(log);
}

/* Nothing is left running, partitions of its least of all. */
static void end_programs(void)
{
	int ms;

	kill(-1, SIGKILL);
	for (ms = 0; ms < END_MS; ms += 10) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		usleep(10000);
	}
}

static void read_command(char *command)
{
	int fd = open(COMMAND, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, command, COMMAND_MAX - 1);

	command[size > 0 ? size : 0] = '\0';
	close(fd);
}

static void set_environment(void)
{
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("PATH", "/lab:/lab/bin:/lab/sbin:/usr/bin:/usr/sbin:/bin", 1);
	setenv("LD_LIBRARY_PATH", "/lab:/lab/lib", 1);
	setenv("RESULTS", "/results", 1);
}

/* Say how a command ended, in the event log: nobody else writes there. */
static void tell(int status)
{
	ask("mark lab-exit %d", status);
}

static bool is_late;

/* All but the first program. */
static void end_late(int signal)
{
	(void)signal;
	__atomic_store_n(&is_late, true, __ATOMIC_RELAXED);
	kill(-1, SIGKILL);
}

static void __noreturn run_here(const char *command)
{
	const char *token = setting("lab_token");
	int status;
	pid_t pid;

	chdir("/lab");
	set_environment();
	if (*command)
		printf("\n# lab %s begins\n", token);
	else
		printf("# a shell in /lab; /results comes back; \"exit\" powers off\n");
	fflush(stdout);
	signal(SIGALRM, end_late);
	pid = program_shell(BUSYBOX, *command ? command : NULL);
	alarm(atoi(setting("lab_limit")));
	status = pid < 0 ? STATUS_FAILED : program_wait(pid);
	alarm(0);
	if (__atomic_load_n(&is_late, __ATOMIC_RELAXED))
		status = STATUS_LATE;
	end_programs();
	/* Its last line may have had no end. */
	printf("\n# lab %s ends\n", token);
	tell(*command ? status : 0);
	keep_kernel_log();
	chdir("/");
	sync();
	umount("/results");
	umount(DISK);
	power_off();
}

/*
 * systemd reads units from /run before its own. A command's output goes to the
 * console; without a command root has a shell there.
 */
static void write_units(const char *command)
{
	char unit[1024], limit[64] = "";

	make_folders("/run/systemd", "/run/systemd/system", NULL);
	if (!*command) {
		make_folders("/run/systemd/system/serial-getty@ttyS0.service.d", NULL);
		write_text("/run/systemd/system/serial-getty@ttyS0.service.d/lab.conf",
			   "[Service]\nExecStart=\n"
			   "ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,9600 - linux\n");
		return;
	}
	write_text(OURS "/command", command);
	if (atoi(setting("lab_limit")))
		snprintf(limit, sizeof(limit), "timeout -k 5 %d ", atoi(setting("lab_limit")));
	snprintf(unit, sizeof(unit),
		 "[Unit]\n"
		 "After=systemd-user-sessions.service network.target\n"
		 "SuccessAction=poweroff\nFailureAction=poweroff\n"
		 "[Service]\n"
		 "Type=oneshot\n"
		 "Environment=HOME=/root RESULTS=/results PATH=/lab:/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		 "WorkingDirectory=/lab\n"
		 "StandardInput=null\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/ttyS0\n"
		 "ExecStart=" OURS "/run %s\n", setting("lab_token"));
	write_text("/run/systemd/system/mshv-lab.service", unit);
	snprintf(unit, sizeof(unit),
		 "#!/bin/sh\n"
		 "printf '\\n# lab %%s begins\\n' \"$1\"\n"
		 "%ssh -c \"$(cat " OURS "/command)\"\n"
		 "status=$?\n"
		 "printf '\\n# lab %%s ends\\n' \"$1\"\n"
		 "dmesg >" KERNEL_LOG " 2>/dev/null\n"
		 "exec " OURS "/init lab-end \"$status\"\n", limit);
	write_text(OURS "/run", unit);
	chmod(OURS "/run", 0755);
}

/* What systemd and a command's end will need of the initramfs. */
static void prepare_run(void)
{
	if (mount("tmpfs", ROOT "/run", "tmpfs", 0, "mode=755"))
		fail("the image has no /run: %s", strerror(errno));
	mkdir(ROOT OURS, 0755);
	if (!copy_file("/init", ROOT OURS "/init", 0755))
		fail("no program for the end: %s", strerror(errno));
}

static void __noreturn run_debian(const char *command)
{
	write_units(command);
	mount_disks();
	execl("/sbin/init", "/sbin/init", NULL);
	fail("/sbin/init of the image does not run: %s", strerror(errno));
}

static void take_along(const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), ROOT "%s", name);
	mkdir(to, 0755);
	if (mount(name, to, NULL, MS_MOVE, NULL))
		fail("%s cannot be moved: %s", name, strerror(errno));
}

void __noreturn lab(void)
{
	const char *root = setting("lab_root");
	char *command = malloc(COMMAND_MAX);

	read_command(command);
	mkdir(ROOT, 0755);
	if (*root) {
		mount_disk(root, ROOT);
		prepare_run();
	} else {
		make_small_system();
	}
	take_along("/dev");
	take_along("/proc");
	take_along("/sys");
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("the system is no root: %s", strerror(errno));
	if (*root)
		run_debian(command);
	mount_more();
	start_loopback();
	mount_disks();
	link_folders();
	if (program_wait(program_shell(BUSYBOX, BUSYBOX " --install -s /bin")))
		fail("busybox cannot be installed");
	run_here(command);
}

int lab_end(const char *status)
{
	if (iopl(3))
		return 1;
	tell(atoi(status));
	return 0;
}
