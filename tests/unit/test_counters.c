// SPDX-License-Identifier: GPL-2.0-or-later
/* What a port counts: of both ends of each kind of message, and of what goes wrong. */
#include "rig_mad.h"
#include "rig_xrc.h"

/* Everything that is not in @want is 0. */
#define assert_counted(g, ...)                                         \
	do {                                                           \
		const struct vib_rsp_counters want_ = { __VA_ARGS__ }; \
		const struct vib_rsp_counters is_ = counters_of(g);    \
		assert_memory_equal(&is_, &want_, sizeof(want_));      \
	} while (0)

static void run(struct duo *d, const struct wr *wr)
{
	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, VIB_WC_SUCCESS);
}

/* ---- messages ---------------------------------------------------------- */

static void sends_and_writes_count_at_both_ends(void **state)
{
	static const uint8_t ops[] = { VIB_OP_SEND, VIB_OP_RDMA_WRITE,
				       VIB_OP_RDMA_WRITE_IMM };
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct duo *d = duo_apart(types[i % 2]);
		struct wr wr = duo_wr(d, 1, ops[i / 2], 2049);

		d->a.attr.path_mtu = 3; /* 1024 bytes */
		duo_connect(d);
		duo_recv(d, 11, 4096);
		run(d, &wr);
		assert_counted(d->ga, .xmit_bytes = 2049, .xmit_packets = 3);
		assert_counted(d->gb, .rcv_bytes = 2049, .rcv_packets = 3);
		duo_free(d);
	}
}

static void packets_are_what_the_mtu_makes_of_them(void **state)
{
	static const struct {
		uint32_t bytes, packets;
	} all[] = { { 0, 1 },   { 1, 1 },   { 255, 1 }, { 256, 1 },
		    { 257, 2 }, { 512, 2 }, { 513, 3 }, { 65536, 256 } };
	struct duo *d = duo_apart(VIB_QPT_RC);
	uint64_t packets = 0, bytes = 0;

	(void)state;
	d->a.attr.path_mtu = 1;
	duo_connect(d);
	for (unsigned int i = 0; i < 8; i++) {
		struct wr wr = duo_wr(d, i, VIB_OP_RDMA_WRITE, all[i].bytes);

		run(d, &wr);
		bytes += all[i].bytes;
		packets += all[i].packets;
		assert_counted(d->ga, .xmit_bytes = bytes, .xmit_packets = packets);
		assert_counted(d->gb, .rcv_bytes = bytes, .rcv_packets = packets);
	}
	duo_free(d);
}

static void reads_and_atomics_count_as_what_they_bring(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_READ, 5000);

	(void)state;
	run(d, &wr);
	assert_counted(d->ga, .xmit_packets = 1, .rcv_bytes = 5000, .rcv_packets = 2);
	assert_counted(d->gb, .rcv_packets = 1, .xmit_bytes = 5000, .xmit_packets = 2);
	wr = duo_wr(d, 2, VIB_OP_FETCH_ADD, 8);
	wr.addr += 8 - wr.addr % 8;
	run(d, &wr);
	assert_counted(d->ga, .xmit_packets = 2, .rcv_bytes = 5008, .rcv_packets = 3);
	assert_counted(d->gb, .rcv_packets = 2, .xmit_bytes = 5008, .xmit_packets = 3);
	duo_free(d);
}

static void xrc_counts_as_rc_does(void **state)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);

	(void)state;
	xrc_post(&x, 11, 200);
	xrc_send(&x, &wr);
	assert_counted(x.d->ga, .xmit_bytes = 100, .xmit_packets = 1);
	assert_counted(x.d->gb, .rcv_bytes = 100, .rcv_packets = 1);
	duo_free(x.d);
}

