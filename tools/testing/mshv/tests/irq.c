// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of a child's interrupts: by hypercall, by the register page, from
 * VP to VP, by the clock; and what the parent is told at the end of one.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/child.h"
#include "../child/irq.h"
#include "../child/page.h"
#include "../child/parent.h"
#include "../child/stimer.h"
#include "../child/synic.h"
#include "../child/vp.h"
#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../machine/hypercalls.h"
#include "apic_regs.h"

#define RAM_SIZE	0x100000ULL
#define SIMP_GPA	0x10000ULL
#define INPUT_GPA	0x30000ULL
#define OUTPUT_GPA	0x31000ULL
#define REGISTER_GPA	0x41000ULL

#define CHILD		0x100
#define VPS		3

#define TIMER_MS	1000000		/* counts, undivided */

static void no_interrupt(struct vp *vp, u8 vector)
{
	(void)vp;
	(void)vector;
}

/* Kept: the clock's thread goes on when a test is over. */
static struct partition partition;

FIXTURE(irq)
{
	struct options options;
	struct child child;
	struct child *children[1];
	struct child_vp vps[VPS];
	struct kvm_run *run;
	struct vp *vp;
	void *ram;
};

/* Three VPs that run, with logical destinations 1, 2 and 4. */
FIXTURE_SETUP(irq)
{
	u32 i;

	self->options = (struct options) {
		.cpus = 1, .build = HV_BUILD_VALIDATED, .capabilities = true,
		.property_ex = true, .bank_count = 1, .memory = RAM_SIZE,
	};
	self->ram = calloc(1, RAM_SIZE);
	self->run = calloc(VPS, sizeof(*self->run));
	ASSERT_NE(NULL, self->ram);
	ASSERT_NE(NULL, self->run);
	partition_init(&partition, &self->options);
	child_parent_init(&partition);
	partition.interrupt = no_interrupt;
	partition.ram[0].size = RAM_SIZE;
	partition.ram[0].host = self->ram;
	partition.ram_slots = 1;
	partition.hypercall_msr = HV_X64_MSR_HYPERCALL_ENABLE;
	self->children[0] = &self->child;
	partition.children = self->children;
	partition.nr_children = 1;
	self->vp = &partition.vps[0];

	self->child.parent = &partition;
	self->child.id = CHILD;
	self->child.vm = -1;
	self->child.state = CHILD_INITIALIZED;
	self->child.nr_vps = VPS;
	for (i = 0; i < VPS; i++) {
		self->child.vps[i] = &self->vps[i];
		pthread_cond_init(&self->vps[i].changed, NULL);
		self->vps[i].child = &self->child;
		self->vps[i].index = i;
		self->vps[i].fd = -1;
		self->vps[i].run = &self->run[i];
		self->vps[i].register_gpfn = ~0ULL;
		self->vps[i].intercept_gpfn = ~0ULL;
		child_irq_init(&self->vps[i]);
		ASSERT_EQ(0, child_synic_init(&self->vps[i]));
		ASSERT_EQ(0, child_stimer_init(&self->vps[i]));
		self->vps[i].apic.wait_for_sipi = false;
		apic_write(&self->vps[i].apic, SVR, 0x1ff);
		apic_write(&self->vps[i].apic, LDR, 1U << (24 + i));
	}
	log_be_silent();
	log_open(NULL);
	pthread_mutex_lock(&partition.lock);
}

FIXTURE_TEARDOWN(irq)
{
	u32 i;

	for (i = 0; i < VPS; i++) {
		child_stimer_exit(&self->vps[i]);
		child_synic_exit(&self->vps[i]);
	}
	partition.nr_children = 0;
	partition.children = NULL;
	free(self->run);
	free(self->ram);
}

static struct hv_input_assert_virtual_interrupt assert_input(u32 type, u32 vector, u64 dest)
{
	return (struct hv_input_assert_virtual_interrupt) {
		.partition_id = CHILD,
		.control.interrupt_type = type,
		.dest_addr = dest,
		.vector = vector,
	};
}

