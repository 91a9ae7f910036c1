// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM, or whoever places its VMs, has to know about this machine, in the
 * attributes of the mshv device.
 *
 * All of it is known before the device is registered, and is kept in memory: no
 * file asks the hypervisor, so each can be read at any time, also when no VP can
 * run any more. Only the state changes while the device exists.
 *
 * See Documentation/ABI/testing/sysfs-class-misc-mshv.
 */

#include <linux/device.h>
#include <linux/sysfs.h>

#include "mshv.h"
#include "mshv_root.h"
#include "mshv_sched.h"

static ssize_t scheduler_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%s\n", mshv_sched_in_force_name());
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
	return sysfs_emit(buf, "%u\n", MSHV_MAX_VPS);
}
static DEVICE_ATTR_RO(max_vps);

static ssize_t interrupt_posting_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", mshv_sched_posts_interrupts());
}
static DEVICE_ATTR_RO(interrupt_posting);

static struct attribute *mshv_sysfs_attrs[] = {
	&dev_attr_dispatcher.attr,
	&dev_attr_interrupt_posting.attr,
	&dev_attr_max_vps.attr,
	&dev_attr_scheduler.attr,
	&dev_attr_state.attr,
	NULL
};

static const struct attribute_group mshv_sysfs_group = {
	.attrs = mshv_sysfs_attrs,
};

/* Made with the device: they are there before user space hears of it. */
const struct attribute_group *mshv_sysfs_groups[] = {
	&mshv_sysfs_group,
	NULL
};
