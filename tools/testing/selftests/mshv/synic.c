// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that know which hypervisor they run on: messages and events of their SynIC,
 * synthetic timers, hypercalls, and what the VMM sees of them.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "vm.h"

#define SINT		4
#define VECTOR		0x40		/* of that SINT */
#define VECTOR_TIMER	0x50		/* of a timer without one */
#define VECTOR_IPI	0x60
#define GP_VECTOR	13
#define RFLAGS_IF	BIT(9)

/* Where the guest has its pages; those of the hypervisor's are laid over its memory. */
#define MESSAGES	0x30000
#define EVENTS		0x31000
#define CALL_PAGE	0x32000
#define CALL_INPUT	0x33000
#define GP_CODE		0x6000
#define REST_CODE	0x7000

#define READY		1
#define DONE		2
#define PROTECTED	0x13

#define TIMER_DIRECT	0x1000		/* of a timer's configuration */
#define TIMER_AUTO	0x8
#define TIMER_PERIODIC	0x2
#define TIMER_ENABLE	0x1
#define TIMER_UNITS	50000		/* 5 ms */

#define FAST		0x10000		/* of a hypercall's control word */
#define NOBODYS_CALL	0x0ffe

/* MSRs, as numbers that the assembler takes. */
#define MSR_OS_ID	0x40000000
#define MSR_HYPERCALL	0x40000001
#define MSR_TIME	0x40000020
#define MSR_SCONTROL	0x40000080
#define MSR_SIEFP	0x40000082
#define MSR_SIMP	0x40000083
#define MSR_SINT4	0x40000094
#define MSR_CONFIG	0x400000b0
#define MSR_COUNT	0x400000b1
#define MSR_IDLE	0x400000f0

#define WRMSR(msr, value)						\
	"mov $" __stringify(msr) ", %ecx\n"				\
	"mov $" __stringify(value) ", %eax\n"				\
	"xor %edx, %edx\n"						\
	"wrmsr\n"

#define SYNIC_ON							\
	"cli\n"								\
	GUEST_APIC_ON							\
	WRMSR(MSR_SIMP, MESSAGES + 1)					\
	WRMSR(MSR_SIEFP, EVENTS + 1)					\
	WRMSR(MSR_SINT4, VECTOR)					\
	WRMSR(MSR_SCONTROL, 1)

#define HALT_FOR_EVER	"sti\n1: hlt\njmp 1b\n"

/* RAX: the time now, and some more. Uses RCX and RDX. */
#define TIME_AND(units)							\
	"mov $" __stringify(MSR_TIME) ", %ecx\n"			\
	"rdmsr\n"							\
	"shl $32, %rdx\n"						\
	"or %rdx, %rax\n"						\
	"add $" __stringify(units) ", %rax\n"

/* RAX into a timer's count. */
#define SET_COUNT							\
	"mov %rax, %rdx\n"						\
	"shr $32, %rdx\n"						\
	"mov $" __stringify(MSR_COUNT) ", %ecx\n"			\
	"wrmsr\n"

GUEST64(takes_messages, SYNIC_ON GUEST_REPORT(READY) HALT_FOR_EVER);

/* Once by interrupt, without anything else: it wakes from HLT. */
GUEST64(timer_once,
	GUEST_APIC_ON
	WRMSR(MSR_CONFIG, TIMER_DIRECT + TIMER_AUTO + (VECTOR_TIMER << 4))
	GUEST_REPORT(READY)
	TIME_AND(TIMER_UNITS)
	SET_COUNT
	HALT_FOR_EVER);

GUEST64(timer_again,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	WRMSR(MSR_COUNT, TIMER_UNITS)
	WRMSR(MSR_CONFIG, TIMER_DIRECT + TIMER_PERIODIC + TIMER_ENABLE + (VECTOR_TIMER << 4))
	HALT_FOR_EVER);

/* Its messages stay in their slot, so all but the first one wait. */
GUEST64(timer_by_message,
	SYNIC_ON
	WRMSR(MSR_CONFIG, TIMER_AUTO + (SINT << 16))
	GUEST_REPORT(READY)
	TIME_AND(TIMER_UNITS)
	SET_COUNT
	HALT_FOR_EVER);

/* Idle with interrupts off: any interrupt ends that, and is not taken. */
GUEST64(idles,
	GUEST_APIC_ON
	GUEST_REPORT(READY)
	"mov $" __stringify(MSR_IDLE) ", %ecx\n"
	"rdmsr\n"
	GUEST_REPORT(DONE)
	HALT_FOR_EVER);

