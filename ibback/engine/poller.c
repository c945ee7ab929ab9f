// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/poller.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/cq.h"
#include "engine/doorbell.h"
#include "engine/eq.h"
#include "engine/poller_thread.h"
#include "engine/qp.h"
#include "engine/vhca.h"
#include "xenport/xenport.h"

/* Passes without work after which a QP is polled no more. */
#define COOL_PASSES  4096
/* Doorbell pages and kicks looked at in one pass, and bells of one page. */
#define PASS_PAGES   8
#define PASS_KICKS   64
#define PASS_TIMERS  256
#define LOOK_BELLS   16
/* Passes between two looks at the clock, and, while QPs are hot, at the bells. */
#define CLOCK_PASSES 16
#define BELL_PASSES  4
/* And between two looks for QPs to cool. */
#define COOLING      256
/* What the QPs of one vHCA may cost a pass, in bytes: see send.h. */
#define VHCA_BUDGET  (1u << 20)

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
static bool serve_hot(struct poller *poller)
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

static void cool_idle(struct poller *poller)
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
static bool take_bells(struct poller *poller)
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

/* ---- kicks and calls --------------------------------------------------- */

void poller_wake(struct poller *poller)
{
	vib_full_barrier(); /* what it is to see is there before we look whether it sleeps
			     */
	if (__atomic_load_n(&poller->sleeps, __ATOMIC_RELAXED))
		eventfd_write(poller->wake_fd, 1);
}

void poller_kick(struct poller *poller, struct kick *kick)
{
	if (__atomic_exchange_n(&kick->queued, true, __ATOMIC_ACQ_REL))
		return;
	cds_wfcq_node_init(&kick->node);
	cds_wfcq_enqueue((cds_wfcq_head_ptr_t)&poller->kicks_head, &poller->kicks_tail,
			 &kick->node);
	poller_wake(poller);
}

bool poller_has_kicks(struct poller *poller)
{
	return !cds_wfcq_empty((cds_wfcq_head_ptr_t)&poller->kicks_head,
			       &poller->kicks_tail);
}

static bool take_kick(struct poller *poller)
{
	struct cds_wfcq_node *node;
	struct kick *kick;

	node = __cds_wfcq_dequeue_blocking((cds_wfcq_head_ptr_t)&poller->kicks_head,
					   &poller->kicks_tail);
	if (!node)
		return false;
	kick = caa_container_of(node, struct kick, node);
	/* A kick from here on is another one. */
	__atomic_store_n(&kick->queued, false, __ATOMIC_SEQ_CST);
	kick->run(poller, kick);
	return true;
}

static bool take_kicks(struct poller *poller)
{
	unsigned int n = 0;

	if (!poller_has_kicks(poller))
		return false;
	while (n < PASS_KICKS && take_kick(poller))
		n++;
	return n > 0;
}

static void answer_call(struct poller *poller)
{
	if (!__atomic_load_n(&poller->call_waits, __ATOMIC_ACQUIRE))
		return;
	while (take_kick(poller))
		;
	poller->call(poller, poller->call_arg);
	__atomic_store_n(&poller->call_waits, false, __ATOMIC_RELAXED);
	sem_post(&poller->called);
}

void poller_call(struct poller *poller, void (*fn)(struct poller *poller, void *arg),
		 void *arg)
{
	poller->call = fn;
	poller->call_arg = arg;
	__atomic_store_n(&poller->call_waits, true, __ATOMIC_RELEASE);
	if (!poller->threaded) {
		answer_call(poller);
	} else {
		poller_wake(poller);
	}
	while (sem_wait(&poller->called) < 0 && errno == EINTR)
		;
}

/* ---- completion events ------------------------------------------------- */

static void notify_touched(struct poller *poller)
{
	cq_release(poller);
	if (!poller->num_touched)
		return;
	vib_full_barrier(); /* the entries are seen before the wishes are read */
	for (unsigned int i = 0; i < poller->num_touched; i++)
		cq_notify(poller, poller->touched[i]);
	poller->num_touched = 0;
}

void poller_touch(struct poller *poller, struct cq *cq)
{
	if (poller->num_touched && poller->touched[poller->num_touched - 1] == cq)
		return;
	if (poller->num_touched == TOUCHED_CQS)
		notify_touched(poller);
	poller->touched[poller->num_touched++] = cq;
}

void poller_backlog(struct poller *poller, struct eq *eq)
{
	if (!eq || eq->in_backlog)
		return;
	eq->in_backlog = true;
	TAILQ_INSERT_TAIL(&poller->backlog, eq, backlogged);
}

void poller_forget_eq(struct poller *poller, struct eq *eq)
{
	if (eq->in_backlog)
		TAILQ_REMOVE(&poller->backlog, eq, backlogged);
	eq->in_backlog = false;
}

static void drain_backlog(struct poller *poller)
{
	struct eq *eq, *next;

	for (eq = TAILQ_FIRST(&poller->backlog); eq; eq = next) {
		next = TAILQ_NEXT(eq, backlogged);
		if (!eq_drain(eq))
			poller_forget_eq(poller, eq);
	}
}

/* ---- a pass ------------------------------------------------------------ */

bool poller_pass(struct poller *poller)
{
	unsigned int pass = ++poller->passes;
	bool worked = false;

	answer_call(poller);
	worked |= take_kicks(poller);
	worked |= serve_hot(poller);
	if (!poller->num_hot || pass % BELL_PASSES == 0)
		worked |= take_bells(poller);
	if (pass % COOLING == 0)
		cool_idle(poller);
	drain_backlog(poller);
	if (pass % CLOCK_PASSES == 0) {
		poller->now = clock_ns();
		worked |= timers_run(&poller->timers, poller->now, PASS_TIMERS);
	}
	notify_touched(poller); /* after all that may complete something */
	if (worked)
		poller->idle_since = poller->now;
	rcu_quiescent_state();
	return worked;
}

int poller_init(struct poller *poller, struct engine *engine, enum poll_mode mode)
{
	memset(poller, 0, sizeof(*poller));
	poller->engine = engine;
	poller->mode = mode;
	poller->spin_ns = DEFAULT_SPIN_NS;
	poller->now = clock_ns();
	RB_INIT(&poller->timers);
	TAILQ_INIT(&poller->vhcas);
	TAILQ_INIT(&poller->backlog);
	__cds_wfcq_init(&poller->kicks_head, &poller->kicks_tail);
	poller->epoll_fd = -1;
	poller->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (poller->wake_fd < 0)
		return -1;
	sem_init(&poller->called, 0, 0);
	return 0;
}

void poller_add_events(struct poller *poller, struct xenport *events)
{
	poller->events[poller->num_events++] = events;
}

void poller_fini(struct poller *poller)
{
	poller_stop(poller);
	while (poller->num_events)
		xenport_close(poller->events[--poller->num_events]);
	if (poller->epoll_fd >= 0)
		close(poller->epoll_fd);
	close(poller->wake_fd);
	sem_destroy(&poller->called);
}
