/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test finds in the kernel's log.
 */
#ifndef _TEST_LOG_H_
#define _TEST_LOG_H_

#include <linux/kmsg_dump.h>

/**
 * test_log_end() - remember where the log ends now
 * @iter: set to the end
 */
static inline void test_log_end(struct kmsg_dump_iter *iter)
{
	size_t len;

	kmsg_dump_rewind(iter);
	while (kmsg_dump_get_line(iter, false, NULL, 0, &len))
		;
}

unsigned int test_log_count(struct kmsg_dump_iter iter, const char *text);

#endif /* _TEST_LOG_H_ */
