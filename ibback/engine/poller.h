/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poller: a thread that looks at the queues of its vHCAs and does what they
 * ask. Each vHCA belongs to one poller, which alone executes its send queues;
 * the receiving side of a QP is worked on by whichever poller has a message
 * for it, under the QP's lock.
 *
 * QPs that had work lately are hot: their next slots are polled directly, and
 * their producers ring no bell. A QP that had none for a while cools: its
 * queue is armed, and its bell brings it back.
 */
#ifndef XEN_IB_IBBACK_POLLER_H
#define XEN_IB_IBBACK_POLLER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "engine/kick.h"
#include "engine/spin.h"
#include "engine/timer.h"

struct cq;
struct doorbell;
struct engine;
struct eq;
struct qp;
struct vhca;
struct wire_channel;
struct xenport;

enum poll_mode {
	POLL_ADAPTIVE, /* spin for a while after the last work, then sleep */
	POLL_ALWAYS,   /* never sleep */
	POLL_NEVER,    /* sleep at once */
};

/* QPs that are polled directly. */
#define HOT_QPS      64
/* CQs with new entries that one pass remembers. */
#define TOUCHED_CQS  64
/* Event channels that stay masked while the poller is awake. */
#define MASKED_PORTS 64
/* The real Xen and the local one. */
#define MAX_XENS     2

struct poller {
	struct engine *engine;
	struct xenport *events[MAX_XENS]; /* its own, one for each Xen there is */
	unsigned int num_events;
	enum poll_mode mode;
	struct spin spin; /* POLL_ADAPTIVE: how long after the last work */
	uint64_t now;     /* ns, CLOCK_MONOTONIC, read every few passes */
	struct timers timers;

	struct qp *hot[HOT_QPS];
	unsigned int num_hot;
	TAILQ_HEAD(, vhca) vhcas; /* that have doorbell pages */
	struct vhca *next_vhca;   /* where the next look for bells begins */
	unsigned int num_doorbells;
	TAILQ_HEAD(, vhca) short_of_tokens;  /* with QPs in line for them, see tokens.h */
	TAILQ_HEAD(, wire_channel) channels; /* that tell of HCAs' completions */
	TAILQ_HEAD(, eq) backlog;            /* EQs with events that wait for room */
	struct cq *held; /* the CQ whose lock it has, see cq_release(); NULL */
	struct cq *touched[TOUCHED_CQS];
	unsigned int num_touched;
	uint64_t messages; /* a count that numbers claims, see qp.h */

	/* from other threads */
	struct __cds_wfcq_head kicks_head;
	struct cds_wfcq_tail kicks_tail;
	bool sleeps; /* atomic */
	int wake_fd; /* eventfd */

	/* calls, see poller_call() */
	bool call_waits; /* atomic */
	void (*call)(struct poller *poller, void *arg);
	void *call_arg;
	sem_t called;

	pthread_t thread;
	bool threaded;
	bool stop; /* atomic */
	int epoll_fd;
	unsigned int passes;
	uint64_t idle_since; /* ns; work since may be spun for */
	struct {
		struct xenport *events;
		uint32_t port;
	} masked[MASKED_PORTS]; /* event channels to unmask before sleep */
	unsigned int num_masked;
};

/*
 * Prepare @poller, which stays where it is. -1 and errno.
 */
int poller_init(struct poller *poller, struct engine *engine, enum poll_mode mode);

/* Be woken by @events too, which becomes its own. Before it is started. */
void poller_add_events(struct poller *poller, struct xenport *events);

/* Look at @db from now on; it rings to the poller. For poller_call(). */
void poller_add_doorbell(struct poller *poller, struct doorbell *db);
void poller_remove_doorbell(struct poller *poller, struct doorbell *db);
/* @eq ends. For poller_call(). */
void poller_forget_eq(struct poller *poller, struct eq *eq);

/* Stop its thread, if it has one, and free what it has. */
void poller_fini(struct poller *poller);

/* Run it in a thread of its own, on processor @cpu unless that is negative. */
int poller_start(struct poller *poller, int cpu);

/*
 * One pass over everything. true if there was work. For the poller's thread, or
 * for a test in its place; the caller is a reader of RCU.
 */
bool poller_pass(struct poller *poller);

/*
 * Have @fn called on the poller's thread between two pieces of work, and wait
 * for it. Kicks that came before are done. For the control thread.
 */
void poller_call(struct poller *poller, void (*fn)(struct poller *poller, void *arg),
		 void *arg);

/* Have kick->run called. Any thread; the object outlives a grace period. */
void poller_kick(struct poller *poller, struct kick *kick);

/*
 * Poll @qp from now on. If too many are polled, one of the vHCA with the most
 * gives way: it rings its own bell. The poller's thread.
 */
void poller_heat(struct poller *poller, struct qp *qp);

/* @qp ends: poll it no more. The poller's thread. */
void poller_forget(struct poller *poller, struct qp *qp);

/* @cq has new entries: look at it when this pass ends. The poller's thread. */
void poller_touch(struct poller *poller, struct cq *cq);

/* @eq may have events that wait for room. Its vHCA's poller's thread. */
void poller_backlog(struct poller *poller, struct eq *eq);

#endif
