/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Objects of the guest's kernel: of ib_mad, IPoIB, the connection manager.
 *
 * Their queues are shared with the backend as those of processes are, but are worked
 * with here. What was posted is kept in memory of our own, too: nothing that a
 * completion says is believed before it was compared with that.
 *
 * CQs, SRQs and QPs of datagrams survive their backend, as their users never make
 * them anew: they wait for the next one, which makes them again (revive.c). QPs that
 * are connected are lost, and flushed here.
 *
 * Locks: vib_kernel_lock(), a mutex, is held by whoever makes, changes or ends such an
 * object, or loses or revives all of them, and while commands about them are waited
 * for. All others are spin locks, as posting and polling may be anywhere:
 *
 *	vib->cqs, vib->qps, vib->srqs (a table's) > struct vib_kcq >
 *		struct vib_kwq, struct vib_ksrq
 *
 * and vib->lock, for vib_fail(), within any of them. A consumer's handler is called
 * with none of them held but its table's, and may post and poll.
 */
#ifndef IBFRONT_KERNEL_H
#define IBFRONT_KERNEL_H

#include <linux/workqueue.h>

#include "verbs.h"

/* A request that is posted and not completed. */
struct vib_request {
	u64 wr_id; /* or struct ib_cqe: whatever its consumer has there */
	u32 length; /* bytes that it has room for: receives and READs */
	u32 num_sge; /* of a receive */
	u8 opcode; /* enum ib_wc_opcode */
	u8 status; /* enum ib_wc_status: of one that completes here */
	bool reported; /* completes with an entry even if it succeeds */
	struct vib_landing *landing; /* of a READ that has one */
};

enum vib_kwq_mode {
	VIB_KWQ_CLOSED,		/* the QP is in RESET */
	VIB_KWQ_LIVE,		/* a backend takes requests from it */
	VIB_KWQ_WAITING,	/* for a backend: receives stay, datagrams are lost */
	VIB_KWQ_FLUSHING,	/* there is no backend, and the QP is in ERR */
};

/*
 * A send or receive queue. Requests have indices of their own, which go on while
 * backends come and go: those from @tail to @head are outstanding, and of them those
 * before @settled complete here. The backend's index 0 is @base.
 */
struct vib_kwq {
	spinlock_t lock;
	struct vib_qp *qp;
	struct ib_cq *ibcq;
	bool sends;
	enum vib_kwq_mode mode;
	struct vib_queue queue;
	u32 depth; /* a power of 2, or 0 */
	u32 max_sge;
	u32 caps; /* enum vib_device_cap, of the backend that takes requests */
	u32 base;
	u32 head;
	u32 tail;
	u32 settled;
	enum ib_wc_status fault; /* of the next one that is flushed; or success */
	struct vib_request *requests;
	struct vib_sge *sges; /* of receives that may have to be posted again */
	struct list_head settling; /* in its CQ's list */
};

struct vib_kqp {
	struct list_head entry; /* in vib->kernel.qps */
	bool lost;
	struct vib_kwq sq;
	struct vib_kwq rq;
	struct vib_qp_attr attr; /* as its user wants it */
	struct list_head groups;
};

struct vib_kcq {
	struct vib_cq *cq;
	struct list_head entry; /* in vib->kernel.cqs */
	unsigned int vector;
	u16 count, period; /* moderation */
	struct xarray qps; /* that complete into it */
	struct work_struct work; /* calls the handler for what completes here */

	spinlock_t lock; /* guards what follows */
	bool live; /* a backend fills it */
	bool used; /* there has been a QP that completes into it */
	bool broken;
	struct vib_queue queue;
	unsigned long *skip; /* slots whose entries are of QPs that have been reset */
	enum vib_cq_arm armed;
	struct ib_wc *backlog; /* what an earlier backend has left */
	u32 backlog_next;
	u32 backlog_count;
	struct list_head settling; /* struct vib_kwq with requests that complete here */
};

struct vib_srq_request {
	u64 wr_id;
	u32 length;
	u32 index; /* in the queue */
	u32 num_sge;
	u32 next; /* free one */
	bool posted;
};

struct vib_ksrq {
	struct vib_srq *srq;
	struct list_head entry; /* in vib->kernel.srqs */
	u32 depth;

	spinlock_t lock; /* guards what follows */
	bool live;
	struct vib_queue queue;
	struct vib_srq_request *requests;
	struct vib_sge *sges;
	u32 free; /* first of a list, or depth */
	u32 limit;
};

/* Does it go on with the next backend? */
static inline bool vib_kqp_survives(const struct vib_qp *qp)
{
	return vib_qp_type_is_datagram(qp->ibqp.qp_type) && !qp->kernel->lost;
}

/* kwq.c */
int vib_kwq_init(struct vib_kwq *wq, struct vib_qp *qp, struct ib_cq *ibcq,
		 bool sends);
void vib_kwq_free(struct vib_kwq *wq);
void vib_kwq_serve(struct vib_kwq *wq, const struct vib_qmem *memory);
void vib_kwq_fault(struct vib_kwq *wq, enum ib_wc_status status);
void vib_kwq_leave(struct vib_kwq *wq, enum vib_kwq_mode mode);
void vib_kwq_clear(struct vib_kwq *wq, const struct vib_qmem *memory);
bool vib_kwq_post(struct vib_kwq *wq, const struct vib_request *request);
int vib_kwq_take_settled(struct vib_kwq *wq, int count, struct ib_wc *wc);
void vib_kwq_ring(struct vib_kwq *wq, u32 from);
u32 vib_sges_copy(struct vib_sge *to, const struct ib_sge *from, int count);

/* landing.c: where data are to be when what brought them completes */
int vib_landing_new(struct vib *vib, const struct ib_send_wr *wr,
		    struct vib_landing **landing);
void vib_landing_end(struct vib *vib, struct vib_request *request, bool landed);
void vib_receive_land(struct vib *vib, const struct vib_cqe *cqe,
		      const struct vib_sge *sges, const struct vib_request *request);

/* kpost.c */
int vib_verb_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		       const struct ib_send_wr **bad_wr);
int vib_verb_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		       const struct ib_recv_wr **bad_wr);

