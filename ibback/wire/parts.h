/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest has at an HCA, as the files of wire/ share it. */
#ifndef XEN_IB_IBBACK_WIRE_HCA_PARTS_H
#define XEN_IB_IBBACK_WIRE_HCA_PARTS_H

#include "wire/channel.h"
#include "wire/device.h"
#include "wire/guest.h"

struct wire_pd {
	struct wire_guest *guest;
	struct ibv_pd *pd;
	LIST_ENTRY(wire_pd) entry;
};

struct wire_mr {
	struct wire_guest *guest;
	struct ibv_mr *mr;
	LIST_ENTRY(wire_mr) entry;
};

struct hca_mw {
	struct wire_mw base;
	struct wire_guest *guest;
	struct ibv_mw *mw;   /* its rkey: see engine/wire.h, window_key */
	struct wire_mr *own; /* made to be beneath it; NULL: none */
	LIST_ENTRY(hca_mw) entry;
};

/* That a QP is attached to. */
struct wire_group {
	union ibv_gid mgid;
	uint16_t mlid;
	LIST_ENTRY(wire_group) entry;
};

/* Of an HCA's queues, about: drivers differ. */
#define WIRE_WQE_BYTES 64
#define WIRE_SGE_BYTES 16
#define WIRE_CQE_BYTES 64

/*
 * Receives that an SRQ has at the HCA at most. The CQ of each of its QPs has room for all
 * of them; the rest wait in the guest's queue for a completion, which makes room.
 */
#define WIRE_SRQ_MOST  512

struct hca_srq {
	struct wire_srq base;
	struct wire_guest *guest;
	struct ibv_srq *srq;
	uint64_t bytes; /* as it counts for its guest */
	LIST_ENTRY(hca_srq) entry;
};

struct hca_qp {
	struct wire_qp base;
	struct hca_srq *srq; /* NULL: it has receives of its own */
	struct wire_guest *guest;
	struct ibv_qp *qp;
	struct ibv_cq *cq;
	struct ibv_mr *sends_mr, *receives_mr; /* of its slots; NULL: it has none */
	uint64_t bytes;                        /* as it counts for its guest */
	LIST_HEAD(, wire_group) groups;
	LIST_ENTRY(hca_qp) entry;
};

struct wire_guest {
	struct vhca_wire wire;
	struct wire_port *port;
	struct wire_cqs *cqs;
	/* a worker's, as is all that is in these */
	struct wire_pd *own_pd; /* NULL: not yet */
	LIST_HEAD(, wire_pd) pds;
	LIST_HEAD(, wire_mr) mrs;
	LIST_HEAD(, hca_mw) mws;
	LIST_HEAD(, hca_srq) srqs;
	LIST_HEAD(, hca_qp) qps;
	uint64_t bytes; /* of those; atomic */
};

/* @pd, or our own one of @guest if that is NULL. NULL and errno. */
struct wire_pd *wire_pd_or_own(struct wire_guest *guest, struct wire_pd *pd);

/* Rights of @access, of enum vib_access, as the HCA has them. */
int wire_access(const struct wire_port *port, uint32_t access);

#define WIRE_HOP_LIMIT 64 /* where the guest gives none */

/* ah.c: @av, of who has GID @from, for libibverbs. 0 or -EINVAL: it goes nowhere. */
int wire_av_fill(const struct wire_port *port, const struct vib_av *av,
		 const struct vib_gid *from, struct ibv_ah_attr *ah);

/* wire_qp.ops, wire_srq.ops: data.c */
extern const struct wire_ops wire_qp_ops;
extern const struct wire_srq_ops wire_srq_ops;

#endif
