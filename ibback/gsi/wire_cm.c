// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/wire_cm.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/cm_fields.h"
#include "gsi/ports.h"
#include "gsi/tids.h"
#include "gsi/wire_farewells.h"

/* How long an id outlives its connection, and a call that nobody answers. */
#define LINGER_NS 30000000000ull

/* A communication id of a guest, and the one on the wire. */
struct cm_id {
	RB_ENTRY(cm_id) by_guest, by_wire;
	TAILQ_ENTRY(cm_id) of_ending;
	struct gsi_port *port;
	uint32_t guest, wire;
	struct vib_gid peer;
	uint16_t peer_lid; /* of InfiniBand */
	bool has_peer_id;
	uint32_t peer_id;    /* as the peer has it */
	bool connected;      /* one of both has answered */
	uint32_t peer_qpn;   /* if it is, or was called */
	uint16_t pkey;       /* the guest's */
	struct timer expiry; /* runs: it is ending */
};

/* A peer that called a vport; it is there as long as one of its calls is. */
struct cm_caller {
	struct vib_gid peer;
	unsigned int calls;
};

/* A REQ or SIDR_REQ from the wire. */
struct cm_call {
	TAILQ_ENTRY(cm_call) of_port;
	struct cm_caller *caller;
	uint32_t id, qpn; /* QP of a REQ's sender */
	uint64_t until;
};

/* ---- messages -------------------------------------------------------------- */

enum {
	CALLS = 1 << 0,    /* from the wire it finds its vport by address */
	OPENS = 1 << 1,    /* it names an id of its sender's that may be new */
	MAY_PASS = 1 << 2, /* or none that anybody knows */
	ANSWERS = 1 << 3,  /* it names an id of the other end */
	REQUESTS = 1 << 4, /* its TID is new */
	ENDS = 1 << 5,     /* nothing much follows */
	KNOWN = 1 << 6,
};

static const uint8_t messages[] = {
	[UMAD_CM_ATTR_REQ] = KNOWN | CALLS | OPENS | REQUESTS,
	[UMAD_CM_ATTR_MRA] = KNOWN | OPENS | ANSWERS,
	[UMAD_CM_ATTR_REJ] = KNOWN | MAY_PASS | ANSWERS | ENDS,
	[UMAD_CM_ATTR_REP] = KNOWN | OPENS | ANSWERS,
	[UMAD_CM_ATTR_RTU] = KNOWN | ANSWERS,
	[UMAD_CM_ATTR_DREQ] = KNOWN | ANSWERS | REQUESTS | ENDS,
	[UMAD_CM_ATTR_DREP] = KNOWN | ANSWERS,
	[UMAD_CM_ATTR_SIDR_REQ] = KNOWN | CALLS | OPENS | REQUESTS | ENDS,
	[UMAD_CM_ATTR_SIDR_REP] = KNOWN | MAY_PASS | ANSWERS | ENDS,
	[UMAD_CM_ATTR_LAP] = KNOWN | ANSWERS | REQUESTS,
	[UMAD_CM_ATTR_APR] = KNOWN | ANSWERS,
	[UMAD_CM_ATTR_SAP] = KNOWN | ANSWERS | REQUESTS,
	[UMAD_CM_ATTR_SPR] = KNOWN | ANSWERS,
};

/* What there is to do with @mad; 0: it is no message. */
static unsigned int kind_of(const uint8_t *mad)
{
	uint16_t attribute = mad_attribute(mad);

	if (!cm_is_message(mad) || attribute >= sizeof(messages))
		return 0;
	/* Who gave up names an id that was perhaps never heard of. */
	if (cm_is_timeout(mad))
		return (messages[attribute] | OPENS) & ~(unsigned int)MAY_PASS;
	return messages[attribute];
}

bool wire_cm_is_call(const uint8_t *mad)
{
	return kind_of(mad) & CALLS;
}

/* Where the id of the sender is; a SIDR_REP has only the other end's. */
static bool has_own_id(const uint8_t *mad)
{
	return mad_attribute(mad) != UMAD_CM_ATTR_SIDR_REP;
}

static size_t other_id_at(const uint8_t *mad)
{
	return has_own_id(mad) ? CM_REMOTE_ID : CM_LOCAL_ID;
}

/* ---- ids ------------------------------------------------------------------- */

static int compare_guest(const struct cm_id *a, const struct cm_id *b)
{
	return a->guest < b->guest ? -1 : a->guest > b->guest;
}

static int compare_wire(const struct cm_id *a, const struct cm_id *b)
{
	return a->wire < b->wire ? -1 : a->wire > b->wire;
}

