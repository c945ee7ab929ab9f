// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/wire_groups.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/alias.h"
#include "gsi/be.h"
#include "gsi/ports.h"
#include "gsi/rates.h"
#include "gsi/rmpp.h"
#include "gsi/sa_client.h"

#define RETRY_NS   5000000000ull

#define MASK(name) UMAD_SA_MCM_COMP_MASK_##name

#define IDENTITY   (MASK(MGID) | MASK(PORT_GID) | MASK(JOIN_STATE))
/* What makes a group again as it was. */
#define CREATION                                                                  \
	(IDENTITY | MASK(QKEY) | MASK(PKEY) | MASK(SL) | MASK(FLOW_LABEL) |       \
	 MASK(TCLASS) | MASK(MTU_SEL) | MASK(MTU) | MASK(RATE_SEL) | MASK(RATE) | \
	 MASK(SCOPE) | MASK(HOP_LIMIT))

/* o15-0.2.3: with these the SA makes a group that is not there. */
#define CREATES (MASK(QKEY) | MASK(PKEY) | MASK(SL) | MASK(FLOW_LABEL) | MASK(TCLASS))

/* A vport's request that waits for its answer. */
struct join {
	TAILQ_ENTRY(join) entry;
	struct gsi_port *port;
	struct mad_packet packet;
	struct mcm_record record;
};

struct wire_member {
	RB_ENTRY(wire_member) entry;
	LIST_ENTRY(wire_member) nameless; /* its MGID is 0 until the SA chooses one */
	struct gsi *gsi;
	struct vib_gid mgid;
	struct vib_gid gid;
	uint8_t have;  /* JoinState that the SA has */
	uint8_t asked; /* for more of, or for less */
	bool leaves;
	bool by_join; /* it is asked for a vport, which may have gone since */
	bool busy;    /* a step of it is being made */
	struct sa_query *query;
	struct timer retry;
	TAILQ_HEAD(joins, join) joins; /* the first is asked for, if @for_join */
	bool for_join;
};

static int compare(const struct wire_member *a, const struct wire_member *b)
{
	int order = memcmp(&a->mgid, &b->mgid, sizeof(a->mgid));

	return order ? order : memcmp(&a->gid, &b->gid, sizeof(a->gid));
}

RB_PROTOTYPE(wire_member_tree, wire_member, entry, compare)
RB_GENERATE(wire_member_tree, wire_member, entry, compare)

static void step(struct wire_member *m);

static bool is_nameless(const struct wire_member *m)
{
	return gid_is_zero(&m->mgid);
}

static struct wire_member *find(struct gsi *gsi, const struct vib_gid *mgid,
				const struct vib_gid *gid)
{
	struct wire_member key = { .mgid = *mgid, .gid = *gid };

	return RB_FIND(wire_member_tree, &gsi->wire_members, &key);
}

static void on_retry(struct timer *timer, uint64_t now)
{
	(void)now;
	step(caa_container_of(timer, struct wire_member, retry));
}

static struct wire_member *member_new(struct gsi *gsi, const struct vib_gid *mgid,
				      const struct vib_gid *gid)
{
	struct wire_member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->gsi = gsi;
	m->mgid = *mgid;
	m->gid = *gid;
	m->retry.expired = on_retry;
	TAILQ_INIT(&m->joins);
	if (is_nameless(m))
		LIST_INSERT_HEAD(&gsi->nameless_members, m, nameless);
	else
		RB_INSERT(wire_member_tree, &gsi->wire_members, m);
	return m;
}

static void join_free(struct wire_member *m, struct join *j)
{
	TAILQ_REMOVE(&m->joins, j, entry);
	j->port->num_proxied--;
	free(j);
}

static void member_end(struct wire_member *m)
{
	while (!TAILQ_EMPTY(&m->joins))
		join_free(m, TAILQ_FIRST(&m->joins));
	sa_query_cancel(m->query);
	timer_cancel(&m->gsi->timers, &m->retry);
	if (is_nameless(m))
		LIST_REMOVE(m, nameless);
	else
		RB_REMOVE(wire_member_tree, &m->gsi->wire_members, m);
	free(m);
}

