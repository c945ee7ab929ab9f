// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MCMemberRecord: joining, leaving and asking for multicast groups (IBTA vol. 1
 * §15.2.5.17). Where the specification leaves it open, as OpenSM has it.
 */
#include "gsi/groups.h"
#include "gsi/mgid.h"
#include "gsi/ports.h"
#include "gsi/rates.h"
#include "gsi/remotes.h"
#include "gsi/sa.h"
#include "gsi/wire_groups.h"

#define MASK(name) UMAD_SA_MCM_COMP_MASK_##name

/* o15-0.2.4, o15-0.2.3: what a join needs, and one that makes the group besides. */
#define JOIN_NEEDS (MASK(MGID) | MASK(PORT_GID) | MASK(JOIN_STATE))
#define CREATE_NEEDS                                                          \
	(JOIN_NEEDS | MASK(QKEY) | MASK(PKEY) | MASK(SL) | MASK(FLOW_LABEL) | \
	 MASK(TCLASS))

#define SCOPE_LINK_LOCAL 2

static bool both(uint64_t mask, uint64_t bits)
{
	return (mask & bits) == bits;
}

static bool values_exist(const struct mcm_group *g, uint64_t mask)
{
	uint8_t mtu = value_of(g->mtu);

	if (both(mask, MASK(MTU) | MASK(MTU_SEL)) && (mtu < MTU_MIN || mtu > MTU_MAX))
		return false;
	return !both(mask, MASK(RATE) | MASK(RATE_SEL)) || rate_value(value_of(g->rate));
}

/* ---- what a request says of a group ------------------------------------- */

static bool selected(const struct mcm_group *w, uint64_t mask, const struct mcm_group *g)
{
	if (both(mask, MASK(MTU) | MASK(MTU_SEL)) &&
	    !selector_takes(selector_of(w->mtu), value_of(w->mtu), g->mtu))
		return false;
	if (both(mask, MASK(RATE) | MASK(RATE_SEL)) &&
	    !selector_takes(selector_of(w->rate), rate_value(value_of(w->rate)),
			    rate_value(g->rate)))
		return false;
	return !both(mask, MASK(LIFE_TIME) | MASK(LIFE_TIME_SEL)) ||
	       selector_takes(selector_of(w->life), value_of(w->life), g->life);
}

static bool group_matches(const struct mcm_group *w, uint64_t mask,
			  const struct mcm_group *g)
{
	return !(mask & MASK(MGID) && !gids_equal(&w->mgid, &g->mgid)) &&
	       !(mask & MASK(QKEY) && w->qkey != g->qkey) &&
	       !(mask & MASK(MLID) && w->mlid != g->mlid) &&
	       !(mask & MASK(TCLASS) && w->tclass != g->tclass) &&
	       !(mask & MASK(PKEY) && !pkeys_match(w->pkey, g->pkey)) &&
	       !(mask & MASK(SL) && w->sl != g->sl) &&
	       !(mask & MASK(FLOW_LABEL) && w->flow_label != g->flow_label) &&
	       !(mask & MASK(HOP_LIMIT) && w->hop_limit != g->hop_limit) &&
	       !(mask & MASK(SCOPE) && w->scope != g->scope) && selected(w, mask, g);
}

/* ---- making a group ------------------------------------------------------ */

/*
 * An MGID with a P_Key in it is the one of that partition, where its members look for
 * it; nobody else may take it from them.
 */
static bool mgid_has_other_pkey(const struct vib_gid *mgid, uint16_t pkey)
{
	return mgid_has_pkey(mgid) &&
	       (be16_at(mgid->raw + 4) | PKEY_FULL) != (pkey | PKEY_FULL);
}

/* o15-0.1.5: the three upper flags are reserved, and so are the SA's own choices. */
static bool mgid_is_valid(const struct vib_gid *mgid)
{
	return gid_is_multicast(mgid) && !(mgid->raw[1] & 0xe0) &&
	       !(mgid_signature(mgid) == SIGNATURE_SA &&
		 (mgid->raw[1] & 0xf) == SCOPE_LINK_LOCAL);
}

/*
 * The value of a new group that a field with a selector asks for, where @best is the
 * most that the port can and @below the next one under the field's; 0: it cannot.
 */
static uint8_t choose(uint8_t field, unsigned int wanted, unsigned int most, uint8_t best,
		      uint8_t below)
{
	switch (selector_of(field)) {
	case UMAD_SA_SELECTOR_GREATER_THAN:
		return most > wanted ? best : 0;
	case UMAD_SA_SELECTOR_LESS_THAN:
		return most < wanted ? best : below;
	case UMAD_SA_SELECTOR_EXACTLY:
		return most >= wanted ? value_of(field) : 0;
	default:
		return best;
	}
}

/* What @port and the fabric's wire can both do. */
static uint8_t best_mtu(const struct gsi_port *port)
{
	uint8_t own = port->attr.port.active_mtu, wire = port->gsi->wire.mtu;

	return port->gsi->has_wire && wire < own ? wire : own;
}

