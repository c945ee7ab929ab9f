// SPDX-License-Identifier: GPL-2.0-or-later
/* From QP0 and QP1 to the control thread: what a MAD says then, and which are lost. */
#include <errno.h>

#include "rig_mad.h"

static const enum vib_qp_type types[] = { VIB_QPT_SMI, VIB_QPT_GSI };

static void assert_lost(struct mad_rig *m, const struct wr *wr)
{
	uint64_t before = counters_of(m->g).mads_dropped;
	struct mad_packet packet;

	mad_post(m, wr);
	assert_false(mad_take(m->g->vhca, &packet));
	assert_int_equal(m->g->mads, 0);
	assert_int_equal(counters_of(m->g).mads_dropped, before + 1);
	assert_int_equal(pqp_state(&m->qp), VIB_QPS_RTS);
}

/* ---- what arrives ------------------------------------------------------ */

static void mad_by_lid_says_who_sent_it(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mad_rig *m = mad_rig_new(types[i]);
		struct wr wr = mad_wr(m, 1, VIB_MAD_BYTES);
		struct mad_packet packet;

		wr.av.sl = 3;
		wr.av.sgid_index = 200; /* does not count, as the GRH does not */
		wr.av.dgid.raw[3] = 7;
		mad_post(m, &wr);
		assert_int_equal(m->g->mads, 1);
		memset(&packet, 0xa5, sizeof(packet));
		assert_true(mad_take(m->g->vhca, &packet));
		assert_int_equal(packet.qpn, i);
		assert_int_equal(packet.slid, m->g->view.lid);
		assert_int_equal(packet.dlid, 77);
		assert_int_equal(packet.sl, 3);
		assert_int_equal(packet.pkey, i ? 0xffff : 0);
		assert_false(packet.grh);
		assert_true(gid_is_zero(&packet.sgid) && gid_is_zero(&packet.dgid));
		assert_int_equal(packet.length, VIB_MAD_BYTES);
		assert_true(is_filled(packet.mad, VIB_MAD_BYTES, 1));
		assert_false(mad_take(m->g->vhca, &packet));
		assert_int_equal(counters_of(m->g).mads_dropped, 0);
		mad_rig_free(m);
	}
}

static void mad_by_gid_has_the_port_s_own(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, 24);
	struct mad_packet packet;

	(void)state;
	m->g->view.gids[2].raw[0] = 0xfd;
	m->g->view.gids[2].raw[15] = 9;
	guest_set_port(m->g);
	wr.av = (struct vib_av){ .flags = VIB_AV_GRH,
				 .sgid_index = 2,
				 .dgid = { { 0xfe, 0x80, [15] = 5 } },
				 .flow_label = 0xfffc1234,
				 .traffic_class = 0xab,
				 .hop_limit = 64 };
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	assert_true(packet.grh);
	assert_memory_equal(&packet.sgid, &m->g->view.gids[2], 16);
	assert_memory_equal(&packet.dgid, &wr.av.dgid, 16);
	assert_int_equal(packet.flow_label, 0xc1234);
	assert_int_equal(packet.traffic_class, 0xab);
	assert_int_equal(packet.hop_limit, 64);
	assert_int_equal(packet.length, 24);
	assert_true(is_filled(packet.mad, 24, 1));
	assert_true(is_all(packet.mad + 24, VIB_MAD_BYTES - 24, 0));
	mad_rig_free(m);
}

static void what_an_earlier_mad_had_is_not_in_the_next(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet packet;

	(void)state;
	for (uint64_t i = 0; i < 2 * MAD_QUEUE_PACKETS; i++) {
		struct wr wr = mad_wr(m, i, i < MAD_QUEUE_PACKETS ? VIB_MAD_BYTES : 0);

		mad_post(m, &wr);
		assert_true(mad_take(m->g->vhca, &packet));
	}
	assert_int_equal(packet.length, 0);
	assert_true(is_all(packet.mad, VIB_MAD_BYTES, 0));
	mad_rig_free(m);
}

