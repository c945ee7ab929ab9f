// SPDX-License-Identifier: GPL-2.0-or-later
/* Datagrams into which the backend puts IP's checksums. */
#include "naive_ip.h"
#include "rig_qp.h"

#define GRH 40

/* A packet in a's memory, from @offset on; a request that has its checksums put in. */
static struct wr packet_wr(struct duo *d, uint8_t protocol, uint32_t bytes)
{
	uint32_t length = naive_packet(d->ra.at, protocol, 0, bytes);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, length);

	wr.flags |= VIB_SEND_IP_CSUM;
	return wr;
}

/* @wr arrives; returns the completion at b, where the packet begins at GRH. */
static struct vib_cqe arrive(struct duo *d, const struct wr *wr)
{
	duo_recv(d, 11, DUO_BYTES);
	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	return take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
}

static void sums_of_tcp_and_udp_are_put_in_and_vouched_for(void **state)
{
	static const uint8_t protocols[] = { NAIVE_TCP, NAIVE_UDP };
	struct duo *d = duo_new(VIB_QPT_UD);

	(void)state;
	for (int i = 0; i < 2; i++)
		for (uint32_t bytes = 20; bytes <= 2000; bytes += 99) {
			struct wr wr = packet_wr(d, protocols[i], bytes);
			struct vib_cqe cqe = arrive(d, &wr);
			const uint8_t *got = d->rb.at + GRH;

			assert_int_equal(cqe.byte_len, GRH + AT_L4 + bytes);
			assert_int_equal(cqe.flags,
					 VIB_CQE_RECV | VIB_CQE_GRH | VIB_CQE_IP_CSUM_OK);
			assert_int_equal(cqe.opcode, VIB_OP_SEND);
			assert_true(naive_ip_ok(got));
			assert_true(naive_l4_ok(got));
			assert_memory_equal(got + AT_L4 + TCP_BYTES,
					    d->ra.at + AT_L4 + TCP_BYTES,
					    bytes - TCP_BYTES);
		}
	duo_free(d);
}

/* What the guest has in its own memory stays: it may send it again. */
static void the_sender_s_memory_stays_as_it_is(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_TCP, 100);
	uint8_t before[AT_L4 + 100];

	(void)state;
	memcpy(before, d->ra.at, sizeof(before));
	arrive(d, &wr);
	assert_memory_equal(d->ra.at, before, sizeof(before));
	duo_free(d);
}

static void pieces_of_any_length_are_one_packet(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_UDP, 1001);
	uint32_t length = AT_L4 + 1001;

	(void)state;
	wr.count = 4;
	wr.sge[0] = sge_of(&d->ra, 0, 3);
	wr.sge[1] = sge_of(&d->ra, 3, 0);
	wr.sge[2] = sge_of(&d->ra, 3, 28);
	wr.sge[3] = sge_of(&d->ra, 31, length - 31);
	assert_int_equal(arrive(d, &wr).byte_len, GRH + length);
	assert_true(naive_l4_ok(d->rb.at + GRH));
	duo_free(d);
}

static void inline_data_and_immediate_data_change_nothing(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_TCP, 40);
	struct vib_cqe cqe;

	(void)state;
	wr.opcode = VIB_OP_SEND_IMM;
	wr.imm = 0x55667788;
	wr.flags |= VIB_SEND_INLINE;
	wr.count = 0;
	wr.data = d->ra.at;
	wr.inline_len = AT_L4 + 40;
	cqe = arrive(d, &wr);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH | VIB_CQE_WITH_IMM |
					    VIB_CQE_IP_CSUM_OK);
	assert_int_equal(cqe.imm, 0x55667788);
	assert_true(naive_l4_ok(d->rb.at + GRH));
	duo_free(d);
}

/* Nobody vouches for what a guest has put in itself, right as it may be. */
static void what_is_not_asked_for_is_neither_put_in_nor_vouched_for(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_TCP, 100);

	(void)state;
	arrive(d, &wr);
	memcpy(d->ra.at, d->rb.at + GRH, AT_L4 + 100); /* with right ones */
	wr.flags &= (uint8_t)~VIB_SEND_IP_CSUM;
	assert_int_equal(arrive(d, &wr).flags, VIB_CQE_RECV | VIB_CQE_GRH);
	assert_true(naive_l4_ok(d->rb.at + GRH));
	be16(d->ra.at + AT_L4 + 16, 0xbad0);
	assert_int_equal(arrive(d, &wr).flags, VIB_CQE_RECV | VIB_CQE_GRH);
	assert_memory_equal(d->rb.at + GRH, d->ra.at, AT_L4 + 100);
	duo_free(d);
}

