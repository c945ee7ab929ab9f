// SPDX-License-Identifier: GPL-2.0-or-later
/* From the control thread into receives of QP0 and QP1. */
#include <endian.h>

#include "rig_mad.h"

#define GRH 40

static struct mad_packet packet_of(uint32_t qpn)
{
	struct mad_packet p = {
		.qpn = qpn,
		.slid = 42,
		.dlid = 1,
		.sl = 5,
		.pkey = qpn ? 0xffff : 0,
		.length = VIB_MAD_BYTES,
	};

	fill(p.mad, sizeof(p.mad), 6);
	return p;
}

static void post(struct mad_rig *m, uint64_t id, uint32_t length)
{
	struct vib_sge sge = sge_of(&m->r, 0, length);

	post_recv(&m->qp, id, &sge, 1);
}

static void deliver(struct mad_rig *m, const struct mad_packet *p)
{
	mad_deliver(m->g->vhca, p);
	rig_run(m->rig);
}

/* Nothing comes of it, and the receive serves the next. */
static void assert_lost(struct mad_rig *m, const struct mad_packet *p)
{
	deliver(m, p);
	assert_no_cqe(&m->cq);
	assert_no_async(m->g);
}

/* ---- what arrives ------------------------------------------------------ */

static void mad_by_lid_comes_without_a_header(void **state)
{
	(void)state;
	for (uint32_t qpn = 0; qpn < 2; qpn++) {
		struct mad_rig *m = mad_rig_new(qpn ? VIB_QPT_GSI : VIB_QPT_SMI);
		const struct mad_packet p = packet_of(qpn);
		struct vib_cqe cqe;

		post(m, 11, GRH + VIB_MAD_BYTES);
		deliver(m, &p);
		cqe = take_cqe(&m->cq, 11, VIB_WC_SUCCESS);
		assert_int_equal(cqe.qpn, qpn);
		assert_int_equal(cqe.src_qpn, qpn);
		assert_int_equal(cqe.db_index, m->qp.bell);
		assert_int_equal(cqe.opcode, VIB_OP_SEND);
		assert_int_equal(cqe.flags, VIB_CQE_RECV);
		assert_int_equal(cqe.byte_len, GRH + VIB_MAD_BYTES);
		assert_int_equal(cqe.slid, 42);
		assert_int_equal(cqe.sl, 5);
		assert_int_equal(cqe.pkey_index, 0);
		assert_true(is_all(m->r.at, GRH, 0));
		assert_true(is_filled(m->r.at + GRH, VIB_MAD_BYTES, 6));
		assert_no_cqe(&m->cq);
		mad_rig_free(m);
	}
}

static void mad_by_gid_comes_with_its_header(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);
	uint16_t length;
	uint32_t word;

	(void)state;
	p.grh = true;
	p.sgid.raw[0] = 0xfd;
	p.dgid = m->g->view.gids[0];
	p.flow_label = 0x12345;
	p.traffic_class = 0x9a;
	p.hop_limit = 63;
	post(m, 11, 4096);
	deliver(m, &p);
	assert_int_equal(take_cqe(&m->cq, 11, VIB_WC_SUCCESS).flags,
			 VIB_CQE_RECV | VIB_CQE_GRH);
	memcpy(&word, m->r.at, 4);
	assert_int_equal(be32toh(word), 0x69a12345);
	memcpy(&length, m->r.at + 4, 2);
	assert_int_equal(be16toh(length), VIB_MAD_BYTES + 24);
	assert_int_equal(m->r.at[6], 0x1b);
	assert_int_equal(m->r.at[7], 63);
	assert_memory_equal(m->r.at + 8, &p.sgid, 16);
	assert_memory_equal(m->r.at + 24, &p.dgid, 16);
	assert_true(is_filled(m->r.at + GRH, VIB_MAD_BYTES, 6));
	mad_rig_free(m);
}

/* What lay in the receive does not pass for a part of the MAD. */
static void short_mad_comes_with_all_its_bytes(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);

	(void)state;
	p.length = 24;
	memset(p.mad + 24, 0, sizeof(p.mad) - 24);
	post(m, 11, 4096);
	deliver(m, &p);
	assert_int_equal(take_cqe(&m->cq, 11, VIB_WC_SUCCESS).byte_len,
			 GRH + VIB_MAD_BYTES);
	assert_true(is_all(m->r.at + GRH + 24, VIB_MAD_BYTES - 24, 0));
	mad_rig_free(m);
}

