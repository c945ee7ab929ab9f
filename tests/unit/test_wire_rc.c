// SPDX-License-Identifier: GPL-2.0-or-later
/* RC and UC between a guest and a machine behind the wire. */
#include <endian.h>
#include <errno.h>

#include "control/fabric.h"
#include "engine/qp.h"
#include "wire_rig.h"

#define SIGNALED(op, id_)                                              \
	(struct vib_send_wqe)                                          \
	{                                                              \
		.opcode = op, .flags = VIB_SEND_SIGNALED, .wr_id = id_ \
	}

struct pair {
	struct its_qp q;
	struct native n;
};

static void open_pair(struct world *w, struct pair *x, enum vib_qp_type type)
{
	uint8_t gid[16];

	x->q = its_qp_new(&w->a, type, CQ_PAGE);
	native_open(&x->n, type == VIB_QPT_RC ? IBV_QPT_RC : IBV_QPT_UC);
	its_gid(&w->a, gid);
	native_connect(&x->n, x->q.qpn, gid);
}

static void connect_pair(struct world *w, struct pair *x, enum vib_qp_type type)
{
	open_pair(w, x, type);
	its_connect(&x->q, native_gid, x->n.qp->qp_num);
}

static struct vib_send_wqe to_native(const struct pair *x, uint8_t opcode, uint64_t id)
{
	struct vib_send_wqe wqe = SIGNALED(opcode, id);

	wqe.u.rdma.remote_addr = (uintptr_t)x->n.memory;
	wqe.u.rdma.rkey = x->n.mr->rkey;
	return wqe;
}

static void numbers_and_keys_are_the_hcas(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);

	assert_non_null(fake_hca_qp(q.qpn));
	assert_int_equal(q.key & 0xff, 0);
	assert_in_range(q.key, 0x100, 0x10000);
	assert_int_equal(fake_hca.mrs, 2); /* and one of slots for inline data */
	assert_int_equal(vhca_find_qp(vhca_of(&w->b), q.qpn) != NULL, 1);
}

static void a_send_arrives(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe wqe = SIGNALED(VIB_OP_SEND_IMM, 7);
	struct pair x = { 0 };
	struct ibv_wc wc;

	connect_pair(w, &x, VIB_QPT_RC);
	native_recv(&x.n, 1, 0, 100);
	memset(x.q.memory, 0x5a, 64);
	wqe.imm = htobe32(0x11223344);
	its_send(&x.q, wqe, 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	wc = native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_int_equal(wc.byte_len, 64);
	assert_int_equal(be32toh(wc.imm_data), 0x11223344);
	assert_memory_equal(x.n.memory, x.q.memory, 64);
	assert_int_equal(its_take(&x.q, 7, VIB_WC_SUCCESS).opcode, VIB_OP_SEND_IMM);
	its_nothing(&x.q);
	native_close(&x.n);
}

static void native_post(struct native *n, struct ibv_send_wr wr, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)n->memory, length, n->mr->lkey };
	struct ibv_send_wr *bad;

	wr.sg_list = &sge;
	wr.num_sge = 1;
	assert_int_equal(ibv_post_send(n->qp, &wr, &bad), 0);
}

static void a_message_is_received(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_cqe cqe;

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 21, 128, 256);
	its_recv(&x.q, 22, 512, 256);
	wire_run(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 2);
	memset(x.n.memory, 0xa5, 200);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 200);
	native_post(&x.n,
		    (struct ibv_send_wr){ .opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
					  .imm_data = htobe32(9),
					  .wr.rdma = { IOVA + 1000, x.q.key } },
		    10);
	wire_run(w);
	cqe = its_take(&x.q, 21, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV);
	assert_int_equal(cqe.byte_len, 200);
	assert_memory_equal(x.q.memory + 128, x.n.memory, 200);
	cqe = its_take(&x.q, 22, VIB_WC_SUCCESS);
	assert_int_equal(cqe.opcode, VIB_OP_RDMA_WRITE_IMM);
	assert_int_equal(be32toh(cqe.imm), 9);
	assert_memory_equal(x.q.memory + 1000, x.n.memory, 10);
	native_close(&x.n);
}

