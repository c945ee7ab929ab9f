// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/command.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "device_limits.h"
#include "control/vport.h"
#include "engine/counters.h"
#include "engine/vhca.h"
#include "wire/guest.h"

/* Without anybody to take MADs there are none; nor grants without a Xen that copies. */
static uint32_t capabilities(const struct guest *guest)
{
	return VIB_CAP_LOCAL_DMA_LKEY | VIB_CAP_FRWR | VIB_CAP_MEM_WINDOWS | VIB_CAP_XRC |
	       VIB_CAP_ATOMIC_WRITE | VIB_CAP_UD_IP_CSUM | VIB_CAP_UD_LSO |
	       (guest->vhca->xen ? VIB_CAP_GRANTED_DMA : 0) |
	       (guest->process_mad ? VIB_CAP_MAD : 0);
}

static void limit_by_hca(const struct hca *hca, struct vib_device_attr *attr)
{
	wire_limit(hca->port, attr);
	if (hca->frwr) {
		attr->cap_flags |= VIB_CAP_FRWR_ROW;
		return;
	}
	attr->cap_flags &= ~(uint32_t)VIB_CAP_FRWR;
	attr->max_fast_reg_pages = 0;
}

static int query_device(const struct guest *guest, const struct vport *vport,
			struct vib_device_attr *attr)
{
	const struct vport_attr *v = &vport->attr;

	*attr = (struct vib_device_attr){
		.node_guid = htobe64(v->node_guid),
		.sys_image_guid = htobe64(v->node_guid),
		.fw_ver = FIRMWARE_VERSION,
		.vendor_id = VENDOR_ID,
		.vendor_part_id = VENDOR_PART_ID,
		.hw_ver = VIB_PROTOCOL_VERSION,
		.max_qp = v->max_qp,
		.max_qp_wr = MAX_QP_WR,
		.max_send_sge = MAX_SGE,
		.max_recv_sge = MAX_SGE,
		.max_sge_rd = MAX_SGE_RD,
		.max_cq = v->max_cq,
		.max_cqe = MAX_CQE,
		.max_mr = v->max_mr,
		.max_pd = v->max_pd,
		.max_qp_rd_atom = MAX_RD_ATOMIC,
		.max_qp_init_rd_atom = MAX_RD_ATOMIC,
		.max_ah = v->max_ah,
		.max_srq = v->max_srq,
		.max_srq_wr = MAX_QP_WR,
		.max_srq_sge = MAX_SGE,
		.max_fast_reg_pages = MAX_FAST_PAGES,
		.max_mcast_grp = MAX_MCAST_GROUPS,
		.max_mcast_qp_attach = MAX_MCAST_QPS,
		.max_pkeys = (uint16_t)v->num_pkeys,
		.ports = 1,
		.atomic_cap = ATOMIC_CAP,
		.cap_flags = capabilities(guest),
		.max_mr_size = MAX_MR_SIZE,
	};
	if (guest->hca.wire)
		limit_by_hca(&guest->hca, attr);
	return 0;
}

static uint32_t saturated(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static int query_port(const struct guest *guest, const struct vport *vport,
		      struct vib_port_attr *attr)
{
	struct vib_rsp_counters counters;

	vhca_counters(guest->vhca, &counters);
	vport_port_attr(vport, attr);
	attr->bad_pkey_cntr = saturated(counters.pkey_violations);
	attr->qkey_viol_cntr = saturated(counters.qkey_violations);
	return 0;
}

/* Whether entries first…first+count-1 are within a table and an answer. */
static bool range_ok(const struct vib_cmd_query_table *q, size_t table, size_t answer)
{
	return q->count >= 1 && q->count <= answer && q->first < table &&
	       q->count <= table - q->first;
}

static int query_gid(const struct vport *vport, const struct vib_cmd_query_table *q,
		     struct vib_gid *gids)
{
	struct vib_gid all[VIB_MAX_GIDS];

	if (!range_ok(q, VIB_MAX_GIDS, VIB_QUERY_GIDS))
		return -EINVAL;
	/* Entries past the last are zero, as the whole table behind it is. */
	vport_gids(vport, all);
	memcpy(gids, &all[q->first], q->count * sizeof(*gids));
	return 0;
}

static int query_pkey(const struct vport *vport, const struct vib_cmd_query_table *q,
		      uint16_t *pkeys)
{
	if (!range_ok(q, VIB_MAX_PKEYS, VIB_QUERY_PKEYS))
		return -EINVAL;
	memcpy(pkeys, &vport->attr.pkeys[q->first], q->count * sizeof(*pkeys));
	return 0;
}

/* The status of a query, or COMMAND_IS_OTHER. */
#define COMMAND_IS_OTHER 2

static int query(const struct vib_control_request *req, const struct guest *guest,
		 const struct vport *vport, struct vib_control_response *rsp)
{
	bool of_port = req->port == VIB_PORT;

	switch (req->operation) {
	case VIB_CMD_QUERY_DEVICE:
		return query_device(guest, vport, &rsp->u.device);
	case VIB_CMD_QUERY_PORT:
		return of_port ? query_port(guest, vport, &rsp->u.port) : -EINVAL;
	case VIB_CMD_QUERY_GID:
		return of_port ? query_gid(vport, &req->u.query_table, rsp->u.gids)
			       : -EINVAL;
	case VIB_CMD_QUERY_PKEY:
		return of_port ? query_pkey(vport, &req->u.query_table, rsp->u.pkeys)
			       : -EINVAL;
	case VIB_CMD_QUERY_COUNTERS:
		if (!of_port)
			return -EINVAL;
		vhca_counters(guest->vhca, &rsp->u.counters);
		return 0;
	default:
		return COMMAND_IS_OTHER;
	}
}

bool command_query(const struct vib_control_request *req, const struct guest *guest,
		   const struct vport *vport, struct vib_control_response *rsp)
{
	memset(rsp, 0, sizeof(*rsp)); /* nothing of ours leaks in unused bytes */
	rsp->id = req->id;
	rsp->operation = req->operation;
	rsp->status = query(req, guest, vport, rsp);
	return rsp->status != COMMAND_IS_OTHER;
}

/* Others of the fabric ask the subnet for it, and are told. */
static int modify_port(struct vport *vport, const struct vib_control_request *req)
{
	uint32_t caps = req->u.modify_port.cap_mask;

	if (req->port != VIB_PORT || caps & ~VIB_PORT_CAPS_ADDED)
		return -EINVAL;
	if (caps != vport->added_caps) {
		vport->added_caps = caps;
		fabric_changed(vport);
	}
	return 0;
}

bool command_execute(struct command *c, struct vport *vport)
{
	int status;

	if (command_query(&c->req, c->guest, vport, &c->rsp))
		return true;
	status = c->req.operation == VIB_CMD_MODIFY_PORT ? modify_port(vport, &c->req)
							 : object_command(c);
	if (status == COMMAND_GOES_ON)
		return false;
	c->rsp.status = status;
	return true;
}
