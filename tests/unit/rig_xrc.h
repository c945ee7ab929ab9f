/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two guests with an XRC initiator here and a target there, and SRQs behind that. */
#ifndef XEN_IB_TESTS_RIG_XRC_H
#define XEN_IB_TESTS_RIG_XRC_H

#include <stdlib.h>

#include "rig_qp.h"

/* d->a is the initiator, d->b the target, and d->cqb the CQ of srq. */
struct xrc {
	struct duo *d;
	uint32_t xrcd;
	struct psrq srq;
};

static inline struct pqp xrc_initiator(struct guest *g, struct ccq *cq)
{
	const struct plan plan = { .type = VIB_QPT_XRC_INI, .no_rq = true };

	return pqp_new(g, &plan, cq, cq);
}

static inline struct pqp xrc_target(struct guest *g, uint32_t xrcd, struct ccq *cq)
{
	const struct plan plan = {
		.type = VIB_QPT_XRC_TGT, .no_sq = true, .no_rq = true, .xrcd = xrcd
	};

	return pqp_new(g, &plan, cq, cq);
}

/* Not connected yet. */
static inline struct xrc xrc_apart(void)
{
	struct xrc x = { .d = duo_apart(VIB_QPT_RC) };
	struct duo *d = x.d;

	pqp_end(&d->a);
	pqp_end(&d->b);
	assert_int_equal(xrcd_create(d->gb->vhca, &x.xrcd), 0);
	x.srq = xsrq_new(d->gb, d->gb->pd, x.xrcd, &d->cqb, 4);
	d->a = xrc_initiator(d->ga, &d->cqa);
	d->b = xrc_target(d->gb, x.xrcd, &d->cqb);
	duo_aim(d);
	return x;
}

static inline struct xrc xrc_new(void)
{
	struct xrc x = xrc_apart();

	duo_connect(x.d);
	return x;
}

static inline void xrc_post(struct xrc *x, uint64_t id, uint32_t length)
{
	struct vib_sge sge = sge_of(&x->d->rb, 0, length);

	psrq_post(&x->srq, id, &sge, 1);
}

static inline struct wr xrc_wr(const struct xrc *x, uint64_t id, uint8_t opcode,
			       uint32_t length)
{
	struct wr wr = duo_wr(x->d, id, opcode, length);

	wr.srqn = x->srq.number;
	return wr;
}

static inline void xrc_send(struct xrc *x, const struct wr *wr)
{
	post_send(&x->d->a, wr);
	rig_run(x->d->rig);
}

/* Receive @id completed into @cq, as of @srq and by @target. */
static inline struct vib_cqe take_xrc(const struct xrc *x, struct ccq *cq,
				      const struct psrq *srq, uint64_t id, uint8_t status)
{
	struct vib_cqe cqe = take_cqe(cq, id, status);

	assert_int_equal(cqe.flags & (VIB_CQE_RECV | VIB_CQE_XRC),
			 VIB_CQE_RECV | VIB_CQE_XRC);
	assert_int_equal(cqe.srqn, srq->number);
	assert_int_equal(cqe.qpn, x->d->b.qpn);
	return cqe;
}

/* A region of the target's guest, of @pd. */
static inline struct region region_of(struct guest *g, uint32_t pd, uint64_t length)
{
	uint32_t own = g->pd;
	struct region r;

	g->pd = pd;
	r = region_new(g, length);
	g->pd = own;
	return r;
}

#endif
