// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * IPoIB interfaces of ours tell the others of their addresses when they are up.
 *
 * An interface's hardware address has its QP's number, which is another one after a new
 * backend on a wire. Who has the old one would ask that for seconds before he asks all. So
 * a virtual Ethernet card announces itself when it has come to another host.
 */

#include <linux/if_arp.h>
#include <linux/netdevice.h>

#include "announce.h"

/* Which driver an interface's HCA has to be of. */
static const struct device_driver *vib_owner;

static int vib_netdev_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	/* IPoIB has carrier once it is in the group of broadcasts. The RTNL is held. */
	if (event == NETDEV_CHANGE && dev->type == ARPHRD_INFINIBAND && dev->dev.parent &&
	    dev->dev.parent->driver == vib_owner && netif_carrier_ok(dev))
		call_netdevice_notifiers(NETDEV_NOTIFY_PEERS, dev);
	return NOTIFY_DONE;
}

static struct notifier_block vib_netdevs = { .notifier_call = vib_netdev_event };

int vib_announce_init(const struct device_driver *driver)
{
	vib_owner = driver;
	return register_netdevice_notifier(&vib_netdevs);
}

void vib_announce_exit(void)
{
	unregister_netdevice_notifier(&vib_netdevs);
}