static uint8_t best_rate(const struct gsi_port *port)
{
	uint8_t own = rate_of_port(&port->attr.port);
	uint8_t wire = port->gsi->has_wire ? wire_rate(&port->gsi->wire) : own;

	return rate_value(wire) < rate_value(own) ? wire : own;
}

static uint8_t choose_mtu(const struct gsi_port *port, const struct mcm_group *w,
			  uint64_t mask)
{
	uint8_t best = best_mtu(port), mtu = value_of(w->mtu);

	if (!both(mask, MASK(MTU) | MASK(MTU_SEL)))
		return best;
	return choose(w->mtu, mtu, best, best, mtu - 1);
}

static uint8_t choose_rate(const struct gsi_port *port, const struct mcm_group *w,
			   uint64_t mask)
{
	uint8_t best = best_rate(port), rate = value_of(w->rate);

	if (!both(mask, MASK(RATE) | MASK(RATE_SEL)))
		return best;
	return choose(w->rate, rate_value(rate), rate_value(best), best,
		      rate_below(rate));
}

static uint8_t choose_life(const struct gsi_port *port, const struct mcm_group *w,
			   uint64_t mask)
{
	uint8_t own = port->gsi->config.packet_life;

	if (both(mask, MASK(LIFE_TIME) | MASK(LIFE_TIME_SEL)) &&
	    selector_of(w->life) == UMAD_SA_SELECTOR_EXACTLY)
		return value_of(w->life);
	return own;
}

static struct group *create(const struct sa_request *request, const struct mcm_record *r,
			    struct sa_answer *answer)
{
	struct gsi_port *port = request->port;
	uint64_t mask = request->mask;
	struct mcm_group attr = r->group;
	struct group *group;
	bool choose_mgid = gid_is_zero(&attr.mgid);

	answer->status = SA_STATUS(REQ_INVALID);
	if (!(r->join_state & MCM_FULL))
		return NULL;
	if (!both(mask, CREATE_NEEDS)) {
		answer->status = SA_STATUS(INSUF_COMPS);
		return NULL;
	}
	if (!choose_mgid &&
	    (!mgid_is_valid(&attr.mgid) || mgid_has_other_pkey(&attr.mgid, attr.pkey)))
		return NULL;
	if (pkey_find(port->attr.pkeys, attr.pkey) < 0)
		return NULL;
	if (choose_mgid)
		attr.mgid = group_new_mgid(
			port->gsi, mask & MASK(SCOPE) ? attr.scope : SCOPE_LINK_LOCAL);
	attr.pkey |= PKEY_FULL;
	attr.mtu = choose_mtu(port, &attr, mask);
	attr.rate = choose_rate(port, &attr, mask);
	attr.life = choose_life(port, &attr, mask);
	attr.scope = attr.mgid.raw[1] & 0xf;
	if (!attr.mtu || !attr.rate || !selected(&r->group, mask, &attr))
		return NULL;
	if (!(mask & MASK(HOP_LIMIT)))
		attr.hop_limit = 0;
	group = group_create(port->gsi, &attr, port);
	answer->status = group ? 0 : SA_STATUS(NO_RESOURCES);
	return group;
}

/* ---- joining and leaving --------------------------------------------------- */

static void answer_member(struct sa_answer *answer, const struct mcm_group *group,
			  const struct vib_gid *gid, uint8_t join_state)
{
	const struct mcm_record r = {
		.group = *group,
		.port_gid = *gid,
		.join_state = join_state,
	};
	uint8_t *record = sa_add(answer);

	if (record)
		mcm_record_put(record, &r);
}

static bool may_join(const struct gsi_port *port, uint64_t mask,
		     const struct group *group, const struct mcm_record *r)
{
	return group_matches(&r->group, mask, &group->attr) &&
	       port->attr.port.active_mtu >= group->attr.mtu &&
	       rate_value(rate_of_port(&port->attr.port)) >=
		       rate_value(group->attr.rate) &&
	       pkey_accepting(port->attr.pkeys, group->attr.pkey) >= 0;
}

bool mcm_may_join(const struct gsi_port *port, const struct mad_packet *packet,
		  const struct mcm_record *record, const struct group *group)
{
	uint64_t mask = be64_at(packet->mad + offsetof(struct umad_sa_packet, comp_mask));

	return may_join(port, mask, group, record);
}

/*
 * On InfiniBand its P_Key, where it tells one, must be the vport's: the SA knows the
 * HCA's port alone.
 */
static void join_on_wire(const struct sa_request *request, const struct mcm_record *r,
			 struct sa_answer *answer)
{
	const struct gsi_port *port = request->port;

