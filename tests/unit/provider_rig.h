/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A context of the provider with two CQs, an SRQ and a QP of each kind, over a kernel
 * that answers from memory (provider_kernel.c) and with the test as the backend.
 */
#ifndef XEN_IB_TESTS_PROVIDER_RIG_H
#define XEN_IB_TESTS_PROVIDER_RIG_H

#include "cm.h"

#include <errno.h>

#include "provider/poll.h"
#include "provider/verbs.h"

/* What a rig's queues hold, and its QPs' requests. */
#define RIG_DEPTH  8
#define RIG_SGES   3
#define RIG_INLINE 80

struct prig {
	struct vib_context *ctx;
	struct ibv_pd *pd;
	struct vib_cq *cq;  /* of all QPs, but: */
	struct vib_cq *rcq; /* of receives of `split` */
	struct vib_srq *srq;
	struct vib_qp *rc, *uc, *ud;
	struct vib_qp *split;  /* RC, with a CQ for receives */
	struct vib_qp *on_srq; /* RC */
};

/* The kernel that the provider's commands go to. */
struct prig_kernel {
	int fd;           /* a context's cmd_fd */
	uint64_t end;     /* of what can be mapped there */
	uint32_t handles; /* given so far */
	uint32_t epoch;
	int objects;           /* CQs, SRQs, QPs and device memory that are there */
	int wakes;             /* calls of vib_wake() */
	int fail;              /* errno of the next command, once */
	uint32_t resize_index; /* what the next resize answers */
	/* spoils what is answered for a queue, if set */
	void (*spoil)(struct vib_uqueue *queue);
	struct ibv_qp_init_attr_ex qp_asked;
	struct ibv_srq_init_attr_ex srq_asked;
	/* where libibverbs has struct verbs_qp's mask: 0 for v36, 1 for v44, 2 for v45 */
	int mask_place;
	/* the device memory that was allocated last, and what names it */
	struct vib_uresp_query_dm dm;
	uint32_t dm_handle;
	int dm_regions;
	int fail_query; /* errno of the next question where device memory is, once */
};
extern struct prig_kernel kernel;

/* cmocka fixtures; the teardown checks that nothing is left. */
int prig_setup(void **state);
int prig_teardown(void **state);

struct vib_qp *prig_qp(struct prig *r, enum ibv_qp_type type, struct vib_cq *send_cq,
		       struct vib_cq *recv_cq, struct vib_srq *srq, uint64_t ex_ops);
/* An extended CQ with all the flags there are. */
struct vib_cq *prig_cq_ex(struct prig *r);
/* The number of mappings of the kernel's memory. */
int prig_mappings(void);

/* ---- the backend's side ------------------------------------------------- */

/* A consumer of the queue, from index 0. */
struct vib_queue prig_end(const struct vib_queue *queue);

/* Put the completion into the CQ; gen and what names the QP are filled in. */
void prig_complete(struct vib_cq *cq, const struct vib_qp *qp, struct vib_cqe cqe);
/* A success of the send request @index of @qp. */
void prig_sent(struct vib_cq *cq, const struct vib_qp *qp, uint32_t index,
	       uint64_t wr_id);

/* The backend goes, and another comes. */
void prig_lose(struct prig *r);

/* Post one unsignaled-or-not SEND of one SGE; its result. */
int prig_post(struct vib_qp *qp, uint64_t wr_id);
int prig_post_recv(struct vib_qp *qp, uint64_t wr_id);

#endif
