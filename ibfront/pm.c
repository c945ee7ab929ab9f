// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Suspend is refused while a vib is attached, and with it save and migration:
 * RDMA connections and keys cannot be taken along.
 *
 * Xenbus drops what a driver's suspend callback returns. But Xen's do_suspend()
 * goes through dpm_suspend_start() like every suspend, which asks each device's
 * prepare callback first, before it has stopped any. So each vib has a child
 * device with a type whose prepare says no.
 */

#include <linux/pm.h>
#include <linux/slab.h>

#include "vib.h"

static int vib_pm_prepare(struct device *dev)
{
	dev_err(dev->parent,
		"suspend, save and migration are not supported while a vib is attached\n");
	return -EBUSY;
}

static const struct dev_pm_ops vib_pm_ops = {
	.prepare = vib_pm_prepare,
};

static void vib_pm_release(struct device *dev)
{
	kfree(dev);
}

static const struct device_type vib_pm_type = {
	.name = "vib_pm",
	.pm = &vib_pm_ops,
	.release = vib_pm_release,
};

/* Returns what to give to vib_pm_allow(), or an ERR_PTR. */
struct device *vib_pm_refuse(struct device *parent)
{
	struct device *dev;
	int err;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->parent = parent;
	dev->type = &vib_pm_type;
	err = dev_set_name(dev, "%s-pm", dev_name(parent));
	if (!err)
		err = device_add(dev);
	if (err) {
		put_device(dev);
		return ERR_PTR(err);
	}
	return dev;
}

void vib_pm_allow(struct device *pm_dev)
{
	device_unregister(pm_dev);
}
