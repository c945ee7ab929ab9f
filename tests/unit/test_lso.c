// SPDX-License-Identifier: GPL-2.0-or-later
/* LSO: what TCP sends at once is cut into the packets that it would have sent. */
#include "naive_ip.h"
#include "rig_dma.h"

#define GRH      40
#define RECEIVES 64
#define BUFFER   (DUO_BYTES / RECEIVES) /* of one of b's receives */
#define FLAGS    0x99                   /* CWR, ACK, PSH, FIN */

/* A header for LSO, and where it says that data begin. */
static uint8_t header[256];

static struct duo *duo_lso_apart(void)
{
	const struct plan plan = { .type = VIB_QPT_UD,
				   .order = 6,
				   .more_stride = 128,
				   .flags = VIB_QPF_KERNEL };
	struct duo *d = duo_apart(VIB_QPT_UD);

	pqp_end(&d->a);
	pqp_end(&d->b);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	return d;
}

/* @count receives of BUFFER bytes each, one behind the other. */
static void give_receives(struct duo *d, unsigned int count)
{
	memset(d->rb.at, 0, DUO_BYTES);
	for (unsigned int i = 0; i < count; i++) {
		struct vib_sge sge = sge_of(&d->rb, i * BUFFER, BUFFER);

		post_recv(&d->b, 100 + i, &sge, 1);
	}
}

static struct duo *duo_lso(void)
{
	struct duo *d = duo_lso_apart();

	give_receives(d, RECEIVES);
	return d;
}

/* A request for @bytes of a's memory in packets with @mss of them. */
static struct wr lso_wr(struct duo *d, uint32_t bytes, uint16_t mss)
{
	struct wr wr = duo_wr(d, 1, VIB_OP_LSO, bytes);

	memset(header, 0, sizeof(header));
	wr.inline_len = naive_packet(header, NAIVE_TCP, 0, TCP_BYTES);
	header[AT_L4 + 13] = FLAGS;
	wr.data = header;
	wr.mss = mss;
	return wr;
}

/* The packet in b's buffer @i is the one of @bytes from @before on. */
static void assert_packet(struct duo *d, unsigned int i, uint32_t before, uint32_t bytes,
			  bool last)
{
	struct vib_cqe cqe = take_cqe(&d->cqb, 100 + i, VIB_WC_SUCCESS);
	const uint8_t *got = d->rb.at + i * BUFFER + GRH;
	const uint8_t *ip = got + AT_IP, *tcp = got + AT_L4;
	uint8_t expected[AT_L4 + TCP_BYTES];
	uint8_t flags = FLAGS;

	assert_int_equal(cqe.byte_len, GRH + sizeof(expected) + bytes);
	assert_int_equal(cqe.opcode, VIB_OP_SEND);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH | VIB_CQE_IP_CSUM_OK);
	assert_int_equal(cqe.src_qpn, d->a.qpn);
	assert_true(naive_ip_ok(got));
	assert_true(naive_l4_ok(got));
	assert_int_equal(of_be16(d->rb.at + i * BUFFER + 4), /* the GRH's length */
			 (sizeof(expected) + bytes + 3) / 4 * 4 + 24);

	/* All else of the header is as it was given. */
	memcpy(expected, header, sizeof(expected));
	be16(expected + AT_IP + 2, 20 + TCP_BYTES + bytes);
	be16(expected + AT_IP + 4, (0xfffe + i) & 0xffff);
	memcpy(expected + AT_IP + 10, ip + 10, 2);
	be32(expected + AT_L4 + 4, 0xffffff00 + before);
	if (i)
		flags &= 0x7f;
	if (!last)
		flags &= (uint8_t)~0x09;
	expected[AT_L4 + 13] = flags;
	memcpy(expected + AT_L4 + 16, tcp + 16, 2);
	assert_memory_equal(got, expected, sizeof(expected));
	assert_memory_equal(got + sizeof(expected), d->ra.at + before, bytes);
}

