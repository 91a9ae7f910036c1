// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many bytes the memory operand of an instruction has.
 *
 * The kernel's decoder knows the length of an instruction, and not that of what it reads
 * or writes. The sizes here are those of the opcode maps of Intel's Software Developer's
 * Manual (SDM, volume 2, appendix A), and of the pages of the instructions there.
 *
 * A mask of AVX-512 can make an access shorter. What is told then is the whole operand.
 */

#include <asm/inat.h>
#include <asm/insn.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/kvm.h>

#include "cpuid.h"
#include "operand.h"
#include "vp.h"

#define PREFIX_SIZE		0x66
#define PREFIX_REPNE		0xf2
#define PREFIX_REP		0xf3

#define LEAF_XSAVE		0xd
#define BYTES_FXSAVE		512
#define BYTES_XSAVE_MIN		576U	/* that, and a header */
#define BYTES_ENVIRONMENT	28	/* of the x87; with operands of 16 bits: */
#define BYTES_ENVIRONMENT_16	14
#define BYTES_REGISTERS		80	/* eight of 10 bytes each */

/* Sizes that are no number. */
enum {
	V = 0x4000,		/* 2, 4 or 8, by operand size */
	Z,			/* the same, at most 4 */
	Y,			/* 4 or 8, by the bit W */
	VV,			/* two of V */
	FAR,			/* a selector and an offset of V */
	TABLE,			/* a limit of 16 bits and a base */
	LONG,			/* 4, or 8 in 64-bit mode */
	DOUBLE,			/* two of Y */
	MOVSXD,			/* 4, or in 32-bit mode ARPL: 2 */
	VECTOR,			/* 16, 32 or 64 */
	HALF,			/* of VECTOR; and so on */
	QUARTER,
	EIGHTH,
	WIDER,			/* VECTOR with the bit W, else HALF */
	DUPLICATE,		/* 8 where VECTOR is 16, else VECTOR */
	MASK,			/* of AVX-512: 1, 2, 4 or 8 */
	X87,
	AREA,			/* of XSAVE; of XSAVEC and XSAVES: */
	AREA_COMPACTED,
};

/* How an instruction is encoded. */
#define ENC_LEGACY	BIT(0)
#define ENC_VEX		BIT(1)
#define ENC_EVEX		BIT(2)
#define ENC_XOP		BIT(3)
#define ENC_ANY		(ENC_LEGACY | ENC_VEX | ENC_EVEX | ENC_XOP)

#define REGS		0xff

/**
 * struct row - sizes of some opcodes
 * @map: 0: one byte; 1: 0f, 2: 0f 38, 3: 0f 3a, and those that only prefixes select
 * @first: opcode
 * @last: opcode
 * @encodings: for which the row is
 * @regs: for which values of ModRM.reg, a bit each
 * @bytes: without a prefix that selects, with 66, F3, F2
 */
struct row {
	u8 map;
	u8 first;
	u8 last;
	u8 encodings;
	u8 regs;
	u16 bytes[4];
};

#define SAME(size)	{ [0 ... 3] = (size) }
/* Of MMX and SSE: the registers of the former have 8 bytes. */
#define MMX(size)	{ 8, [1 ... 3] = (size) }
#define FLOATS		{ VECTOR, VECTOR, 4, 8 }

