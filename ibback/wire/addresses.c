// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <urcu/compiler.h>

#include "engine/port_view.h"
#include "log.h"
#include "wire/rtnl.h"

#define WHY_SIZE 256

struct owner {
	void *owner;
	size_t count;
	struct vib_gid gids[VIB_MAX_GIDS];
	enum address_state state; /* as it was told last */
	char why[WHY_SIZE];
	LIST_ENTRY(owner) entry;
};

/* An address as the job was given it, and what it found. */
struct wanted {
	struct vib_gid gid;
	bool there; /* ours already */
	int error;  /* why it is not there */
};

struct addresses {
	struct netdev_user user;
	struct netdev *netdev;
	addresses_told *told;
	void *arg;
	LIST_HEAD(, owner) owners;
	/* The job's own, while it runs; sorted. */
	struct wanted *wanted;
	size_t num_wanted;
	unsigned int leftovers; /* that it took off */
	int error;              /* it could not see what there is */
	bool no_device;
};

/* ---- the job ----------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	/* The GID comes first. */
	return memcmp(a, b, sizeof(struct vib_gid));
}

static struct wanted *find(struct addresses *a, const uint8_t raw[16])
{
	if (!a->num_wanted)
		return NULL;
	return bsearch(raw, a->wanted, a->num_wanted, sizeof(*a->wanted), compare);
}

static bool begin(struct netdev_user *user)
{
	struct addresses *a = caa_container_of(user, struct addresses, user);
	struct owner *o;
	size_t n = 0;

	LIST_FOREACH(o, &a->owners, entry)
	n += o->count;
	free(a->wanted);
	a->num_wanted = 0;
	a->wanted = calloc(n + 1, sizeof(*a->wanted));
	if (!a->wanted)
		return false;
	LIST_FOREACH(o, &a->owners, entry)
	for (size_t i = 0; i < o->count; i++)
		a->wanted[a->num_wanted++].gid = o->gids[i];
	qsort(a->wanted, a->num_wanted, sizeof(*a->wanted), compare);
	a->leftovers = 0;
	a->error = 0;
	a->no_device = false;
	return true;
}

/* Take off what nobody wants, and see what is there of what somebody does. */
static int sweep(struct addresses *a, struct rtnl *rtnl, int index)
{
	struct rtnl_address *list;
	size_t count;

	if (rtnl_list_addresses(rtnl, index, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct wanted *w = find(a, list[i].raw);

		if (w && list[i].proto == RTNL_PROTO_IBBACK)
			w->there = true;
		else if (w)
			w->error = EEXIST;
		else if (list[i].proto == RTNL_PROTO_IBBACK &&
			 rtnl_remove_address(rtnl, index, list[i].raw) == 0)
			a->leftovers++;
	}
	free(list);
	return 0;
}

static void run(struct netdev_user *user, struct rtnl *rtnl, int index)
{
	struct addresses *a = caa_container_of(user, struct addresses, user);

	a->no_device = index == 0;
	if (a->no_device)
		return;
	if (sweep(a, rtnl, index) < 0) {
		a->error = errno;
		return;
	}
	for (size_t i = 0; i < a->num_wanted; i++) {
		struct wanted *w = &a->wanted[i];

		if (w->there || w->error)
			continue;
		w->error = rtnl_add_address(rtnl, index, w->gid.raw) < 0 ? errno : 0;
		w->there = w->error == 0;
	}
}

/* ---- what became of it ------------------------------------------------- */

/* What may be otherwise soon, without anybody's doing. */
static bool is_passing(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == EAGAIN || error == EINTR ||
	       error == ENODEV;
}

static void explain(const struct addresses *a, const struct wanted *w, char *why)
{
	const char *name = netdev_name(a->netdev);
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, w->gid.raw, text, sizeof(text));
	if (w->error == EEXIST)
		snprintf(why, WHY_SIZE,
			 "%s is an address of %s already, and not ibback's; want another "
			 "GUID, or that address removed",
			 text, name);
	else if (w->error == EACCES)
		snprintf(why, WHY_SIZE,
			 "%s has no IPv6, which RoCE's GIDs need; want sysctl "
			 "net.ipv6.conf.%s.disable_ipv6=0",
			 name, name);
	else
		snprintf(why, WHY_SIZE, "cannot put the address %s on %s: %s", text, name,
			 strerror(w->error));
}

