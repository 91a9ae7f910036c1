/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's boot protocol on x86-64: put a kernel into guest memory and say how
 * the first VP begins.
 */
#ifndef _HVEMU_BOOT_H
#define _HVEMU_BOOT_H

#include <linux/kvm.h>

struct guest;

/**
 * struct boot - where the kernel begins
 * @entry: its 64-bit entry point, a guest physical address
 */
struct boot {
	u64 entry;
};

/**
 * boot_load() - load what a guest is to boot: kernel, initramfs, command line
 * @boot: filled in
 * @guest: gets it into its memory, and a memory map; its reserved pages are left
 *	out of that
 *
 * Return: 0, or -1 after saying on stderr what is wrong.
 */
int boot_load(struct boot *boot, const struct guest *guest);

/**
 * boot_registers() - as the 64-bit boot protocol wants them
 * @boot: from boot_load()
 * @regs: filled in
 * @sregs: changed where the protocol asks for it
 */
void boot_registers(const struct boot *boot, struct kvm_regs *regs,
		    struct kvm_sregs *sregs);

#endif /* _HVEMU_BOOT_H */
