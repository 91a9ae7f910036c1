// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of the mshv device, for tests: see test_attr.h.
 */

#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/gfp_types.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <kunit/test.h>

#include "../mshv_root.h"
#include "test_attr.h"

/**
 * test_attr() - read an attribute of the mshv device
 * @test: the test; fails if there is no such attribute, or if what it reads as
 *	is not one line with something on it
 * @name: which one
 *
 * Context: A test, when the driver has a scheduler. Sleeps.
 * Return: the line without its end, valid until the test ends.
 */
const char *test_attr(struct kunit *test, const char *name)
{
	struct attribute *const *attr = mshv_sysfs_groups[0]->attrs;
	struct device_attribute *file;
	ssize_t len;
	char *page;

	while (*attr && strcmp((*attr)->name, name))
		attr++;
	KUNIT_ASSERT_NOT_NULL_MSG(test, *attr, "no attribute %s", name);
	file = container_of(*attr, struct device_attribute, attr);

	/* sysfs_emit() wants a whole page. */
	page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	len = file->show(NULL, file, page);
	KUNIT_ASSERT_GT(test, len, 1);
	KUNIT_ASSERT_PTR_EQ(test, strchr(page, '\n'), page + len - 1);
	page[len - 1] = '\0';

	return page;
}