/* ---- vports' own memberships ----------------------------------------------- */

/* The bits that vports with the GID of @m have. */
static uint8_t wanted(const struct wire_member *m)
{
	const struct group *group = group_find(m->gsi, &m->mgid);
	const struct member *member;
	uint8_t bits = 0;

	if (!group)
		return 0;
	LIST_FOREACH(member, &group->members, of_group)
	if (gids_equal(&member->gid, &m->gid))
		bits |= member->join_state;
	return bits;
}

static bool is_settled(const struct wire_member *m)
{
	const struct gsi_port *port;

	LIST_FOREACH(port, &m->gsi->ports, entry)
	if (alias_is_settled(port)) {
		struct vib_gid gid = alias_gid(port);

		if (gids_equal(&gid, &m->gid))
			return true;
	}
	return false;
}

static bool is_same(const struct mcm_group *a, const struct mcm_group *b)
{
	return a->mlid == b->mlid && a->qkey == b->qkey && a->pkey == b->pkey &&
	       a->mtu == b->mtu && a->rate == b->rate && a->sl == b->sl;
}

/* Who is a member of it has to join anew. */
static void forget_group(struct gsi *gsi, struct group *group)
{
	const struct member *member;

	LIST_FOREACH(member, &group->members, of_group)
	gsi->ops->forgotten(gsi->arg, member->port->owner);
	group_destroy(gsi, group, NULL);
}

/* Who made it, or would have, had it not been there: the SA does not tell. */
static struct gsi_port *creator_of(const struct join *j)
{
	uint64_t mask =
		be64_at(j->packet.mad + offsetof(struct umad_sa_packet, comp_mask));

	return gid_is_zero(&j->record.group.mgid) || (mask & CREATES) == CREATES ? j->port
										 : NULL;
}

/* The group as the SA says it is. NULL: @creator's quota or memory are used up. */
static struct group *adopt(struct gsi *gsi, const struct mcm_record *r,
			   struct gsi_port *creator)
{
	struct group *group = group_find(gsi, &r->group.mgid);
	struct mcm_group attr = r->group;

	attr.mtu = value_of(attr.mtu);
	attr.rate = value_of(attr.rate);
	attr.life = value_of(attr.life);
	if (group && is_same(&group->attr, &attr))
		return group;
	if (group)
		forget_group(gsi, group);
	return group_create_foreign(gsi, &attr, creator);
}

/* ---- answers to vports ----------------------------------------------------- */

static void answer(const struct join *j, uint16_t status, const struct mcm_group *group,
		   uint8_t join_state)
{
	struct sa_answer a = {
		.status = status,
		.record_size = (MCM_RECORD_SIZE + 7) / 8 * 8,
	};
	const struct mcm_record r = {
		.group = group ? *group : j->record.group,
		.port_gid = j->record.port_gid,
		.join_state = join_state,
	};
	uint8_t *record = status ? NULL : sa_add(&a);

	if (record)
		mcm_record_put(record, &r);
	sa_respond(j->port, &j->packet, &a);
	free(a.records);
}

/* The SA has what the first join wants: the vport is a member. */
static void admit(struct wire_member *m, struct group *group)
{
	struct join *j = TAILQ_FIRST(&m->joins);
	struct member *member = NULL;

	if (group)
		member = member_join(group, j->port, &j->record.port_gid,
				     j->record.join_state);
	if (member)
		answer(j, 0, &group->attr, member->join_state);
	else
		answer(j, SA_STATUS(NO_RESOURCES), NULL, 0);
	join_free(m, j);
}

/* ---- what the SA answers --------------------------------------------------- */

static void name(struct wire_member *m, const struct vib_gid *mgid)
{
	LIST_REMOVE(m, nameless);
	m->mgid = *mgid;
	RB_INSERT(wire_member_tree, &m->gsi->wire_members, m);
}

/* Does it answer what was asked: the MGID, and a partition that the vport has? */
static bool is_plausible(const struct wire_member *m, const struct mcm_record *r)
{
	if (!gid_is_multicast(&r->group.mgid) || r->group.mlid < MLID_FIRST)
		return false;
	return is_nameless(m) ? !find(m->gsi, &r->group.mgid, &m->gid)
			      : gids_equal(&r->group.mgid, &m->mgid);
}

