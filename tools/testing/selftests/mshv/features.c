// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features of processors and of the hypervisor: those that a partition is given or denied,
 * and what its guest sees of them by CPUID.
 */

#include <cpuid.h>
#include <errno.h>

#include "device_fixture.h"
#include "files_fixture.h"
#include "harness.h"
#include "vm.h"

/*
 * Features without a name: a newer hypervisor takes them, an older one refuses them, and
 * the driver hands either on. hvemu does the one, and with --strict-features the other;
 * the boot "strict" of hvboots/table.py looks for the refusal in the event log.
 */
TEST_F(device, create_v2_unknown_feature)
{
	struct mshv_create_partition_v2 args = create_v2();
	int fd;

	args.pt_cpu_fbanks[1] = BIT_ULL(63);
	fd = mshv_ioctl(self->fd, MSHV_CREATE_PARTITION, &args);
	if (fd >= 0)
		close(fd);
	EXPECT_TRUE(fd >= 0 || fd == -EINVAL)
		TH_LOG("%d", fd);
}

GUEST64(cpuid_1_ecx,
	"mov $1, %eax\n"
	"cpuid\n"
	"mov %ecx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(cpuid_7_ebx,
	"mov $7, %eax\n"
	"xor %ecx, %ecx\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

FIXTURE(features) {
	struct mshv_create_partition_v2 args;
};

/*
 * The property that names a feature, and its bit there; who reads a register of CPUID,
 * the feature's bit in that, and the bits of what needs it.
 */
FIXTURE_VARIANT(features) {
	u32 property;
	union hv_partition_processor_features cpu;
	union hv_partition_processor_xsave_features xsave;
	const struct guest *guest;
	u32 bit;
	u32 dependents;
};

FIXTURE_VARIANT_ADD(features, popcnt) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_FEATURES0,
	.cpu.pop_cnt_support = 1,
	.guest = &cpuid_1_ecx,
	.bit = bit_POPCNT,
};

FIXTURE_VARIANT_ADD(features, tsc_adjust) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_FEATURES1,
	.cpu.tsc_adjust_support = 1,
	.guest = &cpuid_7_ebx,
	.bit = BIT(1),
};

FIXTURE_VARIANT_ADD(features, xsave) {
	.property = HV_PARTITION_PROPERTY_PROCESSOR_XSAVE_FEATURES,
	.xsave.xsave_support = 1,
	.guest = &cpuid_1_ecx,
	.bit = bit_XSAVE,
	.dependents = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C,
};

FIXTURE_SETUP(features)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	self->args = create_v2();
}

FIXTURE_TEARDOWN(features)
{
}

/* What a property of a new partition says, and CPUID to its guest. */
static int look(const struct mshv_create_partition_v2 *args, u32 code,
		const struct guest *guest, u64 *property, u32 *cpuid, u16 *status)
{
	struct vm vm;
	struct vp vp;
	int ret;

	vm_start_without(&vm, args);
	ret = hv_get_property(vm.fd, code, property, status);
	if (!ret) {
		vp_start(&vm, &vp, 0);
		vp_enter(&vp, GUEST_LONG, guest);
		ret = vp_run_to_report(&vp, cpuid);
		vp_stop(&vp);
	}
	vm_stop(&vm);
	return ret;
}

