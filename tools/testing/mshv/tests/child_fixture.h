/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child with one VP, without KVM, for the unit tests of its state.
 */
#ifndef _HVEMU_TESTS_CHILD_FIXTURE_H
#define _HVEMU_TESTS_CHILD_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include <hyperv/hvhdk.h>

#include "../child/child.h"
#include "../child/life.h"
#include "../child/map.h"
#include "../child/parent.h"
#include "../child/regs_call.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/options.h"
#include "../hv/partition.h"

#define RAM_SIZE	(4ULL << 20)
#define RAM_PAGES	(RAM_SIZE / HV_HYP_PAGE_SIZE)
#define REGISTER_GPFN	0x3f0ULL
#define STATE_GPFN	0x3f1ULL
#define TSC_HZ		2000000000ULL

/* Memory of the child, in the middle of the parent's. */
#define CHILD_PAGES	0x100ULL
#define CHILD_SOURCE	0x200ULL

#define CHILD_FLAGS	(HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED | \
			 HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE)

struct child_fixture {
	struct options options;
	struct partition *partition;
	struct child *child;
	struct child_vp *vp;
	void *ram;
	u64 input[HV_HYP_PAGE_SIZE / sizeof(u64)];
	u64 output[HV_HYP_PAGE_SIZE / sizeof(u64)];
	struct hypercall call;
};

/* A hypercall with what is in fixture->input. Return: its status. */
static inline u16 child_call(struct child_fixture *fixture, u16 (*handler)(struct hypercall *),
			     u16 reps, u16 varhead_size)
{
	fixture->call = (struct hypercall) {
		.vp = &fixture->partition->vps[0],
		.rep_count = reps,
		.varhead_size = varhead_size,
		.in = fixture->input,
		.out = fixture->output,
	};
	memset(fixture->output, 0xa5, sizeof(fixture->output));
	return handler(&fixture->call);
}

/* Map pages of the parent's, from CHILD_SOURCE on, @gpfn being the first. */
static inline u16 child_map(struct child_fixture *fixture, u64 gpfn, u64 source,
			    u16 pages, u32 flags)
{
	struct hv_input_map_gpa_pages *input = (void *)fixture->input;
	u16 i;

	memset(input, 0, sizeof(fixture->input));
	input->target_partition_id = fixture->child->id;
	input->target_gpa_base = gpfn;
	input->map_flags = flags;
	for (i = 0; i < pages; i++)
		input->source_gpa_page_list[i] = source + i;
	return child_call(fixture, child_map_gpa, pages, 0);
}

/* Where the child has @gpa, as its parent put it there. */
static inline void *child_at(struct child_fixture *fixture, u64 gpa)
{
	return fixture->ram + CHILD_SOURCE * HV_HYP_PAGE_SIZE + gpa;
}

static inline bool child_setup(struct child_fixture *fixture, u64 flags)
{
	struct hv_input_create_partition *create = (void *)fixture->input;
	struct hv_output_create_partition *created = (void *)fixture->output;
	struct hv_create_vp *create_vp = (void *)fixture->input;
	struct partition *partition;

	memset(fixture, 0, sizeof(*fixture));
	fixture->options = (struct options) {
		.cpus = 1, .build = HV_BUILD_VALIDATED, .capabilities = true,
		.property_ex = true, .bank_count = 1, .memory = RAM_SIZE,
	};
	fixture->ram = calloc(1, RAM_SIZE);
	fixture->partition = calloc(1, sizeof(*fixture->partition));
	if (!fixture->ram || !fixture->partition)
		return false;
	partition = fixture->partition;
	partition_init(partition, &fixture->options);
	child_parent_init(partition);
	partition->tsc_hz = TSC_HZ;
	partition->ram[0].size = RAM_SIZE;
	partition->ram[0].host = fixture->ram;
	partition->ram_slots = 1;
	log_be_silent();
	log_open(NULL);
	pthread_mutex_lock(&partition->lock);

	create->flags = flags;
	if (child_call(fixture, child_create, 0, 0) != HV_STATUS_SUCCESS)
		return false;
	fixture->child = child_find(partition, created->partition_id);
	fixture->child->state = CHILD_INITIALIZED;
	/* Enough for its VPs; which pages they are nobody looks at here. */
	fixture->child->deposited = calloc(RAM_PAGES, sizeof(u64));
	fixture->child->nr_deposited = RAM_PAGES;

	memset(fixture->input, 0, sizeof(fixture->input));
	create_vp->partition_id = fixture->child->id;
	if (child_call(fixture, child_vp_create, 0, 0) != HV_STATUS_SUCCESS)
		return false;
	fixture->vp = child_find_vp(partition, fixture->child->id, 0);
	return child_map(fixture, 0, CHILD_SOURCE, CHILD_PAGES,
			 HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE |
			 HV_MAP_GPA_EXECUTABLE) == HV_STATUS_SUCCESS;
}

static inline void child_teardown(struct child_fixture *fixture)
{
	struct hv_input_finalize_partition *finalize = (void *)fixture->input;

	fixture->vp->register_gpfn = ~0ULL;
	memset(fixture->input, 0, sizeof(fixture->input));
	finalize->partition_id = fixture->child->id;
	child_call(fixture, child_finalize, 0, 0);
	fixture->child->nr_deposited = 0;
	child_call(fixture, child_delete, 0, 0);
	free(fixture->partition->deposited);
	free(fixture->partition);
	free(fixture->ram);
}

/* Read a register, as the parent does. Return: the status. */
static inline u16 child_get(struct child_fixture *fixture, u32 name,
			    union hv_register_value *value)
{
	struct hv_input_get_vp_registers *input = (void *)fixture->input;
	u16 status;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->names[0] = name;
	status = child_call(fixture, child_regs_get, 1, 0);
	memcpy(value, fixture->output, sizeof(*value));
	return status;
}

static inline u64 child_get64(struct child_fixture *fixture, u32 name)
{
	union hv_register_value value;

	return child_get(fixture, name, &value) == HV_STATUS_SUCCESS ? value.reg64 : ~0ULL;
}

static inline u16 child_set(struct child_fixture *fixture, u32 name,
			    const union hv_register_value *value)
{
	struct hv_input_set_vp_registers *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->elements[0].name = name;
	input->elements[0].value = *value;
	return child_call(fixture, child_regs_set, 1, 0);
}

static inline u16 child_set64(struct child_fixture *fixture, u32 name, u64 value)
{
	union hv_register_value whole = { };

	whole.reg64 = value;
	return child_set(fixture, name, &whole);
}

#endif /* _HVEMU_TESTS_CHILD_FIXTURE_H */
