// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there. Linux on some CPUs reads a register of the chipset that
 * goes with them, without asking whether there is one. The kernel's own decoder
 * (tools/arch/x86/lib) takes the instruction apart.
 */

#include <asm/insn.h>
#include <linux/bits.h>

#include "mmio.h"

#define REX_R		BIT(2)

/* A register that is read into: what of it changes, and how. */
static void set_register(struct hv_vp_register_page *regs, const struct insn *insn,
			 unsigned int number, unsigned int bytes)
{
	u64 *registers = (void *)regs + offsetof(struct hv_vp_register_page, gp_registers);
	u64 ones = bytes == 8 ? ~0ULL : BIT_ULL(8 * bytes) - 1;

	/* Without a REX prefix the second four are the high bytes of the first. */
	if (bytes == 1 && number >= 4 && number < 8 && !insn->rex_prefix.nbytes)
		registers[number - 4] |= ones << 8;
	else if (bytes == 4)
		registers[number] = ones;
	else
		registers[number] |= ones;
	regs->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
}

/* As set_register(), of fewer bytes than the register takes: the rest is 0. */
static void set_extended(struct hv_vp_register_page *regs, const struct insn *insn,
			 unsigned int number, unsigned int from)
{
	u64 *registers = (void *)regs + offsetof(struct hv_vp_register_page, gp_registers);
	u64 mask = insn->opnd_bytes == 2 ? 0xffff : ~0ULL;

	registers[number] = (registers[number] & ~mask) | (BIT_ULL(8 * from) - 1);
	regs->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
}

static bool emulate_one_byte(struct hv_vp_register_page *regs, const struct insn *insn,
			     unsigned int number)
{
	switch (insn->opcode.bytes[0]) {
	case 0x88:			/* mov r, m */
	case 0x89:
	case 0xa2:			/* mov %al or %ax, m */
	case 0xa3:
		return true;
	case 0xc6:			/* mov $n, m */
	case 0xc7:
		return !X86_MODRM_REG(insn->modrm.value);
	case 0x8a:			/* mov m, r */
		set_register(regs, insn, number, 1);
		return true;
	case 0x8b:
		set_register(regs, insn, number, insn->opnd_bytes);
		return true;
	case 0xa0:			/* mov m, %al or %ax */
		set_register(regs, insn, 0, 1);
		return true;
	case 0xa1:
		set_register(regs, insn, 0, insn->opnd_bytes);
		return true;
	default:
		return false;
	}
}

static bool emulate_two_bytes(struct hv_vp_register_page *regs, const struct insn *insn,
			      unsigned int number)
{
	if (insn->opcode.bytes[0] != 0x0f)
		return false;
	switch (insn->opcode.bytes[1]) {
	case 0xb6:			/* movzx m8, r */
		set_extended(regs, insn, number, 1);
		return true;
	case 0xb7:			/* movzx m16, r */
		set_extended(regs, insn, number, 2);
		return true;
	case 0xbe:			/* movsx m8, r */
	case 0xbf:			/* movsx m16, r */
		set_register(regs, insn, number, insn->opnd_bytes);
		return true;
	default:
		return false;
	}
}

bool mmio_emulate(struct hv_vp_register_page *regs, bool is_long, const u8 *code,
		  unsigned int size)
{
	unsigned int number;
	struct insn insn;
	bool done = false;

	if (insn_decode(&insn, code, size, is_long ? INSN_MODE_64 : INSN_MODE_32) ||
	    insn.vex_prefix.nbytes || insn.rex_prefix.nbytes > 1)
		return false;
	number = X86_MODRM_REG(insn.modrm.value);
	if (insn.rex_prefix.nbytes && insn.rex_prefix.bytes[0] & REX_R)
		number += 8;
	if (insn.opcode.nbytes == 1)
		done = emulate_one_byte(regs, &insn, number);
	else if (insn.opcode.nbytes == 2)
		done = emulate_two_bytes(regs, &insn, number);
	if (!done)
		return false;
	regs->rip += insn.length;
	if (!is_long)
		regs->rip = (u32)regs->rip;
	regs->dirty |= BIT(HV_X64_REGISTER_CLASS_IP);
	return true;
}
