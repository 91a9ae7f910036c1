// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of hvemu's own parts, without KVM: names, fault grammar, hypercall
 * convention, hypercalls, SynIC, MSRs, CPUID, boot protocol, test port.
 */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/bootparam.h>
#include <linux/elf.h>
#include <hyperv/hvhdk.h>
#include <hyperv/hvsched.h>

#include "kselftest_harness.h"

#include "../child/child.h"
#include "../child/cpuid.h"
#include "../child/parent.h"
#include "../hv/cpuid.h"
#include "../hv/cpuid_view.h"
#include "../hv/fault.h"
#include "../hv/hv_more.h"
#include "../hv/hypercall.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/names.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "../machine/cpuid.h"
#include "../machine/hypercalls.h"
#include "../machine/quiet.h"
#include "../machine/test_port.h"
#include "../pc/acpi.h"
#include "../pc/boot.h"
#include "../pc/guest.h"

#define RAM_SIZE	(4ULL << 20)
#define SIMP_GPA	0x10000ULL
#define SIRBP_GPA	0x11000ULL
#define INPUT_GPA	0x20000ULL
#define OUTPUT_GPA	0x21000ULL
#define PAGE_GPA	0x30000ULL
#define VECTOR		0xf3

/* How many interrupts each VP was given. */
static unsigned int interrupts[VPS_MAX];

static void count_interrupt(struct vp *vp, u8 vector)
{
	if (vector == VECTOR)
		interrupts[vp->index]++;
}

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

TEST(control_words)
{
	struct hypercall call;

	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall_decode(&call, 0x00020005000a0101ULL | 2ULL << 48));
	EXPECT_EQ(0x101, call.code);
	EXPECT_FALSE(call.fast);
	EXPECT_EQ(5 * 8, call.varhead_size);
	EXPECT_EQ(5, call.rep_count);
	EXPECT_EQ(2, call.rep_start);
	EXPECT_EQ(2, call.reps_done);
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall_decode(&call, HV_HYPERCALL_FAST_BIT | 0x41));
	EXPECT_TRUE(call.fast);

	/* Each reserved field, and elements that cannot be. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(27)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(31)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(44)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x41 | BIT_ULL(60)));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall_decode(&call, 0x48 | 3ULL << 32 | 3ULL << 48));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT, hypercall_decode(&call, 0x48 | BIT_ULL(48)));
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

FIXTURE(partition) {
	struct options options;
	struct partition *partition;
	struct vp *vp;
	void *ram;
};

FIXTURE_SETUP(partition)
{
	self->options = (struct options) {
		.cpus = 2, .x2apic = true, .build = HV_BUILD_VALIDATED,
		.capabilities = true, .property_ex = true, .bank_count = 1,
		.scheduler = HV_SCHEDULER_TYPE_ROOT, .memory = RAM_SIZE,
	};
	ASSERT_TRUE(options_preset(&self->options, "not-offered"));
	self->partition = calloc(1, sizeof(*self->partition));
	self->ram = calloc(1, RAM_SIZE);
	ASSERT_NE(NULL, self->partition);
	ASSERT_NE(NULL, self->ram);
	partition_init(self->partition, &self->options);
	child_parent_init(self->partition);
	self->partition->interrupt = count_interrupt;
	self->partition->tsc_hz = 2000000000;
	self->partition->ram[0].size = RAM_SIZE;
	self->partition->ram[0].host = self->ram;
	self->partition->ram_slots = 1;
	self->partition->reserved_gpa = RAM_SIZE - 0x10000;
	self->partition->reserved_pages = 5;
	self->vp = &self->partition->vps[0];
	memset(interrupts, 0, sizeof(interrupts));
	/* Violations are looked for below; nobody needs to see them. */
	log_be_silent();
	log_open(NULL);
	self->partition->hypercall_msr = HV_X64_MSR_HYPERCALL_ENABLE;
	pthread_mutex_lock(&self->partition->lock);
}

FIXTURE_TEARDOWN(partition)
{
	free(self->partition->deposited);
	free(self->partition);
	free(self->ram);
}

TEST_F(partition, memory_ends_where_it_ends)
{
	struct partition *partition = self->partition;

	EXPECT_EQ(self->ram, partition_memory(partition, 0, RAM_SIZE));
	EXPECT_EQ(NULL, partition_memory(partition, 0, RAM_SIZE + 1));
	EXPECT_NE(NULL, partition_memory(partition, RAM_SIZE - 1, 1));
	EXPECT_EQ(NULL, partition_memory(partition, RAM_SIZE - 1, 2));
	EXPECT_EQ(NULL, partition_memory(partition, RAM_SIZE, 1));
	EXPECT_EQ(NULL, partition_memory(partition, ~0ULL, 1));
	EXPECT_EQ(NULL, partition_memory(partition, 8, ~0ULL));
}

/* A property request at INPUT_GPA. */
static struct hv_input_get_partition_property_ex *
property_request(struct partition *partition, u32 code)
{
	struct hv_input_get_partition_property_ex *input;

	input = partition_memory(partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_get_partition_property_ex) {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = code,
	};
	return input;
}

static u64 ask_property(struct vp *vp, u32 code)
{
	property_request(vp->partition, code);
	return hypercall(vp, HVCALL_GET_PARTITION_PROPERTY_EX, INPUT_GPA, OUTPUT_GPA);
}

TEST_F(partition, capabilities_are_as_the_options_say)
{
	struct hv_partition_property_vmm_capabilities *caps;
	const u32 code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;

	caps = partition_memory(self->partition, OUTPUT_GPA, sizeof(*caps));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(1, caps->bank_count);
	EXPECT_FALSE(!!caps->vmm_enable_integrated_scheduler);

	ASSERT_TRUE(options_preset(&self->options, "bank-count-0"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0, caps->bank_count);
	EXPECT_TRUE(!!caps->vmm_enable_integrated_scheduler);

	ASSERT_TRUE(options_preset(&self->options, "reserved-bits"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(~0ULL, caps->as_uint64[0]);

	ASSERT_TRUE(options_preset(&self->options, "no-capabilities"));
	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, ask_property(self->vp, code));
	ASSERT_TRUE(options_preset(&self->options, "no-property-ex"));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, ask_property(self->vp, code));
	EXPECT_EQ(0, log_violations());
}

/* A plain guest is told that it cannot create partitions, and is held to that. */
TEST_F(partition, plain_guest_has_no_children)
{
	EXPECT_TRUE(partition_privileges(self->partition) & HV_CREATE_PARTITIONS);
	ASSERT_TRUE(options_preset(&self->options, "plain-guest"));
	EXPECT_FALSE(partition_privileges(self->partition) & HV_CREATE_PARTITIONS);
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED,
		  hypercall(self->vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(1, log_violations());
}

/* Its own synthetic features, where VMMs were asked to look. */
TEST_F(partition, what_it_can_do_itself)
{
	struct hv_output_get_partition_property *output;
	union hv_partition_synthetic_processor_features own;
	struct hv_input_get_partition_property *input;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	*input = (struct hv_input_get_partition_property) {
		.partition_id = HV_PARTITION_ID_SELF,
		.property_code = HV_PARTITION_PROPERTY_SYNTHETIC_PROC_FEATURES,
	};
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	own.as_uint64[0] = output->property_value;
	EXPECT_TRUE(!!own.hypervisor_present);
	EXPECT_TRUE(!!own.access_hypercall_regs);
	EXPECT_TRUE(!!own.access_vp_index);
	EXPECT_EQ(0, child_cpuid_features(output->property_value) &
		     ~partition_features(self->partition));
	input->property_code = HV_PARTITION_PROPERTY_PROCESSOR_VENDOR;
	self->partition->processor.vendor = HV_PROCESSOR_VENDOR_HYGON;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(HV_PROCESSOR_VENDOR_HYGON, output->property_value);
}

/* Hosts that do not tell a child's CPUID lack the hypercall. */
TEST_F(partition, cpuid_may_be_nobodys_business)
{
	const u64 one = HVCALL_GET_VP_CPUID_VALUES | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET;

	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, one, INPUT_GPA, OUTPUT_GPA) & HV_HYPERCALL_RESULT_MASK);
	self->options.no_cpuid_values = true;
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  hypercall(self->vp, one, INPUT_GPA, OUTPUT_GPA) & HV_HYPERCALL_RESULT_MASK);
	EXPECT_EQ(0, log_violations());
}