/* The first that fits. What none is for is in default_bytes(). */
static const struct row rows[] = {
	{ 0, 0x62, 0x62, ENC_ANY, REGS, SAME(VV) },
	{ 0, 0x63, 0x63, ENC_ANY, REGS, SAME(MOVSXD) },
	{ 0, 0x6d, 0x6d, ENC_ANY, REGS, SAME(Z) },
	{ 0, 0x6f, 0x6f, ENC_ANY, REGS, SAME(Z) },
	{ 0, 0x8c, 0x8c, ENC_ANY, REGS, SAME(2) },
	{ 0, 0x8d, 0x8d, ENC_ANY, REGS, SAME(0) },
	{ 0, 0x8e, 0x8e, ENC_ANY, REGS, SAME(2) },
	{ 0, 0xc4, 0xc5, ENC_ANY, REGS, SAME(FAR) },
	{ 0, 0xd8, 0xdf, ENC_ANY, REGS, SAME(X87) },
	{ 0, 0xff, 0xff, ENC_ANY, BIT(3) | BIT(5), SAME(FAR) },

	{ 1, 0x00, 0x00, ENC_ANY, REGS, SAME(2) },
	{ 1, 0x01, 0x01, ENC_ANY, BIT(0) | BIT(1) | BIT(2) | BIT(3), SAME(TABLE) },
	{ 1, 0x01, 0x01, ENC_ANY, BIT(5), SAME(8) },
	{ 1, 0x01, 0x01, ENC_ANY, BIT(7), SAME(0) },
	{ 1, 0x01, 0x03, ENC_ANY, REGS, SAME(2) },
	{ 1, 0x0d, 0x0d, ENC_ANY, REGS, SAME(0) },
	{ 1, 0x0f, 0x0f, ENC_ANY, REGS, SAME(8) },
	{ 1, 0x10, 0x11, ENC_ANY, REGS, FLOATS },
	{ 1, 0x12, 0x12, ENC_ANY, REGS, { 8, 8, VECTOR, DUPLICATE } },
	{ 1, 0x13, 0x13, ENC_ANY, REGS, SAME(8) },
	{ 1, 0x16, 0x16, ENC_ANY, REGS, { 8, 8, VECTOR, VECTOR } },
	{ 1, 0x17, 0x17, ENC_ANY, REGS, SAME(8) },
	{ 1, 0x18, 0x1f, ENC_LEGACY, REGS, SAME(0) },
	{ 1, 0x2a, 0x2a, ENC_ANY, REGS, { 8, 8, Y, Y } },
	{ 1, 0x2c, 0x2d, ENC_ANY, REGS, { 8, VECTOR, 4, 8 } },
	{ 1, 0x2e, 0x2f, ENC_ANY, REGS, { 4, 8, 4, 8 } },
	{ 1, 0x10, 0x2f, ENC_ANY, REGS, SAME(VECTOR) },
	{ 1, 0x40, 0x4f, ENC_LEGACY, REGS, SAME(V) },
	{ 1, 0x51, 0x51, ENC_ANY, REGS, FLOATS },
	{ 1, 0x52, 0x53, ENC_ANY, REGS, { VECTOR, VECTOR, 4, 4 } },
	{ 1, 0x58, 0x59, ENC_ANY, REGS, FLOATS },
	{ 1, 0x5a, 0x5a, ENC_ANY, REGS, { HALF, VECTOR, 4, 8 } },
	{ 1, 0x5c, 0x5f, ENC_ANY, REGS, FLOATS },
	{ 1, 0x50, 0x5f, ENC_ANY, REGS, SAME(VECTOR) },
	{ 1, 0x60, 0x62, ENC_ANY, REGS, { 4, VECTOR, VECTOR, VECTOR } },
	{ 1, 0x6e, 0x6e, ENC_ANY, REGS, SAME(Y) },
	{ 1, 0x60, 0x77, ENC_ANY, REGS, MMX(VECTOR) },
	{ 1, 0x78, 0x79, ENC_LEGACY, REGS, SAME(LONG) },
	{ 1, 0x78, 0x79, ENC_EVEX, REGS, { VECTOR, WIDER, 4, 8 } },
	{ 1, 0x7a, 0x7a, ENC_EVEX, REGS, { VECTOR, WIDER, WIDER, VECTOR } },
	{ 1, 0x7b, 0x7b, ENC_EVEX, REGS, { VECTOR, WIDER, Y, Y } },
	{ 1, 0x7e, 0x7e, ENC_ANY, REGS, { Y, Y, 8, Y } },
	{ 1, 0x78, 0x7f, ENC_ANY, REGS, MMX(VECTOR) },
	{ 1, 0x90, 0x91, ENC_VEX, REGS, SAME(MASK) },
	{ 1, 0x90, 0x9f, ENC_ANY, REGS, SAME(1) },
	{ 1, 0xae, 0xae, ENC_ANY, BIT(0) | BIT(1), SAME(BYTES_FXSAVE) },
	{ 1, 0xae, 0xae, ENC_ANY, BIT(2) | BIT(3), SAME(4) },
	{ 1, 0xae, 0xae, ENC_ANY, BIT(4), { AREA, AREA, Y, AREA } },
	{ 1, 0xae, 0xae, ENC_ANY, BIT(6), { AREA, 1, 8, AREA } },
	{ 1, 0xae, 0xae, ENC_ANY, BIT(7), SAME(1) },
	{ 1, 0xae, 0xae, ENC_ANY, REGS, SAME(AREA) },
	{ 1, 0xb0, 0xb0, ENC_ANY, REGS, SAME(1) },
	{ 1, 0xb2, 0xb2, ENC_ANY, REGS, SAME(FAR) },
	{ 1, 0xb4, 0xb5, ENC_ANY, REGS, SAME(FAR) },
	{ 1, 0xb6, 0xb6, ENC_ANY, REGS, SAME(1) },
	{ 1, 0xb7, 0xb7, ENC_ANY, REGS, SAME(2) },
	{ 1, 0xbe, 0xbe, ENC_ANY, REGS, SAME(1) },
	{ 1, 0xbf, 0xbf, ENC_ANY, REGS, SAME(2) },
	{ 1, 0xc0, 0xc0, ENC_ANY, REGS, SAME(1) },
	{ 1, 0xc2, 0xc2, ENC_ANY, REGS, FLOATS },
	{ 1, 0xc3, 0xc3, ENC_ANY, REGS, SAME(Y) },
	{ 1, 0xc4, 0xc4, ENC_ANY, REGS, SAME(2) },
	{ 1, 0xc6, 0xc6, ENC_ANY, REGS, SAME(VECTOR) },
	{ 1, 0xc7, 0xc7, ENC_ANY, BIT(1), SAME(DOUBLE) },
	{ 1, 0xc7, 0xc7, ENC_ANY, BIT(3) | BIT(4) | BIT(5), SAME(AREA_COMPACTED) },
	{ 1, 0xc7, 0xc7, ENC_ANY, REGS, SAME(8) },
	{ 1, 0xd0, 0xd0, ENC_ANY, REGS, SAME(VECTOR) },
	{ 1, 0xd6, 0xd6, ENC_ANY, REGS, SAME(8) },
	/* By how much is shifted stands in one register of SSE, however long the vector. */
	{ 1, 0xd1, 0xd3, ENC_ANY, REGS, MMX(16) },
	{ 1, 0xe1, 0xe2, ENC_ANY, REGS, MMX(16) },
	{ 1, 0xf1, 0xf3, ENC_ANY, REGS, MMX(16) },
	{ 1, 0xe6, 0xe6, ENC_EVEX, REGS, { VECTOR, VECTOR, WIDER, VECTOR } },
	{ 1, 0xe6, 0xe6, ENC_ANY, REGS, { VECTOR, VECTOR, HALF, VECTOR } },
	{ 1, 0xd0, 0xfe, ENC_ANY, REGS, MMX(VECTOR) },

	{ 2, 0x10, 0x10, ENC_ANY, REGS, { VECTOR, VECTOR, HALF, VECTOR } },
	{ 2, 0x11, 0x11, ENC_ANY, REGS, { VECTOR, VECTOR, QUARTER, VECTOR } },
	{ 2, 0x12, 0x12, ENC_ANY, REGS, { VECTOR, VECTOR, EIGHTH, VECTOR } },
	{ 2, 0x13, 0x13, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x14, 0x14, ENC_ANY, REGS, { VECTOR, VECTOR, QUARTER, VECTOR } },
	{ 2, 0x15, 0x15, ENC_ANY, REGS, { VECTOR, VECTOR, HALF, VECTOR } },
	{ 2, 0x18, 0x18, ENC_ANY, REGS, SAME(4) },
	{ 2, 0x19, 0x19, ENC_ANY, REGS, SAME(8) },
	{ 2, 0x1a, 0x1a, ENC_ANY, REGS, SAME(16) },
	{ 2, 0x1b, 0x1b, ENC_ANY, REGS, SAME(32) },
	{ 2, 0x20, 0x20, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x21, 0x21, ENC_ANY, REGS, SAME(QUARTER) },
	{ 2, 0x22, 0x22, ENC_ANY, REGS, SAME(EIGHTH) },
	{ 2, 0x23, 0x23, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x24, 0x24, ENC_ANY, REGS, SAME(QUARTER) },
	{ 2, 0x25, 0x25, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x2d, 0x2d, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0x30, 0x30, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x31, 0x31, ENC_ANY, REGS, SAME(QUARTER) },
	{ 2, 0x32, 0x32, ENC_ANY, REGS, SAME(EIGHTH) },
	{ 2, 0x33, 0x33, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x34, 0x34, ENC_ANY, REGS, SAME(QUARTER) },
	{ 2, 0x35, 0x35, ENC_ANY, REGS, SAME(HALF) },
	{ 2, 0x41, 0x41, ENC_ANY, REGS, SAME(16) },
	{ 2, 0x43, 0x43, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0x49, 0x49, ENC_ANY, REGS, SAME(64) },
	{ 2, 0x4d, 0x4d, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0x4f, 0x4f, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0x52, 0x53, ENC_EVEX, REGS, { VECTOR, VECTOR, VECTOR, 16 } },
	{ 2, 0x58, 0x58, ENC_ANY, REGS, SAME(4) },
	{ 2, 0x59, 0x59, ENC_ANY, REGS, SAME(8) },
	{ 2, 0x5a, 0x5a, ENC_ANY, REGS, SAME(16) },
	{ 2, 0x5b, 0x5b, ENC_ANY, REGS, SAME(32) },
	{ 2, 0x78, 0x78, ENC_ANY, REGS, SAME(1) },
	{ 2, 0x79, 0x79, ENC_ANY, REGS, SAME(2) },
	{ 2, 0x80, 0x82, ENC_LEGACY, REGS, SAME(16) },
	/* Each element has an address of its own: no operand that could be named. */
	{ 2, 0x90, 0x93, ENC_VEX | ENC_EVEX, REGS, SAME(0) },
	{ 2, 0xa0, 0xa3, ENC_EVEX, REGS, SAME(0) },
	{ 2, 0xc6, 0xc7, ENC_EVEX, REGS, SAME(0) },
	{ 2, 0x4b, 0x4b, ENC_VEX, REGS, SAME(0) },
	{ 2, 0x9a, 0x9a, ENC_EVEX, REGS, { VECTOR, VECTOR, VECTOR, 16 } },
	{ 2, 0x9b, 0x9b, ENC_EVEX, REGS, { Y, Y, Y, 16 } },
	{ 2, 0xaa, 0xaa, ENC_EVEX, REGS, { VECTOR, VECTOR, VECTOR, 16 } },
	{ 2, 0xab, 0xab, ENC_EVEX, REGS, { Y, Y, Y, 16 } },
	{ 2, 0x99, 0x99, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0x9b, 0x9b, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0x9d, 0x9d, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0x9f, 0x9f, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xa9, 0xa9, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xab, 0xab, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xad, 0xad, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xaf, 0xaf, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xb1, 0xb1, ENC_ANY, REGS, SAME(2) },
	{ 2, 0xb9, 0xb9, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xbb, 0xbb, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xbd, 0xbd, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xbf, 0xbf, ENC_ANY, REGS, SAME(Y) },
	{ 2, 0xcb, 0xcb, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0xcd, 0xcd, ENC_EVEX, REGS, SAME(Y) },
	{ 2, 0xc8, 0xcd, ENC_LEGACY, REGS, SAME(16) },
	{ 2, 0xd8, 0xd8, ENC_LEGACY, BIT(0) | BIT(1), SAME(48) },
	{ 2, 0xd8, 0xd8, ENC_LEGACY, BIT(2) | BIT(3), SAME(64) },
	{ 2, 0xdc, 0xdd, ENC_LEGACY, REGS, { 16, 16, 48, 16 } },
	{ 2, 0xde, 0xdf, ENC_LEGACY, REGS, { 16, 16, 64, 16 } },
	{ 2, 0xe0, 0xef, ENC_VEX, REGS, SAME(Y) },
	{ 2, 0xf0, 0xf0, ENC_LEGACY, REGS, { V, V, V, 1 } },
	{ 2, 0xf1, 0xf1, ENC_LEGACY, REGS, SAME(V) },
	{ 2, 0xf8, 0xf8, ENC_ANY, REGS, SAME(64) },
	{ 2, 0xf0, 0xff, ENC_ANY, REGS, SAME(Y) },

	{ 3, 0x0a, 0x0a, ENC_ANY, REGS, { 2, 4, 4, 4 } },
	{ 3, 0x0b, 0x0b, ENC_ANY, REGS, SAME(8) },
	{ 3, 0x14, 0x14, ENC_ANY, REGS, SAME(1) },
	{ 3, 0x15, 0x15, ENC_ANY, REGS, SAME(2) },
	{ 3, 0x16, 0x16, ENC_ANY, REGS, SAME(Y) },
	{ 3, 0x17, 0x17, ENC_ANY, REGS, SAME(4) },
	{ 3, 0x18, 0x19, ENC_ANY, REGS, SAME(16) },
	{ 3, 0x1a, 0x1b, ENC_ANY, REGS, SAME(32) },
	{ 3, 0x1d, 0x1d, ENC_ANY, REGS, SAME(HALF) },
	{ 3, 0x20, 0x20, ENC_ANY, REGS, SAME(1) },
	{ 3, 0x21, 0x21, ENC_ANY, REGS, SAME(4) },
	{ 3, 0x22, 0x22, ENC_ANY, REGS, SAME(Y) },
	{ 3, 0x27, 0x27, ENC_EVEX, REGS, { 2, Y, Y, Y } },
	{ 3, 0x38, 0x39, ENC_ANY, REGS, SAME(16) },
	{ 3, 0x3a, 0x3b, ENC_ANY, REGS, SAME(32) },
	{ 3, 0x51, 0x51, ENC_EVEX, REGS, SAME(Y) },
	{ 3, 0x55, 0x55, ENC_EVEX, REGS, SAME(Y) },
	{ 3, 0x57, 0x57, ENC_EVEX, REGS, { 2, Y, Y, Y } },
	{ 3, 0x67, 0x67, ENC_EVEX, REGS, { 2, Y, Y, Y } },
	{ 3, 0x6a, 0x6a, ENC_VEX, REGS, SAME(4) },
	{ 3, 0x6b, 0x6b, ENC_VEX, REGS, SAME(8) },
	{ 3, 0x6e, 0x6e, ENC_VEX, REGS, SAME(4) },
	{ 3, 0x6f, 0x6f, ENC_VEX, REGS, SAME(8) },
	{ 3, 0x7a, 0x7a, ENC_VEX, REGS, SAME(4) },
	{ 3, 0x7b, 0x7b, ENC_VEX, REGS, SAME(8) },
	{ 3, 0x7e, 0x7e, ENC_VEX, REGS, SAME(4) },
	{ 3, 0x7f, 0x7f, ENC_VEX, REGS, SAME(8) },
	{ 3, 0xc2, 0xc2, ENC_EVEX, REGS, { VECTOR, VECTOR, 2, VECTOR } },
	{ 3, 0xcc, 0xcc, ENC_LEGACY, REGS, SAME(16) },
	{ 3, 0xf0, 0xf0, ENC_VEX, REGS, SAME(Y) },

	/* Floats of 16 bits */
	{ 5, 0x10, 0x11, ENC_EVEX, REGS, SAME(2) },
	{ 5, 0x1d, 0x1d, ENC_EVEX, REGS, { 4, VECTOR, VECTOR, VECTOR } },
	{ 5, 0x2a, 0x2a, ENC_EVEX, REGS, SAME(Y) },
	{ 5, 0x2c, 0x2f, ENC_EVEX, REGS, SAME(2) },
	{ 5, 0x5a, 0x5a, ENC_EVEX, REGS, { QUARTER, VECTOR, 2, 8 } },
	{ 5, 0x5b, 0x5b, ENC_EVEX, REGS, { VECTOR, HALF, HALF, VECTOR } },
	{ 5, 0x6e, 0x6e, ENC_EVEX, REGS, SAME(2) },
	{ 5, 0x78, 0x79, ENC_EVEX, REGS, { HALF, QUARTER, 2, VECTOR } },
	{ 5, 0x7a, 0x7a, ENC_EVEX, REGS, { VECTOR, QUARTER, VECTOR, VECTOR } },
	{ 5, 0x7b, 0x7b, ENC_EVEX, REGS, { VECTOR, QUARTER, Y, VECTOR } },
	{ 5, 0x7c, 0x7d, ENC_EVEX, REGS, SAME(VECTOR) },
	{ 5, 0x7e, 0x7e, ENC_EVEX, REGS, SAME(2) },
	{ 5, 0x00, 0xff, ENC_EVEX, REGS, { VECTOR, VECTOR, 2, VECTOR } },
	{ 6, 0x13, 0x13, ENC_EVEX, REGS, { 2, HALF, HALF, HALF } },
	{ 6, 0x2d, 0x2d, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x43, 0x43, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x4d, 0x4d, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x4f, 0x4f, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x57, 0x57, ENC_EVEX, REGS, SAME(4) },
	{ 6, 0x99, 0x99, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x9b, 0x9b, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x9d, 0x9d, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0x9f, 0x9f, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xa9, 0xa9, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xab, 0xab, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xad, 0xad, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xaf, 0xaf, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xb9, 0xb9, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xbb, 0xbb, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xbd, 0xbd, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xbf, 0xbf, ENC_EVEX, REGS, SAME(2) },
	{ 6, 0xd7, 0xd7, ENC_EVEX, REGS, SAME(4) },

	/* AMD's */
	{ 9, 0x01, 0x02, ENC_XOP, REGS, SAME(Y) },
	{ 9, 0x82, 0x82, ENC_XOP, REGS, SAME(4) },
	{ 9, 0x83, 0x83, ENC_XOP, REGS, SAME(8) },
	{ 10, 0x10, 0x10, ENC_XOP, REGS, SAME(Y) },
	{ 10, 0x12, 0x12, ENC_XOP, REGS, SAME(4) },
};

