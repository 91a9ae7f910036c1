// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the hypercalls of a child's guest, against the TLFS: "Hypercall
 * Interface", "Virtual MMU", "Virtual Interrupt Controller".
 */

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/guestcall.h"
#include "../child/msr.h"
#include "../child/property.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../child/wants.h"
#include "../hv/hv_more.h"
#include "../hv/partition.h"
#include "child_fixture.h"

#define FAST		HV_HYPERCALL_FAST_BIT
#define REPS(n)		((u64)(n) << HV_HYPERCALL_REP_COMP_OFFSET)
#define VARHEAD(n)	((u64)(n) << HV_HYPERCALL_VARHEAD_OFFSET)
#define REP_START(n)	((u64)(n) << HV_HYPERCALL_REP_START_OFFSET)
#define INPUT_GPA	0x15000ULL
#define CALL_GPA	0x16000ULL
#define ENABLE		1ULL
#define VECTOR		0x51
#define SVR		0xf0
#define SVR_ON		0x1ff
#define NOBODYS_CALL	0xffe
#define FAR_VP		70		/* in the second bank */
#define CR0_PE		BIT(0)

FIXTURE(call)
{
	struct child_fixture f;
	struct child_vp *other;		/* VP 1 */
};

FIXTURE_SETUP(call)
{
	struct child_fixture *f = &self->f;
	struct hv_create_vp *create = (void *)f->input;

	ASSERT_TRUE(child_setup(f, CHILD_FLAGS));
	f->child->synthetic_features = child_assignable_features();
	memset(f->input, 0, sizeof(f->input));
	create->partition_id = f->child->id;
	create->vp_index = 1;
	ASSERT_EQ(HV_STATUS_SUCCESS, child_call(f, child_vp_create, 0, 0));
	self->other = f->child->vps[1];
	self->other->apic.wait_for_sipi = false;
	apic_write(&f->vp->apic, SVR, SVR_ON);
	apic_write(&self->other->apic, SVR, SVR_ON);
	child_vp_regs(f->vp)->sregs.cs.l = 1;
	child_vp_regs(f->vp)->sregs.cr0 |= CR0_PE;
}

FIXTURE_TEARDOWN(call)
{
	child_teardown(&self->f);
}

/* RAX that a guest gets; ~0: it has not got any yet. */
static u64 guest_calls(struct child_fixture *f, u64 control, u64 input, u64 output)
{
	struct kvm_regs *regs = &child_vp_regs(f->vp)->regs;
	u64 gpa;

	regs->rcx = control;
	regs->rdx = input;
	regs->r8 = output;
	return child_guestcall(f->vp, &gpa) == CHILD_GUESTCALL_DONE ? regs->rax : ~0ULL;
}

static void grant(struct child_fixture *f,
		  union hv_partition_synthetic_processor_features features)
{
	f->child->synthetic_features = features.as_uint64[0];
}

