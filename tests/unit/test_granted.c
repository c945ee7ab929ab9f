// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a guest's kernel that is granted and no region: what it is copied by. */
#include <errno.h>
#include <string.h>

#include "engine/granted.h"
#include "rig_dma.h"
#include "rig_mad.h"

#define PAGE VIB_PAGE_SIZE
#define BASE 0x100000ull

/* ---- pages ------------------------------------------------------------- */

/* The rig's grants, end to end here as their references are. */
static uint8_t pages[RIG_GRANTS][PAGE];

static void grant_pages(struct rig *rig, uint32_t first, uint32_t count, bool read_only)
{
	for (uint32_t i = first; i < first + count; i++) {
		rig->bells.grants[i] = (struct rig_grant){ pages[i], read_only };
		memset(pages[i], 0, PAGE);
	}
}

static void take_back(struct rig *rig, uint32_t ref)
{
	rig->bells.grants[ref].page = NULL;
}

static struct vib_sge granted_sge(uint32_t ref, uint32_t offset, uint32_t length)
{
	return dma_sge(VIB_GRANTED_BASE + ref * (uint64_t)PAGE + offset, length);
}

/* Both QPs are their guests' kernels'. */
static struct duo *kernel_duo(enum vib_qp_type type)
{
	const struct plan plan = { .type = type, .flags = VIB_QPF_KERNEL };
	struct duo *d = duo_apart(type);

	pqp_end(&d->a);
	pqp_end(&d->b);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	return d;
}

/* A request of a's with one SGE. */
static void request(struct duo *d, uint64_t id, uint8_t opcode, struct vib_sge sge)
{
	struct wr wr = duo_wr(d, id, opcode, 0);

	wr.count = 1;
	wr.sge[0] = sge;
	wr.addr = d->rb.iova + (8 - d->rb.iova % 8) % 8;
	post_send(&d->a, &wr);
	rig_run(d->rig);
}

/* Where that goes, or comes from. */
static uint8_t *remote(const struct duo *d)
{
	return d->rb.at + (8 - d->rb.iova % 8) % 8;
}

/* ---- what is reached --------------------------------------------------- */

static void regions_have_no_addresses_of_grants(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	const uint64_t end = VIB_GRANTED_BASE + VIB_GRANTED_BYTES;
	struct vib_cmd_reg_dma cmd = dma_command(VIB_GRANTED_BASE, 1);

	(void)state;
	assert_int_equal(dma_check(g->vhca, &cmd), -EINVAL);
	cmd = dma_command(VIB_GRANTED_BASE - PAGE, 2);
	assert_int_equal(dma_check(g->vhca, &cmd), -EINVAL);
	cmd = dma_command(end - PAGE, 1);
	assert_int_equal(dma_check(g->vhca, &cmd), -EINVAL);
	cmd = dma_command(VIB_GRANTED_BASE - PAGE, 1);
	assert_int_equal(dma_check(g->vhca, &cmd), 0);
	cmd = dma_command(end, 1);
	assert_int_equal(dma_check(g->vhca, &cmd), 0);
	rig_free(rig);
}

static void every_message_may_be_granted_on_both_sides(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC, VIB_QPT_UD };

	(void)state;
	for (int i = 0; i < 3; i++)
		for (uint32_t from = 0; from < 3 * PAGE; from += 1361) {
			struct duo *d = kernel_duo(types[i]);
			uint32_t grh = types[i] == VIB_QPT_UD ? 40 : 0;
			struct vib_sge to = granted_sge(20, 5000, 3000);

			grant_pages(d->rig, 0, 8, true);
			grant_pages(d->rig, 20, 4, false);
			fill(pages[0], 8 * PAGE, 3);
			post_recv(&d->b, 11, &to, 1);
			request(d, 1, VIB_OP_SEND, granted_sge(0, from, 2900));
			take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
			assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).byte_len,
					 grh + 2900);
			assert_memory_equal(pages[20] + 5000 + grh, pages[0] + from,
					    2900);
			assert_true(is_all(pages[20], 5000, 0));
			assert_true(is_all(pages[20] + 5000 + grh + 2900, 100, 0));
			duo_free(d);
		}
}

