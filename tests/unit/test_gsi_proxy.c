// SPDX-License-Identifier: GPL-2.0-or-later
/* A fabric whose wire is InfiniBand: alias GUIDs, paths and subscriptions of its SA. */
#include "gsi_proxy_world.h"

#include "gsi/path_record.h"

/* ---- alias GUIDs ------------------------------------------------------------- */

#define GIR_GUIDS 64
#define GUIDS(n)  ((uint64_t)(n) << 4)

static uint64_t guid_of(unsigned int i)
{
	return be64toh(w.attr[i].port.port_guid);
}

static void guids_are_asked_for_and_confirmed(void **state)
{
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 2);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_NOT_YET);
	table_is_empty();
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_true(mask_of(mad) == (3 | GUIDS(2)));
	assert_int_equal(mad[58], 0);
	confirm(mad);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_true(mask_of(mad) == (3 | GUIDS(4)));
	assert_int_equal(w.addressed[0] + w.addressed[1],
			 GSI_ADDRESSED_ALIAS + GSI_ADDRESSED_NOT_YET);
	confirm(mad);
	asked_nothing();
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_ALIAS);
	assert_int_equal(w.addressed[1], GSI_ADDRESSED_ALIAS);
	/* One that goes makes room for the next. */
	world_remove(&w, 0);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_GUID_INFO_REC);
	world_sa_answers(&w, mad, 0, NULL, 0, 72);
	asked_nothing();
	world_end(&w);
}

static void declined_guid_is_asked_for_later_and_later(void **state)
{
	static const uint8_t nothing[72];
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	table_is_empty();
	for (unsigned int wait = 1; wait <= 64; wait *= 2) {
		mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
		world_sa_answers(&w, mad, 0, nothing, sizeof(nothing), 72);
		assert_int_equal(w.addressed[0], GSI_ADDRESSED_DENIED);
		world_pass(&w, (wait < 60 ? wait : 60) * SECOND - SECOND / 2);
		asked_nothing();
		world_pass(&w, SECOND);
	}
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_true(be64_at(mad + GIR_GUIDS + 8) == guid_of(0));
	confirm(mad);
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_ALIAS);
	world_end(&w);
}

static void who_has_no_place_shares_the_ports_gid(void **state)
{
	unsigned int shared = 0;

	(void)state;
	/* There are 6 GUIDs, one of them the port's. */
	begin(6);
	for (unsigned int i = 0; i < 6; i++)
		shared += w.addressed[i] == GSI_ADDRESSED_SHARED;
	assert_int_equal(shared, 1);
	/* It goes on so, whatever the SA forgets. */
	for (unsigned int i = 0; i < 6; i++)
		if (w.addressed[i] == GSI_ADDRESSED_SHARED)
			shared = i;
	gsi_reregister(w.gsi);
	assert_int_equal(w.addressed[shared], GSI_ADDRESSED_SHARED);
	confirm_all();
	assert_int_equal(w.addressed[shared], GSI_ADDRESSED_SHARED);
	world_end(&w);
}

static void who_may_not_share_stays_without(void **state)
{
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_ALIAS);
	table_is_empty();
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
	world_sa_answers(&w, mad, SA_ERROR(NO_RESOURCES), NULL, 0, 0);
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_NEVER);
	world_end(&w);
}

static void sa_without_aliases_has_all_share(void **state)
{
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 2);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);
	world_sa_answers(&w, mad, UMAD_STATUS_ATTR_NOT_SUPPORTED, NULL, 0, 0);
	asked_nothing();
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_SHARED);
	assert_int_equal(w.addressed[1], GSI_ADDRESSED_SHARED);
	world_end(&w);
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_SHARED);
	asked_nothing();
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_SHARED);
	world_end(&w);
}