bool child_operand_has_prefix(const struct insn *insn, u8 wanted)
{
	unsigned int i;

	for (i = 0; i < insn->prefixes.nbytes && i < sizeof(insn->prefixes.bytes); i++)
		if (insn->prefixes.bytes[i] == wanted)
			return true;
	return false;
}

static unsigned int encoding(struct insn *insn)
{
	if (!insn_is_avx_or_xop(insn))
		return ENC_LEGACY;
	if (insn_is_evex(insn))
		return ENC_EVEX;
	return avx_insn_is_xop(insn) ? ENC_XOP : ENC_VEX;
}

static unsigned int opcode_map(struct insn *insn)
{
	switch (encoding(insn)) {
	case ENC_XOP:
		return insn_xop_map_bits(insn);
	case ENC_VEX:
	case ENC_EVEX:
		return insn_vex_m_bits(insn);
	}
	if (insn_is_rex2(insn))
		return !!insn_rex2_m_bit(insn);
	if (insn->opcode.nbytes < 3)
		return insn->opcode.nbytes - 1;
	return insn->opcode.bytes[1] == 0x38 ? 2 : 3;
}

/* The prefix that is a part of the opcode: of several the repeating ones count. */
static unsigned int selector(struct insn *insn)
{
	if (insn_is_avx_or_xop(insn))
		return insn_vex_p_bits(insn);
	if (child_operand_has_prefix(insn, PREFIX_REP))
		return INAT_PFX_REPE;
	if (child_operand_has_prefix(insn, PREFIX_REPNE))
		return INAT_PFX_REPNE;
	return child_operand_has_prefix(insn, PREFIX_SIZE) ? INAT_PFX_OPNDSZ : 0;
}

