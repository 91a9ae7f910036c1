// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child partitions: life cycle, memory that is deposited for them, properties.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/property.h"
#include "../hv/stats_page.h"
#include "child.h"
#include "port.h"

/* No small number, so that none is taken for an index. */
#define CHILD_FIRST_ID		0x100

/* What a real hypervisor needs is not known; some, so that it is accounted for. */
#define CHILD_PAGES_INITIALIZED	64

/* Hypervisor documentation, "CPU Reserve" and "CPU Cap": fractions of a processor */
#define CPU_ALL			0x10000
/* No public source says; Hyper-V's management has these. */
#define CPU_WEIGHT_DEFAULT	100
#define CPU_WEIGHT_MAX		10000

/* Fewer no processor has that runs 64-bit code. */
#define PHYSICAL_BITS_MIN	32

#define CHILD_FLAGS	(HV_PARTITION_CREATION_FLAG_SMT_ENABLED_GUEST | \
			 HV_PARTITION_CREATION_FLAG_NESTED_VIRTUALIZATION_CAPABLE | \
			 HV_PARTITION_CREATION_FLAG_GPA_SUPER_PAGES_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_EXO_PARTITION | \
			 HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE)

struct child *child_find(struct partition *partition, u64 id)
{
	unsigned int i;

	for (i = 0; i < partition->nr_children; i++)
		if (partition->children[i]->id == id)
			return partition->children[i];
	return NULL;
}

struct child_vp *child_find_vp(struct partition *partition, u64 id, u32 index)
{
	struct child *child = child_find(partition, id);

	return child && index < CHILD_VPS_MAX ? child->vps[index] : NULL;
}

bool child_use(struct child *child, unsigned int pages)
{
	if (child->nr_deposited - child->nr_used < pages)
		return false;
	child->nr_used += pages;
	return true;
}

/* In which order intercepts of MSRs are put into ranges: by access, then by number. */
static int compare_msrs(const void *one, const void *other)
{
	const struct child_intercept *a = one, *b = other;

	if (a->access != b->access)
		return a->access < b->access ? -1 : 1;
	return a->parameter < b->parameter ? -1 : a->parameter > b->parameter;
}

unsigned int child_msr_ranges(const struct child_intercept *intercepts, unsigned int count,
			      struct child_msr_range *ranges)
{
	const u32 both = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;
	struct child_intercept *sorted = calloc(count + 1, sizeof(*sorted));
	struct child_msr_range *range = NULL;
	unsigned int i, nr = 0, used = 0;
	u32 bit;

	for (i = 0; sorted && i < count; i++) {
		/* One that nobody is told of any more is left out. */
		if (intercepts[i].type != HV_INTERCEPT_TYPE_X64_MSR_INDEX ||
		    !(intercepts[i].access & both))
			continue;
		sorted[nr] = intercepts[i];
		sorted[nr++].access &= both;
	}
	qsort(sorted, nr, sizeof(*sorted), compare_msrs);
	for (i = 0; i < nr; i++) {
		if (!range || range->access != sorted[i].access ||
		    sorted[i].parameter - range->first >= CHILD_MSR_RANGE) {
			if (used++ == CHILD_MSR_RANGES)
				break;
			range = &ranges[used - 1];
			range->access = sorted[i].access;
			range->first = sorted[i].parameter;
			memset(range->allowed, 0xff, sizeof(range->allowed));
		}
		bit = sorted[i].parameter - range->first;
		range->count = bit + 1;
		range->allowed[bit / 8] &= ~(1 << bit % 8);
	}
	free(sorted);
	return sorted ? used : CHILD_MSR_RANGES + 1;
}

/*
 * The MSRs that a child's VPs hand to hvemu: the hypervisor's, and those that the
 * parent wants to be told of. All VPs are out of KVM: one that waits there for the
 * fault thread would have this wait too.
 */
