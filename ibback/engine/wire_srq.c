// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/wire_srq.h"

#include <stdlib.h>

#include "engine/doorbell.h"
#include "engine/poller_parts.h"
#include "engine/receive_slot.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/srq.h"
#include "engine/vhca.h"
#include "engine/wire_parts.h"
#include "engine/wire_sge.h"

/* Receives given to the HCA when a bell rings. */
#define BELL_MOST 256

uint64_t wire_srq_places_bytes(uint32_t count, uint32_t max_sge)
{
	return count * (sizeof(struct wire_place) + max_sge * sizeof(struct vib_sge));
}

int wire_srq_init(struct wire_srq *w, uint32_t count, uint32_t max_sge)
{
	w->places = calloc(count, sizeof(*w->places));
	w->sges = calloc(count, (max_sge ? max_sge : 1) * sizeof(*w->sges));
	if (!w->places || !w->sges) {
		free(w->places);
		free(w->sges);
		w->places = NULL;
		return -1;
	}
	w->count = count;
	w->max_sge = max_sge;
	w->again = count;
	for (uint32_t i = 0; i < count; i++)
		w->places[i].next = i + 1;
	pthread_spin_init(&w->lock, PTHREAD_PROCESS_PRIVATE);
	return 0;
}

void wire_srq_fini(struct wire_srq *w)
{
	if (!w->places)
		return;
	pthread_spin_destroy(&w->lock);
	free(w->places);
	free(w->sges);
}

void wire_srq_begin(struct wire_srq *w)
{
	__atomic_store_n(&w->begun, true, __ATOMIC_RELEASE);
}

uint32_t wire_srq_used(const struct wire_srq *w)
{
	return __atomic_load_n(&w->used, __ATOMIC_RELAXED);
}

/* ---- places -------------------------------------------------------------- */

static bool take_place(struct wire_srq *w, uint32_t *place)
{
	bool ok;

	pthread_spin_lock(&w->lock);
	ok = w->free != w->count;
	if (ok) {
		*place = w->free;
		w->free = w->places[*place].next;
		w->places[*place].state = WIRE_PLACE_POSTED;
		__atomic_store_n(&w->used, w->used + 1, __ATOMIC_RELAXED);
	}
	pthread_spin_unlock(&w->lock);
	return ok;
}

/* It is locked, and @place is in use. */
static void free_place(struct wire_srq *w, uint32_t place)
{
	w->places[place].state = WIRE_PLACE_FREE;
	w->places[place].next = w->free;
	w->free = place;
	__atomic_store_n(&w->used, w->used - 1, __ATOMIC_RELAXED);
}

/* The HCA has nothing in @place, which was taken for that. */
static void give_back(struct wire_srq *w, uint32_t place)
{
	pthread_spin_lock(&w->lock);
	free_place(w, place);
	pthread_spin_unlock(&w->lock);
}

static bool is_receive(const struct wire_srq *w, uint64_t id)
{
	return id & WIRE_ID_RECEIVE && (uint32_t)id < w->count;
}

bool wire_srq_take(struct wire_srq *w, uint64_t id, struct receive *r, bool *refused)
{
	uint32_t at = (uint32_t)id;
	bool ok;

	if (!is_receive(w, id))
		return false;
	pthread_spin_lock(&w->lock);
	ok = w->places[at].state == WIRE_PLACE_POSTED;
	if (ok) {
		r->wr_id = w->places[at].wr_id;
		r->index = w->places[at].index;
		*refused = w->places[at].refused;
		free_place(w, at);
	}
	pthread_spin_unlock(&w->lock);
	return ok;
}

void wire_srq_return(struct wire_srq *w, uint64_t id)
{
	uint32_t at = (uint32_t)id;

	if (!is_receive(w, id))
		return;
	pthread_spin_lock(&w->lock);
	if (w->places[at].state == WIRE_PLACE_POSTED) {
		w->places[at].state = WIRE_PLACE_AGAIN;
		w->places[at].next = w->again;
		__atomic_store_n(&w->again, at, __ATOMIC_RELAXED);
	}
	pthread_spin_unlock(&w->lock);
}

static bool has_again(const struct wire_srq *w)
{
	return __atomic_load_n(&w->again, __ATOMIC_RELAXED) != w->count;
}

static bool take_again(struct wire_srq *w, uint32_t *place)
{
	bool ok;

	if (!has_again(w))
		return false;
	pthread_spin_lock(&w->lock);
	ok = w->again != w->count;
	if (ok) {
		*place = w->again;
		__atomic_store_n(&w->again, w->places[*place].next, __ATOMIC_RELAXED);
		w->places[*place].state = WIRE_PLACE_POSTED;
	}
	pthread_spin_unlock(&w->lock);
	return ok;
}

/* ---- failing ------------------------------------------------------------- */

