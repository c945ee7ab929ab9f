// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/remotes.h"

#include <stdlib.h>

#include "gsi/be.h"
#include "gsi/ports.h"
#include "gsi/rates.h"

struct remote {
	RB_ENTRY(remote) by_gid, by_lid;
	struct vib_gid gid;
	uint16_t lid;
	LIST_HEAD(, remote_ref) refs;
};

/* A vport has it. */
struct remote_ref {
	TAILQ_ENTRY(remote_ref) of_port;
	LIST_ENTRY(remote_ref) of_remote;
	struct gsi_port *port;
	struct remote *remote;
	enum remote_why why;
};

static const unsigned int most[REMOTE_WHYS] = {
	[REMOTE_ASKED] = MAX_REMOTES,
	[REMOTE_CALLED] = MAX_CALLERS,
};

static int compare_gids(const struct remote *a, const struct remote *b)
{
	return memcmp(&a->gid, &b->gid, sizeof(a->gid));
}

static int compare_lids(const struct remote *a, const struct remote *b)
{
	return (int)a->lid - (int)b->lid;
}

RB_PROTOTYPE(remote_gid_tree, remote, by_gid, compare_gids)
RB_PROTOTYPE(remote_lid_tree, remote, by_lid, compare_lids)
RB_GENERATE(remote_gid_tree, remote, by_gid, compare_gids)
RB_GENERATE(remote_lid_tree, remote, by_lid, compare_lids)

static struct remote *find_gid(const struct gsi *gsi, const struct vib_gid *gid)
{
	struct remote key = { .gid = *gid };

	return RB_FIND(remote_gid_tree, (struct remote_gid_tree *)&gsi->remotes_by_gid,
		       &key);
}

static struct remote *find_lid(const struct gsi *gsi, uint16_t lid)
{
	struct remote key = { .lid = lid };

	return RB_FIND(remote_lid_tree, (struct remote_lid_tree *)&gsi->remotes_by_lid,
		       &key);
}

bool gid_is_remote(struct gsi *gsi, const struct vib_gid *gid)
{
	struct vib_gid sa = sa_gid(gsi);

	return gsi->has_wire && be64_at(gid->raw) == gsi->config.subnet_prefix &&
	       be64_at(gid->raw + 8) && !gids_equal(gid, &sa) && !port_by_gid(gsi, gid);
}

/* ---- beginning and end --------------------------------------------------- */

static bool is_free(void *arg, uint16_t lid)
{
	struct gsi *gsi = arg;

	return lid != gsi->config.sa_lid && !port_by_lid(gsi, lid) && !find_lid(gsi, lid);
}

/* 0: there is none, or no memory. */
static uint16_t choose_lid(struct gsi *gsi, const struct vib_gid *gid)
{
	uint64_t guid = be64_at(gid->raw + 8);
	uint16_t lid = 0;

	if (lid_turns_begin(&gsi->lid_turns))
		lid = lid_turns_choose(&gsi->lid_turns, guid, is_free, gsi);
	if (lid)
		lid_turns_give(&gsi->lid_turns, lid, guid);
	return lid;
}

static struct remote *remote_new(struct gsi *gsi, const struct vib_gid *gid)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (!remote)
		return NULL;
	remote->gid = *gid;
	remote->lid = choose_lid(gsi, gid);
	if (!remote->lid) {
		free(remote);
		return NULL;
	}
	LIST_INIT(&remote->refs);
	RB_INSERT(remote_gid_tree, &gsi->remotes_by_gid, remote);
	RB_INSERT(remote_lid_tree, &gsi->remotes_by_lid, remote);
	gsi->num_remotes++;
	return remote;
}

static void remote_free(struct gsi *gsi, struct remote *remote)
{
	RB_REMOVE(remote_gid_tree, &gsi->remotes_by_gid, remote);
	RB_REMOVE(remote_lid_tree, &gsi->remotes_by_lid, remote);
	lid_turns_end(&gsi->lid_turns, remote->lid);
	gsi->num_remotes--;
	free(remote);
}

static void ref_free(struct remote_ref *ref)
{
	struct gsi_port *port = ref->port;
	struct gsi *gsi = port->gsi;

	TAILQ_REMOVE(&port->remotes[ref->why], ref, of_port);
	port->num_remotes[ref->why]--;
	gsi->num_remote_refs--;
	LIST_REMOVE(ref, of_remote);
	if (LIST_EMPTY(&ref->remote->refs))
		remote_free(gsi, ref->remote);
	free(ref);
}