static void has_joined(struct wire_member *m, const uint8_t *mad)
{
	struct join *j = m->for_join ? TAILQ_FIRST(&m->joins) : NULL;
	struct mcm_record r;
	struct group *group;

	mcm_record_get(&r, mad + SA_DATA);
	if (!is_plausible(m, &r)) {
		if (j) {
			answer(j, SA_STATUS(NO_RESOURCES), NULL, 0);
			join_free(m, j);
		}
		return;
	}
	if (is_nameless(m))
		name(m, &r.group.mgid);
	m->have |= m->asked;
	group = adopt(m->gsi, &r, j ? creator_of(j) : NULL);
	if (j && group && pkey_accepting(j->port->attr.pkeys, group->attr.pkey) < 0) {
		answer(j, SA_STATUS(REQ_INVALID), NULL, 0);
		join_free(m, j);
	} else if (j) {
		admit(m, group);
	}
	/* A group of nobody is none of ours. */
	group = group_find(m->gsi, &m->mgid);
	if (group && LIST_EMPTY(&group->members))
		group_destroy(m->gsi, group, NULL);
}

/* A vport's, which had joined by what @m is for. */
static struct member *a_member(const struct wire_member *m)
{
	struct group *group = group_find(m->gsi, &m->mgid);
	struct member *member;

	if (!group)
		return NULL;
	LIST_FOREACH(member, &group->members, of_group)
	if (gids_equal(&member->gid, &m->gid))
		return member;
	return NULL;
}

/* What vports with that GID had before, they do not have any more. */
static void is_refused(struct wire_member *m, uint16_t status)
{
	struct join *j = m->for_join ? TAILQ_FIRST(&m->joins) : NULL;
	struct gsi *gsi = m->gsi;
	struct member *member;

	if (j) {
		answer(j, status, NULL, 0);
		join_free(m, j);
	}
	if (m->by_join)
		return;
	while ((member = a_member(m))) {
		gsi->ops->forgotten(gsi->arg, member->port->owner);
		member_leave(member, member->join_state);
	}
}

static void nobody_answers(struct wire_member *m)
{
	struct gsi *gsi = m->gsi;

	/* Its vport asks again, if it still wants to. */
	if (m->for_join && !TAILQ_EMPTY(&m->joins))
		join_free(m, TAILQ_FIRST(&m->joins));
	timer_set(&gsi->timers, &m->retry, gsi_now(gsi) + RETRY_NS);
}

static void on_answer(void *arg, const uint8_t *mad, size_t length)
{
	struct wire_member *m = arg;

	(void)length;
	m->query = NULL;
	m->busy = true;
	if (!mad)
		nobody_answers(m);
	else if (m->leaves)
		m->have &= (uint8_t)~m->asked; /* what it refuses it has not */
	else if (mad_status(mad))
		is_refused(m, mad_status(mad));
	else
		has_joined(m, mad);
	m->for_join = false;
	m->busy = false;
	step(m);
}

/* ---- asking ---------------------------------------------------------------- */

static void ask(struct wire_member *m, uint8_t method, uint64_t mask,
		const struct mcm_record *record, uint8_t bits)
{
	struct mcm_record r = *record;
	uint8_t mad[VIB_MAD_BYTES];

	r.port_gid = m->gid;
	r.join_state = bits;
	r.proxy_join = false;
	sa_request_begin(mad, method, UMAD_SA_ATTR_MCMEMBER_REC, mask | IDENTITY);
	mcm_record_put(mad + SA_DATA, &r);
	m->asked = bits;
	m->leaves = method == UMAD_SA_METHOD_DELETE;
	m->by_join = false;
	m->query = sa_ask(m->gsi, mad, on_answer, m);
	if (!m->query)
		timer_set(&m->gsi->timers, &m->retry, gsi_now(m->gsi) + RETRY_NS);
}

