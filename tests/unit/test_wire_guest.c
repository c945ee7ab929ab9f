// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest at an HCA, whatever it does there: how much it may have, when it goes, and when
 * the HCA does.
 */
#include <errno.h>

#include "control/fabric.h"
#include "wire_ud_pair.h"

/* One that only receives, 1 << @order at a time, into a queue of @pages pages. */
static struct vib_control_response make_receiver(struct its_qp *q, uint32_t index,
						 uint32_t order, uint32_t pages)
{
	struct vib_control_request req = its_request(VIB_CMD_CREATE_QP);
	uint32_t *list = memory_of(q->p, LIST);

	for (uint32_t i = 0; i < pages; i++) {
		memset(memory_of(q->p, DEEP_PAGE + i), 0, VIB_PAGE_SIZE);
		list[i] = page_of(q->p, DEEP_PAGE + i);
	}
	req.u.create_qp = (struct vib_cmd_create_qp){
		.pd = q->pd,
		.send_cq = q->cqn,
		.recv_cq = q->cqn,
		.srq = VIB_NO_OBJECT,
		.type = VIB_QPT_UD,
		.doorbell = q->doorbell,
		.db_index = (uint16_t)index,
		.rq = { order,
			vib_recv_stride(1),
			1,
			{ pages, page_of(q->p, pages > 1 ? LIST : DEEP_PAGE) } },
	};
	return execute(q->p, req);
}

static int set_up_with_3_mib(void **state)
{
	wire_rig_max_hca_mem = 3;
	return wire_set_up(state);
}

/*
 * A QP takes what its receive queue can use, and all of a guest's what its fabric is
 * configured with.
 */
static void expect_counted(struct world *w, uint64_t most)
{
	const struct wire_guest *g = vib_of(&w->a)->conn.guest.hca.wire;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);
	struct vib_control_request req = its_request(VIB_CMD_DESTROY_QP);
	uint64_t first = wire_guest_bytes(g), more;
	struct vib_control_response rsp;
	uint32_t index = 100;

	assert_in_range(first, DEPTH * 2 * 4096, DEPTH * 2 * 4096 + 16384);
	rsp = make_receiver(&q, index++, 7, 3);
	req.u.object.number = number_of(rsp);
	more = wire_guest_bytes(g) - first;
	assert_in_range(more, 129 * 4096, 138 * 4096);
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(wire_guest_bytes(g), first);
	do
		rsp = make_receiver(&q, index++, 7, 3);
	while (rsp.status == 0 && index < 1000);
	assert_int_equal(rsp.status, -ENOMEM);
	assert_in_range(wire_guest_bytes(g), most - more, most);
	req.u.object.number = q.qpn;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(make_receiver(&q, index, 3, 1).status, 0);
}

static void slots_are_counted(void **state)
{
	expect_counted(*state, 64 << 20);
}

static void slots_are_as_many_as_is_configured(void **state)
{
	expect_counted(*state, 3 << 20);
}

static void what_an_hca_cannot_is_refused(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_ALLOC_MW);
	struct vib_control_response rsp;

	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	req.operation = VIB_CMD_ALLOC_MR;
	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	rsp = execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));
	assert_int_equal(rsp.u.device.atomic_cap, 0);
	assert_int_equal(rsp.u.device.max_sge_rd, 8);
	assert_false(rsp.u.device.cap_flags & (VIB_CAP_XRC | VIB_CAP_GRANTED_DMA |
					       VIB_CAP_MEM_WINDOWS | VIB_CAP_FRWR));
	assert_int_equal(rsp.u.device.max_fast_reg_pages, 0);
	rsp = execute(&w->a, query);
	assert_int_equal(rsp.u.port.active_mtu, 3); /* the wire's */
}