RB_PROTOTYPE(cm_id_tree, cm_id, by_guest, compare_guest)
RB_PROTOTYPE(wire_id_tree, cm_id, by_wire, compare_wire)
RB_GENERATE(cm_id_tree, cm_id, by_guest, compare_guest)
RB_GENERATE(wire_id_tree, cm_id, by_wire, compare_wire)

static struct cm_id *find_guest(struct gsi_port *port, uint32_t guest)
{
	struct cm_id key = { .guest = guest };

	return RB_FIND(cm_id_tree, &port->cm_ids, &key);
}

static struct cm_id *find_wire(struct gsi *gsi, uint32_t wire)
{
	struct cm_id key = { .wire = wire };

	return RB_FIND(wire_id_tree, &gsi->wire_ids, &key);
}

static void keep(struct cm_id *id)
{
	if (!id->expiry.deadline)
		return;
	timer_cancel(&id->port->gsi->timers, &id->expiry);
	TAILQ_REMOVE(&id->port->cm_ending, id, of_ending);
}

static void id_free(struct cm_id *id)
{
	struct gsi_port *port = id->port;

	keep(id);
	RB_REMOVE(cm_id_tree, &port->cm_ids, id);
	RB_REMOVE(wire_id_tree, &port->gsi->wire_ids, id);
	port->num_cm_ids--;
	free(id);
}

static void expired(struct timer *timer, uint64_t now)
{
	struct cm_id *id = caa_container_of(timer, struct cm_id, expiry);

	(void)now;
	/* It does not run any more. */
	TAILQ_REMOVE(&id->port->cm_ending, id, of_ending);
	id_free(id);
}

static void let_end(struct cm_id *id)
{
	struct gsi *gsi = id->port->gsi;

	keep(id);
	TAILQ_INSERT_TAIL(&id->port->cm_ending, id, of_ending);
	timer_set(&gsi->timers, &id->expiry, gsi_now(gsi) + LINGER_NS);
}

static struct cm_id *id_new(struct gsi_port *port, uint32_t guest)
{
	struct gsi *gsi = port->gsi;
	struct cm_id *id;

	/* What ends anyway makes room; what is connected does not. */
	if (port->num_cm_ids == MAX_CM_IDS && !TAILQ_EMPTY(&port->cm_ending))
		id_free(TAILQ_FIRST(&port->cm_ending));
	if (port->num_cm_ids == MAX_CM_IDS)
		return NULL;
	id = calloc(1, sizeof(*id));
	if (!id)
		return NULL;
	id->port = port;
	id->guest = guest;
	id->expiry.expired = expired;
	/* In turn, so that one that ended is long forgotten when it comes again; none is
	 * 0.
	 */
	do
		id->wire = ++gsi->next_wire_id;
	while (!id->wire || RB_INSERT(wire_id_tree, &gsi->wire_ids, id));
	RB_INSERT(cm_id_tree, &port->cm_ids, id);
	port->num_cm_ids++;
	return id;
}

/* ---- calls ----------------------------------------------------------------- */

static void call_free(struct gsi_port *port, struct cm_call *call)
{
	TAILQ_REMOVE(&port->cm_calls, call, of_port);
	port->num_cm_calls--;
	if (!--call->caller->calls)
		free(call->caller);
	free(call);
}

static struct cm_call *find_call(struct gsi_port *port, const struct vib_gid *peer,
				 uint32_t id)
{
	struct cm_call *call;

	while ((call = TAILQ_FIRST(&port->cm_calls)) && call->until <= gsi_now(port->gsi))
		call_free(port, call);
	TAILQ_FOREACH(call, &port->cm_calls, of_port)
	if (call->id == id && gids_equal(&call->caller->peer, peer))
		return call;
	return NULL;
}

/* The oldest of the peer that has most: who calls too often is its own loss. */
static struct cm_call *spare_call(struct gsi_port *port)
{
	struct cm_call *call, *spare = TAILQ_FIRST(&port->cm_calls);

	TAILQ_FOREACH(call, &port->cm_calls, of_port)
	if (call->caller->calls > spare->caller->calls)
		spare = call;
	return spare;
}

/* The one that is there, or a new one that has no call yet; NULL: there is no memory. */
static struct cm_caller *caller_of(struct gsi_port *port, const struct vib_gid *peer)
{
	struct cm_caller *caller;
	struct cm_call *call;

	TAILQ_FOREACH(call, &port->cm_calls, of_port)
	if (gids_equal(&call->caller->peer, peer))
		return call->caller;
	caller = calloc(1, sizeof(*caller));
	if (caller)
		caller->peer = *peer;
	return caller;
}

