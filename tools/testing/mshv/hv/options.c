// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/compiler.h>
#include <hyperv/hvhdk.h>

#include "../pc/virtio_mmio.h"
#include "fault.h"
#include "hv_more.h"
#include "options.h"

#define UNITS_PER_US		10
#define SLICE_US_DEFAULT	1000

struct preset {
	const char *name;
	const char *help;
	void (*apply)(struct options *options);
};

static void offer(struct options *options, bool offered)
{
	struct hv_partition_property_vmm_capabilities bits = {
		.vmm_enable_integrated_scheduler = 1,
	};

	if (offered)
		options->capability_bits |= bits.as_uint64[0];
	else
		options->capability_bits &= ~bits.as_uint64[0];
}

static void fault(struct options *options, const char *text)
{
	if (fault_add(&options->faults, text))
		abort();
}

static void integrated_on(struct options *options)
{
	offer(options, true);
	options->integrated = 1;
}

static void integrated_off(struct options *options)
{
	offer(options, true);
	options->integrated = 0;
}

static void not_offered(struct options *options)
{
	offer(options, false);
}

static void no_capabilities(struct options *options)
{
	offer(options, false);
	options->capabilities = false;
	options->capability_bits = 0;
}

static void no_property_ex(struct options *options)
{
	no_capabilities(options);
	options->property_ex = false;
}

static void property_unreadable(struct options *options)
{
	integrated_on(options);
	fault(options, "GET_PARTITION_PROPERTY_EX:0x20005=OPERATION_DENIED");
}

static void capabilities_unreadable(struct options *options)
{
	integrated_on(options);
	fault(options, "GET_PARTITION_PROPERTY_EX:VMM_CAPABILITIES=ACCESS_DENIED");
}

static void bank_count_0(struct options *options)
{
	integrated_on(options);
	options->bank_count = 0;
}

static void integrated_odd(struct options *options)
{
	integrated_on(options);
	options->integrated = 0x100000000ULL;
}

static void reserved_bits(struct options *options)
{
	integrated_off(options);
	options->capability_bits = ~0ULL;
}

static void as_root(struct options *options, u32 scheduler)
{
	options->root = true;
	offer(options, false);
	/* Overlay pages are an L1VH's: abi.md, "Overlay vs non-overlay". */
	options->capability_bits = 0;
	options->scheduler = scheduler;
}

/* Like any guest, it has no VMM capabilities, and no scheduler to hear of. */
static void plain_guest(struct options *options)
{
	no_capabilities(options);
	options->plain = true;
}

static void root_classic(struct options *options)
{
	as_root(options, HV_SCHEDULER_TYPE_LP);
}

static void root_classic_smt(struct options *options)
{
	as_root(options, HV_SCHEDULER_TYPE_LP_SMT);
}

static void root_core(struct options *options)
{
	as_root(options, HV_SCHEDULER_TYPE_CORE_SMT);
}

static void root_root(struct options *options)
{
	as_root(options, HV_SCHEDULER_TYPE_ROOT);
}

static void root_unknown(struct options *options)
{
	as_root(options, HV_SCHEDULER_TYPE_MAX);
}

static const struct preset presets[] = {
	{
		"integrated-on",
		"L1VH: integrated scheduler offered and enabled",
		integrated_on
	}, {
		"integrated-off",
		"L1VH: offered and not enabled",
		integrated_off
	}, {
		"not-offered",
		"L1VH: VMM capabilities without the bit",
		not_offered
	}, {
		"no-capabilities",
		"L1VH: old hypervisor, property not known",
		no_capabilities
	}, {
		"no-property-ex",
		"L1VH: older still, hypercall not known",
		no_property_ex
	}, {
		"property-unreadable",
		"L1VH: offered, whether enabled cannot be read",
		property_unreadable
	}, {
		"capabilities-unreadable",
		"L1VH: VMM capabilities cannot be read",
		capabilities_unreadable
	}, {
		"bank-count-0",
		"L1VH: as integrated-on, bank_count 0",
		bank_count_0
	}, {
		"integrated-odd",
		"L1VH: offered, the property reads 0x100000000",
		integrated_odd
	}, {
		"reserved-bits",
		"L1VH: as integrated-off, every reserved capability bit set",
		reserved_bits
	}, {
		"root-classic",
		"root: classic scheduler without SMT",
		root_classic
	}, {
		"root-classic-smt",
		"root: classic scheduler with SMT",
		root_classic_smt
	}, {
		"root-core",
		"root: core scheduler",
		root_core
	}, {
		"root-root",
		"root: root scheduler",
		root_root
	}, {
		"root-unknown",
		"root: a scheduler type that nobody knows",
		root_unknown
	}, {
		"plain-guest",
		"neither: a guest that cannot create partitions",
		plain_guest
	}, {
	}
};

