/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The objects of the HCA in memory: fake_verbs.c makes, changes and ends them, fake_hca.c
 * does what is posted to them.
 */
#ifndef XEN_IB_TESTS_FAKE_HCA_H
#define XEN_IB_TESTS_FAKE_HCA_H

#include <sys/queue.h>

#include "fake_verbs.h"

#define FAKE_MOST 4096 /* of a queue */

struct fake_mr {
	struct ibv_mr mr;
	uint64_t iova;
	int access;
	LIST_ENTRY(fake_mr) entry;
};

struct fake_cq {
	struct ibv_cq cq;
	struct ibv_wc *wcs;
	unsigned int first, next, most;
	bool armed, told;
	unsigned int unacked;
	LIST_ENTRY(fake_cq) entry;
};

struct fake_send {
	struct ibv_send_wr wr;
	struct ibv_sge sge[32];
	uint8_t data[1024];
	bool is_inline;
	uint32_t mw_rkey; /* of the window that it binds */
};

struct fake_recv {
	uint64_t id;
	int count;
	struct ibv_sge sge[32];
};

struct fake_srq {
	struct ibv_srq srq;
	uint32_t max_wr, max_sge;
	struct fake_recv *recvs;
	unsigned int first, next;
	LIST_ENTRY(fake_srq) entry;
};

struct fake_qp {
	struct ibv_qp qp;
	struct ibv_qp_attr attr;
	struct ibv_qp_cap cap;
	bool sig_all;
	struct fake_send *sends;
	struct fake_recv *recvs;
	unsigned int first_send, next_send, first_recv, next_recv;
	unsigned int unretired; /* sends whose place is not known to be free */
	unsigned int draining;  /* as of struct fake_hca */
	LIST_ENTRY(fake_qp) entry;
};

struct fake_ah {
	struct ibv_ah ah;
	struct ibv_ah_attr attr;
};

LIST_HEAD(fake_mr_list, fake_mr);
LIST_HEAD(fake_cq_list, fake_cq);
LIST_HEAD(fake_srq_list, fake_srq);
LIST_HEAD(fake_qp_list, fake_qp);
extern struct fake_mr_list fake_mrs;
extern struct fake_cq_list fake_cqs;
extern struct fake_srq_list fake_srqs;
extern struct fake_qp_list fake_qps;

/* ---- fake_verbs.c --------------------------------------------------------- */

/* @error, which is 0 from then on. */
int fake_take_error(int *error);

/* ---- fake_hca.c ----------------------------------------------------------- */

/* NULL: there is none. */
struct fake_qp *fake_find_qp(uint32_t number);
/* Flush it, in ERR. */
void fake_fail(struct fake_qp *q);

/* Of struct ibv_context_ops. */
int fake_poll_cq(struct ibv_cq *cq, int most, struct ibv_wc *wcs);
int fake_req_notify_cq(struct ibv_cq *cq, int solicited);
int fake_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad);
int fake_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
int fake_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
		       struct ibv_recv_wr **bad);

#endif