/* Each line about a child says whose it is; a status has a name or its number. */
TEST_F(partition, the_log_says_whom_a_call_is_about)
{
	struct hv_input_get_partition_property *input;
	char path[] = "/tmp/hvemu-log-XXXXXX", line[512];
	int fd = mkstemp(path), seen = 0;
	struct fault fault;
	FILE *file;

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, log_open(path));
	memset(partition_memory(self->partition, INPUT_GPA, 512), 0, 512);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	input->partition_id = self->partition->children[0]->id;
	input->property_code = HV_PARTITION_PROPERTY_TIME_FREEZE;
	ASSERT_EQ(NULL, fault_parse(&fault, "GET_PARTITION_PROPERTY=0x1234@2"));
	ASSERT_EQ(NULL, fault_add(&self->partition->faults,
				  "GET_PARTITION_PROPERTY=0x1234@2"));
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	input->partition_id = HV_PARTITION_ID_SELF;
	hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY, INPUT_GPA, OUTPUT_GPA);
	log_flush();

	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "name=GET_PARTITION_PROPERTY "))
			continue;
		seen++;
		EXPECT_NE(NULL, strstr(line, seen < 3 ? "child=0x100 " : "child=0x0 "));
		EXPECT_NE(NULL, strstr(line, seen == 1 ? "status-name=SUCCESS" :
				       seen == 2 ? "status-name=0x1234 " :
				       "status-name=UNKNOWN_PROPERTY"));
	}
	EXPECT_EQ(3, seen);
	fclose(file);
	unlink(path);
	self->options.capabilities = true;
	input->partition_id = self->partition->children[0]->id;
	hypercall(self->vp, HVCALL_DELETE_PARTITION, INPUT_GPA, OUTPUT_GPA);
}

TEST_F(partition, the_integrated_scheduler_has_a_property_if_it_is_offered)
{
	const u32 code = HV_PARTITION_PROPERTY_HIERARCHICAL_INTEGRATED_SCHEDULER_ENABLED;
	u64 *value = partition_memory(self->partition, OUTPUT_GPA, sizeof(*value));

	EXPECT_EQ(HV_STATUS_UNKNOWN_PROPERTY, ask_property(self->vp, code));
	ASSERT_TRUE(options_preset(&self->options, "integrated-on"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(1, *value);
	ASSERT_TRUE(options_preset(&self->options, "integrated-odd"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0x100000000ULL, *value);
	ASSERT_TRUE(options_preset(&self->options, "integrated-off"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(0, *value);
}

TEST_F(partition, a_root_partition_is_told_its_scheduler)
{
	struct hv_input_get_system_property *input;
	struct hv_output_get_system_property *output;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	input->property_id = HV_SYSTEM_PROPERTY_SCHEDULER_TYPE;

	/* An L1VH has no such hypercall. */
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	ASSERT_TRUE(options_preset(&self->options, "root-core"));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(HV_SCHEDULER_TYPE_CORE_SMT, output->scheduler_type);
	ASSERT_TRUE(options_preset(&self->options, "root-unknown"));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(self->vp, HVCALL_GET_SYSTEM_PROPERTY, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(NULL, hv_scheduler_name(output->scheduler_type, false));
}

TEST_F(partition, the_convention_is_insisted_on)
{
	const u64 code = HVCALL_GET_PARTITION_PROPERTY_EX;
	struct vp *vp = self->vp;

	property_request(self->partition, HV_PARTITION_PROPERTY_VMM_CAPABILITIES);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, hypercall(vp, 0x7777, 0, 0));
	EXPECT_EQ(0, log_violations());

	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA + 4, OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA + 0xff0, OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA, OUTPUT_GPA + 0xff8));
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT, hypercall(vp, code, INPUT_GPA, RAM_SIZE));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | HV_HYPERCALL_FAST_BIT, 0, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT & 0xffff,
		  hypercall(vp, code | HV_HYPERCALL_REP_COMP_1, INPUT_GPA, OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | BIT_ULL(HV_HYPERCALL_VARHEAD_OFFSET), INPUT_GPA,
			    OUTPUT_GPA));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY, INPUT_GPA, 0));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_INPUT,
		  hypercall(vp, code | BIT_ULL(63), INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(6, log_violations());

	/* The last byte of a page will do. */
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall(vp, code, INPUT_GPA, OUTPUT_GPA + 0xff0));
}

/* More of them than a page holds: MSHV_ROOT_HVCALL hands on what a VMM says. */
TEST_F(partition, elements_are_the_vmms_to_count)
{
	const u64 many = HV_HYPERCALL_REP_COMP_MASK;

	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS | many, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(HV_STATUS_INVALID_ALIGNMENT,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS |
			    257ULL << HV_HYPERCALL_REP_COMP_OFFSET, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
	EXPECT_EQ(0, log_violations());
	/* As many as it holds, of a partition that is not there. */
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, HVCALL_GET_VP_REGISTERS |
			    256ULL << HV_HYPERCALL_REP_COMP_OFFSET, INPUT_GPA,
			    OUTPUT_GPA) & 0xffff);
}

/* The driver hands it on: what is in it is no fault of its. */
TEST_F(partition, padding_is_the_vmms)
{
	property_request(self->partition, HV_PARTITION_PROPERTY_VMM_CAPABILITIES)->padding = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS, hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY_EX,
					       INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, another_partition_is_not_there)
{
	property_request(self->partition,
			 HV_PARTITION_PROPERTY_VMM_CAPABILITIES)->partition_id = 7;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID,
		  hypercall(self->vp, HVCALL_GET_PARTITION_PROPERTY_EX, INPUT_GPA, OUTPUT_GPA));
}