TEST_F(call, ipi)
{
	struct child_fixture *f = &self->f;

	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR, BIT(1)));
	EXPECT_EQ(VECTOR, apic_pending(&self->other->apic));
	EXPECT_EQ(-1, apic_pending(&f->vp->apic));
	/* VPs that are not there do not count. */
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR, ~0ULL));
	EXPECT_EQ(VECTOR, apic_pending(&f->vp->apic));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, HVCALL_SEND_IPI | FAST, 15, BIT(1)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, HVCALL_SEND_IPI | FAST, 0x100, BIT(1)));
	/* It has no elements, and no variable header. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_SEND_IPI | FAST | REPS(1), VECTOR, BIT(1)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_SEND_IPI | FAST | VARHEAD(1), VECTOR, BIT(1)));
}

TEST_F(call, ipi_ex)
{
	struct hv_send_ipi_ex *input = child_at(&self->f, INPUT_GPA);
	struct child_fixture *f = &self->f;

	input->vector = VECTOR;
	input->vp_set.format = HV_GENERIC_SET_SPARSE_4K;
	input->vp_set.valid_bank_mask = BIT(0) | BIT(2);
	input->vp_set.bank_contents[0] = BIT(1);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_SEND_IPI_EX | VARHEAD(1), INPUT_GPA, 0));
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI_EX | VARHEAD(2), INPUT_GPA, 0));
	EXPECT_EQ(VECTOR, apic_pending(&self->other->apic));
	EXPECT_EQ(-1, apic_pending(&f->vp->apic));
	input->vp_set.format = HV_GENERIC_SET_ALL;
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI_EX, INPUT_GPA, 0));
	EXPECT_EQ(VECTOR, apic_pending(&f->vp->apic));
	input->vp_set.format = 2;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, HVCALL_SEND_IPI_EX, INPUT_GPA, 0));
}

TEST_F(call, flush)
{
	struct hv_tlb_flush *input = child_at(&self->f, INPUT_GPA);
	struct child_fixture *f = &self->f;

	input->processor_mask = BIT(1);
	EXPECT_EQ(0, guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA, 0));
	EXPECT_TRUE(self->other->flush_owed);
	EXPECT_FALSE(f->vp->flush_owed);
	self->other->flush_owed = false;
	input->processor_mask = 0;
	input->flags = HV_FLUSH_ALL_PROCESSORS;
	/* All elements are done at once. */
	EXPECT_EQ(REPS(2), guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST | REPS(2),
				       INPUT_GPA, 0));
	EXPECT_TRUE(self->other->flush_owed);
	EXPECT_TRUE(f->vp->flush_owed);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST, INPUT_GPA, 0));
	/* No VP stands for all, as KVM has it. */
	self->other->flush_owed = false;
	input->flags = 0;
	EXPECT_EQ(0, guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA, 0));
	EXPECT_TRUE(self->other->flush_owed);
	input->flags = BIT(8);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA, 0));
}

/* What means something to one of the two calls only, and a format that must be granted. */
TEST_F(call, flush_flags)
{
	union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = child_assignable_features(),
	};
	struct hv_tlb_flush_ex *input_ex = child_at(&self->f, INPUT_GPA + HV_HYP_PAGE_SIZE);
	struct hv_tlb_flush *input = child_at(&self->f, INPUT_GPA);
	u64 list = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST | REPS(1);
	u64 list_ex = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX | REPS(1);
	u64 space = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE;
	struct child_fixture *f = &self->f;

	input->flags = HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY;
	EXPECT_EQ(0, guest_calls(f, space, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, guest_calls(f, list, INPUT_GPA, 0));
	input->flags = HV_FLUSH_USE_EXTENDED_RANGE_FORMAT;
	input_ex->flags = HV_FLUSH_USE_EXTENDED_RANGE_FORMAT;
	input_ex->hv_vp_set.format = HV_GENERIC_SET_ALL;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, guest_calls(f, space, INPUT_GPA, 0));
	EXPECT_EQ(REPS(1), guest_calls(f, list, INPUT_GPA, 0));
	EXPECT_EQ(REPS(1), guest_calls(f, list_ex, INPUT_GPA + HV_HYP_PAGE_SIZE, 0));
	features.enable_extended_gva_ranges_for_flush_virtual_address_list = 0;
	grant(f, features);
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, guest_calls(f, list, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, list_ex, INPUT_GPA + HV_HYP_PAGE_SIZE, 0));
}

/* A VP that is in KVM; it comes out when it is called. */
struct in_kvm {
	struct child_vp *vp;
	bool called;
};

static void *be_in_kvm(void *argument)
{
	const struct timespec patience = { .tv_sec = 10 };
	struct in_kvm *in_kvm = argument;
	struct child_vp *vp = in_kvm->vp;
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, CHILD_KICK_SIGNAL);
	in_kvm->called = sigtimedwait(&kick, NULL, &patience) == CHILD_KICK_SIGNAL;
	pthread_mutex_lock(&vp->child->parent->lock);
	vp->in_kvm = false;
	pthread_cond_broadcast(&vp->changed);
	pthread_mutex_unlock(&vp->child->parent->lock);
	return NULL;
}

