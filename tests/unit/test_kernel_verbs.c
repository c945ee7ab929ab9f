// SPDX-License-Identifier: GPL-2.0-or-later
/* A vib used as a guest's kernel would, at a real ibback. */
#include "cm.h"

#include <errno.h>

#include "pair.h"

#define BYTES    65536
#define DMA_BASE 0x7000000
#define QKEY     0x1234567u

static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "", "" };
static struct libvib_dma *dma_a, *dma_b;

static int set_up(void **state)
{
	(void)state;
	pair_open(&pair);
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, BYTES, DMA_BASE, &dma_a), 0);
	assert_int_equal(libvib_reg_dma(b.lv, b.memory, BYTES, 0, &dma_b), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(libvib_dereg_dma(dma_a), 0);
	assert_int_equal(libvib_dereg_dma(dma_b), 0);
	pair_close(&pair);
	return 0;
}

static void connect_kernels(void)
{
	side_make_kernel_qp(&a, VIB_QPT_RC);
	side_make_kernel_qp(&b, VIB_QPT_RC);
	assert_int_equal(libvib_qp_connect(a.qp, &a.end, &b.end, NULL), 0);
	assert_int_equal(libvib_qp_connect(b.qp, &b.end, &a.end, NULL), 0);
}

/* a sends @length bytes from @from of its memory, by the one key of all of it. */
static void send_dma(uint32_t from, uint32_t length)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
					  .flags = VIB_SEND_SIGNALED,
					  .num_sge = 1,
					  .wr_id = 1 };
	const struct vib_sge sge = libvib_dma_sge(dma_a, a.memory + from, length);

	assert_int_equal(libvib_send(a.qp, &wqe, &sge), 0);
}

static void data_come_from_and_go_to_memory_without_a_region(void **state)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = 2 };
	const struct vib_sge sge = libvib_dma_sge(dma_b, b.memory + 4000, 3000);

	(void)state;
	connect_kernels();
	memset(a.memory + 8190, 0x5e, 3000);
	assert_int_equal(libvib_recv(b.qp, &wqe, &sge), 0);
	send_dma(8190, 3000);
	side_done(&a, 1);
	assert_int_equal(side_done(&b, 2).byte_len, 3000);
	assert_memory_equal(b.memory + 4000, a.memory + 8190, 3000);
	assert_int_equal(b.memory[3999], 0);
	assert_int_equal(b.memory[7000], 0);
}

/* The address of that byte of @s's memory by its page's grant. */
static struct vib_sge granted_sge(const struct side *s, uint32_t from, uint32_t length)
{
	struct libvib_pages first;
	uint64_t ref;

	assert_int_equal(libvib_pages_begin(s->lv, s->memory, 1, &first), 0);
	ref = first.tree.root; /* of one page it is the page's */
	return (struct vib_sge){ VIB_GRANTED_BASE + (ref << VIB_PAGE_SHIFT) + from,
				 length, VIB_LOCAL_DMA_LKEY };
}

static void data_come_from_and_go_to_pages_that_are_granted(void **state)
{
	const struct vib_recv_wqe recv = { .num_sge = 1, .wr_id = 2 };
	const struct vib_send_wqe send = { .opcode = VIB_OP_SEND,
					   .flags = VIB_SEND_SIGNALED,
					   .num_sge = 1,
					   .wr_id = 1 };
	const struct vib_sge to = granted_sge(&b, 4000, 9000);
	const struct vib_sge from = granted_sge(&a, 8190, 9000);

	(void)state;
	connect_kernels();
	memset(a.memory + 8190, 0x5e, 9000);
	assert_int_equal(libvib_recv(b.qp, &recv, &to), 0);
	assert_int_equal(libvib_send(a.qp, &send, &from), 0);
	side_done(&a, 1);
	assert_int_equal(side_done(&b, 2).byte_len, 9000);
	assert_memory_equal(b.memory + 4000, a.memory + 8190, 9000);
	assert_int_equal(b.memory[3999], 0);
	assert_int_equal(b.memory[13000], 0);
}

