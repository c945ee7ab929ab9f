// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/change.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provision/states.h"
#include "xen-ib/xenstore.h"

/* Everything one try needs; a transaction may take several. */
struct change {
	struct xenport *xp;
	xenport_tx tx;
	const struct vib_id *vib;
	const struct vibconf *changes;
	struct reason *why;
};

/* A vib's GIDs: the one of its port GUID, which is first, and those of its node. */
struct gids {
	int count;
	uint8_t gid[1 + SCHEMA_GIDS_MAX][16];
};

static int refuse_store(struct change *c)
{
	return refuse(c->why, errno, "xenstore: %s", strerror(errno));
}

/* A node of a backend, or its default, or "". -1: it is there, and cannot be read. */
static int read_node(struct change *c, const struct vib_id *vib,
		     const struct schema_node *node, char value[XENPORT_VALUE_MAX])
{
	struct vib_path path = vib_backend_path(vib, node->key);

	if (xenport_read(c->xp, c->tx, path.text, value, XENPORT_VALUE_MAX) >= 0)
		return 0;
	snprintf(value, XENPORT_VALUE_MAX, "%s", node->def ? node->def : "");
	return errno == ENOENT ? 0 : -1;
}

static int read_key(struct change *c, const struct vib_id *vib, const char *key,
		    char value[XENPORT_VALUE_MAX])
{
	return read_node(c, vib, schema_find(SCHEMA_BACKEND, key), value);
}

/* ---- may it change at all? --------------------------------------------- */

static int check_attached(struct change *c)
{
	const struct vib_id *vib = c->vib;
	char state[XENPORT_VALUE_MAX], online[XENPORT_VALUE_MAX],
		error[XENPORT_VALUE_MAX];

	if (!store_has(c->xp, c->tx, vib_backend_path(vib, VIB_BE_STATE).text))
		return refuse(c->why, ENOENT, "domain %u has no vib %u", vib->frontend,
			      vib->index);
	if (read_key(c, vib, VIB_BE_STATE, state) < 0 ||
	    read_key(c, vib, VIB_BE_ONLINE, online) < 0 ||
	    read_key(c, vib, VIB_BE_ERROR, error) < 0)
		return refuse_store(c);
	if (error[0])
		return refuse(c->why, ESHUTDOWN,
			      "its backend has refused the vib, and does not look at it"
			      " again: detach it, and attach it with what is right");
	if (strcmp(online, "1") != 0 || !strcmp(state, "5") || !strcmp(state, "6"))
		return refuse(c->why, ESHUTDOWN, "the vib is being detached");
	return 0;
}

/* ---- what it would be -------------------------------------------------- */

static const char *changed_value(const struct change *c, const struct schema_node *node)
{
	for (size_t i = 0; i < c->changes->count; i++)
		if (c->changes->items[i].node == node)
			return c->changes->items[i].value;
	return NULL;
}

/*
 * The backend takes a change only if it understands all nodes. One that is to change was
 * checked when its text was.
 */
static int check_rest(struct change *c)
{
	char value[XENPORT_VALUE_MAX], problem[512];

	for (size_t i = 0; i < schema_node_count; i++) {
		const struct schema_node *node = &schema_nodes[i];

		if (node->side != SCHEMA_BACKEND || !node->config ||
		    changed_value(c, node))
			continue;
		if (read_node(c, c->vib, node, value) < 0)
			return refuse(c->why, EINVAL, "%s: cannot be read: %s", node->key,
				      strerror(errno));
		if (!*value && !node->required)
			continue;
		if (schema_check(SCHEMA_BACKEND, node->key, value, problem,
				 sizeof(problem)) < 0)
			return refuse(c->why, EINVAL,
				      "a node that would stay is not right: %s", problem);
	}
	return 0;
}

static void port_gid(uint64_t guid, uint8_t gid[16])
{
	uint64_t prefix = htobe64(0xfe80000000000000), id = htobe64(guid);

	memcpy(gid, &prefix, 8);
	memcpy(gid + 8, &id, 8);
}

/* What of it is no GID is none: its backend has not taken it either. */
static void read_gids(struct change *c, const struct vib_id *vib, const char *list,
		      struct gids *gids)
{
	char text[XENPORT_VALUE_MAX];
	uint64_t guid;
	int n;