/* Of all that @o wants, the worst. */
static enum address_state judge(struct addresses *a, const struct owner *o, char *why)
{
	enum address_state state = ADDRESSES_READY;

	why[0] = '\0';
	if (a->no_device) {
		snprintf(why, WHY_SIZE, "there is no network device %s",
			 netdev_name(a->netdev));
		return ADDRESSES_WAIT;
	}
	for (size_t i = 0; i < o->count; i++) {
		const struct wanted *w = find(a, o->gids[i].raw);

		if (!w || (w->error && is_passing(w->error))) {
			if (state == ADDRESSES_READY)
				state = ADDRESSES_WAIT;
		} else if (w->error && state < ADDRESSES_TAKEN) {
			state = w->error == EEXIST ? ADDRESSES_TAKEN : ADDRESSES_FAILED;
			explain(a, w, why);
		}
	}
	return state;
}

static bool end(struct netdev_user *user)
{
	struct addresses *a = caa_container_of(user, struct addresses, user);
	struct owner *o, *next;
	bool again = a->error != 0;
	char why[WHY_SIZE];

	if (a->error) {
		log_err("netdev %s: cannot list its addresses: %s; trying again",
			netdev_name(a->netdev), strerror(a->error));
		return true;
	}
	if (a->leftovers)
		log_debug("netdev %s: %u addresses taken off", netdev_name(a->netdev),
			  a->leftovers);
	for (size_t i = 0; i < a->num_wanted; i++)
		again |= a->wanted[i].error != 0 && a->wanted[i].error != EEXIST;
	for (o = LIST_FIRST(&a->owners); o; o = next) {
		enum address_state state = judge(a, o, why);

		next = LIST_NEXT(o, entry);
		if (state == o->state && strcmp(why, o->why) == 0)
			continue;
		o->state = state;
		memcpy(o->why, why, sizeof(why));
		a->told(a->arg, o->owner, state, o->why);
	}
	return again;
}

/* ---- owners ------------------------------------------------------------ */

static struct owner *find_owner(struct addresses *a, const void *owner)
{
	struct owner *o;

	LIST_FOREACH(o, &a->owners, entry)
	if (o->owner == owner)
		return o;
	return NULL;
}

int addresses_set(struct addresses *a, void *owner, const struct vib_gid *gids,
		  size_t count)
{
	struct owner *o = find_owner(a, owner);
	struct vib_gid kept[VIB_MAX_GIDS] = { { { 0 } } };
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!gid_is_zero(&gids[i]))
			kept[n++] = gids[i];
	if (o && o->count == n && memcmp(o->gids, kept, n * sizeof(kept[0])) == 0)
		return 0;
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return -1;
		o->owner = owner;
		LIST_INSERT_HEAD(&a->owners, o, entry);
	}
	memcpy(o->gids, kept, n * sizeof(kept[0]));
	o->count = n;
	o->state = ADDRESSES_WAIT;
	o->why[0] = '\0';
	netdev_touch(a->netdev);
	return 1;
}

void addresses_forget(struct addresses *a, void *owner)
{
	struct owner *o = find_owner(a, owner);

	if (!o)
		return;
	LIST_REMOVE(o, entry);
	free(o);
	netdev_touch(a->netdev);
}

/* ---- beginning and end ------------------------------------------------- */

struct addresses *addresses_new(struct netdev *netdev, addresses_told *told, void *arg)
{
	struct addresses *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->user.begin = begin;
	a->user.run = run;
	a->user.end = end;
	a->netdev = netdev;
	a->told = told;
	a->arg = arg;
	LIST_INIT(&a->owners);
	netdev_use(netdev, &a->user);
	return a;
}

void addresses_free(struct addresses *a)
{
	struct owner *o;

	if (!a)
		return;
	while ((o = LIST_FIRST(&a->owners))) {
		LIST_REMOVE(o, entry);
		free(o);
	}
	free(a->wanted);
	free(a);
}