static void sum_that_cannot_be_made_is_not_vouched_for(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_UDP, 100);

	(void)state;
	be16(d->ra.at + AT_IP + 6, 0x2000);
	assert_int_equal(arrive(d, &wr).flags, VIB_CQE_RECV | VIB_CQE_GRH);
	assert_true(naive_ip_ok(d->rb.at + GRH));
	wr = packet_wr(d, NAIVE_ICMP, 100);
	assert_int_equal(arrive(d, &wr).flags, VIB_CQE_RECV | VIB_CQE_GRH);
	duo_free(d);
}

static void packet_of_the_mtu_fits_and_no_longer_one(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_UDP, 4096 - AT_L4);

	(void)state;
	assert_int_equal(arrive(d, &wr).byte_len, GRH + 4096);
	assert_true(naive_l4_ok(d->rb.at + GRH));
	wr.sge[0].length++;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_LOC_LEN_ERR);
	duo_free(d);
}

/* The sender alone fails. */
static void packet_without_a_place_for_sums_is_malformed(void **state)
{
	static const struct {
		uint8_t at, value;
	} wrong[] = { { 1, 6 }, { AT_IP, 0x65 }, { AT_IP, 0x4f }, { AT_IP + 2, 0x40 } };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct duo *d = duo_new(VIB_QPT_UD);
		struct wr wr = packet_wr(d, NAIVE_TCP, 30);

		d->ra.at[wrong[i].at] = wrong[i].value;
		duo_recv(d, 11, DUO_BYTES);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_LOC_QP_OP_ERR);
		assert_int_equal(pqp_state(&d->a), VIB_QPS_SQE);
		assert_no_cqe(&d->cqb);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
		assert_no_async(d->gb);
		duo_free(d);
	}
}

static void each_member_of_a_group_gets_right_sums(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = packet_wr(d, NAIVE_UDP, 777);
	struct vib_cmd_mcast join = { .mgid.raw = { 0xff, 0x12 } };
	struct vib_sge sge = sge_of(&d->ra, 8192, 8192);

	(void)state;
	join.qpn = d->a.qpn;
	assert_int_equal(qp_attach_mcast(d->ga->vhca, &join, &free_for_all), 0);
	join.qpn = d->b.qpn;
	assert_int_equal(qp_attach_mcast(d->gb->vhca, &join, &free_for_all), 0);
	wr.qpn = 0xffffff;
	wr.av.dgid = join.mgid;
	post_recv(&d->a, 12, &sge, 1);
	duo_recv(d, 11, DUO_BYTES);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_true(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).flags & VIB_CQE_IP_CSUM_OK);
	assert_true(take_cqe(&d->cqa, 12, VIB_WC_SUCCESS).flags & VIB_CQE_IP_CSUM_OK);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(naive_l4_ok(d->rb.at + GRH));
	assert_true(naive_l4_ok(d->ra.at + 8192 + GRH));
	duo_free(d);
}

/* Other types have no such flag: it is not looked at, as unknown ones. */
static void connected_qps_take_no_notice(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = packet_wr(d, NAIVE_TCP, 30);

	(void)state;
	assert_int_equal(arrive(d, &wr).flags, VIB_CQE_RECV);
	assert_memory_equal(d->rb.at, d->ra.at, AT_L4 + 30);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_of_tcp_and_udp_are_put_in_and_vouched_for),
		cmocka_unit_test(the_sender_s_memory_stays_as_it_is),
		cmocka_unit_test(pieces_of_any_length_are_one_packet),
		cmocka_unit_test(inline_data_and_immediate_data_change_nothing),
		cmocka_unit_test(what_is_not_asked_for_is_neither_put_in_nor_vouched_for),
		cmocka_unit_test(sum_that_cannot_be_made_is_not_vouched_for),
		cmocka_unit_test(packet_of_the_mtu_fits_and_no_longer_one),
		cmocka_unit_test(packet_without_a_place_for_sums_is_malformed),
		cmocka_unit_test(each_member_of_a_group_gets_right_sums),
		cmocka_unit_test(connected_qps_take_no_notice),
	};

	alarm(120);
	return cmocka_run_group_tests_name("offload", tests, rig_enter, rig_leave);
}
