// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mshv_sched_signal.c and of the message handler around it: messages
 * of the hypervisor, honest and hostile, delivered to mshv_isr() in a hard
 * interrupt.
 *
 * Whether a VP was kicked is seen by its signal count: the destruction of its
 * partition waits for the hypervisor's own count, so a kick that was missed or
 * given twice would show there too.
 */

#include <linux/bits.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_log.h"

#define UNKNOWN_PARTITION	0x7777777777ULL

/* VPs of every bank that a partition can have, and the last there can be. */
static const u32 mshv_signal_vps[] = { 0, 1, 63, 64, 130, 255 };

#define NR_VPS	ARRAY_SIZE(mshv_signal_vps)

struct mshv_signal_test {
	struct kunit *test;
	struct hv_fake *fake;
	/* Two partitions with the same VPs. */
	struct mshv_vmm *vmm[2];
	struct mshv_vmm_vp *vp[2][NR_VPS];
	u64 seen[2][NR_VPS];
	struct hv_message msg;
	struct hv_vp_signal_pair_scheduler_message *pairs;
	struct hv_vp_signal_bitset_scheduler_message *bitset;
};

static int mshv_signal_test_init(struct kunit *test)
{
	struct mshv_signal_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int p, i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	hv_fake_reserve(t->fake, 2, 2 * NR_VPS);
	/* Where destruction does not wait for signals that the fake invented. */
	mshv_vmm_use(test, &mshv_sched_hyp_ops);
	for (p = 0; p < 2; p++) {
		t->vmm[p] = mshv_vmm_create(test, t->fake);
		for (i = 0; i < NR_VPS; i++)
			t->vp[p][i] = mshv_vmm_create_vp(t->vmm[p], mshv_signal_vps[i]);
	}
	t->pairs = (void *)t->msg.u.payload;
	t->bitset = (void *)t->msg.u.payload;
	test->priv = t;
	return 0;
}

static void begin(struct mshv_signal_test *t, u32 type)
{
	unsigned int p, i;

	memset(&t->msg, 0, sizeof(t->msg));
	t->msg.header.message_type = type;
	t->msg.header.payload_size = sizeof(t->msg.u.payload);
	for (p = 0; p < 2; p++)
		for (i = 0; i < NR_VPS; i++)
			t->seen[p][i] = mshv_vmm_kicks(t->vp[p][i]);
}

static void pair(struct mshv_signal_test *t, u64 partition, u32 vp)
{
	t->pairs->partition_ids[t->pairs->vp_count] = partition;
	t->pairs->vp_indexes[t->pairs->vp_count++] = vp;
}

/* Deliver it. These VPs, a mask for each partition, have one kick more. */
static void expect_kicks(struct mshv_signal_test *t, unsigned int first,
			 unsigned int second)
{
	unsigned int p, i, mask[2] = { first, second };

	KUNIT_EXPECT_TRUE_MSG(t->test, hv_fake_deliver(t->fake, &t->msg),
			      "not acknowledged");
	for (p = 0; p < 2; p++)
		for (i = 0; i < NR_VPS; i++)
			KUNIT_EXPECT_EQ_MSG(t->test,
					    mshv_vmm_kicks(t->vp[p][i]),
					    t->seen[p][i] + !!(mask[p] & BIT(i)),
					    "partition %u, VP %u", p,
					    mshv_signal_vps[i]);
}

#define ALL	(BIT(NR_VPS) - 1)

static u64 id(struct mshv_signal_test *t, unsigned int p)
{
	return mshv_vmm_partition_id(t->vmm[p]);
}

/* Pairs of both partitions, mixed. */
static void mshv_signal_pair(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	pair(t, id(t, 0), 0);
	pair(t, id(t, 1), 1);
	pair(t, id(t, 0), 255);
	expect_kicks(t, BIT(0) | BIT(5), BIT(1));
}

/* No pair at all. */
static void mshv_signal_pair_empty(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	expect_kicks(t, 0, 0);
}

/* As many pairs as there can be; the last one counts too. */
static void mshv_signal_pair_full(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	while (t->pairs->vp_count < HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT - 1)
		pair(t, UNKNOWN_PARTITION, 0);
	pair(t, id(t, 1), 64);
	expect_kicks(t, 0, BIT(3));
}

