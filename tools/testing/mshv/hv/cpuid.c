// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID as KVM has it.
 */

#include <errno.h>
#include <sys/ioctl.h>

#include "cpuid.h"

/*
 * KVM tells of the processor that it is asked on: caches differ where there are two
 * kinds of cores. It is asked once, so that all VPs see the same.
 */
int cpuid_supported(int kvm, struct cpuid *cpuid)
{
	static struct cpuid supported;

	if (!supported.head.nent) {
		supported.head.nent = CPUID_ENTRIES_MAX;
		if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &supported.head) < 0) {
			supported.head.nent = 0;
			cpuid->head.nent = 0;
			return -errno;
		}
	}
	*cpuid = supported;
	return 0;
}

struct kvm_cpuid_entry2 *cpuid_find(struct cpuid *cpuid, u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *entry;

	for (entry = cpuid->entries; entry < cpuid->entries + cpuid->head.nent; entry++)
		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     entry->index == index))
			return entry;
	return NULL;
}
