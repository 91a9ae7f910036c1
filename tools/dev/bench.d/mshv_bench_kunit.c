// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver's paths take, in instructions: for tools/dev/bench only.
 *
 * Under QEMU's -icount with a shift of 0 an instruction takes a nanosecond, so that
 * ktime counts them, in each run the same. The same file is built with the base kernel's
 * driver, for which tools/dev/reproduce.d stands in, and with ours.
 *
 * The fake hypervisor makes partitions and VPs. While something is counted, one of the
 * light handlers below has its place at the static call: what they take is counted with
 * the driver, and is the same for both drivers.
 */

#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mman.h>
#include <linux/percpu.h>
#include <linux/static_call.h>
#include <kunit/resource.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

/* So often in a round; of so many, the shortest: a timer has ticked in some others. */
#define TIMES		32
#define ROUNDS		64
/* Threads have to be started for these. */
#define SLEEPS		12
/* What happens inside of one ioctl is counted over so many of it. */
#define INSIDE		16

#define GSI		7
#define VECTOR		0x41

/* MSHV_VP_MMAP_OFFSET_RUN, which the base kernel's header lacks. */
#define RUN_PAGE	3

struct mshv_bench {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	unsigned int vps;
	unsigned int partitions;
	/* The VP that is run: the last one. */
	struct mshv_vmm_vp *vp;
	struct mshv_vmm_vp *all[MSHV_MAX_VPS];
	u64 signals[MSHV_MAX_VPS];
	struct file **files;
	unsigned int nr_files;
	struct eventfd_ctx *eventfd;
	void *hypercall;
	/* What it takes to call a function that does nothing. */
	u64 nothing;
};

static const struct mshv_bench_case {
	const char *name;
	unsigned int vps;
	unsigned int partitions;
} mshv_bench_cases[] = {
	{ "1 VP", 1, 1 },
	{ "64 VPs", 64, 1 },
	{ "256 VPs", 256, 1 },
	{ "1000 partitions", 1, 1000 },
};

KUNIT_ARRAY_PARAM_DESC(mshv_bench, mshv_bench_cases, name);

/*
 * The light hypervisor
 */

/* What is in the message slot of the only CPU, and of which type it is. */
static u32 light_type;
/* Dispatches that come to something else before there is an intercept. */
static unsigned int light_inside, light_left;
/* When a VP was dispatched after its sleep. */
static u64 light_awake;

static struct hv_message *light_slot(void)
{
	struct hv_message_page *page = per_cpu_ptr(synic_pages, 0)->hyp_synic_message_page;

	return &page->sint_message[HV_SYNIC_INTERCEPTION_SINT_INDEX];
}

/* The message that was put into the slot arrives; its type is all that was cleared. */
static void light_message(void)
{
	unsigned long flags;

	local_irq_save(flags);
	WRITE_ONCE(light_slot()->header.message_type, light_type);
	mshv_isr();
	local_irq_restore(flags);
}

static u64 light_done(u64 control)
{
	u64 reps = control >> HV_HYPERCALL_REP_COMP_OFFSET & 0xfff;

	return reps << HV_HYPERCALL_REP_COMP_OFFSET;
}

static u64 light_outcome(u64 output, u32 state, u32 event)
{
	struct hv_output_dispatch_vp *out = __va(output);

	out->dispatch_state = state;
	out->dispatch_event = event;
	return HV_STATUS_SUCCESS;
}

static u64 light_intercept(u64 output)
{
	light_left = light_inside;
	return light_outcome(output, HV_VP_DISPATCH_STATE_READY,
			     HV_VP_DISPATCH_EVENT_INTERCEPT);
}

/* Dispatches end because the CPU is wanted, and then by an intercept. */
static u64 light_runs(u64 control, u64 input, u64 output)
{
	if ((control & 0xffff) != HVCALL_DISPATCH_VP)
		return light_done(control);
	if (!light_left)
		return light_intercept(output);
	light_left--;
	return light_outcome(output, HV_VP_DISPATCH_STATE_READY, 0);
}