static void mad_may_be_inline_and_of_the_kernel_s_memory(void **state)
{
	static const uint8_t bytes[64] = { 1, 2, 3 };
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct vib_cmd_reg_dma cmd = { .addr = 0x5000, .pages = { 1, 0 } };
	struct memory memory = memory_new(VIB_PAGE_SIZE, 1);
	struct wr wr = mad_wr(m, 1, 0);
	struct mad_packet packet;
	uint32_t number;

	(void)state;
	wr.flags |= VIB_SEND_INLINE;
	wr.count = 0;
	wr.data = bytes;
	wr.inline_len = sizeof(bytes);
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	assert_memory_equal(packet.mad, bytes, sizeof(bytes));

	assert_int_equal(dma_create(m->g->vhca, &cmd, &memory, &number), 0);
	fill(memory.at, VIB_PAGE_SIZE, 8);
	wr = mad_wr(m, 2, 0);
	wr.sge[0] = (struct vib_sge){ 0x5000, VIB_MAD_BYTES, VIB_LOCAL_DMA_LKEY };
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	assert_true(is_filled(packet.mad, VIB_MAD_BYTES, 8));
	mad_rig_free(m);
}

static void qp_s_own_qkey_will_do(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mad_rig *m = mad_rig_new(types[i]);
		struct wr wr = mad_wr(m, 1, 24);
		struct mad_packet packet;

		wr.qkey = 0x80000000;
		mad_post(m, &wr);
		assert_true(mad_take(m->g->vhca, &packet));
		mad_rig_free(m);
	}
}

static void pkey_is_the_request_s(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, 24);
	struct mad_packet packet;

	(void)state;
	m->g->view.pkeys[VIB_MAX_PKEYS - 1] = 0x1234;
	guest_set_port(m->g);
	wr.pkey_index = VIB_MAX_PKEYS - 1;
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	assert_int_equal(packet.pkey, 0x1234);
	mad_rig_free(m);
}

/* ---- what does not ----------------------------------------------------- */

static void mad_to_another_number_is_lost(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct mad_rig *m = mad_rig_new(types[i]);
		const uint32_t numbers[] = { !i, 2, 0xffffff, 0xffffffff };

		for (int n = 0; n < 4; n++) {
			struct wr wr = mad_wr(m, 1, 24);

			wr.qpn = numbers[n];
			assert_lost(m, &wr);
		}
		assert_int_equal(drop_counted(m->g->vhca, DROP_MAD_QPN), 4);
		assert_int_equal(m->g->raised, 1); /* of the first alone */
		mad_rig_free(m);
	}
}

static void mad_with_another_qkey_is_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mad_rig *m = mad_rig_new(types[i]);
		struct wr wr = mad_wr(m, 1, 24);

		wr.qkey = 0x1234;
		assert_lost(m, &wr);
		wr.qkey = 0x10000;
		assert_lost(m, &wr);
		m->qp.attr.qkey = 0x80010001; /* that is then the QP's own */
		assert_int_equal(pqp_modify(&m->qp, VIB_QPS_RTS, VIB_QP_QKEY), 0);
		wr.qkey = QKEY_GSI;
		assert_lost(m, &wr);
		assert_int_equal(drop_counted(m->g->vhca, DROP_MAD_QKEY), 3);
		mad_rig_free(m);
	}
}

static void mad_without_a_pkey_is_lost(void **state)
{
	static const uint16_t indices[] = { 1, 2, VIB_MAX_PKEYS, 0xffff };
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, 24);

	(void)state;
	m->g->view.pkeys[2] = 0x8000; /* is none: IBTA vol. 1 §10.9.1.1 */
	guest_set_port(m->g);
	for (int i = 0; i < 4; i++) {
		wr.pkey_index = indices[i];
		assert_lost(m, &wr);
	}
	assert_int_equal(drop_counted(m->g->vhca, DROP_MAD_PKEY), 4);
	mad_rig_free(m);
}

static void mad_without_a_source_gid_is_lost(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, 24);

	(void)state;
	wr.av.flags = VIB_AV_GRH;
	wr.av.sgid_index = VIB_MAX_GIDS - 1;
	assert_lost(m, &wr);
	assert_int_equal(drop_counted(m->g->vhca, DROP_MAD_SGID), 1);
	mad_rig_free(m);
}