/* All of them arrive, and nothing more. */
static void assert_arrives(struct duo *d, uint32_t bytes, uint32_t mss)
{
	unsigned int i = 0;
	uint32_t at = 0;

	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	do {
		uint32_t n = bytes - at < mss ? bytes - at : mss;

		assert_packet(d, i++, at, n, at + n == bytes);
		at += n;
	} while (at < bytes);
	assert_no_cqe(&d->cqb);
	assert_no_cqe(&d->cqa);
}

static void data_arrive_in_packets_as_tcp_would_send_them(void **state)
{
	static const struct {
		uint32_t bytes;
		uint16_t mss;
	} cases[] = { { 30000, 900 }, { 1800, 900 }, { 901, 900 },
		      { 900, 900 },   { 899, 900 },  { 1, 900 },
		      { 0, 900 },     { 500, 8 },    { 63, 31 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct duo *d = duo_lso();
		struct wr wr = lso_wr(d, cases[i].bytes, cases[i].mss);

		post_send(&d->a, &wr);
		rig_run(d->rig);
		assert_arrives(d, cases[i].bytes, cases[i].mss);
		duo_free(d);
	}
}

static void data_in_pieces_are_cut_anywhere(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 0, 333);

	(void)state;
	wr.count = 4;
	wr.sge[0] = sge_of(&d->ra, 0, 1000);
	wr.sge[1] = sge_of(&d->ra, 1000, 1);
	wr.sge[2] = sge_of(&d->ra, 1001, 0);
	wr.sge[3] = sge_of(&d->ra, 1001, 5000);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_arrives(d, 6001, 333);
	duo_free(d);
}

static void memory_of_the_kernel_is_sent_from(void **state)
{
	struct duo *d = duo_lso();
	struct dma_memory dma = dma_new(d->ga, 0x10000, 4);
	struct wr wr = lso_wr(d, 3000, 900);

	(void)state;
	memcpy(dma.at + 77, d->ra.at, 3000);
	wr.sge[0] = dma_sge(0x10000 + 77, 3000);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_arrives(d, 3000, 900);
	dma_end(&dma);
	duo_free(d);
}

static void packets_count_as_such(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 1000, 100);
	struct vib_rsp_counters c;

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	c = counters_of(d->ga);
	assert_int_equal(c.xmit_packets, 10);
	assert_int_equal(c.xmit_bytes, 1000 + 10 * (AT_L4 + TCP_BYTES));
	assert_int_equal(c.xmit_discards, 0);
	c = counters_of(d->gb);
	assert_int_equal(c.rcv_packets, 10);
	assert_int_equal(c.rcv_bytes, 1000 + 10 * (AT_L4 + TCP_BYTES));
	duo_free(d);
}

static void packets_without_a_receive_are_lost(void **state)
{
	struct duo *d = duo_lso_apart();
	struct wr wr = lso_wr(d, 1000, 100);

	(void)state;
	give_receives(d, 3);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	for (unsigned int i = 0; i < 3; i++)
		assert_packet(d, i, i * 100, 100, false);
	assert_no_cqe(&d->cqb);
	assert_int_equal(counters_of(d->gb).rcv_discards, 7);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	duo_free(d);
}

static void to_nobody_nothing_is_sent_and_it_succeeds(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 1000, 100);

	(void)state;
	wr.qpn ^= 0x800000;
	post_send(&d->a, &wr);
	wr.qpn ^= 0x800000;
	wr.av.dgid.raw[3] ^= 1;
	post_send(&d->a, &wr);
	wr.av.dgid.raw[3] ^= 1;
	wr.qkey ^= 1;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	for (int i = 0; i < 3; i++)
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	assert_int_equal(counters_of(d->ga).xmit_discards, 2);
	assert_int_equal(counters_of(d->gb).qkey_violations, 10);
	duo_free(d);
}

