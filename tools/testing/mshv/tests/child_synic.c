// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the SynIC of a child's VP, against the rules of the TLFS: "Virtual
 * Interrupt Controller", "Inter-Partition Communication".
 */

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/direct.h"
#include "../child/memory.h"
#include "../child/msr.h"
#include "../child/property.h"
#include "../child/run.h"
#include "../child/synic.h"
#include "../child/vp.h"
#include "../hv/hv_more.h"
#include "child_fixture.h"
#include "child_msrs.h"

#define ENABLE		1ULL
#define MESSAGES_GPA	0x12000ULL
#define EVENTS_GPA	0x13000ULL
#define OTHER_GPA	0x14000ULL
#define SINT		4
#define VECTOR		0x51
#define AUTO_EOI	HV_SYNIC_SINT_AUTO_EOI
#define POLLING		BIT_ULL(18)
#define SVR		0xf0
#define SVR_ON		0x1ff
#define RFLAGS_IF	BIT(9)
#define NMI		HV_DELIVERABILITY_NMI
#define INTERRUPT	HV_DELIVERABILITY_INTERRUPT
#define PRIORITY(n)	((u64)(n) << HV_DELIVERABILITY_PRIORITY_SHIFT)

FIXTURE(synic)
{
	struct child_fixture f;
};

/* All of it on, as a guest does it. */
FIXTURE_SETUP(synic)
{
	struct child_fixture *f = &self->f;

	ASSERT_TRUE(child_setup(f, CHILD_FLAGS));
	f->child->synthetic_features = child_assignable_features();
	apic_write(&f->vp->apic, SVR, SVR_ON);
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, MESSAGES_GPA | ENABLE));
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SIEFP, EVENTS_GPA | ENABLE));
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, VECTOR));
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, ENABLE));
}

FIXTURE_TEARDOWN(synic)
{
	child_teardown(&self->f);
}

static u16 post(struct child_fixture *f, u32 sint, u32 type)
{
	struct hv_input_post_message_direct *input = (void *)f->input;
	struct hv_message *message = (void *)input->message;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->sint_index = sint;
	message->header.message_type = type;
	message->header.payload_size = 8;
	message->u.payload[0] = 0x1122334455667788ULL + type;
	return child_call(f, direct_post_message, 0, 0);
}

/* Less than 0: it is refused, with that status; else whether the flag was clear. */
static int ring(struct child_fixture *f, u32 sint, u16 flag)
{
	struct hv_input_signal_event_direct *input = (void *)f->input;
	const struct hv_output_signal_event_direct *output = (void *)f->output;
	u16 status;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->sint = sint;
	input->flag_number = flag;
	status = child_call(f, direct_signal_event, 0, 0);
	return status == HV_STATUS_SUCCESS ? output->newly_signaled : -(int)status;
}

static struct hv_message *slot(struct child_fixture *f, u32 sint)
{
	struct hv_message_page *page = child_memory(f->child, MESSAGES_GPA, HV_HYP_PAGE_SIZE);

	return &page->sint_message[sint];
}

static u32 event_word(struct child_fixture *f, u32 sint, u32 word)
{
	struct hv_synic_event_flags_page *page =
		child_memory(f->child, EVENTS_GPA, HV_HYP_PAGE_SIZE);

	return page->event_flags[sint].flags32[word];
}

/* The vector that waits, which the VP takes. -1: none. */
static int take(struct child_fixture *f)
{
	int vector = apic_pending(&f->vp->apic);

	if (vector >= 0)
		apic_accept(&f->vp->apic, vector);
	return vector;
}