static u16 assert_as(struct vp *vp, const struct hv_input_assert_virtual_interrupt *input)
{
	memcpy(partition_memory(&partition, INPUT_GPA, sizeof(*input)), input, sizeof(*input));
	return hypercall(vp, HVCALL_ASSERT_VIRTUAL_INTERRUPT, INPUT_GPA, 0);
}

static u16 assert_irq(struct vp *vp, u32 type, u32 vector, u64 dest)
{
	struct hv_input_assert_virtual_interrupt input = assert_input(type, vector, dest);

	return assert_as(vp, &input);
}

static u16 clear_irq(struct vp *vp, u64 child)
{
	return hypercall(vp, HVCALL_CLEAR_VIRTUAL_INTERRUPT | HV_HYPERCALL_FAST_BIT, child, 0);
}

static int pending(const struct child_vp *vp)
{
	return apic_pending(&vp->apic);
}

static int take(struct child_vp *vp)
{
	int vector = pending(vp);

	if (vector >= 0)
		apic_accept(&vp->apic, vector);
	return vector;
}

#define FIXED	HV_X64_INTERRUPT_TYPE_FIXED

TEST_F(irq, to_whom)
{
	struct hv_input_assert_virtual_interrupt input;
	struct child_vp *vps = self->vps;

	EXPECT_FALSE(child_vp_has_interrupt(&vps[1]));
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, FIXED, 0x40, 1));
	EXPECT_EQ(-1, pending(&vps[0]));
	EXPECT_EQ(0x40, take(&vps[1]));
	EXPECT_EQ(-1, pending(&vps[2]));

	input = assert_input(FIXED, 0x50, 6);
	input.control.logical_dest_mode = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_as(self->vp, &input));
	EXPECT_EQ(-1, pending(&vps[0]));
	EXPECT_EQ(0x50, pending(&vps[1]));
	EXPECT_EQ(0x50, pending(&vps[2]));
	EXPECT_TRUE(child_vp_has_interrupt(&vps[1]));
	EXPECT_FALSE(child_vp_has_interrupt(&vps[0]));

	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, FIXED, 0x60, 0xff));
	EXPECT_EQ(0x60, pending(&vps[0]));
	EXPECT_EQ(0x60, pending(&vps[1]));
	EXPECT_EQ(0x60, pending(&vps[2]));

	/* For nobody. */
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, assert_irq(self->vp, FIXED, 0x70, 3));
	EXPECT_EQ(0x60, pending(&vps[0]));
}

/* Whoever runs it is told: here that is the parent. */
TEST_F(irq, wakes)
{
	struct child_vp *vp = &self->vps[1];

	vp->halted = true;
	vp->blocked = true;
	vp->run->s.regs.regs.rflags = BIT(9);
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, FIXED, 0x40, 0));
	EXPECT_TRUE(vp->blocked);
	apic_write(&vp->apic, TPR, 0x40);
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, FIXED, 0x40, 1));
	EXPECT_TRUE(vp->blocked);
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, FIXED, 0x50, 1));
	EXPECT_FALSE(vp->blocked);
}

TEST_F(irq, refused)
{
	struct hv_input_assert_virtual_interrupt input;
	static const u32 types[] = { HV_X64_INTERRUPT_TYPE_SMI,
				     HV_X64_INTERRUPT_TYPE_REMOTEREAD,
				     HV_X64_INTERRUPT_TYPE_MAXIMUM, ~0U };
	static const u32 vectored[] = { FIXED, HV_X64_INTERRUPT_TYPE_LOWESTPRIORITY };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
			  assert_irq(self->vp, types[i], 0x40, 0));
	for (i = 0; i < ARRAY_SIZE(vectored); i++) {
		EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
			  assert_irq(self->vp, vectored[i], 15, 0));
		EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
			  assert_irq(self->vp, vectored[i], 0x140, 0));
		EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, vectored[i], 16, 0));
	}
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_EXTINT, 0x140, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_NMI, 2, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_INIT, 1, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_NMI, 0, 0));

