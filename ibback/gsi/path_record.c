// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/path_record.h"

#include "gsi/be.h"
#include "gsi/ports.h"
#include "gsi/rates.h"
#include "gsi/remotes.h"

/* Offsets, §15.2.5.16 table 205. */
enum {
	PR_SERVICE_ID = 0,
	PR_DGID = 8,
	PR_SGID = PATH_RECORD_SGID,
	PR_DLID = 40,
	PR_SLID = 42,
	PR_HOP_FLOW_RAW = 44, /* raw 1 bit, reserved 3, flow label 20, hop limit 8 */
	PR_TCLASS = 48,
	PR_NUM_PATHS = 49, /* reversible 1 bit, number 7 */
	PR_PKEY = PATH_RECORD_PKEY,
	PR_QOS_SL = 52, /* QoS class 12 bits, SL 4 */
	PR_MTU = 54,
	PR_RATE = 55,
	PR_LIFE = 56,
};

/*
 * More than none, so that a path has a GRH in Linux; no more than 1, so that CM's
 * messages tell LIDs, as on one subnet.
 */
#define HOP_LIMIT 1

void path_record_get(struct path_record *r, const uint8_t *p)
{
	uint32_t hop_flow_raw = be32_at(p + PR_HOP_FLOW_RAW);

	*r = (struct path_record){
		.service_id = be64_at(p + PR_SERVICE_ID),
		.dlid = be16_at(p + PR_DLID),
		.slid = be16_at(p + PR_SLID),
		.raw = hop_flow_raw >> 31,
		.flow_label = hop_flow_raw >> 8 & 0xfffff,
		.hop_limit = hop_flow_raw & 0xff,
		.tclass = p[PR_TCLASS],
		.reversible = p[PR_NUM_PATHS] >> 7,
		.num_paths = p[PR_NUM_PATHS] & 0x7f,
		.pkey = be16_at(p + PR_PKEY),
		.qos_class = be16_at(p + PR_QOS_SL) >> 4,
		.sl = p[PR_QOS_SL + 1] & 0xf,
		.mtu = p[PR_MTU],
		.rate = p[PR_RATE],
		.life = p[PR_LIFE],
	};
	memcpy(&r->dgid, p + PR_DGID, sizeof(r->dgid));
	memcpy(&r->sgid, p + PR_SGID, sizeof(r->sgid));
}

void path_record_put(uint8_t *p, const struct path_record *r)
{
	memset(p, 0, PATH_RECORD_SIZE);
	put_be64(p + PR_SERVICE_ID, r->service_id);
	memcpy(p + PR_DGID, &r->dgid, sizeof(r->dgid));
	memcpy(p + PR_SGID, &r->sgid, sizeof(r->sgid));
	put_be16(p + PR_DLID, r->dlid);
	put_be16(p + PR_SLID, r->slid);
	put_be32(p + PR_HOP_FLOW_RAW,
		 (uint32_t)r->raw << 31 | (r->flow_label & 0xfffff) << 8 | r->hop_limit);
	p[PR_TCLASS] = r->tclass;
	p[PR_NUM_PATHS] = (uint8_t)(r->reversible << 7 | (r->num_paths & 0x7f));
	put_be16(p + PR_PKEY, r->pkey);
	put_be16(p + PR_QOS_SL, (uint16_t)(r->qos_class << 4 | (r->sl & 0xf)));
	p[PR_MTU] = exactly(r->mtu);
	p[PR_RATE] = exactly(r->rate);
	p[PR_LIFE] = exactly(r->life);
}

static bool both(uint64_t mask, uint64_t bits)
{
	return (mask & bits) == bits;
}

