// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of a child's registers: by hypercall, by register page, and what
 * INIT makes of them.
 */

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/cpuid.h"
#include "../child/intercept.h"
#include "../child/irq.h"
#include "../child/page.h"
#include "../child/property.h"
#include "../child/regs.h"
#include "../child/regs_call.h"
#include "../child/vp.h"
#include "../child/vp_life.h"
#include "../child/walk.h"
#include "../hv/hv_more.h"
#include "../hv/log.h"
#include "child_fixture.h"

/* A row of names in the interface, and what can be done with them without KVM. */
struct names {
	u32 first;
	u32 last;
	bool in_kvm;
	bool read_only;
};

static const struct names names[] = {
	{ HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND, false, false },
	{ 0x00002, 0x00002, false, true },
	{ HV_REGISTER_DISPATCH_SUSPEND, HV_REGISTER_INTERNAL_ACTIVITY_STATE, false, false },
	{ 0x00100, 0x00100, false, true },
	{ 0x00200, 0x00204, false, true },
	{ 0x00207, 0x00207, false, true },
	{ 0x00240, 0x00241, false, true },
	{ 0x10002, 0x10007, false, false },
	{ 0x20000, 0x20011, false, false },
	{ 0x30000, 0x30019, true, false },
	{ 0x40000, 0x40004, false, false },
	{ 0x40005, 0x40005, true, false },
	{ 0x41000, 0x41000, false, false },
	{ 0x41002, 0x41004, false, false },
	{ 0x50000, 0x50005, true, false },
	{ 0x60000, 0x60007, false, false },
	{ 0x70000, 0x70001, false, false },
	{ 0x80000, 0x80000, true, false },
	{ 0x80001, 0x80001, false, false },
	{ 0x80002, 0x80002, true, false },
	{ 0x80003, 0x80003, false, false },
	{ 0x80004, 0x8000b, true, false },
	{ 0x8000c, 0x8000c, false, false },
	{ 0x8000d, 0x8000d, true, true },
	{ 0x8000e, 0x8000e, true, false },
	{ 0x80010, 0x8001f, true, false },
	{ 0x80040, 0x8004f, true, false },
	{ 0x80070, 0x8007d, true, false },
	{ 0x80084, 0x80086, true, false },
	{ 0x80088, 0x80088, true, false },
	{ 0x8008b, 0x8008d, true, false },
	{ 0x8008f, 0x80093, true, false },
	{ 0x80096, 0x80096, true, false },
	{ 0x80098, 0x8009a, true, false },
	{ 0x800a0, 0x800a0, true, false },
	{ 0x84802, 0x84802, false, false },
	{ 0x84803, 0x84803, false, true },
	{ 0x00210, 0x00215, false, false },
	{ 0x90000, 0x90000, false, true },
	{ 0x90001, 0x90002, false, false },
	{ 0x90003, 0x90004, false, true },
	{ 0x90013, 0x90013, false, false },
	{ 0x90014, 0x90014, false, true },
	{ 0x90017, 0x90017, false, false },
	{ 0xa0000, 0xa0015, false, false },
	{ 0xb0000, 0xb0007, false, false },
};

FIXTURE(regs)
{
	struct child_fixture f;
	struct hv_vp_register_page *page;
};

/* The VP has a register page. */
FIXTURE_SETUP(regs)
{
	struct hv_input_map_vp_state_page *input = (void *)self->f.input;

	ASSERT_TRUE(child_setup(&self->f, CHILD_FLAGS));
	memset(self->f.input, 0, sizeof(self->f.input));
	input->partition_id = self->f.child->id;
	input->type = HV_VP_STATE_PAGE_REGISTERS;
	self->f.child->deposited[RAM_PAGES - 1] = REGISTER_GPFN;
	ASSERT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_vp_map_page, 0, 0));
	ASSERT_EQ(REGISTER_GPFN, self->f.vp->register_gpfn);
	self->page = self->f.ram + REGISTER_GPFN * HV_HYP_PAGE_SIZE;
	self->f.vp->run->kvm_dirty_regs = 0;
}

FIXTURE_TEARDOWN(regs)
{
	child_teardown(&self->f);
}

TEST_F(regs, every_name_of_the_interface_is_known)
{
	union hv_register_value value;
	unsigned int i;
	u32 name;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (name = names[i].first; name <= names[i].last; name++) {
			u16 status = child_get(&self->f, name, &value);

			EXPECT_EQ(names[i].in_kvm, status != HV_STATUS_SUCCESS)
				TH_LOG("register 0x%x", name);
			/* KVM is not there, so what is in it cannot be set. */
			status = child_set64(&self->f, name, 0);
			EXPECT_EQ(names[i].read_only, status == HV_STATUS_INVALID_PARAMETER)
				TH_LOG("register 0x%x", name);
		}
	}
}

