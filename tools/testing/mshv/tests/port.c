// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of ports: by hypercall, and by what a child writes.
 */

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/parent.h"
#include "../child/port.h"
#include "../child/synic.h"
#include "../child/vp.h"
#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/port.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "../machine/hypercalls.h"

#define RAM_SIZE	0x100000ULL
#define SIMP_GPA	0x10000ULL	/* and a page more for each VP */
#define SIRBP_GPA	0x20000ULL	/* likewise */
#define INPUT_GPA	0x30000ULL
#define OUTPUT_GPA	0x31000ULL
#define VECTOR		0xf3
#define SINT		HV_SYNIC_DOORBELL_SINT_INDEX

#define CHILD		0x100
#define OTHER_CHILD	0x101
#define BELL_GPA	0xd0001010ULL

#define ANY_SIZE	HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY
#define ANY_VALUE	HV_DOORBELL_FLAG_TRIGGER_ANY_VALUE
#define FAST		HV_HYPERCALL_FAST_BIT

static unsigned int interrupts[VPS_MAX];

static void count_interrupt(struct vp *vp, u8 vector)
{
	interrupts[vp->index] += vector == VECTOR;
}

FIXTURE(port)
{
	struct options options;
	struct partition *partition;
	struct child children[2];
	struct child *child_list[2];
	struct vp *vp;
	void *ram;
};

static struct hv_synic_event_ring *ring_of(struct vp *vp)
{
	struct hv_synic_event_ring_page *page;

	page = partition_memory(vp->partition, SIRBP_GPA + vp->index * HV_HYP_PAGE_SIZE,
				sizeof(*page));
	return &page->sint_event_ring[SINT];
}

static u32 *slot_of(struct vp *vp)
{
	return partition_memory(vp->partition, SIMP_GPA + vp->index * HV_HYP_PAGE_SIZE,
				sizeof(u32));
}

/* As mshv_synic_enable() does it. */
static void listen(struct vp *vp)
{
	msr_write(vp, HV_X64_MSR_SIMP, (SIMP_GPA + vp->index * HV_HYP_PAGE_SIZE) | 1);
	msr_write(vp, HV_X64_MSR_SIRBP, (SIRBP_GPA + vp->index * HV_HYP_PAGE_SIZE) | 1);
	msr_write(vp, HV_X64_MSR_SINT0, VECTOR);
	msr_write(vp, HV_X64_MSR_SINT0 + SINT, VECTOR | 1 << 19);
	msr_write(vp, HV_X64_MSR_SCONTROL, 1);
}

static void be_deaf(struct vp *vp)
{
	msr_write(vp, HV_X64_MSR_SINT0 + SINT, 1 << 16);
}

/* The guest takes what is in its ring, as the driver does: how many there were. */
static unsigned int drain(struct vp *vp, u32 port)
{
	struct hv_synic_event_ring *ring = ring_of(vp);
	unsigned int i, many = 0;

	*slot_of(vp) = HVMSG_NONE;
	for (i = 0; i < HV_SYNIC_EVENT_RING_MESSAGE_COUNT; i++) {
		many += ring->data[i] == port;
		ring->data[i] = 0;
	}
	ring->signal_masked = 0;
	ring->ring_full = 0;
	return many;
}

FIXTURE_SETUP(port)
{
	unsigned int i;

	self->options = (struct options) {
		.cpus = 2, .x2apic = true, .build = HV_BUILD_VALIDATED,
		.capabilities = true, .property_ex = true, .bank_count = 1,
		.memory = RAM_SIZE,
	};
	self->partition = calloc(1, sizeof(*self->partition));
	self->ram = calloc(1, RAM_SIZE);
	ASSERT_NE(NULL, self->partition);
	ASSERT_NE(NULL, self->ram);
	partition_init(self->partition, &self->options);
	child_parent_init(self->partition);
	self->partition->interrupt = count_interrupt;
	self->partition->tsc_hz = 2000000000;
	self->partition->ram[0].size = RAM_SIZE;
	self->partition->ram[0].host = self->ram;
	self->partition->ram_slots = 1;
	self->partition->hypercall_msr = HV_X64_MSR_HYPERCALL_ENABLE;
	for (i = 0; i < ARRAY_SIZE(self->children); i++) {
		self->children[i].parent = self->partition;
		self->children[i].id = CHILD + i;
		self->children[i].vm = -1;
		self->children[i].state = CHILD_INITIALIZED;
		self->child_list[i] = &self->children[i];
	}
	self->partition->children = self->child_list;
	self->partition->nr_children = ARRAY_SIZE(self->children);
	self->vp = &self->partition->vps[0];
	memset(interrupts, 0, sizeof(interrupts));
	log_be_silent();
	log_open(NULL);
	pthread_mutex_lock(&self->partition->lock);
}