/* A peer may send as soon as it knows that we are in RTR. */
static void receives_are_there_before_rtr(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	its_recv(&x.q, 2, 64, 64);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	assert_int_equal(fake_hca_receives(x.q.qpn), 2);
	native_close(&x.n);
}

/* A deep queue keeps neither the control thread nor another QP waiting. */
static void many_receives_are_posted_in_parts(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int before, after;

	wire_rig_rq_order = 9;
	open_pair(w, &x, VIB_QPT_RC);
	for (unsigned int i = 0; i < 500; i++)
		its_recv(&x.q, i, 0, 64);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	after = fake_hca_receives(x.q.qpn);
	assert_int_equal(after, 256);
	do {
		before = after;
		poller_pass(&w->engine->pollers[0]);
		after = fake_hca_receives(x.q.qpn);
		assert_in_range(after, before + 1, before + 64);
	} while (after < 500);
	assert_int_equal(vhca_of(&w->a)->bucket.tokens, 0); /* it has no rate */
	native_close(&x.n);
}

static void memory_is_written_and_read(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t data[INLINE];

	connect_pair(w, &x, VIB_QPT_RC);
	memset(x.q.memory, 0x11, 100);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 100);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory, 100);

	memset(x.n.memory, 0x22, 100);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_READ, 2), 200, 100);
	wire_run(w);
	assert_int_equal(its_take(&x.q, 2, VIB_WC_SUCCESS).byte_len, 100);
	assert_memory_equal(x.n.memory, x.q.memory + 200, 100);

	/* Inline for the HCA, and more than it takes so: the slot may be filled anew. */
	for (uint32_t n = fake_hca.max_inline / 2; n <= sizeof(data); n *= 2) {
		memset(data, (int)n, n);
		its_send_inline(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, n), data, n);
		wire_run_without_hca(w);
		memset((uint8_t *)memory_of(&w->a, SQ_PAGE) + 128, 0,
		       VIB_PAGE_SIZE - 128 - 64);
		wire_run(w);
		its_take(&x.q, n, VIB_WC_SUCCESS);
		assert_memory_equal(x.n.memory, data, n);
	}
	native_close(&x.n);
}

static void a_peer_reaches_memory_by_its_key(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	memset(x.n.memory, 0x33, 64);
	native_post(&x.n,
		    (struct ibv_send_wr){ .wr_id = 1,
					  .opcode = IBV_WR_RDMA_WRITE,
					  .wr.rdma = { IOVA + 64, x.q.key } },
		    64);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory + 64, 64);
	native_close(&x.n);
}

/* Whose turn it is after what the HCA has. */
static void a_bad_key_fails_in_its_turn(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, x.q.key + 1);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 3), 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 50, VIB_WC_WR_FLUSH_ERR);
	its_nothing(&x.q);
	native_close(&x.n);
}

/* Nothing that goes out follows one that nobody wants to be told of. */
static void what_follows_a_quiet_one_fails(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe quiet;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	quiet = to_native(&x, VIB_OP_RDMA_WRITE, 1);
	quiet.flags = 0;
	its_send(&x.q, quiet, 0, 64);
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, x.q.key + 1);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* Another guest's key is none of its own, though the HCA knows it. */
static void a_key_of_another_guest_is_no_key(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp other = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	unsigned int posts;

	connect_pair(w, &x, VIB_QPT_RC);
	posts = fake_hca.posts;
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, other.key);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(fake_hca.posts, posts);
	native_close(&x.n);
}

