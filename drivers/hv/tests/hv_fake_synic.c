// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake hypervisor's messages: see hv_fake.h.
 *
 * A message arrives as a real one does: it is put into SINT0's slot of this
 * CPU's message page, and mshv_isr() is called by a hard interrupt handler,
 * with the rules that lockdep has for one.
 */

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/test.h>
#include <asm/mshyperv.h>

#include "../mshv_root.h"
#include "hv_fake_internal.h"

static struct hv_message *hv_fake_slot(unsigned int cpu)
{
	struct hv_message_page *page =
		per_cpu_ptr(synic_pages, cpu)->hyp_synic_message_page;

	return &page->sint_message[HV_SYNIC_INTERCEPTION_SINT_INDEX];
}

static void hv_fake_interrupt(struct hv_fake_post *post)
{
	struct hv_message *slot = hv_fake_slot(smp_processor_id());
	struct hv_message msg = post->msg;

	/* The type comes last: it says that the rest is there. */
	msg.header.message_type = HVMSG_NONE;
	*slot = msg;
	WRITE_ONCE(slot->header.message_type, post->msg.header.message_type);

	mshv_isr();

	/* There a thread of this CPU handles it, and cannot have run yet. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		post->acknowledged = true;
		return;
	}

	/*
	 * What is not acknowledged would block the slot for good. That is
	 * reported, and the slot is freed for the messages to come.
	 */
	post->acknowledged = READ_ONCE(slot->header.message_type) == HVMSG_NONE;
	if (!post->acknowledged)
		WRITE_ONCE(slot->header.message_type, HVMSG_NONE);
}

static void hv_fake_irq_asked(struct irq_work *work)
{
	hv_fake_interrupt(container_of(work, struct hv_fake_post, work));
}

static void hv_fake_irq_unasked(struct irq_work *work)
{
	struct hv_fake_post *post = container_of(work, struct hv_fake_post, work);
	struct hv_fake *fake = post->fake;

	hv_fake_interrupt(post);

	guard(raw_spinlock_irqsave)(&fake->lock);
	if (!post->acknowledged)
		fake->violations[HV_FAKE_MESSAGE]++;
	post->busy = false;
}

/**
 * hv_fake_post() - send a message from within a hypercall
 * @fake: the fake, its lock held
 * @msg: the message, copied
 *
 * It arrives on this CPU as soon as interrupts are on.
 */
void hv_fake_post(struct hv_fake *fake, const struct hv_message *msg)
{
	struct hv_fake_post *post;

	lockdep_assert_held(&fake->lock);

	for (post = fake->posts; post < fake->posts + HV_FAKE_MAX_MESSAGES; post++) {
		if (post->busy || irq_work_is_busy(&post->work))
			continue;
		post->busy = true;
		post->fake = fake;
		post->msg = *msg;
		post->work = IRQ_WORK_INIT_HARD(hv_fake_irq_unasked);
		irq_work_queue(&post->work);
		return;
	}

	/* So many at once, and none gets through: interrupts are off for long. */
	fake->violations[HV_FAKE_MESSAGE]++;
}

/* PREEMPT_RT: give the thread that handles messages time to do so. */
static bool hv_fake_wait_for_slot(unsigned int cpu)
{
	const struct hv_message *slot = hv_fake_slot(cpu);
	unsigned int ms;

	for (ms = 0; ms < 1000; ms++) {
		if (READ_ONCE(slot->header.message_type) == HVMSG_NONE)
			return true;
		usleep_range(1000, 2000);
	}

	return false;
}

/**
 * hv_fake_deliver() - deliver a message to this CPU
 * @fake: the fake
 * @msg: the message, hostile or not; if its msg_pending flag is set, the
 *	driver writes the EOM register, which on a machine without SynIC only
 *	works where the write is ignored
 *
 * Context: Any with interrupts on. Sleeps on PREEMPT_RT, if it may; if it may
 * not, the message is handled some time later there.
 * Return: whether the driver has acknowledged it, when it is over. Where it
 * has not, the slot is freed all the same.
 */
bool hv_fake_deliver(struct hv_fake *fake, const struct hv_message *msg)
{
	struct hv_fake_post post = {
		.work = IRQ_WORK_INIT_HARD(hv_fake_irq_asked),
		.fake = fake,
		.msg = *msg,
	};

	bool may_wait;
	unsigned int cpu;

	if (irqs_disabled()) {
		KUNIT_FAIL(fake->test, "a message delivered with interrupts off");
		return false;
	}

	may_wait = IS_ENABLED(CONFIG_PREEMPT_RT) && preemptible();

	/* On this CPU, so that it is over when the interrupt has returned. */
	scoped_guard(preempt) {
		cpu = smp_processor_id();
		irq_work_queue(&post.work);
		while (irq_work_is_busy(&post.work))
			cpu_relax();
	}

	if (may_wait)
		return hv_fake_wait_for_slot(cpu);

	return READ_ONCE(post.acknowledged);
}

