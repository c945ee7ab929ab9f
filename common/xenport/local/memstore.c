// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/memstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the relative paths of domain 0 are relative to. */
#define HOME "/local/domain/0/"

struct change {
	STAILQ_ENTRY(change) entry;
	bool removed;
	char path[XENPORT_PATH_MAX];
};
STAILQ_HEAD(changes, change);

struct transaction {
	LIST_ENTRY(transaction) entry;
	xenport_tx id;
	struct tree *base; /* as it was; if it still is, nobody disturbed us */
	struct tree *tree;
	struct changes changes;
};

struct watch {
	LIST_ENTRY(watch) entry;
	struct memstore_watcher *watcher;
	char path[XENPORT_PATH_MAX]; /* as top_of() has it */
	char token[];
};

struct memstore {
	struct tree *tree;
	LIST_HEAD(, transaction) transactions;
	xenport_tx last_tx;
	LIST_HEAD(, watch) watches;
};

struct memstore *memstore_new(void)
{
	struct memstore *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->tree = tree_new();
	if (!store->tree) {
		free(store);
		errno = ENOMEM;
		return NULL;
	}
	return store;
}

static void transaction_free(struct transaction *t)
{
	struct change *change;

	while ((change = STAILQ_FIRST(&t->changes))) {
		STAILQ_REMOVE_HEAD(&t->changes, entry);
		free(change);
	}
	LIST_REMOVE(t, entry);
	tree_put(t->base);
	tree_put(t->tree);
	free(t);
}

static void watch_free(struct watch *watch)
{
	LIST_REMOVE(watch, entry);
	free(watch);
}

void memstore_free(struct memstore *store)
{
	while (!LIST_EMPTY(&store->transactions))
		transaction_free(LIST_FIRST(&store->transactions));
	while (!LIST_EMPTY(&store->watches))
		watch_free(LIST_FIRST(&store->watches));
	tree_put(store->tree);
	free(store);
}

/* ---- paths ------------------------------------------------------------- */

/* Elements of xenstore's characters, none of them empty; "" is none at all. */
static bool elements_ok(const char *path)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789-_@";

	while (*path) {
		size_t len = strspn(path, set);

		if (!len || (path[len] && (path[len] != '/' || !path[len + 1])))
			return false;
		path += len + (path[len] == '/');
	}
	return true;
}

