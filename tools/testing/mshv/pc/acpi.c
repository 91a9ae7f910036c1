// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI: as little as makes a PC with several CPUs that can be powered off.
 *
 * Structures and names are those of the ACPI Specification, release 6.5. A real
 * L1VH has ACPI tables too; it has no MP tables.
 */

#include <stddef.h>
#include <string.h>

#include <linux/bits.h>

#include "acpi.h"
#include "guest.h"
#include "virtio_mmio.h"

#define TABLES_GPA	0xe0000		/* where a BIOS has them */
#define TABLES_SIZE	0x10000
#define SLEEP_TYPE_OFF	5		/* what \_S5 of the DSDT says */
#define SLEEP_TYPE_HIBERNATE	4	/* and \_S4 */
#define LAPIC_ADDRESS	0xfee00000
#define IOAPIC_ADDRESS	0xfec00000
#define SCI_IRQ		9

#define PM1_CONTROL_SCI_ENABLED	BIT(0)
#define PM1_CONTROL_SLEEP_TYPE(value)	((value) >> 10 & 7)
#define PM1_CONTROL_SLEEP	BIT(13)

/* Offsets from ACPI_PM_PORT; the last two are of the hardware-reduced form. */
#define PM1_ENABLE	2
#define PM1_CONTROL	4
#define SLEEP_CONTROL	6
#define SLEEP_STATUS	7

#define SLEEP_CONTROL_TYPE(value)	((value) >> 2 & 7)
#define SLEEP_CONTROL_ENABLE	BIT(5)

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;
	u8 reserved[3];
} __packed;

struct header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __packed;

struct address {
	u8 space;		/* 1: port */
	u8 width;
	u8 offset;
	u8 access;
	u64 address;
} __packed;

struct xsdt {
	struct header header;
	u64 tables[2];
} __packed;

struct fadt {
	struct header header;
	u32 facs;
	u32 dsdt;
	u8 reserved1;
	u8 profile;
	u16 sci_irq;
	u32 smi_command;
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios;
	u8 pstate;
	u32 pm1a_event;
	u32 pm1b_event;
	u32 pm1a_control;
	u32 pm1b_control;
	u32 pm2_control;
	u32 pm_timer;
	u32 gpe0;
	u32 gpe1;
	u8 pm1_event_length;
	u8 pm1_control_length;
	u8 pm2_control_length;
	u8 pm_timer_length;
	u8 gpe0_length;
	u8 gpe1_length;
	u8 gpe1_base;
	u8 cst;
	u16 c2_latency;
	u16 c3_latency;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alarm;
	u8 month_alarm;
	u8 century;
	u16 boot_flags;
	u8 reserved2;
	u32 flags;
	struct address reset;
	u8 reset_value;
	u16 arm_flags;
	u8 minor_revision;
	u64 x_facs;
	u64 x_dsdt;
	struct address x_registers[8];
	struct address sleep_control;
	struct address sleep_status;
	u64 hypervisor;
} __packed;

#define FADT_WBINVD		BIT(0)
#define FADT_POWER_BUTTON_NONE	BIT(4)
#define FADT_SLEEP_BUTTON_NONE	BIT(5)
#define FADT_RESET_REGISTER	BIT(10)
#define FADT_HARDWARE_REDUCED	BIT(20)
#define FADT_BOOT_LEGACY	BIT(0)
#define FADT_BOOT_NO_VGA	BIT(2)

struct madt {
	struct header header;
	u32 lapic_address;
	u32 flags;
} __packed;

struct madt_lapic {
	u8 type;
	u8 length;
	u8 uid;
	u8 apic_id;
	u32 flags;
} __packed;

struct madt_ioapic {
	u8 type;
	u8 length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 base;
} __packed;

struct madt_override {
	u8 type;
	u8 length;
	u8 bus;
	u8 source;
	u32 irq;
	u16 flags;		/* polarity and trigger mode */
} __packed;

#define MADT_PCAT_COMPATIBLE	1
#define MADT_ENABLED		1
#define MADT_LEVEL_HIGH		0xd

static void seal(void *table, size_t length, u8 *checksum)
{
	u8 *byte = table, sum = 0;

	*checksum = 0;
	while (length--)
		sum += *byte++;
	*checksum = -sum;
}

static void finish(struct header *header, const char *signature, u8 revision,
		   size_t length)
{
	memcpy(header->signature, signature, 4);
	header->length = length;
	header->revision = revision;
	memcpy(header->oem_id, "HVEMU ", 6);
	memcpy(header->oem_table_id, "HVEMU   ", 8);
	memcpy(header->creator_id, "LNUX", 4);
	seal(header, length, &header->checksum);
}

