/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VMM's command line asks for.
 */
#ifndef _VMM_OPTIONS_H
#define _VMM_OPTIONS_H

#include <linux/types.h>

/* Local APICs are numbered with 8 bits, and 255 is everybody. */
#define CPUS_MAX	255

/* How a run ends; the exit status. One that a signal ends: 128 + its number. */
enum vmm_end {
	VMM_OFF = 0,		/* power-off or reset */
	VMM_FAILED = 1,		/* the VMM, the kernel or the hypervisor failed */
	VMM_USAGE = 2,		/* the command line was wrong */
	VMM_CRASHED = 4,	/* the guest crashed */
	VMM_TIMEOUT = 5,
	VMM_SIGNAL = 128,
};

struct vmm_options {
	const char *kernel;
	const char *initrd;
	char append[2048];
	const char *prompt;	/* input waits for it; NULL: it does not */
	unsigned int cpus;
	u64 memory;		/* bytes */
	bool x2apic;
	unsigned int timeout;	/* seconds; 0: none */
	bool stats;
	bool help;		/* only print how it is used */
};

/**
 * vmm_options_parse() - read the command line
 * @options: filled in
 * @argc: as of main()
 * @argv: as of main()
 *
 * Return: 0, or -1 after saying on stderr what is wrong.
 */
int vmm_options_parse(struct vmm_options *options, int argc, char **argv);

void vmm_options_help(void);

#endif /* _VMM_OPTIONS_H */
