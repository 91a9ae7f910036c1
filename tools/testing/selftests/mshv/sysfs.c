// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of the mshv device in sysfs: each has one of its values, they go together,
 * and they are true. Whoever dispatches VPs pays for them with CPU time: so who does is
 * measured, and not only read.
 *
 * Who knows what they must say can tell by the environment: MSHV_SCHEDULER is what is
 * in force, and MSHV_INTERRUPT_POSTING 1 or 0. Without them the values need only fit
 * together. hvboots/selftests.py sets them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "vm.h"

/* The words for schedulers are the kernel's own. */
#include "../../../../include/hyperv/hvsched.h"

#define FILES		"/sys/class/misc/mshv/"
#define MODULE		"/sys/module/mshv_root/initstate"
#define ALIAS		"/sys/devices/platform/mshv_root/modalias"
#define SPIN_MS		300
#define SPIN_TRIES	5

static const char * const names[] = {
	"dispatcher", "interrupt_posting", "max_vps", "scheduler", "state",
};

/* One line, without its end; empty if it is not one line. */
static void read_line(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	len = fd < 0 ? 0 : read(fd, value, size - 1);
	if (fd >= 0)
		close(fd);
	value[len > 0 ? len : 0] = '\0';
	if (len < 2 || strchr(value, '\n') != value + len - 1)
		value[0] = '\0';
	else
		value[len - 1] = '\0';
}

static void read_value(const char *name, char *value, size_t size)
{
	char path[100];

	snprintf(path, sizeof(path), FILES "%s", name);
	read_line(path, value, size);
}

FIXTURE(sysfs) {
	char dispatcher[40];
};

FIXTURE_SETUP(sysfs)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, access(FILES "scheduler", F_OK))
		TH_LOG("this kernel's mshv device has no files");
	read_value("dispatcher", self->dispatcher, sizeof(self->dispatcher));
}

FIXTURE_TEARDOWN(sysfs)
{
}

/* Anybody may read them, nobody write. */
TEST_F(sysfs, are_read_only)
{
	struct stat stat_of;
	char path[100];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), FILES "%s", names[i]);
		ASSERT_EQ(0, stat(path, &stat_of));
		EXPECT_EQ(0444, stat_of.st_mode & 0777)
			TH_LOG("%s", names[i]);
	}
}

/* Who dispatches VPs under the scheduler of this name; NULL if there is none. */
static const char *dispatcher_under(const char *scheduler)
{
	const char *name;
	u32 number;
	int l1vh;

	for (l1vh = 0; l1vh <= 1; l1vh++)
		for (number = 0; number < HV_SCHEDULER_TYPE_MAX; number++) {
			name = hv_scheduler_name(number, l1vh);
			if (name && !strcmp(name, scheduler))
				return hv_scheduler_is_parents(number) ? "kernel" : "hypervisor";
		}
	return NULL;
}

TEST_F(sysfs, values)
{
	char scheduler[40], value[40];
	const char *dispatcher;

	read_value("scheduler", scheduler, sizeof(scheduler));
	dispatcher = dispatcher_under(scheduler);
	ASSERT_NE(NULL, dispatcher)
		TH_LOG("scheduler: %s", scheduler);
	EXPECT_STREQ(dispatcher, self->dispatcher);

	read_value("state", value, sizeof(value));
	EXPECT_STREQ("open", value);
	read_value("interrupt_posting", value, sizeof(value));
	EXPECT_TRUE(!strcmp(value, "0") || !strcmp(value, "1"));
	/* Nothing is posted to a VP that the hypervisor dispatches. */
	if (strcmp(self->dispatcher, "kernel"))
		EXPECT_STREQ("0", value);
}

/* What whoever has set up this machine says. */
TEST_F(sysfs, as_told)
{
	static const char * const told[][2] = {
		{ "MSHV_SCHEDULER", "scheduler" },
		{ "MSHV_INTERRUPT_POSTING", "interrupt_posting" },
	};
	const char *expected;
	char value[40];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(told); i++) {
		expected = getenv(told[i][0]);
		if (!expected)
			SKIP(return, "%s is not set", told[i][0]);
		read_value(told[i][1], value, sizeof(value));
		EXPECT_STREQ(expected, value)
			TH_LOG("%s", told[i][1]);
	}
}

/* They are the device's: no other value comes of what a VMM does. */
TEST_F(sysfs, same_with_partition)
{
	char before[ARRAY_SIZE(names)][40], now[40];
	unsigned int i;
	struct vm vm;
	struct vp vp;
	u32 value;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		read_value(names[i], before[i], sizeof(before[i]));
	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &guest_hello);
	ASSERT_EQ(0, vp_run_to_report(&vp, &value));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		read_value(names[i], now, sizeof(now));
		EXPECT_STRNE("", now);
		EXPECT_STREQ(before[i], now)
			TH_LOG("%s", names[i]);
	}
	vp_stop(&vp);
	vm_stop(&vm);
}

/* As many VPs as it says, and no more: by index, which need not be in a row. */
TEST_F(sysfs, max_vps)
{
	char value[40];
	struct vm vm;
	long max;
	int fd;

	read_value("max_vps", value, sizeof(value));
	max = strtol(value, NULL, 10);
	ASSERT_LT(0, max);
	vm_start(&vm, VM_DEFAULT);
	EXPECT_EQ(-EINVAL, vm_add_vp(&vm, max));
	fd = vm_add_vp(&vm, max - 1);
	EXPECT_LE(0, fd);
	if (fd >= 0)
		close(fd);
	vm_stop(&vm);
}

/* A VP that spins takes the time of this kernel's CPUs, or of none. */
TEST_F(sysfs, dispatcher_is_true)
{
	bool kernel = !strcmp(self->dispatcher, "kernel"), seen;
	struct runner runner = { };
	unsigned int tries = 0;
	struct vm vm;
	struct vp vp;
	u64 cpu;

	vm_start(&vm, VM_DEFAULT);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &guest_counts);
	runner_start(&runner, &vp);
	ASSERT_TRUE(wait_until(runner.reports));
	/*
	 * Several looks: on a busy host, time that this CPU did not get counts for
	 * the thread, and a thread may not get any.
	 */
	do {
		cpu = runner_cpu_ns(&runner);
		usleep(SPIN_MS * 1000);
		cpu = runner_cpu_ns(&runner) - cpu;
		TH_LOG("%llu us of CPU in %u ms", (unsigned long long)cpu / 1000, SPIN_MS);
		seen = cpu > SPIN_MS * 1000000ULL / 4;
	} while (seen != kernel && ++tries < SPIN_TRIES);
	EXPECT_EQ(kernel, seen);
	EXPECT_EQ(0, runner_stop(&runner));
	vp_stop(&vp);
	vm_stop(&vm);
}

/* A driver that is a module has a device by which udev finds it. */
TEST_F(sysfs, loads_by_itself)
{
	char value[40];

	read_line(ALIAS, value, sizeof(value));
	EXPECT_STREQ(access(MODULE, F_OK) ? "" : "platform:mshv_root", value);
}

/* Without a device there are no files that somebody might believe. */
TEST(no_files_without_device)
{
	EXPECT_EQ(access("/dev/mshv", F_OK), access(FILES, F_OK));
}

TEST_HARNESS_MAIN