TEST_F(partition, a_fault_takes_the_place_of_the_answer)
{
	u64 *value = partition_memory(self->partition, OUTPUT_GPA, sizeof(*value));
	const u32 code = HV_PARTITION_PROPERTY_VMM_CAPABILITIES;

	*value = 42;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x101:0x90007=TIME_OUT@1"));
	EXPECT_EQ(HV_STATUS_TIME_OUT, ask_property(self->vp, code));
	EXPECT_EQ(42, *value);
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_NE(42, *value);

	*value = 42;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x101:0x90007=SUCCESS"));
	EXPECT_EQ(HV_STATUS_SUCCESS, ask_property(self->vp, code));
	EXPECT_EQ(42, *value);
}

/* To refuse a guest its memory, and not to keep a page that is taken from it. */
TEST_F(partition, a_fault_tells_access_from_none)
{
	const u64 code = HVCALL_MAP_GPA_PAGES | HV_HYPERCALL_REP_COMP_1;
	struct hv_input_map_gpa_pages *input;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_map_gpa_pages) { .target_partition_id = 7 };
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "MAP_GPA_PAGES:0x800f=TIME_OUT"));

	input->map_flags = HV_MAP_GPA_NO_ACCESS;
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, hypercall(self->vp, code, INPUT_GPA, 0));
	input->map_flags = HV_MAP_GPA_PERMISSIONS_MASK | HV_MAP_GPA_ADJUSTABLE;
	EXPECT_EQ(HV_STATUS_TIME_OUT, hypercall(self->vp, code, INPUT_GPA, 0));
}

/* A request for statistics of a VP at INPUT_GPA. */
static struct hv_input_map_stats_page2 *stats_request(struct partition *partition, u32 vp)
{
	struct hv_input_map_stats_page2 *input;

	input = partition_memory(partition, INPUT_GPA, sizeof(*input));
	*input = (struct hv_input_map_stats_page2) {
		.type = HV_STATS_OBJECT_VP,
		.identity.vp.partition_id = HV_PARTITION_ID_SELF,
		.identity.vp.vp_index = vp,
		.map_location = PAGE_GPA >> HV_HYP_PAGE_SHIFT,
	};
	return input;
}

static u64 map_stats(struct vp *vp)
{
	return hypercall(vp, HVCALL_MAP_STATS_PAGE2, INPUT_GPA, 0);
}

static u64 unmap_stats(struct vp *vp)
{
	return hypercall(vp, HVCALL_UNMAP_STATS_PAGE, INPUT_GPA, 0);
}

TEST_F(partition, a_success_that_did_nothing_has_no_end_to_wait_for)
{
	struct hv_deposit_memory *deposit;

	deposit = partition_memory(self->partition, INPUT_GPA, HV_HYP_PAGE_SIZE);
	deposit->partition_id = HV_PARTITION_ID_SELF;
	ASSERT_EQ(NULL, fault_add(&self->partition->faults, "0x48=SUCCESS"));
	EXPECT_EQ(2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
		  hypercall(self->vp, HVCALL_DEPOSIT_MEMORY | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(0, self->partition->nr_deposited);
}

TEST_F(partition, no_call_while_the_page_is_disabled)
{
	self->partition->hypercall_msr = 0;
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE,
		  ask_property(self->vp, HV_PARTITION_PROPERTY_VMM_CAPABILITIES));
	EXPECT_EQ(1, log_violations());
}

TEST_F(partition, statistics_on_a_page_of_the_guests)
{
	u64 *counters = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	const struct hv_partition_property_vmm_capabilities overlay = {
		.vmm_can_provide_overlay_gpfn = 1,
	};
	struct vp *vp = self->vp;
	char why[128];

	/* Not without the capability. */
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, map_stats(vp));
	EXPECT_EQ(1, log_violations());

	self->options.capability_bits = overlay.as_uint64[0];
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_SUCCESS, map_stats(vp));
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(2, counters[HV_VP_COUNTER_HYPERCALLS]);

	/* Neither twice, nor of a VP that is not there, nor outside memory. */
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, map_stats(vp));
	EXPECT_EQ(2, log_violations());
	stats_request(self->partition, 2);
	EXPECT_EQ(HV_STATUS_INVALID_VP_INDEX, map_stats(vp));
	stats_request(self->partition, 1)->map_location = RAM_SIZE >> HV_HYP_PAGE_SHIFT;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, map_stats(vp));
	/* The parent's area of one's own statistics is the parent's. */
	stats_request(self->partition, 1)->identity.vp.stats_area_type = HV_STATS_AREA_PARENT;
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, map_stats(vp));
	stats_request(self->partition, 0)->type = HV_STATS_OBJECT_HYPERVISOR;
	EXPECT_EQ(HV_STATUS_ACCESS_DENIED, map_stats(vp));

	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED, unmap_stats(vp));
}

TEST_F(partition, statistics_on_a_page_that_was_deposited)
{
	struct hv_output_map_stats_page *output;
	struct hv_deposit_memory *deposit;
	struct vp *vp = self->vp;

	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_INSUFFICIENT_MEMORY,
		  hypercall(vp, HVCALL_MAP_STATS_PAGE, INPUT_GPA, OUTPUT_GPA));

	deposit = partition_memory(self->partition, INPUT_GPA, HV_HYP_PAGE_SIZE);
	deposit->partition_id = HV_PARTITION_ID_SELF;
	deposit->gpa_page_list[0] = PAGE_GPA >> HV_HYP_PAGE_SHIFT;
	deposit->gpa_page_list[1] = RAM_SIZE >> HV_HYP_PAGE_SHIFT;
	/* The second is not memory: one element is done. */
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED | BIT_ULL(HV_HYPERCALL_REP_COMP_OFFSET),
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 2ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(1, log_violations());

	/* Nor can a page be given twice, nor the hypervisor's own. */
	deposit->gpa_page_list[1] = self->partition->reserved_gpa >> HV_HYP_PAGE_SHIFT;
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	deposit->gpa_page_list[0] = deposit->gpa_page_list[1];
	EXPECT_EQ(HV_STATUS_OPERATION_DENIED,
		  hypercall(vp, HVCALL_DEPOSIT_MEMORY | 1ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			    INPUT_GPA, 0));
	EXPECT_EQ(3, log_violations());

	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_MAP_STATS_PAGE, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(PAGE_GPA >> HV_HYP_PAGE_SHIFT, output->map_location);
	EXPECT_EQ(0, self->partition->nr_deposited);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
	EXPECT_EQ(1, self->partition->nr_deposited);
}