/* A flush is over when no VP goes on with what it knew before: they are called out. */
TEST_F(call, flush_waits_for_those_in_kvm)
{
	struct child_fixture *f = &self->f;
	struct in_kvm in_kvm = { .vp = self->other };
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, CHILD_KICK_SIGNAL);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &kick, NULL));
	self->other->in_kvm = true;
	self->other->run->immediate_exit = 0;

	/* One that need not forget anything is left alone, and so is the caller. */
	f->vp->flush_owed = true;
	child_guestcall_settle(f->vp);
	EXPECT_TRUE(self->other->in_kvm);
	EXPECT_EQ(0, self->other->run->immediate_exit);

	self->other->flush_owed = true;
	ASSERT_EQ(0, pthread_create(&self->other->thread, NULL, be_in_kvm, &in_kvm));
	child_guestcall_settle(f->vp);
	EXPECT_FALSE(self->other->in_kvm);
	EXPECT_EQ(1, self->other->run->immediate_exit);
	EXPECT_EQ(0, self->other->pullers);
	/* It forgets when it enters again. */
	EXPECT_TRUE(self->other->flush_owed);

	/* Where it was not called it still sits there. */
	pthread_mutex_unlock(&f->partition->lock);
	pthread_join(self->other->thread, NULL);
	pthread_mutex_lock(&f->partition->lock);
	EXPECT_TRUE(in_kvm.called);

	/* Out of KVM, nobody is waited for. */
	child_guestcall_settle(f->vp);
}

TEST_F(call, flush_ex)
{
	struct hv_tlb_flush_ex *input = child_at(&self->f, INPUT_GPA);
	struct child_fixture *f = &self->f;

	input->hv_vp_set.format = HV_GENERIC_SET_SPARSE_4K;
	input->hv_vp_set.valid_bank_mask = 1;
	input->hv_vp_set.bank_contents[0] = BIT(1);
	EXPECT_EQ(REPS(1), guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX | VARHEAD(1) |
				       REPS(1), INPUT_GPA, 0));
	EXPECT_TRUE(self->other->flush_owed);
	EXPECT_FALSE(f->vp->flush_owed);
	input->hv_vp_set.format = HV_GENERIC_SET_ALL;
	EXPECT_EQ(0, guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, INPUT_GPA, 0));
	EXPECT_TRUE(f->vp->flush_owed);
}

TEST_F(call, what_was_not_granted)
{
	union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = child_assignable_features(),
	};
	struct child_fixture *f = &self->f;

	features.extended_processor_masks = 0;
	grant(f, features);
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED, guest_calls(f, HVCALL_SEND_IPI_EX, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, INPUT_GPA, 0));
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR, 0));
	features.synthetic_cluster_ipi = 0;
	features.tb_flush_hypercalls = 0;
	features.notify_long_spin_wait = 0;
	features.signal_events = 0;
	grant(f, features);
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR, 0));
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  guest_calls(f, HVCALL_NOTIFY_LONG_SPIN_WAIT | FAST, 5, 0));
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  guest_calls(f, HVCALL_SIGNAL_EVENT | FAST, 5, 0));
}

TEST_F(call, input)
{
	struct child_fixture *f = &self->f;
	u64 gpa = 0;

	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA + 4, 0));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, INPUT_GPA + 0xff0, 0));
	/* What does not fit into registers, and what nobody can read without KVM. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_POST_MESSAGE | FAST, 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE | FAST, 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, HVCALL_SEND_IPI | FAST | BIT_ULL(27), VECTOR, 0));
	/* Beyond its address space. */
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE,
			      1ULL << f->partition->physical_bits, 0));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  guest_calls(f, HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, 1ULL << 60, 0));
	/* Its parent is to bring the page first. */
	child_vp_regs(f->vp)->regs.rcx = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE;
	child_vp_regs(f->vp)->regs.rdx = CHILD_PAGES * HV_HYP_PAGE_SIZE;
	EXPECT_EQ(CHILD_GUESTCALL_MISSING, child_guestcall(f->vp, &gpa));
	EXPECT_EQ(CHILD_PAGES * HV_HYP_PAGE_SIZE, gpa);
}

