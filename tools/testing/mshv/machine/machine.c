// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/kvm.h>

#include "../child/enter.h"
#include "../child/faults.h"
#include "../child/irq.h"
#include "../child/parent.h"
#include "../child/vp.h"
#include "../hv/cpuid.h"
#include "../hv/fault.h"
#include "../hv/log.h"
#include "../hv/msr.h"
#include "../hv/options.h"
#include "../hv/partition.h"
#include "../hv/ports.h"
#include "../pc/acpi.h"
#include "../pc/boot.h"
#include "../pc/guest.h"
#include "../pc/rtc.h"
#include "../pc/uart.h"
#include "cpuid.h"
#include "disks.h"
#include "host.h"
#include "hypercalls.h"
#include "machine.h"
#include "quiet.h"
#include "test_port.h"

#define PAGE			4096ULL
#define LOW_RAM_MAX		(3ULL << 30)
#define HIGH_RAM_GPA		(4ULL << 30)
#define TSS_GPA			0xfffbd000	/* three pages; Intel only */
#define IDENTITY_MAP_GPA	0xfffbc000
#define MSI_ADDRESS		0xfee00000U
#define MSR_TSC			0x10
#define TSC_SAMPLE_US		100000
#define KEYBOARD_COMMAND_PORT	0x64
#define KEYBOARD_RESET		0xfe

/*
 * SIMP and SIEFP of each VP; before them the hypercall page and the reference
 * TSC page of a root partition.
 */
#define RESERVED_PAGES_PER_VP	2
#define RESERVED_PAGES_MORE	2

static struct machine {
	int kvm;
	int vm;
	size_t run_size;
	struct cpuid cpuid;
	struct partition partition;

	pthread_mutex_t end_lock;
	pthread_cond_t end_cond;
	bool ended;
	enum machine_end end;
} machine = {
	.end_lock = PTHREAD_MUTEX_INITIALIZER,
	.end_cond = PTHREAD_COND_INITIALIZER,
};

static int __printf(1, 2) fail(const char *fmt, ...)
{
	va_list args;

	fputs("hvemu: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

/* The first reason counts. Any thread. */
static void end_run(enum machine_end end, const char *reason)
{
	pthread_mutex_lock(&machine.end_lock);
	if (!machine.ended) {
		machine.ended = true;
		machine.end = end;
		log_event(LOG_NO_VP, "end", "reason=%s", reason);
	}
	pthread_cond_signal(&machine.end_cond);
	pthread_mutex_unlock(&machine.end_lock);
}

/* A thread that has nothing left to do. Its VP must not run any more. */
static void __noreturn rest(void)
{
	for (;;)
		pause();
}

static void raise_interrupt(struct vp *vp, u8 vector)
{
	struct kvm_msi msi = {
		.address_lo = MSI_ADDRESS | vp->index << 12,
		.data = vector,
	};

	log_event(vp->index, "interrupt", "vector=0x%x", vector);
	/* Its thread runs a child's VP, and is to take the interrupt now. */
	if (vp->dispatching) {
		vp->dispatching->stop_dispatch = true;
		child_vp_kick(vp->dispatching);
	}
	if (ioctl(machine.vm, KVM_SIGNAL_MSI, &msi) < 0)
		fail("an interrupt could not be raised: %s", strerror(errno));
}

/* The user at the console wants no more. */
static void quit(void)
{
	end_run(MACHINE_OFF, "quit");
}

static void set_uart_irq(bool level)
{
	struct kvm_irq_level line = { .irq = UART_IRQ, .level = level };

	ioctl(machine.vm, KVM_IRQ_LINE, &line);
}

static int add_memory(struct partition *partition, int memfd, u64 offset,
		      u64 gpa, u64 size)
{
	struct ram_slot *slot = &partition->ram[partition->ram_slots];
	struct kvm_userspace_memory_region region = {
		.slot = partition->ram_slots,
		.guest_phys_addr = gpa,
		.memory_size = size,
	};

	slot->gpa = gpa;
	slot->size = size;
	slot->offset = offset;
	slot->host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, offset);
	if (slot->host == MAP_FAILED)
		return fail("the guest's memory cannot be mapped: %s", strerror(errno));
	region.userspace_addr = (uintptr_t)slot->host;
	if (ioctl(machine.vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail("KVM does not take the guest's memory: %s", strerror(errno));
	partition->ram_slots++;
	return 0;
}

static int make_memory(struct partition *partition)
{
	u64 size = partition->options->memory;
	u64 low = size < LOW_RAM_MAX ? size : LOW_RAM_MAX;
	int memfd;

	memfd = memfd_create("guest memory", MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, size))
		return fail("no memory for the guest: %s", strerror(errno));
	if (add_memory(partition, memfd, 0, 0, low))
		return -1;
	if (size > low && add_memory(partition, memfd, low, HIGH_RAM_GPA, size - low))
		return -1;
	/* Pieces of it become memory of children. */
	partition->memfd = memfd;

	partition->reserved_pages = partition->nr_vps * RESERVED_PAGES_PER_VP +
				    RESERVED_PAGES_MORE;
	partition->reserved_gpa = low - partition->reserved_pages * PAGE;
	return 0;
}

/* abi.md, "SIMP/SIEFP on L1VH": the hypervisor provides the pages. */
static void provide_synic_pages(struct vp *vp)
{
	u64 gpfn = vp->partition->reserved_gpa / PAGE + RESERVED_PAGES_MORE +
		   vp->index * RESERVED_PAGES_PER_VP;

	vp->synic.simp.base_simp_gpa = gpfn;
	vp->synic.provided_simp = gpfn;
	vp->synic.siefp.base_siefp_gpa = gpfn + 1;
	vp->synic.provided_siefp = gpfn + 1;
}

static int make_vm(void)
{
	u8 no_msr_allowed[MSR_SYNTHETIC_COUNT / 8] = { };
	struct kvm_enable_cap user_msrs = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args[0] = KVM_MSR_EXIT_REASON_FILTER,
	};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = MSR_SYNTHETIC_FIRST,
			.nmsrs = MSR_SYNTHETIC_COUNT,
			.bitmap = no_msr_allowed,
		},
	};
	u64 identity_map = IDENTITY_MAP_GPA;

	machine.vm = ioctl(machine.kvm, KVM_CREATE_VM, 0);
	if (machine.vm < 0)
		return fail("KVM makes no VM: %s", strerror(errno));
	ioctl(machine.vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	ioctl(machine.vm, KVM_SET_TSS_ADDR, TSS_GPA);
	if (ioctl(machine.vm, KVM_CREATE_IRQCHIP) < 0)
		return fail("KVM has no interrupt controller: %s", strerror(errno));
	if (ioctl(machine.vm, KVM_ENABLE_CAP, &user_msrs) < 0 ||
	    ioctl(machine.vm, KVM_X86_SET_MSR_FILTER, &filter) < 0)
		return fail("KVM is too old: it does not hand on MSRs: %s", strerror(errno));
	return 0;
}