/* As the vport has said it, but for who it is: selectors too. */
static void ask_for_join(struct wire_member *m, const struct join *j)
{
	uint64_t mask =
		be64_at(j->packet.mad + offsetof(struct umad_sa_packet, comp_mask));
	uint8_t mad[VIB_MAD_BYTES];

	sa_request_begin(mad, UMAD_METHOD_SET, UMAD_SA_ATTR_MCMEMBER_REC,
			 (mask | IDENTITY) & ~(uint64_t)MASK(PROXY_JOIN));
	memcpy(mad + SA_DATA, j->packet.mad + SA_DATA, MCM_RECORD_SIZE);
	memcpy(mad + SA_DATA + offsetof(struct umad_sa_mcmember_record, portgid), &m->gid,
	       sizeof(m->gid));
	mad[SA_DATA + offsetof(struct umad_sa_mcmember_record, proxy_join)] = 0;
	m->asked = j->record.join_state;
	m->leaves = false;
	m->by_join = true;
	m->for_join = true;
	/* Asked twice, it would make two. */
	m->query = is_nameless(m) ? sa_ask_once(m->gsi, mad, on_answer, m)
				  : sa_ask(m->gsi, mad, on_answer, m);
	if (!m->query) {
		m->for_join = false;
		timer_set(&m->gsi->timers, &m->retry, gsi_now(m->gsi) + RETRY_NS);
	}
}

/* Answer joins for which the SA need not be asked, and ask for the next one. true: it is
 * asked.
 */
static bool serve_joins(struct wire_member *m)
{
	struct group *group;
	struct join *j;

	while ((j = TAILQ_FIRST(&m->joins))) {
		group = is_nameless(m) ? NULL : group_find(m->gsi, &m->mgid);
		if (!group || j->record.join_state & ~m->have) {
			ask_for_join(m, j);
			return true;
		}
		if (mcm_may_join(j->port, &j->packet, &j->record, group)) {
			admit(m, group);
		} else {
			answer(j, SA_STATUS(REQ_INVALID), NULL, 0);
			join_free(m, j);
		}
	}
	return false;
}

static void tell(struct wire_member *m)
{
	const struct group *group = group_find(m->gsi, &m->mgid);
	uint8_t want = wanted(m), less = m->have & (uint8_t)~want,
		more = want & (uint8_t)~m->have;
	struct mcm_record r = { .group.mgid = m->mgid };

	if (group)
		r.group = group->attr;
	if (less)
		ask(m, UMAD_SA_METHOD_DELETE, IDENTITY, &r, less);
	else if (more && is_settled(m))
		ask(m, UMAD_METHOD_SET, CREATION, &r, more);
}

/* Bring the SA to what vports want; without anything to do or to know it ends. */
static void step(struct wire_member *m)
{
	if (m->busy || m->query || m->retry.deadline)
		return;
	m->busy = true;
	if (!TAILQ_EMPTY(&m->joins) && !is_settled(m)) {
		m->busy = false;
		return;
	}
	if (!serve_joins(m) && !is_nameless(m))
		tell(m);
	m->busy = false;
	if (!m->query && !m->retry.deadline && TAILQ_EMPTY(&m->joins) && !m->have &&
	    (is_nameless(m) || !wanted(m)))
		member_end(m);
}

/* ---- vports ---------------------------------------------------------------- */

static bool is_repeated(const struct wire_member *m, const struct sa_request *request)
{
	const struct join *j;

	TAILQ_FOREACH(j, &m->joins, entry)
	if (j->port == request->port &&
	    mad_tid(j->packet.mad) == mad_tid(request->packet->mad))
		return true;
	return false;
}

static struct wire_member *find_nameless(struct gsi *gsi,
					 const struct sa_request *request)
{
	struct wire_member *m;

	LIST_FOREACH(m, &gsi->nameless_members, nameless)
	if (is_repeated(m, request))
		return m;
	return NULL;
}

