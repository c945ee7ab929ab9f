/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs' objects: contexts, completion vectors, PDs, MRs, CQs, SRQs and QPs.
 *
 * A create sets its last argument to an object that the caller destroys; on
 * failure that is NULL. A destroy frees the object and returns 0, also when the
 * connection is lost; where the backend refuses it, as with -EBUSY while
 * another object needs this one, it returns the error and nothing has changed.
 *
 * Numbers of entries are rounded up to a power of two, which is at least 2.
 * -EINVAL for more than the ABI has; the backend's limits are its own affair.
 */
#ifndef XEN_IB_COMMON_LIBVIB_OBJECTS_H
#define XEN_IB_COMMON_LIBVIB_OBJECTS_H

#include "libvib/vib.h"

struct libvib_cq;  /* datapath.h */
struct libvib_srq; /* datapath.h */
struct libvib_qp;  /* datapath.h */

/* ---- contexts ---------------------------------------------------------- */

/* A doorbell page and the event channel that wakes its poller: what the QPs of
 * one user context share.
 */
struct libvib_context;

int libvib_open_context(struct libvib *lv, struct libvib_context **context);
/* -EBUSY while it has QPs. */
int libvib_close_context(struct libvib_context *context);

/* ---- completion vectors ------------------------------------------------ */

/* A completion event queue; CQs that are armed send their events there. */
struct libvib_eq;

int libvib_create_eq(struct libvib *lv, uint32_t entries, struct libvib_eq **eq);
int libvib_destroy_eq(struct libvib_eq *eq);

/* Polls readable when libvib_next_comp_event() may have something. */
int libvib_eq_fd(const struct libvib_eq *eq);

/* Take one completion event: 1 and the number of a CQ, which is whatever the
 * backend wrote, or 0. Call it until it returns 0: only then does the
 * descriptor become readable again. For one thread at a time.
 */
int libvib_next_comp_event(struct libvib_eq *eq, uint32_t *cqn);

/* ---- protection domains and memory regions ----------------------------- */

struct libvib_pd {
	struct libvib *lv;
	uint32_t number;
};

int libvib_alloc_pd(struct libvib *lv, struct libvib_pd **pd);
int libvib_dealloc_pd(struct libvib_pd *pd);

struct libvib_mr {
	struct libvib *lv;
	void *addr;
	size_t length;
	uint64_t iova; /* what work requests and peers call addr */
	uint32_t lkey;
	uint32_t rkey;
};

/* Register the @length bytes at @addr, memory of libvib_alloc(), under the
 * address @iova, which has addr's offset in a page. @access: mask of enum
 * vib_access.
 */
int libvib_reg_mr(struct libvib_pd *pd, void *addr, size_t length, uint64_t iova,
		  uint32_t access, struct libvib_mr **mr);
int libvib_dereg_mr(struct libvib_mr *mr);

/* Change of @mr what @mask has, of enum vib_rereg: where it is and its @iova; its @pd;
 * its rights. What is not in the mask is not looked at. Its keys stay. -EBUSY while
 * a window is bound to it.
 */
int libvib_rereg_mr(struct libvib_mr *mr, uint32_t mask, struct libvib_pd *pd, void *addr,
		    size_t length, uint64_t iova, uint32_t access);

/* A gather or scatter element for @length bytes at @addr, which lie in @mr. */
static inline struct vib_sge libvib_sge(const struct libvib_mr *mr, const void *addr,
					uint32_t length)
{
	return (struct vib_sge){
		.addr = mr->iova + (uint64_t)((uintptr_t)addr - (uintptr_t)mr->addr),
		.length = length,
		.lkey = mr->lkey,
	};
}

/* ---- memory of the kernel ---------------------------------------------- */

/*
 * What a guest's kernel has besides: memory that QPs and SRQs with the flag reach without
 * an MR, whatever their PD.
 */
struct libvib_dma {
	struct libvib *lv;
	uint32_t number;
	void *addr;
	uint64_t base; /* what work requests call addr */
};

/* Lend the @length bytes at @addr, whole pages of libvib_alloc(), as the addresses from
 * @base on, which is a multiple of a page. -EEXIST: some of these are lent already.
 */
int libvib_reg_dma(struct libvib *lv, void *addr, size_t length, uint64_t base,
		   struct libvib_dma **dma);
