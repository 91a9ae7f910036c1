/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports of the emulator's own. No PC has devices there.
 */
#ifndef _HVEMU_PORTS_H
#define _HVEMU_PORTS_H

#define HVEMU_PORT_HYPERCALL		0xea	/* what the hypercall page writes to */
#define HVEMU_PORT_TEST			0x5e0	/* the test port, see test_port.h */

#endif /* _HVEMU_PORTS_H */
