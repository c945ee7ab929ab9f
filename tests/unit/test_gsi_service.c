// SPDX-License-Identifier: GPL-2.0-or-later
/* ServiceRecord. Offsets of IBTA vol. 1 §15.2.5.14. */
#include "gsi_world.h"

#include <stdio.h>

#include "gsi/limits.h"

static struct gsi_world w;

enum { GET = 0x01, SET = 0x02, TABLE = 0x12, DELETE = 0x15 };
#define SERVICE_RECORD 0x31

enum {
	ID = 0,
	GID = 8,
	PKEY = 24,
	LEASE = 28,
	KEY = 32,
	NAME = 48,
	DATA8 = 112,
	DATA64 = 160
};
enum {
	C_ID = 1 << 0,
	C_GID = 1 << 1,
	C_PKEY = 1 << 2,
	C_LEASE = 1 << 4,
	C_NAME = 1 << 6,
	C_DATA8_2 = 1 << 9,
};

static uint8_t *data(struct mad_packet *packet)
{
	return packet->mad + SA_DATA_AT;
}

static void put_byte(struct mad_packet *packet, unsigned int at, uint8_t value)
{
	packet->mad[SA_DATA_AT + at] = value;
}

static struct mad_packet request(unsigned int from, uint8_t method, uint64_t id,
				 uint64_t mask)
{
	struct mad_packet packet = world_sa(&w, from, method, SERVICE_RECORD, mask);
	struct vib_gid gid = world_gid(from);
	uint8_t *d = data(&packet);

	put_be64(d + ID, id);
	memcpy(d + GID, &gid, 16);
	put_be16(d + PKEY, w.attr[from].pkeys[0]);
	put_be32(d + LEASE, 100);
	memset(d + KEY, 0x77, 16);
	snprintf((char *)d + NAME, 64, "service %u", (unsigned int)id);
	d[DATA8 + 2] = (uint8_t)id;
	put_be64(d + DATA64 + 8, ~id);
	return packet;
}

static struct mad_packet set(unsigned int from, uint64_t id)
{
	return request(from, SET, id, C_ID | C_GID | C_PKEY | C_LEASE | C_NAME);
}

static void ok(unsigned int from, struct mad_packet packet)
{
	assert_int_equal(world_status(&w, from, &packet), 0);
}

static void fails(unsigned int from, struct mad_packet packet, uint16_t error)
{
	assert_int_equal(world_status(&w, from, &packet), error);
}

static unsigned int services(unsigned int i)
{
	return gsi_port_holdings(w.port[i]).services;
}

static void service_is_found_by_its_components(void **state)
{
	struct mad_packet packet = request(1, GET, 5, C_ID);
	const uint8_t *mad;
	uint8_t no_key[16] = { 0 };

	(void)state;
	ok(0, set(0, 5));
	ok(0, set(0, 6));
	mad = world_ask(&w, 1, &packet)->mad;
	assert_int_equal(mad_status(mad), 0);
	assert_int_equal(be16_at(mad + 44), 22);
	mad += SA_DATA_AT;
	assert_true(be64_at(mad + ID) == 5);
	assert_int_equal(mad[GID + 15], 0x10);
	assert_int_equal(be16_at(mad + PKEY), 0xffff);
	assert_int_equal(be32_at(mad + LEASE), 100);
	assert_memory_equal(mad + KEY, no_key, 16);
	assert_string_equal((const char *)mad + NAME, "service 5");
	assert_true(be64_at(mad + DATA64 + 8) == ~5ull);
	packet = request(1, GET, 6, C_NAME | C_DATA8_2);
	assert_true(be64_at(world_ask(&w, 1, &packet)->mad + SA_DATA_AT) == 6);
	packet = request(1, GET, 7, C_NAME);
	fails(1, packet, SA_ERROR(NO_RECORDS));
	packet = request(1, GET, 0, 0);
	fails(1, packet, SA_ERROR(TOO_MANY_RECORDS));
}