#define REFUSED(status, change) do {				\
	input = assert_input(FIXED, 0x40, 1);			\
	change;							\
	EXPECT_EQ(status, assert_as(self->vp, &input));		\
} while (0)
	REFUSED(HV_STATUS_INVALID_PARTITION_ID, input.partition_id = 0x101);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.target_vtl = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.rsvd_z0 = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.rsvd_z1 = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.control.rsvd = 1);
	REFUSED(HV_STATUS_INVALID_PARAMETER, input.dest_addr = 0x100000001);
	REFUSED(HV_STATUS_INVALID_PARTITION_STATE, self->child.state = CHILD_CREATED);
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_STATE, clear_irq(self->vp, CHILD));
	REFUSED(HV_STATUS_INVALID_PARTITION_STATE, self->child.state = CHILD_FINALIZED);
#undef REFUSED
	EXPECT_EQ(-1, pending(&self->vps[1]));
}

TEST_F(irq, to_the_least_busy)
{
	const u32 lowest = HV_X64_INTERRUPT_TYPE_LOWESTPRIORITY;
	struct child_vp *vps = self->vps;

	/* At a draw, the first. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, lowest, 0x80, 0xff));
	EXPECT_EQ(0x80, take(&vps[0]));
	EXPECT_EQ(-1, pending(&vps[1]));
	EXPECT_EQ(-1, pending(&vps[2]));
	apic_write(&vps[1].apic, TPR, 0x20);
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, lowest, 0x81, 0xff));
	EXPECT_EQ(0x81, take(&vps[2]));
	/* One that takes none is not asked. */
	apic_write(&vps[1].apic, SVR, 0xff);
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, lowest, 0x90, 0xff));
	EXPECT_EQ(0x90, take(&vps[0]));
	/* Only those that it is for. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, lowest, 0xa0, 2));
	EXPECT_EQ(0xa0, take(&vps[2]));
	/* It is for a VP that is there, and lost. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, lowest, 0xa0, 1));
	EXPECT_EQ(-1, pending(&vps[1]));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, assert_irq(self->vp, lowest, 0xa0, 3));
}

TEST_F(irq, no_vectors)
{
	struct child_vp *vp = &self->vps[1];

	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_NMI, 0, 1));
	EXPECT_TRUE(vp->apic.nmi);
	EXPECT_FALSE(self->vps[0].apic.nmi);
	EXPECT_TRUE(child_vp_has_interrupt(vp));
	vp->apic.nmi = false;
	EXPECT_FALSE(child_vp_has_interrupt(vp));

	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_INIT, 0, 1));
	EXPECT_TRUE(vp->apic.init);
	EXPECT_TRUE(child_vp_has_interrupt(vp));
	apic_reset(&vp->apic);
	EXPECT_FALSE(child_vp_has_interrupt(vp));
	/* It waits for one thing, and for nothing else. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_NMI, 0, 1));
	EXPECT_FALSE(child_vp_has_interrupt(vp));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_SIPI, 0x9a, 1));
	EXPECT_TRUE(child_vp_has_interrupt(vp));
	EXPECT_EQ(0x9a, vp->apic.sipi_vector);
}

TEST_F(irq, legacy_controller)
{
	const u32 extint = HV_X64_INTERRUPT_TYPE_EXTINT;
	struct hv_input_assert_virtual_interrupt input;
	struct child_vp *vp = &self->vps[0];

	EXPECT_EQ(HV_STATUS_NOT_ACKNOWLEDGED, clear_irq(self->vp, CHILD));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, clear_irq(self->vp, 0x101));
	/* It is VP 0's, whatever its APIC's id. */
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, assert_irq(self->vp, extint, 0x30, 1));
	EXPECT_EQ(-1, pending(&self->vps[1]));
	input = assert_input(extint, 0x30, 0);
	input.control.logical_dest_mode = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_as(self->vp, &input));
	EXPECT_EQ(0x30, pending(vp));
	/* Until the VP has taken it, another vector takes its place. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, extint, 0, 0));
	EXPECT_EQ(0, pending(vp));
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, extint, 0x31, 0));
	EXPECT_EQ(HV_STATUS_NOT_ACKNOWLEDGED, clear_irq(self->vp, CHILD));
	EXPECT_EQ(0x31, take(vp));
	EXPECT_EQ(-1, pending(vp));

	/* And then none comes before that is cleared. */
	EXPECT_EQ(HV_STATUS_ACKNOWLEDGED, assert_irq(self->vp, extint, 0x32, 0));
	EXPECT_EQ(-1, pending(vp));
	EXPECT_EQ(HV_STATUS_SUCCESS, clear_irq(self->vp, CHILD));
	EXPECT_EQ(HV_STATUS_NOT_ACKNOWLEDGED, clear_irq(self->vp, CHILD));
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_irq(self->vp, extint, 0x32, 0));
	EXPECT_EQ(0x32, take(vp));
}

