// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an administrator changes of vports that are used, at a real ibback: what the
 * guests hear, and who reaches whom from then on.
 */
#include "cm.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "pair.h"

#define BYTES       65536
#define QKEY        0x1234567u
#define PATIENCE_MS 20000

static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "pkey=0xffff/0x8001",
				  "pkey=0xffff/0x8001" };

/* ---- events ------------------------------------------------------------ */

static void set(struct side *s, const char *changes)
{
	char why[LIBVIB_WHY_SIZE];

	if (libvib_change(s->lv, changes, why, sizeof(why)))
		fail_msg("%s", why);
}

/* The next event's type; 0: none came in @ms. */
static unsigned int event_within(struct side *s, int ms)
{
	struct pollfd pfd = { .fd = libvib_fd(s->lv), .events = POLLIN };
	struct vib_async_event event;

	while (libvib_next_async(s->lv, &event) != 1)
		if (poll(&pfd, 1, ms) <= 0)
			return 0;
	assert_int_equal(event.object, VIB_PORT);
	return event.type;
}

static void expect_event(struct side *s, enum vib_async_type type)
{
	assert_int_equal(event_within(s, PATIENCE_MS), type);
}

static void expect_no_event(struct side *s)
{
	assert_int_equal(event_within(s, 100), 0);
}

/* ---- the subnet -------------------------------------------------------- */

static void send_mad(struct side *s, uint16_t lid, uint16_t pkey_index)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };

	wqe.u.ud.remote_qpn = 1;
	wqe.u.ud.qkey = QKEY_OF_GSI;
	wqe.u.ud.pkey_index = pkey_index;
	wqe.u.ud.av.dlid = lid;
	side_send(s, &wqe, 0, VIB_MAD_BYTES);
	side_done(s, 0);
}

/*
 * Join IPoIB's broadcast group of partition 1 as IPoIB does: an MCMemberRecord of IBTA
 * vol. 1 §15.2.5.17 with MGID, PortGID, P_Key and JoinState. Returns the status.
 */
static uint16_t join_broadcast(struct side *s)
{
	static const uint8_t mgid[16] = { 0xff, 0x12,        0x40, 0x1b, 0x80,
					  0x01, [12] = 0xff, 0xff, 0xff, 0xff };
	const uint64_t mask = htobe64(1ull << 0 | 1ull << 1 | 1ull << 7 | 1ull << 16);
	uint8_t *mad = s->memory, *record = mad + 56;
	const uint8_t *reply = s->memory + 4096 + 40;
	struct vib_port_attr port;
	struct vib_gid gid;

	assert_int_equal(libvib_query_port(s->lv, &port), 0);
	assert_int_equal(libvib_query_gid(s->lv, 0, &gid), 0);
	memset(mad, 0, VIB_MAD_BYTES);
	mad[0] = 1;     /* base version */
	mad[1] = 0x03;  /* SubnAdm */
	mad[2] = 2;     /* its version */
	mad[3] = 2;     /* Set */
	mad[15] = 0x77; /* of the transaction ID */
	mad[17] = 0x38; /* MCMemberRecord */
	memcpy(mad + 48, &mask, sizeof(mask));
	memcpy(record, mgid, 16);
	memcpy(record + 16, &gid, 16);
	record[40] = 0x80;
	record[41] = 0x01;
	record[48] = 1; /* full member */
	side_recv(s, 2, 4096, 296);
	send_mad(s, port.sm_lid, 0);
	side_done(s, 2);
	assert_int_equal(reply[3], 0x81);
	return (uint16_t)(reply[4] << 8 | reply[5]);
}

static void registrations_that_end_with_a_pkey_are_told(void **state)
{
	(void)state;
	side_make_gsi(&a);
	set(&a, "pkey=0x8001/0xffff"); /* nothing is registered yet */
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	set(&a, "pkey=0xffff/0x8001");
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	expect_no_event(&a);
	assert_int_equal(join_broadcast(&a), 0);
	set(&a, "rate=1G");
	set(&a, "pkey=0xffff/0x8001/0x8002"); /* it may stay */
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	expect_no_event(&a);
	set(&a, "pkey=0xffff");
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	expect_event(&a, VIB_ASYNC_REREGISTER);
	expect_no_event(&a);
	assert_int_not_equal(join_broadcast(&a), 0);
}

