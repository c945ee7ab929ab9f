/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An SRQ whose QPs have their peers behind an HCA. What its guest posts is given to an
 * SRQ that it has at the HCA, as far as there are places, and cannot be taken back; each
 * is completed by whichever QP took it. QPs of UD do not take these, but what its guest
 * has posted and the HCA has not.
 */
#ifndef XEN_IB_IBBACK_WIRE_SRQ_H
#define XEN_IB_IBBACK_WIRE_SRQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct poller;
struct qp;
struct receive;
struct srq;
struct vib_sge;
struct wire_srq;

struct wire_srq_ops {
	/* Post a receive. -1: it cannot be. Does not sleep. */
	int (*receive)(struct wire_srq *w, uint64_t id, const struct vib_sge *sges,
		       unsigned int count);
};

enum wire_place_state {
	WIRE_PLACE_FREE,
	WIRE_PLACE_POSTED, /* the HCA has it */
	WIRE_PLACE_AGAIN,  /* is to have it again: who took it did not complete it */
};

/* Of a receive. */
struct wire_place {
	uint64_t wr_id;
	uint32_t index;
	uint32_t next;  /* free place, or to be posted again */
	uint32_t count; /* of its SGEs */
	uint8_t state;  /* enum wire_place_state */
	bool refused;   /* named what it must not: the HCA has it without memory */
};

struct wire_srq {
	const struct wire_srq_ops *ops;
	struct srq *srq; /* NULL before it has one and after; the control thread's */
	uint32_t count;  /* of places; fixed, as is the next */
	uint32_t max_sge;
	bool begun; /* a QP that is connected has received from it; atomic */
	bool lost;  /* the HCA takes no more; the same */
	pthread_spinlock_t lock;
	struct wire_place *places;
	struct vib_sge *sges; /* max_sge for each place, as the HCA has them */
	uint32_t free;        /* the first; count: none */
	uint32_t again;       /* the same of those; also atomic */
	uint32_t used;
};

/* Prepare the engine's part, for @count places of @max_sge SGEs. -1 and errno. */
int wire_srq_init(struct wire_srq *w, uint32_t count, uint32_t max_sge);
/* What its places take, bytes. */
uint64_t wire_srq_places_bytes(uint32_t count, uint32_t max_sge);
void wire_srq_fini(struct wire_srq *w);

/* A QP that receives from it is about to be connected: the HCA may have receives. */
void wire_srq_begin(struct wire_srq *w);

/* Give up to @most receives of @srq to the HCA. Returns how many there were. */
unsigned int wire_srq_post(struct srq *srq, unsigned int most);

/*
 * The HCA has completed the one that was posted with @id, which is none if @id is not a
 * receive's. false: it has not; else *@r is what it was, and *@refused as above.
 */
bool wire_srq_take(struct wire_srq *w, uint64_t id, struct receive *r, bool *refused);

/*
 * The same, but the QP that took it is reset or ends, and nobody hears of it: to its
 * guest it is still posted, so the HCA is to have it again. Any thread.
 */
void wire_srq_return(struct wire_srq *w, uint64_t id);

/* The HCA says that it takes nothing of it any more: its guest is told. The control
 * thread.
 */
void wire_srq_failed(struct wire_srq *w);

/* How many the HCA has, or is to have again. */
uint32_t wire_srq_used(const struct wire_srq *w);

/*
 * The bell of @srq rang, or nobody looks at it for now: the HCA is to have what is there,
 * and the bell is to ring for more. false: there is more already. Its poller.
 */
bool wire_srq_rang(struct srq *srq);

/*
 * A QP of @srq, which has a bell, was reset or has ended: the HCA is to have again what
 * it took, or others for that. Any thread.
 */
void wire_srq_refill(struct srq *srq);

#endif