uint16_t wire_group_join(const struct sa_request *request,
			 const struct mcm_record *record)
{
	struct gsi_port *port = request->port;
	struct gsi *gsi = port->gsi;
	struct vib_gid gid = record->port_gid;
	struct wire_member *m;
	struct join *j;

	m = gid_is_zero(&record->group.mgid) ? find_nameless(gsi, request)
					     : find(gsi, &record->group.mgid, &gid);
	if (m && is_repeated(m, request))
		return 0;
	if (port->num_proxied >= MAX_PROXIED || port->num_members >= MAX_MEMBERSHIPS)
		return SA_STATUS(NO_RESOURCES);
	j = calloc(1, sizeof(*j));
	if (!j)
		return SA_STATUS(NO_RESOURCES);
	j->port = port;
	j->packet = *request->packet;
	j->record = *record;
	if (creator_of(j) && port->num_created >= MAX_GROUPS &&
	    !group_find(gsi, &record->group.mgid)) {
		free(j);
		return SA_STATUS(NO_RESOURCES);
	}
	if (!m)
		m = member_new(gsi, &record->group.mgid, &gid);
	if (!m) {
		free(j);
		return SA_STATUS(NO_RESOURCES);
	}
	TAILQ_INSERT_TAIL(&m->joins, j, entry);
	port->num_proxied++;
	step(m);
	return 0;
}

/* The one behind @key, whoever has ended since. */
static struct wire_member *next_of(struct gsi *gsi, const struct wire_member *key)
{
	struct wire_member *m =
		RB_NFIND(wire_member_tree, &gsi->wire_members, (struct wire_member *)key);

	return m && compare(m, key) == 0 ? RB_NEXT(wire_member_tree, NULL, m) : m;
}

void wire_groups_changed(struct gsi *gsi, const struct vib_gid *mgid)
{
	struct wire_member key = { .mgid = *mgid }, *m = next_of(gsi, &key);

	for (; m && gids_equal(&m->mgid, mgid); m = next_of(gsi, &key)) {
		key.gid = m->gid;
		step(m);
	}
}

/* Call @f with each; what ends meanwhile is passed over. */
static void for_each(struct gsi *gsi, void (*f)(struct wire_member *m))
{
	struct wire_member key = { 0 }, *m, *next;

	for (m = RB_MIN(wire_member_tree, &gsi->wire_members); m;
	     m = next_of(gsi, &key)) {
		key.mgid = m->mgid;
		key.gid = m->gid;
		f(m);
	}
	/* These end by themselves alone. */
	for (m = LIST_FIRST(&gsi->nameless_members); m; m = next) {
		next = LIST_NEXT(m, nameless);
		f(m);
	}
}

void wire_groups_go_on(struct gsi *gsi)
{
	for_each(gsi, step);
}

static void purge(struct wire_member *m, const struct gsi_port *port)
{
	struct join *j, *next;

	for (j = TAILQ_FIRST(&m->joins); j; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (j->port != port)
			continue;
		/* Its answer tells what the SA has; then nobody wants it. */
		if (m->for_join && j == TAILQ_FIRST(&m->joins))
			m->for_join = false;
		join_free(m, j);
	}
}

void wire_joins_purge(struct gsi_port *port)
{
	struct gsi *gsi = port->gsi;
	struct wire_member *m;

	RB_FOREACH(m, wire_member_tree, &gsi->wire_members)
	purge(m, port);
	LIST_FOREACH(m, &gsi->nameless_members, nameless)
	purge(m, port);
	wire_groups_go_on(gsi);
}

/* What is on its way may have been answered by one that has forgotten it. */
static void replay(struct wire_member *m)
{
	sa_query_cancel(m->query);
	m->query = NULL;
	m->for_join = false;
	m->have = 0;
	timer_cancel(&m->gsi->timers, &m->retry);
	step(m);
}

void wire_groups_replay(struct gsi *gsi)
{
	for_each(gsi, replay);
}

void wire_groups_end(struct gsi *gsi)
{
	for_each(gsi, member_end);
}

unsigned int gsi_wire_memberships(const struct gsi *gsi)
{
	struct gsi *g = (struct gsi *)gsi;
	struct wire_member *m;
	unsigned int n = 0;

	RB_FOREACH(m, wire_member_tree, &g->wire_members)
	n += m->have != 0;
	return n;
}
