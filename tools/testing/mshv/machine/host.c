// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine that hvemu runs on.
 *
 * hvemu was written on KVM's AMD side, in a virtual machine of QEMU's. What it
 * takes for granted there and what another processor, another KVM or a host that
 * somebody has set up for other work may not have is asked for here, by name.
 */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/kvm.h>

#include "../child/child.h"
#include "../child/life.h"
#include "../child/space.h"
#include "../hv/cpuid.h"
#include "host.h"

#define LINE_LENGTH		256
#define PATH_LENGTH		256

/*
 * Each page of a child whose neighbour is not the parent's neighbour is a mapping,
 * and so is the gap behind it. Linux gives a process 65530 by default; a child of
 * 256 MiB can need twice as many.
 */
#define MAPPINGS_MIN		262144

#define SYNC_NEEDED		(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

/* What a capability's value must be. */
enum rule {
	AT_LEAST,
	AT_MOST,
	ALL_BITS,
};

/**
 * struct capability - something of KVM's
 * @number: KVM_CAP_*
 * @name: the same in text
 * @rule: how its value is compared with @value
 * @value: see @rule
 * @use: what hvemu does with it
 * @remedy: what to do where it is missing; NULL: a newer kernel
 */
struct capability {
	unsigned int number;
	const char *name;
	enum rule rule;
	long value;
	const char *use;
	const char *remedy;
};

#define CAP(cap)	.number = cap, .name = #cap

static const struct capability capabilities[] = {
	{ CAP(KVM_CAP_USER_MEMORY), AT_LEAST, 1, "guest memory" },
	{ CAP(KVM_CAP_SYNC_MMU), AT_LEAST, 1,
	  "pages of a child that come and go while it runs" },
	{ CAP(KVM_CAP_NR_MEMSLOTS), AT_LEAST, 2, "memory below and above the local APIC's page" },
	{ CAP(KVM_CAP_SET_TSS_ADDR), AT_LEAST, 1, "guests on Intel" },
	{ CAP(KVM_CAP_SET_IDENTITY_MAP_ADDR), AT_LEAST, 1, "guests on Intel" },
	{ CAP(KVM_CAP_IRQCHIP), AT_LEAST, 1, "local APICs and I/O APIC of the L1VH" },
	{ CAP(KVM_CAP_PIT2), AT_LEAST, 1, "the I/O APIC of the L1VH, with which it comes",
	  "Build the host's kernel with CONFIG_KVM_IOAPIC=y." },
	{ CAP(KVM_CAP_SIGNAL_MSI), AT_LEAST, 1, "interrupts of the SynIC" },
	{ CAP(KVM_CAP_EXT_CPUID), AT_LEAST, 1, "CPUID" },
	{ CAP(KVM_CAP_GET_TSC_KHZ), AT_LEAST, 1, "the frequencies that a guest is told" },
	{ CAP(KVM_CAP_MAX_VCPUS), AT_LEAST, CHILD_VPS_MAX, "VPs of a child" },
	{ CAP(KVM_CAP_IMMEDIATE_EXIT), AT_LEAST, 1, "stopping a VP without a race" },
	{ CAP(KVM_CAP_SYNC_REGS), ALL_BITS, SYNC_NEEDED, "registers of VPs" },
	{ CAP(KVM_CAP_VCPU_EVENTS), AT_LEAST, 1, "interrupts and exceptions of children" },
	{ CAP(KVM_CAP_EXCEPTION_PAYLOAD), AT_LEAST, 1, "exceptions of children" },
	{ CAP(KVM_CAP_DEBUGREGS), AT_LEAST, 1, "debug registers of children" },
	{ CAP(KVM_CAP_SET_GUEST_DEBUG), AT_LEAST, 1, "intercepts of CPUID, #DB and #BP" },
	{ CAP(KVM_CAP_XSAVE), AT_LEAST, 1, "XSAVE state of children" },
	{ CAP(KVM_CAP_XCRS), AT_LEAST, 1, "XSAVE state of children" },
	{ CAP(KVM_CAP_XSAVE2), AT_MOST, sizeof(struct kvm_xsave),
	  "XSAVE state of children, one page",
	  "Somebody has asked for AMX in this process (ARCH_REQ_XCOMP_GUEST_PERM): do not." },
	{ CAP(KVM_CAP_X86_USER_SPACE_MSR), AT_LEAST, 1, "synthetic MSRs" },
	{ CAP(KVM_CAP_X86_MSR_FILTER), AT_LEAST, 1, "synthetic MSRs" },
	{ CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID), AT_LEAST, 1, "children that do not see KVM" },
	{ CAP(KVM_CAP_DISABLE_QUIRKS2), ALL_BITS, CHILD_NO_QUIRKS,
	  "intercepts of every IO port, and #UD for the other vendor's hypercall" },
};

/* How a file's value is compared. */
enum file_rule {
	IS_YES,			/* Y or 1 */
	IS_NO,			/* N or 0 */
	IS_NOT,
	IS_NUMBER_FROM,
	IS,
};

