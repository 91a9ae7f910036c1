/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a partition keeps of its ports, see child/port.h.
 */
#ifndef _HVEMU_PORT_H
#define _HVEMU_PORT_H

#include <linux/types.h>

/* More than a VMM with a hundred devices wants. */
#define PORTS_MAX	2048

/**
 * struct port - a doorbell
 * @id: its number, not 0
 * @child: the partition that may be connected to it
 * @sint: whose event ring
 * @vp: of which VP, or HV_ANY_VP
 * @connected: what follows is so
 * @connection: the connection's number, the child's
 * @gpa: where it rings
 * @value: by what
 * @flags: HV_DOORBELL_FLAG_*
 * @owed: how often it has rung and no event ring took it
 */
struct port {
	u32 id;
	u64 child;
	u32 sint;
	u32 vp;
	bool connected;
	u32 connection;
	u64 gpa;
	u64 value;
	u64 flags;
	u32 owed;
};

/* Oldest first. */
struct ports {
	unsigned int count;
	struct port ports[PORTS_MAX];
};

#endif /* _HVEMU_PORT_H */
