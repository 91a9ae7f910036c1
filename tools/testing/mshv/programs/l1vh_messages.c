// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases about messages and doorbells that the SynIC delivers.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <hyperv/hvgdk_mini.h>

#include "ask.h"
#include "l1vh_driver.h"
#include "l1vh_log.h"
#include "l1vh_messages.h"

#define DOORBELLS	200

static unsigned long count_interrupts(void)
{
	unsigned long sum = 0, value;
	char line[1024], *at, *end;
	FILE *file;

	file = fopen("/proc/interrupts", "r");
	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, "HYP:");
		if (!at)
			continue;
		for (at += 4; ; at = end) {
			value = strtoul(at, &end, 10);
			if (end == at)
				break;
			sum += value;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

/* How many messages wait for a slot of VP 0. */
static int count_waiting(void)
{
	const char *text = strstr(ask("synic"), "waiting=");

	return text ? atoi(text + strlen("waiting=")) : -1;
}

/*
 * Nothing here has partitions yet, so the driver looks for one that is not
 * there, and must free the slot for the next message, and the ring for the next
 * doorbell.
 */
void do_messages(void)
{
	unsigned long before, taken;
	int i;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);

	/* Five at once: the first takes the slot, the others wait for EOM. */
	before = count_interrupts();
	taken = is_ok(ask("message 0 5 0x80000101 0x100000000 42"));
	usleep(200000);
	test(taken && !count_waiting() && count_interrupts() >= before + 5,
	     "five scheduler messages, each delivered # %d wait, %lu interrupts",
	     count_waiting(), count_interrupts() - before);

	/* More than a ring holds, so that it must be drained. */
	before = count_interrupts();
	for (taken = 0, i = 0; i < DOORBELLS; i++) {
		taken += is_ok(ask("ring 0 %d", i + 1));
		if (i % 20 == 19)
			usleep(20000);
	}
	test(taken == DOORBELLS && count_interrupts() > before,
	     "%d doorbells, none finds the ring full # %lu", DOORBELLS, taken);

	test(!unload() && is_ok(ask("quiet")), "nothing waits after unloading");
	read_log();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}

/* How long what hvemu has sent may take to be handled. */
#define HANDLED_US	100000

/* Whether nothing of what was sent to a VP is left; says what is. */
bool handled(int vp, char *pending, size_t size)
{
	usleep(HANDLED_US);
	snprintf(pending, size, "%s", ask("pending %d", vp));
	return !strcmp(pending, "ok slot=0x0 waiting=0 ring=0");
}

/* A message and a doorbell, as they come every day. */
void test_deliveries(int vp, const char *when)
{
	char pending[80];
	bool sent;

	sent = is_ok(ask("message %d 3 %#x 0x100000000 42", vp,
			 HVMSG_SCHEDULER_VP_SIGNAL_PAIR));
	test(sent && handled(vp, pending, sizeof(pending)),
	     "VP %d handles messages %s # %s", vp, when, pending);
	sent = is_ok(ask("ring %d 77", vp));
	test(sent && handled(vp, pending, sizeof(pending)),
	     "VP %d handles a doorbell %s # %s", vp, when, pending);
}

/*
 * Messages that nobody waits for: of a type that nobody knows, or about
 * partitions that are not there. Each must make room for what comes behind it.
 */
void do_unclaimed(void)
{
	static const struct {
		const char *name;
		unsigned int type;
		const char *payload;
	} cases[] = {
		{ "an unknown type", 0x7fffffff, "1 2 3" },
		{ "a completion for no partition", HVMSG_ASYNC_CALL_COMPLETION, "12345" },
		{ "another SINT's doorbell", HVMSG_SYNIC_SINT_INTERCEPT, "7" },
		{ "an intercept of no partition", HVMSG_OPAQUE_INTERCEPT, "0" },
		{ "an EOI of no partition", HVMSG_X64_APIC_EOI, "0x3000000000" },
		{ "an intercept that comes otherwise", HVMSG_GPA_INTERCEPT, "0" },
	};
	const int burst = 60;
	char pending[80];
	unsigned int i;
	int sent = 0;

	load();
	test(exists(DEVICE), "%s is there", DEVICE);
	read_log();
	begin_case();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ask("mark %s", cases[i].name);
		ask("message 0 1 %#x %s", cases[i].type, cases[i].payload);
		test(handled(0, pending, sizeof(pending)), "%s: is acknowledged # %s",
		     cases[i].name, pending);
		ask("message 0 2 %#x %s", cases[i].type, cases[i].payload);
		ask("ring 0 77");
		test(handled(0, pending, sizeof(pending)),
		     "%s: two, and the doorbell behind them # %s", cases[i].name, pending);
		sent += 3;
		/* So that each case is judged by itself. */
		ask("drop 0");
	}
	ask("message 0 %d %#x", burst, cases[0].type);
	test(handled(0, pending, sizeof(pending)), "%d at once # %s", burst, pending);
	ask("drop 0");
	sent += burst;
	read_log();
	test(driver_warnings > 0 && driver_warnings < sent,
	     "the driver warns of them, now and then # %d messages, %d warnings", sent,
	     driver_warnings);
	test_deliveries(0, "after all that");
	test_unload();
	test(!complaint[0], "the kernel does not complain # %s", complaint);
}
