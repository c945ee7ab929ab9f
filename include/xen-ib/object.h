/* SPDX-License-Identifier: MIT */
/*
 * The commands that make, change and destroy objects: their operands and
 * answers, and how memory is named in them.
 *
 * Objects have numbers. Those of PDs, XRC domains, doorbell pages, event queues,
 * CQs and SRQs are the vib's own; a QP's is unique on its fabric and an MR's is its
 * key, for both are told to peers. An XRC SRQ's is told to peers too: they name it
 * together with a QP of the vib.
 */
#ifndef XEN_IB_OBJECT_H
#define XEN_IB_OBJECT_H

#include <xen-ib/queue.h>

/*
 * Pages of the frontend, in order, as a tree of grants whose height follows
 * from their number. One page is @root itself. Up to 1024 pages stand as
 * grants in the list page @root. More stand in list pages of 1024 each, whose
 * grants stand in @root. List pages are granted for as long as the command
 * takes; read-only will do.
 */
struct vib_pages {
	__u32 count;
	__u32 root; /* grant */
};
VIB_ASSERT_SIZE(struct vib_pages, 8);

#define VIB_LIST_REFS (VIB_PAGE_SIZE / 4)
/* The most pages of one tree: 4 GiB. */
#define VIB_PAGES_MAX (VIB_LIST_REFS * VIB_LIST_REFS)

/* A number that names no object. */
#define VIB_NO_OBJECT 0xffffffffu

/* Destroys and queries name an object and nothing else. */
struct vib_cmd_object {
	__u32 number;
};
VIB_ASSERT_SIZE(struct vib_cmd_object, 4);

/* The answer to every create. */
struct vib_rsp_object {
	__u32 number;
};
VIB_ASSERT_SIZE(struct vib_rsp_object, 4);

/* MAP_DOORBELL: a doorbell page, zeroed, and the channel that wakes its poller. */
struct vib_cmd_map_doorbell {
	__u32 ref;
	__u32 event_channel; /* unbound, for the backend */
};
VIB_ASSERT_SIZE(struct vib_cmd_map_doorbell, 8);

/* CREATE_EQ: a completion event queue, i.e. a completion vector. */
struct vib_cmd_create_eq {
	__u32 order; /* log2 of the slots of struct vib_comp_event */
	__u32 event_channel;
	struct vib_pages pages;
};
VIB_ASSERT_SIZE(struct vib_cmd_create_eq, 16);

/* Linux' enum ib_access_flags has the same values. */
enum vib_access {
	VIB_ACCESS_LOCAL_WRITE = 1 << 0,
	VIB_ACCESS_REMOTE_WRITE = 1 << 1,
	VIB_ACCESS_REMOTE_READ = 1 << 2,
	VIB_ACCESS_REMOTE_ATOMIC = 1 << 3,
	VIB_ACCESS_MW_BIND = 1 << 4,    /* MRs: windows may be bound to it */
	VIB_ACCESS_ZERO_BASED = 1 << 5, /* addresses count from 0 */
};

/*
 * REG_MR: @length bytes that begin at offset @iova modulo 4096 of the first
 * page. With VIB_ACCESS_ZERO_BASED @iova is that offset and no address: those count from
 * 0. Without any right to write, the pages may be granted read-only, but with
 * VIB_CAP_WRITABLE_GRANTS.
 */
struct vib_cmd_reg_mr {
	__u64 iova; /* address of the first byte, in work requests and for peers */
	__u64 length;
	__u32 pd;
	__u32 access; /* mask of enum vib_access */
	struct vib_pages pages;
};
VIB_ASSERT_SIZE(struct vib_cmd_reg_mr, 32);

struct vib_rsp_reg_mr {
	__u32 lkey; /* also the number of the MR */
	__u32 rkey;
};
VIB_ASSERT_SIZE(struct vib_rsp_reg_mr, 8);

/*
 * REG_DMA: memory that the guest's kernel does I/O with. It has no key of its own:
 * work requests of QPs and SRQs with VIB_QPF_KERNEL or VIB_SRQF_KERNEL name it, from
 * @addr on and whatever their PD, by VIB_LOCAL_DMA_LKEY. Peers do not reach it.
 */
struct vib_cmd_reg_dma {
	__u64 addr; /* of the first byte, a multiple of 4096; regions do not overlap */
	struct vib_pages pages;
};
VIB_ASSERT_SIZE(struct vib_cmd_reg_dma, 16);

