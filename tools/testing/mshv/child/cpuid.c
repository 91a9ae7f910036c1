// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells a child's VP: what KVM can do, as far as hvemu has it, the
 * hypervisor's leaves, and what the parent has registered. KVM answers by itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kernel.h>
#include <linux/kvm.h>
#include <asm/msr-index.h>
#include <hyperv/hvhdk.h>

#include "../hv/cpuid.h"
#include "../hv/cpuid_view.h"
#include "../hv/features.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/processor.h"
#include "../hv/xsave.h"
#include "child.h"
#include "cpuid.h"
#include "kvm_regs.h"
#include "msr.h"
#include "vp.h"

/* So often it looks at a lock before it says that it has waited for long. */
#define LONG_SPIN		0xfff

#define LEAF_FEATURES		0x1
#define LEAF_CACHES		0x4
#define LEAF_EXTENDED		0x7
#define LEAF_TOPOLOGY		0xb
#define LEAF_XSAVE		0xd
#define LEAF_TOPOLOGY_V2	0x1f
#define LEAF_POWER		0x80000007
#define LEAF_AMD_CACHES		0x8000001d

#define FEATURES_ECX_DEADLINE	BIT(24)
#define FEATURES_ECX_OSXSAVE	BIT(27)
#define EXTENDED_ECX_OSPKE	BIT(4)
#define POWER_EDX_INVARIANT_TSC	BIT(8)
#define CR4_OSXSAVE		BIT_ULL(18)
#define CR4_PKE			BIT_ULL(22)

static bool has_subleaves(u32 function)
{
	return function == LEAF_CACHES || function == LEAF_EXTENDED ||
	       function == LEAF_TOPOLOGY || function == LEAF_XSAVE ||
	       function == LEAF_TOPOLOGY_V2 || function == LEAF_AMD_CACHES;
}

static bool is_meant(const struct child_cpuid_result *result,
		     const struct kvm_cpuid_entry2 *entry)
{
	return entry->function == result->function &&
	       (result->any_index || entry->index == result->index);
}

static u32 mix(u32 from, u32 value, u32 mask)
{
	return (from & ~mask) | (value & mask);
}

static void override(struct kvm_cpuid_entry2 *entry, const struct child_cpuid_result *result)
{
	entry->eax = mix(entry->eax, result->value[0], result->mask[0]);
	entry->ebx = mix(entry->ebx, result->value[1], result->mask[1]);
	entry->ecx = mix(entry->ecx, result->value[2], result->mask[2]);
	entry->edx = mix(entry->edx, result->value[3], result->mask[3]);
}

/* Return: false if there is no room for one more leaf; KVM takes no more either. */
static bool apply(const struct child_cpuid_result *result, struct cpuid *cpuid)
{
	struct kvm_cpuid_entry2 *entry;
	bool found = false;

	for (entry = cpuid->entries; entry < cpuid->entries + cpuid->head.nent; entry++) {
		if (!is_meant(result, entry))
			continue;
		override(entry, result);
		found = true;
	}
	if (found || !result->always)
		return true;
	if (cpuid->head.nent == CPUID_ENTRIES_MAX)
		return false;
	/* A leaf that the hypervisor itself does not have. */
	*entry = (struct kvm_cpuid_entry2) {
		.function = result->function,
		.index = result->index,
	};
	if (!result->any_index || has_subleaves(result->function))
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	override(entry, result);
	cpuid->head.nent++;
	return true;
}

static bool apply_all(const struct child_cpuid_results *results, struct cpuid *cpuid)
{
	bool fits = true;
	unsigned int i;

	for (i = 0; i < results->count; i++)
		fits &= apply(&results->list[i], cpuid);
	return fits;
}

