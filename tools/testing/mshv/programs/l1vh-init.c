// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of the kernel under test, inside the emulated partition.
 *
 * Looks at what the driver did and reports it on the console in KTAP, then
 * powers off. The kernel command line says what to do:
 *
 *	do=decide	what did the driver find and choose? (default)
 *	do=reload	load and unload the module, COUNT times
 *	do=faults	load and unload it with each of FAULTS failing, with each
 *			status there is; FAULTS is a list "CODE:SELECTOR@N,..."
 *	do=fail-load	load it while each of the allocations of that fails once, and
 *			unload it likewise: those of the loading thread, and those of the
 *			kernel's threads that bring CPUs online
 *	do=messages	make the SynIC deliver messages and doorbells
 *	do=unclaimed	the same with messages that nobody waits for
 *	do=hotplug	CPU 1 comes online or goes offline while the driver is loaded,
 *			as cpu=online or cpu=offline says
 *	do=cycle	CPU 1 goes offline and comes back while messages are sent to it
 *	do=unmap	unload while no statistics page can be unmapped
 *	do=hibernate	hibernate, but for the image; with open=partition while a
 *			child partition is there; with changed=FAULT while the
 *			hypervisor's answers about the scheduler change
 *	do=race		open the device again and again while the module is loaded,
 *			which must fail, unless device=comes
 *	do=program	run program=PATH with arguments=WORDS, and show what it says; it
 *			is told answer=WORDS when it prompts
 *	do=soak		run program=PATH twice, for warm=SECONDS with seed=N and for
 *			seconds=N with the next seed: no memory may be lost meanwhile
 *	do=shell	a shell, if the initramfs has one, or shell=PATH
 *	do=lab		a system to work in: of the disk lab_root=DEVICE, or with busybox;
 *			with a folder from lab_files=DEVICE and one for lab_results=DEVICE.
 *			It runs /command of the initramfs, for lab_limit=SECONDS at most,
 *			between two lines that have lab_token=WORD, or a shell
 *	do=violate	break the protocol; do=leave: leave a SynIC enabled; do=panic,
 *			do=hang: for tests of hvemu itself
 *
 *	expect=WORD	the decision line must begin like this; "none": there must
 *			be no /dev/mshv; "silence": nor a line about it; absent:
 *			anything goes
 *	statistics=off	there is no debugfs: the driver must say so in one line, and
 *			go on; statistics=refused: likewise, in one or more
 *	sent=N		do=hotplug, do=cycle, do=hibernate: so many messages come when
 *			a CPU masks its SINT0
 *	late=1		do=hotplug, do=cycle: and an interrupt when it has disabled its
 *			SynIC
 *	all=1		do=cycle: those messages are in the CPU's reach, so none may
 *			wait when it is offline
 *	end=HOW		what do=hotplug ends with: reboot (default) or unload; with
 *			open=partition while a child partition is there
 *	cpus=N		so many CPUs must be online
 *	x2apic_mode=N	the local APIC must be (1) or not be (0) in x2APIC mode
 *
 * With a module in the initramfs (/mshv_root.ko), that is loaded; else the
 * driver is built in.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <hyperv/hvgdk_mini.h>

#include "ask.h"
#include "l1vh_decide.h"
#include "l1vh_driver.h"
#include "l1vh_faults.h"
#include "l1vh_log.h"
#include "l1vh_memory.h"
#include "l1vh_messages.h"
#include "l1vh_power.h"
#include "lab.h"
#include "program.h"

#define NO_MSR		0x40000fff
#define ORPHAN_US	100000
#define APIC_BASE	0x1b
#define APIC_BASE_X2APIC	BIT(10)