static void writes_reads_and_atomics_use_it(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);
	uint64_t old = 0x1122334455667788;

	(void)state;
	grant_pages(d->rig, 0, 4, false);
	fill(pages[0], PAGE, 3);
	request(d, 1, VIB_OP_RDMA_WRITE, granted_sge(0, 10, 4000));
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_memory_equal(remote(d), pages[0] + 10, 4000);

	fill(remote(d), 9000, 5);
	request(d, 2, VIB_OP_RDMA_READ, granted_sge(1, 100, 9000));
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_memory_equal(pages[1] + 100, remote(d), 9000);

	memcpy(remote(d), &old, sizeof(old));
	request(d, 3, VIB_OP_FETCH_ADD, granted_sge(0, PAGE - 4, 8));
	take_cqe(&d->cqa, 3, VIB_WC_SUCCESS);
	assert_memory_equal(pages[0] + PAGE - 4, &old, 8);

	fill(pages[0], PAGE, 7);
	request(d, 4, VIB_OP_ATOMIC_WRITE, granted_sge(0, 8, 8));
	take_cqe(&d->cqa, 4, VIB_WC_SUCCESS);
	assert_memory_equal(remote(d), pages[0] + 8, 8);
	duo_free(d);
}

static void lists_mix_it_with_regions_and_mrs(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);
	struct dma_memory a = dma_new(d->ga, BASE, 1);
	const struct vib_sge to[4] = { sge_of(&d->rb, 0, 50), granted_sge(9, 4090, 100),
				       sge_of(&d->rb, 50, 50), granted_sge(12, 0, 800) };
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
	uint8_t want[1000], got[1000];

	(void)state;
	grant_pages(d->rig, 0, 16, false);
	fill(pages[0], 3 * PAGE, 3);
	fill(a.at, PAGE, 4);
	fill(d->ra.at, 300, 5);
	wr.count = 4;
	wr.sge[0] = granted_sge(0, 4000, 300);
	wr.sge[1] = dma_sge(BASE + 7, 300);
	wr.sge[2] = sge_of(&d->ra, 0, 300);
	wr.sge[3] = granted_sge(2, 1, 100);
	memcpy(want, pages[0] + 4000, 300);
	memcpy(want + 300, a.at + 7, 300);
	memcpy(want + 600, d->ra.at, 300);
	memcpy(want + 900, pages[2] + 1, 100);
	post_recv(&d->b, 11, to, 4);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	memcpy(got, d->rb.at, 50);
	memcpy(got + 50, pages[9] + 4090, 100);
	memcpy(got + 150, d->rb.at + 50, 50);
	memcpy(got + 200, pages[12], 800);
	assert_memory_equal(got, want, 1000);
	duo_free(d);
}

/* In calls of GRANTED_CHUNK, within shares, whole in the end. */
static void long_messages_go_in_parts(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);
	const uint32_t length = 60 * PAGE - 100;
	struct vib_sge to = granted_sge(0, 0, 8 * PAGE);
	struct region big = region_new(d->gb, 60 * PAGE);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);

	(void)state;
	grant_pages(d->rig, 0, RIG_GRANTS, false);
	fill(pages[0], sizeof(pages), 3);
	wr.count = 1;
	wr.sge[0] = granted_sge(1, 50, length);
	wr.addr = big.iova;
	wr.rkey = big.key;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_memory_equal(big.at, pages[1] + 50, length);
	assert_in_range(d->rig->bells.copies, length / GRANTED_CHUNK,
			length / GRANTED_CHUNK + 4);

	fill(d->ra.at, 8 * PAGE, 9);
	post_recv(&d->b, 12, &to, 1);
	wr = duo_wr(d, 2, VIB_OP_SEND, 8 * PAGE);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 12, VIB_WC_SUCCESS);
	assert_memory_equal(pages[0], d->ra.at, 8 * PAGE);
	region_end(&big);
	duo_free(d);
}

/* A page here for each there, as Xen copies at most one at a time. */
static void copies_are_of_whole_pages(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);

	(void)state;
	grant_pages(d->rig, 0, 16, true);
	request(d, 1, VIB_OP_RDMA_WRITE, granted_sge(0, 100, 8 * PAGE));
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(d->rig->bells.copies, 1);
	assert_int_equal(d->rig->bells.copied, 9);
	duo_free(d);
}