/*
 * Name (_S5, Package () { 5, 5, 0, 0 }): how to power off. Likewise _S4, which
 * makes Linux offer hibernation of its own accord; it powers off too.
 */
static const u8 sleep_code[] = {
	0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04,
	0x0a, SLEEP_TYPE_OFF, 0x0a, SLEEP_TYPE_OFF, 0x00, 0x00,
	0x08, '_', 'S', '4', '_', 0x12, 0x08, 0x04,
	0x0a, SLEEP_TYPE_HIBERNATE, 0x0a, SLEEP_TYPE_HIBERNATE, 0x00, 0x00,
};

/*
 * Device (VRnn): where a virtio device is. LNRO0005 is what Linux knows such one by
 * (drivers/virtio/virtio_mmio.c). Its interrupt is level triggered, active high.
 */
struct virtio_code {
	u8 device[2], length;
	char name[4];
	u8 hid[15];
	u8 uid[6], uid_value;
	u8 crs[9];
	u8 memory[4];
	u32 base, size;
	u8 interrupt[5];
	u32 irq;
	u8 end[2];
} __packed;

static const struct virtio_code virtio_code = {
	.device = { 0x5b, 0x82 },
	.length = sizeof(struct virtio_code) - 2,
	.name = { 'V', 'R', '0', '0' },
	.hid = { 0x08, '_', 'H', 'I', 'D', 0x0d, 'L', 'N', 'R', 'O', '0', '0', '0', '5' },
	.uid = { 0x08, '_', 'U', 'I', 'D', 0x0a },
	.crs = { 0x08, '_', 'C', 'R', 'S', 0x11, 0x1a, 0x0a, 0x17 },
	.memory = { 0x86, 0x09, 0x00, 0x01 },
	.size = VIRTIO_MMIO_SIZE,
	.interrupt = { 0x89, 0x06, 0x00, 0x01, 0x01 },
	.end = { 0x79, 0x00 },
};

/* Scope (\_SB) with a device each. Returns the end of it. */
static void *write_devices(u8 *at, unsigned int count)
{
	/* A length of two bytes, itself and the scope's name included. */
	const size_t length = 2 + 5 + count * sizeof(struct virtio_code);
	const u8 head[] = {
		0x10, 0x40 | (length & 0xf), length >> 4, '\\', '_', 'S', 'B', '_',
	};
	struct virtio_code *device;
	unsigned int i;

	memcpy(at, head, sizeof(head));
	device = (void *)(at + sizeof(head));
	for (i = 0; i < count; i++, device++) {
		*device = virtio_code;
		device->name[3] += i;
		device->uid_value = i;
		device->base = VIRTIO_MMIO_BASE + i * VIRTIO_MMIO_SIZE;
		device->irq = VIRTIO_MMIO_IRQ + i;
	}
	return device;
}

static size_t write_dsdt(void *at, const struct guest *guest)
{
	struct header *header = at;
	void *end;

	end = mempcpy(header + 1, sleep_code, sizeof(sleep_code));
	if (guest->disks)
		end = write_devices(end, guest->disks);
	finish(header, "DSDT", 2, end - at);
	return header->length;
}

static struct address port_address(u16 port)
{
	return (struct address) {
		.space = 1, .width = 8, .access = 1, .address = port,
	};
}

/* How to sleep: with the registers of a PC, or where they are not, two others. */
static void write_sleep_registers(struct fadt *fadt, const struct guest *guest)
{
	if (guest->local_apics_only) {
		fadt->flags |= FADT_HARDWARE_REDUCED;
		fadt->sleep_control = port_address(ACPI_PM_PORT + SLEEP_CONTROL);
		fadt->sleep_status = port_address(ACPI_PM_PORT + SLEEP_STATUS);
		return;
	}
	fadt->sci_irq = SCI_IRQ;
	fadt->pm1a_event = ACPI_PM_PORT;
	fadt->pm1_event_length = 4;
	fadt->pm1a_control = ACPI_PM_PORT + PM1_CONTROL;
	fadt->pm1_control_length = 2;
}