/* Enable the SynIC of a VP as the driver does. */
static void enable_synic(struct vp *vp)
{
	const union hv_synic_sint sint0 = { .vector = VECTOR };
	const union hv_synic_sint sint5 = { .vector = VECTOR, .as_intercept = 1 };

	msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA | 1);
	msr_write(vp, HV_X64_MSR_SIRBP, SIRBP_GPA | 1);
	msr_write(vp, HV_X64_MSR_SINT0, sint0.as_uint64);
	msr_write(vp, HV_X64_MSR_SINT5, sint5.as_uint64);
	msr_write(vp, HV_X64_MSR_SCONTROL, 1);
}

TEST_F(partition, messages_wait_for_their_slot)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	struct hv_message_page *page;
	struct hv_message *slot;
	struct vp *vp = self->vp;
	u64 i;

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	slot = &page->sint_message[0];
	message.u.payload[0] = 1;
	message.header.payload_size = 8;

	/* Nowhere to go yet. */
	EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_EQ(0, interrupts[0]);
	enable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, slot->header.message_type);
	EXPECT_EQ(1, slot->u.payload[0]);
	EXPECT_EQ(8, slot->header.payload_size);
	EXPECT_FALSE(!!slot->header.message_flags.msg_pending);

	/* The slot is taken: the flag is set, nothing else changes. */
	message.u.payload[0] = 2;
	EXPECT_TRUE(synic_post(vp, 0, &message));
	message.u.payload[0] = 3;
	EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_TRUE(!!slot->header.message_flags.msg_pending);
	EXPECT_EQ(1, slot->u.payload[0]);

	/* EOM while the slot is not free changes nothing. */
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(1, slot->u.payload[0]);
	slot->header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(2, interrupts[0]);
	EXPECT_EQ(2, slot->u.payload[0]);
	EXPECT_TRUE(!!slot->header.message_flags.msg_pending);
	slot->header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(3, slot->u.payload[0]);
	EXPECT_FALSE(!!slot->header.message_flags.msg_pending);

	/* The queue has an end. */
	for (i = 0; i < SYNIC_QUEUE_MAX; i++)
		EXPECT_TRUE(synic_post(vp, 0, &message));
	EXPECT_FALSE(synic_post(vp, 0, &message));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, a_masked_sint_holds_its_messages)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };
	const union hv_synic_sint open = { .vector = VECTOR };
	struct vp *vp = self->vp;

	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	synic_post(vp, 0, &message);
	EXPECT_EQ(0, interrupts[0]);
	msr_write(vp, HV_X64_MSR_SINT0, open.as_uint64);
	EXPECT_EQ(1, interrupts[0]);
}

TEST_F(partition, a_masked_sint_may_get_its_messages)
{
	struct hv_message message = { .header.message_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR };
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };
	struct hv_message_page *page;
	struct vp *vp = self->vp;

	self->options.fills_masked = true;
	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	synic_post(vp, 0, &message);
	synic_post(vp, 0, &message);
	EXPECT_EQ(1, synic_waiting(&vp->synic));
	page->sint_message[0].header.message_type = HVMSG_NONE;
	msr_write(vp, HV_X64_MSR_EOM, 0);
	EXPECT_EQ(HVMSG_SCHEDULER_VP_SIGNAL_PAIR, page->sint_message[0].header.message_type);
	EXPECT_EQ(0, synic_waiting(&vp->synic));
	EXPECT_EQ(0, interrupts[0]);
}

TEST_F(partition, the_event_ring)
{
	struct hv_synic_event_ring_page *page;
	struct hv_synic_event_ring *ring;
	struct vp *vp = self->vp;
	u32 i;

	page = partition_memory(self->partition, SIRBP_GPA, sizeof(*page));
	ring = &page->sint_event_ring[HV_SYNIC_DOORBELL_SINT_INDEX];
	EXPECT_FALSE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 1));
	enable_synic(vp);

	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 11));
	EXPECT_EQ(11, ring->data[0]);
	EXPECT_EQ(1, ring->signal_masked);
	EXPECT_EQ(1, interrupts[0]);
	/* No second message while the first masks it. */
	for (i = 1; i < HV_SYNIC_EVENT_RING_MESSAGE_COUNT; i++)
		EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 11 + i));
	EXPECT_EQ(1, interrupts[0]);
	EXPECT_EQ(0, ring->ring_full);
	EXPECT_FALSE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 99));
	EXPECT_EQ(1, ring->ring_full);

	/* It goes on where it was, round the end. */
	ring->data[0] = 0;
	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 100));
	EXPECT_EQ(100, ring->data[0]);
	/* And from the start when the VP has been offline. */
	memset(ring, 0, sizeof(*ring));
	msr_write(vp, HV_X64_MSR_VP_ASSIST_PAGE, 0);
	EXPECT_TRUE(synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, 101));
	EXPECT_EQ(101, ring->data[0]);
}

TEST_F(partition, synic_registers_that_are_wrong)
{
	const union hv_synic_sint low = { .vector = 5 };
	const union hv_synic_sint auto_eoi = { .vector = VECTOR, .auto_eoi = 1 };
	const union hv_synic_sint reserved = { .vector = VECTOR, .reserved2 = 1 };
	struct vp *vp = self->vp;
	u64 value;

	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, low.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, auto_eoi.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SINT0, reserved.as_uint64));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIMP, RAM_SIZE | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIRBP, RAM_SIZE | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SIMP, (1ULL << 52) | SIMP_GPA << 12 | 1));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_SCONTROL, 3));
	EXPECT_EQ(7, log_violations());
	/* Not the page that the hypervisor has provided. */
	vp->synic.provided_simp = (SIMP_GPA >> HV_HYP_PAGE_SHIFT) + 1;
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA | 1));
	EXPECT_EQ(8, log_violations());
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_SIMP, 0));
	EXPECT_EQ(NULL, synic_busy(&vp->synic));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SIMP, &value));
	EXPECT_EQ(0, value);
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SVERSION, &value));
	EXPECT_EQ(HV_SYNIC_VERSION, value);
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_SINT15, &value));
	EXPECT_NE(0, value);
}

TEST_F(partition, each_part_of_a_synic_makes_it_busy)
{
	struct vp *vp = &self->partition->vps[1];
	static const u32 pages[] = {
		HV_X64_MSR_SIMP, HV_X64_MSR_SIEFP, HV_X64_MSR_SIRBP,
	};
	char why[128];
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(msr_write(vp, pages[i], PAGE_GPA | 1));
		EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
		EXPECT_TRUE(msr_write(vp, pages[i], PAGE_GPA));
		EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	}
	msr_write(vp, HV_X64_MSR_SCONTROL, 1);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	msr_write(vp, HV_X64_MSR_SCONTROL, 0);
	msr_write(vp, HV_X64_MSR_SINT0, VECTOR);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
}

