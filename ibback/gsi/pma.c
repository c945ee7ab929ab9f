// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/pma.h"

#include "gsi/mad.h"

#define PMA_CLASS_VERSION 1
#define PMA_DATA          64
#define ALL_PORTS         0xff

/* Attributes (§16.1.3 table 246). */
enum {
	PMA_PORT_COUNTERS = 0x0012,
	PMA_PORT_COUNTERS_EXT = 0x001d,
};

/* ClassPortInfo's CapabilityMask (§16.1.3.1). */
#define PMA_CAP_ALL_PORT_SELECT 0x0100
#define PMA_CAP_EXTENDED_WIDTH  0x0200
/* 4.096 us * 2^16. */
#define PMA_RESPONSE_TIME       16

/* Offsets in both attributes with counters. */
enum {
	PC_PORT_SELECT = 1,
	PC_COUNTER_SELECT = 2,
};

/* A counter in an attribute: where, how wide, and which bit of CounterSelect it has. */
struct counter {
	uint8_t offset;
	uint8_t width; /* bytes */
	uint8_t select;
	uint64_t (*value)(const struct vib_rsp_counters *c);
};

/* §16.1.3.5: data is counted in words of 4 bytes. */
static uint64_t xmit_data(const struct vib_rsp_counters *c)
{
	return c->xmit_bytes / 4;
}

static uint64_t rcv_data(const struct vib_rsp_counters *c)
{
	return c->rcv_bytes / 4;
}

static uint64_t xmit_packets(const struct vib_rsp_counters *c)
{
	return c->xmit_packets;
}

static uint64_t rcv_packets(const struct vib_rsp_counters *c)
{
	return c->rcv_packets;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t unicast_xmit(const struct vib_rsp_counters *c)
{
	return difference(c->xmit_packets, c->multicast_xmit_packets);
}

static uint64_t unicast_rcv(const struct vib_rsp_counters *c)
{
	return difference(c->rcv_packets, c->multicast_rcv_packets);
}

static uint64_t multicast_xmit(const struct vib_rsp_counters *c)
{
	return c->multicast_xmit_packets;
}

static uint64_t multicast_rcv(const struct vib_rsp_counters *c)
{
	return c->multicast_rcv_packets;
}

static uint64_t xmit_discards(const struct vib_rsp_counters *c)
{
	return c->xmit_discards;
}

/* §16.1.3.5 table 247. What is not here is an error of a link, of which there are none.
 */
static const struct counter counters[PMA_COUNTERS] = {
	{ 14, 2, 6, xmit_discards }, { 24, 4, 12, xmit_data },   { 28, 4, 13, rcv_data },
	{ 32, 4, 14, xmit_packets }, { 36, 4, 15, rcv_packets },
};

/* §16.1.4.11 table 260. */
static const struct counter counters_ext[PMA_COUNTERS_EXT] = {
	{ 8, 8, 0, xmit_data },       { 16, 8, 1, rcv_data },
	{ 24, 8, 2, xmit_packets },   { 32, 8, 3, rcv_packets },
	{ 40, 8, 4, unicast_xmit },   { 48, 8, 5, unicast_rcv },
	{ 56, 8, 6, multicast_xmit }, { 64, 8, 7, multicast_rcv },
};

/* A set of counters and what it counts from. */
struct counter_set {
	const struct counter *counters;
	size_t count;
	uint64_t *cleared; /* by place in @counters */
};

static uint64_t since_cleared(const struct counter_set *set, size_t i,
			      const struct vib_rsp_counters *now)
{
	uint64_t value = set->counters[i].value(now);

	/* They began again: the vib was connected anew. */
	if (set->cleared[i] > value)
		set->cleared[i] = 0;
	return value - set->cleared[i];
}

/* §16.1.3.5: a counter that has come to its end stays there. */
static void put_counter(uint8_t *out, const struct counter *c, uint64_t value)
{
	out += c->offset;
	if (c->width == 8)
		put_be64(out, value);
	else if (c->width == 4)
		put_be32(out, value > UINT32_MAX ? UINT32_MAX : (uint32_t)value);
	else
		put_be16(out, value > UINT16_MAX ? UINT16_MAX : (uint16_t)value);
}

static void clear(const struct counter_set *set, uint16_t select,
		  const struct vib_rsp_counters *now)
{
	for (size_t i = 0; i < set->count; i++)
		if (select >> set->counters[i].select & 1)
			set->cleared[i] = set->counters[i].value(now);
}

/* Get or Set of counters, whose data are at @in and @out. */
static uint16_t access_counters(const struct gsi_port *port,
				const struct counter_set *set, bool set_them,
				const uint8_t *in, uint8_t *out)
{
	struct vib_rsp_counters now = { 0 };

	if (in[PC_PORT_SELECT] != VIB_PORT && in[PC_PORT_SELECT] != ALL_PORTS)
		return UMAD_STATUS_INVALID_ATTR_VALUE;
	port->gsi->ops->counters(port->gsi->arg, port->owner, &now);
	if (set_them)
		clear(set, be16_at(in + PC_COUNTER_SELECT), &now);
	out[PC_PORT_SELECT] = in[PC_PORT_SELECT];
	for (size_t i = 0; i < set->count; i++)
		put_counter(out, &set->counters[i], since_cleared(set, i, &now));
	return 0;
}

static void class_port_info(uint8_t *out)
{
	out[offsetof(struct umad_class_port_info, base_ver)] = UMAD_BASE_VERSION;
	out[offsetof(struct umad_class_port_info, class_ver)] = PMA_CLASS_VERSION;
	put_be16(out + offsetof(struct umad_class_port_info, cap_mask),
		 PMA_CAP_ALL_PORT_SELECT | PMA_CAP_EXTENDED_WIDTH);
	put_be32(out + offsetof(struct umad_class_port_info, cap_mask2_resp_time),
		 PMA_RESPONSE_TIME);
}

static uint16_t answer(struct gsi_port *port, bool of_itself, const uint8_t *in,
		       uint8_t *out)
{
	bool set_them = mad_method(in) == UMAD_METHOD_SET;
	const struct counter_set set = { counters, PMA_COUNTERS, port->cleared };
	const struct counter_set ext = { counters_ext, PMA_COUNTERS_EXT,
					 port->cleared_ext };

	if (mad_class_version(in) != PMA_CLASS_VERSION)
		return UMAD_STATUS_BAD_VERSION;
	if (set_them && !of_itself)
		return UMAD_STATUS_METHOD_NOT_SUPPORTED;
	switch (mad_attribute(in)) {
	case UMAD_ATTR_CLASS_PORT_INFO:
		if (set_them) /* of trap addresses, and there are no traps */
			return UMAD_STATUS_ATTR_NOT_SUPPORTED;
		class_port_info(out + PMA_DATA);
		return 0;
	case PMA_PORT_COUNTERS:
		return access_counters(port, &set, set_them, in + PMA_DATA,
				       out + PMA_DATA);
	case PMA_PORT_COUNTERS_EXT:
		return access_counters(port, &ext, set_them, in + PMA_DATA,
				       out + PMA_DATA);
	default:
		return UMAD_STATUS_ATTR_NOT_SUPPORTED;
	}
}

bool pma_answer(struct gsi_port *port, bool of_itself, const uint8_t *in, uint8_t *out)
{
	if (mad_method(in) != UMAD_METHOD_GET && mad_method(in) != UMAD_METHOD_SET)
		return false;
	memcpy(out, in, MAD_HEADER);
	mad_set_method(out, UMAD_METHOD_GET_RESP);
	mad_set_status(out, answer(port, of_itself, in, out));
	return true;
}