/* kcomplete.c */
const char *vib_complete(struct vib_kcq *kcq, const struct vib_cqe *cqe, bool land,
			 struct ib_wc *wc, bool *report);

/* kcq.c */
int vib_kcq_create(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr);
int vib_verb_pre_destroy_cq(struct ib_cq *ibcq);
void vib_kcq_destroy(struct vib_cq *cq);
int vib_kcq_moderate(struct vib_cq *cq, u16 count, u16 period);
int vib_kcq_connect(struct vib *vib, struct vib_kcq *kcq);
void vib_kcq_lose(struct vib *vib, struct vib_kcq *kcq);
bool vib_kcq_tells_own(struct vib_kcq *kcq);
bool vib_kcq_fires(struct vib_kcq *kcq);
int vib_kcq_attach(struct ib_cq *ibcq, struct vib_qp *qp);
void vib_kcq_detach(struct ib_cq *ibcq, struct vib_qp *qp);

/* kpoll.c */
int vib_verb_poll_cq(struct ib_cq *ibcq, int count, struct ib_wc *wc);
int vib_verb_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);
bool vib_kcq_has_own(const struct vib_kcq *kcq);
void vib_kcq_save(struct vib_kcq *kcq);
void vib_kcq_forget(struct vib_kcq *kcq, struct vib_qp *qp);
void vib_kcq_settle(struct vib_kcq *kcq, struct vib_kwq *wq);

/* ksrq.c */
int vib_ksrq_create(struct ib_srq *ibsrq, struct ib_srq_init_attr *init);
void vib_ksrq_destroy(struct vib_srq *srq);
int vib_ksrq_connect(struct vib *vib, struct vib_ksrq *ksrq);
void vib_ksrq_lose(struct vib *vib, struct vib_ksrq *ksrq);
int vib_ksrq_limit(struct vib_srq *srq, u32 limit);
const char *vib_ksrq_complete(struct vib_ksrq *ksrq, const struct vib_cqe *cqe,
			      bool land, struct vib_request *request);
int vib_verb_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
			   const struct ib_recv_wr **bad_wr);

/* kqp.c */
int vib_kqp_create(struct vib_qp *qp, struct ib_qp_init_attr *attr);
void vib_kqp_destroy(struct vib_qp *qp);
int vib_kqp_connect(struct vib *vib, struct vib_qp *qp, u32 qpn);
void vib_kqp_leave(struct vib_qp *qp);
void vib_kqp_forget(struct vib_qp *qp);
void vib_kqp_fail(struct vib *vib, struct vib_qp *qp);
void vib_kqp_lose(struct vib *vib, struct vib_qp *qp);
void vib_kqp_end(struct vib *vib, struct vib_qp *qp);

/* kqp_attr.c */
int vib_kqp_modify(struct vib_qp *qp, const struct ib_qp_attr *attr, int mask);
void vib_kqp_query(struct vib_qp *qp, struct vib_qp_attr *attr);
int vib_kqp_mcast(struct vib_qp *qp, u16 operation, const union ib_gid *gid,
		  u16 lid);
int vib_kqp_restore(struct vib *vib, struct vib_qp *qp);
void vib_kqp_leave_groups(struct vib_kqp *kqp);

/* revive.c */
void vib_kernel_init(struct vib *vib);
int vib_kernel_connect(struct vib *vib);
bool vib_kernel_is_spent(struct vib *vib);
void vib_kernel_lost(struct vib *vib);

#endif