uint16_t path_check(const struct path_record *wanted, uint64_t mask)
{
	const uint64_t service_id = PATH_SERVICE_ID_MSB | PATH_SERVICE_ID_LSB;
	uint8_t mtu = value_of(wanted->mtu);

	if (mask & service_id && !both(mask, service_id))
		return SA_STATUS(INSUF_COMPS);
	if (both(mask, PATH_MTU | PATH_MTU_SELECTOR) && (mtu < MTU_MIN || mtu > MTU_MAX))
		return SA_STATUS(REQ_INVALID);
	if (both(mask, PATH_RATE | PATH_RATE_SELECTOR) &&
	    !rate_value(value_of(wanted->rate)))
		return SA_STATUS(REQ_INVALID);
	return 0;
}

/*
 * A path that can do @best can do less as well: the value that a selector takes, or 0.
 * "The largest" is all that it can.
 */
static uint8_t settle_mtu(uint8_t field, uint8_t best)
{
	uint8_t wanted = value_of(field);

	switch (selector_of(field)) {
	case UMAD_SA_SELECTOR_GREATER_THAN:
		return best > wanted ? best : 0;
	case UMAD_SA_SELECTOR_LESS_THAN:
		return best < wanted ? best : wanted - 1;
	case UMAD_SA_SELECTOR_EXACTLY:
		return best >= wanted ? wanted : 0;
	default:
		return best;
	}
}

static uint8_t settle_rate(uint8_t field, uint8_t best)
{
	uint8_t wanted = value_of(field);

	switch (selector_of(field)) {
	case UMAD_SA_SELECTOR_GREATER_THAN:
		return rate_value(best) > rate_value(wanted) ? best : 0;
	case UMAD_SA_SELECTOR_LESS_THAN:
		return rate_value(best) < rate_value(wanted) ? best : rate_below(wanted);
	case UMAD_SA_SELECTOR_EXACTLY:
		return rate_value(best) >= rate_value(wanted) ? wanted : 0;
	default:
		return best;
	}
}

/* The fabric keeps the lifetime it has: no path is slower. A longer one is true too. */
static bool settle_life(uint8_t field, uint8_t *life)
{
	uint8_t wanted = value_of(field);

	switch (selector_of(field)) {
	case UMAD_SA_SELECTOR_GREATER_THAN:
		return *life > wanted;
	case UMAD_SA_SELECTOR_LESS_THAN:
		return *life < wanted;
	case UMAD_SA_SELECTOR_EXACTLY:
		if (*life > wanted)
			return false;
		*life = wanted;
		return true;
	default:
		return true;
	}
}

static bool settle(struct path_record *path, const struct path_record *wanted,
		   uint64_t mask)
{
	if (both(mask, PATH_MTU | PATH_MTU_SELECTOR))
		path->mtu = settle_mtu(wanted->mtu, path->mtu);
	if (both(mask, PATH_RATE | PATH_RATE_SELECTOR))
		path->rate = settle_rate(wanted->rate, path->rate);
	if (both(mask, PATH_LIFE | PATH_LIFE_SELECTOR) &&
	    !settle_life(wanted->life, &path->life))
		return false;
	return path->mtu && path->rate;
}

/* What is free to choose on every path is what the request wants. */
static void take_wishes(struct path_record *path, const struct path_record *wanted,
			uint64_t mask)
{
	if (mask & PATH_SERVICE_ID_MSB)
		path->service_id = wanted->service_id;
	if (mask & PATH_FLOW_LABEL)
		path->flow_label = wanted->flow_label;
	if (mask & PATH_HOP_LIMIT && wanted->hop_limit > HOP_LIMIT)
		path->hop_limit = wanted->hop_limit;
	if (mask & PATH_TCLASS)
		path->tclass = wanted->tclass;
	if (mask & PATH_QOS_CLASS)
		path->qos_class = wanted->qos_class;
	if (mask & PATH_SL)
		path->sl = wanted->sl;
}

/* ---- ends ------------------------------------------------------------------ */

struct path_end path_end_of(struct gsi_port *port)
{
	return (struct path_end){ .port = port, .gid = port->attr.gids[0] };
}

bool path_end_by_gid(struct gsi *gsi, const struct vib_gid *gid, struct path_end *end)
{
	*end = (struct path_end){ .port = port_by_gid(gsi, gid), .gid = *gid };
	return end->port || gid_is_remote(gsi, gid);
}