static void mad_of_a_port_that_is_down_is_lost(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 1, 24);

	(void)state;
	m->g->view.up = false;
	guest_set_port(m->g);
	assert_lost(m, &wr);
	assert_int_equal(drop_counted(m->g->vhca, DROP_MAD_LINK_DOWN), 1);
	mad_rig_free(m);
}

/* The request fails, as one of UD would. */
static void assert_fails(enum vib_qp_type type, const struct wr *wr, uint8_t status)
{
	struct mad_rig *m = mad_rig_new(type);
	struct mad_packet packet;
	struct wr mine = *wr;

	mine.sge[0] = sge_of(&m->r, 0, wr->sge[0].length);
	if (wr->sge[0].lkey)
		mine.sge[0].lkey = wr->sge[0].lkey;
	post_send(&m->qp, &mine);
	rig_run(m->rig);
	take_cqe(&m->cq, wr->id, status);
	assert_int_equal(pqp_state(&m->qp), VIB_QPS_SQE);
	assert_false(mad_take(m->g->vhca, &packet));
	assert_int_equal(counters_of(m->g).mads_dropped, 0);
	mad_rig_free(m);
}

static void requests_that_are_no_mad_s_fail(void **state)
{
	static const uint8_t others[] = { VIB_OP_SEND_IMM,      VIB_OP_RDMA_WRITE,
					  VIB_OP_RDMA_READ,     VIB_OP_FETCH_ADD,
					  VIB_OP_LOCAL_INV,     VIB_OP_SEND_INV,
					  VIB_OP_REG_MR,        VIB_OP_ATOMIC_WRITE,
					  VIB_OP_RDMA_WRITE_IMM };
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr good = mad_wr(m, 1, 24), bad;

	(void)state;
	good.sge[0].lkey = 0; /* of whichever region there is */
	mad_rig_free(m);
	for (size_t i = 0; i < sizeof(others); i++) {
		bad = good;
		bad.opcode = others[i];
		assert_fails(VIB_QPT_GSI, &bad, VIB_WC_LOC_QP_OP_ERR);
	}
	bad = good;
	bad.av.flags = VIB_AV_GRH;
	bad.av.sgid_index = VIB_MAX_GIDS;
	assert_fails(VIB_QPT_GSI, &bad, VIB_WC_LOC_QP_OP_ERR);
	assert_fails(VIB_QPT_SMI, &bad, VIB_WC_LOC_QP_OP_ERR);
	bad = good;
	bad.sge[0].length = VIB_MAD_BYTES + 1;
	assert_fails(VIB_QPT_GSI, &bad, VIB_WC_LOC_LEN_ERR);
	assert_fails(VIB_QPT_SMI, &bad, VIB_WC_LOC_LEN_ERR);
	bad.sge[0].length = 8;
	bad.sge[0].lkey = VIB_LOCAL_DMA_LKEY;
	assert_fails(VIB_QPT_GSI, &bad, VIB_WC_LOC_PROT_ERR);
}

/* No pass is idle while a request waits, so there is no rig_run() to be had. */
#define PASSES 100