FIXTURE_TEARDOWN(port)
{
	free(self->partition);
	free(self->ram);
}

static u16 call(struct vp *vp, u64 code, const void *input, size_t size)
{
	memcpy(partition_memory(vp->partition, INPUT_GPA, size), input, size);
	return hypercall(vp, code, INPUT_GPA, OUTPUT_GPA);
}

static struct hv_input_create_port create_input(u32 id)
{
	return (struct hv_input_create_port) {
		.port_partition_id = HV_PARTITION_ID_SELF,
		.port_id.asu32 = id,
		.connection_partition_id = CHILD,
		.port_info.port_type = HV_PORT_TYPE_DOORBELL,
		.port_info.doorbell_port_info.target_sint = SINT,
		.port_info.doorbell_port_info.target_vp = HV_ANY_VP,
	};
}

static u16 create(struct vp *vp, u32 id)
{
	struct hv_input_create_port input = create_input(id);

	return call(vp, HVCALL_CREATE_PORT, &input, sizeof(input));
}

static struct hv_input_connect_port connect_input(u32 id, u64 gpa, u64 value, u64 flags)
{
	return (struct hv_input_connect_port) {
		.connection_partition_id = CHILD,
		.connection_id.asu32 = id,
		.port_partition_id = HV_PARTITION_ID_SELF,
		.port_id.asu32 = id,
		.connection_info.port_type = HV_PORT_TYPE_DOORBELL,
		.connection_info.doorbell_connection_info.gpa = gpa,
		.connection_info.doorbell_connection_info.trigger_value = value,
		.connection_info.doorbell_connection_info.flags = flags,
	};
}

static u16 connect_at(struct vp *vp, u32 id, u64 gpa, u64 value, u64 flags)
{
	struct hv_input_connect_port input = connect_input(id, gpa, value, flags);

	return call(vp, HVCALL_CONNECT_PORT, &input, sizeof(input));
}

/* A port that is made and connected. */
static u16 open_port(struct vp *vp, u32 id, u64 gpa, u64 value, u64 flags)
{
	u16 status = create(vp, id);

	return status ? status : connect_at(vp, id, gpa, value, flags);
}

/* In registers, as the driver makes those calls. */
static u16 disconnect(struct vp *vp, u64 child, u32 id)
{
	union hv_input_disconnect_port input = {
		.connection_partition_id = child,
		.connection_id.asu32 = id,
		.is_doorbell = 1,
	};

	return hypercall(vp, HVCALL_DISCONNECT_PORT | FAST, input.as_uint64[0],
			 input.as_uint64[1]);
}

static u16 delete(struct vp *vp, u32 id)
{
	return hypercall(vp, HVCALL_DELETE_PORT | FAST, HV_PARTITION_ID_SELF, id);
}

static u16 notify(struct vp *vp, u32 sint)
{
	return hypercall(vp, HVCALL_NOTIFY_PORT_RING_EMPTY | FAST, sint, 0);
}

