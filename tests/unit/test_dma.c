// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a guest's kernel: which regions there may be, and who reaches them. */
#include <errno.h>

#include "rig_dma.h"
#include "rig_xrc.h"

#define BASE 0x100000ull
#define PAGE VIB_PAGE_SIZE

/* ---- regions ----------------------------------------------------------- */

static uint8_t *reach(struct guest *g, uint64_t addr, uint64_t length)
{
	return dma_reach(g->vhca, &(struct mr_hint){ 0 }, addr, length);
}

static void every_byte_of_each_region_is_where_it_was_mapped(void **state)
{
	static const unsigned int order[] = { 5, 0, 3, 7, 1, 6, 2, 4 };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct dma_memory dma[8];

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		unsigned int n = order[i];

		dma[n] = dma_new(g, BASE + n * 4 * PAGE, n % 3 + 1);
	}
	for (unsigned int n = 0; n < 8; n++) {
		uint64_t length = (n % 3 + 1) * PAGE;

		for (uint64_t i = 0; i < length; i += 61)
			assert_ptr_equal(reach(g, dma[n].addr + i, 1), dma[n].at + i);
		assert_ptr_equal(reach(g, dma[n].addr, length), dma[n].at);
		assert_null(reach(g, dma[n].addr - 1, 1));
		assert_null(reach(g, dma[n].addr - 1, 2));
		assert_null(reach(g, dma[n].addr, length + 1));
		assert_null(reach(g, dma[n].addr + length, 1));
		assert_null(reach(g, dma[n].addr + 1, UINT64_MAX));
	}
	assert_null(reach(g, 0, 1));
	assert_null(reach(g, UINT64_MAX, 1));
	rig_free(rig);
}

static void regions_at_either_end_of_the_address_space_have_their_bytes(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	uint64_t high = 0 - 2ull * PAGE;
	struct dma_memory low = dma_new(g, 0, 1), top = dma_new(g, high, 1);
	struct vib_cmd_reg_dma cmd = dma_command(high + PAGE, 1);

	(void)state;
	assert_int_equal(dma_check(g->vhca, &cmd), -EINVAL); /* up to 2^64 */
	assert_ptr_equal(reach(g, 0, PAGE), low.at);
	assert_ptr_equal(reach(g, high + PAGE - 1, 1), top.at + PAGE - 1);
	assert_null(reach(g, high + PAGE - 1, 2));
	assert_null(reach(g, high + PAGE, PAGE + 1));
	assert_null(reach(g, UINT64_MAX, 2));
	rig_free(rig);
}

static void what_reaches_over_two_neighbours_is_not_reached(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);

	(void)state;
	dma_new(g, BASE, 1);
	dma_new(g, BASE + PAGE, 1);
	assert_non_null(reach(g, BASE + PAGE - 1, 1));
	assert_non_null(reach(g, BASE + PAGE, 1));
	assert_null(reach(g, BASE + PAGE - 1, 2));
	assert_null(reach(g, BASE, 2 * PAGE));
	rig_free(rig);
}

static void regions_that_overlap_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct vib_cmd_reg_dma cmd;

	(void)state;
	dma_new(g, BASE + 4 * PAGE, 4);
	dma_new(g, BASE + 16 * PAGE, 1);
	for (uint64_t first = 0; first < 20; first++)
		for (uint32_t pages = 1; pages < 20; pages++) {
			bool one = first < 8 && first + pages > 4;
			bool other = first <= 16 && first + pages > 16;

			cmd = dma_command(BASE + first * PAGE, pages);
			assert_int_equal(dma_check(g->vhca, &cmd),
					 one || other ? -EEXIST : 0);
		}
	rig_free(rig);
}

static void regions_out_of_bounds_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct vib_cmd_reg_dma cmd;

	(void)state;
#define REFUSED(addr, pages)                                         \
	do {                                                         \
		cmd = dma_command(addr, pages);                      \
		assert_int_equal(dma_check(g->vhca, &cmd), -EINVAL); \
	} while (0)
	REFUSED(BASE + 1, 1);
	REFUSED(BASE + 2048, 1);
	REFUSED(BASE, 0);
	REFUSED(BASE, VIB_PAGES_MAX + 1);
	REFUSED(BASE, UINT32_MAX);
	REFUSED(0 - (uint64_t)PAGE, 1);
	REFUSED(0 - (uint64_t)PAGE, 2);