TEST_F(synic, registers_after_reset)
{
	struct child_fixture f;
	u32 i;

	ASSERT_TRUE(child_setup(&f, CHILD_FLAGS));
	f.child->synthetic_features = child_assignable_features();
	EXPECT_EQ(0, rdmsr(&f, HV_X64_MSR_SCONTROL));
	EXPECT_EQ(HV_SYNIC_VERSION_1, rdmsr(&f, HV_X64_MSR_SVERSION));
	EXPECT_EQ(0, rdmsr(&f, HV_X64_MSR_SIEFP));
	EXPECT_EQ(0, rdmsr(&f, HV_X64_MSR_SIMP));
	EXPECT_EQ(0, rdmsr(&f, HV_X64_MSR_EOM));
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		EXPECT_EQ(HV_SYNIC_SINT_MASKED, rdmsr(&f, HV_X64_MSR_SINT0 + i));
	child_teardown(&f);
}

TEST_F(synic, registers_that_are_not_granted)
{
	static const u32 msrs[] = {
		HV_X64_MSR_SCONTROL, HV_X64_MSR_SVERSION, HV_X64_MSR_SIEFP, HV_X64_MSR_SIMP,
		HV_X64_MSR_EOM, HV_X64_MSR_SINT0, HV_X64_MSR_SINT15, HV_X64_MSR_SIRBP,
	};
	union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = child_assignable_features(),
	};
	struct child_fixture *f = &self->f;
	unsigned int i;
	u64 value;

	features.access_synic_regs = 0;
	f->child->synthetic_features = features.as_uint64[0];
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		EXPECT_FALSE(child_msr_read(f->vp, msrs[i], &value));
		EXPECT_FALSE(wrmsr(f, msrs[i], HV_SYNIC_SINT_MASKED));
	}
	/* Its parent has them all the same. */
	EXPECT_EQ(VECTOR, child_get64(f, HV_REGISTER_SINT0 + SINT));
}

TEST_F(synic, values_that_are_not_taken)
{
	struct child_fixture *f = &self->f;

	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_SVERSION, 1));
	/* Lower vectors are the processor's, unless the SINT is masked. */
	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_SINT2, 15));
	EXPECT_EQ(HV_SYNIC_SINT_MASKED, rdmsr(f, HV_X64_MSR_SINT2));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT2, HV_SYNIC_SINT_MASKED | 15));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT2, 16));
	/* There is no such memory, or another page lies there. */
	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_SIMP, 1ULL << 60 | ENABLE));
	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_SIMP, EVENTS_GPA | ENABLE));
	EXPECT_EQ(EVENTS_GPA | ENABLE, rdmsr(f, HV_X64_MSR_SIEFP));
	/* Who gets #GP finds all as it was. */
	EXPECT_EQ(MESSAGES_GPA | ENABLE, rdmsr(f, HV_X64_MSR_SIMP));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 0x77));
	EXPECT_EQ(0x77, slot(f, SINT)->header.message_type);
}

TEST_F(synic, message)
{
	struct child_fixture *f = &self->f;

	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 0x77));
	EXPECT_EQ(0x77, slot(f, SINT)->header.message_type);
	EXPECT_EQ(8, slot(f, SINT)->header.payload_size);
	EXPECT_EQ(0, slot(f, SINT)->header.message_flags.asu8);
	EXPECT_EQ(0x1122334455667788ULL + 0x77, slot(f, SINT)->u.payload[0]);
	EXPECT_EQ(VECTOR, take(f));
	EXPECT_EQ(-1, take(f));

	/* It is taken: the guest is asked to say when it is free. */
	EXPECT_EQ(HV_STATUS_OBJECT_IN_USE, post(f, SINT, 0x78));
	EXPECT_EQ(0x77, slot(f, SINT)->header.message_type);
	EXPECT_EQ(1, slot(f, SINT)->header.message_flags.asu8);
	EXPECT_EQ(-1, take(f));
	slot(f, SINT)->header.message_type = HVMSG_NONE;
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOM, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 0x78));
	EXPECT_EQ(0, slot(f, SINT)->header.message_flags.asu8);
	/* The first one was not ended, so this one is not delivered yet. */
	EXPECT_EQ(-1, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOI, 0));
	EXPECT_EQ(VECTOR, take(f));

	/* Each SINT has a slot of its own. */
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, 15, 0x79));
	EXPECT_EQ(0x79, slot(f, 15)->header.message_type);
}

