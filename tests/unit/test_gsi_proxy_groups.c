// SPDX-License-Identifier: GPL-2.0-or-later
/* A fabric whose wire is InfiniBand: memberships of vports in its SA's groups. */
#include "gsi_proxy_world.h"

#include "gsi/mcm_record.h"
#include "gsi/ports.h"

/* Three vports with the GID of the HCA's port. */
static void begin_sharing(void)
{
	world_begin(&w, 3);
	world_set_infiniband(&w, GSI_ADDRESSING_SHARED);
	for (unsigned int i = 0; i < 3; i++) {
		w.attr[i].gids[0] = w.wire.gid;
		world_change(&w, i);
	}
}

static struct vib_gid mgid_of(uint16_t pkey, uint8_t last)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b, [15] = last } };

	put_be16(mgid.raw + 4, pkey);
	return mgid;
}

static struct mad_packet change(unsigned int from, uint8_t method, struct vib_gid mgid,
				uint8_t bits)
{
	struct mad_packet p =
		world_sa(&w, from, method, UMAD_SA_ATTR_MCMEMBER_REC, 1 | 2 | 1 << 16);

	memcpy(p.mad + SA_DATA_AT, &mgid, sizeof(mgid));
	memcpy(p.mad + SA_DATA_AT + 16, &w.attr[from].gids[0], 16);
	p.mad[SA_DATA_AT + 48] = bits;
	p.dlid = 0x99;
	return p;
}

static const struct mcm_group broadcast = {
	.qkey = 0xb1b,
	.mlid = 0xc000,
	.mtu = 4,
	.rate = 3,
	.life = 18,
	.pkey = 0xffff,
	.scope = 2,
};

/* The SA has @mad's membership, with what it has of the group but the MLID. */
static void accept_join(const uint8_t *mad, uint16_t mlid)
{
	uint8_t record[56] = { 0 };
	struct mcm_record asks, r = { .group = broadcast };

	mcm_record_get(&asks, mad + SA_DATA_AT);
	r.group.mgid = asks.group.mgid;
	if (gid_is_zero(&r.group.mgid))
		r.group.mgid = mgid_of(0xffff, 0x55);
	r.group.mlid = mlid;
	r.port_gid = asks.port_gid;
	r.join_state = asks.join_state;
	mcm_record_put(record, &r);
	world_sa_answers(&w, mad, 0, record, sizeof(record), 56);
}

/* Vport @i joins, as the SA has it. */
static void join(unsigned int i, struct vib_gid mgid)
{
	struct mad_packet p = change(i, UMAD_METHOD_SET, mgid, 1);

	world_send(&w, i, &p);
	accept_join(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC), 0xc000);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
}

static void each_vport_has_a_membership_of_its_own(void **state)
{
	struct vib_gid mgid = mgid_of(0xffff, 1);
	struct mad_packet p;
	const struct delivery *d;
	const uint8_t *mad;
	uint64_t tid;

	(void)state;
	begin(2);
	p = change(0, UMAD_METHOD_SET, mgid, 1);
	tid = mad_tid(p.mad);
	world_send(&w, 0, &p);
	world_expect_quiet(&w);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_memory_equal(mad + SA_DATA_AT + 16, &w.attr[0].gids[0], 16);
	/* Sent again meanwhile it is not asked again. */
	world_send(&w, 0, &p);
	asked_nothing();
	accept_join(mad, 0xc005);
	d = world_take(&w);
	assert_int_equal(d->to, 0);
	assert_true(mad_tid(d->packet.mad) == tid);
	assert_int_equal(mad_method(d->packet.mad), UMAD_METHOD_GET_RESP);
	assert_int_equal(be16_at(d->packet.mad + SA_DATA_AT + 36), 0xc005);
	assert_true(world_receives(&w, 0, mgid));
	/* What it has already costs no question. */
	p = change(0, UMAD_METHOD_SET, mgid, 1);
	world_send(&w, 0, &p);
	asked_nothing();
	assert_int_equal(world_take(&w)->to, 0);
	p = change(1, UMAD_METHOD_SET, mgid, 1);
	world_send(&w, 1, &p);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_memory_equal(mad + SA_DATA_AT + 16, &w.attr[1].gids[0], 16);
	accept_join(mad, 0xc005);
	assert_int_equal(world_take(&w)->to, 1);
	assert_int_equal(gsi_wire_memberships(w.gsi), 2);
	/* A leave is answered at once. */
	p = change(0, UMAD_SA_METHOD_DELETE, mgid, 1);
	world_send(&w, 0, &p);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_memory_equal(mad + SA_DATA_AT + 16, &w.attr[0].gids[0], 16);
	assert_int_equal(mad[SA_DATA_AT + 48] & 0xf, 1);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	assert_int_equal(gsi_wire_memberships(w.gsi), 1);
	/* And so is the end of a vport. */
	world_remove(&w, 1);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_memory_equal(mad + SA_DATA_AT + 16, &w.attr[1].gids[0], 16);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	assert_int_equal(gsi_wire_memberships(w.gsi), 0);
	assert_int_equal(gsi_groups(w.gsi), 0);
	world_end(&w);
}