/* R15: a control word; RDX and R8 as the call has them. Reports EAX. */
#define CALLS_ON							\
	"mov %rdx, %r14\n"						\
	WRMSR(MSR_OS_ID, 0x100)						\
	WRMSR(MSR_HYPERCALL, CALL_PAGE + 1)				\
	"mov %r14, %rdx\n"
#define CALL								\
	"mov %r15, %rcx\n"						\
	"mov $" __stringify(CALL_PAGE) ", %eax\n"			\
	"call *%rax\n"							\
	"out %eax, $" __stringify(PORT_REPORT) "\n"

GUEST64(calls,
	GUEST_APIC_ON
	CALLS_ON
	CALL
	HALT_FOR_EVER);

/* ECX says which MSR is written. */
GUEST64(writes_msr,
	"mov $0x10000, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	GUEST_REPORT(DONE));

/* Takes no interrupts, and then any. */
GUEST64(opens_up,
	"cli\n"
	GUEST_REPORT(READY)
	"sti\n"
	"1: pause\n"
	"jmp 1b\n");

/* Takes those of a high priority, and then others. */
GUEST64(lowers_its_tpr,
	"mov $8, %eax\n"
	"mov %rax, %cr8\n"
	"sti\n"
	GUEST_REPORT(READY)
	"mov $3, %eax\n"
	"mov %rax, %cr8\n"
	"1: pause\n"
	"jmp 1b\n");

GUEST64(is_protected, GUEST_REPORT(PROTECTED) "1: hlt\njmp 1b\n");

static const union hv_partition_synthetic_processor_features everything = {
	.hypervisor_present = 1,
	.hv1 = 1,
	.access_partition_reference_counter = 1,
	.access_synic_regs = 1,
	.access_synthetic_timer_regs = 1,
	.access_intr_ctrl_regs = 1,
	.access_hypercall_regs = 1,
	.access_vp_index = 1,
	.access_guest_idle_reg = 1,
	.direct_synthetic_timers = 1,
	.extended_processor_masks = 1,
	.tb_flush_hypercalls = 1,
	.synthetic_cluster_ipi = 1,
	.signal_events = 1,
};

FIXTURE(synic) {
	struct vm vm;
	struct vp vps[2];
	struct runner runners[2];
};

FIXTURE_SETUP(synic)
{
	const char *why = mshv_missing();
	u32 i;

	if (why)
		SKIP(return, "%s", why);
	self->vm.fd = -1;
	memset(self->runners, 0, sizeof(self->runners));
	for (i = 0; i < ARRAY_SIZE(self->vps); i++)
		self->vps[i].fd = -1;
	if (vm_start_enlightened(&self->vm, everything.as_uint64[0]))
		SKIP(return, "the hypervisor does not grant features %#llx",
		     (unsigned long long)everything.as_uint64[0]);
	vm_take_interrupts(&self->vm);
	for (i = 0; i < ARRAY_SIZE(self->vps); i++)
		vp_start(&self->vm, &self->vps[i], i);
}

FIXTURE_TEARDOWN(synic)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(self->vps); i++)
		if (self->vps[i].fd >= 0)
			vp_stop(&self->vps[i]);
	vm_stop(&self->vm);
}

/* What the guest has as MSRs VMMs read by name: from one to another. */
static const u32 registers_of_synic[][2] = {
	{ HV_X64_REGISTER_HYPERCALL, HV_REGISTER_TIME_REF_COUNT },
	{ HV_REGISTER_VP_ASSIST_PAGE, HV_REGISTER_VP_ASSIST_PAGE },
	{ HV_REGISTER_SINT0, HV_REGISTER_EOM },
	{ HV_REGISTER_STIMER0_CONFIG, HV_REGISTER_STIMER3_COUNT },
};

TEST_F(synic, registers_that_vmms_read)
{
	union hv_register_value value;
	unsigned int i;
	u32 name;
	int ret;

	for (i = 0; i < ARRAY_SIZE(registers_of_synic); i++) {
		for (name = registers_of_synic[i][0]; name <= registers_of_synic[i][1]; name++) {
			ret = vp_get_registers(&self->vps[1], &name, &value, 1);
			if (ret == -EINVAL)
				SKIP(return, "the hypervisor lacks register %#x", name);
			ASSERT_EQ(0, ret)
				TH_LOG("register %#x", name);
		}
	}
	EXPECT_EQ(1, vp_get(&self->vps[1], HV_REGISTER_VP_INDEX));
}