TEST_F(port, life)
{
	unsigned int before = log_violations();
	struct ports *ports = &self->partition->ports;
	char why[100] = "";

	EXPECT_TRUE(ports_are_closed(ports, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_SUCCESS, create(self->vp, 1));
	EXPECT_FALSE(ports_are_closed(ports, why, sizeof(why)));
	EXPECT_STREQ("1 ports are left, the first is 1 of 0x100", why);
	EXPECT_FALSE(port_covers(&self->children[0], BELL_GPA >> 12));
	EXPECT_EQ(HV_STATUS_SUCCESS, connect_at(self->vp, 1, BELL_GPA, 0, ANY_VALUE));
	EXPECT_TRUE(port_covers(&self->children[0], BELL_GPA >> 12));
	EXPECT_FALSE(port_covers(&self->children[0], (BELL_GPA >> 12) + 1));
	EXPECT_FALSE(port_covers(&self->children[1], BELL_GPA >> 12));
	EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(self->vp, CHILD, 1));
	EXPECT_FALSE(port_covers(&self->children[0], BELL_GPA >> 12));
	/* It can be connected anew. */
	EXPECT_EQ(HV_STATUS_SUCCESS, connect_at(self->vp, 1, BELL_GPA, 0, ANY_VALUE));
	EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(self->vp, CHILD, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, 1));
	EXPECT_TRUE(ports_are_closed(ports, why, sizeof(why)));
	EXPECT_EQ(before, log_violations());
}

TEST_F(port, create_refuses)
{
	struct hv_input_create_port input;
	unsigned int before = log_violations();
	struct vp *vp = self->vp;

#define REFUSED(status, change) do {						\
	input = create_input(1);						\
	change;									\
	EXPECT_EQ(status, call(vp, HVCALL_CREATE_PORT, &input, sizeof(input)));	\
} while (0)
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, input.port_partition_id = CHILD);
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, input.connection_partition_id = 0x200);
	REFUSED(HV_STATUS_INVALID_PORT_ID, input.port_id.asu32 = 0);
	REFUSED(HV_STATUS_INVALID_PORT_ID, input.port_id.asu32 = 0x1000001);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.port_vtl = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.min_connection_vtl = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.port_info.port_type = HV_PORT_TYPE_MESSAGE);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.port_info.doorbell_port_info.target_sint = HV_SYNIC_SINT_COUNT);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.port_info.doorbell_port_info.target_vp = 2);
#undef REFUSED
	EXPECT_EQ(0, self->partition->ports.count);
	EXPECT_EQ(before, log_violations());

	EXPECT_EQ(HV_STATUS_SUCCESS, create(vp, 1));
	EXPECT_EQ(HV_STATUS_INVALID_PORT_ID, create(vp, 1));
	EXPECT_EQ(before + 1, log_violations());
}

TEST_F(port, there_is_an_end_to_them)
{
	u32 i;

	for (i = 1; i <= PORTS_MAX; i++)
		ASSERT_EQ(HV_STATUS_SUCCESS, create(self->vp, i));
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, create(self->vp, i));
	/* Whichever of them goes, the others stay. */
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, PORTS_MAX));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, 1000));
	EXPECT_EQ(PORTS_MAX - 3, self->partition->ports.count);
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, 999));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(self->vp, 1001));
	EXPECT_EQ(HV_STATUS_INVALID_PORT_ID, delete(self->vp, 1000));
}

