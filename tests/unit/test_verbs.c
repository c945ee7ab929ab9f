// SPDX-License-Identifier: GPL-2.0-or-later
/* Data between two vibs of one ibback: every operation, checked byte for byte. */
#include "cm.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "pair.h"

#define BYTES (3u << 20)
#define QKEY  0x1234567u

static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "", "" };

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

static uint64_t remote(const struct side *s, size_t offset)
{
	return s->mr->iova + offset;
}

/* ---- RC ---------------------------------------------------------------- */

static void inline_write_of_8_bytes(void **state)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_INLINE | VIB_SEND_SIGNALED,
		.wr_id = 42,
		.inline_len = 8,
		.u.rdma = { .remote_addr = remote(&b, 100), .rkey = b.mr->rkey },
	};

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	for (int i = 0; i < 100; i++) {
		char text[9];

		snprintf(text, sizeof(text), "data %3d", i);
		assert_int_equal(libvib_send(a.qp, &wqe, text), 0);
		assert_int_equal(side_done(&a, 42).opcode, VIB_OP_RDMA_WRITE);
		assert_memory_equal(b.memory + 100, text, 8);
	}
	assert_int_equal(b.memory[99], 0);
	assert_int_equal(b.memory[108], 0);
}

static void writes_and_reads_of_every_size(void **state)
{
	static const uint32_t sizes[] = { 0,    1,    8,    63,    64,      65,     4095,
					  4096, 4097, 8192, 10000, 1 << 16, 1 << 20 };
	struct vib_send_wqe wqe = { .flags = VIB_SEND_SIGNALED };

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t n = sizes[i];

		fill(a.memory + 3, n, i);
		wqe.wr_id = i;
		wqe.u.rdma.rkey = b.mr->rkey;
		wqe.u.rdma.remote_addr = remote(&b, 4090);
		wqe.opcode = VIB_OP_RDMA_WRITE;
		side_send(&a, &wqe, 3, n);
		side_done(&a, i);
		assert_memory_equal(a.memory + 3, b.memory + 4090, n);

		wqe.opcode = VIB_OP_RDMA_READ;
		side_send(&a, &wqe, (1 << 20) + 77, n);
		assert_int_equal(side_done(&a, i).byte_len, n);
		assert_memory_equal(a.memory + 3, a.memory + (1 << 20) + 77, n);
	}
}

static void send_with_immediate_data(void **state)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND_IMM,
					  .flags = VIB_SEND_SIGNALED,
					  .wr_id = 1,
					  .imm = htobe32(0xcafe) };
	struct vib_cqe cqe;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	fill(a.memory, 5000, 1);
	side_recv(&b, 2, 50, 6000);
	side_send(&a, &wqe, 0, 5000);
	cqe = side_done(&b, 2);
	assert_int_equal(cqe.byte_len, 5000);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_IMM);
	assert_int_equal(cqe.imm, htobe32(0xcafe));
	assert_memory_equal(b.memory + 50, a.memory, 5000);
	assert_int_equal(side_done(&a, 1).flags, 0);
}

static void send_waits_for_a_receive(void **state)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
					  .flags = VIB_SEND_SIGNALED };
	struct vib_cqe none;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	memcpy(a.memory, "early", 6);
	side_send(&a, &wqe, 0, 6);
	usleep(20000);
	assert_int_equal(libvib_poll_cq(a.cq, &none, 1), 0);
	side_recv(&b, 7, 0, 100);
	side_done(&b, 7);
	side_done(&a, 0);
	assert_string_equal((char *)b.memory, "early");
}

static void write_with_immediate_data_takes_a_receive(void **state)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE_IMM,
		.flags = VIB_SEND_SIGNALED,
		.imm = htobe32(5),
		.u.rdma = { .remote_addr = remote(&b, 0), .rkey = b.mr->rkey },
	};
	struct vib_cqe cqe;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	fill(a.memory, 300, 9);
	side_recv(&b, 8, 1000, 1);
	side_send(&a, &wqe, 0, 300);
	cqe = side_done(&b, 8);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_IMM);
	assert_int_equal(cqe.byte_len, 300);
	assert_memory_equal(b.memory, a.memory, 300);
	side_done(&a, 0);
}

