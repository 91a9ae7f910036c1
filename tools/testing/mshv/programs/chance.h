/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs that do things by chance have in common: numbers that are the same
 * each time for a seed, and faults of hvemu.
 */
#ifndef _HVEMU_CHANCE_H
#define _HVEMU_CHANCE_H

#include <stddef.h>

#include <linux/types.h>

/* Begin anew, for this thread. */
void chance_begin(u64 seed);

/* A number below @below, which is not 0. A thread has its own. */
u32 chance(u32 below);

/**
 * chance_fault() - a fault as the test port takes it, see hv/fault.h
 * @text: where it is put
 * @size: how long it may be
 *
 * Only what takes a thing from the hypervisor does not fail: DELETE_*, UNMAP_*,
 * FINALIZE_PARTITION, DISCONNECT_PORT and WITHDRAW_MEMORY. If it does, the driver
 * rightly leaves to the hypervisor what that still has, for ever.
 */
void chance_fault(char *text, size_t size);

#endif /* _HVEMU_CHANCE_H */