/* Who has most gives the one that it used longest ago. */
static void make_room(struct gsi *gsi)
{
	struct gsi_port *port, *richest = LIST_FIRST(&gsi->ports);
	enum remote_why why = REMOTE_CALLED;

	LIST_FOREACH(port, &gsi->ports, entry)
	if (port->num_remotes[REMOTE_ASKED] + port->num_remotes[REMOTE_CALLED] >
	    richest->num_remotes[REMOTE_ASKED] + richest->num_remotes[REMOTE_CALLED])
		richest = port;
	if (TAILQ_EMPTY(&richest->remotes[why]))
		why = REMOTE_ASKED;
	ref_free(TAILQ_FIRST(&richest->remotes[why]));
}

/* ---- holding --------------------------------------------------------------- */

static struct remote_ref *find_ref(const struct gsi_port *port,
				   const struct remote *remote)
{
	struct remote_ref *ref;

	LIST_FOREACH(ref, &remote->refs, of_remote)
	if (ref->port == port)
		return ref;
	return NULL;
}

static void put_last(struct remote_ref *ref, enum remote_why why)
{
	struct gsi_port *port = ref->port;

	ref->why = why;
	TAILQ_INSERT_TAIL(&port->remotes[why], ref, of_port);
	port->num_remotes[why]++;
}

/* The one used longest ago, if there are too many. */
static void keep_quota(struct gsi_port *port, enum remote_why why, unsigned int quota)
{
	if (port->num_remotes[why] > quota)
		ref_free(TAILQ_FIRST(&port->remotes[why]));
}

/* One that was asked for stays so, however often it calls. */
static void use(struct remote_ref *ref, enum remote_why why)
{
	struct gsi_port *port = ref->port;

	TAILQ_REMOVE(&port->remotes[ref->why], ref, of_port);
	port->num_remotes[ref->why]--;
	put_last(ref, why < ref->why ? why : ref->why);
	keep_quota(port, ref->why, most[ref->why]);
}

/* NULL: there is no memory. */
static struct remote_ref *ref_new(struct gsi_port *port, const struct vib_gid *gid,
				  enum remote_why why)
{
	struct gsi *gsi = port->gsi;
	struct remote_ref *ref = malloc(sizeof(*ref));
	struct remote *remote;

	if (!ref)
		return NULL;
	/* Room first: what is in its way may be the last that @gid has. */
	keep_quota(port, why, most[why] - 1);
	if (gsi->num_remote_refs == MAX_FABRIC_REMOTES)
		make_room(gsi);
	remote = find_gid(gsi, gid);
	if (!remote)
		remote = remote_new(gsi, gid);
	if (!remote) {
		free(ref);
		return NULL;
	}
	*ref = (struct remote_ref){ .port = port, .remote = remote };
	LIST_INSERT_HEAD(&remote->refs, ref, of_remote);
	put_last(ref, why);
	gsi->num_remote_refs++;
	return ref;
}

uint16_t remote_hold(struct gsi_port *port, const struct vib_gid *gid,
		     enum remote_why why)
{
	struct remote *remote = find_gid(port->gsi, gid);
	struct remote_ref *ref = remote ? find_ref(port, remote) : NULL;

	if (ref)
		use(ref, why);
	else
		ref = ref_new(port, gid, why);
	return ref ? ref->remote->lid : 0;
}

const struct vib_gid *remote_gid(const struct gsi *gsi, uint16_t lid)
{
	const struct remote *remote = find_lid(gsi, lid);

	return remote ? &remote->gid : NULL;
}

uint16_t remote_lid(const struct gsi *gsi, const struct vib_gid *gid)
{
	const struct remote *remote = find_gid(gsi, gid);

	return remote ? remote->lid : 0;
}

void remotes_purge(struct gsi_port *port)
{
	for (enum remote_why why = 0; why < REMOTE_WHYS; why++)
		while (!TAILQ_EMPTY(&port->remotes[why]))
			ref_free(TAILQ_FIRST(&port->remotes[why]));
}

/* ---- the wire's port ------------------------------------------------------------------
 */

uint8_t wire_rate(const struct gsi_wire *wire)
{
	const struct vib_port_attr port = {
		.active_width = wire->active_width,
		.active_speed = wire->active_speed,
	};

	return rate_of_port(&port);
}

bool wire_has_pkey(const struct gsi *gsi, uint16_t pkey)
{
	if (!(pkey & PKEY_BASE))
		return false;
	for (unsigned int i = 0; i < GSI_WIRE_PKEYS; i++)
		if (gsi->wire.pkeys[i] == pkey)
			return true;
	return false;
}

uint16_t wire_common_pkey(const struct gsi_port *port)
{
	for (unsigned int i = 0; i < VIB_MAX_PKEYS; i++)
		if (wire_has_pkey(port->gsi, port->attr.pkeys[i]))
			return port->attr.pkeys[i];
	return 0;
}
