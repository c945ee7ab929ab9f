/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two QPs that are connected to each other, with all they need: objects of their own,
 * that no other attack has spoiled. So what becomes of a request is known beforehand, and
 * is looked at.
 *
 * On a fabric with a wire both receive from an SRQ, for then their requests go by the HCA.
 */
#ifndef VIB_HOSTILE_PAIR_H
#define VIB_HOSTILE_PAIR_H

#include "hostile.h"

/* What is lent: a list of pages and data of the pair's own, and what keys show. */
#define PAIR_LENT	(1ull << 60)
#define PAIR_LENT_PAGES	4
#define PAIR_OWN	(PAIR_LENT + 2 * PAGE_SIZE)
#define PAIR_SHOWN	(PAIR_LENT + (1ull << 30))
#define PAIR_SHOWN_PAGES 8

enum pair_end { PAIR_A, PAIR_B, PAIR_ENDS };

struct pair_qp {
	u32 number;
	u32 bell;
	struct area *sq_area, *rq_area;
	struct vib_queue sq, rq;
};

struct pair {
	bool wired;
	u8 flags;		/* enum vib_qp_flags */
	u32 pd, other_pd;
	u32 cq, srq;		/* or VIB_NO_OBJECT */
	u32 lent, shown;	/* regions of REG_DMA */
	struct vib_queue cq_queue;
	struct area *lent_area, *shown_area;
	struct pair_qp qps[PAIR_ENDS];
	u64 id;			/* of the last request */

	/* Of fast registration. */
	u32 key;
	u32 serial;		/* of the last registration */
	u64 iova;		/* that the next one is to have */
};

/* false: it could not be made, and nothing of it is there. */
bool pair_make(struct hostile *h, struct pair *p, u8 flags);
/* All of it ends, and nothing else uses it. */
void pair_finish(struct hostile *h, struct pair *p);

/* Lend the memory that keys show. */
bool pair_lend_shown(struct hostile *h, struct pair *p);

/* Both are in RTS, with nothing in their queues. */
bool pair_connect(struct hostile *h, struct pair *p);
/* enum vib_qp_state, or a status. */
int pair_state(struct hostile *h, struct pair *p, enum pair_end end);

/* A request of @end's, that has no operands and no data yet. */
struct vib_send_wqe *pair_put(struct pair *p, enum pair_end end, u8 opcode);
/* @length bytes at @addr for its data. */
void pair_put_sge(struct vib_send_wqe *slot, u64 addr, u32 length, u32 lkey);
void pair_post(struct hostile *h, struct pair *p, enum pair_end end);
/* The last that was put is posted: enum vib_status, or -ENODEV if nobody answers. */
int pair_do(struct hostile *h, struct pair *p, enum pair_end end);

/* RDMA_WRITE of @length bytes, at most a page, to @addr of the other's. */
int pair_write(struct hostile *h, struct pair *p, u64 addr, u32 length, u32 rkey);
/* B, which has no SRQ, receives once, up to a page. */
void pair_receive(struct pair *p);

#endif