/* Have a VP run until it is ready. Return: whether it is. */
static bool get_ready(struct runner *runner, struct vp *vp, const struct guest *guest)
{
	vp_enter(vp, GUEST_LONG, guest);
	runner_start(runner, vp);
	return wait_until(runner->reports || runner->left) && !runner->left;
}

static int post(struct vm *vm, u32 type, u16 *status)
{
	struct hv_input_post_message_direct in = { .sint_index = SINT };
	struct hv_message *message = (void *)in.message;

	message->header.message_type = type;
	message->header.payload_size = sizeof(u64);
	message->u.payload[0] = 0x1122334455667788;
	return hv_call(vm->fd, HVCALL_POST_MESSAGE_DIRECT, &in, sizeof(in), NULL, 0, status);
}

/* Returns whether the flag was clear, or -errno. */
static int ring(struct vm *vm, u16 flag)
{
	struct hv_input_signal_event_direct in = { .sint = SINT, .flag_number = flag };
	struct hv_output_signal_event_direct out = { };
	int ret = hv_call(vm->fd, HVCALL_SIGNAL_EVENT_DIRECT, &in, sizeof(in), &out,
			  sizeof(out), NULL);

	return ret ?: out.newly_signaled;
}

TEST_F(synic, message)
{
	struct runner *runner = &self->runners[0];
	struct hv_message_page *page = memory_get(PAGE);
	u16 status;

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &takes_messages));
	ASSERT_EQ(0, post(&self->vm, 0x77, &status)) TH_LOG("status %#x", status);
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 1));
	/* The guest has left it where it is: there is no room for another. */
	EXPECT_NE(0, post(&self->vm, 0x78, &status));
	ASSERT_EQ(0, runner_stop(runner));
	ASSERT_EQ(0, vp_get_state(&self->vps[0], MSHV_VP_STATE_SIMP, page));
	EXPECT_EQ(0x77, page->sint_message[SINT].header.message_type);
	EXPECT_EQ(1, page->sint_message[SINT].header.message_flags.asu8);
	EXPECT_EQ(0x1122334455667788, page->sint_message[SINT].u.payload[0]);

	/* As if the guest had taken it. */
	page->sint_message[SINT].header.message_type = HVMSG_NONE;
	ASSERT_EQ(0, vp_set_state(&self->vps[0], MSHV_VP_STATE_SIMP, page));
	runner_start(runner, &self->vps[0]);
	EXPECT_EQ(0, post(&self->vm, 0x78, &status));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 2));
	EXPECT_EQ(0, runner_stop(runner));
}

TEST_F(synic, message_without_a_synic)
{
	u16 status = 0;

	EXPECT_NE(0, post(&self->vm, 0x77, &status));
	EXPECT_NE(0, status);
	EXPECT_GT(0, ring(&self->vm, 1));
}

TEST_F(synic, event)
{
	struct runner *runner = &self->runners[0];
	u8 *page = memory_get(PAGE);

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &takes_messages));
	EXPECT_EQ(1, ring(&self->vm, 9));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 1));
	EXPECT_EQ(0, ring(&self->vm, 9));
	ASSERT_EQ(0, runner_stop(runner));
	EXPECT_EQ(1, runner->irqs[VECTOR]);
	ASSERT_EQ(0, vp_get_state(&self->vps[0], MSHV_VP_STATE_SIEFP, page));
	EXPECT_EQ(2, page[SINT * HV_EVENT_FLAGS_BYTE_COUNT + 1]);
}

/* A VP that is halted is woken, whoever schedules it. */
TEST_F(synic, timer_once)
{
	struct runner *runner = &self->runners[0];

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &timer_once));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR_TIMER] == 1));
	usleep(20000);
	EXPECT_EQ(0, runner_stop(runner));
	EXPECT_EQ(1, runner->irqs[VECTOR_TIMER]);
	/* It has been disabled by that. */
	EXPECT_EQ(TIMER_DIRECT + TIMER_AUTO + (VECTOR_TIMER << 4),
		  vp_get(&self->vps[0], HV_REGISTER_STIMER0_CONFIG));
}

