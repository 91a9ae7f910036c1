/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parent is told by messages of its SynIC.
 */
#ifndef _HVEMU_CHILD_MESSAGE_H
#define _HVEMU_CHILD_MESSAGE_H

#include <linux/types.h>

struct child;
struct child_vp;
struct hv_message;
struct partition;

/**
 * child_message_post() - send the parent a message
 * @child: whom it is about
 * @message: is copied; its slot is that of SINT0
 *
 * Goes to a VP of the parent whose SynIC takes messages, if one does.
 *
 * Return: false if no VP has room for it.
 */
bool child_message_post(struct child *child, const struct hv_message *message);

/* Tell it of a VP's intercept. Return: false if no VP has room for that. */
bool child_message_intercept(struct child_vp *vp);

/* A message's slot has room: what the parent is owed goes now. */
void child_message_pump(struct partition *partition);

/* A child is no more: nothing that waits for its slot tells of it any longer. */
void child_message_forget(struct child *child);

#endif /* _HVEMU_CHILD_MESSAGE_H */
