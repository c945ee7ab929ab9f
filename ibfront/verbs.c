// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The ib_device and its operations. Queries are answered from what the last
 * backend said, with or without a backend.
 */

#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/utsname.h>

#include <rdma/ib_mad.h>
#include <rdma/uverbs_ioctl.h>

#include "ah.h"
#include "fast.h"
#include "kernel.h"
#include "mad.h"
#include "pool.h"

/* The ABI's limits are unsigned, ib_core's are not. */
static int vib_limit(u32 value)
{
	return min_t(u32, value, INT_MAX);
}

static int vib_verb_query_device(struct ib_device *ibdev,
				 struct ib_device_attr *props,
				 struct ib_udata *udata)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);
	struct vib_device_attr attr;
	u32 dm_pages;

	if (udata->inlen || udata->outlen)
		return -EINVAL;

	spin_lock(&dev->lock);
	attr = dev->info.device;
	dm_pages = dev->info.dm_pages;
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
	props->device_cap_flags = IB_DEVICE_CURR_QP_STATE_MOD |
				  IB_DEVICE_PORT_ACTIVE_EVENT |
				  IB_DEVICE_RC_RNR_NAK_GEN |
				  IB_DEVICE_SYS_IMAGE_GUID;
	if (attr.cap_flags & VIB_CAP_MEM_WINDOWS) {
		props->device_cap_flags |= IB_DEVICE_MEM_WINDOW |
					   IB_DEVICE_MEM_WINDOW_TYPE_2B;
		props->max_mw = vib_limit(attr.max_mr); /* they share a quota */
	}
	if (attr.cap_flags & VIB_CAP_XRC)
		props->device_cap_flags |= IB_DEVICE_XRC;
	if (attr.cap_flags & VIB_CAP_ATOMIC_WRITE)
		props->device_cap_flags |= IB_DEVICE_ATOMIC_WRITE;
	if (dev->kernel && attr.cap_flags & VIB_CAP_UD_IP_CSUM)
		props->device_cap_flags |= IB_DEVICE_UD_IP_CSUM;
	if (dev->kernel)
		props->kernel_cap_flags |= IBK_LOCAL_DMA_LKEY;
	if (dev->kernel && vib_fast_max_pages(&attr)) {
		props->device_cap_flags |= IB_DEVICE_MEM_MGT_EXTENSIONS;
		props->max_fast_reg_page_list_len = vib_fast_max_pages(&attr);
	}
	if (dev->kernel && vib_device_has_tso(&attr))
		props->kernel_cap_flags |= IBK_UD_TSO;
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
	props->max_pkeys = attr.max_pkeys;
	props->max_dm_size = (u64)dm_pages << PAGE_SHIFT;
	props->max_res_rd_atom =
		vib_limit(attr.max_qp) > INT_MAX / max(1, props->max_qp_rd_atom) ?
			INT_MAX :
			props->max_qp * props->max_qp_rd_atom;
	props->max_total_mcast_qp_attach = props->max_mcast_grp;
	props->timestamp_mask = U64_MAX;
	props->hca_core_clock = 1000000; /* kHz: timestamps are nanoseconds */
	props->cq_caps.max_cq_moderation_count = U16_MAX;
	props->cq_caps.max_cq_moderation_period = U16_MAX;
	return 0;
}

static int vib_verb_query_port(struct ib_device *ibdev, u32 port_num,
			       struct ib_port_attr *props)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);
	struct vib_port_attr attr;

	spin_lock(&dev->lock);
	attr = dev->info.port;
	attr.cap_mask |= dev->port_caps;
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
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);

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
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);

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
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);

	immutable->core_cap_flags = dev->mads ? RDMA_CORE_PORT_IBA_IB :
						RDMA_CORE_CAP_PROT_IB;
	immutable->gid_tbl_len = dev->gid_tbl_len;
	immutable->pkey_tbl_len = dev->pkey_tbl_len;
	immutable->max_mad_size = dev->mads ? IB_MGMT_MAD_SIZE : 0;
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
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);
	u32 ver;

	spin_lock(&dev->lock);
	ver = dev->info.device.fw_ver;
	spin_unlock(&dev->lock);

	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u.%u", ver >> 16,
		 (ver >> 8) & 0xff, ver & 0xff);
}

