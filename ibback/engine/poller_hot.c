// SPDX-License-Identifier: GPL-2.0-or-later
/* Which QPs are polled, and which ring: hot and cold, and the bells between. */
#include "engine/doorbell.h"
#include "engine/poller_parts.h"
#include "engine/qp.h"
#include "engine/vhca.h"

/* Passes without work after which a QP is polled no more. */
#define COOL_PASSES 4096
/* Doorbell pages looked at in one pass, and bells of one page. */
#define PASS_PAGES  8
#define LOOK_BELLS  16
/* What the QPs of one vHCA may cost a pass, in bytes: see send.h. */
#define VHCA_BUDGET (1u << 20)

/* ---- hot QPs ----------------------------------------------------------- */

static void drop_hot(struct poller *poller, unsigned int i)
{
	struct qp *qp = poller->hot[i];

	qp->hot = false;
	qp->vhca->num_hot--;
	poller->hot[i] = poller->hot[--poller->num_hot];
}

/* Poll hot QP @i no more; one with work rings its own bell, to come back. */
static void evict(struct poller *poller, unsigned int i)
{
	struct qp *qp = poller->hot[i];

	drop_hot(poller, i);
	if (!qp_cool(qp))
		vib_doorbell_ring(qp->doorbell->page, qp->db_index);
}

/* The QP to make room: of the vHCA that has most, the one that was idle longest. */
static unsigned int greediest(const struct poller *poller)
{
	unsigned int worst = 0;

	for (unsigned int i = 1; i < poller->num_hot; i++) {
		const struct qp *qp = poller->hot[i], *so_far = poller->hot[worst];

		if (qp->vhca->num_hot > so_far->vhca->num_hot ||
		    (qp->vhca->num_hot == so_far->vhca->num_hot &&
		     qp->idle > so_far->idle))
			worst = i;
	}
	return worst;
}

void poller_heat(struct poller *poller, struct qp *qp)
{
	qp->idle = 0;
	if (qp->hot)
		return;
	if (poller->num_hot == HOT_QPS)
		evict(poller, greediest(poller));
	qp->hot = true;
	qp->vhca->num_hot++;
	poller->hot[poller->num_hot++] = qp;
}

void poller_forget(struct poller *poller, struct qp *qp)
{
	for (unsigned int i = 0; i < poller->num_hot; i++)
		if (poller->hot[i] == qp) {
			drop_hot(poller, i);
			return;
		}
}

uint32_t *poller_budget(struct poller *poller, struct vhca *vhca)
{
	if (vhca->pass != poller->passes) {
		vhca->pass = poller->passes;
		vhca->budget = VHCA_BUDGET;
	}
	return &vhca->budget;
}

/* Each pass begins with another, for a vHCA's budget may not do for all of its. */
bool poller_serve_hot(struct poller *poller)
{
	unsigned int n = poller->num_hot, at;
	bool worked = false;

	if (!n)
		return false;
	at = poller->passes % n;
	for (unsigned int i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
		struct qp *qp = poller->hot[at];

		if (qp_serve(poller, qp)) {
			qp->idle = 0;
			worked = true;
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

static void on_ring(void *arg, struct qp *qp)
{
	qp_rang(arg, qp);
}

/* One page of @vhca a look, in turn. */
static bool take_bells_of(struct poller *poller, struct vhca *vhca)
{
	struct doorbell *db = vhca->next_doorbell;
	unsigned int most = LOOK_BELLS;

	if (!db)
		db = TAILQ_FIRST(&vhca->doorbells_polled);
	vhca->next_doorbell = TAILQ_NEXT(db, entry);
	return doorbell_take(db, &most, on_ring, poller);
}

/*
 * Some pages a pass: guests in turn, and each guest's pages in turn, so that
 * neither many contexts nor many guests slow the hot QPs, and one guest's pages
 * do not hide another's.
 */
bool poller_take_bells(struct poller *poller)
{
	unsigned int looks =
		poller->num_doorbells < PASS_PAGES ? poller->num_doorbells : PASS_PAGES;
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
