// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt lines of the VMM for KUnit: their routes, and the eventfds that raise
 * them. See mshv_vmm.h.
 */

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/list.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <kunit/test.h>
#include <asm/ptrace.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <uapi/linux/mshv.h>

#include "mshv_vmm_internal.h"

static long mshv_vmm_set_routes(struct mshv_vmm *vmm)
{
	struct mshv_user_irq_table *table;
	size_t size = struct_size(table, entries, vmm->nr_routes);

	table = kunit_kzalloc(vmm->test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(vmm->test, table);
	table->nr = vmm->nr_routes;
	memcpy(table->entries, vmm->routes, vmm->nr_routes * sizeof(vmm->routes[0]));

	return mshv_vmm_partition_ioctl(vmm, MSHV_SET_MSI_ROUTING, table, size);
}

/**
 * mshv_vmm_route_to() - route an interrupt line to any address
 * @vmm: the VMM
 * @gsi: the line; one that was routed before is routed anew
 * @address: address of its MSI
 * @data: data of its MSI, the vector in its low 8 bits
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_route_to(struct mshv_vmm *vmm, u32 gsi, u32 address, u32 data)
{
	struct mshv_user_irq_entry *route;

	for (route = vmm->routes; route < vmm->routes + vmm->nr_routes; route++)
		if (route->gsi == gsi)
			break;
	KUNIT_ASSERT_LT(vmm->test, route - vmm->routes, MSHV_VMM_ROUTES);
	if (route == vmm->routes + vmm->nr_routes)
		vmm->nr_routes++;
	*route = (struct mshv_user_irq_entry) {
		.gsi = gsi,
		.address_lo = address,
		.data = data,
	};

	return mshv_vmm_set_routes(vmm);
}

/**
 * mshv_vmm_route() - route an interrupt line to an APIC ID
 * @vmm: the VMM
 * @gsi: the line; one that was routed before is routed anew
 * @apic_id: destination of its MSI, bits 12-19 of the address
 * @data: data of its MSI, the vector in its low 8 bits
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_route(struct mshv_vmm *vmm, u32 gsi, u32 apic_id, u32 data)
{
	return mshv_vmm_route_to(vmm, gsi, 0xfee00000 | apic_id << 12, data);
}

/**
 * mshv_vmm_unroute() - take all routes away
 * @vmm: the VMM
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_SET_MSI_ROUTING returns.
 */
long mshv_vmm_unroute(struct mshv_vmm *vmm)
{
	vmm->nr_routes = 0;
	return mshv_vmm_set_routes(vmm);
}

/* The kernel has no other way to make an eventfd than the system call. */
static int mshv_vmm_eventfd(void)
{
	/* The registers of its arguments, a count and flags: all zero. */
	struct pt_regs regs = {};

	return sys_call_table[__NR_eventfd2](&regs);
}

/* A new eventfd, the VMM's until it is destroyed. */
static struct eventfd_ctx *mshv_vmm_new_eventfd(struct mshv_vmm *vmm, int *fd)
{
	struct eventfd_ctx *ctx;

	KUNIT_ASSERT_LT(vmm->test, vmm->nr_eventfds, MSHV_VMM_EVENTFDS);
	*fd = mshv_vmm_eventfd();
	KUNIT_ASSERT_GE(vmm->test, *fd, 0);
	ctx = eventfd_ctx_fdget(*fd);
	KUNIT_ASSERT_FALSE(vmm->test, IS_ERR(ctx));
	vmm->eventfds[vmm->nr_eventfds] = *fd;
	vmm->eventfd_ctxs[vmm->nr_eventfds++] = ctx;

	return ctx;
}

/**
 * mshv_vmm_irqfd() - connect an eventfd to an interrupt line
 * @vmm: the VMM
 * @gsi: the line
 *
 * Context: The test's thread. Sleeps.
 * Return: the eventfd, to be signalled by eventfd_signal(); valid until the VMM
 * is destroyed. Does not return on failure: the test fails.
 */
struct eventfd_ctx *mshv_vmm_irqfd(struct mshv_vmm *vmm, u32 gsi)
{
	struct mshv_user_irqfd args = { .gsi = gsi };
	struct eventfd_ctx *ctx;

	ctx = mshv_vmm_new_eventfd(vmm, &args.fd);
	KUNIT_ASSERT_EQ_MSG(vmm->test, 0,
			    mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args,
						     sizeof(args)),
			    "MSHV_IRQFD");
	return ctx;
}

