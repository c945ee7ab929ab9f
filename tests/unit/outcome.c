// SPDX-License-Identifier: GPL-2.0-or-later
#include "outcome.h"

/* Nothing hangs: what is posted to a QP that failed and has cooled rings, and is
 * flushed.
 */
void assert_flushes_what_comes(struct duo *d, struct pqp *qp, struct ccq *cq,
			       bool receives)
{
	struct wr wr = duo_wr(d, 70, VIB_OP_SEND, 8);
	struct vib_sge none = { 0 };

	rig_cool(d->rig);
	wr.flags = 0; /* flushed ones complete all the same */
	assert_true(post_send(qp, &wr));
	rig_run(d->rig);
	take_cqe(cq, 70, VIB_WC_WR_FLUSH_ERR);
	if (receives) {
		rig_cool(d->rig);
		assert_true(post_recv(qp, 71, &none, 1));
		rig_run(d->rig);
		assert_int_equal(take_cqe(cq, 71, VIB_WC_WR_FLUSH_ERR).flags,
				 VIB_CQE_RECV);
	}
	assert_no_cqe(cq);
}

void assert_rc_outcome(struct duo *d, const struct wr *wr, const struct outcome *o)
{
	struct wr next = duo_wr(d, 2, VIB_OP_SEND, 8);
	struct vib_sge none = { 0 };

	/* b's second receive comes behind what the test has posted. */
	post_recv(&d->b, 12, &none, 1);
	post_recv(&d->a, 21, &none, 1);
	post_send(&d->a, wr);
	post_send(&d->a, &next);
	rig_run(d->rig);

	take_cqe(&d->cqa, wr->id, o->sender);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
	take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqa, 21, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&d->cqa);
	assert_no_async(d->ga);

	if (o->event)
		assert_async(d->gb, o->event, d->b.qpn);
	assert_no_async(d->gb);
	assert_int_equal(pqp_state(&d->b), o->fails_peer ? VIB_QPS_ERR : VIB_QPS_RTS);
	if (o->fails_peer) {
		take_cqe(&d->cqb, 11, o->receiver);
		take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
	}
	assert_no_cqe(&d->cqb);

	assert_flushes_what_comes(d, &d->a, &d->cqa, true);
	if (o->fails_peer)
		assert_flushes_what_comes(d, &d->b, &d->cqb, true);
}

/* A UC or UD sender fails alone, and only its send queue. */
void assert_sqe_outcome(struct duo *d, const struct wr *wr, uint8_t status)
{
	struct wr next = duo_wr(d, 2, VIB_OP_SEND, 8);
	struct vib_sge sge = sge_of(&d->ra, 1000, 100);

	next.flags = 0;
	post_recv(&d->a, 21, &sge, 1);
	post_send(&d->a, wr);
	post_send(&d->a, &next);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, status);
	take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&d->cqa);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_no_cqe(&d->cqb);
	assert_no_async(d->ga);
	assert_no_async(d->gb);
	assert_flushes_what_comes(d, &d->a, &d->cqa, false);

	/* It still receives, and sends again after RTS. */
	next = duo_wr(d, 3, VIB_OP_SEND, 8);
	next.sge[0] = sge_of(&d->rb, 0, 8);
	next.qpn = d->a.qpn;
	next.av = d->b.attr.av;
	post_send(&d->b, &next);
	rig_run(d->rig);
	take_cqe(&d->cqb, 3, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 21, VIB_WC_SUCCESS);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, 0), 0);
	next = duo_wr(d, 4, VIB_OP_SEND, 8);
	post_send(&d->a, &next);
	rig_run(d->rig);
	take_cqe(&d->cqa, 4, VIB_WC_SUCCESS);
}
