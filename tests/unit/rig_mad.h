/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QP0 and QP1 of the rig: both sides of a MAD's way through the engine. */
#ifndef XEN_IB_TESTS_RIG_MAD_H
#define XEN_IB_TESTS_RIG_MAD_H

#include <stdlib.h>

#include "rig_qp.h"

#define QKEY_OF(type) ((type) == VIB_QPT_GSI ? QKEY_GSI : 0)

/* A guest with a QP of SMI or GSI, in RTS, and memory for it. */
struct mad_rig {
	struct rig *rig;
	struct guest *g;
	struct ccq cq;
	struct pqp qp;
	struct region r;
};

static inline struct pqp mad_qp(struct guest *g, enum vib_qp_type type, struct ccq *cq)
{
	const struct plan plan = { .type = type, .flags = VIB_QPF_KERNEL };
	struct pqp qp = pqp_new(g, &plan, cq, cq);

	qp.attr.qkey = QKEY_OF(type);
	return qp;
}

static inline struct mad_rig *mad_rig_new(enum vib_qp_type type)
{
	struct mad_rig *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->rig = rig_new(1);
	m->g = guest_new(m->rig);
	m->cq = ccq_new(m->g, 8, VIB_NO_OBJECT);
	m->qp = mad_qp(m->g, type, &m->cq);
	m->r = region_new(m->g, 8192);
	fill(m->r.at, 8192, 1);
	pqp_bring(&m->qp, VIB_QPS_RTS);
	return m;
}

static inline void mad_rig_free(struct mad_rig *m)
{
	rig_free(m->rig);
	free(m);
}

/* The first @length bytes of m->r to LID 77. */
static inline struct wr mad_wr(const struct mad_rig *m, uint64_t id, uint32_t length)
{
	return (struct wr){
		.id = id,
		.opcode = VIB_OP_SEND,
		.flags = VIB_SEND_SIGNALED,
		.count = 1,
		.sge = { sge_of(&m->r, 0, length) },
		.qpn = m->qp.type,
		.qkey = QKEY_OF(m->qp.type),
		.av = { .dlid = 77 },
	};
}

/* It completes with success, whatever becomes of the MAD. */
static inline void mad_post(struct mad_rig *m, const struct wr *wr)
{
	post_send(&m->qp, wr);
	rig_run(m->rig);
	take_cqe(&m->cq, wr->id, VIB_WC_SUCCESS);
	assert_no_cqe(&m->cq);
}

#endif