/* As the parent has chosen, in the form in which CPUID has it. */
static u32 synthetic_features(union hv_partition_synthetic_processor_features chosen)
{
	u32 features = 0;

	if (chosen.access_vp_run_time_reg)
		features |= HV_MSR_VP_RUNTIME_AVAILABLE;
	if (chosen.access_partition_reference_counter)
		features |= HV_MSR_TIME_REF_COUNT_AVAILABLE;
	if (chosen.access_synic_regs)
		features |= HV_MSR_SYNIC_AVAILABLE;
	if (chosen.access_synthetic_timer_regs)
		features |= HV_MSR_SYNTIMER_AVAILABLE;
	if (chosen.access_intr_ctrl_regs)
		features |= HV_MSR_APIC_ACCESS_AVAILABLE;
	if (chosen.access_hypercall_regs)
		features |= HV_MSR_HYPERCALL_AVAILABLE;
	if (chosen.access_vp_index)
		features |= HV_MSR_VP_INDEX_AVAILABLE;
	if (chosen.access_partition_reference_tsc)
		features |= HV_MSR_REFERENCE_TSC_AVAILABLE;
	if (chosen.access_guest_idle_reg)
		features |= HV_MSR_GUEST_IDLE_AVAILABLE;
	if (chosen.access_frequency_regs)
		features |= HV_ACCESS_FREQUENCY_MSRS | HV_ACCESS_TSC_INVARIANT;
	return features;
}

/* Likewise EBX: its privileges. */
static u32 synthetic_privileges(union hv_partition_synthetic_processor_features chosen)
{
	return chosen.signal_events ? HV_POST_MESSAGES | HV_SIGNAL_EVENTS : 0;
}

/* Likewise EDX. */
static u32 synthetic_abilities(union hv_partition_synthetic_processor_features chosen)
{
	u32 abilities = HV_FEATURE_GUEST_CRASH_MSR_AVAILABLE;

	if (chosen.access_frequency_regs)
		abilities |= HV_FEATURE_FREQUENCY_MSRS_AVAILABLE;
	if (chosen.access_hypercall_regs)
		abilities |= HV_X64_HYPERCALL_XMM_INPUT_AVAILABLE |
			     HV_HYPERCALL_MSR_LOCK_AVAILABLE;
	if (chosen.access_synic_regs)
		abilities |= HV_SINT_POLLING_MODE_AVAILABLE;
	if (chosen.access_guest_idle_reg)
		abilities |= HV_GUEST_IDLE_STATE_AVAILABLE;
	if (chosen.enable_extended_gva_ranges_for_flush_virtual_address_list)
		abilities |= HV_FEATURE_EXT_GVA_RANGES_FLUSH;
	if (chosen.direct_synthetic_timers)
		abilities |= HV_STIMER_DIRECT_MODE_AVAILABLE;
	return abilities;
}

/* What its guest is advised to use: no more than what it may use. */
static u32 synthetic_hints(union hv_partition_synthetic_processor_features chosen)
{
	u32 hints = HV_X64_RELAXED_TIMING_RECOMMENDED | HV_DEPRECATING_AEOI_RECOMMENDED;

	if (chosen.tb_flush_hypercalls)
		hints |= HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED;
	if (chosen.access_intr_ctrl_regs)
		hints |= HV_X64_APIC_ACCESS_RECOMMENDED;
	if (chosen.synthetic_cluster_ipi)
		hints |= HV_X64_CLUSTER_IPI_RECOMMENDED;
	if (chosen.extended_processor_masks)
		hints |= HV_X64_EX_PROCESSOR_MASKS_RECOMMENDED;
	return hints;
}

u64 child_cpuid_features(u64 synthetic)
{
	const union hv_partition_synthetic_processor_features chosen = {
		.as_uint64[0] = synthetic,
	};

	return synthetic_features(chosen) | (u64)synthetic_privileges(chosen) << 32;
}

