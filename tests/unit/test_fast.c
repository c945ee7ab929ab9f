// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration: what a key shows, to peers and to its own guest. */
#include <errno.h>
#include <stdlib.h>

#include "engine/granted.h"
#include "rig_fast.h"

/* ---- bytes ------------------------------------------------------------- */

static void peers_write_and_read_what_it_shows(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	(void)state;
	fast_show_row(&f, 4, 1000, 3 * PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 3 * PAGE);
	assert_memory_equal(pool_at(&f, 0) + 1000, f.d->ra.at, 3 * PAGE);
	assert_true(is_all(pool_at(&f, 0), 1000, 0));
	assert_true(is_all(pool_at(&f, 0) + 1000 + 3 * PAGE, PAGE, 0));

	fill(pool_at(&f, 0), 4 * PAGE, 9);
	assert_fast_reached(&f, VIB_OP_RDMA_READ, 17, 2 * PAGE);
	assert_memory_equal(f.d->ra.at, pool_at(&f, 0) + 1017, 2 * PAGE);
	fast_rig_free(&f);
}

/* Pages of two regions, in no order. What the list has of each. */
struct scattered {
	struct fast_rig f;
	struct dma_memory other;
	uint64_t pages[8];
	uint8_t *at[8];
};

static struct scattered scattered_new(enum vib_qp_type type)
{
	static const uint32_t order[8] = { 5, 3, 4, 100, 101, 9, 7, 8 };
	struct scattered s = { .f = fast_rig_new(type) };

	/* Behind the pool, so that its first page follows the pool's last. */
	s.other = dma_new(s.f.d->gb, POOL_BASE + POOL_PAGES * (uint64_t)PAGE, 4);
	for (uint32_t i = 0; i < 8; i++) {
		s.at[i] = order[i] < 100 ? pool_at(&s.f, order[i])
					 : s.other.at + (order[i] - 100) * PAGE;
		s.pages[i] = order[i] < 100 ? pool_page(order[i])
					    : s.other.addr + (order[i] - 100) * PAGE;
	}
	return s;
}

static uint8_t byte_of(const struct scattered *s, uint32_t offset, uint64_t i)
{
	return s->at[(offset + i) / PAGE][(offset + i) % PAGE];
}

static bool is_there(const struct scattered *s, uint32_t offset, const uint8_t *want,
		     uint64_t length)
{
	for (uint64_t i = 0; i < length; i++)
		if (byte_of(s, offset, i) != want[i])
			return false;
	return true;
}

static void pages_may_be_anywhere(void **state)
{
	(void)state;
	for (uint32_t offset = 0; offset < PAGE; offset += 1023) {
		struct scattered s = scattered_new(VIB_QPT_RC);
		struct wr wr = reg_wr(&s.f, s.pages, 8, offset, 7 * PAGE + 1);

		fast_show(&s.f, &wr);
		assert_fast_reached(&s.f, VIB_OP_RDMA_WRITE, 0, 7 * PAGE + 1);
		assert_true(is_there(&s, offset, s.f.d->ra.at, 7 * PAGE + 1));
		for (uint32_t i = 0; i < 8; i++)
			fill(s.at[i], PAGE, i);
		assert_fast_reached(&s.f, VIB_OP_RDMA_READ, 4090, 5 * PAGE);
		assert_true(is_there(&s, offset + 4090, s.f.d->ra.at, 5 * PAGE));
		fast_rig_free(&s.f);
	}
}

/* A row that goes over the border of two regions is none of one region. */
static void row_may_cross_regions(void **state)
{
	struct scattered s = scattered_new(VIB_QPT_RC);
	const uint32_t last = POOL_PAGES - FIRST_PAGE - 1;
	const uint64_t pages[3] = { pool_page(last - 1), pool_page(last), s.other.addr };
	struct wr wr = reg_wr(&s.f, pages, 3, 8, 2 * PAGE + 100);

	(void)state;
	fast_show(&s.f, &wr);
	assert_fast_reached(&s.f, VIB_OP_RDMA_WRITE, 0, 2 * PAGE + 100);
	assert_memory_equal(pool_at(&s.f, last - 1) + 8, s.f.d->ra.at, 2 * PAGE - 8);
	assert_memory_equal(s.other.at, s.f.d->ra.at + 2 * PAGE - 8, 108);
	fast_rig_free(&s.f);
}

