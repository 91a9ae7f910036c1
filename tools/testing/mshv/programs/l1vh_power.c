// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases in which CPUs, or the whole machine, go away and come back.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <hyperv/hvgdk_mini.h>

#include "ask.h"
#include "l1vh_driver.h"
#include "l1vh_log.h"
#include "l1vh_messages.h"
#include "l1vh_power.h"

int how_to_end = RB_POWER_OFF;

static bool set_cpu1(bool online)
{
	return write_file("/sys/devices/system/cpu/cpu1/online", online ? "1" : "0");
}

/* Arrange what comes when a VP's SynIC is taken out of use. */
static void arrange(int vp, int sent, bool late)
{
	if (sent && !is_ok(ask("at-mask %d %d %#x 0x100000000 42", vp, sent,
			       HVMSG_SCHEDULER_VP_SIGNAL_PAIR)))
		test(false, "messages are arranged for VP %d", vp);
	if (late && !is_ok(ask("late %d", vp)))
		test(false, "a late interrupt is arranged for VP %d", vp);
}

/*
 * Whatever CPUs have come or gone since the module was loaded, it must leave
 * nothing behind, not even a partition that a program has open. At a reboot that
 * is hvemu's to see.
 */
void do_hotplug(const char *cpu, int sent, bool late, bool partition_open,
		const char *end)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	if (*cpu) {
		test(set_cpu1(!strcmp(cpu, "online")), "CPU 1 goes %s", cpu);
		test(sysconf(_SC_NPROCESSORS_ONLN) != cpus, "another number of CPUs is online");
	}
	if (partition_open)
		test(create_partition() >= 0, "there is a child partition");
	if (!strcmp(end, "unload")) {
		test_unload();
	} else {
		arrange(0, sent, late);
		if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
			arrange(1, sent, late);
		how_to_end = RB_AUTOBOOT;
	}
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * A CPU that goes offline must leave no message in its slot: when it comes back,
 * nothing would tell it to look there.
 */
void do_cycle(int sent, bool late, bool all)
{
	char pending[80];
	int round;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	for (round = 1; round <= 2; round++) {
		ask("mark round %d", round);
		arrange(1, sent, late);
		test(set_cpu1(false), "CPU 1 goes offline");
		snprintf(pending, sizeof(pending), "%s", ask("pending 1"));
		printf("# offline: %s\n", pending);
		test(!strncmp(pending, "ok slot=0x0 ", 12), "its slot is empty # %s", pending);
		if (all)
			test(strstr(pending, " waiting=0 "), "nothing waits # %s", pending);
		test(set_cpu1(true), "CPU 1 comes online");
		test(handled(1, pending, sizeof(pending)),
		     "what waited is handled # %s", pending);
		test_deliveries(1, "after coming back");
		test_deliveries(0, "all the same");
		ask("drop 1");
		read_log();
	}
	test_unload();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/*
 * The SynIC registers that the driver must have put back, of all VPs: what is
 * enabled and where, but for the event ring, whose page may be another.
 */
static void read_synic(char *text, size_t size)
{
	char *at, *end;

	snprintf(text, size, "%s", ask("synic"));
	for (at = text; (at = strstr(at, "sirbp=0x")); at++) {
		at += strlen("sirbp=");
		*at = strtoull(at, &end, 16) & 1 ? '1' : '0';
		memmove(at + 1, end, strlen(end) + 1);
	}
}

/* Hibernate up to where the image would be written; 0 or a negative errno. */
static int hibernate(void)
{
	if (!write_file("/sys/power/pm_test", "core"))
		return -errno;
	return write_file("/sys/power/state", "disk") ? 0 : -errno;
}

/* While there is a child partition, whose state would be lost. */
static void test_hibernation_is_refused(void)
{
	int partition, error;

	partition = create_partition();
	test(partition >= 0, "there is a child partition");
	begin_case();
	error = hibernate();
	read_log();
	test(error == -EBUSY, "hibernation is refused # %s",
	     error ? strerror(-error) : "it is not");
	test(driver_lines == 1 &&
	     !strcmp(driver_line, "mshv: no hibernation while there are partitions: 1"),
	     "the driver says so in one line # %d lines, %s", driver_lines, driver_line);
	close(partition);
	error = hibernate();
	test(!error, "it is not when the partition is closed # %s", strerror(-error));
}

/*
 * After a hibernation the hypervisor may be another. How the driver tells that
 * its scheduler is another stands here, and only here.
 */
static void test_changed_scheduler(const char *changed)
{
	int partition;

	read_log();
	test(scheduler_errors == (*changed ? 1 : 0),
	     "the driver logs %s about the scheduler # %d", *changed ? "one error" : "no error",
	     scheduler_errors);
	partition = create_partition();
	if (*changed)
		test(partition == -ENODEV, "no partition can be created # %s",
		     partition < 0 ? strerror(-partition) : "it can");
	else
		test(partition >= 0 && !driver_lines,
		     "a partition can be created, and nothing was logged # %s; %d lines",
		     partition < 0 ? strerror(-partition) : "it can", driver_lines);
	close(partition);
	test(!strcmp(word_in(ATTRIBUTES "state"), *changed ? "closed" : "open"),
	     "sysfs says so, too # %s", word_in(ATTRIBUTES "state"));
	/* What it was loaded under, not what there is now. */
	test(!strcmp(word_in(ATTRIBUTES "scheduler"), "integrated"),
	     "sysfs has the same scheduler # %s", word_in(ATTRIBUTES "scheduler"));
}

void do_hibernate(bool partition_open, const char *changed, int sent)
{
	char synic[8192], now[8192], pending[80];
	int error, vp;

	if (!write_file("/sys/module/hibernate/parameters/pm_test_delay", "0"))
		printf("# this takes seconds: %s\n", strerror(errno));
	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	if (partition_open)
		test_hibernation_is_refused();

	begin_case();
	read_synic(synic, sizeof(synic));
	for (vp = 0; vp < sysconf(_SC_NPROCESSORS_ONLN); vp++)
		arrange(vp, sent, false);
	ask("hibernation");
	if (*changed)
		ask("fault %s", changed);
	error = hibernate();
	test(!error, "the system hibernates, and comes back # %s", strerror(-error));
	ask("faults clear");
	test_changed_scheduler(changed);
	test(count_counters(STATISTICS, "VpHypercallsCount") > 0,
	     "statistics are what the hypervisor has counted, after hibernation too");

	read_synic(now, sizeof(now));
	test(!strcmp(synic, now), "the SynIC is as it was # %s, now %s", synic, now);
	for (vp = 0; vp < sysconf(_SC_NPROCESSORS_ONLN); vp++) {
		test(handled(vp, pending, sizeof(pending)),
		     "nothing lies in the slot of VP %d # %s", vp, pending);
		test_deliveries(vp, "after hibernation");
	}
	/* Of a base kernel, so that what follows is judged by itself. */
	ask("drop 0");
	test_unload();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}
