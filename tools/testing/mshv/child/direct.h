/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages and events that the parent sends to VPs of its children.
 */
#ifndef _HVEMU_CHILD_DIRECT_H
#define _HVEMU_CHILD_DIRECT_H

#include <linux/types.h>

struct hypercall;

u16 direct_post_message(struct hypercall *call);	/* HVCALL_POST_MESSAGE_DIRECT */
u16 direct_signal_event(struct hypercall *call);	/* HVCALL_SIGNAL_EVENT_DIRECT */

#endif /* _HVEMU_CHILD_DIRECT_H */