/* A message of several passes is one. */
static void long_message_counts_when_it_is_whole(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct region from = region_new(d->ga, 1 << 20), to = region_new(d->gb, 1 << 20);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);

	(void)state;
	wr.sge[0] = sge_of(&from, 0, 1 << 20);
	wr.addr = to.iova;
	wr.rkey = to.key;
	post_send(&d->a, &wr);
	ring(&d->a);
	rig_passes(d->rig, 1);
	assert_counted(d->ga, 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_counted(d->ga, .xmit_bytes = 1 << 20, .xmit_packets = 256);
	assert_counted(d->gb, .rcv_bytes = 1 << 20, .rcv_packets = 256);
	duo_free(d);
}

static void qp_to_itself_counts_both(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr;

	(void)state;
	pqp_aim(&d->a, &d->a, false);
	pqp_bring(&d->a, VIB_QPS_RTS);
	wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 50);
	wr.addr = d->ra.iova + 100;
	wr.rkey = d->ra.key;
	run(d, &wr);
	assert_counted(d->ga, .xmit_bytes = 50, .xmit_packets = 1, .rcv_bytes = 50,
		       .rcv_packets = 1);
	duo_free(d);
}

static void what_ended_qps_counted_stays(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 50);

	(void)state;
	run(d, &wr);
	pqp_reset(&d->a);
	assert_counted(d->ga, .xmit_bytes = 50, .xmit_packets = 1);
	pqp_end(&d->a);
	pqp_end(&d->b);
	assert_counted(d->ga, .xmit_bytes = 50, .xmit_packets = 1);
	assert_counted(d->gb, .rcv_bytes = 50, .rcv_packets = 1);
	duo_free(d);
}

/* ---- datagrams --------------------------------------------------------- */

static void datagrams_count_as_a_packet_each(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 3000);

	(void)state;
	duo_recv(d, 11, 4096);
	run(d, &wr);
	assert_counted(d->ga, .xmit_bytes = 3000, .xmit_packets = 1);
	assert_counted(d->gb, .rcv_bytes = 3000, .rcv_packets = 1);
	duo_free(d);
}

static void multicast_counts_once_here_and_at_each_member(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD };
	struct duo *d = duo_new(VIB_QPT_UD);
	struct pqp other = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	struct vib_cmd_mcast group = { .mgid = { { 0xff, 0x12, [15] = 9 } } };
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 30);
	struct vib_sge sge = sge_of(&d->rb, 0, 100);

	(void)state;
	pqp_bring(&other, VIB_QPS_RTS);
	wr.qpn = 0xffffff;
	wr.av.dgid = group.mgid;
	run(d, &wr); /* to nobody, who need not be known */
	assert_counted(d->ga, .xmit_bytes = 30, .xmit_packets = 1,
		       .multicast_xmit_packets = 1);
	group.qpn = d->b.qpn;
	assert_int_equal(qp_attach_mcast(d->gb->vhca, &group, &free_for_all), 0);
	group.qpn = other.qpn;
	assert_int_equal(qp_attach_mcast(d->gb->vhca, &group, &free_for_all), 0);
	post_recv(&d->b, 11, &sge, 1);
	post_recv(&other, 12, &sge, 1);
	run(d, &wr);
	assert_counted(d->ga, .xmit_bytes = 60, .xmit_packets = 2,
		       .multicast_xmit_packets = 2);
	assert_counted(d->gb, .rcv_bytes = 60, .rcv_packets = 2,
		       .multicast_rcv_packets = 2);
	duo_free(d);
}

static void datagram_to_nobody_is_discarded_here(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr good = duo_wr(d, 1, VIB_OP_SEND, 8), wr;

	(void)state;
	wr = good;
	wr.qpn = d->b.qpn + 100;
	run(d, &wr);
	assert_counted(d->ga, .xmit_discards = 1);
	wr = good;
	wr.av.dgid.raw[15] ^= 0x40;
	run(d, &wr);
	assert_counted(d->ga, .xmit_discards = 2);
	d->ga->view.up = false;
	guest_set_port(d->ga);
	run(d, &good);
	assert_counted(d->ga, .xmit_discards = 3);
	assert_counted(d->gb, 0);
	duo_free(d);
}