static int child_filter_msrs(struct child *child)
{
	struct child_msr_range wanted[CHILD_MSR_RANGES];
	u8 none_allowed[MSR_SYNTHETIC_COUNT / 8] = { };
	unsigned int i, count;
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = MSR_SYNTHETIC_FIRST,
			.nmsrs = MSR_SYNTHETIC_COUNT,
			.bitmap = none_allowed,
		},
	};

	/* Room for each, and one for the hypervisor's. */
	BUILD_BUG_ON(ARRAY_SIZE(filter.ranges) <= CHILD_MSR_RANGES);
	BUILD_BUG_ON(sizeof(wanted->allowed) > KVM_MSR_FILTER_MAX_BITMAP_SIZE);
	count = child_msr_ranges(child->intercepts, child->nr_intercepts, wanted);
	if (count > CHILD_MSR_RANGES)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		filter.ranges[i + 1] = (struct kvm_msr_filter_range) {
			.flags = (wanted[i].access & HV_INTERCEPT_ACCESS_MASK_READ ?
				  KVM_MSR_FILTER_READ : 0) |
				 (wanted[i].access & HV_INTERCEPT_ACCESS_MASK_WRITE ?
				  KVM_MSR_FILTER_WRITE : 0),
			.base = wanted[i].first,
			.nmsrs = wanted[i].count,
			.bitmap = wanted[i].allowed,
		};
	if (child->vm < 0)
		return 0;
	return ioctl(child->vm, KVM_X86_SET_MSR_FILTER, &filter) < 0 ? -errno : 0;
}

/* KVM's side of it. Unit tests have none. */
static int child_make_vm(struct child *child)
{
	/* Exceptions that have a parameter are taken over with it, regs.c. */
	struct kvm_enable_cap payload = {
		.cap = KVM_CAP_EXCEPTION_PAYLOAD,
		.args[0] = 1,
	};
	struct kvm_enable_cap msrs = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args[0] = KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN |
			   KVM_MSR_EXIT_REASON_INVAL,
	};
	struct kvm_enable_cap no_quirk = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args[0] = CHILD_NO_QUIRKS,
	};
	int kvm = child->parent->kvm;

	child->vm = -1;
	if (kvm < 0)
		return 0;
	do {
		child->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	} while (child->vm < 0 && errno == EINTR);
	if (child->vm < 0 || ioctl(child->vm, KVM_ENABLE_CAP, &payload) < 0 ||
	    ioctl(child->vm, KVM_ENABLE_CAP, &msrs) < 0 ||
	    ioctl(child->vm, KVM_ENABLE_CAP, &no_quirk) < 0)
		return -errno;
	return child_filter_msrs(child);
}

static void child_free(struct child *child)
{
	child_msr_exit(child);
	child_memory_exit(child);
	if (child->vm >= 0)
		close(child->vm);
	free(child->cpuid_results.list);
	free(child->intercepts);
	free(child->deposited);
	free(child);
}

/* An older hypervisor takes only bits that have a name. */
static bool names_unknown_features(const struct hv_partition_creation_properties *without)
{
	const union hv_partition_processor_features cpu = without->disabled_processor_features;

	return cpu.reserved_bank0 || cpu.reserved_bank1 ||
	       without->disabled_processor_xsave_features.as_uint64 & ~HV_XSAVE_FEATURES_NAMED;
}

u16 child_create(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_create_partition *input = call->in;
	const struct hv_partition_creation_properties *without =
		&input->partition_creation_properties;
	struct hv_output_create_partition *output = call->out;
	struct child **children;
	struct child *child;
	int ret;

	if (input->padding)
		log_violation(call->vp->index, "padding of a new partition is not zero");
	if (input->flags & ~(u64)CHILD_FLAGS || input->isolation_properties.as_uint64)
		return HV_STATUS_INVALID_PARAMETER;
	if (partition->options->strict_features && names_unknown_features(without))
		return HV_STATUS_INVALID_PARAMETER;
	children = reallocarray(partition->children, partition->nr_children + 1,
				sizeof(struct child *));
	if (!children)
		return HV_STATUS_NO_RESOURCES;
	partition->children = children;

	child = calloc(1, sizeof(*child));
	if (!child)
		return HV_STATUS_NO_RESOURCES;
	child->parent = partition;
	child->flags = input->flags;
	child->per_socket = 1;
	child->physical_bits = partition->physical_bits;
	child->cpu_cap = CPU_ALL;
	child->cpu_weight = CPU_WEIGHT_DEFAULT;
	child->disabled.cpu = without->disabled_processor_features;
	child->disabled.xsave = without->disabled_processor_xsave_features;
	child_cpuid_processor(child);
	child->vm = -1;
	ret = child_make_vm(child);
	if (!ret)
		ret = child_memory_init(child);
	if (!ret)
		ret = child_msr_init(child);
	if (ret) {
		log_event(call->vp->index, "child-fails", "error=\"%s\"", strerror(-ret));
		child_free(child);
		return HV_STATUS_NO_RESOURCES;
	}

	/* An id is not used again: who holds on to an old one is told so. */
	child->id = partition->last_child ? partition->last_child + 1 : CHILD_FIRST_ID;
	child->time_offset = -log_time();
	partition->last_child = child->id;
	partition->children[partition->nr_children++] = child;
	output->partition_id = child->id;
	log_event(call->vp->index, "child", "id=0x%llx created=yes flags=0x%llx",
		  (unsigned long long)child->id, (unsigned long long)child->flags);
	return HV_STATUS_SUCCESS;
}

