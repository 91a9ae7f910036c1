// SPDX-License-Identifier: GPL-2.0-only
/*
 * The form of the hypercalls about child partitions and VPs: sizes, reserved
 * fields, and which function carries each out.
 */

#include <linux/string.h>
#include <hyperv/hvhdk.h>

#include "hv_fake_internal.h"

static bool hv_fake_create_partition_reserved_clear(const void *input)
{
	const struct hv_input_create_partition *in = input;

	return !in->padding;
}

static bool hv_fake_delete_vp_reserved_clear(const void *input)
{
	const union hv_input_delete_vp *in = input;

	return !memchr_inv(in->reserved, 0, sizeof(in->reserved));
}

static bool hv_fake_get_regs_reserved_clear(const void *input)
{
	const struct hv_input_get_vp_registers *in = input;

	return !in->rsvd_z8 && !in->rsvd_z16;
}

/* The beginning is that of the input of HVCALL_GET_VP_REGISTERS. */
static bool hv_fake_set_regs_reserved_clear(const void *input)
{
	const struct hv_input_set_vp_registers *in = input;

	return !in->rsvd_z8 && !in->rsvd_z16;
}

static bool hv_fake_map_state_reserved_clear(const void *input)
{
	const struct hv_input_map_vp_state_page *in = input;

	return !in->flags.reserved && !in->input_vtl.reserved_z;
}

static bool hv_fake_unmap_state_reserved_clear(const void *input)
{
	const struct hv_input_unmap_vp_state_page *in = input;

	return !in->reserved0 && !in->input_vtl.reserved_z;
}

/* Both calls begin with the same: a type, padding, an identity. */
static bool hv_fake_stats_reserved_clear(const void *input)
{
	const struct hv_input_unmap_stats_page *in = input;

	if (in->padding)
		return false;

	switch (in->type) {
	case HV_STATS_OBJECT_PARTITION:
		return !memchr_inv(in->identity.partition.reserved, 0,
				   sizeof(in->identity.partition.reserved));
	case HV_STATS_OBJECT_VP:
		return !in->identity.vp.flags && !in->identity.vp.reserved;
	default:
		return true;
	}
}

static bool hv_fake_assert_reserved_clear(const void *input)
{
	const struct hv_input_assert_virtual_interrupt *in = input;

#ifdef CONFIG_X86_64
	if (in->control.rsvd)
		return false;
#else
	if (in->control.rsvd1 || in->control.rsvd2)
		return false;
#endif
	return !in->rsvd_z0 && !in->rsvd_z1;
}

static bool hv_fake_apic_id_reserved_clear(const void *input)
{
	const struct hv_get_vp_from_apic_id_in *in = input;

	return !memchr_inv(in->res, 0, sizeof(in->res));
}