static void vports_that_share_have_one_between_them(void **state)
{
	struct vib_gid mgid = mgid_of(0xffff, 1);
	struct mad_packet p;
	const uint8_t *mad;

	(void)state;
	begin_sharing();
	for (unsigned int i = 0; i < 3; i++) {
		p = change(i, UMAD_METHOD_SET, mgid, i == 2 ? 4 : 1);
		world_send(&w, i, &p);
	}
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	asked_nothing(); /* one at a time */
	assert_memory_equal(mad + SA_DATA_AT + 16, &w.wire.gid, 16);
	accept_join(mad, 0xc000);
	assert_int_equal(world_take(&w)->to, 0);
	assert_int_equal(world_take(&w)->to, 1);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_int_equal(mad[SA_DATA_AT + 48] & 0xf, 4);
	accept_join(mad, 0xc000);
	assert_int_equal(world_take(&w)->to, 2);
	assert_int_equal(gsi_wire_memberships(w.gsi), 1);
	for (unsigned int i = 0; i < 2; i++) {
		asked_nothing();
		p = change(i, UMAD_SA_METHOD_DELETE, mgid, 1);
		world_send(&w, i, &p);
		assert_int_equal(world_take(&w)->to, i);
	}
	/* Of the bit that nobody has any more. */
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_int_equal(mad[SA_DATA_AT + 48] & 0xf, 1);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	/* One GID is one port's after the other's. */
	world_remove(&w, 0);
	world_remove(&w, 2);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_int_equal(mad[SA_DATA_AT + 48] & 0xf, 4);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	asked_nothing();
	world_end(&w);
}

static void restarted_sa_has_all_again(void **state)
{
	struct vib_gid a = mgid_of(0xffff, 1), b = mgid_of(0xffff, 2);
	const uint8_t *mad;

	(void)state;
	begin(2);
	join(0, a);
	join(0, b);
	join(1, a);
	gsi_reregister(w.gsi);
	assert_int_equal(gsi_wire_memberships(w.gsi), 0);
	/* No vport is down for it, and GUIDs come first. */
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_ALIAS);
	table_is_empty();
	for (unsigned int i = 0; i < 2; i++) {
		mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
		confirm(mad);
		while ((mad = world_take_sa(&w)) &&
		       mad_attribute(mad) == UMAD_SA_ATTR_MCMEMBER_REC) {
			/* It can be made anew by it. */
			assert_true((mask_of(mad) & 0x1f0c5) == 0x1f0c5 ||
				    mask_of(mad) & 1 << 2);
			accept_join(mad, 0xc000);
		}
		if (mad)
			w.sa_taken--;
	}
	asked_nothing();
	assert_int_equal(gsi_wire_memberships(w.gsi), 3);
	assert_int_equal(w.forgotten[0] + w.forgotten[1], 0);
	assert_true(world_receives(&w, 0, a));
	world_expect_quiet(&w);
	world_end(&w);
}

