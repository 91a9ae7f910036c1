/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kselftest_harness.h, with more time for each test: an emulated machine on a busy
 * host may need a hundred times as long as a real one, and no test waits for long
 * when nothing is wrong.
 */
#ifndef SELFTESTS_MSHV_HARNESS_H
#define SELFTESTS_MSHV_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#endif /* SELFTESTS_MSHV_HARNESS_H */