static int open_kvm(void)
{
	static const char no_device[] =
		"Load kvm_intel or kvm_amd; the firmware's setup may have virtualization off.";
	static const char no_rights[] =
		"Have root put you into the group that owns it, and log in again.";

	machine.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (machine.kvm < 0)
		return fail("/dev/kvm: %s.\n%s", strerror(errno),
			    errno == ENOENT ? no_device : no_rights);
	if (ioctl(machine.kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return fail("/dev/kvm has an unknown version");
	machine.run_size = ioctl(machine.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	return 0;
}

static int make_vcpu(struct vp *vp)
{
	vp->fd = ioctl(machine.vm, KVM_CREATE_VCPU, vp->index);
	if (vp->fd < 0)
		return fail("KVM makes no vCPU: %s", strerror(errno));
	vp->run = mmap(NULL, machine.run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vp->fd, 0);
	if (vp->run == MAP_FAILED)
		return fail("a vCPU's state cannot be mapped: %s", strerror(errno));
	return 0;
}

static int make_vp(struct vp *vp, const struct boot *boot)
{
	struct cpuid cpuid = machine.cpuid;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int khz;

	if (make_vcpu(vp))
		return -1;
	cpuid_make(&cpuid, vp);
	if (ioctl(vp->fd, KVM_SET_CPUID2, &cpuid.head) < 0)
		return fail("KVM does not take the CPUID: %s", strerror(errno));
	vp->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	provide_synic_pages(vp);
	if (vp->index)
		return 0;

	khz = ioctl(vp->fd, KVM_GET_TSC_KHZ, 0);
	if (khz <= 0)
		return fail("KVM does not tell the TSC's frequency");
	vp->partition->tsc_hz = khz * 1000ULL;
	if (ioctl(vp->fd, KVM_GET_SREGS, &sregs) < 0)
		return fail("KVM_GET_SREGS: %s", strerror(errno));
	boot_registers(boot, &regs, &sregs);
	if (ioctl(vp->fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vp->fd, KVM_SET_REGS, &regs) < 0)
		return fail("KVM does not take the first registers: %s", strerror(errno));
	return 0;
}

/*
 * Power-off or reset: a clean end, and the time to see what was left behind. A
 * guest that has crashed leaves everything.
 */
static void leave(struct partition *partition, const char *how)
{
	char why[128];

	if (!partition->crashed && !partition_is_quiet(partition, why, sizeof(why)))
		log_violation(LOG_NO_VP, "at %s: %s", how, why);
	end_run(MACHINE_OFF, how);
	pthread_mutex_unlock(&partition->lock);
	rest();
}

static void io_write(struct vp *vp, u16 port, const u8 *data, u8 size)
{
	struct partition *partition = vp->partition;
	u16 value = size > 1 ? data[0] | data[1] << 8 : data[0];

	if (port >= UART_PORT && port < UART_PORT + UART_PORTS) {
		uart_write(port - UART_PORT, value);
	} else if (port == HVEMU_PORT_TEST) {
		test_port_write(vp, value);
	} else if (port == RTC_INDEX_PORT) {
		rtc_select(value);
	} else if (port >= ACPI_PM_PORT && port < ACPI_PM_PORT + ACPI_PM_PORTS) {
		if (acpi_write(port, value) == ACPI_POWER_OFF)
			leave(partition, "power-off");
	} else if ((port == ACPI_RESET_PORT && value == ACPI_RESET) ||
		   (port == KEYBOARD_COMMAND_PORT && value == KEYBOARD_RESET)) {
		leave(partition, "reset");
	}
}

static void io_read(struct vp *vp, u16 port, u8 *data, u8 size)
{
	u16 value;

	/* Where there is no device, nothing drives the lines. */
	memset(data, 0xff, size);
	if (port >= UART_PORT && port < UART_PORT + UART_PORTS) {
		data[0] = uart_read(port - UART_PORT);
	} else if (port == HVEMU_PORT_TEST) {
		data[0] = test_port_read(vp);
	} else if (port == RTC_DATA_PORT) {
		data[0] = rtc_read();
	} else if (port >= ACPI_PM_PORT && port < ACPI_PM_PORT + ACPI_PM_PORTS) {
		value = acpi_read(port);
		memcpy(data, &value, size < sizeof(value) ? size : sizeof(value));
	}
}

static void handle_io(struct vp *vp)
{
	struct kvm_run *run = vp->run;
	u8 *data = (u8 *)run + run->io.data_offset;
	u32 i;

	if (run->io.port == HVEMU_PORT_HYPERCALL && run->io.direction == KVM_EXIT_IO_OUT) {
		struct kvm_regs *regs = &run->s.regs.regs;

		regs->rax = hypercall(vp, regs->rcx, regs->rdx, regs->r8);
		run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
		if (vp->partition->powered_off)
			leave(vp->partition, "power-off");
		return;
	}
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			io_write(vp, run->io.port, data, run->io.size);
		else
			io_read(vp, run->io.port, data, run->io.size);
	}
}

static unsigned long long exit_detail(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		return run->fail_entry.hardware_entry_failure_reason;
	case KVM_EXIT_INTERNAL_ERROR:
		return run->internal.suberror;
	default:
		return 0;
	}
}

static void handle_exit(struct vp *vp)
{
	struct partition *partition = vp->partition;
	struct kvm_run *run = vp->run;
	u64 value = 0;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(vp);
		break;
	case KVM_EXIT_X86_RDMSR:
		run->msr.error = !msr_read(vp, run->msr.index, &value);
		run->msr.data = value;
		break;
	case KVM_EXIT_X86_WRMSR:
		run->msr.error = !msr_write(vp, run->msr.index, run->msr.data);
		break;
	case KVM_EXIT_MMIO:
		/* Where nothing is, reads give ones, and writes are lost. */
		if (!disks_access(run->mmio.phys_addr, run->mmio.data, run->mmio.len,
				  run->mmio.is_write) && !run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		break;
	case KVM_EXIT_SHUTDOWN:
		log_event(vp->index, "triple-fault", "rip=0x%llx",
			  (unsigned long long)run->s.regs.regs.rip);
		end_run(MACHINE_CRASHED, "triple-fault");
		pthread_mutex_unlock(&partition->lock);
		rest();
	case KVM_EXIT_INTR:
		break;
	default:
		fail("VP %u cannot go on at 0x%llx: KVM exit %u, detail 0x%llx",
		     vp->index, (unsigned long long)run->s.regs.regs.rip,
		     run->exit_reason, exit_detail(run));
		end_run(MACHINE_FAILED, "exit-not-handled");
		pthread_mutex_unlock(&partition->lock);
		rest();
	}
}

static void *vp_thread(void *argument)
{
	struct vp *vp = argument;
	struct partition *partition = vp->partition;

	for (;;) {
		if (ioctl(vp->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			fail("VP %u cannot run: %s", vp->index, strerror(errno));
			end_run(MACHINE_FAILED, "cannot-run");
			rest();
		}
		pthread_mutex_lock(&partition->lock);
		handle_exit(vp);
		pthread_mutex_unlock(&partition->lock);
	}
	return NULL;
}

/* Where each VP is when time is up, for whoever looks for the reason. */
static void report_where(struct partition *partition)
{
	u32 i;

	for (i = 0; i < partition->nr_vps; i++)
		log_event(i, "last-seen", "rip=0x%llx exit-reason=%u",
			  (unsigned long long)partition->vps[i].run->s.regs.regs.rip,
			  partition->vps[i].run->exit_reason);
}

static enum machine_end wait_for_end(struct partition *partition)
{
	unsigned int timeout = partition->options->timeout;
	struct timespec until;
	enum machine_end end;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout;
	pthread_mutex_lock(&machine.end_lock);
	while (!machine.ended && !late) {
		if (timeout)
			late = pthread_cond_timedwait(&machine.end_cond,
						      &machine.end_lock, &until);
		else
			pthread_cond_wait(&machine.end_cond, &machine.end_lock);
	}
	end = machine.ended ? machine.end : MACHINE_TIMEOUT;
	pthread_mutex_unlock(&machine.end_lock);

	if (end == MACHINE_TIMEOUT) {
		log_event(LOG_NO_VP, "end", "reason=timeout");
		report_where(partition);
		fail("the guest did not end within %u seconds", timeout);
	}
	return end;
}

static void log_start(const struct partition *partition)
{
	const struct options *options = partition->options;

	log_event(LOG_NO_VP, "start",
		  "parent=%s cpus=%u memory=0x%llx apic=%s build=%u capabilities=%s bits=0x%llx bank-count=%u integrated=0x%llx scheduler=%u tsc-hz=%llu",
		  options->plain ? "none" : options->root ? "root" : "l1vh", options->cpus,
		  (unsigned long long)options->memory,
		  options->x2apic ? "x2apic" : "xapic", options->build,
		  !options->property_ex ? "no-hypercall" :
		  options->capabilities ? "yes" : "not-known",
		  (unsigned long long)options->capability_bits, options->bank_count,
		  (unsigned long long)options->integrated, options->scheduler,
		  (unsigned long long)partition->tsc_hz);
}

/* What children of the partition will need. */
static int prepare_children(struct partition *partition)
{
	int ret;

	partition->kvm = machine.kvm;
	partition->run_size = machine.run_size;
	cpuid_tell(&machine.cpuid, partition);
	ret = child_run_setup();
	if (!ret)
		ret = child_irq_setup(partition);
	if (ret)
		return fail("children cannot be made: %s", strerror(-ret));
	ret = child_faults_setup(partition);
	if (ret)
		return fail("no thread for the memory of children: %s", strerror(-ret));
	return 0;
}

/* All at once, and before anything else has gone wrong for want of it. */
static int check_host(void)
{
	struct host host = host_this;

	host.context = &machine.kvm;
	host_raise_limits();
	return host_check(&host, stderr, false) ? -1 : 0;
}

static int make(struct partition *partition)
{
	struct guest guest;
	struct boot boot;
	u32 i;

	if (open_kvm() || check_host() || make_vm() || make_memory(partition))
		return -1;
	if (disks_open(partition, machine.vm))
		return -1;
	partition_guest(partition, &guest);
	if (boot_load(&boot, &guest))
		return -1;
	if (cpuid_supported(machine.kvm, &machine.cpuid))
		return fail("KVM does not tell its CPUID: %s", strerror(errno));
	if (prepare_children(partition))
		return -1;
	for (i = 0; i < partition->nr_vps; i++)
		if (make_vp(&partition->vps[i], &boot))
			return -1;
	if (uart_init(set_uart_irq, quit))
		return fail("no thread for the console");
	return 0;
}

/* Both clocks of the guest begin now: its TSC, and its reference time. */
static int start_clocks(struct partition *partition)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} tsc = {
		.head.nmsrs = 1,
		.entry.index = MSR_TSC,
	};
	u32 i;

	if (log_open(partition->options->event_log))
		return fail("%s cannot be written: %s", partition->options->event_log,
			    strerror(errno));
	for (i = 0; i < partition->nr_vps; i++)
		if (ioctl(partition->vps[i].fd, KVM_SET_MSRS, &tsc) != 1)
			return fail("KVM does not take the TSC: %s", strerror(errno));
	log_start(partition);
	return 0;
}