TEST_F(port, connect_refuses)
{
	struct hv_input_connect_port input;
	unsigned int before = log_violations();
	struct vp *vp = self->vp;

	ASSERT_EQ(HV_STATUS_SUCCESS, create(vp, 1));
	ASSERT_EQ(HV_STATUS_SUCCESS, create(vp, 2));
#define REFUSED(status, change) do {						\
	input = connect_input(1, BELL_GPA, 0, 0);				\
	change;									\
	EXPECT_EQ(status, call(vp, HVCALL_CONNECT_PORT, &input, sizeof(input)));	\
} while (0)
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, input.port_partition_id = CHILD);
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, input.connection_partition_id = 0x200);
	REFUSED(HV_STATUS_INVALID_CONNECTION_ID, input.connection_id.asu32 = 0);
	REFUSED(HV_STATUS_INVALID_CONNECTION_ID, input.connection_id.asu32 = 0x1000001);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.connection_vtl = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.connection_info.port_type = HV_PORT_TYPE_EVENT);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.connection_info.doorbell_connection_info.flags = 5);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.connection_info.doorbell_connection_info.flags = 8);
	REFUSED(HV_STATUS_INVALID_PARAMETER,
		input.connection_info.doorbell_connection_info.flags = 1ULL << 32);
	EXPECT_EQ(before, log_violations());

	/* What is wrong in its order. */
	REFUSED(HV_STATUS_INVALID_PORT_ID, input.port_id.asu32 = 3);
	EXPECT_EQ(before + 1, log_violations());
	REFUSED(HV_STATUS_INVALID_PORT_ID, input.connection_partition_id = OTHER_CHILD);
	EXPECT_EQ(before + 2, log_violations());
	REFUSED(HV_STATUS_SUCCESS, ;);
	REFUSED(HV_STATUS_INVALID_PORT_ID, ;);
	EXPECT_EQ(before + 3, log_violations());
	REFUSED(HV_STATUS_INVALID_CONNECTION_ID, input.port_id.asu32 = 2);
	EXPECT_EQ(before + 4, log_violations());
#undef REFUSED
}

TEST_F(port, wrong_order_of_ends)
{
	unsigned int before = log_violations();
	struct vp *vp = self->vp;

	EXPECT_EQ(HV_STATUS_INVALID_PORT_ID, delete(vp, 1));
	EXPECT_EQ(before + 1, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_CONNECTION_ID, disconnect(vp, CHILD, 1));
	EXPECT_EQ(before + 2, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, disconnect(vp, 0x200, 1));
	EXPECT_EQ(before + 2, log_violations());

	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 1, BELL_GPA, 0, ANY_VALUE));
	EXPECT_EQ(HV_STATUS_INVALID_CONNECTION_ID, disconnect(vp, OTHER_CHILD, 1));
	EXPECT_EQ(before + 3, log_violations());
	/* A connection of another kind is none. */
	EXPECT_EQ(HV_STATUS_INVALID_CONNECTION_ID,
		  hypercall(vp, HVCALL_DISCONNECT_PORT | FAST, CHILD, 1));
	EXPECT_EQ(before + 4, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(vp, HVCALL_DELETE_PORT | FAST, CHILD, 1));
	EXPECT_EQ(before + 4, log_violations());
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(vp, 1));
	EXPECT_EQ(before + 5, log_violations());
	EXPECT_FALSE(port_write(&self->children[0], BELL_GPA, 0, 4));
}

TEST_F(port, child_goes_first)
{
	unsigned int before = log_violations();
	struct vp *vp = self->vp;

	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 1, BELL_GPA, 0, ANY_VALUE));
	ASSERT_EQ(HV_STATUS_SUCCESS, create(vp, 2));
	ports_close(self->partition, &self->children[1]);
	EXPECT_EQ(before, log_violations());
	EXPECT_TRUE(port_covers(&self->children[0], BELL_GPA >> 12));
	ports_close(self->partition, &self->children[0]);
	EXPECT_EQ(before + 1, log_violations());
	EXPECT_FALSE(port_covers(&self->children[0], BELL_GPA >> 12));
	/* The ports are the parent's, and stay until it deletes them. */
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(vp, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(vp, 2));
	EXPECT_EQ(before + 1, log_violations());
}

TEST_F(port, rings)
{
	struct child *child = &self->children[0];
	struct vp *vp = self->vp;
	struct hv_notification_message_payload *payload;

	listen(vp);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 7, BELL_GPA, 0, ANY_VALUE));
	EXPECT_TRUE(port_write(child, BELL_GPA, 0x1234, 4));
	EXPECT_EQ(7, ring_of(vp)->data[0]);
	EXPECT_EQ(0, ring_of(vp)->data[1]);
	EXPECT_EQ(HVMSG_SYNIC_SINT_INTERCEPT, *slot_of(vp));
	payload = (void *)slot_of(vp) + sizeof(struct hv_message_header);
	EXPECT_EQ(SINT, payload->sint_index);
	EXPECT_EQ(1, interrupts[0]);

	/* Only there, and only of that child. */
	EXPECT_FALSE(port_write(child, BELL_GPA + 4, 0x1234, 4));
	EXPECT_FALSE(port_write(child, BELL_GPA - 4, 0x1234, 8));
	EXPECT_FALSE(port_write(&self->children[1], BELL_GPA, 0x1234, 4));
	EXPECT_EQ(1, drain(vp, 7));

	EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(vp, CHILD, 7));
	EXPECT_FALSE(port_write(child, BELL_GPA, 0x1234, 4));
	EXPECT_EQ(0, drain(vp, 7));
}

