/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP that runs in real, protected or long mode, whose registers are read and set by its
 * page or by hypercalls, as a fixture.
 */
#ifndef SELFTESTS_MSHV_RUN_FIXTURE_H
#define SELFTESTS_MSHV_RUN_FIXTURE_H

#include <stdbool.h>

#include "harness.h"
#include "vm.h"

GUESTXX(spin, "1: jmp 1b\n");

FIXTURE(run) {
	struct vm vm;
	struct vp vp;
	struct hv_vp_register_page *page;
};

FIXTURE_VARIANT(run) {
	enum guest_mode mode;
	bool by_page;
};

FIXTURE_VARIANT_ADD(run, real_hypercalls) { .mode = GUEST_REAL, };
FIXTURE_VARIANT_ADD(run, real_page) { .mode = GUEST_REAL, .by_page = true, };
FIXTURE_VARIANT_ADD(run, protected_hypercalls) { .mode = GUEST_PROTECTED, };
FIXTURE_VARIANT_ADD(run, protected_page) { .mode = GUEST_PROTECTED, .by_page = true, };
FIXTURE_VARIANT_ADD(run, long_hypercalls) { .mode = GUEST_LONG, };
FIXTURE_VARIANT_ADD(run, long_page) { .mode = GUEST_LONG, .by_page = true, };

FIXTURE_SETUP(run)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
	self->page = self->vp.page;
	if (!variant->by_page)
		self->vp.page = NULL;
}

FIXTURE_TEARDOWN(run)
{
	self->vp.page = self->page;
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

static const u32 modes_cs_attributes[] = {
	[GUEST_REAL] = 0x009b,
	[GUEST_PROTECTED] = 0xc09b,
	[GUEST_LONG] = 0xa09b,
};

/* Where the VP is: what the header of every intercept says. */
static inline bool header_fits(struct vp *vp, enum guest_mode mode)
{
	const struct hv_x64_intercept_message_header *header = vp_header(vp);

	return header->vp_index == vp->index &&
	       header->cs_segment.base == 0 &&
	       header->cs_segment.attributes == modes_cs_attributes[mode] &&
	       header->execution_state.cpl == 0 &&
	       header->execution_state.cr0_pe == (mode != GUEST_REAL) &&
	       header->execution_state.efer_lma == (mode == GUEST_LONG) &&
	       header->rip == vp_get(vp, HV_X64_REGISTER_RIP) &&
	       header->rflags == vp_get(vp, HV_X64_REGISTER_RFLAGS);
}

#endif /* SELFTESTS_MSHV_RUN_FIXTURE_H */
