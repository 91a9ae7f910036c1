// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of disks: what a driver does, and what a hostile one does.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "kselftest_harness.h"

#include "../pc/acpi.h"
#include "../pc/guest.h"
#include "../pc/virtio_blk.h"
#include "../pc/virtio_mmio.h"

#define SECTOR		512
#define SECTORS		64
#define RAM_GPA		0x100000ULL
#define RAM_SIZE	0x10000ULL
#define ENTRIES		8

/* In the guest's memory. */
#define TABLE		RAM_GPA
#define AVAIL		(RAM_GPA + 0x1000)
#define USED		(RAM_GPA + 0x2000)
#define HEAD		(RAM_GPA + 0x3000)
#define STATUS		(RAM_GPA + 0x3800)
#define INDIRECT	(RAM_GPA + 0x4000)
#define DATA		(RAM_GPA + 0x8000)

#define NO_STATUS	0xaa
#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE

FIXTURE(disk)
{
	struct virtio_blk disk;
	struct ram_slot ram;
	int file;
	char path[32];
	unsigned int irq;
	bool level;
	unsigned int raised;
	u16 sent;
};

static void set_irq(void *context, unsigned int irq, bool level)
{
	struct _test_data_disk *self = context;

	self->irq = irq;
	self->raised += level && !self->level;
	self->level = level;
}

static void *at(struct _test_data_disk *self, u64 gpa)
{
	return self->ram.host + (gpa - RAM_GPA);
}

static u32 get(struct _test_data_disk *self, u32 offset)
{
	u32 value;

	virtio_read(&self->disk.device, offset, &value, sizeof(value));
	return value;
}

static void set(struct _test_data_disk *self, u32 offset, u32 value)
{
	virtio_write(&self->disk.device, offset, &value, sizeof(value));
}