static const struct ib_device_ops vib_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_UNKNOWN,
	.uverbs_abi_ver = VIB_UVERBS_ABI,

	.alloc_dm = vib_verb_alloc_dm,
	.alloc_mw = vib_verb_alloc_mw,
	.alloc_pd = vib_verb_alloc_pd,
	.alloc_ucontext = vib_verb_alloc_ucontext,
	.alloc_xrcd = vib_verb_alloc_xrcd,
	.attach_mcast = vib_verb_attach_mcast,
	.create_cq = vib_verb_create_cq,
	.create_qp = vib_verb_create_qp,
	.create_srq = vib_verb_create_srq,
	.dealloc_dm = vib_verb_dealloc_dm,
	.dealloc_mw = vib_verb_dealloc_mw,
	.dealloc_pd = vib_verb_dealloc_pd,
	.dealloc_ucontext = vib_verb_dealloc_ucontext,
	.dealloc_xrcd = vib_verb_dealloc_xrcd,
	.dereg_mr = vib_verb_dereg_mr,
	.destroy_cq = vib_verb_destroy_cq,
	.destroy_qp = vib_verb_destroy_qp,
	.destroy_srq = vib_verb_destroy_srq,
	.detach_mcast = vib_verb_detach_mcast,
	.disassociate_ucontext = vib_verb_disassociate_ucontext,
	.get_dev_fw_str = vib_verb_get_dev_fw_str,
	.get_link_layer = vib_verb_get_link_layer,
	.get_port_immutable = vib_verb_get_port_immutable,
	.mmap = vib_verb_mmap,
	.mmap_free = vib_verb_mmap_free,
	.modify_cq = vib_verb_modify_cq,
	.modify_device = vib_verb_modify_device,
	.modify_qp = vib_verb_modify_qp,
	.modify_srq = vib_verb_modify_srq,
	.query_device = vib_verb_query_device,
	.query_gid = vib_verb_query_gid,
	.query_pkey = vib_verb_query_pkey,
	.query_port = vib_verb_query_port,
	.query_qp = vib_verb_query_qp,
	.query_srq = vib_verb_query_srq,
	.query_ucontext = vib_verb_query_ucontext,
	.reg_dm_mr = vib_verb_reg_dm_mr,
	.reg_user_mr = vib_verb_reg_user_mr,
	.rereg_user_mr = vib_verb_rereg_user_mr,
	.resize_cq = vib_verb_resize_cq,

	INIT_RDMA_OBJ_SIZE(ib_cq, vib_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_mw, vib_mw, ibmw),
	INIT_RDMA_OBJ_SIZE(ib_pd, vib_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_qp, vib_qp, ibqp),
	INIT_RDMA_OBJ_SIZE(ib_srq, vib_srq, ibsrq),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, vib_ucontext, ibucontext),
	INIT_RDMA_OBJ_SIZE(ib_xrcd, vib_xrcd, ibxrcd),
};

/* Its users have VIB_LOCAL_DMA_LKEY; no key that lets peers reach all memory. */
static struct ib_mr *vib_verb_get_dma_mr(struct ib_pd *ibpd, int access)
{
	return ERR_PTR(-EOPNOTSUPP);
}