/*
 * Lengths that cannot be. Here the slot is all there is of the message page, so
 * that KASAN sees a look beyond it. VPs that are named inside the message are
 * kicked.
 */
static void mshv_signal_bounds(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;
	struct hv_message_page *pages[2], *slot;
	unsigned int cpu, i;

	slot = kunit_kzalloc(test, sizeof(struct hv_message), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slot);
	KUNIT_ASSERT_LE(test, nr_cpu_ids, ARRAY_SIZE(pages));
	for_each_possible_cpu(cpu) {
		pages[cpu] = per_cpu_ptr(synic_pages, cpu)->hyp_synic_message_page;
		per_cpu_ptr(synic_pages, cpu)->hyp_synic_message_page = slot;
	}

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	while (t->pairs->vp_count < HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT)
		pair(t, id(t, 0), 63);
	for (i = 0; i < HV_MESSAGE_MAX_PARTITION_VP_PAIR_COUNT - 1; i++)
		t->pairs->partition_ids[i] = UNKNOWN_PARTITION;
	t->pairs->vp_count = 255;
	expect_kicks(t, BIT(2), 0);

	/* Sixteen banks fit, and the mask names all sixty-four. */
	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = id(t, 0);
	t->bitset->vp_count = 1;
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	t->bitset->vp_bitset.bitset.valid_bank_mask = ~0ULL;
	t->bitset->vp_bitset.bitset_buffer[2] = BIT(1);
	expect_kicks(t, BIT(1), 0);

	for_each_possible_cpu(cpu)
		per_cpu_ptr(synic_pages, cpu)->hyp_synic_message_page = pages[cpu];
}

/* Unknown partition, unknown VP, VP that cannot be: the others are kicked. */
static void mshv_signal_unknown_between(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	pair(t, UNKNOWN_PARTITION, 0);
	pair(t, id(t, 0), 0);
	pair(t, id(t, 0), 2);
	pair(t, id(t, 0), 1);
	pair(t, UNKNOWN_PARTITION, 1);
	pair(t, id(t, 1), 256);
	pair(t, id(t, 1), 63);
	pair(t, id(t, 1), ~0u);
	pair(t, id(t, 1), 255);
	expect_kicks(t, BIT(0) | BIT(1), BIT(2) | BIT(5));

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = id(t, 1);
	t->bitset->vp_count = 8;
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	t->bitset->vp_bitset.bitset.valid_bank_mask = BIT_ULL(0) | BIT_ULL(2);
	t->bitset->vp_bitset.bitset_buffer[2] = BIT_ULL(2) | BIT_ULL(63) | BIT_ULL(1);
	t->bitset->vp_bitset.bitset_buffer[3] = BIT_ULL(0) | BIT_ULL(2);
	expect_kicks(t, 0, BIT(1) | BIT(2) | BIT(4));
}

/* A set with every bank and every VP, in one partition. */
static void mshv_signal_bitset(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;
	unsigned int i;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = id(t, 0);
	t->bitset->vp_count = 256;
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	t->bitset->vp_bitset.bitset.valid_bank_mask = 0xf;
	for (i = 0; i < 4; i++)
		t->bitset->vp_bitset.bitset_buffer[2 + i] = ~0ULL;
	expect_kicks(t, ALL, 0);
}

/* Empty sets: no bank, a bank without a VP, a count of none. */
static void mshv_signal_bitset_empty(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = id(t, 0);
	t->bitset->vp_count = 1;
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	expect_kicks(t, 0, 0);

	t->bitset->vp_bitset.bitset.valid_bank_mask = 1;
	expect_kicks(t, 0, 0);
}

/* The count says none and the set names one: a kick too many does no harm. */
static void mshv_signal_bitset_count(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = id(t, 0);
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	t->bitset->vp_bitset.bitset.valid_bank_mask = 1;
	t->bitset->vp_bitset.bitset_buffer[2] = 1;
	expect_kicks(t, BIT(0), 0);
}

