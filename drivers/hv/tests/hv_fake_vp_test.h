/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition with one VP on the fake hypervisor, and the hypercalls about them
 * as the driver makes them, with the arguments in pages of our own. The suites
 * "hv_fake_vp" and "mshv_vmm" share it.
 *
 * There is no test case in hv_fake_vp_test.[ch].
 */
#ifndef _HV_FAKE_VP_TEST_H_
#define _HV_FAKE_VP_TEST_H_

#include <linux/types.h>
#include <hyperv/hvhdk.h>

#include "hv_fake.h"

struct kunit;
struct page;

#define TEST_VP		3
#define TEST_VECTOR	0x51
#define TEST_GPA	0x123456000ULL
#define TEST_STATUS	HV_STATUS_OPERATION_DENIED

/* A partition with one VP, all of whose pages are mapped. */
struct hv_fake_vp_test {
	struct kunit *test;
	struct hv_fake *fake;
	/* Arguments of hypercalls: not the per-CPU ones. */
	void *in;
	void *out;
	u64 partition;
	struct hv_fake_vp *vp;
	/* Intercept message, registers, statistics of both areas. */
	struct page *pages[4];
	/* What a hook has seen. */
	unsigned int hooks;
	bool hook_preemptible;
	bool hook_irqs_on;
	bool hook_dispatching;
	bool hook_blocked;
	u64 hook_result;
};

/* One hypercall each; the result is the hypervisor's. */
u64 vp_test_create_partition(struct hv_fake_vp_test *t);
u64 vp_test_deposit(struct hv_fake_vp_test *t, const u64 *pfns,
		    unsigned int n);
u64 vp_test_withdraw(struct hv_fake_vp_test *t, unsigned int n);
u64 vp_test_create_vp(struct hv_fake_vp_test *t, u32 index);
u64 vp_test_map_state(struct hv_fake_vp_test *t, u16 type, u64 pfn);
u64 vp_test_unmap_state(struct hv_fake_vp_test *t, u16 type);
u64 vp_test_map_stats(struct hv_fake_vp_test *t, u8 area, u64 pfn);
u64 vp_test_unmap_stats(struct hv_fake_vp_test *t, u8 area);
u64 vp_test_get_reg(struct hv_fake_vp_test *t, u32 name, u64 *value);
u64 vp_test_set_regs(struct hv_fake_vp_test *t, u32 name1, u64 value1,
		     u32 name2, u64 value2);
u64 vp_test_set_reg(struct hv_fake_vp_test *t, u32 name, u64 value);
u64 vp_test_dispatch_as(struct hv_fake_vp_test *t,
			const struct hv_input_dispatch_vp *how);
u64 vp_test_dispatch(struct hv_fake_vp_test *t, u32 flags);

/* What came of it. */
void vp_test_expect(struct hv_fake_vp_test *t, u32 state, u32 event);
void vp_test_violated(struct hv_fake_vp_test *t,
		      enum hv_fake_violation violation);

/* A fake, and pages; the partition with its VP; and down with it again. */
struct hv_fake_vp_test *vp_test_new(struct kunit *test);
void vp_test_set_up(struct hv_fake_vp_test *t);
void vp_test_tear_down(struct hv_fake_vp_test *t);

/* Cases that the list of the suite "hv_fake_vp" has from its other files. */
const void *hv_fake_vp_spoil_params(struct kunit *test, const void *prev,
				    char *desc);
void hv_fake_vp_reports_violation(struct kunit *test);
void hv_fake_vp_script_runs(struct kunit *test);
void hv_fake_vp_rechecks_counted(struct kunit *test);
void hv_fake_vp_scans_vectors(struct kunit *test);
void hv_fake_vp_hooks(struct kunit *test);
void hv_fake_vp_no_signal_when_disabled(struct kunit *test);

#endif /* _HV_FAKE_VP_TEST_H_ */
