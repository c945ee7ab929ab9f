// SPDX-License-Identifier: GPL-2.0-or-later
/* SRQs of a guest whose QPs' peers are behind the wire, or reached by the HCA. */
#include <errno.h>
#include <sys/eventfd.h>

#include "control/vib.h"
#include "engine/qp.h"
#include "engine/srq.h"
#include "wire_rig.h"

enum { SRQ_PAGE = 30 };

/* A QP of guest A that gives the SRQ what it needs, one that receives from it, its peer.
 */
struct shared {
	struct its_qp own, q;
	struct its_srq srq;
	struct native n;
};

static void open_shared(struct world *w, struct shared *x)
{
	uint8_t gid[16];

	x->own = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	x->srq = its_srq_new(&x->own, SRQ_PAGE);
	wire_rig_srq = x->srq.number;
	x->q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	wire_rig_srq = VIB_NO_OBJECT;
	native_open(&x->n, IBV_QPT_RC);
	its_gid(&w->a, gid);
	native_connect(&x->n, x->q.qpn, gid);
}

static void connect_shared(struct world *w, struct shared *x)
{
	open_shared(w, x);
	its_connect(&x->q, native_gid, x->n.qp->qp_num);
}

static void native_send(struct native *n, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)n->memory, length, n->mr->lkey };
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND, .sg_list = &sge, .num_sge = 1 };
	struct ibv_send_wr *bad;

	assert_int_equal(ibv_post_send(n->qp, &wr, &bad), 0);
}

static void set_limit(struct world *w, const struct its_srq *srq, uint32_t limit)
{
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_SRQ);

	req.u.modify_srq = (struct vib_cmd_modify_srq){ srq->number, limit };
	assert_int_equal(execute(&w->a, req).status, 0);
}

static bool take_event(struct world *w, uint16_t type, uint32_t number)
{
	uint32_t of;
	uint16_t got;

	if (!async_take(&vhca_of(&w->a)->async, &got, &of))
		return false;
	assert_int_equal(got, type);
	assert_int_equal(of, number);
	return true;
}

/* Passes alone, so that events are not told on. */
static void turn(struct world *w)
{
	for (unsigned int i = 0; i < 100; i++)
		poller_pass(&w->engine->pollers[0]);
}

static void cool(struct world *w)
{
	struct poller *poller = &w->engine->pollers[0];

	for (unsigned int i = 0; poller->num_hot; i++) {
		assert_true(i < 20000);
		poller_pass(poller);
	}
}

static struct srq *srq_of(struct world *w, const struct its_srq *s)
{
	struct srq *srq = table_get(&vhca_of(&w->a)->srqs, s->number, srq);

	return srq;
}

/* A slot that its guest takes back whenever this lock is taken. */
static struct {
	pthread_spinlock_t *lock;
	uint32_t *gen;
} takes_back;

int __real_pthread_spin_lock(pthread_spinlock_t *lock);
int __wrap_pthread_spin_lock(pthread_spinlock_t *lock);
int __wrap_pthread_spin_lock(pthread_spinlock_t *lock)
{
	if (takes_back.lock && lock == takes_back.lock)
		vib_publish32(takes_back.gen, 0);
	return __real_pthread_spin_lock(lock);
}

static void it_is_announced(void **state)
{
	struct world *w = *state;
	struct vib_control_response rsp =
		execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));

	assert_int_equal(rsp.u.device.max_srq, 64);
	assert_int_equal(rsp.u.device.max_srq_sge, 16);
	assert_int_not_equal(rsp.u.device.max_srq_wr, 0);
}

static void a_message_takes_one(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	struct vib_cqe cqe;

	connect_shared(w, &x);
	its_srq_recv(&x.srq, 70, 128, 256);
	its_srq_recv(&x.srq, 71, 512, 256);
	wire_run(w);
	assert_int_equal(fake_hca_srq_receives(), 2);
	memset(x.n.memory, 0x3c, 100);
	native_send(&x.n, 100);
	wire_run(w);
	cqe = its_take(&x.q, 70, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV);
	assert_int_equal(cqe.byte_len, 100);
	assert_int_equal(cqe.wqe_index, 0);
	assert_memory_equal(x.q.memory + 128, x.n.memory, 100);
	its_nothing(&x.q);
	its_nothing(&x.own);
	assert_int_equal(fake_hca_srq_receives(), 1);
	native_close(&x.n);
}

