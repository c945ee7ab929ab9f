// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/groups6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/sys/tree.h>
#include <urcu/compiler.h>

#include "engine/port_view.h"
#include "log.h"

/*
 * How many memberships a socket has is bounded by net.core.optmem_max, at 6.1's 20 KiB
 * by some 500. Another socket has as many again.
 */
#define MAX_SOCKETS 64

/* Who joins, while it has joined any. */
struct owner {
	const void *key;
	unsigned int count;
	LIST_ENTRY(owner) entry;
};

/* That an owner has joined a group. */
struct claim {
	struct owner *owner;
	LIST_ENTRY(claim) entry;
};

struct joined {
	struct vib_gid mgid;
	LIST_HEAD(, claim) claims;
	bool held; /* besides */
	RB_ENTRY(joined) entry;
};

RB_HEAD(joined_tree, joined);

/* A membership that the kernel has, or was asked for. */
struct member {
	struct vib_gid mgid;
	unsigned int socket;
	int error; /* 0: it is one */
};

struct groups6 {
	struct netdev_user user;
	struct netdev *netdev;
	void (*room)(void *arg);
	void *arg;
	struct joined_tree tree;
	LIST_HEAD(, owner) owners;
	size_t count;
	size_t num_joined; /* of them, with a claim */
	bool refused;      /* one could not be held, and room() was not called since */
	int said;          /* the error that was logged last */
	/* The job's own, while it runs: what is wanted, what there is, both in order. */
	struct member *wanted, *members;
	size_t num_wanted, num_members;
	int index; /* of the device that they are at */
	int sockets[MAX_SOCKETS];
	unsigned int num_sockets;
};

static int compare(const struct joined *a, const struct joined *b)
{
	return memcmp(&a->mgid, &b->mgid, sizeof(a->mgid));
}

RB_PROTOTYPE(joined_tree, joined, entry, compare)
RB_GENERATE(joined_tree, joined, entry, compare)

/* ---- the job ----------------------------------------------------------- */

static bool begin(struct netdev_user *user)
{
	struct groups6 *g = caa_container_of(user, struct groups6, user);
	struct joined *group;

	free(g->wanted);
	g->num_wanted = 0;
	g->wanted = calloc(g->count + 1, sizeof(*g->wanted));
	if (!g->wanted)
		return false;
	RB_FOREACH(group, joined_tree, &g->tree)
	g->wanted[g->num_wanted++].mgid = group->mgid;
	return true;
}

static void leave_all(struct groups6 *g)
{
	while (g->num_sockets)
		close(g->sockets[--g->num_sockets]);
	free(g->members);
	g->members = NULL;
	g->num_members = 0;
}

static int change(const struct groups6 *g, unsigned int socket, int option,
		  const struct vib_gid *mgid)
{
	struct ipv6_mreq request = { .ipv6mr_interface = (unsigned int)g->index };

	memcpy(&request.ipv6mr_multiaddr, mgid, sizeof(request.ipv6mr_multiaddr));
	return setsockopt(g->sockets[socket], IPPROTO_IPV6, option, &request,
			  sizeof(request));
}

/* -1 and errno. */
static int add_socket(struct groups6 *g)
{
	int fd;

	if (g->num_sockets == MAX_SOCKETS) {
		errno = ENOSPC;
		return -1;
	}
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	g->sockets[g->num_sockets++] = fd;
	return 0;
}

/* By the first socket that has room: so there are no more of them than are needed. */
static void join(struct groups6 *g, struct member *m)
{
	for (m->socket = 0;; m->socket++) {
		if (m->socket == g->num_sockets && add_socket(g) < 0)
			break;
		if (change(g, m->socket, IPV6_JOIN_GROUP, &m->mgid) == 0) {
			m->error = 0;
			return;
		}
		if (errno != ENOMEM && errno != ENOBUFS)
			break;
	}
	m->error = errno;
}

