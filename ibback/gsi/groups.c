// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/groups.h"

#include <stdlib.h>

#include "gsi/be.h"
#include "gsi/group_changes.h"
#include "gsi/ports.h"
#include "gsi/remotes.h"
#include "gsi/wire_groups.h"

static int compare_groups(const struct group *a, const struct group *b)
{
	return memcmp(&a->attr.mgid, &b->attr.mgid, sizeof(a->attr.mgid));
}

RB_PROTOTYPE(group_tree, group, entry, compare_groups)
RB_GENERATE(group_tree, group, entry, compare_groups)

struct group *group_find(struct gsi *gsi, const struct vib_gid *mgid)
{
	const struct group key = { .attr.mgid = *mgid };

	return RB_FIND(group_tree, &gsi->groups, (struct group *)&key);
}

struct group *group_first(struct gsi *gsi)
{
	return RB_MIN(group_tree, &gsi->groups);
}

struct group *group_next(struct group *group)
{
	return RB_NEXT(group_tree, NULL, group);
}

/* The lowest MLID that is free, and taken from now on; 0: there is none. */
static uint16_t take_mlid(struct gsi *gsi)
{
	for (unsigned int i = 0; i < MLIDS; i++) {
		if (gsi->mlids[i / 8] >> i % 8 & 1)
			continue;
		gsi->mlids[i / 8] |= (uint8_t)(1u << i % 8);
		return (uint16_t)(MLID_FIRST + i);
	}
	return 0;
}

static void free_mlid(struct gsi *gsi, uint16_t mlid)
{
	unsigned int i = mlid - MLID_FIRST;

	gsi->mlids[i / 8] &= (uint8_t) ~(1u << i % 8);
}

/* ---- on the wire ----------------------------------------------------------- */

/* To the wire this host is one member, of the bits that any of its vports has. */
static void update_wire(struct gsi *gsi, struct group *group)
{
	uint8_t join_state = 0;

	if (group->foreign) {
		wire_groups_changed(gsi, &group->attr.mgid);
		return;
	}
	if (gsi->has_wire && wire_has_pkey(gsi, group->attr.pkey))
		for (unsigned int i = 0; i < MCM_JOIN_STATES; i++)
			if (group->joined[i])
				join_state |= (uint8_t)(1u << i);
	if (join_state == group->on_wire)
		return;
	if (gsi->ops->wire_join(gsi->arg, &group->attr.mgid, join_state))
		group->on_wire = join_state;
}

void groups_wire_changed(struct gsi *gsi)
{
	for (struct group *g = group_first(gsi); g; g = group_next(g))
		update_wire(gsi, g);
}

/* ---- groups ---------------------------------------------------------------- */

/*
 * Is there room for @more memberships of @port? What it has changed and nobody was told
 * of yet has places, too, or a loop would have ever more of it wait.
 */
static bool may_have(const struct gsi_port *port, unsigned int more)
{
	return port->num_members + group_changes_waiting(port) + more <= MAX_MEMBERSHIPS;
}

static void charge(struct group *group, struct gsi_port *creator)
{
	group->creator = creator;
	if (!creator)
		return;
	LIST_INSERT_HEAD(&creator->created, group, of_creator);
	creator->num_created++;
}

static void uncharge(struct group *group)
{
	if (!group->creator)
		return;
	LIST_REMOVE(group, of_creator);
	group->creator->num_created--;
	group->creator = NULL;
}

static void insert(struct gsi *gsi, struct group *group)
{
	LIST_INIT(&group->members);
	RB_INSERT(group_tree, &gsi->groups, group);
	gsi->num_groups++;
	gsi->ops->group(gsi->arg, &group->attr.mgid, group->attr.pkey);
}

struct group *group_create(struct gsi *gsi, const struct mcm_group *attr,
			   struct gsi_port *creator)
{
	struct group *group;

	/* Who makes it then joins it; and that it was made may have to wait. */
	if (creator && (creator->num_created >= MAX_GROUPS || !may_have(creator, 2)))
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->attr = *attr;
	group->attr.mlid = take_mlid(gsi);
	if (!group->attr.mlid) {
		free(group);
		return NULL;
	}
	charge(group, creator);
	insert(gsi, group);
	group_changed(gsi, creator, &group->attr.mgid, group->attr.pkey);
	return group;
}

/* The SA itself tells subscribers. */
struct group *group_create_foreign(struct gsi *gsi, const struct mcm_group *attr,
				   struct gsi_port *creator)
{
	struct group *group;

	if (creator && creator->num_created >= MAX_GROUPS)
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->attr = *attr;
	group->foreign = true;
	charge(group, creator);
	insert(gsi, group);
	return group;
}

static void member_free(struct member *member)
{
	LIST_REMOVE(member, of_group);
	LIST_REMOVE(member, of_port);
	member->port->num_members--;
	member->port->gsi->num_members--;
	free(member);
}

