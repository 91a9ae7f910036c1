// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of CPUID: what it tells the partition that Linux boots in, and the numbers
 * of cores and threads that it tells anybody.
 */

#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/cpuid.h"
#include "../hv/cpuid.h"
#include "../hv/cpuid_view.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/cpuid.h"
#include "partition_fixture.h"

static const struct kvm_cpuid_entry2 *leaf(const struct cpuid *cpuid, u32 function)
{
	u32 i;

	for (i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	return NULL;
}

/* The same in every leaf that tells of it. */
TEST_F(partition, cpuid_of_a_socket_with_cores)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1, .ebx = 0x7ff0800 },
		{ .function = 0x4, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0xfc000121 },
		{ .function = 0x80000008, .ecx = 0x7007 },
		{ .function = 0x8000001e, .eax = 99, .ebx = 99, .ecx = 99 },
	};
	struct cpuid_view view = { .index = 14, .per_socket = 6 };
	static struct cpuid cpuid;
	u32 i;

	/* As many as a child can have, and then six. */
	for (i = 0; i < 2; i++) {
		memcpy(cpuid.entries, leaves, sizeof(leaves));
		cpuid.head.nent = ARRAY_SIZE(leaves);
		view.per_socket = i ? 6 : 256;
		cpuid_fit(&cpuid, &view);
		EXPECT_EQ(i ? 7 : 0x3f, leaf(&cpuid, 0x4)->eax >> 26);
		EXPECT_EQ(i ? 6 : 256, cpuid_find(&cpuid, 0xb, 1)->ebx);
	}
	EXPECT_EQ(14U << 24 | 6 << 16 | 0x800, leaf(&cpuid, 0x1)->ebx);
	EXPECT_EQ(BIT(28), leaf(&cpuid, 0x1)->edx);
	EXPECT_EQ(7U << 26 | 0x121, leaf(&cpuid, 0x4)->eax);
	EXPECT_EQ(0x3005, leaf(&cpuid, 0x80000008)->ecx);
	EXPECT_EQ(14, leaf(&cpuid, 0x8000001e)->eax);
	EXPECT_EQ(6, leaf(&cpuid, 0x8000001e)->ebx);
	EXPECT_EQ(3, cpuid_find(&cpuid, 0xb, 1)->eax);
	EXPECT_EQ(14, cpuid_find(&cpuid, 0xb, 1)->edx);
	EXPECT_EQ(1, cpuid_find(&cpuid, 0xb, 0)->ebx);
	EXPECT_EQ(0, cpuid_find(&cpuid, 0xb, 0)->eax);
}

TEST_F(partition, cpuid_of_threads)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1 },
		{ .function = 0x8000001e, .eax = 99, .ebx = 99, .ecx = 99 },
	};
	static struct cpuid cpuid;

	self->options.smt = true;
	self->partition->nr_vps = 4;
	self->partition->vps[3].partition = self->partition;
	self->partition->vps[3].index = 3;
	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid_make(&cpuid, &self->partition->vps[3]);
	EXPECT_EQ(3U << 24 | 4 << 16, leaf(&cpuid, 0x1)->ebx);
	/* Two threads of a core, of which an APIC id has one bit; of a socket two. */
	EXPECT_EQ(1, cpuid_find(&cpuid, 0xb, 0)->eax);
	EXPECT_EQ(2, cpuid_find(&cpuid, 0xb, 0)->ebx);
	EXPECT_EQ(0x100, cpuid_find(&cpuid, 0xb, 0)->ecx);
	EXPECT_EQ(2, cpuid_find(&cpuid, 0xb, 1)->eax);
	EXPECT_EQ(4, cpuid_find(&cpuid, 0xb, 1)->ebx);
	/* Core 1, with one thread more than one. */
	EXPECT_EQ(3, leaf(&cpuid, 0x8000001e)->eax);
	EXPECT_EQ(0x101, leaf(&cpuid, 0x8000001e)->ebx);
}