static void flood_waits_for_its_own(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct guest *other = guest_new(m->rig);
	struct ccq cq = ccq_new(other, 4, VIB_NO_OBJECT);
	struct pqp theirs = mad_qp(other, VIB_QPT_GSI, &cq);
	struct wr wr = mad_wr(m, 0, 24);
	struct mad_packet packet;

	(void)state;
	pqp_bring(&theirs, VIB_QPS_RTS);
	for (; wr.id < MAD_QUEUE_PACKETS; wr.id++) {
		m->r.at[0] = (uint8_t)wr.id;
		mad_post(m, &wr);
	}
	/* One more waits, and nothing of it is lost. */
	m->r.at[0] = MAD_QUEUE_PACKETS;
	post_send(&m->qp, &wr);
	rig_passes(m->rig, PASSES);
	assert_no_cqe(&m->cq);
	/* Another guest does not. */
	wr = (struct wr){ .id = 5,
			  .opcode = VIB_OP_SEND,
			  .flags = VIB_SEND_SIGNALED,
			  .qpn = 1,
			  .qkey = QKEY_GSI,
			  .av = { .dlid = 77 } };
	post_send(&theirs, &wr);
	rig_passes(m->rig, PASSES);
	take_cqe(&cq, 5, VIB_WC_SUCCESS);
	assert_true(mad_take(other->vhca, &packet));
	assert_false(mad_is_waiting(other->vhca));
	for (unsigned int n = 0; n <= MAD_QUEUE_PACKETS; n++) {
		assert_true(mad_is_waiting(m->g->vhca));
		assert_true(mad_take(m->g->vhca, &packet));
		assert_int_equal(packet.mad[0], n);
		rig_wait(m->rig, MS);
	}
	take_cqe(&m->cq, MAD_QUEUE_PACKETS, VIB_WC_SUCCESS);
	assert_false(mad_take(m->g->vhca, &packet));
	assert_int_equal(m->g->mads, MAD_QUEUE_PACKETS + 1);
	assert_int_equal(counters_of(m->g).mads_dropped, 0);
	mad_rig_free(m);
}

/* By ERR it is flushed, and by its end forgotten. */
static void mad_that_waits_can_be_flushed(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 0, 24);

	(void)state;
	for (; wr.id < MAD_QUEUE_PACKETS; wr.id++)
		mad_post(m, &wr);
	post_send(&m->qp, &wr);
	rig_passes(m->rig, PASSES);
	assert_no_cqe(&m->cq);
	assert_int_equal(pqp_modify(&m->qp, VIB_QPS_ERR, 0), 0);
	rig_passes(m->rig, PASSES);
	take_cqe(&m->cq, MAD_QUEUE_PACKETS, VIB_WC_WR_FLUSH_ERR);
	mad_rig_free(m);
}

/* ---- who has them ------------------------------------------------------ */

static void vib_has_one_of_each(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct plan plan = { .type = VIB_QPT_GSI, .flags = VIB_QPF_KERNEL };
	struct vib_cmd_create_qp cmd = qp_command(m->g, &plan, &m->cq, &m->cq);
	struct guest *other = guest_new(m->rig);
	struct ccq cq = ccq_new(other, 4, VIB_NO_OBJECT);
	struct vib_qp_attr attr;
	struct pqp smi, theirs;
	struct memory sq, rq;

	(void)state;
	assert_int_equal(m->qp.qpn, 1);
	assert_int_equal(qp_check(m->g->vhca, &cmd), -EEXIST);
	cmd.type = VIB_QPT_SMI;
	assert_int_equal(qp_check(m->g->vhca, &cmd), 0);
	smi = mad_qp(m->g, VIB_QPT_SMI, &m->cq);
	assert_int_equal(smi.qpn, 0);
	assert_int_equal(qp_check(m->g->vhca, &cmd), -EEXIST);

	assert_int_equal(qp_query(other->vhca, 1, &attr), -EINVAL);
	assert_int_equal(qp_destroy(other->vhca, 1, &sq, &rq), -EINVAL);
	theirs = mad_qp(other, VIB_QPT_GSI, &cq);
	assert_int_equal(theirs.qpn, 1);
	pqp_end(&theirs);
	assert_int_equal(pqp_state(&m->qp), VIB_QPS_RTS);
	pqp_end(&m->qp);
	assert_int_equal(qp_query(m->g->vhca, 1, &attr), -EINVAL);
	m->qp = mad_qp(m->g, VIB_QPT_GSI, &m->cq);
	assert_int_equal(pqp_state(&m->qp), VIB_QPS_RESET);
	mad_rig_free(m);
}

static void they_are_made_as_the_abi_says(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct plan plan = { .type = VIB_QPT_SMI, .flags = VIB_QPF_KERNEL };
	struct vib_cmd_create_qp good = qp_command(m->g, &plan, &m->cq, &m->cq), bad;
	struct psrq srq = psrq_new(m->g, m->g->pd, 2, 1);

	(void)state;
	assert_int_equal(qp_check(m->g->vhca, &good), 0);
	bad = good;
	bad.flags = VIB_QPF_SIG_ALL;
	assert_int_equal(qp_check(m->g->vhca, &bad), -EINVAL);
	bad = good;
	bad.rq.pages.count = 0;
	bad.srq = srq.number;
	assert_int_equal(qp_check(m->g->vhca, &bad), -EINVAL);
	mad_serve(m->g->vhca, NULL, NULL); /* where nobody takes MADs */
	assert_int_equal(qp_check(m->g->vhca, &good), -EINVAL);
	mad_rig_free(m);
}

