/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and destroying what a guest has: quotas, numbers, and who uses what.
 * For the control thread.
 *
 * Operands are a guest's and may be anything. Functions return 0 or a negative
 * errno: -EINVAL for an operand out of bounds or a number that names nothing,
 * -ENOMEM for a quota or no memory, -EBUSY for what is in use, -EEXIST. Memory
 * that is passed belongs to the object from then on if the call succeeds; what
 * an object had is given back by its end, when no poller touches it any more,
 * for the caller to unmap.
 */
#ifndef XEN_IB_IBBACK_OBJECTS_H
#define XEN_IB_IBBACK_OBJECTS_H

#include <xen-ib/object.h>

#include "engine/cq.h"
#include "engine/dma.h"
#include "engine/doorbell.h"
#include "engine/eq.h"
#include "engine/mr.h"
#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/srq.h"
#include "engine/vhca.h"
#include "engine/xrc.h"

struct wire_mw;

/* Doorbell pages and completion vectors of a vib: contexts, and processors. */
#define MAX_DOORBELLS 1024
#define MAX_EQS       64

/* The pages that a queue of 2^@order slots takes. 0 if the order is out of bounds. */
uint32_t queue_pages(uint32_t order, uint32_t stride);

/* The same of a QP's or an SRQ's queue, which have other bounds. */
uint32_t work_queue_pages(uint32_t order, uint32_t stride);

/* A work queue's stride: a multiple of a line, @least or more, within the ABI. */
bool stride_ok(uint32_t stride, uint32_t least);

int pd_create(struct vhca *vhca, uint32_t *number);
/* The same of one that is @wire at the HCA, and what a PD is there; or NULL. */
int pd_create_wired(struct vhca *vhca, struct wire_pd *wire, uint32_t *number);
struct wire_pd *pd_wire(const struct vhca *vhca, uint32_t number);
int pd_destroy(struct vhca *vhca, uint32_t number);

int xrcd_create(struct vhca *vhca, uint32_t *number);
int xrcd_destroy(struct vhca *vhca, uint32_t number);

/* @port: the event channel that wakes the poller, bound in its Xen port. */
int doorbell_create(struct vhca *vhca, const struct memory *memory, uint32_t port,
		    uint32_t *number);
int doorbell_destroy(struct vhca *vhca, uint32_t number, struct memory *memory,
		     uint32_t *port);

/* @port: the event channel to notify, bound in the poller's Xen port. */
int eq_create(struct vhca *vhca, uint32_t order, const struct memory *memory,
	      uint32_t port, uint32_t *number);
int eq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory, uint32_t *port);

/* Check all of @cmd that needs no memory, before memory is mapped for it. */
int mr_check(const struct vhca *vhca, const struct vib_cmd_reg_mr *cmd);
int mr_create(struct vhca *vhca, const struct vib_cmd_reg_mr *cmd,
	      const struct memory *memory, uint32_t *key);
/*
 * The same of one that is @wire at the HCA, whose key there is @key. -ENOSPC: a key that
 * cannot be an MR's here.
 */
int mr_create_wired(struct vhca *vhca, const struct vib_cmd_reg_mr *cmd,
		    const struct memory *memory, struct wire_mr *wire, uint32_t key);
/* What MR @key is at the HCA, or NULL. */
struct wire_mr *mr_wire(const struct vhca *vhca, uint32_t key);
/*
 * What @cmd makes of the MR is @want, to be mapped and passed to the second; with
 * VIB_REREG_TRANSLATION, @memory is for it and @old what it had, else @memory is
 * NULL and @old none. -EBUSY while a window is bound to it, as in mr_destroy().
 */
int mr_rereg_check(const struct vhca *vhca, const struct vib_cmd_rereg_mr *cmd,
		   struct vib_cmd_reg_mr *want);
int mr_rereg(struct vhca *vhca, uint32_t key, const struct vib_cmd_reg_mr *want,
	     const struct memory *memory, struct memory *old);
/*
 * The same of one that is @wire at the HCA from then on and has @new_key. -ENOSPC: that
 * cannot be an MR's here.
 */
int mr_rereg_wired(struct vhca *vhca, uint32_t key, const struct vib_cmd_reg_mr *want,
		   const struct memory *memory, struct wire_mr *wire, uint32_t new_key,
		   struct memory *old);
/* The memory of MR @key. */
struct memory mr_memory(const struct vhca *vhca, uint32_t key);
int mr_destroy(struct vhca *vhca, uint32_t key, struct memory *memory);

int mw_create(struct vhca *vhca, const struct vib_cmd_alloc_mw *cmd, uint32_t *key);
/* @key: any of its keys. */
int mw_destroy(struct vhca *vhca, uint32_t key);

/* A key of fast registration. -EEXIST: the one it is to have is another's, or no such. */
int fast_check(const struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd);
int fast_create(struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd, uint32_t *key);
/*
 * The same of one that was checked and is @wire at the HCA, whose key it has. -ENOSPC:
 * that cannot be one here.
 */
int fast_create_wired(struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd,
		      struct wire_mw *wire, uint32_t *key);
