/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments that ioctls cannot take, and how to tell that it was the driver that refused a
 * hypercall.
 */
#ifndef SELFTESTS_MSHV_BAD_ARGUMENTS_H
#define SELFTESTS_MSHV_BAD_ARGUMENTS_H

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "vm.h"

/* An address at which there is never anything. */
#define NOWHERE		((void *)1)
#define KERNEL_ADDRESS	0xffff800000000000ULL

/* A page, the last one that is mapped there. */
static inline void *page_before_nothing(void)
{
	char *pages = memory_get(2 * PAGE);

	munmap(pages + PAGE, PAGE);
	return pages;
}

/*
 * Whether it was the driver that refused a hypercall. The hypervisor may say EINVAL
 * as well, but then the driver has written back with which status it did.
 */
static inline bool refused(int fd, u16 code, const void *in, size_t in_size,
			   void *out, size_t out_size)
{
	u16 status;

	return hv_call(fd, code, in, in_size, out, out_size, &status) == -EINVAL &&
	       status == HV_STATUS_SUCCESS;
}

#endif /* SELFTESTS_MSHV_BAD_ARGUMENTS_H */
