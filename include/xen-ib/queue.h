/* SPDX-License-Identifier: MIT */
/*
 * Work requests and completions: the slots of send, receive and completion
 * queues. All are queues of slot.h; a work queue is produced by the frontend,
 * a completion queue by the backend.
 *
 * A work request is self-contained: the address of a UD request stands in it,
 * so an address handle costs no command. Its gather list, or its inline data,
 * follows the operands of its opcode at once, so that a small request is one
 * cache line: vib_send_data_offset().
 *
 * The backend polls the queues that have work. The producer of a work queue
 * rings the doorbell (doorbell.h) only when vib_queue_must_notify() says so.
 */
#ifndef XEN_IB_QUEUE_H
#define XEN_IB_QUEUE_H

#include <xen-ib/slot.h>

/* A gather or scatter element; lkey as in InfiniBand. */
struct vib_sge {
	__u64 addr;
	__u32 length;
	__u32 lkey;
};
VIB_ASSERT_SIZE(struct vib_sge, 16);

/* An address vector, as much of one as InfiniBand's UD and RC need. */
struct vib_av {
	struct vib_gid dgid;
	__u32 flow_label;
	__u16 dlid;
	__u8 sgid_index;
	__u8 hop_limit;
	__u8 traffic_class;
	__u8 sl;
	__u8 static_rate;
	__u8 flags; /* enum vib_av_flags */
};
VIB_ASSERT_SIZE(struct vib_av, 28);

enum vib_av_flags {
	VIB_AV_GRH = 1 << 0, /* dgid and what belongs to it count */
};

/* Of QPs. */
enum vib_qp_type {
	VIB_QPT_SMI = 0, /* Linux' enum ib_qp_type has the same values; QP0 */
	VIB_QPT_GSI = 1, /* QP1 */
	VIB_QPT_RC = 2,
	VIB_QPT_UC = 3,
	VIB_QPT_UD = 4,
	VIB_QPT_XRC_INI = 9,  /* sends, and receives nothing */
	VIB_QPT_XRC_TGT = 10, /* the reverse, into XRC SRQs; it has no queue of its own */
};

/* Those whose requests say themselves where they go. */
static inline int vib_qp_type_is_datagram(__u8 type)
{
	return type == VIB_QPT_UD || type == VIB_QPT_GSI || type == VIB_QPT_SMI;
}

/* Linux' enum ib_uverbs_wr_opcode has the same values, and ib_wr_opcode the last. */
enum vib_opcode {
	VIB_OP_RDMA_WRITE = 0,
	VIB_OP_RDMA_WRITE_IMM = 1,
	VIB_OP_SEND = 2,
	VIB_OP_SEND_IMM = 3,
	VIB_OP_RDMA_READ = 4,
	VIB_OP_CMP_SWAP = 5,
	VIB_OP_FETCH_ADD = 6,
	VIB_OP_LOCAL_INV = 7,
	VIB_OP_BIND_MW = 8,
	VIB_OP_SEND_INV = 9,
	VIB_OP_LSO = 10,
	VIB_OP_ATOMIC_WRITE = 15,
	VIB_OP_REG_MR = 32,
};

enum vib_send_flags {
	VIB_SEND_FENCE = 1 << 0,
	VIB_SEND_SIGNALED = 1 << 1,
	VIB_SEND_SOLICITED = 1 << 2,
	VIB_SEND_INLINE = 1 << 3,
	VIB_SEND_IP_CSUM = 1 << 4, /* of UD: the backend puts IP's checksums in */
};

/* A slot of a send queue. SGEs or inline data begin within it or behind it. */
struct vib_send_wqe {
	__u32 gen;
	__u8 opcode;  /* enum vib_opcode */
	__u8 flags;   /* enum vib_send_flags */
	__u8 num_sge; /* 0 with VIB_SEND_INLINE */
	__u8 reserved;
	__u64 wr_id;      /* comes back in the completion */
	__be32 imm;       /* or, little-endian, the rkey to invalidate */
	__u32 inline_len; /* bytes, with VIB_SEND_INLINE; of the header, in LSO */
	/* operands, by opcode */
	union {
		struct {
			__u64 remote_addr;
			__u32 rkey;
			__u32 reserved; /* of XRC: srqn */
		} rdma;
		struct {
			__u64 remote_addr;
			__u32 rkey;
			__u32 reserved; /* of XRC: srqn */
			__u64 compare_add;
			__u64 swap;
		} atomic;
		struct {
			__u32 remote_qpn;
			__u32 qkey;
			struct vib_av av;
			__u16 pkey_index;
			__u16 mss; /* of LSO: bytes of data in a datagram */
		} ud; /* also of SMI and GSI, whose requests choose their P_Key */
		struct {
			__u64 iova;   /* of the first byte: its offset in its page, too */
			__u64 list;   /* struct vib_page_list, by its address for DMA */
			__u32 length; /* bytes, not 0 */
			__u32 key;    /* lkey and rkey from now on; of its low 8 bits */
			__u32 access; /* mask of enum vib_access */
			__u32 serial; /* what vib_page_list.ended is compared with */
		} reg_mr;
		struct {
			__u64 addr;   /* of the first byte, in the MR */
			__u64 length; /* 0: unbind */
			__u32 lkey;   /* of the MR */
			__u32 mw;     /* any rkey of the window */
			__u32 rkey;   /* the window's from now on; of its low 8 bits */
			__u32 access; /* mask of enum vib_access */
		} bind;
		/* Of each request of XRC that a peer hears of, beside the above. */
		struct {
			__u8 operands[12];
			__u32 srqn; /* the peer's SRQ */
		} xrc;
		__u8 raw[40];
	} u;
};
VIB_ASSERT_SIZE(struct vib_send_wqe, 64);
VIB_ASSERT_OFFSET(struct vib_send_wqe, wr_id, 8);
VIB_ASSERT_OFFSET(struct vib_send_wqe, imm, 16);
VIB_ASSERT_OFFSET(struct vib_send_wqe, u, 24);
VIB_ASSERT_OFFSET(struct vib_send_wqe, u.rdma.reserved, 36);
VIB_ASSERT_OFFSET(struct vib_send_wqe, u.atomic.reserved, 36);
VIB_ASSERT_OFFSET(struct vib_send_wqe, u.xrc.srqn, 36);

