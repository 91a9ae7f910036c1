// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the synthetic timers of a child's VP, against the rules of the TLFS:
 * "Timers", "Synthetic Timers".
 */

#include "kselftest_harness.h"

#include "../child/apic.h"
#include "../child/memory.h"
#include "../child/msr.h"
#include "../child/property.h"
#include "../child/sched.h"
#include "../child/stimer.h"
#include "../hv/log.h"
#include "child_fixture.h"
#include "child_msrs.h"

#define ENABLE		BIT_ULL(0)
#define PERIODIC	BIT_ULL(1)
#define LAZY		BIT_ULL(2)
#define AUTO_ENABLE	BIT_ULL(3)
#define DIRECT		BIT_ULL(12)
#define APIC(vector)	((u64)(vector) << 4)
#define SINTX(sint)	((u64)(sint) << 16)

#define MESSAGES_GPA	0x12000ULL
#define SINT		4
#define VECTOR		0x51
#define DIRECT_VECTOR	0x61
#define SVR		0xf0
#define SVR_ON		0x1ff

#define CONFIG(timer)	(HV_X64_MSR_STIMER0_CONFIG + 2 * (timer))
#define COUNT(timer)	(HV_X64_MSR_STIMER0_COUNT + 2 * (timer))

/* The child's time stands still, and the tests move it on. */
FIXTURE(stimer)
{
	struct child_fixture f;
};

FIXTURE_SETUP(stimer)
{
	struct child_fixture *f = &self->f;

	ASSERT_TRUE(child_setup(f, CHILD_FLAGS));
	f->child->synthetic_features = child_assignable_features();
	f->child->time_frozen = true;
	f->child->time_offset = 1000;
	f->vp->explicit_suspend = false;
	apic_write(&f->vp->apic, SVR, SVR_ON);
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SIMP, MESSAGES_GPA | 1));
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SINT0 + SINT, VECTOR));
	ASSERT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, 1));
}

FIXTURE_TEARDOWN(stimer)
{
	child_teardown(&self->f);
}

/* The vectors that come when the time is @now, each ended at once. */
static unsigned int fire(struct child_fixture *f, u64 now, u8 vector)
{
	unsigned int count = 0;
	int taken;

	f->child->time_offset = now;
	child_stimer_tick(f->vp);
	while ((taken = apic_pending(&f->vp->apic)) >= 0) {
		count += taken == vector;
		apic_accept(&f->vp->apic, taken);
		apic_end(&f->vp->apic);
	}
	return count;
}

static struct hv_message *slot(struct child_fixture *f)
{
	struct hv_message_page *page = child_memory(f->child, MESSAGES_GPA, HV_HYP_PAGE_SIZE);

	return &page->sint_message[SINT];
}

static const struct hv_timer_message_payload *payload(struct child_fixture *f)
{
	return (const void *)slot(f)->u.payload;
}

TEST_F(stimer, after_reset)
{
	u32 i;

	for (i = 0; i < HV_SYNIC_STIMER_COUNT; i++) {
		EXPECT_EQ(0, rdmsr(&self->f, CONFIG(i)));
		EXPECT_EQ(0, rdmsr(&self->f, COUNT(i)));
	}
	EXPECT_EQ(~0ULL, child_stimer_tick(self->f.vp));
}

TEST_F(stimer, not_granted)
{
	union hv_partition_synthetic_processor_features features = {
		.as_uint64[0] = child_assignable_features(),
	};
	struct child_fixture *f = &self->f;
	u64 value;

	features.direct_synthetic_timers = 0;
	f->child->synthetic_features = features.as_uint64[0];
	EXPECT_FALSE(wrmsr(f, CONFIG(0), DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, CONFIG(0), SINTX(SINT)));
	features.access_synthetic_timer_regs = 0;
	f->child->synthetic_features = features.as_uint64[0];
	EXPECT_FALSE(wrmsr(f, CONFIG(0), SINTX(SINT)));
	EXPECT_FALSE(wrmsr(f, COUNT(3), 1));
	EXPECT_FALSE(child_msr_read(f->vp, CONFIG(0), &value));
	EXPECT_FALSE(child_msr_read(f->vp, COUNT(3), &value));
}