#undef REFUSED
	cmd = dma_command(BASE, VIB_PAGES_MAX);
	assert_int_equal(dma_check(g->vhca, &cmd), 0);
	rig_free(rig);
}

static void there_are_as_many_as_the_abi_says(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct dma_memory dma[VIB_MAX_DMA_REGIONS];
	struct vib_cmd_reg_dma cmd = dma_command(BASE - PAGE, 1);
	uint32_t last;

	(void)state;
	for (uint32_t i = 0; i < VIB_MAX_DMA_REGIONS; i++)
		dma[i] = dma_new(g, BASE + 2 * i * PAGE, 1);
	assert_int_equal(dma_check(g->vhca, &cmd), -ENOMEM);
	cmd = dma_command(BASE, 1);
	assert_int_equal(dma_check(g->vhca, &cmd), -EEXIST);
	last = dma[VIB_MAX_DMA_REGIONS - 1].number;
	dma_end(&dma[7]);
	for (uint32_t i = 0; i < VIB_MAX_DMA_REGIONS; i++)
		assert_int_equal(reach(g, BASE + 2 * i * PAGE, PAGE) == NULL, i == 7);
	dma[7] = dma_new(g, BASE + 14 * PAGE, 1);
	assert_true(dma[7].number > last); /* numbers come back late */
	for (uint32_t i = 0; i < VIB_MAX_DMA_REGIONS; i++)
		assert_ptr_equal(reach(g, BASE + 2 * i * PAGE, PAGE), dma[i].at);
	rig_free(rig);
}

static void number_of_another_guest_names_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig), *other = guest_new(rig);
	struct dma_memory dma = dma_new(g, BASE, 1);
	struct memory m;

	(void)state;
	assert_int_equal(dma_destroy(other->vhca, dma.number, &m), -EINVAL);
	assert_int_equal(dma_destroy(g->vhca, dma.number + 1, &m), -EINVAL);
	assert_int_equal(dma_destroy(g->vhca, 0, &m), -EINVAL);
	assert_null(reach(other, BASE, 1));
	dma_end(&dma);
	assert_int_equal(dma_destroy(g->vhca, dma.number, &m), -EINVAL);
	rig_free(rig);
}

static void hint_does_not_outlive_its_region(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct dma_memory a = dma_new(g, BASE, 1), b = dma_new(g, BASE + PAGE, 2);
	struct region r = region_new(g, 100);
	struct mr_hint hint = { 0 };

	(void)state;
	assert_ptr_equal(dma_reach(g->vhca, &hint, BASE, 8), a.at);
	assert_ptr_equal(dma_reach(g->vhca, &hint, BASE + PAGE + 8, 8), b.at + 8);
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, r.iova, 8, 0), r.at);
	assert_ptr_equal(dma_reach(g->vhca, &hint, BASE, 8), a.at);
	dma_end(&a);
	assert_null(dma_reach(g->vhca, &hint, BASE, 8));
	a = dma_new(g, BASE, 1);
	assert_ptr_equal(dma_reach(g->vhca, &hint, BASE + 9, 8), a.at + 9);
	rig_free(rig);
}

/* ---- who reaches them -------------------------------------------------- */

/* A duo whose QPs are of their guests' kernels, as far as @flags say so. */
static struct duo *kernel_duo(enum vib_qp_type type, uint8_t a_flags, uint8_t b_flags)
{
	const struct plan a = { .type = type, .flags = a_flags };
	const struct plan b = { .type = type, .flags = b_flags };
	struct duo *d = duo_apart(type);

	pqp_end(&d->a);
	pqp_end(&d->b);
	d->a = pqp_new(d->ga, &a, &d->cqa, &d->cqa);
	d->b = pqp_new(d->gb, &b, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	return d;
}

static void kernels_send_and_receive_with_it(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC, VIB_QPT_UD };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = kernel_duo(types[i], VIB_QPF_KERNEL, VIB_QPF_KERNEL);
		struct dma_memory a = dma_new(d->ga, BASE, 2);
		struct dma_memory b = dma_new(d->gb, 2 * BASE, 1);
		struct vib_sge recv[2] = { dma_sge(2 * BASE, 100),
					   sge_of(&d->rb, 0, 4000) };
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
		uint32_t grh = types[i] == VIB_QPT_UD ? 40 : 0;

