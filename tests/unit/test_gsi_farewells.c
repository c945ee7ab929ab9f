// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections between vports by CM, and what is said of them when one goes without a
 * word. Offsets are of IBTA vol. 1 §12.6, counted from the beginning of the MAD.
 */
#include "gsi_world.h"

#include "gsi/limits.h"

static struct gsi_world w;

enum { REQ = 0x10, MRA, REJ, REP, RTU, DREQ, DREP, SIDR_REQ, SIDR_REP, LAP, APR };
enum { TID = 8, LOCAL = 24, REMOTE = 28, REASON = 34 };
enum { QPN_OF_REQ = 56, QPN_OF_REP = 36, EECN_OF_REP = 40, QPN_OF_DREQ = 32 };
enum { CA_GUID_OF_REQ = 40, CA_GUID_OF_REP = 52, CA_GUID_OF_REJ = 36 };
enum { TIMEOUT = 4, CONSUMER = 28 };

/* Of the connection of most tests: port 0 has called port 1. */
enum { CALLER_ID = 0x1001, CALLER_QPN = 0x151, CALLED_ID = 0x2001, CALLED_QPN = 0x161 };

/* Until the first few are told. */
#define SOON (SECOND / 100)

/* What follows a QPN is another's bits. */
static void put_qpn(uint8_t *p, uint32_t qpn)
{
	put_be32(p, qpn << 8 | 0xa5);
}

static struct mad_packet cm(unsigned int from, unsigned int to, uint16_t attribute,
			    uint32_t local, uint32_t remote)
{
	struct mad_packet packet = world_mad_to(&w, from, to, 0x07, 0x03, attribute);

	packet.mad[2] = 2;
	put_be32(packet.mad + LOCAL, local);
	put_be32(packet.mad + REMOTE, remote);
	return packet;
}

static struct mad_packet req(unsigned int from, unsigned int to, uint32_t id,
			     uint32_t qpn)
{
	struct mad_packet packet = cm(from, to, REQ, id, 0);

	put_qpn(packet.mad + QPN_OF_REQ, qpn);
	put_be64(packet.mad + CA_GUID_OF_REQ, w.attr[from].node_guid);
	put_be16(packet.mad + 76, w.attr[from].port.lid);
	put_be16(packet.mad + 78, w.attr[to].port.lid);
	put_gid(packet.mad + 80, world_gid(from));
	put_gid(packet.mad + 96, world_gid(to));
	return packet;
}

static struct mad_packet rep(unsigned int from, unsigned int to, uint32_t id,
			     uint32_t qpn, uint32_t remote)
{
	struct mad_packet packet = cm(from, to, REP, id, remote);

	put_qpn(packet.mad + QPN_OF_REP, qpn);
	put_be64(packet.mad + CA_GUID_OF_REP, w.attr[from].node_guid);
	return packet;
}

static struct mad_packet rej(unsigned int from, unsigned int to, uint16_t reason,
			     uint32_t local, uint32_t remote)
{
	struct mad_packet packet = cm(from, to, REJ, local, remote);

	put_be16(packet.mad + REASON, reason);
	put_be64(packet.mad + CA_GUID_OF_REJ, w.attr[from].node_guid);
	return packet;
}

static void passes(unsigned int from, unsigned int to, struct mad_packet packet)
{
	world_send(&w, from, &packet);
	assert_int_equal(world_take(&w)->to, to);
	world_expect_quiet(&w);
}

static void answers(unsigned int from, unsigned int to, uint32_t id, uint32_t qpn,
		    uint32_t remote)
{
	passes(from, to, rep(from, to, id, qpn, remote));
}

/* Port @from connects to @to; both have QPNs that are their ids and a bit. */
static void connects(unsigned int from, uint32_t id, unsigned int to, uint32_t other)
{
	passes(from, to, req(from, to, id, id | 0x800000));
	answers(to, from, other, other | 0x800000, id);
}

static int begin(void **state)
{
	(void)state;
	world_begin(&w, 3);
	passes(0, 1, req(0, 1, CALLER_ID, CALLER_QPN));
	answers(1, 0, CALLED_ID, CALLED_QPN, CALLER_ID);
	passes(0, 1, cm(0, 1, RTU, CALLER_ID, CALLED_ID));
	return 0;
}

/* Its guest is gone, and soon its port. */
static void goes(unsigned int i)
{
	gsi_port_reset(w.port[i]);
	world_remove(&w, i);
	world_pass(&w, SOON);
}

