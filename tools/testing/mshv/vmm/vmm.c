// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmm: a small VMM on /dev/mshv. Boots Linux in a child partition, with as many VPs as
 * one wants, memory, a serial console, a real-time clock, power-off and reset.
 *
 * There is no device in memory, where reads give ones, and no interrupt controller but
 * the local APICs, which are the hypervisor's, and so are the clocks. Linux gets on
 * with that; its serial driver polls once it has been told that there is no interrupt,
 * see child-init.c.
 */

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/kernel.h>

#include "../hv/hv_more.h"
#include "../pc/acpi.h"
#include "../pc/boot.h"
#include "../pc/guest.h"
#include "../pc/rtc.h"
#include "../pc/uart.h"
#include "io.h"
#include "mmio.h"
#include "mshv.h"
#include "options.h"

#define PAGE_MASK		0xfffULL
#define KEYBOARD_COMMAND_PORT	0x64
#define KEYBOARD_RESET		0xfe

/* Wakes the main thread, and gets the others out of MSHV_RUN_VP. */
#define SIGNAL_END		SIGUSR1
/* The user wants no more. */
#define SIGNAL_QUIT		SIGUSR2

#define END_RETRY_MS		10
#define END_TRIES		1000

/* What a VP came back for. */
enum reason {
	REASON_IO,
	REASON_MMIO,
	REASON_CPUID,
	REASON_MSR,
	REASON_HALT,
	REASON_EOI,
	REASON_OTHER,
	REASON_SIGNAL,
	REASONS
};

static const char * const reason_names[REASONS] = {
	[REASON_IO] = "io",
	[REASON_MMIO] = "mmio",
	[REASON_CPUID] = "cpuid",
	[REASON_MSR] = "msr",
	[REASON_HALT] = "halt",
	[REASON_EOI] = "eoi",
	[REASON_OTHER] = "other",
	[REASON_SIGNAL] = "signal",
};

struct vp {
	struct mshv_vp mshv;
	pthread_t thread;
	bool running;		/* there is such a thread */
	bool halted;		/* for good */

	/* The page of linear addresses that was looked at last. */
	bool found_write;
	u64 found_linear;
	u8 *found;

	u64 runs;
	u64 reasons[REASONS];
	u64 run_ns;		/* in MSHV_RUN_VP */
	u64 cpu_ns;		/* of the thread */
};

static struct vmm {
	struct vmm_options options;
	struct mshv mshv;
	struct ram_slot ram;
	struct vp vps[CPUS_MAX];
	unsigned int nr_vps;
	pthread_t main;