/* What ib_core takes for a sign that the kernel may use the device. */
static const struct ib_device_ops vib_kernel_ops = {
	.alloc_mr = vib_verb_alloc_mr,
	.create_ah = vib_verb_create_ah,
	.destroy_ah = vib_verb_destroy_ah,
	.get_dma_mr = vib_verb_get_dma_mr,
	.map_mr_sg = vib_verb_map_mr_sg,
	.poll_cq = vib_verb_poll_cq,
#ifdef VIB_HAVE_PRE_DESTROY_CQ
	.pre_destroy_cq = vib_verb_pre_destroy_cq,
#endif
	.post_recv = vib_verb_post_recv,
	.post_send = vib_verb_post_send,
	.post_srq_recv = vib_verb_post_srq_recv,
	.query_ah = vib_verb_query_ah,
	.req_notify_cq = vib_verb_req_notify_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, vib_ah, ibah),
};

static const struct ib_device_ops vib_mad_ops = {
	.alloc_hw_port_stats = vib_verb_alloc_port_stats,
	.get_hw_stats = vib_verb_get_stats,
	.modify_port = vib_verb_modify_port,
	.process_mad = vib_verb_process_mad,
};

/* The kernel can use it only if it can do DMA. */
static void vib_ibdev_set_ops(struct vib_ibdev *dev)
{
	u32 caps = dev->info.device.cap_flags;
	struct ib_device *ibdev = &dev->ibdev;

	dev->kernel = dev->vib->kernel.pool && caps & VIB_CAP_LOCAL_DMA_LKEY;
	dev->mads = dev->kernel && caps & VIB_CAP_MAD;
	ib_set_device_ops(ibdev, &vib_ops);
	if (dev->kernel) {
		ib_set_device_ops(ibdev, &vib_kernel_ops);
		ibdev->local_dma_lkey = VIB_LOCAL_DMA_LKEY;
	}
	if (dev->mads)
		ib_set_device_ops(ibdev, &vib_mad_ops);
}

/* Register the device that @info describes, or return an ERR_PTR. */
struct vib_ibdev *vib_ibdev_register(struct vib *vib, const struct vib_info *info)
{
	struct device *parent = &vib->xbdev->dev;
	struct vib_ustate *state;
	struct vib_ibdev *dev;
	struct ib_device *ibdev;
	int err = -ENOMEM;

	dev = ib_alloc_device(vib_ibdev, ibdev);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->state = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!dev->state)
		goto err_device;
	state = page_address(dev->state);
	state->epoch = vib->epoch;
	dev->vib = vib;
	spin_lock_init(&dev->lock);
	dev->info = *info;
	dev->gid_tbl_len = info->port.gid_tbl_len;
	dev->pkey_tbl_len = info->port.pkey_tbl_len;

	ibdev = &dev->ibdev;
	ibdev->dev.parent = parent;
	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->node_guid = info->device.node_guid;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = max(1u, vib->num_eqs);
	if (IS_ENABLED(CONFIG_INFINIBAND_USER_ACCESS))
		ibdev->driver_def = vib_uapi;
	snprintf(ibdev->node_desc, sizeof(ibdev->node_desc), "%.40s %s",
		 init_utsname()->nodename, dev_name(parent));
	vib_ibdev_set_ops(dev);

	if (dev->kernel)
		vib_dma_open(vib);
	err = ib_register_device(ibdev, "vib%d", dev->kernel ? parent : NULL);
	if (err)
		goto err_dma;
	return dev;

err_dma:
	if (dev->kernel)
		vib_dma_close(vib);
	put_page(dev->state);
err_device:
	ib_dealloc_device(&dev->ibdev);
	return ERR_PTR(err);
}

/*
 * All objects are destroyed, under the users that have them. Contexts that outlive
 * the device keep the page by reference, and read there that all is lost.
 */
void vib_ibdev_unregister(struct vib_ibdev *dev)
{
	struct vib_ustate *state = page_address(dev->state);

	ib_unregister_device(&dev->ibdev);
	if (dev->kernel)
		vib_dma_close(dev->vib);
	WRITE_ONCE(state->epoch, 0);
	put_page(dev->state);
	ib_dealloc_device(&dev->ibdev);
}
