/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The ib_device and the objects of its users.
 *
 * Each object exists at the backend too, by a number, and only at the backend of
 * its epoch: the epoch changes when a connection is lost, and all objects of
 * earlier ones are lost with it. A lost object can be destroyed, and a lost QP
 * moved to ERR, as if a backend had agreed; all else fails with -EIO.
 */
#ifndef IBFRONT_VERBS_H
#define IBFRONT_VERBS_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>

#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "compat.h"
#include "memory.h"
#include "vib.h"

/*
 * Can IPoIB have its large packets cut? Of one with more fragments than a request has SGEs it
 * makes a single one, when it has found the header already, and then reads what it has freed.
 */
static inline bool vib_device_has_tso(const struct vib_device_attr *attr)
{
	return attr->cap_flags & VIB_CAP_UD_LSO &&
	       attr->max_send_sge > MAX_SKB_FRAGS;
}

struct vib_ibdev {
	struct ib_device ibdev;
	struct vib *vib; /* outlives this */
	struct page *state; /* struct vib_ustate, for all users to read */
	/* what ib_core was told at registration and does not expect to change */
	u32 gid_tbl_len;
	u32 pkey_tbl_len;
	bool kernel; /* there are verbs for the kernel, and DMA */
	bool mads; /* and QP0 and QP1 */
	spinlock_t lock; /* guards what follows */
	u32 port_caps; /* added by who uses the port */
	struct vib_info info;
};

/* A doorbell page with the event channel that wakes its poller. */
struct vib_doorbell {
	struct kref ref; /* one for each QP, one for its owner's latest */
	struct vib *vib;
	u32 number;
	u32 epoch;
	evtchn_port_t evtchn;
	struct vib_memory *memory;
	struct vib_umap_entry *entry; /* NULL: the kernel's */
	DECLARE_BITMAP(used, VIB_DB_QUEUES); /* guarded by its owner's lock */
};

struct vib_ucontext {
	struct ib_ucontext ibucontext;
	struct vib_umap_entry *state;
	struct vib_bells bells;
	struct mutex lock; /* guards what follows */
	struct list_head cqs;
};

struct vib_pd {
	struct ib_pd ibpd;
	bool kernel; /* it shares the one of vib->kernel */
	atomic_t windows; /* MWs, which may be bound to its MRs */
	u32 number;
	u32 epoch;
};

struct vib_xrcd {
	struct ib_xrcd ibxrcd;
	u32 number;
	u32 epoch;
};

struct vib_mr {
	struct ib_mr ibmr;
	bool fast; /* part of a struct vib_fast, and only the epoch counts */
	u32 epoch;
	u64 start; /* where the user has it */
	u64 length;
	u32 access; /* mask of enum vib_access */
	struct vib_memory *memory; /* NULL: device memory has it */
};

struct vib_dm {
	struct ib_dm ibdm;
	struct vib_memory *memory;
	struct vib_umap_entry *entry;
};

struct vib_mw {
	struct ib_mw ibmw;
	u32 epoch;
};

/* A queue in memory of its own. */
struct vib_qmem {
	struct vib_memory *memory; /* NULL: there is no such queue */
	struct vib_umap_entry *entry; /* a process' */
	void *address; /* or the kernel's */
	u32 order;
	u32 stride;
};

struct vib_cq {
	struct ib_cq ibcq;
	struct vib_kcq *kernel; /* NULL: a user's */
	struct vib_ucontext *ctx;
	struct list_head entry; /* in its context's list */
	u32 number;
	u32 epoch;
	struct mutex resize; /* one at a time */
	struct vib_qmem queue; /* changes under the context's lock */
};

struct vib_srq {
	struct ib_srq ibsrq;
	struct vib_ksrq *kernel; /* NULL: a user's */
	u32 number;
	u32 epoch;
	struct vib_bells *bells;
	struct vib_doorbell *doorbell; /* NULL: the kernel's, without a backend */
	u32 db_index;
	struct vib_qmem queue;
	u32 max_sge;
};