static bool is_lost(const struct wire_srq *w)
{
	return __atomic_load_n(&w->lost, __ATOMIC_RELAXED);
}

/* Its guest is told once. */
static void fail(struct srq *srq)
{
	if (!__atomic_exchange_n(&srq->wire->lost, true, __ATOMIC_RELAXED))
		async_raise(&srq->vhca->async, &srq->async, VIB_ASYNC_SRQ_ERR);
}

void wire_srq_failed(struct wire_srq *w)
{
	if (w->srq)
		fail(w->srq);
}

/* ---- posting ------------------------------------------------------------- */

/*
 * The HCA's form of @r. One that names what it must not has no memory: whoever takes it
 * with data fails, as it would here.
 */
static unsigned int resolve(struct srq *srq, const struct receive *r,
			    struct vib_sge *sges, bool *refused)
{
	const struct sg_owner owner = { srq->vhca, &srq->hint, srq->pd, srq->kernel };
	unsigned int count = WIRE_UNREACHABLE;
	struct sg sg;

	if (!r->malformed &&
	    sg_resolve(&sg, &owner, r->sge, r->num_sge, VIB_ACCESS_LOCAL_WRITE) == 0)
		count = wire_sges(srq->vhca, &srq->hint, r->sge, r->num_sge, sges);
	*refused = count == WIRE_UNREACHABLE;
	return *refused ? 0 : count;
}

/* QPs of UD are left what the HCA has no more of than they. */
static bool is_shared_out(const struct srq *srq)
{
	return srq->datagrams &&
	       !vib_queue_holds(&srq->queue, wire_srq_used(srq->wire) + 1);
}

/* Have the HCA have what is in @place. The SRQ is locked. */
static bool post(struct srq *srq, uint32_t place)
{
	struct wire_srq *w = srq->wire;

	if (w->ops->receive(w, WIRE_ID_RECEIVE | place, w->sges + place * w->max_sge,
			    w->places[place].count) == 0)
		return true;
	/* Which the HCA has no cause for: it has no more of them than places. */
	give_back(w, place);
	fail(srq);
	return false;
}

/* The next of its guest's. The SRQ is locked. */
static bool post_next(struct srq *srq)
{
	struct wire_srq *w = srq->wire;
	struct wire_place *p;
	struct receive r;
	uint32_t place;

	if (!vib_queue_peek(&srq->queue) || is_shared_out(srq) || !take_place(w, &place))
		return false;
	/* Its guest can have taken it back since. */
	if (!receive_copy(&srq->queue, srq->max_sge, &r)) {
		give_back(w, place);
		return false;
	}
	p = &w->places[place];
	p->wr_id = r.wr_id;
	p->index = r.index;
	p->count = resolve(srq, &r, w->sges + place * w->max_sge, &p->refused);
	return post(srq, place);
}

/* The SRQ is locked. */
static bool post_one(struct srq *srq)
{
	uint32_t place;

	return take_again(srq->wire, &place) ? post(srq, place) : post_next(srq);
}

/* The HCA can be given something. */
static bool is_waited_for(const struct srq *srq)
{
	return !is_lost(srq->wire) &&
	       (has_again(srq->wire) || vib_queue_peek(&srq->queue));
}

unsigned int wire_srq_post(struct srq *srq, unsigned int most)
{
	unsigned int n = 0;

	if (!is_waited_for(srq))
		return 0;
	pthread_spin_lock(&srq->lock);
	while (n < most && !is_lost(srq->wire) && post_one(srq))
		n++;
	pthread_spin_unlock(&srq->lock);
	return n;
}

/* Its bell is to ring. false: there is something. */
static bool arm(struct srq *srq)
{
	bool quiet = true;

	if (is_lost(srq->wire))
		return true;
	pthread_spin_lock(&srq->lock);
	/* Where there is no place, and what is left for UD, a completion comes first. */
	if (wire_srq_used(srq->wire) != srq->wire->count && vib_queue_arm(&srq->queue))
		quiet = is_shared_out(srq);
	pthread_spin_unlock(&srq->lock);
	return quiet && !has_again(srq->wire);
}

bool wire_srq_rang(struct srq *srq)
{
	unsigned int n;

	if (!__atomic_load_n(&srq->wire->begun, __ATOMIC_ACQUIRE))
		return true; /* all is for UD, or will be posted then */
	n = wire_srq_post(srq, BELL_MOST);
	if (srq->vhca->bucket.rate)
		bucket_take(&srq->vhca->bucket, (int64_t)n * COST_REQUEST);
	return arm(srq);
}

void wire_srq_refill(struct srq *srq)
{
	srq_check_limit(srq);
	(void)vib_doorbell_ring(srq->doorbell->page, srq->db_index);
	poller_wake(srq->vhca->poller);
}