TEST_F(port, size_and_value)
{
	static const struct {
		u64 flags;
		unsigned int size;
	} sizes[] = {
		{ HV_DOORBELL_FLAG_TRIGGER_SIZE_BYTE, 1 },
		{ HV_DOORBELL_FLAG_TRIGGER_SIZE_WORD, 2 },
		{ HV_DOORBELL_FLAG_TRIGGER_SIZE_DWORD, 4 },
		{ HV_DOORBELL_FLAG_TRIGGER_SIZE_QWORD, 8 },
	};
	struct child *child = &self->children[0];
	struct vp *vp = self->vp;
	unsigned int i, size;

	listen(vp);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 1, BELL_GPA, 0x42, sizes[i].flags));
		ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 2, BELL_GPA + 16, 0x42,
						       sizes[i].flags | ANY_VALUE));
		for (size = 1; size <= 8; size *= 2) {
			bool same = size == sizes[i].size;

			EXPECT_EQ(same, port_write(child, BELL_GPA, 0x42, size));
			EXPECT_FALSE(port_write(child, BELL_GPA, 0x43, size));
			EXPECT_EQ(same, port_write(child, BELL_GPA + 16, 0x43, size));
		}
		EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(vp, CHILD, 1));
		EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(vp, CHILD, 2));
		EXPECT_EQ(HV_STATUS_SUCCESS, delete(vp, 1));
		EXPECT_EQ(HV_STATUS_SUCCESS, delete(vp, 2));
	}

	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 1, BELL_GPA, 0x42, ANY_SIZE));
	EXPECT_TRUE(port_write(child, BELL_GPA, 0x42, 1));
	EXPECT_TRUE(port_write(child, BELL_GPA, 0x42, 8));
	EXPECT_FALSE(port_write(child, BELL_GPA, 0x100000042, 8));
}

/* A queue each, told apart by what is written; one rings, the first. */
TEST_F(port, several_at_one_place)
{
	struct child *child = &self->children[0];
	struct vp *vp = self->vp;

	self->partition->nr_vps = 1;
	listen(vp);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 1, BELL_GPA, 0, 2));
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 2, BELL_GPA, 1, 2));
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 3, BELL_GPA, 0, ANY_VALUE));
	EXPECT_TRUE(port_write(child, BELL_GPA, 1, 2));
	EXPECT_TRUE(port_write(child, BELL_GPA, 0, 2));
	EXPECT_TRUE(port_write(child, BELL_GPA, 2, 2));
	EXPECT_EQ(2, ring_of(vp)->data[0]);
	EXPECT_EQ(1, ring_of(vp)->data[1]);
	EXPECT_EQ(3, ring_of(vp)->data[2]);
	EXPECT_EQ(0, ring_of(vp)->data[3]);
}

