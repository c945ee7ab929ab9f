// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An HCA that does DMA as far as anybody can tell: the ib_device of a PCI device that
 * is something else, named by the parameter "pci". It has no verbs and moves nothing,
 * but memory is mapped for it as for an HCA of that PCI device.
 */

#include <linux/module.h>
#include <linux/pci.h>

#include <rdma/ib_verbs.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

static char *pci;
module_param(pci, charp, 0444);
MODULE_PARM_DESC(pci, "The PCI device, as 0000:00:03.0");

struct fake {
	struct ib_device ib;
	struct device *dev; /* a reference */
};

static struct fake *fake;

static int fake_query_device(struct ib_device *ib, struct ib_device_attr *attr,
			     struct ib_udata *udata)
{
	return 0;
}

static int fake_query_port(struct ib_device *ib, u32 port, struct ib_port_attr *attr)
{
	attr->state = IB_PORT_DOWN;
	attr->gid_tbl_len = 1;
	attr->pkey_tbl_len = 1;
	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = IB_MTU_4096;
	attr->active_width = IB_WIDTH_4X;
	attr->active_speed = IB_SPEED_SDR;
	attr->phys_state = IB_PORT_PHYS_STATE_DISABLED;
	return 0;
}

static int fake_query_gid(struct ib_device *ib, u32 port, int index, union ib_gid *gid)
{
	memset(gid, 0, sizeof(*gid));
	return 0;
}

static int fake_query_pkey(struct ib_device *ib, u32 port, u16 index, u16 *pkey)
{
	*pkey = 0xffff;
	return 0;
}

static int fake_port_immutable(struct ib_device *ib, u32 port,
			       struct ib_port_immutable *immutable)
{
	immutable->gid_tbl_len = 1;
	immutable->pkey_tbl_len = 1;
	return 0;
}

static enum rdma_link_layer fake_link_layer(struct ib_device *ib, u32 port)
{
	return IB_LINK_LAYER_UNSPECIFIED;
}

static const struct ib_device_ops fake_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_UNKNOWN,
	.query_device = fake_query_device,
	.query_port = fake_query_port,
	.query_gid = fake_query_gid,
	.query_pkey = fake_query_pkey,
	.get_port_immutable = fake_port_immutable,
	.get_link_layer = fake_link_layer,
};

static int fake_register(struct device *dev)
{
	int err;

	fake = ib_alloc_device(fake, ib);
	if (!fake)
		return -ENOMEM;
	fake->dev = dev;
	fake->ib.node_type = RDMA_NODE_UNSPECIFIED;
	fake->ib.phys_port_cnt = 1;
	fake->ib.num_comp_vectors = 1;
	fake->ib.dev.parent = dev;
	ib_set_device_ops(&fake->ib, &fake_ops);
	err = ib_register_device(&fake->ib, "fake%d", dev);
	if (err)
		ib_dealloc_device(&fake->ib);
	return err;
}

static int __init fake_init(void)
{
	struct device *dev;
	int err;

	if (!pci)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, pci);
	if (!dev) {
		pr_err("there is no PCI device %s\n", pci);
		return -ENODEV;
	}
	err = fake_register(dev);
	if (err)
		put_device(dev);
	return err;
}

static void __exit fake_exit(void)
{
	struct device *dev = fake->dev;

	ib_unregister_device(&fake->ib);
	ib_dealloc_device(&fake->ib);
	put_device(dev);
}

module_init(fake_init);
module_exit(fake_exit);
MODULE_DESCRIPTION("An HCA that does DMA, for the lab");
MODULE_LICENSE("GPL");
