// SPDX-License-Identifier: GPL-2.0-or-later
/* Two guests on a fabric that has a wire, from their GSI QPs to libibumad (which is
 * fake_umad.c) and back.
 */
#include "two_gsis_sa.h"

#include <errno.h>
#include <unistd.h>

#include <infiniband/umad_sa.h>

#include "control/subnets.h"
#include "control/vib.h"
#include "fake_umad.h"
#include "gsi/gsi.h"

/* ---- the port ------------------------------------------------------------------ */

static unsigned int joins, leaves;

static struct vib_gid gid_of(const struct peer *p)
{
	return vib_of(p)->vport.attr.gids[0];
}

static struct vib_gid remote(uint8_t last)
{
	return (struct vib_gid){ .raw = { 0xfe, 0x80, [8] = 2, [14] = 0x77, last } };
}

/* The guests' GIDs are at 5 and 6. */
static bool gid_at(void *arg, unsigned int index, struct vib_gid *gid)
{
	struct world *w = arg;

	if (index != 5 && index != 6)
		return false;
	*gid = gid_of(index == 5 ? &w->a : &w->b);
	return true;
}

static int gid_index(void *arg, const struct vib_gid *gid)
{
	struct vib_gid at;

	for (unsigned int i = 0; i < 8; i++)
		if (gid_at(arg, i, &at) && memcmp(&at, gid, sizeof(at)) == 0)
			return (int)i;
	return -1;
}

static bool full; /* it joins nothing */

static bool on_join(void *arg, const struct vib_gid *mgid, bool receives)
{
	(void)arg;
	assert_int_equal(mgid->raw[0], 0xff);
	if (receives)
		joins++;
	else
		leaves++;
	return !receives || !full;
}

static struct subnet_wire *wire_of(const struct world *w)
{
	return subnets_wire(vib_of(&w->a)->vport.fabric);
}

static struct subnet_port port(struct world *w)
{
	return (struct subnet_port){
		.device = FAKE_DEVICE,
		.port = 1,
		.active_mtu = 3,
		.active_width = 1,
		.active_speed = 32,
		.pkeys = { 0xffff, 0x8001 },
		.arg = w,
		.gid_index = gid_index,
		.gid_at = gid_at,
		.join = on_join,
	};
}

static void wire_up(struct world *w)
{
	struct subnet_port p = port(w);

	subnet_wire_up(wire_of(w), &p);
}

static int begin(void **state)
{
	fake_umad_begin();
	joins = leaves = 0;
	full = false;
	return set_up_with(state, begin_subnets);
}

static int end(void **state)
{
	int rc = tear_down(state);

	assert_true(fake_umad_end());
	return rc;
}

/* ---- MADs ------------------------------------------------------------------------ */

/* The LID of remote @last, as the SA tells @g's guest. */
static uint16_t path_to(struct its_gsi *g, uint8_t last)
{
	struct vib_gid dgid = remote(last), sgid = gid_of(g->p);
	uint8_t mad[VIB_MAD_BYTES];

	new_mad(mad, UMAD_CLASS_SUBN_ADM, UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC);
	put_be64(mad + SA_MASK, 1 << 2 | 1 << 3);
	memcpy(mad + SA_DATA + 8, &dgid, sizeof(dgid));
	memcpy(mad + SA_DATA + 24, &sgid, sizeof(sgid));
	ask_sa(g, mad);
	return be16_at(mad + SA_DATA + 40);
}

static void req(struct its_gsi *g, uint8_t mad[VIB_MAD_BYTES], uint8_t last, uint32_t id)
{
	const struct vport *vport = &vib_of(g->p)->vport;
	struct vib_gid dgid = remote(last), sgid = gid_of(g->p);

	new_mad(mad, UMAD_CLASS_CM, UMAD_METHOD_SEND, 0x10);
	put_be32(mad + 24, id);
	put_be64(mad + 40, vport->attr.node_guid);
	put_be16(mad + 76, vport->lid);
	memcpy(mad + 80, &sgid, sizeof(sgid));
	memcpy(mad + 96, &dgid, sizeof(dgid));
}