TEST_F(stimer, once_by_interrupt)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_EQ(0, fire(f, 1500, DIRECT_VECTOR));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 2000));
	EXPECT_EQ(2000, rdmsr(f, COUNT(0)));
	EXPECT_EQ(0, fire(f, 1999, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 2000, DIRECT_VECTOR));
	/* It is disabled then, and does not come again. */
	EXPECT_EQ(DIRECT | APIC(DIRECT_VECTOR), rdmsr(f, CONFIG(0)));
	EXPECT_EQ(0, fire(f, 9000, DIRECT_VECTOR));
	/* No message is sent for it. */
	EXPECT_EQ(HVMSG_NONE, slot(f)->header.message_type);
}

TEST_F(stimer, in_the_past)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, COUNT(1), 5));
	EXPECT_EQ(0, fire(f, 1000, DIRECT_VECTOR));
	EXPECT_TRUE(wrmsr(f, CONFIG(1), ENABLE | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_EQ(DIRECT_VECTOR, apic_pending(&f->vp->apic));
	EXPECT_EQ(DIRECT | APIC(DIRECT_VECTOR), rdmsr(f, CONFIG(1)));
}

TEST_F(stimer, enables_itself)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(2), AUTO_ENABLE | SINTX(SINT)));
	EXPECT_TRUE(wrmsr(f, COUNT(2), 2000));
	EXPECT_EQ(ENABLE | AUTO_ENABLE | SINTX(SINT), rdmsr(f, CONFIG(2)));
	/* A count of 0 stops it. */
	EXPECT_TRUE(wrmsr(f, COUNT(2), 0));
	EXPECT_EQ(AUTO_ENABLE | SINTX(SINT), rdmsr(f, CONFIG(2)));
	EXPECT_EQ(0, fire(f, 3000, VECTOR));
	/* Without that bit it does not. */
	EXPECT_TRUE(wrmsr(f, CONFIG(2), SINTX(SINT)));
	EXPECT_TRUE(wrmsr(f, COUNT(2), 4000));
	EXPECT_EQ(SINTX(SINT), rdmsr(f, CONFIG(2)));
	EXPECT_EQ(0, fire(f, 5000, VECTOR));
}

TEST_F(stimer, by_message)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(3), AUTO_ENABLE | SINTX(SINT)));
	EXPECT_TRUE(wrmsr(f, COUNT(3), 2000));
	EXPECT_EQ(1, fire(f, 2030, VECTOR));
	EXPECT_EQ(HVMSG_TIMER_EXPIRED, slot(f)->header.message_type);
	EXPECT_EQ(sizeof(*payload(f)), slot(f)->header.payload_size);
	EXPECT_EQ(3, payload(f)->timer_index);
	EXPECT_EQ(2000, payload(f)->expiration_time);
	EXPECT_EQ(2030, payload(f)->delivery_time);

	/* The slot is taken: it comes when the guest has taken the first one. */
	EXPECT_TRUE(wrmsr(f, COUNT(3), 3000));
	EXPECT_EQ(0, fire(f, 3000, VECTOR));
	EXPECT_EQ(2000, payload(f)->expiration_time);
	EXPECT_EQ(1, slot(f)->header.message_flags.asu8);
	slot(f)->header.message_type = HVMSG_NONE;
	EXPECT_EQ(0, fire(f, 3100, VECTOR));
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOM, 0));
	EXPECT_EQ(1, fire(f, 3100, VECTOR));
	EXPECT_EQ(HVMSG_TIMER_EXPIRED, slot(f)->header.message_type);
	EXPECT_EQ(3000, payload(f)->expiration_time);
	EXPECT_EQ(3100, payload(f)->delivery_time);

	/* The end of an interrupt does as well. */
	EXPECT_TRUE(wrmsr(f, COUNT(3), 4000));
	EXPECT_EQ(0, fire(f, 4000, VECTOR));
	apic_request(&f->vp->apic, DIRECT_VECTOR, false);
	apic_accept(&f->vp->apic, DIRECT_VECTOR);
	slot(f)->header.message_type = HVMSG_NONE;
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOI, 0));
	EXPECT_EQ(HVMSG_TIMER_EXPIRED, slot(f)->header.message_type);
	EXPECT_EQ(1, fire(f, 4100, VECTOR));

	/* One that is set anew has nothing to tell of. */
	EXPECT_TRUE(wrmsr(f, COUNT(3), 5000));
	EXPECT_EQ(0, fire(f, 5000, VECTOR));
	EXPECT_TRUE(wrmsr(f, COUNT(3), 0));
	slot(f)->header.message_type = HVMSG_NONE;
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_EOM, 0));
	EXPECT_EQ(HVMSG_NONE, slot(f)->header.message_type);
}

