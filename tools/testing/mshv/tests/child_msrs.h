/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs of a child's VP, read and written as its guest does it, for unit tests.
 */
#ifndef _HVEMU_TESTS_CHILD_MSRS_H
#define _HVEMU_TESTS_CHILD_MSRS_H

#include "../child/msr.h"
#include "child_fixture.h"

static inline bool wrmsr(struct child_fixture *f, u32 msr, u64 value)
{
	return child_msr_write(f->vp, msr, value);
}

/* What an MSR has, or what none has: it could not be read. */
static inline u64 rdmsr(struct child_fixture *f, u32 msr)
{
	u64 value;

	return child_msr_read(f->vp, msr, &value) ? value : 0xdeaddeaddeaddeadULL;
}

#endif /* _HVEMU_TESTS_CHILD_MSRS_H */