/* iSER sends what it has registered by the lkey. */
static void own_requests_have_it_for_an_lkey(void **state)
{
	struct scattered s = scattered_new(VIB_QPT_RC);
	struct wr wr = reg_wr(&s.f, s.pages, 8, 100, 6 * PAGE);
	struct vib_sge to[3], from;

	(void)state;
	fast_show(&s.f, &wr);
	from = (struct vib_sge){ s.f.last.iova + 50, 5 * PAGE, s.f.key };
	for (uint32_t i = 0; i < 8; i++)
		fill(s.at[i], PAGE, i + 7);
	wr = (struct wr){ .id = 3,
			  .opcode = VIB_OP_SEND,
			  .flags = VIB_SEND_SIGNALED,
			  .count = 1,
			  .sge = { from } };
	to[0] = sge_of(&s.f.d->ra, 0, 5 * PAGE);
	post_recv(&s.f.d->a, 21, to, 1);
	assert_int_equal(fast_do(&s.f, &wr, VIB_WC_SUCCESS).opcode, VIB_OP_SEND);
	take_cqe(&s.f.d->cqa, 21, VIB_WC_SUCCESS);
	assert_true(is_there(&s, 150, s.f.d->ra.at, 5 * PAGE));

	/* And receives, beside others. */
	fill(s.f.d->ra.at, DUO_BYTES, 3);
	to[0] = sge_of(&s.f.d->rb, 0, 64);
	to[1] = (struct vib_sge){ s.f.last.iova, 4 * PAGE, s.f.key };
	to[2] = sge_of(&s.f.d->rb, 64, 64);
	post_recv(&s.f.d->b, 11, to, 3);
	wr = duo_wr(s.f.d, 1, VIB_OP_SEND, 4 * PAGE + 128);
	post_send(&s.f.d->a, &wr);
	rig_run(s.f.d->rig);
	take_cqe(&s.f.d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&s.f.d->cqb, 11, VIB_WC_SUCCESS);
	assert_memory_equal(s.f.d->rb.at, s.f.d->ra.at, 64);
	assert_true(is_there(&s, 100, s.f.d->ra.at + 64, 4 * PAGE));
	assert_memory_equal(s.f.d->rb.at + 64, s.f.d->ra.at + 64 + 4 * PAGE, 64);
	fast_rig_free(&s.f);
}

static void datagrams_are_sent_and_received_by_it(void **state)
{
	const struct plan rc = { .type = VIB_QPT_RC, .flags = VIB_QPF_KERNEL };
	struct scattered s = scattered_new(VIB_QPT_UD);
	struct duo *d = s.f.d;
	struct pqp third = pqp_new(d->gb, &rc, &d->cqb, &d->cqb);
	struct wr wr = reg_wr(&s.f, s.pages, 8, PAGE - 20, 3 * PAGE);
	struct vib_sge to;

	(void)state;
	/* REG_MR is RC's and UC's. */
	pqp_aim(&third, &d->a, true);
	pqp_bring(&third, VIB_QPS_RTS);
	post_send(&third, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 900, VIB_WC_SUCCESS);
	s.f.key = wr.reg.key;
	to = (struct vib_sge){ wr.reg.iova, 2000, s.f.key };
	post_recv(&d->b, 11, &to, 1);
	wr = duo_wr(d, 1, VIB_OP_SEND, 1900);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).byte_len, 1940);
	assert_true(is_there(&s, PAGE - 20 + 40, d->ra.at, 1900));

	to = sge_of(&d->ra, 4000, 2000);
	post_recv(&d->a, 21, &to, 1);
	wr = (struct wr){ .id = 3,
			  .opcode = VIB_OP_SEND,
			  .flags = VIB_SEND_SIGNALED,
			  .count = 1,
			  .sge = { { IOVA + PAGE - 20, 1500, s.f.key } },
			  .qpn = d->a.qpn,
			  .qkey = d->a.attr.qkey,
			  .av = d->b.attr.av };
	post_send(&d->b, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 3, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 21, VIB_WC_SUCCESS);
	assert_true(is_there(&s, PAGE - 20, d->ra.at + 4040, 1500));
	fast_rig_free(&s.f);
}

static void unreliable_peers_write_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_UC);

	(void)state;
	fast_show_row(&f, 2, 0, 2 * PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 5, PAGE);
	assert_memory_equal(pool_at(&f, 0) + 5, f.d->ra.at, PAGE);
	/* Nobody notices what is denied. */
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, PAGE + 1, PAGE);
	assert_true(is_all(pool_at(&f, 1) + 5, PAGE - 5, 0));
	fast_rig_free(&f);
}

static void atomics_are_executed_on_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t pages[2] = { pool_page(7), pool_page(2) };
	struct wr wr = reg_wr(&f, pages, 2, 16, PAGE);
	uint64_t before = 41;

	(void)state;
	wr.reg.access |= VIB_ACCESS_REMOTE_ATOMIC;
	fast_show(&f, &wr);
	memcpy(pool_at(&f, 2), &before, 8);
	wr = fast_wr(&f, VIB_OP_FETCH_ADD, PAGE - 16, 8);
	wr.compare_add = 1;
	post_send(&f.d->a, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqa, 1, VIB_WC_SUCCESS);
	assert_memory_equal(f.d->ra.at, &before, 8);
	before++;
	assert_memory_equal(pool_at(&f, 2), &before, 8);
	fast_rig_free(&f);
}