/* After a restart of ours a GUID is where it was; others are taken off later. */
static void guids_keep_their_places(void **state)
{
	uint8_t record[72] = { 0 };
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);
	put_be64(record + 8 + 8 * 5, guid_of(0));
	put_be64(record + 8 + 8 * 2, 0xabcd);
	world_sa_answers(&w, mad, 0, record, sizeof(record), 72);
	mad = asked(UMAD_METHOD_SET, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_true(mask_of(mad) == (3 | GUIDS(1 << 5)));
	confirm(mad);
	asked_nothing();
	world_pass(&w, 61 * SECOND);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_true(mask_of(mad) == (3 | GUIDS(1 << 2)));
	world_sa_answers(&w, mad, SA_ERROR(REQ_DENIED), NULL, 0, 72);
	asked_nothing();
	world_pass(&w, 2 * SECOND);
	mad = asked(UMAD_SA_METHOD_DELETE, UMAD_SA_ATTR_GUID_INFO_REC);
	world_sa_answers(&w, mad, 0, NULL, 0, 72);
	asked_nothing();
	world_end(&w);
}

/* Neither who is declined, nor what the SA keeps, keeps others from being taken off. */
static void guids_are_taken_off_one_by_one(void **state)
{
	static const uint8_t nothing[72];
	uint8_t record[72] = { 0 };
	unsigned int sets = 0, kept = 0, gone = 0;
	const uint8_t *mad;

	(void)state;
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);
	for (unsigned int i = 2; i < 5; i++)
		put_be64(record + 8 + 8 * (size_t)i, 0xabc0 + i);
	world_sa_answers(&w, mad, 0, record, sizeof(record), 72);
	for (unsigned int i = 0; i < 600; i++) {
		while ((mad = world_take_sa(&w))) {
			uint64_t guids = mask_of(mad) & ~3ull;

			if (mad_method(mad) == UMAD_METHOD_SET) {
				sets++;
				assert_true(guids == GUIDS(1 << 1));
				world_sa_answers(&w, mad, 0, nothing, 72, 72);
			} else if (guids == GUIDS(1 << 2)) {
				kept++;
				world_sa_answers(&w, mad, SA_ERROR(REQ_DENIED), NULL, 0,
						 72);
			} else {
				assert_true(guids == GUIDS(1 << 3) ||
					    guids == GUIDS(1 << 4));
				gone++;
				world_sa_answers(&w, mad, 0, NULL, 0, 72);
			}
		}
		world_pass(&w, SECOND);
	}
	assert_int_equal(gone, 2);
	assert_true(kept > 1 && sets > 5);
	world_end(&w);
}

static void silent_sa_is_asked_again(void **state)
{
	const uint8_t *first, *again;

	(void)state;
	world_begin(&w, 1);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	first = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);
	world_pass(&w, 2 * SECOND);
	again = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_GUID_INFO_REC);
	assert_memory_equal(first, again, VIB_MAD_BYTES);
	for (unsigned int i = 0; i < 20; i++)
		world_pass(&w, SECOND);
	assert_true(w.sa_count > 3);
	w.sa_taken = w.sa_count;
	while (w.sa_taken == w.sa_count)
		world_pass(&w, SECOND);
	confirm_all();
	assert_int_equal(w.addressed[0], GSI_ADDRESSED_ALIAS);
	world_end(&w);
}

/* ---- paths --------------------------------------------------------------------- */

static struct mad_packet path(unsigned int from, uint8_t method, struct vib_gid dgid,
			      uint16_t pkey)
{
	uint64_t mask = PATH_DGID | PATH_SGID | (pkey ? PATH_PKEY : 0);
	struct mad_packet p = world_sa(&w, from, method, UMAD_SA_ATTR_PATH_REC, mask);

	memcpy(p.mad + SA_DATA_AT + 8, &dgid, 16);
	memcpy(p.mad + SA_DATA_AT + 24, &w.attr[from].gids[0], 16);
	put_be16(p.mad + SA_DATA_AT + 50, pkey);
	p.dlid = 0x99;
	return p;
}

static struct path_record a_path(unsigned int from, unsigned int to, uint16_t pkey)
{
	return (struct path_record){
		.sgid = w.attr[from].gids[0],
		.dgid = world_remote_gid(to),
		.slid = 0x77,
		.dlid = 0x1234,
		.pkey = pkey,
		.mtu = 4,
		.rate = 3,
		.life = 18,
	};
}

