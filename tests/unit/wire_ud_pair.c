// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire_ud_pair.h"

void native_aim(struct ud_pair *x, const uint8_t dgid[16], const uint8_t sgid[16])
{
	struct ibv_ah_attr attr = { .is_global = 1 };

	memcpy(attr.grh.dgid.raw, dgid, 16);
	for (unsigned int i = 0; i < fake_hca.num_gids; i++)
		if (memcmp(fake_hca.gids[i].gid.raw, sgid, 16) == 0)
			attr.grh.sgid_index = (uint8_t)i;
	if (x->ah)
		ibv_destroy_ah(x->ah);
	x->ah = ibv_create_ah(x->n.pd, &attr);
}

void open_ud_pair(struct world *w, struct ud_pair *x)
{
	uint8_t gid[16];

	x->q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);
	its_connect(&x->q, NULL, 0);
	native_open(&x->n, IBV_QPT_UD);
	its_gid(&w->a, gid);
	native_connect(&x->n, 0, gid);
	native_aim(x, gid, native_gid);
}

void close_ud_pair(struct ud_pair *x)
{
	ibv_destroy_ah(x->ah);
	native_close(&x->n);
}

void native_send(struct ud_pair *x, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)x->n.memory, length, x->n.mr->lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND };
	struct ibv_send_wr *bad;

	wr.wr.ud.ah = x->ah;
	wr.wr.ud.remote_qpn = x->q.qpn;
	wr.wr.ud.remote_qkey = 0x1234;
	assert_int_equal(ibv_post_send(x->n.qp, &wr, &bad), 0);
}

struct vib_send_wqe datagram(uint64_t id, const uint8_t dgid[16], uint32_t qpn)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = id };

	wqe.u.ud.remote_qpn = qpn;
	wqe.u.ud.qkey = 0x1234;
	wqe.u.ud.av.flags = VIB_AV_GRH;
	memcpy(wqe.u.ud.av.dgid.raw, dgid, 16);
	return wqe;
}
