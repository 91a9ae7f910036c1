/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the fake hypervisor share; tests include hv_fake.h only.
 */
#ifndef _HV_FAKE_INTERNAL_H_
#define _HV_FAKE_INTERNAL_H_

#include <linux/bitmap.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "hv_fake.h"

/* Call codes from this one on are counted together. */
#define HV_FAKE_NR_CODES	0x200

/* Messages that can be held back, or under way unasked, at one time. */
#define HV_FAKE_MAX_MESSAGES	32

/* Ports at one time. */
#define HV_FAKE_MAX_PORTS	8

struct hv_fake_property {
	u32 code;
	size_t size;
	u8 value[HV_FAKE_PROPERTY_BYTES];
};

struct hv_fake_armed_fault {
	struct hv_fake_fault fault;
	unsigned int seen;
};

/**
 * struct hv_fake_request - a hypercall on its way to its handler
 */
struct hv_fake_request {
	/** @op: what is asked */
	const struct hv_fake_op *op;
	/** @control: the control word */
	u64 control;
	/** @input: the input; of a fast call, @fast */
	const void *input;
	/** @output: the output, NULL if the call has none */
	void *output;
	/** @fast: the parameters of a fast call */
	u64 fast[2];
	/** @start: the first repetition to be carried out */
	unsigned int start;
	/** @end: the one after the last; 0 for a call without repetitions */
	unsigned int end;
	/** @preemptible: whether preemption was on when the call was made */
	bool preemptible;
};

/* What a hypercall's input names. */
enum hv_fake_target {
	HV_FAKE_NO_TARGET,
	/* u64 partition_id at the start */
	HV_FAKE_PARTITION,
	/* u64 partition_id, u32 vp_index at the start */
	HV_FAKE_PARTITION_AND_VP,
	/* a type, then a union hv_stats_object_identity */
	HV_FAKE_STATS_OBJECT,
};

/**
 * struct hv_fake_op - a hypercall that the fake models
 * @code: call code
 * @target: what the input names
 * @fast: whether the parameters come in registers; @input_size is how much
 * @rep: whether it is a repetition call
 * @root_only: an L1VH has no privilege for it
 * @one_page: the output may be in the input's page, behind the input
 * @unlocked: @answer takes the lock itself
 * @input_size: bytes of input; of a repetition call, before the first element
 * @output_size: bytes of output, at most; none of a repetition call
 * @rep_input: bytes of input for each repetition
 * @rep_output: bytes of output for each repetition
 * @property: the property that an input names; NULL if it names none
 * @reserved_clear: whether the input's reserved fields are all zero; NULL if it
 *	has none, or if callers of this call leave them as they are
 * @answer: carry out the call. Of a repetition call, the result tells how many
 *	were carried out, see hv_fake_reps().
 */
struct hv_fake_op {
	u16 code;
	enum hv_fake_target target;
	bool fast;
	bool rep;
	bool root_only;
	bool one_page;
	bool unlocked;
	size_t input_size;
	size_t output_size;
	size_t rep_input;
	size_t rep_output;
	u32 (*property)(const void *input);
	bool (*reserved_clear)(const void *input);
	u64 (*answer)(struct hv_fake *fake, const struct hv_fake_request *rq);
};

/* A message on its way to mshv_isr(). */
struct hv_fake_post {
	struct irq_work work;
	struct hv_message msg;
	struct hv_fake *fake;
	bool busy;
	bool acknowledged;
};

/* A doorbell's port, from CREATE_PORT to DELETE_PORT. */
struct hv_fake_port {
	/* The driver has none that is 0. */
	u32 id;
	/* Of CONNECT_PORT: the guest's writes reach it. */
	u32 connection;
	u64 partition;
};

enum hv_fake_partition_state {
	HV_FAKE_CREATED,
	HV_FAKE_INITIALIZED,
	HV_FAKE_FINALIZED,
	HV_FAKE_DELETED,
};

/* How many pages of 4 KiB a large one is. */
#define HV_FAKE_LARGE_PAGES	512

/* As MSHV_MAX_VPS. */
#define HV_FAKE_PARTITION_VPS	256

struct hv_fake_partition {
	struct list_head node;
	u64 id;
	enum hv_fake_partition_state state;
	struct list_head deposited;
	unsigned int nr_deposited;
	struct page *stats_pages[2];
	/* Which pages the guest can get at. */
	DECLARE_BITMAP(given, HV_FAKE_GFNS);
	/* Which are mapped without access. */
	DECLARE_BITMAP(withheld, HV_FAKE_GFNS);
	struct hv_input_assert_virtual_interrupt last_assert;
	unsigned int nr_asserts;
	unsigned int nr_clears;
	struct hv_fake_vp *vps[HV_FAKE_PARTITION_VPS];
};

