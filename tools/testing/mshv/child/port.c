// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: doorbells. What the driver does in the wrong order is a violation, as
 * only the driver can: it chooses the numbers.
 */

#include <stdio.h>
#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/port.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "child.h"
#include "port.h"

#define DOORBELL_FLAGS	(HV_DOORBELL_FLAG_TRIGGER_SIZE_MASK | \
			 HV_DOORBELL_FLAG_TRIGGER_ANY_VALUE)

static struct port *port_find(struct ports *ports, u32 id)
{
	struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++)
		if (port->id == id)
			return port;
	return NULL;
}

static struct port *connection_find(struct ports *ports, u64 child, u32 id)
{
	struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++)
		if (port->connected && port->child == child && port->connection == id)
			return port;
	return NULL;
}

static bool is_target(const struct partition *partition, u32 sint, u32 vp)
{
	return sint < HV_SYNIC_SINT_COUNT && (vp == HV_ANY_VP || vp < partition->nr_vps);
}

u16 port_create(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_create_port *input = call->in;
	const struct hv_port_info *info = &input->port_info;
	struct ports *ports = &partition->ports;

	if (input->port_partition_id != partition->id ||
	    !child_find(partition, input->connection_partition_id))
		return HV_STATUS_INVALID_PARTITION_ID;
	if (!input->port_id.u.id || input->port_id.u.reserved)
		return HV_STATUS_INVALID_PORT_ID;
	if (input->port_vtl || input->min_connection_vtl ||
	    info->port_type != HV_PORT_TYPE_DOORBELL ||
	    !is_target(partition, info->doorbell_port_info.target_sint,
		       info->doorbell_port_info.target_vp))
		return HV_STATUS_INVALID_PARAMETER;
	if (port_find(ports, input->port_id.u.id)) {
		log_violation(call->vp->index, "port %u is made twice", input->port_id.u.id);
		return HV_STATUS_INVALID_PORT_ID;
	}
	if (ports->count == PORTS_MAX)
		return HV_STATUS_NO_RESOURCES;

	ports->ports[ports->count++] = (struct port) {
		.id = input->port_id.u.id,
		.child = input->connection_partition_id,
		.sint = info->doorbell_port_info.target_sint,
		.vp = info->doorbell_port_info.target_vp,
	};
	return HV_STATUS_SUCCESS;
}

/* How long the writes are that a doorbell goes by; 1 where that does not matter. */
static unsigned int trigger_size(u64 flags)
{
	static const unsigned int sizes[] = {
		[HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY] = 1,
		[HV_DOORBELL_FLAG_TRIGGER_SIZE_BYTE] = 1,
		[HV_DOORBELL_FLAG_TRIGGER_SIZE_WORD] = 2,
		[HV_DOORBELL_FLAG_TRIGGER_SIZE_DWORD] = 4,
		[HV_DOORBELL_FLAG_TRIGGER_SIZE_QWORD] = 8,
	};

	return sizes[flags & HV_DOORBELL_FLAG_TRIGGER_SIZE_MASK];
}

