/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers that KVM has as registers.
 */
#ifndef _HVEMU_CHILD_REGISTER_STATE_H
#define _HVEMU_CHILD_REGISTER_STATE_H

#include "reg.h"

extern const struct child_reg_table child_reg_state;

#endif /* _HVEMU_CHILD_REGISTER_STATE_H */