static void set_features(struct _test_data_disk *self, u64 features)
{
	set(self, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(self, VIRTIO_MMIO_DRIVER_FEATURES, features);
	set(self, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(self, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	set(self, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				      VIRTIO_CONFIG_S_FEATURES_OK);
}

static void set_queue(struct _test_data_disk *self, u64 table, u64 avail, u64 used, u32 size)
{
	set(self, VIRTIO_MMIO_QUEUE_SEL, 0);
	set(self, VIRTIO_MMIO_QUEUE_NUM, size);
	set(self, VIRTIO_MMIO_QUEUE_DESC_LOW, table);
	set(self, VIRTIO_MMIO_QUEUE_DESC_HIGH, table >> 32);
	set(self, VIRTIO_MMIO_QUEUE_AVAIL_LOW, avail);
	set(self, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, avail >> 32);
	set(self, VIRTIO_MMIO_QUEUE_USED_LOW, used);
	set(self, VIRTIO_MMIO_QUEUE_USED_HIGH, used >> 32);
	set(self, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void drive(struct _test_data_disk *self)
{
	set_features(self, BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	set_queue(self, TABLE, AVAIL, USED, ENTRIES);
	set(self, VIRTIO_MMIO_STATUS, get(self, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
	self->sent = 0;
}

static void open_disk(struct _test_data_disk *self, bool read_only)
{
	self->disk = (struct virtio_blk) { };
	self->disk.device.ram = &self->ram;
	self->disk.device.ram_slots = 1;
	self->disk.device.number = 1;
	self->disk.device.set_irq = set_irq;
	self->disk.device.context = self;
	if (virtio_blk_open(&self->disk, self->path, read_only))
		abort();
	drive(self);
}

FIXTURE_SETUP(disk)
{
	u32 i;

	*self = (FIXTURE_DATA(disk)) { };
	self->ram.gpa = RAM_GPA;
	self->ram.size = RAM_SIZE;
	self->ram.host = calloc(1, RAM_SIZE);
	self->file = memfd_create("disk", 0);
	ASSERT_LE(0, self->file);
	/* Half a sector too long: that is not there. */
	ASSERT_EQ(0, ftruncate(self->file, SECTORS * SECTOR + SECTOR / 2));
	for (i = 0; i < SECTORS; i++)
		ASSERT_EQ(sizeof(i), pwrite(self->file, &i, sizeof(i), i * SECTOR));
	snprintf(self->path, sizeof(self->path), "/proc/self/fd/%d", self->file);
	open_disk(self, false);
}

FIXTURE_TEARDOWN(disk)
{
	close(self->disk.fd);
	close(self->file);
	free(self->ram.host);
}

static void describe(struct _test_data_disk *self, u64 table, unsigned int index, u64 addr,
		     u32 len, u16 flags, u16 next)
{
	((struct vring_desc *)at(self, table))[index] = (struct vring_desc) {
		.addr = addr, .len = len, .flags = flags, .next = next,
	};
}

/* Hand a chain to the device, and have it done. */
static void submit(struct _test_data_disk *self, u16 head)
{
	struct vring_avail *avail = at(self, AVAIL);

	avail->ring[self->sent++ % ENTRIES] = head;
	avail->idx = self->sent;
	set(self, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	virtio_blk_serve(&self->disk);
}

static void head(struct _test_data_disk *self, u32 type, u64 sector)
{
	*(struct virtio_blk_outhdr *)at(self, HEAD) = (struct virtio_blk_outhdr) {
		.type = type, .sector = sector,
	};
	*(u8 *)at(self, STATUS) = NO_STATUS;
}

/* A request as drivers make them; its status. */
static u8 request(struct _test_data_disk *self, u32 type, u64 sector, u32 size)
{
	bool write = type == VIRTIO_BLK_T_OUT;

	head(self, type, sector);
	describe(self, TABLE, 0, HEAD, sizeof(struct virtio_blk_outhdr), NEXT, size ? 1 : 2);
	describe(self, TABLE, 1, DATA, size, NEXT | (write ? 0 : WRITE), 2);
	describe(self, TABLE, 2, STATUS, 1, WRITE, 0);
	submit(self, 0);
	return *(u8 *)at(self, STATUS);
}

static bool broken(struct _test_data_disk *self)
{
	return get(self, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static struct vring_used *used_ring(struct _test_data_disk *self)
{
	return at(self, USED);
}

TEST_F(disk, is_what_a_driver_looks_for)
{
	u64 capacity;
	u8 byte;

	EXPECT_EQ(0x74726976, get(self, VIRTIO_MMIO_MAGIC_VALUE));
	EXPECT_EQ(2, get(self, VIRTIO_MMIO_VERSION));
	EXPECT_EQ(VIRTIO_ID_BLOCK, get(self, VIRTIO_MMIO_DEVICE_ID));
	EXPECT_EQ(VIRTIO_QUEUE_MAX, get(self, VIRTIO_MMIO_QUEUE_NUM_MAX));
	virtio_read(&self->disk.device, VIRTIO_MMIO_CONFIG, &capacity, sizeof(capacity));
	EXPECT_EQ(SECTORS, capacity);
	virtio_read(&self->disk.device, VIRTIO_MMIO_CONFIG, &byte, sizeof(byte));
	EXPECT_EQ(SECTORS, byte);
	/* It has one queue. */
	set(self, VIRTIO_MMIO_QUEUE_SEL, 1);
	EXPECT_EQ(0, get(self, VIRTIO_MMIO_QUEUE_NUM_MAX));
	EXPECT_EQ(0, get(self, VIRTIO_MMIO_QUEUE_READY));
	set(self, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	EXPECT_EQ(1, get(self, VIRTIO_MMIO_DEVICE_FEATURES));
	set(self, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	EXPECT_EQ(0, get(self, VIRTIO_MMIO_DEVICE_FEATURES));
}

TEST_F(disk, reads)
{
	u32 *data = at(self, DATA);

	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 3, 2 * SECTOR));
	EXPECT_EQ(3, data[0]);
	EXPECT_EQ(4, data[SECTOR / sizeof(*data)]);
	EXPECT_EQ(1, used_ring(self)->idx);
	EXPECT_EQ(0, used_ring(self)->ring[0].id);
	EXPECT_EQ(2 * SECTOR + 1, used_ring(self)->ring[0].len);
	EXPECT_EQ(VIRTIO_MMIO_IRQ + 1, self->irq);
	EXPECT_TRUE(self->level);
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, get(self, VIRTIO_MMIO_INTERRUPT_STATUS));
	set(self, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	EXPECT_FALSE(self->level);
}

TEST_F(disk, writes)
{
	char seen[SECTOR];

	memset(at(self, DATA), 0x5a, SECTOR);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_OUT, SECTORS - 1, SECTOR));
	ASSERT_EQ(SECTOR, pread(self->file, seen, SECTOR, (SECTORS - 1) * SECTOR));
	EXPECT_EQ(0, memcmp(seen, at(self, DATA), SECTOR));
	EXPECT_EQ(1, used_ring(self)->ring[0].len);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_FLUSH, 0, 0));
}

TEST_F(disk, tells_its_name)
{
	EXPECT_EQ(VIRTIO_BLK_S_OK,
		  request(self, VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES));
	EXPECT_EQ(0, strcmp(at(self, DATA), "hvemu-1"));
	/* As much as there is room for. */
	memset(at(self, DATA), 0, VIRTIO_BLK_ID_BYTES);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_GET_ID, 0, 3));
	EXPECT_EQ(0, strcmp(at(self, DATA), "hve"));
	EXPECT_EQ(4, used_ring(self)->ring[1].len);
}

TEST_F(disk, read_only)
{
	u32 seen;

	close(self->disk.fd);
	open_disk(self, true);
	set(self, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	EXPECT_TRUE(get(self, VIRTIO_MMIO_DEVICE_FEATURES) & BIT(VIRTIO_BLK_F_RO));
	memset(at(self, DATA), 0x5a, SECTOR);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_OUT, 5, SECTOR));
	ASSERT_EQ(sizeof(seen), pread(self->file, &seen, sizeof(seen), 5 * SECTOR));
	EXPECT_EQ(5, seen);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 5, SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_FLUSH, 0, 0));
}

TEST_F(disk, refuses_what_is_not_there)
{
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_IN, SECTORS, SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_IN, SECTORS - 1, 2 * SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_OUT, ~0ULL, SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_IN, ~0ULL / SECTOR, SECTOR));
	/* Not a whole sector. */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_IN, 0, SECTOR - 1));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, request(self, 0x7777, 0, SECTOR));
	EXPECT_EQ(1, used_ring(self)->ring[5].len);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
	EXPECT_FALSE(broken(self));
}