TEST_F(synic, timer_again)
{
	struct runner *runner = &self->runners[0];

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &timer_again));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR_TIMER] >= 5));
	EXPECT_EQ(0, runner_stop(runner));
}

TEST_F(synic, timer_by_message)
{
	struct hv_synthetic_timers_state *state = memory_get(PAGE);
	struct hv_message_page *page = memory_get(PAGE);
	struct runner *runner = &self->runners[0];
	const struct hv_timer_message_payload *payload =
		(const void *)page->sint_message[SINT].u.payload;

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &timer_by_message));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 1));
	ASSERT_EQ(0, runner_stop(runner));
	ASSERT_EQ(0, vp_get_state(&self->vps[0], MSHV_VP_STATE_SIMP, page));
	EXPECT_EQ(HVMSG_TIMER_EXPIRED, page->sint_message[SINT].header.message_type);
	EXPECT_EQ(sizeof(*payload), page->sint_message[SINT].header.payload_size);
	EXPECT_EQ(0, payload->timer_index);
	EXPECT_LE(payload->expiration_time, payload->delivery_time);

	/* The next one finds its slot taken: it is kept, and seen in the state. */
	vp_set(&self->vps[0], HV_REGISTER_STIMER0_CONFIG, TIMER_ENABLE + (SINT << 16));
	ASSERT_EQ(0, vp_get_state(&self->vps[0], MSHV_VP_STATE_SYNTHETIC_TIMERS, state));
	EXPECT_EQ(1, 0U + state->timers[0].flags.undelivered_msg_pending);
	page->sint_message[SINT].header.message_type = HVMSG_NONE;
	ASSERT_EQ(0, vp_set_state(&self->vps[0], MSHV_VP_STATE_SIMP, page));
	runner_start(runner, &self->vps[0]);
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 2));
	EXPECT_EQ(0, runner_stop(runner));
}

/* Timers that another partition has had go on here. */
TEST_F(synic, timer_restored)
{
	struct hv_synthetic_timers_state *state = memory_get(PAGE);
	struct runner *runner = &self->runners[0];

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &timer_again));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR_TIMER] >= 1));
	ASSERT_EQ(0, runner_stop(runner));
	ASSERT_EQ(0, vp_get_state(&self->vps[0], MSHV_VP_STATE_SYNTHETIC_TIMERS, state));
	EXPECT_EQ(TIMER_UNITS, state->timers[0].count);

	ASSERT_EQ(0, vp_set_state(&self->vps[1], MSHV_VP_STATE_SYNTHETIC_TIMERS, state));
	runner = &self->runners[1];
	ASSERT_TRUE(get_ready(runner, &self->vps[1], &guest_rests));
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR_TIMER] >= 3));
	EXPECT_EQ(0, runner_stop(runner));
}

TEST_F(synic, idle)
{
	struct runner *runner = &self->runners[0];

	ASSERT_TRUE(get_ready(runner, &self->vps[0], &idles));
	usleep(20000);
	EXPECT_EQ(1, runner->reports);
	ASSERT_EQ(0, vm_assert(&self->vm, HV_X64_INTERRUPT_TYPE_FIXED, 0, VECTOR));
	EXPECT_TRUE(wait_until(runner->reports == 2));
	EXPECT_EQ(DONE, runner->report);
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR] == 1));
	EXPECT_EQ(0, runner_stop(runner));
}

static void prepare_call(struct vp *vp, u64 control, u64 input, u64 output)
{
	vp_enter(vp, GUEST_LONG, &calls);
	vp_set(vp, HV_X64_REGISTER_R15, control);
	vp_set(vp, HV_X64_REGISTER_RDX, input);
	vp_set(vp, HV_X64_REGISTER_R8, output);
}

