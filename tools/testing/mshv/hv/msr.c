// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synthetic MSRs, but for those of the SynIC.
 */

#include <stdio.h>
#include <string.h>

#include <hyperv/hvhdk.h>

#include "hv_more.h"
#include "log.h"
#include "msr.h"
#include "names.h"
#include "options.h"
#include "partition.h"
#include "synic.h"
#include "synic_state.h"

/* KVM's local APIC timer counts nanoseconds. */
#define APIC_HZ		1000000000ULL

static void *msr_page(struct partition *partition, u64 value)
{
	return partition_memory(partition, value & ~(HV_HYP_PAGE_SIZE - 1ULL),
				HV_HYP_PAGE_SIZE);
}

void msr_fill_code(void *page, const u8 *code, size_t size)
{
	memset(page, 0xcc, HV_HYP_PAGE_SIZE);
	memcpy(page, code, size);
}

u64 msr_reference_time(const struct reference_tsc *reference, u64 tsc)
{
	return (u64)(((__int128)tsc * reference->scale) >> 64) + reference->offset;
}

struct reference_tsc msr_reference_tsc(u64 tsc_hz, u64 tsc, u64 time)
{
	struct reference_tsc reference = {
		.scale = ((__int128)HV_REFERENCE_TIME_HZ << 64) / tsc_hz,
	};

	reference.offset = time - msr_reference_time(&reference, tsc);
	return reference;
}

u32 msr_fill_reference_tsc(struct ms_hyperv_tsc_page *page, u32 sequence,
			   const struct reference_tsc *reference)
{
	sequence++;
	/* kvm_hv_setup_tsc_page() leaves out ~0, too, and tests of guests look for that. */
	if (sequence == 0 || sequence == ~0U)
		sequence = 1;
	/* 0 says that the page is not to be used: nobody does while it changes. */
	__atomic_store_n(&page->tsc_sequence, 0, __ATOMIC_SEQ_CST);
	page->tsc_scale = reference->scale;
	page->tsc_offset = reference->offset;
	__atomic_store_n(&page->tsc_sequence, sequence, __ATOMIC_RELEASE);
	return sequence;
}

/*
 * The code that makes a hypercall: not VMCALL, which KVM would take for its
 * own, but a write to a port, which KVM hands on. It changes no register that
 * the caller may rely on.
 */
static void write_hypercall_page(void *page)
{
	static const u8 code[] = {
		0xe6, HVEMU_PORT_HYPERCALL,	/* out %al, $port */
		0xc3,				/* ret */
	};

	msr_fill_code(page, code, sizeof(code));
}

/* What a hypervisor forgets in a hibernation, which a test asks for. */
static void hibernate(struct partition *partition)
{
	u32 i;

	partition->hibernates = false;
	log_event(LOG_NO_VP, "hibernation", "vps=%u", partition->nr_vps);
	for (i = 0; i < partition->nr_vps; i++)
		synic_reset(&partition->vps[i].synic);
}

static bool write_hypercall(struct vp *vp, u64 value)
{
	union hv_x64_msr_hypercall_contents msr = { .as_uint64 = value };
	struct partition *partition = vp->partition;
	void *page;

	if (msr.enable) {
		/* TLFS: the page is not enabled before the guest has a name. */
		if (!partition->guest_os_id) {
			log_violation(vp->index, "hypercall page enabled without a guest OS id");
			msr.enable = 0;
			partition->hypercall_msr = msr.as_uint64;
			return true;
		}
		/* A root partition's page is the hypervisor's, and stays. */
		if (partition->options->root)
			msr.guest_physical_address =
				partition->reserved_gpa >> HV_HYP_PAGE_SHIFT;
		page = msr_page(partition, msr.as_uint64);
		if (!page) {
			log_violation(vp->index, "hypercall page 0x%llx is not memory",
				      (unsigned long long)msr.guest_physical_address);
			return false;
		}
		write_hypercall_page(page);
	} else if (partition->hibernates) {
		hibernate(partition);
	}
	partition->hypercall_msr = msr.as_uint64;
	return true;
}

/* After its hypercall page, in the reserved memory. */
static u64 root_tsc_page(const struct partition *partition)
{
	return partition->reserved_gpa + HV_HYP_PAGE_SIZE;
}

static bool write_reference_tsc(struct vp *vp, u64 value)
{
	struct partition *partition = vp->partition;
	union hv_reference_tsc_msr msr = { .as_uint64 = value };
	struct reference_tsc reference;
	struct ms_hyperv_tsc_page *page;

	/* A root partition's page is the hypervisor's, and stays. */
	if (partition->options->root)
		msr.pfn = root_tsc_page(partition) >> HV_HYP_PAGE_SHIFT;
	page = msr.enable ? msr_page(partition, msr.as_uint64) : NULL;
	if (msr.enable && !page) {
		log_violation(vp->index, "reference TSC page 0x%llx is not memory",
			      (unsigned long long)msr.pfn);
		return false;
	}

	partition->reference_tsc_msr = msr.as_uint64;
	if (!msr.enable)
		return true;

	/* The guest's TSC was 0 when its time was: start_clocks(). */
	reference = msr_reference_tsc(partition->tsc_hz, 0, 0);
	msr_fill_reference_tsc(page, page->tsc_sequence, &reference);
	return true;
}