TEST_F(regs, names_that_are_none)
{
	static const u32 none[] = {
		5, 0x205, 0x10001, 0x20012, 0x3001a, 0x40006, 0x41001, 0x60008, 0x80094,
		0x84801, 0x90015, 0x9001c, 0xa0016, 0xb0008, 0xffffffff,
	};
	union hv_register_value value = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_get(&self->f, none[i], &value));
		EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_set(&self->f, none[i], &value));
	}
}

/* What the guest sees by CPUID, its parent reads as registers. */
TEST_F(regs, leaves_of_the_hypervisor)
{
	union hv_register_value value;
	u32 leaf[4];

	self->f.child->synthetic_features = child_assignable_features();
	ASSERT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_HYPERVISOR_VERSION, &value));
	child_cpuid_look_up(self->f.vp, HYPERV_CPUID_VERSION, 0, leaf);
	EXPECT_EQ(HV_BUILD_VALIDATED, leaf[0]);
	EXPECT_EQ(0, memcmp(&value, leaf, sizeof(leaf)));
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  child_get(&self->f, HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, &value));
	child_cpuid_look_up(self->f.vp, HYPERV_CPUID_FEATURES, 0, leaf);
	EXPECT_NE(0, leaf[0]);
	EXPECT_EQ(0, memcmp(&value, leaf, sizeof(leaf)));
	EXPECT_EQ(TSC_HZ, child_get64(&self->f, HV_REGISTER_PROCESSOR_CLOCK_FREQUENCY));
	EXPECT_EQ(APIC_TIMER_HZ, child_get64(&self->f, HV_REGISTER_INTERRUPT_CLOCK_FREQUENCY));
	EXPECT_EQ(0x50014, child_get64(&self->f, HV_X64_REGISTER_APIC_VERSION));
}

/* OpenVMM: a VP's local APIC may have another number than the VP. */
TEST_F(regs, apic_ids)
{
	struct hv_get_vp_from_apic_id_in *input = (void *)self->f.input;
	u32 leaf[4];

	EXPECT_EQ(0, child_get64(&self->f, HV_X64_REGISTER_INITIAL_APIC_ID));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_INITIAL_APIC_ID, 6));
	EXPECT_EQ(6, child_get64(&self->f, HV_X64_REGISTER_APIC_ID));
	EXPECT_EQ(6U << 24, apic_read(&self->f.vp->apic, 0x20));
	self->f.child->per_socket = 8;
	child_cpuid_look_up(self->f.vp, 0xb, 1, leaf);
	EXPECT_EQ(6, leaf[3]);
	memset(self->f.input, 0, sizeof(self->f.input));
	input->partition_id = self->f.child->id;
	input->apic_ids[0] = 6;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_irq_vp_index, 1, 0));
	EXPECT_EQ(0, *(u32 *)self->f.output);
	input->apic_ids[0] = 0;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_irq_vp_index, 1, 0));

	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(&self->f, HV_X64_REGISTER_APIC_ID, 0xffffffff));
	self->f.child->flags &= ~(u64)HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE;
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(&self->f, HV_X64_REGISTER_APIC_ID, 0xff));
	/* Once the guest may have seen it, it stays. */
	self->f.vp->ran = true;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_APIC_ID, 6));
	EXPECT_EQ(HV_STATUS_INVALID_VP_STATE,
		  child_set64(&self->f, HV_X64_REGISTER_APIC_ID, 7));
}

TEST_F(regs, whose_registers)
{
	struct hv_input_get_vp_registers *input = (void *)self->f.input;

	memset(self->f.input, 0, sizeof(self->f.input));
	input->partition_id = self->f.child->id + 1;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(&self->f, child_regs_get, 1, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, child_call(&self->f, child_regs_set, 1, 0));
	input->partition_id = self->f.child->id;
	input->vp_index = 1;
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(&self->f, child_regs_get, 1, 0));
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, child_call(&self->f, child_regs_set, 1, 0));
	input->vp_index = 0;
	input->input_vtl.as_uint8 = 0x11;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_regs_get, 1, 0));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_regs_set, 1, 0));
	/* VTL 0, by name. */
	input->input_vtl.as_uint8 = 0x10;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_regs_get, 1, 0));
}