/* Where the SGEs or the inline data of a request begin, from the start of its slot. */
enum vib_data_offset {
	VIB_DATA_SEND = 24,   /* SEND of RC and UC */
	VIB_DATA_XRC = 40,    /* SEND of XRC */
	VIB_DATA_RDMA = 40,   /* RDMA_WRITE, RDMA_READ, ATOMIC_WRITE */
	VIB_DATA_ATOMIC = 56, /* CMP_SWAP, FETCH_ADD */
	VIB_DATA_BIND = 56,   /* BIND_MW, which has none */
	VIB_DATA_UD = 64,     /* SEND of UD, LSO */
};

/*
 * LSO: the headers of one datagram, and data for many. The header, inline, is IPoIB's
 * (4 bytes), IPv4's and TCP's with their options. The SGEs follow it.
 */
#define VIB_LSO_MAX_HEADER 124   /* bytes */
#define VIB_LSO_MAX_DATA   65536 /* bytes */
#define VIB_LSO_MIN_MSS    8     /* bytes; Linux' TCP comes down to that */

/* Room for a header of @bytes, at most VIB_LSO_MAX_HEADER, before the SGEs. */
static inline __u32 vib_lso_header_room(__u32 bytes)
{
	return (bytes + (__u32)sizeof(struct vib_sge) - 1) &
	       ~((__u32)sizeof(struct vib_sge) - 1);
}

/* @type: enum vib_qp_type of the QP, whose SENDs say more or less. */
static inline __u32 vib_send_data_offset(__u8 opcode, __u8 type)
{
	switch (opcode) {
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_RDMA_READ:
	case VIB_OP_ATOMIC_WRITE:
		return VIB_DATA_RDMA;
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		return VIB_DATA_ATOMIC;
	case VIB_OP_BIND_MW:
		return VIB_DATA_BIND;
	default:
		return vib_qp_type_is_datagram(type) ? VIB_DATA_UD
		       : type == VIB_QPT_XRC_INI     ? VIB_DATA_XRC
						     : VIB_DATA_SEND;
	}
}

/*
 * The smallest stride of a send queue whose requests have up to @sges SGEs or
 * @inline_len bytes of inline data; both are bounded by the caller.
 */
static inline __u32 vib_send_stride(__u32 sges, __u32 inline_len, __u8 type)
{
	int ud = vib_qp_type_is_datagram(type);
	__u32 most = ud ? VIB_DATA_UD : VIB_DATA_RDMA;
	__u32 atomic = VIB_DATA_ATOMIC + (__u32)sizeof(struct vib_sge);
	__u32 data = sges * (__u32)sizeof(struct vib_sge);
	__u32 bytes = most + (data > inline_len ? data : inline_len);

	if (!ud && sges && bytes < atomic)
		bytes = atomic;
	return (bytes + VIB_LINE - 1) / VIB_LINE * VIB_LINE;
}

/* The same of one whose requests may be LSO. */
static inline __u32 vib_send_stride_lso(__u32 sges, __u32 inline_len)
{
	__u32 header = vib_lso_header_room(VIB_LSO_MAX_HEADER);

	return vib_send_stride(sges + header / (__u32)sizeof(struct vib_sge), inline_len,
			       VIB_QPT_UD);
}

/* A slot of a receive queue or a shared receive queue; SGEs follow. */
struct vib_recv_wqe {
	__u32 gen;
	__u32 num_sge;
	__u64 wr_id;
};
VIB_ASSERT_SIZE(struct vib_recv_wqe, 16);

/* The smallest stride for @sges SGEs, a number bounded by the caller. */
static inline __u32 vib_recv_stride(__u32 sges)
{
	__u32 bytes =
		(__u32)(sizeof(struct vib_recv_wqe) + sges * sizeof(struct vib_sge));

	return (bytes + VIB_LINE - 1) / VIB_LINE * VIB_LINE;
}

