/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine: a partition as a KVM virtual machine, its memory, the threads
 * of its VPs, and the devices of a small PC.
 */
#ifndef _HVEMU_MACHINE_H
#define _HVEMU_MACHINE_H

struct options;

/* Why a run ended; hvemu exits with it. The README lists them. */
enum machine_end {
	MACHINE_OFF = 0,	/* power-off or reset */
	MACHINE_FAILED = 1,	/* hvemu or KVM failed */
	MACHINE_USAGE = 2,	/* the command line was wrong */
	MACHINE_VIOLATION = 3,	/* the guest broke the protocol */
	MACHINE_CRASHED = 4,	/* the guest panicked, or a triple fault */
	MACHINE_TIMEOUT = 5,
};

/**
 * machine_run() - boot what the options name, until it ends
 * @options: what to boot, and as what
 *
 * Return: why it ended. Threads of VPs may still run: the caller exits.
 */
enum machine_end machine_run(const struct options *options);

/**
 * machine_probe() - see how fast KVM is
 *
 * Some machines have a /dev/kvm that is emulated in software, too slow to boot
 * a kernel. Runs 4096 instructions of a guest, in ring 0 with interrupts off,
 * and prints how many microseconds they took.
 *
 * Return: MACHINE_OFF, or MACHINE_FAILED after saying why.
 */
enum machine_end machine_probe(void);

/**
 * machine_check_host() - say what this machine has and what it lacks
 *
 * A report for a person to read and to send, on stdout.
 *
 * Return: MACHINE_OFF, or MACHINE_FAILED if hvemu cannot run here.
 */
enum machine_end machine_check_host(void);

/**
 * machine_tsc() - see how fast this machine's TSC is
 *
 * QEMU's TCG hands the host's TSC to its guest, which has nothing good to
 * measure it by. Prints the frequency in kHz.
 *
 * Return: MACHINE_OFF.
 */
enum machine_end machine_tsc(void);

#endif /* _HVEMU_MACHINE_H */
