/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child whose parent has a SynIC, for the unit tests of lives, memory, properties and
 * schedulers: calls of the parent, and the messages that it gets.
 */
#ifndef _HVEMU_TESTS_CHILDREN_FIXTURE_H
#define _HVEMU_TESTS_CHILDREN_FIXTURE_H

#include <string.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/dispatch.h"
#include "../child/property.h"
#include "../child/vp_life.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "../machine/hypercalls.h"
#include "child_fixture.h"

#define SIMP_GPA	0x10000ULL
#define EVERYTHING	(HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE)

static inline void no_interrupt(struct vp *vp, u8 vector)
{
	(void)vp;
	(void)vector;
}

FIXTURE(children) {
	struct child_fixture fixture;
};

FIXTURE_SETUP(children)
{
	struct child_fixture *fixture = &self->fixture;
	struct vp *parent;

	ASSERT_TRUE(child_setup(fixture, CHILD_FLAGS));
	fixture->options.capability_bits = 0x42;
	fixture->options.integrated = 1;
	fixture->options.slice = 10000;
	fixture->partition->interrupt = no_interrupt;
	parent = &fixture->partition->vps[0];
	synic_write(parent, HV_X64_MSR_SIMP, SIMP_GPA | 1);
	synic_write(parent, HV_X64_MSR_SINT0, 0xf3);
	synic_write(parent, HV_X64_MSR_SCONTROL, 1);
	ASSERT_EQ(0, log_violations());
}

FIXTURE_TEARDOWN(children)
{
	child_teardown(&self->fixture);
}

static inline struct hv_message *slot_of(struct child_fixture *fixture)
{
	return fixture->ram + SIMP_GPA;
}

static inline u16 make_vp(struct child_fixture *fixture, u32 index)
{
	struct hv_create_vp *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->vp_index = index;
	return child_call(fixture, child_vp_create, 0, 0);
}

static inline u16 dispatch(struct child_fixture *fixture, u32 index, u32 flags)
{
	struct hv_input_dispatch_vp *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->vp_index = index;
	input->flags = flags;
	return child_call(fixture, child_dispatch, 0, 0);
}

static inline u16 set_property(struct child_fixture *fixture, u32 code, u64 value)
{
	struct hv_input_set_partition_property *input = (void *)fixture->input;

	memset(fixture->input, 0, sizeof(fixture->input));
	input->partition_id = fixture->child->id;
	input->property_code = code;
	input->property_value = value;
	return child_call(fixture, child_property_set, 0, 0);
}

#endif /* _HVEMU_TESTS_CHILDREN_FIXTURE_H */