/* No MR and no window has it. */
#define VIB_LOCAL_DMA_LKEY  0xffffffffu
/* How many regions a vib may have. */
#define VIB_MAX_DMA_REGIONS 64

/*
 * With VIB_CAP_GRANTED_DMA the same key reaches pages that no region has: from here on
 * an address is a grant, times the size of a page, and an offset in that page.
 */
#define VIB_GRANTED_BASE    (1ull << 61)
#define VIB_GRANTED_BYTES   (1ull << 44)

/*
 * ALLOC_MR, with VIB_CAP_FRWR: a key that shows nothing yet, for REG_MR requests of QPs
 * with VIB_QPF_KERNEL. The answer's number is the key: its upper 24 bits stay, the lower
 * 8 each REG_MR chooses. DEREG_MR ends it, by any of its keys. On a fabric with a wire
 * the key is an HCA's, as an MR's is.
 */
struct vib_cmd_alloc_mr {
	__u32 pd;
	__u32 max_pages; /* of one REG_MR */
	__u32 key;       /* 0, or the one it is to have, as one that was lost had */
};
VIB_ASSERT_SIZE(struct vib_cmd_alloc_mr, 12);

/*
 * What a REG_MR request names, in memory that REG_DMA has lent. Behind it stand the
 * addresses of the pages, of 8 bytes each, as SGEs with VIB_LOCAL_DMA_LKEY name them.
 * They are read with the request; the two words for as long as the key shows them.
 */
struct vib_page_list {
	__u32 ended; /* the frontend's: serials up to this one show nothing any more */
	__u8 frontend_reserved[60];
	__u32 in_use; /* the backend's: 1 while a peer's request goes by the key */
	__u8 backend_reserved[60];
};
VIB_ASSERT_SIZE(struct vib_page_list, 128);
VIB_ASSERT_OFFSET(struct vib_page_list, in_use, 64);

/* Has the memory of registration @serial been taken back, by `ended`? Both wrap. */
static inline int vib_serial_has_ended(__u32 serial, __u32 ended)
{
	return (__s32)(serial - ended) <= 0;
}

/* Which parts of an MR REREG_MR changes. Linux' IB_MR_REREG_* have the same values. */
enum vib_rereg {
	VIB_REREG_TRANSLATION = 1 << 0, /* iova, length, pages */
	VIB_REREG_PD = 1 << 1,
	VIB_REREG_ACCESS = 1 << 2,
};

/* REREG_MR: of @mr counts what is in @mask. The answer is of REG_MR: its keys then. */
struct vib_cmd_rereg_mr {
	__u32 key;
	__u32 mask; /* of enum vib_rereg */
	struct vib_cmd_reg_mr mr;
};
VIB_ASSERT_SIZE(struct vib_cmd_rereg_mr, 40);

/* Linux' enum ib_mw_type has the same values. Type 2 is 2B: of the QP that bound it. */
enum vib_mw_type {
	VIB_MW_TYPE_1 = 1,
	VIB_MW_TYPE_2 = 2,
};

/*
 * ALLOC_MW: a memory window that is not bound; the answer's number is its rkey.
 * Its upper 24 bits are the window's for life, the lower 8 whoever binds it
 * chooses.
 */
struct vib_cmd_alloc_mw {
	__u32 pd;
	__u32 type; /* enum vib_mw_type */
};
VIB_ASSERT_SIZE(struct vib_cmd_alloc_mw, 8);

struct vib_cmd_create_cq {
	__u32 order; /* log2 of the slots of struct vib_cqe */
	__u32 eq;    /* VIB_NO_OBJECT: it is never armed */
	struct vib_pages pages;
};
VIB_ASSERT_SIZE(struct vib_cmd_create_cq, 16);

/*
 * MODIFY_CQ: an event waits for @count entries, but at most for @period_us. Count
 * 0: for the time alone. Period 0: for nothing.
 */
struct vib_cmd_modify_cq {
	__u32 cq;
	__u16 count;
	__u16 period_us;
};
VIB_ASSERT_SIZE(struct vib_cmd_modify_cq, 8);

/*
 * RESIZE_CQ: completions go to a new queue in @pages, from its index 0 on. What
 * the old one holds stays there for the frontend to take; when it is answered, the
 * backend has let go of the old one. A wish in `arm` moves with it.
 */
struct vib_cmd_resize_cq {
	__u32 cq;
	__u32 order;
	struct vib_pages pages;
};
VIB_ASSERT_SIZE(struct vib_cmd_resize_cq, 16);

