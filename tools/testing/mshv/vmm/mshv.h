/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child partition and its VPs, through /dev/mshv.
 */
#ifndef _VMM_MSHV_H
#define _VMM_MSHV_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <hyperv/hvhdk.h>

struct boot;

/**
 * struct mshv - a child partition
 * @device: /dev/mshv
 * @partition: what stands for the partition there
 */
struct mshv {
	int device;
	int partition;
};

/**
 * struct mshv_vp - one of its VPs
 * @index: its number, and its local APIC's
 * @fd: what stands for it
 * @regs: its register page, shared with the hypervisor
 * @message: likewise its intercept page
 * @run: a page shared with the kernel; NULL: this kernel has none
 */
struct mshv_vp {
	u32 index;
	int fd;
	struct hv_vp_register_page *regs;
	const struct hv_message *message;
	struct mshv_vp_run_page *run;
};

/* Say something on stderr. Returns -1, for it is what is wrong as a rule. */
int __printf(1, 2) vmm_say(const char *fmt, ...);

/*
 * Each of these returns 0, or -1 after saying on stderr what is wrong. What
 * mshv_create() and mshv_create_vp() have made is to be closed in either case.
 */

/* A partition with local APICs, initialized. */
int mshv_create(struct mshv *mshv, bool x2apic);

/* Give it memory: @size bytes from guest physical address @gpa. */
int mshv_add_memory(struct mshv *mshv, u64 gpa, u64 size, void *memory);

int mshv_create_vp(struct mshv *mshv, struct mshv_vp *vp, u32 index);

/* Have a VP begin where boot_load() says. It has not run yet. */
int mshv_set_start(struct mshv_vp *vp, const struct boot *boot);

/**
 * mshv_run() - run a VP until it needs us
 * @vp: which; its message says what it needs
 *
 * Return: 0, or a negative errno: -EINTR if a signal came first, or mshv_kick()
 * did.
 */
int mshv_run(struct mshv_vp *vp);

/**
 * mshv_kick() - have the next mshv_run() end at once
 * @vp: of which VP
 *
 * For the handler of the signal that ends one which is under way, on the thread that
 * runs the VP: the signal may have come just before. Without @run it does nothing, and
 * the signal has to be sent again.
 */
void mshv_kick(struct mshv_vp *vp);

/* Where a page of a VP's linear addresses is; -1: nowhere. Says nothing. */
int mshv_translate(struct mshv_vp *vp, u64 linear, bool write, u64 *gpa);

void mshv_close_vp(struct mshv_vp *vp);
void mshv_close(struct mshv *mshv);

#endif /* _VMM_MSHV_H */
