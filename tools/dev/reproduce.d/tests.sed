# SPDX-License-Identifier: GPL-2.0-only
#
# For tools/dev/reproduce only: what the tests expect of the features and not of
# a fix.
#
# The words of the log when signals are missing are mshv_sched_root.c's: the
# driver that has the fixes alone says it in others.
/^void mshv_root_drain(struct kunit/,/^}/ {
	s/KUNIT_EXPECT_EQ(test, test_log_count(log, .*;/(void)log;/
}