static void elements_are_gathered_and_scattered(void **state)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
					  .flags = VIB_SEND_SIGNALED,
					  .num_sge = 3 };
	const struct vib_recv_wqe recv = { .num_sge = 2 };
	struct vib_sge from[3], to[2];

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	fill(a.memory, 10000, 4);
	from[0] = libvib_sge(a.mr, a.memory, 10);
	from[1] = libvib_sge(a.mr, a.memory + 10, 0);
	from[2] = libvib_sge(a.mr, a.memory + 10, 9990);
	to[0] = libvib_sge(b.mr, b.memory + 5, 4096);
	to[1] = libvib_sge(b.mr, b.memory + 5 + 4096, 9000);
	assert_int_equal(libvib_recv(b.qp, &recv, to), 0);
	assert_int_equal(libvib_send(a.qp, &wqe, from), 0);
	assert_int_equal(side_done(&b, 0).byte_len, 10000);
	side_done(&a, 0);
	assert_memory_equal(b.memory + 5, a.memory, 10000);
}

static void atomics_return_what_was_there(void **state)
{
	struct vib_send_wqe wqe = {
		.opcode = VIB_OP_FETCH_ADD,
		.flags = VIB_SEND_SIGNALED,
		.u.atomic = { .remote_addr = remote(&b, 64),
			      .rkey = b.mr->rkey,
			      .compare_add = 5 },
	};
	uint64_t *there = (uint64_t *)(b.memory + 64), *here = (uint64_t *)a.memory;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	*there = 100;
	side_send(&a, &wqe, 0, 8);
	side_done(&a, 0);
	assert_true(*here == 100 && *there == 105);

	wqe.opcode = VIB_OP_CMP_SWAP;
	wqe.u.atomic.compare_add = 105;
	wqe.u.atomic.swap = 7;
	side_send(&a, &wqe, 0, 8);
	side_done(&a, 0);
	assert_true(*here == 105 && *there == 7);
	side_send(&a, &wqe, 0, 8);
	side_done(&a, 0);
	assert_true(*here == 7 && *there == 7);
}

static void wrong_key_ends_in_an_access_error(void **state)
{
	struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.wr_id = 3,
		.u.rdma = { .remote_addr = remote(&b, 0), .rkey = b.mr->rkey + 1 },
	};
	struct vib_qp_attr attr;
	struct vib_cqe cqe;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	side_send(&a, &wqe, 0, 8);
	cqe = side_complete(&a);
	assert_int_equal(cqe.status, VIB_WC_REM_ACCESS_ERR);
	assert_true(cqe.wr_id == 3);
	side_send(&a, &wqe, 0, 8);
	assert_int_equal(side_complete(&a).status, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(libvib_query_qp(a.qp, &attr), 0);
	assert_int_equal(attr.state, VIB_QPS_ERR);
}

static void reset_pair_works_anew(void **state)
{
	const struct vib_qp_attr reset = { .state = VIB_QPS_RESET };
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
					  .flags = VIB_SEND_SIGNALED };

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 2 * PAIR_ENTRIES + 3; i++) {
			side_recv(&b, i, 0, 64);
			side_send(&a, &wqe, 0, 64);
			side_done(&b, i);
			side_done(&a, 0);
		}
		side_recv(&b, 99, 0, 64); /* goes with the reset */
		assert_int_equal(libvib_modify_qp(a.qp, &reset, VIB_QP_STATE), 0);
		assert_int_equal(libvib_modify_qp(b.qp, &reset, VIB_QP_STATE), 0);
		assert_int_equal(libvib_qp_connect(a.qp, &a.end, &b.end, NULL), 0);
		assert_int_equal(libvib_qp_connect(b.qp, &b.end, &a.end, NULL), 0);
	}
}

/* ---- UC and UD --------------------------------------------------------- */

static void unreliable_connection_writes_and_sends(void **state)
{
	struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.u.rdma = { .remote_addr = remote(&b, 0), .rkey = b.mr->rkey },
	};

	(void)state;
	pair_connect(&a, &b, VIB_QPT_UC);
	fill(a.memory, 9000, 2);
	side_send(&a, &wqe, 0, 9000);
	side_done(&a, 0);
	side_recv(&b, 1, 10000, 9000);
	wqe.opcode = VIB_OP_SEND;
	side_send(&a, &wqe, 0, 9000);
	side_done(&a, 0);
	assert_int_equal(side_done(&b, 1).byte_len, 9000);
	assert_memory_equal(b.memory, a.memory, 9000);
	assert_memory_equal(b.memory + 10000, a.memory, 9000);
}