TEST_F(synic, messages_that_have_no_slot)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, 0));
	EXPECT_EQ(HV_STATUS_INVALID_SYNIC_STATE, post(f, SINT, 1));
	EXPECT_EQ(-HV_STATUS_INVALID_SYNIC_STATE, ring(f, SINT, 1));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, ENABLE));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, MESSAGES_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_SYNIC_STATE, post(f, SINT, 1));
	EXPECT_EQ(1, ring(f, SINT, 1));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIEFP, EVENTS_GPA));
	EXPECT_EQ(-HV_STATUS_INVALID_SYNIC_STATE, ring(f, SINT, 1));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, MESSAGES_GPA | ENABLE));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 1));
}

TEST_F(synic, masked_and_polled)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, HV_SYNIC_SINT_MASKED | VECTOR));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 1));
	EXPECT_EQ(1, slot(f, SINT)->header.message_type);
	EXPECT_EQ(-HV_STATUS_INVALID_SYNIC_STATE, ring(f, SINT, 0));
	EXPECT_EQ(0, event_word(f, SINT, 0));
	EXPECT_EQ(-1, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, POLLING | VECTOR));
	slot(f, SINT)->header.message_type = HVMSG_NONE;
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 2));
	EXPECT_EQ(2, slot(f, SINT)->header.message_type);
	EXPECT_EQ(1, ring(f, SINT, 0));
	EXPECT_EQ(1, event_word(f, SINT, 0));
	EXPECT_EQ(-1, take(f));
}

TEST_F(synic, event_flags)
{
	struct child_fixture *f = &self->f;

	EXPECT_EQ(1, ring(f, SINT, 33));
	EXPECT_EQ(BIT(1), event_word(f, SINT, 1));
	EXPECT_EQ(0, event_word(f, SINT, 0));
	EXPECT_EQ(VECTOR, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOI, 0));
	/* One that is set raises nothing. */
	EXPECT_EQ(0, ring(f, SINT, 33));
	EXPECT_EQ(-1, take(f));
	EXPECT_EQ(1, ring(f, SINT, HV_EVENT_FLAGS_COUNT - 1));
	EXPECT_EQ(BIT(31), event_word(f, SINT, HV_EVENT_FLAGS32_COUNT - 1));
	EXPECT_EQ(VECTOR, take(f));
	EXPECT_EQ(-HV_STATUS_INVALID_PARAMETER, ring(f, SINT, HV_EVENT_FLAGS_COUNT));
}

TEST_F(synic, auto_eoi)
{
	struct child_fixture *f = &self->f;

	EXPECT_FALSE(child_synic_ends(f->vp, VECTOR));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, AUTO_EOI | VECTOR));
	EXPECT_TRUE(child_synic_ends(f->vp, VECTOR));
	EXPECT_FALSE(child_synic_ends(f->vp, VECTOR + 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 1));
	EXPECT_EQ(VECTOR, take(f));
	/* In service until it is forgiven: the next of that class can come then. */
	apic_request(&f->vp->apic, VECTOR, false);
	EXPECT_EQ(-1, take(f));
	apic_forgive(&f->vp->apic, VECTOR);
	EXPECT_EQ(VECTOR, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, HV_SYNIC_SINT_MASKED | AUTO_EOI | VECTOR));
	EXPECT_FALSE(child_synic_ends(f->vp, VECTOR));
}

TEST_F(synic, pages_that_move)
{
	struct child_fixture *f = &self->f;
	u8 *below = child_at(f, MESSAGES_GPA);

	EXPECT_NE(below, (u8 *)slot(f, 0));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 0x66));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, OTHER_GPA | ENABLE));
	EXPECT_EQ(below, child_memory(f->child, MESSAGES_GPA, 1));
	EXPECT_EQ(0x66, ((struct hv_message_page *)child_memory(f->child, OTHER_GPA, 1))->
			sint_message[SINT].header.message_type);
	/* Nowhere, it keeps what it has, which its parent can read. */
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, OTHER_GPA));
	EXPECT_EQ(child_at(f, OTHER_GPA), child_memory(f->child, OTHER_GPA, 1));
	EXPECT_EQ(0x66, ((struct hv_message_page *)child_synic_messages(f->vp))->
			sint_message[SINT].header.message_type);
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, MESSAGES_GPA | ENABLE));
	EXPECT_EQ(0x66, slot(f, SINT)->header.message_type);
}

