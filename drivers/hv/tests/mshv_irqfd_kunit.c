// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the way of an interrupt from an eventfd to a VP: posted in the VP's
 * register page where that is right, by hypercall where it is not. And of the way
 * back: a guest's write to a doorbell, which signals an eventfd.
 *
 * x86-64 only, as register pages are.
 */

#include <linux/delay.h>
#include <linux/eventfd.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "../mshv_sched.h"
#include "hv_fake.h"
#include "mshv_vmm.h"
#include "test_log.h"

#define GSI		7
#define OTHER_GSI	9
#define VECTOR		0x41
#define OTHER_VECTOR	0x52
#define DOORBELL	0xd0000000

/* Fields of the data of an MSI, as the APIC has them. */
#define MSI_LEVEL	BIT(15)
#define MSI_DELIVERY(x)	((x) << 8)

/* A bit of the address of an MSI, where mshv_vmm_route() has the APIC ID. */
#define MSI_LOGICAL	BIT(2)

struct mshv_irqfd_test {
	struct kunit *test;
	struct hv_fake *fake;
	struct mshv_vmm *vmm;
	struct mshv_vmm_vp *vp;
	struct hv_fake_vp *hv;
	struct eventfd_ctx *eventfd;
	struct hv_input_assert_virtual_interrupt last;
	unsigned int called;
};

static const struct hv_fake_outcome intercept = {
	.state = HV_VP_DISPATCH_STATE_READY,
	.event = HV_VP_DISPATCH_EVENT_INTERCEPT,
	.message_type = HVMSG_X64_HALT,
};

static const struct hv_fake_outcome halted = {
	.state = HV_VP_DISPATCH_STATE_BLOCKED,
};

static void mshv_irqfd_setup(struct kunit *test, const struct mshv_sched_ops *ops,
			     u32 features)
{
	struct mshv_irqfd_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->fake = hv_fake_install(test, HV_PARTITION_TYPE_L1VH);
	mshv_vmm_use(test, ops);
	t->vmm = mshv_vmm_create(test, t->fake);
	mshv_vmm_set_ext_features(t->vmm, features);
	t->vp = mshv_vmm_create_vp(t->vmm, 0);
	t->hv = t->vp->hv;
	test->priv = t;
}

static int mshv_irqfd_test_init(struct kunit *test)
{
	mshv_irqfd_setup(test, &mshv_sched_root_ops,
			 HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE);
	return 0;
}

/* The VP has run: the driver knows which APIC ID it has. */
static void run_once(struct mshv_irqfd_test *t)
{
	struct hv_message msg;

	hv_fake_vp_start(t->hv);
	hv_fake_vp_script(t->hv, &intercept, 1);
	KUNIT_ASSERT_EQ(t->test, mshv_vmm_run(t->vp, &msg), 0);
}

static void route_and_connect(struct mshv_irqfd_test *t, u32 apic_id, u32 data)
{
	KUNIT_ASSERT_EQ(t->test, mshv_vmm_route(t->vmm, GSI, apic_id, data), 0);
	t->eventfd = mshv_vmm_irqfd(t->vmm, GSI);
}

static unsigned int asserted(struct mshv_irqfd_test *t)
{
	return hv_fake_asserted(t->fake, mshv_vmm_partition_id(t->vmm), &t->last);
}

static u64 posted(struct mshv_irqfd_test *t)
{
	return READ_ONCE(hv_fake_vp_register_page(t->hv)->interrupt_vectors.as_uint64);
}

/* Posted: one vector in the page, which the next dispatch takes. */
static void mshv_irqfd_posted(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	run_once(t);
	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | VECTOR << 8);

	/* The same interrupt once more is the same interrupt. */
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | VECTOR << 8);

	run_once(t);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->hv, VECTOR), 1);
	KUNIT_EXPECT_EQ(test, asserted(t), 0);
}

