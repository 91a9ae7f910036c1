/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kselftest_harness.h, with more time for each test: an emulated machine on a busy
 * host may need a hundred times as long as a real one, and no test waits for long
 * when nothing is wrong.
 *
 * And with an eye on the kernel: a test during which that warned, or met a fault, has
 * failed, whatever it found itself.
 */
#ifndef SELFTESTS_MSHV_HARNESS_H
#define SELFTESTS_MSHV_HARNESS_H

#include <linux/bits.h>

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/*
 * Tests without a fixture have an empty one, of the name that the harness gives
 * them anyway: so that each runs in a process of its own, and is over when that is.
 */
#undef TEST
#define TEST(test_name)	TEST_F(global, test_name)

FIXTURE(global) {
};

static void __maybe_unused global_setup(struct __test_metadata *_metadata,
					struct _test_data_global *self,
					const struct _fixture_variant_global *variant)
{
}

static const bool global_teardown_parent __maybe_unused;

static void __maybe_unused global_teardown(struct __test_metadata *_metadata,
					   struct _test_data_global *self,
					   const struct _fixture_variant_global *variant)
{
}

/* Bits of the kernel's taint: TAINT_BAD_PAGE, TAINT_DIE and TAINT_WARN. */
#define KERNEL_COMPLAINED	(BIT(5) | BIT(7) | BIT(9))

static inline unsigned long kernel_complaints(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long taint = 0;

	if (file) {
		if (fscanf(file, "%lu", &taint) != 1)
			taint = 0;
		fclose(file);
	}
	return taint & KERNEL_COMPLAINED;
}

/* Those that are known of, in memory that all tests share. */
static unsigned long *known_complaints;

static struct {
	struct __test_metadata *test;
	void (*fn)(struct __test_metadata *test, struct __fixture_variant_metadata *variant);
} watched_tests[128];

static inline void find_complaints(struct __test_metadata *test, const char *when)
{
	unsigned long found = kernel_complaints() & ~*known_complaints;

	if (!found)
		return;
	fprintf(TH_LOG_STREAM, "# %s: the kernel complained %s, see its log: taint %#lx\n",
		test->name, when, found);
	*known_complaints |= found;
	test->exit_code = KSFT_FAIL;
}

/* In the place of each test's function. All of the test is over when that returns. */
static inline void watch_test(struct __test_metadata *test,
			      struct __fixture_variant_metadata *variant)
{
	unsigned int i;
	int code;

	/* What is taken away late may fail late. */
	find_complaints(test, "after an earlier test");
	code = test->exit_code;
	for (i = 0; watched_tests[i].test != test; i++)
		;
	watched_tests[i].fn(test, variant);
	if (code)
		test->exit_code = code;
	find_complaints(test, "during this test");
}

/* After all tests have been registered. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL + 1))) watch_tests(void)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;
	unsigned int i = 0;

	known_complaints = mmap(NULL, sizeof(*known_complaints), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (known_complaints == MAP_FAILED)
		abort();
	*known_complaints = kernel_complaints();
	if (*known_complaints)
		fprintf(TH_LOG_STREAM,
			"# The kernel complained before any test: more of the same is not seen, taint %#lx\n",
			*known_complaints);
	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		for (test = fixture->tests; test; test = test->next) {
			if (i == ARRAY_SIZE(watched_tests))
				abort();
			watched_tests[i].test = test;
			watched_tests[i++].fn = test->fn;
			test->fn = watch_test;
		}
	}
}

#endif /* SELFTESTS_MSHV_HARNESS_H */
