/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole control thread and the engine with two guests at an HCA (fake_verbs.h), and
 * a machine behind it that has never heard of this project: plain libibverbs.
 */
#ifndef XEN_IB_TESTS_WIRE_RIG_H
#define XEN_IB_TESTS_WIRE_RIG_H

#include "two_guests.h"

#include "fake_verbs.h"
#include "wire/port.h"

/* Pages of a guest of the rig. */
enum {
	CQ_PAGE = 20,
	SQ_PAGE,
	RQ_PAGE,
	MEMORY,
	CQ_PAGE_2,
	SQ_PAGE_2,
	RQ_PAGE_2,
	DEEP_PAGE = 40
};

#define QUEUE_ORDER 3
#define DEPTH       (1u << QUEUE_ORDER)
#define SGES        2
#define INLINE      256
#define IOVA        0x7f0000010000ull

/* An SRQ of a guest, of the PD, the doorbell page and the memory of a QP. */
struct its_srq {
	struct peer *p;
	uint32_t number, key, bell;
	struct vib_queue queue;
};

/* A guest's QP with all it needs. */
struct its_qp {
	struct peer *p;
	uint32_t pd, doorbell, cqn, qpn, key;
	enum vib_qp_type type;
	struct vib_queue cq, sq, rq;
	uint8_t *memory; /* a page, registered at IOVA with all rights, under key */
};

/* The machine behind the wire. */
struct native {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	uint8_t memory[4096 + 4096];
};

extern struct wire_port *wire_rig_port;
/* Calls of its events. */
extern unsigned int wire_rig_changed, wire_rig_gone, wire_rig_left;

/* Places of the next HCA's queues; 0: many. */
extern int wire_rig_max_wr;
/* Of the next HCA's fabric, MiB; 0: the default. */
extern uint32_t wire_rig_max_hca_mem;
/* The next HCA has atomics. */
extern bool wire_rig_atomics;
/* The next HCA has windows for fast registration. */
extern bool wire_rig_windows;
/* Of the next HCA, and what the fabric is configured to do about it. */
extern uint32_t wire_rig_vendor;
extern unsigned int wire_rig_frwr; /* enum fabric_frwr */
/* More rights of peers, of QPs and MRs of the rig. */
extern uint32_t wire_rig_access;
/* The next HCA's kernel pins all memory for writing. */
extern bool wire_rig_pins_for_writing;
/* Of the receive queue of the next QPs, which has pages from DEEP_PAGE on. */
extern uint32_t wire_rig_rq_order;
/* enum vib_qp_flags of the next QPs. */
extern uint16_t wire_rig_flags;
/* The PD of the next QP; 0: one of its own. */
extern uint32_t wire_rig_pd;
int wire_set_up(void **state);
int wire_tear_down(void **state);
#define wire_test(name) cmocka_unit_test_setup_teardown(name, wire_set_up, wire_tear_down)

/* Everything there is to do: jobs, passes, the HCA's work. */
void wire_run(struct world *w);
/* Passes and jobs, without the HCA's. */
void wire_run_without_hca(struct world *w);

struct vib_control_request its_request(uint8_t operation);
/* An SRQ beside @with, in @page; its bell is that place, too. */
struct its_srq its_srq_new(struct its_qp *with, uint32_t page);
void its_srq_recv(struct its_srq *s, uint64_t id, uint32_t offset, uint32_t length);
/* QPs that are made next receive from it; VIB_NO_OBJECT: none. */
extern uint32_t wire_rig_srq;

/* A QP of @type in RESET, its queues from page @pages on: CQ_PAGE or CQ_PAGE_2. */
struct its_qp its_qp_new(struct peer *p, enum vib_qp_type type, uint32_t pages);
void its_gid(const struct peer *p, uint8_t raw[16]);
extern const uint8_t native_gid[16];

/* MODIFY_QP towards QP @qpn at GID @raw. */
struct vib_control_request its_change(const struct its_qp *q, enum vib_qp_state to,
				      const uint8_t raw[16], uint32_t qpn);
/* The same, and executed; the status. */
int its_modify(struct its_qp *q, enum vib_qp_state to, const uint8_t raw[16],
	       uint32_t qpn);
/* To RTS; asserts that it can. */
void its_connect(struct its_qp *q, const uint8_t raw[16], uint32_t qpn);
/* As its guest is told. */
struct vib_qp_attr its_attr(struct its_qp *q);
uint8_t its_state(struct its_qp *q);

void native_open(struct native *n, enum ibv_qp_type type);
void native_connect(struct native *n, uint32_t qpn, const uint8_t raw[16]);
void native_close(struct native *n);
void native_recv(struct native *n, uint64_t id, uint32_t offset, uint32_t length);
/* The next completion; asserts that there is one, of @id with @status. */
struct ibv_wc native_take(struct native *n, uint64_t id, enum ibv_wc_status status);
bool native_poll(struct native *n, struct ibv_wc *wc);

/* Post @wqe with an SGE of @length bytes at @offset of its memory. */
void its_send(struct its_qp *q, struct vib_send_wqe wqe, uint32_t offset,
	      uint32_t length);
/* The same with that key. */
void its_send_key(struct its_qp *q, struct vib_send_wqe wqe, uint32_t offset,
		  uint32_t length, uint32_t key);
/* The same of @sge; and with none. */
void its_send_sge(struct its_qp *q, struct vib_send_wqe wqe, struct vib_sge sge);
void its_post(struct its_qp *q, struct vib_send_wqe wqe);
void its_send_inline(struct its_qp *q, struct vib_send_wqe wqe, const void *data,
		     uint32_t length);
void its_recv_sge(struct its_qp *q, uint64_t id, struct vib_sge sge);
void its_recv(struct its_qp *q, uint64_t id, uint32_t offset, uint32_t length);
bool its_poll(struct its_qp *q, struct vib_cqe *cqe);
struct vib_cqe its_take(struct its_qp *q, uint64_t id, uint8_t status);
#define its_nothing(q)                            \
	do {                                      \
		struct vib_cqe cqe_;              \
		assert_false(its_poll(q, &cqe_)); \
	} while (0)

#endif