static bool bit_w(struct insn *insn)
{
	if (insn_is_evex(insn))
		return X86_VEX_W(insn->vex_prefix.bytes[2]);
	if (insn_is_avx_or_xop(insn))
		return insn_vex_w_bit(insn);
	return X86_REX_W(insn->rex_prefix.bytes[insn_is_rex2(insn)]);
}

static unsigned int vector_bytes(struct insn *insn)
{
	u8 last = insn->vex_prefix.bytes[3];

	switch (encoding(insn)) {
	case ENC_VEX:
	case ENC_XOP:
		return X86_VEX_L(insn->vex_prefix.bytes[2]) ? 32 : 16;
	case ENC_EVEX:
		return 16 << min(last >> 5 & 3, 2);
	default:
		return 16;
	}
}

/* EVEX.b: one element, for each place of the vector. */
static bool is_broadcast(struct insn *insn)
{
	return insn_is_evex(insn) && insn->vex_prefix.bytes[3] & BIT(4);
}

static unsigned int element_bytes(struct insn *insn)
{
	unsigned int map = opcode_map(insn);

	if (bit_w(insn))
		return 8;
	/* Conversions from 32 bits are the exception there. */
	if (map == 5 && insn->opcode.bytes[0] == 0x5b && !selector(insn))
		return 4;
	if (map == 5 && insn->opcode.bytes[0] == 0x1d)
		return 4;
	if (map == 5 && insn->opcode.bytes[0] == 0x7a && selector(insn) == INAT_PFX_REPNE)
		return 4;
	/* Complex numbers have two of 16 bits. */
	if (map == 6 && (insn->opcode.bytes[0] == 0x56 || insn->opcode.bytes[0] == 0xd6))
		return 4;
	if (map == 5 || map == 6 || (map == 3 && !selector(insn)))
		return 2;
	return 4;
}