bool options_preset(struct options *options, const char *name)
{
	const struct preset *preset;

	for (preset = presets; preset->name; preset++) {
		if (!strcmp(preset->name, name)) {
			preset->apply(options);
			return true;
		}
	}
	return false;
}

static void print_help(void)
{
	const struct preset *preset;

	puts("hvemu: an emulated Microsoft Hypervisor on KVM, with one L1VH or root\n"
	     "partition in which it boots Linux.\n"
	     "\n"
	     "  hvemu [OPTION]... --kernel FILE\n"
	     "\n"
	     "What it boots:\n"
	     "  --kernel FILE        vmlinux or bzImage\n"
	     "  --initrd FILE        initramfs\n"
	     "  --append TEXT        kernel command line; may be given more than once\n"
	     "  --disk FILE          a disk, /dev/vda; the next is /dev/vdb\n"
	     "  --disk-read-only FILE    likewise, that cannot be written to\n"
	     "  --cpus N             VPs of the partition (default 2; root: 1)\n"
	     "  --memory MIB         its memory (default 256)\n"
	     "  --apic KIND          x2apic (default) or xapic\n"
	     "  --smt                VPs 0 and 1 are the threads of a core, and so on\n"
	     "\n"
	     "What it pretends to be:\n"
	     "  --preset NAME        a row of the list below; later options change it\n"
	     "  --parent KIND        l1vh (default) or root\n"
	     "  --capabilities BITS  VMM capabilities, a number, or \"none\" for an old\n"
	     "                       hypervisor that does not know them\n"
	     "  --bank-count N       bank_count of the VMM capabilities (default 1)\n"
	     "  --offer YESNO        the capability bit vmm_enable_integrated_scheduler\n"
	     "  --integrated VALUE   what the integrated scheduler's property reads\n"
	     "  --scheduler TYPE     what a root partition is told: a number\n"
	     "  --build N            build number (default 27744)\n"
	     "  --masked KIND        what becomes of a message for a SINT that is masked:\n"
	     "                       it goes into the slot, without an interrupt (fill,\n"
	     "                       the default, as the TLFS has it), or waits (hold)\n"
	     "  --slice US           a dispatch of a child's VP is no longer than that\n"
	     "                       (default 1000 microseconds)\n"
	     "  --eoi KIND           how the end of a child's level-triggered interrupt is\n"
	     "                       told: intercept (default) or message\n"
	     "  --slow-properties    setting a child's property is pending, and a message\n"
	     "                       says that it is done\n"
	     "  --injection          interrupts can be posted in the register page of a\n"
	     "                       child's VP, for its next dispatch\n"
	     "  --no-cpuid-values    a child's CPUID cannot be asked for: the hypercall is\n"
	     "                       not there\n"
	     "  --strict-features    no child is created without features of the processor\n"
	     "                       that the hypervisor has no name for\n"
	     "  --fault FAULT        CODE[:SELECTOR]=RESULT[@N[+]]; may be repeated.\n"
	     "                       GET_PARTITION_PROPERTY_EX:VMM_CAPABILITIES=TIME_OUT\n"
	     "                       0x131=INSUFFICIENT_MEMORY@2   0x6d=delay:5000\n"
	     "                       DISPATCH_VP=outcome:STATE/EVENT  DISPATCH_VP=hog:US\n"
	     "                       signal=lose  signal=twice  signal=late:US\n"
	     "                       signal=malformed  (scheduler messages)\n"
	     "\n"
	     "The run:\n"
	     "  --event-log FILE     what the hypervisor saw, a line an event\n"
	     "  --timeout SECONDS    give up after that (default: never)\n"
	     "  --probe              print how many microseconds KVM takes for 4096\n"
	     "                       instructions, and end\n"
	     "  --check-host         say what this machine has and lacks, and end: a\n"
	     "                       report to send, see the README\n"
	     "  --tsc                print the frequency of this machine's TSC in kHz,\n"
	     "                       and end\n"
	     "\n"
	     "Exit status: 0 the guest powered off or reset, and kept to the protocol;\n"
	     "1 hvemu or KVM failed; 2 bad usage; 3 the guest broke the protocol;\n"
	     "4 the guest crashed; 5 timeout.\n"
	     "\n"
	     "Presets:");
	for (preset = presets; preset->name; preset++)
		printf("  %-24s %s\n", preset->name, preset->help);
}