/* VPs of the second bank, and sets without any VP that there is. */
TEST_F(call, banks)
{
	struct hv_create_vp *create = (void *)self->f.input;
	struct hv_tlb_flush_ex *input = child_at(&self->f, INPUT_GPA);
	struct child_fixture *f = &self->f;
	u64 code = HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX;
	struct child_vp *far;

	memset(f->input, 0, sizeof(f->input));
	create->partition_id = f->child->id;
	create->vp_index = FAR_VP;
	ASSERT_EQ(HV_STATUS_SUCCESS, child_call(f, child_vp_create, 0, 0));
	far = f->child->vps[FAR_VP];

	memset(input, 0, HV_HYP_PAGE_SIZE);
	input->hv_vp_set.format = HV_GENERIC_SET_SPARSE_4K;
	EXPECT_EQ(0, guest_calls(f, code, INPUT_GPA, 0));
	input->hv_vp_set.valid_bank_mask = BIT_ULL(63);
	input->hv_vp_set.bank_contents[0] = ~0ULL;
	EXPECT_EQ(0, guest_calls(f, code | VARHEAD(1), INPUT_GPA, 0));
	EXPECT_FALSE(f->vp->flush_owed || self->other->flush_owed || far->flush_owed);
	input->hv_vp_set.valid_bank_mask = BIT_ULL(FAR_VP / 64);
	input->hv_vp_set.bank_contents[0] = BIT_ULL(FAR_VP % 64);
	EXPECT_EQ(0, guest_calls(f, code | VARHEAD(1), INPUT_GPA, 0));
	EXPECT_TRUE(far->flush_owed);
	EXPECT_FALSE(f->vp->flush_owed || self->other->flush_owed);
	/* As many banks as the mask has bits, no more and no less. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, guest_calls(f, code, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  guest_calls(f, code | VARHEAD(2), INPUT_GPA, 0));
}

/* The last place of a page that input fits into, and the first that it does not. */
TEST_F(call, end_of_a_page)
{
	struct child_fixture *f = &self->f;
	u64 end = INPUT_GPA + HV_HYP_PAGE_SIZE;
	struct hv_send_ipi *input = child_at(f, end - sizeof(*input));
	/* What is left of it, beside the other parameters. */
	u64 most = (HV_HYP_PAGE_SIZE - sizeof(struct hv_tlb_flush)) / sizeof(u64);
	u64 list = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST;

	input->vector = VECTOR;
	input->cpu_mask = BIT(1);
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI, end - sizeof(*input), 0));
	EXPECT_EQ(VECTOR, apic_pending(&self->other->apic));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, guest_calls(f, HVCALL_SEND_IPI, end - 8, 0));
	EXPECT_EQ(REPS(most), guest_calls(f, list | REPS(most), INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  guest_calls(f, list | REPS(most + 1), INPUT_GPA, 0));
	/* Elements that are done already are part of it; as many as there are must be left. */
	EXPECT_EQ(REPS(most),
		  guest_calls(f, list | REPS(most) | REP_START(most - 1), INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  (u16)guest_calls(f, list | REPS(most) | REP_START(most), INPUT_GPA, 0));
}

/* TLFS, "Hypercall Input Value": bits 31:27, 47:44 and 63:60 are reserved. */
TEST_F(call, reserved_bits)
{
	static const u8 reserved[] = { 27, 31, 44, 47, 60, 63 };
	struct child_fixture *f = &self->f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++)
		EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
			  guest_calls(f, HVCALL_SEND_IPI | FAST | BIT_ULL(reserved[i]), VECTOR,
				      BIT(1)));
	/* So is what of a vector's register is above the vector. */
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR | BIT_ULL(32), BIT(1)));
	EXPECT_EQ(-1, apic_pending(&self->other->apic));
}

TEST_F(call, without_64_bits)
{
	struct kvm_regs *regs = &child_vp_regs(self->f.vp)->regs;
	struct child_fixture *f = &self->f;
	u64 gpa;

	child_vp_regs(f->vp)->sregs.cs.l = 0;
	regs->rdx = 0;
	regs->rax = HVCALL_SEND_IPI | FAST;
	regs->rbx = 0;
	regs->rcx = VECTOR;
	regs->rdi = 0;
	regs->rsi = BIT(1);
	EXPECT_EQ(CHILD_GUESTCALL_DONE, child_guestcall(f->vp, &gpa));
	EXPECT_EQ(0, regs->rax);
	EXPECT_EQ(VECTOR, apic_pending(&self->other->apic));
	regs->rdx = REPS(1) >> 32;
	regs->rax = HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST;
	regs->rcx = INPUT_GPA;
	EXPECT_EQ(CHILD_GUESTCALL_DONE, child_guestcall(f->vp, &gpa));
	EXPECT_EQ(0, regs->rax);
	EXPECT_EQ(1, regs->rdx);
}