/* ---- granted pages ----------------------------------------------------- */

static uint8_t granted[RIG_GRANTS][PAGE];

static void grant(struct fast_rig *f, uint32_t ref, bool read_only)
{
	f->d->rig->bells.grants[ref] = (struct rig_grant){ granted[ref], read_only };
	memset(granted[ref], 0, PAGE);
}

static uint64_t granted_page(uint32_t ref)
{
	return VIB_GRANTED_BASE + ref * (uint64_t)PAGE;
}

static void it_shows_pages_that_are_granted(void **state)
{
	(void)state;
	for (int in_row = 0; in_row < 2; in_row++) {
		const uint32_t refs[3] = { 4, in_row ? 5 : 9, 6 };
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		uint64_t pages[3];
		uint8_t want[3 * PAGE];
		struct wr wr;

		for (int i = 0; i < 3; i++) {
			grant(&f, refs[i], false);
			pages[i] = granted_page(refs[i]);
		}
		wr = reg_wr(&f, pages, 3, 10, 2 * PAGE);
		fast_show(&f, &wr);
		assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 2 * PAGE);
		for (int i = 0; i < 3; i++)
			memcpy(want + i * PAGE, granted[refs[i]], PAGE);
		assert_memory_equal(want + 10, f.d->ra.at, 2 * PAGE);
		memset(f.d->ra.at, 0, 2 * PAGE);
		assert_fast_reached(&f, VIB_OP_RDMA_READ, 0, 2 * PAGE);
		assert_memory_equal(want + 10, f.d->ra.at, 2 * PAGE);
		fast_rig_free(&f);
	}
}

/* It was unmapped: the peer is denied, and nobody's own request is to blame. */
static void grant_that_ended_denies_the_peer(void **state)
{
	static const uint8_t ops[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_READ };

	(void)state;
	for (int in_row = 0; in_row < 2; in_row++)
		for (int o = 0; o < 2; o++) {
			struct fast_rig f = fast_rig_new(VIB_QPT_RC);
			const uint64_t pages[2] = { granted_page(7),
						    granted_page(in_row ? 8 : 20) };
			struct wr wr = reg_wr(&f, pages, 2, 0, 2 * PAGE);

			grant(&f, 7, false);
			fast_show(&f, &wr);
			wr = fast_wr(&f, ops[o], 100, 2 * PAGE - 100);
			assert_fast_denied(&f, &wr);
			fast_rig_free(&f);
		}
}

static void no_processor_reaches_what_is_granted(void **state)
{
	static const uint8_t ops[] = { VIB_OP_FETCH_ADD, VIB_OP_CMP_SWAP,
				       VIB_OP_ATOMIC_WRITE };

	(void)state;
	for (int o = 0; o < 3; o++) {
		const struct outcome denied = { VIB_WC_REM_INV_REQ_ERR,
						VIB_WC_WR_FLUSH_ERR, VIB_ASYNC_QP_REQ_ERR,
						true };
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		const uint64_t page = granted_page(7);
		struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

		grant(&f, 7, false);
		wr.reg.access |= VIB_ACCESS_REMOTE_ATOMIC;
		fast_show(&f, &wr);
		duo_recv(f.d, 11, 100);
		wr = fast_wr(&f, ops[o], 0, 8);
		assert_rc_outcome(f.d, &wr, &denied);
		fast_rig_free(&f);
	}
}

/* ---- bounds and rights ------------------------------------------------- */

static void no_byte_outside_is_reached(void **state)
{
	static const uint8_t ops[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_READ,
				       VIB_OP_RDMA_WRITE_IMM };
	static const struct {
		int64_t from;
		uint32_t length;
	} wrong[] = { { -1, 1 },          { -1, 8 },    { 5000, 1 },       { 4999, 2 },
		      { 0, 5001 },        { 1, 5000 },  { INT64_MAX, 1 },  { -4096, 1 },
		      { 1ll << 32, 100 }, { -1, 5001 }, { INT64_MIN, 100 } };

	(void)state;
	for (size_t o = 0; o < sizeof(ops); o++)
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			struct fast_rig f = fast_rig_new(VIB_QPT_RC);
			struct wr wr;

			fast_show_row(&f, 3, 300, 5000);
			wr = fast_wr(&f, ops[o], (uint64_t)wrong[i].from,
				     wrong[i].length);
			assert_fast_denied(&f, &wr);
			assert_true(is_all(pool_at(&f, 0), 3 * PAGE, 0));
			fast_rig_free(&f);
		}
}

