/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMM for KUnit: it uses mshv_root by its file operations alone, as a program
 * uses /dev/mshv, on top of a fake hypervisor (hv_fake.h).
 *
 * mshv_vmm_create() brings up what the driver's init would have, and creates
 * and initializes a partition. VPs run in the test's own thread, or in threads
 * of their own that a test can send signals to. mshv_vmm_destroy(), at the
 * latest when the test ends, closes all files, so that the driver tears the
 * partition down, and fails the test where that leaves anything behind in the
 * hypervisor.
 *
 * Which scheduler is in force is up to the test: mshv_vmm_use().
 *
 * There is no test case in mshv_vmm.[ch] and its parts; mshv_vmm_kunit.c tests
 * them.
 */
#ifndef _MSHV_VMM_H_
#define _MSHV_VMM_H_

#include <linux/types.h>
#include <hyperv/hvhdk.h>

#include "hv_fake.h"

struct eventfd_ctx;
struct file;
struct kunit;
struct mshv_sched_ops;
struct task_struct;

/* A VP as its VMM sees it: the file, and the model's VP behind it. */
struct mshv_vmm_vp {
	struct mshv_vmm *vmm;
	u32 index;
	/* NULL when closed. */
	struct file *file;
	struct hv_fake_vp *hv;
	/* The thread of mshv_vmm_start(), NULL if there is none. */
	struct task_struct *task;
};

/* A resampling irqfd: what raises the line, and what tells that it was dropped. */
struct mshv_vmm_resample {
	struct eventfd_ctx *event;
	struct eventfd_ctx *resample;
};

/* An ioeventfd: the eventfd, by both of its names, and the address that signals it. */
struct mshv_vmm_doorbell {
	struct eventfd_ctx *event;
	int fd;
	u64 gpa;
};

/* The VMM of one partition. */
struct mshv_vmm;

void mshv_vmm_use(struct kunit *test, const struct mshv_sched_ops *ops);
struct mshv_vmm *mshv_vmm_create(struct kunit *test, struct hv_fake *fake);
int mshv_vmm_try_create(struct mshv_vmm *vmm);
void mshv_vmm_destroy(struct mshv_vmm *vmm);
void mshv_vmm_set_ext_features(struct mshv_vmm *vmm, u32 ext_features);

u64 mshv_vmm_partition_id(const struct mshv_vmm *vmm);
struct file *mshv_vmm_file(const struct mshv_vmm *vmm);

long mshv_vmm_partition_ioctl(struct mshv_vmm *vmm, unsigned int cmd,
			      void *args, size_t size);
long mshv_vmm_try_create_vp(struct mshv_vmm *vmm, u32 index,
			    struct mshv_vmm_vp **vp);
struct mshv_vmm_vp *mshv_vmm_create_vp(struct mshv_vmm *vmm, u32 index);
long mshv_vmm_vp_ioctl(struct mshv_vmm_vp *vp, unsigned int cmd, void *args,
		       size_t size);
long mshv_vmm_set_register(struct mshv_vmm_vp *vp, u32 name, u64 value);
void mshv_vmm_close_vp(struct mshv_vmm_vp *vp);
void mshv_vmm_close_partition(struct mshv_vmm *vmm);

long mshv_vmm_run(struct mshv_vmm_vp *vp, struct hv_message *msg);
long mshv_vmm_run_nowhere(struct mshv_vmm_vp *vp);
unsigned long mshv_vmm_mmap(struct mshv_vmm_vp *vp, unsigned long pgoff,
			    unsigned long pages, unsigned long flags);

void mshv_vmm_pin(struct mshv_vmm_vp *vp, unsigned int cpu);
void mshv_vmm_start(struct mshv_vmm_vp *vp);
void mshv_vmm_start_body(struct mshv_vmm_vp *vp,
			 long (*body)(struct mshv_vmm_vp *vp, void *data),
			 void *data);
bool mshv_vmm_wait_asleep(struct mshv_vmm_vp *vp);
bool mshv_vmm_wait_dispatching(struct mshv_vmm_vp *vp);
bool mshv_vmm_returned(struct mshv_vmm_vp *vp);
void mshv_vmm_signal(struct mshv_vmm_vp *vp, int sig);
long mshv_vmm_join(struct mshv_vmm_vp *vp, struct hv_message *msg);

long mshv_vmm_route(struct mshv_vmm *vmm, u32 gsi, u32 apic_id, u32 data);
long mshv_vmm_route_to(struct mshv_vmm *vmm, u32 gsi, u32 address, u32 data);
long mshv_vmm_unroute(struct mshv_vmm *vmm);
struct eventfd_ctx *mshv_vmm_irqfd(struct mshv_vmm *vmm, u32 gsi);
long mshv_vmm_irqfd_resample(struct mshv_vmm *vmm, u32 gsi,
			     struct mshv_vmm_resample *resample);
u64 mshv_vmm_resampled(const struct mshv_vmm_resample *resample);
long mshv_vmm_irqfd_deassign(struct mshv_vmm *vmm, u32 gsi);
long mshv_vmm_irqfd_shared(struct mshv_vmm *vmm, u32 gsi, const struct mshv_vmm *other);
void mshv_vmm_doorbell(struct mshv_vmm *vmm, struct mshv_vmm_doorbell *doorbell, u64 gpa);
long mshv_vmm_doorbell_connect(struct mshv_vmm *vmm,
			       const struct mshv_vmm_doorbell *doorbell, bool on);
u64 mshv_vmm_rung(const struct mshv_vmm_doorbell *doorbell);

u64 mshv_vmm_kicks(const struct mshv_vmm_vp *vp);

#endif /* _MSHV_VMM_H_ */