/* Dispatches find the VP halted, and the message that it is not any more is here. */
static u64 light_halts(u64 control, u64 input, u64 output)
{
	if ((control & 0xffff) != HVCALL_DISPATCH_VP)
		return light_done(control);
	if (!light_left)
		return light_intercept(output);
	light_left--;
	light_outcome(output, HV_VP_DISPATCH_STATE_BLOCKED, 0);
	light_message();
	return HV_STATUS_SUCCESS;
}

/* The VP sleeps, and is woken by somebody else. */
static u64 light_sleeps(u64 control, u64 input, u64 output)
{
	if ((control & 0xffff) != HVCALL_DISPATCH_VP)
		return light_done(control);
	if (!light_left) {
		light_awake = ktime_get_ns();
		return light_intercept(output);
	}
	light_left--;
	return light_outcome(output, HV_VP_DISPATCH_STATE_BLOCKED, 0);
}

/* The hypervisor runs the VP as soon as it is resumed, up to an intercept. */
static u64 light_resumes(u64 control, u64 input, u64 output)
{
	if ((control & 0xffff) == HVCALL_SET_VP_REGISTERS)
		light_message();
	return light_done(control);
}

static void light(struct mshv_bench *b, u64 (*answer)(u64, u64, u64), unsigned int inside)
{
	light_inside = inside;
	light_left = inside;
	static_call_update(hv_hypercall, answer);
}

static struct mshv_vp *driver_vp(const struct mshv_vmm_vp *vp)
{
	return vp->file->private_data;
}

/* From here on the fake knows of nothing, until it is told that nothing has been. */
static void begin(struct mshv_bench *b)
{
	unsigned int i;

	for (i = 0; i < b->vps; i++)
		b->signals[i] = atomic64_read(&driver_vp(b->all[i])->sched.signal_count);
	b->hypercall = static_call_query(hv_hypercall);
}

static void end(struct mshv_bench *b)
{
	unsigned int i;

	static_call_update(hv_hypercall, b->hypercall);
	for (i = 0; i < b->vps; i++)
		atomic64_set(&driver_vp(b->all[i])->sched.signal_count, b->signals[i]);
}

/* What arrives next is a pair message about the VP that is run. */
static void tell_pair(struct mshv_bench *b)
{
	struct hv_message *slot = light_slot();
	struct hv_vp_signal_pair_scheduler_message *pairs = (void *)slot->u.payload;

	memset(slot, 0, sizeof(*slot));
	pairs->vp_count = 1;
	pairs->partition_ids[0] = mshv_vmm_partition_id(b->vmm);
	pairs->vp_indexes[0] = b->vp->index;
	light_type = HVMSG_SCHEDULER_VP_SIGNAL_PAIR;
}

/* A bitset message about the first VPs. */
static void tell_bitset(struct mshv_bench *b, unsigned int count)
{
	struct hv_message *slot = light_slot();
	struct hv_vp_signal_bitset_scheduler_message *bitset = (void *)slot->u.payload;
	struct hv_vpset *set = &bitset->vp_bitset.bitset;

	memset(slot, 0, sizeof(*slot));
	bitset->vp_count = count;
	bitset->partition_id = mshv_vmm_partition_id(b->vmm);
	set->format = HV_GENERIC_SET_SPARSE_4K;
	set->valid_bank_mask = 1;
	set->bank_contents[0] = GENMASK_ULL(count - 1, 0);
	light_type = HVMSG_SCHEDULER_VP_SIGNAL_BITSET;
}

/* An intercept of the VP that is run, as the hypervisor path has it. */
static void tell_intercept(struct mshv_bench *b)
{
	struct hv_message *slot = light_slot();
	struct hv_opaque_intercept_message *opaque = (void *)slot->u.payload;

	memset(slot, 0, sizeof(*slot));
	slot->header.sender = mshv_vmm_partition_id(b->vmm);
	opaque->vp_index = b->vp->index;
	light_type = HVMSG_OPAQUE_INTERCEPT;
}