TEST_F(disk, file_becomes_shorter)
{
	ASSERT_EQ(0, ftruncate(self->file, SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, request(self, VIRTIO_BLK_T_IN, 0, 2 * SECTOR));
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
}

TEST_F(disk, head_and_status_in_pieces)
{
	head(self, VIRTIO_BLK_T_IN, 7);
	/* The head in two, data that goes on in the piece of the status. */
	describe(self, TABLE, 4, HEAD, 5, NEXT, 2);
	describe(self, TABLE, 2, HEAD + 5, 11, NEXT, 6);
	describe(self, TABLE, 6, DATA, 100, NEXT | WRITE, 1);
	describe(self, TABLE, 1, DATA + 100, SECTOR - 100 + 1, WRITE, 0);
	submit(self, 4);
	EXPECT_EQ(VIRTIO_BLK_S_OK, *(u8 *)at(self, DATA + SECTOR));
	EXPECT_EQ(7, *(u32 *)at(self, DATA));
	EXPECT_EQ(4, used_ring(self)->ring[0].id);
	EXPECT_EQ(SECTOR + 1, used_ring(self)->ring[0].len);
}

TEST_F(disk, indirect_table)
{
	head(self, VIRTIO_BLK_T_IN, 9);
	describe(self, INDIRECT, 0, HEAD, sizeof(struct virtio_blk_outhdr), NEXT, 1);
	describe(self, INDIRECT, 1, DATA, SECTOR, NEXT | WRITE, 2);
	describe(self, INDIRECT, 2, STATUS, 1, WRITE, 0);
	describe(self, TABLE, 5, INDIRECT, 3 * sizeof(struct vring_desc),
		 VRING_DESC_F_INDIRECT, 0);
	submit(self, 5);
	EXPECT_EQ(VIRTIO_BLK_S_OK, *(u8 *)at(self, STATUS));
	EXPECT_EQ(9, *(u32 *)at(self, DATA));
	EXPECT_EQ(5, used_ring(self)->ring[0].id);
}

TEST_F(disk, goes_round_the_rings)
{
	u32 i;

	for (i = 0; i < 5 * ENTRIES; i++) {
		ASSERT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, i, SECTOR));
		ASSERT_EQ(i, *(u32 *)at(self, DATA));
		ASSERT_EQ(i + 1, used_ring(self)->idx);
	}
}

