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

/* One that the HCA has. */
struct wire_place {
	uint64_t wr_id;
	uint32_t index;
	uint32_t next; /* free place */
	bool used;
	bool refused; /* named what it must not: the HCA has it without memory */
};

struct wire_srq {
	const struct wire_srq_ops *ops;
	uint32_t count; /* of places; fixed */
	bool begun;     /* a QP that is connected has received from it; atomic */
	pthread_spinlock_t lock;
	struct wire_place *places;
	uint32_t free; /* the first; count: none */
	uint32_t used;
};

/* Prepare the engine's part, for @count places. -1 and errno. */
int wire_srq_init(struct wire_srq *w, uint32_t count);
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

/* How many the HCA has. */
uint32_t wire_srq_used(const struct wire_srq *w);

/*
 * The bell of @srq rang, or nobody looks at it for now: the HCA is to have what is there,
 * and the bell is to ring for more. false: there is more already. Its poller.
 */
bool wire_srq_rang(struct srq *srq);

/*
 * A QP of @srq, which has a bell, was reset or has ended, and what it took has no place
 * any more: the HCA is to have others for that. Any thread.
 */
void wire_srq_refill(struct srq *srq);

#endif
