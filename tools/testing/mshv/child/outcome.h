/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an entry into a VP comes to.
 */
#ifndef _HVEMU_CHILD_OUTCOME_H
#define _HVEMU_CHILD_OUTCOME_H

/* What handle_exit() and its like have to say. */
enum outcome {
	GO_ON,
	INTERCEPTED,
	HALTED,
};

#endif /* _HVEMU_CHILD_OUTCOME_H */
