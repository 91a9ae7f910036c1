// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fdinfo tells of VPs and partitions: the numbers of runs whose number is known.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "vm.h"

#define REPORTS		10
#define SPIN_MS		300
#define DISPATCHER	"/sys/class/misc/mshv/dispatcher"

GUEST64(reports,
	"1:\n"
	GUEST_REPORT(1)
	"jmp 1b\n");

/* The number after a name in the fdinfo of a file; -1 if it is not there. */
static long long stat_of(int fd, const char *name)
{
	char path[60], line[300];
	long long value = -1;
	size_t len = strlen(name);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && !strncmp(line + len, ":\t", 2))
			value = strtoll(line + len + 2, NULL, 10);
	fclose(file);
	return value;
}

/* Whether this kernel dispatches VPs. */
static bool is_dispatched_here(void)
{
	char text[40] = "";
	FILE *file = fopen(DISPATCHER, "re");

	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return !strcmp(text, "kernel\n");
}

FIXTURE(stats) {
	struct vm vm;
	struct vp vps[2];
};

FIXTURE_SETUP(stats)
{
	const char *why = mshv_missing();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	for (i = 0; i < 2; i++)
		vp_start(&self->vm, &self->vps[i], i);
	ASSERT_EQ(0, stat_of(self->vps[0].fd, "mshv-runs"))
		TH_LOG("this kernel has no statistics");
}

FIXTURE_TEARDOWN(stats)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
}

/* Has a VP report so often: each is a run that ends at a port. */
static int report(struct vp *vp, unsigned int count)
{
	int ret;

	vp_enter(vp, GUEST_LONG, &reports);
	while (count--) {
		ret = vp_run(vp);
		if (ret)
			return ret;
		if (vp->msg.header.message_type != HVMSG_X64_IO_PORT_INTERCEPT)
			return -EPROTO;
		vp_set(vp, HV_X64_REGISTER_RIP,
		       vp_header(vp)->rip + vp_header(vp)->instruction_length);
	}
	return 0;
}

TEST_F(stats, exits)
{
	int vp = self->vps[0].fd;

	ASSERT_EQ(0, report(&self->vps[0], REPORTS));
	EXPECT_EQ(0, stat_of(vp, "mshv-vp-index"));
	EXPECT_EQ(REPORTS, stat_of(vp, "mshv-runs"));
	EXPECT_EQ(REPORTS, stat_of(vp, "mshv-exits-io-port"));
	EXPECT_EQ(0, stat_of(vp, "mshv-exits-halt"));
	EXPECT_EQ(0, stat_of(vp, "mshv-exits-other"));
	EXPECT_EQ(0, stat_of(vp, "mshv-interrupted"));
	/* Its code has come when it touched it. */
	EXPECT_LT(0, stat_of(vp, "mshv-memory-faults"));
	EXPECT_LT(0, stat_of(vp, "mshv-run-time-ns"));
}

/* Who dispatches counts dispatches; who does not hears of each intercept by message. */
TEST_F(stats, dispatches_or_messages)
{
	int vp = self->vps[0].fd;
	long long runs;

	ASSERT_EQ(0, report(&self->vps[0], REPORTS));
	runs = REPORTS + stat_of(vp, "mshv-memory-faults");
	if (is_dispatched_here()) {
		EXPECT_LE(runs, stat_of(vp, "mshv-dispatches"));
	} else {
		EXPECT_EQ(0, stat_of(vp, "mshv-dispatches"));
		EXPECT_EQ(0, stat_of(vp, "mshv-blocks"));
		EXPECT_EQ(runs, stat_of(vp, "mshv-kicks"));
	}
}

TEST_F(stats, sums)
{
	int vm = self->vm.fd;

	ASSERT_EQ(0, report(&self->vps[0], REPORTS));
	ASSERT_EQ(0, report(&self->vps[1], 2 * REPORTS));
	EXPECT_EQ(2, stat_of(vm, "mshv-vps"));
	EXPECT_EQ(3 * REPORTS, stat_of(vm, "mshv-runs"));
	EXPECT_EQ(3 * REPORTS, stat_of(vm, "mshv-exits-io-port"));
	EXPECT_EQ(stat_of(vm, "mshv-partition-id"), stat_of(self->vps[0].fd, "mshv-partition-id"));
	EXPECT_EQ(stat_of(vm, "mshv-memory-faults"),
		  stat_of(self->vps[0].fd, "mshv-memory-faults") +
		  stat_of(self->vps[1].fd, "mshv-memory-faults"));
}

/* A VP that is interrupted has run: the hypervisor has counted for how long. */
TEST_F(stats, interrupted)
{
	struct runner runner = { };
	long long ns;

	kick_setup();
	vp_enter(&self->vps[0], GUEST_LONG, &guest_counts);
	runner_start(&runner, &self->vps[0]);
	ASSERT_TRUE(wait_until(runner.reports));
	ns = stat_of(self->vps[0].fd, "mshv-run-time-ns");
	usleep(SPIN_MS * 1000);
	EXPECT_EQ(0, runner_stop(&runner));
	ns = stat_of(self->vps[0].fd, "mshv-run-time-ns") - ns;
	TH_LOG("it ran for %lld us of %u ms", ns / 1000, SPIN_MS);
	EXPECT_LT(SPIN_MS * 1000000LL / 10, ns);
	EXPECT_LE(1, stat_of(self->vps[0].fd, "mshv-interrupted"));
}

/* They can be read while VPs run, come and go. */
TEST_F(stats, read_meanwhile)
{
	struct runner runner = { };
	u64 end = milliseconds() + SPIN_MS;
	long long last = 0, now;
	unsigned int vps = 2;
	struct vp more;

	kick_setup();
	vp_enter(&self->vps[0], GUEST_LONG, &guest_counts);
	runner_start(&runner, &self->vps[0]);
	do {
		now = stat_of(self->vm.fd, "mshv-runs");
		EXPECT_LE(last, now);
		last = now;
		if (vps < 20) {
			vp_start(&self->vm, &more, vps++);
			vp_stop(&more);
		}
		EXPECT_EQ(vps, stat_of(self->vm.fd, "mshv-vps"));
	} while (milliseconds() < end);
	EXPECT_EQ(0, runner_stop(&runner));
}

TEST_HARNESS_MAIN