/* Without memory for it the caller calls again. */
static void note_call(struct gsi_port *port, const struct vib_gid *peer,
		      const uint8_t *mad)
{
	uint32_t id = be32_at(mad + CM_LOCAL_ID);
	struct cm_call *call = find_call(port, peer, id);

	if (call)
		call_free(port, call);
	else if (port->num_cm_calls == MAX_CM_CALLS)
		call_free(port, spare_call(port));
	call = malloc(sizeof(*call));
	if (!call)
		return;
	*call = (struct cm_call){
		.caller = caller_of(port, peer),
		.id = id,
		.qpn = cm_qpn_at(mad + REQ_QPN),
		.until = gsi_now(port->gsi) + LINGER_NS,
	};
	if (!call->caller) {
		free(call);
		return;
	}
	call->caller->calls++;
	TAILQ_INSERT_TAIL(&port->cm_calls, call, of_port);
	port->num_cm_calls++;
}

/* What ends already its guest has said. */
static void end(const struct cm_id *id)
{
	const struct wire_connection connection = {
		.id = id->wire,
		.pkey = id->pkey,
		.peer = id->peer,
		.peer_lid = id->peer_lid,
		.peer_id = id->peer_id,
		.peer_qpn = id->peer_qpn,
	};

	if (id->connected && !id->expiry.deadline)
		wire_farewell_say(id->port, &connection);
}

void wire_cm_end(struct gsi_port *port)
{
	struct cm_id *id;

	RB_FOREACH(id, cm_id_tree, &port->cm_ids)
	end(id);
	wire_cm_purge(port);
}

void wire_cm_purge(struct gsi_port *port)
{
	while (!RB_EMPTY(&port->cm_ids))
		id_free(RB_ROOT(&port->cm_ids));
	while (!TAILQ_EMPTY(&port->cm_calls))
		call_free(port, TAILQ_FIRST(&port->cm_calls));
}

/* ---- paths ----------------------------------------------------------------- */

static void put_path(uint8_t *mad, size_t path, size_t subnet, uint16_t local,
		     uint16_t remote)
{
	if (path != REQ_PRIMARY && cm_is_no_path(mad + path))
		return;
	put_be16(mad + path + CM_PATH_LOCAL_LID, local);
	put_be16(mad + path + CM_PATH_REMOTE_LID, remote);
	if (local == LID_PERMISSIVE)
		mad[subnet] &= (uint8_t)~CM_SUBNET_LOCAL;
	else
		mad[subnet] |= CM_SUBNET_LOCAL;
}

/*
 * On RoCE LIDs are valid on one host alone. On the wire there are none; the permissive
 * one stands for them.
 */
static void put_lids(const struct gsi *gsi, uint8_t *mad, uint16_t local, uint16_t remote)
{
	if (gsi_is_proxy(gsi))
		return;
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		put_path(mad, REQ_PRIMARY, REQ_PRIMARY_SUBNET, local, remote);
		put_path(mad, REQ_ALTERNATE, REQ_ALTERNATE_SUBNET, local, remote);
		break;
	case UMAD_CM_ATTR_LAP:
		put_path(mad, LAP_ALTERNATE, LAP_ALTERNATE_SUBNET, local, remote);
		break;
	default:
		break;
	}
}

/* ---- out ------------------------------------------------------------------- */

/* Whence a vport knows an id of the other end. */
enum known { UNKNOWN, BY_CONNECTION, BY_CALL };

/* Has the peer told this vport of the id of its own that @mad names? */
static enum known knows_other(struct gsi_port *from, const struct cm_id *id,
			      const struct mad_packet *packet)
{
	uint32_t other = be32_at(packet->mad + other_id_at(packet->mad));

	/* Who gives up, or rejects, may know of none. */
	if (!other && mad_attribute(packet->mad) == UMAD_CM_ATTR_REJ)
		return id || cm_is_timeout(packet->mad) ? BY_CONNECTION : UNKNOWN;
	if (id && id->has_peer_id && id->peer_id == other &&
	    gids_equal(&id->peer, &packet->dgid))
		return BY_CONNECTION;
	return find_call(from, &packet->dgid, other) ? BY_CALL : UNKNOWN;
}

/* Of a connection that there is; a call that is sent again is, if none ended between. */
static bool continues(const struct cm_id *id, const struct mad_packet *packet,
		      unsigned int kind, enum known known)
{
	if (kind & CALLS)
		return gids_equal(&id->peer, &packet->dgid) &&
		       (!id->expiry.deadline || kind & ENDS);
	return !(kind & OPENS) || known == BY_CONNECTION;
}

