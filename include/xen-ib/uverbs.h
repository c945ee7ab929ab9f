/* SPDX-License-Identifier: MIT */
/*
 * Between the guest's kernel and its userspace: the driver's part of the
 * uverbs commands, spoken by ibfront and by its rdma-core provider.
 *
 * Commands have no input of ours. Their answers tell where queues are: memory
 * that is mapped with mmap(2) on the context's descriptor, read-write unless said
 * differently, whole, and once for each offset but those of device memory, and
 * unmapped when the object is gone.
 */
#ifndef XEN_IB_UVERBS_H
#define XEN_IB_UVERBS_H

#include <xen-ib/types.h>

/*
 * The device's uverbs ABI version; raised only when an old provider must not be used.
 * Before 2 the answer to creating an SRQ had no doorbell.
 */
#define VIB_UVERBS_ABI 2

/* What to give to mmap(2). */
struct vib_umap {
	__aligned_u64 offset;
	__u32 length; /* bytes, whole pages; 0: there is nothing to map */
	__u32 reserved;
};
VIB_ASSERT_SIZE(struct vib_umap, 16);

/*
 * The state page, to be mapped read-only. Each backend that comes has a new epoch;
 * an object is lost once this word is not the epoch that its create answered. Then
 * nobody executes its requests any more, and its provider flushes them.
 */
struct vib_ustate {
	__u32 epoch; /* never 0 while there is a device */
};
VIB_ASSERT_SIZE(struct vib_ustate, 4);

/*
 * Answer to allocating a context; and to UVERBS_METHOD_QUERY_CONTEXT, in an
 * attribute of its own, VIB_UATTR_QUERY_CONTEXT_RESP.
 */
struct vib_uresp_alloc_context {
	__u32 protocol_version; /* VIB_PROTOCOL_VERSION of the kernel driver */
	__u32 max_inline;       /* bytes of inline data a QP can have */
	struct vib_umap state;  /* struct vib_ustate */
};
VIB_ASSERT_SIZE(struct vib_uresp_alloc_context, 24);

enum vib_uattr {
	VIB_UATTR_QUERY_CONTEXT_RESP = 0x1000, /* 1 << UVERBS_ID_NS_SHIFT */
};

/*
 * Answer to VIB_UMETHOD_QUERY_DM. Device memory is whole pages, zero at first, that
 * processes may map as often as they like; the rest of the last page is nobody's.
 */
struct vib_uresp_query_dm {
	struct vib_umap memory;
	__aligned_u64 length; /* bytes of it */
};
VIB_ASSERT_SIZE(struct vib_uresp_query_dm, 24);

/* A queue of slot.h. */
struct vib_uqueue {
	struct vib_umap memory;
	__u32 order;
	__u32 stride;
};
VIB_ASSERT_SIZE(struct vib_uqueue, 24);

struct vib_uresp_create_cq {
	__u32 cqn;
	__u32 epoch;
	struct vib_uqueue queue;
};
VIB_ASSERT_SIZE(struct vib_uresp_create_cq, 32);

/* The CQ's lock is held around the command: its queue changes in mid-way. */
struct vib_uresp_resize_cq {
	__u32 index; /* as in struct vib_rsp_resize_cq: where the old queue ends */
	__u32 reserved;
	struct vib_uqueue queue;
};
VIB_ASSERT_SIZE(struct vib_uresp_resize_cq, 32);

struct vib_uresp_create_srq {
	__u32 srqn;
	__u32 epoch;
	struct vib_uqueue queue;
	__u32 db_index; /* in the doorbell page */
	__u32 reserved;
	struct vib_umap doorbell; /* as of a QP */
};
VIB_ASSERT_SIZE(struct vib_uresp_create_srq, 56);

struct vib_uresp_create_qp {
	__u32 epoch;
	__u32 db_index;           /* in the doorbell page */
	struct vib_umap doorbell; /* struct vib_doorbell_page; many QPs have the same */
	struct vib_uqueue sq;
	struct vib_uqueue rq;
};
VIB_ASSERT_SIZE(struct vib_uresp_create_qp, 72);

/*
 * A method of ours in the ioctl interface, without attributes: wake what serves the
 * context. If vib_doorbell_ring() says so, its poller; for objects that are lost it
 * raises the completion events that nobody else raises any more.
 */
enum vib_uobject {
	VIB_UOBJECT_CONTEXT =
		0x1000, /* 1 << UVERBS_ID_NS_SHIFT, whence a driver's begin */
};
enum vib_umethod {
	VIB_UMETHOD_WAKE = 0x1000,
};

/* And one of UVERBS_OBJECT_DM: where device memory is, whoever has allocated it. */
enum vib_umethod_dm {
	VIB_UMETHOD_QUERY_DM = 0x1000,
};
enum vib_uattr_query_dm {
	VIB_UATTR_QUERY_DM_HANDLE = 0x1000,
	VIB_UATTR_QUERY_DM_RESP,
};

#endif
