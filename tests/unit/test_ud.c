// SPDX-License-Identifier: GPL-2.0-or-later
/* UD: which datagrams arrive, with what before them, and what becomes of others. */
#include <endian.h>

#include "rig_qp.h"

#define GRH 40

static void assert_arrives(struct duo *d, const struct wr *wr, uint32_t length)
{
	struct vib_cqe cqe;

	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, VIB_WC_SUCCESS);
	cqe = take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.byte_len, GRH + length);
	assert_no_cqe(&d->cqb);
	assert_true(is_filled(d->rb.at + GRH, length, 1));
}

/* The sender succeeds, nothing is received, and the receive serves the next. */
static void assert_dropped(struct duo *d, const struct wr *wr)
{
	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_no_async(d->ga);
	assert_no_async(d->gb);
}

static void assert_next_arrives(struct duo *d)
{
	struct wr wr = duo_wr(d, 2, VIB_OP_SEND, 10);

	assert_arrives(d, &wr, 10);
}

static void datagram_by_gid_comes_with_its_header(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND_IMM, 100);
	uint8_t *grh = d->rb.at;
	struct vib_cqe cqe;
	uint32_t word;
	uint16_t length;

	(void)state;
	wr.imm = 0x11223344;
	wr.av.traffic_class = 0xab;
	wr.av.flow_label = 0xfffc1234; /* 20 bits of it count */
	wr.av.hop_limit = 77;
	wr.av.sl = 3;
	duo_recv(d, 11, 200);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	cqe = take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.byte_len, 140);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH | VIB_CQE_WITH_IMM);
	assert_int_equal(cqe.opcode, VIB_OP_SEND_IMM);
	assert_int_equal(cqe.imm, 0x11223344);
	assert_int_equal(cqe.src_qpn, d->a.qpn);
	assert_int_equal(cqe.slid, d->ga->view.lid);
	assert_int_equal(cqe.sl, 3);
	assert_int_equal(cqe.pkey_index, 0);

	memcpy(&word, grh, 4);
	assert_int_equal(be32toh(word), 0x6ab00000 | 0xc1234);
	memcpy(&length, grh + 4, 2);
	assert_int_equal(be16toh(length), 100 + 24 + 4); /* immediate data count */
	assert_int_equal(grh[6], 0x1b);
	assert_int_equal(grh[7], 77);
	assert_memory_equal(grh + 8, d->ga->view.gids[0].raw, 16);
	assert_memory_equal(grh + 24, d->gb->view.gids[0].raw, 16);
	assert_true(is_filled(d->rb.at + GRH, 100, 1));
	assert_true(is_all(d->rb.at + GRH + 100, DUO_BYTES - GRH - 100, 0));
	duo_free(d);
}

static void datagram_by_lid_comes_without_a_header(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 100);
	struct vib_cqe cqe;

	(void)state;
	wr.av = (struct vib_av){ .dlid = d->gb->view.lid };
	duo_recv(d, 11, 200);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	cqe = take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.byte_len, 140);
	assert_int_equal(cqe.flags, VIB_CQE_RECV);
	assert_true(is_filled(d->rb.at + GRH, 100, 1));
	duo_free(d);
}

static void header_and_data_are_scattered_as_one(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
	struct vib_sge sges[3] = { sge_of(&d->rb, 0, 7), sge_of(&d->rb, 100, 50),
				   sge_of(&d->rb, 200, 1000) };
	uint8_t got[GRH + 60];

	(void)state;
	wr.count = 2;
	wr.sge[0] = sge_of(&d->ra, 0, 1);
	wr.sge[1] = sge_of(&d->ra, 1, 59);
	post_recv(&d->b, 11, sges, 3);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	memcpy(got, d->rb.at, 7);
	memcpy(got + 7, d->rb.at + 100, 50);
	memcpy(got + 57, d->rb.at + 200, sizeof(got) - 57);
	assert_int_equal(got[0] >> 4, 6);
	assert_memory_equal(got + 24, d->gb->view.gids[0].raw, 16);
	assert_true(is_filled(got + GRH, 60, 1));
	duo_free(d);
}

static void datagram_of_as_many_pieces_as_may_be_arrives(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD, .sges = MAX_SGE };
	struct duo *d = duo_apart(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);

	(void)state;
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	duo_connect(d);
	wr.count = MAX_SGE;
	for (uint32_t i = 0; i < MAX_SGE; i++)
		wr.sge[i] = sge_of(&d->ra, i * 3, 3);
	duo_recv(d, 11, 200);
	assert_arrives(d, &wr, MAX_SGE * 3);
	duo_free(d);
}

