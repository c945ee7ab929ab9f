// SPDX-License-Identifier: GPL-2.0-or-later
/* The subnet of two guests, from their GSI QPs to the SA and back. */
#include "two_gsis_sa.h"

#include <infiniband/umad_sa.h>

#include "control/vib.h"
#include "device_limits.h"
#include "gsi/cm_fields.h"
#include "gsi/gsi.h"

static int begin(void **state)
{
	return set_up_with(state, begin_subnets);
}

static unsigned int memberships(const struct peer *p)
{
	return gsi_port_holdings(vib_of(p)->vport.gsi).memberships;
}

/* ---- floods ------------------------------------------------------------ */

/* One turn of the control thread's loop. */
static void turn(struct world *w)
{
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* Nobody waits for the answer, to the TID that it returns. */
static uint64_t ask_class(struct its_gsi *g)
{
	uint8_t mad[VIB_MAD_BYTES];
	uint64_t tid = new_mad(mad, UMAD_CLASS_SUBN_ADM, UMAD_METHOD_GET,
			       UMAD_ATTR_CLASS_PORT_INFO);

	its_gsi_send(g, mad, SA_LID);
	return tid;
}

/* @count MADs that @from has sent wait for the control thread. */
static void flood_sa(struct its_gsi *from, unsigned int count)
{
	while (count--)
		ask_class(from);
}

/* In the first turn that anything of the flood is served, so is the other's. */
static void assert_answered_in_a_turn(struct world *w, struct its_gsi *flooder,
				      struct its_gsi *other)
{
	uint8_t mad[VIB_MAD_BYTES];
	uint64_t tid;

	flood_sa(flooder, 5 * MADS_A_TURN);
	its_gsi_post(other);
	tid = ask_class(other);
	turn(w);
	passes(w);
	assert_true(its_gsi_take(other, mad));
	assert_true(be64_at(mad + MAD_AT_TID) == tid);
	/* And the flood has had a turn, not all. */
	assert_true(mad_is_waiting(vhca_of(flooder->p)));
	fake_loop(w->xen);
	passes(w);
	assert_false(mad_is_waiting(vhca_of(flooder->p)));
}

static void flood_of_one_costs_another_a_turn(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);

	assert_answered_in_a_turn(w, &a, &b);
	assert_answered_in_a_turn(w, &b, &a);
}

/* And has no more of them served than a window's. */
static void flood_has_a_rate(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);

	vib_of(&w->a)->mads = (struct throttle){
		.limit = MADS_PER_WINDOW,
		.window_ms = 3600000, /* not over soon */
		.window_start = uv_now(&w->loop),
		.used = MADS_PER_WINDOW - 1,
	};
	flood_sa(&a, 2);
	turn(w);
	turn(w);
	assert_true(mad_is_waiting(vhca_of(&w->a)));
	assert_true(vib_of(&w->a)->mads_wait);
	assert_true(uv_is_active((uv_handle_t *)&vib_of(&w->a)->timer));
	vib_of(&w->a)->mads.used = 0;
	uv_timer_start(&vib_of(&w->a)->timer, vib_of(&w->a)->timer.timer_cb, 0, 0);
	turn(w);
	turn(w);
	assert_false(mad_is_waiting(vhca_of(&w->a)));
}

/* ---- multicast --------------------------------------------------------- */

static void membership_ends_with_the_connection(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);

	join_broadcast(&a, UMAD_METHOD_SET, 1);
	assert_int_equal(memberships(&w->a), 1);
	frontend_state(&w->a, "1"); /* as one that begins anew */
	fake_settle(w->xen);
	assert_non_null(vib_of(&w->a)->vport.gsi);
	assert_int_equal(memberships(&w->a), 0);
}