static void registrations_that_end_with_the_link_are_told_when_it_is_back(void **state)
{
	struct vib_port_attr port;

	(void)state;
	side_make_gsi(&a);
	assert_int_equal(join_broadcast(&a), 0);
	set(&a, "link=down");
	expect_event(&a, VIB_ASYNC_PORT_CHANGE);
	expect_no_event(&a);
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	assert_int_equal(port.state, VIB_PORT_DOWN);
	set(&a, "link=");
	expect_event(&a, VIB_ASYNC_PORT_CHANGE);
	expect_event(&a, VIB_ASYNC_REREGISTER);
	assert_int_equal(libvib_query_port(a.lv, &port), 0);
	assert_int_equal(port.state, VIB_PORT_ACTIVE);
	set(&a, "link=down"); /* now there was nothing */
	expect_event(&a, VIB_ASYNC_PORT_CHANGE);
	set(&a, "link=up");
	expect_event(&a, VIB_ASYNC_PORT_CHANGE);
	expect_no_event(&a);
}

static void gid_comes_and_goes(void **state)
{
	static const struct vib_gid gid = { .raw = { 0xfe, 0x80, [15] = 0x77 } };
	struct vib_gid is;

	(void)state;
	set(&a, "gid=fe80::77");
	expect_event(&a, VIB_ASYNC_GID_CHANGE);
	assert_int_equal(libvib_query_gid(a.lv, 1, &is), 0);
	assert_memory_equal(&is, &gid, sizeof(gid));
	set(&a, "gid=");
	expect_event(&a, VIB_ASYNC_GID_CHANGE);
	assert_int_equal(libvib_query_gid(a.lv, 1, &is), 0);
	assert_int_equal(is.raw[0], 0);
}

/* ---- partitions -------------------------------------------------------- */

static void start_ud(struct side *s)
{
	side_make_qp(s, VIB_QPT_UD);
	assert_int_equal(libvib_qp_start_ud(s->qp, QKEY, 1), 0);
}

static void send_datagram(uint64_t id)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = id };

	wqe.u.ud.remote_qpn = b.qp->number;
	wqe.u.ud.qkey = QKEY;
	wqe.u.ud.av.dlid = b.end.lid;
	side_send(&a, &wqe, 0, 100);
	side_done(&a, id);
}

static uint64_t pkey_violations(struct side *s)
{
	struct vib_rsp_counters counters;
	struct vib_port_attr port;

	assert_int_equal(libvib_query_counters(s->lv, &counters), 0);
	assert_int_equal(libvib_query_port(s->lv, &port), 0);
	assert_int_equal(port.bad_pkey_cntr, counters.pkey_violations);
	return counters.pkey_violations;
}

static void datagrams_follow_the_pkey_table(void **state)
{
	(void)state;
	start_ud(&a);
	start_ud(&b);
	side_recv(&b, 11, 0, 200);
	send_datagram(1);
	side_done(&b, 11);
	set(&b, "pkey=0xffff/0x8002");
	expect_event(&b, VIB_ASYNC_PKEY_CHANGE);
	side_recv(&b, 12, 0, 200);
	send_datagram(2);
	assert_int_equal(pkey_violations(&b), 1);
	/* limited members do not reach each other */
	set(&a, "pkey=0xffff/0x0002");
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	set(&b, "pkey=0xffff/0x0002");
	expect_event(&b, VIB_ASYNC_PKEY_CHANGE);
	send_datagram(3);
	assert_int_equal(pkey_violations(&b), 2);
	set(&b, "pkey=0xffff/0x8002");
	expect_event(&b, VIB_ASYNC_PKEY_CHANGE);
	send_datagram(4);
	side_done(&b, 12); /* of the last alone */
	assert_int_equal(pkey_violations(&b), 2);
}