/* ---- what is not granted ----------------------------------------------- */

static void requester_s_own_fails_its_request(void **state)
{
	static const uint8_t ops[] = { VIB_OP_SEND,          VIB_OP_RDMA_WRITE,
				       VIB_OP_RDMA_READ,     VIB_OP_FETCH_ADD,
				       VIB_OP_CMP_SWAP,      VIB_OP_ATOMIC_WRITE,
				       VIB_OP_RDMA_WRITE_IMM };

	(void)state;
	for (size_t i = 0; i < sizeof(ops); i++)
		for (int which = 0; which < 3; which++) {
			bool writes = ops[i] == VIB_OP_RDMA_READ ||
				      ops[i] == VIB_OP_FETCH_ADD ||
				      ops[i] == VIB_OP_CMP_SWAP;
			struct duo *d = kernel_duo(VIB_QPT_RC);
			/* read-only, never granted, not any more */
			struct vib_sge sge = granted_sge(which == 1 ? 9 : 0, 0, 8);

			grant_pages(d->rig, 0, 1, which == 0);
			if (which == 2)
				take_back(d->rig, 0);
			duo_recv(d, 11, 100);
			request(d, 1, ops[i], sge);
			if (which == 0 && !writes) {
				take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
			} else {
				take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
				assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
				assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
			}
			assert_true(is_all(pages[0], PAGE, 0));
			duo_free(d);
		}
}

static void receive_s_fails_the_receive_and_tells_the_sender(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++)
		for (int granted = 0; granted < 2; granted++) {
			struct duo *d = kernel_duo(VIB_QPT_RC);
			struct vib_sge to = granted_sge(which == 1 ? 9 : 0, 0, 100);

			grant_pages(d->rig, 0, 1, which == 0);
			grant_pages(d->rig, 2, 1, true);
			if (which == 2)
				take_back(d->rig, 0);
			post_recv(&d->b, 11, &to, 1);
			request(d, 1, VIB_OP_SEND,
				granted ? granted_sge(2, 0, 50) : sge_of(&d->ra, 0, 50));
			take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
			take_cqe(&d->cqa, 1, VIB_WC_REM_OP_ERR);
			assert_int_equal(pqp_state(&d->b), VIB_QPS_ERR);
			assert_true(is_all(pages[0], PAGE, 0));
			duo_free(d);
		}
}

static void datagram_that_cannot_be_read_goes_nowhere(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_UD);

	(void)state;
	duo_recv(d, 11, 200);
	request(d, 1, VIB_OP_SEND, granted_sge(3, 0, 50));
	take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void datagram_s_receive_that_cannot_be_written_fails(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_UD);
	struct vib_sge to = granted_sge(0, 0, 200);

	(void)state;
	grant_pages(d->rig, 0, 1, true);
	post_recv(&d->b, 11, &to, 1);
	request(d, 1, VIB_OP_SEND, sge_of(&d->ra, 0, 50));
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_ERR);
	duo_free(d);
}

/* A grant that ends between two parts of a message ends that. */
static void grant_revoked_midway_fails_the_message(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);

	(void)state;
	grant_pages(d->rig, 0, 16, true);
	take_back(d->rig, 12);
	request(d, 1, VIB_OP_RDMA_WRITE, granted_sge(0, 0, 15 * PAGE));
	take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
	duo_free(d);
}