/* A set for nobody, and sets in formats that are not defined for messages. */
static void mshv_signal_bitset_unusable(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;
	u64 format;

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->partition_id = UNKNOWN_PARTITION;
	t->bitset->vp_count = 1;
	t->bitset->vp_bitset.bitset.format = HV_GENERIC_SET_SPARSE_4K;
	t->bitset->vp_bitset.bitset.valid_bank_mask = 1;
	t->bitset->vp_bitset.bitset_buffer[2] = 1;
	expect_kicks(t, 0, 0);

	t->bitset->partition_id = id(t, 0);
	for (format = 1; format < 4; format++) {
		t->bitset->vp_bitset.bitset.format = format;
		expect_kicks(t, 0, 0);
	}
	t->bitset->vp_bitset.bitset.format = ~0ULL;
	expect_kicks(t, 0, 0);
}

/*
 * Messages that nobody claims: each is acknowledged, is told of, and does not
 * keep the next one from its VP.
 */
static const struct mshv_signal_unclaimed_case {
	const char *name;
	u32 type;
	u32 word;
} mshv_signal_unclaimed_cases[] = {
	{ "unknown type", 0x80001234 },
	{ "intercept of an unknown partition", HVMSG_OPAQUE_INTERCEPT },
	{ "completion for an unknown partition", HVMSG_ASYNC_CALL_COMPLETION },
	{ "EOI of an unknown partition", HVMSG_X64_APIC_EOI },
	{ "notification for another SINT", HVMSG_SYNIC_SINT_INTERCEPT, 4 },
};

KUNIT_ARRAY_PARAM_DESC(mshv_signal_unclaimed, mshv_signal_unclaimed_cases, name);

static void mshv_signal_unclaimed(struct kunit *test)
{
	const struct mshv_signal_unclaimed_case *c = test->param_value;
	struct mshv_signal_test *t = test->priv;

	begin(t, c->type);
	t->msg.header.sender = UNKNOWN_PARTITION;
	*(u32 *)t->msg.u.payload = c->word;
	expect_kicks(t, 0, 0);

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	pair(t, id(t, 0), 0);
	expect_kicks(t, BIT(0), 0);
}

/* Calls of a doorbell's callback. */
struct mshv_signal_rings {
	unsigned int count;
	int port;
	bool rcu_held;
};

static void mshv_signal_ring(int port, void *data)
{
	struct mshv_signal_rings *rings = data;

	rings->count++;
	rings->port = port;
	rings->rcu_held = rcu_read_lock_held();
}

/*
 * A doorbell's callback is given an ioeventfd, and nothing but the RCU read lock
 * keeps that from being freed: on PREEMPT_RT, messages are handled in a thread.
 */
static void mshv_signal_doorbell(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;
	struct mshv_signal_rings rings = { };
	struct port_table_info *info;
	int port;

	/* mshv_portid_free() frees it. */
	info = kzalloc_obj(*info);
	KUNIT_ASSERT_NOT_NULL(test, info);
	info->hv_port_type = HV_PORT_TYPE_DOORBELL;
	info->hv_port_doorbell.doorbell_cb = mshv_signal_ring;
	info->hv_port_doorbell.data = &rings;
	port = mshv_portid_alloc(info);
	if (port < 0)
		kfree(info);
	KUNIT_ASSERT_GT(test, port, 0);

	/* One that is not there any more does not stand in the way. */
	KUNIT_EXPECT_TRUE(test, hv_fake_doorbell(t->fake, port + 1));
	KUNIT_EXPECT_EQ(test, rings.count, 0);
	KUNIT_EXPECT_TRUE(test, hv_fake_doorbell(t->fake, port));
	KUNIT_EXPECT_EQ(test, rings.count, 1);
	KUNIT_EXPECT_EQ(test, rings.port, port);
	KUNIT_EXPECT_TRUE(test, rings.rcu_held);

	mshv_portid_free(port);
	KUNIT_EXPECT_TRUE(test, hv_fake_doorbell(t->fake, port));
	KUNIT_EXPECT_EQ(test, rings.count, 1);
}

