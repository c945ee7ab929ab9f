// SPDX-License-Identifier: GPL-2.0-or-later
/* A vib used as a guest's kernel would, at a real ibback. */
#include "cm.h"

#include <errno.h>

#include "pair.h"

#define BYTES    65536
#define DMA_BASE 0x7000000
#define QKEY     0x1234567u

static struct side a, b;
static struct libvib_dma *dma_a, *dma_b;

static int set_up(void **state)
{
	(void)state;
	side_open(&a, ibback.socket, BYTES);
	side_open(&b, ibback.socket, BYTES);
	assert_int_equal(libvib_reg_dma(a.lv, a.memory, BYTES, DMA_BASE, &dma_a), 0);
	assert_int_equal(libvib_reg_dma(b.lv, b.memory, BYTES, 0, &dma_b), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(libvib_dereg_dma(dma_a), 0);
	assert_int_equal(libvib_dereg_dma(dma_b), 0);
	side_close(&a);
	side_close(&b);
	return 0;
}

static struct libvib_qp_init kernel_init(const struct side *s, enum vib_qp_type type)
{
	return (struct libvib_qp_init){
		.type = type,
		.context = s->context,
		.pd = s->pd,
		.send_cq = s->cq,
		.recv_cq = s->cq,
		.srq = s->srq,
		.kernel = true,
		.send_entries = PAIR_ENTRIES,
		.send_sges = PAIR_SGES,
		.recv_entries = PAIR_ENTRIES,
		.recv_sges = PAIR_SGES,
	};
}

static void make_kernel_qp(struct side *s, enum vib_qp_type type)
{
	const struct libvib_qp_init init = kernel_init(s, type);

	assert_int_equal(libvib_create_qp(&init, &s->qp), 0);
	assert_int_equal(libvib_qp_end(s->qp, &s->end), 0);
}

static void connect_kernels(void)
{
	make_kernel_qp(&a, VIB_QPT_RC);
	make_kernel_qp(&b, VIB_QPT_RC);
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

static void shared_queue_of_the_kernel_serves_anybody(void **state)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = 2 };
	const struct vib_sge sge = libvib_dma_sge(dma_b, b.memory, 100);

	(void)state;
	assert_int_equal(libvib_create_kernel_srq(b.pd, 8, 2, 0, &b.srq), 0);
	make_kernel_qp(&a, VIB_QPT_RC);
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
	struct libvib_qp_init init = kernel_init(&a, VIB_QPT_RC);
	struct libvib_qp *qp;
	uint32_t qpn;

	(void)state;
	make_kernel_qp(&a, VIB_QPT_RC);
	qpn = a.qp->number;
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &qp), -EEXIST);
	tear_down(state);
	assert_true(daemon_end(&ibback) && daemon_restart(&ibback));
	set_up(state);
	init = kernel_init(&a, VIB_QPT_RC);
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &a.qp), 0);
	assert_int_equal(a.qp->number, qpn);
	init = kernel_init(&b, VIB_QPT_RC);
	init.qpn = qpn;
	assert_int_equal(libvib_create_qp(&init, &qp), -EEXIST);
}

static void port_says_what_went_through_it(void **state)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };
	struct vib_rsp_counters ca, cb;
	struct vib_port_attr port;

	(void)state;
	make_kernel_qp(&a, VIB_QPT_UD);
	make_kernel_qp(&b, VIB_QPT_UD);
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

/* QP0, QP1 and the port's own answers are there if the device says so, and only then. */
static void mads_are_there_where_they_are_announced(void **state)
{
	const uint8_t in[VIB_MAD_BYTES] = { 0 };
	struct libvib_qp_init init = kernel_init(&a, VIB_QPT_GSI);
	struct vib_device_attr device;
	uint8_t out[VIB_MAD_BYTES];
	bool announced;
	int err;

	(void)state;
	assert_int_equal(libvib_query_device(a.lv, &device), 0);
	assert_true(device.cap_flags & VIB_CAP_LOCAL_DMA_LKEY);
	announced = device.cap_flags & VIB_CAP_MAD;
	err = libvib_process_mad(a.lv, in, out);
	assert_int_equal(err, announced ? 0 : -EOPNOTSUPP); /* that is no MAD's class */
	init.kernel = false;
	assert_int_equal(libvib_create_qp(&init, &a.qp), -EINVAL);
	init.kernel = true;
	assert_int_equal(libvib_create_qp(&init, &a.qp), announced ? 0 : -EINVAL);
	assert_true(!announced || a.qp->number == 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(data_come_from_and_go_to_memory_without_a_region),
		test(shared_queue_of_the_kernel_serves_anybody),
		test(region_ends_when_it_is_taken_back),
		test(number_outlives_the_backend),
		test(port_says_what_went_through_it),
		test(mads_are_there_where_they_are_announced),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