TEST_F(disk, no_interrupt_where_none_is_wanted)
{
	((struct vring_avail *)at(self, AVAIL))->flags = VRING_AVAIL_F_NO_INTERRUPT;
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
	EXPECT_EQ(0, self->raised);
}

TEST_F(disk, features_must_be_agreed_on)
{
	set(self, VIRTIO_MMIO_STATUS, 0);
	set_features(self, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	EXPECT_FALSE(get(self, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	set(self, VIRTIO_MMIO_STATUS, 0);
	set_features(self, BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_RING_PACKED));
	EXPECT_FALSE(get(self, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
	set(self, VIRTIO_MMIO_STATUS, 0);
	set_features(self, BIT_ULL(VIRTIO_F_VERSION_1));
	EXPECT_TRUE(get(self, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
}

TEST_F(disk, nothing_is_done_before_the_driver_is_ready)
{
	set(self, VIRTIO_MMIO_STATUS, 0);
	set_features(self, BIT_ULL(VIRTIO_F_VERSION_1));
	set_queue(self, TABLE, AVAIL, USED, ENTRIES);
	EXPECT_EQ(NO_STATUS, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
	EXPECT_EQ(0, used_ring(self)->idx);
}

/* A device that is broken does nothing until it is reset. */
static void expect_broken(struct __test_metadata *_metadata, struct _test_data_disk *self)
{
	u16 idx = used_ring(self)->idx;

	EXPECT_TRUE(broken(self));
	EXPECT_TRUE(get(self, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
	EXPECT_TRUE(self->level);
	EXPECT_EQ(NO_STATUS, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
	EXPECT_EQ(idx, used_ring(self)->idx);
	/* The driver cannot take it back otherwise. */
	set(self, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_DRIVER_OK);
	EXPECT_TRUE(broken(self));

	set(self, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(broken(self));
	EXPECT_FALSE(self->level);
	memset(at(self, AVAIL), 0, 0x1000);
	memset(at(self, USED), 0, 0x1000);
	drive(self);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
}

/* What a chain begins with, and what ends it, as they should be. */
#define GOOD_HEAD	{ .addr = HEAD, .len = sizeof(struct virtio_blk_outhdr), \
			  .flags = NEXT, .next = 1 }
#define GOOD_STATUS	{ .addr = STATUS, .len = 1, .flags = WRITE }
#define ONE		sizeof(struct vring_desc)

static const struct hostile {
	const char *what;
	u16 head;
	struct vring_desc table[4];
	struct vring_desc indirect[4];
} hostile[] = {
	{
		.what = "a head beyond the table",
		.head = ENTRIES,
	}, {
		.what = "a far head",
		.head = 0xffff,
	}, {
		.what = "the next beyond the table",
		.table = {
			{ .addr = HEAD, .len = 16, .flags = NEXT, .next = ENTRIES },
		},
	}, {
		.what = "a loop of one",
		.table = {
			{ .addr = HEAD, .len = 16, .flags = NEXT, .next = 0 },
		},
	}, {
		.what = "a loop of two",
		.table = {
			GOOD_HEAD, { .addr = DATA, .len = 1, .flags = NEXT, .next = 0 },
		},
	}, {
		.what = "a loop of what is written",
		.table = {
			GOOD_HEAD, { .addr = STATUS, .len = 1, .flags = NEXT | WRITE, .next = 1 },
		},
	}, {
		.what = "memory that is none",
		.table = {
			{ .addr = 0x10, .len = 16, .flags = NEXT, .next = 1 }, GOOD_STATUS,
		},
	}, {
		.what = "memory that ends too early",
		.table = {
			GOOD_HEAD, { .addr = RAM_GPA + RAM_SIZE - SECTOR + 1, .len = SECTOR,
				       .flags = NEXT | WRITE, .next = 2 }, GOOD_STATUS,
		},
	}, {
		.what = "memory that goes round",
		.table = {
			GOOD_HEAD, { .addr = ~0ULL - 1, .len = 0xffffffff,
				       .flags = NEXT | WRITE, .next = 2 }, GOOD_STATUS,
		},
	}, {
		.what = "a piece without bytes",
		.table = {
			GOOD_HEAD, { .addr = DATA, .flags = NEXT | WRITE, .next = 2 }, GOOD_STATUS,
		},
	}, {
		.what = "to be read after to be written",
		.table = {
			{ .addr = STATUS, .len = 1, .flags = WRITE | NEXT, .next = 1 },
			{ .addr = HEAD, .len = 16 },
		},
	}, {
		.what = "no status",
		.table = {
			{ .addr = HEAD, .len = 16 },
		},
	}, {
		.what = "no head",
		.table = {
			{ .addr = DATA, .len = 100, .flags = WRITE },
		},
	}, {
		.what = "a short head",
		.table = {
			{ .addr = HEAD, .len = 15, .flags = NEXT, .next = 1 }, GOOD_STATUS,
		},
	}, {
		.what = "an indirect table without bytes",
		.table = {
			{ .addr = INDIRECT, .flags = VRING_DESC_F_INDIRECT },
		},
	}, {
		.what = "an indirect table that is not whole",
		.table = {
			{ .addr = INDIRECT, .len = ONE + 1, .flags = VRING_DESC_F_INDIRECT },
		},
		.indirect = {
			GOOD_HEAD, GOOD_STATUS,
		},
	}, {
		.what = "an indirect table that is no memory",
		.table = {
			{ .addr = 0x10, .len = 2 * ONE, .flags = VRING_DESC_F_INDIRECT },
		},
	}, {
		.what = "an indirect table that goes on",
		.table = {
			{ .addr = INDIRECT, .len = 2 * ONE, .next = 1,
			.flags = VRING_DESC_F_INDIRECT | NEXT }, GOOD_STATUS,
		},
		.indirect = {
			GOOD_HEAD, GOOD_STATUS,
		},
	}, {
		.what = "a table in a table",
		.table = {
			{ .addr = INDIRECT, .len = 2 * ONE, .flags = VRING_DESC_F_INDIRECT },
		},
		.indirect = {
			GOOD_HEAD, { .addr = INDIRECT, .len = ONE, .flags = VRING_DESC_F_INDIRECT },
		},
	}, {
		.what = "the next beyond an indirect table",
		.table = {
			{ .addr = INDIRECT, .len = ONE, .flags = VRING_DESC_F_INDIRECT },
		},
		.indirect = {
			GOOD_HEAD, GOOD_STATUS,
		},
	}, {
		.what = "a loop in an indirect table",
		.table = {
			{ .addr = INDIRECT, .len = 2 * ONE, .flags = VRING_DESC_F_INDIRECT },
		},
		.indirect = {
			GOOD_HEAD, { .addr = DATA, .len = 1, .flags = NEXT, .next = 0 },
		},
	},
};

TEST_F(disk, hostile_chains)
{
	const struct hostile *c;

	for (c = hostile; c < hostile + ARRAY_SIZE(hostile); c++) {
		TH_LOG("%s", c->what);
		head(self, VIRTIO_BLK_T_IN, 0);
		memcpy(at(self, TABLE), c->table, sizeof(c->table));
		memcpy(at(self, INDIRECT), c->indirect, sizeof(c->indirect));
		submit(self, c->head);
		expect_broken(_metadata, self);
	}
}

TEST_F(disk, indirect_table_not_agreed_on)
{
	set(self, VIRTIO_MMIO_STATUS, 0);
	set_features(self, BIT_ULL(VIRTIO_F_VERSION_1));
	set_queue(self, TABLE, AVAIL, USED, ENTRIES);
	set(self, VIRTIO_MMIO_STATUS, get(self, VIRTIO_MMIO_STATUS) | VIRTIO_CONFIG_S_DRIVER_OK);
	head(self, VIRTIO_BLK_T_FLUSH, 0);
	describe(self, INDIRECT, 0, HEAD, sizeof(struct virtio_blk_outhdr), NEXT, 1);
	describe(self, INDIRECT, 1, STATUS, 1, WRITE, 0);
	describe(self, TABLE, 0, INDIRECT, 2 * ONE, VRING_DESC_F_INDIRECT, 0);
	submit(self, 0);
	expect_broken(_metadata, self);
}

TEST_F(disk, more_than_the_ring_holds)
{
	struct vring_avail *avail = at(self, AVAIL);

	head(self, VIRTIO_BLK_T_IN, 0);
	avail->idx = ENTRIES + 1;
	virtio_blk_serve(&self->disk);
	expect_broken(_metadata, self);
}

TEST_F(disk, hostile_queues)
{
	static const struct {
		u64 table, avail, used;
		u32 size;
	} queues[] = {
		{ TABLE, AVAIL, USED, 0 },
		{ TABLE, AVAIL, USED, 3 },
		{ TABLE, AVAIL, USED, 2 * VIRTIO_QUEUE_MAX },
		{ TABLE, AVAIL, USED, 0x80000000 },
		{ TABLE + 8, AVAIL, USED, ENTRIES },
		{ TABLE, AVAIL + 1, USED, ENTRIES },
		{ TABLE, AVAIL, USED + 2, ENTRIES },
		{ 0, AVAIL, USED, ENTRIES },
		{ TABLE, ~0ULL - 1, USED, ENTRIES },
		{ TABLE, AVAIL, RAM_GPA + RAM_SIZE - 16, ENTRIES },
		{ RAM_GPA + RAM_SIZE - ENTRIES * ONE + 16, AVAIL, USED, ENTRIES },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		set(self, VIRTIO_MMIO_STATUS, 0);
		set_features(self, BIT_ULL(VIRTIO_F_VERSION_1));
		set_queue(self, queues[i].table, queues[i].avail, queues[i].used,
			  queues[i].size);
		EXPECT_TRUE(broken(self)) {
			TH_LOG("queue %u", i);
		}
		/* It was not started: nobody is told yet. */
		EXPECT_FALSE(self->level);
		set(self, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		virtio_blk_serve(&self->disk);
	}
}

/* Its place cannot change under the device. */
TEST_F(disk, queue_stays_where_it_is)
{
	set(self, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	set(self, VIRTIO_MMIO_QUEUE_NUM, 3);
	EXPECT_FALSE(broken(self));
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 2, SECTOR));
}

TEST_F(disk, odd_accesses)
{
	u64 data = 0x1122334455667788ULL;
	u32 offset;

	for (offset = 0; offset < VIRTIO_MMIO_SIZE + 8; offset++) {
		virtio_write(&self->disk.device, offset, &data, 1);
		virtio_write(&self->disk.device, offset, &data, 2);
		virtio_write(&self->disk.device, offset, &data, 8);
		virtio_read(&self->disk.device, offset, &data, 1);
		virtio_read(&self->disk.device, offset, &data, 2);
		virtio_read(&self->disk.device, offset, &data, 8);
	}
	/* None of them is one of a register's. */
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
	/* And other queues are not there, so that they get nothing. */
	set(self, VIRTIO_MMIO_QUEUE_SEL, 1);
	set(self, VIRTIO_MMIO_QUEUE_READY, 0);
	set(self, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	EXPECT_EQ(VIRTIO_BLK_S_OK, request(self, VIRTIO_BLK_T_IN, 0, SECTOR));
}

/* A thread serves it, and a reset waits for that. */
TEST_F(disk, reset_while_at_work)
{
	struct vring_avail *avail = at(self, AVAIL);
	unsigned int i;
	u16 done;

	ASSERT_EQ(0, virtio_blk_start(&self->disk));
	for (i = 0; i < 200; i++) {
		head(self, VIRTIO_BLK_T_IN, 1);
		describe(self, TABLE, 0, HEAD, 16, NEXT, 1);
		describe(self, TABLE, 1, DATA, SECTOR, NEXT | WRITE, 2);
		describe(self, TABLE, 2, STATUS, 1, WRITE, 0);
		avail->ring[0] = 0;
		__atomic_store_n(&avail->idx, 1, __ATOMIC_RELEASE);
		set(self, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		usleep(i);
		set(self, VIRTIO_MMIO_STATUS, 0);
		/* Whatever it has done: from now on the memory is the guest's. */
		done = __atomic_load_n(&used_ring(self)->idx, __ATOMIC_ACQUIRE);
		*(u32 *)at(self, DATA) = 77;
		usleep(50);
		ASSERT_EQ(77, *(u32 *)at(self, DATA));
		ASSERT_EQ(done, used_ring(self)->idx);
		memset(at(self, AVAIL), 0, 0x1000);
		memset(at(self, USED), 0, 0x1000);
		drive(self);
	}
}

/* How often some bytes are in others. */
static unsigned int occurrences(const void *where, size_t size, const void *what, size_t length)
{
	const void *found;
	unsigned int n = 0;

	while ((found = memmem(where, size, what, length))) {
		n++;
		size -= found + length - where;
		where = found + length;
	}
	return n;
}

TEST(acpi_names_every_disk)
{
	struct ram_slot ram = { .gpa = 0xe0000, .size = 0x10000 };
	struct guest guest = { .ram = &ram, .ram_slots = 1, .cpus = 1 };
	u32 length, base, i;
	u8 *dsdt, sum;

	for (guest.disks = 0; guest.disks <= VIRTIO_MMIO_MAX; guest.disks++) {
		ram.host = calloc(1, ram.size);
		acpi_write_tables(&guest);
		dsdt = memmem(ram.host, ram.size, "DSDT", 4);
		ASSERT_NE(NULL, dsdt);
		memcpy(&length, dsdt + 4, sizeof(length));
		for (sum = 0, i = 0; i < length; i++)
			sum += dsdt[i];
		EXPECT_EQ(0, sum);
		EXPECT_EQ(guest.disks, occurrences(dsdt, length, "LNRO0005", 9));
		EXPECT_EQ(!!guest.disks, occurrences(dsdt, length, "\\_SB_", 5));
		for (i = 0; i < guest.disks; i++) {
			base = VIRTIO_MMIO_BASE + i * VIRTIO_MMIO_SIZE;
			EXPECT_EQ(1, occurrences(dsdt, length, &base, sizeof(base)));
		}
		free(ram.host);
	}
}

TEST_HARNESS_MAIN