struct vib_rsp_resize_cq {
	__u32 index; /* where the old queue ends: of the entry that did not come */
};
VIB_ASSERT_SIZE(struct vib_rsp_resize_cq, 4);

enum vib_srq_type {
	VIB_SRQT_BASIC = 0, /* Linux' enum ib_srq_type has the same values */
	VIB_SRQT_XRC = 1,
};

enum vib_srq_flags {
	VIB_SRQF_KERNEL = 1 << 0, /* its requests may use VIB_LOCAL_DMA_LKEY */
};

struct vib_cmd_create_srq {
	__u32 pd;
	__u32 order;
	__u32 stride;
	__u32 max_sge;
	__u32 limit; /* as of MODIFY_SRQ, from the first request taken on */
	__u32 type;  /* enum vib_srq_type */
	struct vib_pages pages;
	__u32 xrcd; /* XRC: its domain, and where its requests complete */
	__u32 cq;
	__u32 flags;    /* mask of enum vib_srq_flags */
	__u32 doorbell; /* the page with its bell; 0: it has none */
	__u32 db_index; /* as of CREATE_QP; QPs and SRQs of a page have different ones */
};
VIB_ASSERT_SIZE(struct vib_cmd_create_srq, 52);

/* MODIFY_SRQ: SRQ_LIMIT_REACHED once fewer than @limit requests are left; 0: never. */
struct vib_cmd_modify_srq {
	__u32 srq;
	__u32 limit;
};
VIB_ASSERT_SIZE(struct vib_cmd_modify_srq, 8);

struct vib_rsp_query_srq {
	__u32 limit; /* 0 once it was reached */
};
VIB_ASSERT_SIZE(struct vib_rsp_query_srq, 4);

enum vib_qp_flags {
	VIB_QPF_SIG_ALL = 1 << 0, /* every send request completes with an entry */
	VIB_QPF_KERNEL = 1 << 1,  /* its requests may use VIB_LOCAL_DMA_LKEY */
};

/* A send or receive queue in CREATE_QP. */
struct vib_work_queue {
	__u32 order;
	__u32 stride;
	__u32 max_sge;
	struct vib_pages pages; /* count 0: there is no such queue */
};
VIB_ASSERT_SIZE(struct vib_work_queue, 20);

struct vib_cmd_create_qp {
	__u32 pd;
	__u32 send_cq;
	__u32 recv_cq;
	__u32 srq;        /* or VIB_NO_OBJECT; then rq.pages.count is 0 */
	__u8 type;        /* enum vib_qp_type */
	__u8 flags;       /* enum vib_qp_flags */
	__u16 db_index;   /* below VIB_DB_QUEUES, of no other QP or SRQ of the page */
	__u32 doorbell;   /* number of the doorbell page */
	__u32 max_inline; /* bytes */
	struct vib_work_queue sq;
	struct vib_work_queue rq;
	__u32 xrcd; /* of XRC_TGT, which has neither PD nor CQs nor a doorbell */
	/*
	 * 0, or the number it is to have, of a QP that was lost with its backend: -EEXIST
	 * if it is another's. Of SMI and GSI, of which a vib has one each, it does not
	 * count: theirs are 0 and 1.
	 */
	__u32 qpn;
};
VIB_ASSERT_SIZE(struct vib_cmd_create_qp, 76);

enum vib_qp_state {
	VIB_QPS_RESET = 0, /* Linux' enum ib_qp_state has the same values */
	VIB_QPS_INIT = 1,
	VIB_QPS_RTR = 2,
	VIB_QPS_RTS = 3,
	VIB_QPS_SQD = 4,
	VIB_QPS_SQE = 5,
	VIB_QPS_ERR = 6,
};