struct vib_qp {
	struct ib_qp ibqp;
	struct vib_ucontext *ctx; /* NULL: the kernel's, or an XRC target */
	struct vib_kqp *kernel; /* NULL: not the kernel's */
	u32 epoch;
	struct vib_bells *bells;
	struct vib_doorbell *doorbell; /* NULL: an XRC target */
	u32 db_index;
	struct ib_qp_cap cap;
	bool signal_all;
	struct vib_qmem sq;
	struct vib_qmem rq;
};

#define VIB_TO(type, member)                                              \
	static inline struct vib_##type *to_vib_##type(struct ib_##type *p) \
	{                                                                 \
		return container_of(p, struct vib_##type, member);        \
	}
VIB_TO(ucontext, ibucontext)
VIB_TO(pd, ibpd)
VIB_TO(xrcd, ibxrcd)
VIB_TO(mr, ibmr)
VIB_TO(dm, ibdm)
VIB_TO(mw, ibmw)
VIB_TO(cq, ibcq)
VIB_TO(srq, ibsrq)
VIB_TO(qp, ibqp)
#undef VIB_TO

static inline struct vib_ibdev *to_vib_ibdev(struct ib_device *ibdev)
{
	return container_of(ibdev, struct vib_ibdev, ibdev);
}

static inline struct vib *to_vib(struct ib_device *ibdev)
{
	return to_vib_ibdev(ibdev)->vib;
}

/* The number of a PD at the backend. */
static inline u32 vib_pd_number(const struct vib *vib, struct ib_pd *ibpd)
{
	return to_vib_pd(ibpd)->kernel ? vib->kernel.pd : to_vib_pd(ibpd)->number;
}

/* object.c */
int vib_object_command(struct vib *vib, u32 epoch,
		       struct vib_control_request *request,
		       struct vib_control_response *response);
int vib_object_create(struct vib *vib, u32 epoch,
		      struct vib_control_request *request, u32 *number);
void vib_object_refused(struct vib *vib);
void vib_object_destroy(struct vib *vib, u32 epoch, u16 operation, u32 number);
int vib_object_add(struct vib *vib, struct xarray *objects, u32 number,
		   void *object, u32 epoch);
void vib_object_remove(struct xarray *objects, u32 number, const void *object);
void vib_object_event(struct vib *vib, u16 type, u32 number);
void vib_qp_event(struct vib_qp *qp, enum ib_event_type type);
void vib_objects_init(struct vib *vib);
void vib_objects_lost(struct vib *vib);

/* umap.c */
struct vib_umap_entry *vib_umap_insert(struct ib_ucontext *ibucontext,
				       struct page **pages, u32 count,
				       bool readonly);
void vib_umap_remove(struct vib_umap_entry *entry);
void vib_umap_describe(const struct vib_umap_entry *entry,
		       struct vib_umap *umap);
int vib_verb_mmap(struct ib_ucontext *ibucontext, struct vm_area_struct *vma);
void vib_verb_mmap_free(struct rdma_user_mmap_entry *entry);

/* qmem.c */
int vib_qmem_make(struct vib *vib, struct vib_ucontext *ctx, u32 entries,
		  u32 stride, struct vib_qmem *queue);
int vib_qmem_remake(struct vib *vib, struct vib_qmem *queue);
void vib_qmem_end(struct vib *vib, struct vib_qmem *queue);
void vib_qmem_describe(const struct vib_qmem *queue, struct vib_uqueue *answer);

/* ucontext.c */
extern const struct uapi_definition vib_uapi[];
int vib_verb_alloc_ucontext(struct ib_ucontext *ibucontext,
			    struct ib_udata *udata);
void vib_verb_dealloc_ucontext(struct ib_ucontext *ibucontext);
void vib_verb_disassociate_ucontext(struct ib_ucontext *ibucontext);
int vib_verb_query_ucontext(struct ib_ucontext *ibucontext,
			    struct uverbs_attr_bundle *attrs);

/* doorbell.c */
void vib_bells_init(struct vib_bells *bells, struct vib *vib,
		    struct ib_ucontext *ibucontext);
void vib_bells_end(struct vib_bells *bells);
void vib_bells_wake(struct vib_bells *bells);
struct vib_doorbell *vib_doorbell_take(struct vib_bells *bells, u32 *index);
void vib_doorbell_return(struct vib_bells *bells, struct vib_doorbell *db,
			 u32 index);

/* mr.c */
int vib_verb_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);
int vib_verb_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);
struct ib_mr *vib_verb_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
				   u64 virt_addr, int access,
				   struct ib_udata *udata);