TEST_F(partition, msrs_that_do_not_exist)
{
	struct vp *vp = self->vp;
	u64 value;

	EXPECT_FALSE(msr_read(vp, 0x40000fff, &value));
	EXPECT_FALSE(msr_write(vp, 0x40000fff, 1));
	/* Not granted: no such feature bit. */
	EXPECT_FALSE(msr_read(vp, HV_X64_MSR_STIMER0_CONFIG, &value));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_EOI, 0));
	/* Read-only. */
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_VP_INDEX, 3));
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_TSC_FREQUENCY, 3));
	EXPECT_EQ(6, log_violations());
	/* A root partition has no control over the TSC. */
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
	self->options.root = true;
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, 1));
}

TEST_F(partition, the_hypercall_page)
{
	const u8 *page = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	struct vp *vp = self->vp;
	u64 value;

	/* Not before the guest has a name. */
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(0, value & 1);
	EXPECT_EQ(1, log_violations());

	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 0x8100000000000000ULL));
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(PAGE_GPA | 1, value);
	EXPECT_EQ(0xe6, page[0]);
	EXPECT_EQ(HVEMU_PORT_HYPERCALL, page[1]);
	EXPECT_EQ(0xc3, page[2]);
	EXPECT_FALSE(msr_write(vp, HV_X64_MSR_HYPERCALL, RAM_SIZE | 1));

	/* A root partition's is the hypervisor's own. */
	self->options.root = true;
	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_HYPERCALL, 1));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(self->partition->reserved_gpa | 1, value);

	EXPECT_TRUE(msr_write(vp, HV_X64_MSR_GUEST_OS_ID, 0));
	EXPECT_TRUE(msr_read(vp, HV_X64_MSR_HYPERCALL, &value));
	EXPECT_EQ(0, value & 1);
}

TEST_F(partition, the_reference_tsc_page)
{
	struct ms_hyperv_tsc_page *page;
	u64 ticks, value;

	page = partition_memory(self->partition, PAGE_GPA, sizeof(*page));
	EXPECT_TRUE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, PAGE_GPA | 1));
	EXPECT_EQ(1, page->tsc_sequence);
	/* A second of TSC is a second of reference time. */
	ticks = ((__int128)self->partition->tsc_hz * page->tsc_scale) >> 64;
	EXPECT_LE(HV_REFERENCE_TIME_HZ - 1, ticks);
	EXPECT_GE(HV_REFERENCE_TIME_HZ, ticks);

	/* What is refused changes nothing. */
	EXPECT_FALSE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, RAM_SIZE | 1));
	EXPECT_TRUE(msr_read(self->vp, HV_X64_MSR_REFERENCE_TSC, &value));
	EXPECT_EQ(PAGE_GPA | 1, value);

	/* A root partition's page is the hypervisor's own. */
	self->options.root = true;
	EXPECT_TRUE(msr_write(self->vp, HV_X64_MSR_REFERENCE_TSC, 1));
	EXPECT_TRUE(msr_read(self->vp, HV_X64_MSR_REFERENCE_TSC, &value));
	EXPECT_EQ((self->partition->reserved_gpa + HV_HYP_PAGE_SIZE) | 1, value);
}

TEST_F(partition, a_crash_is_noticed)
{
	msr_write(self->vp, HV_X64_MSR_CRASH_P0, 7);
	EXPECT_FALSE(self->partition->crashed);
	/* With a text that is not in memory, which must not be read. */
	msr_write(self->vp, HV_X64_MSR_CRASH_P3, RAM_SIZE - 1);
	msr_write(self->vp, HV_X64_MSR_CRASH_P4, 4096);
	msr_write(self->vp, HV_X64_MSR_CRASH_CTL,
		  HV_CRASH_CTL_CRASH_NOTIFY | HV_CRASH_CTL_CRASH_NOTIFY_MSG);
	EXPECT_TRUE(self->partition->crashed);
}

static const struct kvm_cpuid_entry2 *leaf(const struct cpuid *cpuid, u32 function)
{
	u32 i;

	for (i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	return NULL;
}

/* The same in every leaf that tells of it. */
TEST_F(partition, cpuid_of_a_socket_with_cores)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1, .ebx = 0x7ff0800 },
		{ .function = 0x4, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0xfc000121 },
		{ .function = 0x80000008, .ecx = 0x7007 },
		{ .function = 0x8000001e, .eax = 99, .ebx = 99, .ecx = 99 },
	};
	struct cpuid_view view = { .index = 14, .per_socket = 6 };
	static struct cpuid cpuid;
	u32 i;

	/* As many as a child can have, and then six. */
	for (i = 0; i < 2; i++) {
		memcpy(cpuid.entries, leaves, sizeof(leaves));
		cpuid.head.nent = ARRAY_SIZE(leaves);
		view.per_socket = i ? 6 : 256;
		cpuid_fit(&cpuid, &view);
		EXPECT_EQ(i ? 7 : 0x3f, leaf(&cpuid, 0x4)->eax >> 26);
		EXPECT_EQ(i ? 6 : 256, cpuid_find(&cpuid, 0xb, 1)->ebx);
	}
	EXPECT_EQ(14U << 24 | 6 << 16 | 0x800, leaf(&cpuid, 0x1)->ebx);
	EXPECT_EQ(BIT(28), leaf(&cpuid, 0x1)->edx);
	EXPECT_EQ(7U << 26 | 0x121, leaf(&cpuid, 0x4)->eax);
	EXPECT_EQ(0x3005, leaf(&cpuid, 0x80000008)->ecx);
	EXPECT_EQ(14, leaf(&cpuid, 0x8000001e)->eax);
	EXPECT_EQ(6, leaf(&cpuid, 0x8000001e)->ebx);
	EXPECT_EQ(3, cpuid_find(&cpuid, 0xb, 1)->eax);
	EXPECT_EQ(14, cpuid_find(&cpuid, 0xb, 1)->edx);
	EXPECT_EQ(1, cpuid_find(&cpuid, 0xb, 0)->ebx);
	EXPECT_EQ(0, cpuid_find(&cpuid, 0xb, 0)->eax);
}

TEST_F(partition, cpuid_of_threads)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x1 },
		{ .function = 0x8000001e, .eax = 99, .ebx = 99, .ecx = 99 },
	};
	static struct cpuid cpuid;

	self->options.smt = true;
	self->partition->nr_vps = 4;
	self->partition->vps[3].partition = self->partition;
	self->partition->vps[3].index = 3;
	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid_make(&cpuid, &self->partition->vps[3]);
	EXPECT_EQ(3U << 24 | 4 << 16, leaf(&cpuid, 0x1)->ebx);
	/* Two threads of a core, of which an APIC id has one bit; of a socket two. */
	EXPECT_EQ(1, cpuid_find(&cpuid, 0xb, 0)->eax);
	EXPECT_EQ(2, cpuid_find(&cpuid, 0xb, 0)->ebx);
	EXPECT_EQ(0x100, cpuid_find(&cpuid, 0xb, 0)->ecx);
	EXPECT_EQ(2, cpuid_find(&cpuid, 0xb, 1)->eax);
	EXPECT_EQ(4, cpuid_find(&cpuid, 0xb, 1)->ebx);
	/* Core 1, with one thread more than one. */
	EXPECT_EQ(3, leaf(&cpuid, 0x8000001e)->eax);
	EXPECT_EQ(0x101, leaf(&cpuid, 0x8000001e)->ebx);
}

