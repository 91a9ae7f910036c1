// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what hvemu knows of an instruction of a child's: how far its operand
 * reaches, and which stores ring a doorbell. Linear addresses are physical ones here.
 */

#include "kselftest_harness.h"

#include "../child/doorbell.h"
#include "../child/insn.h"
#include "../child/port.h"
#include "../child/vp.h"
#include "../hv/partition.h"
#include "../hv/port.h"
#include "child_fixture.h"

#define CODE		0x8000ULL
#define PAGE_1		0x20000ULL	/* two pages, one behind the other */
#define PAGE_2		(PAGE_1 + HV_HYP_PAGE_SIZE)
#define ELSEWHERE	0x40000ULL

FIXTURE(insn)
{
	struct child_fixture f;
	struct kvm_sync_regs *sync;
};

FIXTURE_SETUP(insn)
{
	ASSERT_TRUE(child_setup(&self->f, CHILD_FLAGS));
	self->sync = child_vp_regs(self->f.vp);
	memset(&self->sync->regs, 0, sizeof(self->sync->regs));
	memset(&self->sync->sregs, 0, sizeof(self->sync->sregs));
	self->sync->sregs.cs.l = 1;
	self->sync->regs.rip = CODE;
}

FIXTURE_TEARDOWN(insn)
{
	child_teardown(&self->f);
}

enum mode {
	BITS_64,
	BITS_32,
	BITS_16,
};

/* Put an instruction at RIP; what is behind it does not matter. */
static void place(struct child_fixture *f, enum mode mode, const u8 *code)
{
	struct kvm_sync_regs *sync = child_vp_regs(f->vp);

	memcpy(child_at(f, CODE), code, CHILD_INSN_MAX);
	sync->sregs.cs.l = mode == BITS_64;
	sync->sregs.cs.db = mode == BITS_32;
	sync->regs.rip = CODE;
}

/* Whether the instruction that stands there, by an operand at @from, touches @gpa's page. */
static bool touches(struct child_fixture *f, u64 from, u64 gpa, u64 *linear, u64 *exact)
{
	struct kvm_sync_regs *sync = child_vp_regs(f->vp);
	struct child_insn insn;

	/* Segments, so that 16 bits reach that far; all address registers are 0. */
	sync->sregs.ds.base = from;
	sync->sregs.es.base = from;
	sync->regs.rax = sync->sregs.cs.l ? from : 0;
	return child_insn_decode(f->vp, &insn) &&
	       child_insn_touches(f->vp, &insn, gpa, true, linear, exact);
}