static void send_mad(struct its_gsi *g, const uint8_t mad[VIB_MAD_BYTES], uint16_t lid)
{
	its_gsi_send(g, mad, lid);
	fake_loop(g->p->w->xen);
	passes(g->p->w);
}

static const struct gsi_port_stats *stats_of(const struct peer *p)
{
	return gsi_port_stats(vib_of(p)->vport.gsi);
}

#define QPN_OF_1 0x191u

/* What remote @last answers: a REP with ids of its own and the guest's, on the wire. */
static struct umad_buffer rep(uint8_t last, uint32_t wire_id, uint8_t gid_index)
{
	struct vib_gid from = remote(last);
	struct umad_buffer in = {
		.head.addr = {
			.qpn = htobe32(1),
			.grh_present = 1,
			.gid_index = gid_index,
		},
	};

	memcpy(in.head.addr.gid, &from, sizeof(from));
	new_mad(in.mad, UMAD_CLASS_CM, UMAD_METHOD_SEND, 0x13);
	put_be32(in.mad + 24, 0x9999);
	put_be32(in.mad + 28, wire_id);
	put_be32(in.mad + 36, QPN_OF_1 << 8);
	return in;
}

/* @g's guest connects to remote 1, by its id 0x1001: its id on the wire. */
static uint32_t connect_to_1(struct its_gsi *g, uint8_t gid_index)
{
	struct world *w = g->p->w;
	const struct fabric *fabric = fabric_find(&w->fabrics, "local");
	struct vib_gid dgid = remote(1), found;
	uint8_t mad[VIB_MAD_BYTES];
	struct umad_buffer out, in;
	uint16_t lid;

	wire_up(w);
	assert_true(subnet_wire_has_cm(wire_of(w)));
	lid = path_to(g, 1);
	assert_true(fabric->gid_of_lid(fabric->gid_of_lid_arg, lid, &found));
	assert_memory_equal(&found, &dgid, sizeof(dgid));
	req(g, mad, 1, 0x1001);
	send_mad(g, mad, lid);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	out = fake_umad_sent(0);
	assert_memory_equal(out.head.addr.gid, &dgid, sizeof(dgid));
	assert_int_equal(out.head.addr.gid_index, gid_index);
	assert_int_equal(be32_at(out.mad + 28), 0);
	in = rep(1, be32_at(out.mad + 24), gid_index);
	its_gsi_post(g);
	fake_umad_receive(&in, VIB_MAD_BYTES);
	fake_loop(w->xen);
	passes(w);
	assert_true(its_gsi_take(g, mad));
	assert_int_equal(be32_at(mad + 24), 0x9999);
	assert_int_equal(be32_at(mad + 28), 0x1001);
	return be32_at(out.mad + 24);
}

static void guest_connects_beyond_the_host(void **state)
{
	struct world *w = *state;
	struct its_gsi b = its_gsi(&w->b);

	(void)connect_to_1(&b, 6);
}

/* Its vport, and what sends for it, are gone by the time that it is sent. */
static void peer_of_a_guest_that_dies_is_told(void **state)
{
	struct world *w = *state;
	struct its_gsi b = its_gsi(&w->b);
	uint32_t id = connect_to_1(&b, 6);
	struct vib_gid dgid = remote(1);
	struct umad_buffer out, in;

	xenport_rm(fake_xen_port(w->xen), 0, w->b.be);
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_null(vib_of(&w->b));
	assert_int_equal(fake_umad_wait_sent(2), 2);
	out = fake_umad_sent(1);
	assert_memory_equal(out.head.addr.gid, &dgid, sizeof(dgid));
	assert_int_equal(out.head.addr.gid_index, 6);
	assert_int_equal(be16_at(out.mad + 16), 0x15);
	assert_int_equal(be32_at(out.mad + 24), id);
	assert_int_equal(be32_at(out.mad + 28), 0x9999);
	assert_int_equal(be32_at(out.mad + 32), QPN_OF_1 << 8);
	/* What is answered is no drop. */
	in = rep(1, id, 5);
	put_be16(in.mad + 16, 0x16);
	fake_umad_receive(&in, VIB_MAD_BYTES);
	while (!subnet_wire_stats(wire_of(w))->taken)
		uv_run(&w->loop, UV_RUN_ONCE);
	for (unsigned int why = 0; why < GSI_DROPS; why++)
		assert_true(subnet_wire_stats(wire_of(w))->dropped[why] == 0);
}