u16 child_initialize(struct hypercall *call)
{
	const struct hv_input_initialize_partition *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (child->state != CHILD_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (!child_use(child, CHILD_PAGES_INITIALIZED))
		return HV_STATUS_INSUFFICIENT_MEMORY;
	child->state = CHILD_INITIALIZED;
	return HV_STATUS_SUCCESS;
}

u16 child_finalize(struct hypercall *call)
{
	const struct hv_input_finalize_partition *input = call->in;
	struct partition *partition = call->vp->partition;
	struct child *child = child_find(partition, input->partition_id);
	char why[128];
	u32 i;

	if (!child) {
		log_violation(call->vp->index, "partition 0x%llx is finalized and is not there",
			      (unsigned long long)input->partition_id);
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	if (child->state != CHILD_INITIALIZED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	/* Another VP of the parent's is at it, and will still need the child. */
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] && child->vps[i]->dying)
			return HV_STATUS_INVALID_PARTITION_STATE;

	/* Its parent frees the pages next, and must have taken them back. */
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i] &&
		    (child->vps[i]->register_gpfn != ~0ULL ||
		     child->vps[i]->intercept_gpfn != ~0ULL))
			log_violation(call->vp->index,
				      "VP %u of 0x%llx goes with a state page mapped",
				      i, (unsigned long long)child->id);
	if (stats_are_mapped_of(partition, child->id, why, sizeof(why)))
		log_violation(call->vp->index, "0x%llx goes with %s",
			      (unsigned long long)child->id, why);

	/* Nobody adds a VP, takes one away or frees the child while they stop. */
	child->state = CHILD_FINALIZING;
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (child->vps[i])
			child_vp_destroy(child->vps[i]);
	child->state = CHILD_FINALIZED;
	child_memory_exit(child);
	ports_close(partition, child);
	child_sched_forget(child);
	child->nr_used = 0;
	log_event(call->vp->index, "child", "id=0x%llx finalized=yes",
		  (unsigned long long)child->id);
	return HV_STATUS_SUCCESS;
}

u16 child_delete(struct hypercall *call)
{
	struct partition *partition = call->vp->partition;
	const struct hv_input_delete_partition *input = call->in;
	struct child *child = child_find(partition, input->partition_id);
	unsigned int i;

	if (!child) {
		log_violation(call->vp->index, "partition 0x%llx is deleted and is not there",
			      (unsigned long long)input->partition_id);
		return HV_STATUS_INVALID_PARTITION_ID;
	}
	if (child->state == CHILD_INITIALIZED || child->state == CHILD_FINALIZING) {
		log_violation(call->vp->index, "partition 0x%llx is deleted and was not finalized",
			      (unsigned long long)child->id);
		return HV_STATUS_INVALID_PARTITION_STATE;
	}
	if (child->nr_deposited) {
		log_violation(call->vp->index,
			      "partition 0x%llx is deleted with %u pages that were deposited: leaked",
			      (unsigned long long)child->id, child->nr_deposited);
		return HV_STATUS_OPERATION_DENIED;
	}

	log_event(call->vp->index, "child", "id=0x%llx created=no", (unsigned long long)child->id);
	for (i = 0; partition->children[i] != child; i++)
		;
	partition->children[i] = partition->children[--partition->nr_children];
	if (!partition->nr_children) {
		free(partition->children);
		partition->children = NULL;
	}
	child_free(child);
	return HV_STATUS_SUCCESS;
}

unsigned int child_pages_out(const struct child *child)
{
	/* State pages where hvemu places them; it has taken two for each VP at most. */
	return 2 * child->nr_vps;
}

/*
 * Whatever is not in use goes back, zeroed (WDK, HvWithdrawMemory). The end of it is
 * NO_RESOURCES: that is how the parent knows.
 */
