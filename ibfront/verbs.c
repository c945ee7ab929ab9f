// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The ib_device and its operations. Queries are answered from what the last
 * backend said, with or without a backend.
 */

#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/utsname.h>

#include <rdma/uverbs_ioctl.h>

#include "vib.h"

static struct vib_ibdev *to_vibdev(struct ib_device *ibdev)
{
	return container_of(ibdev, struct vib_ibdev, ibdev);
}

/* The ABI's limits are unsigned, ib_core's are not. */
static int vib_limit(u32 value)
{
	return min_t(u32, value, INT_MAX);
}

static int vib_verb_query_device(struct ib_device *ibdev,
				 struct ib_device_attr *props,
				 struct ib_udata *udata)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);
	struct vib_device_attr attr;

	if (udata->inlen || udata->outlen)
		return -EINVAL;

	spin_lock(&dev->lock);
	attr = dev->info.device;
	spin_unlock(&dev->lock);

	props->fw_ver = attr.fw_ver;
	props->sys_image_guid = attr.sys_image_guid;
	props->max_mr_size = attr.max_mr_size;
	props->page_size_cap = PAGE_SIZE;
	props->vendor_id = attr.vendor_id;
	props->vendor_part_id = attr.vendor_part_id;
	props->hw_ver = attr.hw_ver;
	props->max_qp = vib_limit(attr.max_qp);
	props->max_qp_wr = vib_limit(attr.max_qp_wr);
	props->device_cap_flags = IB_DEVICE_PORT_ACTIVE_EVENT |
				  IB_DEVICE_SYS_IMAGE_GUID;
	props->max_send_sge = vib_limit(attr.max_send_sge);
	props->max_recv_sge = vib_limit(attr.max_recv_sge);
	props->max_sge_rd = vib_limit(attr.max_sge_rd);
	props->max_cq = vib_limit(attr.max_cq);
	props->max_cqe = vib_limit(attr.max_cqe);
	props->max_mr = vib_limit(attr.max_mr);
	props->max_pd = vib_limit(attr.max_pd);
	props->max_qp_rd_atom = vib_limit(attr.max_qp_rd_atom);
	props->max_qp_init_rd_atom = vib_limit(attr.max_qp_init_rd_atom);
	props->atomic_cap = attr.atomic_cap;
	props->max_mcast_grp = vib_limit(attr.max_mcast_grp);
	props->max_mcast_qp_attach = vib_limit(attr.max_mcast_qp_attach);
	props->max_ah = vib_limit(attr.max_ah);
	props->max_srq = vib_limit(attr.max_srq);
	props->max_srq_wr = vib_limit(attr.max_srq_wr);
	props->max_srq_sge = vib_limit(attr.max_srq_sge);
	props->max_fast_reg_page_list_len = attr.max_fast_reg_pages;
	props->max_pkeys = attr.max_pkeys;
	return 0;
}

static int vib_verb_query_port(struct ib_device *ibdev, u32 port_num,
			       struct ib_port_attr *props)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);
	struct vib_port_attr attr;

	spin_lock(&dev->lock);
	attr = dev->info.port;
	spin_unlock(&dev->lock);

	props->state = attr.state;
	props->phys_state = attr.phys_state;
	props->max_mtu = attr.max_mtu;
	props->active_mtu = attr.active_mtu;
	props->gid_tbl_len = dev->gid_tbl_len;
	props->pkey_tbl_len = dev->pkey_tbl_len;
	props->port_cap_flags = attr.cap_mask;
	props->max_msg_sz = attr.max_msg_sz;
	props->bad_pkey_cntr = attr.bad_pkey_cntr;
	props->qkey_viol_cntr = attr.qkey_viol_cntr;
	props->lid = attr.lid;
	props->sm_lid = attr.sm_lid;
	props->lmc = attr.lmc;
	props->sm_sl = attr.sm_sl;
	props->max_vl_num = attr.max_vl_num;
	props->subnet_timeout = attr.subnet_timeout;
	props->active_width = attr.active_width;
	props->active_speed = attr.active_speed;
	return 0;
}

static int vib_verb_query_gid(struct ib_device *ibdev, u32 port_num, int index,
			      union ib_gid *gid)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);

	if (index < 0 || index >= VIB_MAX_GIDS)
		return -EINVAL;

	BUILD_BUG_ON(sizeof(gid->raw) != sizeof(dev->info.gids[0].raw));
	spin_lock(&dev->lock);
	memcpy(gid->raw, dev->info.gids[index].raw, sizeof(gid->raw));
	spin_unlock(&dev->lock);
	return 0;
}