static void paths_have_a_grh_and_the_vports_pkey(void **state)
{
	struct path_record r;
	struct mad_packet p;
	const struct delivery *d;
	const uint8_t *mad;
	uint8_t record[64];

	(void)state;
	begin(1);
	world_set_pkeys(&w, 0, 0x7fff, 0x8001);
	p = path(0, UMAD_METHOD_GET, world_remote_gid(1), 0);
	world_send(&w, 0, &p);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC);
	/* The SA would take any that the HCA has. */
	assert_true(mask_of(mad) & PATH_PKEY);
	assert_int_equal(be16_at(mad + SA_DATA_AT + 50), 0x7fff);
	r = a_path(0, 1, 0xffff);
	path_record_put(record, &r);
	world_sa_answers(&w, mad, 0, record, 64, 64);
	d = world_take(&w);
	assert_int_equal(mad_status(d->packet.mad), 0);
	assert_true(mad_tid(d->packet.mad) == mad_tid(p.mad));
	path_record_get(&r, d->packet.mad + SA_DATA_AT);
	assert_int_equal(r.hop_limit, 1);
	assert_int_equal(r.pkey, 0x7fff);
	assert_int_equal(r.dlid, 0x1234);
	/* A partition that is none of its own it cannot even ask for. */
	p = path(0, UMAD_METHOD_GET, world_remote_gid(1), 0x8002);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RECORDS));
	asked_nothing();
	/* Nor paths of others. */
	p = path(0, UMAD_METHOD_GET, world_remote_gid(1), 0);
	p.mad[SA_DATA_AT + 39] ^= 1;
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RECORDS));
	asked_nothing();
	world_end(&w);
}

static void tables_are_told_as_far_as_they_may(void **state)
{
	uint8_t records[40 * 64], out[40 * 64 + 200];
	struct mad_packet p;
	struct path_record r;
	const uint8_t *mad;
	const struct delivery *d;

	(void)out;
	(void)state;
	begin(1);
	p = path(0, UMAD_SA_METHOD_GET_TABLE, world_remote_gid(1), 0xffff);
	put_be64(p.mad + 48, PATH_SGID | PATH_PKEY);
	world_send(&w, 0, &p);
	mad = asked(UMAD_SA_METHOD_GET_TABLE, UMAD_SA_ATTR_PATH_REC);
	for (unsigned int i = 0; i < 40; i++) {
		r = a_path(0, i, i % 2 ? 0x8001 : 0xffff);
		if (i == 38)
			r.sgid = world_remote_gid(77);
		path_record_put(records + 64 * (size_t)i, &r);
	}
	world_sa_answers(&w, mad, 0, records, sizeof(records), 64);
	d = world_take(&w);
	/* RMPP: its first segment tells the length of all, with the headers of each. */
	assert_int_equal(mad_method(d->packet.mad), UMAD_SA_METHOD_GET_TABLE_RESP);
	assert_int_equal(be32_at(d->packet.mad + 32),
			 19 * 64 + 20 * ((19 * 64 + 199) / 200));
	world_end(&w);
}

static void bad_answers_harm_nobody(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;
	uint8_t junk[VIB_MAD_BYTES];

	(void)state;
	begin(1);
	for (unsigned int size = 0; size < 400; size += 8) {
		p = path(0, UMAD_METHOD_GET, world_remote_gid(1), 0);
		world_send(&w, 0, &p);
		mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC);
		world_sa_answers(&w, mad, 0, NULL, 0, size);
		/* It may say nothing of the size. */
		assert_int_equal(mad_status(world_take(&w)->packet.mad) != 0,
				 size && (size < 64 || size > 200));
	}
	p = path(0, UMAD_METHOD_GET, world_remote_gid(1), 0);
	world_send(&w, 0, &p);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC);
	memcpy(junk, mad, sizeof(junk));
	gsi_from_sa(w.gsi, junk, sizeof(junk)); /* a request */
	put_be64(junk + 8, 0x7777);
	junk[3] = 0x81;
	gsi_from_sa(w.gsi, junk, sizeof(junk)); /* of nobody */
	gsi_from_sa(w.gsi, junk, 3);
	world_expect_quiet(&w);
	assert_int_equal(w.wire_drops[GSI_DROP_TID], 1);
	assert_int_equal(w.wire_drops[GSI_DROP_CLASS], 1);
	assert_int_equal(w.wire_drops[GSI_DROP_MALFORMED], 1);
	/* Who goes hears nothing. */
	world_remove(&w, 0);
	world_sa_answers(&w, mad, 0, NULL, 0, 64);
	world_end(&w);
}