static void what_it_shows_is_reached_to_the_last_byte(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	(void)state;
	fast_show_row(&f, 3, 300, 5000);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 5000);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 4999, 1);
	assert_fast_reached(&f, VIB_OP_RDMA_READ, 0, 1);
	fast_rig_free(&f);
}

static void rights_are_the_registration_s(void **state)
{
	static const struct {
		uint32_t access;
		uint8_t op;
	} wrong[] = {
		{ VIB_ACCESS_REMOTE_READ, VIB_OP_RDMA_WRITE },
		{ SHOW_ALL & ~(uint32_t)VIB_ACCESS_REMOTE_READ, VIB_OP_RDMA_READ },
		{ VIB_ACCESS_LOCAL_WRITE, VIB_OP_RDMA_WRITE },
		{ 0, VIB_OP_RDMA_READ },
		{ SHOW_ALL, VIB_OP_FETCH_ADD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		const uint64_t page = pool_page(0);
		struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

		wr.reg.access = wrong[i].access;
		fast_show(&f, &wr);
		wr = fast_wr(&f, wrong[i].op, 0, 8);
		assert_fast_denied(&f, &wr);
		fast_rig_free(&f);
	}
}

static void own_requests_write_with_that_right_alone(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = pool_page(0);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);
	struct vib_sge to;

	(void)state;
	wr.reg.access = VIB_ACCESS_REMOTE_READ;
	fast_show(&f, &wr);
	to = (struct vib_sge){ f.last.iova, 64, f.key };
	post_recv(&f.d->b, 11, &to, 1);
	wr = duo_wr(f.d, 1, VIB_OP_SEND, 64);
	post_send(&f.d->a, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	take_cqe(&f.d->cqa, 1, VIB_WC_REM_OP_ERR);
	assert_true(is_all(pool_at(&f, 0), PAGE, 0));
	fast_rig_free(&f);
}

static void assert_own_sge_fails(struct fast_rig *f, struct vib_sge sge)
{
	struct wr wr = { .id = 3,
			 .opcode = VIB_OP_SEND,
			 .flags = VIB_SEND_SIGNALED,
			 .count = 1,
			 .sge = { sge } };

	fast_do(f, &wr, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&f->d->b), VIB_QPS_ERR);
	fast_rig_free(f);
}

static void own_requests_reach_no_byte_outside(void **state)
{
	static const struct {
		int from;
		uint32_t length;
		uint32_t bits;
	} wrong[] = { { -1, 2, 0 },
		      { 0, PAGE + 1, 0 },
		      { PAGE, 1, 0 },
		      { 0, 8, 1 },
		      { 0, 8, 0x100 } };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);

		fast_show_row(&f, 2, 8, PAGE);
		assert_own_sge_fails(
			&f, (struct vib_sge){ f.last.iova + (uint64_t)wrong[i].from,
					      wrong[i].length, f.key ^ wrong[i].bits });
	}
}

static void own_requests_have_no_key_that_is_free(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct wr inv;

	(void)state;
	assert_own_sge_fails(&f, (struct vib_sge){ IOVA, 8, f.key });
	f = fast_rig_new(VIB_QPT_RC);
	fast_show_row(&f, 2, 8, PAGE);
	inv = local_inv_wr(f.key);
	fast_do(&f, &inv, VIB_WC_SUCCESS);
	assert_own_sge_fails(&f, (struct vib_sge){ f.last.iova, 8, f.key });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_write_and_read_what_it_shows),
		cmocka_unit_test(pages_may_be_anywhere),
		cmocka_unit_test(row_may_cross_regions),
		cmocka_unit_test(own_requests_have_it_for_an_lkey),
		cmocka_unit_test(datagrams_are_sent_and_received_by_it),
		cmocka_unit_test(unreliable_peers_write_it),
		cmocka_unit_test(atomics_are_executed_on_it),
		cmocka_unit_test(it_shows_pages_that_are_granted),
		cmocka_unit_test(grant_that_ended_denies_the_peer),
		cmocka_unit_test(no_processor_reaches_what_is_granted),
		cmocka_unit_test(no_byte_outside_is_reached),
		cmocka_unit_test(what_it_shows_is_reached_to_the_last_byte),
		cmocka_unit_test(rights_are_the_registration_s),
		cmocka_unit_test(own_requests_write_with_that_right_alone),
		cmocka_unit_test(own_requests_reach_no_byte_outside),
		cmocka_unit_test(own_requests_have_no_key_that_is_free),
	};

	alarm(120);
	return cmocka_run_group_tests_name("fast registration", tests, rig_enter,
					   rig_leave);
}
