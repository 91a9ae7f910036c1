/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the ABI's numbers, both ways. The tables are made from the
 * hypervisor's headers when hvemu is built, so that there is no second list.
 */
#ifndef _HVEMU_NAMES_H
#define _HVEMU_NAMES_H

#include <linux/types.h>

struct name {
	u32 number;
	const char *name;
};

/* Each ends with a NULL name. */
extern const struct name status_names[];	/* HV_STATUS_* */
extern const struct name more_status_names[];	/* those that the kernel lacks */
extern const struct name hypercall_names[];	/* HVCALL_* */
extern const struct name property_names[];	/* HV_PARTITION_PROPERTY_* */
extern const struct name msr_names[];		/* HV_X64_MSR_* */
extern const struct name message_names[];	/* HVMSG_* */

/**
 * name_of() - the name of a number
 * @names: a table of the above
 * @number: what to look for
 *
 * Return: the name, without its prefix; of one that has none, the number, until this
 * thread has asked for some more.
 */
const char *name_of(const struct name *names, u32 number);

/* Likewise of a status, whether the kernel has it or not. */
const char *status_name(u32 status);

/**
 * number_of() - the number that a user means
 * @names: a table of the above
 * @prefix: what a user may put before a name: "HV_STATUS_", say
 * @text: a name, with or without @prefix, or a number as C writes it
 * @number: where to put it
 *
 * Return: whether @text means one.
 */
bool number_of(const struct name *names, const char *prefix, const char *text,
	       u32 *number);

#endif /* _HVEMU_NAMES_H */
