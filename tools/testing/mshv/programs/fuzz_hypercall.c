// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls that the fuzzer makes through the driver.
 */

#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>

#include "fuzz.h"
#include "fuzz_vmm.h"

/* Registers, some of which suspend and release VPs, or say what waits for them. */
static const u32 registers[] = {
	HV_REGISTER_EXPLICIT_SUSPEND, HV_REGISTER_EXPLICIT_SUSPEND,
	HV_REGISTER_INTERCEPT_SUSPEND, HV_REGISTER_DISPATCH_SUSPEND,
	HV_REGISTER_INTERNAL_ACTIVITY_STATE, HV_REGISTER_PENDING_INTERRUPTION,
	HV_REGISTER_PENDING_EVENT0, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
	HV_REGISTER_VP_ROOT_SIGNAL_COUNT, HV_REGISTER_HYPERVISOR_VERSION,
	HV_REGISTER_VP_RUNTIME, HV_REGISTER_VP_INDEX, HV_REGISTER_SINT0, HV_REGISTER_SINT2,
	HV_REGISTER_SCONTROL, HV_REGISTER_SIEFP, HV_REGISTER_SIMP, HV_REGISTER_EOM,
	HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER0_COUNT,
	HV_X64_REGISTER_RIP, HV_X64_REGISTER_RAX, HV_X64_REGISTER_RFLAGS, HV_X64_REGISTER_CR0,
	HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4, HV_X64_REGISTER_EFER, HV_X64_REGISTER_CS,
	HV_X64_REGISTER_APIC_BASE, HV_X64_REGISTER_TSC, HV_X64_REGISTER_XMM0,
};

static u32 some_register(void)
{
	return fuzz_odd() ? fuzz_odd_number() : registers[chance(ARRAY_SIZE(registers))];
}

static u32 some_property(void)
{
	static const u32 properties[] = {
		HV_PARTITION_PROPERTY_PRIVILEGE_FLAGS,
		HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
		HV_PARTITION_PROPERTY_CPU_WEIGHT, HV_PARTITION_PROPERTY_CPU_CAP,
		HV_PARTITION_PROPERTY_TIME_FREEZE, HV_PARTITION_PROPERTY_REFERENCE_TIME,
		HV_PARTITION_PROPERTY_UNIMPLEMENTED_MSR_ACTION,
		HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
		HV_PARTITION_PROPERTY_GPA_PAGE_ACCESS_TRACKING,
		HV_PARTITION_PROPERTY_PROCESSORS_PER_SOCKET, HV_PARTITION_PROPERTY_XSAVE_STATES,
		HV_PARTITION_PROPERTY_MAX_XSAVE_DATA_SIZE, HV_PARTITION_PROPERTY_PROCESSOR_VENDOR,
		HV_PARTITION_PROPERTY_PHYSICAL_ADDRESS_WIDTH,
		HV_PARTITION_PROPERTY_VMM_CAPABILITIES,
	};

	return fuzz_odd() ? fuzz_odd_number() : properties[chance(ARRAY_SIZE(properties))];
}