/* What it is at the HCA is to be ended, see wire_fast_take_ended(). */
int fast_destroy(struct vhca *vhca, uint32_t key);

int cq_check(const struct vhca *vhca, const struct vib_cmd_create_cq *cmd);
int cq_create(struct vhca *vhca, const struct vib_cmd_create_cq *cmd,
	      const struct memory *memory, uint32_t *number);
int cq_modify(struct vhca *vhca, const struct vib_cmd_modify_cq *cmd);
/* -EINVAL too for more entries that wait than the new queue has slots, or an overrun.
 * @old is what the CQ had; @index where it ends.
 */
int cq_resize_check(const struct vhca *vhca, const struct vib_cmd_resize_cq *cmd);
int cq_resize(struct vhca *vhca, const struct vib_cmd_resize_cq *cmd,
	      const struct memory *memory, struct memory *old, uint32_t *index);
int cq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory);

int srq_check(const struct vhca *vhca, const struct vib_cmd_create_srq *cmd);
/* -EEXIST: its bell is another's. */
int srq_create(struct vhca *vhca, const struct vib_cmd_create_srq *cmd,
	       const struct memory *memory, uint32_t *number);
/* The same of one that is @wire at the HCA. */
int srq_create_wired(struct vhca *vhca, const struct vib_cmd_create_srq *cmd,
		     const struct memory *memory, struct wire_srq *wire,
		     uint32_t *number);
/* What SRQ @number is at the HCA, or NULL. */
struct wire_srq *srq_wire(const struct vhca *vhca, uint32_t number);
int srq_modify(struct vhca *vhca, const struct vib_cmd_modify_srq *cmd);
int srq_query(struct vhca *vhca, uint32_t number, uint32_t *limit);
int srq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory);

int qp_check(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd);
/* @rq.at is NULL for a QP without a receive queue of its own; so with @sq. */
int qp_create(struct vhca *vhca, const struct vib_cmd_create_qp *cmd,
	      const struct memory *sq, const struct memory *rq, uint32_t *qpn);
/* The same of one that is @wire at the HCA, with its number. */
int qp_create_wired(struct vhca *vhca, const struct vib_cmd_create_qp *cmd,
		    const struct memory *sq, const struct memory *rq,
		    struct wire_qp *wire, uint32_t *qpn);
/* What QP @qpn of @vhca is at the HCA, or NULL. */
struct wire_qp *qp_wire(const struct vhca *vhca, uint32_t qpn);
/* The SRQ that it receives from, if the HCA has that; or NULL. */
struct srq *qp_wire_srq(const struct vhca *vhca, uint32_t qpn);
int qp_change(struct vhca *vhca, const struct vib_cmd_modify_qp *cmd);
/* Would qp_change() do it? Nothing is changed. */
int qp_change_check(struct vhca *vhca, const struct vib_cmd_modify_qp *cmd);
/*
 * The peer of @qpn, of RC or UC and about to go to RTR, is behind the wire: what its
 * guest posted for receiving is given to the HCA, whose QP is in INIT.
 */
void qp_begin_wire(struct vhca *vhca, uint32_t qpn);
/*
 * Do QP @qpn, of RC, and its peer @peer, which may be none, have to reach each other by
 * the HCA though both are here, as one of them receives from an SRQ that the HCA has?
 */
bool qp_loops(const struct vhca *vhca, uint32_t qpn, uint32_t peer);
/*
 * Is QP @qpn, of RC, whose peer @peer is here, to be connected with it by the HCA as
 * well, since one of them lets the other execute atomics, or the peer, in RESET, has not
 * said yet whether it does? @access: its own rights to be.
 */
bool qp_wants_loop(const struct vhca *vhca, uint32_t qpn, uint32_t peer, uint32_t access);
/* The HCA has connected them. */
void qp_begin_loop(struct vhca *vhca, uint32_t qpn);
/* One of UD may receive from the wire, and send there. */
void qp_begin_datagrams(struct vhca *vhca, uint32_t qpn);
/* The HCA was told that it has failed, if it is there still. */
void qp_error_is_told(struct vhca *vhca, uint32_t qpn);
/* It is not after all. false: the HCA has receives that cannot be taken back. */
bool qp_end_wire(struct vhca *vhca, uint32_t qpn);
/* The HCA was told that it is somebody who its vport is not any more. */
void qp_lose_identity(struct vhca *vhca, uint32_t qpn);
int qp_query(struct vhca *vhca, uint32_t qpn, struct vib_qp_attr *attr);
int qp_destroy(struct vhca *vhca, uint32_t qpn, struct memory *sq, struct memory *rq);
/* @rule is what the SA says of the group and the vHCA's port. */
int qp_attach_mcast(struct vhca *vhca, const struct vib_cmd_mcast *cmd,
		    const struct mcast_rule *rule);
int qp_detach_mcast(struct vhca *vhca, const struct vib_cmd_mcast *cmd);

/*
 * The guest is gone: destroy everything it has, and give each piece of memory
 * to @unmap, each event channel to @unbind.
 */
void vhca_clear(struct vhca *vhca, void (*unmap)(void *arg, const struct memory *memory),
		void (*unbind)(void *arg, uint32_t port), void *arg);

#endif
