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
	uint8_t *record;

	if (!group || pkey_accepting(port->attr.pkeys, group->attr.pkey) < 0 ||
	    (q->mask & PATH_SGID && !port_has_gid(port, &q->wanted.sgid)))
		return;
	path = path_to_group(q, &group->attr);
	record = group_is_wanted(q, &path) ? sa_add(q->answer) : NULL;
	if (record)
		path_record_put(record, &path);
}

/* An end that a request may name. */
struct named {
	bool named; /* by GID, LID or both */
	bool found; /* and that is @end */
	struct path_end end;
};

/* NULL: not named by that. */
static struct named named_end(struct gsi *gsi, const struct vib_gid *gid,
			      const uint16_t *lid)
{
	struct named n = { .named = gid || lid };
	struct path_end by_lid;

	if (gid)
		n.found = path_end_by_gid(gsi, gid, &n.end);
	else if (lid)
		n.found = path_end_by_lid(gsi, *lid, &n.end);
	if (gid && lid && n.found)
		n.found = path_end_by_lid(gsi, *lid, &by_lid) &&
			  by_lid.port == n.end.port &&
			  (n.end.port || gids_equal(&by_lid.gid, gid));
	return n;
}

static void between(struct query *q, const struct path_end *source,
		    const struct path_end *destination)
{
	path_answer(q->request, source, destination, &q->wanted, q->mask, q->answer);
}

/*
 * Requests name ends by GID, LID, or not at all; the requester is one of them. What is
 * open is then each port it sees, or, with both open, each as a destination. Of what is
 * beyond the wire there is no list.
 */
static void to_ports(struct query *q)
{
	struct gsi_port *self = q->request->port, *other;
	const struct path_record *w = &q->wanted;
	struct named source = named_end(self->gsi, q->mask & PATH_SGID ? &w->sgid : NULL,
					q->mask & PATH_SLID ? &w->slid : NULL);
	struct named destination =
		named_end(self->gsi, q->mask & PATH_DGID ? &w->dgid : NULL,
			  q->mask & PATH_DLID ? &w->dlid : NULL);

	if (!source.named && !(destination.found && destination.end.port == self))
		source = (struct named){ true, true, path_end_of(self) };
	if ((source.named && !source.found) || (destination.named && !destination.found))
		return;
	if (source.named && destination.named) {
		between(q, &source.end, &destination.end);
		return;
	}
	if ((source.named ? source.end.port : destination.end.port) != self)
		return;
	LIST_FOREACH(other, &self->gsi->ports, entry)
	{
		struct path_end end = path_end_of(other);

		if (source.named)
			between(q, &source.end, &end);
		else
			between(q, &end, &destination.end);
	}
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