TEST_F(regs, many_at_once_end_where_one_is_wrong)
{
	struct hv_input_get_vp_registers *get = (void *)self->f.input;
	struct hv_input_set_vp_registers *set = (void *)self->f.input;
	const union hv_register_value *values = (void *)self->f.output;
	struct kvm_regs *regs = &child_vp_regs(self->f.vp)->regs;

	memset(self->f.input, 0, sizeof(self->f.input));
	set->partition_id = self->f.child->id;
	set->elements[0].name = HV_X64_REGISTER_RAX + 3;
	set->elements[0].value.reg64 = 0x1111;
	set->elements[1].name = 0x20012;
	set->elements[2].name = HV_X64_REGISTER_RAX;
	set->elements[2].value.reg64 = 0x3333;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_regs_set, 3, 0));
	EXPECT_EQ(1, self->f.call.reps_done);
	EXPECT_EQ(0x1111, regs->rbx);
	EXPECT_EQ(0, regs->rax);

	memset(self->f.input, 0, sizeof(self->f.input));
	get->partition_id = self->f.child->id;
	get->names[0] = HV_X64_REGISTER_RAX + 3;
	get->names[1] = HV_REGISTER_VP_INDEX;
	get->names[2] = 0x20012;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, child_call(&self->f, child_regs_get, 3, 0));
	EXPECT_EQ(2, self->f.call.reps_done);
	EXPECT_EQ(0x1111, values[0].reg64);
	EXPECT_EQ(0, values[0].reg128.high_part);
	EXPECT_EQ(0, values[1].reg64);
	/* What was not done is not written. */
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, values[2].reg64);

	/* A call that goes on where another has ended. */
	get->names[2] = HV_X64_REGISTER_RIP;
	self->f.call.reps_done = 2;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_regs_get(&self->f.call));
	EXPECT_EQ(3, self->f.call.reps_done);
	EXPECT_EQ(0xfff0, values[2].reg64);
}

TEST_F(regs, general_registers_have_an_order_of_their_own)
{
	struct kvm_regs *regs = &child_vp_regs(self->f.vp)->regs;
	u32 i;

	for (i = 0; i < 18; i++)
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  child_set64(&self->f, HV_X64_REGISTER_RAX + i, 0x100 + i));
	EXPECT_EQ(0x100, regs->rax);
	EXPECT_EQ(0x101, regs->rcx);
	EXPECT_EQ(0x102, regs->rdx);
	EXPECT_EQ(0x103, regs->rbx);
	EXPECT_EQ(0x104, regs->rsp);
	EXPECT_EQ(0x105, regs->rbp);
	EXPECT_EQ(0x106, regs->rsi);
	EXPECT_EQ(0x107, regs->rdi);
	EXPECT_EQ(0x108, regs->r8);
	EXPECT_EQ(0x10f, regs->r15);
	EXPECT_EQ(0x110, regs->rip);
	/* Bit 1 is always there. */
	EXPECT_EQ(0x113, regs->rflags);
	EXPECT_EQ(KVM_SYNC_X86_REGS, self->f.vp->run->kvm_dirty_regs);
	EXPECT_EQ(0x10a, child_get64(&self->f, HV_X64_REGISTER_RAX + 10));
}

TEST_F(regs, control_registers)
{
	struct kvm_sregs *sregs = &child_vp_regs(self->f.vp)->sregs;

	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR0, 0x80000011));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR2, 0x2222));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR3, 0x3000));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR4, 0x20));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_EFER, 0x500));
	EXPECT_EQ(0x80000011, sregs->cr0);
	EXPECT_EQ(0x2222, sregs->cr2);
	EXPECT_EQ(0x3000, sregs->cr3);
	EXPECT_EQ(0x20, sregs->cr4);
	EXPECT_EQ(0x500, sregs->efer);
	EXPECT_EQ(KVM_SYNC_X86_SREGS, self->f.vp->run->kvm_dirty_regs);
	EXPECT_EQ(0x3000, child_get64(&self->f, HV_X64_REGISTER_INTERMEDIATE_CR3));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(&self->f, HV_X64_REGISTER_INTERMEDIATE_CR4, 0x30));
	EXPECT_EQ(0x30, child_get64(&self->f, HV_X64_REGISTER_CR4));
}

TEST_F(regs, cr8_is_in_three_places)
{
	struct child_vp *vp = self->f.vp;

	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR8, 9));
	EXPECT_EQ(9, vp->run->cr8);
	EXPECT_EQ(9, child_vp_regs(vp)->sregs.cr8);
	EXPECT_EQ(0x90, vp->apic.tpr);
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(&self->f, HV_X64_REGISTER_CR8, 16));
	/* By the page of its local APIC. */
	vp->apic.tpr = 0x45;
	EXPECT_EQ(4, child_get64(&self->f, HV_X64_REGISTER_CR8));
	EXPECT_EQ(4, child_get64(&self->f, HV_X64_REGISTER_INTERMEDIATE_CR8));
}