u16 port_connect(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_connect_port *input = call->in;
	const struct hv_connection_info *info = &input->connection_info;
	struct port *port = port_find(&partition->ports, input->port_id.asu32);
	u64 child = input->connection_partition_id;
	u64 gpa = info->doorbell_connection_info.gpa;
	u64 flags = info->doorbell_connection_info.flags;

	if (input->port_partition_id != partition->id || !child_find(partition, child))
		return HV_STATUS_INVALID_PARTITION_ID;
	if (!port || port->child != child) {
		log_violation(call->vp->index, "0x%llx is connected to port %u, which it has not",
			      (unsigned long long)child, input->port_id.asu32);
		return HV_STATUS_INVALID_PORT_ID;
	}
	if (port->connected) {
		log_violation(call->vp->index, "port %u is connected twice", port->id);
		return HV_STATUS_INVALID_PORT_ID;
	}
	if (!input->connection_id.u.id || input->connection_id.u.reserved)
		return HV_STATUS_INVALID_CONNECTION_ID;
	if (connection_find(&partition->ports, child, input->connection_id.u.id)) {
		log_violation(call->vp->index, "connection %u of 0x%llx is made twice",
			      input->connection_id.u.id, (unsigned long long)child);
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	if (input->connection_vtl || info->port_type != HV_PORT_TYPE_DOORBELL ||
	    flags & ~(u64)DOORBELL_FLAGS ||
	    (flags & HV_DOORBELL_FLAG_TRIGGER_SIZE_MASK) > HV_DOORBELL_FLAG_TRIGGER_SIZE_QWORD ||
	    port_crosses_page(gpa, trigger_size(flags)))
		return HV_STATUS_INVALID_PARAMETER;

	port->connected = true;
	port->connection = input->connection_id.u.id;
	port->gpa = gpa;
	port->value = info->doorbell_connection_info.trigger_value;
	port->flags = flags;
	log_event(call->vp->index, "connect",
		  "child=0x%llx port=%u gpa=0x%llx value=0x%llx flags=0x%llx",
		  (unsigned long long)child, port->id, (unsigned long long)port->gpa,
		  (unsigned long long)port->value, (unsigned long long)flags);
	return HV_STATUS_SUCCESS;
}

u16 port_disconnect(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const union hv_input_disconnect_port *input = call->in;
	u64 child = input->connection_partition_id;
	struct port *port;

	if (!child_find(partition, child))
		return HV_STATUS_INVALID_PARTITION_ID;
	port = connection_find(&partition->ports, child, input->connection_id.asu32);
	if (!port || !input->is_doorbell) {
		log_violation(call->vp->index,
			      "connection %u of 0x%llx is ended, which it has not",
			      input->connection_id.asu32, (unsigned long long)child);
		return HV_STATUS_INVALID_CONNECTION_ID;
	}
	port->connected = false;
	log_event(call->vp->index, "disconnect", "child=0x%llx port=%u",
		  (unsigned long long)child, port->id);
	return HV_STATUS_SUCCESS;
}

u16 port_delete(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const union hv_input_delete_port *input = call->in;
	struct ports *ports = &partition->ports;
	struct port *port = port_find(ports, input->port_id.asu32);

	if (input->port_partition_id != partition->id)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (!port) {
		log_violation(call->vp->index, "port %u is deleted and is not there",
			      input->port_id.asu32);
		return HV_STATUS_INVALID_PORT_ID;
	}
	if (port->connected)
		log_violation(call->vp->index, "port %u is deleted and is connected", port->id);

	ports->count--;
	memmove(port, port + 1, (ports->ports + ports->count - port) * sizeof(*port));
	return HV_STATUS_SUCCESS;
}

/* Whether a ring of a VP's is looked at: its own message says so, or SINT0's. */
static bool vp_listens(const struct vp *vp, u32 sint)
{
	const struct synic *synic = &vp->synic;

	if (!synic->sirbp.sirbp_enabled || synic->sint[sint].masked)
		return false;
	return synic_takes(vp, synic->sint[sint].as_intercept ?
			   HV_SYNIC_INTERCEPTION_SINT_INDEX : sint);
}

/*
 * Whose ring a port's number goes into. With HV_ANY_VP that is the same one as
 * long as it listens, another one for each port: so the rings of a port stay in
 * order, and all VPs have some.
 */
static struct vp *port_listener(struct partition *partition, const struct port *port)
{
	u32 first = port->vp == HV_ANY_VP ? port->id : port->vp;
	u32 many = port->vp == HV_ANY_VP ? partition->nr_vps : 1;
	struct vp *vp;
	u32 i;

	for (i = 0; i < many; i++) {
		vp = &partition->vps[(first + i) % partition->nr_vps];
		if (vp_listens(vp, port->sint))
			return vp;
	}
	return NULL;
}

static void port_pump(struct partition *partition, struct port *port)
{
	struct vp *vp = port_listener(partition, port);

	while (vp && port->owed && synic_ring(vp, port->sint, port->id))
		port->owed--;
}

void ports_pump(struct partition *partition)
{
	struct ports *ports = &partition->ports;
	struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++)
		if (port->owed)
			port_pump(partition, port);
}

u16 port_notify_ring_empty(struct hypercall *call)
{
	const union hv_input_notify_port_ring_empty *input = call->in;

	if (input->sint_index >= HV_SYNIC_SINT_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	ports_pump(call->vp->partition);
	return HV_STATUS_SUCCESS;
}

static bool port_rings(const struct port *port, u64 gpa, u64 value, unsigned int size)
{
	u32 wanted = port->flags & HV_DOORBELL_FLAG_TRIGGER_SIZE_MASK;

	if (!port->connected || port->gpa != gpa)
		return false;
	if (wanted != HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY && trigger_size(port->flags) != size)
		return false;
	return port->flags & HV_DOORBELL_FLAG_TRIGGER_ANY_VALUE || port->value == value;
}

bool port_write(struct child *child, u64 gpa, u64 value, unsigned int size)
{
	struct partition *partition = child->parent;
	struct ports *ports = &partition->ports;
	struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++) {
		if (port->child != child->id || !port_rings(port, gpa, value, size))
			continue;
		log_event(LOG_NO_VP, "doorbell",
			  "child=0x%llx port=%u gpa=0x%llx value=0x%llx size=%u",
			  (unsigned long long)child->id, port->id,
			  (unsigned long long)gpa, (unsigned long long)value, size);
		port->owed++;
		port_pump(partition, port);
		return true;
	}
	return false;
}

bool port_covers(const struct child *child, u64 gpfn)
{
	const struct ports *ports = &child->parent->ports;
	const struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++)
		if (port->connected && port->child == child->id &&
		    port->gpa >> HV_HYP_PAGE_SHIFT == gpfn)
			return true;
	return false;
}

void ports_close(struct partition *partition, const struct child *child)
{
	struct ports *ports = &partition->ports;
	struct port *port;

	for (port = ports->ports; port < ports->ports + ports->count; port++) {
		if (!port->connected || port->child != child->id)
			continue;
		log_violation(LOG_NO_VP, "0x%llx goes with port %u connected",
			      (unsigned long long)child->id, port->id);
		port->connected = false;
	}
}

bool ports_are_closed(const struct ports *ports, char *why, size_t size)
{
	if (!ports->count)
		return true;
	snprintf(why, size, "%u ports are left, the first is %u of 0x%llx", ports->count,
		 ports->ports[0].id, (unsigned long long)ports->ports[0].child);
	return false;
}
