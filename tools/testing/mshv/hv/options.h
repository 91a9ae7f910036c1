/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hvemu pretends to be, and what it runs.
 */
#ifndef _HVEMU_OPTIONS_H
#define _HVEMU_OPTIONS_H

#include <linux/types.h>

#include "../pc/virtio_mmio.h"
#include "fault.h"

#define VPS_MAX		64

/* A file that the guest sees as a disk. */
struct disk_option {
	const char *file;
	bool read_only;
};

struct options {
	/* The partition that Linux boots in. */
	bool root;		/* a root partition; else an L1VH */
	bool plain;		/* neither: it cannot create partitions */
	unsigned int cpus;
	u64 memory;		/* bytes */
	bool x2apic;
	bool smt;		/* two VPs are the threads of a core */

	/* The hypervisor above it. */
	u32 build;		/* build number */
	bool capabilities;	/* property VMM_CAPABILITIES is known */
	bool property_ex;	/* so is the hypercall that asks for it */
	u64 capability_bits;
	u16 bank_count;
	u64 integrated;		/* value of the integrated scheduler property */
	u32 scheduler;		/* what a root partition is told */
	bool fills_masked;	/* a SINT that is masked gets its messages all the same */
	u64 slice;		/* the longest dispatch, units of 100 ns */
	bool eoi_messages;	/* a child's EOIs are messages, not intercepts */
	bool slow_properties;	/* a child's are set, and that is said, later */
	bool injection;		/* interrupts can be posted in register pages */
	bool no_cpuid_values;	/* HVCALL_GET_VP_CPUID_VALUES is not there */
	bool strict_features;	/* a child cannot be made without unknown features */
	struct faults faults;

	/* The run. */
	const char *kernel;
	const char *initrd;
	char append[2048];
	struct disk_option disks[VIRTIO_MMIO_MAX];
	unsigned int nr_disks;
	const char *event_log;
	unsigned int timeout;	/* seconds; 0: none */
	bool probe;		/* only see how fast KVM is */
	bool check_host;	/* only say what the host has and lacks */
	bool tsc;		/* only see how fast the TSC is */
};

/**
 * options_parse() - read the command line
 * @options: filled in
 * @argc: as of main()
 * @argv: as of main()
 *
 * Prints help or an error, and exits, where there is nothing to run.
 */
void options_parse(struct options *options, int argc, char **argv);

/**
 * options_preset() - pretend to be a kind of hypervisor that has a name
 * @options: changed
 * @name: one of those --help lists
 *
 * Return: whether there is such a preset.
 */
bool options_preset(struct options *options, const char *name);

#endif /* _HVEMU_OPTIONS_H */