static void shared_queue_of_the_kernel_serves_anybody(void **state)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = 2 };
	const struct vib_sge sge = libvib_dma_sge(dma_b, b.memory, 100);

	(void)state;
	assert_int_equal(libvib_create_kernel_srq(b.pd, 8, 2, 0, &b.srq), 0);
	side_make_kernel_qp(&a, VIB_QPT_RC);
	side_make_qp(&b, VIB_QPT_RC);
	assert_int_equal(libvib_qp_connect(a.qp, &a.end, &b.end, NULL), 0);
	assert_int_equal(libvib_qp_connect(b.qp, &b.end, &a.end, NULL), 0);
	a.memory[0] = 0x44;
	assert_int_equal(libvib_post_srq_recv(b.srq, &wqe, &sge), 0);
	send_dma(0, 100);
	side_done(&b, 2);
	assert_int_equal(b.memory[0], 0x44);
}

static void region_ends_when_it_is_taken_back(void **state)
{
	struct libvib_dma *again;

	(void)state;
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, 4096, DMA_BASE + 4096, &again),
			 -EEXIST);
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, 4096, DMA_BASE - 1, &again),
			 -EINVAL);
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, 100, DMA_BASE - 4096, &again),
			 -EINVAL);
	assert_null(again);
	connect_kernels();
	assert_int_equal(libvib_dereg_dma(dma_a), 0);
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, 4096, DMA_BASE, &dma_a), 0);
	send_dma(4096, 8); /* beyond it now */
	assert_int_equal(side_complete(&a).status, VIB_WC_LOC_PROT_ERR);
}

static void number_outlives_the_backend(void **state)
{
	struct libvib_qp_init init = side_qp_init(&a, VIB_QPT_RC, true);
	struct libvib_qp *qp;
	uint32_t qpn;

	(void)state;
	side_make_kernel_qp(&a, VIB_QPT_RC);
	qpn = a.qp->number;
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &qp), -EEXIST);
	tear_down(state);
	assert_true(daemon_end(&ibback) && daemon_restart(&ibback));
	set_up(state);
	init = side_qp_init(&a, VIB_QPT_RC, true);
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &a.qp), 0);
	assert_int_equal(a.qp->number, qpn);
	init = side_qp_init(&b, VIB_QPT_RC, true);
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &qp), -EEXIST);
}

static void port_says_what_went_through_it(void **state)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };
	struct vib_rsp_counters ca, cb;
	struct vib_port_attr port;

	(void)state;
	side_make_kernel_qp(&a, VIB_QPT_UD);
	side_make_kernel_qp(&b, VIB_QPT_UD);
	assert_int_equal(libvib_qp_start_ud(a.qp, QKEY, 0), 0);
	assert_int_equal(libvib_qp_start_ud(b.qp, QKEY, 0), 0);
	wqe.u.ud.remote_qpn = b.qp->number;
	wqe.u.ud.qkey = QKEY;
	wqe.u.ud.av.dlid = b.end.lid;
	side_recv(&b, 2, 0, 200);
	side_send(&a, &wqe, 0, 100);
	side_done(&b, 2);
	side_done(&a, 0);
	wqe.u.ud.qkey++;
	side_send(&a, &wqe, 0, 100);
	side_done(&a, 0);
	assert_int_equal(libvib_query_counters(a.lv, &ca), 0);
	assert_int_equal(libvib_query_counters(b.lv, &cb), 0);
	assert_int_equal(ca.xmit_bytes, 200);
	assert_int_equal(ca.xmit_packets, 2);
	assert_int_equal(cb.rcv_bytes, 100);
	assert_int_equal(cb.rcv_packets, 1);
	assert_int_equal(cb.qkey_violations, 1);
	assert_int_equal(libvib_query_port(b.lv, &port), 0);
	assert_int_equal(port.qkey_viol_cntr, 1);
	assert_int_equal(port.bad_pkey_cntr, 0);
}