const struct hv_fake_op hv_fake_vp_ops[] = {
	{
		.code = HVCALL_CREATE_PARTITION,
		.input_size = sizeof(struct hv_input_create_partition),
		.output_size = sizeof(struct hv_output_create_partition),
		.reserved_clear = hv_fake_create_partition_reserved_clear,
		.answer = hv_fake_create_partition,
	},
	{
		.code = HVCALL_INITIALIZE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_initialize_partition),
		.answer = hv_fake_initialize_partition,
	},
	{
		.code = HVCALL_FINALIZE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_finalize_partition),
		.answer = hv_fake_finalize_partition,
	},
	{
		.code = HVCALL_DELETE_PARTITION,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(struct hv_input_delete_partition),
		.answer = hv_fake_delete_partition,
	},
	{
		.code = HVCALL_DEPOSIT_MEMORY,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_deposit_memory),
		.rep_input = sizeof(u64),
		.answer = hv_fake_deposit_memory,
	},
	{
		.code = HVCALL_WITHDRAW_MEMORY,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_withdraw_memory),
		.rep_output = sizeof(u64),
		.answer = hv_fake_withdraw_memory,
	},
	{
		.code = HVCALL_MAP_GPA_PAGES,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_map_gpa_pages),
		.rep_input = sizeof(u64),
		.answer = hv_fake_map_gpa_pages,
	},
	{
		.code = HVCALL_UNMAP_GPA_PAGES,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.input_size = sizeof(struct hv_input_unmap_gpa_pages),
		.answer = hv_fake_unmap_gpa_pages,
	},
	{
		.code = HVCALL_CREATE_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_create_vp),
		.answer = hv_fake_create_vp,
	},
	{
		.code = HVCALL_DELETE_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.fast = true,
		.input_size = sizeof(union hv_input_delete_vp),
		.reserved_clear = hv_fake_delete_vp_reserved_clear,
		.answer = hv_fake_delete_vp,
	},
	{
		.code = HVCALL_GET_VP_REGISTERS,
		.target = HV_FAKE_PARTITION_AND_VP,
		.rep = true,
		.input_size = sizeof(struct hv_input_get_vp_registers),
		.rep_input = sizeof(u32),
		.rep_output = sizeof(union hv_register_value),
		.reserved_clear = hv_fake_get_regs_reserved_clear,
		.answer = hv_fake_get_vp_registers,
	},
	{
		.code = HVCALL_SET_VP_REGISTERS,
		.target = HV_FAKE_PARTITION_AND_VP,
		.rep = true,
		.input_size = sizeof(struct hv_input_set_vp_registers),
		.rep_input = sizeof(struct hv_register_assoc),
		.reserved_clear = hv_fake_set_regs_reserved_clear,
		.answer = hv_fake_set_vp_registers,
	},
	{
		.code = HVCALL_MAP_VP_STATE_PAGE,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_input_map_vp_state_page),
		.output_size = sizeof(struct hv_output_map_vp_state_page),
		.reserved_clear = hv_fake_map_state_reserved_clear,
		.answer = hv_fake_map_vp_state_page,
	},
	{
		.code = HVCALL_UNMAP_VP_STATE_PAGE,
		.target = HV_FAKE_PARTITION_AND_VP,
		.input_size = sizeof(struct hv_input_unmap_vp_state_page),
		.reserved_clear = hv_fake_unmap_state_reserved_clear,
		.answer = hv_fake_unmap_vp_state_page,
	},
	{
		.code = HVCALL_MAP_STATS_PAGE2,
		.target = HV_FAKE_STATS_OBJECT,
		.input_size = sizeof(struct hv_input_map_stats_page2),
		.reserved_clear = hv_fake_stats_reserved_clear,
		.answer = hv_fake_map_stats_page2,
	},
	{
		.code = HVCALL_UNMAP_STATS_PAGE,
		.target = HV_FAKE_STATS_OBJECT,
		.input_size = sizeof(struct hv_input_unmap_stats_page),
		.reserved_clear = hv_fake_stats_reserved_clear,
		.answer = hv_fake_unmap_stats_page,
	},
	{
		.code = HVCALL_DISPATCH_VP,
		.target = HV_FAKE_PARTITION_AND_VP,
		.unlocked = true,
		.one_page = true,
		.input_size = sizeof(struct hv_input_dispatch_vp),
		.output_size = sizeof(struct hv_output_dispatch_vp),
		.answer = hv_fake_dispatch_vp,
	},
	{
		.code = HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		.target = HV_FAKE_PARTITION,
		.input_size = sizeof(struct hv_input_assert_virtual_interrupt),
		.reserved_clear = hv_fake_assert_reserved_clear,
		.answer = hv_fake_assert_virtual_interrupt,
	},
	{
		.code = HVCALL_CLEAR_VIRTUAL_INTERRUPT,
		.target = HV_FAKE_PARTITION,
		.fast = true,
		.input_size = sizeof(u64),
		.answer = hv_fake_clear_virtual_interrupt,
	},
	{
		/* The kernel's own caller has both arguments in one page. */
		.code = HVCALL_GET_VP_INDEX_FROM_APIC_ID,
		.target = HV_FAKE_PARTITION,
		.rep = true,
		.one_page = true,
		.input_size = sizeof(struct hv_get_vp_from_apic_id_in),
		.rep_input = sizeof(u32),
		.rep_output = sizeof(u32),
		.reserved_clear = hv_fake_apic_id_reserved_clear,
		.answer = hv_fake_get_vp_from_apic_id,
	},
	{}
};
