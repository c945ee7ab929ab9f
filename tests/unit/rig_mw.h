/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory windows of the rig: b's, that a reaches through. */
#ifndef XEN_IB_TESTS_RIG_MW_H
#define XEN_IB_TESTS_RIG_MW_H

#include <errno.h>

#include "outcome.h"

#define REMOTE_ALL \
	(VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC)

static const enum vib_mw_type mw_types[] = { VIB_MW_TYPE_1, VIB_MW_TYPE_2 };

static inline uint32_t window_new(struct guest *g, enum vib_mw_type type)
{
	const struct vib_cmd_alloc_mw cmd = { g->pd, type };
	uint32_t key;

	assert_int_equal(mw_create(g->vhca, &cmd, &key), 0);
	return key;
}

/* A duo whose b has a region that windows may be bound to, and a window. */
struct shown {
	struct duo *d;
	struct region r; /* of DUO_BYTES, without remote rights */
	uint32_t key;    /* of the window, as it is */
};

static inline struct shown shown_new(enum vib_qp_type qp, enum vib_mw_type type)
{
	struct shown s = { .d = duo_new(qp) };

	s.r = region_at(s.d->gb, 0x7f0000000118, DUO_BYTES,
			LOCAL_ONLY | VIB_ACCESS_MW_BIND);
	s.key = window_new(s.d->gb, type);
	return s;
}

/* Bytes @from to @from + @length of the region, under the window's next key. */
static inline struct wr bind_wr(const struct shown *s, uint64_t id, uint64_t from,
				uint64_t length, uint32_t access)
{
	return (struct wr){
		.id = id,
		.opcode = VIB_OP_BIND_MW,
		.flags = VIB_SEND_SIGNALED,
		.bind = { .mw = s->key,
			  .rkey = (s->key & ~0xffu) | ((s->key + 1) & 0xff),
			  .lkey = s->r.key,
			  .access = access,
			  .addr = s->r.iova + from,
			  .length = length },
	};
}

static inline struct wr inv_wr(uint64_t id, uint32_t key)
{
	return (struct wr){ .id = id,
			    .opcode = VIB_OP_LOCAL_INV,
			    .flags = VIB_SEND_SIGNALED,
			    .imm = key };
}

/* b executes @wr, which succeeds. */
static inline struct vib_cqe window_do(struct shown *s, const struct wr *wr)
{
	post_send(&s->d->b, wr);
	rig_run(s->d->rig);
	return take_cqe(&s->d->cqb, wr->id, VIB_WC_SUCCESS);
}

static inline void window_bind(struct shown *s, uint64_t from, uint64_t length,
			       uint32_t access)
{
	struct wr wr = bind_wr(s, 800, from, length, access);

	window_do(s, &wr);
	s->key = wr.bind.rkey;
}

/* a's request of @opcode for @length bytes at @addr under @key. */
static inline struct wr reach_wr(const struct shown *s, uint8_t opcode, uint32_t key,
				 uint64_t addr, uint32_t length)
{
	struct wr wr = duo_wr(s->d, 1, opcode, length);

	wr.rkey = key;
	wr.addr = addr;
	return wr;
}

/* It succeeds. */
static inline void assert_reached(struct shown *s, uint8_t opcode, uint32_t key,
				  uint64_t addr, uint32_t length)
{
	struct wr wr = reach_wr(s, opcode, key, addr, length);

	post_send(&s->d->a, &wr);
	rig_run(s->d->rig);
	take_cqe(&s->d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&s->d->cqa);
}

/* It is denied, and both QPs fail. */
static inline void assert_denied(struct shown *s, uint8_t opcode, uint32_t key,
				 uint64_t addr, uint32_t length)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };
	struct wr wr = reach_wr(s, opcode, key, addr, length);

	duo_recv(s->d, 11, 100);
	assert_rc_outcome(s->d, &wr, &o);
}

#endif