TEST_F(synic, hypercalls_to_reach_others)
{
	struct hv_tlb_flush *flush = (void *)(self->vm.ram + CALL_INPUT);
	struct runner *runner = &self->runners[1];
	u32 value;

	/* It stays where it is while VP 0 gets its code anew. */
	vm_load(&self->vm, REST_CODE, GUEST_LONG, &guest_rests);
	vp_enter_at(&self->vps[1], GUEST_LONG, REST_CODE);
	runner_start(runner, &self->vps[1]);
	ASSERT_TRUE(wait_until(runner->reports || runner->left) && !runner->left);
	prepare_call(&self->vps[0], HVCALL_SEND_IPI | FAST, VECTOR_IPI, BIT(1));
	ASSERT_EQ(0, vp_run_to_report(&self->vps[0], &value));
	EXPECT_EQ(0, value);
	EXPECT_TRUE(wait_until(runner->irqs[VECTOR_IPI] == 1));

	/* A vector that is none; and one VP that forgets what it knows. */
	prepare_call(&self->vps[0], HVCALL_SEND_IPI | FAST, 1, BIT(1));
	ASSERT_EQ(0, vp_run_to_report(&self->vps[0], &value));
	EXPECT_EQ(HV_STATUS_INVALID_PARAMETER, value);
	flush->flags = HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES;
	prepare_call(&self->vps[0], HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, CALL_INPUT, 0);
	ASSERT_EQ(0, vp_run_to_report(&self->vps[0], &value));
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, runner_stop(runner));
}

TEST_F(synic, hypercall_that_the_vmm_makes)
{
	const struct hv_x64_hypercall_intercept_message *message =
		(const void *)self->vps[0].msg.u.payload;
	struct hv_input_install_intercept in = {
		.access_type = HV_INTERCEPT_ACCESS_MASK_EXECUTE,
		.intercept_type = HV_INTERCEPT_TYPE_HYPERCALL,
	};
	struct vp *vp = &self->vps[0];
	u32 value;

	/* Nobody makes it. */
	prepare_call(vp, NOBODYS_CALL | FAST, 5, 6);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(HV_STATUS_INVALID_HYPERCALL_CODE, value);

	ASSERT_EQ(0, hv_call(self->vm.fd, HVCALL_INSTALL_INTERCEPT, &in, sizeof(in), NULL, 0,
			     NULL));
	prepare_call(vp, NOBODYS_CALL | FAST, 5, 6);
	ASSERT_EQ(0, vp_run(vp));
	ASSERT_EQ(HVMSG_HYPERCALL_INTERCEPT, vp->msg.header.message_type);
	EXPECT_EQ(NOBODYS_CALL | FAST, message->rcx);
	EXPECT_EQ(5, message->rdx);
	EXPECT_EQ(6, message->r8);
	vp_set(vp, HV_X64_REGISTER_RAX, 0x4321);
	vp_set(vp, HV_X64_REGISTER_RIP, vp_header(vp)->rip + 3);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(0x4321, value);
}

/* The VMM is told when a slot has room. */
TEST_F(synic, slot_that_is_waited_for)
{
	const struct hv_x64_sint_deliverable_message *message =
		(const void *)self->vps[0].msg.u.payload;
	struct hv_register_assoc notify = {
		.name = HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
		.value.reg64 = BIT_ULL(HV_DELIVERABILITY_SINTS_SHIFT + SINT),
	};
	struct vp *vp = &self->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &takes_messages);
	/* While there is no slot nothing is told. */
	ASSERT_EQ(0, vp_set_registers(vp, &notify, 1));
	ASSERT_EQ(0, vp_run(vp));
	EXPECT_EQ(HVMSG_SYNIC_SINT_DELIVERABLE, vp->msg.header.message_type);
	EXPECT_EQ(BIT(SINT), message->deliverable_sints);
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(READY, value);
}

static int wait_for(struct vp *vp, u64 what)
{
	const struct hv_register_assoc notify = {
		.name = HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
		.value.reg64 = what,
	};

	return vp_set_registers(vp, &notify, 1);
}

/* What the VMM is told of next that its VP would take; -1: something else. */
static int told_of(struct vp *vp)
{
	const struct hv_x64_interruption_deliverable_message *message =
		(const void *)vp->msg.u.payload;

	if (vp_run(vp) || vp->msg.header.message_type != HVMSG_X64_INTERRUPTION_DELIVERABLE)
		return -1;
	return message->deliverable_type;
}

static void interrupt(struct vp *vp, u32 type, u32 vector)
{
	const union hv_x64_pending_interruption_register pending = {
		.interruption_pending = 1,
		.interruption_type = type,
		.interruption_vector = vector,
	};

	vp_set(vp, HV_REGISTER_PENDING_INTERRUPTION, pending.as_uint64);
}

