/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MADs from one thread to another: a ring with one producer and one consumer. */
#ifndef XEN_IB_IBBACK_MAD_QUEUE_H
#define XEN_IB_IBBACK_MAD_QUEUE_H

#include <stddef.h>

#include "engine/mad_packet.h"

/* What may be on its way: a burst of a connection manager's, and no flood. */
#define MAD_QUEUE_PACKETS 128
/* Of what comes to a guest, what may be from others: the rest is for its answers. */
#define MAD_QUEUE_FOREIGN (MAD_QUEUE_PACKETS / 2)

/* Both indices are free-running, and atomic. */
struct mad_queue {
	uint32_t produced;
	uint32_t consumed;
	struct mad_packet packets[MAD_QUEUE_PACKETS];
};

/* Where the next packet goes; NULL if @most or more are in it. The producer. */
static inline struct mad_packet *mad_queue_next(struct mad_queue *q, uint32_t most)
{
	uint32_t consumed = __atomic_load_n(&q->consumed, __ATOMIC_ACQUIRE);

	if (q->produced - consumed >= most)
		return NULL;
	return &q->packets[q->produced % MAD_QUEUE_PACKETS];
}

/* It is there. */
static inline void mad_queue_produce(struct mad_queue *q)
{
	__atomic_store_n(&q->produced, q->produced + 1, __ATOMIC_RELEASE);
}

/* The packet that is first; NULL if there is none. The consumer. */
static inline const struct mad_packet *mad_queue_first(const struct mad_queue *q)
{
	if (__atomic_load_n(&q->produced, __ATOMIC_ACQUIRE) == q->consumed)
		return NULL;
	return &q->packets[q->consumed % MAD_QUEUE_PACKETS];
}

/* It is not needed any more. */
static inline void mad_queue_consume(struct mad_queue *q)
{
	__atomic_store_n(&q->consumed, q->consumed + 1, __ATOMIC_RELEASE);
}

#endif