static uint32_t ud_qp(struct peer *p)
{
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_QP };
	struct vib_cmd_create_qp *cmd = &req.u.create_qp;
	struct vib_control_request cq = {
		.operation = VIB_CMD_CREATE_CQ,
		.u.create_cq = { 5, VIB_NO_OBJECT, { 1, page_of(p, PAGE_CQ + 8) } },
	};
	struct vib_control_request bell = { .operation = VIB_CMD_MAP_DOORBELL };

	bell.u.map_doorbell.ref = page_of(p, PAGE_CQ + 11);
	bell.u.map_doorbell.event_channel = 20 + p->domid;
	*cmd = (struct vib_cmd_create_qp){ .type = VIB_QPT_UD, .srq = VIB_NO_OBJECT };
	cmd->pd = pd_of(p);
	cmd->doorbell = number_of(execute(p, bell));
	cmd->send_cq = cmd->recv_cq = number_of(execute(p, cq));
	cmd->sq = (struct vib_work_queue){ 4, 128, 1, { 1, page_of(p, PAGE_CQ + 9) } };
	cmd->rq = (struct vib_work_queue){ 4, 64, 1, { 1, page_of(p, PAGE_CQ + 10) } };
	return number_of(execute(p, req));
}

static void attach(struct peer *p)
{
	struct vib_control_request req = { .operation = VIB_CMD_ATTACH_MCAST };

	req.u.mcast.qpn = ud_qp(p);
	memcpy(&req.u.mcast.mgid, broadcast, sizeof(broadcast));
	assert_int_equal(execute(p, req).status, 0);
}

/* Is the QP of @p that is attached one that receives from others? */
static bool receives(const struct peer *p)
{
	struct vib_gid mgid;
	const struct mcast_group *group;
	const struct mcast_member *member;

	memcpy(&mgid, broadcast, sizeof(mgid));
	group = mcast_find(&p->w->engine->mcast, vib_of(p)->vport.fabric, &mgid);
	assert_non_null(group);
	assert_int_equal(group->pkey, 0xffff);
	cds_list_for_each_entry(member, &group->members,
				entry) if (member->vhca ==
					   vhca_of(p)) return member->joined;
	fail();
	return false;
}

/* Whichever is first: the join, or the QP that is attached. */
static void engine_knows_who_joined(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);

	attach(&w->a);
	assert_false(receives(&w->a));
	join_broadcast(&a, UMAD_METHOD_SET, 1);
	assert_true(receives(&w->a));
	join_broadcast(&b, UMAD_METHOD_SET, 1);
	attach(&w->b);
	assert_true(receives(&w->b));
	join_broadcast(&a, UMAD_SA_METHOD_DELETE, 1);
	assert_false(receives(&w->a));
	assert_true(receives(&w->b));
	join_broadcast(&a, UMAD_METHOD_SET, 4);
	assert_false(receives(&w->a));
}

/* ---- ports that change ------------------------------------------------- */

#define VENDOR_CLASS      (1u << 18)
#define DEVICE_MANAGEMENT (1u << 19)
#define CAP_MASK_CHANGED  144

/* As srp_daemon subscribes (IBTA vol. 1 §13.4.8.3). */
static void subscribe(struct its_gsi *g, uint16_t trap)
{
	uint8_t mad[VIB_MAD_BYTES];

	new_mad(mad, UMAD_CLASS_SUBN_ADM, UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO);
	put_be16(mad + SA_DATA + 16, 0xffff); /* of any LID */
	mad[SA_DATA + 22] = 1;                /* generic */
	mad[SA_DATA + 23] = 1;                /* subscribe */
	put_be16(mad + SA_DATA + 24, 0xffff);
	put_be16(mad + SA_DATA + 26, trap);
	memset(mad + SA_DATA + 33, 0xff, 3);
	ask_sa(g, mad);
}

static void modify_port(struct peer *p, uint32_t caps)
{
	struct vib_control_request req = { .operation = VIB_CMD_MODIFY_PORT,
					   .port = VIB_PORT,
					   .u.modify_port.cap_mask = caps };

	assert_int_equal(execute(p, req).status, 0);
}