/* Posted while the VP is halted: its thread wakes, no kick is needed. */
static void mshv_irqfd_wakes(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	run_once(t);
	route_and_connect(t, 0, VECTOR);
	hv_fake_vp_script(t->hv, &halted, 1);
	hv_fake_vp_script(t->hv, &intercept, 1);
	mshv_vmm_start(t->vp);
	KUNIT_ASSERT_TRUE(test, mshv_vmm_wait_asleep(t->vp));
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, mshv_vmm_join(t->vp, NULL), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->hv, VECTOR), 1);
	KUNIT_EXPECT_EQ(test, asserted(t), 0);
}

static void signal_eventfd(struct hv_fake *fake, void *data)
{
	struct mshv_irqfd_test *t = data;

	t->called++;
	eventfd_signal(t->eventfd);
}

/* While the VP runs it does not look at the page: by hypercall, and once. */
static void mshv_irqfd_while_dispatched(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct hv_fake_outcome outcome = intercept;
	struct hv_message msg;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no eventfd can be signalled with preemption off");

	run_once(t);
	route_and_connect(t, 0, VECTOR);
	outcome.running = signal_eventfd;
	outcome.data = t;
	hv_fake_vp_script(t->hv, &outcome, 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_run(t->vp, &msg), 0);
	KUNIT_EXPECT_EQ(test, t->called, 1);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.vector, VECTOR);
	KUNIT_EXPECT_EQ(test, posted(t), 0);

	run_once(t);
	KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->hv, VECTOR), 0);
}

/* The route names a VP that does not exist: the hypervisor is told. */
static void mshv_irqfd_no_such_vp(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	run_once(t);
	route_and_connect(t, 255, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.dest_addr, 255);
}

/*
 * No route, for GSI 0 and another: the event is dropped. Neither is vector 0
 * posted to VP 0 nor asserted.
 */
static void mshv_irqfd_without_route(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct eventfd_ctx *zero;

	run_once(t);
	t->eventfd = mshv_vmm_irqfd(t->vmm, GSI);
	zero = mshv_vmm_irqfd(t->vmm, 0);
	eventfd_signal(t->eventfd);
	eventfd_signal(zero);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 0);

	/* With a route, GSI 0 is one like any other. */
	KUNIT_EXPECT_EQ(test, mshv_vmm_route(t->vmm, 0, 0, OTHER_VECTOR), 0);
	eventfd_signal(zero);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | OTHER_VECTOR << 8);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | OTHER_VECTOR << 8);
}

/* All but fixed and edge triggered goes by hypercall, as it is. */
static const struct mshv_irqfd_delivery_case {
	const char *name;
	u32 data;
	bool logical;
	u32 type;
	bool level;
} mshv_irqfd_delivery_cases[] = {
	{ "lowest priority", VECTOR | MSI_DELIVERY(1), .type = 1 },
	{ "SMI", VECTOR | MSI_DELIVERY(2), .type = 2 },
	{ "NMI", VECTOR | MSI_DELIVERY(4), .type = 4 },
	{ "INIT", VECTOR | MSI_DELIVERY(5), .type = 5 },
	{ "ExtINT", VECTOR | MSI_DELIVERY(7), .type = 7 },
	{ "level triggered", VECTOR | MSI_LEVEL, .level = true },
	{ "logical destination", VECTOR, .logical = true },
};

KUNIT_ARRAY_PARAM_DESC(mshv_irqfd_delivery, mshv_irqfd_delivery_cases, name);

static void mshv_irqfd_delivery(struct kunit *test)
{
	const struct mshv_irqfd_delivery_case *c = test->param_value;
	struct mshv_irqfd_test *t = test->priv;

	run_once(t);
	/* The APIC ID lies above bit 12 of the address, this bit below. */
	KUNIT_ASSERT_EQ(test,
			mshv_vmm_route_to(t->vmm, GSI,
					  0xfee00000 | (c->logical ? MSI_LOGICAL : 0),
					  c->data), 0);
	t->eventfd = mshv_vmm_irqfd(t->vmm, GSI);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_ASSERT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.vector, VECTOR);
	KUNIT_EXPECT_EQ(test, t->last.control.interrupt_type, c->type);
	KUNIT_EXPECT_EQ(test, (bool)t->last.control.level_triggered, c->level);
	KUNIT_EXPECT_EQ(test, (bool)t->last.control.logical_dest_mode, c->logical);
}