/* The fabric goes on, and the claim can be had later. */
static void fabric_without_cm_has_paths(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	uint8_t mad[VIB_MAD_BYTES];
	uint16_t lid;

	fake_umad_take_cm(true);
	wire_up(w);
	assert_false(subnet_wire_has_cm(wire_of(w)));
	lid = path_to(&a, 1);
	req(&a, mad, 1, 0x1001);
	send_mad(&a, mad, lid);
	assert_true(stats_of(&w->a)->dropped[GSI_DROP_NO_WIRE] == 1);
	assert_int_equal(subnet_wire_reclaim(wire_of(w)), -1);
	assert_int_equal(errno, EBUSY);
	fake_umad_take_cm(false);
	assert_int_equal(subnet_wire_reclaim(wire_of(w)), 0);
	send_mad(&a, mad, lid);
	assert_int_equal(fake_umad_wait_sent(1), 1);
}

/* A lost file has the claim until it is closed, which a thread does. */
static void wait_for_cm(struct world *w)
{
	for (unsigned int i = 0; i < 5000 && !subnet_wire_has_cm(wire_of(w)); i++) {
		fake_loop(w->xen);
		usleep(1000);
	}
	assert_true(subnet_wire_has_cm(wire_of(w)));
}

static void wire_that_is_gone_has_no_claim_and_comes_back(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	uint8_t mad[VIB_MAD_BYTES];
	uint16_t lid;

	assert_int_equal(subnet_wire_reclaim(wire_of(w)), -1);
	assert_int_equal(errno, ENODEV);
	wire_up(w);
	lid = path_to(&a, 1);
	req(&a, mad, 1, 0x1001);
	send_mad(&a, mad, lid);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	fake_umad_remove(true);
	fake_loop(w->xen);
	assert_false(subnet_wire_has_cm(wire_of(w)));
	send_mad(&a, mad, lid);
	assert_true(stats_of(&w->a)->dropped[GSI_DROP_NO_WIRE] == 1);
	subnet_wire_down(wire_of(w));
	subnet_wire_down(wire_of(w));
	fake_loop(w->xen);
	fake_umad_remove(false);
	wire_up(w);
	wait_for_cm(w);
	send_mad(&a, mad, lid);
	assert_int_equal(fake_umad_wait_sent(2), 2);
	assert_true(subnet_wire_stats(wire_of(w))->received == 0);
	/* The id on the wire is what it was. */
	assert_int_equal(be32_at(fake_umad_sent(0).mad + 24),
			 be32_at(fake_umad_sent(1).mad + 24));
}

/* Whoever has the port open may say only that it is there again. */
static void device_that_went_unnoticed_is_opened_again(void **state)
{
	struct world *w = *state;

	wire_up(w);
	fake_umad_remove(true);
	fake_loop(w->xen);
	assert_false(subnet_wire_has_cm(wire_of(w)));
	assert_int_equal(subnet_wire_reclaim(wire_of(w)), -1);
	assert_int_equal(errno, ENODEV);
	fake_umad_remove(false);
	if (subnet_wire_reclaim(wire_of(w)) < 0)
		assert_int_equal(errno, EBUSY);
	wait_for_cm(w);
	assert_int_equal(subnet_wire_reclaim(wire_of(w)), 0);
	fake_umad_remove(true);
	fake_loop(w->xen);
	fake_umad_remove(false);
	wire_up(w);
	wait_for_cm(w);
}

static void dead_address_is_counted_at_its_guest(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a), b = its_gsi(&w->b);
	uint8_t mad[VIB_MAD_BYTES];
	uint16_t dead, alive;

	wire_up(w);
	fake_umad_hang(0x66);
	dead = path_to(&a, 0x66);
	alive = path_to(&b, 1);
	for (uint32_t i = 0; i < 10; i++) {
		req(&a, mad, 0x66, i);
		send_mad(&a, mad, dead);
	}
	/* Another guest's call goes out meanwhile. */
	req(&b, mad, 1, 0x1001);
	send_mad(&b, mad, alive);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	while (!fake_umad_hanging())
		usleep(100);
	fake_umad_release();
	for (unsigned int i = 0;
	     i < 5000 && stats_of(&w->a)->dropped[GSI_DROP_UNREACHABLE] < 10; i++) {
		usleep(1000);
		fake_loop(w->xen);
	}
	assert_true(stats_of(&w->a)->dropped[GSI_DROP_UNREACHABLE] == 10);
	assert_true(stats_of(&w->b)->dropped[GSI_DROP_UNREACHABLE] == 0);
}

