/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast registration (fast.h) behind an HCA. Each key is that of a window of type 2B
 * there, which is bound by the REG_MR request itself, in its turn in the send queue, to
 * the MR of the region that the pages are in: peers' addresses are the MR's. Where the
 * request wants others, there has to be an MR with those: it is asked for, as an address
 * handle is (wire_ah.h), and the QP waits.
 *
 * A window is of the QP that bound it last, among its windows (qp.h), for as long as the
 * HCA may have it bound there: what the guest can say about a key does not end that. With
 * such a QP, or the region, ends the window, and with it the key: its guest has another
 * made. The MR beneath ends after it.
 */
#ifndef XEN_IB_IBBACK_WIRE_FAST_H
#define XEN_IB_IBBACK_WIRE_FAST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "engine/send.h"

struct mr_hint;
struct mw;
struct qp;
struct vhca;
struct vhca_wire;
struct vib_sge;
struct wire_mr;

/* A window; what it is at the HCA embeds it. */
struct wire_mw {
	uint32_t key; /* when it was made */
	SLIST_ENTRY(wire_mw) ended;
};

enum wire_fast_state {
	WIRE_FAST_IDLE,
	WIRE_FAST_ASKED, /* for an MR */
	WIRE_FAST_READY,
	WIRE_FAST_FAILED, /* there can be none */
};

/* What a key has at the HCA. Under its window's lock but for what is said otherwise. */
struct wire_fast {
	struct mw *owner;     /* whose it is; NULL: it is of no HCA */
	struct wire_mw *mw;   /* NULL: it has ended */
	bool bound;           /* a bind was posted, and no LOCAL_INV; also atomic */
	uint32_t posted;      /* binds and LOCAL_INVs; also under the QP's */
	uint32_t done;        /* of these; under the lock of the QP, as are the next */
	uint32_t undone;      /* so many of these a peer has undone */
	bool at_hca;          /* it is bound, by what is done */
	uint32_t key_at_hca;  /* and has this key */
	uint32_t key_posted;  /* or will, by what is posted */
	struct wire_mr *over; /* that it was bound to last */
	enum wire_fast_state state;
	uint32_t index;      /* of the request that asked */
	struct wire_mr *own; /* what came of it */
	/* What is asked for, under the lock of struct vhca_wire. */
	bool is_asked; /* and not yet taken */
	uint64_t addr; /* for DMA, of the first byte */
	uint64_t iova;
	uint64_t length;
	uint32_t qpn; /* who waits */
	TAILQ_ENTRY(wire_fast) asked;
	/* the control thread's */
	struct wire_mr *own_over; /* the region's that what was asked for lies in */
	LIST_ENTRY(wire_fast) entry;
};

/* Of a vHCA. */
struct wire_fasts {
	LIST_HEAD(, wire_fast) all; /* the control thread's */
	/* under the lock of struct vhca_wire */
	TAILQ_HEAD(, wire_fast) asked;
	SLIST_HEAD(, wire_mw) ended; /* the HCA is to end them */
};

void wire_fasts_init(struct wire_fasts *fasts);

/* ---- a poller, with the QP locked --------------------------------------- */

/* Execute the REG_MR or LOCAL_INV of share->qp, whose peer is behind the HCA. */
enum send_result wire_local_send(struct share *share);

/*
 * Is it one of these that @qp has in progress, which the HCA is not to have yet: a REG_MR
 * before what it has of that key is done; of an HCA that does it again with what was sent
 * before it, any before all of that is complete?
 */
bool wire_local_waits(const struct qp *qp);

/* A REG_MR or LOCAL_INV of @key was posted, and is done. */
void wire_fast_is_done(const struct qp *qp, uint8_t opcode, uint32_t key, uint8_t status);

/* A peer of @qp has invalidated @key, the HCA says. */
void wire_fast_invalidated(const struct qp *qp, uint32_t key);

/*
 * Where @sge, which was found right, names a key of fast registration: what it is to the
 * HCA, in *@sge. false: the HCA cannot reach it.
 */
bool wire_fast_sge(const struct vhca *vhca, struct mr_hint *hint, struct vib_sge *sge);

/*
 * May the HCA have it bound? Its window is locked. One that has ended is not, though its
 * QP's poller may have learned at that very moment that it was.
 */
static inline bool wire_fast_is_bound(const struct wire_fast *wire)
{
	return wire->mw && __atomic_load_n(&wire->bound, __ATOMIC_RELAXED);
}

/* ---- the control thread ------------------------------------------------- */

/* @owner, of fast registration, is @mw at the HCA; and it is freed, of an HCA or not. */
void wire_fast_begin(struct vhca *vhca, struct mw *owner, struct wire_mw *mw);
void wire_fast_end(struct vhca *vhca, struct mw *owner);

/* The QP of @mw is reset or ends, or the key itself does; both are locked. */
void wire_fast_qp_ends(struct mw *mw);
void wire_fast_key_ends(struct mw *mw);

/* Nobody finds @region any more, and it is about to end at the HCA. */
void wire_fast_region_ends(struct vhca *vhca, const struct wire_mr *region);

/* What a key wants registered: as of struct wire_fast. */
struct wire_want {
	uint32_t key; /* any of its keys */
	struct wire_mw *mw;
	uint8_t *at; /* NULL: it is there no more */
	uint64_t iova;
	uint64_t length;
};

/* The next that is asked for; false: nothing. */
bool wire_fast_next(struct vhca *vhca, struct wire_want *want);
/* It is @own; NULL: it cannot be had. Returns the QPN of who waits, or 0. */
uint32_t wire_fast_resolve(struct vhca *vhca, const struct wire_want *want,
			   struct wire_mr *own);

/* Take one that is to end; NULL: there is none. Any thread. */
struct wire_mw *wire_fast_take_ended(struct vhca_wire *wire);

#endif