/* Part of a vector, or one element of it. */
static unsigned int part(struct insn *insn, unsigned int parts)
{
	return is_broadcast(insn) ? element_bytes(insn) : vector_bytes(insn) / parts;
}

static unsigned int mask_bytes(struct insn *insn)
{
	if (selector(insn) == INAT_PFX_OPNDSZ)
		return bit_w(insn) ? 4 : 1;
	return bit_w(insn) ? 8 : 2;
}

/* SDM, volume 2, A.5 */
static unsigned int x87_bytes(struct insn *insn)
{
	unsigned int environment = insn->opnd_bytes == 2 ? BYTES_ENVIRONMENT_16 :
							   BYTES_ENVIRONMENT;
	unsigned int all = environment + BYTES_REGISTERS;
	const u8 bytes[8][8] = {
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 0, 4, 4, environment, 2, environment, 2 },
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 4, 4, 4, 0, 10, 0, 10 },
		{ 8, 8, 8, 8, 8, 8, 8, 8 },
		{ 8, 8, 8, 8, all, 0, all, 2 },
		{ 2, 2, 2, 2, 2, 2, 2, 2 },
		{ 2, 2, 2, 2, 10, 8, 10, 8 },
	};

	return bytes[insn->opcode.bytes[0] % 8][X86_MODRM_REG(insn->modrm.value)];
}