/* The CapabilityMask that the next Report tells of, which is there and is answered. */
static uint32_t take_report(struct its_gsi *g)
{
	uint8_t mad[VIB_MAD_BYTES], answer[VIB_MAD_BYTES];

	assert_true(its_gsi_take(g, mad));
	assert_int_equal(mad[3], UMAD_METHOD_REPORT);
	assert_int_equal(be16_at(mad + SA_DATA + 4), CAP_MASK_CHANGED);
	new_mad(answer, UMAD_CLASS_SUBN_ADM, UMAD_METHOD_REPORT_RESP, UMAD_ATTR_NOTICE);
	memcpy(answer + MAD_AT_TID, mad + MAD_AT_TID, 8);
	its_gsi_send(g, answer, SA_LID);
	fake_loop(g->p->w->xen);
	passes(g->p->w);
	return be32_at(mad + SA_DATA + 16);
}

static unsigned int reports(const struct peer *p)
{
	return gsi_port_holdings(vib_of(p)->vport.gsi).reports;
}

static void port_that_is_toggled_is_told_of_at_once_and_then_by_the_clock(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	uint8_t mad[VIB_MAD_BYTES];

	subscribe(&a, CAP_MASK_CHANGED);
	for (unsigned int i = 0; i < 3; i++)
		its_gsi_post(&a);
	for (unsigned int i = 0; i < 100; i++)
		modify_port(&w->b, i % 2 ? 0 : DEVICE_MANAGEMENT);
	fake_loop(w->xen);
	passes(w);
	assert_true(take_report(&a) & DEVICE_MANAGEMENT);
	assert_false(its_gsi_take(&a, mad));
	assert_int_equal(reports(&w->a), 0);
	pass_time(4096ull << SUBNET_TIMEOUT);
	modify_port(&w->b, VENDOR_CLASS); /* and the loop's timer is set anew */
	fake_loop(w->xen);
	passes(w);
	assert_int_equal(take_report(&a) & VIB_PORT_CAPS_ADDED, VENDOR_CLASS);
	assert_false(its_gsi_take(&a, mad));
	assert_int_equal(reports(&w->a), 0);
}

/* ---- connections ------------------------------------------------------- */

enum { CALLER_ID = 0x1001, CALLED_ID = 0x2001, CALLER_QPN = 0x151, CALLED_QPN = 0x161 };

static uint16_t lid_of(const struct its_gsi *g)
{
	return vib_of(g->p)->vport.lid;
}

/* It comes to @to, who then has taken all. */
static void mad_passes(struct its_gsi *from, struct its_gsi *to, uint8_t *mad)
{
	uint64_t tid = mad_tid(mad);

	its_gsi_post(to);
	its_gsi_send(from, mad, lid_of(to));
	fake_loop(from->p->w->xen);
	passes(from->p->w);
	assert_true(its_gsi_take(to, mad));
	assert_true(mad_tid(mad) == tid);
}

/* @a calls @b, who answers: what CM says that the engine does not. */
static void connect_by_cm(struct its_gsi *a, struct its_gsi *b)
{
	const struct vport *from = &vib_of(a->p)->vport, *to = &vib_of(b->p)->vport;
	uint8_t mad[VIB_MAD_BYTES];

	new_mad(mad, UMAD_CLASS_CM, UMAD_METHOD_SEND, UMAD_CM_ATTR_REQ);
	put_be32(mad + CM_LOCAL_ID, CALLER_ID);
	put_be64(mad + REQ_CA_GUID, from->attr.node_guid);
	put_be32(mad + REQ_QPN, CALLER_QPN << 8);
	put_be16(mad + REQ_PRIMARY + CM_PATH_LOCAL_LID, from->lid);
	put_be16(mad + REQ_PRIMARY + CM_PATH_REMOTE_LID, to->lid);
	memcpy(mad + REQ_PRIMARY + CM_PATH_LOCAL_GID, &from->attr.gids[0], 16);
	memcpy(mad + REQ_PRIMARY + CM_PATH_REMOTE_GID, &to->attr.gids[0], 16);
	mad_passes(a, b, mad);
	new_mad(mad, UMAD_CLASS_CM, UMAD_METHOD_SEND, UMAD_CM_ATTR_REP);
	put_be32(mad + CM_LOCAL_ID, CALLED_ID);
	put_be32(mad + CM_REMOTE_ID, CALLER_ID);
	put_be64(mad + REP_CA_GUID, to->attr.node_guid);
	put_be32(mad + REP_QPN, CALLED_QPN << 8);
	mad_passes(b, a, mad);
}

