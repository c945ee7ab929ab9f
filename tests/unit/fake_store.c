// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "xenport/ops.h"

enum { NODES_MAX = 1024, WATCHES_MAX = 64, EVENTS_MAX = 1024, DOMAINS_MAX = 64 };

struct node {
	char path[XENPORT_PATH_MAX];
	char value[XENPORT_VALUE_MAX + 1];
	char perms[32];
};

struct tree {
	size_t count;
	struct node *nodes[NODES_MAX];
};

struct event {
	char path[XENPORT_PATH_MAX], token[32];
};

struct fake_store {
	struct xenport base;
	struct tree tree;
	struct tree tx; /* a copy while a transaction is open */
	bool in_tx;
	struct event changed[EVENTS_MAX]; /* by the transaction */
	size_t changed_count;
	unsigned int disturbances;
	struct event watches[WATCHES_MAX];
	size_t watch_count;
	struct event events[EVENTS_MAX];
	size_t event_first, event_count;
	int fd;
	bool introduced[DOMAINS_MAX];
	void (*on_write)(struct xenport *xp, const char *path);
};

static struct fake_store *to_fake(struct xenport *xp)
{
	return (struct fake_store *)xp;
}

struct xenport *fake_port(struct fake_store *fake)
{
	return &fake->base;
}

/* ---- the tree ---------------------------------------------------------- */

static struct node *find(struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->count; i++)
		if (!strcmp(tree->nodes[i]->path, path))
			return tree->nodes[i];
	return NULL;
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (path[n] == '/' || !path[n]);
}

static struct node *make(struct tree *tree, const char *path)
{
	struct node *node = find(tree, path), *parent = NULL;
	char up[XENPORT_PATH_MAX];

	if (node)
		return node;
	snprintf(up, sizeof(up), "%s", path);
	*strrchr(up, '/') = '\0';
	if (*up)
		parent = make(tree, up);
	assert(tree->count < NODES_MAX);
	node = calloc(1, sizeof(*node));
	assert(node);
	tree->nodes[tree->count++] = node;
	snprintf(node->path, sizeof(node->path), "%s", path);
	snprintf(node->perms, sizeof(node->perms), "%s", parent ? parent->perms : "n0");
	return node;
}

static void cut(struct tree *tree, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < tree->count; i++) {
		if (is_below(tree->nodes[i]->path, path))
			free(tree->nodes[i]);
		else
			tree->nodes[kept++] = tree->nodes[i];
	}
	tree->count = kept;
}

static void copy_tree(struct tree *to, const struct tree *from)
{
	cut(to, "");
	for (size_t i = 0; i < from->count; i++) {
		to->nodes[i] = malloc(sizeof(struct node));
		assert(to->nodes[i]);
		*to->nodes[i] = *from->nodes[i];
	}
	to->count = from->count;
}

static struct tree *tree_of(struct fake_store *fake, xenport_tx tx)
{
	assert(tx == XENPORT_NO_TRANSACTION || fake->in_tx);
	return tx == XENPORT_NO_TRANSACTION ? &fake->tree : &fake->tx;
}

/* ---- watches ----------------------------------------------------------- */

static void fire(struct fake_store *fake, const char *path, const char *token)
{
	struct event *event;

	assert(fake->event_first + fake->event_count < EVENTS_MAX);
	event = &fake->events[fake->event_first + fake->event_count++];
	snprintf(event->path, sizeof(event->path), "%s", path);
	snprintf(event->token, sizeof(event->token), "%s", token);
	eventfd_write(fake->fd, 1);
}

static void announce(struct fake_store *fake, const char *path)
{
	for (size_t i = 0; i < fake->watch_count; i++)
		if (is_below(path, fake->watches[i].path) ||
		    is_below(fake->watches[i].path, path))
			fire(fake, path, fake->watches[i].token);
	if (fake->on_write)
		fake->on_write(&fake->base, path);
}

