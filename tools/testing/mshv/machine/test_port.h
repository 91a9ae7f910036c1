/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test port: how a program in the guest talks to hvemu.
 *
 * Bytes written to HVEMU_PORT_TEST make a line; the newline carries it out.
 * Bytes read from it are the answer, up to a zero: "ok", "ok TEXT" or
 * "error TEXT". The commands:
 *
 *	mark TEXT		put TEXT into the event log
 *	times TEXT		likewise, and after it how long each VP of a child has
 *				had a CPU
 *	fault FAULT		add a fault, see fault.h
 *	faults clear		forget all faults; answers how often they applied
 *	quiet			is anything of the driver's left?
 *	forget			let go of every statistics page, and keep what was
 *				deposited
 *	synic			the SynIC registers of all VPs
 *	children		how many child partitions there are
 *	violations		how often the guest has broken the protocol
 *	message VP N TYPE [Q]...	send a message N times to SINT0 of a VP: a type,
 *				and quadwords of payload
 *	ring VP PORT		put a port's number into the doorbell ring of a VP
 *	at-mask VP N TYPE [Q]...	as message, but sent the moment before the VP
 *				masks SINT0 next: without an interrupt
 *	late VP			raise the interrupt of SINT0 just after the VP
 *				disables its SynIC next, as something that shares
 *				the vector may
 *	pending VP		"ok slot=TYPE waiting=N ring=N": the message in the slot
 *				of SINT0, how many wait, how many doorbells are not
 *				taken
 *	drop VP			forget the messages for SINT0
 *	hibernation		when the page for hypercalls is disabled next, forget
 *				the SynIC of every VP, as in a hibernation
 *	scribble		fill each statistics page that is mapped with a pattern,
 *				and let it be; answers how many there are
 *	scribbled		does each still hold it?
 *
 * No hypervisor has such a port; nothing but tests may use it.
 */
#ifndef _HVEMU_TEST_PORT_H
#define _HVEMU_TEST_PORT_H

#include <linux/types.h>

struct vp;

/* The guest reads or writes the port. The partition's lock is held. */
u8 test_port_read(struct vp *vp);
void test_port_write(struct vp *vp, u8 byte);

#endif /* _HVEMU_TEST_PORT_H */