/* Its guest has the old MLID. */
static void group_that_is_another_is_to_be_joined_anew(void **state)
{
	struct vib_gid a = mgid_of(0xffff, 1);
	const uint8_t *mad;

	(void)state;
	begin(1);
	join(0, a);
	gsi_reregister(w.gsi);
	table_is_empty();
	confirm(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC));
	accept_join(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC), 0xc123);
	assert_int_equal(w.forgotten[0], 1);
	assert_false(world_has_group(&w, a));
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	/* Refused it is forgotten, too. */
	join(0, a);
	gsi_reregister(w.gsi);
	table_is_empty();
	confirm(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC));
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	world_sa_answers(&w, mad, SA_ERROR(REQ_INVALID), NULL, 0, 56);
	assert_int_equal(w.forgotten[0], 2);
	assert_int_equal(gsi_groups(w.gsi), 0);
	world_end(&w);
}

/* Who asks for what is refused, and goes before it hears that, harms nobody. */
static void refusal_of_who_has_gone_ends_nothing(void **state)
{
	struct vib_gid a = mgid_of(0xffff, 1);
	struct mad_packet p;
	const uint8_t *mad;

	(void)state;
	begin_sharing();
	join(0, a);
	p = change(1, UMAD_METHOD_SET, a, 4);
	world_send(&w, 1, &p);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	world_remove(&w, 1);
	world_sa_answers(&w, mad, SA_ERROR(REQ_INVALID), NULL, 0, 56);
	assert_int_equal(w.forgotten[0], 0);
	assert_true(world_receives(&w, 0, a));
	asked_nothing();
	world_end(&w);
}

/* A restarted SA that refuses one GID has not refused the others. */
static void refusal_ends_what_its_gid_has(void **state)
{
	struct vib_gid a = mgid_of(0xffff, 1);
	unsigned int refused = 0;
	const uint8_t *mad;

	(void)state;
	begin(2);
	join(0, a);
	join(1, a);
	gsi_reregister(w.gsi);
	table_is_empty();
	while ((mad = world_take_sa(&w))) {
		if (mad_attribute(mad) != UMAD_SA_ATTR_MCMEMBER_REC)
			confirm(mad);
		else if (memcmp(mad + SA_DATA_AT + 16, &w.attr[0].gids[0], 16) != 0)
			accept_join(mad, 0xc000);
		else if (!refused++)
			world_sa_answers(&w, mad, SA_ERROR(REQ_INVALID), NULL, 0, 56);
	}
	assert_int_equal(refused, 1);
	assert_int_equal(w.forgotten[0], 1);
	assert_int_equal(w.forgotten[1], 0);
	assert_false(world_receives(&w, 0, a));
	assert_true(world_receives(&w, 1, a));
	assert_int_equal(gsi_wire_memberships(w.gsi), 1);
	world_end(&w);
}

static void foreign_partitions_are_not_joined(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;
	uint8_t record[56] = { 0 };
	struct mcm_record r = { .group = broadcast, .join_state = 1 };

	(void)state;
	begin(1);
	p = change(0, UMAD_METHOD_SET, mgid_of(0x8001, 1), 1);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(REQ_INVALID));
	asked_nothing();
	/* Nor what the SA says is of one. */
	r.group.mgid = (struct vib_gid){ .raw = { 0xff, 0x12, 0xab, 0xcd } };
	r.group.pkey = 0x8001;
	r.port_gid = w.attr[0].gids[0];
	mcm_record_put(record, &r);
	p = change(0, UMAD_METHOD_SET, r.group.mgid, 1);
	world_send(&w, 0, &p);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	world_sa_answers(&w, mad, 0, record, sizeof(record), 56);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), SA_ERROR(REQ_INVALID));
	asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	assert_int_equal(gsi_memberships(w.gsi), 0);
	/* And nobody joins for another. */
	p = change(0, UMAD_METHOD_SET, mgid_of(0xffff, 1), 1);
	p.mad[SA_DATA_AT + 31] ^= 1;
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(REQ_INVALID));
	world_end(&w);
}

static void sa_chooses_an_mgid(void **state)
{
	static const struct vib_gid none;
	struct mad_packet p;
	const uint8_t *mad;

	(void)state;
	begin(1);
	p = change(0, UMAD_METHOD_SET, none, 1);
	world_send(&w, 0, &p);
	world_send(&w, 0, &p);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	asked_nothing();
	accept_join(mad, 0xc077);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	assert_true(world_receives(&w, 0, mgid_of(0xffff, 0x55)));
	assert_int_equal(gsi_wire_memberships(w.gsi), 1);
	world_end(&w);
}

