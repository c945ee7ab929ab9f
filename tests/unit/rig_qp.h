/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QPs of the rig: making, connecting, and the producer's side of their queues. */
#ifndef XEN_IB_TESTS_RIG_QP_H
#define XEN_IB_TESTS_RIG_QP_H

#include "rig.h"

/* What a QP is made with; zero: 16 slots, 4 SGEs, 64 bytes inline. */
struct plan {
	enum vib_qp_type type;
	uint32_t order;
	uint32_t sges;
	uint32_t inline_bytes;
	uint32_t more_stride; /* bytes more than needed */
	uint8_t flags;
	bool no_sq, no_rq;
	const struct psrq *srq;
	uint32_t xrcd;
};

struct pqp {
	struct guest *guest;
	uint32_t qpn;
	enum vib_qp_type type;
	struct ccq *scq, *rcq;
	struct vib_queue sq, rq;
	uint16_t bell;
	struct vib_qp_attr attr; /* what it is to be brought to RTS with */
};

/* The command @plan asks for; with pages for the queues it has. */
struct vib_cmd_create_qp qp_command(struct guest *g, const struct plan *plan,
				    const struct ccq *scq, const struct ccq *rcq);
struct pqp pqp_new(struct guest *g, const struct plan *plan, struct ccq *scq,
		   struct ccq *rcq);
void pqp_end(struct pqp *qp);

/* Name @peer as the peer of @qp, with or without GRH. */
void pqp_aim(struct pqp *qp, const struct pqp *peer, bool grh);
/* Go from RESET to @state with qp->attr. */
void pqp_bring(struct pqp *qp, enum vib_qp_state state);
/* Go to @state with the attributes of @mask in qp->attr; the answer. */
int pqp_modify(struct pqp *qp, enum vib_qp_state state, uint32_t mask);
enum vib_qp_state pqp_state(const struct pqp *qp);
/* As a frontend does it: modify, then zero the queues. */
void pqp_reset(struct pqp *qp);
/* The engine's own. */
struct qp *pqp_inner(const struct pqp *qp);

/* A send request, as a consumer thinks of it. */
struct wr {
	uint64_t id;
	uint8_t opcode;
	uint8_t flags;
	uint32_t count; /* SGEs; 0 with VIB_SEND_INLINE */
	struct vib_sge sge[MAX_SGE + 8];
	const void *data; /* inline, or the header of LSO */
	uint32_t inline_len;
	uint16_t mss;
	uint32_t imm;
	uint64_t addr;
	uint32_t rkey;
	uint64_t compare_add, swap;
	struct bind {
		uint32_t mw, rkey, lkey, access;
		uint64_t addr, length;
	} bind;
	struct reg {
		uint64_t iova, list;
		uint32_t length, key, access, serial;
	} reg;
	uint32_t srqn;      /* XRC */
	uint32_t qpn, qkey; /* UD, SMI, GSI */
	struct vib_av av;
	uint16_t pkey_index;
};

/* Both ring if the queue wants it, and return whether they did. */
bool post_send(struct pqp *qp, const struct wr *wr);
bool post_recv(struct pqp *qp, uint64_t id, const struct vib_sge *sges, uint32_t count);
void ring(const struct pqp *qp);

/* Two guests with a QP each, connected if @type is. */
struct duo {
	struct rig *rig;
	struct guest *ga, *gb;
	struct ccq cqa, cqb;
	struct pqp a, b;
	struct region ra, rb; /* of DUO_BYTES */
};

#define DUO_BYTES 65536

struct duo *duo_new(enum vib_qp_type type);
/* Not connected yet, so that d->a.attr and d->b.attr can be changed. */
struct duo *duo_apart(enum vib_qp_type type);
/* Name each the peer of the other; for one that was made anew. */
void duo_aim(struct duo *d);
void duo_connect(struct duo *d);
void duo_free(struct duo *d);

/* A signaled request of @opcode for the first @length bytes of ra, to those of rb. */
struct wr duo_wr(const struct duo *d, uint64_t id, uint8_t opcode, uint32_t length);
/* b posts a receive for the first @length bytes of rb. */
void duo_recv(struct duo *d, uint64_t id, uint32_t length);

#endif
