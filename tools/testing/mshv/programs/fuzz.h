/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an episode of the fuzzer has, and what can be done to it, see fuzz.c.
 */
#ifndef _HVEMU_FUZZ_H
#define _HVEMU_FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>

#include "chance.h"
#include "vm.h"

#define PARTITIONS	3
#define VPS		6
#define EVENTS		4
#define AREAS		6
#define MAPPINGS	8
#define VP_PAGES	4

/*
 * Nothing else comes here, so that a hole which one thread makes is not what libc
 * gets next, for another thread to take that away.
 */
#define AREAS_BASE	0x100000000000UL
#define AREA_STRIDE	0x1000000UL
#define AREA_SIZE	(2 * LARGE_PAGE)

/* System calls and ioctls that are counted. */
enum fuzz_call {
	CALL_CREATE_PARTITION,
	CALL_INITIALIZE_PARTITION,
	CALL_CREATE_VP,
	CALL_MAP_MEMORY,
	CALL_UNMAP_MEMORY,
	CALL_IRQFD,
	CALL_IOEVENTFD,
	CALL_SET_MSI_ROUTING,
	CALL_ACCESS_BITMAP,
	CALL_HVCALL_DEVICE,
	CALL_HVCALL_PARTITION,
	CALL_HVCALL_VP,
	CALL_RUN_VP,
	CALL_GET_VP_STATE,
	CALL_SET_VP_STATE,
	CALL_ENTER_GUEST,
	CALL_OTHER_IOCTL,
	CALL_VP_MMAP,
	CALL_VP_MUNMAP,
	CALL_VP_PAGE,
	CALL_FDINFO,
	CALL_DEBUGFS,
	CALL_PARAMETER,
	CALL_CLOSE,
	CALL_EVENT,
	CALL_AREA,
	CALL_MUNMAP,
	CALL_MPROTECT,
	CALL_MADVISE,
	CALL_MREMAP,
	CALL_TOUCH,
	CALL_FILE,
	CALL_USERFAULTFD,
	CALL_FORK,
	CALL_AFFINITY,
	CALL_KICK,
	CALL_FAULT,
	CALL_HOTPLUG,
	CALLS
};

/* Memory as the driver was told of it, for as long as it is known. */
struct fuzz_mapping {
	u64 gfn;
	u64 size;
	u64 uaddr;
};

struct fuzz_partition {
	atomic_int fd;
	struct fuzz_mapping mappings[MAPPINGS];
};

struct fuzz_vp {
	atomic_int fd;
	u32 index;
	void *pages[VP_PAGES];
};

/* Memory of the VMM's, at a place of its own; what is there changes all the time. */
struct fuzz_area {
	atomic_int file;	/* -1: it belongs to none */
};

/*
 * All that is there. Threads change it at the same time, and a number that has become
 * another thing's is as good as any.
 */
struct fuzz_world {
	int device;
	struct fuzz_partition partitions[PARTITIONS];
	struct fuzz_vp vps[VPS];
	struct fuzz_area areas[AREAS];
	atomic_int events[EVENTS];
	atomic_int userfaultfd;
};

extern struct fuzz_world world;

/**
 * fuzz_tried() - count a call, and show it where all are shown
 * @call: which
 * @ret: what came of it: a negative errno, or anything else for success
 * @fmt: its arguments, in words
 *
 * Return: @ret
 */
int fuzz_tried(enum fuzz_call call, int ret, const char *fmt, ...)
	__printf(3, 4);

/* Of a function that sets errno. */
#define fuzz_errno(expression)	((expression) < 0 ? -errno : 0)

/* Whether an argument is to be a strange one. */
static inline bool fuzz_odd(void)
{
	return !chance(12);
}

/* Numbers at the borders of things. */
u64 fuzz_odd_number(void);

static inline unsigned long fuzz_area_at(unsigned int number)
{
	return AREAS_BASE + number * AREA_STRIDE;
}

/* Memory that belongs to an area, or does now and then; a multiple of the page's size. */
unsigned long fuzz_place(void);
/* How much of it, in bytes. */
u64 fuzz_size(void);

/* The number of an eventfd, or of something else. */
int fuzz_event(void);

/* Put a new file into its place; what was there is closed, sooner or later. */
void fuzz_keep(atomic_int *place, int fd);

/* Operations, by how often they are to be done. */
struct fuzz_operation {
	unsigned int odds;
	void (*run)(void);
};

extern const struct fuzz_operation fuzz_vmm_operations[];	/* fuzz_vmm.c */
extern const struct fuzz_operation fuzz_memory_operations[];	/* fuzz_memory.c */

/* What an episode begins with: partitions that work, VPs in guest code. */
void fuzz_furnish(void);

#endif /* _HVEMU_FUZZ_H */