static void qp_sends_to_itself(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 200, 100);
	struct vib_sge sge = sge_of(&d->ra, 8192, BUFFER);

	(void)state;
	wr.qpn = d->a.qpn;
	wr.av.dgid = d->ga->view.gids[0];
	for (int i = 0; i < 2; i++)
		post_recv(&d->a, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	for (int i = 0; i < 2; i++)
		take_cqe(&d->cqa, 11, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(naive_l4_ok(d->ra.at + 8192 + GRH));
	duo_free(d);
}

/* The smallest packets of the most data: 8192 of them, a share in each pass. */
static void many_packets_take_turns_with_others(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD };
	struct duo *d = duo_lso_apart();
	struct pqp other = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	struct wr wr = lso_wr(d, VIB_LSO_MAX_DATA, VIB_LSO_MIN_MSS), small;
	unsigned int passes = 0;
	struct vib_cqe cqe;

	(void)state;
	pqp_bring(&other, VIB_QPS_RTS);
	small = duo_wr(d, 2, VIB_OP_SEND, 8);
	post_send(&d->a, &wr);
	post_send(&other, &small);
	for (; passes < 1000 && !ccq_poll(&d->cqa, &cqe); passes++)
		rig_pass(d->rig);
	assert_int_equal(cqe.wr_id, 2); /* long before the large one */
	assert_true(passes < 10);
	for (; passes < 1000 && !ccq_poll(&d->cqa, &cqe); passes++)
		rig_pass(d->rig);
	assert_int_equal(cqe.wr_id, 1);
	assert_in_range(passes, 20, 999);
	assert_int_equal(counters_of(d->ga).xmit_packets, 8192 + 1);
	duo_free(d);
}

/* It fails alone, with @status, and b hears nothing of it. */
static void assert_refused(struct duo *d, const struct wr *wr, uint8_t status)
{
	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, status);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
	assert_no_cqe(&d->cqb);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_no_async(d->ga);
	assert_no_async(d->gb);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, 0), 0);
}

static void packets_beyond_the_mtu_are_too_long(void **state)
{
	struct duo *d = duo_lso();
	uint16_t most = 2048 - AT_L4 - TCP_BYTES;
	struct wr wr = lso_wr(d, 10, most + 1);

	(void)state;
	d->ga->view.mtu = 2048;
	guest_set_port(d->ga);
	assert_refused(d, &wr, VIB_WC_LOC_LEN_ERR);
	wr.mss = 0xffff;
	assert_refused(d, &wr, VIB_WC_LOC_LEN_ERR);
	wr.mss = most;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_arrives(d, 10, most);
	duo_free(d);
}

static void data_beyond_64_kib_are_too_long(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 0, 900);

	(void)state;
	wr.count = 2;
	wr.sge[0] = sge_of(&d->ra, 0, DUO_BYTES);
	wr.sge[1] = sge_of(&d->ra, 0, 1);
	assert_refused(d, &wr, VIB_WC_LOC_LEN_ERR);
	duo_free(d);
}

static void cuts_that_are_too_small_are_malformed(void **state)
{
	struct duo *d = duo_lso();

	(void)state;
	for (uint16_t mss = 0; mss < VIB_LSO_MIN_MSS; mss++) {
		struct wr wr = lso_wr(d, 100, mss);

		assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	}
	duo_free(d);
}

static void header_that_is_none_of_tcp_is_malformed(void **state)
{
	static const struct {
		uint8_t at, value;
		uint32_t length; /* 0: as it is */
	} wrong[] = {
		{ 1, 6, 0 },
		{ AT_IP, 0x65, 0 },
		{ AT_IP, 0x44, 0 },
		{ AT_IP, 0x4f, 0 },
		{ AT_IP + 6, 0x20, 0 },
		{ AT_IP + 7, 1, 0 },
		{ AT_IP + 9, NAIVE_UDP, 0 },
		{ AT_L4 + 12, 0x40, 0 },
		{ AT_L4 + 12, 0x60, 0 },
		{ 0, 8, AT_L4 + TCP_BYTES - 1 },
		{ 0, 8, AT_L4 + TCP_BYTES + 1 },
		{ 0, 8, 0xffffffff },
		{ 0, 8, VIB_LSO_MAX_HEADER + 1 },
		{ 0, 8, 1 },
	};
	struct duo *d = duo_lso();
	struct wr wr;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		wr = lso_wr(d, 100, 100);
		header[wrong[i].at] = wrong[i].value;
		if (wrong[i].length)
			wr.inline_len = wrong[i].length;
		assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	}
	wr = lso_wr(d, 100, 100);
	wr.inline_len = 0;
	assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	duo_free(d);
}

