/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small VMM for tests of /dev/mshv: a partition with a little memory, VPs, and
 * guest code that is written next to the test that runs it.
 *
 * Functions that return int return 0 (or a file descriptor) or a negative errno,
 * for tests that want to see it. Those that return nothing do what every test
 * needs first: where that fails they say so and end the test.
 *
 * A test knows what the hypervisor offers by asking for it. Nothing here knows
 * which hypervisor that is, or which scheduler is in force.
 */
#ifndef SELFTESTS_MSHV_VM_H
#define SELFTESTS_MSHV_VM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/stringify.h>

#include "mshv_hv.h"

#define PAGE		((size_t)MSHV_HV_PAGE_SIZE)
#define LARGE_PAGE	((size_t)0x200000)

/*
 * What is where in a guest. All of it can be reached in real mode: data by ES,
 * stacks by SS, and the first 64 KiB of what is no memory by DS, see vp_enter().
 */
#define GUEST_CODE		0x1000		/* up to GUEST_STUBS */
#define GUEST_STUBS		0x4000		/* of vm_take_interrupts() */
#define GUEST_TABLES		0x8000		/* page tables, four pages */
#define GUEST_GDT		0xc000
#define GUEST_IDT		0xd000
#define GUEST_DATA		0xe000		/* two pages for the tests */
#define GUEST_COUNTS		0xf000		/* interrupts by vector, u32 each */
#define GUEST_WINDOW_TABLES	0x10000		/* two pages, of vm_map_window() */
#define GUEST_STACKS		0x20000		/* 1 KiB for each of 64 VPs */
#define GUEST_RAM_SIZE		0x40000
#define GUEST_MMIO		0x90000		/* nothing is here */
#define GUEST_FREE		0x100000	/* nor from here on */
#define GUEST_WINDOW		0x40000000	/* linear, see vm_map_window() */

/* Ports by which guests talk to tests. */
#define PORT_REPORT		0xe4		/* EAX is a report */
#define PORT_IRQ		0xe5		/* AL is the vector that was taken */

/* For the text of guests: the local APIC's registers, by a 32-bit base. */
#define APIC_BASE		0xfee00000
#define APIC_EOI		0xb0
#define APIC_SVR		0xf0
#define APIC_ICR_LOW		0x300
#define APIC_ICR_HIGH		0x310
#define APIC_LVT_TIMER		0x320
#define APIC_INITIAL_COUNT	0x380
#define APIC_DIVIDE		0x3e0

/* Long mode: accept interrupts from now on. Uses RCX. */
#define GUEST_APIC_ON							\
	"mov $" __stringify(APIC_BASE) " + " __stringify(APIC_SVR) ", %ecx\n" \
	"movl $0x1ff, (%rcx)\n"

/* Any mode: tell the test the constant @value. Uses EAX. */
#define GUEST_REPORT(value)						\
	"mov $" __stringify(value) ", %eax\n"				\
	"out %eax, $" __stringify(PORT_REPORT) "\n"

enum guest_mode {
	GUEST_REAL,
	GUEST_PROTECTED,	/* flat, without paging */
	GUEST_LONG,		/* the first and the fourth GiB are where they are */
};

/* Assembly once for each of the modes in @list; see GUESTXX(). */
#define GUEST_ASSEMBLE(name, list, text)				\
	asm(".pushsection .rodata\n"					\
	    ".irp bits, " list "\n"					\
	    ".code\\bits\n"						\
	    ".balign 16\n"						\
	    #name "\\bits: " text "\n"					\
	    #name "\\bits\\()_end:\n"					\
	    ".endr\n"							\
	    ".code64\n"							\
	    ".popsection\n")

/**
 * GUESTXX() - guest code for each mode: of 16, 32 and 64 bits
 * @name: of a struct guest
 * @text: assembly, which assembles in all modes; runs at GUEST_CODE
 */