/* What IBTA vol. 1 §13.4.2 puts at the beginning of every MAD. */
static void fill_mad(uint8_t mad[VIB_MAD_BYTES], uint8_t class, uint8_t version,
		     uint16_t attribute)
{
	memset(mad, 0, VIB_MAD_BYTES);
	mad[0] = 1; /* base version */
	mad[1] = class;
	mad[2] = version;
	mad[3] = 1;     /* Get */
	mad[15] = 0x77; /* of the transaction ID */
	mad[16] = (uint8_t)(attribute >> 8);
	mad[17] = (uint8_t)attribute;
}

/* a sends the MAD in its memory at 0 to QP1 at @lid. */
static void send_mad(uint16_t lid)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };

	wqe.u.ud.remote_qpn = 1;
	wqe.u.ud.qkey = QKEY_OF_GSI;
	wqe.u.ud.av.dlid = lid;
	side_send(&a, &wqe, 0, VIB_MAD_BYTES);
	side_done(&a, 0);
}

static void subnet_administrator_answers(void **state)
{
	const uint8_t *reply = a.memory + 4096 + 40;
	struct vib_port_attr port;
	struct vib_cqe cqe;

	(void)state;
	side_make_gsi(&a);
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	fill_mad(a.memory, 0x03, 2, 0x0001); /* SubnAdm, ClassPortInfo */
	side_recv(&a, 2, 4096, 296);
	send_mad(port.sm_lid);
	cqe = side_done(&a, 2);
	assert_int_equal(cqe.byte_len, 40 + VIB_MAD_BYTES);
	assert_int_equal(cqe.slid, port.sm_lid);
	assert_int_equal(cqe.src_qpn, 1);
	assert_int_equal(reply[3], 0x81); /* GetResp */
	assert_int_equal(reply[15], 0x77);
	assert_int_equal(reply[4] << 8 | reply[5], 0);
}

static void mads_reach_the_port_they_are_sent_to(void **state)
{
	struct vib_rsp_counters counters;
	struct vib_cqe cqe;

	(void)state;
	side_make_gsi(&a);
	side_make_gsi(&b);
	fill_mad(a.memory, 0x32, 1, 0); /* a vendor's class: ibping's */
	side_recv(&b, 2, 0, 296);
	send_mad(b.end.lid);
	cqe = side_done(&b, 2);
	assert_int_equal(cqe.slid, a.end.lid);
	assert_memory_equal(b.memory + 40, a.memory, VIB_MAD_BYTES);
	fill_mad(a.memory, 0x01, 1, 0x0011); /* subnet management, on QP1 */
	send_mad(b.end.lid);
	fill_mad(a.memory, 0x32, 1, 1);
	side_recv(&b, 3, 0, 296);
	send_mad(b.end.lid);
	side_done(&b, 3); /* and not the one in between */
	assert_memory_equal(b.memory + 40, a.memory, VIB_MAD_BYTES);
	assert_int_equal(libvib_query_counters(a.lv, &counters), 0);
	assert_int_equal(counters.mads_dropped, 1);
}

static void port_answers_for_itself(void **state)
{
	struct libvib_qp_init init = side_qp_init(&a, VIB_QPT_GSI, true);
	uint8_t in[VIB_MAD_BYTES], out[VIB_MAD_BYTES];
	struct vib_device_attr device;

	(void)state;
	assert_int_equal(libvib_query_device(a.lv, &device), 0);
	assert_true(device.cap_flags & VIB_CAP_MAD);
	fill_mad(in, 0x01, 1, 0x0011); /* NodeInfo */
	assert_int_equal(libvib_process_mad(a.lv, in, out), 1);
	assert_int_equal(out[3], 0x81);
	assert_memory_equal(out + 64 + 4, &device.sys_image_guid, 8);
	init.kernel = false;
	assert_int_equal(libvib_create_qp(&init, &a.qp), -EINVAL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- fast registration ------------------------------------------------- */

#define IOVA       0xabcdef0000000123ull

static uint32_t key_new(uint32_t wanted)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_ALLOC_MR,
		.u.alloc_mr = { .pd = b.pd->number, .max_pages = 2, .key = wanted }
	};
	struct vib_control_response rsp;

	assert_int_equal(libvib_command(b.lv, &req, &rsp), 0);
	return rsp.u.object.number;
}

