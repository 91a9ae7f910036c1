// SPDX-License-Identifier: GPL-2.0-only
/*
 * A partition that can have children.
 */

#include "../hv/partition.h"
#include "message.h"
#include "parent.h"
#include "port.h"

static void pump(struct partition *partition)
{
	child_message_pump(partition);
	ports_pump(partition);
}

void child_parent_init(struct partition *partition)
{
	partition->pump = pump;
}