static void several_come_in_order(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		struct vib_sge sge = sge_of(&m->r, i * 300, 300);

		post_recv(&m->qp, i, &sge, 1);
		p.mad[0] = (uint8_t)(100 + i);
		mad_deliver(m->g->vhca, &p);
	}
	rig_run(m->rig);
	for (uint32_t i = 0; i < 10; i++) {
		take_cqe(&m->cq, i, VIB_WC_SUCCESS);
		assert_int_equal(m->r.at[i * 300 + GRH], 100 + i);
	}
	mad_rig_free(m);
}

static void who_waits_for_it_is_told(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct ceq eq = ceq_new(m->g, 2, 9);
	struct ccq cq = ccq_new(m->g, 4, eq.number);
	const struct mad_packet p = packet_of(1);

	(void)state;
	pqp_end(&m->qp);
	m->qp = mad_qp(m->g, VIB_QPT_GSI, &cq);
	pqp_bring(&m->qp, VIB_QPS_RTS);
	post(m, 11, 4096);
	rig_cool(m->rig);
	assert_int_equal(vib_cq_arm(&cq.queue, VIB_ARM_ANY), 0);
	deliver(m, &p);
	assert_int_equal(ceq_poll(&eq), cq.number);
	assert_int_equal(m->rig->bells.port, 9);
	take_cqe(&cq, 11, VIB_WC_SUCCESS);
	mad_rig_free(m);
}

/* ---- P_Keys ------------------------------------------------------------ */

/* The index that a MAD with @pkey is received with; -1: it is not. */
static int index_of(struct mad_rig *m, uint16_t pkey)
{
	struct mad_packet p = packet_of(1);
	struct vib_cqe cqe;

	p.pkey = pkey;
	deliver(m, &p);
	return ccq_poll(&m->cq, &cqe) ? cqe.pkey_index : -1;
}

static void full_membership_is_found_first(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		post(m, i, 4096);
	m->g->view.pkeys[0] = 0x7fff;
	m->g->view.pkeys[1] = 0x0005;
	m->g->view.pkeys[2] = 0x0005;
	m->g->view.pkeys[9] = 0x8005;
	m->g->view.pkeys[VIB_MAX_PKEYS - 1] = 0x8006;
	guest_set_port(m->g);
	assert_int_equal(index_of(m, 0x8005), 9);
	assert_int_equal(index_of(m, 0x0005), 9);
	assert_int_equal(index_of(m, 0xffff), 0);
	assert_int_equal(index_of(m, 0x0006), VIB_MAX_PKEYS - 1);
	m->g->view.pkeys[9] = 0;
	guest_set_port(m->g);
	assert_int_equal(index_of(m, 0x8005), 1);
	assert_int_equal(counters_of(m->g).pkey_violations, 0);
	mad_rig_free(m);
}

static void pkey_that_matches_none_is_a_violation(void **state)
{
	static const uint16_t pkeys[] = { 0x8005, 0x7fff, 0x0000, 0x8000 };
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);

	(void)state;
	m->g->view.pkeys[0] = 0x7fff; /* limited, as one of the senders */
	guest_set_port(m->g);
	post(m, 11, 4096);
	for (unsigned int i = 0; i < 4; i++) {
		p.pkey = pkeys[i];
		assert_lost(m, &p);
		assert_int_equal(counters_of(m->g).pkey_violations, i + 1);
	}
	p.pkey = 0xffff;
	deliver(m, &p);
	take_cqe(&m->cq, 11, VIB_WC_SUCCESS);
	mad_rig_free(m);
}

static void qp0_has_no_pkeys(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_SMI);
	const struct mad_packet p = packet_of(0);

	(void)state;
	m->g->view.pkeys[0] = 0;
	guest_set_port(m->g);
	post(m, 11, 4096);
	deliver(m, &p);
	take_cqe(&m->cq, 11, VIB_WC_SUCCESS);
	mad_rig_free(m);
}

/* ---- what does not arrive ---------------------------------------------- */

static void without_a_receive_it_is_discarded(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct mad_packet p = packet_of(1);

	(void)state;
	assert_lost(m, &p);
	assert_int_equal(counters_of(m->g).rcv_discards, 1);
	post(m, 11, GRH + VIB_MAD_BYTES - 1); /* too small, and stays */
	assert_lost(m, &p);
	assert_int_equal(counters_of(m->g).rcv_discards, 2);
	mad_rig_free(m);
}

static void without_a_qp_it_is_discarded(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct mad_packet smi = packet_of(0), gsi = packet_of(1);

	(void)state;
	post(m, 11, 4096);
	assert_lost(m, &smi);
	pqp_reset(&m->qp);
	post(m, 11, 4096);
	assert_lost(m, &gsi);
	mad_deliver(m->g->vhca, &gsi);
	pqp_end(&m->qp); /* while one is on its way */
	assert_lost(m, &gsi);
	assert_in_range(counters_of(m->g).rcv_discards, 3, 4);
	mad_rig_free(m);
}