/* Sizes that 16 bits do not hold, of answers that have no record at all. */
static void empty_answers_have_a_size_too(void **state)
{
	static const uint16_t sizes[] = { 0x2000, 0x4000, 0xe000, 0xffff };
	struct mad_packet p;
	uint8_t mad[VIB_MAD_BYTES];

	(void)state;
	begin(1);
	for (unsigned int i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t method = i % 2 ? UMAD_SA_METHOD_GET_TABLE : UMAD_METHOD_GET;

		p = path(0, method, world_remote_gid(1), 0xffff);
		world_send(&w, 0, &p);
		memcpy(mad, asked(method, UMAD_SA_ATTR_PATH_REC), sizeof(mad));
		mad[3] |= 0x80;
		put_be16(mad + 44, sizes[i / 2]);
		gsi_from_sa(w.gsi, mad, SA_DATA_AT);
		assert_int_equal(mad_status(world_take(&w)->packet.mad),
				 SA_ERROR(NO_RESOURCES));
	}
	world_end(&w);
}

static void topology_is_for_full_members_of_all(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;
	uint8_t record[112] = { 0 };

	(void)state;
	begin(1);
	p = world_sa(&w, 0, UMAD_METHOD_GET, UMAD_SA_ATTR_NODE_REC, 1);
	p.dlid = 0x99;
	put_be16(p.mad + SA_DATA_AT, 5);
	world_send(&w, 0, &p);
	mad = asked(UMAD_METHOD_GET, UMAD_SA_ATTR_NODE_REC);
	world_sa_answers(&w, mad, 0, record, sizeof(record), 112);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	world_set_pkeys(&w, 0, 0x8001, 0);
	p = world_sa(&w, 0, UMAD_METHOD_GET, UMAD_SA_ATTR_NODE_REC, 1);
	p.dlid = 0x99;
	put_be16(p.mad + SA_DATA_AT, 5);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RECORDS));
	asked_nothing();
	world_end(&w);
}

/* All vports have it: who sends to it means itself. */
static void own_lid_is_ones_own(void **state)
{
	struct mad_packet p;

	(void)state;
	begin(3);
	for (unsigned int i = 0; i < 3; i++) {
		p = world_mad_to(&w, i, i, 0x32, 3, 1);
		assert_int_equal(p.dlid, 0x77);
		world_send(&w, i, &p);
		assert_int_equal(world_take(&w)->to, i);
	}
	world_remove(&w, 0);
	p = world_mad_to(&w, 1, 1, 0x32, 3, 1);
	world_send(&w, 1, &p);
	assert_int_equal(world_take(&w)->to, 1);
	world_end(&w);
}

static void path_between_vports_needs_no_sa(void **state)
{
	struct path_record r;
	struct mad_packet p;

	(void)state;
	begin(2);
	p = path(0, UMAD_METHOD_GET, w.attr[1].gids[0], 0xffff);
	p = *world_ask(&w, 0, &p);
	assert_int_equal(mad_status(p.mad), 0);
	path_record_get(&r, p.mad + SA_DATA_AT);
	assert_int_equal(r.dlid, 0x77);
	assert_true(r.hop_limit >= 1);
	asked_nothing();
	/* By LID it would be anybody's. */
	p = path(0, UMAD_METHOD_GET, w.attr[1].gids[0], 0xffff);
	put_be64(p.mad + 48, PATH_DGID | PATH_DLID | PATH_PKEY);
	put_be16(p.mad + SA_DATA_AT + 40, 0x77);
	world_send(&w, 0, &p);
	asked(UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC);
	world_end(&w);
}

/* ---- subscriptions ---------------------------------------------------------------- */

static struct mad_packet inform(unsigned int from, bool subscribe, uint16_t trap)
{
	struct mad_packet p =
		world_sa(&w, from, UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO, 0);
	uint8_t *info = p.mad + SA_DATA_AT;

	p.dlid = 0x99;
	put_be16(info + 16, 0xffff);
	info[22] = 1;
	info[23] = subscribe;
	put_be16(info + 24, 0xffff);
	put_be16(info + 26, trap);
	put_be32(info + 32, 0xffffff);
	return p;
}

