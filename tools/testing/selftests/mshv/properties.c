// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties of partitions and VPs: time, shares and sockets of processors, numbers of
 * local APICs; and a partition's statistics in debugfs.
 */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "files_fixture.h"
#include "harness.h"
#include "vm.h"

#define STATISTICS	"/sys/kernel/debug/mshv/partition"

/* The newest partition that has statistics; 0: none has. */
static u64 newest_statistics(void)
{
	DIR *dir = opendir(STATISTICS);
	struct dirent *entry;
	u64 id, newest = 0;

	while (dir && (entry = readdir(dir))) {
		id = strtoull(entry->d_name, NULL, 10);
		if (id > newest)
			newest = id;
	}
	if (dir)
		closedir(dir);
	return newest;
}

/* A counter of a partition, or of its VP if @vp says so; ~0: there is none. */
static u64 counter(u64 partition, const char *vp, const char *name)
{
	char path[128], line[128];
	u64 value = ~0ULL;
	FILE *file;

	snprintf(path, sizeof(path), STATISTICS "/%llu%s/stats",
		 (unsigned long long)partition, vp);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			value = strtoull(strchr(line, ':') + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* What debugfs shows of a partition is of that partition, not what memory held before. */
TEST_F(files, statistics)
{
	u64 id = newest_statistics();

	if (!id)
		SKIP(return, "no statistics: debugfs, or the hypervisor, has none");
	EXPECT_EQ(1, counter(id, "", "PtVirtualProcessors"));
	ASSERT_EQ(0, run_to_hello(&self->vp));
	EXPECT_LT(0, counter(id, "/vp/0", "VpTotalRunTime"));
	/* Far less than what a kernel's address would be. */
	EXPECT_GT(1ULL << 48, counter(id, "/vp/0", "VpTotalRunTime"));
	EXPECT_LE(1, counter(id, "/vp/0", "VpIoInterceptMessages"));
	EXPECT_GT(100, counter(id, "/vp/0", "VpIoInterceptMessages"));
}

/* Time can be set while it is frozen, and goes on from there. */
TEST_F(files, reference_time)
{
	const u32 code = HV_PARTITION_PROPERTY_REFERENCE_TIME;
	u64 value;
	u16 status;

	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 0, NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, code, 12345678, &status));
	if (hv_lacks(status))
		SKIP(return, "no reference time: status %#x", status);
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, status);
	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 1, NULL));
	ASSERT_EQ(0, hv_set_property(self->vm.fd, code, 12345678, NULL));
	usleep(1000);
	ASSERT_EQ(0, hv_get_property(self->vm.fd, code, &value, NULL));
	EXPECT_EQ(12345678, value);
	ASSERT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_TIME_FREEZE, 0, NULL));
	usleep(1000);
	ASSERT_EQ(0, hv_get_property(self->vm.fd, code, &value, NULL));
	EXPECT_LT(12345678, value);
}

/* A share of the machine's processors, for each VP of the partition. */
TEST_F(files, shares_of_processors)
{
	const u32 cap = HV_PARTITION_PROPERTY_CPU_CAP;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->vm.fd, cap, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "no cap on processors: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0x10000, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, cap, 0xc000, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, cap, &value, NULL));
	EXPECT_EQ(0xc000, value);
	/* It is no more than all, and no less than what is reserved. */
	EXPECT_GT(0, hv_set_property(self->vm.fd, cap, 0x10001, NULL));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_RESERVE, 0x4000,
				     NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, cap, 0x3fff, NULL));
	EXPECT_EQ(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_WEIGHT, 200, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, HV_PARTITION_PROPERTY_CPU_WEIGHT, &value,
				     NULL));
	EXPECT_EQ(200, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, cap, 0x10000, NULL));
	EXPECT_EQ(0, run_to_hello(&self->vp));
}