static void run(struct netdev_user *user, struct rtnl *rtnl, int index)
{
	struct groups6 *g = caa_container_of(user, struct groups6, user);
	size_t have = 0;

	(void)rtnl;
	/* What was joined at a device that is gone is nothing at its successor. */
	if (index != g->index)
		leave_all(g);
	g->index = index;
	if (!index)
		return;
	for (size_t i = 0; i < g->num_wanted || have < g->num_members;) {
		struct member *w = i < g->num_wanted ? &g->wanted[i] : NULL;
		struct member *m = have < g->num_members ? &g->members[have] : NULL;
		int order = !w ? 1 : !m ? -1 : memcmp(w, m, sizeof(w->mgid));

		if (order > 0 && !m->error)
			(void)change(g, m->socket, IPV6_LEAVE_GROUP, &m->mgid);
		if (order == 0)
			*w = *m;
		if (order < 0 || (order == 0 && m->error))
			join(g, w);
		i += order <= 0;
		have += order >= 0;
	}
	free(g->members);
	g->members = g->wanted;
	g->num_members = g->num_wanted;
	g->wanted = NULL;
	g->num_wanted = 0;
	/* With none left they begin anew, with one socket. */
	if (!g->num_members)
		leave_all(g);
}

static bool end(struct netdev_user *user)
{
	struct groups6 *g = caa_container_of(user, struct groups6, user);
	char text[INET6_ADDRSTRLEN];
	const struct member *bad = NULL;

	for (size_t i = 0; i < g->num_members && !bad; i++)
		if (g->members[i].error)
			bad = &g->members[i];
	/* Once for each cause, however many there are of it. */
	if (bad && bad->error != g->said)
		log_warn("netdev %s: cannot join %s: %s; its datagrams do not arrive%s",
			 netdev_name(g->netdev),
			 inet_ntop(AF_INET6, bad->mgid.raw, text, sizeof(text)),
			 strerror(bad->error),
			 bad->error == ENOSPC || bad->error == ENOBUFS ||
					 bad->error == ENOMEM
				 ? "; want a larger sysctl net.core.optmem_max"
				 : "");
	g->said = bad ? bad->error : 0;
	if (g->refused && g->count < GROUPS6_MAX) {
		g->refused = false;
		g->room(g->arg);
	}
	return bad != NULL;
}

/* ---- who joins --------------------------------------------------------- */

static struct joined *find(struct groups6 *g, const struct vib_gid *mgid)
{
	struct joined key = { .mgid = *mgid };

	return RB_FIND(joined_tree, &g->tree, &key);
}

/* That of @mgid, which may be a new one. NULL and errno. */
static struct joined *find_or_add(struct groups6 *g, const struct vib_gid *mgid)
{
	struct joined *group = find(g, mgid);

	if (group)
		return group;
	if (!gid_is_multicast(mgid) || g->count == GROUPS6_MAX) {
		errno = gid_is_multicast(mgid) ? ENOSPC : EINVAL;
		return NULL;
	}
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->mgid = *mgid;
	LIST_INIT(&group->claims);
	RB_INSERT(joined_tree, &g->tree, group);
	g->count++;
	netdev_touch(g->netdev);
	return group;
}

static void remove_group(struct groups6 *g, struct joined *group)
{
	RB_REMOVE(joined_tree, &g->tree, group);
	g->count--;
	free(group);
}

/* One that nobody wants any more goes. */
static void release(struct groups6 *g, struct joined *group)
{
	if (!LIST_EMPTY(&group->claims) || group->held)
		return;
	remove_group(g, group);
	netdev_touch(g->netdev);
}

static struct claim *find_claim(const struct joined *group, const void *owner)
{
	struct claim *claim;

	LIST_FOREACH(claim, &group->claims, entry)
	if (claim->owner->key == owner)
		return claim;
	return NULL;
}