/* The operand is (%rax), (%eax) or (%bx,%si). */
static const struct known {
	const char *text;
	unsigned int bytes;
	enum mode mode;
	u8 code[CHILD_INSN_MAX];
} known[] = {
	{ "mov %cl,(%rax)", 1, BITS_64, { 0x88, 0x08 } },
	{ "mov %cx,(%rax)", 2, BITS_64, { 0x66, 0x89, 0x08 } },
	{ "mov %ecx,(%rax)", 4, BITS_64, { 0x89, 0x08 } },
	{ "mov %rcx,(%rax)", 8, BITS_64, { 0x48, 0x89, 0x08 } },
	{ "mov %cx,(%bx,%si)", 2, BITS_16, { 0x89, 0x08 } },
	{ "mov %ecx,(%bx,%si)", 4, BITS_16, { 0x66, 0x89, 0x08 } },
	{ "mov %cx,(%eax)", 2, BITS_32, { 0x66, 0x89, 0x08 } },
	{ "movb $1,(%rax)", 1, BITS_64, { 0xc6, 0x00, 1 } },
	{ "mov %ds,(%rax)", 2, BITS_64, { 0x8c, 0x18 } },
	{ "push (%rax)", 8, BITS_64, { 0xff, 0x30 } },
	{ "pushw (%rax)", 2, BITS_64, { 0x66, 0xff, 0x30 } },
	{ "call *(%rax)", 8, BITS_64, { 0xff, 0x10 } },
	{ "lcall *(%rax)", 6, BITS_64, { 0xff, 0x18 } },
	{ "les (%eax),%ecx", 6, BITS_32, { 0xc4, 0x08 } },
	{ "bound %ecx,(%eax)", 8, BITS_32, { 0x62, 0x08 } },
	{ "arpl %cx,(%eax)", 2, BITS_32, { 0x63, 0x08 } },
	{ "movslq (%rax),%rcx", 4, BITS_64, { 0x48, 0x63, 0x08 } },
	{ "movzbl (%rax),%ecx", 1, BITS_64, { 0x0f, 0xb6, 0x08 } },
	{ "movzwl (%rax),%ecx", 2, BITS_64, { 0x0f, 0xb7, 0x08 } },
	{ "setb (%rax)", 1, BITS_64, { 0x0f, 0x92, 0x00 } },
	{ "cmpxchg8b (%rax)", 8, BITS_64, { 0x0f, 0xc7, 0x08 } },
	{ "cmpxchg16b (%rax)", 16, BITS_64, { 0x48, 0x0f, 0xc7, 0x08 } },
	{ "sgdt (%rax)", 10, BITS_64, { 0x0f, 0x01, 0x00 } },
	{ "lidt (%eax)", 6, BITS_32, { 0x0f, 0x01, 0x18 } },
	{ "smsw (%rax)", 2, BITS_64, { 0x0f, 0x01, 0x20 } },
	{ "flds (%rax)", 4, BITS_64, { 0xd9, 0x00 } },
	{ "fldl (%rax)", 8, BITS_64, { 0xdd, 0x00 } },
	{ "fldt (%rax)", 10, BITS_64, { 0xdb, 0x28 } },
	{ "fnstcw (%rax)", 2, BITS_64, { 0xd9, 0x38 } },
	{ "fnstenv (%rax)", 28, BITS_64, { 0xd9, 0x30 } },
	{ "fnsave (%rax)", 108, BITS_64, { 0xdd, 0x30 } },
	{ "fnsavew (%bx,%si)", 94, BITS_16, { 0xdd, 0x30 } },
	{ "fxsave (%rax)", 512, BITS_64, { 0x0f, 0xae, 0x00 } },
	{ "stmxcsr (%rax)", 4, BITS_64, { 0x0f, 0xae, 0x18 } },
	{ "movss %xmm1,(%rax)", 4, BITS_64, { 0xf3, 0x0f, 0x11, 0x08 } },
	{ "movsd %xmm1,(%rax)", 8, BITS_64, { 0xf2, 0x0f, 0x11, 0x08 } },
	{ "movups %xmm1,(%rax)", 16, BITS_64, { 0x0f, 0x11, 0x08 } },
	{ "movq %mm1,(%rax)", 8, BITS_64, { 0x0f, 0x7f, 0x08 } },
	{ "movdqu %xmm1,(%rax)", 16, BITS_64, { 0xf3, 0x0f, 0x7f, 0x08 } },
	{ "movnti %rcx,(%rax)", 8, BITS_64, { 0x48, 0x0f, 0xc3, 0x08 } },
	{ "movbe %cx,(%rax)", 2, BITS_64, { 0x66, 0x0f, 0x38, 0xf1, 0x08 } },
	{ "crc32b (%rax),%ecx", 1, BITS_64, { 0xf2, 0x0f, 0x38, 0xf0, 0x08 } },
	{ "movdir64b (%rax),%rcx", 64, BITS_64, { 0x66, 0x0f, 0x38, 0xf8, 0x08 } },
	{ "pextrb $1,%xmm1,(%rax)", 1, BITS_64, { 0x66, 0x0f, 0x3a, 0x14, 0x08, 1 } },
	{ "vmovdqu %xmm1,(%rax)", 16, BITS_64, { 0xc5, 0xfa, 0x7f, 0x08 } },
	{ "vmovdqu %ymm1,(%rax)", 32, BITS_64, { 0xc5, 0xfe, 0x7f, 0x08 } },
	{ "vpsllw (%rax),%ymm1,%ymm1", 16, BITS_64, { 0xc5, 0xf5, 0xf1, 0x08 } },
	{ "vpmovzxbd (%rax),%ymm1", 8, BITS_64, { 0xc4, 0xe2, 0x7d, 0x31, 0x08 } },
	{ "vmovdqu64 %zmm1,(%rax)", 64, BITS_64, { 0x62, 0xf1, 0xfe, 0x48, 0x7f, 0x08 } },
	{ "vaddps (%rax){1to16},%zmm1,%zmm1", 4, BITS_64,
	  { 0x62, 0xf1, 0x74, 0x58, 0x58, 0x08 } },
	{ "kmovw %k1,(%rax)", 2, BITS_64, { 0xc5, 0xf8, 0x91, 0x08 } },
};

