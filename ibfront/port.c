// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the backend says the device and its port are: asking, checking, and
 * telling the RDMA core what changed.
 *
 * Asking is for the lifecycle work alone. What was learnt is copied whole into
 * the ib_device, where the query verbs find it without asking anybody.
 */

#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "verbs.h"

/* What the largest slot of the ABI holds. */
#define VIB_MAX_SGE ((VIB_WQE_MAX_STRIDE - VIB_DATA_UD) / sizeof(struct vib_sge))

/* Returns 0 or, with the connection failed, an errno. */
static int vib_query(struct vib *vib, u16 operation, u16 first, u16 count,
		     struct vib_control_response *response)
{
	struct vib_control_request request = {
		.operation = operation,
		.port = operation == VIB_CMD_QUERY_DEVICE ? 0 : VIB_PORT,
		.u.query_table = { .first = first, .count = count },
	};
	int err;

	err = vib_command(vib, vib->epoch, &request, response);
	if (err)
		vib_fail(vib, VIB_BROKEN, "refuses a query");
	return err;
}

static int vib_refuse(struct vib *vib, const char *why)
{
	vib_fail(vib, VIB_BROKEN, why);
	return -EPROTO;
}

/* A backend that knows a later ABI may have more than this one can use. */
static void vib_bound(struct vib_device_attr *attr)
{
	attr->max_send_sge = min_t(u32, attr->max_send_sge, VIB_MAX_SGE);
	attr->max_recv_sge = min_t(u32, attr->max_recv_sge, VIB_MAX_SGE);
	attr->max_srq_sge = min_t(u32, attr->max_srq_sge, VIB_MAX_SGE);
	attr->max_qp_wr = min_t(u32, attr->max_qp_wr, 1U << VIB_WQ_MAX_ORDER);
	attr->max_srq_wr = min_t(u32, attr->max_srq_wr, 1U << VIB_WQ_MAX_ORDER);
	attr->max_cqe = min_t(u32, attr->max_cqe, 1U << VIB_QUEUE_MAX_ORDER);
}

static int vib_query_device(struct vib *vib)
{
	struct vib_control_response response;
	struct vib_device_attr *attr = &response.u.device;
	int err;

	err = vib_query(vib, VIB_CMD_QUERY_DEVICE, 0, 0, &response);
	if (err)
		return err;
	if (attr->ports != 1)
		return vib_refuse(vib, "device with other than one port");
	if (!attr->node_guid)
		return vib_refuse(vib, "device without a node GUID");
	if (attr->atomic_cap > IB_ATOMIC_GLOB)
		return vib_refuse(vib, "unknown kind of atomics");
	vib_bound(attr);
	vib->asked.device = *attr;
	return 0;
}

static const char *vib_port_attr_fault(const struct vib_port_attr *attr)
{
	if (attr->state < VIB_PORT_DOWN || attr->state > VIB_PORT_ACTIVE)
		return "port state out of range";
	if (!attr->phys_state || attr->phys_state > IB_PORT_PHYS_STATE_PHY_TEST)
		return "physical port state out of range";
	if (attr->max_mtu < IB_MTU_256 || attr->max_mtu > IB_MTU_4096 ||
	    attr->active_mtu < IB_MTU_256 || attr->active_mtu > attr->max_mtu)
		return "MTU out of range";
	if (attr->lmc > 7 || attr->sm_sl > 15 || attr->subnet_timeout > 31)
		return "port attributes out of range";
	if (ib_width_enum_to_int(attr->active_width) < 0)
		return "unknown link width";
	if (!is_power_of_2(attr->active_speed) ||
	    attr->active_speed > IB_SPEED_NDR)
		return "unknown link speed";
	if (!attr->gid_tbl_len || attr->gid_tbl_len > VIB_MAX_GIDS)
		return "GID table of a wrong size";
	if (!attr->pkey_tbl_len || attr->pkey_tbl_len > VIB_MAX_PKEYS)
		return "P_Key table of a wrong size";
	return NULL;
}

static int vib_query_port(struct vib *vib)
{
	struct vib_control_response response;
	const char *fault;
	int err;

	err = vib_query(vib, VIB_CMD_QUERY_PORT, 0, 0, &response);
	if (err)
		return err;
	fault = vib_port_attr_fault(&response.u.port);
	if (fault)
		return vib_refuse(vib, fault);
	vib->asked.port = response.u.port;
	return 0;
}

