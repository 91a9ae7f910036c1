/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation as a child's VP does it.
 */
#ifndef _HVEMU_CHILD_WALK_H
#define _HVEMU_CHILD_WALK_H

#include <hyperv/hvhdk.h>

#include "../hv/hv_more.h"

struct child_vp;

#define HV_TRANSLATE_GVA_VALIDATE	(HV_TRANSLATE_GVA_VALIDATE_READ | \
					 HV_TRANSLATE_GVA_VALIDATE_WRITE | \
					 HV_TRANSLATE_GVA_VALIDATE_EXECUTE)
/* OpenVMM, hvdef, TranslateGvaControlFlagsX64: 11 flags, and a VTL in the top byte. */
#define HV_TRANSLATE_GVA_KNOWN		GENMASK_ULL(10, 0)

/**
 * child_walk() - walk the page tables of the guest
 * @vp: whose; out of KVM
 * @gva: a linear address
 * @flags: HV_TRANSLATE_GVA_*: as what kind of access. Without one of its VALIDATE
 *	bits no access right is looked at
 * @gpa: set on success: where it is; nothing need be there. Set where a page table
 *	cannot be read, or a bit cannot be set in it: that table
 *
 * The registers are those that KVM shares with us, changes included that it has
 * not taken over yet: KVM_TRANSLATE would not see those.
 *
 * Return: HV_TRANSLATE_GVA_SUCCESS, _GPA_UNMAPPED if a page table is no memory,
 * or why the guest would get #PF.
 */
enum hv_translate_gva_result child_walk(struct child_vp *vp, u64 gva, u64 flags,
					u64 *gpa);

/**
 * child_walk_linear() - where a linear address is
 * @vp: which; out of KVM
 * @linear: the address
 * @gpa: set
 *
 * Return: false if it is not mapped by the guest.
 */
bool child_walk_linear(struct child_vp *vp, u64 linear, u64 *gpa);

/* Fetch the code at RIP: as many bytes of @size as can be read. */
unsigned int child_walk_code(struct child_vp *vp, u8 *code, unsigned int size);

#endif /* _HVEMU_CHILD_WALK_H */
