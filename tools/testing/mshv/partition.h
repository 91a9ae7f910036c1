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

#include "options.h"
#include "stats.h"
#include "synic.h"

struct hypercall;
struct kvm_run;

#define CHILDREN_MAX	16

struct vp {
	struct partition *partition;
	u32 index;		/* and its APIC id */
	struct synic synic;
	u64 vp_assist;		/* HV_X64_MSR_VP_ASSIST_PAGE */
	u64 hypercalls;		/* how many it has made */

	/* KVM's part of it; unused by the unit tests. */
	int fd;
	struct kvm_run *run;
};

#define RAM_SLOTS_MAX	2

/* Guest memory: one piece below 4 GiB, and what does not fit there above. */
struct ram_slot {
	u64 gpa;
	u64 size;
	void *host;
};

struct partition {
	pthread_mutex_t lock;
	const struct options *options;
	struct faults faults;
	u64 id;			/* how it names itself */
	u64 tsc_hz;

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

	/* Child partitions: so far no more than ids. */
	u64 children[CHILDREN_MAX];
	unsigned int nr_children;
	u64 last_child;

	/* For a test: what comes next of the guest's is as in a hibernation. */
	bool hibernates;

	/* Raises an interrupt at a VP; the machine's, or a test's. */
	void (*interrupt)(struct vp *vp, u8 vector);

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

/**
 * partition_page() - where a page of guest memory is
 * @partition: the partition
 * @gpfn: its number, as the guest says it
 *
 * Return: the address here, or NULL if it is no memory.
 */
void *partition_page(struct partition *partition, u64 gpfn);

/* What a partition may do and see: EAX and EBX of HYPERV_CPUID_FEATURES. */
u32 partition_features(const struct partition *partition);
u32 partition_privileges(const struct partition *partition);

/**
 * partition_is_quiet() - whether nothing of the driver's is left
 * @partition: the partition
 * @why: said in words if something is
 * @size: of @why
 *
 * Return: whether no SynIC is enabled, no message lies in a slot, no page of the
 * guest is in use and no child partition is left.
 */
bool partition_is_quiet(struct partition *partition, char *why, size_t size);

/* Child partitions; see hypercall.h for what a handler is. */
u16 child_create(struct hypercall *call);		/* HVCALL_CREATE_PARTITION */
u16 child_delete(struct hypercall *call);		/* HVCALL_DELETE_PARTITION */
u16 child_withdraw_memory(struct hypercall *call);	/* HVCALL_WITHDRAW_MEMORY */

#endif /* _HVEMU_PARTITION_H */
