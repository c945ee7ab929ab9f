// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/alias.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include <infiniband/umad_sa.h>

#include "gsi/mad.h"
#include "gsi/ports.h"
#include "gsi/sa.h"
#include "gsi/sa_client.h"
#include "gsi/wire_groups.h"

#define GUIDS         8 /* of a block */
#define NS_PER_S      1000000000ull
#define BACKOFF_MIN_S 1
#define BACKOFF_MAX_S 60
/* Vports of before a restart of ours are all back by then. */
#define TIDY_S        60

/* Offsets in GUIDInfoRecord, §15.2.5.18, behind the SA's header; and its components. */
enum {
	GIR_LID = 56,
	GIR_BLOCK = 58,
	GIR_GUIDS = 64,
};
#define GIR_HAS_LID   (1u << 0)
#define GIR_HAS_BLOCK (1u << 1)
#define GIR_GUID_BIT  4 /* of the first one, followed by the others' */

struct alias_block {
	struct gsi *gsi;
	uint8_t number;
	struct gsi_port *ports[GUIDS]; /* whose GUIDs they are to be */
	uint64_t guids[GUIDS];         /* which the SA has there, as far as we know */
	uint8_t unwanted;              /* a mask of those that are to be taken off */
	struct sa_query *query;
	uint8_t asked; /* a mask: what it is about */
	bool deletes;
	uint8_t deleted; /* a mask: the one that was to be taken off last */
	struct timer retry;
	unsigned int backoff_s;
};

static void step(struct alias_block *b);
static void find_places(struct gsi *gsi);

struct vib_gid alias_gid(const struct gsi_port *port)
{
	return port->alias == ALIAS_SHARED ? port->gsi->wire.gid : port->attr.gids[0];
}

static uint64_t guid_of(const struct gsi_port *port)
{
	return be64toh(port->attr.port.port_guid);
}

static void settle(struct gsi_port *port, enum alias_state state)
{
	static const enum gsi_addressed how[] = {
		[ALIAS_NONE] = GSI_ADDRESSED_NOT_YET,
		[ALIAS_WAITS] = GSI_ADDRESSED_NOT_YET,
		[ALIAS_AGAIN] = GSI_ADDRESSED_ALIAS,
		[ALIAS_CONFIRMED] = GSI_ADDRESSED_ALIAS,
		[ALIAS_SHARED] = GSI_ADDRESSED_SHARED,
		[ALIAS_REFUSED] = GSI_ADDRESSED_NEVER,
	};
	struct gsi *gsi = port->gsi;
	bool news = how[port->alias] != how[state] || port->alias == ALIAS_NONE;

	port->alias = state;
	if (news)
		gsi->ops->addressed(gsi->arg, port->owner, how[state]);
	if (alias_is_settled(port))
		wire_groups_go_on(gsi);
}

/* There is no place for it. */
static void go_without(struct gsi_port *port)
{
	settle(port, port->gsi->wire.addressing == GSI_ADDRESSING_ALIAS ? ALIAS_REFUSED
									: ALIAS_SHARED);
}

/* ---- blocks ---------------------------------------------------------------- */

static void later(struct alias_block *b)
{
	b->backoff_s = !b->backoff_s                      ? BACKOFF_MIN_S
		       : b->backoff_s * 2 > BACKOFF_MAX_S ? BACKOFF_MAX_S
							  : b->backoff_s * 2;
	timer_set(&b->gsi->timers, &b->retry, gsi_now(b->gsi) + b->backoff_s * NS_PER_S);
}

static void on_retry(struct timer *timer, uint64_t now)
{
	(void)now;
	step(caa_container_of(timer, struct alias_block, retry));
}

/* How many GUIDs of @b there are, of which the very first is the port's own. */
static unsigned int size_of(const struct alias_block *b)
{
	unsigned int before = b->number * (unsigned int)GUIDS;
	unsigned int all = b->gsi->wire.guids;

	return all - before < GUIDS ? all - before : GUIDS;
}

static bool is_fixed(const struct alias_block *b, unsigned int i)
{
	return b->number == 0 && i == 0;
}

