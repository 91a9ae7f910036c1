// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what hvemu asks of its host. They answer in its place.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"

#include "../child/life.h"
#include "../machine/host.h"

#define INTEL		"/sys/module/kvm_intel/parameters/"
#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define FILES_MAX	8

/* A host with all there is, but for one capability, and with a few files. */
struct fake {
	unsigned int other;		/* this capability... */
	long value;			/* ...has that value */
	int userfaultfd;
	struct {
		const char *path;
		const char *line;
	} files[FILES_MAX];
	unsigned int nr_files;
};

static long fake_capability(void *context, unsigned int number)
{
	struct fake *fake = context;

	if (number == fake->other)
		return fake->value;
	/* The only one that must not be large. */
	return number == KVM_CAP_XSAVE2 ? sizeof(struct kvm_xsave) : 0x7fffffff;
}

static bool fake_read(void *context, const char *path, char *line, size_t size)
{
	struct fake *fake = context;
	unsigned int i;

	for (i = 0; i < fake->nr_files; i++) {
		if (strcmp(path, fake->files[i].path))
			continue;
		snprintf(line, size, "%s", fake->files[i].line);
		return true;
	}
	return false;
}

static int fake_userfaultfd(void *context)
{
	return ((struct fake *)context)->userfaultfd;
}

FIXTURE(host) {
	struct fake fake;
	struct host host;
	char *text;
	size_t size;
};

FIXTURE_SETUP(host)
{
	self->fake.other = ~0U;
	self->host = (struct host) {
		.context = &self->fake,
		.capability = fake_capability,
		.read = fake_read,
		.userfaultfd = fake_userfaultfd,
	};
}

FIXTURE_TEARDOWN(host)
{
	free(self->text);
}

/* What is said about it is in *@text then. */
static unsigned int check(const struct host *host, char **text, size_t *size, bool all)
{
	unsigned int missing;
	FILE *out;

	free(*text);
	*text = NULL;
	out = open_memstream(text, size);
	missing = host_check(host, out, all);
	fclose(out);
	return missing;
}

static void add_file(struct fake *fake, const char *path, const char *line)
{
	fake->files[fake->nr_files].path = path;
	fake->files[fake->nr_files++].line = line;
}

TEST_F(host, one_that_has_all)
{
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
	EXPECT_STREQ("", self->text);
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, true));
	EXPECT_NE(NULL, strstr(self->text, "ok       KVM_CAP_SYNC_REGS"));
	EXPECT_NE(NULL, strstr(self->text, "ok       userfaultfd"));
	EXPECT_EQ(NULL, strstr(self->text, "MISSING"));
}

TEST_F(host, a_capability_is_missing)
{
	self->fake.other = KVM_CAP_X86_MSR_FILTER;
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "KVM_CAP_X86_MSR_FILTER"));
	EXPECT_NE(NULL, strstr(self->text, "synthetic MSRs"));
	EXPECT_NE(NULL, strstr(self->text, "newer kernel"));
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, true));
	EXPECT_NE(NULL, strstr(self->text, "MISSING  KVM_CAP_X86_MSR_FILTER"));
}

TEST_F(host, every_bit_is_needed)
{
	self->fake.other = KVM_CAP_SYNC_REGS;
	self->fake.value = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	self->fake.value |= KVM_SYNC_X86_EVENTS;
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
}

/* Each of the two is needed for itself, and no other one is. */
TEST_F(host, a_quirk_that_cannot_be_turned_off)
{
	const long port = KVM_X86_QUIRK_OUT_7E_INC_RIP;
	const long hypercall = KVM_X86_QUIRK_FIX_HYPERCALL_INSN;

	self->fake.other = KVM_CAP_DISABLE_QUIRKS2;
	self->fake.value = ~port;
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "intercepts of every IO port"));
	self->fake.value = ~hypercall;
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "#UD for the other vendor's hypercall"));
	self->fake.value = ~(port | hypercall);
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	self->fake.value = port | hypercall;
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
	/* What a child is made with is what is asked for. */
	EXPECT_EQ(port | hypercall, (long)CHILD_NO_QUIRKS);
}

/* AMX makes it larger; an older KVM has it not at all. */
TEST_F(host, the_xsave_state_is_one_page)
{
	self->fake.other = KVM_CAP_XSAVE2;
	self->fake.value = 11008;
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "AMX"));
	self->fake.value = 0;
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
}

TEST_F(host, intel_without_what_it_takes)
{
	add_file(&self->fake, INTEL "ept", "N");
	add_file(&self->fake, INTEL "unrestricted_guest", "N");
	EXPECT_EQ(2, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "ept=1"));
	EXPECT_NE(NULL, strstr(self->text, "unrestricted_guest=1"));
}

TEST_F(host, yes_is_a_letter_or_a_number)
{
	add_file(&self->fake, INTEL "ept", "Y");
	add_file(&self->fake, INTEL "unrestricted_guest", "1");
	add_file(&self->fake, "/sys/module/kvm/parameters/ignore_msrs", "0");
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
}

TEST_F(host, msrs_that_kvm_ignores)
{
	add_file(&self->fake, "/sys/module/kvm/parameters/ignore_msrs", "Y");
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
}

TEST_F(host, too_few_mappings)
{
	add_file(&self->fake, "/proc/sys/vm/max_map_count", "65530");
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	EXPECT_NE(NULL, strstr(self->text, "sysctl vm.max_map_count=1000000"));
	self->fake.files[0].line = "1048576";
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
}

TEST_F(host, memory_that_must_not_be_promised)
{
	add_file(&self->fake, "/proc/sys/vm/overcommit_memory", "2");
	EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
	self->fake.files[0].line = "1";
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
}

/* hvemu runs all the same, and is silent; the report says it. */
TEST_F(host, what_only_disturbs)
{
	add_file(&self->fake, CLOCKSOURCE, "hpet");
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, false));
	EXPECT_STREQ("", self->text);
	EXPECT_EQ(0, check(&self->host, &self->text, &self->size, true));
	EXPECT_NE(NULL, strstr(self->text, "DISTURBS"));
}

TEST_F(host, userfaultfd_has_its_own_remedies)
{
	static const struct {
		int error;
		const char *word;
	} known[] = {
		{ -EPERM, "vm.unprivileged_userfaultfd=1" },
		{ -ENOENT, "CONFIG_USERFAULTFD" },
		{ -EINVAL, "CONFIG_PTE_MARKER_UFFD_WP" },
		{ -EMFILE, "limits" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		self->fake.userfaultfd = known[i].error;
		EXPECT_EQ(1, check(&self->host, &self->text, &self->size, false));
		EXPECT_NE(NULL, strstr(self->text, known[i].word));
	}
}

TEST_F(host, all_that_is_missing_is_said_at_once)
{
	self->fake.other = KVM_CAP_IMMEDIATE_EXIT;
	self->fake.userfaultfd = -EPERM;
	add_file(&self->fake, "/proc/sys/vm/max_map_count", "65530");
	EXPECT_EQ(3, check(&self->host, &self->text, &self->size, false));
}

TEST_HARNESS_MAIN
