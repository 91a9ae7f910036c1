// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what users of hvemu write: names, faults, command lines.
 */

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hyperv/hvhdk.h>

#include "kselftest_harness.h"

#include "../hv/fault.h"
#include "../hv/names.h"
#include "../hv/options.h"

TEST(names_go_both_ways)
{
	u32 number;

	EXPECT_STREQ("ACCESS_DENIED", name_of(status_names, HV_STATUS_ACCESS_DENIED));
	EXPECT_STREQ("MAP_STATS_PAGE2", name_of(hypercall_names, HVCALL_MAP_STATS_PAGE2));
	EXPECT_STREQ("VMM_CAPABILITIES",
		     name_of(property_names, HV_PARTITION_PROPERTY_VMM_CAPABILITIES));
	EXPECT_STREQ("SIMP", name_of(msr_names, HV_X64_MSR_SIMP));
	EXPECT_STREQ("0xffff", name_of(status_names, 0xffff));
	EXPECT_STREQ("INVALID_SYNIC_STATE", status_name(0x18));
	EXPECT_STREQ("TIME_OUT", status_name(HV_STATUS_TIME_OUT));
	EXPECT_STREQ("0xffff", status_name(0xffff));
	EXPECT_STREQ("TIME_FREEZE", name_of(property_names, 0x30003));
	/* More than one of those without a name stand in a line. */
	EXPECT_STRNE(name_of(status_names, 0xfffe), name_of(status_names, 0xffff));
	EXPECT_TRUE(number_of(status_names, "HV_STATUS_", "TIME_OUT", &number));
	EXPECT_EQ(HV_STATUS_TIME_OUT, number);
	EXPECT_TRUE(number_of(status_names, "HV_STATUS_", "HV_STATUS_NOT_FOUND", &number));
	EXPECT_EQ(HV_STATUS_NOT_FOUND, number);
	EXPECT_TRUE(number_of(status_names, "HV_STATUS_", "0x123", &number));
	EXPECT_EQ(0x123, number);
	EXPECT_FALSE(number_of(status_names, "HV_STATUS_", "NO_SUCH", &number));
	EXPECT_FALSE(number_of(status_names, "HV_STATUS_", "", &number));
	EXPECT_FALSE(number_of(status_names, "HV_STATUS_", "-1", &number));
	EXPECT_FALSE(number_of(status_names, "HV_STATUS_", "0x100000000", &number));
}

TEST(faults_that_are_right)
{
	struct fault fault;

	EXPECT_EQ(NULL, fault_parse(&fault,
				    "GET_PARTITION_PROPERTY_EX:VMM_CAPABILITIES=ACCESS_DENIED"));
	EXPECT_EQ(HVCALL_GET_PARTITION_PROPERTY_EX, fault.code);
	EXPECT_FALSE(fault.any_selector);
	EXPECT_EQ(HV_PARTITION_PROPERTY_VMM_CAPABILITIES, fault.selector);
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED, fault.status);
	EXPECT_EQ(0, fault.nth);

	EXPECT_EQ(NULL, fault_parse(&fault, "0x131=HV_STATUS_TIME_OUT@3"));
	EXPECT_TRUE(fault.any_selector);
	EXPECT_EQ(HV_STATUS_TIME_OUT, fault.status);
	EXPECT_EQ(3, fault.nth);
	EXPECT_FALSE(fault.onwards);

	EXPECT_EQ(NULL, fault_parse(&fault, "HVCALL_UNMAP_STATS_PAGE:0x10002=delay:500@2+"));
	EXPECT_TRUE(fault.kind == FAULT_DELAY);
	EXPECT_EQ(500, fault.value);
	EXPECT_EQ(2, fault.nth);
	EXPECT_TRUE(fault.onwards);
}

TEST(faults_that_are_wrong)
{
	static const char * const wrong[] = {
		"", "=", "0x131", "NO_SUCH=TIME_OUT", "0x131=NO_SUCH", "0x131=",
		"0x131:NO_SUCH=TIME_OUT", "0x131=TIME_OUT@", "0x131=TIME_OUT@0",
		"0x131=TIME_OUT@2x", "0x131=TIME_OUT@2++", "0x131=delay:",
		"0x131=delay:soon", "0x10000=TIME_OUT", "0x131=0x10000",
		"0x131:=TIME_OUT", NULL,
	};
	struct fault fault;
	char text[200];
	int i;

	for (i = 0; wrong[i]; i++)
		EXPECT_NE(NULL, fault_parse(&fault, wrong[i]))
			TH_LOG("number %d is taken", i);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	EXPECT_NE(NULL, fault_parse(&fault, text));
}