/* The page is full: the eighth vector goes by hypercall, the seven stay. */
static void mshv_irqfd_page_full(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct eventfd_ctx *eventfd[HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT + 1];
	unsigned int i;

	run_once(t);
	for (i = 0; i < ARRAY_SIZE(eventfd); i++) {
		KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, GSI + i, 0, VECTOR + i), 0);
		eventfd[i] = mshv_vmm_irqfd(t->vmm, GSI + i);
	}
	for (i = 0; i < ARRAY_SIZE(eventfd); i++)
		eventfd_signal(eventfd[i]);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.vector, VECTOR + i - 1);

	run_once(t);
	for (i = 0; i < HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT; i++)
		KUNIT_EXPECT_EQ(test, hv_fake_vp_injected(t->hv, VECTOR + i), 1);
}

/*
 * The VMM writes nonsense to the page, which it may. A count that cannot be is
 * not followed: with KASAN that would be seen, and without, the vector that lies
 * behind the count's own seven would be taken for one that is posted already.
 */
static void mshv_irqfd_hostile_count(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	unsigned int count;

	run_once(t);
	route_and_connect(t, 0, 0);
	for (count = HV_VP_REGISTER_PAGE_MAX_VECTOR_COUNT + 1; count < 256; count++) {
		unsigned int before = asserted(t);

		/* A vector 0 is sure to be found on the stack behind the word. */
		WRITE_ONCE(hv_fake_vp_register_page(t->hv)->interrupt_vectors.as_uint64,
			   0xffffffffffffff00ULL | count);
		eventfd_signal(t->eventfd);
		KUNIT_EXPECT_EQ_MSG(test, asserted(t), before + 1, "count %u", count);
	}
	WRITE_ONCE(hv_fake_vp_register_page(t->hv)->interrupt_vectors.as_uint64, 0);
}

/* The APIC ID in the route is another VP's: no VP gets it in its page. */
static void mshv_irqfd_other_apic_id(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	hv_fake_vp_set_apic_id(t->hv, 16);
	run_once(t);
	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.dest_addr, 0);
}

/* The hypervisor does not tell APIC IDs: nothing is posted, nothing is lost. */
static void mshv_irqfd_apic_id_refused(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_GET_VP_INDEX_FROM_APIC_ID,
		.result = HV_STATUS_ACCESS_DENIED,
	});
	run_once(t);
	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	run_once(t);
	KUNIT_EXPECT_EQ(test,
			hv_fake_count(t->fake, HVCALL_GET_VP_INDEX_FROM_APIC_ID, 0), 1);
}

/* Before the VP has run nobody knows its APIC ID. */
static void mshv_irqfd_before_first_run(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
}

/* Without the feature, and where the hypervisor dispatches: by hypercall. */
static void mshv_irqfd_no_feature(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	mshv_vmm_set_ext_features(t->vmm, 0);
	run_once(t);
	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test,
			hv_fake_count(t->fake, HVCALL_GET_VP_INDEX_FROM_APIC_ID, 0), 0);
}

/* A new route counts from the moment it is set. */
static void mshv_irqfd_route_changes(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	run_once(t);
	route_and_connect(t, 0, VECTOR);
	KUNIT_EXPECT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, OTHER_VECTOR), 0);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | OTHER_VECTOR << 8);
	KUNIT_EXPECT_EQ(test, mshv_vmm_unroute(t->vmm), 0);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 1 | OTHER_VECTOR << 8);
	KUNIT_EXPECT_EQ(test, asserted(t), 0);
}