static void they_join_no_multicast_group(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct vib_cmd_mcast cmd = { .qpn = 1, .mgid = { { 0xff, 0x12 } } };

	(void)state;
	assert_int_equal(qp_attach_mcast(m->g->vhca, &cmd, &free_for_all), -EINVAL);
	mad_rig_free(m);
}

static void ud_reaches_none_of_them(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct pqp gsi = mad_qp(d->gb, VIB_QPT_GSI, &d->cqb);
	struct pqp smi = mad_qp(d->gb, VIB_QPT_SMI, &d->cqb);
	struct vib_sge sge = sge_of(&d->rb, 0, 400);

	(void)state;
	pqp_bring(&gsi, VIB_QPS_RTS);
	pqp_bring(&smi, VIB_QPS_RTS);
	post_recv(&gsi, 11, &sge, 1);
	post_recv(&smi, 12, &sge, 1);
	for (uint32_t n = 0; n < 2; n++) {
		struct wr wr = duo_wr(d, n, VIB_OP_SEND, 8);

		wr.qpn = n;
		wr.qkey = n ? 0x80000000 : 0;
		d->a.attr.qkey = QKEY_GSI;
		assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, VIB_QP_QKEY), 0);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, n, VIB_WC_SUCCESS);
		assert_no_cqe(&d->cqb);
	}
	assert_int_equal(d->ga->mads + d->gb->mads, 0);
	duo_free(d);
}

static void state_and_flush_are_as_ud_s(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct wr wr = mad_wr(m, 5, 24);
	struct vib_sge sge = sge_of(&m->r, 0, 400);
	struct mad_packet packet;

	(void)state;
	post_recv(&m->qp, 7, &sge, 1);
	assert_int_equal(pqp_modify(&m->qp, VIB_QPS_ERR, 0), 0);
	post_send(&m->qp, &wr);
	rig_run(m->rig);
	take_cqe(&m->cq, 5, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&m->cq, 7, VIB_WC_WR_FLUSH_ERR);
	pqp_reset(&m->qp);
	pqp_bring(&m->qp, VIB_QPS_RTS);
	mad_post(m, &wr);
	assert_true(mad_take(m->g->vhca, &packet));
	mad_rig_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mad_by_lid_says_who_sent_it),
		cmocka_unit_test(mad_by_gid_has_the_port_s_own),
		cmocka_unit_test(what_an_earlier_mad_had_is_not_in_the_next),
		cmocka_unit_test(mad_may_be_inline_and_of_the_kernel_s_memory),
		cmocka_unit_test(qp_s_own_qkey_will_do),
		cmocka_unit_test(pkey_is_the_request_s),
		cmocka_unit_test(mad_to_another_number_is_lost),
		cmocka_unit_test(mad_with_another_qkey_is_lost),
		cmocka_unit_test(mad_without_a_pkey_is_lost),
		cmocka_unit_test(mad_without_a_source_gid_is_lost),
		cmocka_unit_test(mad_of_a_port_that_is_down_is_lost),
		cmocka_unit_test(requests_that_are_no_mad_s_fail),
		cmocka_unit_test(flood_waits_for_its_own),
		cmocka_unit_test(mad_that_waits_can_be_flushed),
		cmocka_unit_test(vib_has_one_of_each),
		cmocka_unit_test(they_are_made_as_the_abi_says),
		cmocka_unit_test(they_join_no_multicast_group),
		cmocka_unit_test(ud_reaches_none_of_them),
		cmocka_unit_test(state_and_flush_are_as_ud_s),
	};

	alarm(120);
	return cmocka_run_group_tests_name("MADs sent", tests, rig_enter, rig_leave);
}
