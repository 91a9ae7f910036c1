// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address translation as a child's VP does it: its paging modes, rights and
 * bits. AMD64 Architecture Programmer's Manual, volume 2, chapter 5.
 */

#include <string.h>

#include <linux/kvm.h>
#include <hyperv/hvhdk.h>

#include "memory.h"
#include "vp.h"
#include "walk.h"

#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define EFER_LMA	BIT_ULL(10)
#define EFER_NXE	BIT_ULL(11)
#define RFLAGS_AC	BIT_ULL(18)

#define ENTRY_PRESENT	BIT_ULL(0)
#define ENTRY_WRITE	BIT_ULL(1)
#define ENTRY_USER	BIT_ULL(2)
#define ENTRY_ACCESSED	BIT_ULL(5)
#define ENTRY_DIRTY	BIT_ULL(6)
#define ENTRY_LARGE	BIT_ULL(7)
#define ENTRY_NX	BIT_ULL(63)
#define ENTRY_ADDRESS	GENMASK_ULL(51, 12)

#define PAGE_SHIFT	12

/**
 * struct walk - a translation in progress
 * @vp: whose
 * @gva: of what
 * @flags: HV_TRANSLATE_GVA_*
 * @entry_size: bytes of an entry
 * @bits: of the address that one level uses
 * @levels: how many the paging mode has
 * @table: the table of the level that comes
 * @rights: those of ENTRY_WRITE, ENTRY_USER that each level so far has granted
 * @nx: a level has forbidden execution
 */
struct walk {
	struct child_vp *vp;
	u64 gva;
	u64 flags;
	unsigned int entry_size;
	unsigned int bits;
	unsigned int levels;
	u64 table;
	u64 rights;
	bool nx;
};

static const struct kvm_sregs *sregs_of(const struct walk *walk)
{
	return &child_vp_regs(walk->vp)->sregs;
}

/* Whether the bits that do not take part in the walk all are as its highest. */
static bool is_canonical(u64 gva, unsigned int width)
{
	s64 rest = (s64)gva >> (width - 1);

	return rest == 0 || rest == -1;
}

/* Which paging mode it is. Return: whether it has such addresses. */
static bool begin(struct walk *walk)
{
	const struct kvm_sregs *sregs = sregs_of(walk);

	walk->entry_size = sizeof(u64);
	walk->bits = 9;
	walk->rights = ENTRY_WRITE | ENTRY_USER;
	if (sregs->efer & EFER_LMA) {
		walk->levels = sregs->cr4 & CR4_LA57 ? 5 : 4;
		walk->table = sregs->cr3 & ENTRY_ADDRESS;
		return is_canonical(walk->gva, PAGE_SHIFT + walk->levels * walk->bits);
	}
	walk->gva = (u32)walk->gva;
	if (sregs->cr4 & CR4_PAE) {
		walk->levels = 3;
		walk->table = (u32)sregs->cr3 & ~0x1fU;
	} else {
		walk->levels = 2;
		walk->entry_size = sizeof(u32);
		walk->bits = 10;
		walk->table = (u32)sregs->cr3 & ~0xfffU;
	}
	return true;
}

/* Four entries without rights lead to the tables of a PAE guest. */
static bool is_pae_root(const struct walk *walk, unsigned int level)
{
	return walk->levels == 3 && level == 3;
}

/* Whether an entry of a level, the lowest being 1, is a page and no table. */
static bool is_page(const struct walk *walk, unsigned int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & ENTRY_LARGE) || is_pae_root(walk, level))
		return false;
	return walk->entry_size == sizeof(u64) || sregs_of(walk)->cr4 & CR4_PSE;
}

/* Bits that the processor faults on, as far as they do not depend on its model. */
static bool has_reserved_bits(const struct walk *walk, unsigned int level, u64 entry)
{
	unsigned int shift = PAGE_SHIFT + (level - 1) * walk->bits;

	if (walk->entry_size == sizeof(u32))
		return false;
	if (entry & ENTRY_NX && (!(sregs_of(walk)->efer & EFER_NXE) || is_pae_root(walk, level)))
		return true;
	if (level > 1 && is_page(walk, level, entry))
		/* Bit 12 of a large page's entry is PAT. */
		return level > 3 || entry & GENMASK_ULL(shift - 1, PAGE_SHIFT + 1);
	return false;
}

/* A page of 4 MiB has the address bits above 31 where a table's address stands. */
static u64 page_address(const struct walk *walk, unsigned int level, u64 entry)
{
	unsigned int shift = PAGE_SHIFT + (level - 1) * walk->bits;
	u64 offset = BIT_ULL(shift) - 1;
	u64 base = entry & ENTRY_ADDRESS & ~offset;

	if (walk->entry_size == sizeof(u32) && level == 2)
		base = (entry & GENMASK_ULL(31, 22)) | (entry & GENMASK_ULL(20, 13)) << 19;
	return base | (walk->gva & offset);
}

/*
 * The guest sees that its tables were used, if the caller wants it to. @gpa is where the
 * entry is to the guest. Return: whether that could be written.
 */
static bool set_bits(const struct walk *walk, void *where, u64 gpa, bool page)
{
	struct child_page table = child_page(walk->vp->child, walk->table >> PAGE_SHIFT);
	u32 bits = ENTRY_ACCESSED, before;

	if (!(walk->flags & HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS))
		return true;
	if (page && walk->flags & HV_TRANSLATE_GVA_VALIDATE_WRITE)
		bits |= ENTRY_DIRTY;
	if (table.mapped && !(table.flags & HV_MAP_GPA_WRITABLE) &&
	    (*(u32 *)where & bits) != bits)
		return false;
	/* They are in the low half of an entry of either size. */
	before = __atomic_fetch_or((u32 *)where, bits, __ATOMIC_RELAXED);
	if (bits & ~before)
		child_memory_wrote(walk->vp->child, gpa);
	return true;
}

