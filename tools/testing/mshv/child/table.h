/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of a child's memory: what is at each of its pages.
 *
 * Only those that make the memory up know it: table.c, space.c, memory.c, overlay.c,
 * track.c, map.c and faults.c. All others look at memory.h.
 */
#ifndef _HVEMU_CHILD_TABLE_H
#define _HVEMU_CHILD_TABLE_H

#include <linux/types.h>

/*
 * A table of four levels with 512 entries each, like the processor's own: it has
 * room for every address a processor of today can have.
 */
#define LEVELS			4
#define LEVEL_BITS		9
#define LEVEL_ENTRIES		512

/* The parent's page number stands above the flags. */
#define ENTRY_MAPPED		0x0001ULL
#define ENTRY_NO_ACCESS		0x0002ULL
#define ENTRY_READABLE		0x0004ULL
#define ENTRY_WRITABLE		0x0008ULL
#define ENTRY_EXECUTABLE	0x0010ULL
#define ENTRY_ACCESSED		0x0020ULL
#define ENTRY_DIRTY		0x0040ULL
#define ENTRY_PRESENT		0x0080ULL	/* the guest gets at it without a fault */
#define ENTRY_PROTECTED		0x0100ULL	/* but for writing */
#define ENTRY_PLACED		0x0200ULL	/* the parent's page is at its address here */
#define ENTRY_CLEARED		0x0400ULL	/* the parent has cleared ENTRY_DIRTY once */
#define ENTRY_RIGHTS		(ENTRY_READABLE | ENTRY_WRITABLE | ENTRY_EXECUTABLE)
#define ENTRY_STATES		(ENTRY_ACCESSED | ENTRY_DIRTY)
#define ENTRY_GPFN_SHIFT	12

struct child_overlay {
	u64 gpfn;
	bool read_only;
	void *page;		/* NULL: it is free, and so is its place in the file */
};

/**
 * struct child_memory - guest physical memory of a child
 * @host: where it begins here; NULL in unit tests
 * @size: bytes of address space
 * @root: the table, by the child's page numbers
 * @sources: another, by the parent's: how often a page is mapped here
 * @overlays: pages of hvemu's that lie over the parent's
 * @nr_overlays: how many
 * @overlay_fd: what they are made of
 */
struct child_memory {
	u8 *host;
	u64 size;
	void **root;
	void **sources;
	struct child_overlay *overlays;
	unsigned int nr_overlays;
	int overlay_fd;
};

/* The place of a page in a table by page numbers; NULL: there is none, or no memory. */
u64 *child_leaf(void **table, u64 gpfn, bool make);

/* Likewise of a page of the child's; NULL, too, if it has no such address. */
u64 *child_entry(struct child_memory *memory, u64 gpfn, bool make);

/* What is in that place; 0, as of a page that is not there, if there is none. */
u64 child_entry_value(struct child_memory *memory, u64 gpfn);

/* A table and all below it. */
void child_free_table(void **table, int level);

/* Which page of the parent's. */
static inline u64 child_entry_gpfn(u64 entry)
{
	return entry >> ENTRY_GPFN_SHIFT;
}

/* What lies over a page; NULL: nothing. */
struct child_overlay *child_overlay_at(struct child_memory *memory, u64 gpfn);

#endif /* _HVEMU_CHILD_TABLE_H */