static void key_end(uint32_t key)
{
	struct vib_control_request req = { .operation = VIB_CMD_DEREG_MR,
					   .u.object.number = key };
	struct vib_control_response rsp;

	assert_int_equal(libvib_command(b.lv, &req, &rsp), 0);
}

/* b has @key show its fourth page from byte 0x123 on, and behind that its second. */
static void register_pages(uint32_t key)
{
	struct vib_page_list *list = (struct vib_page_list *)b.memory;
	uint64_t *page = (uint64_t *)(list + 1);
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_REG_MR,
		.flags = VIB_SEND_SIGNALED,
		.wr_id = 5,
		.u.reg_mr = { .iova = IOVA,
			      .list = dma_b->base,
			      .length = 6000,
			      .key = key,
			      .access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE,
			      .serial = list->ended + 1 },
	};

	page[0] = dma_b->base + 3 * VIB_PAGE_SIZE;
	page[1] = dma_b->base + VIB_PAGE_SIZE;
	assert_int_equal(libvib_send(b.qp, &wqe, NULL), 0);
	assert_int_equal(side_done(&b, 5).opcode, VIB_OP_REG_MR);
}

static void write_by(uint32_t key)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_RDMA_WRITE,
					  .flags = VIB_SEND_SIGNALED,
					  .num_sge = 1,
					  .wr_id = 1,
					  .u.rdma = { .remote_addr = IOVA,
						      .rkey = key } };
	const struct vib_sge sge = libvib_dma_sge(dma_a, a.memory, 6000);

	assert_int_equal(libvib_send(a.qp, &wqe, &sge), 0);
}

static void pages_are_registered_reached_and_invalidated_by_the_peer(void **state)
{
	const struct vib_recv_wqe recv = { .wr_id = 2 };
	struct vib_send_wqe inv = { .opcode = VIB_OP_SEND_INV,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 3 };
	uint32_t key = key_new(0) | 0x42;
	struct vib_cqe cqe;

	(void)state;
	connect_kernels();
	register_pages(key);
	memset(a.memory, 0x5e, 6000);
	a.memory[5999] = 0x66;
	write_by(key);
	side_done(&a, 1);
	assert_memory_equal(b.memory + 3 * VIB_PAGE_SIZE + 0x123, a.memory,
			    VIB_PAGE_SIZE - 0x123);
	assert_int_equal(b.memory[VIB_PAGE_SIZE + 5999 - (VIB_PAGE_SIZE - 0x123)], 0x66);

	assert_int_equal(libvib_recv(b.qp, &recv, NULL), 0);
	inv.imm = key;
	assert_int_equal(libvib_send(a.qp, &inv, NULL), 0);
	side_done(&a, 3);
	cqe = side_done(&b, 2);
	assert_int_equal(cqe.flags & VIB_CQE_WITH_INV, VIB_CQE_WITH_INV);
	assert_int_equal(cqe.imm, key);
	write_by(key);
	assert_int_equal(side_complete(&a).status, VIB_WC_REM_ACCESS_ERR);
	key_end(key);
	/* As a frontend has its keys made again. */
	assert_int_equal(key_new(key), key);
	key_end(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(data_come_from_and_go_to_memory_without_a_region),
		test(data_come_from_and_go_to_pages_that_are_granted),
		test(shared_queue_of_the_kernel_serves_anybody),
		test(region_ends_when_it_is_taken_back),
		test(pages_are_registered_reached_and_invalidated_by_the_peer),
		test(number_outlives_the_backend),
		test(port_says_what_went_through_it),
		test(subnet_administrator_answers),
		test(mads_reach_the_port_they_are_sent_to),
		test(port_answers_for_itself),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