TEST_F(stimer, without_a_synic)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, 0));
	EXPECT_TRUE(wrmsr(f, CONFIG(0), AUTO_ENABLE | SINTX(SINT)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 2000));
	EXPECT_EQ(0, fire(f, 2000, VECTOR));
	EXPECT_EQ(HVMSG_NONE, slot(f)->header.message_type);
	EXPECT_TRUE(wrmsr(f, HV_X64_MSR_SCONTROL, 1));
	EXPECT_EQ(HVMSG_TIMER_EXPIRED, slot(f)->header.message_type);
	EXPECT_EQ(1, fire(f, 2000, VECTOR));
}

TEST_F(stimer, sint_0)
{
	struct child_fixture *f = &self->f;

	/* One that sends messages cannot be enabled with it. */
	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | SINTX(0)));
	EXPECT_EQ(0, rdmsr(f, CONFIG(0)));
	EXPECT_TRUE(wrmsr(f, CONFIG(0), AUTO_ENABLE));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 1));
	EXPECT_EQ(AUTO_ENABLE, rdmsr(f, CONFIG(0)));
	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_EQ(1, fire(f, 1000, DIRECT_VECTOR));
}

TEST_F(stimer, reserved_bits)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), BIT_ULL(13) | BIT_ULL(20)));
	EXPECT_EQ(BIT_ULL(13) | BIT_ULL(20), rdmsr(f, CONFIG(0)));
}

TEST_F(stimer, again_and_again)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 100));
	EXPECT_EQ(0, fire(f, 1099, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 1100, DIRECT_VECTOR));
	EXPECT_EQ(0, fire(f, 1199, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 1230, DIRECT_VECTOR));
	/* One that is late does not move the next. */
	EXPECT_EQ(1, fire(f, 1300, DIRECT_VECTOR));
	EXPECT_EQ(ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR), rdmsr(f, CONFIG(0)));
	EXPECT_EQ(100, rdmsr(f, COUNT(0)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 0));
	EXPECT_EQ(0, fire(f, 2000, DIRECT_VECTOR));
}

TEST_F(stimer, catches_up)
{
	struct child_fixture *f = &self->f;
	unsigned int fired = 0;
	u64 now;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 100));
	/* Of five that were due one comes, and the others by shorter periods. */
	EXPECT_EQ(1, fire(f, 1500, DIRECT_VECTOR));
	EXPECT_EQ(0, fire(f, 1549, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 1550, DIRECT_VECTOR));
	for (now = 1551; now <= 2500; now++)
		fired += fire(f, now, DIRECT_VECTOR);
	EXPECT_EQ(13, fired);
	EXPECT_EQ(0, fire(f, 2599, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 2600, DIRECT_VECTOR));

	/* Of very many some are skipped. */
	EXPECT_EQ(1, fire(f, 102650, DIRECT_VECTOR));
	EXPECT_EQ(0, fire(f, 102699, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 102700, DIRECT_VECTOR));
}

TEST_F(stimer, lazy)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0),
			  ENABLE | PERIODIC | LAZY | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 800));
	EXPECT_EQ(1, fire(f, 1800, DIRECT_VECTOR));
	/* It waits for a VP that is suspended, and those that were missed are one. */
	f->vp->explicit_suspend = true;
	EXPECT_EQ(0, fire(f, 4300, DIRECT_VECTOR));
	f->vp->explicit_suspend = false;
	EXPECT_EQ(1, fire(f, 4300, DIRECT_VECTOR));
	EXPECT_EQ(0, fire(f, 4999, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 5000, DIRECT_VECTOR));
	/* Shortly before the next is due it is left out. */
	EXPECT_EQ(0, fire(f, 7350, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 7400, DIRECT_VECTOR));
	/* One that is not lazy does not wait. */
	f->vp->explicit_suspend = true;
	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_EQ(1, fire(f, 8200, DIRECT_VECTOR));
}