/* Two UD QPs, and a request from a's to b's. */
static struct vib_send_wqe datagram(bool grh)
{
	side_make_qp(&a, VIB_QPT_UD);
	side_make_qp(&b, VIB_QPT_UD);
	assert_int_equal(libvib_qp_start_ud(a.qp, QKEY, 0), 0);
	assert_int_equal(libvib_qp_start_ud(b.qp, QKEY, 0), 0);
	return (struct vib_send_wqe){
		.opcode = VIB_OP_SEND,
		.flags = VIB_SEND_SIGNALED,
		.u.ud = { .remote_qpn = b.qp->number,
			  .qkey = QKEY,
			  .av = { .dlid = b.end.lid,
				  .dgid = b.end.gid,
				  .hop_limit = 1,
				  .flags = grh ? VIB_AV_GRH : 0 } },
	};
}

static void datagram_comes_behind_40_bytes(void **state)
{
	struct vib_send_wqe wqe = datagram(false);
	struct vib_cqe cqe;

	(void)state;
	fill(a.memory, 4096, 6);
	side_recv(&b, 1, 0, 40 + 4096);
	side_send(&a, &wqe, 0, 4096);
	side_done(&a, 0);
	cqe = side_done(&b, 1);
	assert_int_equal(cqe.byte_len, 40 + 4096);
	assert_int_equal(cqe.src_qpn, a.qp->number);
	assert_int_equal(cqe.slid, a.end.lid);
	assert_int_equal(cqe.flags, VIB_CQE_RECV);
	assert_memory_equal(b.memory + 40, a.memory, 4096);
}

static void routed_datagram_has_a_grh(void **state)
{
	struct vib_send_wqe wqe = datagram(true);
	struct vib_cqe cqe;

	(void)state;
	side_recv(&b, 1, 0, 200);
	side_send(&a, &wqe, 0, 100);
	side_done(&a, 0);
	cqe = side_done(&b, 1);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH);
	assert_int_equal(b.memory[0] >> 4, 6); /* IBTA vol. 1 §8.3: IPVer */
	assert_memory_equal(b.memory + 8, a.end.gid.raw, 16);
	assert_memory_equal(b.memory + 24, b.end.gid.raw, 16);
}

static void datagram_with_a_wrong_qkey_is_lost(void **state)
{
	struct vib_send_wqe wqe = datagram(false);
	struct vib_cqe none;

	(void)state;
	side_recv(&b, 1, 0, 200);
	wqe.u.ud.qkey++;
	side_send(&a, &wqe, 0, 100);
	side_done(&a, 0);
	wqe.u.ud.qkey--;
	side_send(&a, &wqe, 0, 50);
	side_done(&a, 0);
	assert_int_equal(side_done(&b, 1).byte_len, 40 + 50);
	assert_int_equal(libvib_poll_cq(b.cq, &none, 1), 0);
}

static void group_receives_what_is_sent_to_it(void **state)
{
	const struct vib_gid mgid = { { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, 0, 0, 0, 0, 0,
					0, 0, 0, 0, 1 } };
	struct vib_send_wqe wqe = datagram(true);

	(void)state;
	assert_int_equal(libvib_attach_mcast(b.qp, &mgid, 0xc001), 0);
	assert_int_equal(libvib_detach_mcast(a.qp, &mgid, 0xc001), -ENOENT);
	wqe.u.ud.remote_qpn = 0xffffff;
	wqe.u.ud.av.dgid = mgid;
	wqe.u.ud.av.dlid = 0xc001;
	memcpy(a.memory, "to all", 7);
	side_recv(&b, 1, 0, 100);
	side_send(&a, &wqe, 0, 7);
	side_done(&a, 0);
	assert_int_equal(side_done(&b, 1).byte_len, 47);
	assert_string_equal((char *)b.memory + 40, "to all");
	assert_int_equal(libvib_detach_mcast(b.qp, &mgid, 0xc001), 0);
	assert_int_equal(libvib_detach_mcast(b.qp, &mgid, 0xc001), -ENOENT);
}

#define test(name) pair_test(name, &pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(inline_write_of_8_bytes),
		test(writes_and_reads_of_every_size),
		test(send_with_immediate_data),
		test(send_waits_for_a_receive),
		test(write_with_immediate_data_takes_a_receive),
		test(elements_are_gathered_and_scattered),
		test(atomics_return_what_was_there),
		test(wrong_key_ends_in_an_access_error),
		test(reset_pair_works_anew),
		test(unreliable_connection_writes_and_sends),
		test(datagram_comes_behind_40_bytes),
		test(routed_datagram_has_a_grh),
		test(datagram_with_a_wrong_qkey_is_lost),
		test(group_receives_what_is_sent_to_it),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