/* Before its parent has registered anything. */
static void make_plain(const struct child *child, u32 index, struct cpuid *cpuid)
{
	const union hv_partition_synthetic_processor_features chosen = {
		.as_uint64[0] = child->synthetic_features,
	};
	const struct cpuid_view view = {
		.index = index,
		.per_socket = child->per_socket,
		.x2apic = child->flags & HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE,
		.no_apic = !(child->flags & HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED),
		/* Its local APIC is hvemu's, see apic.c. */
		.no_deadline = true,
		.physical_bits = child->physical_bits,
		/*
		 * WinHvPlatformDefs.h, WHV_SYNTHETIC_PROCESSOR_FEATURES: HypervisorPresent
		 * is the bit in leaf 1 and leaves 0x40000000 and 0x40000001, Hv1 is
		 * 0x40000000 to 0x40000006.
		 */
		.no_hypervisor = !chosen.hypervisor_present,
		.no_hv1 = !chosen.hv1,
		/*
		 * It turns on KVM's own Hyper-V code, too. Of that nothing comes into play
		 * but the invariant TSC, see follow_state(): KVM has no local APIC here, the
		 * MSRs are filtered, and for its hypercalls it misses the guest's name.
		 */
		.interface = chosen.hv1 ? HV_INTERFACE_SIGNATURE : 0,
		.build = child->parent->options->build,
		.features = synthetic_features(chosen),
		.privileges = synthetic_privileges(chosen),
		.abilities = synthetic_abilities(chosen),
		.hints = synthetic_hints(chosen),
		.spins = chosen.notify_long_spin_wait ? LONG_SPIN : CPUID_NEVER_NOTIFY,
		.vps_max = CHILD_VPS_MAX,
	};

	cpuid_supported(child->parent->kvm, cpuid);
	cpuid_fit(cpuid, &view);
	features_disable(cpuid, &child->disabled);
}

/*
 * What no result gives a guest: the TSC deadline of local APIC timers. KVM takes a write
 * to its MSR for itself and drops it, whatever is filtered (handle_fastpath_wrmsr()). A
 * guest that is told of it, by a VMM that hands its own CPUID on, would wait for ever.
 */
static void take_back(struct cpuid *cpuid)
{
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, LEAF_FEATURES, 0);

	if (entry)
		entry->ecx &= ~FEATURES_ECX_DEADLINE;
}

/* Return: false if not all that is registered has room. */
static bool make(struct child_vp *vp, bool registered, struct cpuid *cpuid)
{
	bool fits;

	make_plain(vp->child, vp->apic.id, cpuid);
	/* What is for one VP counts more than what is for all. */
	fits = !registered || (apply_all(&vp->child->cpuid_results, cpuid) &&
			       apply_all(&vp->cpuid_results, cpuid));
	take_back(cpuid);
	return fits;
}

void child_cpuid_processor(struct child *child)
{
	struct cpuid cpuid;

	make_plain(child, 0, &cpuid);
	child->processor = processor_of(&cpuid);
}

int child_cpuid_init(struct child_vp *vp)
{
	struct cpuid cpuid;

	if (!make(vp, true, &cpuid))
		return -ENOSPC;
	if (vp->fd < 0)
		return 0;
	return ioctl(vp->fd, KVM_SET_CPUID2, &cpuid.head) < 0 ? -errno : 0;
}

/* An older result for the same leaf, or NULL. */
static struct child_cpuid_result *find_result(struct child_cpuid_results *results,
					      const struct child_cpuid_result *like)
{
	struct child_cpuid_result *old;

	for (old = results->list; old < results->list + results->count; old++)
		if (old->function == like->function && old->index == like->index &&
		    old->any_index == like->any_index)
			return old;
	return NULL;
}

static bool is_same(const struct child_cpuid_result *a, const struct child_cpuid_result *b)
{
	return a->always == b->always && !memcmp(a->value, b->value, sizeof(a->value)) &&
	       !memcmp(a->mask, b->mask, sizeof(a->mask));
}

/* Over an older one for the same leaf, if there is one. NULL: no memory. */
static struct child_cpuid_result *add_result(struct child_cpuid_results *results,
					     const struct child_cpuid_result *new)
{
	struct child_cpuid_result *where = find_result(results, new), *list;

	if (!where) {
		list = reallocarray(results->list, results->count + 1, sizeof(*list));
		if (!list)
			return NULL;
		results->list = list;
		where = &list[results->count++];
	}
	*where = *new;
	return where;
}