		fill(a.at, 2 * PAGE, 3);
		wr.count = 2;
		wr.sge[0] = dma_sge(BASE + PAGE - 50, 100);
		wr.sge[1] = sge_of(&d->ra, 0, 7);
		post_recv(&d->b, 11, recv, 2);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).byte_len,
				 grh + 107);
		assert_memory_equal(b.at + grh, a.at + PAGE - 50, 100 - grh);
		assert_memory_equal(d->rb.at, a.at + PAGE + 50 - grh, grh);
		assert_memory_equal(d->rb.at + grh, d->ra.at, 7);
		duo_free(d);
	}
}

static void kernels_read_into_it_and_have_atomics_answer_there(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, 0);
	struct dma_memory a = dma_new(d->ga, BASE, 1);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_READ, 0);

	(void)state;
	fill(d->rb.at, DUO_BYTES, 5);
	wr.sge[0] = dma_sge(BASE, PAGE);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_filled(a.at, PAGE, 5));

	wr = duo_wr(d, 2, VIB_OP_FETCH_ADD, 0);
	wr.addr = d->rb.iova + 8 - d->rb.iova % 8;
	wr.sge[0] = dma_sge(BASE + PAGE - 8, 8);
	wr.compare_add = 0;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_memory_equal(a.at + PAGE - 8, d->rb.at + 8 - d->rb.iova % 8, 8);
	duo_free(d);
}

/* d->a's request for @sge fails as one with a wrong key does. */
static void assert_send_denied(struct duo *d, struct vib_sge sge)
{
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);

	wr.sge[0] = sge;
	duo_recv(d, 11, 100);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
}

static void users_do_not_send_with_it(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC, 0, VIB_QPF_KERNEL);

	(void)state;
	dma_new(d->ga, BASE, 1);
	dma_new(d->gb, BASE, 1);
	assert_send_denied(d, dma_sge(BASE, 8));
	duo_free(d);
}

static void kernels_send_no_byte_that_no_region_has(void **state)
{
	const struct vib_sge wrong[] = {
		dma_sge(BASE + 2 * PAGE, 1),
		dma_sge(BASE + 2 * PAGE - 8, 9),
		dma_sge(BASE - 1, 2),
		dma_sge(BASE + PAGE - 1, 2),
		dma_sge(UINT64_MAX, 0xffffffff),
		{ BASE, 8, VIB_LOCAL_DMA_LKEY - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, 0);

		dma_new(d->ga, BASE, 1);
		dma_new(d->ga, BASE + PAGE, 1);
		dma_new(d->gb, BASE + 2 * PAGE, 1);
		assert_send_denied(d, wrong[i]);
		duo_free(d);
	}
}

static void region_that_ended_is_not_sent(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, 0);
	struct dma_memory dma = dma_new(d->ga, BASE, 1);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);

	(void)state;
	wr.sge[0] = dma_sge(BASE, 8);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	dma_end(&dma);
	assert_send_denied(d, dma_sge(BASE, 8));
	duo_free(d);
}

static void users_do_not_receive_into_it(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, 0);
	struct dma_memory b = dma_new(d->gb, BASE, 1);
	struct vib_sge sge = dma_sge(BASE, 64);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	post_recv(&d->b, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	take_cqe(&d->cqa, 1, VIB_WC_REM_OP_ERR);
	assert_true(is_all(b.at, PAGE, 0));
	duo_free(d);
}

/* The key is in no QP's reach as an rkey, whoever's both are. */
static void peers_do_not_reach_it(void **state)
{
	static const uint8_t ops[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_READ };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, VIB_QPF_KERNEL);
		struct dma_memory b = dma_new(d->gb, BASE, 1);
		struct wr wr = duo_wr(d, 1, ops[i], 8);

		dma_new(d->ga, BASE, 1);
		wr.addr = BASE;
		wr.rkey = VIB_LOCAL_DMA_LKEY;
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
		assert_true(is_all(b.at, PAGE, 0));
		duo_free(d);
	}
}

