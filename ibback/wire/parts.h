/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest has at an HCA, as the files of wire/ share it. */
#ifndef XEN_IB_IBBACK_WIRE_PARTS_H
#define XEN_IB_IBBACK_WIRE_PARTS_H

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

struct hca_qp {
	struct wire_qp base;
	struct wire_guest *guest;
	struct ibv_qp *qp;
	struct ibv_cq *cq;
	/* Memory of ours for what is not in the guest's: a slot for each send. */
	uint8_t *slots;
	uint32_t slot_bytes; /* 0: none */
	struct ibv_mr *slots_mr;
	LIST_ENTRY(hca_qp) entry;
};

struct wire_guest {
	struct wire wire;
	struct wire_port *port;
	struct wire_cqs *cqs;
	/* a worker's, as is all that is in these */
	struct wire_pd *own_pd; /* NULL: not yet */
	LIST_HEAD(, wire_pd) pds;
	LIST_HEAD(, wire_mr) mrs;
	LIST_HEAD(, hca_qp) qps;
};

/* @pd, or our own one of @guest if that is NULL. NULL and errno. */
struct wire_pd *wire_pd_or_own(struct wire_guest *guest, struct wire_pd *pd);

/* wire_qp.ops: data.c */
extern const struct wire_ops wire_qp_ops;

#endif
