/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receives: taking them from a QP's or a shared queue, and completing them. */
#ifndef XEN_IB_IBBACK_RECEIVE_H
#define XEN_IB_IBBACK_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/queue.h>

#include "device_limits.h"

struct poller;
struct qp;
struct sg;

/* A private copy of a receive request. */
struct receive {
	uint64_t wr_id;
	uint32_t index;
	uint32_t num_sge;
	uint32_t srqn;  /* of the SRQ it was taken from, if it was one */
	bool malformed; /* more SGEs than its queue allows */
	struct vib_sge sge[MAX_SGE];
};

/*
 * Take the next receive of @qp, from its own queue or its SRQ. false if there
 * is none. The QP is locked.
 */
bool receive_take(struct qp *qp, struct receive *r);

/* Where the data of @r, a receive of @qp, go. -1 if it names what it must not. */
int receive_resolve(struct qp *qp, const struct receive *r, struct sg *sg);

/* What a receive completes with besides what the request says. */
struct received {
	uint8_t status;
	uint8_t opcode;
	uint8_t flags; /* enum vib_cqe_flags besides RECV */
	bool solicited;
	__be32 imm;
	uint32_t byte_len;
	uint32_t src_qpn;
	uint16_t slid;
	uint16_t pkey_index;
	uint8_t sl;
};

/* Complete @r of @qp, which is locked. A CQ that overruns fails the QP. */
void receive_complete(struct poller *poller, struct qp *qp, const struct receive *r,
		      const struct received *how);

/* Complete up to @most receives as flushed: the one a message holds, and those
 * that wait in @qp's own queue. Returns how many there were. The QP is locked.
 */
unsigned int receive_flush(struct poller *poller, struct qp *qp, unsigned int most);

#endif