/* As far as the guest has turned it on; CPUID follows that. */
static unsigned int area_bytes(struct child_vp *vp, bool compacted)
{
	u32 leaf[4];

	child_cpuid_look_up(vp, LEAF_XSAVE, compacted, leaf);
	return max(leaf[1], BYTES_XSAVE_MIN);
}

/* In 64-bit mode a push is one of 8 bytes, or with the prefix of 2; a call is not. */
static unsigned int general_bytes(struct insn *insn)
{
	bool stack = insn->opcode.nbytes == 1 &&
		     (insn->opcode.bytes[0] == 0x8f ||
		      (insn->opcode.bytes[0] == 0xff && X86_MODRM_REG(insn->modrm.value) == 6));

	if (insn->x86_64 && stack && child_operand_has_prefix(insn, PREFIX_SIZE) && !bit_w(insn))
		return 2;
	return insn->opnd_bytes;
}

static unsigned int default_bytes(unsigned int map, u8 opcode, u8 encoding)
{
	/* The general rule of the oldest ones. */
	if (map == 0 || map == 4)
		return opcode & 1 ? V : 1;
	if (map == 1)
		return V;
	if (map == 2 || map == 3)
		return encoding == ENC_LEGACY ? 8 : VECTOR;
	return VECTOR;
}