__noreturn
static void usage(const char *what, const char *text, const char *why)
{
	fprintf(stderr, "hvemu: %s%s%s: %s\nTry: hvemu --help\n", what,
		*text ? " " : "", text, why);
	exit(2);
}

/* A number from @min to @max, or the end. */
static u64 parse_number(const char *option, const char *text, u64 min, u64 max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < min || value > max) {
		char why[80];

		snprintf(why, sizeof(why), "give a number from %llu to %llu",
			 (unsigned long long)min, (unsigned long long)max);
		usage(option, text, why);
	}
	return value;
}

/* Whether @text is @yes; it must be that or @no. */
static bool either(const char *option, const char *text, const char *yes,
		   const char *no)
{
	char why[80];

	if (!strcmp(text, yes))
		return true;
	if (!strcmp(text, no))
		return false;
	snprintf(why, sizeof(why), "give %s or %s", yes, no);
	usage(option, text, why);
}

static void add_words(struct options *options, const char *text)
{
	size_t used = strlen(options->append);

	if (used + strlen(text) + 2 > sizeof(options->append))
		usage("--append", "", "the kernel command line is too long");
	if (used)
		options->append[used++] = ' ';
	strcpy(options->append + used, text);
}

static void add_disk(struct options *options, const char *file, bool read_only)
{
	if (options->nr_disks == VIRTIO_MMIO_MAX)
		usage("--disk", file, "there are too many");
	options->disks[options->nr_disks++] = (struct disk_option) {
		.file = file, .read_only = read_only,
	};
}