/* A feature that is disabled is one that the partition and its guest do not have. */
TEST_F(features, disabled)
{
	const u64 in[] = { variant->cpu.as_uint64[0], variant->cpu.as_uint64[1],
			   variant->xsave.as_uint64 };
	const u64 bit = in[0] | in[1] | in[2];
	u64 with, without;
	u32 had, has;
	u16 status;
	int ret;

	ret = look(&self->args, variant->property, variant->guest, &with, &had, &status);
	if (hv_lacks(status))
		SKIP(return, "no features of a partition: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(!!(with & bit), !!(had & variant->bit));
	if (!(with & bit))
		SKIP(return, "this processor has no such feature");

	self->args.pt_cpu_fbanks[0] = in[0];
	self->args.pt_cpu_fbanks[1] = in[1];
	self->args.pt_disabled_xsave = in[2];
	ASSERT_EQ(0, look(&self->args, variant->property, variant->guest, &without, &has,
			  &status));
	/* There is nothing of XSAVE's without XSAVE. */
	EXPECT_EQ(in[2] ? 0 : with & ~bit, without);
	EXPECT_EQ(had & ~variant->bit, has | (had & variant->dependents));
	EXPECT_EQ(0, has & variant->dependents);
}

/* What QEMU, Cloud Hypervisor and OpenVMM all give to their guests. */
static const union hv_partition_synthetic_processor_features wanted = {
	.hypervisor_present = 1,
	.hv1 = 1,
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
	.tb_flush_hypercalls = 1,
	.synthetic_cluster_ipi = 1,
};

TEST_F(device, synthetic_features)
{
	const struct hv_input_get_partition_property_ex in = {
		.property_code = HV_PARTITION_PROPERTY_ASSIGNABLE_SYNTHETIC_PROC_FEATURES,
	};
	u64 out[2] = { }, value;
	struct vm vm;
	u16 status;
	int ret;

	ret = hv_call(self->fd, HVCALL_GET_PARTITION_PROPERTY_EX, &in, sizeof(in), out,
		      sizeof(out), &status);
	EXPECT_TRUE(ret ? hv_lacks(status) : !(wanted.as_uint64[0] & ~out[1]));

	ASSERT_EQ(0, vm_create(&vm, VM_DEFAULT));
	EXPECT_EQ(0, hv_set_property(vm.fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				     wanted.as_uint64[0], &status))
		TH_LOG("status %#x", status);
	EXPECT_EQ(0, hv_get_property(vm.fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
				     &value, NULL));
	EXPECT_EQ(wanted.as_uint64[0], value);
	close(vm.fd);
}

/* VMMs look here for what the hypervisor can do, as the kernel does by CPUID. */
TEST_F(device, synthetic_features_of_the_host)
{
	union hv_partition_synthetic_processor_features own;
	u32 eax, ebx, ecx, edx;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->fd, HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES, &value,
			      &status);
	if (hv_lacks(status))
		SKIP(return, "the host does not tell its features: status %#x", status);
	ASSERT_EQ(0, ret);
	own.as_uint64[0] = value;
	__cpuid(HYPERV_CPUID_FEATURES, eax, ebx, ecx, edx);
	EXPECT_EQ(1, 0U + own.hypervisor_present);
	EXPECT_EQ(!!(eax & HV_MSR_HYPERCALL_AVAILABLE), 0U + own.access_hypercall_regs);
	EXPECT_EQ(!!(eax & HV_MSR_VP_INDEX_AVAILABLE), 0U + own.access_vp_index);
	EXPECT_EQ(!!(eax & HV_MSR_SYNIC_AVAILABLE), 0U + own.access_synic_regs);
}

GUEST64(cpuid_features,
	"mov $" __stringify(HYPERV_CPUID_FEATURES) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* TLFS: a partition's privileges are what that leaf tells it in EAX and EBX. */
TEST_F(device, privilege_flags)
{
	struct vm vm;
	struct vp vp;
	u64 value;
	u32 seen;
	u16 status;
	int ret;

	ASSERT_EQ(0, vm_start_enlightened(&vm, wanted.as_uint64[0]));
	ret = hv_get_property(vm.fd, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "privileges cannot be read: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &cpuid_features);
	ASSERT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_EQ(seen | vp_get(&vp, HV_X64_REGISTER_RBX) << 32, value);
	EXPECT_TRUE(value & HV_MSR_HYPERCALL_AVAILABLE);
	vp_stop(&vp);
	vm_stop(&vm);
}

GUEST64(cpuid_interface,
	"mov $" __stringify(HYPERV_CPUID_INTERFACE) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* A guest is told of a hypervisor if its VMM has granted that. */
TEST_F(files, hypervisor_as_granted)
{
	const union hv_partition_synthetic_processor_features granted = {
		.hypervisor_present = 1,
		.hv1 = 1,
	};
	struct vm vm;
	struct vp vp;
	u32 seen;

	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ecx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(0, seen & BIT(31));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_interface);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_NE(0x31237648, seen);

	ASSERT_EQ(0, vm_start_enlightened(&vm, granted.as_uint64[0]));
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &cpuid_1_ecx);
	EXPECT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_NE(0, seen & BIT(31));
	/* "Hv#1" */
	vp_enter(&vp, GUEST_LONG, &cpuid_interface);
	EXPECT_EQ(0, vp_run_to_report(&vp, &seen));
	EXPECT_EQ(0x31237648, seen);
	vp_stop(&vp);
	vm_stop(&vm);
}

TEST_HARNESS_MAIN
