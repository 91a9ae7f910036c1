/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two VPs that take interrupts, each run by a thread, and ways to raise one.
 */
#ifndef SELFTESTS_MSHV_MACHINE_H
#define SELFTESTS_MSHV_MACHINE_H

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness.h"
#include "vm.h"

#define VECTOR		0x40
#define VECTOR_OTHER	0x60
#define VECTOR_TIMER	0x50
#define VECTOR_IPI	0x70
#define VECTOR_LAST	0x30		/* taken when no other is left */
#define GSI		5
#define GSI_OTHER	9
#define MSI_LEVEL	0x8000		/* of an MSI's data */

#define READY		1

#define SPIN		"1: pause\njmp 1b\n"

/* Waits for interrupts as guest_rests does, but is busy. It says so first, too. */
GUEST64(running,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	"sti\n"
	SPIN);

/* Likewise with interrupts off, which NMIs do not mind. */
GUEST64(running_without_interrupts,
	GUEST_REPORT(READY)
	SPIN);

/* Says how often VECTOR and VECTOR_OTHER were taken. */
#define COUNT_OF(vector)	__stringify(GUEST_COUNTS) " + 4 * " __stringify(vector)
#define REPORT_COUNTS							\
	"mov " COUNT_OF(VECTOR) ", %eax\n"				\
	"shl $8, %eax\n"						\
	"or " COUNT_OF(VECTOR_OTHER) ", %eax\n"				\
	"out %eax, $" __stringify(PORT_REPORT) "\n"

/* Reports are moments at which the test raises interrupts: none comes at once. */
GUEST64(with_interrupts_off,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	REPORT_COUNTS
	"sti\n"
	"nop\n"
	"cli\n"
	REPORT_COUNTS);

static inline int set_irqfd(struct vm *vm, int event, int resample, u32 gsi, u32 flags)
{
	struct mshv_user_irqfd args = {
		.fd = event,
		.resamplefd = resample,
		.gsi = gsi,
		.flags = flags,
	};

	return mshv_ioctl(vm->fd, MSHV_IRQFD, &args);
}

static inline void signal_event(int event)
{
	const u64 one = 1;

	if (write(event, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* Whether an eventfd is signalled, now or before long. Takes the signal. */
static inline bool event_came(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };
	u64 count;

	return poll(&poll_event, 1, WAIT_SECONDS * 1000) == 1 &&
	       read(event, &count, sizeof(count)) == sizeof(count);
}

static inline bool event_is_quiet(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };

	return poll(&poll_event, 1, 0) == 0;
}

/* Two VPs with interrupt handlers, each run by a thread once it is started. */
struct machine {
	struct vm vm;
	struct vp vps[2];
	struct runner runners[2];
	int event;
	int resample;
};

static inline void machine_start(struct machine *machine)
{
	vm_start(&machine->vm, VM_DEFAULT);
	vm_take_interrupts(&machine->vm);
	vp_start(&machine->vm, &machine->vps[0], 0);
	vp_start(&machine->vm, &machine->vps[1], 1);
	machine->event = eventfd(0, EFD_CLOEXEC);
	machine->resample = eventfd(0, EFD_CLOEXEC);
}

/* Have a VP run @guest in long mode, until it says that it is ready. */
static inline bool machine_run(struct machine *machine, unsigned int index,
			       const struct guest *guest)
{
	struct runner *runner = &machine->runners[index];

	/* They do not overwrite each other's code. */
	vm_load(&machine->vm, GUEST_CODE + 0x400 * index, GUEST_LONG, guest);
	vp_enter_at(&machine->vps[index], GUEST_LONG, GUEST_CODE + 0x400 * index);
	runner_start(runner, &machine->vps[index]);
	return wait_until(runner->reports || runner->left) && runner->report == READY;
}

static inline int machine_halt(struct machine *machine, unsigned int index)
{
	struct runner *runner = &machine->runners[index];

	return runner->thread ? runner_stop(runner) : 0;
}

static inline void machine_stop(struct machine *machine)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		vp_stop(&machine->vps[i]);
	vm_stop(&machine->vm);
	close(machine->event);
	close(machine->resample);
}

static inline bool took(struct machine *machine, unsigned int index, u8 vector, unsigned int times)
{
	return wait_until(machine->runners[index].irqs[vector] >= times ||
			  machine->runners[index].left) &&
	       machine->runners[index].irqs[vector] == times;
}

FIXTURE(interrupts) {
	struct machine machine;
};

FIXTURE_SETUP(interrupts)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	machine_start(&self->machine);
}

FIXTURE_TEARDOWN(interrupts)
{
	machine_stop(&self->machine);
}

#endif /* SELFTESTS_MSHV_MACHINE_H */