static bool read_msr(unsigned int msr, unsigned long long *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, value, sizeof(*value), msr) == sizeof(*value);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_msr(unsigned int msr, unsigned long long value)
{
	int fd = open("/dev/cpu/0/msr", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pwrite(fd, &value, sizeof(value), msr) == sizeof(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void do_violate(void)
{
	test(!write_msr(NO_MSR, 1), "an MSR that does not exist gives #GP");
	test(!strcmp(ask("violations"), "ok 1"), "hvemu has noticed");
}

static void do_leave(void)
{
	test(write_msr(HV_X64_MSR_SCONTROL, 1), "a SynIC is enabled");
}

static void do_panic(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	write(fd, "c", 1);
	test(false, "the kernel panics");
}

/*
 * Not the first program: leaves an orphan, which ends first. The first program is then
 * its parent, and must not take its end for that of what it waits for.
 */
static int leave_orphan(void)
{
	int ends[2];
	pid_t middle, orphan = 0;
	bool reaped;

	if (pipe2(ends, O_CLOEXEC))
		return 1;
	middle = fork();
	if (!middle) {
		orphan = fork();
		if (!orphan)
			usleep(ORPHAN_US);
		else if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	if (read(ends[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		return 1;
	usleep(5 * ORPHAN_US);
	reaped = kill(orphan, 0) && errno == ESRCH;
	printf("# the orphan is %s\n", reaped ? "reaped" : "there");
	return !reaped;
}

static void do_shell(const char *shell)
{
	int status;

	if (exists(MODULE))
		load();
	read_log();
	printf("# a shell; \"exit\" powers off\n");
	status = program_wait(program_shell(shell, NULL));
	test(!status, "%s ends with status 0 # %d", shell, status);
}

static void __noreturn do_lab(void)
{
	int error = exists(MODULE) ? load() : 0;

	read_log();
	if (error)
		printf("# load: %s\n", strerror(-error));
	printf("# device: %s\n", exists(DEVICE) ? "yes" : "no");
	lab();
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

int main(int argc, char **argv)
{
	const char *what, *expect, *mode;
	unsigned long long apic;
	int cpus;

	if (getpid() != 1)
		return argc > 2 && !strcmp(argv[1], "lab-end") ? lab_end(argv[2]) :
								  leave_orphan();
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || iopl(3)) {
		printf("Bail out! no kernel log, or no ports\n");
		reboot(RB_AUTOBOOT);
	}

	what = setting("do", "decide");
	expect = setting("expect", "");
	cpus = atoi(setting("cpus", "0"));
	printf("KTAP version 1\n");
	if (cpus)
		test(sysconf(_SC_NPROCESSORS_ONLN) == cpus, "%d CPUs are online", cpus);

	mode = setting("x2apic_mode", "");
	if (*mode)
		test(read_msr(APIC_BASE, &apic) && !!(apic & APIC_BASE_X2APIC) == atoi(mode),
		     "the APIC is in %s mode", atoi(mode) ? "x2APIC" : "xAPIC");

	if (!strcmp(what, "decide"))
		do_decide(expect, setting("statistics", ""));
	else if (!strcmp(what, "race"))
		do_race(!strcmp(setting("device", ""), "comes"));
	else if (!strcmp(what, "violate"))
		do_violate();
	else if (!strcmp(what, "leave"))
		do_leave();
	else if (!strcmp(what, "panic"))
		do_panic();
	else if (!strcmp(what, "hang"))
		pause();
	else if (!strcmp(what, "reload"))
		do_reload(atoi(setting("count", "10")));
	else if (!strcmp(what, "faults"))
		do_faults(strdup(setting("faults", "")), expect);
	else if (!strcmp(what, "fail-load"))
		do_fail_load();
	else if (!strcmp(what, "messages"))
		do_messages();
	else if (!strcmp(what, "unclaimed"))
		do_unclaimed();
	else if (!strcmp(what, "hotplug"))
		do_hotplug(setting("cpu", ""), atoi(setting("sent", "0")),
			   atoi(setting("late", "0")),
			   !strcmp(setting("open", ""), "partition"),
			   setting("end", "reboot"));
	else if (!strcmp(what, "cycle"))
		do_cycle(atoi(setting("sent", "0")), atoi(setting("late", "0")),
			 atoi(setting("all", "0")));
	else if (!strcmp(what, "unmap"))
		do_unmap();
	else if (!strcmp(what, "hibernate"))
		do_hibernate(!strcmp(setting("open", ""), "partition"), setting("changed", ""),
			     atoi(setting("sent", "0")));
	else if (!strcmp(what, "program"))
		do_program(setting("program", ""), setting("arguments", ""),
			   setting("answer", ""));
	else if (!strcmp(what, "soak"))
		do_soak(setting("program", ""), setting("warm", "1"),
			setting("seconds", "1"), strtoul(setting("seed", "1"), NULL, 0));
	else if (!strcmp(what, "shell"))
		do_shell(setting("shell", "/bin/busybox"));
	else if (!strcmp(what, "lab"))
		do_lab();
	else
		test(false, "there is no do=%s", what);

	/* The plan comes last: how many faults there are is not known before. */
	printf("1..%d\n", tests);
	fflush(stdout);
	/* Or the kernel's last words come in between. */
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(how_to_end);
	return failures > 0;
}