struct hv_fake_vp {
	struct list_head node;
	struct hv_fake *fake;
	struct hv_fake_partition *partition;
	u32 index;
	u32 apic_id;

	bool explicit_suspend;
	bool intercept_suspend;
	bool dispatch_suspend;
	bool blocked;
	/* Dispatched at least once, or taken for it. */
	bool started;
	/* The last dispatch told of the explicit suspension. */
	bool suspend_reported;
	bool dispatching;
	/* Signals sent since the VP blocked. */
	unsigned int signals;
	u64 signal_count;
	/* Signals sent ever, counted or not, and how many were not. */
	u64 signals_sent;
	u64 signals_uncounted;
	unsigned int dispatches;
	unsigned int rechecks;
	u32 injected[256];

	struct hv_fake_set sets[HV_FAKE_MAX_SETS];
	unsigned int nr_sets;

	/* See hv_fake_vp_touch(). */
	unsigned int touches;
	u64 touched_gpa;

	struct page *state_pages[HV_VP_STATE_PAGE_COUNT];
	struct page *stats_pages[2];

	struct list_head script;
};

/* An outcome in a VP's script, or a free one. */
struct hv_fake_step {
	struct list_head node;
	struct hv_fake_outcome outcome;
};

struct hv_fake {
	struct kunit *test;

	/* Protects all below: hypercalls come from any CPU and context. */
	raw_spinlock_t lock;

	/* The model. */
	u32 scheduler_type;
	bool scheduler_type_set;
	struct hv_fake_property properties[HV_FAKE_MAX_PROPERTIES];
	unsigned int nr_properties;

	/* What this partition itself was asked to deposit. */
	struct hv_fake_partition self;
	/* All there ever were, in the order of their creation. */
	struct list_head partitions;
	unsigned int nr_partitions;
	struct list_head free_partitions;
	struct list_head free_vps;
	/* All that the three lists are made of. */
	struct list_head memory;
	struct list_head free_steps;
	bool no_signal_on_resume;

	/* Messages. */
	struct hv_message held[HV_FAKE_MAX_MESSAGES];
	unsigned int nr_held;
	struct hv_fake_post posts[HV_FAKE_MAX_MESSAGES];
	struct hv_fake_port ports[HV_FAKE_MAX_PORTS];
	/* See hv_fake_ring_during(). */
	u16 ring_during;
	bool ring_held;

	/* What goes wrong. */
	struct hv_fake_armed_fault faults[HV_FAKE_MAX_FAULTS];
	unsigned int nr_faults;

	/* What was seen. */
	struct hv_fake_call *calls;
	unsigned int nr_calls;
	unsigned int code_calls[HV_FAKE_NR_CODES];
	unsigned int violations[HV_FAKE_NR_VIOLATIONS];

	/* What hv_fake_put_back() needs. */
	enum hv_partition_type saved_type;
#ifdef CONFIG_X86_64
	u64 (*saved_hypercall)(u64 control, u64 param1, u64 param2);
#endif
};

/*
 * What follows is called with the fake's lock held, if not said otherwise.
 */

u64 hv_fake_violated(struct hv_fake *fake, enum hv_fake_violation what,
		     u64 status);

/*
 * hv_fake_page.c
 */

/* What hv_fake_page_take() makes of a page that is deposited. */
extern const char hv_fake_deposit_tag;

/* A page of the caller's becomes the fake's, and the caller's again. */
struct page *hv_fake_page_take(struct hv_fake *fake, u64 pfn,
			       const char *tag);
void hv_fake_page_give_back(struct page *page);

/* The slots are hv_fake_overlay.c's. */
u64 hv_fake_map(struct hv_fake *fake, struct page **slot, u64 pfn);
u64 hv_fake_unmap(struct hv_fake *fake, struct page **slot);

/* How many overlay pages there are; none may be left when the owner goes. */
unsigned int hv_fake_vp_mapped(const struct hv_fake_vp *vp);
unsigned int
hv_fake_partition_mapped(const struct hv_fake_partition *partition);

/* All pages of what goes away are the caller's again. */
void hv_fake_vp_forget(struct hv_fake *fake, struct hv_fake_vp *vp);
void hv_fake_partition_forget(struct hv_fake *fake,
			      struct hv_fake_partition *partition);

/*
 * hv_fake_partition.c
 */

/* For hypercalls; NULL if there is none with this id. */
struct hv_fake_partition *hv_fake_find(struct hv_fake *fake, u64 id);

/* For what tests ask; with an id that there never was, this partition itself. */
struct hv_fake_partition *hv_fake_known(struct hv_fake *fake, u64 id);

/*
 * hv_fake_vp.c
 */

/* For hypercalls about a VP, wherever they are carried out. */
u64 hv_fake_find_vp(struct hv_fake *fake, u64 id, u32 index,
		    struct hv_fake_vp **vp);

/*
 * hv_fake_overlay.c
 */

