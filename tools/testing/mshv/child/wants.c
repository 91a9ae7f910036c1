// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the parent wants to be told of.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/msr.h"
#include "../hv/partition.h"
#include "child.h"
#include "vp.h"
#include "wants.h"

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
int child_filter_msrs(struct child *child)
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