static bool acknowledge(struct mshv_irqfd_test *t, u32 vector)
{
	struct hv_message msg = {
		.header.message_type = HVMSG_X64_APIC_EOI,
		.header.payload_size = sizeof(struct hv_x64_apic_eoi_message),
		.header.sender = mshv_vmm_partition_id(t->vmm),
	};
	struct hv_x64_apic_eoi_message *eoi = (void *)msg.u.payload;

	eoi->interrupt_vector = vector;
	return hv_fake_deliver(t->fake, &msg);
}

/*
 * The guest acknowledges a level-triggered interrupt: the irqfd whose route has
 * that vector is told, and no other one, its GSI being what it may.
 */
static void mshv_irqfd_eoi(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_resample first, second;

	run_once(t);
	/* Each has the other's vector for its GSI. */
	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, OTHER_VECTOR, 0,
					     VECTOR | MSI_LEVEL), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, VECTOR, 0,
					     OTHER_VECTOR | MSI_LEVEL), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_irqfd_resample(t->vmm, OTHER_VECTOR, &first), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_irqfd_resample(t->vmm, VECTOR, &second), 0);

	eventfd_signal(first.event);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_TRUE(test, acknowledge(t, VECTOR));
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&first), 1);
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&second), 0);

	KUNIT_EXPECT_TRUE(test, acknowledge(t, OTHER_VECTOR));
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&first), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&second), 1);

	/* One that nobody waits for is acknowledged all the same. */
	KUNIT_EXPECT_TRUE(test, acknowledge(t, 0x99));
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&first), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&second), 0);
}

/*
 * Resampling is for level-triggered lines. A guest may make its line edge
 * triggered later: it gets what it asked for, and the host does not warn, which
 * would be found in its log.
 */
static void mshv_irqfd_resampler_edge(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_resample resample;
	struct kmsg_dump_iter log;

	/* By hypercall, which passes the mode on. */
	mshv_vmm_set_ext_features(t->vmm, 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, VECTOR), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_resample(t->vmm, GSI, &resample), -EINVAL);

	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, VECTOR | MSI_LEVEL), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_irqfd_resample(t->vmm, GSI, &resample), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, OTHER_VECTOR), 0);

	test_log_end(&log);
	eventfd_signal(resample.event);
	KUNIT_EXPECT_EQ(test, test_log_count(log, "WARNING: "), 0);
	KUNIT_ASSERT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.vector, OTHER_VECTOR);
	KUNIT_EXPECT_FALSE(test, (bool)t->last.control.level_triggered);
}

/*
 * The guest moves its line, or the VMM takes the route away, before the guest
 * has acknowledged the last interrupt: that one's vector still counts.
 */
static void mshv_irqfd_eoi_of_old_route(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_resample resample;

	KUNIT_ASSERT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, VECTOR | MSI_LEVEL), 0);
	KUNIT_ASSERT_EQ(test, mshv_vmm_irqfd_resample(t->vmm, GSI, &resample), 0);
	eventfd_signal(resample.event);

	KUNIT_EXPECT_EQ(test, mshv_vmm_route(t->vmm, GSI, 0, OTHER_VECTOR | MSI_LEVEL), 0);
	KUNIT_EXPECT_TRUE(test, acknowledge(t, VECTOR));
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&resample), 1);

	KUNIT_EXPECT_EQ(test, mshv_vmm_unroute(t->vmm), 0);
	KUNIT_EXPECT_TRUE(test, acknowledge(t, VECTOR));
	KUNIT_EXPECT_EQ(test, mshv_vmm_resampled(&resample), 1);
}

/*
 * One eventfd, two partitions: the second one is told, rather than left without
 * interrupts. It can have the eventfd once the first one is gone.
 */