static void what_the_peer_denies_fails_with_all_behind_it(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe bad;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	bad = to_native(&x, VIB_OP_RDMA_WRITE, 2);
	bad.u.rdma.rkey++;
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send(&x.q, bad, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 3), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_REM_ACCESS_ERR);
	/* The HCA's two queues are flushed in the order it likes. */
	for (unsigned int i = 0; i < 2; i++) {
		struct vib_cqe cqe;

		assert_true(its_poll(&x.q, &cqe));
		assert_int_equal(cqe.status, VIB_WC_WR_FLUSH_ERR);
		assert_true(cqe.wr_id == 3 || cqe.wr_id == 50);
	}
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* An HCA with fewer places than the guest's queue. */
static int set_up_small(void **state)
{
	wire_rig_max_wr = 4;
	return wire_set_up(state);
}

/* More than the HCA's queue has room for, and completions that nobody asked for. */
static void no_more_is_posted_than_the_hca_holds(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe quiet;
	uint64_t done = 0;
	struct vib_cqe cqe;

	connect_pair(w, &x, VIB_QPT_RC);
	for (uint64_t id = 1; id <= 40; id++) {
		quiet = to_native(&x, VIB_OP_RDMA_WRITE, id);
		if (id % 8)
			quiet.flags = 0;
		its_send(&x.q, quiet, 0, 16);
		if (id % 8 == 0) {
			wire_run(w);
			assert_true(its_poll(&x.q, &cqe));
			assert_int_equal(cqe.status, 0);
			done = cqe.wr_id;
			its_nothing(&x.q);
		}
	}
	assert_int_equal(done, 40);
	native_close(&x.n);
}

static void a_guest_of_this_host_is_reached_by_memory(void **state)
{
	struct world *w = *state;
	struct its_qp a = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	struct vib_send_wqe wqe = SIGNALED(VIB_OP_RDMA_WRITE, 5);
	uint8_t gid[16];

	its_gid(&w->b, gid);
	its_connect(&a, gid, b.qpn);
	its_gid(&w->a, gid);
	its_connect(&b, gid, a.qpn);
	memset(a.memory, 0x44, 64);
	wqe.u.rdma.remote_addr = IOVA + 256;
	wqe.u.rdma.rkey = b.key;
	its_send(&a, wqe, 0, 64);
	wire_run_without_hca(w);
	its_take(&a, 5, VIB_WC_SUCCESS);
	assert_memory_equal(b.memory + 256, a.memory, 64);
	assert_int_equal(fake_hca.posts, 0);
	assert_int_equal(fake_hca_qp(a.qpn)->qp_state, IBV_QPS_RESET);
}

/* What failed here the HCA knows nothing of, so that it can go out afterwards. */
static void one_that_failed_here_can_go_out_later(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x, VIB_QPT_RC);
	its_gid(&w->b, gid);
	its_connect(&x.q, gid, 0x7777);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run(w);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_close(&x.n);
}

static void it_sends_with_its_own_gid_only(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];
	int index = -1;

	connect_pair(w, &x, VIB_QPT_RC);
	its_gid(&w->a, gid);
	for (unsigned int i = 0; i < fake_hca.num_gids; i++)
		if (memcmp(fake_hca.gids[i].gid.raw, gid, 16) == 0)
			index = (int)i; /* the last is RoCE v2's */
	assert_int_equal(fake_hca_qp(x.q.qpn)->ah_attr.grh.sgid_index, index);
	native_close(&x.n);
}

static void a_gid_or_pkey_that_the_port_has_not_is_refused(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x, VIB_QPT_RC);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	fake_hca.num_gids = 0;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, 5), -EINVAL);
	assert_int_equal(its_state(&x.q), VIB_QPS_INIT);
	fake_hca.num_gids = 6;
	fake_hca.pkeys[0] = 0x7fff;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, 5), -EINVAL);
	fake_hca.pkeys[0] = 0xffff;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	native_close(&x.n);
}

