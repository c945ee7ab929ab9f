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
#include "xenport/xenport.h"

/* Passes without work after which a QP is polled no more. */
#define COOL_PASSES  4096
/* Doorbell pages and kicks looked at in one pass. */
#define PASS_PAGES   8
#define PASS_KICKS   64
/* Passes between two looks at the clock, and, while QPs are hot, at the bells. */
#define CLOCK_PASSES 16
#define BELL_PASSES  4

/* ---- hot QPs ----------------------------------------------------------- */

static void drop_hot(struct poller *poller, unsigned int i)
{
	poller->hot[i]->hot = false;
	poller->hot[i] = poller->hot[--poller->num_hot];
}

/* Make room for another by cooling the one that was idle longest. */
static bool cool_one(struct poller *poller)
{
	unsigned int idlest = 0;

	for (unsigned int i = 1; i < poller->num_hot; i++)
		if (poller->hot[i]->idle > poller->hot[idlest]->idle)
			idlest = i;
	if (!poller->hot[idlest]->idle || !qp_cool(poller->hot[idlest]))
		return false;
	drop_hot(poller, idlest);
	return true;
}

void poller_heat(struct poller *poller, struct qp *qp)
{
	qp->idle = 0;
	if (qp->hot)
		return;
	if (poller->num_hot == HOT_QPS && !cool_one(poller)) {
		/* A share now, the rest when its bell is taken again. */
		qp_serve(poller, qp);
		if (!qp_cool(qp))
			vib_doorbell_ring(qp->doorbell->page, qp->db_index);
		return;
	}
	qp->hot = true;
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

static bool serve_hot(struct poller *poller)
{
	bool worked = false;

	for (unsigned int i = 0; i < poller->num_hot; i++) {
		struct qp *qp = poller->hot[i];

		if (qp_serve(poller, qp)) {
			qp->idle = 0;
			worked = true;
		} else if (++qp->idle > COOL_PASSES && qp_cool(qp)) {
			drop_hot(poller, i--);
		}
	}
	return worked;
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

/* Some pages a pass, in turn, so that many contexts do not slow the hot QPs. */
static bool take_bells(struct poller *poller)
{
	struct doorbell *first = poller->next_doorbell, *db;
	bool worked = false;

	if (!first)
		first = TAILQ_FIRST(&poller->doorbells);
	db = first;
	for (unsigned int i = 0; db && i < PASS_PAGES; i++) {
		worked |= doorbell_take(db, on_ring, poller);
		db = TAILQ_NEXT(db, entry);
		if (!db)
			db = TAILQ_FIRST(&poller->doorbells);
		if (db == first)
			break;
	}
	poller->next_doorbell = db;
	return worked;
}

void poller_add_doorbell(struct poller *poller, struct doorbell *db)
{
	TAILQ_INSERT_TAIL(&poller->doorbells, db, entry);
}

void poller_remove_doorbell(struct poller *poller, struct doorbell *db)
{
	if (poller->next_doorbell == db)
		poller->next_doorbell = TAILQ_NEXT(db, entry);
	TAILQ_REMOVE(&poller->doorbells, db, entry);
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
	unsigned int pass = poller->passes++;
	bool worked = false;

	answer_call(poller);
	worked |= take_kicks(poller);
	worked |= serve_hot(poller);
	if (!poller->num_hot || pass % BELL_PASSES == 0)
		worked |= take_bells(poller);
	drain_backlog(poller);
	if (pass % CLOCK_PASSES == 0) {
		poller->now = clock_ns();
		worked |= timers_run(&poller->timers, poller->now);
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
	TAILQ_INIT(&poller->doorbells);
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