static void datagram_without_a_receive_is_discarded_there(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	run(d, &wr);
	duo_recv(d, 11, 47);
	run(d, &wr); /* which is too small, by one */
	assert_counted(d->ga, .xmit_bytes = 16, .xmit_packets = 2);
	assert_counted(d->gb, .rcv_bytes = 16, .rcv_packets = 2, .rcv_discards = 2);
	duo_free(d);
}

static void wrong_keys_are_violations_there(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	duo_recv(d, 11, 100);
	wr.qkey++;
	run(d, &wr);
	assert_counted(d->gb, .qkey_violations = 1);
	d->gb->view.pkeys[0] = 0x8001;
	guest_set_port(d->gb);
	run(d, &wr); /* the P_Key is looked at first */
	assert_counted(d->gb, .qkey_violations = 1, .pkey_violations = 1);
	assert_counted(d->ga, .xmit_bytes = 16, .xmit_packets = 2);
	/* and by whose fault it was */
	assert_int_equal(drop_counted(d->ga->vhca, DROP_QKEY), 1);
	assert_int_equal(drop_counted(d->ga->vhca, DROP_PKEY), 1);
	assert_int_equal(d->ga->raised, 2);
	for (enum drop why = 1; why < DROPS; why++)
		assert_int_equal(drop_counted(d->gb->vhca, why), 0);
	duo_free(d);
}

static void datagram_without_a_source_gid_is_discarded_here(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	duo_recv(d, 11, 100);
	wr.av.flags = VIB_AV_GRH;
	wr.av.dgid = d->gb->view.gids[0];
	wr.av.sgid_index = 3;
	run(d, &wr);
	assert_counted(d->ga, .xmit_discards = 1);
	assert_counted(d->gb, 0);
	assert_int_equal(drop_counted(d->ga->vhca, DROP_SGID), 1);
	wr.av.sgid_index = 0;
	run(d, &wr);
	assert_counted(d->gb, .rcv_bytes = 8, .rcv_packets = 1);
	duo_free(d);
}

static void datagram_to_qp0_or_qp1_is_discarded_here(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	for (wr.qpn = 0; wr.qpn < 2; wr.qpn++)
		run(d, &wr);
	assert_counted(d->ga, .xmit_discards = 2);
	assert_counted(d->gb, 0);
	assert_int_equal(drop_counted(d->ga->vhca, DROP_QPN), 2);
	duo_free(d);
}

static void every_cause_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (enum drop why = 1; why < DROPS; why++) {
		assert_true(strlen(drop_name(why)) > 1);
		assert_true(strlen(drop_text(why)) > 1);
		for (enum drop other = 1; other < why; other++)
			assert_string_not_equal(drop_name(why), drop_name(other));
	}
	assert_string_equal(drop_name(DROPS), "?");
	assert_string_equal(drop_text(DROP_NONE), "?");
}

static void mads_count_as_datagrams(void **state)
{
	struct mad_rig *m = mad_rig_new(VIB_QPT_GSI);
	struct mad_packet packet = { .qpn = 1, .pkey = 0xffff, .length = 24 };
	struct vib_sge sge = sge_of(&m->r, 0, 4096);
	struct wr wr = mad_wr(m, 1, 24);

	(void)state;
	mad_post(m, &wr);
	assert_counted(m->g, .xmit_bytes = 24, .xmit_packets = 1);
	post_recv(&m->qp, 11, &sge, 1);
	mad_deliver(m->g->vhca, &packet);
	rig_run(m->rig);
	vhca_count_lost_mad(m->g->vhca);
	assert_counted(m->g, .xmit_bytes = 24, .xmit_packets = 1,
		       .rcv_bytes = VIB_MAD_BYTES, .rcv_packets = 1, .mads_dropped = 1);
	mad_rig_free(m);
}

/* ---- what goes wrong --------------------------------------------------- */

