/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that touch memory, for programs that look what comes of it.
 */
#ifndef SELFTESTS_MSHV_TOUCH_H
#define SELFTESTS_MSHV_TOUCH_H

#include "run_steps.h"
#include "vm.h"

/* Where the memory of these tests is; large pages fit. */
#define AREA		0x400000ULL
#define PAGES		40

/* From RSI, RCX times, RDX apart. */
GUEST64(write_pages,
	"1: mov %rsi, (%rsi)\n"
	"add %rdx, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	GUEST_REPORT(1));
#define WRITE_LENGTH	3

GUEST64(add_pages,
	"xor %ebx, %ebx\n"
"1:	add (%rsi), %rbx\n"
	"add %rdx, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"mov %ebx, %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

GUEST64(store_rax,
	"mov %rax, (%rsi)\n"
	GUEST_REPORT(1));

GUEST64(load_eax,
	"mov (%rsi), %eax\n"
	"out %eax, $" __stringify(PORT_REPORT) "\n");

/* Have @guest begin with RSI, RCX and RDX as write_pages takes them. */
static inline void begin(struct vp *vp, const struct guest *guest, u64 rsi, u64 rcx, u64 rdx)
{
	vp_enter(vp, GUEST_LONG, guest);
	vp_set(vp, HV_X64_REGISTER_RSI, rsi);
	vp_set(vp, HV_X64_REGISTER_RCX, rcx);
	vp_set(vp, HV_X64_REGISTER_RDX, rdx);
}

static inline int store(struct vp *vp, u64 gpa, u64 value)
{
	begin(vp, &store_rax, gpa, 0, 0);
	vp_set(vp, HV_X64_REGISTER_RAX, value);
	return run_to_end(vp);
}

/* What the guest reads at @gpa; it must get that far. */
static inline int load(struct vp *vp, u64 gpa, u32 *value)
{
	begin(vp, &load_eax, gpa, 0, 0);
	return vp_run_to_report(vp, value);
}

/* Go on, and meet no memory at @gpa that allows @access. */
static inline bool meets_nothing(struct vp *vp, u64 gpa, u8 access)
{
	return vp_run(vp) == 0 && vp_met_memory(vp) &&
	       vp_memory(vp)->guest_physical_address == gpa &&
	       vp_header(vp)->intercept_access_type == access;
}

static inline bool store_meets_nothing(struct vp *vp, u64 gpa)
{
	begin(vp, &store_rax, gpa, 0, 0);
	return meets_nothing(vp, gpa, HV_INTERCEPT_ACCESS_WRITE);
}

static inline bool load_meets_nothing(struct vp *vp, u64 gpa)
{
	begin(vp, &load_eax, gpa, 0, 0);
	return meets_nothing(vp, gpa, HV_INTERCEPT_ACCESS_READ);
}

static inline u64 *word(unsigned char *memory, unsigned int page)
{
	return (u64 *)(memory + page * PAGE);
}

#endif /* SELFTESTS_MSHV_TOUCH_H */