static int vib_verb_query_pkey(struct ib_device *ibdev, u32 port_num, u16 index,
			       u16 *pkey)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);

	if (index >= VIB_MAX_PKEYS)
		return -EINVAL;

	spin_lock(&dev->lock);
	*pkey = dev->info.pkeys[index];
	spin_unlock(&dev->lock);
	return 0;
}

static int vib_verb_get_port_immutable(struct ib_device *ibdev, u32 port_num,
				       struct ib_port_immutable *immutable)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);

	/*
	 * No MADs yet: with RDMA_CORE_CAP_IB_MAD ib_mad would create QP1 at
	 * registration.
	 */
	immutable->core_cap_flags = RDMA_CORE_CAP_PROT_IB;
	immutable->gid_tbl_len = dev->gid_tbl_len;
	immutable->pkey_tbl_len = dev->pkey_tbl_len;
	immutable->max_mad_size = 0;
	return 0;
}

static enum rdma_link_layer vib_verb_get_link_layer(struct ib_device *ibdev,
						    u32 port_num)
{
	return IB_LINK_LAYER_INFINIBAND;
}

static int vib_verb_modify_device(struct ib_device *ibdev, int mask,
				  struct ib_device_modify *modify)
{
	if (mask & ~IB_DEVICE_MODIFY_NODE_DESC)
		return -EOPNOTSUPP;

	if (mask & IB_DEVICE_MODIFY_NODE_DESC)
		memcpy(ibdev->node_desc, modify->node_desc,
		       IB_DEVICE_NODE_DESC_MAX);
	return 0;
}

static void vib_verb_get_dev_fw_str(struct ib_device *ibdev, char *str)
{
	struct vib_ibdev *dev = to_vibdev(ibdev);
	u32 ver;

	spin_lock(&dev->lock);
	ver = dev->info.device.fw_ver;
	spin_unlock(&dev->lock);

	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u.%u", ver >> 16,
		 (ver >> 8) & 0xff, ver & 0xff);
}

static int vib_verb_alloc_ucontext(struct ib_ucontext *ibucontext,
				   struct ib_udata *udata)
{
	struct vib_uresp_alloc_context resp = {
		.protocol_version = VIB_PROTOCOL_VERSION,
	};

	return ib_copy_to_udata(udata, &resp, min(sizeof(resp), udata->outlen));
}

static void vib_verb_dealloc_ucontext(struct ib_ucontext *ibucontext)
{
}

/*
 * That it is there lets the device go away under open contexts. They have
 * nothing mapped that would have to be taken from them.
 */
static void vib_verb_disassociate_ucontext(struct ib_ucontext *ibucontext)
{
}

static const struct ib_device_ops vib_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_UNKNOWN,
	.uverbs_abi_ver = VIB_UVERBS_ABI,

	.alloc_ucontext = vib_verb_alloc_ucontext,
	.dealloc_ucontext = vib_verb_dealloc_ucontext,
	.disassociate_ucontext = vib_verb_disassociate_ucontext,
	.get_dev_fw_str = vib_verb_get_dev_fw_str,
	.get_link_layer = vib_verb_get_link_layer,
	.get_port_immutable = vib_verb_get_port_immutable,
	.modify_device = vib_verb_modify_device,
	.query_device = vib_verb_query_device,
	.query_gid = vib_verb_query_gid,
	.query_pkey = vib_verb_query_pkey,
	.query_port = vib_verb_query_port,

	INIT_RDMA_OBJ_SIZE(ib_ucontext, vib_ucontext, ibucontext),
};

/* Register the device that @info describes, or return an ERR_PTR. */
struct vib_ibdev *vib_ibdev_register(struct xenbus_device *xbdev,
				     const struct vib_info *info)
{
	struct vib_ibdev *dev;
	struct ib_device *ibdev;
	int err;

	dev = ib_alloc_device(vib_ibdev, ibdev);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&dev->lock);
	dev->info = *info;
	dev->gid_tbl_len = info->port.gid_tbl_len;
	dev->pkey_tbl_len = info->port.pkey_tbl_len;

	ibdev = &dev->ibdev;
	ibdev->dev.parent = &xbdev->dev;
	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->node_guid = info->device.node_guid;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = 1;
	snprintf(ibdev->node_desc, sizeof(ibdev->node_desc), "%.40s %s",
		 init_utsname()->nodename, dev_name(&xbdev->dev));
	ib_set_device_ops(ibdev, &vib_ops);

	err = ib_register_device(ibdev, "vib%d", NULL);
	if (err) {
		ib_dealloc_device(ibdev);
		return ERR_PTR(err);
	}
	return dev;
}

void vib_ibdev_unregister(struct vib_ibdev *dev)
{
	ib_unregister_device(&dev->ibdev);
	ib_dealloc_device(&dev->ibdev);
}
