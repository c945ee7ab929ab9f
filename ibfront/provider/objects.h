/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The provider's objects, and who may touch what of them.
 *
 * A work queue is filled under its own lock. Its requests are done as their
 * completions are polled, under the lock of a CQ: so a poster reads `done` and a
 * poller `posted`, each with acquire, and neither takes the other's lock.
 *
 * Kernel and backend may be wrong: what they answer is bounded before it is used,
 * and a completion only moves `done` up to `posted`.
 */
#ifndef VIB_PROVIDER_OBJECTS_H
#define VIB_PROVIDER_OBJECTS_H

#include <pthread.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/post.h>
#include <xen-ib/uverbs.h>

#include "private_abi34.h"

#define vib_unlikely(x) __builtin_expect(!!(x), 0)

/* A lock that is left alone where the program has promised one thread at a time. */
struct vib_lock {
	pthread_spinlock_t spin;
	bool needed;
};

static inline void vib_lock_init(struct vib_lock *lock, bool needed)
{
	pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
	lock->needed = needed;
}

static inline void vib_lock(struct vib_lock *lock)
{
	if (lock->needed)
		pthread_spin_lock(&lock->spin);
}

static inline void vib_unlock(struct vib_lock *lock)
{
	if (lock->needed)
		pthread_spin_unlock(&lock->spin);
}

struct vib_mapping {
	void *addr; /* NULL: none */
	size_t length;
};

/*
 * A doorbell page, mapped until the context is freed. Another backend's may be at the
 * same offset, once the page of the one that is gone has been given up.
 */
struct vib_doorbell {
	struct vib_doorbell *next;
	uint64_t offset;
	uint32_t epoch;
	struct vib_mapping page;
};

struct vib_context {
	struct verbs_context verbs; /* first: libibverbs frees through us only */
	const struct vib_ustate *state;
	struct vib_mapping state_page;
	uint32_t max_inline;
	pthread_mutex_t mutex; /* of what follows */
	struct vib_doorbell *doorbells;
	int gid_tbl_len; /* 0: not asked for yet */
};

struct vib_td {
	struct ibv_td ibv;
	int users; /* atomic */
};

/* A PD, or a parent domain, which stands for another PD. */
struct vib_pd {
	struct ibv_pd ibv;
	int users; /* atomic: parent domains of it, objects in a parent domain */
	struct vib_pd *parent_of; /* of a parent domain */
	struct vib_td *td;
	void *(*alloc)(struct ibv_pd *pd, void *pd_context, size_t size, size_t alignment,
		       uint64_t resource_type);
	void (*free)(struct ibv_pd *pd, void *pd_context, void *ptr,
		     uint64_t resource_type);
	void *pd_context;
};

/* Memory of an object: the parent domain's that it was asked of, or our own. */
struct vib_memory {
	struct vib_pd *pd; /* counted, NULL if it is not a parent domain */
	bool theirs;
};

struct vib_ah {
	struct ibv_ah ibv;
	struct vib_av av;
};

/* A send or a receive queue. */
struct vib_wq {
	struct vib_lock lock;
	struct vib_queue queue;
	struct vib_mapping memory; /* NULL: there is no such queue */
	uint32_t max_wr;
	uint32_t max_sge;
	uint32_t posted; /* queue.index, for pollers */
	/* written by pollers: requests before it may be overwritten */
	uint32_t done __attribute__((aligned(VIB_LINE)));
};

/* What is made between ibv_wr_start() and ibv_wr_complete(). */
struct vib_batch {
	struct vib_send_wqe *slot; /* of the last request, NULL if that failed */
	uint8_t opcode;            /* its; what stands in the slot others may write */
	uint32_t next;             /* index of the next */
	int err;                   /* of the first that failed */
};

struct vib_qp {
	struct verbs_qp verbs;
	struct vib_context *ctx;
	struct vib_doorbell_page *doorbell;
	uint32_t db_index;
	uint32_t epoch;
	uint8_t type;     /* enum vib_qp_type */
	uint32_t opcodes; /* mask of 1 << enum vib_opcode that its type has */
	uint32_t max_inline;
	struct vib_batch batch;
	struct vib_qp *same_index[2]; /* in vib_cq.leaf, by side: cq_members.c */
	struct vib_memory mem;
	struct vib_wq sq __attribute__((aligned(VIB_LINE)));
	struct vib_wq rq __attribute__((aligned(VIB_LINE)));
};

struct vib_srq {
	struct verbs_srq verbs;
	struct vib_context *ctx;
	struct vib_doorbell_page *doorbell;
	uint32_t db_index;
	struct vib_lock lock;
	struct vib_queue queue;
	struct vib_mapping memory;
	uint32_t max_sge;
	struct vib_memory mem;
};

/* A CQ finds its QPs by db_index, in leaves that are there once they are needed. */
#define VIB_CQ_LEAF_QPS 128
#define VIB_CQ_LEAVES   (VIB_DB_QUEUES / VIB_CQ_LEAF_QPS)

struct vib_cq_leaf {
	struct vib_qp *qp[VIB_CQ_LEAF_QPS];
};

struct vib_cq {
	struct verbs_cq verbs;
	struct vib_context *ctx;
	struct vib_lock lock;
	struct vib_queue queue;
	uint32_t epoch;
	/* what a smaller or larger queue left behind: taken first */
	uint32_t backlog_next, backlog_end;
	struct vib_cqe *backlog;
	struct vib_qp *last;  /* that had a completion, or NULL */
	struct vib_cqe entry; /* of ibv_start_poll() and ibv_next_poll() */
	uint32_t poll_from;   /* queue.index at ibv_start_poll() */
	struct vib_mapping memory;
	struct vib_memory mem;
	struct vib_cq_leaf *leaf[VIB_CQ_LEAVES];
};

static inline struct vib_context *to_vib_context(struct ibv_context *context)
{
	return (struct vib_context *)((char *)context -
				      offsetof(struct verbs_context, context));
}

static inline struct vib_pd *to_vib_pd(struct ibv_pd *pd)
{
	return (struct vib_pd *)pd;
}

static inline struct vib_td *to_vib_td(struct ibv_td *td)
{
	return (struct vib_td *)td;
}

static inline struct vib_ah *to_vib_ah(struct ibv_ah *ah)
{
	return (struct vib_ah *)ah;
}

static inline struct vib_cq *to_vib_cq(struct ibv_cq *cq)
{
	return (struct vib_cq *)cq;
}

static inline struct vib_srq *to_vib_srq(struct ibv_srq *srq)
{
	return (struct vib_srq *)srq;
}

static inline struct vib_qp *to_vib_qp(struct ibv_qp *qp)
{
	return (struct vib_qp *)qp;
}

/* Is what was made in @epoch lost? */
static inline bool vib_lost(const struct vib_context *ctx, uint32_t epoch)
{
	return vib_observe32(&ctx->state->epoch) != epoch;
}

#endif