/**
 * struct setting - something of the system's that a file tells
 * @path: which file; one that cannot be read counts as good
 * @rule: how it is compared with @value or @text
 * @value: see @rule
 * @text: see @rule
 * @only_disturbs: hvemu runs without
 * @why: what it is for
 * @remedy: what to do
 */
struct setting {
	const char *path;
	enum file_rule rule;
	long value;
	const char *text;
	bool only_disturbs;
	const char *why;
	const char *remedy;
};

static const struct setting settings[] = {
	{
		.path = "/sys/module/kvm_intel/parameters/ept", .rule = IS_YES,
		.why = "Without nested paging KVM emulates guests, and each child takes 2 GiB.",
		.remedy = "Load kvm_intel with ept=1; if the processor has none, use --accel tcg.",
	}, {
		.path = "/sys/module/kvm_intel/parameters/unrestricted_guest", .rule = IS_YES,
		.why = "Without it KVM takes a page of a child's memory, and emulates real mode.",
		.remedy = "Load kvm_intel with unrestricted_guest=1, or use --accel tcg.",
	}, {
		.path = "/sys/module/kvm_amd/parameters/npt", .rule = IS_YES,
		.why = "Without nested paging KVM emulates guests, and each child takes 2 GiB.",
		.remedy = "Load kvm_amd with npt=1; if the processor has none, use --accel tcg.",
	}, {
		.path = "/sys/module/kvm/parameters/tdp_mmu", .rule = IS_YES,
		.why = "Without it KVM takes 2 GiB for the page tables of each child.",
		.remedy = "Load kvm with tdp_mmu=1.",
	}, {
		.path = "/sys/module/kvm/parameters/ignore_msrs", .rule = IS_NO,
		.why = "With it KVM answers for MSRs that do not exist, and hvemu is not asked.",
		.remedy = "echo N >/sys/module/kvm/parameters/ignore_msrs",
	}, {
		.path = "/proc/sys/vm/max_map_count", .rule = IS_NUMBER_FROM,
		.value = MAPPINGS_MIN,
		.why = "Each piece of a child's memory is a mapping.",
		.remedy = "sysctl vm.max_map_count=1000000",
	}, {
		.path = "/proc/sys/vm/overcommit_memory", .rule = IS_NOT, .text = "2",
		.why = "The address space of each child is 1 TiB, nearly all of it never used.",
		.remedy = "sysctl vm.overcommit_memory=0",
	}, {
		.path = "/sys/devices/system/clocksource/clocksource0/current_clocksource",
		.rule = IS, .text = "tsc", .only_disturbs = true,
		.why = "A host that does not trust its TSC gives the VPs TSCs that differ.",
		.remedy = "Nothing, if tests of clocks are not of interest.",
	},
};

static long this_capability(void *context, unsigned int number)
{
	int ret = ioctl(*(int *)context, KVM_CHECK_EXTENSION, number);

	return ret < 0 ? 0 : (unsigned int)ret;
}

