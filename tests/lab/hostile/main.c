// SPDX-License-Identifier: GPL-2.0-or-later
/* The module: parameters, counts, and a vib from probe to remove. */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/platform_pci.h>
#include <xen/xen.h>

#include "hostile.h"

static unsigned long long seed = 1;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "what all attacks follow from");

unsigned int rounds = 30;
module_param(rounds, uint, 0644);
MODULE_PARM_DESC(rounds, "attacks on a connection before one ends it");

unsigned int victim_lid[VICTIMS];
module_param_array(victim_lid, uint, NULL, 0644);
unsigned int victim_qpn[VICTIMS];
module_param_array(victim_qpn, uint, NULL, 0644);
unsigned int victim_rkey[VICTIMS];
module_param_array(victim_rkey, uint, NULL, 0644);
unsigned long long victim_addr[VICTIMS];
module_param_array(victim_addr, ullong, NULL, 0644);
unsigned long long victim_guid[VICTIMS];
module_param_array(victim_guid, ullong, NULL, 0644);
MODULE_PARM_DESC(victim_lid, "of the innocent, as are their qpn, rkey, addr, port guid");

/* ---- counts -------------------------------------------------------------------- */

static atomic_t tallies[TALLIES];

static int tallies_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer,
			  "lives %d\nrefused %d\nkept %d\nrounds %d\nheard %d\nwrong %d\n",
			  atomic_read(&tallies[TALLY_LIVES]),
			  atomic_read(&tallies[TALLY_REFUSED]),
			  atomic_read(&tallies[TALLY_KEPT]),
			  atomic_read(&tallies[TALLY_ROUNDS]),
			  atomic_read(&tallies[TALLY_HEARD]),
			  atomic_read(&tallies[TALLY_WRONG]));
}

static const struct kernel_param_ops tallies_ops = { .get = tallies_get };
module_param_cb(tallies, &tallies_ops, NULL, 0444);
MODULE_PARM_DESC(tallies, "what has happened");

void tally(enum tally what)
{
	atomic_inc(&tallies[what]);
}

bool expect(struct hostile *h, const char *what, int want, int got)
{
	if (got == want)
		return true;
	/* What ended the connection is another attack's affair. */
	if (got == -ENODEV || !hostile_goes_on(h))
		return false;
	/* Quotas, and grants, that others have used up. */
	if (!want && (got == -ENOMEM || got == -ENOSPC)) {
		h->lacking = true;
		return false;
	}
	tally(TALLY_WRONG);
	dev_warn(&h->xbdev->dev, "wrong: %s: %d, and not %d\n", what, got, want);
	return false;
}

/* ---- the innocent ---------------------------------------------------------------- */

u32 victim(struct hostile *h, const unsigned int *of)
{
	u32 value = of[chance_below(&h->chance, VICTIMS)];

	return value ?: of[0];
}

u64 victim_address(struct hostile *h)
{
	u64 value = victim_addr[chance_below(&h->chance, VICTIMS)] ?: victim_addr[0];

	/* Within it, at its begin, before it. */
	return value + (chance_one_in(&h->chance, 2) ? 0 :
						       chance_below(&h->chance, 65536) - 64);
}

/* ---- a vib ------------------------------------------------------------------------- */

static void news(struct hostile *h)
{
	set_bit(0, &h->news);
	wake_up(&h->wake);
}

/* Everything made, attacked for some rounds, and ended. */
static void live(struct hostile *h)
{
	int err;

	h->served = true;
	hostile_state(h, XenbusStateConnected);
	err = world_make(h);
	if (err) {
		dev_warn(&h->xbdev->dev, "the world is not complete: %d\n", err);
	} else {
		tally(TALLY_LIVES);
		attack(h);
	}
	hostile_end(h);
}

static bool was_refused(struct hostile *h)
{
	char *error = xenbus_read(XBT_NIL, h->xbdev->otherend, VIB_BE_ERROR, NULL);

	if (IS_ERR(error))
		return false;
	dev_info(&h->xbdev->dev, "refused: %s\n", error);
	kfree(error);
	return true;
}

