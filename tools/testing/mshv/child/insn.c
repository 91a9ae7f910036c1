// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of a child, by the kernel's own decoder (tools/arch/x86/lib).
 */

#include <string.h>

#include <asm/inat.h>
#include <asm/insn.h>
#include <linux/kvm.h>

#include "insn.h"
#include "memory.h"
#include "operand.h"
#include "vp.h"
#include "walk.h"

#define OPCODE_MOV_STORE_8	0x88	/* mov %r8, m */
#define OPCODE_MOV_STORE	0x89	/* mov %r, m */
#define OPCODE_MOFFS_FIRST	0xa0	/* mov between %al or %ax and an address */
#define OPCODE_MOFFS_LAST	0xa3
#define OPCODE_MOVS_8		0xa4
#define OPCODE_CMPS		0xa7
#define OPCODE_STOS_8		0xaa
#define OPCODE_STOS		0xab
#define OPCODE_LODS_8		0xac
#define OPCODE_LODS		0xad
#define OPCODE_SCAS_8		0xae
#define OPCODE_SCAS		0xaf
#define OPCODE_MOV_STORE_AL	0xa2	/* mov %al, moffs */
#define OPCODE_MOV_STORE_AX	0xa3
#define OPCODE_MOV_IMM_8	0xc6	/* mov $imm8, m */
#define OPCODE_MOV_IMM		0xc7
#define OPCODE_INS_8		0x6c
#define OPCODE_INS		0x6d
#define OPCODE_OUTS_8		0x6e
#define OPCODE_OUTS		0x6f
/* Behind 0f: bits that a register counts from an address on, see bit_address() */
#define OPCODE_TWO_BYTES	0x0f
#define OPCODE_BT		0xa3
#define OPCODE_BTS		0xab
#define OPCODE_BTR		0xb3
#define OPCODE_BTC		0xbb
#define PREFIX_REPNE		0xf2
#define PREFIX_REP		0xf3

u64 *child_insn_register(struct child_vp *vp, unsigned int number)
{
	struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	u64 *const order[] = {
		(u64 *)&regs->rax, (u64 *)&regs->rcx, (u64 *)&regs->rdx, (u64 *)&regs->rbx,
		(u64 *)&regs->rsp, (u64 *)&regs->rbp, (u64 *)&regs->rsi, (u64 *)&regs->rdi,
		(u64 *)&regs->r8, (u64 *)&regs->r9, (u64 *)&regs->r10, (u64 *)&regs->r11,
		(u64 *)&regs->r12, (u64 *)&regs->r13, (u64 *)&regs->r14, (u64 *)&regs->r15,
	};

	return order[number % 16];
}

/* The number of a general register that ModRM.reg names. */
static unsigned int modrm_register(const struct insn *insn)
{
	return X86_MODRM_REG(insn->modrm.value) | (X86_REX_R(insn->rex_prefix.value) ? 8 : 0);
}

/* Plain stores, which is what drivers use to ring a doorbell. */
static void look_for_store(struct child_insn *out, struct insn *insn)
{
	u8 opcode = insn->opcode.bytes[0];
	bool byte = !(opcode & 1);

	if (insn->opcode.nbytes != 1 || insn->vex_prefix.nbytes)
		return;
	switch (opcode) {
	case OPCODE_MOV_STORE_8:
	case OPCODE_MOV_STORE:
		out->reg = modrm_register(insn);
		/* Without REX, 4 to 7 are AH, CH, DH and BH. */
		if (byte && !insn->rex_prefix.nbytes && out->reg >= 4) {
			out->reg -= 4;
			out->high_byte = true;
		}
		break;
	case OPCODE_MOV_STORE_AL:
	case OPCODE_MOV_STORE_AX:
		out->reg = 0;
		break;
	case OPCODE_MOV_IMM_8:
	case OPCODE_MOV_IMM:
		out->has_immediate = true;
		out->immediate = (s64)insn->immediate.value;
		break;
	default:
		return;
	}
	out->is_store = true;
	out->size = byte ? 1 : insn->opnd_bytes;
}

static u64 segment_base(struct child_vp *vp, const struct insn *insn, bool stack)
{
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;

	if (child_operand_has_prefix(insn, 0x64))
		return sregs->fs.base;
	if (child_operand_has_prefix(insn, 0x65))
		return sregs->gs.base;
	if (insn->x86_64)
		return 0;
	if (child_operand_has_prefix(insn, 0x2e))
		return sregs->cs.base;
	if (child_operand_has_prefix(insn, 0x36))
		return sregs->ss.base;
	if (child_operand_has_prefix(insn, 0x26))
		return sregs->es.base;
	return stack && !child_operand_has_prefix(insn, 0x3e) ? sregs->ss.base : sregs->ds.base;
}