TEST_F(synic, slots_that_the_parent_waits_for)
{
	const u64 both = (u64)(BIT(SINT) | BIT(5)) << HV_DELIVERABILITY_SINTS_SHIFT;
	struct child_fixture *f = &self->f;

	EXPECT_EQ(0, child_synic_deliverable(f->vp));
	EXPECT_EQ(HV_STATUS_SUCCESS, post(f, SINT, 1));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(f, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, both));
	EXPECT_EQ(both, child_get64(f, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS));
	EXPECT_EQ(BIT(5), child_synic_deliverable(f->vp));
	/* The guest says EOM because it is asked to. */
	EXPECT_EQ(1, slot(f, SINT)->header.message_flags.asu8);
	slot(f, SINT)->header.message_type = HVMSG_NONE;
	EXPECT_EQ(BIT(SINT) | BIT(5), child_synic_deliverable(f->vp));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, 0));
	EXPECT_EQ(0, child_synic_deliverable(f->vp));
}

static u16 wait_for(struct child_fixture *f, u64 what)
{
	return child_set64(f, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, what);
}

static u64 waits_for(struct child_fixture *f)
{
	return child_get64(f, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS);
}

/* Have it run up to what the parent is told of. Return: the type; -1: something else. */
static int told_of(struct child_fixture *f)
{
	const struct hv_x64_interruption_deliverable_message *message =
		(void *)f->vp->message.u.payload;

	f->vp->explicit_suspend = false;
	if (child_run(f->vp) != CHILD_STOP_INTERCEPT ||
	    f->vp->message.header.message_type != HVMSG_X64_INTERRUPTION_DELIVERABLE ||
	    f->vp->message.header.payload_size != sizeof(*message))
		return -1;
	return message->deliverable_type;
}

TEST_F(synic, interrupts_that_the_parent_waits_for)
{
	struct kvm_sync_regs *regs = child_vp_regs(self->f.vp);
	struct child_fixture *f = &self->f;

	EXPECT_EQ(HV_STATUS_SUCCESS, wait_for(f, INTERRUPT));
	EXPECT_EQ(INTERRUPT, waits_for(f));
	EXPECT_FALSE(child_run_has_work(f->vp));
	regs->regs.rflags |= RFLAGS_IF;
	EXPECT_TRUE(child_run_has_work(f->vp));
	regs->events.interrupt.shadow = 1;
	EXPECT_FALSE(child_run_has_work(f->vp));
	regs->events.interrupt.shadow = 0;
	regs->events.exception.pending = 1;
	f->vp->apic.wait_for_sipi = true;
	EXPECT_FALSE(child_run_has_work(f->vp));
	f->vp->apic.wait_for_sipi = false;
	regs->events.exception.pending = 0;
	/* Neither HLT nor the TPR has a say, and it is told of once. */
	f->vp->halted = true;
	f->vp->apic.tpr = 0xff;
	EXPECT_EQ(HV_INTERRUPTION_TYPE_INTERRUPT, told_of(f));
	EXPECT_EQ(1, f->vp->intercepts);
	EXPECT_EQ(0, waits_for(f));
	EXPECT_FALSE(child_run_has_work(f->vp));

	/* The rest is the hypervisor's own, which has the local APIC. */
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, wait_for(f, NMI));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, wait_for(f, INTERRUPT | PRIORITY(1)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, wait_for(f, BIT(6)));
	EXPECT_EQ(0, waits_for(f));
}

