// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of a child's VP by their names.
 */

#include <linux/kernel.h>
#include <hyperv/hvhdk.h>

#include "reg.h"
#include "register.h"
#include "register_events.h"
#include "register_msrs.h"
#include "register_state.h"
#include "vp.h"

static const struct child_reg_table *const tables[] = {
	&child_reg_events,
	&child_reg_state,
	&child_reg_msrs,
};

static const struct child_reg *find(u32 name)
{
	const struct child_reg *reg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (reg = tables[i]->regs; reg < tables[i]->regs + tables[i]->count; reg++)
			if (name >= reg->first && name <= reg->last)
				return reg;
	return NULL;
}

static u32 place_of(const struct child_reg *reg, u32 name)
{
	return reg->where + (name - reg->first) * reg->step;
}

u16 child_register_get(struct child_vp *vp, u32 name, union hv_register_value *value)
{
	const struct child_reg *reg = find(name);

	*value = (union hv_register_value) { };
	return reg ? reg->get(vp, place_of(reg, name), value) : HV_STATUS_INVALID_PARAMETER;
}

u16 child_register_set(struct child_vp *vp, u32 name, const union hv_register_value *value)
{
	const struct child_reg *reg = find(name);

	if (!reg)
		return HV_STATUS_INVALID_PARAMETER;
	/* TLFS: one that can only be read is answered as one that is not there. */
	return reg->set ? reg->set(vp, place_of(reg, name), value) : HV_STATUS_INVALID_PARAMETER;
}

bool child_register_suspends(u32 name)
{
	switch (name) {
	case HV_REGISTER_EXPLICIT_SUSPEND:
	case HV_REGISTER_INTERCEPT_SUSPEND:
	case HV_REGISTER_DISPATCH_SUSPEND:
		return true;
	default:
		return false;
	}
}
