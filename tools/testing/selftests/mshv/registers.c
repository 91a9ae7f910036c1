// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a VP, read and set by its VMM: registers, XSAVE data, the local APIC, the
 * SynIC; and where its linear addresses lead.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "run_fixture.h"
#include "run_steps.h"
#include "state_fixture.h"
#include "vm.h"

GUESTXX(count, "1: inc %ebx\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n"
	"jmp 1b\n");

/* The stack of XMM0 and XMM1 is of no interest, but what is in them is. */
GUEST64(load_xmm,
	"movdqu (%rdi), %xmm0\n"
	"movdqu 16(%rdi), %xmm15\n"
	GUEST_REPORT(1)
	"movdqu %xmm0, 32(%rdi)\n"
	"movdqu %xmm15, 48(%rdi)\n"
	GUEST_REPORT(1));

GUEST64(set_apic,
	GUEST_APIC_ON
	"mov $" __stringify(APIC_BASE) " + 0x80, %ecx\n"	/* task priority */
	"movl $0x20, (%rcx)\n"
	"mov $" __stringify(APIC_BASE) " + 0x350, %ecx\n"	/* LINT0: ExtINT */
	"movl $0x700, (%rcx)\n"
	"mov $" __stringify(APIC_BASE) " + 0x360, %ecx\n"	/* LINT1: NMI */
	"movl $0x400, (%rcx)\n"
	GUEST_REPORT(1)
	"mov $" __stringify(APIC_BASE) " + 0x350, %ecx\n"
	"mov (%rcx), %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* General registers, RIP, RFLAGS and segments: set one way, seen the other. */
TEST_F(run, registers_both_ways)
{
	u32 names[18];
	union hv_register_value values[ARRAY_SIZE(names)];
	struct hv_vp_register_page *page = self->page;
	unsigned int i;
	u32 value;

	vp_enter(&self->vp, variant->mode, &count);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = HV_X64_REGISTER_RAX + i;
	/* All but the stack, RIP and RFLAGS, and R8 and up in long mode only. */
	for (i = 0; i < 8; i++)
		if (names[i] != HV_X64_REGISTER_RSP)
			vp_set(&self->vp, names[i], 0x1000 + i);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	/* RBX, counted once. */
	EXPECT_EQ(0x1000 + 3 + 1, value);

	self->vp.page = NULL;
	ASSERT_EQ(0, vp_get_registers(&self->vp, names, values, ARRAY_SIZE(names)));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(values[i].reg64, page->registers[i])
			TH_LOG("register %#x", HV_X64_REGISTER_RAX + i);
	}
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR0), page->cr0);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR3), page->cr3);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_CR4), page->cr4);
	EXPECT_EQ(vp_get(&self->vp, HV_X64_REGISTER_EFER), page->efer);
	for (i = 0; i < 6; i++) {
		names[0] = HV_X64_REGISTER_ES + i;
		ASSERT_EQ(0, vp_get_registers(&self->vp, names, values, 1));
		EXPECT_EQ(0, memcmp(&values[0].segment, &page->segment_registers[i],
				    sizeof(values[0].segment)))
			TH_LOG("segment %u", i);
	}
}

/* One register by the page and another by hypercall: both count. */
TEST_F(run, registers_mixed)
{
	struct hv_register_assoc rip = { .name = HV_X64_REGISTER_RIP };
	struct hv_vp_register_page *page = self->page;
	u32 value;

	vp_enter(&self->vp, variant->mode, &count);
	ASSERT_EQ(0, vp_run(&self->vp));
	page->rbx = 0x4000;
	page->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
	rip.value.reg64 = GUEST_CODE;
	ASSERT_EQ(0, vp_set_registers(&self->vp, &rip, 1));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0x4001, value);
	EXPECT_EQ(1, page->isvalid);
}

/* A run that a signal ends leaves the registers where they can be read. */
TEST_F(run, registers_after_signal)
{
	vp_enter(&self->vp, variant->mode, &spin);
	kick_every(20000);
	ASSERT_EQ(-EINTR, vp_run(&self->vp));
	kick_every(0);
	EXPECT_EQ(GUEST_CODE, vp_get(&self->vp, HV_X64_REGISTER_RIP));
	/* On to something else from there. */
	vm_load(&self->vm, GUEST_CODE + 0x100, variant->mode, &count);
	vp_set(&self->vp, HV_X64_REGISTER_RIP, GUEST_CODE + 0x100);
	vp_set(&self->vp, HV_X64_REGISTER_RBX, 0);
	EXPECT_EQ(0, run_to_end(&self->vp));
}