/* KVM has AMX, and this process has not asked for its state. */
TEST_F(partition, cpuid_has_amx_only_with_its_state)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x7, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .edx = ~0U },
		{ .function = 0x7, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = ~0U, .edx = ~0U },
		{ .function = 0xd, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x2e7 },
		{ .function = 0xd, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x1f },
		{ .function = 0x1d, .eax = 1 },
		{ .function = 0x1e, .ebx = 0x4010 },
	};
	static struct cpuid cpuid;

	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid_make(&cpuid, self->vp);
	EXPECT_EQ((u32)~(BIT(22) | BIT(24) | BIT(25)), cpuid_find(&cpuid, 0x7, 0)->edx);
	EXPECT_EQ((u32)~BIT(21), cpuid_find(&cpuid, 0x7, 1)->eax);
	EXPECT_EQ((u32)~BIT(8), cpuid_find(&cpuid, 0x7, 1)->edx);
	EXPECT_EQ(0xf, cpuid_find(&cpuid, 0xd, 1)->eax);
	EXPECT_EQ(NULL, leaf(&cpuid, 0x1d));
	EXPECT_EQ(NULL, leaf(&cpuid, 0x1e));

	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid.entries[2].eax |= BIT(17) | BIT(18);
	cpuid_make(&cpuid, self->vp);
	EXPECT_EQ(~0U, cpuid_find(&cpuid, 0x7, 0)->edx);
	EXPECT_EQ(0x1f, cpuid_find(&cpuid, 0xd, 1)->eax);
	EXPECT_NE(NULL, leaf(&cpuid, 0x1d));
}

/* On Intel a leaf that is not there would be the highest one of the basic leaves. */
TEST_F(partition, cpuid_has_no_virtualization_stack)
{
	static struct cpuid cpuid;
	u32 function;

	cpuid.head.nent = 0;
	cpuid_make(&cpuid, self->vp);
	for (function = 0x40000080; function <= 0x40000082; function++) {
		ASSERT_NE(NULL, leaf(&cpuid, function));
		EXPECT_EQ(0, leaf(&cpuid, function)->eax);
		EXPECT_EQ(0, leaf(&cpuid, function)->ebx);
	}
}

TEST_F(partition, cpuid_shows_a_hypervisor_and_no_other)
{
	const struct kvm_cpuid_entry2 *entry;
	static struct cpuid cpuid;

	cpuid.entries[0].function = 0x1;
	cpuid.entries[0].ecx = 0;
	cpuid.entries[1].function = 0x40000000;		/* KVM's */
	cpuid.entries[2].function = 0x40000100;
	cpuid.entries[3].function = 0xb;
	cpuid.entries[4].function = 0x80000008;
	cpuid.entries[4].eax = 0x39392e2e;
	cpuid.entries[4].ecx = 0x7007;
	cpuid.head.nent = 5;
	cpuid_make(&cpuid, &self->partition->vps[1]);

	EXPECT_EQ(NULL, leaf(&cpuid, 0xb));
	EXPECT_EQ(NULL, leaf(&cpuid, 0x40000100));
	entry = leaf(&cpuid, 0x1);
	EXPECT_EQ(1, entry->ebx >> 24);
	EXPECT_EQ(BIT(31) | BIT(21), entry->ecx);
	EXPECT_EQ(0, leaf(&cpuid, 0x80000008)->ecx);
	/* A VMM puts devices of its guest below the end of these. */
	EXPECT_EQ(self->partition->physical_bits, leaf(&cpuid, 0x80000008)->eax & 0xff);
	entry = leaf(&cpuid, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS);
	EXPECT_EQ(0, memcmp(&entry->ebx, "Microsoft Hv", 12));
	EXPECT_LE(HYPERV_CPUID_MIN, entry->eax);
	entry = leaf(&cpuid, HYPERV_CPUID_FEATURES);
	EXPECT_EQ(partition_features(self->partition), entry->eax);
	EXPECT_TRUE(entry->ebx & HV_CREATE_PARTITIONS);
	EXPECT_FALSE(entry->ebx & HV_CPU_MANAGEMENT);
	EXPECT_FALSE(entry->ebx & HV_ACCESS_PARTITION_ID);

	EXPECT_EQ(0, entry->ecx);

	self->options.root = true;
	self->options.x2apic = false;
	self->options.injection = true;
	cpuid.head.nent = 1;
	cpuid.entries[0].function = 0x1;
	cpuid_make(&cpuid, self->vp);
	EXPECT_FALSE(leaf(&cpuid, 0x1)->ecx & BIT(21));
	entry = leaf(&cpuid, HYPERV_CPUID_FEATURES);
	EXPECT_TRUE(entry->ebx & HV_CPU_MANAGEMENT);
	EXPECT_EQ(HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE, entry->ecx);
}

TEST_HARNESS_MAIN
