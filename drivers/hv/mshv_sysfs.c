// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody who runs VMs has to know about this machine, as files of the
 * mshv device: Documentation/ABI/testing/sysfs-class-misc-mshv.
 *
 * All of it is known before the device exists. Only the state changes later.
 */

#include <linux/device.h>
#include <linux/sysfs.h>
#include <asm/mshyperv.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

static ssize_t scheduler_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%s\n", mshv_sched_scheduler());
}
static DEVICE_ATTR_RO(scheduler);

static ssize_t dispatcher_show(struct device *dev, struct device_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%s\n", mshv_sched_ops->dispatcher);
}
static DEVICE_ATTR_RO(dispatcher);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", mshv_sched_closed() ? "closed" : "open");
}
static DEVICE_ATTR_RO(state);

static ssize_t max_vps_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", MSHV_MAX_VPS);
}
static DEVICE_ATTR_RO(max_vps);

static ssize_t posted_interrupts_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	bool posted = mshv_sched_ops->post_interrupt &&
		      (ms_hyperv.ext_features &
		       HV_VP_DISPATCH_INTERRUPT_INJECTION_AVAILABLE);

	return sysfs_emit(buf, "%d\n", posted);
}
static DEVICE_ATTR_RO(posted_interrupts);

static struct attribute *mshv_attrs[] = {
	&dev_attr_dispatcher.attr,
	&dev_attr_max_vps.attr,
	&dev_attr_posted_interrupts.attr,
	&dev_attr_scheduler.attr,
	&dev_attr_state.attr,
	NULL
};

static const struct attribute_group mshv_attr_group = {
	.attrs = mshv_attrs,
};

/* Registered with the device: they are there when user space learns of it. */
const struct attribute_group *mshv_sysfs_groups[] = {
	&mshv_attr_group,
	NULL
};