static size_t write_fadt(void *at, const struct guest *guest, u64 dsdt)
{
	struct fadt *fadt = at;

	fadt->dsdt = dsdt;
	fadt->x_dsdt = dsdt;
	/* "No C2, no C3" */
	fadt->c2_latency = 0xffff;
	fadt->c3_latency = 0xffff;
	fadt->boot_flags = FADT_BOOT_LEGACY | FADT_BOOT_NO_VGA;
	fadt->flags = FADT_WBINVD | FADT_POWER_BUTTON_NONE |
		      FADT_SLEEP_BUTTON_NONE | FADT_RESET_REGISTER;
	fadt->reset = port_address(ACPI_RESET_PORT);
	fadt->reset_value = ACPI_RESET;
	write_sleep_registers(fadt, guest);
	finish(&fadt->header, "FACP", 6, sizeof(*fadt));
	return sizeof(*fadt);
}

/* The I/O APIC, and what is wired to it. Returns the end of it. */
static void *write_madt_ioapic(void *at)
{
	struct madt_override *override;
	struct madt_ioapic *ioapic = at;

	*ioapic = (struct madt_ioapic) {
		.type = 1, .length = sizeof(*ioapic), .id = 0,
		.address = IOAPIC_ADDRESS,
	};

	/* As in every PC: the timer is on pin 2, the SCI is level triggered. */
	override = (void *)(ioapic + 1);
	*override++ = (struct madt_override) {
		.type = 2, .length = sizeof(*override), .source = 0, .irq = 2,
	};
	*override++ = (struct madt_override) {
		.type = 2, .length = sizeof(*override), .source = SCI_IRQ,
		.irq = SCI_IRQ, .flags = MADT_LEVEL_HIGH,
	};
	return override;
}

static size_t write_madt(void *at, const struct guest *guest)
{
	struct madt_lapic *lapic;
	struct madt *madt = at;
	unsigned int i;
	void *end;

	madt->lapic_address = LAPIC_ADDRESS;

	lapic = (void *)(madt + 1);
	for (i = 0; i < guest->cpus; i++, lapic++)
		*lapic = (struct madt_lapic) {
			.type = 0, .length = sizeof(*lapic), .uid = i,
			.apic_id = i, .flags = MADT_ENABLED,
		};

	end = lapic;
	if (!guest->local_apics_only) {
		madt->flags = MADT_PCAT_COMPATIBLE;
		end = write_madt_ioapic(end);
	}

	finish(&madt->header, "APIC", 5, end - at);
	return madt->header.length;
}

u64 acpi_write_tables(const struct guest *guest)
{
	void *base = guest_memory(guest, TABLES_GPA, TABLES_SIZE);
	struct rsdp *rsdp = base;
	struct xsdt *xsdt = base + 64;
	size_t at = 64 + sizeof(*xsdt);
	u64 dsdt;

	at = (at + 15) & ~15;
	dsdt = TABLES_GPA + at;
	at += write_dsdt(base + at, guest);

	at = (at + 15) & ~15;
	xsdt->tables[0] = TABLES_GPA + at;
	at += write_fadt(base + at, guest, dsdt);

	at = (at + 15) & ~15;
	xsdt->tables[1] = TABLES_GPA + at;
	write_madt(base + at, guest);
	finish(&xsdt->header, "XSDT", 1, sizeof(*xsdt));

	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem_id, "HVEMU ", 6);
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = TABLES_GPA + 64;
	seal(rsdp, offsetof(struct rsdp, length), &rsdp->checksum);
	seal(rsdp, sizeof(*rsdp), &rsdp->extended_checksum);
	return TABLES_GPA;
}

/* Power management events never happen here; what enables them is kept. */
static u16 pm1_enable;

u16 acpi_read(u16 port)
{
	switch (port - ACPI_PM_PORT) {
	case PM1_ENABLE:
		return pm1_enable;
	case PM1_CONTROL:
		return PM1_CONTROL_SCI_ENABLED;
	default:
		return 0;
	}
}

static enum acpi_request sleep_request(u8 type)
{
	return type == SLEEP_TYPE_OFF || type == SLEEP_TYPE_HIBERNATE ?
		ACPI_POWER_OFF : ACPI_NOTHING;
}

enum acpi_request acpi_write(u16 port, u16 value)
{
	switch (port - ACPI_PM_PORT) {
	case PM1_ENABLE:
		pm1_enable = value;
		break;
	case PM1_CONTROL:
		if (value & PM1_CONTROL_SLEEP)
			return sleep_request(PM1_CONTROL_SLEEP_TYPE(value));
		break;
	case SLEEP_CONTROL:
		if (value & SLEEP_CONTROL_ENABLE)
			return sleep_request(SLEEP_CONTROL_TYPE(value));
		break;
	}
	return ACPI_NOTHING;
}
