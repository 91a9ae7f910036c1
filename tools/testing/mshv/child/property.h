/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties of child partitions.
 */
#ifndef _HVEMU_CHILD_PROPERTY_H
#define _HVEMU_CHILD_PROPERTY_H

#include <linux/types.h>

struct child;
struct hypercall;

/* What they are when it is created. */
void child_property_init(struct child *child);

u16 child_property_get(struct child *child, u32 code, u64 *value);
u16 child_property_set(struct hypercall *call);	/* HVCALL_SET_PARTITION_PROPERTY */

/* What of union hv_partition_synthetic_processor_features a child can be given. */
u64 child_assignable_features(void);

#endif /* _HVEMU_CHILD_PROPERTY_H */
