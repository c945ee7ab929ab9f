// SPDX-License-Identifier: GPL-2.0-or-later
/* PathRecord: how the requester reaches others, and they it. */
#include "gsi/groups.h"
#include "gsi/path_record.h"
#include "gsi/ports.h"
#include "gsi/rates.h"
#include "gsi/sa.h"

/* A request being answered. */
struct query {
	const struct sa_request *request;
	struct sa_answer *answer;
	struct path_record wanted;
	uint64_t mask;
};

static void add(struct query *q, const struct path_record *path)
{
	uint8_t *record = sa_add(q->answer);

	if (record)
		path_record_put(record, path);
}

/* What a path to a group is: the group's attributes, as OpenSM answers them. */
static struct path_record path_to_group(const struct query *q, const struct mcm_group *g)
{
	return (struct path_record){
		.service_id = q->mask & PATH_SERVICE_ID_MSB ? q->wanted.service_id : 0,
		.dgid = g->mgid,
		.sgid = q->mask & PATH_SGID ? q->wanted.sgid
					    : q->request->port->attr.gids[0],
		.dlid = g->mlid,
		.slid = q->request->port->attr.port.lid,
		.flow_label = g->flow_label,
		.hop_limit = g->hop_limit,
		.tclass = g->tclass,
		.num_paths = 1,
		.pkey = g->pkey,
		.sl = g->sl,
		.mtu = g->mtu,
		.rate = g->rate,
		.life = g->life,
	};
}

static bool group_is_wanted(const struct query *q, const struct path_record *path)
{
	const struct path_record *w = &q->wanted;
	uint64_t mask = q->mask;

	return !(mask & PATH_DLID && w->dlid != path->dlid) &&
	       !(mask & PATH_SLID && w->slid != path->slid) &&
	       !(mask & PATH_PKEY && (w->pkey & PKEY_BASE) != (path->pkey & PKEY_BASE)) &&
	       !(mask & PATH_SL && w->sl != path->sl) &&
	       !(mask & PATH_FLOW_LABEL && w->flow_label != path->flow_label) &&
	       !(mask & PATH_HOP_LIMIT && w->hop_limit != path->hop_limit) &&
	       !(mask & PATH_TCLASS && w->tclass != path->tclass) &&
	       !(mask & PATH_RAW && w->raw);
}

static void to_group(struct query *q)
{
	struct gsi_port *port = q->request->port;
	struct group *group = group_find(port->gsi, &q->wanted.dgid);
	struct path_record path;

	if (!group || pkey_accepting(port->attr.pkeys, group->attr.pkey) < 0 ||
	    (q->mask & PATH_SGID && !port_has_gid(port, &q->wanted.sgid)))
		return;
	path = path_to_group(q, &group->attr);
	if (group_is_wanted(q, &path))
		add(q, &path);
}

/*
 * One end of the path. true if the request names it, by GID, LID or both (NULL: not by
 * that); then *@port is the one that they name, or NULL.
 */
static bool named_end(struct gsi *gsi, const struct vib_gid *gid, const uint16_t *lid,
		      struct gsi_port **port)
{
	struct gsi_port *by_gid = gid ? port_by_gid(gsi, gid) : NULL;
	struct gsi_port *by_lid = lid ? port_by_lid(gsi, *lid) : NULL;

	*port = gid ? by_gid : by_lid;
	if (gid && lid && by_gid != by_lid)
		*port = NULL;
	return gid || lid;
}

static void between(struct query *q, const struct gsi_port *source,
		    const struct gsi_port *destination)
{
	struct path_record path;

	if (port_sees(q->request->port, source) &&
	    port_sees(q->request->port, destination) &&
	    path_find(source, destination, &q->wanted, q->mask, &path))
		add(q, &path);
}

/*
 * Requests name ends by GID, LID, or not at all; the requester is one of them. What is
 * open is then each port it sees, or, with both open, each as a destination.
 */
static void to_ports(struct query *q)
{
	struct gsi_port *self = q->request->port, *source, *destination, *other;
	const struct path_record *w = &q->wanted;
	bool has_source = named_end(self->gsi, q->mask & PATH_SGID ? &w->sgid : NULL,
				    q->mask & PATH_SLID ? &w->slid : NULL, &source);
	bool has_destination =
		named_end(self->gsi, q->mask & PATH_DGID ? &w->dgid : NULL,
			  q->mask & PATH_DLID ? &w->dlid : NULL, &destination);

	if (!has_source && destination != self) {
		source = self;
		has_source = true;
	}
	if ((has_source && !source) || (has_destination && !destination))
		return;
	if (has_source && has_destination) {
		if (source == self || destination == self)
			between(q, source, destination);
		return;
	}
	if ((has_source ? source : destination) != self)
		return;
	LIST_FOREACH(other, &self->gsi->ports, entry)
	if (has_source)
		between(q, self, other);
	else
		between(q, other, self);
}

void sa_path_record(const struct sa_request *request, struct sa_answer *answer)
{
	struct query q = {
		.request = request,
		.answer = answer,
		.mask = request->mask,
	};

	path_record_get(&q.wanted, request->data);
	answer->status = path_check(&q.wanted, q.mask);
	if (answer->status)
		return;
	/* Get has one path, whatever the request says (§15.2.5.16). */
	if (request->method == UMAD_SA_METHOD_GET_TABLE && q.mask & PATH_NUM_PATHS &&
	    q.wanted.num_paths == 0)
		return;
	if (q.mask & PATH_DGID && gid_is_multicast(&q.wanted.dgid))
		to_group(&q);
	else
		to_ports(&q);
}
