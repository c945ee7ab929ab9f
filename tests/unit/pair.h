/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two vibs at one ibback, each with memory, a CQ and a QP, for tests and
 * benchmarks. What goes wrong in making them fails the test.
 */
#ifndef XEN_IB_TESTS_PAIR_H
#define XEN_IB_TESTS_PAIR_H

#include "daemon.h"
#include "libvib/bringup.h"
#include "libvib/datapath.h"
#include "libvib/memory.h"

/* cmocka's group fixtures: one ibback for all tests of a program. */
extern struct daemon ibback;
int ibback_start(void **state);
int ibback_stop(void **state);

#define PAIR_ENTRIES 16 /* of each queue */
#define PAIR_SGES    4
#define PAIR_INLINE  64

/* One side. Members are the test's to replace; what is NULL is not destroyed. */
struct side {
	struct libvib *lv;
	struct libvib_context *context;
	struct libvib_pd *pd;
	struct libvib_eq *eq;
	struct libvib_cq *cq; /* of both work queues, and of eq */
	struct libvib_srq *srq;
	struct libvib_qp *qp;
	struct libvib_mr *mr; /* of all the memory, with all rights */
	uint8_t *memory;
	size_t bytes;
	struct libvib_end end;
};

/* Open a vib at @socket with everything but SRQ and QP, and @bytes of memory. */
void side_open(struct side *s, const char *socket, size_t bytes);
/* The same with the vib string @config. */
void side_open_as(struct side *s, const char *socket, const char *config, size_t bytes);
/* Destroy all there is, in order, and close. */
void side_close(struct side *s);

/* What its QP is made with: on its SRQ if it has one, for a program or the kernel. */
struct libvib_qp_init side_qp_init(const struct side *s, enum vib_qp_type type,
				   bool kernel);

/* Make its QP so, for a program. */
void side_make_qp(struct side *s, enum vib_qp_type type);

/* The same for the kernel. */
void side_make_kernel_qp(struct side *s, enum vib_qp_type type);

/* Q_Key of QP1. */
#define QKEY_OF_GSI 0x80010000u

/* Make the kernel's QP1, ready to send. */
void side_make_gsi(struct side *s);

/* Two sides at ibback, with @bytes of memory each, and their vib strings. */
struct pair {
	struct side *a, *b;
	size_t bytes;
	const char *config_a, *config_b;
};

/* Open both with everything but SRQ and QP; destroy and close both. */
void pair_open(const struct pair *p);
void pair_close(const struct pair *p);

/* cmocka's fixtures of a test with such a pair, which is its state. */
int pair_set_up(void **state);
int pair_tear_down(void **state);
#define pair_test(name, pair)                                                       \
	cmocka_unit_test_prestate_setup_teardown(name, pair_set_up, pair_tear_down, \
						 (void *)(pair))

/* Make QPs of RC or UC on both, and connect them. */
void pair_connect(struct side *a, struct side *b, enum vib_qp_type type);

/* Post a receive of @length bytes at @offset of its memory. */
void side_recv(struct side *s, uint64_t wr_id, size_t offset, uint32_t length);

/* Post @wqe with one element, @length bytes at @offset of its memory. */
void side_send(struct side *s, const struct vib_send_wqe *wqe, size_t offset,
	       uint32_t length);

/* Wait for one completion. */
struct vib_cqe side_complete(struct side *s);

/* Wait for one, which is that of @wr_id and succeeded. */
struct vib_cqe side_done(struct side *s, uint64_t wr_id);

#endif