static void vports_subscribe_once_for_all(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;
	uint8_t report[VIB_MAD_BYTES] = { 1, 3, 2, 6 };
	struct vib_gid gid = world_remote_gid(9);
	const struct delivery *d;

	(void)state;
	begin(3);
	world_set_pkeys(&w, 2, 0x8001, 0);
	for (unsigned int i = 0; i < 3; i++) {
		p = inform(i, true, 64);
		assert_int_equal(world_status(&w, i, &p), 0);
	}
	mad = asked(UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO);
	world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 36, 40);
	asked_nothing();
	assert_int_equal(gsi_wire_subscriptions(w.gsi), 1);
	/* A port that came is for who shares a partition with every port. */
	put_be64(report + 8, 0x4711);
	put_be16(report + 16, UMAD_ATTR_NOTICE);
	report[SA_DATA_AT] = 0x80 | 3;
	report[SA_DATA_AT + 3] = 4;
	put_be16(report + SA_DATA_AT + 4, 64);
	put_be16(report + SA_DATA_AT + 6, 0x99);
	memcpy(report + SA_DATA_AT + 16, &gid, 16);
	gsi_from_sa(w.gsi, report, sizeof(report));
	mad = asked(UMAD_METHOD_REPORT_RESP, UMAD_ATTR_NOTICE);
	assert_true(mad_tid(mad) == 0x4711);
	for (unsigned int i = 0; i < 2; i++) {
		d = world_take(&w);
		assert_int_not_equal(d->to, 2);
		assert_memory_equal(d->packet.mad + SA_DATA_AT, report + SA_DATA_AT, 80);
	}
	world_expect_quiet(&w);
	/* After a restart of the SA it is told again. */
	gsi_reregister(w.gsi);
	do
		mad = world_take_sa(&w);
	while (mad && mad_attribute(mad) != UMAD_ATTR_INFORM_INFO);
	assert_non_null(mad);
	world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 36, 40);
	while (world_take_sa(&w))
		;
	for (unsigned int i = 0; i < 2; i++) {
		p = inform(i, false, 64);
		assert_int_equal(world_status(&w, i, &p), 0);
		asked_nothing();
	}
	world_remove(&w, 2);
	mad = asked(UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO);
	assert_int_equal(mad[SA_DATA_AT + 23], 0);
	assert_int_equal(be32_at(mad + SA_DATA_AT + 28) >> 8, 1);
	world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 36, 40);
	assert_int_equal(gsi_wire_subscriptions(w.gsi), 0);
	world_end(&w);
}

/* By a wildcard nobody gets what he could not subscribe to. */
static void reports_of_security_are_for_nobody(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t trap;
		bool told;
	} notices[] = {
		{ 0x80 | 4, 144, true },  { 0x80 | 2, 255, true },
		{ 0x80 | 2, 256, false }, { 0x80 | 2, 259, false },
		{ 0x80 | 2, 260, true },  { 4, 144, false },
		{ 3, 64, false },
	};
	uint8_t report[VIB_MAD_BYTES] = { 1, 3, 2, 6 };
	struct mad_packet p;

	(void)state;
	begin(1);
	p = inform(0, true, 0xffff);
	assert_int_equal(world_status(&w, 0, &p), 0);
	asked(UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO);
	put_be16(report + 16, UMAD_ATTR_NOTICE);
	put_be16(report + SA_DATA_AT + 6, 0x99);
	for (unsigned int i = 0; i < sizeof(notices) / sizeof(notices[0]); i++) {
		report[SA_DATA_AT] = notices[i].type;
		put_be16(report + SA_DATA_AT + 4, notices[i].trap);
		gsi_from_sa(w.gsi, report, sizeof(report));
		/* The SA need not send it again. */
		asked(UMAD_METHOD_REPORT_RESP, UMAD_ATTR_NOTICE);
		if (notices[i].told)
			assert_int_equal(world_take(&w)->to, 0);
		world_expect_quiet(&w);
	}
	world_end(&w);
}