static void datagrams_of_0_bytes_and_of_the_mtu_arrive(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 4096 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_UD);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, lengths[i]);

		duo_recv(d, 11, GRH + lengths[i]);
		assert_arrives(d, &wr, lengths[i]);
		duo_free(d);
	}
}

static void datagram_beyond_the_mtu_is_too_long(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 2049);

	(void)state;
	d->ga->view.mtu = 2048;
	guest_set_port(d->ga);
	duo_recv(d, 11, DUO_BYTES);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_LOC_LEN_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void gid_index_beyond_the_table_is_malformed(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	wr.av.sgid_index = VIB_MAX_GIDS;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_LOC_QP_OP_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
	duo_free(d);
}

static void without_a_receive_a_datagram_is_dropped(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	assert_dropped(d, &wr);
	duo_recv(d, 11, 100);
	assert_next_arrives(d);
	duo_free(d);
}

static void receive_that_is_too_small_stays_for_the_next(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 61);

	(void)state;
	duo_recv(d, 11, 100);
	duo_recv(d, 12, 100);
	for (int i = 0; i < 3; i++)
		assert_dropped(d, &wr);
	assert_next_arrives(d); /* with 11 */
	wr = duo_wr(d, 3, VIB_OP_SEND, 60);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 12, VIB_WC_SUCCESS);
	duo_free(d);
}

static void receive_kept_for_the_next_is_flushed_with_the_rest(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 61);

	(void)state;
	duo_recv(d, 11, 100);
	duo_recv(d, 12, 100);
	assert_dropped(d, &wr);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void receive_that_names_no_memory_fails_the_receiver_alone(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct vib_sge sge = sge_of(&d->rb, DUO_BYTES - 50, 51);

	(void)state;
	post_recv(&d->b, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RTS);
	duo_free(d);
}

static void only_the_right_address_with_the_right_number_is_delivered_to(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr good = duo_wr(d, 1, VIB_OP_SEND, 8), wr;
	struct guest *third = guest_new(d->rig);

	(void)state;
	duo_recv(d, 11, 100);
	wr = good;
	wr.qpn ^= 0x800000;
	assert_dropped(d, &wr);
	wr = good;
	wr.qpn = 0xffffff;
	assert_dropped(d, &wr);
	wr = good;
	wr.av.dgid.raw[3] ^= 1;
	assert_dropped(d, &wr);
	wr = good;
	wr.av.dgid = third->view.gids[0]; /* another port than the QP's */
	assert_dropped(d, &wr);
	wr = good;
	memset(&wr.av.dgid, 0, 16); /* what empty places of a GID table hold */
	assert_dropped(d, &wr);
	wr = good;
	wr.av = (struct vib_av){ .dlid = third->view.lid };
	assert_dropped(d, &wr);
	assert_next_arrives(d);
	duo_free(d);
}

static void q_keys_must_agree(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	duo_recv(d, 11, 100);
	wr.qkey ^= 1;
	assert_dropped(d, &wr);
	wr.qkey = 0x80000000 | 0x77; /* a's own, which is b's */
	assert_arrives(d, &wr, 8);
	duo_free(d);
}

static void high_bit_asks_for_the_sender_s_own_q_key(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	d->b.attr.qkey = 0x80001234; /* a privileged one */
	duo_connect(d);
	duo_recv(d, 11, 100);
	wr.qkey = 0x80001234;
	assert_dropped(d, &wr);
	d->a.attr.qkey = 0x80001234;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, VIB_QP_QKEY), 0);
	assert_arrives(d, &wr, 8);
	duo_free(d);
}

static void p_keys_must_agree_and_one_be_of_a_full_member(void **state)
{
	static const struct {
		uint16_t a, b;
		bool ok;
	} cases[] = {
		{ 0xffff, 0x8001, false }, { 0x7fff, 0x7fff, false },
		{ 0x0000, 0x0000, false }, { 0x8000, 0x8000, false },
		{ 0x7fff, 0xffff, true },  { 0xffff, 0x7fff, true },
		{ 0x8001, 0x0001, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct duo *d = duo_new(VIB_QPT_UD);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		d->ga->view.pkeys[0] = cases[i].a;
		d->gb->view.pkeys[0] = cases[i].b;
		guest_set_port(d->ga);
		guest_set_port(d->gb);
		duo_recv(d, 11, 100);
		if (cases[i].ok)
			assert_arrives(d, &wr, 8);
		else
			assert_dropped(d, &wr);
		duo_free(d);
	}
}

static void p_key_index_is_the_receiver_s(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	d->gb->view.pkeys[9] = 0xffff;
	d->b.attr.pkey_index = 9;
	guest_set_port(d->gb);
	duo_connect(d);
	duo_recv(d, 11, 100);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).pkey_index, 9);
	duo_free(d);
}

