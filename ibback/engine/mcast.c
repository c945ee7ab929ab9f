// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mcast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qp.h"
#include "device_limits.h"

#define GROUP_BUCKETS 1024

struct key {
	const void *fabric;
	const struct vib_gid *mgid;
};

/* The low half of a multicast GID is what differs: IPoIB has the address there. */
static unsigned long hash(const struct key *key)
{
	uint64_t low, high;

	memcpy(&high, key->mgid->raw, 8);
	memcpy(&low, key->mgid->raw + 8, 8);
	return ((low ^ high * 31 ^ (uintptr_t)key->fabric) * 0x9e3779b97f4a7c15ull) >> 32;
}

static int matches(struct cds_lfht_node *node, const void *arg)
{
	const struct mcast_group *g = caa_container_of(node, struct mcast_group, node);
	const struct key *key = arg;

	return g->fabric == key->fabric &&
	       memcmp(&g->mgid, key->mgid, sizeof(g->mgid)) == 0;
}

static struct mcast_group *find(const struct mcast *mcast, const struct key *key)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_lookup(mcast->groups, hash(key), matches, key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct mcast_group, node) : NULL;
}

int mcast_init(struct mcast *mcast)
{
	mcast->groups =
		cds_lfht_new(GROUP_BUCKETS, GROUP_BUCKETS, GROUP_BUCKETS, 0, NULL);
	if (mcast->groups)
		return 0;
	errno = ENOMEM;
	return -1;
}

void mcast_fini(struct mcast *mcast)
{
	if (mcast->groups)
		cds_lfht_destroy(mcast->groups, NULL);
}

static struct mcast_group *find_or_make(struct mcast *mcast, const struct key *key)
{
	struct mcast_group *g = find(mcast, key);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->fabric = key->fabric;
	g->mgid = *key->mgid;
	CDS_INIT_LIST_HEAD(&g->members);
	cds_lfht_add(mcast->groups, hash(key), &g->node);
	return g;
}

/* Take @g out if nobody is in it; free it after a grace period. */
static bool take_out_empty(struct mcast *mcast, struct mcast_group *g)
{
	return cds_list_empty(&g->members) && cds_lfht_del(mcast->groups, &g->node) == 0;
}

int mcast_attach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp)
{
	const struct key key = { fabric, mgid };
	struct mcast_member *member, *other;
	struct mcast_group *g = find_or_make(mcast, &key);
	unsigned int count = 0;

	if (!g)
		return -1;
	cds_list_for_each_entry(other, &g->members, entry)
	{
		if (other->qp == qp) {
			errno = EEXIST;
			return -1;
		}
		count++;
	}
	if (count == MAX_MCAST_QPS) {
		errno = ENOSPC;
		return -1;
	}
	member = malloc(sizeof(*member));
	if (!member) {
		if (take_out_empty(mcast, g)) {
			synchronize_rcu();
			free(g);
		}
		errno = ENOMEM;
		return -1;
	}
	member->qp = qp;
	cds_list_add_rcu(&member->entry, &g->members);
	return 0;
}

/* Take @qp out of @g. true if it was in; the member and an empty group are freed. */
static bool leave(struct mcast *mcast, struct mcast_group *g, const struct qp *qp)
{
	struct mcast_member *member;

	cds_list_for_each_entry(member, &g->members, entry)
	{
		bool empty;

		if (member->qp != qp)
			continue;
		cds_list_del_rcu(&member->entry);
		empty = take_out_empty(mcast, g);
		synchronize_rcu();
		free(member);
		if (empty)
			free(g);
		return true;
	}
	return false;
}

int mcast_detach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp)
{
	const struct key key = { fabric, mgid };
	struct mcast_group *g = find(mcast, &key);

	if (g && leave(mcast, g, qp))
		return 0;
	errno = ENOENT;
	return -1;
}

void mcast_detach_all(struct mcast *mcast, const struct qp *qp)
{
	struct cds_lfht_iter iter;
	struct mcast_group *g;

	cds_lfht_first(mcast->groups, &iter);
	while (cds_lfht_iter_get_node(&iter)) {
		g = caa_container_of(cds_lfht_iter_get_node(&iter), struct mcast_group,
				     node);
		cds_lfht_next(mcast->groups, &iter);
		leave(mcast, g, qp);
	}
}

const struct mcast_group *mcast_find(const struct mcast *mcast, const void *fabric,
				     const struct vib_gid *mgid)
{
	const struct key key = { fabric, mgid };

	return find(mcast, &key);
}