static void close_device(struct hostile *h)
{
	if (h->closed)
		return;
	h->closed = true;
	if (was_refused(h))
		tally(TALLY_REFUSED);
	hostile_end(h);
	hostile_state(h, XenbusStateClosed);
}

static void look(struct hostile *h)
{
	enum xenbus_state state = xenbus_read_driver_state(h->xbdev->otherend);

	switch (state) {
	case XenbusStateInitWait:
		hostile_answer(h);
		break;
	case XenbusStateConnected:
		if (hostile_alive(h))
			live(h);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		close_device(h);
		break;
	default:
		if (h->control)
			hostile_end(h);
		break;
	}
}

static int run(void *arg)
{
	struct hostile *h = arg;

	while (!kthread_should_stop()) {
		look(h);
		/* An offer that was made while it lived is found by looking again. */
		wait_event_interruptible_timeout(
			h->wake, test_and_clear_bit(0, &h->news) || kthread_should_stop(),
			h->closed ? MAX_SCHEDULE_TIMEOUT : HZ / 4);
	}
	return 0;
}

static int hostile_probe(struct xenbus_device *xbdev, const struct xenbus_device_id *id)
{
	static atomic_t born = ATOMIC_INIT(0);
	struct hostile *h = kvzalloc(sizeof(*h), GFP_KERNEL);
	u64 own = seed + atomic_inc_return(&born) - 1;
	int err = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->xbdev = xbdev;
	INIT_LIST_HEAD(&h->areas);
	init_waitqueue_head(&h->wake);
	spin_lock_init(&h->flip_lock);
	chance_begin(&h->chance, own);
	dev_set_drvdata(&xbdev->dev, h);

	h->flipper = kthread_create(flipper_run, h, "vib_flipper");
	if (IS_ERR(h->flipper))
		goto err_free;
	h->thread = kthread_create(run, h, "vib_hostile");
	if (IS_ERR(h->thread))
		goto err_flipper;
	dev_info(&xbdev->dev, "hostile, seed %llu\n", own);
	xenbus_switch_state(xbdev, XenbusStateInitialising);
	wake_up_process(h->flipper);
	wake_up_process(h->thread);
	return 0;

err_flipper:
	kthread_stop(h->flipper);
err_free:
	dev_set_drvdata(&xbdev->dev, NULL);
	kvfree(h);
	return err;
}

static void hostile_changed(struct xenbus_device *xbdev, enum xenbus_state state)
{
	struct hostile *h = dev_get_drvdata(&xbdev->dev);

	if (h)
		news(h);
}

static void hostile_remove(struct xenbus_device *xbdev)
{
	struct hostile *h = dev_get_drvdata(&xbdev->dev);

	kthread_stop(h->thread);
	kthread_stop(h->flipper);
	hostile_end(h);
	dev_set_drvdata(&xbdev->dev, NULL);
	kvfree(h);
}

static const struct xenbus_device_id hostile_ids[] = {
	{ VIB_KIND },
	{ "" }
};

static struct xenbus_driver hostile_driver = {
	.ids = hostile_ids,
	.probe = hostile_probe,
	.remove = hostile_remove,
	.otherend_changed = hostile_changed,
	.not_essential = true,
};

static int __init hostile_init(void)
{
	if (!xen_domain() || !xen_has_pv_devices())
		return -ENODEV;
	/* Without an owner, as ibfront: or it could not be unloaded. */
	return __xenbus_register_frontend(&hostile_driver, NULL, KBUILD_MODNAME);
}

static void __exit hostile_exit(void)
{
	xenbus_unregister_driver(&hostile_driver);
	kept_end(true);
}

module_init(hostile_init);
module_exit(hostile_exit);

MODULE_DESCRIPTION("A Xen virtual InfiniBand frontend that attacks its backend");
MODULE_LICENSE("GPL");
