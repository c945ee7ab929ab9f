/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest has at an HCA: PDs, MRs, QPs, each the counterpart of one of its own, and
 * a PD of ours beside them for what its kernel lends. It keeps account of them, so that
 * they can all be destroyed at once when the guest has gone.
 *
 * What makes, changes or destroys may sleep, some of it for a second and more: these
 * functions are for one worker at a time, and return 0 or a negative errno of the ABI.
 */
#ifndef XEN_IB_IBBACK_WIRE_GUEST_H
#define XEN_IB_IBBACK_WIRE_GUEST_H

#include <xen-ib/object.h>

#include "engine/memory.h"
#include "engine/wire.h"
#include "engine/wire_srq.h"
#include "wire/port.h"

struct poller;
struct vib_device_attr;
struct wire_guest;
struct wire_mr;
struct wire_pd;

/*
 * A guest at @port, whose queues @poller serves; the control thread. Nothing is at the
 * HCA yet. NULL and errno.
 */
struct wire_guest *wire_guest_new(struct wire_port *port, struct poller *poller);
struct vhca_wire *wire_guest_wire(struct wire_guest *guest);

/* Destroy all it has; no poller knows its QPs any more. A worker. */
void wire_guest_clear(struct wire_guest *guest);
/* It has nothing. The control thread. */
void wire_guest_free(struct wire_guest *guest);

/* What of @attr the HCA can do less of, or not at all, is said so. Any thread. */
void wire_limit(const struct wire_port *port, struct vib_device_attr *attr);

/*
 * Must memory that is registered be mapped for writing, whatever its MR permits? Linux
 * before 6.2 pins all of it so. Any thread.
 */
bool wire_wants_writable(const struct wire_port *port);

/* Has it windows that fast registration can be done with? Any thread. */
bool wire_has_windows(const struct wire_port *port);
/*
 * Is it Linux' software for Ethernet? Whoever may use windows there can have the machine
 * crash: it follows a null pointer when one is invalidated twice, by a peer and by its
 * owner or by two messages of a peer (rxe_do_invalidate_mw(), Linux 6.1 and later). Nor
 * does it look at the window's bounds, but at the MR's beneath. And when it sends anew
 * what was not acknowledged, it also binds and invalidates again what is behind that
 * (rxe_requester()): then the QP hangs, or the machine crashes, with nobody to blame. Any
 * thread.
 */
bool wire_is_rxe(const struct wire_port *port);

int wire_pd_new(struct wire_guest *guest, struct wire_pd **pd);
int wire_pd_end(struct wire_pd *pd);

/* @pd NULL: memory that the guest's kernel lends, see engine/dma.h. */
int wire_mr_new(struct wire_guest *guest, struct wire_pd *pd,
		const struct vib_cmd_reg_mr *cmd, const struct memory *memory,
		struct wire_mr **mr);
uint32_t wire_mr_key(const struct wire_mr *mr);
int wire_mr_end(struct wire_mr *mr);

/* A window of type 2B, of the PD of what the kernel lends. */
int wire_mw_new(struct wire_guest *guest, struct wire_mw **mw);
/*
 * Have an MR for it of @length bytes at @at, of a region, at @iova, which is as far into
 * its page, in place of the one that it had; and that is *@mr, or NULL.
 */
int wire_mw_back(struct wire_mw *mw, uint8_t *at, uint64_t iova, uint64_t length,
		 struct wire_mr **mr);
int wire_mw_end(struct wire_mw *mw);
/* All that the engine has no use for any more. */
void wire_mws_end_unused(struct wire_guest *guest);

/* @pd as above: of an SRQ of the kernel. */
int wire_srq_new(struct wire_guest *guest, struct wire_pd *pd,
		 const struct vib_cmd_create_srq *cmd, struct wire_srq **srq);
/* What one takes, as of wire_qp_bytes(). */
uint64_t wire_srq_bytes(const struct wire_guest *guest,
			const struct vib_cmd_create_srq *cmd);
/* No QP receives from it any more. */
int wire_srq_end(struct wire_srq *srq);

/*
 * What queues of a guest's QPs take of ibback's memory, and of the HCA's driver's in its
 * name, about; and what those of one more would. Mapped memory of guests is not in it.
 * The control thread, while no QP is made or destroyed; the first at any time.
 */
uint64_t wire_guest_bytes(const struct wire_guest *guest);
uint64_t wire_qp_bytes(const struct wire_guest *guest,
		       const struct vib_cmd_create_qp *cmd);

/*
 * The counterpart of what @cmd asks for, in RESET, which receives from @srq unless that
 * is NULL. @pd as above: of a QP of the kernel.
 */
int wire_qp_new(struct wire_guest *guest, struct wire_pd *pd, struct wire_srq *srq,
		const struct vib_cmd_create_qp *cmd, struct wire_qp **qp);
int wire_qp_end(struct wire_qp *qp);

/* Who it is that sends. */
struct wire_source {
	struct vib_gid gid; /* of attr->av.sgid_index */
	uint16_t pkey;      /* of attr->pkey_index */
};

/*
 * Bring it to @attr->state with the attributes of @mask; of those whose values are
 * indices of the vport's tables the values are in @from.
 */
int wire_qp_modify(struct wire_qp *qp, uint32_t mask, const struct vib_qp_attr *attr,
		   const struct wire_source *from);

/*
 * One of RC, in RESET or INIT, whose peer is one of this HCA: to RTS towards it, with the
 * like, for atomics of ours alone. @attr is of no state.
 */
int wire_qp_loop(struct wire_qp *qp, const struct vib_qp_attr *attr,
		 const struct wire_source *from);

/*
 * The same of one that is in RTS, or in SQE, at the HCA and stays, or is, in RTS: its
 * requests wait, and there are none, while attributes change that need that.
 */
int wire_qp_change(struct wire_qp *qp, uint32_t mask, const struct vib_qp_attr *attr,
		   const struct wire_source *from);

/* One of UD, in RESET or INIT: to RTS, so that it can all, with the like. */
int wire_qp_up(struct wire_qp *qp, const struct vib_qp_attr *attr,
	       const struct wire_source *from);

/* Have it receive what is sent to @mgid, or no more. */
int wire_qp_attach(struct wire_qp *qp, const struct vib_gid *mgid, uint16_t mlid);
void wire_qp_detach(struct wire_qp *qp, const struct vib_gid *mgid);

/*
 * The handle of @key, or NULL: nobody is there. Of a guest with a QP of UD; may be called
 * beside the other functions, by one other worker.
 */
void *wire_ah_new(struct wire_guest *guest, const struct wire_ah_key *key);
void wire_ah_end(void *ah);
/* Destroy those that are not used any more. The same. */
void wire_ah_end_unused(struct wire_guest *guest);

#endif
