// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire_fast_rig.h"

#include <endian.h>

#include "engine/poller_parts.h"
#include "engine/qp.h"

#define SHOW_ALL \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

struct vib_page_list *list_of(const struct pair *x)
{
	return memory_of(x->q.p, DEEP_PAGE);
}

uint8_t *pool_at(const struct pair *x, uint32_t page)
{
	return memory_of(x->q.p, DEEP_PAGE + page);
}

uint64_t pool_addr(uint32_t page)
{
	return POOL_BASE + page * (uint64_t)PAGE;
}

/* ---- commands ------------------------------------------------------------- */

uint32_t lend(struct peer *p)
{
	struct vib_control_request req = its_request(VIB_CMD_REG_DMA);
	uint32_t *list = memory_of(p, LIST);

	for (uint32_t i = 0; i < POOL_PAGES; i++) {
		memset(memory_of(p, DEEP_PAGE + i), 0, PAGE);
		list[i] = page_of(p, DEEP_PAGE + i);
	}
	req.u.reg_dma.addr = POOL_BASE;
	req.u.reg_dma.pages = (struct vib_pages){ POOL_PAGES, page_of(p, LIST) };
	return number_of(execute(p, req));
}

int take_back(const struct pair *x)
{
	struct vib_control_request req = its_request(VIB_CMD_DEREG_DMA);

	req.u.object.number = x->region;
	return execute(x->q.p, req).status;
}

struct vib_control_response alloc_mr(const struct its_qp *q, uint32_t key)
{
	struct vib_control_request req = its_request(VIB_CMD_ALLOC_MR);

	req.u.alloc_mr = (struct vib_cmd_alloc_mr){ q->pd, MAX_SHOWN, key };
	return execute(q->p, req);
}

int dereg(const struct pair *x)
{
	return execute(x->q.p, dereg_mr(x->key)).status;
}

int destroy_qp(const struct its_qp *q)
{
	struct vib_control_request req = its_request(VIB_CMD_DESTROY_QP);

	req.u.object.number = q->qpn;
	return execute(q->p, req).status;
}

/* ---- the two -------------------------------------------------------------- */

void join_native(struct pair *x, struct its_qp *q)
{
	uint8_t gid[16];

	native_open(&x->n, q->type == VIB_QPT_RC ? IBV_QPT_RC : IBV_QPT_UC);
	its_gid(q->p, gid);
	native_connect(&x->n, q->qpn, gid);
	its_connect(q, native_gid, x->n.qp->qp_num);
}

void open_pair_of(struct world *w, struct pair *x, enum vib_qp_type type)
{
	wire_rig_flags = VIB_QPF_KERNEL;
	x->q = its_qp_new(&w->a, type, CQ_PAGE);
	join_native(x, &x->q);
	x->region = lend(&w->a);
	x->key = number_of(alloc_mr(&x->q, 0));
}

void open_pair(struct world *w, struct pair *x)
{
	open_pair_of(w, x, VIB_QPT_RC);
}

void native_do(struct world *w, struct pair *x, struct ibv_send_wr wr,
	       enum ibv_wc_status status)
{
	struct ibv_sge sge = { (uintptr_t)x->n.memory, 64, x->n.mr->lkey };
	struct ibv_send_wr *bad;

	wr.wr_id = 77;
	wr.sg_list = &sge;
	wr.num_sge = 1;
	assert_int_equal(ibv_post_send(x->n.qp, &wr, &bad), 0);
	wire_run(w);
	native_take(&x->n, 77, status);
}

void native_write(struct world *w, struct pair *x, uint64_t addr, uint32_t key,
		  enum ibv_wc_status status)
{
	native_do(w, x,
		  (struct ibv_send_wr){ .opcode = IBV_WR_RDMA_WRITE,
					.wr.rdma = { addr, key } },
		  status);
}

struct vib_send_wqe local_inv(uint64_t id, uint32_t key)
{
	return (struct vib_send_wqe){ .opcode = VIB_OP_LOCAL_INV,
				      .flags = VIB_SEND_SIGNALED,
				      .wr_id = id,
				      .imm = htole32(key) };
}

struct vib_send_wqe reg(struct pair *x, uint64_t id, uint64_t iova, uint32_t first,
			uint32_t length)
{
	uint64_t *entries = (uint64_t *)(list_of(x) + 1);

	for (uint32_t i = 0; i < MAX_SHOWN; i++)
		entries[i] = pool_addr(first + i);
	x->key = (x->key & ~0xffu) | ((x->key + 1) & 0xff);
	return (struct vib_send_wqe){ .opcode = VIB_OP_REG_MR,
				      .flags = VIB_SEND_SIGNALED,
				      .wr_id = id,
				      .u.reg_mr = { .iova = iova,
						    .length = length,
						    .list = POOL_BASE,
						    .key = x->key,
						    .access = SHOW_ALL,
						    .serial = ++x->serial } };
}

void show(struct world *w, struct pair *x, uint64_t iova, uint32_t first, uint32_t length)
{
	its_post(&x->q, reg(x, 900, iova, first, length));
	wire_run(w);
	assert_int_equal(its_take(&x->q, 900, VIB_WC_SUCCESS).opcode, VIB_OP_REG_MR);
}

void hide(struct world *w, struct pair *x)
{
	its_post(&x->q, local_inv(901, x->key));
	wire_run(w);
	assert_int_equal(its_take(&x->q, 901, VIB_WC_SUCCESS).opcode, VIB_OP_LOCAL_INV);
}

void assert_refused(struct world *w, struct its_qp *q, struct vib_send_wqe wqe)
{
	its_post(q, wqe);
	wire_run(w);
	its_take(q, wqe.wr_id, VIB_WC_MW_BIND_ERR);
	assert_int_equal(its_state(q), VIB_QPS_ERR);
}

void open_shown(struct world *w, struct pair *x)
{
	open_pair(w, x);
	show(w, x, pool_addr(2) + 128, 2, 1000);
}

struct vib_send_wqe quiet(struct vib_send_wqe wqe)
{
	wqe.flags &= (uint8_t)~VIB_SEND_SIGNALED;
	return wqe;
}

void end_silence(struct world *w, struct its_qp *q)
{
	struct qp *qp = vhca_find_qp(vhca_of(q->p), q->qpn);

	wire_run(w);
	assert_int_equal(fake_hca_qp(q->qpn)->qp_state, IBV_QPS_ERR);
	its_nothing(q);
	assert_true(qp->wire->flushed_at > 1);
	qp->wire->flushed_at = 1;
	poller_heat(&w->engine->pollers[0], qp);
	wire_run(w);
}

int set_up_with_windows(void **state, uint32_t vendor, enum fabric_frwr frwr)
{
	wire_rig_windows = true;
	wire_rig_vendor = vendor;
	wire_rig_frwr = frwr;
	return wire_set_up(state);
}

int set_up_windows(void **state)
{
	return set_up_with_windows(state, 0, FABRIC_FRWR_AUTO);
}