void options_parse(struct options *options, int argc, char **argv)
{
	enum { KERNEL = 1, INITRD, APPEND, DISK, DISK_READ_ONLY, CPUS, MEMORY, APIC, SMT, PRESET,
	       PARENT,
	       CAPABILITIES, BANK_COUNT, OFFER, INTEGRATED, SCHEDULER, BUILD,
	       MASKED, SLICE, EOI, SLOW_PROPERTIES, INJECTION, NO_CPUID_VALUES,
	       STRICT_FEATURES, FAULT, EVENT_LOG, TIMEOUT, PROBE,
	       CHECK_HOST, TSC, HELP };
	static const struct option known[] = {
		{ "kernel", required_argument, NULL, KERNEL },
		{ "initrd", required_argument, NULL, INITRD },
		{ "append", required_argument, NULL, APPEND },
		{ "disk", required_argument, NULL, DISK },
		{ "disk-read-only", required_argument, NULL, DISK_READ_ONLY },
		{ "cpus", required_argument, NULL, CPUS },
		{ "memory", required_argument, NULL, MEMORY },
		{ "apic", required_argument, NULL, APIC },
		{ "smt", no_argument, NULL, SMT },
		{ "preset", required_argument, NULL, PRESET },
		{ "parent", required_argument, NULL, PARENT },
		{ "capabilities", required_argument, NULL, CAPABILITIES },
		{ "bank-count", required_argument, NULL, BANK_COUNT },
		{ "offer", required_argument, NULL, OFFER },
		{ "integrated", required_argument, NULL, INTEGRATED },
		{ "scheduler", required_argument, NULL, SCHEDULER },
		{ "build", required_argument, NULL, BUILD },
		{ "masked", required_argument, NULL, MASKED },
		{ "slice", required_argument, NULL, SLICE },
		{ "eoi", required_argument, NULL, EOI },
		{ "slow-properties", no_argument, NULL, SLOW_PROPERTIES },
		{ "injection", no_argument, NULL, INJECTION },
		{ "no-cpuid-values", no_argument, NULL, NO_CPUID_VALUES },
		{ "strict-features", no_argument, NULL, STRICT_FEATURES },
		{ "fault", required_argument, NULL, FAULT },
		{ "event-log", required_argument, NULL, EVENT_LOG },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "probe", no_argument, NULL, PROBE },
		{ "check-host", no_argument, NULL, CHECK_HOST },
		{ "tsc", no_argument, NULL, TSC },
		{ "help", no_argument, NULL, HELP },
		{ }
	};
	const struct hv_partition_property_vmm_capabilities usual = {
		.vmm_can_provide_overlay_gpfn = 1,
		.assignable_synthetic_proc_features = 1,
	};
	const char *wrong;
	int option;

	*options = (struct options) {
		.memory = 256ULL << 20,
		.x2apic = true,
		.build = HV_BUILD_VALIDATED,
		.capabilities = true,
		.property_ex = true,
		.capability_bits = usual.as_uint64[0],
		.bank_count = HV_PARTITION_VMM_CAPABILITIES_BANK_COUNT,
		.scheduler = HV_SCHEDULER_TYPE_CORE_SMT,
		.slice = SLICE_US_DEFAULT * UNITS_PER_US,
		.fills_masked = true,
	};

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case KERNEL:
			options->kernel = optarg;
			break;
		case INITRD:
			options->initrd = optarg;
			break;
		case APPEND:
			add_words(options, optarg);
			break;
		case DISK:
			add_disk(options, optarg, false);
			break;
		case DISK_READ_ONLY:
			add_disk(options, optarg, true);
			break;
		case CPUS:
			options->cpus = parse_number("--cpus", optarg, 1, VPS_MAX);
			break;
		case MEMORY:
			options->memory = parse_number("--memory", optarg, 64, 1 << 20) << 20;
			break;
		case APIC:
			options->x2apic = either("--apic", optarg, "x2apic", "xapic");
			break;
		case SMT:
			options->smt = true;
			break;
		case PRESET:
			if (!options_preset(options, optarg))
				usage("--preset", optarg, "there is no such preset");
			break;
		case PARENT:
			options->root = either("--parent", optarg, "root", "l1vh");
			options->plain = false;
			break;
		case CAPABILITIES:
			options->capabilities = strcmp(optarg, "none");
			options->capability_bits = options->capabilities ?
				parse_number("--capabilities", optarg, 0, ~0ULL) : 0;
			break;
		case BANK_COUNT:
			options->bank_count = parse_number("--bank-count", optarg, 0, UINT16_MAX);
			break;
		case OFFER:
			offer(options, either("--offer", optarg, "yes", "no"));
			break;
		case INTEGRATED:
			options->integrated = parse_number("--integrated", optarg, 0, ~0ULL);
			break;
		case SCHEDULER:
			options->scheduler = parse_number("--scheduler", optarg, 0, UINT32_MAX);
			break;
		case BUILD:
			options->build = parse_number("--build", optarg, 0, UINT32_MAX);
			break;
		case MASKED:
			options->fills_masked = either("--masked", optarg, "fill", "hold");
			break;
		case SLICE:
			options->slice = parse_number("--slice", optarg, 10, 1000000) *
					 UNITS_PER_US;
			break;
		case EOI:
			options->eoi_messages = either("--eoi", optarg, "message", "intercept");
			break;
		case SLOW_PROPERTIES:
			options->slow_properties = true;
			break;
		case INJECTION:
			options->injection = true;
			break;
		case NO_CPUID_VALUES:
			options->no_cpuid_values = true;
			break;
		case STRICT_FEATURES:
			options->strict_features = true;
			break;
		case FAULT:
			wrong = fault_add(&options->faults, optarg);
			if (wrong)
				usage("--fault", optarg, wrong);
			break;
		case EVENT_LOG:
			options->event_log = optarg;
			break;
		case TIMEOUT:
			options->timeout = parse_number("--timeout", optarg, 1, 1000000);
			break;
		case PROBE:
			options->probe = true;
			break;
		case CHECK_HOST:
			options->check_host = true;
			break;
		case TSC:
			options->tsc = true;
			break;
		case HELP:
			print_help();
			exit(0);
		default:
			usage("command line", "", "see above");
		}
	}
	if (optind < argc)
		usage("argument", argv[optind], "only options are expected");
	if (options->probe || options->check_host || options->tsc)
		return;
	if (!options->kernel)
		usage("--kernel", "", "say what to boot");
	if (!options->cpus)
		options->cpus = options->root ? 1 : 2;
	if (options->root && options->cpus > 1)
		usage("--parent root", "", "only with --cpus 1, see the README");
}