static int start_vps(struct partition *partition)
{
	pthread_t thread;
	u32 i;

	for (i = 0; i < partition->nr_vps; i++)
		if (pthread_create(&thread, NULL, vp_thread, &partition->vps[i]))
			return fail("no thread for VP %u", i);
	return 0;
}

/* What a user asked for, and did not get. */
static void report_idle_faults(const struct faults *faults)
{
	unsigned int i;

	for (i = 0; i < faults->count; i++)
		if (!faults->list[i].applied)
			fail("fault number %u never applied: the guest did not make such a call",
			     i + 1);
}

enum machine_end machine_run(const struct options *options)
{
	struct partition *partition = &machine.partition;
	enum machine_end end;

	partition_init(partition, options);
	child_parent_init(partition);
	partition->interrupt = raise_interrupt;
	if (make(partition) || start_clocks(partition) || start_vps(partition))
		end = MACHINE_FAILED;
	else
		end = wait_for_end(partition);
	uart_exit();
	disks_flush();
	report_idle_faults(&partition->faults);
	if (end == MACHINE_OFF && partition->crashed)
		end = MACHINE_CRASHED;
	if (end == MACHINE_OFF && log_violations()) {
		fprintf(stderr, "hvemu: %u violations\n", log_violations());
		end = MACHINE_VIOLATION;
	}
	log_flush();
	return end;
}