	pthread_mutex_t lock;	/* of what follows, and of devices */
	unsigned int nr_halted;
	char line[256];		/* what the guest prints */
	size_t line_used;
	bool panicked;
	bool ended;
	int end;
} vmm = {
	.mshv = { .device = -1, .partition = -1 },
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static bool has_ended(void)
{
	return __atomic_load_n(&vmm.ended, __ATOMIC_ACQUIRE);
}

/* The first reason counts. The lock is held; any thread. */
static void __printf(2, 3) end_run(int end, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (vmm.ended)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vmm_say("%s", text);
	vmm.end = end;
	__atomic_store_n(&vmm.ended, true, __ATOMIC_RELEASE);
	pthread_kill(vmm.main, SIGNAL_END);
}

/* Called with the console's lock held, which is taken inside ours elsewhere. */
static void quit(void)
{
	pthread_kill(vmm.main, SIGNAL_QUIT);
}

/* There is no interrupt line: the guest polls. */
static void set_uart_irq(bool level)
{
	(void)level;
}

/*
 * The guest prints. That is also how it says that it has panicked: a reset that
 * follows looks like any other.
 */
static void watch_console(u8 byte)
{
	if (byte != '\n') {
		if (!isprint(byte) || vmm.line_used == sizeof(vmm.line) - 1)
			return;
		vmm.line[vmm.line_used++] = byte;
		vmm.line[vmm.line_used] = '\0';
		if (vmm.options.prompt && strstr(vmm.line, vmm.options.prompt))
			uart_hold(false);
		return;
	}
	if (strstr(vmm.line, "Kernel panic - not syncing"))
		vmm.panicked = true;
	/* It stays there for ever, unless told otherwise. */
	if (strstr(vmm.line, "---[ end Kernel panic"))
		end_run(VMM_CRASHED, "the guest has panicked");
	vmm.line_used = 0;
	vmm.line[0] = '\0';
}

static void end_by_reset(void)
{
	if (vmm.panicked)
		end_run(VMM_CRASHED, "the guest has panicked and started anew");
	else
		end_run(VMM_OFF, "the guest has reset, and is not started again");
}

static u32 port_in(void *context, u16 port, u8 size)
{
	(void)context;
	if (port >= UART_PORT && port < UART_PORT + UART_PORTS && size == 1)
		return uart_read(port - UART_PORT);
	if (port == RTC_DATA_PORT && size == 1)
		return rtc_read();
	if (port >= ACPI_PM_PORT && port < ACPI_PM_PORT + ACPI_PM_PORTS)
		return acpi_read(port);
	/* Where there is no device, nothing drives the lines. */
	return ~0U;
}

static void port_out(void *context, u16 port, u8 size, u32 value)
{
	(void)context;
	if (port >= UART_PORT && port < UART_PORT + UART_PORTS && size == 1) {
		uart_write(port - UART_PORT, value);
		if (port == UART_PORT)
			watch_console(value);
	} else if (port == RTC_INDEX_PORT) {
		rtc_select(value);
	} else if (port >= ACPI_PM_PORT && port < ACPI_PM_PORT + ACPI_PM_PORTS) {
		if (acpi_write(port, value) == ACPI_POWER_OFF)
			end_run(VMM_OFF, "the guest has powered off");
	} else if ((port == ACPI_RESET_PORT && value == ACPI_RESET) ||
		   (port == KEYBOARD_COMMAND_PORT && value == KEYBOARD_RESET)) {
		end_by_reset();
	}
}

static u8 *linear_memory(void *context, u64 address, bool write)
{
	struct vp *vp = context;
	u64 page = address & ~PAGE_MASK, gpa;

	if (!vp->found || vp->found_linear != page || vp->found_write != write) {
		vp->found = NULL;
		if (mshv_translate(&vp->mshv, page, write, &gpa))
			return NULL;
		vp->found = ram_at(&vmm.ram, 1, gpa, PAGE_MASK + 1);
		vp->found_linear = page;
		vp->found_write = write;
	}
	return vp->found ? vp->found + (address & PAGE_MASK) : NULL;
}

static enum reason handle_io(struct vp *vp, const void *payload)
{
	const struct hv_x64_io_port_intercept_message *message = payload;
	const struct io_bus bus = {
		.in = port_in,
		.out = port_out,
		.memory = linear_memory,
		.context = vp,
	};
	const char *wrong;

	/* The guest's page tables may have changed meanwhile. */
	vp->found = NULL;
	wrong = io_emulate(message, vp->mshv.regs, &bus);
	if (wrong)
		end_run(VMM_FAILED, "VP %u accesses port 0x%x at 0x%llx, and %s",
			vp->mshv.index, message->port_number,
			(unsigned long long)message->header.rip, wrong);
	return REASON_IO;
}

static void next_instruction(struct vp *vp,
			     const struct hv_x64_intercept_message_header *header)
{
	vp->mshv.regs->rip = header->rip + header->instruction_length;
	vp->mshv.regs->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL) |
				BIT(HV_X64_REGISTER_CLASS_IP);
}

/* We have not asked to be told of these two: the hypervisor's own answer will do. */
static enum reason handle_cpuid(struct vp *vp, const void *payload)
{
	const struct hv_x64_cpuid_intercept_message *message = payload;

