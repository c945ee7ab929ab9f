// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/wire_fast.h"

#include <endian.h>

#include "engine/clock.h"
#include "engine/fast.h"
#include "engine/mr.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/vhca.h"
#include "engine/wire_parts.h"

#define REMOTE        (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

/* When one that waits for an MR looks again by itself. */
#define LOOK_AGAIN_NS 10000000ull

void wire_fasts_init(struct wire_fasts *fasts)
{
	LIST_INIT(&fasts->all);
	TAILQ_INIT(&fasts->asked);
	SLIST_INIT(&fasts->ended);
}

static struct mw *find(const struct vhca *vhca, uint32_t key)
{
	struct mw *mw = table_get(&vhca->mws, key >> MW_KEY_BITS, mw);

	return mw && mw->fast ? mw : NULL;
}

/* Who has that QP's lock may look without the window's. */
static struct qp *qp_of(const struct mw *mw)
{
	return __atomic_load_n(&mw->qp, __ATOMIC_RELAXED);
}

static void set_qp(struct mw *mw, struct qp *qp)
{
	__atomic_store_n(&mw->qp, qp, __ATOMIC_RELAXED);
}

/*
 * Has the HCA requests for it that are not done? Then it may be bound, whatever follows.
 * With the window locked, or the QP that it is of.
 */
static bool is_busy(const struct wire_fast *wire)
{
	return __atomic_load_n(&wire->done, __ATOMIC_RELAXED) != wire->posted;
}

/* Post what share->qp->sending does to @mw, under @key. */
static enum send_result post(struct share *share, struct mw *mw, uint32_t key,
			     struct wire_request *request)
{
	struct qp *qp = share->qp;
	bool wanted = qp->signal_all || request->wqe->flags & VIB_SEND_SIGNALED;
	uint32_t place = wire_note_send(qp, 0, wanted);

	qp->wire->sends[place & (qp->wire->max_sends - 1)].key = key;
	mw->fast->wire.posted++;
	return wire_post_send(share, request, place, wanted);
}

/* ---- REG_MR --------------------------------------------------------------- */

/* Rights of peers behind the HCA. */
static uint32_t remote_access(const struct qp *qp)
{
	uint32_t atomics = qp->vhca->wire->atomics ? VIB_ACCESS_REMOTE_ATOMIC : 0;

	return qp->sending.wqe.u.reg_mr.access & (REMOTE | atomics);
}

/* Have it be of @qp, which is locked. false: not now. */
static bool join_qp(struct mw *mw, struct qp *qp)
{
	struct qp *was = mw->qp;

	if (was == qp)
		return true;
	if (was) {
		if (pthread_spin_trylock(&was->lock) != 0)
			return false;
		LIST_REMOVE(mw, entry);
		pthread_spin_unlock(&was->lock);
	}
	set_qp(mw, qp);
	LIST_INSERT_HEAD(&qp->windows, mw, entry);
	return true;
}

/* Bind it to @mr, which has the request's addresses. It is of the QP. */
static enum send_result bind_to(struct share *share, struct mw *mw, struct wire_mr *mr)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct wire_fast *wire = &mw->fast->wire;
	struct wire_request request = {
		.wqe = wqe, .window = wire->mw, .window_key = wire->key_posted, .mr = mr
	};

	fast_set_valid(mw, wqe);
	wire->bound = true;
	wire->over = mr;
	wire->key_posted = mw->key;
	return post(share, mw, mw->key, &request);
}

/* The HCA is to have an MR of @length bytes at @addr, for DMA, under the request's. */
static enum send_result ask(struct share *share, struct wire_fast *wire, uint64_t addr)
{
	struct qp *qp = share->qp;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	struct vhca_wire *of = qp->vhca->wire;

	wire->state = WIRE_FAST_ASKED;
	wire->index = qp->sending.index;
	pthread_spin_lock(&of->lock);
	wire->addr = addr;
	wire->iova = wqe->u.reg_mr.iova;
	wire->length = wqe->u.reg_mr.length;
	wire->qpn = qp_number(qp);
	wire->is_asked = true;
	TAILQ_INSERT_TAIL(&of->fasts.asked, wire, asked);
	pthread_spin_unlock(&of->lock);
	of->raised(of->raised_arg);
	return send_wait(share, clock_ns() + LOOK_AGAIN_NS);
}

