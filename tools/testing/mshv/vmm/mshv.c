// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/mshv.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/mshv.h>

#include "../hv/hv_more.h"
#include "../hv/names.h"
#include "../pc/boot.h"
#include "mshv.h"

#define DEVICE	"/dev/mshv"
#define PAGE	MSHV_HV_PAGE_SIZE

#define IGNORE_UNIMPLEMENTED_MSRS	1

/* The order of registers in hypercalls: that of instructions. */
#define GPR_RSI		6
#define SEGMENT_ES	0
#define SEGMENT_CS	1
#define SEGMENT_SS	2
#define SEGMENT_DS	3

int vmm_say(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* At once: several threads may have something to say. */
	fprintf(stderr, "vmm: %s\n", text);
	return -1;
}

/* One that fails says so, unless it is made to see whether it does. */
static int try_hypercall(int fd, struct mshv_root_hvcall *call, const void *input,
			 void *output)
{
	call->in_ptr = (uintptr_t)input;
	call->out_ptr = (uintptr_t)output;
	return ioctl(fd, MSHV_ROOT_HVCALL, call);
}

static int hypercall(int fd, struct mshv_root_hvcall *call, const void *input,
		     void *output)
{
	if (!try_hypercall(fd, call, input, output))
		return 0;
	return vmm_say("%s fails: %s (%s)", name_of(hypercall_names, call->code),
			strerror(errno), call->status ?
			status_name(call->status) : "not made");
}

static int set_property(struct mshv *mshv, u32 property, u64 value)
{
	const struct hv_input_set_partition_property input = {
		.property_code = property,
		.property_value = value,
	};
	struct mshv_root_hvcall call = {
		.code = HVCALL_SET_PARTITION_PROPERTY,
		.in_sz = sizeof(input),
	};

	if (hypercall(mshv->partition, &call, &input, NULL))
		return vmm_say("property %s cannot be set to 0x%llx",
				name_of(property_names, property),
				(unsigned long long)value);
	return 0;
}

/* What the hypervisor lets us give to a child. All, if it cannot be asked. */
static u64 assignable_features(struct mshv *mshv)
{
	const struct hv_input_get_partition_property_ex input = {
		.property_code = HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES,
	};
	struct {
		u64 banks;
		u64 features;
	} output = { };
	struct mshv_root_hvcall call = {
		.code = HVCALL_GET_PARTITION_PROPERTY_EX,
		.in_sz = sizeof(input),
		.out_sz = sizeof(output),
	};

	if (try_hypercall(mshv->device, &call, &input, &output))
		return ~0ULL;
	return output.features;
}

/*
 * What the guest sees of the hypervisor: its clocks, timers, interrupts, and calls to
 * reach other processors. Without the frequencies Linux measures them, with a timer that
 * is not there.
 */
static int set_features(struct mshv *mshv)
{
	union hv_partition_synthetic_processor_features features = {
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
		.direct_synthetic_timers = 1,
		.extended_processor_masks = 1,
		.tb_flush_hypercalls = 1,
		.synthetic_cluster_ipi = 1,
		.notify_long_spin_wait = 1,
	};
	u64 assignable = assignable_features(mshv);

	if (features.as_uint64[0] & ~assignable)
		vmm_say("the guest may lack clocks: the hypervisor does not grant features 0x%llx",
			(unsigned long long)(features.as_uint64[0] & ~assignable));
	return set_property(mshv, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
			    features.as_uint64[0] & assignable);
}

int mshv_create(struct mshv *mshv, bool x2apic)
{
	const struct mshv_create_partition create = {
		.pt_flags = BIT_ULL(MSHV_PT_BIT_LAPIC) |
			    (x2apic ? BIT_ULL(MSHV_PT_BIT_X2APIC) : 0),
		.pt_isolation = MSHV_PT_ISOLATION_NONE,
	};

	mshv->partition = -1;
	mshv->device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (mshv->device < 0)
		return vmm_say(DEVICE ": %s", strerror(errno));
	mshv->partition = ioctl(mshv->device, MSHV_CREATE_PARTITION, &create);
	if (mshv->partition < 0)
		return vmm_say("no partition can be created: %s", strerror(errno));
	if (set_features(mshv))
		return -1;
	if (ioctl(mshv->partition, MSHV_INITIALIZE_PARTITION))
		return vmm_say("the partition cannot be initialized: %s", strerror(errno));
	/* Linux reads some MSRs without asking whether they are there. */
	return set_property(mshv, HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
			    IGNORE_UNIMPLEMENTED_MSRS);
}

int mshv_add_memory(struct mshv *mshv, u64 gpa, u64 size, void *memory)
{
	const struct mshv_user_mem_region region = {
		.size = size,
		.guest_pfn = gpa / PAGE,
		.userspace_addr = (uintptr_t)memory,
		.flags = BIT(MSHV_SET_MEM_BIT_WRITABLE) | BIT(MSHV_SET_MEM_BIT_EXECUTABLE),
	};

	if (ioctl(mshv->partition, MSHV_SET_GUEST_MEMORY, &region))
		return vmm_say("the partition does not get its memory: %s", strerror(errno));
	return 0;
}

static void *map_page(struct mshv_vp *vp, unsigned int which, int protection)
{
	void *page = mmap(NULL, PAGE, protection, MAP_SHARED, vp->fd, which * PAGE);

	return page == MAP_FAILED ? NULL : page;
}

