// SPDX-License-Identifier: GPL-2.0-or-later
/* The usual three steps of a QP, with Linux' attributes for each. */
#include "libvib/bringup.h"

#include <errno.h>
#include <sys/random.h>

#include "libvib/datapath.h"

#define PSN_MASK 0xffffffu

void libvib_path_default(struct libvib_path *path)
{
	*path = (struct libvib_path){
		.hop_limit = 1,
		.mtu = 5,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.min_rnr_timer = 12,
		.rd_atomic = 16,
		.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
			  VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC,
	};
}

int libvib_qp_end(struct libvib_qp *qp, struct libvib_end *own)
{
	struct vib_port_attr port;
	int err;

	err = libvib_query_port(qp->lv, &port);
	if (!err)
		err = libvib_query_gid(qp->lv, 0, &own->gid);
	if (err)
		return err;
	if (getrandom(&own->psn, sizeof(own->psn), 0) != sizeof(own->psn))
		return -errno;
	own->psn &= PSN_MASK;
	own->qpn = qp->number;
	own->lid = port.lid;
	return 0;
}

static int to_init(struct libvib_qp *qp, const struct libvib_path *path)
{
	const struct vib_qp_attr attr = {
		.state = VIB_QPS_INIT,
		.port = VIB_PORT,
		.pkey_index = path->pkey_index,
		.access_flags = path->access,
	};

	return libvib_modify_qp(qp, &attr,
				VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT |
					VIB_QP_ACCESS_FLAGS);
}

static int to_rtr(struct libvib_qp *qp, const struct libvib_end *peer,
		  const struct libvib_path *path)
{
	const struct vib_qp_attr attr = {
		.state = VIB_QPS_RTR,
		.path_mtu = path->mtu,
		.dest_qpn = peer->qpn,
		.rq_psn = peer->psn,
		.max_dest_rd_atomic = path->rd_atomic,
		.min_rnr_timer = path->min_rnr_timer,
		.av = {
			.dgid = peer->gid,
			.dlid = peer->lid,
			.sgid_index = path->sgid_index,
			.hop_limit = path->hop_limit,
			.sl = path->sl,
			.flags = path->grh ? VIB_AV_GRH : 0,
		},
	};
	uint32_t mask = VIB_QP_STATE | VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
			VIB_QP_RQ_PSN;

	if (qp->type == VIB_QPT_RC)
		mask |= VIB_QP_MAX_DEST_RD_ATOMIC | VIB_QP_MIN_RNR_TIMER;
	return libvib_modify_qp(qp, &attr, mask);
}

static int to_rts(struct libvib_qp *qp, const struct libvib_end *own,
		  const struct libvib_path *path)
{
	const struct vib_qp_attr attr = {
		.state = VIB_QPS_RTS,
		.sq_psn = own->psn,
		.max_rd_atomic = path->rd_atomic,
		.timeout = path->timeout,
		.retry_cnt = path->retry_cnt,
		.rnr_retry = path->rnr_retry,
	};
	uint32_t mask = VIB_QP_STATE | VIB_QP_SQ_PSN;

	if (qp->type == VIB_QPT_RC)
		mask |= VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
			VIB_QP_MAX_QP_RD_ATOMIC;
	return libvib_modify_qp(qp, &attr, mask);
}

int libvib_qp_connect(struct libvib_qp *qp, const struct libvib_end *own,
		      const struct libvib_end *peer, const struct libvib_path *path)
{
	struct libvib_path usual;
	int err;

	if (!path) {
		libvib_path_default(&usual);
		path = &usual;
	}
	err = to_init(qp, path);
	if (!err)
		err = to_rtr(qp, peer, path);
	if (!err)
		err = to_rts(qp, own, path);
	return err;
}

int libvib_qp_start_ud(struct libvib_qp *qp, uint32_t qkey, uint16_t pkey_index)
{
	struct vib_qp_attr attr = {
		.state = VIB_QPS_INIT,
		.port = VIB_PORT,
		.pkey_index = pkey_index,
		.qkey = qkey,
	};
	int err;

	err = libvib_modify_qp(
		qp, &attr, VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_QKEY);
	if (err)
		return err;
	attr = (struct vib_qp_attr){ .state = VIB_QPS_RTR };
	err = libvib_modify_qp(qp, &attr, VIB_QP_STATE);
	if (err)
		return err;
	attr.state = VIB_QPS_RTS;
	return libvib_modify_qp(qp, &attr, VIB_QP_STATE | VIB_QP_SQ_PSN);
}