/* It was asked for an MR, by this request or another of the QP's that was flushed. */
static enum send_result look_at_asked(struct share *share, struct mw *mw)
{
	struct wire_fast *wire = &mw->fast->wire;
	bool is_ours = wire->index == share->qp->sending.index;
	enum wire_fast_state state = wire->state;

	if (mw->qp != share->qp || mw->fast->valid)
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	if (state == WIRE_FAST_ASKED)
		return send_wait(share, clock_ns() + LOOK_AGAIN_NS);
	wire->state = WIRE_FAST_IDLE;
	if (!is_ours)
		return SEND_MORE; /* from the beginning */
	return state == WIRE_FAST_READY ? bind_to(share, mw, wire->own)
					: send_fail(share, VIB_WC_MW_BIND_ERR);
}

/* The window is locked, and there is room. */
static enum send_result show(struct share *share, struct mw *mw)
{
	struct qp *qp = share->qp;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	struct wire_fast *wire = &mw->fast->wire;
	struct wire_mr *region;
	uint64_t addr;

	if (wire->state != WIRE_FAST_IDLE)
		return look_at_asked(share, mw);
	/* At another QP it may still be bound. */
	if (!wire->mw || wire->bound || (mw->qp != qp && is_busy(wire)) ||
	    fast_fill(share, mw) != MW_OK)
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	if (!remote_access(qp)) { /* its guest's lkey, of which the HCA knows nothing */
		fast_set_valid(mw, wqe);
		return SEND_DONE;
	}
	addr = mw->fast->page[0] + wqe->u.reg_mr.iova % VIB_PAGE_SIZE;
	region = mw->fast->in_row ? dma_wire_at(qp->vhca, addr, wqe->u.reg_mr.length)
				  : NULL;
	if (!region)
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	if (!join_qp(mw, qp))
		return SEND_MORE;
	return addr == wqe->u.reg_mr.iova ? bind_to(share, mw, region)
					  : ask(share, wire, addr);
}

/* ---- LOCAL_INV ------------------------------------------------------------ */

static enum send_result invalidate_at_hca(struct share *share, struct mw *mw)
{
	struct wire_request request = { .wqe = &share->qp->sending.wqe };

	mw->fast->wire.bound = false;
	fast_free(mw->fast);
	return post(share, mw, mw->key, &request);
}

/*
 * One that is not bound there is not the HCA's to invalidate: a peer may have been first,
 * and then rxe crashes (wire/guest.h: wire_is_rxe()).
 */
static enum send_result hide(struct share *share, struct mw *mw)
{
	bool bound = wire_fast_is_bound(&mw->fast->wire);
	const struct qp *qp = share->qp;

	if (mw->pd != qp->pd || mw->key != le32toh(qp->sending.wqe.imm) ||
	    (bound && mw->qp != qp))
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	if (bound)
		return invalidate_at_hca(share, mw);
	fast_free(mw->fast);
	return SEND_DONE;
}

/* Has the HCA requests of the QP's own for the key that it is to register? */
static bool key_waits(const struct qp *qp)
{
	const struct mw *mw = find(qp->vhca, qp->sending.wqe.u.reg_mr.key);

	return mw && qp_of(mw) == qp && is_busy(&mw->fast->wire);
}

/*
 * A key that is bound again waits for what was posted of it. Else its window could still
 * be bound to other memory than what it was bound to last, and that would end beneath it;
 * and a SEND_INV of the peer's would be taken for one of the bind that follows.
 */
bool wire_local_waits(const struct qp *qp)
{
	uint8_t opcode = qp->sending.wqe.opcode;

	if (opcode != VIB_OP_REG_MR && opcode != VIB_OP_LOCAL_INV)
		return false;
	return (qp->vhca->wire->repeats_binds && wire_sends_wait(qp->wire)) ||
	       (opcode == VIB_OP_REG_MR && key_waits(qp));
}

enum send_result wire_local_send(struct share *share)
{
	const struct qp *qp = share->qp;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	bool is_reg = wqe->opcode == VIB_OP_REG_MR;
	enum send_result result;
	enum mw_result taken;
	struct mw *mw;

	if (!is_reg && wqe->opcode != VIB_OP_LOCAL_INV) /* windows of programs */
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	/* Addresses for DMA are the kernel's. */
	if (is_reg && !qp->kernel)
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	if (wire_local_waits(qp))
		return SEND_WAITS;
	if (!wire_has_room(qp->wire))
		return SEND_MORE;
	mw = mw_take(qp->vhca, is_reg ? wqe->u.reg_mr.key : le32toh(wqe->imm), &taken);
	if (!mw)
		return taken == MW_BUSY ? SEND_MORE
					: send_fail(share, VIB_WC_MW_BIND_ERR);
	if (!mw->fast)
		result = send_fail(share, VIB_WC_MW_BIND_ERR);
	else
		result = is_reg ? show(share, mw) : hide(share, mw);
	mw_release(mw);
	return result;
}