/* A slot's stride is a multiple of a line and at most this. */
#define VIB_WQE_MAX_STRIDE 1024

/* Linux' enum ib_wc_status has the same values. */
enum vib_status {
	VIB_WC_SUCCESS = 0,
	VIB_WC_LOC_LEN_ERR = 1,
	VIB_WC_LOC_QP_OP_ERR = 2,
	VIB_WC_LOC_EEC_OP_ERR = 3,
	VIB_WC_LOC_PROT_ERR = 4,
	VIB_WC_WR_FLUSH_ERR = 5,
	VIB_WC_MW_BIND_ERR = 6,
	VIB_WC_BAD_RESP_ERR = 7,
	VIB_WC_LOC_ACCESS_ERR = 8,
	VIB_WC_REM_INV_REQ_ERR = 9,
	VIB_WC_REM_ACCESS_ERR = 10,
	VIB_WC_REM_OP_ERR = 11,
	VIB_WC_RETRY_EXC_ERR = 12,
	VIB_WC_RNR_RETRY_EXC_ERR = 13,
	VIB_WC_REM_ABORT_ERR = 16,
	VIB_WC_FATAL_ERR = 19,
	VIB_WC_GENERAL_ERR = 21,
};

enum vib_cqe_flags {
	VIB_CQE_RECV = 1 << 0, /* completes a receive, else a send */
	VIB_CQE_GRH = 1 << 1,  /* 40 bytes of GRH precede the data */
	VIB_CQE_WITH_IMM = 1 << 2,
	VIB_CQE_WITH_INV = 1 << 3,   /* imm is the rkey that was invalidated */
	VIB_CQE_XRC = 1 << 4,        /* of an XRC SRQ: srqn counts, db_index does not */
	VIB_CQE_IP_CSUM_OK = 1 << 5, /* the backend has put IP's checksums in */
};

/* A slot of a completion queue. */
struct vib_cqe {
	__u32 gen;
	__u32 qpn;
	__u64 wr_id;
	__u32 wqe_index; /* of the work queue; all before it are done too */
	__u32 byte_len;
	__be32 imm;
	__u32 src_qpn;
	__u8 status; /* enum vib_status */
	__u8 opcode; /* enum vib_opcode of the request, also at the receiver */
	__u8 flags;  /* enum vib_cqe_flags */
	__u8 sl;
	__u16 slid;
	__u16 pkey_index;
	__u8 dlid_path_bits;
	__u8 reserved;
	__u16 db_index; /* of the QP, in its doorbell page */
	__u32 reserved2;
	__u64 timestamp; /* nanoseconds of the backend's monotonic clock */
	__u32 srqn;      /* with VIB_CQE_XRC: of the SRQ that had the request */
	__u8 reserved3[4];
};
VIB_ASSERT_SIZE(struct vib_cqe, 64);
VIB_ASSERT_OFFSET(struct vib_cqe, wqe_index, 16);
VIB_ASSERT_OFFSET(struct vib_cqe, status, 32);
VIB_ASSERT_OFFSET(struct vib_cqe, db_index, 42);
VIB_ASSERT_OFFSET(struct vib_cqe, timestamp, 48);
VIB_ASSERT_OFFSET(struct vib_cqe, srqn, 56);

/*
 * vib_queue_header.arm of a completion queue: what the consumer waits for.
 * The producer sends a completion event for the next entry that fits, takes
 * the wish by writing 0, and only then may another be made.
 */
enum vib_cq_arm {
	VIB_ARM_NONE = 0,
	VIB_ARM_SOLICITED = 1,
	VIB_ARM_ANY = 2,
};

/*
 * Consumer: ask for a completion event. Returns 1 if an entry is there already:
 * take it, no event may come for it. A wish for any entry is not lowered by one
 * for a solicited entry; if it is being taken just now, its event answers both.
 */
static inline int vib_cq_arm(const struct vib_queue *q, enum vib_cq_arm wish)
{
	if (wish != VIB_ARM_SOLICITED || vib_read32(&q->hdr->arm) != VIB_ARM_ANY)
		vib_write32(&q->hdr->arm, (__u32)wish);
	vib_full_barrier(); /* the wish is seen before the slot is read */
	return vib_queue_peek(q) != (const void *)0;
}

/*
 * Producer, after entries and a full barrier: is an event wanted for them?
 * @solicited: one of them is solicited or failed. 1 takes the wish: the event
 * must follow.
 */
static inline int vib_cq_take_arm(const struct vib_queue *q, int solicited)
{
	__u32 wish = vib_read32(&q->hdr->arm);

	if (wish == VIB_ARM_NONE || (wish == VIB_ARM_SOLICITED && !solicited))
		return 0;
	vib_write32(&q->hdr->arm, VIB_ARM_NONE);
	vib_full_barrier(); /* the wish is gone before the event is there */
	return 1;
}

#endif