struct ib_mr *vib_verb_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				     u64 length, u64 virt_addr, int access,
				     struct ib_pd *pd, struct ib_udata *udata);
struct ib_mr *vib_verb_reg_dm_mr(struct ib_pd *ibpd, struct ib_dm *ibdm,
				 struct ib_dm_mr_attr *attr,
				 struct uverbs_attr_bundle *attrs);
int vib_verb_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
int vib_verb_alloc_mw(struct ib_mw *ibmw, struct ib_udata *udata);
int vib_verb_dealloc_mw(struct ib_mw *ibmw);

/* dm.c */
extern const struct uapi_definition vib_dm_uapi[];
/* Pages that the toolstack lets programs have. */
u32 vib_dm_quota(struct vib *vib);
struct ib_dm *vib_verb_alloc_dm(struct ib_device *ibdev,
				struct ib_ucontext *ibucontext,
				struct ib_dm_alloc_attr *attr,
				struct uverbs_attr_bundle *attrs);
int vib_verb_dealloc_dm(struct ib_dm *ibdm, struct uverbs_attr_bundle *attrs);

/* cq.c */
int vib_cq_make(struct vib *vib, struct vib_cq *cq, unsigned int vector);
int vib_cq_moderate(struct vib *vib, struct vib_cq *cq, u16 count, u16 period);
int vib_verb_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		       struct vib_create_cq_arg *arg);
int vib_verb_modify_cq(struct ib_cq *ibcq, u16 count, u16 period);
int vib_verb_resize_cq(struct ib_cq *ibcq, int cqe, struct ib_udata *udata);
int vib_verb_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);

/* srq.c */
int vib_srq_take_bell(struct vib_srq *srq);
void vib_srq_return_bell(struct vib_srq *srq);
int vib_srq_make(struct vib *vib, struct vib_srq *srq,
		 const struct ib_srq_init_attr *init);
int vib_srq_limit(struct vib *vib, struct vib_srq *srq, u32 limit);
int vib_verb_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *attr,
			struct ib_udata *udata);
int vib_verb_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
			enum ib_srq_attr_mask mask, struct ib_udata *udata);
int vib_verb_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr);
int vib_verb_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata);

/* qp.c */
int vib_verb_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *attr,
		       struct ib_udata *udata);
int vib_verb_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);
int vib_qp_command(struct vib *vib, struct vib_qp *qp,
		   struct vib_control_request *request);
int vib_qp_make_queues(struct vib *vib, struct vib_qp *qp,
		       const struct ib_qp_init_attr *attr);
int vib_qp_make(struct vib *vib, struct vib_qp *qp, u32 qpn);
bool vib_qp_of_one_epoch(const struct vib_qp *qp);

/* xrc.c */
int vib_verb_alloc_xrcd(struct ib_xrcd *ibxrcd, struct ib_udata *udata);
int vib_verb_dealloc_xrcd(struct ib_xrcd *ibxrcd, struct ib_udata *udata);
int vib_xrc_create_target(struct vib_qp *qp, struct ib_qp_init_attr *attr);

/* qp_attr.c */
void vib_qp_attr_from(struct vib_qp_attr *to, const struct ib_qp_attr *attr,
		      u32 mask);
int vib_qp_modify(struct vib *vib, struct vib_qp *qp,
		  const struct vib_qp_attr *attr, u32 mask);
int vib_mcast(struct vib *vib, struct vib_qp *qp, u16 operation,
	      const union ib_gid *gid, u16 lid);
int vib_verb_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		       struct ib_udata *udata);
int vib_verb_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		      struct ib_qp_init_attr *init);
int vib_verb_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);
int vib_verb_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);

#endif