static void mshv_irqfd_of_two_partitions(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm *second = mshv_vmm_create(test, t->fake);
	struct hv_input_assert_virtual_interrupt last;
	u64 id = mshv_vmm_partition_id(second);

	KUNIT_ASSERT_EQ(test, mshv_vmm_route(second, GSI, 3, OTHER_VECTOR), 0);
	route_and_connect(t, 0, VECTOR);
	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_shared(second, GSI, t->vmm), -EBUSY);
	/* Nothing of it is left: it is refused for the same reason again. */
	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_shared(second, OTHER_GSI, t->vmm), -EBUSY);
	KUNIT_EXPECT_EQ(test, mshv_vmm_route(second, GSI, 4, OTHER_VECTOR), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_shared(t->vmm, OTHER_GSI, t->vmm), -EBUSY);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_asserted(t->fake, id, &last), 0);

	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_deassign(t->vmm, GSI), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_irqfd_shared(second, GSI, t->vmm), 0);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_asserted(t->fake, id, &last), 1);
	KUNIT_EXPECT_EQ(test, last.vector, OTHER_VECTOR);
}

/*
 * The guest writes at the very moment at which its doorbell comes or goes. As the
 * hypervisor has taken the write, the VMM will see no intercept: the eventfd has
 * to be signalled, and no later than MSHV_IOEVENTFD returns from taking it away.
 */
static const struct mshv_irqfd_doorbell_case {
	const char *name;
	u16 during;
	bool held;
} mshv_irqfd_doorbell_cases[] = {
	{ "as soon as it is connected", HVCALL_CONNECT_PORT },
	{ "just before it is disconnected", HVCALL_DISCONNECT_PORT },
	{ "likewise, in the ring until its number is free",
	  HVCALL_DISCONNECT_PORT, .held = true },
};

KUNIT_ARRAY_PARAM_DESC(mshv_irqfd_doorbell, mshv_irqfd_doorbell_cases, name);

/* On PREEMPT_RT a thread handles what the hypervisor has to tell. */
static bool rings(const struct mshv_vmm_doorbell *doorbell)
{
	unsigned int ms;

	for (ms = 0; ms < (IS_ENABLED(CONFIG_PREEMPT_RT) ? 1000 : 1); ms++) {
		if (mshv_vmm_rung(doorbell))
			return true;
		usleep_range(1000, 2000);
	}
	return false;
}

static void mshv_irqfd_doorbell(struct kunit *test)
{
	const struct mshv_irqfd_doorbell_case *c = test->param_value;
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_doorbell doorbell;
	long on, off;
	bool rung;

	mshv_vmm_doorbell(t->vmm, &doorbell, DOORBELL);
	hv_fake_ring_during(t->fake, c->during, c->held);
	/* What is held stands in the event ring of one CPU, and is looked for there. */
	migrate_disable();
	on = mshv_vmm_doorbell_connect(t->vmm, &doorbell, true);
	rung = rings(&doorbell);
	off = mshv_vmm_doorbell_connect(t->vmm, &doorbell, false);
	if (c->during == HVCALL_DISCONNECT_PORT)
		rung = mshv_vmm_rung(&doorbell);
	hv_fake_deliver_held(t->fake);
	migrate_enable();

	KUNIT_EXPECT_EQ(test, on, 0);
	KUNIT_EXPECT_TRUE(test, rung);
	KUNIT_EXPECT_EQ(test, off, 0);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_DELETE_PORT, 0), 1);
}

/* The file of the partition is closed, while its VPs can still run. */
static void mshv_irqfd_doorbell_of_closed(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_doorbell doorbell[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(doorbell); i++) {
		mshv_vmm_doorbell(t->vmm, &doorbell[i], DOORBELL + 8 * i);
		KUNIT_ASSERT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell[i], true), 0);
	}
	mshv_vmm_close_partition(t->vmm);
	for (i = 0; i < ARRAY_SIZE(doorbell); i++)
		KUNIT_EXPECT_GE(test, mshv_vmm_rung(&doorbell[i]), 1);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_DELETE_PORT, 0), 2);
}

