/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties: what a partition may ask about itself and its hypervisor.
 */
#ifndef _HVEMU_PROPERTY_H
#define _HVEMU_PROPERTY_H

#include <linux/types.h>

struct hypercall;
struct partition;
struct processor;

/**
 * property_of_processor() - what a property says that is the processor's
 * @partition: who asks, for itself or a child
 * @processor: the partition's that it is about
 * @code: enum hv_partition_property_code
 * @value: set to it
 *
 * Return: HV_STATUS_SUCCESS, or HV_STATUS_UNKNOWN_PROPERTY.
 */
u16 property_of_processor(const struct partition *partition, const struct processor *processor,
			  u32 code, u64 *value);

/* See hypercall.h for what a handler is. */
u16 property_get(struct hypercall *call);	/* HVCALL_GET_PARTITION_PROPERTY */
u16 property_get_ex(struct hypercall *call);	/* HVCALL_GET_PARTITION_PROPERTY_EX */
u16 property_get_system(struct hypercall *call);	/* HVCALL_GET_SYSTEM_PROPERTY */
u16 property_set_system(struct hypercall *call);	/* HVCALL_SET_SYSTEM_PROPERTY */

#endif /* _HVEMU_PROPERTY_H */