TEST_F(synic, interrupts_without_a_local_apic)
{
	struct kvm_sync_regs *regs;
	struct child_fixture f;

	ASSERT_TRUE(child_setup(&f, 0));
	regs = child_vp_regs(f.vp);
	regs->regs.rflags |= RFLAGS_IF;
	f.vp->apic.tpr = 0x40;
	regs->events.nmi.masked = 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, wait_for(&f, BIT(6)));
	EXPECT_EQ(HV_STATUS_SUCCESS, wait_for(&f, NMI | INTERRUPT | PRIORITY(4)));
	EXPECT_EQ(NMI | INTERRUPT | PRIORITY(4), waits_for(&f));
	EXPECT_FALSE(child_run_has_work(f.vp));
	f.vp->apic.tpr = 0x3f;
	EXPECT_TRUE(child_run_has_work(f.vp));
	regs->events.nmi.masked = 0;
	EXPECT_EQ(HV_INTERRUPTION_TYPE_NMI, told_of(&f));
	EXPECT_EQ(INTERRUPT | PRIORITY(4), waits_for(&f));
	EXPECT_EQ(HV_INTERRUPTION_TYPE_INTERRUPT, told_of(&f));
	EXPECT_EQ(0, waits_for(&f));

	/* One that waits to be delivered is in the way, and so is a shadow. */
	regs->regs.rflags &= ~RFLAGS_IF;
	EXPECT_EQ(HV_STATUS_SUCCESS, wait_for(&f, NMI));
	EXPECT_TRUE(child_run_has_work(f.vp));
	regs->events.interrupt.shadow = 1;
	EXPECT_FALSE(child_run_has_work(f.vp));
	regs->events.interrupt.shadow = 0;
	regs->events.nmi.pending = 1;
	regs->events.nmi.masked = 1;
	EXPECT_FALSE(child_run_has_work(f.vp));
	child_teardown(&f);
}

TEST_F(synic, msrs_of_the_local_apic)
{
	struct child_fixture *f = &self->f;
	u64 value;

	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_TPR, 0x50));
	EXPECT_EQ(0x50, rdmsr(f, HV_X64_MSR_TPR));
	EXPECT_EQ(0x50, f->vp->apic.tpr);
	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_TPR, 0x100));
	/* To itself, with a priority that the TPR holds back. */
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_ICR, 0x40000 + VECTOR));
	EXPECT_EQ(-1, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_TPR, 0));
	EXPECT_EQ(VECTOR, take(f));
	EXPECT_EQ(0x40000 + VECTOR, rdmsr(f, HV_X64_MSR_ICR));
	apic_request(&f->vp->apic, VECTOR - 1, false);
	EXPECT_EQ(-1, take(f));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOI, 0));
	EXPECT_EQ(VECTOR - 1, take(f));
	EXPECT_FALSE(child_msr_read(f->vp, HV_X64_MSR_EOI, &value));
	EXPECT_EQ(0, rdmsr(f, HV_X64_MSR_GUEST_IDLE));
}

TEST_F(synic, assist_page)
{
	struct child_fixture *f = &self->f;

	*(u32 *)child_at(f, OTHER_GPA) = 0x55;
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_VP_ASSIST_PAGE, OTHER_GPA | ENABLE));
	EXPECT_EQ(OTHER_GPA | ENABLE, rdmsr(f, HV_X64_MSR_VP_ASSIST_PAGE));
	EXPECT_NE(child_at(f, OTHER_GPA), child_memory(f->child, OTHER_GPA, 4));
	/* No interrupt is said to need no EOI. */
	EXPECT_EQ(0, *(u32 *)child_memory(f->child, OTHER_GPA, 4));
	EXPECT_FALSE(wrmsr(f, HV_X64_MSR_VP_ASSIST_PAGE, MESSAGES_GPA | ENABLE));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_VP_ASSIST_PAGE, OTHER_GPA));
	EXPECT_EQ(0x55, *(u32 *)child_memory(f->child, OTHER_GPA, 4));
}

TEST_HARNESS_MAIN