/* The VMM is told when a VP would take an interrupt, once. */
TEST_F(synic, interrupt_that_is_waited_for)
{
	struct vp *vp = &self->vps[0];
	u32 value;

	vp_enter(vp, GUEST_LONG, &opens_up);
	ASSERT_EQ(0, wait_for(vp, HV_DELIVERABILITY_INTERRUPT));
	ASSERT_EQ(0, vp_run_to_report(vp, &value));
	EXPECT_EQ(READY, value);
	ASSERT_EQ(HV_INTERRUPTION_TYPE_INTERRUPT, told_of(vp));
	EXPECT_NE(0, vp_header(vp)->rflags & RFLAGS_IF);
	EXPECT_EQ(0, vp_get(vp, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS));
	interrupt(vp, HV_INTERRUPTION_TYPE_INTERRUPT, VECTOR);
	ASSERT_EQ(0, vp_run_to_port(vp, PORT_IRQ, &value));
	EXPECT_EQ(VECTOR, value & 0xff);
	/* NMIs are the hypervisor's, as the local APIC is. */
	EXPECT_NE(0, wait_for(vp, HV_DELIVERABILITY_NMI));
}

/* A VMM with local APICs of its own is told of NMIs, and of interrupts by priority. */
TEST(without_a_local_apic)
{
	const char *why = mshv_missing();
	struct vm vm;
	struct vp vp;
	u32 value;

	if (why)
		SKIP(return, "%s", why);
	vm_start(&vm, 0);
	vm_take_interrupts(&vm);
	vp_start(&vm, &vp, 0);
	vp_enter(&vp, GUEST_LONG, &lowers_its_tpr);
	if (wait_for(&vp, HV_DELIVERABILITY_INTERRUPT | 5 << HV_DELIVERABILITY_PRIORITY_SHIFT))
		SKIP(return, "the hypervisor does not tell of priorities");
	ASSERT_EQ(0, vp_run_to_report(&vp, &value));
	ASSERT_EQ(HV_INTERRUPTION_TYPE_INTERRUPT, told_of(&vp));
	EXPECT_EQ(3, 0U + vp_header(&vp)->cr8);

	/* None until the last one has ended. */
	vp_enter(&vp, GUEST_LONG, &opens_up);
	ASSERT_EQ(0, vp_run_to_report(&vp, &value));
	interrupt(&vp, HV_INTERRUPTION_TYPE_NMI, 2);
	ASSERT_EQ(0, wait_for(&vp, HV_DELIVERABILITY_NMI));
	ASSERT_EQ(0, vp_run_to_port(&vp, PORT_IRQ, &value));
	EXPECT_EQ(2, value & 0xff);
	EXPECT_EQ(HV_DELIVERABILITY_NMI, vp_get(&vp, HV_REGISTER_DELIVERABILITY_NOTIFICATIONS));
	ASSERT_EQ(HV_INTERRUPTION_TYPE_NMI, told_of(&vp));
	EXPECT_GT(GUEST_STUBS, vp_header(&vp)->rip);
	vp_stop(&vp);
	vm_stop(&vm);
}

TEST(nothing_that_was_not_granted)
{
	static const u32 msrs[] = {
		MSR_SCONTROL, MSR_SIMP, MSR_SINT4, MSR_CONFIG, MSR_COUNT, HV_X64_MSR_TPR,
	};
	union hv_partition_synthetic_processor_features features = {
		.hypervisor_present = 1,
		.hv1 = 1,
		.access_hypercall_regs = 1,
	};
	const char *why = mshv_missing();
	unsigned int i;
	struct vm vm;
	struct vp vp;
	u32 value;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vm_start_enlightened(&vm, features.as_uint64[0]));
	vm_take_interrupts(&vm);
	vm_load(&vm, GP_CODE, GUEST_LONG, &is_protected);
	vm_set_gate(&vm, GP_VECTOR, GP_CODE);
	vp_start(&vm, &vp, 0);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		vp_enter(&vp, GUEST_LONG, &writes_msr);
		vp_set(&vp, HV_X64_REGISTER_RCX, msrs[i]);
		ASSERT_EQ(0, vp_run_to_report(&vp, &value));
		EXPECT_EQ(PROTECTED, value) TH_LOG("MSR %#x", msrs[i]);
	}
	/* One that was. */
	vp_enter(&vp, GUEST_LONG, &writes_msr);
	vp_set(&vp, HV_X64_REGISTER_RCX, MSR_OS_ID);
	ASSERT_EQ(0, vp_run_to_report(&vp, &value));
	EXPECT_EQ(DONE, value);
	vp_stop(&vp);
	vm_stop(&vm);
}

TEST_HARNESS_MAIN