/* A VP that has halted runs only once it is woken, so the resumption must do that. */
TEST_F(stimer, lazy_wakes_who_is_resumed)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0),
			  ENABLE | PERIODIC | LAZY | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 800));
	f->vp->halted = true;
	f->vp->explicit_suspend = true;
	EXPECT_EQ(0, fire(f, 1900, DIRECT_VECTOR));
	child_sched_suspend(f->vp, HV_REGISTER_EXPLICIT_SUSPEND, false);
	EXPECT_EQ(DIRECT_VECTOR, apic_pending(&f->vp->apic));
}

TEST_F(stimer, time_that_stands_still)
{
	struct child_fixture *f = &self->f;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), AUTO_ENABLE | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 2000));
	EXPECT_EQ(~0ULL, child_stimer_tick(f->vp));
	f->child->time_frozen = false;
	f->child->time_offset = 1000 - log_time();
	EXPECT_GE(1000, child_stimer_tick(f->vp));
	f->child->time_offset = 2000 - log_time();
	child_stimer_tick(f->vp);
	EXPECT_EQ(DIRECT_VECTOR, apic_pending(&f->vp->apic));
	f->child->time_frozen = true;
}

TEST_F(stimer, saved_and_restored)
{
	struct hv_synthetic_timers_state state;
	struct child_fixture *f = &self->f, other;

	EXPECT_TRUE(wrmsr(f, CONFIG(0), ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR)));
	EXPECT_TRUE(wrmsr(f, COUNT(0), 100));
	EXPECT_TRUE(wrmsr(f, CONFIG(1), AUTO_ENABLE | DIRECT | APIC(DIRECT_VECTOR + 1)));
	EXPECT_TRUE(wrmsr(f, COUNT(1), 3000));
	EXPECT_TRUE(wrmsr(f, CONFIG(2), AUTO_ENABLE | SINTX(SINT)));
	slot(f)->header.message_type = 1;
	EXPECT_TRUE(wrmsr(f, COUNT(2), 1020));
	EXPECT_EQ(0, fire(f, 1050, DIRECT_VECTOR));
	child_stimer_save(f->vp, &state);
	EXPECT_EQ(1, 0U + state.timers[2].flags.undelivered_msg_pending);
	EXPECT_EQ(1020, state.timers[2].undelivered_exp_time);
	EXPECT_EQ(ENABLE | PERIODIC | DIRECT | APIC(DIRECT_VECTOR), state.timers[0].config);
	EXPECT_EQ(100, state.timers[0].count);

	ASSERT_TRUE(child_setup(&other, CHILD_FLAGS));
	f = &other;
	f->child->synthetic_features = child_assignable_features();
	f->child->time_frozen = true;
	f->child->time_offset = 1050;
	apic_write(&f->vp->apic, SVR, SVR_ON);
	child_stimer_restore(f->vp, &state);
	/* Registers with what they have already: nothing begins anew. */
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(f, HV_REGISTER_STIMER0_COUNT, 100));
	EXPECT_EQ(HV_STATUS_SUCCESS,
		  child_set64(f, HV_REGISTER_SINT0 + SINT, VECTOR));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(f, HV_REGISTER_SIMP, MESSAGES_GPA | 1));
	EXPECT_EQ(HV_STATUS_SUCCESS, child_set64(f, HV_REGISTER_SCONTROL, 1));
	EXPECT_EQ(1020, payload(f)->expiration_time);
	EXPECT_EQ(1, fire(f, 1099, VECTOR));
	EXPECT_EQ(1, fire(f, 1100, DIRECT_VECTOR));
	EXPECT_EQ(1, fire(f, 3000, DIRECT_VECTOR + 1));
	child_teardown(&other);
}

TEST_HARNESS_MAIN
