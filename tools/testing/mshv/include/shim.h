/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hypervisor's headers expect of the kernel, for a program. Included
 * before everything else (Makefile).
 */
#ifndef _HVEMU_SHIM_H
#define _HVEMU_SHIM_H

#include <sys/types.h>

#include <linux/kconfig.h>
#include <linux/stddef.h>

/* Macros of the kernel's own stddef.h, which as a whole is not for programs. */
#include "kernel-macros.h"

#endif /* _HVEMU_SHIM_H */