/* An operand of so many bytes that the last of them is the first of a page, or is not. */
TEST_F(insn, reach)
{
	const struct known *one;
	u64 linear, exact;

	for (one = known; one < known + ARRAY_SIZE(known); one++) {
		place(&self->f, one->mode, one->code);
		EXPECT_FALSE(touches(&self->f, PAGE_2 - one->bytes, PAGE_2, &linear, &exact))
			TH_LOG("%s", one->text);
		if (one->bytes > 1) {
			EXPECT_TRUE(touches(&self->f, PAGE_2 - one->bytes + 1, PAGE_2, &linear,
					    &exact))
				TH_LOG("%s", one->text);
			EXPECT_EQ(PAGE_2, linear);
			EXPECT_EQ(PAGE_2, exact);
		}
		/* In the page where it begins, that is the place. */
		EXPECT_TRUE(touches(&self->f, PAGE_2 - one->bytes, PAGE_1, &linear, &exact))
			TH_LOG("%s", one->text);
		EXPECT_EQ(PAGE_2 - one->bytes, linear);
		EXPECT_EQ(PAGE_2 - one->bytes, exact);
	}
}

/* An area of XSAVE has at least that of FXSAVE and a header, 576 bytes. */
TEST_F(insn, reach_of_xsave)
{
	static const u8 xsave[CHILD_INSN_MAX] = { 0x0f, 0xae, 0x20 };
	u64 linear, exact;

	place(&self->f, BITS_64, xsave);
	EXPECT_TRUE(touches(&self->f, PAGE_2 - 575, PAGE_2, &linear, &exact));
	EXPECT_EQ(PAGE_2, linear);
}

/* These name an address, and access nothing there. */
TEST_F(insn, no_access)
{
	static const struct known none[] = {
		{ "lea (%rax),%rcx", 0, BITS_64, { 0x48, 0x8d, 0x08 } },
		{ "invlpg (%rax)", 0, BITS_64, { 0x0f, 0x01, 0x38 } },
		{ "prefetcht0 (%rax)", 0, BITS_64, { 0x0f, 0x18, 0x08 } },
		{ "nopw (%rax)", 0, BITS_64, { 0x66, 0x0f, 0x1f, 0x00 } },
	};
	u64 linear, exact;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		place(&self->f, BITS_64, none[i].code);
		EXPECT_FALSE(touches(&self->f, PAGE_1, PAGE_1, &linear, &exact))
			TH_LOG("%s", none[i].text);
	}
}

/* Both operands of a string instruction are as long as one of its elements. */
TEST_F(insn, reach_of_strings)
{
	static const struct known strings[] = {
		{ "movsb", 1, BITS_64, { 0xa4 } },
		{ "rep movsw", 2, BITS_64, { 0xf3, 0x66, 0xa5 } },
		{ "rep movsq", 8, BITS_64, { 0xf3, 0x48, 0xa5 } },
		{ "insl", 4, BITS_64, { 0x6d } },
		{ "rex.w insl", 4, BITS_64, { 0x48, 0x6d } },
		{ "stosl", 4, BITS_64, { 0xab } },
	};
	struct child_insn insn;
	u64 linear, exact;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strings); i++) {
		place(&self->f, BITS_64, strings[i].code);
		self->sync->regs.rsi = ELSEWHERE;
		self->sync->regs.rdi = PAGE_2 - strings[i].bytes;
		ASSERT_TRUE(child_insn_decode(self->f.vp, &insn));
		EXPECT_FALSE(child_insn_touches(self->f.vp, &insn, PAGE_2, true, &linear, &exact))
			TH_LOG("%s", strings[i].text);
		self->sync->regs.rdi++;
		ASSERT_TRUE(child_insn_decode(self->f.vp, &insn));
		EXPECT_TRUE(child_insn_touches(self->f.vp, &insn, PAGE_2, true, &linear, &exact))
			TH_LOG("%s", strings[i].text);
		EXPECT_EQ(PAGE_2, exact);
	}
	/* The one that is read. */
	place(&self->f, BITS_64, strings[2].code);
	self->sync->regs.rdi = ELSEWHERE;
	self->sync->regs.rsi = PAGE_2 - 7;
	ASSERT_TRUE(child_insn_decode(self->f.vp, &insn));
	EXPECT_TRUE(child_insn_touches(self->f.vp, &insn, PAGE_2, false, &linear, &exact));
	EXPECT_EQ(PAGE_2, linear);
	self->sync->regs.rsi = PAGE_2 - 8;
	ASSERT_TRUE(child_insn_decode(self->f.vp, &insn));
	EXPECT_FALSE(child_insn_touches(self->f.vp, &insn, PAGE_2, false, &linear, &exact));
}

