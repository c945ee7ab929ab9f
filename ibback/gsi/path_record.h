/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PathRecord (IBTA vol. 1 §15.2.5.16), and the paths of the fabric. */
#ifndef XEN_IB_IBBACK_GSI_PATH_RECORD_H
#define XEN_IB_IBBACK_GSI_PATH_RECORD_H

#include "gsi/sa.h"
#include "gsi/state.h"

#define PATH_RECORD_SIZE      64

/* Where a record has what is changed in place. */
#define PATH_RECORD_SGID      24
#define PATH_RECORD_HOP_LIMIT 47
#define PATH_RECORD_PKEY      50

/* Host order. MTU, rate and lifetime have selectors in a request. */
struct path_record {
	uint64_t service_id;
	struct vib_gid dgid, sgid;
	uint16_t dlid, slid;
	bool raw;
	uint32_t flow_label;
	uint8_t hop_limit;
	uint8_t tclass;
	bool reversible;
	uint8_t num_paths;
	uint16_t pkey;
	uint16_t qos_class;
	uint8_t sl;
	uint8_t mtu, rate, life;
};

/* Components (§15.2.5.16 table 205). */
enum path_component {
	PATH_SERVICE_ID_MSB = 1 << 0,
	PATH_SERVICE_ID_LSB = 1 << 1,
	PATH_DGID = 1 << 2,
	PATH_SGID = 1 << 3,
	PATH_DLID = 1 << 4,
	PATH_SLID = 1 << 5,
	PATH_RAW = 1 << 6,
	PATH_FLOW_LABEL = 1 << 8,
	PATH_HOP_LIMIT = 1 << 9,
	PATH_TCLASS = 1 << 10,
	PATH_REVERSIBLE = 1 << 11,
	PATH_NUM_PATHS = 1 << 12,
	PATH_PKEY = 1 << 13,
	PATH_QOS_CLASS = 1 << 14,
	PATH_SL = 1 << 15,
	PATH_MTU_SELECTOR = 1 << 16,
	PATH_MTU = 1 << 17,
	PATH_RATE_SELECTOR = 1 << 18,
	PATH_RATE = 1 << 19,
	PATH_LIFE_SELECTOR = 1 << 20,
	PATH_LIFE = 1 << 21,
};

void path_record_get(struct path_record *r, const uint8_t *p);
/* MTU, rate and lifetime of @r are written as exact. */
void path_record_put(uint8_t *p, const struct path_record *r);

/*
 * What is wrong with a request whatever the paths: a MAD status, 0 if nothing is. @mask
 * is of enum path_component.
 */
uint16_t path_check(const struct path_record *wanted, uint64_t mask);

/* An end of a path: a vport, or, with a NULL port, a GID that can be beyond the wire. */
struct path_end {
	struct gsi_port *port;
	struct vib_gid gid;
};

/* Of a vport by its first GID; the end that has @gid, false if there cannot be one. */
struct path_end path_end_of(struct gsi_port *port);
bool path_end_by_gid(struct gsi *gsi, const struct vib_gid *gid, struct path_end *end);
/* The same by LID. */
bool path_end_by_lid(struct gsi *gsi, uint16_t lid, struct path_end *end);

/*
 * Add to @answer the path from @source to @destination that @wanted asks for, if the
 * requester is one of them and may know of both. What is beyond the wire is given a LID.
 */
void path_answer(const struct sa_request *request, const struct path_end *source,
		 const struct path_end *destination, const struct path_record *wanted,
		 uint64_t mask, struct sa_answer *answer);

#endif