/* KVM has AMX, and this process has not asked for its state. */
TEST_F(partition, cpuid_has_amx_only_with_its_state)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0x7, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .edx = ~0U },
		{ .function = 0x7, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = ~0U, .edx = ~0U },
		{ .function = 0xd, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x2e7 },
		{ .function = 0xd, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0x1f },
		{ .function = 0x1d, .eax = 1 },
		{ .function = 0x1e, .ebx = 0x4010 },
	};
	static struct cpuid cpuid;

	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid_make(&cpuid, self->vp);
	EXPECT_EQ((u32)~(BIT(22) | BIT(24) | BIT(25)), cpuid_find(&cpuid, 0x7, 0)->edx);
	EXPECT_EQ((u32)~BIT(21), cpuid_find(&cpuid, 0x7, 1)->eax);
	EXPECT_EQ((u32)~BIT(8), cpuid_find(&cpuid, 0x7, 1)->edx);
	EXPECT_EQ(0xf, cpuid_find(&cpuid, 0xd, 1)->eax);
	EXPECT_EQ(NULL, leaf(&cpuid, 0x1d));
	EXPECT_EQ(NULL, leaf(&cpuid, 0x1e));

	memcpy(cpuid.entries, leaves, sizeof(leaves));
	cpuid.head.nent = ARRAY_SIZE(leaves);
	cpuid.entries[2].eax |= BIT(17) | BIT(18);
	cpuid_make(&cpuid, self->vp);
	EXPECT_EQ(~0U, cpuid_find(&cpuid, 0x7, 0)->edx);
	EXPECT_EQ(0x1f, cpuid_find(&cpuid, 0xd, 1)->eax);
	EXPECT_NE(NULL, leaf(&cpuid, 0x1d));
}

/* On Intel a leaf that is not there would be the highest one of the basic leaves. */
TEST_F(partition, cpuid_has_no_virtualization_stack)
{
	static struct cpuid cpuid;
	u32 function;

	cpuid.head.nent = 0;
	cpuid_make(&cpuid, self->vp);
	for (function = 0x40000080; function <= 0x40000082; function++) {
		ASSERT_NE(NULL, leaf(&cpuid, function));
		EXPECT_EQ(0, leaf(&cpuid, function)->eax);
		EXPECT_EQ(0, leaf(&cpuid, function)->ebx);
	}
}

TEST_F(partition, cpuid_shows_a_hypervisor_and_no_other)
{
	const struct kvm_cpuid_entry2 *entry;
	static struct cpuid cpuid;

	cpuid.entries[0].function = 0x1;
	cpuid.entries[0].ecx = 0;
	cpuid.entries[1].function = 0x40000000;		/* KVM's */
	cpuid.entries[2].function = 0x40000100;
	cpuid.entries[3].function = 0xb;
	cpuid.entries[4].function = 0x80000008;
	cpuid.entries[4].eax = 0x39392e2e;
	cpuid.entries[4].ecx = 0x7007;
	cpuid.head.nent = 5;
	cpuid_make(&cpuid, &self->partition->vps[1]);

	EXPECT_EQ(NULL, leaf(&cpuid, 0xb));
	EXPECT_EQ(NULL, leaf(&cpuid, 0x40000100));
	entry = leaf(&cpuid, 0x1);
	EXPECT_EQ(1, entry->ebx >> 24);
	EXPECT_EQ(BIT(31) | BIT(21), entry->ecx);
	EXPECT_EQ(0, leaf(&cpuid, 0x80000008)->ecx);
	/* A VMM puts devices of its guest below the end of these. */
	EXPECT_EQ(self->partition->physical_bits, leaf(&cpuid, 0x80000008)->eax & 0xff);
	entry = leaf(&cpuid, HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS);
	EXPECT_EQ(0, memcmp(&entry->ebx, "Microsoft Hv", 12));
	EXPECT_LE(HYPERV_CPUID_MIN, entry->eax);
	entry = leaf(&cpuid, HYPERV_CPUID_FEATURES);
	EXPECT_EQ(partition_features(self->partition), entry->eax);
	EXPECT_TRUE(entry->ebx & HV_CREATE_PARTITIONS);
	EXPECT_FALSE(entry->ebx & HV_CPU_MANAGEMENT);
	EXPECT_FALSE(entry->ebx & HV_ACCESS_PARTITION_ID);

	EXPECT_EQ(0, entry->ecx);

	self->options.root = true;
	self->options.x2apic = false;
	self->options.injection = true;
	cpuid.head.nent = 1;
	cpuid.entries[0].function = 0x1;
	cpuid_make(&cpuid, self->vp);
	EXPECT_FALSE(leaf(&cpuid, 0x1)->ecx & BIT(21));
	entry = leaf(&cpuid, HYPERV_CPUID_FEATURES);
	EXPECT_TRUE(entry->ebx & HV_CPU_MANAGEMENT);
	EXPECT_EQ(HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE, entry->ecx);
}

/* Say something to the test port; whether the answer begins like this. */
static bool says(struct vp *vp, const char *line, const char *expect)
{
	char answer[512];
	size_t used = 0;

	while (*line)
		test_port_write(vp, *line++);
	test_port_write(vp, '\n');
	do {
		answer[used] = test_port_read(vp);
	} while (answer[used] && ++used < sizeof(answer) - 1);
	answer[used] = '\0';
	return !strncmp(answer, expect, strlen(expect));
}

TEST_F(partition, the_test_port)
{
	struct vp *vp = self->vp;
	char line[2000];

	EXPECT_TRUE(says(vp, "quiet", "ok"));
	EXPECT_TRUE(says(vp, "violations", "ok 0"));
	EXPECT_TRUE(says(vp, "fault 0x101=TIME_OUT", "ok"));
	EXPECT_EQ(1, self->partition->faults.count);
	EXPECT_TRUE(says(vp, "fault nonsense", "error"));
	EXPECT_TRUE(says(vp, "faults clear", "ok"));
	EXPECT_EQ(0, self->partition->faults.count);
	EXPECT_TRUE(says(vp, "faults", "error"));
	EXPECT_TRUE(says(vp, "", "error"));
	EXPECT_TRUE(says(vp, "nonsense", "error"));
	EXPECT_TRUE(says(vp, "message", "error"));
	EXPECT_TRUE(says(vp, "message 2 1", "error"));
	EXPECT_TRUE(says(vp, "message 0", "error"));
	EXPECT_TRUE(says(vp, "message 0 1", "error"));
	EXPECT_TRUE(says(vp, "ring 0 1", "error"));
	enable_synic(vp);
	EXPECT_TRUE(says(vp, "quiet", "error VP 0"));
	EXPECT_TRUE(says(vp, "message 0 4 0x80000101 1 2 3", "ok"));
	EXPECT_TRUE(says(vp, "ring 0 5", "ok"));
	EXPECT_TRUE(says(vp, "synic", "ok vp0 waiting=4 scontrol=0x1"));
	EXPECT_TRUE(says(vp, "message 0 100 1", "error too many"));
	/* Far too long is an error, not an overflow, and not half a command. */
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "mark ", 5);
	line[sizeof(line) - 1] = '\0';
	EXPECT_TRUE(says(vp, line, "error the line is too long"));
	EXPECT_TRUE(says(vp, "quiet", "error VP 0"));
}