/* That of @key, which may be a new one. NULL and errno. */
static struct owner *find_owner(struct groups6 *g, const void *key)
{
	struct owner *owner;

	LIST_FOREACH(owner, &g->owners, entry)
	if (owner->key == key)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->key = key;
	LIST_INSERT_HEAD(&g->owners, owner, entry);
	return owner;
}

static void drop_owner(struct owner *owner)
{
	if (owner->count)
		return;
	LIST_REMOVE(owner, entry);
	free(owner);
}

static void drop_claim(struct groups6 *g, struct joined *group, struct claim *claim)
{
	LIST_REMOVE(claim, entry);
	g->num_joined -= LIST_EMPTY(&group->claims);
	claim->owner->count--;
	drop_owner(claim->owner);
	free(claim);
}

/* May @owner join one more, that is @group or, if NULL, not there? 0 or an errno. */
static int may_join(const struct groups6 *g, const struct owner *owner,
		    const struct joined *group)
{
	bool more = !group || LIST_EMPTY(&group->claims);

	if (owner->count >= GROUPS6_QUOTA)
		return EDQUOT;
	return more && g->num_joined >= GROUPS6_JOINS_MAX ? ENOSPC : 0;
}

/* @owner joins @mgid, which it has not joined. 0 or an errno. */
static int add_claim(struct groups6 *g, const struct vib_gid *mgid, struct owner *owner)
{
	struct joined *group;
	struct claim *claim;
	int err = may_join(g, owner, find(g, mgid));

	if (err)
		return err;
	claim = calloc(1, sizeof(*claim));
	group = claim ? find_or_add(g, mgid) : NULL;
	if (!group) {
		err = errno;
		free(claim);
		return err;
	}
	claim->owner = owner;
	owner->count++;
	g->num_joined += LIST_EMPTY(&group->claims);
	LIST_INSERT_HEAD(&group->claims, claim, entry);
	return 0;
}

int groups6_join(struct groups6 *g, const struct vib_gid *mgid, const void *key)
{
	const struct joined *group = find(g, mgid);
	struct owner *owner;
	int err;

	if (group && find_claim(group, key))
		return 0;
	owner = find_owner(g, key);
	if (!owner)
		return -1;
	err = add_claim(g, mgid, owner);
	if (!err)
		return 0;
	drop_owner(owner);
	errno = err;
	return -1;
}

void groups6_leave(struct groups6 *g, const struct vib_gid *mgid, const void *key)
{
	struct joined *group = find(g, mgid);
	struct claim *claim = group ? find_claim(group, key) : NULL;

	if (!claim)
		return;
	drop_claim(g, group, claim);
	release(g, group);
}

int groups6_hold(struct groups6 *g, const struct vib_gid *mgid, bool hold)
{
	struct joined *group = hold ? find_or_add(g, mgid) : find(g, mgid);

	if (!group) {
		g->refused |= hold;
		return hold ? -1 : 0;
	}
	group->held = hold;
	release(g, group);
	return 0;
}

size_t groups6_count(const struct groups6 *g)
{
	return g->count;
}

/* ---- beginning and end ------------------------------------------------- */

struct groups6 *groups6_new(struct netdev *netdev, void (*room)(void *arg), void *arg)
{
	struct groups6 *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->user.begin = begin;
	g->user.run = run;
	g->user.end = end;
	g->netdev = netdev;
	g->room = room;
	g->arg = arg;
	RB_INIT(&g->tree);
	LIST_INIT(&g->owners);
	netdev_use(netdev, &g->user);
	return g;
}

void groups6_free(struct groups6 *g)
{
	struct joined *group;

	if (!g)
		return;
	while ((group = RB_MIN(joined_tree, &g->tree))) {
		while (!LIST_EMPTY(&group->claims))
			drop_claim(g, group, LIST_FIRST(&group->claims));
		remove_group(g, group);
	}
	leave_all(g);
	free(g->wanted);
	free(g);
}