/* The SA's answer to the first may be lost, and it would make another. */
static void mgid_is_asked_for_once(void **state)
{
	static const struct vib_gid none;
	struct mad_packet p;

	(void)state;
	begin(1);
	p = change(0, UMAD_METHOD_SET, none, 1);
	world_send(&w, 0, &p);
	asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	for (unsigned int i = 0; i < 20; i++)
		world_pass(&w, SECOND);
	asked_nothing();
	world_expect_quiet(&w);
	world_end(&w);
}

#define CREATES (1 | 2 | 1 << 2 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 13 | 1 << 16)

static struct mad_packet create(unsigned int from, struct vib_gid mgid, uint16_t pkey)
{
	struct mad_packet p = change(from, UMAD_METHOD_SET, mgid, 1);

	put_be64(p.mad + 48, CREATES);
	put_be16(p.mad + SA_DATA_AT + 40, pkey);
	return p;
}

static void created_groups_have_a_quota(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;

	(void)state;
	begin(2);
	for (unsigned int i = 0; i < 128; i++) {
		p = create(0, mgid_of(0xffff, (uint8_t)i), 0xffff);
		world_send(&w, 0, &p);
		accept_join(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC),
			    (uint16_t)(0xc000 + i));
		assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	}
	p = create(0, mgid_of(0xffff, 200), 0xffff);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RESOURCES));
	p = change(0, UMAD_METHOD_SET, (struct vib_gid){ 0 }, 1);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RESOURCES));
	asked_nothing();
	/* Those that others made it may join, and others have their own. */
	p = create(1, mgid_of(0xffff, 200), 0xffff);
	world_send(&w, 1, &p);
	accept_join(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC), 0xc200);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	p = create(0, mgid_of(0xffff, 200), 0xffff);
	world_send(&w, 0, &p);
	accept_join(asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC), 0xc200);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	join(0, mgid_of(0xffff, 201));
	/* One that ends makes room. */
	p = change(0, UMAD_SA_METHOD_DELETE, mgid_of(0xffff, 5), 1);
	assert_int_equal(world_status(&w, 0, &p), 0);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	world_sa_answers(&w, mad, 0, NULL, 0, 56);
	/* Two are on their way, and there is room for one: the other is given back. */
	for (unsigned int i = 0; i < 2; i++) {
		p = create(0, mgid_of(0xffff, (uint8_t)(210 + i)), 0xffff);
		world_send(&w, 0, &p);
	}
	for (unsigned int i = 0; i < 2; i++) {
		mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
		accept_join(mad, 0xc210);
		assert_int_equal(mad_status(world_take(&w)->packet.mad),
				 i ? SA_ERROR(NO_RESOURCES) : 0);
	}
	asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_MCMEMBER_REC);
	world_end(&w);
}

/* The SA, which knows the HCA's P_Keys, would make it. */
static void group_of_another_partition_is_not_made(void **state)
{
	struct mad_packet p;

	(void)state;
	begin(1);
	world_set_pkeys(&w, 0, 0xffff, 0x8001);
	p = create(0, mgid_of(0x8001, 1), 0xffff);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(REQ_INVALID));
	asked_nothing();
	p = create(0, mgid_of(0x8001, 1), 0x8001);
	world_send(&w, 0, &p);
	asked(UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_vport_has_a_membership_of_its_own),
		cmocka_unit_test(vports_that_share_have_one_between_them),
		cmocka_unit_test(restarted_sa_has_all_again),
		cmocka_unit_test(group_that_is_another_is_to_be_joined_anew),
		cmocka_unit_test(refusal_of_who_has_gone_ends_nothing),
		cmocka_unit_test(refusal_ends_what_its_gid_has),
		cmocka_unit_test(foreign_partitions_are_not_joined),
		cmocka_unit_test(sa_chooses_an_mgid),
		cmocka_unit_test(mgid_is_asked_for_once),
		cmocka_unit_test(created_groups_have_a_quota),
		cmocka_unit_test(group_of_another_partition_is_not_made),
	};

	return cmocka_run_group_tests_name("gsi_proxy_groups", tests, NULL, NULL);
}