TEST_F(regs, segments_and_tables)
{
	union hv_register_value value = { }, back;
	struct kvm_sregs *sregs = &child_vp_regs(self->f.vp)->sregs;

	value.segment = (struct hv_x64_segment_register) {
		.base = 0x123456789a, .limit = 0xfffff, .selector = 0x33, .attributes = 0xaffb,
	};
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_X64_REGISTER_ES + 1, &value));
	EXPECT_EQ(0x123456789a, sregs->cs.base);
	EXPECT_EQ(0xfffff, sregs->cs.limit);
	EXPECT_EQ(0x33, sregs->cs.selector);
	EXPECT_EQ(0xb, sregs->cs.type);
	EXPECT_EQ(1, sregs->cs.s);
	EXPECT_EQ(3, sregs->cs.dpl);
	EXPECT_EQ(1, sregs->cs.present);
	EXPECT_EQ(0, sregs->cs.avl);
	EXPECT_EQ(1, sregs->cs.l);
	EXPECT_EQ(0, sregs->cs.db);
	EXPECT_EQ(1, sregs->cs.g);
	EXPECT_EQ(0, sregs->cs.unusable);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_X64_REGISTER_ES + 1, &back));
	/* Reserved bits of its attributes do not come back. */
	value.segment.attributes = 0xa0fb;
	EXPECT_EQ(0, memcmp(&value, &back, sizeof(value)));

	value.segment.attributes = 0;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_X64_REGISTER_TR, &value));
	EXPECT_EQ(1, sregs->tr.unusable);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_X64_REGISTER_TR, &back));
	EXPECT_EQ(0, back.segment.attributes);

	value = (union hv_register_value) { };
	value.table.base = 0xffff800000001000;
	value.table.limit = 0x7f;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_X64_REGISTER_GDTR, &value));
	EXPECT_EQ(0xffff800000001000, sregs->gdt.base);
	EXPECT_EQ(0x7f, sregs->gdt.limit);
	EXPECT_EQ(0xffff, sregs->idt.limit);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_X64_REGISTER_GDTR, &back));
	EXPECT_EQ(0, memcmp(&value, &back, sizeof(value)));
}

TEST_F(regs, activity)
{
	struct child_vp *vp = self->f.vp;

	EXPECT_EQ(0, child_get64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
			      HV_ACTIVITY_STARTUP_SUSPEND));
	EXPECT_TRUE(vp->apic.wait_for_sipi);
	EXPECT_FALSE(vp->halted);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
			      HV_ACTIVITY_HALT_SUSPEND));
	EXPECT_FALSE(vp->apic.wait_for_sipi);
	EXPECT_TRUE(vp->halted);
	EXPECT_EQ(HV_ACTIVITY_HALT_SUSPEND,
		  child_get64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
			      HV_ACTIVITY_IDLE_SUSPEND));
	EXPECT_TRUE(vp->idle);
	EXPECT_FALSE(vp->halted);
	EXPECT_EQ(HV_ACTIVITY_IDLE_SUSPEND,
		  child_get64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE));
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE,
			      HV_ACTIVITY_IDLE_SUSPEND << 1));
}

/* Each set of it is in the event log, whichever register of the call it is. */
TEST_F(regs, the_log_has_sets_of_the_activity_state)
{
	struct hv_input_set_vp_registers *input = (void *)self->f.input;
	char path[] = "/tmp/hvemu-log-XXXXXX", line[512];
	int fd = mkstemp(path), seen = 0;
	FILE *file;

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, log_open(path));
	memset(self->f.input, 0, sizeof(self->f.input));
	input->partition_id = self->f.child->id;
	input->elements[0].name = HV_X64_REGISTER_RAX;
	input->elements[1].name = HV_REGISTER_INTERNAL_ACTIVITY_STATE;
	input->elements[1].value.reg64 = HV_ACTIVITY_HALT_SUSPEND;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_regs_set, 2, 0));
	/* One that is refused is none, nor is one that is read. */
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE, ~0ULL));
	child_get64(&self->f, HV_REGISTER_INTERNAL_ACTIVITY_STATE);
	log_flush();

	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, " child-activity "))
			continue;
		seen++;
		EXPECT_NE(NULL, strstr(line, "child=0x100 index=0 value=0x2\n"));
	}
	EXPECT_EQ(1, seen);
	fclose(file);
	unlink(path);
	log_open(NULL);
}