static void no_window_shows_it(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC, VIB_QPF_KERNEL, VIB_QPF_KERNEL);
	const struct vib_cmd_alloc_mw cmd = { d->ga->pd, VIB_MW_TYPE_1 };
	struct wr wr = { .id = 1, .opcode = VIB_OP_BIND_MW, .flags = VIB_SEND_SIGNALED };

	(void)state;
	dma_new(d->ga, BASE, 1);
	assert_int_equal(mw_create(d->ga->vhca, &cmd, &wr.bind.mw), 0);
	wr.bind.rkey = wr.bind.mw + 1;
	wr.bind.lkey = VIB_LOCAL_DMA_LKEY;
	wr.bind.addr = BASE;
	wr.bind.length = 8;
	wr.bind.access = VIB_ACCESS_REMOTE_READ;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_MW_BIND_ERR);
	duo_free(d);
}

/* ---- shared queues ----------------------------------------------------- */

/* A receive of an SRQ with @srq_flags, taken by a QP with @qp_flags: its status. */
static uint8_t receive_of_srq(uint32_t srq_flags, uint8_t qp_flags)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct psrq srq = psrq_with(d->gb, d->gb->pd, 2, 1, srq_flags);
	const struct plan plan = { .type = VIB_QPT_RC, .flags = qp_flags, .srq = &srq };
	struct vib_sge sge = dma_sge(BASE, 64);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct dma_memory dma;
	struct vib_cqe cqe;

	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	dma = dma_new(d->gb, BASE, 1);
	psrq_post(&srq, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_true(ccq_poll(&d->cqb, &cqe));
	assert_int_equal(is_filled(dma.at, 8, 1), !cqe.status);
	duo_free(d);
	return cqe.status;
}

static void shared_queue_s_own_flag_counts(void **state)
{
	(void)state;
	assert_int_equal(receive_of_srq(VIB_SRQF_KERNEL, 0), VIB_WC_SUCCESS);
	assert_int_equal(receive_of_srq(VIB_SRQF_KERNEL, VIB_QPF_KERNEL), VIB_WC_SUCCESS);
	assert_int_equal(receive_of_srq(0, VIB_QPF_KERNEL), VIB_WC_LOC_PROT_ERR);
	assert_int_equal(receive_of_srq(0, 0), VIB_WC_LOC_PROT_ERR);
}

static void xrc_target_receives_with_its_shared_queue_s_flag(void **state)
{
	struct xrc x = xrc_apart();
	struct duo *d = x.d;
	struct vib_sge sge = dma_sge(BASE, 64);
	struct wr wr;

	(void)state;
	dma_new(d->gb, BASE, 1);
	duo_connect(d);
	psrq_post(&x.srq, 11, &sge, 1);
	wr = xrc_wr(&x, 1, VIB_OP_SEND, 8);
	xrc_send(&x, &wr);
	take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_each_region_is_where_it_was_mapped),
		cmocka_unit_test(
			regions_at_either_end_of_the_address_space_have_their_bytes),
		cmocka_unit_test(what_reaches_over_two_neighbours_is_not_reached),
		cmocka_unit_test(regions_that_overlap_are_refused),
		cmocka_unit_test(regions_out_of_bounds_are_refused),
		cmocka_unit_test(there_are_as_many_as_the_abi_says),
		cmocka_unit_test(number_of_another_guest_names_nothing),
		cmocka_unit_test(hint_does_not_outlive_its_region),
		cmocka_unit_test(kernels_send_and_receive_with_it),
		cmocka_unit_test(kernels_read_into_it_and_have_atomics_answer_there),
		cmocka_unit_test(users_do_not_send_with_it),
		cmocka_unit_test(kernels_send_no_byte_that_no_region_has),
		cmocka_unit_test(region_that_ended_is_not_sent),
		cmocka_unit_test(users_do_not_receive_into_it),
		cmocka_unit_test(peers_do_not_reach_it),
		cmocka_unit_test(no_window_shows_it),
		cmocka_unit_test(shared_queue_s_own_flag_counts),
		cmocka_unit_test(xrc_target_receives_with_its_shared_queue_s_flag),
	};

	alarm(120);
	return cmocka_run_group_tests_name("memory of the kernel", tests, rig_enter,
					   rig_leave);
}
