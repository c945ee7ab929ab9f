/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric for tests of the GSI: up to WORLD_PORTS vports, whose QP0 and QP1 the test
 * is. Port i has LID 0x10 + i, one GID and the P_Key 0xffff, until the test changes it.
 */
#ifndef XEN_IB_TESTS_GSI_WORLD_H
#define XEN_IB_TESTS_GSI_WORLD_H

#include "cm.h"

#include <infiniband/umad_sa.h>

#include "gsi/gsi.h"
#include "gsi/mad.h"
#include "told_groups.h"

#define WORLD_PORTS    TOLD_PORTS
#define WORLD_OUT      4096
#define WORLD_SA_OUT   4096

#define SA_LID         1
#define SA_DATA_AT     56
#define SECOND         1000000000ull

#define SA_ERROR(name) (UMAD_SA_STATUS_##name << 8)

struct delivery {
	unsigned int to;
	struct mad_packet packet;
};

/* What the GSI has said of this host's membership in a group on the wire. */
struct wire_joined {
	struct vib_gid mgid;
	uint8_t join_state;
	unsigned int changes;
};

#define WORLD_WIRE_GROUPS 8

struct gsi_world {
	struct gsi *gsi;
	uint64_t now;
	uint64_t tid;
	struct gsi_port_attr attr[WORLD_PORTS];
	struct gsi_port *port[WORLD_PORTS];
	struct vib_rsp_counters counters[WORLD_PORTS];
	unsigned int drops[WORLD_PORTS][GSI_DROPS];
	unsigned int pkey_violations[WORLD_PORTS];
	struct told_groups told;
	/* The wire. */
	struct gsi_wire wire;
	enum gsi_drop wire_refuses;          /* why to_wire() takes nothing; 0: it does */
	unsigned int wire_taken, wire_count; /* of @wire_out */
	struct delivery wire_out[WORLD_OUT]; /* to: from whom */
	unsigned int wire_drops[GSI_DROPS];
	struct wire_joined wire_joined[WORLD_WIRE_GROUPS];
	unsigned int num_wire_joined;
	bool wire_full; /* it joins nothing */

	/* InfiniBand's: what went to the SA, and what was said of vports. */
	unsigned int sa_taken, sa_count;
	uint8_t sa_out[WORLD_SA_OUT][VIB_MAD_BYTES];
	bool sa_refuses;
	enum gsi_addressed addressed[WORLD_PORTS];
	unsigned int forgotten[WORLD_PORTS];

	unsigned int taken, count; /* of @out */
	struct delivery out[WORLD_OUT];
};

/* A world with @ports ports that are up. */
void world_begin(struct gsi_world *w, unsigned int ports);
/* The same of another configuration. */
void world_begin_as(struct gsi_world *w, unsigned int ports,
		    const struct gsi_config *config);
void world_end(struct gsi_world *w);

/*
 * Test @name of @world, which is begun by @begin, one of those below or the test's own,
 * and ended.
 */
#define world_test(name, begin, world) \
	cmocka_unit_test_prestate_setup_teardown(name, begin, world_over, world)
int world_of_2(void **world);
int world_of_3(void **world);
int world_of_4(void **world);
int world_with_wire(void **world); /* of 3 */
int world_over(void **world);

void world_add(struct gsi_world *w, unsigned int i);
void world_remove(struct gsi_world *w, unsigned int i);
/* attr[i] is another. */
void world_change(struct gsi_world *w, unsigned int i);
void world_set_pkeys(struct gsi_world *w, unsigned int i, uint16_t a, uint16_t b);
void world_set_up(struct gsi_world *w, unsigned int i, bool up);
/* Time passes, and the GSI does what is due. */
void world_pass(struct gsi_world *w, uint64_t ns);

/* Whether the GSI has a group @mgid, and had port @i told that it receives by it; as it
 * answers, too.
 */
bool world_has_group(const struct gsi_world *w, struct vib_gid mgid);
bool world_receives(const struct gsi_world *w, unsigned int i, struct vib_gid mgid);

struct vib_gid world_gid(unsigned int i);
struct vib_gid world_sa_gid(void);

/* Into a MAD. */
static inline void put_gid(uint8_t *p, struct vib_gid gid)
{
	memcpy(p, &gid, sizeof(gid));
}

/* A GMP of port @from to the SA's LID, without a GRH, with the port's first P_Key and a
 * TID of its own.
 */
struct mad_packet world_mad(struct gsi_world *w, unsigned int from, uint8_t mgmt_class,
			    uint8_t class_version, uint8_t method, uint16_t attribute);
/* The same, to the LID of @to. */
struct mad_packet world_mad_to(struct gsi_world *w, unsigned int from, unsigned int to,
			       uint8_t mgmt_class, uint8_t method, uint16_t attribute);
/* A request to the SA. */
struct mad_packet world_sa(struct gsi_world *w, unsigned int from, uint8_t method,
			   uint16_t attribute, uint64_t mask);
/* Give it a GRH, from the port's GID to @dgid. */
void world_grh(struct mad_packet *packet, unsigned int from, struct vib_gid dgid);

void world_send(struct gsi_world *w, unsigned int from, const struct mad_packet *packet);

/* The next delivery; there is one. */
const struct delivery *world_take(struct gsi_world *w);
/* How many there are. */
unsigned int world_waiting(const struct gsi_world *w);
/* Fails if there is one. */
void world_expect_quiet(struct gsi_world *w);

/* Send, and the only delivery that follows, which is to @from. */
const struct mad_packet *world_ask(struct gsi_world *w, unsigned int from,
				   const struct mad_packet *packet);
/* Send, and fail unless it is dropped for that reason. */
void world_expect_drop(struct gsi_world *w, unsigned int from,
		       const struct mad_packet *packet, enum gsi_drop why);

/*
 * Send a request that is answered by a table, and receive that as Linux does. Returns
 * its length in @out, all headers of segments taken away.
 */
size_t world_ask_table(struct gsi_world *w, unsigned int from,
		       const struct mad_packet *request, uint8_t *out, size_t size);

/* The fabric has a wire, with CM, an MTU of 1024, 10 Gbit/s and the P_Key 0xffff. */
void world_set_wire(struct gsi_world *w);
/* A GID beyond it. */
struct vib_gid world_remote_gid(unsigned int i);
/* The only MAD that has gone to the wire and was not taken, @from's. */
const struct mad_packet *world_take_wire(struct gsi_world *w, unsigned int from);
/* Nothing has gone there. */
void world_expect_quiet_wire(struct gsi_world *w);
/* @packet comes in; it is dropped for that reason. */
void world_expect_wire_drop(struct gsi_world *w, const struct mad_packet *packet,
			    enum gsi_drop why);
/* JoinState of this host in @mgid on the wire. */
uint8_t world_wire_joined(const struct gsi_world *w, struct vib_gid mgid);

/* The fabric has an InfiniBand wire: LID 0x77, SM LID 0x99, 6 GUIDs, P_Keys 0xffff and
 * 0x8001; its vports have its LID.
 */
void world_set_infiniband(struct gsi_world *w, enum gsi_addressing addressing);
/* The next request to the SA, which there is; NULL: there is none. */
const uint8_t *world_take_sa(struct gsi_world *w);
/* The SA answers @request by @status and @data, of @length, in records of @size. */
void world_sa_answers(struct gsi_world *w, const uint8_t *request, uint16_t status,
		      const void *data, size_t length, size_t size);

/* The status of the answer to a request. */
uint16_t world_status(struct gsi_world *w, unsigned int from,
		      const struct mad_packet *packet);

#endif