static void what_is_posted_before_rtr_is_there(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	open_shared(w, &x);
	its_srq_recv(&x.srq, 70, 0, 256);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(fake_hca_srq_receives(), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	assert_int_equal(fake_hca_srq_receives(), 1);
	native_close(&x.n);
}

/* Nobody looks at it, but its bell rings. */
static void what_is_posted_when_all_is_cool_is_there(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	wire_run(w);
	cool(w);
	for (uint64_t id = 1; id <= 5; id++) {
		its_srq_recv(&x.srq, id, 0, 64);
		wire_run_without_hca(w);
		assert_int_equal(fake_hca_srq_receives(), id);
	}
	native_close(&x.n);
}

static void one_that_names_what_it_must_not_fails_who_takes_it(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	x.srq.key++;
	its_srq_recv(&x.srq, 70, 0, 64);
	x.srq.key--;
	its_srq_recv(&x.srq, 71, 0, 64);
	wire_run(w);
	assert_int_equal(fake_hca_srq_receives(), 2);
	native_send(&x.n, 10);
	wire_run(w);
	its_take(&x.q, 70, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(its_state(&x.own), VIB_QPS_RESET);
	native_close(&x.n);
}

/* Between the look at a slot and its copy: there is nothing then. */
static void one_that_is_taken_back_is_not_given(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	uint32_t gen;

	connect_shared(w, &x);
	wire_run(w);
	its_srq_recv(&x.srq, 70, 0, 64);
	takes_back.gen = vib_slot_at(&x.srq.queue, x.srq.queue.index - 1);
	takes_back.lock = &srq_of(w, &x.srq)->wire->lock;
	gen = *takes_back.gen;
	wire_run(w);
	takes_back.lock = NULL;
	assert_int_equal(*takes_back.gen, 0);
	assert_int_equal(fake_hca_srq_receives(), 0);
	assert_int_equal(wire_srq_used(srq_of(w, &x.srq)->wire), 0);
	vib_publish32(takes_back.gen, gen);
	vib_doorbell_ring(memory_of(&w->a, DOORBELL), x.srq.bell);
	wire_run(w);
	assert_int_equal(fake_hca_srq_receives(), 1);
	native_send(&x.n, 10);
	wire_run(w);
	its_take(&x.q, 70, VIB_WC_SUCCESS);
	native_close(&x.n);
}

static void the_limit_counts_what_the_hca_has(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	for (uint64_t id = 1; id <= 3; id++)
		its_srq_recv(&x.srq, id, 0, 64);
	wire_run(w);
	set_limit(w, &x.srq, 2);
	assert_false(take_event(w, 0, 0));
	native_send(&x.n, 10);
	fake_hca_run();
	turn(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_false(take_event(w, 0, 0));
	native_send(&x.n, 10);
	fake_hca_run();
	turn(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	assert_true(take_event(w, VIB_ASYNC_SRQ_LIMIT_REACHED, x.srq.number));
	native_close(&x.n);
}

/* Two guests of this host: the HCA's loopback, whichever of the two is first. */
static void a_peer_here_goes_by_the_hca(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 5 };
	struct shared x = { 0 };
	uint8_t gid_a[16], gid_b[16];
	struct its_qp b;

	open_shared(w, &x);
	b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	its_gid(&w->a, gid_a);
	its_gid(&w->b, gid_b);
	its_srq_recv(&x.srq, 70, 0, 256);
	its_connect(&b, gid_a, x.q.qpn);
	its_connect(&x.q, gid_b, b.qpn);
	assert_int_equal(fake_hca_qp(b.qpn)->qp_state, IBV_QPS_RTS);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTS);
	memset(b.memory, 0x77, 80);
	its_send(&b, wqe, 0, 80);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	its_take(&b, 5, VIB_WC_SUCCESS);
	assert_int_equal(its_take(&x.q, 70, VIB_WC_SUCCESS).src_qpn, b.qpn);
	assert_memory_equal(x.q.memory, b.memory, 80);
	native_close(&x.n);
}

/* Nobody hears what a reset QP took: it is still posted, and the next one takes it. */
static void expect_again(struct world *w, struct shared *x)
{
	memset(memory_of(&w->a, SQ_PAGE_2), 0, VIB_PAGE_SIZE);
	its_srq_recv(&x->srq, 71, 0, 64);
	its_connect(&x->q, native_gid, x->n.qp->qp_num);
	wire_run(w);
	its_nothing(&x->q);
	assert_int_equal(wire_srq_used(srq_of(w, &x->srq)->wire), 2);
	assert_int_equal(fake_hca_srq_receives(), 2);
	memset(x->q.memory, 0, 256);
	memset(x->n.memory, 0x5a, 10);
	native_send(&x->n, 10);
	native_send(&x->n, 10);
	wire_run(w);
	its_take(&x->q, 70, VIB_WC_SUCCESS);
	assert_memory_equal(x->q.memory + 128, x->n.memory, 10);
	its_take(&x->q, 71, VIB_WC_SUCCESS);
	its_nothing(&x->q);
	native_close(&x->n);
}

static void what_a_reset_qp_took_is_posted_again(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	its_srq_recv(&x.srq, 70, 128, 64);
	wire_run(w);
	native_send(&x.n, 10);
	fake_hca_run(); /* it is in the HCA's queue */
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	expect_again(w, &x);
}

/* While the HCA is told, which clears its queue of what a reset QP completed. */
static void what_came_as_the_hca_resets_is_posted_again(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	its_srq_recv(&x.srq, 70, 128, 64);
	wire_run(w);
	native_send(&x.n, 10);
	fake_hca.busy = true;
	fake_hca.purges = true;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	fake_hca.busy = false;
	expect_again(w, &x);
}

/* The HCA does not get it: its guest is told, once, and the poller sleeps. */
static void expect_failed(struct world *w, struct shared *x)
{
	turn(w);
	assert_true(take_event(w, VIB_ASYNC_SRQ_ERR, x->srq.number));
	its_srq_recv(&x->srq, 72, 0, 64);
	turn(w);
	assert_int_equal(fake_hca_srq_receives(), 0);
	assert_false(take_event(w, 0, 0));
	cool(w);
	native_close(&x->n);
}

static void one_that_the_hca_has_lost_fails(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	wire_run(w);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_SRQ_ERR, x.q.qpn);
	wire_port_read_events(wire_rig_port);
	expect_failed(w, &x);
}

static void one_that_the_hca_takes_nothing_of_fails(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	wire_run(w);
	fake_hca.post_srq_recv_error = ENOMEM;
	its_srq_recv(&x.srq, 70, 0, 64);
	expect_failed(w, &x);
}

static int32_t destroy(struct world *w, uint8_t operation, uint32_t number)
{
	struct vib_control_request req = its_request(operation);

	req.u.object.number = number;
	return execute(&w->a, req).status;
}

static void it_ends_after_its_qps(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	struct srq *srq;

	connect_shared(w, &x);
	its_srq_recv(&x.srq, 70, 0, 64);
	its_srq_recv(&x.srq, 71, 0, 64);
	wire_run(w);
	native_send(&x.n, 10);
	fake_hca_run();
	assert_int_equal(destroy(w, VIB_CMD_DESTROY_SRQ, x.srq.number), -EBUSY);
	assert_int_equal(destroy(w, VIB_CMD_DESTROY_QP, x.q.qpn), 0);
	srq = table_get(&vhca_of(&w->a)->srqs, x.srq.number, srq);
	assert_int_equal(wire_srq_used(srq->wire), 2); /* one of them again */
	assert_int_equal(destroy(w, VIB_CMD_UNMAP_DOORBELL, x.own.doorbell), -EBUSY);
	assert_int_equal(destroy(w, VIB_CMD_DESTROY_SRQ, x.srq.number), 0);
	assert_int_equal(fake_hca.srqs, 0);
	native_close(&x.n);
}

/* The HCA has all it can have of what is posted, and a QP takes all that. Nobody looks.
 */
static void take_all(struct world *w, struct shared *x)
{
	connect_shared(w, x);
	for (uint64_t id = 1; id <= DEPTH; id++)
		its_srq_recv(&x->srq, id, 0, 64);
	wire_run(w);
	for (uint64_t id = 1; id <= DEPTH; id++)
		its_srq_recv(&x->srq, DEPTH + id, 0, 64);
	wire_run(w);
	cool(w);
	assert_int_equal(fake_hca_srq_receives(), DEPTH);
	for (unsigned int i = 0; i < DEPTH; i++)
		native_send(&x->n, 10);
	fake_hca_run();
	assert_int_equal(fake_hca_srq_receives(), 0);
}

/* The HCA has what its guest posts now, though no QP is looked at. */
static void expect_refill(struct world *w, struct shared *x)
{
	wire_run_without_hca(w);
	assert_int_equal(fake_hca_srq_receives(), DEPTH);
	assert_int_equal(wire_srq_used(srq_of(w, &x->srq)->wire), DEPTH);
	native_close(&x->n);
}

static void what_a_qp_took_that_ends_is_refilled(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	take_all(w, &x);
	assert_int_equal(destroy(w, VIB_CMD_DESTROY_QP, x.q.qpn), 0);
	expect_refill(w, &x);
}

static void what_a_qp_took_that_is_reset_is_refilled(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	take_all(w, &x);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	expect_refill(w, &x);
}

/* The bell is rung by one of this process: no event comes with it. */
static void a_refill_wakes_the_poller(void **state)
{
	struct world *w = *state;
	struct poller *poller = &w->engine->pollers[0];
	struct shared x = { 0 };
	eventfd_t value;

	connect_shared(w, &x);
	(void)eventfd_read(poller->wake_fd, &value);
	__atomic_store_n(&poller->sleeps, true, __ATOMIC_RELAXED);
	wire_srq_refill(srq_of(w, &x.srq));
	__atomic_store_n(&poller->sleeps, false, __ATOMIC_RELAXED);
	assert_int_equal(eventfd_read(poller->wake_fd, &value), 0);
	native_close(&x.n);
}

/* Two are posted; a QP takes one and leaves without a word of it. */
static struct srq *one_below_the_limit(struct world *w, struct shared *x)
{
	struct srq *srq;

	connect_shared(w, x);
	srq = srq_of(w, &x->srq);
	its_srq_recv(&x->srq, 70, 0, 64);
	its_srq_recv(&x->srq, 71, 0, 64);
	wire_run(w);
	cool(w);
	set_limit(w, &x->srq, 2);
	native_send(&x->n, 10);
	fake_hca_run();
	assert_int_equal(srq->limit, 2);
	return srq;
}

static void what_an_ended_qp_took_is_within_the_limit(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	const struct srq *srq = one_below_the_limit(w, &x);

	assert_int_equal(destroy(w, VIB_CMD_DESTROY_QP, x.q.qpn), 0);
	wire_run(w);
	assert_int_equal(srq->limit, 2);
	native_close(&x.n);
}

static void what_a_reset_qp_took_is_within_the_limit(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	const struct srq *srq = one_below_the_limit(w, &x);

	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	wire_run(w);
	assert_int_equal(srq->limit, 2);
	native_close(&x.n);
}

/* It gives the HCA no receives, but others may want them, and its poller sleep. */
static void one_that_has_failed_cools(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	for (uint64_t id = 1; id <= DEPTH; id++)
		its_srq_recv(&x.srq, id, 0, 64);
	wire_run(w);
	its_srq_recv(&x.srq, DEPTH + 1, 0, 64);
	wire_run(w);
	cool(w);
	native_send(&x.n, 10);
	fake_hca_run();
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	cool(w);
	assert_int_equal(fake_hca_srq_receives(), DEPTH);
	native_close(&x.n);
}

/* Of what it took nothing is outstanding when its guest hears of that. */
static void the_last_is_said_when_the_hca_has_flushed(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };

	connect_shared(w, &x);
	its_srq_recv(&x.srq, 70, 0, 64);
	wire_run(w);
	native_send(&x.n, 10);
	fake_hca_run();
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	assert_false(take_event(w, 0, 0));
	wire_run(w);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	its_take(&x.q, 70, VIB_WC_SUCCESS);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_QP_LAST_WQE_REACHED,
		       x.q.qpn);
	assert_true(vhca_find_qp(vhca_of(&w->a), x.q.qpn)->wire->flushed_at != 0);
	wire_port_read_events(wire_rig_port);
	turn(w);
	assert_true(take_event(w, VIB_ASYNC_QP_LAST_WQE_REACHED, x.q.qpn));
	assert_false(take_event(w, 0, 0));
	native_close(&x.n);
}