TEST_F(port, which_vp)
{
	struct child *child = &self->children[0];
	struct vp *first = &self->partition->vps[0], *second = &self->partition->vps[1];
	struct hv_input_create_port input = create_input(4);

	listen(first);
	listen(second);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(first, 2, BELL_GPA, 0, ANY_VALUE));
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(first, 3, BELL_GPA + 8, 0, ANY_VALUE));
	EXPECT_TRUE(port_write(child, BELL_GPA, 0, 4));
	EXPECT_TRUE(port_write(child, BELL_GPA + 8, 0, 4));
	EXPECT_EQ(1, drain(first, 2));
	EXPECT_EQ(1, drain(second, 3));

	/* One that does not listen is no place for a ring. */
	be_deaf(second);
	EXPECT_TRUE(port_write(child, BELL_GPA + 8, 0, 4));
	EXPECT_EQ(1, drain(first, 3));
	listen(second);
	msr_write(second, HV_X64_MSR_SIRBP, 0);
	EXPECT_TRUE(port_write(child, BELL_GPA + 8, 0, 4));
	EXPECT_EQ(1, drain(first, 3));
	listen(second);
	msr_write(second, HV_X64_MSR_SINT0, 1 << 16);
	EXPECT_TRUE(port_write(child, BELL_GPA + 8, 0, 4));
	EXPECT_EQ(1, drain(first, 3));

	/* A VP that was asked for, and no other. */
	input.port_info.doorbell_port_info.target_vp = 1;
	ASSERT_EQ(HV_STATUS_SUCCESS, call(first, HVCALL_CREATE_PORT, &input, sizeof(input)));
	ASSERT_EQ(HV_STATUS_SUCCESS, connect_at(first, 4, BELL_GPA + 16, 0, ANY_VALUE));
	EXPECT_TRUE(port_write(child, BELL_GPA + 16, 0, 4));
	EXPECT_EQ(0, drain(first, 4));
	EXPECT_EQ(0, drain(second, 4));
	listen(second);
	ports_pump(self->partition);
	EXPECT_EQ(0, drain(first, 4));
	EXPECT_EQ(1, drain(second, 4));
}

TEST_F(port, a_ring_that_is_full)
{
	const unsigned int room = HV_SYNIC_EVENT_RING_MESSAGE_COUNT;
	struct child *child = &self->children[0];
	struct port *port = &self->partition->ports.ports[0];
	struct vp *vp = self->vp;
	unsigned int i;

	listen(vp);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 2, BELL_GPA, 0, ANY_VALUE));
	for (i = 0; i < room; i++)
		EXPECT_TRUE(port_write(child, BELL_GPA, i, 4));
	EXPECT_EQ(0, port->owed);
	EXPECT_EQ(0, ring_of(vp)->ring_full);
	for (i = 0; i < room + 5; i++)
		EXPECT_TRUE(port_write(child, BELL_GPA, i, 4));
	EXPECT_EQ(room + 5, port->owed);
	EXPECT_EQ(1, ring_of(vp)->ring_full);

	/* It stays full as long as nobody empties it, whoever says so. */
	EXPECT_EQ(HV_STATUS_SUCCESS, notify(vp, SINT));
	EXPECT_EQ(room + 5, port->owed);

	EXPECT_EQ(room, drain(vp, 2));
	EXPECT_EQ(HV_STATUS_SUCCESS, notify(vp, SINT));
	EXPECT_EQ(5, port->owed);
	EXPECT_EQ(1, ring_of(vp)->ring_full);
	EXPECT_EQ(room, drain(vp, 2));
	EXPECT_EQ(HV_STATUS_SUCCESS, notify(vp, SINT));
	EXPECT_EQ(0, port->owed);
	EXPECT_EQ(0, ring_of(vp)->ring_full);
	EXPECT_EQ(5, drain(vp, 2));

	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, notify(vp, HV_SYNIC_SINT_COUNT));
}

/* Its VP goes away with a full ring: what is owed goes to another one. */
TEST_F(port, a_full_ring_goes_offline)
{
	struct vp *first = &self->partition->vps[0], *second = &self->partition->vps[1];
	struct child *child = &self->children[0];
	unsigned int i;

	listen(first);
	listen(second);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(first, 3, BELL_GPA, 0, ANY_VALUE));
	for (i = 0; i < HV_SYNIC_EVENT_RING_MESSAGE_COUNT + 2; i++)
		EXPECT_TRUE(port_write(child, BELL_GPA, 0, 4));
	EXPECT_EQ(0, ring_of(first)->data[0]);
	EXPECT_EQ(1, ring_of(second)->ring_full);
	be_deaf(second);
	EXPECT_EQ(HV_STATUS_SUCCESS, notify(second, SINT));
	EXPECT_EQ(0, self->partition->ports.ports[0].owed);
	EXPECT_EQ(2, drain(first, 3));

	/* A port that goes is owed nothing. */
	be_deaf(first);
	EXPECT_TRUE(port_write(child, BELL_GPA, 0, 4));
	EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(first, CHILD, 3));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete(first, 3));
	listen(first);
	ports_pump(self->partition);
	EXPECT_EQ(0, drain(first, 3));
}