static void uc_message_counts_though_it_is_not_taken(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	run(d, &wr); /* there is no receive */
	assert_counted(d->ga, .xmit_bytes = 8, .xmit_packets = 1);
	assert_counted(d->gb, .rcv_bytes = 8, .rcv_packets = 1);
	pqp_end(&d->b);
	run(d, &wr);
	assert_counted(d->ga, .xmit_bytes = 8, .xmit_packets = 1, .xmit_discards = 1);
	duo_free(d);
}

static void peer_that_is_not_ready_counts_its_naks(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	post_send(&d->a, &wr);
	for (int i = 0; i < 5; i++)
		rig_wait(d->rig, MS);
	assert_counted(d->ga, .retries = 1);
	assert_counted(d->gb, .rnr_naks_sent = 1);
	duo_recv(d, 11, 8);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_counted(d->ga, .retries = 1, .xmit_bytes = 8, .xmit_packets = 1);
	duo_free(d);
}

static void peer_that_does_not_answer_costs_a_retry_and_an_error(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_end(&d->b);
	post_send(&d->a, &wr);
	wr.id = 2;
	post_send(&d->a, &wr);
	for (int i = 0; i < 20; i++)
		rig_wait(d->rig, MS);
	take_cqe(&d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR); /* which is none */
	assert_counted(d->ga, .retries = 1, .errors = 1);
	assert_counted(d->gb, 0);
	duo_free(d);
}

static void message_of_another_partition_is_a_violation_there(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	d->gb->view.pkeys[0] = 0x8001;
	guest_set_port(d->gb);
	post_send(&d->a, &wr);
	for (int i = 0; i < 20; i++)
		rig_wait(d->rig, MS);
	take_cqe(&d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	assert_true(counters_of(d->gb).pkey_violations > 0);
	assert_int_equal(counters_of(d->ga).pkey_violations, 0);
	/* One message, however often it was tried. */
	assert_int_equal(drop_counted(d->ga->vhca, DROP_PKEY), 1);
	duo_free(d);
}

static void failures_of_both_ends_are_errors(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 65);

	(void)state;
	duo_recv(d, 11, 64);
	duo_recv(d, 12, 64);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_REM_INV_REQ_ERR);
	take_cqe(&d->cqb, 11, VIB_WC_LOC_LEN_ERR);
	take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
	assert_counted(d->ga, .errors = 1);
	assert_counted(d->gb, .errors = 1);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_and_writes_count_at_both_ends),
		cmocka_unit_test(packets_are_what_the_mtu_makes_of_them),
		cmocka_unit_test(reads_and_atomics_count_as_what_they_bring),
		cmocka_unit_test(xrc_counts_as_rc_does),
		cmocka_unit_test(long_message_counts_when_it_is_whole),
		cmocka_unit_test(qp_to_itself_counts_both),
		cmocka_unit_test(what_ended_qps_counted_stays),
		cmocka_unit_test(datagrams_count_as_a_packet_each),
		cmocka_unit_test(multicast_counts_once_here_and_at_each_member),
		cmocka_unit_test(datagram_to_nobody_is_discarded_here),
		cmocka_unit_test(datagram_without_a_receive_is_discarded_there),
		cmocka_unit_test(wrong_keys_are_violations_there),
		cmocka_unit_test(datagram_without_a_source_gid_is_discarded_here),
		cmocka_unit_test(datagram_to_qp0_or_qp1_is_discarded_here),
		cmocka_unit_test(every_cause_has_a_name_of_its_own),
		cmocka_unit_test(mads_count_as_datagrams),
		cmocka_unit_test(uc_message_counts_though_it_is_not_taken),
		cmocka_unit_test(peer_that_is_not_ready_counts_its_naks),
		cmocka_unit_test(peer_that_does_not_answer_costs_a_retry_and_an_error),
		cmocka_unit_test(message_of_another_partition_is_a_violation_there),
		cmocka_unit_test(failures_of_both_ends_are_errors),
	};

	alarm(120);
	return cmocka_run_group_tests_name("counters", tests, rig_enter, rig_leave);
}
