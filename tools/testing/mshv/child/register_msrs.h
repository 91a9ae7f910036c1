/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers that are MSRs, leaves of CPUID, or the local APIC's.
 */
#ifndef _HVEMU_CHILD_REGISTER_MSRS_H
#define _HVEMU_CHILD_REGISTER_MSRS_H

#include "reg.h"

extern const struct child_reg_table child_reg_msrs;

#endif /* _HVEMU_CHILD_REGISTER_MSRS_H */