/* Makes @path absolute. -1 and errno if it is none. */
static int resolve(char abs[XENPORT_PATH_MAX], const char *path)
{
	size_t home = *path == '/' ? 0 : strlen(HOME);

	if (!*path || home + strlen(path) >= XENPORT_PATH_MAX ||
	    !elements_ok(*path == '/' ? path + 1 : path)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(abs, HOME, home);
	strcpy(abs + home, path);
	return 0;
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (path[n] == '/' || !path[n]);
}

/* ---- watches ----------------------------------------------------------- */

static void fire(struct memstore *store, const char *path, bool removed)
{
	struct watch *watch;

	LIST_FOREACH(watch, &store->watches, entry)
	if (is_below(path, watch->path) || (removed && is_below(watch->path, path)))
		watch->watcher->fire(watch->watcher, path, watch->token);
}

/* The top of all absolute paths is "", that of the special ones is not. */
static const char *top_of(const char *path)
{
	return strcmp(path, "/") != 0 ? path : "";
}

void memstore_announce(struct memstore *store, const char *special)
{
	fire(store, special, false);
}

int memstore_watch(struct memstore *store, struct memstore_watcher *watcher,
		   const char *path, const char *token)
{
	struct watch *watch;

	if ((*path != '/' && *path != '@') || strlen(path) >= XENPORT_PATH_MAX ||
	    !elements_ok(path + 1)) {
		errno = EINVAL;
		return -1;
	}
	watch = calloc(1, sizeof(*watch) + strlen(token) + 1);
	if (!watch)
		return -1;
	watch->watcher = watcher;
	strcpy(watch->path, top_of(path));
	strcpy(watch->token, token);
	LIST_INSERT_HEAD(&store->watches, watch, entry);
	watcher->fire(watcher, path, token);
	return 0;
}

int memstore_unwatch(struct memstore *store, struct memstore_watcher *watcher,
		     const char *path, const char *token)
{
	struct watch *watch;

	LIST_FOREACH(watch, &store->watches, entry)
	if (watch->watcher == watcher && !strcmp(watch->path, top_of(path)) &&
	    !strcmp(watch->token, token)) {
		watch_free(watch);
		return 0;
	}
	errno = ENOENT;
	return -1;
}

void memstore_unwatch_all(struct memstore *store, struct memstore_watcher *watcher)
{
	struct watch *watch, *next;

	for (watch = LIST_FIRST(&store->watches); watch; watch = next) {
		next = LIST_NEXT(watch, entry);
		if (watch->watcher == watcher)
			watch_free(watch);
	}
}

/* ---- nodes ------------------------------------------------------------- */

static struct transaction *find_transaction(struct memstore *store, xenport_tx tx)
{
	struct transaction *t;

	LIST_FOREACH(t, &store->transactions, entry)
	if (t->id == tx)
		return t;
	errno = EINVAL;
	return NULL;
}

/* Where the tree that @tx sees is kept. NULL: no such transaction. */
static struct tree **tree_of(struct memstore *store, xenport_tx tx)
{
	struct transaction *t;

	if (tx == XENPORT_NO_TRANSACTION)
		return &store->tree;
	t = find_transaction(store, tx);
	return t ? &t->tree : NULL;
}

/* Make @tree, of which the reference is ours, the one @tx sees. */
static int replace(struct memstore *store, xenport_tx tx, struct tree *tree,
		   const char *path, bool removed)
{
	struct tree **where = tree_of(store, tx);
	struct transaction *t = NULL;
	struct change *change = NULL;

	if (!tree)
		return -1;
	if (tx != XENPORT_NO_TRANSACTION) {
		t = find_transaction(store, tx);
		change = calloc(1, sizeof(*change));
		if (!change) {
			tree_put(tree);
			return -1;
		}
		change->removed = removed;
		strcpy(change->path, path);
		STAILQ_INSERT_TAIL(&t->changes, change, entry);
	}
	tree_put(*where);
	*where = tree;
	if (!t)
		fire(store, path, removed);
	return 0;
}

const struct tree *memstore_find(struct memstore *store, xenport_tx tx, const char *path)
{
	struct tree **tree = tree_of(store, tx);
	char abs[XENPORT_PATH_MAX];
	const struct tree *node;

	if (!tree || resolve(abs, path) < 0)
		return NULL;
	node = tree_find(*tree, abs + 1);
	if (!node)
		errno = ENOENT;
	return node;
}

int memstore_read(struct memstore *store, xenport_tx tx, const char *path, char *buf,
		  size_t size)
{
	const struct tree *node = memstore_find(store, tx, path);

	if (!node)
		return -1;
	if (strlen(node->value) >= size) {
		errno = EMSGSIZE;
		return -1;
	}
	strcpy(buf, node->value);
	return (int)strlen(buf);
}

static int set(struct memstore *store, xenport_tx tx, const char *path, const char *value,
	       const struct xenport_perms *perms)
{
	struct tree **tree = tree_of(store, tx);
	char abs[XENPORT_PATH_MAX];

	if (!tree || resolve(abs, path) < 0)
		return -1;
	return replace(store, tx, tree_set(*tree, abs + 1, value, perms), abs, false);
}

int memstore_write(struct memstore *store, xenport_tx tx, const char *path,
		   const char *value)
{
	if (strlen(value) > XENPORT_VALUE_MAX) {
		errno = EINVAL;
		return -1;
	}
	return set(store, tx, path, value, NULL);
}

int memstore_mkdir(struct memstore *store, xenport_tx tx, const char *path,
		   const struct xenport_perms *perms)
{
	return set(store, tx, path, NULL, perms);
}

int memstore_rm(struct memstore *store, xenport_tx tx, const char *path)
{
	struct tree **tree = tree_of(store, tx);
	char abs[XENPORT_PATH_MAX];

	if (!tree || resolve(abs, path) < 0)
		return -1;
	if (!abs[1]) {
		errno = EINVAL; /* the root stays */
		return -1;
	}
	if (!tree_find(*tree, abs + 1))
		return 0;
	return replace(store, tx, tree_cut(*tree, abs + 1), abs, true);
}

int memstore_list(struct memstore *store, xenport_tx tx, const char *path, char ***names)
{
	const struct tree *node = memstore_find(store, tx, path);
	size_t size = sizeof(char *);
	char *text;

	if (!node)
		return -1;
	for (size_t i = 0; i < node->num; i++)
		size += sizeof(char *) + strlen(node->children[i]->name) + 1;
	*names = malloc(size);
	if (!*names)
		return -1;
	text = (char *)(*names + node->num);
	for (size_t i = 0; i < node->num; i++) {
		(*names)[i] = text;
		text = stpcpy(text, node->children[i]->name) + 1;
	}
	return (int)node->num;
}

/* ---- transactions ------------------------------------------------------ */

int memstore_tx_begin(struct memstore *store, xenport_tx *tx)
{
	struct transaction *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	do
		t->id = ++store->last_tx;
	while (t->id == XENPORT_NO_TRANSACTION || find_transaction(store, t->id));
	t->base = tree_get(store->tree);
	t->tree = tree_get(store->tree);
	STAILQ_INIT(&t->changes);
	LIST_INSERT_HEAD(&store->transactions, t, entry);
	*tx = t->id;
	return 0;
}

int memstore_tx_end(struct memstore *store, xenport_tx tx, bool commit)
{
	struct transaction *t = find_transaction(store, tx);
	struct changes changes = STAILQ_HEAD_INITIALIZER(changes);
	bool disturbed;
	struct change *change;

	if (!t)
		return -1;
	disturbed = t->base != store->tree;
	if (commit && !disturbed && !STAILQ_EMPTY(&t->changes)) {
		tree_put(store->tree);
		store->tree = tree_get(t->tree);
		STAILQ_CONCAT(&changes, &t->changes);
	}
	/* Ended before anybody hears of it: who is told may begin another. */
	transaction_free(t);
	while ((change = STAILQ_FIRST(&changes))) {
		STAILQ_REMOVE_HEAD(&changes, entry);
		fire(store, change->path, change->removed);
		free(change);
	}
	if (!commit || !disturbed)
		return 0;
	errno = EAGAIN;
	return -1;
}
