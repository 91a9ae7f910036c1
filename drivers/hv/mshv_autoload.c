// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device for user space to load mshv_root by, in a root partition and an L1VH.
 *
 * Nothing on any bus stands for the right to create partitions. It is a bit in
 * the CPUID of the hypervisor, and no module alias can name that: those of x86
 * know the features of the processor, and "runs on a hypervisor" is true of
 * every guest. ACPI and VMBus devices are the same in an L1VH as in any other
 * guest, and a root partition has none of them.
 *
 * So this, which is built in if mshv_root is a module, registers a platform
 * device where mshv_root can load. No driver binds to it. udev finds the module
 * by its alias, when the device comes and when the devices of a booted system
 * are triggered again.
 */

#include <linux/crash_dump.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/platform_device.h>
#include <asm/mshyperv.h>

static int __init mshv_autoload_init(void)
{
	struct platform_device *pdev;

	/* As mshv_root has it: elsewhere it would only say that it cannot load. */
	if (!hv_parent_partition() || is_kdump_kernel())
		return 0;

	pdev = platform_device_register_simple("mshv_root", PLATFORM_DEVID_NONE,
					       NULL, 0);
	return PTR_ERR_OR_ZERO(pdev);
}
device_initcall(mshv_autoload_init);