static void what_was_before_a_reset_is_forgotten(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	for (unsigned int i = 0; i < 10; i++)
		poller_pass(&w->engine->pollers[0]);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	fake_hca_run(); /* the completions are in the HCA's queue */
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	memset(memory_of(&w->a, SQ_PAGE), 0, VIB_PAGE_SIZE);
	memset(memory_of(&w->a, RQ_PAGE), 0, VIB_PAGE_SIZE);
	vib_queue_init(&x.q.sq, memory_of(&w->a, SQ_PAGE), QUEUE_ORDER, x.q.sq.stride);
	vib_queue_init(&x.q.rq, memory_of(&w->a, RQ_PAGE), QUEUE_ORDER, x.q.rq.stride);
	its_recv(&x.q, 51, 0, 64);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q); /* which the old one would be taken for */
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	native_close(&x.n);
}

/* The control thread may take the command before it hears of the failure. */
static void a_failure_before_a_reset_is_forgotten(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct qp *qp;

	connect_pair(w, &x, VIB_QPT_RC);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	pthread_spin_lock(&qp->lock);
	qp_enter_error(qp);
	qp_modify(qp, VIB_QP_STATE, &(struct vib_qp_attr){ .state = VIB_QPS_RESET });
	pthread_spin_unlock(&qp->lock);
	assert_null(wire_take_failed(qp->vhca->wire));
	native_close(&x.n);
}

static void sqd_waits_for_what_the_hca_has(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	uint32_t number;
	uint16_t type;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run_without_hca(w);
	req.u.modify_qp.qpn = x.q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE | VIB_QP_EN_SQD_ASYNC_NOTIFY;
	req.u.modify_qp.attr.state = VIB_QPS_SQD;
	req.u.modify_qp.attr.en_sqd_async_notify = 1;
	assert_int_equal(execute(&w->a, req).status, 0);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	for (unsigned int i = 0; i < 100; i++)
		poller_pass(&w->engine->pollers[0]);
	assert_false(async_take(&vhca_of(&w->a)->async, &type, &number));
	fake_hca_run();
	for (unsigned int i = 0; i < 100; i++)
		poller_pass(&w->engine->pollers[0]);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_SQ_DRAINED);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	req.u.modify_qp.mask = VIB_QP_STATE;
	req.u.modify_qp.attr.state = VIB_QPS_RTS;
	assert_int_equal(execute(&w->a, req).status, 0);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* Which the HCA takes in SQD alone, where it is on the way only. */
static void attributes_change_in_sqd(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct vib_cmd_modify_qp *cmd = &req.u.modify_qp;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	cmd->qpn = x.q.qpn;
	cmd->mask = VIB_QP_STATE;
	cmd->attr.state = VIB_QPS_SQD;
	assert_int_equal(execute(&w->a, req).status, 0);
	cmd->mask = VIB_QP_STATE | VIB_QP_TIMEOUT;
	cmd->attr.timeout = 9;
	/* Not before it is drained, which its poller sees. */
	assert_int_equal(execute(&w->a, req).status, -EINVAL);
	wire_run(w);
	fake_hca.draining = 3;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->timeout, 9);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTS);
	cmd->mask = VIB_QP_STATE | VIB_QP_ACCESS_FLAGS;
	cmd->attr.access_flags = VIB_ACCESS_REMOTE_READ;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_access_flags, VIB_ACCESS_REMOTE_READ);
	assert_int_equal(its_state(&x.q), VIB_QPS_SQD);
	cmd->mask = VIB_QP_STATE;
	cmd->attr.state = VIB_QPS_RTS;
	assert_int_equal(execute(&w->a, req).status, 0);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_close(&x.n);
}

static void one_that_cooled_is_woken_by_its_channel(void **state)
{
	struct world *w = *state;
	struct poller *poller = &w->engine->pollers[0];
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	wire_run(w);
	for (unsigned int i = 0; poller->num_hot; i++) {
		assert_true(i < 20000);
		poller_pass(poller);
	}
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	fake_hca_run();
	wire_run_without_hca(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	/* And by a receive that is posted. */
	for (unsigned int i = 0; poller->num_hot; i++) {
		assert_true(i < 20000);
		poller_pass(poller);
	}
	its_recv(&x.q, 2, 0, 64);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 1);
	native_close(&x.n);
}

