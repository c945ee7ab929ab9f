// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/group_changes.h"

#include <stdlib.h>

#include <infiniband/umad_sm.h>

#include <urcu/compiler.h>

#include "gsi/groups.h"
#include "gsi/notice.h"
#include "gsi/ports.h"

#define INTERVAL_NS 1000000000ull

struct change {
	TAILQ_ENTRY(change) entry;
	struct vib_gid mgid;
	uint16_t pkey;
};

/* What a port has changed, from its first change on until an interval ends in which
 * nothing waits.
 */
struct group_changes {
	LIST_ENTRY(group_changes) entry;
	struct gsi *gsi;
	struct gsi_port *port; /* NULL: it has gone */
	struct timer interval;
	unsigned int told; /* in this one; all that may be while something waits */
	TAILQ_HEAD(, change) waiting; /* the latest last */
	unsigned int num_waiting;
};

/* Another port may have made it anew in another partition, and that be known already:
 * then it is said again, as the last thing.
 */
static void tell(struct gsi *gsi, const struct vib_gid *mgid, uint16_t pkey)
{
	const struct group *group = group_find(gsi, mgid);

	if (!group || group->attr.pkey != pkey)
		notice_group(gsi, UMAD_SM_MGID_DESTROYED_TRAP, mgid, pkey);
	if (group)
		notice_group(gsi, UMAD_SM_MGID_CREATED_TRAP, mgid, group->attr.pkey);
}

static void forget(struct group_changes *changes, struct change *c)
{
	TAILQ_REMOVE(&changes->waiting, c, entry);
	changes->num_waiting--;
	free(c);
}

static void end(struct group_changes *changes)
{
	while (!TAILQ_EMPTY(&changes->waiting))
		forget(changes, TAILQ_FIRST(&changes->waiting));
	timer_cancel(&changes->gsi->timers, &changes->interval);
	if (changes->port)
		changes->port->group_changes = NULL;
	LIST_REMOVE(changes, entry);
	free(changes);
}

static void on_interval(struct timer *timer, uint64_t now)
{
	struct group_changes *changes =
		caa_container_of(timer, struct group_changes, interval);
	struct change *c;

	if (TAILQ_EMPTY(&changes->waiting)) {
		end(changes);
		return;
	}
	timer_set(&changes->gsi->timers, timer, now + INTERVAL_NS);
	for (changes->told = 0;
	     changes->told < MAX_GROUP_CHANGES && (c = TAILQ_FIRST(&changes->waiting));
	     changes->told++) {
		tell(changes->gsi, &c->mgid, c->pkey);
		forget(changes, c);
	}
}

/* NULL: there is no memory. */
static struct group_changes *changes_of(struct gsi_port *port)
{
	struct group_changes *changes = port->group_changes;

	if (changes)
		return changes;
	changes = calloc(1, sizeof(*changes));
	if (!changes)
		return NULL;
	changes->gsi = port->gsi;
	changes->port = port;
	changes->interval.expired = on_interval;
	TAILQ_INIT(&changes->waiting);
	timer_set(&port->gsi->timers, &changes->interval,
		  gsi_now(port->gsi) + INTERVAL_NS);
	LIST_INSERT_HEAD(&port->gsi->group_changes, changes, entry);
	port->group_changes = changes;
	return changes;
}

/* The one that waits already, or a new one, that is in the queue no more or not yet. */
static struct change *take_out(struct group_changes *changes, const struct vib_gid *mgid,
			       uint16_t pkey)
{
	struct change *c;

	TAILQ_FOREACH(c, &changes->waiting, entry)
	if (gids_equal(&c->mgid, mgid) && c->pkey == pkey) {
		TAILQ_REMOVE(&changes->waiting, c, entry);
		changes->num_waiting--;
		return c;
	}
	c = malloc(sizeof(*c));
	if (c)
		*c = (struct change){ .mgid = *mgid, .pkey = pkey };
	return c;
}

/* Behind what changed before: of a group that was of another partition then, too, this is
 * the last that is heard. false: there is no memory.
 */
static bool wait_in_line(struct group_changes *changes, const struct vib_gid *mgid,
			 uint16_t pkey)
{
	struct change *c = take_out(changes, mgid, pkey);

	if (!c)
		return false;
	TAILQ_INSERT_TAIL(&changes->waiting, c, entry);
	changes->num_waiting++;
	return true;
}

/* Has @port had its share? It has one more of it else. */
static bool has_had_its_share(struct group_changes *changes)
{
	if (changes->told == MAX_GROUP_CHANGES)
		return true;
	changes->told++;
	return false;
}

void group_changed(struct gsi *gsi, struct gsi_port *port, const struct vib_gid *mgid,
		   uint16_t pkey)
{
	struct group_changes *changes = port ? changes_of(port) : NULL;

	if (!changes || !has_had_its_share(changes) || !wait_in_line(changes, mgid, pkey))
		tell(gsi, mgid, pkey);
}

unsigned int group_changes_waiting(const struct gsi_port *port)
{
	return port->group_changes ? port->group_changes->num_waiting : 0;
}

void group_changes_leave(struct gsi_port *port)
{
	if (port->group_changes)
		port->group_changes->port = NULL;
	port->group_changes = NULL;
}

void group_changes_end(struct gsi *gsi)
{
	while (!LIST_EMPTY(&gsi->group_changes))
		end(LIST_FIRST(&gsi->group_changes));
}
