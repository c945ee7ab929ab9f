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

int wire_srq_init(struct wire_srq *w, uint32_t count)
{
	w->places = calloc(count, sizeof(*w->places));
	if (!w->places)
		return -1;
	w->count = count;
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
		w->places[*place].used = true;
		__atomic_store_n(&w->used, w->used + 1, __ATOMIC_RELAXED);
	}
	pthread_spin_unlock(&w->lock);
	return ok;
}

/* It is locked, and @place is in use. */
static void free_place(struct wire_srq *w, uint32_t place)
{
	w->places[place].used = false;
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

bool wire_srq_take(struct wire_srq *w, uint64_t id, struct receive *r, bool *refused)
{
	uint32_t at = (uint32_t)id;
	bool ok;

	if (!(id & WIRE_ID_RECEIVE) || at >= w->count)
		return false;
	pthread_spin_lock(&w->lock);
	ok = w->places[at].used;
	if (ok) {
		r->wr_id = w->places[at].wr_id;
		r->index = w->places[at].index;
		*refused = w->places[at].refused;
		free_place(w, at);
	}
	pthread_spin_unlock(&w->lock);
	return ok;
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

/* The SRQ is locked. */
static bool post_one(struct srq *srq)
{
	struct wire_srq *w = srq->wire;
	struct vib_sge sges[MAX_SGE];
	struct wire_place *p;
	unsigned int count;
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
	count = resolve(srq, &r, sges, &p->refused);
	if (w->ops->receive(w, WIRE_ID_RECEIVE | place, sges, count) == 0)
		return true;
	/* Which the HCA has no cause for: it has no more of them than places. */
	give_back(w, place);
	async_raise(&srq->vhca->async, &srq->async, VIB_ASYNC_SRQ_ERR);
	return false;
}

unsigned int wire_srq_post(struct srq *srq, unsigned int most)
{
	unsigned int n = 0;

	if (!vib_queue_peek(&srq->queue))
		return 0;
	pthread_spin_lock(&srq->lock);
	while (n < most && post_one(srq))
		n++;
	pthread_spin_unlock(&srq->lock);
	return n;
}

/* Its bell is to ring. false: there is something. */
static bool arm(struct srq *srq)
{
	bool quiet = true;

	pthread_spin_lock(&srq->lock);
	/* Where there is no place, and what is left for UD, a completion comes first. */
	if (wire_srq_used(srq->wire) != srq->wire->count && vib_queue_arm(&srq->queue))
		quiet = is_shared_out(srq);
	pthread_spin_unlock(&srq->lock);
	return quiet;
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