static bool write_crash_ctl(struct vp *vp, u64 value)
{
	struct partition *partition = vp->partition;
	const u64 *crash = partition->crash;
	const char *text;

	if (!(value & HV_CRASH_CTL_CRASH_NOTIFY))
		return true;

	partition->crashed = true;
	log_event(vp->index, "crash", "p0=0x%llx p1=0x%llx p2=0x%llx p3=0x%llx p4=0x%llx",
		  (unsigned long long)crash[0], (unsigned long long)crash[1],
		  (unsigned long long)crash[2], (unsigned long long)crash[3],
		  (unsigned long long)crash[4]);
	if (value & HV_CRASH_CTL_CRASH_NOTIFY_MSG) {
		text = partition_memory(partition, crash[3], crash[4]);
		if (text)
			fwrite(text, 1, strnlen(text, crash[4]), stderr);
	}
	return true;
}

/* Whether the partition has been granted what an MSR belongs to. */
static bool granted(struct partition *partition, u32 msr)
{
	u32 features = partition_features(partition);

	switch (msr) {
	case HV_X64_MSR_TIME_REF_COUNT:
		return features & HV_MSR_TIME_REF_COUNT_AVAILABLE;
	case HV_X64_MSR_REFERENCE_TSC:
		return features & HV_MSR_REFERENCE_TSC_AVAILABLE;
	case HV_X64_MSR_TSC_FREQUENCY:
	case HV_X64_MSR_APIC_FREQUENCY:
		return features & HV_ACCESS_FREQUENCY_MSRS;
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		return features & HV_ACCESS_TSC_INVARIANT;
	default:
		return true;
	}
}

static bool read_one(struct vp *vp, u32 msr, u64 *value)
{
	struct partition *partition = vp->partition;

	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
		*value = partition->guest_os_id;
		return true;
	case HV_X64_MSR_HYPERCALL:
		*value = partition->hypercall_msr;
		/* A root partition looks where the page is before it enables it. */
		if (partition->options->root)
			*value |= partition->reserved_gpa;
		return true;
	case HV_X64_MSR_VP_INDEX:
		*value = vp->index;
		return true;
	case HV_X64_MSR_TIME_REF_COUNT:
		*value = log_time();
		return true;
	case HV_X64_MSR_REFERENCE_TSC:
		*value = partition->reference_tsc_msr;
		if (partition->options->root)
			*value |= root_tsc_page(partition);
		return true;
	case HV_X64_MSR_TSC_FREQUENCY:
		*value = partition->tsc_hz;
		return true;
	case HV_X64_MSR_APIC_FREQUENCY:
		*value = APIC_HZ;
		return true;
	case HV_X64_MSR_VP_ASSIST_PAGE:
		*value = vp->vp_assist;
		return true;
	case HV_X64_MSR_CRASH_P0 ... HV_X64_MSR_CRASH_P4:
		*value = partition->crash[msr - HV_X64_MSR_CRASH_P0];
		return true;
	case HV_X64_MSR_CRASH_CTL:
		*value = HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG;
		return true;
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		*value = partition->tsc_invariant;
		return true;
	default:
		return synic_read(vp, msr, value);
	}
}

static bool write_one(struct vp *vp, u32 msr, u64 value)
{
	struct partition *partition = vp->partition;

	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
		partition->guest_os_id = value;
		if (!value)
			partition->hypercall_msr &= ~(u64)HV_X64_MSR_HYPERCALL_ENABLE;
		return true;
	case HV_X64_MSR_HYPERCALL:
		return write_hypercall(vp, value);
	case HV_X64_MSR_REFERENCE_TSC:
		return write_reference_tsc(vp, value);
	case HV_X64_MSR_VP_ASSIST_PAGE:
		if ((value & HV_X64_MSR_VP_ASSIST_PAGE_ENABLE) &&
		    !msr_page(partition, value)) {
			log_violation(vp->index, "VP assist page is not memory");
			return false;
		}
		/* A VP that comes online anew reads its rings from the start. */
		if (!(value & HV_X64_MSR_VP_ASSIST_PAGE_ENABLE))
			memset(vp->synic.ring_head, 0, sizeof(vp->synic.ring_head));
		vp->vp_assist = value;
		return true;
	case HV_X64_MSR_CRASH_P0 ... HV_X64_MSR_CRASH_P4:
		partition->crash[msr - HV_X64_MSR_CRASH_P0] = value;
		return true;
	case HV_X64_MSR_CRASH_CTL:
		return write_crash_ctl(vp, value);
	case HV_X64_MSR_TSC_INVARIANT_CONTROL:
		partition->tsc_invariant = value;
		return true;
	default:
		return synic_write(vp, msr, value);
	}
}

/* A clock is read too often to log it each time. */
static bool is_clock(u32 msr)
{
	return msr == HV_X64_MSR_TIME_REF_COUNT;
}

bool msr_read(struct vp *vp, u32 msr, u64 *value)
{
	bool is_there = granted(vp->partition, msr) && read_one(vp, msr, value);

	if (!is_there)
		log_violation(vp->index, "reads MSR 0x%x, which it does not have", msr);
	else if (!is_clock(msr))
		log_event(vp->index, "msr-read", "msr=0x%x name=%s value=0x%llx",
			  msr, name_of(msr_names, msr), (unsigned long long)*value);
	return is_there;
}

bool msr_write(struct vp *vp, u32 msr, u64 value)
{
	unsigned int violations = log_violations();
	bool taken;

	log_event(vp->index, "msr-write", "msr=0x%x name=%s value=0x%llx", msr,
		  name_of(msr_names, msr), (unsigned long long)value);
	taken = granted(vp->partition, msr) && write_one(vp, msr, value);
	if (!taken && violations == log_violations())
		log_violation(vp->index, "writes 0x%llx to MSR 0x%x, which does not take it",
			      (unsigned long long)value, msr);
	return taken;
}