/* A doorbell that cannot be connected leaves no port, and can be tried again. */
static void mshv_irqfd_doorbell_refused(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;
	struct mshv_vmm_doorbell doorbell;

	mshv_vmm_doorbell(t->vmm, &doorbell, DOORBELL);
	hv_fake_fail(t->fake, &(struct hv_fake_fault) {
		.code = HVCALL_CONNECT_PORT,
		.nth = 1,
		.result = HV_STATUS_ACCESS_DENIED,
	});
	KUNIT_EXPECT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell, true),
			hv_result_to_errno(HV_STATUS_ACCESS_DENIED));
	KUNIT_EXPECT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, mshv_vmm_rung(&doorbell), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell, true), 0);
	KUNIT_EXPECT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell, true), -EEXIST);
	KUNIT_EXPECT_EQ(test, mshv_vmm_doorbell_connect(t->vmm, &doorbell, false), 0);
	KUNIT_EXPECT_EQ(test, hv_fake_count(t->fake, HVCALL_CREATE_PORT, 0),
			hv_fake_count(t->fake, HVCALL_DELETE_PORT, 0));
}

static struct kunit_case mshv_irqfd_test_cases[] = {
	KUNIT_CASE(mshv_irqfd_posted),
	KUNIT_CASE(mshv_irqfd_wakes),
	KUNIT_CASE(mshv_irqfd_while_dispatched),
	KUNIT_CASE(mshv_irqfd_no_such_vp),
	KUNIT_CASE(mshv_irqfd_without_route),
	KUNIT_CASE_PARAM(mshv_irqfd_delivery, mshv_irqfd_delivery_gen_params),
	KUNIT_CASE(mshv_irqfd_page_full),
	KUNIT_CASE(mshv_irqfd_hostile_count),
	KUNIT_CASE(mshv_irqfd_other_apic_id),
	KUNIT_CASE(mshv_irqfd_apic_id_refused),
	KUNIT_CASE(mshv_irqfd_before_first_run),
	KUNIT_CASE(mshv_irqfd_no_feature),
	KUNIT_CASE(mshv_irqfd_route_changes),
	KUNIT_CASE(mshv_irqfd_eoi),
	KUNIT_CASE(mshv_irqfd_eoi_of_old_route),
	KUNIT_CASE(mshv_irqfd_resampler_edge),
	KUNIT_CASE(mshv_irqfd_of_two_partitions),
	KUNIT_CASE_PARAM(mshv_irqfd_doorbell, mshv_irqfd_doorbell_gen_params),
	KUNIT_CASE(mshv_irqfd_doorbell_of_closed),
	KUNIT_CASE(mshv_irqfd_doorbell_refused),
	{}
};

static struct kunit_suite mshv_irqfd_test_suite = {
	.name = "mshv_irqfd",
	.init = mshv_irqfd_test_init,
	.test_cases = mshv_irqfd_test_cases,
};

/* Where the hypervisor dispatches VPs, it delivers every interrupt. */
static int mshv_irqfd_hyp_test_init(struct kunit *test)
{
	mshv_irqfd_setup(test, &mshv_sched_hyp_ops,
			 HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE);
	return 0;
}

static void mshv_irqfd_hyp_asserts(struct kunit *test)
{
	struct mshv_irqfd_test *t = test->priv;

	route_and_connect(t, 0, VECTOR);
	eventfd_signal(t->eventfd);
	KUNIT_EXPECT_EQ(test, posted(t), 0);
	KUNIT_EXPECT_EQ(test, asserted(t), 1);
	KUNIT_EXPECT_EQ(test, t->last.vector, VECTOR);
	KUNIT_EXPECT_EQ(test, t->last.dest_addr, 0);
}

static struct kunit_case mshv_irqfd_hyp_test_cases[] = {
	KUNIT_CASE(mshv_irqfd_hyp_asserts),
	{}
};

static struct kunit_suite mshv_irqfd_hyp_test_suite = {
	.name = "mshv_irqfd_hyp",
	.init = mshv_irqfd_hyp_test_init,
	.test_cases = mshv_irqfd_hyp_test_cases,
};

/* The way in force is read-only once the kernel has booted. */
kunit_test_init_section_suites(&mshv_irqfd_test_suite,
			       &mshv_irqfd_hyp_test_suite);