static void is_told_nothing(void)
{
	world_pass(&w, SOON);
	world_expect_quiet(&w);
}

static unsigned int farewells(unsigned int i)
{
	return gsi_port_holdings(w.port[i]).farewells;
}

static unsigned int connections(unsigned int i)
{
	return gsi_port_holdings(w.port[i]).connections;
}

static unsigned int all_drops(unsigned int i)
{
	unsigned int sum = 0;

	for (unsigned int why = 0; why < GSI_DROPS; why++)
		sum += w.drops[i][why];
	return sum;
}

/* The next delivery: port @to hears that @gone, by id @gone_id, goes. */
static struct mad_packet hears(unsigned int to, uint32_t id, uint32_t qpn,
			       unsigned int gone, uint32_t gone_id)
{
	const struct delivery *d = world_take(&w);
	const uint8_t *mad = d->packet.mad;

	assert_int_equal(d->to, to);
	assert_int_equal(d->packet.qpn, 1);
	assert_int_equal(d->packet.slid, w.attr[gone].port.lid);
	assert_int_equal(d->packet.dlid, w.attr[to].port.lid);
	assert_int_equal(d->packet.pkey, w.attr[gone].pkeys[0]);
	assert_int_equal(d->packet.length, VIB_MAD_BYTES);
	assert_int_equal(be32_at(mad), 0x01070203);
	assert_int_equal(be32_at(mad + 4), 0);
	assert_int_equal(be32_at(mad + 16), DREQ << 16);
	assert_int_equal(be32_at(mad + LOCAL), gone_id);
	assert_int_equal(be32_at(mad + REMOTE), id);
	assert_int_equal(be32_at(mad + QPN_OF_DREQ), qpn << 8);
	return d->packet;
}

/* Nobody is at the LID that @packet has, but ibback takes it. */
static void is_taken(unsigned int from, struct mad_packet packet)
{
	unsigned int before = all_drops(from);
	uint64_t answered = gsi_port_stats(w.port[from])->answered;

	world_send(&w, from, &packet);
	assert_int_equal(all_drops(from), before);
	assert_true(gsi_port_stats(w.port[from])->answered == answered + 1);
}

/* ---- who goes -------------------------------------------------------------- */