TEST(faults_apply_when_they_say)
{
	struct faults faults = { };
	u32 delay;
	u16 status;
	int i;

	ASSERT_EQ(NULL, fault_add(&faults, "0x131:0x10002=TIME_OUT@2"));
	EXPECT_FALSE(fault_apply(&faults, 0x131, 0x10002, &status, &delay));
	EXPECT_FALSE(fault_apply(&faults, 0x131, 0x10001, &status, &delay));
	EXPECT_FALSE(fault_apply(&faults, 0x6c, 0x10002, &status, &delay));
	EXPECT_TRUE(fault_apply(&faults, 0x131, 0x10002, &status, &delay));
	EXPECT_EQ(HV_STATUS_TIME_OUT, status);
	EXPECT_FALSE(fault_apply(&faults, 0x131, 0x10002, &status, &delay));

	faults.count = 0;
	ASSERT_EQ(NULL, fault_add(&faults, "0x131=NOT_FOUND@2+"));
	ASSERT_EQ(NULL, fault_add(&faults, "0x131=delay:7"));
	EXPECT_FALSE(fault_apply(&faults, 0x131, 1, &status, &delay));
	EXPECT_EQ(7, delay);
	EXPECT_TRUE(fault_apply(&faults, 0x131, 2, &status, &delay));
	EXPECT_TRUE(fault_apply(&faults, 0x131, 3, &status, &delay));

	faults.count = 0;
	for (i = 0; i < FAULTS_MAX; i++)
		ASSERT_EQ(NULL, fault_add(&faults, "0x131=NOT_FOUND"));
	EXPECT_NE(NULL, fault_add(&faults, "0x131=NOT_FOUND"));
}

/* How the command line ends: 100 if it is right. */
static int parse(const char *a, const char *b, const char *c, const char *d)
{
	const char *words[6] = { "hvemu", a, b, c, d, NULL };
	static struct options options;
	int argc = 0, status;
	pid_t child;

	while (words[argc])
		argc++;
	fflush(NULL);
	child = fork();
	if (!child) {
		/* The harness may have read a command line of its own. */
		optind = 0;
		freopen("/dev/null", "w", stdout);
		freopen("/dev/null", "w", stderr);
		options_parse(&options, argc, (char **)words);
		_exit(100);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(command_lines)
{
	EXPECT_EQ(100, parse("--kernel", "k", NULL, NULL));
	EXPECT_EQ(100, parse("--kernel", "k", "--preset", "integrated-on"));
	EXPECT_EQ(100, parse("--kernel", "k", "--preset", "plain-guest"));
	EXPECT_EQ(100, parse("--kernel", "k", "--capabilities", "none"));
	EXPECT_EQ(100, parse("--kernel", "k", "--integrated", "0xffffffffffffffff"));
	EXPECT_EQ(100, parse("--probe", NULL, NULL, NULL));
	EXPECT_EQ(0, parse("--help", NULL, NULL, NULL));

	EXPECT_EQ(2, parse(NULL, NULL, NULL, NULL));
	EXPECT_EQ(2, parse("--kernel", NULL, NULL, NULL));
	EXPECT_EQ(2, parse("--nonsense", NULL, NULL, NULL));
	EXPECT_EQ(2, parse("--kernel", "k", "more", NULL));
	EXPECT_EQ(2, parse("--kernel", "k", "--preset", "nonsense"));
	EXPECT_EQ(2, parse("--kernel", "k", "--cpus", "0"));
	EXPECT_EQ(2, parse("--kernel", "k", "--cpus", "65"));
	EXPECT_EQ(2, parse("--kernel", "k", "--cpus", "two"));
	EXPECT_EQ(2, parse("--kernel", "k", "--cpus", "-1"));
	EXPECT_EQ(2, parse("--kernel", "k", "--memory", "63"));
	EXPECT_EQ(2, parse("--kernel", "k", "--integrated", "0x10000000000000000"));
	EXPECT_EQ(2, parse("--kernel", "k", "--apic", "acpi"));
	EXPECT_EQ(2, parse("--kernel", "k", "--offer", "maybe"));
	EXPECT_EQ(2, parse("--kernel", "k", "--masked", "maybe"));
	EXPECT_EQ(100, parse("--kernel", "k", "--masked", "fill"));
	EXPECT_EQ(100, parse("--kernel", "k", "--injection", NULL));
	EXPECT_EQ(100, parse("--kernel", "k", "--no-cpuid-values", "--strict-features"));
	EXPECT_EQ(100, parse("--kernel", "k", "--smt", NULL));
	EXPECT_EQ(2, parse("--kernel", "k", "--fault", "nonsense"));
	EXPECT_EQ(100, parse("--kernel=k", "--parent=root", NULL, NULL));
	EXPECT_EQ(2, parse("--kernel=k", "--parent=root", "--cpus=2", NULL));
}

TEST_HARNESS_MAIN