TEST_F(regs, interruptions_that_are_being_delivered)
{
	struct kvm_vcpu_events *events = &child_vp_regs(self->f.vp)->events;
	static const u64 right[] = {
		0x00410000 | 1,					/* interrupt 0x41 */
		0x00020000 | 2 << 1 | 1,			/* NMI */
		0x1234ULL << 32 | 0x000d0000 | 1 << 4 | 3 << 1 | 1,	/* #GP(0x1234) */
		0x00060000 | 3 << 1 | 1,			/* #UD */
		0,
	};
	static const u64 wrong[] = {
		0x01000000 | 1,			/* vector 0x100 */
		0x00200000 | 3 << 1 | 1,	/* exception 32 */
		0x00020000 | 3 << 1 | 1,	/* an NMI that says it is an exception */
		0x00800000 | 4 << 1 | 1,	/* INT */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(right); i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  child_set64(&self->f, HV_REGISTER_PENDING_INTERRUPTION, right[i]));
		EXPECT_EQ(right[i], child_get64(&self->f, HV_REGISTER_PENDING_INTERRUPTION));
		EXPECT_LE(events->exception.injected + events->nmi.injected +
			  events->interrupt.injected, 1);
	}
	EXPECT_TRUE(self->f.vp->run->kvm_dirty_regs & KVM_SYNC_X86_EVENTS);
	EXPECT_EQ(0, events->exception.injected + events->nmi.injected +
		  events->interrupt.injected);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
			  child_set64(&self->f, HV_REGISTER_PENDING_INTERRUPTION, wrong[i]));
	EXPECT_EQ(0, child_get64(&self->f, HV_REGISTER_PENDING_INTERRUPTION));

	/* The guest's own INT is told, though it cannot be set. */
	events->interrupt.injected = 1;
	events->interrupt.nr = 0x80;
	events->interrupt.soft = 1;
	EXPECT_EQ(wrong[3], child_get64(&self->f, HV_REGISTER_PENDING_INTERRUPTION));
}

TEST_F(regs, interrupt_state)
{
	struct kvm_vcpu_events *events = &child_vp_regs(self->f.vp)->events;

	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_INTERRUPT_STATE, 3));
	EXPECT_EQ(KVM_X86_SHADOW_INT_STI, events->interrupt.shadow);
	EXPECT_EQ(1, events->nmi.masked);
	EXPECT_TRUE(events->flags & KVM_VCPUEVENT_VALID_SHADOW);
	EXPECT_EQ(3, child_get64(&self->f, HV_REGISTER_INTERRUPT_STATE));
	/* The kind that the guest had stays. */
	events->interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_INTERRUPT_STATE, 1));
	EXPECT_EQ(KVM_X86_SHADOW_INT_MOV_SS, events->interrupt.shadow);
	EXPECT_EQ(0, events->nmi.masked);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_INTERRUPT_STATE, 0));
	EXPECT_EQ(0, events->interrupt.shadow);
}

TEST_F(regs, exceptions_that_are_pending)
{
	struct kvm_vcpu_events *events = &child_vp_regs(self->f.vp)->events;
	struct hv_x64_pending_exception_event event = {
		.event_pending = 1, .deliver_error_code = 1, .vector = 14,
		.error_code = 2, .exception_parameter = 0x7000,
	};
	union hv_register_value value, back;

	memcpy(&value, &event, sizeof(event));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	EXPECT_EQ(1, events->exception.pending);
	EXPECT_EQ(14, events->exception.nr);
	EXPECT_EQ(2, events->exception.error_code);
	EXPECT_EQ(1, events->exception_has_payload);
	EXPECT_EQ(0x7000, events->exception_payload);
	EXPECT_TRUE(events->flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT0, &back));
	EXPECT_EQ(0, memcmp(&value, &back, sizeof(value)));
	EXPECT_EQ(0, child_get64(&self->f, HV_REGISTER_PENDING_INTERRUPTION));

	event.event_type = 6;
	memcpy(&value, &event, sizeof(event));
	EXPECT_EQ(HV_STATUS_INVALID_REGISTER_VALUE,
		  child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	event = (struct hv_x64_pending_exception_event) { };
	memcpy(&value, &event, sizeof(event));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	EXPECT_EQ(0, events->exception.pending);

	/* The other one is only kept. */
	value.reg128 = (struct hv_u128) { .low_part = 5, .high_part = 6 };
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT1, &value));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT1, &back));
	EXPECT_EQ(0, memcmp(&value, &back, sizeof(value)));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
		  child_set64(&self->f, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS, 1));
}

