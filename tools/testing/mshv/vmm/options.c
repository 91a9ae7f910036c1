// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define MEMORY_MIN	32
#define MEMORY_MAX	2048	/* MiB: all of it is below the local APICs */

void vmm_options_help(void)
{
	puts("vmm: boots Linux in a child partition of the Microsoft Hypervisor, through\n"
	     "/dev/mshv. Standard input and output are its serial console.\n"
	     "\n"
	     "  vmm [OPTION]... --kernel FILE\n"
	     "\n"
	     "  --kernel FILE    vmlinux or bzImage\n"
	     "  --initrd FILE    initramfs\n"
	     "  --append TEXT    kernel command line; may be given more than once. The\n"
	     "                   console is ttyS0\n"
	     "  --prompt TEXT    have input that is no terminal's wait until the console\n"
	     "                   says this: what comes earlier may get lost\n"
	     "  --cpus N         VPs (default 1)\n"
	     "  --memory MIB     memory (default 128)\n"
	     "  --x2apic         local APICs have x2APIC mode (default)\n"
	     "  --xapic          they have not\n"
	     "  --timeout S      give up after so many seconds (default: never)\n"
	     "  --stats          print at the end, for each VP, how often and how long it\n"
	     "                   ran, and what for it came back\n"
	     "\n"
	     "On a terminal Ctrl-A x ends the run.\n"
	     "\n"
	     "Exit status: 0 the guest powered off or reset, or Ctrl-A x; 1 the VMM, the\n"
	     "kernel or the hypervisor failed, or the guest did what this VMM cannot;\n"
	     "2 bad usage; 4 the guest crashed: a triple fault, no VP can run any more, or\n"
	     "its console said \"Kernel panic\"; 5 timeout; 128 + N ended by signal N.");
}

static int wrong(const char *what, const char *text, const char *why)
{
	fprintf(stderr, "vmm: %s%s%s: %s\nTry: vmm --help\n", what, *text ? " " : "",
		text, why);
	return -1;
}

static int parse_number(const char *option, const char *text, unsigned int min,
			unsigned int max, unsigned int *number)
{
	unsigned long value;
	char why[80], *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < min || value > max) {
		snprintf(why, sizeof(why), "give a number from %u to %u", min, max);
		return wrong(option, text, why);
	}
	*number = value;
	return 0;
}

static int add_words(struct vmm_options *options, const char *text)
{
	size_t used = strlen(options->append);

	if (used + strlen(text) + 2 > sizeof(options->append))
		return wrong("--append", "", "the kernel command line is too long");
	if (used)
		options->append[used++] = ' ';
	strcpy(options->append + used, text);
	return 0;
}

int vmm_options_parse(struct vmm_options *options, int argc, char **argv)
{
	enum { KERNEL = 1, INITRD, APPEND, PROMPT, CPUS, MEMORY, X2APIC, XAPIC, TIMEOUT,
	       STATS, HELP };
	static const struct option known[] = {
		{ "kernel", required_argument, NULL, KERNEL },
		{ "initrd", required_argument, NULL, INITRD },
		{ "append", required_argument, NULL, APPEND },
		{ "prompt", required_argument, NULL, PROMPT },
		{ "cpus", required_argument, NULL, CPUS },
		{ "memory", required_argument, NULL, MEMORY },
		{ "x2apic", no_argument, NULL, X2APIC },
		{ "xapic", no_argument, NULL, XAPIC },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "stats", no_argument, NULL, STATS },
		{ "help", no_argument, NULL, HELP },
		{ }
	};
	unsigned int mib = 128;
	int option, ret = 0;

	*options = (struct vmm_options) {
		.cpus = 1,
		.x2apic = true,
	};
	while (!ret && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case KERNEL:
			options->kernel = optarg;
			break;
		case INITRD:
			options->initrd = optarg;
			break;
		case APPEND:
			ret = add_words(options, optarg);
			break;
		case PROMPT:
			options->prompt = optarg;
			break;
		case CPUS:
			ret = parse_number("--cpus", optarg, 1, CPUS_MAX, &options->cpus);
			break;
		case MEMORY:
			ret = parse_number("--memory", optarg, MEMORY_MIN, MEMORY_MAX, &mib);
			break;
		case X2APIC:
		case XAPIC:
			options->x2apic = option == X2APIC;
			break;
		case TIMEOUT:
			ret = parse_number("--timeout", optarg, 1, 1000000, &options->timeout);
			break;
		case STATS:
			options->stats = true;
			break;
		case HELP:
			options->help = true;
			return 0;
		default:
			ret = wrong("command line", "", "see above");
		}
	}
	if (ret)
		return ret;
	if (optind < argc)
		return wrong("argument", argv[optind], "only options are expected");
	if (!options->kernel)
		return wrong("--kernel", "", "say what to boot");
	options->memory = (u64)mib << 20;
	return 0;
}