TEST_F(irq, pins)
{
	struct child_vp *vp = &self->vps[0];

	apic_write(&vp->apic, LVT_LINT0, 0x700);
	apic_write(&vp->apic, LVT_LINT1, 0x400);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_LOCALINT0, 0x38, 0));
	EXPECT_EQ(0x38, take(vp));
	EXPECT_FALSE(vp->apic.nmi);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  assert_irq(self->vp, HV_X64_INTERRUPT_TYPE_LOCALINT1, 0, 0));
	EXPECT_TRUE(vp->apic.nmi);
	EXPECT_EQ(-1, pending(vp));
}

TEST_F(irq, from_vp_to_vp)
{
	struct child_vp *vps = self->vps;
	struct apic *apic = &vps[1].apic;

	apic_write(apic, ICR_HIGH, 2U << 24);
	apic_write(apic, ICR, 0x41);
	EXPECT_EQ(-1, pending(&vps[0]));
	EXPECT_EQ(-1, pending(&vps[1]));
	EXPECT_EQ(0x41, take(&vps[2]));

	apic_write(apic, ICR, 1U << 18 | 0x52);
	EXPECT_EQ(-1, pending(&vps[0]));
	EXPECT_EQ(0x52, take(&vps[1]));
	EXPECT_EQ(-1, pending(&vps[2]));

	apic_write(apic, ICR, 2U << 18 | 0x63);
	EXPECT_EQ(0x63, take(&vps[0]));
	EXPECT_EQ(0x63, take(&vps[1]));
	EXPECT_EQ(0x63, take(&vps[2]));

	apic_write(apic, ICR, 3U << 18 | 0x74);
	EXPECT_EQ(0x74, take(&vps[0]));
	EXPECT_EQ(-1, pending(&vps[1]));
	EXPECT_EQ(0x74, take(&vps[2]));

	/* Logical, to the least busy of two. */
	apic_write(apic, ICR_HIGH, 6U << 24);
	apic_write(apic, TPR, 0xf0);
	apic_write(apic, ICR, BIT(11) | 0x100 | 0x85);
	EXPECT_EQ(0x85, take(&vps[2]));

	/* How Linux starts a processor. */
	vps[2].apic.wait_for_sipi = true;
	apic_write(apic, ICR_HIGH, 2U << 24);
	apic_write(apic, ICR, 0xc500);
	EXPECT_TRUE(vps[2].apic.init);
	apic_write(apic, ICR, 0x8500);
	apic_write(apic, ICR, 0x69a);
	EXPECT_TRUE(vps[2].apic.sipi);
	EXPECT_FALSE(vps[0].apic.init);
}