/* An intercept for a VP that does not exist, or cannot. */
static void mshv_signal_intercept_unknown_vp(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;

	begin(t, HVMSG_OPAQUE_INTERCEPT);
	t->msg.header.sender = id(t, 0);
	*(u32 *)t->msg.u.payload = 5;
	expect_kicks(t, 0, 0);
	*(u32 *)t->msg.u.payload = 256;
	expect_kicks(t, 0, 0);
	*(u32 *)t->msg.u.payload = ~0u;
	expect_kicks(t, 0, 0);
}

/*
 * A message says that it could not hold all signals: every VP is looked after,
 * which here means that a thread whose VP has an intercept finds it, although
 * its own message was lost.
 */
static void mshv_signal_overflow(struct kunit *test)
{
	struct mshv_signal_test *t = test->priv;
	struct mshv_vmm_vp *vp = t->vp[1][4];
	struct kmsg_dump_iter log;
	struct hv_message msg;

	mshv_vmm_start(vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(vp));
	hv_fake_vp_intercept_held(vp->hv, HVMSG_X64_HALT, 0);

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	t->pairs->overflow_count = 3;
	pair(t, id(t, 0), 0);
	test_log_end(&log);
	expect_kicks(t, BIT(0), 0);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "with 3 signals too many"), 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, msg.header.message_type, HVMSG_X64_HALT);

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_BITSET);
	t->bitset->overflow_count = 1;
	expect_kicks(t, 0, 0);
}

/* For the callback, which is told of nothing but the CPU. */
static struct mshv_signal_test *leaving;

/* As the last CPU leaves the SynIC, it drains a message that has work begin. */
static int leave_synic(unsigned int cpu)
{
	if (cpu == cpumask_last(cpu_online_mask))
		KUNIT_EXPECT_TRUE(leaving->test, hv_fake_deliver(leaving->fake, &leaving->msg));
	return 0;
}

/*
 * When no message comes any more, nothing goes on that one has begun: it would run in
 * a module that has gone. The test takes precedence over that work, which is left
 * alone for a moment only, so it may take several rounds to see it.
 */
static void mshv_signal_stop(struct kunit *test)
{
	const unsigned int cpu = cpumask_last(cpu_online_mask);
	struct mshv_signal_test *t = test->priv;
	int saved = synic_cpuhp_online, round, ret;
	unsigned int busy = 0;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "messages are handled by a thread there");

	begin(t, HVMSG_SCHEDULER_VP_SIGNAL_PAIR);
	t->pairs->overflow_count = 1;
	leaving = t;
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	sched_set_fifo(current);
	for (round = 0; round < 10; round++) {
		ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "mshv_signal_kunit", NULL,
						leave_synic);
		KUNIT_EXPECT_GT(test, ret, 0);
		if (ret <= 0)
			break;
		synic_cpuhp_online = ret;
		mshv_synic_stop();
		busy += !!work_busy(&mshv_sched_look_all_work);
		flush_work(&mshv_sched_look_all_work);
	}
	sched_set_normal(current, 0);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	synic_cpuhp_online = saved;
	leaving = NULL;

	KUNIT_EXPECT_EQ(test, busy, 0);
}

static struct kunit_case mshv_signal_test_cases[] = {
	KUNIT_CASE(mshv_signal_pair),
	KUNIT_CASE(mshv_signal_pair_empty),
	KUNIT_CASE(mshv_signal_pair_full),
	KUNIT_CASE(mshv_signal_bounds),
	KUNIT_CASE(mshv_signal_unknown_between),
	KUNIT_CASE(mshv_signal_bitset),
	KUNIT_CASE(mshv_signal_bitset_empty),
	KUNIT_CASE(mshv_signal_bitset_count),
	KUNIT_CASE(mshv_signal_bitset_unusable),
	KUNIT_CASE_PARAM(mshv_signal_unclaimed, mshv_signal_unclaimed_gen_params),
	KUNIT_CASE(mshv_signal_doorbell),
	KUNIT_CASE(mshv_signal_intercept_unknown_vp),
	KUNIT_CASE(mshv_signal_overflow),
	KUNIT_CASE(mshv_signal_stop),
	{}
};

static struct kunit_suite mshv_signal_test_suite = {
	.name = "mshv_signal",
	.init = mshv_signal_test_init,
	.test_cases = mshv_signal_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_signal_test_suite);