static void ask(struct alias_block *b, uint8_t method, uint8_t which,
		sa_answered *answered)
{
	uint64_t mask = GIR_HAS_LID | GIR_HAS_BLOCK | (uint64_t)which << GIR_GUID_BIT;
	uint8_t mad[VIB_MAD_BYTES];

	sa_request_begin(mad, method, UMAD_SA_ATTR_GUID_INFO_REC, mask);
	put_be16(mad + GIR_LID, b->gsi->wire.lid);
	mad[GIR_BLOCK] = b->number;
	for (unsigned int i = 0; method == UMAD_METHOD_SET && i < GUIDS; i++)
		if (which >> i & 1)
			put_be64(mad + GIR_GUIDS + 8 * i, guid_of(b->ports[i]));
	b->asked = which;
	b->query = sa_ask(b->gsi, mad, answered, b);
	if (!b->query)
		later(b);
}

/* §13.4.7: the class, the method or the attribute is not known. */
static bool is_unsupported(uint16_t status)
{
	return status == UMAD_STATUS_BAD_VERSION ||
	       status == UMAD_STATUS_METHOD_NOT_SUPPORTED ||
	       status == UMAD_STATUS_ATTR_NOT_SUPPORTED;
}

static bool has_no_room(uint16_t status)
{
	return status == SA_STATUS(NO_RESOURCES) || status == SA_STATUS(NO_RECORDS);
}

static void leave(struct gsi_port *port)
{
	struct alias_block *b;

	if (port->alias_slot < 0)
		return;
	b = &port->gsi->aliases.blocks[port->alias_slot / GUIDS];
	b->ports[port->alias_slot % GUIDS] = NULL;
	port->alias_slot = -1;
}

/* Those asked for have no place there. */
static void turn_away(struct alias_block *b)
{
	for (unsigned int i = 0; i < GUIDS; i++) {
		struct gsi_port *port = b->asked >> i & 1 ? b->ports[i] : NULL;

		if (!port)
			continue;
		leave(port);
		go_without(port);
	}
}

/* The SA knows of no alias GUIDs. */
static void give_up(struct gsi *gsi)
{
	struct gsi_port *port;

	gsi->aliases.unsupported = true;
	LIST_FOREACH(port, &gsi->ports, entry)
	{
		leave(port);
		go_without(port);
	}
}

/* It is asked for again, later. */
static void decline(struct alias_block *b, struct gsi_port *port)
{
	settle(port, ALIAS_WAITS);
	b->gsi->ops->addressed(b->gsi->arg, port->owner, GSI_ADDRESSED_DENIED);
}

static void decline_all(struct alias_block *b)
{
	for (unsigned int i = 0; i < GUIDS; i++)
		if (b->asked >> i & 1 && b->ports[i])
			decline(b, b->ports[i]);
	later(b);
}

static void take_confirmed(struct alias_block *b, const uint8_t *mad)
{
	bool declined = false;

	for (unsigned int i = 0; i < GUIDS; i++) {
		struct gsi_port *port = b->ports[i];

		if (!(b->asked >> i & 1))
			continue;
		b->guids[i] = be64_at(mad + GIR_GUIDS + 8 * i);
		/* One that came there meanwhile has not been asked for. */
		if (!port || port->alias == ALIAS_CONFIRMED)
			continue;
		if (b->guids[i] == guid_of(port)) {
			settle(port, ALIAS_CONFIRMED);
			continue;
		}
		declined = true;
		decline(b, port);
	}
	if (declined)
		later(b);
	else
		b->backoff_s = 0;
}

static void take_deleted(struct alias_block *b, uint16_t status)
{
	/* OpenSM has it so while its groups have a member with that GUID. */
	if (status == SA_STATUS(REQ_DENIED)) {
		later(b);
		return;
	}
	b->unwanted &= (uint8_t)~b->asked;
	for (unsigned int i = 0; i < GUIDS; i++)
		if (b->asked >> i & 1)
			b->guids[i] = 0;
	b->backoff_s = 0;
	find_places(b->gsi);
}

static void on_answer(void *arg, const uint8_t *mad, size_t length)
{
	struct alias_block *b = arg;
	struct gsi *gsi = b->gsi;
	uint16_t status = mad ? mad_status(mad) : 0;

	(void)length;
	b->query = NULL;
	if (!mad)
		later(b);
	else if (b->deletes)
		take_deleted(b, status);
	else if (is_unsupported(status))
		give_up(gsi);
	else if (has_no_room(status))
		turn_away(b);
	else if (status)
		decline_all(b);
	else
		take_confirmed(b, mad);
	step(b);
}

