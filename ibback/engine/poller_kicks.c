// SPDX-License-Identifier: GPL-2.0-or-later
/* What other threads ask of a poller. */
#include <errno.h>
#include <sys/eventfd.h>

#include <xen-ib/barrier.h>

#include "engine/poller_parts.h"

/* Kicks taken in one pass. */
#define PASS_KICKS 64

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

bool poller_take_kicks(struct poller *poller)
{
	unsigned int n = 0;

	if (!poller_has_kicks(poller))
		return false;
	while (n < PASS_KICKS && take_kick(poller))
		n++;
	return n > 0;
}

void poller_answer_call(struct poller *poller)
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
		poller_answer_call(poller);
	} else {
		poller_wake(poller);
	}
	while (sem_wait(&poller->called) < 0 && errno == EINTR)
		;
}
