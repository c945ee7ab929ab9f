// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Making, changing and ending QPs.
 */

#include <errno.h>
#include <string.h>

#include "memory.h"
#include "poll.h"
#include "private_cmd34.h"
#include "qp.h"
#include "send.h"
#include "verbs.h"

struct create_qp_resp {
	struct ib_uverbs_create_qp_resp core;
	struct vib_uresp_create_qp vib;
};
static_assert(offsetof(struct create_qp_resp, vib) == 32, "uverbs ABI");

static uint32_t opcodes_of(enum ibv_qp_type type)
{
	switch (type) {
	case IBV_QPT_RC:
	case IBV_QPT_XRC_SEND:
		return VIB_OPS_RC;
	case IBV_QPT_UC:
		return VIB_OPS_UC;
	case IBV_QPT_UD:
		return VIB_OPS_UD;
	default:
		return 0;
	}
}

/* The opcodes whose operations ibv_wr_*() are asked for; bit 31: one that we lack. */
static uint32_t opcodes_asked(uint64_t send_ops_flags)
{
	static const struct {
		uint64_t flag;
		uint8_t opcode;
	} table[] = {
		{ IBV_QP_EX_WITH_RDMA_WRITE, VIB_OP_RDMA_WRITE },
		{ IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM, VIB_OP_RDMA_WRITE_IMM },
		{ IBV_QP_EX_WITH_SEND, VIB_OP_SEND },
		{ IBV_QP_EX_WITH_SEND_WITH_IMM, VIB_OP_SEND_IMM },
		{ IBV_QP_EX_WITH_RDMA_READ, VIB_OP_RDMA_READ },
		{ IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP, VIB_OP_CMP_SWAP },
		{ IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD, VIB_OP_FETCH_ADD },
		{ IBV_QP_EX_WITH_LOCAL_INV, VIB_OP_LOCAL_INV },
		{ IBV_QP_EX_WITH_BIND_MW, VIB_OP_BIND_MW },
		{ IBV_QP_EX_WITH_SEND_WITH_INV, VIB_OP_SEND_INV },
		{ VERBS_QP_EX_WITH_ATOMIC_WRITE, VIB_OP_ATOMIC_WRITE },
	};
	uint32_t opcodes = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (send_ops_flags & table[i].flag) {
			opcodes |= VIB_BIT(table[i].opcode);
			send_ops_flags &= ~table[i].flag;
		}
	return send_ops_flags ? opcodes | VIB_BIT(31) : opcodes;
}

static int map_wq(struct vib_qp *qp, struct vib_wq *wq, const struct vib_uqueue *uqueue,
		  uint32_t stride, uint32_t max_wr, uint32_t max_sge)
{
	uint32_t depth;

	if (!uqueue->memory.length)
		return 0;
	if (vib_map_queue(qp->ctx, uqueue, stride, &wq->memory, &wq->queue) < 0)
		return -1;
	depth = vib_queue_depth(&wq->queue);
	wq->max_wr = max_wr && max_wr < depth ? max_wr : depth;
	wq->max_sge = max_sge < UINT8_MAX ? max_sge : UINT8_MAX;
	return 0;
}

/* Map what the kernel answered. -1 and errno. */
static int map_qp(struct vib_qp *qp, const struct vib_uresp_create_qp *resp,
		  const struct ibv_qp_cap *cap)
{
	if (resp->db_index >= VIB_DB_QUEUES) {
		errno = EPROTO;
		return -1;
	}
	qp->epoch = resp->epoch;
	qp->db_index = resp->db_index;
	qp->max_inline = cap->max_inline_data;
	qp->doorbell = vib_map_doorbell(qp->ctx, &resp->doorbell, resp->epoch);
	if (!qp->doorbell)
		return -1;
	if (map_wq(qp, &qp->sq, &resp->sq, sizeof(struct vib_send_wqe), cap->max_send_wr,
		   cap->max_send_sge) < 0)
		return -1;
	return map_wq(qp, &qp->rq, &resp->rq, vib_recv_stride(0), cap->max_recv_wr,
		      cap->max_recv_sge);
}

