/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast registration in the rig of the wire: a guest's kernel that has lent memory and has
 * a key, and the machine behind the wire, which reaches the memory by it.
 */
#ifndef XEN_IB_TESTS_WIRE_FAST_RIG_H
#define XEN_IB_TESTS_WIRE_FAST_RIG_H

#include "control/fabric.h"
#include "wire_rig.h"

#define PAGE       VIB_PAGE_SIZE
#define POOL_BASE  (1ull << 60)
#define POOL_PAGES 6
#define MAX_SHOWN  4
/* As NFS has it: its own number in the upper half. */
#define OWN_IOVA   (0x12345678ull << 32)

struct pair {
	struct its_qp q; /* its kernel's */
	struct native n;
	uint32_t region, key;
	uint32_t serial;
};

/* Page 0 of what is lent has the list. */
struct vib_page_list *list_of(const struct pair *x);
uint8_t *pool_at(const struct pair *x, uint32_t page);
uint64_t pool_addr(uint32_t page);

/* Commands: the number of the region, the answer, or the status. */
uint32_t lend(struct peer *p);
struct vib_control_response alloc_mr(const struct its_qp *q, uint32_t key);
int dereg(const struct pair *x);
int take_back(const struct pair *x); /* what is lent */
int destroy_qp(const struct its_qp *q);

/* Connect @q and the machine. */
void join_native(struct pair *x, struct its_qp *q);
/* With all of them: a QP of the guest's kernel, what is lent, a key. */
void open_pair_of(struct world *w, struct pair *x, enum vib_qp_type type);
/* The same of RC. */
void open_pair(struct world *w, struct pair *x);
/* A page of the pool at its own address. */
void open_shown(struct world *w, struct pair *x);

/* A request of the machine, with 64 bytes of its memory. */
void native_do(struct world *w, struct pair *x, struct ibv_send_wr wr,
	       enum ibv_wc_status status);
/* 64 bytes of the machine's memory to @addr. */
void native_write(struct world *w, struct pair *x, uint64_t addr, uint32_t key,
		  enum ibv_wc_status status);

struct vib_send_wqe local_inv(uint64_t id, uint32_t key);
/* REG_MR of @length bytes at @iova in pages @first and on, under the key's next value. */
struct vib_send_wqe reg(struct pair *x, uint64_t id, uint64_t iova, uint32_t first,
			uint32_t length);
/* Its completion is not wanted. */
struct vib_send_wqe quiet(struct vib_send_wqe wqe);
/* Execute it; it succeeds. */
void show(struct world *w, struct pair *x, uint64_t iova, uint32_t first,
	  uint32_t length);
void hide(struct world *w, struct pair *x);
void assert_refused(struct world *w, struct its_qp *q, struct vib_send_wqe wqe);

/* The HCA has refused a post of @q, and says nothing of those before it for so long that
 * they are taken to have failed. */
void end_silence(struct world *w, struct its_qp *q);

/* The HCA has windows for it; and is of @vendor, and the fabric has that frwr=. */
int set_up_windows(void **state);
int set_up_with_windows(void **state, uint32_t vendor, enum fabric_frwr frwr);

#define fast_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up_windows, wire_tear_down)

#endif