static int vib_query_gids(struct vib *vib)
{
	unsigned int len = vib->asked.port.gid_tbl_len, first, count;
	struct vib_control_response response;
	int err;

	memset(vib->asked.gids, 0, sizeof(vib->asked.gids));
	for (first = 0; first < len; first += count) {
		count = min_t(unsigned int, len - first, VIB_QUERY_GIDS);
		err = vib_query(vib, VIB_CMD_QUERY_GID, first, count, &response);
		if (err)
			return err;
		memcpy(&vib->asked.gids[first], response.u.gids,
		       count * sizeof(response.u.gids[0]));
	}
	return 0;
}

static int vib_query_pkeys(struct vib *vib)
{
	unsigned int len = vib->asked.port.pkey_tbl_len, first, count;
	struct vib_control_response response;
	int err;

	memset(vib->asked.pkeys, 0, sizeof(vib->asked.pkeys));
	for (first = 0; first < len; first += count) {
		count = min_t(unsigned int, len - first, VIB_QUERY_PKEYS);
		err = vib_query(vib, VIB_CMD_QUERY_PKEY, first, count, &response);
		if (err)
			return err;
		memcpy(&vib->asked.pkeys[first], response.u.pkeys,
		       count * sizeof(response.u.pkeys[0]));
	}
	return 0;
}

/*
 * Fill vib->info, whole or not at all. Returns 0 or, with the connection
 * failed, an errno.
 */
int vib_query_all(struct vib *vib)
{
	int err;

	vib->asked.dm_pages = vib_dm_quota(vib);
	err = vib_query_device(vib);
	if (!err)
		err = vib_query_port(vib);
	if (!err)
		err = vib_query_gids(vib);
	if (!err)
		err = vib_query_pkeys(vib);
	if (!err)
		vib->info = vib->asked;
	return err;
}

static void vib_dispatch(struct vib_ibdev *dev, enum ib_event_type type)
{
	struct ib_event event = {
		.device = &dev->ibdev,
		.element.port_num = VIB_PORT,
		.event = type,
	};

	ib_dispatch_event(&event);
}

/* Ask again about what async events have named, and pass it on. */
void vib_follow_news(struct vib *vib)
{
	unsigned long news = xchg(&vib->news, 0);
	unsigned int gids, pkeys;

	if (!news)
		return;

	vib->asked = vib->info;
	gids = vib->info.port.gid_tbl_len;
	pkeys = vib->info.port.pkey_tbl_len;
	if (vib_query_port(vib))
		return;
	if ((news & BIT(VIB_NEWS_GID)) || vib->asked.port.gid_tbl_len != gids)
		if (vib_query_gids(vib))
			return;
	if ((news & BIT(VIB_NEWS_PKEY)) || vib->asked.port.pkey_tbl_len != pkeys)
		if (vib_query_pkeys(vib))
			return;

	vib->info = vib->asked;
	vib_port_publish(vib->ibdev, &vib->info);
	if (news & BIT(VIB_NEWS_REREGISTER))
		vib_port_reregister(vib->ibdev);
}

/* Whatever was registered with the subnet has to be again. */
void vib_port_reregister(struct vib_ibdev *dev)
{
	vib_dispatch(dev, IB_EVENT_CLIENT_REREGISTER);
}

/* What the port is without a backend. */
void vib_port_lower(struct vib_info *info)
{
	info->port.state = VIB_PORT_DOWN;
	info->port.phys_state = VIB_PHYS_DISABLED;
}

/* From now on the query verbs answer @now; announce what that changes. */
void vib_port_publish(struct vib_ibdev *dev, const struct vib_info *now)
{
	bool gids, pkeys, lid, sm, was_active, is_active;
	struct vib_info *old = &dev->info;

	spin_lock(&dev->lock);
	gids = memcmp(old->gids, now->gids, sizeof(now->gids));
	pkeys = memcmp(old->pkeys, now->pkeys, sizeof(now->pkeys));
	lid = old->port.lid != now->port.lid || old->port.lmc != now->port.lmc;
	sm = old->port.sm_lid != now->port.sm_lid ||
	     old->port.sm_sl != now->port.sm_sl;
	was_active = old->port.state == VIB_PORT_ACTIVE;
	is_active = now->port.state == VIB_PORT_ACTIVE;
	*old = *now;
	spin_unlock(&dev->lock);

	if (was_active && !is_active)
		vib_dispatch(dev, IB_EVENT_PORT_ERR);
	if (gids)
		vib_dispatch(dev, IB_EVENT_GID_CHANGE);
	if (pkeys)
		vib_dispatch(dev, IB_EVENT_PKEY_CHANGE);
	if (lid)
		vib_dispatch(dev, IB_EVENT_LID_CHANGE);
	if (sm)
		vib_dispatch(dev, IB_EVENT_SM_CHANGE);
	if (!was_active && is_active)
		vib_dispatch(dev, IB_EVENT_PORT_ACTIVE);
}