/* It is heard of when the QP has been reset: not of its next failure. */
static void the_last_of_before_a_reset_is_not_said(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	struct qp *qp;

	connect_shared(w, &x);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run(w);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_QP_LAST_WQE_REACHED,
		       x.q.qpn);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	memset(memory_of(&w->a, SQ_PAGE_2), 0, VIB_PAGE_SIZE);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	wire_port_read_events(wire_rig_port);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run(w);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	assert_true(qp->wire->flushed_at != 0); /* it is waited for */
	assert_false(qp->wire->flushed);
	native_close(&x.n);
}

/* An HCA that never says so, as Soft-RoCE. */
static void the_last_is_said_after_a_while(void **state)
{
	struct world *w = *state;
	struct shared x = { 0 };
	struct qp *qp;

	connect_shared(w, &x);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	assert_false(take_event(w, 0, 0));
	wire_run(w);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	assert_true(qp->wire->flushed_at > 1);
	qp->wire->flushed_at = 1;
	poller_heat(&w->engine->pollers[0], qp);
	turn(w);
	assert_true(take_event(w, VIB_ASYNC_QP_LAST_WQE_REACHED, x.q.qpn));
	native_close(&x.n);
}

static void datagrams_take_the_guests_own(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };
	struct shared x = { 0 };
	struct its_qp ud, b;

	x.own = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	x.srq = its_srq_new(&x.own, SRQ_PAGE);
	wire_rig_srq = x.srq.number;
	ud = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE_2);
	wire_rig_srq = VIB_NO_OBJECT;
	b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	its_connect(&ud, NULL, 0);
	its_connect(&b, NULL, 0);
	its_srq_recv(&x.srq, 70, 0, 40 + 64);
	wire_run(w);
	assert_int_equal(fake_hca_srq_receives(), 0);
	wqe.u.ud.remote_qpn = ud.qpn;
	wqe.u.ud.qkey = 0x1234;
	wqe.u.ud.av.flags = VIB_AV_GRH;
	its_gid(&w->a, wqe.u.ud.av.dgid.raw);
	its_send(&b, wqe, 0, 64);
	wire_run(w);
	its_take(&ud, 70, VIB_WC_SUCCESS);
}