static void port_that_is_down_receives_none(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct mad_packet p = packet_of(1);

	(void)state;
	post(m, 11, 4096);
	m->g->view.up = false;
	guest_set_port(m->g);
	assert_lost(m, &p);
	m->g->view.up = true;
	guest_set_port(m->g);
	deliver(m, &p);
	take_cqe(&m->cq, 11, VIB_WC_SUCCESS);
	mad_rig_free(m);
}

static void receive_that_names_what_it_must_not_fails(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct mad_packet p = packet_of(1);
	const struct vib_sge wrong = { m->r.iova, 4096, m->r.key + 1 };

	(void)state;
	post_recv(&m->qp, 11, &wrong, 1);
	deliver(m, &p);
	take_cqe(&m->cq, 11, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&m->qp), VIB_QPS_ERR);
	mad_rig_free(m);
}

static void burst_beyond_the_queue_is_discarded(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);

	(void)state;
	for (uint32_t i = 0; i < 14; i++)
		post(m, i, 4096);
	for (uint32_t i = 0; i < MAD_QUEUE_PACKETS + 10; i++) {
		p.mad[0] = (uint8_t)i;
		mad_deliver(m->g->vhca, &p); /* no poller passes meanwhile */
	}
	rig_run(m->rig);
	for (uint32_t i = 0; i < 14; i++)
		take_cqe(&m->cq, i, VIB_WC_SUCCESS);
	assert_int_equal(m->r.at[GRH], 13);
	assert_int_equal(counters_of(m->g).rcv_discards, MAD_QUEUE_PACKETS + 10 - 14);
	mad_rig_free(m);
}

/* However many others send, its answers have room. */
static void flood_of_others_leaves_room_for_answers(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet p = packet_of(1);

	(void)state;
	for (uint32_t i = 0; i < 15; i++)
		post(m, i, 4096);
	for (uint32_t i = 0; i < 2 * MAD_QUEUE_PACKETS; i++) {
		p.from_guest = true;
		p.mad[0] = 1;
		mad_deliver(m->g->vhca, &p);
	}
	assert_int_equal(counters_of(m->g).rcv_discards,
			 2 * MAD_QUEUE_PACKETS - MAD_QUEUE_FOREIGN);
	for (uint32_t i = 0; i < MAD_QUEUE_PACKETS - MAD_QUEUE_FOREIGN; i++) {
		p.from_guest = false;
		mad_deliver(m->g->vhca, &p);
	}
	assert_int_equal(counters_of(m->g).rcv_discards,
			 2 * MAD_QUEUE_PACKETS - MAD_QUEUE_FOREIGN);
	mad_deliver(m->g->vhca, &p);
	assert_int_equal(counters_of(m->g).rcv_discards,
			 2 * MAD_QUEUE_PACKETS - MAD_QUEUE_FOREIGN + 1);
	mad_rig_free(m);
}

static void guest_may_end_with_some_on_their_way(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	const struct mad_packet p = packet_of(1);
	struct wr wr = mad_wr(m, 1, 24);

	(void)state;
	post(m, 11, 4096);
	mad_deliver(m->g->vhca, &p);
	post_send(&m->qp, &wr);
	guest_end(m->g);
	rig_run(m->rig);
	mad_rig_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mad_by_lid_comes_without_a_header),
		cmocka_unit_test(mad_by_gid_comes_with_its_header),
		cmocka_unit_test(short_mad_comes_with_all_its_bytes),
		cmocka_unit_test(several_come_in_order),
		cmocka_unit_test(who_waits_for_it_is_told),
		cmocka_unit_test(full_membership_is_found_first),
		cmocka_unit_test(pkey_that_matches_none_is_a_violation),
		cmocka_unit_test(qp0_has_no_pkeys),
		cmocka_unit_test(without_a_receive_it_is_discarded),
		cmocka_unit_test(without_a_qp_it_is_discarded),
		cmocka_unit_test(port_that_is_down_receives_none),
		cmocka_unit_test(receive_that_names_what_it_must_not_fails),
		cmocka_unit_test(burst_beyond_the_queue_is_discarded),
		cmocka_unit_test(flood_of_others_leaves_room_for_answers),
		cmocka_unit_test(guest_may_end_with_some_on_their_way),
	};

	alarm(120);
	return cmocka_run_group_tests_name("MADs delivered", tests, rig_enter, rig_leave);
}
