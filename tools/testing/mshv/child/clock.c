// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of all children.
 */

#include <pthread.h>
#include <time.h>

#include "../hv/partition.h"
#include "clock.h"

#define NS_PER_S		1000000000ULL

/*
 * A guest can have its timer fire as often as it likes. That often they are
 * looked at, so that the lock is there for others too.
 */
#define CLOCK_PAUSE_NS		50000

/* How the clock's thread sleeps. There is one for all children. */
static struct {
	pthread_cond_t earlier;	/* @next is too late */
	u64 next;		/* when it wakes; 0: it is not there */
	struct partition *partition;
	u64 (*tick)(struct partition *partition);
} this_clock;

u64 child_clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void child_clock_wake_by(u64 ns)
{
	if (ns < this_clock.next)
		pthread_cond_signal(&this_clock.earlier);
}

void child_clock_wake_within(u64 units)
{
	if (units < this_clock.next / NS_PER_UNIT &&
	    child_clock_now() + units * NS_PER_UNIT < this_clock.next)
		pthread_cond_signal(&this_clock.earlier);
}

static void *clock_thread(void *argument)
{
	struct partition *partition = this_clock.partition;
	struct timespec when;
	u64 next, soonest;

	(void)argument;
	pthread_mutex_lock(&partition->lock);
	for (;;) {
		next = this_clock.tick(partition);
		soonest = child_clock_now() + CLOCK_PAUSE_NS;
		this_clock.next = next > soonest ? next : soonest;
		if (next == ~0ULL) {
			pthread_cond_wait(&this_clock.earlier, &partition->lock);
			continue;
		}
		when.tv_sec = this_clock.next / NS_PER_S;
		when.tv_nsec = this_clock.next % NS_PER_S;
		pthread_cond_timedwait(&this_clock.earlier, &partition->lock, &when);
	}
	return NULL;
}

int child_clock_setup(struct partition *partition, u64 (*tick)(struct partition *partition))
{
	pthread_condattr_t attributes;
	pthread_t thread;
	int ret;

	this_clock.partition = partition;
	this_clock.tick = tick;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&this_clock.earlier, &attributes);
	pthread_condattr_destroy(&attributes);

	ret = pthread_create(&thread, NULL, clock_thread, NULL);
	if (ret)
		return -ret;
	pthread_detach(thread);
	return 0;
}
