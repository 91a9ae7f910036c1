/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction of a child's is, as far as hvemu must know.
 */
#ifndef _HVEMU_CHILD_INSN_H
#define _HVEMU_CHILD_INSN_H

#include <linux/types.h>

struct child_vp;

#define CHILD_INSN_MAX		15
#define CHILD_INSN_OPERANDS_MAX	3

/**
 * struct child_insn - an instruction
 * @length: bytes
 * @bytes: as it stands in memory
 * @fetched: how many of @bytes could be fetched
 * @x86_64: it is one of 64-bit mode
 * @size: bytes of its operand
 * @rep: it has a prefix that repeats string instructions
 * @is_ins: input from a port to memory
 * @is_outs: output of memory to a port
 * @is_store: it stores a general register or a constant, and does nothing else
 * @has_immediate: it stores a constant; else a register
 * @immediate: the constant
 * @reg: the register's number
 * @high_byte: bits 15:8 of that register
 * @nr_operands: how many memory operands it has
 * @operands: their linear addresses, the one that is written first
 * @operand_bytes: how long each of them is
 */
struct child_insn {
	u8 length;
	u8 bytes[CHILD_INSN_MAX];
	u8 fetched;
	bool x86_64;
	u8 size;
	bool rep;
	bool is_ins;
	bool is_outs;
	bool is_store;
	bool has_immediate;
	u64 immediate;
	u8 reg;
	bool high_byte;
	u8 nr_operands;
	u64 operands[CHILD_INSN_OPERANDS_MAX];
	u32 operand_bytes;
};

/**
 * child_insn_decode() - decode the instruction at RIP
 * @vp: whose; out of KVM
 * @insn: filled in; of what cannot be decoded, @bytes and @fetched
 *
 * Return: whether it could be fetched whole and is one.
 */
bool child_insn_decode(struct child_vp *vp, struct child_insn *insn);

/**
 * child_insn_touches() - which of an instruction's operands lies in a page, or ends there
 * @vp: whose
 * @insn: the instruction
 * @gpa: an address in the page
 * @write: the page was written to
 * @linear: set to the operand's linear address, or that of its part in the page
 * @exact: set to its guest physical address
 *
 * Return: false if none does.
 */
bool child_insn_touches(struct child_vp *vp, const struct child_insn *insn, u64 gpa,
			bool write, u64 *linear, u64 *exact);

/* One byte of code, at @rip of the code segment; false if there is none. */
bool child_insn_byte(struct child_vp *vp, u64 rip, u8 *byte);

/* The general register of a number, in the order of the instruction set. */
u64 *child_insn_register(struct child_vp *vp, unsigned int number);

#endif /* _HVEMU_CHILD_INSN_H */
