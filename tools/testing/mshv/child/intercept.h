/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parent is told when a VP of its child needs it.
 *
 * Each of these writes child_vp.message. None moves the VP on.
 */
#ifndef _HVEMU_CHILD_INTERCEPT_H
#define _HVEMU_CHILD_INTERCEPT_H

#include <linux/types.h>

struct child_vp;

/**
 * struct child_io - an access to IO ports, as KVM has handed it over
 * @port: which port
 * @size: bytes
 * @write: to the port
 * @moved: KVM would move RIP on: it still stands on the instruction
 */
struct child_io {
	u16 port;
	u8 size;
	bool write;
	bool moved;
};

/* Sets registers back to before the instruction, where KVM has changed them. */
void child_intercept_io(struct child_vp *vp, const struct child_io *io);
void child_intercept_gpa(struct child_vp *vp, u64 gpa, bool write);
void child_intercept_msr(struct child_vp *vp, u32 msr, bool write, u64 value);
void child_intercept_cpuid(struct child_vp *vp);
void child_intercept_halt(struct child_vp *vp);
void child_intercept_exception(struct child_vp *vp, u8 vector, u64 parameter);
void child_intercept_unrecoverable(struct child_vp *vp);
void child_intercept_eoi(struct child_vp *vp, u8 vector);
void child_intercept_hypercall(struct child_vp *vp);
void child_intercept_sints(struct child_vp *vp, u16 sints);
/* @type: HV_INTERRUPTION_TYPE_* */
void child_intercept_deliverable(struct child_vp *vp, u32 type);
void child_intercept_invalid_register(struct child_vp *vp);

/**
 * child_intercept_publish() - put the message where the parent looks
 * @vp: whose; child_vp.message is to be told
 *
 * Fills the register page first, then the intercept page, and sets
 * HV_REGISTER_INTERCEPT_SUSPEND. Telling the parent is the scheduler's.
 */
void child_intercept_publish(struct child_vp *vp);

#endif /* _HVEMU_CHILD_INTERCEPT_H */