/* Trap 144 of another mask does not say anew what else has changed. */
static void report_of_other_changes_is_repeated_after_one_of_the_mask(void **state)
{
	uint8_t report[VIB_MAD_BYTES] = { 1, 3, 2, 6 };
	struct mad_packet p;

	(void)state;
	begin(1);
	p = inform(0, true, 144);
	assert_int_equal(world_status(&w, 0, &p), 0);
	put_be16(report + 16, UMAD_ATTR_NOTICE);
	report[SA_DATA_AT] = 0x80 | 4;
	put_be16(report + SA_DATA_AT + 4, 144);
	put_be16(report + SA_DATA_AT + 6, 0x99);
	for (uint8_t i = 0; i < 3; i++) {
		report[SA_DATA_AT + 15] = i == 0; /* OtherLocalChanges */
		report[SA_DATA_AT + 19] = i;      /* CapabilityMask */
		gsi_from_sa(w.gsi, report, sizeof(report));
		assert_int_equal(world_take(&w)->packet.mad[SA_DATA_AT + 19], i);
	}
	world_expect_quiet(&w);
	world_pass(&w, 1000000000);
	assert_int_equal(world_waiting(&w), 2);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_not_equal(world_take(&w)->packet.mad[SA_DATA_AT + 19], 1);
	world_end(&w);
}

/* Who subscribes and unsubscribes without end has few requests at the SA. */
static void subscriptions_that_end_count(void **state)
{
	struct mad_packet p;
	const uint8_t *mad;

	(void)state;
	begin(2);
	for (uint16_t i = 0; i < 40; i++) {
		p = inform(0, true, 1000 + i);
		assert_int_equal(world_status(&w, 0, &p),
				 i < 32 ? 0 : SA_ERROR(NO_RESOURCES));
		if (i >= 32)
			continue;
		p = inform(0, false, 1000 + i);
		assert_int_equal(world_status(&w, 0, &p), 0);
	}
	/* What is at the SA anyway costs nothing, and others have their own. */
	p = inform(0, true, 1000);
	assert_int_equal(world_status(&w, 0, &p), 0);
	p = inform(1, true, 1001);
	assert_int_equal(world_status(&w, 1, &p), 0);
	p = inform(0, true, 2000);
	assert_int_equal(world_status(&w, 0, &p), 0); /* one is the other's now */
	p = inform(0, true, 2001);
	assert_int_equal(world_status(&w, 0, &p), SA_ERROR(NO_RESOURCES));
	p = inform(1, true, 2002);
	assert_int_equal(world_status(&w, 1, &p), 0);
	/* As the SA answers there is room again. */
	while ((mad = world_take_sa(&w)))
		world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 36, 40);
	assert_int_equal(gsi_wire_subscriptions(w.gsi), 4);
	p = inform(0, true, 2001);
	assert_int_equal(world_status(&w, 0, &p), 0);
	/* Some end after who had them. */
	world_remove(&w, 0);
	while ((mad = world_take_sa(&w)))
		world_sa_answers(&w, mad, 0, mad + SA_DATA_AT, 36, 40);
	assert_int_equal(gsi_wire_subscriptions(w.gsi), 2);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guids_are_asked_for_and_confirmed),
		cmocka_unit_test(declined_guid_is_asked_for_later_and_later),
		cmocka_unit_test(who_has_no_place_shares_the_ports_gid),
		cmocka_unit_test(who_may_not_share_stays_without),
		cmocka_unit_test(sa_without_aliases_has_all_share),
		cmocka_unit_test(guids_keep_their_places),
		cmocka_unit_test(guids_are_taken_off_one_by_one),
		cmocka_unit_test(silent_sa_is_asked_again),
		cmocka_unit_test(paths_have_a_grh_and_the_vports_pkey),
		cmocka_unit_test(tables_are_told_as_far_as_they_may),
		cmocka_unit_test(bad_answers_harm_nobody),
		cmocka_unit_test(empty_answers_have_a_size_too),
		cmocka_unit_test(topology_is_for_full_members_of_all),
		cmocka_unit_test(own_lid_is_ones_own),
		cmocka_unit_test(path_between_vports_needs_no_sa),
		cmocka_unit_test(vports_subscribe_once_for_all),
		cmocka_unit_test(reports_of_security_are_for_nobody),
		cmocka_unit_test(
			report_of_other_changes_is_repeated_after_one_of_the_mask),
		cmocka_unit_test(subscriptions_that_end_count),
	};

	return cmocka_run_group_tests_name("gsi_proxy", tests, NULL, NULL);
}