/* Bits that a register counts may be in another page than the address. */
TEST_F(insn, bits_elsewhere)
{
	/* bts %ecx,(%rax) */
	static const u8 bts_32[CHILD_INSN_MAX] = { 0x0f, 0xab, 0x08 };
	/* bts %rcx,(%rax) */
	static const u8 bts_64[CHILD_INSN_MAX] = { 0x48, 0x0f, 0xab, 0x08 };
	u64 linear, exact;

	place(&self->f, BITS_64, bts_32);
	self->sync->regs.rcx = 31;
	EXPECT_TRUE(touches(&self->f, PAGE_1, PAGE_1, &linear, &exact));
	EXPECT_EQ(PAGE_1, exact);
	self->sync->regs.rcx = 8 * HV_HYP_PAGE_SIZE + 33;
	EXPECT_FALSE(touches(&self->f, PAGE_1, PAGE_1, &linear, &exact));
	EXPECT_TRUE(touches(&self->f, PAGE_1, PAGE_2, &linear, &exact));
	EXPECT_EQ(PAGE_2 + 4, exact);
	self->sync->regs.rcx = (u32)-1;
	EXPECT_TRUE(touches(&self->f, PAGE_2, PAGE_1, &linear, &exact));
	EXPECT_EQ(PAGE_2 - 4, exact);

	place(&self->f, BITS_64, bts_64);
	self->sync->regs.rcx = (u32)-1;
	EXPECT_TRUE(touches(&self->f, PAGE_1, PAGE_1 + (1ULL << 29) - 8, &linear, &exact));
	EXPECT_EQ(PAGE_1 + (1ULL << 29) - 8, exact);
	self->sync->regs.rcx = -65ULL;
	EXPECT_TRUE(touches(&self->f, PAGE_2, PAGE_1, &linear, &exact));
	EXPECT_EQ(PAGE_2 - 16, exact);
}

/* A gather has an address for each element, and none of its own. */
TEST_F(insn, no_operand_of_a_gather)
{
	/* vpgatherdd %ymm2,(%rax,%ymm1,1),%ymm0 */
	static const u8 gather[CHILD_INSN_MAX] = { 0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x08 };
	u64 linear, exact;

	place(&self->f, BITS_64, gather);
	EXPECT_FALSE(touches(&self->f, PAGE_1, PAGE_1, &linear, &exact));
}

FIXTURE(store)
{
	struct child_fixture f;
	struct kvm_sync_regs *sync;
};

FIXTURE_SETUP(store)
{
	ASSERT_TRUE(child_setup(&self->f, CHILD_FLAGS));
	self->sync = child_vp_regs(self->f.vp);
	memset(&self->sync->regs, 0, sizeof(self->sync->regs));
	memset(&self->sync->sregs, 0, sizeof(self->sync->sregs));
	self->sync->sregs.cs.l = 1;
}

FIXTURE_TEARDOWN(store)
{
	/* They go before the child does. */
	self->f.partition->ports.count = 0;
	child_teardown(&self->f);
}

/* A doorbell for every value, of one size or of any. */
static u16 connect_doorbell(struct child_fixture *f, u64 gpa, u64 size)
{
	struct hv_input_create_port *create = (void *)f->input;
	struct hv_input_connect_port *connect = (void *)f->input;
	static u32 id;
	u16 status;

	memset(f->input, 0, sizeof(f->input));
	create->port_partition_id = f->partition->id;
	create->connection_partition_id = f->child->id;
	create->port_id.asu32 = ++id;
	create->port_info.port_type = HV_PORT_TYPE_DOORBELL;
	create->port_info.doorbell_port_info.target_sint = HV_SYNIC_DOORBELL_SINT_INDEX;
	create->port_info.doorbell_port_info.target_vp = HV_ANY_VP;
	status = child_call(f, port_create, 0, 0);
	if (status != HV_STATUS_SUCCESS)
		return status;
	memset(f->input, 0, sizeof(f->input));
	connect->port_partition_id = f->partition->id;
	connect->connection_partition_id = f->child->id;
	connect->port_id.asu32 = id;
	connect->connection_id.asu32 = id;
	connect->connection_info.port_type = HV_PORT_TYPE_DOORBELL;
	connect->connection_info.doorbell_connection_info.gpa = gpa;
	connect->connection_info.doorbell_connection_info.flags =
		HV_DOORBELL_FLAG_TRIGGER_ANY_VALUE | size;
	return child_call(f, port_connect, 0, 0);
}

/* How often all doorbells together have rung. Nobody listens, so they are owed. */
static unsigned int rung(struct child_fixture *f)
{
	const struct ports *ports = &f->partition->ports;
	unsigned int i, sum = 0;

	for (i = 0; i < ports->count; i++)
		sum += ports->ports[i].owed;
	return sum;
}