static void who_was_called_is_told(void **state)
{
	struct mad_packet heard;

	(void)state;
	goes(0);
	heard = hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	assert_false(heard.grh);
	world_expect_quiet(&w);
	is_taken(1, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
	world_expect_quiet(&w);
	assert_int_equal(connections(1), 0);
}

static void who_called_is_told(void **state)
{
	(void)state;
	goes(1);
	hears(0, CALLER_ID, CALLER_QPN, 1, CALLED_ID);
	world_expect_quiet(&w);
	is_taken(0, cm(0, 1, DREP, CALLER_ID, CALLED_ID));
	assert_int_equal(connections(0), 0);
}

static void each_of_many_is_told_once(void **state)
{
	struct mad_packet a, b, c;

	(void)state;
	connects(0, 0x1002, 1, 0x2002);
	connects(1, 0x2003, 0, 0x1003);
	connects(2, 0x3001, 1, 0x2004);
	assert_int_equal(connections(0), 3);
	goes(0);
	a = hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	b = hears(1, 0x2002, 0x802002, 0, 0x1002);
	c = hears(1, 0x2003, 0x802003, 0, 0x1003);
	world_expect_quiet(&w);
	assert_true(mad_tid(a.mad) != mad_tid(b.mad));
	assert_true(mad_tid(b.mad) != mad_tid(c.mad));
	assert_true(mad_tid(a.mad) != mad_tid(c.mad));
	/* The others' own goes on. */
	assert_int_equal(connections(1), 1);
	assert_int_equal(connections(2), 1);
}

static void xrc_target_is_told_its_own_number(void **state)
{
	struct mad_packet packet = rep(1, 0, 0x2002, 0, 0x1002);

	(void)state;
	put_be32(packet.mad + QPN_OF_REP, 0xa5); /* none, and other bits */
	put_qpn(packet.mad + EECN_OF_REP, 0x171);
	passes(0, 1, req(0, 1, 0x1002, 0x152));
	passes(1, 0, packet);
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	hears(1, 0x2002, 0x171, 0, 0x1002);
}

static void connection_by_gids_is_told_of_with_them(void **state)
{
	struct mad_packet packet = req(0, 2, 0x1002, 0x152), heard;

	(void)state;
	world_grh(&packet, 0, world_gid(2));
	passes(0, 2, packet);
	packet = rep(2, 0, 0x3001, 0x171, 0x1002);
	world_grh(&packet, 2, world_gid(0));
	passes(2, 0, packet);
	goes(2);
	heard = hears(0, 0x1002, 0x152, 2, 0x3001);
	assert_true(heard.grh);
	assert_memory_equal(&heard.sgid, &w.attr[2].gids[0], 16);
	assert_memory_equal(&heard.dgid, &w.attr[0].gids[0], 16);
	packet = cm(0, 2, DREP, 0x1002, 0x3001);
	world_grh(&packet, 0, world_gid(2));
	is_taken(0, packet);
}

/* A guest whose driver goes and comes has its port meanwhile. */
static void guest_that_is_disconnected_is_spoken_for(void **state)
{
	(void)state;
	gsi_port_reset(w.port[0]);
	world_pass(&w, SOON);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	/* Its successor does not hear what it does not know of. */
	is_taken(1, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
	world_expect_quiet(&w);
}

static void link_that_is_down_is_no_end(void **state)
{
	(void)state;
	world_set_up(&w, 0, false);
	is_told_nothing();
	world_set_up(&w, 0, true);
	is_told_nothing();
	assert_int_equal(connections(0), 1);
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
}

static void port_that_ends_with_ibback_says_nothing(void **state)
{
	(void)state;
	world_remove(&w, 0);
	is_told_nothing();
	assert_int_equal(connections(1), 0);
}

static void both_go(void **state)
{
	(void)state;
	gsi_port_reset(w.port[0]);
	assert_int_equal(farewells(1), 1);
	gsi_port_reset(w.port[1]);
	assert_int_equal(farewells(0) + farewells(1), 0);
	is_told_nothing();
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void connection_to_itself(void **state)
{
	(void)state;
	connects(2, 0x3001, 2, 0x3002);
	assert_int_equal(connections(2), 2);
	gsi_port_reset(w.port[2]);
	is_told_nothing();
	assert_int_equal(connections(2), 0);
}

/* ---- what is a connection --------------------------------------------------- */

static void call_without_an_answer_is_none(void **state)
{
	(void)state;
	passes(0, 2, req(0, 2, 0x1002, 0x152));
	passes(2, 0, cm(2, 0, MRA, 0x3001, 0x1002));
	goes(2);
	world_expect_quiet(&w);
	assert_int_equal(connections(0), 2);
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_expect_quiet(&w);
}

/* Port 2 names calls of others, and its own by others. */
static void answer_is_of_who_was_called(void **state)
{
	(void)state;
	passes(0, 1, req(0, 1, 0x1002, 0x152));
	answers(2, 0, 0x3001, 0x171, 0x1002);
	answers(2, 0, 0x3001, 0x171, CALLER_ID);
	answers(2, 1, 0x3001, 0x171, CALLER_ID);
	answers(1, 2, 0x2002, 0x162, CALLER_ID);
	answers(1, 0, 0x2002, 0x162, 0x1009);
	assert_int_equal(connections(2), 0);
	goes(2);
	world_expect_quiet(&w);
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_expect_quiet(&w);
}

static void message_of_another_version_is_none(void **state)
{
	struct mad_packet packet = req(0, 2, 0x1002, 0x152);

	(void)state;
	packet.mad[2] = 1;
	passes(0, 2, packet);
	packet = req(0, 2, 0x1002, 0x152);
	packet.mad[3] = 1;
	passes(0, 2, packet);
	answers(2, 0, 0x3001, 0x171, 0x1002);
	goes(2);
	world_expect_quiet(&w);
}

static void sidr_has_no_connections(void **state)
{
	(void)state;
	passes(0, 2, cm(0, 2, SIDR_REQ, 0x1002, 0));
	passes(2, 0, cm(2, 0, SIDR_REP, 0x1002, 0));
	assert_int_equal(connections(0), 1);
	assert_int_equal(connections(2), 0);
}

static void what_is_sent_again_is_the_same(void **state)
{
	(void)state;
	passes(0, 1, req(0, 1, CALLER_ID, CALLER_QPN));
	answers(1, 0, CALLED_ID, CALLED_QPN, CALLER_ID);
	assert_int_equal(connections(0), 1);
	assert_int_equal(connections(1), 1);
	passes(0, 1, req(0, 1, CALLER_ID, CALLER_QPN));
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_expect_quiet(&w);
}

static void next_call_by_an_id_is_another(void **state)
{
	(void)state;
	passes(0, 1, req(0, 1, CALLER_ID, 0x155));
	assert_int_equal(connections(1), 0);
	passes(0, 2, req(0, 2, CALLER_ID, 0x155));
	answers(1, 0, CALLED_ID, CALLED_QPN, CALLER_ID);
	answers(2, 0, 0x3001, 0x171, CALLER_ID);
	assert_int_equal(connections(0), 1);
	goes(0);
	hears(2, 0x3001, 0x171, 0, CALLER_ID);
	world_expect_quiet(&w);
}

/* ---- its end ---------------------------------------------------------------- */

static void has_ended(void)
{
	assert_int_equal(connections(0), 0);
	assert_int_equal(connections(1), 0);
	gsi_port_reset(w.port[0]);
	gsi_port_reset(w.port[1]);
	is_told_nothing();
	world_end(&w);
	begin(NULL);
}

static void connection_that_ended_is_forgotten(void **state)
{
	(void)state;
	passes(0, 1, cm(0, 1, DREQ, CALLER_ID, CALLED_ID));
	passes(1, 0, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
	has_ended();
	passes(1, 0, cm(1, 0, DREQ, CALLED_ID, CALLER_ID));
	passes(0, 1, cm(0, 1, DREP, CALLER_ID, CALLED_ID));
	has_ended();
	passes(0, 1, rej(0, 1, CONSUMER, CALLER_ID, CALLED_ID));
	has_ended();
	passes(1, 0, rej(1, 0, CONSUMER, CALLED_ID, CALLER_ID));
	has_ended();
	/* Who never heard of an answer gives up. */
	passes(0, 1, rej(0, 1, TIMEOUT, CALLER_ID, 0));
	has_ended();
}

static void call_that_is_refused_is_forgotten(void **state)
{
	(void)state;
	passes(0, 2, req(0, 2, 0x1002, 0x152));
	passes(2, 0, rej(2, 0, CONSUMER, 0, 0x1002));
	assert_int_equal(connections(0), 1);
}

/* A DREQ may be lost; who sent it has gone before it was answered. */
static void dreq_without_an_answer_is_said_again(void **state)
{
	(void)state;
	passes(0, 1, cm(0, 1, DREQ, CALLER_ID, CALLED_ID));
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
}

static void nobody_else_ends_it(void **state)
{
	(void)state;
	passes(2, 0, cm(2, 0, DREP, CALLED_ID, CALLER_ID));
	passes(2, 1, cm(2, 1, DREP, CALLER_ID, CALLED_ID));
	passes(2, 0, rej(2, 0, CONSUMER, CALLED_ID, CALLER_ID));
	passes(2, 1, rej(2, 1, TIMEOUT, CALLER_ID, CALLED_ID));
	/* Nor do they, of one that was before. */
	passes(1, 0, cm(1, 0, DREP, 0x2009, CALLER_ID));
	passes(0, 1, rej(0, 1, CONSUMER, CALLER_ID, 0x2009));
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
}

/* ---- how it is said ---------------------------------------------------------- */

static void is_said_again_until_it_is_answered(void **state)
{
	struct mad_packet first, again;

	(void)state;
	goes(0);
	first = hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_pass(&w, SECOND - 1);
	world_expect_quiet(&w);
	world_pass(&w, 1);
	again = hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	assert_memory_equal(first.mad, again.mad, VIB_MAD_BYTES);
	is_taken(1, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
	/* To each it is answered. */
	is_taken(1, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
	for (int i = 0; i < 30; i++)
		world_pass(&w, SECOND);
	world_expect_quiet(&w);
	assert_int_equal(farewells(1), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void is_not_said_for_ever(void **state)
{
	struct mad_packet packet = cm(1, 0, DREP, CALLED_ID, CALLER_ID);

	(void)state;
	goes(0);
	for (int i = 0; i < 30; i++)
		world_pass(&w, SECOND);
	for (int i = 0; i < 5; i++)
		hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_expect_quiet(&w);
	assert_int_equal(farewells(1), 1);
	world_pass(&w, SECOND);
	assert_int_equal(farewells(1), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
	world_expect_drop(&w, 1, &packet, GSI_DROP_NO_PORT);
}

/* It loses its QP meanwhile, and says so itself. */
static void who_says_it_too_is_answered(void **state)
{
	struct mad_packet packet = cm(1, 0, DREQ, CALLED_ID, CALLER_ID);
	const struct delivery *d;

	(void)state;
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	is_taken(1, packet);
	d = world_take(&w);
	assert_int_equal(d->to, 1);
	assert_int_equal(d->packet.slid, 0x10);
	assert_int_equal(d->packet.dlid, 0x11);
	assert_int_equal(be32_at(d->packet.mad), 0x01070203);
	assert_int_equal(be32_at(d->packet.mad + 16), DREP << 16);
	assert_true(mad_tid(d->packet.mad) == mad_tid(packet.mad));
	assert_int_equal(be32_at(d->packet.mad + LOCAL), CALLER_ID);
	assert_int_equal(be32_at(d->packet.mad + REMOTE), CALLED_ID);
	world_expect_quiet(&w);
	is_taken(1, cm(1, 0, DREP, CALLED_ID, CALLER_ID));
}

static void other_messages_to_nobody_are_dropped_as_ever(void **state)
{
	struct mad_packet packet;

	(void)state;
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	packet = cm(1, 0, DREP, CALLED_ID, 0x1009);
	world_expect_drop(&w, 1, &packet, GSI_DROP_NO_PORT);
	packet = cm(1, 0, DREQ, 0x2009, CALLER_ID);
	world_expect_drop(&w, 1, &packet, GSI_DROP_NO_PORT);
	packet = cm(1, 0, RTU, CALLED_ID, CALLER_ID);
	world_expect_drop(&w, 1, &packet, GSI_DROP_NO_PORT);
	packet = cm(2, 0, DREP, CALLED_ID, CALLER_ID);
	world_expect_drop(&w, 2, &packet, GSI_DROP_NO_PORT);
	packet = cm(1, 0, DREP, CALLED_ID, CALLER_ID);
	packet.mad[2] = 1;
	world_expect_drop(&w, 1, &packet, GSI_DROP_NO_PORT);
}

static void whose_link_is_down_is_told_when_it_is_up(void **state)
{
	(void)state;
	world_set_up(&w, 1, false);
	goes(0);
	world_expect_quiet(&w);
	world_set_up(&w, 1, true);
	world_pass(&w, SECOND);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
}

static void who_is_in_no_common_partition_is_not_told(void **state)
{
	(void)state;
	world_set_pkeys(&w, 1, 0x8001, 0);
	goes(0);
	world_expect_quiet(&w);
	/* Until it is in one again. */
	world_set_pkeys(&w, 1, 0x7fff, 0);
	world_pass(&w, SECOND);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
}

static void who_lost_its_partition_is_not_spoken_for_there(void **state)
{
	(void)state;
	world_set_pkeys(&w, 0, 0x8001, 0);
	goes(0);
	world_expect_quiet(&w);
	assert_int_equal(farewells(1), 0);
}

/* Nothing that is said ends the next one. */
static void connection_of_the_same_ids_is_another(void **state)
{
	(void)state;
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_add(&w, 0);
	passes(0, 1, req(0, 1, CALLER_ID, CALLER_QPN));
	assert_int_equal(farewells(1), 1);
	answers(1, 0, CALLED_ID, CALLED_QPN, CALLER_ID);
	assert_int_equal(farewells(1), 0);
	world_pass(&w, SECOND);
	world_expect_quiet(&w);
	/* And its own messages pass. */
	passes(1, 0, cm(1, 0, DREQ, CALLED_ID, CALLER_ID));
	passes(0, 1, cm(0, 1, DREP, CALLER_ID, CALLED_ID));
}

static void id_that_calls_anew_is_told_no_more(void **state)
{
	(void)state;
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	passes(1, 2, req(1, 2, CALLED_ID, CALLED_QPN));
	assert_int_equal(farewells(1), 0);
	world_pass(&w, SECOND);
	world_expect_quiet(&w);
}

/* ---- bounds ------------------------------------------------------------------ */

static void who_has_too_many_forgets_its_own_oldest(void **state)
{
	(void)state;
	connects(2, 0x3001, 1, 0x2002);
	for (uint32_t i = 1; i < MAX_CONNECTIONS; i++)
		connects(0, CALLER_ID + i, 1, CALLED_ID + 0x1000 + i);
	assert_int_equal(connections(0), MAX_CONNECTIONS);
	assert_int_equal(connections(1), MAX_CONNECTIONS + 1);
	connects(0, 0x5001, 1, 0x6001);
	assert_int_equal(connections(0), MAX_CONNECTIONS);
	/* That of the others is there. */
	goes(2);
	hears(1, 0x2002, 0x802002, 2, 0x3001);
	world_expect_quiet(&w);
	/* The first is not. */
	passes(0, 1, rej(0, 1, CONSUMER, CALLER_ID, CALLED_ID));
	assert_int_equal(connections(0), MAX_CONNECTIONS);
}

static void calls_without_an_answer_go_first(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < 2 * MAX_CONNECTIONS; i++)
		passes(0, 2, req(0, 2, CALLER_ID + i, 0x152));
	assert_int_equal(connections(0), MAX_CONNECTIONS);
	goes(0);
	hears(1, CALLED_ID, CALLED_QPN, 0, CALLER_ID);
	world_expect_quiet(&w);
}

/* Its queue has no room for all at once. */
static void many_are_said_some_at_a_time(void **state)
{
	unsigned int most = 0, all = 0;

	(void)state;
	for (uint32_t i = 1; i < MAX_CONNECTIONS; i++)
		connects(0, CALLER_ID + i, 1, CALLED_ID + i);
	gsi_port_reset(w.port[0]);
	world_pass(&w, 0);
	for (int ms = 0; ms < 999; ms++) {
		unsigned int now = world_waiting(&w);

		all += now;
		most = now > most ? now : most;
		while (now--)
			world_take(&w);
		world_pass(&w, SECOND / 1000);
	}
	assert_int_equal(all, MAX_CONNECTIONS);
	assert_in_range(most, 1, 2);
}

static void there_are_no_more_farewells_than_that(void **state)
{
	uint32_t id = 0x10000;

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (uint32_t j = 0; j < MAX_CONNECTIONS; j++, id++)
			connects(2, id, 1, id);
		gsi_port_reset(w.port[2]);
	}
	assert_true(5 * MAX_CONNECTIONS > MAX_FAREWELLS);
	assert_int_equal(farewells(1), MAX_FAREWELLS);
	/* Of one id there is one. */
	connects(2, 0x9001, 1, id - 1);
	gsi_port_reset(w.port[2]);
	assert_int_equal(farewells(1), MAX_FAREWELLS);
	gsi_port_reset(w.port[1]);
	assert_int_equal(farewells(1), 0);
}

#define TEST(name) world_test(name, begin, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_was_called_is_told),
		TEST(who_called_is_told),
		TEST(each_of_many_is_told_once),
		TEST(xrc_target_is_told_its_own_number),
		TEST(connection_by_gids_is_told_of_with_them),
		TEST(guest_that_is_disconnected_is_spoken_for),
		TEST(link_that_is_down_is_no_end),
		TEST(port_that_ends_with_ibback_says_nothing),
		TEST(both_go),
		TEST(connection_to_itself),
		TEST(call_without_an_answer_is_none),
		TEST(answer_is_of_who_was_called),
		TEST(message_of_another_version_is_none),
		TEST(sidr_has_no_connections),
		TEST(what_is_sent_again_is_the_same),
		TEST(next_call_by_an_id_is_another),
		TEST(connection_that_ended_is_forgotten),
		TEST(call_that_is_refused_is_forgotten),
		TEST(dreq_without_an_answer_is_said_again),
		TEST(nobody_else_ends_it),
		TEST(is_said_again_until_it_is_answered),
		TEST(is_not_said_for_ever),
		TEST(who_says_it_too_is_answered),
		TEST(other_messages_to_nobody_are_dropped_as_ever),
		TEST(whose_link_is_down_is_told_when_it_is_up),
		TEST(who_is_in_no_common_partition_is_not_told),
		TEST(who_lost_its_partition_is_not_spoken_for_there),
		TEST(connection_of_the_same_ids_is_another),
		TEST(id_that_calls_anew_is_told_no_more),
		TEST(who_has_too_many_forgets_its_own_oldest),
		TEST(calls_without_an_answer_go_first),
		TEST(many_are_said_some_at_a_time),
		TEST(there_are_no_more_farewells_than_that),
	};

	return cmocka_run_group_tests_name("gsi_farewells", tests, NULL, NULL);
}