TEST_F(partition, a_test_sees_what_is_not_handled)
{
	struct hv_synic_event_ring_page *ring;
	struct hv_message_page *page;
	struct vp *vp = self->vp;

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	ring = partition_memory(self->partition, SIRBP_GPA, sizeof(*ring));
	EXPECT_TRUE(says(vp, "pending 2", "error"));
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	enable_synic(vp);
	says(vp, "message 0 3 0x80000101", "ok");
	says(vp, "ring 0 7", "ok");
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=3 ring=1"));
	ring->sint_event_ring[HV_SYNIC_DOORBELL_SINT_INDEX].data[0] = 0;
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=3 ring=0"));
	EXPECT_TRUE(says(vp, "drop 2", "error"));
	EXPECT_TRUE(says(vp, "drop 0", "ok"));
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	EXPECT_EQ(HVMSG_NONE, page->sint_message[0].header.message_type);
}

/* Switch a VP's SynIC off as the driver does. */
static void disable_synic(struct vp *vp)
{
	const union hv_synic_sint masked = { .vector = VECTOR, .masked = 1 };

	msr_write(vp, HV_X64_MSR_SINT0, masked.as_uint64);
	msr_write(vp, HV_X64_MSR_SINT5, masked.as_uint64);
	msr_write(vp, HV_X64_MSR_SIRBP, 0);
	msr_write(vp, HV_X64_MSR_SIMP, SIMP_GPA);
	msr_write(vp, HV_X64_MSR_SCONTROL, 0);
}

TEST_F(partition, messages_that_come_at_the_last_moment)
{
	struct hv_message_page *page;
	struct vp *vp = self->vp;
	char why[128];

	page = partition_memory(self->partition, SIMP_GPA, sizeof(*page));
	EXPECT_TRUE(says(vp, "at-mask 2 1 1", "error"));
	EXPECT_TRUE(says(vp, "at-mask 0 1", "error"));
	EXPECT_TRUE(says(vp, "at-mask 0 65 1", "error too many"));
	EXPECT_TRUE(says(vp, "at-mask 0 2 0x80000101 9", "ok"));
	enable_synic(vp);
	EXPECT_EQ(HVMSG_NONE, page->sint_message[0].header.message_type);
	disable_synic(vp);
	EXPECT_EQ(0, interrupts[0]);
	EXPECT_EQ(9, page->sint_message[0].u.payload[0]);
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x80000101 waiting=1 ring=0"));
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));

	/* The slot is looked at though the page is disabled. */
	says(vp, "drop 0", "ok");
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	page->sint_message[0].header.message_type = HVMSG_NONE;
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));

	/* Once, not each time. */
	enable_synic(vp);
	disable_synic(vp);
	EXPECT_TRUE(says(vp, "pending 0", "ok slot=0x0 waiting=0 ring=0"));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, an_interrupt_that_comes_too_late)
{
	struct vp *vp = self->vp;

	EXPECT_TRUE(says(vp, "late 2", "error"));
	EXPECT_TRUE(says(vp, "late 0", "error"));
	enable_synic(vp);
	EXPECT_TRUE(says(vp, "late 0", "ok"));
	EXPECT_EQ(0, interrupts[0]);
	disable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
	enable_synic(vp);
	disable_synic(vp);
	EXPECT_EQ(1, interrupts[0]);
}

TEST_F(partition, a_hibernation_takes_the_synic)
{
	struct vp *vp = self->vp, *other = &self->partition->vps[1];

	vp->synic.provided_simp = SIMP_GPA >> HV_HYP_PAGE_SHIFT;
	self->partition->guest_os_id = 1;
	enable_synic(vp);
	enable_synic(other);
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1);

	EXPECT_TRUE(says(vp, "hibernation", "ok"));
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_EQ(NULL, synic_busy(&vp->synic));
	EXPECT_EQ(NULL, synic_busy(&other->synic));
	EXPECT_EQ(SIMP_GPA, vp->synic.simp.as_uint64);
	EXPECT_EQ(SIMP_GPA >> HV_HYP_PAGE_SHIFT, vp->synic.provided_simp);

	/* The next time is not one. */
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA | 1);
	enable_synic(vp);
	msr_write(vp, HV_X64_MSR_HYPERCALL, PAGE_GPA);
	EXPECT_NE(NULL, synic_busy(&vp->synic));
	EXPECT_EQ(0, log_violations());
}

TEST_F(partition, pages_that_somebody_else_writes_to)
{
	u64 *words = partition_memory(self->partition, PAGE_GPA, HV_HYP_PAGE_SIZE);
	const struct hv_partition_property_vmm_capabilities overlay = {
		.vmm_can_provide_overlay_gpfn = 1,
	};
	struct vp *vp = self->vp;

	self->options.capability_bits = overlay.as_uint64[0];
	EXPECT_TRUE(says(vp, "scribble", "ok 0"));
	EXPECT_TRUE(says(vp, "scribbled", "ok"));
	stats_request(self->partition, 0);
	ASSERT_EQ(HV_STATUS_SUCCESS, map_stats(vp));
	EXPECT_TRUE(says(vp, "scribbled", "error"));
	EXPECT_TRUE(says(vp, "scribble", "ok 1"));
	EXPECT_EQ(HVEMU_SCRIBBLE, words[0]);
	EXPECT_EQ(HVEMU_SCRIBBLE, words[511]);
	/* Counters leave it alone from now on. */
	ask_property(vp, HV_PARTITION_PROPERTY_VMM_CAPABILITIES);
	EXPECT_TRUE(says(vp, "scribbled", "ok"));
	words[511] = 0;
	EXPECT_TRUE(says(vp, "scribbled", "error page 0x30"));
	stats_request(self->partition, 0);
	EXPECT_EQ(HV_STATUS_SUCCESS, unmap_stats(vp));
}

static u64 delete_child(struct vp *vp, u64 id)
{
	return hypercall(vp, HVCALL_DELETE_PARTITION | HV_HYPERCALL_FAST_BIT, id, 0);
}

static u64 withdraw_from(struct vp *vp, u64 id)
{
	struct hv_input_withdraw_memory *input;

	input = partition_memory(vp->partition, INPUT_GPA, sizeof(*input));
	memset(input, 0, sizeof(*input));
	input->partition_id = id;
	return hypercall(vp, HVCALL_WITHDRAW_MEMORY | 512ULL << HV_HYPERCALL_REP_COMP_OFFSET,
			 INPUT_GPA, OUTPUT_GPA);
}

