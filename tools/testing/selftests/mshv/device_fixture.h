/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of /dev/mshv, as a fixture.
 */
#ifndef SELFTESTS_MSHV_DEVICE_FIXTURE_H
#define SELFTESTS_MSHV_DEVICE_FIXTURE_H

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "vm.h"

FIXTURE(device) {
	int fd;
};

FIXTURE_SETUP(device)
{
	self->fd = mshv_open();
	if (self->fd < 0)
		SKIP(return, "/dev/mshv: %s", strerror(-self->fd));
}

FIXTURE_TEARDOWN(device)
{
	close(self->fd);
}

static inline struct mshv_create_partition_v2 create_v2(void)
{
	return (struct mshv_create_partition_v2) {
		.pt_flags = VM_DEFAULT | BIT(MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES),
		.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS,
	};
}

#endif /* SELFTESTS_MSHV_DEVICE_FIXTURE_H */
