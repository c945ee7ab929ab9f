// SPDX-License-Identifier: GPL-2.0-or-later
/* MultiPathRecord: paths from each of some GIDs to each of others (§15.2.5.20). */
#include "gsi/path_record.h"
#include "gsi/sa.h"

/* Offsets, §15.2.5.20 table 217. */
enum {
	MP_HOP_FLOW_RAW = 0,
	MP_TCLASS = 4,
	MP_NUM_PATHS = 5,
	MP_PKEY = 6,
	MP_QOS_SL = 8,
	MP_MTU = 10,
	MP_RATE = 11,
	MP_LIFE = 12,
	MP_SERVICE_ID_MSB = 13, /* 8 bits */
	MP_SGID_COUNT = 15,
	MP_DGID_COUNT = 16,
	MP_SERVICE_ID_LSB = 17, /* 56 bits */
	MP_GIDS = 24,
};

/* Components, and those of a PathRecord that they are. */
static const struct {
	uint64_t multi, path;
} components[] = {
	{ 1 << 0, PATH_RAW },
	{ 1 << 2, PATH_FLOW_LABEL },
	{ 1 << 3, PATH_HOP_LIMIT },
	{ 1 << 4, PATH_TCLASS },
	{ 1 << 5, PATH_REVERSIBLE },
	{ 1 << 6, PATH_NUM_PATHS },
	{ 1 << 7, PATH_PKEY },
	{ 1 << 8, PATH_QOS_CLASS },
	{ 1 << 9, PATH_SL },
	{ 1 << 10, PATH_MTU_SELECTOR },
	{ 1 << 11, PATH_MTU },
	{ 1 << 12, PATH_RATE_SELECTOR },
	{ 1 << 13, PATH_RATE },
	{ 1 << 14, PATH_LIFE_SELECTOR },
	{ 1 << 15, PATH_LIFE },
	{ 1 << 16, PATH_SERVICE_ID_MSB },
	{ 1 << 21, PATH_SERVICE_ID_LSB },
};
#define MULTI_SGID_COUNT (1 << 19)
#define MULTI_DGID_COUNT (1 << 20)

static uint64_t path_mask(uint64_t multi)
{
	uint64_t mask = PATH_SGID | PATH_DGID;

	for (size_t i = 0; i < sizeof(components) / sizeof(components[0]); i++)
		if (multi & components[i].multi)
			mask |= components[i].path;
	return mask;
}

static void get_wishes(struct path_record *w, const uint8_t *p)
{
	uint32_t hop_flow_raw = be32_at(p + MP_HOP_FLOW_RAW);

	*w = (struct path_record){
		.service_id = (uint64_t)p[MP_SERVICE_ID_MSB] << 56 |
			      be64_at(p + MP_SERVICE_ID_LSB) >> 8,
		.raw = hop_flow_raw >> 31,
		.flow_label = hop_flow_raw >> 8 & 0xfffff,
		.hop_limit = hop_flow_raw & 0xff,
		.tclass = p[MP_TCLASS],
		.num_paths = p[MP_NUM_PATHS] & 0x7f,
		.pkey = be16_at(p + MP_PKEY),
		.qos_class = be16_at(p + MP_QOS_SL) >> 4,
		.sl = p[MP_QOS_SL + 1] & 0xf,
		.mtu = p[MP_MTU],
		.rate = p[MP_RATE],
		.life = p[MP_LIFE],
	};
}

static struct vib_gid gid_at(const uint8_t *p, unsigned int i)
{
	struct vib_gid gid;

	memcpy(&gid, p + MP_GIDS + i * sizeof(gid), sizeof(gid));
	return gid;
}

/* The path between the GIDs of @wanted, if there is one. */
static void add_path(const struct sa_request *request, const struct path_record *wanted,
		     uint64_t mask, struct sa_answer *answer)
{
	struct gsi *gsi = request->port->gsi;
	struct path_end source, destination;

	if (path_end_by_gid(gsi, &wanted->sgid, &source) &&
	    path_end_by_gid(gsi, &wanted->dgid, &destination))
		path_answer(request, &source, &destination, wanted, mask, answer);
}

void sa_multi_path_record(const struct sa_request *request, struct sa_answer *answer)
{
	const uint8_t *p = request->data;
	unsigned int sgids = p[MP_SGID_COUNT], dgids = p[MP_DGID_COUNT];
	uint64_t mask = path_mask(request->mask);
	struct path_record wanted;
	size_t most = SIZE_MAX;

	/* §15.2.5.20: both counts are needed. */
	if (!(request->mask & MULTI_SGID_COUNT) || !(request->mask & MULTI_DGID_COUNT) ||
	    !sgids || !dgids) {
		answer->status = SA_STATUS(INSUF_COMPS);
		return;
	}
	if (sgids > MAX_MULTIPATH_GIDS || dgids > MAX_MULTIPATH_GIDS ||
	    request->length < MP_GIDS + (sgids + dgids) * sizeof(struct vib_gid)) {
		answer->status = SA_STATUS(REQ_INVALID);
		return;
	}
	get_wishes(&wanted, p);
	answer->status = path_check(&wanted, mask);
	if (answer->status)
		return;
	if (mask & PATH_NUM_PATHS)
		most = wanted.num_paths;
	for (unsigned int i = 0; i < sgids * dgids && answer->count < most; i++) {
		wanted.sgid = gid_at(p, i / dgids);
		wanted.dgid = gid_at(p, sgids + i % dgids);
		add_path(request, &wanted, mask, answer);
	}
}