int libvib_dereg_dma(struct libvib_dma *dma);

/* A gather or scatter element for @length bytes at @addr, which lie in @dma. */
static inline struct vib_sge libvib_dma_sge(const struct libvib_dma *dma,
					    const void *addr, uint32_t length)
{
	return (struct vib_sge){
		.addr = dma->base + (uint64_t)((uintptr_t)addr - (uintptr_t)dma->addr),
		.length = length,
		.lkey = VIB_LOCAL_DMA_LKEY,
	};
}

/* ---- memory windows ---------------------------------------------------- */

struct libvib_mw {
	struct libvib *lv;
	uint32_t rkey; /* that it has, or will have when what was posted is done */
};

/* Not bound: that is libvib_post_bind() of datapath.h. */
int libvib_alloc_mw(struct libvib_pd *pd, enum vib_mw_type type, struct libvib_mw **mw);
int libvib_dealloc_mw(struct libvib_mw *mw);

/* ---- completion queues ------------------------------------------------- */

/* @eq: NULL for a CQ that is polled and never armed. */
int libvib_create_cq(struct libvib *lv, uint32_t entries, struct libvib_eq *eq,
		     struct libvib_cq **cq);
int libvib_destroy_cq(struct libvib_cq *cq);

/* Give it room for @entries. It belongs to this thread meanwhile; what it holds stays
 * to be polled, and -EINVAL if that is more.
 */
int libvib_resize_cq(struct libvib_cq *cq, uint32_t entries);

/* Events wait for @count entries or @period_us microseconds; 0 and 0: neither. */
int libvib_modify_cq(struct libvib_cq *cq, uint16_t count, uint16_t period_us);

/* ---- shared receive queues --------------------------------------------- */

/* @limit: below so many requests the backend raises SRQ_LIMIT_REACHED, once;
 * 0: never.
 */
int libvib_create_srq(struct libvib_pd *pd, uint32_t entries, uint32_t max_sge,
		      uint32_t limit, struct libvib_srq **srq);
/* The same, as a guest's kernel makes it: its requests may have VIB_LOCAL_DMA_LKEY. */
int libvib_create_kernel_srq(struct libvib_pd *pd, uint32_t entries, uint32_t max_sge,
			     uint32_t limit, struct libvib_srq **srq);
int libvib_destroy_srq(struct libvib_srq *srq);
int libvib_modify_srq(struct libvib_srq *srq, uint32_t limit);
/* The limit still to be reached, or 0. */
int libvib_query_srq(struct libvib_srq *srq, uint32_t *limit);

/* ---- queue pairs ------------------------------------------------------- */

struct libvib_qp_init {
	enum vib_qp_type type;
	struct libvib_context *context;
	struct libvib_pd *pd;
	struct libvib_cq *send_cq;
	struct libvib_cq *recv_cq;
	struct libvib_srq *srq; /* or NULL; with one there is no receive queue */
	bool signal_all;        /* every send completes with an entry */
	bool kernel;            /* as a guest's kernel makes it; SMI and GSI are so */
	uint32_t qpn;           /* the number it is to have, or 0 */
	uint32_t send_entries;  /* 0: no send queue */
	uint32_t send_sges;
	uint32_t max_inline;   /* bytes */
	uint32_t recv_entries; /* 0: no receive queue */
	uint32_t recv_sges;
};

int libvib_create_qp(const struct libvib_qp_init *init, struct libvib_qp **qp);
/* Its completions stay in their CQs, under the number it had. */
int libvib_destroy_qp(struct libvib_qp *qp);

/* @mask: of enum vib_qp_attr_mask; which go with which transition is as in
 * Linux and IBTA vol. 1 §11.2.5.2. bringup.h has the usual ones. To set RESET
 * empties both queues: nobody else may use them meanwhile.
 */
int libvib_modify_qp(struct libvib_qp *qp, const struct vib_qp_attr *attr, uint32_t mask);
int libvib_query_qp(struct libvib_qp *qp, struct vib_qp_attr *attr);

/* UD only: receive what is sent to the group. */
int libvib_attach_mcast(struct libvib_qp *qp, const struct vib_gid *mgid, uint16_t mlid);
int libvib_detach_mcast(struct libvib_qp *qp, const struct vib_gid *mgid, uint16_t mlid);

#endif