/* mov of @size bytes to @to, where the page of @fault is found missing. */
static bool store(struct child_fixture *f, unsigned int size, u64 to, u64 fault)
{
	static const u8 codes[][CHILD_INSN_MAX] = {
		[1] = { 0x88, 0x08 },
		[2] = { 0x66, 0x89, 0x08 },
		[4] = { 0x89, 0x08 },
		[8] = { 0x48, 0x89, 0x08 },
	};

	place(f, BITS_64, codes[size]);
	child_vp_regs(f->vp)->regs.rax = to;
	return doorbell_store(f->vp, fault);
}

TEST_F(store, rings_where_it_begins)
{
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_1 + 0x10, HV_DOORBELL_FLAG_TRIGGER_SIZE_DWORD));
	EXPECT_TRUE(store(&self->f, 4, PAGE_1 + 0x10, PAGE_1));
	EXPECT_EQ(CODE + 2, self->sync->regs.rip);
	EXPECT_EQ(1, rung(&self->f));
	/* Of another size, and beside it. */
	EXPECT_FALSE(store(&self->f, 8, PAGE_1 + 0x10, PAGE_1));
	EXPECT_EQ(CODE, self->sync->regs.rip);
	EXPECT_FALSE(store(&self->f, 4, PAGE_1 + 0xc, PAGE_1));
	EXPECT_FALSE(store(&self->f, 8, PAGE_1 + 0xc, PAGE_1));
	EXPECT_EQ(1, rung(&self->f));
}

/* All that the doorbell's page can have: the last place of it. */
TEST_F(store, rings_at_the_end_of_a_page)
{
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_2 - 4, HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY));
	EXPECT_TRUE(store(&self->f, 4, PAGE_2 - 4, PAGE_2 - 4));
	EXPECT_TRUE(store(&self->f, 1, PAGE_2 - 4, PAGE_1));
	EXPECT_EQ(2, rung(&self->f));
}

/* One that begins at a doorbell and goes on in the next page would lose its end. */
TEST_F(store, crosses_behind_a_doorbell)
{
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_2 - 4, HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY));
	EXPECT_FALSE(store(&self->f, 8, PAGE_2 - 4, PAGE_1));
	EXPECT_EQ(CODE, self->sync->regs.rip);
	/* Nor if it is the second page that is found missing first. */
	EXPECT_FALSE(store(&self->f, 8, PAGE_2 - 4, PAGE_2));
	EXPECT_EQ(CODE, self->sync->regs.rip);
	EXPECT_EQ(0, rung(&self->f));
}

/* One that a store reaches from the page before is not what the store is for. */
TEST_F(store, reaches_a_doorbell_from_the_page_before)
{
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_2, HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY));
	ASSERT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_2, HV_DOORBELL_FLAG_TRIGGER_SIZE_DWORD));
	EXPECT_FALSE(store(&self->f, 8, PAGE_2 - 4, PAGE_2));
	EXPECT_FALSE(store(&self->f, 8, PAGE_2 - 4, PAGE_1));
	EXPECT_FALSE(store(&self->f, 2, PAGE_2 - 1, PAGE_2));
	EXPECT_EQ(CODE, self->sync->regs.rip);
	EXPECT_EQ(0, rung(&self->f));
	/* It ends just before. */
	EXPECT_FALSE(store(&self->f, 8, PAGE_2 - 8, PAGE_2));
	EXPECT_TRUE(store(&self->f, 4, PAGE_2, PAGE_2));
	EXPECT_EQ(1, rung(&self->f));
}

/* TLFS: it must not cross a page. One of any size is only where it begins. */
TEST_F(store, a_doorbell_that_crosses_a_page)
{
	static const u64 sizes[] = {
		[1] = HV_DOORBELL_FLAG_TRIGGER_SIZE_BYTE,
		[2] = HV_DOORBELL_FLAG_TRIGGER_SIZE_WORD,
		[4] = HV_DOORBELL_FLAG_TRIGGER_SIZE_DWORD,
		[8] = HV_DOORBELL_FLAG_TRIGGER_SIZE_QWORD,
	};
	u64 size;

	for (size = 1; size <= 8; size *= 2) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  connect_doorbell(&self->f, PAGE_2 - size, sizes[size]));
		if (size > 1)
			EXPECT_EQ(HV_STATUS_INVALID_PARAMETER,
				  connect_doorbell(&self->f, PAGE_2 - size + 1, sizes[size]));
	}
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  connect_doorbell(&self->f, PAGE_2 - 1, HV_DOORBELL_FLAG_TRIGGER_SIZE_ANY));
}

TEST_HARNESS_MAIN
