/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a BIOS would leave in memory, and the registers behind it.
 */
#ifndef _HVEMU_ACPI_H
#define _HVEMU_ACPI_H

#include <linux/types.h>

struct guest;

#define ACPI_PM_PORT	0x600	/* event block, control block, sleep registers */
#define ACPI_PM_PORTS	8
#define ACPI_RESET_PORT	0xcf9
#define ACPI_RESET	0x6

/* What a write to a power management register asks for. */
enum acpi_request {
	ACPI_NOTHING,
	ACPI_POWER_OFF,
};

/**
 * acpi_write_tables() - put the tables into guest memory
 * @guest: whose
 *
 * Return: the address of the first, the RSDP, in guest memory.
 */
u64 acpi_write_tables(const struct guest *guest);

/* The guest reads or writes power management registers, from @port. */
u16 acpi_read(u16 port);
enum acpi_request acpi_write(u16 port, u16 value);

#endif /* _HVEMU_ACPI_H */