TEST_F(irq, posted)
{
	struct hv_vp_register_page *page;
	union hv_vp_register_page_interrupt_vectors posted = {
		.vector_count = 4, .vector = { 0x41, 15, 0x62, 16, 0x73 },
	};
	struct child_vp *vp = &self->vps[1];
	u64 around;

	/* No page: nothing is posted. */
	child_page_scan(vp);
	vp->register_gpfn = REGISTER_GPA >> HV_HYP_PAGE_SHIFT;
	page = partition_memory(&partition, REGISTER_GPA, sizeof(*page));
	memset(page, 0x5a, sizeof(*page));
	around = ((u64 *)page)[offsetof(struct hv_vp_register_page, interrupt_vectors) / 8 - 1];

	page->interrupt_vectors = posted;
	child_page_scan(vp);
	EXPECT_EQ(0, page->interrupt_vectors.as_uint64);
	EXPECT_EQ(around, 0x5a5a5a5a5a5a5a5a);
	EXPECT_EQ(around,
		  ((u64 *)page)[offsetof(struct hv_vp_register_page, interrupt_vectors) / 8 - 1]);
	EXPECT_EQ(0x62, take(vp));
	apic_write(&vp->apic, EOI, 0);
	EXPECT_EQ(0x41, take(vp));
	apic_write(&vp->apic, EOI, 0);
	EXPECT_EQ(16, take(vp));
	apic_write(&vp->apic, EOI, 0);
	/* Not an exception's, nor what lies behind the count. */
	EXPECT_EQ(-1, pending(vp));
	EXPECT_EQ(0, vp->apic.errors);
	EXPECT_EQ(-1, pending(&self->vps[0]));

	/* All seven. */
	page->interrupt_vectors = (union hv_vp_register_page_interrupt_vectors) {
		.vector_count = 7,
		.vector = { 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36 },
	};
	child_page_scan(vp);
	EXPECT_EQ(0x7f0000, vp->apic.irr[1]);
	vp->apic.irr[1] = 0;

	/* A VMM can write anything there. */
	page->interrupt_vectors.as_uint64 = ~0ULL;
	page->interrupt_vectors.vector_count = 8;
	child_page_scan(vp);
	EXPECT_EQ(0, page->interrupt_vectors.as_uint64);
	EXPECT_EQ(-1, pending(vp));
}

TEST_F(irq, level_tells_the_parent)
{
	struct hv_input_assert_virtual_interrupt input = assert_input(FIXED, 0x61, 1);
	struct hv_x64_apic_eoi_message *payload;
	struct hv_message *slot;
	struct child_vp *vp = &self->vps[1];

	slot = partition_memory(&partition, SIMP_GPA, sizeof(*slot));
	payload = (void *)slot->u.payload;
	self->options.eoi_messages = true;
	msr_write(self->vp, HV_X64_MSR_SIMP, SIMP_GPA | 1);
	msr_write(self->vp, HV_X64_MSR_SINT0, 0xf3);
	msr_write(self->vp, HV_X64_MSR_SCONTROL, 1);

	/* An edge is nobody's business. */
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_as(self->vp, &input));
	EXPECT_EQ(0x61, take(vp));
	apic_write(&vp->apic, EOI, 0);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);

	input.control.level_triggered = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_as(self->vp, &input));
	EXPECT_EQ(0x61, take(vp));
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);
	apic_write(&vp->apic, EOI, 0);
	EXPECT_EQ(HVMSG_X64_APIC_EOI, slot->header.message_type);
	EXPECT_EQ(CHILD, slot->header.sender);
	EXPECT_EQ(sizeof(*payload), slot->header.payload_size);
	EXPECT_EQ(1, payload->vp_index);
	EXPECT_EQ(0x61, payload->interrupt_vector);
	/* It goes on: the driver may keep this to itself. */
	EXPECT_FALSE(vp->intercept_suspend);
	EXPECT_EQ(0, vp->signals);

	/* Or the VMM hears of it when the VP comes out next. */
	self->options.eoi_messages = false;
	slot->header.message_type = HVMSG_NONE;
	EXPECT_EQ(HV_STATUS_SUCCESS, assert_as(self->vp, &input));
	EXPECT_EQ(0x61, take(vp));
	EXPECT_FALSE(vp->eoi_owed);
	apic_write(&vp->apic, EOI, 0);
	EXPECT_EQ(HVMSG_NONE, slot->header.message_type);
	EXPECT_TRUE(vp->eoi_owed);
	EXPECT_EQ(0x61, vp->eoi_vector);
}