u16 child_withdraw_memory(struct hypercall *call)
{
	const struct hv_input_withdraw_memory *input = call->in;
	struct hv_output_withdraw_memory *output = call->out;
	struct partition *partition = call->vp->partition;
	struct child *child = child_find(partition, input->partition_id);
	u64 gpfn;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	while (call->reps_done < call->rep_count) {
		if (child->nr_deposited == child->nr_used)
			return HV_STATUS_NO_RESOURCES;
		gpfn = child->deposited[--child->nr_deposited];
		memset(partition_page(partition, gpfn), 0, HV_HYP_PAGE_SIZE);
		output->gpa_page_list[call->reps_done++] = gpfn;
	}
	return HV_STATUS_SUCCESS;
}

/* How much of it counts depends on the type. */
static u64 intercept_parameter(const struct hv_input_install_intercept *input)
{
	switch (input->intercept_type) {
	case HV_INTERCEPT_TYPE_X64_IO_PORT:
		return input->parameter.io_port;
	case HV_INTERCEPT_TYPE_X64_CPUID:
		return input->parameter.cpuid_index;
	case HV_INTERCEPT_TYPE_X64_MSR_INDEX:
		return input->parameter.msr_index;
	case HV_INTERCEPT_TYPE_EXCEPTION:
		return input->parameter.exception_vector;
	default:
		return 0;
	}
}

/* Have all VPs see what their parent wants now. The lock is let go meanwhile. */
static int apply_intercepts(struct child *child)
{
	struct child_vp *pulled[CHILD_VPS_MAX] = { };
	int ret;
	u32 i;

	/* One that comes while another is waited for must not be missed. */
	for (i = 0; i < CHILD_VPS_MAX; i++) {
		if (!child->vps[i] || pulled[i])
			continue;
		pulled[i] = child->vps[i];
		child_vp_pull(pulled[i]);
		i = -1;
	}
	ret = child_filter_msrs(child);
	for (i = 0; i < CHILD_VPS_MAX; i++)
		if (pulled[i])
			child_vp_release(pulled[i]);
	return ret;
}

u16 child_install_intercept(struct hypercall *call)
{
	const struct hv_input_install_intercept *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	struct child_intercept *list;
	unsigned int i;
	u64 parameter;
	u32 was;
	int ret;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	switch (input->intercept_type) {
	case HV_INTERCEPT_TYPE_X64_IO_PORT:
	case HV_INTERCEPT_TYPE_X64_MSR:
	case HV_INTERCEPT_TYPE_X64_CPUID:
	case HV_INTERCEPT_TYPE_X64_MSR_INDEX:
	case HV_INTERCEPT_TYPE_HYPERCALL:
	case HV_INTERCEPT_TYPE_UNKNOWN_SYNIC_CONNECTION:
	case HV_INTERCEPT_TYPE_RETARGET_UNKNOWN_DEVICE:
		break;
	case HV_INTERCEPT_TYPE_EXCEPTION:
		/* KVM hands on no other; see the README. */
		if (input->parameter.exception_vector == DB_VECTOR ||
		    input->parameter.exception_vector == BP_VECTOR)
			break;
		return HV_STATUS_OPERATION_DENIED;
	default:
		return HV_STATUS_INVALID_PARAMETER;
	}

	parameter = intercept_parameter(input);
	for (i = 0; i < child->nr_intercepts; i++)
		if (child->intercepts[i].type == input->intercept_type &&
		    child->intercepts[i].parameter == parameter)
			break;
	was = i < child->nr_intercepts ? child->intercepts[i].access : 0;
	if (i == child->nr_intercepts) {
		list = reallocarray(child->intercepts, i + 1, sizeof(*list));
		if (!list)
			return HV_STATUS_NO_RESOURCES;
		child->intercepts = list;
		child->nr_intercepts++;
	}
	child->intercepts[i] = (struct child_intercept) {
		.type = input->intercept_type,
		.access = input->access_type,
		.parameter = parameter,
	};
	ret = apply_intercepts(child);
	if (!ret)
		return HV_STATUS_SUCCESS;
	/* As before: nobody is told of it, and KVM has the filter that it took last. */
	child->intercepts[i].access = was;
	return ret == -ENOSPC ? HV_STATUS_NO_RESOURCES : HV_STATUS_OPERATION_DENIED;
}

bool child_wants(const struct child *child, u32 type, u32 access, u64 parameter)
{
	const struct child_intercept *wanted;

	for (wanted = child->intercepts; wanted < child->intercepts + child->nr_intercepts;
	     wanted++)
		if (wanted->type == type && wanted->access & access &&
		    wanted->parameter == parameter)
			return true;
	return false;
}