static unsigned int look_up(struct insn *insn)
{
	unsigned int map = opcode_map(insn), with = selector(insn);
	u8 opcode = insn->opcode.bytes[insn->opcode.nbytes - 1];
	u8 reg = X86_MODRM_REG(insn->modrm.value), how = encoding(insn);
	const struct row *row;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++)
		if (row->map == map && opcode >= row->first && opcode <= row->last &&
		    row->encodings & how && row->regs & BIT(reg))
			return row->bytes[with];
	/* Of these, too, some are of MMX, without a prefix. */
	if (how == ENC_LEGACY && (map == 2 || map == 3) && with)
		return VECTOR;
	return default_bytes(map, opcode, how);
}

unsigned int child_operand_bytes(struct child_vp *vp, struct insn *insn)
{
	unsigned int bytes = look_up(insn), general = general_bytes(insn);
	bool wide = bit_w(insn) && insn->x86_64;

	switch (bytes) {
	case V:
		return general;
	case Z:
		return min(general, 4U);
	case Y:
		/* Where it is an element of a vector, it can be 8 in every mode. */
		return wide || (insn_is_avx_or_xop(insn) && bit_w(insn) &&
				opcode_map(insn) > 1) ? 8 : 4;
	case VV:
		return 2 * general;
	case FAR:
		return 2 + general;
	case TABLE:
		return 2 + (insn->x86_64 ? 8 : 4);
	case LONG:
		return insn->x86_64 ? 8 : 4;
	case DOUBLE:
		return wide ? 16 : 8;
	case MOVSXD:
		return insn->x86_64 ? min(general, 4U) : 2;
	case VECTOR:
		return part(insn, 1);
	case HALF:
		return part(insn, 2);
	case QUARTER:
		return part(insn, 4);
	case EIGHTH:
		return part(insn, 8);
	case WIDER:
		return part(insn, bit_w(insn) ? 1 : 2);
	case DUPLICATE:
		return vector_bytes(insn) == 16 ? 8 : vector_bytes(insn);
	case MASK:
		return mask_bytes(insn);
	case X87:
		return x87_bytes(insn);
	case AREA:
		return area_bytes(vp, false);
	case AREA_COMPACTED:
		return area_bytes(vp, true);
	default:
		return bytes;
	}
}
