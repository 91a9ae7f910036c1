// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sysfs.c: the attributes of the mshv device.
 *
 * That they say the same as the log, in each row of the decision table, is
 * tested by the suite mshv_sched_init. Here is the rest: which attributes there
 * are, that they are true of the driver, and that they can be read when no VP
 * can run any more.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_attr.h"

/* All of them, as the ABI documentation has them; sorted. */
static const char * const mshv_sysfs_test_names[] = {
	"dispatcher", "interrupt_posting", "max_vps", "scheduler", "state",
};

static const struct mshv_sysfs_way_case {
	const char *name;
	const struct mshv_sched_ops *ops;
	u32 ext_features;
	const char *dispatcher;
	bool posts;
} mshv_sysfs_way_cases[] = {
	{
		.name = "this kernel, the hypervisor takes posted interrupts",
		.ops = &mshv_sched_root_ops,
		.ext_features = MSHV_SCHED_TAKES_INTERRUPTS,
		.dispatcher = "kernel",
		.posts = IS_ENABLED(CONFIG_X86_64),
	},
	{
		.name = "this kernel, the hypervisor takes none",
		.ops = &mshv_sched_root_ops,
		.ext_features = (u32)~MSHV_SCHED_TAKES_INTERRUPTS,
		.dispatcher = "kernel",
	},
	{
		.name = "the hypervisor, which would take posted interrupts",
		.ops = &mshv_sched_hyp_ops,
		.ext_features = MSHV_SCHED_TAKES_INTERRUPTS,
		.dispatcher = "hypervisor",
	},
	{
		.name = "the hypervisor, which takes none",
		.ops = &mshv_sched_hyp_ops,
		.ext_features = 0,
		.dispatcher = "hypervisor",
	},
};

KUNIT_ARRAY_PARAM_DESC(mshv_sysfs_way, mshv_sysfs_way_cases, name);

/* One group without a name, of these files and no other, readable by anybody. */
static void mshv_sysfs_attributes(struct kunit *test)
{
	struct attribute *const *attrs = mshv_sysfs_groups[0]->attrs;
	unsigned int i;

	KUNIT_EXPECT_NULL(test, mshv_sysfs_groups[0]->name);
	KUNIT_EXPECT_NULL(test, mshv_sysfs_groups[0]->is_visible);
	KUNIT_EXPECT_NULL(test, mshv_sysfs_groups[1]);
	for (i = 0; i < ARRAY_SIZE(mshv_sysfs_test_names); i++) {
		KUNIT_ASSERT_NOT_NULL(test, attrs[i]);
		KUNIT_EXPECT_STREQ(test, attrs[i]->name, mshv_sysfs_test_names[i]);
		KUNIT_EXPECT_EQ(test, attrs[i]->mode, 0444);
	}
	KUNIT_EXPECT_NULL(test, attrs[i]);
}

/* Who dispatches, and whether interrupts are posted: both by the way in force. */
static void mshv_sysfs_way(struct kunit *test)
{
	const struct mshv_sysfs_way_case *c = test->param_value;
	struct hv_fake *fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	struct mshv_vmm *vmm;

	mshv_vmm_use(test, c->ops);
	vmm = mshv_vmm_create(test, fake);
	mshv_vmm_set_ext_features(vmm, c->ext_features);
	KUNIT_EXPECT_STREQ(test, test_attr(test, "dispatcher"), c->dispatcher);
	KUNIT_EXPECT_STREQ(test, test_attr(test, "interrupt_posting"),
			   c->posts ? "1" : "0");
}

/* Indexes are smaller than that number, and any smaller one will do. */
static void mshv_sysfs_max_vps(struct kunit *test)
{
	struct hv_fake *fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	struct mshv_vmm_vp *vp;
	struct mshv_vmm *vmm;
	unsigned int max;

	mshv_vmm_use(test, &mshv_sched_hyp_ops);
	vmm = mshv_vmm_create(test, fake);
	KUNIT_ASSERT_EQ(test, kstrtouint(test_attr(test, "max_vps"), 10, &max), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_try_create_vp(vmm, max, &vp), -EINVAL);
	KUNIT_EXPECT_EQ(test, mshv_vmm_try_create_vp(vmm, max - 1, &vp), 0);
}

static const struct mshv_sysfs_closed_case {
	const char *name;
	int err;
} mshv_sysfs_closed_cases[] = {
	{ "by a reboot", -ESHUTDOWN },
	{ "by a resume", -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(mshv_sysfs_closed, mshv_sysfs_closed_cases, name);

/* How often the hypervisor was asked for anything that an attribute may say. */
static unsigned int mshv_sysfs_test_asked(const struct hv_fake *fake)
{
	return hv_fake_count(fake, HVCALL_GET_SYSTEM_PROPERTY, 0) +
	       hv_fake_count(fake, HVCALL_GET_PARTITION_PROPERTY, 0) +
	       hv_fake_count(fake, HVCALL_GET_PARTITION_PROPERTY_EX, 0) +
	       hv_fake_count(fake, HVCALL_GET_VP_REGISTERS, 0);
}

/*
 * A driver that was closed says so. The other attributes stay as they were: the
 * hypervisor is not asked again, as it may be another one by now.
 */
static void mshv_sysfs_closed(struct kunit *test)
{
	const struct mshv_sysfs_closed_case *c = test->param_value;
	struct hv_fake *fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	const char *before[ARRAY_SIZE(mshv_sysfs_test_names)], *name;
	unsigned int i, asked;

	mshv_vmm_use(test, &mshv_sched_root_ops);
	mshv_vmm_create(test, fake);
	for (i = 0; i < ARRAY_SIZE(before); i++)
		before[i] = test_attr(test, mshv_sysfs_test_names[i]);

	mshv_sched_close(c->err);
	asked = mshv_sysfs_test_asked(fake);
	for (i = 0; i < ARRAY_SIZE(before); i++) {
		name = mshv_sysfs_test_names[i];
		if (strcmp(name, "state")) {
			KUNIT_EXPECT_STREQ(test, test_attr(test, name), before[i]);
			continue;
		}
		KUNIT_EXPECT_STREQ(test, before[i], "open");
		KUNIT_EXPECT_STREQ(test, test_attr(test, name), "closed");
	}
	KUNIT_EXPECT_EQ(test, mshv_sysfs_test_asked(fake), asked);
}

static struct kunit_case mshv_sysfs_test_cases[] = {
	KUNIT_CASE(mshv_sysfs_attributes),
	KUNIT_CASE_PARAM(mshv_sysfs_way, mshv_sysfs_way_gen_params),
	KUNIT_CASE(mshv_sysfs_max_vps),
	KUNIT_CASE_PARAM(mshv_sysfs_closed, mshv_sysfs_closed_gen_params),
	{}
};

static struct kunit_suite mshv_sysfs_test_suite = {
	.name = "mshv_sysfs",
	.test_cases = mshv_sysfs_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_sysfs_test_suite);