static bool is_user(const struct walk *walk)
{
	if (walk->flags & HV_TRANSLATE_GVA_USER_ACCESS)
		return true;
	if (walk->flags & (HV_TRANSLATE_GVA_SUPERVISOR_ACCESS |
			   HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT))
		return false;
	return sregs_of(walk)->ss.dpl == 3;
}

/* Whether a supervisor must not touch a page that is a user's. */
static bool is_guarded(const struct walk *walk)
{
	u64 cr4 = sregs_of(walk)->cr4;

	if (walk->flags & HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT)
		return false;
	if (walk->flags & HV_TRANSLATE_GVA_VALIDATE_EXECUTE)
		return cr4 & CR4_SMEP;
	return walk->flags & HV_TRANSLATE_GVA_ENFORCE_SMAP && cr4 & CR4_SMAP &&
	       !(child_vp_regs(walk->vp)->regs.rflags & RFLAGS_AC);
}

/* Whether the page tables allow what is asked for. */
static bool is_allowed(const struct walk *walk)
{
	bool user = is_user(walk);

	if (!(walk->flags & HV_TRANSLATE_GVA_VALIDATE))
		return true;
	if (user && !(walk->rights & ENTRY_USER))
		return false;
	if (!user && walk->rights & ENTRY_USER && is_guarded(walk))
		return false;
	if (walk->flags & HV_TRANSLATE_GVA_VALIDATE_EXECUTE && walk->nx)
		return false;
	if (walk->flags & HV_TRANSLATE_GVA_VALIDATE_WRITE && !(walk->rights & ENTRY_WRITE))
		return !user && !(sregs_of(walk)->cr0 & CR0_WP);
	return true;
}

/*
 * Pages that are part of the guest's memory, and have not been given to it yet, are
 * there and cannot be read.
 */
static enum hv_translate_gva_result no_table(const struct walk *walk)
{
	return child_page(walk->vp->child, walk->table >> PAGE_SHIFT).no_access ?
		HV_TRANSLATE_GVA_GPA_NO_READ_ACCESS : HV_TRANSLATE_GVA_GPA_UNMAPPED;
}

enum hv_translate_gva_result child_walk(struct child_vp *vp, u64 gva, u64 flags,
					u64 *gpa)
{
	struct walk walk = { .vp = vp, .gva = gva, .flags = flags };
	unsigned int level;

	if (!(sregs_of(&walk)->cr0 & CR0_PG)) {
		*gpa = (u32)gva;
		return HV_TRANSLATE_GVA_SUCCESS;
	}
	if (!begin(&walk))
		return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;

	for (level = walk.levels; ; level--) {
		u64 shift = PAGE_SHIFT + (level - 1) * walk.bits;
		u64 index = (walk.gva >> shift) & (BIT_ULL(walk.bits) - 1);
		u64 entry_gpa = walk.table + index * walk.entry_size;
		void *where = child_memory(vp->child, entry_gpa, walk.entry_size);
		u64 entry;

		/* Where it could not go on, if that is why it fails. */
		*gpa = walk.table;
		if (!where)
			return no_table(&walk);
		entry = walk.entry_size == sizeof(u32) ? *(u32 *)where : *(u64 *)where;
		if (!(entry & ENTRY_PRESENT))
			return HV_TRANSLATE_GVA_PAGE_NOT_PRESENT;
		if (has_reserved_bits(&walk, level, entry))
			return HV_TRANSLATE_GVA_INVALID_PAGE_TABLE_FLAGS;
		if (!is_pae_root(&walk, level))
			walk.rights &= entry;
		walk.nx |= !!(entry & ENTRY_NX);

		if (is_page(&walk, level, entry)) {
			if (!is_allowed(&walk))
				return HV_TRANSLATE_GVA_PRIVILEGE_VIOLATION;
			if (!set_bits(&walk, where, entry_gpa, true))
				return HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS;
			*gpa = page_address(&walk, level, entry);
			return HV_TRANSLATE_GVA_SUCCESS;
		}
		if (!is_pae_root(&walk, level) && !set_bits(&walk, where, entry_gpa, false))
			return HV_TRANSLATE_GVA_GPA_NO_WRITE_ACCESS;
		walk.table = entry & ENTRY_ADDRESS;
	}
}

bool child_walk_linear(struct child_vp *vp, u64 linear, u64 *gpa)
{
	return child_walk(vp, linear, 0, gpa) == HV_TRANSLATE_GVA_SUCCESS;
}

unsigned int child_walk_code(struct child_vp *vp, u8 *code, unsigned int size)
{
	const struct kvm_sync_regs *sync = child_vp_regs(vp);
	u64 linear = sync->sregs.cs.base + sync->regs.rip;
	unsigned int done = 0, piece;
	void *memory;
	u64 gpa;

	/* Only 64-bit code has addresses above 4 GiB. */
	if (!sync->sregs.cs.l)
		linear = (u32)linear;
	while (done < size) {
		piece = HV_HYP_PAGE_SIZE - (linear + done) % HV_HYP_PAGE_SIZE;
		if (piece > size - done)
			piece = size - done;
		if (!child_walk_linear(vp, linear + done, &gpa))
			break;
		memory = child_memory(vp->child, gpa, piece);
		if (!memory)
			break;
		memcpy(code + done, memory, piece);
		done += piece;
	}
	return done;
}