/* Where a linear address leads, as the mode has it. */
TEST_F(run, translate)
{
	struct hv_output_translate_virtual_address out;

	vm_map_window(&self->vm, 3, GUEST_DATA, PTE_PRESENT | PTE_WRITABLE);
	vm_map_window(&self->vm, 4, GUEST_DATA, PTE_PRESENT);
	vp_enter(&self->vp, variant->mode, &count);
	ASSERT_EQ(0, run_to_end(&self->vp));

	ASSERT_EQ(0, translate(&self->vp, GUEST_CODE, HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_CODE / PAGE, out.gpa_page);
	if (variant->mode != GUEST_LONG)
		return;

	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 3 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE,
			       &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_DATA / PAGE, out.gpa_page);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 4 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 4 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_WRITE, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION, out.result_code);
	ASSERT_EQ(0, translate(&self->vp, GUEST_WINDOW + 5 * PAGE,
			       HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	EXPECT_EQ(HV_TRANSLATE_GVA_PAGE_NOT_PRESENT, out.result_code);
}

/*
 * Page tables in memory that the guest has not touched yet: the driver has it brought
 * in, or the hypervisor says that it cannot be read. It is not missing.
 */
TEST_F(state, translate_untouched)
{
	struct hv_output_translate_virtual_address out;

	vp_enter(&self->vp, GUEST_LONG, &count);
	ASSERT_EQ(0, translate(&self->vp, GUEST_CODE, HV_TRANSLATE_GVA_VALIDATE_READ, &out));
	if (out.result_code == HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS)
		return;
	EXPECT_EQ(HV_TRANSLATE_GVA_SUCCESS, out.result_code);
	EXPECT_EQ(GUEST_CODE / PAGE, out.gpa_page);
}

/* Where the message says that its two addresses are of the same place, they are. */
TEST_F(state, memory_gva_and_gpa)
{
	const struct hv_x64_memory_intercept_message *memory = vp_memory(&self->vp);
	struct hv_output_translate_virtual_address out;

	vm_map_window(&self->vm, 7, GUEST_MMIO + 3 * PAGE, PTE_PRESENT | PTE_WRITABLE);
	vp_enter(&self->vp, GUEST_LONG, &wide);
	vp_set(&self->vp, HV_X64_REGISTER_RSI, GUEST_WINDOW + 7 * PAGE + 0x123);
	ASSERT_EQ(0, vp_run(&self->vp));
	ASSERT_TRUE(vp_met_memory(&self->vp));
	EXPECT_EQ(GUEST_MMIO + 3 * PAGE + 0x123, memory->guest_physical_address);
	if (!memory->memory_access_info.gva_gpa_valid)
		SKIP(return, "the message says nothing of linear addresses");
	EXPECT_EQ(GUEST_WINDOW + 7 * PAGE + 0x123, memory->guest_virtual_address);
	/* A translation is for an access: this one was a write. */
	ASSERT_EQ(0, translate(&self->vp, memory->guest_virtual_address,
			       HV_TRANSLATE_GVA_VALIDATE_WRITE, &out));
	EXPECT_EQ(memory->guest_physical_address / PAGE, out.gpa_page);
}

/* What VMMs read by name and every processor has: from one to another. */
static const u32 registers_of_all[][2] = {
	{ HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_INTERCEPT_SUSPEND },
	{ HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_INTERNAL_ACTIVITY_STATE },
	{ HV_REGISTER_HYPERVISOR_VERSION, HV_REGISTER_HYPERVISOR_VERSION },
	{ HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO, HV_REGISTER_HARDWARE_FEATURES_INFO },
	{ HV_REGISTER_PENDING_INTERRUPTION, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION },
	{ HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS },
	{ HV_X64_REGISTER_XMM0, HV_X64_REGISTER_XMM_CONTROL_STATUS },
	{ HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR8 },
	{ HV_X64_REGISTER_DR0, HV_X64_REGISTER_DR7 },
	{ HV_X64_REGISTER_ES, HV_X64_REGISTER_TR },
	{ HV_X64_REGISTER_IDTR, HV_X64_REGISTER_GDTR },
	{ HV_X64_REGISTER_TSC, HV_X64_REGISTER_INITIAL_APIC_ID },
	{ HV_X64_REGISTER_APIC_ID, HV_X64_REGISTER_APIC_VERSION },
};

TEST_F(state, registers_that_vmms_read)
{
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	union hv_register_value value;
	struct vp second;
	unsigned int i;
	u32 name;
	int ret;

	for (i = 0; i < ARRAY_SIZE(registers_of_all); i++) {
		for (name = registers_of_all[i][0]; name <= registers_of_all[i][1]; name++) {
			ret = vp_get_registers(&self->vp, &name, &value, 1);
			if (ret == -EINVAL)
				SKIP(return, "the hypervisor lacks register %#x", name);
			ASSERT_EQ(0, ret)
				TH_LOG("register %#x", name);
		}
	}
	EXPECT_EQ(0, vp_get(&self->vp, HV_X64_REGISTER_PENDING_DEBUG_EXCEPTION));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	EXPECT_EQ(apic->apic_version, vp_get(&self->vp, HV_X64_REGISTER_APIC_VERSION));

	/* Until a VMM says otherwise, the number of the local APIC is the VP's. */
	vp_start(&self->vm, &second, 1);
	EXPECT_EQ(1, vp_get(&second, HV_X64_REGISTER_APIC_ID));
	EXPECT_EQ(1, vp_get(&second, HV_X64_REGISTER_INITIAL_APIC_ID));
	vp_stop(&second);
}

/* Registers of SSE: in XSAVE's image where it has them, and back from it. */
TEST_F(state, xsave)
{
	u8 *image = memory_get(vp_state_size(&self->vp, MSHV_VP_STATE_XSAVE));
	u8 *data = self->vm.ram + GUEST_DATA;
	unsigned int i;

	for (i = 0; i < 32; i++)
		data[i] = i + 1;
	vp_enter(&self->vp, GUEST_LONG, &load_xmm);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	/* XMM0 is at 160, each has 16 bytes. */
	EXPECT_EQ(0, memcmp(data, image + 160, 16));
	EXPECT_EQ(0, memcmp(data + 16, image + 160 + 15 * 16, 16));

	memset(image + 160, 0xa5, 16);
	memset(image + 160 + 15 * 16, 0x5a, 16);
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0, memcmp(data + 32, image + 160, 16));
	EXPECT_EQ(0, memcmp(data + 48, image + 160 + 15 * 16, 16));
}