void group_destroy(struct gsi *gsi, struct group *group, struct gsi_port *by)
{
	while (!LIST_EMPTY(&group->members))
		member_free(LIST_FIRST(&group->members));
	memset(group->joined, 0, sizeof(group->joined));
	update_wire(gsi, group);
	uncharge(group);
	RB_REMOVE(group_tree, &gsi->groups, group);
	gsi->num_groups--;
	gsi->ops->group(gsi->arg, &group->attr.mgid, 0);
	if (!group->foreign) {
		free_mlid(gsi, group->attr.mlid);
		group_changed(gsi, by, &group->attr.mgid, group->attr.pkey);
	}
	free(group);
}

void groups_forget(struct gsi *gsi)
{
	const struct member *member;
	struct group *group;

	while ((group = group_first(gsi))) {
		LIST_FOREACH(member, &group->members, of_group)
		gsi->ops->forgotten(gsi->arg, member->port->owner);
		group_destroy(gsi, group, NULL);
	}
}

struct vib_gid group_new_mgid(struct gsi *gsi, uint8_t scope)
{
	struct vib_gid mgid = { .raw = { 0xff, (uint8_t)(0x10 | scope), 0xa0, 0x1b } };

	put_be64(mgid.raw + 4, gsi->config.subnet_prefix);
	/* There are fewer groups than numbers. */
	do
		put_be32(mgid.raw + 12, gsi->next_mgid++);
	while (group_find(gsi, &mgid));
	return mgid;
}

struct member *member_find(struct group *group, const struct gsi_port *port,
			   const struct vib_gid *gid)
{
	struct member *member;

	LIST_FOREACH(member, &port->members, of_port)
	if (member->group == group && gids_equal(&member->gid, gid))
		return member;
	return NULL;
}

static struct member *member_new(struct group *group, struct gsi_port *port,
				 const struct vib_gid *gid)
{
	struct member *member;

	if (!may_have(port, 1))
		return NULL;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->group = group;
	member->port = port;
	member->gid = *gid;
	LIST_INSERT_HEAD(&group->members, member, of_group);
	LIST_INSERT_HEAD(&port->members, member, of_port);
	port->num_members++;
	port->gsi->num_members++;
	return member;
}

bool member_receives(const struct group *group, const struct gsi_port *port)
{
	const struct member *member;

	LIST_FOREACH(member, &port->members, of_port)
	if (member->group == group && member->join_state & MCM_RECEIVES)
		return true;
	return false;
}

static void set_join_state(struct member *member, uint8_t join_state)
{
	uint8_t changed = member->join_state ^ join_state;
	struct gsi_port *port = member->port;

	for (unsigned int i = 0; i < MCM_JOIN_STATES; i++) {
		member->group->joined[i] -= member->join_state >> i & 1;
		member->group->joined[i] += join_state >> i & 1;
	}
	member->join_state = join_state;
	update_wire(port->gsi, member->group);
	if (changed & MCM_RECEIVES)
		port->gsi->ops->joined(port->gsi->arg, port->owner,
				       &member->group->attr.mgid,
				       member_receives(member->group, port));
}

struct member *member_join(struct group *group, struct gsi_port *port,
			   const struct vib_gid *gid, uint8_t join_state)
{
	struct member *member = member_find(group, port, gid);

	if (!member)
		member = member_new(group, port, gid);
	if (member)
		set_join_state(member, member->join_state | join_state);
	return member;
}

/* By a member that is full, of either kind, or for ever. */
static bool is_kept(const struct group *group)
{
	bool kept = group->permanent;

	if (group->foreign) /* others keep it, where vports do not */
		return !LIST_EMPTY(&group->members);
	for (unsigned int i = 0; i < MCM_JOIN_STATES; i++)
		kept |= MCM_FULL >> i & 1 && group->joined[i];
	return kept;
}

void member_leave(struct member *member, uint8_t join_state)
{
	struct group *group = member->group;
	struct gsi_port *port = member->port;

	set_join_state(member, member->join_state & (uint8_t)~join_state);
	if (!member->join_state)
		member_free(member);
	if (!is_kept(group))
		group_destroy(port->gsi, group, port);
}

static bool has_right(const struct member *member)
{
	const struct gsi_port *port = member->port;

	return port_has_gid(port, &member->gid) &&
	       pkey_accepting(port->attr.pkeys, member->group->attr.pkey) >= 0;
}

/*
 * A membership that ends may take others of the port along, with its group, wherever in
 * the list they are. So each is moved from one list to the other before it is looked at.
 */
void members_check(struct gsi_port *port)
{
	struct member_list todo = LIST_HEAD_INITIALIZER(todo);
	struct member *member;

	while ((member = LIST_FIRST(&port->members))) {
		LIST_REMOVE(member, of_port);
		LIST_INSERT_HEAD(&todo, member, of_port);
	}
	while ((member = LIST_FIRST(&todo))) {
		LIST_REMOVE(member, of_port);
		LIST_INSERT_HEAD(&port->members, member, of_port);
		if (!has_right(member))
			member_leave(member, member->join_state);
	}
}

void members_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->members)) {
		struct member *member = LIST_FIRST(&port->members);

		member_leave(member, member->join_state);
	}
	while (!LIST_EMPTY(&port->created))
		uncharge(LIST_FIRST(&port->created));
}
