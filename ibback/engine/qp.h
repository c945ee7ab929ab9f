/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queue pairs. Everything of a QP is under its lock. Pollers, who may hold one
 * QP's and want another's, only try; the control thread, who holds one at a
 * time, waits.
 */
#ifndef XEN_IB_IBBACK_QP_H
#define XEN_IB_IBBACK_QP_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <xen-ib/object.h>

#include "engine/async.h"
#include "engine/doorbell.h"
#include "engine/kick.h"
#include "engine/mcast.h"
#include "engine/memory.h"
#include "engine/mr.h"
#include "engine/mw.h"
#include "engine/receive.h"
#include "engine/table.h"
#include "engine/timer.h"
#include "engine/xrc.h"

struct cq;
struct poller;
struct srq;
struct vhca;
struct wire_qp;

/*
 * A message that needs several passes holds a receive of its peer. The claim, a
 * number that no other message has, tells whether it still does: the peer may
 * have been reset meanwhile.
 */

/* The send request in progress. */
struct sending {
	bool active;
	uint32_t index;      /* of its slot */
	uint64_t done;       /* bytes of it that are with the peer */
	uint64_t claim;      /* 0: holds no receive */
	uint64_t deadline;   /* ns: when to stop trying a peer that does not answer; 0 */
	uint64_t rnr_until;  /* ns: when to stop trying one that is not ready; 0 */
	uint64_t look_again; /* ns: waits until then, or a kick */
	uint64_t in_line;    /* ns: since when it waits for tokens; 0 */
	uint8_t failed;      /* status it is to fail with in its turn, see wire.h; 0 */
	union {
		struct vib_send_wqe wqe;
		uint8_t bytes[VIB_WQE_MAX_STRIDE];
	};
};

/* The receive that a peer's message in progress holds, or that a datagram was
 * too long for.
 */
struct receiving {
	uint64_t claim; /* 0: none */
	struct receive receive;
};

struct qp {
	struct table_node node; /* its number is the QPN */
	struct async_source async;
	struct kick kick;
	struct timer timer; /* of the vHCA's poller */
	struct bell bell;
	struct vhca *vhca;
	LIST_ENTRY(qp) entry; /* of the vHCA's */

	/* fixed at creation */
	enum vib_qp_type type;
	bool signal_all;
	bool kernel; /* VIB_QPF_KERNEL */
	uint32_t pd; /* XRC targets: see xrc.h; so with recv_cq and srq */
	uint32_t max_send_sge;
	uint32_t max_recv_sge;
	uint32_t max_inline;
	struct cq *send_cq;
	struct cq *recv_cq;        /* XRC initiators: NULL */
	struct srq *srq;           /* NULL: it has a receive queue of its own, or none */
	struct xrcd *xrcd;         /* of XRC targets, else NULL */
	struct doorbell *doorbell; /* XRC targets: NULL */
	struct wire_qp *wire;      /* what it has at an HCA; or NULL */
	uint32_t db_index;
	bool has_sq;
	bool has_rq;
	struct memory sq_memory;
	struct memory rq_memory;
	struct mcast_members memberships; /* the control thread's */
	void *bell_leaf;                  /* to be freed with it, see doorbell_del() */

	pthread_spinlock_t lock;
	struct vib_qp_attr attr;
	uint64_t serial; /* another one after each change of attributes */
	struct vib_rsp_counters counters;
	struct vib_queue sq;
	struct vib_queue rq;
	struct mr_hint local_mr;   /* of its send requests */
	struct mr_hint remote_mr;  /* the peer's, of the same */
	struct mr_hint receive_mr; /* of its receives */
	struct mw_list windows;    /* of type 2, or at its HCA, that it bound */
	struct sending sending;
	struct receiving receiving;
	bool established; /* a message came: COMM_EST was raised */
	bool drained;     /* in SQD, and SQ_DRAINED was raised if wanted */
	bool flushing;    /* requests up to flush_to failed with one before them */
	uint32_t flush_to;
	uint32_t rnr_waiter; /* QPN of a sender that waits for a receive; 0; atomic */

	/* Who was found to be the peer, so that addresses are compared once. */
	struct {
		uint64_t serial, peer_serial;
		uint64_t view, peer_view;
	} connected;

	/* its poller's thread alone */
	bool hot;
	unsigned int heated; /* the pass it became so */
	unsigned int idle;   /* passes without work */
	bool in_line;        /* it waits for tokens, see tokens.h */
	bool has_turn;       /* and may have a share */
	TAILQ_ENTRY(qp) line;
};

static inline uint32_t qp_number(const struct qp *qp)
{
	return qp->node.number;
}

/* QP0 and QP1, see mad.h. */
static inline bool qp_is_for_mads(const struct qp *qp)
{
	return qp->type == VIB_QPT_SMI || qp->type == VIB_QPT_GSI;
}

/* Services that acknowledge. */
static inline bool qp_is_reliable(const struct qp *qp)
{
	return qp->type == VIB_QPT_RC || qp->type == VIB_QPT_XRC_INI ||
	       qp->type == VIB_QPT_XRC_TGT;
}

/* States in which requests of a peer are executed. */
static inline bool qp_can_receive(const struct qp *qp)
{
	return qp->attr.state >= VIB_QPS_RTR && qp->attr.state <= VIB_QPS_SQE;
}

/* Prepare the engine's part of a QP whose fixed fields are set. State RESET. */
void qp_init(struct qp *qp);
void qp_fini(struct qp *qp);

/*
 * Set the attributes of @mask, which qp_transition_check() and qp_attr_check()
 * have found right for the state the QP is in, and do what the new state
 * wants. The QP is locked; for the control thread.
 */
void qp_modify(struct qp *qp, uint32_t mask, const struct vib_qp_attr *attr);

/*
 * The QP has failed, or is told to: state ERR, what waits is flushed by its
 * poller. The QP is locked. Any thread.
 */
void qp_enter_error(struct qp *qp);

/* The QP lost a completion: it has failed for good. Locked, as above. */
void qp_fatal(struct qp *qp);

/*
 * Do what @qp's queues ask, one share of it. true if there was work or may be
 * at once. Its poller.
 */
bool qp_serve(struct poller *poller, struct qp *qp);

/* It is to be polled no more: have its queues ring. false if there is work. Its poller.
 */
bool qp_cool(struct qp *qp);

/* The QP ends: forget its timer. Its poller, and nobody finds it any more. */
void qp_forget(struct poller *poller, struct qp *qp);

#endif