TEST_F(partition, children_come_and_go)
{
	struct hv_output_create_partition *output;
	struct hv_input_create_partition *input;
	struct vp *vp = self->vp;
	char why[128];
	u64 first;
	int i;

	input = partition_memory(self->partition, INPUT_GPA, sizeof(*input));
	output = partition_memory(self->partition, OUTPUT_GPA, sizeof(*output));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	first = output->partition_id;
	EXPECT_NE(0, first);
	EXPECT_FALSE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_NO_RESOURCES, withdraw_from(vp, first));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, withdraw_from(vp, first + 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first));
	EXPECT_TRUE(partition_is_quiet(self->partition, why, sizeof(why)));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, withdraw_from(vp, first));
	EXPECT_EQ(0, log_violations());
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, delete_child(vp, first));
	EXPECT_EQ(1, log_violations());

	/* No id comes again, however many there are. */
	memset(input, 0, sizeof(*input));
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(HV_STATUS_SUCCESS,
			  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
		EXPECT_EQ(first + 1 + i, output->partition_id);
	}
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first + 3));
	EXPECT_EQ(HV_STATUS_INVALID_PARTITION_ID, delete_child(vp, first + 3));
	EXPECT_EQ(HV_STATUS_SUCCESS, delete_child(vp, first + 40));

	input->padding = 1;
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  hypercall(vp, HVCALL_CREATE_PARTITION, INPUT_GPA, OUTPUT_GPA));
	EXPECT_EQ(3, log_violations());
}

/* As machine.c has it. */
static int load_guest(struct boot *boot, struct partition *partition)
{
	struct guest guest;

	partition_guest(partition, &guest);
	return boot_load(boot, &guest);
}

/* A file of which boot_load() is to boot. */
static void write_kernel(struct options *options, const void *data, size_t size)
{
	static char name[32];
	int fd;

	strcpy(name, "/tmp/hvemu-unit-XXXXXX");
	fd = mkstemp(name);
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	options->kernel = name;
}

TEST_F(partition, a_vmlinux_is_loaded_where_it_says)
{
	struct {
		struct elf64_hdr elf;
		struct elf64_phdr segment;
		char text[16];
	} file = {
		.elf.e_ident = ELFMAG "\2\1\1", .elf.e_machine = EM_X86_64,
		.elf.e_entry = 0x200008, .elf.e_phoff = sizeof(struct elf64_hdr), .elf.e_phnum = 1,
		.segment.p_type = PT_LOAD, .segment.p_paddr = 0x200000,
		.segment.p_offset = sizeof(struct elf64_hdr) + sizeof(struct elf64_phdr),
		.segment.p_filesz = 16, .segment.p_memsz = 0x1000,
		.text = "the kernel",
	};
	const struct boot_params *params;
	struct kvm_sregs sregs = { };
	struct kvm_regs regs;
	struct boot boot;

	strcpy(self->options.append, "a command line");
	write_kernel(&self->options, &file, sizeof(file));
	ASSERT_EQ(0, load_guest(&boot, self->partition));
	EXPECT_STREQ("the kernel", partition_memory(self->partition, 0x200000, 16));
	boot_registers(&boot, &regs, &sregs);
	EXPECT_EQ(0x200008, regs.rip);
	params = partition_memory(self->partition, regs.rsi, sizeof(*params));
	EXPECT_STREQ("a command line",
		     partition_memory(self->partition, params->hdr.cmd_line_ptr, 16));
	EXPECT_EQ(0, memcmp("RSD PTR ", partition_memory(self->partition,
							 params->acpi_rsdp_addr, 8), 8));
	EXPECT_LE(4, params->e820_entries);
	unlink(self->options.kernel);

	/* A segment where there is no memory; one that the file does not have. */
	file.segment.p_paddr = RAM_SIZE - 8;
	write_kernel(&self->options, &file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
	file.segment.p_paddr = 0x200000;
	file.segment.p_filesz = 4096;
	write_kernel(&self->options, &file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

TEST_F(partition, a_bzimage_is_loaded_where_it_wants)
{
	static u8 file[0x3000];
	struct setup_header *header = (void *)file + offsetof(struct boot_params, hdr);
	struct boot boot;

	header->setup_sects = 3;
	memcpy(&header->header, "HdrS", 4);
	header->version = 0x20f;
	header->jump = 0x6aeb;
	header->xloadflags = XLF_KERNEL_64;
	header->pref_address = 0x100000;
	header->init_size = 0x10000;
	file[4 * 512] = 0x55;
	write_kernel(&self->options, file, sizeof(file));
	ASSERT_EQ(0, load_guest(&boot, self->partition));
	EXPECT_EQ(0x100200, boot.entry);
	EXPECT_EQ(0x55, *(u8 *)partition_memory(self->partition, 0x100000, 1));
	unlink(self->options.kernel);

	header->version = 0x20b;
	write_kernel(&self->options, file, sizeof(file));
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

TEST_F(partition, what_is_no_kernel_is_refused)
{
	struct boot boot;

	self->options.kernel = "/nonexistent";
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	write_kernel(&self->options, "hello", 5);
	EXPECT_EQ(-1, load_guest(&boot, self->partition));
	unlink(self->options.kernel);
}

/* Every table of ACPI adds up to 0. */
TEST_F(partition, acpi_tables_add_up)
{
	const struct { char signature[4]; u32 length; } *table;
	struct guest guest;
	const u8 *rsdp;
	u64 xsdt, entry;
	u32 i, j;
	u8 sum = 0;

	partition_guest(self->partition, &guest);
	rsdp = partition_memory(self->partition, acpi_write_tables(&guest), 36);
	for (i = 0; i < 36; i++)
		sum += rsdp[i];
	EXPECT_EQ(0, sum);
	memcpy(&xsdt, rsdp + 24, 8);
	for (i = 0; i < 3; i++) {
		entry = xsdt;
		if (i)
			memcpy(&entry, partition_memory(self->partition,
							xsdt + 36 + (i - 1) * 8, 8), 8);
		table = partition_memory(self->partition, entry, 8);
		ASSERT_NE(NULL, table);
		for (sum = 0, j = 0; j < table->length; j++)
			sum += ((const u8 *)table)[j];
		EXPECT_EQ(0, sum) TH_LOG("%.4s", table->signature);
	}
	EXPECT_EQ(ACPI_POWER_OFF, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 5 << 10));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 4, 5 << 10));
	/* Hibernation ends the same way; no other state does. */
	EXPECT_EQ(ACPI_POWER_OFF, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 4 << 10));
	EXPECT_EQ(ACPI_NOTHING, acpi_write(ACPI_PM_PORT + 4, BIT(13) | 3 << 10));
}

TEST_HARNESS_MAIN
