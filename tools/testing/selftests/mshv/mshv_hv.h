/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of the Microsoft Hypervisor as a VMM uses it: the kernel's own
 * headers, made fit for a program, and what those lack.
 */
#ifndef SELFTESTS_MSHV_HV_H
#define SELFTESTS_MSHV_HV_H

#include <stddef.h>
#include <sys/types.h>

#include <linux/kconfig.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* What include/hyperv expects of the kernel's stddef.h. */
#define DECLARE_FLEX_ARRAY(type, name)	__DECLARE_FLEX_ARRAY(type, name)
#define __TRAILING_OVERLAP(type, name, fam, attrs, members)		\
	union {								\
		type name;						\
		struct {						\
			unsigned char before[offsetof(type, fam)];	\
			members						\
		} attrs;						\
	}

#include "../../../../include/hyperv/hvhdk.h"

#include <linux/mshv.h>

#include "hv_vmm.h"

#endif /* SELFTESTS_MSHV_HV_H */