static void free_qp(struct vib_qp *qp)
{
	struct vib_memory mem = qp->mem;

	vib_unmap(&qp->rq.memory);
	vib_unmap(&qp->sq.memory);
	vib_memory_free(qp, &mem);
}

static bool two_cqs(const struct vib_qp *qp)
{
	return qp->verbs.qp.recv_cq && qp->verbs.qp.send_cq != qp->verbs.qp.recv_cq;
}

static int add_to_cqs(struct vib_qp *qp)
{
	if (vib_cq_add_qp(to_vib_cq(qp->verbs.qp.send_cq), qp) < 0)
		return -1;
	if (!two_cqs(qp) || vib_cq_add_qp(to_vib_cq(qp->verbs.qp.recv_cq), qp) == 0)
		return 0;
	vib_cq_del_qp(to_vib_cq(qp->verbs.qp.send_cq), qp);
	return -1;
}

/* Its queues, doorbell and CQs, of which an XRC target has none. -1 and errno. */
static int furnish(struct vib_qp *qp, const struct vib_uresp_create_qp *resp,
		   const struct ibv_qp_cap *cap)
{
	if (qp->type == VIB_QPT_XRC_TGT)
		return 0;
	if (map_qp(qp, resp, cap) < 0)
		return -1;
	return add_to_cqs(qp);
}

/*
 * Let ibv_wr_*() have @opcodes; 0: it is no extended QP. @asked: those that the program
 * means to use. -1 and errno if libibverbs does not know of one.
 */
static int extend(struct vib_qp *qp, uint32_t opcodes, uint32_t asked)
{
	int place = verbs_qp_find_mask(&qp->verbs);

	if (!opcodes)
		return 0;
	if (place == 0) {
		if (asked & VIB_BIT(VIB_OP_ATOMIC_WRITE)) {
			errno = EOPNOTSUPP;
			return -1;
		}
		opcodes &= ~VIB_BIT(VIB_OP_ATOMIC_WRITE);
	}
	vib_qp_ex_init(&qp->verbs, opcodes, qp->type);
	qp->verbs.behind.mask[place] |= VERBS_QP_EX;
	return 0;
}

/* @asked: opcodes for ibv_wr_*(); @extended: it is to have all of them. */
static struct ibv_qp *create(struct ibv_context *context,
			     struct ibv_qp_init_attr_ex *attr, bool extended,
			     uint32_t asked)
{
	struct create_qp_resp resp = {};
	struct ibv_create_qp cmd;
	struct vib_memory mem;
	struct vib_qp *qp;
	bool locked;
	int ret;

	qp = vib_memory_alloc(attr->pd, sizeof(*qp), &mem);
	if (!qp)
		return NULL;
	qp->mem = mem;
	qp->ctx = to_vib_context(context);
	qp->type = (uint8_t)attr->qp_type;
	qp->opcodes = opcodes_of(attr->qp_type);
	locked = !vib_one_thread(attr->pd);
	vib_lock_init(&qp->sq.lock, locked);
	vib_lock_init(&qp->rq.lock, locked);
	verbs_qp_prepare(&qp->verbs);
	ret = ibv_cmd_create_qp_ex(context, &qp->verbs, attr, &cmd, sizeof(cmd),
				   &resp.core, sizeof(resp));
	if (ret)
		goto err_free;
	if (extend(qp, extended ? qp->opcodes : 0, asked) < 0 ||
	    furnish(qp, &resp.vib, &attr->cap) < 0) {
		ret = errno;
		goto err_destroy;
	}
	return &qp->verbs.qp;

err_destroy:
	ibv_cmd_destroy_qp(&qp->verbs.qp);
err_free:
	free_qp(qp);
	errno = ret;
	return NULL;
}