/* What was owed when the guest hung up a doorbell rings all the same. */
TEST_F(port, owed_beyond_the_connection)
{
	struct vp *vp = self->vp;

	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 2, BELL_GPA, 0, ANY_VALUE));
	EXPECT_TRUE(port_write(&self->children[0], BELL_GPA, 0, 4));
	EXPECT_EQ(HV_STATUS_SUCCESS, disconnect(vp, CHILD, 2));
	listen(vp);
	ports_pump(self->partition);
	EXPECT_EQ(1, drain(vp, 2));
}

/* While no message can follow nothing is put into the ring, and later once. */
TEST_F(port, owed_while_too_many_messages_wait)
{
	const struct hv_message message = { .header.message_type = 1 };
	struct vp *vp = self->vp;

	listen(vp);
	ASSERT_EQ(HV_STATUS_SUCCESS, open_port(vp, 2, BELL_GPA, 0, ANY_VALUE));
	while (synic_post(vp, 0, &message))
		;
	EXPECT_TRUE(port_write(&self->children[0], BELL_GPA, 0, 4));
	EXPECT_EQ(0, ring_of(vp)->data[0]);
	EXPECT_EQ(1, self->partition->ports.ports[0].owed);
	*slot_of(vp) = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(0, self->partition->ports.ports[0].owed);
	EXPECT_EQ(SYNIC_QUEUE_MAX, vp->synic.queue[0].count);
	EXPECT_EQ(1, drain(vp, 2));
}

/* Both calls; they have the same to say. */
static u16 direct(struct vp *vp, const struct hv_input_post_message_direct *message,
		  const struct hv_input_signal_event_direct *event)
{
	u16 one = call(vp, HVCALL_POST_MESSAGE_DIRECT, message, sizeof(*message));
	u16 other = call(vp, HVCALL_SIGNAL_EVENT_DIRECT, event, sizeof(*event));

	return one == other ? one : HV_STATUS_SUCCESS;
}

TEST_F(port, messages_and_events_for_a_child)
{
	struct hv_input_post_message_direct message = { .partition_id = CHILD };
	struct hv_input_signal_event_direct event = { .partition_id = CHILD };
	struct hv_message *posted = (void *)message.message;
	static struct child_synic synic;
	struct child_vp child_vp = { .child = &self->children[0], .synic = &synic };
	struct vp *vp = self->vp;

	posted->header.message_type = 1;
	EXPECT_EQ(280, sizeof(message));
	EXPECT_EQ(16, sizeof(event));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, direct(vp, &message, &event));
	self->children[0].vps[0] = &child_vp;
	EXPECT_EQ(HV_STATUS_INVALID_SYNIC_STATE, direct(vp, &message, &event));
	message.vp_index = 1;
	event.vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, direct(vp, &message, &event));
	message.vp_index = 0;
	event.vp_index = 0;
	message.sint_index = HV_SYNIC_SINT_COUNT;
	event.sint = HV_SYNIC_SINT_COUNT;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, direct(vp, &message, &event));
	message.sint_index = 0;
	event.sint = 0;
	event.flag_number = HV_EVENT_FLAGS_COUNT;
	posted->header.message_type = HVMSG_NONE;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, direct(vp, &message, &event));
	posted->header.message_type = 1;
	posted->header.payload_size = HV_MESSAGE_PAYLOAD_BYTE_COUNT + 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, direct(vp, &message, &event));
	message.vtl = 1;
	event.vtl = 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, direct(vp, &message, &event));
	message.partition_id = 0x200;
	event.partition_id = 0x200;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, direct(vp, &message, &event));
}

TEST_HARNESS_MAIN
