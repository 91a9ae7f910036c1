/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VP that runs in long mode, as a fixture.
 */
#ifndef SELFTESTS_MSHV_STATE_FIXTURE_H
#define SELFTESTS_MSHV_STATE_FIXTURE_H

#include "harness.h"
#include "vm.h"

FIXTURE(state) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(state)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(state)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

/* 64-bit operands: what there is in long mode alone. */
GUEST64(wide,
	"movabs $0x1122334455667788, %rax\n"
	"mov %rax, (%rsi)\n"
	"mov (%rsi), %rax\n"
	"mov %rax, (%rdi)\n"
	GUEST_REPORT(1));

#endif /* SELFTESTS_MSHV_STATE_FIXTURE_H */