	if (!r->join_state || !gids_equal(&r->port_gid, &port->attr.gids[0]) ||
	    (mgid_has_pkey(&r->group.mgid) &&
	     pkey_accepting(port->attr.pkeys, be16_at(r->group.mgid.raw + 4)) < 0) ||
	    (request->mask & MASK(PKEY) &&
	     (mgid_has_other_pkey(&r->group.mgid, r->group.pkey) ||
	      pkey_accepting(port->attr.pkeys, r->group.pkey) < 0))) {
		answer->status = SA_STATUS(REQ_INVALID);
		return;
	}
	answer->status = wire_group_join(request, r);
	answer->later = !answer->status;
}

static void join(const struct sa_request *request, const struct mcm_record *r,
		 struct sa_answer *answer)
{
	struct gsi_port *port = request->port;
	struct group *group = group_find(port->gsi, &r->group.mgid);
	bool created = false;
	struct member *member;

	if (gsi_is_proxy(port->gsi)) {
		join_on_wire(request, r, answer);
		return;
	}
	if (!r->join_state || (group && !may_join(port, request->mask, group, r))) {
		answer->status = SA_STATUS(REQ_INVALID);
		return;
	}
	if (!group) {
		group = create(request, r, answer);
		if (!group)
			return;
		created = true;
	}
	member = member_join(group, port, &r->port_gid, r->join_state);
	if (!member) {
		if (created)
			group_destroy(port->gsi, group, port);
		answer->status = SA_STATUS(NO_RESOURCES);
		return;
	}
	answer_member(answer, &group->attr, &r->port_gid, member->join_state);
}

/* o15-0.1.14: it leaves what it joined, and no more. */
static void leave(const struct sa_request *request, const struct mcm_record *r,
		  struct sa_answer *answer)
{
	struct gsi_port *port = request->port;
	struct group *group = group_find(port->gsi, &r->group.mgid);
	struct member *member = group ? member_find(group, port, &r->port_gid) : NULL;

	if (!member || !r->join_state || r->join_state & ~member->join_state) {
		answer->status = SA_STATUS(REQ_INVALID);
		return;
	}
	answer_member(answer, &group->attr, &r->port_gid,
		      member->join_state & (uint8_t)~r->join_state);
	member_leave(member, r->join_state);
}

/*
 * The port that joins or leaves is the requester: a guest does not decide for another
 * one what that receives, as ProxyJoin would let it (o15-0.1.2).
 */
static void change(const struct sa_request *request, const struct mcm_record *r,
		   struct sa_answer *answer)
{
	if (!both(request->mask, JOIN_NEEDS))
		answer->status = SA_STATUS(INSUF_COMPS);
	else if (!values_exist(&r->group, request->mask))
		answer->status = SA_STATUS(REQ_INVALID);
	else if (!port_has_gid(request->port, &r->port_gid))
		answer->status = SA_STATUS(REQ_INVALID);
	else if (request->mask & MASK(PKEY) && !(r->group.pkey & PKEY_BASE))
		answer->status = SA_STATUS(REQ_INVALID);
	else if (request->method == UMAD_METHOD_SET)
		join(request, r, answer);
	else
		leave(request, r, answer);
}

/* ---- asking ------------------------------------------------------------------ */

/* What may be shown of a group, where the request's JoinState would be @join_state. */
static bool is_shown(const struct sa_request *request, const struct mcm_record *r,
		     const struct group *group, uint8_t join_state)
{
	return pkey_accepting(request->port->attr.pkeys, group->attr.pkey) >= 0 &&
	       group_matches(&r->group, request->mask, &group->attr) &&
	       !(request->mask & MASK(JOIN_STATE) && r->join_state != join_state);
}

/* §15.2.5.17: who is not trusted sees PortGID, JoinState and ProxyJoin as 0. */
static void show(struct sa_answer *answer, const struct group *group)
{
	static const struct vib_gid nobody;

	answer_member(answer, &group->attr, &nobody, 0);
}

/* A PortGID asks for that port's memberships; of others' the requester learns nothing. */
static void query_memberships(const struct sa_request *request,
			      const struct mcm_record *r, struct sa_answer *answer)
{
	const struct member *m;

	LIST_FOREACH(m, &request->port->members, of_port)
	if (gids_equal(&m->gid, &r->port_gid) &&
	    is_shown(request, r, m->group, m->join_state))
		show(answer, m->group);
}

static void query(const struct sa_request *request, const struct mcm_record *r,
		  struct sa_answer *answer)
{
	if (!values_exist(&r->group, request->mask)) {
		answer->status = SA_STATUS(REQ_INVALID);
		return;
	}
	if (request->mask & MASK(PORT_GID)) {
		query_memberships(request, r, answer);
		return;
	}
	for (struct group *g = group_first(request->port->gsi); g; g = group_next(g))
		if (is_shown(request, r, g, 0))
			show(answer, g);
}

void sa_mcmember_record(const struct sa_request *request, struct sa_answer *answer)
{
	struct mcm_record r;

	mcm_record_get(&r, request->data);
	if (request->method == UMAD_METHOD_SET ||
	    request->method == UMAD_SA_METHOD_DELETE)
		change(request, &r, answer);
	else
		query(request, &r, answer);
}