static void changed(struct fake_store *fake, xenport_tx tx, const char *path)
{
	if (tx == XENPORT_NO_TRANSACTION) {
		announce(fake, path);
		return;
	}
	assert(fake->changed_count < EVENTS_MAX);
	snprintf(fake->changed[fake->changed_count++].path, XENPORT_PATH_MAX, "%s", path);
}

static int fake_watch(struct xenport *xp, const char *path, const char *token)
{
	struct fake_store *fake = to_fake(xp);
	struct event *watch = &fake->watches[fake->watch_count++];

	assert(fake->watch_count <= WATCHES_MAX);
	snprintf(watch->path, sizeof(watch->path), "%s", path);
	snprintf(watch->token, sizeof(watch->token), "%s", token);
	fire(fake, path, token);
	return 0;
}

static int fake_unwatch(struct xenport *xp, const char *path, const char *token)
{
	struct fake_store *fake = to_fake(xp);

	for (size_t i = 0; i < fake->watch_count; i++) {
		if (strcmp(fake->watches[i].path, path) != 0 ||
		    strcmp(fake->watches[i].token, token) != 0)
			continue;
		fake->watches[i] = fake->watches[--fake->watch_count];
		return 0;
	}
	errno = ENOENT;
	return -1;
}

static int fake_store_fd(struct xenport *xp)
{
	return to_fake(xp)->fd;
}

static int fake_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
			   size_t token_size)
{
	struct fake_store *fake = to_fake(xp);
	struct event *event = &fake->events[fake->event_first];
	eventfd_t drained;

	if (!fake->event_count) {
		fake->event_first = 0;
		eventfd_read(fake->fd, &drained);
		return 0;
	}
	snprintf(path, path_size, "%s", event->path);
	snprintf(token, token_size, "%s", event->token);
	fake->event_first++;
	fake->event_count--;
	return 1;
}

/* ---- reading and writing ----------------------------------------------- */

static int fake_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		     size_t size)
{
	struct node *node = find(tree_of(to_fake(xp), tx), path);

	if (!node) {
		errno = ENOENT;
		return -1;
	}
	if (strlen(node->value) >= size) {
		errno = EMSGSIZE;
		return -1;
	}
	strcpy(buf, node->value);
	return (int)strlen(buf);
}

static int fake_write(struct xenport *xp, xenport_tx tx, const char *path,
		      const char *value)
{
	struct fake_store *fake = to_fake(xp);
	struct node *node = make(tree_of(fake, tx), path);

	assert(strlen(value) < sizeof(node->value));
	strcpy(node->value, value);
	changed(fake, tx, path);
	return 0;
}

static int fake_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		      const struct xenport_perms *perms)
{
	struct fake_store *fake = to_fake(xp);
	struct node *node = make(tree_of(fake, tx), path);

	snprintf(node->perms, sizeof(node->perms), "n%u,r%u", perms->owner,
		 perms->reader);
	changed(fake, tx, path);
	return 0;
}

static int fake_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	struct fake_store *fake = to_fake(xp);
	struct tree *tree = tree_of(fake, tx);

	if (find(tree, path)) {
		cut(tree, path);
		changed(fake, tx, path);
	}
	return 0;
}

static bool is_child(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return !strncmp(path, parent, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

static int fake_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	struct tree *tree = tree_of(to_fake(xp), tx);
	size_t n = strlen(path), used = (tree->count + 1) * sizeof(char *);
	int count = 0;
	char *block;

	if (!find(tree, path)) {
		errno = ENOENT;
		return -1;
	}
	block = calloc(1, used + tree->count * XENPORT_PATH_MAX);
	assert(block);
	*names = (char **)block;
	for (size_t i = 0; i < tree->count; i++) {
		if (!is_child(tree->nodes[i]->path, path))
			continue;
		(*names)[count++] = strcpy(block + used, tree->nodes[i]->path + n + 1);
		used += XENPORT_PATH_MAX;
	}
	return count;
}

static int fake_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	struct fake_store *fake = to_fake(xp);

	assert(!fake->in_tx);
	copy_tree(&fake->tx, &fake->tree);
	fake->in_tx = true;
	fake->changed_count = 0;
	*tx = 1;
	return 0;
}