/* Is a place of @b in the hands of a port that has to be asked for? */
static uint8_t to_be_asked(const struct alias_block *b)
{
	uint8_t which = 0;

	for (unsigned int i = 0; i < GUIDS; i++)
		if (b->ports[i] && b->ports[i]->alias != ALIAS_CONFIRMED)
			which |= (uint8_t)(1u << i);
	return which;
}

/*
 * One that is to be taken off, or 0: each in its turn and alone, as the SA may keep one
 * that it would not keep others for.
 */
static uint8_t to_be_deleted(const struct alias_block *b)
{
	unsigned int done = b->deleted ? 2u * b->deleted - 1 : 0;
	unsigned int left = b->unwanted & ~done;

	if (!left)
		left = b->unwanted;
	return (uint8_t)(left & (~left + 1));
}

/* In turns, so that one that is declined for ever does not keep the others. */
static void step(struct alias_block *b)
{
	uint8_t which, unwanted;

	if (b->query || b->retry.deadline)
		return;
	which = to_be_asked(b);
	unwanted = to_be_deleted(b);
	b->deletes = unwanted && (!which || !b->deletes);
	if (b->deletes) {
		b->deleted = unwanted;
		ask(b, UMAD_SA_METHOD_DELETE, unwanted, on_answer);
	} else if (which) {
		ask(b, UMAD_METHOD_SET, which, on_answer);
	}
}

/* ---- places ---------------------------------------------------------------- */

static void occupy(struct alias_block *b, unsigned int i, struct gsi_port *port)
{
	b->ports[i] = port;
	b->unwanted &= (uint8_t) ~(1u << i);
	port->alias_slot = (int)(b->number * (unsigned int)GUIDS + i);
	step(b);
}

static bool is_asked_about(const struct alias_block *b, unsigned int i)
{
	return b->query && b->asked >> i & 1;
}

/* Where is @guid, or, with 0, where nothing? */
static bool find_place(const struct gsi *gsi, uint64_t guid, struct alias_block **block,
		       unsigned int *at)
{
	for (unsigned int n = 0; n < gsi->aliases.num_blocks; n++) {
		struct alias_block *b = &gsi->aliases.blocks[n];

		for (unsigned int i = 0; i < size_of(b); i++)
			if (!is_fixed(b, i) && !b->ports[i] && !is_asked_about(b, i) &&
			    b->guids[i] == guid) {
				*block = b;
				*at = i;
				return true;
			}
	}
	return false;
}

/* One whose GUID nobody has any more, and which is perhaps about to be deleted. */
static bool find_leftover(const struct gsi *gsi, struct alias_block **block,
			  unsigned int *at)
{
	for (unsigned int n = 0; n < gsi->aliases.num_blocks; n++) {
		struct alias_block *b = &gsi->aliases.blocks[n];

		for (unsigned int i = 0; i < size_of(b); i++)
			if (!is_fixed(b, i) && !b->ports[i] && !is_asked_about(b, i)) {
				*block = b;
				*at = i;
				return true;
			}
	}
	return false;
}

static void place(struct gsi_port *port)
{
	struct gsi *gsi = port->gsi;
	struct aliases *a = &gsi->aliases;
	struct alias_block *b;
	unsigned int i;

	if (gsi->wire.addressing == GSI_ADDRESSING_SHARED) {
		settle(port, ALIAS_SHARED);
		return;
	}
	if (a->unsupported) {
		go_without(port);
		return;
	}
	if (port->alias != ALIAS_AGAIN)
		settle(port, ALIAS_WAITS);
	if (a->known < a->num_blocks)
		return; /* find_places() comes to it */
	if (find_place(gsi, guid_of(port), &b, &i) || find_place(gsi, 0, &b, &i) ||
	    find_leftover(gsi, &b, &i))
		occupy(b, i, port);
	else
		go_without(port);
}

/* Who waits for a place, or can have one now. */
static void find_places(struct gsi *gsi)
{
	struct gsi_port *port;

	LIST_FOREACH(port, &gsi->ports, entry)
	if (port->alias_slot < 0 && port->alias != ALIAS_SHARED)
		place(port);
}

/* ---- what the SA has from before ------------------------------------------- */

static void look(struct gsi *gsi);

static void on_retry_look(struct timer *timer, uint64_t now)
{
	struct alias_block *b = caa_container_of(timer, struct alias_block, retry);

	(void)now;
	look(b->gsi);
}

