/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of what stops a VP, and of what is about to happen to it.
 */
#ifndef _HVEMU_CHILD_REGISTER_EVENTS_H
#define _HVEMU_CHILD_REGISTER_EVENTS_H

#include "reg.h"

extern const struct child_reg_table child_reg_events;

#endif /* _HVEMU_CHILD_REGISTER_EVENTS_H */