/* The first message of a connection, or of the next one that has the guest's id. */
static void begin(struct cm_id *id, const struct mad_packet *packet, unsigned int kind)
{
	const struct cm_call *call;

	keep(id);
	id->peer = packet->dgid;
	id->peer_lid = packet->dlid;
	id->peer_id = kind & ANSWERS ? be32_at(packet->mad + CM_REMOTE_ID) : 0;
	id->has_peer_id = id->peer_id;
	id->connected = false;
	call = id->has_peer_id ? find_call(id->port, &id->peer, id->peer_id) : NULL;
	id->peer_qpn = call ? call->qpn : 0;
}

/* Put the id on the wire into @mad, which names one of the guest's. */
static enum gsi_drop put_own_id(struct gsi_port *from, struct cm_id *id,
				struct mad_packet *packet, enum known known)
{
	unsigned int kind = kind_of(packet->mad);
	bool made = !id;

	if (made)
		id = id_new(from, be32_at(packet->mad + CM_LOCAL_ID));
	if (!id)
		return GSI_DROP_CM_IDS;
	if (made || !continues(id, packet, kind, known))
		begin(id, packet, kind);
	id->pkey = packet->pkey;
	if (mad_attribute(packet->mad) == UMAD_CM_ATTR_REP)
		id->connected = true;
	put_be32(packet->mad + CM_LOCAL_ID, id->wire);
	if (kind & ENDS)
		let_end(id);
	return 0;
}

enum gsi_drop wire_cm_out(struct gsi_port *from, struct mad_packet *packet)
{
	uint8_t *mad = packet->mad;
	unsigned int kind = kind_of(mad);
	enum known known = BY_CONNECTION;
	struct cm_id *id = NULL;
	enum gsi_drop why = 0;

	if (!(kind & KNOWN))
		return GSI_DROP_WIRE_CLASS;
	if (has_own_id(mad))
		id = find_guest(from, be32_at(mad + CM_LOCAL_ID));
	if (kind & ANSWERS)
		known = knows_other(from, id, packet);
	if (known == UNKNOWN || (!id && !(kind & (OPENS | MAY_PASS))))
		return GSI_DROP_CM_ID;
	if (id || kind & OPENS)
		why = put_own_id(from, id, packet, known);
	if (why)
		return why;
	tid_out(from, &packet->dgid, kind & REQUESTS, mad);
	put_lids(from->gsi, mad, LID_PERMISSIVE, LID_PERMISSIVE);
	return 0;
}

/* ---- in -------------------------------------------------------------------- */

/* An alternate path, if there is one, is between the same ports. */
static bool is_of(const uint8_t *path, const struct mad_packet *packet)
{
	struct vib_gid local = cm_gid_at(path + CM_PATH_LOCAL_GID);
	struct vib_gid remote = cm_gid_at(path + CM_PATH_REMOTE_GID);

	return gids_equal(&local, &packet->sgid) && gids_equal(&remote, &packet->dgid);
}

/* Where @mad has its sender's CA GUID; 0: it has none. */
static size_t ca_guid_at(const uint8_t *mad)
{
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		return REQ_CA_GUID;
	case UMAD_CM_ATTR_REP:
		return REP_CA_GUID;
	default:
		return cm_is_timeout(mad) ? REJ_CA_GUID : 0;
	}
}

/* No vendor's, but made up here (EUI-64, the local bit): the lower bits are a LID. */
#define GUID_BY_LID 0x0200006c69640000ull

/*
 * By its CA GUID a guest tells one peer from another. Nobody can prove one that is from
 * the wire; in its stead there is what the peer's GID has of its own, or its LID where
 * the body alone says what its GID is.
 */
static uint64_t ca_guid_of(const struct mad_packet *packet, bool by_lid)
{
	return by_lid ? GUID_BY_LID | packet->slid : be64_at(packet->sgid.raw + 8);
}

static bool is_of_vport(const struct gsi *gsi, uint64_t node_guid)
{
	const struct gsi_port *port;

	LIST_FOREACH(port, &gsi->ports, entry)
	if (port->attr.node_guid == node_guid)
		return true;
	return false;
}

/* A guest connects to the addresses in the body: they are those in the GRH. */
static bool is_forged(const struct gsi *gsi, const struct mad_packet *packet, bool by_lid)
{
	const uint8_t *mad = packet->mad;

	if (ca_guid_at(mad) && is_of_vport(gsi, ca_guid_of(packet, by_lid)))
		return true;
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		return !is_of(mad + REQ_PRIMARY, packet) ||
		       !(cm_is_no_path(mad + REQ_ALTERNATE) ||
			 is_of(mad + REQ_ALTERNATE, packet));
	case UMAD_CM_ATTR_LAP:
		return !is_of(mad + LAP_ALTERNATE, packet);
	default:
		return false;
	}
}

