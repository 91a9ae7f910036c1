/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child partition: what the partition that Linux boots in makes out of its own
 * memory, and whose VPs it runs.
 *
 * A child is a KVM virtual machine beside the parent's, without KVM's interrupt
 * controller: hvemu must see every interrupt and every HLT, as the schedulers
 * are made of them.
 *
 * One lock covers all of it, the parent partition's. It is let go only while a
 * VP is in KVM, and where a function says so.
 *
 * What knows what is in the README, "Who may know whom".
 */
#ifndef _HVEMU_CHILD_CHILD_H
#define _HVEMU_CHILD_CHILD_H

#include <linux/types.h>

#include "../hv/features.h"
#include "../hv/msr.h"
#include "../hv/processor.h"

struct child_intercept;
struct child_memory;
struct child_msrs;
struct child_vp;
struct hypercall;
struct partition;

#define CHILD_VPS_MAX		256	/* MSHV_MAX_VPS of mshv_root.h */

enum child_state {
	CHILD_CREATED,
	CHILD_INITIALIZED,
	CHILD_FINALIZING,	/* its VPs are being stopped, and the lock is let go */
	CHILD_FINALIZED,
};

/* HVCALL_REGISTER_INTERCEPT_RESULT: a CPUID leaf as the parent wants it. */
struct child_cpuid_result {
	u32 function;
	u32 index;
	bool any_index;
	bool always;
	u32 value[4];		/* EAX, EBX, ECX, EDX... */
	u32 mask[4];		/* ...and which of their bits count */
};

struct child_cpuid_results {
	struct child_cpuid_result *list;
	unsigned int count;
};

/**
 * struct child - a child partition
 * @parent: whose
 * @id: its name in hypercalls
 * @state: how far it has come
 * @flags: HV_PARTITION_CREATION_FLAG_*
 * @vm: KVM's virtual machine; -1 in unit tests
 * @nr_vcpus: how many vCPUs it has had: KVM keeps them as long as the machine
 * @memory: its guest physical memory, see table.h
 * @deposited: pages of the parent's that were given to it, as PFNs
 * @nr_deposited: how many
 * @nr_used: how many of those it needs for what it has
 * @vps: by index; NULL: there is none
 * @nr_vps: how many there are
 * @intercepts: what the parent has asked to be told of
 * @nr_intercepts: how many
 * @cpuid_results: CPUID leaves that the parent has changed for all of its VPs
 * @disabled: features of the processor that it was created without
 * @processor: what is left
 * @synthetic_features: HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES
 * @per_socket: HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET: what its VPs' CPUID tells
 * @physical_bits: HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH: of its addresses
 * @cpu_reserve: HV_PARTITION_PROPERTY_CPU_RESERVE, as the following only kept
 * @cpu_cap: HV_PARTITION_PROPERTY_CPU_CAP
 * @cpu_weight: HV_PARTITION_PROPERTY_CPU_WEIGHT
 * @ignores_msrs: HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION: ones that do
 *	not exist read 0 and take everything; else they give #GP
 * @tracks_access: HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING
 * @time_frozen: HV_PARTITION_PROPERTY_TIME_FREEZE
 * @time_offset: its reference time less log_time(), units of 100 ns; while it
 *	is frozen, the time itself
 * @by_tsc: while its guest has a page that says so: its reference time by its TSC
 * @tsc_ahead: likewise, what the TSC of its VPs is ahead of hvemu's own
 * @msrs: its synthetic MSRs, msr.c's
 */
struct child {
	struct partition *parent;
	u64 id;
	enum child_state state;
	u64 flags;
	int vm;
	unsigned int nr_vcpus;
	struct child_memory *memory;

	u64 *deposited;
	unsigned int nr_deposited;
	unsigned int nr_used;

	struct child_vp *vps[CHILD_VPS_MAX];
	unsigned int nr_vps;

	struct child_intercept *intercepts;
	unsigned int nr_intercepts;
	struct child_cpuid_results cpuid_results;

	struct features disabled;
	struct processor processor;
	u64 synthetic_features;
	u32 per_socket;
	unsigned int physical_bits;
	u64 cpu_reserve;
	u64 cpu_cap;
	u64 cpu_weight;
	bool ignores_msrs;
	bool tracks_access;
	bool time_frozen;
	u64 time_offset;
	struct reference_tsc by_tsc;
	u64 tsc_ahead;
	struct child_msrs *msrs;
};

/**
 * child_find() - the child with an id
 * @partition: whose
 * @id: as a hypercall says it
 *
 * Return: it, or NULL.
 */
struct child *child_find(struct partition *partition, u64 id);

/* Likewise one VP of it; NULL if there is no such child or VP. */
struct child_vp *child_find_vp(struct partition *partition, u64 id, u32 index);

/* Which VP a call is about. Return: its status, if there is no such VP. */
u16 child_vp_of(struct hypercall *call, u64 id, u32 index, struct child_vp **vp);

#endif /* _HVEMU_CHILD_CHILD_H */