	vp->mshv.regs->rax = message->default_result_rax;
	vp->mshv.regs->rcx = message->default_result_rcx;
	vp->mshv.regs->rdx = message->default_result_rdx;
	vp->mshv.regs->rbx = message->default_result_rbx;
	next_instruction(vp, &message->header);
	return REASON_CPUID;
}

static enum reason handle_msr(struct vp *vp, const void *payload)
{
	const struct hv_x64_msr_intercept_message *message = payload;

	/* As an MSR that is not implemented: see mshv_create(). */
	if (message->header.intercept_access_type == HV_INTERCEPT_ACCESS_READ) {
		vp->mshv.regs->rax = 0;
		vp->mshv.regs->rdx = 0;
	}
	next_instruction(vp, &message->header);
	return REASON_MSR;
}

/*
 * Where the local APICs are the hypervisor's, it waits for interrupts itself, and
 * tells of a VP only that no interrupt will wake. Other VPs may go on, as when Linux
 * powers off.
 */
static enum reason handle_halt(struct vp *vp)
{
	vp->halted = true;
	if (++vmm.nr_halted == vmm.nr_vps)
		end_run(VMM_CRASHED, "no VP of the guest can run any more");
	return REASON_HALT;
}

/* The instruction that a VP is at: the hypervisor's copy, or if it has none, ours. */
static unsigned int get_code(struct vp *vp, u8 code[MMIO_CODE_MAX],
			     const struct hv_x64_memory_intercept_message *memory)
{
	u8 count = memory->instruction_byte_count;
	unsigned int i;
	u8 *byte;

	if (count) {
		count = count < MMIO_CODE_MAX ? count : MMIO_CODE_MAX;
		memcpy(code, memory->instruction_bytes, count);
		return count;
	}
	vp->found = NULL;
	for (i = 0; i < MMIO_CODE_MAX; i++) {
		byte = linear_memory(vp, memory->header.cs_segment.base + memory->header.rip + i,
				     false);
		if (!byte)
			break;
		code[i] = *byte;
	}
	return i;
}

static const char *access_memory(struct vp *vp,
				 const struct hv_x64_memory_intercept_message *memory)
{
	const struct hv_x64_segment_register *cs = &memory->header.cs_segment;
	u8 code[MMIO_CODE_MAX];
	unsigned int size;

	if (ram_at(&vmm.ram, 1, memory->guest_physical_address, 1))
		return "the kernel could not provide the memory";
	if (memory->header.intercept_access_type == HV_INTERCEPT_ACCESS_EXECUTE)
		return "there is nothing";
	size = get_code(vp, code, memory);
	if (!(cs->_long || cs->_default) ||
	    !mmio_emulate(vp->mshv.regs, cs->_long, code, size))
		return "there is nothing, and it does so with no simple move";
	return NULL;
}

static enum reason handle_memory(struct vp *vp, const void *payload)
{
	const struct hv_x64_memory_intercept_message *memory = payload;
	static const char * const accesses[] = { "reads", "writes", "executes" };
	u8 access = memory->header.intercept_access_type;
	const char *wrong = access_memory(vp, memory);

	if (wrong)
		end_run(VMM_FAILED, "VP %u at 0x%llx %s guest physical address 0x%llx: %s",
			vp->mshv.index, (unsigned long long)memory->header.rip,
			access < ARRAY_SIZE(accesses) ? accesses[access] : "accesses",
			(unsigned long long)memory->guest_physical_address, wrong);
	return REASON_MMIO;
}

static enum reason handle_message(struct vp *vp)
{
	const struct hv_message *message = vp->mshv.message;
	const void *payload = message->u.payload;