	gids->count = 0;
	if (!read_key(c, vib, VIB_BE_PORT_GUID, text) &&
	    !schema_parse_guid(text, &guid, NULL))
		port_gid(guid, gids->gid[gids->count++]);
	if (!list && !read_key(c, vib, VIB_BE_GID, text))
		list = text;
	n = list && *list ? schema_parse_gids(list, gids->gid + gids->count,
					      SCHEMA_GIDS_MAX, NULL)
			  : 0;
	gids->count += n > 0 ? n : 0;
}

static bool share_one(const struct gids *a, const struct gids *b)
{
	for (int i = 0; i < a->count; i++)
		for (int j = 0; j < b->count; j++)
			if (!memcmp(a->gid[i], b->gid[j], sizeof(a->gid[i])))
				return true;
	return false;
}

static bool on_fabric(struct change *c, const struct vib_id *vib, const char *fabric)
{
	char its[XENPORT_VALUE_MAX];

	return !read_key(c, vib, VIB_BE_FABRIC, its) && !strcmp(its, fabric);
}

/* A backend has fabrics of its own, so only its vibs count. */
static int check_gids(struct change *c)
{
	const char *list = changed_value(c, schema_find(SCHEMA_BACKEND, VIB_BE_GID));
	char fabric[XENPORT_VALUE_MAX];
	struct gids own, other;
	struct vib_id *vibs;
	int n, rc = 0;

	if (!list || !*list)
		return 0;
	if (read_key(c, c->vib, VIB_BE_FABRIC, fabric) < 0)
		return refuse_store(c);
	read_gids(c, c->vib, list, &own);
	n = store_list_vibs(c->xp, c->tx, &vibs);
	if (n < 0)
		return refuse_store(c);
	for (int i = 0; i < n && !rc; i++) {
		const struct vib_id *v = &vibs[i];

		if (v->backend != c->vib->backend ||
		    (v->frontend == c->vib->frontend && v->index == c->vib->index) ||
		    !on_fabric(c, v, fabric))
			continue;
		read_gids(c, v, NULL, &other);
		if (share_one(&own, &other))
			rc = refuse(
				c->why, EEXIST,
				"gid=%.200s: vib %u of domain %u, on fabric '%.31s' too,"
				" has one of them",
				list, v->index, v->frontend, fabric);
	}
	free(vibs);
	return rc;
}

/* ---- the change -------------------------------------------------------- */

/* Returns 1 if the node was another before. */
static int write_item(struct change *c, const struct vibconf_item *item)
{
	struct vib_path path = vib_backend_path(c->vib, item->node->key);
	char old[XENPORT_VALUE_MAX];
	bool there = xenport_read(c->xp, c->tx, path.text, old, sizeof(old)) >= 0;

	/* One that cannot be read is written all the same. */
	if (!there && errno == ENOENT && !*item->value)
		return 0;
	if (there && !strcmp(old, item->value))
		return 0;
	if ((*item->value ? xenport_write(c->xp, c->tx, path.text, item->value)
			  : xenport_rm(c->xp, c->tx, path.text)) < 0)
		return refuse_store(c);
	return 1;
}

static int change_in_tx(struct xenport *xp, xenport_tx tx, void *arg)
{
	struct change *c = arg;
	int changed = 0, rc;

	(void)xp;
	c->tx = tx;
	if (check_attached(c) < 0 || check_rest(c) < 0 || check_gids(c) < 0)
		return -1;
	for (size_t i = 0; i < c->changes->count; i++) {
		rc = write_item(c, &c->changes->items[i]);
		if (rc < 0)
			return -1;
		changed += rc;
	}
	return changed;
}

int vib_change(struct xenport *xp, const struct vib_id *vib,
	       const struct vibconf *changes, struct reason *why)
{
	struct change c = { .xp = xp, .vib = vib, .changes = changes, .why = why };
	int rc;

	why->text[0] = '\0';
	rc = store_transact(xp, change_in_tx, &c);
	/* The transaction itself has no words. */
	if (rc < 0 && !why->text[0])
		return refuse_store(&c);
	return rc;
}
