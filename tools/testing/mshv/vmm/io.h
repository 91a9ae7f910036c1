/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IN, OUT, INS and OUTS, as the hypervisor reports them.
 */
#ifndef _VMM_IO_H
#define _VMM_IO_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"

/* So many elements of a string are done before the VP is run again. */
#define IO_BURST	4096

/**
 * struct io_bus - what ports and memory a VP has
 * @in: it reads a port, @size bytes wide
 * @out: it writes one
 * @memory: where the byte at a linear address of the VP is; NULL: there is none
 * @context: for these
 */
struct io_bus {
	u32 (*in)(void *context, u16 port, u8 size);
	void (*out)(void *context, u16 port, u8 size, u32 value);
	u8 *(*memory)(void *context, u64 address, bool write);
	void *context;
};

/**
 * io_emulate() - do what an instruction wants of a port
 * @message: the intercept
 * @regs: the VP's register page; changed, RIP included
 * @bus: its ports and memory
 *
 * Return: NULL, or what cannot be done, in words; then nothing has been changed
 * that could not be done again.
 */
const char *io_emulate(const struct hv_x64_io_port_intercept_message *message,
		       struct hv_vp_register_page *regs, const struct io_bus *bus);

#endif /* _VMM_IO_H */
