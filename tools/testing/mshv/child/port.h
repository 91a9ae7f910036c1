/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports: doorbells. The parent makes a port of its own, and connects a place in a
 * child's memory to it. A write there rings: the port's number goes into an event
 * ring of the parent's, and the child goes on.
 */
#ifndef _HVEMU_CHILD_PORT_H
#define _HVEMU_CHILD_PORT_H

#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct child;
struct hypercall;
struct partition;
struct ports;

/* The hypercalls; see hv/hypercall.h for what a handler is. */
u16 port_create(struct hypercall *call);		/* HVCALL_CREATE_PORT */
u16 port_connect(struct hypercall *call);		/* HVCALL_CONNECT_PORT */
u16 port_disconnect(struct hypercall *call);		/* HVCALL_DISCONNECT_PORT */
u16 port_delete(struct hypercall *call);		/* HVCALL_DELETE_PORT */
u16 port_notify_ring_empty(struct hypercall *call);	/* HVCALL_NOTIFY_PORT_RING_EMPTY */

/**
 * port_write() - a child writes to memory
 * @child: which
 * @gpa: where
 * @value: what; not wider than @size
 * @size: bytes
 *
 * Of several doorbells that such a write rings, the one connected first rings.
 *
 * Return: whether it was for a doorbell, and is done with that.
 */
bool port_write(struct child *child, u64 gpa, u64 value, unsigned int size);

/* TLFS, HV_CONNECTION_INFO: a doorbell "must not cross page boundaries". */
static inline bool port_crosses_page(u64 gpa, unsigned int size)
{
	return gpa % HV_HYP_PAGE_SIZE + size > HV_HYP_PAGE_SIZE;
}

/* Whether a doorbell of a child's lies in a page of its. */
bool port_covers(const struct child *child, u64 gpfn);

/* A SynIC of the partition's has changed: what is owed goes where it now can. */
void ports_pump(struct partition *partition);

/* A child ends. A connection that it has still is a violation, and ends too. */
void ports_close(struct partition *partition, const struct child *child);

/**
 * ports_are_closed() - whether there are no ports
 * @ports: of a partition
 * @why: names one if there is
 * @size: of @why
 *
 * Return: whether there is none.
 */
bool ports_are_closed(const struct ports *ports, char *why, size_t size);

#endif /* _HVEMU_CHILD_PORT_H */