/* There is one group of processors as long as nobody has made another. */
TEST_F(files, cpu_group)
{
	const u32 group = HV_PARTITION_PROPERTY_CPU_GROUP_ID;
	u64 value;
	u16 status;
	int ret;

	ret = hv_get_property(self->vm.fd, group, &value, &status);
	if (hv_lacks(status))
		SKIP(return, "no groups of processors: status %#x", status);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, hv_set_property(self->vm.fd, group, 0, NULL));
	EXPECT_GT(0, hv_set_property(self->vm.fd, group, 12345, NULL));
	EXPECT_EQ(0, hv_get_property(self->vm.fd, group, &value, NULL));
	EXPECT_EQ(0, value);
}

/* As many leaves of CPUID as VMMs register, for each of two VPs, and for all. */
TEST_F(files, cpuid_results)
{
	struct hv_input_register_intercept_result in = {
		.intercept_type = HV_INTERCEPT_TYPE_X64_CPUID,
		.always_override = 1,
		.result[0] = { .value = 1, .mask = ~0U },
	};
	const unsigned int leaves = 120;
	struct vp second;
	unsigned int i;
	u16 status;
	int ret;

	vp_start(&self->vm, &second, 1);
	for (i = 0; i < 2 * leaves; i++) {
		in.vp_index = i / leaves;
		in.eax = 0x4000f000 + i % leaves;
		ret = hv_call(in.vp_index ? second.fd : self->vp.fd,
			      HVCALL_REGISTER_INTERCEPT_RESULT, &in, sizeof(in), NULL, 0, &status);
		if (hv_lacks(status))
			SKIP(return, "no CPUID results: status %#x", status);
		ASSERT_EQ(0, ret)
			TH_LOG("VP %u, leaf %u: status %#x", in.vp_index, i % leaves, status);
	}
	in.vp_index = HV_ANY_VP;
	EXPECT_EQ(0, hv_call(self->vm.fd, HVCALL_REGISTER_INTERCEPT_RESULT, &in, sizeof(in),
			     NULL, 0, NULL));
	EXPECT_EQ(0, run_to_hello(&self->vp));
	EXPECT_EQ(0, run_to_hello(&second));
	vp_stop(&second);
}

GUEST64(cpuid_b_1_ebx,
	"mov $0xb, %eax\n"
	"mov $1, %ecx\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(cpuid_1_ebx,
	"mov $1, %eax\n"
	"cpuid\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* VPs that are cores of one socket see each other there. */
TEST_F(files, processors_per_socket)
{
	u32 seen;
	u16 status;
	int ret;

	ret = hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET, 4,
			      &status);
	if (hv_lacks(status))
		SKIP(return, "no sockets: status %#x", status);
	ASSERT_EQ(0, ret);
	vp_enter(&self->vp, GUEST_LONG, &cpuid_b_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(4, seen & 0xffff);
	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(4, seen >> 16 & 0xff);
}

/* A VMM may give a VP's local APIC a number of its own, before the VP runs. */
TEST_F(files, initial_apic_id)
{
	const struct hv_register_assoc id = {
		.name = HV_X64_REGISTER_INITIAL_APIC_ID,
		.value.reg64 = 6,
	};
	u32 seen;

	ASSERT_EQ(0, vp_set_registers(&self->vp, &id, 1));
	EXPECT_EQ(6, vp_get(&self->vp, HV_X64_REGISTER_INITIAL_APIC_ID));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_1_ebx);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(6, seen >> 24);
}

GUEST64(cpuid_version,
	"mov $" __stringify(HYPERV_CPUID_VERSION) ", %eax\n"
	"cpuid\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* What the guest sees of the hypervisor by CPUID, its VMM reads as a register. */
TEST_F(files, hypervisor_version)
{
	const u32 name = HV_REGISTER_HYPERVISOR_VERSION;
	union hv_register_value value;
	u32 seen;

	ASSERT_EQ(0, vp_get_registers(&self->vp, &name, &value, 1));
	vp_enter(&self->vp, GUEST_LONG, &cpuid_version);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &seen));
	EXPECT_EQ(seen, (u32)value.reg64);
}

/* A property that belongs before initialization is refused after it. */
TEST_F(files, early_property_late)
{
	u16 status = 0;

	EXPECT_NE(0, hv_set_property(self->vm.fd, HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS,
				     0, &status));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, status);
}

TEST_HARNESS_MAIN
