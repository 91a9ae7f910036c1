/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties that are the same for a partition and its children.
 */
#ifndef _HVEMU_PROPERTY_H
#define _HVEMU_PROPERTY_H

#include <linux/types.h>

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

#endif /* _HVEMU_PROPERTY_H */