/* Whom a result is for: one VP, or all that there are and that will come. */
static u16 find_results(struct hypercall *call, struct child **child, struct child_vp **vp)
{
	const struct hv_input_register_intercept_result *input = call->in;
	struct partition *partition = call->vp->partition;

	*child = child_find(partition, input->partition_id);
	*vp = NULL;
	if (!*child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (input->vp_index == HV_ANY_VP)
		return HV_STATUS_SUCCESS;
	*vp = child_find_vp(partition, input->partition_id, input->vp_index);
	return *vp ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

bool child_has_run(const struct child *child)
{
	u32 i;

	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->ran)
			return true;
	return false;
}

int child_cpuid_init_all(struct child *child)
{
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < CHILD_VPS_MAX; i++)
		if (child->vps[i])
			ret = child_cpuid_init(child->vps[i]);
	return ret;
}

/* Have KVM know. Return: 0 or a negative errno. */
static int init_again(struct child *child, struct child_vp *vp)
{
	return vp ? child_cpuid_init(vp) : child_cpuid_init_all(child);
}

u16 child_cpuid_register(struct hypercall *call)
{
	const struct hv_input_register_intercept_result *input = call->in;
	struct child_cpuid_result new = {
		.function = input->eax,
		.index = input->subleaf_specific ? input->ecx : 0,
		.any_index = !input->subleaf_specific,
		.always = input->always_override,
	};
	struct child_cpuid_result *where, before = { };
	struct child_cpuid_results *results;
	struct child *child;
	struct child_vp *vp;
	unsigned int i;
	u16 status;
	int ret;

	status = find_results(call, &child, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;
	if (input->intercept_type != HV_INTERCEPT_TYPE_X64_CPUID)
		return HV_STATUS_INVALID_PARAMETER;
	results = vp ? &vp->cpuid_results : &child->cpuid_results;

	for (i = 0; i < ARRAY_SIZE(new.value); i++) {
		new.value[i] = input->result[i].value;
		new.mask[i] = input->result[i].mask;
	}
	where = find_result(results, &new);
	/* A VMM that resets its guest says all of it once more. */
	if (where && is_same(where, &new))
		return HV_STATUS_SUCCESS;
	/* KVM takes no other leaves once the guest may have seen them. */
	if (vp ? vp->ran : child_has_run(child))
		return HV_STATUS_INVALID_VP_STATE;

	if (where)
		before = *where;
	i = results->count;
	where = add_result(results, &new);
	if (!where)
		return HV_STATUS_NO_RESOURCES;
	ret = init_again(child, vp);
	if (!ret)
		return HV_STATUS_SUCCESS;
	/* KVM goes by what it took last, and so does whoever asks for the values. */
	if (i == results->count)
		*where = before;
	results->count = i;
	init_again(child, vp);
	return ret == -ENOSPC ? HV_STATUS_NO_RESOURCES : HV_STATUS_INVALID_PARAMETER;
}

/*
 * A guest that can ask for an invariant TSC, HV_X64_MSR_TSC_INVARIANT_CONTROL, is told
 * of it after that. KVM does this where it has its own Hyper-V code: see
 * kvm_hv_invtsc_suppressed(). Where it has not, the guest is told at once.
 */
static bool hides_invariant_tsc(struct child_vp *vp, struct cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *interface = cpuid_find(cpuid, HYPERV_CPUID_INTERFACE, 0);
	const struct kvm_cpuid_entry2 *features = cpuid_find(cpuid, HYPERV_CPUID_FEATURES, 0);

	if (!interface || interface->eax != HV_INTERFACE_SIGNATURE ||
	    !features || !(features->eax & HV_ACCESS_TSC_INVARIANT))
		return false;
	return !child_msr_shows_invariant_tsc(vp->child) &&
	       ioctl(vp->child->parent->kvm, KVM_CHECK_EXTENSION, KVM_CAP_HYPERV_CPUID) > 0;
}

/* What the processor makes of the state that it is in. */
static void follow_state(struct child_vp *vp, struct cpuid *cpuid, u64 xfem, u64 xss)
{
	u64 cr4 = child_vp_regs(vp)->sregs.cr4;
	struct kvm_cpuid_entry2 *entry;
	struct xsave_layout layout;

	entry = cpuid_find(cpuid, LEAF_FEATURES, 0);
	if (entry)
		entry->ecx = mix(entry->ecx, cr4 & CR4_OSXSAVE ? ~0U : 0, FEATURES_ECX_OSXSAVE);
	entry = cpuid_find(cpuid, LEAF_EXTENDED, 0);
	if (entry)
		entry->ecx = mix(entry->ecx, cr4 & CR4_PKE ? ~0U : 0, EXTENDED_ECX_OSPKE);
	entry = cpuid_find(cpuid, LEAF_POWER, 0);
	if (entry && hides_invariant_tsc(vp, cpuid))
		entry->edx &= ~POWER_EDX_INVARIANT_TSC;
	xsave_layout(cpuid, &layout);
	entry = cpuid_find(cpuid, LEAF_XSAVE, 0);
	if (entry)
		entry->ebx = xsave_size(&layout, xfem, false);
	entry = cpuid_find(cpuid, LEAF_XSAVE, 1);
	if (entry && entry->eax)
		entry->ebx = xsave_size(&layout, xfem | xss, true);
}

/* One leaf of @cpuid, the state components being @xfem and @xss. */
static void read_leaf(struct child_vp *vp, struct cpuid *cpuid, u32 function, u32 index,
		      u64 xfem, u64 xss, u32 *result)
{
	const struct kvm_cpuid_entry2 *entry;

	follow_state(vp, cpuid, xfem, xss);
	entry = cpuid_find(cpuid, function, index);
	result[0] = entry ? entry->eax : 0;
	result[1] = entry ? entry->ebx : 0;
	result[2] = entry ? entry->ecx : 0;
	result[3] = entry ? entry->edx : 0;
}

void child_cpuid_look_up(struct child_vp *vp, u32 function, u32 index, u32 *result)
{
	struct cpuid cpuid;
	u64 xcr0 = 0, xss = 0;

	make(vp, true, &cpuid);
	child_kvm_get_xcr0(vp, &xcr0);
	child_kvm_get_msr(vp, MSR_IA32_XSS, &xss);
	read_leaf(vp, &cpuid, function, index, xcr0, xss, result);
}

u16 child_cpuid_values(struct hypercall *call)
{
	const struct hv_input_get_vp_cpuid_values *input = call->in;
	bool own = input->flags & HV_GET_VP_CPUID_VALUES_USE_VP_XFEM_XSS;
	const struct hv_cpuid_leaf_info *leaf;
	u32 (*results)[4] = call->out;
	struct child_vp *vp;
	struct cpuid cpuid;
	u64 xcr0 = 0, xss = 0;
	u16 status;

	status = child_vp_of(call, input->partition_id, input->vp_index, &vp);
	if (status != HV_STATUS_SUCCESS)
		return status;

	child_vp_pull(vp);
	make(vp, input->flags & HV_GET_VP_CPUID_VALUES_APPLY_REGISTERED, &cpuid);
	child_kvm_get_xcr0(vp, &xcr0);
	child_kvm_get_msr(vp, MSR_IA32_XSS, &xss);
	for (; call->reps_done < call->rep_count; call->reps_done++) {
		leaf = &input->leaves[call->reps_done];
		read_leaf(vp, &cpuid, leaf->eax, leaf->ecx, own ? xcr0 : leaf->xfem,
			  own ? xss : leaf->xss, results[call->reps_done]);
	}
	child_vp_release(vp);
	return HV_STATUS_SUCCESS;
}