	switch (message->header.message_type) {
	case HVMSG_X64_IO_PORT_INTERCEPT:
		return handle_io(vp, payload);
	case HVMSG_X64_CPUID_INTERCEPT:
		return handle_cpuid(vp, payload);
	case HVMSG_X64_MSR_INTERCEPT:
		return handle_msr(vp, payload);
	case HVMSG_X64_HALT:
		return handle_halt(vp);
	case HVMSG_X64_APIC_EOI:
		/* Nobody waits for the end of an interrupt. */
		return REASON_EOI;
	case HVMSG_UNMAPPED_GPA:
	case HVMSG_GPA_INTERCEPT:
		return handle_memory(vp, payload);
	case HVMSG_UNRECOVERABLE_EXCEPTION:
		end_run(VMM_CRASHED, "VP %u: triple fault", vp->mshv.index);
		return REASON_OTHER;
	default:
		end_run(VMM_FAILED, "VP %u sends message 0x%x, which this VMM does not know",
			vp->mshv.index, message->header.message_type);
		return REASON_OTHER;
	}
}

static u64 nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void run_once(struct vp *vp)
{
	enum reason reason = REASON_SIGNAL;
	u64 before = nanoseconds(CLOCK_MONOTONIC);
	int ret = mshv_run(&vp->mshv);

	vp->run_ns += nanoseconds(CLOCK_MONOTONIC) - before;
	vp->runs++;

	pthread_mutex_lock(&vmm.lock);
	if (!ret && !vp->mshv.regs->isvalid)
		end_run(VMM_FAILED, "VP %u: the hypervisor provides no registers",
			vp->mshv.index);
	else if (!ret)
		reason = handle_message(vp);
	else if (ret != -EINTR)
		end_run(VMM_FAILED, "VP %u cannot run: %s", vp->mshv.index, strerror(-ret));
	vp->reasons[reason]++;
	pthread_mutex_unlock(&vmm.lock);
}

/* The VP that this thread runs. */
static __thread struct vp *own_vp;

static void *vp_thread(void *argument)
{
	struct vp *vp = argument;
	sigset_t signals;

	own_vp = vp;
	sigemptyset(&signals);
	sigaddset(&signals, SIGNAL_END);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	while (!has_ended() && !vp->halted)
		run_once(vp);
	vp->cpu_ns = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static int make_memory(void)
{
	u64 size = vmm.options.memory;
	void *memory;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return vmm_say("no memory for the guest: %s", strerror(errno));
	/* It comes as it is touched: 2 MiB at once, where the kernel has such pages. */
	madvise(memory, size, MADV_HUGEPAGE);
	vmm.ram = (struct ram_slot) { .size = size, .host = memory };
	return mshv_add_memory(&vmm.mshv, 0, size, memory);
}

static int make(void)
{
	const struct vmm_options *options = &vmm.options;
	struct guest guest = {
		.kernel = options->kernel,
		.initrd = options->initrd,
		.append = options->append,
		.ram = &vmm.ram,
		.ram_slots = 1,
		.reserved_gpa = options->memory,
		.cpus = options->cpus,
		.local_apics_only = true,
	};
	struct boot boot;
	unsigned int i;

	if (mshv_create(&vmm.mshv, options->x2apic) || make_memory() ||
	    boot_load(&boot, &guest))
		return -1;
	for (i = 0; i < options->cpus; i++) {
		vmm.nr_vps++;
		if (mshv_create_vp(&vmm.mshv, &vmm.vps[i].mshv, i))
			return -1;
	}
	/* The others wait for it to start them. */
	if (mshv_set_start(&vmm.vps[0].mshv, &boot))
		return -1;
	uart_hold(options->prompt);
	if (uart_init(set_uart_irq, quit))
		return vmm_say("no thread for the console");
	return 0;
}

static int start(void)
{
	unsigned int i;

	for (i = 0; i < vmm.nr_vps; i++) {
		if (pthread_create(&vmm.vps[i].thread, NULL, vp_thread, &vmm.vps[i]))
			return vmm_say("no thread for VP %u", i);
		vmm.vps[i].running = true;
	}
	return 0;
}

static void wait_for_end(const sigset_t *signals)
{
	int which;

	alarm(vmm.options.timeout);
	while (!has_ended()) {
		sigwait(signals, &which);
		pthread_mutex_lock(&vmm.lock);
		if (which == SIGALRM)
			end_run(VMM_TIMEOUT, "the guest has not ended within %u seconds",
				vmm.options.timeout);
		else if (which == SIGNAL_QUIT)
			end_run(VMM_OFF, "ended by Ctrl-A x");
		else if (which != SIGNAL_END)
			end_run(VMM_SIGNAL + which, "ended by signal %d", which);
		pthread_mutex_unlock(&vmm.lock);
	}
}

/*
 * A kernel without run pages does not notice a signal that comes just before
 * MSHV_RUN_VP, so there is another one as long as it takes. Returns whether the VP has
 * stopped.
 */
static bool stop_vp(struct vp *vp)
{
	const long ns = END_RETRY_MS * 1000000L;
	struct timespec until;
	unsigned int tries;

	for (tries = 0; tries < END_TRIES; tries++) {
		if (!tries || !vp->mshv.run)
			pthread_kill(vp->thread, SIGNAL_END);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += ns;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!pthread_timedjoin_np(vp->thread, NULL, &until))
			return true;
	}
	vmm_say("VP %u does not stop", vp->mshv.index);
	return false;
}