/*
 * Counting
 */

static u64 count(struct mshv_bench *b, void (*once)(struct mshv_bench *b))
{
	u64 start, least = U64_MAX;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		start = ktime_get_ns();
		for (i = 0; i < TIMES; i++)
			once(b);
		least = min(least, ktime_get_ns() - start);
	}

	return least;
}

/* Tools/dev/bench.d/report.py reads this. */
static void report(struct mshv_bench *b, const char *what, u64 instructions,
		   unsigned int times)
{
	pr_info("mshv_bench: %s: vps %u partitions %u instructions %llu times %u\n", what,
		b->vps, b->partitions, instructions, times);
}

static void bench(struct mshv_bench *b, const char *what, void (*once)(struct mshv_bench *b))
{
	report(b, what, count(b, once) - b->nothing, TIMES);
}

static void nothing(struct mshv_bench *b)
{
}

static void hypercall(struct mshv_bench *b)
{
	unsigned long flags;
	void *input;

	local_irq_save(flags);
	input = *this_cpu_ptr(hyperv_pcpu_input_arg);
	hv_do_hypercall(HVCALL_GET_SYSTEM_PROPERTY, input, input);
	local_irq_restore(flags);
}

/* One that no VP knows. */
static void ioctl(struct mshv_bench *b)
{
	b->vp->file->f_op->unlocked_ioctl(b->vp->file, 0xffff, 0);
}

static void run(struct mshv_bench *b)
{
	mshv_vmm_run(b->vp, NULL);
}

static void message(struct mshv_bench *b)
{
	light_message();
}

static void interrupt(struct mshv_bench *b)
{
	eventfd_signal(b->eventfd);
	/* The VP has taken it. */
	driver_vp(b->vp)->vp_register_page->interrupt_vectors.as_uint64 = 0;
}

static void bench_floors(struct mshv_bench *b)
{
	b->nothing = count(b, nothing);
	light(b, light_runs, 0);
	bench(b, "bare hypercall", hypercall);
	bench(b, "bare ioctl", ioctl);
}

static void bench_root_runs(struct mshv_bench *b)
{
	u64 single, many;

	light(b, light_runs, 0);
	single = count(b, run);
	report(b, "run to an intercept", single - b->nothing, TIMES);

	light(b, light_runs, INSIDE);
	many = count(b, run);
	report(b, "each further dispatch", many - single, TIMES * INSIDE);

	tell_pair(b);
	light(b, light_halts, INSIDE);
	many = count(b, run);
	report(b, "blocked, kicked at once", many - single, TIMES * INSIDE);
}

/* From the message about a VP whose thread sleeps to the VP's dispatch. */
static void bench_root_sleep(struct mshv_bench *b)
{
	u64 start, least = U64_MAX;
	unsigned int i;

	tell_pair(b);
	for (i = 0; i < SLEEPS; i++) {
		light(b, light_sleeps, 1);
		mshv_vmm_start(b->vp);
		KUNIT_ASSERT_TRUE(b->test, mshv_vmm_wait_asleep(b->vp));
		start = ktime_get_ns();
		light_message();
		KUNIT_ASSERT_EQ(b->test, mshv_vmm_join(b->vp, NULL), 0);
		least = min(least, light_awake - start);
	}
	report(b, "asleep, kicked, dispatched", least, 1);
}

static void bench_root_messages(struct mshv_bench *b)
{
	light(b, light_runs, 0);
	tell_pair(b);
	bench(b, "message about 1 VP", message);
	if (b->vps >= 64) {
		tell_bitset(b, 64);
		bench(b, "message about 64 VPs", message);
	}
}

