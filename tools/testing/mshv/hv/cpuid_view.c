// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the machine's own leaves, cut to the VP's topology, and the
 * hypervisor's.
 */

#include <hyperv/hvhdk.h>

#include "cpuid.h"
#include "cpuid_view.h"

#define LEAF_FEATURES		0x1
#define LEAF_CACHES		0x4
#define LEAF_TOPOLOGY		0xb
#define LEAF_EXTENDED		0x7
#define LEAF_XSAVE		0xd
#define LEAF_TILES		0x1d
#define LEAF_TILE_UNIT		0x1e
#define LEAF_TOPOLOGY_V2	0x1f
#define LEAF_AMD_FEATURES	0x80000001
#define LEAF_ADDRESS_SIZES	0x80000008
#define LEAF_SVM		0x8000000a
#define LEAF_AMD_CACHES		0x8000001d
#define LEAF_AMD_TOPOLOGY	0x8000001e
#define LEAF_AMD_TOPOLOGY_V2	0x80000026
#define AMD_TOPOLOGY_THREADS_SHIFT	8

#define FEATURES_ECX_VMX	BIT(5)
#define FEATURES_ECX_X2APIC	BIT(21)
#define FEATURES_ECX_DEADLINE	BIT(24)
#define FEATURES_ECX_HYPERVISOR	BIT(31)
#define FEATURES_EDX_APIC	BIT(9)
#define FEATURES_EDX_HTT	BIT(28)
#define AMD_FEATURES_ECX_SVM	BIT(2)

/* What AMX consists of: Intel's manual, volume 2, CPUID. */
#define EXTENDED_EDX_AMX	(BIT(22) | BIT(24) | BIT(25))
#define EXTENDED_1_EAX_AMX	BIT(21)
#define EXTENDED_1_EDX_AMX	BIT(8)
#define XSAVE_TILE_DATA		BIT(18)
#define XSAVE_1_EAX_XFD		BIT(4)

/* As in arch/x86/kvm/hyperv.h, HYPERV_CPUID_SYNDBG_VENDOR_AND_MAX_FUNCTIONS. */
#define CPUID_VIRT_STACK_VENDOR	0x40000080

/* ECX of the leaf of topologies: what its levels are */
#define TOPOLOGY_THREADS	1
#define TOPOLOGY_CORES		2

#define LEAF_VENDORS_FIRST	0x40000000
#define LEAF_VENDORS_LAST	0x4fffffff

static void add(struct cpuid *cpuid, u32 function, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	if (cpuid->head.nent == CPUID_ENTRIES_MAX)
		return;
	cpuid->entries[cpuid->head.nent++] = (struct kvm_cpuid_entry2) {
		.function = function,
		.eax = eax,
		.ebx = ebx,
		.ecx = ecx,
		.edx = edx,
	};
}

/*
 * Leaves that must go: KVM's own signature would win over the hypervisor's
 * (detect_hypervisor_vendor() takes the highest), and what is told of
 * topologies is the host's. SVM and VMX go too: children are
 * made by hypercall, and nothing runs KVM inside a partition.
 */
static bool unwanted(u32 function)
{
	return (function >= LEAF_VENDORS_FIRST && function <= LEAF_VENDORS_LAST) ||
	       function == LEAF_TOPOLOGY || function == LEAF_TOPOLOGY_V2 ||
	       function == LEAF_AMD_TOPOLOGY_V2 || function == LEAF_SVM;
}

/* Bits of an APIC id that number the cores of a socket. */
static u32 core_bits(const struct cpuid_view *view)
{
	u32 bits = 0;

	while (1U << bits < view->per_socket)
		bits++;
	return bits;
}

/* Leaf 4 has six bits for the highest number that there could be. */
static u32 cores_field(const struct cpuid_view *view)
{
	u32 last = (1U << core_bits(view)) - 1;

	return last < 0x3f ? last : 0x3f;
}

/* What a VP is among others; where each is a socket of its own, nothing tells. */
static void add_topology(struct cpuid *cpuid, const struct cpuid_view *view)
{
	if (view->per_socket < 2)
		return;
	add(cpuid, LEAF_TOPOLOGY, view->smt, 1 + view->smt, TOPOLOGY_THREADS << 8, view->index);
	cpuid->entries[cpuid->head.nent - 1].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	add(cpuid, LEAF_TOPOLOGY, core_bits(view), view->per_socket,
	    TOPOLOGY_CORES << 8 | 1, view->index);
	cpuid->entries[cpuid->head.nent - 1].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	cpuid->entries[cpuid->head.nent - 1].index = 1;
}