static bool stop_all(void)
{
	bool stopped = true;
	unsigned int i;

	__atomic_store_n(&vmm.ended, true, __ATOMIC_RELEASE);
	for (i = 0; i < vmm.nr_vps; i++)
		if (vmm.vps[i].running && !stop_vp(&vmm.vps[i]))
			stopped = false;
	return stopped;
}

static void print_stats(const struct vp *vp)
{
	char text[256];
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < REASONS; i++)
		used += snprintf(text + used, sizeof(text) - used, " %s=%llu", reason_names[i],
				 (unsigned long long)vp->reasons[i]);
	vmm_say("stats vp=%u runs=%llu%s run-us=%llu cpu-us=%llu", vp->mshv.index,
		(unsigned long long)vp->runs, text, (unsigned long long)vp->run_ns / 1000,
		(unsigned long long)vp->cpu_ns / 1000);
}

/* What there is to say about the VPs, which do not run any more. */
static void report(int end)
{
	unsigned int i;

	for (i = 0; i < vmm.nr_vps; i++) {
		if (end != VMM_OFF && vmm.vps[i].running && vmm.vps[i].mshv.regs->isvalid)
			vmm_say("VP %u was at 0x%llx", i,
				(unsigned long long)vmm.vps[i].mshv.regs->rip);
		if (vmm.options.stats)
			print_stats(&vmm.vps[i]);
	}
}

static void close_all(void)
{
	unsigned int i;

	for (i = 0; i < vmm.nr_vps; i++)
		mshv_close_vp(&vmm.vps[i].mshv);
	mshv_close(&vmm.mshv);
	if (vmm.ram.host)
		munmap(vmm.ram.host, vmm.ram.size);
}

static void on_end(int which)
{
	(void)which;
	if (own_vp)
		mshv_kick(&own_vp->mshv);
}

static int run(void)
{
	const struct sigaction action = { .sa_handler = on_end };
	sigset_t signals;

	/* This thread waits for them, the others are not to notice. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGNAL_END);
	sigaddset(&signals, SIGNAL_QUIT);
	sigaddset(&signals, SIGALRM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	sigaction(SIGNAL_END, &action, NULL);
	vmm.main = pthread_self();

	vmm.end = VMM_FAILED;
	if (!make() && !start())
		wait_for_end(&signals);
	/* One that does not stop keeps all it has, until the kernel ends it. */
	if (!stop_all())
		return VMM_FAILED;
	report(vmm.end);
	close_all();
	return vmm.end;
}

int main(int argc, char **argv)
{
	int end;

	if (vmm_options_parse(&vmm.options, argc, argv))
		return VMM_USAGE;
	if (vmm.options.help) {
		vmm_options_help();
		return VMM_OFF;
	}
	end = run();
	uart_exit();

	/* Not exit(): the console has a thread of its own. */
	fflush(NULL);
	_exit(end);
}