static u64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Microseconds for 4096 instructions of a guest, or -1 after saying why. */
static long long probe(void)
{
	/* mov $1024, %cx; 1: nop; nop; dec %cx; jnz 1b; hlt, in real mode */
	static const u8 code[] = { 0xb9, 0x00, 0x04, 0x90, 0x90, 0x49, 0x75, 0xfb, 0xf4 };
	static const struct options options = { .cpus = 1, .memory = 1 << 20 };
	struct partition *partition = &machine.partition;
	struct vp *vp = &partition->vps[0];
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 0x2 };
	struct kvm_sregs sregs;
	u64 before;

	partition_init(partition, &options);
	machine.vm = ioctl(machine.kvm, KVM_CREATE_VM, 0);
	if (machine.vm < 0)
		return fail("KVM makes no VM: %s", strerror(errno));
	ioctl(machine.vm, KVM_SET_TSS_ADDR, TSS_GPA);
	if (make_memory(partition) || make_vcpu(vp))
		return -1;
	memcpy(partition_memory(partition, regs.rip, sizeof(code)), code, sizeof(code));
	if (ioctl(vp->fd, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vp->fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vp->fd, KVM_SET_REGS, &regs) < 0)
		return -1;

	before = nanoseconds();
	if (ioctl(vp->fd, KVM_RUN, 0) < 0 || vp->run->exit_reason != KVM_EXIT_HLT)
		return fail("KVM does not run a guest: exit reason %u", vp->run->exit_reason);
	return (nanoseconds() - before) / 1000;
}