static void connection_ends_with_the_partition(void **state)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_RDMA_WRITE,
					  .flags = VIB_SEND_SIGNALED,
					  .wr_id = 1,
					  .u.rdma = { .remote_addr = b.mr->iova,
						      .rkey = b.mr->rkey } };
	struct libvib_path path;

	(void)state;
	side_make_qp(&a, VIB_QPT_RC);
	side_make_qp(&b, VIB_QPT_RC);
	libvib_path_default(&path);
	path.pkey_index = 1;
	path.timeout = 10;
	path.retry_cnt = 1;
	assert_int_equal(libvib_qp_connect(a.qp, &a.end, &b.end, &path), 0);
	assert_int_equal(libvib_qp_connect(b.qp, &b.end, &a.end, &path), 0);
	side_send(&a, &wqe, 0, 64);
	side_done(&a, 1);
	set(&b, "pkey=0xffff");
	expect_event(&b, VIB_ASYNC_PKEY_CHANGE);
	side_send(&a, &wqe, 0, 64);
	assert_int_equal(side_complete(&a).status, VIB_WC_RETRY_EXC_ERR);
	assert_true(pkey_violations(&b) > 0);
}

static void mads_follow_the_pkey_table(void **state)
{
	struct vib_rsp_counters counters;

	(void)state;
	side_make_gsi(&a);
	side_make_gsi(&b);
	memset(a.memory, 0, VIB_MAD_BYTES);
	a.memory[0] = 1;
	a.memory[1] = 0x32; /* a vendor's class: ibping's */
	a.memory[2] = 1;
	side_recv(&b, 11, 0, 296);
	send_mad(&a, b.end.lid, 1);
	side_done(&b, 11);
	set(&b, "pkey=0xffff");
	expect_event(&b, VIB_ASYNC_PKEY_CHANGE);
	send_mad(&a, b.end.lid, 1); /* goes no further */
	side_recv(&b, 12, 0, 296);
	send_mad(&a, b.end.lid, 0);
	side_done(&b, 12);
	assert_int_equal(pkey_violations(&b), 1);
	assert_int_equal(libvib_query_counters(a.lv, &counters), 0);
	assert_int_equal(counters.mads_dropped, 1);
	set(&a, "pkey=0xffff");
	expect_event(&a, VIB_ASYNC_PKEY_CHANGE);
	send_mad(&a, b.end.lid, 1); /* of no P_Key at all */
	assert_int_equal(libvib_query_counters(a.lv, &counters), 0);
	assert_int_equal(counters.mads_dropped, 2);
	assert_int_equal(pkey_violations(&b), 1);
}

/* ---- quotas ------------------------------------------------------------ */

static void quotas_bind_at_once(void **state)
{
	struct libvib_pd *pd;
	struct timespec nap = { .tv_nsec = 1000000 };
	int tries = 0, err;

	(void)state;
	set(&a, "max_pd=1");
	/* Nothing tells the guest; the backend looks at it when it gets there. */
	while ((err = libvib_alloc_pd(a.lv, &pd)) == 0 && tries++ < PATIENCE_MS) {
		assert_int_equal(libvib_dealloc_pd(pd), 0);
		nanosleep(&nap, NULL);
	}
	assert_int_equal(err, -ENOMEM);
	set(&a, "max_pd=");
	while ((err = libvib_alloc_pd(a.lv, &pd)) == -ENOMEM && tries++ < PATIENCE_MS)
		nanosleep(&nap, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(libvib_dealloc_pd(pd), 0);
}

#define test(name) pair_test(name, &pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(registrations_that_end_with_a_pkey_are_told),
		test(registrations_that_end_with_the_link_are_told_when_it_is_back),
		test(gid_comes_and_goes),
		test(datagrams_follow_the_pkey_table),
		test(connection_ends_with_the_partition),
		test(mads_follow_the_pkey_table),
		test(quotas_bind_at_once),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