static void what_cannot_be_posted_fails_the_qp(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca.post_send_error = ENOMEM;
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* Its guest grants it, which is for copies alone, and has not lent it. */
static void a_receive_that_the_hca_cannot_reach_fails(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	wire_rig_flags = VIB_QPF_KERNEL;
	connect_pair(w, &x, VIB_QPT_RC);
	vhca_of(&w->a)->xen = vib_of(&w->a)->conn.guest.xp;
	its_recv_sge(&x.q, 1,
		     (struct vib_sge){ VIB_GRANTED_BASE, 64, VIB_LOCAL_DMA_LKEY });
	wire_run(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 0);
	its_take(&x.q, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

static void a_receive_with_a_bad_key_fails_in_its_turn(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	x.q.key++;
	its_recv(&x.q, 2, 0, 64);
	wire_run(w);
	its_nothing(&x.q);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* The toolstack takes the GID away: the HCA's QP must not go on with it. */
static void who_is_another_sends_no_more(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1234");
	fake_loop(w->xen);
	connect_pair(w, &x, VIB_QPT_RC);
	put(&w->a, w->a.be, VIB_BE_PKEY, "0x8001");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

static bool is_native_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	(void)arg;
	memcpy(gid->raw, native_gid, 16);
	return lid == 7;
}

/* By LID: the HCA has a GID for it all the same. */
static void who_has_another_gid_sends_no_more(void **state)
{
	static const uint8_t own[16] = { 0xfe, 0x80, [14] = 0x12, [15] = 0x34 };
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct vib_cmd_modify_qp *cmd = &req.u.modify_qp;
	struct pair x = { 0 };

	fabric_find(&w->fabrics, "local")->gid_of_lid = is_native_lid;
	fake_hca_add_gid(own);
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1234");
	fake_loop(w->xen);
	open_pair(w, &x, VIB_QPT_UC);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	cmd->qpn = x.q.qpn;
	cmd->mask = VIB_QP_STATE | VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
		    VIB_QP_RQ_PSN;
	cmd->attr =
		(struct vib_qp_attr){ .state = VIB_QPS_RTR,
				      .path_mtu = 5,
				      .dest_qpn = x.n.qp->qp_num,
				      .av = { .dlid = 7, .sl = 0xf3, .sgid_index = 1 } };
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->ah_attr.sl, 3);
	assert_int_equal(fake_hca_qp(x.q.qpn)->path_mtu, IBV_MTU_1024); /* the port's */
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTR);
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1235");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* Its vport has another GID when the HCA has found the way. */
static void who_became_another_meanwhile_is_not_connected(void **state)
{
	static const uint8_t own[16] = { 0xfe, 0x80, [14] = 0x12, [15] = 0x34 };
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct vib_cmd_modify_qp *cmd = &req.u.modify_qp;
	struct pair x = { 0 };

	fake_hca_add_gid(own);
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1234");
	fake_loop(w->xen);
	open_pair(w, &x, VIB_QPT_UC);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	cmd->qpn = x.q.qpn;
	cmd->mask = VIB_QP_STATE | VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
		    VIB_QP_RQ_PSN;
	cmd->attr =
		(struct vib_qp_attr){ .state = VIB_QPS_RTR,
				      .path_mtu = 3,
				      .dest_qpn = x.n.qp->qp_num,
				      .av = { .flags = VIB_AV_GRH, .sgid_index = 1 } };
	memcpy(cmd->attr.av.dgid.raw, native_gid, 16);
	ask(&w->a, req);
	fake_loop(w->xen);
	assert_false(is_answered(&w->a));
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1235");
	fake_loop(w->xen);
	wire_run(w);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

/* As when the HCA's port has no link. */
static void go_down(struct peer *p)
{
	struct port_view view = *vhca_view(vhca_of(p));

	view.up = false;
	assert_int_equal(vhca_set_port(vhca_of(p), &view), 0);
}

/*
 * On InfiniBand vports have addresses in common with all of this host: a peer is a
 * vport's if its number is.
 */
static void who_is_local_on_infiniband_its_number_tells(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t own[16];

	open_pair(w, &x, VIB_QPT_RC);
	vib_of(&w->a)->conn.guest.hca.ethernet = false;
	its_gid(&w->a, own);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, own, 0xabcde), 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTR);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, own, x.q.qpn), 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RESET);
	native_close(&x.n);
}

