// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_inform_world.h"

enum { NOTICE = 0x02, INFORM_INFO = 0x03, MCMEMBER_RECORD = 0x38 };
enum { REPORT_RESP = 0x86 };

struct mad_packet inform(unsigned int from, bool subscribe, uint16_t trap)
{
	struct mad_packet packet = world_sa(&w, from, SET, INFORM_INFO, 0);
	uint8_t *d = packet.mad + SA_DATA_AT;

	put_be16(d + LID_BEGIN, 0xffff);
	d[GENERIC] = 1;
	d[SUBSCRIBE] = subscribe;
	put_be16(d + TYPE, 0xffff);
	put_be16(d + TRAP, trap);
	memset(d + PRODUCER, 0xff, 3);
	return packet;
}

void subscribe(unsigned int from, uint16_t trap)
{
	struct mad_packet packet = inform(from, true, trap);
	const uint8_t *mad = world_ask(&w, from, &packet)->mad;

	assert_int_equal(mad_status(mad), 0);
	assert_int_equal(mad[3], 0x81);
	assert_memory_equal(mad + SA_DATA_AT, packet.mad + SA_DATA_AT, 36);
}

struct mad_packet respond_to(const struct mad_packet *report, unsigned int from)
{
	struct mad_packet packet = world_sa(&w, from, REPORT_RESP, NOTICE, 0);

	memcpy(packet.mad + 8, report->mad + 8, 8);
	return packet;
}

struct mad_packet take_report(unsigned int to, uint16_t trap)
{
	struct delivery d = *world_take(&w);
	struct mad_packet answer;
	unsigned int before;

	assert_int_equal(d.to, to);
	assert_int_equal(d.packet.mad[1], 0x03);
	assert_int_equal(d.packet.mad[2], 2);
	assert_int_equal(d.packet.mad[3], REPORT);
	assert_int_equal(be16_at(d.packet.mad + 16), NOTICE);
	assert_int_equal(be16_at(d.packet.mad + SA_DATA_AT + NOTICE_TRAP), trap);
	assert_int_equal(d.packet.slid, SA_LID);
	assert_int_equal(d.packet.dlid, 0x10 + to);
	before = gsi_port_holdings(w.port[to]).reports;
	answer = respond_to(&d.packet, to);
	world_send(&w, to, &answer);
	assert_int_equal(gsi_port_holdings(w.port[to]).reports, before - 1);
	return d.packet;
}

void change_group(unsigned int from, uint8_t method, struct vib_gid mgid)
{
	struct mad_packet packet = world_sa(&w, from, method, MCMEMBER_RECORD, 0x130c7);
	struct vib_gid self = world_gid(from);
	uint8_t *d = packet.mad + SA_DATA_AT;

	memcpy(d, &mgid, 16);
	memcpy(d + 16, &self, 16);
	put_be16(d + 40, w.attr[from].pkeys[0]);
	d[48] = 1;
	world_send(&w, from, &packet);
}