static void service_is_the_registrants_own(void **state)
{
	struct mad_packet packet = set(0, 5);
	struct vib_gid other = world_gid(1);

	(void)state;
	memcpy(data(&packet) + GID, &other, 16);
	fails(0, packet, SA_ERROR(REQ_INVALID));
	packet = set(0, 5);
	put_be16(data(&packet) + PKEY, 0x8001);
	fails(0, packet, SA_ERROR(REQ_INVALID));
	fails(0, request(0, SET, 5, C_ID | C_PKEY), SA_ERROR(INSUF_COMPS));
	fails(0, request(0, SET, 5, C_GID | C_PKEY), SA_ERROR(INSUF_COMPS));
	ok(1, set(1, 5));
	packet = request(0, DELETE, 5, C_ID | C_GID | C_PKEY);
	fails(0, packet, SA_ERROR(NO_RECORDS));
	memcpy(data(&packet) + GID, &other, 16);
	fails(0, packet, SA_ERROR(REQ_INVALID));
	assert_int_equal(services(1), 1);
}

static void service_is_changed_and_removed(void **state)
{
	struct mad_packet packet = set(0, 5);

	(void)state;
	ok(0, packet);
	put_byte(&packet, DATA8 + 2, 99);
	put_be64(packet.mad + 8, 12345);
	ok(0, packet);
	assert_int_equal(services(0), 1);
	packet = request(1, GET, 5, C_ID);
	assert_int_equal(world_ask(&w, 1, &packet)->mad[SA_DATA_AT + DATA8 + 2], 99);
	ok(0, request(0, DELETE, 5, C_ID | C_GID | C_PKEY));
	assert_int_equal(services(0), 0);
	fails(0, request(0, DELETE, 5, C_ID | C_GID | C_PKEY), SA_ERROR(NO_RECORDS));
}

static void lease_ends(void **state)
{
	struct mad_packet packet = set(0, 5);

	(void)state;
	ok(0, packet);
	world_pass(&w, 99 * SECOND);
	put_be64(packet.mad + 8, 12345);
	ok(0, packet); /* it is renewed */
	world_pass(&w, 99 * SECOND);
	assert_int_equal(services(0), 1);
	world_pass(&w, SECOND);
	assert_int_equal(services(0), 0);
	/* Without one it lasts. */
	ok(0, request(0, SET, 6, C_ID | C_GID));
	world_pass(&w, 1000000 * SECOND);
	assert_int_equal(services(0), 1);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static uint8_t table[1 << 16];

static void service_is_seen_in_its_partition(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 0, 0xffff, 0x8001);
	world_set_pkeys(&w, 2, 0x8001, 0);
	ok(0, set(0, 5));
	packet = set(0, 6);
	put_be16(data(&packet) + PKEY, 0x8001);
	ok(0, packet);
	packet = world_sa(&w, 1, TABLE, SERVICE_RECORD, 0);
	assert_int_equal(world_ask_table(&w, 1, &packet, table, sizeof(table)), 176);
	assert_true(be64_at(table) == 5);
	packet = world_sa(&w, 2, TABLE, SERVICE_RECORD, 0);
	assert_int_equal(world_ask_table(&w, 2, &packet, table, sizeof(table)), 176);
	assert_true(be64_at(table) == 6);
	packet = world_sa(&w, 0, TABLE, SERVICE_RECORD, 0);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 352);
	/* It goes with the P_Key. */
	world_set_pkeys(&w, 0, 0xffff, 0);
	assert_int_equal(services(0), 1);
}

static void service_ends_with_port_link_and_gid(void **state)
{
	(void)state;
	ok(0, set(0, 5));
	ok(1, set(1, 5));
	ok(2, set(2, 5));
	world_set_up(&w, 0, false);
	assert_int_equal(services(0), 0);
	world_remove(&w, 1);
	w.attr[2].gids[0] = world_gid(50);
	world_change(&w, 2);
	assert_int_equal(services(2), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void guest_has_a_share_of_services_only(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MAX_SERVICES; i++)
		ok(0, set(0, i));
	fails(0, set(0, MAX_SERVICES), SA_ERROR(NO_RESOURCES));
	ok(0, set(0, 3));
	ok(1, set(1, MAX_SERVICES));
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(service_is_found_by_its_components),
		TEST(service_is_the_registrants_own),
		TEST(service_is_changed_and_removed),
		TEST(lease_ends),
		TEST(service_is_seen_in_its_partition),
		TEST(service_ends_with_port_link_and_gid),
		TEST(guest_has_a_share_of_services_only),
	};

	return cmocka_run_group_tests_name("gsi_service", tests, NULL, NULL);
}