bool path_end_by_lid(struct gsi *gsi, uint16_t lid, struct path_end *end)
{
	struct gsi_port *port = port_by_lid(gsi, lid);
	const struct vib_gid *gid = port ? NULL : remote_gid(gsi, lid);

	if (port)
		*end = path_end_of(port);
	return port || (gid && path_end_by_gid(gsi, gid, end));
}

static uint8_t end_mtu(const struct gsi *gsi, const struct path_end *end)
{
	return end->port ? end->port->attr.port.active_mtu : gsi->wire.mtu;
}

static uint8_t end_rate(const struct gsi *gsi, const struct path_end *end)
{
	return end->port ? rate_of_port(&end->port->attr.port) : wire_rate(&gsi->wire);
}

/* One end is beyond the wire, the other is @port: whoever is there is a full member. */
static uint16_t wire_pkey(const struct gsi_port *port, const struct path_record *wanted,
			  uint64_t mask)
{
	uint16_t pkey;

	if (!(mask & PATH_PKEY))
		return wire_common_pkey(port);
	pkey = pkey_entry(port->attr.pkeys, wanted->pkey);
	return wire_has_pkey(port->gsi, pkey) ? wanted->pkey : 0;
}

/* The P_Key of a path, as asked for or else as the source has it; 0: there is none. */
static uint16_t path_pkey(const struct path_end *source,
			  const struct path_end *destination,
			  const struct path_record *wanted, uint64_t mask)
{
	if (!source->port || !destination->port)
		return wire_pkey(source->port ? source->port : destination->port, wanted,
				 mask);
	if (!(mask & PATH_PKEY))
		return ports_common_pkey(source->port, destination->port);
	return ports_share(source->port, destination->port, wanted->pkey) ? wanted->pkey
									  : 0;
}

/* ---- the path ---------------------------------------------------------------- */

/* All but its LIDs. */
static bool find(const struct gsi *gsi, const struct path_end *source,
		 const struct path_end *destination, const struct path_record *wanted,
		 uint64_t mask, struct path_record *path)
{
	uint8_t ms = end_mtu(gsi, source), md = end_mtu(gsi, destination);
	uint8_t rs = end_rate(gsi, source), rd = end_rate(gsi, destination);

	*path = (struct path_record){
		.sgid = source->gid,
		.dgid = destination->gid,
		.hop_limit = HOP_LIMIT,
		.reversible = true,
		.num_paths = 1,
		.pkey = path_pkey(source, destination, wanted, mask),
		.mtu = ms < md ? ms : md,
		.rate = rate_value(rs) < rate_value(rd) ? rs : rd,
		.life = gsi->config.packet_life,
	};
	if (!path->pkey || (mask & PATH_RAW && wanted->raw))
		return false;
	take_wishes(path, wanted, mask);
	return settle(path, wanted, mask);
}

static uint16_t lid_of(struct gsi_port *self, const struct path_end *end)
{
	return end->port ? end->port->attr.port.lid
			 : remote_hold(self, &end->gid, REMOTE_ASKED);
}

void path_answer(const struct sa_request *request, const struct path_end *source,
		 const struct path_end *destination, const struct path_record *wanted,
		 uint64_t mask, struct sa_answer *answer)
{
	struct gsi_port *self = request->port;
	struct path_record path;
	uint8_t *record;

	if (source->port != self && destination->port != self)
		return;
	if ((source->port && !port_sees(self, source->port)) ||
	    (destination->port && !port_sees(self, destination->port)) ||
	    !find(self->gsi, source, destination, wanted, mask, &path))
		return;
	path.slid = lid_of(self, source);
	path.dlid = lid_of(self, destination);
	if (!path.slid || !path.dlid) {
		answer->status = SA_STATUS(NO_RESOURCES);
		return;
	}
	record = sa_add(answer);
	if (record)
		path_record_put(record, &path);
}