/* Which attributes MODIFY_QP sets. Linux' enum ib_qp_attr_mask has the same values. */
enum vib_qp_attr_mask {
	VIB_QP_STATE = 1 << 0,
	VIB_QP_CUR_STATE = 1 << 1,
	VIB_QP_EN_SQD_ASYNC_NOTIFY = 1 << 2,
	VIB_QP_ACCESS_FLAGS = 1 << 3,
	VIB_QP_PKEY_INDEX = 1 << 4,
	VIB_QP_PORT = 1 << 5,
	VIB_QP_QKEY = 1 << 6,
	VIB_QP_AV = 1 << 7,
	VIB_QP_PATH_MTU = 1 << 8,
	VIB_QP_TIMEOUT = 1 << 9,
	VIB_QP_RETRY_CNT = 1 << 10,
	VIB_QP_RNR_RETRY = 1 << 11,
	VIB_QP_RQ_PSN = 1 << 12,
	VIB_QP_MAX_QP_RD_ATOMIC = 1 << 13,
	VIB_QP_ALT_PATH = 1 << 14, /* not supported */
	VIB_QP_MIN_RNR_TIMER = 1 << 15,
	VIB_QP_SQ_PSN = 1 << 16,
	VIB_QP_MAX_DEST_RD_ATOMIC = 1 << 17,
	VIB_QP_PATH_MIG_STATE = 1 << 18, /* not supported */
	VIB_QP_CAP = 1 << 19,            /* not supported */
	VIB_QP_DEST_QPN = 1 << 20,
};

/* A QP's attributes, as set and as queried. */
struct vib_qp_attr {
	__u8 state;     /* enum vib_qp_state */
	__u8 cur_state; /* what the frontend takes it to be */
	__u8 path_mtu;  /* 1…5: 256…4096 bytes */
	__u8 port;
	__u32 qkey;
	__u32 rq_psn;
	__u32 sq_psn;
	__u32 dest_qpn;
	__u32 access_flags; /* mask of enum vib_access, of what peers may do */
	__u16 pkey_index;
	__u8 max_rd_atomic;
	__u8 max_dest_rd_atomic;
	__u8 min_rnr_timer; /* IBTA vol. 1 §9.7.5.2.8, table 45 */
	__u8 timeout;       /* 4.096 us * 2^timeout; 0: for ever */
	__u8 retry_cnt;
	__u8 rnr_retry; /* 7: for ever */
	__u8 en_sqd_async_notify;
	__u8 sq_draining; /* queried: in SQD, and not drained yet */
	__u8 reserved[2];
	struct vib_av av;
};
VIB_ASSERT_SIZE(struct vib_qp_attr, 64);
VIB_ASSERT_OFFSET(struct vib_qp_attr, pkey_index, 24);
VIB_ASSERT_OFFSET(struct vib_qp_attr, av, 36);

struct vib_cmd_modify_qp {
	__u32 qpn;
	__u32 mask; /* of enum vib_qp_attr_mask */
	struct vib_qp_attr attr;
};
VIB_ASSERT_SIZE(struct vib_cmd_modify_qp, 72);

/*
 * PROCESS_MAD: what the port itself answers to a MAD of subnet management or
 * performance management (IBTA vol. 1 §14, §16.1). @ref grants a page that begins
 * with the MAD; behind it, at VIB_MAD_BYTES, the backend puts the reply.
 */
#define VIB_MAD_BYTES 256

struct vib_cmd_process_mad {
	__u32 ref;
};
VIB_ASSERT_SIZE(struct vib_cmd_process_mad, 4);

struct vib_rsp_process_mad {
	__u32 replied; /* 0: the MAD asks for none, or is not the port's to answer */
};
VIB_ASSERT_SIZE(struct vib_rsp_process_mad, 4);

/* QUERY_COUNTERS: of the port, since it was connected. */
struct vib_rsp_counters {
	__u64 xmit_bytes; /* of data, and so on */
	__u64 rcv_bytes;
	__u64 xmit_packets; /* as many as the MTU makes of them */
	__u64 rcv_packets;
	__u64 multicast_xmit_packets;
	__u64 multicast_rcv_packets;
	__u64 xmit_discards; /* of UD and UC: that the port may not send, or to nobody */
	__u64 rcv_discards;  /* datagrams without a receive */
	__u64 pkey_violations; /* messages of others with a wrong P_Key, datagrams with */
	__u64 qkey_violations; /* a wrong Q_Key */
	__u64 mads_dropped;    /* of the vib's own, see PROTOCOL.md */
	__u64 rnr_naks_sent;
	__u64 retries; /* of requests whose peer did not answer or was not ready */
	__u64 errors;  /* requests that completed with one, but for flushing */
};
VIB_ASSERT_SIZE(struct vib_rsp_counters, 112);

/* ATTACH_MCAST, DETACH_MCAST. */
struct vib_cmd_mcast {
	struct vib_gid mgid;
	__u32 qpn;
	__u16 mlid;
	__u16 reserved;
};
VIB_ASSERT_SIZE(struct vib_cmd_mcast, 24);

#endif