static bool this_read(void *context, const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read;

	(void)context;
	if (!file)
		return false;
	read = fgets(line, size, file);
	fclose(file);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

static int this_userfaultfd(void *context)
{
	int fd = child_space_open();

	(void)context;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

const struct host host_this = {
	.capability = this_capability,
	.read = this_read,
	.userfaultfd = this_userfaultfd,
};

static bool is_enough(const struct capability *capability, long value)
{
	switch (capability->rule) {
	case AT_LEAST:
		return value >= capability->value;
	case AT_MOST:
		return value <= capability->value;
	default:
		return (value & capability->value) == capability->value;
	}
}

static bool is_set(const struct setting *setting, const char *line)
{
	switch (setting->rule) {
	case IS_YES:
		return !strcmp(line, "Y") || !strcmp(line, "1");
	case IS_NO:
		return !strcmp(line, "N") || !strcmp(line, "0");
	case IS_NOT:
		return strcmp(line, setting->text);
	case IS_NUMBER_FROM:
		return strtol(line, NULL, 10) >= setting->value;
	default:
		return !strcmp(line, setting->text);
	}
}

static const char *const rule_words[] = {
	[AT_LEAST] = "at least",
	[AT_MOST] = "at most",
	[ALL_BITS] = "with the bits",
};

/* Return: whether it is there. */
static bool check_capability(const struct host *host, const struct capability *capability,
			     FILE *out, bool all)
{
	long value = host->capability(host->context, capability->number);

	if (is_enough(capability, value)) {
		if (all)
			fprintf(out, "ok       %s = 0x%lx: %s\n", capability->name, value,
				capability->use);
		return true;
	}
	fprintf(out, "%s%s is 0x%lx, needed is %s 0x%lx, for %s.\n%s%s\n",
		all ? "MISSING  " : "hvemu: ", capability->name, value,
		rule_words[capability->rule], capability->value, capability->use,
		all ? "         " : "",
		capability->remedy ?: "Take a newer kernel for the host: 5.19 or later.");
	return false;
}

/* Return: whether hvemu can do without. */
static bool check_setting(const struct host *host, const struct setting *setting, FILE *out,
			  bool all)
{
	char line[LINE_LENGTH];

	if (!host->read(host->context, setting->path, line, sizeof(line))) {
		if (all)
			fprintf(out, "-        %s cannot be read\n", setting->path);
		return true;
	}
	if (is_set(setting, line)) {
		if (all)
			fprintf(out, "ok       %s is %s\n", setting->path, line);
		return true;
	}
	if (all)
		fprintf(out, "%s  %s is %s.\n         %s\n         %s\n",
			setting->only_disturbs ? "DISTURBS" : "MISSING", setting->path, line,
			setting->why, setting->remedy);
	else if (!setting->only_disturbs)
		fprintf(out, "hvemu: %s is %s. %s\n%s\n", setting->path, line, setting->why,
			setting->remedy);
	return setting->only_disturbs;
}

static const char *userfaultfd_remedy(int error)
{
	static const char rights[] =
		"Run as root, get the rights to /dev/userfaultfd, or: sysctl vm.unprivileged_userfaultfd=1.\n"
		"In a container the seccomp profile has to allow it, too.";
	static const char old[] =
		"Take a kernel from 5.19 on with CONFIG_PTE_MARKER_UFFD_WP=y.";
	static const char none[] =
		"Build the host's kernel with CONFIG_USERFAULTFD=y; containers have to allow it.";

	switch (error) {
	case -EPERM:
	case -EACCES:
		return rights;
	case -EINVAL:
		return old;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return "Look at the host's limits.";
	default:
		return none;
	}
}

static bool check_userfaultfd(const struct host *host, FILE *out, bool all)
{
	int ret = host->userfaultfd(host->context);

	if (!ret) {
		if (all)
			fprintf(out, "ok       userfaultfd: memory of children\n");
		return true;
	}
	fprintf(out, "%suserfaultfd, which children need: %s.\n%s%s\n",
		all ? "MISSING  " : "hvemu: ", strerror(-ret), all ? "         " : "",
		userfaultfd_remedy(ret));
	return false;
}

unsigned int host_check(const struct host *host, FILE *out, bool all)
{
	unsigned int i, missing = 0;

	for (i = 0; i < ARRAY_SIZE(capabilities); i++)
		missing += !check_capability(host, &capabilities[i], out, all);
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		missing += !check_setting(host, &settings[i], out, all);
	missing += !check_userfaultfd(host, out, all);
	return missing;
}

static bool by_name(const char *line, const char *name)
{
	return !strncmp(line, name, strlen(name)) && strchr(" \t:", line[strlen(name)]);
}

/* Of the first of its processors. All of them are alike to KVM, or nearly so. */
static void report_processor(FILE *out)
{
	static const char *const wanted[] = {
		"vendor_id", "cpu family", "model", "model name", "stepping", "microcode",
		"flags", "vmx flags", "bugs",
	};
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;
	unsigned int i;

	while (file && getline(&line, &size, file) > 1)
		for (i = 0; i < ARRAY_SIZE(wanted); i++)
			if (by_name(line, wanted[i]))
				fprintf(out, "  %s", line);
	free(line);
	if (file)
		fclose(file);
	fprintf(out, "  processors online: %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
}

static void report_parameters(const struct host *host, const char *module, FILE *out)
{
	char folder[PATH_LENGTH], path[2 * PATH_LENGTH], line[LINE_LENGTH];
	struct dirent **names;
	int count, i;

	snprintf(folder, sizeof(folder), "/sys/module/%s/parameters", module);
	count = scandir(folder, &names, NULL, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.' &&
		    host->read(host->context, path, line, sizeof(line)))
			fprintf(out, "  %s.%s=%s\n", module, names[i]->d_name, line);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

static void report_cpuid(int kvm, FILE *out)
{
	static struct cpuid cpuid;
	const struct kvm_cpuid_entry2 *entry;

	if (cpuid_supported(kvm, &cpuid)) {
		fprintf(out, "  KVM does not tell: %s\n", strerror(errno));
		return;
	}
	for (entry = cpuid.entries; entry < cpuid.entries + cpuid.head.nent; entry++)
		fprintf(out, "  %08x.%02x %08x %08x %08x %08x\n", entry->function, entry->index,
			entry->eax, entry->ebx, entry->ecx, entry->edx);
}

void host_report(const struct host *host, int kvm, FILE *out)
{
	static const char *const modules[] = { "kvm", "kvm_intel", "kvm_amd" };
	struct utsname name;
	unsigned int i;

	if (!uname(&name))
		fprintf(out, "kernel: %s %s %s\n", name.sysname, name.release, name.version);
	fputs("processor:\n", out);
	report_processor(out);
	fputs("KVM:\n", out);
	for (i = 0; i < ARRAY_SIZE(modules); i++)
		report_parameters(host, modules[i], out);
	fputs("CPUID that KVM offers (leaf, EAX, EBX, ECX, EDX):\n", out);
	report_cpuid(kvm, out);
}

void host_raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	/* What that does not allow is said when a VP cannot be made. */
	setrlimit(RLIMIT_NOFILE, &files);
}
