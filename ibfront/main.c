// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The module, and a vib from probe to remove.
 */

#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/platform_pci.h>
#include <xen/xen.h>

#include "announce.h"
#include "ram.h"
#include "verbs.h"

static int vib_probe(struct xenbus_device *xbdev,
		     const struct xenbus_device_id *id)
{
	struct vib *vib;
	int err;

	vib = kvzalloc(sizeof(*vib), GFP_KERNEL);
	if (!vib)
		return -ENOMEM;
	vib->xbdev = xbdev;
	spin_lock_init(&vib->lock);
	INIT_DELAYED_WORK(&vib->work, vib_lifecycle);
	INIT_WORK(&vib->event_work, vib_event);
	vib_commands_init(vib);
	vib_memory_init(vib);
	vib_objects_init(vib);
	vib->max_eqs = min_t(unsigned int, num_online_cpus(), VIB_MAX_EQS);

	vib->wq = alloc_ordered_workqueue("%s", 0, dev_name(&xbdev->dev));
	if (!vib->wq) {
		err = -ENOMEM;
		goto err_free;
	}

	vib->pm_dev = vib_pm_refuse(&xbdev->dev);
	if (IS_ERR(vib->pm_dev)) {
		err = PTR_ERR(vib->pm_dev);
		goto err_wq;
	}

	dev_set_drvdata(&xbdev->dev, vib);

	/* After an earlier life of this module the state is Closed. */
	xenbus_switch_state(xbdev, XenbusStateInitialising);
	/* The watch on the backend fires once when it is set, after probe. */
	return 0;

err_wq:
	destroy_workqueue(vib->wq);
err_free:
	kvfree(vib);
	return err;
}

static void vib_backend_changed(struct xenbus_device *xbdev,
				enum xenbus_state state)
{
	struct vib *vib = dev_get_drvdata(&xbdev->dev);

	/* A backend that closes answers no command that is still waited for. */
	if (state == XenbusStateClosing || state == XenbusStateClosed)
		vib_fail(vib, VIB_GONE, NULL);
	vib_look(vib);
}

/*
 * Objects are destroyed at the backend while there is one. It may be long gone:
 * then they end here alone, and nothing waits but for its pages, a little. One that has
 * failed is not told of their end, and goes before: who drains a QP of it waits for
 * completions that nobody else makes.
 */
static void vib_remove(struct xenbus_device *xbdev)
{
	struct vib *vib = dev_get_drvdata(&xbdev->dev);

	spin_lock_irq(&vib->lock);
	vib->removing = true;
	spin_unlock_irq(&vib->lock);
	cancel_delayed_work_sync(&vib->work);

	if (!READ_ONCE(vib->up)) {
		if (xbdev->state != XenbusStateClosed)
			xenbus_switch_state(xbdev, XenbusStateClosing);
		vib_part(vib);
		vib_disconnect(vib);
	}
	vib_unregister(vib);
	vib_commands_stop(vib);
	if (xbdev->state != XenbusStateClosed)
		xenbus_switch_state(xbdev, XenbusStateClosing);
	vib_disconnect(vib);
	vib_memory_release(vib);

	dev_set_drvdata(&xbdev->dev, NULL);
	vib_pm_allow(vib->pm_dev);
	destroy_workqueue(vib->wq);
	kvfree(vib);
}

static const struct xenbus_device_id vib_ids[] = {
	{ VIB_KIND },
	{ "" }
};

static struct xenbus_driver vib_driver = {
	.ids = vib_ids,
	.probe = vib_probe,
	.remove = vib_remove,
	.otherend_changed = vib_backend_changed,
	.not_essential = true,
};

static int __init ibfront_init(void)
{
	int err;

	if (!xen_domain() || !xen_has_pv_devices())
		return -ENODEV;

	err = vib_events_init();
	if (err)
		return err;

	err = vib_announce_init(&vib_driver.driver);
	if (err)
		goto err_events;

	vib_ram_init();

	/*
	 * Without an owner: xenbus would pin the module for as long as a device
	 * is bound, and rmmod would need each unbound by hand. Unregistering
	 * the driver removes them all and waits for their callbacks.
	 */
	err = __xenbus_register_frontend(&vib_driver, NULL, KBUILD_MODNAME);
	if (err)
		goto err_ram;
	return 0;

err_ram:
	vib_ram_exit();
	vib_announce_exit();
err_events:
	vib_events_exit();
	return err;
}

static void __exit ibfront_exit(void)
{
	xenbus_unregister_driver(&vib_driver);
	vib_ram_exit();
	vib_announce_exit();
	vib_events_exit();
}

module_init(ibfront_init);
module_exit(ibfront_exit);

MODULE_DESCRIPTION("Xen virtual InfiniBand HCA frontend");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_ALIAS("xen:" VIB_KIND);
