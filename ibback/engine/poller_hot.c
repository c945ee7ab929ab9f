// SPDX-License-Identifier: GPL-2.0-or-later
/* Which QPs are polled, and which ring: hot and cold, and the bells between. */
#include "engine/clock.h"
#include "engine/doorbell.h"
#include "engine/poller_parts.h"
#include "engine/qp.h"
#include "engine/tokens.h"
#include "engine/vhca.h"

/* Passes without work after which a QP is polled no more. */
#define COOL_PASSES  4096
/* And after which it makes room for anybody. */
#define IDLE_PASSES  64
/* Bells of one doorbell page at a look. */
#define LOOK_BELLS   16
/* When a QP without a bell, for which there was no room, comes back. */
#define COME_BACK_NS 10000

/* What one that has used up its rate asks for next has to wait, and a timer says when. */
void poller_note_work(struct poller *poller, const struct vhca *vhca)
{
	if (bucket_gives(&vhca->bucket))
		poller->idle_since = poller->now;
}

/* ---- hot QPs ----------------------------------------------------------- */

static void drop_hot(struct poller *poller, unsigned int i)
{
	struct qp *qp = poller->hot[i];

	qp->hot = false;
	qp->vhca->num_hot--;
	poller->hot[i] = poller->hot[--poller->num_hot];
}

/* Have @qp, for which there is no room, come back: by its bell, if it has one. */
static void come_back(struct poller *poller, struct qp *qp)
{
	if (qp->doorbell)
		vib_doorbell_ring(qp->doorbell->page, qp->db_index);
	else
		timer_set(&poller->timers, &qp->timer, clock_ns() + COME_BACK_NS);
}

/* Poll hot QP @i no more; one with work comes back. */
static void evict(struct poller *poller, unsigned int i)
{
	struct qp *qp = poller->hot[i];

	drop_hot(poller, i);
	if (!qp_cool(qp))
		come_back(poller, qp);
}

/* Does @a make room rather than @b? An idle one, be it anybody's; else one of the
 * vHCA that has most; of those the one that has been there longest.
 */
static bool yields(const struct poller *poller, const struct qp *a, const struct qp *b)
{
	if (a->idle >= IDLE_PASSES || b->idle >= IDLE_PASSES)
		return a->idle > b->idle;
	if (a->vhca->num_hot != b->vhca->num_hot)
		return a->vhca->num_hot > b->vhca->num_hot;
	return poller->passes - a->heated > poller->passes - b->heated;
}

static unsigned int who_yields(const struct poller *poller)
{
	unsigned int first = 0;

	for (unsigned int i = 1; i < poller->num_hot; i++)
		if (yields(poller, poller->hot[i], poller->hot[first]))
			first = i;
	return first;
}

/* false if all that are polled became so in this pass: nobody goes unserved. */
static bool make_room(struct poller *poller)
{
	unsigned int i;

	if (poller->num_hot < HOT_QPS)
		return true;
	i = who_yields(poller);
	if (poller->hot[i]->heated == poller->passes)
		return false;
	evict(poller, i);
	return true;
}

bool poller_try_heat(struct poller *poller, struct qp *qp)
{
	qp->idle = 0;
	if (qp->hot)
		return true;
	if (!make_room(poller))
		return false;
	qp->hot = true;
	qp->heated = poller->passes;
	qp->vhca->num_hot++;
	poller->hot[poller->num_hot++] = qp;
	return true;
}

void poller_heat(struct poller *poller, struct qp *qp)
{
	if (!poller_try_heat(poller, qp))
		come_back(poller, qp);
}

void poller_forget(struct poller *poller, struct qp *qp)
{
	tokens_forget(poller, qp);
	for (unsigned int i = 0; i < poller->num_hot; i++)
		if (poller->hot[i] == qp) {
			drop_hot(poller, i);
			return;
		}
}

bool poller_serve_hot(struct poller *poller)
{
	bool worked = false;

	for (unsigned int i = 0; i < poller->num_hot; i++) {
		struct qp *qp = poller->hot[i];

		if (qp_serve(poller, qp)) {
			qp->idle = 0;
			poller_note_work(poller, qp->vhca);
			worked = true;
		} else if (qp->in_line) { /* for tokens */
			drop_hot(poller, i--);
		} else {
			qp->idle++;
		}
	}
	return worked;
}

void poller_cool_idle(struct poller *poller)
{
	for (unsigned int i = 0; i < poller->num_hot; i++)
		if (poller->hot[i]->idle > COOL_PASSES && qp_cool(poller->hot[i]))
			drop_hot(poller, i--);
}

bool poller_cool_all(struct poller *poller)
{
	while (poller->num_hot) {
		if (!qp_cool(poller->hot[0]))
			return false;
		drop_hot(poller, 0);
	}
	return true;
}

/* ---- bells ------------------------------------------------------------- */

/* One page of @vhca a look, in turn. */
static bool take_bells_of(struct poller *poller, struct vhca *vhca)
{
	struct doorbell *db = vhca->next_doorbell;
	if (!db)
		db = TAILQ_FIRST(&vhca->doorbells_polled);
	vhca->next_doorbell = TAILQ_NEXT(db, entry);
	if (!doorbell_take(db, LOOK_BELLS, poller))
		return false;
	poller_note_work(poller, vhca);
	return true;
}

/*
 * Some pages a pass: guests in turn, and each guest's pages in turn, so that
 * neither many contexts nor many guests slow the hot QPs, and one guest's pages
 * do not hide another's.
 */
bool poller_take_bells(struct poller *poller, unsigned int pages)
{
	unsigned int looks =
		pages < poller->num_doorbells ? pages : poller->num_doorbells;
	struct vhca *vhca = poller->next_vhca;
	bool worked = false;

	for (unsigned int i = 0; i < looks; i++) {
		if (!vhca)
			vhca = TAILQ_FIRST(&poller->vhcas);
		worked |= take_bells_of(poller, vhca);
		vhca = TAILQ_NEXT(vhca, polled);
	}
	poller->next_vhca = vhca;
	return worked;
}

void poller_add_doorbell(struct poller *poller, struct doorbell *db)
{
	struct vhca *vhca = db->vhca;

	if (TAILQ_EMPTY(&vhca->doorbells_polled))
		TAILQ_INSERT_TAIL(&poller->vhcas, vhca, polled);
	TAILQ_INSERT_TAIL(&vhca->doorbells_polled, db, entry);
	poller->num_doorbells++;
}

void poller_remove_doorbell(struct poller *poller, struct doorbell *db)
{
	struct vhca *vhca = db->vhca;

	if (vhca->next_doorbell == db)
		vhca->next_doorbell = TAILQ_NEXT(db, entry);
	TAILQ_REMOVE(&vhca->doorbells_polled, db, entry);
	poller->num_doorbells--;
	if (!TAILQ_EMPTY(&vhca->doorbells_polled))
		return;
	if (poller->next_vhca == vhca)
		poller->next_vhca = TAILQ_NEXT(vhca, polled);
	TAILQ_REMOVE(&poller->vhcas, vhca, polled);
}