static void longest_header_is_taken(void **state)
{
	struct duo *d = duo_lso();
	struct wr wr = lso_wr(d, 100, 60);
	const uint8_t *got = d->rb.at + GRH;

	(void)state;
	wr.inline_len = naive_packet(header, NAIVE_TCP, 40, 60);
	assert_int_equal(wr.inline_len, VIB_LSO_MAX_HEADER);
	header[AT_L4 + 40 + 12] = 0xf0;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	for (unsigned int i = 0; i < 2; i++, got += BUFFER) {
		take_cqe(&d->cqb, 100 + i, VIB_WC_SUCCESS);
		assert_true(naive_ip_ok(got));
		assert_true(naive_l4_ok(got));
		assert_memory_equal(got + VIB_LSO_MAX_HEADER, d->ra.at + i * 60,
				    i ? 40 : 60);
	}
	duo_free(d);
}

static void request_of_another_form_is_malformed(void **state)
{
	struct duo *d = duo_lso(), *rc = duo_new(VIB_QPT_RC);
	struct wr wr = lso_wr(d, 100, 100);

	(void)state;
	wr.flags |= VIB_SEND_INLINE;
	assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	wr = lso_wr(d, 100, 100);
	wr.count = 200;
	assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	wr = lso_wr(d, 100, 100);
	wr.qpn = 0xffffff;
	wr.av.dgid.raw[0] = 0xff; /* TCP goes to no group */
	assert_refused(d, &wr, VIB_WC_LOC_QP_OP_ERR);
	wr = lso_wr(d, 100, 100);
	wr.sge[0].length = DUO_BYTES + 1;
	assert_refused(d, &wr, VIB_WC_LOC_PROT_ERR);

	wr = lso_wr(rc, 100, 100);
	post_send(&rc->a, &wr);
	rig_run(rc->rig);
	take_cqe(&rc->cqa, 1, VIB_WC_LOC_QP_OP_ERR);
	duo_free(rc);
	duo_free(d);
}

/* The SGEs begin behind the header, and are no more than the slot has. */
static void header_and_pieces_are_to_fit_into_the_slot(void **state)
{
	struct duo *d = duo_lso_apart(); /* slots of 256 bytes */
	struct wr wr = lso_wr(d, 100, 100);

	(void)state;
	wr.inline_len = naive_packet(header, NAIVE_TCP, 40, 60);
	header[AT_L4 + 40 + 12] = 0xf0;
	wr.count = 4; /* 64 + 128 + 64 bytes */
	for (int i = 0; i < 4; i++)
		wr.sge[i] = sge_of(&d->ra, 25 * (uint64_t)i, 25);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);

	d = duo_new(VIB_QPT_UD); /* of 128: a short header and one piece */
	wr = lso_wr(d, 100, 100);
	duo_recv(d, 11, DUO_BYTES);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	wr.count = 2;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_LOC_QP_OP_ERR);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_arrive_in_packets_as_tcp_would_send_them),
		cmocka_unit_test(data_in_pieces_are_cut_anywhere),
		cmocka_unit_test(memory_of_the_kernel_is_sent_from),
		cmocka_unit_test(packets_count_as_such),
		cmocka_unit_test(packets_without_a_receive_are_lost),
		cmocka_unit_test(to_nobody_nothing_is_sent_and_it_succeeds),
		cmocka_unit_test(qp_sends_to_itself),
		cmocka_unit_test(many_packets_take_turns_with_others),
		cmocka_unit_test(packets_beyond_the_mtu_are_too_long),
		cmocka_unit_test(data_beyond_64_kib_are_too_long),
		cmocka_unit_test(cuts_that_are_too_small_are_malformed),
		cmocka_unit_test(header_that_is_none_of_tcp_is_malformed),
		cmocka_unit_test(longest_header_is_taken),
		cmocka_unit_test(request_of_another_form_is_malformed),
		cmocka_unit_test(header_and_pieces_are_to_fit_into_the_slot),
	};

	alarm(120);
	return cmocka_run_group_tests_name("large sends", tests, rig_enter, rig_leave);
}