static int fake_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	struct fake_store *fake = to_fake(xp);

	assert(fake->in_tx && tx == 1);
	fake->in_tx = false;
	if (commit && fake->disturbances) {
		fake->disturbances--;
		errno = EAGAIN;
		return -1;
	}
	if (!commit)
		return 0;
	copy_tree(&fake->tree, &fake->tx);
	for (size_t i = 0; i < fake->changed_count; i++)
		announce(fake, fake->changed[i].path);
	return 0;
}

static bool fake_domain_exists(struct xenport *xp, uint16_t domid)
{
	return domid < DOMAINS_MAX && to_fake(xp)->introduced[domid];
}

static void fake_close(struct xenport *xp)
{
	struct fake_store *fake = to_fake(xp);

	cut(&fake->tree, "");
	cut(&fake->tx, "");
	close(fake->fd);
	free(fake);
}

static const struct xenport_ops fake_ops = {
	.close = fake_close,
	.read = fake_read,
	.write = fake_write,
	.mkdir = fake_mkdir,
	.rm = fake_rm,
	.list = fake_list,
	.tx_begin = fake_tx_begin,
	.tx_end = fake_tx_end,
	.watch = fake_watch,
	.unwatch = fake_unwatch,
	.store_fd = fake_store_fd,
	.next_watch = fake_next_watch,
	.domain_exists = fake_domain_exists,
};

/* ---- the tests' side --------------------------------------------------- */

struct fake_store *fake_store_new(void)
{
	struct fake_store *fake = calloc(1, sizeof(*fake));

	assert(fake);
	fake->base.ops = &fake_ops;
	fake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(fake->fd >= 0);
	xenport_write(&fake->base, 0, "/local/domain/0/name", "Domain-0");
	return fake;
}

void fake_introduce(struct fake_store *fake, uint16_t domid, const char *uuid,
		    const char *name)
{
	/* libxl_create.c: a domain reads its own directory, Dom0 owns it. */
	struct xenport_perms perms = { .owner = 0, .reader = domid };
	char path[XENPORT_PATH_MAX], vm[64];

	assert(domid < DOMAINS_MAX);
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	fake_mkdir(&fake->base, 0, path, &perms);
	snprintf(path, sizeof(path), "/local/domain/%u/device", domid);
	fake_mkdir(&fake->base, 0, path, &perms);
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	fake_write(&fake->base, 0, path, vm);
	if (name)
		fake_name(fake, domid, name);
	fake->introduced[domid] = true;
	announce(fake, "@introduceDomain");
}

void fake_name(struct fake_store *fake, uint16_t domid, const char *name)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	fake_write(&fake->base, 0, path, name);
}

void fake_release_keeping_directory(struct fake_store *fake, uint16_t domid)
{
	fake->introduced[domid] = false;
	announce(fake, "@releaseDomain");
}

void fake_release(struct fake_store *fake, uint16_t domid)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	fake_rm(&fake->base, 0, path);
	fake_release_keeping_directory(fake, domid);
}

void fake_on_write(struct fake_store *fake,
		   void (*on_write)(struct xenport *xp, const char *path))
{
	fake->on_write = on_write;
}

void fake_disturb(struct fake_store *fake, unsigned int count)
{
	fake->disturbances = count;
}

const char *fake_value(struct fake_store *fake, const char *path)
{
	struct node *node = find(&fake->tree, path);

	return node ? node->value : NULL;
}

const char *fake_perms(struct fake_store *fake, const char *path)
{
	struct node *node = find(&fake->tree, path);

	return node ? node->perms : NULL;
}

size_t fake_nodes(struct fake_store *fake)
{
	return fake->tree.count;
}

size_t fake_watches(struct fake_store *fake)
{
	return fake->watch_count;
}
