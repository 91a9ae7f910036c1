/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition with one VP, for what their files take, as a fixture.
 */
#ifndef SELFTESTS_MSHV_FILES_FIXTURE_H
#define SELFTESTS_MSHV_FILES_FIXTURE_H

#include "harness.h"
#include "vm.h"

FIXTURE(files) {
	struct vm vm;
	struct vp vp;
};

FIXTURE_SETUP(files)
{
	const char *why = mshv_missing();

	if (why)
		SKIP(return, "%s", why);
	vm_start(&self->vm, VM_DEFAULT);
	vp_start(&self->vm, &self->vp, 0);
}

FIXTURE_TEARDOWN(files)
{
	vp_stop(&self->vp);
	vm_stop(&self->vm);
}

static inline int run_to_hello(struct vp *vp)
{
	u32 value = 0;
	int ret;

	vp_enter(vp, GUEST_LONG, &guest_hello);
	ret = vp_run_to_report(vp, &value);
	return ret ? ret : value != 0x600d;
}

#endif /* SELFTESTS_MSHV_FILES_FIXTURE_H */