/* As long as the vport's link is down nothing leaves it. */
static void a_port_that_is_down_sends_nothing(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int posts;

	connect_pair(w, &x, VIB_QPT_RC);
	posts = fake_hca.posts;
	go_down(&w->a);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	assert_int_equal(fake_hca.posts, posts);
	native_close(&x.n);
}

/* It does not answer either, whether it was connected before or is now. */
static void nobody_reaches_who_is_cut_off(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp late;

	connect_pair(w, &x, VIB_QPT_RC);
	put(&w->a, w->a.be, VIB_BE_LINK, "down");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	late = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	assert_int_equal(its_modify(&late, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&late, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	fake_settle(w->xen);
	assert_int_equal(its_state(&late), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(late.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

static void the_hcas_events_are_the_guests(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t number;
	uint16_t type;

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_PORT_ERR, 0);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_QP_ACCESS_ERR,
		       x.q.qpn);
	wire_port_read_events(wire_rig_port);
	assert_int_equal(wire_rig_changed, 1);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_ACCESS_ERR);
	assert_int_equal(number, x.q.qpn);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_DEVICE_FATAL, 0);
	wire_port_read_events(wire_rig_port);
	assert_int_equal(wire_rig_gone, 1);
	native_close(&x.n);
}

/* What the HCA has done for it nobody can hear of. */
static void a_cq_that_is_lost_fails_its_qp(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t number;
	uint16_t type;

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_CQ_ERR, x.q.qpn);
	wire_port_read_events(wire_rig_port);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_FATAL);
	assert_int_equal(number, x.q.qpn);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* The line about it is one in a while: the next is counted. */
static void an_hca_that_does_not_flush_is_complained_of(void **state)
{
	struct world *w = *state;
	const struct complaints *c = &vib_of(&w->a)->complaints;
	struct pair x = { 0 };
	struct its_qp late;

	connect_pair(w, &x, VIB_QPT_RC);
	late = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	its_connect(&late, native_gid, x.n.qp->qp_num);
	fake_hca.modify_qp_error = EIO;
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	fake_settle(w->xen);
	assert_int_equal(c->unlogged, 0);
	fake_hca.modify_qp_error = EIO;
	assert_int_equal(its_modify(&late, VIB_QPS_ERR, NULL, 0), 0);
	fake_settle(w->xen);
	assert_int_equal(c->unlogged, 1);
	native_close(&x.n);
}

static void uc_sends_and_receives(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_UC);
	native_recv(&x.n, 1, 0, 100);
	its_recv(&x.q, 2, 0, 100);
	memset(x.q.memory + 512, 0x77, 50);
	its_send(&x.q, SIGNALED(VIB_OP_SEND, 3), 512, 50);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory + 512, 50);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* What does not leave the port is done in its turn, too, and needs a place for that. */
static void a_full_queue_and_a_port_that_goes_down(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_UC);
	for (uint64_t id = 1; id <= 4; id++)
		its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, id), 0, 16);
	wire_run_without_hca(w);
	go_down(&w->a);
	for (uint64_t id = 5; id <= 7; id++)
		its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, id), 0, 16);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	for (uint64_t id = 1; id <= 7; id++)
		its_take(&x.q, id, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	native_close(&x.n);
}

