// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire_pair.h"

void open_pair(struct world *w, struct pair *x, enum vib_qp_type type)
{
	uint8_t gid[16];

	x->q = its_qp_new(&w->a, type, CQ_PAGE);
	native_open(&x->n, type == VIB_QPT_RC ? IBV_QPT_RC : IBV_QPT_UC);
	its_gid(&w->a, gid);
	native_connect(&x->n, x->q.qpn, gid);
}

void connect_pair(struct world *w, struct pair *x, enum vib_qp_type type)
{
	open_pair(w, x, type);
	its_connect(&x->q, native_gid, x->n.qp->qp_num);
}

struct vib_send_wqe to_native(const struct pair *x, uint8_t opcode, uint64_t id)
{
	struct vib_send_wqe wqe = SIGNALED(opcode, id);

	wqe.u.rdma.remote_addr = (uintptr_t)x->n.memory;
	wqe.u.rdma.rkey = x->n.mr->rkey;
	return wqe;
}

void native_post(struct native *n, struct ibv_send_wr wr, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)n->memory, length, n->mr->lkey };
	struct ibv_send_wr *bad;

	wr.sg_list = &sge;
	wr.num_sge = 1;
	assert_int_equal(ibv_post_send(n->qp, &wr, &bad), 0);
}

void go_down(struct peer *p)
{
	struct port_view view = *vhca_view(vhca_of(p));

	view.up = false;
	assert_int_equal(vhca_set_port(vhca_of(p), &view), 0);
}

int set_up_small(void **state)
{
	wire_rig_max_wr = 4;
	return wire_set_up(state);
}