static void ports_that_do_not_reach_each_other_deliver_nothing(void **state)
{
	static const int fabric;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_UD);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		if (i == 0)
			d->gb->view.fabric = &fabric;
		else if (i == 1)
			d->ga->view.up = false;
		else
			d->gb->view.up = false;
		guest_set_port(d->ga);
		guest_set_port(d->gb);
		duo_recv(d, 11, 100);
		assert_dropped(d, &wr);
		duo_free(d);
	}
}

static void qp_that_does_not_receive_yet_gets_nothing(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&d->b, VIB_QPS_INIT);
	duo_recv(d, 11, 100);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_RTR, 0), 0);
	assert_arrives(d, &wr, 8);
	duo_free(d);
}

static void qp_of_another_type_gets_no_datagram(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_UD };
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct pqp ud = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);

	(void)state;
	duo_connect(d);
	ud.attr.qkey = 0; /* an RC QP's */
	pqp_bring(&ud, VIB_QPS_RTS);
	duo_recv(d, 11, 100);
	wr.qkey = 0;
	post_send(&ud, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void qp_sends_to_itself(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct vib_sge sge = sge_of(&d->ra, 1000, 100);

	(void)state;
	post_recv(&d->a, 11, &sge, 1);
	wr.qpn = d->a.qpn;
	wr.av.dgid = d->ga->view.gids[0];
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 11, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_filled(d->ra.at + 1000 + GRH, 8, 1));
	duo_free(d);
}

static void many_datagrams_at_once_all_arrive(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD, .order = 7 };
	struct duo *d = duo_apart(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 4096);

	(void)state;
	pqp_end(&d->a);
	pqp_end(&d->b);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_connect(d);
	wr.qpn = d->b.qpn;
	for (int i = 0; i < 128; i++) { /* more than a share of a pass */
		duo_recv(d, 11, GRH + 4096);
		post_send(&d->a, &wr);
	}
	rig_run(d->rig);
	for (int i = 0; i < 128; i++) {
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	}
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagram_by_gid_comes_with_its_header),
		cmocka_unit_test(datagram_by_lid_comes_without_a_header),
		cmocka_unit_test(header_and_data_are_scattered_as_one),
		cmocka_unit_test(datagram_of_as_many_pieces_as_may_be_arrives),
		cmocka_unit_test(datagrams_of_0_bytes_and_of_the_mtu_arrive),
		cmocka_unit_test(datagram_beyond_the_mtu_is_too_long),
		cmocka_unit_test(gid_index_beyond_the_table_is_malformed),
		cmocka_unit_test(without_a_receive_a_datagram_is_dropped),
		cmocka_unit_test(receive_that_is_too_small_stays_for_the_next),
		cmocka_unit_test(receive_kept_for_the_next_is_flushed_with_the_rest),
		cmocka_unit_test(receive_that_names_no_memory_fails_the_receiver_alone),
		cmocka_unit_test(
			only_the_right_address_with_the_right_number_is_delivered_to),
		cmocka_unit_test(q_keys_must_agree),
		cmocka_unit_test(high_bit_asks_for_the_sender_s_own_q_key),
		cmocka_unit_test(p_keys_must_agree_and_one_be_of_a_full_member),
		cmocka_unit_test(p_key_index_is_the_receiver_s),
		cmocka_unit_test(ports_that_do_not_reach_each_other_deliver_nothing),
		cmocka_unit_test(qp_that_does_not_receive_yet_gets_nothing),
		cmocka_unit_test(qp_of_another_type_gets_no_datagram),
		cmocka_unit_test(qp_sends_to_itself),
		cmocka_unit_test(many_datagrams_at_once_all_arrive),
	};

	alarm(120);
	return cmocka_run_group_tests_name("datagrams", tests, rig_enter, rig_leave);
}