enum machine_end machine_probe(void)
{
	long long took = open_kvm() ? -1 : probe();

	if (took < 0)
		return MACHINE_FAILED;
	printf("%lld\n", took);
	return MACHINE_OFF;
}

enum machine_end machine_check_host(void)
{
	struct host host = host_this;
	unsigned int missing;
	long long took;

	if (open_kvm())
		return MACHINE_FAILED;
	host.context = &machine.kvm;
	host_report(&host, machine.kvm, stdout);
	puts("needed:");
	missing = host_check(&host, stdout, true);
	fflush(stdout);
	took = probe();
	if (took < 0)
		missing++;
	else
		printf("ok       a guest runs: %lld us for 4096 instructions\n", took);
	if (missing)
		printf("%u things are missing: hvemu does not run here.\n", missing);
	else
		puts("Nothing is missing.");
	return missing ? MACHINE_FAILED : MACHINE_OFF;
}

enum machine_end machine_tsc(void)
{
	u64 before, tsc;

	before = nanoseconds();
	tsc = __builtin_ia32_rdtsc();
	usleep(TSC_SAMPLE_US);
	tsc = __builtin_ia32_rdtsc() - tsc;
	printf("%llu\n", (unsigned long long)(tsc * 1000000 / (nanoseconds() - before)));
	return MACHINE_OFF;
}
