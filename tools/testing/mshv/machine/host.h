/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that hvemu runs on: what it must have, and what else is told of it.
 *
 * All that hvemu takes for granted of KVM and of the system is a row of a table in
 * host.c, with what it is for and what to do where it is missing.
 */
#ifndef _HVEMU_HOST_H
#define _HVEMU_HOST_H

#include <stdio.h>

#include <linux/types.h>

/**
 * struct host - how the host is asked; a unit test answers itself
 * @context: what follows gets it
 * @capability: KVM_CHECK_EXTENSION: 0: KVM has no such one
 * @read: the first line of a file into @line, without its end; false: no such file
 * @userfaultfd: whether children can have memory: 0 or a negative errno
 */
struct host {
	void *context;
	long (*capability)(void *context, unsigned int number);
	bool (*read)(void *context, const char *path, char *line, size_t size);
	int (*userfaultfd)(void *context);
};

/* This machine. @context is where the file descriptor of /dev/kvm is, an int. */
extern const struct host host_this;

/**
 * host_check() - whether the host has all that hvemu needs
 * @host: which
 * @out: where each thing that is missing goes, and what to do
 * @all: everything goes there, with its value, not only what is missing
 *
 * Return: how many things are missing. One that only disturbs is told, and does
 * not count.
 */
unsigned int host_check(const struct host *host, FILE *out, bool all);

/**
 * host_report() - what a person can send who has a kind of machine nobody has tried
 * @host: which; /dev/kvm is open
 * @kvm: that file descriptor
 * @out: where it goes
 *
 * Processor, kernel, KVM's parameters, its CPUID. No name of the machine, of a
 * person or of a network is in it.
 */
void host_report(const struct host *host, int kvm, FILE *out);

/* As many files open as this user may: each VP is one. */
void host_raise_limits(void);

#endif /* _HVEMU_HOST_H */