static void on_table(void *arg, const uint8_t *mad, size_t length)
{
	struct alias_block *b = arg;
	struct gsi *gsi = b->gsi;

	(void)length;
	b->query = NULL;
	if (!mad) {
		later(b);
		return;
	}
	if (is_unsupported(mad_status(mad))) {
		give_up(gsi);
		return;
	}
	/* Without a record there are none. */
	for (unsigned int i = 0; i < GUIDS && !mad_status(mad); i++)
		b->guids[i] = be64_at(mad + GIR_GUIDS + 8 * i);
	b->backoff_s = 0;
	b->retry.expired = on_retry;
	gsi->aliases.known++;
	look(gsi);
}

/* Block after block; then places can be given. */
static void look(struct gsi *gsi)
{
	struct aliases *a = &gsi->aliases;

	if (a->known < a->num_blocks)
		ask(&a->blocks[a->known], UMAD_METHOD_GET, 0, on_table);
	else
		find_places(gsi);
}

/* Of those that nobody has taken. */
static void tidy(struct timer *timer, uint64_t now)
{
	struct aliases *a = caa_container_of(timer, struct aliases, tidy);

	(void)now;
	for (unsigned int n = 0; n < a->known; n++) {
		struct alias_block *b = &a->blocks[n];

		for (unsigned int i = 0; i < size_of(b); i++)
			if (!is_fixed(b, i) && !b->ports[i] && b->guids[i])
				b->unwanted |= (uint8_t)(1u << i);
		step(b);
	}
}

/* ---- ports and the wire ---------------------------------------------------- */

void alias_add(struct gsi_port *port)
{
	port->alias_slot = -1;
	if (gsi_is_proxy(port->gsi))
		place(port);
}

void alias_remove(struct gsi_port *port)
{
	int slot = port->alias_slot;
	struct alias_block *b;

	leave(port);
	if (slot < 0)
		return;
	b = &port->gsi->aliases.blocks[slot / GUIDS];
	/* Also one that may be there since it was asked for last. */
	b->unwanted |= (uint8_t)(1u << slot % GUIDS);
	step(b);
}

static void clear(struct gsi *gsi)
{
	struct aliases *a = &gsi->aliases;

	for (unsigned int n = 0; n < a->num_blocks; n++) {
		sa_query_cancel(a->blocks[n].query);
		timer_cancel(&gsi->timers, &a->blocks[n].retry);
	}
	timer_cancel(&gsi->timers, &a->tidy);
	free(a->blocks);
	*a = (struct aliases){ 0 };
}

void aliases_end(struct gsi *gsi)
{
	struct gsi_port *port;

	clear(gsi);
	LIST_FOREACH(port, &gsi->ports, entry)
	{
		port->alias_slot = -1;
		settle(port, ALIAS_WAITS);
	}
}

/*
 * Of ports that were confirmed the link stays up meanwhile; and who shares the port's GID
 * goes on with that, as its guest is known by it.
 */
void aliases_begin(struct gsi *gsi)
{
	struct aliases *a = &gsi->aliases;
	unsigned int blocks = (gsi->wire.guids + GUIDS - 1) / GUIDS;
	struct gsi_port *port;

	clear(gsi);
	if (gsi->wire.addressing == GSI_ADDRESSING_SHARED)
		blocks = 0;
	if (blocks > MAX_ALIAS_BLOCKS)
		blocks = MAX_ALIAS_BLOCKS;
	a->blocks = calloc(blocks + 1, sizeof(*a->blocks));
	a->num_blocks = a->blocks ? blocks : 0;
	for (unsigned int n = 0; n < a->num_blocks; n++) {
		a->blocks[n].gsi = gsi;
		a->blocks[n].number = (uint8_t)n;
		a->blocks[n].retry.expired = on_retry_look;
	}
	LIST_FOREACH(port, &gsi->ports, entry)
	{
		port->alias_slot = -1;
		if (port->alias == ALIAS_SHARED)
			continue;
		settle(port, port->alias == ALIAS_CONFIRMED || port->alias == ALIAS_AGAIN
				     ? ALIAS_AGAIN
				     : ALIAS_WAITS);
	}
	a->tidy.expired = tidy;
	if (a->num_blocks)
		timer_set(&gsi->timers, &a->tidy, gsi_now(gsi) + TIDY_S * NS_PER_S);
	look(gsi);
}
