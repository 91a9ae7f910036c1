/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition and its VPs, as the hypervisor sees them.
 *
 * One lock, the partition's, covers all that is in here. It is held while an
 * exit of a VP is handled, and not while a VP runs.
 */
#ifndef _HVEMU_PARTITION_H
#define _HVEMU_PARTITION_H

#include <pthread.h>

#include <linux/types.h>

#include "../pc/guest.h"
#include "options.h"
#include "port.h"
#include "processor.h"
#include "stats.h"
#include "synic_state.h"

struct child;
struct child_vp;
struct kvm_run;

struct vp {
	struct partition *partition;
	u32 index;		/* and its APIC id */
	struct synic synic;
	u64 vp_assist;		/* HV_X64_MSR_VP_ASSIST_PAGE */
	u64 hypercalls;		/* how many it has made */
	struct child_vp *dispatching;	/* a child's VP that runs on this one's thread */

	/* KVM's part of it; unused by the unit tests. */
	int fd;
	struct kvm_run *run;
};

struct partition {
	pthread_mutex_t lock;
	const struct options *options;
	struct faults faults;
	u64 id;			/* how it names itself */
	u64 tsc_hz;

	/* KVM's, for children; -1 in the unit tests. */
	int kvm;
	size_t run_size;
	int memfd;		/* the memory */
	unsigned int physical_bits;	/* of addresses */
	struct processor processor;

	struct ram_slot ram[RAM_SLOTS_MAX];
	unsigned int ram_slots;
	u64 reserved_gpa;	/* the hypervisor's pages in the guest's memory... */
	u64 reserved_pages;	/* ...which the guest's memory map reserves */

	u64 guest_os_id;	/* MSRs of the partition */
	u64 hypercall_msr;
	u64 reference_tsc_msr;
	u64 tsc_invariant;
	u64 crash[5];
	bool crashed;
	bool powered_off;	/* it has asked for that by hypercall */

	struct stats stats;

	/* Pages the guest has deposited, as PFNs, and how many are in use. */
	u64 *deposited;
	unsigned int nr_deposited;

	struct child **children;
	unsigned int nr_children;
	u64 last_child;
	u32 overflow;		/* VPs whose signals did not reach it */
	u32 last_listener;	/* VP that gets messages about children */
	struct ports ports;

	/* For a test: what comes next of the guest's is as in a hibernation. */
	bool hibernates;

	/* Raises an interrupt at a VP; the machine's, or a test's. */
	void (*interrupt)(struct vp *vp, u8 vector);

	/* A SynIC has room, or takes messages again: what is owed goes now. NULL: nobody owes. */
	void (*pump)(struct partition *partition);

	struct vp vps[VPS_MAX];
	unsigned int nr_vps;
};

/**
 * partition_init() - a partition that has nothing yet
 * @partition: filled in
 * @options: what it is like; kept
 *
 * Its memory is the caller's to add, and so is what raises interrupts.
 */
void partition_init(struct partition *partition, const struct options *options);

/**
 * partition_memory() - where a piece of guest memory is
 * @partition: the partition
 * @gpa: guest physical address
 * @size: bytes
 *
 * Return: the address here, or NULL if not all of it is memory.
 */
void *partition_memory(struct partition *partition, u64 gpa, u64 size);

/* The partition, as what boots Linux in it sees it. @guest refers to it. */
void partition_guest(struct partition *partition, struct guest *guest);

/**
 * partition_page() - where a page of guest memory is
 * @partition: the partition
 * @gpfn: its number, as the guest says it
 *
 * Return: the address here, or NULL if it is no memory.
 */
void *partition_page(struct partition *partition, u64 gpfn);

/* What a partition may do and see: EAX, EBX and ECX of HYPERV_CPUID_FEATURES. */
u32 partition_features(const struct partition *partition);
u32 partition_privileges(const struct partition *partition);
u32 partition_extended_features(const struct partition *partition);

/**
 * partition_slot() - which piece of guest memory holds a range
 * @partition: the partition
 * @gpa: guest physical address
 * @size: bytes
 *
 * Return: the piece, or NULL if not all of the range is memory.
 */
const struct ram_slot *partition_slot(struct partition *partition, u64 gpa, u64 size);

/* Whether its own kernel dispatches the VPs of its children. */
bool partition_dispatches(const struct partition *partition);

/* Whether it provides overlay pages itself, as its VMM capabilities say. */
bool partition_provides_pages(const struct partition *partition);

#endif /* _HVEMU_PARTITION_H */