/* What comes next to @g, which waits for the subnet's timer. */
static void await_mad(struct its_gsi *g, uint8_t *mad)
{
	struct world *w = g->p->w;

	passes(w);
	while (!its_gsi_take(g, mad)) {
		uv_run(&w->loop, UV_RUN_ONCE);
		passes(w);
	}
}

static void assert_drops_nothing(const struct its_gsi *g)
{
	const struct gsi_port_stats *stats = gsi_port_stats(vib_of(g->p)->vport.gsi);

	for (unsigned int why = 0; why < GSI_DROPS; why++)
		assert_true(stats->dropped[why] == 0);
	assert_int_equal(vib_of(g->p)->gsi_drops_said, 0);
}

static void peer_of_a_guest_that_dies_is_told(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);
	uint16_t lid = lid_of(&a);
	uint8_t mad[VIB_MAD_BYTES];
	uint64_t tid;

	connect_by_cm(&a, &b);
	its_gsi_post(&b);
	xenport_rm(fake_xen_port(w->xen), 0, w->a.be);
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_null(vib_of(&w->a));
	await_mad(&b, mad);
	assert_int_equal(mad_attribute(mad), UMAD_CM_ATTR_DREQ);
	assert_int_equal(be32_at(mad + CM_LOCAL_ID), CALLER_ID);
	assert_int_equal(be32_at(mad + CM_REMOTE_ID), CALLED_ID);
	assert_int_equal(be32_at(mad + DREQ_REMOTE_QPN), CALLED_QPN << 8);
	/* It answers to nobody, of which nothing is said. */
	tid = mad_tid(mad);
	new_mad(mad, UMAD_CLASS_CM, UMAD_METHOD_SEND, UMAD_CM_ATTR_DREP);
	put_be64(mad + MAD_AT_TID, tid);
	put_be32(mad + CM_LOCAL_ID, CALLED_ID);
	put_be32(mad + CM_REMOTE_ID, CALLER_ID);
	its_gsi_send(&b, mad, lid);
	fake_loop(w->xen);
	assert_false(mad_is_waiting(vhca_of(&w->b)));
	assert_drops_nothing(&b);
}

static void peer_of_a_driver_that_goes_is_told(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);
	uint8_t mad[VIB_MAD_BYTES];

	connect_by_cm(&a, &b);
	its_gsi_post(&a);
	frontend_state(&w->b, "6");
	await_mad(&a, mad);
	assert_int_equal(mad_attribute(mad), UMAD_CM_ATTR_DREQ);
	assert_int_equal(be32_at(mad + CM_LOCAL_ID), CALLED_ID);
	assert_int_equal(be32_at(mad + CM_REMOTE_ID), CALLER_ID);
	assert_int_equal(be32_at(mad + DREQ_REMOTE_QPN), CALLER_QPN << 8);
	fake_settle(w->xen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flood_of_one_costs_another_a_turn),
		TEST(flood_has_a_rate),
		TEST(membership_ends_with_the_connection),
		TEST(engine_knows_who_joined),
		TEST(port_that_is_toggled_is_told_of_at_once_and_then_by_the_clock),
		TEST(peer_of_a_guest_that_dies_is_told),
		TEST(peer_of_a_driver_that_goes_is_told),
	};

	alarm(120);
	return cmocka_run_group_tests_name("subnets", tests, NULL, NULL);
}