/* What a hypercall takes, in about the right places. Returns how long it is. */
static size_t fill_input(u16 code, unsigned char *input, u16 *reps)
{
	struct hv_input_get_vp_registers *get = (void *)input;
	struct hv_input_set_vp_registers *set = (void *)input;
	u32 *words = (void *)input;
	u64 *quads = (void *)input;
	unsigned int i;

	memset(input, 0, PAGE);
	words[2] = chance(4);	/* a VP's index, in most of them */
	switch (code) {
	case HVCALL_GET_PARTITION_PROPERTY:
	case HVCALL_GET_PARTITION_PROPERTY_EX:
		words[2] = some_property();
		return 16 + (code == HVCALL_GET_PARTITION_PROPERTY_EX ? chance(64) * 8 : 0);
	case HVCALL_SET_PARTITION_PROPERTY:
		words[2] = some_property();
		quads[2] = chance(2) ? chance(2) : fuzz_odd_number();
		return 24;
	case HVCALL_INSTALL_INTERCEPT:
		words[2] = chance(8);
		words[3] = chance(20);
		quads[2] = chance(2) ? chance(32) : fuzz_odd_number();
		return sizeof(struct hv_input_install_intercept);
	case HVCALL_GET_VP_REGISTERS:
		*reps = 1 + chance(12);
		for (i = 0; i < *reps; i++)
			get->names[i] = some_register();
		return sizeof(*get) + *reps * sizeof(get->names[0]);
	case HVCALL_SET_VP_REGISTERS:
		*reps = 1 + chance(6);
		for (i = 0; i < *reps; i++) {
			set->elements[i].name = some_register();
			set->elements[i].value.reg64 = chance(2) ? chance(2) : fuzz_odd_number();
		}
		return sizeof(*set) + *reps * sizeof(set->elements[0]);
	case HVCALL_TRANSLATE_VIRTUAL_ADDRESS:
		quads[2] = 1 + chance(7);
		quads[3] = chance(2) ? chance(0x100) : fuzz_odd_number();
		return sizeof(struct hv_input_translate_virtual_address);
	case HVCALL_ASSERT_VIRTUAL_INTERRUPT:
		quads[1] = chance(2) ? 0 : fuzz_odd() ? fuzz_odd_number() : chance(12);
		quads[2] = chance(4);
		words[6] = 32 + chance(224);
		return sizeof(struct hv_input_assert_virtual_interrupt);
	case HVCALL_GET_GPA_PAGES_ACCESS_STATES:
		*reps = 1 + chance(256);
		quads[1] = chance(16);
		quads[2] = some_gfn();
		return sizeof(struct hv_input_get_gpa_pages_access_state);
	case HVCALL_SIGNAL_EVENT_DIRECT:
		words[3] = chance(2048) << 16 | chance(16) << 8;
		return 16;
	case HVCALL_POST_MESSAGE_DIRECT:
		words[4] = chance(16);
		words[5] = 1 + chance(4);
		words[6] = chance(240);
		return sizeof(struct hv_input_post_message_direct);
	case HVCALL_GET_VP_CPUID_VALUES:
		*reps = 1 + chance(8);
		words[3] = chance(4);
		for (i = 0; i < *reps; i++)
			quads[3 + 3 * i] = chance(2) ? chance(32) : 0x40000000 + chance(8);
		return 24 + 24 * *reps;
	case HVCALL_REGISTER_INTERCEPT_RESULT:
		words[3] = chance(8);
		words[4] = chance(32);
		return sizeof(struct hv_input_register_intercept_result);
	default:
		return 8;
	}
}

static u16 some_code(void)
{
	static const u16 codes[] = {
		HVCALL_GET_PARTITION_PROPERTY, HVCALL_GET_PARTITION_PROPERTY_EX,
		HVCALL_SET_PARTITION_PROPERTY, HVCALL_INSTALL_INTERCEPT, HVCALL_GET_VP_REGISTERS,
		HVCALL_SET_VP_REGISTERS, HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		HVCALL_CLEAR_VIRTUAL_INTERRUPT, HVCALL_REGISTER_INTERCEPT_RESULT,
		HVCALL_ASSERT_VIRTUAL_INTERRUPT, HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		HVCALL_GET_GPA_PAGES_ACCESS_STATES, HVCALL_SIGNAL_EVENT_DIRECT,
		HVCALL_POST_MESSAGE_DIRECT, HVCALL_GET_VP_CPUID_VALUES,
	};

	return fuzz_odd() ? fuzz_odd_number() : codes[chance(ARRAY_SIZE(codes))];
}

void hypercall(void)
{
	static __thread unsigned char input[PAGE] __aligned(8);
	struct mshv_root_hvcall args = {
		.code = some_code(),
		.in_ptr = (uintptr_t)input,
		.out_ptr = (uintptr_t)scratch,
		.out_sz = chance(2) ? PAGE : 8 + chance(256) * 8,
	};
	enum fuzz_call call = CALL_HVCALL_PARTITION;
	int fd = some_partition()->fd;
	char words[80];
	unsigned int i;

	args.in_sz = fill_input(args.code, input, &args.reps);
	if (!chance(3)) {
		call = CALL_HVCALL_VP;
		fd = some_vp()->fd;
	} else if (fuzz_odd()) {
		call = CALL_HVCALL_DEVICE;
		fd = world.device;
	}
	if (fuzz_odd()) {
		switch (chance(9)) {
		case 0:
			args.reps = fuzz_odd_number();
			break;
		case 1:
			args.in_sz = fuzz_odd_number();
			break;
		case 2:
			args.out_sz = fuzz_odd_number();
			break;
		case 3:
			args.in_ptr = chance(2) ? fuzz_odd_number() : fuzz_place();
			break;
		case 4:
			args.out_ptr = chance(2) ? 0 : fuzz_place();
			break;
		case 5:
			args.status = 1;
			break;
		case 6:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		case 7:
			for (i = 8; i < 64; i++)
				input[i] = chance(256);
			break;
		case 8:
			/* As many as fit, or as there may be at all. */
			args.reps = chance(2) ? 4095 : 255;
			args.in_sz = PAGE;
			break;
		}
	}
	snprintf(words, sizeof(words), ", code %#x, %u repetitions, input %u, output %u",
		 args.code, args.reps, args.in_sz, args.out_sz);
	ask_driver(call, fd, MSHV_ROOT_HVCALL, &args, sizeof(args), words);
}