/*
 * TLFS, "Partition Reference Time Enlightenment": the page and the counter are the same
 * time. By two clocks they would drift apart, and timers would come too early.
 */
u64 child_time(const struct child *child)
{
	if (child->time_frozen)
		return child->time_offset;
	if (child->by_tsc.scale)
		return msr_reference_time(&child->by_tsc,
					  __builtin_ia32_rdtsc() + child->tsc_ahead);
	return log_time() + child->time_offset;
}

void child_time_by_tsc(struct child *child, u64 ahead)
{
	/* KVM does not scale it: nobody has asked for that. */
	u64 tsc = __builtin_ia32_rdtsc() + ahead, now = child_time(child);

	if (child->time_frozen)
		return;
	child->tsc_ahead = ahead;
	child->by_tsc = msr_reference_tsc(child->parent->tsc_hz, tsc, now);
}

void child_time_by_clock(struct child *child)
{
	u64 clock = log_time(), now = child_time(child);

	if (child->time_frozen)
		return;
	child->by_tsc = (struct reference_tsc) { };
	child->time_offset = now - clock;
}

u16 child_property_get(struct child *child, u32 code, u64 *value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS:
		/* EAX and EBX of its CPUID. */
		*value = child_cpuid_features(child->synthetic_features);
		break;
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		*value = child->synthetic_features;
		break;
	case HV_PARTITION_PROPERTY_CPU_RESERVE:
		*value = child->cpu_reserve;
		break;
	case HV_PARTITION_PROPERTY_CPU_CAP:
		*value = child->cpu_cap;
		break;
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
		*value = child->cpu_weight;
		break;
	case HV_PARTITION_PROPERTY_CPU_GROUP_ID:
		*value = 0;
		break;
	case HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET:
		*value = child->per_socket;
		break;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		*value = child->time_frozen;
		break;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		*value = child_time(child);
		break;
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		*value = child->tracks_access;
		break;
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		*value = child->ignores_msrs;
		break;
	case HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH:
		*value = child->physical_bits;
		break;
	case HV_PARTITION_PROPERTY_GUEST_OS_ID:
		*value = child_msr_guest_os_id(child);
		break;
	default:
		return property_of_processor(child->parent, &child->processor, code, value);
	}
	return HV_STATUS_SUCCESS;
}

static void child_freeze_time(struct child *child, bool freeze)
{
	u64 now = child_time(child);

	if (child->time_frozen == freeze)
		return;
	child->time_frozen = freeze;
	child->by_tsc = (struct reference_tsc) { };
	child->time_offset = freeze ? now : now - log_time();
	/* Synthetic timers go by it. */
	child_irq_wake_within(0);
}

u64 child_assignable_features(void)
{
	/*
	 * What VMMs assign: QEMU 11.1 (accel/mshv), mshv-ioctls of rust-vmm, and with
	 * it Cloud Hypervisor (make_default_synthetic_features_mask()), and OpenVMM
	 * (common_synthetic_features() of vmm_core/virt_mshv), which asks nobody what
	 * can be assigned.
	 */
	const union hv_partition_synthetic_processor_features features = {
		.hypervisor_present = 1,
		.hv1 = 1,
		.access_vp_run_time_reg = 1,
		.access_partition_reference_counter = 1,
		.access_synic_regs = 1,
		.access_synthetic_timer_regs = 1,
		.access_intr_ctrl_regs = 1,
		.access_hypercall_regs = 1,
		.access_vp_index = 1,
		.access_partition_reference_tsc = 1,
		.access_guest_idle_reg = 1,
		.access_frequency_regs = 1,
		.enable_extended_gva_ranges_for_flush_virtual_address_list = 1,
		.fast_hypercall_output = 1,
		.direct_synthetic_timers = 1,
		.extended_processor_masks = 1,
		.tb_flush_hypercalls = 1,
		.synthetic_cluster_ipi = 1,
		.notify_long_spin_wait = 1,
		.query_numa_distance = 1,
		.signal_events = 1,
		.retarget_device_interrupt = 1,
	};

	return features.as_uint64[0] | HV_SYNTHETIC_FEATURE_ACCESS_VP_REGS |
	       HV_SYNTHETIC_FEATURE_FLUSH_GPA_SPACE;
}