/* Its thread waits for a dead address still. */
static void guest_that_goes_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	uint8_t mad[VIB_MAD_BYTES];

	wire_up(w);
	fake_umad_hang(0x66);
	req(&a, mad, 0x66, 1);
	send_mad(&a, mad, path_to(&a, 0x66));
	while (!fake_umad_hanging())
		usleep(100);
	fabric_detach(&vib_of(&w->a)->vport);
	assert_null(vib_of(&w->a)->vport.umad);
	fake_umad_release();
}

static bool hears_of(const struct peer *p, enum vib_async_type type)
{
	const uint8_t *page = memory_of(p, ASYNC);
	const struct vib_async_event *events =
		(const void *)(page + VIB_QUEUE_SLOTS_OFFSET);

	for (unsigned int i = 0; i < 1u << VIB_ASYNC_ORDER; i++)
		if (events[i].gen && events[i].type == type)
			return true;
	return false;
}

static void host_joins_what_its_guests_join(void **state)
{
	struct world *w = *state;
	struct its_gsi gsis[2] = { its_gsi(&w->a), its_gsi(&w->b) };
	struct subnet_port p = port(w);

	wire_up(w);
	full = true;
	for (unsigned int i = 0; i < 2; i++)
		join_broadcast(&gsis[i], UMAD_METHOD_SET, 1);
	/* Of what cannot be joined each join asks again, and who has made room. */
	assert_int_equal(joins, 2);
	subnet_wire_room(wire_of(w));
	assert_int_equal(joins, 3);
	full = false;
	subnet_wire_room(wire_of(w));
	assert_int_equal(joins, 4);
	subnet_wire_room(wire_of(w));
	assert_int_equal(joins, 4);
	assert_int_equal(leaves, 0);
	assert_false(hears_of(&w->a, VIB_ASYNC_REREGISTER));
	/* A wire of another MTU: groups begin anew, and guests are told. */
	p.active_mtu = 4;
	subnet_wire_up(wire_of(w), &p);
	assert_int_equal(leaves, 1);
	assert_int_equal(gsi_port_holdings(vib_of(&w->a)->vport.gsi).memberships, 0);
	fake_loop(w->xen);
	assert_true(hears_of(&w->a, VIB_ASYNC_REREGISTER));
	assert_true(hears_of(&w->b, VIB_ASYNC_REREGISTER));
}

/* A vport that comes has no LID that stands for another's GID. */
static void lids_are_not_given_twice(void **state)
{
	struct world *w = *state;
	struct its_gsi a = its_gsi(&w->a);
	struct vib_gid gid = remote(9);
	static struct vib new;
	uint16_t lid;

	wire_up(w);
	lid = path_to(&a, 9);
	new = (struct vib){ .vport.attr.port_guid = be64_at(gid.raw + 8) };
	assert_int_equal(fabric_attach(vib_of(&w->a)->vport.fabric, &new.vport), 0);
	assert_int_equal(new.vport.lid, lid + 1);
	fabric_detach(&new.vport);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_connects_beyond_the_host),
		TEST(peer_of_a_guest_that_dies_is_told),
		TEST(fabric_without_cm_has_paths),
		TEST(wire_that_is_gone_has_no_claim_and_comes_back),
		TEST(device_that_went_unnoticed_is_opened_again),
		TEST(dead_address_is_counted_at_its_guest),
		TEST(guest_that_goes_leaves_nothing),
		TEST(host_joins_what_its_guests_join),
		TEST(lids_are_not_given_twice),
	};

	alarm(120);
	return cmocka_run_group_tests_name("subnet_wire", tests, NULL, NULL);
}