static void one_without_a_bell_is_refused(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct vib_control_request req = its_request(VIB_CMD_CREATE_SRQ);

	req.u.create_srq = (struct vib_cmd_create_srq){
		.pd = q.pd,
		.order = QUEUE_ORDER,
		.stride = vib_recv_stride(SGES),
		.max_sge = SGES,
		.pages = { 1, page_of(&w->a, SRQ_PAGE) },
	};
	assert_int_equal(execute(&w->a, req).status, -EINVAL);
	req.u.create_srq.doorbell = q.doorbell;
	req.u.create_srq.db_index = VIB_DB_QUEUES;
	assert_int_equal(execute(&w->a, req).status, -EINVAL);
	req.u.create_srq.db_index = CQ_PAGE; /* the QP's */
	assert_int_equal(execute(&w->a, req).status, -EEXIST);
	req.u.create_srq.db_index = SRQ_PAGE;
	req.u.create_srq.type = VIB_SRQT_XRC;
	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	assert_int_equal(fake_hca.srqs, 0);
}

/* As queues of QPs: a guest cannot have as much of ibback's memory as it likes. */
static void its_memory_is_counted(void **state)
{
	struct world *w = *state;
	const struct wire_guest *g = vib_of(&w->a)->conn.guest.hca.wire;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	uint64_t without = wire_guest_bytes(g);
	struct its_srq srq = its_srq_new(&q, SRQ_PAGE);

	assert_in_range(wire_guest_bytes(g) - without, DEPTH * 64, DEPTH * 256 + 512);
	assert_int_equal(destroy(w, VIB_CMD_DESTROY_SRQ, srq.number), 0);
	assert_int_equal(wire_guest_bytes(g), without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(it_is_announced),
		wire_test(a_message_takes_one),
		wire_test(what_is_posted_before_rtr_is_there),
		wire_test(what_is_posted_when_all_is_cool_is_there),
		wire_test(one_that_names_what_it_must_not_fails_who_takes_it),
		wire_test(one_that_is_taken_back_is_not_given),
		wire_test(the_limit_counts_what_the_hca_has),
		wire_test(a_peer_here_goes_by_the_hca),
		wire_test(what_a_reset_qp_took_is_posted_again),
		wire_test(what_came_as_the_hca_resets_is_posted_again),
		wire_test(one_that_the_hca_has_lost_fails),
		wire_test(one_that_the_hca_takes_nothing_of_fails),
		wire_test(it_ends_after_its_qps),
		wire_test(what_a_qp_took_that_ends_is_refilled),
		wire_test(what_a_qp_took_that_is_reset_is_refilled),
		wire_test(a_refill_wakes_the_poller),
		wire_test(what_an_ended_qp_took_is_within_the_limit),
		wire_test(what_a_reset_qp_took_is_within_the_limit),
		wire_test(one_that_has_failed_cools),
		wire_test(the_last_is_said_when_the_hca_has_flushed),
		wire_test(the_last_of_before_a_reset_is_not_said),
		wire_test(the_last_is_said_after_a_while),
		wire_test(datagrams_take_the_guests_own),
		wire_test(one_without_a_bell_is_refused),
		wire_test(its_memory_is_counted),
	};

	return cmocka_run_group_tests_name("wire: SRQs", tests, NULL, NULL);
}