int mshv_create_vp(struct mshv *mshv, struct mshv_vp *vp, u32 index)
{
	const struct mshv_create_vp create = { .vp_index = index };

	*vp = (struct mshv_vp) { .index = index };
	vp->fd = ioctl(mshv->partition, MSHV_CREATE_VP, &create);
	if (vp->fd < 0)
		return vmm_say("VP %u cannot be created: %s", index, strerror(errno));
	vp->regs = map_page(vp, MSHV_VP_MMAP_OFFSET_REGISTERS, PROT_READ | PROT_WRITE);
	vp->message = map_page(vp, MSHV_VP_MMAP_OFFSET_INTERCEPT_MESSAGE, PROT_READ);
	if (!vp->regs || !vp->message)
		return vmm_say("the pages of VP %u cannot be mapped: %s", index,
				strerror(errno));
	vp->run = map_page(vp, MSHV_VP_MMAP_OFFSET_RUN, PROT_READ | PROT_WRITE);
	if (!vp->run && errno != EINVAL)
		return vmm_say("the run page of VP %u cannot be mapped: %s", index,
				strerror(errno));
	return 0;
}

static struct hv_register_assoc segment(u32 name, const struct kvm_segment *from)
{
	return (struct hv_register_assoc) {
		.name = name,
		.value.segment = {
			.base = from->base,
			.limit = from->limit,
			.selector = from->selector,
			.segment_type = from->type,
			.non_system_segment = from->s,
			.descriptor_privilege_level = from->dpl,
			.present = from->present,
			.available = from->avl,
			._long = from->l,
			._default = from->db,
			.granularity = from->g,
		},
	};
}

static struct hv_register_assoc number(u32 name, u64 value)
{
	return (struct hv_register_assoc) { .name = name, .value.reg64 = value };
}

int mshv_set_start(struct mshv_vp *vp, const struct boot *boot)
{
	/* Not the 16-bit one that a reset leaves: not legal in 64-bit mode. */
	const struct kvm_segment task = { .limit = 0xffff, .type = 0xb, .present = 1 };
	struct kvm_sregs sregs = { };
	struct kvm_regs regs;
	struct {
		struct hv_input_set_vp_registers head;
		struct hv_register_assoc elements[13];
	} __packed input = {
		.head.vp_index = vp->index,
	};
	struct mshv_root_hvcall call = {
		.code = HVCALL_SET_VP_REGISTERS,
		.reps = ARRAY_SIZE(input.elements),
		.in_sz = sizeof(input),
	};
	struct hv_register_assoc *next = input.elements;

	boot_registers(boot, &regs, &sregs);
	*next++ = number(HV_X64_REGISTER_RAX + GPR_RSI, regs.rsi);
	*next++ = number(HV_X64_REGISTER_RIP, regs.rip);
	*next++ = number(HV_X64_REGISTER_RFLAGS, regs.rflags);
	*next++ = segment(HV_X64_REGISTER_ES + SEGMENT_ES, &sregs.es);
	*next++ = segment(HV_X64_REGISTER_ES + SEGMENT_CS, &sregs.cs);
	*next++ = segment(HV_X64_REGISTER_ES + SEGMENT_SS, &sregs.ss);
	*next++ = segment(HV_X64_REGISTER_ES + SEGMENT_DS, &sregs.ds);
	*next++ = segment(HV_X64_REGISTER_TR, &task);
	*next++ = (struct hv_register_assoc) {
		.name = HV_X64_REGISTER_GDTR,
		.value.table = { .base = sregs.gdt.base, .limit = sregs.gdt.limit },
	};
	*next++ = number(HV_X64_REGISTER_CR0, sregs.cr0);
	*next++ = number(HV_X64_REGISTER_CR3, sregs.cr3);
	*next++ = number(HV_X64_REGISTER_CR4, sregs.cr4);
	*next++ = number(HV_X64_REGISTER_EFER, sregs.efer);
	return hypercall(vp->fd, &call, &input, NULL);
}

int mshv_run(struct mshv_vp *vp)
{
	struct mshv_run_vp run;
	int ret;

	/* What it copies is what is in the intercept page. */
	ret = ioctl(vp->fd, MSHV_RUN_VP, &run) ? -errno : 0;
	/* Before the caller looks what it was kicked for. */
	if (ret == -EINTR && vp->run)
		__atomic_store_n(&vp->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	return ret;
}

void mshv_kick(struct mshv_vp *vp)
{
	if (vp->run)
		__atomic_store_n(&vp->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

int mshv_translate(struct mshv_vp *vp, u64 linear, bool write, u64 *gpa)
{
	const struct hv_input_translate_virtual_address input = {
		.vp_index = vp->index,
		.control_flags = write ? HV_TRANSLATE_GVA_VALIDATE_WRITE :
					 HV_TRANSLATE_GVA_VALIDATE_READ,
		.gva_page = linear / PAGE,
	};
	struct hv_output_translate_virtual_address output = { };
	struct mshv_root_hvcall call = {
		.code = HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		.in_sz = sizeof(input),
		.out_sz = sizeof(output),
	};

	if (hypercall(vp->fd, &call, &input, &output) ||
	    output.result_code != HV_TRANSLATE_GVA_SUCCESS)
		return -1;
	*gpa = output.gpa_page * PAGE + linear % PAGE;
	return 0;
}

void mshv_close_vp(struct mshv_vp *vp)
{
	if (vp->regs)
		munmap(vp->regs, PAGE);
	if (vp->message)
		munmap((void *)vp->message, PAGE);
	if (vp->run)
		munmap(vp->run, PAGE);
	if (vp->fd >= 0)
		close(vp->fd);
}

void mshv_close(struct mshv *mshv)
{
	if (mshv->partition >= 0)
		close(mshv->partition);
	if (mshv->device >= 0)
		close(mshv->device);
}