TEST_F(irq, ids_of_local_apics)
{
	const u64 control = HVCALL_GET_VP_INDEX_FROM_APIC_ID |
			    4ULL << HV_HYPERCALL_REP_COMP_OFFSET;
	struct hv_get_vp_from_apic_id_in *input;
	u32 *output = partition_memory(&partition, OUTPUT_GPA, 16);
	u64 result;

	input = partition_memory(&partition, INPUT_GPA, sizeof(*input) + 16);
	*input = (struct hv_get_vp_from_apic_id_in) { .partition_id = CHILD };
	input->apic_ids[0] = 2;
	input->apic_ids[1] = 0;
	input->apic_ids[2] = 3;
	input->apic_ids[3] = 1;
	result = hypercall(self->vp, control, INPUT_GPA, OUTPUT_GPA);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET, result);
	EXPECT_EQ(2, output[0]);
	EXPECT_EQ(0, output[1]);
	EXPECT_EQ(0, output[3]);

	input->apic_ids[2] = CHILD_VPS_MAX;
	result = hypercall(self->vp, control, INPUT_GPA, OUTPUT_GPA);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET, result);

	input->apic_ids[2] = 2;
	result = hypercall(self->vp, control, INPUT_GPA, OUTPUT_GPA);
	EXPECT_EQ(4ULL << HV_HYPERCALL_REP_COMP_OFFSET, result);
	EXPECT_EQ(1, output[3]);

	input->target_vtl.use_target_vtl = 1;
	result = hypercall(self->vp, control, INPUT_GPA, OUTPUT_GPA);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, result);
	input->target_vtl.as_uint8 = 0;
	input->partition_id = 0x101;
	result = hypercall(self->vp, control, INPUT_GPA, OUTPUT_GPA);
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, result);
}

static u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* Let the clock's thread go on until a VP has an interrupt; how long that took. */
static u64 wait_pending(const struct child_vp *vp, u64 most_ms)
{
	u64 start = now_ms();

	while (pending(vp) < 0 && now_ms() - start < most_ms) {
		pthread_mutex_unlock(&partition.lock);
		usleep(500);
		pthread_mutex_lock(&partition.lock);
	}
	return now_ms() - start;
}

/* What this process has used of its processors while it slept, ms. */
static u64 sleep_ms(unsigned int ms)
{
	clock_t before = clock();

	pthread_mutex_unlock(&partition.lock);
	usleep(ms * 1000);
	pthread_mutex_lock(&partition.lock);
	return (clock() - before) * 1000 / CLOCKS_PER_SEC;
}

static void set_timer(struct child_vp *vp, u32 lvt, u32 count)
{
	apic_write(&vp->apic, DIVIDE, 0xb);
	apic_write(&vp->apic, LVT_TIMER, lvt);
	apic_write(&vp->apic, INITIAL, count);
}

TEST_F(irq, clock)
{
	struct child_vp *vps = self->vps;
	unsigned int i;
	u64 took;

	ASSERT_EQ(0, child_irq_setup(&partition));
	/* It sleeps as long as there is nothing to do. */
	EXPECT_GT(20, sleep_ms(200));
	set_timer(&vps[0], 0xec, 4000U * TIMER_MS);
	EXPECT_GT(20, sleep_ms(200));
	/* An earlier one has it wake earlier. */
	set_timer(&vps[1], 0xed, 20 * TIMER_MS);
	took = wait_pending(&vps[1], 3000);
	EXPECT_EQ(0xed, take(&vps[1]));
	EXPECT_LE(19, took);
	EXPECT_GT(3000, took);
	apic_write(&vps[1].apic, EOI, 0);
	EXPECT_EQ(-1, pending(&vps[0]));
	EXPECT_EQ(-1, pending(&vps[2]));

	for (i = 0; i < 5; i++) {
		set_timer(&vps[2], BIT(17) | 0xee, 2 * TIMER_MS);
		wait_pending(&vps[2], 3000);
		EXPECT_EQ(0xee, take(&vps[2]));
		apic_write(&vps[2].apic, EOI, 0);
	}

	/* One that fires as fast as it can leaves the lock to others. */
	set_timer(&vps[2], BIT(17) | 0xee, 1);
	set_timer(&vps[1], 0xed, 20 * TIMER_MS);
	took = wait_pending(&vps[1], 3000);
	EXPECT_EQ(0xed, take(&vps[1]));
	EXPECT_GT(3000, took);
	set_timer(&vps[2], BIT(16), 0);
	set_timer(&vps[0], 0xec, TIMER_MS);
	wait_pending(&vps[0], 3000);
	EXPECT_EQ(0xec, take(&vps[0]));
}

TEST_HARNESS_MAIN