static u16 set_per_socket(struct child *child, u64 value)
{
	u32 before = child->per_socket;

	if (!value || value > CHILD_VPS_MAX)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	if (value == before)
		return HV_STATUS_SUCCESS;
	if (child_has_run(child))
		return HV_STATUS_INVALID_PARTITION_STATE;
	child->per_socket = value;
	if (!child_cpuid_init_all(child))
		return HV_STATUS_SUCCESS;
	child->per_socket = before;
	child_cpuid_init_all(child);
	return HV_STATUS_NO_RESOURCES;
}

/* Hypervisor documentation: a reserve cannot be greater than the cap. */
static u16 set_cpu(u64 *where, u64 value, u64 min, u64 max)
{
	if (value < min || value > max)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	*where = value;
	return HV_STATUS_SUCCESS;
}

/* TLFS, HV_PARTITION_PROPERTY_CODE: before the partition is initialized. */
static u16 set_physical_bits(struct child *child, u64 value)
{
	if (child->state != CHILD_CREATED)
		return HV_STATUS_INVALID_PARTITION_STATE;
	if (value < PHYSICAL_BITS_MIN || value > child->parent->physical_bits)
		return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
	child->physical_bits = value;
	return HV_STATUS_SUCCESS;
}

static u16 child_set(struct child *child, u32 code, u64 value)
{
	switch (code) {
	case HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS:
		/* An L1VH grants none. */
		if (child->state != CHILD_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		return value ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES:
		if (child->state != CHILD_CREATED)
			return HV_STATUS_INVALID_PARTITION_STATE;
		if (value & ~child_assignable_features())
			return HV_STATUS_INVALID_PARAMETER;
		child->synthetic_features = value;
		break;
	case HV_PARTITION_PROPERTY_TIME_FREEZE:
		child_freeze_time(child, value);
		child_msr_retime(child);
		break;
	case HV_PARTITION_PROPERTY_REFERENCE_TIME:
		/* OpenVMM, pull request 3313 */
		if (!child->time_frozen)
			return HV_STATUS_INVALID_PARTITION_STATE;
		child->time_offset = value;
		child_msr_retime(child);
		break;
	case HV_PARTITION_PROPERTY_CPU_RESERVE:
		return set_cpu(&child->cpu_reserve, value, 0, child->cpu_cap);
	case HV_PARTITION_PROPERTY_CPU_CAP:
		return set_cpu(&child->cpu_cap, value, child->cpu_reserve, CPU_ALL);
	case HV_PARTITION_PROPERTY_CPU_WEIGHT:
		return set_cpu(&child->cpu_weight, value, 1, CPU_WEIGHT_MAX);
	case HV_PARTITION_PROPERTY_CPU_GROUP_ID:
		/* No other is made: that takes hypercalls which nobody here makes. */
		return value ? HV_STATUS_INVALID_CPU_GROUP_ID : HV_STATUS_SUCCESS;
	case HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET:
		return set_per_socket(child, value);
	case HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH:
		return set_physical_bits(child, value);
	case HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING:
		if (!child_memory_track(child, value))
			return HV_STATUS_OPERATION_DENIED;
		break;
	case HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION:
		if (value > 1)
			return HV_STATUS_INVALID_PARAMETER;
		child->ignores_msrs = value;
		break;
	default:
		return HV_STATUS_UNKNOWN_PROPERTY;
	}
	return HV_STATUS_SUCCESS;
}

/*
 * With --slow-properties the answer comes later, as a message. What it says is
 * what the call would have said.
 */
u16 child_property_set(struct hypercall *call)
{
	const struct hv_input_set_partition_property *input = call->in;
	struct child *child = child_find(call->vp->partition, input->partition_id);
	struct hv_message message = {
		.header.message_type = HVMSG_ASYNC_CALL_COMPLETION,
		.header.payload_size = sizeof(struct hv_async_completion_message_payload),
	};
	struct hv_async_completion_message_payload *payload = (void *)message.u.payload;
	u16 status;

	if (!child)
		return HV_STATUS_INVALID_PARTITION_ID;
	status = child_set(child, input->property_code, input->property_value);
	if (!call->vp->partition->options->slow_properties)
		return status;

	message.header.sender = child->id;
	payload->partition_id = child->id;
	payload->status = status;
	payload->completion_count = 1;
	if (!child_sched_post(child, &message))
		return status;
	return HV_STATUS_CALL_PENDING;
}