static void what_no_grant_can_be_named_by_is_refused(void **state)
{
	const uint64_t end = VIB_GRANTED_BASE + VIB_GRANTED_BYTES;
	const struct vib_sge wrong[] = {
		dma_sge(end - 4, 8),
		dma_sge(end, 8),
		dma_sge(VIB_GRANTED_BASE - 1, 2),
		{ VIB_GRANTED_BASE, 8, VIB_LOCAL_DMA_LKEY - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct duo *d = kernel_duo(VIB_QPT_RC);

		duo_recv(d, 11, 100);
		request(d, 1, VIB_OP_RDMA_READ, wrong[i]);
		take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
		assert_int_equal(d->rig->bells.copies, 0);
		duo_free(d);
	}
}

static void users_do_not_reach_it(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct vib_sge to = granted_sge(0, 0, 100);

	(void)state;
	grant_pages(d->rig, 0, 1, false);
	post_recv(&d->b, 11, &to, 1);
	request(d, 1, VIB_OP_SEND, sge_of(&d->ra, 0, 50));
	take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	take_cqe(&d->cqa, 1, VIB_WC_REM_OP_ERR);
	assert_int_equal(d->rig->bells.copies, 0);
	duo_free(d);

	d = duo_new(VIB_QPT_RC);
	request(d, 1, VIB_OP_RDMA_WRITE, granted_sge(0, 0, 50));
	take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(d->rig->bells.copies, 0);
	duo_free(d);
}

static void peers_do_not_reach_it(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	grant_pages(d->rig, 0, 1, false);
	wr.addr = VIB_GRANTED_BASE;
	wr.rkey = VIB_LOCAL_DMA_LKEY;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
	assert_int_equal(d->rig->bells.copies, 0);
	duo_free(d);
}

static void without_a_xen_that_copies_nothing_is_reached(void **state)
{
	struct duo *d = kernel_duo(VIB_QPT_RC);

	(void)state;
	grant_pages(d->rig, 0, 1, false);
	d->ga->vhca->xen = NULL;
	request(d, 1, VIB_OP_RDMA_WRITE, granted_sge(0, 0, 50));
	take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
	duo_free(d);
}

/* ---- MADs -------------------------------------------------------------- */

static void mads_are_sent_and_received_with_it(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, VIB_MAD_BYTES);
	struct vib_sge to = granted_sge(1, 4000, 296);
	struct mad_packet packet;

	(void)state;
	grant_pages(m->rig, 0, 1, true);
	grant_pages(m->rig, 1, 2, false);
	fill(pages[0], PAGE, 3);
	wr.sge[0] = granted_sge(0, 3000, VIB_MAD_BYTES);
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	assert_memory_equal(packet.mad, pages[0] + 3000, VIB_MAD_BYTES);

	packet.pkey = 0xffff;
	post_recv(&m->qp, 11, &to, 1);
	mad_deliver(m->g->vhca, &packet);
	rig_run(m->rig);
	take_cqe(&m->cq, 11, VIB_WC_SUCCESS);
	assert_memory_equal(pages[1] + 4040, pages[0] + 3000, VIB_MAD_BYTES);
	mad_rig_free(m);
}

static void mad_that_cannot_be_read_is_not_sent(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, VIB_MAD_BYTES);
	struct mad_packet packet;

	(void)state;
	wr.sge[0] = granted_sge(0, 0, VIB_MAD_BYTES);
	post_send(&m->qp, &wr);
	rig_run(m->rig);
	take_cqe(&m->cq, 1, VIB_WC_LOC_PROT_ERR);
	assert_false(mad_take(m->g->vhca, &packet));
	mad_rig_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_have_no_addresses_of_grants),
		cmocka_unit_test(every_message_may_be_granted_on_both_sides),
		cmocka_unit_test(writes_reads_and_atomics_use_it),
		cmocka_unit_test(lists_mix_it_with_regions_and_mrs),
		cmocka_unit_test(long_messages_go_in_parts),
		cmocka_unit_test(copies_are_of_whole_pages),
		cmocka_unit_test(requester_s_own_fails_its_request),
		cmocka_unit_test(receive_s_fails_the_receive_and_tells_the_sender),
		cmocka_unit_test(datagram_that_cannot_be_read_goes_nowhere),
		cmocka_unit_test(datagram_s_receive_that_cannot_be_written_fails),
		cmocka_unit_test(grant_revoked_midway_fails_the_message),
		cmocka_unit_test(what_no_grant_can_be_named_by_is_refused),
		cmocka_unit_test(users_do_not_reach_it),
		cmocka_unit_test(peers_do_not_reach_it),
		cmocka_unit_test(without_a_xen_that_copies_nothing_is_reached),
		cmocka_unit_test(mads_are_sent_and_received_with_it),
		cmocka_unit_test(mad_that_cannot_be_read_is_not_sent),
	};

	alarm(120);
	return cmocka_run_group_tests_name("granted memory", tests, rig_enter, rig_leave);
}
