/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The partition that Linux boots in, without KVM, for the unit tests of what it can
 * ask for.
 */
#ifndef _HVEMU_TESTS_PARTITION_FIXTURE_H
#define _HVEMU_TESTS_PARTITION_FIXTURE_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/parent.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"

#define RAM_SIZE	(4ULL << 20)
#define SIMP_GPA	0x10000ULL
#define SIRBP_GPA	0x11000ULL
#define INPUT_GPA	0x20000ULL
#define OUTPUT_GPA	0x21000ULL
#define PAGE_GPA	0x30000ULL
#define VECTOR		0xf3

/* How many interrupts each VP was given. */
static unsigned int interrupts[VPS_MAX];

static inline void count_interrupt(struct vp *vp, u8 vector)
{
	if (vector == VECTOR)
		interrupts[vp->index]++;
}

FIXTURE(partition) {
	struct options options;
	struct partition *partition;
	struct vp *vp;
	void *ram;
};

FIXTURE_SETUP(partition)
{
	self->options = (struct options) {
		.cpus = 2, .x2apic = true, .build = HV_BUILD_VALIDATED,
		.capabilities = true, .property_ex = true, .bank_count = 1,
		.scheduler = HV_SCHEDULER_TYPE_ROOT, .memory = RAM_SIZE,
	};
	ASSERT_TRUE(options_preset(&self->options, "not-offered"));
	self->partition = calloc(1, sizeof(*self->partition));
	self->ram = calloc(1, RAM_SIZE);
	ASSERT_NE(NULL, self->partition);
	ASSERT_NE(NULL, self->ram);
	partition_init(self->partition, &self->options);
	child_parent_init(self->partition);
	self->partition->interrupt = count_interrupt;
	self->partition->tsc_hz = 2000000000;
	self->partition->ram[0].size = RAM_SIZE;
	self->partition->ram[0].host = self->ram;
	self->partition->ram_slots = 1;
	self->partition->reserved_gpa = RAM_SIZE - 0x10000;
	self->partition->reserved_pages = 5;
	self->vp = &self->partition->vps[0];
	memset(interrupts, 0, sizeof(interrupts));
	/* Violations are looked for below; nobody needs to see them. */
	log_be_silent();
	log_open(NULL);
	self->partition->hypercall_msr = HV_X64_MSR_HYPERCALL_ENABLE;
	pthread_mutex_lock(&self->partition->lock);
}

FIXTURE_TEARDOWN(partition)
{
	free(self->partition->deposited);
	free(self->partition);
	free(self->ram);
}

/* A property request at INPUT_GPA. */
static inline struct hv_input_get_partition_property_ex *
property_request(struct partition *partition, u32 code)
{
	struct hv_input_get_partition_property_ex *input;

	input = partition_memory(partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_get_partition_property_ex) {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = code,
	};
	return input;
}

static inline u64 ask_property(struct vp *vp, u32 code)
{
	property_request(vp->partition, code);
	return hypercall(vp, HVCALL_GET_PARTITION_PROPERTY_EX, INPUT_GPA, OUTPUT_GPA);
}

/* A request for statistics of a VP at INPUT_GPA. */
static inline struct hv_input_map_stats_page2 *stats_request(struct partition *partition, u32 vp)
{
	struct hv_input_map_stats_page2 *input;

	input = partition_memory(partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_map_stats_page2) {
		.type = HV_STATS_OBJECT_VP,
		.identity.vp.partition_id = HV_PARTITION_ID_SELF,
		.identity.vp.vp_index = vp,
		.map_location = PAGE_GPA >> HV_HYP_PAGE_SHIFT,
	};
	return input;
}

static inline u64 map_stats(struct vp *vp)
{
	return hypercall(vp, HVCALL_MAP_STATS_PAGE2, INPUT_GPA, 0);
}

static inline u64 unmap_stats(struct vp *vp)
{
	return hypercall(vp, HVCALL_UNMAP_STATS_PAGE, INPUT_GPA, 0);
}

/* Enable the SynIC of a VP as the driver does. */
static inline void enable_synic(struct vp *vp)
{
	const union hv_synic_sint sint0 = { .vector = VECTOR };
	const union hv_synic_sint sint5 = { .vector = VECTOR, .as_intercept = 1 };

	msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA | 1);
	msr_write(vp, HV_X64_MSR_SIRBP, SIRBP_GPA | 1);
	msr_write(vp, HV_X64_MSR_SINT0, sint0.as_uint64);
	msr_write(vp, HV_X64_MSR_SINT5, sint5.as_uint64);
	msr_write(vp, HV_X64_MSR_SCONTROL, 1);
}

#endif /* _HVEMU_TESTS_PARTITION_FIXTURE_H */