/* ---- what the HCA says ---------------------------------------------------- */

static void set_bound(struct wire_fast *wire, bool bound)
{
	__atomic_store_n(&wire->bound, bound, __ATOMIC_RELAXED);
}

/*
 * Of one that failed nothing was done, nor is of those behind it: the window is as it
 * was, which counts for UC, whose send queue goes on. But where the HCA has refused a
 * post what it was told before may be done, and nobody hears of it: then it may be bound
 * until the QP ends.
 */
void wire_fast_is_done(const struct qp *qp, uint8_t opcode, uint32_t key, uint8_t status)
{
	struct mw *mw = find(qp->vhca, key);
	struct wire_fast *wire = mw ? &mw->fast->wire : NULL;

	/* One that was made anew with the key of another has nothing posted. */
	if (!mw || qp_of(mw) != qp || !is_busy(wire))
		return;
	if (status && qp->wire->cut_short) {
		set_bound(wire, true);
		fast_free(mw->fast);
		return;
	}
	__atomic_fetch_add(&wire->done, 1, __ATOMIC_RELAXED);
	if (!status) {
		/* That a peer was at it may be known before that it was bound. */
		wire->at_hca = opcode == VIB_OP_REG_MR &&
			       (int32_t)(wire->done - wire->undone) > 0;
		wire->key_at_hca = key;
		return;
	}
	set_bound(wire, wire->at_hca);
	wire->key_posted = wire->key_at_hca;
	fast_free(mw->fast);
}

/*
 * Without the window's lock, as a peer of this host may be at the same memory for long:
 * only this QP could have bound it anew, and that has its lock, too.
 */
void wire_fast_invalidated(const struct qp *qp, uint32_t key)
{
	struct mw *mw = find(qp->vhca, key);
	struct wire_fast *wire = mw ? &mw->fast->wire : NULL;

	if (!mw || qp_of(mw) != qp)
		return;
	wire->at_hca = false;
	if (mw->key != key) /* it was shown anew since */
		return;
	wire->undone = wire->posted;
	set_bound(wire, false);
	fast_free(mw->fast);
}

bool wire_fast_sge(const struct vhca *vhca, struct mr_hint *hint, struct vib_sge *sge)
{
	const struct mw *mw;
	uint64_t addr;

	/* Of most guests' it is no question: at an HCA nothing else is in the table. */
	if (__builtin_expect(!__atomic_load_n(&vhca->mws.count, __ATOMIC_RELAXED), 1))
		return true;
	mw = find(vhca, sge->lkey);
	if (!mw)
		return true;
	if (!fast_address(mw->fast, sge->lkey, sge->addr, sge->length, &addr))
		return false;
	sge->addr = addr;
	return dma_lkey(vhca, hint, addr, sge->length, &sge->lkey);
}

/* ---- beginnings and ends -------------------------------------------------- */

void wire_fast_begin(struct vhca *vhca, struct mw *owner, struct wire_mw *mw)
{
	struct wire_fast *wire = &owner->fast->wire;

	wire->owner = owner;
	wire->key_at_hca = wire->key_posted = mw->key;
	wire->mw = mw;
	LIST_INSERT_HEAD(&vhca->wire->fasts.all, wire, entry);
}

/* What it asked for is not wanted any more. */
static void ask_no_more(struct vhca_wire *of, struct wire_fast *wire)
{
	pthread_spin_lock(&of->lock);
	if (wire->is_asked)
		TAILQ_REMOVE(&of->fasts.asked, wire, asked);
	wire->is_asked = false;
	pthread_spin_unlock(&of->lock);
}

void wire_fast_end(struct vhca *vhca, struct mw *owner)
{
	struct wire_fast *wire = &owner->fast->wire;

	if (!wire->owner)
		return;
	ask_no_more(vhca->wire, wire);
	LIST_REMOVE(wire, entry);
}

