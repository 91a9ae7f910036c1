// SPDX-License-Identifier: GPL-2.0-only
/*
 * A partition, as the hypervisor sees it.
 */

#include <hyperv/hvhdk.h>

#include "../pc/guest.h"
#include "options.h"
#include "partition.h"
#include "synic_state.h"

/* For the unit tests; the machine knows better. */
#define PHYSICAL_BITS_DEFAULT	40

void partition_init(struct partition *partition, const struct options *options)
{
	struct vp *vp;
	u32 i;

	*partition = (struct partition) {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.options = options,
		.faults = options->faults,
		.id = HV_PARTITION_ID_SELF,
		.nr_vps = options->cpus,
		.kvm = -1,
		.memfd = -1,
		.physical_bits = PHYSICAL_BITS_DEFAULT,
	};

	for (i = 0; i < partition->nr_vps; i++) {
		vp = &partition->vps[i];
		vp->partition = partition;
		vp->index = i;
		synic_init(&vp->synic);
	}
}

const struct ram_slot *partition_slot(struct partition *partition, u64 gpa, u64 size)
{
	return ram_find(partition->ram, partition->ram_slots, gpa, size);
}

static struct hv_partition_property_vmm_capabilities capabilities(const struct options *options)
{
	return (struct hv_partition_property_vmm_capabilities) {
		.as_uint64[0] = options->capability_bits,
	};
}

bool partition_dispatches(const struct partition *partition)
{
	const struct options *options = partition->options;

	if (options->root)
		return options->scheduler == HV_SCHEDULER_TYPE_ROOT;
	return capabilities(options).vmm_enable_integrated_scheduler && options->integrated;
}

bool partition_provides_pages(const struct partition *partition)
{
	return capabilities(partition->options).vmm_can_provide_overlay_gpfn;
}

void *partition_memory(struct partition *partition, u64 gpa, u64 size)
{
	return ram_at(partition->ram, partition->ram_slots, gpa, size);
}

void partition_guest(struct partition *partition, struct guest *guest)
{
	*guest = (struct guest) {
		.kernel = partition->options->kernel,
		.initrd = partition->options->initrd,
		.append = partition->options->append,
		.ram = partition->ram,
		.ram_slots = partition->ram_slots,
		.reserved_gpa = partition->reserved_gpa,
		.reserved_pages = partition->reserved_pages,
		.cpus = partition->nr_vps,
		.disks = partition->options->nr_disks,
	};
}

void *partition_page(struct partition *partition, u64 gpfn)
{
	/* So high a number would come round to a low address. */
	if (gpfn >> (64 - HV_HYP_PAGE_SHIFT))
		return NULL;
	return partition_memory(partition, gpfn << HV_HYP_PAGE_SHIFT, HV_HYP_PAGE_SIZE);
}

/*
 * No more than the driver needs: what is not granted must not be used, and
 * whoever uses it is told so by a #GP and a line in the log.
 */
u32 partition_features(const struct partition *partition)
{
	u32 features = HV_MSR_TIME_REF_COUNT_AVAILABLE | HV_MSR_SYNIC_AVAILABLE |
		       HV_MSR_HYPERCALL_AVAILABLE | HV_MSR_VP_INDEX_AVAILABLE |
		       HV_MSR_REFERENCE_TSC_AVAILABLE | HV_ACCESS_FREQUENCY_MSRS;

	/* A root partition sees the machine's own TSC: mshyperv.c. */
	if (!partition->options->root)
		features |= HV_ACCESS_TSC_INVARIANT;
	return features;
}

/*
 * Not HV_ACCESS_PARTITION_ID: with an id of its own an L1VH does not know
 * itself as one (is_l1vh_parent() of mshv_root.h).
 */
u32 partition_privileges(const struct partition *partition)
{
	u32 privileges = HV_CREATE_PARTITIONS | HV_POST_MESSAGES |
			 HV_SIGNAL_EVENTS | HV_CREATE_PORT | HV_CONNECT_PORT |
			 HV_ACCESS_STATS;

	if (partition->options->plain)
		return HV_POST_MESSAGES | HV_SIGNAL_EVENTS;
	if (partition->options->root)
		privileges |= HV_CPU_MANAGEMENT;
	return privileges;
}

u32 partition_extended_features(const struct partition *partition)
{
	return partition->options->injection ? HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE : 0;
}