static u64 sib_address(struct child_vp *vp, struct insn *insn, bool *stack)
{
	unsigned int base = X86_SIB_BASE(insn->sib.value);
	unsigned int index = X86_SIB_INDEX(insn->sib.value) |
			     (X86_REX_X(insn->rex_prefix.value) ? 8 : 0);
	u64 address = 0;

	/* Index 4 is none; base 5 without a displacement by ModRM is none. */
	if (index != 4)
		address = *child_insn_register(vp, index) << X86_SIB_SCALE(insn->sib.value);
	if (base == 5 && !X86_MODRM_MOD(insn->modrm.value))
		return address;
	*stack = base == 4 || base == 5;
	base |= X86_REX_B(insn->rex_prefix.value) ? 8 : 0;
	return address + *child_insn_register(vp, base);
}

/* ModRM with addresses of 16 bits. */
static u64 address_16(struct child_vp *vp, struct insn *insn, bool *stack)
{
	const struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	unsigned int rm = X86_MODRM_RM(insn->modrm.value);
	const u64 bases[] = {
		regs->rbx + regs->rsi, regs->rbx + regs->rdi,
		regs->rbp + regs->rsi, regs->rbp + regs->rdi,
		regs->rsi, regs->rdi, regs->rbp, regs->rbx,
	};

	if (rm == 6 && !X86_MODRM_MOD(insn->modrm.value))
		return (u16)insn->displacement.value;
	*stack = rm == 2 || rm == 3 || rm == 6;
	return (u16)(bases[rm] + (s64)insn->displacement.value);
}

static u64 address_32(struct child_vp *vp, struct insn *insn, bool *stack)
{
	unsigned int mod = X86_MODRM_MOD(insn->modrm.value);
	unsigned int rm = X86_MODRM_RM(insn->modrm.value);
	u64 address;

	if (insn_rip_relative(insn))
		address = child_vp_regs(vp)->regs.rip + insn->length;
	else if (insn->sib.nbytes)
		address = sib_address(vp, insn, stack);
	else if (!mod && rm == 5)
		address = 0;
	else
		address = *child_insn_register(vp, rm |
					       (X86_REX_B(insn->rex_prefix.value) ? 8 : 0));
	*stack |= rm == 5 && mod;
	address += (s64)insn->displacement.value;
	return insn->addr_bytes == 4 ? (u32)address : address;
}

/*
 * BT and its like count bits by a register that has a sign, from the address on. They
 * access the word that the bit is in, of their operand size (SDM, volume 2, "BT").
 */
static u64 bit_address(struct child_vp *vp, const struct insn *insn, u64 address)
{
	unsigned int bits = insn->opnd_bytes * 8;
	u64 number;
	s64 offset;

	if (insn->opcode.nbytes != 2 || insn->opcode.bytes[0] != OPCODE_TWO_BYTES)
		return address;
	switch (insn->opcode.bytes[1]) {
	case OPCODE_BT:
	case OPCODE_BTS:
	case OPCODE_BTR:
	case OPCODE_BTC:
		break;
	default:
		return address;
	}
	number = *child_insn_register(vp, modrm_register(insn));
	offset = (s64)(number << (64 - bits)) >> (64 - bits);
	/* Down, also where it is negative. */
	return address + (offset & -(s64)bits) / 8;
}

static void add_operand(struct child_insn *out, const struct insn *insn, u64 base, u64 address)
{
	u64 mask = insn->addr_bytes == 8 ? ~0ULL : (1ULL << insn->addr_bytes * 8) - 1;
	u64 linear = base + (address & mask);

	if (out->nr_operands < CHILD_INSN_OPERANDS_MAX)
		out->operands[out->nr_operands++] = insn->x86_64 ? linear : (u32)linear;
}

/*
 * What an instruction touches, as far as an intercept must know: an operand by
 * ModRM, strings, absolute addresses. Of anything else, the stack for one, only
 * the page is known.
 */