/**
 * hv_fake_hold() - keep a message for hv_fake_deliver_held()
 * @fake: the fake
 * @msg: the message, copied
 *
 * Context: Any.
 */
void hv_fake_hold(struct hv_fake *fake, const struct hv_message *msg)
{
	bool kept = false;

	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		if (fake->nr_held < HV_FAKE_MAX_MESSAGES) {
			fake->held[fake->nr_held++] = *msg;
			kept = true;
		}
	}

	KUNIT_EXPECT_TRUE_MSG(fake->test, kept, "too many messages held back");
}

/**
 * hv_fake_deliver_held() - deliver what was held back, in that order
 * @fake: the fake
 *
 * Context: As hv_fake_deliver().
 * Return: how many were acknowledged.
 */
unsigned int hv_fake_deliver_held(struct hv_fake *fake)
{
	struct hv_message msg;
	unsigned int n = 0;

	for (;;) {
		scoped_guard(raw_spinlock_irqsave, &fake->lock) {
			if (!fake->nr_held)
				return n;
			msg = fake->held[0];
			fake->nr_held--;
			memmove(fake->held, fake->held + 1,
				fake->nr_held * sizeof(msg));
		}
		n += hv_fake_deliver(fake, &msg);
	}
}

/* Put a port into this CPU's event ring. Return: the message that tells of it. */
static struct hv_message hv_fake_ring(u32 port)
{
	struct hv_message msg = {
		.header.message_type = HVMSG_SYNIC_SINT_INTERCEPT,
		.header.payload_size = sizeof(struct hv_notification_message_payload),
	};
	struct hv_notification_message_payload *payload = (void *)msg.u.payload;
	const unsigned int sint = HV_SYNIC_DOORBELL_SINT_INDEX;
	struct hv_synic_event_ring *ring;
	u8 tail;

	payload->sint_index = sint;

	ring = &this_cpu_ptr(synic_pages)->synic_event_ring_page->sint_event_ring[sint];
	/* What came before has been taken: where the driver looks next is free. */
	tail = (*this_cpu_ptr(hv_synic_eventring_tail))[sint];
	WRITE_ONCE(ring->data[tail], port);

	return msg;
}

/**
 * hv_fake_doorbell() - put a port into this CPU's event ring, and tell the driver
 * @fake: the fake
 * @port: its number, which need not exist
 *
 * Context: As hv_fake_deliver().
 * Return: whether the driver has acknowledged the message.
 */
bool hv_fake_doorbell(struct hv_fake *fake, u32 port)
{
	struct hv_message msg;
	bool acknowledged;

	/* Both have to be of one CPU; on PREEMPT_RT it takes sleep to wait there. */
	migrate_disable();
	msg = hv_fake_ring(port);
	acknowledged = hv_fake_deliver(fake, &msg);
	migrate_enable();

	return acknowledged;
}

/**
 * hv_fake_ring_during() - have a guest ring doorbells that come or go
 * @fake: the fake
 * @code: HVCALL_CONNECT_PORT: as soon as it is connected, before the caller knows;
 *	HVCALL_DISCONNECT_PORT: at the last moment; 0: not any more
 * @held: the driver is told at hv_fake_deliver_held(), to be called on the same
 *	CPU; otherwise as soon as interrupts are on
 *
 * Context: Any.
 */
void hv_fake_ring_during(struct hv_fake *fake, u16 code, bool held)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->ring_during = code;
	fake->ring_held = held;
}

static void hv_fake_ring_if_due(struct hv_fake *fake, u16 code, u32 port)
{
	struct hv_message msg;

	lockdep_assert_held(&fake->lock);

	if (fake->ring_during != code)
		return;
	msg = hv_fake_ring(port);
	if (!fake->ring_held)
		hv_fake_post(fake, &msg);
	else if (fake->nr_held < HV_FAKE_MAX_MESSAGES)
		fake->held[fake->nr_held++] = msg;
	else
		fake->violations[HV_FAKE_MESSAGE]++;
}

/* The port of a number, or a free one for 0. */
static struct hv_fake_port *hv_fake_find_port(struct hv_fake *fake, u32 id)
{
	struct hv_fake_port *port;

	for (port = fake->ports; port < fake->ports + HV_FAKE_MAX_PORTS; port++)
		if (port->id == id)
			return port;

	return NULL;
}