/* The word of the statistics that says "blocked": for signals and dispatches. */
u64 hv_fake_counter_word(const struct hv_fake_vp *vp);
void hv_fake_write_counter_word(struct hv_fake_vp *vp, u64 value);

/*
 * hv_fake_signal.c
 */

/* A dispatch ends with either. */
void hv_fake_block(struct hv_fake_vp *vp);
void hv_fake_unblock(struct hv_fake_vp *vp);

/* The register EXPLICIT_SUSPEND was cleared. */
void hv_fake_resume(struct hv_fake *fake, struct hv_fake_vp *vp);

/*
 * hv_fake_intercept.c
 */

/* A dispatch has ended with an intercept. */
void hv_fake_fill_intercept(struct hv_fake_vp *vp, u32 type, u64 gpa);
void hv_fake_intercept_message(struct hv_message *msg, const struct hv_fake_vp *vp);

/* Whether a VP runs, where the hypervisor schedules VPs. */
static inline bool hv_fake_runs(const struct hv_fake_vp *vp)
{
	return !vp->explicit_suspend && !vp->intercept_suspend;
}

/*
 * hv_fake_vp_ops.c
 */

/* The hypercalls about partitions and VPs; the last has no @answer. */
extern const struct hv_fake_op hv_fake_vp_ops[];

/*
 * What that table names, by the file that has it
 */

/* hv_fake_partition.c */
u64 hv_fake_create_partition(struct hv_fake *fake,
			     const struct hv_fake_request *rq);
u64 hv_fake_initialize_partition(struct hv_fake *fake,
				 const struct hv_fake_request *rq);
u64 hv_fake_finalize_partition(struct hv_fake *fake,
			       const struct hv_fake_request *rq);
u64 hv_fake_delete_partition(struct hv_fake *fake,
			     const struct hv_fake_request *rq);

/* hv_fake_memory.c */
u64 hv_fake_deposit_memory(struct hv_fake *fake,
			   const struct hv_fake_request *rq);
u64 hv_fake_withdraw_memory(struct hv_fake *fake,
			    const struct hv_fake_request *rq);
u64 hv_fake_map_gpa_pages(struct hv_fake *fake,
			  const struct hv_fake_request *rq);
u64 hv_fake_unmap_gpa_pages(struct hv_fake *fake,
			    const struct hv_fake_request *rq);

/* hv_fake_vp.c */
u64 hv_fake_create_vp(struct hv_fake *fake, const struct hv_fake_request *rq);
u64 hv_fake_delete_vp(struct hv_fake *fake, const struct hv_fake_request *rq);
u64 hv_fake_get_vp_registers(struct hv_fake *fake,
			     const struct hv_fake_request *rq);
u64 hv_fake_set_vp_registers(struct hv_fake *fake,
			     const struct hv_fake_request *rq);

/* hv_fake_overlay.c */
u64 hv_fake_map_vp_state_page(struct hv_fake *fake,
			      const struct hv_fake_request *rq);
u64 hv_fake_unmap_vp_state_page(struct hv_fake *fake,
				const struct hv_fake_request *rq);
u64 hv_fake_map_stats_page2(struct hv_fake *fake,
			    const struct hv_fake_request *rq);
u64 hv_fake_unmap_stats_page(struct hv_fake *fake,
			     const struct hv_fake_request *rq);

/* hv_fake_dispatch.c; called without the lock */
u64 hv_fake_dispatch_vp(struct hv_fake *fake, const struct hv_fake_request *rq);

/* hv_fake_irq.c */
u64 hv_fake_assert_virtual_interrupt(struct hv_fake *fake,
				     const struct hv_fake_request *rq);
u64 hv_fake_clear_virtual_interrupt(struct hv_fake *fake,
				    const struct hv_fake_request *rq);
u64 hv_fake_get_vp_from_apic_id(struct hv_fake *fake,
				const struct hv_fake_request *rq);

/*
 * hv_fake_model.c. Both may sleep; no hypercall may be under way.
 */

int hv_fake_vp_install(struct hv_fake *fake);
void hv_fake_vp_remove(struct hv_fake *fake);

/*
 * hv_fake_synic.c. The first two may sleep; no hypercall may be under way.
 */

/* The hypercalls about ports; the last has no @answer. */
extern const struct hv_fake_op hv_fake_port_ops[];

int hv_fake_synic_install(struct hv_fake *fake);
void hv_fake_synic_remove(struct hv_fake *fake);
void hv_fake_post(struct hv_fake *fake, const struct hv_message *msg);

/* The result of a repetition call that has carried out @reps of them. */
static inline u64 hv_fake_reps(u64 status, unsigned int reps)
{
	return status | (u64)reps << HV_HYPERCALL_REP_COMP_OFFSET;
}

#endif /* _HV_FAKE_INTERNAL_H_ */