/* The HCA has nothing of the key any more, once it has ended what it has. Locked. */
static void lose(struct mw *mw)
{
	struct vhca_wire *of = mw->fast->vhca->wire;
	struct wire_fast *wire = &mw->fast->wire;

	fast_free(mw->fast);
	ask_no_more(of, wire);
	set_bound(wire, false);
	wire->at_hca = false;
	wire->state = WIRE_FAST_IDLE;
	if (!wire->mw)
		return;
	pthread_spin_lock(&of->lock);
	SLIST_INSERT_HEAD(&of->fasts.ended, wire->mw, ended);
	pthread_spin_unlock(&of->lock);
	wire->mw = NULL;
}

static void leave_qp(struct mw *mw)
{
	if (!mw->qp)
		return;
	LIST_REMOVE(mw, entry);
	set_qp(mw, NULL);
}

void wire_fast_qp_ends(struct mw *mw)
{
	const struct wire_fast *wire = &mw->fast->wire;

	leave_qp(mw);
	if (wire->bound || wire->at_hca || is_busy(wire) || wire->state != WIRE_FAST_IDLE)
		lose(mw);
}

void wire_fast_key_ends(struct mw *mw)
{
	leave_qp(mw);
	if (mw->fast->wire.owner)
		lose(mw);
}

/* The same; who waits for an MR goes on. */
static void lose_with_region(struct vhca *vhca, struct wire_fast *wire)
{
	bool waited = wire->state == WIRE_FAST_ASKED;
	struct qp *qp;

	lose(wire->owner);
	qp = waited ? vhca_find_qp(vhca, wire->qpn) : NULL;
	if (qp)
		poller_kick(qp->vhca->poller, &qp->kick);
}

/* Is what it is bound to, or asks for, of @region? */
static bool is_over(const struct vhca *vhca, const struct wire_fast *wire,
		    const struct wire_mr *region)
{
	if (wire->over == region || wire->own_over == region)
		return true;
	return wire->state == WIRE_FAST_ASKED &&
	       !dma_wire_at(vhca, wire->addr, wire->length);
}

void wire_fast_region_ends(struct vhca *vhca, const struct wire_mr *region)
{
	struct wire_fast *wire;

	LIST_FOREACH(wire, &vhca->wire->fasts.all, entry)
	{
		pthread_spin_lock(&wire->owner->lock);
		if (is_over(vhca, wire, region))
			lose_with_region(vhca, wire);
		pthread_spin_unlock(&wire->owner->lock);
	}
	synchronize_rcu(); /* of pollers that have one in a batch, to be posted */
}

struct wire_mw *wire_fast_take_ended(struct vhca_wire *wire)
{
	struct wire_mw *mw;

	pthread_spin_lock(&wire->lock);
	mw = SLIST_FIRST(&wire->fasts.ended);
	if (mw)
		SLIST_REMOVE_HEAD(&wire->fasts.ended, ended);
	pthread_spin_unlock(&wire->lock);
	return mw;
}

/* ---- what is asked for ---------------------------------------------------- */

static struct wire_fast *take_asked(struct vhca_wire *of)
{
	struct wire_fast *wire;

	pthread_spin_lock(&of->lock);
	wire = TAILQ_FIRST(&of->fasts.asked);
	if (wire) {
		TAILQ_REMOVE(&of->fasts.asked, wire, asked);
		wire->is_asked = false;
	}
	pthread_spin_unlock(&of->lock);
	return wire;
}

bool wire_fast_next(struct vhca *vhca, struct wire_want *want)
{
	struct wire_fast *wire = take_asked(vhca->wire);
	struct mr_hint none = { 0 };

	if (!wire)
		return false;
	/* The map is this thread's, and the region stays while its jobs are done. */
	wire->own_over = dma_wire_at(vhca, wire->addr, wire->length);
	*want = (struct wire_want){
		.key = wire->owner->key,
		.mw = wire->mw,
		.at = dma_reach(vhca, &none, wire->addr, wire->length),
		.iova = wire->iova,
		.length = wire->length,
	};
	return true;
}

uint32_t wire_fast_resolve(struct vhca *vhca, const struct wire_want *want,
			   struct wire_mr *own)
{
	struct mw *mw = find(vhca, want->key);
	struct wire_fast *wire = mw ? &mw->fast->wire : NULL;
	uint32_t qpn = 0;

	if (!mw)
		return 0;
	pthread_spin_lock(&mw->lock);
	if (wire->mw == want->mw && wire->state == WIRE_FAST_ASKED) {
		wire->own = own;
		wire->state = own ? WIRE_FAST_READY : WIRE_FAST_FAILED;
		qpn = wire->qpn;
	}
	pthread_spin_unlock(&mw->lock);
	return qpn;
}