#define GUESTXX(name, text)						\
	extern const char name##_16[], name##_16_end[];			\
	extern const char name##_32[], name##_32_end[];			\
	extern const char name##_64[], name##_64_end[];			\
	GUEST_ASSEMBLE(name##_, "16, 32, 64", text);			\
	static const struct guest name = { {				\
		[GUEST_REAL] = { name##_16, name##_16_end },		\
		[GUEST_PROTECTED] = { name##_32, name##_32_end },		\
		[GUEST_LONG] = { name##_64, name##_64_end },		\
	} }

/* Likewise, for long mode alone. */
#define GUEST64(name, text)	GUEST64_AS(static, name, text)

/* One for all programs, which is declared below. */
#define GUEST64_SHARED(name, text)	GUEST64_AS(, name, text)

#define GUEST64_AS(storage, name, text)					\
	extern const char name##_64[], name##_64_end[];			\
	GUEST_ASSEMBLE(name##_, "64", text);				\
	storage const struct guest name = { {				\
		[GUEST_LONG] = { name##_64, name##_64_end },		\
	} }

struct guest {
	struct {
		const char *begin, *end;
	} code[GUEST_LONG + 1];
};

/* Reports 0x600d. */
extern const struct guest guest_hello;
/* Reports 1, and halts until it is interrupted, again and again. */
extern const struct guest guest_rests;
/* Reports 1, and adds to the word at RDI for ever. */
extern const struct guest guest_counts;

/**
 * struct vm - a partition
 * @fd: the partition; -1: there is none
 * @ram: its memory, at guest physical address 0, GUEST_RAM_SIZE bytes
 */
struct vm {
	int fd;
	unsigned char *ram;
};

/**
 * struct vp - a VP
 * @vm: whose
 * @fd: the VP; -1: there is none
 * @index: its number
 * @page: its register page, or NULL: registers are set by hypercalls
 * @run: its run page; NULL: this kernel has none
 * @msg: why its last run ended
 */
struct vp {
	struct vm *vm;
	int fd;
	u32 index;
	struct hv_vp_register_page *page;
	struct mshv_vp_run_page *run;
	struct hv_message msg;
};

#define VM_DEFAULT	(BIT(MSHV_PT_BIT_LAPIC) | BIT(MSHV_PT_BIT_X2APIC) | \
			 BIT(MSHV_PT_BIT_GPA_SUPER_PAGES))
#define MAP_RWX		(BIT(MSHV_SET_MEM_BIT_WRITABLE) | \
			 BIT(MSHV_SET_MEM_BIT_EXECUTABLE))

/* Why nothing can be tested here, or NULL. */
const char *mshv_missing(void);

int mshv_open(void);
int mshv_ioctl(int fd, unsigned long request, const void *arg);

/* Partitions. Each step as an ioctl would do it. */
int vm_create(struct vm *vm, u64 flags);
int vm_initialize(struct vm *vm);
int vm_map(struct vm *vm, u64 gpa, void *memory, size_t size, u8 flags);
int vm_unmap(struct vm *vm, u64 gpa, void *memory, size_t size);
int vm_add_vp(struct vm *vm, u32 index);

/* All of it: a partition with memory. */
void vm_start(struct vm *vm, u64 flags);
/*
 * Likewise, whose guest gets these of union hv_partition_synthetic_processor_features.
 * Return: 0 or -errno: then there is no partition.
 */
int vm_start_enlightened(struct vm *vm, u64 features);
/* Likewise, without the features that @args has disabled. */
void vm_start_without(struct vm *vm, const struct mshv_create_partition_v2 *args);
/* Closes what is open. VPs must be stopped with vp_stop() or be closed. */
void vm_stop(struct vm *vm);

/* Of Linux 5.14; a C library may be older. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

/* Memory that belongs to no file, zeroed. */
void *memory_get(size_t size);

/* A VP with its pages mapped. */
void vp_start(struct vm *vm, struct vp *vp, u32 index);
void vp_stop(struct vp *vp);

/**
 * vp_enter() - have a VP begin with a piece of guest code
 * @vp: which
 * @mode: how
 * @guest: what; copied to GUEST_CODE
 *
 * Interrupts are off. RSI points to GUEST_MMIO: in real mode DS does, and SI is
 * 0. RDI points to GUEST_DATA, by ES. The stack is the VP's own.
 */
void vp_enter(struct vp *vp, enum guest_mode mode, const struct guest *guest);

/* Likewise, the code being in place already. */
void vp_enter_at(struct vp *vp, enum guest_mode mode, u64 rip);
int vp_try_enter_at(struct vp *vp, enum guest_mode mode, u64 rip);

/* Copy guest code to @gpa, and say how long it is. */
size_t vm_load(struct vm *vm, u64 gpa, enum guest_mode mode, const struct guest *guest);

/**
 * vm_take_interrupts() - an interrupt table for long mode
 * @vm: whose
 *
 * Each vector from 32 on, and NMIs, are counted at GUEST_COUNTS and reported to
 * PORT_IRQ, and all but NMIs are ended at the local APIC, after that.
 */
void vm_take_interrupts(struct vm *vm);

/* Have a vector of the long mode's interrupt table lead to @gpa. */
void vm_set_gate(struct vm *vm, u8 vector, u64 gpa);

/* Map page @number of long mode's window, up to 511, to @gpa. */
void vm_map_window(struct vm *vm, unsigned int number, u64 gpa, u64 flags);
#define PTE_PRESENT	0x1
#define PTE_WRITABLE	0x2
#define PTE_UNCACHED	0x18
#define PTE_LARGE	0x80

/*
 * This thread is the one that runs the VP, so that KICK_SIGNAL ends the next run if it
 * comes between two. A VP has one such thread: those that share it share its kicks.
 */
void vp_own(struct vp *vp);

/*
 * MSHV_RUN_VP: 0 and the reason in vp->msg, or a negative errno. Owns the VP. A kick is
 * over after -EINTR.
 */
int vp_run(struct vp *vp);

/**
 * vp_run_to_port() - run until the guest writes to a port, and finish the write
 * @vp: which
 * @port: which
 * @value: set to what it wrote
 *
 * Return: 0; what MSHV_RUN_VP returned; or -EPROTO if the run ended with
 * anything else, which is said on stderr.
 */
int vp_run_to_port(struct vp *vp, u16 port, u32 *value);

/* Likewise, to its next report. */
int vp_run_to_report(struct vp *vp, u32 *value);

/* What vp->msg holds, where it is of the type that the name says. */
static inline const struct hv_x64_intercept_message_header *
vp_header(const struct vp *vp)
{
	return (const void *)vp->msg.u.payload;
}

static inline const struct hv_x64_io_port_intercept_message *
vp_io(const struct vp *vp)
{
	return (const void *)vp->msg.u.payload;
}

static inline const struct hv_x64_memory_intercept_message *
vp_memory(const struct vp *vp)
{
	return (const void *)vp->msg.u.payload;
}

/* An access to what is no memory, or not memory that allows it. */
static inline bool vp_met_memory(const struct vp *vp)
{
	return vp->msg.header.message_type == HVMSG_UNMAPPED_GPA ||
	       vp->msg.header.message_type == HVMSG_GPA_INTERCEPT;
}

/* Say on stderr what vp->msg holds. */
void vp_print_message(const struct vp *vp);

/* Registers, by the register page if there is one and it has them. */
u64 vp_get(struct vp *vp, u32 name);
void vp_set(struct vp *vp, u32 name, u64 value);

/* Registers by hypercall, on the VP's file. */
int vp_get_registers(struct vp *vp, const u32 *names,
		     union hv_register_value *values, unsigned int count);
int vp_set_registers(struct vp *vp, const struct hv_register_assoc *registers,
		     unsigned int count);

/* How large a buffer for a state must be: whole pages. */
size_t vp_state_size(struct vp *vp, u8 type);

/* MSHV_GET_VP_STATE, MSHV_SET_VP_STATE: with a page, or vp_state_size() for XSAVE. */
int vp_get_state(struct vp *vp, u8 type, void *page);
int vp_set_state(struct vp *vp, u8 type, const void *page);

/**
 * hv_call() - MSHV_ROOT_HVCALL without repetitions
 * @fd: the device, a partition or a VP
 * @code: HVCALL_*
 * @in: input
 * @in_size: its bytes
 * @out: output, or NULL
 * @out_size: its bytes
 * @status: set to the hypervisor's status unless NULL
 *
 * Return: 0 or -errno.
 */
int hv_call(int fd, u16 code, const void *in, size_t in_size,
	    void *out, size_t out_size, u16 *status);

/* Whether a status says that the hypervisor lacks what it was asked for. */
bool hv_lacks(u16 status);

int hv_get_property(int fd, u32 code, u64 *value, u16 *status);
int hv_set_property(int fd, u32 code, u64 value, u16 *status);

/* HVCALL_ASSERT_VIRTUAL_INTERRUPT at a VP, on the partition's file. */
int vm_assert(struct vm *vm, u32 type, u32 vp_index, u8 vector);

/* The way of an MSI to the local APIC of a VP, and the table of all there are. */
struct mshv_user_irq_entry vm_route(u32 gsi, u32 vp_index, u32 data);
int vm_set_routes(struct vm *vm, const struct mshv_user_irq_entry *entries, u32 count);
#define VM_ROUTES_MAX	4

/* MSHV_IRQFD: @event raises @gsi. */
int vm_set_irqfd(struct vm *vm, int event, u32 gsi, u32 flags);

/**
 * struct runner - a thread that runs a VP
 * @vp: which
 * @exit: called for an intercept that is none of the below. Returns 0 to go on,
 *	anything else to leave. NULL: such an intercept is a failure
 * @arg: for @exit
 * @irqs: writes to PORT_IRQ, by vector
 * @reports: writes to PORT_REPORT
 * @report: the last of them
 * @eois: HVMSG_X64_APIC_EOI that came to the VMM
 * @eoi_vector: of the last of them
 * @signals: runs that ended with -EINTR
 * @left: it runs no more
 * @result: 0, what MSHV_RUN_VP returned, or what @exit did
 * @stop: it is to leave
 * @thread: that thread
 */
struct runner {
	struct vp *vp;
	int (*exit)(struct runner *runner);
	void *arg;
	atomic_uint irqs[256];
	atomic_uint reports;
	atomic_uint report;
	atomic_uint eois;
	atomic_uint eoi_vector;
	atomic_uint signals;
	atomic_bool left;
	int result;
	atomic_bool stop;
	pthread_t thread;
};

void runner_start(struct runner *runner, struct vp *vp);
/* Stop it, wherever it is. Return: its result. */
int runner_stop(struct runner *runner);
/* The CPU time that its thread has taken, in ns. */
u64 runner_cpu_ns(const struct runner *runner);

/*
 * Ends a run of the thread that it is sent to: the one that is under way, or the next.
 * On a kernel without run pages, the one that is under way.
 */
#define KICK_SIGNAL	SIGUSR1
void kick_setup(void);
/*
 * Send a signal to the process each so many microseconds; 0: no more. One of them ends
 * a run that is under way: that of a VP which has got somewhere, or halted. What comes
 * between two runs is lost, and made up for by the next.
 */
void kick_every(unsigned int microseconds);

/* The time since some moment, by a clock that nobody sets. */
u64 milliseconds(void);

/*
 * Wait until @condition holds, however long that takes a slow machine. False
 * after so long that it will not come to pass.
 */
#define WAIT_SECONDS	60
#define wait_until(condition)	wait_seconds_until(WAIT_SECONDS, condition)
#define wait_seconds_until(seconds, condition)				\
({									\
	u64 wait_end = milliseconds() + (seconds) * 1000;		\
	bool wait_met;							\
									\
	for (;;) {							\
		wait_met = (condition);					\
		if (wait_met || milliseconds() >= wait_end)		\
			break;						\
		usleep(1000);						\
	}								\
	wait_met;							\
})

/* Random numbers that are the same each time, unless MSHV_SEED is set. */
u32 random_number(void);

/* A small guest runs to its end in a new partition: all is well. */
int vm_works(void);

#endif /* SELFTESTS_MSHV_VM_H */