/* With all that it had under way. */
static void a_guest_that_goes_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	struct its_qp rc;
	uint8_t dead[16] = { 0xfe, 0x80, [14] = 0x66 };

	open_ud_pair(w, &x);
	rc = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	assert_int_equal(its_modify(&rc, VIB_QPS_INIT, NULL, 0), 0);
	its_recv(&x.q, 3, 0, 40 + 64);
	its_send(&x.q, datagram(1, dead, 5), 0, 8);
	for (unsigned int i = 0; i < 20; i++) {
		poller_pass(&w->engine->pollers[0]);
		fake_loop(w->xen);
	}
	ask(&w->a, reg_mr(&w->a, rc.pd, 1));
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_hca.qps, 1);
	assert_int_equal(fake_hca.ahs, 1);
	close_ud_pair(&x);
}

/* It goes while pages of another MR are unmapped, and before its HCA can be asked. */
static void nothing_is_unmapped_that_the_hca_has(void **state)
{
	static const uint8_t other[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	unsigned int before, at_hca;
	struct ud_pair x = { 0 };
	uint32_t key;

	open_ud_pair(w, &x);
	key = register_mr(&w->a, PAGES);
	ask(&w->a, dereg_mr(key));
	fake_loop(w->xen);
	step(w); /* the HCA's */
	its_send(&x.q, datagram(1, other, 5), 0, 8);
	poller_pass(&w->engine->pollers[0]);
	fake_loop(w->xen);
	frontend_state(&w->a, "6");
	fake_loop(w->xen);
	before = mapped(w);
	at_hca = fake_hca.qps;
	while (fake_hca.qps == at_hca && !is_idle(w)) {
		/* A slice was under way. */
		assert_in_range(mapped(w), before - FAKE_SLICE, before);
		step(w);
	}
	assert_int_equal(fake_hca.qps, at_hca - 1);
	fake_settle(w->xen);
	assert_int_equal((int)mapped(w), -3); /* its connection's, too */
	close_ud_pair(&x);
}

static void an_hca_that_is_to_be_removed_is_seen(void **state)
{
	struct wire_port_state seen;

	(void)state;
	assert_int_equal(wire_port_state(wire_rig_port, &seen), 0);
	fake_hca.removed = true;
	assert_int_equal(wire_port_state(wire_rig_port, &seen), -1);
	assert_int_equal(errno, ENODEV);
}

/* The HCA has gone: guests begin anew, without it. */
static void guests_begin_anew_without_the_hca(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct fabric *fabric = fabric_find(&w->fabrics, "local");

	(void)q;
	fabric->wire = NULL;
	vib_rewire(vib_of(&w->a));
	vib_rewire(vib_of(&w->b));
	fake_settle(w->xen);
	assert_int_equal(wire_port_users(wire_rig_port), 0);
	assert_int_equal(wire_rig_left, 1);
	assert_int_equal(fake_hca.qps, 0);
	assert_false(is_alive(&w->a));
	assert_state(&w->a, "2");
}

/* Nobody is connected to a fabric that may have an HCA in a moment. */
static void guests_wait_until_an_hca_was_looked_for(void **state)
{
	struct world *w = *state;
	struct fabric *fabric = fabric_find(&w->fabrics, "local");

	fabric->looking = true;
	vib_rewire(vib_of(&w->a));
	fake_settle(w->xen);
	assert_false(is_alive(&w->a));
	assert_state(&w->a, "4"); /* as it was */
	assert_state(&w->b, "4");
	assert_true(is_alive(&w->b));
	fabric->looking = false;
	vib_rewire(vib_of(&w->a));
	fake_settle(w->xen);
	assert_state(&w->a, "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(slots_are_counted),
		cmocka_unit_test_setup_teardown(slots_are_as_many_as_is_configured,
						set_up_with_3_mib, wire_tear_down),
		wire_test(what_an_hca_cannot_is_refused),
		wire_test(a_guest_that_goes_leaves_nothing),
		wire_test(guests_wait_until_an_hca_was_looked_for),
		wire_test(nothing_is_unmapped_that_the_hca_has),
		wire_test(an_hca_that_is_to_be_removed_is_seen),
		wire_test(guests_begin_anew_without_the_hca),
	};

	return cmocka_run_group_tests_name("wire: a guest", tests, NULL, NULL);
}