#define XSAVE_XSTATE_BV	512
#define XSAVE_XCOMP_BV	520

/* XSAVE's image is in the compacted format: it says so, and what has a place. */
TEST_F(state, xsave_compacted)
{
	u8 *image = memory_get(vp_state_size(&self->vp, MSHV_VP_STATE_XSAVE));
	u64 present, placed;

	vp_enter(&self->vp, GUEST_LONG, &load_xmm);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	memcpy(&present, image + XSAVE_XSTATE_BV, sizeof(present));
	memcpy(&placed, image + XSAVE_XCOMP_BV, sizeof(placed));
	EXPECT_TRUE(placed & BIT_ULL(63));
	EXPECT_EQ(3, placed & 3);
	EXPECT_EQ(0, present & ~placed);
	EXPECT_EQ(2, present & 2);
	/* A VMM that has emptied it sets only what it has. */
	present = 2;
	placed = BIT_ULL(63) | 3;
	memcpy(image + XSAVE_XSTATE_BV, &present, sizeof(present));
	memcpy(image + XSAVE_XCOMP_BV, &placed, sizeof(placed));
	memset(image + 160, 0xa5, 16);
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_XSAVE, image));
	ASSERT_EQ(0, run_to_end(&self->vp));
	EXPECT_EQ(0, memcmp(self->vm.ram + GUEST_DATA + 32, image + 160, 16));
}

/* The local APIC as the guest has set it, and as the VMM sets it then. */
TEST_F(state, lapic)
{
	struct hv_local_interrupt_controller_state *apic = memory_get(PAGE);
	u32 value;

	vp_enter(&self->vp, GUEST_LONG, &set_apic);
	ASSERT_EQ(0, run_to_end(&self->vp));
	ASSERT_EQ(0, vp_get_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	EXPECT_EQ(0x1ff, apic->apic_spurious);
	EXPECT_EQ(0x700, apic->apic_lvt_lint0);
	EXPECT_EQ(0x400, apic->apic_lvt_lint1);
	EXPECT_EQ(2, vp_get(&self->vp, HV_X64_REGISTER_CR8));

	apic->apic_lvt_lint0 = 0x10700;
	ASSERT_EQ(0, vp_set_state(&self->vp, MSHV_VP_STATE_LAPIC, apic));
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0x10700, value);
}

/* States of the synthetic interrupt controller can be read and written back. */
TEST_F(state, synic)
{
	static const u8 types[] = {
		MSHV_VP_STATE_SIMP, MSHV_VP_STATE_SIEFP, MSHV_VP_STATE_SYNTHETIC_TIMERS,
	};
	u8 *page = memory_get(PAGE), *again = memory_get(PAGE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		/* What is not written shows. */
		memset(page, 0xa5, PAGE);
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], page))
			TH_LOG("type %u", types[i]);
		EXPECT_NE(0xa5, page[0]);
		memset(again, 0x5a, PAGE);
		EXPECT_EQ(0, vp_set_state(&self->vp, types[i], page));
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], again));
		EXPECT_NE(0x5a, again[0]);
		if (types[i] == MSHV_VP_STATE_SYNTHETIC_TIMERS)
			continue;
		/* The pages are the guest's to fill: all of them goes in and out. */
		EXPECT_EQ(0, memcmp(page, again, PAGE));
		memset(page, 0x11 * (i + 1), PAGE);
		EXPECT_EQ(0, vp_set_state(&self->vp, types[i], page));
		EXPECT_EQ(0, vp_get_state(&self->vp, types[i], again));
		EXPECT_EQ(0, memcmp(page, again, PAGE))
			TH_LOG("type %u is not as it was set", types[i]);
	}
}

TEST_HARNESS_MAIN
