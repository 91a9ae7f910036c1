/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read the attributes of the mshv device, which is not registered off Hyper-V.
 */
#ifndef _TEST_ATTR_H_
#define _TEST_ATTR_H_

struct kunit;

const char *test_attr(struct kunit *test, const char *name);

#endif /* _TEST_ATTR_H_ */