static void bench_root_interrupts(struct mshv_bench *b)
{
	KUNIT_ASSERT_EQ(b->test, mshv_vmm_route(b->vmm, GSI, b->vp->index, VECTOR), 0);
	b->eventfd = mshv_vmm_irqfd(b->vmm, GSI);

	light(b, light_runs, 0);
	bench(b, "irqfd, posted", interrupt);
	mshv_vmm_set_ext_features(b->vmm, 0);
	bench(b, "irqfd, by hypercall", interrupt);
}

/* Where the kernel has one. */
static void bench_run_page(struct mshv_bench *b)
{
	if (IS_ERR_VALUE(mshv_vmm_mmap(b->vp, RUN_PAGE, 1, MAP_SHARED)))
		return;
	light(b, light_runs, 0);
	bench(b, "run to an intercept, run page mapped", run);
}

/*
 * Setting it up
 */

static void put_files(void *data)
{
	struct mshv_bench *b = data;

	while (b->nr_files)
		__fput_sync(b->files[--b->nr_files]);
}

static void more_partitions(struct mshv_bench *b)
{
	unsigned int i;
	int fd;

	b->files = kunit_kcalloc(b->test, b->partitions, sizeof(*b->files), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(b->test, b->files);
	KUNIT_ASSERT_EQ(b->test, 0, kunit_add_action_or_reset(b->test, put_files, b));
	for (i = 1; i < b->partitions; i++) {
		fd = mshv_vmm_try_create(b->vmm);
		KUNIT_ASSERT_GE(b->test, fd, 0);
		b->files[b->nr_files++] = fget(fd);
		close_fd(fd);
		flush_delayed_fput();
	}
}

static struct mshv_bench *setup(struct kunit *test, const struct mshv_sched_ops *ops)
{
	const struct mshv_bench_case *c = test->param_value;
	struct mshv_bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->test = test;
	b->vps = c->vps;
	b->partitions = c->partitions;
	b->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	hv_fake_reserve(b->fake, b->partitions, b->vps);
	mshv_vmm_use(test, ops);
	b->vmm = mshv_vmm_create(test, b->fake);
	mshv_vmm_set_ext_features(b->vmm, HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE);
	for (i = 0; i < b->vps; i++)
		b->all[i] = mshv_vmm_create_vp(b->vmm, i);
	b->vp = b->all[b->vps - 1];
	more_partitions(b);
	return b;
}

static void mshv_bench_root(struct kunit *test)
{
	const struct hv_fake_outcome intercept = {
		.state = HV_VP_DISPATCH_STATE_READY,
		.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
		.message_type = HVMSG_X64_HALT,
	};
	struct mshv_bench *b = setup(test, &mshv_sched_root_ops);
	struct hv_message msg;

	/* With the fake: what is asked or done once only is over. */
	hv_fake_vp_start(b->vp->hv);
	hv_fake_vp_script(b->vp->hv, &intercept, 1);
	KUNIT_ASSERT_EQ(test, mshv_vmm_run(b->vp, &msg), 0);

	begin(b);
	bench_floors(b);
	bench_root_runs(b);
	bench_root_sleep(b);
	bench_root_messages(b);
	bench_root_interrupts(b);
	bench_run_page(b);
	end(b);
}

static void mshv_bench_hyp(struct kunit *test)
{
	struct mshv_bench *b = setup(test, &mshv_sched_hyp_ops);

	begin(b);
	b->nothing = count(b, nothing);
	tell_intercept(b);
	light(b, light_resumes, 0);
	bench(b, "hypervisor path: run to an intercept", run);
	end(b);
}

static struct kunit_case mshv_bench_test_cases[] = {
	KUNIT_CASE_PARAM_ATTR(mshv_bench_root, mshv_bench_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(mshv_bench_hyp, mshv_bench_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite mshv_bench_test_suite = {
	.name = "mshv_bench",
	.test_cases = mshv_bench_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_bench_test_suite);