/* A call's vport is at the address that is called; a REQ has it in its body, too. */
static struct gsi_port *called(struct gsi *gsi, const struct mad_packet *packet)
{
	struct vib_gid gid = packet->dgid;

	if (mad_attribute(packet->mad) == UMAD_CM_ATTR_REQ)
		gid = cm_gid_at(packet->mad + REQ_PRIMARY + CM_PATH_REMOTE_GID);
	return port_by_gid(gsi, &gid);
}

/* Its peer alone may name an id; in a REJ for timeout it is the peer's that ends. */
static bool may_name(const struct mad_packet *packet, const struct cm_id *id)
{
	return gids_equal(&id->peer, &packet->sgid) &&
	       port_has_gid(id->port, &packet->dgid) &&
	       !(cm_is_timeout(packet->mad) && id->has_peer_id &&
		 be32_at(packet->mad + CM_LOCAL_ID) != id->peer_id);
}

/* Of an answer, and of what follows: by an id of the guest's. */
static struct gsi_port *answered(struct gsi *gsi, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	const struct cm_id *id = find_wire(gsi, be32_at(mad + other_id_at(mad)));
	struct gsi_port *port;

	if (id)
		return may_name(packet, id) ? id->port : NULL;
	/* Who gave up a call tells its own id, for it never heard of another. */
	port = cm_is_timeout(mad) ? port_by_gid(gsi, &packet->dgid) : NULL;
	return port && find_call(port, &packet->sgid, be32_at(mad + CM_LOCAL_ID)) ? port
										  : NULL;
}

void wire_cm_address(struct gsi *gsi, struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad, *path = mad + REQ_PRIMARY;
	unsigned int kind = kind_of(mad);
	const struct cm_id *id = NULL;

	if (kind & KNOWN && mad_attribute(mad) == UMAD_CM_ATTR_REQ) {
		packet->sgid = cm_gid_at(path + CM_PATH_LOCAL_GID);
		packet->dgid = cm_gid_at(path + CM_PATH_REMOTE_GID);
		packet->grh = be16_at(path + CM_PATH_LOCAL_LID) == packet->slid;
		return;
	}
	if (kind & KNOWN && !(kind & CALLS))
		id = find_wire(gsi, be32_at(mad + other_id_at(mad)));
	if (!id || id->peer_lid != packet->slid)
		return;
	packet->sgid = id->peer;
	packet->dgid = id->port->attr.gids[0];
	packet->grh = true;
}

struct gsi_port *wire_cm_receiver(struct gsi *gsi, const struct mad_packet *packet,
				  bool by_lid, enum gsi_drop *why)
{
	unsigned int kind = kind_of(packet->mad);
	struct gsi_port *port;

	if (!(kind & KNOWN)) {
		*why = GSI_DROP_WIRE_CLASS;
		return NULL;
	}
	port = kind & CALLS ? called(gsi, packet) : answered(gsi, packet);
	*why = kind & CALLS ? GSI_DROP_NO_PORT : GSI_DROP_CM_ID;
	if (port && is_forged(gsi, packet, by_lid)) {
		*why = GSI_DROP_CM_FORGED;
		port = NULL;
	}
	return port;
}

void wire_cm_in(struct gsi_port *to, struct mad_packet *packet, uint16_t lid, bool by_lid)
{
	uint8_t *mad = packet->mad;
	unsigned int kind = kind_of(mad);
	struct cm_id *id = NULL;

	if (kind & CALLS)
		note_call(to, &packet->sgid, mad);
	else
		id = find_wire(to->gsi, be32_at(mad + other_id_at(mad)));
	if (id) {
		put_be32(mad + other_id_at(mad), id->guest);
		if (has_own_id(mad) && be32_at(mad + CM_LOCAL_ID)) {
			id->has_peer_id = true;
			id->peer_id = be32_at(mad + CM_LOCAL_ID);
		}
		if (mad_attribute(mad) == UMAD_CM_ATTR_REP) {
			id->connected = true;
			id->peer_qpn = cm_answering_qpn(mad);
		}
		if (kind & ENDS)
			let_end(id);
	}
	if (!(kind & REQUESTS))
		tid_in(to, &packet->sgid, mad);
	put_lids(to->gsi, mad, lid, to->attr.port.lid);
	if (ca_guid_at(mad))
		put_be64(mad + ca_guid_at(mad), ca_guid_of(packet, by_lid));
}
