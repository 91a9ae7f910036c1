/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties: what a partition may ask about itself and its hypervisor.
 */
#ifndef _HVEMU_MACHINE_PROPERTY_H
#define _HVEMU_MACHINE_PROPERTY_H

#include <linux/types.h>

struct hypercall;

/* See hv/hypercall.h for what a handler is. */
u16 property_get(struct hypercall *call);	/* HVCALL_GET_PARTITION_PROPERTY */
u16 property_get_ex(struct hypercall *call);	/* HVCALL_GET_PARTITION_PROPERTY_EX */
u16 property_get_system(struct hypercall *call);	/* HVCALL_GET_SYSTEM_PROPERTY */
u16 property_set_system(struct hypercall *call);	/* HVCALL_SET_SYSTEM_PROPERTY */

#endif /* _HVEMU_MACHINE_PROPERTY_H */
