// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mcast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/qp.h"
#include "engine/vhca.h"
#include "device_limits.h"

#define GROUP_BUCKETS 8192

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

static struct mcast_group *find_or_make(struct mcast *mcast, const struct key *key,
					uint16_t pkey)
{
	struct mcast_group *g = find(mcast, key);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->fabric = key->fabric;
	g->mgid = *key->mgid;
	g->pkey = pkey;
	CDS_INIT_LIST_HEAD(&g->members);
	cds_lfht_add(mcast->groups, hash(key), &g->node);
	return g;
}

/* Free a group that was made for one who could not join it. */
static void drop_if_empty(struct mcast *mcast, struct mcast_group *g)
{
	if (!cds_list_empty(&g->members))
		return;
	cds_lfht_del(mcast->groups, &g->node);
	synchronize_rcu();
	free(g);
}

/* @qp's membership in @g, or NULL. */
static struct mcast_member *find_member(const struct mcast_group *g, const struct qp *qp)
{
	struct mcast_member *member;

	LIST_FOREACH(member, &qp->memberships, of_qp)
	if (member->group == g)
		return member;
	return NULL;
}

/* May @qp join @g? 0 or an errno. */
static int may_join(const struct mcast_group *g, const struct qp *qp)
{
	const struct mcast_member *other;
	unsigned int count = 0;

	if (find_member(g, qp))
		return EEXIST;
	cds_list_for_each_entry(other, &g->members, entry) count +=
		other->qp->vhca == qp->vhca;
	if (count >= MAX_MCAST_QPS || qp->vhca->memberships >= MAX_MCAST_GROUPS)
		return ENOSPC;
	return 0;
}

/* A QP of @vhca comes, or has gone: it matters if it is the only one. */
static void tell(const struct mcast *mcast, const struct mcast_group *g,
		 const struct vhca *vhca, bool attached)
{
	const struct mcast_member *other;

	if (!mcast->watch)
		return;
	cds_list_for_each_entry(other, &g->members,
				entry) if (other->vhca == vhca) return;
	mcast->watch(mcast->arg, g->fabric, &g->mgid, vhca, attached);
}

int mcast_attach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp, const struct mcast_rule *rule)
{
	const struct key key = { fabric, mgid };
	struct mcast_member *member = calloc(1, sizeof(*member));
	struct mcast_group *g = find_or_make(mcast, &key, rule->pkey);
	int err = member && g ? may_join(g, qp) : ENOMEM;

	if (err) {
		free(member);
		if (g)
			drop_if_empty(mcast, g);
		errno = err;
		return -1;
	}
	member->qp = qp;
	member->vhca = qp->vhca;
	member->group = g;
	member->joined = rule->joined;
	LIST_INSERT_HEAD(&qp->memberships, member, of_qp);
	qp->vhca->memberships++;
	tell(mcast, g, member->vhca, true);
	cds_list_add_rcu(&member->entry, &g->members);
	return 0;
}

/* Out of the group, and the group out of the table if nobody is left. */
static void leave(struct mcast *mcast, struct mcast_member *member)
{
	struct mcast_group *g = member->group;

	cds_list_del_rcu(&member->entry);
	LIST_REMOVE(member, of_qp);
	member->qp->vhca->memberships--;
	member->alone = cds_list_empty(&g->members);
	if (member->alone)
		cds_lfht_del(mcast->groups, &g->node);
	tell(mcast, g, member->vhca, false);
}

void mcast_free(struct mcast_members *left)
{
	struct mcast_member *member;

	while ((member = LIST_FIRST(left))) {
		LIST_REMOVE(member, of_qp);
		if (member->alone)
			free(member->group);
		free(member);
	}
}

int mcast_detach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp)
{
	const struct key key = { fabric, mgid };
	struct mcast_members left = LIST_HEAD_INITIALIZER(left);
	struct mcast_group *g = find(mcast, &key);
	struct mcast_member *member = g ? find_member(g, qp) : NULL;

	if (!member) {
		errno = ENOENT;
		return -1;
	}
	leave(mcast, member);
	LIST_INSERT_HEAD(&left, member, of_qp);
	synchronize_rcu();
	mcast_free(&left);
	return 0;
}

void mcast_detach_all(struct mcast *mcast, struct qp *qp, struct mcast_members *left)
{
	struct mcast_member *member;

	while ((member = LIST_FIRST(&qp->memberships))) {
		leave(mcast, member);
		LIST_INSERT_HEAD(left, member, of_qp);
	}
}

void mcast_set_group(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		     uint16_t pkey)
{
	const struct key key = { fabric, mgid };
	struct mcast_group *g = find(mcast, &key);
	struct mcast_member *member;

	if (!g)
		return;
	cds_list_for_each_entry(member, &g->members, entry)
		__atomic_store_n(&member->joined, false, __ATOMIC_RELAXED);
	__atomic_store_n(&g->pkey, pkey, __ATOMIC_RELEASE);
}

void mcast_set_joined(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		      const struct vhca *vhca, bool joined)
{
	const struct key key = { fabric, mgid };
	struct mcast_group *g = find(mcast, &key);
	struct mcast_member *member;

	if (!g)
		return;
	cds_list_for_each_entry(member, &g->members, entry) if (member->vhca == vhca)
		__atomic_store_n(&member->joined, joined, __ATOMIC_RELAXED);
}

const struct mcast_group *mcast_find(const struct mcast *mcast, const void *fabric,
				     const struct vib_gid *mgid)
{
	const struct key key = { fabric, mgid };

	return find(mcast, &key);
}
