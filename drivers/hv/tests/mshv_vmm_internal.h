/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the VMM for KUnit share; tests include mshv_vmm.h only.
 */
#ifndef _MSHV_VMM_INTERNAL_H_
#define _MSHV_VMM_INTERNAL_H_

#include <linux/completion.h>
#include <linux/mm_types.h>
#include <linux/types.h>
/* For mshv_root.h, which does not include it itself in each kernel. */
#include <asm/mshyperv.h>
#include <hyperv/hvhdk.h>
#include <uapi/linux/mshv.h>

#include "../mshv_root.h"
#include "hv_fake.h"
#include "mshv_vmm.h"

#define MSHV_VMM_ROUTES		16
#define MSHV_VMM_EVENTFDS	16
#define MSHV_VMM_MAPPINGS	16

/* The VMM's user memory: arguments of ioctls, then a message for each VP. */
#define MSHV_VMM_ARGS_BYTES	PAGE_SIZE
#define MSHV_VMM_USER_BYTES \
	(MSHV_VMM_ARGS_BYTES + MSHV_MAX_VPS * sizeof(struct hv_message))

struct mshv_vmm_runner {
	struct mshv_vmm_vp vp;
	int cpu;
	/* What its thread does; NULL: it runs the VP, once. */
	long (*body)(struct mshv_vmm_vp *vp, void *data);
	void *data;
	/* Its thread takes signals; one that came before would be ignored. */
	struct completion ready;
	struct completion done;
	bool in_ioctl;
	long result;
	struct hv_message msg;
};

struct mshv_vmm {
	struct kunit *test;
	struct hv_fake *fake;
	struct mm_struct *mm;
	unsigned long user;
	u64 partition_id;
	/* NULL when closed. */
	struct file *file;
	struct mshv_vmm_runner *vps[MSHV_MAX_VPS];
	u32 saved_ext_features;

	struct mshv_user_irq_entry routes[MSHV_VMM_ROUTES];
	unsigned int nr_routes;
	int eventfds[MSHV_VMM_EVENTFDS];
	struct eventfd_ctx *eventfd_ctxs[MSHV_VMM_EVENTFDS];
	unsigned int nr_eventfds;
	/* A page each, of a VP's file. */
	unsigned long mappings[MSHV_VMM_MAPPINGS];
	unsigned int nr_mappings;
	bool destroyed;
};

/* mshv_vmm_run.c: before the VMM's memory and files go, its threads do. */
bool mshv_vmm_stop(struct mshv_vmm_runner *runner);

#endif /* _MSHV_VMM_INTERNAL_H_ */