/* What a VMM is told of an access that begins in memory and ends where none is. */
TEST_F(regs, an_access_over_the_end_of_a_page)
{
	static const u8 store[] = { 0x89, 0x03 };	/* mov %eax, (%ebx) */
	const u64 end = CHILD_PAGES * HV_HYP_PAGE_SIZE;
	struct child_vp *vp = self->f.vp;
	struct kvm_sync_regs *regs = child_vp_regs(vp);
	const struct hv_x64_memory_intercept_message *message =
		(const void *)vp->message.u.payload;

	memcpy(child_at(&self->f, 0x1000), store, sizeof(store));
	regs->sregs.cs.base = 0;
	regs->sregs.cs.db = 1;
	regs->regs.rip = 0x1000;
	regs->regs.rbx = end - 2;
	child_intercept_gpa(vp, end, true);
	EXPECT_TRUE(!!message->memory_access_info.gva_valid);
	EXPECT_TRUE(!!message->memory_access_info.gva_gpa_valid);
	EXPECT_EQ(end, message->guest_virtual_address);
	EXPECT_EQ(end, message->guest_physical_address);

	/* One that lies there as a whole, and one that has nothing to do with it. */
	regs->regs.rbx = end + 4;
	child_intercept_gpa(vp, end, true);
	EXPECT_EQ(end + 4, message->guest_virtual_address);
	EXPECT_EQ(end + 4, message->guest_physical_address);
	regs->regs.rbx = end - 0x800;
	child_intercept_gpa(vp, end, true);
	EXPECT_FALSE(!!message->memory_access_info.gva_valid);
	EXPECT_EQ(end, message->guest_physical_address);
}

/* Where a VMM finds it when it saves a VP, and puts it when it restores one. */
TEST_F(regs, external_interrupt_that_is_pending)
{
	struct kvm_vcpu_events *events = &child_vp_regs(self->f.vp)->events;
	const struct hv_x64_pending_ext_int_event wanted = {
		.event_pending = 1, .event_type = HV_X64_PENDING_EVENT_EXT_INT, .vector = 0x31,
	};
	const struct hv_x64_pending_exception_event exception = {
		.event_pending = 1, .vector = 6,
	};
	struct apic *apic = &self->f.vp->apic;
	union hv_register_value value, back, none = { };

	apic_deliver(apic, APIC_EXTINT, 0x31, false);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	EXPECT_EQ(0, memcmp(&value, &wanted, sizeof(wanted)));

	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &none));
	EXPECT_EQ(-1, apic_pending(apic));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT0, &back));
	EXPECT_EQ(0, memcmp(&back, &none, sizeof(none)));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	EXPECT_EQ(0x31, apic_pending(apic));

	/* With an exception: that is seen, and the interrupt stays. */
	memcpy(&value, &exception, sizeof(exception));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set(&self->f, HV_REGISTER_PENDING_EVENT0, &value));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT0, &back));
	EXPECT_EQ(0, memcmp(&value, &back, sizeof(value)));
	EXPECT_EQ(0x31, apic_pending(apic));
	events->exception.pending = 0;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_get(&self->f, HV_REGISTER_PENDING_EVENT0, &back));
	EXPECT_EQ(0, memcmp(&back, &wanted, sizeof(wanted)));
}

TEST_F(regs, suspension)
{
	struct child_vp *vp = self->f.vp;
	struct hv_input_set_vp_registers *set = (void *)self->f.input;

	EXPECT_EQ(1, child_get64(&self->f, HV_REGISTER_EXPLICIT_SUSPEND));
	vp->intercept_suspend = true;
	EXPECT_EQ(1, child_get64(&self->f, HV_REGISTER_INTERCEPT_SUSPEND));

	/* As to run it: what is in its page counts from then on. */
	self->page->rip = 0x1234;
	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_IP);
	memset(self->f.input, 0, sizeof(self->f.input));
	set->partition_id = self->f.child->id;
	set->elements[0].name = HV_REGISTER_INTERCEPT_SUSPEND;
	set->elements[1].name = HV_REGISTER_EXPLICIT_SUSPEND;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_call(&self->f, child_regs_set, 2, 0));
	EXPECT_EQ(2, self->f.call.reps_done);
	EXPECT_FALSE(vp->intercept_suspend);
	EXPECT_FALSE(vp->explicit_suspend);
	EXPECT_EQ(0x1234, child_vp_regs(vp)->regs.rip);
	EXPECT_EQ(0, self->page->dirty);

	/* As to stop it: its page is as it is. */
	child_vp_regs(vp)->regs.rip = 0x5678;
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_EXPLICIT_SUSPEND, 1));
	EXPECT_TRUE(vp->explicit_suspend);
	EXPECT_EQ(0x5678, self->page->rip);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_REGISTER_DISPATCH_SUSPEND, 1));
	EXPECT_TRUE(vp->dispatch_suspend);
	EXPECT_EQ(0, vp->pullers);

	vp->signals = 7;
	EXPECT_EQ(7, child_get64(&self->f, HV_REGISTER_VP_ROOT_SIGNAL_COUNT));
}