/* Cores have no threads, or two. */
static void fit(struct kvm_cpuid_entry2 *entry, const struct cpuid_view *view)
{
	u32 cores = view->per_socket ?: 1;

	switch (entry->function) {
	case LEAF_FEATURES:
		entry->ebx = (entry->ebx & 0xff00) | (cores & 0xff) << 16 | view->index << 24;
		entry->ecx |= FEATURES_ECX_HYPERVISOR;
		if (view->no_hypervisor)
			entry->ecx &= ~FEATURES_ECX_HYPERVISOR;
		if (view->x2apic)
			entry->ecx |= FEATURES_ECX_X2APIC;
		else
			entry->ecx &= ~FEATURES_ECX_X2APIC;
		entry->ecx &= ~FEATURES_ECX_VMX;
		if (view->no_deadline)
			entry->ecx &= ~FEATURES_ECX_DEADLINE;
		if (view->no_apic)
			entry->edx &= ~FEATURES_EDX_APIC;
		entry->edx &= ~FEATURES_EDX_HTT;
		if (cores > 1)
			entry->edx |= FEATURES_EDX_HTT;
		break;
	case LEAF_AMD_FEATURES:
		entry->ecx &= ~AMD_FEATURES_ECX_SVM;
		break;
	case LEAF_CACHES:
	case LEAF_AMD_CACHES:
		entry->eax &= 0x3fff;
		if (entry->function == LEAF_CACHES && entry->eax)
			entry->eax |= cores_field(view) << 26;
		break;
	case LEAF_ADDRESS_SIZES:
		entry->ecx &= ~0xffffU;
		if (cores > 1)
			entry->ecx |= core_bits(view) << 12 | (cores - 1);
		/* Of the processor, and of a guest that it runs itself. */
		if (view->physical_bits)
			entry->eax = (entry->eax & 0xff00ff00) | view->physical_bits;
		break;
	case LEAF_AMD_TOPOLOGY:
		entry->eax = view->index;
		entry->ebx = (view->index & (BIT(core_bits(view)) - 1)) >> view->smt |
			     view->smt << AMD_TOPOLOGY_THREADS_SHIFT;
		entry->ecx = 0;
		break;
	}
}

/*
 * Leaves of a hypervisor, as far as a VP is told of it. The others are empty: where
 * KVM lacks one it may answer with another, see below.
 */
static void hide_hypervisor(struct cpuid *cpuid, const struct cpuid_view *view)
{
	struct kvm_cpuid_entry2 *entry;

	for (entry = cpuid->entries; entry < cpuid->entries + cpuid->head.nent; entry++) {
		if (entry->function < LEAF_VENDORS_FIRST || entry->function > LEAF_VENDORS_LAST)
			continue;
		if (view->no_hypervisor || entry->function > HYPERV_CPUID_INTERFACE)
			*entry = (struct kvm_cpuid_entry2) { .function = entry->function };
		else if (entry->function == HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS)
			entry->eax = HYPERV_CPUID_INTERFACE;
	}
}

static void add_hypervisor(struct cpuid *cpuid, const struct cpuid_view *view)
{
	/* "Microsoft Hv"; the last leaf that is defined below */
	add(cpuid, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS,
	    HYPERV_CPUID_NESTED_FEATURES, 0x7263694d, 0x666f736f, 0x76482074);
	add(cpuid, HYPERV_CPUID_INTERFACE, view->interface, 0, 0, 0);
	add(cpuid, HYPERV_CPUID_VERSION, view->build, 10 << 16, 0, 0);
	add(cpuid, HYPERV_CPUID_FEATURES, view->features, view->privileges,
	    view->extended,
	    view->abilities);
	add(cpuid, HYPERV_CPUID_ENLIGHTMENT_INFO, view->hints, view->spins, 0, 0);
	add(cpuid, HYPERV_CPUID_IMPLEMENT_LIMITS, view->vps_max, view->vps_max, 0, 0);
	add(cpuid, HYPERV_CPUID_CPU_MANAGEMENT_FEATURES, 0, 0, 0, 0);
	add(cpuid, HYPERV_CPUID_NESTED_FEATURES, 0, 0, 0, 0);
	/*
	 * Read without a look at the highest leaf: mshyperv.c. Where there is none KVM
	 * answers as Intel's processors do: with the highest one of the basic leaves.
	 */
	add(cpuid, CPUID_VIRT_STACK_VENDOR, 0, 0, 0, 0);
	add(cpuid, HYPERV_CPUID_VIRT_STACK_INTERFACE, 0, 0, 0, 0);
	add(cpuid, HYPERV_CPUID_VIRT_STACK_PROPERTIES, 0, 0, 0, 0);
	if (view->no_hypervisor || view->no_hv1)
		hide_hypervisor(cpuid, view);
}

/*
 * KVM offers AMX where the processor has it, and its state only to a process that has
 * asked for it by arch_prctl(): hvemu has not, as that state is larger than the
 * page that a parent gets of it.
 */
static void drop_amx(struct cpuid *cpuid)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, LEAF_XSAVE, 0);
	u32 i, kept = 0;

	if (entry && entry->eax & XSAVE_TILE_DATA)
		return;
	for (i = 0; i < cpuid->head.nent; i++) {
		entry = &cpuid->entries[i];
		if (entry->function == LEAF_TILES || entry->function == LEAF_TILE_UNIT)
			continue;
		if (entry->function == LEAF_EXTENDED && entry->index == 0)
			entry->edx &= ~EXTENDED_EDX_AMX;
		if (entry->function == LEAF_EXTENDED && entry->index == 1) {
			entry->eax &= ~EXTENDED_1_EAX_AMX;
			entry->edx &= ~EXTENDED_1_EDX_AMX;
		}
		if (entry->function == LEAF_XSAVE && entry->index == 1)
			entry->eax &= ~XSAVE_1_EAX_XFD;
		cpuid->entries[kept++] = *entry;
	}
	cpuid->head.nent = kept;
}

void cpuid_fit(struct cpuid *cpuid, const struct cpuid_view *view)
{
	u32 i, kept = 0;

	for (i = 0; i < cpuid->head.nent; i++) {
		if (unwanted(cpuid->entries[i].function))
			continue;
		cpuid->entries[kept] = cpuid->entries[i];
		fit(&cpuid->entries[kept++], view);
	}
	cpuid->head.nent = kept;
	drop_amx(cpuid);
	add_topology(cpuid, view);
	add_hypervisor(cpuid, view);
}