/**
 * mshv_vmm_irqfd_resample() - the same with a resamplefd, which may fail
 * @vmm: the VMM
 * @gsi: the line
 * @resample: set to the two eventfds
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_resample(struct mshv_vmm *vmm, u32 gsi,
			     struct mshv_vmm_resample *resample)
{
	struct mshv_user_irqfd args = {
		.gsi = gsi,
		.flags = BIT(MSHV_IRQFD_BIT_RESAMPLE),
	};

	resample->event = mshv_vmm_new_eventfd(vmm, &args.fd);
	resample->resample = mshv_vmm_new_eventfd(vmm, &args.resamplefd);

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/* How often an eventfd was signalled since this was last asked. */
static u64 mshv_vmm_signals(struct eventfd_ctx *ctx)
{
	/* No waiter of anybody's: what is wanted is the count, read and reset. */
	wait_queue_entry_t none = { .entry = LIST_HEAD_INIT(none.entry) };
	u64 n;

	eventfd_ctx_remove_wait_queue(ctx, &none, &n);

	return n;
}

/**
 * mshv_vmm_resampled() - how often a resamplefd was signalled
 * @resample: of which irqfd
 *
 * Return: the number since this was last asked.
 */
u64 mshv_vmm_resampled(const struct mshv_vmm_resample *resample)
{
	return mshv_vmm_signals(resample->resample);
}

/**
 * mshv_vmm_irqfd_shared() - connect an eventfd that another VMM has, which may fail
 * @vmm: the VMM
 * @gsi: the line
 * @other: the other VMM; its newest eventfd is taken
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_shared(struct mshv_vmm *vmm, u32 gsi, const struct mshv_vmm *other)
{
	struct mshv_user_irqfd args = { .gsi = gsi };

	KUNIT_ASSERT_GT(vmm->test, other->nr_eventfds, 0);
	args.fd = other->eventfds[other->nr_eventfds - 1];

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/**
 * mshv_vmm_irqfd_deassign() - disconnect the newest eventfd from an interrupt line
 * @vmm: the VMM
 * @gsi: the line
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IRQFD returns.
 */
long mshv_vmm_irqfd_deassign(struct mshv_vmm *vmm, u32 gsi)
{
	struct mshv_user_irqfd args = {
		.gsi = gsi,
		.flags = BIT(MSHV_IRQFD_BIT_DEASSIGN),
	};

	KUNIT_ASSERT_GT(vmm->test, vmm->nr_eventfds, 0);
	args.fd = vmm->eventfds[vmm->nr_eventfds - 1];

	return mshv_vmm_partition_ioctl(vmm, MSHV_IRQFD, &args, sizeof(args));
}

/**
 * mshv_vmm_doorbell() - make a doorbell, which is not connected yet
 * @vmm: the VMM
 * @doorbell: set to a new eventfd, the VMM's until it is destroyed, and @gpa
 * @gpa: the address that is written to, four bytes of any value
 *
 * Context: The test's thread. Sleeps.
 */
void mshv_vmm_doorbell(struct mshv_vmm *vmm, struct mshv_vmm_doorbell *doorbell, u64 gpa)
{
	doorbell->gpa = gpa;
	doorbell->event = mshv_vmm_new_eventfd(vmm, &doorbell->fd);
}

/**
 * mshv_vmm_doorbell_connect() - connect a doorbell, or disconnect it
 * @vmm: the VMM
 * @doorbell: the doorbell
 * @on: which of the two
 *
 * Context: The test's thread. Sleeps.
 * Return: what MSHV_IOEVENTFD returns.
 */
long mshv_vmm_doorbell_connect(struct mshv_vmm *vmm,
			       const struct mshv_vmm_doorbell *doorbell, bool on)
{
	struct mshv_user_ioeventfd args = {
		.addr = doorbell->gpa,
		.len = 4,
		.fd = doorbell->fd,
		.flags = on ? 0 : BIT(MSHV_IOEVENTFD_BIT_DEASSIGN),
	};

	return mshv_vmm_partition_ioctl(vmm, MSHV_IOEVENTFD, &args, sizeof(args));
}

/**
 * mshv_vmm_rung() - how often a doorbell's eventfd was signalled
 * @doorbell: the doorbell
 *
 * Return: the number since this was last asked.
 */
u64 mshv_vmm_rung(const struct mshv_vmm_doorbell *doorbell)
{
	return mshv_vmm_signals(doorbell->event);
}