TEST_F(regs, the_page_shows_everything)
{
	struct child_vp *vp = self->f.vp;
	struct kvm_sync_regs *sync = child_vp_regs(vp);

	/* As after it was mapped. */
	EXPECT_EQ(1, self->page->version);
	EXPECT_EQ(1, self->page->isvalid);
	EXPECT_EQ(0, self->page->dirty);
	EXPECT_EQ(0xfff0, self->page->rip);
	EXPECT_EQ(0xf000, self->page->cs.selector);

	sync->regs = (struct kvm_regs) {
		.rax = 1, .rcx = 2, .rsp = 3, .r15 = 4, .rip = 5, .rflags = 0x46,
	};
	sync->sregs.cr0 = 0x11;
	sync->sregs.cr3 = 0x12;
	sync->sregs.cr4 = 0x13;
	sync->sregs.efer = 0x14;
	sync->sregs.gs.base = 0x15;
	sync->sregs.es.selector = 0x16;
	sync->events.interrupt.shadow = 1;
	sync->events.interrupt.injected = 1;
	sync->events.interrupt.nr = 0x80;
	vp->apic.tpr = 0x30;
	self->page->isvalid = 0;
	self->page->dirty = 7;
	child_page_refresh(vp);
	EXPECT_EQ(1, self->page->isvalid);
	EXPECT_EQ(0, self->page->dirty);
	EXPECT_EQ(1, self->page->rax);
	EXPECT_EQ(2, self->page->rcx);
	EXPECT_EQ(3, self->page->rsp);
	EXPECT_EQ(4, self->page->r15);
	EXPECT_EQ(5, self->page->rip);
	EXPECT_EQ(0x46, self->page->rflags);
	EXPECT_EQ(0x11, self->page->cr0);
	EXPECT_EQ(0x12, self->page->cr3);
	EXPECT_EQ(0x13, self->page->cr4);
	EXPECT_EQ(3, self->page->cr8);
	EXPECT_EQ(0x14, self->page->efer);
	EXPECT_EQ(0x15, self->page->gs.base);
	EXPECT_EQ(0x16, self->page->es.selector);
	EXPECT_EQ(1, self->page->interrupt_state.as_uint64);
	EXPECT_EQ(0x800001, self->page->pending_interruption.as_uint64);
}

/* While the VP runs, what the page shows is old. */
TEST_F(regs, the_page_is_not_valid_while_the_vp_runs)
{
	struct child_vp *vp = self->f.vp;

	child_page_hide(vp);
	EXPECT_EQ(0, self->page->isvalid);
	/* Whoever asks for a register has it written anew, and so has an intercept. */
	EXPECT_EQ(0xfff0, child_get64(&self->f, HV_X64_REGISTER_RIP));
	EXPECT_EQ(1, self->page->isvalid);
	child_page_hide(vp);
	child_intercept_halt(vp);
	child_intercept_publish(vp);
	EXPECT_EQ(1, self->page->isvalid);
	vp->register_gpfn = ~0ULL;
	child_page_hide(vp);
	EXPECT_EQ(1, self->page->isvalid);
}

TEST_F(regs, the_page_is_taken_by_classes)
{
	struct child_vp *vp = self->f.vp;
	struct kvm_sync_regs *sync = child_vp_regs(vp);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(self->page->registers); i++)
		self->page->registers[i] = 0x100 + i;
	self->page->ds.base = 0x77;
	self->page->cr0 = 0x88;

	child_page_absorb(vp);
	EXPECT_EQ(0, sync->regs.rax);
	EXPECT_EQ(0, vp->run->kvm_dirty_regs);

	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_IP);
	child_page_absorb(vp);
	EXPECT_EQ(0x110, sync->regs.rip);
	EXPECT_EQ(0, sync->regs.rax);
	EXPECT_EQ(2, sync->regs.rflags);
	EXPECT_EQ(0, self->page->dirty);

	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_GENERAL);
	self->page->rip = 0x999;
	child_page_absorb(vp);
	EXPECT_EQ(0x100, sync->regs.rax);
	EXPECT_EQ(0x103, sync->regs.rbx);
	EXPECT_EQ(0x10f, sync->regs.r15);
	EXPECT_EQ(0x110, sync->regs.rip);
	EXPECT_EQ(0, sync->sregs.ds.base);

	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_FLAGS) |
			    BIT(HV_X64_REGISTER_CLASS_SEGMENT);
	child_page_absorb(vp);
	EXPECT_EQ(0x113, sync->regs.rflags);
	EXPECT_EQ(0x77, sync->sregs.ds.base);
	EXPECT_NE(0x88, sync->sregs.cr0);
	EXPECT_EQ(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS, vp->run->kvm_dirty_regs);

	/* A hypercall finds what was written before it, and writes its own after. */
	self->page->rbx = 0x5555;
	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_GENERAL);
	EXPECT_EQ(0x5555, child_get64(&self->f, HV_X64_REGISTER_RAX + 3));
	self->page->rbx = 0x6666;
	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_GENERAL);
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(&self->f, HV_X64_REGISTER_CR3, 0x4000));
	EXPECT_EQ(0x6666, sync->regs.rbx);
	EXPECT_EQ(0x4000, self->page->cr3);
	EXPECT_EQ(0, self->page->dirty);

	/* Without a page there is nothing to do. */
	vp->register_gpfn = ~0ULL;
	self->page->dirty = BIT(HV_X64_REGISTER_CLASS_GENERAL);
	child_page_absorb(vp);
	child_page_refresh(vp);
	EXPECT_EQ(BIT(HV_X64_REGISTER_CLASS_GENERAL), self->page->dirty);
	vp->register_gpfn = REGISTER_GPFN;
}