static u64 hv_fake_create_port(struct hv_fake *fake, const struct hv_fake_request *rq)
{
	const struct hv_input_create_port *in = rq->input;
	struct hv_fake_port *port = hv_fake_find_port(fake, 0);

	if (!in->port_id.u.id || hv_fake_find_port(fake, in->port_id.u.id))
		return HV_STATUS_INVALID_PORT_ID;
	if (!port)
		return HV_STATUS_INSUFFICIENT_BUFFERS;

	*port = (struct hv_fake_port) {
		.id = in->port_id.u.id,
		.partition = in->connection_partition_id,
	};
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_connect_port(struct hv_fake *fake, const struct hv_fake_request *rq)
{
	const struct hv_input_connect_port *in = rq->input;
	struct hv_fake_port *port = hv_fake_find_port(fake, in->port_id.u.id);

	if (!in->port_id.u.id || !port)
		return HV_STATUS_INVALID_PORT_ID;
	if (!in->connection_id.u.id || port->connection ||
	    port->partition != in->connection_partition_id)
		return HV_STATUS_INVALID_CONNECTION_ID;

	port->connection = in->connection_id.u.id;
	hv_fake_ring_if_due(fake, HVCALL_CONNECT_PORT, port->id);
	return HV_STATUS_SUCCESS;
}

static u64 hv_fake_disconnect_port(struct hv_fake *fake, const struct hv_fake_request *rq)
{
	const union hv_input_disconnect_port *in = rq->input;
	struct hv_fake_port *port;

	for (port = fake->ports; port < fake->ports + HV_FAKE_MAX_PORTS; port++) {
		if (!port->connection ||
		    port->connection != in->connection_id.u.id ||
		    port->partition != in->connection_partition_id)
			continue;
		hv_fake_ring_if_due(fake, HVCALL_DISCONNECT_PORT, port->id);
		port->connection = 0;
		return HV_STATUS_SUCCESS;
	}

	return HV_STATUS_INVALID_CONNECTION_ID;
}

static u64 hv_fake_delete_port(struct hv_fake *fake, const struct hv_fake_request *rq)
{
	const union hv_input_delete_port *in = rq->input;
	struct hv_fake_port *port = hv_fake_find_port(fake, in->port_id.u.id);

	if (!in->port_id.u.id || !port)
		return HV_STATUS_INVALID_PORT_ID;

	*port = (struct hv_fake_port) { };
	return HV_STATUS_SUCCESS;
}

const struct hv_fake_op hv_fake_port_ops[] = {
	{
		.code = HVCALL_CREATE_PORT,
		.target = HV_FAKE_PARTITION,
		.input_size = sizeof(struct hv_input_create_port),
		.answer = hv_fake_create_port,
	},
	{
		.code = HVCALL_CONNECT_PORT,
		.target = HV_FAKE_PARTITION,
		.input_size = sizeof(struct hv_input_connect_port),
		.answer = hv_fake_connect_port,
	},
	{
		.code = HVCALL_DISCONNECT_PORT,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(union hv_input_disconnect_port),
		.answer = hv_fake_disconnect_port,
	},
	{
		.code = HVCALL_DELETE_PORT,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(union hv_input_delete_port),
		.answer = hv_fake_delete_port,
	},
	{}
};

/**
 * hv_fake_synic_install() - give every CPU a message page and an event ring
 * @fake: the fake
 *
 * Return: 0, or -ENOMEM; hv_fake_synic_remove() cleans up after both.
 */
int hv_fake_synic_install(struct hv_fake *fake)
{
	unsigned int cpu;

	synic_pages = alloc_percpu(struct hv_synic_pages);
	hv_synic_eventring_tail = alloc_percpu(u8 *);
	if (!synic_pages || !hv_synic_eventring_tail)
		return -ENOMEM;

	for_each_possible_cpu(cpu) {
		struct hv_synic_pages *pages = per_cpu_ptr(synic_pages, cpu);

		pages->hyp_synic_message_page =
			(void *)get_zeroed_page(GFP_KERNEL);
		pages->synic_event_ring_page = (void *)get_zeroed_page(GFP_KERNEL);
		*per_cpu_ptr(hv_synic_eventring_tail, cpu) =
			kcalloc(HV_SYNIC_SINT_COUNT, sizeof(u8), GFP_KERNEL);
		if (!pages->hyp_synic_message_page || !pages->synic_event_ring_page ||
		    !*per_cpu_ptr(hv_synic_eventring_tail, cpu))
			return -ENOMEM;
	}

	return 0;
}

/**
 * hv_fake_synic_remove() - take the message pages and event rings away
 * @fake: the fake; messages under way arrive first
 */
void hv_fake_synic_remove(struct hv_fake *fake)
{
	unsigned int cpu, i;

	for (i = 0; i < HV_FAKE_MAX_MESSAGES; i++)
		irq_work_sync(&fake->posts[i].work);

	for_each_possible_cpu(cpu) {
		if (hv_synic_eventring_tail)
			kfree(*per_cpu_ptr(hv_synic_eventring_tail, cpu));
		if (!synic_pages)
			continue;
		free_page((unsigned long)
			  per_cpu_ptr(synic_pages, cpu)->hyp_synic_message_page);
		free_page((unsigned long)
			  per_cpu_ptr(synic_pages, cpu)->synic_event_ring_page);
	}
	free_percpu(hv_synic_eventring_tail);
	hv_synic_eventring_tail = NULL;
	free_percpu(synic_pages);
	synic_pages = NULL;
}