static u16 install(struct child_fixture *f, u32 type)
{
	struct hv_input_install_intercept *input = (void *)f->input;

	memset(f->input, 0, sizeof(f->input));
	input->partition_id = f->child->id;
	input->access_type = HV_INTERCEPT_ACCESS_MASK_EXECUTE;
	input->intercept_type = type;
	return child_call(f, child_install_intercept, 0, 0);
}

/* Which of them the parent makes, once it has asked for them. */
TEST_F(call, by_the_parent)
{
	static const struct {
		u16 code;
		u32 type;
		u16 status;
	} calls[] = {
		{ NOBODYS_CALL, HV_INTERCEPT_TYPE_HYPERCALL, HV_STATUS_INVALID_HYPERCALL_CODE },
		{ HVCALL_SIGNAL_EVENT, HV_INTERCEPT_TYPE_UNKNOWN_SYNIC_CONNECTION,
		  HV_STATUS_INVALID_CONNECTION_ID },
		{ HVCALL_RETARGET_INTERRUPT, HV_INTERCEPT_TYPE_RETARGET_UNKNOWN_DEVICE,
		  HV_STATUS_INVALID_HYPERCALL_CODE },
	};
	struct child_fixture *f = &self->f;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		for (j = i; j < ARRAY_SIZE(calls); j++)
			EXPECT_EQ(calls[j].status, guest_calls(f, calls[j].code | FAST, 1, 0));
		EXPECT_EQ(HV_STATUS_SUCCESS, install(f, calls[i].type));
		EXPECT_EQ(~0ULL, guest_calls(f, calls[i].code | FAST, 1, 0));
	}
	/* What the hypervisor makes it makes itself. */
	EXPECT_EQ(0, guest_calls(f, HVCALL_SEND_IPI | FAST, VECTOR, BIT(1)));
}

TEST_F(call, place)
{
	struct kvm_sync_regs *regs = child_vp_regs(self->f.vp);
	struct child_fixture *f = &self->f;

	regs->sregs.cs.base = 0;
	regs->sregs.ss.dpl = 0;
	regs->regs.rip = CALL_GPA + 2;
	EXPECT_FALSE(child_guestcall_is_one(f->vp));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_GUEST_OS_ID, 1));
	EXPECT_TRUE(child_msr_write(f->vp, HV_X64_MSR_HYPERCALL, CALL_GPA | ENABLE));
	EXPECT_TRUE(child_guestcall_is_one(f->vp));
	regs->regs.rip = INPUT_GPA;
	EXPECT_FALSE(child_guestcall_is_one(f->vp));
}

/* Neither in real mode nor without privileges: #UD, which the parent is not asked for. */
TEST_F(call, modes_without_hypercalls)
{
	struct kvm_sync_regs *regs = child_vp_regs(self->f.vp);
	struct child_fixture *f = &self->f;
	u64 gpa;

	EXPECT_EQ(HV_STATUS_SUCCESS, install(f, HV_INTERCEPT_TYPE_HYPERCALL));
	regs->regs.rcx = NOBODYS_CALL | FAST;
	regs->regs.rax = 0x77;
	regs->sregs.ss.dpl = 3;
	EXPECT_EQ(CHILD_GUESTCALL_UNDEFINED, child_guestcall(f->vp, &gpa));
	regs->sregs.ss.dpl = 0;
	regs->sregs.cr0 &= ~CR0_PE;
	regs->sregs.cs.l = 0;
	EXPECT_EQ(CHILD_GUESTCALL_UNDEFINED, child_guestcall(f->vp, &gpa));
	EXPECT_EQ(0x77, regs->regs.rax);
	regs->sregs.cr0 |= CR0_PE;
	regs->sregs.cs.l = 1;
	EXPECT_EQ(CHILD_GUESTCALL_PARENT, child_guestcall(f->vp, &gpa));
}

TEST_HARNESS_MAIN