TEST_F(regs, reset_and_start)
{
	struct child_vp *vp = self->f.vp;
	struct kvm_sync_regs *sync = child_vp_regs(vp);

	memset(&sync->regs, 0x55, sizeof(sync->regs));
	memset(&sync->sregs, 0x55, sizeof(sync->sregs));
	sync->sregs.cr0 = 0xe0000033;
	sync->sregs.apic_base = 0xfee00900;
	memset(sync->sregs.interrupt_bitmap, 0, sizeof(sync->sregs.interrupt_bitmap));
	sync->events.exception.injected = 1;
	sync->events.flags = KVM_VCPUEVENT_VALID_SHADOW;
	vp->apic.tpr = 0x50;
	vp->run->cr8 = 5;
	child_regs_reset(vp);
	EXPECT_EQ(0xfff0, sync->regs.rip);
	EXPECT_EQ(2, sync->regs.rflags);
	EXPECT_EQ(0, sync->regs.rax);
	EXPECT_EQ(0xf000, sync->sregs.cs.selector);
	EXPECT_EQ(0xffff0000, sync->sregs.cs.base);
	EXPECT_EQ(0xffff, sync->sregs.ss.limit);
	EXPECT_EQ(0xb, sync->sregs.tr.type);
	EXPECT_EQ(0xffff, sync->sregs.idt.limit);
	/* INIT leaves caches as they are. */
	EXPECT_EQ(0x60000010, sync->sregs.cr0);
	EXPECT_EQ(0, sync->sregs.cr3 | sync->sregs.cr4 | sync->sregs.efer | sync->sregs.cr8);
	EXPECT_EQ(0xfee00900, sync->sregs.apic_base);
	EXPECT_EQ(0, vp->apic.tpr);
	EXPECT_EQ(0, vp->run->cr8);
	EXPECT_EQ(0, sync->events.exception.injected);
	EXPECT_EQ(KVM_VCPUEVENT_VALID_SHADOW, sync->events.flags);
	EXPECT_EQ(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS,
		  vp->run->kvm_dirty_regs);

	child_regs_start(vp, 0x9a);
	EXPECT_EQ(0x9a00, sync->sregs.cs.selector);
	EXPECT_EQ(0x9a000, sync->sregs.cs.base);
	EXPECT_EQ(0, sync->regs.rip);
}

TEST_F(regs, code_over_the_end_of_a_page)
{
	struct kvm_sync_regs *sync = child_vp_regs(self->f.vp);
	u8 code[16];

	memset(child_at(&self->f, 0x2ffc), 0x90, 4);
	memset(child_at(&self->f, 0x3000), 0xf4, 4);
	sync->sregs.cs.base = 0x2000;
	sync->regs.rip = 0xffc;
	EXPECT_EQ(8, child_walk_code(self->f.vp, code, 8));
	EXPECT_EQ(0x90, code[3]);
	EXPECT_EQ(0xf4, code[4]);

	/* As much as there is. */
	sync->sregs.cs.base = 0;
	sync->regs.rip = CHILD_PAGES * HV_HYP_PAGE_SIZE - 3;
	EXPECT_EQ(3, child_walk_code(self->f.vp, code, sizeof(code)));
	sync->regs.rip += 3;
	EXPECT_EQ(0, child_walk_code(self->f.vp, code, sizeof(code)));
	/* Code of 32 bits cannot be above 4 GiB. */
	sync->regs.rip = 0x100003000;
	EXPECT_EQ(4, child_walk_code(self->f.vp, code, 4));
	EXPECT_EQ(0xf4, code[0]);
}

TEST_HARNESS_MAIN