/* One queue is mapped and the other being so when the guest goes: each is released once.
 */
static void a_guest_may_go_between_its_queues(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct vib_control_request req = its_request(VIB_CMD_CREATE_QP);
	uint32_t send_stride = vib_send_stride(SGES, INLINE, VIB_QPT_RC);
	uint32_t recv_stride = vib_recv_stride(SGES);
	unsigned int before = mapped(w);

	req.u.create_qp = (struct vib_cmd_create_qp){
		.pd = q.pd,
		.send_cq = q.cqn,
		.recv_cq = q.cqn,
		.srq = VIB_NO_OBJECT,
		.type = VIB_QPT_RC,
		.doorbell = q.doorbell,
		.db_index = CQ_PAGE_2,
		.max_inline = INLINE,
		.sq = { QUEUE_ORDER,
			send_stride,
			SGES,
			{ 1, page_of(&w->a, SQ_PAGE_2) } },
		.rq = { QUEUE_ORDER,
			recv_stride,
			SGES,
			{ 1, page_of(&w->a, RQ_PAGE_2) } },
	};
	ask(&w->a, req);
	step(w); /* the send queue's */
	assert_int_equal(mapped(w), before + 1);
	frontend_state(&w->a, "6");
	step(w);
	assert_int_equal(mapped(w), before + 2);
	fake_settle(w->xen);
	assert_int_equal((int)mapped(w), -3); /* its connection's, too */
	assert_int_equal(w->engine->mappings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(numbers_and_keys_are_the_hcas),
		wire_test(a_send_arrives),
		wire_test(a_message_is_received),
		wire_test(receives_are_there_before_rtr),
		wire_test(many_receives_are_posted_in_parts),
		wire_test(memory_is_written_and_read),
		wire_test(a_peer_reaches_memory_by_its_key),
		wire_test(a_bad_key_fails_in_its_turn),
		wire_test(what_follows_a_quiet_one_fails),
		wire_test(a_key_of_another_guest_is_no_key),
		wire_test(what_the_peer_denies_fails_with_all_behind_it),
		wire_test(a_guest_of_this_host_is_reached_by_memory),
		wire_test(one_that_failed_here_can_go_out_later),
		wire_test(it_sends_with_its_own_gid_only),
		wire_test(a_gid_or_pkey_that_the_port_has_not_is_refused),
		wire_test(what_was_before_a_reset_is_forgotten),
		wire_test(a_failure_before_a_reset_is_forgotten),
		wire_test(sqd_waits_for_what_the_hca_has),
		wire_test(attributes_change_in_sqd),
		wire_test(one_that_cooled_is_woken_by_its_channel),
		wire_test(what_cannot_be_posted_fails_the_qp),
		wire_test(a_receive_that_the_hca_cannot_reach_fails),
		wire_test(a_receive_with_a_bad_key_fails_in_its_turn),
		wire_test(who_is_another_sends_no_more),
		wire_test(who_has_another_gid_sends_no_more),
		wire_test(who_became_another_meanwhile_is_not_connected),
		wire_test(who_is_local_on_infiniband_its_number_tells),
		wire_test(a_port_that_is_down_sends_nothing),
		wire_test(nobody_reaches_who_is_cut_off),
		wire_test(the_hcas_events_are_the_guests),
		wire_test(a_cq_that_is_lost_fails_its_qp),
		wire_test(an_hca_that_does_not_flush_is_complained_of),
		wire_test(uc_sends_and_receives),
		cmocka_unit_test_setup_teardown(no_more_is_posted_than_the_hca_holds,
						set_up_small, wire_tear_down),
		cmocka_unit_test_setup_teardown(a_full_queue_and_a_port_that_goes_down,
						set_up_small, wire_tear_down),
		wire_test(a_guest_may_go_between_its_queues),
	};

	return cmocka_run_group_tests_name("wire: RC and UC", tests, NULL, NULL);
}