static void look_for_operands(struct child_vp *vp, struct child_insn *out, struct insn *insn)
{
	const struct kvm_regs *regs = &child_vp_regs(vp)->regs;
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;
	u8 opcode = insn->opcode.nbytes == 1 ? insn->opcode.bytes[0] : 0;
	u64 es = insn->x86_64 ? 0 : sregs->es.base;
	bool stack = false;
	u64 address;

	out->operand_bytes = child_operand_bytes(vp, insn);
	if (!out->operand_bytes)
		return;
	if (insn->modrm.nbytes && X86_MODRM_MOD(insn->modrm.value) != 3) {
		address = insn->addr_bytes == 2 ? address_16(vp, insn, &stack) :
						  address_32(vp, insn, &stack);
		address = bit_address(vp, insn, address);
		add_operand(out, insn, segment_base(vp, insn, stack), address);
	}
	switch (opcode) {
	case OPCODE_MOFFS_FIRST ... OPCODE_MOFFS_LAST:
		address = (u32)insn->moffset1.value | (u64)insn->moffset2.value << 32;
		add_operand(out, insn, segment_base(vp, insn, false), address);
		break;
	case OPCODE_MOVS_8 ... OPCODE_CMPS:
		add_operand(out, insn, es, regs->rdi);
		add_operand(out, insn, segment_base(vp, insn, false), regs->rsi);
		break;
	case OPCODE_STOS_8 ... OPCODE_STOS:
	case OPCODE_SCAS_8 ... OPCODE_SCAS:
	case OPCODE_INS_8 ... OPCODE_INS:
		add_operand(out, insn, es, regs->rdi);
		break;
	case OPCODE_LODS_8 ... OPCODE_LODS:
	case OPCODE_OUTS_8 ... OPCODE_OUTS:
		add_operand(out, insn, segment_base(vp, insn, false), regs->rsi);
		break;
	}
}

/* The decoder knows 32 and 64 bits; 16 bits are 32 with the prefixes turned. */
static bool decode(struct child_vp *vp, struct child_insn *out, struct insn *insn)
{
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;
	bool is_64 = sregs->cs.l;

	insn_init(insn, out->bytes, out->fetched, is_64);
	if (!is_64 && !sregs->cs.db) {
		insn->opnd_bytes = 2;
		insn->addr_bytes = 2;
	}
	return !insn_get_length(insn);
}

bool child_insn_byte(struct child_vp *vp, u64 rip, u8 *byte)
{
	const struct kvm_sregs *sregs = &child_vp_regs(vp)->sregs;
	u64 linear = rip + sregs->cs.base, gpa;
	u8 *where;

	if (!sregs->cs.l)
		linear = (u32)linear;
	if (!child_walk_linear(vp, linear, &gpa))
		return false;
	where = child_memory(vp->child, gpa, 1);
	if (where)
		*byte = *where;
	return where;
}

bool child_insn_decode(struct child_vp *vp, struct child_insn *out)
{
	struct insn insn;

	memset(out, 0, sizeof(*out));
	out->fetched = child_walk_code(vp, out->bytes, sizeof(out->bytes));
	if (!out->fetched || !decode(vp, out, &insn))
		return false;
	out->length = insn.length;
	out->x86_64 = insn.x86_64;
	out->rep = child_operand_has_prefix(&insn, PREFIX_REP) ||
		   child_operand_has_prefix(&insn, PREFIX_REPNE);
	out->size = insn.opnd_bytes;
	if (insn.opcode.nbytes == 1) {
		u8 opcode = insn.opcode.bytes[0];

		out->is_ins = opcode == OPCODE_INS_8 || opcode == OPCODE_INS;
		out->is_outs = opcode == OPCODE_OUTS_8 || opcode == OPCODE_OUTS;
	}
	look_for_store(out, &insn);
	look_for_operands(vp, out, &insn);
	return true;
}

/* Whether a linear address is in the page of @gpa. */
static bool is_in_page(struct child_vp *vp, u64 linear, u64 gpa, u64 *exact)
{
	return child_walk_linear(vp, linear, exact) &&
	       *exact >> HV_HYP_PAGE_SHIFT == gpa >> HV_HYP_PAGE_SHIFT;
}

static u64 left_in_page(u64 address)
{
	return HV_HYP_PAGE_SIZE - address % HV_HYP_PAGE_SIZE;
}

bool child_insn_touches(struct child_vp *vp, const struct child_insn *insn, u64 gpa,
			bool write, u64 *linear, u64 *exact)
{
	unsigned int i, count = insn->nr_operands;
	u64 operand, left;

	/* Of two in one page, the one that is written, or the other. */
	for (i = 0; i < count; i++) {
		*linear = insn->operands[write ? i : count - 1 - i];
		if (is_in_page(vp, *linear, gpa, exact))
			return true;
	}
	/* Or one of them begins in the page before, and goes on where this one begins. */
	for (i = 0; i < count; i++) {
		operand = insn->operands[write ? i : count - 1 - i];
		left = left_in_page(operand);
		*linear = insn->x86_64 ? operand + left : (u32)(operand + left);
		if (left < insn->operand_bytes && is_in_page(vp, *linear, gpa, exact))
			return true;
	}
	return false;
}