/* What XRC QPs do not have, the kernel is not to hear of, whatever it is set to. */
static void strip(struct ibv_qp_init_attr_ex *attr)
{
	if (attr->qp_type != IBV_QPT_XRC_SEND && attr->qp_type != IBV_QPT_XRC_RECV)
		return;
	attr->recv_cq = NULL;
	attr->srq = NULL;
	attr->cap.max_recv_wr = 0;
	attr->cap.max_recv_sge = 0;
	if (attr->qp_type == IBV_QPT_XRC_SEND)
		return;
	attr->send_cq = NULL;
	attr->pd = NULL;
	memset(&attr->cap, 0, sizeof(attr->cap));
}

struct ibv_qp *vib_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ibv_qp_init_attr_ex ex = {
		.qp_context = attr->qp_context,
		.send_cq = attr->send_cq,
		.recv_cq = attr->recv_cq,
		.srq = attr->srq,
		.cap = attr->cap,
		.qp_type = attr->qp_type,
		.sq_sig_all = attr->sq_sig_all,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = pd,
	};
	struct ibv_qp *qp;

	if (!opcodes_of(attr->qp_type)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	strip(&ex);
	qp = create(pd->context, &ex, false, 0);
	if (qp)
		attr->cap = ex.cap;
	return qp;
}

struct ibv_qp *vib_create_qp_ex(struct ibv_context *context,
				struct ibv_qp_init_attr_ex *attr)
{
	const uint32_t masks = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS |
			       IBV_QP_INIT_ATTR_CREATE_FLAGS;
	const uint32_t needed = attr->qp_type == IBV_QPT_XRC_RECV ? IBV_QP_INIT_ATTR_XRCD
								  : IBV_QP_INIT_ATTR_PD;
	uint32_t opcodes = opcodes_of(attr->qp_type), asked = 0;
	bool supported = opcodes || attr->qp_type == IBV_QPT_XRC_RECV;
	struct ibv_qp_init_attr_ex ex = *attr;
	struct ibv_qp *qp;

	if (attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS)
		asked = opcodes_asked(attr->send_ops_flags);
	if (attr->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS && attr->create_flags)
		supported = false; /* there is no flag that we know */
	if (!supported || attr->comp_mask & ~(masks | needed) || asked & ~opcodes) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (!(attr->comp_mask & needed)) {
		errno = EINVAL;
		return NULL;
	}
	/* There are none, and ibv_cmd_create_qp_ex() takes no mask that has them. */
	ex.comp_mask &= ~(uint32_t)IBV_QP_INIT_ATTR_CREATE_FLAGS;
	strip(&ex);
	/* All that the type has, so that an operation not asked for is no null pointer.
	 */
	qp = create(context, &ex,
		    opcodes && attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS, asked);
	if (qp)
		attr->cap = ex.cap;
	return qp;
}

int vib_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
		 struct ibv_qp_init_attr *init_attr)
{
	struct ibv_query_qp cmd;

	return ibv_cmd_query_qp(qp, attr, attr_mask, init_attr, &cmd, sizeof(cmd));
}

int vib_modify_qp(struct ibv_qp *ibqp, struct ibv_qp_attr *attr, int attr_mask)
{
	struct ibv_modify_qp cmd = {};
	int ret;

	ret = ibv_cmd_modify_qp(ibqp, attr, attr_mask, &cmd, sizeof(cmd));
	if (!ret && attr_mask & IBV_QP_STATE && attr->qp_state == IBV_QPS_RESET)
		vib_qp_reset(to_vib_qp(ibqp));
	return ret;
}

int vib_destroy_qp(struct ibv_qp *ibqp)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	int ret;

	ret = ibv_cmd_destroy_qp(ibqp);
	if (ret)
		return ret;
	vib_qp_leave_cqs(qp);
	free_qp(qp);
	return 0;
}
